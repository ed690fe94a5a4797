# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# A target that does not answer any more, though its connections stand: keep-alive notices
# it, I/O waits and goes on when it is back; a connect to it and a deletion in the middle
# of I/O end within their time limits.
# kernels: 6.1 6.12
# tier: check
# check-kernels: 6.1
# debug: yes
# timeout: 400
. "$WEFT_TOP/tests/vm/lib.sh"

setup_rxe
load_weft admin_timeout=5 io_timeout=10
start_target
target_with_disk
quick=reconnect_delay=1,keep_alive_tmo=3

connect() {
	i=$(connect_weft "$(connect_string),$quick")
	ctrl=/sys/class/$WEFT_CLASS/nvme$i
	disk=/dev/nvme${i}n1
}
is() { [ "$(cat "$ctrl/state")" = "$1" ]; }
load() {
	fio --name="$1" --filename="$disk" --allow_file_create=0 --direct=1 \
		--ioengine=libaio --rw=randwrite --bs=4k --iodepth=16 --size=16M \
		--verify=crc32c --verify_fatal=1 --do_verify=1 --rate_iops=800 \
		--minimal > "$VM_OUT/fio-$1.txt" 2>&1 &
	job=$!
}

step "silent under load, then back"
connect
load silent
sleep 2
kill -STOP "$TARGET_PID"
wait_for is connecting
echo "$(cat "$ctrl/last_error")"
kill -CONT "$TARGET_PID"
wait_for is live
wait $job || fail "fio lost something: $(cat "$VM_OUT/fio-silent.txt")"

step "a shell waits for its reset, though a background job ends meanwhile"
kill -STOP "$TARGET_PID"
sleep 1 &
{ echo 1 > "$ctrl/reset_controller" || true; } 2> /run/why
grep -q 'Network dropped connection' /run/why || fail "$(cat /run/why)"
kill -CONT "$TARGET_PID"
wait_for is live

step "deleted while it is silent, with I/O in flight"
load deleted
sleep 2
kill -STOP "$TARGET_PID"
timeout 120 bash -c "echo 1 > $ctrl/delete_controller" || fail "deletion hangs"
[ ! -e "$ctrl" ] || fail "still there"
refute wait $job

step "a connect to it"
if connect_weft "$(connect_string),$quick" > /run/answer 2>&1; then
	fail "connected to a stopped target"
fi
cat /run/answer
[ -z "$(ls -A "/sys/class/$WEFT_CLASS")" ] || fail "a controller is left"
kill -CONT "$TARGET_PID"

step "and it serves again"
connect
load again
wait $job || fail "fio failed: $(cat "$VM_OUT/fio-again.txt")"
disconnect_weft "$i"

stop_target
unload_weft
teardown_rxe
check_clean
