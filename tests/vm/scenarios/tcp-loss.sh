# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# A network that loses, reorders, doubles and damages packets, and a target that drops all
# connections, once while a CPU goes offline: verified I/O goes on, and not a byte is wrong.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 480
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/loss.sh"
. "$WEFT_TOP/tests/vm/disks.sh"

setup_net
nvmet_setup "$WEFT_NQN" null 128
load_host_beside_nvmet

loss_connect() {
	local options
	options=$(printf ',%s' nr_io_queues=2 queue_size=32 reconnect_delay=1 "$@")
	i=$(connect_weft "$(connect_string)$options")
	ctrl=/sys/class/$WEFT_CLASS/nvme$i
	disk=/dev/nvme${i}n1
}
loss_disconnect() { disconnect_weft "$i"; }
is() { [ "$(cat "$ctrl/state")" = "$1" ]; }
go_away() {
	rm "$NVMET/ports/1/subsystems/$WEFT_NQN"
	wait_for is connecting
}
come_back() {
	ln -s "$NVMET/subsystems/$WEFT_NQN" "$NVMET/ports/1/subsystems/$WEFT_NQN"
	wait_for is live
}

bad_networks

step "three times the target drops its connections"
loss_connect
verify dropped 12M &
job=$!
for n in 1 2 3; do
	sleep 2
	go_away
	sleep 1
	come_back
	echo "loss $n: $(cat "$ctrl/last_error")"
done
wait $job
loss_disconnect

step "a CPU goes offline and has to wait for I/O of a controller that is away"
unload_weft
# with multipath nothing would wait at the path
load_weft multipath=N
loss_connect
cpus=/sys/devices/system/cpu
# of that CPU's context
(taskset -pc 1 "$BASHPID" && verify offline 12M) &
job=$!
wait_for disk_has_written 1
go_away
echo 0 > $cpus/cpu1/online &
offline=$!
sleep 3
[ -e /proc/$offline ] || fail "the CPU had nothing to wait for"
come_back
wait $offline
wait $job
[ "$(cat $cpus/online)" = 0 ] || fail "CPUs $(cat $cpus/online)"
echo 1 > $cpus/cpu1/online

loss_disconnect
unload_weft
check_clean
nvmet_teardown
teardown_net
