#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""An NVMe/TCP target that breaks nothing and can do what others cannot.

    tcp_able_target.py ADDRESS PORT [IDENTIFIER|DMRL:DMRSL:DMSL...]

On each port from PORT on the namespace has another identifier: uuid, nguid, eui64, none;
or the controller other limits of discards, beyond which it refuses them; "one" and "two" are
two paths to the same. Without any there is one port. From one SIGUSR2 to the next new
connections are not served. It serves the controller of tcp_evil_target.py. Format NVM takes a
second, or until that next SIGUSR2, and then the namespace is twice as large; so it is, without
a word, after SIGUSR1. It has a volatile write cache that hosts may switch. Prints "ready" when
it listens, and what hosts do:

    icreq DIGESTS       bits: 1 of headers, 2 of data; it agrees to none
    connect QID CATTR
    scan                the list of namespaces is asked for
    format, formatted   Format NVM begins, has ended
    io                  a command of an I/O queue in between, on whichever port
    held                a connection waits to be served
    dsm BLOCK+BLOCKS... the ranges of a discard, or "beyond" and them
"""

import signal
import socket
import struct
import sys
import threading
import time

import tcp_evil_target as evil

SET_FEATURES, GET_FEATURES, FORMAT_NVM = 0x09, 0x0A, 0x80
DATASET_MANAGEMENT = 0x09
SIZE_LIMIT_EXCEEDED = 0x4183
WRITE_CACHE = 6
FORMAT_SECONDS = 1
# type and length of their descriptors
IDENTIFIERS = {"uuid": (3, 16), "nguid": (2, 16), "eui64": (1, 8), "none": (0, 0)}


SERVING = threading.Event()


def grow(*_):
    evil.DISK.extend(bytes(len(evil.DISK)))


def hold(*_):
    if SERVING.is_set():
        SERVING.clear()
    else:
        SERVING.set()


class Port(evil.Port):
    formatting = False
    write_cache = 1

    def __init__(self, what):
        super().__init__(what if what in evil.PATHS else "good")
        self.identifier = what if what in IDENTIFIERS else "uuid"
        # of discards: ranges, blocks of one, of all together; 0: any
        self.limits = [int(n) for n in what.split(":")] if ":" in what else None

    def descriptors(self):
        kind, length = IDENTIFIERS[self.identifier]
        return bytes([kind, length, 0, 0, *range(1, length + 1)]).ljust(4096, b"\0")

    def note(self, *words):
        print(*words, flush=True)

    def is_beyond(self, ranges):
        most, longest, together = [n or float("inf") for n in self.limits or (0, 0, 0)]
        blocks = [n for n, _ in ranges]
        return len(blocks) > most or max(blocks) > longest or sum(blocks) > together


class Connection(evil.Connection):
    def serve(self):
        if not SERVING.is_set():
            self.port.note("held")
            SERVING.wait()
        icreq = self.sock.recv(128, socket.MSG_PEEK | socket.MSG_WAITALL)
        if len(icreq) == 128:
            self.port.note("icreq", icreq[11])
        super().serve()

    def fabrics(self, sqe, cid, data):
        if sqe[4] == 1:
            self.port.note("connect", struct.unpack_from("<H", sqe, 42)[0], sqe[46])
        super().fabrics(sqe, cid, data)

    def io(self, opcode, sqe, cid, data):
        if Port.formatting:
            self.port.note("io")
        if opcode == DATASET_MANAGEMENT:
            self.discard(sqe[40] + 1, cid, data)
        else:
            super().io(opcode, sqe, cid, data)

    def discard(self, number, cid, data):
        ranges = [struct.unpack_from("<xxxxIQ", data, 16 * n) for n in range(number)]
        beyond = self.port.is_beyond(ranges)
        self.port.note("beyond" if beyond else "dsm", *[f"{at}+{n}" for n, at in ranges])
        self.send(evil.rsp(cid, SIZE_LIMIT_EXCEEDED if beyond else 0))

    def admin(self, opcode, sqe, cid, data):
        feature, value = struct.unpack_from("<BxxxI", sqe, 40)
        if opcode == FORMAT_NVM:
            self.format()
            self.send(evil.rsp(cid))
        elif opcode == GET_FEATURES and feature == WRITE_CACHE:
            self.send(evil.rsp(cid, 0, self.port.write_cache))
        elif opcode == SET_FEATURES and feature == WRITE_CACHE:
            self.port.write_cache = value & 1
            self.send(evil.rsp(cid))
        else:
            super().admin(opcode, sqe, cid, data)

    def identity(self, cns, nsid):
        if cns == 2:
            self.port.note("scan")
        if cns == 3:
            return self.port.descriptors()
        if cns == 6 and self.port.limits:
            return struct.pack("<xxxBIQ", *self.port.limits).ljust(4096, b"\0")
        data = super().identity(cns, nsid)
        if cns == 1:
            data = bytearray(data)
            data[525] = 1                   # a volatile write cache
        elif cns == 0:
            data = bytearray(data)
            struct.pack_into("<QQQ", data, 0, *[len(evil.DISK) // 512] * 3)
        return data and bytes(data)

    def format(self):
        Port.formatting = True
        self.port.note("format")
        time.sleep(FORMAT_SECONDS)
        SERVING.wait()
        grow()
        Port.formatting = False
        self.port.note("formatted")


def main():
    address, first = sys.argv[1], int(sys.argv[2])
    signal.signal(signal.SIGUSR1, grow)
    signal.signal(signal.SIGUSR2, hold)
    SERVING.set()
    threads = []
    for number, what in enumerate(sys.argv[3:] or ["uuid"], first):
        args = socket.create_server((address, number)), Port(what), Connection
        threads.append(threading.Thread(target=evil.listen, args=args))
        threads[-1].start()
    print("ready", flush=True)
    for t in threads:
        t.join()


if __name__ == "__main__":
    main()
