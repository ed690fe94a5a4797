# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
# Every allocation of a connect fails once: the n-th one of the writing task, for each n
# up to the last. Whatever fails, the write ends with an error and its reason, nothing is
# left, and the next connect succeeds. STRIDE=1 takes every n; the default a part of them.
# kernels: debug
# debug: yes
# rxe's own, when it fails to create a queue pair: timers that were never set up
# allow: rxe_qp_do_cleanup
# allow: ODEBUG: assert_init not available .*timer_list
# what the driver core says of a fault within it
# allow: kobject_add_internal failed for .*error: -12
# timeout: 900
. "$WEFT_TOP/tests/vm/lib.sh"

[ -d /sys/kernel/debug/failslab ] || skip "the kernel has no fault injection"
setup_rxe
nvmet_setup "$WEFT_NQN" null 16
load_host_beside_nvmet

for f in failslab fail_page_alloc; do
	echo 0 > "/sys/kernel/debug/$f/verbose"
	echo N > "/sys/kernel/debug/$f/ignore-gfp-wait"
done
echo 0 > /sys/kernel/debug/fail_page_alloc/min-order

cat > /run/faults.py <<'PY'
import os, sys, threading

dev, cls, opts, stride = sys.argv[1], sys.argv[2], sys.argv[3].encode(), int(sys.argv[4])
NTH = f"/proc/self/task/{threading.get_native_id()}/fail-nth"

def connect(nth):
    """(reason or None, was the fault used up?)"""
    dev_fd = os.open(dev, os.O_RDWR)
    nth_fd = os.open(NTH, os.O_RDWR)
    os.write(nth_fd, str(nth).encode())
    try:
        os.write(dev_fd, opts)
        err = None
    except OSError as e:
        err = e
    left = int(os.pread(nth_fd, 16, 0).rstrip(b"\0\n") or 0)
    os.write(nth_fd, b"0")
    os.close(nth_fd)
    line = os.read(dev_fd, 4096).decode()
    os.close(dev_fd)
    if err is None:
        ctrl = "nvme" + line.split("=")[1].split(",")[0]
        with open(f"/sys/class/{cls}/{ctrl}/delete_controller", "w") as f:
            f.write("1")
    elif "reason=" not in line:
        raise SystemExit(f"fault {nth}: {err}, but no reason: {line!r}")
    if os.listdir(f"/sys/class/{cls}"):
        raise SystemExit(f"fault {nth}: a controller is left")
    return (line.strip() if err else None), left == 0

nth, failed, survived = 1, 0, 0
while True:
    reason, used = connect(nth)
    if not used:
        break
    if reason:
        failed += 1
        print(f"{nth}: {reason}")
    else:
        survived += 1
    nth += 1 if nth < 12 else stride
print(f"up to allocation {nth}: {failed} connects failed, {survived} went on")
if failed < 5:
    raise SystemExit("hardly anything failed: is the fault injection at work?")
if connect(0)[0]:
    raise SystemExit("no connect afterwards")
PY
step "faults"
python3 /run/faults.py "$WEFT_FABRICS" "$WEFT_CLASS" \
	"$(connect_string),nr_io_queues=1,queue_size=16" "${STRIDE:-5}"
unload_weft
nvmet_teardown
teardown_rxe
check_clean
