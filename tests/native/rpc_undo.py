#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""A configuration that fails: settings are what they were, and what could not come back was
refused before anything was done."""
import re
import subprocess
import unittest

from daemon import BIN, DaemonTest, config

NULL = {"name": "N", "num_blocks": 1001, "block_size": 512}
BASE = {"name": "B", "num_blocks": 64, "block_size": 512}
LATENCIES = {"avg_read_latency": 1, "p99_read_latency": 2, "avg_write_latency": 3,
             "p99_write_latency": 4}
BAD = ("bdev_passthru_create", {"base_bdev_name": "none", "name": "x"})


class Undo(DaemonTest):
    def setUp(self):
        super().setUp()
        d = self.daemon
        d.ok("bdev_null_create", NULL)
        d.ok("bdev_malloc_create", BASE)
        d.ok("bdev_delay_create", {"base_bdev_name": "B", "name": "D", **LATENCIES})

    def one(self, name):
        return self.daemon.ok("bdev_get_bdevs", {"name": name})[0]

    def settings(self):
        d = self.daemon
        row = d.ok("bdev_get_iostat", {"name": "N"})["bdevs"][0]
        return {
            "blocks": self.one("N")["num_blocks"],
            "latencies": self.one("D")["driver_specific"]["delay"],
            "sampling": row.get("queue_depth_polling_period"),
            "histogram": "result" in d.call("bdev_get_histogram", {"name": "N"}),
            "level": (d.ok("log_get_level"), d.ok("log_get_print_level")),
            "flags": d.ok("log_get_flags"),
            "timestamps": self.timestamps(),
        }

    def hosts(self):
        """Those that are counted or limited, with their limits."""
        return {h["hostnqn"]: h["assigned_rate_limits"]
                for h in self.daemon.ok("nvmf_get_statistics")["hosts"]}

    def test_limits_of_hosts(self):
        """A host that only a refused configuration knew is not listed, nor one without limits."""
        d = self.daemon

        def limit(host, rate):
            return "nvmf_set_host_limits", {"host": f"nqn.2026-11.io.weft:{host}",
                                            "rw_ios_per_sec": rate}

        d.ok(*limit("kept", 100))
        before = self.hosts()
        self.assertEqual(list(before), ["nqn.2026-11.io.weft:kept"])
        self.assertEqual(d.refused("load_config", config(
            limit("kept", 200), limit("new", 5), limit("new", 6), limit("kept", 0), BAD))["code"],
            -19)
        self.assertEqual(self.hosts(), before)
        d.ok(*limit("new", 5))
        self.assertEqual(len(self.hosts()), 2)
        d.ok(*limit("new", 0))
        d.ok(*limit("never", 0))
        self.assertEqual(self.hosts(), before)
        d.ok(*limit("kept", 0))
        self.assertEqual(self.hosts(), {})

    def timestamps(self):
        """Does a line that is written now have one?"""
        d = self.daemon
        was = d.ok("log_get_flags")["rpc"]
        d.ok("log_set_flag", {"flag": "rpc"})
        d.call("bdev_null_create", {**NULL, "numa_id": 0})
        d.ok("log_set_flag" if was else "log_clear_flag", {"flag": "rpc"})
        line = d.words().splitlines()[-1]
        self.assertIn("numa_id: tuning", line)
        return line[0].isdigit()

    def change(self, *more):
        def latency(which, us):
            return "bdev_delay_update_latency", {"delay_bdev_name": "D", "latency_type": which,
                                                 "latency_us": us}

        return config(
            latency("avg_read", 50), latency("p99_write", 60), latency("avg_read", 70),
            ("bdev_set_qd_sampling_period", {"name": "N", "period": 1000}),
            ("bdev_enable_histogram", {"name": "N", "enable": True}),
            ("bdev_null_resize", {"name": "N", "new_size": 1}),
            ("bdev_null_resize", {"name": "N", "new_size": 2}),
            ("log_set_level", {"level": "INFO"}), ("log_set_print_level", {"level": "ERROR"}),
            ("log_set_flag", {"flag": "all"}), ("log_clear_flag", {"flag": "bdev"}),
            ("log_enable_timestamps", {"enabled": False}), *more)

    def test_settings(self):
        """Whatever they were before."""
        d = self.daemon
        for call in (None, ("log_set_flag", {"flag": "rpc"}),
                     ("bdev_set_qd_sampling_period", {"name": "N", "period": 500}),
                     ("bdev_delay_update_latency", {
                         "delay_bdev_name": "D", "latency_type": "avg_read", "latency_us": 9}),
                     ("log_set_level", {"level": "WARNING"})):
            if call:
                d.ok(*call)
            before = self.settings()
            self.assertEqual(d.refused("load_config", self.change(BAD))["code"], -19)
            self.assertEqual(self.settings(), before, call)
        d.ok("load_config", self.change())
        after = self.settings()
        self.assertEqual(len([k for k in after if after[k] != before[k]]), len(after), after)
        self.assertNotIn("taking back failed", d.words())

    def test_a_histogram_that_counts_goes_on(self):
        """What it has counted would not come back."""
        d = self.daemon
        on = ("bdev_enable_histogram", {"name": "N", "enable": True, "opc": "read"})
        d.ok(*on)
        d.ok("load_config", config(on))
        for change in {"opc": "write"}, {"granularity": 3}, {"max_nsec": 10**6}, {"enable": False}:
            e = d.refused("load_config", config((on[0], {**on[1], **change})))
            self.assertIn("bdev N are being counted: not in a configuration", e["message"])
        d.ok("bdev_get_histogram", {"name": "N"})

    def test_a_disk_that_shrinks(self):
        """By hand only; to a number of blocks, too."""
        d = self.daemon
        small = {"name": "N", "new_size_blocks": 1000}
        e = d.refused("load_config", config(("bdev_null_resize", small)))
        self.assertIn("1001 blocks, not 1000: not in a configuration", e["message"])
        d.ok("bdev_null_resize", small)
        self.assertEqual(self.one("N")["num_blocks"], 1000)
        for sizes, words in ({}, "new_size is missing"), ({"new_size": 1, "new_size_blocks": 1},
                                                          "not together"):
            e = d.refused("bdev_null_resize", {"name": "N", **sizes})
            self.assertEqual(e["code"], -32602)
            self.assertIn(words, e["message"])

    def test_what_nothing_takes_back(self):
        """Is refused by name, and nothing has been done; the reference says which."""
        text = subprocess.run([BIN, "--rpc-reference"], capture_output=True, text=True,
                              check=True, timeout=60).stdout
        alone = re.findall(r"^## (\w+)\n\n.*Not in a configuration\.", text, re.M)
        takes = re.findall(r"^## (\w+_(?:delete|remove)\w*|\w+_delete_\w+)$", text, re.M)
        self.assertGreater(len(takes), 10)
        self.assertLessEqual({*takes, "load_config", "bdev_error_inject_error",
                              "spdk_kill_instance"}, set(alone))
        before = self.daemon.ok("save_config")
        for method in alone:
            e = self.daemon.refused("load_config", config(
                ("bdev_null_create", {**NULL, "name": "new"}), (method, {"name": "N"})))
            self.assertIn(f"subsystems[0].config[1] {method}: not in a configuration",
                          e["message"])
        self.assertEqual(self.daemon.ok("save_config"), before)

    def test_two_at_once(self):
        """What the one takes back has not been found as being there by the other."""
        d = self.daemon
        ram = "bdev_malloc_create", {"name": "R", "num_blocks": 8, "block_size": 512}
        fails = config(ram, ("nvmf_create_transport", {"trtype": "TCP"}), BAD)
        first, second = d.at_once(("load_config", fails), ("load_config", config(ram)))
        self.assertEqual(first["error"]["code"], -19)
        self.assertTrue(second["result"])
        self.assertEqual(self.one("R")["num_blocks"], 8)
        self.assertEqual(d.ok("nvmf_get_transports"), [])


if __name__ == "__main__":
    unittest.main()
