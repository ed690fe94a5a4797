// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Sizes of queue pairs, cutting of transfers into work requests, and the table
 * of request states. Pure functions on the caller's memory: qpair.c calls the
 * sizes once per connection, request.c the rest on the queue's reactor.
 */
#include "target/transport/rdma/plan.h"

static u32 least(u32 a, u32 b)
{
	return a < b ? a : b;
}

static u32 div_up(u32 n, u32 by)
{
	return (n + by - 1) / by;
}

/* Requests beyond the depth: sends whose completions are late. */
static u32 spare_requests(u32 depth)
{
	return 4 + depth / 8;
}

int rdma_plan_make(const struct rdma_limits *l, struct rdma_plan *p,
		   struct weft_reason *why)
{
	u32 most;

	p->sge = least(l->max_sge, RDMA_MAX_SGE);
	/* devices that have no limit of their own for READs report 0 */
	p->sge_rd = l->max_sge_rd ? least(p->sge, l->max_sge_rd) : p->sge;
	p->reads = least(l->device_reads, l->peer_reads);
	if (!p->sge)
		return weft_fail(why, NVME_RDMA_CM_NO_RESOURCES,
				 "the device takes no gather entries");
	if (!l->peer_reads)
		return weft_fail(why, NVME_RDMA_CM_INVALID_IRD,
				 "responder_resources=0: the host must answer at least 1 RDMA READ");
	if (!p->reads)
		return weft_fail(why, NVME_RDMA_CM_NO_RESOURCES,
				 "the device starts no RDMA READ");
	p->receives = least(l->depth, l->max_wr);
	p->requests = p->receives + spare_requests(p->receives);
	/* one response, with all of its data, must fit as a whole */
	most = div_up(l->pieces, p->sge) + 1;
	p->sends = least(2 * p->receives + most, l->max_wr);
	if (p->sends < most || p->receives < 2)
		return weft_fail(why, NVME_RDMA_CM_NO_RESOURCES,
				 "the device's %u work requests per queue: at least %u are needed",
				 l->max_wr, most > 2 ? most : 2);
	p->spare = least(most, p->sends / 2);
	/* there are no more receives than that */
	if (p->sends > l->max_cqe)
		return weft_fail(why, NVME_RDMA_CM_NO_RESOURCES,
				 "the device's completion queues hold %u entries: %u are needed",
				 l->max_cqe, p->sends);
	return 0;
}

bool rdma_credits_take(struct rdma_credits *c, u32 sends, u32 reads)
{
	if (sends > c->sends || reads > c->reads)
		return false;
	c->sends -= sends;
	c->reads -= reads;
	return true;
}

void rdma_credits_give(struct rdma_credits *c, u32 sends, u32 reads)
{
	c->sends += sends;
	c->reads += reads;
}

u32 rdma_read_batch(const struct rdma_credits *c, u32 wanted)
{
	u32 sends = c->sends > c->spare ? c->sends - c->spare : 0;

	return least(wanted, least(sends, c->reads));
}

void rdma_xfer_init(struct rdma_xfer *x, const struct iovec *iov, int iovcnt,
		    u64 raddr, u32 len)
{
	u64 room = 0;
	int i;

	for (i = 0; i < iovcnt; i++)
		room += iov[i].iov_len;
	x->iov = iov;
	x->iovcnt = iovcnt;
	x->index = 0;
	x->offset = 0;
	x->raddr = raddr;
	x->left = len < room ? len : (u32)room;
}

u32 rdma_xfer_next(struct rdma_xfer *x, struct rdma_piece *pieces, u32 max,
		   u64 *raddr)
{
	u32 n = 0;

	*raddr = x->raddr;
	while (x->left && n < max) {
		const struct iovec *v = &x->iov[x->index];
		size_t room = v->iov_len - x->offset;
		u32 take = room < x->left ? (u32)room : x->left;

		if (take) {
			pieces[n].index = x->index;
			pieces[n].addr = (u8 *)v->iov_base + x->offset;
			pieces[n].len = take;
			n++;
		}
		x->offset += take;
		x->raddr += take;
		x->left -= take;
		if (x->offset == v->iov_len) {
			x->index++;
			x->offset = 0;
		}
	}
	return n;
}

u32 rdma_xfer_wrs(const struct rdma_xfer *x, u32 max)
{
	size_t offset = x->offset;
	u32 left = x->left;
	u32 pieces = 0;
	int i;

	for (i = x->index; left; i++) {
		size_t room = x->iov[i].iov_len - offset;

		offset = 0;
		if (!room)
			continue;
		pieces++;
		left -= room < left ? (u32)room : left;
	}
	return div_up(pieces, max);
}

/* 0 (FREE) is reached by DONE alone, so 0 elsewhere means "cannot happen". */
static const u8 next_state[RDMA_REQ_STATES][RDMA_EVENTS] = {
	[RDMA_REQ_FREE] = {
		[RDMA_EV_CAPSULE]	= RDMA_REQ_NVMF,
	},
	[RDMA_REQ_NVMF] = {
		[RDMA_EV_GET_DATA]	= RDMA_REQ_BUFFER,
		[RDMA_EV_BOUNCE]	= RDMA_REQ_BOUNCE,
		[RDMA_EV_RESPOND]	= RDMA_REQ_SEND,
	},
	[RDMA_REQ_BUFFER] = {
		[RDMA_EV_READ]		= RDMA_REQ_READ,
		[RDMA_EV_EXECUTE]	= RDMA_REQ_NVMF,
		[RDMA_EV_FAIL]		= RDMA_REQ_NVMF,
	},
	[RDMA_REQ_READ] = {
		[RDMA_EV_EXECUTE]	= RDMA_REQ_NVMF,
		[RDMA_EV_FAIL]		= RDMA_REQ_NVMF,
	},
	[RDMA_REQ_BOUNCE] = {
		[RDMA_EV_RESPOND]	= RDMA_REQ_SEND,
	},
	[RDMA_REQ_SEND] = {
		[RDMA_EV_POST]		= RDMA_REQ_SENT,
	},
};

/* From where a request may end: nvmf only hands back what it had. */
static bool may_end(enum rdma_req_state st)
{
	return st == RDMA_REQ_NVMF || st == RDMA_REQ_BOUNCE ||
	       st == RDMA_REQ_SEND || st == RDMA_REQ_SENT;
}

int rdma_req_next(enum rdma_req_state st, enum rdma_req_event ev)
{
	if (ev == RDMA_EV_DONE)
		return may_end(st) ? (int)RDMA_REQ_FREE : -EPROTO;
	return next_state[st][ev] ? next_state[st][ev] : -EPROTO;
}

const char *rdma_req_state_name(enum rdma_req_state st)
{
	static const char * const names[] = {
		[RDMA_REQ_FREE]		= "free",
		[RDMA_REQ_NVMF]		= "executing",
		[RDMA_REQ_BUFFER]	= "waiting for buffers",
		[RDMA_REQ_READ]		= "reading",
		[RDMA_REQ_BOUNCE]	= "waiting to copy",
		[RDMA_REQ_SEND]		= "waiting to respond",
		[RDMA_REQ_SENT]		= "responding",
	};

	return names[st];
}

const char *rdma_req_event_name(enum rdma_req_event ev)
{
	static const char * const names[] = {
		[RDMA_EV_CAPSULE]	= "capsule",
		[RDMA_EV_GET_DATA]	= "get data",
		[RDMA_EV_READ]		= "read",
		[RDMA_EV_EXECUTE]	= "execute",
		[RDMA_EV_FAIL]		= "fail",
		[RDMA_EV_BOUNCE]	= "bounce",
		[RDMA_EV_RESPOND]	= "respond",
		[RDMA_EV_POST]		= "post",
		[RDMA_EV_DONE]		= "done",
	};

	return names[ev];
}
