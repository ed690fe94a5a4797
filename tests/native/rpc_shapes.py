#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Shapes of results that are in no sample (rpc_samples.py); statistics, limits, tuning."""
import base64
import json
import unittest

from daemon import DaemonTest, config

UUID = "45fafe98-e0e5-443d-9247-3065b4e453dd"
MALLOC = {"name": "Malloc0", "num_blocks": 1024, "block_size": 512, "uuid": UUID}
N, S, B = int, str, bool
# of results that are not in the samples
SHAPES = {
    "framework_get_scheduler": {"scheduler_name": S, "scheduler_period": N,
                                "isolated_core_mask": S, "scheduling_core": N},
    "log_get_level": S, "log_get_print_level": S,
    "nvmf_get_targets": [S],
    "notify_get_notifications": [{"type": S, "ctx": S, "id": N}],
    "nvmf_discovery_get_referrals": [{"address": {"trtype": S, "adrfam": S, "traddr": S,
                                                  "trsvcid": S},
                                      "secure_channel": B, "subnqn": S}],
}
NAMES = "name", "nqn", "trtype", "module", "subsystem", "nsid"


def same_name(a, b):
    return isinstance(a, dict) and isinstance(b, dict) and any(
        k in a and a[k] == b.get(k) for k in NAMES)


def differs_in_elements(value, shape, path):
    if not isinstance(value, list):
        return f"{path} is no array"
    if shape and not value:
        return f"{path} is empty"
    for i, x in enumerate(value if shape else []):
        # of its own name, or of any
        wants = [s for s in shape if same_name(s, x)] or shape
        words = [differs(x, s, f"{path}[{i}]") for s in wants]
        if "" not in words:
            return words[0]
    return ""


def differs(value, shape, path=""):
    """
    Where @value is not of @shape, or "". A shape is a sample, or has types in place of values;
    members that are only in @value are no difference, and an array that has nothing is one.
    """
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return f"{path} is no object"
        for key, inner in shape.items():
            if key not in value:
                return f"{path}.{key} is missing"
            if words := differs(value[key], inner, f"{path}.{key}"):
                return words
        return ""
    if isinstance(shape, list):
        return differs_in_elements(value, shape, path)
    want = shape if isinstance(shape, type) else type(shape)
    return "" if type(value) is want else f"{path} is {value!r}, no {want.__name__}"


class Shapes(DaemonTest):
    def test_results(self):
        self.daemon.ok("bdev_malloc_create", MALLOC)
        self.daemon.ok("nvmf_discovery_add_referral", {"address": {
            "trtype": "TCP", "traddr": "192.0.2.1", "trsvcid": "8009"}})
        for method, shape in SHAPES.items():
            self.assertEqual(differs(self.daemon.ok(method), shape), "", method)

    def test_the_comparison_itself(self):
        for shape in {"a": [N], "c": [S, {"name": "x", "d": B}, {"name": "y", "e": []}]}, \
                     {"a": [7], "c": ["s", {"name": "x", "d": True}, {"name": "y", "e": []}]}:
            good = {"a": [1], "b": 2,
                    "c": [{"name": "x", "d": False}, "t", {"name": "y", "e": [1]}]}
            self.assertEqual(differs(good, shape), "")
            for bad in ({"a": ["1"]}, {"a": 1}, {"a": []}, {"a": [True]}, {"c": []}, {"c": [3]},
                        {"c": [{"name": "x", "e": []}]}, {"c": [{"name": "y", "d": True}]}):
                self.assertNotEqual(differs({**good, **bad}, shape), "")
        for bad in {}, [], None:
            self.assertNotEqual(differs(bad, {"a": [N]}), "")

    def test_more_bdevs_than_a_screen(self):
        for i in range(100):
            self.daemon.ok("bdev_null_create", {"name": f"n{i}", "num_blocks": 8,
                                                "block_size": 512})
        self.daemon.ok("nvmf_create_subsystem", {"nqn": "nqn.2026-11.io.weft:a",
                                                 "max_namespaces": 200})
        for i in range(100):
            self.daemon.ok("nvmf_subsystem_add_ns", {
                "nqn": "nqn.2026-11.io.weft:a", "namespace": {"bdev_name": f"n{i}"}})
        channels = self.daemon.ok("thread_get_io_channels")["threads"][0]["io_channels"]
        self.assertEqual(len([c for c in channels if c["name"].startswith("n")]), 100)


class Statistics(DaemonTest):
    def setUp(self):
        super().setUp()
        self.daemon.ok("bdev_malloc_create", MALLOC)
        self.daemon.ok("bdev_null_create", {"name": "Null0", "num_blocks": 8, "block_size": 512})

    def test_iostat_options(self):
        d = self.daemon
        names = lambda r: [b["name"] for b in r["bdevs"]]  # noqa: E731
        self.assertEqual(names(d.ok("bdev_get_iostat")), ["Malloc0", "Null0"])
        self.assertEqual(names(d.ok("bdev_get_iostat", {"name": "Null0"})), ["Null0"])
        self.assertEqual(names(d.ok("bdev_get_iostat", {"names": ["Null0", "Malloc0"]})),
                         ["Null0", "Malloc0"])
        r = d.ok("bdev_get_iostat", {"name": "Malloc0", "per_channel": True})
        self.assertEqual((r["name"], r["channels"]), ("Malloc0", []))
        self.assertEqual(d.refused("bdev_get_iostat", {"per_channel": True})["code"], -22)
        self.assertEqual(d.refused("bdev_get_iostat", {"names": ["No"]})["code"], -19)
        self.assertEqual(d.refused("bdev_get_iostat", {"names": [1]})["code"], -32603)
        self.assertIn("maxmin", d.refused("bdev_get_iostat", {"reset_mode": "x"})["message"])
        for mode in "none", "all", "maxmin", "error":
            d.ok("bdev_get_iostat", {"reset_mode": mode})
            self.assertIs(d.ok("bdev_reset_iostat", {"name": "Null0", "mode": mode}), True)
        self.assertIs(d.ok("bdev_reset_iostat"), True)

    def test_histogram(self):
        d = self.daemon
        e = d.refused("bdev_get_histogram", {"name": "Malloc0"})
        self.assertIn("bdev_enable_histogram", e["message"])
        on = {"name": "Malloc0", "enable": True}
        self.assertIs(d.ok("bdev_enable_histogram", on), True)
        h = d.ok("bdev_get_histogram", {"name": "Malloc0"})
        self.assertEqual(differs(h, {"histogram": S, "granularity": N, "min_range": N,
                                     "max_range": N, "tsc_rate": N}), "")
        ranges = h["max_range"] - h["min_range"] + 1
        self.assertEqual(len(base64.b64decode(h["histogram"], validate=True)),
                         8 * ranges << h["granularity"])
        self.assertEqual(d.ok("bdev_get_histogram_borders",
                              {"name": "Malloc0", "borders": [10, 100, 1000]}),
                         {"borders_count": [0, 0, 0]})
        for bad in ([], ["x"], [-1], list(range(257))):
            d.refused("bdev_get_histogram_borders", {"name": "Malloc0", "borders": bad})
        for bad in ({"granularity": 0}, {"granularity": 13}, {"opc": "dance"},
                    {"min_nsec": 5000, "max_nsec": 5000}):
            d.refused("bdev_enable_histogram", dict(on, **bad))
        d.ok("bdev_enable_histogram", dict(on, opc="read", granularity=3))
        d.ok("bdev_enable_histogram", dict(on, enable=False))
        d.refused("bdev_get_histogram", {"name": "Malloc0"})

    def test_histogram_of_one_batch(self):
        """The next request runs out of the answer to the one before."""
        calls = [{"id": i, "method": method, "params": {"name": "Malloc0", **more}}
                 for i, (method, more) in enumerate((
                     ("bdev_enable_histogram", {"enable": True}), ("bdev_get_histogram", {}),
                     ("bdev_enable_histogram", {"enable": True, "granularity": 3}),
                     ("bdev_get_histogram_borders", {"borders": [10]}),
                     ("bdev_enable_histogram", {"enable": False})))]
        answers = json.loads(self.daemon.raw(json.dumps(calls)))
        answers += [json.loads(line) for line in self.daemon.raw(
            "".join(json.dumps(c) for c in calls)).splitlines()]
        self.assertEqual([a["id"] for a in answers], [*range(5), *range(5)])
        for a in answers:
            self.assertIn("result", a)

    def test_queue_depth(self):
        d = self.daemon
        d.ok("bdev_set_qd_sampling_period", {"name": "Malloc0", "period": 1000})
        row = d.ok("bdev_get_iostat", {"name": "Malloc0"})["bdevs"][0]
        self.assertEqual((row["queue_depth_polling_period"], row["queue_depth"],
                          row["io_time"], row["weighted_io_time"]), (1000, 0, 0, 0))
        d.refused("bdev_set_qd_sampling_period", {"name": "Malloc0", "period": 99})
        d.ok("bdev_malloc_delete", {"name": "Malloc0"})    # while it is sampled
        d.ok("bdev_set_qd_sampling_period", {"name": "Null0", "period": 1000})
        d.ok("bdev_set_qd_sampling_period", {"name": "Null0", "period": 0})
        self.assertNotIn("queue_depth", d.ok("bdev_get_iostat")["bdevs"][0])

    def test_limits(self):
        d = self.daemon
        zero = dict.fromkeys(("rw_ios_per_sec", "rw_mbytes_per_sec", "r_mbytes_per_sec",
                              "w_mbytes_per_sec"), 0)
        d.ok("bdev_set_qos_limit", {"name": "Malloc0", "rw_ios_per_sec": 20000})
        d.ok("bdev_set_qos_limit", {"name": "Malloc0", "w_mbytes_per_sec": 30})

        def shown():
            return d.ok("bdev_get_bdevs", {"name": "Malloc0"})[0]["assigned_rate_limits"]

        want = dict(zero, rw_ios_per_sec=20000, w_mbytes_per_sec=30)
        self.assertEqual(shown(), want)
        self.assertEqual(d.refused("bdev_set_qos_limit", {"name": "Malloc0"})["code"], -22)
        self.assertEqual(d.refused("bdev_set_qos_limit", {"name": "No",
                                                          "rw_ios_per_sec": 1})["code"], -19)
        saved = d.ok("save_config")
        self.assertIn({"method": "bdev_set_qos_limit", "params": dict(want, name="Malloc0")},
                      saved["subsystems"][0]["config"])
        # more than any device does, as configurations have it that mean no limit
        most = {"name": "Null0", "rw_ios_per_sec": 1 << 42, "rw_mbytes_per_sec": 1 << 22}
        d.ok("bdev_set_qos_limit", most)
        self.assertEqual(d.ok("bdev_get_bdevs", {"name": "Null0"})[0]["assigned_rate_limits"],
                         {**zero, **{k: v for k, v in most.items() if k in zero}})
        for more in {"rw_ios_per_sec": (1 << 42) + 1}, {"w_mbytes_per_sec": (1 << 22) + 1}:
            self.assertIn(next(iter(more)), d.refused("bdev_set_qos_limit",
                                                      {"name": "Null0", **more})["message"])
        # a configuration that fails leaves the limits as they were
        d.refused("load_config", config(
            ("bdev_set_qos_limit", {"name": "Malloc0", "rw_ios_per_sec": 5}),
            ("bdev_passthru_create", {"base_bdev_name": "none", "name": "x"})))
        self.assertEqual(shown(), want)
        d.ok("bdev_set_qos_limit", dict(zero, name="Malloc0"))
        self.assertEqual(shown(), zero)

    def test_notifications(self):
        d = self.daemon
        d.ok("bdev_null_resize", {"name": "Null0", "new_size": 1})
        d.ok("bdev_null_delete", {"name": "Null0"})
        want = [("bdev_register", "Malloc0", 0), ("bdev_register", "Null0", 1),
                ("bdev_resize", "Null0", 2), ("bdev_unregister", "Null0", 3)]
        got = [(n["type"], n["ctx"], n["id"]) for n in d.ok("notify_get_notifications")]
        self.assertEqual(got, want)
        got = d.ok("notify_get_notifications", {"id": 1, "max": 2})
        self.assertEqual([n["id"] for n in got], [1, 2])
        self.assertEqual(d.ok("notify_get_notifications", {"id": 4}), [])


class Framework(DaemonTest):
    def test_scheduler(self):
        self.daemon.ok("framework_set_scheduler", {"name": "static"})
        e = self.daemon.refused("framework_set_scheduler", {"name": "dynamic"})
        self.assertIn('only "static"', e["message"])
        self.daemon.refused("framework_set_scheduler", {})

    def test_cpumask(self):
        mask = self.daemon.ok("thread_get_stats")["threads"][0]["cpumask"]
        self.daemon.ok("thread_set_cpumask", {"id": 1, "cpumask": mask})
        self.daemon.ok("thread_set_cpumask", {"id": 1, "cpumask": "0x0" + mask})
        self.assertIn(mask, self.daemon.refused("thread_set_cpumask",
                                                {"id": 1, "cpumask": "f" + mask})["message"])
        self.daemon.refused("thread_set_cpumask", {"id": 9, "cpumask": mask})

    def test_log_flags(self):
        d = self.daemon
        self.assertFalse(any(d.ok("log_get_flags").values()))
        d.ok("log_set_flag", {"flag": "rpc"})
        self.assertEqual([k for k, v in d.ok("log_get_flags").items() if v], ["rpc"])
        d.ok("bdev_null_create", {"name": "a", "num_blocks": 8, "block_size": 512,
                                  "md_interleave": False})
        before = d.words()
        d.ok("bdev_malloc_create", {"name": "b", "num_blocks": 8, "block_size": 512,
                                    "numa_id": -1})
        self.assertIn("debug: numa_id", d.words()[len(before):])
        d.ok("log_clear_flag", {"flag": "all"})
        before = d.words()
        d.ok("bdev_malloc_create", {"name": "c", "num_blocks": 8, "block_size": 512,
                                    "numa_id": -1})
        self.assertEqual(d.words()[len(before):], "")
        d.refused("log_set_flag", {"flag": "nope"})
        d.ok("log_enable_timestamps", {"enabled": False})
        before = d.words()
        d.ok("log_set_level", {"level": "DEBUG"})
        d.ok("bdev_malloc_create", {"name": "e", "num_blocks": 8, "block_size": 512,
                                    "numa_id": -1})
        self.assertIn("\ndebug: numa_id", "\n" + d.words()[len(before):])

    def test_what_only_tunes(self):
        d = self.daemon
        for method, params in (
                ("iobuf_set_options", {"small_pool_count": 8192, "enable_numa": False}),
                ("bdev_set_options", {"bdev_io_pool_size": 65535, "bdev_auto_examine": True}),
                ("bdev_nvme_set_options", {"multipath_opts": {"policy": "active_passive"},
                                           "dhchap_digests": ["sha256"]}),
                ("bdev_nvme_set_hotplug", {"period_us": 100000, "enable": False}),
                ("sock_set_default_impl", {"impl_name": "posix"}),
                ("nvmf_set_max_subsystems", {"max_subsystems": 1024}),
                ("nvmf_set_crdt", {"crdt1": 0, "crdt2": 0, "crdt3": 0}),
                ("nvmf_set_config", {"discovery_filter": "match_any", "dup_host_policy": "allow",
                                     "admin_cmd_passthru": {"sanitize": False}}),
                ("nvmf_create_target", {"name": "nvmf_tgt"})):
            d.ok(method, params)
        for method, params in (
                ("bdev_nvme_set_hotplug", {"enable": True}),
                ("nvmf_set_max_subsystems", {"max_subsystems": 5000}),
                ("nvmf_set_crdt", {"crdt1": 10}),
                ("nvmf_set_config", {"admin_cmd_passthru": {"sanitize": True}}),
                ("nvmf_create_target", {"name": "other"})):
            e = d.refused(method, params)
            self.assertEqual(e["code"], -32603, method)

    def test_what_is_not_here(self):
        for method, words in (("vhost_create_blk_controller", "vhost is not served"),
                              ("bdev_lvol_create", "LVM"), ("bdev_raid_create", "md"),
                              ("nvmf_delete_target", "one target"),
                              ("keyring_file_add_key", "not authenticated"),
                              ("nvmf_subsystem_set_keys", "not authenticated"),
                              ("nvmf_publish_mdns_prr", "mDNS"), ("nvmf_stop_mdns_prr", "mDNS"),
                              ("ioat_scan_accel_module", "accelerator"),
                              ("accel_get_opc_assignments", "accelerator"),
                              ("accel_get_stats", "accelerator"),
                              ("bdev_zone_block_create", "zoned"),
                              ("keyring_get_keys", "not authenticated"),
                              ("scsi_get_devices", "SCSI is not served"),
                              ("framework_get_governor", "does not exist"),
                              ("framework_monitor_context_switch", "does not exist"),
                              ("framework_enable_cpumask_locks", "does not exist"),
                              ("trace_get_info", "trace points"),
                              ("env_dpdk_get_mem_stats", "DPDK"),
                              ("nbd_start_disk", "NBD"), ("ublk_create_target", "ublk"),
                              ("vfu_tgt_set_base_path", "vfio-user"),
                              ("iscsi_get_options", "iSCSI")):
            e = self.daemon.refused(method, {})
            self.assertEqual(e["code"], -32601)
            self.assertIn(words, e["message"])
        for name in "SIGHUP", "SIGUSR1":
            e = self.daemon.refused("spdk_kill_instance", {"sig_name": name})
            self.assertIn("SIGTERM, SIGINT, SIGQUIT and SIGKILL are accepted", e["message"])
        e = self.daemon.refused("load_config", config(("bdev_malloc_create", MALLOC),
                                                      ("bdev_lvol_create", {})))
        self.assertIn("subsystems[0].config[1] bdev_lvol_create", e["message"])
        self.assertEqual(self.daemon.ok("bdev_get_bdevs"), [])

    def test_bases_come_after_what_stands_on_them(self):
        self.daemon.ok("load_config", config(
            ("bdev_passthru_create", {"base_bdev_name": "EE_ramp1", "name": "top"}),
            ("bdev_error_create", {"base_name": "ramp1"}),
            ("bdev_split_create", {"base_bdev": "ram", "split_count": 2}),
            ("bdev_malloc_create", dict(MALLOC, name="ram")),
            ("bdev_wait_for_examine", {})))
        self.assertEqual([b["name"] for b in self.daemon.ok("bdev_get_bdevs")],
                         ["ram", "ramp0", "ramp1", "EE_ramp1", "top"])
        e = self.daemon.refused("load_config", config(
            ("bdev_passthru_create", {"base_bdev_name": "b", "name": "a"}),
            ("bdev_passthru_create", {"base_bdev_name": "a", "name": "b"})))
        self.assertEqual(e["code"], -19)

    def test_circles_end(self):
        """Several of them, and what stands on one; a long chain comes into order beside them."""
        circles = [("bdev_passthru_create", {"base_bdev_name": base, "name": name})
                   for base, name in ("ba", "ab", "dc", "cd", "ax", "ay", "xz")]
        e = self.daemon.refused("load_config", config(*circles))
        self.assertEqual(e["code"], -19)
        self.daemon.ok("bdev_malloc_create", dict(MALLOC, name="a"))
        chain = [("bdev_passthru_create", {"base_bdev_name": f"p{i + 1}", "name": f"p{i}"})
                 for i in range(8)] + [("bdev_malloc_create", {
                     "name": "p8", "num_blocks": 8, "block_size": 512})]
        self.daemon.ok("load_config", config(("bdev_passthru_create", {
            "base_bdev_name": "a", "name": "b"}), *chain))
        self.assertEqual([b["name"] for b in self.daemon.ok("bdev_get_bdevs")],
                         ["a", "b"] + [f"p{i}" for i in range(8, -1, -1)])


class Allowed(DaemonTest):
    args = ("--rpcs-allowed", "bdev_get_bdevs,rpc_get_methods,spdk_kill_instance")

    def test_only_these(self):
        self.assertEqual(self.daemon.ok("bdev_get_bdevs"), [])
        self.assertEqual(self.daemon.ok("rpc_get_methods"),
                         ["bdev_get_bdevs", "rpc_get_methods", "spdk_kill_instance"])
        for method in "bdev_malloc_create", "bdev_get", "save_config", "spdk_get_version":
            e = self.daemon.refused(method, MALLOC)
            self.assertEqual(e["code"], -32601)
        batch = json.loads(self.daemon.raw(json.dumps([
            {"id": 1, "method": "save_config"}, {"id": 2, "method": "bdev_get_bdevs"}])))
        self.assertEqual([r["id"] for r in batch], [1, 2])
        self.assertIn("error", batch[0])
        self.assertEqual(batch[1]["result"], [])


if __name__ == "__main__":
    unittest.main()
