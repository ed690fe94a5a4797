// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * What wakes a reactor that sleeps: each command, and what was sent only where
 * somebody goes on when that completes.
 */
#include "tests/unit/rdma_stage.h"

static struct fake_cq *fcq(struct rdma_cq *cq)
{
	return (struct fake_cq *)cq->cq;
}

/* Asleep: does it wake for commands, and does it for what it has sent? */
static void asleep(struct rdma_qpair *q, bool for_sends)
{
	CU_ASSERT_TRUE(falls_asleep());
	CU_ASSERT_TRUE(fcq(&q->cqs->recv)->armed);
	UNIT_EQ(fcq(&q->cqs->send)->armed, for_sends);
}

/* Returns whether something woke it, and has the turn that comes then. */
static bool wakes(struct rdma_qpair *q)
{
	bool woken = event_of;

	if (woken)
		q->gd->fd->fn(q->gd->fd->ctx, EPOLLIN);
	turns(1);
	return woken;
}

static void arrives(struct rdma_qpair *q)
{
	u8 capsule[64] = { 0 };

	CU_ASSERT_TRUE(host_sends(fq(q), capsule, sizeof(capsule)));
}

static void end(struct rdma_qpair *q)
{
	hang_up(q);
	UNIT_EQ(live.cq, 0);
	down();
}

static void test_one_for_each_command(void)
{
	struct rdma_qpair *q;
	int i;

	up();
	q = connected(1, 32, 8);
	asleep(q, false);
	for (i = 0; i < 5; i++) {
		arrives(q);
		CU_ASSERT_TRUE(wakes(q));
		UNIT_EQ(nstarted, (unsigned int)i + 1);
		/* what was sent for the last one is read in the same turn */
		UNIT_EQ(done, i);
		ops->req_complete(started[i]);
		turns(1);
		asleep(q, false);
		complete_sends(fq(q), MAX_WR, IBV_WC_SUCCESS);
		CU_ASSERT_PTR_NULL(event_of);
	}
	UNIT_EQ(q->gd->stats.wakeups, 5);
	UNIT_EQ(reads_of_events, 5);
	/* nobody waits for the last one: a tick will do */
	turns(1);
	UNIT_EQ(done, 4);
	CU_ASSERT_PTR_NOT_NULL(q->g->tick);
	q->g->tick->fn(q->g->tick->ctx);
	CU_ASSERT_FALSE(falls_asleep());
	UNIT_EQ(done, 5);
	end(q);
}

static void test_found_at_the_last_moment(void)
{
	struct rdma_qpair *q;

	up();
	q = connected(1, 32, 8);
	arrives(q);
	CU_ASSERT_FALSE(falls_asleep());
	UNIT_EQ(nstarted, 1);
	ops->req_complete(started[0]);
	CU_ASSERT_FALSE(falls_asleep());
	end(q);
}

/* Between falling asleep and waking nothing is asked for twice: see req_notify() */
static void test_armed_once(void)
{
	struct rdma_qpair *q;

	up();
	q = connected(1, 32, 8);
	group_waits = true;
	asleep(q, true);
	turns(1);
	asleep(q, true);
	group_waits = false;
	asleep(q, true);
	end(q);
}

static void test_data_of_a_write(void)
{
	struct rdma_qpair *q;
	struct nvmf_request *req;

	up();
	q = connected(1, 32, 8);
	req = fetching(q, 1);
	turns(1);
	asleep(q, true);
	complete_sends(fq(q), 1, IBV_WC_SUCCESS);
	CU_ASSERT_TRUE(wakes(q));
	UNIT_EQ(executed, 1);
	ops->req_complete(req);
	turns(1);
	asleep(q, false);
	end(q);
}

/* More commands than requests are there: the host was told, we were not yet. */
static void test_request_is_waited_for(void)
{
	struct rdma_qpair *q;
	unsigned int i, n;

	up();
	q = connected(1, 32, 8);
	n = q->plan.requests;
	for (i = 0; i < n; i++) {
		asleep(q, false);
		arrives(q);
		CU_ASSERT_TRUE(wakes(q));
		ops->req_complete(started[i]);
		turns(1);
	}
	arrives(q);
	wakes(q);
	UNIT_EQ(nstarted, n);
	UNIT_EQ(q->gd->stats.wait_request, 1);
	asleep(q, true);
	complete_sends(fq(q), 1, IBV_WC_SUCCESS);
	CU_ASSERT_TRUE(wakes(q));
	UNIT_EQ(nstarted, n + 1);
	ops->req_complete(started[n]);
	turns(1);
	asleep(q, false);
	/* one that waits goes with its connection */
	arrives(q);
	wakes(q);
	UNIT_EQ(q->gd->awaiting, 1);
	hang_up(q);
	down();
}

/* Responses that find no place in the send queue */
static void test_place_is_waited_for(void)
{
	struct rdma_qpair *q;
	struct nvmf_request *a, *b;

	up();
	q = connected(1, 32, 8);
	a = command(q, 1);
	b = command(q, 2);
	q->credits.sends = 1;
	ops->req_complete(a);
	ops->req_complete(b);
	turns(1);
	asleep(q, true);
	complete_sends(fq(q), 1, IBV_WC_SUCCESS);
	CU_ASSERT_TRUE(wakes(q));
	asleep(q, false);
	UNIT_EQ(q->gd->awaiting, 0);
	end(q);
}

/* Buffers come back when responses have gone, of any queue pair. */
static void test_buffer_is_waited_for(void)
{
	struct rdma_qpair *q[2];
	struct nvmf_request *req = NULL;
	unsigned int i;

	ops->opts_init(&opts);
	opts.num_shared_buffers = 16;
	up();
	q[0] = connected(1, 32, 8);
	q[1] = connected(2, 32, 8);
	for (i = 0; !q[0]->gd->awaiting && i < 64; i++) {
		req = command(q[i % 2], (u16)i);
		with_data(req, NVME_XFER_CTRL_TO_HOST, 4096, NULL);
		ops->req_get_data(req);
		if (!q[0]->gd->awaiting)
			ops->req_complete(req);
		turns(1);
	}
	UNIT_EQ(q[0]->gd->awaiting, 1);
	asleep(q[0], true);
	complete_sends(fq(q[0]), MAX_WR, IBV_WC_SUCCESS);
	complete_sends(fq(q[1]), MAX_WR, IBV_WC_SUCCESS);
	CU_ASSERT_TRUE(wakes(q[0]));
	UNIT_EQ(q[0]->gd->awaiting, 0);
	ops->req_complete(req);
	turns(1);
	hang_up(q[1]);
	end(q[0]);
}

static void test_change_waits(void)
{
	struct rdma_qpair *q;

	up();
	q = connected(1, 32, 8);
	ops->req_complete(command(q, 1));
	turns(1);
	asleep(q, false);
	group_waits = true;
	asleep(q, true);
	complete_sends(fq(q), 1, IBV_WC_SUCCESS);
	CU_ASSERT_TRUE(wakes(q));
	UNIT_EQ(done, 1);
	end(q);
}

/* One that closes waits for what the device flushes. */
static void test_closing(void)
{
	struct rdma_qpair *q;

	up();
	q = connected(1, 32, 8);
	never_flush = true;
	ops->req_complete(command(q, 1));
	turns(1);
	ops->qpair_disconnect(&q->base);
	asleep(q, true);
	flush_all(fq(q));
	CU_ASSERT_TRUE(wakes(q));
	turns(4);
	UNIT_EQ(disconnected, 1);
	down();
}

/* Half of a pair of completion queues is none. */
static void test_no_second_queue(void)
{
	up();
	max_cqs = 1;
	accepting(1, 32, 8);
	UNIT_EQ(rejected, NVME_RDMA_CM_NO_RESOURCES);
	turns(3);
	UNIT_EQ(live.cq, 0);
	down();
}

UNIT_MAIN(UNIT(test_one_for_each_command), UNIT(test_found_at_the_last_moment),
	  UNIT(test_armed_once), UNIT(test_data_of_a_write),
	  UNIT(test_request_is_waited_for), UNIT(test_place_is_waited_for),
	  UNIT(test_buffer_is_waited_for), UNIT(test_change_waits),
	  UNIT(test_closing), UNIT(test_no_second_queue))
