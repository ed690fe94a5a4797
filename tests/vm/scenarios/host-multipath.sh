# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Two paths to one namespace of the in-tree target: one disk for both; the three policies;
# failover and failback under verified writes and flushes; paths that are all away; a
# controller that is deleted under load; the disk goes with the last path; multipath=N, also with
# fewer queues after a loss.
# kernels: 6.1 6.12
# check-kernels: 6.1
# tier: check
# debug: yes
# timeout: 500
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/paths.sh"

setup_net
# long enough for I/O to be under way together on a busy machine, too
NULL_NSEC=2000000
nvmet_setup "$WEFT_NQN" null 128
load_host_beside_nvmet
port_up 2
quick=reconnect_delay=1,keep_alive_tmo=2

step "two paths, one disk"
a=$(connect_port 1 $quick)
b=$(connect_port 2 $quick)
s=$a
disk=/dev/nvme${s}n1
path_a=$(path_dir "$s" "$a")
path_b=$(path_dir "$s" "$b")
subsys=/sys/class/$WEFT_CLASS-subsystem/nvme-subsys$s
[ -b "$disk" ] || fail "no $disk"
[ "$(ls /dev | grep -c '^nvme[0-9]*n')" = 1 ] || fail "disks: $(ls /dev | grep nvme)"
for p in "$path_a" "$path_b"; do
	[ "$(cat "$p/hidden")" = 1 ] || fail "$p is not hidden"
	[ "$(cat "$p/ana_state")" = optimized ] || fail "$p is $(cat "$p/ana_state")"
	[ "$(cat "$p/ana_grpid")" = 1 ] || fail "group $(cat "$p/ana_grpid")"
	[ "$(cat "$p/wwid")" = "$(cat "/sys/block/nvme${s}n1/wwid")" ] || fail "another wwid"
done
[ ! -e "/sys/block/nvme${s}n1/ana_state" ] || fail "a head has no ANA state"
[ -d "$subsys/nvme${s}n1" ] || fail "the disk is not the subsystem's"
[ "$(cat "$subsys/iopolicy")" = numa ] || fail "policy $(cat "$subsys/iopolicy")"

step "policies"
# spread POLICY: I/O of each path under a load
spread() {
	local a b
	echo "$1" > "$subsys/iopolicy"
	[ "$(cat "$subsys/iopolicy")" = "$1" ] || fail "not $1"
	a=$(ios "$path_a") b=$(ios "$path_b")
	fio --name=spread --filename="$disk" --allow_file_create=0 --direct=1 --ioengine=libaio \
		--iodepth=8 --rw=randread --bs=4k --size=8M --number_ios=400 --minimal > /dev/null
	n_a=$(($(ios "$path_a") - a)) n_b=$(($(ios "$path_b") - b))
	echo "$1: $n_a and $n_b"
	[ $((n_a + n_b)) -ge 400 ] || fail "some I/O took no path"
}
spread numa
[ $((n_a * n_b)) = 0 ] || fail "numa: one path is enough"
spread round-robin
[ $((n_a - n_b)) -lt 20 ] && [ $((n_b - n_a)) -lt 20 ] || fail "round-robin is not even"
spread queue-depth
[ "$n_a" -gt 40 ] && [ "$n_b" -gt 40 ] || fail "queue-depth: a path is hardly used"
refute bash -c "echo fastest > $subsys/iopolicy" 2> /dev/null
before=$(ios "/sys/block/nvme${s}n1")
dd if="$disk" of=/dev/null bs=4k count=10 iflag=direct status=none
[ $(($(ios "/sys/block/nvme${s}n1") - before)) = 10 ] || fail "the disk does not count"

step "one path after the other goes and comes back under load"
echo round-robin > "$subsys/iopolicy"
background verify $VERIFY --bsrange=512-64k --blockalign=512 --iodepth=16 --size=12M --numjobs=2 \
	--offset_increment=32M
verify=$job
background flush $VERIFY --bs=4k --iodepth=4 --offset=80M --size=4M --fdatasync=4
flush=$job
for n in 1 2 3; do
	sleep 1
	port_down 1
	wait_for ctrl_is "$a" connecting
	port_up 1
	wait_for ctrl_is "$a" live
	port_down 2
	wait_for ctrl_is "$b" connecting
	port_up 2
	wait_for ctrl_is "$b" live
done
wait $verify || fail "fio lost something"
wait $flush || fail "a flush failed"
a_before=$(ios "$path_a")
dd if="$disk" of=/dev/null bs=4k count=20 iflag=direct status=none
[ "$(ios "$path_a")" -gt "$a_before" ] || fail "no failback"

step "failback of policy numa: to the first of what is equally near"
# taken_by PATH: by which reads go now, all of them
taken_by() {
	local before
	before=$(ios "$1")
	dd if="$disk" of=/dev/null bs=4k count=20 iflag=direct status=none
	[ "$(ios "$1")" -ge $((before + 20)) ]
}
echo numa > "$subsys/iopolicy"
taken_by "$path_a" || fail "another than the first after the policy was set"
port_down 1
wait_for ctrl_is "$a" connecting
taken_by "$path_b" || fail "not by the path that is left"
port_up 1
wait_for ctrl_is "$a" live
wait_for taken_by "$path_a"
echo round-robin > "$subsys/iopolicy"

step "both away: I/O waits"
# slow enough not to be over before
background waits $VERIFY --bs=8k --iodepth=16 --size=4M --fdatasync=8 --rate_iops=60
port_down 1
port_down 2
wait_for ctrl_is "$a" connecting
wait_for ctrl_is "$b" connecting
sleep 2
kill -0 $job || fail "fio ended while no path was there"
port_up 2
wait $job || fail "fio lost something"
port_up 1
wait_for ctrl_is "$a" live

step "resets of both under load"
background resets --rw=randrw --bs=4k --iodepth=16 --size=32M --time_based --runtime=5
for n in 1 2 3; do
	echo 1 > "$(ctrl_dir "$a")/reset_controller"
	echo 1 > "$(ctrl_dir "$b")/reset_controller"
done
wait $job || fail "fio saw a reset"

step "fast_io_fail_tmo of both"
echo 1 > "$(ctrl_dir "$a")/fast_io_fail_tmo"
echo 1 > "$(ctrl_dir "$b")/fast_io_fail_tmo"
port_down 1
wait_for ctrl_is "$a" connecting
dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none
port_down 2
wait_for ctrl_is "$b" connecting
refute timeout 60 dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct 2> /dev/null
port_up 1
port_up 2
wait_for ctrl_is "$a" live
wait_for ctrl_is "$b" live
dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none

step "a controller is deleted under load, then the last one"
background deleted $VERIFY --bs=4k --iodepth=16 --size=8M
disconnect_weft "$a"
[ ! -e "$path_a" ] || fail "its path is left"
[ -b "$disk" ] || fail "the disk went with one of its paths"
wait $job || fail "fio saw the deletion"
a=$(connect_port 1 $quick)
[ -e "$(path_dir "$s" "$a")" ] || fail "the new path has another name: $(ls /sys/block)"
background last --rw=randwrite --bs=4k --iodepth=16 --size=32M --time_based --runtime=600
refute unload_weft 2> /dev/null
disconnect_weft "$b"
kill -0 $job || fail "fio ended too early"
disconnect_weft "$a"
refute wait $job
[ ! -e "$disk" ] || fail "the disk is left"
[ ! -e "$subsys" ] || fail "the subsystem is left"
unload_weft

step "the last path goes while I/O waits for one"
load_weft
a=$(connect_port 1 $quick)
disk=/dev/nvme${a}n1
background waiting --rw=randwrite --bs=4k --iodepth=16 --size=32M --time_based --runtime=600
port_down 1
wait_for ctrl_is "$a" connecting
timeout 60 bash -c "echo 1 > $(ctrl_dir "$a")/delete_controller" || fail "deletion hangs"
refute wait $job
[ ! -e "$disk" ] || fail "the disk is left"
port_up 1
unload_weft

step "multipath=N: each path is a disk"
load_weft multipath=N
a=$(connect_port 1)
b=$(connect_port 2)
for i in "$a" "$b"; do
	[ -b "/dev/nvme${i}n1" ] || fail "no /dev/nvme${i}n1: $(ls /dev | grep nvme)"
	[ "$(cat "/sys/block/nvme${i}n1/hidden")" = 0 ] || fail "hidden"
done
[ "$(cat "/sys/block/nvme${a}n1/wwid")" = "$(cat "/sys/block/nvme${b}n1/wwid")" ]
dd if=/dev/urandom of="/dev/nvme${a}n1" bs=4k count=4 oflag=direct status=none
cmp -n 16384 "/dev/nvme${a}n1" "/dev/nvme${b}n1"
disconnect_weft "$a"
[ -b "/dev/nvme${b}n1" ] || fail "the other disk went along"
disconnect_weft "$b"

step "multipath=N: fewer queues than before, and broken again as soon as it is live"
b=$(connect_port 2 "$quick,nr_io_queues=2,queue_size=16")
disk=/dev/nvme${b}n1
contexts_are() { [ "$(ls "/sys/block/nvme${b}n1/mq" | wc -l)" = "$1" ]; }
contexts_are 2 || fail "contexts $(ls "/sys/block/nvme${b}n1/mq")"
# more than there are requests, so that what has lost its context waits for some
background fewer $VERIFY --ioengine=io_uring --bs=4k --iodepth=16 --size=4M --numjobs=4 \
	--offset_increment=24M
port_down 2
wait_for ctrl_is "$b" connecting
echo 1 > "$NVMET/subsystems/$WEFT_NQN/attr_qid_max"
for _ in 1 2; do
	port_up 2
	wait_for ctrl_is "$b" live
	port_down 2
	wait_for ctrl_is "$b" connecting
done
port_up 2
wait $job || fail "fio lost something"
wait_for contexts_are 1
disconnect_weft "$b"

unload_weft
port_remove 2
nvmet_teardown
teardown_net
check_clean
