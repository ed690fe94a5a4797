#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""Options of the transport that change while it is used: connections that come see the new
ones, those that are there go on with what they came with."""
import socket
import struct
import unittest

from daemon import DaemonTest
from tcp_host import Host, Refused, sgl_transport
from tcp_paths import serve
from tcp_sockets import listening, sockets_of

NO_SQFLOW = 4
NUM_QUEUES, KATO = 7, 0xf
CONNECT_PARAMETER = 0x182
INVALID_PARAMS = -32602


class SetOptions(DaemonTest):
    def setUp(self):
        super().setUp()
        self.address = serve(self.daemon, max_queue_depth=64, max_io_qpairs_per_ctrlr=4)

    def set(self, **options):
        self.daemon.ok("nvmf_set_transport_options", {"trtype": "TCP", **options})

    def told(self, h):
        """What a host reads of its controller."""
        page = h.admin.identify()
        return {"mqes": h.admin.prop_get(0, 1) & 0xffff,
                "kas": struct.unpack_from("<H", page, 320)[0],
                "maxcmd": struct.unpack_from("<H", page, 514)[0],
                "queues": h.admin.get_feature(NUM_QUEUES) & 0xffff,
                "kato": h.admin.get_feature(KATO)}

    @staticmethod
    def deep(io, depth):
        """As many commands at once."""
        io.send(b"".join(io.pdu(4, io.rw(2, n, 1, sgl_transport(512))) for n in range(depth)))
        return [io.complete(cid)[0] for cid in range(io.cid - depth + 1, io.cid + 1)]

    def test_old_and_new(self):
        with Host(self.address, sqsize=63, kato=1, cattr=NO_SQFLOW) as old:
            before = self.told(old)
            self.assertEqual(before, {"mqes": 63, "kas": 100, "maxcmd": 64, "queues": 3,
                                      "kato": 10000})
            self.set(max_queue_depth=16, max_io_qpairs_per_ctrlr=1, kas=20, min_kato=120000,
                     c2h_success=False)
            with Host(self.address, sqsize=15, kato=1, cattr=NO_SQFLOW) as new:
                self.assertEqual(self.told(new), {"mqes": 15, "kas": 20, "maxcmd": 16,
                                                  "queues": 0, "kato": 120000})
                # a response to each, as they have asked for
                self.assertEqual(self.deep(old.io[0], 63), [None] * 63)
                self.assertEqual([r.status for r in self.deep(new.io[0], 15)], [0] * 15)
                for qid, sqsize in (2, 15), (1, 16):
                    with self.assertRaises(Refused) as e:
                        new.add(qid, sqsize)
                    self.assertEqual(e.exception.args[0] & 0x7ff, CONNECT_PARAMETER)
                self.assertEqual(self.told(old), before)
            # and back, what is not given staying as it is
            self.set(max_queue_depth=128)
            with Host(self.address, sqsize=127) as new:
                self.assertEqual(self.told(new)["mqes"], 127)
                self.assertEqual(self.told(new)["kas"], 20)

    def test_sockets(self):
        def priorities():
            with sockets_of(self.daemon.process.pid) as found:
                return sorted(s.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY)
                              for s in found if not listening(s))
        with Host(self.address, queues=1):
            self.set(sock_priority=5)
            with Host(self.address, queues=2):
                self.assertEqual(priorities(), [0, 0, 5, 5, 5])

    def test_refusals(self):
        before = self.daemon.ok("nvmf_get_transports")
        for options in ({"max_queue_depth": 1}, {"sock_priority": 7}, {"max_aq_depth": 31},
                        {"transfer_timeout": 99}, {"kas": 0}, {"kas": 65536},
                        {"max_io_size": 65536}, {"in_capsule_data_size": 8192},
                        {"io_unit_size": 8192}, {"num_shared_buffers": 64}):
            e = self.daemon.refused("nvmf_set_transport_options",
                                    {"trtype": "TCP", "kas": 7, **options})
            self.assertEqual(e["code"], INVALID_PARAMS)
            self.assertIn(next(iter(options)), e["message"])
        e = self.daemon.refused("nvmf_set_transport_options", {"trtype": "RDMA", "kas": 7})
        self.assertIn("RDMA", e["message"])
        for params in {"kas": 7}, {"trtype": "TCP", "kas": "x"}:
            self.daemon.refused("nvmf_set_transport_options", params)
        self.assertEqual(self.daemon.ok("nvmf_get_transports"), before)
        # what cannot change may be said again
        self.set(max_io_size=131072, kas=7)
        before[0]["kas"] = 7
        self.assertEqual(self.daemon.ok("nvmf_get_transports"), before)
        saved = self.daemon.ok("save_config")
        self.assertIn({"method": "nvmf_create_transport", "params": before[0]},
                      [c for s in saved["subsystems"] for c in s["config"] or []])


if __name__ == "__main__":
    unittest.main()
