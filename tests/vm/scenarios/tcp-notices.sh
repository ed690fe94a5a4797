# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# What only a scripted target does: it activates firmware, during which I/O waits, until
# processing goes on or MTFA is over, or takes another path if there is one; it fails
# commands that may be sent again after a delay of its own (CRD), or for reasons of the path; it
# fails to tell the identifiers of a disk in use; its list of namespaces has no end; and it tells
# by one path that a namespace has grown; and it takes its time to stop for a reset. The data is
# right in the end.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 300
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/tcp_evil.sh"

setup_net
load_weft
evil_start good slow-off retry hour astray lost descs ns-endless fw-done fw-stuck fw-path path \
	grows late

# connect MODE: sets i, ctrl, disk
connect() {
	i=$(connect_weft "$(to "$1"),nr_io_queues=1,reconnect_delay=1")
	ctrl=/sys/class/$WEFT_CLASS/nvme$i
	disk=/dev/nvme${i}n1
}
statistic() { cat "$ctrl/statistics/$1"; }
is() { [ "$(< "$ctrl/state")" = "$1" ]; }
# block N: 64 KiB from 64 KiB * N on
block() { dd if="$disk" bs=64k skip="$1" count=1 iflag=direct status=none; }
same() { block "$1" | cmp -n 65536 -i "$(($1 * 65536)):0" /run/random -; }
lines() { grep -c "^$1\$" "$log" || true; }
lines_are() { [ "$(lines "$1")" = "$2" ]; }

step "data"
dd if=/dev/urandom of=/run/random bs=64k count=16 status=none
connect good
dd if=/run/random of="$disk" bs=64k oflag=direct status=none
disconnect_weft "$i"
refute grep -q 'good acre' "$log"

step "again after a delay, as often as allowed"
connect retry
[ "$(lines 'retry acre 1')" = 1 ] || fail "the host has not said that it obeys delays"
same 8
[ "$(statistic retries)" = 3 ] || fail "$(statistic retries) retries, not 3"
lines_are 'retry attempt 1024 4' 1 || fail "$(grep attempt "$log")"
echo 2 > /sys/module/weft/parameters/max_retries
refute block 12 > /dev/null 2>&1
lines_are 'retry attempt 1536 3' 1 || fail "$(grep attempt "$log")"
lines_are 'retry attempt 1536 4' 0 || fail "more than max_retries"
echo 5 > /sys/module/weft/parameters/max_retries
[ "$(statistic retries)" = 5 ] || fail "$(statistic retries) retries, not 5"
is live || fail "state $(< "$ctrl/state")"
disconnect_weft "$i"

step "a path that the target itself finds faulty, where there is no other: not for ever"
connect astray
refute timeout 60 dd if="$disk" of=/dev/null bs=64k skip=8 count=1 iflag=direct 2> /dev/null
lines_are 'astray attempt 1024' 6 || fail "$(lines 'astray attempt 1024') attempts, not 6"
is live || fail "state $(< "$ctrl/state")"
disconnect_weft "$i"

step "namespaces without end, none of which is there"
connect ns-endless
[ -b "$disk" ] || fail "no $disk"
dmesg | contains 'more than 4096 namespaces: the rest is left out' || fail "nobody was told"
disconnect_weft "$i"

step "a disconnect does not wait for a delay"
connect hour
block 8 > /dev/null 2>&1 &
reader=$!
wait_for grep -q '^hour attempt 1024$' "$log"
disconnect_weft "$i"
refute wait $reader

step "identifiers that cannot be read: the disk stays"
connect descs
exec 3< "$disk"
echo 1 > "$ctrl/rescan_controller"
wait_for lines_are 'descs failed' 1
echo 1 > "$ctrl/rescan_controller"
dd bs=64k count=1 iflag=direct status=none <&3 | cmp -n 65536 /run/random - ||
	fail "the disk that was open is gone"
exec 3<&-
disconnect_weft "$i"

# activation MODE: it begins with a read, and another read waits; sets reader
activation() {
	local n
	n=$(lines "$1 paused")
	block 9 > /dev/null
	wait_for more_pauses "$1" "$n"
	same 2 &
	reader=$!
}
more_pauses() { [ "$(lines "$1 paused")" -gt "$2" ]; }
# order MODE FIRST SECOND: the last line SECOND comes after the last line FIRST
order() {
	[ "$(grep -n "^$1 $2" "$log" | tail -n 1 | cut -d: -f1)" -lt \
	  "$(grep -n "^$1 $3" "$log" | tail -n 1 | cut -d: -f1)" ] ||
		fail "$1: '$2' is not followed by '$3': $(grep "^$1" "$log")"
}

step "firmware is activated, and again"
connect fw-done
grep -Exq '1 *' "$ctrl/firmware_rev"
for n in 1 2; do
	activation fw-done
	# it wants to be alone; I/O that is held cannot end before the activation has
	said=$(nvme admin-passthru "/dev/nvme$i" --opcode=0x80 --namespace-id=1 2>&1) || true
	echo "$said" | grep -q 4001 || fail "Format has not reached the target: $said"
	wait $reader || fail "the read that waited has failed"
	lines_are 'fw-done read 256 paused' 0 || fail "I/O while processing is paused"
	order fw-done processing 'read 256 running'
	wait_for lines_are 'fw-done log' $n
	wait_for grep -Exq '2 *' "$ctrl/firmware_rev"
done
is live || fail "state $(< "$ctrl/state")"
[ "$(lines 'fw-done connect')" = 1 ] || fail "it was connected again"
[ "$(statistic recoveries)" = 0 ] || fail "$(statistic recoveries) recoveries"
disconnect_weft "$i"

step "a path that the target itself finds faulty, and then another one"
connect lost
disk=$(disk_of "$ctrl")
block 8 > /run/read &
reader=$!
tried() { [ "$(lines 'lost attempt 1024')" -gt "$1" ]; }
wait_for tried 1
other=$(connect_weft "$(to path),nr_io_queues=1,reconnect_delay=1")
wait_for test ! -e "/proc/$reader"
wait $reader || fail "the read has failed"
lines_are 'path read 1024 running' 1 || fail "it has not taken the other path"
block 9 > /dev/null
lines_are 'path read 1152 running' 1 || fail "it has not taken the other path"
is live || fail "state $(< "$ctrl/state")"
disconnect_weft "$other"
disconnect_weft "$i"

step "firmware that does not get active within MTFA: reset"
connect fw-stuck
activation fw-stuck
wait $reader || fail "the read that waited has failed"
lines_are 'fw-stuck read 256 paused' 0 || fail "I/O while processing is paused"
order fw-stuck connect 'read 256 running'
[ "$(lines 'fw-stuck connect')" = 2 ] || fail "it was not connected again"
wait_for is live
disconnect_weft "$i"

step "firmware of one path: I/O takes the other one meanwhile"
connect fw-path
other=$(connect_weft "$(to path),nr_io_queues=1,reconnect_delay=1")
activation fw-path
wait $reader || fail "the read has failed that came meanwhile"
lines_are 'path read 256 running' 1 || fail "it has not taken the other path"
wait_for lines_are 'fw-path log' 1
is live || fail "state $(< "$ctrl/state")"
lines_are 'fw-path connect' 1 || fail "it was connected again"
[ "$(statistic recoveries)" = 0 ] || fail "$(statistic recoveries) recoveries"
disconnect_weft "$other"
same 3
lines_are 'fw-path read 384 running' 1 || fail "the path is not used any more"
disconnect_weft "$i"

step "a reset waits until the controller has stopped"
connect slow-off
echo 1 > "$ctrl/reset_controller"
wait_for is live
lines_are 'slow-off stopped' 1 || fail "it was not asked whether it had stopped"
disconnect_weft "$i"

step "a namespace has grown, which one of two paths does not know yet"
patient=nr_io_queues=1,keep_alive_tmo=600
i=$(connect_weft "$(to grows),$patient")
other=$(connect_weft "$(to late),$patient")
ctrl=/sys/class/$WEFT_CLASS/nvme$i
disk=$(disk_of "$ctrl")
echo round-robin > "/sys/class/$WEFT_CLASS-subsystem/nvme-subsys$i/iopolicy"
blocks_are() { [ "$(blockdev --getsz "$disk")" = "$1" ]; }
late_reads() { grep -c '^late read' "$log" || true; }
blocks_are 2048
block 0 > /dev/null
block 1 > /dev/null
before=$(late_reads)
[ "$before" -gt 0 ] || fail "one of the paths is not used"
echo 1 > "$ctrl/rescan_controller"
wait_for blocks_are 4096
for n in {16..23}; do
	block $n > /dev/null || fail "block $n: through the path that does not know it"
done
used_again() {
	block 24 > /dev/null
	[ "$(late_reads)" -gt "$before" ]
}
wait_for used_again
disconnect_weft "$other"
disconnect_weft "$i"

kill $evil
unload_weft
check_clean
teardown_net
