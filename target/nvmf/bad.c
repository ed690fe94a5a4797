// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Write Uncorrectable: blocks that a host has declared bad, until they are
 * written again. The control reactor keeps the set of each namespace and lets
 * every poll group have a copy; none exists before the first such command. The
 * sets last as long as the namespace.
 */
#include <stdlib.h>

#include "target/nvmf/io.h"

/** struct change - to one namespace's set, on its way around the reactors */
struct change {
	struct nvmf_request *req;
	struct nvmf_ns *ns;
	u32 subsystem;
	u32 nsid;
	u64 lba;
	u64 blocks;
	bool mark;
	nvme_status st;
};

static bool apply(struct nvme_lbaset **set, const struct change *ch)
{
	if (!*set && ch->mark)
		*set = calloc(1, sizeof(**set));
	if (!*set)
		return !ch->mark;
	if (ch->mark)
		return nvme_lbaset_add(*set, ch->lba, ch->blocks);
	nvme_lbaset_remove(*set, ch->lba, ch->blocks);
	return true;
}

static void back(void *ctx)
{
	struct change *ch = ctx;
	struct nvmf_request *req = ch->req;

	req->early = ch->st;
	free(ch);
	req->next(req);
}

static void everywhere(void *ctx)
{
	struct change *ch = ctx;

	reactor_send(ch->req->qpair->group->reactor, back, ch);
}

static void apply_here(void *ctx)
{
	struct change *ch = ctx;
	struct nvmf_sgroup *sg =
		nvmf_group_self()->core->sgroups[ch->subsystem];
	struct nvmf_ns_channel *nsch = sg ? sg->ns[ch->nsid - 1] : NULL;

	if (nsch && !apply(&nsch->bad, ch))
		ch->st = NVME_SC_INTERNAL;
}

/* What the set cannot take is refused here, before any group has it */
static void at_control(void *ctx)
{
	struct change *ch = ctx;

	if (apply(&ch->ns->bad, ch)) {
		reactor_for_each(apply_here, ch, everywhere);
		return;
	}
	ch->st = NVME_DNR(NVME_SC_CAP_EXCEEDED);
	everywhere(ch);
}

void nvmf_bad_change(struct nvmf_request *req, bool mark, u64 lba, u64 blocks)
{
	struct change *ch = calloc(1, sizeof(*ch));

	if (!ch) {
		req->early = NVME_SC_INTERNAL;
		req->next(req);
		return;
	}
	ch->req = req;
	ch->ns = req->nsch->view.ns;
	ch->subsystem = req->qpair->ctrlr->subsystem->id;
	ch->nsid = req->nsch->view.nsid;
	ch->lba = lba;
	ch->blocks = blocks;
	ch->mark = mark;
	reactor_send(reactor_control(), at_control, ch);
}

nvme_status nvmf_write_uncorrectable_parse(struct nvmf_request *req)
{
	return nvmf_io_writable(req, nvmf_io_take_range(req));
}

static void marked(struct nvmf_request *req)
{
	nvmf_request_complete(req, req->early);
}

void nvmf_write_uncorrectable_execute(struct nvmf_request *req)
{
	req->next = marked;
	nvmf_bad_change(req, true, req->lba, req->blocks);
}
