// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Receives: rings of single queue pairs, and receives that the queue pairs of
 * a struct rdma_cqs share, where the transport was created with no_srq=false
 * and the device has such queues. Called by group.c, qpair.c and post.c on the
 * reactor that owns them.
 *
 * Each queue pair claims as many receives as its host may have commands
 * outstanding, and there are never more than were claimed. But they are made as
 * they are used: at first for one queue pair, then, when few are left, another
 * chunk in a turn; they stay as long as the queue does. A host that comes
 * before that meets "receiver not ready", and tries again after RNR_TIMER.
 *
 * One that sends more than its depth takes receives of others and is
 * disconnected; it cannot overflow the completion queue, which has an entry for
 * each claim.
 *
 * What a completion of a shared receive belongs to only its queue pair's
 * number says. A queue pair in the error state may have taken receives whose
 * completions are yet to come: the device says when it has taken its last one.
 */
#include <stdlib.h>

#include "target/transport/rdma/rdma.h"

/* Receives that are made at once */
#define CHUNK		128
/* When fewer are left there shall be more: at least, and of the largest claim */
#define LOW_MIN		32
#define LOW_PART	2
/* Until it is tried again to have memory for them */
#define RETRY_US	(100 * 1000)

/** struct rdma_slab - receives that were made together */
struct rdma_slab {
	struct rdma_region region;
	TAILQ_ENTRY(rdma_slab) link;
	struct rdma_recv recvs[];
};

void rdma_recvs_init(struct rdma_transport *t, struct rdma_recv *recvs, u32 n,
		     const struct rdma_region *region)
{
	u32 i;

	for (i = 0; i < n; i++) {
		struct rdma_recv *rv = &recvs[i];

		rv->op.kind = RDMA_OP_RECV;
		rv->data = (u8 *)region->base + (size_t)i * rdma_slot_size(t);
		rv->sge.addr = (uintptr_t)rv->data;
		rv->sge.length = NVME_SQE_SIZE +
				 t->base.opts.in_capsule_data_size;
		rv->sge.lkey = region->mr->lkey;
		rv->wr.wr_id = (uintptr_t)&rv->op;
		rv->wr.sg_list = &rv->sge;
		rv->wr.num_sge = 1;
	}
}

/* NULL: the device has none, or none that is large enough. */
struct rdma_srq *rdma_srq_new(struct rdma_gdev *gd, u32 need)
{
	const struct nvmf_transport_opts *o = &gd->g->t->base.opts;
	const struct ibv_device_attr *dev = &gd->dev->attr;
	struct ibv_srq_init_attr attr = { .attr.max_sge = 1 };
	struct rdma_srq *s;

	if (o->no_srq || !dev->max_srq || (u32)dev->max_srq_wr < need)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->gd = gd;
	s->size = o->max_srq_depth > need ? o->max_srq_depth : need;
	if (s->size > (u32)dev->max_srq_wr)
		s->size = (u32)dev->max_srq_wr;
	s->low = LOW_MIN;
	TAILQ_INIT(&s->slabs);
	attr.attr.max_wr = s->size;
	s->srq = ibv_create_srq(gd->dev->pd, &attr);
	if (s->srq)
		return s;
	log_warn("rdma: %s: no shared receive queue of %u entries: %s; connections get receives of their own",
		 gd->name, s->size, strerror(errno));
	free(s);
	return NULL;
}

void rdma_srq_free(struct rdma_srq *s)
{
	struct rdma_slab *slab;

	ibv_destroy_srq(s->srq);
	while ((slab = TAILQ_FIRST(&s->slabs))) {
		TAILQ_REMOVE(&s->slabs, slab, link);
		rdma_region_free(&slab->region);
		free(slab);
	}
	free(s);
}

/* @n receives more, posted with what else the turn has gathered. */
static int add_chunk(struct rdma_srq *s, u32 n, struct weft_reason *why)
{
	struct rdma_transport *t = s->gd->g->t;
	struct rdma_slab *slab = calloc(1, sizeof(*slab) +
					n * sizeof(slab->recvs[0]));
	int err;
	u32 i;

	if (!slab)
		return weft_fail(why, -ENOMEM, "no memory for %u receives", n);
	err = rdma_region_alloc(s->gd->dev, (size_t)n * rdma_slot_size(t),
				&slab->region, why);
	if (err) {
		free(slab);
		return err;
	}
	TAILQ_INSERT_TAIL(&s->slabs, slab, link);
	rdma_recvs_init(t, slab->recvs, n, &slab->region);
	for (i = 0; i < n; i++) {
		slab->recvs[i].srq = s;
		rdma_srq_give(s, &slab->recvs[i]);
	}
	s->receives += n;
	s->chunks++;
	return 0;
}

int rdma_srq_claim(struct rdma_srq *s, u32 n, struct weft_reason *why)
{
	/* without any its host would wait for a turn that nothing wakes */
	int err = s->receives ? 0 : add_chunk(s, n, why);

	if (err)
		return err;
	s->claimed += n;
	if (s->low < n / LOW_PART)
		s->low = n / LOW_PART;
	return 0;
}

/* It is said once, until there was memory again. */
static void not_grown(struct rdma_srq *s, const struct weft_reason *why)
{
	static struct log_budget budget;

	s->gd->stats.ungrown++;
	if (!s->retry_us)
		log_peer(&budget, LOG_WARNING, "rdma: %s: no more shared receives, %u for %u commands: hosts may have to try again: %s",
			 s->gd->name, s->receives, s->claimed, why->text);
	s->retry_us = reactor_now_us() + RETRY_US;
}

void rdma_srq_grow(struct rdma_srq *s)
{
	u32 room = s->claimed > s->receives ? s->claimed - s->receives : 0;
	struct weft_reason why = { "" };

	if (s->posted >= s->low || !room || reactor_now_us() < s->retry_us)
		return;
	if (add_chunk(s, room < CHUNK ? room : CHUNK, &why))
		not_grown(s, &why);
	else
		s->retry_us = 0;
}

void rdma_srq_unclaim(struct rdma_srq *s, u32 n)
{
	s->claimed -= n;
}

/* Queue pairs by number */

static struct rdma_numbers *bucket(struct rdma_gdev *gd, u32 num)
{
	return &gd->numbers[num % RDMA_NUMBERS];
}

static struct rdma_qpair *find(struct rdma_gdev *gd, u32 num)
{
	struct rdma_qpair *q;

	TAILQ_FOREACH(q, bucket(gd, num), number_link)
		if (q->number == num)
			return q;
	return NULL;
}

int rdma_number_add(struct rdma_qpair *q, struct weft_reason *why)
{
	/* completions of the former one would be taken for this one's */
	if (find(q->gd, q->qp->qp_num))
		return weft_fail(why, -EAGAIN,
				 "the number of the queue pair is in use still");
	q->number = q->qp->qp_num;
	q->numbered = true;
	TAILQ_INSERT_TAIL(bucket(q->gd, q->number), q, number_link);
	return 0;
}

void rdma_number_remove(struct rdma_qpair *q)
{
	if (!q->numbered)
		return;
	TAILQ_REMOVE(bucket(q->gd, q->number), q, number_link);
	q->numbered = false;
}

struct rdma_qpair *rdma_srq_taken(struct rdma_gdev *gd, struct rdma_op *op,
				  u32 num)
{
	struct rdma_recv *rv = rdma_recv_of(op);

	rv->srq->posted--;
	op->q = find(gd, num);
	if (!op->q)
		rdma_srq_give(rv->srq, rv);
	return op->q;
}
