# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# How a controller is tried again and given up: the pauses and what reconnect_status says
# of them, limits that change meanwhile, a refusal for good against a target that is only
# away; the first attempt; commands and resets of users while a controller is away.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 400
. "$WEFT_TOP/tests/vm/lib.sh"

setup_net
nvmet_setup "$WEFT_NQN" null 64
load_host_beside_nvmet
sub=$NVMET/subsystems/$WEFT_NQN
other=nqn.2026-11.io.weft:other

gone() { rm "$NVMET/ports/1/subsystems/$WEFT_NQN"; }
back() { ln -s "$sub" "$NVMET/ports/1/subsystems/$WEFT_NQN"; }
connect() {
	i=$(connect_weft "$(connect_string),keep_alive_tmo=2${1:+,$1}")
	ctrl=/sys/class/$WEFT_CLASS/nvme$i
	disk=/dev/nvme${i}n1
}
is() { [ "$(cat "$ctrl/state")" = "$1" ]; }
not_there() { [ ! -e "$ctrl" ]; }
# field NAME: of reconnect_status
field() { sed -n "s/.*\b$1=\([^,]*\).*/\1/p" "$ctrl/reconnect_status"; }
at_attempt() { [ "$(field attempt)" -ge "$1" ]; }
lives_again() { dmesg | contains 'connected again'; }
reads() { dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none; }

step "pauses grow up to reconnect_delay, and the status says so"
connect reconnect_delay=3
[ "$(cat "$ctrl/reconnect_status")" = "attempt=0,elapsed=-1,limit=600000,next=-1,error=" ] ||
	fail "$(cat "$ctrl/reconnect_status")"
dmesg -C
gone
wait_for is connecting
wait_for at_attempt 2
echo "$(cat "$ctrl/reconnect_status")"
grep -q 'error=.*refused' "$ctrl/reconnect_status" || fail "no reason"
[ "$(field elapsed)" -gt 0 ]
[ "$(field next)" -le 3000 ]
wait_for at_attempt 5
pauses=$(dmesg | sed -n 's/.*attempt [0-9]* failed: .*next in \([0-9.]*\) s.*/\1/p' | head -5 | xargs)
[ "$pauses" = "0.5 1.0 2.0 3.0 3.0" ] || fail "pauses were $pauses"
back
wait_for is live
[ "$(field attempt)" = 0 ]
[ "$(field next)" = -1 ]
reads

step "limits that change meanwhile hold at once"
echo 600 > "$ctrl/reconnect_delay"
gone
wait_for is connecting
# the pauses before are 0.5, 1, 2, 4, 8 and 16 s
wait_for -t 120 at_attempt 7
[ "$(field next)" -gt 20000 ] || fail "$(cat "$ctrl/reconnect_status")"
back
# a new delay tries again now
echo 1 > "$ctrl/reconnect_delay"
wait_for is live
gone
wait_for is connecting
echo 1 > "$ctrl/fast_io_fail_tmo"
refute timeout 60 dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct 2> /dev/null
echo -1 > "$ctrl/ctrl_loss_tmo"
[ "$(field limit)" = -1 ]
is connecting
echo 1 > "$ctrl/ctrl_loss_tmo"
wait_for not_there
back

step "refused for good"
mkdir "$NVMET/subsystems/$other"
echo 1 > "$NVMET/subsystems/$other/attr_allow_any_host"
ln -s "$NVMET/subsystems/$other" "$NVMET/ports/1/subsystems/$other"
connect reconnect_delay=3,ctrl_loss_tmo=-1
dmesg -C
gone
wait_for is connecting
wait_for at_attempt 1
grep -q "error=Connect of queue 0" "$ctrl/reconnect_status" ||
	fail "$(cat "$ctrl/reconnect_status")"
back
# not yet for good: it was only away
wait_for is live
reads
dmesg -C
gone
wait_for not_there
dmesg | contains 'refused it for 3 s.*removing it' || fail "no word of the refusal"
back

step "a host that is not allowed any more"
connect reconnect_delay=1,ctrl_loss_tmo=-1
echo 0 > "$sub/attr_allow_any_host"
echo 1 > "$ctrl/reset_controller" 2> /dev/null || true
wait_for not_there
echo 1 > "$sub/attr_allow_any_host"

step "the first attempt comes at once"
connect reconnect_delay=600
dmesg -C
gone
back
# a pause of reconnect_delay would take longer than this waits
wait_for lives_again
is live
disconnect_weft "$i"

step "commands and resets of users while it is away"
# a refusal becomes one for good after reconnect_delay
connect reconnect_delay=60
coproc AWAY { "$WEFT_BIN/tests/vm/progs/passthru" away "/dev/ng${i}n1" "/dev/nvme$i" 1; }
answers=${AWAY[0]} questions=${AWAY[1]} pid=$AWAY_PID
while read -r line <&"$answers" && [ "$line" != open ]; do :; done
gone
wait_for is connecting
echo >&"$questions"
wait "$pid" || fail "wrong answers while the controller is away"
refute bash -c "echo 1 > $ctrl/reset_controller" 2> /dev/null
back
wait_for -t 120 is live
echo 1 > "$ctrl/reset_controller"
is live
disconnect_weft "$i"

rm "$NVMET/ports/1/subsystems/$other"
rmdir "$NVMET/subsystems/$other"
unload_weft
nvmet_teardown
teardown_net
check_clean
