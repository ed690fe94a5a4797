# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# The fault matrix over TCP: link down, target killed, frozen, restarted, answering wrongly,
# port filtered, each while a controller is created, idle, under verified load,
# reconnecting and being deleted.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 1500
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/faults.sh"

# its own address is reached over lo
strike_linkdown() { ip link set lo down; }
heal_linkdown() { ip link set lo up; }

# packets vanish, without an answer
strike_filtered() { tc qdisc add dev lo root netem loss 100%; }
heal_filtered() { tc qdisc delete dev lo root; }

faults_evil() {
	exec python3 "$WEFT_TOP/tests/vm/tcp_evil_target.py" "$RXE_ADDR" 4420 rsp-cid
}

need_modules sch_netem
faults_setup
faults_matrix linkdown killed frozen restarted wrong filtered
faults_teardown
