# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# shellcheck shell=bash
#
# What the target has counted (counted.py has the names), for scenarios that source it after
# lib.sh.

# counted FILE: all of it, now
counted() { python3 "$WEFT_TOP/tests/vm/counted.py" "$WEFT_RPC_SOCK" > "$1"; }

# between FILE FILE: what has grown, by how much
between() {
	awk 'NR == FNR { was[$1, $2] = $3; next }
	     $3 != was[$1, $2] { print $1, $2, $3 - was[$1, $2] }' "$1" "$2"
}

# sum_of WHERE NAME [FILE]: over all whose WHERE is that or begins with it and a colon; how
# it is now if there is no FILE
sum_of() {
	local f=${3:-/run/counted.now}
	[ -n "${3:-}" ] || counted "$f"
	awk -v w="$1" -v n="$2" '($1 == w || index($1, w ":") == 1) && $2 == n { s += $3 }
	     END { print s + 0 }' "$f"
}
