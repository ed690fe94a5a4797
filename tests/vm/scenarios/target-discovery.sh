# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Discovery controllers that the in-tree host keeps, made by nvme-cli under the well-known name
# and under one of the target's own: every change of subsystems, listeners, hosts and referrals
# reaches it as the event on which nvme-cli's udev rules act, and the log then has it; hosts are
# shown what admits them only.
# kernels: 6.1 6.12
# tier: full
# timeout: 400
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/intree.sh"
. "$WEFT_TOP/tests/vm/discovery.sh"

NQN2=nqn.2026-11.io.weft:disk2
REFERRED=10.9.0.77

# discover PORT [OPTION…]: the log. nvme-cli takes a discovery controller that is there at this
# port, whoever's it is: host B comes to another one.
discover() { nvme discover -t "$TRANSPORT" -a "$RXE_ADDR" -s "$@"; }

# seen_by HOST NQN: how many records of it the host is shown
seen_by() {
	# shellcheck disable=SC2086
	discover $1 -o json | jq "[.records[] | select(.subnqn == \"$2\")] | length"
}

# shown A B: so many records of the second subsystem to each host
shown() {
	local got
	got="$(seen_by "$AS_A" $NQN2) $(seen_by "$AS_B" $NQN2)"
	[ "$got" = "$*" ] || fail "hosts are shown $got records of $NQN2, not $*"
}
AS_A="4420 -q $HOST_A -I $ID_A" AS_B="4421 -q $HOST_B -I $ID_B"

# stays NQN: host A keeps a discovery controller of that name; sets d, ctrl
stays() {
	local before=/run/ctrls.$RANDOM new
	ls /sys/class/nvme > $before
	# shellcheck disable=SC2086
	discover $AS_A -n "$1" --persistent > /run/discovered
	new=$(ls /sys/class/nvme | grep -vxFf $before) || fail "no controller stays"
	d=${new#nvme}
	ctrl=/sys/class/nvme/$new
	attribute state live
	attribute cntrltype discovery
	attribute queue_count 1
	attribute hostnqn "$HOST_A"
	[ "$(cat "$ctrl/kato")" -gt 0 ] || fail "without keep-alive"
	[ -z "$(compgen -G "/dev/nvme${d}n*")" ] || fail "it has a disk"
}

# told RECORDS COMMAND…: of what the command changes; then the log has so many records
told() {
	local n=$1
	shift
	watch
	"$@" > /dev/null
	event '^NVME_AEN=0x70f002$'
	kill $monitor
	wait $monitor 2> /dev/null || true
	log_lists "$n"
}

add_second() {
	on $NQN2 nvmf_create_subsystem '"serial_number":"WEFT0002"'
	on $NQN2 nvmf_subsystem_add_ns '"namespace":{"bdev_name":"d2"}'
	on $NQN2 nvmf_subsystem_add_host "\"host\":\"$HOST_A\""
	on $NQN2 nvmf_subsystem_add_listener "$(listen_at 4420)"
}

referral() {
	rpc "nvmf_discovery_$1_referral" "{\"address\":{\"trtype\":\"${TRANSPORT^^}\",
		\"adrfam\":\"IPv4\",\"traddr\":\"$REFERRED\",\"trsvcid\":\"8009\"}}"
}

setup_net
load_intree multipath=Y
mkdir -p /etc/nvme
echo $HOST_A > /etc/nvme/hostnqn
echo $ID_A > /etc/nvme/hostid
start_target
target_with_disk > /dev/null
on "$WEFT_NQN" nvmf_subsystem_add_listener "$(listen_at 4421)" > /dev/null
malloc_disk d2 > /dev/null

step "the well-known name"
stays $WELL_KNOWN
attribute subsysnqn $WELL_KNOWN
grep -Eq "subnqn: +$WEFT_NQN\$" /run/discovered || fail "$(cat /run/discovered)"
n=$(records)

step "a subsystem, a listener, a host, a referral come and go"
told $((n + 1)) add_second
shown 1 0
told $((n + 2)) on $NQN2 nvmf_subsystem_add_listener "$(listen_at 4422)"
shown 2 0
told $((n + 2)) on $NQN2 nvmf_subsystem_add_host "\"host\":\"$HOST_B\""
shown 2 2
told "$n" on $NQN2 nvmf_subsystem_remove_host "\"host\":\"$HOST_A\""
shown 0 2
told $((n + 2)) on $NQN2 nvmf_subsystem_allow_any_host '"allow_any_host":true'
told $((n + 1)) on $NQN2 nvmf_subsystem_remove_listener "$(listen_at 4422)"
told $((n + 2)) referral add
# shellcheck disable=SC2086
discover $AS_B -o json | jq -e ".records[] | select(.traddr == \"$REFERRED\") |
	.subtype | test(\"referral\")" > /dev/null || fail "no referral"
told $((n + 1)) referral remove

step "what the rules start connects both"
# shellcheck disable=SC2086,SC2154
nvme connect-all --quiet $args
connected_to "$WEFT_NQN" || fail "not connected to $WEFT_NQN"
connected_to $NQN2 || fail "not connected to $NQN2"
nvme disconnect -n $NQN2
nvme disconnect -n "$WEFT_NQN"
told "$n" on $NQN2 nvmf_delete_subsystem

step "it comes back after a reset, and hears of changes again"
watch
nvme reset "/dev/nvme$d"
wait_for ctrl_is "nvme$d" live
event '^NVME_EVENT=rediscover$'
kill $monitor
log_lists "$n"
told $((n + 1)) add_second
told "$n" on $NQN2 nvmf_delete_subsystem
nvme disconnect -d "nvme$d"

step "a name of its own"
rpc nvmf_set_config "{\"discovery_nqn\":\"$OWN\"}" > /dev/null
[ "$(seen_by "$AS_A" $OWN)" = 1 ] || fail "the log does not tell the name"
stays $OWN
attribute subsysnqn $OWN
n=$(records)
told $((n + 1)) referral add
told "$n" referral remove
nvme disconnect -d "nvme$d"

[ "$(controllers)" = 0 ] || fail "left: $(ls /sys/class/nvme)"
unload_intree
stop_target
teardown_net
