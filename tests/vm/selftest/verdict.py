#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Which lines of a kernel log are a report, which only look like one, and what a guest
that was not searched for leaks comes to.

The directory of verdict.py is the argument.
"""

import os
import sys
import tempfile

sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True

import verdict  # noqa: E402  (its directory is known only now)

REPORTS = [
    "WARNING: CPU: 0 PID: 1 at nowhere",
    "rcu: INFO: rcu_preempt self-detected stall on CPU",
    "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
    "rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 0-...D }",
    "rcu: rcu_preempt kthread starved for 2501 jiffies! g-1 f0x0 RCU_GP_WAIT_FQS(5)",
    "INFO: task kworker/0:1:7 blocked for more than 120 seconds.",
    "watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [fio:7]",
    # lockdep, of a lock that nobody initialised; it is off from there on
    "INFO: trying to register non-static key.",
    "turning off the locking correctness validator.",
    # heads of an oops: only newer kernels put a word before each
    "divide error: 0000 [#1] PREEMPT SMP NOPTI",
    "invalid opcode: 0000 [#2] PREEMPT SMP",
    "stack segment: 0000 [#1] PREEMPT SMP NOPTI",
    "int3: 0000 [#1] PREEMPT SMP NOPTI",
    "Oops: divide error: 0000 [#1] PREEMPT SMP NOPTI",
    "general protection fault, maybe for address 0xffff: 0000 [#1] PREEMPT SMP",
    # what looks for faults has given up
    "DMA-API: debugging out of memory - disabling",
    "kmemleak: Cannot allocate a kmemleak_object structure",
    "kmemleak: Kernel memory leak detector disabled",
    # what was written to, or left behind
    "BUG kmalloc-64 (Tainted: G           O      ): Poison overwritten",
    "BUG weft_req (Not tainted): Objects remaining in weft_req on __kmem_cache_shutdown()",
    "unregister_netdevice: waiting for v0 to become free. Usage count = 2",
    "debugfs: Directory 'weft0' with parent 'weft' already present!",
    "debugfs: File 'state' in directory 'weft0' already present!",
    "Attempt to release TCP socket in state 1 00000000a1b2c3d4",
    "Attempt to release alive inet socket 00000000a1b2c3d4",
    "NMI watchdog: Watchdog detected hard LOCKUP on cpu 0",
]

HARMLESS = [
    # two lines of the boot, the end of the first lost by the serial port
    "rcu: RCU restricting CPUs from NR_CPUS=8192 to nr_cpu_id[    0.199594]"
    " RCU CPU stall warnings timeout set to 180 (rcu_cpu_stall_timeout).",
    "[    0.000000] Command line: console=ttyS0 hung_task_panic=0 hung task",
    "DMA-API: preallocated 65536 debug entries",
    "DMA-API: debugging enabled by kernel config",
    "kmemleak: Kernel memory leak detector initialized (mem pool available: 38863)",
]

CIRCULAR = "WARNING: possible circular locking dependency detected"
NVMET = ["(nvmet_config_sem){++++}-{3:3}, at: nvmet_port_subsys_drop_link+0x4a/0x300 [nvmet]"]
OURS = [" __flush_work+0x59a/0x8f0", " weft_delete_sync+0x1f/0x30 [weft]"]
RXE = "BUG: KASAN: slab-out-of-bounds in rxe_mr_copy+0x3dd/0x450 [rdma_rxe]"
READS, WRITES = (f"{how} of size 8 at addr ffff88800aebd200 by task weft-target/139"
                 for how in ("Read", "Write"))
DO_TASK = ["BUG: KASAN: use-after-free in rxe_do_task+0x236/0x280 [rdma_rxe]",
           "Write of size 4 at addr ffff88800f070a10 by task weft-target/157"]
FREED = ["Freed by task 189:", " kfree+0xcb/0x150", " ib_destroy_qp_user+0x29a/0x3d0"]
NO_KEY = ["INFO: trying to register non-static key.",
          "The code is fine but needs lockdep annotation, or maybe",
          "you didn't initialize this object before use?",
          "turning off the locking correctness validator."]
# what a scenario allows, in the trace or somewhere else
EXCUSED = [
    ([*NO_KEY, " rxe_qp_do_cleanup+0x60a/0x8a0 [rdma_rxe]"], False),
    ([*NO_KEY, *OURS], True),
    ([NO_KEY[0], *OURS, *OURS, "rxe_qp_do_cleanup", NO_KEY[3]], True),
]
# of several lines: whether they are a report
BLOCKS = [
    ([CIRCULAR, *NVMET], False),
    ([CIRCULAR, *OURS], True),
    ([CIRCULAR, *NVMET, *OURS], True),
    ([RXE, READS], False),
    ([RXE, WRITES], True),
    ([RXE, READS, *OURS], True),
    ([*DO_TASK, *FREED, *OURS], False),
    ([*DO_TASK, FREED[0], *OURS], True),
]

FLAGS = {
    "RSP: 0018:ff58b213811277f0 EFLAGS: 684622c2": True,
    "RSP: 0018:ff58b213811277f0 EFLAGS: 00250246": False,
    "RSP: 002b:00007ffd17349280 EFLAGS: 00000246 ORIG_RAX: 00000000000001aa": False,
}

# of a guest whose script ended with 0: its files, whether it has the debug kernel, its state
ADDR = {"modules.addr": "weft 0xffffffffa0000000 552960"}
LEAK = ["unreferenced object 0xffff888006c4e8c0 (size 64):", "  backtrace:",
        "    [<0000000012345678>] 0xffffffffa0001234"]
RESULTS = [
    (ADDR, False, "ok"),
    ({}, True, "ok"),
    (ADDR | {"kmemleak.log": ""}, True, "ok"),
    (ADDR | {"kmemleak.log": "\n".join(LEAK)}, True, "FAIL"),
    # the two scans did not come about
    (ADDR, True, "FAIL"),
]

WARNS = ["WARNING: CPU: 0 PID: 37 at lib/refcount.c:28 refcount_warn_saturate+0xbe/0x110",
         "Modules linked in: rdma_rxe", "RIP: 0010:refcount_warn_saturate+0xbe/0x110"]
# whether the first report shows such flags
FIRST = [
    (["refcount_t: underflow; use-after-free.", "", *WARNS, "EFLAGS: 0a30a682"], True),
    (["refcount_t: underflow; use-after-free.", *WARNS, "EFLAGS: 00000246"], False),
    ([*WARNS, "EFLAGS: 00000246", "BUG: unable to handle page fault", "EFLAGS: 0a30a682"], False),
    (["all is well"], False),
]


def state(files, debug):
    """What verdict.judge makes of a result folder with these files."""
    with tempfile.TemporaryDirectory() as out:
        for name, text in (files | {"exit-code": "0"}).items():
            with open(os.path.join(out, name), "w", encoding="utf-8") as f:
                f.write(text)
        return verdict.judge(out, [], debug=debug)[0]


wrong = [line for line in REPORTS if not verdict.kernel_reports([line], [])]
wrong += [line for line in HARMLESS if verdict.kernel_reports([line], [])]
wrong += [lines for lines, bad in BLOCKS if bool(verdict.kernel_reports(lines, [])) != bad]
wrong += [lines for lines, bad in EXCUSED
          if bool(verdict.kernel_reports(lines, ["rxe_qp_do_cleanup"])) != bad]
wrong += [line for line, bad in FLAGS.items() if verdict.impossible_flags([line]) != bad]
wrong += [lines for lines, bad in FIRST
          if verdict.impossible_flags(verdict.first_report(lines)) != bad]
wrong += [(files, debug) for files, debug, want in RESULTS if state(files, debug) != want]
for line in wrong:
    print(f"judged wrongly: {line}")
sys.exit(bool(wrong))
