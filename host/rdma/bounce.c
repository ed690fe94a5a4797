// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bounce buffers: one page for each tag of an I/O queue, mapped and registered
 * once for the queue's life. Small reads come into them and small in-capsule
 * writes leave from them, at the price of one copy of what is in the cache
 * anyhow. Saved are the registration and invalidation of a region, the DMA
 * mapping of the data, and for writes the completion of the SEND: what a late
 * retransmission of it reads are the queue's own pages, never a user's.
 *
 * A region stays writable for the target between commands, so a broken target
 * can spoil what a later read through the same buffer returns. That is data
 * which it delivers itself; no other memory is within its reach.
 */
#include <linux/highmem.h>
#include <linux/slab.h>

#include "host/rdma/rdma.h"

static unsigned int bounce_bytes = 4096;

static int set_bounce_bytes(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 0, PAGE_SIZE);
}

static const struct kernel_param_ops bounce_bytes_ops = {
	.set = set_bounce_bytes,
	.get = param_get_uint,
};
module_param_cb(bounce_bytes, &bounce_bytes_ops, &bounce_bytes, 0644);
MODULE_PARM_DESC(bounce_bytes,
		 "reads and in-capsule writes of up to so many bytes are copied through buffers that stay registered, 0 (off) to the page size, for queues connected from now on (default 4096)");

static u32 nvme_rdma_bounce_per_region(const struct weft_rdma_queue *q)
{
	return min_t(u32, q->depth, q->ctrl->ctrl.max_segments);
}

/*
 * weft_rdma_bounce_size() - decide whether @q bounces, before it is allocated
 * Return: regions that its buffers take, 0 = it does not.
 */
u32 weft_rdma_bounce_size(struct weft_rdma_queue *q)
{
	struct weft_rdma_bounce *b = &q->bounce;

	b->limit = q->base.qid ? READ_ONCE(bounce_bytes) : 0;
	b->regions = b->limit ? DIV_ROUND_UP(q->depth,
					     nvme_rdma_bounce_per_region(q)) :
				0;
	return b->regions;
}

/* The buffers from @first on, as the @n pages of one region */
static int nvme_rdma_bounce_map_region(struct weft_rdma_queue *q,
				       struct ib_mr *mr, u32 first, u32 n)
{
	struct scatterlist *sgl = kvcalloc(n, sizeof(*sgl), GFP_KERNEL);
	u32 i;
	int mapped;

	if (!sgl)
		return -ENOMEM;
	sg_init_table(sgl, n);
	for (i = 0; i < n; i++) {
		void *va = weft_rdma_area_va(&q->bounce.area, first + i);

		sg_set_page(&sgl[i], virt_to_page(va), PAGE_SIZE, 0);
		sg_dma_address(&sgl[i]) =
			weft_rdma_area_dma(&q->bounce.area, first + i);
		sg_dma_len(&sgl[i]) = PAGE_SIZE;
	}
	mapped = ib_map_mr_sg(mr, sgl, n, NULL, PAGE_SIZE);
	kvfree(sgl);
	return mapped == n ? 0 : -EINVAL;
}

static int nvme_rdma_bounce_add_region(struct weft_rdma_queue *q, u32 i)
{
	u32 per = nvme_rdma_bounce_per_region(q);
	u32 n = min(per, q->depth - i * per);
	struct ib_reg_wr *reg = &q->bounce.reg[i];
	struct ib_mr *mr;
	int err;

	mr = ib_alloc_mr(q->pd, IB_MR_TYPE_MEM_REG, n);
	if (IS_ERR(mr))
		return PTR_ERR(mr);
	reg->mr = mr;
	err = nvme_rdma_bounce_map_region(q, mr, i * per, n);
	if (err)
		return err;
	ib_update_fast_reg_key(mr, ib_inc_rkey(mr->rkey));
	reg->key = mr->rkey;
	reg->access = IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE;
	reg->wr.opcode = IB_WR_REG_MR;
	reg->wr.wr_cqe = &q->reg_cqe;
	return 0;
}

/*
 * weft_rdma_bounce_alloc() - buffers and regions, if @q bounces at all
 * q->pd is there. What is there after a failure weft_rdma_bounce_free() takes.
 */
int weft_rdma_bounce_alloc(struct weft_rdma_queue *q)
{
	struct weft_rdma_bounce *b = &q->bounce;
	int err;
	u32 i;

	if (!b->regions)
		return 0;
	b->reg = kvcalloc(b->regions, sizeof(*b->reg), GFP_KERNEL);
	if (!b->reg)
		return -ENOMEM;
	err = weft_rdma_area_alloc(q, &b->area, q->depth, PAGE_SIZE,
				   DMA_BIDIRECTIONAL);
	for (i = 0; !err && i < b->regions; i++)
		err = nvme_rdma_bounce_add_region(q, i);
	return err;
}

/*
 * weft_rdma_bounce_free() - undo weft_rdma_bounce_alloc(); the QP is gone
 */
void weft_rdma_bounce_free(struct weft_rdma_queue *q)
{
	struct weft_rdma_bounce *b = &q->bounce;
	u32 i;

	for (i = 0; b->reg && i < b->regions; i++)
		if (b->reg[i].mr)
			ib_dereg_mr(b->reg[i].mr);
	kvfree(b->reg);
	b->reg = NULL;
	if (b->area.va)
		weft_rdma_area_free(q, &b->area);
}

/*
 * weft_rdma_bounce_register() - make the regions valid; the QP is connected
 * In order before the first command. A failure comes as a completion and ends
 * the queue.
 */
void weft_rdma_bounce_register(struct weft_rdma_queue *q)
{
	u32 i;

	spin_lock_bh(&q->sq_lock);
	for (i = 0; i < q->bounce.regions; i++) {
		weft_rdma_append(q, &q->bounce.reg[i].wr, &q->bounce.reg[i].wr,
				 1);
		q->count[WEFT_RDMA_N_MR_REGS]++;
		q->unsignalled++;
	}
	weft_rdma_flush(q);
	spin_unlock_bh(&q->sq_lock);
}

static void nvme_rdma_copy(struct request *rq, void *buf, bool to_rq)
{
	struct req_iterator iter;
	struct bio_vec bv;

	if (rq->rq_flags & RQF_SPECIAL_PAYLOAD) {
		/* the ranges of a discard, which only ever leave */
		memcpy_from_bvec(buf, &rq->special_vec);
		return;
	}
	rq_for_each_segment(bv, rq, iter) {
		if (to_rq)
			memcpy_to_bvec(&bv, buf);
		else
			memcpy_from_bvec(buf, &bv);
		buf += bv.bv_len;
	}
}

static void nvme_rdma_bounce_in(struct weft_rdma_queue *q,
				struct weft_rdma_slot *slot, u32 i, u32 len)
{
	u32 per = nvme_rdma_bounce_per_region(q);
	struct ib_mr *mr = q->bounce.reg[i / per].mr;

	/* PAGE_SIZE steps from the region's start, as it was mapped */
	nvme_sgl_keyed(&slot->cmd->sqe.sgl,
		       mr->iova + (u64)(i % per) * PAGE_SIZE, len, mr->rkey,
		       false);
}

static void nvme_rdma_bounce_out(struct weft_rdma_queue *q, struct request *rq,
				 struct weft_rdma_slot *slot, void *buf,
				 u32 i, u32 len)
{
	struct ib_sge *sge = slot->sge;
	u64 dma = weft_rdma_area_dma(&q->bounce.area, i);

	nvme_rdma_copy(rq, buf, false);
	ib_dma_sync_single_for_device(q->dev, dma, len, DMA_BIDIRECTIONAL);
	sge[0].length = sizeof(*slot->cmd) + q->icdoff;
	sge[1].addr = dma;
	sge[1].length = len;
	sge[1].lkey = q->pd->local_dma_lkey;
	slot->send.num_sge = 2;
	nvme_sgl_incapsule(&slot->cmd->sqe.sgl, q->icdoff, len);
}

/*
 * weft_rdma_bounce_map() - let @rq's data go through its tag's buffer
 * Return: false if it is too long, a write that does not fit a capsule, or a
 * read for a user who may get less than asked for, and would get what was there
 * before: nothing has changed then.
 */
bool weft_rdma_bounce_map(struct weft_rdma_queue *q, struct request *rq,
			  struct weft_rdma_slot *slot, enum nvme_xfer_dir dir,
			  u32 len)
{
	struct weft_rdma_request *req = blk_mq_rq_to_pdu(rq);
	void *buf;

	if (len > q->bounce.limit)
		return false;
	if (dir == NVME_XFER_CTRL_TO_HOST && blk_rq_is_passthrough(rq))
		return false;
	if (dir == NVME_XFER_HOST_TO_CTRL &&
	    !nvme_use_incapsule(&q->base.params.capsule, dir, 1, len))
		return false;
	buf = weft_rdma_area_va(&q->bounce.area, rq->tag);
	if (dir == NVME_XFER_HOST_TO_CTRL)
		nvme_rdma_bounce_out(q, rq, slot, buf, rq->tag, len);
	else
		nvme_rdma_bounce_in(q, slot, rq->tag, len);
	req->bounce = buf;
	return true;
}

/*
 * weft_rdma_bounce_end() - a command has ended: copy what it has read
 * Context: ->complete, before weft_rdma_unmap_rq().
 */
void weft_rdma_bounce_end(struct weft_rdma_queue *q, struct request *rq)
{
	struct weft_rdma_request *req = blk_mq_rq_to_pdu(rq);

	if (!req->bounce || req->base.status || rq_data_dir(rq) == WRITE)
		return;
	ib_dma_sync_single_for_cpu(q->dev,
				   weft_rdma_area_dma(&q->bounce.area,
						      rq->tag),
				   blk_rq_payload_bytes(rq), DMA_BIDIRECTIONAL);
	nvme_rdma_copy(rq, req->bounce, true);
}
