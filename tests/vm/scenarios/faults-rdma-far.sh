# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# The faults of the matrix over RDMA that take two machines: the target's link goes down, or
# the host's packets vanish; and the host's device goes while it waits for a target that
# stands still. Guest a serves, and does what b asks of it.
# kernels: 6.1 6.12
# tier: full
# guests: 2
# timeout: 900
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/faults.sh"

has_come() { [ -e "$VM_SHARED/$1" ] || [ -e "$VM_SHARED/abort" ]; }

setup_rxe
if [ "$VM_ROLE" = a ]; then
	faults_target
	cp /run/pattern "$VM_SHARED/pattern"
	barrier ready 240
	for ((n = 1; ; n++)); do
		wait_for -t 900 has_come do.$n
		command=$(< "$VM_SHARED/do.$n")
		[ "$command" != end ] || break
		$command
		touch "$VM_SHARED/done.$n"
	done
	stop_target
	teardown_rxe
	exit 0
fi

asked=0
# far COMMAND...: in guest a
far() {
	asked=$((asked + 1))
	echo "$*" > "$VM_SHARED/do.tmp"
	mv "$VM_SHARED/do.tmp" "$VM_SHARED/do.$asked"
	wait_for -t 240 has_come done.$asked
	[ -e "$VM_SHARED/done.$asked" ] || fail "guest a has failed: $*"
}
start_target() {
	far start_target "$FAULTS_CONFIG"
	TARGET_PID=far
}
kill_target() {
	far kill_target
	TARGET_PID=
}
freeze() { far freeze; }
thaw() { far thaw; }
reads_take() { far reads_take "$1"; }
connect_string() { echo "transport=rdma,traddr=$RXE_PEER,trsvcid=4420,nqn=$WEFT_NQN"; }

strike_linkdown() { far ip link set "$VM_NETDEV" down; }
heal_linkdown() {
	far ip link set "$VM_NETDEV" up
	far wait_for rxe_is_active
	[ -z "$TARGET_PID" ] || far thaw
}
# soft-RoCE that answers a connect while its link is down answers none any more afterwards
stands_still() { [ "$1" = frozen ] || [ "$1" = linkdown ]; }
strike_filtered() { tc qdisc add dev "$VM_NETDEV" root netem loss 100%; }
heal_filtered() { tc qdisc delete dev "$VM_NETDEV" root; }
# a controller on it goes with it, so this is no fault of the whole matrix
strike_removed() { rdma link delete "$RXE_DEV"; }
heal_removed() {
	rdma link add "$RXE_DEV" type rxe netdev "$VM_NETDEV"
	wait_for rxe_is_active
}

need_modules sch_netem
faults_host
barrier ready 240
cp "$VM_SHARED/pattern" /run/pattern
TARGET_PID=far
faults_matrix linkdown filtered
faults_cell removed creating
faults_cell removed deleting
echo "$FAULTS_CELLS cells"
unload_weft
teardown_rxe
check_clean
echo end > "$VM_SHARED/do.tmp"
mv "$VM_SHARED/do.tmp" "$VM_SHARED/do.$((asked + 1))"
