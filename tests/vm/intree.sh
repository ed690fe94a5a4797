# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# shellcheck shell=bash
#
# The in-tree host, as two hosts of different names, and subsystems of our target with
# listeners at several ports of $RXE_ADDR; for scenarios that source it after lib.sh.

HOST_A=nqn.2026-11.io.weft:host-a
HOST_B=nqn.2026-11.io.weft:host-b
ID_A=11111111-2222-3333-4444-555555555555
ID_B=22222222-2222-3333-4444-555555555555
export HOST_A HOST_B ID_A ID_B

# load_intree multipath=Y|N
load_intree() {
	modprobe nvme-core "$1"
	need_modules "nvme-$TRANSPORT"
	[ "$(cat /sys/module/nvme_core/parameters/multipath)" = "${1#*=}" ] ||
		fail "nvme-core was loaded before"
}

unload_intree() { modprobe -r "nvme-$TRANSPORT"; }

# on NQN METHOD [PARAMETERS]: a method that is about a subsystem
on() { rpc "$2" "{\"nqn\":\"$1\"${3:+,$3}}"; }

address_of() {
	echo "{\"trtype\":\"${TRANSPORT^^}\",\"adrfam\":\"IPv4\",\"traddr\":\"$RXE_ADDR\",\"trsvcid\":\"$1\"}"
}

# listen_at PORT
listen_at() { echo "\"listen_address\":$(address_of "$1")"; }

# malloc_disk NAME [MEGABYTES]
malloc_disk() {
	rpc bdev_malloc_create \
		"{\"name\":\"$1\",\"num_blocks\":$((${2:-32} * 2048)),\"block_size\":512}"
}

# connect_as HOST ID PORT NQN [OPTION…]: prints the controller's name
connect_as() {
	local host=$1 id=$2 port=$3 nqn=$4
	shift 4
	nvme connect -t "$TRANSPORT" -a "$RXE_ADDR" -s "$port" -n "$nqn" -q "$host" -I "$id" \
		-o json "$@" | sed -n 's/.*"\(nvme[0-9]*\)".*/\1/p'
}

ctrl_is() { [ "$(cat "/sys/class/nvme/$1/state")" = "$2" ]; }

# path_of CONTROLLER NSID: the folder of its disk or hidden path; disks are numbered in the order
# in which they were found, which may be any
path_of() {
	local f
	f=$(grep -slx "$2" "/sys/class/nvme/$1"/nvme*/nsid) || return 1
	dirname "$f"
}

disk_of_path() {
	local p
	p=$(path_of "$1" "$2") || return 1
	p=$(basename "$p" | sed 's/c[0-9]*n/n/')
	[ -b "/dev/$p" ] || return 1
	echo "$p"
}

# find_disk VARIABLE CONTROLLER NSID: the name of its disk, when it is there
find_disk() {
	wait_for disk_of_path "$2" "$3"
	printf -v "$1" %s "$(disk_of_path "$2" "$3")"
}

disconnect_intree() {
	nvme disconnect -d "$1"
	wait_for test ! -e "/sys/class/nvme/$1"
}

# ios DIR: reads and writes that a disk has completed; of a multipath disk of 6.1 its hidden
# paths count, it does not itself
ios() { awk '{ print $1 + $5 }' "$1/stat"; }
more_ios_than() { [ "$(ios "$1")" -gt "$2" ]; }

# verified NAME DISK [FIO OPTION…]: writes that are read back, in rounds, in the background, until
# they are ended by enough; sets job. Each round has other contents.
verified() {
	local name=$1 disk=$2
	shift 2
	rm -f "/run/enough.$name"
	while [ ! -e "/run/enough.$name" ]; do
		fio --name="$name" --filename="$disk" --allow_file_create=0 --direct=1 \
			--ioengine=libaio --rw=randwrite --verify=crc32c --verify_fatal=1 \
			--do_verify=1 --verify_state_save=0 --minimal --randseed=$RANDOM "$@" \
			> "$VM_OUT/fio-$name.txt" 2>&1 || exit 1
	done &
	job=$!
}

# enough NAME JOB: it has found what it has written, in each round
enough() {
	kill -0 "$2" || fail "$1 ended too early: $(tail -n 3 "$VM_OUT/fio-$1.txt")"
	touch "/run/enough.$1"
	wait "$2" || fail "$1 lost something: $(tail -n 3 "$VM_OUT/fio-$1.txt")"
}
