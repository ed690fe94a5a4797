# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Over TCP a deletion or a signal breaks off whatever connecting waits for: the connection,
# the ICResp, the list of namespaces, a namespace after the other; and a reset waits for
# none of it longer than for a shutdown. All time limits but that are a day here, so that
# nothing else ends it.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 400
TRANSPORT=tcp
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/tcp_evil.sh"

slow=keep_alive_tmo=86400,reconnect_delay=86400
day=86400

is() { [ "$(< "$ctrl/state")" = "$1" ]; }
lines() { grep -c "^$1\$" "$log" || true; }
more_lines() { [ "$(lines "$1")" -gt "$2" ]; }
nothing_is_left() {
	[ -z "$(ls -A "/sys/class/$WEFT_CLASS")" ] || fail "left: $(ls "/sys/class/$WEFT_CLASS")"
	[ -z "$(ls -A /sys/kernel/debug/weft)" ] || fail "left: $(ls /sys/kernel/debug/weft)"
}
waits() { compgen -G '/sys/kernel/debug/weft/nvme*' && grep -q '^State:.S' "/proc/$writer/status"; }

# writer MODE: connects in the background; mute MODE: until the target is asked in vain
writer() {
	bash -c 'exec 5<> "$1"; printf %s "$2" >&5' - "$WEFT_FABRICS" "$(to "$1"),$slow" &
	writer=$!
	wait_for waits
}
mute() {
	local n
	n=$(lines "$1 mute")
	"${@:2}"
	wait_for more_lines "$1 mute" "$n"
}
ended_by_signal() {
	kill -TERM $writer
	wait_for -t 120 test ! -e /proc/$writer
	wait $writer && fail "it has ended well"
	nothing_is_left
}

# connect MODE: sets ctrl
connect() { ctrl=/sys/class/$WEFT_CLASS/nvme$(connect_weft "$(to "$1"),$slow,nr_io_queues=1"); }
# it is reset, in the background; sets resetter
lose() {
	{ echo 1 > "$ctrl/reset_controller" || true; } 2> /dev/null &
	resetter=$!
}
deleted() {
	wait_for is connecting
	timeout 120 bash -c "echo 1 > $ctrl/delete_controller" || fail "the deletion hangs"
	wait $resetter
	nothing_is_left
}

setup_net
need_modules sch_netem
insert_module "$WEFT_MODULES/weft.ko" admin_timeout=$day shutdown_timeout=2 delete_timeout=2
insert_module "$WEFT_MODULES/weft-tcp.ko" connect_timeout=$day icresp_timeout=$day
evil_start good ic-mute ic-once ns-mute ns-slow

step "a signal, while there is no ICResp"
mute ic-mute writer ic-mute
ended_by_signal

step "a signal, while namespaces are looked at: the controller is live, and goes"
mute ns-mute writer ns-mute
ctrl=/sys/class/$WEFT_CLASS/nvme0
wait_for is live
ended_by_signal

step "a reset, while namespaces are looked at in vain: it waits as long as for a shutdown"
mute ns-mute writer ns-mute
wait_for is live
mute ns-mute lose
wait $resetter
wait $writer || fail "the connect has failed"
wait_for is live
timeout 120 bash -c "echo 1 > $ctrl/delete_controller" || fail "the deletion hangs"
nothing_is_left

step "deleted, while there is no ICResp"
connect ic-once
mute ic-once lose
deleted

step "a signal, while TCP connects"
tc qdisc add dev lo root netem loss 100%
writer good
ended_by_signal
tc qdisc delete dev lo root

step "deleted, while TCP connects"
connect good
tc qdisc add dev lo root netem loss 100%
lose
deleted
tc qdisc delete dev lo root

# rescan: and wait until it has begun
rescan() {
	local n
	n=$(lines 'ns-slow absent 2')
	echo 1 > "$ctrl/rescan_controller"
	wait_for more_lines 'ns-slow absent 2' "$n"
}

step "a command that may change namespaces, while they are looked at: they are once more"
connect ns-slow
rescan
# Namespace Management, which this target does not know
nvme admin-passthru "/dev/${ctrl##*/}" --opcode=0x0d --namespace-id=1 2> /dev/null || true
[ "$(lines 'ns-slow absent 200')" = 2 ] || fail "it has not been waited for"

step "deleted, while namespaces are looked at: the rest is left out, and nothing is forced"
echo $day > /sys/module/weft/parameters/delete_timeout
rescan
timeout 120 bash -c "echo 1 > $ctrl/delete_controller" || fail "the deletion hangs"
nothing_is_left
[ "$(lines 'ns-slow absent 200')" = 2 ] || fail "the scan has gone on to its end"

kill $evil
unload_weft
check_clean
teardown_net
