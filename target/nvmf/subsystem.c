// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Subsystems: their list, creation and deletion, and the queue that carries
 * out the changes of one subsystem one after the other, however many poll
 * groups each has to visit; only a namespace that waits for its last commands
 * is not waited for. Called by rpc and by the files beside this one;
 * control reactor.
 */
#include <stdlib.h>

#include "target/nvmf/internal.h"

#define DEFAULT_NAMESPACES	32
#define DEFAULT_SERIAL		"00000000000000000000"
#define DEFAULT_MODEL		"Weft NVMe-oF Controller"

/**
 * struct subsystem - a subsystem and what only this file needs of it
 * @ops: changes in the order in which they were asked for
 * @running: the one whose turn it is
 * @turn: the running one, if its place is for the change that is asked for next;
 *        NULL: that comes last
 * @deletion: a part of it, because deleting must not fail without memory
 */
struct subsystem {
	struct nvmf_subsystem s;
	TAILQ_HEAD(, nvmf_op) ops;
	struct nvmf_op *running;
	struct nvmf_op *turn;
	struct nvmf_op deletion;
};

static bool id_used[NVMF_MAX_SUBSYSTEMS];

static struct subsystem *priv(struct nvmf_subsystem *s)
{
	return container_of(s, struct subsystem, s);
}

/*
 * Changes in turn: one at a time, but for those that have stepped aside because
 * they only wait for commands to end. What is about the same thing keeps its
 * place behind these.
 */

static bool concerns(const struct nvmf_op *op, const struct nvmf_op *before)
{
	return op->alone || before->alone ||
	       (op->nsid && op->nsid == before->nsid) ||
	       (op->bdev && op->bdev == before->bdev);
}

static bool may_start(const struct subsystem *p, const struct nvmf_op *op)
{
	const struct nvmf_op *before;

	if (op->aside)
		return false;
	for (before = TAILQ_FIRST(&p->ops); before != op;
	     before = TAILQ_NEXT(before, link))
		if (concerns(op, before))
			return false;
	return true;
}

static void op_start(void *ctx)
{
	struct nvmf_op *op = ctx;

	op->start(op);
}

static void start_next(struct subsystem *p)
{
	struct nvmf_op *op;

	if (p->running)
		return;
	TAILQ_FOREACH(op, &p->ops, link)
		if (may_start(p, op))
			break;
	p->running = op;
	if (op)
		reactor_send(reactor_self(), op_start, op);
}

void nvmf_op_queue(struct nvmf_op *op, struct nvmf_subsystem *s,
		   nvmf_done done, void *ctx)
{
	struct subsystem *p = priv(s);

	op->s = s;
	op->done = done;
	op->ctx = ctx;
	op->left = NULL;
	if (p->turn)
		TAILQ_INSERT_AFTER(&p->ops, p->turn, op, link);
	else
		TAILQ_INSERT_TAIL(&p->ops, op, link);
	p->turn = NULL;
	start_next(p);
}

void nvmf_op_aside(struct nvmf_op *op)
{
	struct subsystem *p = priv(op->s);

	op->aside = true;
	p->running = NULL;
	start_next(p);
}

void nvmf_op_end(struct nvmf_op *op, int err)
{
	struct subsystem *p = priv(op->s);

	TAILQ_REMOVE(&p->ops, op, link);
	if (p->running == op)
		p->running = NULL;
	start_next(p);
	if (op->done)
		op->done(op->ctx, err, err ? &op->why : NULL);
	op->free(op);
}

struct refusal {
	nvmf_done done;
	void *ctx;
	int err;
	struct weft_reason why;
};

static void refusal_tell(void *ctx)
{
	struct refusal *r = ctx;

	r->done(r->ctx, r->err, &r->why);
	free(r);
}

void nvmf_op_refuse(nvmf_done done, void *ctx, int err,
		    const struct weft_reason *why)
{
	static const struct weft_reason no_memory = { "not enough memory" };
	struct refusal *r;

	if (!done)
		return;
	r = calloc(1, sizeof(*r));
	if (!r) {
		done(ctx, -ENOMEM, &no_memory);
		return;
	}
	r->done = done;
	r->ctx = ctx;
	r->err = err;
	r->why = why ? *why : no_memory;
	reactor_send(reactor_self(), refusal_tell, r);
}

bool nvmf_subsystem_busy(const struct nvmf_subsystem *s, nvmf_done done,
			 void *ctx)
{
	struct weft_reason why;

	if (!s->removing)
		return false;
	weft_fail(&why, 0, "nqn=%s: is being deleted", s->nqn);
	nvmf_op_refuse(done, ctx, -EBUSY, &why);
	return true;
}

static void turn_start(struct nvmf_op *op)
{
	nvmf_done done = op->done;

	priv(op->s)->turn = op;
	op->done = NULL;
	done(op->ctx, 0, NULL);
	priv(op->s)->turn = NULL;
	nvmf_op_end(op, 0);
}

static void turn_free(struct nvmf_op *op)
{
	free(op);
}

void nvmf_subsystem_turn(struct nvmf_subsystem *s, u32 nsid,
			 const char *bdev_name, nvmf_done done, void *ctx)
{
	struct nvmf_op *op;

	if (nvmf_subsystem_busy(s, done, ctx))
		return;
	op = calloc(1, sizeof(*op));
	if (!op) {
		nvmf_op_refuse(done, ctx, -ENOMEM, NULL);
		return;
	}
	op->start = turn_start;
	op->free = turn_free;
	op->nsid = nsid;
	op->bdev = bdev_name ? bdev_find(bdev_name) : NULL;
	nvmf_op_queue(op, s, done, ctx);
}

static bool any_leaving(const struct nvmf_subsystem *s)
{
	struct nvmf_ctrlr *c;

	TAILQ_FOREACH(c, &s->ctrlrs, link)
		if (c->leaving)
			return true;
	return false;
}

void nvmf_op_disconnect(struct nvmf_op *op,
			bool (*match)(const struct nvmf_op *op,
				      const struct nvmf_ctrlr *c),
			void (*left)(struct nvmf_op *op))
{
	struct nvmf_ctrlr *c;

	TAILQ_FOREACH(c, &op->s->ctrlrs, link) {
		if (!match(op, c) || c->leaving)
			continue;
		c->leaving = true;
		reactor_send(c->group->reactor, nvmf_ctrlr_close, c);
	}
	if (any_leaving(op->s))
		op->left = left;
	else
		left(op);
}

void nvmf_subsystem_ctrlr_gone(struct nvmf_subsystem *s)
{
	struct nvmf_op *op = priv(s)->running;
	void (*left)(struct nvmf_op *op);

	if (!op || !op->left || any_leaving(s))
		return;
	left = op->left;
	op->left = NULL;
	left(op);
}

/* The list */

struct nvmf_subsystem *nvmf_subsystem_first(void)
{
	return TAILQ_FIRST(&nvmf_target.subsystems);
}

struct nvmf_subsystem *nvmf_subsystem_next(struct nvmf_subsystem *s)
{
	return TAILQ_NEXT(s, link);
}

static struct nvmf_subsystem *find_any(const char *nqn)
{
	struct nvmf_subsystem *s;

	TAILQ_FOREACH(s, &nvmf_target.subsystems, link)
		if (!strcmp(s->nqn, nqn))
			return s;
	return NULL;
}

struct nvmf_subsystem *nvmf_subsystem_find(const char *nqn)
{
	struct nvmf_subsystem *s = find_any(nqn);

	return s && !s->removing ? s : NULL;
}

/* Creation */

static int check_text(const char *field, const char *text, size_t max,
		      struct weft_reason *why)
{
	size_t i, n = text ? strlen(text) : 0;

	if (n > max)
		return weft_fail_value(why, -EINVAL, field, text, n,
				       "%zu characters: at most %zu", n, max);
	for (i = 0; i < n; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return weft_fail_value(why, -EINVAL, field, text, n,
					       "printable ASCII is accepted");
	return 0;
}

static int check_cntlids(u16 min, u16 max, struct weft_reason *why)
{
	if (min < NVMF_CNTLID_MIN || max > NVMF_CNTLID_MAX || min > max)
		return weft_fail(why, -EINVAL,
				 "min_cntlid=%u, max_cntlid=%u: accepted range is %u-%u, min not above max",
				 min, max, NVMF_CNTLID_MIN, NVMF_CNTLID_MAX);
	return 0;
}

/* With defaults in place, so that two sets of options can be compared */
static int normalize(const struct nvmf_subsystem_opts *in,
		     struct nvmf_subsystem_opts *o, struct weft_reason *why)
{
	int err;

	*o = *in;
	if (!o->serial)
		o->serial = DEFAULT_SERIAL;
	if (!o->model)
		o->model = DEFAULT_MODEL;
	if (!o->max_namespaces)
		o->max_namespaces = DEFAULT_NAMESPACES;
	if (!o->min_cntlid)
		o->min_cntlid = NVMF_CNTLID_MIN;
	if (!o->max_cntlid)
		o->max_cntlid = NVMF_CNTLID_MAX;
	err = weft_nqn_check(o->nqn, strlen(o->nqn), "nqn", why);
	if (err)
		return err;
	if (weft_nqn_is_discovery(o->nqn, strlen(o->nqn)))
		return weft_fail(why, -EINVAL,
				 "nqn=%s: the discovery subsystem exists always",
				 o->nqn);
	if (!strcmp(o->nqn, nvmf_target.config.disc_nqn))
		return weft_fail(why, -EEXIST,
				 "nqn=%s: is the discovery subsystem's own name (discovery_nqn of nvmf_set_config)",
				 o->nqn);
	err = check_text("serial_number", o->serial, 20, why);
	if (!err)
		err = check_text("model_number", o->model, 40, why);
	if (!err)
		err = check_cntlids(o->min_cntlid, o->max_cntlid, why);
	if (!err && o->max_namespaces > NVMF_MAX_NAMESPACES)
		err = weft_fail(why, -EINVAL,
				"max_namespaces=%u: accepted range is 1-%u",
				o->max_namespaces, NVMF_MAX_NAMESPACES);
	return err;
}

static bool same(const struct nvmf_subsystem *s,
		 const struct nvmf_subsystem_opts *o)
{
	return !strcmp(s->serial, o->serial) && !strcmp(s->model, o->model) &&
	       s->max_namespaces == o->max_namespaces &&
	       s->min_cntlid == o->min_cntlid &&
	       s->max_cntlid == o->max_cntlid &&
	       s->allow_any_host == o->allow_any_host &&
	       s->ana_reporting == o->ana_reporting &&
	       s->enable_nssr == o->enable_nssr &&
	       s->static_cntlid == o->static_cntlid &&
	       s->dmrsl == o->dmrsl && s->wzsl == o->wzsl;
}

static int find_id(u32 *id, struct weft_reason *why)
{
	for (*id = 0; *id < NVMF_MAX_SUBSYSTEMS; ++*id)
		if (!id_used[*id])
			return 0;
	return weft_fail(why, -ENOSPC,
			 "there are %u subsystems already, which is the most",
			 NVMF_MAX_SUBSYSTEMS);
}

static struct nvmf_subsystem *create(const struct nvmf_subsystem_opts *o,
				     u8 subtype, u32 id)
{
	struct subsystem *p = calloc(1, sizeof(*p));
	struct nvmf_subsystem *s;

	if (!p)
		return NULL;
	s = &p->s;
	snprintf(s->nqn, sizeof(s->nqn), "%s", o->nqn);
	snprintf(s->serial, sizeof(s->serial), "%s", o->serial);
	snprintf(s->model, sizeof(s->model), "%s", o->model);
	s->subtype = subtype;
	s->max_namespaces = o->max_namespaces;
	s->min_cntlid = o->min_cntlid;
	s->max_cntlid = o->max_cntlid;
	s->next_cntlid = o->min_cntlid;
	s->allow_any_host = o->allow_any_host;
	s->ana_reporting = o->ana_reporting;
	s->enable_nssr = o->enable_nssr;
	s->static_cntlid = o->static_cntlid;
	s->dmrsl = o->dmrsl;
	s->wzsl = o->wzsl;
	s->id = id;
	id_used[id] = true;
	TAILQ_INIT(&s->namespaces);
	TAILQ_INIT(&s->hosts);
	TAILQ_INIT(&s->listeners);
	TAILQ_INIT(&s->ctrlrs);
	TAILQ_INIT(&p->ops);
	TAILQ_INSERT_TAIL(&nvmf_target.subsystems, s, link);
	return s;
}

/* What is there already under the wanted name: the same thing, or a conflict */
static int create_again(struct nvmf_subsystem *s,
			const struct nvmf_subsystem_opts *o,
			struct weft_reason *why)
{
	if (s->removing)
		return weft_fail(why, -EBUSY,
				 "nqn=%s: is being deleted; try again", o->nqn);
	if (!same(s, o))
		return weft_fail(why, -EEXIST,
				 "nqn=%s: exists already with other options",
				 o->nqn);
	return 0;
}

int nvmf_subsystem_create(const struct nvmf_subsystem_opts *opts,
			  struct nvmf_subsystem **out, struct weft_reason *why)
{
	struct nvmf_subsystem_opts o;
	struct nvmf_subsystem *s;
	u32 id;
	int err;

	if (!nvmf_target.running || nvmf_target.stopping)
		return weft_fail(why, -EAGAIN,
				 "the target is starting or stopping");
	err = normalize(opts, &o, why);
	if (err)
		return err;
	s = find_any(o.nqn);
	if (s) {
		err = create_again(s, &o, why);
		if (!err && out)
			*out = s;
		return err;
	}
	err = find_id(&id, why);
	if (err)
		return err;
	s = create(&o, NVMF_SUBTYPE_NVME, id);
	if (!s)
		return weft_fail(why, -ENOMEM, "not enough memory");
	if (out)
		*out = s;
	return 0;
}

struct nvmf_subsystem *nvmf_subsystem_create_discovery(void)
{
	static const struct nvmf_subsystem_opts o = {
		.nqn = NVMF_DISCOVERY_NQN,
		.serial = DEFAULT_SERIAL,
		.model = DEFAULT_MODEL,
		.min_cntlid = NVMF_CNTLID_MIN,
		.max_cntlid = NVMF_CNTLID_MAX,
		.allow_any_host = true,
	};

	return create(&o, NVMF_SUBTYPE_DISCOVERY, 0);
}

/* Deletion: controllers, namespaces, snapshots, then the rest */

static bool match_all(const struct nvmf_op *op, const struct nvmf_ctrlr *c)
{
	(void)op;
	(void)c;
	return true;
}

static void drop_sgroup(void *ctx)
{
	struct nvmf_op *op = ctx;

	nvmf_group_drop_sgroup(nvmf_group_self(), op->s->id);
}

static void sgroups_dropped(void *ctx)
{
	struct nvmf_op *op = ctx;

	TAILQ_REMOVE(&nvmf_target.subsystems, op->s, link);
	id_used[op->s->id] = false;
	nvmf_op_end(op, 0);
}

static void delete_free(struct nvmf_op *op)
{
	/* new changes were refused since the call, so this one was the last */
	nvmf_host_free_all(op->s);
	free(priv(op->s));
	nvmf_target_check_stop();
}

static void delete_namespaces(struct nvmf_op *op)
{
	if (TAILQ_EMPTY(&op->s->namespaces))
		reactor_for_each(drop_sgroup, op, sgroups_dropped);
	else
		nvmf_ns_remove_first(op, delete_namespaces);
}

static void delete_start(struct nvmf_op *op)
{
	nvmf_listener_free_all(op->s);
	nvmf_op_disconnect(op, match_all, delete_namespaces);
}

void nvmf_subsystem_delete_any(struct nvmf_subsystem *s, nvmf_done done,
			       void *ctx)
{
	struct nvmf_op *op = &priv(s)->deletion;

	s->removing = true;
	priv(s)->turn = NULL;	/* nothing may come behind it */
	nvmf_discovery_changed();
	op->start = delete_start;
	op->free = delete_free;
	op->alone = true;
	nvmf_op_queue(op, s, done, ctx);
}

void nvmf_subsystem_delete(struct nvmf_subsystem *s, nvmf_done done, void *ctx)
{
	struct weft_reason why;

	if (s->subtype == NVMF_SUBTYPE_DISCOVERY) {
		weft_fail(&why, 0,
			  "nqn=%s: the discovery subsystem cannot be deleted",
			  s->nqn);
		nvmf_op_refuse(done, ctx, -EPERM, &why);
	} else if (!nvmf_subsystem_busy(s, done, ctx)) {
		nvmf_subsystem_delete_any(s, done, ctx);
	}
}
