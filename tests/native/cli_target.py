#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""weft target: a real target that the tool sets up, asks and stops over its socket."""
import concurrent.futures
import contextlib
import json
import os
import pwd
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from daemon import BIN, DaemonTest
from tcp_disk import free_port
from tool import CLI, FAILED, MISSING, NQN, OK, USAGE, CliTest, TargetTest, weft


def answer_once(listener, answer):
    """Be a target for one call."""
    conn, _ = listener.accept()
    with conn:
        conn.recv(65536)
        conn.sendall(json.dumps(answer).encode() + b"\n")


class Target(TargetTest):
    def listing(self, *args):
        return json.loads(self.run_cli(OK, *args, "--json").out)

    def test_nobody_listens(self):
        gone = self.daemon.path + ".gone"
        self.expect(MISSING, "target", "bdev", "list", "-r", gone, says="no target listens there")
        self.expect(MISSING, "target", "status", env={"WEFT_RPC_SOCKET": gone}, says=gone)

    @unittest.skipIf(os.geteuid(), "only root can be somebody else")
    def test_somebody_else_listens(self):
        """Gets nothing, unless named by number or name."""
        with tempfile.TemporaryDirectory() as d, socket.socket(socket.AF_UNIX) as s:
            s.bind(d + "/sock")
            os.seteuid(65534)
            try:
                s.listen()
            finally:
                os.seteuid(0)
            command = "target", "rpc", "spdk_get_version", "-r", d + "/sock"
            s.settimeout(60)
            for env in {}, {"WEFT_RPC_USER": "1"}, {"WEFT_RPC_USER": ""}, {"WEFT_RPC_USER": "-"}:
                self.expect(FAILED, *command, env=env, says="user 65534 listens there")
                with s.accept()[0] as client:
                    self.assertEqual(client.recv(1), b"")

            def serve():
                with s.accept()[0] as client:
                    client.recv(65536)
                    client.sendall(b'{"jsonrpc":"2.0","id":1,"result":true}\n')

            for user in "65534", pwd.getpwuid(65534).pw_name:
                thread = threading.Thread(target=serve)
                thread.start()
                self.expect(OK, *command, env={"WEFT_RPC_USER": user})
                thread.join()

    def test_status(self):
        env = {"WEFT_RPC_SOCKET": self.daemon.path}
        r = self.expect(OK, "target", "status", env=env, says=("Weft v", "bdevs: none", "CORE"))
        self.assertIn(f"process {self.daemon.process.pid},", r.out)
        status = self.listing("status")
        self.assertTrue(status["running"])
        self.assertEqual(status["reactors"]["pid"], self.daemon.process.pid)

    def test_bdevs(self):
        self.assertEqual(self.run_cli(OK, "bdev", "add", "malloc", "m", "64M").out, "m\n")
        self.run_cli(OK, "bdev", "add", "null", "n", "1TiB", "--block-size", "4K",
                     "--uuid", "0f01fb42-9f7f-4856-b0b3-51e60b8de349")
        made = {b["name"]: b for b in self.listing("bdev", "list")}
        self.assertEqual((made["m"]["num_blocks"], made["m"]["block_size"]), (131072, 512))
        self.assertEqual((made["n"]["num_blocks"], made["n"]["block_size"]), (1 << 28, 4096))
        self.assertEqual(made["n"]["uuid"], "0f01fb42-9f7f-4856-b0b3-51e60b8de349")
        self.run_cli(OK, "bdev", "list", says=("malloc", "64 MiB", "1 TiB"))
        self.assertEqual(len(self.listing("bdev", "list", "m")), 1)
        self.run_cli(OK, "bdev", "stat", says=("NAME", "m", "n"))
        self.assertEqual(len(self.listing("bdev", "stat", "n")["bdevs"]), 1)
        # once more is no mistake, something else is
        self.run_cli(OK, "bdev", "add", "malloc", "m", "64M")
        self.run_cli(FAILED, "bdev", "add", "malloc", "m", "32M", says="num_blocks")
        for verb in "list", "stat", "del":
            self.run_cli(MISSING, "bdev", verb, "nosuch", says="nosuch")
        self.run_cli(OK, "bdev", "del", "m")
        self.run_cli(OK, "bdev", "del", "n")
        self.assertEqual(self.listing("bdev", "list"), [])

    def test_sizes_and_parts(self):
        """Of disks that are there: sizes change, parts come and go."""
        sizes = {"physical-block-size": "4096", "write-granularity": "16", "write-alignment": "4",
                 "write-size": "64", "unmap-granularity": "256", "unmap-alignment": "128"}
        self.run_cli(OK, "bdev", "add", "null", "n", "8M", *(
            word for k, v in sizes.items() for word in ("--" + k, v)))
        made = self.listing("bdev", "list", "n")[0]
        self.assertEqual([made[k] for k in (
            "physical_block_size", "preferred_write_granularity", "preferred_write_alignment",
            "optimal_write_size", "preferred_unmap_granularity", "preferred_unmap_alignment")],
                         [int(v) for v in sizes.values()])
        for size in "0", "x", "1000K":
            self.run_cli(USAGE, "bdev", "resize", "n", size, says="a multiple of 1M")
        self.run_cli(OK, "bdev", "resize", "n", "1G")
        self.assertEqual(self.listing("bdev", "list", "n")[0]["num_blocks"], 1 << 21)
        self.run_cli(FAILED, "bdev", "rescan", "n", says="n is of kind null")
        with tempfile.NamedTemporaryFile(prefix="cli-test-") as f:
            f.truncate(1 << 20)
            self.run_cli(OK, "bdev", "add", "file", "f", f.name)
            f.truncate(2 << 20)
            self.run_cli(OK, "bdev", "rescan", "f")
            self.assertEqual(self.listing("bdev", "list", "f")[0]["num_blocks"], 4096)
        self.run_cli(OK, "bdev", "split", "n", "2")
        self.run_cli(FAILED, "bdev", "del", "np0", says="'weft target bdev unsplit BASE'")
        self.run_cli(OK, "bdev", "unsplit", "n")
        self.assertEqual([b["name"] for b in self.listing("bdev", "list")], ["n", "f"])
        self.run_cli(MISSING, "bdev", "unsplit", "n")

    def test_log(self):
        self.run_cli(OK, "log", "level", "DEBUG")
        self.assertEqual(self.daemon.ok("log_get_level"), "DEBUG")
        self.assertEqual(self.run_cli(OK, "log", "level").out, "DEBUG\n")
        self.run_cli(OK, "log", "level", "NOTICE")
        self.run_cli(FAILED, "log", "level", "LOUD", says="LOUD")
        flags = self.listing("log", "flag")
        one = sorted(flags)[0]
        self.run_cli(OK, "log", "flag", one, "on")
        self.assertEqual(self.daemon.ok("log_get_flags"), dict(flags, **{one: True}))
        self.assertRegex(self.run_cli(OK, "log", "flag").out, rf"\n{one} +yes\n")
        self.run_cli(OK, "log", "flag", "all", "off")
        self.assertEqual(self.daemon.ok("log_get_flags"), dict.fromkeys(flags, False))
        self.run_cli(USAGE, "log", "flag", one, says="on|off is missing")
        self.run_cli(USAGE, "log", "flag", one, "maybe", says="on or off")
        self.run_cli(FAILED, "log", "flag", "nonsense", "on", says="nonsense")

    def test_file_below_the_working_directory(self):
        with tempfile.NamedTemporaryFile(dir=".", prefix="cli-test-") as f:
            f.truncate(10 << 20)
            self.run_cli(OK, "bdev", "add", "file", "f", os.path.relpath(f.name))
            self.run_cli(OK, "bdev", "list", says=("file", "10 MiB", os.path.basename(f.name)))
            self.run_cli(OK, "bdev", "del", "f")
        self.run_cli(MISSING, "bdev", "add", "file", "f", "/nosuch/file")

    def test_subsystems(self):
        self.run_cli(OK, "subsystem", "add", NQN, "--serial", "S1", "--model", "two words",
                     "--max-namespaces", "4")
        made = self.listing("subsystem", "list", NQN)[0]
        self.assertEqual([made[k] for k in ("serial_number", "model_number", "max_namespaces",
                                            "allow_any_host")], ["S1", "two words", 4, False])
        self.run_cli(FAILED, "subsystem", "add", NQN, "--serial", "S2", says="serial_number")
        self.run_cli(FAILED, "subsystem", "add", "nonsense\x1b[2J")
        self.run_cli(OK, "subsystem", "list", says=(NQN, "serial S1, model two words"))
        self.assertEqual(self.listing("controllers", NQN), [])
        self.run_cli(OK, "subsystem", "del", NQN)
        other = "nqn.2026-11.io.weft:other"
        for args in (("subsystem", "list", other), ("subsystem", "del", other),
                     ("ns", "add", other, "m"), ("ns", "del", other, "1"),
                     ("host", "add", other, NQN), ("host", "del", other, NQN),
                     ("host", "any", other, "on"), ("controllers", other),
                     ("listener", "add", other, "rdma", "10.9.0.1"),
                     ("listener", "del", other, "rdma", "10.9.0.1")):
            self.run_cli(MISSING, *args, says="No such subsystem")

    def test_namespaces(self):
        self.run_cli(OK, "subsystem", "add", NQN)
        self.run_cli(OK, "bdev", "add", "malloc", "a", "1M")
        self.run_cli(OK, "bdev", "add", "malloc", "b", "1M")
        self.assertEqual(self.run_cli(OK, "ns", "add", NQN, "a", "--nsid", "7").out, "7\n")
        self.assertEqual(self.run_cli(OK, "ns", "add", NQN, "b", "--eui64",
                                      "0123456789abcdef").out, "1\n")
        self.run_cli(OK, "subsystem", "list", NQN, says=("namespace 1: b", "namespace 7: a"))
        self.run_cli(MISSING, "ns", "add", NQN, "nosuch", says="nosuch")
        for verb in "add", "del":
            self.run_cli(MISSING, "ns", "host", verb, NQN, "3", NQN + ":host", says="nsid=3")
            self.run_cli(FAILED, "ns", "host", verb, NQN, "1", NQN + ":host", says="every host")
        self.run_cli(MISSING, "ns", "del", NQN, "2", says="nsid=2")
        self.run_cli(OK, "ns", "del", NQN, "7")
        self.assertEqual([n["nsid"] for n in self.listing("subsystem", "list", NQN)[0]
                          ["namespaces"]], [1])

    def test_hosts(self):
        self.run_cli(OK, "subsystem", "add", NQN)
        host = "nqn.2026-11.io.weft:host1"
        self.run_cli(OK, "host", "add", NQN, host)
        self.run_cli(OK, "subsystem", "list", NQN, says=("only those listed", "host " + host))
        self.run_cli(OK, "host", "any", NQN, "on")
        self.assertTrue(self.listing("subsystem", "list", NQN)[0]["allow_any_host"])
        self.run_cli(OK, "host", "any", NQN, "off")
        self.run_cli(OK, "host", "del", NQN, host)
        self.run_cli(MISSING, "host", "del", NQN, host, says=host)
        self.assertEqual(self.listing("subsystem", "list", NQN)[0]["hosts"], [])

    def test_completion_of_hosts(self):
        """Where a host is wanted: those that are admitted, and those that have limits."""
        self.run_cli(OK, "subsystem", "add", NQN)
        self.run_cli(OK, "subsystem", "add", NQN + "2", "--allow-any-host")
        hosts = [NQN + ":host" + x for x in "abc"]
        self.run_cli(OK, "host", "add", NQN, hosts[1])
        self.run_cli(OK, "host", "add", NQN, hosts[0])
        self.run_cli(OK, "host", "limit", hosts[2], "--iops", "1000")
        for typed, offered in ("", hosts), (hosts[1], hosts[1:2]):
            self.assertEqual(self.complete("target", "host", "limit", typed,
                                           WEFT_RPC_SOCKET=self.daemon.path), offered)
        self.assertIn(NQN + "2", self.complete("target", "host", "add", "",
                                               WEFT_RPC_SOCKET=self.daemon.path))

    def test_listeners(self):
        self.run_cli(OK, "subsystem", "add", NQN)
        # there is no transport in this test: what arrives at the target is refused
        for address in "10.9.0.1", "10.9.0.1:4421", "::1", "[::1]:4420", "fe80::1%lo":
            self.assertNotEqual(self.run_cli_any("listener", "add", NQN, "rdma", address), USAGE)
            self.run_cli(MISSING, "listener", "del", NQN, "rdma", address, says="does not listen")

    def test_listener_in_other_words(self):
        self.run_cli(OK, "subsystem", "add", NQN)
        self.run_cli(OK, "transport", "add", "tcp")
        where = NQN, "tcp", f"[0:0:0:0:0:0:0:1]:{free_port(socket.AF_INET6)}"
        self.run_cli(OK, "listener", "add", *where)
        self.run_cli(OK, "listener", "del", *where)
        self.run_cli(MISSING, "listener", "del", *where, says="does not listen")

    def run_cli_any(self, *args):
        return weft("target", *args, "-r", self.daemon.path).code

    def test_every_method_has_a_command(self):
        """Of those that set up the target and list what it does."""
        other = {"nvmf_create_target", "nvmf_get_targets",      # there is one
                 "nvmf_set_crdt", "nvmf_set_max_subsystems"}    # of no effect here
        with open(CLI, "rb") as f:
            program = f.read()
        methods = [m for m in self.daemon.ok("rpc_get_methods") if m.startswith("nvmf_")]
        self.assertGreater(len(methods), 30)
        self.assertEqual({m for m in methods if m.encode() + b"\0" not in program}, other)

    def transport_options(self):
        """Name and type of each that has an effect, from the reference of the RPCs."""
        done = subprocess.run([BIN, "--rpc-reference"], capture_output=True, text=True, check=True)
        section = done.stdout.split("## nvmf_create_transport\n")[1].split("\n## ")[0]
        return re.findall(r"^\| `(\w+)` \| (number|boolean) \| +\| (?!only |older )", section, re.M)

    def test_every_transport_option(self):
        """Each parameter of the RPCs has an option; what it says arrives."""
        words = {"in_capsule_data_size": "in-capsule-size", "io_unit_size": "buffer-size",
                 "num_shared_buffers": "buffers", "max_io_qpairs_per_ctrlr": "max-io-queues",
                 "acceptor_backlog": "backlog", "abort_timeout_sec": "abort-timeout"}
        options = [(name, "--" + words.get(name, name.replace("_", "-")), kind)
                   for name, kind in self.transport_options()]
        self.assertGreater(len(options), 15)
        usage = self.run_cli(OK, "transport", "add", "--help").out
        self.run_cli(OK, "transport", "add", "tcp", "--c2h-success", "off", "--kas", "20")
        created = self.daemon.ok("nvmf_get_transports")[0]
        self.assertEqual((created["c2h_success"], created["kas"]), (False, 20))
        fixed = {"in_capsule_data_size", "max_io_size", "io_unit_size", "num_shared_buffers"}
        for name, word, kind in options:
            value = "on" if kind == "boolean" else "1000"
            self.assertIn(f" {word} {'on|off' if kind == 'boolean' else ''}", usage)
            if name in fixed:
                self.run_cli(FAILED, "transport", "set", "tcp", word, value, says=name)
                continue
            value = {"sock_priority": "5"}.get(name, value)
            self.run_cli(OK, "transport", "set", "tcp", word, value)
            now = self.daemon.ok("nvmf_get_transports")[0]
            if name in now:     # those of RDMA are taken without effect
                self.assertEqual(str(now[name]), {"on": "True"}.get(value, value), name)
        self.run_cli(USAGE, "transport", "set", "tcp", "--c2h-success", "yes",
                     says="--c2h-success yes: on or off is accepted")
        self.run_cli(OK, "transport", "del", "tcp")

    def test_paths(self):
        """ANA states, groups, hidden namespaces, limits of namespaces, connections."""
        self.run_cli(OK, "transport", "add", "tcp", "--transfer-timeout", "5000")
        self.run_cli(OK, "subsystem", "add", NQN, "--ana", "--static-cntlid", "--nssr")
        self.run_cli(OK, "bdev", "add", "malloc", "m", "1M")
        self.run_cli(OK, "ns", "add", NQN, "m", "--group", "3", "--hidden")
        self.run_cli(OK, "listener", "add", NQN, "tcp", f"127.0.0.1:{self.port()}",
                     "--ana-state", "change")
        ana = ("listener", "ana", NQN, "tcp", f"127.0.0.1:{self.port()}")
        self.run_cli(OK, "listener", "list", NQN, says="1-32 change")
        self.run_cli(OK, *ana, "optimized")
        self.run_cli(OK, *ana, "inaccessible", "--group", "7")
        self.run_cli(OK, "listener", "list", NQN,
                     says="1-6 optimized, 7 inaccessible, 8-32 optimized")
        self.run_cli(FAILED, *ana, "perfect", says="perfect")
        self.run_cli(USAGE, "listener", "ana", NQN, "tcp", "x", "change", says="ADDR")
        self.run_cli(OK, "ns", "group", NQN, "1", "7")
        self.run_cli(USAGE, "ns", "group", NQN, "0", "7", says="NSID")
        self.run_cli(USAGE, "ns", "group", NQN, "1", "x", says="GROUP")
        self.run_cli(OK, "ns", "host", "add", NQN, "1", NQN + ":host")
        self.run_cli(OK, "ns", "host", "del", NQN, "1", NQN + ":host")
        self.run_cli(OK, "ns", "host", "add", NQN, "1", NQN + ":other")
        self.run_cli(OK, "ns", "limit", NQN, "1", "--iops", "5000", "--read-mib", "3")
        self.run_cli(MISSING, "ns", "limit", NQN, "2", "--iops", "5000", says="nsid=2")
        self.run_cli(MISSING, "queues", NQN + "x")
        self.assertEqual(json.loads(self.run_cli(OK, "queues", NQN, "--json").out), [])
        saved = str(self.daemon.ok("save_config"))
        for words in ("'anagrpid': 7", "'no_auto_visible': True", f"'host': '{NQN}:other'",
                      "'rw_ios_per_sec': 5000", "'static_cntlid': True", "'enable_nssr': True",
                      "'transfer_timeout': 5000"):
            self.assertIn(words, saved)
        self.run_cli(FAILED, "transport", "del", "tcp", says="listener")
        self.run_cli(OK, "transport", "set", "tcp", "--max-queue-depth", "64")
        self.assertEqual(self.daemon.ok("nvmf_get_transports")[0]["max_queue_depth"], 64)
        self.run_cli(FAILED, "transport", "set", "tcp", "--max-io-size", "64K", says="max_io_size")
        self.run_cli(OK, "subsystem", "del", NQN)
        self.run_cli(OK, "transport", "del", "tcp")

    def test_many_states(self):
        """All groups of a listener are listed, however little they have in common."""
        self.run_cli(OK, "transport", "add", "tcp")
        self.run_cli(OK, "subsystem", "add", NQN, "--ana", "--max-namespaces", "128")
        self.run_cli(OK, "listener", "add", NQN, "tcp", f"127.0.0.1:{self.port()}")
        at = {"trtype": "TCP", "adrfam": "IPv4", "traddr": "127.0.0.1", "trsvcid": str(self.port())}
        for group in range(2, 129, 2):
            self.daemon.ok("nvmf_subsystem_listener_set_ana_state", {
                "nqn": NQN, "listen_address": at, "ana_state": "inaccessible", "anagrpid": group})
        self.run_cli(OK, "listener", "list", NQN, says=", ".join(
            f"{g} optimized, {g + 1} inaccessible" for g in range(1, 129, 2)) + "\n")

    def test_discovery_service(self):
        self.run_cli(OK, "referral", "add", "tcp", "192.0.2.1:8009")
        self.run_cli(OK, "referral", "add", "tcp", "[2001:db8::1]:8009", "--nqn", NQN)
        rows = self.run_cli(OK, "referral", "list").out.splitlines()
        self.assertRegex(rows[1], r"TCP +192\.0\.2\.1 +8009 +nqn\.2014-08\.org")
        self.assertRegex(rows[2], rf"TCP +2001:db8::1 +8009 +{NQN}")
        self.run_cli(OK, "referral", "del", "tcp", "192.0.2.1:8009")
        self.run_cli(MISSING, "referral", "del", "tcp", "192.0.2.1:8009", says="no referral")
        self.assertEqual(len(json.loads(self.run_cli(OK, "referral", "list", "--json").out)), 1)
        self.run_cli(USAGE, "set", says="give an option")
        self.run_cli(OK, "set", "--discovery-nqn", NQN, "--discovery-filter", "address,svcid",
                     "--dup-host-policy", "restrict_per_listener")
        self.run_cli(FAILED, "set", "--dup-host-policy", "x", says="dup_host_policy=x")
        saved = str(self.daemon.ok("save_config"))
        for words in f"'discovery_nqn': '{NQN}'", "'address,svcid'", "'restrict_per_listener'":
            self.assertIn(words, saved)

    def port(self):
        """One that nothing listens at, the same for the whole test."""
        if not hasattr(self, "chosen"):
            with socket.socket() as s:
                s.bind(("127.0.0.1", 0))
                self.chosen = s.getsockname()[1]
        return self.chosen

    def test_raw_calls(self):
        self.assertIn("bdev_get_bdevs", json.loads(self.run_cli(OK, "rpc", "rpc_get_methods").out))
        answer = self.run_cli(OK, "rpc", "bdev_null_create",
                              '{"name":"n","num_blocks":8,"block_size":512}').out
        self.assertEqual(json.loads(answer), "n")
        self.run_cli(MISSING, "rpc", "bdev_get_bdevs", '{"name":"x"}', says="(code -19)")
        self.run_cli(FAILED, "rpc", "nonsense", says="nonsense: Method not found")
        self.run_cli(FAILED, "rpc", "bdev_get_bdevs", '{"nonsense":1}', says="nonsense")

    def connected(self):
        """How many connections to the daemon there are that it has not accepted."""
        with open("/proc/net/unix", encoding="utf-8", errors="surrogateescape") as f:
            return sum(line.endswith(f" {self.daemon.path}\n") for line in f) - 1

    def test_a_target_that_stands_still(self):
        """A request that is not taken, a connection that is not: both wait at the same time."""
        large = os.path.join(self.daemon.dir.name, "large.json")
        with open(large, "w", encoding="utf-8") as f:
            json.dump({"subsystems": [{"subsystem": "x" * (1 << 20)}]}, f)
        os.kill(self.daemon.process.pid, signal.SIGSTOP)
        waiting = []
        try:
            with concurrent.futures.ThreadPoolExecutor() as pool:
                first = pool.submit(self.run_cli, FAILED, "config", "load", large,
                                    says="does not take the request")
                while not self.connected() and not first.done():
                    time.sleep(0.01)
                with contextlib.suppress(BlockingIOError):
                    while True:
                        waiting.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                        waiting[-1].setblocking(False)
                        waiting[-1].connect(self.daemon.path)
                self.run_cli(FAILED, "bdev", "list", says="not accepted within")
                first.result()
        finally:
            os.kill(self.daemon.process.pid, signal.SIGCONT)
            for s in waiting:
                s.close()
        self.run_cli(OK, "bdev", "list")
        # now it is taken, in as many pieces as it comes
        self.run_cli(OK, "config", "load", large)

    def test_top(self):
        for seconds in "0", "86401", "9223372036854775808", "x":
            self.run_cli(USAGE, "top", "--interval", seconds, "--times", "1",
                         says=f"--interval {seconds}:")
        self.run_cli(OK, "top", "--interval", "1", "--times", "1", says=("NAMESPACE", "READ/S"))

    def test_top_ends_when_interrupted(self):
        """While it naps, and while the target does not answer."""
        for still in False, True:
            if still:
                os.kill(self.daemon.process.pid, signal.SIGSTOP)
            top = subprocess.Popen([CLI, "target", "top", "--interval", "3600", "-r",
                                    self.daemon.path], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
            try:
                self.wait_until_caught(top.pid, signal.SIGINT)
                top.send_signal(signal.SIGINT)
                out, err = top.communicate(timeout=60)
            finally:
                top.kill()
                if still:
                    os.kill(self.daemon.process.pid, signal.SIGCONT)
            self.assertEqual((top.returncode, out, err), (OK, "", ""))

    def wait_until_caught(self, pid, sig):
        """Until that process has a handler of this signal and sleeps."""
        for _ in range(600):
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                status = f.read()
            caught = int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16)
            if caught >> (sig - 1) & 1 and "State:\tS" in status:
                return
            time.sleep(0.1)
        self.fail(f"process {pid} does not catch signal {sig}")

    def test_what_a_target_says_is_one_line(self):
        """It moves no cursor and begins no line."""
        path = os.path.join(self.daemon.dir.name, "hostile.sock")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.bind(path)
            s.listen()
            answer = {"jsonrpc": "2.0", "id": 1, "error": {
                "code": -19, "message": "no\nweft: done\r\x1b[2J\x9b2J\x7f\u202e"}}
            server = threading.Thread(target=answer_once, args=(s, answer))
            server.start()
            r = self.expect(MISSING, "target", "bdev", "list", "-r", path)
            server.join()
        self.assertEqual(r.err, "weft: bdev_get_bdevs: no\\x0aweft: done\\x0d\\x1b[2J"
                                "\\xc2\\x9b2J\\x7f\\xe2\\x80\\xae (code -19)\n")

    def test_stop(self):
        self.run_cli(OK, "stop")
        # a process that has ended, though nobody has waited for it yet
        self.assertIsNotNone(self.daemon.process.poll())
        self.assertEqual(self.daemon.process.returncode, 0)
        self.run_cli(MISSING, "stop")


class NotStarted(DaemonTest, CliTest):
    args = ("--wait-for-rpc",)

    def test_status(self):
        self.expect(OK, "target", "status", "-r", self.daemon.path, says="not started")
        self.expect(FAILED, "target", "bdev", "list", "-r", self.daemon.path,
                    says="framework_start_init")
        self.expect(OK, "target", "start", "-r", self.daemon.path)
        self.expect(OK, "target", "bdev", "list", "-r", self.daemon.path)
        self.expect(FAILED, "target", "start", "-r", self.daemon.path)


if __name__ == "__main__":
    unittest.main()
