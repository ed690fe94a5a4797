#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""tools/check: what a step makes of the programs that it starts."""
import sys
import unittest

sys.dont_write_bytecode = True
from tree import ToolTest  # noqa: E402


class Run(ToolTest):
    COPIES = ("tools/check/run",)

    def test_packages_of_debug(self):
        """The modules are built under sparse there, too, maybe before any `make check`."""
        self.stub("tools/deps", 'echo "$*" > "$TREE/asked"; exit 1')
        self.run_tool("tools/check/run", "check-debug")
        self.assertEqual(self.read("asked").split(), ["build", "check", "vm", "kernel-6.1"])


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


unittest.main()
