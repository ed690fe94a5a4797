# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Discovery controllers that stay, under the well-known name and under one of the target's
# own: attributes, no I/O queues, keep-alive, the log through nvme-cli; what changes on the
# target is told by an event on which nvme-cli's own udev rules act, and what they start
# connects the new subsystem.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 300
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/counters.sh"

WELL_KNOWN=nqn.2014-08.org.nvmexpress.discovery
OWN=nqn.2026-11.io.weft:discovery
NQN2=nqn.2026-11.io.weft:disk2
RULES=/usr/lib/udev/rules.d/70-nvmf-autoconnect.rules
[ -e "$RULES" ] || skip "no $RULES (package nvme-cli)"

# rules.py RULES EVENTS: what the rules would run for the last event; all that a rule
# compares must be there
cat > /run/rules.py <<'PY'
import fnmatch, re, sys

rules = open(sys.argv[1]).read().replace("\\\n", "").splitlines()
block = open(sys.argv[2]).read().strip().split("\n\n")[-1]
event = dict(l.split("=", 1) for l in block.splitlines() if "=" in l)

def have(key, name):
    if key == "ENV":
        return event.get(name)
    if key == "ATTR":
        return open(f"/sys{event['DEVPATH']}/{name}").read().strip()
    return event.get(key)

for rule in rules:
    run = re.search(r'RUN\+="([^"]*)"', rule)
    wanted = re.findall(r'(\w+)(?:\{(\w+)\})?=="([^"]*)"', rule)
    if run and all(have(k, n) is not None and fnmatch.fnmatchcase(have(k, n), v)
                   for k, n, v in wanted):
        text = run[1].replace("$kernel", event["DEVPATH"].rsplit("/", 1)[1])
        print(re.sub(r"\$env\{(\w+)\}", lambda m: event[m[1]], text))
PY

attribute() { grep -Exq -- "$2" "$ctrl/$1" || fail "$1 is '$(< "$ctrl/$1")', not '$2'"; }
controllers() { ls "/sys/class/$WEFT_CLASS" | wc -l; }
sent_more_than() { [ "$(counter "$d" 0 commands)" -gt "$1" ]; }

# stays NQN [OPTIONS]: a discovery controller with that name; sets d, ctrl
stays() {
	d=$(connect_weft "$(connect_string "$RXE_ADDR" "$1"),keep_alive_tmo=2${2:-}")
	ctrl=/sys/class/$WEFT_CLASS/nvme$d
	attribute state live
	attribute subsysnqn "$1"
	attribute cntrltype discovery
	attribute queue_count 1
	attribute kato 2
	grep -qx discovery "/sys/class/nvme-subsystem/nvme-subsys$d/subsystype"
	[ -c "/dev/nvme$d" ] || fail "no /dev/nvme$d"
	[ -z "$(compgen -G "/dev/nvme${d}n*")" ] || fail "it has a disk"
	wait_for sent_more_than $(($(counter "$d" 0 commands) + 2))
}

# records: how many the log has
records() {
	nvme get-log "/dev/nvme$d" -i 0x70 -l 16 -b > /run/log
	od -An -td8 -j8 -N8 /run/log | tr -d ' '
}

# log_lists N: records, and by name the subsystem
log_lists() {
	local before out
	before=$(controllers)
	[ "$(records)" = "$1" ] || fail "log: $(od -td8 /run/log)"
	out=$(nvme discover --device="nvme$d" -t "$TRANSPORT" -a "$RXE_ADDR" -s 4420)
	grep -Eq "subnqn: +$WEFT_NQN\$" <<< "$out" || fail "not in the log: $out"
	[ "$(controllers)" = "$before" ] || fail "another controller was made for it"
}

# event WORDS: the last event of the discovery controller has them; sets args to what the
# rules start nvme connect-all with then
event() {
	local started
	wait_for grep -q -- "$1" /run/uevents
	sleep 1
	started=$(python3 /run/rules.py "$RULES" /run/uevents)
	echo "$started"
	args="--device=nvme$d --transport=$TRANSPORT --traddr=$RXE_ADDR --trsvcid=4420"
	args+=" --host-traddr=none --host-iface=none"
	grep -qF -- "nvmf-connect@${args// /\\t}.service" <<< "$started" ||
		fail "the rules do not act on: $(tail -n 20 /run/uevents)"
}

watch() {
	udevadm monitor --kernel --property > /run/uevents 2>&1 &
	monitor=$!
	wait_for grep -q KERNEL /run/uevents
}

connected_to() { grep -qx "$1" "/sys/class/$WEFT_CLASS"/nvme*/subsysnqn; }

setup_rxe
load_weft
start_target
rpc nvmf_create_transport '{"trtype":"RDMA","min_kato":1000}'
target_with_disk

step "the well-known name"
stays $WELL_KNOWN
records=$(records)
log_lists "$records"
stays $WELL_KNOWN
[ "$(controllers)" = 2 ] || fail "not another one of the same name"
disconnect_weft "$d"
d=0

step "a subsystem is added: the event, the rules, the connect"
watch
target_with_disk $NQN2 bdev_malloc_create '{"name":"disk2","num_blocks":16384,"block_size":512}'
event '^NVME_AEN=0x70f002$'
kill $monitor
log_lists $((records + 1))
# as nvmf-connect@.service does
# shellcheck disable=SC2086
nvme connect-all --quiet $args
connected_to "$WEFT_NQN" || fail "not connected to $WEFT_NQN"
connected_to $NQN2 || fail "not connected to $NQN2"
nvme disconnect -n $NQN2
nvme disconnect -n "$WEFT_NQN"

step "it reconnects: the event, the rules"
watch
echo 1 > "/sys/class/$WEFT_CLASS/nvme$d/reset_controller"
event '^NVME_EVENT=rediscover$'
kill $monitor
disconnect_weft "$d"

step "a name of its own"
rpc nvmf_set_config "{\"discovery_nqn\":\"$OWN\"}"
why=$(connect_weft "$(connect_string "$RXE_ADDR" $OWN)" 2>&1) && fail "connected without the flag"
grep -q 'discovery' <<< "$why" || fail "it does not say so: $why"
stays $OWN ,discovery
records=$(records)
log_lists "$records"
watch
rpc nvmf_delete_subsystem "{\"nqn\":\"$NQN2\"}"
event '^NVME_AEN=0x70f002$'
kill $monitor
log_lists $((records - 1))
disconnect_weft "$d"

[ "$(controllers)" = 0 ] || fail "left: $(ls "/sys/class/$WEFT_CLASS")"
unload_weft
stop_target
teardown_rxe
check_clean
