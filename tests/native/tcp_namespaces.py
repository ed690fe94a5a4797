#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Two thousand namespaces of one subsystem: listed in parts, all of them served, in the
ANA log of several windows, and more changes at once than a list of them holds."""
import json
import signal
import struct
import unittest

from daemon import DaemonTest
from tcp_disk import arrived, free_port
from tcp_host import Host, SUBNQN, sgl_transport, sqe

MANY, LIST = 2000, 1024
ALL = 0xffffffff
WRITE, READ, INVALID_NS = 1, 2, 0x400b
NOTICE, NS_CHANGED, CHANGED_NS_LOG, ANA_LOG, EVENTS = 2, 0, 4, 0xc, 0xb


class Namespaces(DaemonTest):
    def batch(self, calls):
        answers = json.loads(self.daemon.raw(json.dumps([
            {"jsonrpc": "2.0", "id": n, "method": m, "params": p}
            for n, (m, p) in enumerate(calls)])))
        self.assertEqual([a for a in answers if "error" in a], [])

    def add(self, nsids):
        for at in range(0, len(nsids), 200):
            some = nsids[at:at + 200]
            self.batch([("bdev_null_create", {"name": f"n{n}", "num_blocks": 8, "block_size": 512})
                        for n in some])
            self.batch([("nvmf_subsystem_add_ns", {"nqn": SUBNQN, "namespace": {
                "bdev_name": f"n{n}", "nsid": n, "anagrpid": n % 5 + 1}}) for n in some])

    def setUp(self):
        super().setUp()
        d = self.daemon
        self.address = "127.0.0.1", free_port()
        d.ok("nvmf_create_transport", {"trtype": "TCP"})
        d.ok("nvmf_create_subsystem", {"nqn": SUBNQN, "allow_any_host": True,
                                       "ana_reporting": True, "max_namespaces": 4096})
        d.ok("nvmf_subsystem_add_listener", {"nqn": SUBNQN, "listen_address": {
            "trtype": "TCP", "traddr": "127.0.0.1", "trsvcid": str(self.address[1])}})
        self.assertIn("max_namespaces=4096: Linux hosts turn ANA off", d.words())
        self.assertIn("with 3640 it fits", d.words())

    @staticmethod
    def nsids(page):
        return [n for n in struct.unpack("<1024I", page) if n]

    def active(self, admin):
        found = []
        while True:
            part = self.nsids(admin.identify(2, found[-1] if found else 0))
            found += part
            if len(part) < LIST:
                return found

    def ana(self, admin):
        """Members by group, read in windows that cut groups and lists anywhere."""
        page = b""
        while len(page) < 16 + 5 * 32 + 4 * MANY:
            page += admin.log(ANA_LOG, 1536, rae=True, offset=len(page))
        at, found = 16, {}
        for _ in range(struct.unpack_from("<H", page, 8)[0]):
            group, n = struct.unpack_from("<II", page, at)
            found[group] = list(struct.unpack_from(f"<{n}I", page, at + 32))
            at += 32 + 4 * n
        return found

    def test_many(self):
        every = list(range(1, MANY + 1))
        self.add(every[:LIST])
        with Host(self.address) as h:
            h.admin.set_feature(EVENTS, 1 << 8)
            self.assertEqual(self.active(h.admin), every[:LIST])
            self.assertEqual(h.admin.identify(2, LIST), bytes(4096))
            told = h.admin.ask_event()
            self.add(every[LIST:])
            self.assertEqual(h.admin.event(told), (NOTICE, NS_CHANGED, CHANGED_NS_LOG))
            # read in parts, of which only the last one is the end of it
            parts = h.admin.log(CHANGED_NS_LOG, 2048, rae=True)
            parts += h.admin.log(CHANGED_NS_LOG, 2048, offset=2048)
            self.assertEqual(self.nsids(parts), every[LIST:])
            self.assertEqual(h.admin.log(CHANGED_NS_LOG), bytes(4096))
            self.assertEqual(self.active(h.admin), every)
            self.assertEqual(self.ana(h.admin), {g: [n for n in every if n % 5 + 1 == g]
                                                 for g in range(1, 6)})
            for nsid in 1, LIST, LIST + 1, MANY:
                io = h.io[0]
                self.assertEqual(len(io.do(sqe(2, io.next_cid(), nsid, sgl_transport(512)))[1]),
                                 512)
            told = h.admin.ask_event()
            gone = every[500:500 + LIST + 1]
            self.batch([("nvmf_subsystem_remove_ns", {"nqn": SUBNQN, "nsid": n}) for n in gone])
            self.assertEqual(h.admin.event(told), (NOTICE, NS_CHANGED, CHANGED_NS_LOG))
            self.assertEqual(self.nsids(h.admin.log(CHANGED_NS_LOG)), [ALL])
            self.assertEqual(self.active(h.admin), [n for n in every if n not in gone])
        error = self.daemon.refused("nvmf_create_subsystem", {
            "nqn": SUBNQN + "x", "max_namespaces": 4097})
        self.assertIn("0 to 4096", error["message"])

    def add_broken(self):
        """Namespace 1, whose device can be made not to answer."""
        d = self.daemon
        d.ok("bdev_malloc_create", {"name": "ram", "num_blocks": 8, "block_size": 512})
        d.ok("bdev_error_create", {"base_name": "ram"})
        d.ok("nvmf_subsystem_add_ns", {"nqn": SUBNQN, "namespace": {"bdev_name": "EE_ram"}})

    def stuck_read(self, h):
        self.daemon.ok("bdev_error_inject_error", {"name": "EE_ram", "io_type": "read",
                                                   "error_type": "pending", "num": 1})
        io = h.io[0]
        cid = io.command(sqe(READ, io.next_cid(), 1, sgl_transport(512)))
        arrived(self.daemon, h, 1)
        return cid

    def test_taken_from_who_does_nothing(self):
        """From a host that does not send its data, and a device that does not answer."""
        d = self.daemon
        self.add_broken()
        d.ok("bdev_null_create", {"name": "null", "num_blocks": 8, "block_size": 512})
        d.ok("nvmf_subsystem_add_ns", {"nqn": SUBNQN, "namespace": {"bdev_name": "null"}})
        with Host(self.address) as h:
            io = h.io[0]
            late = io.command(sqe(WRITE, io.next_cid(), 2, sgl_transport(512)))
            r2t = io.recv()
            d.ok("nvmf_subsystem_remove_ns", {"nqn": SUBNQN, "nsid": 2})
            io.answer_r2t(r2t, bytes(512))
            self.assertEqual(io.complete(late)[0].status, INVALID_NS)
            stuck = self.stuck_read(h)
            answers = d.at_once(
                ("nvmf_subsystem_remove_ns", {"nqn": SUBNQN, "nsid": 1}),
                ("nvmf_subsystem_add_listener", {"nqn": SUBNQN, "listen_address": {
                    "trtype": "TCP", "traddr": "127.0.0.1", "trsvcid": str(free_port())}}))
            self.assertEqual([a.get("result") for a in answers], [True, True])
            self.assertEqual(io.complete(stuck)[0].status, INVALID_NS)
            self.assertTrue(h.admin.identify(1))

    def test_end_while_a_change_waits(self):
        """States of paths wait for what was let through; the end of the daemon does not."""
        self.add_broken()
        with Host(self.address) as h:
            self.stuck_read(h)
            self.daemon.at_once(("nvmf_subsystem_listener_set_ana_state", {
                "nqn": SUBNQN, "ana_state": "inaccessible", "listen_address": {
                    "trtype": "TCP", "traddr": "127.0.0.1", "trsvcid": str(self.address[1])}}),
                how=signal.SIGTERM)
            self.assertEqual(self.daemon.wait(), 0)


if __name__ == "__main__":
    unittest.main()
