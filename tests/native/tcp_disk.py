# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""For native tests: a daemon that serves disks over NVMe/TCP on loopback, and the
weft tool with its userspace initiator as the host."""
import json
import os
import re
import socket
import subprocess
import time

from daemon import DaemonTest

CLI = os.environ.get("WEFT_CLI", "build/asan/weft")
NQN = "nqn.2026-11.io.weft:tcp"
HOST = "nqn.2026-11.io.weft:native"
HOSTID = "0f01fb42-9f7f-4856-b0b3-51e60b8de349"
OK, FAILED, USAGE, MISSING, DENIED, CONNECTION, GENERIC, SPECIFIC, MEDIA, PATH = range(10)
LIMIT = 240  # seconds; for a hang, not a measurement


def environment():
    return dict(os.environ, ASAN_OPTIONS="exitcode=99", UBSAN_OPTIONS="print_stacktrace=1")


def run_weft(*args, data=None):
    """Exit code, stdout, stderr as bytes, bytes, text."""
    done = subprocess.run([CLI, *map(str, args)], input=data, capture_output=True, timeout=LIMIT,
                          check=False, env=environment(),
                          stdin=subprocess.DEVNULL if data is None else None)
    err = done.stderr.decode(errors="surrogateescape")
    assert "Sanitizer" not in err and "runtime error" not in err, err
    assert done.returncode in range(10), f"{args}: exit code {done.returncode}: {err}"
    return done.returncode, done.stdout, err


def free_port(family=socket.AF_INET):
    with socket.socket(family) as s:
        s.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        return s.getsockname()[1]


def tcp_counters(daemon):
    """The target's NVMe/TCP counters, summed over its reactors."""
    total = {}
    for group in daemon.ok("nvmf_get_stats")["poll_groups"]:
        for t in group["transports"]:
            for key, value in t.items():
                if t["trtype"] == "TCP" and isinstance(value, int):
                    total[key] = total.get(key, 0) + value
    return total


def arrived(daemon, host, qid):
    """Wait until the daemon has read all that a host of tcp_host.py has sent on a queue."""
    conn = host.io[qid - 1]
    while not any(q["cntlid"] == host.cntlid and q["qid"] == qid and
                  q["counters"]["requests"] == conn.commands
                  for q in daemon.ok("nvmf_subsystem_get_qpairs", {"nqn": host.names["subnqn"]})):
        time.sleep(0.01)


class TcpTest(DaemonTest):
    """A subsystem with a RAM disk, namespace 1, and another one in front of buffers."""

    transport = {}
    blocks = 65536
    block_size = 512

    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.serve()

    def serve(self):
        d = self.daemon
        d.ok("nvmf_create_transport", {"trtype": "TCP", **self.transport})
        d.ok("bdev_malloc_create", {"name": "disk1", "num_blocks": self.blocks,
                                    "block_size": self.block_size,
                                    "uuid": "11111111-2222-4333-8444-555555555555"})
        d.ok("nvmf_create_subsystem", {"nqn": NQN, "allow_any_host": True,
                                       "serial_number": "NATIVE"})
        d.ok("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {"bdev_name": "disk1"}})
        self.listen(NQN)

    def listen(self, nqn, traddr="127.0.0.1", adrfam="IPv4"):
        self.daemon.ok("nvmf_subsystem_add_listener", {"nqn": nqn, "listen_address": {
            "trtype": "TCP", "adrfam": adrfam, "traddr": traddr, "trsvcid": str(self.port)}})

    def string(self, more="", nqn=NQN, traddr="127.0.0.1"):
        return (f"transport=tcp,traddr={traddr},trsvcid={self.port},nqn={nqn},hostnqn={HOST},"
                f"hostid={HOSTID}" + ("," + more if more else ""))

    def weft(self, code, *args, says=None, data=None):
        """Run the tool, which must end with @code and say @says on stderr."""
        got, out, err = run_weft(*args, data=data)
        self.assertEqual(got, code, f"{args}: {out[:500]} {err}")
        if says:
            self.assertIn(says, err, args)
        if not code:
            self.assertEqual(err, "", args)
        return out

    def io(self, command, *args, code=OK, more="", says=None, data=None):
        return self.weft(code, "io", command, self.string(more), *args, says=says, data=data)

    def read(self, lba, blocks, *args, **how):
        return self.io("read", "--lba", lba, "--blocks", blocks, "--file", "-", *args, **how)

    def write(self, lba, data, *args, **how):
        return self.io("write", "--lba", lba, "--file", "-", *args, data=data, **how)

    def perf(self, *args, code=OK, more="", says=None):
        """The report of a run."""
        out = self.weft(code, "perf", self.string(more), "--json", *args, says=says)
        return json.loads(out) if out else None

    def counters(self):
        return tcp_counters(self.daemon)

    def load(self, *args, more=""):
        """A run in the background that has come to its I/O."""
        before = self.counters()["requests"]
        p = subprocess.Popen([CLI, "perf", self.string(more), "--json", *map(str, args)],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             env=environment())
        deadline = time.monotonic() + LIMIT
        while self.counters()["requests"] < before + 500:
            if p.poll() is not None or time.monotonic() > deadline:
                p.kill()
                self.fail(f"no I/O: {p.communicate()}")
            time.sleep(0.02)
        return p

    def result(self, out):
        """DW0 and DW1 that a command has printed."""
        return int(re.search(rb"^result (0x[0-9a-f]+|0)$", out, re.M)[1], 16)
