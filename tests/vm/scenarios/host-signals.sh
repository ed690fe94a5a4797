# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Signals while a connect waits for a target that stands still. Those that do nothing by
# default do not end it, from a shell neither; a process that is stopped and a handler with
# SA_RESTART get another try; all others end it, and nothing is left.
# kernels: 6.1 6.12
# tier: full
# debug: yes
# timeout: 400
. "$WEFT_TOP/tests/vm/lib.sh"

# writer.py DEVICE STRING [SIGNAL[:restart]...]: connects with handlers for these signals;
# prints the errno of the write, the line that is read then, the signals that have come
cat > /run/writer.py <<'PY'
import ctypes, os, signal, sys

device, text = sys.argv[1], sys.argv[2].encode()
libc = ctypes.CDLL(None, use_errno=True)
seen = []
for name, _, restart in (a.partition(":") for a in sys.argv[3:]):
    number = signal.Signals["SIG" + name]
    signal.signal(number, lambda n, _: seen.append(signal.Signals(n).name))
    signal.siginterrupt(number, not restart)
fd = os.open(device, os.O_RDWR)
# os.write() would try again by itself
n = libc.write(fd, text, len(text))
err = 0 if n == len(text) else ctypes.get_errno()
print(err, os.read(fd, 4096).decode().strip(), "after", *sorted(seen), flush=True)
PY

target_stands_still() { grep -q '^State:.T' "/proc/$TARGET_PID/status"; }
freeze() {
	kill -STOP "$TARGET_PID"
	wait_for target_stands_still
}
thaw() { kill -CONT "$TARGET_PID"; }

waits() { compgen -G '/sys/kernel/debug/weft/nvme*' && grep -q "^State:.S" "/proc/$pid/status"; }

# writer [SIGNAL...]: in the background, and it waits
writer() {
	python3 /run/writer.py "$WEFT_FABRICS" "$string" "$@" > /run/wrote 2>&1 &
	pid=$!
	wait_for waits
}

# shell SHELL SCRIPT: likewise; $1 is the device and $2 the connect string
shell() {
	"$1" -c "$2" - "$WEFT_FABRICS" "$string" > /run/wrote 2>&1 &
	pid=$!
	wait_for waits
}

# ended PATTERN...: what it printed has lines that match
ended() {
	local want
	wait_for test ! -e "/proc/$pid"
	wait "$pid" || true
	echo "$(< /run/wrote)"
	for want; do
		grep -Eq -- "$want" /run/wrote || fail "no '$want'"
	done
}

# the connect has come to its end, and once only
connected() {
	ended "$1"
	[ "$(ls "/sys/class/$WEFT_CLASS")" = nvme0 ] || fail "$(ls "/sys/class/$WEFT_CLASS")"
	disconnect_weft 0
}

nothing_is_left() {
	[ -z "$(ls -A "/sys/class/$WEFT_CLASS")" ] || fail "left: $(ls "/sys/class/$WEFT_CLASS")"
	[ -z "$(ls -A /sys/kernel/debug/weft)" ] || fail "left: $(ls /sys/kernel/debug/weft)"
}

child_has_ended() { grep -q '^State:.Z' "/proc/$(pgrep -P "$pid")/status"; }
is_stopped() { grep -q '^State:.T' "/proc/$pid/status"; }

over() {
	step "$1: signals that do nothing by default"
	freeze
	writer CHLD CONT URG WINCH
	for s in CHLD CONT URG WINCH; do
		kill -$s "$pid"
	done
	thaw
	connected '^0 instance=0,cntlid=[0-9]+ after SIGCHLD SIGCONT SIGURG SIGWINCH$'

	step "$1: a shell's background job ends"
	for s in bash dash; do
		freeze
		shell $s 'trap "echo child" CHLD; exec 5<> "$1"; sleep 3 & printf %s "$2" >&5 && cat <&5'
		wait_for child_has_ended
		thaw
		connected '^instance=0'
		grep -q child /run/wrote || fail "$s: its trap has not run"
	done

	step "$1: stopped and continued, a handler with SA_RESTART"
	freeze
	writer USR1:restart
	kill -STOP "$pid"
	wait_for is_stopped
	kill -CONT "$pid"
	wait_for waits
	kill -USR1 "$pid"
	thaw
	connected '^0 instance=0,cntlid=[0-9]+ after SIGUSR1$'

	step "$1: interrupted"
	freeze
	for s in INT USR1; do
		writer $s
		kill -$s "$pid"
		ended "^4 error=-4,reason=.*interrupted by a signal after SIG$s\$"
		nothing_is_left
	done
	shell bash 'trap "echo trapped" TERM; exec 5<> "$1"; printf %s "$2" >&5 || cat <&5'
	kill "$pid"
	ended '^trapped$' '^error=-4,reason=.*interrupted by a signal$'
	nothing_is_left

	step "$1: ended by a signal"
	for s in HUP TERM KILL; do
		writer
		kill -$s "$pid"
		ended
		[ ! -s /run/wrote ] || fail "it has not ended at once"
		nothing_is_left
	done
	thaw
	writer_string_works
}

writer_string_works() {
	python3 /run/writer.py "$WEFT_FABRICS" "$string" > /run/wrote
	grep -q '^0 ' /run/wrote || fail "$(< /run/wrote)"
	disconnect_weft 0
}

setup_rxe
load_weft admin_timeout=600
insert_module "$WEFT_MODULES/weft-tcp.ko" icresp_timeout=600
start_target
target_with_disk
TRANSPORT=tcp target_with_disk nqn.2026-11.io.weft:disk2 bdev_malloc_create \
	'{"name":"disk2","num_blocks":16384,"block_size":512}'

string=$(connect_string)
over rdma
string=$(TRANSPORT=tcp connect_string "$RXE_ADDR" nqn.2026-11.io.weft:disk2)
over tcp

rmmod weft_tcp
unload_weft
stop_target
teardown_rxe
check_clean
