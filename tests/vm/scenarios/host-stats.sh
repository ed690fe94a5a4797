# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# What the host counts agrees with what was done: reads, writes and bytes of controller,
# queues and namespaces, latency buckets, errors of each kind, timeouts, recoveries; and the
# tracepoints tell of commands, FUA and flushes among them, states, recovery and events.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 400
. "$WEFT_TOP/tests/vm/lib.sh"

setup_net
nvmet_setup "$WEFT_NQN" null 64
load_host_beside_nvmet io_timeout=10
events=/sys/kernel/tracing/events/weft
for e in weft_setup_rq weft_end_rq weft_state weft_recovery weft_aer; do
	[ -d "$events/$e" ] || fail "no tracepoint $e"
done
echo 1 > "$events/enable"
i=$(connect_weft "$(connect_string),nr_io_queues=1,nr_write_queues=1,reconnect_delay=1")
ctrl=/sys/class/$WEFT_CLASS/nvme$i
debug=/sys/kernel/debug/weft/nvme$i
disk=/dev/nvme${i}n1

stat() { cat "$ctrl/statistics/$1"; }
# column FILE NAME: sum of a column of one of the tables
column() {
	awk -v name="$2" 'NR == 1 { for (c = 1; c <= NF; c++) if ($c == name) want = c }
		NR > 1 { sum += $want } END { print sum + 0 }' "$debug/$1"
}
# commands of I/O queues that are neither reads nor writes of the block layer
io_others() { awk '$1 > 0 { sum += $4 } END { print sum }' "$debug/io"; }
# grew NAME BEFORE BY
grew() { [ "$(stat "$1")" = $(($2 + $3)) ] || fail "$1: $2 before, $(stat "$1") now, not $3 more"; }

step "reads and writes"
udevadm settle 2> /dev/null || true
sleep 1
reads=$(stat reads) writes=$(stat writes) read_bytes=$(stat read_bytes)
write_bytes=$(stat write_bytes) others=$(io_others)
dd if=/dev/zero of="$disk" bs=64k count=20 oflag=direct status=none
dd if="$disk" of=/dev/null bs=4k count=30 iflag=direct status=none
grew writes "$writes" 20
grew write_bytes "$write_bytes" $((20 * 65536))
grew reads "$reads" 30
grew read_bytes "$read_bytes" $((30 * 4096))
nvme read "$disk" -s 0 -c 0 -z 512 -d /run/block
[ "$(io_others)" = $((others + 1)) ] || fail "a passthrough command is not counted"
grew reads "$reads" 30
cat "$debug/io" "$debug/latency" "$debug/namespaces"
for c in reads writes read_bytes write_bytes; do
	[ "$(column io $c)" = "$(stat $c)" ] || fail "queues: $c"
	[ "$(column namespaces $c)" = "$(stat $c)" ] || fail "namespaces: $c"
done
[ "$(column latency reads)" -ge 30 ]
# queue 1 is for writes, queue 2 for reads
[ "$(awk '$1 == 1 { print $2 }' "$debug/io")" = 0 ]
[ "$(awk '$1 == 2 { print $3 }' "$debug/io")" = 0 ]

step "errors"
errors=$(stat errors) generic=$(column io generic_errors)
refute nvme read "$disk" -s 0xffffffff -c 0 -z 512 -d /run/block 2> /dev/null
grew errors "$errors" 1
[ "$(column io generic_errors)" = $((generic + 1)) ] || fail "not counted as generic"
[ "$(column namespaces errors)" -ge 1 ]

step "writes that must last"
dd if=/dev/zero of="$disk" bs=4k count=1 oflag=direct,dsync status=none
dd if=/dev/zero of="$disk" bs=4k count=1 conv=fsync status=none

step "recovery"
recoveries=$(stat recoveries)
rm "$NVMET/ports/1/subsystems/$WEFT_NQN"
wait_for grep -q connecting "$ctrl/state"
ln -s "$NVMET/subsystems/$WEFT_NQN" "$NVMET/ports/1/subsystems/$WEFT_NQN"
wait_for grep -q live "$ctrl/state"
grew recoveries "$recoveries" 1
[ "$(stat reads)" -ge $((reads + 30)) ] || fail "counters did not outlive the reconnect"

step "an event"
truncate -s 8M /run/second
mkdir "$NVMET/subsystems/$WEFT_NQN/namespaces/7"
echo -n /run/second > "$NVMET/subsystems/$WEFT_NQN/namespaces/7/device_path"
echo 1 > "$NVMET/subsystems/$WEFT_NQN/namespaces/7/buffered_io"
echo 1 > "$NVMET/subsystems/$WEFT_NQN/namespaces/7/enable"
wait_for test -b "/dev/nvme${i}n2"
[ "$(sed 1d "$debug/namespaces" | wc -l)" = 2 ]
rmdir "$NVMET/subsystems/$WEFT_NQN/namespaces/7"
wait_for test ! -e "/sys/block/nvme${i}n2"

step "tracepoints"
echo 0 > "$events/enable"
cp /sys/kernel/tracing/trace "$VM_OUT/trace.txt"
# said PATTERN: a line of the trace
said() { grep -Eq "$1" "$VM_OUT/trace.txt" || fail "no '$1' in the trace"; }
said "weft_state: nvme$i new -> connecting"
said "weft_state: nvme$i live -> resetting"
said "weft_recovery: nvme$i begins: queue"
said "weft_setup_rq: nvme$i qid=1 cid=0x[0-9a-f]+ opcode=0x1 nsid=1"
said "weft_end_rq: nvme$i qid=2 cid=0x[0-9a-f]+ status=0x0 "
said "weft_aer: nvme$i status=0x0 result=0x40002"
# FUA, and Flush
said "weft_setup_rq: nvme$i qid=1 .* opcode=0x1 nsid=1 .* cdw12=0x40000007"
said "weft_setup_rq: nvme$i qid=[12] .* opcode=0x0 nsid=1"
disconnect_weft "$i"
nvmet_teardown

start_target
rpc bdev_malloc_create '{"name":"fast","num_blocks":2048,"block_size":512}'
target_with_disk "$WEFT_NQN" bdev_delay_create '{"base_bdev_name":"fast","name":"disk1",
	"avg_read_latency":0,"p99_read_latency":0,"avg_write_latency":0,"p99_write_latency":0}'
timed_out() { [ "$(stat timeouts)" -ge 1 ]; }
i=$(connect_weft "$(connect_string),nr_io_queues=1,reconnect_delay=1")
ctrl=/sys/class/$WEFT_CLASS/nvme$i
debug=/sys/kernel/debug/weft/nvme$i
disk=/dev/nvme${i}n1

step "errors of data, and a command that does not end"
head -c 512 /dev/urandom > /run/other
refute nvme compare "$disk" -s 0 -c 0 -z 512 -d /run/other 2> /dev/null
[ "$(column io media_errors)" = 1 ] || fail "not counted as one of the medium"
[ "$(stat timeouts)" = 0 ] && [ "$(stat cancelled)" = 0 ] || fail "counted from the start"
reads_take 600
dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none &
reader=$!
wait_for timed_out
reads_take 0
wait $reader || fail "the read has failed"
[ "$(stat recoveries)" -ge 1 ] || fail "no recovery"
[ "$(stat cancelled)" -ge 1 ] || fail "nothing was cancelled"
[ $(($(column namespaces retries) + $(column namespaces failovers))) -ge 1 ] ||
	fail "it was not sent again"
disconnect_weft "$i"

unload_weft
stop_target
teardown_net
check_clean
