# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# What host-polled.sh shows, over TCP.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 420
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/scenarios/host-polled.sh"
