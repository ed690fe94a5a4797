/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * A small userspace NVMe over RDMA initiator with control over every byte:
 * private data of the connection request, capsules, SGLs, properties. For test
 * programs that talk to a target in ways in which no host does. One thread;
 * every wait is bounded; functions return 0 or a negative errno unless they say
 * otherwise.
 */
#ifndef TESTS_VM_PROGS_INITIATOR_H
#define TESTS_VM_PROGS_INITIATOR_H

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>

#include "common/cmd.h"
#include "common/connect.h"
#include "common/rdma_cm.h"
#include "common/sgl.h"

#define INI_UNUSED	__attribute__((unused))
/* Far beyond what a loaded machine in emulation needs */
#define INI_WAIT_MS	60000
#define INI_MAX_DEPTH	128
#define INI_CAPSULE	(NVME_SQE_SIZE + 8192)

/**
 * struct ini_params - a connection request
 * @private_data: sent instead of an encoded request if @private_len is not 0;
 *                @no_private sends none at all
 * @reads: RDMA READs that we answer
 * @max_send: work requests of the send queue; 0: @hsqsize
 * @rnr_retry: how often a "receiver not ready" is tried again; 7: for ever
 */
struct ini_params {
	u16 qid;
	u16 hrqsize;
	u16 hsqsize;
	u16 cntlid;
	const void *private_data;
	u8 private_len;
	bool no_private;
	u8 reads;
	u32 max_send;
	u8 rnr_retry;
};

/** struct ini_buf - memory that the target may read and write */
struct ini_buf {
	u8 *data;
	size_t len;
	struct ibv_mr *mr;
};

/**
 * struct ini_conn - one queue pair
 * @posted: sends that were posted
 * @crqsize: what the target's accept says
 */
struct ini_conn {
	struct rdma_event_channel *cm;
	struct rdma_cm_id *id;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	struct ini_buf capsules;
	struct ini_buf responses;
	u32 depth;
	u32 posted;
	u16 next_cid;
	int crqsize;
};

static INI_UNUSED struct ini_params ini_params(u16 qid, u16 depth)
{
	return (struct ini_params) {
		.qid = qid, .hrqsize = depth, .hsqsize = depth,
		.reads = 8, .rnr_retry = 7,
	};
}

/* The next event of the connection manager; its type, or a negative errno. */
static INI_UNUSED int ini_event(struct ini_conn *c, struct rdma_cm_event **ev)
{
	struct pollfd p = { .fd = c->cm->fd, .events = POLLIN };

	if (poll(&p, 1, INI_WAIT_MS) <= 0)
		return -ETIMEDOUT;
	if (rdma_get_cm_event(c->cm, ev))
		return -errno;
	return (*ev)->event;
}

static INI_UNUSED int ini_expect(struct ini_conn *c,
				 enum rdma_cm_event_type type)
{
	struct rdma_cm_event *ev;
	int got = ini_event(c, &ev);

	if (got < 0)
		return got;
	rdma_ack_cm_event(ev);
	return got == (int)type ? 0 : -ECONNREFUSED;
}

static INI_UNUSED int ini_buf_alloc(struct ini_conn *c, size_t len, int access,
				    struct ini_buf *b)
{
	b->len = len;
	b->data = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (b->data == MAP_FAILED)
		return -errno;
	b->mr = ibv_reg_mr(c->pd, b->data, len,
			   IBV_ACCESS_LOCAL_WRITE | access);
	if (b->mr)
		return 0;
	munmap(b->data, len);
	b->data = NULL;
	return -errno;
}

static INI_UNUSED void ini_buf_free(struct ini_buf *b)
{
	if (!b->data)
		return;
	ibv_dereg_mr(b->mr);
	munmap(b->data, b->len);
	b->data = NULL;
}

static INI_UNUSED int ini_post_recv(struct ini_conn *c, u32 slot)
{
	struct ibv_sge sge = {
		.addr = (uintptr_t)c->responses.data + slot * 64ul,
		.length = 64,
		.lkey = c->responses.mr->lkey,
	};
	struct ibv_recv_wr *bad, wr = {
		.wr_id = slot, .sg_list = &sge, .num_sge = 1,
	};

	return -ibv_post_recv(c->id->qp, &wr, &bad);
}

static INI_UNUSED int ini_make_queue(struct ini_conn *c,
				     const struct ini_params *p)
{
	struct ibv_qp_init_attr attr = {
		.cap = {
			.max_send_wr = p->max_send ? p->max_send : c->depth + 2,
			.max_recv_wr = c->depth,
			.max_send_sge = 1,
			.max_recv_sge = 1,
		},
		.qp_type = IBV_QPT_RC,
		.sq_sig_all = 1,
	};
	int err;
	u32 i;

	c->pd = ibv_alloc_pd(c->id->verbs);
	if (!c->pd)
		return -errno;
	c->cq = ibv_create_cq(c->id->verbs,
			      (int)(attr.cap.max_send_wr + c->depth), NULL,
			      NULL, 0);
	if (!c->cq)
		return -errno;
	attr.send_cq = c->cq;
	attr.recv_cq = c->cq;
	if (rdma_create_qp(c->id, c->pd, &attr))
		return -errno;
	err = ini_buf_alloc(c, (size_t)c->depth * INI_CAPSULE, 0, &c->capsules);
	if (!err)
		err = ini_buf_alloc(c, c->depth * 64ul, 0, &c->responses);
	for (i = 0; !err && i < c->depth; i++)
		err = ini_post_recv(c, i);
	return err;
}

static INI_UNUSED void ini_close(struct ini_conn *c)
{
	if (c->id && c->id->qp)
		rdma_destroy_qp(c->id);
	ini_buf_free(&c->capsules);
	ini_buf_free(&c->responses);
	if (c->cq)
		ibv_destroy_cq(c->cq);
	if (c->pd)
		ibv_dealloc_pd(c->pd);
	if (c->id)
		rdma_destroy_id(c->id);
	if (c->cm)
		rdma_destroy_event_channel(c->cm);
	memset(c, 0, sizeof(*c));
}

static INI_UNUSED int ini_resolve(struct ini_conn *c, const char *addr,
				  u16 port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port),
	};
	int err;

	if (inet_pton(AF_INET, addr, &to.sin_addr) != 1)
		return -EINVAL;
	c->cm = rdma_create_event_channel();
	if (!c->cm || rdma_create_id(c->cm, &c->id, NULL, RDMA_PS_TCP))
		return -errno;
	if (rdma_resolve_addr(c->id, NULL, (struct sockaddr *)&to, 5000))
		return -errno;
	err = ini_expect(c, RDMA_CM_EVENT_ADDR_RESOLVED);
	if (err)
		return err;
	if (rdma_resolve_route(c->id, 5000))
		return -errno;
	return ini_expect(c, RDMA_CM_EVENT_ROUTE_RESOLVED);
}

/* What the target's answer says: 0, a reject status, or a negative errno. */
static INI_UNUSED int ini_answer(struct ini_conn *c)
{
	struct rdma_cm_event *ev;
	int got = ini_event(c, &ev);
	int rc = -ECONNREFUSED;

	if (got < 0)
		return got;
	if (got == RDMA_CM_EVENT_ESTABLISHED) {
		c->crqsize = nvme_rdma_cm_rep_decode(
			ev->param.conn.private_data,
			ev->param.conn.private_data_len, NULL);
		rc = c->crqsize > 0 ? 0 : -EPROTO;
	} else if (got == RDMA_CM_EVENT_REJECTED) {
		rc = nvme_rdma_cm_rej_decode(ev->param.conn.private_data,
					     ev->param.conn.private_data_len);
		if (!rc)
			rc = -ECONNREFUSED;
	}
	rdma_ack_cm_event(ev);
	return rc;
}

/* Send the connection request; the answer is ini_answer()'s. */
static INI_UNUSED int ini_request(struct ini_conn *c,
				  const struct ini_params *p)
{
	struct nvme_rdma_cm_req req;
	struct rdma_conn_param param = {
		.responder_resources = p->reads,
		.retry_count = 7,
		.rnr_retry_count = p->rnr_retry,
	};

	nvme_rdma_cm_req_encode(&req, &(struct nvme_rdma_cm_params) {
		.qid = p->qid, .hrqsize = p->hrqsize, .hsqsize = p->hsqsize,
		.cntlid = p->cntlid,
	});
	param.private_data = &req;
	param.private_data_len = sizeof(req);
	if (p->private_len) {
		param.private_data = p->private_data;
		param.private_data_len = p->private_len;
	}
	if (p->no_private) {
		param.private_data = NULL;
		param.private_data_len = 0;
	}
	return rdma_connect(c->id, &param) ? -errno : 0;
}

/**
 * ini_connect() - connect one queue
 * Return: 0, a reject status (> 0), or a negative errno. Anything but 0 leaves
 * @c closed.
 */
static INI_UNUSED int ini_connect(struct ini_conn *c, const char *addr,
				  u16 port, const struct ini_params *p)
{
	int rc;

	memset(c, 0, sizeof(*c));
	c->depth = p->hsqsize && p->hsqsize <= INI_MAX_DEPTH ? p->hsqsize : 32;
	rc = ini_resolve(c, addr, port);
	if (!rc)
		rc = ini_make_queue(c, p);
	if (!rc)
		rc = ini_request(c, p);
	if (!rc)
		rc = ini_answer(c);
	if (rc)
		ini_close(c);
	return rc;
}

/* Commands */

/** ini_post() - send @len bytes of @capsule with @opcode; completes later */
static INI_UNUSED int ini_post_as(struct ini_conn *c, const void *capsule,
				  u32 len, enum ibv_wr_opcode opcode)
{
	u32 slot = c->posted % c->depth;
	u8 *at = c->capsules.data + (size_t)slot * INI_CAPSULE;
	struct ibv_sge sge = {
		.addr = (uintptr_t)at, .length = len,
		.lkey = c->capsules.mr->lkey,
	};
	struct ibv_send_wr *bad, wr = {
		.wr_id = 1ull << 32, .sg_list = &sge, .num_sge = len ? 1 : 0,
		.opcode = opcode, .send_flags = IBV_SEND_SIGNALED,
	};

	memcpy(at, capsule, len);
	c->posted++;
	return -ibv_post_send(c->id->qp, &wr, &bad);
}

static INI_UNUSED int ini_post(struct ini_conn *c, const void *capsule,
			       u32 len)
{
	return ini_post_as(c, capsule, len, IBV_WR_SEND);
}

static INI_UNUSED u64 ini_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000 + (u64)t.tv_nsec / 1000000;
}

/* Has the peer hung up? What it sent before that is there already. */
static INI_UNUSED bool ini_hung_up(struct ini_conn *c)
{
	struct pollfd p = { .fd = c->cm->fd, .events = POLLIN };
	struct rdma_cm_event *ev;
	bool gone;

	if (poll(&p, 1, 0) <= 0 || rdma_get_cm_event(c->cm, &ev))
		return false;
	gone = ev->event == RDMA_CM_EVENT_DISCONNECTED;
	rdma_ack_cm_event(ev);
	return gone;
}

/**
 * ini_wc() - next completion
 * Return: 0; -ECONNRESET if the peer has hung up; -ETIMEDOUT after a minute.
 */
static INI_UNUSED int ini_wc(struct ini_conn *c, struct ibv_wc *wc)
{
	u64 end = ini_now_ms() + INI_WAIT_MS;
	const struct timespec nap = { .tv_nsec = 200000 };
	bool gone = false;

	while (ini_now_ms() < end) {
		int n = ibv_poll_cq(c->cq, 1, wc);

		if (n < 0)
			return -EIO;
		if (n)
			return 0;
		if (gone)
			return -ECONNRESET;
		gone = ini_hung_up(c);
		if (!gone)
			nanosleep(&nap, NULL);
	}
	return -ETIMEDOUT;
}

/**
 * ini_response() - wait for the next response
 * Return: 0 with @cqe filled in; -ECONNRESET if the connection broke;
 * -EPROTO if the response has not 16 bytes.
 */
static INI_UNUSED int ini_response(struct ini_conn *c, struct nvme_cqe *cqe)
{
	struct ibv_wc wc;
	u32 slot;
	int err;

	for (;;) {
		err = ini_wc(c, &wc);
		if (err)
			return err;
		if (wc.status != IBV_WC_SUCCESS)
			return -ECONNRESET;
		if (!(wc.wr_id >> 32))
			break;
	}
	if (wc.byte_len != sizeof(*cqe))
		return -EPROTO;
	slot = (u32)wc.wr_id;
	memcpy(cqe, c->responses.data + slot * 64ul, sizeof(*cqe));
	return ini_post_recv(c, slot);
}

/**
 * ini_exec() - a command with @extra bytes of in-capsule data
 * Return: the NVMe status (0 is success), or a negative errno.
 */
static INI_UNUSED int ini_exec_with(struct ini_conn *c, union nvme_cmd *cmd,
				    const void *extra, u32 extra_len,
				    u64 *result)
{
	static u8 capsule[INI_CAPSULE];
	struct nvme_cqe cqe;
	int err;

	cmd->sqe.cid = cpu_to_le16(c->next_cid++);
	memcpy(capsule, cmd, sizeof(*cmd));
	if (extra_len)
		memcpy(capsule + sizeof(*cmd), extra, extra_len);
	err = ini_post(c, capsule, (u32)sizeof(*cmd) + extra_len);
	if (!err)
		err = ini_response(c, &cqe);
	if (err)
		return err;
	if (cqe.cid != cmd->sqe.cid)
		return -EPROTO;
	if (result)
		*result = le64_to_cpu(cqe.result);
	return le16_to_cpu(cqe.status) >> 1;
}

static INI_UNUSED int ini_exec(struct ini_conn *c, union nvme_cmd *cmd,
			       u64 *result)
{
	return ini_exec_with(c, cmd, NULL, 0, result);
}

static INI_UNUSED void ini_map(union nvme_cmd *cmd, const struct ini_buf *b,
			       u32 len)
{
	nvme_sgl_keyed(&cmd->sqe.sgl, (uintptr_t)b->data, len, b->mr->rkey,
		       false);
}

/* Connect, properties */

static INI_UNUSED int ini_nvme_connect(struct ini_conn *c, u16 qid, u16 sqsize,
				       u16 cntlid, const char *subnqn,
				       const char *hostnqn, u64 *result)
{
	static const u8 hostid[16] = { 0x77, 0x65, 0x66, 0x74, 1, 2, 3 };
	struct ini_buf b;
	union nvme_cmd cmd;
	int rc = ini_buf_alloc(c, 4096, IBV_ACCESS_REMOTE_READ, &b);

	if (rc)
		return rc;
	nvmf_connect_data_encode((struct nvmf_connect_data *)b.data, hostid,
				 cntlid, subnqn, hostnqn);
	nvme_cmd_connect(&cmd, qid, sqsize, 0, 0);
	ini_map(&cmd, &b, sizeof(struct nvmf_connect_data));
	rc = ini_exec(c, &cmd, result);
	ini_buf_free(&b);
	return rc;
}

static INI_UNUSED int ini_get(struct ini_conn *c, u32 property, bool eight,
			      u64 *value)
{
	union nvme_cmd cmd;

	nvme_cmd_property_get(&cmd, property, eight);
	return ini_exec(c, &cmd, value);
}

static INI_UNUSED int ini_set(struct ini_conn *c, u32 property, u32 value)
{
	union nvme_cmd cmd;

	nvme_cmd_property_set(&cmd, property, false, value);
	return ini_exec(c, &cmd, NULL);
}

/** ini_enable() - CC.EN, then wait for CSTS.RDY */
static INI_UNUSED int ini_enable(struct ini_conn *c)
{
	const struct timespec nap = { .tv_nsec = 10000000 };
	u64 csts = 0;
	int rc, i;

	rc = ini_set(c, NVME_REG_CC, NVME_CC_EN | NVME_CC_IOSQES(6) |
		     NVME_CC_IOCQES(4));
	for (i = 0; !rc && i < 1000; i++) {
		rc = ini_get(c, NVME_REG_CSTS, false, &csts);
		if (rc || csts & NVME_CSTS_RDY)
			return rc;
		nanosleep(&nap, NULL);
	}
	return rc ? rc : -ETIMEDOUT;
}

/**
 * ini_admin() - connected, Connect done; @cntlid filled in
 * Return: 0, an NVMe status, or a negative errno (reject statuses too).
 */
static INI_UNUSED int ini_admin(struct ini_conn *c, const char *addr, u16 port,
				const char *subnqn, const char *hostnqn,
				u16 *cntlid)
{
	struct ini_params p = ini_params(0, 32);
	u64 result = 0;
	int rc = ini_connect(c, addr, port, &p);

	if (rc)
		return rc > 0 ? -ECONNREFUSED : rc;
	rc = ini_nvme_connect(c, 0, 31, NVMF_CNTLID_DYNAMIC, subnqn, hostnqn,
			      &result);
	*cntlid = (u16)result;
	if (rc)
		ini_close(c);
	return rc;
}

/** ini_io_queue() - I/O queue @qid of controller @cntlid, ready for commands */
static INI_UNUSED int ini_io_queue(struct ini_conn *c, const char *addr,
				   u16 port, const char *subnqn,
				   const char *hostnqn, u16 cntlid, u16 qid,
				   u16 depth)
{
	struct ini_params p = ini_params(qid, depth);
	int rc = ini_connect(c, addr, port, &p);

	if (rc)
		return rc > 0 ? -ECONNREFUSED : rc;
	rc = ini_nvme_connect(c, qid, (u16)(depth - 1), cntlid, subnqn, hostnqn,
			      NULL);
	if (rc)
		ini_close(c);
	return rc;
}

#endif
