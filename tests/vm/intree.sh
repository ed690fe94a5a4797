# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# shellcheck shell=bash
#
# The in-tree host, as two hosts of different names, and subsystems of our target with
# listeners at several ports of $RXE_ADDR; for scenarios that source it after lib.sh.

. "$WEFT_TOP/tests/vm/disks.sh"

HOST_A=nqn.2026-11.io.weft:host-a
HOST_B=nqn.2026-11.io.weft:host-b
ID_A=11111111-2222-3333-4444-555555555555
ID_B=22222222-2222-3333-4444-555555555555
OTHER=nqn.2026-11.io.weft:other
export HOST_A HOST_B ID_A ID_B OTHER

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

# two_subsystems BDEV [PARAMETERS]: $WEFT_NQN, with PARAMETERS, has d1 and BDEV, which is there,
# and listens at 4420 and 4421; $OTHER has d3 and listens at 4420
two_subsystems() {
	malloc_disk d1
	malloc_disk d3
	on "$WEFT_NQN" nvmf_create_subsystem "\"allow_any_host\":true${2:+,$2}"
	on "$WEFT_NQN" nvmf_subsystem_add_ns '"namespace":{"bdev_name":"d1"}'
	on "$WEFT_NQN" nvmf_subsystem_add_ns "\"namespace\":{\"bdev_name\":\"$1\"}"
	on "$WEFT_NQN" nvmf_subsystem_add_listener "$(listen_at 4420)"
	on "$WEFT_NQN" nvmf_subsystem_add_listener "$(listen_at 4421)"
	on $OTHER nvmf_create_subsystem '"allow_any_host":true'
	on $OTHER nvmf_subsystem_add_ns '"namespace":{"bdev_name":"d3"}'
	on $OTHER nvmf_subsystem_add_listener "$(listen_at 4420)"
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

# two_hosts [OPTION…]: host A comes to both subsystems, host B to the first one; sets their
# controllers A, O, B, and disks A1, A2, O1, B1, B2, whose commands are not merged
two_hosts() {
	local disk
	A=$(connect_as $HOST_A $ID_A 4420 "$WEFT_NQN" "$@")
	O=$(connect_as $HOST_A $ID_A 4420 $OTHER "$@")
	B=$(connect_as $HOST_B $ID_B 4421 "$WEFT_NQN" "$@")
	find_disk A1 "$A" 1
	find_disk A2 "$A" 2
	find_disk O1 "$O" 1
	find_disk B1 "$B" 1
	find_disk B2 "$B" 2
	# shellcheck disable=SC2153 # set by find_disk
	for disk in "$A1" "$A2" "$O1" "$B1" "$B2"; do
		echo 2 > "/sys/block/$disk/queue/nomerges"
	done
}

disconnect_intree() {
	nvme disconnect -d "$1"
	wait_for test ! -e "/sys/class/nvme/$1"
}

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
