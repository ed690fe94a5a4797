// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Locks of block ranges: what makes a fused Compare and Write atomic on all
 * reactors without a lock on the data path. The control reactor puts them in
 * order (lock_order.c); each poll group then keeps other commands from
 * touching the range, waits for those that do already, and says so. When all
 * have, the lock is granted on the reactor that asked. Between times a poll
 * group's list is empty, and a command looks at nothing else.
 *
 * A command is held before it touches a block: before its data goes to RAM in
 * place, or else when its data is there and it would execute.
 */
#include <stdlib.h>

#include "target/nvmf/io.h"
#include "target/nvmf/lock_order.h"

/**
 * struct nvmf_lock - one lock
 * @order: NULL once it is being released: then the last answer is its end
 * @pending: poll groups that have not answered yet
 */
struct nvmf_lock {
	struct nvmf_order *order;
	u32 subsystem;
	u32 nsid;
	u64 lba;
	u64 blocks;
	struct reactor *asker;
	reactor_fn granted;
	void *ctx;
	u32 pending;
	struct nvmf_lock_part parts[];
};

static bool overlap(const struct nvmf_lock *l, u64 lba, u64 blocks)
{
	return lba < l->lba + l->blocks && l->lba < lba + blocks;
}

static bool touches(const struct nvmf_lock *l, const struct nvmf_request *req)
{
	return req->command->flags & NVMF_CMD_SCATTERED ||
	       overlap(l, req->lba, req->blocks);
}

/* Poll groups */

static bool match(const struct nvmf_wait *w, const struct nvmf_request *req)
{
	const struct nvmf_lock_part *p =
		container_of(w, const struct nvmf_lock_part, wait);

	return req->nsch == p->nsch && touches(p->lock, req);
}

static void control_answered(void *ctx);

static void quiet_here(void *ctx)
{
	struct nvmf_lock_part *p = ctx;

	reactor_send(reactor_control(), control_answered, p->lock);
}

static void install_here(void *ctx)
{
	struct nvmf_lock_part *p = ctx;
	struct nvmf_group *g = nvmf_group_self();
	struct nvmf_sgroup *sg = g->core->sgroups[p->lock->subsystem];

	p->nsch = sg ? sg->ns[p->lock->nsid - 1] : NULL;
	if (!p->nsch) {
		quiet_here(p);
		return;
	}
	TAILQ_INSERT_TAIL(&p->nsch->locks, p, link);
	p->wait.match = match;
	p->wait.done = quiet_here;
	p->wait.ctx = p;
	nvmf_wait_begin(g, &p->wait);
}

static void resume(void *ctx)
{
	nvmf_request_resume(ctx);
}

/*
 * Who waited for it goes on by message, and is held again if another lock is
 * there. The others wait for a lock that still is.
 */
static void resume_held(struct nvmf_ns_channel *nsch,
			const struct nvmf_lock *l)
{
	struct nvmf_request *req, *next;

	for (req = TAILQ_FIRST(&nsch->held); req; req = next) {
		next = TAILQ_NEXT(req, link);
		if (!touches(l, req))
			continue;
		TAILQ_REMOVE(&nsch->held, req, link);
		req->held = false;
		reactor_send(reactor_self(), resume, req);
	}
}

static void release_here(void *ctx)
{
	struct nvmf_lock_part *p = ctx;

	if (p->nsch) {
		TAILQ_REMOVE(&p->nsch->locks, p, link);
		resume_held(p->nsch, p->lock);
	}
	reactor_send(reactor_control(), control_answered, p->lock);
}

bool nvmf_lock_holds(struct nvmf_request *req)
{
	struct nvmf_ns_channel *nsch = req->nsch;
	struct nvmf_lock_part *p;

	TAILQ_FOREACH(p, &nsch->locks, link) {
		if (touches(p->lock, req)) {
			TAILQ_INSERT_TAIL(&nsch->held, req, link);
			req->held = true;
			req->qpair->group->core->io_waits[NVMF_WAIT_LOCK]++;
			return true;
		}
	}
	return false;
}

bool nvmf_lock_abort(struct nvmf_request *req)
{
	if (!req->held)
		return false;
	TAILQ_REMOVE(&req->nsch->held, req, link);
	req->held = false;
	return true;
}

void nvmf_lock_leave(struct nvmf_ns_channel *nsch)
{
	struct nvmf_lock_part *p;

	while ((p = TAILQ_FIRST(&nsch->locks))) {
		TAILQ_REMOVE(&nsch->locks, p, link);
		p->nsch = NULL;
	}
}

/* The control reactor: order */

static void tell_groups(struct nvmf_lock *l, reactor_fn fn)
{
	unsigned int i, n = reactor_count();

	l->pending = n;
	for (i = 0; i < n; i++)
		reactor_send(reactor_get(i), fn, &l->parts[i]);
}

static void begin_lock(void *ctx)
{
	tell_groups(ctx, install_here);
}

static void control_take(void *ctx)
{
	struct nvmf_lock *l = ctx;

	if (nvmf_order_enter(l->order))
		begin_lock(l);
}

static void control_answered(void *ctx)
{
	struct nvmf_lock *l = ctx;

	if (--l->pending)
		return;
	if (l->order)
		reactor_send(l->asker, l->granted, l->ctx);
	else
		free(l);
}

static void control_release(void *ctx)
{
	struct nvmf_lock *l = ctx;
	struct nvmf_order *order = l->order;

	l->order = NULL;
	tell_groups(l, release_here);
	nvmf_order_leave(order, begin_lock);
	free(order);
}

/* Who asks */

struct nvmf_lock *nvmf_lock_take(struct nvmf_request *req,
				 reactor_fn granted, void *ctx)
{
	unsigned int i, n = reactor_count();
	struct nvmf_lock *l = calloc(1, sizeof(*l) + n * sizeof(l->parts[0]));

	if (!l)
		return NULL;
	l->order = nvmf_order_new(req->nsch->view.ns, req->lba, req->blocks, l);
	if (!l->order) {
		free(l);
		return NULL;
	}
	for (i = 0; i < n; i++)
		l->parts[i].lock = l;
	l->subsystem = req->qpair->ctrlr->subsystem->id;
	l->nsid = req->nsch->view.nsid;
	l->lba = req->lba;
	l->blocks = req->blocks;
	l->asker = req->qpair->group->reactor;
	l->granted = granted;
	l->ctx = ctx;
	reactor_send(reactor_control(), control_take, l);
	return l;
}

void nvmf_lock_release(struct nvmf_lock *l)
{
	reactor_send(reactor_control(), control_release, l);
}
