/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The stage for tests of the RDMA transport: a listener, and shorthands for what
 * hosts do. up() and down() frame each test; down() checks that nothing is
 * left: no queue pair, region, message or byte.
 */
#ifndef TESTS_UNIT_RDMA_STAGE_H
#define TESTS_UNIT_RDMA_STAGE_H

#include "tests/unit/rdma_fake.h"
#include "tests/unit/nvmf_record.h"

/* --- the stage --------------------------------------------------------------- */

static struct nvmf_trid trid = {
	.trtype = NVMF_TRTYPE_RDMA, .adrfam = NVMF_ADRFAM_IPV4,
	.traddr = "10.9.0.1", .trsvcid = "4420",
};
static struct nvmf_transport_opts opts;

static struct rdma_transport *tr(void) { return to_transport(transport); }

static void up(void)
{
	struct weft_reason why;

	/* the transport's object must be in this program */
	CU_ASSERT_PTR_NOT_NULL((void *)rdma_transport_put);
	context.ops.poll_cq = poll_cq;
	context.ops.req_notify_cq = req_notify;
	context.ops.post_send = post_send;
	context.ops.post_recv = post_recv;
	context.ops.post_srq_recv = post_srq_recv;
	context.async_fd = eventfd(0, 0);
	memset(&live, 0, sizeof(live));
	chosen = added = disconnected = freed = done = failed = executed = 0;
	nstarted = 0;
	warnings = 0;
	rejected = crqsize = 0;
	mr_budget = 1000;
	fail_send_at = -1;
	fail_recv = fail_srq_recv = accept_errno = bind_errno = 0;
	fail_qp_state = IBV_QPS_RESET;
	never_flush = hold_free = fail_srq = no_pollers = false;
	group_waits = false;
	event_of = NULL;
	reads_of_events = 0;
	max_inline = 64;
	max_cqs = 64;
	read_errno = EAGAIN;
	next_qp_num = 7;
	device_attr = (struct ibv_device_attr) {
		.max_qp_wr = 1024, .max_sge = 16, .max_sge_rd = 16,
		.max_cqe = 65535, .max_qp_init_rd_atom = 16,
		.max_srq = 16, .max_srq_wr = 1024,
		.device_cap_flags = IBV_DEVICE_MEM_MGT_EXTENSIONS,
	};
	if (!opts.max_queue_depth)
		ops->opts_init(&opts);
	UNIT_EQ(ops->create(&opts, &transport, &why), 0);
	UNIT_EQ(ops->group_create(transport, &group), 0);
	UNIT_EQ(ops->listen(transport, &trid, &why), 0);
}

static void down(void)
{
	ops->stop_listen(transport, &trid);
	turns(6);
	ops->group_destroy(transport, &group);
	turns(3);
	ops->destroy(transport);
	turns(3);
	UNIT_EQ(live.pd, 0);
	UNIT_EQ(live.mr, 0);
	UNIT_EQ(live.cq, 0);
	UNIT_EQ(live.qp, 0);
	UNIT_EQ(live.srq, 0);
	UNIT_EQ(live.channel, 0);
	UNIT_EQ(live.id, 0);
	UNIT_EQ(live.events, 0);
	UNIT_EQ(chosen, 0);
	UNIT_EQ(fd_sources, 0);
	UNIT_EQ(msg_head, msg_tail);
	for (unsigned int i = 0; i < ARRAY_SIZE(pollers); i++)
		CU_ASSERT_FALSE(pollers[i].used);
	close(context.async_fd);
	ops->opts_init(&opts);
}

static void cm_event(struct rdma_cm_id *id, enum rdma_cm_event_type type,
		     const struct rdma_conn_param *p)
{
	struct rdma_cm_event ev = { .id = id, .event = type };
	struct rdma_listener *l = TAILQ_FIRST(&tr()->listeners);

	if (p)
		ev.param.conn = *p;
	if (type == RDMA_CM_EVENT_CONNECT_REQUEST)
		ev.listen_id = l->id;
	cm_events[cm_tail++ % 64] = ev;
	rdma_cm_event_ready(tr(), 0);
}

/* A connection request with @data arrives. */
static struct rdma_cm_id *request(const void *data, u8 len, u8 reads)
{
	struct rdma_listener *l = TAILQ_FIRST(&tr()->listeners);
	struct rdma_conn_param p = {
		.private_data = data, .private_data_len = len,
		.initiator_depth = reads,
	};
	struct rdma_cm_id *id;

	rdma_create_id(&cm_channel, &id, l, RDMA_PS_TCP);
	id->route.addr.dst_sin.sin_family = AF_INET;
	id->route.addr.dst_sin.sin_addr.s_addr = htonl(0x0a090002);
	id->route.addr.src_sin.sin_family = AF_INET;
	id->route.addr.src_sin.sin_addr.s_addr = htonl(0x0a090001);
	cm_event(id, RDMA_CM_EVENT_CONNECT_REQUEST, &p);
	return id;
}

static struct rdma_qpair *accepting(u16 qid, u16 depth, u8 reads)
{
	struct nvme_rdma_cm_params p = {
		.qid = qid, .hrqsize = depth, .hsqsize = depth,
	};
	struct nvme_rdma_cm_req req;

	nvme_rdma_cm_req_encode(&req, &p);
	request(&req, sizeof(req), reads);
	turns(1);
	return TAILQ_LAST(&tr()->conns, rdma_conns);
}

static struct rdma_qpair *connected(u16 qid, u16 depth, u8 reads)
{
	struct rdma_qpair *q = accepting(qid, depth, reads);

	CU_ASSERT_PTR_NOT_NULL_FATAL(q);
	cm_event(q->id, RDMA_CM_EVENT_ESTABLISHED, NULL);
	turns(1);
	UNIT_EQ(q->state, RDMA_QP_LIVE);
	return q;
}

static struct fake_qp *fq(struct rdma_qpair *q)
{
	return (struct fake_qp *)q->qp;
}

static void hang_up(struct rdma_qpair *q)
{
	cm_event(q->id, RDMA_CM_EVENT_DISCONNECTED, NULL);
	turns(4);
}

static FAKE_UNUSED struct nvmf_request *command(struct rdma_qpair *q, u16 cid)
{
	u8 capsule[64] = { 0 };
	unsigned int n = nstarted;

	capsule[2] = (u8)cid;
	CU_ASSERT_TRUE_FATAL(host_sends(fq(q), capsule, sizeof(capsule)));
	turns(1);
	return nstarted > n ? started[n] : NULL;
}

/* What nvmf does for a command with @len bytes of remote data. */
static FAKE_UNUSED void with_data(struct nvmf_request *req,
				   enum nvme_xfer_dir dir, u32 len,
				   struct nvmf_memory *m)
{
	req->dir = dir;
	req->length = len;
	req->sgl = (struct nvme_sgl) {
		.place = NVME_SGL_PLACE_REMOTE, .addr = 0x1000, .len = len,
		.key = 55, .invalidate = true,
	};
	req->memory = m;
	req->iovcnt = 0;
	if (m) {
		req->iov[0] = (struct iovec) { m->base, len };
		req->iovcnt = 1;
	}
}

/* A write of 4 KiB whose data is fetched from the host. */
static FAKE_UNUSED struct nvmf_request *fetching(struct rdma_qpair *q, u16 cid)
{
	struct nvmf_request *req = command(q, cid);

	with_data(req, NVME_XFER_HOST_TO_CTRL, 4096, NULL);
	ops->req_get_data(req);
	return req;
}

#endif
