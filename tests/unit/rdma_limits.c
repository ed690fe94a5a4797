// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * RDMA hosts that keep buffers from others: deep queues, and hosts whose end
 * does not acknowledge anything any more. The clock is the test's.
 */
#include "tests/unit/rdma_stage.h"

#define SECOND		(1000 * 1000ull)
#define LIMIT		60	/* s, the default of transfer_timeout */
#define HURRY		6	/* s, while others wait for buffers */
#define LARGE		131072u	/* bytes: 8 buffers */

static void up_with(u32 buffers)
{
	ops->opts_init(&opts);
	opts.num_shared_buffers = buffers;
	up();
}

/* The limits are looked at as often as turns are taken; closing takes some. */
static void after(u64 us)
{
	turns(2);
	now_us += us;
	turns(5);
}

static struct nvmf_request *transfer(struct rdma_qpair *q, u16 cid, u32 len,
				     enum nvme_xfer_dir dir)
{
	struct nvmf_request *req = command(q, cid);

	with_data(req, dir, len, NULL);
	ops->req_get_data(req);
	turns(1);
	return req;
}

static struct nvmf_request *write_of(struct rdma_qpair *q, u16 cid, u32 len)
{
	return transfer(q, cid, len, NVME_XFER_HOST_TO_CTRL);
}

/* It ends, and the host takes what it has read. */
static void end(struct rdma_qpair *q, struct nvmf_request *req)
{
	ops->req_complete(req);
	turns(1);
	complete_sends(fq(q), 16, IBV_WC_SUCCESS);
	turns(1);
}

static bool gone_down(const struct rdma_qpair *q)
{
	return !rdma_qpair_usable(q);
}

/* A's backlog is not before B's one command. */
static void test_deep_queue_leaves_a_share(void)
{
	struct nvmf_request *mine[8], *theirs;
	struct rdma_qpair *a, *b;
	u16 i;

	up_with(32);
	a = connected(1, 32, 16);
	b = connected(2, 32, 16);
	for (i = 0; i < 8; i++)
		mine[i] = transfer(a, i, LARGE, NVME_XFER_CTRL_TO_HOST);
	/* as much as it leaves free, and the rest of it waits */
	UNIT_EQ(executed, 2);
	UNIT_EQ(a->gd->pool.in_use, 16);
	UNIT_EQ(a->gd->stats.wait_buffer, 6);
	UNIT_EQ(a->gd->stats.wait_share, 6);
	theirs = transfer(b, 1, 4096, NVME_XFER_CTRL_TO_HOST);
	UNIT_EQ(executed, 3);
	CU_ASSERT_PTR_EQUAL(last_executed, theirs);
	end(b, theirs);
	/* in their order */
	for (i = 0; i < 8; i++) {
		UNIT_EQ(to_request(mine[i])->state, RDMA_REQ_NVMF);
		end(a, mine[i]);
	}
	UNIT_EQ(done, 9);
	UNIT_EQ(a->share.claimed, 0);
	UNIT_EQ(a->gd->pool.in_use, 0);
	hang_up(a);
	hang_up(b);
	down();
}

/* Data that must be copied to leave takes its share in the same way. */
static void test_share_of_copies(void)
{
	static u8 ram[LARGE];
	struct nvmf_memory m = { .base = ram, .len = sizeof(ram) };
	struct rdma_qpair *q;
	u16 i;

	up_with(16);
	q = connected(1, 32, 8);
	mr_budget = 0;
	UNIT_EQ(ops->map_memory(transport, &m), 0);
	mr_budget = 1000;
	for (i = 0; i < 3; i++) {
		struct nvmf_request *req = command(q, i);

		with_data(req, NVME_XFER_CTRL_TO_HOST, LARGE, &m);
		ops->req_complete(req);
	}
	turns(1);
	UNIT_EQ(q->gd->stats.copies, 1);
	UNIT_EQ(q->gd->stats.wait_share, 2);
	for (i = 1; i <= 3; i++) {
		complete_sends(fq(q), 2, IBV_WC_SUCCESS);
		turns(1);
		UNIT_EQ(done, i);
	}
	UNIT_EQ(q->gd->stats.copies, 3);
	hang_up(q);
	ops->unmap_memory(transport, &m);
	down();
}

/* Of a pair both halves get what they need, however little is left. */
static void test_pair_at_once(void)
{
	struct nvmf_request *halves[2], *first;
	struct rdma_qpair *a, *b;
	int i;

	up_with(8);
	a = connected(1, 32, 8);
	b = connected(2, 32, 8);
	first = transfer(a, 1, 6 * 16384, NVME_XFER_CTRL_TO_HOST);
	for (i = 0; i < 2; i++) {
		halves[i] = command(b, (u16)i);
		with_data(halves[i], NVME_XFER_HOST_TO_CTRL, 2 * 16384, NULL);
		halves[i]->urgent = i;
		ops->req_get_data(halves[i]);
	}
	/* claimed, and not left behind what the connection holds */
	UNIT_EQ(b->share.claimed, 4);
	end(a, first);
	UNIT_EQ(to_request(halves[1])->state, RDMA_REQ_READ);
	complete_sends(fq(b), 2, IBV_WC_SUCCESS);
	turns(1);
	UNIT_EQ(executed, 3);
	for (i = 0; i < 2; i++)
		end(b, halves[i]);
	hang_up(a);
	hang_up(b);
	down();
}

/* Hosts that stand still have all of the buffers: somebody waits. */
static void crowd(struct rdma_qpair *a[2], struct rdma_qpair **b)
{
	up_with(16);
	a[0] = connected(1, 32, 8);
	a[1] = connected(2, 32, 8);
	*b = connected(3, 32, 8);
	write_of(a[0], 1, LARGE);
	write_of(a[1], 1, LARGE);
	UNIT_EQ(a[0]->gd->pool.in_use, 16);
	transfer(*b, 1, 4096, NVME_XFER_CTRL_TO_HOST);
	UNIT_EQ(executed, 0);
}

static void test_way_for_others(void)
{
	struct rdma_qpair *a[2], *b;
	struct rdma_gdev *gd;

	crowd(a, &b);
	gd = b->gd;
	after((HURRY - 1) * SECOND);
	CU_ASSERT_FALSE(gone_down(a[0]) || gone_down(a[1]));
	warnings = 0;
	after(2 * SECOND);
	UNIT_EQ(disconnected, 2);
	UNIT_EQ(gd->stats.stalled, 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_warning, "and others wait for buffers"));
	/* what they have held is for who waited */
	UNIT_EQ(executed, 1);
	CU_ASSERT_FALSE(gone_down(b));
	end(b, last_executed);
	UNIT_EQ(gd->pool.in_use, 0);
	hang_up(b);
	down();
}

/* Who moves is let alone, one READ after the other. */
static void test_pace_that_is_enough(void)
{
	struct rdma_qpair *a[2], *b;
	u16 i;

	crowd(a, &b);
	for (i = 2; i < 8; i++)
		write_of(a[0], i, 4096);
	for (i = 0; i < 4; i++) {
		after((HURRY - 1) * SECOND);
		/* @a[1] is closed at the second of these */
		complete_sends(fq(a[0]), 1, IBV_WC_SUCCESS);
	}
	UNIT_EQ(disconnected, 1);
	CU_ASSERT_FALSE(gone_down(a[0]));
	hang_up(a[0]);
	end(b, last_executed);
	hang_up(b);
	down();
}

/* Nobody waits: the whole time, for READs and for responses. */
static void stands_still(bool reads)
{
	struct nvmf_request *req;
	struct rdma_qpair *q;

	up_with(64);
	q = connected(1, 32, 8);
	req = transfer(q, 1, 4096, reads ? NVME_XFER_HOST_TO_CTRL :
					   NVME_XFER_CTRL_TO_HOST);
	if (!reads)
		ops->req_complete(req);
	after((LIMIT - 1) * SECOND);
	CU_ASSERT_FALSE(gone_down(q));
	warnings = 0;
	after(2 * SECOND);
	UNIT_EQ(warnings, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_warning, "queue 1: no transfer or response has completed for 6"));
	CU_ASSERT_PTR_NULL(strstr(last_warning, "others"));
	UNIT_EQ(disconnected, 1);
	UNIT_EQ(done, 1);
	down();
}

static void test_nothing_moves(void)
{
	stands_still(true);
	stands_still(false);
}

/* The last of many READs, one at a time, each before the time is over. */
static void trickle(bool somebody_waits)
{
	struct nvmf_request *last = NULL;
	struct rdma_qpair *q;
	u16 i;

	up_with(64);
	hold_free = true;
	q = connected(1, 32, 1);
	for (i = 0; i < 5; i++)
		last = write_of(q, i, 4096);
	awaited = somebody_waits ? last : NULL;
	after(LIMIT / 2 * SECOND);
	for (i = 0; i < 4 && !gone_down(q); i++) {
		complete_sends(fq(q), 1, IBV_WC_SUCCESS);
		after((LIMIT / 2 + 1) * SECOND);
	}
	awaited = NULL;
	/* its time counts from when it was seen first: after the first of these */
	UNIT_EQ(executed, somebody_waits ? 2 : 4);
	if (!somebody_waits)
		hang_up(q);
	UNIT_EQ(disconnected, 1);
	for (i = 0; i < nstarted; i++)
		if (to_request(started[i])->state == RDMA_REQ_NVMF)
			ops->req_complete(started[i]);
	UNIT_EQ(done, 5);
	chosen--;
	ops->qpair_free(gone);
	down();
}

static void test_others_wait_for_it(void)
{
	trickle(false);
	trickle(true);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_warning, "queue 1: others wait for a command whose data is on its way for 6"));
}

/* The disk takes its time, or nobody has anything to do. */
static void test_not_the_hosts_fault(void)
{
	struct nvmf_request *req;
	struct rdma_qpair *q;

	up_with(8);
	q = connected(1, 32, 8);
	req = write_of(q, 1, LARGE);
	complete_sends(fq(q), 1, IBV_WC_SUCCESS);
	turns(1);
	UNIT_EQ(executed, 1);
	/* another one waits for its buffers, in vain so far */
	write_of(q, 2, LARGE);
	after(3600 * SECOND);
	CU_ASSERT_FALSE(gone_down(q));
	/* idle costs nothing */
	CU_ASSERT_PTR_NULL(q->g->tick);
	end(q, req);
	complete_sends(fq(q), 1, IBV_WC_SUCCESS);
	turns(1);
	end(q, last_executed);
	after(3600 * SECOND);
	CU_ASSERT_FALSE(gone_down(q));
	CU_ASSERT_PTR_NULL(q->g->tick);
	hang_up(q);
	down();
}

/* Without memory for the poller the next work request tries again. */
static void test_no_memory_for_the_limit(void)
{
	struct rdma_qpair *q;

	up_with(64);
	q = connected(1, 32, 8);
	no_pollers = true;
	write_of(q, 1, 4096);
	CU_ASSERT_PTR_NULL(q->g->tick);
	no_pollers = false;
	write_of(q, 2, 4096);
	CU_ASSERT_PTR_NOT_NULL(q->g->tick);
	after(1);
	after((LIMIT + 1) * SECOND);
	UNIT_EQ(disconnected, 1);
	down();
}

UNIT_MAIN(UNIT(test_deep_queue_leaves_a_share), UNIT(test_share_of_copies),
	  UNIT(test_pair_at_once), UNIT(test_way_for_others),
	  UNIT(test_pace_that_is_enough), UNIT(test_nothing_moves),
	  UNIT(test_others_wait_for_it),
	  UNIT(test_not_the_hosts_fault), UNIT(test_no_memory_for_the_limit))
