# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Runs of the weft tool, and what every one of them has to be like."""
import os
import subprocess
import unittest

from daemon import DaemonTest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
CLI = os.environ.get("WEFT_CLI", "build/asan/weft")
NQN = "nqn.2026-11.io.weft:disk1"
OK, FAILED, USAGE, MISSING, DENIED = range(5)


class Result:
    """What one run of the tool came to."""

    def __init__(self, args, done):
        self.args, self.code, self.out, self.err = args, done.returncode, done.stdout, done.stderr
        assert "Sanitizer" not in self.err and "runtime error" not in self.err, self.err
        assert self.code in range(10), f"{args}: exit code {self.code}: {self.err}"


def weft(*args, env=None):
    environment = dict(os.environ, ASAN_OPTIONS="exitcode=99",
                       UBSAN_OPTIONS="print_stacktrace=1", **(env or {}))
    done = subprocess.run([CLI, *args], capture_output=True, text=True, timeout=60, check=False,
                          env=environment, errors="surrogateescape")
    return Result(args, done)


class CliTest(unittest.TestCase):
    def expect(self, code, *args, says=None, **more):
        r = weft(*args, **more)
        self.assertEqual(r.code, code, f"{args}: {r.out}{r.err}")
        if code:
            self.assertTrue(r.err.startswith(("weft: ", "Usage: ")), f"{args}: {r.err}")
        else:
            self.assertEqual(r.err, "", args)
        for words in [says] if isinstance(says, str) else says or ():
            self.assertIn(words, r.out if code == OK else r.err, args)
        return r

    def complete(self, *words, **env):
        """What the shell offers for the last of these words."""
        script = ('. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _weft; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        path = f"{os.path.dirname(os.path.realpath(CLI))}:{os.environ['PATH']}"
        done = subprocess.run(["bash", "--norc", "-c", script,
                               TOP + "/tools/completion/weft.bash", "weft", *words],
                              capture_output=True, text=True, check=True,
                              env=dict(os.environ, PATH=path, ASAN_OPTIONS="exitcode=99", **env))
        self.assertEqual(done.stderr, "")
        return done.stdout.splitlines()


class TargetTest(DaemonTest, CliTest):
    def run_cli(self, code, *args, **more):
        return self.expect(code, "target", *args, "-r", self.daemon.path, **more)
