// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Commands on the RDMA transport: batching, transfers in place and through
 * buffers, and what happens when buffers, READs, places in the send queue or
 * requests run short.
 */
#include "tests/unit/rdma_stage.h"

static void test_responses_in_one_doorbell(void)
{
	struct rdma_qpair *q;
	struct fake_qp *f;
	u8 capsule[64] = { 0 };
	int i, bells;

	up();
	q = connected(1, 32, 8);
	f = fq(q);
	for (i = 0; i < 8; i++)
		host_sends(f, capsule, sizeof(capsule));
	turns(1);
	UNIT_EQ(nstarted, 8);
	UNIT_EQ(f->rq_tail - f->rq_head, 24);
	bells = f->doorbells;
	for (i = 0; i < 8; i++)
		ops->req_complete(started[i]);
	/* nothing goes out before the turn ends */
	UNIT_EQ(f->sq_tail, 0);
	turns(1);
	UNIT_EQ(f->sq_tail, 8);
	UNIT_EQ(f->doorbells, bells + 1);
	UNIT_EQ(f->rq_tail - f->rq_head, 32);
	for (i = 0; i < 8; i++)
		UNIT_EQ(f->sq[i].opcode, IBV_WR_SEND);
	UNIT_EQ(done, 0);
	complete_sends(f, 8, IBV_WC_SUCCESS);
	turns(1);
	UNIT_EQ(done, 8);
	UNIT_EQ(q->credits.sends, q->plan.sends);
	hang_up(q);
	down();
}

/*
 * At full depth a receive stands for each response before that is posted, also
 * where a turn's work requests do not fit at once: post_send() looks at each
 * chain. Hosts never have to try again.
 */
static void test_receives_before_responses(void)
{
	struct nvmf_request *req[4][8];
	struct rdma_qpair *q[4];
	u32 i, j, round;

	up();
	/* a response with data takes 9 work requests: 8 fit a queue pair */
	device_attr.max_sge = 1;
	for (i = 0; i < 4; i++)
		q[i] = connected((u16)(i + 1), 32, 8);
	CU_ASSERT(4 * 8 * 9 > RDMA_SCRATCH_WRS);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 4; i++) {
			/* but for those that are answered the queue is full */
			while (fq(q[i])->unanswered < 24)
				command(q[i], 0);
			for (j = 0; j < 8; j++) {
				req[i][j] = command(q[i], (u16)j);
				with_data(req[i][j], NVME_XFER_CTRL_TO_HOST,
					  131072, NULL);
				ops->req_get_data(req[i][j]);
			}
			UNIT_EQ(receives_of(fq(q[i])), 0);
		}
		for (i = 0; i < 4; i++)
			for (j = 0; j < 8; j++)
				ops->req_complete(req[i][j]);
		turns(1);
		for (i = 0; i < 4; i++) {
			UNIT_EQ(receives_of(fq(q[i])), 8);
			UNIT_EQ(fq(q[i])->unanswered, 24);
			complete_sends(fq(q[i]), 72, IBV_WC_SUCCESS);
		}
		turns(1);
		UNIT_EQ(done, 32 * (round + 1));
	}
	for (i = 0; i < nstarted; i++)
		if (to_request(started[i])->state == RDMA_REQ_NVMF)
			ops->req_complete(started[i]);
	for (i = 0; i < 4; i++)
		hang_up(q[i]);
	down();
}

/* However many completions there are: a turn deals with so many of a device. */
static void test_poll_budget(void)
{
	struct rdma_qpair *a, *b;
	u8 capsule[64] = { 0 };
	int i;

	up();
	a = connected(1, 128, 8);
	/* its queues are full, so there are others */
	a->cqs->send.size = a->cqs->used;
	b = connected(2, 128, 8);
	CU_ASSERT_PTR_NOT_EQUAL_FATAL(a->cqs, b->cqs);
	for (i = 0; i < 128; i++) {
		host_sends(fq(a), capsule, sizeof(capsule));
		if (i < 100)
			host_sends(fq(b), capsule, sizeof(capsule));
	}
	turns(1);
	UNIT_EQ(nstarted, 128);
	/* who had no turn is the first one now */
	CU_ASSERT_PTR_EQUAL(TAILQ_FIRST(&a->gd->cqs), b->cqs);
	turns(1);
	UNIT_EQ(nstarted, 228);
	UNIT_EQ(a->gd->stats.completions, 228);
	for (i = 0; i < 228; i++)
		ops->req_complete(started[i]);
	hang_up(a);
	hang_up(b);
	down();
}

/* Responses are copied into the work request, where the device can do that. */
static void test_inline_responses(void)
{
	static const struct { u32 room; bool used; } cases[] = {
		{ 64, true }, { 16, true }, { 15, false }, { 0, false },
	};
	struct rdma_qpair *q;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		up();
		max_inline = cases[i].room;
		q = connected(1, 32, 8);
		ops->req_complete(command(q, 1));
		turns(1);
		UNIT_EQ(fq(q)->sq[0].send_flags, IBV_SEND_SIGNALED |
			(cases[i].used ? IBV_SEND_INLINE : 0));
		UNIT_EQ(q->gd->stats.inline_sends, cases[i].used);
		complete_sends(fq(q), 1, IBV_WC_SUCCESS);
		hang_up(q);
		down();
	}
}

/* One response, sent by @opcode, and no data */
static void failed_read(struct rdma_qpair *q, struct nvmf_memory *m,
			enum ibv_wr_opcode opcode)
{
	struct nvmf_request *req = command(q, 2);
	struct fake_qp *f = fq(q);
	int at = f->sq_tail;

	with_data(req, NVME_XFER_CTRL_TO_HOST, 4096, m);
	req->cqe.status = cpu_to_le16(NVME_SC_LBA_RANGE << 1);
	ops->req_complete(req);
	turns(1);
	UNIT_EQ(f->sq_tail, at + 1);
	UNIT_EQ(f->sq[at].opcode, opcode);
	complete_sends(f, 1, IBV_WC_SUCCESS);
}

static void test_read_in_place(void)
{
	static u8 ram[65536];
	struct nvmf_memory m = { .base = ram, .len = sizeof(ram) };
	struct rdma_memory *rm;
	struct nvmf_request *req;
	struct rdma_qpair *q;
	struct fake_qp *f;

	up();
	UNIT_EQ(ops->map_memory(transport, &m), 0);
	q = connected(1, 32, 8);
	f = fq(q);
	/* the device came after the memory */
	rm = m.key[NVMF_TRTYPE_RDMA];
	CU_ASSERT_PTR_NOT_NULL_FATAL(rm->mr[0]);
	req = command(q, 1);
	with_data(req, NVME_XFER_CTRL_TO_HOST, 4096, &m);
	ops->req_complete(req);
	turns(1);
	UNIT_EQ(f->sq_tail, 2);
	UNIT_EQ(f->doorbells, 1);
	UNIT_EQ(f->sq[0].opcode, IBV_WR_RDMA_WRITE);
	UNIT_EQ(f->sq[0].send_flags, 0);
	UNIT_EQ(f->sq[0].wr.rdma.remote_addr, 0x1000);
	UNIT_EQ(f->sq[0].wr.rdma.rkey, 55);
	UNIT_EQ(f->sge[0].addr, (uintptr_t)ram);
	UNIT_EQ(f->sge[0].lkey, rm->mr[0]->lkey);
	UNIT_EQ(f->sq[1].opcode, IBV_WR_SEND_WITH_INV);
	UNIT_EQ(f->sq[1].invalidate_rkey, 55);
	UNIT_EQ(q->gd->stats.copies, 0);
	complete_sends(f, 2, IBV_WC_SUCCESS);
	turns(1);
	UNIT_EQ(done, 1);
	/* an error moves no data, and gives the key back all the same */
	failed_read(q, &m, IBV_WR_SEND_WITH_INV);
	/* unless the listener says that this device does not do it right */
	q->base.remote_invalidate = false;
	failed_read(q, &m, IBV_WR_SEND);
	UNIT_EQ(q->gd->stats.invalidates, 2);
	hang_up(q);
	ops->unmap_memory(transport, &m);
	down();
}

static void test_unregistered_ram_is_copied(void)
{
	static u8 ram[65536];
	struct nvmf_memory m = { .base = ram, .len = sizeof(ram) };
	struct nvmf_request *req;
	struct rdma_qpair *q;
	struct fake_qp *f;

	up();
	memset(ram, 0x5a, sizeof(ram));
	q = connected(1, 32, 8);
	f = fq(q);
	mr_budget = 0;
	UNIT_EQ(ops->map_memory(transport, &m), 0);
	mr_budget = 1000;
	req = command(q, 1);
	with_data(req, NVME_XFER_CTRL_TO_HOST, 20000, &m);
	ops->req_complete(req);
	turns(1);
	UNIT_EQ(q->gd->stats.copies, 1);
	UNIT_EQ(f->sq_tail, 2);
	CU_ASSERT(f->sge[0].addr != (uintptr_t)ram);
	UNIT_EQ(*(u8 *)(uintptr_t)f->sge[0].addr, 0x5a);
	UNIT_EQ(q->gd->pool.in_use, 2);
	complete_sends(f, 2, IBV_WC_SUCCESS);
	turns(1);
	UNIT_EQ(q->gd->pool.in_use, 0);
	/* a write gets buffers instead of the RAM */
	req = command(q, 2);
	with_data(req, NVME_XFER_HOST_TO_CTRL, 512, &m);
	ops->req_get_data(req);
	CU_ASSERT_PTR_NULL(req->memory);
	CU_ASSERT(req->iov[0].iov_base != ram);
	UNIT_EQ(q->gd->stats.copies, 2);
	turns(1);
	complete_sends(f, 1, IBV_WC_SUCCESS);
	turns(1);
	UNIT_EQ(executed, 1);
	ops->req_complete(req);
	/* where there is no RAM nothing is copied */
	req = command(q, 3);
	with_data(req, NVME_XFER_HOST_TO_CTRL, 512, NULL);
	ops->req_get_data(req);
	UNIT_EQ(q->gd->stats.copies, 2);
	hang_up(q);
	ops->unmap_memory(transport, &m);
	down();
}

static void test_read_throttle(void)
{
	struct nvmf_request *req[5];
	struct rdma_qpair *q;
	struct fake_qp *f;
	int i;

	up();
	q = connected(1, 32, 2);
	f = fq(q);
	for (i = 0; i < 5; i++)
		req[i] = fetching(q, (u16)i);
	turns(1);
	for (i = 0; i < 5; i++) {
		/* never more under way than the host answers */
		CU_ASSERT(f->sq_tail - f->sq_head <= 2);
		UNIT_EQ(f->sq[i].opcode, IBV_WR_RDMA_READ);
		UNIT_EQ(complete_sends(f, 1, IBV_WC_SUCCESS), 1);
		turns(1);
		UNIT_EQ(executed, i + 1);
		CU_ASSERT_PTR_EQUAL(last_executed, req[i]);
	}
	UNIT_EQ(q->gd->stats.wait_read, 3);
	for (i = 0; i < 5; i++)
		ops->req_complete(req[i]);
	turns(1);
	complete_sends(f, 5, IBV_WC_SUCCESS);
	turns(1);
	UNIT_EQ(done, 5);
	UNIT_EQ(q->credits.reads, 2);
	UNIT_EQ(q->credits.sends, q->plan.sends);
	hang_up(q);
	down();
}

/* However many READs the host has to answer first: what needs none goes past. */
static void test_reads_stall_nobody(void)
{
	struct nvmf_request *req;
	struct rdma_qpair *q;
	struct fake_qp *f;
	int i, reads;

	up();
	/* one piece a READ, and more READs than the send queue has places */
	device_attr.max_sge_rd = 1;
	device_attr.max_qp_init_rd_atom = 128;
	q = connected(1, 16, 128);
	f = fq(q);
	for (i = 0; i < 6; i++) {
		req = command(q, (u16)i);
		with_data(req, NVME_XFER_HOST_TO_CTRL, 131072, NULL);
		ops->req_get_data(req);
	}
	turns(1);
	reads = (int)f->sq_tail;
	UNIT_EQ(reads, q->plan.sends - q->plan.spare);
	CU_ASSERT(q->gd->stats.wait_read > 0);
	/* a read of data, whose response is a WRITE and a SEND */
	req = command(q, 6);
	with_data(req, NVME_XFER_CTRL_TO_HOST, 4096, NULL);
	ops->req_get_data(req);
	ops->req_complete(req);
	turns(1);
	UNIT_EQ(f->sq_tail, reads + 2);
	UNIT_EQ(f->sq[reads + 1].opcode, IBV_WR_SEND_WITH_INV);
	UNIT_EQ(q->gd->stats.wait_write, 0);
	for (i = 0; i < 16; i++) {
		complete_sends(f, 16, IBV_WC_SUCCESS);
		turns(1);
	}
	UNIT_EQ(executed, 7);
	UNIT_EQ(done, 1);
	hang_up(q);
	down();
}

/* More pieces than a READ can scatter, more READs than the host answers. */
static void test_read_in_parts(void)
{
	struct nvmf_request *req;
	struct rdma_qpair *q;
	struct fake_qp *f;
	int i;

	up();
	device_attr.max_sge_rd = 2;
	q = connected(1, 32, 2);
	f = fq(q);
	req = command(q, 1);
	with_data(req, NVME_XFER_HOST_TO_CTRL, 131072 - 512, NULL);
	ops->req_get_data(req);
	UNIT_EQ(req->iovcnt, 8);
	UNIT_EQ(req->iov[7].iov_len, 16384 - 512);
	turns(1);
	UNIT_EQ(f->sq_tail, 2);
	for (i = 0; i < 2; i++) {
		UNIT_EQ(f->sq[2 * i].wr.rdma.remote_addr,
			0x1000 + 4 * i * 16384);
		UNIT_EQ(f->sq[2 * i].send_flags, 0);
		UNIT_EQ(f->sq[2 * i + 1].send_flags, IBV_SEND_SIGNALED);
		UNIT_EQ(executed, 0);
		complete_sends(f, 2, IBV_WC_SUCCESS);
		turns(1);
	}
	UNIT_EQ(executed, 1);
	UNIT_EQ(f->sq_tail, 4);
	ops->req_complete(req);
	turns(1);
	UNIT_EQ(q->gd->pool.in_use, 0);
	complete_sends(f, 1, IBV_WC_SUCCESS);
	hang_up(q);
	down();
}

static void test_buffers_in_order(void)
{
	struct nvmf_request *req[3];
	struct rdma_qpair *a, *b;
	int i;

	ops->opts_init(&opts);
	opts.num_shared_buffers = 8;
	up();
	a = connected(1, 32, 8);
	b = connected(2, 32, 8);
	for (i = 0; i < 3; i++) {
		req[i] = command(i == 1 ? b : a, (u16)i);
		with_data(req[i], NVME_XFER_CTRL_TO_HOST,
			  i == 1 ? 131072 : 16384, NULL);
		ops->req_get_data(req[i]);
	}
	/* the second wants all; the third could have one, but waits its turn */
	UNIT_EQ(executed, 1);
	UNIT_EQ(a->gd->stats.wait_buffer, 2);
	/* what needs no buffers does not wait */
	ops->req_complete(command(a, 9));
	turns(1);
	UNIT_EQ(complete_sends(fq(a), 1, IBV_WC_SUCCESS), 1);
	turns(1);
	UNIT_EQ(done, 1);
	for (i = 0; i < 3; i++) {
		UNIT_EQ(executed, i + 1);
		CU_ASSERT_PTR_EQUAL(last_executed, req[i]);
		ops->req_complete(req[i]);
		turns(1);
		complete_sends(fq(i == 1 ? b : a), 16, IBV_WC_SUCCESS);
		turns(1);
	}
	UNIT_EQ(a->gd->pool.in_use, 0);
	hang_up(a);
	hang_up(b);
	down();
}

/* What waits for a READ or for buffers is taken back, and no more than that. */
static void test_abort(void)
{
	struct nvmf_request *req[4];
	struct rdma_qpair *q;
	int i;

	ops->opts_init(&opts);
	opts.num_shared_buffers = 8;
	up();
	q = connected(1, 32, 1);
	for (i = 0; i < 4; i++) {
		req[i] = command(q, (u16)i);
		with_data(req[i], NVME_XFER_HOST_TO_CTRL,
			  i == 2 ? 131072 : 16384, NULL);
		ops->req_get_data(req[i]);
	}
	/* the first reads, the second waits to, the others wait for buffers */
	UNIT_EQ(q->gd->pool.in_use, 2);
	CU_ASSERT_FALSE(ops->req_abort(req[0]));
	for (i = 1; i < 3; i++) {
		CU_ASSERT_TRUE(ops->req_abort(req[i]));
		CU_ASSERT_FALSE(ops->req_abort(req[i]));
		ops->req_complete(req[i]);
	}
	turns(1);
	/* the fourth has got what the others do not need any more */
	UNIT_EQ(q->gd->pool.in_use, 2);
	UNIT_EQ(fq(q)->sq_tail - fq(q)->sq_head, 3);
	complete_sends(fq(q), 3, IBV_WC_SUCCESS);
	turns(1);
	UNIT_EQ(executed, 1);
	complete_sends(fq(q), 1, IBV_WC_SUCCESS);
	turns(1);
	UNIT_EQ(executed, 2);
	CU_ASSERT_PTR_EQUAL(last_executed, req[3]);
	CU_ASSERT_FALSE(ops->req_abort(req[3]));
	ops->req_complete(req[0]);
	ops->req_complete(req[3]);
	turns(1);
	complete_sends(fq(q), 2, IBV_WC_SUCCESS);
	turns(1);
	UNIT_EQ(done, 4);
	UNIT_EQ(q->gd->pool.in_use, 0);
	hang_up(q);
	down();
}

static void test_no_buffers_at_all(void)
{
	struct nvmf_request *req;
	struct rdma_qpair *q;

	up();
	q = connected(1, 32, 8);
	mr_budget = 0;
	req = command(q, 1);
	with_data(req, NVME_XFER_CTRL_TO_HOST, 4096, NULL);
	ops->req_get_data(req);
	fire_timers();
	/* it waits for memory, however often that is not there */
	UNIT_EQ(failed + executed, 0);
	mr_budget = 1000;
	fire_timers();
	UNIT_EQ(executed, 1);
	ops->req_complete(req);
	turns(1);
	complete_sends(fq(q), 2, IBV_WC_SUCCESS);
	turns(1);
	hang_up(q);
	down();
}

static void test_gone_while_it_waits(void)
{
	struct rdma_qpair *q[2];
	struct nvmf_request *req[2];
	int i;

	up();
	for (i = 0; i < 2; i++)
		q[i] = connected((u16)(i + 1), 32, 8);
	mr_budget = 0;
	for (i = 0; i < 2; i++) {
		req[i] = command(q[i], 1);
		with_data(req[i], NVME_XFER_CTRL_TO_HOST, 4096, NULL);
		ops->req_get_data(req[i]);
	}
	fire_timers();
	UNIT_EQ(failed + executed, 0);
	hang_up(q[0]);
	UNIT_EQ(failed, 1);
	/* the buffers are for the one behind it */
	mr_budget = 1000;
	fire_timers();
	UNIT_EQ(executed, 1);
	CU_ASSERT_PTR_EQUAL(last_executed, req[1]);
	ops->req_complete(req[1]);
	turns(1);
	complete_sends(fq(q[1]), 2, IBV_WC_SUCCESS);
	turns(1);
	UNIT_EQ(q[1]->gd->pool.in_use, 0);
	hang_up(q[1]);
	down();
}

static void test_slabs_are_given_back(void)
{
	struct nvmf_request *req[32];
	struct rdma_qpair *q;
	int i, mrs;

	up();
	q = connected(1, 64, 8);
	mrs = live.mr;
	for (i = 0; i < 32; i++) {
		req[i] = command(q, (u16)i);
		with_data(req[i], NVME_XFER_CTRL_TO_HOST, 131072, NULL);
		ops->req_get_data(req[i]);
	}
	UNIT_EQ(live.mr, mrs + 4);
	for (i = 0; i < 32; i++)
		ops->req_complete(req[i]);
	turns(1);
	complete_sends(fq(q), 64, IBV_WC_SUCCESS);
	turns(1);
	fire_timers();
	UNIT_EQ(live.mr, mrs + 4);
	fire_timers();
	UNIT_EQ(live.mr, mrs + 1);
	hang_up(q);
	down();
}

/* The host answers faster than sends are reported: requests run out. */
static void test_late_send_completions(void)
{
	struct rdma_qpair *q;
	u8 capsule[64] = { 0 };
	u32 i, n = 0;

	up();
	q = connected(1, 16, 8);
	for (i = 0; i < q->plan.requests + 5; i++) {
		CU_ASSERT_TRUE(host_sends(fq(q), capsule, sizeof(capsule)));
		turns(1);
		if (nstarted > n)
			ops->req_complete(started[n++]);
		turns(1);
	}
	UNIT_EQ(nstarted, q->plan.requests);
	UNIT_EQ(q->gd->stats.wait_request, 5);
	complete_sends(fq(q), 5, IBV_WC_SUCCESS);
	turns(1);
	UNIT_EQ(nstarted, q->plan.requests + 5);
	while (n < nstarted)
		ops->req_complete(started[n++]);
	turns(1);
	complete_sends(fq(q), MAX_WR, IBV_WC_SUCCESS);
	turns(1);
	UNIT_EQ(done, (int)nstarted);
	hang_up(q);
	down();
}

/* @n commands are answered in one turn. */
static void answer_at_once(struct rdma_qpair *q, unsigned int n)
{
	unsigned int i;

	nstarted = 0;
	done = 0;
	for (i = 0; i < n; i++)
		command(q, (u16)i);
	for (i = 0; i < n; i++) {
		if (i % 2) {
			with_data(started[i], NVME_XFER_CTRL_TO_HOST, 4096,
				  NULL);
			ops->req_get_data(started[i]);
		}
		ops->req_complete(started[i]);
	}
	turns(1);
}

/* Of the responses of a turn the last one completes, and one in sixteen. */
static void test_one_completion_for_many(void)
{
	struct rdma_qpair *q;
	u64 before;

	up();
	q = connected(1, 64, 8);
	answer_at_once(q, 20);
	UNIT_EQ(q->signalled, 2);
	UNIT_EQ(q->credits.sends, q->plan.sends - 30);
	before = q->gd->stats.completions;
	/* sixteen responses and the data of half of them */
	complete_sends(fq(q), 23, IBV_WC_SUCCESS);
	turns(1);
	UNIT_EQ(done, 0);
	complete_sends(fq(q), 1, IBV_WC_SUCCESS);
	q->g->sends_due = true;
	turns(1);
	UNIT_EQ(done, 16);
	complete_sends(fq(q), MAX_WR, IBV_WC_SUCCESS);
	q->g->sends_due = true;
	turns(1);
	UNIT_EQ(done, 20);
	UNIT_EQ(q->gd->stats.completions - before, 2);
	UNIT_EQ(q->signalled, 0);
	UNIT_EQ(q->credits.sends, q->plan.sends);
	/* what was posted completes: the next turn's responses do not join it */
	answer_at_once(q, 1);
	ops->req_complete(command(q, 1));
	turns(1);
	UNIT_EQ(q->signalled, 2);
	hang_up(q);
	UNIT_EQ(done, 2);
	down();
}

/* One that fails although it would not have told of itself */
static void test_quiet_response_fails(void)
{
	struct rdma_qpair *q;

	up();
	q = connected(1, 64, 8);
	never_flush = true;
	answer_at_once(q, 4);
	UNIT_EQ(q->signalled, 1);
	complete_sends(fq(q), 1, IBV_WC_RETRY_EXC_ERR);
	q->g->sends_due = true;
	turns(1);
	UNIT_EQ(q->state, RDMA_QP_FLUSHING);
	UNIT_EQ(done, 0);
	flush_all(fq(q));
	turns(4);
	UNIT_EQ(disconnected, 1);
	UNIT_EQ(done, 4);
	down();
}

/* The chain fails in the middle: those posted and those not end once each. */
static void test_joined_chain_fails(void)
{
	struct rdma_qpair *q;

	up();
	q = connected(1, 64, 8);
	fail_send_at = 3;
	answer_at_once(q, 20);
	UNIT_EQ(q->state, RDMA_QP_FLUSHING);
	turns(4);
	UNIT_EQ(disconnected, 1);
	UNIT_EQ(done, 20);
	down();
}

static void test_send_queue_full(void)
{
	struct rdma_qpair *q;
	struct nvmf_request *req;
	u32 i, n;

	up();
	device_attr.max_qp_wr = 32;
	device_attr.max_sge = 1;
	q = connected(1, 32, 8);
	UNIT_EQ(q->plan.sends, 32);
	for (i = 0; i < 8; i++) {
		req = command(q, (u16)i);
		with_data(req, NVME_XFER_CTRL_TO_HOST, 131072, NULL);
		ops->req_get_data(req);
		ops->req_complete(req);
		turns(1);
	}
	/* 9 work requests each: 3 fit; post_send() checks that no more come */
	UNIT_EQ(fq(q)->sq_tail, 27);
	UNIT_EQ(q->gd->stats.wait_write, 5);
	UNIT_EQ(q->gd->stats.wait_send, 0);
	/* there is room for it, but not past those who wait */
	ops->req_complete(command(q, 8));
	UNIT_EQ(q->gd->stats.wait_write, 5);
	UNIT_EQ(q->gd->stats.wait_send, 1);
	for (n = 0; n < 7; n++) {
		complete_sends(fq(q), 9, IBV_WC_SUCCESS);
		turns(1);
		UNIT_EQ(done, n + 1);
	}
	/* posted together, so one completion tells of both */
	complete_sends(fq(q), 10, IBV_WC_SUCCESS);
	turns(1);
	UNIT_EQ(done, 9);
	UNIT_EQ(q->credits.sends, 32);
	hang_up(q);
	down();
}

static void test_capsule_data(void)
{
	u8 capsule[64 + 4096];
	struct rdma_qpair *q;

	up();
	q = connected(1, 32, 8);
	memset(capsule, 0xab, sizeof(capsule));
	host_sends(fq(q), capsule, sizeof(capsule));
	turns(1);
	UNIT_EQ(nstarted, 1);
	UNIT_EQ(started[0]->capsule_len, 4096);
	UNIT_EQ(memcmp(started[0]->capsule_data, capsule + 64, 4096), 0);
	/* the slot is not posted while its data is in use */
	UNIT_EQ(fq(q)->rq_tail - fq(q)->rq_head, 31);
	ops->req_complete(started[0]);
	turns(1);
	UNIT_EQ(fq(q)->rq_tail - fq(q)->rq_head, 32);
	hang_up(q);
	down();
}

UNIT_MAIN(UNIT(test_responses_in_one_doorbell), UNIT(test_poll_budget),
	  UNIT(test_receives_before_responses), UNIT(test_inline_responses),
	  UNIT(test_read_in_place), UNIT(test_unregistered_ram_is_copied),
	  UNIT(test_read_throttle), UNIT(test_reads_stall_nobody),
	  UNIT(test_read_in_parts), UNIT(test_buffers_in_order),
	  UNIT(test_abort), UNIT(test_no_buffers_at_all),
	  UNIT(test_gone_while_it_waits), UNIT(test_slabs_are_given_back),
	  UNIT(test_late_send_completions), UNIT(test_one_completion_for_many),
	  UNIT(test_quiet_response_fails), UNIT(test_joined_chain_fails),
	  UNIT(test_send_queue_full),
	  UNIT(test_capsule_data))
