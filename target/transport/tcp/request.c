// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * A command's way: its data comes with the capsule or as R2Ts ask for it, into
 * the bdev's RAM or into buffers; nvmf executes it; data and response are
 * queued to leave. On the connection's reactor.
 *
 * A connection's buffers come back when its host answers R2Ts and takes what it
 * has read; one that does neither must not keep them from others: see pool.h and
 * limits.c. A Connect has memory of its own: who is not let in yet holds nothing
 * of the pool.
 *
 * A request that waits for buffers does not stop its connection from being
 * read, except when the data is what comes next on the socket. That must not
 * happen while others of the connection hold buffers for data that comes later:
 * everybody could wait for everybody then. Memory of its own is given to such a
 * request, no more than a capsule holds.
 */
#include <stdlib.h>

#include "target/transport/tcp/tcp.h"

#define OWN_ALIGN	4096

/* Data that comes with its capsule */

static void expect_capsule(struct tcp_request *r)
{
	struct tcp_conn *c = r->c;

	r->state = TCP_REQ_CAPSULE;
	c->sink = (struct tcp_sink){
		.skip = r->base.sgl.offset, .left = r->base.length,
		.block = r->base.block, .iov = r->base.iov,
	};
	tcp_limits_watch(c->g);
}

static bool in_capsule(const struct tcp_request *r)
{
	return r->base.sgl.place == NVME_SGL_PLACE_CAPSULE;
}

static void serve_blocked(struct tcp_conn *c);

/* Hosts serve R2Ts in turn: for as long as it takes, others' data may come */
static void note_progress(struct tcp_request *r)
{
	r->moved_us = r->c->reading_us;
	r->promised = r->c->fetched + r->c->owed;
}

void tcp_request_moved(struct tcp_request *r, u32 n)
{
	r->c->fetched += n;
	r->c->owed -= n;
	note_progress(r);
}

static void fetch_begin(struct tcp_request *r)
{
	struct tcp_conn *c = r->c;

	TAILQ_INSERT_TAIL(&c->fetches, r, fetch_link);
	c->nlarge += r->base.length >= TCP_LARGE;
	c->owed += r->base.length;
	tcp_limits_begin(r);
	note_progress(r);
}

/* What was cut off does not come any more. */
static void fetch_end(struct tcp_request *r)
{
	struct tcp_conn *c = r->c;

	TAILQ_REMOVE(&c->fetches, r, fetch_link);
	c->nlarge -= r->base.length >= TCP_LARGE;
	c->owed -= r->base.length - r->fetch.got;
}

static void expect_r2t(struct tcp_request *r)
{
	struct tcp_conn *c = r->c;
	u32 piece = r->base.length;

	/* with several under way at a time nothing is lost by small ones */
	if (c->maxr2t > 1 && piece > TCP_R2T_PIECE)
		piece = TCP_R2T_PIECE;
	r->state = TCP_REQ_R2T;
	fetch_begin(r);
	nvme_tcp_fetch_init(&r->fetch, le16_to_cpu(r->cmd.sqe.cid), r->index,
			    r->base.length, piece, c->maxr2t);
	r->fetch.ttag_step = (u16)c->nreqs;
	tcp_tx_queue(r);
	tcp_limits_watch(c->g);
	/* its data comes behind that of the capsule */
	if (c->blocked)
		serve_blocked(c);
}

/* There is a place for its data. */
static void placed(struct tcp_request *r)
{
	if (r->base.dir != NVME_XFER_HOST_TO_CTRL) {
		r->state = TCP_REQ_NVMF;
		nvmf_request_execute(&r->base);
	} else if (in_capsule(r)) {
		expect_capsule(r);
	} else {
		expect_r2t(r);
	}
}

static void fail(struct tcp_request *r, nvme_status st)
{
	r->state = TCP_REQ_NVMF;
	nvmf_request_fail(&r->base, st);
}

void tcp_request_filled(struct tcp_request *r)
{
	if (r->state == TCP_REQ_R2T)
		fetch_end(r);
	if (r->damaged) {
		fail(r, NVME_SC_TRANSIENT_TRANSPORT);
		return;
	}
	r->state = TCP_REQ_NVMF;
	nvmf_request_execute(&r->base);
}

/* Buffers */

static int take_buffers(struct tcp_request *r)
{
	r->wait = TCP_WAIT_POOL;
	r->buf.ready = tcp_request_ready;
	r->buf.urgent = r->base.urgent;
	return pool_take(&r->c->g->pool, &r->c->share, &r->buf, r->base.length);
}

/* It waits no longer. */
static void forget_wait(struct tcp_request *r)
{
	switch (r->wait) {
	case TCP_WAIT_POOL:
		pool_cancel(&r->c->g->pool, &r->buf);
		break;
	case TCP_WAIT_MEMORY:
		TAILQ_REMOVE(&r->c->g->short_of, r, link);
		break;
	}
}

static void use_buffers(struct tcp_request *r)
{
	r->base.iov = pool_iov(&r->buf);
	r->base.iovcnt = (int)r->buf.nbufs;
}

static void use_own(struct tcp_request *r)
{
	if (posix_memalign(&r->own, OWN_ALIGN, r->base.length)) {
		r->own = NULL;
		r->c->blocked |= in_capsule(r);
		tcp_request_starve(r);
		return;
	}
	r->one = (struct iovec){ r->own, r->base.length };
	r->base.iovcnt = 1;
	placed(r);
}

static void unblock(struct tcp_conn *c)
{
	c->blocked = false;
	/* not at once: whoever has given the buffers back is being served */
	tcp_conn_todo(c, TCP_TODO_RESUME);
}

/* It waits no longer; false: in vain. */
static bool waited(struct tcp_request *r)
{
	struct tcp_conn *c = r->c;

	if (c->blocked && c->rx_req == r)
		unblock(c);
	if (tcp_conn_live(c))
		return true;
	fail(r, NVME_SC_DATA_XFER_ERROR);
	return false;
}

void tcp_request_ready(struct pool_user *u)
{
	struct tcp_request *r = (struct tcp_request *)((char *)u -
				offsetof(struct tcp_request, buf));

	if (!waited(r))
		return;
	use_buffers(r);
	placed(r);
}

void tcp_request_feed(struct tcp_request *r)
{
	if (waited(r))
		use_own(r);
}

/* The capsule that reading waits for has memory of its own now. */
static void serve_blocked(struct tcp_conn *c)
{
	struct tcp_request *r = c->rx_req;

	unblock(c);
	forget_wait(r);
	use_own(r);
}

/*
 * What others of the connection wait for, with buffers in their hands, or behind
 * on the socket, gets memory of its own instead of waiting: no more than a
 * capsule holds, or whoever waits came with a capsule, too.
 */
static bool cannot_wait(const struct tcp_request *r)
{
	if (r->base.urgent)
		return r->base.length <= r->c->base.opts.in_capsule_data_size;
	return in_capsule(r) && !TAILQ_EMPTY(&r->c->fetches);
}

static void wait_for_buffers(struct tcp_request *r)
{
	struct tcp_conn *c = r->c;

	TCP_COUNT(c, wait_buffer, 1);
	TCP_COUNT(c, wait_share, r->buf.place == POOL_PARKED);
	r->state = TCP_REQ_BUFFER;
	if (cannot_wait(r)) {
		forget_wait(r);
		use_own(r);
	} else if (in_capsule(r)) {
		c->blocked = true;
	}
}

/*
 * The pool is for those who have been let in, and for what moves. The second
 * half of a pair may never come; who waits for a rate limit with data of its
 * capsule in hand can be many, for long.
 */
static bool takes_none(const struct tcp_request *r)
{
	return r->base.cmd->sqe.opcode == NVME_OPC_FABRICS ||
	       (in_capsule(r) && (r->base.half == NVME_FUSE_FIRST ||
				  nvmf_request_may_wait(&r->base)));
}

void tcp_req_get_data(struct nvmf_request *req)
{
	struct tcp_request *r = to_request(req);
	int err;

	/* a bdev's RAM; or nothing of the capsule's data is here yet */
	if (req->iovcnt) {
		placed(r);
		return;
	}
	if (takes_none(r)) {
		use_own(r);
		return;
	}
	err = take_buffers(r);
	if (!err) {
		use_buffers(r);
		placed(r);
	} else if (err == -EAGAIN) {
		wait_for_buffers(r);
	} else {
		fail(r, NVME_SC_INTERNAL);
	}
}

bool tcp_req_abort(struct nvmf_request *req)
{
	struct tcp_request *r = to_request(req);
	struct tcp_conn *c = r->c;

	if (r->state != TCP_REQ_BUFFER)
		return false;
	r->state = TCP_REQ_NVMF;
	/* its data is read and dropped */
	if (c->blocked && c->rx_req == r)
		unblock(c);
	forget_wait(r);
	return true;
}

/* The end */

static void give_own(struct tcp_request *r)
{
	if (r->own && r->base.block && r->base.dir == NVME_XFER_HOST_TO_CTRL)
		tcp_block_put(r->c->g, r->own, r->base.block);
	else
		free(r->own);
	r->own = NULL;
}

void tcp_request_finish(struct tcp_request *r)
{
	struct tcp_conn *c = r->c;

	if (r->queued)
		tcp_tx_unqueue(r);
	give_own(r);
	r->state = TCP_REQ_FREE;
	r->base.iov = &r->one;
	TAILQ_INSERT_HEAD(&c->free, r, link);
	pool_give(&r->c->g->pool, &r->buf);
	nvmf_request_done(&r->base);
}

static bool sends_data(const struct tcp_request *r)
{
	return !le16_to_cpu(r->base.cqe.status) && r->base.length &&
	       r->base.dir == NVME_XFER_CTRL_TO_HOST;
}

/*
 * A response may be left out if it would say nothing: success, no result, and
 * a queue whose head pointer nobody wants to know.
 */
static bool success_is_enough(const struct tcp_request *r)
{
	return r->c->base.opts.c2h_success && r->c->base.sqflow_off &&
	       !r->base.cqe.result;
}

static u8 finish_header(const struct tcp_conn *c, void *pdu, u32 data_len,
			u8 *to)
{
	u32 n = nvme_tcp_tx_finish(&c->tx, pdu, data_len);

	memcpy(to, pdu, n);
	return (u8)n;
}

static void build_data(struct tcp_request *r, bool last_of_all)
{
	union {
		struct nvme_tcp_data data;
		u8 room[NVME_TCP_HDR_ROOM];
	} u = { .data = {
		.hdr.type = NVME_TCP_C2H_DATA,
		.hdr.flags = NVME_TCP_F_LAST |
			     (last_of_all ? NVME_TCP_F_SUCCESS : 0),
		.cccid = r->cmd.sqe.cid,
		.datal = cpu_to_le32(r->base.length),
	} };
	u32 crc = NVME_TCP_CRC_INIT;
	int i;

	r->hdr_len = finish_header(r->c, &u, r->base.length, r->hdr);
	r->tx_len += r->hdr_len + r->base.length;
	if (!r->c->tx.ddgst)
		return;
	for (i = 0; i < r->base.iovcnt; i++)
		crc = nvme_tcp_crc(crc, r->base.iov[i].iov_base,
				   r->base.iov[i].iov_len);
	r->ddgst = nvme_tcp_crc_finish(crc);
	r->tx_len += sizeof(r->ddgst);
}

static void build_response(struct tcp_request *r)
{
	union {
		struct nvme_tcp_rsp rsp;
		u8 room[NVME_TCP_HDR_ROOM];
	} u = { .rsp = {
		.hdr.type = NVME_TCP_RSP,
		.cqe = r->base.cqe,
	} };

	r->rsp_len = finish_header(r->c, &u, 0, r->hdr + r->c->hdr_room);
	r->tx_len += r->rsp_len;
}

void tcp_request_respond(struct tcp_request *r)
{
	bool data = sends_data(r);
	bool enough = data && success_is_enough(r);

	r->state = TCP_REQ_SEND;
	r->begun_us = reactor_now_us();
	if (r->queued && r->built) {
		/* an R2T is half sent: the host did not wait for it */
		tcp_conn_break(r->c, "answering", EPROTO);
		return;
	}
	r->tx_len = 0;
	r->hdr_len = 0;
	r->rsp_len = 0;
	if (data)
		build_data(r, enough);
	else
		pool_give(&r->c->g->pool, &r->buf);
	if (!enough)
		build_response(r);
	r->built = true;
	tcp_tx_queue(r);
}

void tcp_req_complete(struct nvmf_request *req)
{
	struct tcp_request *r = to_request(req);
	struct tcp_conn *c = r->c;

	if (!tcp_conn_live(c))
		tcp_request_finish(r);
	else if (c->rx_req == r)
		r->state = TCP_REQ_HELD;
	else
		tcp_request_respond(r);
}

void tcp_requests_end(struct tcp_conn *c)
{
	u32 i;

	for (i = 0; i < c->nused; i++) {
		struct tcp_request *r = tcp_conn_request(c, i);

		switch (r->state) {
		case TCP_REQ_FREE:
		case TCP_REQ_NVMF:
			break;
		case TCP_REQ_BUFFER:
			forget_wait(r);
			fail(r, NVME_SC_DATA_XFER_ERROR);
			break;
		case TCP_REQ_CAPSULE:
		case TCP_REQ_R2T:
			fail(r, NVME_SC_DATA_XFER_ERROR);
			break;
		case TCP_REQ_HELD:
		case TCP_REQ_SEND:
			tcp_request_finish(r);
			break;
		}
	}
}
