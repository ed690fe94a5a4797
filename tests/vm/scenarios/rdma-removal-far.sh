# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# The host's RDMA device is removed while it tries to reconnect to a target that stands still,
# so that attempts are under way most of the time: each removal ends them, none deletes the
# controller, and it lives again over the device that came back. Removed while it is live,
# idle, it is deleted; removed while a connect waits for the target, that fails.
# kernels: 6.1 6.12
# tier: full
# guests: 2
# debug: yes
# timeout: 600
. "$WEFT_TOP/tests/vm/lib.sh"

ctrl=/sys/class/nvme/nvme0
is() { [ "$(< "$ctrl/state")" = "$1" ]; }
gives_reason() { grep -q "$1" "$ctrl/last_error"; }

setup_rxe
if [ "$VM_ROLE" = a ]; then
	start_target
	target_with_disk
	barrier ready
	barrier connected
	kill -STOP "$TARGET_PID"
	barrier removed 300
	kill -CONT "$TARGET_PID"
	barrier live 240
	barrier deleted 240
	kill -STOP "$TARGET_PID"
	barrier frozen
	barrier done 240
	kill -CONT "$TARGET_PID"
	stop_target
else
	load_weft
	barrier ready
	i=$(connect_weft "$(connect_string "$RXE_PEER"),keep_alive_tmo=3,reconnect_delay=1,nr_io_queues=1")
	[ "$i" = 0 ]
	barrier connected
	step "removed during attempts to reconnect"
	wait_for -t 180 is connecting
	for n in 1 2 3; do
		# the target's silence: there are attempts over this device, or are soon
		wait_for -t 120 gives_reason 'no answer\|rejected\|unreachable'
		rdma link delete "$RXE_DEV"
		is connecting || fail "$n: state $(cat "$ctrl/state")"
		wait_for -t 60 gives_reason 'no RDMA device\|being removed'
		rdma link add "$RXE_DEV" type rxe netdev "$VM_NETDEV"
		wait_for rxe_is_active
	done
	barrier removed 300
	wait_for -t 180 is live
	dd if=/dev/nvme0n1 of=/dev/null bs=4k count=16 iflag=direct status=none
	barrier live 240
	step "removed while it is live"
	rdma link delete "$RXE_DEV"
	wait_for test ! -e "$ctrl"
	rdma link add "$RXE_DEV" type rxe netdev "$VM_NETDEV"
	wait_for rxe_is_active
	barrier deleted 240
	barrier frozen
	step "removed while a connect waits"
	(connect_weft "$(connect_string "$RXE_PEER")" || exit 1) 2> "$VM_OUT/why.txt" &
	job=$!
	wait_for compgen -G '/sys/kernel/debug/weft/nvme*'
	rdma link delete "$RXE_DEV"
	refute wait $job
	grep 'reason=.' "$VM_OUT/why.txt" || fail "no reason: $(< "$VM_OUT/why.txt")"
	[ -z "$(ls -A /sys/class/nvme)" ] || fail "left: $(ls /sys/class/nvme)"
	rdma link add "$RXE_DEV" type rxe netdev "$VM_NETDEV"
	unload_weft
	check_clean
	barrier done 240
fi
teardown_rxe
