# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# What host-namespaces.sh shows, over TCP.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 600
# mem: 2G
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/scenarios/host-namespaces.sh"
