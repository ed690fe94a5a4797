# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# What a target has changed while the connection was away: another volume has got the number
# of a disk for which writes wait, or are in the cache; a volume has another number, or larger
# blocks; the next path gets the controller id of one that is away.
# kernels: 6.1 6.12
# check-kernels: 6.12
# tier: check
# debug: yes
# timeout: 300
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/paths.sh"

sub=$NVMET/subsystems/$WEFT_NQN
quick=reconnect_delay=1,keep_alive_tmo=2

# volume NSID FILE UUID: the number leads there from now on
volume() {
	local ns=$sub/namespaces/$1
	[ -d "$ns" ] || mkdir "$ns"
	echo 0 > "$ns/enable"
	printf '%s' "$2" > "$ns/device_path"
	if [ -b "$2" ]; then
		echo 0 > "$ns/buffered_io"
	else
		echo 1 > "$ns/buffered_io"
	fi
	echo "$3" > "$ns/device_uuid"
	echo 1 > "$ns/enable"
}
has_disk() { [ -b "/dev/$(disk_with "$1")" ]; }
read_some() {
	dd if="/dev/$(disk_with "$1")" of=/dev/null bs=64k count=4 iflag=direct status=none
}

# held_writes: to the first volume, whose connection is away; sets i, job
held_writes() {
	volume 1 /run/first "$(uuid_of 1)"
	i=$(connect_port 1 $quick)
	disk=/dev/$(disk_with "$(uuid_of 1)")
	background held --rw=write --bs=4k --iodepth=16 --size=32M --time_based --runtime=600
	port_down 1
	wait_for ctrl_is "$i" connecting
	kill -0 $job || fail "fio did not wait"
}
# they_fail: once it is back
they_fail() {
	port_up 1
	wait_for ctrl_is "$i" live
	refute wait $job
}

# another_volume [MULTIPATH]: held writes for the first do not reach the second
another_volume() {
	load_host_beside_nvmet ${1:+multipath="$1"}
	truncate -s 0 /run/second
	truncate -s 32M /run/first /run/second
	held_writes
	volume 1 /run/second "$(uuid_of 2)"
	they_fail
	wait_for has_disk "$(uuid_of 2)"
	refute disk_with "$(uuid_of 1)"
	cmp -n $((32 << 20)) /run/second /dev/zero || fail "the other volume was overwritten"
	read_some "$(uuid_of 2)"
	disconnect_weft "$i"
	unload_weft
}

setup_net
nvmet_setup "$WEFT_NQN" null 8

step "another volume under the number"
another_volume

step "another volume under the number, multipath=N"
another_volume N

step "another volume under the number of one that is connected, multipath=N"
load_host_beside_nvmet multipath=N
truncate -s 0 /run/second
truncate -s 32M /run/second
volume 1 /run/first "$(uuid_of 1)"
i=$(connect_port 1 $quick)
disk=/dev/$(disk_with "$(uuid_of 1)")
writeback=/proc/sys/vm/dirty_writeback_centisecs
before=$(< $writeback)
echo 0 > $writeback
# whoever closes it last would write the cache back
exec 3< "$disk"
dd if=/dev/urandom of="$disk" bs=1M count=16 conv=nocreat,notrunc status=none
volume 1 /run/second "$(uuid_of 2)"
wait_for has_disk "$(uuid_of 2)"
exec 3<&-
refute disk_with "$(uuid_of 1)"
echo "$before" > $writeback
cmp -n $((32 << 20)) /run/second /dev/zero || fail "the other volume was overwritten"
read_some "$(uuid_of 2)"
disconnect_weft "$i"
unload_weft

step "nothing under the number, the volume under another one"
load_host_beside_nvmet
held_writes
rmdir "$sub/namespaces/1"
volume 2 /run/first "$(uuid_of 1)"
they_fail
moved() { [ "$(cat "/sys/block/$(disk_with "$(uuid_of 1)")/nsid")" = 2 ]; }
wait_for moved
read_some "$(uuid_of 1)"
rmdir "$sub/namespaces/2"
volume 1 /run/first "$(uuid_of 1)"
disconnect_weft "$i"

step "the volume has come back with larger blocks"
need_modules loop
dd if=/dev/urandom of=/run/first bs=1M seek=24 count=8 conv=notrunc status=none
cp /run/first /run/kept
volume 1 "$(losetup --find --show --sector-size 512 /run/first)" "$(uuid_of 1)"
i=$(connect_port 1 $quick)
disk=/dev/$(disk_with "$(uuid_of 1)")
blocks_are() { [ "$(blockdev --getss "$disk")" = "$1" ]; }
blocks_are 512
background larger --rw=write --bs=4k --iodepth=16 --size=16M --time_based --runtime=600
port_down 1
wait_for ctrl_is "$i" connecting
# neither is in whole blocks when they are larger
dd if=/dev/urandom of="$disk" bs=4k count=1 seek=$((25 << 20 | 512)) oflag=direct,seek_bytes \
	status=none 2> /dev/null &
written=$!
blkdiscard --zeroout --offset $((26 << 20 | 512)) --length 512 "$disk" 2> /dev/null &
zeroed=$!
waits() { [ "$(awk '{ print $3 }' "/proc/$1/stat")" = D ]; }
wait_for waits $written
wait_for waits $zeroed
volume 1 "$(losetup --find --show --sector-size 4096 /run/first)" "$(uuid_of 1)"
port_up 1
wait_for ctrl_is "$i" live
wait_for blocks_are 4096
before=$(writes)
wait_for more_writes_than "$before"
kill -0 $job || fail "what waited has failed: $(cat "$VM_OUT/fio-larger.txt")"
kill $job
wait $job || true
refute wait $written
refute wait $zeroed
cmp -n $((8 << 20)) -i $((24 << 20)) /run/first /run/kept || fail "it was written elsewhere"
disconnect_weft "$i"
volume 1 /run/first "$(uuid_of 1)"
losetup --detach-all

step "the next path gets the controller id of the one that is away"
# has_id_1 PORT: connected through it, as the target's first controller; sets i. The target
# takes its time to give up an earlier one
has_id_1() {
	i=$(connect_port "$1" $quick) || return 1
	[ "$(cat "$(ctrl_dir "$i")/cntlid")" != 1 ] || return 0
	disconnect_weft "$i"
	return 1
}
wait_for has_id_1 1
a=$i
port_down 1
wait_for ctrl_is "$a" connecting
port_up 2
wait_for has_id_1 2
b=$i
read_some "$(uuid_of 1)"
port_up 1
wait_for ctrl_is "$a" live
disconnect_weft "$a"
disconnect_weft "$b"

unload_weft
port_remove 2
nvmet_teardown
teardown_net
check_clean
