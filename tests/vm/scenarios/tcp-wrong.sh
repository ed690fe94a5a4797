# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# A target goes wrong in the middle of verified I/O, once in each way: the connection is
# given up with words that name it, the next one serves, and not a byte is wrong.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 300
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/lib.sh"

setup_net
load_weft
start_target
target_with_disk
coproc WRONG { python3 "$WEFT_TOP/tests/vm/tcp_wrong.py" "$RXE_ADDR" 4421 4420 > /run/wrong.log; }
at_exit "kill $WRONG_PID"
wait_for grep -q ready /run/wrong.log

i=$(connect_weft "transport=tcp,traddr=$RXE_ADDR,trsvcid=4421,nqn=$WEFT_NQN,nr_io_queues=1,reconnect_delay=1")
ctrl=/sys/class/$WEFT_CLASS/nvme$i
is() { [ "$(cat "$ctrl/state")" = "$1" ]; }
recoveries() { cat "$ctrl/statistics/recoveries"; }
more_recoveries() { [ "$(recoveries)" -gt "$1" ]; }
fio --name=wrong --filename="/dev/nvme${i}n1" --allow_file_create=0 --direct=1 \
	--ioengine=libaio --rw=randrw --bsrange=4k-64k --blockalign=4k --iodepth=16 --size=32M \
	--verify=crc32c --verify_fatal=1 --verify_backlog=64 --time_based --runtime=600 --minimal \
	> "$VM_OUT/fio-wrong.txt" 2>&1 &
job=$!

# wrong FAULT WORDS
wrong() {
	local before
	step "$1"
	before=$(recoveries)
	echo "$1" >&"${WRONG[1]}"
	wait_for grep -qx "did $1" /run/wrong.log
	wait_for more_recoveries "$before"
	wait_for is live
	grep -E "$2" "$ctrl/last_error" || fail "'$2' is not in: $(cat "$ctrl/last_error")"
	kill -0 $job || fail "fio has ended: $(tail -n 3 "$VM_OUT/fio-wrong.txt")"
}

wrong generation 'response for no command in flight'
wrong unknown 'response for no command in flight'
wrong twice 'response for no command in flight'
wrong data 'data for no command in flight'
wrong beyond 'R2T'
kill $job
wait $job || true
refute grep -q 'verify:' "$VM_OUT/fio-wrong.txt"

disconnect_weft "$i"
kill "$WRONG_PID"
unload_weft
check_clean
stop_target
teardown_net
