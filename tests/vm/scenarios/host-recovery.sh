# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Recovery: the target goes and comes back under verified I/O, several times; I/O fails
# after fast_io_fail_tmo and works again later; ctrl_loss_tmo ends it; a deletion ends it
# at any time; resets under load; a target that comes back with fewer queues, or a CPU less
# that makes other kinds of as many.
# kernels: 6.1 6.12
# check-kernels: 6.1
# tier: check
# debug: yes
# timeout: 500
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/counters.sh"

setup_net
nvmet_setup "$WEFT_NQN" null 128
load_host_beside_nvmet
sub=$NVMET/subsystems/$WEFT_NQN
quick=reconnect_delay=1,keep_alive_tmo=2

gone() { rm "$NVMET/ports/1/subsystems/$WEFT_NQN"; }
back() { ln -s "$sub" "$NVMET/ports/1/subsystems/$WEFT_NQN"; }
connect() {
	i=$(connect_weft "$(connect_string),$quick${1:+,$1}")
	ctrl=/sys/class/$WEFT_CLASS/nvme$i
	disk=/dev/nvme${i}n1
}
is() { [ "$(cat "$ctrl/state")" = "$1" ]; }
not_there() { [ ! -e "$ctrl" ]; }

# load NAME [OPTIONS]: fio in the background
load() {
	local name=$1
	shift
	fio --name="$name" --filename="$disk" --allow_file_create=0 --direct=1 \
		--ioengine=libaio --iodepth=16 --minimal "$@" > "$VM_OUT/fio-$name.txt" 2>&1 &
	job=$!
}

step "gone and back under verify load, and resets in between"
connect
load verify --rw=randwrite --bsrange=512-64k --blockalign=512 --size=12M --numjobs=2 \
	--offset_increment=32M --verify=crc32c --verify_fatal=1 --do_verify=1
for n in 1 2 3; do
	sleep 1
	gone
	wait_for is connecting
	[ -s "$ctrl/last_error" ] || fail "no last_error"
	sleep "0.$n"
	back
	wait_for is live
	echo "$n: $(cat "$ctrl/last_error")"
	echo 1 > "$ctrl/reset_controller"
	is live || fail "not live after a reset"
done
wait $job || fail "fio lost something"

step "resets of a busy controller"
load resets --rw=randrw --bs=4k --time_based --runtime=8 --size=32M
for n in 1 2 3 4 5; do
	echo 1 > "$ctrl/reset_controller" || fail "reset $n"
done
wait $job || fail "fio saw a reset"

step "fewer queues than before"
load fewer --rw=randwrite --bs=4k --size=4M --numjobs=4 --offset_increment=24M --rate_iops=300 \
	--verify=crc32c --verify_fatal=1 --do_verify=1
sleep 1
gone
wait_for is connecting
echo 1 > "$sub/attr_qid_max"
back
wait_for is live
[ "$(cat "$ctrl/queue_count")" = 2 ] || fail "$(cat "$ctrl/queue_count") queues"
one_context() { [ "$(ls "/sys/block/nvme${i}c${i}n1/mq" | wc -l)" = 1 ]; }
wait_for one_context
wait $job || fail "fio lost something"
gone
wait_for is connecting
echo 128 > "$sub/attr_qid_max"
back
wait_for is live
[ "$(cat "$ctrl/queue_count")" = 3 ] || fail "$(cat "$ctrl/queue_count") queues"
dd if="$disk" of=/dev/null bs=1M count=8 iflag=direct status=none

step "other kinds of queues, as many as before"
disconnect_weft "$i"
echo 2 > "$sub/attr_qid_max"
connect nr_io_queues=2,nr_poll_queues=1
contexts() { ls "/sys/block/nvme${i}c${i}n1/mq"; }
contexts_are() { [ "$(contexts | wc -l)" = "$1" ]; }
contexts_are 2 || fail "contexts $(contexts), not two of the default kind"
# one of each kind; the polled one was not there before, and ordinary I/O does not use it
echo 0 > /sys/devices/system/cpu/cpu1/online
echo 1 > "$ctrl/reset_controller"
[ "$(cat "$ctrl/queue_count")" = 3 ] || fail "$(cat "$ctrl/queue_count") queues"
contexts_are 2 || fail "contexts $(contexts), not one of each kind"
before=$(counter "$i" 2 commands)
dd if="$disk" of=/dev/null bs=4k count=8 iflag=direct status=none
[ "$(counter "$i" 2 commands)" = "$before" ] || fail "the polled queue is used like another"
echo 1 > /sys/devices/system/cpu/cpu1/online
for cpu in 0 1; do
	taskset -c $cpu dd if="$disk" of=/dev/null bs=4k count=8 iflag=direct status=none
done
echo 1 > "$ctrl/reset_controller"
contexts_are 2 || fail "contexts $(contexts) with all CPUs back"
taskset -c 1 dd if="$disk" of=/dev/null bs=4k count=8 iflag=direct status=none
is live || fail "state $(cat "$ctrl/state")"
[ "$(cat "$ctrl/statistics/recoveries")" = 0 ] || fail "a queue failed"
disconnect_weft "$i"
echo 128 > "$sub/attr_qid_max"

step "fast_io_fail_tmo"
connect fast_io_fail_tmo=1
gone
wait_for is connecting
refute timeout 60 dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct 2> /dev/null
is connecting || fail "state $(cat "$ctrl/state")"
back
wait_for is live
dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none
echo -1 > "$ctrl/fast_io_fail_tmo"

step "ctrl_loss_tmo ends it, and pending I/O with it"
echo 3 > "$ctrl/ctrl_loss_tmo"
gone
wait_for is connecting
refute timeout 100 dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct 2> /dev/null
wait_for not_there
back

step "deleted while it is being reconnected, with I/O waiting"
connect
load waiting --rw=randwrite --bs=4k --size=32M --time_based --runtime=600
sleep 1
gone
wait_for is connecting
timeout 60 bash -c "echo 1 > $ctrl/delete_controller" || fail "deletion hangs"
not_there || fail "still there"
refute wait $job
back

step "deleted while its address answers nobody"
connect
# over TCP its own address is reached over lo
link=v0
[ "$TRANSPORT" = rdma ] || link=lo
ip link set $link down
sleep 1
timeout 120 bash -c "echo 1 > $ctrl/delete_controller" || fail "deletion hangs"
not_there || fail "still there"
ip link set $link up

unload_weft
nvmet_teardown
teardown_net
check_clean
