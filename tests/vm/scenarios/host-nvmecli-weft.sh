# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# An unmodified nvme-cli on our host against our target: connect with its options, what
# sysfs and events show of them, who may read and write the files; lists, logs, registers,
# every I/O command, reservations; connect-all and disconnect.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 400
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/nvme_cli.sh"

HOSTNQN=nqn.2026-11.io.weft:somebody
HOSTID=11111111-2222-3333-4444-555555555555
to=(-t "$TRANSPORT" -a "$RXE_ADDR" -s 4420)
who=(-q $HOSTNQN -I $HOSTID)
digests=()
[ "$TRANSPORT" != tcp ] || digests=(--hdr-digest --data-digest)

attribute() {
	grep -Exq -- "$2" "$ctrl/$1" || fail "$1 is '$(cat "$ctrl/$1")', not '$2'"
}
# modes MODE FILE...
modes() {
	local f
	for f in "${@:2}"; do
		[ "$(stat -c %a "$f")" = "$1" ] || fail "$f has mode $(stat -c %a "$f"), not $1"
	done
}
none_left() { [ -z "$(ls -A /sys/class/nvme)" ] || fail "still there: $(ls /sys/class/nvme)"; }

setup_net
load_weft
start_target
target_with_disk
udevadm monitor --kernel --property > /run/uevents 2>&1 &
at_exit kill $!
wait_for grep -q KERNEL /run/uevents

step "discover, connect-all"
has "subnqn: +$WEFT_NQN" nvme discover "${to[@]}" "${who[@]}"
none_left
nvme connect-all "${to[@]}" "${who[@]}"
wait_for compgen -G '/dev/nvme*n1'
nvme disconnect-all
none_left

step "connect with options"
nvme connect "${to[@]}" "${who[@]}" -n "$WEFT_NQN" --queue-size=32 --nr-io-queues=64 \
	--nr-write-queues=1 --nr-poll-queues=1 --keep-alive-tmo=7 --ctrl-loss-tmo=50 \
	--reconnect-delay=2 --tos=96 --disable-sqflow "${digests[@]}"
dev=$(basename /sys/class/nvme/nvme*)
i=${dev#nvme}
c=/dev/$dev
disk=${c}n1
ctrl=/sys/class/nvme/$dev
attribute sqsize 31
attribute queue_count $(($(nproc) + 3))
attribute kato 7
attribute ctrl_loss_tmo 50
attribute reconnect_delay 2
attribute fast_io_fail_tmo off
attribute hostnqn $HOSTNQN
attribute hostid $HOSTID
attribute model '.*[^ ].*'
attribute serial 'WEFT0001 *'
attribute firmware_rev '.*[^ ].*'
attribute transport "$TRANSPORT"
attribute subsysnqn "$WEFT_NQN"
attribute address "traddr=$RXE_ADDR,trsvcid=4420(,src_addr=$RXE_ADDR)?"
attribute state live
attribute cntrltype io
attribute dctype none
attribute cntlid '[1-9][0-9]*'
attribute numa_node '-?[0-9]+'
for line in "NVME_TRTYPE=$TRANSPORT" "NVME_TRADDR=$RXE_ADDR" NVME_TRSVCID=4420 \
	NVME_HOST_TRADDR=none NVME_HOST_IFACE=none NVME_EVENT=connected; do
	wait_for grep -qx -- "$line" /run/uevents
done
refute nvme connect "${to[@]}" "${who[@]}" -n "$WEFT_NQN" 2> /dev/null

step "who may read and write"
modes 200 "$ctrl"/{reset,rescan,delete}_controller
modes 644 "$ctrl"/{ctrl_loss_tmo,reconnect_delay,fast_io_fail_tmo}
modes 444 "$ctrl"/{model,serial,firmware_rev,cntlid,transport,subsysnqn,address,state} \
	"$ctrl"/{numa_node,queue_count,sqsize,kato,hostnqn,hostid,cntrltype,dctype,last_error}
subsys=/sys/class/nvme-subsystem/nvme-subsys$i
modes 444 "$subsys"/{model,serial,firmware_rev,subsysnqn,subsystype}
modes 644 "$subsys/iopolicy"
modes 444 "/sys/block/nvme${i}n1"/{wwid,uuid,nsid,csi,metadata_bytes,nuse}
modes 600 "$c" "/dev/ng${i}n1" /dev/nvme-fabrics
[ "$(cat "/sys/block/nvme${i}n1/nuse")" -le 131072 ]

step "lists, logs, registers"
has "^$disk " nvme list
has "^$dev .*$TRANSPORT +traddr=$RXE_ADDR" nvme list -v
has "\+- $dev $TRANSPORT traddr=$RXE_ADDR,trsvcid=4420[^ ]* +live" nvme list-subsys
has '^sn +: +WEFT0001' nvme id-ctrl "$c"
has '^nsze +: 0x20000' nvme id-ns "$disk"
has '\[ *0\]: *0x1' nvme list-ns "$c"
has 'uuid' nvme ns-descs "$disk"
has 'critical_warning|SMART' nvme smart-log "$c"
has 'error_count|Error Log' nvme error-log "$c"
has 'ACS|Admin Commands' nvme effects-log "$c" --csi=0
has 'frs1|Firmware' nvme fw-log "$c"
has 'Current value' nvme get-feature "$c" -f 7
has 'Capabilities.*value: [0-9a-f]*[1-9a-f]' nvme get-property "$c" -o 0
has 'Configuration.*value: 460001' nvme get-property "$c" -o 0x14
has 'Status.*value: 1$' nvme get-property "$c" -o 0x1c
fails_with "supported" nvme subsystem-reset "$c"

commands "$disk"

step "reservations"
nvme resv-register "$disk" --nrkey=10 --rrega=0
nvme resv-acquire "$disk" --crkey=10 --rtype=1 --racqa=0
has 'regctl *: *1' nvme resv-report "$disk" --eds
has 'rtype *: *1' nvme resv-report "$disk" --eds
dd if=/run/a of="$disk" bs=512 count=1 oflag=direct status=none
nvme resv-release "$disk" --crkey=10 --rtype=1 --rrela=0
has 'rtype *: *0' nvme resv-report "$disk" --eds
nvme resv-register "$disk" --crkey=10 --rrega=1
has 'regctl *: *0' nvme resv-report "$disk" --eds

step "disconnect"
nvme disconnect -d "$dev"
none_left
[ -z "$(ls -A /sys/class/nvme-subsystem)" ] || fail "a subsystem is left"

unload_weft
check_clean
stop_target
teardown_net
