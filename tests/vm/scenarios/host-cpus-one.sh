# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# What host-cpus.sh shows, on a machine with one processor.
# kernels: 6.12
# tier: full
# timeout: 300
# smp: 1
# daemon: release
. "$WEFT_TOP/tests/vm/scenarios/host-cpus.sh"
