# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""One of the soak's hosts: a controller that it keeps, and steps that it takes with it or
with other connections. Each step knows which answers are right."""
import contextlib
import socket
import struct

from tcp_host import (SUBNQN, Closed, Conn, Host, Refused, Terminated, sgl_capsule,
                      sgl_transport, sqe)

HOSTS = 8
SHARED, ALONE, FIGHT = 3, 4, 5      # namespaces: data, one writer at a time, preempting
REGISTER, REPORT, ACQUIRE, RELEASE = 0x0d, 0x0e, 0x11, 0x15
IGNORE_KEY = 8
PREEMPTED, CONFLICT = 0x1b, 0x83
# of a namespace that comes and goes: gone, smaller now, not on this path, not ready
CHANGING = {0, 0x0b, 0x80, 0x82, 0x301, 0x302, 0x303}
EVENTS, NS_CHANGED_EVENT, ANA_EVENT = 0xb, 1 << 8, 1 << 11
CHANGED_NS_LOG, ANA_LOG, RESERVATION_LOG = 4, 0xc, 0x80


class Member:
    def __init__(self, n, port, rng):
        self.n, self.port, self.rng = n, port, rng
        self.names = {"hostnqn": self.nqn(n), "hostid": f"soak-host-{n:06}".encode()}
        self.key = n + 1
        self.done = {}
        self.host = None

    @staticmethod
    def nqn(n):
        return f"nqn.2026-11.io.weft:soak{n}"

    def count(self, what, times=1):
        self.done[what] = self.done.get(what, 0) + times

    # the controller that stays

    def come(self):
        self.host = Host(("127.0.0.1", self.port), queues=2, **self.names)
        self.host.admin.set_feature(EVENTS, NS_CHANGED_EVENT | ANA_EVENT)
        self.asked = self.host.admin.ask_event()

    def leave(self):
        """Properly, when nothing is on its way any more; nothing has been answered twice."""
        h, self.host = self.host, None
        for io in h.io:
            io.flush(SHARED)
            assert not io.early and not io.buffered, "an answer that nobody waits for"
            self.count("answered", io.commands)
        h.admin.keep_alive()
        while h.admin.buffered:
            h.admin.early.append(h.admin.recv())
        assert [p.cid for p in h.admin.early] in ([], [self.asked]), "no event, or another one"
        self.count("answered", h.admin.commands - 1)     # not the event
        h.admin.prop_set(0x14, 0x464001)
        while h.admin.prop_get(0x1c) >> 2 & 3 != 2:
            pass
        h.close()

    def drop(self):
        """However it is, when the test has failed."""
        if self.host:
            self.host.close()

    def io(self):
        return self.rng.choice(self.host.io)

    def status(self, entry, data=b"", accepted=(0,)):
        """Of a command on a queue of its own choice, which has to be one of these."""
        io = self.io()
        struct.pack_into("<H", entry := bytearray(entry), 2, io.next_cid())
        r, got = io.complete(io.command(bytes(entry), data))
        status = r.status & 0x7ff if r else 0
        assert status in accepted, f"opcode {entry[0]:#x}: status {status:#x}"
        self.count("conflicts", status == CONFLICT)
        return status, got

    def see_events(self):
        """The one request that waits, if it has been answered."""
        admin = self.host.admin
        admin.keep_alive()
        if not any(p.cid == self.asked for p in admin.early):
            return
        _, _, log = admin.event(self.asked)
        admin.log(log)
        self.asked = admin.ask_event()
        self.count("events")

    def active(self):
        return [n for n in struct.unpack("<1024I", self.host.admin.identify(2)) if n]

    def sees(self, ns):
        return not ns.get("no_auto_visible") or any(
            self.nqn(self.n) in (h, h.get("nqn") if isinstance(h, dict) else None)
            for h in ns.get("hosts", []))

    # steps

    def data(self):
        """Its own part of a namespace is what it has written."""
        for _ in range(4):
            blocks = self.rng.choice((1, 8, 64, 256))
            lba, data = 1024 * self.n + self.rng.randrange(700), self.rng.randbytes(blocks * 512)
            self.io().write(lba, data, blocks <= 8 and self.rng.random() < 0.5, nsid=SHARED)
            assert self.io().read(lba, blocks, nsid=SHARED) == data, "read something else"

    def changing(self):
        """Commands to namespaces that come and go; all in flight at once."""
        io, cids = self.io(), []
        for _ in range(20):
            nsid, lba = self.rng.randrange(11, 19), self.rng.randrange(500)
            if self.rng.random() < 0.5:
                cids.append(io.command(io.rw(2, lba, 8, sgl_transport(4096), nsid)))
            else:
                cids.append(io.command(io.rw(1, lba, 8, sgl_capsule(4096), nsid), bytes(4096)))
        for cid in cids:
            r, _ = io.complete(cid)
            status = r.status & 0x7ff if r else 0
            assert status in CHANGING, hex(status)
            self.count("refused", status != 0)

    def reservation(self, opcode, nsid, cdw10, *keys, accepted=(0, CONFLICT)):
        data = struct.pack(f"<{len(keys)}Q", *keys)
        return self.status(sqe(opcode, 0, nsid, sgl_capsule(len(data)), cdw10), data, accepted)[0]

    def register(self, nsid):
        self.reservation(REGISTER, nsid, IGNORE_KEY, 0, self.key, accepted=(0,))

    def fenced(self, status):
        """Of a write: somebody else's reservation has kept it out."""
        self.count("fenced", status in (PREEMPTED, CONFLICT))

    def alone(self):
        """Who holds the reservation is the only one that writes."""
        self.register(ALONE)
        rtype = self.rng.choice((1, 2))
        if self.reservation(ACQUIRE, ALONE, rtype << 8, self.key, 0) == 0:
            for _ in range(4):
                data = self.rng.randbytes(4096)
                self.io().write(0, data, True, nsid=ALONE)
                assert self.io().read(0, 8, nsid=ALONE) == data, "somebody else has written"
            self.reservation(RELEASE, ALONE, rtype << 8, self.key, accepted=(0,))
            self.count("held")
        else:
            # nobody holds it any more, or it is refused
            self.status(sqe(2, 0, ALONE, sgl_transport(512)), accepted=(0, CONFLICT))
            self.fenced(self.status(sqe(1, 0, ALONE, sgl_capsule(4096), cdw12=7),
                                    self.rng.randbytes(4096), accepted=(0, CONFLICT))[0])
        if self.rng.random() < 0.3:
            self.reservation(REGISTER, ALONE, 1, self.key, 0, accepted=(0,))

    def fight(self):
        """Everybody takes it from everybody."""
        self.register(FIGHT)
        io, victim = self.io(), self.rng.randrange(1, HOSTS + 1)
        cids = [io.command(io.rw(1, 8 * n, 8, sgl_capsule(4096), FIGHT), bytes(4096))
                for n in range(8)]
        self.reservation(ACQUIRE, FIGHT, self.rng.randrange(3) | self.rng.randrange(1, 7) << 8,
                         self.key, victim, accepted=(0, CONFLICT, 2))
        for cid in cids:
            r, _ = io.complete(cid)
            assert r.status & 0x7ff in (0, PREEMPTED, CONFLICT), hex(r.status)
            self.fenced(r.status & 0x7ff)
        self.registrants(FIGHT)
        if self.rng.random() < 0.2:
            self.reservation(RELEASE, FIGHT, 1, self.key)

    def clear(self):
        for nsid in ALONE, FIGHT:
            self.register(nsid)
            self.reservation(RELEASE, nsid, 1, self.key, accepted=(0,))

    def registrants(self, nsid):
        entry = sqe(REPORT, 0, nsid, sgl_transport(4096), 1023, 1)
        return struct.unpack_from("<H", self.status(entry)[1], 5)[0]

    def reconnect(self):
        self.leave()
        self.come()

    def storm(self, port, nqn):
        """Connections that end at any point, also to where nobody listens just now."""
        for _ in range(self.rng.randrange(1, 4)):
            where = (port if self.rng.random() < 0.5 else self.port,
                     nqn if self.rng.random() < 0.3 else SUBNQN)
            # what is always there takes everybody in
            passed = () if where == (self.port, SUBNQN) else (OSError, Closed, Terminated, Refused)
            with contextlib.suppress(*passed):
                self.cut(*where)
                self.count("cut" if passed else "taken in")

    def cut(self, port, nqn):
        address, way = ("127.0.0.1", port), self.rng.randrange(5)
        if way < 3:
            with Conn(address, hello=way > 0) as c:
                if way == 0:
                    c.send(c.icreq()[:self.rng.randrange(128)])
                elif way == 1:
                    c.send(c.pdu(4, bytes(64))[:self.rng.randrange(72)])
                else:
                    c.connect(subnqn=nqn, **self.names)
            return
        with Host(address, queues=2, subnqn=nqn, **self.names) as h:
            h.admin.ask_event()
            # who gives no data while others need the buffers is disconnected
            with contextlib.suppress(OSError, Closed, Terminated):
                for io in h.io:
                    io.send(b"".join(self.anything(io) for _ in range(30)))
                for _ in range(self.rng.randrange(20)):
                    self.rng.choice(h.io).recv()
            if way == 3:        # with a reset
                h.io[0].sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                        struct.pack("ii", 1, 0))

    def anything(self, io):
        """Bytes of a command, some of which wait for data that never comes."""
        nsid, lba = self.rng.choice((SHARED, 11, 12, 13)), 12288 + self.rng.randrange(3000)
        kind = self.rng.randrange(4)
        if kind < 2:
            n = self.rng.choice((8, 256))
            return io.pdu(4, io.rw(2, lba, n, sgl_transport(n * 512), nsid))
        if kind == 2:
            return io.pdu(4, io.rw(1, lba, 8, sgl_capsule(4096), nsid), bytes(4096))
        return io.pdu(4, io.rw(1, lba, 256, sgl_transport(131072), nsid))

    def steps(self, times, port, nqn):
        self.come()
        for n in range(times):
            step = (self.data, self.changing, self.alone, self.fight, self.storm,
                    self.reconnect)[(n + self.n) % 6]
            step(*((port, nqn) if step == self.storm else ()))
            self.see_events()
