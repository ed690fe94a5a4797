# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Hosts that want more than their share of an NVMe/TCP target: connections, descriptors,
buffers. What breaks the protocol is in tcp_hostile.py; here, too, a bystander's verified
I/O goes on."""
import contextlib
import os
import resource
import socket
import time
import unittest

from tcp_disk import arrived, tcp_counters
from tcp_host import R2T, SUBNQN, Closed, Conn, Host, sgl_capsule, sgl_transport
from tcp_hostile import CORES, INVALID, HostileTest, header

SILENT_MAX = 1024       # connections whose first bytes the daemon waits for
SILENT_LIMIT = 10       # s; for so long, if there are no more of them


class CrowdTest(HostileTest):
    """Crowds of connections that say nothing."""

    def silent(self, n):
        """Connections that say nothing."""
        socks = []
        for _ in range(n):
            s = socket.create_connection(self.address)
            self.addCleanup(s.close)
            s.setblocking(False)
            socks.append(s)
        return socks

    def new_host(self):
        """A host that tries again when it is turned away."""
        while True:
            try:
                with self.queue() as c:
                    c.write(0, bytes(512))
                    return
            except (Closed, ConnectionError):
                time.sleep(0.05)

    def make_room(self, n):
        """With n silent connections, some end before their time when a host comes."""
        begin = time.monotonic()
        self.silent(n)
        if time.monotonic() - begin > SILENT_LIMIT / 2:
            self.skipTest("too slow a machine: their time is over anyway")
        self.new_host()
        self.assertRegex(self.daemon.words(), r"no Connect command came in [1-9] s")


class Floods(CrowdTest):
    """Many at once, on two reactors if there may be."""

    args = ("-m", ",".join(map(str, CORES)))

    def test_connections_that_say_nothing(self):
        self.silent(400)
        self.bystander.wait(5)
        with self.queue() as c:
            c.write(0, bytes(4096))

    def test_more_of_them_than_there_may_be(self):
        """The oldest make room for those who come."""
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if hard < 3 * SILENT_MAX:
            self.skipTest(f"{hard} descriptors")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.make_room(SILENT_MAX)

    def test_connections_that_break_the_protocol(self):
        for _ in range(5):
            conns = [Conn(self.address, hello=False) for _ in range(60)]
            for n, c in enumerate(conns):
                c.send(header(0xff, n))
            for c in conns:
                self.terminated(c, INVALID, 0)
                c.close()

    def test_reader_that_stands_still(self):
        """Asks for much and takes nothing: others are served, memory does not grow."""
        with Host(self.address, sqsize=127) as h:
            c = h.io[0]
            for _ in range(120):
                c.command(c.rw(2, 0, 256, sgl_transport(131072)))
            self.bystander.wait(20)
            self.assertGreater(tcp_counters(self.daemon)["send_full"], 0)
            first = c.cid - 119
            data = c.complete(first)[1]
            for cid in range(first + 1, c.cid + 1):
                self.assertEqual(c.complete(cid)[1], data)


class Descriptors(CrowdTest):
    """A daemon that may have few of them."""

    def disk(self, name):
        if name == "disk":
            # before the transport is made, which looks at the limit
            resource.prlimit(self.daemon.process.pid, resource.RLIMIT_NOFILE, (64, 64))
        return super().disk(name)

    def test_used_up_by_hosts(self):
        """Control has some left."""
        with contextlib.ExitStack() as stack:
            hosts = 0
            with contextlib.suppress(Closed, OSError):
                while hosts < 100:
                    c = stack.enter_context(Conn(self.address))
                    c.connect()
                    hosts += 1
            self.assertTrue(20 < hosts < 64, hosts)
            self.assertTrue(self.daemon.ok("nvmf_get_subsystems"))
        self.new_host()

    def test_used_up_by_silence(self):
        """Who says nothing makes room for new hosts."""
        self.make_room(60)


class Hoarding(HostileTest):
    """Disks that need buffers, and hosts that keep all they can get and give none back."""

    options = {"num_shared_buffers": 64, "io_unit_size": 16384}

    def disk(self, name):
        path = os.path.join(self.daemon.dir.name, name)
        with open(path, "wb") as f:
            f.truncate(8192 * 512)
        return "bdev_aio_create", {"name": name, "filename": path, "block_size": 512}

    def hoard(self, c, opcode):
        """Commands that want four times as much as there is, in all."""
        for n in range(32):
            c.command(c.rw(opcode, n * 16, 256, sgl_transport(131072)))

    def test_unanswered_r2ts(self):
        with Host(self.address, queues=3, sqsize=63) as h:
            for c in h.io:
                self.hoard(c, 1)
                self.assertEqual(c.recv().type, R2T)
            self.bystander.wait(20)
            stats = tcp_counters(self.daemon)
            self.assertGreater(stats["pending_data_buffer"], 0)
            self.assertGreater(stats["buffers_in_use"], 24)

    def test_untaken_data(self):
        with Host(self.address, queues=3, sqsize=63) as h:
            for c in h.io:
                self.hoard(c, 2)
            self.bystander.wait(20)
            for c in h.io:
                for cid in range(c.cid - 31, c.cid + 1):
                    self.assertEqual(len(c.complete(cid)[1]), 131072)

    def test_capsules_behind_r2ts(self):
        """What comes first on the connection has its place, whoever else waits."""
        with Host(self.address, sqsize=127) as h:
            c = h.io[0]
            data = [os.urandom(131072) for _ in range(16)]
            large = [c.command(c.rw(1, n * 256, 256, sgl_transport(131072))) for n in range(16)]
            small = [c.command(c.rw(1, 8000, 8, sgl_capsule(4096)), d[:4096]) for d in data]
            for cid, d in zip(large, data):
                self.assertEqual(c.complete(cid, d)[0].status, 0)
            for cid in small:
                self.assertEqual(c.complete(cid)[0].status, 0)
            for n, d in enumerate(data):
                self.assertEqual(c.read(n * 256, 256), d)

    def test_capsules_that_wait_for_a_limit(self):
        """What they have brought takes nothing from others, who are not limited."""
        def limit(rate):
            self.daemon.ok("nvmf_subsystem_set_ns_limits",
                           {"nqn": SUBNQN, "nsid": 1, "rw_ios_per_sec": rate})

        limit(1)
        self.bystander.wait(1)
        self.bystander.finish()
        with Host(self.address, queues=3) as h:
            data = [os.urandom(4096) for _ in range(24)]
            for q, c in enumerate(h.io):
                for n, d in enumerate(data):
                    c.command(c.rw(1, (q * 24 + n) * 8, 8, sgl_capsule(4096)), d)
                arrived(self.daemon, h, q + 1)
            self.assertEqual(tcp_counters(self.daemon)["buffers_in_use"], 0)
            limit(0)
            for q, c in enumerate(h.io):
                for cid in range(c.cid - 23, c.cid + 1):
                    self.assertEqual(c.complete(cid)[0].status, 0)
                self.assertEqual(c.read(q * 24 * 8, 24 * 8), b"".join(data))

    def test_gone_while_waiting(self):
        for opcode in (1, 2):
            with Host(self.address, sqsize=63) as h:
                self.hoard(h.io[0], opcode)
                self.bystander.wait(1)


if __name__ == "__main__":
    unittest.main()
