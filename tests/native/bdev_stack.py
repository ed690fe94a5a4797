#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Bdevs on top of others, by RPC: creation, repetition, refusal, removal, saving."""
import os
import subprocess
import unittest

from daemon import DaemonTest, config

BASE = {"name": "ram", "num_blocks": 8192, "block_size": 512}
CLI = os.environ.get("WEFT_CLI", "build/asan/weft")
LATENCIES = {"avg_read_latency": 10, "p99_read_latency": 200, "avg_write_latency": 30,
             "p99_write_latency": 4000}


class Stack(DaemonTest):
    def setUp(self):
        super().setUp()
        self.daemon.ok("bdev_malloc_create", BASE)

    def names(self):
        return [b["name"] for b in self.daemon.ok("bdev_get_bdevs")]

    def one(self, name):
        return self.daemon.ok("bdev_get_bdevs", {"name": name})[0]

    def test_passthru(self):
        p = {"base_bdev_name": "ram", "name": "pt"}
        self.assertEqual(self.daemon.ok("bdev_passthru_create", p), "pt")
        self.assertEqual(self.daemon.ok("bdev_passthru_create", p), "pt")
        b = self.one("pt")
        self.assertEqual(b["product_name"], "passthru")
        self.assertEqual(b["driver_specific"],
                         {"passthru": {"name": "pt", "base_bdev_name": "ram"}})
        self.assertEqual((b["block_size"], b["num_blocks"]), (512, 8192))
        self.assertTrue(self.one("ram")["claimed"])
        e = self.daemon.refused("bdev_passthru_create", {"base_bdev_name": "none", "name": "x"})
        self.assertEqual(e["code"], -19)
        e = self.daemon.refused("bdev_passthru_create", {"base_bdev_name": "ram", "name": "x"})
        self.assertEqual(e["code"], -16)
        self.assertIn("passthru", e["message"])
        e = self.daemon.refused("bdev_passthru_create", {"base_bdev_name": "pt", "name": "pt"})
        self.assertEqual(e["code"], -17)
        self.assertIn("base", e["message"])
        self.assertTrue(self.daemon.ok("bdev_passthru_delete", {"name": "pt"}))
        self.assertEqual(self.names(), ["ram"])
        self.assertFalse(self.one("ram")["claimed"])

    def test_split(self):
        p = {"base_bdev": "ram", "split_count": 3, "split_size_mb": 1}
        want = ["ramp0", "ramp1", "ramp2"]
        self.assertEqual(self.daemon.ok("bdev_split_create", p), want)
        self.assertEqual(self.daemon.ok("bdev_split_create", p), want)
        e = self.daemon.refused("bdev_split_create", dict(p, split_count=2))
        self.assertEqual(e["code"], -17)
        self.assertIn("3 parts", e["message"])
        b = self.one("ramp2")
        self.assertEqual((b["product_name"], b["num_blocks"], b["driver_specific"]),
                         ("Split Disk", 2048,
                          {"split": {"base_bdev": "ram", "offset_blocks": 4096}}))
        self.assertTrue(self.daemon.ok("bdev_split_delete", {"base_bdev": "ram"}))
        self.assertEqual(self.names(), ["ram"])
        self.assertEqual(self.daemon.refused("bdev_split_delete", {"base_bdev": "ram"})["code"],
                         -19)
        for bad, words in (({"split_count": 0}, "split_count=0"),
                           ({"split_count": 5, "split_size_mb": 1}, "split_count=5"),
                           ({"base_bdev": "none", "split_count": 1}, "none")):
            e = self.daemon.refused("bdev_split_create", dict(dict(base_bdev="ram"), **bad))
            self.assertIn(words, e["message"])
        self.assertEqual(self.names(), ["ram"])
        # without a size: as large as fits
        self.daemon.ok("bdev_split_create", {"base_bdev": "ram", "split_count": 3})
        self.assertEqual(self.one("ramp0")["num_blocks"], 2730)

    def test_split_stays_where_it_is(self):
        """Also after the base has grown and all was saved and loaded."""
        self.daemon.ok("bdev_null_create", {"name": "n", "num_blocks": 1001, "block_size": 512})
        uneven = {"base_bdev": "n", "split_count": 2}
        self.daemon.ok("bdev_split_create", uneven)
        self.daemon.ok("bdev_null_resize", {"name": "n", "new_size": 1})
        want = [(b["name"], b["num_blocks"], b["driver_specific"])
                for b in self.daemon.ok("bdev_get_bdevs")]
        self.assertEqual(want[-1], ("np1", 500, {
            "split": {"base_bdev": "n", "offset_blocks": 500}}))
        saved = self.daemon.ok("save_config")
        self.daemon.ok("load_config", saved)        # nothing differs
        self.daemon.ok("bdev_null_delete", {"name": "n"})
        self.daemon.ok("load_config", saved)
        self.assertEqual([(b["name"], b["num_blocks"], b["driver_specific"])
                          for b in self.daemon.ok("bdev_get_bdevs")], want)
        for size in {"split_size_mb": 1, "split_size_blocks": 2048}, {"split_size_blocks": 501}:
            e = self.daemon.refused("bdev_split_create", dict(uneven, **size))
            self.assertEqual(e["code"], -17 if len(size) == 1 else -32602)

    def test_split_of_a_base_that_has_shrunk(self):
        """What is left of it is left after it was saved and loaded, and not made anew."""
        self.daemon.ok("bdev_null_create", {"name": "n", "num_blocks": 8192, "block_size": 512})
        parts = {"base_bdev": "n", "split_count": 3, "split_size_blocks": 1500}
        names = self.daemon.ok("bdev_split_create", parts)
        self.daemon.ok("bdev_null_resize", {"name": "n", "new_size": 1})

        def listed():
            return [(b["name"], b["num_blocks"], b["uuid"])
                    for b in self.daemon.ok("bdev_get_bdevs")[1:]]

        want = listed()
        self.assertEqual([b[:2] for b in want[1:]], [("np0", 1500), ("np1", 548)])
        saved = self.daemon.ok("save_config")
        self.daemon.ok("load_config", saved)        # nothing differs
        e = self.daemon.refused("bdev_split_create", parts)
        self.assertIn("shrunk", e["message"])
        # as a daemon finds it that was not there when the base shrank
        self.daemon.ok("bdev_null_resize", {"name": "n", "new_size": 4})
        self.daemon.ok("bdev_split_delete", {"base_bdev": "n"})
        self.assertEqual(self.daemon.ok("bdev_split_create", parts), names)
        self.daemon.ok("bdev_null_delete", {"name": "n"})
        self.daemon.ok("load_config", saved)
        self.assertEqual(listed(), want)
        self.daemon.ok("bdev_split_delete", {"base_bdev": "n"})
        e = self.daemon.refused("bdev_split_create", parts)
        self.assertIn("3 parts of n can have 682 blocks each, not 1500", e["message"])
        e = self.daemon.refused("bdev_split_create", dict(
            parts, split_size_blocks=(1 << 63) - 1, may_shrink=True))
        self.assertIn("split_count=3", e["message"])

    def test_delay(self):
        p = dict(LATENCIES, base_bdev_name="ram", name="slow")
        self.assertEqual(self.daemon.ok("bdev_delay_create", p), "slow")
        self.assertEqual(self.daemon.ok("bdev_delay_create", p), "slow")
        e = self.daemon.refused("bdev_delay_create", dict(p, p99_read_latency=1))
        self.assertEqual(e["code"], -17)
        self.assertIn("p99_read", e["message"])
        self.assertTrue(self.daemon.ok("bdev_delay_update_latency", {
            "delay_bdev_name": "slow", "latency_type": "p99_write", "latency_us": 77}))
        self.assertEqual(self.one("slow")["driver_specific"]["delay"],
                         dict(LATENCIES, p99_write_latency=77, name="slow",
                              base_bdev_name="ram"))
        for bad, code in ((("slow", "max", 1), -22), (("ram", "avg_read", 1), -19),
                          (("slow", "avg_read", 3600000001), -22),
                          (("slow", "avg_read", -1), -32603)):
            e = self.daemon.refused("bdev_delay_update_latency", dict(
                zip(("delay_bdev_name", "latency_type", "latency_us"), bad)))
            self.assertEqual(e["code"], code, bad)
        self.assertTrue(self.daemon.ok("bdev_delay_delete", {"name": "slow"}))

    def test_error(self):
        self.assertTrue(self.daemon.ok("bdev_error_create", {"base_name": "ram"}))
        self.assertTrue(self.daemon.ok("bdev_error_create", {"base_name": "ram"}))
        b = self.one("EE_ram")
        self.assertEqual(b["product_name"], "Error Injection Disk")
        inject = {"name": "EE_ram", "io_type": "read", "error_type": "failure"}
        for change in ({}, {"num": 5}, {"io_type": "all"}, {"error_type": "pending"},
                       {"error_type": "nomem", "queue_depth": 3},
                       {"nvme_sct": 7, "nvme_sc": 255},
                       {"error_type": "nvme_failure", "nvme_sc": 6},
                       {"error_type": "corrupt_data", "corrupt_offset": 3, "corrupt_value": 255},
                       {"io_type": "all", "error_type": "corrupt_data", "corrupt_value": 1},
                       {"io_type": "clear"}):
            self.assertTrue(self.daemon.ok("bdev_error_inject_error", dict(inject, **change)))
        for change, words in (({"io_type": "copy"}, "io_type=copy"),
                              ({"error_type": "smoke"}, "error_type=smoke"),
                              ({"error_type": "corrupt_data"}, "corrupt_value=0"),
                              ({"io_type": "flush", "error_type": "corrupt_data",
                                "corrupt_value": 1}, "only reads and writes"),
                              ({"corrupt_value": 256}, "corrupt_value=256"),
                              ({"nvme_sct": 8}, "nvme_sct=8: a number from 0 to 7 is accepted"),
                              ({"nvme_sc": 256}, "nvme_sc=256: a number from 0 to 255 is accepted"),
                              ({"error_type": "nvme_failure"}, "nvme_sct=0, nvme_sc=0"),
                              ({"error_type": "pending", "nvme_sct": 2, "nvme_sc": 129},
                               "nvme_sct=2, nvme_sc=129: only 0 is accepted with "
                               "error_type=pending"),
                              ({"name": "ram"}, "ram is a")):
            e = self.daemon.refused("bdev_error_inject_error", dict(inject, **change))
            self.assertIn(words, e["message"])
        self.assertTrue(self.daemon.ok("bdev_error_resume_pending", {"name": "EE_ram"}))
        self.assertTrue(self.daemon.ok("bdev_error_delete", {"name": "EE_ram"}))
        self.assertEqual(self.names(), ["ram"])

    def tower(self):
        self.daemon.ok("bdev_split_create", {"base_bdev": "ram", "split_count": 2})
        self.daemon.ok("bdev_passthru_create", {"base_bdev_name": "ramp1", "name": "pt"})
        self.daemon.ok("bdev_delay_create", dict(LATENCIES, base_bdev_name="pt", name="slow"))
        self.daemon.ok("bdev_error_create", {"base_name": "slow"})

    def test_the_base_takes_all_along(self):
        self.tower()
        nqn = "nqn.2026-11.io.weft:disk1"
        self.daemon.ok("nvmf_create_subsystem", {"nqn": nqn})
        self.daemon.ok("nvmf_subsystem_add_ns", {"nqn": nqn,
                                                 "namespace": {"bdev_name": "EE_slow"}})
        self.assertTrue(self.daemon.ok("bdev_malloc_delete", {"name": "ram"}))
        self.assertEqual(self.names(), [])
        self.assertEqual(self.daemon.ok("nvmf_get_subsystems", {"nqn": nqn})[0]["namespaces"], [])

    def test_by_hand(self):
        """The forms for people."""
        def weft(*args):
            return subprocess.run([CLI, "target", *args, "--rpc-socket", self.daemon.path],
                                  capture_output=True, text=True, check=False, timeout=60)

        done = weft("bdev", "split", "ram", "2", "--size-blocks", "500")
        self.assertEqual((done.returncode, done.stdout), (0, "ramp0\nramp1\n"), done.stderr)
        self.assertEqual(self.one("ramp0")["num_blocks"], 500)
        done = weft("bdev", "split", "ram", "2", "--size", "1", "--size-blocks", "500")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("split_size_blocks", done.stderr)
        self.assertTrue(self.daemon.ok("bdev_split_delete", {"base_bdev": "ram"}))
        done = weft("bdev", "split", "ram", "2", "--size", "1")
        self.assertEqual((done.returncode, done.stdout), (0, "ramp0\nramp1\n"), done.stderr)
        self.assertEqual(self.one("ramp0")["num_blocks"], 2048)
        self.assertEqual(weft("bdev", "add", "passthru", "pt", "ramp0").returncode, 0)
        self.assertEqual(weft("bdev", "add", "delay", "slow", "pt", "--read", "5",
                              "--write-p99", "9").returncode, 0)
        shown = self.one("slow")["driver_specific"]["delay"]
        self.assertEqual((shown["avg_read_latency"], shown["p99_write_latency"],
                          shown["p99_read_latency"]), (5, 9, 0))
        self.assertEqual(weft("bdev", "limit", "ram", "--iops", "500").returncode, 0)
        self.assertEqual(self.one("ram")["assigned_rate_limits"]["rw_ios_per_sec"], 500)
        self.assertEqual(weft("host", "limit", "nqn.2026-11.io.weft:h", "--mib", "7").returncode, 0)
        for bad in (("bdev", "split", "ram", "x"), ("bdev", "split", "none", "2"),
                    ("bdev", "limit", "ram"), ("bdev", "add", "delay", "s2", "none")):
            done = weft(*bad)
            self.assertNotEqual(done.returncode, 0)
            self.assertTrue(done.stderr)
        self.assertEqual(weft("bdev", "del", "slow").returncode, 0)
        self.assertIn("split", weft("bdev", "list").stdout)

    def test_saved_and_loaded(self):
        self.tower()
        saved = self.daemon.ok("save_config")
        listed = self.daemon.ok("bdev_get_bdevs")
        self.daemon.ok("bdev_malloc_delete", {"name": "ram"})
        self.daemon.ok("load_config", saved)
        again = self.daemon.ok("bdev_get_bdevs")
        self.assertEqual(again, listed)
        self.assertEqual(self.daemon.ok("save_config"), saved)

    def test_a_configuration_that_fails_is_taken_back(self):
        e = self.daemon.refused("load_config", config(
            ("bdev_split_create", {"base_bdev": "ram", "split_count": 2}),
            ("bdev_passthru_create", {"base_bdev_name": "ramp0", "name": "pt"}),
            ("bdev_delay_create", dict(LATENCIES, base_bdev_name="pt", name="slow")),
            ("bdev_error_create", {"base_name": "slow"}),
            ("bdev_passthru_create", {"base_bdev_name": "nothing", "name": "x"})))
        self.assertIn("subsystems[0].config[4]", e["message"])
        self.assertEqual(self.names(), ["ram"])


if __name__ == "__main__":
    unittest.main()
