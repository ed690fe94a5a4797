# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Targets that break the protocol: every connect fails with words that name what is
# wrong, the kernel is unharmed, and nothing is left behind.
# kernels: 6.1 6.12
# tier: check
# check-kernels: 6.12
# debug: yes
# timeout: 300
. "$WEFT_TOP/tests/vm/lib.sh"

evil=$WEFT_BIN/tests/vm/progs/rdma_evil_target
[ -x "$evil" ] || fail "not built: $evil"
setup_rxe
load_weft admin_timeout=5

# against MODE WORDS
against() {
	local why pid
	"$evil" "$RXE_ADDR" 4420 "$1" > "$VM_OUT/evil-$1.log" 2>&1 &
	pid=$!
	wait_for grep -q ready "$VM_OUT/evil-$1.log"
	why=$(connect_weft "$(connect_string)" 2>&1) && fail "$1: connected"
	kill "$pid"
	wait "$pid" 2> /dev/null || true
	echo "$1: ${why#*: }"
	grep -Eq "$2" <<< "$why" || fail "$1: '$2' is not in: $why"
}

against reject 'refused queue 0: .*\(status 6\)'
against reject-short 'refused queue 0'
against no-private 'error=-'
against recfmt 'error=-'
against crqsize-0 'error=-'
against crqsize-1 '1 receives for'
against hangup 'disconnected|connection broke'
against mute 'Connect: no answer within 5 s'
against early 'connection broke|broke the protocol'
against short 'Connect: the connection broke'
against long 'Connect: the connection broke'
against cid 'Connect: the connection broke'
against aer-cid 'Connect: the connection broke'
against twice 'the connection broke'
against former 'Property Get: the connection broke'
against invalidate 'Connect: the connection broke'

unload_weft
check_clean
teardown_rxe
