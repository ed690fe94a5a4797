# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Ends of controllers: deleted under load and with a mounted file system, modules
# unloaded with controllers, a module held by an open disk, many connects side by side;
# nothing leaks, nothing hangs.
# kernels: 6.1 6.12
# check-kernels: 6.1
# tier: check
# debug: yes
# timeout: 500
. "$WEFT_TOP/tests/vm/lib.sh"

setup_rxe
nvmet_setup "$WEFT_NQN" null 128
load_host_beside_nvmet

# load NAME: fio in the background
load() {
	fio --name="$1" --filename="/dev/nvme${i}n1" --allow_file_create=0 --direct=1 \
		--ioengine=libaio --rw=randrw --bsrange=512-128k --blockalign=512 --iodepth=32 \
		--time_based --runtime=600 --minimal > "$VM_OUT/fio-$1.txt" 2>&1 &
	job=$!
}

step "deleted under load"
for n in 1 2 3; do
	i=$(connect_weft "$(connect_string)")
	load "delete$n"
	sleep 1
	timeout 60 bash -c "echo 1 > /sys/class/$WEFT_CLASS/nvme$i/delete_controller"
	[ ! -e "/sys/class/$WEFT_CLASS/nvme$i" ] || fail "still there"
	refute wait $job
done

step "deleted by two at a time"
i=$(connect_weft "$(connect_string)")
for n in 1 2 3 4; do
	{ echo 1 > "/sys/class/$WEFT_CLASS/nvme$i/delete_controller" || true; } 2> /dev/null &
done
wait
[ ! -e "/sys/class/$WEFT_CLASS/nvme$i" ] || fail "still there"

step "deleted with a file system mounted: what was written is on the target"
i=$(connect_weft "$(connect_string)")
mkfs.ext4 -q -F "/dev/nvme${i}n1"
mkdir -p /mnt/d
mount "/dev/nvme${i}n1" /mnt/d
refute rmmod weft_rdma 2> /dev/null
writeback=/proc/sys/vm/dirty_writeback_centisecs
before=$(< $writeback)
echo 0 > $writeback
dd if=/dev/urandom of=/mnt/d/file bs=1M count=8 status=none
sum=$(sha256sum < /mnt/d/file)
timeout 60 bash -c "echo 1 > /sys/class/$WEFT_CLASS/nvme$i/delete_controller"
echo "$before" > $writeback
umount /mnt/d
i=$(connect_weft "$(connect_string)")
mount "/dev/nvme${i}n1" /mnt/d
[ "$(sha256sum < /mnt/d/file)" = "$sum" ] || fail "the file is damaged"
umount /mnt/d

step "an open disk and an open nvmeX hold the transport"
exec 5< "/dev/nvme${i}n1"
refute rmmod weft_rdma 2> /dev/null
exec 5<&- 6< "/dev/nvme$i"
refute rmmod weft_rdma 2> /dev/null
echo 1 > "/sys/class/$WEFT_CLASS/nvme$i/delete_controller"
exec 6<&-

step "unloaded with controllers"
for n in 1 2 3; do
	i=$(connect_weft "$(connect_string)")
	connect_weft "$(connect_string),duplicate_connect" > /dev/null
	connect_weft "$(connect_string "$RXE_ADDR" nqn.2014-08.org.nvmexpress.discovery)" > /dev/null
	timeout 60 rmmod weft_rdma
	[ -z "$(ls -A "/sys/class/$WEFT_CLASS")" ] || fail "left: $(ls "/sys/class/$WEFT_CLASS")"
	rmmod weft
	[ ! -e /dev/nvme-fabrics ] || fail "the control device is left"
	load_weft
done

step "eight connects side by side, half of them the same"
for n in 1 2 3 4; do
	connect_weft "$(connect_string),duplicate_connect" > /dev/null &
	connect_weft "$(connect_string)" > /dev/null 2>> /run/refused || true &
done
wait
n=$(ls "/sys/class/$WEFT_CLASS" | wc -l)
[ "$n" -ge 4 ] && [ "$n" -le 5 ] || fail "$n controllers: $(cat /run/refused)"
timeout 120 rmmod weft_rdma
insert_module "$WEFT_MODULES/weft-rdma.ko"

step "the same names again and again"
first=0
[ "$WEFT_CLASS" = nvme ] || first=1000
for n in $(seq 30); do
	i=$(connect_weft "$(connect_string)")
	[ "$i" = $first ] || fail "nvme$i in round $n"
	[ -b "/dev/nvme${first}n1" ] || fail "no disk in round $n"
	disconnect_weft "$i"
done

unload_weft
nvmet_teardown
teardown_rxe
check_clean
