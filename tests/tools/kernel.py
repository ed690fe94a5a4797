#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""tools/vm/kernel: the cache of kernels."""
import os
import subprocess
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


class Unpack(ToolTest):
    """The debug kernel comes from archives; a cached 9.1.0-3 is beside it."""
    COPIES = ("tools/vm/kernel",)
    REL = "9.1.2-dbg"

    def setUp(self):
        super().setUp()
        self.write("cache/kernels/9.1.0-3-amd64/boot/vmlinuz-9.1.0-3-amd64")
        self.write("from/kernel/bzImage", "image")
        self.write("from/kbuild/kbuild/Makefile")
        self.write(f"from/modules/lib/modules/{self.REL}/kernel/a.ko")
        for name in ("kernel", "kbuild", "modules"):
            self.pack(name)
        self.stub("bin/depmod", "")
        self.stub("tools/vm/build-debug-kernel", "exit 1")

    def pack(self, name):
        subprocess.run(["tar", "--zstd", "-cf", self.place(f"ready/{name}.tar.zst"),
                        "-C", self.place(f"from/{name}"), "."], check=True)

    def resolve(self):
        """What `debug` stands for, or nothing, and what the cache has then."""
        out, rc = self.run_tool("tools/vm/kernel", "resolve", "debug",
                                WEFT_DEBUG_KERNEL=f"{self.tree}/ready")
        return "" if rc else out.strip(), sorted(os.listdir(self.place("cache/kernels")))

    def test_whole(self):
        self.assertEqual(self.resolve(), (self.REL, ["9.1.0-3-amd64", self.REL]))
        self.assertEqual(self.read(f"cache/kernels/{self.REL}/boot/vmlinuz-{self.REL}"), "image")

    def test_archive_is_missing(self):
        os.remove(self.place("ready/modules.tar.zst"))
        self.assertEqual(self.resolve(), ("", ["9.1.0-3-amd64"]))

    def test_archive_is_cut(self):
        for name in ("kernel", "modules", "kbuild"):
            with self.subTest(name):
                self.pack(name)
                path = self.place(f"ready/{name}.tar.zst")
                os.truncate(path, os.path.getsize(path) // 2)
                self.assertEqual(self.resolve(), ("", ["9.1.0-3-amd64"]))
                self.pack(name)


class Fetch(ToolTest):
    COPIES = ("tools/vm/kernel",)

    def image(self, *how):
        """What the cache has after an image could not be had."""
        out, rc = self.run_tool(*how, "tools/vm/kernel", "image", "9.1.0-3-amd64")
        self.assertNotEqual(rc, 0, out)
        return os.listdir(self.place("cache/kernels"))

    def test_broken_package(self):
        self.stub("bin/apt-get", "echo broken > linux-image-9.1.0-3-amd64-unsigned_1.deb")
        self.assertEqual(self.image(), [".lock"])

    def test_interrupted(self):
        self.stub("bin/apt-get", "kill -TERM 0")
        self.assertEqual(self.image("setsid", "-w"), [".lock"])


class Build(ToolTest):
    COPIES = ("tools/vm/build-debug-kernel", "tools/vm/debug.config")
    RULED_OUT = ("config FAULT_INJECTION_STACKTRACE_FILTER\n"
                 "\tdepends on !X86_64\n\thelp\n")

    def test_interrupted_unpacking(self):
        """The next run begins anew; half a source tree is none."""
        self.stub("bin/dpkg-query", "echo installed")
        self.stub("bin/make", "exit 1")
        self.stub("bin/tar", """
            src=$2/linux-source-6.1
            mkdir -p $src/lib
            echo > $src/Makefile
            [ -e "$TREE/whole" ] || { kill -TERM 0; sleep 60; }
            cp "$TREE/whole" $src/lib/Kconfig.debug""")
        build = ("setsid", "-w", "tools/vm/build-debug-kernel", "config")
        self.run_tool(*build)
        self.write("whole", self.RULED_OUT)
        self.run_tool(*build)
        source = "cache/debug-build/linux-source-6.1"
        self.assertEqual(self.read(f"{source}/lib/Kconfig.debug"),
                         self.RULED_OUT.replace("\tdepends on !X86_64\n", ""))
        self.assertEqual(sorted(os.listdir(self.place("cache/debug-build"))),
                         ["config.log", "linux-source-6.1", "obj"])


unittest.main()
