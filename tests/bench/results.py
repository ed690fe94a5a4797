# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""From the files that a guest left (lib.sh, rdma-guest.sh) to rows, and to medians."""

import collections
import json
import os
from statistics import median

from instructions import Names, Profile

FIELDS = ("transport", "host", "target", "backend", "queues", "round", "pattern", "bs", "depth")
KEY = tuple(f for f in FIELDS if f != "round")
# host and target, the peer first
PEER = ("intree", "nvmet")
PAIRS = (PEER, ("weft", "nvmet"), ("intree", "weft"), ("weft", "weft"))
TOP_FUNCTIONS = 40
# cells whose functions are told of: bs, depth, queues, backend
TOLD = (4096, 32, 1, "memory")
# calls of epoll, and those that slept
OF_REACTORS = ("fd_polls", "sleeps")
UNITS = {"k": 1 << 10, "m": 1 << 20}


def size(text):
    """4k, or a number of bytes."""
    text = str(text).lower()
    return int(text[:-1]) * UNITS[text[-1]] if text[-1] in UNITS else int(text)


def read(*names):
    with open(os.path.join(*names), encoding="utf-8") as f:
        return f.read()


def fio_figures(folder):
    """IOPS, and percentiles of the slower of reads and writes."""
    job = json.loads(read(folder, "fio.json"))["jobs"][0]
    sides = [job[way] for way in ("read", "write") if job[way]["total_ios"]]
    if job["error"] or not sides:
        raise ValueError(f"{folder}: fio failed: {job['error']}")
    row = {"ios": sum(s["total_ios"] for s in sides),
           "iops": round(sum(s["iops"] for s in sides), 1)}
    for name, percentile in (("p50_us", "50.000000"), ("p99_us", "99.000000")):
        row[name] = max(s["lat_ns"]["percentile"][percentile] for s in sides) / 1000
    return row


def host_counters(folder):
    def one(when):
        words = (line.split() for line in read(folder, "host." + when).splitlines())
        return {name: int(value) for name, value in words}
    return one("before"), one("after")


def target_counters(folder):
    """Counts of the devices of all poll groups, and of reactors' calls, added up."""
    def one(when):
        text, total = read(folder, "target." + when), collections.Counter()
        stats, statistics = json.loads(text) if text else ({}, {})
        for group in stats.get("poll_groups", ()):
            for transport in group["transports"]:
                for device in transport.get("devices", [transport]):
                    total.update({n: v for n, v in device.items()
                                  if isinstance(v, int) and n != "request_latency"})
        for reactor in statistics.get("reactors", ()):
            total.update({n: reactor[n] for n in OF_REACTORS})
        return total
    return one("before"), one("after")


def per_io(before, after, ios_name):
    """Growth of each counter per I/O, where the counters tell how many I/Os there were."""
    ios = after.get(ios_name, 0) - before.get(ios_name, 0)
    if ios <= 0:
        return {}
    grown = {n: (after[n] - before.get(n, 0)) / ios for n in after if n != ios_name}
    return {n: round(v, 3) for n, v in sorted(grown.items()) if v > 0}


def is_told(row):
    return (row["bs"], row["depth"], row["queues"], row["backend"]) == TOLD


def cell(folder, names):
    row = dict(zip(FIELDS, read(folder, "cell").split()))
    for field in ("queues", "round", "depth"):
        row[field] = int(row[field])
    row["bs"] = size(row["bs"])
    row.update(fio_figures(folder))
    for name, figures in (("host_counters", per_io(*host_counters(folder), "commands")),
                          ("target_counters", per_io(*target_counters(folder), "requests"))):
        if figures:
            row[name] = figures
    counted = os.path.join(folder, "instructions")
    if os.path.exists(counted):
        ios, _ = map(int, read(folder, "window").split())
        profile = Profile(counted, names)
        row["instructions"] = profile.per_io(ios)
        if is_told(row):
            row["instructions"].update(profile.functions_per_io(ios, TOP_FUNCTIONS))
    return row


def cells(out):
    """Rows of the cells below the result folder of a guest that were finished, and lines
    that it made itself."""
    rows = []
    folder = os.path.join(out, "cells")
    found = sorted(os.listdir(folder), key=int) if os.path.isdir(folder) else ()
    found = [os.path.join(folder, n) for n in found]
    found = [f for f in found if os.path.exists(os.path.join(f, "cell"))]
    if found:
        names = Names(out)
        rows += [cell(f, names) for f in found]
    lines = os.path.join(out, "results.jsonl")
    if os.path.exists(lines):
        rows += [json.loads(line) for line in read(lines).splitlines()]
    for row in rows:
        row["bs"] = size(row["bs"])
        row.setdefault("backend", "memory")
        row.setdefault("queues", 1)
    return rows


def verbs(out):
    """What the link itself does: messages a second, by perftest; None: it gave no figure."""
    rows = []
    folder = os.path.join(out, "verbs")
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        if name.endswith(".server"):
            continue
        operation, length, depth = name.split("-")
        words = (line.split() for line in read(folder, name).splitlines())
        rates = [round(float(w[4]) * 1e6) for w in words if len(w) == 5 and w[0] == length]
        rows.append({"operation": operation, "bytes": int(length), "depth": int(depth),
                     "per_second": rates[0] if rates else None})
    return rows


def published(folder, transport):
    """(what was measured on, rows, links) of a JSON file of `make bench`."""
    lines = json.loads(read(folder, f"{transport}.json"))
    return (lines[0]["about"], [x for x in lines if "transport" in x],
            [x for x in lines if "operation" in x])


def key(row):
    return tuple(row[f] for f in KEY)


def medians(rows):
    """{key: (IOPS, p50, p99)} over the rounds."""
    groups = {}
    for r in rows:
        groups.setdefault(key(r), []).append((r["iops"], r["p50_us"], r["p99_us"]))
    return {k: tuple(median(x) for x in zip(*v)) for k, v in groups.items()}


def spread(rows):
    """{key: (greatest - least) / median of the IOPS} of cells that ran more than once."""
    groups = {}
    for r in rows:
        groups.setdefault(key(r), []).append(r["iops"])
    return {k: (max(v) - min(v)) / median(v) for k, v in groups.items() if len(v) > 1}
