// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Data buffers of one reactor on one device, for whatever cannot be moved in
 * place: chunks of registered slabs, made when they are needed and given back
 * when a slab is unused and another one is free. Called by request.c and
 * qpair.c on the reactor that owns it; no lock.
 *
 * A request takes all of its buffers at once. Who finds too few waits, and is
 * served in the order of arrival; connections that need no buffers do not
 * notice.
 */
#include <stdlib.h>

#include "target/transport/rdma/rdma.h"

#define SLAB_BYTES	(1024u * 1024)
#define TRIM_US		(1000 * 1000)

void rdma_pool_init(struct rdma_gdev *gd,
		    const struct nvmf_transport_opts *opts)
{
	struct rdma_pool *p = &gd->pool;

	p->chunk = opts->io_unit_size;
	p->limit = opts->num_shared_buffers;
	p->total = 0;
	p->in_use = 0;
	p->serving = false;
	p->trim = NULL;
	TAILQ_INIT(&p->free);
	TAILQ_INIT(&p->slabs);
	TAILQ_INIT(&p->waiting);
}

static void slab_free(struct rdma_pool *p, struct rdma_slab *s)
{
	u32 i;

	for (i = 0; i < s->chunks; i++)
		TAILQ_REMOVE(&p->free, &s->bufs[i], link);
	TAILQ_REMOVE(&p->slabs, s, link);
	p->total -= s->chunks;
	rdma_region_free(&s->region);
	free(s);
}

void rdma_pool_free(struct rdma_pool *p)
{
	struct rdma_slab *s;

	if (p->trim)
		poller_unregister(&p->trim);
	while ((s = TAILQ_FIRST(&p->slabs)))
		slab_free(p, s);
}

/* Registering is slow: only what a whole period did without is given back. */
static void trim(void *pool)
{
	struct rdma_pool *p = pool;
	struct rdma_slab *s, *next;
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
		p->trim = timer_start("rdma-trim", trim, p, TRIM_US);
}

/* One slab more, as far as the limit allows. */
static int grow(struct rdma_gdev *gd)
{
	static struct log_budget budget;
	struct rdma_pool *p = &gd->pool;
	struct weft_reason why = { "" };
	struct rdma_slab *s;
	u32 n = SLAB_BYTES / p->chunk;
	u32 i;

	if (!n)
		n = 1;
	if (n > p->limit - p->total)
		n = p->limit - p->total;
	if (!n)
		return -EAGAIN;
	s = calloc(1, sizeof(*s) + n * sizeof(s->bufs[0]));
	if (!s || rdma_region_alloc(gd->dev, (size_t)n * p->chunk, &s->region,
				    &why)) {
		log_peer(&budget, LOG_WARNING, "rdma: %s: no more data buffers: %s",
			 gd->name, why.text);
		free(s);
		return -ENOMEM;
	}
	s->chunks = n;
	for (i = 0; i < n; i++) {
		s->bufs[i].addr = (u8 *)s->region.base + (size_t)i * p->chunk;
		s->bufs[i].lkey = s->region.mr->lkey;
		s->bufs[i].slab = s;
		TAILQ_INSERT_TAIL(&p->free, &s->bufs[i], link);
	}
	TAILQ_INSERT_TAIL(&p->slabs, s, link);
	p->total += n;
	return 0;
}

static void hand_out(struct rdma_pool *p, struct rdma_request *r)
{
	u32 i;

	for (i = 0; i < r->need; i++) {
		struct rdma_buf *b = TAILQ_FIRST(&p->free);

		TAILQ_REMOVE(&p->free, b, link);
		b->slab->used++;
		b->slab->touched = true;
		r->bufs[i] = b;
		r->base.iov[i].iov_base = b->addr;
		r->base.iov[i].iov_len = rdma_chunk(r->base.length, p->chunk,
						    i);
	}
	r->base.iovcnt = (int)r->need;
	r->nbufs = r->need;
	p->in_use += r->need;
}

/* 0 if there are @need free buffers now, -EAGAIN if there will be, -ENOMEM. */
static int provide(struct rdma_gdev *gd, u32 need)
{
	struct rdma_pool *p = &gd->pool;

	while (p->total - p->in_use < need) {
		int err = grow(gd);

		if (!err)
			continue;
		/* what others hold comes back: enough to wait for? */
		return p->total >= need ? -EAGAIN : -ENOMEM;
	}
	return 0;
}

int rdma_pool_take(struct rdma_gdev *gd, struct rdma_request *r)
{
	struct rdma_pool *p = &gd->pool;
	int err = -EAGAIN;

	r->need = (r->base.length + p->chunk - 1) / p->chunk;
	if (r->need > NVMF_REQ_MAX_IOV)
		return -ENOMEM;
	/* not past those who wait already */
	if (TAILQ_EMPTY(&p->waiting))
		err = provide(gd, r->need);
	if (!err) {
		hand_out(p, r);
	} else if (err == -EAGAIN) {
		gd->stats.wait_buffer++;
		TAILQ_INSERT_TAIL(&p->waiting, r, wait);
	}
	return err;
}

static void serve_waiting(struct rdma_gdev *gd)
{
	struct rdma_pool *p = &gd->pool;
	struct rdma_request *r;
	int err;

	/* who is served may finish at once and come here again */
	if (p->serving)
		return;
	p->serving = true;
	while ((r = TAILQ_FIRST(&p->waiting))) {
		err = provide(gd, r->need);
		if (err == -EAGAIN)
			break;
		TAILQ_REMOVE(&p->waiting, r, wait);
		if (err) {
			rdma_request_unbuffered(r);
			continue;
		}
		hand_out(p, r);
		rdma_request_buffered(r);
	}
	p->serving = false;
}

void rdma_pool_give(struct rdma_gdev *gd, struct rdma_request *r)
{
	struct rdma_pool *p = &gd->pool;
	u32 i;

	for (i = 0; i < r->nbufs; i++) {
		struct rdma_buf *b = r->bufs[i];

		p->in_use--;
		b->slab->used--;
		/* the last one used is the warmest */
		TAILQ_INSERT_HEAD(&p->free, b, link);
		if (!b->slab->used && !p->trim &&
		    TAILQ_FIRST(&p->slabs) != TAILQ_LAST(&p->slabs, rdma_slabs))
			p->trim = timer_start("rdma-trim", trim, p, TRIM_US);
	}
	r->nbufs = 0;
	serve_waiting(gd);
}

void rdma_pool_cancel(struct rdma_gdev *gd, struct rdma_request *r)
{
	TAILQ_REMOVE(&gd->pool.waiting, r, wait);
	/* the one behind it may need less */
	serve_waiting(gd);
}
