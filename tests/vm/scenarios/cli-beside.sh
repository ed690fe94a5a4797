# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# The weft tool beside the kernel's own NVMe host: its names are told, and only
# Weft's controllers are listed and disconnected.
# kernels: 6.1 6.12
# tier: full
# timeout: 600
. "$WEFT_TOP/tests/vm/lib.sh"

export WEFT_RPC_SOCKET=$WEFT_RPC_SOCK
OUT=$VM_OUT/weft

weft() { "$WEFT_CLI" "$@"; }

setup_rxe
start_target
target_with_disk

for control in weft-fabrics other-fabrics; do
	step "beside nvme-core and nvme-fabrics, control device $control"
	need_modules nvme-core nvme-fabrics
	if [ $control = weft-fabrics ]; then
		weft load rdma --dir "$WEFT_MODULES" > "$OUT.stdout"
	else
		weft load rdma --dir "$WEFT_MODULES" --control-device $control > "$OUT.stdout"
	fi
	cat "$OUT.stdout"
	grep -q "control device: /dev/$control" "$OUT.stdout"
	grep -q "class weft" "$OUT.stdout"
	note_modules
	made=$(weft connect -t rdma -a "$RXE_ADDR" -n "$WEFT_NQN")
	[ "$made" = $'nvme1000\nnvme1000n1' ] || fail "made: $made"
	weft list
	weft list | contains '^nvme1000 .*live'
	weft list | contains '^nvme1000n1 .*64 MiB'
	weft discover -t rdma -a "$RXE_ADDR" | contains "$WEFT_NQN"
	[ "$(weft disconnect -n "$WEFT_NQN")" = nvme1000 ]
	[ "$(weft list)" = "no controllers" ]
	weft unload
	[ ! -e /sys/class/weft ]
done

step "alone again"
modprobe -r nvme-fabrics nvme-core
# from the build, found beside the program
weft load > "$OUT.stdout"
grep -q "class nvme" "$OUT.stdout"
note_modules
weft unload
# installed ones
mkdir -p "/lib/modules/$VM_RELEASE/updates/weft"
cp "$WEFT_MODULES"/weft*.ko "/lib/modules/$VM_RELEASE/updates/weft/"
depmod "$VM_RELEASE"
cp "$WEFT_CLI" "$VM_OUT/weft-elsewhere"
"$VM_OUT/weft-elsewhere" load
rm "$VM_OUT/weft-elsewhere"
note_modules
weft unload
check_clean
stop_target
teardown_rxe
