// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Time limits of a reactor's connections. A poller looks at them a few times a
 * second, as long as anybody has one; all of it on the group's reactor.
 *
 * A transfer that the host has to move on (data that an R2T has asked for, the
 * rest of a capsule, room in a full socket) keeps buffers, requests and memory
 * of a bdev. A host that moves no byte of it for transfer_timeout is taken for
 * dead. While somebody has to wait for buffers there is less patience with those
 * who hold some: they must keep up a pace, or make room. So hosts that begin
 * transfers and never end them cannot keep all buffers, however many they are.
 */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "target/transport/tcp/tcp.h"

#define TICK_US		(250 * 1000)
/* While others wait for buffers: so many bytes within this part of the time */
#define PACE_BYTES	(64u * 1024)
#define PACE_PART	10

/* Connections */

static bool host_holds_up(const struct tcp_conn *c)
{
	return c->stuck || c->nfetch || (c->rx_req && !c->blocked);
}

static void restart(struct tcp_conn *c, u64 moved, u64 now)
{
	c->moved = moved;
	c->moved_us = now;
}

static void give_up(struct tcp_conn *c, u64 moved, u64 now, bool hurry)
{
	static __thread struct log_budget budget;

	TCP_COUNT(c, stalled, 1);
	log_peer(&budget, LOG_WARNING, "tcp: %s:%s queue %u: only %llu bytes of begun transfers have moved for %llu ms%s; closing",
		 c->base.peer, c->base.peer_port, c->base.qid,
		 (unsigned long long)moved,
		 (unsigned long long)(now - c->moved_us) / 1000,
		 hurry ? ", and others wait for buffers" : "");
	tcp_conn_break(c, "moving data", 0);
}

static void check_transfers(struct tcp_conn *c, u64 now, bool wanted)
{
	u64 total = c->stats.recv_bytes + c->stats.send_bytes;
	u64 limit = c->base.opts.transfer_timeout * 1000ull;
	bool hurry = wanted && c->claimed;
	u64 moved = total - c->moved;

	if (!c->watched || moved >= (hurry ? PACE_BYTES : 1)) {
		c->watched = true;
		restart(c, total, now);
		return;
	}
	if (hurry)
		limit /= PACE_PART;
	if (now - c->moved_us >= limit)
		give_up(c, moved, now, hurry);
}

/* Return: whether it has a time limit. */
static bool check_conn(struct tcp_conn *c, u64 now, bool wanted)
{
	if (c->state == TCP_CONN_CLOSING) {
		if (c->stuck && now - c->since_us >= TCP_TERM_US)
			tcp_conn_todo(c, TCP_TODO_CLOSE);
		return true;
	}
	if (!tcp_conn_live(c))
		return false;
	if (!host_holds_up(c)) {
		c->watched = false;
		return false;
	}
	check_transfers(c, now, wanted);
	return true;
}

/*
 * Has the same request been the next one to get buffers since the last look?
 * Waiting for a moment is nothing unusual.
 */
static bool buffers_wanted(struct tcp_group *g)
{
	const struct pool_user *next = TAILQ_FIRST(&g->pool.waiting);
	bool same = next && next == g->next_user;

	g->next_user = next;
	return same;
}

/* Sockets that are kept open for the peer to read a TermReq */

static void linger_end(struct tcp_linger *l)
{
	TAILQ_REMOVE(&l->g->lingers, l, link);
	fd_source_remove(&l->src);
	close(l->fd);
	free(l);
}

static void linger_event(void *ctx, u32 events)
{
	struct tcp_linger *l = ctx;
	char dropped[4096];
	ssize_t n = recv(l->fd, dropped, sizeof(dropped), MSG_DONTWAIT);

	(void)events;
	if (!n || (n < 0 && errno != EAGAIN && errno != EINTR))
		linger_end(l);
}

void tcp_linger(struct tcp_group *g, int fd)
{
	struct tcp_linger *l = calloc(1, sizeof(*l));

	if (!l) {
		close(fd);
		return;
	}
	l->g = g;
	l->fd = fd;
	l->until_us = reactor_now_us() + TCP_TERM_US;
	TAILQ_INSERT_TAIL(&g->lingers, l, link);
	l->src = fd_source_add("tcp-linger", fd, EPOLLIN, linger_event, l);
	if (!l->src || shutdown(fd, SHUT_WR)) {
		linger_end(l);
		return;
	}
	tcp_limits_watch(g);
}

static void check_lingers(struct tcp_group *g, u64 now)
{
	struct tcp_linger *l, *next;

	for (l = TAILQ_FIRST(&g->lingers); l; l = next) {
		next = TAILQ_NEXT(l, link);
		if (now >= l->until_us)
			linger_end(l);
	}
}

/* All of them */

static int tick(void *ctx)
{
	struct tcp_group *g = ctx;
	bool wanted = buffers_wanted(g);
	u64 now = reactor_now_us();
	bool any = false;
	struct tcp_conn *c;

	check_lingers(g, now);
	/* nobody leaves the list within: closing is left to the group's poller */
	TAILQ_FOREACH(c, &g->conns, link)
		any |= check_conn(c, now, wanted);
	if (!any && TAILQ_EMPTY(&g->lingers))
		poller_unregister(&g->tick);
	return 0;
}

void tcp_limits_watch(struct tcp_group *g)
{
	if (!g->tick)
		g->tick = poller_register("tcp_tick", tick, g, TICK_US, NULL);
}

void tcp_limits_end(struct tcp_group *g)
{
	struct tcp_linger *l;

	while ((l = TAILQ_FIRST(&g->lingers)))
		linger_end(l);
	poller_unregister(&g->tick);
}
