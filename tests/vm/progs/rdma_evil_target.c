/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * A target that breaks the protocol in one chosen way, to be connected to by a
 * host that must survive it: rdma_evil_target ADDRESS PORT MODE
 *
 * Serves connections one after the other until it is killed. Most modes answer
 * the first command (Connect) wrongly; the others misuse the connection
 * manager. Prints "ready" when it listens.
 */
#include <rdma/rdma_cma.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/rdma_cm.h"

enum { CAPSULE = 8192, RECVS = 4, POLL_TRIES = 20000 };

enum evil_mode {
	EVIL_REJECT, EVIL_REJECT_SHORT, EVIL_NO_PRIVATE, EVIL_RECFMT,
	EVIL_CRQSIZE_0, EVIL_CRQSIZE_1, EVIL_HANGUP, EVIL_MUTE, EVIL_EARLY,
	EVIL_SHORT, EVIL_LONG, EVIL_CID, EVIL_AER_CID, EVIL_TWICE,
	EVIL_FORMER, EVIL_INVALIDATE, EVIL_MODES
};

static const char *const evil_names[EVIL_MODES] = {
	[EVIL_REJECT] = "reject", [EVIL_REJECT_SHORT] = "reject-short",
	[EVIL_NO_PRIVATE] = "no-private", [EVIL_RECFMT] = "recfmt",
	[EVIL_CRQSIZE_0] = "crqsize-0", [EVIL_CRQSIZE_1] = "crqsize-1",
	[EVIL_HANGUP] = "hangup", [EVIL_MUTE] = "mute", [EVIL_EARLY] = "early",
	[EVIL_SHORT] = "short", [EVIL_LONG] = "long", [EVIL_CID] = "cid",
	[EVIL_AER_CID] = "aer-cid", [EVIL_TWICE] = "twice",
	[EVIL_FORMER] = "former", [EVIL_INVALIDATE] = "invalidate",
};

/* One connection; all of its memory is one region */
struct evil_conn {
	struct rdma_cm_id *id;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	struct ibv_mr *mr;
	struct {
		u8 capsule[RECVS][CAPSULE];
		u8 response[64];
	} mem;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void post_recv(struct evil_conn *c, unsigned int i)
{
	struct ibv_sge sge = { .addr = (uintptr_t)c->mem.capsule[i],
			       .length = CAPSULE, .lkey = c->mr->lkey };
	struct ibv_recv_wr wr = { .wr_id = i, .sg_list = &sge, .num_sge = 1 };
	struct ibv_recv_wr *bad;

	if (ibv_post_recv(c->id->qp, &wr, &bad))
		die("ibv_post_recv");
}

static struct evil_conn *conn_open(struct rdma_cm_id *id)
{
	struct evil_conn *c = calloc(1, sizeof(*c));
	struct ibv_qp_init_attr attr = {
		.qp_type = IBV_QPT_RC, .sq_sig_all = 1,
		.cap = { .max_send_wr = 8, .max_recv_wr = RECVS,
			 .max_send_sge = 1, .max_recv_sge = 1 },
	};
	unsigned int i;

	if (!c)
		die("calloc");
	c->id = id;
	id->context = c;
	c->pd = ibv_alloc_pd(id->verbs);
	c->cq = ibv_create_cq(id->verbs, 32, NULL, NULL, 0);
	if (!c->pd || !c->cq)
		die("ibv_create_cq");
	c->mr = ibv_reg_mr(c->pd, &c->mem, sizeof(c->mem),
			   IBV_ACCESS_LOCAL_WRITE);
	if (!c->mr)
		die("ibv_reg_mr");
	attr.send_cq = c->cq;
	attr.recv_cq = c->cq;
	if (rdma_create_qp(id, c->pd, &attr))
		die("rdma_create_qp");
	for (i = 0; i < RECVS; i++)
		post_recv(c, i);
	return c;
}

static void conn_close(struct evil_conn *c)
{
	rdma_destroy_qp(c->id);
	ibv_dereg_mr(c->mr);
	ibv_destroy_cq(c->cq);
	ibv_dealloc_pd(c->pd);
	rdma_destroy_id(c->id);
	free(c);
}

static void respond(struct evil_conn *c, u16 cid, u32 len, u32 invalidate)
{
	struct nvme_cqe *cqe = (void *)c->mem.response;
	struct ibv_sge sge = { .addr = (uintptr_t)cqe, .length = len,
			       .lkey = c->mr->lkey };
	struct ibv_send_wr wr = { .sg_list = &sge, .num_sge = 1,
				  .opcode = IBV_WR_SEND }, *bad;

	memset(cqe, 0, sizeof(*cqe));
	cqe->cid = cpu_to_le16(cid);
	cqe->result = cpu_to_le64(1);
	if (invalidate) {
		wr.opcode = IBV_WR_SEND_WITH_INV;
		wr.invalidate_rkey = invalidate;
	}
	if (ibv_post_send(c->id->qp, &wr, &bad))
		die("ibv_post_send");
}

/* Waits for the next command; NULL if the host has gone */
static const struct nvme_sqe *next_command(struct evil_conn *c)
{
	struct ibv_wc wc;
	int tries, n;

	for (tries = 0; tries < POLL_TRIES; tries++) {
		n = ibv_poll_cq(c->cq, 1, &wc);
		if (n < 0 || (n && wc.status != IBV_WC_SUCCESS))
			return NULL;
		if (n && wc.opcode == IBV_WC_RECV)
			return (const void *)c->mem.capsule[wc.wr_id];
		usleep(1000);
	}
	return NULL;
}

static void answer(struct evil_conn *c, enum evil_mode mode)
{
	const struct nvme_sqe *sqe = next_command(c);
	const u8 *k;
	u16 cid;

	if (!sqe)
		return;
	cid = le16_to_cpu(sqe->cid);
	k = sqe->sgl.keyed.key;
	switch (mode) {
	case EVIL_SHORT:
		respond(c, cid, 8, 0);
		break;
	case EVIL_LONG:
		respond(c, cid, 48, 0);
		break;
	case EVIL_CID:
		respond(c, cid ^ 0x1005, 16, 0);
		break;
	case EVIL_AER_CID:
		respond(c, cid - 1, 16, 0);
		break;
	case EVIL_TWICE:
		respond(c, cid, 16, 0);
		respond(c, cid, 16, 0);
		break;
	case EVIL_FORMER:
		respond(c, cid, 16, 0);
		if (next_command(c))
			respond(c, cid, 16, 0);
		break;
	case EVIL_INVALIDATE:
		respond(c, cid, 16, k[0] | k[1] << 8 | k[2] << 16 |
			(u32)k[3] << 24);
		break;
	default:
		break;
	}
}

static void on_request(struct rdma_cm_id *id, enum evil_mode mode)
{
	struct rdma_conn_param param = { .responder_resources = 1,
					 .initiator_depth = 1,
					 .rnr_retry_count = 7 };
	struct nvme_rdma_cm_rep rep;
	struct nvme_rdma_cm_rej rej;

	if (mode == EVIL_REJECT || mode == EVIL_REJECT_SHORT) {
		nvme_rdma_cm_rej_encode(&rej, NVME_RDMA_CM_NO_RESOURCES);
		rdma_reject(id, &rej, mode == EVIL_REJECT ? sizeof(rej) : 1);
		rdma_destroy_id(id);
		return;
	}
	conn_open(id);
	nvme_rdma_cm_rep_encode(&rep, mode == EVIL_CRQSIZE_0 ? 0 :
				mode == EVIL_CRQSIZE_1 ? 1 : 32);
	if (mode == EVIL_RECFMT)
		rep.recfmt = cpu_to_le16(7);
	if (mode != EVIL_NO_PRIVATE) {
		param.private_data = &rep;
		param.private_data_len = sizeof(rep);
	}
	if (rdma_accept(id, &param))
		die("rdma_accept");
}

static void on_established(struct evil_conn *c, enum evil_mode mode)
{
	if (mode == EVIL_HANGUP)
		rdma_disconnect(c->id);
	else if (mode == EVIL_EARLY)
		respond(c, 5, 16, 0);
	else
		answer(c, mode);
}

static void serve(struct rdma_event_channel *ch, enum evil_mode mode)
{
	struct rdma_cm_event *ev;
	enum rdma_cm_event_type type;
	struct rdma_cm_id *id;

	while (!rdma_get_cm_event(ch, &ev)) {
		type = ev->event;
		id = ev->id;
		rdma_ack_cm_event(ev);
		if (type == RDMA_CM_EVENT_CONNECT_REQUEST)
			on_request(id, mode);
		else if (type == RDMA_CM_EVENT_ESTABLISHED)
			on_established(id->context, mode);
		else if (type == RDMA_CM_EVENT_DISCONNECTED)
			conn_close(id->context);
	}
}

int main(int argc, char **argv)
{
	struct rdma_addrinfo hints = { .ai_flags = RAI_PASSIVE,
				       .ai_port_space = RDMA_PS_TCP }, *ai;
	struct rdma_event_channel *ch;
	struct rdma_cm_id *id = NULL;
	int mode;

	for (mode = 0; argc == 4 && mode < EVIL_MODES; mode++)
		if (!strcmp(argv[3], evil_names[mode]))
			break;
	if (argc != 4 || mode == EVIL_MODES) {
		fprintf(stderr, "usage: %s ADDRESS PORT MODE\n", argv[0]);
		return 2;
	}
	ch = rdma_create_event_channel();
	if (!ch || rdma_create_id(ch, &id, NULL, RDMA_PS_TCP))
		die("rdma_create_id");
	if (rdma_getaddrinfo(argv[1], argv[2], &hints, &ai))
		die(argv[1]);
	if (rdma_bind_addr(id, ai->ai_src_addr) || rdma_listen(id, 4))
		die("rdma_listen");
	rdma_freeaddrinfo(ai);
	puts("ready");
	fflush(stdout);
	serve(ch, mode);
	return 1;
}
