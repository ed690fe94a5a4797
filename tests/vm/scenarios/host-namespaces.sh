# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Namespaces of a live controller: they come, grow, change their identity and go while
# others are under verified writes; identifiers that stand twice are refused; block sizes;
# a thousand of them on one controller.
# kernels: 6.1 6.12
# check-kernels: 6.1
# tier: full
# debug: yes
# timeout: 600
# mem: 2G
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/paths.sh"

: "${NAMESPACES:=1000}"
[ "$VM_KERNEL" != debug ] || NAMESPACES=100

setup_net
truncate -s 64M /run/first
nvmet_setup "$WEFT_NQN" null 16
load_host_beside_nvmet
sub=$NVMET/subsystems/$WEFT_NQN
# a file that can grow
echo 0 > "$sub/namespaces/1/enable"
echo -n /run/first > "$sub/namespaces/1/device_path"
echo 1 > "$sub/namespaces/1/buffered_io"
echo 1 > "$sub/namespaces/1/enable"

# ns_make SUBSYSTEM NSID UUID [FILE]: made, not yet shown
ns_make() {
	local ns=$NVMET/subsystems/$1/namespaces/$2
	mkdir "$ns"
	printf '%s' "${4:-/run/shared}" > "$ns/device_path"
	echo 1 > "$ns/buffered_io"
	echo "$3" > "$ns/device_uuid"
}
ns_show() { echo 1 > "$NVMET/subsystems/$1/namespaces/$2/enable"; }
ns_drop() { rmdir "$NVMET/subsystems/$1/namespaces/$2"; }
blk() { echo "/sys/block/nvme${i}n$1"; }
attr_is() { [ "$(cat "$1")" = "$2" ]; }
size_is() { [ "$(cat "$(blk "$1")/size")" = $(($2 << 11)) ]; }
said() { dmesg | grep -Eq "$1"; }

truncate -s 8M /run/shared
i=$(connect_port 1)
disk=/dev/nvme${i}n1
[ -b "$disk" ] || fail "no $disk"

step "others come and go under load"
background load $VERIFY --bs=4k --iodepth=16 --size=16M
for n in 2 3 4 5 6; do
	ns_make "$WEFT_NQN" $n "$(uuid_of $n)"
	ns_show "$WEFT_NQN" $n
done
for n in 2 3 4 5 6; do
	wait_for test -b "/dev/nvme${i}n$n"
	attr_is "$(blk $n)/nsid" $n || fail "nvme${i}n$n is $(cat "$(blk $n)/nsid")"
	attr_is "$(blk $n)/uuid" "$(uuid_of $n)" || fail "another uuid"
	attr_is "$(blk $n)/wwid" "uuid.$(uuid_of $n)" || fail "another wwid"
	attr_is "$(blk $n)/csi" 0 || fail "csi"
	attr_is "$(blk $n)/metadata_bytes" 0 || fail "metadata_bytes"
done
ns_drop "$WEFT_NQN" 3
ns_drop "$WEFT_NQN" 5
wait_for test ! -e "$(blk 3)"
wait_for test ! -e "$(blk 5)"
[ -e "$(blk 4)" ] || fail "the wrong one went"
wait $job || fail "fio noticed"

step "grows and shrinks under load"
background grows $VERIFY --bs=4k --iodepth=16 --size=16M
truncate -s 96M /run/first
echo 1 > "$sub/namespaces/1/revalidate_size"
wait_for size_is 1 96
truncate -s 64M /run/first
echo 1 > "$sub/namespaces/1/revalidate_size"
wait_for size_is 1 64
wait $job || fail "fio noticed"

step "goes under load, and comes back"
background goes --rw=randwrite --bs=4k --iodepth=16 --size=16M --time_based --runtime=600
sleep 1
echo 0 > "$sub/namespaces/1/enable"
wait_for test ! -e "$disk"
refute wait $job
ns_show "$WEFT_NQN" 1
wait_for test -b "$disk"
dd if="$disk" of=/dev/null bs=64k count=4 iflag=direct status=none

step "another identity under the same number is another disk"
ns_drop "$WEFT_NQN" 6
ns_make "$WEFT_NQN" 6 "$(uuid_of 66)"
ns_show "$WEFT_NQN" 6
is_other() {
	grep -lx "$(uuid_of 66)" /sys/block/nvme*/uuid
}
wait_for is_other
refute grep -lx "$(uuid_of 6)" /sys/block/nvme*/uuid

step "identifiers that stand twice"
ns_make "$WEFT_NQN" 7 "$(uuid_of 2)"
ns_show "$WEFT_NQN" 7
wait_for said 'namespace 7: its UUID is that of namespace 2 of the same subsystem'
[ "$(grep -lx "$(uuid_of 2)" /sys/block/nvme${i}n*/uuid | wc -l)" = 1 ] || fail "two disks"
other=nqn.2026-11.io.weft:other
mkdir "$NVMET/subsystems/$other"
echo 1 > "$NVMET/subsystems/$other/attr_allow_any_host"
ns_make $other 9 "$(uuid_of 4)"
ns_show $other 9
ns_make $other 10 "$(uuid_of 10)"
ns_show $other 10
ln -s "$NVMET/subsystems/$other" "$NVMET/ports/1/subsystems/$other"
two=$(WEFT_NQN=$other connect_port 1)
said "nvme$two: namespace 9: its UUID is that of namespace 4 of another subsystem" ||
	fail "nothing was said of the twin"
[ "$(cat /sys/block/nvme${two}n1/nsid)" = 10 ] || fail "namespace 10 is not there"
[ ! -e "/sys/block/nvme${two}n2" ] || fail "the twin became a disk"

step "identifiers that have become free: those who were refused for them get a disk"
ns_drop "$WEFT_NQN" 2
is_7() { [ "$(cat "/sys/block/$(disk_with "$(uuid_of 2)")/nsid")" = 7 ]; }
wait_for is_7
ns_drop "$WEFT_NQN" 4
wait_for test -b "/dev/nvme${two}n2"
[ "$(cat "/sys/block/nvme${two}n2/nsid")" = 9 ] || fail "another one than namespace 9"
disconnect_weft "$two"
rm "$NVMET/ports/1/subsystems/$other"
ns_drop $other 9
ns_drop $other 10
rmdir "$NVMET/subsystems/$other"
ns_drop "$WEFT_NQN" 7

step "blocks of 4 KiB"
big=${NULLB%/*}/big
mkdir "$big"
echo 32 > "$big/size"
echo 1 > "$big/memory_backed"
echo 4096 > "$big/blocksize"
echo 1 > "$big/power"
null=/dev/big
[ -b "$null" ] || null=/dev/nullb$(< "$big/index")
wait_for test -b "$null"
ns_make "$WEFT_NQN" 8 "$(uuid_of 8)" "$null"
echo 0 > "$sub/namespaces/8/buffered_io"
ns_show "$WEFT_NQN" 8
has_8() { grep -lx 8 /sys/block/nvme${i}n*/nsid; }
wait_for has_8
d=$(basename "$(dirname "$(grep -lx 8 /sys/block/nvme${i}n*/nsid)")")
wait_for test -b "/dev/$d"
attr_is "/sys/block/$d/queue/logical_block_size" 4096 || fail "blocks of another size"
refute dd if="/dev/$d" of=/dev/null bs=512 count=1 iflag=direct 2> /dev/null
fio --name=big --filename="/dev/$d" --allow_file_create=0 --direct=1 --bs=4k --size=4M \
	$VERIFY --minimal > /dev/null
blkdiscard "/dev/$d"
blkdiscard -z -o 1m -l 1m "/dev/$d"
echo 0 > "$sub/namespaces/8/enable"
wait_for test ! -e "/sys/block/$d"
ns_drop "$WEFT_NQN" 8
rmdir "$big"
disconnect_weft "$i"

step "$NAMESPACES namespaces on one controller"
# as ns_make and ns_show, without a process for every step
python3 - "$sub/namespaces" "$NAMESPACES" <<-'PY'
	import os, sys
	def put(path, value):
	    with open(path, "w") as f:
	        f.write(value)
	for n in range(10, int(sys.argv[2]) + 10):
	    ns = f"{sys.argv[1]}/{n}/"
	    os.mkdir(ns)
	    put(ns + "device_path", "/run/shared")
	    put(ns + "buffered_io", "1")
	    put(ns + "device_uuid", f"00000000-0000-4000-8000-{n + 1000:012x}")
	    put(ns + "enable", "1")
PY
count() { find /sys/block -maxdepth 1 -name "nvme${i}n*" | wc -l; }
before=$(guest_used_kib)
from=$(date +%s.%N)
i=$(connect_port 1 nr_io_queues=1,queue_size=16)
to=$(date +%s.%N)
all=$((NAMESPACES + 2))
[ "$(count)" = $all ] || fail "$(count) disks of $all"
udevadm settle -t 300 || true
after=$(guest_used_kib)
echo "connected $from to $to; memory: $(((after - before) / all)) KiB a namespace"
for n in 10 500 $((NAMESPACES + 9)); do
	[ "$n" -lt $((NAMESPACES + 10)) ] || continue
	d=$(dirname "$(grep -lx "$n" /sys/block/nvme${i}n*/nsid)")
	dd if="/dev/$(basename "$d")" of=/dev/null bs=64k count=1 iflag=direct status=none
done
for ((n = 10; n < 60; n++)); do
	ns_drop "$WEFT_NQN" $n
done
fifty_less() { [ "$(count)" = $((all - 50)) ]; }
wait_for -t 200 fifty_less
echo "== deletion"
from=$(date +%s.%N)
disconnect_weft "$i"
echo "deleted $from to $(date +%s.%N)"
[ "$(count)" = 0 ] || fail "$(count) disks are left"

unload_weft
find "$sub/namespaces" -mindepth 1 -maxdepth 1 -not -name 1 -exec rmdir {} +
nvmet_teardown
teardown_net
check_clean
