# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# shellcheck shell=bash
#
# A discovery controller that stays, nvme$d, of either host, for scenarios that source it after
# lib.sh: its log, its events, and what nvme-cli's own udev rules make of them.

WELL_KNOWN=nqn.2014-08.org.nvmexpress.discovery
OWN=nqn.2026-11.io.weft:discovery
export WELL_KNOWN OWN
RULES=/usr/lib/udev/rules.d/70-nvmf-autoconnect.rules
[ -e "$RULES" ] || skip "no $RULES (package nvme-cli)"

# rules.py RULES EVENTS WORDS: what the rules would run for the last event that has a line with
# WORDS; all that a rule compares must be there
cat > /run/rules.py <<'PY'
import fnmatch, re, sys

rules = open(sys.argv[1]).read().replace("\\\n", "").splitlines()
blocks = open(sys.argv[2]).read().strip().split("\n\n")
block = [b for b in blocks if re.search(sys.argv[3], b, re.M)][-1]
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

connected_to() { grep -qx "$1" "/sys/class/$WEFT_CLASS"/nvme*/subsysnqn; }
controllers() { ls "/sys/class/$WEFT_CLASS" | wc -l; }

# attribute NAME PATTERN: of the controller whose folder is $ctrl
attribute() { grep -Exq -- "$2" "$ctrl/$1" || fail "$1 is '$(< "$ctrl/$1")', not '$2'"; }

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

# event WORDS: one of the discovery controller has a line with them (beside it the in-tree host
# tells that it is connected); sets args to what the rules start nvme connect-all with then
event() {
	local started
	wait_for grep -q -- "$1" /run/uevents
	sleep 1
	started=$(python3 /run/rules.py "$RULES" /run/uevents "$1")
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
