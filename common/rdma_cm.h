/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Private data of the RDMA connection manager's messages: encoded by one end,
 * checked by the other (NVMe RDMA Transport Specification 1.0, 3.1).
 */
#ifndef WEFT_COMMON_RDMA_CM_H
#define WEFT_COMMON_RDMA_CM_H

#include "common/fabrics.h"
#include "common/text.h"

/**
 * struct nvme_rdma_cm_params - a connection request in host order
 * @hrqsize: receives that the host posts, 1-based
 * @hsqsize: submission queue size, 1-based (the wire's is 0-based)
 * @cntlid: 0 on admin queues and from hosts that do not send it
 */
struct nvme_rdma_cm_params {
	u16 qid;
	u16 hrqsize;
	u16 hsqsize;
	u16 cntlid;
};

/**
 * nvme_rdma_cm_req_encode() - request private data for queue @p->qid
 * @q: filled in
 */
void nvme_rdma_cm_req_encode(struct nvme_rdma_cm_req *q,
			     const struct nvme_rdma_cm_params *p);

/**
 * nvme_rdma_cm_req_decode() - check a request's private data
 * @data: private data from the wire, may be NULL if @len is 0
 * @len: its length (a connection manager may pad it: longer is fine)
 * @max_qid: highest queue identifier
 * @max_depth: deepest queue the acceptor offers, 1-based
 * @p: filled in on success
 * @why: reason in words; may be NULL
 *
 * Sizes beyond @max_depth are no error: they come back capped to it, and the
 * acceptor says so with its crqsize. A submission queue of one entry (0 on the
 * wire) and receives fewer than the queue's entries are refused.
 *
 * Return: 0, or the enum nvme_rdma_cm_status to reject with.
 */
int nvme_rdma_cm_req_decode(const void *data, size_t len, u16 max_qid,
			    u16 max_depth, struct nvme_rdma_cm_params *p,
			    struct weft_reason *why);

/** nvme_rdma_cm_rep_encode() - accept with @crqsize receives posted */
void nvme_rdma_cm_rep_encode(struct nvme_rdma_cm_rep *r, u16 crqsize);

/**
 * nvme_rdma_cm_rep_decode() - check an accept's private data
 * Return: crqsize (> 0), or -EPROTO / -EMSGSIZE with a reason.
 */
int nvme_rdma_cm_rep_decode(const void *data, size_t len,
			    struct weft_reason *why);

/** nvme_rdma_cm_rej_encode() - reject with @sts, an nvme_rdma_cm_status */
void nvme_rdma_cm_rej_encode(struct nvme_rdma_cm_rej *r, u16 sts);

/**
 * nvme_rdma_cm_rej_decode() - status of a reject
 * Return: the status (>= 0; may be a code point this version does not know),
 * or -EPROTO if @len is too short or the format unknown.
 */
int nvme_rdma_cm_rej_decode(const void *data, size_t len);

/** nvme_rdma_cm_status_name() - a reject status in words, never NULL */
const char *nvme_rdma_cm_status_name(u16 sts);

#endif
