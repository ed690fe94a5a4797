#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""A small table of what fio wrote with --output-format=json: for each job its writes
and the reads that verified them. Ends with 1 if a job failed or did not read back.

    fio_table.py FILE
"""

import json
import sys

ROW = "{:10} {:7} {:>6} {:>6} {:>7} {:>7} {:>8} {:>6}"


def main():
    bad = False
    print(ROW.format("job", "", "I/Os", "MiB", "IOPS", "MiB/s", "mean us", "errors"))
    with open(sys.argv[1], encoding="utf-8") as f:
        jobs = json.load(f)["jobs"]
    for job in jobs:
        for way, name in (("write", "write"), ("read", "verify")):
            r = job[way]
            print(ROW.format(job["jobname"], name, r["total_ios"],
                             f"{r['io_bytes'] / 2**20:.1f}", f"{r['iops']:.0f}",
                             f"{r['bw'] / 1024:.1f}", f"{r['lat_ns']['mean'] / 1000:.0f}",
                             job["error"]))
            bad |= job["error"] != 0 or not r["total_ios"]
    return 1 if bad or not jobs else 0


if __name__ == "__main__":
    sys.exit(main())
