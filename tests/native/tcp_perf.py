#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""weft perf over NVMe/TCP: every pattern, digest and size is verified; counts of what
the target and the initiator spent; many connections."""
import itertools
import json
import signal
import unittest

from tcp_disk import CONNECTION, MEDIA, MISSING, OK, USAGE, TcpTest

DIGESTS = ["", "hdr_digest", "data_digest", "hdr_digest,data_digest"]


class Verify(TcpTest):
    transport = {"in_capsule_data_size": 8192, "max_io_size": 131072}

    def verified(self, *args, count, **more):
        r = self.perf("--verify", "crc", "--count", count, *args, **more)
        self.assertEqual((r["ios"], r["errors"], r["verify"]["mismatches"]), (count, 0, 0))
        self.assertGreater(r["verify"]["bytes"], 0)
        self.assertEqual(sum(r["queue_ios"]), count)
        i = r["initiator"]
        self.assertEqual(i["submitted"], i["completed"])
        return r

    def test_digests_and_sizes(self):
        for digest, size in itertools.product(DIGESTS, (512, 4096, 8192, 8704, 65536, 131072)):
            r = self.verified("--pattern", "randrw", "--block-size", size, "--depth", 8,
                              more=digest, count=64)
            i = r["initiator"]
            writes = r["write"]["ios"]
            # Connect is in a capsule, too
            self.assertEqual(i["in_capsule"], 1 + (writes if size <= 8192 else 0), size)
            if size > 8192:
                self.assertGreaterEqual(i["r2ts"], writes)
            else:
                self.assertEqual(i["r2ts"], 0)
            self.assertEqual(i["registrations"], 0)

    def test_patterns(self):
        for pattern in "write", "read", "randwrite", "randread", "rw", "randrw":
            for how in "crc", "pattern":
                # every block is there for the reads: 256 I/Os of 4 KiB fill the range
                self.perf("--pattern", "write", "--verify", how, "--count", 256, "--range", "1M")
                r = self.perf("--pattern", pattern, "--verify", how, "--count", 300,
                              "--range", "1M")
                self.assertEqual((r["ios"], r["errors"], r["verify"]["mismatches"]), (300, 0, 0))
                self.assertGreater(r["verify"]["bytes"], 0)
                if "read" in pattern:
                    self.assertEqual((r["read"]["ios"], r["verify"]["bytes"]), (300, 300 * 4096))
                elif "write" in pattern:
                    self.assertEqual(r["write"]["ios"], 300)
                    if pattern == "write":
                        self.assertEqual(r["verify"]["bytes"], 1 << 20)
                else:
                    self.assertGreater(min(r["read"]["ios"], r["write"]["ios"]), 0)

    def test_mix_and_seeds(self):
        r = self.perf("--pattern", "randrw", "--mix", 90, "--count", 2000)
        self.assertTrue(1600 < r["read"]["ios"] < 1999, r)
        a, b = (self.perf("--pattern", "randrw", "--count", 500, "--depth", 1, "--seed", 7)
                for _ in range(2))
        self.assertEqual(a["read"]["ios"], b["read"]["ios"])

    def test_queues_and_threads(self):
        for queues, threads in (1, 1), (4, 2), (7, 3):
            r = self.verified("--pattern", "randrw", "--threads", threads,
                              more=f"nr_io_queues={queues}", count=900)
            self.assertEqual((r["queues"], r["threads"], len(r["queue_ios"])),
                             (queues, threads, queues))
            self.assertTrue(all(900 // queues <= n <= 900 // queues + 1 for n in r["queue_ios"]))
            self.assertGreater(r["fairness"]["jain"], 0.99)

    def test_damage_is_found(self):
        for how in "crc", "pattern":
            args = ("--verify", how, "--count", 256, "--range", "1M")
            self.perf("--pattern", "write", *args)
            block = bytearray(self.read(800, 1))
            block[300] ^= 4
            self.write(800, bytes(block))
            r = self.perf("--pattern", "read", *args, code=MEDIA, says="block 800 (write 0): ")
            self.assertEqual(r["verify"], {"bytes": (1 << 20) - 512, "mismatches": 1})
            # a block in another one's place, and one that was never written
            self.write(800, self.read(801, 1))
            self.write(802, bytes(512))
            self.perf("--pattern", "read", *args, code=MEDIA, says="another block's stamp")
            self.perf("--pattern", "read", *args, code=MEDIA, says="2 blocks differ")
            self.perf("--pattern", "read", *args, "--seed", 2, code=MEDIA, says="this seed")

    def test_time(self):
        r = self.perf("--time", 1, "--pattern", "randread", "--depth", 4)
        self.assertGreater(r["ios"], 0)
        self.assertEqual(r["write"]["ios"], 0)
        lat = r["read"]["latency_ns"]
        self.assertTrue(0 < lat["min"] <= lat["p50"] <= lat["p99"] <= lat["p99.99"] <= lat["max"])
        out = self.weft(OK, "perf", self.string(), "--count", 10).decode()
        self.assertRegex(out, r"^randread, 4096 bytes, depth 32, 1 queue on 1 controller, 1 thread")
        self.assertIn("per I/O: ", out)

    def test_refusals(self):
        for args, says in ((("--pattern", "x"), "randrw is accepted"),
                           (("--mix", 5), "rw and randrw"),
                           (("--pattern", "rw", "--mix", 100), "1-99"), (("--verify", "x"), "crc"),
                           (("--block-size", 513), "multiple of the namespace's blocks of 512"),
                           (("--block-size", "256K"), "the controller takes up to"),
                           (("--depth", 0), "1-1023"), (("--depth", 1024), "1-1023"),
                           (("--range", 100), "too few"), (("--time", 0), "1-"),
                           (("--verify", "crc", "--range", "64K"), "too few")):
            self.perf(*args, code=USAGE, says=says)
        self.perf("--nsid", 9, code=MISSING, says="namespace 9")
        self.perf("--count", 1, code=CONNECTION, more="nr_io_queues=2,host_traddr=192.0.2.1",
                  says="host_traddr=192.0.2.1")

    def test_namespace_goes_away(self):
        p = self.load("--time", 60)
        self.daemon.ok("nvmf_subsystem_remove_ns", {"nqn": "nqn.2026-11.io.weft:tcp", "nsid": 1})
        self.daemon.ok("nvmf_delete_subsystem", {"nqn": "nqn.2026-11.io.weft:tcp"})
        _, err = p.communicate(timeout=120)
        self.assertEqual(p.returncode, CONNECTION, err)
        self.assertNotIn("Sanitizer", err)


class Blocks4k(TcpTest):
    blocks = 8192
    block_size = 4096

    def test_verify(self):
        r = self.perf("--pattern", "randrw", "--block-size", 16384, "--verify", "pattern",
                      "--count", 500, more="hdr_digest,data_digest")
        self.assertEqual(r["verify"]["mismatches"], 0)
        self.perf("--block-size", 512, code=USAGE, says="blocks of 4096 bytes")


class Costs(TcpTest):
    transport = {"in_capsule_data_size": 4096}

    def cost(self, *args, count=20000, size=4096):
        """What so many I/Os cost the target, and the report."""
        before = self.spent()
        r = self.perf("--count", count, "--block-size", size, "--depth", 128, *args)
        after = self.spent()
        return {k: after[k] - before[k] for k in after}, r

    def spent(self):
        """Counters of the transport, and calls of epoll."""
        reactors = self.daemon.ok("nvmf_get_statistics")["reactors"]
        return {**self.counters(), "fd_polls": sum(r["fd_polls"] for r in reactors)}

    def test_budgets(self):
        # the first run makes the target take its buffers
        self.cost("--pattern", "write")
        for pattern in "read", "randread", "write", "randwrite":
            target, r = self.cost("--pattern", pattern)
            ios, i = r["ios"], r["initiator"]
            calls = target["recv_calls"] + target["send_calls"] + target["fd_polls"]
            print(f"{pattern}: target {calls / ios:.4f} calls, {target['fd_polls'] / ios:.4f} of "
                  f"epoll, {target['wakeups'] / ios:.4f} wakeups, "
                  f"{target['copied_bytes'] / ios:.0f} bytes copied per I/O; initiator "
                  f"{(i['sends'] + i['recvs']) / ios:.4f} calls, "
                  f"{i['bytes_copied'] / ios:.0f} bytes copied")
            self.assertLessEqual(calls / ios, 0.1, target)
            self.assertGreaterEqual(target["requests"], ios)
            if "read" in pattern:
                # Connect's and nothing else's data
                self.assertLess(target["copied_bytes"], 4096)
            else:
                # out of the receive buffer, once; and Connect's
                self.assertLessEqual(target["copied_bytes"], 4096 * (ios + 1))
                # of our own writes we copy nothing
                self.assertLessEqual(i["bytes_copied"], 4096)
            self.assertLessEqual((i["sends"] + i["recvs"]) / ios, 0.2, i)

    def test_large_writes_in_place(self):
        """All but what came with the header and parts of blocks, at the price of a call for each."""
        target, r = self.cost("--pattern", "randwrite", count=500, size=16384)
        self.assertLessEqual(target["copied_bytes"], 2048 * r["ios"] + 4096, target)
        self.assertGreaterEqual(target["direct_bytes"], (16384 - 2048) * r["ios"], target)

    def test_success_flag(self):
        """Without flow control of submission queues a read's data ends the command."""
        for more, pdus in ("", 2), ("disable_sqflow", 1):
            r = self.perf("--pattern", "read", "--count", 256, more=more)
            # and those of Connect
            self.assertEqual(r["initiator"]["pdus_in"], 256 * pdus + 2, r)


class Many(TcpTest):
    """A thousand connections: 500 controllers with an I/O queue each."""

    def test_all_work(self):
        r = self.perf("--controllers", 500, "--pattern", "randrw", "--verify", "crc", "--depth", 2,
                      "--block-size", 512, "--count", 10000, more="keep_alive_tmo=60")
        self.assertEqual((r["queues"], r["ios"], r["errors"]), (500, 10000, 0))
        self.assertEqual(r["verify"]["mismatches"], 0)
        self.assertEqual(set(r["queue_ios"]), {20})
        c = self.counters()
        self.assertEqual((c["connections"], c["buffers_in_use"], c["faults"]), (0, 0, 0))
        self.assertGreaterEqual(c["requests"], 10000 + 500 * 8)
        # and one more host is served as ever
        self.io("flush")


if __name__ == "__main__":
    unittest.main()
