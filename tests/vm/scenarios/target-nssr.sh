# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# A reset of the whole subsystem (NSSR), asked for by nvme-cli: the in-tree host finds its
# controllers of both hosts gone, connects them again and loses nothing of its I/O; they tell
# that it has been, until it is acknowledged. Another subsystem, which cannot be reset, does
# not notice.
# kernels: 6.1 6.12
# tier: full
# timeout: 600
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/intree.sh"
. "$WEFT_TOP/tests/vm/nvme_cli.sh"

CAP=0x0 CSTS=0x1c

configure() {
	rpc nvmf_create_transport "{\"trtype\":\"${TRANSPORT^^}\"}"
	malloc_disk d2
	two_subsystems d2 '"enable_nssr":true'
}

# bit CONTROLLER PROPERTY N: of a property, as nvme-cli reads it
bit() {
	local value
	value=$(nvme get-property "/dev/$1" --offset="$2" | sed -n 's/.*value: *\(0x\)\?//p')
	[[ $value =~ ^[0-9a-f]+$ ]] || fail "property $2 of $1: '$value'"
	echo $((0x$value >> $3 & 1))
}
occurred() { bit "$1" $CSTS 4; }

# numbers NQN: of the controllers, as the target counts them
numbers() {
	on "$1" nvmf_subsystem_get_controllers | python3 -c '
import json, sys
print(*sorted(c["cntlid"] for c in json.load(sys.stdin)))'
}
peers() {
	on "$1" nvmf_subsystem_get_qpairs | python3 -c '
import json, sys
print(*sorted((q["cntlid"], q["qid"]) for q in json.load(sys.stdin)))'
}
# two_but NQN NUMBERS: there are two controllers again, and none has one of these numbers
two_but() {
	local now n
	now=$(numbers "$1")
	[ "$(wc -w <<< "$now")" = 2 ] || return 1
	for n in $now; do
		if contains -w "$n" <<< "$2"; then
			return 1
		fi
	done
}

resets() { grep -c "$WEFT_NQN: reset by a host" "$VM_OUT/target.log" || true; }

# reset_by CONTROLLER: both come back, with other numbers
reset_by() {
	local before done
	before=$(numbers "$WEFT_NQN")
	done=$(resets)
	nvme subsystem-reset "/dev/$1"
	wait_for two_but "$WEFT_NQN" "$before"
	wait_for ctrl_is "$A" live
	wait_for ctrl_is "$B" live
	[ "$(resets)" = $((done + 1)) ] || fail "the target tells of $(resets) resets"
}

step "two hosts, and another subsystem"
setup_net
load_intree multipath=N
start_target -m 0,1
configure > /dev/null
two_hosts --reconnect-delay=1 -i 2
left_alone=$(peers $OTHER)
[ "$(bit "$A" $CAP 36)$(bit "$B" $CAP 36)$(bit "$O" $CAP 36)" = 110 ] || fail "CAP.NSSRS"
[ "$(occurred "$A")$(occurred "$B")" = 00 ] || fail "there has been no reset yet"

step "a subsystem that cannot be reset"
fails_with "." nvme subsystem-reset "/dev/$O"
ctrl_is "$O" live || fail "the refusal left it $(cat "/sys/class/nvme/$O/state")"
[ "$(resets)" = 0 ] || fail "it was reset"

step "by each host, under load"
head -c 65536 /dev/urandom > /run/before
dd if=/run/before of="/dev/$A1" bs=64k seek=400 oflag=direct status=none
verified a "/dev/$A1" --bs=4k --iodepth=16 --size=4M
job_a=$job
verified b "/dev/$B2" --bsrange=512-64k --blockalign=512 --iodepth=16 --size=8M
job_b=$job
verified c "/dev/$O1" --bs=4k --iodepth=4 --size=2M
job_c=$job
for by in "$A" "$B" "$A"; do
	for d in "$A1" "$B2" "$O1"; do
		wait_for more_ios_than "/sys/block/$d" $(($(ios "/sys/block/$d") + 50))
	done
	reset_by "$by"
done
enough a "$job_a"
enough b "$job_b"
enough c "$job_c"
# what one host had written, as both see it
for d in "$A1" "$B1"; do
	dd if="/dev/$d" of=/run/after bs=64k skip=400 count=1 iflag=direct status=none
	cmp /run/before /run/after
done

step "it is told of until that is acknowledged"
[ "$(occurred "$A")$(occurred "$B")$(occurred "$O")" = 110 ] || fail "CSTS.NSSRO"
nvme set-property "/dev/$A" --offset=$CSTS --value=0x10 > /dev/null
[ "$(occurred "$A")$(occurred "$B")" = 01 ] || fail "CSTS.NSSRO after one has acknowledged it"

step "idle"
reset_by "$B"
dd if="/dev/$B1" of=/run/after bs=64k skip=400 count=1 iflag=direct status=none
cmp /run/before /run/after
[ "$(peers $OTHER)" = "$left_alone" ] || fail "the other subsystem's connections are others"

disconnect_intree "$A"
disconnect_intree "$B"
disconnect_intree "$O"
unload_intree
stop_target
teardown_net
