#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""On one reactor: hosts with deep queues and hosts that take nothing leave a third its
share. What is compared is how many commands each of them has ended, not how long it took."""
import contextlib
import subprocess
import unittest

from tcp_disk import CLI, NQN, TcpTest, environment
from tcp_host import Host, sgl_transport

DEEP = "nqn.2026-11.io.weft:deep"
QUEUES, DEPTH = 4, 127
ROUNDS, BURST = 16, 32
# each of a burst may see everything of the deep queues pass once, in a few turns
TURNS = 8


class Fair(TcpTest):
    def ended(self):
        """I/O commands of the deep queues up to now."""
        for row in self.daemon.ok("nvmf_get_statistics")["hosts"]:
            if row["hostnqn"] == DEEP:
                return row["read_ops"] + row["write_ops"]
        return 0

    def deep(self, block_size, pattern):
        string = (f"transport=tcp,traddr=127.0.0.1,trsvcid={self.port},nqn={NQN},hostnqn={DEEP},"
                  f"nr_io_queues={QUEUES},queue_size=128")
        p = subprocess.Popen([CLI, "perf", string, "--pattern", pattern, "--depth", str(DEPTH),
                              "--block-size", block_size, "--time", "600"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             env=environment())
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        while self.ended() < 4 * QUEUES * DEPTH:
            self.assertIsNone(p.poll())
        return p

    def stand_still(self, stack, n):
        """Connections that have asked for much and read nothing."""
        for _ in range(n):
            h = stack.enter_context(Host(("127.0.0.1", self.port), sqsize=127))
            io = h.io[0]
            io.send(b"".join(io.pdu(4, io.rw(2, 0, 256, sgl_transport(131072)))
                             for _ in range(100)))

    def burst(self, io):
        """Many at once; how many of the deep queues' ended meanwhile."""
        before = self.ended()
        io.send(b"".join(io.pdu(4, io.rw(2, n * 8, 8, sgl_transport(4096)))
                         for n in range(BURST)))
        for cid in range(io.cid - BURST + 1, io.cid + 1):
            self.assertEqual(len(io.complete(cid)[1]), 4096)
        return self.ended() - before

    def check(self, block_size, pattern):
        with contextlib.ExitStack() as stack:
            p = self.deep(block_size, pattern)
            self.stand_still(stack, 3)
            third = stack.enter_context(Host(("127.0.0.1", self.port), sqsize=127))
            passed = sorted(self.burst(third.io[0]) for _ in range(ROUNDS))
            print(f"{block_size} {pattern}: {passed}")
            self.assertGreater(passed[-1], 0)
            # this process may wait for a processor in a round, but not in most of them
            self.assertLess(passed[ROUNDS // 4], TURNS * QUEUES * DEPTH)
            p.kill()
            p.wait()

    def test_small_reads(self):
        self.check("4096", "randread")

    def test_large_writes(self):
        self.check("131072", "randwrite")


if __name__ == "__main__":
    unittest.main()
