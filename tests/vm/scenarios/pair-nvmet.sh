# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Our host and the in-tree target. On 6.12 nvmet brings the in-tree nvme-core along, so
# our host runs beside it there, under its other names.
# kernels: 6.1 6.12
# tier: check
# check-kernels: 6.12
# timeout: 900
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/pairs.sh"

pair_load() { load_weft; }
pair_unload() { unload_weft; }
pair_unload_under_load() { weft_unload_under_load; }
pair_connect() { weft_host_connect; }
pair_disconnect() { weft_host_disconnect; }
pair_memory() { echo 0; }

# A kernel target cannot be killed; a port that lets go of its subsystem and a link that
# is down are as near as it gets.
pair_break() { rm "$NVMET/ports/1/subsystems/$WEFT_NQN"; }
pair_mend() { ln -s "$NVMET/subsystems/$WEFT_NQN" "$NVMET/ports/1/subsystems/$WEFT_NQN"; }

setup_net
nvmet_setup "$WEFT_NQN" null 128
if grep -q '^nvme_core ' /proc/modules; then
	WEFT_CLASS=weft
fi
pair_run
check_clean
nvmet_teardown
teardown_net
