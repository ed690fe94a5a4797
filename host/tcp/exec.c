// SPDX-License-Identifier: GPL-2.0-only
/*
 * The private commands: set-up commands that the core waits for, and the AER.
 *
 * They go through the same lists as requests, but not through the block layer.
 * The data of the former stands in a page of the queue's own. Called by the
 * core in process context.
 */
#include "common/cmd.h"
#include "host/tcp/tcp.h"

static bool nvme_tcp_is_active(struct weft_tcp_queue *q,
			       struct weft_tcp_cmd *c)
{
	bool active;

	spin_lock_bh(&q->cmd_lock);
	active = c->active;
	spin_unlock_bh(&q->cmd_lock);
	return active;
}

static void nvme_tcp_exec_data(struct weft_tcp_queue *q,
			       const struct weft_slot_cmd *cmd)
{
	struct weft_tcp_cmd *c = &q->exec;

	c->dir = cmd->len ? cmd->dir : NVME_XFER_NONE;
	c->len = cmd->len;
	/* fabrics commands bring their data along, whatever IOCCSZ says */
	c->incapsule = c->dir == NVME_XFER_HOST_TO_CTRL;
	c->strict = true;
	memset(q->exec_buf, 0, WEFT_SLOT_DATA);
	if (c->incapsule)
		memcpy(q->exec_buf, cmd->data, cmd->len);
	c->buf = (struct bio_vec) {
		.bv_page = virt_to_page(q->exec_buf),
		.bv_len = cmd->len,
	};
	c->cur = (struct weft_tcp_cursor) {
		.vec = &c->buf,
		.it.bi_size = cmd->len,
	};
}

static int nvme_tcp_exec_send(struct weft_tqueue *base,
			      const struct weft_slot_cmd *cmd)
{
	struct weft_tcp_queue *q = container_of(base, struct weft_tcp_queue,
						base);
	struct weft_tcp_cmd *c = &q->exec;

	c->pdu.cmd = cmd->cmd;
	c->cid = weft_tqueue_cid(&q->base, WEFT_TAG_SLOT);
	nvme_tcp_exec_data(q, cmd);
	weft_tcp_cmd_prepare(q, c);
	if (!weft_tcp_cmd_queue(q, c))
		return -ECONNRESET;
	weft_tcp_push(q);
	return 0;
}

static void nvme_tcp_exec_fetch(struct weft_tqueue *base,
				struct weft_slot_cmd *cmd)
{
	struct weft_tcp_queue *q = container_of(base, struct weft_tcp_queue,
						base);
	const struct weft_tcp_cmd *c = &q->exec;

	cmd->cqe.result = cpu_to_le64(c->result);
	cmd->cqe.status = cpu_to_le16(c->status);
	cmd->cqe.cid = cpu_to_le16(c->cid);
	if (c->dir == NVME_XFER_CTRL_TO_HOST)
		memcpy(cmd->data, q->exec_buf, cmd->len);
}

static const struct weft_exec_ops nvme_tcp_exec_ops = {
	.send = nvme_tcp_exec_send,
	.fetch = nvme_tcp_exec_fetch,
};

/*
 * weft_tcp_exec() - &weft_transport_ops.exec
 */
int weft_tcp_exec(struct weft_ctrl *ctrl, u16 qid, struct weft_slot_cmd *cmd,
		  unsigned long timeout)
{
	return weft_tqueue_exec(&to_tcp_ctrl(ctrl)->queues[qid].base, cmd,
				timeout, &nvme_tcp_exec_ops);
}

/*
 * weft_tcp_submit_aer() - &weft_transport_ops.submit_aer
 */
int weft_tcp_submit_aer(struct weft_ctrl *ctrl)
{
	struct weft_tcp_queue *q = &to_tcp_ctrl(ctrl)->queues[0];
	struct weft_tcp_cmd *c = &q->aer;
	int err = -ECONNRESET;

	down_read(&q->base.life);
	if (!test_bit(WEFT_Q_ALLOCATED, &q->base.flags))
		goto out;
	err = -EBUSY;
	if (nvme_tcp_is_active(q, c))
		goto out;
	nvme_cmd_async_event(&c->pdu.cmd);
	c->cid = weft_tqueue_cid(&q->base, WEFT_TAG_AER);
	c->dir = NVME_XFER_NONE;
	c->len = 0;
	c->incapsule = false;
	weft_tcp_cmd_prepare(q, c);
	err = weft_tcp_cmd_queue(q, c) ? 0 : -ECONNRESET;
	if (!err)
		weft_tcp_push(q);
out:
	up_read(&q->base.life);
	return err;
}
