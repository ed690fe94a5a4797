// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a queue's device reads and writes, and the work requests that point at
 * it: command slots with their capsules and memory regions, receives with their
 * response buffers, the private slot's buffer (bounce buffers: bounce.c).
 *
 * Allocated and mapped when a queue is allocated, given back after its QP is
 * destroyed. So whatever the device sends again after a lost acknowledgement
 * is still mapped; a duplicate's bytes are discarded by the receiver, what they
 * are by then does not matter. Process context.
 */
#include <linux/slab.h>

#include "host/rdma/rdma.h"

/*
 * weft_rdma_area_free() - undo weft_rdma_area_alloc()
 */
void weft_rdma_area_free(struct weft_rdma_queue *q, struct weft_rdma_area *a)
{
	u32 i;

	for (i = 0; i < a->pages; i++) {
		ib_dma_unmap_single(q->dev, a->dma[i], PAGE_SIZE, a->dir);
		free_page((unsigned long)a->va[i]);
	}
	kvfree(a->va);
	kvfree(a->dma);
	memset(a, 0, sizeof(*a));
}

static int nvme_rdma_area_add_page(struct weft_rdma_queue *q,
				   struct weft_rdma_area *a)
{
	struct page *page;
	void *va;
	u64 dma;

	page = alloc_pages_node(ibdev_to_node(q->dev), GFP_KERNEL | __GFP_ZERO,
				0);
	if (!page)
		return -ENOMEM;
	va = page_address(page);
	dma = ib_dma_map_single(q->dev, va, PAGE_SIZE, a->dir);
	if (ib_dma_mapping_error(q->dev, dma)) {
		__free_page(page);
		return -ENOMEM;
	}
	a->va[a->pages] = va;
	a->dma[a->pages++] = dma;
	return 0;
}

/*
 * weft_rdma_area_alloc() - @pieces of @stride bytes, mapped; at most a page each
 */
int weft_rdma_area_alloc(struct weft_rdma_queue *q, struct weft_rdma_area *a,
			 u32 pieces, u32 stride, enum dma_data_direction dir)
{
	u32 pages;
	int err;

	a->stride = stride;
	a->per_page = PAGE_SIZE / stride;
	a->dir = dir;
	pages = DIV_ROUND_UP(pieces, a->per_page);
	a->va = kvcalloc(pages, sizeof(*a->va), GFP_KERNEL);
	a->dma = kvcalloc(pages, sizeof(*a->dma), GFP_KERNEL);
	err = a->va && a->dma ? 0 : -ENOMEM;
	while (!err && a->pages < pages)
		err = nvme_rdma_area_add_page(q, a);
	if (err)
		weft_rdma_area_free(q, a);
	return err;
}

static void nvme_rdma_slot_init(struct weft_rdma_queue *q, u32 i)
{
	struct weft_rdma_slot *s = &q->slots[i];

	s->cmd = weft_rdma_area_va(&q->capsules, i);
	s->sge = &q->sges[i * q->nsge];
	s->sge[0].addr = weft_rdma_area_dma(&q->capsules, i);
	s->sge[0].lkey = q->pd->local_dma_lkey;

	s->send_cqe.done = weft_rdma_send_done;
	s->send.wr_cqe = &s->send_cqe;
	s->send.opcode = IB_WR_SEND;
	s->send.sg_list = s->sge;

	s->reg.wr.wr_cqe = &q->reg_cqe;
	s->reg.wr.opcode = IB_WR_REG_MR;
	s->reg.wr.next = &s->send;

	s->inv_cqe.done = weft_rdma_inv_done;
	s->inv.wr_cqe = &s->inv_cqe;
	s->inv.opcode = IB_WR_LOCAL_INV;
	s->inv.send_flags = IB_SEND_SIGNALED;
}

static void nvme_rdma_free_cmds(struct weft_rdma_queue *q)
{
	u32 i;

	for (i = 0; q->slots && i < q->slots_nr; i++)
		if (q->slots[i].mr)
			ib_dereg_mr(q->slots[i].mr);
	kvfree(q->slots);
	q->slots = NULL;
	kvfree(q->sges);
	q->sges = NULL;
	if (q->capsules.va)
		weft_rdma_area_free(q, &q->capsules);
}

static int nvme_rdma_alloc_cmds(struct weft_rdma_queue *q)
{
	u32 stride = ALIGN(sizeof(union nvme_cmd) + q->icdoff, 64);
	struct ib_mr *mr;
	u32 i;
	int err;

	q->reg_cqe.done = weft_rdma_reg_done;
	q->slots = kvcalloc(q->slots_nr, sizeof(*q->slots), GFP_KERNEL);
	q->sges = kvcalloc(array_size(q->slots_nr, q->nsge), sizeof(*q->sges),
			   GFP_KERNEL);
	if (!q->slots || !q->sges)
		return -ENOMEM;
	err = weft_rdma_area_alloc(q, &q->capsules, q->slots_nr, stride,
				   DMA_TO_DEVICE);
	if (err)
		return err;
	for (i = 0; i < q->slots_nr; i++) {
		nvme_rdma_slot_init(q, i);
		if (i > q->depth)	/* the AER has no data */
			continue;
		mr = ib_alloc_mr(q->pd, IB_MR_TYPE_MEM_REG,
				 i < q->depth ? q->ctrl->ctrl.max_segments : 1);
		if (IS_ERR(mr))
			return PTR_ERR(mr);
		q->slots[i].mr = mr;
		q->slots[i].reg.mr = mr;
	}
	return 0;
}

static void nvme_rdma_free_rx(struct weft_rdma_queue *q)
{
	kvfree(q->rx);
	q->rx = NULL;
	if (q->responses.va)
		weft_rdma_area_free(q, &q->responses);
}

static int nvme_rdma_alloc_rx(struct weft_rdma_queue *q)
{
	struct weft_rdma_rx *rx;
	int err;
	u32 i;

	q->rx = kvcalloc(q->rx_nr, sizeof(*q->rx), GFP_KERNEL);
	if (!q->rx)
		return -ENOMEM;
	err = weft_rdma_area_alloc(q, &q->responses, q->rx_nr,
				   WEFT_RDMA_CQE_STRIDE, DMA_FROM_DEVICE);
	if (err)
		return err;
	for (i = 0; i < q->rx_nr; i++) {
		rx = &q->rx[i];
		rx->data = weft_rdma_area_va(&q->responses, i);
		rx->sge.addr = weft_rdma_area_dma(&q->responses, i);
		rx->sge.length = sizeof(*rx->data);
		rx->sge.lkey = q->pd->local_dma_lkey;
		rx->cqe.done = weft_rdma_recv_done;
		rx->wr.wr_cqe = &rx->cqe;
		rx->wr.sg_list = &rx->sge;
		rx->wr.num_sge = 1;
	}
	return 0;
}

/* One page, whole, with a region of its own that stays registered */
static int nvme_rdma_alloc_exec(struct weft_rdma_queue *q)
{
	q->exec_buf = (void *)get_zeroed_page(GFP_KERNEL);
	if (!q->exec_buf)
		return -ENOMEM;
	q->exec_dma = ib_dma_map_single(q->dev, q->exec_buf, WEFT_SLOT_DATA,
					DMA_BIDIRECTIONAL);
	if (ib_dma_mapping_error(q->dev, q->exec_dma)) {
		free_page((unsigned long)q->exec_buf);
		q->exec_buf = NULL;
		return -ENOMEM;
	}
	return 0;
}

static void nvme_rdma_free_exec(struct weft_rdma_queue *q)
{
	if (!q->exec_buf)
		return;
	ib_dma_unmap_single(q->dev, q->exec_dma, WEFT_SLOT_DATA,
			    DMA_BIDIRECTIONAL);
	free_page((unsigned long)q->exec_buf);
	q->exec_buf = NULL;
}

/*
 * weft_rdma_slots_alloc() - memory, mappings, regions and work requests of @q
 * q->pd is there, the sizes are set. On failure nothing is left.
 */
int weft_rdma_slots_alloc(struct weft_rdma_queue *q, struct weft_reason *why)
{
	int err = nvme_rdma_alloc_cmds(q);

	if (!err)
		err = nvme_rdma_alloc_rx(q);
	if (!err)
		err = nvme_rdma_alloc_exec(q);
	if (!err)
		err = weft_rdma_bounce_alloc(q);
	if (!err)
		return 0;
	weft_rdma_slots_free(q);
	return weft_fail(why, err,
			 "queue %u: no memory or memory regions for %u commands (%d): fewer queues (nr_io_queues) or a smaller queue_size need less",
			 q->base.qid, q->slots_nr, err);
}

/*
 * weft_rdma_slots_free() - undo weft_rdma_slots_alloc(); the QP is gone
 */
void weft_rdma_slots_free(struct weft_rdma_queue *q)
{
	weft_rdma_bounce_free(q);
	nvme_rdma_free_exec(q);
	nvme_rdma_free_rx(q);
	nvme_rdma_free_cmds(q);
}
