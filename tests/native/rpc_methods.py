#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""RPC methods: shapes, refusals, repeated creates, configurations."""
import json
import os
import socket
import subprocess
import unittest

from daemon import BIN, Daemon, DaemonTest, config

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

NQN = "nqn.2026-11.io.weft:disk1"
HOST = "nqn.2014-08.org.nvmexpress:uuid:11111111-2222-3333-4444-555555555555"
UUID = "45fafe98-e0e5-443d-9247-3065b4e453dd"
MALLOC = {"name": "Malloc0", "num_blocks": 8192, "block_size": 512, "uuid": UUID}


class Bdevs(DaemonTest):
    def test_malloc_as_listed(self):
        self.assertEqual(self.daemon.ok("bdev_malloc_create", MALLOC), "Malloc0")
        b = self.daemon.ok("bdev_get_bdevs", {"name": "Malloc0"})[0]
        self.assertEqual((b["product_name"], b["block_size"], b["num_blocks"], b["uuid"],
                          b["aliases"], b["claimed"]),
                         ("Malloc disk", 512, 8192, UUID, [UUID], False))
        self.assertTrue(b["supported_io_types"]["write_zeroes"])
        self.assertTrue(self.daemon.ok("bdev_malloc_delete", {"name": "Malloc0"}))
        self.assertEqual(self.daemon.ok("bdev_get_bdevs"), [])

    def test_repeated_create(self):
        for method, params in (("bdev_malloc_create", MALLOC),
                               ("bdev_null_create", {"name": "Null0", "num_blocks": 64,
                                                     "block_size": 4096})):
            self.daemon.ok(method, params)
            self.daemon.ok(method, params)
            e = self.daemon.refused(method, dict(params, num_blocks=9000))
            self.assertEqual(e["code"], -17)
            self.assertIn("num_blocks", e["message"])

    def test_repeated_create_that_differs(self):
        d = self.daemon
        names = [os.path.join(d.dir.name, name) for name in ("a.img", "b.img")]
        for name in names:
            with open(name, "wb") as f:
                f.truncate(1 << 20)
        disk = {"name": "A", "filename": names[0], "readonly": True}
        d.ok("bdev_aio_create", disk)
        d.ok("bdev_aio_create", disk)
        for change in {"filename": names[1]}, {"readonly": False}:
            e = d.refused("bdev_aio_create", dict(disk, **change))
            self.assertEqual(e["code"], -17)
            self.assertIn("differs: " + next(iter(change)), e["message"])
        hints = {"physical_block_size": 4096, "optimal_write_size": 8,
                 "preferred_write_granularity": 2, "preferred_write_alignment": 2,
                 "preferred_unmap_granularity": 4, "preferred_unmap_alignment": 4}
        null = {"name": "N", "num_blocks": 64, "block_size": 512, **hints}
        d.ok("bdev_null_create", null)
        d.ok("bdev_null_create", null)
        for hint in hints:
            e = d.refused("bdev_null_create", dict(null, **{hint: 1024}))
            self.assertEqual(e["code"], -17)
            self.assertIn("differs: " + hint, e["message"])
        own = {"name": "M", "num_blocks": 64, "block_size": 512, "physical_block_size": 512}
        d.ok("bdev_malloc_create", own)
        d.ok("bdev_malloc_create", own)
        del own["physical_block_size"]
        d.ok("bdev_malloc_create", own)

    def test_create_while_it_is_removed(self):
        """The answer comes before the removal goes on."""
        d = self.daemon
        d.ok("bdev_malloc_create", MALLOC)
        d.ok("nvmf_create_subsystem", {"nqn": NQN})
        d.ok("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {"bdev_name": "Malloc0"}})
        deleted, created = d.at_once(("bdev_malloc_delete", {"name": "Malloc0"}),
                                     ("bdev_malloc_create", MALLOC))
        self.assertIs(deleted["result"], True)
        self.assertEqual(created["error"]["code"], -16)
        self.assertIn("removed", created["error"]["message"])
        d.ok("bdev_malloc_create", MALLOC)

    def test_null_resize(self):
        self.daemon.ok("bdev_null_create", {"name": "N", "num_blocks": 64, "block_size": 512})
        self.daemon.ok("bdev_null_resize", {"name": "N", "new_size": 1})
        self.assertEqual(self.daemon.ok("bdev_get_bdevs", {"name": "N"})[0]["num_blocks"], 2048)

    def test_file(self):
        name = os.path.join(self.daemon.dir.name, "disk.img")
        e = self.daemon.refused("bdev_aio_create", {"name": "A", "filename": name,
                                                    "block_size": 512})
        self.assertEqual(e["code"], -2)
        self.assertIn(name, e["message"])
        with open(name, "wb") as f:
            f.truncate(1 << 20)
        self.daemon.ok("bdev_aio_create", {"name": "A", "filename": name, "block_size": 512})
        self.daemon.ok("bdev_aio_create", {"name": "A", "filename": name, "block_size": 512})
        with open(name, "ab") as f:
            f.truncate(2 << 20)
        self.daemon.ok("bdev_aio_rescan", {"name": "A"})
        self.assertEqual(self.daemon.ok("bdev_get_bdevs", {"name": "A"})[0]["num_blocks"], 4096)
        self.assertEqual(self.daemon.refused("bdev_malloc_delete", {"name": "A"})["code"], -19)
        self.daemon.ok("bdev_aio_delete", {"name": "A"})

    def test_refusals_name_what_is_wrong(self):
        for change, code, words in (
                ({"block_size": 1000}, None, "block_size"),
                ({"block_size": "512"}, -32603, "a number"),
                ({"num_blocks": -1}, -32603, "num_blocks=-1"),
                ({"num_blocks": 0}, -32603, "num_blocks=0"),
                ({"uuid": "xyz"}, -32603, "a UUID"),
                ({"name": ""}, -32603, "1 to 63 characters"),
                ({"name": "x" * 64}, -32603, "1 to 63 characters"),
                ({"nope": 1}, -32603, 'unknown parameter "nope"'),
                ({"md_size": 8}, -32603, "md_size=8"),
                ({"dif_is_head_of_md": True}, -32603, "only false"),
                ({"physical_block_size": 1536}, -32602, "physical_block_size=1536")):
            e = self.daemon.refused("bdev_malloc_create", dict(MALLOC, **change))
            self.assertIn(words, e["message"])
            if code:
                self.assertEqual(e["code"], code, change)
        for missing in "num_blocks", "block_size":
            p = {k: v for k, v in MALLOC.items() if k != missing}
            self.assertIn(missing + " is missing",
                          self.daemon.refused("bdev_malloc_create", p)["message"])
        self.assertEqual(self.daemon.refused("bdev_get_bdevs", ["Malloc0"])["code"], -32603)
        self.assertEqual(self.daemon.refused("bdev_get_bdevs", {"name": "No"})["code"], -19)
        self.assertEqual(self.daemon.refused("spdk_get_version", {"x": 1})["code"], -32602)
        self.assertEqual(self.daemon.ok("bdev_get_bdevs"), [])

    def test_wait_for_a_bdev(self):
        with self.daemon.connect() as s:
            s.sendall(b'{"id":1,"method":"bdev_get_bdevs",'
                      b'"params":{"name":"Malloc0","timeout":60000}}')
            self.daemon.ok("bdev_malloc_create", MALLOC)
            self.assertEqual(json.loads(s.makefile().readline())["result"][0]["name"], "Malloc0")

    def test_iostat_shape(self):
        self.daemon.ok("bdev_malloc_create", MALLOC)
        r = self.daemon.ok("bdev_get_iostat", {"per_channel": False})
        self.assertEqual(set(r), {"tick_rate", "ticks", "bdevs"})
        row = r["bdevs"][0]
        for kind in "read", "write", "unmap":
            self.assertEqual(row[f"num_{kind}_ops"], 0)
            self.assertEqual(row[f"max_{kind}_latency_ticks"], 0)
        self.assertEqual((row["name"], row["bytes_read"], row["io_error"]), ("Malloc0", 0, {}))


class Subsystems(DaemonTest):
    def make(self):
        self.daemon.ok("bdev_malloc_create", MALLOC)
        self.daemon.ok("nvmf_create_subsystem", {
            "nqn": NQN, "serial_number": "WEFT0001", "model_number": "Disk",
            "allow_any_host": False, "ana_reporting": False, "passthrough": False,
            "enable_nssr": False})

    def test_as_listed(self):
        self.make()
        self.assertEqual(self.daemon.ok("nvmf_subsystem_add_ns", {
            "nqn": NQN, "namespace": {"bdev_name": "Malloc0", "no_auto_visible": False,
                                      "hide_metadata": False}}), 1)
        self.daemon.ok("nvmf_subsystem_add_host", {"nqn": NQN, "host": HOST})
        listed = self.daemon.ok("nvmf_get_subsystems")
        self.assertEqual(listed[0]["nqn"], "nqn.2014-08.org.nvmexpress.discovery")
        self.assertEqual(listed[0]["subtype"], "Discovery")
        self.assertEqual(listed[1], {
            "nqn": NQN, "subtype": "NVMe", "listen_addresses": [], "allow_any_host": False,
            "hosts": [{"nqn": HOST}], "serial_number": "WEFT0001", "model_number": "Disk",
            "max_namespaces": 32, "passthrough": False, "min_cntlid": 1, "max_cntlid": 65519,
            "dmrsl": 0, "wzsl": 0,
            "namespaces": [{"nsid": 1, "bdev_name": "Malloc0", "name": "Malloc0",
                            "nguid": UUID.replace("-", "").upper(), "uuid": UUID}]})
        self.assertTrue(self.daemon.ok("bdev_get_bdevs")[0]["claimed"])

    def test_bdev_removed_under_a_namespace(self):
        self.make()
        self.daemon.ok("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {
            "bdev_name": "Malloc0"}})
        self.daemon.ok("bdev_malloc_delete", {"name": "Malloc0"})
        self.assertEqual(self.daemon.ok("nvmf_get_subsystems", {"nqn": NQN})[0]["namespaces"], [])

    def test_namespace_refusals(self):
        self.make()
        for ns, words in (({"bdev_name": "No"}, "No"),
                          ({"bdev_name": "Malloc0", "nsid": 33}, "33"),
                          ({"bdev_name": "Malloc0", "nguid": "12"}, "32 hexadecimal"),
                          ({"bdev_name": "Malloc0", "eui64": "zz"}, "16 hexadecimal"),
                          ({"bdev_name": "Malloc0", "hide_metadata": True}, "only false"),
                          ({}, "bdev_name is missing")):
            e = self.daemon.refused("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": ns})
            self.assertIn(words, e["message"])
        self.assertFalse(self.daemon.ok("bdev_get_bdevs")[0]["claimed"])
        e = self.daemon.refused("nvmf_subsystem_remove_ns", {"nqn": NQN, "nsid": 1})
        self.assertIn("nsid=1", e["message"])

    def test_repeated_adds(self):
        self.make()
        for _ in range(2):
            self.assertEqual(self.daemon.ok("nvmf_subsystem_add_ns", {
                "nqn": NQN, "namespace": {"bdev_name": "Malloc0", "nsid": 5}}), 5)
            self.daemon.ok("nvmf_subsystem_add_host", {"nqn": NQN, "host": HOST})
        sub = self.daemon.ok("nvmf_get_subsystems", {"nqn": NQN})[0]
        self.assertEqual(len(sub["namespaces"]), 1)
        self.assertEqual(len(sub["hosts"]), 1)
        e = self.daemon.refused("nvmf_create_subsystem", {"nqn": NQN, "serial_number": "B"})
        self.assertIn("serial_number", e["message"])

    def test_repeated_namespaces(self):
        """By name or UUID of the bdev, with a number or of any; a difference is named."""
        self.make()
        self.daemon.ok("bdev_null_create", {"name": "Null0", "num_blocks": 8, "block_size": 512})

        def params(**ns):
            return {"nqn": NQN, "namespace": {"bdev_name": "Malloc0", **ns}}

        for name in "Malloc0", UUID:
            for number in {"nsid": 5}, {}:
                same = {"anagrpid": 5, "uuid": UUID, "nguid": UUID.replace("-", ""), **number}
                self.assertEqual(self.daemon.ok("nvmf_subsystem_add_ns",
                                                params(bdev_name=name, **same)), 5)
        for number in {"nsid": 5}, {}:
            for change in ({"no_auto_visible": True}, {"anagrpid": 7}, {"ptpl_file": "/tmp/p"},
                           {"uuid": UUID[:-1] + "0"}, {"nguid": "1" * 32}, {"eui64": "2" * 16}):
                e = self.daemon.refused("nvmf_subsystem_add_ns", params(**number, **change))
                self.assertEqual(e["code"], -32602)
                self.assertIn("nsid=5: is bdev Malloc0 in " + NQN, e["message"])
                self.assertIn("with another " + next(iter(change)), e["message"])
        for change in {"nsid": 6}, {"nsid": 5, "bdev_name": "Null0"}:
            e = self.daemon.refused("nvmf_subsystem_add_ns", params(**change))
            self.assertIn("with another " + list(change)[-1], e["message"])
        self.assertEqual(len(self.daemon.ok("nvmf_get_subsystems")[1]["namespaces"]), 1)

    def test_identifiers_of_zeroes(self):
        """Mean that there is none: what hosts would not be told is not taken."""
        self.make()
        zero = "00000000-0000-0000-0000-000000000000"
        disk = {"name": "Null0", "num_blocks": 8, "block_size": 512}
        for method, params, which in (
                ("bdev_null_create", {**disk, "uuid": zero}, "uuid"),
                *(("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {
                    "bdev_name": "Malloc0", which: value}}, which) for which, value in (
                        ("uuid", zero), ("nguid", "0" * 32), ("eui64", "0" * 16)))):
            e = self.daemon.refused(method, params)
            self.assertIn(f"{which}=", e["message"])
            self.assertIn("there is none", e["message"])

    def test_what_hosts_see_of_namespaces(self):
        self.make()
        ns = {"bdev_name": "Malloc0", "no_auto_visible": True, "ptpl_file": "/nonexistent/p"}
        for _ in range(2):
            self.assertEqual(self.daemon.ok("nvmf_subsystem_add_ns", {
                "nqn": NQN, "namespace": ns}), 1)
            self.daemon.ok("nvmf_ns_add_host", {"nqn": NQN, "nsid": 1, "host": HOST})
        shown = self.daemon.ok("nvmf_get_subsystems", {"nqn": NQN})[0]["namespaces"][0]
        self.assertEqual((shown["hosts"], shown["ptpl_file"]), ([HOST], "/nonexistent/p"))
        saved = json.dumps(self.daemon.ok("framework_get_config", {"name": "nvmf"}))
        self.assertIn("nvmf_ns_add_host", saved)
        self.assertIn('"no_auto_visible": true', saved)
        self.assertIn('"ptpl_file": "/nonexistent/p"', saved)
        self.daemon.ok("nvmf_ns_remove_host", {"nqn": NQN, "nsid": 1, "host": HOST})
        e = self.daemon.refused("nvmf_ns_remove_host", {"nqn": NQN, "nsid": 1, "host": HOST})
        self.assertIn(HOST, e["message"])
        e = self.daemon.refused("nvmf_ns_add_host", {"nqn": NQN, "nsid": 2, "host": HOST})
        self.assertIn("nsid=2", e["message"])

    def test_ana_needs_reporting(self):
        self.make()
        e = self.daemon.refused("nvmf_subsystem_set_ns_ana_group", {
            "nqn": NQN, "nsid": 1, "anagrpid": 2})
        self.assertIn("ana_reporting", e["message"])
        address = {"trtype": "TCP", "traddr": "127.0.0.1", "trsvcid": "4420"}
        for state, words in (("inaccessible", "ana_reporting"), ("best", "non_optimized")):
            e = self.daemon.refused("nvmf_subsystem_listener_set_ana_state", {
                "nqn": NQN, "listen_address": address, "ana_state": state})
            self.assertIn(words, e["message"])

    def test_target_config_and_referrals(self):
        address = {"trtype": "TCP", "adrfam": "IPv4", "traddr": "192.0.2.1", "trsvcid": "8009"}
        for _ in range(2):
            self.daemon.ok("nvmf_discovery_add_referral", {"address": address})
        referral = {"address": address, "secure_channel": False,
                    "subnqn": "nqn.2014-08.org.nvmexpress.discovery"}
        self.assertEqual(self.daemon.ok("nvmf_discovery_get_referrals"), [referral])
        self.daemon.ok("nvmf_set_config", {"discovery_filter": "address,svcid",
                                           "dup_host_policy": "restrict_per_listener",
                                           "admin_cmd_passthru": {"identify_ctrlr": False}})
        calls = self.daemon.ok("framework_get_config", {"name": "nvmf"})
        self.assertIn({"method": "nvmf_set_config", "params": {
            "discovery_filter": "address,svcid",
            "dup_host_policy": "restrict_per_listener"}}, calls)
        self.assertIn({"method": "nvmf_discovery_add_referral", "params": referral}, calls)
        for bad in ({"discovery_filter": "address,"}, {"dup_host_policy": "never"},
                    {"admin_cmd_passthru": {"identify_ctrlr": True}}):
            self.daemon.refused("nvmf_set_config", bad)
        self.daemon.ok("nvmf_discovery_remove_referral", {"address": address})
        self.daemon.refused("nvmf_discovery_remove_referral", {"address": address})

    def test_nqn_refusals(self):
        for bad in ("", "x", "nqn.2026-13.io.weft:a", "nqn.2026-11.io.weft:" + "x" * 224,
                    "nqn.2014-08.org.nvmexpress:uuid:zz", "nqn.2026-11.io.weft:a b"):
            self.daemon.refused("nvmf_create_subsystem", {"nqn": bad})
        self.assertEqual(len(self.daemon.ok("nvmf_get_subsystems")), 1)
        self.daemon.refused("nvmf_delete_subsystem", {"nqn": NQN})

    def test_transport_refusals(self):
        e = self.daemon.refused("nvmf_create_transport", {"trtype": "FC"})
        self.assertIn("FC", e["message"])
        for bad in ({"max_queue_depth": 0}, {"max_io_size": 1000}, {"kas": "x"},
                    {"dif_insert_or_strip": True}, {"tgt_name": "other"}):
            self.daemon.refused("nvmf_create_transport", dict(trtype="RDMA", **bad))
        self.assertEqual(self.daemon.ok("nvmf_get_transports"), [])

    def test_listener_refusals(self):
        self.make()
        for addr in ({"trtype": "RDMA", "traddr": "300.1.1.1"},
                     {"trtype": "RDMA", "traddr": "10.9.0.1", "trsvcid": "0"},
                     {"trtype": "RDMA", "traddr": "10.9.0.1", "adrfam": "IPv6"},
                     {"trtype": "XYZ", "traddr": "10.9.0.1"},
                     {"traddr": "10.9.0.1"}, {"trtype": "RDMA", "traddr": "10.9.0.1"}):
            self.daemon.refused("nvmf_subsystem_add_listener", {
                "nqn": NQN, "listen_address": addr})
        e = self.daemon.refused("nvmf_subsystem_add_listener", {
            "nqn": NQN, "remote_invalidate": False,
            "listen_address": {"trtype": "TCP", "traddr": "127.0.0.1"}})
        self.assertIn("remote_invalidate: accepted of RDMA listeners only", e["message"])
        self.assertEqual(self.daemon.ok("nvmf_subsystem_get_listeners", {"nqn": NQN}), [])


class Reactors(DaemonTest):
    args = ("-m", "0x3") if os.cpu_count() > 1 else ()

    def test_reactors(self):
        r = self.daemon.ok("framework_get_reactors")
        self.assertEqual(len(r["reactors"]), min(os.cpu_count(), 2))
        self.assertEqual(r["pid"], self.daemon.process.pid)
        for method in "thread_get_stats", "thread_get_pollers", "thread_get_io_channels":
            self.assertEqual(len(self.daemon.ok(method)["threads"]), len(r["reactors"]))
        groups = self.daemon.ok("nvmf_get_stats")["poll_groups"]
        self.assertEqual(len(groups), len(r["reactors"]))

    def test_work_on_two_reactors(self):
        for i in range(20):
            self.daemon.ok("bdev_malloc_create", {
                "name": f"M{i}", "num_blocks": 64, "block_size": 512})
            nqn = f"{NQN}.{i}"
            self.daemon.ok("nvmf_create_subsystem", {"nqn": nqn})
            self.daemon.ok("nvmf_subsystem_add_ns", {"nqn": nqn, "namespace": {
                "bdev_name": f"M{i}"}})
        for i in range(0, 20, 2):
            self.daemon.ok("nvmf_delete_subsystem", {"nqn": f"{NQN}.{i}"})
        self.assertEqual(len(self.daemon.ok("nvmf_get_subsystems")), 11)


class Configurations(unittest.TestCase):
    CALLS = (("bdev_malloc_create", MALLOC),
             ("nvmf_create_subsystem", {"nqn": NQN, "serial_number": "S"}),
             ("nvmf_subsystem_add_host", {"nqn": NQN, "host": HOST}),
             ("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {"bdev_name": "Malloc0"}}))

    def run_daemon(self, *args, **kwargs):
        d = Daemon(*args, **kwargs)
        self.addCleanup(d.close)
        return d

    def refused(self, configuration):
        d = self.run_daemon(config=configuration, wait=False)
        self.assertEqual(d.wait(), 1)
        return d.words()

    def test_saved_is_loaded(self):
        d = self.run_daemon(config=config(*self.CALLS))
        saved = d.ok("save_config")
        d.stop()
        d = self.run_daemon(config=saved)
        self.assertEqual(d.ok("save_config"), saved)
        self.assertEqual([x["subsystem"] for x in d.ok("framework_get_subsystems")],
                         [x["subsystem"] for x in saved["subsystems"]])
        for part in saved["subsystems"]:
            self.assertEqual(d.ok("framework_get_config", {
                "name": part["subsystem"], "with_batches": False}), part["config"])
        d.stop()

    def test_load_config_while_running(self):
        d = self.run_daemon()
        d.ok("load_config", config(*self.CALLS))
        d.ok("load_config", config(*self.CALLS))
        self.assertEqual(len(d.ok("nvmf_get_subsystems")), 2)
        d.stop()

    def test_half_applied_is_taken_back(self):
        d = self.run_daemon()
        d.ok("bdev_null_create", {"name": "Keep", "num_blocks": 64, "block_size": 512})
        before = d.ok("save_config")
        bad = ("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {"bdev_name": "Missing"}})
        e = d.refused("load_config", config(
            ("bdev_null_create", {"name": "Keep", "num_blocks": 64, "block_size": 512}),
            *self.CALLS, bad))
        self.assertIn("subsystems[0].config[5] nvmf_subsystem_add_ns", e["message"])
        self.assertIn("Missing", e["message"])
        self.assertEqual(d.ok("save_config"), before)
        d.stop()

    def test_referrals_of_others_stay(self):
        """Of two at an address, the one that was added is taken back, or removed."""
        d = self.run_daemon()
        address = {"trtype": "TCP", "adrfam": "IPv4", "traddr": "192.0.2.1", "trsvcid": "8009"}
        d.ok("nvmf_discovery_add_referral", {"address": address, "subnqn": NQN})
        before = d.ok("nvmf_discovery_get_referrals")
        d.refused("load_config", config(("nvmf_discovery_add_referral", {"address": address}),
                                        ("nvmf_subsystem_add_host", {"nqn": NQN, "host": HOST})))
        self.assertEqual(d.ok("nvmf_discovery_get_referrals"), before)
        d.refused("nvmf_discovery_remove_referral", {"address": address})
        d.ok("nvmf_discovery_add_referral", {"address": address})
        d.ok("nvmf_discovery_remove_referral", {"address": address})
        self.assertEqual(d.ok("nvmf_discovery_get_referrals"), before)
        d.stop()

    def test_limits_are_taken_back(self):
        """Of hosts, namespaces and bdevs: those that were there, or none."""
        d = self.run_daemon()
        d.ok("load_config", config(*self.CALLS))
        host = "nqn.2026-11.io.weft:host"
        ns = d.ok("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {"bdev_name": self.keep(d)}})
        limits = (("nvmf_set_host_limits", {"host": host}),
                  ("nvmf_set_host_limits", {"host": host + "2"}),
                  ("nvmf_subsystem_set_ns_limits", {"nqn": NQN, "nsid": ns}),
                  ("bdev_set_qos_limit", {"name": "Keep"}))
        bad = ("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {"bdev_name": "Missing"}})
        for before in {}, {"rw_ios_per_sec": 70000, "r_mbytes_per_sec": 3}:
            for method, params in limits[:1] + limits[2:] if before else ():
                d.ok(method, {**params, **before})
            saved = d.ok("save_config")
            self.assertEqual(str(saved).count("70000"), 3 if before else 0)
            e = d.refused("load_config", config(
                *((m, {**p, "rw_ios_per_sec": 50000, "w_mbytes_per_sec": 9}) for m, p in limits),
                *((m, {**p, "rw_ios_per_sec": 60000}) for m, p in limits), bad))
            self.assertIn("Missing", e["message"])
            self.assertEqual(d.ok("save_config"), saved)
        d.stop()

    def test_ana_states_are_taken_back(self):
        """And saved in few calls, however many groups there are."""
        d = self.run_daemon()
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = str(s.getsockname()[1])
        where = {"nqn": NQN, "listen_address": {"trtype": "TCP", "adrfam": "IPv4",
                                                "traddr": "127.0.0.1", "trsvcid": port}}
        state, group = "nvmf_subsystem_listener_set_ana_state", "nvmf_subsystem_set_ns_ana_group"
        d.ok("nvmf_create_transport", {"trtype": "TCP"})
        d.ok("nvmf_create_subsystem", {"nqn": NQN, "ana_reporting": True})
        d.ok("nvmf_subsystem_add_listener", where)
        d.ok("nvmf_subsystem_add_listener", {**where, "ana_state": "optimized"})
        e = d.refused("nvmf_subsystem_add_listener", {**where, "ana_state": "inaccessible"})
        self.assertIn("already, with another ana_state", e["message"])
        e = d.refused("nvmf_subsystem_remove_listener", {**where, "ana_state": "optimized"})
        self.assertIn("unknown parameter \"ana_state\"", e["message"])
        ns = d.ok("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {"bdev_name": self.keep(d)}})
        bad = ("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {"bdev_name": "Missing"}})
        for calls, setting in ((0, ()), (1, ({"ana_state": "inaccessible"},)),
                               (2, ({"ana_state": "change", "anagrpid": 7},)),
                               (2, ({"ana_state": "optimized", "anagrpid": 7},)),
                               (1, ({"ana_state": "optimized"}, {"ana_state": "persistent_loss",
                                                                 "anagrpid": 4095}))):
            for s in setting:
                d.ok(state, {**where, **s})
            saved = d.ok("save_config")
            self.assertEqual(str(saved).count(state), calls, setting)
            e = d.refused("load_config", config(
                (state, {**where, "ana_state": "non_optimized"}),
                (state, {**where, "ana_state": "change", "anagrpid": 7}),
                (state, {**where, "ana_state": "optimized", "anagrpid": 9}),
                (group, {"nqn": NQN, "nsid": ns, "anagrpid": 12}),
                (group, {"nqn": NQN, "nsid": ns, "anagrpid": 13}),
                (state, {**where, "ana_state": "inaccessible"}), bad))
            self.assertIn("Missing", e["message"])
            self.assertEqual(d.ok("save_config"), saved)
            d.ok("load_config", saved)
            self.assertEqual(d.ok("save_config"), saved)
        d.stop()

    @staticmethod
    def keep(d):
        return d.ok("bdev_null_create", {"name": "Keep", "num_blocks": 64, "block_size": 512})

    def test_checked_before_anything_is_done(self):
        words = self.refused(config(*self.CALLS, ("bdev_null_create", {"name": "N"})))
        self.assertIn("subsystems[0].config[4] bdev_null_create: num_blocks is missing", words)

    def test_refused_files(self):
        for text, words in (
                ("{", "line 1"), ("[]", "subsystems"), ("{}", "subsystems"),
                ('{"subsystems": 1}', "an array is expected"),
                ('{"subsystems": [{"config": 7}]}', "subsystems[0].config"),
                ('{"subsystems": [{"config": [{}]}]}', '"method" is missing'),
                (config(("no_such_method", {})), "no_such_method: Method not found"),
                (config(("nvmf_create_transport", {"trtype": "VFIOUSER"})), "VFIOUSER")):
            self.assertIn(words, self.refused(text))
        d = self.run_daemon("--config", "/nonexistent.json", wait=False)
        self.assertEqual(d.wait(), 1)
        self.assertIn("/nonexistent.json", d.words())

    def test_tuning_of_the_other_target_is_passed_over(self):
        d = self.run_daemon(config=config(
            ("iobuf_set_options", {"small_pool_count": 8192}),
            ("framework_set_scheduler", {"name": "static"}),
            ("bdev_set_options", {"bdev_io_pool_size": 65535}),
            ("nvmf_set_config", {"discovery_filter": "match_any"}),
            ("bdev_malloc_create", {
                "name": "Malloc0", "num_blocks": 1024, "block_size": 512,
                "physical_block_size": 512, "uuid": UUID, "optimal_io_boundary": 0,
                "md_size": 0, "dif_type": 0, "dif_is_head_of_md": False, "dif_pi_format": 0,
                "numa_id": -1}),
            ("bdev_wait_for_examine", {})))
        self.assertEqual(d.ok("bdev_get_bdevs")[0]["uuid"], UUID)
        d.stop()

    def test_wait_for_rpc(self):
        d = self.run_daemon("--wait-for-rpc", config=config(*self.CALLS))
        self.assertEqual(d.refused("bdev_get_bdevs")["code"], -1)
        self.assertNotIn("bdev_get_bdevs", d.ok("rpc_get_methods", {"current": True}))
        self.assertIn("bdev_get_bdevs", d.ok("rpc_get_methods"))
        for method, params in (
                ("nvmf_set_config", {"dup_host_policy": "restrict_per_listener",
                                     "discovery_filter": "address"}),
                ("nvmf_set_max_subsystems", {"max_subsystems": 512}),
                ("nvmf_set_crdt", {"crdt1": 0}),
                ("iobuf_set_options", {"small_pool_count": 8192}),
                ("bdev_set_options", {"bdev_io_pool_size": 65535}),
                ("sock_set_default_impl", {"impl_name": "posix"}),
                ("sock_impl_set_options", {"impl_name": "posix", "recv_buf_size": 4096})):
            self.assertIs(d.ok(method, params), True, method)
        d.ok("framework_start_init")
        d.ok("framework_wait_init")
        self.assertIn({"method": "nvmf_set_config", "params": {
            "discovery_filter": "address", "dup_host_policy": "restrict_per_listener"}},
            d.ok("framework_get_config", {"name": "nvmf"}))
        self.assertEqual(d.refused("framework_start_init")["code"], -1)
        d.stop()

    MANY = config(*(("bdev_null_create", {"name": f"n{i}", "num_blocks": 8, "block_size": 512})
                    for i in range(40)), ("framework_wait_init", {}),
                  ("nvmf_create_transport", {"trtype": "TCP"}),
                  ("nvmf_create_subsystem", {"nqn": NQN, "max_namespaces": 40}),
                  *(("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {"bdev_name": f"n{i}"}})
                    for i in range(40)))

    def test_the_start_ends_with_the_configuration(self):
        """Who waits hears of its end, and until then nobody gets in between."""
        d = self.run_daemon("--wait-for-rpc", config=self.MANY)
        start, again, early, names, waited, late = d.at_once(
            ("framework_start_init", None), ("framework_start_init", None),
            ("bdev_get_bdevs", None), ("rpc_get_methods", {"current": True}),
            ("framework_wait_init", None), ("framework_get_config", {"name": "nvmf"}))
        self.assertEqual((start["result"], waited["result"]), (True, True))
        self.assertIn("under way", again["error"]["message"])
        for e in early["error"], late["error"]:
            self.assertEqual(e["code"], -1)
            self.assertIn("after framework is initialized", e["message"])
        self.assertIn("framework_wait_init", names["result"])
        self.assertFalse({"bdev_get_bdevs", "framework_start_init"} & set(names["result"]))
        d.stop()
        # and on one connection: what comes behind the answer sees all of it
        d = self.run_daemon("--wait-for-rpc", config=self.MANY)
        answers = d.raw("".join('{"id":1,"method":"%s"}' % m for m in (
            "framework_start_init", "nvmf_get_subsystems"))).splitlines()
        self.assertEqual(len(json.loads(answers[1])["result"][1]["namespaces"]), 40)
        d.stop()

    def test_a_start_that_fails(self):
        """All that wait hear why, and the daemon ends."""
        bad = {"subsystems": self.MANY["subsystems"] + config(
            ("bdev_passthru_create", {"base_bdev_name": "none", "name": "x"}))["subsystems"]}
        d = self.run_daemon("--wait-for-rpc", config=bad)
        for answer in d.at_once(("framework_wait_init", None), ("framework_start_init", None)):
            self.assertEqual(answer["error"]["code"], -19)
            self.assertIn("subsystems[1].config[0] bdev_passthru_create",
                          answer["error"]["message"])
        self.assertEqual(d.wait(), 1)

    def test_many_that_wait(self):
        """One too many is refused; the start is not, however many there are."""
        d = self.run_daemon("--wait-for-rpc")
        *waited, start = d.at_once(*[("framework_wait_init", None)] * 17,
                                   ("framework_start_init", None))
        self.assertEqual([a.get("result") for a in waited], [True] * 16 + [None])
        self.assertEqual(waited[16]["error"]["code"], -16)
        self.assertIs(start["result"], True)
        d.stop()

    def test_stop_by_rpc(self):
        d = self.run_daemon(config=config(*self.CALLS))
        d.ok("spdk_kill_instance", {"sig_name": "SIGTERM"})
        self.assertEqual(d.wait(), 0)

    def test_command_line_refusals(self):
        for args, words in ((("-m", "0x0"), "cores=0x0"), (("-m", "900"), "900"),
                            (("-m", "1-0"), "cores=1-0"), (("-m", "0,0"), "twice"),
                            (("--mode", "x"), "busy"), (("--spin-us", "x"), "--spin-us"),
                            (("-L", "loud"), "debug"), (("extra",), "extra"),
                            (("--nope",), "--help")):
            d = self.run_daemon(*args, wait=False)
            self.assertEqual(d.wait(), 2, args)
            self.assertIn(words, d.words())


class Reference(unittest.TestCase):
    def test_reference_is_in_step_with_the_tables(self):
        printed = subprocess.run([BIN, "--rpc-reference"], capture_output=True, text=True,
                                 check=True, timeout=60).stdout
        with open(os.path.join(TOP, "Documentation", "rpc.md"), encoding="utf-8") as f:
            self.assertEqual(f.read(), printed,
                             "print it anew: weft-target --rpc-reference > Documentation/rpc.md")


if __name__ == "__main__":
    unittest.main()
