// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Transports: known ones (registered by their constructors before main) and
 * created ones. Creating one gives it a part on every poll group and shows it
 * the RAM of namespaces that are there already. Called by rpc and target.c;
 * control reactor.
 */
#include <stdlib.h>
#include <strings.h>

#include "target/nvmf/internal.h"

static const struct nvmf_transport_ops *known[NVMF_TRANSPORTS];
static bool in_creation[NVMF_TRANSPORTS];

void nvmf_transport_register(const struct nvmf_transport_ops *ops)
{
	u8 slot = ops->slot;

	/* the same again is a test's that takes its place */
	if (slot >= NVMF_TRANSPORTS ||
	    (known[slot] && strcasecmp(known[slot]->name, ops->name))) {
		log_error("transport %s: slot %u is not free", ops->name, slot);
		abort();
	}
	known[slot] = ops;
}

const struct nvmf_transport_ops *
nvmf_transport_known_next(const struct nvmf_transport_ops *ops)
{
	int i = ops ? ops->slot + 1 : 0;

	while (i < NVMF_TRANSPORTS && !known[i])
		i++;
	return i < NVMF_TRANSPORTS ? known[i] : NULL;
}

const struct nvmf_transport_ops *nvmf_transport_known(const char *name)
{
	const struct nvmf_transport_ops *ops = NULL;

	while ((ops = nvmf_transport_known_next(ops)))
		if (!strcasecmp(ops->name, name))
			break;
	return ops;
}

static int unknown(const char *name, struct weft_reason *why)
{
	const struct nvmf_transport_ops *ops = NULL;
	struct weft_text t;
	char buf[64];

	weft_text_init(&t, buf, sizeof(buf));
	while ((ops = nvmf_transport_known_next(ops)))
		weft_text_add(&t, "%s%s", t.len ? ", " : "", ops->name);
	return weft_fail_value(why, -ENOTSUP, "trtype", name, strlen(name),
			       "this daemon has: %s", t.len ? buf : "none");
}

int nvmf_transport_opts_init(const char *trtype,
			     struct nvmf_transport_opts *opts,
			     struct weft_reason *why)
{
	const struct nvmf_transport_ops *ops = nvmf_transport_known(trtype);

	memset(opts, 0, sizeof(*opts));
	opts->association_timeout = NVMF_ASSOCIATION_MS;
	if (!ops)
		return unknown(trtype, why);
	ops->opts_init(opts);
	return 0;
}

struct nvmf_transport *nvmf_transport_first(void)
{
	return TAILQ_FIRST(&nvmf_target.transports);
}

struct nvmf_transport *nvmf_transport_next(struct nvmf_transport *t)
{
	return TAILQ_NEXT(t, link);
}

struct nvmf_transport *nvmf_transport_find(u16 trtype)
{
	struct nvmf_transport *t;

	TAILQ_FOREACH(t, &nvmf_target.transports, link)
		if (t->ops->trtype == trtype)
			return t;
	return NULL;
}

const struct nvmf_transport_opts *
nvmf_transport_opts(const struct nvmf_transport *t)
{
	return &t->opts;
}

const char *nvmf_transport_name(const struct nvmf_transport *t)
{
	return t->ops->name;
}

static bool owns(const struct nvmf_transport_ops *ops, const char *option)
{
	const char *const *name = ops->options;

	while (name && *name && strcmp(*name, option))
		name++;
	return name && *name;
}

bool nvmf_transport_has_option(const struct nvmf_transport *t,
			       const char *name)
{
	const struct nvmf_transport_ops *ops = NULL;

	if (owns(t->ops, name))
		return true;
	while ((ops = nvmf_transport_known_next(ops)))
		if (owns(ops, name))
			return false;
	return true;
}

/* One by one: other reactors may look at the rest just now */
void nvmf_transport_opts_change(const struct nvmf_transport *t,
				struct nvmf_transport_opts *to,
				const struct nvmf_transport_opts *from)
{
	to->max_queue_depth = from->max_queue_depth;
	to->max_io_qpairs_per_ctrlr = from->max_io_qpairs_per_ctrlr;
	to->max_aq_depth = from->max_aq_depth;
	to->acceptor_backlog = from->acceptor_backlog;
	to->abort_timeout_sec = from->abort_timeout_sec;
	to->ack_timeout = from->ack_timeout;
	to->kas = from->kas;
	to->min_kato = from->min_kato;
	to->association_timeout = from->association_timeout;
	to->transfer_timeout = from->transfer_timeout;
	if (t->ops->opts_change)
		t->ops->opts_change(to, from);
}

int nvmf_transport_set_opts(struct nvmf_transport *t,
			    const struct nvmf_transport_opts *opts,
			    struct weft_reason *why)
{
	int err = t->ops->check(opts, why);

	if (!err)
		nvmf_transport_opts_change(t, &t->opts, opts);
	return err;
}

/* A transport on its way to all poll groups */
struct creation {
	struct nvmf_transport *t;
	nvmf_done done;
	void *ctx;
	int err;
	bool begun;
	u8 slot;
	bool made[REACTOR_MAX];
	struct weft_reason why;
};

static void creation_end(struct creation *cr)
{
	nvmf_target.creating--;
	if (cr->begun)
		in_creation[cr->slot] = false;
	if (cr->done)
		cr->done(cr->ctx, cr->err, cr->err ? &cr->why : NULL);
	free(cr);
	nvmf_target_check_stop();
}

static void creation_end_msg(void *ctx)
{
	creation_end(ctx);
}

static void group_undo(void *ctx)
{
	struct creation *cr = ctx;

	if (cr->made[reactor_index(reactor_self())])
		cr->t->ops->group_destroy(cr->t, nvmf_group_self());
}

static void undone(void *ctx)
{
	struct creation *cr = ctx;

	cr->t->ops->destroy(cr->t);
	creation_end(cr);
}

static void group_make(void *ctx)
{
	struct creation *cr = ctx;
	int err;

	/* reactors take turns, so nobody else writes here meanwhile */
	if (cr->err)
		return;
	err = cr->t->ops->group_create(cr->t, nvmf_group_self());
	if (err)
		cr->err = weft_fail(&cr->why, err,
				    "%s poll group on core %d: %s",
				    cr->t->ops->name,
				    reactor_core(reactor_self()),
				    strerror(-err));
	else
		cr->made[reactor_index(reactor_self())] = true;
}

static void groups_made(void *ctx)
{
	struct creation *cr = ctx;

	if (cr->err) {
		reactor_for_each(group_undo, cr, undone);
		return;
	}
	TAILQ_INSERT_TAIL(&nvmf_target.transports, cr->t, link);
	nvmf_ns_map_all(cr->t);
	creation_end(cr);
}

static int creation_begin(struct creation *cr, const char *trtype,
			  const struct nvmf_transport_opts *opts)
{
	const struct nvmf_transport_ops *ops = nvmf_transport_known(trtype);
	int err;

	if (!nvmf_target.running || nvmf_target.stopping)
		return weft_fail(&cr->why, -EAGAIN,
				 "the target is starting or stopping");
	if (!ops)
		return unknown(trtype, &cr->why);
	if (nvmf_transport_find(ops->trtype) || in_creation[ops->slot])
		return weft_fail(&cr->why, -EEXIST,
				 "trtype=%s: this transport exists already",
				 ops->name);
	err = ops->check(opts, &cr->why);
	if (!err)
		err = ops->create(opts, &cr->t, &cr->why);
	if (err)
		return err;
	cr->t->ops = ops;
	cr->slot = ops->slot;
	cr->begun = true;
	in_creation[cr->slot] = true;
	return 0;
}

void nvmf_transport_create(const char *trtype,
			   const struct nvmf_transport_opts *opts,
			   nvmf_done done, void *ctx)
{
	struct creation *cr = calloc(1, sizeof(*cr));

	if (!cr) {
		nvmf_op_refuse(done, ctx, -ENOMEM, NULL);
		return;
	}
	cr->done = done;
	cr->ctx = ctx;
	nvmf_target.creating++;
	cr->err = creation_begin(cr, trtype, opts);
	if (cr->err)
		reactor_send(reactor_self(), creation_end_msg, cr);
	else
		reactor_for_each(group_make, cr, groups_made);
}

/* The end of one transport */

/**
 * struct deletion - a transport that waits for its last connection
 * @left: of its connections; @all: of all connections that groups have
 * @checking: a count is under way; @again: it is out of date already
 */
static struct deletion {
	struct nvmf_transport *t;
	nvmf_done done;
	void *ctx;
	u32 left;
	u32 all;
	bool checking;
	bool again;
} *deletion;

static void group_part_end(void *ctx)
{
	struct nvmf_transport *t = ctx;

	t->ops->group_destroy(t, nvmf_group_self());
}

static void deleted(void *ctx)
{
	struct nvmf_transport *t = ctx;
	struct deletion *d = deletion;

	t->ops->destroy(t);
	deletion = NULL;
	nvmf_target.creating--;
	if (d->done)
		d->done(d->ctx, 0, NULL);
	free(d);
	nvmf_target_check_stop();
}

static void close_and_count(void *ctx)
{
	struct deletion *d = ctx;
	struct nvmf_group_core *core = nvmf_group_self()->core;
	struct nvmf_qpair *q, *next;

	for (q = TAILQ_FIRST(&core->qpairs); q; q = next) {
		next = TAILQ_NEXT(q, link);
		d->all++;
		if (q->transport == d->t) {
			d->left++;
			nvmf_qpair_close(q);
		}
	}
}

static void counted(void *ctx)
{
	struct deletion *d = ctx;

	d->checking = false;
	/* what is counted in, but in no group, is still being set up */
	if (!d->left && d->all == nvmf_group_load()) {
		TAILQ_REMOVE(&nvmf_target.transports, d->t, link);
		nvmf_ns_unmap_all(d->t);
		reactor_for_each(group_part_end, d->t, deleted);
		d->checking = true;	/* until the end: it is decided */
	} else if (d->again) {
		nvmf_transport_check_delete();
	}
}

void nvmf_transport_check_delete(void)
{
	struct deletion *d = deletion;

	if (!d)
		return;
	d->again = d->checking;
	if (d->checking)
		return;
	d->checking = true;
	d->left = 0;
	d->all = 0;
	reactor_for_each(close_and_count, d, counted);
}

bool nvmf_transport_deleting(const struct nvmf_transport *t)
{
	return deletion && deletion->t == t;
}

static int check_unused(const struct nvmf_transport *t, struct weft_reason *why)
{
	struct nvmf_listen *l;

	TAILQ_FOREACH(l, &nvmf_target.listens, link)
		if (l->transport == t)
			return weft_fail(why, -EBUSY,
					 "trtype=%s: listeners use it (%s:%s); remove them first",
					 t->ops->name, l->trid.traddr,
					 l->trid.trsvcid);
	if (deletion)
		return weft_fail(why, -EBUSY,
				 "a transport is being deleted; try again");
	return 0;
}

void nvmf_transport_delete(struct nvmf_transport *t, nvmf_done done, void *ctx)
{
	struct weft_reason why;
	int err = check_unused(t, &why);
	struct deletion *d;

	if (err) {
		nvmf_op_refuse(done, ctx, err, &why);
		return;
	}
	d = calloc(1, sizeof(*d));
	if (!d) {
		nvmf_op_refuse(done, ctx, -ENOMEM, NULL);
		return;
	}
	d->t = t;
	d->done = done;
	d->ctx = ctx;
	deletion = d;
	nvmf_target.creating++;
	nvmf_transport_check_delete();
}

/* The end of all transports; no connection is left */

static struct {
	reactor_fn done;
	void *ctx;
} ending;

static void destroy_next(void *ctx);

static void group_parts_gone(void *ctx)
{
	struct nvmf_transport *t = ctx;

	TAILQ_REMOVE(&nvmf_target.transports, t, link);
	t->ops->destroy(t);
	destroy_next(NULL);
}

static void destroy_next(void *ctx)
{
	struct nvmf_transport *t = TAILQ_FIRST(&nvmf_target.transports);

	(void)ctx;
	if (t)
		reactor_for_each(group_part_end, t, group_parts_gone);
	else
		ending.done(ending.ctx);
}

void nvmf_transport_destroy_all(reactor_fn done, void *ctx)
{
	ending.done = done;
	ending.ctx = ctx;
	destroy_next(NULL);
}
