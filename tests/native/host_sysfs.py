#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""The weft tool's commands on the kernel host, against a host that exists in a copy of
sysfs only: which controllers a device means, what is written to connect, what loading modules
refuses."""
import os
import shutil
import struct
import subprocess
import tempfile
import threading
import unittest

CLI = os.environ.get("WEFT_CLI", "build/asan/weft")
NQN = "nqn.2026-11.io.weft:disk1"
DISCOVERY = "nqn.2014-08.org.nvmexpress.discovery"
HOST = "nqn.2026-11.io.weft:this-host"
HOSTID = "0f01fb42-9f7f-4856-b0b3-51e60b8de349"
OK, FAILED, _, MISSING, DENIED = range(5)


class HostTest(unittest.TestCase):
    # where the program sees what is in the copy
    folders = {"module": "/sys/module", "class": "/sys/class", "block": "/sys/block"}

    def outside(self, *args):
        inside = "".join(f'mount --bind "$0/{f}" {to} && ' for f, to in self.folders.items())
        return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
                inside + 'exec "$@"', self.top, *args]

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sysfs-test-")
        self.addCleanup(folder.cleanup)
        self.top = folder.name
        for name in self.folders:
            os.mkdir(f"{self.top}/{name}")
        done = subprocess.run(self.outside("true"), capture_output=True, check=False)
        if done.returncode:
            self.skipTest(f"no name space of its own: {done.stderr.decode().strip()}")
        self.put("module/weft/initstate", "live")
        self.put("module/weft/parameters/control_device", "(null)")

    def put(self, path, text):
        path = f"{self.top}/{path}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as f:
            f.write(text + "\n" if text else "")

    def link(self, path, to):
        path = f"{self.top}/{path}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.symlink(to, path)

    def subsystem(self, number, *ctrls):
        """With a disk of that number, which all of these controllers lead to."""
        subsys = f"class/nvme-subsystem/nvme-subsys{number}"
        self.link(f"{subsys}/subsystem", "../../nvme-subsystem")
        self.link(f"block/nvme{number}n1/device", f"../../{subsys}")
        for ctrl in ctrls:
            self.put(f"class/nvme/{ctrl}/subsysnqn", f"nqn.2026-11.io.weft:{number}")
            self.put(f"class/nvme/{ctrl}/delete_controller", "")
            self.link(f"{subsys}/{ctrl}", f"../../nvme/{ctrl}")

    def controllers(self):
        return sorted(os.listdir(f"{self.top}/class/nvme"))

    def reap(self, stop):
        """What the kernel does with controllers that are told to go."""
        while not stop.wait(0.02):
            for ctrl in self.controllers():
                if os.path.getsize(f"{self.top}/class/nvme/{ctrl}/delete_controller"):
                    shutil.rmtree(f"{self.top}/class/nvme/{ctrl}")

    def weft(self, code, *args, says=""):
        done = subprocess.run(self.outside(os.path.realpath(CLI), *args), text=True,
                              capture_output=True, timeout=240, check=False,
                              env=dict(os.environ, ASAN_OPTIONS="exitcode=99"))
        codes = code if isinstance(code, tuple) else (code,)
        self.assertIn(done.returncode, codes, f"{args}: {done.stdout}{done.stderr}")
        self.assertIn(says, done.stderr)
        return done.stdout.split()


class Disconnect(HostTest):
    def setUp(self):
        super().setUp()
        # the number of a disk is its subsystem's, and that of nobody else
        self.subsystem(0, "nvme1", "nvme2")
        self.subsystem(1, "nvme0")
        stop = threading.Event()
        reaper = threading.Thread(target=self.reap, args=(stop,))
        reaper.start()
        self.addCleanup(reaper.join)
        self.addCleanup(stop.set)

    def test_controller(self):
        for name in "nvme0", "/dev/nvme1":
            self.assertEqual(self.weft(OK, "disconnect", "-d", name), [name.split("/")[-1]])
        self.assertEqual(self.controllers(), ["nvme2"])

    def test_disk(self):
        """In each form: what led to the disk has gone, and nothing else."""
        for number, name in enumerate(("nvme0n1", "/dev/ng0n1", "nvme0n1p2")):
            if number:
                for folder in "class/nvme-subsystem/nvme-subsys0", "block/nvme0n1":
                    shutil.rmtree(f"{self.top}/{folder}")
                self.subsystem(0, "nvme1", "nvme2")
            self.assertEqual(self.weft(OK, "disconnect", "-d", name), ["nvme1", "nvme2"])
            self.assertEqual(self.controllers(), ["nvme0"])

    def test_no_such(self):
        for name in "nvme7", "nvme0n2", "nvme0c1n1", "ng7n1", "0", "x", "", "nvme":
            self.weft(MISSING, "disconnect", "-d", name, says="no such controller or disk")
        self.weft(MISSING, "disconnect", "-n", "nqn.x", says="nqn.x: no such controller;")
        self.assertEqual(self.controllers(), ["nvme0", "nvme1", "nvme2"])


class Connect(HostTest):
    """What is written to a control device that is a plain file."""

    folders = HostTest.folders | {"dev": "/dev", "etc": "/etc"}
    given = ("-t", "tcp", "-a", "10.9.0.1")
    string = f"transport=tcp,nqn={NQN},traddr=10.9.0.1"

    def written(self, *args):
        self.put("dev/nvme-fabrics", "")
        self.weft(FAILED, *args, says="the control device answers")
        with open(f"{self.top}/dev/nvme-fabrics", encoding="ascii") as f:
            return f.read()

    def test_names_of_this_host(self):
        connect = "connect", *self.given, "-n", NQN
        self.assertEqual(self.written(*connect), self.string)
        names = f",hostnqn={HOST},hostid={HOSTID}"
        self.put("etc/nvme/hostnqn", HOST)
        # the module would not take it with its own hostid
        self.assertEqual(self.written(*connect), self.string)
        self.put("etc/nvme/hostid", HOSTID)
        self.assertEqual(self.written(*connect), self.string + names)
        self.assertEqual(self.written("discover", *self.given),
                         self.string.replace(NQN, DISCOVERY) + names)
        # who says what is to be sent gets that
        self.assertEqual(self.written("connect", self.string), self.string)
        for option, value in ("hostnqn", HOST + "2"), ("hostid", HOSTID.replace("0f", "1f")):
            text = self.written(*connect, f"--{option}", value)
            self.assertEqual(sorted(text.split(",")),
                             sorted(f"{self.string},{option}={value}".split(",")))

    def test_names_that_are_none(self):
        connect = "connect", *self.given, "-n", NQN
        for host, hostid in ((HOST + ",tos=1", HOSTID), ("x" * 224, HOSTID), ("", HOSTID),
                             (HOST, "0" * 8), (HOST, HOSTID + "0"),
                             (HOST, "00000000-0000-0000-0000-000000000000")):
            self.put("etc/nvme/hostnqn", host)
            self.put("etc/nvme/hostid", hostid)
            self.assertEqual(self.written(*connect), self.string)


class Load(HostTest):
    def test_another_control_device(self):
        self.put("module/weft_tcp/initstate", "live")
        self.weft(FAILED, "load", "tcp", "--control-device", "x",
                  says="loaded already and its control device is nvme-fabrics; 'weft unload'")
        self.put("module/weft/parameters/control_device", "x")
        for args in (), ("--control-device", "x"):
            self.assertIn("/dev/x", self.weft(OK, "load", "tcp", *args))
        self.weft(FAILED, "load", "tcp", "--control-device", "y", says="control device is x")


    def module_file(self, name, release):
        """As much of a module as is looked at before it is given to the kernel: one section."""
        info = f"vermagic={release} SMP\0depends=\0".encode()
        names = b"\0.modinfo\0.shstrtab\0"
        header = b"\x7fELF\2\1\1" + bytes(9) + struct.pack(
            "<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, 64, 0, 64, 0, 0, 64, 3, 2)
        at = 64 + 3 * 64
        sections = bytes(64) + b"".join(
            struct.pack("<IIQQQQIIQQ", name, kind, 0, 0, start, len(data), 0, 0, 1, 0)
            for name, kind, start, data in ((1, 1, at, info), (10, 3, at + len(info), names)))
        with open(f"{self.top}/{name}", "wb") as f:
            f.write(header + sections + info + names)

    def test_nothing_is_inserted_alone(self):
        """Without the transport, or with another kernel's, not even the core is tried."""
        shutil.rmtree(f"{self.top}/module/weft")
        load = "load", "tcp", "--dir", self.top
        self.weft(MISSING, *load, says="/weft.ko: No such file")
        self.module_file("weft.ko", os.uname().release)
        self.weft(MISSING, *load, says="/weft-tcp.ko: No such file")
        self.module_file("weft-tcp.ko", "6.0.0-other")
        self.weft(FAILED, *load, says="weft-tcp.ko is built for kernel 6.0.0-other, but")
        with open(f"{self.top}/weft-tcp.ko", "w", encoding="ascii") as f:
            f.write("text")
        self.weft(FAILED, *load, says="weft-tcp.ko: no kernel module")
        # both go to the kernel, which takes no modules from here, if it takes any
        self.module_file("weft-tcp.ko", os.uname().release)
        self.weft((DENIED, FAILED), *load, says="/weft.ko: ")


if __name__ == "__main__":
    unittest.main()
