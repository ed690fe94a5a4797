# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Nothing waits for a target that does not answer: connects are interrupted by a signal
# and do not hold up others, deletions and unloading end by delete_timeout whatever the
# wire does, nobody is left in state D, and the system goes down. All other time limits
# are ten minutes here, so nothing else can end a wait.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 500
# says: weft: 2 controllers disconnected, as the system goes down
. "$WEFT_TOP/tests/vm/lib.sh"

evil=$WEFT_BIN/tests/vm/progs/rdma_evil_target
setup_rxe
load_weft io_timeout=600 admin_timeout=600 shutdown_timeout=600 delete_timeout=3
start_target
target_with_disk
slow=keep_alive_tmo=600,reconnect_delay=600

connect() {
	i=$(connect_weft "$(connect_string),$slow${1:+,$1}")
	ctrl=/sys/class/$WEFT_CLASS/nvme$i
	disk=$(disk_of "$ctrl")
}
is() { [ "$(cat "$ctrl/state")" = "$1" ]; }
none() { [ -z "$(ls -A "/sys/class/$WEFT_CLASS")" ]; }
nobody_stuck() { ! grep -l '^State:.*D ' /proc/[0-9]*/status; }
busy() { [ "$(cat "$ctrl/statistics/reads")" -gt "$before" ]; }
load() {
	before=$(cat "$ctrl/statistics/reads")
	fio --name=load --filename="$disk" --allow_file_create=0 --direct=1 --ioengine=libaio \
		--rw=randrw --bs=4k --iodepth=16 --size=32M --time_based --runtime=600 --minimal \
		> "$VM_OUT/fio-$1.txt" 2>&1 &
	job=$!
	wait_for busy
}
# interrupted WHERE PORT: a connect that waits there ends by a signal, others go on
interrupted() {
	local writer
	bash -c 'exec 5<> "$1"; printf %s "$2" >&5' - "$WEFT_FABRICS" \
		"transport=rdma,traddr=$RXE_ADDR,trsvcid=$2,nqn=nqn.2026-11.io.weft:$1,$slow" 2> /dev/null &
	writer=$!
	wait_for test -e "/sys/kernel/debug/weft"
	sleep 2
	connect duplicate_connect
	kill -0 $writer || fail "the connect has ended by itself"
	kill -INT $writer || true
	kill -TERM $writer || true
	wait_for -t 30 test ! -e /proc/$writer
	wait $writer || true
	dd if="$disk" of=/dev/null bs=4k count=8 iflag=direct status=none
	disconnect_weft "$i"
	none || fail "a controller is left: $(ls "/sys/class/$WEFT_CLASS")"
	[ -z "$(ls -A /sys/kernel/debug/weft)" ] || fail "left: $(ls /sys/kernel/debug/weft)"
}

step "a signal ends a connect whose Connect is not answered"
"$evil" "$RXE_ADDR" 4430 mute > /run/evil 2>&1 &
evil_pid=$!
at_exit "kill -9 $evil_pid"
wait_for grep -q ready /run/evil
interrupted mute 4430
kill -9 $evil_pid
wait $evil_pid 2> /dev/null || true

step "deleted with I/O in flight to a target that stands still"
connect
load frozen
kill -STOP "$TARGET_PID"
timeout 120 bash -c "echo 1 > $ctrl/delete_controller" || fail "deletion hangs"
[ ! -e "$ctrl" ] || fail "still there"
refute wait $job
nobody_stuck || fail "in state D: $(nobody_stuck)"

step "a signal ends a connect to it"
bash -c 'exec 5<> "$1"; printf %s "$2" >&5' - "$WEFT_FABRICS" "$(connect_string),$slow" \
	2> /dev/null &
writer=$!
sleep 2
kill -TERM $writer
wait_for -t 30 test ! -e /proc/$writer
none || fail "a controller is left"
kill -CONT "$TARGET_PID"

step "deleted while a reconnect waits for it"
connect
kill -STOP "$TARGET_PID"
echo 1 > "$ctrl/reset_controller" 2> /dev/null &
resetter=$!
sleep 1
timeout 120 bash -c "echo 1 > $ctrl/delete_controller" || fail "deletion hangs"
wait $resetter || true
none || fail "still there"
nobody_stuck || fail "in state D: $(nobody_stuck)"
kill -CONT "$TARGET_PID"

step "unloaded with controllers whose target stands still, and a file system on one"
connect
mkfs.ext4 -q -F "$disk"
mkdir -p /mnt/d
mount "$disk" /mnt/d
dd if=/dev/zero of=/mnt/d/dirty bs=1M count=4 status=none
kill -STOP "$TARGET_PID"
timeout 120 bash -c "echo 1 > $ctrl/delete_controller" || fail "deletion hangs"
timeout 60 umount -f /mnt/d || fail "umount hangs"
kill -CONT "$TARGET_PID"
connect
connect duplicate_connect
kill -STOP "$TARGET_PID"
timeout 120 rmmod weft_rdma || fail "unloading hangs"
rmmod weft
nobody_stuck || fail "in state D: $(nobody_stuck)"
check_clean
kill -CONT "$TARGET_PID"

step "a dead network: deleted, and the system goes down with two that are left"
load_weft io_timeout=600 admin_timeout=600 shutdown_timeout=3 delete_timeout=3
for _ in 1 2; do
	connect_weft "$(connect_string "$RXE_ADDR" nqn.2014-08.org.nvmexpress.discovery),$slow" \
		> /dev/null
done
connect
load cut
ip link set v0 down
timeout 120 bash -c "echo 1 > $ctrl/delete_controller" || fail "deletion hangs"
refute wait $job
[ "$(ls "/sys/class/$WEFT_CLASS" | wc -l)" = 2 ] || fail "left: $(ls "/sys/class/$WEFT_CLASS")"
kill -STOP "$TARGET_PID"
kmemleak_scan
trap - ERR EXIT
echo 0 > "$VM_OUT/exit-code"
sync
python3 -c 'import ctypes; ctypes.CDLL(None).reboot(0x01234567)'
