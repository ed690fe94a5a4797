# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# A queue pair fails, and its completion queue is not looked at while every tag posts what it
# can, by plugs, and the queue is drained: it takes each work request's completion, of the
# smallest queue and of the largest. What was read is right afterwards.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 420
# mem: 2G
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/counters.sh"

FAULT=/sys/module/rdma_fault/parameters

fault() { cat "$FAULT/$1"; }
fault_is() { [ "$(fault "$1")" = "$2" ]; }

# data NAME OPTIONS: longer than what is bounced, so that each read has a region registered
data() {
	fio --name="$1" --filename="$disk" --allow_file_create=0 --direct=1 --ioengine=libaio \
		--bs=8k --size=32M --verify=pattern --verify_pattern=%o --verify_fatal=1 \
		--verify_state_save=0 --minimal "${@:2}" > "$VM_OUT/fio-$1.txt" 2>&1 ||
		fail "fio: $(tail -n 3 "$VM_OUT/fio-$1.txt")"
}

# reads NAME: twice as many as there are tags, all at once
reads() {
	data "$1" --rw=randread --number_ios=$((2 * tags)) --iodepth="$tags" \
		--iodepth_batch_submit="$tags"
}

# overflow SIZE: of the queue
overflow() {
	local plugged load reset
	i=$(connect_weft "$(connect_string),nr_io_queues=1,queue_size=$1")
	ctrl=/sys/class/$WEFT_CLASS/nvme$i
	disk=/dev/nvme${i}n1
	tags=$(cat "/sys/block/nvme${i}n1/queue/nr_requests")
	[ "$tags" -ge $(($1 - 2)) ] || fail "$tags requests of $1"
	data "write$1" --rw=write --do_verify=0 --iodepth=16
	plugged=$(counter "$i" 1 plugged)
	reads "before$1"
	[ "$(counter "$i" 1 plugged)" -gt "$plugged" ] || fail "no plug came as a whole"

	step "a queue of $1: $tags reads on a queue pair that has failed"
	echo Y > "$FAULT/fail_qp"
	reads "flushed$1" &
	load=$!
	# REG_MR and SEND of each
	wait_for fault_is fail_sends $((2 * tags))
	echo 1 > "$ctrl/reset_controller" &
	reset=$!
	# the first half of the drain, for which it waits
	wait_for fault_is fail_sends $((2 * tags + 1))
	[ "$(fault fail_polled)" = 0 ] || fail "somebody has seen completions"
	[ "$(fault fail_events)" = 0 ] || fail "the completion queue has overflowed"
	echo N > "$FAULT/fail_qp"
	wait $reset || fail "no reset: $(cat "$ctrl/last_error")"
	wait $load || fail "I/O failed"
	for n in sends recvs polled cqe events; do
		eval "$n=\$(fault fail_$n)"
	done
	# shellcheck disable=SC2154 # set by eval
	echo "$sends sends, $recvs receives, $polled completions of $cqe"
	[ "$sends" = $((2 * tags + 1)) ] || fail "more was posted"
	[ "$recvs" -gt "$tags" ] || fail "there was a receive for each tag"
	[ "$polled" = $((sends + recvs)) ] || fail "completions are missing"
	[ "$polled" -le "$cqe" ] || fail "that is more than the completion queue promises"
	[ "$events" = 0 ] || fail "the completion queue has overflowed"
	[ "$(cat "$ctrl/state")" = live ] || fail "the controller is $(cat "$ctrl/state")"
	reads "after$1"
	disconnect_weft "$i"
}

setup_rxe
start_target
rpc nvmf_create_transport '{"trtype":"RDMA","max_queue_depth":1024}'
target_with_disk
load_weft multipath=N
insert_module "$WEFT_MODULES/kmod/rdma_fault.ko" device="$RXE_DEV"
overflow 16
overflow 1024

rmmod rdma_fault
unload_weft
check_clean
stop_target
teardown_rxe
