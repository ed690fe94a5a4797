#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""tools/vm/run and tests/vm/run-all, as far as they boot no guest."""
import contextlib
import glob
import importlib.machinery
import importlib.util
import io
import os
import subprocess
import sys
import unittest
from unittest import mock

sys.dont_write_bytecode = True
from tree import TOP, ToolTest  # noqa: E402

sys.path.insert(0, os.path.join(TOP, "tools", "vm"))
from scenario import headers  # noqa: E402


class Out(ToolTest):
    """--out: the folder is emptied, so it must be the runner's own."""
    COPIES = tuple(os.path.relpath(p, TOP) for p in glob.glob(f"{TOP}/tools/vm/*")
                   if os.path.isfile(p)) + ("tools/check/seconds",)

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


class Head(ToolTest):
    """What a scenario says of itself, for the runner and for run-all."""

    def headers(self, *lines):
        self.write("x.sh", "\n".join(lines) + "\n")
        return headers(self.place("x.sh"))

    def test_keys_and_lists(self):
        self.assertEqual(
            self.headers("# What it shows: nothing.", "# check-kernels: 6.1  ", "#", "# tier:full",
                         "# allow: a: b", "# allow: c"),
            {"check-kernels": "6.1", "tier": "full", "allow": ["a: b", "c"], "says": [],
             "qemu": []})

    def test_head_only(self):
        self.assertNotIn("tier", self.headers("# What it shows.", "", "# tier: full"))

    def test_without_a_script(self):
        self.assertEqual(headers(), {"allow": [], "says": [], "qemu": []})


class All(ToolTest):
    """tests/vm/run-all: how many guests there are at a time."""
    COPIES = ("tests/vm/run-all", "tools/vm/scenario.py")

    def setUp(self):
        super().setUp()
        # each notes how many there are, itself included, and waits for the most
        self.stub("tools/vm/run", """
            [ "$1" != --probe ] || exit 0
            mkdir -p "$TREE/on" "$TREE/seen"
            touch "$TREE/on/$$"
            for ((i = 0; i < 100; i++)); do
                n=$(ls "$TREE/on" | wc -l)
                touch "$TREE/seen/$n"
                [ ! -e "$TREE/seen/$MOST" ] || break
                sleep 0.1
            done
            sleep 0.5
            rm "$TREE/on/$$"
            echo "factor $WEFT_TIME_FACTOR"
            """)
        for name in "abcdefg":
            self.write(f"tests/vm/scenarios/{name}.sh", "# tier: full\n# kernels: 6.1\n")
        self.write("tests/vm/scenarios/two.sh", "# kernels: 6.1\n# guests: 2\n")

    def most(self, n, **env):
        out, rc = self.run_tool("tests/vm/run-all", "full", *"abcdefg", MOST=str(n), **env)
        self.assertEqual(rc, 0, out)
        self.assertEqual(out.split("\n")[0], f"factor {n}")
        self.assertEqual(max(map(int, os.listdir(self.place("seen")))), n)

    def test_two(self):
        self.most(2)

    def test_more(self):
        self.most(4, WEFT_GUESTS="4")

    def test_wrong(self):
        for n in ("1", "0", "-2", "65", "two", ""):
            out, rc = self.run_tool("tests/vm/run-all", "full", WEFT_GUESTS=n)
            self.assertEqual((out, rc), (
                f"FAIL run-all: WEFT_GUESTS '{n}': accepted are 2 to 64\n", 1))


class Kvm(ToolTest):
    """Whether KVM works is asked once; only an answer is remembered."""

    def setUp(self):
        super().setUp()
        loader = importlib.machinery.SourceFileLoader("vm_run", f"{TOP}/tools/vm/run")
        self.module = importlib.util.module_from_spec(
            importlib.util.spec_from_loader("vm_run", loader))
        loader.exec_module(self.module)
        self.module.CACHE = self.place("cache/")
        self.asked, self.said = [], io.StringIO()

    def works(self, kernel="6.12", code=1, files=()):
        """What the runner believes after a probe that left these files and this exit code."""
        def probe(argv, **_):
            self.asked.append(argv[argv.index("-k") + 1])
            out = argv[argv.index("--out") + 1]
            os.makedirs(out)
            for name in files:
                with open(os.path.join(out, name), "w", encoding="utf-8"):
                    pass
            return subprocess.CompletedProcess(argv, code, stderr="kernel: cannot download it")

        with (mock.patch.object(self.module.subprocess, "run", probe),
              mock.patch.object(self.module.os, "access", lambda *_: True),
              contextlib.redirect_stderr(self.said)):
            return self.module.kvm_works(kernel)

    def test_yes(self):
        for _ in range(2):
            self.assertTrue(self.works(code=0, files=["serial.log"]))
        self.assertEqual(self.asked, ["6.12"])

    def test_no(self):
        for _ in range(2):
            self.assertFalse(self.works(files=["serial.log"]))
        self.assertEqual(self.asked, ["6.12"])
        self.assertIn("emulated", self.said.getvalue())

    def test_nothing_was_started(self):
        for _ in range(2):
            self.assertFalse(self.works())
        self.assertEqual(self.asked, ["6.12", "6.12"])
        self.assertIn("kernel: cannot download it", self.said.getvalue())

    def test_debug(self):
        """It takes longer to boot than the probe allows."""
        self.works(kernel="6.1.2-dbg")
        self.assertEqual(self.asked, ["6.1"])


unittest.main()
