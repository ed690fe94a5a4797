// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Abort: the command is looked for on its own reactor and taken back if it
 * waits for something (base specification 2.0, 5.1): an event, the other half
 * of a pair, blocks that are locked, memory, a transport's buffers, a rate limit,
 * a bdev that is slow on purpose. One whose data is on its way ends when that is
 * there, and one that a device was asked to end when the device has decided: the
 * Abort waits for it, for a while. What a device cannot give back runs to its
 * end; DW0 bit 0 tells the host so.
 */
#include <stdlib.h>

#include "target/nvmf/io.h"

/**
 * struct aborting - an Abort on its way to the queue's reactor and back
 * @req: the Abort; @q: @cid: what it is to find
 * @target: found, but it ends later
 * @timer: or the Abort gives up
 */
struct aborting {
	struct nvmf_request *req;
	struct nvmf_qpair *q;
	__le16 cid;
	bool aborted;
	struct nvmf_request *target;
	struct poller *timer;
};

static bool take_back(struct nvmf_request *req)
{
	struct nvmf_qpair *q = req->qpair;
	bool (*in_transport)(struct nvmf_request *req) =
		q->transport->ops->req_abort;

	if (q->fused == req && !nvmf_fused_fetching(req))
		return true;
	return nvmf_lock_abort(req) || nvmf_throttle_abort(req) ||
	       (!req->ready && in_transport && in_transport(req));
}

enum bdev_aborting nvmf_abort_in_device(struct nvmf_request *req)
{
	if (nvmf_scratch_abort(req))
		return BDEV_ABORT_DONE;
	return req->submitted ? bdev_abort(&req->bio) : BDEV_ABORT_NOT;
}

/* On the reactor of the command's queue */
static struct nvmf_request *find(struct nvmf_qpair *q, __le16 cid)
{
	struct nvmf_request *req;

	TAILQ_FOREACH(req, &q->requests, qlink)
		if (req->cmd->sqe.cid == cid)
			return req;
	return NULL;
}

static enum bdev_aborting abort_now(struct nvmf_request *req)
{
	enum bdev_aborting how = nvmf_abort_in_device(req);

	if (how != BDEV_ABORT_NOT || !take_back(req))
		return how;
	nvmf_request_complete(req, NVME_DNR(NVME_SC_ABORT_REQUESTED));
	return BDEV_ABORT_DONE;
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

static void send_back(struct aborting *ab, bool aborted)
{
	ab->aborted = aborted;
	reactor_send(ab->req->qpair->group->reactor, back, ab);
}

/* Its data may move between memory of ours and a host or a device still */

static void give_up(void *ctx)
{
	struct aborting *ab = ctx;

	ab->timer = NULL;
	ab->target->aborting = NULL;
	send_back(ab, false);
}

static bool wait_for(struct aborting *ab, struct nvmf_request *req)
{
	u32 s = req->qpair->opts.abort_timeout_sec;

	if (req->aborting || !s)
		return false;
	ab->timer = timer_start("abort", give_up, ab, s * 1000000ull);
	if (!ab->timer)
		return false;
	ab->target = req;
	req->aborting = ab;
	return true;
}

void nvmf_abort_over(struct nvmf_request *req, nvme_status st)
{
	struct aborting *ab = req->aborting;

	req->aborting = NULL;
	poller_unregister(&ab->timer);
	send_back(ab, nvme_status_code(st) == NVME_SC_ABORT_REQUESTED);
}

static void abort_there(void *ctx)
{
	struct aborting *ab = ctx;
	enum bdev_aborting how = BDEV_ABORT_NOT;
	struct nvmf_request *req = NULL;

	if (ab->q->state == NVMF_QPAIR_ENABLED)
		req = find(ab->q, ab->cid);
	if (req)
		how = abort_now(req);
	if (how == BDEV_ABORT_DONE)
		send_back(ab, true);
	else if (!req || (how == BDEV_ABORT_NOT && !req->fetching) ||
		 !wait_for(ab, req))
		send_back(ab, false);
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

/* On the admin queue itself, where the Abort is, too */
static void abort_here(struct nvmf_request *req, __le16 cid)
{
	struct nvmf_request *target;

	if (nvmf_aer_abort(req->qpair->ctrlr, cid)) {
		end(req, true);
		return;
	}
	target = find(req->qpair, cid);
	end(req, target && target != req &&
		 abort_now(target) == BDEV_ABORT_DONE);
}

void nvmf_abort_execute(struct nvmf_request *req)
{
	u32 cdw10 = le32_to_cpu(req->cmd->sqe.cdw10);
	struct nvmf_ctrlr *c = req->qpair->ctrlr;
	__le16 cid = cpu_to_le16(cdw10 >> 16);
	u16 sqid = cdw10 & 0xffff;
	struct nvmf_qpair *q;

	if (c->naborts == NVMF_ABORT_LIMIT) {
		nvmf_request_complete(req, NVME_DNR(NVME_SC_ABORT_LIMIT));
		return;
	}
	c->naborts++;
	if (!sqid) {
		abort_here(req, cid);
		return;
	}
	q = find_queue(c, sqid);
	if (q)
		send_there(req, q, cid);
	else
		end(req, false);
}
