#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Eight hosts at once: connections that come and go in every way, namespaces that change
under I/O, reservations that are fought for, while two loads verify what they have written.
Every command is answered once, and after each round the daemon is as it was before: no
connection, no buffer, no descriptor and no memory more.

WEFT_SOAK_SECONDS: go on for so long (full tier: 1,200), else a few rounds.
WEFT_SOAK_SEED: another one."""
import concurrent.futures
import json
import os
import random
import struct
import subprocess
import threading
import time
import unittest

from daemon import LIMIT, Daemon, config
from soak_host import ALONE, FIGHT, HOSTS, SHARED, Member
from tcp_disk import CLI, environment, free_port, tcp_counters
from tcp_host import SUBNQN, Host

SECONDS = int(os.environ.get("WEFT_SOAK_SECONDS",
                             1200 if os.environ.get("WEFT_TIER") == "full" else 0))
SEED = int(os.environ.get("WEFT_SOAK_SEED", 20261127))
CORES = ",".join(str(c) for c in sorted(os.sched_getaffinity(0))[:2])
ROUNDS, WARM, STEPS, IOS, QUEUES = 8, 4, 18, 3000, 2
BLOCKS = 16384
# after the rounds that warm it up; the sanitizer keeps freed memory for a while, up to 4 MiB,
# and for ever each way that ever led to an allocation: of these only the last step counts
FLAT_KIB = 4096
SANITIZER = "quarantine_size_mb=4:thread_local_quarantine_size_kb=64:malloc_context_size=1"
# namespace, size of an I/O, digests
LOADS = ((1, 4096, ""), (2, 16384, "hdr_digest,data_digest"))
CHURNED = range(11, 19)
FIXED = [1, 2, SHARED, ALONE, FIGHT]
STATES = ("optimized", "non_optimized", "inaccessible", "persistent_loss", "change")


class Churn:
    """What an operator changes meanwhile; the loads' namespaces and listener stay."""

    def __init__(self, daemon, rng):
        self.d, self.rng = daemon, rng
        self.port = free_port()
        self.other = SUBNQN + "-other"
        self.calls = 0

    def ok(self, method, **params):
        self.calls += 1
        return self.d.ok(method, params)

    def namespaces(self):
        return {ns["nsid"]: ns for s in self.d.ok("nvmf_get_subsystems") if s["nqn"] == SUBNQN
                for ns in s["namespaces"]}

    def trid(self):
        return {"trtype": "TCP", "adrfam": "IPv4", "traddr": "127.0.0.1",
                "trsvcid": str(self.port)}

    def listening(self):
        return any(x["address"]["trsvcid"] == str(self.port) for x in
                   self.d.ok("nvmf_subsystem_get_listeners", {"nqn": SUBNQN}))

    def namespace(self):
        """One is added, changed or taken away."""
        nsid = self.rng.choice(CHURNED)
        ns, name, way = self.namespaces().get(nsid), f"c{nsid}", self.rng.randrange(6)
        null = nsid % 2
        if not ns:
            self.ok(f"bdev_{'null' if null else 'malloc'}_create", name=name, num_blocks=512,
                    block_size=512)
            self.ok("nvmf_subsystem_add_ns", nqn=SUBNQN, namespace={
                "bdev_name": name, "nsid": nsid, "anagrpid": self.rng.randrange(1, 4),
                "no_auto_visible": way == 0})
        elif way == 1:      # the disk goes, and the namespace with it
            self.ok(f"bdev_{'null' if null else 'malloc'}_delete", name=name)
        elif way == 2 and null:
            self.ok("bdev_null_resize", name=name, new_size=self.rng.randrange(1, 8))
        elif way == 3:
            self.ok("nvmf_subsystem_set_ns_ana_group", nqn=SUBNQN, nsid=nsid,
                    anagrpid=self.rng.randrange(1, 4))
        elif way == 4 and "hosts" in ns:
            host = Member.nqn(self.rng.randrange(HOSTS))
            add = host not in [h if isinstance(h, str) else h["nqn"] for h in ns["hosts"]]
            self.ok(f"nvmf_ns_{'add' if add else 'remove'}_host", nqn=SUBNQN, nsid=nsid, host=host)
        else:
            self.ok("nvmf_subsystem_remove_ns", nqn=SUBNQN, nsid=nsid)
            self.ok(f"bdev_{'null' if null else 'malloc'}_delete", name=name)

    def path(self):
        """A second listener, and states of groups that the loads are not in."""
        there = self.listening()
        if not there or self.rng.randrange(3) == 0:
            self.ok(f"nvmf_subsystem_{'remove' if there else 'add'}_listener", nqn=SUBNQN,
                    listen_address=self.trid())
        else:
            self.ok("nvmf_subsystem_listener_set_ana_state", nqn=SUBNQN,
                    listen_address=self.trid(), ana_state=self.rng.choice(STATES),
                    anagrpid=self.rng.randrange(2, 4))

    def subsystem(self):
        """Another one comes with its disk, and goes with whom it has got meanwhile."""
        self.ok("nvmf_create_subsystem", nqn=self.other, allow_any_host=True)
        self.ok("bdev_null_create", name="other", num_blocks=512, block_size=512)
        self.ok("nvmf_subsystem_add_ns", nqn=self.other, namespace={"bdev_name": "other"})
        self.ok("nvmf_subsystem_add_listener", nqn=self.other, listen_address=self.trid())
        self.ok("nvmf_set_host_limits", host=Member.nqn(self.rng.randrange(HOSTS)),
                rw_ios_per_sec=self.rng.choice((0, 100000)))
        self.ok("nvmf_delete_subsystem", nqn=self.other)
        self.ok("bdev_null_delete", name="other")

    def until(self, over):
        while not over.is_set():
            self.rng.choice((self.namespace, self.namespace, self.path, self.subsystem))()


class Soak(unittest.TestCase):
    def start(self):
        self.port = free_port()
        self.path = f"/tmp/weft-soak-{os.getpid()}.img"
        with open(self.path, "wb") as f:
            f.truncate(BLOCKS * 512)
        self.addCleanup(os.unlink, self.path)
        disk = {"block_size": 512, "num_blocks": BLOCKS}
        self.d = Daemon("-m", CORES, sanitizer=SANITIZER, config=config(
            ("nvmf_create_transport", {"trtype": "TCP", "num_shared_buffers": 256}),
            ("bdev_malloc_create", {"name": "ram", **disk}),
            ("bdev_aio_create", {"name": "file", "filename": self.path, "block_size": 512}),
            *(("bdev_malloc_create", {"name": f"n{n}", **disk}) for n in FIXED[2:]),
            ("nvmf_create_subsystem", {"nqn": SUBNQN, "allow_any_host": True,
                                       "ana_reporting": True}),
            *(("nvmf_subsystem_add_ns", {"nqn": SUBNQN, "namespace": {
                "nsid": n, "bdev_name": {1: "ram", 2: "file"}.get(n, f"n{n}")}}) for n in FIXED),
            ("nvmf_subsystem_add_listener", {"nqn": SUBNQN, "listen_address": {
                "trtype": "TCP", "traddr": "127.0.0.1", "trsvcid": str(self.port)}})))
        self.addCleanup(self.d.close)
        # RAM disks have all their memory from now on
        with Host(("127.0.0.1", self.port)) as h:
            for nsid in FIXED:
                for lba in range(0, BLOCKS, 256):
                    h.io[0].write(lba, bytes(256 * 512), nsid=nsid)

    def load(self, nsid, size, digests):
        """weft perf with its own host; returns its report."""
        string = (f"transport=tcp,traddr=127.0.0.1,trsvcid={self.port},nqn={SUBNQN},"
                  f"hostnqn={self.load_nqn(nsid)},nr_io_queues={QUEUES},{digests}")
        p = subprocess.run([CLI, "perf", string.rstrip(","), "--nsid", str(nsid), "--pattern",
                            "randrw", "--verify", "crc", "--count", str(IOS), "--depth", "16",
                            "--block-size", str(size), "--json"], capture_output=True, text=True,
                           check=False, timeout=240, env=environment())
        self.assertEqual((p.returncode, p.stderr), (0, ""), p.stdout)
        return json.loads(p.stdout)

    @staticmethod
    def load_nqn(nsid):
        return f"nqn.2026-11.io.weft:load{nsid}"

    def ops(self):
        """Reads and writes of each host that the daemon has counted."""
        return {h["hostnqn"]: (h["read_ops"], h["write_ops"])
                for h in self.d.ok("nvmf_get_statistics")["hosts"]}

    def check_load(self, nsid, report, before):
        self.assertEqual((report["ios"], report["errors"], report["verify"]["mismatches"],
                          report["repairs"]), (IOS, 0, 0, 0))
        i = report["initiator"]
        self.assertEqual(i["submitted"], i["completed"])
        nqn = self.load_nqn(nsid)
        reads, writes = (b - a for a, b in zip(before.get(nqn, (0, 0)), self.ops()[nqn]))
        self.assertEqual(writes, report["write"]["ios"])
        # reading back counts, Connect does not
        self.assertEqual(reads + writes + QUEUES, i["submitted"])

    def wait(self, over):
        """Until it is; a bound for a hang, not a measurement."""
        deadline = time.monotonic() + LIMIT
        while not over():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)

    def quiet(self):
        """Is nobody connected any more, and nothing on its way?"""
        tcp = tcp_counters(self.d)
        return not any([tcp["connections"], tcp["buffers_in_use"],
                        *(g[k] for g in self.d.ok("nvmf_get_stats")["poll_groups"]
                          for k in ("current_admin_qpairs", "current_io_qpairs",
                                    "current_unassociated_qpairs", "pending_bdev_io"))])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.d.process.pid}/fd"))

    def memory(self):
        """KiB, when the daemon has nothing to do."""
        self.wait(self.quiet)
        self.assertEqual(self.d.ok("nvmf_subsystem_get_controllers", {"nqn": SUBNQN}), [])
        self.assertEqual(tcp_counters(self.d)["digest_errors"], 0)
        with open(f"/proc/{self.d.process.pid}/status", encoding="ascii") as f:
            return next(int(x.split()[1]) for x in f if x.startswith("VmRSS:"))

    def settle(self, members, churn):
        """What all of them see at the end of a round."""
        if churn.listening():
            churn.ok("nvmf_subsystem_remove_listener", nqn=SUBNQN, listen_address=churn.trid())
        shown = churn.namespaces()
        for m in members:
            self.assertEqual(m.active(), sorted(n for n, ns in shown.items() if n in FIXED or
                                                m.sees(ns)), m.n)
        members[0].clear()
        for m in members:
            self.assertEqual((m.registrants(ALONE), m.registrants(FIGHT)), (0, 0))
            m.leave()
        for nsid in CHURNED:
            if nsid in shown:
                churn.ok("nvmf_subsystem_remove_ns", nqn=SUBNQN, nsid=nsid)
                churn.ok(f"bdev_{'null' if nsid % 2 else 'malloc'}_delete", name=f"c{nsid}")

    def round(self, n):
        members = [Member(i, self.port, random.Random(SEED + 1000 * n + i)) for i in range(HOSTS)]
        for m in members:
            self.addCleanup(m.drop)
        churn = Churn(self.d, random.Random(SEED - n))
        before, over = self.ops(), threading.Event()
        with concurrent.futures.ThreadPoolExecutor(HOSTS + len(LOADS) + 1) as pool:
            loads = [pool.submit(self.load, *x) for x in LOADS]
            hosts = [pool.submit(m.steps, STEPS, churn.port, churn.other) for m in members]
            changes = pool.submit(churn.until, over)
            concurrent.futures.wait([*loads, *hosts])
            over.set()
        changes.result()
        for f in hosts:
            f.result()
        for (nsid, *_), f in zip(LOADS, loads):
            self.check_load(nsid, f.result(), before)
        self.settle(members, churn)
        total = {}
        for m in members:
            for what, times in m.done.items():
                total[what] = total.get(what, 0) + times
        return {**total, "changes": churn.calls}

    def test_soak(self):
        self.start()
        n, total, warm, start = 0, {}, None, time.monotonic()
        while n < ROUNDS or time.monotonic() < start + SECONDS:
            for what, times in self.round(n).items():
                total[what] = total.get(what, 0) + times
            n += 1
            now = self.memory()
            print(f"round {n}: {now} KiB", flush=True)
            if warm is None and n >= WARM and time.monotonic() >= start + SECONDS / 10:
                # one of them may be a client's that the daemon has yet to close
                warm, fds = now, self.descriptors()
        print(f"{n} rounds: {total}")
        self.assertLess(now, warm + FLAT_KIB)
        self.wait(lambda: self.descriptors() <= fds)
        for what in ("answered", "refused", "conflicts", "fenced", "cut", "taken in", "events",
                     "changes"):
            self.assertGreater(total.get(what, 0), 0, total)
        self.d.stop()


if __name__ == "__main__":
    unittest.main()
