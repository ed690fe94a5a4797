#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""What SPDK v26.05 was asked and has answered, replayed: every answer has the members that SPDK's
has, of the same types, in objects of the same names; every refusal has its code. The samples are
those of rpc.py against its target, cut to one of a kind. Repeats that SPDK refuses are not among
them: they succeed here.
"""
import json
import os
import unittest

from daemon import DaemonTest
from rpc_shapes import differs
from tcp_disk import free_port
from tcp_host import Host

SAMPLES = os.path.join(os.path.dirname(os.path.realpath(__file__)), "samples", "spdk-26.05.json")
NQN = "nqn.2016-06.io.spdk:cnode1"
# of the saved configuration: accepted, but nothing here that would be saved
PASSED_OVER = {"sock_set_default_impl", "sock_impl_set_options", "iobuf_set_options",
               "accel_set_options", "bdev_set_options", "bdev_raid_set_options",
               "bdev_nvme_set_options", "bdev_nvme_set_hotplug", "bdev_wait_for_examine",
               "framework_set_scheduler", "nvmf_set_max_subsystems", "nvmf_set_crdt"}
# parameters that are not saved, or not as they were: the same without them, or not here
NOT_KEPT = {"physical_block_size", "numa_id", "admin_cmd_passthru", "dhchap_digests",
            "dhchap_dhgroups", "iobuf_small_cache_size", "iobuf_large_cache_size"}


def saves(ours, sample):
    """Does a call that is saved here say the same as SPDK's? What is off may be left out."""
    return all(key in NOT_KEPT or (ours[key] == value if key in ours else not value)
               for key, value in sample.items())


class Samples(DaemonTest):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        with open(SAMPLES, encoding="utf-8") as f:
            text = f.read()
        self.assertIn("/var/lib/disks", text)
        text = text.replace("/var/lib/disks", self.daemon.dir.name)
        self.samples = json.loads(text.replace('"4420"', f'"{self.port}"'))
        with open(os.path.join(self.daemon.dir.name, "aio.img"), "wb") as f:
            f.truncate(1 << 20)

    def replay(self, rows):
        for row in rows:
            method, params = row["method"], row.get("params")
            with self.subTest(method=method, params=params):
                if "error" in row:
                    self.assertEqual(self.daemon.refused(method, params)["code"], row["error"])
                else:
                    self.assertEqual(differs(self.daemon.ok(method, params), row["result"]), "")

    def test_session(self):
        self.replay(self.samples["before"])
        with Host(("127.0.0.1", self.port), queues=1, subnqn=NQN) as h:
            h.io[0].write(0, bytes(512))
            h.io[0].read(0, 1)
            self.replay(self.samples["connected"])

    def test_saved_configuration(self):
        """All of it is accepted but the transport that is not here; what is saved is alike."""
        d, parts = self.daemon, self.samples["saved"]
        e = d.refused("load_config", {"subsystems": parts})
        self.assertIn("VFIOUSER", e["message"])
        self.assertEqual(d.ok("bdev_get_bdevs"), [])
        for part in parts:
            part["config"] = [c for c in part["config"]
                              if c.get("params", {}).get("trtype") != "VFIOUSER"]
        d.ok("load_config", {"subsystems": parts})
        ours = [c for s in d.ok("save_config")["subsystems"] for c in s["config"] or []]
        for call in (c for part in parts for c in part["config"]):
            if call["method"] in PASSED_OVER:
                continue
            with self.subTest(call=call):
                self.assertTrue(any(saves(c["params"], call["params"]) for c in ours
                                    if c["method"] == call["method"]), ours)


if __name__ == "__main__":
    unittest.main()
