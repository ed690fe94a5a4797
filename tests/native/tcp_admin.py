#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""What a host sees of a subsystem that changes: Abort, ANA states, masked namespaces,
controllers of one's choice, and the events that tell of it all."""
import os
import struct
import unittest

from daemon import DaemonTest
from tcp_disk import arrived, free_port
from tcp_host import (HOSTNQN, SUBNQN, Conn, Host, Refused, sgl_capsule, sgl_transport, sqe)

OTHER = "nqn.2026-11.io.weft:other"
CORES = ",".join(str(c) for c in sorted(os.sched_getaffinity(0))[:2])
ABORTED, FAILED_FUSED, INVALID_NS = 0x07, 0x09, 0x0b
CTRL_BUSY, CONNECT_PARAMETER = 0x181, 0x182
NOTICE, NS_CHANGED, ANA_CHANGED = 2, 0, 3
CHANGED_NS_LOG, ANA_LOG = 4, 0xc
EVENTS = 0xb


class AdminTest(DaemonTest):
    args = ("-m", CORES)
    subsystem = {}

    def setUp(self):
        super().setUp()
        d = self.daemon
        d.ok("nvmf_create_transport", {"trtype": "TCP"})
        d.ok("nvmf_create_subsystem", {"nqn": SUBNQN, "allow_any_host": True, **self.subsystem})
        self.add_ns("disk1")
        self.address = self.listen()

    def add_ns(self, name, **options):
        self.daemon.ok("bdev_malloc_create", {"name": name, "num_blocks": 64, "block_size": 512})
        return self.daemon.ok("nvmf_subsystem_add_ns", {"nqn": SUBNQN, "namespace": {
            "bdev_name": name, **options}})

    @staticmethod
    def trid(port):
        return {"trtype": "TCP", "adrfam": "IPv4", "traddr": "127.0.0.1", "trsvcid": str(port)}

    def listen(self):
        port = free_port()
        self.daemon.ok("nvmf_subsystem_add_listener", {"nqn": SUBNQN,
                                                       "listen_address": self.trid(port)})
        return "127.0.0.1", port

    def status(self, conn, entry):
        return conn.complete(conn.command(entry))[0].status & 0x7ff


def read_of(conn, nsid=1):
    return sqe(2, conn.next_cid(), nsid, sgl_transport(512))


class Abort(AdminTest):
    def test_events(self):
        with Host(self.address, queues=0) as h:
            first, second = h.admin.ask_event(), h.admin.ask_event()
            self.assertTrue(h.admin.abort(0, first))
            self.assertEqual(h.admin.complete(first)[0].status & 0x7ff, ABORTED)
            self.assertFalse(h.admin.abort(0, first))
            self.assertTrue(h.admin.abort(0, second))
            self.assertEqual(h.admin.complete(second)[0].status & 0x7ff, ABORTED)

    def test_half_of_a_pair(self):
        with Host(self.address, queues=2) as h:
            io = h.io[1]
            half = io.command(sqe(5, io.next_cid(), 1, sgl_transport(512), flags=0x41))
            arrived(self.daemon, h, 2)
            self.assertFalse(h.admin.abort(1, half))    # the other queue
            self.assertFalse(h.admin.abort(3, half))    # none
            self.assertTrue(h.admin.abort(2, half))
            self.assertEqual(io.complete(half)[0].status & 0x7ff, ABORTED)
            second = io.command(sqe(1, io.next_cid(), 1, sgl_transport(512), flags=0x42))
            self.assertEqual(io.complete(second)[0].status & 0x7ff, FAILED_FUSED)

    def test_what_has_ended(self):
        with Host(self.address) as h:
            h.io[0].read(0, 1)
            self.assertFalse(h.admin.abort(1, h.io[0].cid))

    def aborted(self, h, qid, cid, how=True):
        """Abort a command, which had to wait, or not."""
        arrived(self.daemon, h, qid)
        self.assertEqual(h.admin.abort(qid, cid), how)
        if how:
            self.assertEqual(h.io[qid - 1].complete(cid)[0].status & 0x7ff, ABORTED)

    def test_held_by_bdevs(self):
        """In a slow bdev, a part of one, behind an injected fault, and through layers."""
        d = self.daemon
        d.ok("bdev_malloc_create", {"name": "ram", "num_blocks": 8192, "block_size": 512})
        d.ok("bdev_delay_create", {"base_bdev_name": "ram", "name": "slow", **{
            f"{n}_latency": 600_000_000 for n in ("avg_read", "p99_read", "avg_write",
                                                  "p99_write")}})
        d.ok("bdev_split_create", {"base_bdev": "slow", "split_count": 2})
        d.ok("bdev_error_create", {"base_name": "slowp0"})
        d.ok("bdev_passthru_create", {"base_bdev_name": "EE_slowp0", "name": "top"})
        for n, name in enumerate(("top", "slowp1")):
            d.ok("nvmf_subsystem_add_ns", {"nqn": SUBNQN, "namespace": {"bdev_name": name,
                                                                        "nsid": n + 2}})
        with Host(self.address, queues=2) as h:
            for nsid in 2, 3:
                io = h.io[nsid - 2]
                cids = [io.command(read_of(io, nsid)) for _ in range(4)]
                cids.append(io.command(sqe(1, io.next_cid(), nsid, sgl_capsule(512)), bytes(512)))
                # others: they read the device first; Copy writes afterwards
                cids.append(io.command(sqe(5, io.next_cid(), nsid, sgl_capsule(512)), bytes(512)))
                cids.append(io.command(sqe(0xc, io.next_cid(), nsid)))
                copy = struct.pack("<8xQH14x", 0, 0)
                cids.append(io.command(sqe(0x19, io.next_cid(), nsid, sgl_capsule(32)), copy))
                for cid in cids[::2] + cids[1::2]:
                    self.aborted(h, nsid - 1, cid)
                io.flush(nsid)
            d.ok("bdev_error_inject_error", {"name": "EE_slowp0", "io_type": "read",
                                             "error_type": "pending", "num": 1})
            cid = h.io[1].command(read_of(h.io[1], 2))
            self.aborted(h, 2, cid)
            # who is left ends with the bdev
            left = h.io[0].command(read_of(h.io[0], 2))
            d.ok("bdev_malloc_delete", {"name": "ram"})
            h.io[0].complete(left)

    def waits(self, reason):
        return sum(r["waits"][reason]
                   for r in self.daemon.ok("nvmf_get_statistics")["reactors"])

    def test_held_by_limits(self):
        """A bdev's, a namespace's and a host's: one command is as much as may pass in minutes."""
        d = self.daemon
        # not RAM, of which Verify reads nothing
        d.ok("bdev_null_create", {"name": "null", "num_blocks": 1 << 16, "block_size": 4096})
        d.ok("nvmf_subsystem_add_ns", {"nqn": SUBNQN, "namespace": {"bdev_name": "null"}})
        for reason, method, params in (
                ("bdev_limit", "bdev_set_qos_limit", {"name": "null"}),
                ("namespace_limit", "nvmf_subsystem_set_ns_limits", {"nqn": SUBNQN, "nsid": 2}),
                ("host_limit", "nvmf_set_host_limits", {"host": HOSTNQN})):
            before = self.waits(reason)
            d.ok(method, {**params, "rw_mbytes_per_sec": 1})
            with Host(self.address) as h:
                io = h.io[0]
                # a quarter of a GiB each, which a bdev is asked for in pieces
                verifies = [io.command(sqe(0xc, io.next_cid(), 2, None, 0, 0, 0xffff))
                            for _ in range(9)]
                reads = [io.command(sqe(2, io.next_cid(), 2, sgl_transport(131072), 0, 0, 31))
                         for _ in range(8)]
                for cid in verifies[:0:-1]:
                    self.aborted(h, 1, cid)
                if reason == "bdev_limit":
                    # each was in the midst of it; of the reads some may have passed
                    self.assertGreaterEqual(self.waits(reason) - before, 8)
                else:
                    self.assertEqual(io.complete(verifies[0])[0].status, 0)
                    self.assertEqual(self.waits(reason) - before, 16)
                    self.aborted(h, 1, reads.pop())
                d.ok(method, {**params, "rw_mbytes_per_sec": 0})
                if reason == "bdev_limit":
                    self.assertEqual(io.complete(verifies[0])[0].status, 0)
                for cid in reads:
                    self.assertEqual(len(io.complete(cid)[1]), 131072)


class AbortInTheTransport(Abort):
    args = ()   # all queues have the same buffers

    def test_waiting_for_buffers(self):
        path = os.path.join(self.daemon.dir.name, "disk.img")
        with open(path, "wb") as f:
            f.truncate(1 << 20)
        d = self.daemon
        d.ok("nvmf_delete_subsystem", {"nqn": SUBNQN})
        d.ok("nvmf_delete_transport", {"trtype": "TCP"})
        d.ok("nvmf_create_transport", {"trtype": "TCP", "max_io_size": 131072,
                                       "io_unit_size": 16384, "num_shared_buffers": 8})
        d.ok("nvmf_create_subsystem", {"nqn": SUBNQN, "allow_any_host": True})
        d.ok("bdev_aio_create", {"name": "file", "filename": path, "block_size": 512})
        d.ok("nvmf_subsystem_add_ns", {"nqn": SUBNQN, "namespace": {"bdev_name": "file"}})
        with Host(self.listen(), queues=2) as h:
            a, b = h.io
            data = os.urandom(131072)
            large = a.command(a.rw(1, 0, 256, sgl_transport(131072)))
            r2t = a.recv()
            # it has all buffers; another one of its queue, and two of the other one, wait
            parked = a.command(a.rw(1, 0, 256, sgl_transport(131072)))
            self.aborted(h, 1, large, False)    # its data does not come
            self.aborted(h, 1, parked)
            self.aborted(h, 2, b.command(read_of(b)))
            # what waits in front of others on its connection
            inline = b.command(b.rw(1, 8, 8, sgl_capsule(4096)), bytes(4096))
            self.aborted(h, 2, inline)
            b.flush()
            a.answer_r2t(r2t, data)
            self.assertEqual(a.complete(large)[0].status, 0)
            self.assertEqual(b.read(0, 256), data)

    def test_data_on_its_way(self):
        """The Abort waits for it, and for nothing that ends in another way."""
        self.daemon.ok("nvmf_delete_subsystem", {"nqn": SUBNQN})
        self.daemon.ok("nvmf_delete_transport", {"trtype": "TCP"})
        self.daemon.ok("nvmf_create_transport", {"trtype": "TCP", "abort_timeout_sec": 600})
        self.daemon.ok("nvmf_create_subsystem", {"nqn": SUBNQN, "allow_any_host": True})
        self.daemon.ok("nvmf_subsystem_add_ns", {"nqn": SUBNQN, "namespace": {
            "bdev_name": "disk1"}})
        with Host(self.listen(), queues=2) as h:
            for io, ends in zip(h.io, (True, False)):
                write = io.command(io.rw(1, 0, 8, sgl_transport(4096)))
                r2t = io.recv()
                abort = h.admin.command(sqe(8, h.admin.next_cid(), 0, None,
                                            h.io.index(io) + 1 | write << 16))
                again = h.admin.command(sqe(8, h.admin.next_cid(), 0, None,
                                            h.io.index(io) + 1 | write << 16))
                # it waits already: a second one does not
                self.assertEqual(h.admin.complete(again)[0].result, 1)
                self.assertEqual(h.admin.early, [])
                if ends:
                    io.answer_r2t(r2t, b"x" * 4096)
                    self.assertEqual(io.complete(write)[0].status & 0x7ff, ABORTED)
                else:
                    io.close()
                self.assertEqual(h.admin.complete(abort)[0].result, 0 if ends else 1)
            # the daemon stops while one waits
            h.io[0].command(h.io[0].rw(1, 0, 8, sgl_transport(4096)))
            h.io[0].recv()
            h.admin.command(sqe(8, h.admin.next_cid(), 0, None, 1 | h.io[0].cid << 16))
            self.daemon.stop()


class StaticControllers(AdminTest):
    subsystem = {"static_cntlid": True, "min_cntlid": 5, "max_cntlid": 7}

    def test_numbers(self):
        with Host(self.address, cntlid=6) as six:
            self.assertEqual(six.cntlid, 6)
            six.io[0].flush()
            self.refused(6, CTRL_BUSY)
            for cntlid in 4, 8, 0, 0xffff:
                self.refused(cntlid, CONNECT_PARAMETER)
            # any that is free
            with Host(self.address, cntlid=0xfffe) as a, Host(self.address, cntlid=0xfffe) as b:
                self.assertEqual({a.cntlid, b.cntlid}, {5, 7})
                self.refused(0xfffe, CTRL_BUSY)
        # a number is free again once its controller is gone
        for _ in range(3):
            while self.daemon.ok("nvmf_subsystem_get_controllers", {"nqn": SUBNQN}):
                pass
            with Host(self.address, cntlid=6) as h:
                self.assertEqual(h.cntlid, 6)
                page = h.admin.identify()
                self.assertEqual(struct.unpack_from("<H", page, 78)[0], 6)
                h.admin.prop_set(0x14, 0x464001)        # a normal shutdown
                h.admin.close()
                h.io[0].closed()

    def refused(self, cntlid, status):
        with Conn(self.address) as c:
            with self.assertRaises(Refused) as e:
                c.connect(cntlid=cntlid)
            self.assertEqual(e.exception.args[0] & 0x7ff, status, cntlid)


class SubsystemReset(AdminTest):
    subsystem = {"enable_nssr": True}
    NSSR, CSTS, OCCURRED = 0x20, 0x1c, 1 << 4

    def test_all_go(self):
        """And who comes back is told of it, until he says that he knows."""
        with Host(self.address) as a, Host(self.address, hostnqn=OTHER) as b:
            self.assertEqual(a.admin.prop_get(0, 1) >> 36 & 1, 1)   # CAP.NSSRS
            a.admin.prop_set(self.NSSR, 1)      # not the value that does it
            b.io[0].flush()
            a.admin.prop_set(self.NSSR, int.from_bytes(b"NVMe", "big"))
            for conn in a.admin, a.io[0], b.admin, b.io[0]:
                conn.closed()
        with Host(self.address) as a:
            self.assertEqual(a.admin.prop_get(self.CSTS), self.OCCURRED | 1)
            a.admin.prop_set(self.CSTS, self.OCCURRED)
            self.assertEqual(a.admin.prop_get(self.CSTS), 1)


class Masking(AdminTest):
    def setUp(self):
        super().setUp()
        self.add_ns("disk2", no_auto_visible=True)

    def see(self, nsid, host, add=True):
        method = "nvmf_ns_add_host" if add else "nvmf_ns_remove_host"
        self.daemon.ok(method, {"nqn": SUBNQN, "nsid": nsid, "host": host})

    def active(self, host):
        page = host.admin.identify(2)
        return [n for n in struct.unpack("<1024I", page) if n]

    def test_who_sees_it(self):
        with Host(self.address) as a, Host(self.address, hostnqn=OTHER) as b:
            for h in a, b:
                h.admin.set_feature(EVENTS, 1 << 8)
                self.assertEqual(self.active(h), [1])
                self.assertEqual(self.status(h.io[0], read_of(h.io[0], 2)), INVALID_NS)
                self.assertEqual(h.admin.identify(0, 2), bytes(4096))
            told, not_told = a.admin.ask_event(), b.admin.ask_event()
            self.see(2, "nqn.2026-11.io.weft:native")
            self.assertEqual(a.admin.event(told), (NOTICE, NS_CHANGED, CHANGED_NS_LOG))
            self.assertEqual(struct.unpack_from("<2I", a.admin.log(CHANGED_NS_LOG)), (2, 0))
            self.assertEqual((self.active(a), self.active(b)), ([1, 2], [1]))
            self.assertEqual(self.status(a.io[0], read_of(a.io[0], 2)), 0)
            self.assertEqual(self.status(b.io[0], read_of(b.io[0], 2)), INVALID_NS)
            self.see(2, OTHER)
            self.assertEqual(b.admin.event(not_told), (NOTICE, NS_CHANGED, CHANGED_NS_LOG))
            self.assertEqual(self.status(b.io[0], read_of(b.io[0], 2)), 0)
            told = a.admin.ask_event()
            self.see(2, "nqn.2026-11.io.weft:native", False)
            self.assertEqual(a.admin.event(told), (NOTICE, NS_CHANGED, CHANGED_NS_LOG))
            self.assertEqual((self.active(a), self.active(b)), ([1], [1, 2]))
            self.assertEqual(self.status(a.io[0], read_of(a.io[0], 2)), INVALID_NS)
            self.assertEqual(self.status(b.io[0], read_of(b.io[0], 2)), 0)
        # and who comes later
        with Host(self.address, hostnqn=OTHER) as b:
            self.assertEqual(self.active(b), [1, 2])
        self.daemon.refused("nvmf_ns_add_host", {"nqn": SUBNQN, "nsid": 1, "host": OTHER})


class Listeners(AdminTest):
    def test_removed_under_io(self):
        """Who came by it is disconnected, whatever is under way; others keep what they do."""
        for _ in range(4):
            second, data = self.listen(), os.urandom(32768)
            with Host(self.address, queues=2) as a, Host(second, queues=2) as b:
                halves = []
                for h in a, b:
                    for qid, io in enumerate(h.io, 1):
                        halves.append((io, io.command(io.rw(1, 0, 64, sgl_transport(32768)))))
                        arrived(self.daemon, h, qid)
                self.daemon.ok("nvmf_subsystem_remove_listener", {
                    "nqn": SUBNQN, "listen_address": self.trid(second[1])})
                for c in b.admin, *b.io:
                    c.closed()
                self.assertRaises(ConnectionRefusedError, Conn, second)
                self.assertEqual([c["cntlid"] for c in self.daemon.ok(
                    "nvmf_subsystem_get_controllers", {"nqn": SUBNQN})], [a.cntlid])
                for io, cid in halves[:2]:
                    self.assertEqual(io.complete(cid, data)[0].status, 0)
                self.assertEqual(a.io[1].read(0, 64), data)


class Ana(AdminTest):
    subsystem = {"ana_reporting": True}
    STATES = (("optimized", 1, 0), ("non_optimized", 2, 0), ("inaccessible", 3, 0x302),
              ("persistent_loss", 4, 0x301), ("change", 0xf, 0x303))

    def setUp(self):
        super().setUp()
        self.second = self.listen()
        self.add_ns("disk2", anagrpid=7)

    def set(self, state, port=None, group=None):
        params = {"nqn": SUBNQN, "listen_address": self.trid(port or self.address[1]),
                  "ana_state": state}
        if group:
            params["anagrpid"] = group
        self.daemon.ok("nvmf_subsystem_listener_set_ana_state", params)

    @staticmethod
    def groups(host, rae=False):
        """State and members by group."""
        page = host.admin.log(ANA_LOG, rae=rae)
        _, n = struct.unpack_from("<QH", page)
        at, found = 16, {}
        for _ in range(n):
            group, members, _, state = struct.unpack_from("<IIQB", page, at)
            found[group] = (state, struct.unpack_from(f"<{members}I", page, at + 32))
            at += 32 + 4 * members
        return found

    def test_groups_beyond_the_numbers(self):
        """Those that have a state of their own, or a namespace, are listed too."""
        self.set("inaccessible", group=100)
        self.add_ns("disk3", anagrpid=200)
        rows = {row["address"]["trsvcid"]: {a["ana_group"]: a["ana_state"]
                                            for a in row["ana_states"]}
                for row in self.daemon.ok("nvmf_subsystem_get_listeners", {"nqn": SUBNQN})}
        numbers = list(range(1, 33))
        first, second = rows[str(self.address[1])], rows[str(self.second[1])]
        self.assertEqual(list(first), numbers + [100, 200])
        self.assertEqual((first[32], first[100], first[200]),
                         ("optimized", "inaccessible", "optimized"))
        self.assertEqual(list(second), numbers + [200])

    def test_states(self):
        with Host(self.address) as a, Host(self.second) as b:
            for name, state, status in self.STATES:
                self.set(name)
                self.assertEqual(self.groups(a), {1: (state, (1,)), 7: (state, (2,))})
                self.assertEqual(self.groups(b), {1: (1, (1,)), 7: (1, (2,))})
                for nsid in 1, 2:
                    self.assertEqual(self.status(a.io[0], read_of(a.io[0], nsid)), status, name)
                    self.assertEqual(self.status(b.io[0], read_of(b.io[0], nsid)), 0)
                # admin commands are always served
                self.assertNotEqual(a.admin.identify(0, 1), bytes(4096))
            self.set("optimized")
            self.set("inaccessible", group=7)
            self.assertEqual(self.groups(a), {1: (1, (1,)), 7: (3, (2,))})
            self.assertEqual([self.status(a.io[0], read_of(a.io[0], n)) for n in (1, 2)],
                             [0, 0x302])

    def test_events(self):
        with Host(self.address) as a, Host(self.second) as b:
            for h in a, b:
                h.admin.set_feature(EVENTS, 1 << 11)
            first, other = a.admin.ask_event(), b.admin.ask_event()
            self.set("non_optimized")
            self.assertEqual(a.admin.event(first), (NOTICE, ANA_CHANGED, ANA_LOG))
            # one event until the log is read; what comes meanwhile is told then
            second = a.admin.ask_event()
            self.set("inaccessible")
            self.assertEqual(self.groups(a, rae=True)[1][0], 3)
            self.set("change")
            self.assertNotIn(second, [p.cid for p in a.admin.early])
            self.assertEqual(self.groups(a)[1][0], 0xf)
            self.set("optimized")
            self.assertEqual(a.admin.event(second), (NOTICE, ANA_CHANGED, ANA_LOG))
            # the namespace moves: both paths are told
            self.assertNotIn(other, [p.cid for p in b.admin.early])
            first = a.admin.ask_event()
            self.groups(a)
            self.daemon.ok("nvmf_subsystem_set_ns_ana_group", {"nqn": SUBNQN, "nsid": 1,
                                                               "anagrpid": 7})
            for h, cid in (a, first), (b, other):
                self.assertEqual(h.admin.event(cid), (NOTICE, ANA_CHANGED, ANA_LOG))
                self.assertEqual(self.groups(h), {7: (1, (1, 2))})


if __name__ == "__main__":
    unittest.main()
