# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# The daemon as an ordinary user without hugepages: it serves a disk; with too little
# lockable memory it says which limit, how much it is and how much is needed, refuses
# the connection, and lives on.
# kernels: 6.1 6.12
# tier: full
# check-kernels: 6.12
# timeout: 400
# daemon: release
. "$WEFT_TOP/tests/vm/lib.sh"

# as_user KIB COMMAND...: as nobody, with so much lockable memory; in the background, in
# place of the shell that was forked for it
as_user() {
	local kib=$1
	shift
	exec setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all \
		prlimit --memlock=$((kib * 1024)) "$@"
}

start_as_user() {
	rm -f /run/user/weft.sock
	TARGET_DEAD=
	as_user "$1" "$WEFT_TARGET_BIN" -r /run/user/weft.sock >> "$VM_OUT/target.log" 2>&1 &
	TARGET_PID=$!
	at_exit "kill -9 $TARGET_PID"
	WEFT_RPC_SOCK=/run/user/weft.sock
	wait_for -t 120 target_answers
	[ -z "$TARGET_DEAD" ] || fail "the target ended while starting"
}

setup_rxe
load_weft
chmod 0666 /dev/infiniband/*
mkdir -p /run/user
chown 65534:65534 /run/user
[ "$(< /proc/sys/vm/nr_hugepages)" = 0 ]

step "enough memory may be locked"
start_as_user 262144
[ "$(stat -c %u "/proc/$TARGET_PID")" = 65534 ]
target_with_disk
i=$(connect_weft "$(connect_string),nr_io_queues=1,queue_size=32")
fio --name=user --filename="/dev/nvme${i}n1" --direct=1 --allow_file_create=0 \
	--rw=randwrite --bs=4k --size=4m \
	--iodepth=8 --ioengine=io_uring --verify=crc32c > "$VM_OUT/fio.txt"
disconnect_weft "$i"
stop_target

step "too little memory may be locked"
start_as_user 64
target_with_disk
refute connect_weft "$(connect_string)" 2> "$VM_OUT/reason"
cat "$VM_OUT/reason"
grep -q RLIMIT_MEMLOCK "$VM_OUT/target.log" || fail "the daemon does not name the limit"
grep RLIMIT_MEMLOCK "$VM_OUT/target.log" | contains 65536 || fail "nor its value"
rpc nvmf_get_stats > /dev/null
stop_target
unload_weft
check_clean
teardown_rxe
