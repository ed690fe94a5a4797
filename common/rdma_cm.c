// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Private data of the RDMA connection manager's request, accept and reject:
 * the first bytes that the two ends exchange, before any queue exists. Called
 * by the host and the target from their connection manager's event handlers.
 *
 * Private data has no alignment and a length that the connection manager may
 * have padded, so it is copied into a local before it is looked at.
 */
#include "common/rdma_cm.h"

void nvme_rdma_cm_req_encode(struct nvme_rdma_cm_req *q,
			     const struct nvme_rdma_cm_params *p)
{
	memset(q, 0, sizeof(*q));
	q->qid = cpu_to_le16(p->qid);
	q->hrqsize = cpu_to_le16(p->hrqsize);
	q->hsqsize = cpu_to_le16(p->hsqsize - 1);
	q->cntlid = cpu_to_le16(p->cntlid);
}

static u16 cap_at(u32 v, u16 max)
{
	return v > max ? max : v;
}

int nvme_rdma_cm_req_decode(const void *data, size_t len, u16 max_qid,
			    u16 max_depth, struct nvme_rdma_cm_params *p,
			    struct weft_reason *why)
{
	struct nvme_rdma_cm_req q;
	u32 hsqsize, hrqsize;
	u16 qid;

	if (len < sizeof(q))
		return weft_fail(why, NVME_RDMA_CM_INVALID_LEN,
				 "private data of %zu bytes: a request has %zu",
				 len, sizeof(q));
	memcpy(&q, data, sizeof(q));
	if (q.recfmt)
		return weft_fail(why, NVME_RDMA_CM_INVALID_RECFMT,
				 "recfmt=%u: only format 0 is known",
				 le16_to_cpu(q.recfmt));
	qid = le16_to_cpu(q.qid);
	if (qid > max_qid)
		return weft_fail(why, NVME_RDMA_CM_INVALID_QID,
				 "qid=%u: accepted range is 0-%u", qid, max_qid);
	if (!q.hsqsize)
		return weft_fail(why, NVME_RDMA_CM_INVALID_HSQSIZE,
				 "hsqsize=0: a submission queue has at least 2 entries (hsqsize 1)");
	/* 65,536 entries do not fit 16 bits, nor can so many receives be told */
	hsqsize = (u32)le16_to_cpu(q.hsqsize) + 1;
	hrqsize = le16_to_cpu(q.hrqsize);
	if (hrqsize < hsqsize)
		return weft_fail(why, NVME_RDMA_CM_INVALID_HRQSIZE,
				 "hrqsize=%u: a queue of %u entries needs as many receives",
				 hrqsize, hsqsize);
	p->qid = qid;
	p->hrqsize = cap_at(hrqsize, max_depth);
	p->hsqsize = cap_at(hsqsize, max_depth);
	p->cntlid = le16_to_cpu(q.cntlid);
	return 0;
}

void nvme_rdma_cm_rep_encode(struct nvme_rdma_cm_rep *r, u16 crqsize)
{
	memset(r, 0, sizeof(*r));
	r->crqsize = cpu_to_le16(crqsize);
}

int nvme_rdma_cm_rep_decode(const void *data, size_t len,
			    struct weft_reason *why)
{
	struct nvme_rdma_cm_rep r;

	if (len < sizeof(r))
		return weft_fail(why, -EMSGSIZE,
				 "private data of %zu bytes: an accept has %zu",
				 len, sizeof(r));
	memcpy(&r, data, sizeof(r));
	if (r.recfmt)
		return weft_fail(why, -EPROTO,
				 "recfmt=%u: only format 0 is known",
				 le16_to_cpu(r.recfmt));
	if (!r.crqsize)
		return weft_fail(why, -EPROTO,
				 "crqsize=0: the controller must offer at least one receive");
	return le16_to_cpu(r.crqsize);
}

void nvme_rdma_cm_rej_encode(struct nvme_rdma_cm_rej *r, u16 sts)
{
	memset(r, 0, sizeof(*r));
	r->sts = cpu_to_le16(sts);
}

int nvme_rdma_cm_rej_decode(const void *data, size_t len)
{
	struct nvme_rdma_cm_rej r;

	if (len < sizeof(r))
		return -EPROTO;
	memcpy(&r, data, sizeof(r));
	return r.recfmt ? -EPROTO : le16_to_cpu(r.sts);
}

const char *nvme_rdma_cm_status_name(u16 sts)
{
	static const char * const names[] = {
		[0] = "no reason given",
		[NVME_RDMA_CM_INVALID_LEN] = "invalid private data length",
		[NVME_RDMA_CM_INVALID_RECFMT] = "invalid record format",
		[NVME_RDMA_CM_INVALID_QID] = "invalid queue identifier",
		[NVME_RDMA_CM_INVALID_HSQSIZE] =
			"invalid host submission queue size",
		[NVME_RDMA_CM_INVALID_HRQSIZE] =
			"invalid host receive queue size",
		[NVME_RDMA_CM_NO_RESOURCES] = "no resources",
		[NVME_RDMA_CM_INVALID_IRD] =
			"invalid inbound read queue depth",
		[NVME_RDMA_CM_INVALID_ORD] =
			"invalid outbound read queue depth",
		[NVME_RDMA_CM_INVALID_CNTLID] = "invalid controller identifier",
	};

	return sts < ARRAY_SIZE(names) ? names[sts] : "unknown status";
}
