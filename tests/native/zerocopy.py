#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""tests/bench/zerocopy: what it counts is right, whatever the figures are. Every byte is
looked at by its receiver, which ends the program if one is wrong."""
import os
import subprocess
import unittest

from tcp_disk import free_port

BUILD = os.path.dirname(os.environ.get("WEFT_TARGET_BIN", "build/asan/weft-target"))
PROGRAM = os.path.join(BUILD, "tests", "bench", "zerocopy")
SIZES = [4096 << 2 * i for i in range(5)]
MIB, ROUNDS = 3, 2


def run(*args):
    return subprocess.run([PROGRAM, *map(str, args)], capture_output=True, text=True, check=False,
                          timeout=120, env=dict(os.environ, ASAN_OPTIONS="exitcode=99"))


def can_veth():
    return not subprocess.run(["unshare", "-n", "ip", "link", "add", "near", "type", "veth"],
                              capture_output=True, check=False).returncode


class Zerocopy(unittest.TestCase):
    def test_counts(self):
        done = run(MIB, ROUNDS)
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [line.split() for line in done.stdout.splitlines()[2:]]
        networks = ["loopback", "veth"]
        if rows[-1][0] == "veth:":
            self.assertFalse(can_veth(), rows.pop())
            networks.remove("veth")
        else:
            self.assertEqual(done.stderr, "")
        self.check_all(networks, rows)

    def test_other_machine(self):
        port = free_port()
        with subprocess.Popen([PROGRAM, "receive", str(port)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as far:
            try:
                self.assertEqual(far.stdout.readline(), f"receiving at port {port}\n")
                done = run(MIB, ROUNDS, "127.0.0.1", port)
            finally:
                far.kill()
            self.assertEqual((done.returncode, done.stderr, far.stderr.read()), (0, "", ""))
        self.check_all(["other"], [line.split() for line in done.stdout.splitlines()[2:]])
        # nobody receives any more
        self.assertEqual(run(MIB, ROUNDS, "127.0.0.1", port).returncode, 1)

    def check_all(self, networks, rows):
        self.assertEqual([(r[0], int(r[1]), r[2]) for r in rows],
                         [(net, size, way) for net in networks for size in SIZES
                          for way in ("plain", "zerocopy")])
        for row in rows:
            self.check(*row[1:])

    def check(self, size, way, sends, received, notices, copied, *figures):
        row = (size, way, sends, received, notices, copied, *figures)
        sendmsg, recvmsg, poll = map(float, figures[:3])
        self.assertEqual(int(received), ROUNDS * MIB << 20, row)
        self.assertEqual(int(sends) * int(size), int(received), row)
        self.assertGreaterEqual(sendmsg, 1, row)
        if way == "plain":
            self.assertEqual((int(notices), copied, sendmsg, recvmsg, poll), (0, "-", 1, 0, 0), row)
            self.assertEqual(figures[6:], ("-", "-", "-"), row)
        else:
            self.assertEqual(int(notices), int(sends), row)
            self.assertTrue(0 <= float(copied) <= 1, row)
            # a message may tell of many sends, but there is one, and waits end with one
            self.assertTrue(recvmsg > 0 and poll < recvmsg, row)
            self.assertNotIn("-", figures[6:8], row)

    def test_arguments(self):
        for args in (("0",), ("x",), ("1", "16"), ("1", ""), ("receive", "x"), ("receive", "65536"),
                     ("1", "1", "127.0.0.1"), ("1", "1", "127.0.0.1", "0")):
            done = run(*args)
            self.assertEqual((done.returncode, done.stdout), (2, ""), args)
            self.assertIn("is accepted", done.stderr)


if __name__ == "__main__":
    unittest.main()
