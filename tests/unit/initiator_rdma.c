// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The initiator's NVMe/RDMA without a device: how often a poll asks the
 * connection manager, which is a system call. The definitions here win over
 * the libraries'.
 */
#include "tests/unit/unit.h"
#include "tools/initiator/rdma.h"

#define US	1000ull

static struct rdma_event_channel cm;
static struct rdma_cm_event event;
static bool pending;
static u32 asked;

static int no_completion(struct ibv_cq *cq, int n, struct ibv_wc *wc)
{
	(void)cq;
	(void)n;
	(void)wc;
	return 0;
}

static int notify(struct ibv_cq *cq, int solicited)
{
	(void)cq;
	(void)solicited;
	return 0;
}

static struct ibv_context context = {
	.ops = { .poll_cq = no_completion, .req_notify_cq = notify },
};
static struct ibv_cq cq = { .context = &context };
static struct ini_ctrlr c;
static struct ini_queue q;
static struct rdma_queue t;

int rdma_get_cm_event(struct rdma_event_channel *channel,
		      struct rdma_cm_event **out)
{
	CU_ASSERT_PTR_EQUAL(channel, &cm);
	asked++;
	errno = EAGAIN;
	if (!pending)
		return -1;
	pending = false;
	*out = &event;
	return 0;
}

int rdma_ack_cm_event(struct rdma_cm_event *ev)
{
	CU_ASSERT_PTR_EQUAL(ev, &event);
	return 0;
}

int ibv_get_cq_event(struct ibv_comp_channel *channel, struct ibv_cq **which,
		     void **ctx)
{
	(void)channel;
	(void)which;
	(void)ctx;
	errno = EAGAIN;
	return -1;
}

static void begin(bool ready)
{
	memset(&q, 0, sizeof(q));
	memset(&t, 0, sizeof(t));
	q.ctrlr = &c;
	q.transport = &t;
	q.now = 1000 * INI_MS;
	t.q = &q;
	t.cm = &cm;
	t.cq = &cq;
	t.ready = ready;
	TAILQ_INIT(&t.todo);
	pending = false;
	asked = 0;
}

static void polls(u32 n, u64 apart)
{
	while (n--) {
		q.now += apart;
		ini_rdma_ops.poll(&q);
	}
}

static void test_hardly_ever(void)
{
	begin(true);
	polls(1000, US);
	CU_ASSERT(asked > 0 && asked <= 2);
	UNIT_EQ(q.stats.idle, 1000 + asked);
	/* however seldom it is polled */
	asked = 0;
	polls(10, 2 * INI_MS);
	UNIT_EQ(asked, 10);
}

static void test_always_while_connecting(void)
{
	begin(false);
	polls(10, US);
	UNIT_EQ(asked, 10);
}

/* It may have been the connection manager that woke us. */
static void test_after_sleeping(void)
{
	begin(true);
	polls(1, 0);
	UNIT_EQ(asked, 1);
	polls(10, 0);
	UNIT_EQ(asked, 1);
	while (!ini_rdma_ops.arm(&q))
		;
	event.event = RDMA_CM_EVENT_DISCONNECTED;
	pending = true;
	polls(1, 0);
	CU_ASSERT_TRUE(q.failed);
	UNIT_EQ(q.error, -ECONNRESET);
}

static void test_end_of_a_busy_connection(void)
{
	begin(true);
	polls(1, 0);
	event.event = RDMA_CM_EVENT_DISCONNECTED;
	pending = true;
	polls(1001, US);
	CU_ASSERT_TRUE(q.failed);
}

UNIT_MAIN(UNIT(test_hardly_ever), UNIT(test_always_while_connecting),
	  UNIT(test_after_sleeping), UNIT(test_end_of_a_busy_connection))
