// SPDX-License-Identifier: GPL-2.0-only
/*
 * Submission: requests to commands, commands to chains of work requests, one
 * doorbell for a chain.
 *
 * queue_rq builds a command in the mapped slot of its tag, maps its data and
 * appends its work requests to the queue's chain. The chain is posted when the
 * block layer says that no more is coming (bd->last, commit_rqs), when it is
 * long enough, or when a whole plug is in it (queue_rqs). Called by the block
 * layer in process context; sq_lock is also taken by the completion handling,
 * so bottom halves are off under it.
 */
#include "host/rdma/rdma.h"

/*
 * weft_rdma_append() - add linked work requests to @q's chain
 * Context: sq_lock is held.
 */
void weft_rdma_append(struct weft_rdma_queue *q, struct ib_send_wr *first,
		      struct ib_send_wr *last, u32 wrs)
{
	lockdep_assert_held(&q->sq_lock);
	last->next = NULL;
	if (q->chain)
		q->chain_tail->next = first;
	else
		q->chain = first;
	q->chain_tail = last;
	q->sq_head += wrs;
	q->count[WEFT_RDMA_N_SEND_WRS] += wrs;
}

/* Says how far the chain came, and closes the queue: what was posted is still
 * under way and what was not posted is in flight for the block layer, so only
 * stopping the queue and cancelling treats both rightly.
 */
static void nvme_rdma_post_failed(struct weft_rdma_queue *q, int err,
				  const struct ib_send_wr *bad)
{
	u32 left = 0;

	for (; bad; bad = bad->next)
		left++;
	q->sq_open = false;
	weft_tqueue_lost(&q->base, "the device refused work requests (%d), %u of a chain",
			 err, left);
}

/*
 * weft_rdma_flush() - post @q's chain, if there is one
 * Context: sq_lock is held.
 */
void weft_rdma_flush(struct weft_rdma_queue *q)
{
	struct ib_send_wr *first = q->chain;
	const struct ib_send_wr *bad = NULL;
	int err;

	lockdep_assert_held(&q->sq_lock);
	if (!first)
		return;
	q->chain = NULL;
	q->chain_cmds = 0;
	q->count[WEFT_RDMA_N_DOORBELLS]++;
	/* responses count from here on; before it they would be forged ones */
	WRITE_ONCE(q->sq_posted, q->sq_head);
	err = ib_post_send(q->qp, first, &bad);
	if (unlikely(err))
		nvme_rdma_post_failed(q, err, bad);
}

/* Room for @wrs more, with a LOCAL_INV for every slot and the drain kept free */
static bool nvme_rdma_sq_room(const struct weft_rdma_queue *q, u32 wrs)
{
	u32 used = q->sq_head - READ_ONCE(q->sq_retired);

	return used + wrs + q->slots_nr + 1 <= q->sq_size;
}

/*
 * weft_rdma_chain_cmd() - append @slot's command to @q's chain
 * @must_wait: the SEND reads memory that is not the queue's own: its completion
 *	       must be waited for too, else a retransmission could read pages
 *	       that have new owners
 *
 * A SEND that is signalled only to retire the ones before it is waited for as
 * well: then no completion ever meets a slot in its next life.
 *
 * Context: sq_lock is held.
 * Return: false if the queue is closed or the SQ is full.
 */
bool weft_rdma_chain_cmd(struct weft_rdma_queue *q,
			 struct weft_rdma_slot *slot, bool must_wait)
{
	u32 wrs = slot->registered ? 2 : 1;

	lockdep_assert_held(&q->sq_lock);
	if (unlikely(!q->sq_open))
		return false;
	if (unlikely(!nvme_rdma_sq_room(q, wrs))) {
		q->count[WEFT_RDMA_N_SQ_FULL]++;
		return false;
	}
	q->unsignalled += wrs;
	if (must_wait || q->unsignalled >= q->signal_every) {
		slot->send.send_flags = IB_SEND_SIGNALED;
		q->unsignalled = 0;
		q->count[WEFT_RDMA_N_SIGNALLED]++;
	} else {
		slot->send.send_flags = 0;
	}
	slot->responded = false;
	slot->send_end = q->sq_head + wrs;
	/* the completion handling looks at the slot once this is not 0 */
	smp_store_release(&slot->wait, slot->send.send_flags ? 2 : 1);
	weft_rdma_append(q, slot->registered ? &slot->reg.wr : &slot->send,
			 &slot->send, wrs);
	q->count[WEFT_RDMA_N_COMMANDS]++;
	q->count[WEFT_RDMA_N_MR_REGS] += slot->registered;
	q->chain_cmds++;
	return true;
}

/*
 * weft_rdma_unmap_rq() - undo the mapping of @rq's data, if there is one
 */
void weft_rdma_unmap_rq(struct weft_rdma_queue *q, struct request *rq)
{
	struct weft_rdma_request *req = blk_mq_rq_to_pdu(rq);

	req->bounce = NULL;
	if (!req->nents)
		return;
	ib_dma_unmap_sg(q->dev, req->table.sgl, req->nents, rq_dma_dir(rq));
	sg_free_table_chained(&req->table, WEFT_RDMA_INLINE_SG);
	req->nents = 0;
}

static void nvme_rdma_map_capsule(struct weft_rdma_queue *q,
				  struct weft_rdma_slot *slot,
				  struct scatterlist *sgl, u32 mapped, u32 len)
{
	struct ib_sge *sge = slot->sge;
	struct scatterlist *sg;
	u32 i;

	sge[0].length = sizeof(*slot->cmd) + q->icdoff;
	for_each_sg(sgl, sg, mapped, i) {
		sge++;
		sge->addr = sg_dma_address(sg);
		sge->length = sg_dma_len(sg);
		sge->lkey = q->pd->local_dma_lkey;
	}
	slot->send.num_sge = 1 + mapped;
	nvme_sgl_incapsule(&slot->cmd->sqe.sgl, q->icdoff, len);
}

static int nvme_rdma_map_mr(struct weft_rdma_slot *slot,
			    enum nvme_xfer_dir dir, struct scatterlist *sgl,
			    u32 mapped, u32 len)
{
	struct ib_mr *mr = slot->mr;

	/* MR pages are the 4 KiB of the queue limits, whatever PAGE_SIZE is */
	if (ib_map_mr_sg(mr, sgl, mapped, NULL, SZ_4K) != mapped)
		return -EINVAL;
	ib_update_fast_reg_key(mr, ib_inc_rkey(mr->rkey));
	slot->reg.key = mr->rkey;
	/* the target gets no more access than the command needs */
	slot->reg.access = dir == NVME_XFER_HOST_TO_CTRL ?
		IB_ACCESS_REMOTE_READ :
		IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE;
	slot->reg.wr.next = &slot->send;
	slot->registered = true;
	nvme_sgl_keyed(&slot->cmd->sqe.sgl, mr->iova, len, mr->rkey, true);
	return 0;
}

/* Maps @rq's data for DMA. Return: entries for the device, or an errno */
static int nvme_rdma_map_dma(struct weft_rdma_queue *q, struct request *rq)
{
	struct weft_rdma_request *req = blk_mq_rq_to_pdu(rq);
	struct sg_table used;
	int err;

	req->table.sgl = req->sg;
	if (sg_alloc_table_chained(&req->table, blk_rq_nr_phys_segments(rq),
				   req->table.sgl, WEFT_RDMA_INLINE_SG))
		return -ENOMEM;
	used.sgl = req->table.sgl;
	used.orig_nents = blk_rq_map_sg(rq->q, rq, used.sgl);
	err = ib_dma_map_sgtable_attrs(q->dev, &used, rq_dma_dir(rq), 0);
	if (err) {
		sg_free_table_chained(&req->table, WEFT_RDMA_INLINE_SG);
		return err;
	}
	req->nents = used.orig_nents;
	return used.nents;
}

static int nvme_rdma_map_rq(struct weft_rdma_queue *q, struct request *rq,
			    struct weft_rdma_slot *slot)
{
	struct weft_rdma_request *req = blk_mq_rq_to_pdu(rq);
	enum nvme_xfer_dir dir = weft_rq_dir(rq);
	u32 len = blk_rq_payload_bytes(rq);
	int mapped, err = 0;

	slot->registered = false;
	slot->send.num_sge = 1;
	slot->sge[0].length = sizeof(*slot->cmd);
	if (dir == NVME_XFER_NONE) {
		nvme_sgl_none(&slot->cmd->sqe.sgl, true);
		return 0;
	}
	if (weft_rdma_bounce_map(q, rq, slot, dir, len))
		return 0;
	mapped = nvme_rdma_map_dma(q, rq);
	if (mapped < 0)
		return mapped;
	if (nvme_use_incapsule(&q->base.params.capsule, dir, mapped, len))
		nvme_rdma_map_capsule(q, slot, req->table.sgl, mapped, len);
	else
		err = nvme_rdma_map_mr(slot, dir, req->table.sgl, mapped, len);
	if (err)
		weft_rdma_unmap_rq(q, rq);
	return err;
}

/*
 * Room for DMA comes back when other I/O ends, maybe none of ours: after
 * BLK_STS_RESOURCE the block layer asks again by its own clock. -EIO is what a
 * full swiotlb looks like; dma_map_sgtable() names the two errors that stay.
 */
static blk_status_t nvme_rdma_map_failed(int err)
{
	return err == -EINVAL || err == -EREMOTEIO ? BLK_STS_IOERR :
						     BLK_STS_RESOURCE;
}

static blk_status_t nvme_rdma_build(struct weft_rdma_queue *q,
				    struct request *rq,
				    struct weft_rdma_slot *slot)
{
	struct weft_request *req = weft_req(rq);
	u64 dma = slot->sge[0].addr;
	blk_status_t st;
	int err;

	ib_dma_sync_single_for_cpu(q->dev, dma, sizeof(*slot->cmd),
				   DMA_TO_DEVICE);
	req->cmd = slot->cmd;
	st = weft_setup_rq(rq);
	if (st != BLK_STS_OK)
		return st;
	slot->rq = rq;
	err = nvme_rdma_map_rq(q, rq, slot);
	if (err) {
		weft_cleanup_rq(rq);
		return nvme_rdma_map_failed(err);
	}
	ib_dma_sync_single_for_device(q->dev, dma, sizeof(*slot->cmd),
				      DMA_TO_DEVICE);
	return BLK_STS_OK;
}

/*
 * Builds @rq's command and chains it; the chain is posted if it has @most
 * commands then. On failure @rq is as it was before.
 */
static blk_status_t nvme_rdma_chain_rq(struct weft_rdma_queue *q,
				       struct request *rq, u32 most)
{
	struct weft_rdma_request *req = blk_mq_rq_to_pdu(rq);
	struct weft_rdma_slot *slot;
	bool incapsule, bounced;
	blk_status_t st;

	if (WARN_ON_ONCE(rq->tag >= q->depth))
		return BLK_STS_IOERR;
	/* a context of polled queues may have come to lead to one that is not */
	if (unlikely(rq->cmd_flags & REQ_POLLED) &&
	    !weft_tqueue_is_poll(&q->base))
		weft_unpoll_rq(rq);
	slot = &q->slots[rq->tag];
	st = nvme_rdma_build(q, rq, slot);
	if (unlikely(st != BLK_STS_OK))
		return st;
	incapsule = slot->send.num_sge > 1;
	bounced = req->bounce;

	spin_lock_bh(&q->sq_lock);
	if (unlikely(!weft_rdma_chain_cmd(q, slot, incapsule && !bounced))) {
		spin_unlock_bh(&q->sq_lock);
		weft_rdma_unmap_rq(q, rq);
		weft_cleanup_rq(rq);
		return BLK_STS_RESOURCE;
	}
	/* not before it is sure to go, not after it may be answered */
	blk_mq_start_request(rq);
	q->count[WEFT_RDMA_N_INCAPSULE] += incapsule;
	q->count[WEFT_RDMA_N_BOUNCED] += bounced;
	q->count[WEFT_RDMA_N_DMA_MAPS] += !bounced &&
					  (incapsule || slot->registered);
	if (q->chain_cmds >= most)
		weft_rdma_flush(q);
	spin_unlock_bh(&q->sq_lock);
	return BLK_STS_OK;
}

/* Posts what is chained; @plugged commands of it came by ->queue_rqs. */
static void nvme_rdma_commit(struct weft_rdma_queue *q, u32 plugged)
{
	spin_lock_bh(&q->sq_lock);
	q->count[WEFT_RDMA_N_PLUGGED] += plugged;
	weft_rdma_flush(q);
	spin_unlock_bh(&q->sq_lock);
}

/*
 * weft_rdma_queue_rq() - &blk_mq_ops.queue_rq of all queues
 */
blk_status_t weft_rdma_queue_rq(struct blk_mq_hw_ctx *hctx,
				const struct blk_mq_queue_data *bd)
{
	struct weft_rdma_queue *q = hctx->driver_data;
	blk_status_t st;

	st = weft_queue_ready(&q->ctrl->ctrl, bd->rq,
			      test_bit(WEFT_Q_LIVE, &q->base.flags));
	if (likely(st == BLK_STS_OK))
		st = nvme_rdma_chain_rq(q, bd->rq,
					bd->last ? 1 : WEFT_RDMA_CHAIN);
	/* nothing that came before may wait for this one to be tried again */
	if (unlikely(st != BLK_STS_OK))
		nvme_rdma_commit(q, 0);
	return st;
}

/*
 * weft_rdma_commit_rqs() - &blk_mq_ops.commit_rqs: no more is coming for now
 */
void weft_rdma_commit_rqs(struct blk_mq_hw_ctx *hctx)
{
	nvme_rdma_commit(hctx->driver_data, 0);
}

/* Whatever speaks against it is left to queue_rq, which ends requests, too. */
static bool nvme_rdma_chain_plugged(struct weft_rdma_queue *q,
				    struct request *rq)
{
	if (unlikely(!weft_takes_requests(&q->ctrl->ctrl,
					  test_bit(WEFT_Q_LIVE,
						   &q->base.flags))))
		return false;
	weft_note_tag(rq);
	return nvme_rdma_chain_rq(q, rq, U32_MAX) == BLK_STS_OK;
}

/*
 * weft_rdma_queue_rqs() - &blk_mq_ops.queue_rqs: a whole plug at once
 *
 * One doorbell for all that goes to the same queue in a row; the list may mix
 * hardware contexts. What is left on @list from the first one on that cannot
 * go, the block layer gives to queue_rq.
 */
void weft_rdma_queue_rqs(weft_rq_list *list)
{
	struct weft_rdma_queue *q = NULL, *next;
	struct request *rq;
	u32 chained = 0;

	while ((rq = rq_list_pop(list))) {
		next = rq->mq_hctx->driver_data;
		if (q && q != next) {
			nvme_rdma_commit(q, chained);
			chained = 0;
		}
		q = next;
		if (!nvme_rdma_chain_plugged(q, rq)) {
			weft_rq_list_push(list, rq);
			break;
		}
		chained++;
	}
	if (q)
		nvme_rdma_commit(q, chained);
}
