# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# A target that comes back and takes smaller transfers than before: large writes that have
# waited for it are split anew, and none fails.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 300
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/paths.sh"

largest() { cat "/sys/block/${disk#/dev/}/queue/max_hw_sectors_kb"; }
is_largest() { [ "$(largest)" = "$1" ]; }
transport() { rpc nvmf_create_transport "{\"trtype\":\"TCP\",\"max_io_size\":$(($1 << 10))}"; }

# comes_back_with KiB
comes_back_with() {
	local listen='"trtype":"TCP","adrfam":"IPv4","trsvcid":"4420","traddr":"'$RXE_ADDR'"'
	listen="{\"nqn\":\"$WEFT_NQN\",\"listen_address\":{$listen}}"
	rpc nvmf_subsystem_remove_listener "$listen"
	wait_for ctrl_is "$i" connecting
	rpc nvmf_delete_transport '{"trtype":"TCP"}'
	transport "$1"
	rpc nvmf_subsystem_add_listener "$listen"
	wait_for ctrl_is "$i" live
	wait_for is_largest "$1"
}

# smaller_transfers [MULTIPATH]
smaller_transfers() {
	load_weft ${1:+multipath="$1"}
	i=$(connect_weft "$(connect_string),reconnect_delay=1")
	disk=$(disk_of "$(ctrl_dir "$i")")
	[ "$(largest)" = 1024 ] || fail "it takes $(largest) KiB"
	echo 1024 > "/sys/block/${disk#/dev/}/queue/max_sectors_kb"
	# shellcheck disable=SC2086 # words
	background narrow $VERIFY --bs=1M --iodepth=8 --size=60M --rate_iops=2
	comes_back_with 128
	comes_back_with 16
	kill -0 $job || fail "fio did not wait"
	wait $job || fail "fio: $(tail -n 3 "$VM_OUT/fio-narrow.txt")"
	comes_back_with 1024
	disconnect_weft "$i"
	unload_weft
}

setup_net
start_target
transport 1024
target_with_disk

step "smaller transfers"
smaller_transfers
step "smaller transfers, multipath=N"
smaller_transfers N

stop_target
teardown_net
check_clean
