# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Subsystems as sysfs, udev and an unmodified nvme-cli see them: attributes, links, numbers
# that stay; events of controllers; lists, ANA log, changed namespaces and reservations by
# nvme-cli through a multipath disk; the write cache's switch.
# kernels: 6.1
# tier: full
# timeout: 400
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/nvme_cli.sh"
. "$WEFT_TOP/tests/vm/paths.sh"

seen() { grep -q -- "$1" /run/uevents; }

setup_net
load_weft iopolicy=queue-depth
refute bash -c "echo fastest > /sys/module/weft/parameters/iopolicy" 2> /dev/null
[ "$(cat /sys/module/weft/parameters/iopolicy)" = queue-depth ]
nvmet_setup "$WEFT_NQN" null 64
port_up 2
udevadm monitor --kernel --property > /run/uevents 2>&1 &
at_exit kill $!
wait_for grep -q KERNEL /run/uevents

step "events"
a=$(connect_port 1 reconnect_delay=1)
for line in "NVME_TRTYPE=$TRANSPORT" "NVME_TRADDR=$RXE_ADDR" NVME_TRSVCID=4420 \
	NVME_HOST_TRADDR=none NVME_HOST_IFACE=none NVME_EVENT=connected; do
	wait_for seen "^$line\$"
done
b=$(connect_port 2 reconnect_delay=1)
wait_for seen '^NVME_TRSVCID=4421$'

step "the subsystem"
s=/sys/class/nvme-subsystem/nvme-subsys$a
[ "$(cat "$s/subsysnqn")" = "$WEFT_NQN" ]
[ "$(cat "$s/subsystype")" = nvm ]
[ "$(cat "$s/iopolicy")" = queue-depth ]
for f in model serial firmware_rev; do
	[ "$(cat "$s/$f")" = "$(cat "/sys/class/nvme/nvme$a/$f")" ] || fail "$f differs"
done
for i in "$a" "$b"; do
	[ "$(readlink -f "$s/nvme$i")" = "$(readlink -f "/sys/class/nvme/nvme$i")" ] ||
		fail "no link to nvme$i"
	[ -d "/sys/class/nvme/nvme$i/nvme${a}c${i}n1" ] || fail "nvme$i has no path"
done
[ -d "$s/nvme${a}n1" ] || fail "no head below the subsystem"
[ "$(cat "$s/nvme${a}n1/nuse")" = $((64 << 11)) ] || fail "nuse $(cat "$s/nvme${a}n1/nuse")"
[ "$(cat "$s/nvme${a}n1/nuse")" = $((64 << 11)) ]

step "nvme-cli"
disk=/dev/nvme${a}n1
has "^$disk " nvme list
has "^nvme-subsys$a +$WEFT_NQN +nvme[0-9]+, nvme[0-9]+" nvme list -v
has "^(/dev/)?nvme${a}n1 .*nvme[0-9]+, nvme[0-9]+" nvme list -v
has "\+- nvme$a $TRANSPORT traddr=$RXE_ADDR,trsvcid=4420[^ ]* live optimized" nvme list-subsys "$disk"
has "\+- nvme$b $TRANSPORT traddr=$RXE_ADDR,trsvcid=4421[^ ]* live optimized" nvme list-subsys "$disk"
has '^nsze +: 0x20000' nvme id-ns "$disk"
has '\[ *0\]: *0x1' nvme list-ns "$disk"
has 'uuid' nvme ns-descs "$disk"
has 'optimized' nvme ana-log "/dev/nvme$b"
nvme ns-rescan "/dev/nvme$a"
nvme reset "/dev/nvme$b"
nvme flush "$disk" -n 1
nvme read "$disk" -s 0 -c 7 -z 4096 -d /run/block
cmp -n 4096 /run/block /dev/zero
ns=$NVMET/subsystems/$WEFT_NQN/namespaces/9
truncate -s 8M /run/nine
mkdir "$ns"
echo -n /run/nine > "$ns/device_path"
nguid=ef90689c-6c46-d44c-89c1-4067801309a8
echo $nguid > "$ns/device_nguid"
echo 1 > "$ns/buffered_io"
echo 1 > "$ns/enable"
wait_for test -b "/dev/nvme${a}n2"
[ "$(cat "$s/nvme${a}n2/nguid")" = $nguid ] || fail "nguid $(cat "$s/nvme${a}n2/nguid")"
# the host has read it, and with that emptied it
changed=$(nvme changed-ns-list-log "/dev/nvme$a")
refute grep -q '^\[' <<< "$changed"
rmdir "$ns"
wait_for test ! -e "/sys/block/nvme${a}n2"

step "reservations, which this target does not have"
refute nvme resv-report "$disk" -n 1 2> /dev/null
refute nvme resv-register "$disk" -n 1 --nrkey=5 2> /dev/null
refute nvme resv-acquire "$disk" -n 1 --crkey=5 --rtype=1 2> /dev/null
refute nvme resv-release "$disk" -n 1 --crkey=5 --rtype=1 2> /dev/null
python3 - "$disk" <<-'PY'
	import errno, fcntl, os, struct, sys
	REGISTER, RESERVE, CLEAR = 0x401870c8, 0x401070c9, 0x401070cd
	fd = os.open(sys.argv[1], os.O_RDWR)
	for number, data in ((REGISTER, struct.pack("QQII", 0, 5, 0, 0)),
	                     (RESERVE, struct.pack("QII", 5, 1, 0)),
	                     (CLEAR, struct.pack("QII", 5, 0, 0))):
	    try:
	        fcntl.ioctl(fd, number, data)
	    except OSError as e:
	        assert e.errno == errno.EOPNOTSUPP, (hex(number), e)
	    else:
	        raise SystemExit("a reservation without a target for it")
PY

step "the write cache's switch"
cache=/sys/block/nvme${a}n1/queue/write_cache
[ "$(cat "$cache")" = "write back" ] || fail "$(cat "$cache")"
echo "write through" > "$cache"
dd if=/dev/zero of="$disk" bs=4k count=4 conv=fsync status=none
echo "write back" > "$cache"
dd if=/dev/zero of="$disk" bs=4k count=4 conv=fsync status=none

step "numbers stay while the subsystem lives"
disconnect_weft "$a"
[ -b "$disk" ] || fail "the disk has gone"
[ -e "$s" ] || fail "the subsystem has gone"
c=$(connect_port 1)
[ "$c" != "$a" ] && [ "$c" != "$b" ] || fail "nvme$c again"
[ -d "/sys/class/nvme/nvme$c/nvme${a}c${c}n1" ] || fail "the new path has no name of the old subsystem"
disconnect_weft "$b"
disconnect_weft "$c"
[ ! -e "$s" ] || fail "the subsystem is left"

step "a discovery controller that reconnects"
d=$(connect_weft "transport=$TRANSPORT,traddr=$RXE_ADDR,trsvcid=4420,reconnect_delay=1,keep_alive_tmo=2,nqn=nqn.2014-08.org.nvmexpress.discovery")
[ "$(cat /sys/class/nvme-subsystem/nvme-subsys$d/subsystype)" = discovery ]
echo 1 > "/sys/class/nvme/nvme$d/reset_controller"
wait_for seen '^NVME_EVENT=rediscover$'
nvme disconnect-all
[ -z "$(ls -A /sys/class/nvme)" ] || fail "still there: $(ls /sys/class/nvme)"

unload_weft
port_remove 2
nvmet_teardown
teardown_net
check_clean
