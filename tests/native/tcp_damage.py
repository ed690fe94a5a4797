#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""The initiator and the daemon with somebody between them, who passes on what they say in
other pieces, or with one bit changed. With both digests no change goes unnoticed: what is
said to have been read or written is right, and everything else is an error that is told."""
import os
import random
import unittest

from tcp_between import Between, by_way_of
from tcp_disk import OK, TcpTest, run_weft

DIGESTS = "hdr_digest,data_digest"
BLOCKS = 16
CHANGES = 16        # per direction


class Damage(TcpTest):
    blocks = 4096
    # several R2Ts and data PDUs, and not everything in one capsule
    transport = {"in_capsule_data_size": 4096}

    def through(self, between, command, *args, data=None):
        """The tool by way of somebody: (exit code, stdout)."""
        with by_way_of(between, self):
            string = self.string(DIGESTS)
        return self.run_tool("io", command, string, "--lba", "0", *args, data=data)

    def run_tool(self, *args, data=None):
        code, out, err = run_weft(*args, data=data)
        self.assertEqual(code == OK, err == "", err)
        return code, out

    def on_disk(self):
        return self.read(0, BLOCKS)

    def write(self, between, data):
        return self.through(between, "write", "--file", "-", data=data)[0]

    def test_pieces(self):
        for pieces in ([1], [1, 2, 3, 5, 7, 71, 8], [24, 4, 4096], [76]):
            with self.subTest(pieces=pieces), Between(self.port, pieces) as b:
                data = os.urandom(BLOCKS * 512)
                self.assertEqual(self.write(b, data), OK)
                self.assertEqual(self.on_disk(), data)
                self.assertEqual(self.through(b, "read", "--blocks", str(BLOCKS), "--file", "-"),
                                 (OK, data))

    def test_changes_while_reading(self):
        data = os.urandom(BLOCKS * 512)
        self.io("write", "--lba", 0, "--file", "-", data=data)
        rng = random.Random(3)
        read = ("read", "--blocks", str(BLOCKS), "--file", "-")
        with Between(self.port) as b:
            self.assertEqual(self.through(b, *read), (OK, data))
            passed = b.passed
        noticed = 0
        for n in range(2 * CHANGES):
            flip = (n % 2, rng.randrange(passed[n % 2]), 1 << rng.randrange(8))
            with self.subTest(flip=flip), Between(self.port, flip=flip) as b:
                code, out = self.through(b, *read)
                noticed += code != OK
                if code == OK:
                    self.assertEqual(out, data)
        self.assertGreater(noticed, CHANGES // 2)
        self.assertEqual(self.on_disk(), data)

    def test_changes_while_writing(self):
        rng = random.Random(4)
        old = bytes(BLOCKS * 512)
        with Between(self.port) as b:
            self.assertEqual(self.write(b, old), OK)
            passed = b.passed
        noticed = 0
        for n in range(2 * CHANGES):
            flip = (n % 2, rng.randrange(passed[n % 2]), 1 << rng.randrange(8))
            new = rng.randbytes(len(old))
            with self.subTest(flip=flip), Between(self.port, flip=flip) as b:
                code = self.write(b, new)
                noticed += code != OK
                got = self.on_disk()
                self.assertIn(got, (new,) if code == OK else (new, old))
                old = got
        self.assertGreater(noticed, CHANGES // 2)


if __name__ == "__main__":
    unittest.main()
