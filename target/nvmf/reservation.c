// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Reservation commands. The control reactor keeps the state of each namespace
 * and carries out its commands one after the other:
 *
 *   queue pair -> control: the new state is made beside the old one
 *   -> the file, if it persists -> all poll groups take what they look at, and
 *   wait for commands that are no longer allowed -> hosts are told -> queue
 *   pair
 *
 * What poll groups look at is one snapshot for all of them, that nobody
 * changes; it is there only while the namespace is reserved. A host whose
 * command is answered can rely on it that no command of a host that it has shut
 * out will touch the namespace any more.
 */
#include <stdlib.h>

#include "target/nvmf/resv.h"

/**
 * struct resv_op - a command under way
 * @req: whose namespace is held until the end
 * @next: the state to be, and @shown: the snapshot of it; @old: what was shown
 * @aborts: commands of preempted hosts end with another status
 */
struct resv_op {
	struct nvmf_request *req;
	struct nvmf_ns *ns;
	u32 subsystem;
	u32 nsid;
	u8 host[NVME_HOSTID_BYTES];
	struct nvme_resv_cmd cmd;
	void (*run)(struct resv_op *o);
	nvme_status st;
	u64 result;
	struct nvmf_resv *next;
	struct nvmf_resv *shown;
	struct nvmf_resv *old;
	struct nvmf_fence *fence;
	struct nvmf_resv_notes notes;
	bool aborts;
	u8 *report;
	TAILQ_ENTRY(resv_op) link;
};

/* On the data path */

nvme_status nvmf_resv_admit(const struct nvmf_request *req)
{
	const struct nvmf_resv *r = req->nsch->resv;
	bool writes = req->command->flags & NVMF_CMD_WRITES;

	if (!(req->command->flags & (NVMF_CMD_WRITES | NVMF_CMD_READS)) ||
	    nvmf_resv_permits(r, req->qpair->ctrlr->hostid, writes))
		return NVME_SC_SUCCESS;
	return req->preempted ? NVME_DNR(NVME_SC_ABORT_PREEMPT) :
				NVME_DNR(NVME_SC_RESERVATION_CONFLICT);
}

/* One command after the other; control reactor */

static void back(void *ctx)
{
	struct resv_op *o = ctx;
	struct nvmf_request *req = o->req;
	nvme_status st = o->st;

	if (!st && o->report &&
	    !nvmf_request_put_data(req, 0, o->report, req->length))
		st = NVME_SC_DATA_XFER_ERROR;
	req->cqe.result = cpu_to_le64(o->result);
	free(o->report);
	free(o->notes.note);
	free(o);
	nvmf_request_complete(req, st);
}

static void op_run(void *ctx)
{
	struct resv_op *o = ctx;

	o->run(o);
}

/* The next one by a message: thousands may wait, and some end at once. */
static void op_end(struct resv_op *o, nvme_status st)
{
	struct nvmf_ns *ns = o->ns;
	struct resv_op *next;

	TAILQ_REMOVE(&ns->resv_ops, o, link);
	next = TAILQ_FIRST(&ns->resv_ops);
	nvmf_resv_free(o->next);
	nvmf_resv_free(o->shown);
	free(o->fence);
	o->st = st;
	reactor_send(o->req->qpair->group->reactor, back, o);
	if (next)
		reactor_send(reactor_control(), op_run, next);
}

static void op_arrive(void *ctx)
{
	struct resv_op *o = ctx;
	bool idle = TAILQ_EMPTY(&o->ns->resv_ops);

	TAILQ_INSERT_TAIL(&o->ns->resv_ops, o, link);
	if (idle)
		o->run(o);
}

/* The state comes into force */

static bool is_preempted(const struct resv_op *o, const u8 *hostid)
{
	u32 i;

	for (i = 0; i < o->notes.n; i++)
		if (o->notes.note[i].notice ==
			NVME_RESV_NOTICE_REGISTRATION_PREEMPTED &&
		    !memcmp(o->notes.note[i].hostid, hostid,
			    NVME_HOSTID_BYTES))
			return true;
	return false;
}

static void preempt_requests(struct resv_op *o, struct nvmf_ns_channel *nsch)
{
	struct nvmf_request *req;
	struct nvmf_qpair *q;

	TAILQ_FOREACH(q, &nvmf_group_self()->core->qpairs, link) {
		if (!q->ctrlr || !q->qid || q->state == NVMF_QPAIR_RELEASING ||
		    !is_preempted(o, q->ctrlr->hostid))
			continue;
		TAILQ_FOREACH(req, &q->requests, qlink)
			if (req->nsch == nsch && !req->active)
				req->preempted = true;
	}
}

static void apply_here(void *ctx)
{
	struct resv_op *o = ctx;
	struct nvmf_sgroup *sg =
		nvmf_group_self()->core->sgroups[o->subsystem];
	struct nvmf_ns_channel *nsch = sg ? sg->ns[o->nsid - 1] : NULL;

	if (!nsch)
		return;
	nsch->resv = o->shown;
	if (o->aborts)
		preempt_requests(o, nsch);
}

static bool match_forbidden(void *ctx, const struct nvmf_request *req)
{
	const struct resv_op *o = ctx;

	return req->nsch && req->nsch->view.ns == o->ns && req->nsch->resv &&
	       nvmf_resv_admit(req);
}

static void tell_here(void *ctx)
{
	struct resv_op *o = ctx;
	struct nvmf_ctrlr *c;
	u32 i;

	TAILQ_FOREACH(c, &nvmf_group_self()->core->ctrlrs, group_link)
		for (i = 0; c->subsystem->id == o->subsystem && i < o->notes.n;
		     i++)
			if (!memcmp(c->hostid, o->notes.note[i].hostid,
				    NVME_HOSTID_BYTES))
				nvmf_resv_notify(c, o->nsid,
						 o->notes.note[i].notice);
}

static void told(void *ctx)
{
	op_end(ctx, NVME_SC_SUCCESS);
}

static void in_force(void *ctx)
{
	struct resv_op *o = ctx;

	/* every poll group has let go of the old one and has the new one */
	nvmf_resv_free(o->old);
	o->old = NULL;
	o->shown = NULL;
	if (o->notes.n)
		reactor_for_each(tell_here, o, told);
	else
		told(o);
}

static void enforce(struct resv_op *o)
{
	struct nvmf_ns *ns = o->ns;
	struct nvmf_fence *f = o->fence;

	nvmf_resv_free(ns->resv);
	ns->resv = o->next;
	o->next = NULL;
	if (!ns->resv_shown && !o->shown) {
		in_force(o);
		return;
	}
	o->old = ns->resv_shown;
	ns->resv_shown = o->shown;
	o->fence = NULL;
	nvmf_fence_run(f, apply_here, match_forbidden, in_force, o);
}

static void saved(void *ctx, int err)
{
	struct resv_op *o = ctx;

	if (err) {
		log_error("%s namespace %u: reservations cannot be kept in %s: %s; the command fails",
			  o->ns->subsystem->nqn, o->nsid, o->ns->ptpl_file,
			  strerror(-err));
		op_end(o, NVME_SC_INTERNAL);
		return;
	}
	enforce(o);
}

/* Poll groups need to look only while there is a reservation */
static bool make_shown(struct resv_op *o)
{
	o->fence = nvmf_fence_alloc();
	if (!o->fence)
		return false;
	if (!o->next->type)
		return true;
	o->shown = nvmf_resv_copy(o->next);
	return o->shown;
}

static void finish_change(struct resv_op *o)
{
	const struct nvmf_resv *was = o->ns->resv;

	if (!make_shown(o))
		op_end(o, NVME_SC_INTERNAL);
	else if (was->ptpl || o->next->ptpl)
		nvmf_resv_save(o->ns->ptpl_file,
			       bdev_desc_bdev(o->ns->desc)->uuid, o->next,
			       saved, o);
	else
		enforce(o);
}

static bool copy_state(struct resv_op *o)
{
	o->next = nvmf_resv_copy(o->ns->resv);
	o->notes.note = calloc(2 * o->ns->resv->n + 2,
			       sizeof(*o->notes.note));
	return o->next && o->notes.note;
}

/* Some hosts always ask for it, and do not tell their users what was wrong */
static void note_lack_of_file(const struct resv_op *o)
{
	static struct log_budget budget;
	const char *host = o->req->qpair->ctrlr->hostnqn;

	log_peer(&budget, LOG_NOTICE,
		 "%s namespace %u: reservations are to persist through power loss, says %s: refused, as the namespace was added without ptpl_file",
		 o->ns->subsystem->nqn, o->nsid,
		 *host ? host : "a host without name");
}

static void run_change(struct resv_op *o)
{
	nvme_status st;

	if (!copy_state(o)) {
		op_end(o, NVME_SC_INTERNAL);
		return;
	}
	st = nvmf_resv_change(o->next, o->host, &o->cmd, *o->ns->ptpl_file,
			      &o->notes);
	if (st && o->cmd.opcode == NVME_CMD_RESV_REGISTER &&
	    o->cmd.cptpl == NVME_RESV_PTPL_SET && !*o->ns->ptpl_file)
		note_lack_of_file(o);
	if (st)
		op_end(o, st);
	else
		finish_change(o);
}

/* Report */

static void put_part(struct resv_op *o, u64 at, const void *bytes, u32 len)
{
	u32 room = o->req->length;

	if (at < room)
		memcpy(o->report + at, bytes,
		       len < room - at ? len : room - at);
}

static void run_report(struct resv_op *o)
{
	const struct nvmf_resv *r = o->ns->resv;
	struct nvme_resv_status head = { r->gen, r->type, r->ptpl, r->n };
	struct nvme_resv_registrant entry;
	struct nvme_resv_report first;
	u64 at = sizeof(first);
	u32 i;

	nvme_resv_head_encode(&first, &head);
	put_part(o, 0, &first, sizeof(first));
	for (i = 0; i < r->n && at < o->req->length; i++) {
		/* controllers are dynamic: the host is what is registered */
		struct nvme_resv_entry e = {
			.cntlid = NVMF_CNTLID_DYNAMIC,
			.holds = nvmf_resv_holds(r, r->reg[i].hostid),
			.key = r->reg[i].key,
		};

		memcpy(e.hostid, r->reg[i].hostid, sizeof(e.hostid));
		nvme_resv_entry_encode(&entry, &e);
		put_part(o, at, &entry, sizeof(entry));
		at += sizeof(entry);
	}
	op_end(o, NVME_SC_SUCCESS);
}

/* Persistence as a feature */

static void run_get_ptpl(struct resv_op *o)
{
	o->result = o->ns->resv->ptpl;
	op_end(o, NVME_SC_SUCCESS);
}

static void run_set_ptpl(struct resv_op *o)
{
	bool on = le32_to_cpu(o->req->cmd->sqe.cdw11) & 1;

	if (on && !*o->ns->ptpl_file) {
		note_lack_of_file(o);
		op_end(o, NVME_DNR(NVME_SC_INVALID_FIELD));
		return;
	}
	if (!copy_state(o)) {
		op_end(o, NVME_SC_INTERNAL);
		return;
	}
	o->next->ptpl = on;
	finish_change(o);
}

/* From the queue pair's reactor */

static struct resv_op *op_alloc(struct nvmf_request *req,
				void (*run)(struct resv_op *o))
{
	struct resv_op *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->req = req;
	o->ns = req->nsch->view.ns;
	o->subsystem = req->qpair->ctrlr->subsystem->id;
	o->nsid = req->nsch->view.nsid;
	memcpy(o->host, req->qpair->ctrlr->hostid, sizeof(o->host));
	o->run = run;
	return o;
}

static void op_send(struct nvmf_request *req, struct resv_op *o)
{
	if (o)
		reactor_send(reactor_control(), op_arrive, o);
	else
		nvmf_request_complete(req, NVME_SC_INTERNAL);
}

static nvme_status check_host(const struct nvmf_request *req)
{
	/* who cannot be told from others cannot reserve anything */
	return weft_id_is_zero(req->qpair->ctrlr->hostid, NVME_HOSTID_BYTES) ?
		NVME_DNR(NVME_SC_CMD_SEQ_ERROR) : NVME_SC_SUCCESS;
}

nvme_status nvmf_resv_parse(struct nvmf_request *req)
{
	const struct nvme_sqe *sqe = &req->cmd->sqe;
	nvme_status st = nvmf_io_take_ns(req);
	struct nvme_resv_cmd cmd;
	u16 loc;

	if (!st)
		st = check_host(req);
	if (st)
		return st;
	st = nvme_resv_cmd_decode(sqe, NULL, 0, &cmd, &loc);
	if (st)
		return nvmf_request_bad(req, loc, st);
	req->length = nvme_resv_cmd_bytes(sqe->opcode);
	return NVME_SC_SUCCESS;
}

void nvmf_resv_execute(struct nvmf_request *req)
{
	u8 data[NVME_RESV_KEYS_BYTES] = { 0 };
	struct nvme_resv_cmd cmd;
	struct resv_op *o;
	nvme_status st = NVME_SC_DATA_XFER_ERROR;
	u16 loc = NVMF_NO_ERROR_LOC;

	if (nvmf_request_get_bytes(req, 0, data, req->length))
		st = nvme_resv_cmd_decode(&req->cmd->sqe, data, req->length,
					  &cmd, &loc);
	if (st) {
		nvmf_request_complete(req, nvmf_request_bad(req, loc, st));
		return;
	}
	o = op_alloc(req, run_change);
	if (o) {
		o->cmd = cmd;
		o->aborts = cmd.opcode == NVME_CMD_RESV_ACQUIRE &&
			    cmd.action == NVME_RESV_PREEMPT_ABORT;
	}
	op_send(req, o);
}

nvme_status nvmf_resv_report_parse(struct nvmf_request *req)
{
	const struct nvme_sqe *sqe = &req->cmd->sqe;
	u64 bytes = nvme_resv_report_bytes(sqe);
	nvme_status st = nvmf_io_take_ns(req);

	if (st)
		return st;
	/* fabrics has 128-bit host identifiers only */
	if (!(le32_to_cpu(sqe->cdw11) & NVME_RESV_EDS))
		return nvmf_request_bad(req, NVMF_LOC_CDW11,
					NVME_DNR(NVME_SC_HOST_ID_FORMAT));
	if (bytes > req->qpair->rules.max_len)
		return nvmf_request_bad(req, NVMF_LOC_CDW10,
					NVME_DNR(NVME_SC_INVALID_FIELD));
	req->length = bytes;
	return NVME_SC_SUCCESS;
}

void nvmf_resv_report_execute(struct nvmf_request *req)
{
	struct resv_op *o = op_alloc(req, run_report);

	if (o) {
		o->report = calloc(1, req->length);
		if (!o->report) {
			free(o);
			o = NULL;
		}
	}
	op_send(req, o);
}

void nvmf_resv_ptpl_execute(struct nvmf_request *req, bool set)
{
	nvme_status st = nvmf_io_take_ns(req);

	if (st)
		nvmf_request_complete(req, st);
	else
		op_send(req, op_alloc(req, set ? run_set_ptpl : run_get_ptpl));
}

/* Notifications: what a controller has not been able to read yet */

void nvmf_resv_notify(struct nvmf_ctrlr *c, u32 nsid, u8 notice)
{
	struct nvmf_resv_ring *ring = &c->resv;
	struct nvme_resv_log *l;

	if (c->features.resv_mask[nsid] & 1u << notice)
		return;
	ring->count++;
	/*
	 * The last one makes way, not the new one: else a host would read to
	 * the end, and see only by the count of some later notice that others
	 * are missing before it.
	 */
	if (ring->n == NVMF_RESV_NOTICES)
		ring->n--;
	l = &ring->logs[(ring->first + ring->n++) % NVMF_RESV_NOTICES];
	memset(l, 0, sizeof(*l));
	l->count = cpu_to_le64(ring->count);
	l->type = notice;
	l->nsid = cpu_to_le32(nsid);
	nvmf_event_raise(c, NVMF_EVENT_RESV);
}

void nvmf_resv_log_fill(struct nvmf_ctrlr *c, u8 *page)
{
	struct nvmf_resv_ring *ring = &c->resv;
	struct nvme_resv_log *l;

	if (!ring->n)
		return;
	l = &ring->logs[ring->first];
	ring->first = (ring->first + 1) % NVMF_RESV_NOTICES;
	ring->n--;
	l->available = ring->n;
	memcpy(page, l, sizeof(*l));
	if (ring->n)
		nvmf_event_raise(c, NVMF_EVENT_RESV);
}
