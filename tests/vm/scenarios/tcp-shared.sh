# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Disks of one controller share its tags: a request of one is soon another's. All of them
# busy, with as many tags as they all want, and resets in between, which wait for whoever is
# submitting; disks of their own (multipath=N) and paths.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 420
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/paths.sh"

DISKS=4
IOS=6000
[ "$VM_KERNEL" != debug ] || IOS=1500

# all_busy INSTANCE: IOS commands on each disk
all_busy() {
	local n args=()
	for ((n = 1; n <= DISKS; n++)); do
		args+=(--name="disk$n" --filename="/dev/nvme${1}n$n")
	done
	fio --direct=1 --ioengine=io_uring --rw=randrw --bs=4k --iodepth=8 --size=4M \
		--number_ios=$IOS --allow_file_create=0 --minimal "${args[@]}" \
		> "$VM_OUT/fio.txt"
}

setup_net
start_target
target_with_disk
for ((n = 2; n <= DISKS; n++)); do
	rpc bdev_malloc_create "{\"name\":\"more$n\",\"num_blocks\":16384,\"block_size\":512}"
	rpc nvmf_subsystem_add_ns \
		"{\"nqn\":\"$WEFT_NQN\",\"namespace\":{\"bdev_name\":\"more$n\"}}"
done > /dev/null

for multipath in Y N; do
	load_weft "multipath=$multipath"
	i=$(connect_weft "$(connect_string),nr_io_queues=2,queue_size=16")
	wait_for test -b "/dev/nvme${i}n$DISKS"
	for round in 1 2 3; do
		step "multipath=$multipath, round $round"
		all_busy "$i"
		echo 1 > "/sys/class/$WEFT_CLASS/nvme$i/reset_controller"
		wait_for ctrl_is "$i" live
	done
	disconnect_weft "$i"
	unload_weft
done
check_clean
stop_target
teardown_net
