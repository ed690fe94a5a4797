# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""A thousand NVMe/TCP connections to one daemon with two reactors: spread evenly, cheap in
memory, free of cost when idle, gone without a trace."""
import os
import resource
import threading
import unittest

from daemon import LIMIT, DaemonTest
from tcp_disk import tcp_counters
from tcp_host import Host, sgl_transport
from tcp_paths import exercise, serve

HOSTS, QUEUES = 8, 124
CONNECTIONS = HOSTS * (QUEUES + 1)
# the sanitizers' own memory is not ours
SANITIZED = "asan" in os.environ.get("WEFT_TARGET_BIN", "asan")
KIB_EACH = 64 if SANITIZED else 16


class Many(DaemonTest):
    args = ("-m", "0,1" if os.cpu_count() > 1 else "0")

    def status(self, field):
        with open(f"/proc/{self.daemon.process.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith(field + ":"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.daemon.process.pid}/fd"))

    def wait(self, what):
        """Until what() is true; a bound for a hang, not a measurement."""
        for _ in range(LIMIT * 20):
            if what():
                return
            threading.Event().wait(0.05)
        self.fail("waited in vain")

    def loads(self):
        return [(g["current_admin_qpairs"], g["current_io_qpairs"])
                for g in self.daemon.ok("nvmf_get_stats")["poll_groups"]]

    def test_many(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < CONNECTIONS + 64:
            self.skipTest(f"{hard} descriptors")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, CONNECTIONS + 64), hard))
        address = serve(self.daemon)
        with Host(address) as h:
            exercise(self, h.io[0], 1)
        self.wait(lambda: tcp_counters(self.daemon)["connections"] == 0)
        before, fds = self.status("VmRSS"), self.descriptors()
        hosts = [Host(address, queues=QUEUES, sqsize=127) for _ in range(HOSTS)]
        try:
            self.spread(hosts)
            each = (self.status("VmRSS") - before) / CONNECTIONS
            print(f"{CONNECTIONS} connections, {each:.1f} KiB each")
            self.assertLess(each, KIB_EACH)
            self.idle()
            exercise(self, hosts[3].io[77], 2)
            self.fair(hosts)
        finally:
            for h in hosts:
                h.__exit__()
        self.wait(lambda: tcp_counters(self.daemon)["connections"] == 0)
        self.wait(lambda: self.descriptors() <= fds)

    def spread(self, hosts):
        loads = self.loads()
        self.assertEqual(sum(a for a, _ in loads), HOSTS)
        self.assertEqual(sum(io for _, io in loads), HOSTS * QUEUES)
        for kind in zip(*loads):
            self.assertLessEqual(max(kind) - min(kind), 1)
        for h in hosts:
            for io in h.io:
                io.flush()

    def idle(self):
        """Nothing happens for a while: no socket is looked at, hardly a thread wakes up."""
        def woken():
            total = 0
            for task in os.listdir(f"/proc/{self.daemon.process.pid}/task"):
                with open(f"/proc/{self.daemon.process.pid}/task/{task}/status",
                          encoding="ascii") as f:
                    total += next(int(line.split()[1]) for line in f
                                  if line.startswith("voluntary_ctxt_switches"))
            return total
        calls, before = tcp_counters(self.daemon)["recv_calls"], woken()
        threading.Event().wait(2)
        switches = woken() - before
        self.assertEqual(tcp_counters(self.daemon)["recv_calls"], calls)
        # the two listings, and what timers there are
        self.assertLess(switches, 100)

    def fair(self, hosts):
        """Many deep queues at once: each gets all of its answers."""
        ios = [h.io[n] for h in hosts for n in range(8)]
        for io in ios:
            io.send(b"".join(io.pdu(4, io.rw(2, n * 8, 8, sgl_transport(4096)))
                             for n in range(128)))
        for io in ios:
            for cid in range(io.cid - 127, io.cid + 1):
                self.assertEqual(len(io.complete(cid)[1]), 4096)


if __name__ == "__main__":
    unittest.main()
