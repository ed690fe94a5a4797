# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# The RDMA device goes away under load: the controller on it is deleted, I/O fails
# instead of waiting, and device and modules can be unloaded.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 300
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/counters.sh"

setup_rxe
nvmet_setup "$WEFT_NQN" null 64
load_host_beside_nvmet
i=$(connect_weft "$(connect_string),nr_io_queues=2,nr_poll_queues=1,queue_size=32")
ctrl=/sys/class/$WEFT_CLASS/nvme$i

fio --name=removed --filename="/dev/nvme${i}n1" --direct=1 --ioengine=libaio --rw=randrw \
	--bsrange=512-64k --blockalign=512 --iodepth=32 --time_based --runtime=600 \
	--minimal > "$VM_OUT/fio-removed.txt" 2>&1 &
fio_pid=$!
sleep 3
rdma link delete "$RXE_DEV"
wait_for test ! -e "$ctrl"
wait "$fio_pid" && fail "fio ended well without a disk"

unload_weft
check_clean
nvmet_teardown
wait_for -t 30 rmmod rdma_rxe
