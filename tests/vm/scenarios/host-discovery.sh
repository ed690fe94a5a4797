# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Discovery controllers that stay, under the well-known name and under one of the target's
# own: attributes, no I/O queues, keep-alive, the log through nvme-cli; what changes on the
# target is told by an event on which nvme-cli's own udev rules act, and what they start
# connects the new subsystem.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 300
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/counters.sh"
. "$WEFT_TOP/tests/vm/discovery.sh"

NQN2=nqn.2026-11.io.weft:disk2
sent_more_than() { [ "$(counter "$d" 0 commands)" -gt "$1" ]; }

# stays NQN [OPTIONS]: a discovery controller with that name; sets d, ctrl
stays() {
	d=$(connect_weft "$(connect_string "$RXE_ADDR" "$1"),keep_alive_tmo=2${2:-}")
	ctrl=/sys/class/$WEFT_CLASS/nvme$d
	attribute state live
	attribute subsysnqn "$1"
	attribute cntrltype discovery
	attribute queue_count 1
	attribute kato 2
	grep -qx discovery "/sys/class/nvme-subsystem/nvme-subsys$d/subsystype"
	[ -c "/dev/nvme$d" ] || fail "no /dev/nvme$d"
	[ -z "$(compgen -G "/dev/nvme${d}n*")" ] || fail "it has a disk"
	wait_for sent_more_than $(($(counter "$d" 0 commands) + 2))
}

setup_rxe
load_weft
start_target
rpc nvmf_create_transport '{"trtype":"RDMA","min_kato":1000}'
target_with_disk

step "the well-known name"
stays $WELL_KNOWN
records=$(records)
log_lists "$records"
stays $WELL_KNOWN
[ "$(controllers)" = 2 ] || fail "not another one of the same name"
disconnect_weft "$d"
d=0

step "a subsystem is added: the event, the rules, the connect"
watch
target_with_disk $NQN2 bdev_malloc_create '{"name":"disk2","num_blocks":16384,"block_size":512}'
event '^NVME_AEN=0x70f002$'
kill $monitor
log_lists $((records + 1))
# as nvmf-connect@.service does
# shellcheck disable=SC2086
nvme connect-all --quiet $args
connected_to "$WEFT_NQN" || fail "not connected to $WEFT_NQN"
connected_to $NQN2 || fail "not connected to $NQN2"
nvme disconnect -n $NQN2
nvme disconnect -n "$WEFT_NQN"

step "it reconnects: the event, the rules"
watch
echo 1 > "/sys/class/$WEFT_CLASS/nvme$d/reset_controller"
event '^NVME_EVENT=rediscover$'
kill $monitor
disconnect_weft "$d"

step "a name of its own"
rpc nvmf_set_config "{\"discovery_nqn\":\"$OWN\"}"
why=$(connect_weft "$(connect_string "$RXE_ADDR" $OWN)" 2>&1) && fail "connected without the flag"
grep -q 'discovery' <<< "$why" || fail "it does not say so: $why"
stays $OWN ,discovery
records=$(records)
log_lists "$records"
watch
rpc nvmf_delete_subsystem "{\"nqn\":\"$NQN2\"}"
event '^NVME_AEN=0x70f002$'
kill $monitor
log_lists $((records - 1))
disconnect_weft "$d"

[ "$(controllers)" = 0 ] || fail "left: $(ls "/sys/class/$WEFT_CLASS")"
unload_weft
stop_target
teardown_rxe
check_clean
