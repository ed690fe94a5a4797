// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The discovery log: one record per listener of each subsystem that admits the
 * asking host. The control reactor takes a snapshot per request; a generation
 * counter tells the host when it moved between two of its requests. Hosts that
 * wait for it are told by an asynchronous event.
 */
#include <stdlib.h>

#include "target/nvmf/internal.h"

struct snapshot {
	struct nvmf_request *req;
	u64 genctr;
	u64 count;
	struct nvmf_disc_record *records;
	bool no_memory;
};

static bool visible(const struct nvmf_subsystem *s, const char *hostnqn)
{
	return s->subtype == NVMF_SUBTYPE_NVME && !s->removing &&
	       nvmf_subsystem_host_allowed(s, hostnqn);
}

static u64 count_records(const char *hostnqn)
{
	struct nvmf_subsystem *s;
	struct nvmf_listener *l;
	u64 n = 0;

	TAILQ_FOREACH(s, &nvmf_target.subsystems, link)
		if (visible(s, hostnqn))
			TAILQ_FOREACH(l, &s->listeners, link)
				n++;
	return n;
}

static void fill_record(const struct nvmf_subsystem *s,
			const struct nvmf_listener *l,
			struct nvmf_disc_record *r)
{
	struct nvmf_transport *t = nvmf_transport_find(l->trid.trtype);

	memset(r, 0, sizeof(*r));
	r->trtype = l->trid.trtype;
	r->adrfam = l->trid.adrfam;
	r->subtype = s->subtype;
	r->portid = l->portid;
	r->cntlid = NVMF_CNTLID_DYNAMIC;
	r->asqsz = t->opts.max_aq_depth;
	snprintf(r->traddr, sizeof(r->traddr), "%s", l->trid.traddr);
	snprintf(r->trsvcid, sizeof(r->trsvcid), "%s", l->trid.trsvcid);
	snprintf(r->subnqn, sizeof(r->subnqn), "%s", s->nqn);
	t->ops->disc_record(t, &l->trid, r);
}

static void fill_records(struct snapshot *sn, const char *hostnqn)
{
	struct nvmf_disc_record *r = sn->records;
	struct nvmf_subsystem *s;
	struct nvmf_listener *l;

	TAILQ_FOREACH(s, &nvmf_target.subsystems, link)
		if (visible(s, hostnqn))
			TAILQ_FOREACH(l, &s->listeners, link)
				fill_record(s, l, r++);
}

static bool get_record(void *ctx, u64 index, struct nvmf_disc_record *r)
{
	const struct snapshot *sn = ctx;

	if (index >= sn->count)
		return false;
	*r = sn->records[index];
	return true;
}

/* Back on the controller's home */
static void answer(void *ctx)
{
	struct snapshot *sn = ctx;
	struct nvmf_request *req = sn->req;
	u64 offset = nvme_log_offset(&req->cmd->sqe);
	nvme_status st = NVME_SC_SUCCESS;
	size_t n, left = req->length;
	int i;

	if (sn->no_memory)
		st = NVME_SC_INTERNAL;
	for (i = 0; !st && i < req->iovcnt && left; i++) {
		n = req->iov[i].iov_len < left ? req->iov[i].iov_len : left;
		nvmf_disc_window(sn->genctr, sn->count, get_record, sn, offset,
				 req->iov[i].iov_base, n);
		offset += n;
		left -= n;
	}
	free(sn->records);
	free(sn);
	nvmf_request_complete(req, st);
}

/* On the control reactor */
static void take_snapshot(void *ctx)
{
	struct snapshot *sn = ctx;
	const struct nvmf_ctrlr *c = sn->req->qpair->ctrlr;

	sn->genctr = nvmf_target.genctr;
	sn->count = count_records(c->hostnqn);
	if (sn->count) {
		sn->records = calloc(sn->count, sizeof(*sn->records));
		if (sn->records)
			fill_records(sn, c->hostnqn);
		else
			sn->no_memory = true;
	}
	reactor_send(sn->req->qpair->group->reactor, answer, sn);
}

void nvmf_discovery_log_execute(struct nvmf_request *req)
{
	struct snapshot *sn = calloc(1, sizeof(*sn));

	if (!sn) {
		nvmf_request_complete(req, NVME_SC_INTERNAL);
		return;
	}
	sn->req = req;
	reactor_send(reactor_control(), take_snapshot, sn);
}

/* Changes */

static void tell_group(void *ctx)
{
	struct nvmf_group *g = nvmf_group_self();
	struct nvmf_ctrlr *c;

	(void)ctx;
	/* a stop may have overtaken the news */
	if (!g)
		return;
	TAILQ_FOREACH(c, &g->core->ctrlrs, group_link)
		if (c->discovery)
			nvmf_event_raise(c, NVMF_EVENT_DISC_CHANGED);
}

void nvmf_discovery_changed(void)
{
	nvmf_target.genctr++;
	reactor_for_each(tell_group, NULL, NULL);
}
