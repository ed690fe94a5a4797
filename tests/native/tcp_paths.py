# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""NVMe/TCP end to end over loopback: connecting, identifying, data both ways by every
path, with every combination of digests and alignments."""
import os
import random
import socket
import unittest

from daemon import DaemonTest
from tcp_disk import free_port, tcp_counters
from tcp_host import DISCOVERY, SUBNQN, Conn, Host, Refused, sgl_capsule, sgl_transport, sqe

BLOCKS = 8192
SIZES = (512, 4096, 8192, 65536, 131072)


def listen(daemon, port, traddr="127.0.0.1", nqn=SUBNQN):
    daemon.ok("nvmf_subsystem_add_listener", {"nqn": nqn, "listen_address": {
        "trtype": "TCP", "traddr": traddr, "trsvcid": str(port)}})


def serve(daemon, bdev=("bdev_malloc_create", {"name": "disk", "num_blocks": BLOCKS,
                                               "block_size": 512}), **options):
    """A subsystem with a disk; returns the address it listens at."""
    daemon.ok("nvmf_create_transport", {"trtype": "TCP", **options})
    daemon.ok(*bdev)
    daemon.ok("nvmf_create_subsystem", {"nqn": SUBNQN, "allow_any_host": True,
                                        "serial_number": "WEFTTCP"})
    daemon.ok("nvmf_subsystem_add_ns", {"nqn": SUBNQN, "namespace": {"bdev_name": "disk"}})
    port = free_port()
    listen(daemon, port)
    return "127.0.0.1", port


def exercise(test, io, seed):
    """Writes by both paths and reads of all sizes, checked against a model."""
    rng = random.Random(seed)
    model = bytearray(io.read(0, 256))
    for n in range(24):
        size = rng.choice(SIZES)
        lba = rng.randrange(0, 256 - size // 512 + 1)
        data = rng.randbytes(size)
        io.write(lba, data, inline=size <= 4096 and n % 2 == 0,
                 size=rng.choice((None, 4096, 65536)))
        model[lba * 512:lba * 512 + size] = data
        size = rng.choice(SIZES)
        lba = rng.randrange(0, 256 - size // 512 + 1)
        test.assertEqual(io.read(lba, size // 512), model[lba * 512:lba * 512 + size])
    test.assertEqual(io.read(0, 256), model)


class Ram(DaemonTest):
    def setUp(self):
        super().setUp()
        self.address = serve(self.daemon)

    def test_identify(self):
        with Host(self.address, queues=2) as h:
            page = h.admin.identify()
            self.assertEqual(page[4:24].strip(), b"WEFTTCP")
            self.assertEqual(page[768:1024].rstrip(b"\0").decode(), SUBNQN)
            sgls = int.from_bytes(page[536:540], "little")
            self.assertTrue(sgls & 1 << 20 and sgls & 1 << 21 and not sgls & 1 << 2, hex(sgls))
            self.assertEqual(int.from_bytes(page[1792:1796], "little"), (64 + 4096) // 16)
            rows = self.daemon.ok("nvmf_subsystem_get_qpairs", {"nqn": SUBNQN})
            self.assertEqual([(r["qid"], r["state"]) for r in rows],
                             [(0, "enabled"), (1, "enabled"), (2, "enabled")])
            self.assertEqual(rows[1]["listen_address"], {
                "trtype": "TCP", "adrfam": "IPv4", "traddr": "127.0.0.1",
                "trsvcid": str(self.address[1])})
            self.assertEqual(rows[2]["peer_address"]["trsvcid"],
                             str(h.io[1].sock.getsockname()[1]))
            h.io[1].write(0, bytes(131072))
            rows = self.daemon.ok("nvmf_subsystem_get_qpairs", {"nqn": SUBNQN})
            self.assertEqual([r["counters"]["r2ts"] for r in rows], [0, 0, 1])
            self.assertEqual(rows[1]["counters"]["requests"], 1)
            counters = rows[2]["counters"]
            # Connect, the write, and its data
            self.assertEqual((counters["requests"], counters["recv_pdus"]), (2, 3))
            self.assertEqual(counters["copied_bytes"] + counters["direct_bytes"], 1024 + 131072)
            self.assertEqual(len(self.daemon.ok("nvmf_subsystem_get_controllers",
                                                {"nqn": SUBNQN})), 1)

    def test_all_digests_and_alignments(self):
        for n, hpda in enumerate((0, 1, 31, 7)):
            for hdgst in (False, True):
                for ddgst in (False, True):
                    with self.subTest(hpda=hpda, hdgst=hdgst, ddgst=ddgst), \
                            Host(self.address, hdgst=hdgst, ddgst=ddgst, hpda=hpda) as h:
                        exercise(self, h.io[0], n)

    def test_connect_data_by_r2t(self):
        with Conn(self.address) as c:
            c.connect(inline=False)
            c.enable()

    def test_success_flag(self):
        """Without SQ flow control a read's data may end the command."""
        with Host(self.address, cattr=4) as h:
            io = h.io[0]
            data = os.urandom(4096)
            io.write(3, data)
            r, got = io.complete(io.command(io.rw(2, 3, 8, sgl_transport(4096))))
            self.assertIsNone(r)
            self.assertEqual(got, data)
        with Host(self.address) as h:
            io = h.io[0]
            r, got = io.complete(io.command(io.rw(2, 3, 8, sgl_transport(4096))))
            self.assertEqual((r.status, r.sqhd), (0, 2))
            self.assertEqual(got, data)

    def test_in_place(self):
        """Large writes are received straight into the disk, reads are sent from it."""
        with Host(self.address) as h:
            io = h.io[0]
            data = os.urandom(131072)
            before = tcp_counters(self.daemon)
            for _ in range(8):
                io.write(0, data)
                self.assertEqual(io.read(0, 256), data)
            after = tcp_counters(self.daemon)
        copied = after["copied_bytes"] - before["copied_bytes"]
        self.assertEqual(after["direct_bytes"] - before["direct_bytes"] + copied, 8 * 131072)
        self.assertLess(copied, 131072)
        self.assertEqual(after["buffers_in_use"], 0)

    def test_errors_leave_the_connection(self):
        with Host(self.address) as h:
            io = h.io[0]
            with self.assertRaises(Refused) as e:
                io.read(BLOCKS, 1)
            self.assertEqual(e.exception.args[0] & 0x7ff, 0x80)  # LBA out of range
            # data in the capsule of a command that has failed, or that wants none
            with self.assertRaises(Refused):
                io.write(BLOCKS, bytes(4096), inline=True)
            io.do(sqe(0, io.next_cid(), 1, sgl_capsule(512)), bytes(512))
            with self.assertRaises(Refused) as e:
                io.do(io.rw(1, 0, 8, sgl_transport(131072 * 2)))
            self.assertEqual(e.exception.args[0] & 0x7ff, 0x0f)  # data SGL length
            exercise(self, io, 5)

    def test_many_at_once(self):
        with Host(self.address, sqsize=127) as h:
            io = h.io[0]
            data = [os.urandom(4096) for _ in range(64)]
            out = b""
            for n, d in enumerate(data):
                out += io.pdu(4, io.rw(1, n * 8, 8, b"\0" * 8 + b"\0\x10\0\0\0\0\0\1"), d)
            for n in range(64):
                out += io.pdu(4, io.rw(2, n * 8, 8, sgl_transport(4096)))
            cids = range(io.cid - 127, io.cid + 1)
            before = tcp_counters(self.daemon)
            io.send(out)
            got = [io.complete(cid) for cid in cids]
            after = tcp_counters(self.daemon)
        self.assertEqual([r.status for r, _ in got], [0] * 128)
        self.assertEqual([d for _, d in got[64:]], data)
        self.assertEqual(after["requests"] - before["requests"], 128)
        self.assertEqual(after["copied_bytes"] - before["copied_bytes"], 64 * 4096)
        # many PDUs come and go with one call, however they were cut on the way
        calls = sum(after[k] - before[k] for k in ("recv_calls", "send_calls"))
        self.assertLess(calls, 64)

    def test_ipv6_and_discovery(self):
        port = free_port(socket.AF_INET6)
        listen(self.daemon, port, "::1")
        with Host(("::1", port)) as h:
            exercise(self, h.io[0], 9)
        with Conn(("::1", port)) as c:
            c.connect(subnqn=DISCOVERY)
            c.enable()
            log = c.do(sqe(2, c.next_cid(), 0, sgl_transport(4096), 0x70 | 1023 << 16))[1]
            self.assertEqual(int.from_bytes(log[8:16], "little"), 2)
            entries = [log[1024 + n * 1024:2048 + n * 1024] for n in range(2)]
            self.assertEqual({(e[0], e[1], e[512:768].rstrip(b" \0")) for e in entries},
                             {(3, 1, b"127.0.0.1"), (3, 2, b"::1")})

    def test_subsystem_goes_away(self):
        with Host(self.address, queues=2) as h:
            h.io[0].flush()
            self.daemon.ok("nvmf_delete_subsystem", {"nqn": SUBNQN})
            for c in (*h.io, h.admin):
                c.closed()
        self.daemon.ok("nvmf_delete_transport", {"trtype": "TCP"})

    def test_stop_while_connected(self):
        with Host(self.address, queues=2):
            self.daemon.stop()


class Options(DaemonTest):
    """Options under SPDK's names."""

    # what SPDK's rpc.py sends for "nvmf_create_transport -t TCP"
    RPC_PY = {"no_srq": False, "c2h_success": True, "trtype": "TCP", "zcopy": False,
              "dif_insert_or_strip": False, "no_wr_batching": False,
              "disable_mappable_bar0": False, "disable_adaptive_irq": False,
              "disable_shadow_doorbells": False, "disable_command_passthru": False}

    def test_of_rpc_py(self):
        self.daemon.ok("nvmf_create_transport", self.RPC_PY)
        shown = self.daemon.ok("nvmf_get_transports")[0]
        for name, value in (("trtype", "TCP"), ("max_queue_depth", 128),
                            ("max_io_qpairs_per_ctrlr", 127), ("in_capsule_data_size", 4096),
                            ("max_io_size", 131072), ("max_aq_depth", 128), ("c2h_success", True),
                            ("sock_priority", 0), ("abort_timeout_sec", 1), ("ack_timeout", 0)):
            self.assertEqual(shown[name], value, name)
        for name in ("no_srq", "max_srq_depth", "num_cqe", "remote_invalidate"):
            self.assertNotIn(name, shown)
        # again, and with what was saved
        self.daemon.ok("nvmf_create_transport", self.RPC_PY)
        self.daemon.ok("nvmf_create_transport", shown)
        error = self.daemon.refused("nvmf_create_transport", {**self.RPC_PY, "c2h_success": False})
        self.assertIn("c2h_success", error["message"])

    def test_what_is_refused(self):
        for name, value in (("dif_insert_or_strip", True), ("masked_oncs", ["x"]),
                            ("sock_priority", 7), ("max_queue_depth", 1), ("max_io_size", 100000),
                            ("in_capsule_data_size", 8), ("num_shared_buffers", 7),
                            ("acceptor_backlog", 0), ("max_aq_depth", 31)):
            error = self.daemon.refused("nvmf_create_transport", {"trtype": "TCP", name: value})
            self.assertIn(name, error["message"])
        self.assertEqual(self.daemon.ok("nvmf_get_transports"), [])

    def test_without_capsule_data_and_success(self):
        address = serve(self.daemon, in_capsule_data_size=0, c2h_success=False, sock_priority=6,
                        ack_timeout=30000, max_io_size=8192, io_unit_size=4096)
        with Host(address, cattr=4) as h:
            page = h.admin.identify()
            self.assertEqual(page[77], 1)  # MDTS
            self.assertFalse(int.from_bytes(page[536:540], "little") & 1 << 20)
            io = h.io[0]
            data = os.urandom(8192)
            io.write(0, data)
            r, got = io.complete(io.command(io.rw(2, 0, 16, sgl_transport(8192))))
            self.assertEqual((r.status, got), (0, data))

    def test_addresses_that_are_taken_or_not_there(self):
        address = serve(self.daemon)
        # by the same subsystem: nothing changes
        listen(self.daemon, address[1])
        error = self.daemon.refused("nvmf_subsystem_add_listener", {
            "nqn": SUBNQN, "listen_address": {"trtype": "TCP", "traddr": "192.0.2.1"}})
        self.assertIn("no interface", error["message"])
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen()
            error = self.daemon.refused("nvmf_subsystem_add_listener", {
                "nqn": SUBNQN, "listen_address": {"trtype": "TCP", "traddr": "127.0.0.1",
                                                  "trsvcid": str(s.getsockname()[1])}})
            self.assertIn("another program", error["message"])


class File(DaemonTest):
    """A disk that is not memory: everything goes through buffers."""

    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.daemon.dir.name, "disk.img")
        with open(self.path, "wb") as f:
            f.truncate(BLOCKS * 512)
        self.bdev = ("bdev_aio_create", {"name": "disk", "filename": self.path,
                                         "block_size": 512})

    def test_all_digests(self):
        address = serve(self.daemon, self.bdev)
        for hdgst in (False, True):
            for ddgst in (False, True):
                with self.subTest(hdgst=hdgst, ddgst=ddgst), \
                        Host(address, hdgst=hdgst, ddgst=ddgst) as h:
                    exercise(self, h.io[0], 3)
        self.assertEqual(tcp_counters(self.daemon)["buffers_in_use"], 0)

    def test_few_buffers(self):
        """More at a time than there are buffers for: all wait their turn, none is lost."""
        address = serve(self.daemon, self.bdev, max_io_size=131072, io_unit_size=16384,
                        num_shared_buffers=8)
        with Host(address, queues=2, sqsize=63) as h:
            a, b = h.io
            data = [os.urandom(size) for size in (131072, 4096, 65536, 4096) * 8]
            lbas = [sum(map(len, data[:n])) // 512 for n in range(len(data))]
            mine, reads = [], []
            for n, d in enumerate(data):
                inline = len(d) == 4096
                sgl = (b"\0" * 8 + len(d).to_bytes(4, "little") + b"\0\0\0\1") if inline else \
                    sgl_transport(len(d))
                mine.append(a.command(a.rw(1, lbas[n], len(d) // 512, sgl), d if inline else b""))
                reads.append(b.command(b.rw(2, 0, 8, sgl_transport(4096))))
            for cid, d in zip(mine, data):
                r, _ = a.complete(cid, d)
                self.assertEqual(r.status, 0)
            for cid in reads:
                self.assertEqual(len(b.complete(cid)[1]), 4096)
            cids = [b.command(b.rw(2, lba, len(d) // 512, sgl_transport(len(d))))
                    for lba, d in zip(lbas, data)]
            for cid, d in zip(cids, data):
                self.assertEqual(b.complete(cid)[1], d)
        s = tcp_counters(self.daemon)
        # most of them for others of their own connection
        self.assertGreater(s["pending_share"], 0)
        self.assertGreater(s["pending_data_buffer"], s["pending_share"])
        self.assertEqual((s["buffers"], s["buffers_in_use"]), (8, 0))


if __name__ == "__main__":
    unittest.main()
