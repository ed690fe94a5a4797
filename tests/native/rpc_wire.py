#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""JSON-RPC on the wire: framing, envelopes, malformed and hostile clients."""
import contextlib
import json
import os
import socket
import stat
import subprocess
import threading
import unittest

from daemon import BIN, DaemonTest

VERSION = '{"jsonrpc":"2.0","id":1,"method":"spdk_get_version"}'
WAIT = '{"jsonrpc":"2.0","id":%s,"method":"framework_wait_init"}'


def error(text):
    return json.loads(text)["error"]


class Wire(DaemonTest):
    def test_no_terminator_is_needed(self):
        self.assertEqual(self.daemon.raw(WAIT % 1),
                         '{"jsonrpc":"2.0","id":1,"result":true}\n')

    def test_string_and_null_ids(self):
        for given in '"abc"', "null", "-5":
            answer = json.loads(self.daemon.raw(WAIT % given))
            self.assertEqual(answer["id"], json.loads(given))

    def test_pipelined_requests_are_answered_in_order(self):
        text = "".join(WAIT % i for i in range(2000))
        answers = [json.loads(x) for x in self.daemon.raw(text).splitlines()]
        self.assertEqual([x["id"] for x in answers], list(range(2000)))

    def test_any_split_of_the_bytes(self):
        text = ('{"jsonrpc":"2.0","id":"\u00e9\\n","method":"framework_wait_init"}'
                + WAIT % 2).encode()
        with self.daemon.connect() as s:
            for i in range(len(text)):
                s.sendall(text[i:i + 1])
            f = s.makefile()
            self.assertEqual(json.loads(f.readline())["id"], "\u00e9\n")
            self.assertEqual(json.loads(f.readline())["id"], 2)

    def test_batch(self):
        answer = json.loads(self.daemon.raw("[%s,%s]" % (WAIT % 1, VERSION)))
        self.assertEqual([x["id"] for x in answer], [1, 1])
        self.assertEqual(error(self.daemon.raw("[]"))["code"], -32600)

    def test_batch_answers_bad_elements_too(self):
        answer = json.loads(self.daemon.raw("[7,%s]" % (WAIT % 2)))
        self.assertEqual(answer[0]["error"]["code"], -32600)
        self.assertTrue(answer[1]["result"])

    def test_notification_has_no_answer(self):
        self.assertEqual(self.daemon.raw('{"jsonrpc":"2.0","method":"framework_wait_init"}'), "")

    def test_missing_version_is_forgiven_and_wrong_is_not(self):
        self.assertTrue(json.loads(self.daemon.raw(
            '{"id":1,"method":"framework_wait_init"}'))["result"])
        for bad in '"1.0"', "2", "null":
            self.assertEqual(error(self.daemon.raw(
                '{"jsonrpc":%s,"id":1,"method":"framework_wait_init"}' % bad))["code"], -32600)

    def test_invalid_requests(self):
        for bad in ("{}", '{"id":1}', '{"id":{},"method":"spdk_get_version"}',
                    '{"id":1,"method":7}', '[[]]', '{"id":[1],"method":"x"}'):
            answer = json.loads(self.daemon.raw(bad))
            answer = answer[0] if isinstance(answer, list) else answer
            self.assertEqual(answer["error"]["code"], -32600, bad)

    def test_unknown_method(self):
        self.assertEqual(self.daemon.refused("no_such_method")["code"], -32601)

    def test_parse_errors_are_answered_with_their_place(self):
        for bad in ('{"id":7,"method":}', "nonsense" * 4, '{"a":1}}' + " " * 40,
                    '{"id":1,"id":2,"method":"x"}' + " " * 20, "\0\0\0\0\0\0\0\0\0\0\0\0",
                    b'{"\xff\xfe": 1, "b": 2}' + b" " * 20, "[1,2" + "]" * 30):
            lines = self.daemon.raw(bad).splitlines()
            self.assertTrue(lines, bad)
            self.assertEqual(error(lines[-1])["code"], -32700, bad)
            self.assertIn("byte", error(lines[-1])["message"])

    def test_deep_nesting(self):
        self.assertEqual(error(self.daemon.raw("[" * 100000))["code"], -32700)

    def test_incomplete_request_is_dropped_with_its_client(self):
        self.assertEqual(self.daemon.raw(VERSION[:30]), "")

    def test_a_long_answer_outlasts_the_end_of_requests(self):
        for n in range(300):
            self.daemon.ok("bdev_null_create", {"name": f"n{n:050}", "num_blocks": 8,
                                                "block_size": 512})
        with self.daemon.connect() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.sendall(b'{"jsonrpc":"2.0","id":1,"method":"bdev_get_bdevs"}')
            s.shutdown(socket.SHUT_WR)
            self.daemon.ok("rpc_get_methods")           # what it asked for has been answered
            out = b""
            while chunk := s.recv(65536):
                out += chunk
        self.assertGreater(len(out), 200000)
        self.assertEqual(len(json.loads(out)["result"]), 300)

    def test_words_are_cut_between_characters(self):
        """Of one to four bytes, wherever the end falls; what follows the cut is there."""
        for char in "\xe9", "\u20ac", "\U0001f600":
            for i in range(4):
                name = "x" * i + char * 200
                e = self.daemon.refused("bdev_null_delete", {"name": name})
                self.assertRegex(e["message"], f"^No such device: {'x' * i}{char}{{90,}}$")
                e = self.daemon.refused("log_set_flag", {"flag": name})
                self.assertRegex(e["message"], f"^flag={'x' * i}{char}{{9,}}: there is none")

    def test_giant_request_is_refused(self):
        """What comes behind the limit is dropped; the answer is one, and the last."""
        with self.daemon.connect() as s, s.makefile() as f:
            s.sendall(b'{"a":"' + b"x" * (9 << 20))
            answer = error(f.readline())
            self.assertEqual((answer["code"], answer["message"]),
                             (-32600, "request is longer than 8 MiB"))
            self.assertEqual(f.readline(), "")
        self.daemon.ok("spdk_get_version")

    def test_large_requests_are_served(self):
        """Up to the limit, each in its turn."""
        pad = "x" * (2 << 20)
        text = "".join('{"id":%d,"method":"framework_wait_init","jsonrpc":"2.0","x":"}%s]"}'
                       % (i, pad) for i in range(3)) + WAIT % 3
        answers = [json.loads(x) for x in self.daemon.raw(text).splitlines()]
        self.assertEqual([x["id"] for x in answers], [0, 1, 2, 3])

    def test_answers_that_are_not_read_have_a_limit(self):
        for i in range(100):
            self.daemon.ok("bdev_null_create", {"name": f"n{i}", "num_blocks": 8,
                                                "block_size": 512})
        one = len(self.daemon.raw('{"id":1,"method":"bdev_get_bdevs"}'))
        ask = ('{"id":1,"method":"bdev_get_bdevs"}' * ((48 << 20) // one)).encode()
        with self.daemon.connect() as s:
            s.sendall(ask)
            for _ in range(100):
                self.daemon.ok("spdk_get_version")
            self.assertIn("does not read its answers", self.daemon.words())
            got = 0
            with contextlib.suppress(ConnectionError):
                while chunk := s.recv(1 << 20):
                    got += len(chunk)
            self.assertLess(got, 1 << 20)   # what its socket had; the rest is gone
        self.daemon.ok("spdk_get_version")

    @unittest.skipIf(os.geteuid(), "only root can be somebody else")
    def test_others_are_not_served(self):
        """Though the modes let them in: those who may not get no answer."""
        os.chmod(self.daemon.dir.name, 0o711)
        os.chmod(self.daemon.path, 0o666)
        os.seteuid(65534)
        try:
            with self.daemon.connect() as s:
                s.sendall(VERSION.encode())
                self.assertEqual(s.recv(1), b"")
        except ConnectionError:
            pass        # closed with the request unread
        except PermissionError:
            self.skipTest("nobody else may enter the folder of temporary files")
        finally:
            os.seteuid(0)
        self.daemon.ok("spdk_get_version")

    def test_client_that_does_not_read(self):
        slow = self.daemon.connect()
        slow.settimeout(1)
        try:
            for _ in range(200):
                slow.sendall((VERSION * 500).encode())
        except (TimeoutError, OSError):
            pass        # its input waits, as it should
        self.daemon.ok("spdk_get_version")
        slow.close()
        self.daemon.ok("spdk_get_version")

    def test_many_clients_at_once(self):
        answers = []

        def work():
            for _ in range(20):
                answers.append(self.daemon.call("rpc_get_methods"))

        threads = [threading.Thread(target=work) for _ in range(16)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(len(answers), 320)
        self.assertTrue(all("result" in a for a in answers))

    def test_clients_that_vanish(self):
        for _ in range(50):
            s = self.daemon.connect()
            s.sendall(('{"id":1,"method":"bdev_get_bdevs","params":{"name":"x","timeout":50}}'
                       * 3).encode())
            s.close()
        self.daemon.ok("spdk_get_version")

    def test_socket_is_private(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.daemon.path).st_mode), 0o600)

    def test_second_daemon_on_the_socket_is_refused(self):
        p = subprocess.run([BIN, "-r", self.daemon.path], capture_output=True, text=True,
                           timeout=60)
        self.assertEqual(p.returncode, 1)
        self.assertIn("another daemon answers", p.stderr)
        self.daemon.ok("spdk_get_version")

    def test_leftover_socket_is_replaced(self):
        self.daemon.process.kill()
        self.daemon.process.wait()
        self.assertTrue(os.path.exists(self.daemon.path))
        p = subprocess.Popen([BIN, "-r", self.daemon.path])
        try:
            while True:
                s = socket.socket(socket.AF_UNIX)
                try:
                    s.connect(self.daemon.path)
                    break
                except OSError:
                    self.assertIsNone(p.poll())
                finally:
                    s.close()
        finally:
            p.terminate()
            self.assertEqual(p.wait(60), 0)


if __name__ == "__main__":
    unittest.main()
