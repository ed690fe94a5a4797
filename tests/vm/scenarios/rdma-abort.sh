# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Abort over RDMA: commands that the target holds, in a slow bdev and by an injected fault, are
# aborted by the identifiers that the host's trace tells. Each ends at once with Command Abort
# Requested, others stay, and the queue goes on. Our host and the in-tree one.
# kernels: 6.1 6.12
# tier: full
# timeout: 900
. "$WEFT_TOP/tests/vm/lib.sh"

TRACING=/sys/kernel/tracing
SLOW=3600000000		# an hour
declare -A JOBS		# of held commands, by identifier

# latency US: of reads and writes that end from now on
latency() {
	local kind
	for kind in avg_read p99_read avg_write p99_write; do
		rpc bdev_delay_update_latency "{\"delay_bdev_name\":\"slow\",
			\"latency_type\":\"$kind\",\"latency_us\":$1}" > /dev/null
	done
}

# pending_is NUMBER: of commands in the target's bdevs
pending_is() {
	[ "$(rpc nvmf_get_stats | python3 -c '
import json, sys
print(sum(g["pending_bdev_io"] for g in json.load(sys.stdin)["poll_groups"]))')" = "$1" ]
}

# cids: of what was sent on the I/O queue, in either host's trace
cids() {
	sed -n -e 's/.* weft_setup_rq: .* qid=1 cid=\([^ ]*\) .*/\1/p' \
		-e 's/.* nvme_setup_cmd: .* qid=1, cmdid=\([0-9]*\), .*/\1/p' "$TRACING/trace"
}

one_was_sent() { [ "$(cids | wc -l)" = 1 ]; }

# transfer read|write: 64 KiB by passthrough
transfer() {
	local opcode=2 file=/run/back
	[ "$1" = read ] || { opcode=1; file=/run/data; }
	nvme io-passthru "$ng" --opcode=$opcode --namespace-id=1 --data-len=65536 "--$1" \
		--cdw12=127 --input-file=$file --timeout=3600000
}

# hold read|write: send one that is held; sets CID
hold() {
	local pid file
	echo > "$TRACING/trace"
	file=$(mktemp /run/held.XXXXXX)
	transfer "$1" > "$file" 2>&1 &
	pid=$!
	wait_for one_was_sent
	CID=$(($(cids)))
	JOBS[$CID]="$pid $file"
	wait_for pending_is "${#JOBS[@]}"
}

# abort CID: prints bit 0 of the result, 0: it was aborted
abort() {
	local result
	result=$(nvme admin-passthru "$ctrl" --opcode=8 --cdw10=$(($1 << 16 | 1)) 2>&1)
	[[ $result =~ result:\ *(0x[0-9a-f]+) ]] || fail "abort: $result"
	echo $((BASH_REMATCH[1] & 1))
}

# aborted CID: it is, and its command hears of it
aborted() {
	local pid file rc=0
	read -r pid file <<< "${JOBS[$1]}"
	kill -0 "$pid" || fail "command $1 has ended before: $(cat "$file")"
	[ "$(abort "$1")" = 0 ] || fail "command $1 was not aborted"
	wait "$pid" || rc=$?
	[ $rc != 0 ] || fail "command $1 succeeded: $(cat "$file")"
	grep -q '(0x4007)' "$file" || fail "command $1: $(cat "$file")"
	unset "JOBS[$1]"
	wait_for pending_is "${#JOBS[@]}"
	[ "$(abort "$1")" = 1 ] || fail "command $1 was aborted twice"
}

# by HOST: everything, with $ctrl, $ng, $disk and the trace's $event
by() {
	local held=() kind cid
	echo 1 > "$event/enable"
	step "$1: held by a slow bdev"
	latency $SLOW
	for kind in read write read write; do
		hold $kind
		held+=("$CID")
	done
	for cid in "${held[2]}" "${held[1]}" "${held[3]}" "${held[0]}"; do
		aborted "$cid"
	done
	latency 0
	step "$1: held by an injected fault"
	rpc bdev_error_inject_error \
		'{"name":"EE_slow","io_type":"all","error_type":"pending","num":1}' > /dev/null
	hold write
	aborted "$CID"
	hold read
	aborted "$CID"
	rpc bdev_error_inject_error \
		'{"name":"EE_slow","io_type":"clear","error_type":"pending"}' > /dev/null
	step "$1: the queue goes on"
	transfer write > /dev/null
	dd if="$disk" of=/run/back bs=65536 count=1 iflag=direct status=none
	cmp /run/back /run/data
	echo 0 > "$event/enable"
}

setup_rxe
start_target
head -c 65536 /dev/urandom > /run/data
head -c 65536 /dev/zero > /run/back
rpc bdev_malloc_create '{"name":"ram","num_blocks":32768,"block_size":512}' > /dev/null
rpc bdev_delay_create '{"base_bdev_name":"ram","name":"slow","avg_read_latency":0,
	"p99_read_latency":0,"avg_write_latency":0,"p99_write_latency":0}' > /dev/null
rpc bdev_error_create '{"base_name":"slow"}' > /dev/null
target_with_disk "$WEFT_NQN" bdev_passthru_create '{"base_bdev_name":"EE_slow","name":"top"}'

load_weft
i=$(connect_weft "$(connect_string),nr_io_queues=1")
ctrl=/dev/nvme$i
ng=/dev/ng${i}n1
disk=/dev/nvme${i}n1
event=$TRACING/events/weft/weft_setup_rq
wait_for test -b "$disk"
by "our host"
[ "$(cat "/sys/class/$WEFT_CLASS/nvme$i/state")" = live ] || fail "the controller is not live"
disconnect_weft "$i"
unload_weft
check_clean

need_modules nvme-rdma
modprobe nvme-rdma
nvme connect -t rdma -a "$RXE_ADDR" -s 4420 -n "$WEFT_NQN" -i 1 \
	-q nqn.2026-11.io.weft:host -I 11111111-2222-3333-4444-555555555555
ctrl=/dev/nvme0
ng=/dev/ng0n1
disk=/dev/nvme0n1
event=$TRACING/events/nvme/nvme_setup_cmd
wait_for test -b "$disk"
by "the in-tree host"
nvme disconnect -n "$WEFT_NQN"
modprobe -r nvme-rdma
stop_target
teardown_rxe
