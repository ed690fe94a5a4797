#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Somebody between a host and a sound NVMe/TCP target, without digests, who makes the
target go wrong in the middle of I/O.

    tcp_wrong.py ADDRESS PORT TARGET_PORT

Each line of standard input names a fault, which the next suitable PDU of an I/O queue gets,
once; "did FAULT" is printed then. Everything else passes as it is.

    generation   a response names an earlier life of its command identifier
    unknown      a response names an identifier that no queue has
    twice        a response comes twice
    data         data names an identifier that no queue has
    beyond       an R2T asks for more than the command has
"""

import contextlib
import socket
import struct
import sys
import threading

CMD, RSP, C2H_DATA, R2T = 4, 5, 7, 9
CONNECT = 0x7F, 1


def other_cid(pdu, at, bits):
    cid, = struct.unpack_from("<H", pdu, at)
    return pdu[:at] + struct.pack("<H", cid ^ bits) + pdu[at + 2:]


def beyond(pdu):
    length, = struct.unpack_from("<I", pdu, 16)
    return pdu[:16] + struct.pack("<I", length + 4096) + pdu[20:]


# type of PDU and what becomes of it; tags have 12 bits and queues far fewer entries
FAULTS = {
    "generation": (RSP, lambda pdu: other_cid(pdu, 20, 0x1000)),
    "unknown": (RSP, lambda pdu: other_cid(pdu, 20, 0x0800)),
    "twice": (RSP, lambda pdu: pdu * 2),
    "data": (C2H_DATA, lambda pdu: other_cid(pdu, 8, 0x0800)),
    "beyond": (R2T, beyond),
}

lock = threading.Lock()
waiting = []                   # the fault that comes next


def receive(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def pdus(sock):
    while True:
        head = receive(sock, 8)
        yield head + receive(sock, struct.unpack_from("<I", head, 4)[0] - 8)


def spoilt(pdu):
    with lock:
        if not waiting or FAULTS[waiting[0]][0] != pdu[0]:
            return pdu
        fault = waiting.pop()
    print("did", fault, flush=True)
    return FAULTS[fault][1](pdu)


class Connection:
    qid = 0

    def __init__(self, host, target):
        self.ends = host, target
        for way in (self.to_target, host, target), (self.to_host, target, host):
            threading.Thread(target=self.carry, args=way, daemon=True).start()

    def to_target(self, pdu):
        if pdu[0] == CMD and (pdu[8], pdu[12]) == CONNECT:
            self.qid, = struct.unpack_from("<H", pdu, 8 + 42)
        return pdu

    def to_host(self, pdu):
        return spoilt(pdu) if self.qid else pdu

    def carry(self, change, source, sink):
        try:
            for pdu in pdus(source):
                sink.sendall(change(pdu))
        except OSError:
            for s in self.ends:
                # its other end may be faster
                with contextlib.suppress(OSError):
                    s.shutdown(socket.SHUT_RDWR)


def accept(listener, target):
    while True:
        host, _ = listener.accept()
        try:
            Connection(host, socket.create_connection(target))
        except OSError:
            host.close()


def main():
    address, port, to = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    listener = socket.create_server((address, port))
    threading.Thread(target=accept, args=(listener, (address, to)), daemon=True).start()
    print("ready", flush=True)
    for line in sys.stdin:
        with lock:
            waiting[:] = [line.strip()]


if __name__ == "__main__":
    main()
