# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Ends with 0, but the kernel log has a report.
. "$WEFT_TOP/tests/vm/lib.sh"
echo '<4>WARNING: CPU: 0 PID: 1 at nowhere' > /dev/kmsg
