# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# The target drops all connections under verified I/O, three times: I/O continues after
# each, and nothing is touched after it was given back.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 420
. "$WEFT_TOP/tests/vm/lib.sh"

setup_rxe
nvmet_setup "$WEFT_NQN" null 128
load_host_beside_nvmet
i=$(connect_weft "$(connect_string),nr_io_queues=2,queue_size=32,reconnect_delay=1")
ctrl=/sys/class/$WEFT_CLASS/nvme$i

is() { [ "$(cat "$ctrl/state")" = "$1" ]; }
link_target() { ln -s "$NVMET/subsystems/$WEFT_NQN" "$NVMET/ports/1/subsystems/$WEFT_NQN"; }

step "three losses under verified I/O"
fio --name=lossy --filename="/dev/nvme${i}n1" --direct=1 --ioengine=libaio --rw=randrw \
	--bsrange=512-256k --blockalign=512 --iodepth=16 --numjobs=2 --size=48M \
	--offset_increment=50M --verify=crc32c --do_verify=1 --verify_fatal=1 \
	--group_reporting --minimal > "$VM_OUT/fio-lossy.txt" &
fio_pid=$!
for n in 1 2 3; do
	sleep 2
	rm "$NVMET/ports/1/subsystems/$WEFT_NQN"
	wait_for is connecting
	sleep 1
	link_target
	wait_for is live
	echo "loss $n: $(cat "$ctrl/last_error")"
done
wait "$fio_pid"

disconnect_weft "$i"
unload_weft
check_clean
nvmet_teardown
teardown_rxe
