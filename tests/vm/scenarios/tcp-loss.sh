# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# A network that loses, reorders, doubles and damages packets, and a target that drops all
# connections, once while a CPU goes offline: verified I/O goes on, and not a byte is wrong.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 480
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/counters.sh"

need_modules sch_netem
setup_net
nvmet_setup "$WEFT_NQN" null 128
load_host_beside_nvmet

connect() {
	i=$(connect_weft "$(connect_string),nr_io_queues=2,queue_size=32,reconnect_delay=1$1")
	ctrl=/sys/class/$WEFT_CLASS/nvme$i
}
is() { [ "$(cat "$ctrl/state")" = "$1" ]; }
verify() {
	fio --name="$1" --filename="/dev/nvme${i}n1" --direct=1 --allow_file_create=0 \
		--ioengine=libaio --rw=randrw --bsrange=512-128k --blockalign=512 --iodepth=16 \
		--numjobs=2 --size="$2" --offset_increment=50M --verify=crc32c --do_verify=1 \
		--verify_fatal=1 --group_reporting --minimal > "$VM_OUT/fio-$1.txt"
}

# bad NAME OPTIONS NETEM...
bad() {
	local name=$1 options=$2
	shift 2
	step "$name: $*"
	tc qdisc add dev lo root netem "$@"
	connect "$options"
	verify "$name" 3M
	disconnect_weft "$i"
	tc -s qdisc show dev lo | grep -m1 Sent
	tc qdisc delete dev lo root
}

bad loss "" loss 2%
bad reorder ",hdr_digest" delay 2ms reorder 25% 50%
bad double ",data_digest" duplicate 10%
bad all ",hdr_digest,data_digest" delay 1ms loss 1% reorder 10% 50% duplicate 2% corrupt 1%

go_away() {
	rm "$NVMET/ports/1/subsystems/$WEFT_NQN"
	wait_for is connecting
}
come_back() {
	ln -s "$NVMET/subsystems/$WEFT_NQN" "$NVMET/ports/1/subsystems/$WEFT_NQN"
	wait_for is live
}

step "three times the target drops its connections"
connect ""
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

step "a CPU goes offline and has to wait for I/O of a controller that is away"
disconnect_weft "$i"
unload_weft
# with multipath nothing would wait at the path
load_weft multipath=N
connect ""
verify offline 12M &
job=$!
sleep 2
go_away
echo 0 > /sys/devices/system/cpu/cpu1/online &
offline=$!
sleep 3
come_back
wait $offline
wait $job
[ "$(cat /sys/devices/system/cpu/online)" = 0 ] || fail "CPUs $(cat /sys/devices/system/cpu/online)"
echo 1 > /sys/devices/system/cpu/cpu1/online

disconnect_weft "$i"
unload_weft
check_clean
nvmet_teardown
teardown_net
