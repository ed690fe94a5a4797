#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""What the target has counted, one `WHERE NAME VALUE` a line, for scenarios that compare
two moments, or two ways to ask:

    counted.py SOCKET                 by RPC (nvmf_get_statistics)
    counted.py --metrics ADDR:PORT    by HTTP (OpenMetrics)

WHERE is subsystem:NQN, namespace:NQN:NSID, host:NQN, connection:NQN:CNTLID:QID or reactor:N.
Latency histograms are read_log2_N and write_log2_N, those that are not zero, and their sums
read_latencies and write_latencies; why commands had to wait is wait_REASON of a reactor.
Both ways have the same.
"""

import math
import re
import sys
import urllib.request

from rpc import call

PLAIN = "read_ops", "write_ops", "other_ops", "bytes_read", "bytes_written", "errors"
NAMES = {
    ("ops_total", "read"): "read_ops", ("ops_total", "write"): "write_ops",
    ("ops_total", "other"): "other_ops", ("bytes_total", "read"): "bytes_read",
    ("bytes_total", "write"): "bytes_written", ("errors_total", None): "errors",
    ("latency_seconds_count", "read"): "read_latencies",
    ("latency_seconds_count", "write"): "write_latencies",
}


def by_rpc(path):
    answer = call(path, "nvmf_get_statistics", None)["result"]
    rows = [(f"reactor:{r['reactor']}", r) for r in answer["reactors"]]
    rows += [(f"host:{h['hostnqn']}", h) for h in answer["hosts"]]
    rows += [(f"connection:{c['nqn']}:{c['cntlid']}:{c['qid']}", c)
             for c in answer["connections"]]
    for s in answer["subsystems"]:
        rows.append((f"subsystem:{s['nqn']}", s))
        rows += [(f"namespace:{s['nqn']}:{n['nsid']}", n) for n in s["namespaces"]]
    for where, row in rows:
        for name in PLAIN:
            yield where, name, row[name]
        for kind in "read", "write":
            buckets = row[f"{kind}_latency_log2"]
            yield where, f"{kind}_latencies", sum(buckets)
            yield from ((where, f"{kind}_log2_{i}", n) for i, n in enumerate(buckets) if n)
        for reason, n in row.get("waits", {}).items():
            yield where, f"wait_{reason}", n


def where_of(kind, labels):
    return {"subsystem": "subsystem:{nqn}", "namespace": "namespace:{nqn}:{nsid}",
            "host": "host:{hostnqn}", "connection": "connection:{nqn}:{cntlid}:{qid}",
            "reactor": "reactor:{reactor}"}[kind].format(**labels)


def by_http(address):
    below = {}      # a histogram's counters count all that took less, too
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=600) as answer:
        text = answer.read().decode()
    assert text.endswith("# EOF\n"), text[-100:]
    for kind, name, labels, value in re.findall(
            r"^weft_(subsystem|namespace|host|connection|reactor)_(\w+)\{(.*)\} (\S+)$",
            text, re.M):
        labels = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        where, op, n = where_of(kind, labels), labels.get("op"), round(float(value))
        if name == "waits_total":
            yield where, f"wait_{labels['reason']}", n
        elif name == "latency_seconds_bucket" and labels["le"] != "+Inf":
            more = n - below.get((where, op), 0)
            below[where, op] = n
            if more:
                yield where, f"{op}_log2_{round(math.log2(float(labels['le']) * 1e6))}", more
        elif (name, op) in NAMES:
            yield where, NAMES[name, op], n


def main():
    ask = by_http if sys.argv[1] == "--metrics" else by_rpc
    for row in sorted(ask(sys.argv[-1])):
        print(*row)


if __name__ == "__main__":
    main()
