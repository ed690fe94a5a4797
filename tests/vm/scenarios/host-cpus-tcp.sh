# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# What host-cpus.sh shows, over TCP.
# kernels: 6.1 6.12
# tier: full
# timeout: 300
# smp: 8
# daemon: release
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/scenarios/host-cpus.sh"
