# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Reservations of two hosts on a disk of our target: by the kernel's ioctls and by an
# unmodified nvme-cli; who may write; preempted, released, cleared; a target that was
# killed comes back with them.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 300
. "$WEFT_TOP/tests/vm/lib.sh"

setup_net
load_weft multipath=N
start_target
target_with_disk
rpc nvmf_subsystem_remove_ns "{\"nqn\":\"$WEFT_NQN\",\"nsid\":1}"
ns='"bdev_name":"disk1","nsid":1,"ptpl_file":"/run/ptpl.json"'
ns+=',"uuid":"6f0f6a52-6d1b-4a6e-9d7c-5c8f4d1d0a01"'
rpc nvmf_subsystem_add_ns "{\"nqn\":\"$WEFT_NQN\",\"namespace\":{$ns}}"
WEFT_RPC_SOCKET=$WEFT_RPC_SOCK "$WEFT_CLI" target config save /run/resv.json

# host LETTER: a controller of a host of its own; prints its number
host() {
	connect_weft "$(connect_string),reconnect_delay=1,hostnqn=nqn.2026-11.io.weft:host-$1,hostid=00000000-0000-4000-8000-00000000000$1"
}
a=$(host a)
b=$(host b)
disk_a=/dev/nvme${a}n1 disk_b=/dev/nvme${b}n1
wait_for test -b "$disk_a"
wait_for test -b "$disk_b"

pr() { "$WEFT_TOP/tests/vm/pr.py" "$@"; }
# conflict PROGRAM...: refused with the status of a reservation conflict
conflict() {
	local out
	out=$("$@") && fail "no conflict: $*"
	[ "$out" = "status 0x18" ] || fail "$*: $out"
}
writes() { dd if=/dev/zero of="$1" bs=4k count=1 oflag=direct status=none 2> /run/dd; }
reads() { dd if="$1" of=/dev/null bs=4k count=1 iflag=direct status=none 2> /run/dd; }
report() { nvme resv-report "$1" --eds --output-format=json; }
registrants() { report "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["regctl"])'; }

step "two hosts register; one reserves, writes exclusively"
pr "$disk_a" register 0 a1
pr "$disk_b" register 0 b1
[ "$(registrants "$disk_a")" = 2 ] || fail "$(report "$disk_a")"
conflict pr "$disk_a" register 77 a2
pr "$disk_a" reserve a1 1
conflict pr "$disk_b" reserve b1 1
writes "$disk_a"
reads "$disk_b"
refute writes "$disk_b"
grep -qi 'exchange\|error' /run/dd

step "a key is replaced, the reservation stays its host's"
pr "$disk_a" register a1 a2
writes "$disk_a"
refute writes "$disk_b"

step "the target is killed and comes back with them"
kill_target
start_target /run/resv.json
wait_for -t 90 grep -q live "/sys/class/$WEFT_CLASS/nvme$a/state"
wait_for -t 90 grep -q live "/sys/class/$WEFT_CLASS/nvme$b/state"
[ "$(registrants "$disk_b")" = 2 ] || fail "$(report "$disk_b")"
writes "$disk_a"
refute writes "$disk_b"

step "preempted: the other host's turn"
pr "$disk_b" preempt b1 a2 2
[ "$(registrants "$disk_b")" = 1 ] || fail "$(report "$disk_b")"
writes "$disk_b"
refute writes "$disk_a"
refute reads "$disk_a"
conflict pr "$disk_a" release a2 2

step "released: everybody's"
pr "$disk_b" release b1 2
writes "$disk_a"
writes "$disk_b"

step "registrants only, by nvme-cli; preempt and abort; clear"
nvme resv-register "$disk_a" --rrega=0 --nrkey=0xa3
nvme resv-acquire "$disk_a" --crkey=0xa3 --rtype=3 --racqa=0
writes "$disk_a"
writes "$disk_b"
pr "$disk_b" register b1 0
refute writes "$disk_b"
pr "$disk_b" register 0 b2
pr "$disk_b" preempt-abort b2 a3 1
refute writes "$disk_a"
pr "$disk_b" clear b2
writes "$disk_a"
[ "$(registrants "$disk_a")" = 0 ] || fail "$(report "$disk_a")"

disconnect_weft "$a"
disconnect_weft "$b"
stop_target
unload_weft
teardown_net
check_clean
