# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# What tcp-data.sh shows, against our target.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 900
# daemon: release
TARGET=weft
. "$WEFT_TOP/tests/vm/scenarios/tcp-data.sh"
