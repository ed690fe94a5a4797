#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""A block device (a loop device) as a disk: data, deallocation, zeroes, growth, the lock.
Needs root and loop devices; skipped without."""
import os
import subprocess
import tempfile
import unittest

from tcp_disk import NQN, TcpTest

MIB = 1 << 20


def losetup(*args):
    return subprocess.run(["losetup", *args], capture_output=True, text=True, check=False)


class Block(TcpTest):
    def setUp(self):
        self.file = tempfile.NamedTemporaryFile(prefix="weft-loop-", dir="/var/tmp")
        self.addCleanup(self.file.close)
        self.file.truncate(8 * MIB)
        made = losetup("--find", "--show", self.file.name)
        if made.returncode:
            self.skipTest(f"no loop device: {made.stderr.strip()}")
        self.loop = made.stdout.strip()
        self.addCleanup(losetup, "--detach", self.loop)
        super().setUp()

    def serve(self):
        super().serve()
        d = self.daemon
        d.ok("nvmf_subsystem_remove_ns", {"nqn": NQN, "nsid": 1})
        d.ok("bdev_aio_create", {"name": "blk", "filename": self.loop})
        d.ok("nvmf_subsystem_add_ns", {"nqn": NQN, "namespace": {"bdev_name": "blk", "nsid": 1}})

    def medium(self, at, length):
        """What is below, after a flush."""
        self.io("flush")
        with open(self.file.name, "rb") as f:
            f.seek(at)
            return f.read(length)

    def discards(self):
        """Can the file system below do it?"""
        with open(f"/sys/block/{os.path.basename(self.loop)}/queue/discard_max_bytes") as f:
            return int(f.read())

    def test_data_and_zeroes(self):
        d = self.daemon
        b = d.ok("bdev_get_bdevs", {"name": "blk"})[0]
        self.assertEqual((b["num_blocks"], b["driver_specific"]["aio"]["filename"]),
                         (8 * MIB // 512, self.loop))
        data = os.urandom(128 * 1024)
        self.write(16, data)
        self.assertEqual(self.read(16, 256), data)
        self.assertEqual(self.medium(16 * 512, len(data)), data)
        self.io("write-zeroes", "--lba", 16, "--blocks", 128)
        self.assertEqual(self.read(16, 256), bytes(65536) + data[65536:])
        self.assertEqual(self.medium(16 * 512, len(data)), bytes(65536) + data[65536:])
        space = os.stat(self.file.name).st_blocks
        self.io("dsm", "--ranges", "144+64", "--deallocate")
        self.assertEqual(self.read(208, 64), data[-32768:])
        if self.discards():
            # it is gone from what is below, in blocks and in space
            self.assertEqual(self.medium(144 * 512, 64 * 512), bytes(64 * 512))
            self.assertLess(os.stat(self.file.name).st_blocks, space)
        e = d.refused("bdev_uring_create", {"name": "second", "filename": self.loop})
        self.assertEqual(e["code"], -16)

    def test_growth(self):
        self.file.truncate(12 * MIB)
        self.assertEqual(losetup("--set-capacity", self.loop).returncode, 0)
        self.assertEqual(self.daemon.ok("bdev_get_bdevs", {"name": "blk"})[0]["num_blocks"],
                         8 * MIB // 512)
        self.daemon.ok("bdev_aio_rescan", {"name": "blk"})
        self.assertEqual(self.daemon.ok("bdev_get_bdevs", {"name": "blk"})[0]["num_blocks"],
                         12 * MIB // 512)
        last = 12 * MIB // 512 - 8
        data = os.urandom(4096)
        self.write(last, data, "--fua")
        self.assertEqual(self.read(last, 8), data)


if __name__ == "__main__":
    unittest.main()
