#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""tools/check: what a step makes of the programs that it starts."""
import os
import signal
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
from tree import LIMIT, ToolTest  # noqa: E402


class Run(ToolTest):
    COPIES = ("tools/check/run",)

    def test_packages_of_debug(self):
        """The modules are built under sparse there, too, maybe before any `make check`."""
        self.stub("tools/deps", 'echo "$*" > "$TREE/asked"; exit 1')
        self.run_tool("tools/check/run", "check-debug")
        self.assertEqual(self.read("asked").split(), ["build", "check", "vm", "kernel-6.1"])

    def test_descriptors(self):
        """What a runner leaves behind does not hold the pipe that the step waits for."""
        self.stub("tools/deps", "")
        self.stub("bin/make", "")
        self.stub("tools/check/unit", 'ls -l /proc/$$/fd > "$TREE/fds"; echo ok unit/a')
        out, _ = self.run_tool("tools/check/run", "check")
        self.assertIn("ok unit/a\n", out)
        self.assertEqual(self.read("fds").count("pipe:"), 2)  # standard output and error


class Coverage(ToolTest):
    COPIES = ("tools/check/coverage",)

    def setUp(self):
        super().setUp()
        self.stub("bin/make", "")
        self.stub("bin/gcovr", "echo TOTAL 91%")

    def test_failing_unit_test(self):
        self.stub("tools/check/unit", "echo ok unit/a; echo FAIL unit/b; exit 1")
        out, rc = self.run_tool("tools/check/coverage")
        self.assertEqual((out, rc), ("FAIL unit/b\n", 1))

    def test_skipped_unit_test(self):
        self.stub("tools/check/unit", "echo ok unit/a; echo skip unit/b: no memory")
        out, rc = self.run_tool("tools/check/coverage")
        self.assertEqual((out, rc), ("TOTAL 91%\n", 0))


class TimeFactor(ToolTest):
    """Slow machines ask for more time, by any factor, of all runners alike."""
    COPIES = ("tools/check/unit", "tools/check/native", "tools/check/seconds")

    def setUp(self):
        super().setUp()
        self.write("tests/unit/a.c")
        self.stub("build/x/tests/unit/a", "")
        self.write("tests/native/a.py")
        self.stub("bin/setpriv", '[ "$1 $2" = "--pdeathsig TERM" ] && shift 2; exec "$@"')
        self.stub("bin/timeout", 'echo "$3" >> "$TREE/limits"')

    def limits(self, **env):
        for runner in ("unit", "native"):
            out, rc = self.run_tool(f"tools/check/{runner}", "build/x", **env)
            self.assertEqual(rc, 0, out)
        return self.read("limits").split()

    def test_none(self):
        self.assertEqual(self.limits(), ["120", "300"])

    def test_fraction(self):
        self.assertEqual(self.limits(WEFT_TIME_FACTOR="1.5"), ["180", "450"])

    def test_full(self):
        self.assertEqual(self.limits(WEFT_TIME_FACTOR="2", WEFT_TIER="full"), ["240", "3600"])

    def test_no_number(self):
        for factor in ("x", "-1", "0", "1,5", "1e", "0.0"):
            with self.subTest(factor):
                out, rc = self.run_tool("tools/check/unit", "build/x", WEFT_TIME_FACTOR=factor)
                self.assertIn(f"WEFT_TIME_FACTOR '{factor}': accepted", out)
                self.assertEqual(rc, 2)


class Ends(ToolTest):
    """Who ends early takes the test that runs along; it has written its process id."""
    COPIES = ("tools/check/run", "tools/check/unit", "tools/check/native",
              "tools/check/seconds")
    SLEEP = "echo $$ > \"$TREE/pid.new\"; mv \"$TREE/pid.new\" \"$TREE/pid\"; exec sleep 300"

    def setUp(self):
        super().setUp()
        self.write("tests/unit/slow.c")
        self.stub("build/x/tests/unit/slow", self.SLEEP)
        self.write("tests/native/slow.py")
        self.stub("bin/python3", self.SLEEP)

    def wait_for(self, what):
        end = time.monotonic() + LIMIT
        while not what():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)

    def ends(self, *argv):
        """Waits for the test to run, ends the command and waits for the test's end."""
        pid = self.place("pid")
        command = subprocess.Popen(argv, cwd=self.tree, env=self.environment(),
                                   stdout=subprocess.DEVNULL)
        self.wait_for(lambda: os.path.exists(pid))
        command.send_signal(signal.SIGTERM)
        command.wait(LIMIT)
        test = self.read("pid").strip()
        self.addCleanup(subprocess.run, ["kill", "-KILL", test], stderr=subprocess.DEVNULL,
                        check=False)
        self.wait_for(lambda: not os.path.exists(f"/proc/{test}"))

    def test_unit(self):
        self.ends("tools/check/unit", "build/x")

    def test_native(self):
        self.ends("tools/check/native", "build/x")


unittest.main()
