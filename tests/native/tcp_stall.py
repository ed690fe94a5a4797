# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Hosts that begin transfers over NVMe/TCP and never move them on: what they hold is
limited in time, and shorter when others wait for it. An honest host goes on meanwhile."""
import contextlib
import os
import resource
import threading
import time
import unittest

from tcp_disk import tcp_counters
from tcp_host import CMD, R2T, SUBNQN, Closed, Conn, Host, sgl_capsule, sgl_transport, sqe
from tcp_hostile import HostileTest

PEERS = 600
LARGE = 131072


def begin(c, opcode=1):
    """A command whose data does not move on by itself."""
    return c.command(c.rw(opcode, 0, LARGE // 512, sgl_transport(LARGE)))


class Buffers(HostileTest):
    """A disk that needs buffers, of which there are as many as by default."""

    options = {"transfer_timeout": 5000}

    def disk(self, name):
        path = os.path.join(self.daemon.dir.name, name)
        with open(path, "wb") as f:
            f.truncate(8192 * 512)
        return "bdev_aio_create", {"name": name, "filename": path, "block_size": 512}

    def test_all_held(self):
        """One large write of each takes more buffers than there are."""
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if hard < 4 * PEERS:
            self.skipTest(f"{hard} descriptors")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        with contextlib.ExitStack() as stack:
            hosts = [stack.enter_context(Host(self.address, queues=60)) for _ in range(PEERS // 60)]
            for h in hosts:
                for c in h.io:
                    begin(c)
            self.bystander.wait(30)
        stats = tcp_counters(self.daemon)
        self.assertGreater(stats["pending_data_buffer"], 0)
        self.assertGreater(stats["stalled"], 0)
        self.assertIn("and others wait for buffers", self.daemon.words())

    def test_none_for_strangers(self):
        """Who is not connected yet holds no buffer, whatever it has begun."""
        self.bystander.finish()
        idle = tcp_counters(self.daemon)["buffers_in_use"]
        with Conn(self.address) as c:
            with self.assertRaises(Asked):
                c.answer_r2t = asked
                c.connect(inline=False)
            self.assertEqual(tcp_counters(self.daemon)["buffers_in_use"], idle)


class Asked(Exception):
    """An R2T has come."""


def asked(*_):
    raise Asked


class Drip(threading.Thread):
    """Data that comes byte by byte, until the connection ends."""

    def __init__(self, conn):
        super().__init__()
        self.conn = conn

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                self.conn.send(b"x")
                time.sleep(0.05)


class Limits(HostileTest):
    """Without anybody else in need."""

    options = {"transfer_timeout": 300}

    def wait_stalled(self, n):
        while tcp_counters(self.daemon)["stalled"] < n:
            self.assertTrue(self.bystander.is_alive())
            time.sleep(0.05)

    def test_data_that_does_not_come(self):
        with Host(self.address, queues=2) as h:
            lazy, idle = h.io
            begin(lazy)
            self.assertEqual(lazy.recv().type, R2T)
            self.assertRaises(Closed, lazy.recv)
            self.assertEqual(tcp_counters(self.daemon)["stalled"], 1)
            # who owes nothing may be silent
            idle.write(0, bytes(512))

    def test_data_that_others_overtake(self):
        """Commands that are answered meanwhile do not make up for it."""
        with self.queue() as c:
            begin(c)
            self.assertEqual(c.recv().type, R2T)
            with self.assertRaises(Closed):
                for _ in range(100):
                    c.command(sqe(0, c.next_cid(), 1))
                    c.recv()
                    time.sleep(0.02)
        self.assertEqual(tcp_counters(self.daemon)["stalled"], 1)

    def test_namespace_that_is_to_leave(self):
        """Its removal does not wait for a write that gets its data byte by byte."""
        for method, params in (
                self.disk("going"),
                ("nvmf_subsystem_add_ns", {"nqn": SUBNQN, "namespace": {
                    "bdev_name": "going", "nsid": 2}})):
            self.daemon.ok(method, params)
        with self.queue() as c:
            c.command(c.rw(1, 0, LARGE // 512, sgl_transport(LARGE), 2))
            r2t = c.recv()
            c.send(c.h2c_data(r2t.cid, r2t.ttag, 0, bytes(LARGE))[:24])
            drip = Drip(c)
            drip.start()
            self.daemon.ok("nvmf_subsystem_remove_ns", {"nqn": SUBNQN, "nsid": 2})
            drip.join()
        self.assertEqual(tcp_counters(self.daemon)["stalled"], 1)

    def test_half_a_capsule(self):
        with self.queue() as c:
            c.send(c.pdu(CMD, c.rw(1, 0, 8, sgl_capsule(4096)), bytes(4096))[:200])
            self.assertRaises(Closed, c.recv)
        self.wait_stalled(1)

    def test_reader_that_never_drains(self):
        with Host(self.address, sqsize=127) as h:
            c = h.io[0]
            for _ in range(120):
                begin(c, 2)
            self.wait_stalled(1)
            # what is in the socket may still be read, then it ends
            with self.assertRaises(Closed):
                while True:
                    c.recv()

    def test_slow_disk(self):
        """It is not the host that holds the transfer up."""
        for method, params in (
                self.disk("base"),
                ("bdev_delay_create", {"base_bdev_name": "base", "name": "slow",
                                       **{f"{k}_{d}_latency": 1000000 for k in ("avg", "p99")
                                          for d in ("read", "write")}}),
                ("nvmf_subsystem_add_ns", {"nqn": SUBNQN, "namespace": {
                    "bdev_name": "slow", "nsid": 2}})):
            self.daemon.ok(method, params)
        with self.queue() as c:
            data = os.urandom(LARGE)
            c.write(0, data, nsid=2)
            self.assertEqual(c.do(c.rw(2, 0, LARGE // 512, sgl_transport(LARGE), 2))[1], data)
        self.assertEqual(tcp_counters(self.daemon)["stalled"], 0)


if __name__ == "__main__":
    unittest.main()
