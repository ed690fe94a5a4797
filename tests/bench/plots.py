# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""SVG plots of rows (results.py): IOPS, latency, and what instructions are spent on."""

import os
import re

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402

from instructions import PARTS  # noqa: E402
from results import KEY, PAIRS, PEER, medians  # noqa: E402

# text stays text, and the same figures make the same file
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "weft", "font.size": 9,
                            "axes.spines.top": False, "axes.spines.right": False})
COLOURS = ("#888888", "#6ba6d6", "#d9a55c", "#2c6e49")


def pair_name(pair):
    return {"intree": "in-tree"}.get(pair[0], pair[0]) + " → " + pair[1]


def kib(size):
    return f"{size // 1024} KiB"


def save(figure, path):
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    with open(path, encoding="utf-8") as f:
        text = f.read()
    with open(path, "w", encoding="utf-8") as f:
        f.write(re.sub(r"[ \t]+$", "", text, flags=re.M))


def workloads(figures, transport):
    """(size, pattern, depth) of one queue and the memory back end, in order."""
    return sorted({(k[KEY.index("bs")], k[KEY.index("pattern")], k[KEY.index("depth")])
                   for k in figures if k[0] == transport and k[3:5] == ("memory", 1)})


def bars(figures, transport, column, title, path):
    """Each pair against in-tree and nvmet = 1, for each workload; figures above the bars."""
    loads = workloads(figures, transport)
    figure, axes = pyplot.subplots(figsize=(max(6, 0.95 * len(loads)), 3.6))
    for i, pair in enumerate(PAIRS):
        for at, (size, pattern, depth) in enumerate(loads):
            tail = ("memory", 1, pattern, size, depth)
            mine, peer = (figures.get((transport, *p, *tail)) for p in (pair, PEER))
            if not mine or not peer:
                continue
            x, ratio = at + (i - 1.5) * 0.2, mine[column] / peer[column]
            axes.bar(x, ratio, 0.19, color=COLOURS[i], label=pair_name(pair) if not at else None)
            axes.text(x, ratio, f" {mine[column]:.0f}", rotation=90, ha="center", va="bottom",
                      fontsize=6)
    axes.set_xticks(range(len(loads)), [f"{kib(s)}\n{p}\ndepth {d}" for s, p, d in loads])
    axes.set_ylabel("in-tree → nvmet = 1")
    axes.set_title(title)
    axes.axhline(1, color="#bbbbbb", linewidth=0.8, zorder=0)
    axes.margins(y=0.18)
    axes.legend(ncols=4, fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.22))
    save(figure, path)


def stacks(rows, transport, path):
    """Instructions per 4 KiB I/O at depth 32, by part of the system."""
    chosen = {}
    for r in rows:
        if r["transport"] == transport and r.get("instructions") and r["backend"] == "memory" and \
                (r["queues"], r["bs"], r["depth"]) == (1, 4096, 32):
            chosen[r["pattern"], (r["host"], r["target"])] = r["instructions"]["parts"]
    columns = [(p, pair) for p in sorted({k[0] for k in chosen}) for pair in PAIRS
               if (p, pair) in chosen]
    if not columns:
        return False
    figure, axes = pyplot.subplots(figsize=(max(6, 1.1 * len(columns)), 4.2))
    base = [0.0] * len(columns)
    for part, colour in zip(PARTS, pyplot.get_cmap("tab20").colors):
        heights = [chosen[c].get(part, 0) / 1000 for c in columns]
        axes.bar(range(len(columns)), heights, 0.7, bottom=base, color=colour, label=part)
        base = [b + h for b, h in zip(base, heights)]
    axes.set_xticks(range(len(columns)), [f"{p}\n{pair_name(pair)}" for p, pair in columns],
                    fontsize=7)
    axes.set_ylabel("thousand instructions per I/O")
    axes.set_title(f"Whole guest, {transport}, 4 KiB, depth 32")
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    save(figure, path)
    return True


def draw(rows, transport, folder):
    """Writes the plots that the rows allow, none without the peer; returns their names."""
    figures = medians(rows)
    names = []
    if not any(k[:3] == (transport, *PEER) for k in figures):
        return names
    for column, what, title in ((0, "iops", "IOPS (more is better)"),
                                (1, "p50", "median latency in µs (less is better)")):
        names.append(f"{transport}-{what}.svg")
        bars(figures, transport, column, f"{transport}: {title}", os.path.join(folder, names[-1]))
    names.append(f"{transport}-instructions.svg")
    if not stacks(rows, transport, os.path.join(folder, names[-1])):
        names.pop()
    return names
