# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""What instructions that were counted by address (counter.c) were spent on.

An address belongs to the function that it stands in, and the function to one part of the
system; who called it is not known. So a copy of data is "memory", whoever wanted it.
"""

import bisect
import collections
import functools
import os
import re
import subprocess

KERNEL = 1 << 63

# The first that matches the module counts...
MODULES = (
    # and not weft-target, which is a program
    ("host", r"(weft(_rdma|_tcp)?|nvme_(core|rdma|tcp|fabrics|keyring|auth))$"),
    ("target", r"nvmet|null_blk"),
    # soft-RoCE computes a checksum of every packet
    ("rdma", r"rdma_|ib_|iw_cm|ip6_udp_tunnel|udp_tunnel|crc32"),
    ("network", r"veth|dummy|nf_|nft"),
)
# ... and for what is built in, the first that matches the function.
FUNCTIONS = (
    ("rdma", r"crc32_.*"),
    ("block", r"(__|_)?(blk|bio|bdev|blkdev|sbitmap|submit_bio|block|disk|part|elv|dd|rq_qos|wbt|"
     r"bvec|update_io_ticks|t10|iov_iter|import_|dio)(_|\b|\d)|.*(_bio|blk)(_|$)|iov_iter_.*"),
    ("irq work", r"irq_poll.*|irq_work.*"),
    ("memory", r"(__)?(mem(set|cpy|move)|copy_|clear_page|clear_user|rep_|_?copy_(to|from)_).*|"
     r".*(alloc|kmem|slab|slub|kfree|free_page|get_page|put_page|mempool|page_frag|pcp|rmqueue|"
     r"folio|gup|pin_user|unpin_user|lru_|zone_|vm_).*|.*___slab.*|free_.*|kmalloc.*"),
    ("network", r".*(skb|sock|udp|tcp|ip_|ipv4|ip4|inet|netif|net_rx|dev_|napi|qdisc|fib_|neigh|"
     r"eth_|xmit|csum|nf_hook|rt_|dst_|loopback|netdev|gro_).*"),
    ("locks", r"(_raw_|queued_|native_queued_)?(spin|read|write|mutex|rwsem|down|up|rcu)_.*|"
     r"__rcu.*|__mutex.*|_raw_.*|__local_bh.*|__srcu.*|.*percpu_ref.*|refcount.*|preempt_.*"),
    ("scheduler", r".*(sched|switch|task|wake|wakeup|dequeue|enqueue|rq_|cfs|pick_|entity|runnable|"
     r"cpu_|kthread|worker|queue_work|process_one_work|pwq|idle|futex|wait|deadline|rt_|load_|"
     r"cpuacct|psi_|ttwu|finish_|prepare_|x86_pmu|fpu|cgroup|select_|get_nohz|nohz|tick_).*"),
    ("interrupts", r".*(irq|softirq|tasklet|timer|hrtimer|apic|ipi|clock|ktime|tsc|sysvec|"
     r"interrupt|call_function|smp_|csd_|x2apic|jiffies).*"),
    ("system calls", r".*(sys_|syscall|entry_|io_|aio|epoll|ep_|poll|eventfd|vfs_|fget|fput|fd|"
     r"file|security|apparmor|audit|signal|exit_to|seccomp|rw_verify).*"),
)
MODULES = tuple((part, re.compile(pattern)) for part, pattern in MODULES)
FUNCTIONS = tuple((part, re.compile(pattern + r"$")) for part, pattern in FUNCTIONS)
# in the order in which they are shown
PARTS = ("host", "target", "rdma", "block", "network", "memory", "locks", "scheduler", "interrupts",
         "system calls", "kernel, other", "load")


def first_match(table, name, otherwise):
    return next((part for part, pattern in table if pattern.match(name)), otherwise)


def is_host(function):
    """Whether MODULE:FUNCTION is of one of the hosts."""
    return first_match(MODULES, function.partition(":")[0], "") == "host"


class Symbols:
    """Functions in the order of their addresses: (address, name, module)."""

    def __init__(self, found):
        found = sorted(found)
        self.starts = [f[0] for f in found]
        self.names = [f[1:] for f in found]

    def at(self, address):
        """(name, module)"""
        at = bisect.bisect_right(self.starts, address) - 1
        return self.names[at] if at >= 0 else ("?", "")


def nm(path, *options):
    """[(address, size, name)] of functions; size 0: not known."""
    done = subprocess.run(["nm", *options, path], capture_output=True, text=True, check=False)
    words = [line.split() for line in done.stdout.splitlines()]
    return [(int(w[0], 16), int(w[1], 16) if len(w) == 4 else 0, w[-1].partition("@")[0])
            for w in words if len(w) in (3, 4) and w[-2] in "tTwWi"]


@functools.cache
def program_symbols(path):
    """Of a program or library; of one without a symbol table what it exports.

    Behind an exported function are others, whose names are not known."""
    every = nm(path)
    if every:
        return Symbols((address, name, "") for address, _, name in every)
    exported = nm(path, "-D", "-S")
    ends = {address + size for address, size, _ in exported if size}
    ends -= {address for address, _, _ in exported}
    return Symbols([(address, name, "") for address, _, name in exported] +
                   [(end, "(not exported)", "") for end in ends])


class Names:
    """Symbols of the guest's kernel and its modules, and of the target.

    folder: where the guest left kallsyms and target.maps."""

    def __init__(self, folder):
        found = []
        with open(os.path.join(folder, "kallsyms"), encoding="ascii") as f:
            for line in f:
                address, kind, name, *module = line.split()
                if kind in "tTwW":
                    found.append((int(address, 16), name, module[0][1:-1] if module else ""))
        self.kernel = Symbols(found)
        self.parts = {}
        with open(os.path.join(folder, "target.maps"), encoding="ascii") as f:
            self.target = [self.mapping(line.split()) for line in f if "x" in line.split()[1]]

    @staticmethod
    def mapping(words):
        """(first address, end, what to add for the address in the file, file)"""
        low, high = (int(x, 16) for x in words[0].split("-"))
        return low, high, int(words[2], 16) - low, words[5] if len(words) > 5 else ""

    def user(self, address):
        """Two processes matter: addresses are random, so they hardly meet."""
        for low, high, shift, path in self.target:
            if low <= address < high:
                name, _ = program_symbols(path).at(address + shift)
                return "target", os.path.basename(path), name
        return "load", "user", "(user space)"

    def find(self, address):
        """(part, module, function)"""
        if address < KERNEL:
            return self.user(address)
        name, module = key = self.kernel.at(address)
        if key not in self.parts:
            table, what = (MODULES, module) if module else (FUNCTIONS, name)
            self.parts[key] = first_match(table, what, "kernel, other")
        return self.parts[key], module or "vmlinux", name


class Profile:
    """One window: instructions by part, module and function."""

    def __init__(self, path, names):
        self.parts = collections.Counter()
        self.modules = collections.Counter()
        self.functions = collections.Counter()
        self.target = collections.Counter()
        with open(path, encoding="ascii") as f:
            for line in f:
                address, count = line.split()
                part, module, function = names.find(int(address, 16))
                count = int(count)
                self.parts[part] += count
                self.modules[module] += count
                self.functions[f"{module}:{function}"] += count
                if part == "target":
                    self.target[f"{module}:{function}"] += count

    @staticmethod
    def share(counter, keys, ios):
        """Rounded to tenths, for JSON."""
        return {k: round(counter[k] / ios, 1) for k in keys}

    @staticmethod
    def frequent(counter, ios):
        return [k for k, n in counter.most_common() if n / ios >= 1]

    def per_io(self, ios):
        return {"total": round(sum(self.parts.values()) / ios, 1),
                "parts": self.share(self.parts, [p for p in PARTS if self.parts[p]], ios),
                "modules": self.share(self.modules, self.frequent(self.modules, ios), ios)}

    def functions_per_io(self, ios, top):
        """The largest `top`, and those of both ends."""
        ordered = self.frequent(self.functions, ios)
        chosen = ordered[:top] + [k for k in ordered[top:] if is_host(k)]
        return {"functions": self.share(self.functions, chosen, ios),
                "target": self.share(self.target, self.frequent(self.target, ios), ios)}
