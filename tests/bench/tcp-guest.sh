# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# shellcheck shell=bash
# TCP over the loopback of one guest. 6.1 joins neighbouring huge pages of a sender to one
# piece of a packet; within one machine the receiver's copy of that looks like a leak to the
# checks of hardened_usercopy.
# timeout: 3600
# daemon: release
# append: hardened_usercopy=off
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/bench/lib.sh"

bench_setup
bench_matrix
