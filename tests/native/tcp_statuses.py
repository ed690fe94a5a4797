#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Statuses that no other native test meets: of admin commands, of Connect and properties,
and of I/O commands, each as the host reads it, with Do Not Retry or without."""
import os
import struct
import unittest

from daemon import DaemonTest
from tcp_disk import arrived, free_port
from tcp_host import (DISCOVERY, HOSTID, HOSTNQN, SUBNQN, Conn, Host, Refused, sgl_capsule,
                      sgl_transport, sqe)

DNR = 0x4000
INVALID_OPCODE, INVALID_FIELD = DNR | 0x01, DNR | 0x02
INTERNAL, ABORTED, SQ_DELETED = 0x06, DNR | 0x07, 0x08
INVALID_NS, SEQUENCE, DATA_LENGTH, SGL_TYPE = DNR | 0x0b, DNR | 0x0c, DNR | 0x0f, DNR | 0x11
HOST_ID_FORMAT = DNR | 0x18
PREEMPTED, WRITE_PROTECTED, CAPACITY, CONFLICT = DNR | 0x1b, DNR | 0x20, DNR | 0x81, DNR | 0x83
ABORT_LIMIT, EVENT_LIMIT, LOG_PAGE = DNR | 0x103, DNR | 0x105, DNR | 0x109
NOT_SAVEABLE, NOT_CHANGEABLE, NOT_PER_NS = DNR | 0x10d, DNR | 0x10e, DNR | 0x10f
CONNECT_FORMAT, CONNECT_PARAMETER = DNR | 0x180, DNR | 0x182
IDENTIFY, ABORT, SET, GET, EVENT, LOG = 6, 8, 9, 0xa, 0xc, 2
WRITE, UNCORRECTABLE, ZEROES, DSM, COPY = 1, 4, 8, 9, 0x19
REGISTER, REPORT, ACQUIRE = 0xd, 0xe, 0x11
SAVE, ERRORS, RESV_MASK = 1 << 31, 1, 0x82
OTHER = {"hostnqn": "nqn.2026-11.io.weft:other", "hostid": b"other-test-hosts"}


class Statuses(DaemonTest):
    transport = {}

    def setUp(self):
        super().setUp()
        d = self.daemon
        path = os.path.join(d.dir.name, "disk.img")
        with open(path, "wb") as f:
            f.truncate(1 << 20)
        d.ok("nvmf_create_transport", {"trtype": "TCP", **self.transport})
        d.ok("nvmf_create_subsystem", {"nqn": SUBNQN, "allow_any_host": True})
        d.ok("bdev_malloc_create", {"name": "ram", "num_blocks": 8192, "block_size": 512})
        d.ok("bdev_error_create", {"base_name": "ram"})
        d.ok("bdev_uring_create", {"name": "file", "filename": path, "readonly": True})
        for name in "EE_ram", "file":
            d.ok("nvmf_subsystem_add_ns", {"nqn": SUBNQN, "namespace": {"bdev_name": name}})
        self.address = "127.0.0.1", free_port()
        for nqn in SUBNQN, DISCOVERY:
            d.ok("nvmf_subsystem_add_listener", {"nqn": nqn, "listen_address": {
                "trtype": "TCP", "traddr": "127.0.0.1", "trsvcid": str(self.address[1])}})

    def status(self, conn, opcode, nsid=0, sgl=None, *cdw, capsule=b""):
        """Of a command; 0 if it succeeds."""
        r, _ = conn.complete(conn.command(sqe(opcode, conn.next_cid(), nsid, sgl, *cdw), capsule))
        return r.status if r else 0


class Admin(Statuses):
    transport = {"abort_timeout_sec": 600}

    def test_identify_and_logs(self):
        page = sgl_transport(4096)
        with Host(self.address, queues=0) as h:
            for want, *command in (
                    (0, IDENTIFY, 2, page, 0), (INVALID_NS, IDENTIFY, 0, page, 0),
                    (INVALID_NS, IDENTIFY, 33, page, 0), (INVALID_NS, IDENTIFY, 9, page, 3),
                    (INVALID_NS, IDENTIFY, 0xffffffff, page, 2),
                    (INVALID_FIELD, IDENTIFY, 0, page, 0x7f),
                    (DATA_LENGTH, IDENTIFY, 0, sgl_transport(4095), 1),
                    (DATA_LENGTH, IDENTIFY, 0, sgl_transport(0), 1),
                    (SGL_TYPE, IDENTIFY, 0, struct.pack("<QI3xB", 0, 4096, 0x40), 1),
                    (0, LOG, 0xffffffff, page, ERRORS | 1023 << 16),
                    (LOG_PAGE, LOG, 0xffffffff, page, 0xc | 1023 << 16),
                    (INVALID_FIELD, LOG, 0xffffffff, page, ERRORS | 1023 << 16, 0, 2),
                    (INVALID_FIELD, LOG, 0xffffffff, page, ERRORS | 1023 << 16, 0, 1 << 20),
                    (INVALID_OPCODE, 0x0d), (INVALID_OPCODE, 0x80), (0, 0x18)):
                self.assertEqual(self.status(h.admin, *command), want, command)

    def test_features(self):
        with Host(self.address, queues=0) as h:
            for want, *command in (
                    (0, SET, 0, None, 1, 5), (NOT_SAVEABLE, SET, 0, None, SAVE | 1, 5),
                    (NOT_PER_NS, SET, 1, None, 1, 5), (NOT_CHANGEABLE, SET, 0, None, 6, 0),
                    (0, SET, 0, None, 6, 1), (INVALID_FIELD, SET, 0, None, 8, 0),
                    (INVALID_FIELD, SET, 0, None, 2, 1), (INVALID_FIELD, GET, 0, None, 4 << 8 | 1),
                    (0, SET, 1, None, RESV_MASK, 2), (INVALID_NS, SET, 9, None, RESV_MASK, 2),
                    (INVALID_NS, GET, 0xffffffff, None, RESV_MASK)):
                self.assertEqual(self.status(h.admin, *command), want, command)
            self.assertEqual(h.admin.get_feature(1), 5)

    def test_events(self):
        """One more than there may be; a reset ends them."""
        with Host(self.address, queues=0) as h:
            asked = [h.admin.ask_event() for _ in range(4)]
            self.assertEqual(self.status(h.admin, EVENT), EVENT_LIMIT)
            h.admin.prop_set(0x14, 0x460000)
            self.assertEqual([h.admin.complete(cid)[0].status for cid in asked], [SQ_DELETED] * 4)
            h.admin.enable()
            self.assertEqual(self.status(h.admin, 0x18), 0)

    def test_aborts(self):
        """Four may wait for what they abort, the fifth is refused."""
        with Host(self.address) as h:
            io, waiting = h.io[0], []
            for lba in range(5):
                io.command(io.rw(WRITE, lba, 1, sgl_transport(512)))
            r2ts = [io.recv()]
            arrived(self.daemon, h, 1)
            r2ts += [io.recv() for _ in range(4)]
            for r in r2ts[:4]:
                waiting.append(h.admin.command(sqe(ABORT, h.admin.next_cid(), 0, None,
                                                   1 | r.cid << 16)))
            self.assertEqual(self.status(h.admin, ABORT, 0, None, 1 | r2ts[4].cid << 16),
                             ABORT_LIMIT)
            for r in r2ts:
                io.answer_r2t(r, bytes(512))
            self.assertEqual([io.complete(r.cid)[0].status for r in r2ts], [ABORTED] * 4 + [0])
            self.assertEqual([h.admin.complete(cid)[0].result for cid in waiting], [0] * 4)
            # and now there is room again
            self.assertFalse(h.admin.abort(1, r2ts[4].cid))

    def test_discovery(self):
        with Host(self.address, queues=0, subnqn=DISCOVERY) as h:
            self.assertEqual(self.status(h.admin, ABORT), INVALID_OPCODE)
            self.assertEqual(self.status(h.admin, LOG, 0, sgl_transport(512), 2 | 127 << 16),
                             LOG_PAGE)
            self.assertEqual(self.status(h.admin, SET, 0, None, 7, 0), INVALID_FIELD)


class Fabrics(Statuses):
    def refused(self, want, do, *args, **more):
        with self.assertRaises(Refused) as e:
            do(*args, **more)
        self.assertEqual(e.exception.args[0], want)

    def test_connect(self):
        data = struct.pack("<16sH238x256s256s256x", HOSTID, 0xffff, SUBNQN.encode(),
                           HOSTNQN.encode())
        with Conn(self.address) as c, Conn(self.address) as io:
            def connect(recfmt=0, length=1024):
                entry = struct.pack("<BBHB19x16sHHHBxI12x", 0x7f, 0x40, c.next_cid(), 1,
                                    sgl_capsule(length), recfmt, 0, 31, 0, 0)
                return c.do(entry, data[:length])[0]

            self.refused(SEQUENCE, c.prop_get, 0x1c)
            self.refused(SEQUENCE, c.identify)
            self.refused(CONNECT_FORMAT, connect, 1)
            self.refused(DATA_LENGTH, connect, 0, 1020)
            cntlid = connect() & 0xffff
            self.refused(SEQUENCE, connect)
            # neither admin commands nor I/O queues before it is enabled
            self.refused(SEQUENCE, c.identify)
            self.refused(SEQUENCE, io.connect, 1, cntlid)
            c.enable()
            self.refused(CONNECT_PARAMETER, io.connect, 1, cntlid, **OTHER)
            io.connect(1, cntlid)
            self.refused(SEQUENCE, io.connect, 2, cntlid)

    def test_properties(self):
        with Host(self.address, queues=1) as h:
            for call, *args in ((h.admin.prop_get, 0x1000), (h.admin.prop_get, 0x14, 1),
                                (h.admin.prop_set, 0x1c, 1), (h.admin.prop_set, 0x14, 0x470001)):
                self.refused(INVALID_FIELD, call, *args)
            self.refused(INVALID_OPCODE, h.io[0].prop_get, 0x1c)


class Io(Statuses):
    def test_write_protected(self):
        block, ranges = sgl_capsule(512), sgl_capsule(16)
        with Host(self.address) as h:
            io = h.io[0]
            for opcode, sgl, capsule, *cdw in (
                    (WRITE, block, bytes(512)), (ZEROES, None, b""), (UNCORRECTABLE, None, b""),
                    (DSM, ranges, struct.pack("<IIQ", 0, 1, 0), 0, 4),
                    (COPY, sgl_capsule(32), struct.pack("<8xQH14x", 0, 0))):
                self.assertEqual(self.status(io, opcode, 2, sgl, *cdw, capsule=capsule),
                                 WRITE_PROTECTED, opcode)
            self.assertEqual(io.read(0, 1, nsid=2), bytes(512))
            self.assertEqual(h.admin.identify(0, 2)[99] & 1, 1)     # NSATTR

    def test_report_of_short_identifiers(self):
        """Hosts of fabrics have long ones: the report has to be asked for them."""
        with Host(self.address) as h:
            for want, eds in (HOST_ID_FORMAT, 0), (0, 1):
                self.assertEqual(self.status(h.io[0], REPORT, 1, sgl_transport(64), 15, eds), want)

    def test_no_memory(self):
        self.daemon.ok("bdev_error_inject_error", {"name": "EE_ram", "io_type": "write",
                                                   "error_type": "nomem"})
        with Host(self.address) as h:
            self.assertEqual([self.status(h.io[0], WRITE, 1, sgl_capsule(512), capsule=bytes(512))
                              for _ in range(2)], [INTERNAL, 0])

    def test_too_many_uncorrectable_pieces(self):
        with Host(self.address) as h:
            io, good = h.io[0], 0
            while not (st := self.status(io, UNCORRECTABLE, 1, None, 2 * good)):
                good += 1
            self.assertEqual(st, CAPACITY)
            self.assertGreater(good, 100)
            # it is as it was; one piece less leaves room for another
            self.assertEqual(io.read(2 * good, 1), bytes(512))
            io.write(0, bytes(512))
            self.assertEqual(self.status(io, UNCORRECTABLE, 1, None, 2 * good), 0)

    def test_preempt_and_abort(self):
        """A write whose data comes too late, and one that comes later."""
        def resv(io, opcode, action, *keys, kind=0):
            return self.status(io, opcode, 1, sgl_capsule(16), action | kind << 8,
                               capsule=struct.pack("<QQ", *keys))

        with Host(self.address) as a, Host(self.address, **OTHER) as b:
            self.assertEqual([resv(a.io[0], REGISTER, 0, 0, 1), resv(b.io[0], REGISTER, 0, 0, 2),
                              resv(b.io[0], ACQUIRE, 0, 2, 0, kind=1)], [0, 0, 0])
            io = b.io[0]
            late = io.command(io.rw(WRITE, 0, 1, sgl_transport(512)))
            r2t = io.recv()
            self.assertEqual(resv(a.io[0], ACQUIRE, 2, 1, 2, kind=1), 0)
            io.answer_r2t(r2t, b"x" * 512)
            self.assertEqual(io.complete(late)[0].status, PREEMPTED)
            self.assertEqual(self.status(io, WRITE, 1, sgl_capsule(512), capsule=bytes(512)),
                             CONFLICT)
            self.assertEqual(a.io[0].read(0, 1), bytes(512))


if __name__ == "__main__":
    unittest.main()
