# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Counted cost of 4 KiB I/O at queue depth 32, submitted in batches, against a target
# that invalidates remotely: completions, doorbells and receive posts per command.
# kernels: 6.1
# tier: check
# timeout: 300
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/rdma.sh"

setup_rxe
nvmet_setup "$WEFT_NQN" null 64
load_host_beside_nvmet
i=$(connect_weft "$(connect_string),nr_io_queues=1,queue_size=64")

snapshot() {
	local n
	for n in commands send_wrs doorbells signalled completions recv_posts recvs; do
		eval "$1_$n=$(counter "$i" 1 "$n")"
	done
}

# budget NAME LIMIT: NAME per 1000 commands between the snapshots a and b
budget() {
	local n=$(($(eval "echo \$((b_$1 - a_$1))"))) c=$((b_commands - a_commands))
	echo "$1 per command: $(ratio "$n" "$c")/1000 (limit $2)"
	[ "$(ratio "$n" "$c")" -le "$2" ] || fail "$1: $n for $c commands"
}

run() {
	snapshot a
	fio --name="$1" --filename="/dev/nvme${i}n1" --direct=1 --ioengine=libaio --rw="$1" \
		--bs=4k --iodepth=32 --iodepth_batch_submit=16 \
		--iodepth_batch_complete_min=16 --size=32M --io_size=32M --minimal \
		> "$VM_OUT/fio-$1.txt"
	snapshot b
	show_counters "$i" 1
}

step "reads: REG_MR and SEND; hardly any SEND is signalled"
run randread
budget send_wrs 2010
budget completions 1100
budget doorbells 200
budget recv_posts 200

step "in-capsule writes: one WR, signalled because it gathers user pages"
run randwrite
budget send_wrs 1010
budget completions 2010
budget doorbells 200

disconnect_weft "$i"
unload_weft
check_clean
nvmet_teardown
teardown_rxe
