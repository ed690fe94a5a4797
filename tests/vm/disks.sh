# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# shellcheck shell=bash
#
# What disks and their paths have done, whichever host has them.

# ios DIR: reads and writes that a disk has completed; of a multipath disk of the in-tree host
# of 6.1 its hidden paths count, it does not itself
ios() { awk '{ print $1 + $5 }' "$1/stat"; }
more_ios_than() { [ "$(ios "$1")" -gt "$2" ]; }

# disk_has_written N: at least N writes completed since there are disks, or paths of them
disk_has_written() {
	[ "$(cat /sys/block/nvme*/stat | awk '{ n += $5 } END { print n + 0 }')" -ge "$1" ]
}

# state_is DIR STATE: of a path, in the words of sysfs or of the target's RPC
state_is() { [ "$(cat "$1/ana_state")" = "${2//_/-}" ]; }

# used: sets n_a and n_b, I/O of $path_a and of $path_b while 40 blocks of $disk are read
# shellcheck disable=SC2034,SC2154 # the scenario's
used() {
	local a b
	a=$(ios "$path_a") b=$(ios "$path_b")
	dd if="$disk" of=/dev/null bs=4k count=40 iflag=direct status=none
	n_a=$(($(ios "$path_a") - a)) n_b=$(($(ios "$path_b") - b))
}

# uuid_of NUMBER: one for a namespace of ours
uuid_of() { printf '00000000-0000-4000-8000-%012x' "$1"; }

# disk_with UUID: the name of its disk, not of a path of it
disk_with() {
	local f
	f=$(grep -lx "$1" /sys/block/nvme*/uuid | grep -v 'nvme[0-9]*c') || return 1
	basename "$(dirname "$f")"
}
