#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""What is counted and limited under real I/O: statistics, metrics, limits, faults; and
metrics clients that misbehave."""
import base64
import json
import os
import re
import socket
import struct
import subprocess
import time
import unittest

from tcp_disk import (CLI, FAILED, HOST, MEDIA, MISSING, NQN, OK, SPECIFIC, USAGE, TcpTest,
                      environment)
from tcp_host import Host


WAITS = "host_limit", "namespace_limit", "bdev_limit", "lock", "memory", "fence"


class Counted(TcpTest):
    args = ("--metrics", "127.0.0.1:0")

    def setUp(self):
        super().setUp()
        self.http = int(re.search(r"metrics at .*, port (\d+)", self.daemon.words())[1])

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.http), timeout=60)
        self.addCleanup(s.close)
        return s

    def ask(self, request):
        with self.connect() as s:
            s.sendall(request)
            out = b""
            while chunk := s.recv(65536):
                out += chunk
        return out.decode()

    def metrics(self):
        """Values by name and labels."""
        head, _, body = self.ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").partition("\r\n\r\n")
        self.assertTrue(head.startswith("HTTP/1.0 200 OK\r\n"), head)
        self.assertIn("application/openmetrics-text", head)
        self.assertIn(f"Content-Length: {len(body)}", head)
        self.assertTrue(body.endswith("# EOF\n"))
        values, typed = {}, set()
        for line in body.splitlines():
            if line.startswith("#"):
                if line.startswith("# TYPE"):
                    name = line.split()[2]
                    self.assertNotIn(name, typed)       # a family is in one piece
                    typed.add(name)
                continue
            m = re.fullmatch(r'(\w+)\{((?:\w+="(?:[^"\\]|\\.)*",?)*)\} (\S+)', line)
            self.assertTrue(m, line)
            self.assertNotIn((m[1], m[2]), values)
            values[m[1], m[2]] = float(m[3])
        return values

    @staticmethod
    def waits(m):
        return {re.search('reason="(.*)"', labels)[1]: value for (name, labels), value in m.items()
                if name == "weft_reactor_waits_total"}

    def run_io(self):
        self.perf("--pattern", "read", "--count", 40, "--block-size", 4096)
        self.perf("--pattern", "write", "--count", 24, "--block-size", 8192)

    def test_everywhere_the_same(self):
        self.run_io()
        st = self.daemon.ok("nvmf_get_statistics")
        want = dict(read_ops=40, write_ops=24, bytes_read=40 * 4096, bytes_written=24 * 8192,
                    errors=0)
        sub = [s for s in st["subsystems"] if s["nqn"] == NQN][0]
        host = [h for h in st["hosts"] if h["hostnqn"] == HOST][0]
        for where in sub, sub["namespaces"][0], host, st["reactors"][0]:
            self.assertEqual({k: where[k] for k in want}, want)
            self.assertEqual(sum(where["read_latency_log2"]), 40)
            self.assertEqual(sum(where["write_latency_log2"]), 24)
        self.assertEqual((sub["namespaces"][0]["nsid"], sub["namespaces"][0]["bdev_name"]),
                         (1, "disk1"))
        self.assertEqual(st["connections"], [])         # nobody is connected any more
        # a namespace that leaves takes nothing away from its subsystem
        self.daemon.ok("nvmf_subsystem_remove_ns", {"nqn": NQN, "nsid": 1})
        sub = [s for s in self.daemon.ok("nvmf_get_statistics")["subsystems"]
               if s["nqn"] == NQN][0]
        self.assertEqual((sub["read_ops"], sub["namespaces"]), (40, []))

    def test_of_each_connection(self):
        with Host(("127.0.0.1", self.port), queues=2, subnqn=NQN) as h:
            for lba in range(3):
                h.io[0].write(lba, bytes(1024))
            h.io[0].read(0, 1)
            for _ in range(5):
                h.io[1].read(0, 4)
            st = self.daemon.ok("nvmf_get_statistics")
            rows = {c["qid"]: c for c in st["connections"]}
            self.assertEqual(sorted(rows), [1, 2])
            for qid, reads, size, writes in (1, 1, 512, 3), (2, 5, 5 * 2048, 0):
                row = rows[qid]
                self.assertEqual((row["read_ops"], row["bytes_read"], row["write_ops"],
                                  row["bytes_written"], row["errors"]),
                                 (reads, size, writes, writes * 1024, 0), qid)
                self.assertEqual((sum(row["read_latency_log2"]), sum(row["write_latency_log2"])),
                                 (reads, writes))
                self.assertEqual((row["cntlid"], row["nqn"], row["hostnqn"]),
                                 (h.cntlid, NQN, h.names["hostnqn"]))

    def test_metrics(self):
        self.run_io()
        m = self.metrics()
        ns = f'nqn="{NQN}",nsid="1",bdev_name="disk1"'
        self.assertEqual(m["weft_namespace_ops_total", ns + ',op="read"'], 40)
        self.assertEqual(m["weft_namespace_bytes_total", ns + ',op="write"'], 24 * 8192)
        self.assertEqual(m["weft_host_ops_total", f'hostnqn="{HOST}",op="write"'], 24)
        self.assertEqual(m["weft_namespace_latency_seconds_count", ns + ',op="read"'], 40)
        self.assertEqual(m["weft_namespace_latency_seconds_bucket",
                           ns + ',op="read",le="+Inf"'], 40)
        # sums over histograms need the same bounds of all, however long their commands took
        bounds = {}
        for name, labels in m:
            if name.endswith("_latency_seconds_bucket"):
                series, le = labels.rsplit(',le=', 1)
                bounds.setdefault((name, series), []).append(le)
        self.assertGreater(len(bounds), 4)
        self.assertEqual({len(b) for b in bounds.values()}, {32})
        self.assertEqual(len({tuple(b) for b in bounds.values()}), 1)
        self.assertEqual(m["weft_build_info", 'version="0.1.0"'], 1)
        self.assertTrue(any(k[0] == "weft_reactor_busy_seconds_total" for k in m))
        self.assertEqual(self.waits(m), dict.fromkeys(WAITS, 0))
        self.assertTrue(any(k[0] == "weft_transport" for k in m))
        again = self.metrics()
        self.assertEqual({k for k in again if k[0].startswith("weft_namespace")},
                         {k for k in m if k[0].startswith("weft_namespace")})
        self.daemon.ok("bdev_set_qos_limit", {"name": "disk1", "rw_ios_per_sec": 1000})
        self.perf("--pattern", "read", "--count", 100, "--depth", 16)
        waits = self.daemon.ok("nvmf_get_statistics")["reactors"][0]["waits"]
        self.assertGreater(waits["bdev_limit"], 0)
        self.assertEqual(sum(waits.values()), waits["bdev_limit"])
        self.assertEqual(self.waits(self.metrics()), waits)

    def test_labels_are_escaped(self):
        d = self.daemon
        d.ok("bdev_null_create", {"name": 'a"b\\c', "num_blocks": 8, "block_size": 512})
        d.ok("nvmf_create_subsystem", {"nqn": "nqn.2026-11.io.weft:q"})
        d.ok("nvmf_subsystem_add_ns", {"nqn": "nqn.2026-11.io.weft:q",
                                       "namespace": {"bdev_name": 'a"b\\c'}})
        self.assertIn(("weft_namespace_errors_total",
                       r'nqn="nqn.2026-11.io.weft:q",nsid="1",bdev_name="a\"b\\c"'),
                      self.metrics())

    def test_odd_requests(self):
        for request, status in (
                (b"GET / HTTP/1.0\r\n\r\n", 404), (b"GET /metricsx HTTP/1.0\r\n\r\n", 404),
                (b"POST /metrics HTTP/1.0\r\n\r\n", 405), (b"\r\n\r\n", 405),
                (b"GET /metrics\n\n", 200), (b"GET /metrics?x=1 HTTP/1.0\n\n", 200),
                (b"GET /metrics \0 HTTP/1.0\r\n\r\n", 400), (b"x" * 5000, 400),
                (b"GET " + b"/" * 4096, 400)):
            self.assertTrue(self.ask(request).startswith(f"HTTP/1.0 {status} "), request[:40])

    def served(self):
        """In the end, when those before have been noticed to be gone."""
        for _ in range(1000):
            try:
                return self.metrics()
            except (ConnectionError, AssertionError):
                time.sleep(0.02)
        return self.metrics()

    def test_hostile_clients(self):
        # those that say nothing, half of something, or go away while they are answered
        quiet = [self.connect() for _ in range(8)]
        half = [self.connect() for _ in range(4)]
        for s in half:
            s.sendall(b"GET /metr")
        for _ in range(50):
            with self.connect() as s:
                s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        # one that does not read; its answer waits in the socket, and nobody waits for it
        lazy = self.connect()
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        lazy.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        self.served()
        # more than are served: closed without a word, and the others still are
        more = [self.connect() for _ in range(16)]
        closed = 0
        for s in more:
            s.settimeout(0.2)
            try:
                closed += s.recv(1) == b""
            except ConnectionError:
                closed += 1
            except TimeoutError:
                pass
        self.assertGreater(closed, 0)
        for s in quiet + half + more + [lazy]:
            s.close()
        self.served()
        self.assertEqual(self.daemon.ok("bdev_get_bdevs")[0]["name"], "disk1")

    def test_top(self):
        out = subprocess.run([CLI, "target", "top", "--rpc-socket", self.daemon.path,
                              "--times", "2", "--connections"], capture_output=True,
                             text=True, timeout=120, check=True, env=environment())
        self.assertEqual(out.stderr, "")
        self.assertEqual(out.stdout.count("reactor 0"), 2)
        self.assertIn(NQN, out.stdout)

    def test_top_with_long_names(self):
        """Connections can be told apart, however long the names before them are."""
        d = self.daemon
        nqn, host = (NQN + ":" + c * 190 for c in "sh")
        d.ok("nvmf_create_subsystem", {"nqn": nqn, "allow_any_host": True})
        d.ok("bdev_null_create", {"name": "null", "num_blocks": 4096, "block_size": 512})
        d.ok("nvmf_subsystem_add_ns", {"nqn": nqn, "namespace": {"bdev_name": "null"}})
        self.listen(nqn)
        perf = subprocess.Popen([CLI, "perf", f"transport=tcp,traddr=127.0.0.1,nqn={nqn},"
                                 f"trsvcid={self.port},hostnqn={host},nr_io_queues=2",
                                 "--time", "3600", "--depth", "1"], stdout=subprocess.DEVNULL,
                                env=environment())
        try:
            while not {1, 2} <= {c["qid"] for c in d.ok("nvmf_get_statistics")["connections"]}:
                self.assertIsNone(perf.poll())
                time.sleep(0.02)
            out = subprocess.run([CLI, "target", "top", "-r", d.path, "--times", "1",
                                  "--connections"], capture_output=True, text=True, timeout=120,
                                 check=True, env=environment()).stdout
        finally:
            perf.kill()
            perf.wait()
        for qid in 1, 2:
            self.assertRegex(out, rf"{nqn} {host}:\d+:{qid} ")


class Limited(TcpTest):
    ZERO = dict.fromkeys(("rw_ios_per_sec", "rw_mbytes_per_sec", "r_mbytes_per_sec",
                          "w_mbytes_per_sec"), 0)

    def waits(self):
        each = [r["waits"] for r in self.daemon.ok("nvmf_get_statistics")["reactors"]]
        return {k: sum(w[k] for w in each) for k in each[0]}

    def test_host_and_namespace(self):
        d = self.daemon
        self.perf("--pattern", "randread", "--count", 100, "--depth", 16)
        self.assertEqual(self.waits(), dict.fromkeys(WAITS, 0))
        d.ok("nvmf_set_host_limits", {"host": HOST, "rw_ios_per_sec": 1000})
        r = self.perf("--pattern", "randrw", "--verify", "crc", "--count", 100, "--depth", 16)
        self.assertEqual((r["ios"], r["errors"]), (100, 0))
        # 41 may have saved up, and nothing is refused or lost
        first = self.waits()
        self.assertGreater(first["host_limit"], 0)
        self.assertEqual(first["namespace_limit"], 0)
        d.ok("nvmf_set_host_limits", {"host": HOST, "rw_ios_per_sec": 0})
        d.ok("nvmf_subsystem_set_ns_limits", {"nqn": NQN, "nsid": 1, "w_mbytes_per_sec": 1})
        r = self.perf("--pattern", "randread", "--count", 100, "--depth", 16)
        self.assertEqual(self.waits(), first)           # reads are free
        r = self.perf("--pattern", "randwrite", "--count", 40, "--depth", 16)
        self.assertEqual((r["ios"], r["errors"]), (40, 0))
        self.assertGreater(self.waits()["namespace_limit"], 0)

    def test_kept(self):
        d = self.daemon
        d.ok("nvmf_set_host_limits", {"host": HOST, "rw_ios_per_sec": 7, "r_mbytes_per_sec": 3})
        d.ok("nvmf_subsystem_set_ns_limits", {"nqn": NQN, "nsid": 1, "rw_mbytes_per_sec": 5})
        calls = d.ok("save_config")["subsystems"][1]["config"]
        self.assertIn({"method": "nvmf_set_host_limits", "params": dict(
            self.ZERO, host=HOST, rw_ios_per_sec=7, r_mbytes_per_sec=3)}, calls)
        self.assertIn({"method": "nvmf_subsystem_set_ns_limits", "params": dict(
            self.ZERO, nqn=NQN, nsid=1, rw_mbytes_per_sec=5)}, calls)
        st = d.ok("nvmf_get_statistics")
        host = [h for h in st["hosts"] if h["hostnqn"] == HOST][0]
        self.assertEqual(host["assigned_rate_limits"]["rw_ios_per_sec"], 7)
        for method, params in (("nvmf_set_host_limits", {"host": HOST}),
                               ("nvmf_set_host_limits", {"host": "", "rw_ios_per_sec": 1}),
                               ("nvmf_subsystem_set_ns_limits", {"nqn": NQN, "nsid": 2,
                                                                 "rw_ios_per_sec": 1}),
                               ("nvmf_subsystem_set_ns_limits", {"nqn": "x", "nsid": 1,
                                                                 "rw_ios_per_sec": 1})):
            d.refused(method, params)

    def test_changes_at_once(self):
        """Of different rates, by two clients: neither takes the other's back."""
        rates = {"rw_ios_per_sec": 7}, {"r_mbytes_per_sec": 3}
        for method, of in (("nvmf_set_host_limits", {"host": HOST}),
                           ("nvmf_subsystem_set_ns_limits", {"nqn": NQN, "nsid": 1})):
            for answer in self.daemon.at_once(*((method, {**of, **rate}) for rate in rates)):
                self.assertEqual(answer["result"], True)
            calls = self.daemon.ok("save_config")["subsystems"][1]["config"]
            self.assertIn({"method": method, "params": {**self.ZERO, **of, **rates[0], **rates[1]}},
                          calls)

    def held(self, *args):
        """A run that cannot end by itself for a long time."""
        p = subprocess.Popen([CLI, "perf", self.string(), "--pattern", "randread", "--depth", "16",
                              "--count", "10000", *args], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, env=environment())
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        return p

    def wait_until(self, reason):
        before = self.waits()[reason]
        while self.waits()[reason] < before + 8:
            pass

    def test_what_waits_ends(self):
        d = self.daemon
        # with the connection
        d.ok("nvmf_set_host_limits", {"host": HOST, "rw_ios_per_sec": 1})
        p = self.held()
        self.wait_until("host_limit")
        p.kill()
        p.wait()
        while d.ok("nvmf_subsystem_get_controllers", {"nqn": NQN}):
            pass
        d.ok("nvmf_set_host_limits", {"host": HOST, "rw_ios_per_sec": 0})
        # with the namespace
        d.ok("nvmf_subsystem_set_ns_limits", {"nqn": NQN, "nsid": 1, "rw_ios_per_sec": 1})
        p = self.held()
        self.wait_until("namespace_limit")
        self.assertTrue(d.ok("bdev_malloc_delete", {"name": "disk1"}))
        self.assertNotEqual(p.wait(120), OK)

    def test_what_waits_ends_with_the_daemon(self):
        self.daemon.ok("nvmf_set_host_limits", {"host": HOST, "rw_ios_per_sec": 1})
        self.held()
        self.wait_until("host_limit")


@unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "one core only")
class LimitedOnTwo(Limited):
    args = ("-m", ",".join(str(c) for c in sorted(os.sched_getaffinity(0))[:2]))

    def test_the_sum_is_limited(self):
        """Four queues on two reactors do not get more than one limit between them."""
        self.daemon.ok("bdev_set_qos_limit", {"name": "disk1", "rw_ios_per_sec": 400})
        begin = time.monotonic()
        r = self.perf("--pattern", "randrw", "--verify", "crc", "--count", 200, "--depth", 4,
                      more="nr_io_queues=4")
        # 2 x 17 may have saved up; the rest takes its time, whatever the machine
        self.assertGreater(time.monotonic() - begin, (200 - 40) / 400 * 0.9)
        self.assertEqual((r["ios"], r["errors"], r["verify"]["mismatches"]), (200, 0, 0))
        st = self.daemon.ok("nvmf_get_statistics")
        self.assertEqual(len(st["reactors"]), 2)
        for x in st["reactors"]:
            # each sleep is one
            self.assertGreaterEqual(x["fd_polls"], x["sleeps"])
            self.assertGreater(x["fd_polls"], 0)
        self.assertGreater(min(x["read_ops"] + x["write_ops"] for x in st["reactors"]), 0)
        rows = self.daemon.ok("bdev_get_iostat", {"name": "disk1", "per_channel": True})["channels"]
        self.assertEqual(sum(x["num_read_ops"] + x["num_write_ops"] for x in rows),
                         sum(x["read_ops"] + x["write_ops"] for x in st["reactors"]))


class Slow(TcpTest):
    """Latencies of a bdev that has some."""

    def serve(self):
        super().serve()
        d = self.daemon
        d.ok("nvmf_subsystem_remove_ns", {"nqn": NQN, "nsid": 1})
        d.ok("bdev_error_create", {"base_name": "disk1"})
        d.ok("bdev_delay_create", {"base_bdev_name": "EE_disk1", "name": "slow", **{
            f"{n}_latency": 2000 for n in ("avg_read", "p99_read", "avg_write", "p99_write")}})
        d.ok("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {"bdev_name": "slow", "nsid": 1}})

    def row(self, **more):
        return self.daemon.ok("bdev_get_iostat", dict(name="slow", **more))["bdevs"][0]

    def reset_by(self, reset):
        """Each mode begins anew with what it names, and with nothing else."""
        self.read(0, 1)
        self.daemon.ok("bdev_error_inject_error", {"name": "EE_disk1", "io_type": "read",
                                                   "error_type": "failure"})
        self.io("read", "--file", "-", code=MEDIA)
        want = self.row()
        self.assertEqual((want["num_read_ops"], want["io_error"]), (1, {"failed": 1}))
        self.assertGreaterEqual(want["min_read_latency_ticks"], 2000)
        for name in "min", "max":
            self.assertEqual(want[f"{name}_read_latency_ticks"], want["read_latency_ticks"])
        extremes = [k for k in want if k.startswith(("min_", "max_"))]
        for mode, gone in (("none", {}), ("error", {"io_error": {}}),
                           ("maxmin", dict.fromkeys(extremes, 0)),
                           ("all", {k: 0 for k, v in want.items() if isinstance(v, int)})):
            reset(mode)
            want.update(gone)
            self.assertEqual(self.row(), want, mode)

    def test_resets(self):
        d = self.daemon
        self.reset_by(lambda mode: self.row(reset_mode=mode))
        self.reset_by(lambda mode: d.ok("bdev_reset_iostat", {"name": "slow", "mode": mode}))
        # what is meant if nothing is said
        none = self.row()
        self.read(0, 1)
        d.ok("bdev_reset_iostat")
        self.assertEqual(self.row(), none)

    def test_histogram(self):
        d = self.daemon
        d.ok("bdev_enable_histogram", {"name": "slow", "enable": True, "opc": "read"})
        self.write(0, bytes(512))
        for _ in range(3):
            self.read(0, 1)
        h = d.ok("bdev_get_histogram", {"name": "slow"})
        row = self.row()
        per = 1 << h["granularity"]

        def floor(bucket):
            n = h["min_range"] + bucket // per
            return (per + bucket % per) << n - 1 if n else bucket

        counts = [c for c, in struct.iter_unpack("<Q", base64.b64decode(h["histogram"]))]
        floors = [floor(i) for i in range(len(counts))]
        used = [f for f, c in zip(floors, counts) if c]
        self.assertEqual(sum(counts), 3)
        for at, which in ((0, "min"), (-1, "max")):
            took = row[f"{which}_read_latency_ticks"]
            self.assertEqual(used[at], max(f for f in floors if f <= took))
        self.assertEqual(d.ok("bdev_get_histogram_borders", {
            "name": "slow", "borders": [used[0], used[0] + 1, used[-1] + 1]})["borders_count"],
            [0, counts[floors.index(used[0])], 3])


    def test_histogram_by_command(self):
        """Of reads, in powers of two; and a latency that is changed while it is looked at."""
        def target(*args, **how):
            return self.weft(how.get("code", OK), "target", "bdev", *args, "-r", self.daemon.path,
                             says=how.get("says")).decode()

        target("histogram", "slow", code=FAILED, says="no histogram is enabled")
        target("histogram", "slow", "--op", "read", code=USAGE, says="with the word on only")
        target("histogram", "slow", "perhaps", code=USAGE, says="on or off")
        target("latency", "slow", code=USAGE, says="give an option")
        target("histogram", "slow", "on", "--op", "read")
        self.read(0, 1)
        target("latency", "slow", "--read", "300000", "--read-p99", "300000")
        self.read(0, 1)
        self.write(0, bytes(512))
        rows = [row.split() for row in target("histogram", "slow").splitlines()[1:]]
        self.assertEqual(sum(int(row[2]) for row in rows), 2)
        self.assertEqual(rows[-1][3], "100.000")
        for first, below, _, _ in rows:
            self.assertEqual(int(below), 2 * int(first))
        self.assertGreaterEqual(int(rows[0][1]), 2000)
        self.assertGreaterEqual(int(rows[-1][1]), 300000)
        self.assertEqual(json.loads(target("histogram", "slow", "--json")),
                         self.daemon.ok("bdev_get_histogram", {"name": "slow"}))
        target("histogram", "slow", "off")
        target("stat", "slow", "--reset", "all")
        self.assertEqual(self.row()["num_read_ops"], 0)
        target("stat", "--reset", "x", code=FAILED, says="x")


class Faults(TcpTest):
    def serve(self):
        super().serve()
        d = self.daemon
        d.ok("nvmf_subsystem_remove_ns", {"nqn": NQN, "nsid": 1})
        d.ok("bdev_error_create", {"base_name": "disk1"})
        d.ok("bdev_passthru_create", {"base_bdev_name": "EE_disk1", "name": "top"})
        d.ok("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {"bdev_name": "top", "nsid": 1}})

    def inject(self, **what):
        self.daemon.ok("bdev_error_inject_error", dict(name="EE_disk1", **what))

    def test_errors_reach_the_host(self):
        data = bytes(range(256)) * 8
        self.write(0, data)
        self.assertEqual(self.read(0, 4), data)
        self.inject(io_type="read", error_type="failure", num=1)
        self.io("read", "--file", "-", code=MEDIA)
        self.assertEqual(self.read(0, 4), data)
        self.inject(io_type="read", error_type="corrupt_data", corrupt_offset=3, corrupt_value=0x80)
        got = bytearray(self.read(0, 4))
        got[3] ^= 0x80
        self.assertEqual(bytes(got), data)
        row = self.daemon.ok("bdev_get_iostat", {"name": "top"})["bdevs"][0]
        self.assertEqual(row["io_error"], {"failed": 1})
        st = self.daemon.ok("nvmf_get_statistics")
        self.assertEqual(st["hosts"][0]["errors"], 1)

    def test_by_command(self):
        def target(*args, **how):
            return self.weft(how.get("code", OK), "target", "bdev", *args, "-r", self.daemon.path,
                             says=how.get("says")).decode()

        self.assertEqual(target("add", "error", "disk1"), "EE_disk1\n")
        target("inject", "EE_disk1", "read", "--num", "2")
        for code in MEDIA, MEDIA, OK:
            self.io("read", "--file", "-", code=code)
        target("inject", "EE_disk1", "all", "nvme_failure", "--sct", "1", "--sc", "0x80")
        self.io("read", "--file", "-", code=SPECIFIC)
        target("inject", "EE_disk1", "read")
        target("inject", "EE_disk1", "clear")
        self.io("read", "--file", "-")
        target("inject", "EE_disk1", "everything", code=FAILED, says="everything")
        target("inject", "top", "read", code=MISSING, says="top is a passthru")
        target("inject", "EE_disk1", "read", "pending")
        p = subprocess.Popen([CLI, "io", "read", self.string(), "--file", "/dev/null"],
                             env=environment())
        while self.daemon.ok("nvmf_get_stats")["poll_groups"][0]["pending_bdev_io"] == 0:
            time.sleep(0.01)
        target("resume", "EE_disk1")
        self.assertEqual(p.wait(120), OK)

    def test_a_pending_one_ends_with_the_daemon(self):
        self.inject(io_type="read", error_type="pending", num=1)
        p = subprocess.Popen([CLI, "io", "read", self.string(), "--file", "/dev/null"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             env=environment())
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        while self.daemon.ok("nvmf_get_stats")["poll_groups"][0]["pending_bdev_io"] == 0:
            pass

    def test_a_pending_one_ends_with_its_bdev(self):
        self.inject(io_type="read", error_type="pending", num=1)
        p = subprocess.Popen([CLI, "io", "read", self.string(), "--file", "/dev/null"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             env=environment())
        while self.daemon.ok("nvmf_get_stats")["poll_groups"][0]["pending_bdev_io"] == 0:
            pass
        self.assertTrue(self.daemon.ok("bdev_malloc_delete", {"name": "disk1"}))
        self.assertNotEqual(p.wait(120), OK)
        self.assertEqual(self.daemon.ok("bdev_get_bdevs"), [])


if __name__ == "__main__":
    unittest.main()
