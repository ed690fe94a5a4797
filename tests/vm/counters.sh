# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# shellcheck shell=bash
#
# Counters of the host's queues, for scenarios that assert on counts.

# counters_file INSTANCE QUEUE
counters_file() { echo "/sys/kernel/debug/weft/nvme$1/queue$2"; }

# counter INSTANCE QUEUE NAME
counter() {
	local v
	v=$(awk -v n="$3" '$1 == n { print $2 }' "$(counters_file "$1" "$2")")
	[ -n "$v" ] || fail "no counter $3"
	echo "$v"
}

show_counters() {
	echo "queue $2:" "$(tr '\n' ' ' < "$(counters_file "$1" "$2")")"
}

# ratio A B: A per 1000 of B
ratio() { echo $(($1 * 1000 / $2)); }

# snapshot PREFIX: variables PREFIX_NAME of the counters $NAMES of queue 1 of controller $i
snapshot() {
	local n
	for n in $NAMES; do
		eval "$1_$n=$(counter "$i" 1 "$n")"
	done
}

# per_mille NAME: NAME per 1000 commands between the snapshots a and b
per_mille() {
	ratio $(($(eval "echo \$((b_$1 - a_$1))"))) $((b_commands - a_commands))
}

# budget NAME LIMIT, floor NAME LEAST
budget() {
	echo "$1 per command: $(per_mille "$1")/1000 (limit $2)"
	[ "$(per_mille "$1")" -le "$2" ] || fail "$1: over the budget"
}

floor() {
	echo "$1 per command: $(per_mille "$1")/1000 (at least $2)"
	[ "$(per_mille "$1")" -ge "$2" ] || fail "$1: too few"
}
