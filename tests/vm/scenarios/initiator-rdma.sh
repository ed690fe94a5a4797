# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# The userspace initiator over NVMe/RDMA, without the kernel's host: discovery,
# commands, verified load of all sizes on several queues.
# kernels: 6.1 6.12
# tier: full
# timeout: 600
. "$WEFT_TOP/tests/vm/lib.sh"

export WEFT_RPC_SOCKET=$WEFT_RPC_SOCK
OUT=$VM_OUT/weft

weft() { "$WEFT_CLI" "$@"; }

# expect CODE COMMAND...: this exit code
expect() {
	local want=$1 rc=0
	shift
	"$@" > "$OUT.stdout" 2> "$OUT.stderr" || rc=$?
	[ $rc = "$want" ] || fail "'$*' ended with $rc instead of $want: $(cat "$OUT.stderr")"
}

# said TEXT: stderr of the last expect has it
said() { grep -qF -- "$1" "$OUT.stderr" || fail "no '$1' in: $(cat "$OUT.stderr")"; }

# field JSON-EXPRESSION: of JSON on stdin
field() { python3 -c "import json, sys; j = json.load(sys.stdin); print($1)"; }

step "a target"
setup_rxe
start_target
target_with_disk
to="transport=rdma,traddr=$RXE_ADDR,trsvcid=4420,nqn=$WEFT_NQN,queue_size=64"

step "discovery"
rpc nvmf_subsystem_add_listener '{"nqn":"nqn.2014-08.org.nvmexpress.discovery",
	"listen_address":{"trtype":"RDMA","adrfam":"IPv4","trsvcid":"4420",
	"traddr":"'"$RXE_ADDR"'"}}'
weft discover --userspace -t rdma -a "$RXE_ADDR" | tee "$OUT.log"
grep -q "rdma.*$RXE_ADDR.*4420.*$WEFT_NQN" "$OUT.log"

step "commands"
weft io identify "$to" --file "$OUT.id"
[ "$(stat -c %s "$OUT.id")" = 4096 ]
grep -q WEFT0001 "$OUT.id"
for bytes in 512 4096 65536 131072; do
	head -c $bytes /dev/urandom > "$OUT.data"
	weft io write "$to" --lba 100 --file "$OUT.data"
	weft io read "$to" --lba 100 --blocks $((bytes / 512)) --file "$OUT.back"
	cmp "$OUT.data" "$OUT.back"
	weft io compare "$to" --lba 100 --file "$OUT.data"
done
expect 8 weft io compare "$to" --lba 101 --file "$OUT.data"
said "Compare Failure"
weft io write-zeroes "$to" --lba 100 --blocks 256
weft io dsm "$to" --ranges 0+8,64+8 --deallocate
weft io flush "$to"
weft io raw "$to" --opcode 2 --nsid 1 --cdw10 100 --cdw12 255 --size 131072 --file "$OUT.back"
head -c 131072 /dev/zero > "$OUT.data"
cmp "$OUT.data" "$OUT.back"
expect 6 weft io read "$to" --lba 131072
said "LBA Out of Range"
# more than a keyed SGL can name
expect 2 weft io read "$to" --blocks 32768
said "a command over rdma moves up to 16777215"

step "load"
for bytes in 512 4096 16384 131072; do
	weft perf "$to,nr_io_queues=2" --pattern randrw --verify crc --block-size $bytes \
		--depth 16 --count 400 --json > "$OUT.json"
	[ "$(field 'j["ios"], j["errors"], j["verify"]["mismatches"]' < "$OUT.json")" = \
		"400 0 0" ]
	# the buffers were registered once; what Connect sends is not among them
	[ "$(field 'j["initiator"]["registrations"] <= 2' < "$OUT.json")" = True ]
done
weft perf "$to" --pattern randread --count 2000 --depth 32

stop_target
teardown_rxe
