// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Posting: what a turn of the reactor wants to send or receive gathers in one
 * chain per queue pair and direction, and is posted at the end of the turn:
 * one doorbell for all of it. Called on the group's reactor.
 *
 * The work requests themselves live in the group's scratch until they are
 * posted; a full scratch is posted early. Receives go before sends: the host
 * may use a slot again as soon as it has seen the response.
 */
#include "target/transport/rdma/rdma.h"

static void want_flush(struct rdma_qpair *q)
{
	if (q->in_flush)
		return;
	q->in_flush = true;
	TAILQ_INSERT_TAIL(&q->g->flush, q, flush_link);
}

static void chain_recv(struct rdma_recv_chain *c, struct rdma_recv *rv)
{
	if (!c->head)
		c->tail = &c->head;
	rv->wr.next = NULL;
	*c->tail = &rv->wr;
	c->tail = &rv->wr.next;
}

void rdma_srq_give(struct rdma_srq *s, struct rdma_recv *rv)
{
	rv->op.q = NULL;
	chain_recv(&s->chain, rv);
	s->chained++;
	s->gd->stats.recv_wrs++;
}

void rdma_post_recv(struct rdma_qpair *q, struct rdma_recv *rv)
{
	if (rv->srq) {
		rdma_srq_give(rv->srq, rv);
		return;
	}
	chain_recv(&q->recv_chain, rv);
	q->posted_recvs++;
	q->gd->stats.recv_wrs++;
	want_flush(q);
}

void rdma_return_recv(struct rdma_recv *rv)
{
	if (rv->srq)
		rdma_srq_give(rv->srq, rv);
}

struct ibv_send_wr *rdma_send_wr(struct rdma_qpair *q, struct rdma_op *op,
				 unsigned int flags)
{
	struct rdma_group *g = q->g;
	struct ibv_send_wr *wr;

	if (g->scratch_used == RDMA_SCRATCH_WRS)
		rdma_flush(g);
	wr = &g->wrs[g->scratch_used];
	/* not all of it is cleared: who uses a field fills it in */
	wr->next = NULL;
	wr->wr_id = (uintptr_t)op;
	wr->sg_list = g->sges[g->scratch_used];
	wr->send_flags = flags;
	g->scratch_used++;
	if (!q->send_head)
		q->send_tail = &q->send_head;
	*q->send_tail = wr;
	q->send_tail = &wr->next;
	if (flags & IBV_SEND_SIGNALED) {
		q->signalled++;
		rdma_limits_watch(g);
	}
	q->gd->stats.send_wrs++;
	want_flush(q);
	return wr;
}

/* Work requests that were not posted will not complete. */
static void drop_recvs(struct rdma_qpair *q, const struct ibv_recv_wr *wr)
{
	for (; wr; wr = wr->next)
		q->posted_recvs--;
}

static void drop_sends(struct rdma_qpair *q, const struct ibv_send_wr *wr)
{
	for (; wr; wr = wr->next)
		if (wr->send_flags & IBV_SEND_SIGNALED)
			q->signalled--;
}

static void leave_flush(struct rdma_qpair *q)
{
	if (!q->in_flush)
		return;
	q->in_flush = false;
	TAILQ_REMOVE(&q->g->flush, q, flush_link);
}

void rdma_unflush(struct rdma_qpair *q)
{
	leave_flush(q);
	drop_recvs(q, q->recv_chain.head);
	drop_sends(q, q->send_head);
	q->recv_chain.head = NULL;
	q->send_head = NULL;
	q->response = NULL;
}

/* Places are accounted for, so this is a broken queue pair or device. */
static void post_failed(struct rdma_qpair *q, const char *what, int err)
{
	static struct log_budget budget;

	log_peer(&budget, LOG_ERROR, "rdma: %s:%s queue %u: posting %s: %s; closing",
		 q->base.peer, q->base.peer_port, q->qid, what, strerror(err));
	rdma_qpair_close(q);
}

static void flush_recvs(struct rdma_qpair *q)
{
	struct ibv_recv_wr *head = q->recv_chain.head, *bad = NULL;
	int err;

	q->recv_chain.head = NULL;
	if (!head)
		return;
	q->gd->stats.recv_doorbells++;
	err = ibv_post_recv(q->qp, head, &bad);
	if (err) {
		drop_recvs(q, bad);
		post_failed(q, "receives", err);
	}
}

static void flush_sends(struct rdma_qpair *q)
{
	struct ibv_send_wr *head = q->send_head, *bad = NULL;
	int err;

	q->send_head = NULL;
	q->response = NULL;
	if (!head)
		return;
	q->gd->stats.send_doorbells++;
	err = ibv_post_send(q->qp, head, &bad);
	if (err) {
		drop_sends(q, bad);
		post_failed(q, "sends", err);
	}
}

/* Without receives none of its queue pairs can go on. */
static void flush_srq(struct rdma_srq *s)
{
	struct ibv_recv_wr *head = s->chain.head, *bad = NULL;
	struct rdma_qpair *q;
	int err;

	s->posted += s->chained;
	s->chained = 0;
	s->chain.head = NULL;
	s->gd->stats.recv_doorbells++;
	err = ibv_post_srq_recv(s->srq, head, &bad);
	if (!err)
		return;
	TAILQ_FOREACH(q, &s->gd->g->qpairs, group_link)
		if (q->srq == s && rdma_qpair_usable(q))
			post_failed(q, "shared receives", err);
}

/* How few were left shows before those of this turn are given back. */
static int flush_srqs(struct rdma_gdev *gd)
{
	struct rdma_cqs *cqs;
	int posted = 0;

	TAILQ_FOREACH(cqs, &gd->cqs, link) {
		if (!cqs->srq)
			continue;
		rdma_srq_grow(cqs->srq);
		if (!cqs->srq->chained)
			continue;
		flush_srq(cqs->srq);
		posted++;
	}
	return posted;
}

int rdma_flush(struct rdma_group *g)
{
	struct rdma_gdev *gd;
	struct rdma_qpair *q;
	int posted = 0;

	if (!g->t->base.opts.no_srq)
		TAILQ_FOREACH(gd, &g->gdevs, link)
			posted += flush_srqs(gd);
	while ((q = TAILQ_FIRST(&g->flush))) {
		leave_flush(q);
		if (!rdma_qpair_usable(q)) {
			rdma_unflush(q);
			continue;
		}
		/* failing closes it, which drops the other chain */
		flush_recvs(q);
		flush_sends(q);
		posted++;
	}
	g->scratch_used = 0;
	return posted;
}
