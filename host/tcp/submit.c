// SPDX-License-Identifier: GPL-2.0-only
/*
 * Submission: requests to commands, commands into the queue's pending list, and
 * a push when the block layer says that no more is coming (bd->last,
 * commit_rqs) or when enough stand there. Called by the block layer in process
 * context; where it may not sleep the queue's work pushes.
 */
#include "host/tcp/tcp.h"

/*
 * weft_tcp_next_piece() - the next contiguous piece of a command's data
 * @max: bytes, > 0
 * Return: false at the end. The piece may span pages.
 */
bool weft_tcp_next_piece(struct weft_tcp_cursor *cur, u32 max,
			 struct bio_vec *piece)
{
	while (!cur->it.bi_size) {
		if (!cur->bio || !cur->bio->bi_next)
			return false;
		cur->bio = cur->bio->bi_next;
		cur->vec = cur->bio->bi_io_vec;
		cur->it = cur->bio->bi_iter;
	}
	*piece = mp_bvec_iter_bvec(cur->vec, cur->it);
	piece->bv_len = min(piece->bv_len, max);
	bvec_iter_advance(cur->vec, &cur->it, piece->bv_len);
	return true;
}

static void nvme_tcp_cursor_start(struct weft_tcp_cursor *cur,
				  struct request *rq)
{
	if (rq->rq_flags & RQF_SPECIAL_PAYLOAD) {
		cur->bio = NULL;
		cur->vec = &rq->special_vec;
		cur->it = (struct bvec_iter) {
			.bi_size = rq->special_vec.bv_len,
		};
		return;
	}
	cur->bio = rq->bio;
	cur->vec = rq->bio->bi_io_vec;
	cur->it = rq->bio->bi_iter;
}

/*
 * weft_tcp_cmd_prepare() - the SGL and the state of a command that starts
 * The command itself, cid, dir, len, incapsule and cur are set.
 */
void weft_tcp_cmd_prepare(struct weft_tcp_queue *q, struct weft_tcp_cmd *cmd)
{
	struct nvme_sqe *sqe = &cmd->pdu.cmd.sqe;

	cmd->pdu.hdr = (struct nvme_tcp_hdr) { .type = NVME_TCP_CMD };
	sqe->cid = cpu_to_le16(cmd->cid);
	if (cmd->incapsule)
		nvme_sgl_incapsule(&sqe->sgl, 0, cmd->len);
	else
		nvme_sgl_transport(&sqe->sgl, cmd->len);
	cmd->r2t = cmd->dir == NVME_XFER_HOST_TO_CTRL && !cmd->incapsule;
	cmd->sent = false;
	cmd->responded = false;
	cmd->bad_digest = false;
	if (cmd->r2t)
		nvme_tcp_give_init(&cmd->give, cmd->cid, cmd->len,
				   q->ic.maxh2cdata, q->ic.maxr2t);
	else
		cmd->take = (struct nvme_tcp_take) {
			.len = cmd->dir == NVME_XFER_CTRL_TO_HOST ?
			       cmd->len : 0,
		};
}

/*
 * weft_tcp_cmd_queue() - to be sent with the next push
 * A request starts here, and only if it goes: one that has started may be
 * cancelled, and then is not the caller's to hand back.
 * Return: false if the queue is closed; the command is still the caller's.
 */
bool weft_tcp_cmd_queue(struct weft_tcp_queue *q, struct weft_tcp_cmd *cmd)
{
	bool open;

	spin_lock_bh(&q->cmd_lock);
	open = q->open;
	if (likely(open)) {
		cmd->active = true;
		cmd->tx_busy = true;
		list_add_tail(&cmd->link, &q->pending);
		if (cmd->rq) {
			blk_mq_start_request(cmd->rq);
			q->tags[cmd->rq->tag] = cmd;
		}
		q->unsent++;
		q->count[WEFT_TCP_N_COMMANDS]++;
		q->count[WEFT_TCP_N_INCAPSULE] += cmd->incapsule;
	}
	spin_unlock_bh(&q->cmd_lock);
	return open;
}

static blk_status_t nvme_tcp_build(struct weft_tcp_queue *q,
				   struct request *rq)
{
	struct weft_tcp_request *req = blk_mq_rq_to_pdu(rq);
	struct weft_tcp_cmd *cmd = &req->cmd;
	blk_status_t st;

	req->base.cmd = &cmd->pdu.cmd;
	st = weft_setup_rq(rq);
	if (st != BLK_STS_OK)
		return st;
	cmd->cid = weft_cid(rq);
	cmd->dir = weft_rq_dir(rq);
	cmd->len = 0;
	/* what a passthrough command moves is between its sender and the target */
	cmd->strict = !blk_rq_is_passthrough(rq);
	if (cmd->dir != NVME_XFER_NONE) {
		cmd->len = blk_rq_payload_bytes(rq);
		nvme_tcp_cursor_start(&cmd->cur, rq);
	}
	cmd->incapsule = cmd->dir == NVME_XFER_HOST_TO_CTRL &&
			 cmd->len <= q->room;
	weft_tcp_cmd_prepare(q, cmd);
	return BLK_STS_OK;
}

static void nvme_tcp_send_pending(struct blk_mq_hw_ctx *hctx)
{
	struct weft_tcp_queue *q = hctx->driver_data;

	if (hctx->flags & BLK_MQ_F_BLOCKING) {
		weft_tcp_push(q);
	} else {
		set_bit(WEFT_TCP_TX_WANT, &q->marks);
		weft_tcp_wake(q);
	}
}

/*
 * weft_tcp_queue_rq() - &blk_mq_ops.queue_rq of all queues
 */
blk_status_t weft_tcp_queue_rq(struct blk_mq_hw_ctx *hctx,
			       const struct blk_mq_queue_data *bd)
{
	struct weft_tcp_queue *q = hctx->driver_data;
	struct weft_tcp_request *req = blk_mq_rq_to_pdu(bd->rq);
	struct request *rq = bd->rq;
	blk_status_t st;

	st = weft_queue_ready(&q->ctrl->ctrl, rq,
			      test_bit(WEFT_Q_LIVE, &q->base.flags));
	if (unlikely(st != BLK_STS_OK))
		return st;
	if (WARN_ON_ONCE(rq->tag >= q->depth))
		return BLK_STS_IOERR;
	st = nvme_tcp_build(q, rq);
	if (unlikely(st != BLK_STS_OK))
		goto commit;
	if (unlikely(!weft_tcp_cmd_queue(q, &req->cmd))) {
		weft_cleanup_rq(rq);
		return BLK_STS_RESOURCE;
	}
	if (bd->last || READ_ONCE(q->unsent) >= WEFT_TCP_CHAIN)
		nvme_tcp_send_pending(hctx);
	return BLK_STS_OK;
commit:
	/* nothing that came before may wait for this one to be tried again */
	nvme_tcp_send_pending(hctx);
	return st;
}

/*
 * weft_tcp_commit_rqs() - &blk_mq_ops.commit_rqs: no more is coming for now
 */
void weft_tcp_commit_rqs(struct blk_mq_hw_ctx *hctx)
{
	nvme_tcp_send_pending(hctx);
}
