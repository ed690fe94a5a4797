# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# shellcheck shell=bash
#
# What every pair of a host and a target has to stand, sourced by the pair-*.sh
# scenarios after lib.sh. A scenario gives the pair by functions:
#
#   pair_connect        connects and sets DISK and CTRL
#   pair_disconnect     disconnects CTRL
#   pair_break          makes the target vanish in the middle of everything
#   pair_mend           brings it back with the same disk
#   pair_unload         removes the host's modules; may be called while connected
#   pair_unload_under_load   the same while fio (LOAD) runs; is connected afterwards
#   pair_load           loads them
#   pair_memory         prints the target's resident KiB, or 0 for a kernel target

. "$WEFT_TOP/tests/vm/disks.sh"

# Options that make recovery quick enough for a test
PAIR_RECONNECT_DELAY=1
PAIR_CTRL_LOSS_TMO=300

disk_is_there() { [ -b "$DISK" ] && [ "$(blockdev --getsize64 "$DISK")" -gt 0 ]; }

# Several jobs, depths and block sizes from 512 B to 1 MiB; each block is read back.
fio_verify() {
	fio --output="$VM_OUT/fio-$1.json" --output-format=json --filename="$DISK" \
		--direct=1 --allow_file_create=0 --ioengine=io_uring --verify=crc32c \
		--verify_fatal=1 \
		--verify_state_save=0 --group_reporting=0 --randrepeat=1 \
		--name=mixed --rw=randwrite --iodepth=16 --offset=0 --size="$2" \
		--bssplit=512/10:4k/30:8k/10:64k/30:128k/10:1m/10 --blockalign=512 \
		--name=small --rw=randwrite --iodepth=32 --offset=64m --size=4m --bs=4k \
		--name=single --rw=randwrite --iodepth=1 --offset=80m --size=2m --bs=16k \
		--name=deep --rw=write --iodepth=64 --offset=96m --size=8m --bs=32k ||
		fail "fio $1: $(grep -h -m3 -i error "$VM_OUT/fio-$1.json" || true)"
}

# A file system made, filled, and found clean after the connection was made anew.
pair_file_system() {
	step "ext4 survives a reconnect"
	mkfs.ext4 -q -F "$DISK"
	mkdir -p /mnt/pair
	mount "$DISK" /mnt/pair
	cp -r "$WEFT_TOP/common" "$WEFT_TOP/host" "$WEFT_TOP/target" /mnt/pair/
	dd if=/dev/urandom of=/mnt/pair/random bs=1M count=24 status=none
	(cd /mnt/pair && find . -type f -exec sha256sum {} + > /run/pair.sums)
	umount /mnt/pair
	pair_disconnect
	pair_connect
	fsck.ext4 -f -n "$DISK"
	mount -o ro "$DISK" /mnt/pair
	(cd /mnt/pair && sha256sum --quiet -c /run/pair.sums)
	umount /mnt/pair
}

# The target dies under verify load; the job ends without an error or a lost block.
pair_target_dies() {
	local job
	step "the target dies under load and comes back"
	fio --output="$VM_OUT/fio-dies.txt" --filename="$DISK" --direct=1 --allow_file_create=0 \
		--ioengine=io_uring --verify=crc32c --verify_fatal=1 \
		--verify_state_save=0 --name=dies --rw=randwrite --bs=4k \
		--iodepth=16 --size=16m --rate_iops=600 &
	job=$!
	wait_for disk_has_written 200
	kill -0 $job || fail "fio ended too early"
	pair_break
	sleep 2
	kill -0 $job || fail "fio ended while the target was away"
	pair_mend
	wait $job || fail "fio failed: $(tail -n 20 "$VM_OUT/fio-dies.txt")"
}

fio_in_background() {
	fio --filename="$DISK" --direct=1 --allow_file_create=0 --ioengine=io_uring --name=load \
		--rw=randrw --bs=4k --iodepth=16 --size=16m --time_based \
		--runtime=600 > "$VM_OUT/fio-load.txt" 2>&1 &
	LOAD=$!
	wait_for disk_has_written 100
}

# fio has to end by itself, with an error, because its disk went away
load_has_ended() {
	wait_for -t 120 load_is_gone
	wait $LOAD && fail "fio did not notice that its disk went away"
	LOAD=
}

load_is_gone() { [ ! -e "/proc/$LOAD" ] || grep -q '^State:.*Z' "/proc/$LOAD/status"; }

pair_disconnect_under_load() {
	step "disconnect under load"
	fio_in_background
	pair_disconnect
	load_has_ended
	pair_connect
	step "unload under load"
	fio_in_background
	pair_unload_under_load
	# with lockdep a socket holds the module that has its lock's class
	[ "$TRANSPORT" = rdma ] || [ ! -e /proc/lockdep ] || return 0
	step "unload with a live controller"
	pair_unload
	pair_load
	pair_connect
}

# An open disk keeps its modules: unloading is refused and disturbs nobody; once the
# disk was disconnected under the load, the modules go.
weft_unload_under_load() {
	refute unload_weft 2> /dev/null
	sleep 1
	kill -0 $LOAD || fail "the refused unloading has ended fio"
	pair_disconnect
	load_has_ended
	pair_unload
	pair_load
	pair_connect
}

guest_is_flat() {
	guest_after=$(guest_used_kib)
	[ $((guest_after - guest_before)) -lt 24576 ]
}

# The in-tree host of 6.1 keeps 200 to 400 KiB of each connection for a while, and what
# it does is not ours: PAIR_HOST=intree only prints the guest's memory.
# pair_cycles N: memory of guest and daemon after N cycles is what it was after N/4.
# The limits are what a guest's memory wanders by itself; one controller takes more.
# A busy guest frees late (RCU, works): only what stays is a leak.
pair_cycles() {
	local n guest_before=0 target_before=0 guest_after=0 target_after
	step "$1 connect/disconnect cycles"
	pair_disconnect
	for ((n = 1; n <= $1; n++)); do
		pair_connect
		pair_disconnect
		if [ "$n" = $(($1 / 4)) ]; then
			guest_before=$(guest_used_kib)
			target_before=$(pair_memory)
		fi
	done
	target_after=$(pair_memory)
	for ((n = 0; n < 30; n++)); do
		guest_is_flat && break
		[ "${PAIR_HOST:-weft}" = weft ] || break
		sleep 1
	done
	echo "guest: $guest_before -> $guest_after KiB, target: $target_before -> $target_after KiB"
	[ "${PAIR_HOST:-weft}" != weft ] || guest_is_flat || fail "the guest's memory grows"
	[ $((target_after - target_before)) -lt 2048 ] || fail "the target's memory grows"
	pair_connect
}

# The whole course. CYCLES=N sets the number of cycles; a quick check has fewer.
pair_run() {
	[ "${WEFT_TIER:-}" != check ] || : "${CYCLES:=24}"
	pair_load
	pair_connect
	step "verify"
	fio_verify first 24m
	pair_file_system
	pair_target_dies
	fio_verify again 8m
	pair_disconnect_under_load
	pair_cycles "${CYCLES:-100}"
	pair_disconnect
	pair_unload
}

# --- the two ends of pairs ----------------------------------------------------

# our host: sets DISK and CTRL, from the instance that the control device tells
weft_host_connect() {
	local i
	i=$(connect_weft "$(connect_string),reconnect_delay=$PAIR_RECONNECT_DELAY,ctrl_loss_tmo=$PAIR_CTRL_LOSS_TMO,queue_size=32${PAIR_OPTIONS:-}")
	CTRL=nvme$i
	DISK=/dev/nvme${i}n1
	disk_is_there || fail "the write returned, but $DISK cannot be opened:" \
		"$(ls -l "$DISK" 2>&1), $(blockdev --getsize64 "$DISK" 2>&1)"
}

weft_host_disconnect() {
	echo 1 > "/sys/class/$WEFT_CLASS/$CTRL/delete_controller"
	wait_for test ! -e "/sys/class/$WEFT_CLASS/$CTRL"
}

# our target on a file on the scratch disk: what SIGKILL must not lose
weft_target_prepare() {
	mkfs.ext4 -q -F "$VM_SCRATCH"
	mkdir -p /mnt/scratch
	mount "$VM_SCRATCH" /mnt/scratch
	truncate -s 128M /mnt/scratch/disk.img
	cat > /run/target.json <<-JSON
	{"subsystems": [
	 {"subsystem": "bdev", "config": [
	  {"method": "bdev_uring_create", "params":
	   {"name": "disk1", "filename": "/mnt/scratch/disk.img", "block_size": 512}}]},
	 {"subsystem": "nvmf", "config": [
	  {"method": "nvmf_create_transport", "params":
	   {"trtype": "${TRANSPORT^^}", "in_capsule_data_size": 4096}},
	  {"method": "nvmf_create_subsystem", "params":
	   {"nqn": "$WEFT_NQN", "serial_number": "WEFT0001", "allow_any_host": true}},
	  {"method": "nvmf_subsystem_add_ns", "params":
	   {"nqn": "$WEFT_NQN", "namespace": {"bdev_name": "disk1", "nsid": 1,
	    "uuid": "5e6c2ad3-6f5e-4a0e-9d7e-0123456789ab"}}},
	  {"method": "nvmf_subsystem_add_listener", "params":
	   {"nqn": "$WEFT_NQN", "listen_address": {"trtype": "${TRANSPORT^^}", "adrfam": "IPv4",
	    "traddr": "$RXE_ADDR", "trsvcid": "4420"}}}]}]}
	JSON
}

weft_target_start() { start_target /run/target.json; }

target_resident_kib() { awk '/^VmRSS:/ { print $2 }' "/proc/$TARGET_PID/status"; }
