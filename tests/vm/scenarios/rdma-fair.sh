# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# On one reactor over RDMA: a host with four deep queues leaves one with a single, shorter queue
# its share, with small reads in place, and with large writes that take all data buffers. What is
# compared is how many commands of each have ended, not how long it took.
# kernels: 6.1 6.12
# tier: full
# timeout: 400
# daemon: release
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/counted.sh"

DEEP=nqn.2026-11.io.weft:deep
MODEST=nqn.2026-11.io.weft:modest
QUEUES=4 DEPTH=127
ROUNDS=16 BURST=32
# each of a burst may see everything of the deep queues pass once, in a few turns
TURNS=8

# ended HOST: its commands
ended() {
	counted /run/now
	echo $(($(sum_of "host:$1" read_ops /run/now) + $(sum_of "host:$1" write_ops /run/now)))
}
ended_more() { [ "$(ended "$1")" -ge "$2" ]; }

# load HOST QUEUES DEPTH BLOCK_SIZE PATTERN: in the background; sets pid
load() {
	local n
	n=$(ended "$1")
	"$WEFT_CLI" perf "$(connect_string),hostnqn=$1,nr_io_queues=$2,queue_size=128" \
		--depth "$3" --block-size "$4" --pattern "$5" --time 600 \
		> "$VM_OUT/perf-${1##*:}.txt" 2>&1 &
	pid=$!
	at_exit "kill $pid"
	wait_for ended_more "$1" $((n + 4 * $2 * $3))
}

# waited NAME: of nvmf_get_stats
waited() { rpc nvmf_get_stats | jq "[.poll_groups[].transports[].$1] | add"; }

# passed: for each round, how many of the deep queues' commands ended while a burst of the modest
# host did
passed() {
	python3 - "$WEFT_TOP/tests/vm" "$WEFT_RPC_SOCK" $DEEP $MODEST $ROUNDS $BURST <<-'PY'
	import sys, time
	sys.path.insert(0, sys.argv[1])
	from rpc import call
	path, deep, modest = sys.argv[2:5]
	rounds, burst = map(int, sys.argv[5:])

	def ended():
	    hosts = call(path, "nvmf_get_statistics", None)["result"]["hosts"]
	    n = {h["hostnqn"]: h["read_ops"] + h["write_ops"] for h in hosts}
	    return n[deep], n[modest]

	def round():
	    d0, m0 = ended()
	    for _ in range(6000):
	        d, m = ended()
	        if m >= m0 + burst:
	            return (d - d0) * burst // (m - m0)
	        time.sleep(0.01)
	    sys.exit(f"FAIL: {d - d0} commands of the deep queues passed {m - m0} of the other host")

	print(*(round() for _ in range(rounds)), sep="\n")
	PY
}

# fair BLOCK_SIZE PATTERN: of the deep queues
fair() {
	local deep modest sorted
	load $DEEP $QUEUES $DEPTH "$1" "$2"
	deep=$pid
	load $MODEST 1 $BURST 4096 randread
	modest=$pid
	passed > /run/passed || fail "$(cat /run/passed)"
	kill -0 "$deep" || fail "the deep queues have ended: $(cat "$VM_OUT/perf-deep.txt")"
	kill -0 "$modest" || fail "the modest host has ended: $(cat "$VM_OUT/perf-modest.txt")"
	# a guest has no /dev/fd
	sort -n /run/passed > /run/sorted
	mapfile -t sorted < /run/sorted
	echo "of the deep queues, beside a burst of $BURST: ${sorted[*]}"
	[ "${sorted[ROUNDS - 1]}" -gt 0 ] || fail "the deep queues got nothing"
	# a process may wait for a processor in a round, but not in most of them
	[ "${sorted[ROUNDS / 4]}" -lt $((TURNS * QUEUES * DEPTH)) ] || fail "that is not fair"
	kill "$deep" "$modest"
	wait "$deep" "$modest" || true
}

step "in place"
setup_rxe
start_target -m 0
target_with_disk > /dev/null
fair 4096 randread
[ "$(waited pending_data_buffer)" = 0 ] || fail "a RAM disk in place took buffers"
stop_target

step "through buffers"
start_target -m 0
# half of what the deep queues ask for
rpc nvmf_create_transport '{"trtype":"RDMA","num_shared_buffers":2048}' > /dev/null
rpc bdev_malloc_create '{"name":"base","num_blocks":131072,"block_size":512}' > /dev/null
target_with_disk "$WEFT_NQN" bdev_delay_create '{"base_bdev_name":"base","name":"disk1",
	"avg_read_latency":0,"p99_read_latency":0,"avg_write_latency":0,"p99_write_latency":0}' \
	> /dev/null
fair 131072 randwrite
[ "$(waited pending_data_buffer)" -gt 0 ] || fail "nobody waited for buffers"
[ "$(waited pending_share)" -gt 0 ] || fail "no queue had its share"
stop_target
teardown_rxe
