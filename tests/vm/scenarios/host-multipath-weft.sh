# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Two listeners of our target are two paths: ANA states set at run time decide where I/O
# goes; a listener goes and comes back, and the whole target is killed and started again,
# under verified writes that never see it.
# kernels: 6.1 6.12
# check-kernels: 6.12
# tier: full
# daemon: release
# timeout: 400
# scratch: 256M
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/paths.sh"

tr=${TRANSPORT^^}
listener() {
	echo "\"listen_address\":{\"trtype\":\"$tr\",\"adrfam\":\"IPv4\",\"traddr\":\"$RXE_ADDR\",\"trsvcid\":\"$((4419 + $1))\"}"
}
# listen N / unlisten N / target_ana N STATE
listen() { rpc nvmf_subsystem_add_listener "{\"nqn\":\"$WEFT_NQN\",$(listener "$1")}"; }
unlisten() { rpc nvmf_subsystem_remove_listener "{\"nqn\":\"$WEFT_NQN\",$(listener "$1")}"; }
target_ana() {
	rpc nvmf_subsystem_listener_set_ana_state \
		"{\"nqn\":\"$WEFT_NQN\",$(listener "$1"),\"ana_state\":\"$2\"}" > /dev/null
}

setup_net
load_weft
mkfs.ext4 -q -F "$VM_SCRATCH"
mkdir -p /mnt/scratch
mount "$VM_SCRATCH" /mnt/scratch
truncate -s 96M /mnt/scratch/disk.img
cat > /run/target.json <<-JSON
	{"subsystems": [
	 {"subsystem": "bdev", "config": [
	  {"method": "bdev_uring_create", "params":
	   {"name": "disk1", "filename": "/mnt/scratch/disk.img", "block_size": 512}},
  {"method": "bdev_malloc_create", "params":
   {"name": "memory", "num_blocks": 2048, "block_size": 512}},
  {"method": "bdev_delay_create", "params":
   {"name": "slow", "base_bdev_name": "memory", "avg_read_latency": 0, "p99_read_latency": 0,
    "avg_write_latency": 50000000, "p99_write_latency": 50000000}}]},
	 {"subsystem": "nvmf", "config": [
	  {"method": "nvmf_create_transport", "params": {"trtype": "$tr"}},
	  {"method": "nvmf_create_subsystem", "params":
	   {"nqn": "$WEFT_NQN", "serial_number": "WEFT0001", "allow_any_host": true,
	    "ana_reporting": true}},
	  {"method": "nvmf_subsystem_add_ns", "params":
	   {"nqn": "$WEFT_NQN", "namespace": {"bdev_name": "disk1", "nsid": 1,
	    "uuid": "5e6c2ad3-6f5e-4a0e-9d7e-0123456789ab"}}},
  {"method": "nvmf_subsystem_add_ns", "params":
   {"nqn": "$WEFT_NQN", "namespace": {"bdev_name": "slow", "nsid": 2,
    "uuid": "5e6c2ad3-6f5e-4a0e-9d7e-0123456789ac"}}},
	  {"method": "nvmf_subsystem_add_listener", "params":
	   {"nqn": "$WEFT_NQN", $(listener 1)}},
	  {"method": "nvmf_subsystem_add_listener", "params":
	   {"nqn": "$WEFT_NQN", $(listener 2)}}]}]}
JSON
start_target /run/target.json
quick=reconnect_delay=1,keep_alive_tmo=5
a=$(connect_port 1 $quick)
b=$(connect_port 2 $quick)
disk=/dev/nvme${a}n1
path_a=$(path_dir "$a" "$a")
path_b=$(path_dir "$a" "$b")
[ -b "$disk" ] || fail "no $disk"
state_is "$path_a" optimized || fail "$(cat "$path_a/ana_state")"

step "states that the target sets"
target_ana 1 non_optimized
wait_for state_is "$path_a" non-optimized
n=$(ios "$path_b")
dd if="$disk" of=/dev/null bs=4k count=20 iflag=direct status=none
[ $(($(ios "$path_b") - n)) = 20 ] || fail "the optimized path was not taken"
target_ana 2 inaccessible
wait_for state_is "$path_b" inaccessible
n=$(ios "$path_a")
dd if="$disk" of=/dev/null bs=4k count=20 iflag=direct status=none
[ $(($(ios "$path_a") - n)) = 20 ] || fail "the only path was not taken"
target_ana 2 optimized
wait_for state_is "$path_b" optimized
target_ana 1 optimized
wait_for state_is "$path_a" optimized

step "states and listeners under verified writes"
background states $VERIFY --bs=4k --iodepth=16 --size=16M --fdatasync=64
for state in inaccessible optimized non_optimized optimized; do
	target_ana 1 $state
	sleep 1
done
unlisten 2
sleep 1
listen 2
wait_for ctrl_is "$b" live
wait $job || fail "fio noticed"

# failovers CONTROLLER: of all its namespaces, as the controller counts them, too
failovers() {
	local n
	n=$(awk 'NR > 1 { sum += $NF } END { print sum }' "/sys/kernel/debug/weft/nvme$1/namespaces")
	[ "$(cat "$(ctrl_dir "$1")/statistics/failovers")" = "$n" ] ||
		fail "nvme$1: $n failovers of namespaces, others of the controller"
	echo "$n"
}

step "the target is killed and starts again"
before=$(($(failovers "$a") + $(failovers "$b")))
background killed $VERIFY --bs=4k --iodepth=16 --size=8M --rate_iops=300
sleep 1
kill_target
wait_for ctrl_is "$a" connecting
wait_for ctrl_is "$b" connecting
kill -0 $job || fail "fio ended while the target was away"
start_target /run/target.json
wait_for ctrl_is "$a" live
wait_for ctrl_is "$b" live
wait $job || fail "fio noticed"
after=$(($(failovers "$a") + $(failovers "$b")))
[ $after -gt "$before" ] || fail "no failover was counted"

# commands CONTROLLER: that its I/O queues were given
commands() {
	awk '$1 == "commands" { n += $2 } END { print n }' \
		"/sys/kernel/debug/weft/nvme$1"/queue[1-9]*
}
more_commands_than() { [ "$(commands "$1")" -gt "$2" ]; }

step "a path goes while a user's command takes its time on the other one"
target_ana 1 inaccessible
wait_for state_is "$path_a" inaccessible
n=$(commands "$b")
head -c 512 /dev/zero | nvme io-passthru "/dev/ng${a}n2" --opcode=1 --write --namespace-id=2 \
	--data-len=512 --timeout=100000 > "$VM_OUT/passthru.txt" 2>&1 &
command=$!
wait_for more_commands_than "$b" "$n"
target_ana 1 optimized
wait_for state_is "$path_a" optimized
disconnect_weft "$a"
kill -0 $command || fail "the command has ended: $(cat "$VM_OUT/passthru.txt")"
[ -b "$disk" ] || fail "the disk went with one of its paths"
disconnect_weft "$b"
wait $command && fail "a command of a path that is gone succeeded"
[ ! -e "$disk" ] || fail "the disk is left"
unload_weft
check_clean
stop_target
teardown_net
