# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# The in-tree host, driven by nvme-cli, and our target.
# kernels: 6.1 6.12
# tier: check
# check-kernels: 6.1
# timeout: 900
# scratch: 512M
# daemon: release
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/pairs.sh"
PAIR_HOST=intree

# what else is asked for when connecting
CONNECT_OPTIONS=

pair_load() { modprobe "nvme-$TRANSPORT"; }
pair_unload() { modprobe -r "nvme-$TRANSPORT"; }
pair_unload_under_load() {
	pair_unload
	load_has_ended
	pair_load
	pair_connect
}
pair_break() { kill_target; }
pair_mend() { weft_target_start; }
pair_memory() { target_resident_kib; }

pair_connect() {
	# shellcheck disable=SC2086
	nvme connect -t "$TRANSPORT" -a "$RXE_ADDR" -s 4420 -n "$WEFT_NQN" \
		--reconnect-delay="$PAIR_RECONNECT_DELAY" \
		--ctrl-loss-tmo="$PAIR_CTRL_LOSS_TMO" --queue-size=32 $CONNECT_OPTIONS
	DISK=/dev/nvme0n1
	wait_for disk_is_there
}

pair_disconnect() {
	nvme disconnect -n "$WEFT_NQN" | contains 'disconnected 1 controller' ||
		fail "nvme disconnect found no controller"
	wait_for test ! -e "$DISK"
}

nvme_cli() {
	step "nvme-cli: discover, list, id-ctrl, id-ns, logs"
	nvme discover -t "$TRANSPORT" -a "$RXE_ADDR" -s 4420 | tee /run/discover
	grep -q "trtype: *$TRANSPORT" /run/discover
	grep -q "subnqn: *$WEFT_NQN" /run/discover
	grep -q "traddr: *$RXE_ADDR" /run/discover
	nvme list | grep "$DISK" | contains WEFT0001
	nvme list-subsys | contains "$WEFT_NQN"
	nvme id-ctrl "$DISK" -o json > /run/id-ctrl.json
	python3 - "$WEFT_NQN" "$TRANSPORT" <<-'PY'
	import json, sys
	c = json.load(open("/run/id-ctrl.json"))
	assert c["subnqn"] == sys.argv[1], c["subnqn"]
	assert c["sn"].strip() == "WEFT0001", c["sn"]
	kind = {"rdma": 1 << 2, "tcp": 1 << 21}[sys.argv[2]]
	assert c["sgls"] & (1 << 2 | 1 << 20 | 1 << 21) == 1 << 20 | kind, hex(c["sgls"])
	assert c["kas"] > 0 and c["ioccsz"] >= 4 and c["iorcsz"] == 1, c
	PY
	nvme id-ns "$DISK" -o json | python3 -c '
import json, sys
n = json.load(sys.stdin)
assert n["nsze"] == 128 * 2048, n["nsze"]
assert n["lbafs"][n["flbas"] & 15]["ds"] == 9, n["lbafs"]'
	nvme ns-descs "$DISK" | contains 5e6c2ad3
	nvme smart-log "$DISK" > /dev/null
	nvme error-log "$DISK" > /dev/null
	nvme effects-log "$DISK" > /dev/null
	nvme get-feature "$DISK" -f 7 > /dev/null
	nvme flush "$DISK"
}

# with each combination of digests, on a controller of its own
digests() {
	local d
	for d in --hdr-digest --data-digest "--hdr-digest --data-digest"; do
		step "verify with $d"
		CONNECT_OPTIONS=$d
		pair_connect
		fio_verify digests 8m
		pair_disconnect
	done
	CONNECT_OPTIONS=
	[ "$(rpc nvmf_get_stats | python3 -c '
import json, sys
print(sum(t["digest_errors"] + t["faults"] for g in json.load(sys.stdin)["poll_groups"]
          for t in g["transports"]))')" = 0 ] || fail "digest errors or faults were counted"
}

# capsules OLD NEW: the target starts again with that size of their data
capsules() {
	stop_target
	sed -i "s/\"in_capsule_data_size\": $1/\"in_capsule_data_size\": $2/" /run/target.json
	weft_target_start
}

# Queues of three kinds, and more data in a capsule than by default. Nothing is polled for: the
# in-tree host waits for its socket's lock then, where it must not sleep.
other_queues() {
	step "verify beside queues for writes and polled ones, 16 KiB in a capsule"
	capsules 4096 16384
	CONNECT_OPTIONS="--nr-io-queues=1 --nr-write-queues=1 --nr-poll-queues=1"
	pair_connect
	[ "$(cat /sys/class/nvme/nvme0/queue_count)" = 4 ] || fail "queues are missing"
	fio_verify queues 8m
	pair_disconnect
	CONNECT_OPTIONS=
	capsules 16384 4096
}

setup_net
weft_target_prepare
weft_target_start
mkdir -p /etc/nvme
[ -s /etc/nvme/hostnqn ] || nvme gen-hostnqn > /etc/nvme/hostnqn
pair_load
pair_connect
nvme_cli
pair_disconnect
if [ "$TRANSPORT" = tcp ]; then
	digests
	other_queues
fi
pair_run
stop_target
teardown_net
