# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Counted cost of 4 KiB I/O over TCP at queue depth 32, submitted in batches: calls of the
# socket, passes over its receive queue and wakeups per command; no data is copied.
# kernels: 6.1 6.12
# tier: full
# timeout: 300
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/counters.sh"

NAMES="commands sends batches tx_pdus tx_copied_bytes recv_passes wakeups incapsule_writes"

run() {
	snapshot a
	taskset 1 fio --name="$1" --filename="/dev/nvme${i}n1" --direct=1 --ioengine=libaio \
		--rw="$1" --bs=4k --iodepth=32 --iodepth_batch_submit=16 \
		--iodepth_batch_complete_min=16 --size=32M --io_size=32M --minimal \
		> "$VM_OUT/fio-$1.txt"
	snapshot b
	show_counters "$i" 1
	# a plug of 16 is one call: 62; a socket without room splits some
	budget sends 100
	budget tx_pdus 1000
	budget tx_copied_bytes 0
	# responses come in batches, too: 64 to 81 and 123 to 141 were counted
	budget wakeups 200
	budget recv_passes 300
}

setup_net
nvmet_setup "$WEFT_NQN" null 64
load_host_beside_nvmet
i=$(connect_weft "$(connect_string),nr_io_queues=1,queue_size=64")
echo 2 > "/sys/block/nvme${i}n1/queue/nomerges"

step "reads: sixteen capsules in a call"
run randread
step "in-capsule writes: capsules and their data in a call"
run randwrite
floor incapsule_writes 1000

disconnect_weft "$i"
unload_weft
check_clean
nvmet_teardown
teardown_net
