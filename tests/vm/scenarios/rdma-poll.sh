# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Polled queues: io_uring with hipri, two tasks at one queue, verified; and ordinary I/O
# beside them. The polled queue is used, nothing but its users looks for its completions,
# and a disconnect drains it.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 420
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/counters.sh"

# what tells a queue that there is something to do
# allowed: of the polled queue; before 6.2 the work sends over TCP, which is a call for each
allowed=0
case $TRANSPORT-$VM_KERNEL in
rdma-*) calls=events ;;
tcp-6.12) calls=wakeups ;;
tcp-*) calls=wakeups allowed=1024 ;;
esac

setup_net
nvmet_setup "$WEFT_NQN" null 64
load_host_beside_nvmet
i=$(connect_weft "$(connect_string),nr_io_queues=1,nr_poll_queues=1,queue_size=32")
show_counters "$i" 2
before=$(counter "$i" 2 commands)

step "two polling tasks, verified"
fio --name=polled --filename="/dev/nvme${i}n1" --direct=1 --ioengine=io_uring --hipri \
	--rw=randwrite --bsrange=512-64k --blockalign=512 --iodepth=8 --numjobs=2 --size=6M \
	--offset_increment=10M --verify=crc32c --do_verify=1 --verify_fatal=1 \
	--group_reporting --minimal > "$VM_OUT/fio-polled.txt"
show_counters "$i" 2
[ "$(counter "$i" 2 commands)" -gt $((before + 100)) ] || fail "the polled queue was not used"

# reads ENGINE [OPTIONS]: 1,024 of them
reads() {
	fio --name=reads --filename="/dev/nvme${i}n1" --direct=1 --ioengine="$1" --rw=randread \
		--bs=4k --iodepth=8 --size=4M --minimal "${@:2}" > "$VM_OUT/fio-reads.txt"
}

step "nothing but polling looks for completions of the polled queue"
before=$(counter "$i" 2 commands)
calls_before=$(counter "$i" 2 $calls)
[ "$TRANSPORT" = tcp ] || batched=$(counter "$i" 2 ended_in_batches)
reads io_uring --hipri
show_counters "$i" 2
[ "$(counter "$i" 2 commands)" = $((before + 1024)) ] || fail "the polled queue was not used"
[ "$(counter "$i" 2 $calls)" -le $((calls_before + allowed)) ] || fail "$calls of the polled queue"
[ "$TRANSPORT" = tcp ] || [ "$(counter "$i" 2 ended_in_batches)" -ge $((batched + 1000)) ] ||
	fail "polled commands do not end in batches"

step "the other queue is told of them"
calls_before=$(counter "$i" 1 $calls)
reads libaio
show_counters "$i" 1
[ "$(counter "$i" 1 $calls)" -gt "$calls_before" ] || fail "no $calls"

step "interrupts beside polling"
fio --filename="/dev/nvme${i}n1" --direct=1 --size=4M --bs=4k --verify=crc32c --do_verify=1 \
	--verify_fatal=1 --minimal --rw=randwrite \
	--name=poll --ioengine=io_uring --hipri --iodepth=4 \
	--name=irq --ioengine=libaio --iodepth=16 --offset=16M > "$VM_OUT/fio-both.txt"

disconnect_weft "$i"
unload_weft
check_clean
nvmet_teardown
teardown_net
