// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Connections of the RDMA transport: admission and its refusals, coming up,
 * breaking in every state and by every means, devices that fail, vanish or
 * never flush, options and counters.
 */
#include <sys/epoll.h>

#include "tests/unit/rdma_stage.h"

static void test_connect_and_disconnect(void)
{
	struct rdma_qpair *q;

	up();
	q = accepting(1, 32, 8);
	UNIT_EQ(q->state, RDMA_QP_ACCEPTING);
	UNIT_EQ(crqsize, 32);
	UNIT_EQ(fq(q)->rq_tail, 32);
	UNIT_EQ(added, 0);
	UNIT_EQ(tr()->pending, 1);
	UNIT_STR(q->base.peer, "10.9.0.2");
	UNIT_STR(q->base.local, "10.9.0.1");
	cm_event(q->id, RDMA_CM_EVENT_ESTABLISHED, NULL);
	cm_event(q->id, RDMA_CM_EVENT_ESTABLISHED, NULL);
	turns(1);
	UNIT_EQ(added, 1);
	UNIT_EQ(tr()->pending, 0);
	/* twice, as connection managers do */
	cm_event(q->id, RDMA_CM_EVENT_DISCONNECTED, NULL);
	cm_event(q->id, RDMA_CM_EVENT_TIMEWAIT_EXIT, NULL);
	turns(4);
	UNIT_EQ(disconnected, 1);
	UNIT_EQ(live.qp, 0);
	UNIT_EQ(live.id, 1);
	down();
}

static void test_first_command_before_event(void)
{
	struct rdma_qpair *q;

	up();
	q = accepting(0, 32, 8);
	CU_ASSERT_PTR_NOT_NULL(command(q, 1));
	UNIT_EQ(added, 1);
	UNIT_EQ(q->state, RDMA_QP_LIVE);
	cm_event(q->id, RDMA_CM_EVENT_ESTABLISHED, NULL);
	turns(1);
	UNIT_EQ(added, 1);
	ops->req_complete(started[0]);
	turns(1);
	hang_up(q);
	down();
}

static void expect_refused(const struct nvme_rdma_cm_req *req, u8 len, u8 reads,
			   u16 sts)
{
	int before = live.id;

	rejected = 0;
	warnings = 0;
	request(req, len, reads);
	turns(4);
	UNIT_EQ(rejected, sts);
	UNIT_EQ(live.id, before);
	UNIT_EQ(live.qp, 0);
	UNIT_EQ(live.cq, 0);
	UNIT_EQ(chosen, 0);
	UNIT_EQ(tr()->pending, 0);
	CU_ASSERT(warnings > 0);
}

/* over iWARP a host learns keys for memory that is not its own */
static void test_iwarp(void)
{
	struct nvme_rdma_cm_params p = { .hrqsize = 32, .hsqsize = 31 };
	struct nvme_rdma_cm_req req;

	nvme_rdma_cm_req_encode(&req, &p);
	device.transport_type = IBV_TRANSPORT_IWARP;
	up();
	expect_refused(&req, sizeof(req), 8, NVME_RDMA_CM_NO_RESOURCES);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_warning, "trust_iwarp_hosts"));
	tr()->base.opts.trust_iwarp_hosts = true;
	hang_up(accepting(0, 32, 8));
	CU_ASSERT(TAILQ_FIRST(&tr()->devices)->access & IBV_ACCESS_REMOTE_WRITE);
	down();
	device.transport_type = IBV_TRANSPORT_IB;
}

static void test_refusals(void)
{
	struct nvme_rdma_cm_params p = { .qid = 1, .hrqsize = 32, .hsqsize = 32 };
	struct nvme_rdma_cm_req good, r;

	up();
	nvme_rdma_cm_req_encode(&good, &p);
	expect_refused(&good, 31, 8, NVME_RDMA_CM_INVALID_LEN);
	expect_refused(NULL, 0, 8, NVME_RDMA_CM_INVALID_LEN);
	r = good;
	r.recfmt = cpu_to_le16(1);
	expect_refused(&r, sizeof(r), 8, NVME_RDMA_CM_INVALID_RECFMT);
	r = good;
	r.qid = cpu_to_le16(128);
	expect_refused(&r, sizeof(r), 8, NVME_RDMA_CM_INVALID_QID);
	r = good;
	r.hsqsize = 0;
	expect_refused(&r, sizeof(r), 8, NVME_RDMA_CM_INVALID_HSQSIZE);
	r = good;
	r.hrqsize = cpu_to_le16(31);
	expect_refused(&r, sizeof(r), 8, NVME_RDMA_CM_INVALID_HRQSIZE);
	expect_refused(&good, sizeof(good), 0, NVME_RDMA_CM_INVALID_IRD);
	down();
}

static void test_memlock(void)
{
	struct nvme_rdma_cm_params p = { .qid = 1, .hrqsize = 32, .hsqsize = 32 };
	struct nvme_rdma_cm_req req;

	up();
	nvme_rdma_cm_req_encode(&req, &p);
	mr_budget = 0;
	expect_refused(&req, sizeof(req), 8, NVME_RDMA_CM_NO_RESOURCES);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_warning, "cannot register"));
	mr_budget = 1000;
	hang_up(connected(1, 32, 8));
	down();
}

static void test_accept_fails(void)
{
	up();
	accept_errno = EINVAL;
	accepting(1, 32, 8);
	turns(4);
	UNIT_EQ(live.qp, 0);
	UNIT_EQ(chosen, 0);
	UNIT_EQ(added, 0);
	down();
}

/* Its states are set by the transport: librdmacm knows no queue pair. */
static void test_states(void)
{
	static const enum ibv_qp_state states[] = {
		IBV_QPS_INIT, IBV_QPS_RTR, IBV_QPS_RTS,
	};
	struct rdma_qpair *q;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		up();
		fail_qp_state = states[i];
		accepting(1, 32, 8);
		CU_ASSERT_PTR_NOT_NULL(strstr(last_warning,
					      "the queue pair cannot be set up"));
		turns(4);
		UNIT_EQ(live.qp, 0);
		UNIT_EQ(crqsize, 0);
		UNIT_EQ(added, 0);
		down();
	}
	up();
	q = connected(1, 32, 8);
	UNIT_EQ(fq(q)->attr.qp_state, IBV_QPS_RTS);
	/* we read from hosts, as many at once as this one takes */
	UNIT_EQ(fq(q)->attr.max_rd_atomic, 8);
	UNIT_EQ(fq(q)->attr.max_dest_rd_atomic, 0);
	/* not 0, which is the longest time of all */
	UNIT_EQ(fq(q)->attr.min_rnr_timer, 12);
	hang_up(q);
	down();
}

static void test_pending_limit(void)
{
	ops->opts_init(&opts);
	opts.acceptor_backlog = 2;
	up();
	accepting(1, 32, 8);
	accepting(2, 32, 8);
	accepting(3, 32, 8);
	UNIT_EQ(rejected, NVME_RDMA_CM_NO_RESOURCES);
	UNIT_EQ(live.qp, 2);
	/* down() stops listening: those two never come up */
	down();
	UNIT_EQ(added, 0);
}

/* But one that has been silent for a while makes room. */
static void test_pending_yields(void)
{
	struct rdma_qpair *first, *q;

	ops->opts_init(&opts);
	opts.acceptor_backlog = 2;
	up();
	first = accepting(1, 32, 8);
	q = accepting(2, 32, 8);
	/* its command has come, the event has not */
	command(q, 1);
	now_us += 500 * 1000;
	accepting(3, 32, 8);
	UNIT_EQ(rejected, NVME_RDMA_CM_NO_RESOURCES);
	UNIT_EQ(first->state, RDMA_QP_ACCEPTING);
	rejected = 0;
	now_us += 500 * 1000;
	/* not for one that is refused anyway */
	request("", 1, 8);
	turns(4);
	UNIT_EQ(rejected, NVME_RDMA_CM_INVALID_LEN);
	UNIT_EQ(first->state, RDMA_QP_ACCEPTING);
	rejected = 0;
	accepting(4, 32, 8);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_warning,
				      "queue 1: not established in 1 s"));
	accepting(5, 32, 8);
	accepting(6, 32, 8);
	turns(4);
	UNIT_EQ(rejected, NVME_RDMA_CM_NO_RESOURCES);
	UNIT_EQ(tr()->pending, 2);
	UNIT_EQ(live.qp, 3);
	UNIT_EQ(q->state, RDMA_QP_LIVE);
	cm_event(q->id, RDMA_CM_EVENT_ESTABLISHED, NULL);
	turns(1);
	UNIT_EQ(tr()->pending, 2);
	ops->req_complete(started[0]);
	hang_up(q);
	down();
}

/* Hosts that are never heard of again make room for others. */
static void test_half_open(void)
{
	struct rdma_qpair *q;

	ops->opts_init(&opts);
	opts.acceptor_backlog = 2;
	up();
	accepting(1, 32, 8);
	accepting(2, 32, 8);
	warnings = 0;
	fire_timers();
	UNIT_EQ(warnings, 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_warning, "queue 2: not established"));
	turns(4);
	UNIT_EQ(tr()->pending, 0);
	UNIT_EQ(chosen, 0);
	UNIT_EQ(live.qp, 0);
	UNIT_EQ(live.id, 1);
	/* those that come up in time are left alone, and so are those that end */
	q = connected(1, 32, 8);
	accepting(2, 32, 8);
	never_flush = true;
	ops->stop_listen(transport, &trid);
	turns(4);
	warnings = 0;
	fire_timers();
	UNIT_EQ(warnings, 0);
	UNIT_EQ(q->state, RDMA_QP_LIVE);
	turns(4);
	UNIT_EQ(live.qp, 1);
	never_flush = false;
	hang_up(q);
	UNIT_EQ(added, 1);
	down();
}

/* Nothing would end its wait for the host: it is refused. */
static void test_no_memory_for_deadline(void)
{
	struct nvme_rdma_cm_params p = { .qid = 1, .hrqsize = 32, .hsqsize = 32 };
	struct nvme_rdma_cm_req req;

	up();
	nvme_rdma_cm_req_encode(&req, &p);
	no_pollers = true;
	expect_refused(&req, sizeof(req), 8, NVME_RDMA_CM_NO_RESOURCES);
	down();
}

static void test_posting_fails(void)
{
	int at;

	for (at = 0; at < 4; at++) {
		struct nvmf_request *req[2];
		struct rdma_qpair *q;
		int i;

		up();
		q = connected(1, 32, 8);
		for (i = 0; i < 2; i++)
			req[i] = command(q, (u16)i);
		for (i = 0; i < 2; i++) {
			with_data(req[i], NVME_XFER_CTRL_TO_HOST, 512, NULL);
			ops->req_get_data(req[i]);
			ops->req_complete(req[i]);
		}
		fail_send_at = at;
		turns(5);
		UNIT_EQ(disconnected, 1);
		UNIT_EQ(done, 2);
		UNIT_EQ(live.qp, 0);
		down();
	}
	up();
	ops->req_complete(command(connected(1, 32, 8), 1));
	fail_recv = 1;
	turns(5);
	UNIT_EQ(disconnected, 1);
	UNIT_EQ(done, 1);
	down();
}

/* One request in each state when the connection breaks. */
static void one_of_each(struct rdma_qpair *q, struct nvmf_memory *m)
{
	struct nvmf_request *r;

	/* with nvmf */
	command(q, 0);
	/* response posted */
	ops->req_complete(command(q, 1));
	/* reading */
	fetching(q, 2);
	/* wants to read: the host answers one at a time */
	fetching(q, 3);
	/* holds more buffers while nvmf has it: all of the connection's share */
	r = command(q, 4);
	with_data(r, NVME_XFER_CTRL_TO_HOST, 6 * 16384, NULL);
	ops->req_get_data(r);
	/* wait for buffers: to fetch into, and to copy to */
	r = command(q, 5);
	with_data(r, NVME_XFER_HOST_TO_CTRL, 131072, NULL);
	ops->req_get_data(r);
	r = command(q, 6);
	with_data(r, NVME_XFER_CTRL_TO_HOST, 4096, m);
	ops->req_complete(r);
	turns(1);
	UNIT_EQ(to_request(started[0])->state, RDMA_REQ_NVMF);
	UNIT_EQ(to_request(started[1])->state, RDMA_REQ_SENT);
	UNIT_EQ(to_request(started[2])->state, RDMA_REQ_READ);
	UNIT_EQ(to_request(started[3])->state, RDMA_REQ_READ);
	UNIT_EQ(to_request(started[4])->state, RDMA_REQ_NVMF);
	UNIT_EQ(to_request(started[5])->state, RDMA_REQ_BUFFER);
	UNIT_EQ(to_request(started[6])->state, RDMA_REQ_BOUNCE);
}

static void break_with(enum rdma_cm_event_type type, bool mute)
{
	static u8 ram[8192];
	struct nvmf_memory m = { .base = ram, .len = sizeof(ram) };
	struct rdma_qpair *q;

	ops->opts_init(&opts);
	opts.num_shared_buffers = 16;
	up();
	q = connected(1, 32, 1);
	mr_budget = 0;
	ops->map_memory(transport, &m);
	mr_budget = 1000;
	hold_free = true;
	one_of_each(q, &m);
	never_flush = mute;
	cm_event(q->id, type, NULL);
	if (mute) {
		turns(5);
		/* waits for the device; no buffer was given away meanwhile */
		UNIT_EQ(q->state, RDMA_QP_FLUSHING);
		UNIT_EQ(disconnected, 0);
		UNIT_EQ(q->gd->pool.in_use, 8);
		fire_timers();
		UNIT_EQ(live.qp, 0);
		UNIT_EQ(q->gd->stats.forced, 1);
	}
	turns(5);
	UNIT_EQ(disconnected, 1);
	/* the two that nvmf had are still its own */
	UNIT_EQ(failed, 3);
	UNIT_EQ(done, 5);
	ops->req_complete(started[0]);
	ops->req_complete(started[4]);
	UNIT_EQ(done, 7);
	UNIT_EQ(q->gd->pool.in_use, 0);
	chosen--;
	ops->qpair_free(gone);
	turns(4);
	ops->unmap_memory(transport, &m);
	down();
}

static void test_break_in_every_state(void)
{
	break_with(RDMA_CM_EVENT_DISCONNECTED, false);
}

static void test_device_never_flushes(void)
{
	break_with(RDMA_CM_EVENT_DISCONNECTED, true);
}

/* Without a timer that would end the wait there is none. */
static void never_flushes_untimed(bool shared)
{
	struct rdma_qpair *q;

	ops->opts_init(&opts);
	opts.no_srq = !shared;
	up();
	q = connected(1, 32, 8);
	CU_ASSERT_EQUAL(!!q->srq, shared);
	ops->req_complete(command(q, 1));
	turns(1);
	never_flush = no_pollers = true;
	cm_event(q->id, RDMA_CM_EVENT_DISCONNECTED, NULL);
	turns(4);
	UNIT_EQ(disconnected, 1);
	UNIT_EQ(done, 1);
	UNIT_EQ(live.qp, 0);
	down();
}

static void test_no_memory_for_flush_timer(void)
{
	never_flushes_untimed(false);
	never_flushes_untimed(true);
}

/* The poller that is asked before the reactor sleeps keeps it awake. */
static void test_no_sleep_without_flush_timer(void)
{
	struct rdma_qpair *q;
	struct poller *p;

	up();
	q = connected(1, 32, 8);
	p = q->g->poller;
	never_flush = no_pollers = true;
	ops->qpair_disconnect(&q->base);
	UNIT_EQ(q->state, RDMA_QP_FLUSHING);
	CU_ASSERT(p->fn(p->ctx) > 0);
	CU_ASSERT(p->fn(p->ctx) > 0);
	turns(3);
	UNIT_EQ(disconnected, 1);
	down();
}

static void test_device_removed(void)
{
	struct weft_reason why;
	struct rdma_qpair *q;

	up();
	q = connected(1, 32, 8);
	order = pd_freed_at = id_freed_at = 0;
	cm_event(q->id, RDMA_CM_EVENT_DEVICE_REMOVAL, NULL);
	turns(6);
	UNIT_EQ(disconnected, 1);
	UNIT_EQ(live.pd, 0);
	UNIT_EQ(live.cq, 0);
	/* the id holds the device open, so it goes last */
	CU_ASSERT(pd_freed_at < id_freed_at);
	UNIT_EQ(live.id, 1);
	/* and the listener too; it comes back with the device */
	cm_event(TAILQ_FIRST(&tr()->listeners)->id,
		 RDMA_CM_EVENT_DEVICE_REMOVAL, NULL);
	UNIT_EQ(live.id, 0);
	turns(1);
	UNIT_EQ(live.id, 1);
	hang_up(connected(2, 32, 8));
	UNIT_EQ(ops->listen(transport, &trid, &why), 0);
	ops->stop_listen(transport, &trid);
	down();
}

/*
 * Descriptors of a device that was pulled are ready for ever; they are not
 * listened to when they say so, by an event or by an error when they are read.
 */
static void descriptors_end(u32 events, int err)
{
	struct rdma_qpair *q;
	int before;

	up();
	q = connected(1, 32, 8);
	before = fd_sources;
	q->gd->fd->fn(q->gd->fd->ctx, EPOLLIN);
	q->dev->async->fn(q->dev->async->ctx, EPOLLIN);
	UNIT_EQ(fd_sources, before);
	read_errno = err;
	q->gd->fd->fn(q->gd->fd->ctx, events);
	q->dev->async->fn(q->dev->async->ctx, events);
	UNIT_EQ(fd_sources, before - 2);
	cm_event(q->id, RDMA_CM_EVENT_DEVICE_REMOVAL, NULL);
	turns(6);
	UNIT_EQ(disconnected, 1);
	UNIT_EQ(live.channel, 0);
	UNIT_EQ(live.pd, 0);
	down();
}

static void test_descriptors_end(void)
{
	descriptors_end(EPOLLERR, EAGAIN);
	descriptors_end(EPOLLHUP, EAGAIN);
	descriptors_end(EPOLLIN, EIO);
}

/* What it said before it went is heard. */
static void test_last_word_of_device(void)
{
	struct rdma_qpair *q;

	up();
	q = connected(1, 32, 8);
	read_errno = EIO;
	async.event_type = IBV_EVENT_DEVICE_FATAL;
	async.element.qp = q->qp;
	q->dev->async->fn(q->dev->async->ctx, EPOLLIN | EPOLLERR);
	turns(6);
	UNIT_EQ(disconnected, 1);
	UNIT_EQ(live.pd, 0);
	down();
}

/* The queue pairs of completion queues one of which failed close, and no others. */
static void queue_fails(bool sends)
{
	struct rdma_qpair *a, *b, *c, *d;

	up();
	a = connected(1, 32, 8);
	b = accepting(2, 32, 8);
	CU_ASSERT_PTR_EQUAL(b->cqs, a->cqs);
	/* they are full, so there are others */
	a->cqs->send.size = a->cqs->used;
	c = connected(3, 32, 8);
	CU_ASSERT_PTR_NOT_EQUAL_FATAL(c->cqs, a->cqs);
	never_flush = true;
	async.event_type = IBV_EVENT_CQ_ERR;
	async.element.cq = sends ? a->cqs->send.cq : a->cqs->recv.cq;
	a->dev->async->fn(a->dev->async->ctx, EPOLLIN);
	turns(1);
	UNIT_EQ(a->state, RDMA_QP_FLUSHING);
	UNIT_EQ(b->state, RDMA_QP_FLUSHING);
	UNIT_EQ(c->state, RDMA_QP_LIVE);
	fire_timers();
	turns(4);
	UNIT_EQ(disconnected, 1);
	UNIT_EQ(live.qp, 1);
	/* they have room now, but are no good to anybody */
	never_flush = false;
	d = connected(4, 32, 8);
	CU_ASSERT_PTR_EQUAL(d->cqs, c->cqs);
	hang_up(d);
	hang_up(c);
	UNIT_EQ(live.cq, 0);
	down();
}

static void test_completion_queue_fails(void)
{
	queue_fails(false);
	queue_fails(true);
}

static void lose_listener(void)
{
	cm_event(TAILQ_FIRST(&tr()->listeners)->id, RDMA_CM_EVENT_DEVICE_REMOVAL, NULL);
	UNIT_EQ(live.id, 0);
}

static void seconds(int n)
{
	while (n--) {
		fire_timers();
		turns(1);
	}
}

/* It is looked for as long as it takes, whatever else is short meanwhile. */
static void test_listener_comes_back(void)
{
	up();
	bind_errno = ENODEV;
	lose_listener();
	no_pollers = true;
	seconds(20);
	UNIT_EQ(live.id, 0);
	no_pollers = false;
	bind_errno = 0;
	seconds(1);
	UNIT_EQ(live.id, 1);
	/* nothing is left to look for */
	seconds(20);
	CU_ASSERT_PTR_NULL(tr()->retry);
	lose_listener();
	seconds(1);
	UNIT_EQ(live.id, 1);
	down();
}

static void bad_arrival(u32 len)
{
	static u8 capsule[8192];
	struct rdma_qpair *q;

	up();
	q = connected(1, 32, 8);
	host_sends(fq(q), capsule, len);
	turns(5);
	UNIT_EQ(nstarted, 0);
	UNIT_EQ(disconnected, 1);
	CU_ASSERT(warnings > 0);
	down();
}

static void test_bad_capsules(void)
{
	bad_arrival(0);
	bad_arrival(63);
	bad_arrival(64 + 4096 + 1);
}

static void test_wrong_opcode(void)
{
	struct rdma_qpair *q;
	struct ibv_recv_wr *wr;

	up();
	q = connected(1, 32, 8);
	wr = fq(q)->rq[fq(q)->rq_head++];
	push_wc(fq(q), fq(q)->qp.recv_cq, wr->wr_id, IBV_WC_SUCCESS, IBV_WC_RECV_RDMA_WITH_IMM, 64);
	turns(5);
	UNIT_EQ(nstarted, 0);
	UNIT_EQ(disconnected, 1);
	down();
}

static void test_remote_access_error(void)
{
	struct rdma_qpair *q;

	up();
	q = connected(1, 32, 8);
	fetching(q, 1);
	turns(1);
	complete_sends(fq(q), 1, IBV_WC_REM_ACCESS_ERR);
	turns(5);
	UNIT_EQ(executed, 0);
	UNIT_EQ(failed, 1);
	UNIT_EQ(done, 1);
	UNIT_EQ(disconnected, 1);
	down();
}

/* Completions of a destroyed queue pair are in the queue still. */
static void test_stale_completions(void)
{
	struct rdma_qpair *q;

	up();
	q = connected(1, 32, 8);
	ops->req_complete(command(q, 1));
	turns(1);
	never_flush = true;
	ops->qpair_disconnect(&q->base);
	ops->qpair_disconnect(&q->base);
	flush_all(fq(q));
	fire_timers();
	UNIT_EQ(q->state, RDMA_QP_SWEEPING);
	UNIT_EQ(disconnected, 0);
	turns(5);
	UNIT_EQ(disconnected, 1);
	UNIT_EQ(done, 1);
	down();
}

static void answer(struct nvmf_request *req)
{
	ops->req_complete(req);
}

/*
 * Another one keeps the completion queue busy, so that it is never seen empty:
 * what was in it is read all the same.
 */
static void test_end_under_load(void)
{
	struct rdma_qpair *a, *b;
	u8 capsule[64] = { 0 };
	u64 emptied;
	int i;

	ops->opts_init(&opts);
	opts.num_cqe = 1024;
	up();
	a = connected(1, 128, 8);
	b = connected(2, 128, 8);
	CU_ASSERT_PTR_EQUAL_FATAL(a->cqs, b->cqs);
	emptied = b->cqs->recv.emptied;
	on_start = answer;
	ops->qpair_disconnect(&a->base);
	for (i = 0; i < 40; i++) {
		nstarted = 0;
		complete_sends(fq(b), MAX_WR, IBV_WC_SUCCESS);
		while (host_sends(fq(b), capsule, sizeof(capsule)))
			;
		turns(1);
	}
	UNIT_EQ(b->cqs->recv.emptied, emptied);
	UNIT_EQ(disconnected, 1);
	on_start = NULL;
	turns(4);
	hang_up(b);
	down();
}

static void test_options(void)
{
	static const struct { size_t at; u32 bad; const char *name; } bad[] = {
#define BAD(f, v) { offsetof(struct nvmf_transport_opts, f), v, #f }
		BAD(max_queue_depth, 15), BAD(max_queue_depth, 4097),
		BAD(max_aq_depth, 31), BAD(in_capsule_data_size, 17),
		BAD(in_capsule_data_size, 65552), BAD(max_io_size, 4096),
		BAD(max_io_size, 12288), BAD(io_unit_size, 4097),
		BAD(io_unit_size, 0), BAD(num_shared_buffers, 7),
		BAD(acceptor_backlog, 0), BAD(ack_timeout, 32),
		BAD(max_io_qpairs_per_ctrlr, 0), BAD(num_cqe, 1),
		BAD(max_srq_depth, 15), BAD(max_srq_depth, 65537),
		BAD(transfer_timeout, 99), BAD(transfer_timeout, 86400001),
#undef BAD
	};
	struct weft_reason why;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ops->opts_init(&opts);
		memcpy((char *)&opts + bad[i].at, &bad[i].bad, 4);
		UNIT_EQ(ops->check(&opts, &why), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(why.text, bad[i].name));
	}
	/* a transfer fits, the halves of a pair have a buffer each */
	ops->opts_init(&opts);
	opts.io_unit_size = opts.max_io_size;
	opts.num_shared_buffers = 1;
	UNIT_EQ(ops->check(&opts, &why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "num_shared_buffers"));
	opts.num_shared_buffers = 2;
	UNIT_EQ(ops->check(&opts, &why), 0);
	ops->opts_init(&opts);
}

static void test_stats_are_json(void)
{
	char buf[4096];
	struct weft_text t;
	struct rdma_gdev *first;
	struct rdma_qpair *q;

	up();
	q = connected(1, 32, 8);
	ops->req_complete(command(q, 1));
	turns(1);
	first = q->gd;
	/* what it has counted stays when the device goes and another one comes */
	cm_event(q->id, RDMA_CM_EVENT_DEVICE_REMOVAL, NULL);
	turns(6);
	memset(&first->stats, 0xff, sizeof(first->stats));
	snprintf(device.name, sizeof(device.name), "fake1");
	q = connected(2, 32, 8);
	snprintf(device.name, sizeof(device.name), "fake0");
	q->gd->stats.stalled = 77;
	weft_text_init(&t, buf, sizeof(buf));
	ops->group_stats(transport, &group, &t);
	CU_ASSERT_FALSE(t.cut);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf, "{\"name\":\"fake0\",\"polls\":18446744073709551615,"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf, ",{\"name\":\"fake1\",\"polls\":"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf, "\"stalled\":77,"));
	UNIT_STR(buf + t.len - 3, "}]}");
	/* who gives it too little room hears of that */
	weft_text_init(&t, buf, t.len);
	ops->group_stats(transport, &group, &t);
	CU_ASSERT_TRUE(t.cut);
	hang_up(q);
	down();
}

UNIT_MAIN(UNIT(test_connect_and_disconnect),
	  UNIT(test_first_command_before_event), UNIT(test_refusals),
	  UNIT(test_iwarp), UNIT(test_memlock), UNIT(test_accept_fails), UNIT(test_states),
	  UNIT(test_pending_limit), UNIT(test_pending_yields), UNIT(test_half_open),
	  UNIT(test_no_memory_for_deadline), UNIT(test_posting_fails),
	  UNIT(test_break_in_every_state),
	  UNIT(test_device_never_flushes), UNIT(test_no_memory_for_flush_timer),
	  UNIT(test_no_sleep_without_flush_timer), UNIT(test_device_removed),
	  UNIT(test_descriptors_end), UNIT(test_last_word_of_device),
	  UNIT(test_completion_queue_fails),
	  UNIT(test_listener_comes_back), UNIT(test_bad_capsules),
	  UNIT(test_wrong_opcode), UNIT(test_remote_access_error),
	  UNIT(test_stale_completions), UNIT(test_end_under_load),
	  UNIT(test_options), UNIT(test_stats_are_json))
