#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Connect strings that the control device has to refuse.

    bad_connects.py DEVICE NAME=VALUE... < TABLE

Each line of the table is `ERRNO | what the reason must contain | string`. In both
texts {NAME} stands for the value given, and escapes are those of Python (\\x00, \\n);
{pad:N} is N times the letter x. Empty lines and lines that begin with # are passed over.

Each string is written to a fresh descriptor. The write must fail with ERRNO, a read of
the same descriptor must give one line with that number and the reason, and the kernel
log must have the reason too. Prints a line for each and ends with 1 if one is wrong.
"""

import errno
import os
import re
import sys
import time

ATTEMPTS = 40       # the log is rate-limited: a dropped line is provoked again


class KernelLog:
    """What the kernel logs from now on."""

    def __init__(self):
        self.fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self.fd, 0, os.SEEK_END)

    def new_lines(self):
        lines = []
        while True:
            try:
                record = os.read(self.fd, 8192)
            except BlockingIOError:
                return lines
            except BrokenPipeError:
                continue            # records were overwritten: go on with the next
            text = record.split(b";", 1)[1].split(b"\n", 1)[0].decode()
            lines.append(re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), text))


def expand(text, values):
    """The bytes that a text of the table stands for."""
    text = text.encode().decode("unicode_escape")
    text = re.sub(r"\{pad:(\d+)\}", lambda m: "x" * int(m[1]), text)
    return re.sub(r"\{(\w+)\}", lambda m: values[m[1]], text)


def table(values):
    for line in sys.stdin:
        line = line.rstrip("\n")
        if not line or line.startswith("#"):
            continue
        name, says, string = line.split(" | ", 2)
        yield name, expand(says, values), expand(string, values).encode("latin-1")


def attempt(device, string):
    """(errno of the write, what the descriptor says then)"""
    fd = os.open(device, os.O_RDWR)
    try:
        os.write(fd, string)
        err = 0
    except OSError as e:
        err = e.errno
    said = os.read(fd, 4096).decode()
    os.close(fd)
    return err, said


def check(device, log, name, says, string):
    """What is wrong, or nothing."""
    want = getattr(errno, name)
    for n in range(ATTEMPTS):
        log.new_lines()
        err, said = attempt(device, string)
        if err != want:
            return f"write: {errno.errorcode.get(err, err)} instead of {name}; read: {said!r}"
        m = re.fullmatch(r"error=(-\d+),reason=(.+)\n", said)
        if not m or int(m[1]) != -want:
            return f"read: {said!r} instead of error={-want},reason=..."
        if says not in m[2]:
            return f"reason {m[2]!r} does not say {says!r}"
        expected = f"weft: connect refused: {m[2]} (error {-want})"
        lines = log.new_lines()
        if expected in lines:
            return None
        time.sleep(0.2)
    return f"the kernel log has {lines!r} instead of {expected!r}"


def main():
    device = sys.argv[1]
    values = dict(a.split("=", 1) for a in sys.argv[2:])
    log = KernelLog()
    count = wrong = 0
    for name, says, string in table(values):
        problem = check(device, log, name, says, string)
        shown = repr(string)[2:-1]
        shown = shown if len(shown) <= 100 else shown[:97] + "..."
        count += 1
        if problem:
            wrong += 1
            print(f"WRONG {shown}: {problem}", flush=True)
        else:
            print(f"{name} {says} <- {shown}", flush=True)
    print(f"{count} strings, {wrong} wrong")
    return 1 if wrong or not count else 0


if __name__ == "__main__":
    sys.exit(main())
