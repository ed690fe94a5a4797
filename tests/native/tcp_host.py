# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""A small NVMe/TCP host for native tests: one class for a connection, which builds and
reads PDUs byte by byte, and helpers to bring a controller up. It is written from the
specification, not from the daemon's own code, and can be told to do everything wrong.
"""
import contextlib
import socket
import struct

ICREQ, ICRESP, H2C_TERM, C2H_TERM, CMD, RSP, H2C_DATA, C2H_DATA, R2T = 0, 1, 2, 3, 4, 5, 6, 7, 9
HDGSTF, DDGSTF, LAST, SUCCESS = 1, 2, 4, 8
HLEN = {ICREQ: 128, H2C_TERM: 24, CMD: 72, H2C_DATA: 24, ICRESP: 128, C2H_TERM: 24, RSP: 24,
        C2H_DATA: 24, R2T: 24}
SUBNQN = "nqn.2026-11.io.weft:tcp"
HOSTNQN = "nqn.2026-11.io.weft:native"
HOSTID = b"native-test-host"
DISCOVERY = "nqn.2014-08.org.nvmexpress.discovery"
LIMIT = 60  # seconds; for a hang, not a measurement

_TABLE = []
for _n in range(256):
    for _ in range(8):
        _n = _n >> 1 ^ (0x82f63b78 if _n & 1 else 0)
    _TABLE.append(_n)


def crc32c(data):
    crc = 0xffffffff
    for b in data:
        crc = _TABLE[(crc ^ b) & 0xff] ^ crc >> 8
    return struct.pack("<I", crc ^ 0xffffffff)


class Closed(Exception):
    """The daemon closed the connection."""


class Terminated(Exception):
    """The daemon sent a termination request."""

    def __init__(self, pdu):
        self.fes, self.fei = struct.unpack_from("<HI", pdu.head, 8)
        self.quoted = pdu.data
        super().__init__(f"FES {self.fes} FEI {self.fei}")


class Refused(Exception):
    """A command ended with an error; args[0] is its status without the phase bit."""


class Pdu:
    """A received PDU: header, payload, and its fields."""

    def __init__(self, head, data):
        self.head, self.data = head, data
        self.type, self.flags = head[0], head[1]
        if self.type in (C2H_DATA, R2T):
            self.cid, self.ttag, self.offset, self.length = struct.unpack_from("<HHII", head, 8)
        elif self.type == RSP:
            self.result, self.sqhd, _, self.cid, status = struct.unpack_from("<QHHHH", head, 8)
            self.status = status >> 1


def sgl_transport(length):
    return struct.pack("<QI3xB", 0, length, 0x5a)


def sgl_capsule(length, offset=0):
    return struct.pack("<QI3xB", offset, length, 0x01)


def sqe(opcode, cid, nsid=0, sgl=None, cdw10=0, cdw11=0, cdw12=0, flags=0x40):
    return struct.pack("<BBHI16x16sIIIIII", opcode, flags, cid, nsid, sgl or sgl_transport(0),
                       cdw10, cdw11, cdw12, 0, 0, 0)


@contextlib.contextmanager
def closed_on_failure(what):
    """A constructor's steps: nobody else can close what it leaves half made."""
    try:
        yield
    except BaseException:
        what.close()
        raise


class Conn:
    """One connection. hdgst, ddgst: ask for digests; hpda: as on the wire."""

    def __init__(self, address, hdgst=False, ddgst=False, hpda=0, maxr2t=1, hello=True):
        self.sock = socket.create_connection(address, LIMIT)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.hdgst = self.ddgst = False
        self.asked = (hdgst, ddgst, hpda, maxr2t)
        self.pda = 4 * (hpda + 1)
        self.cid = 0
        self.commands = 0  # that were sent
        self.pieces = None  # send in pieces of these sizes
        self.buffered = b""
        self.early = []
        if hello:
            with closed_on_failure(self):
                self.hello()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    # bytes

    def send(self, data):
        if not self.pieces:
            self.sock.sendall(data)
            return
        at, n = 0, 0
        while at < len(data):
            size = self.pieces[n % len(self.pieces)]
            self.sock.sendall(data[at:at + size])
            at += size
            n += 1

    def take(self, n):
        while len(self.buffered) < n:
            try:
                chunk = self.sock.recv(1 << 20)
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                raise Closed(f"{len(self.buffered)} of {n} bytes came")
            self.buffered += chunk
        data, self.buffered = self.buffered[:n], self.buffered[n:]
        return data

    def closed(self):
        """Wait until the daemon has closed; what came before is dropped."""
        try:
            while True:
                self.recv()
        except (Closed, Terminated):
            pass
        while True:
            try:
                if not self.sock.recv(65536):
                    return
            except ConnectionResetError:
                return

    # PDUs

    def pdu(self, kind, body, data=b"", flags=0, **wrong):
        """The bytes of a PDU; wrong: hlen, pdo, plen, hdgst, ddgst to put instead."""
        hlen = 8 + len(body)
        flags |= (HDGSTF if self.hdgst else 0) | (DDGSTF if self.ddgst and data else 0)
        pdo = hlen + (4 if self.hdgst else 0) if data else 0
        plen = hlen + (4 if self.hdgst else 0) + len(data)
        plen += 4 if data and self.ddgst else 0
        head = struct.pack("<BBBBI", kind, wrong.get("flags", flags), wrong.get("hlen", hlen),
                           wrong.get("pdo", pdo), wrong.get("plen", plen)) + body
        out = head + (wrong.get("hdgst", crc32c(head)) if self.hdgst else b"") + data
        if data and self.ddgst:
            out += wrong.get("ddgst", crc32c(data))
        return out

    def icreq(self, pfv=0, **wrong):
        hdgst, ddgst, hpda, maxr2t = self.asked
        return self.pdu(ICREQ, struct.pack("<HBBI112x", pfv, hpda, hdgst | ddgst << 1, maxr2t - 1),
                        **wrong)

    def hello(self):
        self.send(self.icreq())
        r = self.recv()
        assert r.type == ICRESP, r.type
        pfv, self.cpda, dgst, self.maxh2cdata = struct.unpack_from("<HBBI", r.head, 8)
        assert pfv == 0 and dgst == (self.asked[0] | self.asked[1] << 1)
        self.hdgst, self.ddgst = self.asked[:2]

    def recv(self):
        """The next PDU, with its digests, padding and lengths checked."""
        head = self.take(8)
        kind, flags, hlen, pdo, plen = struct.unpack("<BBBBI", head)
        assert hlen == HLEN[kind], (kind, hlen)
        head += self.take(hlen - 8)
        at = hlen
        plain = kind in (ICRESP, C2H_TERM)
        assert bool(flags & HDGSTF) == (self.hdgst and not plain), (kind, flags)
        if flags & HDGSTF:
            assert self.take(4) == crc32c(head), "header digest"
            at += 4
        data = b""
        if kind == C2H_TERM:
            data = self.take(plen - at)
            raise Terminated(Pdu(head, data))
        if pdo:
            assert kind == C2H_DATA and pdo % self.pda == 0 and at <= pdo < at + self.pda, pdo
            self.take(pdo - at)
            digest = 4 if flags & DDGSTF else 0
            data = self.take(plen - pdo - digest)
            if digest:
                assert self.take(4) == crc32c(data), "data digest"
        else:
            assert plen == at, (kind, plen)
        assert bool(flags & DDGSTF) == (self.ddgst and bool(data)), (kind, flags)
        return Pdu(head, data)

    # commands

    def next_cid(self):
        self.cid = (self.cid + 1) % 0xff00
        return self.cid

    def command(self, entry, data=b""):
        """Send a command capsule; returns its identifier."""
        self.send(self.pdu(CMD, entry, data))
        self.commands += 1
        return struct.unpack_from("<H", entry, 2)[0]

    def answer_r2t(self, r2t, data, size=None):
        """Send what an R2T asks for, in PDUs of at most size bytes."""
        size = size or self.maxh2cdata
        at, end = r2t.offset, r2t.offset + r2t.length
        while at < end:
            n = min(size, end - at)
            self.send(self.h2c_data(r2t.cid, r2t.ttag, at, data[at:at + n],
                                    LAST if at + n == end else 0))
            at += n

    def h2c_data(self, cid, ttag, offset, data, flags=LAST, **wrong):
        body = struct.pack("<HHII4x", cid, ttag, offset, wrong.pop("datal", len(data)))
        return self.pdu(H2C_DATA, body, data, flags, **wrong)

    def complete(self, cid, data=b"", size=None):
        """Until the command has ended: (response, received data); early: of others."""
        got = b""
        while True:
            p = next((x for x in self.early if x.cid == cid), None)
            if p:
                self.early.remove(p)
            else:
                p = self.recv()
                if p.cid != cid:
                    self.early.append(p)
                    continue
            if p.type == R2T:
                self.answer_r2t(p, data, size)
            elif p.type == C2H_DATA:
                assert p.offset == len(got) and p.length == len(p.data)
                got += p.data
                if p.flags & SUCCESS:
                    assert p.flags & LAST
                    return None, got
            else:
                assert p.type == RSP, p.type
                return p, got

    def complete_all(self, wants):
        """Statuses of commands by identifier, given their data; R2Ts in any order."""
        ended = {}
        while len(ended) < len(wants):
            p = next((x for x in self.early if x.cid in wants), None)
            if p:
                self.early.remove(p)
            else:
                p = self.recv()
            if p.type == R2T:
                self.answer_r2t(p, wants[p.cid])
            elif p.type == RSP:
                ended[p.cid] = p.status & 0x7ff
        return [ended[cid] for cid in wants]

    def do(self, entry, capsule=b"", data=b"", size=None):
        """A command from begin to end; raises Refused with its status."""
        r, got = self.complete(self.command(entry, capsule), data, size)
        if r and r.status:
            raise Refused(r.status)
        return r.result if r else 0, got

    # the fabrics commands and a few others

    def connect(self, qid=0, cntlid=0xffff, sqsize=31, subnqn=SUBNQN, cattr=0, kato=0,
                hostnqn=HOSTNQN, hostid=HOSTID, inline=True):
        data = struct.pack("<16sH238x256s256s256x", hostid, cntlid,
                           subnqn.encode(), hostnqn.encode())
        sgl = sgl_capsule(1024) if inline else sgl_transport(1024)
        entry = struct.pack("<BBHB19x16sHHHBxI12x", 0x7f, 0x40, self.next_cid(), 1, sgl, 0, qid,
                            sqsize, cattr, kato)
        result, _ = self.do(entry, data if inline else b"", data)
        return result & 0xffff

    def prop_set(self, offset, value, size=0):
        self.do(struct.pack("<BBHB35xB3xIQ8x", 0x7f, 0x40, self.next_cid(), 0, size, offset, value))

    def prop_get(self, offset, size=0):
        return self.do(struct.pack("<BBHB35xB3xI16x", 0x7f, 0x40, self.next_cid(), 4, size,
                                   offset))[0]

    def enable(self):
        self.prop_set(0x14, 0x460001)
        while not self.prop_get(0x1c) & 1:
            pass

    def identify(self, cns=1, nsid=0):
        return self.do(sqe(6, self.next_cid(), nsid, sgl_transport(4096), cns))[1]

    def log(self, lid, size=4096, rae=False, offset=0):
        cdw10 = lid | rae << 15 | (size // 4 - 1) << 16
        return self.do(sqe(2, self.next_cid(), 0, sgl_transport(size), cdw10, 0, offset))[1]

    def set_feature(self, fid, value, nsid=0):
        return self.do(sqe(9, self.next_cid(), nsid, None, fid, value))[0]

    def get_feature(self, fid):
        return self.do(sqe(10, self.next_cid(), 0, None, fid))[0]

    def keep_alive(self):
        self.do(sqe(0x18, self.next_cid()))

    def ask_event(self):
        """An Asynchronous Event Request; complete() its identifier tells of the event."""
        return self.command(sqe(0xc, self.next_cid()))

    def event(self, cid):
        """Type, information and log page of the event that request has waited for."""
        r, _ = self.complete(cid)
        assert r.status == 0, hex(r.status)
        return r.result & 7, r.result >> 8 & 0xff, r.result >> 16 & 0xff

    def abort(self, sqid, cid):
        """Was it aborted?"""
        return not self.do(sqe(8, self.next_cid(), 0, None, sqid | cid << 16))[0] & 1

    def read(self, lba, blocks, block=512, nsid=1):
        n = blocks * block
        return self.do(self.rw(2, lba, blocks, sgl_transport(n), nsid))[1]

    def rw(self, opcode, lba, blocks, sgl, nsid=1):
        return sqe(opcode, self.next_cid(), nsid, sgl, lba & 0xffffffff, lba >> 32, blocks - 1)

    def write(self, lba, data, inline=False, block=512, nsid=1, size=None):
        sgl = sgl_capsule(len(data)) if inline else sgl_transport(len(data))
        entry = self.rw(1, lba, len(data) // block, sgl, nsid)
        self.do(entry, data if inline else b"", data, size)

    def flush(self, nsid=1):
        self.do(sqe(0, self.next_cid(), nsid))


class Host:
    """A controller that is up: .admin and, as asked for, .io[0], .io[1] ..."""

    def __init__(self, address, queues=1, sqsize=31, cattr=0, subnqn=SUBNQN, cntlid=0xffff,
                 hostnqn=HOSTNQN, hostid=HOSTID, kato=0, **conn):
        self.address, self.conn = address, conn
        self.names = {"subnqn": subnqn, "hostnqn": hostnqn, "hostid": hostid, "cattr": cattr}
        self.io = []
        self.admin = Conn(address, **conn)
        with closed_on_failure(self):
            self.cntlid = self.admin.connect(cntlid=cntlid, kato=kato,
                                             **{**self.names, "cattr": 0})
            self.admin.enable()
            for qid in range(1, queues + 1):
                self.add(qid, sqsize)

    def add(self, qid, sqsize=31):
        c = Conn(self.address, **self.conn)
        self.io.append(c)
        c.connect(qid, self.cntlid, sqsize, **self.names)
        return c

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for c in [*self.io, self.admin]:
            c.close()
