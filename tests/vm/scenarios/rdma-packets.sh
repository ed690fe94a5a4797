# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Two machines and a network between them that loses, doubles and reorders packets, both
# ways, acknowledgements too: ten minutes of I/O, and not a byte is wrong. SENDs of our host
# and WRITEs and SENDs of our target are retransmitted, from copies and from users' pages;
# with copies neither end notices. With regions soft-RoCE breaks the connection, as it registers
# them again when it repeats what was sent before (6.12) or waits for ever (6.1), and it
# fails READs that are answered twice: there I/O goes on by recovery.
# kernels: 6.1 6.12
# tier: full
# guests: 2
# timeout: 2400
# allow: rxe_comp.c:[0-9]+ rxe_completer
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/counters.sh"

PART=$((${WEFT_LOSSY_SECONDS:-600} / 3))
HW=/sys/class/infiniband/$RXE_DEV/ports/1/hw_counters
BOUNCE=/sys/module/weft_rdma/parameters/bounce_bytes

bad_network() {
	tc qdisc add dev "$VM_NETDEV" root netem loss 0.5% duplicate 0.5% delay 200us reorder 5%
}

# good_network: and say what happened
good_network() {
	local dropped
	tc -s qdisc show dev "$VM_NETDEV" > "$VM_OUT/qdisc.txt"
	tc qdisc delete dev "$VM_NETDEV" root
	dropped=$(sed -n 's/.*dropped \([0-9]*\).*/\1/p' "$VM_OUT/qdisc.txt" | head -1)
	echo "$1: $dropped packets lost; completer_retry_err" \
		"$(cat $HW/completer_retry_err), duplicate_request $(cat $HW/duplicate_request)"
	[ "$dropped" -gt 10 ] || fail "only $dropped packets were lost"
}

# io NAME FIO-OPTIONS...
io() {
	local name=$1
	shift
	fio --name="$name" --filename="$(disk_of "$ctrl")" --allow_file_create=0 --direct=1 \
		--ioengine=libaio --iodepth=16 --iodepth_batch_submit=8 --numjobs=2 --size=28M \
		--offset_increment=30M --verify=crc32c --verify_fatal=1 --group_reporting \
		--minimal "$@" > "$VM_OUT/fio-$name.txt"
}

connect() {
	i=$(connect_weft "$(connect_string "$RXE_PEER"),nr_io_queues=2,queue_size=32,reconnect_delay=1")
	ctrl=/sys/class/$WEFT_CLASS/nvme$i
	# the first to open a disk reads its partitions: not over the bad network
	dd if="$(disk_of "$ctrl")" of=/dev/null bs=4k count=16 iflag=direct status=none
}

# part NAME FIO-OPTIONS...
part() {
	local name=$1
	shift
	barrier "begin-$name" 240
	bad_network
	step "$name: $PART s"
	io "$name" --time_based --runtime="$PART" "$@"
	good_network "$name"
	barrier "end-$name" 240
	show_counters "$i" 1
	[ "$(counter "$i" 1 commands)" -gt 100 ] || fail "hardly any I/O"
}

need_modules sch_netem
setup_rxe
if [ "$VM_ROLE" = a ]; then
	start_target
	target_with_disk
	barrier ready
	for name in copies pages regions; do
		barrier "begin-$name" 240
		bad_network
		barrier "end-$name" $((PART + 900))
		good_network "$name"
	done
	barrier done 240
	stop_target
else
	load_weft
	barrier ready
	connect
	part copies --rw=randrw --bsrange=512-4k --blockalign=512 --verify_backlog=64
	[ "$(counter "$i" 1 bounced)" -gt 100 ] || fail "nothing was copied"
	[ -z "$(cat "$ctrl/last_error")" ] || fail "$(cat "$ctrl/last_error")"
	disconnect_weft "$i"
	# in-capsule writes gather the pages of users, reads need regions
	echo 0 > "$BOUNCE"
	connect
	io before --rw=write --bs=4k --do_verify=0
	regions=$(counter "$i" 1 mr_registrations)
	part pages --rw=write --bs=4k --do_verify=0
	# but for a read of whoever looks at the disk, which may break the connection
	[ "$(counter "$i" 1 mr_registrations)" -lt $((regions + 20)) ] ||
		fail "not all went in capsules"
	io check --rw=read --bs=4k
	part regions --rw=randrw --bsrange=512-64k --blockalign=512 --verify_backlog=64
	[ "$(counter "$i" 1 mr_registrations)" -gt $((regions + 20)) ] || fail "no regions"
	disconnect_weft "$i"
	[ "$(cat $HW/completer_retry_err)" -gt 0 ] || fail "no timer has run out"
	unload_weft
	check_clean
	barrier done 240
fi
teardown_rxe
