/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * NVMe/RDMA of the initiator: a queue pair and a completion queue per queue.
 * rdma.c connects, rdma_io.c moves commands. All on the queue's thread.
 *
 * Memory that the caller announced (ini_queue_add_memory()) is registered once;
 * other data is registered, or if it is in several pieces copied, for the time
 * of its command.
 */
#ifndef WEFT_TOOLS_INITIATOR_RDMA_H
#define WEFT_TOOLS_INITIATOR_RDMA_H

#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>

#include "tools/initiator/internal.h"

#define RDMA_RESPONSE_STRIDE	64

/**
 * struct rdma_req - a slot
 * @wr: @sge: its SEND; @sending: that has not completed
 * @mr: registration for this command only; @bounce: copy of data in pieces
 */
struct rdma_req {
	struct ini_req r;
	TAILQ_ENTRY(rdma_req) link;
	struct ibv_send_wr wr;
	struct ibv_sge sge;
	struct ibv_mr *mr;
	u8 *bounce;
	bool sending;
	bool answered;
	nvme_status status;
	u64 result;
};
TAILQ_HEAD(rdma_reqs, rdma_req);

/**
 * struct rdma_queue - the transport's part of a queue
 * @ready: ESTABLISHED has come
 * @ask_at: the connection manager is asked again by a poll from then on, ns
 * @armed: the completion channel will tell of the next completion
 * @capsule: bytes of one slot in @capsules
 * @responses: one per receive, of which there are as many as the queue has
 *             entries: HRQSIZE says so
 */
struct rdma_queue {
	struct ini_queue *q;
	struct rdma_event_channel *cm;
	struct rdma_cm_id *id;
	struct ibv_pd *pd;
	struct ibv_comp_channel *channel;
	struct ibv_cq *cq;
	bool ready;
	bool armed;
	u64 ask_at;
	u32 capsule;
	u8 *capsules;
	struct ibv_mr *capsules_mr;
	u8 *responses;
	struct ibv_mr *responses_mr;
	struct rdma_reqs todo;
};

/* rdma_io.c */
int rdma_post_receives(struct rdma_queue *t);
void rdma_submit(struct ini_queue *q, struct ini_req *r);
void rdma_flush(struct ini_queue *q);
void rdma_complete_all(struct rdma_queue *t);
/** rdma_unmap() - take back what was registered for this command */
void rdma_unmap(struct rdma_req *rr);
int rdma_register(struct rdma_queue *t, struct ini_memory *m,
		  struct weft_reason *why);

#endif
