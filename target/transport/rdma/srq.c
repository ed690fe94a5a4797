// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Receives: rings of single queue pairs, and receives that the queue pairs of
 * a completion queue share, where the transport was created with no_srq=false
 * and the device has such queues. Called by group.c, qpair.c and post.c on the
 * reactor that owns them.
 *
 * Each queue pair claims as many receives as its host may have commands
 * outstanding; they are made when they are claimed for the first time. So a
 * host that keeps to its depth always finds a receive, as with a ring of its
 * own. One that does not takes those of others and is disconnected; it cannot
 * overflow the completion queue, which has an entry for each receive.
 *
 * What a completion of a shared receive belongs to only its queue pair's
 * number says. A queue pair in the error state may have taken receives whose
 * completions are yet to come: the device says when it has taken its last one.
 */
#include <stdlib.h>

#include "target/transport/rdma/rdma.h"

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

	if (s->in_flush)
		TAILQ_REMOVE(&s->gd->g->flush_srqs, s, flush_link);
	ibv_destroy_srq(s->srq);
	while ((slab = TAILQ_FIRST(&s->slabs))) {
		TAILQ_REMOVE(&s->slabs, slab, link);
		rdma_region_free(&slab->region);
		free(slab);
	}
	free(s);
}

/* @n receives more, posted with what else the turn has gathered. */
static int grow(struct rdma_srq *s, u32 n, struct weft_reason *why)
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
	return 0;
}

int rdma_srq_claim(struct rdma_srq *s, u32 n, struct weft_reason *why)
{
	u32 more = s->claimed + n > s->receives ?
		   s->claimed + n - s->receives : 0;
	int err = more ? grow(s, more, why) : 0;

	if (!err)
		s->claimed += n;
	return err;
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

	op->q = find(gd, num);
	if (!op->q)
		rdma_srq_give(rv->srq, rv);
	return op->q;
}
