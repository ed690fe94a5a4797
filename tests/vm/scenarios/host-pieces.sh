# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# More namespaces than fit in one list: the host finds those of the second piece, too, and
# sees what changes there. On our target; the in-tree one has no more than one piece.
# kernels: 6.12
# tier: full
# timeout: 400
# mem: 2G
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/lib.sh"

ALL=1030

setup_net
load_weft
python3 - "$RXE_ADDR" "$WEFT_NQN" $ALL > /run/target.json <<-'PY'
	import json, sys
	address, nqn, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
	disk = {"num_blocks": 2048, "block_size": 512}
	bdevs = [("bdev_null_create", {"name": f"null{i}", **disk}) for i in range(1, n + 1)]
	nvmf = [("nvmf_create_transport", {"trtype": "TCP"}),
	        ("nvmf_create_subsystem", {"nqn": nqn, "allow_any_host": True,
	                                   "max_namespaces": n + 1})]
	nvmf += [("nvmf_subsystem_add_ns",
	          {"nqn": nqn, "namespace": {"bdev_name": f"null{i}", "nsid": i}})
	         for i in range(1, n + 1)]
	nvmf += [("nvmf_subsystem_add_listener",
	          {"nqn": nqn, "listen_address": {"trtype": "TCP", "adrfam": "IPv4",
	                                          "traddr": address, "trsvcid": "4420"}})]
	json.dump({"subsystems": [
	    {"subsystem": name, "config": [{"method": m, "params": p} for m, p in calls]}
	    for name, calls in (("bdev", bdevs), ("nvmf", nvmf))]}, sys.stdout)
PY
start_target /run/target.json

count() { find /sys/block -maxdepth 1 -name "nvme${i}n*" | wc -l; }
# ns NSID: its disk
ns() { grep -lx "$1" /sys/block/nvme"$i"n*/nsid; }
no_ns() { ! ns "$1"; }
read_from() {
	dd if="/dev/$(basename "$(dirname "$(ns "$1")")")" of=/dev/null bs=64k count=1 \
		iflag=direct status=none
}

step "$ALL namespaces"
i=$(connect_weft "$(connect_string),nr_io_queues=1,queue_size=16")
[ "$(count)" = $ALL ] || fail "$(count) disks"
for n in 1 1024 1025 $ALL; do
	read_from $n
done

step "one of the second piece goes, another one comes"
rpc nvmf_subsystem_remove_ns "{\"nqn\":\"$WEFT_NQN\",\"nsid\":1026}"
wait_for -t 200 no_ns 1026
rpc nvmf_subsystem_add_ns "{\"nqn\":\"$WEFT_NQN\",
	\"namespace\":{\"bdev_name\":\"null1026\",\"nsid\":$((ALL + 1))}}"
wait_for -t 200 ns $((ALL + 1))
wait_for read_from $((ALL + 1))
[ "$(count)" = $ALL ] || fail "$(count) disks"

disconnect_weft "$i"
[ "$(count)" = 0 ] || fail "$(count) disks are left"
unload_weft
check_clean
stop_target
teardown_net
