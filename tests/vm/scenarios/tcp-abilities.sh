# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# What only a scripted target can show: how it is connected to, and which digests it is asked
# for; resets and rescans that a user asks for; I/O that waits for a command which wants to be
# alone, and the namespace that is another one afterwards; a write cache that is switched;
# names of namespaces.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 240
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/lib.sh"

# able_start NAME: another one, small again
able_start() {
	log=$VM_OUT/$1.log
	python3 "$WEFT_TOP/tests/vm/tcp_able_target.py" "$RXE_ADDR" 4420 \
		uuid nguid eui64 none one two > "$log" 2>&1 &
	able=$!
	at_exit "kill $able"
	wait_for grep -q ready "$log"
}

setup_net
load_weft
able_start able

connect() {
	i=$(connect_weft "$(connect_string),nr_io_queues=1$1")
	ctrl=/sys/class/$WEFT_CLASS/nvme$i
	nvme=/dev/nvme$i
	disk=${nvme}n1
	block=/sys/block/nvme${i}n1
	cache=$block/queue/write_cache
}
last_connects_are() {
	[ "$(grep ^connect "$log" | tail -n 2 | xargs)" = "$1" ] || fail "$(cat "$log")"
}
lines() { grep -c "^$1\$" "$log" || true; }
more_lines() { [ "$(lines "$1")" -gt "$2" ]; }
size_is() { [ "$(cat "$block/size")" = "$1" ]; }
reads() { cat "$ctrl/statistics/reads"; }
more_reads() { [ "$(reads)" -gt "$1" ]; }
cache_is() { [ "$(cat "$cache")" = "$1" ] || fail "write cache: $(cat "$cache"), not $1"; }

step "attributes of Connect"
connect ""
last_connects_are "connect 0 0 connect 1 0"
disconnect_weft "$i"
connect ,disable_sqflow
last_connects_are "connect 0 4 connect 1 4"
disconnect_weft "$i"

step "digests are asked for, and not done without"
for asked in 1,hdr_digest 2,data_digest 3,hdr_digest,data_digest; do
	why=$(connect_weft "$(connect_string),${asked#*,}" 2>&1) && fail "${asked#*,}: connected"
	contains 'the target does not offer' <<< "$why" || fail "$why"
	[ "$(lines "icreq ${asked%%,*}")" = 1 ] || fail "${asked#*,}: $(grep icreq "$log" | xargs)"
done

# resets COMMAND...: it connects the controller anew
resets() {
	local connects scans
	connects=$(lines "connect 0 0")
	scans=$(lines scan)
	"$@"
	[ "$(lines "connect 0 0")" = $((connects + 1)) ] || fail "no reset: $*"
	wait_for more_lines scan "$scans"
}
# rescans COMMAND...: it finds what the target has not told
rescans() {
	local size
	sleep 1
	size=$(cat "$block/size")
	kill -USR1 $able
	"$@"
	wait_for size_is $((2 * size))
}
by_attribute() { echo 1 > "$ctrl/$1"; }

step "resets and rescans"
connect ""
resets nvme reset "$nvme"
rescans nvme ns-rescan "$nvme"
resets by_attribute reset_controller
rescans by_attribute rescan_controller

# formats: the command that wants to be alone
formats() {
	local size
	size=$(cat "$block/size")
	nvme admin-passthru "$nvme" --opcode=0x80 --namespace-id=1 --timeout=120000
	size_is $((2 * size)) || fail "$(cat "$block/size") blocks: it is not seen what has changed"
	[ "$(lines io)" = 0 ] || fail "$(lines io) commands beside it"
}

step "commands that want to be alone, under load"
fio --name=load --filename="$disk" --allow_file_create=0 --direct=1 --ioengine=libaio \
	--iodepth=4 --rw=randread --bs=4k --size=1M --time_based --runtime=600 --minimal \
	> "$VM_OUT/fio-load.txt" 2>&1 &
job=$!
for n in 1 2; do
	before=$(reads)
	wait_for more_reads "$before"
	formats
	[ "$(lines formatted)" = $n ] || fail "$(lines formatted) commands have arrived"
done
before=$(reads)
wait_for more_reads "$before"
kill -0 $job || fail "fio has ended: $(cat "$VM_OUT/fio-load.txt")"

step "a command that wants to be alone, of a disk with two paths"
kill $job
wait $job || true
disconnect_weft "$i"
kill $able
wait $able || true
able_start paths
port() { connect_weft "transport=tcp,traddr=$RXE_ADDR,trsvcid=$1,nqn=$WEFT_NQN,nr_io_queues=1"; }
i=$(port 4424)
other=$(port 4425)
ctrl=/sys/class/$WEFT_CLASS/nvme$i
nvme=/dev/nvme$i
disk=$(disk_of "$ctrl")
block=/sys/block/${disk#/dev/}
echo round-robin > "/sys/class/$WEFT_CLASS-subsystem/nvme-subsys$i/iopolicy"
reads_of() { cat "/sys/class/$WEFT_CLASS/nvme$1/statistics/reads"; }
has_read() { [ "$(reads_of "$1")" -gt "$2" ]; }
fio --name=paths --filename="$disk" --allow_file_create=0 --direct=1 --ioengine=libaio \
	--iodepth=4 --rw=randread --bs=4k --size=1M --time_based --runtime=600 --minimal \
	> "$VM_OUT/fio-paths.txt" 2>&1 &
job=$!
wait_for has_read "$i" 20
wait_for has_read "$other" 20
formats
# and while it takes its time the other path can go
kill -USR2 $able
before=$(lines format)
formats &
formatting=$!
wait_for more_lines format "$before"
echo 1 > "/sys/class/$WEFT_CLASS/nvme$other/delete_controller" &
deleting=$!
wait_for test ! -e "/proc/$deleting"
[ "$(lines formatted)" = "$before" ] || fail "the command was not under way any more"
kill -USR2 $able
wait $formatting || fail "the command has failed"
before=$(reads_of "$i")
wait_for has_read "$i" "$before"
kill $job
wait $job || true
disconnect_weft "$i"

step "the write cache"
connect ""
cache_is "write back"
# flushes are sent all the same: other paths, or the next connect, may have it on
nvme set-feature "$nvme" --feature-id=6 --value=0
rescans by_attribute rescan_controller
cache_is "write back"
nvme set-feature "$nvme" --feature-id=6 --value=1
# a user's choice outlives a change of the namespace
echo "write through" > "$cache"
formats
cache_is "write through"
dd if=/dev/zero of="$disk" bs=4k count=4 conv=fsync status=none
echo "write back" > "$cache"
dd if=/dev/zero of="$disk" bs=4k count=4 conv=fsync status=none
disconnect_weft "$i"

# called PORT WWID ATTRIBUTE...: the names of a namespace, and no others
called() {
	local a
	i=$(connect_weft "transport=tcp,traddr=$RXE_ADDR,trsvcid=$1,nqn=$WEFT_NQN,nr_io_queues=1")
	block=/sys/block/nvme${i}n1
	[ "$(cat "$block/wwid")" = "$2" ] || fail "wwid $(cat "$block/wwid"), not $2"
	for a in uuid nguid eui; do
		[[ " ${*:3} " = *" $a "* ]] || [ ! -e "$block/$a" ] || fail "$a $(cat "$block/$a")"
		[[ " ${*:3} " != *" $a "* ]] || [ -e "$block/$a" ] || fail "no $a"
	done
}

step "what a namespace is called that has one identifier, or none"
called 4420 uuid.01020304-0506-0708-090a-0b0c0d0e0f10 uuid
[ "$(cat "$block/uuid")" = 01020304-0506-0708-090a-0b0c0d0e0f10 ] || fail "$(cat "$block/uuid")"
disconnect_weft "$i"
called 4421 eui.0102030405060708090a0b0c0d0e0f10 uuid nguid
[ "$(cat "$block/nguid")" = 01020304-0506-0708-090a-0b0c0d0e0f10 ] || fail "$(cat "$block/nguid")"
[ "$(cat "$block/uuid")" = "$(cat "$block/nguid")" ] || fail "uuid $(cat "$block/uuid")"
disconnect_weft "$i"
called 4422 eui.0102030405060708 eui
[ "$(cat "$block/eui")" = "01 02 03 04 05 06 07 08" ] || fail "$(cat "$block/eui")"
disconnect_weft "$i"
# vendor, serial number, model and number
called 4423 nvme.0000-4556494c-6576696c-00000001
disconnect_weft "$i"

unload_weft
check_clean
teardown_net
