// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Shared receives of the RDMA transport: they grow with their use, until every
 * host finds as many as it may have commands outstanding, whatever the others
 * do; none is lost or posted twice when connections break; without them
 * connections have their own.
 */
#include "tests/unit/rdma_stage.h"

static void up_shared(u32 depth)
{
	ops->opts_init(&opts);
	opts.no_srq = false;
	opts.max_srq_depth = depth;
	up();
}

static struct rdma_srq *srq_of(struct rdma_qpair *q) { return q->cqs->srq; }

/* The device has not said that @q took its last receive: it is not waited for. */
static void time_is_over(struct rdma_qpair *q)
{
	struct poller *t = q->last_recv_timer;

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	t->used = false;
	t->once(t->ctx);
}

static void leave(struct rdma_qpair *q)
{
	hang_up(q);
	time_is_over(q);
	turns(3);
}

/* As many as possible of @n commands arrive; returns how many did. */
static int sends(struct rdma_qpair *q, int n, u32 len)
{
	static u8 capsule[64 + 4096];
	int i;

	for (i = 0; i < n && host_sends(fq(q), capsule, len); i++)
		;
	return i;
}

static void respond_to(unsigned int from, unsigned int n)
{
	while (n--)
		ops->req_complete(started[from++]);
	turns(1);
}

/* Commands of small queues, and all that is claimed is there. */
static void warm_up(struct rdma_qpair *q)
{
	ops->req_complete(command(q, 1));
	turns(1);
	complete_sends(fq(q), 1, IBV_WC_SUCCESS);
	turns(1);
	nstarted = 0;
	UNIT_EQ(receives_of(fq(q)), srq_of(q)->claimed);
}

/* Two of depth 16, whose receives are all there */
static void up_two(struct rdma_qpair **a, struct rdma_qpair **b)
{
	up_shared(1024);
	*a = connected(1, 16, 8);
	*b = connected(2, 16, 8);
	warm_up(*a);
}

/* As long as there is no need there are those of the first one. */
static void four_deep(struct rdma_qpair *q[4])
{
	int i;

	up_shared(1024);
	for (i = 0; i < 4; i++) {
		q[i] = connected((u16)(i + 1), 128, 8);
		CU_ASSERT_PTR_EQUAL(q[i]->srq, q[0]->srq);
	}
	turns(3);
	UNIT_EQ(srq_of(q[0])->claimed, 512);
	UNIT_EQ(srq_of(q[0])->receives, 128);
	UNIT_EQ(receives_of(fq(q[0])), 128);
}

static void all_leave(struct rdma_qpair **q, int n)
{
	while (n--)
		leave(q[n]);
	down();
}

static void test_grows_with_use(void)
{
	struct rdma_qpair *q[4];
	struct rdma_srq *s;
	int i;

	four_deep(q);
	s = srq_of(q[0]);
	/* half of a queue's depth is left */
	UNIT_EQ(sends(q[0], 64, 64 + 512), 64);
	turns(2);
	UNIT_EQ(s->receives, 128);
	UNIT_EQ(sends(q[0], 1, 64 + 512), 1);
	turns(2);
	UNIT_EQ(s->receives, 256);
	UNIT_EQ(receives_of(fq(q[0])), 191);
	/* one chunk a turn */
	UNIT_EQ(sends(q[1], 128, 64 + 512), 128);
	UNIT_EQ(sends(q[0], 63, 64 + 512), 63);
	UNIT_EQ(sends(q[2], 1, 64), 0);
	turns(1);
	UNIT_EQ(s->receives, 384);
	turns(1);
	UNIT_EQ(s->receives, 384);
	UNIT_EQ(sends(q[2], 128, 64 + 512), 128);
	turns(1);
	/* no more than queues are deep */
	UNIT_EQ(s->receives, 512);
	UNIT_EQ(sends(q[3], 128, 64 + 512), 128);
	turns(3);
	UNIT_EQ(s->receives, 512);
	UNIT_EQ(s->chunks, 4);
	UNIT_EQ(nstarted, 512);
	respond_to(0, 512);
	turns(2);
	for (i = 0; i < 4; i++)
		complete_sends(fq(q[i]), 128, IBV_WC_SUCCESS);
	turns(5);
	/* now nobody finds none */
	nstarted = 0;
	for (i = 0; i < 4; i++)
		UNIT_EQ(sends(q[i], 128, 64 + 512), 128);
	turns(5);
	UNIT_EQ(nstarted, 512);
	respond_to(0, 512);
	UNIT_EQ(s->receives, 512);
	UNIT_EQ(live.mr, 4 + 4);
	all_leave(q, 4);
}

/* That few were left counts, even if all are given back in the same turn. */
static void test_grows_by_bursts(void)
{
	struct rdma_qpair *q[4];

	four_deep(q);
	UNIT_EQ(sends(q[0], 64, 64), 64);
	turns(2);
	UNIT_EQ(srq_of(q[0])->receives, 128);
	UNIT_EQ(sends(q[1], 65, 64), 65);
	turns(2);
	UNIT_EQ(srq_of(q[0])->receives, 256);
	UNIT_EQ(receives_of(fq(q[0])), 256);
	respond_to(0, 129);
	all_leave(q, 4);
}

/* What queues have claimed that are gone does not count. */
static void test_grows_for_those_here(void)
{
	struct rdma_qpair *q[4];

	four_deep(q);
	leave(q[3]);
	leave(q[2]);
	leave(q[1]);
	UNIT_EQ(sends(q[0], 128, 64 + 512), 128);
	turns(3);
	UNIT_EQ(srq_of(q[0])->receives, 128);
	respond_to(0, 128);
	all_leave(q, 1);
}

/* Without memory things stay as they are, and it is tried again, at times. */
static void test_no_memory_to_grow(void)
{
	struct rdma_qpair *q[4];
	struct rdma_srq *s;

	four_deep(q);
	s = srq_of(q[0]);
	mr_budget = 0;
	UNIT_EQ(sends(q[0], 128, 64 + 512), 128);
	turns(5);
	UNIT_EQ(s->receives, 128);
	UNIT_EQ(s->gd->stats.ungrown, 1);
	UNIT_EQ(warnings, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_warning, "128 for 512 commands"));
	now_us += 100 * 1000;
	turns(2);
	UNIT_EQ(s->gd->stats.ungrown, 2);
	UNIT_EQ(warnings, 1);
	UNIT_EQ(live.mr, 4 + 1);
	mr_budget = 1000;
	turns(2);
	UNIT_EQ(s->receives, 128);
	now_us += 100 * 1000;
	turns(2);
	UNIT_EQ(s->receives, 256);
	UNIT_EQ(s->gd->stats.ungrown, 2);
	UNIT_EQ(receives_of(fq(q[1])), 128);
	respond_to(0, 128);
	all_leave(q, 4);
}

/* Completion queues that are taken are joined by others. */
static void test_completions_have_room(void)
{
	struct rdma_qpair *q[5];

	ops->opts_init(&opts);
	opts.no_srq = false;
	opts.num_cqe = 600;
	up();
	q[0] = connected(1, 128, 8);
	q[1] = connected(2, 128, 8);
	CU_ASSERT_PTR_EQUAL(q[0]->cqs, q[1]->cqs);
	CU_ASSERT(q[0]->plan.sends * 3 > 600);
	q[2] = connected(3, 128, 8);
	CU_ASSERT_PTR_NOT_EQUAL(q[0]->cqs, q[2]->cqs);
	UNIT_EQ(sends(q[0], 128, 64 + 512), 128);
	turns(1);
	UNIT_EQ(srq_of(q[0])->receives, 256);
	respond_to(0, 128);
	/* receives stay when their queue goes, and serve the next one */
	leave(q[1]);
	q[1] = connected(4, 128, 8);
	q[3] = connected(5, 128, 8);
	UNIT_EQ(live.cq, 4);
	UNIT_EQ(srq_of(q[0])->claimed, 256);
	UNIT_EQ(srq_of(q[0])->receives, 256);
	q[4] = connected(6, 128, 8);
	UNIT_EQ(live.cq, 6);
	all_leave(q, 5);
}

static void test_two_at_full_depth(void)
{
	struct rdma_qpair *a, *b;
	struct rdma_stats *st;
	u64 bells;
	int round;

	up_shared(1024);
	a = connected(1, 32, 8);
	CU_ASSERT_PTR_NOT_NULL_FATAL(a->srq);
	CU_ASSERT_PTR_NULL(a->recvs);
	UNIT_EQ(receives_of(fq(a)), 32);
	b = connected(2, 16, 8);
	UNIT_EQ(live.srq, 1);
	CU_ASSERT_PTR_EQUAL(a->srq, b->srq);
	UNIT_EQ(receives_of(fq(a)), 32);
	warm_up(a);
	st = &a->gd->stats;
	for (round = 0; round < 4; round++) {
		nstarted = 0;
		/* with data, as the others are given back early */
		UNIT_EQ(sends(a, 32, 64 + 512), 32);
		UNIT_EQ(sends(b, 16, 64 + 512), 16);
		UNIT_EQ(sends(b, 1, 64), 0);
		turns(1);
		UNIT_EQ(nstarted, 48);
		bells = st->recv_doorbells;
		respond_to(0, 48);
		/* one post for both, and before the responses */
		UNIT_EQ(st->recv_doorbells, bells + 1);
		UNIT_EQ(fq(a)->recvs_at_send, 48);
		UNIT_EQ(fq(b)->recvs_at_send, 48);
		UNIT_EQ(a->outstanding + b->outstanding, 0);
		complete_sends(fq(a), 32, IBV_WC_SUCCESS);
		complete_sends(fq(b), 16, IBV_WC_SUCCESS);
		turns(1);
	}
	UNIT_EQ(disconnected, 0);
	leave(a);
	/* what @a had claimed serves the next one */
	a = connected(3, 32, 8);
	UNIT_EQ(srq_of(a)->receives, 48);
	UNIT_EQ(receives_of(fq(a)), 48);
	leave(a);
	leave(b);
	UNIT_EQ(disconnected, 3);
	UNIT_EQ(live.srq, 0);
	down();
}

/* One that sends more than it may is shut out; what it took others get. */
static void test_greedy_host(void)
{
	struct rdma_qpair *a, *b;

	up_two(&a, &b);
	UNIT_EQ(sends(a, 16, 64 + 512), 16);
	turns(1);
	UNIT_EQ(a->state, RDMA_QP_LIVE);
	UNIT_EQ(sends(a, 16, 64), 16);
	turns(1);
	UNIT_EQ(nstarted, 16);
	UNIT_EQ(a->state, RDMA_QP_FLUSHING);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_warning, "more than 16 commands"));
	/* those that run hold theirs until they end */
	UNIT_EQ(sends(b, 17, 64 + 512), 16);
	turns(1);
	UNIT_EQ(b->state, RDMA_QP_LIVE);
	respond_to(0, 32);
	UNIT_EQ(receives_of(fq(b)), 32);
	time_is_over(a);
	turns(3);
	UNIT_EQ(disconnected, 1);
	complete_sends(fq(b), 16, IBV_WC_SUCCESS);
	leave(b);
	down();
}

/* Commands without data leave their receives to others while they run. */
static void test_given_back_early(void)
{
	struct rdma_qpair *a, *b;

	up_two(&a, &b);
	UNIT_EQ(sends(a, 15, 64), 15);
	UNIT_EQ(sends(a, 1, 64 + 512), 1);
	turns(1);
	UNIT_EQ(nstarted, 16);
	UNIT_EQ(a->outstanding, 16);
	UNIT_EQ(receives_of(fq(b)), 31);
	UNIT_EQ(sends(b, 16, 64 + 512), 16);
	turns(1);
	UNIT_EQ(nstarted, 32);
	respond_to(0, 32);
	UNIT_EQ(receives_of(fq(b)), 32);
	complete_sends(fq(a), 16, IBV_WC_SUCCESS);
	turns(1);
	/* a host that sends one more than it may is seen nevertheless */
	nstarted = 0;
	UNIT_EQ(sends(a, 16, 64), 16);
	turns(1);
	UNIT_EQ(a->state, RDMA_QP_LIVE);
	UNIT_EQ(sends(a, 1, 64), 1);
	turns(1);
	UNIT_EQ(a->state, RDMA_QP_FLUSHING);
	respond_to(0, 16);
	time_is_over(a);
	turns(3);
	complete_sends(fq(b), 16, IBV_WC_SUCCESS);
	leave(b);
	down();
}

static void break_with(bool event)
{
	struct rdma_qpair *a, *b;

	up_shared(1024);
	hold_free = true;
	a = connected(1, 32, 8);
	b = connected(2, 16, 8);
	warm_up(a);
	/* runs, with data in its capsule; is answered; is unread; is short */
	UNIT_EQ(sends(a, 2, 64 + 4096), 2);
	turns(1);
	ops->req_complete(started[1]);
	UNIT_EQ(sends(a, 3, 64), 3);
	UNIT_EQ(sends(a, 1, 32), 1);
	cm_event(a->id, RDMA_CM_EVENT_DISCONNECTED, NULL);
	turns(3);
	UNIT_EQ(a->state, RDMA_QP_FLUSHING);
	/* one that was on its way */
	UNIT_EQ(sends(a, 1, 64), 1);
	if (event) {
		async.event_type = IBV_EVENT_QP_LAST_WQE_REACHED;
		async.element.qp = a->qp;
		CU_ASSERT(write(context.async_fd, &(u64){ 1 }, 8) == 8);
		watched_turn();
	} else {
		time_is_over(a);
	}
	turns(4);
	UNIT_EQ(disconnected, 1);
	UNIT_EQ(b->gd->stats.forced, 0);
	/* all but the one whose data is in use */
	UNIT_EQ(receives_of(fq(b)), 47);
	UNIT_EQ(srq_of(b)->claimed, 48);
	ops->req_complete(started[0]);
	turns(1);
	UNIT_EQ(receives_of(fq(b)), 48);
	hold_free = false;
	chosen--;
	ops->qpair_free(gone);
	turns(2);
	UNIT_EQ(srq_of(b)->claimed, 16);
	leave(b);
	down();
}

static void test_break_told_by_device(void) { break_with(true); }

static void test_break_told_by_time(void) { break_with(false); }

/* The number of a queue pair whose completions may be unread is not taken. */
static void test_number_again(void)
{
	struct rdma_qpair *a;

	up_shared(1024);
	a = connected(1, 32, 8);
	cm_event(a->id, RDMA_CM_EVENT_DISCONNECTED, NULL);
	turns(2);
	UNIT_EQ(a->state, RDMA_QP_FLUSHING);
	next_qp_num = a->number;
	accepting(2, 32, 8);
	turns(2);
	UNIT_EQ(rejected, NVME_RDMA_CM_NO_RESOURCES);
	time_is_over(a);
	turns(3);
	next_qp_num = 7;
	a = connected(3, 32, 8);
	CU_ASSERT_PTR_NOT_NULL(command(a, 1));
	ops->req_complete(started[0]);
	leave(a);
	down();
}

static void test_more_than_one(void)
{
	struct rdma_qpair *q[3];
	int i;

	up_shared(48);
	for (i = 0; i < 3; i++)
		q[i] = connected((u16)(i + 1), i < 2 ? 32 : 16, 8);
	UNIT_EQ(live.srq, 2);
	CU_ASSERT_PTR_NOT_EQUAL(q[0]->srq, q[1]->srq);
	CU_ASSERT_PTR_EQUAL(q[0]->srq, q[2]->srq);
	CU_ASSERT_PTR_NOT_EQUAL(q[0]->cqs, q[1]->cqs);
	for (i = 0; i < 3; i++)
		leave(q[i]);
	UNIT_EQ(disconnected, 3);
	down();
}

static void works_alone(void)
{
	struct rdma_qpair *q = connected(1, 32, 8);

	UNIT_EQ(live.srq, 0);
	CU_ASSERT_PTR_NULL(q->srq);
	UNIT_EQ(receives_of(fq(q)), 32);
	ops->req_complete(command(q, 1));
	turns(1);
	complete_sends(fq(q), 1, IBV_WC_SUCCESS);
	turns(1);
	UNIT_EQ(done, 1);
	hang_up(q);
	down();
}

static void test_without(void)
{
	up_shared(1024);
	device_attr.max_srq = 0;
	works_alone();
	up_shared(1024);
	device_attr.max_srq_wr = 31;
	works_alone();
	up_shared(1024);
	fail_srq = true;
	works_alone();
}

static void test_posting_fails(void)
{
	struct rdma_qpair *a, *b;

	up_shared(1024);
	a = connected(1, 32, 8);
	b = connected(2, 32, 8);
	UNIT_EQ(sends(a, 1, 64 + 512), 1);
	turns(1);
	ops->req_complete(started[0]);
	fail_srq_recv = 1;
	turns(2);
	UNIT_EQ(a->state, RDMA_QP_FLUSHING);
	UNIT_EQ(b->state, RDMA_QP_FLUSHING);
	time_is_over(a);
	time_is_over(b);
	turns(4);
	UNIT_EQ(disconnected, 2);
	UNIT_EQ(done, 1);
	down();
}

/* No memory for receives: that connection is refused, the others go on. */
static void test_no_memory(void)
{
	struct rdma_qpair *a;

	up_shared(1024);
	a = connected(1, 32, 8);
	mr_budget = 0;
	accepting(2, 32, 8);
	turns(3);
	UNIT_EQ(rejected, NVME_RDMA_CM_NO_RESOURCES);
	UNIT_EQ(srq_of(a)->claimed, 32);
	UNIT_EQ(a->cqs->used, a->plan.sends);
	CU_ASSERT_PTR_NOT_NULL(command(a, 1));
	ops->req_complete(started[0]);
	leave(a);
	down();
}

UNIT_MAIN(UNIT(test_grows_with_use), UNIT(test_grows_by_bursts),
	  UNIT(test_grows_for_those_here), UNIT(test_no_memory_to_grow),
	  UNIT(test_completions_have_room), UNIT(test_two_at_full_depth),
	  UNIT(test_greedy_host), UNIT(test_given_back_early),
	  UNIT(test_break_told_by_device),
	  UNIT(test_break_told_by_time), UNIT(test_number_again),
	  UNIT(test_more_than_one), UNIT(test_without),
	  UNIT(test_posting_fails), UNIT(test_no_memory))
