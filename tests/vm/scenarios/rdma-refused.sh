# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Connects that cannot succeed: each fails with words that say what to do, within the
# transport's time limits, and leaves nothing behind.
# kernels: 6.1 6.12
# tier: check
# check-kernels: 6.1
# debug: yes
# timeout: 300
. "$WEFT_TOP/tests/vm/lib.sh"

setup_rxe
load_weft

# refused WORDS OPTIONS
refused() {
	local why
	why=$(connect_weft "$2" 2>&1) && fail "connected: $2"
	echo "$why"
	grep -Eq "$1" <<< "$why" || fail "'$1' is not in: $why"
}

s="transport=rdma,nqn=$WEFT_NQN"
step "nobody listens"
refused 'refused.*nothing listens' "$s,traddr=$RXE_ADDR,trsvcid=4420"
step "no RDMA device leads there"
refused 'RDMA device' "$s,traddr=127.0.0.1,trsvcid=4420"
ip route add 192.0.2.0/24 dev lo
refused 'traddr=192.0.2.1.*RDMA device' "$s,traddr=192.0.2.1"
step "source address"
refused 'host_traddr=::1' "$s,traddr=$RXE_ADDR,host_traddr=::1"
refused 'host_traddr' "$s,traddr=$RXE_ADDR,host_traddr=192.0.2.7"
step "options"
refused 'traddr' "$s"
refused 'host_iface' "$s,traddr=$RXE_ADDR,host_iface=v0"
refused 'hdr_digest' "$s,traddr=$RXE_ADDR,hdr_digest"

unload_weft
check_clean
teardown_rxe
