#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Persistent reservations of a block device by the kernel's ioctls.

    pr.py DEVICE register OLD NEW | reserve KEY TYPE | release KEY TYPE |
                 preempt OLD NEW TYPE | preempt-abort OLD NEW TYPE | clear KEY

Keys are hexadecimal. TYPE: 1 write exclusive, 2 exclusive access, 3 and 4 the same for
registrants only, 5 and 6 for all registrants. An error is printed by its name and ends
the program with 1.
"""

import errno
import fcntl
import os
import struct
import sys

# number and layout of each, from the kernel's interface
CALLS = {
    "register": (200, "QQII"),
    "reserve": (201, "QII"),
    "release": (202, "QII"),
    "preempt": (203, "QQII"),
    "preempt-abort": (204, "QQII"),
    "clear": (205, "QII"),
}


def main():
    device, name, *words = sys.argv[1:]
    number, layout = CALLS[name]
    fields = [int(w, 16) for w in words]
    fields += [0] * (len(layout) - len(fields))
    arg = struct.pack(layout, *fields)
    request = 1 << 30 | len(arg) << 16 | ord("p") << 8 | number
    fd = os.open(device, os.O_RDWR)
    try:
        rc = fcntl.ioctl(fd, request, bytearray(arg))
    except OSError as e:
        print(errno.errorcode[e.errno])
        return 1
    if rc:
        print(f"status {rc:#x}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
