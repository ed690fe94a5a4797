# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""What the published figures say, as the generated part of Documentation/performance.md:
what each end brings, which goals are kept or missed by how much, where instructions go.

Every figure on that page comes from the JSON files through here (tests/native/docs.py).
"""

from instructions import PARTS
from report import table, workload
from results import PEER, key, medians, published

US, MIXED, OURS = ("weft", "nvmet"), ("intree", "weft"), ("weft", "weft")
READ, WRITE = ("randread", 4096, 32), ("randwrite", 4096, 32)
LATENCY = "p50_us"
# goal for the IOPS of both ends
SPEED = 1.25


class Figures:
    """Rows of one queue and the memory back end, by pair and load: pattern, bytes, depth.

    Of several rounds, as on the pages: medians of IOPS and latency, the last one's counts."""

    def __init__(self, folder):
        self.rows = {}
        for transport in "rdma", "tcp":
            rows = published(folder, transport)[1]
            found = medians(rows)
            for r in rows:
                if (r["backend"], r["queues"]) != ("memory", 1):
                    continue
                iops, p50, _ = found[key(r)]
                self.rows[transport, (r["host"], r["target"]),
                          (r["pattern"], r["bs"], r["depth"])] = {**r, "iops": iops, LATENCY: p50}

    def loads(self, transport, depth=None):
        found = {k[2] for k in self.rows if k[0] == transport and depth in (None, k[2][2])}
        return sorted(found, key=lambda load: (load[1], *load))

    def ratio(self, column, transport, load, pairs):
        """Of the first pair's figure to the second one's."""
        mine, peer = (self.rows[transport, p, load][column] for p in pairs)
        return mine / peer

    def part(self, transport, pair, load, part):
        return self.rows[transport, pair, load]["instructions"]["parts"].get(part, 0)

    def total(self, transport, pair, load):
        return self.rows[transport, pair, load]["instructions"]["total"]

    def function(self, transport, pair, load, name):
        return self.rows[transport, pair, load]["instructions"]["functions"][name]

    def counter(self, end, transport, pair, load, name):
        return self.rows[transport, pair, load][f"{end}_counters"].get(name, 0)


def number(n):
    return f"{n:,.0f}"


# --- what each end brings -----------------------------------------------------

# columns: a pair, and with what it is compared
STEPS = (("host", (US, PEER)), ("target", (MIXED, PEER)), ("both", (OURS, PEER)),
         ("host, Weft's target", (OURS, MIXED)))


def ends(f):
    names = [s[0] for s in STEPS]
    head = ["load", f"IOPS: {names[0]}", *names[1:], f"p50: {names[0]}", *names[1:]]
    lines = [[f"{t.upper()}, {workload(*load, 'memory', 1)}",
              *(f"{f.ratio(c, t, load, pairs):.2f}" for c in ("iops", LATENCY)
                for _, pairs in STEPS)]
             for t in ("rdma", "tcp") for load in f.loads(t)]
    return "Weft's host, its target, or both instead of the in-tree ones; last, its host instead of " \
        "the in-tree\none, both with Weft's target.\n\n" + \
        table(head, lines)


# --- goals --------------------------------------------------------------------

def missed(value, limit, least):
    """In per cent of the limit, by how much where that is 0; nothing if it is kept."""
    lack = limit - value if least else value - limit
    if lack <= 0:
        return ""
    return f"{100 * lack / limit:.1f} %" if limit else f"{lack:.3f}"


def goal(text, limit, values, least=False, places=3):
    """values: (label, value); places that are shown."""
    out = [(label, missed(value, limit, least)) for label, value in values]
    by = [f"{m} ({label})" if len(values) > 1 else m for label, m in out if m]
    return (text, f"{'≥' if least else '≤'} {limit}",
            ", ".join(f"{label} {value:.{places}f}" for label, value in values),
            "missed by " + ", ".join(by) if by else "kept")


def short(load):
    return load[0].removeprefix("rand") + f" {load[1] // 1024}k"


def each(f, transport, loads, value):
    return [(short(load), value(load)) for load in loads if load in f.loads(transport)]


def speed_goals(f):
    deep, flat = f.loads("rdma", 32), f.loads("rdma", 1)
    yield goal("RDMA, IOPS of both at depth 32", SPEED,
               each(f, "rdma", deep, lambda x: f.ratio("iops", "rdma", x, (OURS, PEER))), True, 2)
    for name, pairs in ((s for s in STEPS if s[0] != "target")):
        yield goal(f"RDMA, p50 at depth 1: {name}", 1.0,
                   each(f, "rdma", flat, lambda x, p=pairs: f.ratio(LATENCY, "rdma", x, p)),
                   places=2)
    for target in "weft", "nvmet":
        yield goal(f"RDMA, instructions of the host's modules, target {target}", 0.5,
                   each(f, "rdma", (READ, WRITE), lambda x, t=target:
                        f.part("rdma", ("weft", t), x, "host") /
                        f.part("rdma", ("intree", t), x, "host")), places=2)


def budget(f, text, end, pair, limit, *names):
    """Counters of 4 KiB at depth 32, added up; "-requests" takes one off, for the receive.

    limit: of reads and writes, or of both."""
    def value(load):
        return sum(-1 if n == "-requests" else f.counter(end, "rdma", pair, load, n)
                   for n in names)
    limits = limit if isinstance(limit, tuple) else (limit,)
    for loads, most in zip(((READ,), (WRITE,)) if len(limits) > 1 else ((READ, WRITE),), limits):
        yield goal(text, most, each(f, "rdma", loads, value))


def budget_goals(f):
    for pair in OURS, US:
        who = f"host, with {pair[1]}"
        yield from budget(f, f"{who}: work requests", "host", pair, (2.2, 2), "send_wrs", "recvs")
        yield from budget(f, f"{who}: completions", "host", pair, 1.1, "completions")
        yield from budget(f, f"{who}: doorbells", "host", pair, 0.15, "doorbells")
        yield from budget(f, f"{who}: posts of receives", "host", pair, 0.15, "recv_posts")
        yield from budget(f, f"{who}: DMA mappings", "host", pair, 0, "dma_maps")
    for pair in OURS, MIXED:
        who = f"target, with {pair[0]}"
        yield from budget(f, f"{who}: work requests", "target", pair, (2, 1), "total_send_wrs")
        yield from budget(f, f"{who}: completions of sends", "target", pair, 1.1, "completions",
                          "-requests")
        yield from budget(f, f"{who}: doorbells", "target", pair, 0.2, "send_doorbell_updates")


def goals(f):
    return "Goals. Ratios are to the in-tree host with nvmet, or with the same target where one " \
        "is named;\ncounts are per I/O of 4 KiB at depth 32, receives among work requests only " \
        "of the host.\n\n" + \
        table(("goal", "limit", "figures", ""), [*speed_goals(f), *budget_goals(f)])


# --- where instructions go ----------------------------------------------------

def differences(f):
    columns = [(f"{t.upper()}: {end}", t, pairs) for t in ("rdma", "tcp")
               for end, pairs in (("host", (OURS, MIXED)), ("target", (MIXED, PEER)))]
    lines = [[part, *(f"{f.part(t, a, READ, part) - f.part(t, b, READ, part):+.0f}"
                      for _, t, (a, b) in columns)] for part in PARTS]
    lines.append(["all", *(f"{f.total(t, a, READ) - f.total(t, b, READ):+.0f}"
                           for _, t, (a, b) in columns)])
    return "Instructions per read of 4 KiB at depth 32, by part of the system: what changes when " \
        "Weft's host\ntakes the in-tree one's place before Weft's target, and Weft's target " \
        "nvmet's behind the in-tree host.\n\n" + table(("", *(c[0] for c in columns)), lines)


def room(f, load):
    """For the goal of IOPS: what one I/O may cost, and what is there to be saved."""
    total, peer = f.total("rdma", OURS, load), f.total("rdma", PEER, load)
    ours = sum(f.part("rdma", OURS, load, end) for end in ("host", "target"))
    what = short(load)
    yield f"{what}: all of the guest, both ends Weft's", number(total)
    yield f"{what}: all that {SPEED} times the in-tree pair's IOPS allow", number(peer / SPEED)
    yield f"{what}: to be saved for that", number(total - peer / SPEED)
    yield f"{what}: ratio of IOPS if both ends of Weft cost nothing", f"{peer / (total - ours):.2f}"


def rdma_facts(f):
    host, target = (f.part("rdma", OURS, READ, end) for end in ("host", "target"))
    copy = f.function("rdma", OURS, READ, "weft_rdma:nvme_rdma_copy")
    crc = sum(n for name, n in f.rows["rdma", OURS, READ]["instructions"]["functions"].items()
              if "crc32" in name)
    yield from room(f, READ)
    yield from room(f, WRITE)
    yield "both ends Weft's: RDMA stack, of it checksums", \
        f"{number(f.part('rdma', OURS, READ, 'rdma'))}, {number(crc)}"
    yield "memory: copies, clearing, allocating", number(f.part("rdma", OURS, READ, "memory"))
    yield "Weft's host, target", f"{number(host)}, {number(target)}"
    yield "half of the in-tree host's instructions", number(f.part("rdma", MIXED, READ, "host") / 2)
    yield f"Weft's host without its copy (`nvme_rdma_copy`, {number(copy)})", number(host - copy)
    big = ("randread", 65536, 32)
    yield "64 KiB, which both hosts register: Weft's host, in-tree", \
        ", ".join(number(f.part("rdma", p, big, "host")) for p in (OURS, MIXED))
    yield "64 KiB, memory: nvmet, Weft's target (in-tree host)", \
        ", ".join(number(f.part("rdma", p, big, "memory")) for p in (PEER, MIXED))


def slower_reads(f):
    """64 KiB before Weft's target: what Weft's host adds to the in-tree host's instructions."""
    for depth, part in (1, "scheduler"), (32, "memory"):
        load = ("randread", 65536, depth)
        yield f"64 KiB at depth {depth}, Weft's host instead of in-tree: all, of it {part}, " \
            "its own", ", ".join(f"{n:+,.0f}" for n in (
                f.total("rdma", OURS, load) - f.total("rdma", MIXED, load),
                *(f.part("rdma", OURS, load, p) - f.part("rdma", MIXED, load, p)
                  for p in (part, "host"))))


def tcp_facts(f):
    yield "TCP: Weft's host, in-tree", \
        ", ".join(number(f.part("tcp", p, READ, "host")) for p in (OURS, MIXED))
    names = "nvme_tcp_actor", "nvme_tcp_rx_hdr"
    yield "of Weft's: receiving (" + ", ".join(f"`{n}`" for n in names) + ")", \
        ", ".join(number(f.function("tcp", OURS, READ, f"weft_tcp:{n}")) for n in names)
    yield "TCP: Weft's target, nvmet (in-tree host)", \
        ", ".join(number(f.part("tcp", p, READ, "target")) for p in (MIXED, PEER))


def counts(f):
    yield "RDMA: polls of Weft's target that find nothing", \
        f"{f.counter('target', 'rdma', OURS, READ, 'idle_polls'):.3f}"
    flat = ("randread", 4096, 1)
    yield "the same at depth 1", f"{f.counter('target', 'rdma', OURS, flat, 'idle_polls'):.1f}"
    yield "instructions of Weft's target at depth 1, at depth 32", \
        ", ".join(number(f.part("rdma", OURS, x, "target")) for x in (flat, READ))
    for pair in OURS, US:
        yield f"requests of Weft's host that end in batches, target {pair[1]}", ", ".join(
            f"{short(load)} {100 * f.counter('host', 'rdma', pair, load, 'ended_in_batches'):.1f} %"
            for load in f.loads("rdma", 32))


def facts(f):
    return "Per read of 4 KiB at depth 32 over RDMA, where nothing else is said:\n\n" + \
        table(("what", "figure"),
              [*rdma_facts(f), *slower_reads(f), *tcp_facts(f), *counts(f)])


def summary(folder):
    """folder: of the JSON files."""
    f = Figures(folder)
    return "\n".join((ends(f), goals(f), differences(f), facts(f)))
