# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Rate limits and the in-tree host: of a bdev, of a host in all subsystems together, of a
# namespace and all its hosts. What is too much waits, and is counted for the reason that it
# waits for; others do not; nothing fails, nothing is lost; without the limit nobody waits.
# kernels: 6.1 6.12
# tier: full
# timeout: 600
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/intree.sh"
. "$WEFT_TOP/tests/vm/counted.sh"

DEPTH=16
# so slow that a queue is still full of those that wait when it is looked at
SLOW='"rw_ios_per_sec":2'
NONE='"rw_ios_per_sec":0,"rw_mbytes_per_sec":0,"r_mbytes_per_sec":0,"w_mbytes_per_sec":0'

configure() {
	rpc nvmf_create_transport "{\"trtype\":\"${TRANSPORT^^}\"}"
	malloc_disk d2
	two_subsystems d2
}

# limit bdev|host|namespace LIMITS
limit() {
	case $1 in
	bdev) rpc bdev_set_qos_limit "{\"name\":\"d1\",$2}" ;;
	host) rpc nvmf_set_host_limits "{\"host\":\"$HOST_A\",$2}" ;;
	namespace) on "$WEFT_NQN" nvmf_subsystem_set_ns_limits "\"nsid\":1,$2" ;;
	esac > /dev/null
}

waits() { sum_of reactor "wait_${1}_limit"; }
waits_are() { [ "$(waits "$1")" -ge "$2" ]; }

# snapshot, and what has grown since then: nobody has waited, but for REASON
begin() { counted /run/before; }
since() {
	counted /run/after
	between /run/before /run/after > /run/grown
}
nobody_waited_but() {
	since
	grep wait_ /run/grown | grep -v "wait_${1}_limit" && fail "$1: waits for other reasons"
	return 0
}
grown() { sum_of "$1" "$2" /run/grown; }

# load NAME DISK COUNT [FIO OPTION…]: reads, in the background; sets job
load() {
	local name=$1 disk=$2 count=$3
	shift 3
	fio --name="$name" --filename="/dev/$disk" --allow_file_create=0 --direct=1 \
		--ioengine=libaio --iodepth=$DEPTH --rw=randread --bs=4k --size=$((count * 4096)) \
		--minimal "$@" > "$VM_OUT/fio-$name.txt" 2>&1 &
	job=$!
}
read_now() {
	load "$@"
	wait $job || fail "reads of $2 failed: $(tail -n 3 "$VM_OUT/fio-$1.txt")"
}

# held REASON DISK…: the full queues of these disks wait, but for the few commands that may
# go at once; what is not limited does not; afterwards all have ended, each counted once
held() {
	local reason=$1 d n before jobs=()
	shift
	step "$reason: $* wait"
	begin
	before=$(waits "$reason")
	limit "$reason" "$SLOW"
	for d in "$@"; do
		load "held-$d" "$d" 64
		jobs+=("$job")
	done
	n=$(($# * (DEPTH - 3)))
	wait_for waits_are "$reason" $((before + n))
	since
	[ "$(grown reactor read_ops)" -lt $(($# * 64 - n)) ] || fail "$reason: hardly any is held"
	# the others meanwhile
	for d in $FREE; do
		read_now "free-$d" "$d" 40
	done
	for n in "${jobs[@]}"; do
		kill -0 "$n" || fail "$reason: what is limited was no slower than what is not"
	done
	nobody_waited_but "$reason"
	limit "$reason" "$NONE"
	for n in "${jobs[@]}"; do
		wait "$n" || fail "$reason: reads failed: $(tail -n 3 "$VM_OUT"/fio-held-*)"
	done
	nobody_waited_but "$reason"
	n=$(set -- $FREE; echo $#)
	[ "$(grown reactor read_ops)" = $(($# * 64 + n * 40)) ] ||
		fail "$reason: $(grown reactor read_ops) reads instead of $(($# * 64 + n * 40))"
	[ "$(grown reactor errors)" = 0 ] || fail "$reason: errors"
	n=$(grown reactor "wait_${reason}_limit")
	echo "$n of $(($# * 64)) waited"
	[ "$n" -le $(($# * 64)) ] || fail "$reason: $n waits of $(($# * 64)) commands"
	begin
	for d in "$@"; do
		read_now "after-$d" "$d" 64
	done
	nobody_waited_but none
}

# bytes REASON DISK: a limit of what is written lets reads pass, and one of what is read, writes
bytes() {
	step "$1: bytes"
	begin
	limit "$1" '"w_mbytes_per_sec":1'
	read_now bytes "$2" 64 --bs=16k --size=1M
	nobody_waited_but none
	load written "$2" 32 --rw=randwrite --bs=64k --size=2M --verify=crc32c --verify_fatal=1 \
		--do_verify=1 --verify_state_save=0
	wait $job || fail "$1: writes failed: $(tail -n 3 "$VM_OUT/fio-written.txt")"
	nobody_waited_but "$1"
	# 32 writes; a second's share lets some of them go at once
	[ "$(grown reactor write_ops)" = 32 ] || fail "$1: $(grown reactor write_ops) writes"
	n=$(grown reactor "wait_${1}_limit")
	[ "$n" -ge 8 ] && [ "$n" -le 32 ] || fail "$1: $n of 32 writes waited"
	limit "$1" "$NONE"
	limit "$1" '"r_mbytes_per_sec":1'
	begin
	load bytes "$2" 64 --rw=randwrite --bs=16k --size=1M
	wait $job
	nobody_waited_but none
	limit "$1" "$NONE"
}

step "two hosts, three namespaces"
setup_net
load_intree multipath=N
start_target -m 0,1
configure > /dev/null
two_hosts -i 1

FREE="$A2 $O1 $B2"
held bdev "$A1" "$B1"
held namespace "$A1" "$B1"
FREE="$B1 $B2"
held host "$A1" "$O1"
bytes bdev "$A1"
bytes namespace "$A1"
bytes host "$A1"

step "a limit that is there before its host comes, and goes with neither it nor its connection"
limit host "$SLOW"
disconnect_intree "$A"
disconnect_intree "$O"
before=$(waits host)
O=$(connect_as $HOST_A $ID_A 4420 $OTHER -i 1)
find_disk O1 "$O" 1
load again "$O1" 64
wait_for waits_are host $((before + DEPTH - 3))
limit host "$NONE"
wait $job || fail "reads failed"

nvme disconnect-all
unload_intree
stop_target
teardown_net
