# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# The networks of tcp-loss.sh between our target and our host, then the in-tree host: not a
# byte is wrong. 6.1 joins neighbouring huge pages of a sender to one piece of a packet;
# within one machine the receiver's copy of that looks like a leak to the checks of
# hardened_usercopy.
# kernels: 6.1 6.12
# tier: full
# timeout: 600
# append: hardened_usercopy=off
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/loss.sh"

setup_net
start_target
target_with_disk "$WEFT_NQN" bdev_malloc_create \
	'{"name":"disk1","num_blocks":262144,"block_size":512}'

loss_connect() {
	local options
	options=$(printf ',%s' nr_io_queues=2 queue_size=32 reconnect_delay=1 "$@")
	i=$(connect_weft "$(connect_string)$options")
	disk=/dev/nvme${i}n1
}
loss_disconnect() { disconnect_weft "$i"; }
load_weft
bad_networks
unload_weft
check_clean

disk_is_there() { [ -b "$disk" ] && [ "$(blockdev --getsize64 "$disk")" -gt 0 ]; }
loss_connect() {
	local digests=("${@/#/--}")
	nvme connect -t tcp -a "$RXE_ADDR" -s 4420 -n "$WEFT_NQN" --nr-io-queues=2 \
		-q nqn.2026-11.io.weft:host -I 11111111-2222-3333-4444-555555555555 \
		--queue-size=32 --reconnect-delay=1 "${digests[@]/_/-}"
	disk=/dev/nvme0n1
	wait_for disk_is_there
}
loss_disconnect() {
	nvme disconnect -n "$WEFT_NQN" | contains 'disconnected 1 controller'
	wait_for test ! -e "$disk"
}
modprobe nvme-tcp
bad_networks
modprobe -r nvme-tcp
stop_target
teardown_net
