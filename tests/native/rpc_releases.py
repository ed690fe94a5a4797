#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Configurations that other releases of SPDK have saved: what they hold beside what v26.05 does."""
import unittest

from daemon import Daemon, DaemonTest, config
from tcp_disk import free_port

NQN = "nqn.2026-11.io.weft:old"
HOST = "nqn.2026-11.io.weft:host"
SUBSYSTEM = {"nqn": NQN, "allow_any_host": True, "serial_number": "S", "model_number": "M",
             "max_namespaces": 32, "min_cntlid": 1, "max_cntlid": 65519, "ana_reporting": False,
             "max_discard_size_kib": 0, "max_write_zeroes_size_kib": 0, "passthrough": False,
             "enable_nssr": False}
TRANSPORT = {"trtype": "TCP", "max_queue_depth": 128, "max_io_qpairs_per_ctrlr": 127,
             "in_capsule_data_size": 4096, "max_io_size": 131072, "io_unit_size": 131072,
             "max_aq_depth": 128, "num_shared_buffers": 511, "buf_cache_size": 4294967295,
             "dif_insert_or_strip": False, "zcopy": True, "c2h_success": True, "sock_priority": 0,
             "abort_timeout_sec": 1, "ack_timeout": 0, "data_wr_pool_size": 0}


class Saved(unittest.TestCase):
    def test_as_a_whole(self):
        d = Daemon(config=config(
            ("bdev_set_options", {"bdev_io_pool_size": 65535, "bdev_io_cache_size": 256,
                                  "bdev_auto_examine": True}),
            ("bdev_iscsi_set_options", {"timeout_sec": 30}),
            ("bdev_malloc_create", {"name": "M", "num_blocks": 64, "block_size": 512,
                                    "physical_block_size": 512, "optimal_io_boundary": 0,
                                    "md_size": 0, "dif_type": 0, "dif_is_head_of_md": False,
                                    "dif_pi_format": 0}),
            ("nvmf_set_max_subsystems", {"max_subsystems": 1024}),
            ("nvmf_set_crdt", {"crdt1": 0, "crdt2": 0, "crdt3": 0}),
            ("nvmf_create_transport", TRANSPORT),
            ("nvmf_create_subsystem", SUBSYSTEM),
            ("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {"nsid": 1, "bdev_name": "M",
                                                                 "no_auto_visible": False}})))
        self.addCleanup(d.close)
        row = d.ok("nvmf_get_subsystems", {"nqn": NQN})[0]
        self.assertEqual((row["dmrsl"], row["wzsl"], len(row["namespaces"])), (0, 0, 1))
        d.stop()


class Parameters(DaemonTest):
    def refusal(self, method, params):
        return self.daemon.refused(method, params)["message"]

    def test_limits_in_kib(self):
        d = self.daemon
        limited = {**SUBSYSTEM, "max_discard_size_kib": 128, "max_write_zeroes_size_kib": 128}
        d.ok("nvmf_create_subsystem", limited)
        row = d.ok("nvmf_get_subsystems", {"nqn": NQN})[0]
        self.assertEqual((row["dmrsl"], row["wzsl"]), (256, 5))
        # the same, in either terms
        d.ok("nvmf_create_subsystem", limited)
        del limited["max_discard_size_kib"], limited["max_write_zeroes_size_kib"]
        d.ok("nvmf_create_subsystem", {**limited, "dmrsl": 256, "wzsl": 5})
        self.assertIn("another dmrsl", self.refusal("nvmf_create_subsystem", SUBSYSTEM))
        self.assertIn("another wzsl", self.refusal("nvmf_create_subsystem", {
            **limited, "dmrsl": 256, "max_write_zeroes_size_kib": 256}))
        for bad, words in (({"max_discard_size_kib": 8, "dmrsl": 16}, "max_discard_size_kib: not"),
                           ({"max_write_zeroes_size_kib": 8, "wzsl": 1},
                            "max_write_zeroes_size_kib: not"),
                           ({"max_write_zeroes_size_kib": 4}, "max_write_zeroes_size_kib=4"),
                           ({"max_write_zeroes_size_kib": 12}, "max_write_zeroes_size_kib=12"),
                           ({"max_discard_size_kib": 1 << 31}, "max_discard_size_kib=")):
            self.assertIn(words, self.refusal("nvmf_create_subsystem", {"nqn": NQN + "x", **bad}))
        self.assertEqual(len(d.ok("nvmf_get_subsystems")), 2)

    def test_transports(self):
        d = self.daemon
        for method in "nvmf_create_transport", "nvmf_set_transport_options":
            for bad, words in (({"masked_oncs": ["copy"]}, "every command"),
                               ({"masked_fuses": ["x"]}, "every command"),
                               ({"masked_oncs": 0}, "every command"),
                               ({"max_qpairs_per_ctrlr": 1}, "max_qpairs_per_ctrlr=1")):
                self.assertIn(words, self.refusal(method, {"trtype": "TCP", **bad}))
        old = {"trtype": "TCP", "max_qpairs_per_ctrlr": 5, "zcopy": True, "no_wr_batching": True,
               "masked_oncs": [], "masked_fuses": []}
        for _ in range(2):
            d.ok("nvmf_create_transport", old)
        row = d.ok("nvmf_get_transports")[0]
        self.assertEqual(row["max_io_qpairs_per_ctrlr"], 4)
        self.assertNotIn("max_qpairs_per_ctrlr", row)
        d.ok("nvmf_create_transport", {"trtype": "TCP", "max_io_qpairs_per_ctrlr": 4})
        self.assertIn("another max_io_qpairs_per_ctrlr", self.refusal(
            "nvmf_create_transport", {"trtype": "TCP", "max_qpairs_per_ctrlr": 6}))
        d.ok("nvmf_set_transport_options", {"trtype": "TCP", "max_qpairs_per_ctrlr": 3})
        self.assertEqual(d.ok("nvmf_get_transports")[0]["max_io_qpairs_per_ctrlr"], 2)

    def test_what_is_not_here(self):
        """A word of it is refused with the reason; none, or an empty one, is not."""
        d = self.daemon
        d.ok("nvmf_create_subsystem", {"nqn": NQN, "admin_label": ""})
        self.assertIn('admin_label="x": not available here',
                      self.refusal("nvmf_create_subsystem", {"nqn": NQN, "admin_label": "x"}))
        for key in "psk", "dhchap_key", "dhchap_ctrlr_key":
            self.assertIn(f'{key}="k": not available here: hosts are not authenticated',
                          self.refusal("nvmf_subsystem_add_host", {"nqn": NQN, "host": HOST,
                                                                   key: "k"}))
        self.assertIn("unknown parameter", self.refusal(
            "nvmf_subsystem_remove_host", {"nqn": NQN, "host": HOST, "psk": "k"}))
        self.assertEqual(d.ok("nvmf_get_subsystems", {"nqn": NQN})[0]["hosts"], [])
        d.ok("nvmf_create_transport", {"trtype": "TCP"})
        d.ok("nvmf_subsystem_add_listener", {"nqn": NQN, "numa_id": 0, "listen_address": {
            "trtype": "TCP", "traddr": "127.0.0.1", "trsvcid": str(free_port())}})
        e = d.refused("bdev_iscsi_create", {"name": "i"})
        self.assertEqual(e["code"], -32601)
        self.assertIn("kernel's initiator", e["message"])


if __name__ == "__main__":
    unittest.main()
