// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * NVMe/RDMA of the initiator: commands and completions. A slot is free again
 * when its response has come and its SEND has completed.
 */
#include "common/sgl.h"
#include "tools/initiator/rdma.h"

#define BATCH		32
#define SEND_WR		(1ull << 32)	/* in wr_id: a SEND of this slot */

static struct rdma_req *rdma_req(struct ini_req *r)
{
	return container_of(r, struct rdma_req, r);
}

/* --- memory ------------------------------------------------------------------------ */

int rdma_register(struct rdma_queue *t, struct ini_memory *m,
		  struct weft_reason *why)
{
	m->key = ibv_reg_mr(t->pd, m->base, m->len, IBV_ACCESS_LOCAL_WRITE |
			    IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE);
	if (m->key)
		return 0;
	return weft_fail(why, -errno, "%zu bytes of memory not registered (%s)",
			 m->len, strerror(errno));
}

static const struct ibv_mr *known(const struct ini_queue *q, const void *base,
				  size_t len)
{
	unsigned int i;

	for (i = 0; i < q->nmemory; i++) {
		const struct ini_memory *m = &q->memory[i];
		uintptr_t at = (uintptr_t)base - (uintptr_t)m->base;

		if (m->key && at <= m->len && len <= m->len - at)
			return m->key;
	}
	return NULL;
}

void rdma_unmap(struct rdma_req *rr)
{
	if (rr->mr)
		ibv_dereg_mr(rr->mr);
	rr->mr = NULL;
	free(rr->bounce);
	rr->bounce = NULL;
}

/* Where the data is for the target; NULL if it cannot be registered */
static const struct ibv_mr *map(struct rdma_queue *t, struct rdma_req *rr,
				u8 **base)
{
	struct ini_req *r = &rr->r;
	bool out = r->dir == NVME_XFER_HOST_TO_CTRL;
	const struct ibv_mr *mr = NULL;

	*base = r->iov[0].iov_base;
	if (r->iov[0].iov_len >= r->len) {
		mr = known(t->q, *base, r->len);
	} else {
		rr->bounce = malloc(r->len);
		if (!rr->bounce)
			return NULL;
		*base = rr->bounce;
		if (out)
			ini_copy_out(r, 0, rr->bounce, r->len);
		t->q->stats.bytes_copied += r->len;
	}
	if (mr)
		return mr;
	t->q->stats.registrations++;
	rr->mr = ibv_reg_mr(t->pd, *base, r->len, out ? IBV_ACCESS_REMOTE_READ :
			    IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE);
	return rr->mr;
}

/* --- sending ------------------------------------------------------------------------ */

static int place_data(struct rdma_queue *t, struct rdma_req *rr, u8 *capsule,
		      u32 *len)
{
	struct ini_req *r = &rr->r;
	const struct ibv_mr *mr;
	u8 *base;

	if (!r->len) {
		nvme_sgl_none(&r->cmd.sqe.sgl, true);
		return 0;
	}
	if (r->dir == NVME_XFER_HOST_TO_CTRL && r->len <= t->q->inline_room) {
		nvme_sgl_incapsule(&r->cmd.sqe.sgl, t->q->icdoff, r->len);
		ini_copy_out(r, 0, capsule + NVME_SQE_SIZE + t->q->icdoff,
			     r->len);
		*len += t->q->icdoff + r->len;
		t->q->stats.in_capsule++;
		t->q->stats.bytes_copied += r->len;
		return 0;
	}
	mr = map(t, rr, &base);
	if (!mr)
		return -ENOMEM;
	nvme_sgl_keyed(&r->cmd.sqe.sgl, (uintptr_t)base, r->len, mr->rkey,
		       false);
	return 0;
}

void rdma_submit(struct ini_queue *q, struct ini_req *r)
{
	struct rdma_queue *t = q->transport;
	struct rdma_req *rr = rdma_req(r);
	u8 *capsule = t->capsules + (size_t)r->slot * t->capsule;
	u32 len = NVME_SQE_SIZE;
	int err;

	rr->answered = false;
	err = place_data(t, rr, capsule, &len);
	if (err) {
		ini_queue_fail(q, err, "%s: %u bytes of data cannot be registered (%s)",
			       ini_req_name(q, r), r->len, strerror(-err));
		return;
	}
	memcpy(capsule, &r->cmd, sizeof(r->cmd));
	rr->sge = (struct ibv_sge) {
		.addr = (uintptr_t)capsule, .length = len,
		.lkey = t->capsules_mr->lkey,
	};
	rr->wr = (struct ibv_send_wr) {
		.wr_id = SEND_WR | r->slot, .sg_list = &rr->sge, .num_sge = 1,
		.opcode = IBV_WR_SEND, .send_flags = IBV_SEND_SIGNALED,
	};
	rr->sending = true;
	TAILQ_INSERT_TAIL(&t->todo, rr, link);
}

void rdma_flush(struct ini_queue *q)
{
	struct rdma_queue *t = q->transport;
	struct ibv_send_wr *bad, *first = NULL, **tail = &first;
	struct rdma_req *rr;
	int err;

	while ((rr = TAILQ_FIRST(&t->todo))) {
		TAILQ_REMOVE(&t->todo, rr, link);
		*tail = &rr->wr;
		tail = &rr->wr.next;
		q->stats.pdus_out++;
		q->stats.bytes_out += rr->sge.length;
	}
	if (!first)
		return;
	q->stats.sends++;
	q->work++;
	err = ibv_post_send(t->id->qp, first, &bad);
	if (err)
		ini_queue_fail(q, -err, "commands not posted (%s)",
			       strerror(err));
}

/* --- completions ---------------------------------------------------------------------- */

static int post_receives(struct rdma_queue *t, const u32 *index, u32 n)
{
	struct ibv_recv_wr wr[BATCH], *bad;
	struct ibv_sge sge[BATCH];
	u32 i;

	for (i = 0; i < n; i++) {
		sge[i] = (struct ibv_sge) {
			.addr = (uintptr_t)t->responses +
				(size_t)index[i] * RDMA_RESPONSE_STRIDE,
			.length = RDMA_RESPONSE_STRIDE,
			.lkey = t->responses_mr->lkey,
		};
		wr[i] = (struct ibv_recv_wr) {
			.wr_id = index[i], .sg_list = &sge[i], .num_sge = 1,
			.next = i + 1 < n ? &wr[i + 1] : NULL,
		};
	}
	return n ? -ibv_post_recv(t->id->qp, wr, &bad) : 0;
}

int rdma_post_receives(struct rdma_queue *t)
{
	u32 index[BATCH], i, n = 0;
	int err = 0;

	for (i = 0; i < t->q->sqsize && !err; i++) {
		index[n++] = i;
		if (n < BATCH && i + 1 < t->q->sqsize)
			continue;
		err = post_receives(t, index, n);
		n = 0;
	}
	return err;
}

static void finish(struct rdma_queue *t, struct rdma_req *rr)
{
	if (!rr->answered || rr->sending)
		return;
	if (rr->bounce && rr->r.dir == NVME_XFER_CTRL_TO_HOST)
		ini_copy_in(&rr->r, 0, rr->bounce, rr->r.len);
	rdma_unmap(rr);
	ini_req_complete(t->q, &rr->r, rr->status, rr->result);
}

static void response(struct rdma_queue *t, u32 index, u32 len)
{
	struct ini_queue *q = t->q;
	struct nvme_cqe cqe;
	struct ini_req *r;

	if (len != sizeof(cqe)) {
		ini_queue_fail(q, -EPROTO,
			       "the target broke the protocol: a response of %u bytes",
			       len);
		return;
	}
	memcpy(&cqe, t->responses + (size_t)index * RDMA_RESPONSE_STRIDE,
	       sizeof(cqe));
	r = ini_req_of(q, le16_to_cpu(cqe.cid));
	if (!r || rdma_req(r)->answered) {
		ini_queue_fail(q, -EPROTO,
			       "the target broke the protocol: response for CID %u, which is not outstanding",
			       le16_to_cpu(cqe.cid));
		return;
	}
	rdma_req(r)->answered = true;
	rdma_req(r)->status = le16_to_cpu(cqe.status) >> 1;
	rdma_req(r)->result = le64_to_cpu(cqe.result);
	finish(t, rdma_req(r));
}

static void completion(struct rdma_queue *t, const struct ibv_wc *wc)
{
	struct rdma_req *rr;

	t->q->stats.pdus_in++;
	t->q->work++;
	if (wc->status != IBV_WC_SUCCESS) {
		ini_queue_fail(t->q, -ECONNRESET, "connection lost (%s)",
			       ibv_wc_status_str(wc->status));
		return;
	}
	if (!(wc->wr_id & SEND_WR)) {
		t->q->stats.bytes_in += wc->byte_len;
		response(t, (u32)wc->wr_id, wc->byte_len);
		return;
	}
	rr = rdma_req(ini_req_at(t->q, (u32)wc->wr_id));
	rr->sending = false;
	finish(t, rr);
}

void rdma_complete_all(struct rdma_queue *t)
{
	struct ini_queue *q = t->q;
	struct ibv_wc wc[BATCH];
	u32 again[BATCH], nagain;
	int n, i;

	do {
		n = ibv_poll_cq(t->cq, BATCH, wc);
		if (n <= 0)
			break;
		q->stats.recvs++;
		nagain = 0;
		for (i = 0; i < n; i++)
			if (!wc[i].status && !(wc[i].wr_id & SEND_WR))
				again[nagain++] = (u32)wc[i].wr_id;
		for (i = 0; i < n && !q->failed; i++)
			completion(t, &wc[i]);
		if (!q->failed && post_receives(t, again, nagain))
			ini_queue_fail(q, -EIO, "receives not posted");
	} while (n == BATCH && !q->failed);
	if (n == 0)
		q->stats.idle++;
	else if (n < 0)
		ini_queue_fail(q, -EIO, "completion queue (%d)", n);
}
