# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# The in-tree host and our target over TCP: what pair-intree.sh does over RDMA, and all
# combinations of digests and kinds of queues. 6.1 joins neighbouring huge pages of a sender
# to one piece of a packet; within one machine the receiver's copy of that looks like a leak
# to the checks of hardened_usercopy.
# kernels: 6.1 6.12
# tier: check
# check-kernels: 6.12
# timeout: 900
# scratch: 512M
# daemon: release
# append: hardened_usercopy=off
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/scenarios/pair-intree.sh"
