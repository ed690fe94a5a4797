# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# What can go wrong under a full plug, with verified I/O that goes on after each: the device
# refuses a chain at its first, a middle and a late work request, or the receives; responses
# name a command that is not in flight or a key of others, or are cut short; there is
# no memory for scatter tables, no room for DMA; completions of sends come late until the
# send queue is full; an elevator and a second namespace come and go; two processors poll
# one queue.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 900
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/counters.sh"

FAULT=/sys/module/rdma_fault/parameters
LOAD=

# load NAME: verified writes by plugs of 16, in the background
load() {
	fio --name="$1" --filename="$disk" --allow_file_create=0 --direct=1 \
		--ioengine=libaio --rw=randwrite --bsrange=512-16k --blockalign=512 \
		--iodepth=32 --iodepth_batch_submit=16 --iodepth_batch_complete_min=8 \
		--size=8M --verify=crc32c --do_verify=1 --verify_fatal=1 \
		--verify_state_save=0 --minimal > "$VM_OUT/fio-$1.txt" 2>&1 &
	LOAD=$!
	wait_for has_commands 200 "$(counter "$i" 1 commands)"
}

# loaded NAME: they have ended, and well
loaded() { wait "$LOAD" || fail "I/O failed: $(tail -3 "$VM_OUT"/fio-"$1".txt)"; }

has_commands() { [ "$(counter "$i" 1 commands)" -gt $(($2 + $1)) ]; }
is() { [ "$(cat "$ctrl/state")" = "$1" ]; }
was_refused() { [ "$(cat $FAULT/refused)" -gt "$1" ]; }

# refuse PARAMETER VALUE WORDS: the controller recovers and says WORDS
refuse() {
	local before
	before=$(cat $FAULT/refused)
	echo "$2" > "$FAULT/$1"
	wait_for was_refused "$before"
	wait_for grep -Eq "$3" "$ctrl/last_error"
	wait_for is live
	echo "$1=$2: $(cat "$ctrl/last_error")"
}

# the request queues of the disk's paths
schedulers() {
	local s
	for s in /sys/block/nvme*n1/queue/scheduler; do
		if grep -q mq-deadline "$s"; then
			echo "$s"
		fi
	done
}

setup_rxe
start_target
target_with_disk
load_weft
insert_module "$WEFT_MODULES/kmod/rdma_fault.ko" device="$RXE_DEV"
i=$(connect_weft "$(connect_string),nr_io_queues=1,queue_size=32,reconnect_delay=1")
ctrl=/sys/class/$WEFT_CLASS/nvme$i
disk=$(disk_of "$ctrl")

for at in 0 7 12; do
	step "a chain is refused at work request $at"
	load "chain$at"
	refuse refuse_send "$at" 'device refused work requests \(-12\)'
	loaded "chain$at"
	[ "$(counter "$i" 1 plugged)" -gt 0 ] || fail "no plug came as a whole"
done

step "the receives of a pass are refused"
load receives
refuse refuse_recv Y 'receives cannot be posted \(-12\)'
loaded receives

# spoil PARAMETER VALUE WORDS: one response under load
spoil() {
	step "a response is spoiled: $1"
	load "$1"
	refuse "$@"
	loaded "$1"
}

# the generation of a command that the slot had before
spoil spoil_cid 0x1000 'response to no command in flight'
spoil spoil_length Y 'response has not 16 bytes'
spoil spoil_key Y 'response invalidates a foreign key'
spoil spoil_no_key Y 'response invalidates a foreign key'

for what in tables maps; do
	step "no memory for scatter tables, no room for DMA: $what"
	load $what
	before=$(cat $FAULT/refused)
	echo 100 > $FAULT/refuse_$what
	loaded $what
	[ "$(cat $FAULT/refused)" = $((before + 100)) ] ||
		fail "$(cat $FAULT/refused) were refused"
	is live || fail "the controller is $(cat "$ctrl/state")"
done

step "no room for DMA, and no other I/O whose end would make some"
echo 5 > $FAULT/refuse_maps
dd if="$disk" of=/dev/null bs=64k count=1 iflag=direct status=none
[ "$(cat $FAULT/refuse_maps)" = 0 ] || fail "$(cat $FAULT/refuse_maps) of five mappings were not refused"

step "the send queue fills up, and empties"
load full
before=$(counter "$i" 1 sq_full)
echo Y > $FAULT/hold_sends
is_full() { [ "$(counter "$i" 1 sq_full)" -gt "$before" ]; }
wait_for is_full
echo N > $FAULT/hold_sends
loaded full
show_counters "$i" 1
is live || fail "the controller is $(cat "$ctrl/state")"

step "an elevator comes and goes"
modprobe -q mq-deadline || true
[ -n "$(schedulers)" ] || fail "no disk takes an elevator"
# elevator NAME: becomes that of all paths, under load
elevator() {
	local s
	load "$1"
	for s in $(schedulers); do
		echo "$1" > "$s"
		grep -q "\[$1\]" "$s" || fail "$s: $(cat "$s")"
	done
	loaded "$1"
}
for s in $(schedulers); do
	grep -q '\[none\]' "$s" || fail "$s: there is an elevator by default"
done
elevator mq-deadline
NAMES="commands doorbells plugged"
snapshot a
load with
loaded with
snapshot b
# shellcheck disable=SC2154 # set by snapshot
[ "$b_plugged" = "$a_plugged" ] || fail "plugs came past the elevator"
# an elevator gives one after the other, and says when the last one comes
budget doorbells 500
elevator none
load without
loaded without
[ "$(counter "$i" 1 plugged)" -gt "$before" ] || fail "no plug came as a whole"

step "a second namespace comes and goes"
load namespace
rpc bdev_null_create '{"name":"disk2","num_blocks":16384,"block_size":512}' > /dev/null
rpc nvmf_subsystem_add_ns \
	"{\"nqn\":\"$WEFT_NQN\",\"namespace\":{\"bdev_name\":\"disk2\",\"nsid\":2}}"
wait_for test -b "${disk%1}2"
fio --name=second --filename="${disk%1}2" --direct=1 --ioengine=libaio --rw=randread \
	--bs=4k --iodepth=16 --iodepth_batch_submit=16 --io_size=2M --minimal \
	> "$VM_OUT/fio-second.txt"
rpc nvmf_subsystem_remove_ns "{\"nqn\":\"$WEFT_NQN\",\"nsid\":2}"
wait_for test ! -e "${disk%1}2"
loaded namespace
show_counters "$i" 1
disconnect_weft "$i"

step "two processors poll one queue"
i=$(connect_weft "$(connect_string),nr_io_queues=1,nr_poll_queues=1,queue_size=32")
before=$(counter "$i" 2 commands)
fio --name=polled --filename="$(disk_of "/sys/class/$WEFT_CLASS/nvme$i")" \
	--direct=1 --ioengine=io_uring --hipri \
	--rw=randwrite --bsrange=512-64k --blockalign=512 --iodepth=8 --numjobs=2 --size=4M \
	--cpus_allowed=0-1 --cpus_allowed_policy=split --offset_increment=10M --verify=crc32c \
	--do_verify=1 --verify_fatal=1 --group_reporting --minimal > "$VM_OUT/fio-polled.txt"
show_counters "$i" 2
[ "$(counter "$i" 2 commands)" -gt $((before + 100)) ] || fail "the polled queue was not used"
disconnect_weft "$i"

rmmod rdma_fault
unload_weft
check_clean
stop_target
teardown_rxe
