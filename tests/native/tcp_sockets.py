# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""The sockets of NVMe/TCP: addresses of both families, what is set on them at either end,
seen by reading the other process's descriptors, and what discovery tells of them."""
import contextlib
import ctypes
import ipaddress
import os
import signal
import socket
import struct
import unittest

from daemon import DaemonTest
from tcp_disk import CONNECTION, NQN, TcpTest, free_port
from tcp_host import DISCOVERY, SUBNQN, Closed, Conn, Host, sgl_transport, sqe
from tcp_paths import exercise, listen, serve

PIDFD_GETFD = 438
BACKLOG = 37


def duplicate(pidfd, fd):
    """A socket that is a descriptor of another process, or None."""
    got = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, pidfd, fd, 0)
    if got < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    try:
        return socket.socket(fileno=got)
    except OSError:
        os.close(got)
        return None


@contextlib.contextmanager
def sockets_of(pid):
    """Internet sockets of a process."""
    found = []
    pidfd = os.pidfd_open(pid)
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                s = duplicate(pidfd, int(fd))
            except OSError as e:
                raise unittest.SkipTest(f"descriptors cannot be read: {e}") from e
            if s and s.family in (socket.AF_INET, socket.AF_INET6):
                found.append(s)
            elif s:
                s.close()
        yield found
    finally:
        os.close(pidfd)
        for s in found:
            s.close()


def listening(s):
    return s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


def link_local():
    """An address with its zone, and the zone."""
    with contextlib.suppress(OSError), open("/proc/net/if_inet6", encoding="ascii") as f:
        for line in f:
            digits, _, _, scope, _, name = line.split()
            if scope == "20":
                return f"{ipaddress.IPv6Address(bytes.fromhex(digits))}%{name}", name
    raise unittest.SkipTest("no interface has a link-local address")


class Addresses(DaemonTest):
    """Listeners, and the way to them that discovery shows."""

    def setUp(self):
        super().setUp()
        self.address = serve(self.daemon)

    def discovered(self, address):
        """(address family, traddr, trsvcid) of each record."""
        with Conn(address) as c:
            c.connect(subnqn=DISCOVERY)
            c.enable()
            log = c.do(sqe(2, c.next_cid(), 0, sgl_transport(4096), 0x70 | 1023 << 16))[1]
        n = int.from_bytes(log[8:16], "little")
        records = [log[1024 + i * 1024:2048 + i * 1024] for i in range(n)]
        return {(e[1], e[512:768].rstrip(b" \0").decode(), int(e[32:64].rstrip(b" \0")))
                for e in records}

    def peers(self):
        rows = self.daemon.ok("nvmf_subsystem_get_qpairs", {"nqn": SUBNQN})
        return [(r["peer_address"]["adrfam"], r["peer_address"]["traddr"]) for r in rows]

    def test_link_local(self):
        addr, zone = link_local()
        port = free_port(socket.AF_INET6)
        listen(self.daemon, port, addr)
        where = addr, port
        with Host(where) as h:
            exercise(self, h.io[0], 3)
            self.assertEqual(self.peers(), [("IPv6", addr)] * 2)
        # the zone's name is this machine's own
        self.assertEqual(self.discovered(where), {(1, *self.address),
                                                  (2, addr.removesuffix("%" + zone), port)})
        saved = [c["params"]["listen_address"]["traddr"]
                 for s in self.daemon.ok("save_config")["subsystems"] for c in s["config"] or []
                 if c["method"] == "nvmf_subsystem_add_listener"]
        self.assertIn(addr, saved)

    def test_spellings_of_one_address(self):
        port = free_port(socket.AF_INET6)
        for spelling in "0:0:0:0:0:0:0:1", "::1", "::0.0.0.1":
            listen(self.daemon, port, spelling)
        self.assertEqual(self.discovered(self.address), {(1, *self.address), (2, "::1", port)})
        self.daemon.ok("nvmf_subsystem_remove_listener", {"nqn": SUBNQN, "listen_address": {
            "trtype": "TCP", "traddr": "0000::0001", "trsvcid": str(port)}})
        self.assertRaises(ConnectionRefusedError, Conn, ("::1", port))

    def test_zone_of_a_referral(self):
        self.daemon.ok("nvmf_discovery_add_referral", {"address": {
            "trtype": "TCP", "traddr": "fe80::9%lo", "trsvcid": "8009"}})
        self.assertEqual(self.discovered(self.address), {(1, *self.address), (2, "fe80::9", 8009)})

    def test_zone_that_is_not_there(self):
        error = self.daemon.refused("nvmf_subsystem_add_listener", {
            "nqn": SUBNQN, "listen_address": {"trtype": "TCP", "traddr": "fe80::1%nosuch0"}})
        self.assertIn("fe80::1%nosuch0", error["message"])

    def test_one_port_of_both_families(self):
        port = free_port()
        for any_address in "0.0.0.0", "::":
            listen(self.daemon, port, any_address)
        for family, name, there in (1, "IPv4", "127.0.0.1"), (2, "IPv6", "::1"):
            with Host((there, port)) as h:
                exercise(self, h.io[0], 4)
                self.assertEqual(self.peers(), [(name, there)] * 2)
            # where the host can reach them; who came by IPv4 has no address of IPv6
            self.assertEqual(self.discovered((there, port)),
                             {(1, *self.address), (family, there, port)})
        # each goes by itself
        self.daemon.ok("nvmf_subsystem_remove_listener", {"nqn": SUBNQN, "listen_address": {
            "trtype": "TCP", "traddr": "::", "trsvcid": str(port)}})
        self.assertRaises(ConnectionRefusedError, Conn, ("::1", port))
        with Host(("127.0.0.1", port)) as h:
            h.io[0].flush()

    def test_any_address_in_discovery(self):
        """It is shown as the one that the host has come to, where that can be said."""
        port, here = free_port(), self.address
        listen(self.daemon, port, "0.0.0.0")
        listen(self.daemon, port, "::")
        there, v6 = ("127.0.0.5", port), ("::1", port)
        self.assertEqual(self.discovered(there), {(1, *here), (1, *there)})
        # also at another listener of the family
        self.assertEqual(self.discovered(here), {(1, *here), (1, here[0], port)})
        self.daemon.ok("nvmf_set_config", {"discovery_filter": "address"})
        for at, want in ((there, {(1, *there)}), (v6, {(2, *v6)}),
                         (here, {(1, *here), (1, here[0], port)})):
            self.assertEqual(self.discovered(at), want)
        # and the service itself, which has a record of its own
        self.daemon.ok("nvmf_set_config", {"discovery_filter": "match_any",
                                           "discovery_nqn": NQN + ":discovery"})
        for at, names in (there, {here[0], there[0]}), (v6, {here[0], v6[0]}):
            with Conn(at) as c:
                c.connect(subnqn=DISCOVERY)
                c.enable()
                whole = c.log(0x70, 8192)
                self.assertEqual([len(whole), whole[8]], [8192, 3])
                self.assertEqual({whole[n:n + 256].rstrip(b" ").decode()
                                  for n in range(1536, 4096, 1024)}, names)
                # piece by piece it is the same
                self.assertEqual(b"".join(c.log(0x70, 384, offset=n)
                                          for n in range(0, 8064, 384)), whole[:8064])

    def test_port_again_at_once(self):
        """Connections that the daemon closed first do not keep the port from it."""
        with Conn(self.address) as c:
            c.send(b"\xff" * 128)
            with contextlib.suppress(Exception):
                c.recv()
            self.assertRaises(Closed, c.take, 1)
        there = {"nqn": SUBNQN, "listen_address": {
            "trtype": "TCP", "traddr": self.address[0], "trsvcid": str(self.address[1])}}
        self.daemon.ok("nvmf_subsystem_remove_listener", there)
        with socket.socket() as s:
            # the other way round it would be taken
            self.assertRaises(OSError, s.bind, self.address)
        self.daemon.ok("nvmf_subsystem_add_listener", there)
        with Host(self.address) as h:
            h.io[0].flush()


class TargetOptions(DaemonTest):
    """What is set on the daemon's sockets."""

    def test_options(self):
        address = serve(self.daemon, sock_priority=5, ack_timeout=12345,
                        acceptor_backlog=BACKLOG)
        with Host(address), sockets_of(self.daemon.process.pid) as socks:
            listeners = [s for s in socks if listening(s)]
            conns = [s for s in socks if not listening(s)]
            self.assertEqual((len(listeners), len(conns)), (1, 2))
            self.assertTrue(listeners[0].getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR))
            # of a listener, tcpi_sacked is its backlog
            info = listeners[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
            self.assertEqual(struct.unpack_from("=I", info, 28)[0], BACKLOG)
            for s in conns:
                self.assertEqual(s.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY), 5)
                self.assertEqual(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT), 12345)
                self.assertTrue(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))


class InitiatorOptions(TcpTest):
    """What is set on the sockets of weft's own host."""

    traddr = "127.0.0.1"

    def string(self, more="", **how):
        return super().string(more, **{"traddr": self.traddr, **how})

    @contextlib.contextmanager
    def running(self, more):
        p = self.load("--time", 60, more=more)
        try:
            with sockets_of(p.pid) as socks:
                self.assertGreaterEqual(len(socks), 2)
                yield socks
        finally:
            p.send_signal(signal.SIGINT)
            _, err = p.communicate()
            self.assertNotIn("Sanitizer", err)

    def test_tos_and_interface(self):
        with self.running("tos=96,host_iface=lo") as socks:
            for s in socks:
                self.assertEqual(s.getsockopt(socket.IPPROTO_IP, socket.IP_TOS), 96)
                name = s.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16)
                self.assertEqual(name.rstrip(b"\0"), b"lo")

    def test_source_address(self):
        with self.running("host_traddr=127.0.0.9") as socks:
            self.assertEqual({s.getsockname()[0] for s in socks}, {"127.0.0.9"})
            rows = self.daemon.ok("nvmf_subsystem_get_qpairs", {"nqn": NQN})
            self.assertEqual({r["peer_address"]["traddr"] for r in rows}, {"127.0.0.9"})

    def test_traffic_class(self):
        self.listen(NQN, "::1", "IPv6")
        self.traddr = "::1"
        with self.running("tos=40,host_traddr=::1") as socks:
            for s in socks:
                self.assertEqual(s.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS), 40)
                self.assertEqual(s.getsockname()[0], "::1")

    def test_link_local(self):
        addr, _ = link_local()
        self.listen(NQN, addr, "IPv6")
        self.traddr = addr
        with self.running(f"host_traddr={addr}") as socks:
            self.assertEqual({s.getpeername()[1] for s in socks}, {self.port})
            rows = self.daemon.ok("nvmf_subsystem_get_qpairs", {"nqn": NQN})
            self.assertEqual({r["peer_address"]["traddr"] for r in rows}, {addr})

    def test_refused(self):
        for more, word in (("host_iface=nosuch0", "host_iface=nosuch0"),
                           ("host_traddr=192.0.2.7", "host_traddr=192.0.2.7")):
            self.io("flush", code=CONNECTION, more=more, says=word)


if __name__ == "__main__":
    unittest.main()
