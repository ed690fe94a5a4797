# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Our host and our target: data, file system, a killed target, removal under load.
# kernels: 6.1 6.12
# tier: check
# check-kernels: 6.1
# timeout: 900
# scratch: 512M
# daemon: release
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/pairs.sh"

pair_load() { load_weft; }
pair_unload() { unload_weft; }
pair_unload_under_load() { weft_unload_under_load; }
pair_connect() { weft_host_connect; }
pair_disconnect() { weft_host_disconnect; }
pair_break() { kill_target; }
pair_mend() { weft_target_start; }
pair_memory() { target_resident_kib; }

setup_net
weft_target_prepare
weft_target_start
pair_run
check_clean
stop_target
teardown_net
