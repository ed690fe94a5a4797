# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# shellcheck shell=bash
# RDMA over soft-RoCE in one guest, and what the link itself can do (perftest).
# timeout: 3600
# daemon: release
# now and then perftest itself ends in librdmacm with a fault; its figure is missing then
# allow: traps: ib_\w+.* general protection fault
TRANSPORT=rdma
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/bench/lib.sh"

: "${VERBS=write:4096 read:4096 send:4160 send:64}" "${VERBS_DEPTHS:=1 32}"

# verbs OPERATION BYTES DEPTH: one side asleep, the other waits for completion events; only for
# WRITE perftest must poll. What it cannot do here is missing in the result, and nothing else.
verbs() {
	local out=$VM_OUT/verbs/$1-$2-$3 server
	local args=(-d "$RXE_DEV" -R -F -s "$2" -n 2000 -t "$3")
	[ "$1" = write ] || args+=(-e)
	[ "$1" != send ] || args+=(-r 64)
	timeout 60 "ib_$1_bw" "${args[@]}" > "$out.server" 2>&1 &
	server=$!
	sleep 0.5
	timeout 60 "ib_$1_bw" "${args[@]}" "$RXE_ADDR" > "$out" 2>&1 || tail -n 3 "$out"
	wait $server || tail -n 3 "$out.server"
}

floor() {
	local v depth
	mkdir -p "$VM_OUT/verbs"
	for v in $VERBS; do
		for depth in $VERBS_DEPTHS; do
			echo "verbs: $v at depth $depth"
			verbs "${v%:*}" "${v#*:}" "$depth"
		done
	done
}

bench_setup
bench_matrix
floor
