# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# shellcheck shell=bash
#
# Several ways to one subsystem of the in-tree target, for scenarios that source it after
# lib.sh: ports 1, 2, … differ in their port number only, 4420, 4421, …; each says for
# itself how well it leads to the namespaces (ANA).
. "$WEFT_TOP/tests/vm/disks.sh"

# port_up N: the port exists, and the subsystem can be reached through it
port_up() {
	local p=$NVMET/ports/$1
	if [ ! -d "$p" ]; then
		mkdir "$p"
		echo "$TRANSPORT" > "$p/addr_trtype"
		echo ipv4 > "$p/addr_adrfam"
		echo "$RXE_ADDR" > "$p/addr_traddr"
		echo $((4419 + $1)) > "$p/addr_trsvcid"
	fi
	ln -s "$NVMET/subsystems/$WEFT_NQN" "$p/subsystems/$WEFT_NQN"
}

# port_down N: controllers that came through it lose their connection
port_down() { rm "$NVMET/ports/$1/subsystems/$WEFT_NQN"; }

port_remove() {
	port_down "$1"
	find "$NVMET/ports/$1/ana_groups" -mindepth 1 -maxdepth 1 -not -name 1 -exec rmdir {} +
	rmdir "$NVMET/ports/$1"
}

# ana PORT STATE [GROUP]
ana() {
	local g=$NVMET/ports/$1/ana_groups/${3:-1}
	[ -d "$g" ] || mkdir "$g"
	echo "$2" > "$g/ana_state"
}

# connect_port N [OPTIONS]: prints the instance
connect_port() {
	connect_weft "transport=$TRANSPORT,traddr=$RXE_ADDR,trsvcid=$((4419 + $1)),nqn=$WEFT_NQN${2:+,$2}"
}

ctrl_dir() { echo "/sys/class/$WEFT_CLASS/nvme$1"; }
ctrl_is() { [ "$(cat "$(ctrl_dir "$1")/state")" = "$2" ]; }

# path_dir SUBSYSTEM CONTROLLER [NUMBER]: of the hidden disk
path_dir() { echo "/sys/block/nvme$1c$2n${3:-1}"; }

# writes: that all controllers have seen
writes() {
	cat "/sys/class/$WEFT_CLASS"/nvme*/statistics/writes | awk '{ n += $1 } END { print n }'
}
more_writes_than() { [ "$(writes)" -gt "$1" ]; }

# background NAME [FIO OPTIONS]: writes on $disk, which have begun; sets job
background() {
	local name=$1 before
	before=$(writes)
	shift
	fio --name="$name" --filename="$disk" --allow_file_create=0 --direct=1 \
		--ioengine=libaio --minimal "$@" > "$VM_OUT/fio-$name.txt" 2>&1 &
	job=$!
	wait_for more_writes_than "$before"
}

VERIFY="--rw=randwrite --verify=crc32c --verify_fatal=1 --do_verify=1 --verify_state_save=0"
