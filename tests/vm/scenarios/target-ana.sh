# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Two listeners of a subsystem, and the multipath disk of the in-tree host: each ANA state that
# RPC sets is what sysfs and nvme-cli's ana-log show of this listener and no other; I/O goes where
# it may, waits where it may not, and verified writes fail over from state to state; groups of
# namespaces have states of their own, and a namespace moves from one to another.
# kernels: 6.1 6.12
# tier: full
# timeout: 600
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/intree.sh"

configure() {
	rpc nvmf_create_transport "{\"trtype\":\"${TRANSPORT^^}\"}"
	malloc_disk d1 64
	malloc_disk d2 16
	on "$WEFT_NQN" nvmf_create_subsystem '"allow_any_host":true,"ana_reporting":true'
	on "$WEFT_NQN" nvmf_subsystem_add_ns '"namespace":{"bdev_name":"d1"}'
	on "$WEFT_NQN" nvmf_subsystem_add_ns '"namespace":{"bdev_name":"d2"}'
	on "$WEFT_NQN" nvmf_subsystem_add_listener "$(listen_at 4420)"
	on "$WEFT_NQN" nvmf_subsystem_add_listener "$(listen_at 4421)"
}

group_is() { [ "$(cat "$1/ana_grpid")" = "$2" ]; }

# log_has CONTROLLER GROUP WORDS: its state and namespaces in the log that nvme-cli shows
log_has() {
	local got
	got=$(nvme ana-log "/dev/$1" -o json | jq -r '.[keys[] | select(test("DESC LIST"))][] |
		select((.grpid | tostring) == "'"$2"'") |
		"\(.state) \([.NSIDS[]?.nsid | tostring] | sort | join(" "))"')
	[ "$got" = "$3" ] || fail "the log of $1 has for group $2 '$got', not '$3'"
}

# say PORT STATE [GROUP]
say() {
	on "$WEFT_NQN" nvmf_subsystem_listener_set_ana_state \
		"$(listen_at "$1"),\"ana_state\":\"$2\",\"anagrpid\":${3:-1}" > /dev/null
}

# set_ana PORT STATE [GROUP]: and wait until the host knows; nothing else changes
set_ana() {
	local set others before
	case $1.${3:-1} in
	4420.1) set=$path_a others="$second_a $path_b $second_b" ;;
	4420.2) set=$second_a others="$path_a $path_b $second_b" ;;
	4421.1) set=$path_b others="$second_b $path_a $second_a" ;;
	4421.2) set=$second_b others="$path_b $path_a $second_a" ;;
	esac
	before=$(states_of $others)
	say "$@"
	wait_for state_is "$set" "$2"
	[ "$(states_of $others)" = "$before" ] || fail "$2 at port $1 has changed other paths"
}
states_of() {
	local p
	for p; do
		cat "$p/ana_state"
	done
}

read_block() { dd if="$disk" of=/run/block bs=4k count=1 iflag=direct status=none; }

# goes_on PATH OTHER: I/O under load goes by PATH, and no more by OTHER
goes_on() {
	local other
	wait_for more_ios_than "$1" $(($(ios "$1") + 40))
	other=$(ios "$2")
	wait_for more_ios_than "$1" $(($(ios "$1") + 40))
	[ "$(ios "$2")" = "$other" ] || fail "I/O still goes by $2"
}

step "two paths of one disk"
setup_net
load_intree multipath=Y
start_target -m 0,1
configure > /dev/null
A=$(connect_as "$HOST_A" "$ID_A" 4420 "$WEFT_NQN" -i 2)
B=$(connect_as "$HOST_A" "$ID_A" 4421 "$WEFT_NQN" -i 2)
find_disk name "$A" 1
find_disk second "$A" 2
find_disk other "$B" 1
# shellcheck disable=SC2154 # set by find_disk
[ "$name" = "$other" ] || fail "two disks: $name and $other"
disk=/dev/$name
wait_for path_of "$B" 2
path_a=$(path_of "$A" 1)
path_b=$(path_of "$B" 1)
second_a=$(path_of "$A" 2)
second_b=$(path_of "$B" 2)
echo round-robin > /sys/class/nvme-subsystem/nvme-subsys0/iopolicy
head -c 4096 /dev/urandom > /run/block.0
dd if=/run/block.0 of="$disk" bs=4k oflag=direct status=none

step "each state of one path while the other is optimized"
# states_at PORT CONTROLLER OTHER USED: all of this path, while the OTHER is optimized
states_at() {
	local state
	for state in non_optimized inaccessible persistent_loss change; do
		set_ana "$1" "$state"
		log_has "$2" 1 "${state//_/-} 1"
		used
		[ "$n_a $n_b" = "$4" ] || fail "$state at $1: $n_a and $n_b"
	done
	log_has "$3" 1 "optimized 1"
	set_ana "$1" optimized
	log_has "$2" 1 "optimized 1"
	used
	[ "$n_a" -gt 10 ] && [ "$n_b" -gt 10 ] || fail "both optimized: $n_a and $n_b"
}
states_at 4420 "$A" "$B" "0 40"
states_at 4421 "$B" "$A" "40 0"
set_ana 4420 non_optimized
set_ana 4421 non_optimized
used
[ $((n_a + n_b)) = 40 ] || fail "both non-optimized: $n_a and $n_b"
set_ana 4421 inaccessible
used
[ "$n_a $n_b" = "40 0" ] || fail "the only path: $n_a and $n_b"
set_ana 4420 optimized
set_ana 4421 optimized

step "all states under verified writes"
verified states "$disk" --bs=4k --iodepth=16 --offset=1M --size=8M
for state in inaccessible optimized non_optimized change persistent_loss; do
	set_ana 4420 $state
	[ $state = optimized ] || goes_on "$path_b" "$path_a"
done
set_ana 4420 optimized
for state in persistent_loss change non_optimized inaccessible; do
	set_ana 4421 $state
	goes_on "$path_a" "$path_b"
done
set_ana 4421 optimized
# as fast as they can be told
for state in inaccessible optimized persistent_loss optimized change non_optimized optimized; do
	for port in 4420 4421; do
		say $port $state
	done
done
enough states "$job"
wait_for state_is "$path_a" optimized
wait_for state_is "$path_b" optimized

step "no path may be used: I/O waits, and goes on"
for state in inaccessible persistent_loss change; do
	set_ana 4421 inaccessible
	set_ana 4420 $state
	a=$(ios "$path_a") b=$(ios "$path_b")
	rm -f /run/block
	read_block &
	reader=$!
	sleep 1
	kill -0 $reader || fail "a read ended in state $state"
	[ "$(ios "$path_a") $(ios "$path_b")" = "$a $b" ] || fail "$state: a path was used"
	set_ana 4421 non_optimized
	wait $reader || fail "the read failed after $state"
	cmp /run/block /run/block.0
	[ "$(ios "$path_b")" = $((b + 1)) ] || fail "not by the path that became usable"
done
set_ana 4420 optimized
set_ana 4421 optimized

step "groups"
log_has "$A" 2 "optimized 2"
set_ana 4420 inaccessible 2
set_ana 4421 non_optimized 2
state_is "$path_a" optimized && state_is "$path_b" optimized || fail "groups are mixed up"
used
[ "$n_a" -gt 10 ] && [ "$n_b" -gt 10 ] || fail "group 2 keeps group 1 from a path"
b=$(ios "$second_b") a=$(ios "$second_a")
dd if="/dev/$second" of=/dev/null bs=4k count=20 iflag=direct status=none
[ "$(($(ios "$second_a") - a)) $(($(ios "$second_b") - b))" = "0 20" ] ||
	fail "group 2: I/O went by the wrong path"
on "$WEFT_NQN" nvmf_subsystem_set_ns_ana_group '"nsid":2,"anagrpid":1' > /dev/null
wait_for group_is "$second_a" 1
wait_for state_is "$second_a" optimized
wait_for group_is "$second_b" 1
wait_for state_is "$second_b" optimized
log_has "$A" 1 "optimized 1 2"

nvme disconnect -n "$WEFT_NQN" | contains 'disconnected 2'
unload_intree
stop_target
teardown_net
