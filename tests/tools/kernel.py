#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""tools/vm/kernel: the cache of kernels."""
import sys
import unittest

sys.dont_write_bytecode = True
from tree import ToolTest  # noqa: E402


class Available(ToolTest):
    COPIES = ("tools/vm/kernel",)

    def available(self, lists):
        self.stub("bin/apt-cache", f"echo '{lists}' | grep -F \"$2 \"")
        return self.run_tool("tools/vm/kernel", "available", "9.1.0-3-amd64") == ("", 0)

    def test_in_the_lists(self):
        self.assertTrue(self.available("linux-image-9.1.0-3-amd64-unsigned | 9.1.3-1"))

    def test_nowhere(self):
        self.assertFalse(self.available("linux-image-9.1.0-4-amd64-unsigned | 9.1.4-1"))

    def test_in_the_cache(self):
        self.write("cache/kernels/9.1.0-3-amd64/boot/vmlinuz-9.1.0-3-amd64")
        self.write("cache/kernels/9.1.0-3-amd64/lib/modules/9.1.0-3-amd64/kernel/a.ko")
        self.assertTrue(self.available(""))


unittest.main()
