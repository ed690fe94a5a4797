// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Where payload belongs: buffers, or a bdev's RAM. Called by rx.c on the
 * connection's reactor.
 *
 * Nobody is to see a block of a RAM disk half old and half new for as long as
 * its other half is on its way, or for good because its connection has ended.
 * So RAM gets whole blocks only. Of what the socket has, the kernel puts as many
 * as are there straight to their places; a block of which a part is there is
 * gathered beside it, and copied when it is complete.
 */
#include <stdlib.h>
#include <sys/ioctl.h>

#include "target/transport/tcp/tcp.h"

/* @n bytes of payload are in place, or dropped */
void tcp_sink_advance(struct tcp_sink *s, u32 n)
{
	u32 skipped = n < s->skip ? n : s->skip;

	s->skip -= skipped;
	n -= skipped;
	if (n > s->left)
		n = s->left;
	s->left -= n;
	s->offset += n;
	tcp_sink_seek(s);
}

/* The longest run that has one place, of @n bytes; @to is NULL: dropped */
static u32 next_run(const struct tcp_sink *s, u32 n, u8 **to)
{
	size_t room;

	*to = NULL;
	if (s->skip)
		return n < s->skip ? n : s->skip;
	if (!s->left)
		return n;
	*to = (u8 *)s->iov->iov_base + s->offset;
	room = s->iov->iov_len - s->offset;
	if (room > s->left)
		room = s->left;
	return n < room ? n : (u32)room;
}

/* Blocks */

/* Bytes of the block at hand that have come already: they are gathered */
static u32 gathered(const struct tcp_sink *s)
{
	return s->block ? s->offset & (s->block - 1) : 0;
}

/* Of those that others have done with: so nothing is allocated in the long run */
static void *block_get(struct tcp_group *g, u32 block)
{
	if (block > TCP_SPARE_BLOCK)
		return malloc(block);
	return g->nspares ? g->spares[--g->nspares] : malloc(TCP_SPARE_BLOCK);
}

void tcp_block_put(struct tcp_group *g, void *mem, u32 block)
{
	if (block > TCP_SPARE_BLOCK || g->nspares == ARRAY_SIZE(g->spares))
		free(mem);
	else
		g->spares[g->nspares++] = mem;
}

void tcp_blocks_free(struct tcp_group *g)
{
	while (g->nspares)
		free(g->spares[--g->nspares]);
}

/* @n bytes more of it are beside its place @to. */
static void gather(struct tcp_conn *c, u8 *to, u32 n)
{
	u32 part = gathered(&c->sink);

	if (part + n == c->sink.block)
		memcpy(to - part, c->rx_req->own, c->sink.block);
}

/* As many as may go to @to, RAM, at once. Return: 0: there is no memory. */
static u32 put_blocks(struct tcp_conn *c, u8 *to, const u8 *p, u32 n)
{
	struct tcp_request *r = c->rx_req;
	u32 block = c->sink.block, part = gathered(&c->sink);

	if (!part && n >= block) {
		n &= ~(block - 1);
		memcpy(to, p, n);
		return n;
	}
	if (!r->own)
		r->own = block_get(c->g, block);
	if (!r->own) {
		tcp_conn_starve(c);
		return 0;
	}
	if (n > block - part)
		n = block - part;
	memcpy((u8 *)r->own + part, p, n);
	gather(c, to, n);
	return n;
}

/* Of the @n bytes that are still to come: those that end a block, and are here */
static u32 whole_blocks(const struct tcp_conn *c, u32 n)
{
	size_t end;
	int here;

	if (ioctl(c->fd, FIONREAD, &here) || here < (int)TCP_DIRECT_MIN)
		return 0;
	if ((u32)here < n)
		n = (u32)here;
	end = (c->sink.offset + n) & ~(size_t)(c->sink.block - 1);
	return end > c->sink.offset ? (u32)(end - c->sink.offset) : 0;
}

/* What the receiver has, and what the kernel puts there itself */

u32 tcp_sink_put(struct tcp_conn *c, const u8 *p, u32 n)
{
	u8 *to;

	n = next_run(&c->sink, n, &to);
	if (!to)
		return n;
	if (c->sink.block)
		n = put_blocks(c, to, p, n);
	else
		memcpy(to, p, n);
	TCP_COUNT(c, copied_bytes, n);
	return n;
}

int tcp_sink_places(struct tcp_conn *c, struct iovec *v, u32 *bytes)
{
	struct tcp_sink s = c->sink;
	u32 part = gathered(&s), left = s.left, run;
	int n = 0;
	u8 *to;

	if (s.block)
		left = whole_blocks(c, left);
	*bytes = left;
	if (left && part) {
		run = s.block - part;
		v[n++] = (struct iovec){ (u8 *)c->rx_req->own + part, run };
		tcp_sink_advance(&s, run);
		left -= run;
	}
	while (left && n < NVMF_REQ_MAX_IOV) {
		run = next_run(&s, left, &to);
		v[n++] = (struct iovec){ to, run };
		tcp_sink_advance(&s, run);
		left -= run;
	}
	*bytes -= left;
	return n;
}

const u8 *tcp_sink_placed(struct tcp_conn *c, const u8 *at, u32 n)
{
	u8 *to;

	next_run(&c->sink, n, &to);
	if (at == to) {
		TCP_COUNT(c, direct_bytes, n);
	} else {
		TCP_COUNT(c, copied_bytes, n);
		gather(c, to, n);
	}
	return to;
}
