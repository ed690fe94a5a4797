#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""What is added again while it is being taken away: it is there afterwards, or was refused."""
import unittest

from daemon import DaemonTest, config
from tcp_disk import free_port

NQN = "nqn.2026-11.io.weft:again"
HOST = "nqn.2026-11.io.weft:host"
DISK = {"name": "Disk", "num_blocks": 64, "block_size": 512}
NS = {"nqn": NQN, "namespace": {"bdev_name": "Disk", "nsid": 1, "no_auto_visible": True}}
LATENCIES = {f"{which}_{kind}_latency": 1 for which in ("avg", "p99") for kind in ("read", "write")}


class Again(DaemonTest):
    def setUp(self):
        super().setUp()
        d = self.daemon
        d.ok("nvmf_create_transport", {"trtype": "TCP"})
        d.ok("bdev_malloc_create", DISK)
        d.ok("nvmf_create_subsystem", {"nqn": NQN, "ana_reporting": True})
        d.ok("nvmf_subsystem_add_ns", NS)

    def again(self, remove, add):
        """Is the second half served as if it had come after the first had ended?"""
        removed, added = self.daemon.at_once(remove, add)
        self.assertIs(removed["result"], True)
        return added

    def subsystem(self):
        return self.daemon.ok("nvmf_get_subsystems", {"nqn": NQN})[0]

    def test_namespace(self):
        added = self.again(("nvmf_subsystem_remove_ns", {"nqn": NQN, "nsid": 1}),
                           ("nvmf_subsystem_add_ns", NS))
        self.assertEqual(added["result"], 1)
        self.assertEqual([n["nsid"] for n in self.subsystem()["namespaces"]], [1])

    def test_namespace_that_has_just_come(self):
        self.daemon.ok("nvmf_subsystem_remove_ns", {"nqn": NQN, "nsid": 1})
        added, removed = self.daemon.at_once(
            ("nvmf_subsystem_add_ns", NS), ("nvmf_subsystem_remove_ns", {"nqn": NQN, "nsid": 1}))
        self.assertEqual((added["result"], removed.get("result")), (1, True), removed)
        self.assertEqual(self.subsystem()["namespaces"], [])

    def test_listener(self):
        where = {"nqn": NQN, "listen_address": {
            "trtype": "TCP", "adrfam": "IPv4", "traddr": "127.0.0.1", "trsvcid": str(free_port())}}
        self.daemon.ok("nvmf_subsystem_add_listener", where)
        added = self.again(("nvmf_subsystem_remove_listener", where),
                           ("nvmf_subsystem_add_listener", where))
        self.assertIs(added["result"], True)
        self.assertEqual(self.subsystem()["listen_addresses"], [where["listen_address"]])

    def test_host_of_a_namespace(self):
        host = {"nqn": NQN, "nsid": 1, "host": HOST}
        self.daemon.ok("nvmf_ns_add_host", host)
        added = self.again(("nvmf_ns_remove_host", host), ("nvmf_ns_add_host", host))
        self.assertIs(added["result"], True)
        self.assertEqual(self.subsystem()["namespaces"][0]["hosts"], [HOST])

    def test_states_are_taken_back_to_those_before(self):
        """Of a configuration that fails, while another change is on its way."""
        group = {"nqn": NQN, "nsid": 1}
        changed, failed = self.daemon.at_once(
            ("nvmf_subsystem_set_ns_ana_group", {**group, "anagrpid": 7}),
            ("load_config", {"subsystems": [{"subsystem": "nvmf", "config": [
                {"method": "nvmf_subsystem_set_ns_ana_group", "params": {**group, "anagrpid": 9}},
                {"method": "nvmf_subsystem_add_host", "params": {"nqn": NQN + "0",
                                                                 "host": HOST}}]}]}))
        self.assertIs(changed["result"], True)
        self.assertIn("no such subsystem", failed["error"]["message"])
        self.assertEqual(self.subsystem()["namespaces"][0]["anagrpid"], 7)

    def test_transport(self):
        added = self.again(("nvmf_delete_transport", {"trtype": "TCP"}),
                           ("nvmf_create_transport", {"trtype": "TCP"}))
        self.assertEqual(added["error"]["code"], -16)
        self.assertIn("being deleted", added["error"]["message"])
        self.assertEqual(self.daemon.ok("nvmf_get_transports"), [])
        self.daemon.ok("nvmf_create_transport", {"trtype": "TCP"})

    def test_transports_that_come_together(self):
        """Each is served as if the one before it had been answered, also in a configuration."""
        d = self.daemon
        d.ok("nvmf_delete_transport", {"trtype": "TCP"})
        create = "nvmf_create_transport", {"trtype": "TCP"}
        first, equal, loaded, other = d.at_once(
            create, create, ("load_config", config(create)),
            ("nvmf_create_transport", {"trtype": "TCP", "max_io_size": 65536}))
        self.assertEqual([a.get("result") for a in (first, equal, loaded)], [True] * 3)
        self.assertIn("another max_io_size", other["error"]["message"])
        # one that fails is not the end of those behind it
        d.ok("nvmf_delete_transport", {"trtype": "TCP"})
        bad, good = d.at_once(("nvmf_create_transport", {"trtype": "TCP", "kas": 1 << 20}), create)
        self.assertIn("kas", bad["error"]["message"])
        self.assertIs(good["result"], True)

    def test_bdevs_on_others(self):
        """Each is used, so that its removal takes a turn."""
        self.daemon.ok("bdev_malloc_create", {**DISK, "name": "Base"})
        for kind, params, name, delete in (
                ("passthru", {"base_bdev_name": "Base", "name": "P"}, "P", {"name": "P"}),
                ("delay", {"base_bdev_name": "Base", "name": "D", **LATENCIES}, "D",
                 {"name": "D"}),
                ("error", {"base_name": "Base"}, "EE_Base", {"name": "EE_Base"}),
                ("split", {"base_bdev": "Base", "split_count": 2}, "Basep0",
                 {"base_bdev": "Base"})):
            with self.subTest(kind=kind):
                self.daemon.ok(f"bdev_{kind}_create", params)
                self.daemon.ok("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {
                    "bdev_name": name}})
                added = self.again((f"bdev_{kind}_delete", delete),
                                   (f"bdev_{kind}_create", params))
                self.assertEqual(added["error"]["code"], -16)
                self.assertIn("removed", added["error"]["message"])
                self.daemon.ok(f"bdev_{kind}_create", params)
                self.daemon.ok(f"bdev_{kind}_delete", delete)


if __name__ == "__main__":
    unittest.main()
