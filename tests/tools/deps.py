#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""tools/deps: which packages it finds missing, and how it gets them."""
import os
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

    def test_pgrep(self):
        """Of a scenario; no other package depends on what has it."""
        self.assertIn("procps", self.missing("vm"))

    def test_interrupted(self):
        """The log of apt-get goes with it, and nobody can guess its name."""
        self.stub("bin/id", "echo 0")
        self.stub("bin/apt-get", 'ls "$TMPDIR" > "$TREE/seen"; kill -TERM 0')
        self.write("tmp/other")
        self.run_tool("setsid", "-w", "tools/deps", "bench", TMPDIR=f"{self.tree}/tmp")
        self.assertRegex(self.read("seen"), r"^other\nweft-deps\.\w+\n$")
        self.assertEqual(os.listdir(self.place("tmp/")), ["other"])


class Kernels(ToolTest):
    """Headers of 9.1.0-3 are installed; `lists` names the images that apt knows of."""
    COPIES = ("tools/deps",)

    def setUp(self):
        super().setUp()
        self.write("headers", "9.1.0-3\n")
        self.stub("bin/id", "echo 0")
        self.stub("bin/dpkg-query", '[[ ${!#} != linux-headers-* ]] ||'
                  ' grep -qxF "${!##linux-headers-}" "$TREE/headers" && echo installed')
        self.stub("tools/vm/kernel", """
            case $1 in
            resolve) tail -1 "$TREE/headers" ;;
            newest) tail -1 "$TREE/lists" ;;
            available) grep -qxF "$2" "$TREE/lists" ;;
            image) grep -qxF "$(tail -1 "$TREE/headers")" "$TREE/lists" ;;
            esac""")
        self.stub("bin/apt-get", """
            echo "$*" >> "$TREE/calls"
            case $1 in
            update) cp "$TREE/archive" "$TREE/lists" ;;
            install) grep -o '9[.]1[.]0-.' <<< "$*" >> "$TREE/headers" ;;
            esac""")

    def deps(self, lists, archive):
        """What was installed for a 6.1 kernel, and the exit code."""
        self.write("lists", lists)
        self.write("archive", archive)
        out, rc = self.run_tool("tools/deps", "kernel-6.1")
        self.assertEqual(rc, 0, out)
        return self.read("headers").split(), self.read("calls")

    def test_image_is_there(self):
        self.write("calls")
        self.assertEqual(self.deps("9.1.0-3\n", ""), (["9.1.0-3"], ""))

    def test_image_is_gone(self):
        """The archive has a newer one only: its headers are installed."""
        headers, calls = self.deps("9.1.0-4\n", "9.1.0-4\n")
        self.assertEqual(headers, ["9.1.0-3", "9.1.0-4"])
        self.assertIn("update", calls)

    def test_no_lists(self):
        headers, calls = self.deps("", "9.1.0-3\n")
        self.assertEqual((headers, calls), (["9.1.0-3"], "update -qq\n"))


unittest.main()
