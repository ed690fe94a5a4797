#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""weft perf when connections break: all at once, one alone, again and again. Either the run
ends with a reason and no report, or what was lost is repeated and verified."""
import json
import os
import signal
import subprocess
import time
import unittest

from tcp_between import Between, by_way_of
from tcp_disk import CLI, CONNECTION, FAILED, MEDIA, NQN, OK, TcpTest, environment


def restart(test):
    """Its daemon is killed, and started again with an empty disk."""
    kill(test)
    test.daemon.close()
    test.daemon = type(test.daemon)()
    test.serve()


def kill(test):
    test.daemon.process.send_signal(signal.SIGKILL)
    test.daemon.process.wait()


class Killed(TcpTest):
    """The daemon is killed under I/O and started again."""

    def test_it_ends(self):
        p = self.load("--time", 60)
        kill(self)
        out, err = p.communicate(timeout=120)
        self.assertEqual((p.returncode, out), (CONNECTION, ""), err)
        self.assertIn("queue ", err)
        restart(self)
        self.io("flush")

    def test_reconnect(self):
        p = self.load("--time", 6, "--pattern", "randrw", "--verify", "crc", "--range", "1M",
                      more="ctrl_loss_tmo=100,reconnect_delay=1,nr_io_queues=3")
        restart(self)
        out, err = p.communicate(timeout=200)
        # the new daemon's RAM disk is empty: what was read back differs, and only that
        self.assertIn(p.returncode, (OK, MEDIA), err)
        self.assertNotIn("Sanitizer", err)
        r = json.loads(out)
        self.assertEqual((r["repairs"], r["errors"]), (1, 0))
        self.assertGreater(r["ios"], 0)

    def test_it_gives_up(self):
        # the first attempt may still find the listener of the dying daemon
        p = self.load("--time", 60, more="ctrl_loss_tmo=4,reconnect_delay=1")
        kill(self)
        _, err = p.communicate(timeout=120)
        self.assertEqual(p.returncode, CONNECTION, err)
        self.assertIn("Connection refused", err)
        restart(self)


class Interrupted(TcpTest):
    def begin(self, *args, more="", err=subprocess.PIPE):
        # a test in the background has SIGINT ignored, and so had what it starts
        p = subprocess.Popen([CLI, "perf", self.string(more), "--json", "--time", "3600", *args],
                             stdout=subprocess.PIPE, stderr=err, text=True, env=environment(),
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        while self.counters()["requests"] < 500:
            self.assertIsNone(p.poll())
            time.sleep(0.02)
        return p

    def test_report(self):
        p = self.begin("--pattern", "randrw", "--verify", "crc", "--range", "1M")
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=200)
        self.assertEqual((p.returncode, err), (OK, ""))
        r = json.loads(out)
        self.assertEqual((r["errors"], r["verify"]["mismatches"]), (0, 0))
        self.assertGreater(min(r["ios"], r["verify"]["bytes"]), 0)

    def test_no_repair(self):
        p = self.begin(more="ctrl_loss_tmo=-1,reconnect_delay=3600")
        kill(self)
        # it tries once, and would wait for an hour
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=200)
        self.assertEqual((p.returncode, out), (CONNECTION, ""), err)
        restart(self)

    def test_line_of_progress(self):
        """What comes after it stands on a line of its own."""
        ours, theirs = os.openpty()
        with open(ours, "rb", 0) as terminal:
            with open(theirs, "wb", 0) as err:
                p = self.begin(err=err)
            seen = b""
            while b"IOPS" not in seen:
                seen += terminal.read(4096)
            kill(self)
            self.assertEqual((p.communicate(timeout=200)[0], p.returncode), ("", CONNECTION))
            seen += terminal.read(4096)
        self.assertRegex(seen, rb"IOPS \r\nweft: [^\r]*\r\n$")
        restart(self)


class Alone(TcpTest):
    """The I/O queue's connection breaks, and the controller lives on."""

    def ended(self, p, code, says):
        out, err = p.communicate(timeout=200)
        self.assertEqual((p.returncode, out), (code, ""), err)
        self.assertIn(says, err)
        self.assertNotIn("Sanitizer", err)

    def test_it_ends(self):
        for args in (), ("--pattern", "randrw", "--verify", "crc"):
            with self.subTest(args=args), Between(self.port) as b, by_way_of(b, self):
                p = self.load("--time", 60, *args)
                b.drop(1)
                self.ended(p, CONNECTION, "queue 1: ")

    def test_before_the_io(self):
        """The first of many controllers says nothing about the namespace."""
        # Identify Controller was 4,096 bytes, and the rest not nearly as many
        with Between(self.port, cut=(0, 6000)) as b, by_way_of(b, self):
            self.assertIsNone(self.perf("--controllers", 3, "--count", 1, code=CONNECTION,
                                        says="queue 0: "))
            self.assertEqual(b.connections, 3)

    def test_aborted_by_the_controller(self):
        self.daemon.ok("bdev_malloc_create", {"name": "base", "num_blocks": 2048,
                                              "block_size": 512})
        self.daemon.ok("bdev_error_create", {"base_name": "base"})
        self.daemon.ok("nvmf_subsystem_add_ns", {"nqn": NQN,
                                                 "namespace": {"bdev_name": "EE_base"}})
        self.daemon.ok("bdev_error_inject_error", {
            "name": "EE_base", "io_type": "read", "error_type": "nvme_failure", "num": 1,
            "nvme_sct": 3, "nvme_sc": 0x71})
        self.assertIsNone(self.perf("--nsid", 2, "--count", 100, code=CONNECTION,
                                    says="the controller aborted commands"))

    def test_reconnect(self):
        with Between(self.port) as b, by_way_of(b, self):
            p = self.load("--count", 20000, "--range", "8M", "--pattern", "randrw", "--verify",
                          "crc", more="ctrl_loss_tmo=100,reconnect_delay=1")
            b.drop(1)
            out, err = p.communicate(timeout=200)
            self.assertEqual((p.returncode, err), (OK, ""))
        r = json.loads(out)
        self.assertEqual((r["repairs"], r["errors"], r["ios"]), (1, 0, 20000))
        self.assertEqual(r["verify"]["mismatches"], 0)

    def test_again_and_again(self):
        """No I/O queue comes back: that counts as one loss, and each attempt waits."""
        with Between(self.port, refuse=lambda n: n > 1 and n % 2) as b, by_way_of(b, self):
            p = self.load("--time", 60, more="ctrl_loss_tmo=3,reconnect_delay=1")
            b.drop(1)
            self.ended(p, CONNECTION, "queue 1: ")
            # at once, after 1 s, after 2 s, each with a connection of the controller
            self.assertIn(b.connections, range(4, 9))

    def test_fewer_queues(self):
        p = self.load("--time", 60, more="ctrl_loss_tmo=100,reconnect_delay=1,nr_io_queues=3")
        self.transport = {"max_io_qpairs_per_ctrlr": 2}
        restart(self)
        self.ended(p, FAILED, "the controller offers 2 queues")


if __name__ == "__main__":
    unittest.main()
