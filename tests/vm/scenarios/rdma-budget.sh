# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Counted cost of 4 KiB I/O at queue depth 32, submitted in batches, against a target
# that invalidates remotely: work requests, completions, doorbells, receive posts and
# DMA mappings per command; with bounce buffers and without. Commands come by whole plugs.
# kernels: 6.1 6.12
# check-kernels: 6.1
# tier: check
# timeout: 300
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/counters.sh"

NAMES="commands plugged send_wrs doorbells signalled completions recv_posts recvs dma_maps bounced
	ended_in_batches"

run() {
	snapshot a
	taskset 1 fio --name="$1" --filename="/dev/nvme${i}n1" --direct=1 --ioengine=libaio --rw="$1" \
		--bs=4k --iodepth=32 --iodepth_batch_submit=16 \
		--iodepth_batch_complete_min=16 --size=32M --io_size=32M --minimal \
		> "$VM_OUT/fio-$1.txt"
	snapshot b
	show_counters "$i" 1
	# a plug of 16 is one call and one doorbell
	floor plugged 900
	budget doorbells 80
	budget recv_posts 150
}

connect_one_queue() {
	i=$(connect_weft "$(connect_string),nr_io_queues=1,queue_size=64")
	# the path's queue is where requests are merged
	for d in "/sys/block/nvme${i}"*n1/queue/nomerges; do
		echo 2 > "$d"
	done
}

setup_rxe
nvmet_setup "$WEFT_NQN" null 64
load_host_beside_nvmet
connect_one_queue

step "bounced reads: a SEND, hardly any signalled; nothing is mapped or registered"
run randread
budget send_wrs 1010
budget completions 1100
budget dma_maps 0
budget signalled 100
floor bounced 1000
# those only whose responses came in on the submitter's processor: where soft-RoCE's
# receiver runs is the scheduler's choice
floor ended_in_batches 100

step "bounced writes: likewise, with the data in the capsule"
run randwrite
budget send_wrs 1010
budget completions 1100
budget dma_maps 0
budget signalled 100
floor bounced 1000
disconnect_weft "$i"

echo 0 > /sys/module/weft_rdma/parameters/bounce_bytes
connect_one_queue
step "reads without bounce buffers: REG_MR and SEND, mapped once"
run randread
budget send_wrs 2010
budget completions 1100
budget dma_maps 1000
budget bounced 0

step "writes without: one WR, signalled because it gathers user pages"
run randwrite
budget send_wrs 1010
budget completions 2010
budget dma_maps 1000
# or a packet sent again could have what is in a page after its owner took it back
floor signalled 990
disconnect_weft "$i"

unload_weft
check_clean
nvmet_teardown
teardown_rxe
