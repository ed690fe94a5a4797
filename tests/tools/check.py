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


unittest.main()
