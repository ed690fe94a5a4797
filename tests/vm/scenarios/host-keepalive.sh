# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# A user changes the keep-alive timeout by Set Features, through ioctl and io_uring: the host
# sends and waits accordingly, at once and after the next connect. All other time limits are
# ten minutes, so it is keep-alive that notices a target that stands still. It is not sent
# under load, but is while a queue only drains.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 300
. "$WEFT_TOP/tests/vm/lib.sh"
. "$WEFT_TOP/tests/vm/counters.sh"

passthru=$WEFT_BIN/tests/vm/progs/passthru

setup_rxe
load_weft admin_timeout=600 io_timeout=600
start_target
rpc nvmf_create_transport '{"trtype":"RDMA","min_kato":1000,"kas":10}'
target_with_disk
i=$(connect_weft "$(connect_string),keep_alive_tmo=600,reconnect_delay=1,nr_io_queues=1")
ctrl=/sys/class/$WEFT_CLASS/nvme$i
nvme=/dev/nvme$i

is() { [ "$(< "$ctrl/state")" = "$1" ]; }
is_not_live() { ! is live; }
feature() { nvme get-feature "$nvme" -f 0x0f | grep -o '[^:]*$'; }
# both ends have it: milliseconds
kato_is() {
	[ "$(($(feature)))" = "$1" ] || fail "the target has $(feature), not $1"
	[ "$(< "$ctrl/kato")" = $(($1 / 1000)) ] || fail "the host has $(< "$ctrl/kato") s"
}
sent_more_than() { [ "$(counter "$i" 0 commands)" -gt "$1" ]; }
# it is idle, so all that the admin queue sends is Keep Alive
keeps_alive() { wait_for sent_more_than $(($(counter "$i" 0 commands) + 3)); }
notices_and_recovers() {
	kill -STOP "$TARGET_PID"
	wait_for -t 120 is_not_live
	grep -q 'Keep Alive: no answer' "$ctrl/last_error" || fail "$(< "$ctrl/last_error")"
	kill -CONT "$TARGET_PID"
	wait_for -t 120 is live
}

kato_is 600000

step "shorter, by ioctl"
nvme set-feature "$nvme" -f 0x0f -v 2000
kato_is 2000
keeps_alive
notices_and_recovers

step "it holds for the next connect"
kato_is 2000
nvme reset "$nvme"
kato_is 2000
keeps_alive

step "none, and then again, by io_uring"
"$passthru" kato "$nvme" 0 1
kato_is 0
sleep 1
before=$(counter "$i" 0 commands)
sleep 3
[ "$(counter "$i" 0 commands)" = "$before" ] || fail "still sent"
nvme reset "$nvme"
kato_is 0
"$passthru" kato "$nvme" 3000 1
kato_is 3000
keeps_alive
notices_and_recovers

step "a queue that only drains"
recoveries() { cat "$ctrl/statistics/recoveries"; }
load() {
	fio --name=load --filename="$(disk_of "$ctrl")" --allow_file_create=0 --direct=1 \
		--ioengine=libaio --rw=randread --bs=4k --size=32M --minimal "$@" > /dev/null
}
nvme set-feature "$nvme" -f 0x0f -v 2000
before=$(recoveries)
rpc bdev_set_qos_limit '{"name":"disk1","rw_ios_per_sec":4}'
load --iodepth=64 --number_ios=64
rpc bdev_set_qos_limit '{"name":"disk1","rw_ios_per_sec":0}'
[ "$(recoveries)" = "$before" ] || fail "lost: $(< "$ctrl/last_error")"

step "not sent where there is traffic"
nvme set-feature "$nvme" -f 0x0f -v 8000
load --iodepth=4 --rate_iops=50 --time_based --runtime=30 &
job=$!
has_commands() { [ "$(counter "$i" 1 commands)" -gt $(($1 + 20)) ]; }
wait_for has_commands "$(counter "$i" 1 commands)"
before=$(counter "$i" 0 commands)
sleep 12
# without traffic: every 2 s
sent=$(($(counter "$i" 0 commands) - before))
wait $job
[ "$sent" -le 2 ] || fail "$sent commands on the admin queue"

disconnect_weft "$i"
unload_weft
stop_target
teardown_rxe
check_clean
