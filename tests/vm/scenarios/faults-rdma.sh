# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# The fault matrix over RDMA: target killed, frozen, restarted, answering wrongly, device
# removed, each while a controller is created, idle, under verified load, reconnecting and
# being deleted. A link that goes down takes two machines (faults-rdma-far): soft-RoCE makes no
# connection any more, whoever the host is, once it was to send while its own link was down.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 1500
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/faults.sh"

# The target sits on the same device, and soft-RoCE lets none go that a process has open:
# so the target dies first, and the host, off the device by then, finds both again. A
# controller that is on it would be deleted for good: rdma-removal has that case.
is_off_device() { [ ! -e "$ctrl" ] || ! grep -Eqx 'live|resetting' "$ctrl/state"; }
strike_removed() {
	strike_killed
	wait_for is_off_device
	rdma link delete "$RXE_DEV"
}
heal_removed() {
	rdma link add "$RXE_DEV" type rxe netdev v0
	wait_for rxe_is_active
	start_target "$FAULTS_CONFIG"
}

faults_evil() { exec "$WEFT_BIN/tests/vm/progs/rdma_evil_target" "$RXE_ADDR" 4420 cid; }

faults_setup
faults_matrix killed frozen restarted wrong removed
faults_teardown
