#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Every command over NVMe/TCP: daemon and userspace initiator on loopback."""
import json
import os
import struct
import unittest

from tcp_disk import (CONNECTION, GENERIC, HOST, HOSTID, MEDIA, MISSING, NQN, OK, SPECIFIC, USAGE,
                      TcpTest, free_port, run_weft)


class Blocks(TcpTest):
    def test_write_read(self):
        for lba, blocks in (0, 1), (7, 8), (100, 255), (1000, 256):
            data = os.urandom(blocks * 512)
            self.write(lba, data)
            self.assertEqual(self.read(lba, blocks), data)
        self.assertEqual(self.read(2, 5), bytes(5 * 512))
        # part of a file
        self.write(0, os.urandom(4096), "--blocks", 2)
        self.assertNotEqual(self.read(0, 2), bytes(1024))
        self.assertEqual(self.read(2, 5), bytes(5 * 512))
        self.io("write", "--file", "-", "--lba", 0, "--fua", data=bytes(512))
        self.io("read", "--fua", "--limited-retry", "--file", "-")

    def test_files_and_dumps(self):
        path = os.path.join(self.daemon.dir.name, "data")
        data = os.urandom(1024)
        with open(path, "wb") as f:
            f.write(data)
        self.io("write", "--file", path)
        self.assertEqual(self.io("read", "--blocks", 2, "--file", path + ".back"), b"")
        with open(path + ".back", "rb") as f:
            self.assertEqual(f.read(), data)
        self.write(0, b"Weft" + bytes(508))
        dump = self.io("read").decode().splitlines()
        self.assertEqual(dump[0], "00000000  57 65 66 74 00 00 00 00  00 00 00 00 00 00 00 00  "
                                  "|Weft............|")
        self.assertEqual(dump[2], "*")
        self.assertTrue(dump[-1].startswith("000001f0  00"))

    def test_compare(self):
        data = os.urandom(4096)
        self.write(16, data)
        self.io("compare", "--lba", 16, "--file", "-", data=data)
        for at in 0, 4095:
            other = bytearray(data)
            other[at] ^= 1
            self.io("compare", "--lba", 16, "--file", "-", data=bytes(other), code=MEDIA,
                    says="Compare: Compare Failure")

    def test_zeroes_flush_verify(self):
        self.write(0, os.urandom(8192))
        self.io("write-zeroes", "--lba", 4, "--blocks", 8)
        self.assertEqual(self.read(4, 8), bytes(8 * 512))
        self.assertNotEqual(self.read(3, 1), bytes(512))
        self.assertNotEqual(self.read(12, 1), bytes(512))
        self.io("flush")
        self.io("verify", "--blocks", 16)

    def test_deallocate(self):
        self.write(0, os.urandom(65536))
        self.io("dsm", "--ranges", "0+8,64+8", "--deallocate")
        self.assertEqual(self.read(0, 8), bytes(4096))
        self.assertEqual(self.read(64, 8), bytes(4096))
        self.assertNotEqual(self.read(8, 8), bytes(4096))
        self.io("dsm", "--ranges", "65536+1", "--deallocate", code=GENERIC, says="LBA Out of Range")

    def test_copy(self):
        a, b = os.urandom(2048), os.urandom(1024)
        self.write(0, a)
        self.write(50, b)
        self.io("copy", "--lba", 200, "--ranges", "0+4,50+2")
        self.assertEqual(self.read(200, 6), a + b)

    def test_ranges_and_statuses(self):
        self.io("read", "--lba", 65535, "--file", "-")
        for args in ("--lba", 65536), ("--lba", 65535, "--blocks", 2), ("--lba", 2 ** 63):
            self.io("read", *args, code=GENERIC, says="Read: LBA Out of Range (status 0x80")
        self.io("flush", "--nsid", 2, code=GENERIC, says="Invalid Namespace")
        self.io("read", "--nsid", 2, code=MISSING, says="namespace 2: nsze=0")
        self.io("raw", "--opcode", 0x99, code=GENERIC, says="Invalid Command Opcode")
        self.io("raw", "--admin", "--opcode", 0xc0, code=GENERIC, says="Invalid Command Opcode")
        # Authentication Receive, and a Fabrics command that there is not
        for fctype, more in (6, ("--size", 4096)), (12, ()):
            self.io("raw", "--admin", "--opcode", 0x7f, "--nsid", fctype, *more, code=GENERIC,
                    says="Invalid")
        self.io("get-log", "--lid", 0x7f, code=SPECIFIC, says="Invalid Log Page")

    def test_wrong_lines(self):
        self.io("write", code=USAGE, says="--file is missing")
        self.io("write", "--file", "-", data=b"x" * 100, code=USAGE,
                says="100 bytes; blocks have 512")
        self.io("write", "--file", "-", data=b"", code=USAGE, says="0 bytes")
        self.io("read", "--blocks", 0, code=USAGE, says="1-65536")
        self.io("read", "--blocks", 65537, code=USAGE, says="1-65536")
        self.io("dsm", code=USAGE, says="--ranges is missing")
        for ranges in "", "1", "1+", "+1", "1+0", "1+1,", "a+b":
            self.io("dsm", "--ranges", ranges, code=USAGE, says="FIRST+COUNT")
        self.io("resv-acquire", "--action", "x", code=USAGE, says="preempt or preempt-abort")
        self.io("get-log", "--lid", 2, "--size", 6, code=USAGE, says="multiple of 4")
        self.io("get-log", "--lid", 256, code=USAGE, says="0-0xff")
        self.io("get-feature", code=USAGE, says="--fid is missing")
        self.io("raw", "--opcode", 1, "--size", 512, code=USAGE, says="moves no data to the host")
        path = os.path.join(self.daemon.dir.name, "data")
        for there in False, True:
            if there:
                with open(path, "wb") as f:
                    f.write(b"x" * 512)
            self.io("raw", "--admin", "--opcode", 6, "--cdw10", 1, "--file", path, code=USAGE,
                    says="--size is missing")
            for opcode in "0", "0xc3":
                self.io("raw", "--opcode", opcode, "--file", path, code=USAGE,
                        says=f"--file: opcode {opcode} moves no data")
        self.io("read", more="ctrl_loss_tmo=5", code=USAGE, says="connects once")
        self.io("read", more="nr_io_queues=2", code=USAGE, says="nr_io_queues: this command")
        self.io("read", more="duplicate_connect", code=USAGE, says="duplicate_connect: not supported")


class Reservations(TcpTest):
    """The rest of them is in tcp_commands.py."""

    def registrants(self):
        return struct.unpack_from("<H", self.io("resv-report", "--file", "-"), 5)[0]

    def test_only_who_is_somebody(self):
        """One registered without a host identifier could never be unregistered."""
        nobody = self.string().replace(f",hostid={HOSTID}", "")
        for command, key in ("register", "new-key"), ("acquire", "key"), ("release", "key"):
            self.weft(USAGE, "io", f"resv-{command}", nobody, f"--{key}", 1,
                      says="hostid: missing, a reservation belongs to it; accepted is a UUID")
        self.weft(OK, "io", "resv-report", nobody)
        self.assertEqual(self.registrants(), 0)
        self.io("resv-register", "--new-key", 1)
        self.assertEqual(self.registrants(), 1)


class Admin(TcpTest):
    def test_identify(self):
        ctrl = self.io("identify", "--file", "-")
        self.assertEqual(len(ctrl), 4096)
        self.assertEqual(ctrl[4:24].strip(), b"NATIVE")
        self.assertEqual(ctrl[768:768 + len(NQN)], NQN.encode())
        ns = self.io("identify", "--cns", 0, "--nsid", 1, "--file", "-")
        self.assertEqual(struct.unpack_from("<Q", ns)[0], self.blocks)
        active = self.io("identify", "--cns", 2, "--file", "-")
        self.assertEqual(struct.unpack("<2I", active[:8]), (1, 0))
        descs = self.io("identify", "--cns", 3, "--nsid", 1, "--file", "-")
        self.assertIn(bytes.fromhex("11111111222243338444555555555555"), descs)
        self.io("identify", "--cns", 0xff, code=GENERIC, says="Invalid Field")

    def test_preferred_sizes(self):
        """Of the device, by RPC, saved, and as Identify tells them; a stacked bdev has them, too."""
        d, size = self.daemon, {"num_blocks": 8192, "block_size": 512}
        given = {"preferred_write_granularity": 16, "preferred_write_alignment": 4,
                 "optimal_write_size": 64, "preferred_unmap_granularity": 256,
                 "preferred_unmap_alignment": 128}
        d.ok("bdev_null_create", {"name": "null", **size, **given})
        d.ok("bdev_passthru_create", {"base_bdev_name": "null", "name": "top"})
        d.ok("bdev_malloc_create", {"name": "4k", **size, "physical_block_size": 4096})
        for name, shown in ("null", given), ("top", given), ("4k", {"physical_block_size": 4096}):
            listed = d.ok("bdev_get_bdevs", {"name": name})[0]
            self.assertEqual({k: listed[k] for k in shown}, shown)
        calls = [c.get("params", {}) for c in d.ok("save_config")["subsystems"][0]["config"]]
        for name, shown in ("null", given), ("4k", {"physical_block_size": 4096}):
            saved = next(p for p in calls if p.get("name") == name)
            self.assertEqual({k: saved.get(k) for k in shown}, shown)
        for nsid, name, optperf, want in ((1, None, 0, (0,) * 5), (3, "4k", 16, (7,) * 5),
                                          (2, "top", 16, (15, 3, 255, 127, 63))):
            if name:
                d.ok("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {"bdev_name": name,
                                                                         "nsid": nsid}})
            ns = self.io("identify", "--cns", 0, "--nsid", nsid, "--file", "-")
            self.assertEqual((ns[24] & 16, struct.unpack_from("<5H", ns, 64)), (optperf, want))
            self.assertEqual(ns[46:48], bytes(2))       # NOIOB: no boundary

    def test_logs(self):
        smart = self.io("get-log", "--lid", 2, "--nsid", 0xffffffff, "--size", 512, "--file", "-")
        self.assertEqual(len(smart), 512)
        effects = self.io("get-log", "--lid", 5, "--file", "-")
        self.assertTrue(effects[1024 + 4 * 2] & 1)      # Read
        half = self.io("get-log", "--lid", 5, "--offset", 1024, "--size", 1024, "--file", "-")
        self.assertEqual(half, effects[1024:2048])
        # an error is logged and tells of itself
        self.io("read", "--lba", self.blocks, code=GENERIC)
        self.io("get-log", "--lid", 1, "--size", 64, "--rae", "--file", "-")

    def test_features(self):
        queues = self.result(self.io("get-feature", "--fid", 7))
        self.assertEqual(queues & 0xffff, queues >> 16)
        kato = self.result(self.io("get-feature", "--fid", 0xf, more="keep_alive_tmo=7"))
        self.assertGreaterEqual(kato, 7000)
        self.io("set-feature", "--fid", 0xb, "--cdw11", 0x100)
        hostid = self.io("get-feature", "--fid", 0x81, "--cdw11", 1, "--size", 16, "--file", "-")
        self.assertEqual(hostid.hex(), "0f01fb429f7f4856b0b351e60b8de349")
        self.io("get-feature", "--fid", 0x7d, code=GENERIC, says="Invalid Field")

    def test_raw(self):
        out = self.io("raw", "--admin", "--opcode", 6, "--cdw10", 1, "--size", 4096, "--file", "-")
        self.assertIn(b"NATIVE", out)
        data = os.urandom(4096)
        self.io("raw", "--opcode", 1, "--nsid", 1, "--cdw10", 40, "--cdw12", 7, "--file", "-",
                data=data)
        self.assertEqual(self.read(40, 8), data)
        # the command's length and the data's differ
        self.io("raw", "--opcode", 1, "--nsid", 1, "--cdw12", 6, "--file", "-", data=data,
                code=GENERIC)


class Discovery(TcpTest):
    def test_discover(self):
        self.listen("nqn.2014-08.org.nvmexpress.discovery")
        args = ("discover", "--userspace", "-t", "tcp", "-a", "127.0.0.1", "-s", self.port)
        table = self.weft(OK, *args).decode()
        self.assertRegex(table, rf"tcp +ipv4 +127\.0\.0\.1 +{self.port} .*{NQN}")
        log = json.loads(self.weft(OK, *args, "--json"))
        mine = [r for r in log["records"] if r["subnqn"] == NQN]
        self.assertEqual(len(mine), 1)
        self.assertEqual(mine[0]["trsvcid"], str(self.port))
        # more than one window of it
        for i in range(40):
            nqn = f"nqn.2026-11.io.weft:more{i}"
            self.daemon.ok("nvmf_create_subsystem", {"nqn": nqn, "allow_any_host": True})
            self.listen(nqn)
        log = json.loads(self.weft(OK, *args, "--json"))
        self.assertEqual(len({r["subnqn"] for r in log["records"] if ":more" in r["subnqn"]}), 40)

    def test_who_may_connect(self):
        self.daemon.ok("nvmf_subsystem_allow_any_host", {"nqn": NQN, "allow_any_host": False})
        self.io("flush", code=CONNECTION, says="Connect Invalid Host")
        self.daemon.ok("nvmf_subsystem_add_host", {"nqn": NQN, "host": HOST})
        self.io("flush")

    def test_nobody_there(self):
        port = free_port()
        string = f"transport=tcp,traddr=127.0.0.1,trsvcid={port},nqn={NQN}"
        code, _, err = run_weft("io", "flush", string)
        self.assertEqual((code, "Connection refused" in err), (CONNECTION, True), err)
        self.weft(CONNECTION, "io", "flush", self.string(nqn=NQN + "x"), says="SUBNQN")

    def test_ipv6(self):
        if not os.path.exists("/proc/net/if_inet6"):
            self.skipTest("no IPv6 here")
        with open("/proc/net/if_inet6", encoding="ascii") as f:
            if not f.read():
                self.skipTest("no IPv6 here")
        self.listen(NQN, "::1", "IPv6")
        self.weft(OK, "io", "flush", self.string(traddr="::1"))


if __name__ == "__main__":
    unittest.main()
