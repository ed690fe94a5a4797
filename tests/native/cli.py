#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""The weft tool on its own, as far as it goes without RDMA and kernel modules: help, wrong
command lines, completion, connect strings."""
import json
import os
import re
import shlex
import socket
import subprocess
import tempfile
import threading
import unittest

from tool import CLI, FAILED, MISSING, NQN, OK, USAGE, CliTest, weft

GOOD = f"transport=rdma,traddr=10.9.0.1,nqn={NQN}"


def commands():
    """Every command with its arguments, from the general help."""
    found = []
    for line in weft("--help").out.splitlines():
        m = re.match(r"  ([a-z][a-z -]*[a-z])((?: \S+)*?)(?:  .*)?$", line)
        if m:
            found.append((m[1].split(), m[2].split()))
    return found


class Usage(CliTest):
    def test_general_help(self):
        r = self.expect(OK, "--help", says=("connect [STRING]", "target stop", "Exit codes"))
        self.assertEqual(r.out, weft("-h").out)
        self.assertEqual(self.expect(USAGE).err, r.out)
        self.expect(OK, "--version", says="weft ")
        self.assertGreater(len(commands()), 30)

    def test_help_of_commands(self):
        """Of one, and of a group; tests/unit/cli.c has all of them."""
        r = self.expect(OK, "target", "ns", "add", "--help", says="Options:")
        self.assertTrue(r.out.startswith("Usage: weft target ns add NQN BDEV"), r.out)
        r = self.expect(OK, "target", "bdev", "add", "--help",
                        says="Usage: weft target bdev add COMMAND")
        self.assertEqual(self.expect(USAGE, "target", "bdev", "add").err, r.out)
        self.expect(USAGE, "target", "bdev", "add", "nonsense", says="nonsense: no such command")

    def test_unknown_words(self):
        for args in (("nonsense",), ("",), ("-x",), ("--nonsense",), ("tar",), ("rxe list ",),
                     ("target bdev list",), ("x" * 5000,)):
            self.expect(USAGE, *args, says="no such command")

    def test_wrong_lines(self):
        self.expect(USAGE, "target", "ns", "add", "x", "x", "x", says="one argument too many")
        self.expect(USAGE, "target", "ns", "add", "x", says="BDEV is missing")
        self.expect(USAGE, "target", "ns", "add", "-Z", says="no such option")

    def test_values_of_options(self):
        sock = ("target", "status")
        self.expect(USAGE, *sock, "-r", says="-r: needs a value")
        self.expect(USAGE, *sock, "--rpc-socket", says="needs a value")
        self.expect(USAGE, *sock, "--json=yes", says="takes no value")
        self.expect(USAGE, *sock, "--json", "--json", says="given twice")
        self.expect(USAGE, *sock, "-ra", "--rpc-socket=b", says="given twice")
        self.expect(USAGE, *sock, "-r", "x" * 200, says="at most 107 characters")
        ns = ("target", "ns", "add", NQN, "disk1", "--nsid")
        for value in "x", "", "-1", "1k", "1 ", "99999999999999999999":
            self.expect(USAGE, *ns, value,
                        says=f"--nsid {value}: accepted range is 0-9223372036854775807")
        # the option and its value are told apart, however they are written
        for args in ("--iops=x",), ("--iops", "x"):
            self.expect(USAGE, "target", "bdev", "limit", "d", *args, says="--iops x: accepted")
        self.expect(USAGE, "perf", GOOD, "--time=5", "--time=6", says="--time: given twice")
        add = ("target", "bdev", "add", "malloc", "d", "1M", "--block-size")
        for value in "x", "", "K", "1KB", "4Ki", "iB", "512iB", "99999999T":
            self.expect(USAGE, *add, value, says="a size is accepted")

    def test_numbers_that_json_has_not(self):
        """None is sent as another one: its numbers are signed."""
        transport = "target", "transport", "add", "tcp"
        gone = "-r", "/nonexistent/sock"
        for value in "9223372036854775808", "18446744073709551615", "0xffffffffffffffff":
            for command in ((*transport, "--max-queue-depth"),
                            ("target", "host", "limit", NQN, "--iops"),
                            ("target", "bdev", "latency", "d", "--read")):
                self.expect(USAGE, *command, value,
                            says=f"{command[-1]} {value}: accepted range is 0-9223372036854775807")
        for size in "9223372036854775808", "8388608T":
            self.expect(USAGE, *transport, "--max-io-size", size, says="a size is accepted")
        for more in ("--max-queue-depth", "9223372036854775807"), ("--max-io-size", "8388607T"):
            self.expect(MISSING, *transport, *more, *gone)

    def test_arguments(self):
        for size in "0", "x", "1Q", "-1M", "":
            self.expect(USAGE, "target", "bdev", "add", "malloc", "d", size, says="SIZE")
        self.expect(USAGE, "target", "bdev", "add", "null", "d", "1000", says="multiple")
        for nsid in "0", "x", "4294967295":
            self.expect(USAGE, "target", "ns", "del", NQN, nsid, says="1-4294967294")
        for group in "0", "x", "4097", "18446744073709551616":
            self.expect(USAGE, "target", "ns", "group", NQN, "1", group,
                        says=f"GROUP {group}: accepted range is 1-4096")
        for count in "0", "x", "1025":
            self.expect(USAGE, "target", "bdev", "split", "d", count,
                        says=f"COUNT {count}: accepted range is 1-1024")
        self.expect(USAGE, "target", "host", "any", NQN, "yes", says="on or off")
        for address in ("", ":4420", "[::1", "[::1]x", "10.9.0.1:0", "10.9.0.1:65536", "host",
                        "10.9.0.1:", "1.2.3", "[]:1", "x" * 100):
            self.expect(USAGE, "target", "listener", "add", NQN, "rdma", address)
        self.expect(USAGE, "target", "rpc", "m", "{", says="PARAMS")
        self.expect(USAGE, "load", "fc", says="rdma or tcp")
        self.expect(USAGE, "load", "--control-device", "a/b", says="--control-device a/b")
        self.expect(USAGE, "rxe", "add", "a/b", "lo", says="NAME a/b")
        self.expect(USAGE, "rxe", "add", "rxe0", "x" * 16, says="NETDEV")
        self.expect(MISSING, "rxe", "add", "rxe0", "nosuchdev", says="no such network interface")

    def test_connecting(self):
        on = ("connect", "-t", "rdma", "-a", "10.9.0.1")
        self.expect(USAGE, "connect", says="transport: missing")
        self.expect(USAGE, *on, says="nqn: missing")
        self.expect(USAGE, *on, "-n", NQN, "--queue-size", "7", says=("queue_size=7", "16-1024"))
        self.expect(USAGE, *on, "-n", NQN, "--queue_size=7", says="queue_size=7")
        self.expect(USAGE, *on, "-n", NQN, "-Q7", says="queue_size=7")
        self.expect(USAGE, *on, "-n", NQN, "--hdr-digest", says="hdr_digest: not supported")
        self.expect(USAGE, *on, "-n", NQN + ",tos=5", says="without commas")
        self.expect(USAGE, *on, GOOD, says="--transport: with a whole connect string")
        self.expect(USAGE, "connect", GOOD + ",x=1", says='unknown option "x"')
        self.expect(USAGE, "connect", "-t", "rdma", "-a", "x", "-n", NQN, says="traddr=x")
        self.expect(USAGE, "discover", "-t", "rdma", says="traddr: missing")
        for args in ((), ("--all", "-n", NQN), ("-d", "nvme0", "--all")):
            self.expect(USAGE, "disconnect", *args, says="one of")

    def test_options_with_an_effect_only(self):
        """Help and parser know those options of a connection that the command can use."""
        again = {"--ctrl-loss-tmo", "--reconnect-delay", "--nr-io-queues"}
        kernel = {"--tls", "--dhchap-secret", "--nr-write-queues", "--nr-poll-queues", "--keyring",
                  "--duplicate-connect", "--fast-io-fail-tmo"}
        for words, taken, refused in ((["connect"], again | kernel, set()),
                                      (["perf"], again, kernel),
                                      (["io", "read"], set(), again | kernel)):
            listed = set(re.findall(r" (--[a-z-]+)", self.expect(OK, *words, "--help").out))
            self.assertEqual(listed & (again | kernel), taken, words)
            self.assertLessEqual({"--traddr", "--queue-size", "--hdr-digest"}, listed)
            for option in refused:
                self.expect(USAGE, *words, option, says=f"{option}: no such option of")
        self.expect(USAGE, "io", "read", "-i", "4", says="-i: no such option of 'io read'")

    def test_too_much_data(self):
        with tempfile.NamedTemporaryFile(prefix="cli-test-") as f:
            f.truncate((64 << 20) + 1)
            for more in ("write",), ("compare-write", "--expect", os.devnull):
                self.expect(FAILED, "io", *more, GOOD, "--file", f.name,
                            says="more than 67108864 bytes")

    def test_negative_and_secret_values(self):
        args = ["connect", "-t", "rdma", "-a", "10.9.0.1", "-n", NQN, "--ctrl-loss-tmo", "-1"]
        self.expect(USAGE, *args, "--tos", "-1", says="tos=-1")
        r = self.expect(USAGE, *args, "--dhchap-secret", "hunter2", says="dhchap_secret=(hidden)")
        self.assertNotIn("hunter2", r.err)

    @unittest.skipIf(os.path.exists("/sys/module/weft"), "the host module is loaded here")
    def test_without_the_module(self):
        for args in (("list",), ("connect", GOOD), ("disconnect", "--all"),
                     ("discover", "-t", "rdma", "-a", "10.9.0.1")):
            self.expect(MISSING, *args, says="weft load rdma")
        self.expect(MISSING, "unload", says="not loaded")
        with tempfile.TemporaryDirectory() as empty:
            self.expect(MISSING, "load", "rdma", "--dir", empty, says=empty + "/weft.ko")

    def test_without_rdma(self):
        try:
            socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 20).close()   # NETLINK_RDMA
        except OSError:
            pass
        else:
            self.skipTest("the kernel has RDMA here")
        for args in ("list",), ("del", "rxe0"):
            self.expect(MISSING, "rxe", *args, says="modprobe ib_core")

    def test_output_that_does_not_get_out(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([CLI, "explain"], stdout=full, stderr=subprocess.PIPE, text=True,
                                  check=False)
        self.assertEqual((done.returncode, done.stderr[:14]), (FAILED, "weft: stdout: "))


class Completion(CliTest):
    def test_names_are_not_run(self):
        with tempfile.TemporaryDirectory() as d, socket.socket(socket.AF_UNIX) as s:
            evil = f"$(touch${{IFS}}{d}/run)"
            s.bind(d + "/sock")
            s.listen()
            answer = {"jsonrpc": "2.0", "id": 1, "result": [
                {"name": n, "block_size": 512, "num_blocks": 8} for n in (evil, "plain")]}

            def serve():
                for _ in range(2):
                    client = s.accept()[0]
                    with client:
                        answer["id"] = json.loads(client.recv(65536))["id"]
                        client.sendall(json.dumps(answer).encode())

            thread = threading.Thread(target=serve)
            thread.start()
            names = self.complete("target", "bdev", "del", "", WEFT_RPC_SOCKET=d + "/sock")
            one = self.complete("target", "bdev", "del", "pl", WEFT_RPC_SOCKET=d + "/sock")
            thread.join()
            self.assertEqual(os.listdir(d), ["sock"])
            self.assertEqual((len(names), names[1], one), (2, "plain", ["plain"]))
            self.assertEqual(shlex.split(names[0]), [evil])

    def test_words(self):
        self.assertEqual(set(self.complete("")), {w[0] for w, _ in commands()})
        self.assertEqual(self.complete("disc"), ["disconnect", "discover"])
        self.assertEqual(self.complete("target", "bdev", "add", ""),
                         ["delay", "error", "file", "malloc", "null", "passthru"])
        self.assertEqual(self.complete("load", ""), ["rdma", "tcp"])
        self.assertEqual(self.complete("target", "transport", "add", "tcp", "--tran"),
                         ["--transfer-timeout"])
        self.assertEqual(self.complete("target", "transport", "del", ""), ["rdma", "tcp"])
        self.assertEqual(self.complete("target", "transport", "set", "tcp", "--c2h-success", "o"),
                         ["on", "off"])
        self.assertEqual(self.complete("target", "listener", "ana", NQN, "tcp", "::1", "opt"),
                         ["optimized"])
        self.assertEqual(self.complete("target", "ns", "h"), ["host"])
        self.assertEqual(self.complete("target", "listener", "add", "--ana-state", "ina"),
                         ["inaccessible"])
        self.assertIn("lo", self.complete("rxe", "add", "rxe0", ""))
        self.assertEqual(self.complete("target", "host", "any", NQN, ""), ["on", "off"])
        self.assertEqual(self.complete("io", "write"),
                         ["write", "write-uncorrectable", "write-zeroes"])
        self.assertEqual(self.complete("io", "resv-release", "--action", ""), ["release", "clear"])
        self.assertEqual(self.complete("perf", "--pattern", "randr"), ["randread", "randrw"])
        self.assertEqual(self.complete("perf", "--verify", ""), ["crc", "pattern"])
        self.assertEqual(self.complete("target", "bdev", "inject", "d", "wr"), ["write"])
        self.assertEqual(self.complete("target", "bdev", "inject", "d", "read", "pe"), ["pending"])
        self.assertEqual(self.complete("target", "bdev", "histogram", "d", ""), ["on", "off"])
        self.assertEqual(self.complete("target", "log", "level", "N"), ["NOTICE"])

    def test_options(self):
        self.assertEqual(self.complete("disconnect", "--"),
                         ["--device", "--nqn", "--all", "--help"])
        self.assertEqual(self.complete("connect", "--que"), ["--queue-size"])
        self.assertEqual(self.complete("connect", "-t", ""), ["rdma", "tcp"])


class Explain(CliTest):
    def test_the_table(self):
        r = self.expect(OK, "explain", says=("queue_size=...", "16-1024", "tls_key=..."))
        table = json.loads(self.expect(OK, "explain", "--json").out)
        self.assertEqual(len(table), 27)
        for row in table:
            self.assertIn(row["meaning"], r.out)
            self.assertIn(row["accepts"], r.out)

    def explained(self, string):
        answer = json.loads(self.expect(OK, "explain", string, "--json").out)
        self.assertTrue(answer["valid"])
        return {o["option"]: (o["value"], o["from"]) for o in answer["options"]}

    def test_given_and_defaults(self):
        o = self.explained(GOOD + ",queue_size=0x40,tos=300,disable_sqflow")
        self.assertEqual(o["queue_size"], ("64", "given"))
        self.assertEqual(o["tos"], ("255", "given"))
        self.assertEqual(o["disable_sqflow"], ("on", "given"))
        self.assertEqual(o["duplicate_connect"], ("off", "default"))
        self.assertEqual(o["trsvcid"], ("4420", "default"))
        self.assertEqual(o["keep_alive_tmo"], ("5", "default"))
        self.assertEqual(o["fast_io_fail_tmo"], ("off", "default"))
        self.assertEqual(o["hostnqn"], (None, "not given"))
        self.assertEqual(o["nr_io_queues"], (None, "not given"))

    def test_what_depends_on_others(self):
        o = self.explained(GOOD.replace("rdma", "tcp") + ",hdr_digest,host_iface=eth0")
        self.assertEqual(o["trsvcid"], ("8009", "default"))
        self.assertEqual(o["host_iface"], ("eth0", "given"))
        o = self.explained("transport=rdma,traddr=::1,nqn=nqn.2014-08.org.nvmexpress.discovery")
        self.assertEqual(o["keep_alive_tmo"], ("0", "default"))
        self.assertEqual(o["duplicate_connect"], ("on", "default"))

    def test_secrets_stay_secret(self):
        for more in ("dhchap_secret=DHHC-1:00:c2VjcmV0:", "dhchap_ctrl_secret=DHHC-1:00:c2VjcmV0:"):
            r = self.expect(FAILED, "explain", f"{GOOD},{more}", says="not supported with")
            self.assertNotIn("c2VjcmV0", r.out + r.err)
        r = self.expect(FAILED, "explain", GOOD + ",dhchap_secret=c2VjcmV0,tos=x")
        self.assertNotIn("c2VjcmV0", r.err)

    def test_mistakes_and_their_places(self):
        """Of the kinds that there are; tests/unit/cli.c has more."""
        for extra, words, place in (
                ("queue_size=7", "16-1024", "7"),
                ("queuesize=64", 'did you mean "queue_size"', "queuesize"),
                ("\x01=2", "unknown option", "\x01")):
            string = f",\n{GOOD}\n,,{extra}\n"
            r = self.expect(FAILED, "explain", string, says=words)
            self.assertEqual(self.marked(r.err), place.replace("\x01", " "), r.err)
            answer = json.loads(weft("explain", string, "--json").out)
            at, length = answer["at"], answer["length"]
            self.assertEqual(string[at:at + length], place)
            self.assertIn(words, answer["reason"].replace("'", '"'))

    def marked(self, err):
        """What the carets stand under."""
        _, string, carets = err.rstrip("\n").split("\n")
        m = re.fullmatch(r"( *)(\^+)", carets)
        self.assertTrue(m, err)
        return string[m.start(2):m.end(2)]

    def test_nothing_to_point_at(self):
        for string in "", "transport=rdma", "transport=rdma,traddr=1.2.3.4", "," * 100:
            r = self.expect(FAILED, "explain", string, says="missing")
            self.assertNotIn("^", r.err)
        r = self.expect(FAILED, "explain", f"transport=rdma,nqn={NQN}", says="traddr: missing")
        self.assertNotIn("^", r.err)
        self.expect(FAILED, "explain", GOOD + ",tos=1" * 800, says="at most 4096")
        self.expect(FAILED, "explain", "x" * 4096, says="unknown option")


if __name__ == "__main__":
    unittest.main()
