// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Queue pairs from the first capsule to the last: the states of a connection
 * and the order in which it is let go. Called by transports and, within the
 * room, by whoever closes connections; on the queue pair's reactor.
 *
 * Letting go: close (we ask the transport) -> gone (the transport says so) ->
 * all requests have ended -> the controller forgets it -> free.
 */
#include "target/nvmf/io.h"

void nvmf_qpair_add(struct nvmf_qpair *q)
{
	struct nvmf_group_core *core = q->group->core;

	assert_on_reactor(q->group->reactor);
	q->ctrlr = NULL;
	q->sgroup = NULL;
	q->listener = 0;
	memset(q->visible, 0, sizeof(q->visible));
	q->qid = 0;
	q->sqsize = 0;
	q->sqhd = 0;
	q->sqflow_off = false;
	q->state = NVMF_QPAIR_NEW;
	q->outstanding = 0;
	q->io_host = NULL;
	memset(&q->io, 0, sizeof(q->io));
	q->fused = NULL;
	q->fused_failed = false;
	q->commands = 0;
	TAILQ_INIT(&q->requests);
	TAILQ_INSERT_TAIL(&core->qpairs, q, link);
	nvmf_group_watch_connect(q);
	if (core->stopping)
		nvmf_qpair_close(q);
}

void nvmf_qpair_close(struct nvmf_qpair *q)
{
	if (q->state >= NVMF_QPAIR_CLOSING)
		return;
	if (q->state != NVMF_QPAIR_ENABLED)
		nvmf_group_unwatch_connect(q);
	q->state = NVMF_QPAIR_CLOSING;
	q->transport->ops->qpair_disconnect(q);
}

void nvmf_qpair_close_msg(void *q)
{
	nvmf_qpair_close(q);
}

void nvmf_qpair_free(void *ctx)
{
	struct nvmf_qpair *q = ctx;

	TAILQ_REMOVE(&q->group->core->qpairs, q, link);
	nvmf_group_released(q);
	q->transport->ops->qpair_free(q);
}

static void count_out(const struct nvmf_qpair *q)
{
	struct nvmf_group_stats *st = &q->group->core->stats;

	if (q->qid)
		st->current_io_qpairs--;
	else
		st->current_admin_qpairs--;
}

static void release(struct nvmf_qpair *q)
{
	struct nvmf_ctrlr *c = q->ctrlr;

	q->state = NVMF_QPAIR_RELEASING;
	if (c)
		count_out(q);
	if (c && q->qid) {
		reactor_send(c->group->reactor, nvmf_ctrlr_forget_io, q);
		return;
	}
	if (c)
		nvmf_ctrlr_admin_gone(c);
	nvmf_qpair_free(q);
}

void nvmf_qpair_check_drained(struct nvmf_qpair *q)
{
	if (q->state == NVMF_QPAIR_GONE && !q->outstanding)
		release(q);
}

/* What a device has not begun, nobody will wait for */
static bool take_back_one(struct nvmf_qpair *q)
{
	struct nvmf_request *req;

	TAILQ_FOREACH(req, &q->requests, qlink)
		if (req->submitted && bdev_take_back(&req->bio))
			return true;
	return false;
}

void nvmf_qpair_disconnected(struct nvmf_qpair *q)
{
	assert_on_reactor(q->group->reactor);
	if (q->state >= NVMF_QPAIR_GONE)
		return;
	if (q->state < NVMF_QPAIR_ENABLED)
		nvmf_group_unwatch_connect(q);
	q->state = NVMF_QPAIR_GONE;
	/*
	 * Held until the end: the last of the asynchronous events must not
	 * release the queue pair while the others are still being ended.
	 */
	q->outstanding++;
	if (q->ctrlr && !q->qid)
		nvmf_aer_abort_all(q->ctrlr, NVME_SC_ABORT_SQ_DELETED);
	nvmf_fused_alone(q);
	nvmf_throttle_abort_all(q);
	/* from the start each time: what ends one may end others */
	while (take_back_one(q))
		;
	q->outstanding--;
	nvmf_qpair_check_drained(q);
}
