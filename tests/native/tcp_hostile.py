# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Hosts that break the NVMe/TCP protocol: each is answered with the termination request
that the specification names, status and information exactly, or with a command's status,
while another host goes on with verified I/O on its own disk and notices nothing."""
import contextlib
import os
import random
import socket
import struct
import threading
import time
import unittest

from daemon import DaemonTest
from tcp_disk import tcp_counters
from tcp_host import (C2H_DATA, C2H_TERM, CMD, DDGSTF, H2C_DATA, H2C_TERM, HDGSTF, HLEN, ICRESP,
                      LAST, R2T, RSP, Closed, Conn, Host, Refused, Terminated, crc32c,
                      sgl_capsule, sgl_transport, sqe)
from tcp_paths import listen, serve

INVALID, SEQ, HDR_DIGEST, RANGE, LIMIT, UNSUPPORTED = range(1, 7)
TRANSIENT = 0x22
# do not retry: sent again, these commands would fare no better
OPCODE, SEQUENCE, LENGTH, TYPE, OFFSET = (0x4000 | sc for sc in (0x01, 0x0c, 0x0f, 0x11, 0x16))
MAXH2CDATA = 131072
DIGESTS = ((False, False), (True, False), (False, True), (True, True))
QUIET = "nqn.2026-11.io.weft:quiet"
CORES = sorted(os.sched_getaffinity(0))[:2]


class Bystander(threading.Thread):
    """A host that writes and reads back what it has written, until it is told to end."""

    def __init__(self, address):
        super().__init__()
        self.address = address
        self.enough = threading.Event()
        self.rounds = 0
        self.error = None

    def run(self):
        try:
            with Host(self.address, subnqn=QUIET) as h:
                while not self.enough.is_set():
                    self.round(h.io[0])
        except Exception as e:  # whatever it is, the test tells it
            self.error = e

    def round(self, io):
        n = self.rounds
        data = os.urandom((512, 4096, 65536)[n % 3])
        io.write(40, data, inline=len(data) <= 4096)
        assert io.read(40, len(data) // 512) == data, "another data than was written"
        self.rounds += 1

    def wait(self, rounds):
        """Until it has been served this often again."""
        rounds += self.rounds
        while self.rounds < rounds and self.is_alive():
            time.sleep(0.01)

    def finish(self):
        self.enough.set()
        self.join()
        if self.error:
            raise AssertionError("the bystander was harmed") from self.error


class HostileTest(DaemonTest):
    """A daemon that serves a disk, and a bystander with another one."""

    options = {}

    def disk(self, name):
        return "bdev_malloc_create", {"name": name, "num_blocks": 8192, "block_size": 512}

    def setUp(self):
        super().setUp()
        self.address = serve(self.daemon, self.disk("disk"), **self.options)
        for method, params in (
                self.disk("quiet"),
                ("nvmf_create_subsystem", {"nqn": QUIET, "allow_any_host": True}),
                ("nvmf_subsystem_add_ns", {"nqn": QUIET, "namespace": {"bdev_name": "quiet"}})):
            self.daemon.ok(method, params)
        listen(self.daemon, self.address[1], nqn=QUIET)
        self.bystander = Bystander(self.address)
        self.bystander.start()
        self.bystander.wait(1)

    def tearDown(self):
        try:
            self.bystander.wait(2)
            self.bystander.finish()
            self.assertEqual(tcp_counters(self.daemon)["buffers_in_use"], 0)
        finally:
            super().tearDown()

    @contextlib.contextmanager
    def queue(self, **conn):
        """An I/O queue."""
        with Host(self.address, **conn) as h:
            yield h.io[0]

    def terminated(self, c, fes, fei, quoted=None):
        """A termination request with this comes next, then the end."""
        with self.assertRaises(Terminated) as e:
            while True:
                c.recv()
        self.assertEqual((e.exception.fes, e.exception.fei), (fes, fei))
        if quoted is not None:
            self.assertEqual(e.exception.quoted, quoted)
        self.assertRaises(Closed, c.take, 1)

    def refused(self, status, call, *args, **kwargs):
        with self.assertRaises(Refused) as e:
            call(*args, **kwargs)
        self.assertEqual(e.exception.args[0], status)


def patched(c, pdu, at, value):
    """A byte of a header changed; its digest fits."""
    bad = bytearray(pdu)
    bad[at] = value
    if c.hdgst:
        hlen = HLEN[bad[0]]
        bad[hlen:hlen + 4] = crc32c(bad[:hlen])
    return bytes(bad)


def header(kind, flags=0, hlen=0, pdo=0, plen=0, rest=b""):
    return struct.pack("<BBBBI", kind, flags, hlen, pdo, plen) + rest


class FirstBytes(HostileTest):
    """Before ICReq, and ICReq itself."""

    def first(self, data, fes, fei, quoted=None):
        with self.subTest(data=data[:8].hex()), Conn(self.address, hello=False) as c:
            c.send(data)
            self.terminated(c, fes, fei, quoted)

    def test_something_else_first(self):
        for kind, hlen in ((CMD, 72), (H2C_DATA, 24)):
            head = header(kind, 0, hlen, 0, hlen)
            self.first(head + bytes(hlen - 8), SEQ, 0, head)

    def test_types_that_are_not_a_hosts(self):
        for kind in (ICRESP, C2H_TERM, RSP, C2H_DATA, R2T, 8, 10, 0x80, 0xff):
            self.first(header(kind, 0, 24, 0, 24, bytes(16)), INVALID, 0)

    def test_icreq_header(self):
        with Conn(self.address, hello=False) as c:
            good = c.icreq()
        for wrong, fei in (({"flags": HDGSTF}, 1), ({"flags": 0x80}, 1), ({"hlen": 127}, 2),
                           ({"hlen": 0}, 2), ({"pdo": 128}, 3), ({"plen": 127}, 4),
                           ({"plen": 129}, 4), ({"plen": 0}, 4), ({"plen": 0xffffffff}, 4)):
            with Conn(self.address, hello=False) as c:
                self.first(c.icreq(**wrong), INVALID, fei)
        self.first(b"\0\0\x7f\0\x80\0\0\0", INVALID, 2, b"\0\0\x7f\0\x80\0\0\0")
        for pos, value, fes in ((8, 1, UNSUPPORTED), (10, 32, INVALID), (11, 4, INVALID),
                                (11, 0x80, INVALID), (10, 255, INVALID)):
            bad = bytearray(good)
            bad[pos] = value
            self.first(bytes(bad), fes, pos, bytes(bad))
        bad = bytearray(good)
        bad[9] = 1
        self.first(bytes(bad), UNSUPPORTED, 8)

    def test_giant_icreq(self):
        """What it announces is never waited for nor made room for."""
        with Conn(self.address, hello=False) as c:
            c.send(c.icreq(plen=0x7fffffff))
            with contextlib.suppress(ConnectionError):
                c.send(bytes(1 << 20))
            self.terminated(c, INVALID, 4)

    def test_other_protocols(self):
        for data in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01", b"\xff" * 300):
            self.first(data, INVALID, 0, data[:8])

    def test_icreq_twice(self):
        with Conn(self.address) as c:
            again = c.icreq()
            c.send(again)
            self.terminated(c, SEQ, 0, again[:8])
        with Conn(self.address, hello=False) as c:
            c.send(c.icreq() * 2)
            self.assertEqual(c.recv().type, ICRESP)
            self.terminated(c, SEQ, 0)
        with self.queue() as c:
            c.hdgst = False
            c.send(c.icreq())
            self.terminated(c, SEQ, 0)

    def test_data_before_any_command(self):
        with Conn(self.address) as c:
            c.send(c.h2c_data(0, 0, 0, bytes(512)))
            self.terminated(c, INVALID, 10)

    def test_malformed_before_any_command(self):
        with Conn(self.address) as c:
            c.send(c.pdu(CMD, bytes(64), flags=4))
            self.terminated(c, INVALID, 1)

    def test_command_before_connect(self):
        with Conn(self.address) as c:
            self.refused(SEQUENCE, c.identify)
            c.connect()

    def test_nothing_or_a_part(self):
        """Connections that end before they have said anything, or in the middle."""
        with Conn(self.address, hello=False) as c:
            whole = c.icreq()
        for n in range(0, 128, 9):
            with Conn(self.address, hello=False) as c:
                c.send(whole[:n])
        with Conn(self.address) as c:
            command = c.pdu(CMD, sqe(6, 1))
        for n in range(0, 72, 5):
            with Conn(self.address) as c:
                c.send(command[:n])


class Headers(HostileTest):
    """Malformed PDUs on a queue, with every combination of digests."""

    def each(self, build, fes, fei, whole=True):
        for hdgst, ddgst in DIGESTS:
            with self.subTest(fes=fes, fei=fei, hdgst=hdgst, ddgst=ddgst), \
                    self.queue(hdgst=hdgst, ddgst=ddgst) as c:
                bad = build(c)
                c.send(bad)
                hlen = 24 if bad[0] == H2C_DATA else 72
                self.terminated(c, fes, fei, bad[:hlen if whole or hdgst else 8])

    def command(self, data=b"", **wrong):
        return lambda c: c.pdu(CMD, c.rw(1, 0, 1, sgl_capsule(len(data))), data, **wrong)

    def test_types(self):
        for kind in (ICRESP, C2H_TERM, RSP, C2H_DATA, R2T, 8, 0x44, 0xff):
            for hdgst in (False, True):
                with self.subTest(kind=kind, hdgst=hdgst), self.queue(hdgst=hdgst) as c:
                    c.send(header(kind, 0, 24, 0, 24, bytes(20)))
                    self.terminated(c, INVALID, 0, header(kind, 0, 24, 0, 24))

    def test_flags(self):
        self.each(self.command(flags=4), INVALID, 1, False)
        self.each(self.command(flags=0xf0), INVALID, 1, False)
        # a data digest without data; a header digest that was not agreed on, or was
        self.each(lambda c: patched(c, self.command()(c), 1, DDGSTF + c.hdgst), INVALID, 1, False)
        self.each(lambda c: patched(c, self.command()(c), 1, not c.hdgst), INVALID, 1, False)
        # data whose digest's flag says otherwise
        self.each(lambda c: patched(c, self.command(bytes(512))(c), 1,
                                    c.hdgst + (0 if c.ddgst else DDGSTF)), INVALID, 1, False)

    def test_hlen(self):
        for hlen in (0, 8, 71, 73, 255):
            for hdgst in (False, True):
                with self.subTest(hlen=hlen, hdgst=hdgst), self.queue(hdgst=hdgst) as c:
                    bad = self.command(hlen=hlen)(c)
                    c.send(bad)
                    self.terminated(c, INVALID, 2, bad[:8])

    def test_pdo(self):
        for pdo in (0, 71, 74, 208, 255):
            self.each(self.command(bytes(512), pdo=pdo), INVALID, 3, False)
        self.each(self.command(pdo=80), INVALID, 3, False)

    def test_plen(self):
        for plen in (0, 8, 71):
            self.each(self.command(plen=plen), INVALID, 4, False)
        # longer than its header, but nothing is said of where the data would be
        self.each(lambda c: c.pdu(CMD, c.rw(0, 0, 1, sgl_transport(0)), plen=100,
                                  flags=(HDGSTF if c.hdgst else 0) |
                                  (DDGSTF if c.ddgst else 0)), INVALID, 3, False)
        with self.queue(ddgst=True) as c:
            # room for a digest only
            c.send(self.command(bytes(512), plen=76)(c))
            self.terminated(c, INVALID, 4)
        for plen in (0xffffffff, 0x80000000, 72 + 8192 + 100):
            self.each(self.command(bytes(512), plen=plen), LIMIT, 0, False)

    def test_capsule_of_an_io_queue(self):
        """IOCCSZ allows 4,096 bytes there; commands of fabrics may have 8,192."""
        with self.queue() as c:
            c.write(0, bytes(4096), inline=True)
            bad = c.pdu(CMD, c.rw(1, 0, 9, sgl_capsule(4608)), bytes(4608))
            c.send(bad)
            self.terminated(c, LIMIT, 0, bad[:72])

    def test_capsule_of_another_descriptor(self):
        """Data in a capsule whose command has none there: fetched, of another kind, none at all."""
        for opcode, sgl in ((1, sgl_transport(512)), (1, sgl_transport(0)), (2, sgl_transport(512)),
                            (0, bytes(16)), (1, struct.pack("<QI3xB", 0, 512, 0x40))):
            with self.subTest(opcode=opcode, sgl=sgl.hex()):
                self.each(lambda c: c.pdu(CMD, c.rw(opcode, 0, 1, sgl), bytes(512)), INVALID, 4)

    def test_h2c_data_header(self):
        def h2c(**wrong):
            return lambda c: c.h2c_data(1, 1, 0, bytes(512), **wrong)

        self.each(h2c(datal=511), INVALID, 16)
        self.each(h2c(datal=0), INVALID, 16)
        self.each(h2c(datal=0xffffffff), INVALID, 16)
        self.each(lambda c: c.h2c_data(1, 1, 0, bytes(512), flags=8), INVALID, 1, False)
        self.each(lambda c: c.h2c_data(1, 1, 0, b""), INVALID, 4, False)
        self.each(h2c(plen=24 + MAXH2CDATA + 9), LIMIT, 0, False)
        self.each(lambda c: c.h2c_data(1, 1, 0, bytes(MAXH2CDATA + 4)), LIMIT, 0, False)

    def test_header_digest(self):
        for wrong in (0, 0xffffffff, 0x12345678):
            with self.subTest(digest=wrong), self.queue(hdgst=True) as c:
                bad = self.command(hdgst=struct.pack("<I", wrong))(c)
                c.send(bad)
                self.terminated(c, HDR_DIGEST, wrong, bad[:72])
        for at in (1, 3, 4, 7, 8, 40, 71):
            with self.subTest(at=at), self.queue(hdgst=True, ddgst=True) as c:
                bad = bytearray(self.command(bytes(512))(c))
                bad[at] ^= 0x40
                c.send(bytes(bad))
                self.terminated(c, HDR_DIGEST, struct.unpack_from("<I", bad, 72)[0],
                                bytes(bad[:72]))


class Transfers(HostileTest):
    """H2CData that is not what an R2T asks for."""

    def r2t(self, c, size=65536):
        """A write of LBA 0 that waits for data; returns its R2T."""
        cid = c.command(c.rw(1, 0, size // 512, sgl_transport(size)))
        r = c.recv()
        self.assertEqual((r.type, r.cid, r.offset, r.length), (R2T, cid, 0, size))
        return r

    def violate(self, send, fes, fei, **conn):
        with self.subTest(fes=fes, fei=fei), self.queue(**conn) as c:
            send(c, self.r2t(c))
            self.terminated(c, fes, fei)

    def test_tags(self):
        def wrong_ttag(c, r):
            c.send(c.h2c_data(r.cid, r.ttag ^ 1, 0, bytes(65536)))

        def far_ttag(c, r):
            c.send(c.h2c_data(r.cid, 0xffff, 0, bytes(65536)))

        def same_slot(c, r):
            c.send(c.h2c_data(r.cid, (r.ttag + 32) & 0xffff, 0, bytes(65536)))

        def wrong_cid(c, r):
            c.send(c.h2c_data(r.cid ^ 0x100, r.ttag, 0, bytes(65536)))

        for f in (wrong_ttag, far_ttag, same_slot):
            self.violate(f, INVALID, 10)
        self.violate(wrong_cid, INVALID, 8)

    def test_ranges(self):
        for at, n in ((65536, 4), (65532, 8), (0, 65540), (0x80000000, 4), (0xfffffffc, 8),
                      (0xffffffff, 1)):
            def send(c, r, at=at, n=n):
                c.send(c.h2c_data(r.cid, r.ttag, at, bytes(n), 0))

            self.violate(send, RANGE, 0)

    def test_order(self):
        def gap(c, r):
            c.send(c.h2c_data(r.cid, r.ttag, 4, bytes(4), 0))

        def twice(c, r):
            c.send(c.h2c_data(r.cid, r.ttag, 0, bytes(512), 0) * 2)

        def overlap(c, r):
            c.send(c.h2c_data(r.cid, r.ttag, 0, bytes(512), 0))
            c.send(c.h2c_data(r.cid, r.ttag, 508, bytes(512), 0))

        def early_last(c, r):
            c.send(c.h2c_data(r.cid, r.ttag, 0, bytes(512), LAST))

        def no_last(c, r):
            c.send(c.h2c_data(r.cid, r.ttag, 0, bytes(65536), 0))

        for f in (gap, twice, overlap, early_last, no_last):
            self.violate(f, SEQ, 0)
            self.violate(f, SEQ, 0, hdgst=True, ddgst=True)

    def test_after_the_end(self):
        """Data for a command that has ended, of either kind."""
        with self.queue() as c:
            r = self.r2t(c)
            c.answer_r2t(r, bytes(65536))
            self.assertEqual(c.recv().status, 0)
            c.send(c.h2c_data(r.cid, r.ttag, 0, bytes(65536)))
            self.terminated(c, INVALID, 10)
        with self.queue() as c:
            c.write(0, bytes(4096), inline=True)
            c.send(c.h2c_data(c.cid, 0, 0, bytes(4096)))
            self.terminated(c, INVALID, 10)

    def test_twice_the_last(self):
        with self.queue() as c:
            r = self.r2t(c)
            c.send(c.h2c_data(r.cid, r.ttag, 0, bytes(65536)) * 2)
            self.terminated(c, INVALID, 10)

    def test_before_the_r2t(self):
        """A host that guesses: the command is known, but it has asked for nothing yet."""
        for opcode in (1, 2):
            for ttag in (0, 1, 31):
                with self.queue() as c:
                    entry = c.rw(opcode, 0, 1, sgl_transport(512))
                    c.send(c.pdu(CMD, entry) + c.h2c_data(c.cid, ttag, 0, bytes(512)))
                    self.terminated(c, INVALID, 10)

    def test_data_digest(self):
        """The command fails, the connection and the disk stay."""
        with self.queue(ddgst=True) as c:
            good = os.urandom(4096)
            c.write(0, good)
            entry = c.rw(1, 0, 8, sgl_capsule(4096))
            c.send(c.pdu(CMD, entry, bytes(4096), ddgst=bytes(4)))
            r, _ = c.complete(c.cid)
            self.assertEqual(r.status & 0x7ff, TRANSIENT)
            self.assertEqual(c.read(0, 8), good)
            # one bad piece in the middle of those that an R2T asks for
            r = self.r2t(c, 65536)
            for n in range(16):
                wrong = {"ddgst": b"\1\2\3\4"} if n == 5 else {}
                c.send(c.h2c_data(r.cid, r.ttag, n * 4096, bytes(4096),
                                  LAST if n == 15 else 0, **wrong))
            r, _ = c.complete(r.cid)
            self.assertEqual(r.status & 0x7ff, TRANSIENT)
            c.write(0, good)
            self.assertEqual(c.read(0, 8), good)
        self.assertEqual(tcp_counters(self.daemon)["digest_errors"], 2)

    def test_data_digest_of_a_command_without_data(self):
        """Data that nobody has asked for, damaged on top."""
        with self.queue(ddgst=True) as c:
            c.send(c.pdu(CMD, sqe(0, c.next_cid(), 1, sgl_capsule(512)), bytes(512),
                         ddgst=bytes(4)))
            r, _ = c.complete(c.cid)
            self.assertIn(r.status & 0x7ff, (0, TRANSIENT))
            c.write(0, bytes(512))


class SeveralR2ts(HostileTest):
    """Hosts that take several at a time: in their order, each with its own tag."""

    options = {"max_io_size": 1 << 20}
    size = 1 << 20

    def test_in_order(self):
        with self.queue(maxr2t=4) as c:
            data = os.urandom(self.size)
            c.write(0, data, size=12288)
            self.assertEqual(c.read(0, self.size // 512), data)

    def test_out_of_order(self):
        for second in (False, True):
            with self.queue(maxr2t=4) as c:
                c.command(c.rw(1, 0, self.size // 512, sgl_transport(self.size)))
                asked = [c.recv() for _ in range(4)]
                self.assertEqual([r.offset for r in asked],
                                 [n * asked[0].length for n in range(4)])
                self.assertEqual(len({r.ttag for r in asked}), 4)
                r = asked[1]
                # the second one's data, or the first one's tag with it
                c.send(c.h2c_data(r.cid, asked[0 if second else 1].ttag, r.offset, bytes(4096), 0))
                self.terminated(c, *((RANGE, 0) if second else (INVALID, 10)))


class Commands(HostileTest):
    """What is a command's fault is told by its status, and the connection stays."""

    def test_unknown_opcodes(self):
        with self.queue() as c:
            for opcode in (0x03, 0x0f, 0x55, 0x7e, 0x80, 0xff):
                self.refused(OPCODE, c.do, sqe(opcode, c.next_cid(), 1))
            c.write(0, bytes(512))

    def test_sgls(self):
        def refused(status, sgl, data=b"", opcode=1):
            with self.subTest(sgl=sgl.hex(), data=len(data)):
                self.refused(status, c.do, c.rw(opcode, 0, 1, sgl), data)

        with self.queue() as c:
            # bit bucket, segment, keyed, a vendor's
            for kind in (0x10, 0x20, 0x40, 0xf5):
                refused(TYPE, struct.pack("<QI3xB", 0, 512, kind))
            # more than the capsule has, an offset beyond its end, nothing at all
            for status, length, offset in ((LENGTH, 4096, 0), (LENGTH, 512, 4), (LENGTH, 1, 512),
                                           (OFFSET, 1, 513), (OFFSET, 512, 0xfffffffffffffe00)):
                refused(status, sgl_capsule(length, offset), bytes(512))
            refused(LENGTH, sgl_capsule(512))
            # a response's capsule has no data
            refused(TYPE, sgl_capsule(512), opcode=2)
            # lengths that are not the command's
            for n in (0, 511, 513, 1024, 0xffffffff):
                refused(LENGTH, sgl_transport(n))
            c.write(0, bytes(512))

    def test_more_than_the_queue_has(self):
        """A host that takes no notice of the size of its queue."""
        with Host(self.address, sqsize=3) as h:
            c = h.io[0]
            for _ in range(4):
                c.command(c.rw(1, 0, 8, sgl_transport(4096)))
            c.command(c.rw(1, 0, 8, sgl_transport(4096)))
            self.terminated(c, SEQ, 0)

    def test_identifiers_twice(self):
        """One identifier for two commands: whatever comes of it, nothing breaks."""
        with self.queue() as c:
            entry = c.rw(1, 0, 8, sgl_transport(4096))
            c.send(c.pdu(CMD, entry) * 2)
            with contextlib.suppress(Terminated, Closed):
                for _ in range(4):
                    p = c.recv()
                    if p.type == R2T:
                        c.answer_r2t(p, bytes(4096))


class Endings(HostileTest):
    """Termination requests from the host, and connections that break off."""

    @staticmethod
    def term(fes=1, fei=0, quoted=b"", **wrong):
        return header(H2C_TERM, wrong.get("flags", 0), wrong.get("hlen", 24), 0,
                      wrong.get("plen", 24 + len(quoted)),
                      struct.pack("<HI10x", fes, fei) + quoted)

    def test_terminations(self):
        """None is answered by another one, however malformed it is."""
        for wrong in ({}, {"fes": 0xffff, "fei": 0xffffffff}, {"quoted": bytes(128)},
                      {"quoted": bytes(129)}, {"plen": 0}, {"plen": 0xffffffff}, {"hlen": 200},
                      {"flags": 0xff}):
            for where in ("hello", "connected", "queue"):
                with self.subTest(where=where, wrong=wrong), contextlib.ExitStack() as stack:
                    if where == "queue":
                        c = stack.enter_context(self.queue())
                    else:
                        c = stack.enter_context(Conn(self.address, hello=where == "connected"))
                    c.send(self.term(**wrong))
                    self.assertRaises(Closed, c.recv)

    def test_termination_amid_work(self):
        with self.queue(hdgst=True, ddgst=True) as c:
            for n in range(16):
                c.command(c.rw(1, n * 8, 8, sgl_transport(4096)))
                c.command(c.rw(2, n * 8, 8, sgl_transport(4096)))
            c.send(self.term())
            c.closed()

    def test_broken_off_anywhere(self):
        """Reset at every place of a conversation: all is given back."""
        with self.queue() as c:
            write = c.pdu(CMD, c.rw(1, 0, 8, sgl_capsule(4096)), bytes(4096))
            large = c.pdu(CMD, c.rw(1, 0, 128, sgl_transport(65536)))
            read = c.pdu(CMD, c.rw(2, 0, 256, sgl_transport(131072)))
        data = struct.pack("<BBBBIHHII4x", H2C_DATA, LAST, 24, 24, 24 + 65536, 0, 0, 0, 65536)
        for out in (write[:73], write[:-1], write + read * 8, large, large + read + data,
                    large * 20, read * 20, data[:20]):
            for reset in (False, True):
                with self.queue() as c:
                    if reset:
                        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                          struct.pack("ii", 1, 0))
                    c.send(out)
        with self.queue() as c:
            c.write(0, bytes(4096))

    def test_faults_amid_work(self):
        """A violation while much is under way: what was asked for does not come late."""
        for n in range(8):
            with self.queue() as c:
                out = b""
                for k in range(10):
                    out += c.pdu(CMD, c.rw(2, k * 256, 256, sgl_transport(131072)))
                    out += c.pdu(CMD, c.rw(1, k * 8, 8, sgl_transport(4096)))
                c.send(out + header(0xff, n))
                self.terminated(c, INVALID, 0)


class Delivery(HostileTest):
    """How the bytes come makes no difference."""

    def test_byte_at_a_time(self):
        for hdgst, ddgst in ((False, False), (True, True)):
            with self.subTest(hdgst=hdgst), Host(self.address, hdgst=hdgst, ddgst=ddgst) as h:
                c = h.io[0]
                c.pieces = [1]
                data = os.urandom(1024)
                c.write(0, data, inline=True)
                c.write(2, data, size=512)
                self.assertEqual(c.read(0, 4), data * 2)

    def test_from_the_first_byte(self):
        c = Conn(self.address, hdgst=True, ddgst=True, hello=False)
        with c:
            c.pieces = [1, 1, 2]
            c.hello()
            c.connect()
            c.enable()

    def test_random_pieces(self):
        rng = random.Random(11)
        for n in range(20):
            with Host(self.address, hdgst=n % 2 > 0, ddgst=n % 4 > 1, hpda=n) as h:
                c = h.io[0]
                c.pieces = [rng.choice((1, 7, 24, 72, 76, 500, 5000, 40000))
                            for _ in range(rng.randrange(1, 12))]
                data = rng.randbytes(65536)
                c.write(0, data[:4096], inline=True)
                c.write(8, data[4096:], size=rng.choice((4096, 10000, None)))
                self.assertEqual(c.read(0, 128), data)

    def test_all_at_once(self):
        """Many PDUs of all kinds in one piece, the last of them broken."""
        with self.queue(hdgst=True, ddgst=True) as c:
            data = [os.urandom(4096) for _ in range(24)]
            out = b"".join(c.pdu(CMD, c.rw(1, n * 8, 8, sgl_capsule(4096)), d)
                           for n, d in enumerate(data))
            c.send(out)
            for n in range(24):
                self.assertEqual(c.complete(c.cid - 23 + n)[0].status, 0)
            self.assertEqual(c.read(0, 24 * 8), b"".join(data))
            bad = c.pdu(CMD, c.rw(1, 0, 8, sgl_capsule(4096)), data[0], hdgst=bytes(4))
            c.send(c.pdu(CMD, c.rw(2, 0, 8, sgl_transport(4096))) + bad)
            self.terminated(c, HDR_DIGEST, 0)


class Noise(HostileTest):
    """Good conversations with bytes changed, and no conversation at all."""

    args = ("-m", ",".join(map(str, CORES)))

    def conversation(self, c, rng):
        out = b""
        for _ in range(6):
            kind = rng.randrange(4)
            lba = rng.randrange(0, 4096 - 256)
            if kind == 0:
                out += c.pdu(CMD, c.rw(1, lba, 1, sgl_capsule(512)), rng.randbytes(512))
            elif kind == 1:
                out += c.pdu(CMD, c.rw(1, lba, 8, sgl_transport(4096)))
                out += c.h2c_data(c.cid, rng.randrange(32), 0, rng.randbytes(4096))
            elif kind == 2:
                out += c.pdu(CMD, c.rw(2, lba, 8, sgl_transport(4096)))
            else:
                out += c.pdu(CMD, sqe(rng.randrange(256), c.next_cid(), 1))
        return out

    @staticmethod
    def spoil(data, rng):
        bad = bytearray(data)
        for _ in range(rng.randrange(1, 6)):
            bad[rng.randrange(len(bad))] = rng.choice((0, 1, 4, 0x7f, 0xff, rng.randrange(256)))
        return bytes(bad)

    @staticmethod
    def drain(c):
        """Read on until the daemon ends it, or has nothing more to say."""
        c.sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while c.sock.recv(1 << 16):
                pass

    def test_changed_bytes(self):
        rng = random.Random(5)
        for n in range(120):
            with self.queue(hdgst=n % 4 == 3, ddgst=n % 2 > 0) as c:
                c.send(self.spoil(self.conversation(c, rng), rng))
                self.drain(c)

    def test_changed_bytes_at_the_beginning(self):
        rng = random.Random(6)
        for _ in range(120):
            with Conn(self.address, hello=False) as c:
                with contextlib.suppress(ConnectionError):
                    c.send(self.spoil(c.icreq(), rng) + self.conversation(c, rng))
                    self.drain(c)

    def test_random_bytes(self):
        rng = random.Random(7)
        for n in range(60):
            with self.queue() if n & 1 else Conn(self.address) as c:
                with contextlib.suppress(ConnectionError):
                    c.send(rng.randbytes(rng.randrange(1, 2000)))
                    self.drain(c)


if __name__ == "__main__":
    unittest.main()
