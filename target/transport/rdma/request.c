// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * A command's way: capsule in, data fetched by RDMA READs, execution by nvmf,
 * data out by RDMA WRITEs and the response right behind them in one chain. The
 * steps that are possible stand in the table of plan.c; this file does them.
 * Everything runs on the queue pair's reactor.
 *
 * A receive slot is posted again before its command's response: the host sends
 * its next command no earlier than it has the response, so the receive is
 * always there first and the host never runs into "receiver not ready". The
 * host may thus be faster than the completion of the response's send: a few
 * requests more than slots exist for that, and beyond those commands wait.
 *
 * Of the responses that one doorbell posts only the last one completes, and one
 * in so many; the send queue works in order, so that those before it have left.
 *
 * A slot without data is through when its command is copied. If it is shared
 * others have it from then on; a ring's stays with its command, since nobody
 * else could use it.
 */
#include "target/transport/rdma/rdma.h"

/* Responses in a row that tell of themselves by the next one's completion */
#define QUIET_MAX	15

/* False: a defect of ours; the connection is given up rather than the daemon. */
static bool step(struct rdma_request *r, enum rdma_req_event ev)
{
	int next = rdma_req_next(r->state, ev);
	struct rdma_gdev *gd = r->q->gd;

	if (next < 0) {
		log_error("rdma: internal error: request is %s: cannot %s",
			  rdma_req_state_name(r->state),
			  rdma_req_event_name(ev));
		rdma_qpair_close(r->q);
		return false;
	}
	gd->awaiting -= rdma_req_awaits(r->state);
	r->state = (enum rdma_req_state)next;
	gd->awaiting += rdma_req_awaits(r->state);
	return true;
}

static u32 piece_lkey(const struct rdma_request *r, int index)
{
	const struct ibv_mr *mr;

	if (!r->buf.nbufs)
		return r->lkey;
	mr = r->buf.first->set[index]->slab->mem.key;
	return mr->lkey;
}

/* One READ or WRITE with the next pieces of the transfer. */
static void transfer_wr(struct rdma_request *r, struct rdma_op *op,
			unsigned int flags, enum ibv_wr_opcode opcode, u32 max)
{
	struct ibv_send_wr *wr = rdma_send_wr(r->q, op, flags);
	struct rdma_piece pieces[RDMA_MAX_SGE];
	u64 raddr;
	u32 n, i;

	n = rdma_xfer_next(&r->xfer, pieces, max, &raddr);
	for (i = 0; i < n; i++) {
		wr->sg_list[i].addr = (uintptr_t)pieces[i].addr;
		wr->sg_list[i].length = pieces[i].len;
		wr->sg_list[i].lkey = piece_lkey(r, pieces[i].index);
	}
	wr->num_sge = (int)n;
	wr->opcode = opcode;
	wr->wr.rdma.remote_addr = raddr;
	wr->wr.rdma.rkey = r->base.sgl.key;
}

/* Reads */

static void post_reads(struct rdma_request *r, u32 n)
{
	struct rdma_qpair *q = r->q;
	u32 i;

	rdma_credits_take(&q->credits, n, n);
	r->read_op.wrs = n;
	r->read_op.reads = n;
	q->gd->stats.reads += n;
	for (i = 0; i + 1 < n; i++)
		transfer_wr(r, &r->quiet_op, 0, IBV_WR_RDMA_READ,
			    q->plan.sge_rd);
	transfer_wr(r, &r->read_op, IBV_SEND_SIGNALED, IBV_WR_RDMA_READ,
		    q->plan.sge_rd);
}

static void pump_reads(struct rdma_qpair *q)
{
	struct rdma_request *r;

	while (rdma_qpair_usable(q) && (r = TAILQ_FIRST(&q->read_wait))) {
		u32 n = rdma_read_batch(&q->credits,
					rdma_xfer_wrs(&r->xfer,
						      q->plan.sge_rd));

		if (!n)
			return;
		TAILQ_REMOVE(&q->read_wait, r, wait);
		post_reads(r, n);
	}
}

static void start_reading(struct rdma_request *r)
{
	struct rdma_qpair *q = r->q;

	rdma_xfer_init(&r->xfer, r->base.iov, r->base.iovcnt, r->base.sgl.addr,
		       r->base.length);
	r->moving_us = 0;
	TAILQ_INSERT_TAIL(&q->read_wait, r, wait);
	pump_reads(q);
	if (TAILQ_LAST(&q->read_wait, rdma_requests) == r)
		q->gd->stats.wait_read++;
}

void rdma_read_done(struct rdma_request *r)
{
	struct rdma_qpair *q = r->q;

	if (r->xfer.left) {
		/* the rest of it goes before others */
		TAILQ_INSERT_HEAD(&q->read_wait, r, wait);
	} else if (step(r, RDMA_EV_EXECUTE)) {
		nvmf_request_execute(&r->base);
	}
	rdma_qpair_pump(q);
}

/* Buffers */

static struct ibv_mr *ram_mr(const struct rdma_request *r)
{
	const struct rdma_memory *rm =
		r->base.memory->key[NVMF_TRTYPE_RDMA];

	return rm ? rm->mr[r->q->dev->index] : NULL;
}

static void fail(struct rdma_request *r, nvme_status st)
{
	if (step(r, RDMA_EV_FAIL))
		nvmf_request_fail(&r->base, st);
}

static bool must_read(const struct rdma_request *r)
{
	return r->base.dir == NVME_XFER_HOST_TO_CTRL && r->base.length &&
	       r->base.sgl.place == NVME_SGL_PLACE_REMOTE;
}

static void copy_and_respond(struct rdma_request *r);
static void respond(struct rdma_request *r);

/* It wants more buffers than anybody may have. */
static void unbuffered(struct rdma_request *r)
{
	if (r->state != RDMA_REQ_BOUNCE) {
		fail(r, NVME_SC_INTERNAL);
		return;
	}
	r->base.cqe.status = cpu_to_le16(NVME_SC_INTERNAL << 1);
	respond(r);
}

void rdma_request_buffered(struct rdma_request *r)
{
	if (r->buf.nbufs) {
		r->base.iov = pool_iov(&r->buf);
		r->base.iovcnt = (int)r->buf.nbufs;
	}
	if (r->state == RDMA_REQ_BOUNCE) {
		copy_and_respond(r);
	} else if (!rdma_qpair_usable(r->q)) {
		fail(r, NVME_SC_DATA_XFER_ERROR);
	} else if (must_read(r)) {
		if (step(r, RDMA_EV_READ))
			start_reading(r);
	} else if (step(r, RDMA_EV_EXECUTE)) {
		nvmf_request_execute(&r->base);
	}
}

void rdma_req_get_data(struct nvmf_request *req)
{
	struct rdma_request *r = to_request(req);
	struct ibv_mr *mr = req->memory ? ram_mr(r) : NULL;
	int err = 0;

	if (!step(r, RDMA_EV_GET_DATA))
		return;
	if (mr) {
		r->lkey = mr->lkey;
	} else if (req->memory || !req->iovcnt) {
		/* RAM that this device cannot reach: the bdev copies */
		r->q->gd->stats.copies += !!req->memory;
		req->memory = NULL;
		req->iovcnt = 0;
		err = rdma_pool_take(r->q->gd, r);
	}
	if (!err)
		rdma_request_buffered(r);
	else if (err != -EAGAIN)
		unbuffered(r);
}

bool rdma_req_abort(struct nvmf_request *req)
{
	struct rdma_request *r = to_request(req);

	if (r->state == RDMA_REQ_BUFFER)
		pool_cancel(&r->q->gd->pool, &r->buf);
	else if (r->state == RDMA_REQ_READ && r->xfer.left == req->length)
		TAILQ_REMOVE(&r->q->read_wait, r, wait);
	else
		return false;
	return step(r, RDMA_EV_FAIL);
}

/* Responses */

static bool sends_data(const struct rdma_request *r)
{
	return !le16_to_cpu(r->base.cqe.status) && r->base.length &&
	       r->base.dir == NVME_XFER_CTRL_TO_HOST &&
	       r->base.sgl.place == NVME_SGL_PLACE_REMOTE;
}

/* Through with it: @r is free when this returns, @q may be gone. */
static void finish(struct rdma_request *r)
{
	struct rdma_qpair *q = r->q;

	if (r->recv)
		rdma_return_recv(r->recv);
	r->recv = NULL;
	pool_give(&q->gd->pool, &r->buf);
	if (!step(r, RDMA_EV_DONE))
		return;
	TAILQ_INSERT_HEAD(&q->free, r, wait);
	nvmf_request_done(&r->base);
}

/* @wr completes for the response before it, too, if both are posted at once. */
static void join_completions(struct rdma_request *r, struct ibv_send_wr *wr)
{
	struct rdma_qpair *q = r->q;
	struct rdma_request *last;

	if (q->response && q->quiet < QUIET_MAX) {
		last = TAILQ_LAST(&q->sent, rdma_sent);
		q->response->wr_id = (uintptr_t)&last->quiet_op;
		q->response->send_flags &= ~(unsigned int)IBV_SEND_SIGNALED;
		q->signalled--;
		r->send_op.wrs += last->send_op.wrs;
		q->quiet++;
	} else {
		q->quiet = 0;
	}
	q->response = wr;
	TAILQ_INSERT_TAIL(&q->sent, r, wait);
}

static void response_wr(struct rdma_request *r)
{
	struct rdma_qpair *q = r->q;
	unsigned int flags = IBV_SEND_SIGNALED;
	struct ibv_send_wr *wr;

	*r->wire = r->base.cqe;
	if (q->inline_send) {
		flags |= IBV_SEND_INLINE;
		q->gd->stats.inline_sends++;
	}
	wr = rdma_send_wr(q, &r->send_op, flags);
	join_completions(r, wr);
	wr->opcode = IBV_WR_SEND;
	wr->num_sge = 1;
	wr->sg_list[0].addr = (uintptr_t)r->wire;
	wr->sg_list[0].length = sizeof(*r->wire);
	wr->sg_list[0].lkey = q->region.mr->lkey;
	if (r->base.sgl.place == NVME_SGL_PLACE_REMOTE &&
	    r->base.sgl.invalidate && q->base.remote_invalidate &&
	    q->dev->can_invalidate) {
		wr->opcode = IBV_WR_SEND_WITH_INV;
		wr->invalidate_rkey = r->base.sgl.key;
		q->gd->stats.invalidates++;
	}
}

static void post_response(struct rdma_request *r, u32 wrs)
{
	struct rdma_qpair *q = r->q;

	r->send_op.wrs = wrs;
	q->gd->stats.latency_us += reactor_now_us() - r->start_us;
	q->gd->stats.writes += wrs - 1;
	while (--wrs)
		transfer_wr(r, &r->quiet_op, 0, IBV_WR_RDMA_WRITE, q->plan.sge);
	response_wr(r);
	step(r, RDMA_EV_POST);
}

static void pump_sends(struct rdma_qpair *q)
{
	struct rdma_request *r;
	u32 wrs;

	while (rdma_qpair_usable(q) && (r = TAILQ_FIRST(&q->send_wait))) {
		wrs = 1;
		if (sends_data(r))
			wrs += rdma_xfer_wrs(&r->xfer, q->plan.sge);
		if (!rdma_credits_take(&q->credits, wrs, 0))
			return;
		TAILQ_REMOVE(&q->send_wait, r, wait);
		post_response(r, wrs);
	}
}

static void respond(struct rdma_request *r)
{
	struct rdma_qpair *q = r->q;
	bool data = sends_data(r);

	if (!rdma_qpair_usable(q)) {
		finish(r);
		return;
	}
	if (!step(r, RDMA_EV_RESPOND))
		return;
	if (data)
		rdma_xfer_init(&r->xfer, r->base.iov, r->base.iovcnt,
			       r->base.sgl.addr, r->base.length);
	r->moving_us = 0;
	TAILQ_INSERT_TAIL(&q->send_wait, r, wait);
	pump_sends(q);
	if (r->state != RDMA_REQ_SEND)
		return;
	if (data)
		q->gd->stats.wait_write++;
	else
		q->gd->stats.wait_send++;
}

static void copy_and_respond(struct rdma_request *r)
{
	const u8 *from = r->ram.iov_base;
	int i;

	for (i = 0; i < r->base.iovcnt; i++) {
		memcpy(r->base.iov[i].iov_base, from, r->base.iov[i].iov_len);
		from += r->base.iov[i].iov_len;
	}
	r->q->gd->stats.copies++;
	respond(r);
}

/* Data is in RAM that the device cannot reach. */
static void bounce(struct rdma_request *r)
{
	int err;

	if (!step(r, RDMA_EV_BOUNCE))
		return;
	r->ram = r->base.iov[0];
	r->base.memory = NULL;
	err = rdma_pool_take(r->q->gd, r);
	if (!err)
		rdma_request_buffered(r);
	else if (err != -EAGAIN)
		unbuffered(r);
}

void rdma_req_complete(struct nvmf_request *req)
{
	struct rdma_request *r = to_request(req);
	struct rdma_qpair *q = r->q;
	struct ibv_mr *mr;

	if (!rdma_qpair_usable(q)) {
		finish(r);
		return;
	}
	q->outstanding--;
	if (r->recv)
		rdma_post_recv(q, r->recv);
	r->recv = NULL;
	if (!sends_data(r)) {
		pool_give(&q->gd->pool, &r->buf);
		respond(r);
		return;
	}
	mr = req->memory ? ram_mr(r) : NULL;
	if (mr)
		r->lkey = mr->lkey;
	if (mr || r->buf.nbufs)
		respond(r);
	else
		bounce(r);
}

/* Arrival */

static void start_command(struct rdma_request *r, struct rdma_recv *rv)
{
	struct nvmf_request *req = &r->base;
	struct rdma_qpair *q = r->q;

	TAILQ_REMOVE(&q->free, r, wait);
	if (!step(r, RDMA_EV_CAPSULE))
		return;
	r->recv = rv;
	r->start_us = reactor_now_us();
	memcpy(&r->cmd, rv->data, sizeof(r->cmd));
	req->qpair = &q->base;
	req->cmd = &r->cmd;
	req->iov = &r->one;
	req->capsule_data = rv->data + NVME_SQE_SIZE;
	req->capsule_len = rv->len - NVME_SQE_SIZE;
	memset(&req->cqe, 0, sizeof(req->cqe));
	memset(&req->sgl, 0, sizeof(req->sgl));
	req->dir = NVME_XFER_NONE;
	req->length = 0;
	req->iovcnt = 0;
	req->memory = NULL;
	/* of no length, its data is not looked at */
	if (rv->srq && !req->capsule_len) {
		rdma_srq_give(rv->srq, rv);
		r->recv = NULL;
	}
	nvmf_request_start(req);
}

/* Is it a command that a host may send in this moment? Else @q closes. */
static bool acceptable(struct rdma_qpair *q, u32 len)
{
	static struct log_budget budget;

	if (len < NVME_SQE_SIZE)
		log_peer(&budget, LOG_WARNING, "rdma: %s:%s queue %u: capsule of %u bytes: at least %u are needed; closing",
			 q->base.peer, q->base.peer_port, q->qid, len,
			 NVME_SQE_SIZE);
	else if (q->outstanding > q->plan.receives)
		log_peer(&budget, LOG_WARNING, "rdma: %s:%s queue %u: more than %u commands outstanding; closing",
			 q->base.peer, q->base.peer_port, q->qid,
			 q->plan.receives);
	else
		return true;
	rdma_qpair_close(q);
	return false;
}

void rdma_recv_done(struct rdma_recv *rv, u32 len)
{
	struct rdma_qpair *q = rv->op.q;
	struct rdma_request *r;

	/* the event may come later than the host's first command */
	if (q->state == RDMA_QP_ACCEPTING)
		rdma_qpair_established(q);
	if (!rdma_qpair_usable(q)) {
		rdma_return_recv(rv);
		return;
	}
	q->gd->stats.requests++;
	q->outstanding++;
	if (!acceptable(q, len)) {
		rdma_return_recv(rv);
		return;
	}
	rv->len = len;
	r = TAILQ_FIRST(&q->free);
	if (!r) {
		q->gd->stats.wait_request++;
		q->gd->awaiting++;
		TAILQ_INSERT_TAIL(&q->idle_recvs, rv, link);
		return;
	}
	start_command(r, rv);
}

/* @rv need not wait for a free request any longer. */
static void unqueue_recv(struct rdma_qpair *q, struct rdma_recv *rv)
{
	TAILQ_REMOVE(&q->idle_recvs, rv, link);
	q->gd->awaiting--;
}

void rdma_send_done(struct rdma_request *r)
{
	struct rdma_qpair *q = r->q;
	struct rdma_request *first;
	struct rdma_recv *rv;

	do {
		first = TAILQ_FIRST(&q->sent);
		TAILQ_REMOVE(&q->sent, first, wait);
		finish(first);
	} while (first != r);
	rdma_qpair_pump(q);
	while (rdma_qpair_usable(q) && (rv = TAILQ_FIRST(&q->idle_recvs)) &&
	       (r = TAILQ_FIRST(&q->free))) {
		unqueue_recv(q, rv);
		start_command(r, rv);
	}
}

void rdma_qpair_pump(struct rdma_qpair *q)
{
	/* responses first: they free requests and buffers */
	pump_sends(q);
	pump_reads(q);
}

void rdma_requests_end(struct rdma_qpair *q)
{
	struct rdma_recv *rv;
	u32 i;

	while ((rv = TAILQ_FIRST(&q->idle_recvs))) {
		unqueue_recv(q, rv);
		rdma_return_recv(rv);
	}
	TAILQ_INIT(&q->sent);
	/* a set-up that failed early has none */
	for (i = 0; q->reqs && i < q->plan.requests; i++) {
		struct rdma_request *r = &q->reqs[i];

		switch (r->state) {
		case RDMA_REQ_FREE:
		case RDMA_REQ_NVMF:
			break;
		case RDMA_REQ_BUFFER:
			pool_cancel(&q->gd->pool, &r->buf);
			fail(r, NVME_SC_DATA_XFER_ERROR);
			break;
		case RDMA_REQ_READ:
			fail(r, NVME_SC_DATA_XFER_ERROR);
			break;
		case RDMA_REQ_BOUNCE:
			pool_cancel(&q->gd->pool, &r->buf);
			finish(r);
			break;
		case RDMA_REQ_SEND:
		case RDMA_REQ_SENT:
			finish(r);
			break;
		default:
			break;
		}
	}
}
