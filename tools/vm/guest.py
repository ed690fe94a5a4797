# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""One QEMU process: its command line, its console, and the dump of a stuck guest.

Used by tools/vm/run. The serial console is a UNIX socket held by us, because a
sysrq over a serial line is a break followed by a letter.
"""

import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import time

DUMP_SECONDS = 60
DUMP_QUIET_SECONDS = 5


def die_with_parent():
    """A runner that is killed takes its guests along."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Guest:
    """A booted kernel. `spec` is the Machine (see run), `role` a or b."""

    def __init__(self, spec, role, out, rundir, nic=None):
        self.spec, self.role, self.out = spec, role, out
        self.rundir = rundir
        self.nic = nic
        self.process = None
        self.console = None
        self.serial = None
        self.qmp_path = os.path.join(rundir, f"qmp-{role}")
        self.serial_path = os.path.join(rundir, f"serial-{role}")

    def command(self):
        s = self.spec
        append = ["console=ttyS0", "panic=-1", "loglevel=8", "mitigations=off",
                  "sysrq_always_enabled", "watchdog_thresh=60",
                  "rcupdate.rcu_cpu_stall_timeout=180", "workqueue.watchdog_thresh=180",
                  "net.ifnames=0", f"weft.role={self.role}"]
        if s.debug:
            # its PCI routing table takes 30 s to fail otherwise
            append += ["pci=noacpi", "kmemleak=on"]
            # a report that is excused must not be the last
            append += ["kasan_multi_shot"]
        append += s.append
        cmd = ["qemu-system-x86_64", *s.accel_args(), "-smp", str(s.smp), "-m", s.mem,
               "-display", "none", "-no-reboot", "-nodefaults",
               "-kernel", os.path.join(s.image, "boot", "vmlinuz-" + s.release),
               "-initrd", s.initramfs, "-append", " ".join(append)]
        for tag, path, ro in (("root", "/", True),
                              ("kmods", f"{s.image}/lib/modules/{s.release}", True),
                              ("out", s.result, False)):
            escaped = path.replace(",", ",,")
            cmd += ["-fsdev", f"local,id={tag},path={escaped},security_model=none,multidevs=remap"
                    + (",readonly=on" if ro else ""),
                    "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
        if s.scratch:
            disk = os.path.join(self.rundir, f"scratch-{self.role}.raw")
            with open(disk, "wb") as f:
                f.truncate(s.scratch)
            cmd += ["-drive", f"file={disk},format=raw,if=virtio,cache=unsafe,discard=unmap"]
        cmd += s.qemu
        if self.nic is not None:
            mac = "52:54:00:00:00:0" + ("1" if self.role == "a" else "2")
            cmd += ["-netdev", f"socket,id=n0,fd={self.nic.fileno()}",
                    "-device", f"virtio-net-pci,netdev=n0,mac={mac}"]
        if s.shell:
            return cmd + ["-serial", "mon:stdio"]
        return cmd + [
            "-chardev", f"socket,id=ser,path={self.serial_path},server=on,wait=on",
            "-serial", "chardev:ser", "-qmp", f"unix:{self.qmp_path},server=on,wait=off"]

    def start(self):
        fds = [self.nic.fileno()] if self.nic is not None else []
        log = None if self.spec.shell else open(os.path.join(self.out, "qemu.log"), "wb")
        self.process = subprocess.Popen(
            self.command(), pass_fds=fds, preexec_fn=die_with_parent,
            stdin=None if self.spec.shell else subprocess.DEVNULL, stdout=log, stderr=log)
        if self.spec.shell:
            return
        self.console = open(os.path.join(self.out, "serial.log"), "wb")
        self.serial = socket.socket(socket.AF_UNIX)
        for _ in range(300):
            try:
                self.serial.connect(self.serial_path)
                break
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def pump(self, seconds):
        """Moves console output into the log; returns whether there was any."""
        if self.serial is None or self.serial.fileno() < 0:
            time.sleep(seconds)
            return False
        ready, _, _ = select.select([self.serial], [], [], seconds)
        if not ready:
            return False
        try:
            data = self.serial.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.serial.close()
            return False
        self.console.write(data)
        self.console.flush()
        return True

    def qmp(self, *commands):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(self.qmp_path)
            f = s.makefile("rw")
            f.readline()
            for c in ({"execute": "qmp_capabilities"}, *commands):
                f.write(json.dumps(c) + "\n")
                f.flush()
                f.readline()

    def dump_tasks(self):
        """sysrq w (blocked tasks), l (CPUs) and t (all tasks) into the console log."""
        for letter in b"wlt":
            try:
                self.qmp({"execute": "chardev-send-break", "arguments": {"id": "ser"}})
                self.serial.sendall(bytes([letter]))
            except OSError:
                return
            quiet = time.monotonic() + DUMP_QUIET_SECONDS
            end = time.monotonic() + DUMP_SECONDS
            while self.running() and time.monotonic() < min(quiet, end):
                if self.pump(0.5):
                    quiet = time.monotonic() + DUMP_QUIET_SECONDS

    def stop(self):
        if self.running():
            self.process.kill()
        if self.process is not None:
            self.process.wait()
        while self.serial is not None and self.serial.fileno() >= 0 and self.pump(0):
            pass
        if self.console is not None:
            self.console.close()
