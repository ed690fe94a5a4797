# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# The RDMA device goes away, under load, idle, or while its controller is being deleted:
# that is gone then, I/O fails instead of waiting, and device and modules can be unloaded.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 400
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/paths.sh"

connects() {
	i=$(connect_weft "$(connect_string),nr_io_queues=2,nr_poll_queues=1,queue_size=32") &&
		ctrl=/sys/class/$WEFT_CLASS/nvme$i
}
load() {
	fio --name=removed --filename="/dev/nvme${i}n1" --direct=1 --ioengine=libaio --rw=randrw \
		--bsrange=512-64k --blockalign=512 --iodepth=32 --time_based --runtime=600 \
		--minimal > "$VM_OUT/fio-removed.txt" 2>&1 &
	job=$!
	sleep 3
}
removed() {
	rdma link delete "$RXE_DEV"
	wait_for test ! -e "$ctrl"
}
# the device is there again; with the other one nvmet lost the ear that it had there
back() {
	rdma link add "$RXE_DEV" type rxe netdev v0
	wait_for rxe_is_active
	port_down 1
	port_up 1
	connects
}

setup_rxe
nvmet_setup "$WEFT_NQN" null 64
load_host_beside_nvmet

step "under load"
connects
load
removed
wait "$job" && fail "fio ended well without a disk"

step "idle"
back
dd if="/dev/nvme${i}n1" of=/dev/null bs=64k count=4 iflag=direct status=none
removed

step "while the controller is being deleted"
back
load
bash -c "echo 1 > $ctrl/delete_controller" 2> /dev/null &
deleter=$!
removed
wait $deleter || true
wait "$job" && fail "fio ended well without a disk"
[ -z "$(ls -A "/sys/class/$WEFT_CLASS")" ] || fail "left: $(ls "/sys/class/$WEFT_CLASS")"

unload_weft
check_clean
nvmet_teardown
wait_for -t 30 rmmod rdma_rxe
