# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# One of two guests fails: the other must not wait for it.
# guests: 2
. "$WEFT_TOP/tests/vm/lib.sh"
[ "$VM_ROLE" = a ] || fail "b fails on purpose"
barrier never 250
