/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The RDMA transport's arithmetic and tables, free of verbs: how large a
 * queue's rings are, how a transfer is cut into work requests, what a request
 * may do next. Called by qpair.c, request.c and their unit tests; any thread.
 */
#ifndef WEFT_TARGET_TRANSPORT_RDMA_PLAN_H
#define WEFT_TARGET_TRANSPORT_RDMA_PLAN_H

#include <sys/uio.h>

#include "common/fabrics.h"
#include "common/text.h"

/* Gather entries of one work request, if the device has as many */
#define RDMA_MAX_SGE		16

/**
 * struct rdma_limits - what device, peer and configuration allow a queue
 * @max_wr: @max_sge: @max_sge_rd: @max_cqe: the device's
 * @device_reads: RDMA READs that the device keeps under way
 * @peer_reads: RDMA READs that the peer answers at a time
 * @depth: commands that the host may have outstanding
 * @pieces: most pieces that one request's data has in memory
 */
struct rdma_limits {
	u32 max_wr;
	u32 max_sge;
	u32 max_sge_rd;
	u32 max_cqe;
	u32 device_reads;
	u32 peer_reads;
	u32 depth;
	u32 pieces;
};

/**
 * struct rdma_plan - sizes of one queue pair
 * @receives: slots of the receive ring, one per command
 * @requests: receives, and a few more: a response's send may be reported later
 *            than the command that the host sent upon that response
 * @sends: work requests of the send queue
 * @reads: RDMA READs under way
 * @spare: of @sends: READs leave so many to responses
 * @sge: @sge_rd: gather entries of a WRITE or SEND, scatter entries of a READ
 */
struct rdma_plan {
	u32 receives;
	u32 requests;
	u32 sends;
	u32 reads;
	u32 spare;
	u32 sge;
	u32 sge_rd;
};

/**
 * rdma_plan_make() - sizes of a queue pair
 * Return: 0, or an enum nvme_rdma_cm_status to reject the connection with.
 */
int rdma_plan_make(const struct rdma_limits *l, struct rdma_plan *p,
		   struct weft_reason *why);

/**
 * struct rdma_credits - what a queue pair may still post
 * @sends: free places in the send queue
 * @reads: RDMA READs that may be started
 * @spare: places that READs leave to responses, which then never wait for data
 *         that the host is slow to deliver
 *
 * Places come back by signalled completions only, and each gives back the
 * unsignalled ones before it too.
 */
struct rdma_credits {
	u32 sends;
	u32 reads;
	u32 spare;
};

/** rdma_credits_take() - all or nothing */
bool rdma_credits_take(struct rdma_credits *c, u32 sends, u32 reads);
void rdma_credits_give(struct rdma_credits *c, u32 sends, u32 reads);

/** rdma_read_batch() - READs to post now, of @wanted; 0: wait for credits */
u32 rdma_read_batch(const struct rdma_credits *c, u32 wanted);

/**
 * struct rdma_xfer - a transfer between pieces of memory and a remote block
 * @iov: @iovcnt: the pieces; read only, must outlive the transfer
 * @index: @offset: next byte
 * @raddr: remote address of the next byte
 * @left: bytes to go
 */
struct rdma_xfer {
	const struct iovec *iov;
	int iovcnt;
	int index;
	size_t offset;
	u64 raddr;
	u32 left;
};

/** struct rdma_piece - part of piece @index that one gather entry covers */
struct rdma_piece {
	int index;
	void *addr;
	u32 len;
};

/** rdma_xfer_init() - @len bytes; cut to what @iov holds */
void rdma_xfer_init(struct rdma_xfer *x, const struct iovec *iov, int iovcnt,
		    u64 raddr, u32 len);

/**
 * rdma_xfer_next() - cut off what fits one work request
 * @pieces: room for @max
 * @raddr: the remote address it starts at
 * Return: number of pieces; 0 when nothing is left.
 */
u32 rdma_xfer_next(struct rdma_xfer *x, struct rdma_piece *pieces, u32 max,
		   u64 *raddr);

/** rdma_xfer_wrs() - work requests of @max pieces that the rest takes */
u32 rdma_xfer_wrs(const struct rdma_xfer *x, u32 max);

/**
 * enum rdma_req_state - who has a request and what it waits for
 */
enum rdma_req_state {
	RDMA_REQ_FREE,		/* on the queue's free list */
	RDMA_REQ_NVMF,		/* nvmf or a bdev has it */
	RDMA_REQ_BUFFER,	/* data is to come or be made: needs buffers */
	RDMA_REQ_READ,		/* RDMA READs wait for credits or are posted */
	RDMA_REQ_BOUNCE,	/* data is to leave: needs buffers to be copied */
	RDMA_REQ_SEND,		/* response waits for places in the send queue */
	RDMA_REQ_SENT,		/* response is posted */
	RDMA_REQ_STATES
};

enum rdma_req_event {
	RDMA_EV_CAPSULE,	/* a command arrived */
	RDMA_EV_GET_DATA,	/* nvmf asks for data or buffers */
	RDMA_EV_READ,		/* buffers are there, data must be fetched */
	RDMA_EV_EXECUTE,	/* nothing (more) to fetch */
	RDMA_EV_FAIL,		/* no buffers, or the connection is gone */
	RDMA_EV_BOUNCE,		/* finished, but the data cannot leave in place */
	RDMA_EV_RESPOND,	/* finished, data can leave */
	RDMA_EV_POST,		/* response went into the send queue */
	RDMA_EV_DONE,		/* response was sent, or is not wanted any more */
	RDMA_EVENTS
};

/**
 * rdma_req_next() - the request's life as one table
 * Return: the new state, or -EPROTO if @ev cannot happen in @st: a defect of
 * ours, never something that a peer can cause.
 */
int rdma_req_next(enum rdma_req_state st, enum rdma_req_event ev);

/**
 * rdma_req_awaits() - does it go on when something completes that was sent?
 * Its own transfers, or those that keep the buffers or places that it lacks.
 */
static inline bool rdma_req_awaits(enum rdma_req_state st)
{
	const unsigned int awaiting = 1u << RDMA_REQ_BUFFER |
		1u << RDMA_REQ_READ | 1u << RDMA_REQ_BOUNCE | 1u << RDMA_REQ_SEND;

	return awaiting >> st & 1;
}

/** rdma_req_state_name() / rdma_req_event_name() - for messages */
const char *rdma_req_state_name(enum rdma_req_state st);
const char *rdma_req_event_name(enum rdma_req_event ev);

#endif
