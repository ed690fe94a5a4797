# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Two machines and a network between them that loses, doubles and reorders packets, both
# ways, acknowledgements too: ten minutes of verified I/O, and not a byte is wrong. SENDs of
# our host and WRITEs, READs and SENDs of our target are retransmitted.
# kernels: 6.1 6.12
# tier: full
# guests: 2
# timeout: 1800
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/counters.sh"

SECONDS_OF_IO=${WEFT_LOSSY_SECONDS:-600}
COUNTERS=/sys/class/infiniband/$RXE_DEV/ports/1/hw_counters

bad_network() {
	tc qdisc add dev "$VM_NETDEV" root netem loss 0.5% duplicate 0.5% delay 200us reorder 5%
}

# good_network: and say what happened
good_network() {
	local dropped
	tc -s qdisc show dev "$VM_NETDEV" | tee "$VM_OUT/qdisc.txt"
	dropped=$(sed -n 's/.*dropped \([0-9]*\).*/\1/p' "$VM_OUT/qdisc.txt" | head -1)
	tc qdisc delete dev "$VM_NETDEV" root
	grep -H . "$COUNTERS"/* | sed "s#.*/##"
	[ "$dropped" -gt 50 ] || fail "only $dropped packets were lost"
}

need_modules sch_netem
setup_rxe
if [ "$VM_ROLE" = a ]; then
	start_target
	target_with_disk
	barrier ready
	barrier connected
	bad_network
	barrier bad
	barrier over $((SECONDS_OF_IO + 600))
	good_network
	barrier done 240
	stop_target
else
	load_weft
	barrier ready
	i=$(connect_weft "$(connect_string "$RXE_PEER"),nr_io_queues=2,queue_size=32,reconnect_delay=1")
	ctrl=/sys/class/$WEFT_CLASS/nvme$i
	barrier connected
	bad_network
	barrier bad
	step "verified I/O for $SECONDS_OF_IO s"
	fio --name=lossy --filename="$(disk_of "$ctrl")" --direct=1 --ioengine=libaio \
		--rw=randrw --bsrange=512-64k --blockalign=512 --iodepth=16 \
		--iodepth_batch_submit=8 --numjobs=2 --size=28M --offset_increment=30M \
		--time_based --runtime="$SECONDS_OF_IO" --verify=crc32c --verify_backlog=64 \
		--verify_fatal=1 --group_reporting --minimal > "$VM_OUT/fio-lossy.txt"
	barrier over $((SECONDS_OF_IO + 600))
	show_counters "$i" 1
	show_counters "$i" 2
	grep . "$ctrl/state" "$ctrl/last_error"
	good_network
	[ "$(cat "$COUNTERS/completer_retry_err")" -gt 0 ] || fail "no timer has run out"
	[ "$(counter "$i" 1 commands)" -gt 1000 ] || fail "hardly any I/O"
	disconnect_weft "$i"
	unload_weft
	check_clean
	barrier done 240
fi
teardown_rxe
