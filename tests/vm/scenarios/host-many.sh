# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# 64 controllers at once, of 64 subsystems: connected side by side, written and read,
# deleted side by side, twice; time and memory of each are printed, and what the second
# round leaves is what the first one left.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# daemon: release
# timeout: 500
. "$WEFT_TOP/tests/vm/lib.sh"

ALL=64
WIDTH=$ALL
# where the last of 64 would not be answered within the limits of connecting
[ "$VM_KERNEL" != debug ] || WIDTH=16
NQN=nqn.2026-11.io.weft:many
# 64 connects keep two emulated processors busy for longer than 5 s
OPTIONS=nr_io_queues=1,queue_size=16,keep_alive_tmo=60
dir=/sys/class/$WEFT_CLASS

config() {
	python3 - "$ALL" "$RXE_ADDR" "$1" "$NQN" <<- 'EOF'
		import json, sys
		n, (address, path, prefix) = int(sys.argv[1]), sys.argv[2:]
		bdevs = [("bdev_malloc_create", {"name": f"m{i}", "num_blocks": 2048,
		                                 "block_size": 512}) for i in range(n)]
		nvmf = [("nvmf_create_transport", {"trtype": "RDMA"})]
		for i in range(n):
		    nqn = f"{prefix}{i}"
		    nvmf += [("nvmf_create_subsystem", {"nqn": nqn, "allow_any_host": True}),
		             ("nvmf_subsystem_add_ns", {"nqn": nqn,
		                                        "namespace": {"bdev_name": f"m{i}"}}),
		             ("nvmf_subsystem_add_listener", {"nqn": nqn, "listen_address": {
		                 "trtype": "RDMA", "adrfam": "IPv4", "traddr": address,
		                 "trsvcid": "4420"}})]
		parts = [{"subsystem": s, "config": [{"method": m, "params": p} for m, p in calls]}
		         for s, calls in (("bdev", bdevs), ("nvmf", nvmf))]
		with open(path, "w", encoding="utf-8") as f:
		    json.dump({"subsystems": parts}, f)
	EOF
}

seconds() { awk '{ print $1 }' /proc/uptime; }
all_there() { [ "$(ls "$dir" | wc -l)" = $ALL ]; }
none() { [ -z "$(ls -A "$dir")" ]; }

# each FUNCTION: for all controllers side by side
each() {
	local c jobs=()
	for c in "$dir"/nvme*; do
		"$1" "$c" &
		jobs+=($!)
	done
	for c in "${jobs[@]}"; do
		wait "$c" || fail "$1 failed for one of $ALL"
	done
}

# connect_from N: WIDTH of them
connect_from() {
	local n jobs=()
	for ((n = $1; n < $1 + WIDTH; n++)); do
		connect_weft "$(connect_string "$RXE_ADDR" "$NQN$n"),$OPTIONS" > /dev/null &
		jobs+=($!)
	done
	for n in "${jobs[@]}"; do
		wait "$n" || fail "a connect failed"
	done
}

connect_all() {
	local n
	for ((n = 0; n < ALL; n += WIDTH)); do
		connect_from "$n"
	done
	all_there || fail "$(ls "$dir" | wc -l) controllers"
}

has_disk() { [ -b "$(disk_of "$1")" ]; }
# its own NQN, written to its disk and read back
use() {
	local disk
	wait_for has_disk "$1"
	disk=$(disk_of "$1")
	dd if="$1/subsysnqn" of="$disk" bs=512 conv=sync oflag=direct status=none
	dd if="$disk" bs=512 count=1 iflag=direct status=none | tr -d '\0' |
		cmp - "$1/subsysnqn"
}
delete() { echo 1 > "$1/delete_controller"; }
# soft-RoCE takes its time to flush what a queue pair has posted
target_is_idle() {
	! rpc nvmf_get_stats | grep -Eq '"current_(admin|io)_qpairs": [1-9]'
}
# A busy guest frees late (RCU, works): only what stays is a leak. Losing a quarter of
# what controllers hold does not pass.
is_flat() {
	left=$(guest_used_kib)
	[ $((left - first)) -lt $(((held - used) / 4)) ]
}

setup_rxe
load_weft
config /run/many.json
start_target /run/many.json

for round in 1 2; do
	step "round $round"
	used=$(guest_used_kib) from=$(seconds)
	connect_all
	connected=$(seconds)
	each use
	ended=$(seconds) held=$(guest_used_kib)
	echo "connected in $(python3 -c "print(round($connected - $from, 1))") s," \
		"used in $(python3 -c "print(round($ended - $connected, 1))") s;" \
		"$(((held - used) / ALL)) KiB a controller, both ends"
	from=$(seconds)
	each delete
	wait_for none
	echo "deleted in $(python3 -c "print(round($(seconds) - $from, 1))") s"
	wait_for target_is_idle
	[ $round = 2 ] || first=$(guest_used_kib)
done
wait_for is_flat
echo "memory after a round: $first KiB, after two: $left KiB"

stop_target
unload_weft
teardown_rxe
check_clean
