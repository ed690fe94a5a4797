// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Queue pairs: everything that one needs is allocated and registered once,
 * when the connection is set up on the reactor that will own it, and given
 * back when it is down. The first and the last steps come from and go to the
 * control reactor (cm.c) by messages.
 *
 * The way down: error state -> all counted work requests flushed, or
 * RDMA_FLUSH_US is over -> queue pair destroyed, so hardware is through with
 * its memory -> completion queues read to their ends of then, so nothing refers
 * to it any more
 * -> requests that the transport holds are ended -> nvmf is told, and frees it
 * when its own are.
 *
 * librdmacm does not know the queue pair: it would move it to error by itself,
 * within the call that reads the event of a rejection, on the control reactor,
 * where this one may just be destroying it. So its states are set here.
 */
#include <stdlib.h>

#include "common/rdma_cm.h"
#include "target/transport/options.h"
#include "target/transport/rdma/rdma.h"

#define MAX_INLINE	NVME_CQE_SIZE
#define RNR_FOR_EVER	7
/*
 * How long a host waits that has found no receive, in the code of the
 * specification: 0.64 ms. The connection manager's choice, 0, is 655 ms.
 */
#define RNR_TIMER	12

/* Receive slots, unless they are shared, then responses, in one region. */
static int alloc_rings(struct rdma_qpair *q, struct weft_reason *why)
{
	const struct rdma_plan *p = &q->plan;
	u32 own = q->srq ? 0 : p->receives;
	size_t slots = (size_t)own * rdma_slot_size(q->t);
	int err;
	u32 i;

	q->recvs = own ? calloc(own, sizeof(q->recvs[0])) : NULL;
	q->reqs = calloc(p->requests, sizeof(q->reqs[0]));
	if ((own && !q->recvs) || !q->reqs)
		return weft_fail(why, -ENOMEM, "no memory for %u requests",
				 p->requests);
	err = rdma_region_alloc(q->dev, slots + (size_t)p->requests *
				NVME_CQE_SIZE, &q->region, why);
	if (err)
		return err;
	rdma_recvs_init(q->t, q->recvs, own, &q->region);
	for (i = 0; i < own; i++)
		q->recvs[i].op.q = q;
	for (i = 0; i < p->requests; i++) {
		struct rdma_request *r = &q->reqs[i];

		r->q = q;
		r->quiet_op = (struct rdma_op) { .kind = RDMA_OP_QUIET, .q = q };
		r->read_op = (struct rdma_op) { .kind = RDMA_OP_READ, .q = q };
		r->send_op = (struct rdma_op) { .kind = RDMA_OP_SEND, .q = q };
		r->wire = (struct nvme_cqe *)((u8 *)q->region.base + slots) + i;
		TAILQ_INSERT_TAIL(&q->free, r, wait);
	}
	return 0;
}

static int make_plan(struct rdma_qpair *q, struct weft_reason *why)
{
	const struct nvmf_transport_opts *o = &q->base.opts;
	const struct ibv_device_attr *a = &q->dev->attr;
	struct rdma_limits l = {
		.max_wr = (u32)a->max_qp_wr,
		.max_sge = (u32)a->max_sge,
		.max_sge_rd = (u32)a->max_sge_rd,
		.max_cqe = (u32)a->max_cqe,
		.device_reads = (u32)a->max_qp_init_rd_atom,
		.peer_reads = q->peer_reads,
		.depth = q->wanted_depth,
		.pieces = transport_pieces(o),
	};
	int sts = rdma_plan_make(&l, &q->plan, why);

	q->credits.sends = q->plan.sends;
	q->credits.reads = q->plan.reads;
	q->credits.spare = q->plan.spare;
	return sts;
}

/*
 * To @state, with what the connection manager says of the peer. How many READs
 * may be under way the peer has told, and rdma_plan_make() has judged.
 */
static int move_to(struct rdma_qpair *q, enum ibv_qp_state state,
		   struct weft_reason *why)
{
	struct ibv_qp_attr attr = { .qp_state = state };
	int mask, err;

	err = rdma_init_qp_attr(q->id, &attr, &mask) ? errno : 0;
	/* hosts do not read from us */
	attr.max_dest_rd_atomic = 0;
	attr.min_rnr_timer = RNR_TIMER;
	attr.max_rd_atomic = (u8)q->plan.reads;
	if (!err)
		err = ibv_modify_qp(q->qp, &attr, mask);
	return err ? weft_fail(why, -err, "the queue pair cannot be set up: %s",
			       strerror(err)) : 0;
}

static int create_qp(struct rdma_qpair *q, struct weft_reason *why)
{
	struct ibv_qp_init_attr attr = {
		.qp_context = q,
		.send_cq = q->cqs->send.cq,
		.recv_cq = q->cqs->recv.cq,
		.srq = q->srq ? q->srq->srq : NULL,
		.cap = {
			.max_send_wr = q->plan.sends,
			.max_recv_wr = q->srq ? 0 : q->plan.receives,
			.max_send_sge = q->plan.sge,
			.max_recv_sge = q->srq ? 0 : 1,
			.max_inline_data = MAX_INLINE,
		},
		.qp_type = IBV_QPT_RC,
	};

	q->qp = ibv_create_qp(q->dev->pd, &attr);
	if (!q->qp) {
		/* not every device has inline data */
		attr.cap.max_inline_data = 0;
		q->qp = ibv_create_qp(q->dev->pd, &attr);
	}
	if (!q->qp)
		return weft_fail(why, -errno,
				 "no queue pair of %u + %u work requests on %s: %s",
				 q->plan.sends, q->plan.receives,
				 q->dev->name, strerror(errno));
	q->inline_send = attr.cap.max_inline_data >= MAX_INLINE;
	return move_to(q, IBV_QPS_INIT, why);
}

static int post_ring(struct rdma_qpair *q, struct weft_reason *why)
{
	struct ibv_recv_wr *bad;
	int err;
	u32 i;

	/* those that are shared were posted when they were claimed */
	if (q->srq)
		return rdma_number_add(q, why);
	for (i = 0; i < q->plan.receives; i++)
		q->recvs[i].wr.next = i + 1 < q->plan.receives ?
				      &q->recvs[i + 1].wr : NULL;
	err = ibv_post_recv(q->qp, &q->recvs[0].wr, &bad);
	if (err)
		return weft_fail(why, -err, "receives cannot be posted: %s",
				 strerror(err));
	q->posted_recvs = q->plan.receives;
	q->gd->stats.recv_wrs += q->plan.receives;
	q->gd->stats.recv_doorbells++;
	return 0;
}

static int accept_conn(struct rdma_qpair *q, struct weft_reason *why)
{
	struct nvme_rdma_cm_rep rep;
	struct rdma_conn_param param = {
		.private_data = &rep,
		.private_data_len = sizeof(rep),
		/* hosts do not read from us */
		.responder_resources = 0,
		.initiator_depth = (u8)q->plan.reads,
		.rnr_retry_count = RNR_FOR_EVER,
		.qp_num = q->qp->qp_num,
		.srq = q->srq != NULL,
	};

	if (move_to(q, IBV_QPS_RTR, why) || move_to(q, IBV_QPS_RTS, why))
		return -EIO;
	nvme_rdma_cm_rep_encode(&rep, (u16)q->plan.receives);
	if (rdma_accept(q->id, &param))
		return weft_fail(why, -errno, "accepting failed: %s",
				 strerror(errno));
	return 0;
}

static void fill_base(struct rdma_qpair *q)
{
	const struct nvmf_transport_opts *o = &q->base.opts;

	q->base.depth = (u16)q->plan.receives;
	q->base.rules = (struct nvme_sgl_rules) {
		.keyed = true,
		.capsule_data = o->in_capsule_data_size,
		.max_len = o->max_io_size,
	};
}

void rdma_qpair_yield(void *qpair)
{
	static struct log_budget budget;
	struct rdma_qpair *q = qpair;

	if (q->state != RDMA_QP_ACCEPTING)
		return;
	log_peer(&budget, LOG_WARNING, "rdma: %s:%s queue %u: not established in %llu s; closing",
		 q->base.peer, q->base.peer_port, q->qid,
		 (unsigned long long)(reactor_now_us() - q->since_us) / 1000000);
	rdma_qpair_close(q);
}

static void accept_timeout(void *qpair)
{
	struct rdma_qpair *q = qpair;

	q->accept_timer = NULL;
	rdma_qpair_yield(q);
}

/* A host that is not heard of again keeps others out only for that long. */
static int start_accept_timer(struct rdma_qpair *q, struct weft_reason *why)
{
	q->accept_timer = timer_start("rdma-accept", accept_timeout, q,
				      RDMA_ACCEPT_US);
	return q->accept_timer ? 0 :
	       weft_fail(why, -ENOMEM, "no memory for a timer");
}

/* Down to a queue pair with receives: 0, or the status to refuse it with. */
static int build(struct rdma_qpair *q, struct weft_reason *why)
{
	int sts;

	q->g = q->base.group->transport_group[NVMF_TRTYPE_RDMA];
	if (!q->g)
		return weft_fail(why, NVME_RDMA_CM_NO_RESOURCES,
				 "the transport is being taken down");
	TAILQ_INSERT_TAIL(&q->g->qpairs, q, group_link);
	sts = make_plan(q, why);
	if (sts)
		return sts;
	fill_base(q);
	q->gd = rdma_gdev_get(q->g, q->dev, why);
	if (!q->gd)
		return NVME_RDMA_CM_NO_RESOURCES;
	q->cqs = rdma_cqs_claim(q->gd, &q->plan, why);
	if (!q->cqs)
		return NVME_RDMA_CM_NO_RESOURCES;
	q->srq = q->cqs->srq;
	if (alloc_rings(q, why) || create_qp(q, why) ||
	    post_ring(q, why) || start_accept_timer(q, why))
		return NVME_RDMA_CM_NO_RESOURCES;
	return 0;
}

/* The reactor is through with it. */

static void release_on_control(void *qpair)
{
	rdma_device_put(qpair);
}

static void release(struct rdma_qpair *q)
{
	if (q->g)
		TAILQ_REMOVE(&q->g->qpairs, q, group_link);
	rdma_region_free(&q->region);
	free(q->recvs);
	free(q->reqs);
	/* not before all that it had taken are given back */
	if (q->srq)
		rdma_srq_unclaim(q->srq, q->plan.receives);
	if (q->gd)
		rdma_gdev_put(q->gd);
	q->state = RDMA_QP_RELEASED;
	reactor_send(reactor_control(), release_on_control, q);
}

/* Nothing refers to its memory any more: tell nvmf, or let go. */
static void finish_sweep(struct rdma_qpair *q)
{
	q->state = RDMA_QP_GONE;
	if (q->cqs)
		rdma_cqs_unclaim(q->cqs, &q->plan);
	rdma_number_remove(q);
	rdma_requests_end(q);
	if (q->known)
		nvmf_qpair_disconnected(&q->base);
	else
		release(q);
}

static void destroy_qp(struct rdma_qpair *q)
{
	poller_unregister(&q->accept_timer);
	poller_unregister(&q->flush_timer);
	poller_unregister(&q->last_recv_timer);
	rdma_unflush(q);
	if (q->qp)
		ibv_destroy_qp(q->qp);
	q->qp = NULL;
}

static void begin_sweep(struct rdma_qpair *q)
{
	destroy_qp(q);
	q->state = RDMA_QP_SWEEPING;
	q->sweep.recv = rdma_mark(&q->cqs->recv);
	q->sweep.send = rdma_mark(&q->cqs->send);
}

static void flush_timeout(void *qpair)
{
	struct rdma_qpair *q = qpair;

	q->flush_timer = NULL;
	log_warn("rdma: %s:%s queue %u: %s left %u sends and %u receives unflushed; destroying the queue pair",
		 q->base.peer, q->base.peer_port, q->qid, q->dev->name,
		 q->signalled, q->posted_recvs);
	q->gd->stats.forced++;
	begin_sweep(q);
}

static void last_recv_timeout(void *qpair)
{
	struct rdma_qpair *q = qpair;

	q->last_recv_timer = NULL;
	rdma_qpair_last_recv(q);
}

void rdma_qpair_last_recv(void *qpair)
{
	struct rdma_qpair *q = qpair;

	if (q->state != RDMA_QP_FLUSHING || q->last_recv)
		return;
	q->last_recv = true;
	q->recv_mark = rdma_mark(&q->cqs->recv);
}

void rdma_qpair_close(struct rdma_qpair *q)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_ERR };

	if (!rdma_qpair_usable(q))
		return;
	q->state = RDMA_QP_FLUSHING;
	poller_unregister(&q->accept_timer);
	rdma_unflush(q);
	/* after the last post, so that the device flushes that one too */
	ibv_modify_qp(q->qp, &attr, IBV_QP_STATE);
	/* fails if the peer was first */
	rdma_disconnect(q->id);
	q->flush_timer = timer_start("rdma-flush", flush_timeout, q,
				     RDMA_FLUSH_US);
	/* if there is no memory for this one the other ends the wait */
	if (q->srq)
		q->last_recv_timer = timer_start("rdma-last-recv",
						 last_recv_timeout, q,
						 RDMA_LAST_RECV_US);
	TAILQ_INSERT_TAIL(&q->g->closing, q, closing_link);
}

/* Have all completions come that count? */
static bool is_flushed(const struct rdma_qpair *q)
{
	if (q->signalled || q->posted_recvs)
		return false;
	return !q->srq ||
	       (q->last_recv &&
		rdma_mark_passed(&q->cqs->recv, &q->recv_mark));
}

/* Is all read that can be of a queue pair that is destroyed? */
static bool is_swept(const struct rdma_qpair *q)
{
	return rdma_mark_passed(&q->cqs->recv, &q->sweep.recv) &&
	       rdma_mark_passed(&q->cqs->send, &q->sweep.send);
}

void rdma_qpair_advance(struct rdma_qpair *q)
{
	/* nothing ends the wait for a device if there is no timer: no wait */
	if (q->state == RDMA_QP_FLUSHING &&
	    (is_flushed(q) || !q->flush_timer)) {
		begin_sweep(q);
	} else if (q->state == RDMA_QP_SWEEPING && is_swept(q)) {
		TAILQ_REMOVE(&q->g->closing, q, closing_link);
		finish_sweep(q);
	}
}

/* Up */

static void setup_failed(struct rdma_qpair *q, int sts,
			 const struct weft_reason *why)
{
	static struct log_budget budget;

	log_peer(&budget, LOG_WARNING, "rdma: %s:%s: connection refused, %s: %s",
		 q->base.peer, q->base.peer_port,
		 nvme_rdma_cm_status_name((u16)sts), why->text);
	rdma_reject_id(q->id, (u16)sts);
	/* receives may be posted, but in no state in which they complete */
	destroy_qp(q);
	finish_sweep(q);
}

void rdma_qpair_setup(void *qpair)
{
	struct rdma_qpair *q = qpair;
	struct weft_reason why = { "" };
	int sts;

	TAILQ_INIT(&q->free);
	TAILQ_INIT(&q->send_wait);
	TAILQ_INIT(&q->sent);
	TAILQ_INIT(&q->read_wait);
	TAILQ_INIT(&q->idle_recvs);
	pool_share_init(&q->share);
	sts = build(q, &why);
	if (sts) {
		setup_failed(q, sts, &why);
		return;
	}
	q->state = RDMA_QP_ACCEPTING;
	if (accept_conn(q, &why)) {
		log_warn("rdma: %s:%s: %s", q->base.peer, q->base.peer_port,
			 why.text);
		rdma_qpair_close(q);
	}
}

void rdma_qpair_established(void *qpair)
{
	struct rdma_qpair *q = qpair;

	if (q->state != RDMA_QP_ACCEPTING)
		return;
	poller_unregister(&q->accept_timer);
	q->state = RDMA_QP_LIVE;
	q->known = true;
	q->chosen = false;
	nvmf_qpair_add(&q->base);
}

void rdma_qpair_down(void *qpair)
{
	rdma_qpair_close(qpair);
}

void rdma_qpair_cq_failed(void *qpair)
{
	struct rdma_qpair *q = qpair;

	if (rdma_qpair_usable(q) && rdma_cqs_failed(q->cqs))
		rdma_qpair_close(q);
}

void rdma_qpair_disconnect(struct nvmf_qpair *q)
{
	rdma_qpair_close(to_qpair(q));
}

void rdma_qpair_free(struct nvmf_qpair *q)
{
	release(to_qpair(q));
}

void rdma_group_abandon(struct rdma_group *g)
{
	struct rdma_qpair *q, *next;

	for (q = TAILQ_FIRST(&g->qpairs); q; q = next) {
		next = TAILQ_NEXT(q, group_link);
		if (q->state == RDMA_QP_FLUSHING ||
		    q->state == RDMA_QP_SWEEPING)
			TAILQ_REMOVE(&g->closing, q, closing_link);
		destroy_qp(q);
		finish_sweep(q);
	}
}
