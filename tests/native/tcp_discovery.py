#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""The discovery service over NVMe/TCP: a name of its own, connections that are kept,
events about what they may see."""
import struct
import unittest

from daemon import Daemon
from tcp_disk import NQN, OK, TcpTest, free_port
from tcp_host import DISCOVERY, Conn, Host, Refused, sqe

OWN = "nqn.2026-11.io.weft:discovery"
NVM, CURRENT = 2, 3
DUPRETINFO, EPCSD = 1, 2
NOTICE, DISC_CHANGED, LOG, EVENTS = 2, 0xf0, 0x70, 0xb
INVALID_FIELD, INVALID_PARAM = 0x4002, 0x4182  # that of Connect
CC, CSTS = 0x14, 0x1c
SQFLOW_OFF = 4  # in TREQ, and in CATTR of Connect


class Discovery(TcpTest):
    def come(self, nqn=DISCOVERY, at="127.0.0.1", **more):
        return Host((at, self.port), queues=0, subnqn=nqn, **more)

    @staticmethod
    def name(host):
        return host.admin.identify()[768:1024].rstrip(b"\0").decode()

    @staticmethod
    def records(host):
        """Generation, and subtype, flags, name and port of each."""
        page = host.admin.log(LOG, 16384)
        genctr, n = struct.unpack_from("<QQ", page)
        rows = []
        for at in range(1024, 1024 + 1024 * n, 1024):
            flags = struct.unpack_from("<H", page, at + 10)[0]
            rows.append((page[at + 2], flags, page[at + 256:at + 512].rstrip(b"\0").decode(),
                         page[at + 32:at + 64].decode().rstrip(" \0")))
        return genctr, rows

    def test_requirements(self):
        """
        Where a secure channel is "not required" libnvme asks for TLS, which not every kernel
        has. SQ flow control may be off here; what others can is theirs to say.
        """
        self.daemon.ok("nvmf_discovery_add_referral", {"address": {
            "trtype": "TCP", "adrfam": "IPv4", "traddr": "127.0.0.1", "trsvcid": "8009"}})
        with self.come() as h:
            page = h.admin.log(LOG, 16384)
            n = struct.unpack_from("<Q", page, 8)[0]
            self.assertEqual([page[1024 * (k + 1) + 3] for k in range(n)], [SQFLOW_OFF, 0])
        # and so it may: what is offered is had, on a ring of two as well
        for cattr, heads in (0, [0, 1, 0]), (SQFLOW_OFF, [0xffff] * 3):
            with Host(("127.0.0.1", self.port), subnqn=NQN, sqsize=1, cattr=cattr) as h:
                io = h.io[0]
                self.assertEqual([io.complete(io.command(sqe(0, io.next_cid(), 1)))[0].sqhd
                                  for _ in range(3)], heads)

    def test_enabled_without_sizes_of_io_queues(self):
        """It has none, so their entry sizes in CC are reserved; others do have such."""
        with Conn(("127.0.0.1", self.port)) as c:
            c.connect(subnqn=DISCOVERY)
            c.prop_set(CC, 1)
            while not c.prop_get(CSTS) & 1:
                pass
            self.assertEqual(c.prop_get(CC), 1)
            self.assertEqual(struct.unpack_from("<Q", c.log(LOG), 8)[0], 1)
        with Conn(("127.0.0.1", self.port)) as c:
            c.connect(subnqn=NQN)
            with self.assertRaises(Refused) as e:
                c.prop_set(CC, 1)
            self.assertEqual(e.exception.args[0], INVALID_FIELD)
            self.assertEqual(c.prop_get(CSTS), 0)

    def test_a_name_of_its_own(self):
        d, port = self.daemon, str(self.port)
        served = (NVM, 0, NQN, port)
        with self.come() as h:
            self.assertEqual(self.name(h), DISCOVERY)
            generation, rows = self.records(h)
            self.assertEqual(rows, [served])
            h.admin.set_feature(EVENTS, 1 << 31)
            told = h.admin.ask_event()
            d.ok("nvmf_set_config", {"discovery_nqn": OWN})
            self.assertEqual(h.admin.event(told), (NOTICE, DISC_CHANGED, LOG))
            self.assertGreater(self.records(h)[0], generation)
            self.assertEqual(self.records(h)[1], [served,
                                                  (CURRENT, DUPRETINFO | EPCSD, OWN, port)])
        for nqn in DISCOVERY, OWN:
            with self.come(nqn) as h:
                self.assertEqual(self.name(h), OWN)
                self.assertEqual(len(self.records(h)[1]), 2)
                # it has no I/O queues under any name
                with self.assertRaises(Refused) as e:
                    h.add(1)
                self.assertEqual(e.exception.args[0], INVALID_PARAM)
        table = self.weft(OK, "discover", "--userspace", "-t", "tcp", "-a", "127.0.0.1", "-s", port,
                          "-n", OWN, "--discovery").decode()
        self.assertRegex(table, rf"current discovery subsystem +{OWN}")
        for bad, words in ((NQN, "another subsystem"), ("x", "discovery_nqn")):
            self.assertIn(words, d.refused("nvmf_set_config", {"discovery_nqn": bad})["message"])
        self.assertIn("discovery subsystem's own name",
                      d.refused("nvmf_create_subsystem", {"nqn": OWN})["message"])
        # it is saved, and other settings leave it alone
        d.ok("nvmf_set_config", {"discovery_filter": "address"})
        config = d.ok("save_config")
        self.assertIn(f"'discovery_nqn': '{OWN}'", str(config))
        d.stop()
        self.addCleanup(d.close)
        self.daemon = Daemon(config=config)
        with self.come() as h:
            self.assertEqual(self.name(h), OWN)
        self.daemon.ok("nvmf_set_config", {"discovery_nqn": ""})
        with self.come() as h:
            self.assertEqual((self.name(h), len(self.records(h)[1])), (DISCOVERY, 1))
        with self.assertRaises(Refused):
            self.come(OWN)

    def test_filters(self):
        """Who comes to one of two addresses, or one of three ports, sees what is there."""
        d = self.daemon
        other, third = "127.0.0.2", str(free_port())
        for traddr, trsvcid in (other, str(self.port)), (other, third):
            for nqn in NQN, DISCOVERY:
                d.ok("nvmf_subsystem_add_listener", {"nqn": nqn, "listen_address": {
                    "trtype": "TCP", "traddr": traddr, "trsvcid": trsvcid}})

        def seen(at):
            with self.come(at=at) as h:
                page = h.admin.log(LOG, 16384)
                n, = struct.unpack_from("<Q", page, 8)
                return sorted((page[a + 512:a + 768].rstrip(b"\0 ").decode(),
                               page[a + 32:a + 64].rstrip(b"\0 ").decode())
                              for a in range(1024, 1024 + 1024 * n, 1024))

        here, port = "127.0.0.1", str(self.port)
        every = sorted([(here, port), (other, port), (other, third)])
        for choice, first, second in (
                ("match_any", every, every), ("transport", every, every),
                ("address", [(here, port)], [r for r in every if r[0] == other]),
                ("svcid", [(here, port), (other, port)], [(here, port), (other, port)]),
                ("address,svcid", [(here, port)], [(other, port)])):
            d.ok("nvmf_set_config", {"discovery_filter": choice})
            self.assertEqual((choice, seen(here), seen(other)), (choice, first, second))

    def test_taken_back(self):
        """A configuration that fails leaves the name that was there."""
        d = self.daemon
        d.ok("nvmf_set_config", {"discovery_nqn": OWN, "dup_host_policy": "restrict_per_listener"})
        before = d.ok("save_config")
        d.refused("load_config", {"subsystems": [{"subsystem": "nvmf", "config": [
            {"method": "nvmf_set_config", "params": {"discovery_nqn": OWN + "2",
                                                     "dup_host_policy": "allow"}},
            {"method": "nvmf_subsystem_add_host", "params": {"nqn": OWN + "3", "host": OWN}}]}]})
        self.assertEqual(d.ok("save_config"), before)

    def test_events_of_a_kept_connection(self):
        """Each change is told once, until the log has been read."""
        with self.come(kato=60000) as h:
            self.assertEqual(h.admin.get_feature(0xf), 60000)
            h.admin.set_feature(EVENTS, 1 << 31)
            changes = (
                lambda: self.daemon.ok("nvmf_create_subsystem", {"nqn": NQN + "2",
                                                                 "allow_any_host": True}),
                lambda: self.daemon.ok("nvmf_subsystem_add_listener", {
                    "nqn": NQN + "2", "listen_address": {
                        "trtype": "TCP", "traddr": "127.0.0.1", "trsvcid": str(free_port())}}),
                lambda: self.daemon.ok("nvmf_discovery_add_referral", {"address": {
                    "trtype": "TCP", "traddr": "192.0.2.7", "trsvcid": "8009"}}),
                lambda: self.daemon.ok("nvmf_subsystem_allow_any_host", {
                    "nqn": NQN + "2", "allow_any_host": False}),
                lambda: self.daemon.ok("nvmf_delete_subsystem", {"nqn": NQN + "2"}))
            seen = [len(self.records(h)[1])]
            for change in changes:
                told = h.admin.ask_event()
                change()
                if change is changes[0]:        # nothing to be seen yet
                    self.daemon.ok("nvmf_discovery_add_referral", {"address": {
                        "trtype": "TCP", "traddr": "192.0.2.8", "trsvcid": "8009"}})
                self.assertEqual(h.admin.event(told), (NOTICE, DISC_CHANGED, LOG))
                h.admin.keep_alive()
                seen.append(len(self.records(h)[1]))
            self.assertEqual(seen, [1, 2, 3, 4, 3, 3])


if __name__ == "__main__":
    unittest.main()
