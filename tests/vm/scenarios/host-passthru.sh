# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Commands of users: io_uring on ngXnY and nvmeX with its rules, polled too, and fio's
# io_uring_cmd engine; the ioctls, those of 32-bit programs, too; what a user without
# privileges may send; files that stay open while the controller goes, and a polled command
# under way. On the in-tree target and on ours.
# kernels: 6.1 6.12
# tier: check
# check-kernels: 6.12
# debug: yes
# timeout: 500
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/counters.sh"

passthru=$WEFT_BIN/tests/vm/progs/passthru
generic=nvme-generic

connect() {
	i=$(connect_weft "$(connect_string),nr_io_queues=2,nr_poll_queues=1")
	disk=/dev/nvme${i}n1
	ng=/dev/ng${i}n1
	nvme=/dev/nvme$i
}

both_peers() {
	step "io_uring, $1"
	"$passthru" uring "$ng" "$nvme" 1
	step "io_uring, polled, $1"
	before=$(counter "$i" 3 commands)
	"$passthru" polled "$ng" 1
	[ "$(counter "$i" 3 commands)" -ge $((before + 8 * 7)) ] || fail "the polled queue was not used"
	step "io_uring, two processes that poll one queue, $1"
	"$passthru" shared "$ng" 1
	step "ioctls, and those of a 32-bit program, $1"
	"$passthru" native "$disk" "$nvme" 1
	# the debug kernel runs no 32-bit programs
	if [ "$VM_KERNEL" != debug ] || [ -e /proc/sys/abi/vsyscall32 ]; then
		"$passthru" compat "$disk" "$nvme" 1
	fi
	"$passthru" ctrl "$nvme" 0 1
	step "a user without privileges, $1"
	addpart "$disk" 1 2048 65536
	wait_for test -b "${disk}p1"
	chmod 666 "$ng" "$nvme" "${disk}p1"
	"$passthru" user "$ng" "$nvme" "${disk}p1" 1
}

setup_net
nvmet_setup "$WEFT_NQN" null 128
load_host_beside_nvmet
[ "$WEFT_CLASS" = nvme ] || generic=weft-generic
connect

step "device files"
[ -c "$ng" ] || fail "no $ng"
[ -e "/sys/class/$generic/ng${i}n1" ] || fail "no ng${i}n1 in its class"
[ "$(stat -c %a "$ng")" = 600 ] || fail "mode $(stat -c %a "$ng")"

both_peers nvmet

step "fio by io_uring_cmd"
common=(--filename="$ng" --allow_file_create=0 --cmd_type=nvme --bs=4k --iodepth=16 --size=8M
	--minimal)
for opts in "" "--fixedbufs" "--hipri" "--hipri --fixedbufs"; do
	# shellcheck disable=SC2086
	fio --name=cmd --ioengine=io_uring_cmd --rw=randwrite --verify=crc32c --do_verify=1 \
		--verify_fatal=1 $opts "${common[@]}" > "$VM_OUT/fio-cmd.txt" ||
		fail "fio $opts: $(cat "$VM_OUT/fio-cmd.txt")"
done

step "commands that want to be alone, under load"
# that they are is shown by tcp-abilities; here nothing stands in their way for ever
fio --name=load --filename="$disk" --allow_file_create=0 --direct=1 --ioengine=libaio \
	--iodepth=16 --rw=randwrite --offset=40M --size=16M --bs=4k --verify=crc32c --do_verify=1 \
	--verify_fatal=1 --minimal > "$VM_OUT/fio-load.txt" &
job=$!
sleep 1
for _ in 1 2 3; do
	# Format NVM: known to need the controller for itself, whether it is there or not
	nvme admin-passthru "$nvme" --opcode=0x80 --namespace-id=1 > /dev/null 2>&1 || true
done
wait $job || fail "fio failed"

step "files that stay open"
coproc GONE { "$passthru" gone "$ng" "$nvme" 1; }
answers=${GONE[0]} questions=${GONE[1]} pid=$GONE_PID
while read -r line <&"$answers" && [ "$line" != open ]; do :; done
timeout 60 bash -c "echo 1 > /sys/class/$WEFT_CLASS/nvme$i/delete_controller" || fail "deletion hangs"
[ ! -e "$ng" ] || fail "$ng is still there"
refute rmmod "weft_$TRANSPORT" 2> /dev/null
echo >&"$questions"
wait "$pid" || fail "wrong answers of files that stayed open"

nvmet_teardown

start_target
target_with_disk
connect
both_peers weft

rpc bdev_malloc_create '{"name":"disk2","num_blocks":2048,"block_size":512}'
rpc bdev_delay_create '{"base_bdev_name":"disk2","name":"slow","avg_read_latency":5000000,
	"p99_read_latency":5000000,"avg_write_latency":0,"p99_write_latency":0}'
rpc nvmf_subsystem_add_ns \
	"{\"nqn\":\"$WEFT_NQN\",\"namespace\":{\"bdev_name\":\"slow\",\"nsid\":2}}"
wait_for test -c "/dev/ng${i}n2"

step "I/O commands through the controller's file name no namespace: there must be one, and no more"
EINVAL=22 ENOTTY=25
"$passthru" ctrl "$nvme" $EINVAL 1
empty=nqn.2026-11.io.weft:empty
rpc nvmf_create_subsystem "{\"nqn\":\"$empty\",\"allow_any_host\":true}"
rpc nvmf_subsystem_add_listener "{\"nqn\":\"$empty\",\"listen_address\":{
	\"trtype\":\"${TRANSPORT^^}\",\"adrfam\":\"IPv4\",\"traddr\":\"$RXE_ADDR\",\"trsvcid\":\"4420\"}}"
none=$(connect_weft "$(connect_string "$RXE_ADDR" $empty)")
"$passthru" ctrl "/dev/nvme$none" $ENOTTY 1
disconnect_weft "$none"

step "a command's memory is on its own disk, which changes its size meanwhile"
truncate -s 4M /run/inside
rpc bdev_aio_create '{"name":"inside","filename":"/run/inside","block_size":512}'
rpc bdev_delay_create '{"base_bdev_name":"inside","name":"lazy","avg_read_latency":2000000,
	"p99_read_latency":2000000,"avg_write_latency":0,"p99_write_latency":0}'
rpc nvmf_subsystem_add_ns \
	"{\"nqn\":\"$WEFT_NQN\",\"namespace\":{\"bdev_name\":\"lazy\",\"nsid\":3}}"
lazy=/sys/block/nvme${i}n3
reads_under_way() { [ "$(awk '{ print $9 }' "$lazy/stat")" -gt 0 ]; }
none_under_way() { ! reads_under_way; }
wait_for test -c "/dev/ng${i}n3"
udevadm settle -t 60 || true
wait_for none_under_way
"$passthru" inside "/dev/nvme${i}n3" "/dev/ng${i}n3" 3 &
job=$!
wait_for reads_under_way
truncate -s 8M /run/inside
rpc bdev_aio_rescan '{"name":"inside"}'
has_grown() { [ "$(cat "$lazy/size")" = 16384 ]; }
wait_for has_grown
wait $job || fail "the command failed"

step "a polled command whose path goes before its answer comes"
"$passthru" late "/dev/ng${i}n2" 2 > "$VM_OUT/late.txt" &
late=$!
wait_for grep -q sent "$VM_OUT/late.txt"
disconnect_weft "$i"
wait $late || fail "nobody polled for it any more: $(cat "$VM_OUT/late.txt")"

unload_weft
stop_target
teardown_net
check_clean
