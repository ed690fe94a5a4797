// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The RDMA transport's arithmetic and tables: sizes of queue pairs, credits,
 * cutting of transfers into work requests, and the states of a request.
 */
#include "target/transport/rdma/plan.h"
#include "tests/unit/unit.h"

static const struct rdma_limits roomy = {
	.max_wr = 16384, .max_sge = 32, .max_sge_rd = 32, .max_cqe = 65535,
	.device_reads = 128, .peer_reads = 16, .depth = 128, .pieces = 8,
};

static int make(const struct rdma_limits *l, struct rdma_plan *p)
{
	struct weft_reason why = { "" };
	int sts = rdma_plan_make(l, p, &why);

	/* a refusal says why, in words */
	CU_ASSERT_EQUAL(!sts, !why.text[0]);
	return sts;
}

static void test_plan_roomy(void)
{
	struct rdma_plan p;

	UNIT_EQ(make(&roomy, &p), 0);
	UNIT_EQ(p.receives, 128);
	CU_ASSERT(p.requests > p.receives);
	UNIT_EQ(p.reads, 16);
	UNIT_EQ(p.sge, RDMA_MAX_SGE);
	UNIT_EQ(p.sge_rd, RDMA_MAX_SGE);
	/* a READ or WRITE and a response per command, and one large one */
	UNIT_EQ(p.sends, 2 * 128 + 2);
	UNIT_EQ(p.spare, 2);
	/* so completion queues of that many entries hold all receives */
	CU_ASSERT(p.sends >= p.receives);
}

static void test_plan_small_device(void)
{
	struct rdma_limits l = roomy;
	struct rdma_plan p;

	l.max_wr = 64;
	UNIT_EQ(make(&l, &p), 0);
	UNIT_EQ(p.receives, 64);
	UNIT_EQ(p.sends, 64);
	CU_ASSERT(p.spare > 0 && p.spare <= 32);
	l.max_sge = 1;
	l.pieces = 64;
	UNIT_EQ(make(&l, &p), NVME_RDMA_CM_NO_RESOURCES);
	l.pieces = 63;
	UNIT_EQ(make(&l, &p), 0);
	UNIT_EQ(p.sge, 1);
	l.max_sge = 0;
	UNIT_EQ(make(&l, &p), NVME_RDMA_CM_NO_RESOURCES);
}

static void test_plan_reads(void)
{
	struct rdma_limits l = roomy;
	struct rdma_plan p;

	l.device_reads = 4;
	UNIT_EQ(make(&l, &p), 0);
	UNIT_EQ(p.reads, 4);
	l.peer_reads = 1;
	UNIT_EQ(make(&l, &p), 0);
	UNIT_EQ(p.reads, 1);
	l.peer_reads = 0;
	UNIT_EQ(make(&l, &p), NVME_RDMA_CM_INVALID_IRD);
	l = roomy;
	l.device_reads = 0;
	UNIT_EQ(make(&l, &p), NVME_RDMA_CM_NO_RESOURCES);
	/* some devices scatter less on READs, some do not say */
	l = roomy;
	l.max_sge_rd = 1;
	UNIT_EQ(make(&l, &p), 0);
	UNIT_EQ(p.sge_rd, 1);
	l.max_sge_rd = 0;
	UNIT_EQ(make(&l, &p), 0);
	UNIT_EQ(p.sge_rd, p.sge);
}

static void test_plan_cq(void)
{
	struct rdma_limits l = roomy;
	struct rdma_plan p;

	UNIT_EQ(make(&l, &p), 0);
	l.max_cqe = p.sends;
	UNIT_EQ(make(&l, &p), 0);
	l.max_cqe--;
	UNIT_EQ(make(&l, &p), NVME_RDMA_CM_NO_RESOURCES);
}

static void test_credits(void)
{
	struct rdma_credits c = { .sends = 3, .reads = 2 };

	UNIT_EQ(rdma_read_batch(&c, 9), 2);
	UNIT_EQ(rdma_read_batch(&c, 1), 1);
	CU_ASSERT_FALSE(rdma_credits_take(&c, 4, 0));
	CU_ASSERT_FALSE(rdma_credits_take(&c, 0, 3));
	CU_ASSERT_FALSE(rdma_credits_take(&c, 4, 2));
	/* refused: nothing was taken */
	UNIT_EQ(c.sends, 3);
	UNIT_EQ(c.reads, 2);
	CU_ASSERT_TRUE(rdma_credits_take(&c, 2, 2));
	UNIT_EQ(rdma_read_batch(&c, 9), 0);
	CU_ASSERT_TRUE(rdma_credits_take(&c, 1, 0));
	CU_ASSERT_FALSE(rdma_credits_take(&c, 1, 0));
	rdma_credits_give(&c, 3, 2);
	UNIT_EQ(c.sends, 3);
	UNIT_EQ(c.reads, 2);
	/* places for responses */
	c.spare = 2;
	UNIT_EQ(rdma_read_batch(&c, 9), 1);
	CU_ASSERT_TRUE(rdma_credits_take(&c, 1, 1));
	UNIT_EQ(rdma_read_batch(&c, 9), 0);
	CU_ASSERT_TRUE(rdma_credits_take(&c, 2, 0));
	UNIT_EQ(rdma_read_batch(&c, 9), 0);
}

/* Walks a whole transfer; checks that every byte is covered once, in order. */
static u32 walk(const struct iovec *iov, int n, u32 len, u32 max)
{
	struct rdma_piece pieces[RDMA_MAX_SGE];
	const u64 base = 0xffff000000001000ull;
	struct rdma_xfer x;
	u32 wrs = 0, done = 0, planned;
	size_t at = 0;
	int v = 0;

	rdma_xfer_init(&x, iov, n, base, len);
	planned = rdma_xfer_wrs(&x, max);
	for (;;) {
		u64 raddr;
		u32 i, k, left = rdma_xfer_wrs(&x, max);

		k = rdma_xfer_next(&x, pieces, max, &raddr);
		if (!k)
			break;
		UNIT_EQ(left, planned - wrs);
		UNIT_EQ(raddr, base + done);
		for (i = 0; i < k; i++) {
			while (at == iov[v].iov_len) {
				v++;
				at = 0;
			}
			UNIT_EQ(pieces[i].index, v);
			CU_ASSERT_PTR_EQUAL(pieces[i].addr,
					    (u8 *)iov[v].iov_base + at);
			CU_ASSERT(pieces[i].len > 0);
			at += pieces[i].len;
			CU_ASSERT(at <= iov[v].iov_len);
			done += pieces[i].len;
		}
		wrs++;
	}
	UNIT_EQ(wrs, planned);
	UNIT_EQ(x.left, 0);
	return done;
}

static void test_xfer_one_piece(void)
{
	static u8 mem[1 << 20];
	struct iovec v = { mem, sizeof(mem) };
	struct rdma_xfer x;

	rdma_xfer_init(&x, &v, 1, 0, sizeof(mem));
	UNIT_EQ(rdma_xfer_wrs(&x, 1), 1);
	UNIT_EQ(walk(&v, 1, sizeof(mem), 1), sizeof(mem));
	UNIT_EQ(walk(&v, 1, 512, 16), 512);
	UNIT_EQ(walk(&v, 1, 0, 16), 0);
	/* never past what there is */
	UNIT_EQ(walk(&v, 1, sizeof(mem) + 1, 16), sizeof(mem));
}

static void test_xfer_pieces(void)
{
	static u8 mem[64 * 100];
	struct iovec v[64];
	u32 max, len;
	int i;

	for (i = 0; i < 64; i++) {
		v[i].iov_base = mem + i * 100;
		v[i].iov_len = 100;
	}
	/* empty pieces take no gather entry */
	v[3].iov_len = 0;
	v[63].iov_len = 0;
	for (max = 1; max <= RDMA_MAX_SGE; max++)
		for (len = 0; len <= 62 * 100; len += 50)
			UNIT_EQ(walk(v, 64, len, max), len);
}

static void test_xfer_random(void)
{
	static u8 mem[1 << 16];
	struct iovec v[16];
	int round;

	srand(1);
	for (round = 0; round < 2000; round++) {
		int n = 1 + rand() % 16, i;
		u32 len = 0;

		for (i = 0; i < n; i++) {
			v[i].iov_base = mem + rand() % 1000;
			v[i].iov_len = (size_t)(rand() % 5000);
			len += (u32)v[i].iov_len;
		}
		len = len ? (u32)rand() % (len + 1) : 0;
		UNIT_EQ(walk(v, n, len, 1 + (u32)rand() % RDMA_MAX_SGE), len);
	}
}

static enum rdma_req_state run(const enum rdma_req_event *ev, int n)
{
	enum rdma_req_state st = RDMA_REQ_FREE;
	int i;

	for (i = 0; i < n; i++) {
		int next = rdma_req_next(st, ev[i]);

		if (next < 0) {
			CU_FAIL("impossible step");
			return st;
		}
		st = (enum rdma_req_state)next;
	}
	return st;
}

#define RUN(...) \
	run((const enum rdma_req_event[]){ __VA_ARGS__ }, \
	    sizeof((int[]){ __VA_ARGS__ }) / sizeof(int))

static void test_request_ways(void)
{
	/* write: buffers, READ, execution, response */
	UNIT_EQ(RUN(RDMA_EV_CAPSULE, RDMA_EV_GET_DATA, RDMA_EV_READ,
		    RDMA_EV_EXECUTE, RDMA_EV_RESPOND, RDMA_EV_POST,
		    RDMA_EV_DONE), RDMA_REQ_FREE);
	/* read into buffers */
	UNIT_EQ(RUN(RDMA_EV_CAPSULE, RDMA_EV_GET_DATA, RDMA_EV_EXECUTE,
		    RDMA_EV_RESPOND, RDMA_EV_POST), RDMA_REQ_SENT);
	/* no data, or data in place */
	UNIT_EQ(RUN(RDMA_EV_CAPSULE, RDMA_EV_RESPOND, RDMA_EV_POST),
		RDMA_REQ_SENT);
	/* RAM that the device cannot reach */
	UNIT_EQ(RUN(RDMA_EV_CAPSULE, RDMA_EV_BOUNCE, RDMA_EV_RESPOND,
		    RDMA_EV_POST), RDMA_REQ_SENT);
	/* the connection breaks: what nvmf has to end itself goes back to it */
	UNIT_EQ(RUN(RDMA_EV_CAPSULE, RDMA_EV_GET_DATA, RDMA_EV_FAIL,
		    RDMA_EV_DONE), RDMA_REQ_FREE);
	UNIT_EQ(RUN(RDMA_EV_CAPSULE, RDMA_EV_GET_DATA, RDMA_EV_READ,
		    RDMA_EV_FAIL, RDMA_EV_DONE), RDMA_REQ_FREE);
	UNIT_EQ(RUN(RDMA_EV_CAPSULE, RDMA_EV_BOUNCE, RDMA_EV_DONE),
		RDMA_REQ_FREE);
	UNIT_EQ(RUN(RDMA_EV_CAPSULE, RDMA_EV_RESPOND, RDMA_EV_DONE),
		RDMA_REQ_FREE);
}

static void test_request_impossible(void)
{
	static const u8 possible[RDMA_REQ_STATES] = {
		[RDMA_REQ_FREE] = 1 << RDMA_EV_CAPSULE,
		[RDMA_REQ_NVMF] = 1 << RDMA_EV_GET_DATA |
				  1 << RDMA_EV_BOUNCE | 1 << RDMA_EV_RESPOND,
		[RDMA_REQ_BUFFER] = 1 << RDMA_EV_READ | 1 << RDMA_EV_EXECUTE |
				    1 << RDMA_EV_FAIL,
		[RDMA_REQ_READ] = 1 << RDMA_EV_EXECUTE | 1 << RDMA_EV_FAIL,
		[RDMA_REQ_BOUNCE] = 1 << RDMA_EV_RESPOND,
		[RDMA_REQ_SEND] = 1 << RDMA_EV_POST,
	};
	int st, ev;

	for (st = 0; st < RDMA_REQ_STATES; st++) {
		CU_ASSERT_PTR_NOT_NULL(rdma_req_state_name(st));
		for (ev = 0; ev < RDMA_EV_DONE; ev++)
			CU_ASSERT_EQUAL(rdma_req_next(st, ev) >= 0,
					possible[st] >> ev & 1);
	}
	for (ev = 0; ev < RDMA_EVENTS; ev++)
		CU_ASSERT_PTR_NOT_NULL(rdma_req_event_name(ev));
	/* ended twice, or while the device may still write to its buffers */
	UNIT_EQ(rdma_req_next(RDMA_REQ_FREE, RDMA_EV_DONE), -EPROTO);
	UNIT_EQ(rdma_req_next(RDMA_REQ_READ, RDMA_EV_DONE), -EPROTO);
	UNIT_EQ(rdma_req_next(RDMA_REQ_BUFFER, RDMA_EV_DONE), -EPROTO);
}

UNIT_MAIN(UNIT(test_plan_roomy), UNIT(test_plan_small_device),
	  UNIT(test_plan_reads), UNIT(test_plan_cq), UNIT(test_credits),
	  UNIT(test_xfer_one_piece), UNIT(test_xfer_pieces),
	  UNIT(test_xfer_random), UNIT(test_request_ways),
	  UNIT(test_request_impossible))
