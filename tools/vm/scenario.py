# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""What a scenario says of itself: `# key: value` lines among the comments at its head.

Used by tools/vm/run and tests/vm/run-all; Documentation/testing.md has the keys.
"""

import re

KEYS = ("guests", "mem", "smp", "timeout", "scratch", "append", "daemon",
        "kernels", "check-kernels", "tier", "debug")
# these may come several times
LISTS = ("allow", "says", "qemu")


def headers(script=None):
    """{key: value} of KEYS that are there, and {key: [values]} of all LISTS."""
    found = {key: [] for key in LISTS}
    for key, value in heads(script) if script else ():
        if key in LISTS:
            found[key].append(value)
        elif key in KEYS:
            found[key] = value
    return found


def heads(script):
    with open(script, encoding="utf-8") as f:
        for line in f:
            if not line.startswith("#"):
                return
            m = re.match(r"# ([\w-]+): *(.*\S)", line)
            if m:
                yield m.groups()
