# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Data path against in-tree nvmet-rdma: verified I/O of all sizes, several jobs and
# depths, plugs that mix queues, and counters that add up afterwards. Nobody ever lacks a
# receive.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 420
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/counters.sh"

RNR=/sys/class/infiniband/$RXE_DEV/ports/1/hw_counters/send_rnr_err

setup_rxe
rnr=$(< "$RNR")
nvmet_setup "$WEFT_NQN" null 128
load_host_beside_nvmet
i=$(connect_weft "$(connect_string),nr_io_queues=2,queue_size=32")
disk=/dev/nvme${i}n1

step "verify with block sizes from 512 bytes to 1 MiB"
fio --name=mixed --filename="$disk" --direct=1 --ioengine=libaio --rw=randrw \
	--bsrange=512-1M --blockalign=512 --iodepth=16 --numjobs=3 --size=32M \
	--offset_increment=40M --io_size=24M --verify=crc32c --do_verify=1 \
	--verify_fatal=1 --group_reporting --minimal > "$VM_OUT/fio-mixed.txt"

step "verify small blocks at full depth"
fio --name=small --filename="$disk" --direct=1 --ioengine=libaio --rw=randwrite \
	--bs=4k --iodepth=64 --size=8M --verify=crc32c --do_verify=1 --verify_fatal=1 \
	--minimal > "$VM_OUT/fio-small.txt"

step "segments: unaligned user buffers, buffered I/O"
fio --name=vec --filename="$disk" --direct=1 --ioengine=pvsync --iomem_align=512 \
	--rw=randwrite --bs=3584 --blockalign=512 --size=2M --verify=crc32c \
	--do_verify=1 --verify_fatal=1 --minimal > "$VM_OUT/fio-vec.txt"
fio --name=buffered --filename="$disk" --ioengine=psync --rw=randwrite --bs=5k \
	--blockalign=512 --size=4M --verify=crc32c --do_verify=1 --verify_fatal=1 \
	--fsync=64 --minimal > "$VM_OUT/fio-buffered.txt"

step "counters add up"
for q in 1 2; do
	show_counters "$i" "$q"
	regs=$(counter "$i" "$q" mr_registrations)
	rinv=$(counter "$i" "$q" remote_invalidations)
	linv=$(counter "$i" "$q" local_invalidations)
	# the private slot registers its buffer at most once, and keeps it
	[ $((regs - rinv - linv)) -ge 0 ] && [ $((regs - rinv - linv)) -le 1 ] ||
		fail "queue $q: $regs registrations, $rinv + $linv invalidations"
	[ "$linv" = 0 ] || fail "queue $q: nvmet invalidates, but $linv local invalidations"
	[ "$(counter "$i" "$q" commands)" = "$(counter "$i" "$q" recvs)" ] ||
		fail "queue $q: commands and responses differ"
	[ "$(counter "$i" "$q" incapsule_writes)" -gt 0 ] || fail "queue $q: no in-capsule write"
	[ "$(counter "$i" "$q" sq_full)" = 0 ] || fail "queue $q: SQ was full"
done

disconnect_weft "$i"

step "plugs of reads and writes, which have queues of their own"
i=$(connect_weft "$(connect_string),nr_io_queues=1,nr_write_queues=1,queue_size=32")
disk=/dev/nvme${i}n1
fio --name=plugs --filename="$disk" --direct=1 --ioengine=libaio --rw=randrw --bs=4k \
	--iodepth=32 --iodepth_batch_submit=16 --iodepth_batch_complete_min=16 --size=8M \
	--verify=crc32c --do_verify=1 --verify_fatal=1 --minimal > "$VM_OUT/fio-plugs.txt"
for q in 1 2; do
	show_counters "$i" "$q"
	[ "$(counter "$i" "$q" plugged)" -gt 100 ] || fail "queue $q: no plugs"
	[ "$(counter "$i" "$q" commands)" = "$(counter "$i" "$q" recvs)" ] ||
		fail "queue $q: commands and responses differ"
done
disconnect_weft "$i"
[ "$(< "$RNR")" = "$rnr" ] || fail "receiver not ready: $(($(< "$RNR") - rnr)) times"
unload_weft
check_clean
nvmet_teardown
teardown_rxe
