#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""The daemon's command line: what is wrong with it is said before anything is started."""
import os
import subprocess
import tempfile
import unittest

from daemon import BIN


class Options(unittest.TestCase):
    def refused(self, code, *args):
        """What it says: one line, nothing of a start, and at most that it has stopped."""
        done = subprocess.run([BIN, *args], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, code, f"{args}: {done.stderr}")
        self.assertRegex(done.stderr, r"\Aweft-target: [^\n]*\n([^\n]* notice: stopped\n)?\Z",
                         args)
        return done.stderr

    def test_wrong_values(self):
        with tempfile.TemporaryDirectory(prefix="weft-native-") as d:
            sock = os.path.join(d, "sock")
            for option, values, says in (
                    ("--metrics", ("foo", "localhost:9", "127.0.0.1:65536", "127.0.0.1:", "[::1]",
                                   "[::1]:65536", "1.2.3.4.5:9"), "[::1]:9419"),
                    ("--mode", ("fast",), "busy, adaptive, interrupt"),
                    ("--spin-us", ("x", "-1", "1000001"), "0 to 1000000"),
                    ("-m", ("0x0", "x", "99999"), ""),
                    ("--rpcs-allowed", ("nosuch",), "nosuch")):
                for value in values:
                    said = self.refused(2, "-r", sock, option, value)
                    self.assertIn(value, said)
                    self.assertIn(says, said)
            self.assertEqual(os.listdir(d), [])

    def test_what_may_come_yet(self):
        """An interface may appear later: the command line is right."""
        with tempfile.TemporaryDirectory(prefix="weft-native-") as d:
            where = "[fe80::1%nosuch0]:9"
            said = self.refused(1, "-r", os.path.join(d, "sock"), "--metrics", where)
            self.assertIn(f"--metrics {where}: ", said)

    def test_path_of_the_socket(self):
        for path in "x" * 108, "/" + "x" * 5000, "":
            self.assertIn("1 to 107 characters are accepted", self.refused(2, "-r", path))
        # in the middle of a command line, too
        self.refused(2, "--rpc-socket", "x" * 108, "--mode", "busy")

    def test_configuration_that_is_not_there(self):
        with tempfile.TemporaryDirectory(prefix="weft-native-") as d:
            gone = os.path.join(d, "gone")
            self.assertEqual(self.refused(1, "-r", d + "/sock", "-c", gone),
                             f"weft-target: {gone}: No such file or directory\n")
            with open(gone, "w", encoding="utf-8") as f:
                f.write("{\n!")
            self.assertIn(f"{gone}: line 2, column 1: ", self.refused(1, "-c", gone))


if __name__ == "__main__":
    unittest.main()
