# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Passes: soft-RoCE comes up and goes away.
. "$WEFT_TOP/tests/vm/lib.sh"
[ "$(uname -r)" = "$VM_RELEASE" ]
setup_rxe
teardown_rxe
