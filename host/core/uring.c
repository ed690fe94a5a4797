// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands through io_uring (IORING_OP_URING_CMD): NVME_URING_CMD_IO and
 * _IO_VEC on ngXnY, NVME_URING_CMD_ADMIN and _ADMIN_VEC on nvmeX. The ring
 * must have entries of 128 and completions of 32 bytes, for the command and
 * for the response's two words.
 *
 * Issued in the submitter's context, which must not sleep if io_uring says so:
 * then what would wait fails with -EAGAIN and is issued again by a worker. A
 * command completes in its submitter's task, whoever has polled for it: its
 * memory may have to be copied back, which is to be that task's and may sleep.
 */
#include <linux/nvme_ioctl.h>

#include "host/core/core.h"

#define URING_BOTH	(IO_URING_F_SQE128 | IO_URING_F_CQE32)

/*
 * In io_uring's own part of the command, 32 bytes
 * @q: @hctx: the polled queue and its context that the command is on; @q is
 *     NULL once it has ended, or if it is not polled for
 */
struct uring_pdu {
	struct request_queue *q;
	struct bio *bio;
	u64 result;
	int status;
	unsigned int hctx;
};

static struct uring_pdu *uring_pdu(struct io_uring_cmd *ioucmd)
{
	BUILD_BUG_ON(sizeof(struct uring_pdu) > sizeof(ioucmd->pdu));
	return (struct uring_pdu *)&ioucmd->pdu;
}

static void uring_unmap(struct uring_pdu *pdu)
{
	if (pdu->bio && blk_rq_unmap_user(pdu->bio) && !pdu->status)
		pdu->status = -EFAULT;
}

static void uring_done(struct io_uring_cmd *ioucmd, unsigned int issue_flags)
{
	struct uring_pdu *pdu = uring_pdu(ioucmd);

	uring_unmap(pdu);
	io_uring_cmd_done(ioucmd, pdu->status, pdu->result, issue_flags);
}

static enum rq_end_io_ret uring_end_io(struct request *rq, blk_status_t sts)
{
	struct io_uring_cmd *ioucmd = rq->end_io_data;
	struct uring_pdu *pdu = uring_pdu(ioucmd);

	WRITE_ONCE(pdu->q, NULL);
	pdu->status = weft_passthru_result(rq, sts);
	pdu->result = weft_req(rq)->result;
	/* another process may be polling the same queue, in its own memory */
	io_uring_cmd_complete_in_task(ioucmd, uring_done);
	return RQ_END_IO_FREE;
}

/* The entry lies in memory that the user can change meanwhile: read it once. */
static int uring_read(const struct io_uring_cmd *ioucmd,
		      struct weft_user_cmd *u)
{
	struct nvme_passthru_cmd64 p = {};

	BUILD_BUG_ON(offsetofend(struct nvme_uring_cmd, rsvd2) !=
		     offsetof(struct nvme_passthru_cmd64, result));
	memcpy(&p, weft_uring_bytes(ioucmd), sizeof(struct nvme_uring_cmd));
	barrier_data(&p);
	return weft_user_cmd_fill(u, &p);
}

/* All but what the command itself says */
static int uring_check(struct io_uring_cmd *ioucmd, unsigned int issue_flags,
		       struct weft_user_cmd *u)
{
	if ((issue_flags & URING_BOTH) != URING_BOTH)
		return -EOPNOTSUPP;
	if (ioucmd->flags & IORING_URING_CMD_FIXED) {
		/* a registered buffer is one piece */
		if (u->vectored)
			return -EINVAL;
		u->fixed = ioucmd;
	}
	return uring_read(ioucmd, u);
}

static int uring_start(struct request_queue *q, const struct weft_user_cmd *u,
		       struct io_uring_cmd *ioucmd, unsigned int issue_flags)
{
	struct uring_pdu *pdu = uring_pdu(ioucmd);
	blk_mq_req_flags_t flags = 0;
	struct request *rq;
	blk_opf_t opf = 0;

	if (issue_flags & IO_URING_F_NONBLOCK)
		flags = BLK_MQ_REQ_NOWAIT;
	if (issue_flags & IO_URING_F_IOPOLL)
		opf = REQ_POLLED;
	rq = weft_passthru_alloc(q, u, opf, flags);
	if (IS_ERR(rq))
		return PTR_ERR(rq);
	pdu->bio = rq->bio;
	pdu->q = blk_rq_is_poll(rq) ? q : NULL;
	pdu->hctx = rq->mq_hctx->queue_num;
	rq->end_io_data = ioucmd;
	rq->end_io = uring_end_io;
	blk_execute_rq_nowait(rq, false);
	return -EIOCBQUEUED;
}

static unsigned int uring_opened(const struct io_uring_cmd *ioucmd)
{
	return ioucmd->file->f_mode & FMODE_WRITE ? WEFT_OPENED_WRITE : 0;
}

/* weft_ns_uring_cmd() - on ngXnY */
int weft_ns_uring_cmd(struct weft_ns *ns, struct io_uring_cmd *ioucmd,
		      unsigned int issue_flags)
{
	struct weft_user_cmd u = {};
	int err;

	switch (ioucmd->cmd_op) {
	case NVME_URING_CMD_IO:
		break;
	case NVME_URING_CMD_IO_VEC:
		u.vectored = true;
		break;
	default:
		return -ENOTTY;
	}
	err = uring_check(ioucmd, issue_flags, &u);
	if (!err)
		err = weft_cmd_permit(ns->ctrl->core, ns, &u.cmd,
				      uring_opened(ioucmd));
	/* io_uring would try a polled command again and again */
	if (err == -EWOULDBLOCK)
		err = -ENOTCONN;
	return err ? err : uring_start(ns->disk->queue, &u, ioucmd,
				       issue_flags);
}

/*
 * weft_ctrl_uring_cmd() - on nvmeX
 * Commands that the host has something to do for, before or after them, need a
 * context that may sleep, and are waited for there.
 */
int weft_ctrl_uring_cmd(struct weft_ctrl_core *core,
			struct io_uring_cmd *ioucmd, unsigned int issue_flags)
{
	struct weft_user_cmd u = {};
	int err;

	switch (ioucmd->cmd_op) {
	case NVME_URING_CMD_ADMIN:
		break;
	case NVME_URING_CMD_ADMIN_VEC:
		u.vectored = true;
		break;
	default:
		return -ENOTTY;
	}
	/* the admin queue is not of the polled kind */
	if (issue_flags & IO_URING_F_IOPOLL)
		return -EOPNOTSUPP;
	err = uring_check(ioucmd, issue_flags, &u);
	if (!err)
		err = weft_cmd_permit(core, NULL, &u.cmd,
				      uring_opened(ioucmd));
	if (err == -EWOULDBLOCK)
		err = -ENOTCONN;
	if (err)
		return err;
	if (weft_cmd_stands_alone(core, &u.cmd))
		return uring_start(core->ctrl->admin_q, &u, ioucmd,
				   issue_flags);
	if (issue_flags & IO_URING_F_NONBLOCK)
		return -EAGAIN;
	err = weft_passthru_admin(core, &u);
	io_uring_cmd_done(ioucmd, err, u.result, issue_flags);
	return -EIOCBQUEUED;
}

/*
 * weft_uring_iopoll() - poll for a command that was issued with IOPOLL
 * Where it is, whether that path is still in use or not. Another task may end
 * it in any moment: until then it holds its queue, which is freed by RCU.
 */
int weft_uring_iopoll(struct io_uring_cmd *ioucmd, struct io_comp_batch *iob,
		      unsigned int poll_flags)
{
	struct uring_pdu *pdu = uring_pdu(ioucmd);
	struct blk_mq_hw_ctx *hctx;
	struct request_queue *q;
	int n = 0;

	rcu_read_lock();
	q = READ_ONCE(pdu->q);
	/* contexts stay while the queue is not frozen */
	if (q && !percpu_ref_tryget(&q->q_usage_counter))
		q = NULL;
	rcu_read_unlock();
	if (!q)
		return 0;
	hctx = xa_load(&q->hctx_table, pdu->hctx);
	if (hctx)
		n = q->mq_ops->poll(hctx, iob);
	percpu_ref_put(&q->q_usage_counter);
	return n;
}
