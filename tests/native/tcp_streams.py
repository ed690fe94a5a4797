# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""NVMe/TCP hosts that are odd or slow: data in any order that is allowed, damaged data,
readers that do not read. What breaks the protocol is in tcp_hostile.py."""
import os
import socket
import struct
import unittest

from daemon import DaemonTest
from tcp_disk import tcp_counters
from tcp_host import (CMD, LAST, R2T, SUBNQN, Conn, Host, Terminated, sgl_capsule,
                      sgl_transport, sqe)
from tcp_paths import exercise, serve

TRANSIENT = 0x22


class Streams(DaemonTest):
    def setUp(self):
        super().setUp()
        self.address = serve(self.daemon)

    def test_connect_again(self):
        """A refused host may try again on the same connection, with a deeper queue."""
        with Conn(self.address) as c:
            entry = struct.pack("<BBHB19x16sHHHBxI12x", 0x7f, 0x40, 1, 1, sgl_capsule(1024), 0, 0,
                                31, 0, 0)
            self.assertEqual(c.complete(c.command(entry, bytes(1024)))[0].status & 0x7ff, 0x182)
            c.connect(sqsize=63)
            c.enable()
            out = b"".join(c.pdu(CMD, sqe(6, c.next_cid(), 0, sgl_transport(4096), 1))
                           for _ in range(64))
            c.send(out)
            pages = [c.complete(cid)[1] for cid in range(c.cid - 63, c.cid + 1)]
            self.assertEqual(len(set(pages)), 1)

    def test_interleaved_data(self):
        """Data of several commands, mixed as the host likes."""
        with Host(self.address, sqsize=31) as h:
            io = h.io[0]
            data = [os.urandom(32768) for _ in range(8)]
            cids = [io.command(io.rw(1, n * 64, 64, sgl_transport(32768))) for n in range(8)]
            r2ts = [io.recv() for _ in range(8)]
            self.assertEqual([r.type for r in r2ts], [R2T] * 8)
            for at in range(0, 32768, 8192):
                for n in range(8):
                    io.send(io.h2c_data(cids[n], r2ts[n].ttag, at, data[n][at:at + 8192],
                                        LAST if at == 24576 else 0))
            for cid in cids:
                self.assertEqual(io.complete(cid)[0].status, 0)
            self.assertEqual(io.read(0, 256), b"".join(data[:4]))

    def deliver(self, io, data):
        """Until the daemon has received it."""
        end = tcp_counters(self.daemon)["recv_bytes"] + len(data)
        io.send(data)
        while tcp_counters(self.daemon)["recv_bytes"] < end:
            pass

    def test_blocks_that_are_half_there(self):
        """Others read them as they were, however long the rest takes, or if it never comes."""
        old, new = bytes(4096), os.urandom(131072)
        for inline in False, True:
            with self.subTest(inline=inline), Host(self.address) as reader:
                reader.io[0].write(0, old)
                with Host(self.address) as h:
                    io = h.io[0]
                    if inline:
                        out = io.pdu(CMD, io.rw(1, 0, 8, sgl_capsule(4096)), new[:4096])
                        head = 72
                    else:
                        cid = io.command(io.rw(1, 0, 256, sgl_transport(131072)))
                        out = io.h2c_data(cid, io.recv().ttag, 0, new)
                        head = 24
                    self.deliver(io, out[:head + 700])
                    self.assertEqual(reader.io[0].read(0, 8), new[:512] + old[512:])
                    self.deliver(io, out[head + 700:head + 3000])
                    self.assertEqual(reader.io[0].read(0, 8), new[:2560] + old[2560:])
                self.assertEqual(reader.io[0].read(0, 8), new[:2560] + old[2560:])

    def test_several_r2ts(self):
        self.daemon.ok("nvmf_delete_subsystem", {"nqn": SUBNQN})
        self.daemon.ok("nvmf_delete_transport", {"trtype": "TCP"})
        self.daemon.ok("bdev_malloc_delete", {"name": "disk"})
        address = serve(self.daemon, max_io_size=1048576)
        data = os.urandom(1048576)
        for maxr2t, outstanding in ((1, 1), (3, 3), (16, 8)):
            with Host(address, maxr2t=maxr2t) as h:
                io = h.io[0]
                cid = io.command(io.rw(1, 0, 2048, sgl_transport(1048576)))
                r2ts = [io.recv() for _ in range(outstanding)]
                self.assertEqual([r.offset for r in r2ts],
                                 [sum(x.length for x in r2ts[:n]) for n in range(outstanding)])
                self.assertEqual(len({r.ttag for r in r2ts}), outstanding)
                for r in r2ts:
                    io.answer_r2t(r, data, 100000)
                self.assertEqual(io.complete(cid, data)[0].status, 0)
                self.assertEqual(io.read(0, 2048), data)

    def test_damaged_data(self):
        """A wrong data digest fails the command, not the connection, and not the disk."""
        with Host(self.address, ddgst=True) as h:
            io = h.io[0]
            good = os.urandom(8192)
            io.write(0, good)
            entry = io.rw(1, 0, 8, sgl_capsule(4096))
            io.send(io.pdu(CMD, entry, bytes(4096), ddgst=b"\1\2\3\4"))
            self.assertEqual(io.complete(io.cid)[0].status & 0x7ff, TRANSIENT)
            cid = io.command(io.rw(1, 0, 16, sgl_transport(8192)))
            r = io.recv()
            io.send(io.h2c_data(cid, r.ttag, 0, bytes(4096), 0, ddgst=b"\1\2\3\4"))
            io.send(io.h2c_data(cid, r.ttag, 4096, bytes(4096)))
            self.assertEqual(io.complete(cid)[0].status & 0x7ff, TRANSIENT)
            self.assertEqual(io.read(0, 16), good)
            self.assertEqual(tcp_counters(self.daemon)["digest_errors"], 2)
            exercise(self, io, 1)


class Slow(DaemonTest):
    """Readers that do not read, while another connection works on."""

    def setUp(self):
        super().setUp()
        self.address = serve(self.daemon)
        self.witness = Host(self.address)
        self.hosts = []

    def tearDown(self):
        self.leave()
        exercise(self, self.witness.io[0], 11)
        self.witness.__exit__()
        super().tearDown()

    def queue(self, **conn):
        h = Host(self.address, **conn)
        self.hosts.append(h)
        return h.io[0]

    def leave(self):
        while self.hosts:
            self.hosts.pop().__exit__()

    def test_slow_reader(self):
        """It asks for much and reads nothing: its queue bounds what it holds up."""
        slow = self.queue(sqsize=127)
        slow.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        data = os.urandom(131072)
        slow.write(0, data)
        cids = [slow.command(slow.rw(2, 0, 256, sgl_transport(131072))) for _ in range(128)]
        while not tcp_counters(self.daemon)["send_full"]:
            pass
        # meanwhile
        exercise(self, self.witness.io[0], 2)
        self.witness.io[0].write(0, data)
        for cid in cids:
            self.assertEqual(slow.complete(cid)[1], data)

    def test_slow_reader_goes(self):
        slow = self.queue(sqsize=127)
        for _ in range(128):
            slow.command(slow.rw(2, 0, 256, sgl_transport(131072)))
        while not tcp_counters(self.daemon)["send_full"]:
            pass
        slow.close()

    def test_term_behind_much_data(self):
        """The termination request comes behind what had begun, even if that is stuck."""
        slow = self.queue(sqsize=127)
        out = b"".join(slow.pdu(CMD, slow.rw(2, 0, 256, sgl_transport(131072)))
                       for _ in range(128))
        slow.send(out + b"\xff" * 128)
        with self.assertRaises((Terminated)):
            while True:
                slow.recv()
        slow.closed()


if __name__ == "__main__":
    unittest.main()
