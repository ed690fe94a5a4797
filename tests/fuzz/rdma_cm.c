// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Any private data as request, accept and reject of the RDMA connection
 * manager: no read beyond it, and results within what the headers promise.
 */
#include "common/rdma_cm.h"
#include "tests/fuzz/fuzz.h"

#define MAX_QID		64
#define MAX_DEPTH	256

static void request(const uint8_t *data, size_t size)
{
	struct nvme_rdma_cm_params p;
	struct weft_reason why = { "" };
	int ret;

	ret = nvme_rdma_cm_req_decode(data, size, MAX_QID, MAX_DEPTH, &p, &why);
	must(ret >= 0 && ret <= NVME_RDMA_CM_INVALID_CNTLID);
	must(!ret == !why.text[0]);
	if (ret)
		return;
	must(p.qid <= MAX_QID && p.hsqsize >= 2 && p.hsqsize <= MAX_DEPTH);
	must(p.hrqsize >= p.hsqsize && p.hrqsize <= MAX_DEPTH);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weft_reason why = { "" };
	int ret;

	request(data, size);
	ret = nvme_rdma_cm_rep_decode(data, size, &why);
	must(ret ? ret <= 0xffff : 0);
	must((ret < 0) == !!why.text[0]);
	ret = nvme_rdma_cm_rej_decode(data, size);
	must(ret == -EPROTO || (ret >= 0 && ret <= 0xffff));
	if (ret >= 0)
		must(nvme_rdma_cm_status_name(ret) != NULL);
	return 0;
}

size_t fuzz_seed(unsigned int index, uint8_t *buf, size_t size)
{
	static const struct nvme_rdma_cm_params p = {
		.qid = 1, .hrqsize = 128, .hsqsize = 128, .cntlid = 3,
	};
	struct nvme_rdma_cm_req q;
	struct nvme_rdma_cm_rej r;

	must(size >= sizeof(q));
	switch (index) {
	case 0:
		nvme_rdma_cm_req_encode(&q, &p);
		memcpy(buf, &q, sizeof(q));
		return sizeof(q);
	case 1:
		nvme_rdma_cm_rej_encode(&r, NVME_RDMA_CM_NO_RESOURCES);
		memcpy(buf, &r, sizeof(r));
		return sizeof(r);
	default:
		return 0;
	}
}
