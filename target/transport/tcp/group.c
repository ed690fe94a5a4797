// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * A reactor's part of the transport. Sockets wake the reactor by themselves;
 * the one poller of the group does what events have left to do: sending what a
 * turn has made, reading on where buffers were missing, taking connections
 * down. It sleeps when its list is empty.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "target/transport/options.h"
#include "target/transport/tcp/tcp.h"

void tcp_conn_todo(struct tcp_conn *c, u8 what)
{
	if (!c->todo)
		TAILQ_INSERT_TAIL(&c->g->turn, c, turn_link);
	c->todo |= what;
}

void tcp_conn_leave_turn(struct tcp_conn *c)
{
	if (c->todo)
		TAILQ_REMOVE(&c->g->turn, c, turn_link);
	c->todo = 0;
}

/* Reading may give rise to the others; after closing @c may be gone. */
static void serve(struct tcp_conn *c)
{
	u8 todo = c->todo;

	tcp_conn_leave_turn(c);
	if (todo & TCP_TODO_RESUME)
		tcp_rx_resume(c);
	if (todo & TCP_TODO_CLOSE)
		tcp_conn_advance(c);
	else if (todo & TCP_TODO_FLUSH)
		tcp_tx_flush(c);
}

/* Only who is on the list now; what comes meanwhile has its turn. */
static int group_poll(void *ctx)
{
	struct tcp_group *g = ctx;
	struct tcp_conn *c, *last = TAILQ_LAST(&g->turn, tcp_conns);
	int n = tcp_memory_poll(g) + pool_poll(&g->pool);
	bool end = !last;

	while (!end) {
		c = TAILQ_FIRST(&g->turn);
		end = c == last;
		serve(c);
		n++;
	}
	return n;
}

/* Buffers */

static int mem_get(void *ctx, size_t len, struct pool_mem *m)
{
	(void)ctx;
	m->base = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	m->len = len;
	return m->base == MAP_FAILED ? -ENOMEM : 0;
}

static void mem_put(void *ctx, struct pool_mem *m)
{
	(void)ctx;
	munmap(m->base, m->len);
}

static const struct pool_ops mem_ops = { .get = mem_get, .put = mem_put };

int tcp_group_create(struct nvmf_transport *t, struct nvmf_group *base)
{
	const struct nvmf_transport_opts *o = &t->opts;
	struct tcp_group *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	g->base = base;
	g->t = to_transport(t);
	TAILQ_INIT(&g->conns);
	TAILQ_INIT(&g->turn);
	TAILQ_INIT(&g->short_of);
	TAILQ_INIT(&g->lingers);
	pool_init(&g->pool, "tcp", o->io_unit_size, transport_pieces(o),
		  o->num_shared_buffers, &mem_ops, g);
	g->buf = malloc(TCP_RX_BUF);
	/* what an event of the last turn has left does not wait for another one */
	if (g->buf)
		g->poller = poller_register("tcp", group_poll, g, 0, group_poll);
	if (!g->poller) {
		free(g->buf);
		free(g);
		return -ENOMEM;
	}
	base->transport_group[NVMF_TRTYPE_TCP] = g;
	return 0;
}

void tcp_group_destroy(struct nvmf_transport *t, struct nvmf_group *base)
{
	struct tcp_group *g = base->transport_group[NVMF_TRTYPE_TCP];

	(void)t;
	if (!g)
		return;
	base->transport_group[NVMF_TRTYPE_TCP] = NULL;
	tcp_limits_end(g);
	poller_unregister(&g->retry);
	poller_unregister(&g->poller);
	pool_fini(&g->pool);
	tcp_blocks_free(g);
	free(g->buf);
	free(g);
}
