// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Abort: the command is looked for on its own reactor and taken back if it
 * waits for something (base specification 2.0, 5.1): an event, the other half
 * of a pair, blocks that are locked, memory, a transport's buffers. What a
 * device works on already runs to its end; DW0 bit 0 tells the host so.
 */
#include <stdlib.h>

#include "target/nvmf/io.h"

/** struct aborting - an Abort on its way to the queue's reactor and back */
struct aborting {
	struct nvmf_request *req;
	struct nvmf_qpair *q;
	__le16 cid;
	bool aborted;
};

static bool take_back(struct nvmf_request *req)
{
	struct nvmf_qpair *q = req->qpair;
	bool (*in_transport)(struct nvmf_request *req) =
		q->transport->ops->req_abort;

	if (q->fused == req && !nvmf_fused_fetching(req))
		return true;
	return nvmf_lock_abort(req) || nvmf_scratch_abort(req) ||
	       (!req->ready && in_transport && in_transport(req));
}

/* On the reactor of the command's queue */
static bool abort_on(struct nvmf_qpair *q, __le16 cid, const void *self)
{
	struct nvmf_request *req;

	TAILQ_FOREACH(req, &q->requests, qlink) {
		if (req->cmd->sqe.cid != cid || req == self)
			continue;
		if (!take_back(req))
			return false;
		nvmf_request_complete(req, NVMF_DNR(NVME_SC_ABORT_REQUESTED));
		return true;
	}
	return false;
}

static void end(struct nvmf_request *req, bool aborted)
{
	req->qpair->ctrlr->naborts--;
	req->cqe.result = cpu_to_le64(aborted ? 0 : 1);
	nvmf_request_complete(req, NVME_SC_SUCCESS);
}

static void back(void *ctx)
{
	struct aborting *ab = ctx;

	end(ab->req, ab->aborted);
	free(ab);
}

static void abort_there(void *ctx)
{
	struct aborting *ab = ctx;

	if (ab->q->state == NVMF_QPAIR_ENABLED)
		ab->aborted = abort_on(ab->q, ab->cid, NULL);
	reactor_send(ab->req->qpair->group->reactor, back, ab);
}

static struct nvmf_qpair *find_queue(const struct nvmf_ctrlr *c, u16 qid)
{
	struct nvmf_qpair *q;

	TAILQ_FOREACH(q, &c->qpairs, ctrlr_link)
		if (q->qid == qid)
			return q;
	return NULL;
}

/* The queue is there until its reactor gets what is sent later than this */
static void send_there(struct nvmf_request *req, struct nvmf_qpair *q,
		       __le16 cid)
{
	struct aborting *ab = calloc(1, sizeof(*ab));

	if (!ab) {
		end(req, false);
		return;
	}
	ab->req = req;
	ab->q = q;
	ab->cid = cid;
	reactor_send(q->group->reactor, abort_there, ab);
}

void nvmf_abort_execute(struct nvmf_request *req)
{
	u32 cdw10 = le32_to_cpu(req->cmd->sqe.cdw10);
	struct nvmf_ctrlr *c = req->qpair->ctrlr;
	__le16 cid = cpu_to_le16(cdw10 >> 16);
	u16 sqid = cdw10 & 0xffff;
	struct nvmf_qpair *q;

	if (c->naborts == NVMF_ABORT_LIMIT) {
		nvmf_request_complete(req, NVMF_DNR(NVME_SC_ABORT_LIMIT));
		return;
	}
	c->naborts++;
	if (!sqid) {
		end(req, nvmf_aer_abort(c, cid) ||
			 abort_on(req->qpair, cid, req));
		return;
	}
	q = find_queue(c, sqid);
	if (q)
		send_there(req, q, cid);
	else
		end(req, false);
}
