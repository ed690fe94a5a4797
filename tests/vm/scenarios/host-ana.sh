# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Asymmetric Namespace Access: what two ports of the in-tree target say of a namespace
# decides where its I/O goes, in all five states, under verified writes; states come with
# events and with failed commands; groups; a change that takes too long; a disk that
# appears when its only path becomes usable.
# kernels: 6.1 6.12
# check-kernels: 6.1
# tier: full
# debug: yes
# timeout: 500
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/paths.sh"

setup_net
nvmet_setup "$WEFT_NQN" null 128
load_host_beside_nvmet
port_up 2
quick=reconnect_delay=1,keep_alive_tmo=2
a=$(connect_port 1 $quick)
b=$(connect_port 2 $quick)
s=$a
disk=/dev/nvme${s}n1
path_a=$(path_dir "$s" "$a")
path_b=$(path_dir "$s" "$b")
# one optimized path would take everything with numa
echo round-robin > "/sys/class/$WEFT_CLASS-subsystem/nvme-subsys$s/iopolicy"

# set_ana PORT STATE [GROUP] [PATH]: and wait until the host knows
set_ana() {
	local p=$path_a
	[ "$1" = 1 ] || p=$path_b
	ana "$1" "$2" "${3:-1}"
	wait_for state_is "${4:-$p}" "$2"
}

read_block() { dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none; }

step "each state of one path while the other is optimized"
used
[ "$n_a" -gt 10 ] && [ "$n_b" -gt 10 ] || fail "optimized: $n_a and $n_b"
for state in non-optimized inaccessible persistent-loss change; do
	set_ana 1 $state
	used
	[ "$n_a" = 0 ] && [ "$n_b" = 40 ] || fail "$state: $n_a and $n_b"
done
set_ana 1 non-optimized
set_ana 2 non-optimized
used
[ "$n_a" -gt 10 ] && [ "$n_b" -gt 10 ] || fail "both non-optimized: $n_a and $n_b"
set_ana 2 inaccessible
used
[ "$n_a" = 40 ] || fail "the only path was used $n_a times"
set_ana 1 optimized
set_ana 2 optimized

step "all states under verified writes"
background states $VERIFY --bs=4k --iodepth=16 --size=24M --fdatasync=64
for state in inaccessible optimized non-optimized change persistent-loss optimized; do
	set_ana 1 $state
	sleep 0.5
done
for state in persistent-loss change non-optimized optimized inaccessible optimized; do
	set_ana 2 $state
	sleep 0.5
done
wait $job || fail "fio saw a state change"

step "both inaccessible: I/O waits"
set_ana 1 inaccessible
set_ana 2 inaccessible
read_block &
reader=$!
sleep 2
kill -0 $reader || fail "a read ended while no path was usable"
set_ana 2 non-optimized
wait $reader || fail "the read failed"

step "both lost for good: I/O fails"
set_ana 1 persistent-loss
set_ana 2 inaccessible
read_block 2> /dev/null &
reader=$!
sleep 1
kill -0 $reader || fail "a read ended, but a path may come back"
set_ana 2 persistent-loss
refute wait $reader
refute timeout 60 dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct 2> /dev/null
set_ana 1 optimized
set_ana 2 optimized
read_block

step "a change that takes too long ends in a reset"
set_ana 1 change
reset_said() { dmesg | contains "nvme$a: an ANA change takes longer"; }
wait_for -t 200 reset_said
wait_for ctrl_is "$a" live
state_is "$path_a" change || fail "$(cat "$path_a/ana_state") after the reset"
set_ana 1 optimized
ctrl_is "$b" live || fail "the other controller is $(cat "$(ctrl_dir "$b")/state")"

step "groups"
ns=$NVMET/subsystems/$WEFT_NQN/namespaces/2
truncate -s 16M /run/second
mkdir "$ns"
echo -n /run/second > "$ns/device_path"
echo 1 > "$ns/buffered_io"
ana 1 non-optimized 2
ana 2 inaccessible 2
echo 2 > "$ns/ana_grpid"
echo 1 > "$ns/enable"
second_a=$(path_dir "$s" "$a" 2)
second_b=$(path_dir "$s" "$b" 2)
wait_for state_is "$second_a" non-optimized
wait_for state_is "$second_b" inaccessible
[ "$(cat "$second_a/ana_grpid")" = 2 ] || fail "group $(cat "$second_a/ana_grpid")"
state_is "$path_a" optimized && state_is "$path_b" optimized || fail "groups are mixed up"
disk=/dev/nvme${s}n2
wait_for test -b "$disk"
read_block
group_is() { [ "$(cat "$1/ana_grpid")" = "$2" ]; }
echo 1 > "$ns/ana_grpid"
wait_for group_is "$second_b" 1
wait_for state_is "$second_b" optimized

step "a disk appears when its only path becomes usable"
disconnect_weft "$b"
disconnect_weft "$a"
ana 1 inaccessible
a=$(connect_port 1 $quick)
disk=/dev/nvme${a}n1
wait_for test -e "$(path_dir "$a" "$a")"
[ ! -e "$disk" ] || fail "a disk that nobody can read"
ana 1 optimized
wait_for test -b "$disk"
wait_for read_block
ana 1 inaccessible
wait_for state_is "$(path_dir "$a" "$a")" inaccessible
[ -b "$disk" ] || fail "the disk went"
disconnect_weft "$a"
[ ! -e "$disk" ] || fail "the disk is left"

unload_weft
ana 1 optimized
echo 0 > "$ns/enable"
rmdir "$ns"
rmdir "$NVMET/ports/1/ana_groups/2"
port_remove 2
nvmet_teardown
teardown_net
check_clean
