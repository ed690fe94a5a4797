// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * A reactor's part of the transport: for each device in use a completion
 * channel and completion queues, and the poller that reads them, hands
 * completions on, and at the end of each turn posts what has gathered. All of
 * it belongs to the group's reactor.
 *
 * Queue pairs share completion queues, one for commands and one for all that is
 * sent. Each claims as many entries as it can have work requests; other
 * completion queues are made when none have room, so an overflow cannot happen.
 */
#include <fcntl.h>
#include <stdlib.h>

#include "target/transport/rdma/rdma.h"

/* Completions read at once, and of one device in one turn */
#define POLL_BATCH	32
#define POLL_BUDGET	128

static void completion_failed(struct rdma_qpair *q, const struct ibv_wc *wc,
			      const struct rdma_op *op)
{
	static const char * const kinds[] = {
		[RDMA_OP_RECV] = "receive", [RDMA_OP_QUIET] = "transfer",
		[RDMA_OP_READ] = "RDMA READ", [RDMA_OP_SEND] = "send",
	};
	static struct log_budget budget;

	/* the first one says why; the others are flushed */
	if (wc->status != IBV_WC_WR_FLUSH_ERR)
		log_peer(&budget, LOG_WARNING, "rdma: %s:%s queue %u: %s failed: %s (vendor %u); closing",
			 q->base.peer, q->base.peer_port, q->qid,
			 kinds[op->kind], ibv_wc_status_str(wc->status),
			 wc->vendor_err);
	rdma_qpair_close(q);
}

/* What a completion gives back, whatever became of its work request. */
static void settle(struct rdma_qpair *q, const struct rdma_op *op)
{
	switch (op->kind) {
	case RDMA_OP_RECV:
		if (!q->srq)
			q->posted_recvs--;
		break;
	case RDMA_OP_QUIET:
		break;
	case RDMA_OP_READ:
	case RDMA_OP_SEND:
		q->signalled--;
		q->quiet_us = 0;
		rdma_credits_give(&q->credits, op->wrs, op->reads);
		break;
	}
}

static bool opcode_fits(const struct ibv_wc *wc, enum rdma_op_kind kind)
{
	switch (kind) {
	case RDMA_OP_RECV:
		return wc->opcode == IBV_WC_RECV;
	case RDMA_OP_READ:
		return wc->opcode == IBV_WC_RDMA_READ;
	case RDMA_OP_QUIET:
		break;
	case RDMA_OP_SEND:
		return wc->opcode == IBV_WC_SEND;
	}
	return false;
}

/* Is it good news for a queue pair that goes on? */
static bool is_good(struct rdma_qpair *q, const struct ibv_wc *wc,
		    const struct rdma_op *op)
{
	static struct log_budget budget;

	/* left over from a queue pair that is destroyed */
	if (q->state >= RDMA_QP_SWEEPING)
		return false;
	settle(q, op);
	/* while it closes requests are kept: see rdma_requests_end() */
	if (q->state == RDMA_QP_FLUSHING)
		return false;
	if (wc->status != IBV_WC_SUCCESS) {
		completion_failed(q, wc, op);
		return false;
	}
	if (opcode_fits(wc, op->kind))
		return true;
	log_peer(&budget, LOG_WARNING, "rdma: %s:%s queue %u: unexpected completion (opcode %d); closing",
		 q->base.peer, q->base.peer_port, q->qid, wc->opcode);
	rdma_qpair_close(q);
	return false;
}

static void complete(struct rdma_gdev *gd, const struct ibv_wc *wc)
{
	struct rdma_op *op = (struct rdma_op *)(uintptr_t)wc->wr_id;
	struct rdma_qpair *q = op->q;

	if (!q)
		q = rdma_srq_taken(gd, op, wc->qp_num);
	if (!q)
		return;
	if (!is_good(q, wc, op)) {
		if (op->kind == RDMA_OP_RECV)
			rdma_return_recv(rdma_recv_of(op));
		return;
	}
	switch (op->kind) {
	case RDMA_OP_RECV:
		rdma_recv_done(rdma_recv_of(op), wc->byte_len);
		break;
	case RDMA_OP_READ:
		rdma_read_done((struct rdma_request *)((char *)op -
				offsetof(struct rdma_request, read_op)));
		break;
	case RDMA_OP_SEND:
		rdma_send_done((struct rdma_request *)((char *)op -
				offsetof(struct rdma_request, send_op)));
		break;
	case RDMA_OP_QUIET:
		break;
	}
}

static int batch(int room)
{
	return room < POLL_BATCH ? room : POLL_BATCH;
}

static int take(struct rdma_gdev *gd, struct rdma_cq *cq, struct ibv_wc *wc,
		int want)
{
	int n = ibv_poll_cq(cq->cq, want, wc);

	if (n < want)
		cq->emptied++;
	/* a dead device; its removal event follows */
	if (n < 0)
		return 0;
	cq->read += (u64)n;
	gd->stats.completions += (u64)n;
	return n;
}

static void hand_on(struct rdma_gdev *gd, const struct ibv_wc *wc, int n)
{
	int i;

	for (i = 0; i < n; i++)
		complete(gd, &wc[i]);
}

static int poll_sends(struct rdma_gdev *gd, struct rdma_cq *cq, int budget)
{
	struct ibv_wc wc[POLL_BATCH];
	int total = 0, want, n;

	do {
		want = batch(budget - total);
		n = take(gd, cq, wc, want);
		hand_on(gd, wc, n);
		total += n;
	} while (n == want && total < budget);
	return total;
}

/* @sends: what was sent is looked at even if there is no command */
static int poll_cqs(struct rdma_gdev *gd, struct rdma_cqs *cqs, int budget,
		    bool sends)
{
	struct ibv_wc wc[POLL_BATCH];
	int total = 0, want, n;

	do {
		want = batch(budget - total);
		n = take(gd, &cqs->recv, wc, want);
		total += n;
		/* what they give back is there for the commands then */
		if ((n || sends) && total < budget)
			total += poll_sends(gd, &cqs->send, budget - total);
		hand_on(gd, wc, n);
	} while (n == want && total < budget);
	return total;
}

/* Does anything go on when something completes that was sent? */
static bool sends_awaited(const struct rdma_gdev *gd)
{
	return gd->awaiting || !TAILQ_EMPTY(&gd->g->closing) ||
	       nvmf_group_waits(gd->g->base);
}

/* Those that had the rest of the budget come last in the next turn. */
static void put_last(struct rdma_gdev *gd, const struct rdma_cqs *cqs)
{
	struct rdma_cqs *first;

	do {
		first = TAILQ_FIRST(&gd->cqs);
		TAILQ_REMOVE(&gd->cqs, first, link);
		TAILQ_INSERT_TAIL(&gd->cqs, first, link);
	} while (first != cqs);
}

static int poll_gdev(struct rdma_gdev *gd)
{
	bool sends = gd->g->sends_due || sends_awaited(gd);
	struct rdma_cqs *cqs;
	int work = 0;

	TAILQ_FOREACH(cqs, &gd->cqs, link) {
		work += poll_cqs(gd, cqs, POLL_BUDGET - work, sends);
		if (work == POLL_BUDGET) {
			put_last(gd, cqs);
			break;
		}
	}
	gd->stats.polls++;
	if (!work)
		gd->stats.idle_polls++;
	return work;
}

/* Returns the queue pairs that are not done closing: the turns must go on. */
static int advance_closing(struct rdma_group *g)
{
	struct rdma_qpair *q, *next;
	int busy = 0;

	for (q = TAILQ_FIRST(&g->closing); q; q = next) {
		next = TAILQ_NEXT(q, closing_link);
		/* asleep a timer ends the wait; sweeping has none */
		busy += !q->flush_timer;
		rdma_qpair_advance(q);
	}
	return busy;
}

static int group_poll(void *ctx)
{
	struct rdma_group *g = ctx;
	struct rdma_gdev *gd;
	int work = 0;

	TAILQ_FOREACH(gd, &g->gdevs, link)
		if (gd->dev)
			work += poll_gdev(gd) + pool_poll(&gd->pool);
	g->sends_due = false;
	work += rdma_flush(g);
	work += advance_closing(g);
	return work;
}

static void arm(struct rdma_gdev *gd, struct rdma_cq *cq)
{
	if (cq->armed)
		return;
	cq->armed = !ibv_req_notify_cq(cq->cq, 0);
	gd->armed += cq->armed;
}

/*
 * About to sleep: commands wake us. That a response has left need not: it is
 * seen with the next command, or upon a tick of limits.c, unless something
 * goes on only then. An error that is not read for so long does not get lost:
 * the queue pair's receives, its device or the host's end tell of it.
 */
static int group_arm(void *ctx)
{
	struct rdma_group *g = ctx;
	struct rdma_gdev *gd;
	struct rdma_cqs *cqs;

	TAILQ_FOREACH(gd, &g->gdevs, link)
		TAILQ_FOREACH(cqs, &gd->cqs, link) {
			arm(gd, &cqs->recv);
			if (sends_awaited(gd))
				arm(gd, &cqs->send);
		}
	/* a completion from before the request would not wake anybody */
	return group_poll(g);
}

/*
 * Completion channel: only wakes the reactor; the poller does the work. A queue
 * tells of itself once for each time that it is armed, so when none is there
 * is nothing more to read.
 */
static void channel_ready(void *ctx, u32 events)
{
	struct rdma_gdev *gd = ctx;
	struct rdma_cq *cq;
	struct ibv_cq *which;
	void *cq_ctx;

	gd->stats.wakeups++;
	do {
		if (ibv_get_cq_event(gd->channel, &which, &cq_ctx)) {
			if (rdma_fd_ended(events))
				fd_source_remove(&gd->fd);
			return;
		}
		cq = cq_ctx;
		cq->events++;
		gd->armed -= cq->armed;
		cq->armed = false;
	} while (gd->armed);
}

/* Completion queues */

static int cq_create(struct rdma_gdev *gd, struct rdma_cq *cq, u32 size,
		     struct weft_reason *why)
{
	cq->size = size;
	cq->cq = ibv_create_cq(gd->dev->verbs, (int)size, cq, gd->channel, 0);
	return cq->cq ? 0 :
	       weft_fail(why, -errno, "no completion queue of %u entries on %s: %s",
			 size, gd->name, strerror(errno));
}

static void cq_destroy(struct rdma_gdev *gd, struct rdma_cq *cq)
{
	if (!cq->cq)
		return;
	gd->armed -= cq->armed;
	/* all at once: each call takes a lock, and only this one waits for them */
	ibv_ack_cq_events(cq->cq, cq->events);
	ibv_destroy_cq(cq->cq);
}

/* Of @cqs that are in no list. */
static void cqs_free(struct rdma_gdev *gd, struct rdma_cqs *cqs)
{
	if (cqs->srq)
		rdma_srq_free(cqs->srq);
	cq_destroy(gd, &cqs->recv);
	cq_destroy(gd, &cqs->send);
	free(cqs);
}

static struct rdma_cqs *cqs_new(struct rdma_gdev *gd, const struct rdma_plan *p,
				struct weft_reason *why)
{
	struct rdma_cqs *cqs = calloc(1, sizeof(*cqs));
	u32 size = gd->g->t->base.opts.num_cqe;

	if (size < p->sends)
		size = p->sends;
	if (size > (u32)gd->dev->attr.max_cqe)
		size = (u32)gd->dev->attr.max_cqe;
	if (!cqs) {
		weft_fail(why, 0, "no memory for a completion queue");
		return NULL;
	}
	if (cq_create(gd, &cqs->recv, size, why) ||
	    cq_create(gd, &cqs->send, size, why)) {
		cqs_free(gd, cqs);
		return NULL;
	}
	cqs->srq = rdma_srq_new(gd, p->receives);
	TAILQ_INSERT_TAIL(&gd->cqs, cqs, link);
	return cqs;
}

static bool have_room(const struct rdma_cqs *cqs, const struct rdma_plan *p)
{
	const struct rdma_srq *s = cqs->srq;

	if (rdma_cqs_failed(cqs) || cqs->used + p->sends > cqs->send.size)
		return false;
	return !s || s->claimed + p->receives <= s->size;
}

struct rdma_cqs *rdma_cqs_claim(struct rdma_gdev *gd, const struct rdma_plan *p,
				struct weft_reason *why)
{
	struct rdma_cqs *cqs;

	TAILQ_FOREACH(cqs, &gd->cqs, link)
		if (have_room(cqs, p))
			break;
	if (!cqs)
		cqs = cqs_new(gd, p, why);
	if (!cqs)
		return NULL;
	if (cqs->srq && rdma_srq_claim(cqs->srq, p->receives, why))
		return NULL;
	cqs->used += p->sends;
	return cqs;
}

void rdma_cqs_unclaim(struct rdma_cqs *cqs, const struct rdma_plan *p)
{
	cqs->used -= p->sends;
}

/* Devices of a group */

static int gdev_open(struct rdma_gdev *gd, struct rdma_device *dev,
		     struct weft_reason *why)
{
	int err, fd;

	gd->channel = ibv_create_comp_channel(dev->verbs);
	if (!gd->channel)
		return weft_fail(why, -errno, "no completion channel on %s: %s",
				 gd->name, strerror(errno));
	fd = gd->channel->fd;
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0) {
		err = -errno;
		goto destroy;
	}
	gd->fd = fd_source_add("rdma-cq", fd, EPOLLIN, channel_ready, gd);
	if (!gd->fd) {
		err = -ENOMEM;
		goto destroy;
	}
	gd->dev = dev;
	return 0;
destroy:
	ibv_destroy_comp_channel(gd->channel);
	gd->channel = NULL;
	return weft_fail(why, err, "cannot watch completions of %s: %s",
			 gd->name, strerror(-err));
}

static void gdev_close(struct rdma_gdev *gd)
{
	struct rdma_cqs *cqs;

	pool_fini(&gd->pool);
	while ((cqs = TAILQ_FIRST(&gd->cqs))) {
		TAILQ_REMOVE(&gd->cqs, cqs, link);
		cqs_free(gd, cqs);
	}
	fd_source_remove(&gd->fd);
	ibv_destroy_comp_channel(gd->channel);
	gd->channel = NULL;
	gd->dev = NULL;
}

static struct rdma_gdev *gdev_find(struct rdma_group *g, const char *name)
{
	struct rdma_gdev *gd;
	unsigned int i;

	TAILQ_FOREACH(gd, &g->gdevs, link)
		if (!strcmp(gd->name, name))
			return gd;
	gd = calloc(1, sizeof(*gd));
	if (!gd)
		return NULL;
	gd->g = g;
	snprintf(gd->name, sizeof(gd->name), "%s", name);
	TAILQ_INIT(&gd->cqs);
	for (i = 0; i < RDMA_NUMBERS; i++)
		TAILQ_INIT(&gd->numbers[i]);
	rdma_pool_init(gd, &g->t->base.opts);
	TAILQ_INSERT_TAIL(&g->gdevs, gd, link);
	return gd;
}

struct rdma_gdev *rdma_gdev_get(struct rdma_group *g, struct rdma_device *dev,
				struct weft_reason *why)
{
	struct rdma_gdev *gd = gdev_find(g, dev->name);

	if (!gd) {
		weft_fail(why, 0, "no memory for device %s", dev->name);
		return NULL;
	}
	/* the old device of this name is not all gone yet */
	if (gd->dev && gd->dev != dev) {
		weft_fail(why, 0, "device %s is being removed", dev->name);
		return NULL;
	}
	if (!gd->dev && gdev_open(gd, dev, why))
		return NULL;
	gd->qpairs++;
	return gd;
}

void rdma_gdev_put(struct rdma_gdev *gd)
{
	if (!--gd->qpairs)
		gdev_close(gd);
}

int rdma_group_create(struct nvmf_transport *t, struct nvmf_group *base)
{
	struct rdma_group *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	g->base = base;
	g->t = to_transport(t);
	TAILQ_INIT(&g->gdevs);
	TAILQ_INIT(&g->flush);
	TAILQ_INIT(&g->closing);
	TAILQ_INIT(&g->qpairs);
	g->poller = poller_register("rdma", group_poll, g, 0, group_arm);
	if (!g->poller) {
		free(g);
		return -ENOMEM;
	}
	base->transport_group[NVMF_TRTYPE_RDMA] = g;
	return 0;
}

void rdma_group_destroy(struct nvmf_transport *t, struct nvmf_group *base)
{
	struct rdma_group *g = base->transport_group[NVMF_TRTYPE_RDMA];
	struct rdma_gdev *gd;

	(void)t;
	if (!g)
		return;
	base->transport_group[NVMF_TRTYPE_RDMA] = NULL;
	/* those that were never established: nvmf does not know of them */
	rdma_group_abandon(g);
	poller_unregister(&g->tick);
	poller_unregister(&g->poller);
	while ((gd = TAILQ_FIRST(&g->gdevs))) {
		TAILQ_REMOVE(&g->gdevs, gd, link);
		free(gd);
	}
	free(g);
}
