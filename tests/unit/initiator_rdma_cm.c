// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Connection requests of the userspace initiator over NVMe/RDMA, on a device and
 * a connection manager that exist only here: what they say is what there is.
 */
#include "tests/unit/rdma_fake.h"
#include "tools/initiator/internal.h"

static struct nvme_rdma_cm_req asked;
static struct fake_qp *asking;

static int happens(struct rdma_cm_id *id, enum rdma_cm_event_type type)
{
	cm_events[cm_tail++ % 64] = (struct rdma_cm_event) {
		.id = id, .event = type,
	};
	return eventfd_write(id->channel->fd, 1);
}

int rdma_resolve_addr(struct rdma_cm_id *id, struct sockaddr *from,
		      struct sockaddr *to, int ms)
{
	(void)from, (void)to, (void)ms;
	return happens(id, RDMA_CM_EVENT_ADDR_RESOLVED);
}

int rdma_resolve_route(struct rdma_cm_id *id, int ms)
{
	(void)ms;
	return happens(id, RDMA_CM_EVENT_ROUTE_RESOLVED);
}

int rdma_connect(struct rdma_cm_id *id, struct rdma_conn_param *p)
{
	memcpy(&asked, p->private_data, sizeof(asked));
	asking = (struct fake_qp *)id->qp;
	return 0;
}

/* With access flags that are constant, the header ends in this one. */
struct ibv_mr *(ibv_reg_mr)(struct ibv_pd *p, void *addr, size_t len,
			    int access)
{
	return ibv_reg_mr_iova2(p, addr, len, 0, (unsigned int)access);
}

static void stage(void)
{
	context.ops.poll_cq = poll_cq;
	context.ops.req_notify_cq = req_notify;
	context.ops.post_send = post_send;
	context.ops.post_recv = post_recv;
	context.ops.post_srq_recv = post_srq_recv;
	device_attr.max_qp_rd_atom = 4;
}

static struct ini_ctrlr *connecting(void)
{
	static const char text[] =
		"transport=rdma,traddr=10.0.0.1,nqn=nqn.2026-11.io.weft:unit";
	struct ini_ctrlr *c;
	struct ini_opts o;
	struct weft_connstr conn;
	struct weft_reason why;

	stage();
	UNIT_EQ(weft_connstr_parse(text, strlen(text), &conn, &why), 0);
	UNIT_EQ(ini_opts_init(&o, &conn, &why), 0);
	UNIT_EQ(ini_ctrlr_create(&o, &c, &why), 0);
	ini_ctrlr_poll(c, 1);
	return c;
}

static void all_is_given_back(struct ini_ctrlr *c)
{
	ini_ctrlr_destroy(c);
	UNIT_EQ(live.pd + live.mr + live.cq + live.qp + live.channel, 0);
	UNIT_EQ(live.id + live.events, 0);
}

static void test_as_many_receives_as_said(void)
{
	struct ini_ctrlr *c = connecting();

	UNIT_EQ(ini_ctrlr_state(c), INI_CONNECTING);
	UNIT_EQ(le16_to_cpu(asked.hrqsize), NVMF_AQ_DEPTH);
	UNIT_EQ(receives_of(asking), le16_to_cpu(asked.hrqsize));
	all_is_given_back(c);
}

static void test_no_memory(void)
{
	struct ini_ctrlr *c;

	mr_budget = 1;
	c = connecting();
	UNIT_EQ(ini_ctrlr_state(c), INI_FAILED);
	CU_ASSERT_PTR_NOT_NULL(strstr(ini_ctrlr_reason(c),
				      "a smaller queue_size needs less"));
	all_is_given_back(c);
}

UNIT_MAIN(UNIT(test_as_many_receives_as_said), UNIT(test_no_memory))
