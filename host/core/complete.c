// SPDX-License-Identifier: GPL-2.0-only
/*
 * From responses to ended requests: which request a response belongs to, what
 * its status means to the block layer, whether it is sent again. Called by
 * transports from their completion path, in any context, without locks.
 */
#include "host/core/head.h"
#include "host/core/trace.h"

static blk_status_t status_to_blk(nvme_status status)
{
	switch (nvme_status_code(status)) {
	case NVME_SC_CAP_EXCEEDED:
		return BLK_STS_NOSPC;
	case NVME_SC_LBA_RANGE:
	case NVME_SC_CMD_INTERRUPTED:
	case NVME_SC_NS_NOT_READY:
		return BLK_STS_TARGET;
	case NVME_SC_INVALID_OPCODE:
	case NVME_SC_INVALID_FIELD:
	case NVME_SC_INVALID_NS:
	case NVME_SC_CONFLICTING_ATTRS:
		return BLK_STS_NOTSUPP;
	case NVME_SC_WRITE_FAULT:
	case NVME_SC_READ_ERROR:
	case NVME_SC_UNWRITTEN_BLOCK:
	case NVME_SC_ACCESS_DENIED:
	case NVME_SC_READ_ONLY:
	case NVME_SC_COMPARE_FAILED:
		return BLK_STS_MEDIUM;
	case NVME_SC_GUARD_CHECK:
	case NVME_SC_APPTAG_CHECK:
	case NVME_SC_REFTAG_CHECK:
	case NVME_SC_INVALID_PI:
		return BLK_STS_PROTECTION;
	case NVME_SC_RESERVATION_CONFLICT:
		return WEFT_STS_RESV_CONFLICT;
	default:
		return nvme_status_is_path_error(status) ? BLK_STS_TRANSPORT :
							   BLK_STS_IOERR;
	}
}

/* fsync() takes a flush that is not supported for one that was not needed */
static blk_status_t rq_blk_status(struct request *rq)
{
	blk_status_t sts = status_to_blk(weft_req(rq)->status);

	return req_op(rq) == REQ_OP_FLUSH && sts == BLK_STS_NOTSUPP ?
	       BLK_STS_IOERR : sts;
}

/* A controller that comes back will serve it; one that goes will not. */
static bool ctrl_waits(const struct weft_ctrl *ctrl)
{
	return weft_ctrl_state(ctrl) < WEFT_CTRL_DELETING &&
	       !READ_ONCE(ctrl->core->failfast);
}

/*
 * What was in flight when the connection went waits for the path however often
 * that breaks, and counts nothing; a command that was answered with an error, of
 * the path or not, is sent again max_retries times.
 */
static bool may_retry(struct request *rq)
{
	struct weft_request *req = weft_req(rq);

	if (nvme_status_dnr(req->status) ||
	    weft_noretry_rq(rq) || blk_queue_dying(rq->q) ||
	    !ctrl_waits(req->ctrl))
		return false;
	if (req->flags & WEFT_RQ_CANCELLED)
		return true;
	return req->retries++ < READ_ONCE(weft_max_retries);
}

/* CRD of the status chooses one of the controller's delays, 100 ms units. */
static void requeue(struct request *rq)
{
	struct weft_request *req = weft_req(rq);
	unsigned int crd = (req->status & NVME_STATUS_CRD_MASK) >>
			   NVME_STATUS_CRD_SHIFT;
	unsigned int delay = crd ? req->ctrl->info.crdt[crd - 1] * 100 : 0;

	weft_count_retry(rq);
	blk_mq_requeue_request(rq, false);
	blk_mq_delay_kick_requeue_list(rq->q, delay);
}

static void log_error(struct request *rq)
{
	struct weft_request *req = weft_req(rq);

	if (blk_rq_is_passthrough(rq) || rq->rq_flags & RQF_QUIET)
		return;
	dev_err_ratelimited(req->ctrl->device, "%s: %s at sector %llu: %s%s\n",
			    rq->q->disk ? rq->q->disk->disk_name : "admin",
			    blk_op_str(req_op(rq)),
			    (unsigned long long)blk_rq_pos(rq),
			    nvme_status_name(req->status, false),
			    nvme_status_dnr(req->status) ? " (DNR)" : "");
}

static void complete_failed(struct request *rq)
{
	if (weft_may_fail_over(rq)) {
		weft_count_failover(rq);
		blk_mq_end_request(rq, weft_fail_over(rq));
	} else if (may_retry(rq)) {
		requeue(rq);
	} else {
		log_error(rq);
		blk_mq_end_request(rq, rq_blk_status(rq));
	}
}

void weft_complete_rq(struct request *rq)
{
	struct weft_request *req = weft_req(rq);

	weft_cleanup_rq(rq);
	if (likely(!req->status))
		blk_mq_end_request(rq, BLK_STS_OK);
	else
		complete_failed(rq);
}
EXPORT_SYMBOL_GPL(weft_complete_rq);

void weft_complete_batch(struct io_comp_batch *iob,
			 void (*unmap)(struct request *rq))
{
	struct request *rq;

	rq_list_for_each(&iob->req_list, rq) {
		if (unmap)
			unmap(rq);
		weft_cleanup_rq(rq);
	}
	blk_mq_end_request_batch(iob);
}
EXPORT_SYMBOL_GPL(weft_complete_batch);

/*
 * May @rq end here and now? With one context the block layer would always go
 * through its softirq: of no use in softirq on the submitter's own CPU, and
 * the end of every batch.
 */
static bool completes_here(struct request *rq)
{
	if (rq->q->nr_hw_queues == 1 && in_serving_softirq() &&
	    blk_mq_rq_cpu(rq) == smp_processor_id()) {
		blk_mq_set_request_complete(rq);
		return true;
	}
	return !blk_mq_complete_request_remote(rq);
}

/* A target starts to count when a command comes, not when it answers it. */
static void note_traffic(struct weft_ctrl_core *core, const struct request *rq)
{
	unsigned long sent = rq->deadline - rq->timeout;

	if (!READ_ONCE(core->comp_seen) &&
	    time_after_eq(sent, READ_ONCE(core->ka_looked)))
		WRITE_ONCE(core->comp_seen, true);
}

bool weft_end_rq(struct request *rq, u16 cqe_status, u64 result,
		 struct io_comp_batch *iob,
		 void (*complete)(struct io_comp_batch *iob))
{
	struct weft_request *req = weft_req(rq);
	struct weft_ctrl_core *core = req->ctrl->core;

	req->status = weft_cqe_status(cqe_status);
	req->result = result;
	note_traffic(core, rq);
	weft_count_rq(core, rq);
	trace_weft_end_rq(rq);
	if (!completes_here(rq))
		return false;
	if (likely(!req->status) &&
	    blk_mq_add_to_batch(rq, iob, false, complete))
		return true;
	rq->q->mq_ops->complete(rq);
	return false;
}
EXPORT_SYMBOL_GPL(weft_end_rq);

/* A reconnect brought fewer queues, and this request's context is gone. */
static bool context_gone(struct weft_ctrl *ctrl, struct request *rq)
{
	return rq->q->tag_set == &ctrl->tag_set &&
	       rq->mq_hctx->queue_num >= READ_ONCE(ctrl->core->nr_hw_queues) &&
	       weft_ctrl_state(ctrl) == WEFT_CTRL_LIVE;
}

/*
 * Its bios find another context once the tag set has been resized, or are split
 * by new limits. Steps of a flush belong to the block layer's own machine and
 * cannot move: they fail, as the resize would wait for them for ever.
 */
static void park_orphan(struct weft_ctrl *ctrl, struct request *rq)
{
	struct weft_ctrl_core *core = ctrl->core;
	unsigned long flags;
	struct bio *bio;

	if (!rq->bio || rq->end_io || blk_rq_is_passthrough(rq))
		return;
	for (bio = rq->bio; bio; bio = bio->bi_next)
		weft_defer_bio(bio);
	spin_lock_irqsave(&core->orphan_lock, flags);
	blk_steal_bios(&core->orphans, rq);
	spin_unlock_irqrestore(&core->orphan_lock, flags);
	/* a deletion that has begun meanwhile may have looked before */
	if (weft_ctrl_state(ctrl) != WEFT_CTRL_LIVE)
		weft_resubmit_orphans(core);
}

static bool is_gone(const struct request *rq)
{
	const struct weft_ns *ns = rq->q->queuedata;

	return READ_ONCE(ns->gone);
}

/* The limits of its disk have shrunk: split anew when the scan has said so */
static void park_too_large(struct weft_ctrl *ctrl, struct request *rq)
{
	park_orphan(ctrl, rq);
	/* which may have been meanwhile, or not wait for it any more */
	if (!READ_ONCE(ctrl->core->narrow) || is_gone(rq))
		weft_resubmit_orphans(ctrl->core);
}

void weft_orphan_work(struct work_struct *work)
{
	struct weft_ctrl_core *core = container_of(work, struct weft_ctrl_core,
						   orphan_work);
	struct bio_list list;
	struct bio *bio;

	spin_lock_irq(&core->orphan_lock);
	list = core->orphans;
	bio_list_init(&core->orphans);
	spin_unlock_irq(&core->orphan_lock);
	while ((bio = bio_list_pop(&list)))
		submit_bio_noacct(bio);
}

/*
 * weft_resubmit_orphans() - after the resize, or to let them fail; any context
 * Not by the caller: submission waits for tags, and if the connection breaks
 * now only the life work brings them back.
 */
void weft_resubmit_orphans(struct weft_ctrl_core *core)
{
	queue_work(weft_requeue_wq, &core->orphan_work);
}

/*
 * Does @ctrl take requests, but smaller ones than the disks know? If not any
 * more, it serves: pairs with weft_end_narrow(). What is left when it is deleted
 * may still finish.
 */
static bool is_narrow(const struct weft_ctrl *ctrl)
{
	enum weft_ctrl_state state = weft_ctrl_state(ctrl);

	return (state == WEFT_CTRL_LIVE || state == WEFT_CTRL_DELETING) &&
	       smp_load_acquire(&ctrl->core->narrow);
}

static bool fits(const struct weft_ctrl *ctrl, struct request *rq)
{
	if (req_op(rq) != REQ_OP_READ && req_op(rq) != REQ_OP_WRITE)
		return true;
	/* it fails, and is not sent */
	if (is_gone(rq))
		return true;
	return blk_rq_bytes(rq) <= ctrl->core->max_bytes &&
	       blk_rq_nr_phys_segments(rq) <= ctrl->max_segments;
}

blk_status_t weft_queue_ready(struct weft_ctrl *ctrl, struct request *rq,
			      bool queue_live)
{
	bool path = rq->cmd_flags & WEFT_REQ_MPATH;
	bool narrow;

	if (likely(weft_takes_requests(ctrl, queue_live)))
		return BLK_STS_OK;
	narrow = queue_live && is_narrow(ctrl);
	if (narrow ? fits(ctrl, rq) : weft_takes_requests(ctrl, queue_live))
		return BLK_STS_OK;
	/* when one is parked the block layer ends what is left of the request */
	if (!path && narrow && weft_ctrl_state(ctrl) == WEFT_CTRL_LIVE)
		park_too_large(ctrl, rq);
	else if (!path && !queue_live && context_gone(ctrl, rq))
		park_orphan(ctrl, rq);
	else if (!path && ctrl_waits(ctrl) && !weft_noretry_rq(rq))
		return BLK_STS_RESOURCE;
	return weft_refuse_rq(ctrl, rq);
}
EXPORT_SYMBOL_GPL(weft_queue_ready);

enum blk_eh_timer_return weft_timeout_rq(struct request *rq)
{
	struct weft_request *req = weft_req(rq);
	struct weft_ctrl *ctrl = req->ctrl;

	atomic64_inc(&ctrl->core->timeouts);
	weft_error_recovery(ctrl, "%s: %s timed out (tag %d)",
			    rq->q->disk ? rq->q->disk->disk_name : "admin queue",
			    blk_rq_is_passthrough(rq) ? "passthrough command" :
			    blk_op_str(req_op(rq)), rq->tag);
	/* recovery, or the abort of a deletion, ends it with its queue */
	return BLK_EH_RESET_TIMER;
}
EXPORT_SYMBOL_GPL(weft_timeout_rq);
