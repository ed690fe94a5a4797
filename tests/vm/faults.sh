# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# shellcheck shell=bash
#
# The fault matrix: each FAULT strikes in each PHASE of a controller's life, sourced by the
# faults-*.sh scenarios after lib.sh. A fault is two functions, strike_FAULT and
# heal_FAULT; a phase is one, phase_PHASE FAULT, which says what must come of it:
#
#   creating      the connect fails in time, with a reason, and leaves nothing; before it
#                 begins, and in the middle of it
#   idle          the controller notices, comes back after healing, and serves
#   load          likewise, and verified I/O in flight loses nothing
#   reconnecting  the target is away already; nothing gets worse, and all comes back
#   deleting      the deletion ends in time, I/O with an error, and nothing is left; while
#                 it waits for I/O, and before it begins
#
# Our target serves a file, so that it can die and come back with its data. A delay bdev on
# it can hold I/O back.

FAULTS_CONFIG=/run/faults.json
FAULTS_CELLS=0
evil_pid=
ctrl=

# our target with its disk, and the configuration by which it starts again
faults_target() {
	truncate -s 64M /run/disk.img
	# behind everything that loads write
	dd if=/dev/urandom of=/run/pattern bs=64k count=4 status=none
	dd if=/run/pattern of=/run/disk.img bs=64k seek=768 conv=notrunc status=none
	start_target
	rpc bdev_uring_create '{"name":"file1","filename":"/run/disk.img","block_size":512}'
	target_with_disk "$WEFT_NQN" bdev_delay_create '{"base_bdev_name":"file1","name":"disk1",
		"avg_read_latency":0,"p99_read_latency":0,
		"avg_write_latency":0,"p99_write_latency":0}'
	WEFT_RPC_SOCKET=$WEFT_RPC_SOCK "$WEFT_CLI" target config save "$FAULTS_CONFIG"
}

faults_host() { load_weft admin_timeout=5 io_timeout=10 delete_timeout=5; }

faults_setup() {
	setup_net
	faults_host
	faults_target
}

faults_connect() {
	i=$(connect_weft "$(connect_string),nr_io_queues=2,reconnect_delay=1,keep_alive_tmo=3")
	ctrl=/sys/class/$WEFT_CLASS/nvme$i
	disk=$(disk_of "$ctrl")
}

ctrl_is() { [ "$(cat "$ctrl/state")" = "$1" ]; }
nobody_stuck() { ! grep -l '^State:.*D ' /proc/[0-9]*/status; }
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
	dd if="$disk" of=/run/seen bs=64k skip=768 count=4 iflag=direct status=none ||
		fail "$cell: no read succeeds"
	cmp /run/pattern /run/seen || fail "$cell: other data"
}

target_stands_still() { grep -q '^State:.T' "/proc/$TARGET_PID/status"; }
freeze() {
	kill -STOP "$TARGET_PID"
	wait_for target_stands_still
}
thaw() { kill -CONT "$TARGET_PID"; }

# in_background COMMAND...: sets pid
in_background() {
	"$@" > /run/said 2>&1 &
	pid=$!
}
# ends_in_time [SECONDS]: sets rc, how pid has ended
ends_in_time() {
	wait_for -t "${1:-100}" test ! -e "/proc/$pid"
	rc=0
	wait "$pid" || rc=$?
}

# a target that came back is no sooner found than the next attempt
lives_again() { wait_for -t 90 ctrl_is live; }

# --- phases -------------------------------------------------------------------

connects() {
	in_background bash -c 'exec 5<> "$1"; printf %s "$2" >&5 || { cat <&5; exit 1; }' - \
		"$WEFT_FABRICS" "$(connect_string)"
}
is_waiting() { grep -q '^State:.S' "/proc/$pid/status"; }
is_connecting() { compgen -G '/sys/kernel/debug/weft/nvme*' && is_waiting; }

# connect_ends FAULT: which the connect in the background has met; then another one succeeds
connect_ends() {
	local c
	ends_in_time
	if [ "$1" = restarted ] && [ $rc = 0 ]; then
		for c in "/sys/class/$WEFT_CLASS"/nvme*; do echo 1 > "$c/delete_controller"; done
	else
		[ $rc = 1 ] || fail "$cell: the connect ended with $rc"
		grep 'error=-.*reason=.' /run/said || fail "$cell: no reason: $(< /run/said)"
	fi
	nothing_left || fail "$cell: left: $(ls "/sys/class/$WEFT_CLASS")"
	"heal_$1"
	faults_connect
	serves
	disconnect_weft "$i"
}

# stands_still FAULT: a frozen target is left so until the fault is healed
stands_still() { [ "$1" = frozen ]; }

phase_creating() {
	"strike_$1"
	connects
	connect_ends "$1"
	# and once more, in the middle of it
	freeze
	connects
	wait_for is_connecting
	"strike_$1"
	stands_still "$1" || [ -z "$TARGET_PID" ] || thaw
	connect_ends "$1"
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
	if [ "$1" = killed ]; then
		# somebody to kill: an attempt waits for it
		freeze
		wait_for attempt_under_way
	else
		kill_target
		wait_for ctrl_is connecting
	fi
	"strike_$1"
	sleep 3
	[ "$1" = restarted ] || wait_for noticed "$1"
	"heal_$1"
	if [ -z "$TARGET_PID" ]; then
		start_target "$FAULTS_CONFIG"
	fi
	load_ends_well
	comes_back
}

attempt_under_way() {
	ctrl_is connecting && grep -q 'next=-1,' "$ctrl/reconnect_status"
}

delete() { in_background bash -c "echo 1 > $ctrl/delete_controller"; }
# the deletion in the background, whose file may have been gone before it began
deletion_ends() {
	ends_in_time
	[ $rc = 0 ] || [ ! -e "$ctrl" ] || fail "$cell: the deletion ended with $rc"
	wait_for nothing_left
}
io_fails() { wait $job && fail "$cell: I/O ended well without a disk"; return 0; }

# I/O waits in the target
delete_amid() {
	faults_connect
	reads_take 600
	dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct 2> /dev/null &
	job=$!
	wait_for grep -q '^State:.D' "/proc/$job/status"
	delete
	wait_for ctrl_is deleting
	"strike_$1"
	deletion_ends
	# a target that stops in good order answers first
	[ "$1" = restarted ] || io_fails
	"heal_$1"
	reads_take 0
}

delete_after() {
	faults_connect
	faults_load "$cell"
	"strike_$1"
	[ "$1" != wrong ] || wait_for noticed "$1"
	delete
	deletion_ends
	io_fails
	"heal_$1"
}

phase_deleting() {
	delete_amid "$1"
	delete_after "$1"
}

# A restarted target may be found again before we look: the loss shows in the reason. One
# that answers wrongly must have been heard.
noticed() {
	case $1 in
	restarted) [ -s "$ctrl/last_error" ] ;;
	wrong) grep -q 'no command in flight' "$ctrl/last_error" ;;
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
heal_frozen() { thaw; }

strike_restarted() {
	if [ -n "$TARGET_PID" ]; then
		# it may stand still
		thaw
		stop_target
	fi
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
	wait_for nobody_stuck
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
