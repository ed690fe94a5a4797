# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# The scratch disk is there, empty and writable.
# scratch: 64M
. "$WEFT_TOP/tests/vm/lib.sh"
wait_for test -b "$VM_SCRATCH"
[ "$(blockdev --getsize64 "$VM_SCRATCH")" = $((64 << 20)) ]
mkfs.ext4 -q "$VM_SCRATCH"
mount "$VM_SCRATCH" /mnt
