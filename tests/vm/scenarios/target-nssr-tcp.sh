# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# What target-nssr.sh shows, over TCP.
# kernels: 6.1 6.12
# tier: full
# timeout: 600
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/scenarios/target-nssr.sh"
