# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# A known report is excused by the function it names.
# allow: WARNING: .*known_function
. "$WEFT_TOP/tests/vm/lib.sh"
echo '<4>WARNING: CPU: 0 PID: 1 at nowhere' > /dev/kmsg
echo '<4> known_function+0x12/0x34' > /dev/kmsg
