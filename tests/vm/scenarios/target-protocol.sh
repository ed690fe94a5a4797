# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# What the in-tree host and nvme-cli see of the target's protocol: the rarer commands,
# reservations of two hosts, ANA states, masked namespaces, logs, features, Identify.
# kernels: 6.1 6.12
# tier: full
# timeout: 900
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/intree.sh"
. "$WEFT_TOP/tests/vm/nvme_cli.sh"

configure() {
	rpc nvmf_create_transport '{"trtype":"TCP"}'
	malloc_disk d1
	malloc_disk d2
	on "$WEFT_NQN" nvmf_create_subsystem '"serial_number":"WEFT0002","ana_reporting":true'
	on "$WEFT_NQN" nvmf_subsystem_add_ns \
		"\"namespace\":{\"bdev_name\":\"d1\",\"ptpl_file\":\"/run/ptpl.json\"}"
	on "$WEFT_NQN" nvmf_subsystem_add_ns '"namespace":{"bdev_name":"d2","no_auto_visible":true}'
	on "$WEFT_NQN" nvmf_subsystem_add_host "\"host\":\"$HOST_A\""
	on "$WEFT_NQN" nvmf_subsystem_add_host "\"host\":\"$HOST_B\""
	on "$WEFT_NQN" nvmf_subsystem_add_listener "$(listen_at 4420)"
	on "$WEFT_NQN" nvmf_subsystem_add_listener "$(listen_at 4421)"
}

reservations() {
	local a=$1 b=$2
	step "reservations of two hosts"
	nvme resv-register "$a" --nrkey=10 --rrega=0 --cptpl=3
	nvme resv-register "$b" --nrkey=11 --rrega=0
	nvme resv-acquire "$a" --crkey=10 --rtype=1 --racqa=0
	nvme resv-report "$a" --eds | contains 'regctl *: *2'
	fails_with "onflict\|error" dd if=/run/a of="$b" bs=512 count=1 oflag=direct
	fails_with "onflict" nvme resv-acquire "$b" --crkey=11 --rtype=1 --racqa=0
	dd if=/run/a of="$a" bs=512 count=1 oflag=direct status=none
	step "preempt and abort"
	nvme resv-acquire "$b" --crkey=11 --prkey=10 --rtype=2 --racqa=2
	fails_with "." dd if=/run/a of="$a" bs=512 count=1 oflag=direct
	grep -q '"rtype": 2' /run/ptpl.json
	nvme resv-release "$b" --crkey=11 --rtype=2 --rrela=0
	dd if=/run/a of="$a" bs=512 count=1 oflag=direct status=none
	nvme resv-register "$b" --crkey=11 --rrega=1
}

ana() {
	local c=$1 d=$2
	step "ANA states through one listener"
	nvme ana-log "/dev/$c" | contains -i 'optimized'
	on "$WEFT_NQN" nvmf_subsystem_listener_set_ana_state \
		"$(listen_at 4420),\"ana_state\":\"inaccessible\",\"anagrpid\":1" > /dev/null
	nvme ana-log "/dev/$c" | contains -i 'inaccessible'
	fails_with "." nvme verify "$d" -s 0 -c 0
	on "$WEFT_NQN" nvmf_subsystem_listener_set_ana_state \
		"$(listen_at 4420),\"ana_state\":\"optimized\"" > /dev/null
	nvme verify "$d" -s 0 -c 0
}

masking() {
	local a=$1 b=$2
	step "a namespace that one host sees"
	refute test -e "/dev/${a}n2"
	on "$WEFT_NQN" nvmf_ns_add_host "\"nsid\":2,\"host\":\"$HOST_A\"" > /dev/null
	wait_for test -e "/dev/${a}n2"
	nvme list-ns "/dev/$b" > /run/list
	refute grep -q '0x2$' /run/list
	on "$WEFT_NQN" nvmf_ns_remove_host "\"nsid\":2,\"host\":\"$HOST_A\"" > /dev/null
	wait_for test ! -e "/dev/${a}n2"
}

logs_and_features() {
	local c=/dev/$1
	step "logs and features"
	nvme effects-log "$c" > /run/effects
	nvme smart-log "$c" > /dev/null
	nvme fw-log "$c" > /dev/null
	nvme error-log "$c" | contains -i 'error_count'
	nvme changed-ns-list-log "$c" > /dev/null
	nvme get-log "$c" --log-id=0 --log-len=1024 > /dev/null
	nvme get-log "$c" --log-id=0x12 --log-len=1024 > /dev/null
	nvme id-ctrl "$c" -o json > /run/ctrl.json
	python3 -c '
import json
c = json.load(open("/run/ctrl.json"))
assert c["oncs"] & 0x1af == 0x1af, hex(c["oncs"])
assert c["fuses"] == 1, c["fuses"]
assert c["anacap"] == 0x1f and c["cmic"] & 8, c
assert c["ctratt"] & 0x40, hex(c["ctratt"])'
	for fid in 1 2 4 5 6 7 0xa 0xb 0xf; do
		nvme get-feature "$c" -f "$fid" > /dev/null
	done
	nvme get-feature "$c" -f 0x82 -n 1 > /dev/null
	nvme set-feature "$c" -f 0x82 -n 1 -v 2 > /dev/null
	nvme get-feature "$c" -f 0x82 -n 1 | contains -i 'value:0*x*0*2$'
	fails_with "not namespace" nvme set-feature "$c" -f 1 -n 1 -v 0
}

step "two hosts, each with paths of its own"
setup_net
load_intree multipath=N
start_target -m 0,1
configure > /dev/null
A=$(connect_as "$HOST_A" "$ID_A" 4420 "$WEFT_NQN" -i 2)
B=$(connect_as "$HOST_B" "$ID_B" 4421 "$WEFT_NQN" -i 2)
wait_for test -e "/dev/${A}n1"
wait_for test -e "/dev/${B}n1"
commands "/dev/${A}n1"
reservations "/dev/${A}n1" "/dev/${B}n1"
ana "$A" "/dev/${A}n1"
masking "$A" "$B"
logs_and_features "$A"
nvme disconnect -n "$WEFT_NQN"
unload_intree
stop_target
teardown_net
