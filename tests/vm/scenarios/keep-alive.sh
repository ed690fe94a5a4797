# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Keep-alive, both ways. A target that stands still (SIGSTOP) is noticed by an idle
# host, which recovers when it goes on. A host that stands still (its machine is
# stopped for the target: the link is cut) is noticed by the target, which gives up its
# controller.
# kernels: 6.1 6.12
# tier: check
# check-kernels: 6.1
# guests: 2
# timeout: 600
. "$WEFT_TOP/tests/vm/lib.sh"

state_is() { [ "$(< "/sys/class/nvme/nvme0/state")" = "$1" ]; }
state_is_not_live() { ! state_is live; }
controllers_are() {
	[ "$(rpc nvmf_subsystem_get_controllers "{\"nqn\":\"$WEFT_NQN\"}" |
		python3 -c 'import json, sys; print(len(json.load(sys.stdin)))')" = "$1" ]
}

setup_rxe
if [ "$VM_ROLE" = a ]; then
	start_target
	rpc bdev_malloc_create '{"name":"disk1","num_blocks":131072,"block_size":512}'
	rpc nvmf_create_transport '{"trtype":"RDMA","min_kato":1000}'
	rpc nvmf_create_subsystem "{\"nqn\":\"$WEFT_NQN\",\"allow_any_host\":true}"
	rpc nvmf_subsystem_add_ns "{\"nqn\":\"$WEFT_NQN\",\"namespace\":{\"bdev_name\":\"disk1\"}}"
	rpc nvmf_subsystem_add_listener "{\"nqn\":\"$WEFT_NQN\",\"listen_address\":
		{\"trtype\":\"RDMA\",\"traddr\":\"$RXE_ADDR\",\"trsvcid\":\"4420\"}}"
	barrier ready
	barrier connected
	step "the target stands still"
	kill -STOP "$TARGET_PID"
	barrier noticed 240
	kill -CONT "$TARGET_PID"
	barrier recovered 240
	controllers_are 1
	barrier cut
	step "the host is not heard of any more"
	wait_for -t 120 controllers_are 0
	barrier gone 240
	barrier done 240
	stop_target
else
	load_weft
	barrier ready
	i=$(connect_weft "$(connect_string "$RXE_PEER"),keep_alive_tmo=3,reconnect_delay=1,nr_io_queues=1")
	[ "$i" = 0 ]
	barrier connected
	step "an idle host notices"
	wait_for -t 180 state_is_not_live
	barrier noticed 240
	wait_for -t 180 state_is live
	dd if=/dev/nvme0n1 of=/dev/null bs=4k count=16 iflag=direct status=none
	barrier recovered 240
	ip link set "$VM_NETDEV" down
	barrier cut
	barrier gone 240
	ip link set "$VM_NETDEV" up
	disconnect_weft 0
	unload_weft
	check_clean
	barrier done 240
fi
teardown_rxe
