# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# The target's statistics after a known number of reads, writes, flushes and failures of two
# in-tree hosts: by subsystem, namespace, host, connection and reactor they are exactly those; so
# are the histograms, what OpenMetrics tells and what the bdevs have counted. A connection that
# ends takes nothing from the others.
# kernels: 6.1 6.12
# tier: full
# timeout: 300
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/intree.sh"
. "$WEFT_TOP/tests/vm/nvme_cli.sh"
. "$WEFT_TOP/tests/vm/counted.sh"

HTTP=127.0.0.1:9419

configure() {
	rpc nvmf_create_transport "{\"trtype\":\"${TRANSPORT^^}\"}"
	malloc_disk base
	rpc bdev_delay_create '{"base_bdev_name":"base","name":"disk1","avg_read_latency":0,
		"p99_read_latency":0,"avg_write_latency":0,"p99_write_latency":0}'
	two_subsystems disk1
}

# io DISK PATTERN BLOCK_SIZE COUNT
io() {
	fio --name=io --filename="/dev/$1" --allow_file_create=0 --direct=1 --ioengine=libaio \
		--iodepth=8 --rw="$2" --bs="$3" --size=$(($3 * $4)) --minimal \
		> "$VM_OUT/fio-$1-$2.txt"
}

# grown WHERE [NAME N]…: that is all that it has counted
grown() {
	local where=$1 want got
	shift
	want=$(printf "%s %s\n" "$@" | sort)
	got=$(awk -v w="$where" '$1 == w && $2 !~ /log2/ { print $2, $3 }' /run/grown | sort)
	[ "$got" = "$want" ] || fail "$where has counted" $got "instead of" $want
}

# iostat NAME: its reads and writes
iostat() {
	rpc bdev_get_iostat "{\"name\":\"$1\"}" |
		jq -r '.bdevs[0] | "\(.num_read_ops) \(.num_write_ops)"'
}
# bdev_grown NAME READS WRITES: since the snapshot
bdev_grown() {
	local was now
	read -ra was < "/run/iostat.$1"
	read -ra now <<< "$(iostat "$1")"
	[ "$((now[0] - was[0])) $((now[1] - was[1]))" = "$2 $3" ] ||
		fail "bdev $1: ${was[*]} -> ${now[*]}, not by $2 $3"
}

# queues_of CONTROLLER NQN NAME: the sum over its connections
queues_of() {
	sum_of "connection:$2:$(cat "/sys/class/nvme/$1/cntlid")" "$3" /run/grown
}

step "two hosts, three namespaces"
setup_net
load_intree multipath=N
start_target -m 0,1 --metrics $HTTP
configure > /dev/null
two_hosts -i 2
counted /run/before
for d in d1 disk1 d3; do
	iostat $d > "/run/iostat.$d"
done

step "a known load"
io "$A1" randread 4096 300
io "$A1" randwrite 8192 100
io "$O1" randwrite 65536 50
io "$B1" randread 16384 30
reads_take 1
io "$B2" randread 512 40
head -c 4096 /dev/urandom > /run/data
for _ in 1 2 3 4 5; do
	nvme write "/dev/$B2" -s 8 -c 7 -z 4096 -d /run/data > /dev/null
done
for _ in 1 2 3; do
	nvme flush "/dev/$B2" > /dev/null
	fails_with "LBA" nvme read "/dev/$B2" -s $((1 << 20)) -c 0 -z 512 -d /run/nothing
done
nvme verify "/dev/$O1" -s 0 -c 7 > /dev/null
counted /run/after
between /run/before /run/after > /run/grown
python3 "$WEFT_TOP/tests/vm/counted.py" --metrics $HTTP > /run/metrics

step "is counted, and nothing else"
a_read=$((300 * 4096)) a_written=$((100 * 8192)) o_written=$((50 * 65536))
b1_read=$((30 * 16384)) b2_read=$((40 * 512)) b2_written=$((5 * 4096))
grown "namespace:$WEFT_NQN:1" read_ops 330 read_latencies 330 bytes_read $((a_read + b1_read)) \
	write_ops 100 write_latencies 100 bytes_written $a_written
grown "namespace:$WEFT_NQN:2" read_ops 40 read_latencies 40 bytes_read $b2_read \
	write_ops 5 write_latencies 5 bytes_written $b2_written other_ops 3 errors 3
grown "subsystem:$WEFT_NQN" read_ops 370 read_latencies 370 \
	bytes_read $((a_read + b1_read + b2_read)) write_ops 105 write_latencies 105 \
	bytes_written $((a_written + b2_written)) other_ops 3 errors 3
grown "subsystem:$OTHER" write_ops 50 write_latencies 50 bytes_written $o_written other_ops 1
grown "namespace:$OTHER:1" write_ops 50 write_latencies 50 bytes_written $o_written other_ops 1
grown "host:$HOST_A" read_ops 300 read_latencies 300 bytes_read $a_read write_ops 150 \
	write_latencies 150 bytes_written $((a_written + o_written)) other_ops 1
grown "host:$HOST_B" read_ops 70 read_latencies 70 bytes_read $((b1_read + b2_read)) write_ops 5 \
	write_latencies 5 bytes_written $b2_written other_ops 3 errors 3
# which queue of a controller took what is the scheduler's choice, and so is the reactor
for name in "$A read_ops 300" "$A write_ops 100" "$A bytes_read $a_read" "$A errors 0" \
	"$B read_ops 70" "$B write_ops 5" "$B other_ops 3" "$B errors 3"; do
	read -r c n want <<< "$name"
	[ "$(queues_of "$c" "$WEFT_NQN" "$n")" = "$want" ] || fail "connections of $c: $n"
done
[ "$(queues_of "$O" $OTHER write_ops)" = 50 ] || fail "connections of $O"
for name in "read_ops 370" "write_ops 155" "other_ops 4" "errors 3" "read_latencies 370"; do
	read -r n want <<< "$name"
	[ "$(sum_of reactor "$n" /run/grown)" = "$want" ] || fail "reactors: $n"
done
grep 'wait_' /run/grown && fail "commands had to wait"
bdev_grown d1 330 100
bdev_grown disk1 40 5
bdev_grown d3 0 50

step "the histogram has the slow reads where they belong"
# bucket 20 is from 524288 us on
fast=$(awk -v w="namespace:$WEFT_NQN:2" '$1 == w && match($2, /^read_log2_/) &&
	substr($2, RLENGTH + 1) < 20 { n += $3 } END { print n + 0 }' /run/grown)
[ "$fast" = 0 ] || fail "$fast reads took less than half a second"
[ "$(awk -v w="namespace:$WEFT_NQN:2" '$1 == w && $2 ~ /^read_log2/ { n += $3 }
	END { print n }' /run/grown)" = 40 ] || fail "reads are missing in it"

step "OpenMetrics tells the same"
diff /run/after /run/metrics || fail "by RPC and by HTTP it is different"

step "a host that goes leaves what it has done"
disconnect_intree "$A"
disconnect_intree "$O"
# those of host B
connections_are() {
	counted /run/left
	[ "$(grep -c "^connection:.* read_ops" /run/left)" = "$1" ]
}
wait_for connections_are 2
for w in "host:$HOST_A" "subsystem:$WEFT_NQN" "subsystem:$OTHER" "namespace:$WEFT_NQN:1"; do
	for n in read_ops write_ops bytes_read bytes_written other_ops errors; do
		[ "$(sum_of "$w" $n /run/left)" = "$(sum_of "$w" $n /run/after)" ] || fail "$w $n"
	done
done
on "$WEFT_NQN" nvmf_subsystem_remove_ns '"nsid":1' > /dev/null
[ "$(sum_of "subsystem:$WEFT_NQN" read_ops)" = "$(sum_of "subsystem:$WEFT_NQN" read_ops \
	/run/after)" ] || fail "the namespace has taken its reads along"

disconnect_intree "$B"
unload_intree
stop_target
teardown_net
