// SPDX-License-Identifier: GPL-2.0-only
/*
 * The private slots: set-up commands that the core waits for, and the AER.
 *
 * They go by the same chain and the same completion handling as requests, but
 * not through the block layer. The private slot's buffer is the queue's own:
 * it is registered with the first command that needs it and stays so, whatever
 * becomes of a command. Called by the core in process context.
 */
#include "common/cmd.h"
#include "host/rdma/rdma.h"

/* The buffer's region; the REG_MR goes in front of the command */
static int nvme_rdma_exec_register(struct weft_rdma_queue *q,
				   struct weft_rdma_slot *slot)
{
	struct scatterlist sg;

	sg_init_one(&sg, q->exec_buf, WEFT_SLOT_DATA);
	sg_dma_address(&sg) = q->exec_dma;
	sg_dma_len(&sg) = WEFT_SLOT_DATA;
	if (ib_map_mr_sg(slot->mr, &sg, 1, NULL, SZ_4K) != 1)
		return -EINVAL;
	ib_update_fast_reg_key(slot->mr, ib_inc_rkey(slot->mr->rkey));
	slot->reg.key = slot->mr->rkey;
	slot->reg.access = IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_READ |
			   IB_ACCESS_REMOTE_WRITE;
	slot->reg.wr.next = &slot->send;
	slot->registered = true;
	return 0;
}

static int nvme_rdma_exec_map(struct weft_rdma_queue *q,
			      struct weft_rdma_slot *slot,
			      const struct weft_slot_cmd *cmd)
{
	struct nvme_sgl_desc *sgl = &slot->cmd->sqe.sgl;

	slot->registered = false;
	slot->send.num_sge = 1;
	slot->sge[0].length = sizeof(*slot->cmd);
	if (!cmd->len) {
		nvme_sgl_none(sgl, true);
		return 0;
	}
	memset(q->exec_buf, 0, WEFT_SLOT_DATA);
	if (cmd->dir == NVME_XFER_HOST_TO_CTRL)
		memcpy(q->exec_buf, cmd->data, cmd->len);
	ib_dma_sync_single_for_device(q->dev, q->exec_dma, WEFT_SLOT_DATA,
				      DMA_BIDIRECTIONAL);
	if (nvme_use_incapsule(&q->base.params.capsule, cmd->dir, 1, cmd->len)) {
		slot->sge[0].length += q->icdoff;
		slot->sge[1].addr = q->exec_dma;
		slot->sge[1].length = cmd->len;
		slot->sge[1].lkey = q->pd->local_dma_lkey;
		slot->send.num_sge = 2;
		nvme_sgl_incapsule(sgl, q->icdoff, cmd->len);
		return 0;
	}
	if (!q->exec_registered && nvme_rdma_exec_register(q, slot))
		return -EINVAL;
	nvme_sgl_keyed(sgl, slot->mr->iova, cmd->len, slot->mr->rkey, false);
	return 0;
}

static int nvme_rdma_exec_post(struct weft_rdma_queue *q,
			       struct weft_rdma_slot *slot, u16 tag)
{
	u64 dma = slot->sge[0].addr;
	bool posted;

	slot->rq = NULL;
	slot->cmd->sqe.cid = cpu_to_le16(weft_tqueue_cid(&q->base, tag));
	ib_dma_sync_single_for_device(q->dev, dma, sizeof(*slot->cmd),
				      DMA_TO_DEVICE);
	spin_lock_bh(&q->sq_lock);
	posted = weft_rdma_chain_cmd(q, slot, true);
	weft_rdma_flush(q);
	spin_unlock_bh(&q->sq_lock);
	return posted ? 0 : -ECONNRESET;
}

static int nvme_rdma_exec_send(struct weft_tqueue *base,
			       const struct weft_slot_cmd *cmd)
{
	struct weft_rdma_queue *q = container_of(base, struct weft_rdma_queue,
						 base);
	struct weft_rdma_slot *slot = weft_rdma_exec_slot(q);
	int err;

	*slot->cmd = cmd->cmd;
	err = nvme_rdma_exec_map(q, slot, cmd);
	if (err)
		return err;
	err = nvme_rdma_exec_post(q, slot, WEFT_TAG_SLOT);
	if (!err)
		q->exec_registered |= slot->registered;
	return err;
}

static void nvme_rdma_exec_fetch(struct weft_tqueue *base,
				 struct weft_slot_cmd *cmd)
{
	struct weft_rdma_queue *q = container_of(base, struct weft_rdma_queue,
						 base);
	const struct weft_rdma_slot *slot = weft_rdma_exec_slot(q);

	cmd->cqe.result = cpu_to_le64(slot->result);
	cmd->cqe.status = cpu_to_le16(slot->status);
	cmd->cqe.cid = slot->cmd->sqe.cid;
	if (cmd->len && cmd->dir == NVME_XFER_CTRL_TO_HOST) {
		ib_dma_sync_single_for_cpu(q->dev, q->exec_dma, WEFT_SLOT_DATA,
					   DMA_BIDIRECTIONAL);
		memcpy(cmd->data, q->exec_buf, cmd->len);
	}
}

static const struct weft_exec_ops nvme_rdma_exec_ops = {
	.send = nvme_rdma_exec_send,
	.fetch = nvme_rdma_exec_fetch,
};

/*
 * weft_rdma_exec() - &weft_transport_ops.exec
 */
int weft_rdma_exec(struct weft_ctrl *ctrl, u16 qid, struct weft_slot_cmd *cmd,
		   unsigned long timeout)
{
	return weft_tqueue_exec(&to_rdma_ctrl(ctrl)->queues[qid].base, cmd,
				timeout, &nvme_rdma_exec_ops);
}

/*
 * weft_rdma_submit_aer() - &weft_transport_ops.submit_aer
 */
int weft_rdma_submit_aer(struct weft_ctrl *ctrl)
{
	struct weft_rdma_queue *q = &to_rdma_ctrl(ctrl)->queues[0];
	struct weft_rdma_slot *slot;
	int err = -ECONNRESET;

	down_read(&q->base.life);
	if (!test_bit(WEFT_Q_ALLOCATED, &q->base.flags))
		goto out;
	slot = weft_rdma_aer_slot(q);
	err = -EBUSY;
	if (READ_ONCE(slot->wait))
		goto out;
	nvme_cmd_async_event(slot->cmd);
	nvme_sgl_none(&slot->cmd->sqe.sgl, true);
	slot->registered = false;
	slot->send.num_sge = 1;
	slot->sge[0].length = sizeof(*slot->cmd);
	err = nvme_rdma_exec_post(q, slot, WEFT_TAG_AER);
out:
	up_read(&q->base.life);
	return err;
}
