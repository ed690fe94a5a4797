# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# shellcheck shell=bash
#
# What the benchmarks in a guest have in common, sourced after tests/vm/lib.sh. TRANSPORT
# (rdma or tcp) says over what; everything else is the same.
#
#	bench_setup	modules, both targets, their disks
#	bench_matrix	every cell of HOSTS x TARGETS x BACKENDS x QUEUES x SIZES x PATTERNS x
#			DEPTHS, ROUNDS times; hosts and targets alternate inside a round, so
#			that only what ran in one boot, side by side, is compared
#
# A cell is one fio run. It leaves raw files in $VM_OUT/cells/N, from which results.py
# makes rows on the machine: a script in the guest would cost emulated time. The file
# "cell" is the last of them.

: "${HOSTS:=weft intree}" "${TARGETS:=weft nvmet}" "${BACKENDS:=memory}" "${QUEUES:=1}"
: "${SIZES:=4k}" "${PATTERNS:=randread randwrite}" "${DEPTHS:=1 32}" "${ROUNDS:=1}"
# of weft-target, such as --mode interrupt
: "${TARGET_OPTIONS:=-m 1}"
# bounce_bytes of Weft's host over RDMA; empty: its default
: "${BOUNCE:=}"
# milliseconds of guest time: fio measures RUNTIME after RAMP; in the middle of it
# instructions are counted for WINDOW
: "${RUNTIME:=600}" "${RAMP:=200}" "${WINDOW:=300}"

# beside the in-tree host
WEFT_CLASS=weft
# shellcheck disable=SC2034 # of tests/vm/lib.sh
WEFT_FABRICS=/dev/weft-fabrics
declare -A BENCH_PORT=([weft]=4421 [nvmet]=4420)
CELL=0

bench_nqn() { echo "nqn.2026-11.io.weft:$1-$2"; }

# --- targets ------------------------------------------------------------------

# /dev/nullb0, which forgets, and a memory-backed one
bench_nvmet() {
	local backend
	modprobe null_blk nr_devices=1 gb=1 bs=512
	for backend in $BACKENDS; do
		case $backend in
		null) nvmet_setup "$(bench_nqn nvmet null)" /dev/nullb0 ;;
		memory)
			nvmet_setup "$(bench_nqn nvmet memory)" null 128
			# what was never written would be read without touching memory
			dd if=/dev/zero of="$NVMET_NULL" bs=1M count=64 oflag=direct status=none
			;;
		*) fail "BACKENDS: '$backend': accepted are memory and null" ;;
		esac
	done
}

bench_weft_target() {
	local backend nqn method listen
	declare -A method=([memory]=bdev_malloc_create [null]=bdev_null_create)
	# shellcheck disable=SC2086 # words
	start_target $TARGET_OPTIONS
	echo "$TARGET_PID" > "$VM_OUT/target.pid"
	rpc nvmf_create_transport "{\"trtype\":\"${TRANSPORT^^}\"}" > /dev/null
	listen="{\"trtype\":\"${TRANSPORT^^}\",\"adrfam\":\"IPv4\",\"traddr\":\"$RXE_ADDR\""
	listen+=",\"trsvcid\":\"${BENCH_PORT[weft]}\"}"
	for backend in $BACKENDS; do
		nqn=$(bench_nqn weft "$backend")
		rpc "${method[$backend]}" \
			"{\"name\":\"$backend\",\"num_blocks\":262144,\"block_size\":512}"
		rpc nvmf_create_subsystem "{\"nqn\":\"$nqn\",\"allow_any_host\":true}"
		rpc nvmf_subsystem_add_ns \
			"{\"nqn\":\"$nqn\",\"namespace\":{\"bdev_name\":\"$backend\"}}"
		rpc nvmf_subsystem_add_listener "{\"nqn\":\"$nqn\",\"listen_address\":$listen}"
	done > /dev/null
}

bench_setup() {
	setup_net
	need_modules "nvme-$TRANSPORT"
	load_weft control_device=weft-fabrics
	[ -z "$BOUNCE" ] || [ "$TRANSPORT" != rdma ] ||
		echo "$BOUNCE" > /sys/module/weft_rdma/parameters/bounce_bytes
	mkdir -p /etc/nvme "$VM_OUT/cells"
	[ -s /etc/nvme/hostnqn ] || nvme gen-hostnqn > /etc/nvme/hostnqn
	bench_nvmet
	bench_weft_target
	# by which addresses get names
	cat /proc/kallsyms > "$VM_OUT/kallsyms"
	cat "/proc/$TARGET_PID/maps" > "$VM_OUT/target.maps"
	uname -r > "$VM_OUT/release"
}

# --- hosts --------------------------------------------------------------------

# found DIRECTORY: sets DISK, and STAT to the statistics of its path, of the controller that
# has it in sysfs. Disks over several paths do not count on every kernel; paths do.
found() {
	local path=("$1"/nvme*n1)
	DISK=$(disk_of "$1")
	STAT=${path[0]}/stat
	[ -b "$DISK" ] && [ -e "$STAT" ]
}

# HOST_connect NQN PORT QUEUES: sets DISK, STAT, and CTRL for HOST_disconnect
weft_connect() {
	CTRL=$(connect_weft "transport=$TRANSPORT,traddr=$RXE_ADDR,trsvcid=$2,nqn=$1,nr_io_queues=$3")
	wait_for found "/sys/class/$WEFT_CLASS/nvme$CTRL"
}

weft_disconnect() { disconnect_weft "$CTRL"; }

# its counters: the sum over its I/O queues
weft_counters() {
	awk '{ sum[$1] += $2 } END { for (n in sum) print n, sum[n] }' \
		"/sys/kernel/debug/weft/nvme$CTRL"/queue[1-9]*
}

intree_connect() {
	nvme connect -t "$TRANSPORT" -a "$RXE_ADDR" -s "$2" -n "$1" -i "$3" > /dev/null
	CTRL=$1
	wait_for intree_disk
}

intree_disk() {
	local c
	for c in /sys/class/nvme/nvme*; do
		if [ "$(< "$c/subsysnqn")" = "$CTRL" ]; then
			found "$c" && return 0
		fi
	done
	return 1
}

intree_disconnect() { nvme disconnect -n "$CTRL" > /dev/null; }

intree_counters() { :; }

# not rpc of lib.sh, whose Python costs emulated time
ask() { WEFT_RPC_SOCKET=$WEFT_RPC_SOCK "$WEFT_CLI" target rpc "$1"; }

# a list of what two methods answer; nvmet counts nothing
weft_target_counters() { echo "[$(ask nvmf_get_stats), $(ask nvmf_get_statistics)]"; }
nvmet_target_counters() { :; }

# --- measuring ----------------------------------------------------------------

# counters WHEN HOST TARGET: when is before or after
counters() {
	"$2_counters" > "$CELL_DIR/host.$1"
	"$3_target_counters" > "$CELL_DIR/target.$1"
}

# cell HOST TARGET BACKEND QUEUES ROUND PATTERN SIZE DEPTH
cell() {
	local load
	CELL=$((CELL + 1))
	CELL_DIR=$VM_OUT/cells/$CELL
	mkdir "$CELL_DIR"
	echo "cell $CELL of $CELLS: $*"
	counters before "$1" "$2"
	fio --output="$CELL_DIR/fio.json" --output-format=json --name=b --filename="$DISK" \
		--direct=1 --ioengine=io_uring --rw="$6" --bs="$7" --iodepth="$8" \
		--size=32m --numjobs="$4" --group_reporting --randrepeat=1 \
		--iodepth_batch_submit=8 --iodepth_batch_complete_min=1 \
		--clat_percentiles=0 --lat_percentiles=1 \
		--iodepth_batch_complete_max=8 \
		--ramp_time="${RAMP}ms" --time_based --runtime="${RUNTIME}ms" &
	load=$!
	"$BENCH_WINDOW" "$(((RAMP + RUNTIME - WINDOW) / 2))" "$WINDOW" "$STAT" \
		> "$CELL_DIR/window"
	wait $load
	counters after "$1" "$2"
	[ ! -e "$VM_OUT/instructions" ] || mv "$VM_OUT/instructions" "$CELL_DIR/"
	echo "$TRANSPORT $*" > "$CELL_DIR/cell"
}

# how many cells the matrix has
bench_cells() {
	local n=$ROUNDS list
	for list in "$HOSTS" "$TARGETS" "$BACKENDS" "$QUEUES" "$SIZES" "$PATTERNS" "$DEPTHS"; do
		n=$((n * $(wc -w <<< "$list")))
	done
	echo "$n"
}

# pair HOST TARGET BACKEND QUEUES ROUND: all its cells on one connection
pair() {
	local size pattern depth
	"$1_connect" "$(bench_nqn "$2" "$3")" "${BENCH_PORT[$2]}" "$4"
	for size in $SIZES; do
		for pattern in $PATTERNS; do
			for depth in $DEPTHS; do
				cell "$@" "$pattern" "$size" "$depth"
			done
		done
	done
	"$1_disconnect"
}

bench_matrix() {
	local turn backend queues host target
	CELLS=$(bench_cells)
	for ((turn = 1; turn <= ROUNDS; turn++)); do
		for backend in $BACKENDS; do
			for queues in $QUEUES; do
				for target in $TARGETS; do
					for host in $HOSTS; do
						pair "$host" "$target" "$backend" "$queues" "$turn"
					done
				done
			done
		done
	done
}
