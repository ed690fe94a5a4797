# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# A target that does not invalidate remotely: the host invalidates itself, waits for
# it, and the data is right; as many invalidations as registrations.
# kernels: 6.1 6.12
# tier: check
# check-kernels: 6.12
# debug: yes
# timeout: 300
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/counters.sh"

setup_rxe
load_weft
start_target
rpc nvmf_create_transport '{"trtype":"RDMA","remote_invalidate":false}'
target_with_disk
i=$(connect_weft "$(connect_string),nr_io_queues=1,queue_size=32")

step "verify"
fio --name=linv --filename="/dev/nvme${i}n1" --direct=1 --ioengine=libaio --rw=randrw \
	--bsrange=512-256k --blockalign=512 --iodepth=16 --numjobs=2 --size=24M \
	--offset_increment=28M --io_size=12M --verify=crc32c --do_verify=1 --verify_fatal=1 \
	--group_reporting --minimal > "$VM_OUT/fio-linv.txt"

step "counters"
show_counters "$i" 1
linv=$(counter "$i" 1 local_invalidations)
regs=$(counter "$i" 1 mr_registrations)
[ "$linv" -gt 100 ] || fail "only $linv local invalidations"
[ "$(counter "$i" 1 remote_invalidations)" = 0 ] || fail "the target invalidated"
# the private slot registers its buffer at most once, and keeps it
[ $((regs - linv)) -ge 0 ] && [ $((regs - linv)) -le 1 ] ||
	fail "$regs registrations, $linv invalidations"
[ "$(counter "$i" 1 sq_full)" = 0 ] || fail "SQ was full"

disconnect_weft "$i"
unload_weft
check_clean
stop_target
teardown_rxe
