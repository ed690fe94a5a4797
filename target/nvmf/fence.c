// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Waiting until the commands that are touching a namespace have ended: what a
 * change does on each poll group after it has made sure that no new ones begin.
 * Commands that still wait for their data do not count, for they are checked
 * again before they touch anything. Those that do not end are made to (leave.c).
 * On the poll group's reactor.
 */
#include <stdlib.h>

#include "target/nvmf/io.h"

void nvmf_wait_begin(struct nvmf_group *g, struct nvmf_wait *w)
{
	struct nvmf_request *req;
	struct nvmf_qpair *q;

	w->remaining = 0;
	TAILQ_FOREACH(q, &g->core->qpairs, link)
		TAILQ_FOREACH(req, &q->requests, qlink)
			if (req->active && w->match(w, req))
				w->remaining++;
	if (!w->remaining) {
		w->done(w->ctx);
		return;
	}
	w->since_us = reactor_now_us();
	g->core->io_waits[NVMF_WAIT_FENCE]++;
	TAILQ_INSERT_TAIL(&g->core->waits, w, link);
	nvmf_patience_begin(g->core);
}

bool nvmf_request_awaited(const struct nvmf_request *req)
{
	const struct nvmf_wait *w;

	if (req->nsch && req->nsch->detached)
		return true;
	if (req->active)
		TAILQ_FOREACH(w, &req->qpair->group->core->waits, link)
			if (w->match(w, req))
				return true;
	return false;
}

bool nvmf_group_waits(const struct nvmf_group *g)
{
	return !TAILQ_EMPTY(&g->core->waits) || g->core->leaving;
}

void nvmf_wait_ended(struct nvmf_group_core *core,
		     const struct nvmf_request *req)
{
	struct nvmf_wait *w, *next;

	for (w = TAILQ_FIRST(&core->waits); w; w = next) {
		next = TAILQ_NEXT(w, link);
		if (!w->match(w, req) || --w->remaining)
			continue;
		TAILQ_REMOVE(&core->waits, w, link);
		w->done(w->ctx);
	}
}

/* The same on all reactors: a change, and then what it has to wait for */

struct fence_part {
	struct nvmf_fence *fence;
	struct nvmf_wait wait;
};

/**
 * struct nvmf_fence - a change on its way
 * @apply: the change, on each reactor; then no request that matches may
 *         become active there
 */
struct nvmf_fence {
	reactor_fn apply;
	bool (*match)(void *ctx, const struct nvmf_request *req);
	reactor_fn done;
	void *ctx;
	u32 pending;
	struct fence_part parts[];
};

static bool part_match(const struct nvmf_wait *w,
		       const struct nvmf_request *req)
{
	const struct nvmf_fence *f =
		container_of(w, const struct fence_part, wait)->fence;

	return f->match(f->ctx, req);
}

static void part_ended(void *ctx)
{
	struct nvmf_fence *f = ctx;

	if (--f->pending)
		return;
	f->done(f->ctx);
	free(f);
}

static void part_quiet(void *ctx)
{
	struct fence_part *p = ctx;

	reactor_send(reactor_control(), part_ended, p->fence);
}

static void part_here(void *ctx)
{
	struct fence_part *p = ctx;

	p->fence->apply(p->fence->ctx);
	nvmf_wait_begin(nvmf_group_self(), &p->wait);
}

struct nvmf_fence *nvmf_fence_alloc(void)
{
	return calloc(1, sizeof(struct nvmf_fence) +
			 reactor_count() * sizeof(struct fence_part));
}

void nvmf_fence_run(struct nvmf_fence *f, reactor_fn apply,
		    bool (*match)(void *ctx, const struct nvmf_request *req),
		    reactor_fn done, void *ctx)
{
	unsigned int i, n = reactor_count();

	f->apply = apply;
	f->match = match;
	f->done = done;
	f->ctx = ctx;
	f->pending = n;
	for (i = 0; i < n; i++) {
		f->parts[i].fence = f;
		f->parts[i].wait.match = part_match;
		f->parts[i].wait.done = part_quiet;
		f->parts[i].wait.ctx = &f->parts[i];
		reactor_send(reactor_get(i), part_here, &f->parts[i]);
	}
}
