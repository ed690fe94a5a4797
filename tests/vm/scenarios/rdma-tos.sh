# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# tos over RDMA: packets on the wire have it, and without the option they have none. Within
# one machine soft-RoCE needs no wire.
# kernels: 6.1 6.12
# tier: full
# guests: 2
# timeout: 300
. "$WEFT_TOP/tests/vm/lib.sh"

setup_rxe
if [ "$VM_ROLE" = a ]; then
	# classes of what comes for soft-RoCE, each when it is seen first
	cat > /run/classes.py <<-'PY'
		import socket, sys
		s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
		s.bind((sys.argv[1], 0))
		seen = set()
		print("ready", flush=True)
		while True:
		    packet = s.recv(256)
		    header = (packet[0] & 15) * 4
		    port = int.from_bytes(packet[header + 2:header + 4], "big")
		    if packet[9] == socket.IPPROTO_UDP and port == 4791 and packet[1] not in seen:
		        seen.add(packet[1])
		        print("class", packet[1], flush=True)
	PY
	python3 /run/classes.py "$VM_NETDEV" > /run/classes 2>&1 &
	at_exit "kill $!"
	wait_for grep -q ready /run/classes
	start_target
	target_with_disk
	barrier ready
	barrier without 240
	cat /run/classes
	grep -q class /run/classes || fail "no packet was seen"
	refute grep -qx 'class 96' /run/classes
	barrier seen
	barrier with 240
	wait_for grep -qx 'class 96' /run/classes
	stop_target
else
	load_weft
	barrier ready
	for tos in "" ,tos=96; do
		i=$(connect_weft "$(connect_string "$RXE_PEER"),nr_io_queues=1$tos")
		dd if="/dev/nvme${i}n1" of=/dev/null bs=64k count=16 iflag=direct status=none
		disconnect_weft "$i"
		[ -n "$tos" ] || barrier without 240
		[ -n "$tos" ] || barrier seen
	done
	barrier with 240
	unload_weft
	check_clean
fi
teardown_rxe
