# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# shellcheck shell=bash
#
# Helpers of VM scenarios, sourced in the guest: `. "$WEFT_TOP/tests/vm/lib.sh"`.
# A failing command ends the scenario with its place and the end of the target's log;
# what at_exit was given runs in reverse order in any case. tools/vm/run sets VM_* and
# WEFT_*; everything the guest does is thrown away with it, so a scenario only cleans up
# what it wants to prove can be cleaned up.

set -eEuo pipefail
shopt -s inherit_errexit

: "${RXE_DEV:=rxe0}" "${RXE_ADDR:=10.9.0.1}" "${TRANSPORT:=rdma}"
: "${WEFT_RPC_SOCK:=/run/weft-target.sock}" "${WEFT_FABRICS:=/dev/nvme-fabrics}"
: "${WEFT_CLASS:=nvme}"
WEFT_CLI=$WEFT_BIN/weft
WEFT_NQN=nqn.2026-11.io.weft:disk1
TARGET_PID=
export WEFT_CLI WEFT_NQN WEFT_RPC_SOCK
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=99
export UBSAN_OPTIONS=print_stacktrace=1
ulimit -l unlimited
ulimit -c 0

# --- reporting ----------------------------------------------------------------

# step NAME: a heading in the output and, for the order of things, in the kernel log
step() {
	echo "== $*"
	echo "<6>weft-test: $*" > /dev/kmsg
}

fail() {
	echo "FAIL: $*"
	trap - ERR
	exit 1
}

skip() {
	echo "skipped: $*"
	trap - ERR
	exit 77
}

# at_exit COMMAND...: run at the end, last one first; failures there do not count
AT_EXIT=()
at_exit() { AT_EXIT+=("$*"); }

run_at_exit() {
	local rc=$? i
	trap - ERR
	set +e
	if [ $rc != 0 ] && [ $rc != 77 ]; then
		if [ -s "$VM_OUT/target.log" ]; then
			echo "-- end of target.log"
			tail -n 20 "$VM_OUT/target.log"
		fi
	fi
	for ((i = ${#AT_EXIT[@]} - 1; i >= 0; i--)); do
		eval "${AT_EXIT[i]}" > /dev/null 2>&1
	done
	exit $rc
}
trap run_at_exit EXIT
trap 'echo "FAIL: ${BASH_SOURCE[0]##*/}:$LINENO: $BASH_COMMAND (exit $?)"' ERR

# contains [GREP OPTIONS] PATTERN: is there a line like that in what is piped in? It reads on to
# the end, as grep -q would not: its writer would fail, and the pipe with it.
contains() { grep "$@" > /dev/null; }

# refute COMMAND...: the command must fail
refute() {
	if "$@"; then
		fail "succeeded, but must not: $*"
	fi
}

# wait_for [-t SECONDS] COMMAND...: poll until it succeeds; fails after the time
wait_for() {
	local seconds=60 n
	if [ "$1" = -t ]; then
		seconds=$2
		shift 2
	fi
	for ((n = 0; n < seconds * 5; n++)); do
		if "$@" > /dev/null 2>&1; then
			return 0
		fi
		sleep 0.2
	done
	fail "waited $seconds s in vain for: $*"
}

# KiB that nobody could have
guest_used_kib() {
	sync
	echo 3 > /proc/sys/vm/drop_caches
	awk '/^(MemFree|Buffers|Cached|SReclaimable):/ { free += $2 }
	     /^MemTotal:/ { total = $2 } END { print total - free }' /proc/meminfo
}

# --- two guests ---------------------------------------------------------------

# barrier NAME [SECONDS]: wait until the other guest gets here too
barrier() {
	local n other=a
	[ "$VM_ROLE" = b ] || other=b
	touch "$VM_SHARED/barrier.$1.$VM_ROLE"
	for ((n = 0; n < ${2:-120} * 5; n++)); do
		[ ! -e "$VM_SHARED/barrier.$1.$other" ] || return 0
		[ ! -e "$VM_SHARED/abort" ] || fail "barrier $1: the other guest has failed"
		sleep 0.2
	done
	fail "barrier $1: the other guest did not come within ${2:-120} s"
}

# --- modules ------------------------------------------------------------------

# need_modules NAME...: modules of the kernel itself; skips when one is missing
need_modules() {
	local m
	for m; do
		modprobe -q "$m" || skip "kernel $VM_RELEASE has no module $m"
	done
}

# where modules lie, by which a leak report is known as ours after unloading
note_modules() {
	awk '{ print $1, $6, $2 }' /proc/modules >> "$VM_OUT/modules.addr"
}

# insert_module FILE [PARAMETER=...]: its dependencies from the kernel first
insert_module() {
	local d depends
	depends=$(modinfo -F depends "$1")
	for d in ${depends//,/ }; do
		case $d in
		weft*) ;;
		*) modprobe "$d" ;;
		esac
	done
	insmod "$@"
	note_modules
}

# load_weft [PARAMETER=... of weft.ko]
load_weft() {
	insert_module "$WEFT_MODULES/weft.ko" "$@"
	insert_module "$WEFT_MODULES/weft-$TRANSPORT.ko"
	[ -e "$WEFT_FABRICS" ] || fail "weft.ko is loaded, but there is no $WEFT_FABRICS"
}

# load_host_beside_nvmet [PARAMETER=...]: after nvmet_setup; where nvmet brings the in-tree
# nvme-core along, our host runs beside it, under its own class
load_host_beside_nvmet() {
	if grep -q '^nvme_core ' /proc/modules; then
		WEFT_CLASS=weft
	fi
	load_weft "$@"
}

unload_weft() {
	note_modules
	rmmod "weft_$TRANSPORT"
	rmmod weft
}

# nothing of the host is left: modules, devices, classes
check_clean() {
	local left
	left=$(awk '/^weft/ { print $1 " (" $3 " references)" }' /proc/modules)
	[ -z "$left" ] || fail "modules are still loaded: $left"
	left=$(find /dev -maxdepth 1 \( -name 'nvme*' -o -name 'ng[0-9]*' -o -name 'weft*' \))
	if ! grep -q '^nvme_core ' /proc/modules; then
		[ -z "$left" ] || fail "devices are left: $left"
		left=$(find /sys/class -maxdepth 1 -name 'nvme*')
		[ -z "$left" ] || fail "classes are left: $left"
	fi
	# not find: a folder of debugfs may have its root's inode number, a loop to find
	left=$(compgen -G '/sys/class/weft*' || true)$(compgen -G '/sys/kernel/debug/weft*' || true)
	[ -z "$left" ] || fail "still there: $left"
}

# --- soft-RoCE ----------------------------------------------------------------

# One guest: a veth pair with 10.9.0.1. Two guests: the common network, 10.9.1.1 (a)
# and 10.9.1.2 (b). Sets RXE_ADDR, and RXE_PEER to the other guest's address.
setup_rxe() {
	local net=v0
	need_modules rdma_rxe rdma_ucm
	if [ "$VM_GUESTS" = 2 ]; then
		net=$VM_NETDEV
		RXE_ADDR=10.9.1.1 RXE_PEER=10.9.1.2
		[ "$VM_ROLE" = a ] || { RXE_ADDR=10.9.1.2 RXE_PEER=10.9.1.1; }
	else
		RXE_PEER=$RXE_ADDR
		ip link add v0 type veth peer name v1
		ip addr add "$RXE_ADDR/24" dev v0
		ip link set v0 mtu 4200 up
		ip link set v1 mtu 4200 up
	fi
	rdma link add "$RXE_DEV" type rxe netdev "$net"
	wait_for test -e /dev/infiniband/rdma_cm
	wait_for rxe_is_active
	export RXE_ADDR RXE_PEER
}

# setup_net: for $TRANSPORT, which is rdma or tcp. TCP in one guest needs only the address,
# on a device of its own; its packets go over lo.
setup_net() {
	if [ "$TRANSPORT" = rdma ]; then
		setup_rxe
	elif [ "$VM_GUESTS" = 2 ]; then
		RXE_ADDR=10.9.1.1 RXE_PEER=10.9.1.2
		[ "$VM_ROLE" = a ] || { RXE_ADDR=10.9.1.2 RXE_PEER=10.9.1.1; }
	else
		RXE_PEER=$RXE_ADDR
		ip link set lo up
		ip link add v0 type dummy
		ip addr add "$RXE_ADDR/24" dev v0
		ip link set v0 up
	fi
}

teardown_net() {
	if [ "$TRANSPORT" = rdma ]; then
		teardown_rxe
	elif [ "$VM_GUESTS" != 2 ]; then
		ip link delete v0
	fi
}

rxe_is_active() { grep -q ACTIVE "/sys/class/infiniband/$RXE_DEV/ports/1/state"; }

# unloading soft-RoCE proves that nobody holds a queue pair or a region any more
teardown_rxe() {
	rdma link delete "$RXE_DEV"
	wait_for -t 30 rmmod rdma_rxe
	[ "$VM_GUESTS" = 2 ] || ip link delete v0
}

# --- our target ---------------------------------------------------------------

# rpc METHOD [JSON]: prints the result; fails with the error on stderr
rpc() { python3 "$WEFT_TOP/tests/vm/rpc.py" "$WEFT_RPC_SOCK" "$@"; }

target_answers() {
	kill -0 "$TARGET_PID" || { TARGET_DEAD=1; return 0; }
	[ -S "$WEFT_RPC_SOCK" ] && rpc rpc_get_methods
}

# start_target [CONFIG.json] [OPTIONS...]: in the background, until it answers
start_target() {
	local args=(-r "$WEFT_RPC_SOCK")
	case ${1:-} in
	*.json)
		args+=(--config "$1")
		shift
		;;
	esac
	rm -f "$WEFT_RPC_SOCK"
	TARGET_DEAD=
	"$WEFT_TARGET_BIN" "${args[@]}" "$@" >> "$VM_OUT/target.log" 2>&1 &
	TARGET_PID=$!
	at_exit "kill -9 $TARGET_PID"
	wait_for -t 120 target_answers
	[ -z "$TARGET_DEAD" ] || fail "the target ended while starting"
}

# SIGTERM, and it must end with 0: a leak or a bad access makes it 99
stop_target() {
	local rc=0
	kill -TERM "$TARGET_PID"
	wait_for -t 120 target_is_gone
	wait "$TARGET_PID" || rc=$?
	TARGET_PID=
	[ $rc = 0 ] || fail "the target ended with $rc"
}

# Z: ended, but not yet waited for
target_is_gone() {
	[ ! -e "/proc/$TARGET_PID" ] || grep -q '^State:.*Z' "/proc/$TARGET_PID/status"
}

# SIGKILL, as a crash would
kill_target() {
	kill -KILL "$TARGET_PID"
	wait "$TARGET_PID" 2> /dev/null || true
	TARGET_PID=
}

# target_with_disk [NQN] [BDEV METHOD] [BDEV PARAMETERS]: one subsystem with one
# namespace and a listener on $RXE_ADDR:4420, by RPC; default a 64 MiB malloc disk.
# $SUBSYSTEM has further parameters of nvmf_create_subsystem, each with a comma before it.
target_with_disk() {
	local nqn=${1:-$WEFT_NQN} method=${2:-bdev_malloc_create} bdev
	local params=${3:-'{"name":"disk1","num_blocks":131072,"block_size":512}'} listen
	bdev=$(rpc "$method" "$params")
	rpc nvmf_get_transports | contains -i "$TRANSPORT" ||
		rpc nvmf_create_transport "{\"trtype\":\"${TRANSPORT^^}\"}"
	listen='"trtype":"'${TRANSPORT^^}'","adrfam":"IPv4","trsvcid":"4420"'
	listen+=',"traddr":"'$RXE_ADDR'"'
	rpc nvmf_create_subsystem \
		"{\"nqn\":\"$nqn\",\"allow_any_host\":true,\"serial_number\":\"WEFT0001\"${SUBSYSTEM:-}}"
	rpc nvmf_subsystem_add_ns "{\"nqn\":\"$nqn\",\"namespace\":{\"bdev_name\":$bdev}}"
	rpc nvmf_subsystem_add_listener "{\"nqn\":\"$nqn\",\"listen_address\":{$listen}}"
}

# reads_take SECONDS: of disk1, if that is a delay bdev
reads_take() {
	local which
	for which in avg_read p99_read; do
		rpc bdev_delay_update_latency "{\"delay_bdev_name\":\"disk1\",
			\"latency_type\":\"$which\",\"latency_us\":$(($1 * 1000000))}" > /dev/null
	done
}

# --- our host -----------------------------------------------------------------

# connect_weft OPTIONS: writes the connect string and prints the instance number;
# on failure prints the reason line on stderr and returns 1
connect_weft() {
	local fd line rc=0
	exec {fd}<> "$WEFT_FABRICS"
	printf '%s' "$1" >&"$fd" 2> /dev/null || rc=1
	line=$(cat <&"$fd") || true
	exec {fd}>&-
	if [ $rc != 0 ]; then
		echo "connect '$1': $line" >&2
		return 1
	fi
	line=${line#*instance=}
	echo "${line%%,*}"
}

# connect_string [ADDRESS] [NQN]
connect_string() {
	echo "transport=$TRANSPORT,traddr=${1:-$RXE_ADDR},trsvcid=4420,nqn=${2:-$WEFT_NQN}"
}

# disk_of DIRECTORY: the first disk of the controller that has it in sysfs. Disks are named
# for the subsystem, whose number is not the controller's if others came first.
disk_of() {
	local d=("$1"/nvme*n1)
	echo "/dev/$(basename "${d[0]}" | sed 's/c[0-9]*n/n/')"
}

disconnect_weft() {
	echo 1 > "/sys/class/$WEFT_CLASS/nvme$1/delete_controller"
	wait_for test ! -e "/sys/class/$WEFT_CLASS/nvme$1"
}

# --- in-tree target -----------------------------------------------------------

NVMET=/sys/kernel/config/nvmet
NULLB=/sys/kernel/config/nullb/backing

# nvmet_setup [NQN] [null|FILE] [MEGABYTES]: in-tree nvmet with one namespace on
# a memory-backed null_blk or a file; in-capsule data up to $NVMET_INLINE bytes if that
# is set. On 6.12 this loads the in-tree nvme-core.
nvmet_setup() {
	local nqn=${1:-$WEFT_NQN} backing=${2:-null} mb=${3:-256} sub dev
	need_modules nvmet "nvmet-$TRANSPORT"
	dev=$backing
	if [ "$backing" = null ]; then
		nvmet_null_blk "$mb"
		dev=$NVMET_NULL
	elif [ ! -e "$backing" ]; then
		truncate -s "${mb}M" "$backing"
	fi
	sub=$NVMET/subsystems/$nqn
	mkdir "$sub"
	echo 1 > "$sub/attr_allow_any_host"
	mkdir "$sub/namespaces/1"
	printf '%s' "$dev" > "$sub/namespaces/1/device_path"
	echo 1 > "$sub/namespaces/1/enable"
	if [ ! -d "$NVMET/ports/1" ]; then
		mkdir "$NVMET/ports/1"
		echo "$TRANSPORT" > "$NVMET/ports/1/addr_trtype"
		[ -z "${NVMET_INLINE:-}" ] ||
			echo "$NVMET_INLINE" > "$NVMET/ports/1/param_inline_data_size"
		echo ipv4 > "$NVMET/ports/1/addr_adrfam"
		echo "$RXE_ADDR" > "$NVMET/ports/1/addr_traddr"
		echo 4420 > "$NVMET/ports/1/addr_trsvcid"
	fi
	ln -s "$sub" "$NVMET/ports/1/subsystems/$nqn"
}

# memory-backed disk, which takes NULL_NSEC for an I/O if that is set; the kernel names it
# by index or by its configfs folder
nvmet_null_blk() {
	local d=$NULLB
	grep -q '^null_blk ' /proc/modules || modprobe null_blk nr_devices=0
	mkdir "$d"
	echo "$1" > "$d/size"
	echo 1 > "$d/memory_backed"
	echo 512 > "$d/blocksize"
	if [ -n "${NULL_NSEC:-}" ]; then
		echo 2 > "$d/irqmode"
		echo "$NULL_NSEC" > "$d/completion_nsec"
	fi
	echo 1 > "$d/power"
	NVMET_NULL=/dev/backing
	[ -e "$NVMET_NULL" ] || NVMET_NULL=/dev/nullb$(< "$d/index")
	wait_for test -b "$NVMET_NULL"
}

nvmet_teardown() {
	local nqn=${1:-$WEFT_NQN}
	rm "$NVMET/ports/1/subsystems/$nqn"
	echo 0 > "$NVMET/subsystems/$nqn/namespaces/1/enable"
	rmdir "$NVMET/subsystems/$nqn/namespaces/1" "$NVMET/subsystems/$nqn"
	if [ -z "$(ls "$NVMET/ports/1/subsystems")" ]; then
		rmdir "$NVMET/ports/1"
		[ ! -d "$NULLB" ] || rmdir "$NULLB"
		wait_for -t 30 rmmod "nvmet-$TRANSPORT"
		rmmod nvmet
	fi
}
