#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""What make bench makes of the files that a guest leaves: figures per I/O, instructions
by part of the system, ratios to the in-tree pair, the spread of repeated cells.
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile
import types

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
# instead of this folder, whose statistics.py is not Python's
sys.path[:1] = [os.path.join(TOP, "tests", "bench"), os.path.join(TOP, "tools", "vm")]
sys.dont_write_bytecode = True
from instructions import is_host, program_symbols  # noqa: E402
from matrix import DEALT, FULL, cells_of, choice, shares  # noqa: E402
from report import page  # noqa: E402
from results import cells, published, spread, verbs  # noqa: E402
from scenario import headers  # noqa: E402

KALLSYMS = """ffffffff81000000 T _stext
ffffffff81001000 t blk_mq_submit_bio
ffffffff81002000 D not_code
ffffffff81003000 T memcpy
ffffffffc0001000 t weft_rdma_queue_rq\t[weft_rdma]
ffffffffc0005000 t nvme_rdma_queue_rq\t[nvme_rdma]
"""
COUNTED = """ffffffff81001010 5000
ffffffff81002500 500
ffffffff81003000 4000
ffffffffc0001200 {host}
55550010 700
1000 300
"""
VERBS = """ #bytes     #iterations    BW peak[MB/sec]    BW average[MB/sec]   MsgRate[Mpps]
 4096       2000           120.1              118.2              0.030261
"""


def write(text, *names):
    os.makedirs(os.path.dirname(os.path.join(*names)), exist_ok=True)
    with open(os.path.join(*names), "w", encoding="utf-8") as f:
        f.write(text)


def fio(iops):
    side = {"total_ios": 100, "iops": iops, "lat_ns": {
        "percentile": {"50.000000": 20000, "99.000000": 90000}}}
    return json.dumps({"jobs": [{"error": 0, "read": side, "write": {"total_ios": 0}}]})


def target(n):
    device = {"name": "rxe0", "requests": n, "total_send_wrs": 2 * n}
    stats = {"poll_groups": [{"transports": [{"trtype": "RDMA", "devices": [device]}]}]}
    reactor = {"name": "0", "fd_polls": n // 4, "sleeps": n // 8, "turns": n}
    return json.dumps([stats, {"reactors": [reactor, reactor]}])


def cell(out, number, words, iops, host):
    """host: instructions of the address that belongs to Weft's host, in 100 I/Os."""
    folder = os.path.join(out, "cells", str(number))
    ours = "weft" in words
    write(fio(iops), folder, "fio.json")
    for when, n in (("before", 1000), ("after", 3000)):
        write(f"commands {n}\ndoorbells {n // 10}\n" if ours else "", folder, f"host.{when}")
        write(target(n) if ours else "", folder, f"target.{when}")
    write("100 300000000\n", folder, "window")
    write(COUNTED.format(host=host), folder, "instructions")
    write(f"rdma {words} memory 1 1 randread 4k 32\n", folder, "cell")


def expect(what, is_, want):
    if is_ != want:
        sys.exit(f"{what}: {is_}, not {want}")


# one function is exported, the next one has no name
LIBRARY = """.text
.globl named
.type named, @function
named: nop
.size named, .-named
.type hidden, @function
hidden: nop
.size hidden, .-hidden
"""


def names_of_functions():
    for name in "weft:weft_setup_rq", "weft_tcp:push", "nvme_core:nvme_setup_rw":
        expect(name, is_host(name), True)
    for name in "weft-target:poll_cq", "nvmet_rdma:nvmet_rdma_send_done", "nvme_other:x":
        expect(name, is_host(name), False)
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        library = os.path.join(folder, "lib.so")
        subprocess.run(["gcc", "-shared", "-nostdlib", "-s", "-x", "assembler", "-", "-o", library],
                       input=LIBRARY, text=True, check=True)
        symbols = program_symbols(library)
        start = symbols.starts[symbols.names.index(("named", ""))]
        expect("names", [symbols.at(start + i)[0] for i in range(2)], ["named", "(not exported)"])


# Of 32 cells that a busy machine measured in one boot the slowest took 115 seconds, the
# mean was 27
CELL_SECONDS = 60


def limit(transport):
    """Seconds that a guest of this transport has."""
    return int(headers(os.path.join(TOP, "tests", "bench", f"{transport}-guest.sh"))["timeout"])


def guests_end_in_time():
    for full in "", "full":
        os.environ["BENCH"] = full
        for transport in "rdma", "tcp":
            chosen = choice(transport)
            whole = {tuple(s[name] for name in DEALT) for s in shares(chosen)}
            expect("shares", len(whole), 24 if full else 4)
            expect("cells in all", sum(map(cells_of, shares(chosen))), cells_of(chosen))
            for share in shares(chosen):
                took = cells_of(share) * CELL_SECONDS
                expect(f"{transport}: {took} s fit {limit(transport)}", took <= limit(transport),
                       True)
    expect("too many for one guest", cells_of(FULL) * CELL_SECONDS > limit("rdma"), True)
    os.environ["BENCH"] = ""
    expect("depth of TCP's budgets", "128" in choice("tcp")["DEPTHS"].split(), True)
    os.environ["BOUNCE"] = "0"
    expect("bounce_bytes", choice("rdma")["BOUNCE"], "0")


def published_in_spite_of(out, folder):
    """One guest of two failed: what the other one left is published, with its link."""
    # the plots need a library that only `make bench` wants
    sys.modules["plots"] = types.SimpleNamespace(draw=lambda *_: [])
    path = os.path.join(sys.path[0], "run")
    loader = importlib.machinery.SourceFileLoader("run", path)
    run = importlib.util.module_from_spec(importlib.util.spec_from_loader("run", loader))
    loader.exec_module(run)
    guests = iter([(os.path.join(out, "nothing"), False), (out, True)])
    run.measure = lambda *_: next(guests)
    os.environ.update(QUEUES="1 2", SIZES="4k", PATTERNS="randread")
    with contextlib.redirect_stdout(io.StringIO()):
        expect("all well", run.bench("rdma", "6.12", "icount", folder), False)
    about, rows, links = published(folder, "rdma")
    expect("published", (len(rows), len(links)), (3, 2))
    expect("about", "Linux 6.12.0" in about and "BOUNCE=0" in about, True)
    expect("page", os.path.exists(os.path.join(folder, "rdma.md")), True)


def main():
    names_of_functions()
    guests_end_in_time()
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as out:
        write(KALLSYMS, out, "kallsyms")
        write("55550000-55560000 r-xp 0 0 0 /weft-target\n56000000-56001000 r--p 0 0 0 /x\n",
              out, "target.maps")
        write(VERBS, out, "verbs", "write-4096-32")
        write(" Unable to init the socket connection\n", out, "verbs", "read-4096-32")
        write("", out, "verbs", "write-4096-32.server")
        cell(out, 1, "intree nvmet", 1000, 0)
        cell(out, 2, "weft weft", 1500, 20000)
        cell(out, 10, "weft weft", 1530, 20000)
        # where the guest ended
        write("", out, "cells", "11", "fio.json")
        rows = cells(out)
        expect("order of cells", [r["iops"] for r in rows], [1000, 1500, 1530])
        expect("size", rows[0]["bs"], 4096)
        expect("parts", rows[1]["instructions"]["parts"],
               {"host": 200.0, "target": 7.0, "block": 55.0, "memory": 40.0, "load": 3.0})
        expect("counters", (rows[1]["host_counters"], rows[1]["target_counters"]),
               ({"doorbells": 0.1}, {"fd_polls": 0.5, "sleeps": 0.25, "total_send_wrs": 2.0}))
        expect("counters of the peer", "host_counters" in rows[0], False)
        expect("spread", [round(v, 4) for v in spread(rows).values()], [0.0198])
        links = verbs(out)
        expect("the link", [v["per_second"] for v in links], [None, 30261])
        text = page("rdma", rows, links, "", [])
        for line in ("| randread 4k depth 32 |   weft |   weft | 1515 |  1.51 |",
                     "at most", "weft_rdma:weft_rdma_queue_rq` 200"):
            expect(line, line in text, True)
        write("6.12.0\n", out, "release")
        published_in_spite_of(out, out)


if __name__ == "__main__":
    main()
