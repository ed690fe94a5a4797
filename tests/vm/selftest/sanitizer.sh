# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Ends with 0, but a program's log has a sanitizer report.
. "$WEFT_TOP/tests/vm/lib.sh"
echo "==7==ERROR: LeakSanitizer: detected memory leaks" > "$VM_OUT/target.log"
