# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# A device that the head asks QEMU for, and a line that the kernel log must have.
# qemu: -device nvme,serial=SELFTEST
# says: a line of the selftest
. "$WEFT_TOP/tests/vm/lib.sh"
grep -q 0x010802 /sys/bus/pci/devices/*/class
echo "a line of the selftest" > /dev/kmsg
