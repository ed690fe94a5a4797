// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Time limits of a reactor's connections. A poller looks at them a few times a
 * second, as long as anybody has one; all of it on the group's reactor.
 *
 * A transfer that the host has to move on (data that an R2T has asked for, the
 * rest of a capsule, room in a full socket) keeps buffers, requests and memory
 * of a bdev. A host that moves no byte of it for transfer_timeout is taken for
 * dead, whatever else it sends or takes meanwhile: each of these ways counts by
 * itself, and a write of which nothing comes while that of later ones does is
 * not forgotten. While somebody has to wait for buffers there is less patience
 * with those who hold some: they must keep up a pace, or make room. So hosts
 * that begin transfers and never end them cannot keep all buffers, however many
 * they are. A command whose end others wait for (a lock, a reservation, the
 * removal of its namespace) has transfer_timeout in all.
 *
 * A socket that is full is not read: data that the host owes cannot come, and no
 * pace is asked of it. But to read slowly is the host's own choice. So what others
 * wait for may be late by transfer_timeout for that reason, and no more.
 */
#include <stdlib.h>
#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "target/transport/tcp/tcp.h"

#define TICK_US		(250 * 1000)
/* While others wait for buffers: so many bytes within this part of the time */
#define PACE_BYTES	(64u * 1024)
#define PACE_PART	10

/* Connections */

/**
 * struct demand - what is asked of hosts
 * @bytes: within @us
 * @hurry: others wait for buffers
 */
struct demand {
	u64 bytes;
	u64 us;
	bool hurry;
};

static u64 patience(const struct tcp_conn *c)
{
	return c->base.opts.transfer_timeout * 1000ull;
}

static struct demand demand_of(const struct tcp_conn *c, bool wanted)
{
	if (wanted && c->share.claimed)
		return (struct demand){ PACE_BYTES, patience(c) / PACE_PART,
					true };
	return (struct demand){ 1, patience(c), false };
}

static bool host_holds_up(const struct tcp_conn *c)
{
	return c->stuck || !TAILQ_EMPTY(&c->fetches) ||
	       (c->rx_req && !c->blocked);
}

__attribute__((format(printf, 2, 3)))
static void give_up(struct tcp_conn *c, const char *fmt, ...)
{
	static __thread struct log_budget budget;
	char why[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	TCP_COUNT(c, stalled, 1);
	log_peer(&budget, LOG_WARNING, "tcp: %s:%s queue %u: %s; closing",
		 c->base.peer, c->base.peer_port, c->base.qid, why);
	tcp_conn_break(c, "moving data", 0);
}

/* Something is there to be moved on, if @on, of which @bytes have moved so far. */
static void check_pace(struct tcp_conn *c, struct tcp_pace *p, bool on,
		       u64 bytes, u64 now, const struct demand *d)
{
	u64 moved = bytes - p->bytes;

	if (!on || !p->on || moved >= d->bytes)
		*p = (struct tcp_pace){ on, bytes, now };
	else if (now - p->since_us >= d->us)
		give_up(c, "only %llu bytes of begun transfers have moved for %llu ms%s",
			(unsigned long long)moved,
			(unsigned long long)(now - p->since_us) / 1000,
			d->hurry ? ", and others wait for buffers" : "");
}

/* A command that others wait for has all the time of one that stands still. */
static bool check_awaited(struct tcp_conn *c, const struct tcp_request *r,
			  u64 age)
{
	if (age < patience(c) || !nvmf_request_awaited(&r->base))
		return false;
	give_up(c, "others wait for a command whose data is on its way for %llu ms",
		(unsigned long long)age / 1000);
	return true;
}

/* Its data could not come, for so long */
static u64 delay(const struct tcp_request *r)
{
	return r->c->stuck_us - r->stuck_us;
}

/* Data of it is to come: for so long, and the host could have moved it on */
static u64 age(const struct tcp_request *r)
{
	return r->c->reading_us - r->begun_us + delay(r);
}

/* It keeps buffers from others, as its host does not take what it asked for. */
static bool check_delay(struct tcp_conn *c, const struct tcp_request *r,
			const struct demand *d)
{
	if (!d->hurry || !r->buf.nbufs || delay(r) < patience(c))
		return false;
	give_up(c, "data of a write could not come for %llu ms, as what was sent is not taken, and others wait for buffers",
		(unsigned long long)delay(r) / 1000);
	return true;
}

/* Whose data does not come, though that of later ones does? */
static void check_fetches(struct tcp_conn *c, const struct demand *d)
{
	const struct tcp_request *r;
	u64 idle;

	TAILQ_FOREACH(r, &c->fetches, fetch_link) {
		/* all others have begun later */
		if (age(r) < d->us || check_awaited(c, r, age(r)) ||
		    check_delay(c, r, d))
			return;
		idle = c->reading_us - r->moved_us;
		if (idle < d->us || c->fetched < r->promised)
			continue;
		give_up(c, "no data of a write has come for %llu ms, but that of others",
			(unsigned long long)idle / 1000);
		return;
	}
}

/* Who waits may wait for any of what is to be sent. */
static void check_unsent(struct tcp_conn *c, u64 now)
{
	const struct tcp_request *r;

	TAILQ_FOREACH(r, &c->txq, link)
		if (r->state == TCP_REQ_SEND &&
		    (now - r->begun_us < patience(c) ||
		     check_awaited(c, r, now - r->begun_us)))
			return;
}

/* The rest of a capsule */
static void check_capsule(struct tcp_conn *c, const struct tcp_request *r,
			  const struct demand *d)
{
	if (!check_awaited(c, r, age(r)))
		check_delay(c, r, d);
}

/* While the socket is not read, nothing can come, be it our fault or not. */
static void pass_time(struct tcp_conn *c, u64 us)
{
	bool ours = c->blocked || c->starved;

	if ((!c->stuck && !ours) || c->stats.recv_calls != c->seen_calls)
		c->reading_us += us;
	else if (!ours)
		c->stuck_us += us;
	c->seen_calls = c->stats.recv_calls;
}

/*
 * Bytes that have reached the host. What the socket has taken tells nothing: it
 * takes more only when a third of it is free, megabytes that a slow line needs
 * minutes for. So it is asked, if it is full.
 */
static u64 arrived(const struct tcp_conn *c)
{
	int under_way = 0;

	if (c->stuck && ioctl(c->fd, SIOCOUTQ, &under_way))
		under_way = 0;
	return c->stats.send_bytes - (u64)under_way;
}

static void check_transfers(struct tcp_conn *c, u64 now, bool wanted)
{
	struct demand d = demand_of(c, wanted);

	check_pace(c, &c->sending, c->stuck, arrived(c), now, &d);
	check_pace(c, &c->receiving, c->rx_req, c->stats.recv_bytes,
		   c->reading_us, &d);
	check_pace(c, &c->fetching, !TAILQ_EMPTY(&c->fetches), c->fetched,
		   c->reading_us, &d);
	if (tcp_conn_live(c))
		check_fetches(c, &d);
	if (tcp_conn_live(c) && c->rx_req)
		check_capsule(c, c->rx_req, &d);
	if (tcp_conn_live(c) && c->stuck)
		check_unsent(c, now);
}

/* Return: whether it has a time limit. */
static bool check_conn(struct tcp_conn *c, u64 now, u64 passed, bool wanted)
{
	if (c->state == TCP_CONN_CLOSING) {
		if (c->stuck && now - c->since_us >= TCP_TERM_US)
			tcp_conn_todo(c, TCP_TODO_CLOSE);
		return true;
	}
	if (!tcp_conn_live(c))
		return false;
	pass_time(c, passed);
	if (!host_holds_up(c)) {
		c->sending.on = c->receiving.on = c->fetching.on = false;
		return false;
	}
	check_transfers(c, now, wanted);
	return true;
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
	bool wanted = pool_wanted(&g->pool);
	u64 now = reactor_now_us();
	u64 passed = now - g->ticked_us;
	bool any = false;
	struct tcp_conn *c;

	g->ticked_us = now;
	check_lingers(g, now);
	/* nobody leaves the list within: closing is left to the group's poller */
	TAILQ_FOREACH(c, &g->conns, link)
		any |= check_conn(c, now, passed, wanted);
	if (!any && TAILQ_EMPTY(&g->lingers))
		poller_unregister(&g->tick);
	return 0;
}

void tcp_limits_watch(struct tcp_group *g)
{
	if (g->tick)
		return;
	g->ticked_us = reactor_now_us();
	g->tick = poller_register("tcp_tick", tick, g, TICK_US, NULL);
	g->unwatched = !g->tick;
}

void tcp_limits_end(struct tcp_group *g)
{
	struct tcp_linger *l;

	while ((l = TAILQ_FIRST(&g->lingers)))
		linger_end(l);
	poller_unregister(&g->tick);
}
