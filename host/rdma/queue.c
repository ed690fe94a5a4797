// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life of a queue: sizes, PD, CQ, QP, opening and stopping.
 *
 * Each queue has a PD of its own. A request that is cancelled leaves its memory
 * region valid until the queue is freed, while its pages go back to their
 * owners at once; with the PD not shared, the only QP through which a peer could
 * reach such a region is one that has been drained in the error state.
 *
 * Called by the core in process context.
 */
#include "host/rdma/rdma.h"

/* Gather entries worth having: the command, and data at any offset in pages */
static void nvme_rdma_size_capsule(struct weft_rdma_queue *q)
{
	struct nvme_capsule_limits *c = &q->base.params.capsule;
	u32 max = max(q->dev->attrs.max_send_sge, 1);

	c->admin = !q->base.qid;
	c->max_segments = max - 1;
	q->room = 0;
	q->icdoff = 0;
	q->nsge = 1;
	/* the padding up to ICDOFF is part of the slot, and that of a page */
	if (sizeof(union nvme_cmd) + c->icdoff * 16 > PAGE_SIZE)
		c->max_segments = 0;
	if (c->max_segments)
		q->room = nvme_capsule_room(c);
	if (q->room) {
		q->icdoff = c->icdoff * 16;
		q->nsge = min_t(u32, max, 2 + DIV_ROUND_UP(q->room, PAGE_SIZE));
	}
	c->max_segments = q->nsge - 1;
}

/*
 * Sends: REG_MR, SEND and LOCAL_INV for every command, as much again as may
 * stay unretired between two signalled ones, the REG_MRs of the private slot
 * and the bounce buffers, and the drain. Receives: what the target is told, and
 * a batch more, because they are posted again batch by batch.
 */
static void nvme_rdma_size_queue(struct weft_rdma_queue *q,
				 const struct weft_queue_params *p)
{
	q->base.params = *p;
	q->depth = p->depth;
	q->slots_nr = p->depth + (p->qid ? 1 : 2);
	q->signal_every = q->slots_nr;
	q->sq_size = 4 * q->slots_nr + 2 + weft_rdma_bounce_size(q);
	q->rx_nr = max(p->sqsize, q->slots_nr) + WEFT_RDMA_WC_BATCH;
	nvme_rdma_size_capsule(q);
}

static void nvme_rdma_reset_state(struct weft_rdma_queue *q)
{
	q->sq_open = false;
	q->chain = NULL;
	q->chain_cmds = 0;
	q->sq_head = 0;
	q->sq_posted = 0;
	q->sq_retired = 0;
	q->unsignalled = 0;
	q->exec_registered = false;
	q->polled = false;
	q->broken = false;
	q->rx_chain = NULL;
	q->rx_tail = &q->rx_chain;
	q->inv_list = NULL;
	q->done_list = NULL;
	q->done_tail = &q->done_list;
}

static void nvme_rdma_cq_error(struct ib_event *ev, void *context)
{
	struct weft_rdma_queue *q = context;

	weft_tqueue_lost(&q->base, "completion queue failed: %s",
			 ib_event_msg(ev->event));
}

static void nvme_rdma_qp_event(struct ib_event *ev, void *context)
{
	struct weft_rdma_queue *q = context;

	switch (ev->event) {
	case IB_EVENT_QP_FATAL:
	case IB_EVENT_QP_REQ_ERR:
	case IB_EVENT_QP_ACCESS_ERR:
		weft_tqueue_lost(&q->base, "%s", ib_event_msg(ev->event));
		break;
	default:
		break;
	}
}

static int nvme_rdma_create_cq(struct weft_rdma_queue *q,
			       struct weft_reason *why)
{
	struct ib_cq_init_attr attr = {
		.cqe = q->sq_size + q->rx_nr + 2,
		.comp_vector = (q->base.qid ? q->base.qid - 1 : 0) %
			       q->dev->num_comp_vectors,
	};
	int err;

	q->cq = ib_create_cq(q->dev, weft_rdma_cq_event, nvme_rdma_cq_error, q,
			     &attr);
	if (IS_ERR(q->cq)) {
		err = PTR_ERR(q->cq);
		q->cq = NULL;
		return weft_fail(why, err,
				 "queue %u: no completion queue of %u entries on %s (%d)",
				 q->base.qid, attr.cqe, dev_name(&q->dev->dev), err);
	}
	irq_poll_init(&q->iop, WEFT_RDMA_BUDGET, weft_rdma_irq_poll);
	INIT_WORK(&q->work, weft_rdma_cq_work);
	return 0;
}

static void nvme_rdma_destroy_cq(struct weft_rdma_queue *q)
{
	struct ib_cq *cq = q->cq;

	/* the QP is gone: what comes now are events of before, until the CQ goes */
	irq_poll_disable(&q->iop);
	spin_lock_bh(&q->cq_lock);
	q->cq = NULL;
	spin_unlock_bh(&q->cq_lock);
	ib_destroy_cq(cq);
	cancel_work_sync(&q->work);
}

/* Receives stand before the target can send its first response */
static int nvme_rdma_post_receives(struct weft_rdma_queue *q)
{
	u32 i;

	for (i = 0; i + 1 < q->rx_nr; i++)
		q->rx[i].wr.next = &q->rx[i + 1].wr;
	q->rx[i].wr.next = NULL;
	return ib_post_recv(q->qp, &q->rx[0].wr, NULL);
}

static void nvme_rdma_destroy_qp(struct weft_rdma_queue *q)
{
	/* a pass over completions may be under way: it must not post */
	spin_lock_bh(&q->cq_lock);
	q->broken = true;
	spin_unlock_bh(&q->cq_lock);
	rdma_destroy_qp(q->id);
	q->qp = NULL;
}

static int nvme_rdma_create_qp(struct weft_rdma_queue *q,
			       struct weft_reason *why)
{
	struct ib_qp_init_attr attr = {
		.event_handler	= nvme_rdma_qp_event,
		.qp_context	= q,
		.send_cq	= q->cq,
		.recv_cq	= q->cq,
		.qp_type	= IB_QPT_RC,
		.sq_sig_type	= IB_SIGNAL_REQ_WR,
		.cap = {
			.max_send_wr  = q->sq_size,
			.max_recv_wr  = q->rx_nr + 1,	/* the drain's */
			.max_send_sge = q->nsge,
			.max_recv_sge = 1,
		},
	};
	int err = rdma_create_qp(q->id, q->pd, &attr);

	if (err)
		return weft_fail(why, err,
				 "queue %u: no queue pair with %u sends and %u receives on %s (%d): a smaller queue_size needs less",
				 q->base.qid, q->sq_size, q->rx_nr,
				 dev_name(&q->dev->dev), err);
	q->qp = q->id->qp;
	err = nvme_rdma_post_receives(q);
	if (!err)
		return 0;
	nvme_rdma_destroy_qp(q);
	return weft_fail(why, err, "queue %u: receives cannot be posted (%d)",
			 q->base.qid, err);
}

/*
 * Connected: from here on exec works and loss of the connection is reported.
 * The CQ is silent until now: where no connection came about, receives are
 * flushed just before the CQ goes, and soft-RoCE of 6.1 frees one whose event
 * is still on its way.
 */
static int nvme_rdma_open_queue(struct weft_rdma_queue *q,
				struct weft_reason *why)
{
	if (weft_rdma_rearm(q))
		weft_rdma_cq_event(q->cq, q);
	spin_lock_bh(&q->sq_lock);
	q->sq_open = true;
	spin_unlock_bh(&q->sq_lock);
	if (weft_tqueue_opened(&q->base))
		return 0;
	weft_rdma_stop_queue(&q->ctrl->ctrl, q->base.qid);
	return weft_fail(why, -ECONNRESET,
			 "queue %u: the target disconnected or broke the protocol at once",
			 q->base.qid);
}

static void nvme_rdma_forget_device(struct weft_rdma_queue *q)
{
	q->dev = NULL;
	if (q->base.qid)
		return;
	mutex_lock(&weft_rdma_ctrls_lock);
	q->ctrl->dev = NULL;
	q->ctrl->leaving = false;
	mutex_unlock(&weft_rdma_ctrls_lock);
}

static int nvme_rdma_alloc_resources(struct weft_rdma_queue *q,
				     struct weft_reason *why)
{
	int err;

	q->pd = ib_alloc_pd(q->dev, 0);
	if (IS_ERR(q->pd)) {
		err = PTR_ERR(q->pd);
		return weft_fail(why, err,
				 "queue %u: no protection domain on %s (%d)",
				 q->base.qid, dev_name(&q->dev->dev), err);
	}
	err = weft_rdma_slots_alloc(q, why);
	if (err)
		goto pd;
	err = nvme_rdma_create_cq(q, why);
	if (err)
		goto slots;
	err = nvme_rdma_create_qp(q, why);
	if (err)
		goto cq;
	return 0;
cq:
	nvme_rdma_destroy_cq(q);
slots:
	weft_rdma_slots_free(q);
pd:
	ib_dealloc_pd(q->pd);
	return err;
}

static void nvme_rdma_free_resources(struct weft_rdma_queue *q)
{
	nvme_rdma_destroy_qp(q);
	nvme_rdma_destroy_cq(q);
	weft_rdma_slots_free(q);
	ib_dealloc_pd(q->pd);
}

/*
 * weft_rdma_alloc_queue() - &weft_transport_ops.alloc_queue
 */
int weft_rdma_alloc_queue(struct weft_ctrl *ctrl,
			  const struct weft_queue_params *p,
			  struct weft_reason *why)
{
	struct weft_rdma_ctrl *rc = to_rdma_ctrl(ctrl);
	struct weft_rdma_queue *q;
	int err;

	if (p->qid >= rc->nr_queues)
		return weft_fail(why, -EINVAL,
				 "queue %u: accepted range is 0-%u", p->qid,
				 rc->nr_queues - 1);
	q = &rc->queues[p->qid];
	err = weft_rdma_cm_resolve(q, why);
	if (err)
		return err;
	err = weft_rdma_use_device(q, why);
	if (err)
		goto device;
	nvme_rdma_size_queue(q, p);
	nvme_rdma_reset_state(q);
	err = nvme_rdma_alloc_resources(q, why);
	if (err)
		goto device;
	err = weft_rdma_cm_connect(q, why);
	if (err)
		goto disconnect;
	err = nvme_rdma_open_queue(q, why);
	if (err)
		goto disconnect;
	weft_rdma_bounce_register(q);
	set_bit(WEFT_Q_ALLOCATED, &q->base.flags);
	weft_tqueue_show(&q->base);
	return 0;
disconnect:
	rdma_disconnect(q->id);
	nvme_rdma_free_resources(q);
device:
	nvme_rdma_forget_device(q);
	weft_rdma_cm_destroy(q);
	return err;
}

/*
 * weft_rdma_start_queue() - &weft_transport_ops.start_queue
 */
int weft_rdma_start_queue(struct weft_ctrl *ctrl, u16 qid)
{
	struct weft_rdma_queue *q = &to_rdma_ctrl(ctrl)->queues[qid];

	if (!test_bit(WEFT_Q_OPEN, &q->base.flags))
		return -ECONNRESET;
	if (weft_tqueue_starts_polled(&q->base)) {
		spin_lock_bh(&q->cq_lock);
		q->polled = true;
		spin_unlock_bh(&q->cq_lock);
	}
	set_bit(WEFT_Q_LIVE, &q->base.flags);
	return 0;
}

/* From polling to events: nobody calls ->poll for a queue that is drained */
static void nvme_rdma_unpoll(struct weft_rdma_queue *q)
{
	if (!weft_tqueue_is_poll(&q->base))
		return;
	spin_lock_bh(&q->cq_lock);
	q->polled = false;
	spin_unlock_bh(&q->cq_lock);
	wait_on_bit(&q->base.flags, WEFT_Q_POLLING, TASK_UNINTERRUPTIBLE);
	queue_work(weft_rdma_wq, &q->work);
}

/*
 * weft_rdma_stop_queue() - &weft_transport_ops.stop_queue
 *
 * Commands that stand in the chain were never posted; they are in flight for
 * the block layer and the core cancels them with the others.
 */
void weft_rdma_stop_queue(struct weft_ctrl *ctrl, u16 qid)
{
	struct weft_rdma_queue *q = &to_rdma_ctrl(ctrl)->queues[qid];

	mutex_lock(&q->base.lock);
	clear_bit(WEFT_Q_LIVE, &q->base.flags);
	if (!test_and_clear_bit(WEFT_Q_OPEN, &q->base.flags))
		goto out;
	spin_lock_bh(&q->sq_lock);
	q->sq_open = false;
	q->chain = NULL;
	spin_unlock_bh(&q->sq_lock);
	nvme_rdma_unpoll(q);
	rdma_disconnect(q->id);
	ib_drain_qp(q->qp);
	/* the drain was seen inside a pass: let that pass end its requests */
	spin_lock_bh(&q->cq_lock);
	q->broken = true;
	spin_unlock_bh(&q->cq_lock);
	if (weft_tqueue_is_poll(&q->base))
		flush_work(&q->work);
	complete(&q->base.exec_done);
out:
	mutex_unlock(&q->base.lock);
}

/*
 * weft_rdma_free_queue() - &weft_transport_ops.free_queue
 */
void weft_rdma_free_queue(struct weft_ctrl *ctrl, u16 qid)
{
	struct weft_rdma_queue *q = &to_rdma_ctrl(ctrl)->queues[qid];

	down_write(&q->base.life);
	if (test_and_clear_bit(WEFT_Q_ALLOCATED, &q->base.flags)) {
		weft_tqueue_hide(&q->base);
		nvme_rdma_free_resources(q);
		nvme_rdma_forget_device(q);
		weft_rdma_cm_destroy(q);
	}
	up_write(&q->base.life);
}
