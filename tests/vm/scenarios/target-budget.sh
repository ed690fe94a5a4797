# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Counted cost of 4 KiB I/O on the target, at queue depth 32 in batches: work requests,
# completions and doorbells per command, and no copy of what a RAM disk holds; at depth 1:
# what wakes it.
# kernels: 6.1 6.12
# check-kernels: 6.12
# tier: check
# timeout: 300
# daemon: release
. "$WEFT_TOP/tests/vm/lib.sh"

# device_counters FILE: sums over reactors
device_counters() {
	rpc nvmf_get_stats | python3 -c '
import collections, json, sys
total = collections.Counter()
for g in json.load(sys.stdin)["poll_groups"]:
    for d in (d for t in g["transports"] for d in t["devices"]):
        total.update({k: v for k, v in d.items() if isinstance(v, int)})
json.dump(total, sys.stdout)' > "$1"
}

# run DEPTH PATTERN BUDGET...: each NAME<=LIMIT or NAME>=LIMIT; LIMIT: thousandths of the
# requests, or another NAME
run() {
	local depth=$1 rw=$2 batch=$((($1 + 1) / 2)) least=$((2048 + 192 * $1))
	shift 2
	step "$rw, depth $depth"
	device_counters /run/a.json
	fio --name="$rw" --filename="$disk" --direct=1 --ioengine=libaio --rw="$rw" --bs=4k \
		--iodepth="$depth" --iodepth_batch_submit="$batch" \
		--iodepth_batch_complete_min="$batch" --size=32M --number_ios="$least" \
		--minimal > "$VM_OUT/fio-$rw-$depth.txt"
	device_counters /run/b.json
	python3 - "$least" "$@" <<-'PY'
	import json, re, sys
	a, b = (json.load(open(f"/run/{n}.json")) for n in "ab")
	used = {name: b[name] - a[name] for name in b}
	used["busy_polls"] = used["polls"] - used["idle_polls"]
	requests = used["requests"]
	# of sends one for a doorbell and one for sixteen; a few of before had not been read
	used["few_completions"] = requests * 17 // 16 + used["send_doorbell_updates"] + 4
	print(requests, "requests")
	failed = requests < int(sys.argv[1])
	for budget in sys.argv[2:]:
	    name, sign, limit = re.fullmatch(r"(\w+)([<>]=)(\w+)", budget).groups()
	    most = int(limit) if limit.isdigit() else used[limit] * 1000 / requests
	    mille = used[name] * 1000 / requests
	    bad = mille > most if sign == "<=" else mille < most
	    print(f"{name}: {mille:.0f}/1000 ({sign} {most:.0f})", "FAIL" if bad else "")
	    failed |= bad
	sys.exit(failed)
	PY
}

setup_rxe
load_weft
start_target
target_with_disk
i=$(connect_weft "$(connect_string),nr_io_queues=1,queue_size=64")
disk=$(disk_of "/sys/class/$WEFT_CLASS/nvme$i")
# neighbours that were merged would not fit into a capsule
for d in "/sys/block/nvme${i}"*n1/queue/nomerges; do
	echo 2 > "$d"
done

# a completion of the receive, and one for all responses of a doorbell
run 32 randread 'total_send_wrs<=2010' 'rdma_writes>=990' 'completions<=1200' \
	'send_doorbell_updates<=200' 'recv_doorbell_updates<=200' 'copies<=0' \
	'inline_sends>=990' 'rdma_reads<=0' 'pending_rdma_send<=0'
# how many capsules with data a poll finds depends on how fast they come; it answers them together
run 32 randwrite 'total_send_wrs<=1010' 'rdma_reads<=0' 'busy_polls<=700' \
	'completions<=few_completions' 'send_doorbell_updates<=busy_polls' \
	'recv_doorbell_updates<=busy_polls' 'copies<=0' 'inline_sends>=990' \
	'pending_rdma_send<=0'
# the command wakes it, and not that its response has left
run 1 randread 'wakeups<=1100' 'rdma_writes>=990'
run 1 randwrite 'wakeups<=1100'

disconnect_weft "$i"
unload_weft
check_clean
stop_target
teardown_rxe
