#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# demo.sh: Weft's main job before the user's eyes, in a guest that `make demo` boots:
# a soft-RoCE link, the kernel host, the target, a disk over RDMA, fio with verify, and
# everything taken down again. Each command is shown as a user would type it, then its
# output; the first one that fails ends the demo with a non-zero code.
WEFT_RPC_SOCK=/var/tmp/weft.sock	# the default of weft-target and weft
. "$WEFT_TOP/tests/vm/lib.sh"

BUILD_DIR=$(realpath --relative-to=. "$WEFT_BUILD")

say() { printf '\n# %s\n' "$*"; }

# run COMMAND...: each on a line of its own with a prompt, then what it prints
run() {
	local c
	for c; do
		printf '$ %s\n' "$c"
		eval "$c" 2>&1 || fail "that ended with $?"
	done
}

say "This is Debian's kernel $(uname -r) with $(nproc) CPUs, in a virtual machine."
run "PATH=\$PWD/$BUILD_DIR/release:\$PATH"

say "An RDMA device: soft-RoCE on a virtual Ethernet link. With an RDMA NIC you skip this."
run 'ip link add v0 type veth peer name v1' \
	'ip link set v0 mtu 4200 up' \
	'ip link set v1 mtu 4200 up' \
	'ip addr add 10.9.0.1/24 dev v0' \
	'weft rxe add rxe0 v0'
wait_for rxe_is_active
run 'weft rxe list'

say "The target: an ordinary process. A RAM disk of 64 MiB, served over RDMA."
nqn=$WEFT_NQN
printf '$ weft-target &\n'
weft-target > "$VM_OUT/target.log" 2>&1 &
TARGET_PID=$! TARGET_DEAD=
at_exit "kill -9 $TARGET_PID"
wait_for -t 60 target_answers
[ -z "$TARGET_DEAD" ] || fail "the target ended while starting"
run 'weft target bdev add malloc ram0 64M' \
	'weft target transport add rdma' \
	"weft target subsystem add $nqn --serial WEFT0001 --allow-any-host" \
	"weft target ns add $nqn ram0" \
	"weft target listener add $nqn rdma 10.9.0.1:4420" \
	'weft target subsystem list'

say "The kernel host: two modules and a line of text."
run 'modprobe rdma_cm' \
	"insmod $BUILD_DIR/modules/\$(uname -r)/weft.ko" \
	"insmod $BUILD_DIR/modules/\$(uname -r)/weft-rdma.ko" \
	"echo 'transport=rdma,traddr=10.9.0.1,trsvcid=4420,nqn=$nqn' > /dev/nvme-fabrics" \
	'weft list' \
	'lsblk /dev/nvme0n1'

say "Blocks of 512 bytes to 1 MiB are written, read back and compared."
run 'cat > verify.fio <<END
[global]
filename=/dev/nvme0n1
direct=1
ioengine=io_uring
verify=crc32c
[small]
rw=randwrite
bs=4k
iodepth=32
size=8m
[mixed]
rw=randwrite
bssplit=512/20:8k/40:128k/30:1m/10
blockalign=512
iodepth=8
offset=16m
size=32m
END' \
	'fio verify.fio --output=fio.json --output-format=json'
say "What fio says (under emulation: for its correctness, not for its speed):"
python3 "$WEFT_TOP/tests/vm/fio_table.py" fio.json || fail "fio found errors"

say "A file system, as on any disk."
run 'mkfs.ext4 -q /dev/nvme0n1' \
	'mount /dev/nvme0n1 /mnt' \
	'cp -r host /mnt' \
	'diff -r host /mnt/host && echo same' \
	'umount /mnt'

say "A mistake is told in words."
printf '$ %s\n' 'weft connect transport=rdma,traddr=10.9.0.1,nqn=nqn.2026-11.io.weft:disk7'
refute weft connect transport=rdma,traddr=10.9.0.1,nqn=nqn.2026-11.io.weft:disk7 2>&1

say "And all of it goes again."
run 'weft disconnect -d nvme0' \
	'rmmod weft-rdma weft' \
	'weft target stop' \
	'weft rxe del rxe0' \
	'rmmod rdma_rxe'
rc=0
wait "$TARGET_PID" || rc=$?
[ $rc = 0 ] || fail "the target ended with $rc"
check_clean
say "Done: nothing is loaded, nothing is left."
