# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Shared receives (no_srq=false). Many idle queue pairs have little memory. When all of them
# are used at full depth at once, with slow disks, receives are made, hosts may have to try
# again meanwhile, and no I/O fails; after that the same load never meets a target without
# a receive. Then two controllers with verified I/O, of which one is broken off and connected
# again meanwhile. Responses are sent inline. All transfers of the first part are capsules or
# copies: soft-RoCE has faults of its own where registered memory is sent again.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 600
. "$WEFT_TOP/tests/vm/lib.sh"

HW=/sys/class/infiniband/$RXE_DEV/ports/1/hw_counters
HOSTS=3		# with two I/O queues each
DEPTH=128
# packets that are sent again keep two emulated processors busy for longer than 5 s
PATIENT=keep_alive_tmo=60
BUSY=$((DEPTH - 1))	# the host keeps one place of a queue free
SLOT=4160	# a command and 4 KiB
DIR=/sys/class/$WEFT_CLASS

# device_sum NAME: of all reactors
device_sum() {
	rpc nvmf_get_stats | python3 -c '
import json, sys
groups = json.load(sys.stdin)["poll_groups"]
print(sum(d[sys.argv[1]] for g in groups for t in g["transports"] for d in t["devices"]))' "$1"
}

nobody_shares() { [ "$(device_sum shared_receives)" = 0 ]; }
rnr() { cat "$HW/send_rnr_err"; }
pinned_kib() { awk '$1 == "VmPin:" { print $2 }' "/proc/$TARGET_PID/status"; }

# slow_disk NQN NAME: a small one, whose writes take as long as writes_take says
slow_disk() {
	rpc bdev_malloc_create "{\"name\":\"$2-ram\",\"num_blocks\":8192,\"block_size\":512}"
	target_with_disk "$1" bdev_delay_create "{\"base_bdev_name\":\"$2-ram\",\"name\":\"$2\",
		\"avg_read_latency\":0,\"p99_read_latency\":0,
		\"avg_write_latency\":0,\"p99_write_latency\":0}"
}

writes_take() {
	local h kind
	for ((h = 0; h < HOSTS; h++)); do
		for kind in avg_write p99_write; do
			rpc bdev_delay_update_latency "{\"delay_bdev_name\":\"slow$h\",
				\"latency_type\":\"$kind\",\"latency_us\":$(($1 * 1000000))}"
		done
	done > /dev/null
}

# flood NAME: verified writes that fill all queues of all controllers at the same time
flood() {
	local i jobs=()
	for i in "${all[@]}"; do
		fio --name="$1" --filename="$(disk_of "$DIR/nvme$i")" --direct=1 \
			--ioengine=libaio --rw=randwrite --bs=4k --iodepth=$BUSY \
			--iodepth_batch_submit=$BUSY --numjobs=2 --cpus_allowed=0-1 \
			--cpus_allowed_policy=split --size=$((BUSY * 4))k \
			--offset_increment=1M --verify=crc32c --do_verify=1 --verify_fatal=1 \
			--verify_state_save=0 --group_reporting --minimal \
			> "$VM_OUT/fio-$1-$i.txt" &
		jobs+=($!)
	done
	for i in "${jobs[@]}"; do
		wait "$i"
	done
	for i in "${all[@]}"; do
		[ -z "$(cat "$DIR/nvme$i/last_error")" ] || fail "$(cat "$DIR/nvme$i/last_error")"
	done
	echo "$1: $(device_sum shared_receives) receives in" \
		"$(device_sum shared_receive_chunks) chunks, receiver not ready: $(rnr)"
}

# verify NAME INSTANCE
verify() {
	fio --name="$1" --filename="$(disk_of "$DIR/nvme$2")" --direct=1 \
		--ioengine=libaio --rw=randwrite --bsrange=512-16k --blockalign=512 \
		--iodepth=32 --iodepth_batch_submit=16 --size=8M --verify=crc32c --do_verify=1 \
		--verify_fatal=1 --verify_state_save=0 --minimal > "$VM_OUT/fio-$1.txt"
}

setup_rxe
load_weft
start_target
rpc nvmf_create_transport '{"trtype":"RDMA","no_srq":false,"max_srq_depth":2048}'

step "many idle queue pairs"
for ((h = 0; h < HOSTS; h++)); do
	slow_disk "$WEFT_NQN-slow$h" "slow$h"
done
pairs=$((HOSTS * 2))
all=()
for ((h = 0; h < HOSTS; h++)); do
	all+=("$(connect_weft "$(connect_string "$RXE_ADDR" \
		"$WEFT_NQN-slow$h"),nr_io_queues=2,queue_size=$DEPTH,$PATIENT")")
done
# what the block layer merges would be registered
for d in /sys/block/nvme*n1/queue/nomerges; do
	echo 2 > "$d"
done
idle=$(device_sum shared_receives)
claims=$(device_sum shared_receive_claims)
echo "$pairs queue pairs of depth $DEPTH claim $claims receives and have $idle:" \
	"$((idle * SLOT / pairs / 1024)) KiB each; with responses and data buffers" \
	"the daemon has $(pinned_kib) KiB of registered memory"
[ "$claims" -ge $((pairs * DEPTH)) ] || fail "not all queue pairs share receives"
[ $((idle * SLOT / pairs)) -lt $((256 * 1024)) ] || fail "that is too much"

step "all of them at full depth"
writes_take 10
# once, unless the jobs do not meet on a slow machine
for round in 1 2 3 4; do
	flood "first-$round"
	grown=$(device_sum shared_receives)
	[ "$grown" -lt $((pairs * BUSY)) ] || break
done
[ "$grown" -ge $((pairs * BUSY)) ] || fail "only $grown receives after that"
[ "$grown" -le "$claims" ] || fail "more receives than claims: $grown"

step "all of them at full depth again"
before=$(rnr)
flood second
writes_take 0
flood fast
[ "$(rnr)" = "$before" ] || fail "receiver not ready: $(($(rnr) - before)) times"
[ "$(device_sum shared_receive_failures)" = 0 ] || fail "there was no memory"
for i in "${all[@]}"; do
	disconnect_weft "$i"
done
wait_for nobody_shares

SECOND=nqn.2026-11.io.weft:disk2
target_with_disk
target_with_disk "$SECOND" bdev_malloc_create \
	'{"name":"disk2","num_blocks":65536,"block_size":512}'
a=$(connect_weft "$(connect_string),nr_io_queues=2,queue_size=32,reconnect_delay=1")
b=$(connect_weft "$(connect_string "$RXE_ADDR" "$SECOND"),nr_io_queues=1,queue_size=16")

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
		echo 1 > "$DIR/nvme$a/reset_controller"
		wait_for grep -qx live "$DIR/nvme$a/state"
	done
}

step "two controllers"
both true

# soft-RoCE may lose a receive with a connection, so that another host has to try again
step "the first one broken off twice"
before=$(rnr)
both break_off_twice
echo "receiver not ready: $(($(rnr) - before)) times"

[ "$(device_sum inline_sends)" -gt 1000 ] || fail "responses were not sent inline"
[ "$(device_sum forced_closes)" = 0 ] || fail "a connection did not end by itself"

disconnect_weft "$a"
disconnect_weft "$b"
wait_for nobody_shares
unload_weft
check_clean
stop_target
teardown_rxe
