// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Asynchronous events: requests that wait for one, and events that wait for a
 * request. An event type that was told is masked until its log page is read
 * (base specification 2.0, 5.2); what happens in between is told then. On the
 * controller's home.
 */
#include "target/nvmf/internal.h"

static const struct {
	u32 enable;	/* bit of the Async Event Configuration; 0: always */
	u8 type;
	u8 info;
	u8 log;
} kinds[NVMF_EVENTS] = {
	[NVMF_EVENT_NS_CHANGED] = {
		NVME_OAES_NS_ATTR, NVME_AER_NOTICE, NVME_AER_NOTICE_NS_CHANGED,
		NVME_LOG_CHANGED_NS,
	},
	[NVMF_EVENT_ANA] = {
		NVME_OAES_ANA, NVME_AER_NOTICE, NVME_AER_NOTICE_ANA,
		NVME_LOG_ANA,
	},
	[NVMF_EVENT_RESV] = {
		0, NVME_AER_CSS, 0, NVME_LOG_RESERVATION,
	},
	[NVMF_EVENT_DISC_CHANGED] = {
		NVME_OAES_DISC_CHANGE, NVME_AER_NOTICE,
		NVME_AER_NOTICE_DISC_CHANGED,
		NVME_LOG_DISCOVERY,
	},
};

static struct nvmf_request *take(struct nvmf_ctrlr *c)
{
	struct nvmf_request *req = TAILQ_FIRST(&c->aers);

	TAILQ_REMOVE(&c->aers, req, link);
	c->naers--;
	return req;
}

static void deliver(struct nvmf_ctrlr *c)
{
	struct nvmf_request *req;
	int ev;

	for (ev = 0; ev < NVMF_EVENTS && c->naers; ev++) {
		if (!(c->events_pending & ~c->events_masked & 1u << ev))
			continue;
		c->events_pending &= ~(1u << ev);
		c->events_masked |= 1u << ev;
		req = take(c);
		req->cqe.result = cpu_to_le64(NVME_AER_DW0(kinds[ev].type,
							   kinds[ev].info,
							   kinds[ev].log));
		nvmf_request_complete(req, NVME_SC_SUCCESS);
	}
}

void nvmf_event_raise(struct nvmf_ctrlr *c, enum nvmf_event ev)
{
	u32 enable = kinds[ev].enable;

	if (c->closing || (enable && !(c->features.async_event & enable)))
		return;
	c->events_pending |= 1u << ev;
	deliver(c);
}

void nvmf_events_disabled(struct nvmf_ctrlr *c)
{
	int ev;

	for (ev = 0; ev < NVMF_EVENTS; ev++)
		if (kinds[ev].enable &&
		    !(c->features.async_event & kinds[ev].enable))
			c->events_pending &= ~(1u << ev);
}

void nvmf_event_read(struct nvmf_ctrlr *c, enum nvmf_event ev)
{
	/* the page that is read now holds what happened up to now */
	c->events_pending &= ~(1u << ev);
	c->events_masked &= ~(1u << ev);
}

void nvmf_ns_changed(struct nvmf_ctrlr *c, u32 nsid)
{
	c->changed_ns[nsid / 8] |= 1u << nsid % 8;
	nvmf_event_raise(c, NVMF_EVENT_NS_CHANGED);
}

void nvmf_aer_execute(struct nvmf_request *req)
{
	struct nvmf_ctrlr *c = req->qpair->ctrlr;

	if (c->naers == NVME_MAX_AERS) {
		nvmf_request_complete(req, NVME_DNR(NVME_SC_ASYNC_LIMIT));
		return;
	}
	TAILQ_INSERT_TAIL(&c->aers, req, link);
	c->naers++;
	deliver(c);
}

void nvmf_aer_abort_all(struct nvmf_ctrlr *c, nvme_status st)
{
	while (c->naers)
		nvmf_request_complete(take(c), st);
}

bool nvmf_aer_abort(struct nvmf_ctrlr *c, __le16 cid)
{
	struct nvmf_request *req;

	TAILQ_FOREACH(req, &c->aers, link) {
		if (req->cmd->sqe.cid == cid) {
			TAILQ_REMOVE(&c->aers, req, link);
			c->naers--;
			nvmf_request_complete(req,
					      NVME_DNR(NVME_SC_ABORT_REQUESTED));
			return true;
		}
	}
	return false;
}
