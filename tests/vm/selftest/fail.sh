# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Fails: a command in the middle does.
. "$WEFT_TOP/tests/vm/lib.sh"
step "fails on purpose"
false
echo "never reached"
