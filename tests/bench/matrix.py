# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Which cells `make bench` measures, and how they are dealt out to guests."""

import itertools
import os

USUAL = {"SIZES": "4k 64k", "PATTERNS": "randread randwrite", "DEPTHS": "1 32",
         "QUEUES": "1", "BACKENDS": "memory", "ROUNDS": "2"}
# budgets of TCP are for depth 128
ALSO = {"tcp": {"DEPTHS": "1 32 128"}}
FULL = {**USUAL, "PATTERNS": "randread randwrite randrw", "DEPTHS": "1 8 32 128",
        "QUEUES": "1 2", "BACKENDS": "memory null"}
# what else lib.sh and the guests' scripts know
MORE = ("HOSTS", "TARGETS", "TARGET_OPTIONS", "BOUNCE", "RUNTIME", "RAMP", "WINDOW", "VERBS",
        "VERBS_DEPTHS")


def choice(transport):
    """Lists by name, for lib.sh: of the usual selection or of BENCH=full, and what the
    environment says."""
    chosen = FULL if os.environ.get("BENCH") == "full" else {**USUAL, **ALSO.get(transport, {})}
    return {**chosen, **{k: os.environ[k] for k in (*USUAL, *MORE) if k in os.environ}}


# each guest has one of each
DEALT = ("BACKENDS", "QUEUES", "SIZES", "PATTERNS")


def shares(chosen):
    """What each guest measures; the first one the link, too."""
    dealt = itertools.product(*(chosen[name].split() for name in DEALT))
    return [{**chosen, **dict(zip(DEALT, words)), **({"VERBS": ""} if n else {})}
            for n, words in enumerate(dealt)]


def cells_of(share):
    """How many cells that is; both hosts and both targets unless others are named."""
    n = int(share["ROUNDS"])
    for name, usual in (("HOSTS", "weft intree"), ("TARGETS", "weft nvmet"), ("BACKENDS", ""),
                        ("QUEUES", ""), ("SIZES", ""), ("PATTERNS", ""), ("DEPTHS", "")):
        n *= len(share.get(name, usual).split())
    return n
