#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# Our target against a host that breaks every rule: connection requests, capsules,
# commands, SGLs, keys, and connections cut in the middle of transfers. Each case has its
# specified answer, and the next connection works as if nothing had happened. Afterwards
# the daemon has nothing left over, and ends cleanly in the middle of I/O.
#
# kernels: 6.1 6.12
# tier: check
# check-kernels: 6.12
# timeout: 900
. "$WEFT_TOP/tests/vm/lib.sh"

NQN=nqn.2026-11.io.weft:hostile
HOST=nqn.2026-11.io.weft:host
PROGS=$WEFT_BUILD/asan/tests/vm/progs
[ -d "$PROGS" ] || PROGS=$WEFT_BUILD/release/tests/vm/progs

# on_nqn METHOD MEMBERS: an RPC on the one subsystem
on_nqn() { rpc "$1" "{\"nqn\":\"$NQN\"${2:+,$2}}"; }

# RAM in place, and a file: through few buffers, so that commands wait for them
configure() {
	truncate -s 64M /run/disk2
	rpc nvmf_create_transport "{\"trtype\":\"RDMA\",\"max_io_qpairs_per_ctrlr\":4,
		\"num_shared_buffers\":16}"
	rpc bdev_malloc_create '{"name":"disk1","num_blocks":131072,"block_size":512}'
	rpc bdev_aio_create '{"name":"disk2","filename":"/run/disk2","block_size":512}'
	on_nqn nvmf_create_subsystem '"serial_number":"WEFT0001"'
	on_nqn nvmf_subsystem_add_ns '"namespace":{"bdev_name":"disk1"}'
	on_nqn nvmf_subsystem_add_ns '"namespace":{"bdev_name":"disk2"}'
	on_nqn nvmf_subsystem_add_host "\"host\":\"$HOST\""
	on_nqn nvmf_subsystem_add_listener "\"listen_address\":{\"trtype\":\"RDMA\",
		\"adrfam\":\"IPv4\",\"traddr\":\"$RXE_ADDR\",\"trsvcid\":\"4420\"}"
}

no_controllers() { [ "$(on_nqn nvmf_subsystem_get_controllers | tr -d ' \n')" = "[]" ]; }

# counter NAME: its sum over all poll groups; fails when there is none
counter() {
	rpc nvmf_get_stats |
		awk -F'[:,]' -v k="\"$1\"" '$1 ~ k { n += $2; seen = 1 }
			END { if (!seen) exit 1; print n }'
}

# what a counter must be: counter_is NAME -gt 0 MESSAGE
counter_is() {
	local n
	n=$(counter "$1") || fail "nvmf_get_stats has no $1"
	test "$n" "$2" "$3" || fail "$1 is $n: $4"
}

no_buffers_in_use() { [ "$(counter buffers_in_use)" = 0 ]; }

step "a target with one subsystem for one host"
setup_rxe
# librdmacm lets go of a pulled device only while there is another one
rdma link add rxe1 type rxe netdev v1
start_target -m 0,1
configure > /dev/null

step "what a host must not say"
"$PROGS/rdma_host" "$RXE_ADDR"
step "how a connection must not be used"
"$PROGS/rdma_break" "$RXE_ADDR"

step "what it cost, and that nothing is left of it"
wait_for no_controllers
wait_for no_buffers_in_use
rpc nvmf_get_stats > "$VM_OUT/stats.json"
counter_is copies -eq 0 "data of a RAM disk was copied"
counter_is invalidates -gt 0 "no response invalidated a key"
counter_is pending_data_buffer -gt 0 "no command ever waited for buffers"
counter_is forced_closes -eq 0 "soft-RoCE flushes: no queue pair had to be forced"

# lingering NAME: $host reads and writes until it is hung up on
lingering() {
	"$PROGS/rdma_break" "$RXE_ADDR" --linger > "$VM_OUT/linger-$1" &
	host=$!
	wait_for grep -q busy "$VM_OUT/linger-$1"
}

step "the device is pulled under I/O, and comes back"
lingering pull
rdma link delete "$RXE_DEV" &
pulled=$!
wait_for no_controllers
# the host is on the same device
kill -9 $host
wait "$pulled"
rdma link add "$RXE_DEV" type rxe netdev v0
wait_for rxe_is_active
wait_for "$PROGS/rdma_host" "$RXE_ADDR" depth_is_capped

step "a busy host while the listener goes, and while the daemon ends"
for how in listener daemon; do
	lingering $how
	sleep 1
	if [ $how = listener ]; then
		address="\"listen_address\":{\"trtype\":\"RDMA\",\"adrfam\":\"IPv4\",
			\"traddr\":\"$RXE_ADDR\",\"trsvcid\":\"4420\"}"
		on_nqn nvmf_subsystem_remove_listener "$address" > /dev/null
		wait "$host" || fail "the host was not hung up on"
		wait_for no_controllers
		on_nqn nvmf_subsystem_add_listener "$address" > /dev/null
	else
		stop_target
		wait "$host" || fail "the host was not hung up on"
	fi
done
rdma link delete rxe1
teardown_rxe
