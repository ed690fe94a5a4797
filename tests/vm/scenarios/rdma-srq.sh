# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Shared receives (no_srq=false): two controllers with verified I/O at full depth, of which
# none ever meets a target without a receive; then one is broken off and connected again
# meanwhile. Responses are sent inline.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 420
. "$WEFT_TOP/tests/vm/lib.sh"

SECOND=nqn.2026-11.io.weft:disk2
RNR=/sys/class/infiniband/$RXE_DEV/ports/1/hw_counters/send_rnr_err

# device_sum NAME: of all reactors
device_sum() {
	rpc nvmf_get_stats | python3 -c '
import json, sys
groups = json.load(sys.stdin)["poll_groups"]
print(sum(d[sys.argv[1]] for g in groups for t in g["transports"] for d in t["devices"]))' "$1"
}

# verify NAME INSTANCE
verify() {
	fio --name="$1" --filename="$(disk_of "/sys/class/$WEFT_CLASS/nvme$2")" --direct=1 \
		--ioengine=libaio --rw=randwrite --bsrange=512-16k --blockalign=512 \
		--iodepth=32 --iodepth_batch_submit=16 --size=8M --verify=crc32c --do_verify=1 \
		--verify_fatal=1 --verify_state_save=0 --minimal > "$VM_OUT/fio-$1.txt"
}

setup_rxe
load_weft
start_target
rpc nvmf_create_transport '{"trtype":"RDMA","no_srq":false,"max_srq_depth":256}'
target_with_disk
target_with_disk "$SECOND" bdev_malloc_create \
	'{"name":"disk2","num_blocks":65536,"block_size":512}'
rnr=$(< "$RNR")
a=$(connect_weft "$(connect_string),nr_io_queues=2,queue_size=32,reconnect_delay=1")
b=$(connect_weft "$(connect_string "$RXE_ADDR" "$SECOND"),nr_io_queues=1,queue_size=16")
shared=$(device_sum shared_receives)
echo "shared receives: $shared"
[ "$shared" -ge 112 ] || fail "the connections' commands have not all a receive"

both() {
	verify first "$a" &
	first=$!
	verify second "$b" &
	second=$!
	"$@"
	wait $first
	wait $second
}

break_off_twice() {
	for _ in 1 2; do
		sleep 2
		echo 1 > "/sys/class/$WEFT_CLASS/nvme$a/reset_controller"
		wait_for grep -qx live "/sys/class/$WEFT_CLASS/nvme$a/state"
	done
}

step "both at full depth"
both true
[ "$(< "$RNR")" = "$rnr" ] || fail "receiver not ready: $(($(< "$RNR") - rnr)) times"

# soft-RoCE may lose a receive with a connection, so that another host has to try again
step "the first one broken off twice"
both break_off_twice
echo "receiver not ready: $(($(< "$RNR") - rnr)) times"

[ "$(device_sum inline_sends)" -gt 1000 ] || fail "responses were not sent inline"
[ "$(device_sum forced_closes)" = 0 ] || fail "a connection did not end by itself"

disconnect_weft "$a"
disconnect_weft "$b"
nobody_shares() { [ "$(device_sum shared_receives)" = 0 ]; }
wait_for nobody_shares
unload_weft
check_clean
stop_target
teardown_rxe
