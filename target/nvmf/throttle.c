// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Rate limits of hosts and namespaces: a command that reads or writes blocks
 * passes the host's limit, then the namespace's, before it touches the first of
 * them, and pays for all that it moves. On the queue pair's reactor; limits are
 * set by the control reactor.
 *
 * One that waits is not active, holds neither locks nor scratch memory, and is
 * checked again when it goes on: nobody has to wait for it. No limit holds up a
 * namespace that leaves.
 *
 * A host's limits belong to its name: they are kept while it is away, and hold
 * for all its connections to all subsystems. A namespace's belong to it as long
 * as it is there.
 */
#include <stdlib.h>

#include "target/nvmf/io.h"

/**
 * struct host_limit - the control reactor's; goes when all its rates are 0
 * @setting: changes that are on their way, and keep it
 */
struct host_limit {
	char nqn[NVMF_NQN_MAX + 1];
	struct limiter *limiter;
	u32 setting;
	TAILQ_ENTRY(host_limit) link;
};

static TAILQ_HEAD(, host_limit) host_limits =
	TAILQ_HEAD_INITIALIZER(host_limits);

static struct nvmf_request *request_of(struct limit_wait *w)
{
	return container_of(container_of(w, struct bdev_io, wait),
			    struct nvmf_request, bio);
}

/* What it moves; false: no limit is about such commands */
static bool weigh(struct nvmf_request *req)
{
	u64 bytes = req->blocks * req->nsch->view.block_size;
	struct limit_wait *w = &req->bio.wait;

	w->read = 0;
	w->written = 0;
	switch (req->cmd->sqe.opcode) {
	case NVME_CMD_READ:
	case NVME_CMD_COMPARE:
	case NVME_CMD_VERIFY:
		w->read = bytes;
		return true;
	case NVME_CMD_WRITE:
		w->written = bytes;
		return true;
	case NVME_CMD_COPY:
		w->read = nvmf_copy_bytes(req);
		w->written = w->read;
		return true;
	default:
		return false;
	}
}

static bool admit(struct nvmf_request *req, struct limit_share *share,
		  enum nvmf_io_wait reason, void (*go)(struct limit_wait *w))
{
	struct limit_wait *w = &req->bio.wait;

	if (!share || req->nsch->detached ||
	    req->qpair->state >= NVMF_QPAIR_CLOSING)
		return true;
	w->go = go;
	if (limit_admit(share, w))
		return true;
	req->throttled = share;
	req->qpair->group->core->io_waits[reason]++;
	return false;
}

static void ns_passed(struct limit_wait *w)
{
	struct nvmf_request *req = request_of(w);

	req->throttled = NULL;
	nvmf_request_resume(req);
}

static void host_passed(struct limit_wait *w)
{
	struct nvmf_request *req = request_of(w);

	req->throttled = NULL;
	if (admit(req, req->nsch->limit, NVMF_WAIT_NS_LIMIT, ns_passed))
		nvmf_request_resume(req);
}

static struct limit_share *host_limit(const struct nvmf_request *req)
{
	const struct nvmf_io_host *host = nvmf_qpair_io_host(req->qpair);

	return host ? host->limit : NULL;
}

bool nvmf_throttle_may_hold(const struct nvmf_request *req)
{
	const struct limit_share *host = host_limit(req);
	const struct limit_share *ns = req->nsch->limit;

	return (host && !limit_open(host)) || (ns && !limit_open(ns));
}

bool nvmf_throttle_holds(struct nvmf_request *req)
{
	if (req->weighed || !nvmf_throttle_may_hold(req) || !weigh(req))
		return false;
	req->weighed = true;
	return !admit(req, host_limit(req), NVMF_WAIT_HOST_LIMIT,
		      host_passed) ||
	       !admit(req, req->nsch->limit, NVMF_WAIT_NS_LIMIT, ns_passed);
}

/* One that waits, and will not be waited for. */
static struct nvmf_request *first_throttled(struct nvmf_qpair *q)
{
	struct nvmf_request *req;

	TAILQ_FOREACH(req, &q->requests, qlink)
		if (req->throttled)
			return req;
	return NULL;
}

bool nvmf_throttle_abort(struct nvmf_request *req)
{
	if (!req->throttled)
		return false;
	limit_cancel(req->throttled, &req->bio.wait);
	req->throttled = NULL;
	return true;
}

void nvmf_throttle_abort_all(struct nvmf_qpair *q)
{
	struct nvmf_request *req;

	/* from the start each time: what ends one may end others */
	while ((req = first_throttled(q))) {
		nvmf_throttle_abort(req);
		nvmf_request_complete(req, NVME_SC_ABORT_SQ_DELETED);
	}
}

static bool hurry_one(struct nvmf_qpair *q, const struct nvmf_ns_channel *nsch)
{
	struct nvmf_request *req;

	TAILQ_FOREACH(req, &q->requests, qlink)
		if (req->nsch == nsch && req->submitted &&
		    bdev_hurry(&req->bio))
			return true;
	return false;
}

/* All are found before the first goes: that may end, and end others */
void nvmf_throttle_release(struct nvmf_group *g, struct nvmf_ns_channel *nsch)
{
	TAILQ_HEAD(, limit_wait) ready = TAILQ_HEAD_INITIALIZER(ready);
	struct nvmf_request *req;
	struct limit_wait *w;
	struct nvmf_qpair *q;

	TAILQ_FOREACH(q, &g->core->qpairs, link)
		TAILQ_FOREACH(req, &q->requests, qlink)
			if (req->nsch == nsch && nvmf_throttle_abort(req))
				TAILQ_INSERT_TAIL(&ready, &req->bio.wait, link);
	while ((w = TAILQ_FIRST(&ready))) {
		TAILQ_REMOVE(&ready, w, link);
		w->go(w);
	}
	/* its bdev may have a limit, too */
	TAILQ_FOREACH(q, &g->core->qpairs, link)
		while (hurry_one(q, nsch))
			;
}

/* Setting: hosts */

static struct host_limit *find_host(const char *nqn)
{
	struct host_limit *h;

	TAILQ_FOREACH(h, &host_limits, link)
		if (!strcmp(h->nqn, nqn))
			return h;
	return NULL;
}

static bool limits(const u64 per_sec[LIMIT_RATES])
{
	int r;

	for (r = 0; r < LIMIT_RATES; r++)
		if (per_sec[r] && per_sec[r] != LIMIT_KEEP)
			return true;
	return false;
}

/**
 * struct set_host - limits on their way to all poll groups
 * @held: some have more waiting than may go in a turn
 */
struct set_host {
	struct host_limit *h;
	u64 per_sec[LIMIT_RATES];
	int err;
	bool held;
	nvmf_done done;
	void *ctx;
};

static void set_host_here(void *ctx)
{
	struct set_host *s = ctx;
	struct nvmf_io_host *host;

	host = nvmf_io_host_named(nvmf_group_self()->core, s->h->nqn);
	if (host)
		host->limit = limit_share_here(s->h->limiter);
	else
		s->err = -ENOMEM;
}

static void unset_host_here(void *ctx)
{
	struct set_host *s = ctx;

	if (!nvmf_io_host_unlimit(nvmf_group_self()->core, s->h->nqn))
		s->held = true;
}

static void free_host(struct host_limit *h)
{
	TAILQ_REMOVE(&host_limits, h, link);
	limiter_destroy(h->limiter);
	free(h);
}

/* It has no rate any more, and no change is on its way but the caller's */
static bool lifted(const struct host_limit *h)
{
	u64 now[LIMIT_RATES];

	limiter_get(h->limiter, now);
	return h->setting == 1 && !limits(now);
}

static void set_host_end(struct set_host *s)
{
	s->done(s->ctx, s->err, NULL);
	free(s);
}

static void unset_host_done(void *ctx);

static void unset_host(struct set_host *s)
{
	s->held = false;
	reactor_for_each(unset_host_here, s, unset_host_done);
}

/* A change that began meanwhile goes over the reactors behind this one */
static void unset_host_done(void *ctx)
{
	struct set_host *s = ctx;

	if (lifted(s->h)) {
		if (s->held) {
			unset_host(s);
			return;
		}
		free_host(s->h);
	} else {
		s->h->setting--;
	}
	set_host_end(s);
}

/* If it fails, what was set before holds */
static void set_host_done(void *ctx)
{
	struct set_host *s = ctx;

	if (!s->err)
		limiter_set(s->h->limiter, s->per_sec);
	if (lifted(s->h)) {
		unset_host(s);
		return;
	}
	s->h->setting--;
	set_host_end(s);
}

static struct host_limit *make_host(const char *nqn)
{
	struct host_limit *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->limiter = limiter_create();
	if (!h->limiter) {
		free(h);
		return NULL;
	}
	snprintf(h->nqn, sizeof(h->nqn), "%s", nqn);
	TAILQ_INSERT_TAIL(&host_limits, h, link);
	return h;
}

void nvmf_host_set_limits(const char *hostnqn, const u64 per_sec[LIMIT_RATES],
			  nvmf_done done, void *ctx)
{
	struct set_host *s = calloc(1, sizeof(*s));

	assert_on_reactor(reactor_control());
	if (s) {
		s->h = find_host(hostnqn);
		if (!s->h && !limits(per_sec)) {
			free(s);
			nvmf_op_refuse(done, ctx, 0, NULL);
			return;
		}
		if (!s->h)
			s->h = make_host(hostnqn);
	}
	if (!s || !s->h) {
		free(s);
		nvmf_op_refuse(done, ctx, -ENOMEM, NULL);
		return;
	}
	s->h->setting++;
	memcpy(s->per_sec, per_sec, sizeof(s->per_sec));
	s->done = done;
	s->ctx = ctx;
	reactor_for_each(set_host_here, s, set_host_done);
}

void nvmf_host_get_limits(const char *hostnqn, u64 per_sec[LIMIT_RATES])
{
	const struct host_limit *h = find_host(hostnqn);

	limiter_get(h ? h->limiter : NULL, per_sec);
}

const char *nvmf_host_limits_next(const char *nqn)
{
	const struct host_limit *h = nqn ? find_host(nqn) : NULL;

	h = nqn ? (h ? TAILQ_NEXT(h, link) : NULL) : TAILQ_FIRST(&host_limits);
	return h ? h->nqn : NULL;
}

/* Setting: namespaces */

/** struct ns_limits - a change of a subsystem like others; waits its turn */
struct ns_limits {
	struct nvmf_op op;
	u32 nsid;
	struct limiter *limiter;
	u64 per_sec[LIMIT_RATES];
};

static void ns_limits_free(struct nvmf_op *op)
{
	free(container_of(op, struct ns_limits, op));
}

static void set_ns_here(void *ctx)
{
	struct ns_limits *l = ctx;
	struct nvmf_sgroup *sg = nvmf_group_self()->core->sgroups[l->op.s->id];
	struct nvmf_ns_channel *nsch = sg ? nvmf_sgroup_ns(sg, l->nsid) : NULL;

	if (nsch)
		nsch->limit = limit_share_here(l->limiter);
}

static void set_ns_done(void *ctx)
{
	struct ns_limits *l = ctx;

	limiter_set(l->limiter, l->per_sec);
	nvmf_op_end(&l->op, 0);
}

static void set_ns_start(struct nvmf_op *op)
{
	struct ns_limits *l = container_of(op, struct ns_limits, op);
	struct nvmf_ns *ns = nvmf_subsystem_ns(op->s, l->nsid);

	if (!ns) {
		nvmf_op_end(op, weft_fail(&op->why, -ENOENT,
					  "nsid=%u: %s has no such namespace",
					  l->nsid, op->s->nqn));
		return;
	}
	if (!ns->limiter)
		ns->limiter = limiter_create();
	if (!ns->limiter) {
		nvmf_op_end(op, weft_fail(&op->why, -ENOMEM, "no memory"));
		return;
	}
	l->limiter = ns->limiter;
	reactor_for_each(set_ns_here, l, set_ns_done);
}

void nvmf_ns_set_limits(struct nvmf_ns *ns, const u64 per_sec[LIMIT_RATES],
			nvmf_done done, void *ctx)
{
	struct ns_limits *l;

	if (nvmf_subsystem_busy(ns->subsystem, done, ctx))
		return;
	l = calloc(1, sizeof(*l));
	if (!l) {
		nvmf_op_refuse(done, ctx, -ENOMEM, NULL);
		return;
	}
	l->op.start = set_ns_start;
	l->op.free = ns_limits_free;
	l->nsid = ns->nsid;
	l->op.nsid = ns->nsid;
	memcpy(l->per_sec, per_sec, sizeof(l->per_sec));
	nvmf_op_queue(&l->op, ns->subsystem, done, ctx);
}

void nvmf_ns_get_limits(const struct nvmf_ns *ns, u64 per_sec[LIMIT_RATES])
{
	limiter_get(ns->limiter, per_sec);
}

void nvmf_host_limits_free(void)
{
	struct host_limit *h;

	while ((h = TAILQ_FIRST(&host_limits)))
		free_host(h);
}
