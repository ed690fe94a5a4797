# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# shellcheck shell=bash
#
# Counters of the host's RDMA queues, for scenarios that assert on counts.

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

# load_host_beside_nvmet: after nvmet_setup; where nvmet brings the in-tree nvme-core
# along, our host runs beside it, under its own class
load_host_beside_nvmet() {
	if grep -q '^nvme_core ' /proc/modules; then
		WEFT_CLASS=weft
	fi
	load_weft
}
