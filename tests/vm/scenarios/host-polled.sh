# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Polled queues that a target takes away at a reconnect, some or all, and gives back, under
# verified polled I/O, with and without multipath; and such that it grants for the first time
# then.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 420
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/counters.sh"

setup_net
nvmet_setup "$WEFT_NQN" null 64
sub=$NVMET/subsystems/$WEFT_NQN

is() { [ "$(< "$ctrl/state")" = "$1" ]; }
more_than() { [ "$(< "$ctrl/statistics/$1")" -gt "$2" ]; }
queues_are() { [ "$(< "$ctrl/queue_count")" = $(($1 + 1)) ] || fail "$(< "$ctrl/queue_count")"; }

connect() {
	i=$(connect_weft "$(connect_string),nr_io_queues=1,nr_poll_queues=2,reconnect_delay=1")
	ctrl=/sys/class/$WEFT_CLASS/nvme$i
	disk=$(disk_of "$ctrl")
}

# with MOST: the target comes back with so many I/O queues
with() {
	rm "$NVMET/ports/1/subsystems/$WEFT_NQN"
	wait_for is connecting
	echo "$1" > "$sub/attr_qid_max"
	ln -s "$sub" "$NVMET/ports/1/subsystems/$WEFT_NQN"
	wait_for is live
}

# polled NAME [OPTIONS]: by two processors, each of which has a queue if there are two
polled() {
	fio --name="$1" --filename="$disk" --allow_file_create=0 --direct=1 --ioengine=io_uring \
		--hipri --iodepth=8 --bs=4k --size=2M --numjobs=2 --offset_increment=4M \
		--cpus_allowed=0-1 --cpus_allowed_policy=split --group_reporting --minimal \
		"${@:2}" > "$VM_OUT/fio-$1.txt" 2>&1
}
reads() {
	polled "$1" --rw=randread --number_ios=200 || fail "fio: $(tail -n 3 "$VM_OUT/fio-$1.txt")"
}

# under_load NAME MOST: verified polled writes while the target comes back with so many queues
under_load() {
	local before
	before=$(< "$ctrl/statistics/writes")
	polled "$1" --rw=randwrite --rate_iops=150 --verify=crc32c --verify_fatal=1 \
		--do_verify=1 --verify_state_save=0 &
	job=$!
	wait_for more_than writes $((before + 100))
	with "$2"
	wait $job || fail "fio: $(tail -n 3 "$VM_OUT/fio-$1.txt")"
}

# used NAME COUNT [LEAST]: so many polled queues are there and used, for 200 reads each or LEAST
used() {
	local before=() q
	for ((q = 2; q < 2 + $2; q++)); do
		before[q]=$(counter "$i" $q commands)
	done
	reads "$1"
	for ((q = 2; q < 2 + $2; q++)); do
		[ "$(counter "$i" $q commands)" -ge $((before[q] + ${3:-200})) ] || fail "queue $q was not used"
	done
}

# polled I/O that goes by another path, too, which has no polled queue
beside_another() {
	local other taken before
	step "multipath=Y: a path that has none beside one that has"
	other=$(connect_weft "$(connect_string),duplicate_connect,nr_io_queues=1")
	echo round-robin > "/sys/class/$WEFT_CLASS-subsystem/nvme-subsys$i/iopolicy"
	taken=/sys/class/$WEFT_CLASS/nvme$other/statistics/reads
	before=$(< "$taken")
	used beside 2 50
	[ "$(< "$taken")" -ge $((before + 100)) ] || fail "the other path was not used"
	disconnect_weft "$other"
}

for multipath in N Y; do
	load_host_beside_nvmet multipath=$multipath
	echo 128 > "$sub/attr_qid_max"
	connect
	queues_are 3
	used there-$multipath 2

	step "multipath=$multipath: one polled queue of two is taken away"
	under_load one-$multipath 2
	queues_are 2
	used left-$multipath 1

	step "multipath=$multipath: and the other one"
	under_load all-$multipath 1
	queues_are 1
	reads none-$multipath

	step "multipath=$multipath: they are given back"
	under_load back-$multipath 128
	queues_are 3
	used again-$multipath 2
	[ $multipath = N ] || beside_another
	disconnect_weft "$i"

	step "multipath=$multipath: the first ones come with a reconnect"
	echo 1 > "$sub/attr_qid_max"
	connect
	queues_are 1
	reads before-$multipath
	under_load first-$multipath 128
	queues_are 3
	used new-$multipath 2
	disconnect_weft "$i"
	unload_weft
	check_clean
done

nvmet_teardown
teardown_net
