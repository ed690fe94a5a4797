# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# The weft tool alone: soft-RoCE, modules, a target with a disk, discovery,
# connecting, listing, disconnecting, unloading; refusals and their exit codes.
# kernels: 6.1 6.12
# tier: check
# check-kernels: 6.12
# debug: yes
# timeout: 600
. "$WEFT_TOP/tests/vm/lib.sh"

export WEFT_RPC_SOCKET=$WEFT_RPC_SOCK
NQN2=nqn.2026-11.io.weft:disk2
OUT=$VM_OUT/weft

weft() { "$WEFT_CLI" "$@"; }

# expect CODE COMMAND...: this exit code, and something said on stderr
expect() {
	local want=$1 rc=0
	shift
	"$@" > "$OUT.stdout" 2> "$OUT.stderr" || rc=$?
	[ $rc = "$want" ] || fail "'$*' ended with $rc instead of $want: $(cat "$OUT.stderr")"
	[ "$want" = 0 ] || [ -s "$OUT.stderr" ] || fail "'$*' said nothing"
}

# said TEXT: stderr of the last expect has it
said() { grep -qF -- "$1" "$OUT.stderr" || fail "no '$1' in: $(cat "$OUT.stderr")"; }

# field JSON-EXPRESSION: of JSON on stdin
field() { python3 -c "import json, sys; j = json.load(sys.stdin); print($1)"; }

step "soft-RoCE"
ip link add v0 type veth peer name v1
ip addr add "$RXE_ADDR/24" dev v0
ip link set v0 mtu 4200 up
ip link set v1 mtu 4200 up
expect 3 weft rxe add rxe0 nosuchdev
said "no such network interface"
weft rxe add rxe0 v0
expect 1 weft rxe add rxe0 v1
expect 1 weft rxe add rxe1 v0
active() { [ "$(weft rxe list --json | field 'j[0]["state"]')" = active ]; }
wait_for active
[ "$(weft rxe list --json | field '[(d["name"], d["netdev"]) for d in j]')" = "[('rxe0', 'v0')]" ]
weft rxe list
rdma link show

step "modules"
expect 3 weft list
said "weft load"
expect 3 weft unload
expect 3 weft load rdma --dir "$VM_OUT"
# both or none: a transport that is not there, and one that is not taken
core_only=$VM_OUT/core
mkdir "$core_only"
cp "$WEFT_MODULES/weft.ko" "$core_only"
expect 3 weft load rdma --dir "$core_only"
said "weft-rdma.ko"
[ ! -e /sys/module/weft ] || fail "the core is loaded without a transport"
cp "$core_only/weft.ko" "$core_only/weft-rdma.ko"
expect 1 weft load rdma --dir "$core_only"
said "a name that it needs is taken"
[ "$(cat "$OUT.stdout")" = "weft: loaded
weft: unloaded" ] || fail "not loaded and unloaded: $(cat "$OUT.stdout")"
[ ! -e /sys/module/weft ] || fail "the core is loaded without a transport"
weft load rdma --dir "$WEFT_MODULES"
weft load rdma --dir "$WEFT_MODULES" > "$OUT.stdout"
grep -q "loaded already" "$OUT.stdout"
expect 1 weft load rdma --dir "$WEFT_MODULES" --control-device other
said "loaded already and its control device is nvme-fabrics"
note_modules
[ "$(weft list)" = "no controllers" ]

step "target"
expect 3 weft target status
start_target
weft target transport add rdma --max-io-queues 4
weft target bdev add malloc disk1 64M
weft target bdev add null disk2 1G --block-size 4K
weft target subsystem add "$WEFT_NQN" --serial WEFT0001 --model "Weft test" --allow-any-host
weft target subsystem add "$NQN2" --allow-any-host
[ "$(weft target ns add "$WEFT_NQN" disk1)" = 1 ]
[ "$(weft target ns add "$NQN2" disk2)" = 1 ]
weft target listener add "$WEFT_NQN" rdma "$RXE_ADDR:4420"
weft target listener add "$NQN2" rdma "$RXE_ADDR"
weft target subsystem list

step "discovery"
weft discover -t rdma -a "$RXE_ADDR"
weft discover -t rdma -a "$RXE_ADDR" --json > "$OUT.json"
for n in "$WEFT_NQN" "$NQN2"; do
	[ "$(field "sum(r['subnqn'] == '$n' for r in j['records'])" < "$OUT.json")" = 1 ] ||
		fail "discovery does not list $n once: $(cat "$OUT.json")"
done
# the status of one that has no such log page is the exit code
expect 7 weft discover -t rdma -a "$RXE_ADDR" -n "$WEFT_NQN"
said "discovery log page: Invalid Log Page (status "
[ "$(weft list)" = "no controllers" ] || fail "discovery left a controller"

step "connecting"
expect 1 weft connect -t rdma -a "$RXE_ADDR" -n nqn.2026-11.io.weft:nosuch
said "not connected: "
expect 1 weft connect -t rdma -a "$RXE_ADDR" -s 4499 -n "$WEFT_NQN" --ctrl-loss-tmo 0
expect 2 weft connect -t rdma -a "$RXE_ADDR" -n "$WEFT_NQN" --queue-size 7
said "accepted range is 16-1024"
made_text=$(weft connect -t rdma -a "$RXE_ADDR" -n "$WEFT_NQN" -i 2)
mapfile -t made <<< "$made_text"
[ "${#made[@]}" = 2 ] && [ "${made[1]}" = "${made[0]}n1" ] || fail "made: ${made[*]}"
[ -c "/dev/${made[0]}" ] && [ -b "/dev/${made[1]}" ]
expect 1 weft connect -t rdma -a "$RXE_ADDR" -n "$WEFT_NQN" -i 2
weft connect "transport=rdma,traddr=$RXE_ADDR,nqn=$NQN2,nr_io_queues=1" --json > "$OUT.json"
second=$(field 'j["controller"]' < "$OUT.json")
[ "$(field 'j["namespaces"]' < "$OUT.json")" = "['${second}n1']" ]

step "listing"
weft list
weft list --json > "$OUT.json"
check='[(c["name"], c["state"], c["transport"], c["subsysnqn"]) for c in j["controllers"]]'
want="[('${made[0]}', 'live', 'rdma', '$WEFT_NQN'), ('$second', 'live', 'rdma', '$NQN2')]"
[ "$(field "$check" < "$OUT.json")" = "$want" ] || fail "$(cat "$OUT.json")"
check='[(n["name"], n["nsid"], n["size"], n["block_size"]) for n in j["namespaces"]]'
want="[('${made[1]}', 1, $((64 << 20)), 512), ('${second}n1', 1, $((1 << 30)), 4096)]"
[ "$(field "$check" < "$OUT.json")" = "$want" ] || fail "$(cat "$OUT.json")"
weft list | contains "WEFT0001"
weft target controllers "$WEFT_NQN"
queues=$(weft target controllers "$WEFT_NQN" --json | field '[c["num_io_qpairs"] for c in j]')
[ "$queues" = "[2]" ]

step "data"
fio --name=verify --filename="/dev/${made[1]}" --rw=randrw --bs=4k --size=2m --direct=1 \
	--verify=crc32c --do_verify=1 --ioengine=psync > "$VM_OUT/fio.log"
weft target bdev stat disk1

step "leaving"
exec {held}< "/dev/${made[1]}"
expect 1 weft unload
said "${made[0]} (live), $WEFT_NQN"
said "held open by"
expect 3 weft disconnect -n nqn.2026-11.io.weft:nosuch
expect 3 weft disconnect -d nvme999
expect 2 weft disconnect
exec {held}<&-
[ "$(weft disconnect -d "/dev/${made[1]}")" = "${made[0]}" ]
[ "$(weft disconnect -n "$NQN2")" = "$second" ]
[ "$(weft list)" = "no controllers" ]
weft disconnect --all
weft connect -t rdma -a "$RXE_ADDR" -n "$WEFT_NQN"
weft connect -t rdma -a "$RXE_ADDR" -n "$NQN2"
[ "$(weft disconnect --all | wc -l)" = 2 ]
note_modules
weft unload
check_clean

step "the target stops"
weft target stop
wait "$TARGET_PID" || fail "the target ended with $?"
TARGET_PID=
expect 3 weft target status
weft rxe del rxe0
expect 3 weft rxe del rxe0
[ "$(weft rxe list --json)" = "[]" ]
ip link del v0
