// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * When the process or the kernel has no memory left, nothing fails for it:
 * requests wait for a place for their data, and connections leave their sockets
 * alone, until a timer has them try again. While there is no memory for a timer
 * either, the group's poller goes on asking for it. On the group's reactor.
 */
#include "target/transport/tcp/tcp.h"

#define RETRY_US	(20 * 1000)

static void feed_requests(struct tcp_group *g)
{
	struct tcp_request *r;
	u32 n = 0;

	/* those that have to wait again come to the end */
	TAILQ_FOREACH(r, &g->short_of, link)
		n++;
	while (n-- && (r = TAILQ_FIRST(&g->short_of))) {
		TAILQ_REMOVE(&g->short_of, r, link);
		tcp_request_feed(r);
	}
}

static void go_on(struct tcp_conn *c)
{
	c->starved = false;
	if (c->state == TCP_CONN_CLOSING)
		tcp_conn_todo(c, TCP_TODO_CLOSE);
	if (!tcp_conn_live(c))
		return;
	tcp_conn_todo(c, TCP_TODO_RESUME);
	if (!TAILQ_EMPTY(&c->txq))
		tcp_tx_queue(TAILQ_FIRST(&c->txq));
}

static void retry(void *group)
{
	struct tcp_group *g = group;
	struct tcp_conn *c;

	g->retry = NULL;
	feed_requests(g);
	TAILQ_FOREACH(c, &g->conns, link)
		if (c->starved)
			go_on(c);
}

static void start_timer(struct tcp_group *g)
{
	if (!g->retry)
		g->retry = timer_start("tcp-memory", retry, g, RETRY_US);
	g->untimed = !g->retry;
}

static void retry_later(struct tcp_group *g)
{
	static __thread struct log_budget budget;

	log_peer(&budget, LOG_WARNING,
		 "tcp: memory is short: transfers have to wait");
	start_timer(g);
}

int tcp_memory_poll(struct tcp_group *g)
{
	if (g->untimed)
		start_timer(g);
	if (g->unwatched)
		tcp_limits_watch(g);
	return g->untimed || g->unwatched;
}

void tcp_conn_starve(struct tcp_conn *c)
{
	c->starved = true;
	retry_later(c->g);
}

void tcp_request_starve(struct tcp_request *r)
{
	struct tcp_group *g = r->c->g;

	r->state = TCP_REQ_BUFFER;
	r->wait = TCP_WAIT_MEMORY;
	TAILQ_INSERT_TAIL(&g->short_of, r, link);
	retry_later(g);
}
