# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Never ends: the time limit must dump the guest's tasks and stop it.
# timeout: 25
. "$WEFT_TOP/tests/vm/lib.sh"
echo "before the hang"
sleep 100000
