# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# The kernel panics under the script.
. "$WEFT_TOP/tests/vm/lib.sh"
echo c > /proc/sysrq-trigger
