# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# The kernel log lacks a line that the head asks for.
# says: never said
. "$WEFT_TOP/tests/vm/lib.sh"
