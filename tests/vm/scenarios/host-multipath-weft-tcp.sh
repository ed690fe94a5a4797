# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# What host-multipath-weft.sh shows, over TCP.
# kernels: 6.1 6.12
# tier: full
# daemon: release
# timeout: 400
# scratch: 256M
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/scenarios/host-multipath-weft.sh"
