# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# shellcheck shell=bash
#
# The scripted TCP target, for scenarios that source it after lib.sh.

# evil_start [MODE...]: sets evil, its process, and log, what it prints
evil_start() {
	log=$VM_OUT/evil.log
	python3 "$WEFT_TOP/tests/vm/tcp_evil_target.py" "$RXE_ADDR" 5000 "$@" > "$log" 2>&1 &
	evil=$!
	at_exit "kill $evil"
	wait_for grep -q ready "$log"
}

# to MODE: its connect string
to() {
	local port
	port=$(awk -v m="$1" '$1 == m && $2 == "port" { print $3 }' "$log")
	[ -n "$port" ] || fail "no mode $1"
	echo "transport=tcp,traddr=$RXE_ADDR,trsvcid=$port,nqn=$WEFT_NQN"
}
