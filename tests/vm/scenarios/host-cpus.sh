# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Queues on many processors: of each kind as many as were asked for, up to one for each
# processor; each processor leads to one queue of each kind, and its I/O goes there.
# kernels: 6.1 6.12
# tier: full
# timeout: 300
# smp: 8
# daemon: release
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/counters.sh"

CPUS=$(nproc)
most() { echo $(($1 < CPUS ? $1 : CPUS)); }

# connect OPTIONS
connect() {
	i=$(connect_weft "$(connect_string),queue_size=16,$1")
	disk=/dev/nvme${i}n1
	mq=/sys/block/nvme${i}n1/mq
}
cpus_of() { tr -d ' ' < "$mq/$1/cpu_list" | tr , '\n'; }

# maps COUNT...: so many contexts of each kind, and each processor once in each kind
maps() {
	local count first=0 n cpus
	for count; do
		cpus=$(for ((n = first; n < first + count; n++)); do cpus_of $n; done | sort -n)
		[ "$cpus" = "$(seq 0 $((CPUS - 1)))" ] || fail "kind from $first on: $(xargs <<< "$cpus")"
		for ((n = first; n < first + count; n++)); do
			[ -n "$(cpus_of $n)" ] || fail "context $n has no processor"
		done
		first=$((first + count))
	done
	[ "$(ls "$mq" | wc -l)" = $first ] || fail "contexts: $(ls "$mq" | xargs)"
	[ "$(cat "/sys/class/nvme/nvme$i/queue_count")" = $((first + 1)) ] ||
		fail "$(cat "/sys/class/nvme/nvme$i/queue_count") queues"
}

# queue_of CPU FIRST COUNT: among the contexts of a kind
queue_of() {
	local n
	for ((n = $2; n < $2 + $3; n++)); do
		! cpus_of $n | contains -x "$1" || echo $((n + 1))
	done
}
# goes_to QUEUE CPU DD-OPTIONS...: eight blocks
goes_to() {
	local before
	before=$(counter "$i" "$1" commands)
	taskset -c "$2" dd bs=4k count=8 status=none "${@:3}"
	[ "$(counter "$i" "$1" commands)" -ge $((before + 8)) ] || fail "queue $1 was not used by CPU $2"
}

setup_net
load_weft multipath=N
start_target
target_with_disk

step "one queue for each of $CPUS processors, as far as there are so many"
connect nr_io_queues=8
maps "$(most 8)"
for ((c = 0; c < CPUS; c++)); do
	goes_to "$(queue_of $c 0 "$(most 8)")" $c "if=$disk" of=/dev/null iflag=direct
done
for ((q = 1; q <= $(most 8); q++)); do
	show_counters "$i" $q
	[ "$(counter "$i" $q commands)" -ge 8 ] || fail "queue $q was not used"
done
fio --name=all --filename="$disk" --direct=1 --ioengine=libaio --rw=randwrite --bs=4k \
	--iodepth=8 --numjobs="$CPUS" --size=2M --offset_increment=4M --verify=crc32c \
	--do_verify=1 --verify_fatal=1 --group_reporting --minimal > "$VM_OUT/fio-all.txt"
disconnect_weft "$i"

step "three kinds of queues"
connect nr_io_queues=3,nr_write_queues=2,nr_poll_queues=3
wr=$(most 2) rd=$(most 3) poll=$(most 3)
maps "$wr" "$rd" "$poll"
for ((c = 0; c < CPUS; c++)); do
	goes_to "$(queue_of $c 0 "$wr")" $c if=/dev/zero "of=$disk" oflag=direct
	goes_to "$(queue_of $c "$wr" "$rd")" $c "if=$disk" of=/dev/null iflag=direct
done
before=$(counter "$i" $((wr + rd + 1)) commands)
fio --name=polled --filename="$disk" --direct=1 --ioengine=io_uring --hipri --rw=randread \
	--bs=4k --iodepth=4 --size=1M --cpus_allowed=0 --minimal > "$VM_OUT/fio-polled.txt"
[ "$(counter "$i" $((wr + rd + 1)) commands)" -ge $((before + 256)) ] ||
	fail "the polled queue was not used"
disconnect_weft "$i"

step "more than there are processors"
connect nr_io_queues=64,nr_write_queues=64,nr_poll_queues=64
maps "$CPUS" "$CPUS" "$CPUS"
disconnect_weft "$i"

unload_weft
check_clean
stop_target
teardown_net
