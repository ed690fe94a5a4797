#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""tools/vm/run, as far as it boots no guest."""
import glob
import os
import sys
import unittest

sys.dont_write_bytecode = True
from tree import TOP, ToolTest  # noqa: E402


class Out(ToolTest):
    """--out: the folder is emptied, so it must be the runner's own."""
    COPIES = tuple(os.path.relpath(p, TOP) for p in glob.glob(f"{TOP}/tools/vm/*")
                   if os.path.isfile(p))

    def setUp(self):
        super().setUp()
        self.stub("tools/vm/kernel", "[ $1 = resolve ] && echo 9.1.0-3-amd64 || echo \"$TREE\"")
        self.stub("tools/vm/initramfs", "echo \"$TREE/initramfs\"")
        self.stub("bin/qemu-system-x86_64", "exit 1")
        self.write("x.sh")

    def run_out(self):
        return self.run_tool("tools/vm/run", "--accel", "kvm", "--out", "mine", "x.sh")[0]

    def test_of_somebody_else(self):
        self.write("mine/thesis")
        self.assertIn("--out mine: ", self.run_out())
        self.assertEqual(os.listdir(self.place("mine/")), ["thesis"])

    def test_file(self):
        self.write("mine")
        self.assertIn("--out mine: ", self.run_out())

    def test_new_and_again(self):
        for _ in range(2):
            self.assertIn("the guest ended before the script did", self.run_out())
            self.assertIn("qemu.log", os.listdir(self.place("mine/")))
            self.write("mine/left")
        self.assertNotIn("--out", self.run_out())
        self.assertFalse(os.path.exists(self.place("mine/left")))

    def test_empty(self):
        os.mkdir(self.place("mine"))
        self.assertIn("the guest ended before the script did", self.run_out())


unittest.main()
