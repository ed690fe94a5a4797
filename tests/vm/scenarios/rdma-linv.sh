# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# A target that does not invalidate remotely: the host invalidates itself, waits for
# it, and the data is right; as many invalidations as registrations. Then a listener that
# says otherwise than its transport: there, and there only, the target invalidates.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 300
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/counters.sh"

SECOND=nqn.2026-11.io.weft:disk2

# verify INSTANCE
verify() {
	fio --name=linv --filename="$(disk_of "/sys/class/$WEFT_CLASS/nvme$1")" --direct=1 \
		--ioengine=libaio --rw=randrw --bsrange=512-256k --blockalign=512 --iodepth=16 \
		--numjobs=2 --size=24M --offset_increment=28M --io_size=12M --verify=crc32c \
		--do_verify=1 --verify_fatal=1 --group_reporting --minimal > "$VM_OUT/fio-linv.txt"
	show_counters "$1" 1
	[ "$(counter "$1" 1 sq_full)" = 0 ] || fail "SQ was full"
}

# listener METHOD [PARAMETERS]: of the second subsystem, at the address of the first
listener() {
	rpc "nvmf_subsystem_$1" "{\"nqn\":\"$SECOND\",\"listen_address\":{\"trtype\":\"RDMA\",
		\"adrfam\":\"IPv4\",\"traddr\":\"$RXE_ADDR\",\"trsvcid\":\"4420\"}${2:-}}"
}

setup_rxe
load_weft
start_target
rpc nvmf_create_transport '{"trtype":"RDMA","remote_invalidate":false}'
target_with_disk
target_with_disk "$SECOND" bdev_malloc_create \
	'{"name":"disk2","num_blocks":131072,"block_size":512}'

step "a transport that does not invalidate"
i=$(connect_weft "$(connect_string),nr_io_queues=1,queue_size=32")
verify "$i"
linv=$(counter "$i" 1 local_invalidations)
regs=$(counter "$i" 1 mr_registrations)
[ "$linv" -gt 100 ] || fail "only $linv local invalidations"
[ "$(counter "$i" 1 remote_invalidations)" = 0 ] || fail "the target invalidated"
# the private slot registers its buffer at most once, and keeps it
[ $((regs - linv)) -ge 0 ] && [ $((regs - linv)) -le 1 ] ||
	fail "$regs registrations, $linv invalidations"

step "invalidations of one pass have one doorbell"
NAMES="commands local_invalidations doorbells"
snapshot a
fio --name=chains --filename="$(disk_of "/sys/class/$WEFT_CLASS/nvme$i")" --direct=1 \
	--ioengine=libaio --rw=randread --bs=16k --iodepth=16 --iodepth_batch_submit=16 \
	--iodepth_batch_complete_min=16 --size=16M --minimal > "$VM_OUT/fio-chains.txt"
snapshot b
floor local_invalidations 990
# posted one by one there would be more of them than commands; on the debug kernel the target
# is so slow that each response has a pass of its own
[ "$VM_KERNEL" = debug ] || budget doorbells 900

step "a listener of the same address that does"
listener add_listener ',"remote_invalidate":true' > "$VM_OUT/refused.txt" 2>&1 &&
	fail "a listener was added again with another remote_invalidate"
contains "already, with another remote_invalidate" < "$VM_OUT/refused.txt" ||
	fail "$(cat "$VM_OUT/refused.txt")"
listener remove_listener
listener add_listener ',"remote_invalidate":true'
listener add_listener ',"remote_invalidate":true'
rpc save_config | tr -d ' \n' | contains '"remote_invalidate":true' ||
	fail "the listener's choice is not saved"
j=$(connect_weft "$(connect_string "$RXE_ADDR" "$SECOND"),nr_io_queues=1,queue_size=32")
verify "$j"
[ "$(counter "$j" 1 remote_invalidations)" -gt 100 ] || fail "the target did not invalidate"
[ "$(counter "$j" 1 local_invalidations)" = 0 ] || fail "the host invalidated"
[ "$(counter "$i" 1 remote_invalidations)" = 0 ] || fail "the first listener invalidated"

disconnect_weft "$j"
disconnect_weft "$i"
unload_weft
check_clean
stop_target
teardown_rxe
