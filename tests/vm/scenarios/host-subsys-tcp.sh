# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# What host-subsys.sh shows, over TCP.
# kernels: 6.1
# tier: full
# timeout: 400
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/scenarios/host-subsys.sh"
