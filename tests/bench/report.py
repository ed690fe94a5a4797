# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""The result of a benchmark as a page: tables in Markdown, which also read as text."""

from instructions import PARTS, is_host
from results import KEY, PAIRS, PEER, is_told, medians, spread

TOP = 12


def table(head, rows):
    """A Markdown table whose columns stand under each other."""
    rows = [[str(x) for x in row] for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["| " + " | ".join(x.ljust(w) if i == 0 else x.rjust(w)
                               for i, (x, w) in enumerate(zip(row, widths))) + " |"
             for row in rows]
    rule = "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":"
                          for i, w in enumerate(widths)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"


def workload(pattern, size, depth, backend, queues):
    text = f"{pattern} {size // 1024}k depth {depth}"
    text += "" if backend == "memory" else f", {backend}"
    return text + ("" if queues == 1 else f", {queues} queues")


def in_order(key):
    """Workload first, then the pairs, the peer first."""
    _, host, target, backend, queues, pattern, size, depth = key
    return (backend, queues, size, pattern, depth, PAIRS.index((host, target)))


def figures(rows):
    found = medians(rows)
    lines = []
    for key in sorted(found, key=in_order):
        transport, host, target, backend, queues, pattern, size, depth = key
        mine, peer = found[key], found.get((transport, *PEER, *key[3:]))
        ratio = [f"{m / p:.2f}" if peer else "" for m, p in zip(mine, peer or mine)]
        lines.append((workload(pattern, size, depth, backend, queues), host, target,
                      f"{mine[0]:.0f}", ratio[0], f"{mine[1]:.1f}", ratio[1], f"{mine[2]:.1f}"))
    return table(("workload", "host", "target", "IOPS", "ratio", "p50 µs", "ratio", "p99 µs"),
                 lines)


def counted(rows):
    """The last row of each cell that has instructions."""
    last = {tuple(r[f] for f in KEY): r for r in rows if "instructions" in r}
    return [last[k] for k in sorted(last, key=in_order)]


def row_name(r):
    return workload(*(r[f] for f in ("pattern", "bs", "depth", "backend", "queues")))


def parts(rows):
    chosen = counted(rows)
    shown = [p for p in PARTS if any(p in r["instructions"]["parts"] for r in chosen)]
    lines = [(row_name(r), r["host"], r["target"], f"{r['instructions']['total']:.0f}",
              *(f"{r['instructions']['parts'].get(p, 0):.0f}" for p in shown)) for r in chosen]
    return table(("workload", "host", "target", "all", *shown), lines)


def counters(rows, name, ends):
    """Our counters per I/O; ends: of rows in which `name` is ours."""
    chosen = {tuple(r[f] for f in KEY): r for r in rows if r.get(name)}
    chosen = [chosen[k] for k in sorted(chosen, key=in_order)]
    shown = sorted({c for r in chosen for c in r[name]})
    lines = [(row_name(r), r[ends], *(f"{r[name].get(c, 0):.3f}" for c in shown)) for r in chosen]
    return table(("workload", ends, *shown), lines) if lines else ""


def named(functions):
    return ", ".join(f"`{name.removeprefix('vmlinux:')}` {n:.0f}" for name, n in functions)


def functions(rows):
    """Where the instructions go, for 4 KiB at depth 32: the largest functions of each pair."""
    text = ""
    for r in counted(rows):
        if not is_told(r):
            continue
        every = list(r["instructions"]["functions"].items())
        text += f"\n{row_name(r)}, {r['host']} host, {r['target']} target: {named(every[:TOP])}. " \
            f"Of the host: {named([f for f in every if is_host(f[0])][:TOP])}. " \
            f"Of the target: {named(list(r['instructions']['target'].items())[:TOP])}.\n"
    return text


def page(transport, rows, links, about, plots):
    """All of it. about: what was measured on; links: rows of the raw verbs."""
    text = f"# {transport.upper()}: figures\n\nMade by `make bench`; " \
        f"[the method and its limits](../performance.md). {about}\n"
    text += "".join(f"\n![]({name})\n" for name in plots)
    text += "\n## IOPS and latency\n\nRatios are to the in-tree host with nvmet.\n\n" + figures(rows)
    again = spread(rows)
    if again:
        text += f"\n{len(again)} cells ran more than once: the IOPS of the runs of one cell " \
            f"differ by {100 * max(again.values()):.2f} % at most, " \
            f"{100 * sorted(again.values())[len(again) // 2]:.2f} % in the median.\n"
    if links:
        text += "\n## The link alone\n\nperftest over the same soft-RoCE device.\n\n" + table(
            ("operation", "bytes", "depth", "messages/s"),
            [(v["operation"], v["bytes"], v["depth"], v["per_second"] or "no figure")
             for v in links])
    if counted(rows):
        text += "\n## Instructions per I/O by part of the system\n\n" + parts(rows)
        text += "\n## The functions that run most, 4 KiB at depth 32\n" + functions(rows)
    for name, ends, title in (("host_counters", "target", "Weft's host"),
                              ("target_counters", "host", "Weft's target")):
        lines = counters(rows, name, ends)
        if lines:
            text += f"\n## What {title} counts, per I/O\n\n" + lines
    return text
