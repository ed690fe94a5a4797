#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""The weft tool saves and loads a target's configuration: what becomes of the file."""
import os
import subprocess
import tempfile
import unittest

from tool import CLI, DENIED, FAILED, MISSING, NQN, OK, TargetTest


class Configuration(TargetTest):
    def links_and_pipes(self, d, text):
        """A link and a pipe stay what they are."""
        link, pipe, out = (os.path.join(d, name) for name in ("link", "pipe", "out"))
        os.symlink("out", link)
        self.run_cli(MISSING, "config", "save", link, says="leads to no file")
        with open(out, "w", encoding="utf-8"):
            pass
        self.run_cli(OK, "config", "save", link)
        self.assertEqual(os.readlink(link), "out")
        with open(out, encoding="utf-8") as f:
            self.assertEqual(f.read(), text)
        self.assertEqual(self.run_cli(OK, "config", "save", "/dev/stdout").out, text)
        os.mkfifo(pipe)
        end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.run_cli(OK, "config", "save", pipe)
        self.assertEqual(os.read(end, 1 << 20).decode(), text)
        os.close(end)
        self.run_cli(FAILED, "config", "save", d, says="directory")
        self.assertEqual(sorted(os.listdir(d)), ["config.json", "link", "out", "pipe"])

    def test_access_to_the_file(self):
        """Mode and owner stay, or the file is not replaced."""
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "config.json")
            self.run_cli(OK, "config", "save", path)
            self.assertEqual(os.stat(path).st_mode & 0o7777, 0o600)
            root = os.getuid() == 0
            for mode in 0o640, 0o444:
                if root:
                    os.chown(path, 65534, 65533)
                os.chmod(path, mode)
                before = os.stat(path)
                self.run_cli(OK, "config", "save", path)
                after = os.stat(path)
                self.assertNotEqual(after.st_ino, before.st_ino)
                for what in "st_mode", "st_uid", "st_gid":
                    self.assertEqual(getattr(after, what), getattr(before, what), what)
            if root:
                # the folder is ours, the file is not, and giving it away is the superuser's
                r = subprocess.run(["setpriv", "--bounding-set=-chown", *self.saving(path)],
                                   capture_output=True, text=True, check=False)
                self.assertEqual(r.returncode, DENIED, r.stderr)
                self.assertIn("not replaced: the new file cannot have owner 65534:65533 and mode "
                              "0444", r.stderr)
                self.assertEqual(os.stat(path), after)
            self.assertEqual(os.listdir(d), ["config.json"])

    def saving(self, path):
        return [CLI, "target", "config", "save", path, "-r", self.daemon.path]

    def test_configuration(self):
        self.run_cli(OK, "subsystem", "add", NQN, "--serial", "S1", "--allow-any-host")
        self.run_cli(OK, "bdev", "add", "malloc", "m", "1M")
        self.run_cli(OK, "ns", "add", NQN, "m")
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "config.json")
            self.run_cli(OK, "config", "save", path)
            self.assertEqual(os.listdir(d), ["config.json"])
            with open(path, encoding="utf-8") as f:
                text = f.read()
            self.assertEqual(self.run_cli(OK, "config", "save", "-").out, text)
            self.run_cli(OK, "subsystem", "del", NQN)
            self.run_cli(OK, "bdev", "del", "m")
            self.run_cli(OK, "config", "load", path)
            self.assertEqual(self.run_cli(OK, "config", "save", "-").out, text)
            self.run_cli(MISSING, "config", "save", os.path.join(d, "no", "where"))
            self.links_and_pipes(d, text)
            self.run_cli(MISSING, "config", "load", os.path.join(d, "nosuch"))
            for wrong, words in (("{", "line 1"), ("[]", "subsystems"), ("{}", "subsystems"),
                                 ('{"subsystems":[{"subsystem":"bdev","config":[{"method":"x"}]}]}',
                                  "subsystems[0].config[0]")):
                with open(path, "w", encoding="utf-8") as f:
                    f.write(wrong)
                self.run_cli(FAILED, "config", "load", path, says=words)


if __name__ == "__main__":
    unittest.main()
