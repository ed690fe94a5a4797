# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Judges a finished guest by its kernel log and by the logs of its programs.

A scenario whose script ended with 0 still fails when the kernel or a sanitizer
reported anything. Used by tools/vm/run.
"""

import glob
import os
import re

KERNEL_REPORT = re.compile(
    r"BUG:|WARNING:|Oops|: [0-9a-f]{4} \[#\d+\]|KASAN|UBSAN:|KFENCE|kernel BUG at|Kernel panic|"
    r"possible recursive locking|possible circular locking|"
    r"inconsistent lock state|possible irq lock inversion|suspicious RCU usage|"
    r"lock held when returning to user|DEBUG_LOCKS_WARN_ON|non-static key|"
    r"turning off the locking correctness validator|"
    r"INFO: task .* blocked|hung task|rcu: .*(?:detected (?:expedited )?stall|kthread starved)|"
    r"leak detector disabled|Cannot allocate a kmemleak_object|"
    r"leaked reference|refcount_t:|unreferenced object|list_(?:add|del) corruption|"
    r"general protection|page fault in|Unable to handle|DMA-API:|ODEBUG:|"
    r"page allocation failure|nobody cared|sysfs: cannot create duplicate|"
    r"kobject_add_internal failed|Object .* (?:was not freed|still has objects)|"
    r"BUG \S+ \(|(?:Objects|objects?) remaining in|Out of memory: Killed|hard LOCKUP|"
    r"unregister_netdevice: waiting|debugfs: .*already present|Attempt to release .*socket")

# said by every boot of a kernel that is built or run this way; no fault of anybody
KERNEL_HARMLESS = re.compile(
    r"KASAN: (?:kernel|generic)|KernelAddressSanitizer initialized|"
    r"DMA-API: (?:preallocated|debugging enabled)|"
    r"kasan: Kernel|ODEBUG: selftest passed|[Kk]ernel command line:|\] Command line:")

# what in-tree drivers say of themselves; a report that goes through our code is never these
IN_TREE = [
    # nvmet: a port lets go of its subsystem
    r"possible circular locking.*nvmet_config_sem",
    # nvmet-tcp: a queue is released
    r"nvmet_tcp_release_queue_work",
    # rxe of 6.1: after the last page of a region it looks at the map behind the last one
    r"KASAN: slab-out-of-bounds in rxe_mr_copy.* Read of size 8 ",
]

# likewise, whoever has made and destroyed the object
IN_TREE_OF_ANYBODY = [
    # rxe of 6.1: a task notes its result after it has said that it is idle, for which whoever
    # destroys the queue pair waits
    r"KASAN: use-after-free in rxe_do_task.* Write of size 4 .*Freed by task.* ib_destroy_qp_user",
]

SANITIZER_REPORT = re.compile(
    r"ERROR: (?:AddressSanitizer|LeakSanitizer)|runtime error:|"
    r"WARNING: ThreadSanitizer|SUMMARY: \w+Sanitizer")

BLOCK_LINES = 120


def kernel_reports(lines, allow):
    """Blocks of lines that begin with a report which no `allow` pattern excuses.

    A block ends where the next report begins, so that a pattern can name the
    function that makes a known report known.
    """
    starts = []
    for i, line in enumerate(lines):
        if KERNEL_REPORT.search(line) and not KERNEL_HARMLESS.search(line):
            # lockdep says why it turns itself off, and then where that was
            if not (starts and i - starts[-1] <= 3 and "turning off the locking" in line):
                starts.append(i)
    found = []
    for n, start in enumerate(starts):
        end = min([start + BLOCK_LINES] + starts[n + 1:n + 2])
        # lockdep prints a row of '=' and then "WARNING: ..." as its head; one block
        block = lines[start:end]
        text = " ".join(block)
        if not excused(text, allow):
            found.append(block)
    return found


def excused(text, allow):
    """Whether a scenario expects the report, or in-tree code is known to cause it alone."""
    known = [] if "[weft" in text else IN_TREE
    return any(re.search(a, text, re.S) for a in (*allow, *IN_TREE_OF_ANYBODY, *known))


def first_report(lines):
    """The first report, whole: one of a line or two is the heading of what follows it."""
    reports = kernel_reports(lines, [])
    block = reports[0] if reports else []
    for more in reports[1:]:
        if len([line for line in block if re.sub(r"^\[[ .0-9]*\]", "", line).strip()]) > 2:
            break
        block = block + more
    return block


def impossible_flags(block):
    """Whether a report shows EFLAGS with bits that the architecture keeps 0 (22 to 31)."""
    found = re.search(r"EFLAGS: ([0-9a-f]{8})\b", " ".join(block))
    return bool(found and int(found[1], 16) >> 22)


def module_ranges(lines):
    """(name, start, end) of each `name address size` line that lib.sh noted."""
    ranges = set()
    for line in lines:
        name, start, size = line.split()
        ranges.add((name, int(start, 16), int(start, 16) + int(size)))
    return ranges


def leak_is_ours(block, ranges):
    """Whether a kmemleak backtrace goes through one of our modules.

    Code of modules that are gone has no names. An address in the module area that
    belongs to no module was in an init section, which goes away after loading.
    """
    for line in block:
        if "[weft" in line:
            return True
        m = re.search(r"\] 0x(ffffffff[0-9a-f]{8})$", line)
        if not m:
            continue
        owners = {n for n, start, end in ranges if start <= int(m[1], 16) < end}
        if not owners or any(n.startswith("weft") for n in owners):
            return True
    return False


def leaks(out, allow):
    """kmemleak's reports about memory that our modules allocated."""
    blocks = []
    for line in read_lines(os.path.join(out, "kmemleak.log")):
        if line.startswith("unreferenced object"):
            blocks.append([])
        if blocks:
            blocks[-1].append(line)
    ranges = module_ranges(read_lines(os.path.join(out, "modules.addr")))
    return [b for b in blocks if leak_is_ours(b, ranges) and
            not any(re.search(a, " ".join(b), re.S) for a in allow)]


def scanned(out):
    """Whether kmemleak.log is there if our modules were (see kmemleak_scan of guest-start)."""
    return (os.path.exists(os.path.join(out, "kmemleak.log")) or
            not os.path.exists(os.path.join(out, "modules.addr")))


def read_lines(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return [line.rstrip("\r\n") for line in f]
    except FileNotFoundError:
        return []


def judge(out, allow, says=(), debug=False):
    """(state, reason) of one guest; state is ok, FAIL or skip.

    says: patterns that the kernel log must have, also of what comes after the script.
    debug: the kernel has kmemleak, which must have looked at modules that were loaded.
    """
    serial = read_lines(os.path.join(out, "serial.log"))
    reports = kernel_reports(serial, allow) + leaks(out, allow)
    if reports:
        with open(os.path.join(out, "kernel-report.log"), "w", encoding="utf-8") as f:
            f.write("\n\n".join("\n".join(b) for b in reports) + "\n")
        return "FAIL", "kernel report: " + reports[0][0].strip()
    for path in sorted(glob.glob(os.path.join(glob.escape(out), "*.log"))):
        if os.path.basename(path) in ("serial.log", "kernel-report.log", "kmemleak.log"):
            continue
        for line in read_lines(path):
            if SANITIZER_REPORT.search(line):
                return "FAIL", f"{os.path.basename(path)}: {line.strip()}"
    code = read_lines(os.path.join(out, "exit-code"))
    if not code:
        return "FAIL", "the guest ended before the script did"
    if code[0] == "0":
        for pattern in says:
            if not any(re.search(pattern, line) for line in serial):
                return "FAIL", f"the kernel log does not say '{pattern}'"
        if debug and not scanned(out):
            return "FAIL", "kmemleak did not scan, so nobody looked for leaks"
        return "ok", ""
    output = [x for x in read_lines(os.path.join(out, "output.log")) if x.strip()]
    last = next((x for x in output if x.startswith("FAIL:")), output[-1] if output else "")
    if code[0] == "77":
        return "skip", last
    if last.startswith("FAIL:"):
        return "FAIL", last[5:].strip()
    return "FAIL", f"exit code {code[0]}: {last}"
