#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""SIGTERM at any moment, while it starts, connects hosts, is configured or does I/O, or waits:
always exit code 0, nothing leaked. A hundred times in the full tier, fewer otherwise."""
import contextlib
import json
import os
import random
import signal
import struct
import threading
import time
import unittest

from daemon import Daemon, DaemonTest, config
from tcp_disk import free_port
from tcp_host import (R2T, SUBNQN, Closed, Host, Refused, Terminated, sgl_capsule,
                      sgl_transport, sqe)
from tcp_paths import serve

ROUNDS = 100 if os.environ.get("WEFT_TIER") == "full" else 20
CORES = ",".join(str(c) for c in sorted(os.sched_getaffinity(0))[:2])
SEED = 20261126


class Stop(unittest.TestCase):
    def calls(self, port, path):
        ns = [("nvmf_subsystem_add_ns", {"nqn": SUBNQN, "namespace": {"bdev_name": name}})
              for name in ("ram", "slow", "file")]
        return config(
            ("nvmf_create_transport", {"trtype": "TCP", "num_shared_buffers": 64,
                                       "io_unit_size": 16384}),
            ("bdev_malloc_create", {"name": "ram", "num_blocks": 8192, "block_size": 512}),
            ("bdev_malloc_create", {"name": "base", "num_blocks": 8192, "block_size": 512}),
            ("bdev_delay_create", {"base_bdev_name": "base", "name": "slow",
                                   "avg_read_latency": 2000, "p99_read_latency": 10_000_000,
                                   "avg_write_latency": 2000, "p99_write_latency": 10_000_000}),
            ("bdev_aio_create", {"name": "file", "filename": path, "block_size": 512}),
            ("nvmf_create_subsystem", {"nqn": SUBNQN, "allow_any_host": True,
                                       "ana_reporting": True}), *ns,
            ("nvmf_subsystem_add_listener", {"nqn": SUBNQN, "listen_address": {
                "trtype": "TCP", "traddr": "127.0.0.1", "trsvcid": str(port)}}))

    @staticmethod
    def anything(io, rng):
        """Bytes of a command of any kind, some with data, some never answered."""
        nsid, lba = rng.randrange(1, 4), rng.randrange(0, 7000)
        kind = rng.randrange(8)
        data = bytes(4096)
        if kind < 3:
            n = rng.choice((8, 256))
            return io.pdu(4, io.rw(2, lba, n, sgl_transport(n * 512), nsid))
        if kind < 5:
            return io.pdu(4, io.rw(1, lba, 8, sgl_capsule(4096), nsid), data)
        if kind == 5:
            return io.pdu(4, io.rw(1, lba, 256, sgl_transport(131072), nsid))   # no data comes
        if kind == 6:
            return io.pdu(4, sqe(5, io.next_cid(), nsid, sgl_capsule(4096), lba, 0, 7, 0x41), data)
        return io.pdu(4, sqe(0x19, io.next_cid(), nsid, sgl_capsule(32), lba),
                      struct.pack("<8xQH14x", 0, 63))

    def host(self, address, seed):
        """Connects, sends without end, reads now and then; until the daemon has gone."""
        rng = random.Random(seed)
        with contextlib.suppress(OSError, Closed, Terminated, Refused, AssertionError):
            while True:
                with Host(address, queues=2, sqsize=63) as h:
                    h.admin.set_feature(0xb, 1 << 8 | 1 << 11)
                    h.admin.ask_event()
                    for c in h.io:
                        c.send(b"".join(self.anything(c, rng) for _ in range(60)))
                    for _ in range(rng.randrange(60)):
                        h.io[rng.randrange(2)].recv()

    def change(self, d, seed):
        """The configuration, for as long as somebody answers."""
        rng = random.Random(seed)
        calls = (("nvmf_subsystem_remove_ns", {"nqn": SUBNQN, "nsid": 1}),
                 ("nvmf_subsystem_add_ns", {"nqn": SUBNQN, "namespace": {"bdev_name": "ram",
                                                                         "nsid": 1}}),
                 ("bdev_delay_delete", {"name": "slow"}),
                 ("nvmf_set_host_limits", {"host": "nqn.2026-11.io.weft:native",
                                           "rw_ios_per_sec": 10000}),
                 ("nvmf_get_statistics", None), ("nvmf_delete_subsystem", {"nqn": SUBNQN + "x"}))
        with contextlib.suppress(OSError, AssertionError, ValueError):
            while True:
                d.call(*rng.choice(calls))

    def round(self, n):
        rng = random.Random(SEED + n)
        port, threads = free_port(), []
        d = Daemon("-m", CORES, wait=False, config=self.calls(port, self.path))
        self.addCleanup(d.close)
        if n % 5:       # else: while it starts
            d._wait_for_socket()
            address = "127.0.0.1", port
            jobs = [(self.host, address, rng.random()) for _ in range(3)]
            if n % 2:
                jobs.append((self.change, d, rng.random()))
            threads = [threading.Thread(target=f, args=a) for f, *a in jobs]
            for t in threads:
                t.start()
        threading.Event().wait(rng.random() * 0.3)
        d.process.send_signal(signal.SIGTERM)
        status = d.wait()
        for t in threads:
            t.join()
        words = d.words()
        # a signal before it is listened to ends it like any program
        self.assertIn(status, (0, -signal.SIGTERM) if not words else (0,), f"round {n}: {words}")
        d.close()

    def test_at_random_moments(self):
        self.path = f"/tmp/weft-stop-{os.getpid()}.img"
        with open(self.path, "wb") as f:
            f.truncate(8192 * 512)
        self.addCleanup(os.unlink, self.path)
        for n in range(ROUNDS):
            self.round(n)


class Configured(unittest.TestCase):
    """SIGTERM while the configuration of the start waits for a bdev."""

    def test_for_a_bdev(self):
        d = Daemon("--wait-for-rpc", config=config(
            ("bdev_null_create", {"name": "n", "num_blocks": 8, "block_size": 512}),
            ("bdev_get_bdevs", {"name": "none", "timeout": 3_600_000})))
        self.addCleanup(d.close)
        with d.connect() as s:
            s.sendall(b'{"id":1,"method":"framework_start_init"}')
            while not any(p["name"] == "bdev_get_bdevs" for t in d.ok("thread_get_pollers")[
                    "threads"] for p in t["timed_pollers"]):
                time.sleep(0.002)
            d.stop()
            self.assertIn(b"the daemon is stopping", s.recv(65536))


class Waiting(DaemonTest):
    """SIGTERM while a call waits for a host, or for what is held on purpose."""

    def setUp(self):
        super().setUp()
        self.address = serve(self.daemon, transfer_timeout=3_600_000)

    def removal(self):
        """Of the namespace; it is under way, and waits."""
        s = self.daemon.connect()
        self.addCleanup(s.close)
        s.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "nvmf_subsystem_remove_ns",
                              "params": {"nqn": SUBNQN, "nsid": 1}}).encode())
        s.settimeout(0.3)
        with self.assertRaises(TimeoutError):
            s.recv(1)

    def test_for_data(self):
        with Host(self.address) as h:
            c = h.io[0]
            c.command(c.rw(1, 0, 256, sgl_transport(131072)))
            self.assertEqual(c.recv().type, R2T)
            self.removal()
            self.daemon.stop()

    def test_for_what_is_held(self):
        for method, params in (
                ("nvmf_subsystem_remove_ns", {"nqn": SUBNQN, "nsid": 1}),
                ("bdev_error_create", {"base_name": "disk"}),
                ("nvmf_subsystem_add_ns", {"nqn": SUBNQN, "namespace": {
                    "bdev_name": "EE_disk", "nsid": 1}}),
                ("bdev_error_inject_error", {"name": "EE_disk", "io_type": "read",
                                             "error_type": "pending", "num": 1})):
            self.daemon.ok(method, params)
        with Host(self.address) as h:
            c = h.io[0]
            c.command(c.rw(2, 0, 8, sgl_transport(4096)))
            self.removal()
            self.daemon.stop()


if __name__ == "__main__":
    unittest.main()
