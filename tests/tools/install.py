#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""What `make install` installs, and where."""
import sys
import unittest

sys.dont_write_bytecode = True
from tree import ToolTest  # noqa: E402


class Version(ToolTest):
    COPIES = ("Kbuild", "tools/check/modules", "tools/vm/modules")

    def test_modules(self):
        """They have it, whoever builds them."""
        self.write("Makefile", "VERSION := 7.8.9\n")
        self.stub("tools/vm/kernel", "echo \"$TREE/kernel\"")
        self.stub("bin/make", 'printf "%s\\n" "$@" | grep ^WEFT_VERSION= >> "$TREE/said"')
        self.run_tool("tools/check/modules", "6.1", "log")
        self.run_tool("tools/vm/modules", "6.1", "VERSION=7.9")
        self.assertEqual(self.read("said"), "WEFT_VERSION=7.8.9\nWEFT_VERSION=7.9\n")


unittest.main()
