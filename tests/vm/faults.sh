# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# shellcheck shell=bash
#
# The fault matrix: each FAULT strikes in each PHASE of a controller's life, sourced by the
# faults-*.sh scenarios after lib.sh. A fault is two functions, strike_FAULT and
# heal_FAULT; a phase is one, phase_PHASE FAULT, which says what must come of it:
#
#   creating      the connect fails in time, with a reason, and leaves nothing
#   idle          the controller notices, comes back after healing, and serves
#   load          likewise, and verified I/O in flight loses nothing
#   reconnecting  the target is away already; nothing gets worse, and all comes back
#   deleting      the deletion ends in time, I/O with an error, and nothing is left
#
# Our target serves a file, so that it can die and come back with its data.

FAULTS_CONFIG=/run/faults.json
FAULTS_CELLS=0
evil_pid=

faults_setup() {
	truncate -s 64M /run/disk.img
	setup_net
	load_weft admin_timeout=5 io_timeout=10 delete_timeout=5
	start_target
	target_with_disk "$WEFT_NQN" bdev_uring_create \
		'{"name":"disk1","filename":"/run/disk.img","block_size":512}'
	WEFT_RPC_SOCKET=$WEFT_RPC_SOCK "$WEFT_CLI" target config save "$FAULTS_CONFIG"
}

faults_connect() {
	i=$(connect_weft "$(connect_string),nr_io_queues=2,reconnect_delay=1,keep_alive_tmo=3")
	ctrl=/sys/class/$WEFT_CLASS/nvme$i
	disk=$(disk_of "$ctrl")
}

ctrl_is() { [ "$(cat "$ctrl/state")" = "$1" ]; }
nothing_left() { [ -z "$(ls -A "/sys/class/$WEFT_CLASS")" ]; }
has_written() { [ "$(cat "$ctrl/statistics/writes")" -gt "$before" ]; }

# faults_load NAME: verified writes in the background, which have begun
faults_load() {
	before=$(($(cat "$ctrl/statistics/writes") + 50))
	fio --name="$1" --filename="$disk" --allow_file_create=0 --direct=1 --ioengine=libaio \
		--rw=randwrite --bsrange=512-64k --blockalign=512 --iodepth=16 --size=8M \
		--rate_iops=300 --verify=crc32c --verify_fatal=1 --do_verify=1 \
		--verify_state_save=0 --minimal > "$VM_OUT/fio-$1.txt" 2>&1 &
	job=$!
	wait_for has_written
}

load_ends_well() { wait $job || fail "$cell: fio: $(tail -n 3 "$VM_OUT/fio-$cell.txt")"; }

serves() {
	dd if="$disk" of=/dev/null bs=64k count=4 iflag=direct status=none ||
		fail "$cell: no read succeeds"
}

# a target that came back is no sooner found than the next attempt
lives_again() { wait_for -t 90 ctrl_is live; }

# --- phases -------------------------------------------------------------------

phase_creating() {
	local rc=0
	"strike_$1"
	timeout 100 bash -c 'exec 5<> "$1"; printf %s "$2" >&5 || { cat <&5; exit 1; }' - \
		"$WEFT_FABRICS" "$(connect_string)" > /run/why 2> /dev/null || rc=$?
	if [ "$1" != restarted ] || [ $rc != 0 ]; then
		[ $rc = 1 ] || fail "$cell: the connect ended with $rc"
		grep -q 'error=-.*reason=.' /run/why || fail "$cell: no reason: $(cat /run/why)"
		nothing_left || fail "$cell: left: $(ls "/sys/class/$WEFT_CLASS")"
		cat /run/why
	else
		for c in "/sys/class/$WEFT_CLASS"/nvme*; do echo 1 > "$c/delete_controller"; done
	fi
	"heal_$1"
	faults_connect
	serves
	disconnect_weft "$i"
}

phase_idle() {
	faults_connect
	"strike_$1"
	wait_for noticed "$1"
	"heal_$1"
	comes_back
}

phase_load() {
	faults_connect
	faults_load "$cell"
	"strike_$1"
	wait_for noticed "$1"
	sleep 1
	"heal_$1"
	load_ends_well
	comes_back
}

phase_reconnecting() {
	faults_connect
	faults_load "$cell"
	kill_target
	wait_for ctrl_is connecting
	"strike_$1"
	sleep 3
	[ "$1" = restarted ] || wait_for ctrl_is connecting
	"heal_$1"
	if [ -z "$TARGET_PID" ]; then
		start_target "$FAULTS_CONFIG"
	fi
	load_ends_well
	comes_back
}

phase_deleting() {
	faults_connect
	faults_load "$cell"
	"strike_$1"
	timeout 60 bash -c "echo 1 > $ctrl/delete_controller" 2> /dev/null ||
		[ ! -e "$ctrl" ] || fail "$cell: the deletion hangs"
	wait_for nothing_left
	wait $job && fail "$cell: fio ended well without a disk"
	"heal_$1"
}

# A restarted target may be found again before we look: the loss shows in the reason
noticed() {
	case $1 in
	restarted) [ -s "$ctrl/last_error" ] ;;
	*) ctrl_is connecting ;;
	esac
}

comes_back() {
	lives_again
	cat "$ctrl/last_error"
	serves
	disconnect_weft "$i"
}

# --- faults that both transports have -------------------------------------------

strike_killed() { [ -z "$TARGET_PID" ] || kill_target; }
heal_killed() { start_target "$FAULTS_CONFIG"; }

strike_frozen() {
	[ -n "$TARGET_PID" ] || start_target "$FAULTS_CONFIG"
	kill -STOP "$TARGET_PID"
}
heal_frozen() { kill -CONT "$TARGET_PID"; }

strike_restarted() {
	[ -z "$TARGET_PID" ] || stop_target
	start_target "$FAULTS_CONFIG"
}
heal_restarted() { :; }

# wrong: in the target's place stands one that answers Connect wrongly
strike_wrong() {
	strike_killed
	: > /run/evil.log
	faults_evil > /run/evil.log 2>&1 &
	evil_pid=$!
	at_exit "kill -9 $evil_pid"
	wait_for grep -q ready /run/evil.log
}
heal_wrong() {
	kill -9 $evil_pid
	wait $evil_pid 2> /dev/null || true
	start_target "$FAULTS_CONFIG"
}

faults_cell() {
	cell=$1-$2
	step "$1 while $2"
	"phase_$2" "$1"
	nothing_left || fail "$cell: left: $(ls "/sys/class/$WEFT_CLASS")"
	FAULTS_CELLS=$((FAULTS_CELLS + 1))
}

# faults_matrix FAULT...: all phases of each
faults_matrix() {
	local fault phase
	for fault; do
		for phase in creating idle load reconnecting deleting; do
			faults_cell "$fault" "$phase"
		done
	done
}

faults_teardown() {
	echo "$FAULTS_CELLS cells"
	stop_target
	unload_weft
	teardown_net
	check_clean
}
