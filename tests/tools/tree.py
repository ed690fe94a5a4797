# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Runs a script of tools/ in a small tree of its own, beside stubs of what it calls.

The tree has copies of the scripts that a test names, at the same places; `stub` puts
something else there, or in `bin`, which stands first in PATH. The scripts find each other
by their own place, so they never leave the tree.
"""
import os
import shutil
import subprocess
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
LIMIT = 60  # seconds; for a hang, not a measurement


class ToolTest(unittest.TestCase):
    """Each test has a new tree with copies of the files in `COPIES`."""

    COPIES = ()

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="weft-tools-")
        self.addCleanup(folder.cleanup)
        self.tree = os.path.realpath(folder.name)
        for name in self.COPIES:
            shutil.copy(os.path.join(TOP, name), self.place(name))

    def place(self, name):
        """The path of a file of the tree, in a folder that is there."""
        path = os.path.join(self.tree, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def write(self, name, text=""):
        with open(self.place(name), "w", encoding="utf-8") as f:
            f.write(text)

    def read(self, name):
        with open(self.place(name), encoding="utf-8") as f:
            return f.read()

    def stub(self, name, text):
        """A shell script at `name`; the tree is $TREE in it."""
        self.write(name, f"#!/bin/bash\nTREE='{self.tree}'\n{text}\n")
        os.chmod(self.place(name), 0o755)

    def environment(self, **env):
        """The caller's, less what would lead a script out of the tree, or another way."""
        own = {k: v for k, v in os.environ.items()
               if not k.startswith(("WEFT_", "MAKE", "MFLAGS")) and k != "BUILD"}
        return own | {"PATH": f"{self.tree}/bin:{own['PATH']}",
                      "WEFT_CACHE": f"{self.tree}/cache"} | env

    def run_tool(self, *argv, **env):
        """What the command printed, and its exit code."""
        done = subprocess.run(argv, cwd=self.tree, env=self.environment(**env), text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=LIMIT, check=False)
        return done.stdout, done.returncode
