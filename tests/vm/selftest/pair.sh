# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Two guests reach each other over soft-RoCE.
# guests: 2
. "$WEFT_TOP/tests/vm/lib.sh"
setup_rxe
barrier up
if [ "$VM_ROLE" = a ]; then
	timeout 60 rping -s -a "$RXE_ADDR" -C 3 &
	server=$!
	sleep 1
	barrier serving
	wait $server
else
	barrier serving
	timeout 60 rping -c -a "$RXE_PEER" -C 3 -V
fi
barrier done
teardown_rxe
