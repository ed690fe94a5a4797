#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""An NVMe/TCP target that breaks the protocol, in another way on each port.

    tcp_evil_target.py ADDRESS FIRST_PORT [MODE...]

Serves a small controller with one namespace of 1 MiB, well but for what the mode of the
port says; "good" breaks nothing. Modes of I/O strike at blocks from 1024 on. Prints
"MODE port N" for each, "ready" when it listens on all, and "MODE term FES FEI" for each
termination request of a host.

Some modes break nothing, but do what other targets do not, and print what the host does:

    fw-done   a read of the strike zone starts an activation of firmware, if the host has
              read the log since the last one; processing is paused for 30 reads of CSTS
    fw-stuck  likewise, but only a new connection ends it
    fw-path   likewise, but a read through "path" ends it, which is another path to the same
    retry     reads from block 1024 on succeed at the fourth attempt, those from 1536 on
              never; the failures ask for the delays of CRDT1, 2, 3
    grows     the namespace has twice the size from the second time on that it is asked for
    late      likewise, another path to the same; but the second answer waits until the
              other path was read there eight times
    hour      reads from block 1024 on fail, and may be sent again in an hour
    astray    reads from block 1024 on fail because of the path, and may be sent again
    lost      likewise, and "path" is another path to the same
    slow-off  after CC.EN = 0 it is still ready for three reads of CSTS
    descs     the second list of a namespace's identifiers fails, later ones do not
    ns-mute   the list of namespaces is never told
    atomic-*  the namespace tells what it writes whole, and what it prefers, see SHAPES; what
              Write Zeroes wants is printed
    no-list   a list of namespaces is not known
    clock     a timestamp can be set, and is printed
    csi       the namespace is of command set 2
    ns-slow   from the second list of namespaces on there are 200, of which 199 are not
              there, and it takes a while to say so
    ns-endless  the list of namespaces has no end, and none is there but the first
    ic-once   after the first two connections there is no ICResp any more
"""

import socket
import struct
import sys
import threading
import time

ICREQ, ICRESP, H2C_TERM, C2H_TERM, CMD, RSP, H2C_DATA, C2H_DATA, R2T = (
    0, 1, 2, 3, 4, 5, 6, 7, 9)
LAST, SUCCESS = 4, 8
STRIKE_LBA = 1024
BLOCKS = 2048
LIST_MAX = 1024
# room for it to grow
DISK = bytearray(2 * BLOCKS * 512)


def pdu(kind, body, data=b"", flags=0, plen=None, hlen=None):
    """A PDU without digests; @plen, @hlen: what to claim instead of the truth."""
    hdr_len = 8 + len(body)
    total = hdr_len + len(data) if plen is None else plen
    pdo = hdr_len if data else 0
    return struct.pack("<BBBBI", kind, flags, hdr_len if hlen is None else hlen, pdo,
                       total) + body + data


def icresp(pfv=0, cpda=0, dgst=0, maxh2c=65536):
    return pdu(ICRESP, struct.pack("<HBBI112x", pfv, cpda, dgst, maxh2c))


def rsp(cid, status=0, result=0):
    return pdu(RSP, struct.pack("<QHHHH", result, 0, 0, cid, status << 1))


def c2h(cid, offset, data, flags=LAST):
    return pdu(C2H_DATA, struct.pack("<HHII4x", cid, 0, offset, len(data)), data, flags)


def r2t(cid, offset, length, ttag=1):
    return pdu(R2T, struct.pack("<HHII4x", cid, ttag, offset, length))


def term(fes, fei):
    return pdu(C2H_TERM, struct.pack("<HI10x", fes, fei), b"\0" * 8)


# What goes out instead of the ICResp
FIRST = {
    "ic-pfv": icresp(pfv=1),
    "ic-cpda": icresp(cpda=32),
    "ic-digests": icresp(dgst=3),
    "ic-maxh2c": icresp(maxh2c=2048),
    "ic-type": rsp(0),
    "ic-hlen": pdu(ICRESP, struct.pack("<HBBI112x", 0, 0, 0, 65536), hlen=120),
    "ic-plen": pdu(ICRESP, struct.pack("<HBBI112x", 0, 0, 0, 65536), plen=1 << 31),
    "ic-term": term(1, 8),
    "ic-close": b"",
    "ic-half": icresp()[:50],
}

# Instead of the answer to Connect, whose identifier is CID
CONNECT = {
    "rsp-cid": lambda cid: rsp(cid ^ 0x1000),
    "rsp-aer": lambda cid: rsp(0xFFFD),
    "rsp-twice": lambda cid: rsp(cid, 0, 1) * 2,
    "rsp-hlen": lambda cid: pdu(RSP, b"\0" * 24),
    "rsp-plen": lambda cid: pdu(RSP, b"\0" * 16, plen=4096),
    "rsp-flags": lambda cid: pdu(RSP, b"\0" * 16, flags=0xF0),
    "rsp-digest": lambda cid: pdu(RSP, struct.pack("<QHHHH", 1, 0, 0, cid, 0), flags=1),
    "type": lambda cid: pdu(0x55, b"\0" * 16),
    "type-h2c": lambda cid: pdu(H2C_DATA, b"\0" * 16, b"x" * 16),
    "type-icresp": lambda cid: icresp(),
    "zeros": lambda cid: bytes(4096),
    "noise": lambda cid: bytes(range(255, 0, -1)) * 64,
    "data-for-write": lambda cid: c2h(cid, 0, b"x" * 512),
    "r2t-for-capsule": lambda cid: r2t(cid, 0, 1024),
    "term": lambda cid: term(2, 0),
    "half-close": lambda cid: rsp(cid, 0, 1)[:11],
}

# Instead of the data of Identify Controller. id-former gets the identifier of the command
# that was answered before.
IDENTIFY = {
    "id-former": lambda cid, d: c2h(cid, 0, d) + rsp(cid),
    "id-beyond": lambda cid, d: c2h(cid, 0, d + d),
    "id-offset": lambda cid, d: c2h(cid, 4, d[4:]),
    "id-wrap": lambda cid, d: c2h(cid, 0xFFFFF000, d),
    "id-again": lambda cid, d: c2h(cid, 0, d, 0) + c2h(cid, 0, d),
    "id-after-last": lambda cid, d: c2h(cid, 0, d[:2048]) + c2h(cid, 2048, d[2048:]),
    "id-success-early": lambda cid, d: c2h(cid, 0, d[:2048], LAST | SUCCESS),
    "id-success-no-last": lambda cid, d: c2h(cid, 0, d, SUCCESS),
    "id-short": lambda cid, d: c2h(cid, 0, d[:512]) + rsp(cid),
    "id-none": lambda cid, d: rsp(cid),
    "id-huge": lambda cid, d: pdu(C2H_DATA, struct.pack("<HHII4x", cid, 0, 0, 1 << 30),
                                  plen=24 + (1 << 30)) + d,
    "id-datal": lambda cid, d: pdu(C2H_DATA, struct.pack("<HHII4x", cid, 0, 0, 4096),
                                   d[:64], LAST),
    "id-r2t": lambda cid, d: r2t(cid, 0, 4096),
}

# Instead of the data of a read of 64 KiB, instead of the R2T of a write of that length
READ = {
    "rd-other": lambda cid, d: c2h(cid ^ 1, 0, d),
    "rd-generation": lambda cid, d: c2h(cid ^ 0x1000, 0, d),
    "rd-short": lambda cid, d: c2h(cid, 0, d[:512]) + rsp(cid),
    "rd-twice": lambda cid, d: c2h(cid, 0, d) + rsp(cid) + rsp(cid),
    "rd-late": lambda cid, d: c2h(cid, 0, d, LAST | SUCCESS) + c2h(cid, 0, d),
    "rd-r2t": lambda cid, d: r2t(cid, 0, 512),
    "rd-cut": lambda cid, d: c2h(cid, 0, d)[:1000],
}
WRITE = {
    "wr-beyond": lambda cid, n: r2t(cid, 0, n + 4),
    "wr-wrap": lambda cid, n: r2t(cid, 0xFFFFFFF0, 32),
    "wr-offset": lambda cid, n: r2t(cid, 4096, 4096),
    "wr-empty": lambda cid, n: r2t(cid, 0, 0),
    "wr-again": lambda cid, n: r2t(cid, 0, n) + r2t(cid, 0, n),
    "wr-many": lambda cid, n: b"".join(r2t(cid, 512 * i, 512, i) for i in range(64)),
    "wr-other": lambda cid, n: r2t(cid ^ 1, 0, n),
    "wr-early": lambda cid, n: r2t(cid, 0, 4096) + rsp(cid),
    "wr-data": lambda cid, n: c2h(cid, 0, b"x" * 512),
    "wr-after": lambda cid, n: rsp(cid, 0x06) + r2t(cid, 0, n),
}
SILENT = ["ic-mute", "cmd-mute", "ic-once", "ns-mute"]
# MTFA in units of 100 ms
ACTIVATION = {"fw-done": 600, "fw-stuck": 10, "fw-path": 600}
# controllers of one subsystem, with their ids
PATHS = {"fw-path": 1, "path": 2, "grows": 1, "late": 2, "one": 1, "two": 2, "lost": 3}
GROWING = ["grows", "late"]
# NSFEAT, DLFEAT, NAWUPF, NABO, NOIOB, NPWG, NOWS; AWUPF of the controller is 7
SHAPES = {
    "atomic-ns": (0x12, 0x08, 7, 0, 64, 15, 31),
    "atomic-ctrl": (0x10, 0x09, 0, 0, 0, 15, 0),
    "atomic-odd": (0x12, 0x09, 7, 1, 0, 7, 15),
}
# in units of 100 ms
DELAYS = {"retry": (1, 2, 3), "hour": (36000, 0, 0), "astray": (0, 0, 0), "lost": (0, 0, 0)}
# last namespace of the second list and those after it
LAST_NS = {"ns-slow": 200, "ns-endless": 0xFFFFFFFE}
MODES = ["good", "slow-off", *DELAYS, "descs", *LAST_NS, *SHAPES, "no-list", "clock", "csi",
         *GROWING, *ACTIVATION, "path", *SILENT, *FIRST, *CONNECT, *IDENTIFY, *READ, *WRITE]

FW_LOG, HOST_BEHAVIOR, TIMESTAMP = 3, 0x16, 0x0E
FW_STARTING = FW_LOG << 16 | 1 << 8 | 2
INTERNAL_ERROR, COMMAND_INTERRUPTED = 0x06, 0x21
# whoever relays another target's errors has the second one, too
INTERNAL_PATH_ERROR, HOST_PATH_ERROR = 0x300, 0x370
INVALID_NS = 0x400B
CSTS_PAUSED = 32
HOPELESS_LBA = 1536


def identify_ctrl(nqn, port):
    d = bytearray(4096)
    d[4:24] = b"EVIL".ljust(20)
    d[24:64] = b"evil".ljust(40)
    d[64:72] = port.firmware.ljust(8)
    struct.pack_into("<HI", d, 78, PATHS.get(port.mode, 1), 0x10400)
    d[76] = 2 if port.mode in PATHS else 0     # several controllers
    d[77] = 5
    if port.mode in ACTIVATION:
        struct.pack_into("<I", d, 92, 1 << 9)
        struct.pack_into("<H", d, 270, ACTIVATION[port.mode])
    d[111] = 1
    struct.pack_into("<HHH", d, 128, *DELAYS.get(port.mode, (0, 0, 0)))
    struct.pack_into("<H", d, 320, 10)
    d[512], d[513] = 0x66, 0x44
    struct.pack_into("<H", d, 514, 64)
    struct.pack_into("<I", d, 516, 1)
    # Dataset Management, Write Zeroes, Timestamp
    oncs = 1 << 2 | (port.mode in SHAPES) << 3 | (port.mode == "clock") << 6
    struct.pack_into("<H", d, 520, oncs)
    struct.pack_into("<H", d, 528, 7 * (port.mode in SHAPES))
    struct.pack_into("<I", d, 536, 1 << 20 | 1)
    d[768:768 + len(nqn)] = nqn
    struct.pack_into("<IIH", d, 1792, (64 + 8192) // 16, 1, 0)
    return bytes(d)


def identify_ns(port):
    d = bytearray(4096)
    d[30] = port.mode in PATHS                 # shared by controllers
    port.sizes += 1
    grown = port.mode in GROWING and port.sizes > 1
    while port.mode == "late" and port.sizes == 2 and Port.grown_reads < 8:
        time.sleep(0.02)
    struct.pack_into("<QQQ", d, 0, *[BLOCKS << grown] * 3)
    d[128 + 2] = 9
    if port.mode in SHAPES:
        d[24], d[33], nawupf, nabo, noiob, npwg, nows = SHAPES[port.mode]
        struct.pack_into("<H", d, 36, nawupf)
        struct.pack_into("<HHH", d, 42, nabo, 0, noiob)
        struct.pack_into("<H", d, 64, npwg)
        struct.pack_into("<H", d, 72, nows)
    return bytes(d)


def ns_descriptors(port):
    uuid = bytes([3, 16, 0, 0]) + bytes(range(1, 17))
    csi = bytes([4, 1, 0, 0, 2]) if port.mode == "csi" else b""
    return (uuid + csi).ljust(4096, b"\0")


class Gone(Exception):
    """The host closed the connection."""


class Port:
    """What the connections of one port share."""

    other_path = False         # has taken a read since an activation began
    grown_reads = 0            # of what has been added, by the path that has told of it

    def __init__(self, mode):
        self.mode = mode
        self.connections = 0
        self.firmware = b"1"
        self.told = False      # of an activation, and the log has not been read since
        self.paused = 0        # for so many reads of CSTS
        self.event = None      # sends the one asynchronous event
        self.attempts = {}     # at reading, by block
        self.lists = 0         # of identifiers, asked for
        self.sizes = 0         # of the namespace, asked for
        self.scans = 0         # lists of namespaces, asked for from the start

    def note(self, *words):
        print(self.mode, *words, flush=True)

    def activate(self):
        """Firmware, if the host may be told of it; it will ask for events soon."""
        if self.told:
            return
        while not self.event:
            time.sleep(0.02)
        event, self.event = self.event, None
        self.told, self.paused = True, 30
        Port.other_path = False
        event(FW_STARTING)

    def processing(self):
        """CSTS is read: is it paused?"""
        if not self.paused:
            return 0
        self.note("paused")
        if self.mode == "fw-done":
            self.paused -= 1
        elif self.mode == "fw-path" and Port.other_path:
            self.paused = 0
        if not self.paused:
            self.firmware = b"2"
            self.note("processing")
        return CSTS_PAUSED

    def namespaces(self, after):
        """The list of namespaces from the one after @after on"""
        self.scans += not after
        last = LAST_NS.get(self.mode, 1) if self.scans > 1 or self.mode == "ns-endless" else 1
        ids = range(after + 1, min(last, after + LIST_MAX) + 1)
        return struct.pack(f"<{len(ids)}I", *ids).ljust(4096, b"\0")

    def absent(self, nsid):
        if self.mode == "ns-slow":
            self.note("absent", nsid)
            time.sleep(0.1)
        return INVALID_NS

    def verdict(self, lba):
        """The status that this attempt at reading ends with"""
        if self.mode == "hour":
            self.note("attempt", lba)
            return 1 << 11 | COMMAND_INTERRUPTED
        if self.mode in ("astray", "lost"):
            self.note("attempt", lba)
            return HOST_PATH_ERROR if lba == STRIKE_LBA else INTERNAL_PATH_ERROR
        n = self.attempts[lba] = self.attempts.get(lba, 0) + 1
        self.note("attempt", lba, n)
        return min(n, 3) << 11 | COMMAND_INTERRUPTED if n < 4 or lba >= HOPELESS_LBA else 0


class Connection:
    def __init__(self, sock, port):
        self.sock, self.port, self.mode = sock, port, port.mode
        port.connections += 1
        self.mute = self.mode == "ic-mute" or (self.mode == "ic-once" and port.connections > 2)
        self.qid = 0
        self.cid = self.former = None
        self.cc = self.ready_for = 0
        self.nqn = b""
        self.writes = {}

    def recv(self, n):
        data = b""
        while len(data) < n:
            more = self.sock.recv(n - len(data))
            if not more:
                raise Gone
            data += more
        return data

    def send(self, data):
        self.sock.sendall(data)

    def serve(self):
        self.recv(128)
        if self.mute:
            self.port.note("mute")
            return self.drain()
        if self.mode in FIRST:
            self.send(FIRST[self.mode])
            return None if self.mode in ("ic-close", "ic-half") else self.drain()
        self.send(icresp())
        while True:
            self.one_pdu()

    def drain(self):
        """Broken as promised: read on, for the host's termination request."""
        while True:
            self.note_term(*self.read_pdu())

    def note_term(self, kind, header, _data):
        if kind == H2C_TERM:
            print(self.mode, "term", *struct.unpack_from("<HI", header), flush=True)

    def read_pdu(self):
        kind, _flags, hlen, pdo, plen = struct.unpack("<BBBBI", self.recv(8))
        rest = self.recv(plen - 8)
        return kind, rest[:hlen - 8], rest[pdo - 8:] if pdo else b""

    def one_pdu(self):
        kind, header, data = self.read_pdu()
        self.note_term(kind, header, data)
        if kind == CMD:
            self.command(header, data)
        elif kind == H2C_DATA:
            self.host_data(header, data)

    def command(self, sqe, data):
        opcode, _, cid = struct.unpack_from("<BBH", sqe)
        self.cid, self.former = cid, self.cid
        if opcode == 0x7F:
            self.fabrics(sqe, cid, data)
        elif self.qid:
            self.io(opcode, sqe, cid, data)
        else:
            self.admin(opcode, sqe, cid, data)

    def fabrics(self, sqe, cid, data):
        kind = sqe[4]
        offset = struct.unpack_from("<I", sqe, 44)[0]
        if kind == 1:
            self.qid = struct.unpack_from("<H", sqe, 42)[0]
            self.nqn = data[256:512].rstrip(b"\0")
            if self.mode == "cmd-mute":
                return
            if self.mode in ACTIVATION and not self.qid:
                self.port.paused = 0
                self.port.note("connect")
            if self.mode in CONNECT:
                self.send(CONNECT[self.mode](cid))
                if self.mode == "half-close":
                    raise Gone
                return
            self.send(rsp(cid, 0, PATHS.get(self.mode, 1)))
        elif kind == 4:
            ready = (self.cc & 1) | (8 if self.cc >> 14 & 3 else 0)
            if offset == 0x1C:
                ready |= self.port.processing() | self.stopping()
            cap = 127 | 1 << 16 | 20 << 24 | 1 << 37
            self.send(rsp(cid, 0, {0: cap, 8: 0x10400, 0x14: self.cc,
                                   0x1C: ready}.get(offset, 0)))
        else:
            if offset == 0x14:
                was, self.cc = self.cc, struct.unpack_from("<I", sqe, 48)[0]
                if self.mode == "slow-off" and was & ~self.cc & 1:
                    self.ready_for = 3
            self.send(rsp(cid))

    def stopping(self):
        """CSTS is read: is it still ready?"""
        if not self.ready_for:
            return 0
        self.ready_for -= 1
        if not self.ready_for:
            self.port.note("stopped")
        return 1

    def admin(self, opcode, sqe, cid, data):
        cdw10 = struct.unpack_from("<I", sqe, 40)[0]
        if opcode == 0x06:
            self.identify(cdw10 & 0xFF, struct.unpack_from("<I", sqe, 4)[0], cid)
        elif opcode == 0x02 and cdw10 & 0xFF == FW_LOG:
            self.port.told = False
            self.port.note("log")
            self.send(c2h(cid, 0, b"\1".ljust(512, b"\0")) + rsp(cid))
        elif opcode in (0x09, 0x18):
            if opcode == 0x09 and cdw10 & 0xFF == HOST_BEHAVIOR:
                self.port.note("acre", data[0])
            elif opcode == 0x09 and cdw10 & 0xFF == TIMESTAMP:
                self.port.note("timestamp", int.from_bytes(data[:6], "little"))
            self.send(rsp(cid))
        elif opcode == 0x0C:
            self.port.event = lambda result: self.send(rsp(cid, 0, result))
        else:
            self.send(rsp(cid, 0x4001))

    def identity(self, cns, nsid):
        if cns == 0:
            return identify_ns(self.port)
        if cns == 2:
            return None if self.mode == "no-list" else self.port.namespaces(nsid)
        return {1: identify_ctrl(self.nqn, self.port), 3: ns_descriptors(self.port)}.get(cns)

    def identify(self, cns, nsid, cid):
        if cns == 0 and nsid != 1:
            self.send(rsp(cid, self.port.absent(nsid)))
            return
        data = self.identity(cns, nsid)
        self.port.lists += cns == 3
        if self.mode == "descs" and cns == 3 and self.port.lists == 2:
            self.port.note("failed")
            self.send(rsp(cid, INTERNAL_ERROR))
        elif data is None:
            self.port.note("refused", cns)
            self.send(rsp(cid, 0x4002))
        elif cns == 2 and self.mode == "ns-mute":
            self.port.note("mute")
        elif cns == 1 and self.mode in IDENTIFY:
            named = self.former if self.mode == "id-former" else cid
            self.send(IDENTIFY[self.mode](named, data))
        else:
            self.send(c2h(cid, 0, data) + rsp(cid))

    def io(self, opcode, sqe, cid, data):
        lba = struct.unpack_from("<Q", sqe, 40)[0]
        length = (struct.unpack_from("<H", sqe, 48)[0] + 1) * 512
        at, strikes = lba * 512, lba >= STRIKE_LBA
        if opcode == 2:
            answer = DISK[at:at + length]
            status = self.before_read(lba) if strikes else 0
            if self.mode in ACTIVATION or self.mode in PATHS:
                paused = self.port.paused and not strikes
                self.port.note("read", lba, "paused" if paused else "running")
                Port.other_path |= self.mode == "path"
                Port.grown_reads += self.mode == "grows" and lba >= BLOCKS
            if status:
                self.send(rsp(cid, status))
            elif strikes and self.mode in READ:
                self.send(READ[self.mode](cid, bytes(answer)))
                if self.mode == "rd-cut":
                    raise Gone
            else:
                self.send(c2h(cid, 0, bytes(answer), LAST | SUCCESS))
        elif opcode == 1 and data:
            DISK[at:at + length] = data
            self.send(rsp(cid))
        elif opcode == 1:
            if strikes and self.mode in WRITE:
                self.send(WRITE[self.mode](cid, length))
            else:
                self.writes[cid] = [at, length]
                self.send(r2t(cid, 0, length))
        else:
            if opcode == 8:
                self.port.note("zeroes", "deac" if sqe[51] & 2 else "plain")
            self.send(rsp(cid))

    def before_read(self, lba):
        """In the strike zone: a status, if that is what is to come of it."""
        if self.mode in DELAYS:
            return self.port.verdict(lba)
        if self.mode in ACTIVATION:
            self.port.activate()
        return 0

    def host_data(self, header, data):
        cid, _ttag, offset, length = struct.unpack_from("<HHII", header)
        if cid not in self.writes:
            return
        at, total = self.writes[cid]
        DISK[at + offset:at + offset + length] = data
        if offset + length == total:
            del self.writes[cid]
            self.send(rsp(cid))


def run(sock, port, connection):
    with sock:
        try:
            connection(sock, port).serve()
        except (Gone, ConnectionError):
            pass


def listen(listener, port, connection=Connection):
    """Serves each that comes by a @connection of its own"""
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=run, args=(sock, port, connection), daemon=True).start()


def main():
    address, first = sys.argv[1], int(sys.argv[2])
    threads = []
    for number, mode in enumerate(sys.argv[3:] or MODES, first):
        listener = socket.create_server((address, number))
        print(mode, "port", number, flush=True)
        threads.append(threading.Thread(target=listen, args=(listener, Port(mode))))
    for t in threads:
        t.start()
    print("ready", flush=True)


if __name__ == "__main__":
    main()
