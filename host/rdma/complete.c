// SPDX-License-Identifier: GPL-2.0-only
/*
 * Completions: one pass at a time polls a batch from the CQ, takes responses,
 * posts the receives again as one chain and the LOCAL_INVs as another, and only
 * then ends requests, so that no new command can find the target's answer
 * without a receive.
 *
 * cq_lock makes passes serial, which is why a plain byte counts what a command
 * still waits for. A pass runs in softirq (irq_poll), and there requests end
 * under cq_lock, so that who has held it after a drain knows that all have
 * ended. Queues of the polled kind are different, because the block layer
 * frees polled bios only where bottom halves are on: there ->poll, or a work
 * item while nobody polls, ends requests without the lock.
 *
 * Nothing that a target sends is trusted: a response must be whole, name a
 * command that was posted and not answered, and may invalidate only that
 * command's region. Else the queue is deaf from then on and recovery starts.
 */
#include <linux/indirect_call_wrapper.h>

#include "host/rdma/rdma.h"

static void nvme_rdma_wr_error(struct weft_rdma_queue *q,
			       const struct ib_wc *wc, const char *op)
{
	weft_tqueue_lost(&q->base, "%s failed: %s", op,
			 ib_wc_status_msg(wc->status));
}

/* One of the completions that @slot's command waits for has come */
static void nvme_rdma_slot_step(struct weft_rdma_queue *q,
				struct weft_rdma_slot *slot)
{
	if (--slot->wait)
		return;
	slot->next = NULL;
	*q->done_tail = slot;
	q->done_tail = &slot->next;
}

/*
 * weft_rdma_send_done() - a signalled SEND was acknowledged, or any failed
 */
void weft_rdma_send_done(struct ib_cq *cq, struct ib_wc *wc)
{
	struct weft_rdma_queue *q = cq->cq_context;
	struct weft_rdma_slot *slot = container_of(wc->wr_cqe,
						   struct weft_rdma_slot,
						   send_cqe);

	if (unlikely(wc->status != IB_WC_SUCCESS)) {
		nvme_rdma_wr_error(q, wc, "SEND");
		return;
	}
	/* sends complete in order: all before this one have left the SQ */
	WRITE_ONCE(q->sq_retired, slot->send_end);
	nvme_rdma_slot_step(q, slot);
}

/*
 * weft_rdma_inv_done() - a region is invalid; its command may end
 */
void weft_rdma_inv_done(struct ib_cq *cq, struct ib_wc *wc)
{
	struct weft_rdma_queue *q = cq->cq_context;
	struct weft_rdma_slot *slot = container_of(wc->wr_cqe,
						   struct weft_rdma_slot,
						   inv_cqe);

	if (unlikely(wc->status != IB_WC_SUCCESS)) {
		nvme_rdma_wr_error(q, wc, "LOCAL_INV");
		return;
	}
	WRITE_ONCE(q->sq_retired, slot->inv_end);
	nvme_rdma_slot_step(q, slot);
}

/*
 * weft_rdma_reg_done() - never signalled, so a REG_MR has failed
 */
void weft_rdma_reg_done(struct ib_cq *cq, struct ib_wc *wc)
{
	struct weft_rdma_queue *q = cq->cq_context;

	if (wc->status != IB_WC_SUCCESS)
		nvme_rdma_wr_error(q, wc, "REG_MR");
}

static void nvme_rdma_peer_broke(struct weft_rdma_queue *q, const char *what,
				 u16 cid)
{
	q->broken = true;
	weft_tqueue_lost(&q->base, "protocol error of the target: %s (command identifier %#x)",
			 what, cid);
}

static struct weft_rdma_slot *nvme_rdma_find_slot(struct weft_rdma_queue *q,
						  u16 cid)
{
	u32 i = weft_cid_tag(cid);

	if (i == WEFT_TAG_SLOT)
		i = q->depth;
	else if (i == WEFT_TAG_AER)
		i = q->depth + 1;
	return i < q->slots_nr ? &q->slots[i] : NULL;
}

/* Is @cqe the first response to the command that @slot holds? */
static bool nvme_rdma_expected(const struct weft_rdma_queue *q,
			       struct weft_rdma_slot *slot,
			       const struct nvme_cqe *cqe)
{
	if (!slot || !smp_load_acquire(&slot->wait) || slot->responded)
		return false;
	if (slot->cmd->sqe.cid != cqe->cid)
		return false;
	/* still in the chain: what was not sent cannot be answered */
	return (s32)(READ_ONCE(q->sq_posted) - slot->send_end) >= 0;
}

static void nvme_rdma_response(struct weft_rdma_queue *q,
			       const struct ib_wc *wc,
			       const struct nvme_cqe *cqe)
{
	u16 cid = le16_to_cpu(cqe->cid);
	struct weft_rdma_slot *slot = nvme_rdma_find_slot(q, cid);
	bool inv = wc->wc_flags & IB_WC_WITH_INVALIDATE;

	if (unlikely(!nvme_rdma_expected(q, slot, cqe))) {
		nvme_rdma_peer_broke(q, "response to no command in flight",
				     cid);
		return;
	}
	if (inv && (!slot->rq || !slot->registered ||
		    wc->ex.invalidate_rkey != slot->mr->rkey)) {
		nvme_rdma_peer_broke(q, "response invalidates a foreign key",
				     cid);
		return;
	}
	slot->responded = true;
	slot->status = le16_to_cpu(cqe->status);
	slot->result = le64_to_cpu(cqe->result);
	if (inv) {
		q->count[WEFT_RDMA_N_REMOTE_INV]++;
	} else if (slot->rq && slot->registered) {
		slot->wait++;
		slot->next = q->inv_list;
		q->inv_list = slot;
	}
	nvme_rdma_slot_step(q, slot);
}

/*
 * weft_rdma_recv_done() - a response, or the end of a receive
 */
void weft_rdma_recv_done(struct ib_cq *cq, struct ib_wc *wc)
{
	struct weft_rdma_queue *q = cq->cq_context;
	struct weft_rdma_rx *rx = container_of(wc->wr_cqe, struct weft_rdma_rx,
					       cqe);
	struct nvme_cqe cqe;

	if (unlikely(wc->status != IB_WC_SUCCESS)) {
		nvme_rdma_wr_error(q, wc, "RECV");
		return;
	}
	if (unlikely(q->broken))
		return;
	if (unlikely(wc->byte_len != sizeof(cqe))) {
		nvme_rdma_peer_broke(q, "response has not 16 bytes", 0);
		return;
	}
	ib_dma_sync_single_for_cpu(q->dev, rx->sge.addr, sizeof(cqe),
				   DMA_FROM_DEVICE);
	cqe = *rx->data;	/* once: the checks hold for what is used */
	ib_dma_sync_single_for_device(q->dev, rx->sge.addr, sizeof(cqe),
				      DMA_FROM_DEVICE);
	rx->wr.next = NULL;
	*q->rx_tail = &rx->wr;
	q->rx_tail = &rx->wr.next;
	q->count[WEFT_RDMA_N_RECVS]++;
	nvme_rdma_response(q, wc, &cqe);
}

static void nvme_rdma_repost(struct weft_rdma_queue *q)
{
	struct ib_recv_wr *first = q->rx_chain;
	int err;

	q->rx_chain = NULL;
	q->rx_tail = &q->rx_chain;
	if (!first || q->broken)
		return;
	q->count[WEFT_RDMA_N_RECV_POSTS]++;
	err = ib_post_recv(q->qp, first, NULL);
	if (unlikely(err)) {
		q->broken = true;
		weft_tqueue_lost(&q->base, "receives cannot be posted (%d)",
				 err);
	}
}

/* The target did not invalidate: do it here, signalled, and wait */
static void nvme_rdma_invalidate(struct weft_rdma_queue *q)
{
	struct weft_rdma_slot *slot = q->inv_list;

	if (likely(!slot))
		return;
	q->inv_list = NULL;
	spin_lock(&q->sq_lock);
	for (; slot && q->sq_open; slot = slot->next) {
		slot->inv.ex.invalidate_rkey = slot->mr->rkey;
		weft_rdma_append(q, &slot->inv, &slot->inv, 1);
		slot->inv_end = q->sq_head;
		q->count[WEFT_RDMA_N_LOCAL_INV]++;
		q->count[WEFT_RDMA_N_SIGNALLED]++;
		q->unsignalled = 0;
	}
	weft_rdma_flush(q);
	spin_unlock(&q->sq_lock);
}

/* Data of a request that has ended, to where it belongs */
static void nvme_rdma_end_data(struct request *rq)
{
	struct weft_rdma_queue *q = rq->mq_hctx->driver_data;

	weft_rdma_bounce_end(q, rq);
	weft_rdma_unmap_rq(q, rq);
}

static void nvme_rdma_complete_batch(struct io_comp_batch *iob)
{
	weft_complete_batch(iob, nvme_rdma_end_data);
}

/*
 * Ends what a pass has found done. No lock is needed: the list is the caller's,
 * and so is @iob, in which requests that have succeeded wait for its end.
 */
static void nvme_rdma_finish(struct weft_rdma_queue *q,
			     struct weft_rdma_slot *slot,
			     struct io_comp_batch *iob)
{
	struct weft_rdma_slot *next;
	struct request *rq;

	for (; slot; slot = next) {
		/* the slot may have its next life as soon as its rq has ended */
		next = slot->next;
		rq = slot->rq;
		if (rq)
			q->count[WEFT_RDMA_N_BATCHED] +=
				weft_end_rq(rq, slot->status, slot->result,
					    iob, nvme_rdma_complete_batch);
		else if (slot == weft_rdma_exec_slot(q))
			weft_tqueue_answered(&q->base);
		else
			weft_complete_aer(&q->ctrl->ctrl, slot->status,
					  lower_32_bits(slot->result));
	}
}

/*
 * One pass over at most @budget completions. Returns how many there were, and
 * in @done the slots whose commands they have ended.
 */
static int nvme_rdma_process(struct weft_rdma_queue *q, int budget,
			     struct weft_rdma_slot **done)
{
	struct ib_cqe *cqe;
	int n, i;

	lockdep_assert_held(&q->cq_lock);
	n = ib_poll_cq(q->cq, min(budget, WEFT_RDMA_WC_BATCH), q->wc);
	for (i = 0; i < n; i++) {
		cqe = q->wc[i].wr_cqe;
		INDIRECT_CALL_2(cqe->done, weft_rdma_recv_done,
				weft_rdma_send_done, q->cq, &q->wc[i]);
	}
	*done = q->done_list;
	q->done_list = NULL;
	q->done_tail = &q->done_list;
	if (n <= 0)
		return 0;
	q->count[WEFT_RDMA_N_COMPLETIONS] += n;
	nvme_rdma_repost(q);
	nvme_rdma_invalidate(q);
	return n;
}

/*
 * weft_rdma_cq_event() - there are completions; called by the device's driver
 */
void weft_rdma_cq_event(struct ib_cq *cq, void *context)
{
	struct weft_rdma_queue *q = context;

	q->count[WEFT_RDMA_N_EVENTS]++;
	if (weft_tqueue_is_poll(&q->base))
		queue_work(weft_rdma_wq, &q->work);
	else
		irq_poll_sched(&q->iop);
}

/*
 * weft_rdma_rearm() - the next completion makes an event
 * After a last pass the CQ may be gone: who destroys it waits for passes only.
 * Return: true if some have come since the last pass: there will be no event.
 */
bool weft_rdma_rearm(struct weft_rdma_queue *q)
{
	bool missed;

	spin_lock_bh(&q->cq_lock);
	missed = q->cq && ib_req_notify_cq(q->cq, IB_CQ_NEXT_COMP |
					   IB_CQ_REPORT_MISSED_EVENTS) > 0;
	spin_unlock_bh(&q->cq_lock);
	return missed;
}

/*
 * weft_rdma_irq_poll() - passes in softirq until the CQ is empty or @budget used
 */
int weft_rdma_irq_poll(struct irq_poll *iop, int budget)
{
	struct weft_rdma_queue *q = container_of(iop, struct weft_rdma_queue,
						 iop);
	DEFINE_IO_COMP_BATCH(iob);
	struct weft_rdma_slot *slot;
	int done = 0, n, max;

	spin_lock(&q->cq_lock);
	do {
		max = min(budget - done, WEFT_RDMA_WC_BATCH);
		n = nvme_rdma_process(q, max, &slot);
		nvme_rdma_finish(q, slot, &iob);
		done += n;
	} while (n == max && done < budget);
	if (iob.complete)
		iob.complete(&iob);
	spin_unlock(&q->cq_lock);
	if (done >= budget)
		return done;
	irq_poll_complete(iop);
	if (weft_rdma_rearm(q))
		irq_poll_sched(iop);
	return done;
}

/* A pass for those who end requests with bottom halves on, without cq_lock */
static int nvme_rdma_process_bh_on(struct weft_rdma_queue *q, bool polled,
				   struct io_comp_batch *iob)
{
	struct weft_rdma_slot *slot = NULL;
	int n = 0;

	spin_lock_bh(&q->cq_lock);
	/* an event of the last moment finds no CQ any more */
	if (q->cq && q->polled == polled)
		n = nvme_rdma_process(q, WEFT_RDMA_WC_BATCH, &slot);
	spin_unlock_bh(&q->cq_lock);
	nvme_rdma_finish(q, slot, iob);
	return n;
}

/*
 * weft_rdma_cq_work() - passes for a queue of the polled kind, while nobody
 * polls it: before it is started, from stop_queue on, and if it is a mixed one
 */
void weft_rdma_cq_work(struct work_struct *work)
{
	struct weft_rdma_queue *q = container_of(work, struct weft_rdma_queue,
						 work);

	while (nvme_rdma_process_bh_on(q, false, NULL))
		cond_resched();
	if (!READ_ONCE(q->polled) && weft_rdma_rearm(q))
		queue_work(weft_rdma_wq, &q->work);
}

/*
 * weft_rdma_poll() - &blk_mq_ops.poll: one pass, unless another task is at it
 */
int weft_rdma_poll(struct blk_mq_hw_ctx *hctx, struct io_comp_batch *iob)
{
	struct weft_rdma_queue *q = hctx->driver_data;
	int n;

	if (!READ_ONCE(q->polled) ||
	    test_and_set_bit_lock(WEFT_Q_POLLING, &q->base.flags))
		return 0;
	n = nvme_rdma_process_bh_on(q, true, iob);
	clear_and_wake_up_bit(WEFT_Q_POLLING, &q->base.flags);
	return n;
}

/*
 * weft_rdma_complete_rq() - &blk_mq_ops.complete: responses and cancellations
 */
void weft_rdma_complete_rq(struct request *rq)
{
	nvme_rdma_end_data(rq);
	weft_complete_rq(rq);
}
