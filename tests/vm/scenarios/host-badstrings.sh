# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Malformed and refused connect strings through the control device: the errno of each,
# the reason line of the same descriptor, the kernel log; nothing is left behind.
# kernels: 6.1 6.12
# tier: check
# check-kernels: 6.12
# debug: yes
# timeout: 400
. "$WEFT_TOP/tests/vm/lib.sh"

ID=0f01fb42-9f7f-4856-b0b3-51e60b8de349

refused() {
	python3 "$WEFT_TOP/tests/vm/bad_connects.py" "$WEFT_FABRICS" "addr=$RXE_ADDR" \
		"nqn=$WEFT_NQN" "id=$ID" "none=" "ok=$(connect_string)" \
		"rest=traddr=$RXE_ADDR,trsvcid=4420,nqn=$WEFT_NQN" \
		"to=transport=rdma,nqn=$WEFT_NQN,traddr=" \
		"at=transport=rdma,traddr=$RXE_ADDR,nqn="
}

no_controller() {
	local left
	left=$(find /sys/class/nvme /sys/class/nvme-subsystem -mindepth 1 2> /dev/null)
	[ -z "$left" ] || fail "left behind: $left"
	left=$(find /dev -maxdepth 1 -name 'nvme[0-9]*')
	[ -z "$left" ] || fail "left behind: $left"
}

load_weft

step "strings that are wrong by themselves"
refused <<'TABLE'
# what must be there
EINVAL | transport: missing; accepted is rdma or tcp | {none}
EINVAL | transport: missing | ,
EINVAL | transport: missing | \n\n,,\n
EINVAL | transport: missing | {rest}
EINVAL | nqn: missing | transport=rdma,traddr={addr}
EINVAL | traddr: missing, transport=rdma needs it | transport=rdma,nqn={nqn}
# keys
EINVAL | unknown option "" | =
EINVAL | unknown option "" | =rdma,{ok}
EINVAL | unknown option "nonsense"; see a read of | nonsense
EINVAL | unknown option "foo"; see a read of | {ok},foo=bar
EINVAL | unknown option "TRANSPORT", did you mean "transport"? | TRANSPORT=rdma,{rest}
EINVAL | unknown option "queue-size", did you mean "queue_size"? | {ok},queue-size=32
EINVAL | unknown option "quee_size", did you mean "queue_size"? | {ok},quee_size=32
EINVAL | unknown option " traddr", did you mean "traddr"? | transport=rdma, traddr={addr}
EINVAL | unknown option "instance" | {ok},instance=3
EINVAL | unknown option "\\xff\\xfe\\x00\\x01" | \xff\xfe\x00\x01
EINVAL | unknown option "\\x1b[2J" | {ok},\x1b[2J=1
EINVAL | unknown option "xxx | {pad:4000}=1
# transport
EINVAL | transport=: empty value; accepted is rdma or tcp | transport=,{rest}
EINVAL | transport: needs a value | transport,{rest}
EINVAL | transport=fc: accepted is rdma or tcp | transport=fc,{rest}
EINVAL | transport=RDMA: accepted is rdma or tcp | transport=RDMA,{rest}
EINVAL | transport=rdma;traddr=10.9.0: 18 bytes | transport=rdma;traddr=10.9.0,{rest}
EINVAL | transport: stands twice | transport=rdma,{ok}
EINVAL | transport=tcp: no handler found | transport=tcp,{rest}
# nqn
EINVAL | nqn=: empty value | {at}
EINVAL | nqn: needs a value | transport=rdma,nqn,traddr={addr}
EINVAL | : 224 bytes; accepted are at most 223 | {at}nqn.2026-11.io.weft:{pad:204}
EINVAL | nqn=nqn.2026-11.io.weft:a b: has a space | {at}nqn.2026-11.io.weft:a b
EINVAL | a\\x00b: has a space, a control character or bytes | {at}nqn.2026-11.io.weft:a\x00b
EINVAL | \\xc3(: has a space, a control character or bytes | {at}nqn.2026-11.io.weft:\xc3(
EINVAL | nqn: stands twice | {ok},nqn={nqn}
# traddr, host_traddr
EINVAL | traddr=: empty value; accepted is an IPv4 or IPv6 address | {to}
EINVAL | traddr=localhost: accepted is an IPv4 or IPv6 address | {to}localhost
EINVAL | traddr=256.0.0.1: accepted is an IPv4 | {to}256.0.0.1
EINVAL | traddr=10.9.0: accepted is an IPv4 | {to}10.9.0
EINVAL | traddr=10.9.0.1/24: accepted is an IPv4 | {to}10.9.0.1/24
EINVAL | traddr=[::1]: accepted is an IPv4 | {to}[::1]
EINVAL | traddr=fe80::1%: accepted is an IPv4 | {to}fe80::1%
EINVAL | traddr=1:2:3:4:5:6:7:8:9: accepted is an IPv4 | {to}1:2:3:4:5:6:7:8:9
EINVAL | 80 bytes; accepted are at most 63 | {to}{pad:80}
EINVAL | traddr: stands twice | {ok},traddr={addr}
EINVAL | host_traddr=here: accepted is an IPv4 | {ok},host_traddr=here
EINVAL | host_traddr=::1: accepted is an IPv4 address, as traddr is one | {ok},host_traddr=::1
# trsvcid
EINVAL | trsvcid=0: accepted range is 1-65535 | {to}{addr},trsvcid=0
EINVAL | trsvcid=65536: accepted range is 1-65535 | {to}{addr},trsvcid=65536
EINVAL | trsvcid=-1: accepted range is 1-65535 | {to}{addr},trsvcid=-1
EINVAL | trsvcid=nvme: accepted range is 1-65535 | {to}{addr},trsvcid=nvme
EINVAL | trsvcid=4420x: accepted range is 1-65535 | {to}{addr},trsvcid=4420x
EINVAL | trsvcid=: empty value; accepted range is 1-65535 | {to}{addr},trsvcid=
# numbers
EINVAL | queue_size=7: accepted range is 16-1024 | {ok},queue_size=7
EINVAL | queue_size=15: accepted range is 16-1024 | {ok},queue_size=15
EINVAL | queue_size=1025: accepted range is 16-1024 | {ok},queue_size=1025
EINVAL | queue_size=-16: accepted range is 16-1024 | {ok},queue_size=-16
EINVAL | queue_size=many: not a number; accepted range is 16-1024 | {ok},queue_size=many
EINVAL | queue_size=32.5: not a number | {ok},queue_size=32.5
EINVAL | queue_size= 32: not a number | {ok},queue_size= 32
EINVAL | queue_size=99999999999999999999: accepted range | {ok},queue_size=99999999999999999999
EINVAL | queue_size: needs a value, as in queue_size=... | {ok},queue_size
EINVAL | queue_size: stands twice | {ok},queue_size=32,queue_size=32
EINVAL | nr_io_queues=0: accepted range is 1-65535 | {ok},nr_io_queues=0
EINVAL | nr_io_queues=65536: accepted range is 1-65535 | {ok},nr_io_queues=65536
EINVAL | nr_write_queues=0: accepted range is 1-65535 | {ok},nr_write_queues=0
EINVAL | nr_poll_queues=-1: accepted range is 1-65535 | {ok},nr_poll_queues=-1
EINVAL | keep_alive_tmo=-1: accepted range is 0- | {ok},keep_alive_tmo=-1
EINVAL | keep_alive_tmo=5s: not a number | {ok},keep_alive_tmo=5s
EINVAL | reconnect_delay=0: accepted range is 1- | {ok},reconnect_delay=0
EINVAL | ctrl_loss_tmo=never: not a number | {ok},ctrl_loss_tmo=never
EINVAL | ctrl_loss_tmo=4294967296: accepted range is 0- | {ok},ctrl_loss_tmo=4294967296
EINVAL | fast_io_fail_tmo=off: not a number | {ok},fast_io_fail_tmo=off
EINVAL | tos=-1: accepted range is 0-255 | {ok},tos=-1
# who we are
EINVAL | hostnqn=: empty value | {ok},hostnqn=
EADDRINUSE | hostnqn: stands twice | {ok},hostnqn=nqn:a,hostnqn=nqn:a
EINVAL | hostid=1234: accepted is a UUID | {ok},hostid=1234
EINVAL | hostid={id}0: accepted is a UUID | {ok},hostid={id}0
EINVAL | accepted is a UUID that is not zero | {ok},hostid=00000000-0000-0000-0000-000000000000
EINVAL | hostnqn/hostid: host NQN | {ok},hostnqn=nqn.2026-11.io.weft:somebody-else
# flags
EINVAL | duplicate_connect=1: takes no value | {ok},duplicate_connect=1
EINVAL | discovery=: takes no value | {ok},discovery=
EINVAL | disable_sqflow: stands twice | {ok},disable_sqflow,disable_sqflow
# options of other transports, and of later times
EINVAL | hdr_digest: not supported with transport=rdma | {ok},hdr_digest
EINVAL | data_digest: not supported with transport=rdma | {ok},data_digest
EINVAL | host_iface: not supported with transport=rdma | {ok},host_iface=eth0
EINVAL | host_iface=..: accepted is a network interface's name | {ok},host_iface=..
EINVAL | tls: not supported with transport=rdma | {ok},tls
EINVAL | keyring: not supported with transport=rdma | {ok},keyring=17
EINVAL | tls_key=0: accepted range is 1- | {ok},tls_key=0
EINVAL | dhchap_secret=(hidden): accepted is DHHC-1: | {ok},dhchap_secret=hush
EINVAL | dhchap_secret: not supported with transport=rdma | {ok},dhchap_secret=DHHC-1:00:aGVsbG8=:
# length
ENOMEM | connect string of 4097 bytes; accepted are at most 4096 | {pad:4097}
TABLE
no_controller

step "no RDMA device leads there"
refused <<'TABLE'
ENODEV | no RDMA device | {to}127.0.0.1
EINVAL | %nosuch: accepted is an IPv4 or IPv6 address; %scope must be | {to}fe80::1%nosuch
TABLE

setup_rxe
step "nobody listens"
refused <<'TABLE'
ECONNREFUSED | nothing listens there | {ok}
EADDRNOTAVAIL | host_traddr=10.9.0.77 must be a local address | {ok},host_traddr=10.9.0.77
TABLE
no_controller

step "a target refuses"
start_target
target_with_disk
rpc nvmf_create_subsystem '{"nqn":"nqn.2026-11.io.weft:closed","serial_number":"WEFT0002"}'
rpc nvmf_subsystem_add_listener '{"nqn":"nqn.2026-11.io.weft:closed","listen_address":
	{"trtype":"RDMA","adrfam":"IPv4","trsvcid":"4420","traddr":"'"$RXE_ADDR"'"}}'
refused <<'TABLE'
EIO | Connect Invalid Parameters: SUBNQN | {at}nqn.2026-11.io.weft:nosuch
EIO | Connect Invalid Host | {at}nqn.2026-11.io.weft:closed
TABLE
no_controller

step "a good string still works, once"
i=$(connect_weft "$(connect_string)")
[ -b "/dev/nvme${i}n1" ] || fail "connected, but there is no /dev/nvme${i}n1"
refused <<'TABLE'
EALREADY | already connected as nvme | {ok}
EINVAL | hostnqn/hostid: host NQN | {ok},duplicate_connect,hostid={id}
TABLE
dd if="/dev/nvme${i}n1" of=/dev/null bs=4k count=16 iflag=direct status=none
disconnect_weft "$i"
no_controller

unload_weft
check_clean
stop_target
teardown_rxe
