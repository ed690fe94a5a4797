// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Namespaces that only some hosts see. Such a namespace has a list of hosts,
 * kept by the control reactor, with a copy on each poll group; each queue pair
 * has a bit for each of them, so that a command compares no names. A change
 * reaches the queue pairs that are connected, and waits for the commands of a
 * host that may not see the namespace any more.
 */
#include <stdlib.h>

#include "target/nvmf/io.h"

/** struct nvmf_ns_host - one host of a list */
struct nvmf_ns_host {
	char nqn[NVMF_NQN_MAX + 1];
	TAILQ_ENTRY(nvmf_ns_host) link;
};

/**
 * struct mask_op - a host comes onto a namespace's list, or leaves it
 * @nodes: of a new host, one for each reactor
 */
struct mask_op {
	struct nvmf_op op;
	struct nvmf_fence *fence;
	u32 nsid;
	bool add;
	char nqn[NVMF_NQN_MAX + 1];
	struct nvmf_ns_host *nodes[REACTOR_MAX];
};

static struct nvmf_ns_host *find(const struct nvmf_ns_host_list *list,
				 const char *nqn)
{
	struct nvmf_ns_host *h;

	TAILQ_FOREACH(h, list, link)
		if (!strcmp(h->nqn, nqn))
			return h;
	return NULL;
}

bool nvmf_ns_host_listed(const struct nvmf_ns *ns, const char *nqn)
{
	return find(&ns->hosts, nqn);
}

const char *nvmf_ns_host_next(const struct nvmf_ns *ns, const char *after)
{
	struct nvmf_ns_host *h = after ?
		TAILQ_NEXT(find(&ns->hosts, after), link) :
		TAILQ_FIRST(&ns->hosts);

	return h ? h->nqn : NULL;
}

void nvmf_ns_hosts_free(struct nvmf_ns_host_list *list)
{
	struct nvmf_ns_host *h;

	while ((h = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, h, link);
		free(h);
	}
}

static bool add_to(struct nvmf_ns_host_list *list, const char *nqn)
{
	struct nvmf_ns_host *h = calloc(1, sizeof(*h));

	if (!h)
		return false;
	snprintf(h->nqn, sizeof(h->nqn), "%s", nqn);
	TAILQ_INSERT_TAIL(list, h, link);
	return true;
}

static void remove_from(struct nvmf_ns_host_list *list, const char *nqn)
{
	struct nvmf_ns_host *h = find(list, nqn);

	if (h) {
		TAILQ_REMOVE(list, h, link);
		free(h);
	}
}

/* Queue pairs */

static void set_bit(struct nvmf_qpair *q, u32 nsid, bool on)
{
	u8 bit = 1u << nsid % 8;

	if (on)
		q->visible[nsid / 8] |= bit;
	else
		q->visible[nsid / 8] &= ~bit;
}

void nvmf_qpair_set_visible(struct nvmf_qpair *q)
{
	const struct nvmf_sgroup *sg = q->sgroup;
	u32 nsid;

	memset(q->visible, 0, sizeof(q->visible));
	for (nsid = 1; sg && nsid <= sg->max_namespaces; nsid++) {
		const struct nvmf_ns_channel *nsch = sg->ns[nsid - 1];

		if (nsch && nsch->view.masked &&
		    find(&nsch->hosts, q->ctrlr->hostnqn))
			set_bit(q, nsid, true);
	}
}

static bool is_host(const struct nvmf_qpair *q, const struct mask_op *o)
{
	return q->ctrlr && q->state != NVMF_QPAIR_RELEASING &&
	       q->ctrlr->subsystem == o->op.s &&
	       !strcmp(q->ctrlr->hostnqn, o->nqn);
}

static void apply_here(void *ctx)
{
	struct mask_op *o = ctx;
	struct nvmf_group *g = nvmf_group_self();
	struct nvmf_sgroup *sg = g->core->sgroups[o->op.s->id];
	struct nvmf_ns_channel *nsch = sg ? sg->ns[o->nsid - 1] : NULL;
	struct nvmf_ns_host **node = &o->nodes[reactor_index(g->reactor)];
	struct nvmf_qpair *q;

	if (!nsch)
		return;
	if (o->add) {
		TAILQ_INSERT_TAIL(&nsch->hosts, *node, link);
		*node = NULL;
	} else {
		remove_from(&nsch->hosts, o->nqn);
	}
	TAILQ_FOREACH(q, &g->core->qpairs, link)
		if (is_host(q, o))
			set_bit(q, o->nsid, o->add);
}

static bool match_hidden(void *ctx, const struct nvmf_request *req)
{
	const struct mask_op *o = ctx;

	return !o->add && req->nsch && req->nsch->view.nsid == o->nsid &&
	       is_host(req->qpair, o);
}

static void tell_group(void *ctx)
{
	struct mask_op *o = ctx;
	struct nvmf_ctrlr *c;

	TAILQ_FOREACH(c, &nvmf_group_self()->core->ctrlrs, group_link)
		if (c->subsystem == o->op.s && !strcmp(c->hostnqn, o->nqn))
			nvmf_ns_changed(c, o->nsid);
}

static void told(void *ctx)
{
	struct mask_op *o = ctx;

	nvmf_op_end(&o->op, 0);
}

static void applied(void *ctx)
{
	reactor_for_each(tell_group, ctx, told);
}

/* Changes */

static struct mask_op *mask_op(struct nvmf_op *op)
{
	return container_of(op, struct mask_op, op);
}

static void op_free(struct nvmf_op *op)
{
	struct mask_op *o = mask_op(op);
	unsigned int i;

	for (i = 0; i < REACTOR_MAX; i++)
		free(o->nodes[i]);
	free(o->fence);
	free(o);
}

static int check(struct mask_op *o, const struct nvmf_ns *ns)
{
	if (!ns)
		return weft_fail(&o->op.why, -ENOENT,
				 "nsid=%u: %s has no such namespace", o->nsid,
				 o->op.s->nqn);
	if (!ns->no_auto_visible)
		return weft_fail(&o->op.why, -EINVAL,
				 "nsid=%u: every host sees it; add it with no_auto_visible to choose them",
				 o->nsid);
	return 0;
}

static void start(struct nvmf_op *op)
{
	struct mask_op *o = mask_op(op);
	struct nvmf_ns *ns = nvmf_subsystem_ns(op->s, o->nsid);
	struct nvmf_fence *f = o->fence;
	int err = check(o, ns);
	bool listed;

	if (err) {
		nvmf_op_end(op, err);
		return;
	}
	listed = find(&ns->hosts, o->nqn);
	if (listed == o->add) {
		nvmf_op_end(op, o->add ? 0 : weft_fail(&op->why, -ENOENT,
				"host=%s: not on the list of namespace %u",
				o->nqn, o->nsid));
		return;
	}
	if (o->add && !add_to(&ns->hosts, o->nqn)) {
		nvmf_op_end(op, weft_fail(&op->why, -ENOMEM,
					  "not enough memory"));
		return;
	}
	if (!o->add)
		remove_from(&ns->hosts, o->nqn);
	o->fence = NULL;
	nvmf_fence_run(f, apply_here, match_hidden, applied, o);
}

static bool alloc_nodes(struct mask_op *o)
{
	unsigned int i;

	for (i = 0; i < reactor_count(); i++) {
		o->nodes[i] = calloc(1, sizeof(*o->nodes[i]));
		if (!o->nodes[i])
			return false;
		snprintf(o->nodes[i]->nqn, sizeof(o->nodes[i]->nqn), "%s",
			 o->nqn);
	}
	return true;
}

static struct mask_op *op_alloc(const char *hostnqn, bool add)
{
	struct mask_op *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->op.start = start;
	o->op.free = op_free;
	o->add = add;
	snprintf(o->nqn, sizeof(o->nqn), "%s", hostnqn);
	o->fence = nvmf_fence_alloc();
	if (!o->fence || (add && !alloc_nodes(o))) {
		op_free(&o->op);
		return NULL;
	}
	return o;
}

void nvmf_ns_set_host(struct nvmf_subsystem *s, u32 nsid, const char *hostnqn,
		      bool add, nvmf_done done, void *ctx)
{
	struct weft_reason why;
	struct mask_op *o;
	int err;

	if (nvmf_subsystem_busy(s, done, ctx))
		return;
	err = weft_nqn_check(hostnqn, strlen(hostnqn), "host", &why);
	if (err) {
		nvmf_op_refuse(done, ctx, err, &why);
		return;
	}
	o = op_alloc(hostnqn, add);
	if (!o) {
		nvmf_op_refuse(done, ctx, -ENOMEM, NULL);
		return;
	}
	o->nsid = nsid;
	o->op.nsid = nsid;
	nvmf_op_queue(&o->op, s, done, ctx);
}
