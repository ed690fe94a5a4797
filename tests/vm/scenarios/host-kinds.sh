# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# A CPU in the middle goes offline under verified load, and the controller is reset: what was
# the last default queue is the first polled one then, and the load's requests are on it. The
# CPU comes back under polled load, and what was the first polled queue is a default one.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# smp: 4
# timeout: 300
. "$WEFT_TOP/tests/vm/lib.sh"

# I/O that does not end shows by the scenario's time. Without multipath requests stay on their
# contexts meanwhile.
setup_net
load_weft multipath=N io_timeout=600
start_target
target_with_disk
i=$(connect_weft "$(connect_string),nr_poll_queues=2")
ctrl=/sys/class/$WEFT_CLASS/nvme$i
disk=$(disk_of "$ctrl")
queues_are() { [ "$(< "$ctrl/queue_count")" = $(($1 + 1)) ] || fail "$(< "$ctrl/queue_count")"; }
has_written() { [ "$(< "$ctrl/statistics/writes")" -gt 100 ]; }

step "four default queues, two polled ones"
queues_are 6
# of the last CPU, whose context the reset finds with requests
taskset -c 3 fio --name=kinds --filename="$disk" --allow_file_create=0 --direct=1 \
	--ioengine=libaio --iodepth=16 --rw=randwrite --bs=4k --size=4M --rate_iops=300 \
	--verify=crc32c --verify_fatal=1 --do_verify=1 --verify_state_save=0 --minimal \
	> "$VM_OUT/fio-kinds.txt" 2>&1 &
job=$!
wait_for has_written

step "three default queues: the fourth is a polled one now"
echo 0 > /sys/devices/system/cpu/cpu1/online
echo 1 > "$ctrl/reset_controller"
queues_are 5
wait $job || fail "fio: $(tail -n 3 "$VM_OUT/fio-kinds.txt")"
[ "$(< "$ctrl/statistics/recoveries")" = 0 ] || fail "recovered: $(< "$ctrl/last_error")"

step "polled I/O, now and after the next connect"
polled() {
	fio --name=polled --filename="$disk" --allow_file_create=0 --direct=1 \
		--ioengine=io_uring --hipri --iodepth=4 --rw=randread --bs=4k --size=8M \
		--number_ios=200 --minimal > "$VM_OUT/fio-polled.txt" 2>&1 ||
		fail "fio: $(tail -n 3 "$VM_OUT/fio-polled.txt")"
}
polled
echo 1 > "$ctrl/reset_controller"
polled

step "four default queues again: the first polled one is the fourth of them"
before=$(< "$ctrl/statistics/writes")
fio --name=back --filename="$disk" --allow_file_create=0 --direct=1 --ioengine=io_uring --hipri \
	--cpus_allowed=0,2,3 --cpus_allowed_policy=split --numjobs=3 --iodepth=16 --rw=randwrite \
	--bs=4k --size=2M --offset_increment=4M --rate_iops=150 --verify=crc32c --verify_fatal=1 \
	--do_verify=1 --verify_state_save=0 --group_reporting --minimal \
	> "$VM_OUT/fio-back.txt" 2>&1 &
job=$!
has_written_more() { [ "$(< "$ctrl/statistics/writes")" -gt $((before + 100)) ]; }
wait_for has_written_more
echo 1 > /sys/devices/system/cpu/cpu1/online
echo 1 > "$ctrl/reset_controller"
queues_are 6
wait $job || fail "fio: $(tail -n 3 "$VM_OUT/fio-back.txt")"
[ "$(< "$ctrl/statistics/recoveries")" = 0 ] || fail "recovered: $(< "$ctrl/last_error")"
polled
disconnect_weft "$i"

unload_weft
stop_target
teardown_net
check_clean
