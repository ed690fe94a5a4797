# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Our host and our target over TCP with digests: what pair-weft.sh does over RDMA.
# kernels: 6.1 6.12
# tier: check
# check-kernels: 6.12
# debug: yes
# timeout: 900
# scratch: 512M
# daemon: release
TRANSPORT=tcp
PAIR_OPTIONS=,hdr_digest,data_digest
. "$WEFT_TOP/tests/vm/scenarios/pair-weft.sh"
