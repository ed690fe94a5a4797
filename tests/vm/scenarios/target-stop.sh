# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# SIGTERM in the middle of I/O, again and again: the daemon ends with 0 and without a
# sanitizer's report, and the host's I/O goes on once it is back.
# kernels: 6.1 6.12
# tier: check
# check-kernels: 6.1
# timeout: 600
# scratch: 512M
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/pairs.sh"

setup_rxe
load_weft
weft_target_prepare
weft_target_start
weft_host_connect
fio --output="$VM_OUT/fio.txt" --filename="$DISK" --direct=1 --allow_file_create=0 \
	--ioengine=io_uring --verify=crc32c --verify_fatal=1 --verify_state_save=0 \
	--name=stop --rw=randwrite --bs=16k --iodepth=16 --size=24m --rate_iops=100 &
job=$!
for turn in 1 2 3 4 5; do
	step "SIGTERM $turn"
	wait_for disk_has_written $((turn * 40))
	stop_target
	weft_target_start
done
wait $job || fail "fio failed: $(tail -n 20 "$VM_OUT/fio.txt")"
weft_host_disconnect
unload_weft
check_clean
stop_target
teardown_rxe
