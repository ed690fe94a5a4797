# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# shellcheck shell=bash
# RDMA over soft-RoCE, in one boot: {Weft, in-tree} host x {Weft, in-tree} target,
# alternating A B A B, so that only ratios inside the boot are compared. Runs in the
# guest; one JSON line per measurement in $VM_OUT/results.jsonl.
# timeout: 3600
# daemon: release
. "$WEFT_TOP/tests/vm/lib.sh"

: "${ROUNDS:=2}" "${RUNTIME:=4}" "${DEPTHS:=1 32}" "${PATTERNS:=randread randwrite}"
NVMET_NQN=nqn.2026-11.io.weft:nvmet
WEFT_CLASS=weft

weft_connect() {
	local i
	i=$(connect_weft "transport=rdma,traddr=$RXE_ADDR,trsvcid=$2,nqn=$1,nr_io_queues=1")
	DISK=/dev/nvme${i}n1
	CTRL=$i
}

weft_disconnect() { disconnect_weft "$CTRL"; }

intree_connect() {
	nvme connect -t rdma -a "$RXE_ADDR" -s "$2" -n "$1" -i 1
	CTRL=$1
	wait_for intree_disk
}

intree_disk() {
	local c
	for c in /sys/class/nvme/nvme*; do
		if [ "$(< "$c/subsysnqn")" = "$CTRL" ]; then
			DISK=/dev/${c##*/}n1
			[ -b "$DISK" ] && return 0
		fi
	done
	return 1
}

intree_disconnect() { nvme disconnect -n "$CTRL" > /dev/null; }

# measure HOST TARGET NQN PORT ROUND
measure() {
	local pattern depth
	"$1_connect" "$3" "$4"
	for pattern in $PATTERNS; do
		for depth in $DEPTHS; do
			fio --output="$VM_OUT/fio.json" --output-format=json --name=b \
				--filename="$DISK" --direct=1 --ioengine=io_uring \
				--rw="$pattern" --bs=4k --iodepth="$depth" --size=64m \
				--iodepth_batch_submit=8 --iodepth_batch_complete_min=1 \
				--iodepth_batch_complete_max=8 --randrepeat=1 \
				--ramp_time=1 --time_based --runtime="$RUNTIME"
			python3 - "$@" "$pattern" "$depth" >> "$VM_OUT/results.jsonl" <<-'PY'
			import json, os, sys
			host, target, _, _, turn, pattern, depth = sys.argv[1:]
			job = json.load(open(os.environ["VM_OUT"] + "/fio.json"))["jobs"][0]
			d = job["read" if "read" in pattern else "write"]
			print(json.dumps({"host": host, "target": target, "round": int(turn),
			    "pattern": pattern, "depth": int(depth), "iops": d["iops"],
			    "p50_us": d["clat_ns"]["percentile"]["50.000000"] / 1000,
			    "p99_us": d["clat_ns"]["percentile"]["99.000000"] / 1000}))
			PY
		done
	done
	"$1_disconnect"
}

setup_rxe
need_modules nvme-rdma
load_weft control_device=weft-fabrics
WEFT_FABRICS=/dev/weft-fabrics
mkdir -p /etc/nvme
[ -s /etc/nvme/hostnqn ] || nvme gen-hostnqn > /etc/nvme/hostnqn
nvmet_setup "$NVMET_NQN" null 128
start_target -m 1
RXE_PORT=4421
rpc bdev_malloc_create '{"name":"bench","num_blocks":262144,"block_size":512}' > /dev/null
rpc nvmf_create_transport '{"trtype":"RDMA"}' > /dev/null
rpc nvmf_create_subsystem "{\"nqn\":\"$WEFT_NQN\",\"allow_any_host\":true}" > /dev/null
rpc nvmf_subsystem_add_ns "{\"nqn\":\"$WEFT_NQN\",\"namespace\":{\"bdev_name\":\"bench\"}}" > /dev/null
rpc nvmf_subsystem_add_listener "{\"nqn\":\"$WEFT_NQN\",\"listen_address\":{\"trtype\":\"RDMA\",\"traddr\":\"$RXE_ADDR\",\"trsvcid\":\"$RXE_PORT\"}}" > /dev/null
for ((turn = 1; turn <= ROUNDS; turn++)); do
	for host in weft intree; do
		step "round $turn: $host host"
		measure "$host" weft "$WEFT_NQN" "$RXE_PORT" "$turn"
		measure "$host" nvmet "$NVMET_NQN" 4420 "$turn"
	done
done
