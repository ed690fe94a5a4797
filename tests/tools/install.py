#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""What `make install` installs, and where."""
import glob
import os
import re
import shutil
import sys
import unittest

sys.dont_write_bytecode = True
from tree import TOP, ToolTest  # noqa: E402


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


class Install(ToolTest):
    """Of modules that were built for a kernel that is there and for one that is not."""
    COPIES = ("Makefile",)

    def setUp(self):
        super().setUp()
        for release in ("9.1-here", "9.2-away"):
            self.write(f"build/modules/{release}/weft.ko")
            self.place(f"lib/{release}/build/")
        self.write("lib/9.1-here/modules.builtin")

    def make(self, *args, **env):
        return self.run_tool("make", *args, f"prefix={self.tree}/usr", **env)

    def modules(self, root):
        """Where modules are, and what else was made."""
        return sorted(os.path.relpath(f, self.place(root))
                      for f in glob.glob(self.place(root) + "/*/updates/**", recursive=True))

    def test_here(self):
        self.stub("bin/depmod", 'echo "$@" >> "$TREE/depmod"')
        lib = f"modulesdir={self.tree}/lib"
        out, rc = self.make("install", lib)
        self.assertEqual(rc, 0, out)
        self.assertEqual(self.modules("lib"), [
            f"9.1-here/updates{x}" for x in ("", "/weft", "/weft/weft.ko")])
        self.assertIn("9.2-away", out)
        out, rc = self.make("uninstall", lib)
        self.assertEqual((self.modules("lib"), rc), ([], 0), out)
        self.assertEqual(self.read("depmod"), "9.1-here\n9.1-here\n")

    def test_elsewhere(self):
        """A package takes all, and depmod is run where it is installed."""
        self.stub("bin/depmod", "exit 1")
        out, rc = self.make("install", f"DESTDIR={self.tree}/package", "modulesdir=/lib")
        self.assertEqual(rc, 0, out)
        self.assertEqual([x for x in self.modules("package/lib") if x.endswith(".ko")],
                         ["9.1-here/updates/weft/weft.ko", "9.2-away/updates/weft/weft.ko"])
        out, rc = self.make("uninstall", f"DESTDIR={self.tree}/package", "modulesdir=/lib")
        self.assertEqual((self.modules("package/lib"), rc), ([], 0), out)

    def test_path_of_a_user(self):
        """`su` leaves the user's, where depmod is not; it knows of no 9.1-here."""
        out, _ = self.make("install", f"modulesdir={self.tree}/lib", PATH="/usr/bin:/bin")
        self.assertIn("depmod: ERROR", out)


class Documents(ToolTest):
    COPIES = ("Makefile", "README.md")

    def test_links(self):
        """Every relative one in what is installed leads to something that is, too."""
        shutil.copytree(TOP + "/Documentation", self.place("Documentation"))
        root = f"{self.tree}/package/usr/share/doc/weft"
        where = f"DESTDIR={self.tree}/package", "prefix=/usr"
        out, rc = self.run_tool("make", "install", *where)
        self.assertEqual(rc, 0, out)
        found = 0
        for page in glob.glob(root + "/**/*.md", recursive=True):
            with open(page, encoding="utf-8") as f:
                links = re.findall(r"\]\(([^)#\s]+)", f.read())
            for link in (x for x in links if "://" not in x):
                path = os.path.normpath(os.path.join(os.path.dirname(page), link))
                self.assertTrue(os.path.exists(path), f"{page}: {link}")
                self.assertEqual(os.path.commonpath((path, root)), root, f"{page}: {link}")
                found += 1
        self.assertGreater(found, 20)
        self.assertTrue(os.path.exists(root + "/Documentation/performance/rdma.json"))
        out, rc = self.run_tool("make", "uninstall", *where)
        self.assertEqual((os.path.exists(root), rc), (False, 0), out)


class Folder(ToolTest):
    COPIES = ("Makefile",)

    def test_reproducible(self):
        """The folder of a checkout is in no program that is built there."""
        self.stub("tools/deps", "")
        self.write("common/a.c", "int a(int b);\nint a(int b) { return b + 1; }\n")
        self.write("target/main.c", "int a(int b);\nint main(void) { return a(1); }\n")
        for name, variant in (("release", ()), ("asan", ("SANITIZE=address,undefined",))):
            with self.subTest(name):
                out, rc = self.run_tool("make", f"build/{name}/weft-target", *variant)
                self.assertEqual(rc, 0, out)
                with open(self.place(f"build/{name}/weft-target"), "rb") as f:
                    self.assertNotIn(self.tree.encode(), f.read())


unittest.main()
