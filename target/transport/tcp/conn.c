// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Connections on their reactor: set-up, what the descriptor is watched for, and
 * the way down. The first call comes from hello.c by message.
 *
 * The way down: marked and put on the group's list -> after a protocol error
 * the termination request leaves, or its time is over -> descriptor given up ->
 * requests that the transport holds end -> nvmf is told, and frees the
 * connection when its own have ended.
 */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "target/transport/tcp/tcp.h"

/* Entries while no Connect has told how many there shall be */
#define FIRST_ENTRIES	2u
#define REQ_ALIGN	16u
#define MAX_HDR		(sizeof(struct nvme_tcp_data) + NVME_TCP_DIGEST_LEN)

/* What a descriptor is watched for */

void tcp_conn_watch(struct tcp_conn *c)
{
	u32 events = EPOLLIN;

	if (!c->src)
		return;
	if (c->stuck)
		events = EPOLLOUT;
	else if (c->blocked || c->starved || c->stash || !tcp_conn_live(c))
		events = 0;
	if (events == c->events)
		return;
	c->events = events;
	if (fd_source_modify(c->src, events))
		tcp_conn_break(c, "watching", errno);
}

static void conn_event(void *ctx, u32 events)
{
	struct tcp_conn *c = ctx;

	TCP_COUNT(c, wakeups, 1);
	if (events & (EPOLLERR | EPOLLHUP) && !(events & EPOLLIN)) {
		tcp_conn_break(c, "waiting", 0);
		return;
	}
	if (events & EPOLLOUT)
		tcp_tx_flush(c);
	if (events & EPOLLIN)
		tcp_rx_ready(c);
}

/* Requests */

static void requests_free(struct tcp_conn *c)
{
	if (c->reqs)
		munmap(c->reqs, (size_t)c->nreqs * c->req_size);
	c->reqs = NULL;
	c->nreqs = 0;
	c->nused = 0;
	TAILQ_INIT(&c->free);
}

/* Pages come when they are touched: a queue that is idle has hardly any. */
static int requests_alloc(struct tcp_conn *c, u32 entries)
{
	u32 size;
	void *p;

	/* PDO of C2HData is a multiple of what the host asked for */
	c->hdr_room = (u16)((MAX_HDR + c->tx.pda - 1) / c->tx.pda * c->tx.pda);
	size = sizeof(struct tcp_request) + c->hdr_room +
	       sizeof(struct nvme_tcp_rsp) + NVME_TCP_DIGEST_LEN;
	c->req_size = (size + REQ_ALIGN - 1) & ~(REQ_ALIGN - 1);
	p = mmap(NULL, (size_t)entries * c->req_size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
	c->reqs = p;
	c->nreqs = entries;
	return 0;
}

struct tcp_request *tcp_conn_take(struct tcp_conn *c)
{
	struct tcp_request *r = TAILQ_FIRST(&c->free);

	if (r) {
		TAILQ_REMOVE(&c->free, r, link);
	} else if (c->nused < c->nreqs) {
		r = tcp_conn_request(c, c->nused);
		r->c = c;
		r->index = (u16)c->nused++;
	}
	return r;
}

int tcp_conn_resize(struct tcp_conn *c, u32 entries)
{
	u32 i;

	/* nvmf refuses what is more than that */
	if (entries > c->base.depth)
		entries = c->base.depth;
	if (entries <= c->nreqs)
		return 0;
	for (i = 0; i < c->nused; i++)
		if (tcp_conn_request(c, i)->state != TCP_REQ_FREE)
			return 0;
	requests_free(c);
	return requests_alloc(c, entries);
}

/* Up */

static void fill_base(struct tcp_conn *c)
{
	const struct nvmf_transport_opts *o = &c->base.opts;

	/* what kind of queue it is to be, its Connect says */
	c->base.depth = (u16)(o->max_aq_depth > o->max_queue_depth ?
			      o->max_aq_depth : o->max_queue_depth);
	c->base.rules = (struct nvme_sgl_rules) {
		.transport = true,
		.max_len = o->max_io_size,
	};
	/* what a digest was computed of must not change before it is sent */
	c->base.buffered = c->tx.ddgst;
}

static void abandon_on_control(void *conn)
{
	struct tcp_conn *c = conn;

	nvmf_group_unchoose(c->base.group, c->base.admin);
	free(c);
}

static void abandon(struct tcp_conn *c, int err)
{
	static __thread struct log_budget budget;

	log_peer(&budget, LOG_WARNING, "tcp: %s:%s: connection cannot be set up: %s",
		 c->base.peer, c->base.peer_port, strerror(err));
	close(c->fd);
	requests_free(c);
	reactor_send(reactor_control(), abandon_on_control, c);
}

void tcp_conn_start(void *conn)
{
	struct tcp_conn *c = conn;

	c->g = c->base.group->transport_group[NVMF_TRTYPE_TCP];
	TAILQ_INIT(&c->free);
	TAILQ_INIT(&c->txq);
	TAILQ_INIT(&c->fetches);
	pool_share_init(&c->share);
	fill_base(c);
	if (requests_alloc(c, FIRST_ENTRIES)) {
		abandon(c, ENOMEM);
		return;
	}
	c->events = EPOLLIN;
	c->src = fd_source_add("tcp-conn", c->fd, c->events, conn_event, c);
	if (!c->src) {
		abandon(c, errno ? errno : ENOMEM);
		return;
	}
	c->state = TCP_CONN_LIVE;
	c->g->nconns++;
	TAILQ_INSERT_TAIL(&c->g->conns, c, link);
	nvmf_qpair_add(&c->base);
	/* the command that has come already */
	if (tcp_conn_live(c))
		tcp_rx_event(c, c->first);
	tcp_conn_watch(c);
}

/* Down */

void tcp_conn_close(struct tcp_conn *c)
{
	if (!tcp_conn_live(c))
		return;
	c->state = TCP_CONN_CLOSING;
	c->since_us = reactor_now_us();
	tcp_conn_todo(c, TCP_TODO_CLOSE);
}

void tcp_conn_break(struct tcp_conn *c, const char *what, int err)
{
	static __thread struct log_budget budget;

	if (err && err != ECONNRESET && err != EPIPE && tcp_conn_live(c))
		log_peer(&budget, LOG_WARNING, "tcp: %s:%s queue %u: %s failed: %s; closing",
			 c->base.peer, c->base.peer_port, c->base.qid, what,
			 strerror(err));
	c->broken = true;
	tcp_conn_close(c);
	if (c->state == TCP_CONN_CLOSING)
		tcp_conn_todo(c, TCP_TODO_CLOSE);
}

void tcp_conn_fault(struct tcp_conn *c, const struct nvme_tcp_fault *f)
{
	static __thread struct log_budget budget;

	if (!tcp_conn_live(c))
		return;
	TCP_COUNT(c, faults, 1);
	log_peer(&budget, LOG_WARNING, "tcp: %s:%s queue %u: %s: %s; closing",
		 c->base.peer, c->base.peer_port, c->base.qid,
		 nvme_tcp_fes_name(f->fes), f->why.text);
	tcp_conn_close(c);
	/* without memory the host has to guess why */
	c->term = malloc(NVME_TCP_HDR_ROOM);
	if (c->term)
		c->term_len = nvme_tcp_rx_term(&c->rx, f, c->term);
}

static void give_up_descriptor(struct tcp_conn *c)
{
	fd_source_remove(&c->src);
	if (c->term_len && c->term_off == c->term_len && !c->broken)
		tcp_linger(c->g, c->fd);
	else
		close(c->fd);
	c->fd = -1;
}

static void take_down(struct tcp_conn *c)
{
	tcp_conn_leave_turn(c);
	c->stuck = false;
	give_up_descriptor(c);
	c->rx_req = NULL;
	tcp_requests_end(c);
	/* nothing of it is queued any more; what ends later only frees */
	c->state = TCP_CONN_GONE;
	nvmf_qpair_disconnected(&c->base);
}

void tcp_conn_advance(struct tcp_conn *c)
{
	if (c->term_len && !c->broken &&
	    reactor_now_us() - c->since_us < TCP_TERM_US) {
		tcp_tx_drop(c);
		if (!c->stuck)
			tcp_tx_flush(c);
		/* waits for room, or for its time to be over */
		if (!c->broken && !tcp_tx_idle(c))
			return;
	}
	take_down(c);
}

void tcp_qpair_disconnect(struct nvmf_qpair *q)
{
	tcp_conn_close(to_conn(q));
}

void tcp_qpair_free(struct nvmf_qpair *q)
{
	struct tcp_conn *c = to_conn(q);

	TAILQ_REMOVE(&c->g->conns, c, link);
	c->g->nconns--;
	requests_free(c);
	free(c->stash);
	free(c->term);
	free(c);
}
