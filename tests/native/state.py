#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""--state: the configuration is kept, whole at every moment, and comes back."""
import json
import os
import random
import signal
import tempfile
import time
import unittest

from daemon import Daemon, config
from tcp_disk import free_port
from tcp_host import Conn, Refused

NQN = "nqn.2026-11.io.weft:disk1"
DISCOVERY = "nqn.2014-08.org.nvmexpress.discovery"
ROUNDS = 8
BUSY, INVALID_PARAM = 0x181, 0x4182  # of Connect


class Starting(unittest.TestCase):
    """Hosts that come while the daemon starts: none goes away for good."""

    def test_connects_until_all_is_there(self):
        port, many = free_port(), 400
        there = {"trtype": "TCP", "adrfam": "IPv4", "traddr": "127.0.0.1", "trsvcid": str(port)}
        calls = [("nvmf_create_transport", {"trtype": "TCP"})]
        for nqn in [DISCOVERY, *(f"{NQN}-{i}" for i in range(many))]:
            if nqn != DISCOVERY:
                calls.append(("nvmf_create_subsystem", {"nqn": nqn}))
            calls.append(("nvmf_subsystem_add_listener", {"nqn": nqn, "listen_address": there}))
        # the last is the one that lets hosts in
        calls.append(("nvmf_subsystem_allow_any_host", {"nqn": nqn, "allow_any_host": True}))
        with tempfile.TemporaryDirectory(prefix="weft-state-") as state:
            name = os.path.join(state, "state.json")
            for kw in {"config": config(*calls)}, {}:
                statuses = []
                # a machine that is busy may let it start unseen
                while not statuses:
                    statuses = self.come(Daemon("--state", name, wait=False, **kw), port, nqn)
                self.assertEqual(set(statuses), {BUSY})

    def test_nothing_to_wait_for(self):
        """Without a configuration what is not there is refused for good."""
        port = free_port()
        d = Daemon()
        self.addCleanup(d.close)
        d.ok("nvmf_create_transport", {"trtype": "TCP"})
        d.ok("nvmf_subsystem_add_listener", {"nqn": DISCOVERY, "listen_address": {
            "trtype": "TCP", "adrfam": "IPv4", "traddr": "127.0.0.1", "trsvcid": str(port)}})
        with Conn(("127.0.0.1", port)) as c:
            with self.assertRaises(Refused) as e:
                c.connect(subnqn=NQN)
            self.assertEqual(e.exception.args[0], INVALID_PARAM)
            c.connect(subnqn=DISCOVERY)
        d.stop()

    def come(self, d, port, nqn):
        """Connect until it is done; the statuses until then."""
        self.addCleanup(d.close)
        statuses = []
        while True:
            self.assertIsNone(d.process.poll(), d.words())
            try:
                c = Conn(("127.0.0.1", port))
            except ConnectionRefusedError:
                continue
            with c:
                try:
                    c.connect(subnqn=nqn)
                    break
                except Refused as e:
                    statuses.append(e.args[0])
        d.stop()
        return statuses


class State(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="weft-state-")
        self.addCleanup(self.dir.cleanup)
        self.path = os.path.join(self.dir.name, "state.json")

    def run_daemon(self, *args, **kw):
        d = Daemon("--state", self.path, *args, **kw)
        self.addCleanup(d.close)
        return d

    def kept(self):
        with open(self.path, encoding="utf-8") as f:
            return json.load(f)

    @staticmethod
    def names(d):
        return [b["name"] for b in d.ok("bdev_get_bdevs")]

    def test_comes_back(self):
        d = self.run_daemon()
        d.ok("bdev_malloc_create", {"name": "ram", "num_blocks": 64, "block_size": 512})
        d.ok("bdev_set_qos_limit", {"name": "ram", "rw_ios_per_sec": 1000})
        d.ok("nvmf_create_subsystem", {"nqn": NQN, "serial_number": "A"})
        # of an ANA group, though nobody is told of it
        d.ok("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {"bdev_name": "ram",
                                                                 "anagrpid": 7}})
        saved = d.ok("save_config")
        self.assertEqual(saved["subsystems"][1]["config"][2]["params"]["namespace"]["anagrpid"], 7)
        d.stop()                # what was not written yet is written now
        self.assertEqual(self.kept(), saved)
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)
        d = self.run_daemon()
        self.assertEqual(d.ok("save_config"), saved)
        d.ok("bdev_malloc_delete", {"name": "ram"})
        d.ok("state_sync")
        self.assertEqual(self.kept(), d.ok("save_config"))
        d.stop()
        self.assertEqual(os.listdir(self.dir.name), ["state.json"])

    def test_a_base_that_has_shrunk(self):
        """Under a split, while the daemon ran or not: what is left of the parts comes back."""
        name = os.path.join(self.dir.name, "disk")
        with open(name, "wb") as f:
            f.truncate(4 << 20)
        d = self.run_daemon()
        d.ok("bdev_aio_create", {"name": "f", "filename": name, "block_size": 512})
        d.ok("bdev_split_create", {"base_bdev": "f", "split_count": 4})
        sizes = [("f", 8192), *((f"fp{i}", 2048) for i in range(4))]
        for mib, want in (2.5, [("f", 5120), *sizes[1:3], ("fp2", 1024)]), (
                1, [("f", 2048), sizes[1]]):
            saved = d.ok("save_config")
            os.truncate(name, int(mib * (1 << 20)))
            for rescan in False, True:
                if rescan:
                    d.ok("bdev_aio_rescan", {"name": "f"})
                d.stop()
                d = self.run_daemon()
                self.assertEqual([(b["name"], b["num_blocks"])
                                  for b in d.ok("bdev_get_bdevs")], want)
                self.assertEqual(d.ok("save_config"), saved)
        d.stop()

    def test_who_may_discover(self):
        """Hosts of the discovery subsystem are still the only ones."""
        address = {"trtype": "TCP", "adrfam": "IPv4", "traddr": "127.0.0.1",
                   "trsvcid": str(free_port())}
        d = self.run_daemon()
        d.ok("nvmf_create_transport", {"trtype": "TCP"})
        d.ok("nvmf_set_config", {"discovery_nqn": NQN + ":discovery"})
        hosts = [NQN + "-host", NQN + "-host2"]
        for host in hosts:
            d.ok("nvmf_subsystem_add_host", {"nqn": DISCOVERY, "host": host})
        d.ok("nvmf_subsystem_add_listener", {"nqn": DISCOVERY, "listen_address": address})
        d.ok("nvmf_subsystem_allow_any_host", {"nqn": DISCOVERY, "allow_any_host": False})
        for _ in range(2):
            s = d.ok("nvmf_get_subsystems")[0]
            self.assertEqual((s["allow_any_host"], [h["nqn"] for h in s["hosts"]]),
                             (False, hosts))
            saved = d.ok("save_config")
            d.stop()
            d = self.run_daemon()
            self.assertEqual(d.ok("save_config"), saved)
        # the list closes before anything listens
        calls = [c["method"] for c in saved["subsystems"][1]["config"]]
        self.assertLess(calls.index("nvmf_subsystem_allow_any_host"),
                        calls.index("nvmf_subsystem_add_listener"))
        d.ok("nvmf_subsystem_allow_any_host", {"nqn": DISCOVERY, "allow_any_host": True})
        d.stop()
        d = self.run_daemon()
        self.assertIs(d.ok("nvmf_get_subsystems")[0]["allow_any_host"], True)
        d.stop()

    def test_written_by_itself(self):
        """Nobody asks for it, and the daemon goes on."""
        d = self.run_daemon()
        for name in "a", "b":
            d.ok("bdev_malloc_create", {"name": name, "num_blocks": 8, "block_size": 512})
            while not os.path.exists(self.path) or self.kept() != d.ok("save_config"):
                self.assertIsNone(d.process.poll(), d.words())
                time.sleep(0.02)
        d.stop()

    def test_synced_means_written(self):
        """Also if it was asked for while the file was being written for another one."""
        d = self.run_daemon()
        for i in range(0, 40, 2):
            calls = [call for name in (f"n{i}", f"n{i + 1}") for call in (
                ("bdev_null_create", {"name": name, "num_blocks": 8, "block_size": 512}),
                ("state_sync", None))]
            with d.connect() as s, s.makefile() as f:
                s.sendall(b"".join(json.dumps(
                    {"id": k, "method": method, **({"params": params} if params else {})}).encode()
                    for k, (method, params) in enumerate(calls)))
                for _ in calls:
                    self.assertIn("result", json.loads(f.readline()))
                names = [c["params"]["name"] for c in self.kept()["subsystems"][0]["config"]
                         if c["method"] == "bdev_null_create"]
            self.assertEqual(names, [f"n{k}" for k in range(i + 2)])
        d.stop()

    def test_saved_during_a_removal(self):
        """What refers to something that goes is left out with it."""
        d = self.run_daemon()
        ram = ("bdev_malloc_create", {"name": "ram", "num_blocks": 64, "block_size": 512})
        disk = (("nvmf_create_subsystem", {"nqn": NQN, "ana_reporting": True}),
                ("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {"bdev_name": "ram"}}),
                ("nvmf_subsystem_set_ns_limits", {"nqn": NQN, "nsid": 1,
                                                  "rw_ios_per_sec": 1000}))
        listen = {"nqn": NQN, "listen_address": {
            "trtype": "TCP", "adrfam": "IPv4", "traddr": "127.0.0.1",
            "trsvcid": str(free_port())}}
        for calls, removal in (
                ((ram, *disk), ("bdev_malloc_delete", {"name": "ram"})),
                ((ram, *disk[1:], ("nvmf_create_transport", {"trtype": "TCP"}),
                  ("nvmf_subsystem_add_listener", listen)),
                 ("nvmf_delete_subsystem", {"nqn": NQN})),
                # what stands on it does not know yet
                ((("bdev_passthru_create", {"base_bdev_name": "ram", "name": "top"}), disk[0],
                  ("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {"bdev_name": "top"}})),
                 ("bdev_malloc_delete", {"name": "ram"}))):
            for call in calls:
                d.ok(*call)
            removed, saved = d.at_once(removal, ("save_config", None))
            self.assertIs(removed["result"], True)
            self.assertEqual(saved["result"], d.ok("save_config"), removal)
        d.stop()

    def test_long_file_names(self):
        """Of 4095 bytes, the longest that is accepted, each of which is six in JSON."""
        d = self.run_daemon()
        folder = self.dir.name + "/"
        with open(folder + "disk", "wb") as f:
            f.truncate(1 << 20)
        os.mkdir(folder + "\1" * 255)
        name = folder + ("\1" * 255 + "/../") * 15
        name += "./" * ((4095 - len(name) - 4) // 2)
        name += "/" * (4095 - 4 - len(name)) + "disk"
        d.ok("bdev_aio_create", {"name": "long", "filename": name})
        self.assertEqual(d.ok("bdev_get_bdevs")[0]["driver_specific"]["aio"]["filename"], name)
        saved = d.ok("save_config")
        d.stop()
        d = self.run_daemon()
        self.assertEqual(self.names(d), ["long"])
        self.assertEqual(d.ok("save_config"), saved)
        d.stop()

    def test_stopped_in_the_middle_of_a_configuration(self):
        """All of it is kept, or nothing, if it cannot be done."""
        ram = ("bdev_malloc_create", {"name": "ram", "num_blocks": 64, "block_size": 512})
        disk = (ram, ("nvmf_create_subsystem", {"nqn": NQN}),
                ("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {"bdev_name": "ram"}}),
                ("nvmf_subsystem_add_host", {"nqn": NQN, "host": NQN + "-host"}),
                ("bdev_null_create", {"name": "last", "num_blocks": 8, "block_size": 512}))
        d = self.run_daemon()
        self.stop_while_loading(d, config(
            *disk, ("bdev_passthru_create", {"base_bdev_name": "none", "name": "top"})))
        d = self.run_daemon()
        self.assertEqual(self.names(d), [])
        self.assertEqual(len(d.ok("nvmf_get_subsystems")), 1)
        self.stop_while_loading(d, config(*disk))
        d = self.run_daemon()
        self.assertEqual(self.names(d), ["ram", "last"])
        self.assertEqual(d.ok("nvmf_get_subsystems")[1]["namespaces"][0]["bdev_name"], "ram")
        d.stop()

    def stop_while_loading(self, d, configuration):
        """The signal comes with the call."""
        d.at_once(("load_config", configuration), how=signal.SIGTERM)
        self.assertEqual(d.wait(), 0, d.words())
        self.assertNotIn("taking back failed", d.words())

    def test_before_the_configuration(self):
        first = config(("bdev_malloc_create", {"name": "first", "num_blocks": 8,
                                               "block_size": 512}))
        d = self.run_daemon(config=first)
        self.assertEqual(self.names(d), ["first"])
        d.ok("bdev_malloc_create", {"name": "second", "num_blocks": 8, "block_size": 512})
        d.stop()
        d = self.run_daemon(config=first)
        self.assertEqual(self.names(d), ["first", "second"])
        self.assertIn("passed over", d.words())
        d.stop()

    def test_waits_for_the_start(self):
        d = self.run_daemon("--wait-for-rpc")
        d.ok("framework_start_init")
        d.ok("bdev_malloc_create", {"name": "ram", "num_blocks": 8, "block_size": 512})
        d.stop()
        d = self.run_daemon("--wait-for-rpc")
        d.ok("framework_start_init")
        self.assertEqual(self.names(d), ["ram"])
        d.stop()

    def test_through_a_link(self):
        """Which stays one; its file is replaced, whether it is there already or not."""
        os.mkdir(os.path.join(self.dir.name, "there"))
        real = os.path.join(self.dir.name, "there", "real.json")
        os.symlink("there/real.json", self.path)
        want = []
        for name in "a", "b":
            d = self.run_daemon()
            self.assertEqual(self.names(d), want)
            d.ok("bdev_null_create", {"name": name, "num_blocks": 8, "block_size": 512})
            want.append(name)
            d.stop()
            self.assertTrue(os.path.islink(self.path))
            self.assertFalse(os.path.islink(real))
            self.assertEqual(len(self.kept()["subsystems"][0]["config"]), len(want) + 1)
        self.assertEqual(sorted(os.listdir(self.dir.name)), ["state.json", "there"])

    def test_what_is_no_file(self):
        """Stays what it is."""
        pipe, loop = self.path + ".pipe", self.path + ".loop"
        os.mkfifo(pipe)
        os.symlink(loop, loop)
        for name, words in ((pipe, "is no regular file"), (self.dir.name, "is no regular file"),
                            (loop, "symbolic links")):
            d = Daemon("--state", name, wait=False)
            self.addCleanup(d.close)
            self.assertEqual(d.wait(), 1)
            self.assertIn(f"--state {name}: ", d.words())
            self.assertIn(words, d.words())
        self.assertEqual(sorted(os.listdir(self.dir.name)),
                         [os.path.basename(name) for name in (loop, pipe)])

    def test_a_bad_file_is_not_overwritten(self):
        for text, words in (("{\"subsystems\": [", "line 1"),
                            (json.dumps(config(("bdev_malloc_create", {"name": "x"}))),
                             "subsystems[0].config[0]")):
            with open(self.path, "w", encoding="utf-8") as f:
                f.write(text)
            d = self.run_daemon(wait=False)
            self.assertEqual(d.wait(), 1)
            self.assertIn(words, d.words())
            with open(self.path, encoding="utf-8") as f:
                self.assertEqual(f.read(), text)

    def test_a_folder_that_cannot_be_written(self):
        d = Daemon("--state", os.path.join(self.dir.name, "none", "state.json"))
        self.addCleanup(d.close)
        e = d.refused("state_sync")
        self.assertEqual(e["code"], -2)
        self.assertEqual(d.ok("bdev_get_bdevs"), [])
        d.stop()
        d = Daemon()
        self.addCleanup(d.close)
        self.assertIn("--state", d.refused("state_sync")["message"])
        d.stop()

    def test_killed_at_random_moments(self):
        """What was there at a state_sync is there after SIGKILL; the file is always whole."""
        rnd = random.Random(20261126)
        made = 0
        for _ in range(ROUNDS):
            d = self.run_daemon()
            before = self.names(d)
            self.assertEqual(before, [f"n{i}" for i in range(len(before))])
            self.assertGreaterEqual(len(before), made)
            made = len(before)
            for i in range(made, made + 5):
                d.ok("bdev_null_create", {"name": f"n{i}", "num_blocks": 8, "block_size": 512})
            d.ok("state_sync")
            made += 5
            # and more of which some may be lost, but none in between
            with d.connect() as s:
                s.sendall(b"".join(json.dumps({"id": i, "method": "bdev_null_create", "params": {
                    "name": f"n{i}", "num_blocks": 8, "block_size": 512}}).encode()
                    for i in range(made, made + 40)))
                time.sleep(rnd.random() * 0.25)
                d.process.send_signal(signal.SIGKILL)
                d.process.wait()
            self.assertGreaterEqual(
                len([c for c in self.kept()["subsystems"][0]["config"]
                     if c["method"] == "bdev_null_create"]), made)
        d = self.run_daemon()
        self.assertGreaterEqual(len(self.names(d)), 5 * ROUNDS)
        d.stop()


if __name__ == "__main__":
    unittest.main()
