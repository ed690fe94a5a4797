#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""The documentation says what the programs and sources say: the table of connect
options, the target's command line, module parameters, sysfs attributes, counters; pages
of figures what their JSON files hold. The unit for systemd is a good one, and examples
make the files that they serve.

    docs.py [--write]       --write puts the generated parts in place
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
# instead of this folder, whose statistics.py is not Python's
sys.path[0] = os.path.join(TOP, "tests", "bench")
sys.dont_write_bytecode = True
from report import page  # noqa: E402
from results import published  # noqa: E402
from summary import summary  # noqa: E402

HOST = "Documentation/host.md"
TARGET = "Documentation/target.md"
RPC = "Documentation/rpc.md"
PERFORMANCE = "Documentation/performance.md"
FIGURES = "Documentation/performance"

problems = []


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def option_table():
    lines = ["| option | accepted | default | transports | meaning |",
             "|---|---|---|---|---|"]
    for o in json.loads(output(os.environ["WEFT_CLI"], "explain", "--json")):
        cells = ("`" + o["option"] + "`", o["accepts"], o["default"] or "",
                 o["transports"], o["meaning"])
        lines.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
    return "\n".join(lines) + "\n"


def usage():
    return "```\n" + output(os.environ["WEFT_TARGET_BIN"], "--help") + "```\n"


def whole(path, want, write):
    """The page is what a program prints, or a function returns."""
    full = os.path.join(TOP, path)
    if write:
        with open(full, "w", encoding="utf-8") as f:
            f.write(want)
    elif not os.path.exists(full) or read(path) != want:
        problems.append(f"{path} is out of date: tests/native/docs.py --write")


def generated(path, name, want, write):
    """The part of a page between its two marks is what a program prints."""
    text = read(path)
    begin, end = f"<!-- {name}: generated -->\n", f"<!-- {name}: end -->\n"
    if text.count(begin) != 1 or text.count(end) != 1:
        problems.append(f"{path}: no part '{name}' between its marks")
        return
    head, rest = text.split(begin)
    now, tail = rest.split(end)
    if now == want:
        return
    if write:
        with open(os.path.join(TOP, path), "w", encoding="utf-8") as f:
            f.write(head + begin + want + end + tail)
    else:
        problems.append(f"{path}: '{name}' is out of date: tests/native/docs.py --write")


def figures(transport):
    """The page of a transport, made again of its JSON file."""
    about, rows, links = published(os.path.join(TOP, FIGURES), transport)
    plots = [f"{transport}-{what}.svg" for what in ("iops", "p50", "instructions")]
    return page(transport, rows, links, about,
                [p for p in plots if os.path.exists(os.path.join(TOP, FIGURES, p))])


def no_figure_of_its_own(path, heading, name):
    """Below a heading, outside the generated part, only sizes, depths, versions and code
    have numbers: every figure is computed."""
    text = read(path).partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    head, _, rest = text.partition(f"<!-- {name}: generated -->\n")
    text = head + rest.partition(f"<!-- {name}: end -->\n")[2]
    said = re.sub(r"\]\([^)]*\)|`[^`]*`|Linux [\d.]+|\d+ KiB|depth \d+|p50", "", text)
    if not text or re.search(r"\d", said):
        problems.append(f"{path}: '{heading}' has a number that is not of the JSON files: "
                        f"{re.findall(r'.{0,20}[0-9]+.{0,20}', said)}")


def named(path, source, pattern, what):
    """Every name that a pattern finds in a source stands on a page, as code."""
    text = read(path)
    names = re.findall(pattern, read(source))
    if not names:
        problems.append(f"{source}: no {what} found: this test needs a new pattern")
    for name in names:
        if f"`{name}`" not in text:
            problems.append(f"{path}: {what} `{name}` of {source} is not described")


def links(path):
    """Relative links lead to files that are there."""
    base = os.path.dirname(os.path.join(TOP, path))
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", read(path)):
        if "://" not in link and not os.path.exists(os.path.join(base, link)):
            problems.append(f"{path}: link to {link}, which is not there")


def files_are_made(path):
    """What a block of commands serves is made before, unless it is a device."""
    for block in re.findall(r"^```\n(.*?)^```$", read(path), re.M | re.S):
        made = set()
        for line in block.splitlines():
            words = line.removeprefix("$ ").split("#")[0].split()
            if words[:2] == ["truncate", "-s"]:
                made.add(words[-1])
            elif words[:5] == ["weft", "target", "bdev", "add", "file"] and \
                    words[6] not in made and not words[6].startswith("/dev/"):
                problems.append(f"{path}: nothing has made {words[6]} of '{line}'")


UNIT = {
    "Unit": {"Wants=network-online.target", "After=network-online.target",
             "StartLimitIntervalSec=0"},
    "Service": {"ExecStartPre=-/sbin/modprobe rdma_ucm", "LimitMEMLOCK=infinity",
                "Restart=on-failure", "RestartSec=2", "RestartPreventExitStatus=2"},
    "Install": {"WantedBy=multi-user.target"},
}


def systemd_complains(unit):
    """What systemd itself says of a unit, on a machine that can say it."""
    with tempfile.TemporaryDirectory(prefix="docs-") as d:
        def verify(name, text):
            path = os.path.join(d, name)
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], check=False,
                                  capture_output=True, text=True, timeout=120)
            said = "\n".join(x for x in done.stderr.splitlines() if name in x)
            return said or ("" if not done.returncode else done.stderr)

        if not shutil.which("systemd-analyze") or \
           verify("weft-plain.service", "[Service]\nExecStart=/bin/true\n"):
            return ""
        # programs that are there
        program = shlex.quote(os.path.realpath(os.environ["WEFT_TARGET_BIN"]))
        unit = unit.replace("/usr/local/sbin/weft-target", program)
        return verify("weft-target.service", unit.replace("/sbin/modprobe", "/bin/true"))


def systemd_unit():
    """It waits for the network and the module, tries again for as long as it takes, and can be
    enabled."""
    unit = re.search(r"^```\n(\[Unit\]\n.*?)^```$", read(TARGET), re.M | re.S)
    if not unit:
        problems.append(f"{TARGET}: no unit for systemd")
        return
    for section, lines in UNIT.items():
        body = re.search(rf"^\[{section}\]\n(.*?)(?=^\[|\Z)", unit[1], re.M | re.S)
        missing = lines - set(body[1].splitlines() if body else ())
        if missing:
            problems.append(f"{TARGET}: the unit's [{section}] lacks {sorted(missing)}")
    complaint = systemd_complains(unit[1])
    if complaint:
        problems.append(f"{TARGET}: systemd says of the unit: {complaint}")


def main():
    write = sys.argv[1:] == ["--write"]
    generated(HOST, "connect options", option_table(), write)
    generated(TARGET, "command line", usage(), write)
    whole(RPC, output(os.environ["WEFT_TARGET_BIN"], "--rpc-reference"), write)
    try:
        generated(PERFORMANCE, "figures", summary(os.path.join(TOP, FIGURES)), write)
    except KeyError as missing:
        problems.append(f"{FIGURES}: {PERFORMANCE} tells of what was not measured: {missing}")
    no_figure_of_its_own(PERFORMANCE, "What the figures say", "figures")
    for transport in "rdma", "tcp":
        whole(f"{FIGURES}/{transport}.md", figures(transport), write)
    named(HOST, "host/core/main.c", r"module_param(?:_named|_cb)?\((\w+)", "module parameter")
    named(HOST, "host/core/sysfs.c", r"&dev_attr_(\w+)\.attr,", "attribute")
    named(HOST, "host/core/subsys.c", r"&dev_attr_(\w+)\.attr,", "attribute")
    named(HOST, "host/core/ctrl.c", r'\[WEFT_CTRL_\w+\]\s*= "([^"]+)"', "state")
    named(HOST, "host/rdma/ctrl.c", r'\[WEFT_RDMA_N_\w+\]\s*= "(\w+)"', "counter")
    named(HOST, "host/tcp/ctrl.c", r'\[WEFT_TCP_N_\w+\]\s*= "(\w+)"', "counter")
    named(HOST, "host/tcp/main.c", r"module_param(?:_named|_cb)?\((\w+)", "module parameter")
    for transport in "rdma", "tcp":
        named(TARGET, f"target/transport/{transport}/transport.c",
              r'"(\w+)",(?= "\w+",| NULL\b)', "transport option")
    systemd_unit()
    pages = ["README.md"] + ["Documentation/" + p for p in
                             os.listdir(os.path.join(TOP, "Documentation")) if p.endswith(".md")]
    for page in pages:
        links(page)
        files_are_made(page)
    for p in problems:
        print(p)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
