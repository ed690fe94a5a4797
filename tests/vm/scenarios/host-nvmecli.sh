# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# An unmodified nvme-cli on our host: discover, connect, list, identify, logs, features,
# I/O passthrough, reset, rescan, disconnect; what sysfs shows; namespaces that come, grow
# and go on the target; duplicates and host identities.
# kernels: 6.1
# tier: check
# timeout: 400
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/nvme_cli.sh"

setup_rxe
load_weft
nvmet_setup "$WEFT_NQN" null 64
sub=$NVMET/subsystems/$WEFT_NQN
to=(-t rdma -a "$RXE_ADDR" -s 4420)

step "discover"
has "subnqn: +$WEFT_NQN" nvme discover "${to[@]}"
[ -z "$(ls -A /sys/class/nvme)" ] || fail "the discovery controller is left"

step "connect, list"
nvme connect "${to[@]}" -n "$WEFT_NQN"
dev=$(basename /sys/class/nvme/nvme*)
i=${dev#nvme}
disk=/dev/nvme${i}n1
ctrl=/sys/class/nvme/$dev
[ -b "$disk" ] || fail "no $disk"
has "^$disk " nvme list
has "^$dev .*rdma +traddr=$RXE_ADDR" nvme list -v
has "\+- $dev rdma traddr=$RXE_ADDR,trsvcid=4420 live" nvme list-subsys
has '"Name" *: *"nvme' nvme list-subsys -o json

step "attributes"
# attribute NAME PATTERN
attribute() {
	grep -Exq -- "$2" "$ctrl/$1" || fail "$1 is '$(cat "$ctrl/$1")', not '$2'"
}
attribute model 'Linux *'
attribute transport rdma
attribute subsysnqn "$WEFT_NQN"
attribute address "traddr=$RXE_ADDR,trsvcid=4420"
attribute state live
attribute cntrltype io
attribute dctype none
attribute queue_count 3
attribute sqsize 127
attribute kato 5
attribute cntlid '[0-9]+'
attribute numa_node '-?[0-9]+'
attribute hostid '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
attribute ctrl_loss_tmo 600
attribute reconnect_delay 10
attribute fast_io_fail_tmo off
echo 20 > "$ctrl/ctrl_loss_tmo"
attribute ctrl_loss_tmo 20
echo -1 > "$ctrl/ctrl_loss_tmo"
attribute ctrl_loss_tmo off
refute bash -c "echo 0 > $ctrl/reconnect_delay" 2> /dev/null
echo 3 > "$ctrl/reconnect_delay"
attribute reconnect_delay 3
grep -Eq '^uuid\.' "/sys/block/nvme${i}n1/wwid"
[ -e "/sys/class/nvme-subsystem/nvme-subsys$i/$dev/cntlid" ] || fail "no link of the subsystem"

step "identify, logs, features"
has '^sn +: +[0-9a-f]' nvme id-ctrl "/dev/$dev"
has '^nsze +: 0x20000' nvme id-ns "$disk"
has '\[ *0\]: *0x1' nvme list-ns "/dev/$dev"
has 'uuid' nvme ns-descs "$disk"
has 'SMART|critical_warning' nvme smart-log "/dev/$dev"
has 'Error Log|error_count' nvme error-log -e 1 "/dev/$dev"
has 'Configuration.*value: 460001' nvme get-property "/dev/$dev" -o 0x14
refute nvme admin-passthru "/dev/$dev" --opcode=0x7f --namespace-id=0 2> /dev/null
has 'Number of Queues|Current value' nvme get-feature "/dev/$dev" -f 7
refute nvme set-feature "/dev/$dev" -f 7 -v 0 2> /dev/null
refute nvme admin-passthru "/dev/$dev" --opcode=0x0c 2> /dev/null

step "I/O passthrough"
head -c 4096 /dev/urandom > /run/block
nvme write "$disk" -s 8 -c 7 -z 4096 -d /run/block
nvme read "$disk" -s 8 -c 7 -z 4096 -d /run/back
cmp /run/block /run/back
dd if="$disk" of=/run/back bs=4096 skip=1 count=1 iflag=direct status=none
cmp /run/block /run/back
nvme io-passthru "$disk" --opcode=2 --namespace-id=1 --data-len=4096 --read --cdw10=8 \
	--cdw12=7 -b > /run/back
cmp /run/block /run/back
refute nvme read "$disk" -s 0xffffffff -c 7 -z 4096 -d /run/back 2> /dev/null
refute nvme io-passthru "$disk" --opcode=2 --namespace-id=2 --data-len=512 --read -b \
	> /dev/null 2>&1
nvme flush "$disk" -n 1

step "block layer: discard, write zeroes, flush"
blkdiscard -o 0 -l 1m "$disk"
blkdiscard -z -o 1m -l 1m "$disk"
dd if="$disk" of=/run/back bs=1M skip=1 count=1 iflag=direct status=none
cmp -n 1048576 /dev/zero /run/back
dd if=/dev/zero of="$disk" bs=64k count=4 conv=fsync status=none

step "reset, rescan"
nvme reset "/dev/$dev"
attribute state live
nvme ns-rescan "/dev/$dev"
echo 1 > "$ctrl/rescan_controller"

step "namespaces come and go"
# second UUID: namespace 7 of 32 MiB
second() {
	truncate -s 32M /run/second
	mkdir "$sub/namespaces/7"
	echo -n /run/second > "$sub/namespaces/7/device_path"
	echo 1 > "$sub/namespaces/7/buffered_io"
	echo "$1" > "$sub/namespaces/7/device_uuid"
	echo 1 > "$sub/namespaces/7/enable"
}
size_is() { [ "$(blockdev --getsize64 "/dev/nvme${i}n2")" = $(($1 << 20)) ]; }
uuid_is() { [ "$(cat "/sys/block/nvme${i}n2/uuid")" = "$1" ]; }
one=11111111-1111-4111-8111-111111111111
other=22222222-2222-4222-8222-222222222222
second $one
wait_for test -b "/dev/nvme${i}n2"
[ "$(cat "/sys/block/nvme${i}n2/nsid")" = 7 ]
uuid_is $one
size_is 32
truncate -s 48M /run/second
echo 1 > "$sub/namespaces/7/revalidate_size"
wait_for size_is 48
# another namespace under the same number is another disk, never the old one
rmdir "$sub/namespaces/7"
second $other
rescanned() {
	echo 1 > "$ctrl/rescan_controller"
	uuid_is $other
}
wait_for rescanned
size_is 32
rmdir "$sub/namespaces/7"
wait_for test ! -e "/sys/block/nvme${i}n2"

step "duplicates"
# refused ERRNO WORDS OPTIONS
refused() {
	local out
	out=$(connect_weft "$3" 2>&1) && fail "connected: $3"
	grep -Eq "error=-$1,reason=.*$2" <<< "$out" || fail "wrong answer: $out"
}
host="hostnqn=$(cat "$ctrl/hostnqn"),hostid=$(cat "$ctrl/hostid")"
refused 114 'duplicate_connect' "$(connect_string),$host"
two=$(connect_weft "$(connect_string),$host,duplicate_connect")
has "\+- nvme$two rdma" nvme list-subsys
[ -e "/sys/class/nvme-subsystem/nvme-subsys$i/nvme$two" ] || fail "two subsystems"
disconnect_weft "$two"

step "host identities"
id=11111111-2222-3333-4444-555555555555
refused 22 'hostid' "$(connect_string),hostnqn=$(cat "$ctrl/hostnqn"),hostid=$id"
refused 22 'hostnqn' \
	"$(connect_string),hostnqn=nqn.2026-11.io.weft:other,hostid=$(cat "$ctrl/hostid")"
two=$(connect_weft "$(connect_string),hostnqn=nqn.2026-11.io.weft:other,hostid=$id")
[ "$(cat "/sys/class/nvme/nvme$two/hostid")" = $id ]
disconnect_weft "$two"

step "a target that does not let us in"
refused '[0-9]+' 'Connect.*SUBNQN' "$(connect_string "$RXE_ADDR" nqn.2026-11.io.weft:none)"
echo 0 > "$sub/attr_allow_any_host"
refused '[0-9]+' 'Connect of queue 0' "$(connect_string),duplicate_connect"
echo 1 > "$sub/attr_allow_any_host"

step "a discovery controller that stays"
two=$(connect_weft "$(connect_string "$RXE_ADDR" nqn.2014-08.org.nvmexpress.discovery)")
[ "$(cat "/sys/class/nvme/nvme$two/cntrltype")" = discovery ]
[ "$(cat "/sys/class/nvme/nvme$two/queue_count")" = 1 ]
udevadm monitor --kernel --property > /run/uevents 2>&1 &
monitor=$!
wait_for grep -q KERNEL /run/uevents
ln -s "$sub" "$NVMET/ports/1/subsystems/again" 2> /dev/null || true
mkdir "$NVMET/subsystems/nqn.2026-11.io.weft:more"
echo 1 > "$NVMET/subsystems/nqn.2026-11.io.weft:more/attr_allow_any_host"
ln -s "$NVMET/subsystems/nqn.2026-11.io.weft:more" \
	"$NVMET/ports/1/subsystems/nqn.2026-11.io.weft:more"
wait_for -t 20 grep -q NVME_AEN=0x70f002 /run/uevents
kill $monitor
rm "$NVMET/ports/1/subsystems/nqn.2026-11.io.weft:more"
rmdir "$NVMET/subsystems/nqn.2026-11.io.weft:more"
disconnect_weft "$two"

step "disconnect"
nvme disconnect -n "$WEFT_NQN"
[ -z "$(ls -A /sys/class/nvme)" ] || fail "still there: $(ls /sys/class/nvme)"
[ -z "$(ls -A /sys/class/nvme-subsystem)" ] || fail "a subsystem is left"

unload_weft
nvmet_teardown
teardown_rxe
check_clean
