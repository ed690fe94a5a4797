# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Both ends of a connection: from an address of this host that was asked for; by IPv6,
# whatever its spelling, and by a link-local address with its interface. Over TCP also
# through an interface, and with a class of service, which the sockets must have.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 300
. "$WEFT_TOP/tests/vm/lib.sh"

# listen_at ADDRESS
listen_at() {
	local family=IPv6
	[[ $1 = *:* ]] || family=IPv4
	rpc nvmf_subsystem_add_listener "{\"nqn\":\"$WEFT_NQN\",\"listen_address\":{
		\"trtype\":\"${TRANSPORT^^}\",\"adrfam\":\"$family\",
		\"traddr\":\"$1\",\"trsvcid\":\"4420\"}}"
}
to() { echo "transport=$TRANSPORT,trsvcid=4420,nqn=$WEFT_NQN,nr_io_queues=1,traddr=$1"; }
# peers: addresses of hosts, as the target sees them
peers() {
	rpc nvmf_subsystem_get_qpairs "{\"nqn\":\"$WEFT_NQN\"}" | python3 -c '
import json, sys
print(*sorted({q["peer_address"]["traddr"] for q in json.load(sys.stdin)}))'
}
seen() { grep -qx -- "$1" /run/uevents; }
# refused ERRNO WORDS OPTIONS
refused() {
	local out
	out=$(connect_weft "$3" 2>&1) && fail "connected: $3"
	grep -Eq "error=-$1,reason=.*$2" <<< "$out" || fail "wrong answer: $out"
}

# connect OPTIONS ADDRESS PEER: what the controller says of its address, and the target of it
connect() {
	local address=$2
	i=$(connect_weft "$(to "$1")")
	# of sockets it is told where they come from
	[ "$TRANSPORT" != tcp ] || address+=,src_addr=$3
	[ "$(cat "/sys/class/nvme/nvme$i/address")" = "$address" ] ||
		fail "address $(cat "/sys/class/nvme/nvme$i/address")"
	dd if="/dev/nvme${i}n1" bs=64k count=4 iflag=direct status=none | cmp -n 262144 - /run/data
	[ "$(peers)" = "$3" ] || fail "the target sees $(peers)"
}

setup_net
ip addr add 10.9.0.2/24 dev v0
ip addr add fd00:9::1/64 dev v0 nodad
ip addr add fd00:9::2/64 dev v0 nodad
ip addr add fe80::9/64 dev v0 scope link nodad
load_weft
start_target
target_with_disk
listen_at fd00:9::1
listen_at fe80::9%v0
udevadm monitor --kernel --property > /run/uevents 2>&1 &
at_exit kill $!
wait_for grep -q KERNEL /run/uevents
i=$(connect_weft "$(to "$RXE_ADDR")")
dd if=/dev/urandom of=/run/data bs=64k count=4 status=none
dd if=/run/data of="/dev/nvme${i}n1" bs=64k oflag=direct status=none
disconnect_weft "$i"

step "from an address of this host"
connect "$RXE_ADDR,host_traddr=10.9.0.2" \
	"traddr=$RXE_ADDR,trsvcid=4420,host_traddr=10.9.0.2" 10.9.0.2
wait_for seen NVME_HOST_TRADDR=10.9.0.2
# an association of its own: another path
two=$(connect_weft "$(to "$RXE_ADDR"),host_traddr=$RXE_ADDR")
[ "$(peers)" = "$RXE_ADDR 10.9.0.2" ] || fail "the target sees $(peers)"
disconnect_weft "$two"
disconnect_weft "$i"
refused '[0-9]+' 'host_traddr=10.9.0.77' "$(to "$RXE_ADDR"),host_traddr=10.9.0.77"

step "IPv6"
connect fd00:9::1 "traddr=fd00:9::1,trsvcid=4420" fd00:9::1
refused 114 duplicate_connect "$(to FD00:9:0::0:1)"
disconnect_weft "$i"
connect fd00:9::1,host_traddr=fd00:9::2 \
	"traddr=fd00:9::1,trsvcid=4420,host_traddr=fd00:9::2" fd00:9::2
disconnect_weft "$i"
refused 22 'accepted is an IPv6 address' "$(to fd00:9::1),host_traddr=10.9.0.2"

step "an address of one link"
i=$(connect_weft "$(to fe80::9%v0)")
dd if="/dev/nvme${i}n1" bs=64k count=4 iflag=direct status=none | cmp -n 262144 - /run/data
[[ $(peers) = fe80::9* ]] || fail "the target sees $(peers)"
refused 114 duplicate_connect "$(to fe80::0:9%v0)"
disconnect_weft "$i"
refused '[0-9]+' 'traddr=fe80::9%v7' "$(to fe80::9%v7)"

# sockets PATTERN...: those of the host have such a line each, if the kernel tells of it
sockets() {
	local lines want
	if [ "$VM_KERNEL" = debug ] && ! modprobe -q tcp_diag; then
		return 0
	fi
	lines=$(ss -tnH --tos state established dport = :4420)
	[ "$(grep -c : <<< "$lines")" = 2 ] || fail "not two connections: $lines"
	for want; do
		[ "$(grep -Ec -- "$want" <<< "$lines")" = 2 ] || fail "no '$want': $lines"
	done
}

if [ "$TRANSPORT" = tcp ]; then
	step "through an interface"
	# addresses of others are not reached through it
	ip addr add 10.9.5.1/24 dev lo
	ip addr add 10.9.5.2/24 dev lo
	listen_at 10.9.5.1
	connect "10.9.5.1,host_iface=lo,host_traddr=10.9.5.2" \
		"traddr=10.9.5.1,trsvcid=4420,host_traddr=10.9.5.2,host_iface=lo" 10.9.5.2
	wait_for seen NVME_HOST_IFACE=lo
	sockets '10\.9\.5\.2%lo:[0-9]+ +10\.9\.5\.1:4420'
	disconnect_weft "$i"
	refused 19 'host_iface=nosuch' "$(to 10.9.5.1),host_iface=nosuch"
	refused '[0-9]+' 'traddr=10.9.5.1' "$(to 10.9.5.1),host_iface=v0"

	step "classes of service"
	connect "$RXE_ADDR,tos=96" "traddr=$RXE_ADDR,trsvcid=4420" "$RXE_ADDR"
	sockets 'tos:0x60'
	disconnect_weft "$i"
	connect fd00:9::1,tos=96 "traddr=fd00:9::1,trsvcid=4420" fd00:9::1
	sockets 'tclass:0x60'
	disconnect_weft "$i"
	echo 5 > /sys/module/weft_tcp/parameters/so_priority
	connect "$RXE_ADDR" "traddr=$RXE_ADDR,trsvcid=4420" "$RXE_ADDR"
	# the priority stands in for a class, where there is none
	sockets 'class_id:0x5'
	disconnect_weft "$i"
fi

unload_weft
check_clean
stop_target
teardown_net
