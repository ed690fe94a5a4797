/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * What the RDMA transport stands on, replaced at its edges: a verbs device and
 * a connection manager that exist only here, beside the event loop and nvmf.
 * Included by one test program each; the definitions win over the libraries'.
 * Every failure and every order of completions is the test's choice.
 */
#ifndef TESTS_UNIT_RDMA_FAKE_H
#define TESTS_UNIT_RDMA_FAKE_H

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/rdma_cm.h"
#include "target/transport/rdma/rdma.h"
#include "tests/unit/loop_fake.h"

/* --- the device ---------------------------------------------------------- */

#define MAX_WR 1024

/* @armed: shall tell of the next completion; @events: that were read */
struct fake_cq {
	struct ibv_cq cq;
	unsigned int events;
	struct ibv_wc wcs[4096];
	unsigned int head, tail;
	bool armed;
};

struct fake_srq {
	struct ibv_srq srq;
	struct ibv_recv_wr *rq[MAX_WR];
	unsigned int head, tail;
	u32 size;
};

/*
 * @recvs_at_send: receives that stood when a chain of sends was posted
 * @unanswered: commands that have come and whose response was not posted
 */
struct fake_qp {
	struct ibv_qp qp;
	unsigned int recvs_at_send;
	unsigned int unanswered;
	struct ibv_recv_wr *rq[MAX_WR];
	unsigned int rq_head, rq_tail;
	struct ibv_send_wr sq[MAX_WR];
	struct ibv_sge sge[MAX_WR];
	unsigned int sq_head, sq_tail;
	int doorbells;
	bool error;
	struct ibv_qp_attr attr;
};

static struct ibv_device device = { .name = "fake0" };
static struct ibv_context context = { .device = &device };
static struct ibv_pd pd = { .context = &context };
static struct ibv_device_attr device_attr;
static struct { int pd, mr, cq, qp, srq, channel, id, events; } live;
static int mr_budget = 1000;
static int fail_send_at = -1;
static int fail_recv;
static int fail_srq_recv;
static bool fail_srq;
static int max_cqs = 64;
static u32 max_inline;
static u32 next_qp_num;
static struct fake_srq *last_srq;
static int accept_errno;
static enum ibv_qp_state fail_qp_state;
static bool never_flush;
static int read_errno;		/* of descriptors without an event */
static u32 next_key = 100;
static int order;		/* of what is given back */
static int pd_freed_at, id_freed_at;

int ibv_query_device(struct ibv_context *c, struct ibv_device_attr *a)
{
	(void)c;
	*a = device_attr;
	return 0;
}

const char *ibv_get_device_name(struct ibv_device *d) { return d->name; }

struct ibv_pd *ibv_alloc_pd(struct ibv_context *c)
{
	(void)c;
	live.pd++;
	return &pd;
}

int ibv_dealloc_pd(struct ibv_pd *p)
{
	(void)p;
	live.pd--;
	UNIT_EQ(live.mr, 0);
	pd_freed_at = ++order;
	return 0;
}

/* what the ibv_reg_mr() of the header ends in */
struct ibv_mr *ibv_reg_mr_iova2(struct ibv_pd *p, void *addr, size_t len,
				uint64_t iova, unsigned int access)
{
	struct ibv_mr *mr;

	(void)iova, (void)access;
	if (!mr_budget) {
		errno = ENOMEM;
		return NULL;
	}
	mr_budget--;
	mr = calloc(1, sizeof(*mr));
	mr->pd = p;
	mr->addr = addr;
	mr->length = len;
	mr->lkey = next_key++;
	live.mr++;
	return mr;
}

int ibv_dereg_mr(struct ibv_mr *mr)
{
	free(mr);
	live.mr--;
	return 0;
}

struct ibv_comp_channel *ibv_create_comp_channel(struct ibv_context *c)
{
	struct ibv_comp_channel *ch = calloc(1, sizeof(*ch));

	ch->context = c;
	ch->fd = eventfd(0, 0);
	live.channel++;
	return ch;
}

int ibv_destroy_comp_channel(struct ibv_comp_channel *ch)
{
	close(ch->fd);
	free(ch);
	live.channel--;
	return 0;
}

struct ibv_cq *ibv_create_cq(struct ibv_context *c, int cqe, void *ctx,
			     struct ibv_comp_channel *ch, int vector)
{
	struct fake_cq *f;

	(void)vector;
	errno = ENOMEM;
	if (live.cq == max_cqs)
		return NULL;
	f = calloc(1, sizeof(*f));
	f->cq.context = c;
	f->cq.cqe = cqe;
	f->cq.cq_context = ctx;
	f->cq.channel = ch;
	live.cq++;
	return &f->cq;
}

int ibv_destroy_cq(struct ibv_cq *cq)
{
	/* it would wait for them for ever */
	UNIT_EQ(((struct fake_cq *)cq)->events, 0);
	free(cq);
	live.cq--;
	return 0;
}

static struct fake_cq *event_of;	/* that has told of a completion */
static int reads_of_events;

int ibv_get_cq_event(struct ibv_comp_channel *ch, struct ibv_cq **cq, void **ctx)
{
	(void)ch;
	errno = read_errno;
	reads_of_events++;
	if (!event_of)
		return -1;
	event_of->events++;
	*cq = &event_of->cq;
	*ctx = event_of->cq.cq_context;
	event_of = NULL;
	return 0;
}

void ibv_ack_cq_events(struct ibv_cq *cq, unsigned int n)
{
	((struct fake_cq *)cq)->events -= n;
}

static struct ibv_async_event async;

int ibv_get_async_event(struct ibv_context *c, struct ibv_async_event *e)
{
	(void)c;
	errno = read_errno;
	if (!async.element.qp)
		return -1;
	*e = async;
	async.element.qp = NULL;
	return 0;
}

void ibv_ack_async_event(struct ibv_async_event *e) { (void)e; }

static void push_wc(struct fake_qp *f, struct ibv_cq *cq, u64 wr_id,
		    enum ibv_wc_status st, enum ibv_wc_opcode op, u32 len)
{
	struct fake_cq *c = (struct fake_cq *)cq;

	/* queue pairs claim as much as they can have */
	CU_ASSERT(c->tail - c->head < (unsigned int)cq->cqe);
	c->wcs[c->tail++ % ARRAY_SIZE(c->wcs)] = (struct ibv_wc) {
		.wr_id = wr_id, .status = st, .opcode = op, .byte_len = len,
		.qp_num = f->qp.qp_num,
	};
	if (!c->armed)
		return;
	c->armed = false;
	event_of = c;
}

static int poll_cq(struct ibv_cq *cq, int n, struct ibv_wc *wc)
{
	struct fake_cq *c = (struct fake_cq *)cq;
	int i;

	for (i = 0; i < n && c->head != c->tail; i++)
		wc[i] = c->wcs[c->head++ % ARRAY_SIZE(c->wcs)];
	return i;
}

static int req_notify(struct ibv_cq *cq, int solicited)
{
	struct fake_cq *c = (struct fake_cq *)cq;

	/* what is armed is not armed again: that would cost for nothing */
	CU_ASSERT_FALSE(c->armed || solicited);
	c->armed = true;
	return 0;
}

static int post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr,
		     struct ibv_recv_wr **bad)
{
	struct fake_qp *f = (struct fake_qp *)qp;

	for (; wr; wr = wr->next) {
		if (fail_recv) {
			*bad = wr;
			return ENOMEM;
		}
		CU_ASSERT(f->rq_tail - f->rq_head < qp->handle);
		f->rq[f->rq_tail++ % MAX_WR] = wr;
	}
	return 0;
}

struct ibv_srq *ibv_create_srq(struct ibv_pd *p, struct ibv_srq_init_attr *a)
{
	struct fake_srq *s;

	errno = ENOMEM;
	if (fail_srq)
		return NULL;
	s = calloc(1, sizeof(*s));
	s->srq.context = &context;
	s->srq.pd = p;
	s->size = a->attr.max_wr;
	live.srq++;
	last_srq = s;
	return &s->srq;
}

int ibv_destroy_srq(struct ibv_srq *srq)
{
	free(srq);
	live.srq--;
	return 0;
}

static int post_srq_recv(struct ibv_srq *srq, struct ibv_recv_wr *wr,
			 struct ibv_recv_wr **bad)
{
	struct fake_srq *s = (struct fake_srq *)srq;

	if (fail_srq_recv) {
		*bad = wr;
		return ENOMEM;
	}
	for (; wr; wr = wr->next) {
		CU_ASSERT(s->tail - s->head < s->size);
		s->rq[s->tail++ % MAX_WR] = wr;
	}
	return 0;
}

static unsigned int receives_of(const struct fake_qp *f)
{
	const struct fake_srq *s = (const struct fake_srq *)f->qp.srq;

	return s ? s->tail - s->head : f->rq_tail - f->rq_head;
}

static bool is_response(const struct ibv_send_wr *wr)
{
	return wr->opcode == IBV_WR_SEND || wr->opcode == IBV_WR_SEND_WITH_INV;
}

static int post_send(struct ibv_qp *qp, struct ibv_send_wr *wr,
		     struct ibv_send_wr **bad)
{
	struct fake_qp *f = (struct fake_qp *)qp;
	int i;

	f->doorbells++;
	f->recvs_at_send = receives_of(f);
	for (i = 0; wr; wr = wr->next, i++) {
		if (i == fail_send_at) {
			*bad = wr;
			return ENOMEM;
		}
		/* the accounting keeps it from ever overflowing */
		CU_ASSERT(f->sq_tail - f->sq_head < qp->events_completed);
		f->sge[f->sq_tail % MAX_WR] = wr->sg_list[0];
		f->sq[f->sq_tail++ % MAX_WR] = *wr;
		f->unanswered -= is_response(wr);
	}
	/* a host that may send now finds a receive; those shared are counted apart */
	CU_ASSERT(f->recvs_at_send + f->unanswered >= qp->handle);
	return 0;
}

static enum ibv_wc_opcode wc_opcode(const struct ibv_send_wr *wr)
{
	if (wr->opcode == IBV_WR_RDMA_READ)
		return IBV_WC_RDMA_READ;
	return wr->opcode == IBV_WR_RDMA_WRITE ? IBV_WC_RDMA_WRITE : IBV_WC_SEND;
}

/* The next @n work requests of the send queue complete. */
static int complete_sends(struct fake_qp *f, int n, enum ibv_wc_status st)
{
	int done = 0;

	while (n-- && f->sq_head != f->sq_tail) {
		struct ibv_send_wr *wr = &f->sq[f->sq_head++ % MAX_WR];

		done++;
		if (st || wr->send_flags & IBV_SEND_SIGNALED)
			push_wc(f, f->qp.send_cq, wr->wr_id, st,
				wc_opcode(wr), 0);
	}
	return done;
}

static void flush_all(struct fake_qp *f)
{
	complete_sends(f, MAX_WR, IBV_WC_WR_FLUSH_ERR);
	while (f->rq_head != f->rq_tail)
		push_wc(f, f->qp.recv_cq, f->rq[f->rq_head++ % MAX_WR]->wr_id,
			IBV_WC_WR_FLUSH_ERR, 0, 0);
}

int ibv_modify_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask)
{
	struct fake_qp *f = (struct fake_qp *)qp;

	(void)mask;
	if (attr->qp_state != IBV_QPS_ERR) {
		/* one after the other, until the peer may send */
		UNIT_EQ(attr->qp_state, f->attr.qp_state + 1);
		f->attr = *attr;
		return 0;
	}
	f->error = true;
	if (!never_flush)
		flush_all(f);
	return 0;
}

/* The next receive for @f, or NULL. */
static struct ibv_recv_wr *take_receive(struct fake_qp *f)
{
	struct fake_srq *s = (struct fake_srq *)f->qp.srq;

	if (!receives_of(f))
		return NULL;
	return s ? s->rq[s->head++ % MAX_WR] : f->rq[f->rq_head++ % MAX_WR];
}

/* A host sends a capsule of @len bytes. False: receiver not ready. */
static FAKE_UNUSED bool host_sends(struct fake_qp *f, const void *capsule, u32 len)
{
	struct ibv_recv_wr *wr = take_receive(f);

	if (!wr)
		return false;
	f->unanswered++;
	if (len > wr->sg_list->length) {
		push_wc(f, f->qp.recv_cq, wr->wr_id, IBV_WC_LOC_LEN_ERR, 0, 0);
		return true;
	}
	memcpy((void *)(uintptr_t)wr->sg_list->addr, capsule, len);
	push_wc(f, f->qp.recv_cq, wr->wr_id, IBV_WC_SUCCESS, IBV_WC_RECV, len);
	return true;
}

/* --- the connection manager ----------------------------------------------- */

static struct rdma_cm_event cm_events[64];
static unsigned int cm_head, cm_tail;
static u16 rejected;
static u16 crqsize;
static int bind_errno;
static struct rdma_event_channel cm_channel;

struct rdma_event_channel *rdma_create_event_channel(void)
{
	cm_channel.fd = eventfd(0, 0);
	return &cm_channel;
}

void rdma_destroy_event_channel(struct rdma_event_channel *ch) { close(ch->fd); }

int rdma_create_id(struct rdma_event_channel *ch, struct rdma_cm_id **id,
		   void *ctx, enum rdma_port_space ps)
{
	*id = calloc(1, sizeof(**id));
	(*id)->channel = ch;
	(*id)->context = ctx;
	(*id)->ps = ps;
	(*id)->verbs = &context;
	live.id++;
	return 0;
}

int rdma_destroy_id(struct rdma_cm_id *id)
{
	CU_ASSERT_PTR_NULL(id->qp);
	free(id);
	live.id--;
	id_freed_at = ++order;
	return 0;
}

struct ibv_context **rdma_get_devices(int *n)
{
	(void)n;
	return NULL;
}

int rdma_bind_addr(struct rdma_cm_id *id, struct sockaddr *a)
{
	(void)id, (void)a;
	errno = bind_errno;
	return bind_errno ? -1 : 0;
}

int rdma_listen(struct rdma_cm_id *id, int backlog)
{
	(void)id, (void)backlog;
	return 0;
}

int rdma_set_option(struct rdma_cm_id *id, int level, int name, void *v, size_t n)
{
	(void)id, (void)level, (void)name, (void)v, (void)n;
	return 0;
}

int rdma_get_cm_event(struct rdma_event_channel *ch, struct rdma_cm_event **ev)
{
	(void)ch;
	if (cm_head == cm_tail) {
		errno = EAGAIN;
		return -1;
	}
	*ev = &cm_events[cm_head++ % 64];
	live.events++;
	return 0;
}

int rdma_ack_cm_event(struct rdma_cm_event *ev)
{
	memset(ev, 0xee, sizeof(*ev));
	live.events--;
	return 0;
}

int rdma_reject(struct rdma_cm_id *id, const void *data, uint8_t len)
{
	(void)id;
	rejected = (u16)nvme_rdma_cm_rej_decode(data, len);
	return 0;
}

int rdma_accept(struct rdma_cm_id *id, struct rdma_conn_param *p)
{
	/* of a queue pair that librdmacm knows it sets the state when it likes */
	CU_ASSERT_PTR_NULL(id->qp);
	UNIT_EQ(p->qp_num, next_qp_num - 1);
	errno = accept_errno;
	if (accept_errno)
		return -1;
	crqsize = (u16)nvme_rdma_cm_rep_decode(p->private_data,
					       p->private_data_len, NULL);
	return 0;
}

int rdma_disconnect(struct rdma_cm_id *id)
{
	(void)id;
	return 0;
}

int rdma_init_qp_attr(struct rdma_cm_id *id, struct ibv_qp_attr *attr,
		      int *mask)
{
	(void)id;
	*mask = IBV_QP_STATE;
	attr->max_rd_atomic = attr->max_dest_rd_atomic = 255;
	errno = EINVAL;
	return attr->qp_state == fail_qp_state ? -1 : 0;
}

struct ibv_qp *ibv_create_qp(struct ibv_pd *p, struct ibv_qp_init_attr *attr)
{
	struct fake_qp *f;

	(void)p;
	errno = EINVAL;
	if (attr->cap.max_inline_data > max_inline)
		return NULL;
	f = calloc(1, sizeof(*f));
	f->qp.context = &context;
	f->qp.qp_context = attr->qp_context;
	f->qp.srq = attr->srq;
	f->qp.send_cq = attr->send_cq;
	f->qp.recv_cq = attr->recv_cq;
	f->qp.handle = attr->cap.max_recv_wr;
	f->qp.events_completed = attr->cap.max_send_wr;
	f->qp.qp_num = next_qp_num++;
	live.qp++;
	return &f->qp;
}

/* Completions that were not read stay, as on real queues. */
int ibv_destroy_qp(struct ibv_qp *qp)
{
	free(qp);
	live.qp--;
	return 0;
}

int rdma_create_qp(struct rdma_cm_id *id, struct ibv_pd *p,
		   struct ibv_qp_init_attr *attr)
{
	id->qp = ibv_create_qp(p, attr);
	return id->qp ? 0 : -1;
}

void rdma_destroy_qp(struct rdma_cm_id *id)
{
	ibv_destroy_qp(id->qp);
	id->qp = NULL;
}

#endif
