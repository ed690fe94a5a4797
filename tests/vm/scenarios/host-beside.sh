# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Beside the in-tree nvme driver, which has an NVMe disk on the PCIe bus: both hosts read
# at the same time under names of their own, in either order of loading and unloading;
# who comes too late for a name is told so, without a kernel warning.
# kernels: 6.1 6.12
# tier: full
# timeout: 400
# qemu: -blockdev driver=null-co,node-name=pcie0,size=67108864,read-zeroes=on
# qemu: -device nvme,serial=PCIE0001,drive=pcie0
# says: weft: nvme_core is refused
# says: weft: nvme_fabrics is refused
. "$WEFT_TOP/tests/vm/lib.sh"

setup_rxe
start_target
target_with_disk

pcie_reads() { dd if=/dev/nvme0n1 of=/dev/null bs=64k count=16 iflag=direct status=none; }
both_read() {
	fio --filename=/dev/nvme0n1 --name=pcie --rw=randread --size=16M --time_based \
		--runtime=3 --direct=1 --ioengine=libaio --iodepth=8 --bs=4k \
		--minimal > "$VM_OUT/fio-pcie.txt" &
	job=$!
	fio --filename="/dev/nvme${i}n1" --name=weft --rw=randwrite --size=8M \
		--direct=1 --ioengine=libaio --iodepth=8 --bs=4k --verify=crc32c --do_verify=1 \
		--verify_fatal=1 --minimal > "$VM_OUT/fio-weft.txt"
	wait $job || fail "the PCIe disk failed"
}

step "the in-tree driver first"
WEFT_CLASS=weft
modprobe nvme
wait_for test -b /dev/nvme0n1
load_weft
dmesg | contains 'weft: control device /dev/nvme-fabrics, classes weft and .*beside'
i=$(connect_weft "$(connect_string)")
[ "$i" = 1000 ] || fail "nvme$i"
[ -c /dev/ng1000n1 ] && [ -c /dev/ng0n1 ]
[ "$(ls /sys/class/nvme)" = nvme0 ]
[ "$(ls /sys/class/weft)" = nvme1000 ]
both_read
nvme list | contains '^/dev/nvme0n1 '

step "the in-tree nvme-fabrics comes when its control device is taken"
refute modprobe nvme-fabrics 2> /dev/null
pcie_reads
[ -c /dev/nvme-fabrics ]
disconnect_weft "$i"
unload_weft
modprobe nvme-fabrics
WEFT_FABRICS=/dev/weft-fabrics
load_weft
i=$(connect_weft "$(connect_string)")
both_read

step "the in-tree driver goes and comes while ours works"
dd if=/dev/zero of="/dev/nvme${i}n1" bs=64k count=8 oflag=direct status=none
echo 1 > "$(readlink -f /sys/class/nvme/nvme0/device)/remove"
wait_for test ! -e /dev/nvme0n1
dd if="/dev/nvme${i}n1" of=/dev/null bs=64k count=8 iflag=direct status=none
echo 1 > /sys/bus/pci/rescan
wait_for test -b /dev/nvme0n1
both_read
disconnect_weft "$i"
unload_weft
[ ! -e /sys/class/weft ]
pcie_reads

step "ours first: it has the standard names, and keeps them"
modprobe -r nvme nvme-fabrics nvme-core
WEFT_CLASS=nvme WEFT_FABRICS=/dev/nvme-fabrics
load_weft
i=$(connect_weft "$(connect_string)")
[ "$i" = 0 ] || fail "nvme$i"
refute modprobe nvme 2> /dev/null
[ "$(ls /sys/class/nvme)" = nvme0 ]
dd if=/dev/nvme0n1 of=/dev/null bs=64k count=8 iflag=direct status=none
disconnect_weft 0
unload_weft
check_clean

step "and gives them back"
modprobe nvme
wait_for test -b /dev/nvme0n1
pcie_reads
modprobe -r nvme

stop_target
teardown_rxe
