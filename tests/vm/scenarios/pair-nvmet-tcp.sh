# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Our host and the in-tree target over TCP: what pair-nvmet.sh does over RDMA.
# kernels: 6.1 6.12
# tier: check
# check-kernels: 6.1
# debug: yes
# timeout: 900
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/scenarios/pair-nvmet.sh"
