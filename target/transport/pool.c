// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Buffers of a reactor; see pool.h. Called by the transports' request code on
 * the reactor that owns the pool; no lock.
 *
 * The description of a user's pieces lies beside the buffers, not in the
 * request: so a connection that is idle does not pay for the largest transfer.
 */
#include <stdlib.h>

#include "target/transport/pool.h"

#define SLAB_BYTES	(1024u * 1024)
#define TRIM_US		(1000 * 1000)
#define RETRY_US	(100 * 1000)

void pool_init(struct pool *p, const char *name, u32 chunk, u32 pieces,
	       u32 limit, const struct pool_ops *ops, void *ctx)
{
	memset(p, 0, sizeof(*p));
	p->name = name;
	p->ops = ops;
	p->ctx = ctx;
	p->chunk = chunk;
	p->pieces = pieces;
	p->limit = limit;
	TAILQ_INIT(&p->free);
	TAILQ_INIT(&p->slabs);
	TAILQ_INIT(&p->waiting);
}

static void slab_free(struct pool *p, struct pool_slab *s)
{
	u32 i;

	for (i = 0; i < s->chunks; i++)
		TAILQ_REMOVE(&p->free, &s->bufs[i], link);
	TAILQ_REMOVE(&p->slabs, s, link);
	p->total -= s->chunks;
	p->ops->put(p->ctx, &s->mem);
	free(s->iovs);
	free(s->sets);
	free(s);
}

void pool_fini(struct pool *p)
{
	struct pool_slab *s;

	poller_unregister(&p->trim);
	poller_unregister(&p->retry);
	while ((s = TAILQ_FIRST(&p->slabs)))
		slab_free(p, s);
}

/* Making is slow: only what a whole period did without is given back. */
static void trim(void *pool)
{
	struct pool *p = pool;
	struct pool_slab *s, *next;
	bool again = false;

	p->trim = NULL;
	for (s = TAILQ_FIRST(&p->slabs); s; s = next) {
		next = TAILQ_NEXT(s, link);
		if (s->used || (!next && TAILQ_FIRST(&p->slabs) == s)) {
			s->touched = false;
		} else if (s->touched) {
			s->touched = false;
			again = true;
		} else {
			slab_free(p, s);
		}
	}
	if (again)
		p->trim = timer_start("pool-trim", trim, p, TRIM_US);
}

static struct pool_slab *slab_new(struct pool *p, u32 n)
{
	struct pool_slab *s = calloc(1, sizeof(*s) + n * sizeof(s->bufs[0]));

	if (!s)
		return NULL;
	s->iovs = calloc((size_t)n * p->pieces, sizeof(s->iovs[0]));
	s->sets = calloc((size_t)n * p->pieces, sizeof(s->sets[0]));
	if (s->iovs && s->sets &&
	    !p->ops->get(p->ctx, (size_t)n * p->chunk, &s->mem))
		return s;
	free(s->iovs);
	free(s->sets);
	free(s);
	return NULL;
}

/* One slab more, as far as the limit allows. */
static int grow(struct pool *p)
{
	static __thread struct log_budget budget;
	struct pool_slab *s;
	u32 n = SLAB_BYTES / p->chunk;
	u32 i;

	if (!n)
		n = 1;
	if (n > p->limit - p->total)
		n = p->limit - p->total;
	if (!n)
		return -EAGAIN;
	s = slab_new(p, n);
	if (!s) {
		log_peer(&budget, LOG_WARNING,
			 "%s: no memory for more data buffers", p->name);
		return -ENOMEM;
	}
	s->chunks = n;
	for (i = 0; i < n; i++) {
		s->bufs[i].addr = (u8 *)s->mem.base + (size_t)i * p->chunk;
		s->bufs[i].slab = s;
		s->bufs[i].iov = s->iovs + (size_t)i * p->pieces;
		s->bufs[i].set = s->sets + (size_t)i * p->pieces;
		TAILQ_INSERT_TAIL(&p->free, &s->bufs[i], link);
	}
	TAILQ_INSERT_TAIL(&p->slabs, s, link);
	p->total += n;
	return 0;
}

static void hand_out(struct pool *p, struct pool_user *u)
{
	u32 left = u->len;
	u32 i;

	u->first = TAILQ_FIRST(&p->free);
	for (i = 0; i < u->need; i++) {
		struct pool_buf *b = TAILQ_FIRST(&p->free);
		u32 n = left < p->chunk ? left : p->chunk;

		TAILQ_REMOVE(&p->free, b, link);
		b->slab->used++;
		b->slab->touched = true;
		u->first->set[i] = b;
		u->first->iov[i] = (struct iovec){ b->addr, n };
		left -= n;
	}
	u->nbufs = u->need;
	p->in_use += u->need;
}

static void serve_waiting(struct pool *p);

static void retry(void *pool)
{
	struct pool *p = pool;

	p->retry = NULL;
	serve_waiting(p);
}

static void retry_later(struct pool *p)
{
	if (!p->retry)
		p->retry = timer_start("pool-retry", retry, p, RETRY_US);
	p->untimed = !p->retry;
}

int pool_poll(struct pool *p)
{
	if (p->untimed)
		retry_later(p);
	return p->untimed;
}

/* Are there @need free buffers? Else what others hold comes back, or memory. */
static bool provide(struct pool *p, u32 need)
{
	while (p->total - p->in_use < need) {
		if (!grow(p))
			continue;
		if (p->total < need)
			retry_later(p);
		return false;
	}
	return true;
}

/* The share of a connection */

void pool_share_init(struct pool_share *s)
{
	s->claimed = 0;
	s->unparking = false;
	TAILQ_INIT(&s->parked);
}

static bool admitted(const struct pool *p, const struct pool_user *u)
{
	const struct pool_share *s = u->share;

	return u->urgent || !s->claimed ||
	       s->claimed + u->need <= p->limit - p->in_use;
}

static void unclaim(struct pool_user *u)
{
	u->share->claimed -= u->need;
}

/* Into the line, unless there is none and there are buffers. */
static int enter(struct pool *p, struct pool_user *u)
{
	u->share->claimed += u->need;
	u->place = POOL_NOWHERE;
	/* not past those who wait already */
	if (TAILQ_EMPTY(&p->waiting) && provide(p, u->need)) {
		hand_out(p, u);
		return 0;
	}
	u->place = POOL_LINE;
	TAILQ_INSERT_TAIL(&p->waiting, u, link);
	return -EAGAIN;
}

/* Some of the share is free: who may have it now? */
static void unpark(struct pool *p, struct pool_share *s)
{
	struct pool_user *u;

	if (s->unparking)
		return;
	s->unparking = true;
	while ((u = TAILQ_FIRST(&s->parked)) && admitted(p, u)) {
		TAILQ_REMOVE(&s->parked, u, link);
		if (!enter(p, u))
			u->ready(u);
	}
	s->unparking = false;
}

int pool_take(struct pool *p, struct pool_share *s, struct pool_user *u,
	      u32 len)
{
	u->share = s;
	u->len = len;
	u->need = (len + p->chunk - 1) / p->chunk;
	if (u->need > p->pieces || u->need > p->limit)
		return -ENOMEM;
	if (TAILQ_EMPTY(&s->parked) && admitted(p, u))
		return enter(p, u);
	u->place = POOL_PARKED;
	TAILQ_INSERT_TAIL(&s->parked, u, link);
	return -EAGAIN;
}

static void serve_waiting(struct pool *p)
{
	struct pool_user *u;

	/* who is served may finish at once and come here again */
	if (p->serving)
		return;
	p->serving = true;
	while ((u = TAILQ_FIRST(&p->waiting)) && provide(p, u->need)) {
		TAILQ_REMOVE(&p->waiting, u, link);
		u->place = POOL_NOWHERE;
		hand_out(p, u);
		u->ready(u);
	}
	p->serving = false;
}

void pool_give(struct pool *p, struct pool_user *u)
{
	u32 i;

	if (!u->nbufs)
		return;
	for (i = 0; i < u->nbufs; i++) {
		struct pool_buf *b = u->first->set[i];

		p->in_use--;
		b->slab->used--;
		/* the last one used is the warmest */
		TAILQ_INSERT_HEAD(&p->free, b, link);
		if (!b->slab->used && !p->trim &&
		    TAILQ_FIRST(&p->slabs) != TAILQ_LAST(&p->slabs, pool_slabs))
			p->trim = timer_start("pool-trim", trim, p, TRIM_US);
	}
	u->nbufs = 0;
	u->first = NULL;
	unclaim(u);
	serve_waiting(p);
	unpark(p, u->share);
}

void pool_cancel(struct pool *p, struct pool_user *u)
{
	enum pool_place place = u->place;

	u->place = POOL_NOWHERE;
	switch (place) {
	case POOL_NOWHERE:
		return;
	case POOL_LINE:
		TAILQ_REMOVE(&p->waiting, u, link);
		unclaim(u);
		break;
	case POOL_PARKED:
		TAILQ_REMOVE(&u->share->parked, u, link);
		break;
	}
	/* those behind it may need less */
	serve_waiting(p);
	unpark(p, u->share);
}

bool pool_wanted(struct pool *p)
{
	const struct pool_user *first = TAILQ_FIRST(&p->waiting);
	bool same = first && first == p->seen;

	p->seen = first;
	return same;
}
