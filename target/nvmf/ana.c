// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Asymmetric Namespace Access (base specification 2.0, 8.1.1): each listener
 * has a state for each group of namespaces. The control reactor keeps them;
 * every poll group has a copy per listener, at which commands look.
 *
 * A change is done when no command that was let through by the old state is
 * under way any more; only then are the hosts told, so that whoever switches
 * paths can rely on it. Commands through other listeners and to other groups
 * notice nothing.
 */
#include <stdlib.h>

#include "common/ana.h"
#include "target/nvmf/io.h"

/**
 * struct ana_op - a change of states, or of the group of a namespace
 * @group: 0: all of them
 * @listener: whose; NVMF_MAX_LISTENERS: all (a namespace changes its group)
 */
struct ana_op {
	struct nvmf_op op;
	struct nvmf_fence *fence;
	struct nvmf_trid trid;
	u32 nsid;
	u32 group;
	u32 old_group;
	u8 state;
	u16 listener;
	u64 count;
};

static const struct {
	u8 state;
	const char *name;
} states[] = {
	{ NVME_ANA_OPTIMIZED, "optimized" },
	{ NVME_ANA_NONOPTIMIZED, "non_optimized" },
	{ NVME_ANA_INACCESSIBLE, "inaccessible" },
	{ NVME_ANA_PERSISTENT_LOSS, "persistent_loss" },
	{ NVME_ANA_CHANGE, "change" },
};

int nvmf_ana_state_parse(const char *name, struct weft_reason *why)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(states); i++)
		if (!strcmp(states[i].name, name))
			return states[i].state;
	return weft_fail_value(why, -EINVAL, "ana_state", name, strlen(name),
			       "optimized, non_optimized, inaccessible, persistent_loss, change are accepted");
}

const char *nvmf_ana_state_text(u8 state)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(states); i++)
		if (states[i].state == state)
			return states[i].name;
	return "unknown";
}

/* What a state means for a command */
static nvme_status status_of(u8 state)
{
	switch (state) {
	case NVME_ANA_INACCESSIBLE:
		return NVME_SC_ANA_INACCESSIBLE;
	case NVME_ANA_PERSISTENT_LOSS:
		return NVME_SC_ANA_PERSISTENT_LOSS;
	case NVME_ANA_CHANGE:
		return NVME_SC_ANA_TRANSITION;
	default:
		return NVME_SC_SUCCESS;
	}
}

nvme_status nvmf_ana_admit(const struct nvmf_request *req)
{
	const struct nvmf_qpair *q = req->qpair;
	const struct nvmf_ana *ana = q->sgroup->ana[q->listener];

	return ana ? status_of(ana->state[req->nsch->view.anagrpid]) :
		     NVME_SC_SUCCESS;
}

/* Copies: one for each poll group, and the listener's own */

struct nvmf_ana *nvmf_ana_new(u8 state)
{
	struct nvmf_ana *ana = calloc(1, sizeof(*ana));

	if (ana)
		memset(ana->state, state, sizeof(ana->state));
	return ana;
}

void nvmf_ana_free_all(struct nvmf_sgroup *sg)
{
	int i;

	for (i = 0; i < NVMF_MAX_LISTENERS; i++)
		free(sg->ana[i]);
}

/* Changes */

static struct ana_op *ana_op(struct nvmf_op *op)
{
	return container_of(op, struct ana_op, op);
}

static void op_free(struct nvmf_op *op)
{
	struct ana_op *o = ana_op(op);

	free(o->fence);
	free(o);
}

static void set_one(struct nvmf_ana *ana, u32 group, u8 state, u64 count)
{
	if (ana->state[group] == state)
		return;
	ana->state[group] = state;
	ana->changes[group] = count;
	ana->change_count = count;
}

static void set(struct nvmf_ana *ana, const struct ana_op *o)
{
	u32 group;

	for (group = 1; group <= NVMF_MAX_NAMESPACES; group++)
		if (!o->group || o->group == group)
			set_one(ana, group, o->state, o->count);
}

static void set_here(void *ctx)
{
	struct ana_op *o = ctx;
	struct nvmf_sgroup *sg = nvmf_group_self()->core->sgroups[o->op.s->id];

	if (sg && sg->ana[o->listener])
		set(sg->ana[o->listener], o);
}

/* What would be refused now was let through before */
static bool match_refused(void *ctx, const struct nvmf_request *req)
{
	const struct ana_op *o = ctx;
	const struct nvmf_qpair *q = req->qpair;

	return req->nsch && q->ctrlr->subsystem == o->op.s &&
	       (o->listener == NVMF_MAX_LISTENERS ?
			req->nsch->view.nsid == o->nsid :
			q->listener == o->listener) &&
	       nvmf_ana_admit(req);
}

static void tell_group(void *ctx)
{
	struct ana_op *o = ctx;
	struct nvmf_ctrlr *c;

	TAILQ_FOREACH(c, &nvmf_group_self()->core->ctrlrs, group_link)
		if (c->subsystem == o->op.s &&
		    (o->listener == NVMF_MAX_LISTENERS ||
		     c->listener == o->listener))
			nvmf_event_raise(c, NVMF_EVENT_ANA);
}

static void told(void *ctx)
{
	struct ana_op *o = ctx;

	nvmf_op_end(&o->op, 0);
}

static void quiet(void *ctx)
{
	reactor_for_each(tell_group, ctx, told);
}

static void run(struct ana_op *o, reactor_fn apply)
{
	struct nvmf_fence *f = o->fence;

	o->fence = NULL;
	nvmf_fence_run(f, apply, match_refused, quiet, o);
}

static bool differs(const struct nvmf_ana *ana, const struct ana_op *o)
{
	u32 group;

	for (group = 1; group <= NVMF_MAX_NAMESPACES; group++)
		if ((!o->group || o->group == group) &&
		    ana->state[group] != o->state)
			return true;
	return false;
}

static void set_start(struct nvmf_op *op)
{
	struct ana_op *o = ana_op(op);
	struct nvmf_listener *l;

	TAILQ_FOREACH(l, &op->s->listeners, link)
		if (nvmf_trid_equal(&l->trid, &o->trid))
			break;
	if (!l) {
		nvmf_op_end(op, weft_fail(&op->why, -ENOENT,
					  "listen_address: %s does not listen on %s:%s",
					  op->s->nqn, o->trid.traddr,
					  o->trid.trsvcid));
		return;
	}
	if (!differs(l->ana, o)) {
		nvmf_op_end(op, 0);
		return;
	}
	o->listener = l->index;
	o->count = ++op->s->ana_changes;
	set(l->ana, o);
	run(o, set_here);
}

static struct ana_op *op_alloc(void (*start)(struct nvmf_op *op))
{
	struct ana_op *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->fence = nvmf_fence_alloc();
	if (!o->fence) {
		free(o);
		return NULL;
	}
	o->op.start = start;
	o->op.free = op_free;
	return o;
}

static int check(const struct nvmf_subsystem *s, u32 group,
		 struct weft_reason *why)
{
	if (!s->ana_reporting)
		return weft_fail(why, -EINVAL,
				 "nqn=%s: was created without ana_reporting",
				 s->nqn);
	if (group > NVMF_MAX_NAMESPACES)
		return weft_fail(why, -EINVAL,
				 "anagrpid=%u: accepted range is 1-%u", group,
				 NVMF_MAX_NAMESPACES);
	return 0;
}

void nvmf_listener_set_ana_state(struct nvmf_subsystem *s,
				 const struct nvmf_trid *trid, u32 group,
				 u8 state, nvmf_done done, void *ctx)
{
	struct weft_reason why;
	struct ana_op *o;
	int err;

	if (nvmf_subsystem_busy(s, done, ctx))
		return;
	err = check(s, group, &why);
	if (err) {
		nvmf_op_refuse(done, ctx, err, &why);
		return;
	}
	o = op_alloc(set_start);
	if (!o) {
		nvmf_op_refuse(done, ctx, -ENOMEM, NULL);
		return;
	}
	o->trid = *trid;
	o->group = group;
	o->state = state;
	nvmf_op_queue(&o->op, s, done, ctx);
}

/* The group of a namespace */

static void touch_groups(struct nvmf_ana *ana, const struct ana_op *o)
{
	ana->changes[o->old_group] = o->count;
	ana->changes[o->group] = o->count;
	ana->change_count = o->count;
}

static void move_here(void *ctx)
{
	struct ana_op *o = ctx;
	struct nvmf_sgroup *sg = nvmf_group_self()->core->sgroups[o->op.s->id];
	struct nvmf_ns_channel *nsch = sg ? nvmf_sgroup_ns(sg, o->nsid) : NULL;
	int i;

	if (!nsch)
		return;
	nsch->view.anagrpid = o->group;
	for (i = 0; i < NVMF_MAX_LISTENERS; i++)
		if (sg->ana[i])
			touch_groups(sg->ana[i], o);
}

static void move_start(struct nvmf_op *op)
{
	struct ana_op *o = ana_op(op);
	struct nvmf_ns *ns = nvmf_subsystem_ns(op->s, o->nsid);
	struct nvmf_listener *l;

	if (!ns) {
		nvmf_op_end(op, weft_fail(&op->why, -ENOENT,
					  "nsid=%u: %s has no such namespace",
					  o->nsid, op->s->nqn));
		return;
	}
	if (ns->anagrpid == o->group) {
		nvmf_op_end(op, 0);
		return;
	}
	o->old_group = ns->anagrpid;
	o->count = ++op->s->ana_changes;
	ns->anagrpid = o->group;
	TAILQ_FOREACH(l, &op->s->listeners, link)
		touch_groups(l->ana, o);
	run(o, move_here);
}

void nvmf_subsystem_set_ns_ana_group(struct nvmf_subsystem *s, u32 nsid,
				     u32 group, nvmf_done done, void *ctx)
{
	struct weft_reason why;
	struct ana_op *o;
	int err;

	if (nvmf_subsystem_busy(s, done, ctx))
		return;
	err = check(s, group, &why);
	if (!err && !group)
		err = weft_fail(&why, -EINVAL,
				"anagrpid=0: accepted range is 1-%u",
				NVMF_MAX_NAMESPACES);
	if (err) {
		nvmf_op_refuse(done, ctx, err, &why);
		return;
	}
	o = op_alloc(move_start);
	if (!o) {
		nvmf_op_refuse(done, ctx, -ENOMEM, NULL);
		return;
	}
	o->nsid = nsid;
	o->op.nsid = nsid;
	o->group = group;
	o->listener = NVMF_MAX_LISTENERS;
	nvmf_op_queue(&o->op, s, done, ctx);
}

/* The log page */

/* Members of each group that the controller sees; their number in all */
static u32 count_members(const struct nvmf_ctrlr *c,
			 u16 counts[NVMF_MAX_NAMESPACES + 1])
{
	struct nvmf_ns_channel *nsch;
	u32 nsid, n = 0;

	memset(counts, 0, (NVMF_MAX_NAMESPACES + 1) * sizeof(counts[0]));
	for (nsid = 1; nsid <= c->sgroup->max_namespaces; nsid++) {
		nsch = nvmf_ctrlr_ns(c, nsid);
		if (nsch) {
			counts[nsch->view.anagrpid]++;
			n++;
		}
	}
	return n;
}

/* Where the next member of each group goes; the end of the page */
static u32 put_groups(const struct nvmf_ana *ana, const u16 *counts, bool rgo,
		      u8 *page, u32 *next)
{
	struct nvme_ana_log_header h = {
		.chgcnt = cpu_to_le64(ana->change_count),
	};
	u32 group, n = 0, at = sizeof(h);

	for (group = 1; group <= NVMF_MAX_NAMESPACES; group++) {
		struct nvme_ana_log_group g = {
			.grpid = cpu_to_le32(group),
			.nnsids = cpu_to_le32(rgo ? 0 : counts[group]),
			.chgcnt = cpu_to_le64(ana->changes[group]),
			.state = ana->state[group],
		};

		if (!counts[group])
			continue;
		memcpy(page + at, &g, sizeof(g));
		next[group] = at + sizeof(g);
		at = next[group] + (rgo ? 0 : counts[group] * sizeof(__le32));
		n++;
	}
	h.ngrps = cpu_to_le16(n);
	memcpy(page, &h, sizeof(h));
	return at;
}

static void put_members(const struct nvmf_ctrlr *c, u8 *page, u32 *next)
{
	struct nvmf_ns_channel *nsch;
	u32 nsid;

	for (nsid = 1; nsid <= c->sgroup->max_namespaces; nsid++) {
		__le32 id = cpu_to_le32(nsid);

		nsch = nvmf_ctrlr_ns(c, nsid);
		if (!nsch)
			continue;
		memcpy(page + next[nsch->view.anagrpid], &id, sizeof(id));
		next[nsch->view.anagrpid] += sizeof(id);
	}
}

void nvmf_ana_log_execute(struct nvmf_request *req)
{
	const struct nvmf_ctrlr *c = req->qpair->ctrlr;
	u32 lsp = le32_to_cpu(req->cmd->sqe.cdw10) >> 8 & 0x7f;
	u16 counts[NVMF_MAX_NAMESPACES + 1];
	u32 next[NVMF_MAX_NAMESPACES + 1];
	bool rgo = lsp & NVME_ANA_LSP_RGO;
	u32 size, n = count_members(c, counts);
	u8 *page = calloc(1, nvme_ana_log_size(n, n));

	if (!page) {
		nvmf_request_complete(req, NVME_SC_INTERNAL);
		return;
	}
	size = put_groups(c->sgroup->ana[c->listener], counts, rgo, page, next);
	if (!rgo)
		put_members(c, page, next);
	nvmf_log_put_window(req, page, size);
	free(page);
}
