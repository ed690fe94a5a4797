// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * What leaves: all that a turn of the reactor has made for a connection goes
 * with one sendmsg, in the order in which it was made. The pieces are headers
 * in the requests and data where it is, in a bdev's RAM or in buffers: nothing
 * is copied before the kernel takes it. Called by request.c and the group's
 * poller on the connection's reactor.
 *
 * But for one block: where a socket is full in the middle of a block of a RAM
 * disk, the rest of it is kept, so that no host reads it half old, half new.
 *
 * A socket that is full makes its connection wait for room; it is not read
 * meanwhile, so what it can have under way is bounded by its queue.
 */
#include <stdlib.h>
#include <sys/socket.h>

#include "target/transport/tcp/tcp.h"

/* sendmsg calls for one connection in a turn */
#define FLUSH_CALLS	4

/* Pieces under construction: the first @skip bytes were sent before */
struct pieces {
	struct iovec *v;
	int n;
	u32 skip;
	u32 bytes;
};

void tcp_tx_queue(struct tcp_request *r)
{
	struct tcp_conn *c = r->c;

	if (!r->queued) {
		r->queued = true;
		TAILQ_INSERT_TAIL(&c->txq, r, link);
	}
	if (!c->stuck)
		tcp_conn_todo(c, TCP_TODO_FLUSH);
}

void tcp_tx_unqueue(struct tcp_request *r)
{
	TAILQ_REMOVE(&r->c->txq, r, link);
	r->queued = false;
	r->built = false;
}

static bool add(struct pieces *p, const void *at, u32 len)
{
	if (p->skip >= len) {
		p->skip -= len;
		return true;
	}
	if (p->n == TCP_TX_IOV)
		return false;
	p->v[p->n].iov_base = (u8 *)(uintptr_t)at + p->skip;
	p->v[p->n++].iov_len = len - p->skip;
	p->bytes += len - p->skip;
	p->skip = 0;
	return true;
}

static bool add_data(struct pieces *p, const struct tcp_request *r)
{
	int i;

	for (i = 0; i < r->base.iovcnt; i++)
		if (!add(p, r->base.iov[i].iov_base,
			 (u32)r->base.iov[i].iov_len))
			return false;
	return !r->c->tx.ddgst || add(p, &r->ddgst, sizeof(r->ddgst));
}

/* False: no room for all of it. */
static bool add_request(struct pieces *p, const struct tcp_request *r)
{
	if (r->hdr_len && !add(p, r->hdr, r->hdr_len))
		return false;
	if (r->state == TCP_REQ_SEND && r->hdr_len && !add_data(p, r))
		return false;
	return !r->rsp_len || add(p, r->hdr + r->c->hdr_room, r->rsp_len);
}

/* The next R2T of @r. False: there is none to be sent now. */
static bool build_r2t(struct tcp_request *r)
{
	union {
		struct nvme_tcp_r2t r2t;
		u8 room[NVME_TCP_HDR_ROOM];
	} u;

	memset(&u.r2t, 0, sizeof(u.r2t));
	if (!nvme_tcp_fetch_r2t(&r->fetch, &u.r2t))
		return false;
	r->hdr_len = (u8)nvme_tcp_tx_finish(&r->c->tx, &u, 0);
	memcpy(r->hdr, &u, r->hdr_len);
	r->rsp_len = 0;
	r->tx_len = r->hdr_len;
	r->built = true;
	TCP_COUNT(r->c, r2ts, 1);
	return true;
}

static void gather(struct tcp_conn *c, struct pieces *p)
{
	struct tcp_request *r, *next;

	for (r = TAILQ_FIRST(&c->txq); r; r = next) {
		next = TAILQ_NEXT(r, link);
		if (!r->built && !build_r2t(r))
			tcp_tx_unqueue(r);
		else if (!add_request(p, r))
			return;
	}
	if (c->term_len)
		add(p, c->term + c->term_off, c->term_len - c->term_off);
}

static void sent_one(struct tcp_request *r)
{
	struct tcp_conn *c = r->c;

	TCP_COUNT(c, send_pdus, (r->hdr_len != 0) + (r->rsp_len != 0));
	tcp_tx_unqueue(r);
	if (r->state == TCP_REQ_SEND)
		tcp_request_finish(r);
	else if (tcp_conn_live(c))
		/* perhaps the host takes another one */
		tcp_tx_queue(r);
}

/**
 * struct kept_block - a block of RAM of which a part was sent
 * @iov: all of the data, with the block's rest in @bytes
 */
struct kept_block {
	struct iovec iov[3];
	u8 bytes[];
};

static bool is_kept(const struct tcp_request *r, size_t at)
{
	const struct kept_block *k = r->own;

	return k && at >= k->iov[0].iov_len && at < k->iov[0].iov_len + k->iov[1].iov_len;
}

/*
 * The socket is full in the middle of a block of RAM, of which the rest goes as
 * it is now, whatever is written there until it is sent.
 */
static void keep_block(struct tcp_request *r, u32 sent)
{
	u32 block = r->base.block, at = sent - r->hdr_len, rest;
	u8 *ram = r->base.iov->iov_base;
	struct kept_block *k;

	if (!block || r->state != TCP_REQ_SEND || !r->hdr_len ||
	    sent <= r->hdr_len || at >= r->base.length ||
	    !(at & (block - 1)) || is_kept(r, at))
		return;
	if (!r->own)
		r->own = malloc(sizeof(*k) + block);
	if (!r->own) {
		tcp_conn_break(r->c, "sending", ENOMEM);
		return;
	}
	k = r->own;
	rest = block - (at & (block - 1));
	memcpy(k->bytes, ram + at, rest);
	k->iov[0] = (struct iovec){ ram, at };
	k->iov[1] = (struct iovec){ k->bytes, rest };
	k->iov[2] = (struct iovec){ ram + at + rest,
				    r->base.length - at - rest };
	r->base.iov = k->iov;
	r->base.iovcnt = ARRAY_SIZE(k->iov);
}

/* The socket has taken @n bytes. */
static void sent(struct tcp_conn *c, u32 n)
{
	struct tcp_request *r;

	while (n && (r = TAILQ_FIRST(&c->txq))) {
		u32 left = r->tx_len - c->tx_skip;

		if (n < left) {
			c->tx_skip += n;
			keep_block(r, c->tx_skip);
			return;
		}
		n -= left;
		c->tx_skip = 0;
		sent_one(r);
	}
	c->term_off += n;
}

static void got_stuck(struct tcp_conn *c)
{
	TCP_COUNT(c, send_full, 1);
	c->stuck = true;
	tcp_limits_watch(c->g);
	tcp_conn_watch(c);
}

/* One call. False: no more is taken now, or there is nothing. */
static bool send_once(struct tcp_conn *c)
{
	struct pieces p = { .v = c->g->iov, .skip = c->tx_skip };
	struct msghdr msg = { .msg_iov = c->g->iov };
	ssize_t n;

	gather(c, &p);
	if (!p.n)
		return false;
	msg.msg_iovlen = (size_t)p.n;
	do {
		n = sendmsg(c->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	TCP_COUNT(c, send_calls, 1);
	if (n < 0 && tcp_memory_short(errno)) {
		tcp_conn_starve(c);
		return false;
	}
	if (n < 0 && errno != EAGAIN) {
		tcp_conn_break(c, "sending", errno);
		return false;
	}
	if (n > 0) {
		TCP_COUNT(c, send_bytes, (u64)n);
		sent(c, (u32)n);
	}
	if (n < (ssize_t)p.bytes) {
		got_stuck(c);
		return false;
	}
	return true;
}

void tcp_tx_flush(struct tcp_conn *c)
{
	int calls = 0;

	c->stuck = false;
	while (send_once(c) && ++calls < FLUSH_CALLS)
		;
	/* the rest in the next turn */
	if (calls == FLUSH_CALLS && TAILQ_FIRST(&c->txq))
		tcp_tx_queue(TAILQ_FIRST(&c->txq));
	if (!tcp_conn_live(c) && !c->stuck && !c->starved)
		tcp_conn_todo(c, TCP_TODO_CLOSE);
	tcp_conn_watch(c);
}

bool tcp_tx_idle(const struct tcp_conn *c)
{
	return TAILQ_EMPTY(&c->txq) && c->term_off == c->term_len;
}

void tcp_tx_drop(struct tcp_conn *c)
{
	struct tcp_request *r = TAILQ_FIRST(&c->txq), *next;

	/* a PDU that has begun must be ended before another one */
	if (r && c->tx_skip)
		r = TAILQ_NEXT(r, link);
	for (; r; r = next) {
		next = TAILQ_NEXT(r, link);
		if (r->state == TCP_REQ_SEND)
			tcp_request_finish(r);
		else
			tcp_tx_unqueue(r);
	}
}
