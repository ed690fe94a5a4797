# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# A target that comes back and takes smaller transfers than before: large writes that have
# waited for it are split anew, and none fails; but those for a disk that is gone by then do.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 300
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/paths.sh"

largest() { cat "/sys/block/${disk#/dev/}/queue/max_hw_sectors_kb"; }
is_largest() { [ "$(largest)" = "$1" ]; }
transport() { rpc nvmf_create_transport "{\"trtype\":\"TCP\",\"max_io_size\":$(($1 << 10))}"; }

listen='"trtype":"TCP","adrfam":"IPv4","trsvcid":"4420","traddr":"'$RXE_ADDR'"'
listen="{\"nqn\":\"$WEFT_NQN\",\"listen_address\":{$listen}}"
goes_away() {
	rpc nvmf_subsystem_remove_listener "$listen"
	wait_for ctrl_is "$i" connecting
	rpc nvmf_delete_transport '{"trtype":"TCP"}'
}
# comes_back_with KiB
comes_back_with() {
	transport "$1"
	rpc nvmf_subsystem_add_listener "$listen"
	wait_for ctrl_is "$i" live
	wait_for is_largest "$1"
}

# connect: with large transfers; sets i and disk
connect() {
	i=$(connect_weft "$(connect_string),reconnect_delay=1")
	disk=$(disk_of "$(ctrl_dir "$i")")
	[ "$(largest)" = 1024 ] || fail "it takes $(largest) KiB"
	echo 1024 | tee /sys/block/nvme*n*/queue/max_sectors_kb > /dev/null
}

# smaller_transfers ENGINE [MULTIPATH]
smaller_transfers() {
	load_weft ${2:+multipath="$2"}
	connect
	# shellcheck disable=SC2086 # words
	background narrow $VERIFY --ioengine="$1" --bs=1M --iodepth=8 --size=60M --rate_iops=2
	for kib in 128 16; do
		goes_away
		comes_back_with $kib
	done
	kill -0 $job || fail "fio did not wait"
	wait $job || fail "fio: $(tail -n 3 "$VM_OUT/fio-narrow.txt")"
	goes_away
	comes_back_with 1024
	disconnect_weft "$i"
	unload_weft
}

setup_net
start_target
transport 1024
target_with_disk

step "smaller transfers"
smaller_transfers libaio
# which submits without waiting at first
step "smaller transfers, multipath=N"
smaller_transfers io_uring N

step "smaller transfers, and a disk for which large writes wait is gone"
rpc bdev_malloc_create '{"name":"second","num_blocks":65536,"block_size":512}'
rpc nvmf_subsystem_add_ns "{\"nqn\":\"$WEFT_NQN\",\"namespace\":{\"nsid\":2,\"bdev_name\":\"second\"}}"
load_weft multipath=N
connect
second=nvme${i}n2
mkfs.ext4 -q -O ^has_journal "/dev/$second"
mount "/dev/$second" /mnt
dd if=/dev/zero of=/mnt/file bs=1M count=16 conv=fsync status=none
goes_away
# over blocks that it has already: nothing has to be read for it
dd if=/dev/zero of=/mnt/file bs=1M count=16 conv=notrunc,fsync status=none 2> /dev/null &
writer=$!
waits() { [ "$(awk '/^Writeback:/ { print $2 }' /proc/meminfo)" -gt 2048 ]; }
wait_for waits
rpc nvmf_subsystem_remove_ns "{\"nqn\":\"$WEFT_NQN\",\"nsid\":2}"
comes_back_with 16
wait_for test ! -e "/sys/block/$second"
refute wait $writer
umount /mnt
dd if=/dev/urandom of="$disk" bs=1M count=4 oflag=direct status=none
disconnect_weft "$i"
unload_weft

stop_target
teardown_net
check_clean
