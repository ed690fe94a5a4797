/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The stage for tests of the TCP transport: one connection, already at its
 * reactor, with its host at the other end of a socketpair. up() and down() frame
 * each test; down() checks that nothing is left.
 */
#ifndef TESTS_UNIT_TCP_STAGE_H
#define TESTS_UNIT_TCP_STAGE_H

#include <sys/socket.h>
#include <unistd.h>

#include "target/transport/tcp/tcp.h"
#include "tests/unit/nvmf_record.h"

static struct nvmf_transport_opts opts;	/* 0: the default */
static struct tcp_conn *conn;
static struct tcp_group *tg;
static int host;

static void up(void)
{
	const struct nvme_tcp_icreq icreq = {
		.hdr = { .type = NVME_TCP_ICREQ, .hlen = sizeof(icreq),
			 .plen = cpu_to_le32(sizeof(icreq)) },
	};
	enum nvme_tcp_rx_event ev;
	struct weft_reason why;
	int fds[2];

	nstarted = 0;
	executed = failed = done = disconnected = freed = chosen = 0;
	if (!opts.num_shared_buffers)
		ops->opts_init(&opts);
	UNIT_EQ(ops->create(&opts, &transport, &why), 0);
	UNIT_EQ(ops->group_create(transport, &group), 0);
	tg = group.transport_group[NVMF_TRTYPE_TCP];
	UNIT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	host = fds[0];
	conn = calloc(1, sizeof(*conn));
	conn->t = to_transport(transport);
	conn->fd = fds[1];
	nvmf_qpair_init(&conn->base, transport);
	conn->base.group = nvmf_group_choose(transport, false);
	conn->first = NVME_TCP_RX_MORE;
	conn->maxr2t = 1;
	nvme_tcp_rx_init(&conn->rx, NVME_TCP_CTRL);
	nvme_tcp_rx_hdr(&conn->rx, (const u8 *)&icreq, sizeof(icreq), &ev);
	nvme_tcp_rx_negotiated(&conn->rx, 0, 0, opts.max_io_size);
	nvme_tcp_tx_init(&conn->tx, 0, 0);
	tcp_conn_start(conn);
	UNIT_EQ(tcp_conn_resize(conn, 8), 0);
}

static void down(void)
{
	close(host);
	fire_timers();
	turns(2);
	watched_turn();
	turns(2);
	CU_ASSERT_PTR_NULL(tg->tick);
	UNIT_EQ(disconnected, 1);
	UNIT_EQ(freed, 1);
	UNIT_EQ(tg->pool.in_use, 0);
	CU_ASSERT_TRUE(TAILQ_EMPTY(&tg->short_of));
	ops->group_destroy(transport, &group);
	ops->destroy(transport);
	UNIT_EQ(fd_sources, 0);
}

#endif
