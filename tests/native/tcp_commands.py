#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""The rarer commands over NVMe/TCP, with the daemon on two cores where there are two:
Verify, Write Uncorrectable, Copy, fused Compare and Write, reservations of two hosts."""
import json
import os
import struct
import unittest

from daemon import Daemon
from tcp_disk import (GENERIC, HOST, HOSTID, MEDIA, NQN, OK, SPECIFIC, USAGE, TcpTest, arrived)
from tcp_host import Host, Refused, sgl_capsule, sgl_transport, sqe

CORES = ",".join(str(c) for c in sorted(os.sched_getaffinity(0))[:2])
OTHER = "nqn.2026-11.io.weft:other"
OTHERID = "0f01fb42-9f7f-4856-b0b3-51e60b8de350"
COMPARE, WRITE, FIRST, SECOND = 5, 1, 0x41, 0x42
INVALID_FIELD, ABORTED, FAILED_FUSED, MISSING_FUSED, ATOMIC_UNIT = 0x02, 0x07, 0x09, 0x0a, 0x14
LBA_RANGE, COMPARE_FAILED = 0x80, 0x285
DNR = 0x4000
RESV_PERSISTENCE = 0x83  # a feature


class Blocks(TcpTest):
    args = ("-m", CORES)

    def unreadable(self, lba, blocks=1):
        self.io("read", "--lba", lba, "--blocks", blocks, code=MEDIA, says="Unrecovered Read Error")

    def test_uncorrectable(self):
        data = os.urandom(16 * 512)
        self.write(0, data)
        self.io("verify", "--blocks", 16)
        self.io("write-uncorrectable", "--lba", 4, "--blocks", 3)
        for lba in 4, 5, 6:
            self.unreadable(lba)
        self.unreadable(0, 16)
        self.assertEqual(self.read(0, 4) + self.read(7, 9), data[:2048] + data[7 * 512:])
        self.io("verify", "--blocks", 5, code=MEDIA, says="Unrecovered Read Error")
        self.io("verify", "--blocks", 4)
        self.io("compare", "--lba", 4, "--file", "-", data=bytes(512), code=MEDIA,
                says="Unrecovered Read Error")
        self.io("copy", "--lba", 100, "--ranges", "0+2,6+2", code=MEDIA,
                says="Unrecovered Read Error")
        # writing makes them good, block by block
        self.write(4, data[:512])
        self.io("write-zeroes", "--lba", 6)
        self.assertEqual(self.read(4, 1) + self.read(6, 1), data[:512] + bytes(512))
        self.unreadable(5)
        self.io("copy", "--lba", 5, "--ranges", "0+1")
        self.assertEqual(self.read(4, 2), data[:512] * 2)
        self.io("verify", "--blocks", 16)
        for name in "verify", "write-uncorrectable":
            self.io(name, "--lba", self.blocks - 1, "--blocks", 2, code=GENERIC,
                    says="LBA Out of Range")
            self.io(name, "--nsid", 2, code=GENERIC, says="Invalid Namespace")

    def test_injected(self):
        """Each command ends with an injected failure once, Write Zeroes, too."""
        d = self.daemon
        d.ok("bdev_malloc_create", {"name": "base", "num_blocks": 64, "block_size": 512})
        d.ok("bdev_error_create", {"base_name": "base"})
        d.ok("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {"bdev_name": "EE_base"}})
        inject = {"name": "EE_base", "io_type": "all", "error_type": "failure", "num": 1}
        d.ok("bdev_error_inject_error", inject)
        for name in "read", "write-zeroes", "flush":
            self.io(name, "--nsid", 2, code=MEDIA)
            self.io(name, "--nsid", 2)
        d.ok("bdev_error_inject_error", inject)
        d.ok("bdev_error_inject_error", {**inject, "io_type": "clear"})
        self.io("write-zeroes", "--nsid", 2)

    def test_injected_status(self):
        """As it was asked for, through what stands above, for whoever meets it; with DNR if the
        command itself is what is wrong. The next one succeeds."""
        d = self.daemon
        d.ok("bdev_malloc_create", {"name": "base", "num_blocks": 64, "block_size": 512})
        d.ok("bdev_error_create", {"base_name": "base"})
        d.ok("bdev_passthru_create", {"base_bdev_name": "EE_base", "name": "pt"})
        d.ok("bdev_delay_create", {"base_bdev_name": "pt", "name": "top", **{
            f"{n}_latency": 2000 for n in ("avg_read", "p99_read", "avg_write", "p99_write")}})
        d.ok("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {"bdev_name": "top"}})
        data, list_ = bytes(512), sgl_capsule(32)
        commands = {
            "read": ((2, sgl_transport(512), b""), (COMPARE, sgl_capsule(512), data),
                     (0xc, None, b""), (0x19, list_, struct.pack("<8xQH14x", 0, 0))),
            "write": ((WRITE, sgl_capsule(512), data),
                      (0x19, list_, struct.pack("<8xQH14x", 0, 0))),
            "flush": ((0, None, b""),),
            "all": ((8, None, b""),)}
        with Host(("127.0.0.1", self.port)) as h:
            io = h.io[0]

            def do(opcode, sgl, capsule):
                cid = io.command(sqe(opcode, io.next_cid(), 2, sgl), capsule)
                r, _ = io.complete(cid)
                return r.status if r else 0

            for sct, sc, dnr in ((2, 0x81, 0), (2, 0x82, 0), (3, 2, 0), (7, 0xff, 0), (0, 6, 0),
                                 (0, 0x82, 0), (0, 0x81, DNR), (0, 0x15, DNR), (1, 0, DNR)):
                for io_type, kinds in commands.items():
                    for command in kinds:
                        d.ok("bdev_error_inject_error", {
                            "name": "EE_base", "io_type": io_type, "error_type": "nvme_failure",
                            "nvme_sct": sct, "nvme_sc": sc})
                        self.assertEqual(do(*command), dnr | sct << 8 | sc, (io_type, command))
                        self.assertEqual(do(*command), 0, (io_type, command))
                        d.ok("bdev_error_inject_error", {
                            "name": "EE_base", "io_type": "clear", "error_type": "failure"})
            # these are worth another try
            for sc in 0x04, 0x05, 0x08, 0x1d, 0x21, 0x22, 0x84:
                d.ok("bdev_error_inject_error", {
                    "name": "EE_base", "io_type": "write", "error_type": "nvme_failure",
                    "nvme_sct": 0, "nvme_sc": sc})
                self.assertEqual([do(*commands["write"][0]) for _ in range(2)], [sc, 0])
            # a failure may tell one, too, and one that does not is a medium's
            for more, status in (({"nvme_sct": 1, "nvme_sc": 0x82}, DNR | 0x182), ({}, 0x281)):
                d.ok("bdev_error_inject_error", {"name": "EE_base", "io_type": "read",
                                                 "error_type": "failure", **more})
                self.assertEqual(do(*commands["read"][0]), status)

    def test_copy(self):
        data = os.urandom(32 * 512)
        self.write(0, data)
        # onto itself, in an order of its own
        self.io("copy", "--lba", 2, "--ranges", "4+4,0+4")
        self.assertEqual(self.read(0, 12), data[:1024] + data[2048:4096] + data[:2048] +
                         data[10 * 512:12 * 512])
        self.io("copy", "--lba", self.blocks - 3, "--ranges", "0+4", code=GENERIC,
                says="LBA Out of Range")
        self.io("copy", "--ranges", f"{self.blocks}+1", code=GENERIC, says="LBA Out of Range")
        ns = self.io("identify", "--cns", 0, "--nsid", 1, "--file", "-")
        mssrl, mcl, msrc = struct.unpack_from("<HIB", ns, 74)
        self.assertTrue(mssrl and mcl and msrc, (mssrl, mcl, msrc))
        ranges = ",".join(["0+1"] * (msrc + 1))
        self.io("copy", "--lba", 1000, "--ranges", ranges)
        self.assertEqual(self.read(1000, msrc + 1), self.read(0, 1) * (msrc + 1))
        limit = {"code": SPECIFIC, "says": "Command Size Limit"}
        self.io("copy", "--ranges", ranges + ",0+1", **limit)
        if mssrl < 65535:
            self.io("copy", "--ranges", f"0+{mssrl + 1}", **limit)
        if mssrl * (msrc + 1) > mcl:
            self.io("copy", "--ranges", ",".join([f"0+{mssrl}"] * (msrc + 1)), **limit)


class Limits(TcpTest):
    """dmrsl and wzsl of a subsystem: told by Identify, and kept to."""

    args = ("-m", CORES)
    ERRORS, WRITE_ZEROES, DSM, DEALLOCATE = 1, 8, 9, 4

    def serve(self):
        super().serve()
        d = self.daemon
        self.limited = {"nqn": NQN + "-limited", "allow_any_host": True, "dmrsl": 8, "wzsl": 1}
        d.ok("nvmf_create_subsystem", self.limited)
        d.ok("bdev_malloc_create", {"name": "disk2", "num_blocks": 4096, "block_size": 512})
        d.ok("nvmf_subsystem_add_ns", {"nqn": self.limited["nqn"],
                                       "namespace": {"bdev_name": "disk2"}})
        self.listen(self.limited["nqn"])

    def host(self, nqn=None):
        return Host(("127.0.0.1", self.port), subnqn=nqn or self.limited["nqn"])

    def deallocate(self, io, *ranges):
        data = b"".join(struct.pack("<IIQ", 0, n, lba) for lba, n in ranges)
        io.do(sqe(self.DSM, io.next_cid(), 1, sgl_capsule(len(data)), len(ranges) - 1,
                  self.DEALLOCATE), data)

    def zero(self, io, blocks):
        cid = io.command(sqe(self.WRITE_ZEROES, io.next_cid(), 1, None, 0, 0, blocks - 1))
        return io.complete_all([cid])[0]

    def test_told(self):
        with self.host() as h, self.host(NQN) as free:
            self.assertEqual(h.admin.identify(6), struct.pack("<BBBBIQ", 0, 1, 0, 255, 8,
                                                              2**64 - 1).ljust(4096, b"\0"))
            self.assertEqual(free.admin.identify(6), bytes(4096))
            self.assertEqual(self.zero(free.io[0], 65536), 0)

    def test_deallocate(self):
        """What is beyond the limit is left alone: it is advice."""
        data = os.urandom(64 * 512)
        with self.host() as h:
            io = h.io[0]
            io.write(0, data)
            self.deallocate(io, (0, 8), (16, 9), (32, 32))
            for lba in 0, 16, 32:
                self.assertEqual(io.read(lba, 16), bytes(4096) + data[lba * 512 + 4096:][:4096])
            # and so is the last of 256 ranges
            io.write(0, data)
            self.deallocate(io, *[(0, 0)] * 254, (0, 4), (8, 4))
            self.assertEqual(io.read(0, 64), bytes(2048) + data[2048:])

    def test_write_zeroes(self):
        with self.host() as h:
            self.assertEqual(self.zero(h.io[0], 16), 0)
            self.assertEqual(self.zero(h.io[0], 17), INVALID_FIELD)
            entry = bytes(64)
            while not any(entry):       # another reactor notes it
                entry = h.admin.log(self.ERRORS, 64)
            self.assertEqual(struct.unpack_from("<H", entry, 14)[0], 48)

    def test_rpc(self):
        d = self.daemon
        d.ok("nvmf_create_subsystem", self.limited)
        for name, value in ("dmrsl", 9), ("wzsl", 0):
            e = d.refused("nvmf_create_subsystem", {**self.limited, name: value})
            self.assertIn(name, e["message"])
        e = d.refused("nvmf_create_subsystem", {"nqn": NQN + "x", "wzsl": 52})
        self.assertIn("wzsl=52", e["message"])
        rows = {s["nqn"]: s for s in d.ok("nvmf_get_subsystems")}
        self.assertEqual((rows[self.limited["nqn"]]["dmrsl"], rows[NQN]["wzsl"]), (8, 0))
        saved = [c["params"] for s in d.ok("save_config")["subsystems"] for c in s["config"] or []
                 if c["method"] == "nvmf_create_subsystem"]
        self.assertEqual([(p["dmrsl"], p["wzsl"]) for p in saved], [(0, 0), (8, 1)])


class CompareWrite(TcpTest):
    args = ("-m", CORES)

    def files(self, *contents):
        for n, data in enumerate(contents):
            path = os.path.join(self.daemon.dir.name, f"data{n}")
            with open(path, "wb") as f:
                f.write(data)
            yield path

    def test_tool(self):
        a, b = os.urandom(1024), os.urandom(1024)
        self.write(8, a)
        old, new = self.files(a, b)
        args = ("--lba", 8, "--expect", old, "--file", new)
        self.io("compare-write", *args)
        self.assertEqual(self.read(8, 2), b)
        self.io("compare-write", *args, code=MEDIA, says="Compare and Write: Compare Failure")
        self.assertEqual(self.read(8, 2), b)
        self.io("compare-write", "--lba", 8, "--expect", new, "--file", "-", data=a)
        self.assertEqual(self.read(8, 2), a)
        self.io("compare-write", "--lba", self.blocks - 1, "--expect", old, "--file", new,
                code=GENERIC, says="LBA Out of Range")
        self.io("compare-write", "--file", new, code=USAGE, says="--expect is missing")
        self.io("compare-write", "--expect", old, code=USAGE, says="--file is missing")
        self.io("compare-write", "--expect", old, "--file", "-", data=a[:512], code=USAGE,
                says="as many as in --expect (1024)")

    def host(self, **more):
        return Host(("127.0.0.1", self.port), **more)

    @staticmethod
    def half(io, opcode, fuse, lba=0, data=bytes(512), inline=False):
        """Send one half; returns its identifier."""
        n = len(data)
        sgl = sgl_capsule(n) if inline else sgl_transport(n)
        entry = sqe(opcode, io.next_cid(), 1, sgl, lba, 0, n // 512 - 1, fuse)
        return io.command(entry, data if inline else b"")

    def both(self, io, lba, old, new, inline=(False, False)):
        """Send a pair; returns identifiers and data."""
        return {self.half(io, COMPARE, FIRST, lba, old, inline[0]): old,
                self.half(io, WRITE, SECOND, lba, new, inline[1]): new}

    def pair(self, io, *args):
        """Statuses of both halves."""
        return io.complete_all(self.both(io, *args))

    def test_ways_of_the_data(self):
        with self.host() as h:
            io, now = h.io[0], bytes(2048)
            for inline in (False, True), (True, False), (True, True), (False, False):
                new = os.urandom(2048)
                self.assertEqual(self.pair(io, 8, now, new, inline), [0, 0], inline)
                self.assertEqual(io.read(8, 4), new)
                self.assertEqual(self.pair(io, 8, now, new, inline), [COMPARE_FAILED, FAILED_FUSED])
                # a bad half: the other one's data is swallowed
                bad = self.blocks
                self.assertEqual(io.complete_all({
                    self.half(io, COMPARE, FIRST, bad, new, inline[0]): new,
                    self.half(io, WRITE, SECOND, 8, now, inline[1]): now}),
                    [LBA_RANGE, FAILED_FUSED])
                self.assertEqual(io.complete_all({
                    self.half(io, COMPARE, FIRST, 8, new, inline[0]): new,
                    self.half(io, WRITE, SECOND, bad, now, inline[1]): now}),
                    [FAILED_FUSED, LBA_RANGE])
                self.assertEqual(io.read(8, 4), new)
                now = new

    def test_counting(self):
        """Two queues of each of two hosts count in one block: no step is lost."""
        def block(n):
            return struct.pack("<Q504x", n)
        with self.host(queues=2) as a, self.host(queues=2, hostnqn=OTHER) as b:
            for n in range(16):
                # all want the same step: whoever comes first takes it
                sent = [(io, self.both(io, 5, block(n), block(n + 1), (n & 1, n & 2)))
                        for io in a.io + b.io]
                self.assertEqual(sorted(io.complete_all(cids) for io, cids in sent),
                                 [[0, 0]] + [[COMPARE_FAILED, FAILED_FUSED]] * 3)
        self.assertEqual(self.read(5, 1), block(16))

    def test_half_alone(self):
        """Whatever follows a first half, it ends; so does it with its queue."""
        with self.host(queues=3) as h:
            io = h.io[0]
            for inline in False, True:
                first = self.half(io, COMPARE, FIRST, inline=inline)
                io.flush()
                self.assertEqual(io.complete_all([first]), [MISSING_FUSED])
                # a command that is refused at once
                first = self.half(io, COMPARE, FIRST, inline=inline)
                refused = io.command(sqe(0x99, io.next_cid(), 1))
                self.assertEqual(io.complete_all([first, refused]), [MISSING_FUSED, 1])
                # another first half, which gets its second one
                first = self.half(io, COMPARE, FIRST, inline=inline)
                pair = self.both(io, 0, bytes(512), bytes(512), (inline, inline))
                self.assertEqual(io.complete_all({first: b"", **pair}), [MISSING_FUSED, 0, 0])
                # a second one without a first
                second = self.half(io, WRITE, SECOND, inline=inline)
                self.assertEqual(io.complete_all([second]), [MISSING_FUSED])
                # the host takes it back
                first = self.half(io, COMPARE, FIRST, inline=inline)
                arrived(self.daemon, h, 1)
                self.assertTrue(h.admin.abort(1, first))
                self.assertEqual(io.complete_all([first]), [ABORTED])
                second = self.half(io, WRITE, SECOND, inline=inline)
                self.assertEqual(io.complete_all([second]), [FAILED_FUSED])
            # the connection ends on one, another of the controller goes on
            self.half(h.io[1], COMPARE, FIRST, inline=True)
            h.io[1].close()
            io.flush()
            # the controller is reset on one
            self.half(h.io[2], COMPARE, FIRST)
            h.admin.prop_set(0x14, 0x460000)
            h.io[2].closed()
        with self.host() as h:
            self.assertEqual(self.pair(h.io[0], 0, bytes(512), b"x" * 512), [0, 0])
            self.half(h.io[0], COMPARE, FIRST, inline=True)
            # the daemon stops on one, too
            self.daemon.stop()

    def test_not_fusable(self):
        """Refused at once, not when another command comes."""
        with self.host() as h:
            io = h.io[0]
            for opcode, fuse in ((2, FIRST), (2, SECOND), (0, FIRST), (WRITE, FIRST), (8, SECOND),
                                 (COMPARE, SECOND), (COMPARE, 0x43), (WRITE, 0x43), (9, FIRST)):
                cid = self.half(io, opcode, fuse)
                self.assertEqual(io.complete_all([cid]), [INVALID_FIELD], (opcode, fuse))
            for fuse in FIRST, SECOND, 0x43:
                cid = h.admin.command(sqe(0x18, h.admin.next_cid(), flags=fuse))
                self.assertEqual(h.admin.complete_all([cid]), [INVALID_FIELD])
            self.assertEqual(self.pair(io, 0, bytes(512), b"x" * 512), [0, 0])


class FewBuffers(CompareWrite):
    """A disk that is no memory, and buffers for one large transfer."""

    transport = {"max_io_size": 131072, "io_unit_size": 16384, "num_shared_buffers": 8}

    def serve(self):
        super().serve()
        path = os.path.join(self.daemon.dir.name, "disk.img")
        with open(path, "wb") as f:
            f.truncate(self.blocks * 512)
        self.daemon.ok("nvmf_subsystem_remove_ns", {"nqn": NQN, "nsid": 1})
        self.daemon.ok("bdev_aio_create", {"name": "file", "filename": path, "block_size": 512})
        self.daemon.ok("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {"bdev_name": "file"}})

    def test_large_pairs(self):
        """Both halves have buffers, whoever else waits for some."""
        with self.host(queues=4, sqsize=31) as h:
            nacwu = struct.unpack_from("<H", h.admin.identify(0, 1), 38)[0]
            self.assertEqual(nacwu, 65536 // 512 - 1)
            for n in range(4):
                now, new = bytes([n]) * 65536, bytes([n + 1]) * 65536
                sent = [(io, {**self.both(io, 128 * q, now, new),
                              **self.both(io, 1000 + 8 * q, now[:4096], new[:4096], (True, q & 1))})
                        for q, io in enumerate(h.io)]
                for io, cids in sent:
                    self.assertEqual(io.complete_all(cids), [0] * 4)
            for inline in False, True:
                half = self.half(h.io[0], COMPARE, FIRST, data=bytes(65536 + 512))
                self.assertEqual(h.io[0].complete_all([half]), [ATOMIC_UNIT])
                second = self.half(h.io[0], WRITE, SECOND, inline=inline)
                self.assertEqual(h.io[0].complete_all([second]), [FAILED_FUSED])

    def test_first_halves_alone(self):
        """Seconds that never come keep no buffers from others."""
        with self.host(queues=12, sqsize=31) as h, self.host() as other:
            for io in h.io:
                self.half(io, COMPARE, FIRST, data=bytes(512), inline=True)
            for n in range(20):
                other.io[0].write(0, bytes([n]) * 65536)
                self.assertEqual(other.io[0].read(0, 128), bytes([n]) * 65536)


class Reservations(TcpTest):
    args = ("-m", CORES)

    def serve(self):
        super().serve()
        d = self.daemon
        self.ptpl = os.path.join(d.dir.name, "ptpl.json")
        d.ok("bdev_malloc_create", {"name": "disk2", "num_blocks": 64, "block_size": 512})
        d.ok("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {
            "bdev_name": "disk2", "ptpl_file": self.ptpl}})
        self.replaced = None

    def by(self, host, command, *args, code=OK, says=None, data=None, nsid=2):
        nqn, hostid = {"A": (HOST, HOSTID), "B": (OTHER, OTHERID)}[host]
        string = (f"transport=tcp,traddr=127.0.0.1,trsvcid={self.port},nqn={NQN},"
                  f"hostnqn={nqn},hostid={hostid}")
        return self.weft(code, "io", command, string, "--nsid", nsid, *args, says=says, data=data)

    def report(self, nsid=2):
        """Type, persistence, and key and holding of each registrant."""
        r = self.by("A", "resv-report", "--file", "-", nsid=nsid)
        n, ptpls = struct.unpack_from("<H2xB", r, 5)
        rows = {}
        for i in range(n):
            _, held, key, hostid = struct.unpack_from("<HB5xQ16s", r, 64 + 64 * i)
            rows[hostid.hex()[-1]] = (key, held & 1)
        return r[4], ptpls, rows

    def restart(self):
        """The same configuration in a new daemon."""
        config = self.daemon.ok("save_config")
        self.daemon.stop()
        self.replaced = self.daemon
        self.addCleanup(self.replaced.close)
        self.daemon = Daemon(*self.args, config=config)

    def check_write(self, host, code=OK):
        self.by(host, "write", "--file", "-", data=bytes(512), code=code,
                says="Reservation Conflict" if code else None)

    def test_two_hosts(self):
        conflict = {"code": GENERIC, "says": "Reservation Conflict"}
        self.by("A", "resv-acquire", "--key", 1, **conflict)
        self.by("A", "resv-register", "--new-key", 1)
        self.by("A", "resv-register", "--new-key", 5, **conflict)
        self.by("B", "resv-register", "--new-key", 2)
        self.assertEqual(self.report(), (0, 0, {"9": (1, 0), "0": (2, 0)}))
        self.by("A", "resv-acquire", "--key", 1, "--type", 1)
        self.assertEqual(self.report(), (1, 0, {"9": (1, 1), "0": (2, 0)}))
        # write exclusive: others read
        self.check_write("A")
        self.check_write("B", GENERIC)
        self.by("B", "read")
        for command in ("write-zeroes",), ("write-uncorrectable",), ("copy", "--ranges", "0+1"), \
                ("dsm", "--ranges", "0+1", "--deallocate"):
            self.by("B", *command, **conflict)
        self.by("B", "resv-acquire", "--key", 2, **conflict)
        self.by("B", "resv-release", "--key", 2)        # not the holder: nothing happens
        self.assertEqual(self.report()[0], 1)
        self.by("A", "resv-release", "--key", 9, **conflict)
        self.by("A", "resv-release", "--key", 1, "--type", 1)
        self.check_write("B")
        # exclusive access, registrants only: strangers do not even read
        self.by("A", "resv-acquire", "--key", 1, "--type", 4)
        self.check_write("B")
        self.by("B", "resv-register", "--action", "unregister", "--key", 2)
        self.by("B", "read", **conflict)
        self.by("B", "verify", **conflict)
        # who comes back preempts
        self.by("B", "resv-register", "--new-key", 7)
        self.by("B", "resv-acquire", "--action", "preempt-abort", "--key", 7, "--preempt-key", 1,
                "--type", 2)
        self.assertEqual(self.report(), (2, 0, {"0": (7, 1)}))
        self.by("A", "read", **conflict)
        self.by("B", "resv-register", "--action", "replace", "--key", 7, "--new-key", 8)
        self.by("B", "resv-release", "--action", "clear", "--key", 8)
        self.assertEqual(self.report(), (0, 0, {}))
        self.check_write("A")

    def test_through_a_restart(self):
        # without a file persistence is refused, and a restart forgets
        self.by("A", "resv-register", "--new-key", 3, "--cptpl", 3, nsid=1, code=GENERIC)
        with Host(("127.0.0.1", self.port), queues=0, subnqn=NQN, hostnqn=OTHER) as h:
            with self.assertRaises(Refused) as e:
                h.admin.set_feature(RESV_PERSISTENCE, 1, nsid=1)
            self.assertEqual(e.exception.args[0], DNR | INVALID_FIELD)
        # the daemon's log says whom and where to help
        for host in HOST, OTHER:
            self.assertRegex(self.daemon.words(), f"{NQN} namespace 1: .* {host}: .*ptpl_file")
        self.by("A", "resv-register", "--new-key", 3, nsid=1)
        self.by("A", "resv-register", "--new-key", 1, "--cptpl", 3)
        self.by("B", "resv-register", "--new-key", 2)
        self.by("A", "resv-acquire", "--key", 1, "--type", 3)
        before = self.report()
        self.assertEqual(before, (3, 1, {"9": (1, 1), "0": (2, 0)}))
        with open(self.ptpl, encoding="utf-8") as f:
            self.assertEqual(len(json.load(f)["registrants"]), 2)
        self.restart()
        self.assertEqual(self.report(), before)
        self.assertEqual(self.report(nsid=1), (0, 0, {}))
        self.by("A", "resv-register", "--action", "unregister", "--key", 2, code=GENERIC)
        self.check_write("B")
        # persistence is switched off: the next daemon knows of nothing
        self.by("B", "resv-register", "--action", "replace", "--key", 2, "--new-key", 2,
                "--cptpl", 2)
        self.assertEqual(self.report(), (3, 0, {"9": (1, 1), "0": (2, 0)}))
        self.restart()
        self.assertEqual(self.report(), (0, 0, {}))


if __name__ == "__main__":
    unittest.main()
