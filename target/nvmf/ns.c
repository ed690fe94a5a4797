// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Namespaces: adding, removing and resizing them under live I/O. Called by
 * rpc and by events of block devices; control reactor, with steps that run on
 * every poll group.
 *
 * Hosts are told (asynchronous event) only after every poll group has taken
 * the change: a host that looks at once must find the same on all its queues.
 * Addition: two rounds. Every group takes the namespace before the first one
 * shows it to commands, because what a command leads to (a reservation, a lock)
 * goes straight to all groups, and would miss one that the round comes to later.
 * Removal: each group stops new commands, waits for its own outstanding ones
 * and gives its channel back; then the memory is unmapped and the device
 * closed. Commands to other namespaces notice nothing. While the groups wait,
 * other changes of the subsystem go on: the namespace stays listed, so that
 * nobody gets its number, and who wants that or the device waits for the end.
 */
#include <stdlib.h>

#include "target/nvmf/resv.h"

/**
 * struct ns - a namespace and what only this file needs of it
 * @serial: never used twice, so that a late event cannot hit a successor
 * @pending: poll groups that still have to let go of it
 */
struct ns {
	struct nvmf_ns ns;
	struct nvmf_memory mem;
	u64 serial;
	u32 pending;
	void (*detached)(void *ctx);
	void *detached_ctx;
};

/* A change on its way; @view and @nsid are read on all reactors */
struct ns_op {
	struct nvmf_op op;
	struct ns *ns;
	u64 serial;
	u32 nsid;
	u32 *nsid_out;
	int err;
	struct nvmf_ns_view view;
	char bdev_name[64];
	char *ptpl_file;
	bool has_uuid;
	bool has_nguid;
	bool has_eui64;
};

static struct ns *priv(struct nvmf_ns *ns)
{
	return container_of(ns, struct ns, ns);
}

static struct ns_op *ns_op(struct nvmf_op *op)
{
	return container_of(op, struct ns_op, op);
}

static void op_free(struct nvmf_op *op)
{
	free(ns_op(op)->ptpl_file);
	free(ns_op(op));
}

struct nvmf_ns *nvmf_subsystem_ns(struct nvmf_subsystem *s, u32 nsid)
{
	struct nvmf_ns *ns;

	TAILQ_FOREACH(ns, &s->namespaces, link)
		if (ns->nsid == nsid)
			return ns;
	return NULL;
}

static struct nvmf_ns *find_serial(struct nvmf_subsystem *s, u64 serial)
{
	struct nvmf_ns *ns;

	TAILQ_FOREACH(ns, &s->namespaces, link)
		if (priv(ns)->serial == serial)
			return ns;
	return NULL;
}

static void list_insert(struct nvmf_subsystem *s, struct nvmf_ns *ns)
{
	struct nvmf_ns *at;

	TAILQ_FOREACH(at, &s->namespaces, link) {
		if (at->nsid > ns->nsid) {
			TAILQ_INSERT_BEFORE(at, ns, link);
			return;
		}
	}
	TAILQ_INSERT_TAIL(&s->namespaces, ns, link);
}

/* Memory that transports may address directly */

static void map(struct nvmf_transport *t, struct ns *ns)
{
	int err;

	if (!ns->mem.base || !t->ops->map_memory)
		return;
	err = t->ops->map_memory(t, &ns->mem);
	if (err)
		log_warn("%s namespace %u: %s cannot use its memory in place (%s); data will be copied",
			 ns->ns.subsystem->nqn, ns->ns.nsid, t->ops->name,
			 strerror(-err));
}

static void unmap_one(struct nvmf_transport *t, struct ns *ns)
{
	if (ns->mem.key[t->ops->slot] && t->ops->unmap_memory)
		t->ops->unmap_memory(t, &ns->mem);
}

static void unmap(struct ns *ns)
{
	struct nvmf_transport *t;

	TAILQ_FOREACH(t, &nvmf_target.transports, link)
		unmap_one(t, ns);
}

void nvmf_ns_map_all(struct nvmf_transport *t)
{
	struct nvmf_subsystem *s;
	struct nvmf_ns *ns;

	TAILQ_FOREACH(s, &nvmf_target.subsystems, link)
		TAILQ_FOREACH(ns, &s->namespaces, link)
			map(t, priv(ns));
}

void nvmf_ns_unmap_all(struct nvmf_transport *t)
{
	struct nvmf_subsystem *s;
	struct nvmf_ns *ns;

	TAILQ_FOREACH(s, &nvmf_target.subsystems, link)
		TAILQ_FOREACH(ns, &s->namespaces, link)
			unmap_one(t, priv(ns));
}

/* Telling the hosts, after all groups have the change */

/* A masked namespace that has just left is still in the bits of its hosts */
static bool seen(const struct nvmf_ctrlr *c, u32 nsid, bool masked)
{
	return !masked ||
	       (c->admin && c->admin->visible[nsid / 8] & 1u << nsid % 8);
}

static void tell_group(void *ctx)
{
	struct ns_op *o = ctx;
	struct nvmf_group *g = nvmf_group_self();
	struct nvmf_ctrlr *c;

	TAILQ_FOREACH(c, &g->core->ctrlrs, group_link)
		if (c->subsystem == o->op.s && seen(c, o->nsid, o->view.masked))
			nvmf_ns_changed(c, o->nsid);
}

static void tell_gone(void *ctx)
{
	struct ns_op *o = ctx;
	struct nvmf_qpair *q;

	tell_group(o);
	TAILQ_FOREACH(q, &nvmf_group_self()->core->qpairs, link)
		if (q->sgroup == nvmf_group_self()->core->sgroups[o->op.s->id])
			q->visible[o->nsid / 8] &= ~(1u << o->nsid % 8);
}

static void told(void *ctx)
{
	struct ns_op *o = ctx;

	nvmf_op_end(&o->op, 0);
}

/* Leaving all groups */

static void detached_one(void *ctx)
{
	struct ns *ns = ctx;

	if (!--ns->pending)
		ns->detached(ns->detached_ctx);
}

static void detached_here(void *ctx)
{
	reactor_send(reactor_control(), detached_one, ctx);
}

static void detach_here(void *ctx)
{
	struct ns *ns = ctx;

	nvmf_group_detach_ns(nvmf_group_self(), ns->ns.subsystem, ns->ns.nsid,
			     detached_here, ns);
}

static void detach_all(struct ns *ns, void (*detached)(void *ctx), void *ctx)
{
	unsigned int i, n = reactor_count();

	ns->pending = n;
	ns->detached = detached;
	ns->detached_ctx = ctx;
	for (i = 0; i < n; i++)
		reactor_send(reactor_get(i), detach_here, ns);
}

static void destroy(struct ns *ns)
{
	unmap(ns);
	limiter_destroy(ns->ns.limiter);
	bdev_close(ns->ns.desc);
	nvmf_ns_hosts_free(&ns->ns.hosts);
	nvmf_resv_free(ns->ns.resv_shown);
	nvmf_resv_free(ns->ns.resv);
	free(ns->ns.ptpl_file);
	free(ns->ns.bad);
	free(ns);
}

/* Removal */

static void remove_detached(void *ctx)
{
	struct ns_op *o = ctx;
	struct ns *ns = o->ns;

	TAILQ_REMOVE(&o->op.s->namespaces, &ns->ns, link);
	destroy(ns);
	reactor_for_each(tell_gone, o, told);
}

static void remove_start(struct nvmf_op *op)
{
	struct ns_op *o = ns_op(op);
	struct nvmf_ns *ns;

	/* by event: it may have gone meanwhile, and that is what was wanted */
	ns = o->serial ? find_serial(op->s, o->serial) :
			 nvmf_subsystem_ns(op->s, o->nsid);
	if (!ns) {
		nvmf_op_end(op, o->serial ? 0 :
				weft_fail(&op->why, -ENOENT,
					  "nsid=%u: %s has no such namespace",
					  o->nsid, op->s->nqn));
		return;
	}
	o->ns = priv(ns);
	o->nsid = ns->nsid;
	o->view.masked = ns->no_auto_visible;
	op->bdev = bdev_desc_bdev(ns->desc);
	detach_all(o->ns, remove_detached, o);
	nvmf_op_aside(op);
}

static struct ns_op *op_alloc(void (*start)(struct nvmf_op *op))
{
	struct ns_op *o = calloc(1, sizeof(*o));

	if (o) {
		o->op.start = start;
		o->op.free = op_free;
	}
	return o;
}

void nvmf_subsystem_remove_ns(struct nvmf_subsystem *s, u32 nsid,
			      nvmf_done done, void *ctx)
{
	struct ns_op *o;

	if (nvmf_subsystem_busy(s, done, ctx))
		return;
	o = op_alloc(remove_start);
	if (!o) {
		nvmf_op_refuse(done, ctx, -ENOMEM, NULL);
		return;
	}
	o->nsid = nsid;
	o->op.nsid = nsid;
	nvmf_op_queue(&o->op, s, done, ctx);
}

/* Of a subsystem that is being deleted: nobody is left to be told */

static void first_detached(void *ctx)
{
	struct nvmf_op *op = ctx;
	struct nvmf_ns *ns = TAILQ_FIRST(&op->s->namespaces);

	TAILQ_REMOVE(&op->s->namespaces, ns, link);
	destroy(priv(ns));
	op->step(op);
}

void nvmf_ns_remove_first(struct nvmf_op *op, void (*done)(struct nvmf_op *op))
{
	op->step = done;
	detach_all(priv(TAILQ_FIRST(&op->s->namespaces)), first_detached, op);
}

/* Resize */

static void resize_here(void *ctx)
{
	struct ns_op *o = ctx;
	struct nvmf_sgroup *sg = nvmf_group_self()->core->sgroups[o->op.s->id];
	struct nvmf_ns_channel *nsch = sg ? nvmf_sgroup_ns(sg, o->nsid) : NULL;

	if (nsch)
		nsch->view.blocks = o->view.blocks;
}

static void resized(void *ctx)
{
	reactor_for_each(tell_group, ctx, told);
}

static void resize_start(struct nvmf_op *op)
{
	struct ns_op *o = ns_op(op);
	struct nvmf_ns *ns = find_serial(op->s, o->serial);

	if (!ns) {
		nvmf_op_end(op, 0);
		return;
	}
	o->nsid = ns->nsid;
	o->view.masked = ns->no_auto_visible;
	o->view.blocks = bdev_desc_bdev(ns->desc)->blocks;
	reactor_for_each(resize_here, o, resized);
}

/* Events of the block device; control reactor */
static void on_event(void *ctx, struct bdev *b, enum bdev_event ev)
{
	struct ns *ns = ctx;
	struct ns_op *o;

	/* a subsystem that is being deleted closes its devices anyway */
	if (ns->ns.subsystem->removing)
		return;
	o = op_alloc(ev == BDEV_EVENT_REMOVE ? remove_start : resize_start);
	if (!o) {
		log_error("%s namespace %u: %s of %s is not followed: not enough memory",
			  ns->ns.subsystem->nqn, ns->ns.nsid,
			  ev == BDEV_EVENT_REMOVE ? "removal" : "resize",
			  b->name);
		return;
	}
	o->serial = ns->serial;
	o->op.nsid = ns->ns.nsid;
	nvmf_op_queue(&o->op, ns->ns.subsystem, NULL, NULL);
}

/* Addition */

static bool same(const struct nvmf_ns *ns, const struct ns_op *o)
{
	const struct nvmf_ns_view *v = &o->view;

	return bdev_desc_bdev(ns->desc) == bdev_find(o->bdev_name) &&
	       (!o->has_uuid || !memcmp(ns->uuid, v->uuid, 16)) &&
	       (!o->has_nguid || !memcmp(ns->nguid, v->nguid, 16)) &&
	       (!o->has_eui64 || !memcmp(ns->eui64, v->eui64, 8)) &&
	       (!v->anagrpid || v->anagrpid == ns->anagrpid) &&
	       v->masked == ns->no_auto_visible &&
	       !strcmp(o->ptpl_file, ns->ptpl_file);
}

static u32 lowest_free(struct nvmf_subsystem *s)
{
	struct nvmf_ns *ns;
	u32 nsid = 1;

	TAILQ_FOREACH(ns, &s->namespaces, link) {
		if (ns->nsid != nsid)
			break;
		nsid++;
	}
	return nsid;
}

/* Is this very namespace there already? Then there is nothing to do. */
static struct nvmf_ns *find_same(struct nvmf_subsystem *s,
				 const struct ns_op *o)
{
	struct nvmf_ns *ns;

	TAILQ_FOREACH(ns, &s->namespaces, link)
		if ((!o->nsid || ns->nsid == o->nsid) && same(ns, o))
			return ns;
	return NULL;
}

static int choose_nsid(struct nvmf_op *op)
{
	struct ns_op *o = ns_op(op);
	struct nvmf_subsystem *s = op->s;
	struct nvmf_ns *taken;

	if (!o->nsid) {
		o->nsid = lowest_free(s);
		if (o->nsid > s->max_namespaces)
			return weft_fail(&op->why, -ENOSPC,
					 "%s holds its %u namespaces already (max_namespaces)",
					 s->nqn, s->max_namespaces);
		return 0;
	}
	if (o->nsid > s->max_namespaces)
		return weft_fail(&op->why, -EINVAL,
				 "nsid=%u: accepted range is 1-%u (max_namespaces of %s)",
				 o->nsid, s->max_namespaces, s->nqn);
	taken = nvmf_subsystem_ns(s, o->nsid);
	if (taken)
		return weft_fail(&op->why, -EEXIST,
				 "nsid=%u: is bdev %s in %s already", o->nsid,
				 bdev_desc_bdev(taken->desc)->name, s->nqn);
	return 0;
}

/* A file keeps the reservations of one namespace */
static int check_ptpl_file(struct nvmf_op *op)
{
	const char *file = ns_op(op)->ptpl_file;
	struct nvmf_subsystem *s;
	struct nvmf_ns *ns;

	TAILQ_FOREACH(s, &nvmf_target.subsystems, link)
		TAILQ_FOREACH(ns, &s->namespaces, link)
			if (*file && !strcmp(ns->ptpl_file, file))
				return weft_fail(&op->why, -EEXIST,
						 "ptpl_file=%s: is that of namespace %u of %s",
						 file, ns->nsid, s->nqn);
	return 0;
}

static bool block_size_ok(u32 n)
{
	return n >= 512 && n <= NVMF_MAX_BLOCK && !(n & (n - 1));
}

static void fill_ids(struct ns_op *o, const struct bdev *b)
{
	struct nvmf_ns_view *v = &o->view;

	if (!o->has_uuid)
		memcpy(v->uuid, b->uuid, 16);
	if (!o->has_nguid)
		memcpy(v->nguid, v->uuid, 16);
	if (!v->anagrpid)
		v->anagrpid = o->nsid;
}

static void fill_view(struct ns_op *o, const struct bdev *b)
{
	struct nvmf_ns_view *v = &o->view;
	struct nvmf_ns *ns = &o->ns->ns;

	v->nsid = o->nsid;
	v->ns = ns;
	v->desc = ns->desc;
	v->resv = ns->resv_shown;
	v->ptpl = *ns->ptpl_file;
	v->ram = b->ram;
	v->memory = b->ram ? &o->ns->mem : NULL;
	v->block_size = b->block_size;
	v->blocks = b->blocks;
	v->readonly = !bdev_supports(b, BDEV_WRITE);
	v->unmap_zeroes = b->unmap_zeroes;
	v->deac = b->unmap_zeroes && bdev_supports(b, BDEV_UNMAP);
	ns->nsid = o->nsid;
	ns->anagrpid = v->anagrpid;
	ns->no_auto_visible = v->masked;
	memcpy(ns->uuid, v->uuid, 16);
	memcpy(ns->nguid, v->nguid, 16);
	memcpy(ns->eui64, v->eui64, 8);
	o->ns->mem.base = b->ram;
	o->ns->mem.len = b->ram ? b->blocks * b->block_size : 0;
}

/* Hosts tell namespaces apart by their UUID, and refuse a second one */
static int check_unique(struct nvmf_op *op)
{
	struct ns_op *o = ns_op(op);
	struct nvmf_ns *ns;

	TAILQ_FOREACH(ns, &op->s->namespaces, link)
		if (!memcmp(ns->uuid, o->view.uuid, 16))
			return weft_fail(&op->why, -EEXIST,
					 "bdev %s: namespace %u of %s has the same uuid",
					 o->bdev_name, ns->nsid, op->s->nqn);
	return 0;
}

static int check_bdev(struct nvmf_op *op, const struct bdev *b)
{
	if (!block_size_ok(b->block_size))
		return weft_fail(&op->why, -EINVAL,
				 "bdev %s: block size %u: a namespace needs a power of two of 512-%u",
				 b->name, b->block_size, NVMF_MAX_BLOCK);
	return check_unique(op);
}

/* What persisted of them is in force before the first command */
static int load_reservations(struct nvmf_op *op, const struct bdev *b)
{
	struct nvmf_ns *ns = &ns_op(op)->ns->ns;
	int err = nvmf_resv_load(ns->ptpl_file, b->uuid, &ns->resv, &op->why);

	if (err || !ns->resv->type)
		return err;
	ns->resv_shown = nvmf_resv_copy(ns->resv);
	return ns->resv_shown ? 0 : weft_fail(&op->why, -ENOMEM,
					      "not enough memory");
}

static int open_bdev(struct nvmf_op *op)
{
	struct ns_op *o = ns_op(op);
	struct bdev *b;
	int err;

	o->ns = calloc(1, sizeof(*o->ns));
	if (!o->ns)
		return weft_fail(&op->why, -ENOMEM, "not enough memory");
	o->ns->ns.subsystem = op->s;
	o->ns->serial = ++nvmf_target.ns_serial;
	TAILQ_INIT(&o->ns->ns.hosts);
	TAILQ_INIT(&o->ns->ns.resv_ops);
	o->ns->ns.ptpl_file = o->ptpl_file;
	o->ptpl_file = NULL;
	err = bdev_open(o->bdev_name, true, op->s->nqn, on_event, o->ns,
			&o->ns->ns.desc, &op->why);
	if (err) {
		free(o->ns->ns.ptpl_file);
		free(o->ns);
		return err;
	}
	b = bdev_desc_bdev(o->ns->ns.desc);
	fill_ids(o, b);
	err = check_bdev(op, b);
	if (!err)
		err = load_reservations(op, b);
	if (err) {
		destroy(o->ns);
		return err;
	}
	fill_view(o, b);
	return 0;
}

static void attach_here(void *ctx)
{
	struct ns_op *o = ctx;

	/* reactors take turns, so nobody else writes here meanwhile */
	if (!o->err)
		o->err = nvmf_group_attach_ns(nvmf_group_self(), o->op.s,
					      &o->view);
}

static void attach_undone(void *ctx)
{
	struct ns_op *o = ctx;

	destroy(o->ns);
	nvmf_op_end(&o->op, o->err);
}

static void show_here(void *ctx)
{
	struct ns_op *o = ctx;

	nvmf_group_show_ns(nvmf_group_self(), o->op.s, o->nsid);
}

static void shown(void *ctx)
{
	struct ns_op *o = ctx;

	list_insert(o->op.s, &o->ns->ns);
	if (o->nsid_out)
		*o->nsid_out = o->nsid;
	reactor_for_each(tell_group, o, told);
}

static void attached(void *ctx)
{
	struct ns_op *o = ctx;

	if (o->err) {
		weft_fail(&o->op.why, 0, "bdev %s: io channel: %s",
			  o->bdev_name, strerror(-o->err));
		detach_all(o->ns, attach_undone, o);
		return;
	}
	reactor_for_each(show_here, o, shown);
}

static void add_start(struct nvmf_op *op)
{
	struct ns_op *o = ns_op(op);
	struct nvmf_ns *ns = find_same(op->s, o);
	struct nvmf_transport *t;
	int err;

	if (ns) {
		if (o->nsid_out)
			*o->nsid_out = ns->nsid;
		nvmf_op_end(op, 0);
		return;
	}
	err = choose_nsid(op);
	if (!err)
		err = check_ptpl_file(op);
	if (!err)
		err = open_bdev(op);
	if (err) {
		nvmf_op_end(op, err);
		return;
	}
	TAILQ_FOREACH(t, &nvmf_target.transports, link)
		map(t, o->ns);
	reactor_for_each(attach_here, o, attached);
}

static bool take_opts(struct ns_op *o, const struct nvmf_ns_opts *opts)
{
	struct nvmf_ns_view *v = &o->view;

	o->ptpl_file = strdup(opts->ptpl_file ? opts->ptpl_file : "");
	if (!o->ptpl_file)
		return false;

	o->nsid = opts->nsid;
	snprintf(o->bdev_name, sizeof(o->bdev_name), "%s", opts->bdev_name);
	v->anagrpid = opts->anagrpid;
	v->masked = opts->no_auto_visible;
	o->has_uuid = opts->uuid;
	if (opts->uuid)
		memcpy(v->uuid, opts->uuid, 16);
	o->has_nguid = opts->nguid;
	if (opts->nguid)
		memcpy(v->nguid, opts->nguid, 16);
	o->has_eui64 = opts->eui64;
	if (opts->eui64)
		memcpy(v->eui64, opts->eui64, 8);
	return true;
}

static int check_opts(const struct nvmf_subsystem *s,
		      const struct nvmf_ns_opts *opts, struct weft_reason *why)
{
	if (s->subtype == NVMF_SUBTYPE_DISCOVERY)
		return weft_fail(why, -EINVAL,
				 "nqn=%s: a discovery subsystem has no namespaces",
				 s->nqn);
	if (strlen(opts->bdev_name) >= sizeof(((struct bdev *)0)->name))
		return weft_fail_value(why, -ENODEV, "bdev_name",
				       opts->bdev_name,
				       strlen(opts->bdev_name),
				       "there is no such bdev");
	if (opts->anagrpid > NVMF_MAX_NAMESPACES)
		return weft_fail(why, -EINVAL,
				 "anagrpid=%u: accepted range is 1-%u",
				 opts->anagrpid, NVMF_MAX_NAMESPACES);
	return 0;
}

void nvmf_subsystem_add_ns(struct nvmf_subsystem *s,
			   const struct nvmf_ns_opts *opts, u32 *nsid,
			   nvmf_done done, void *ctx)
{
	struct weft_reason why;
	struct ns_op *o;
	int err;

	if (nvmf_subsystem_busy(s, done, ctx))
		return;
	err = check_opts(s, opts, &why);
	if (err) {
		nvmf_op_refuse(done, ctx, err, &why);
		return;
	}
	o = op_alloc(add_start);
	if (!o || !take_opts(o, opts)) {
		free(o);
		nvmf_op_refuse(done, ctx, -ENOMEM, NULL);
		return;
	}
	o->nsid_out = nsid;
	o->op.nsid = opts->nsid;
	o->op.bdev = bdev_find(opts->bdev_name);
	nvmf_op_queue(&o->op, s, done, ctx);
}
