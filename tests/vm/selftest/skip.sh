# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Skips: asks for a module that no kernel has.
. "$WEFT_TOP/tests/vm/lib.sh"
need_modules weft_no_such_module
