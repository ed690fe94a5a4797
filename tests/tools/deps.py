#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""tools/deps: which packages it finds missing, and how it gets them."""
import sys
import unittest

sys.dont_write_bytecode = True
from tree import ToolTest  # noqa: E402


class Deps(ToolTest):
    COPIES = ("tools/deps",)

    def setUp(self):
        super().setUp()
        self.stub("bin/dpkg-query", "exit 1")

    def missing(self, group):
        """What a machine without any package is told to install."""
        out, rc = self.run_tool("tools/deps", "--check", group)
        self.assertEqual(rc, 1, out)
        return out.split("apt-get install", 1)[1].split()

    def test_fuzzer_runtime(self):
        """Only recommended by clang, and recommended packages are not installed."""
        self.assertIn("libclang-rt-dev", self.missing("check"))


unittest.main()
