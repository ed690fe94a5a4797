# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Polled queues over TCP: what rdma-poll.sh does over RDMA.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 420
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/scenarios/rdma-poll.sh"
