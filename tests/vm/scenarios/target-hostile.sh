#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# Our target against a host that breaks every rule: connection requests, capsules,
# commands, SGLs, keys, and connections cut in the middle of transfers. Each case has its
# specified answer, and the next connection works as if nothing had happened. Afterwards
# the daemon has nothing left over, and ends cleanly.
#
# kernels: 6.1 6.12
# tier: check
# timeout: 900
. "$WEFT_TOP/tests/vm/lib.sh"

NQN=nqn.2026-11.io.weft:hostile
HOST=nqn.2026-11.io.weft:host

# RAM in place, and a file: through few buffers, so that commands wait for them
configure() {
	truncate -s 64M /run/disk2
	rpc nvmf_create_transport '{"trtype":"RDMA","max_io_qpairs_per_ctrlr":4,"num_shared_buffers":16}'
	rpc bdev_malloc_create '{"name":"disk1","num_blocks":131072,"block_size":512}'
	rpc bdev_aio_create '{"name":"disk2","filename":"/run/disk2","block_size":512}'
	rpc nvmf_create_subsystem "{\"nqn\":\"$NQN\",\"serial_number\":\"WEFT0001\"}"
	rpc nvmf_subsystem_add_ns "{\"nqn\":\"$NQN\",\"namespace\":{\"bdev_name\":\"disk1\"}}"
	rpc nvmf_subsystem_add_ns "{\"nqn\":\"$NQN\",\"namespace\":{\"bdev_name\":\"disk2\"}}"
	rpc nvmf_subsystem_add_host "{\"nqn\":\"$NQN\",\"host\":\"$HOST\"}"
	rpc nvmf_subsystem_add_listener "{\"nqn\":\"$NQN\",\"listen_address\":{\"trtype\":\"RDMA\",\"adrfam\":\"IPv4\",\"traddr\":\"$RXE_ADDR\",\"trsvcid\":\"4420\"}}"
}

no_controllers() { [ "$(rpc nvmf_subsystem_get_controllers "{\"nqn\":\"$NQN\"}" | tr -d ' \n')" = "[]" ]; }

# sum of a counter over all poll groups
counter() { rpc nvmf_get_stats | awk -F'[:,]' -v k="\"$1\"" '$1 ~ k { n += $2 } END { print n + 0 }'; }

step "a target with one subsystem for one host"
setup_rxe
start_target -m 0,1
configure > /dev/null

step "everything that a host must not do"
"$(dirname "$WEFT_TARGET_BIN")/tests/vm/progs/rdma_host" "$RXE_ADDR" "$@"

if [ $# = 0 ]; then
	step "data moved in place for RAM, and the buffers came back"
	[ "$(counter copies)" = 0 ] || fail "data of a RAM disk was copied"
	[ "$(counter pending_data_buffer)" -gt 0 ] || fail "no command ever waited for buffers: the test is too easy"
	[ "$(counter invalidates)" -gt 0 ] || fail "no response invalidated a key"
fi

step "nothing is left of the connections"
wait_for -t 60 no_controllers
wait_for -t 60 test "$(counter buffers_in_use)" = 0
rpc nvmf_get_stats > "$VM_OUT/stats.json"

step "the target ends cleanly while a host is connected and busy"
stop_target
teardown_rxe
