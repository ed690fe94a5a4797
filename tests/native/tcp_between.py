# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""For native tests: somebody between initiator and daemon, on loopback."""
import contextlib
import socket
import threading


class Between:
    """Listens at .port, and passes on to another one, until it is closed.

    pieces: sizes of what is passed on at once; flip: (to the host?, which byte, mask) is
    changed once. refuse(n): is connection n, counted from 0, ended before anything is passed?
    cut: (n, bytes): connection n ends instead of passing on more than that to the host.
    .passed counts the bytes of both directions, .connections those that came.
    """

    def __init__(self, port, pieces=None, flip=None, refuse=lambda n: False, cut=(-1, 0)):
        self.to, self.pieces, self.flip, self.refuse, self.cut = port, pieces, flip, refuse, cut
        self.passed = [0, 0]
        self.connections = 0
        self.lock = threading.Lock()
        self.pairs = {}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for s in (self.listener, *sum(self.pairs.values(), ())):
            s.close()

    def accept(self):
        try:
            while True:
                host = self.listener.accept()[0]
                n = self.connections
                self.connections += 1
                if self.refuse(n):
                    host.close()
                    continue
                target = socket.create_connection(("127.0.0.1", self.to))
                self.pairs[n] = host, target
                for s in self.pairs[n]:
                    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for way in (0, host, target), (1, target, host):
                    threading.Thread(target=self.carry, args=(n, *way), daemon=True).start()
        except OSError:
            pass

    def carry(self, n, to_host, source, sink):
        room = self.cut[1] if to_host and n == self.cut[0] else float("inf")
        try:
            while data := source.recv(65536):
                room -= len(data)
                if room < 0:
                    self.drop(n)
                    return
                self.send(sink, self.changed(to_host, data))
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def drop(self, n):
        """The end of connection n."""
        for s in self.pairs[n]:
            with contextlib.suppress(OSError):  # its other end may be faster
                s.shutdown(socket.SHUT_RDWR)

    def changed(self, to_host, data):
        with self.lock:
            at = self.passed[to_host]
            self.passed[to_host] += len(data)
        if self.flip and self.flip[0] == to_host and at <= self.flip[1] < at + len(data):
            data = bytearray(data)
            data[self.flip[1] - at] ^= self.flip[2]
        return data

    def send(self, sink, data):
        if not self.pieces:
            sink.sendall(data)
            return
        at = n = 0
        while at < len(data):
            size = self.pieces[n % len(self.pieces)]
            sink.sendall(data[at:at + size])
            at += size
            n += 1


@contextlib.contextmanager
def by_way_of(between, test):
    """The tool that a TcpTest starts meanwhile connects to somebody instead of the daemon."""
    port, test.port = test.port, between.port
    try:
        yield
    finally:
        test.port = port
