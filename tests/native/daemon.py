# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""A weft-target daemon for native tests: started, spoken to, stopped, judged.

The daemon is $WEFT_TARGET_BIN. Native tests have no RDMA device; what they see
is the control plane.
"""
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import time
import unittest

BIN = os.environ.get("WEFT_TARGET_BIN", "build/asan/weft-target")
LIMIT = 60  # seconds; for a hang, not a measurement


def config(*calls):
    """A saved configuration with these (method, params) in one subsystem."""
    return {"subsystems": [{"subsystem": "all", "config": [
        {"method": m, "params": p} for m, p in calls]}]}


def unread(client):
    """Bytes that were sent to a UNIX socket and that its other end has not read."""
    return struct.unpack("i", fcntl.ioctl(client, termios.TIOCOUTQ, bytes(4)))[0]


class Daemon:
    """One daemon with a socket in a directory of its own; sanitizer: more ASAN_OPTIONS."""

    def __init__(self, *args, wait=True, config=None, sanitizer=""):
        self.dir = tempfile.TemporaryDirectory(prefix="weft-native-")
        self.path = os.path.join(self.dir.name, "rpc.sock")
        argv = [BIN, "-r", self.path, *args]
        if config is not None:
            name = os.path.join(self.dir.name, "config.json")
            with open(name, "w", encoding="utf-8") as f:
                f.write(config if isinstance(config, str) else json.dumps(config))
            argv += ["--config", name]
        self.log = open(os.path.join(self.dir.name, "log"), "w+", encoding="utf-8")
        env = dict(os.environ, ASAN_OPTIONS="exitcode=99:" + sanitizer,
                   UBSAN_OPTIONS="print_stacktrace=1")
        self.process = subprocess.Popen(argv, stderr=self.log, env=env)
        if wait:
            self._wait_for_socket()

    def _wait_for_socket(self):
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError("the daemon ended while starting:\n" + self.words())
            try:
                self.connect().close()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("the daemon does not listen:\n" + self.words())

    def words(self):
        """What the daemon wrote to stderr."""
        self.log.flush()
        with open(self.log.name, encoding="utf-8") as f:
            return f.read()

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        try:
            s.connect(self.path)
        except OSError:
            s.close()
            raise
        s.settimeout(LIMIT)
        return s

    def raw(self, data, half_close=True):
        """Send bytes, return all that comes until the daemon has nothing more."""
        with self.connect() as s:
            s.sendall(data if isinstance(data, bytes) else data.encode())
            if half_close:
                s.shutdown(socket.SHUT_WR)
            out = b""
            while chunk := s.recv(65536):
                out += chunk
            return out.decode()

    def call(self, method, params=None):
        """One request; returns the response object."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method}
        if params is not None:
            request["params"] = params
        with self.connect() as s:
            s.sendall(json.dumps(request).encode())
            out = b""
            while not out.endswith(b"\n"):
                chunk = s.recv(65536)
                assert chunk, "the daemon closed the connection"
                out += chunk
            return json.loads(out)

    def at_once(self, *calls, how=None):
        """
        Requests of as many clients, all there before the daemon looks at the first; it serves
        them in this order, and none that waits for something ends before the last has begun.
        how: a signal that comes when they were read; then an answer that did not come is {}.
        """
        clients = [self.connect() for _ in calls]
        # accepted, and served once; epoll may look at the last of them first
        for s in reversed(clients):
            s.sendall(b'{"id":0,"method":"spdk_get_version"}')
            while not s.recv(65536).endswith(b"\n"):
                pass
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)
        for s, (method, params) in zip(clients, calls):
            s.sendall(json.dumps({"id": 1, "method": method, "params": params}).encode()
                      if params is not None else b'{"id":1,"method":"%s"}' % method.encode())
        self.process.send_signal(signal.SIGCONT)
        if how:
            while any(unread(s) for s in clients):
                time.sleep(0.0002)
            self.process.send_signal(how)
        answers = []
        for s in clients:
            with s, s.makefile() as f:
                answers.append(json.loads(f.readline() or "{}"))
        return answers

    def ok(self, method, params=None):
        response = self.call(method, params)
        assert "result" in response, f"{method} {params}: {response}"
        return response["result"]

    def refused(self, method, params=None):
        """The error of a call that must fail."""
        response = self.call(method, params)
        assert "error" in response, f"{method} {params} succeeded: {response}"
        return response["error"]

    def wait(self):
        status = self.process.wait(LIMIT)
        words = self.words()
        assert "Sanitizer" not in words and "runtime error" not in words, words
        return status

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        status = self.wait()
        assert status == 0, f"exit status {status}:\n{self.words()}"
        assert not os.path.exists(self.path), "the socket is left behind"

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()
        self.dir.cleanup()


class DaemonTest(unittest.TestCase):
    """A test with a fresh daemon, which has to end cleanly afterwards."""

    args = ()

    def setUp(self):
        self.daemon = Daemon(*self.args)

    def tearDown(self):
        try:
            if self.daemon.process.poll() is None:
                self.daemon.stop()
        finally:
            self.daemon.close()
