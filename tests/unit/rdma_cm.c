// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * common/rdma_cm.h: bytes on the wire, every reject status that the decoder
 * can give, each length, each limit.
 */
#include "common/rdma_cm.h"
#include "tests/unit/random.h"
#include "tests/unit/unit.h"

static struct nvme_rdma_cm_req good_req(void)
{
	static const struct nvme_rdma_cm_params p = {
		.qid = 3, .hrqsize = 128, .hsqsize = 128, .cntlid = 0x1234,
	};
	struct nvme_rdma_cm_req q;

	nvme_rdma_cm_req_encode(&q, &p);
	return q;
}

static int decode(const struct nvme_rdma_cm_req *q,
		  struct nvme_rdma_cm_params *p, struct weft_reason *why)
{
	return nvme_rdma_cm_req_decode(q, sizeof(*q), 4, 256, p, why);
}

static void test_req_bytes(void)
{
	static const u8 want[32] = {
		0, 0, 3, 0, 128, 0, 127, 0, 0x34, 0x12,
	};
	struct nvme_rdma_cm_req q = good_req();

	CU_ASSERT_EQUAL(memcmp(&q, want, sizeof(want)), 0);
}

static void test_req_round_trip(void)
{
	struct nvme_rdma_cm_req q = good_req();
	struct nvme_rdma_cm_params p;
	struct weft_reason why;
	u8 padded[196] = { 0 };

	UNIT_EQ(decode(&q, &p, &why), 0);
	UNIT_EQ(p.qid, 3);
	UNIT_EQ(p.hrqsize, 128);
	UNIT_EQ(p.hsqsize, 128);
	UNIT_EQ(p.cntlid, 0x1234);
	/* a connection manager hands out its whole field, at any alignment */
	memcpy(padded + 1, &q, sizeof(q));
	UNIT_EQ(nvme_rdma_cm_req_decode(padded + 1, 195, 4, 256, &p, NULL), 0);
	UNIT_EQ(p.qid, 3);
}

static void test_req_lengths(void)
{
	struct nvme_rdma_cm_req q = good_req();
	struct nvme_rdma_cm_params p;
	struct weft_reason why;
	size_t len;

	UNIT_EQ(nvme_rdma_cm_req_decode(NULL, 0, 4, 256, &p, &why),
		NVME_RDMA_CM_INVALID_LEN);
	UNIT_STR(why.text, "private data of 0 bytes: a request has 32");
	for (len = 0; len <= sizeof(q); len++) {
		void *cut = exact_copy(&q, len);

		UNIT_EQ(nvme_rdma_cm_req_decode(cut, len, 4, 256, &p, &why),
			len < sizeof(q) ? NVME_RDMA_CM_INVALID_LEN : 0);
		free(cut);
	}
}

static void test_req_refusals(void)
{
	struct nvme_rdma_cm_req q = good_req();
	struct nvme_rdma_cm_params p;
	struct weft_reason why;

	q.recfmt = cpu_to_le16(1);
	UNIT_EQ(decode(&q, &p, &why), NVME_RDMA_CM_INVALID_RECFMT);
	UNIT_STR(why.text, "recfmt=1: only format 0 is known");
	q = good_req();
	q.qid = cpu_to_le16(4);
	UNIT_EQ(decode(&q, &p, &why), 0);
	q.qid = cpu_to_le16(5);
	UNIT_EQ(decode(&q, &p, &why), NVME_RDMA_CM_INVALID_QID);
	UNIT_STR(why.text, "qid=5: accepted range is 0-4");
	q = good_req();
	q.hsqsize = 0;
	UNIT_EQ(decode(&q, &p, &why), NVME_RDMA_CM_INVALID_HSQSIZE);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "hsqsize=0"));
	q.hsqsize = cpu_to_le16(1);
	q.hrqsize = cpu_to_le16(2);
	UNIT_EQ(decode(&q, &p, &why), 0);
	UNIT_EQ(p.hsqsize, 2);
	q.hrqsize = cpu_to_le16(1);
	UNIT_EQ(decode(&q, &p, &why), NVME_RDMA_CM_INVALID_HRQSIZE);
	UNIT_STR(why.text, "hrqsize=1: a queue of 2 entries needs as many receives");
	q.hrqsize = 0;
	UNIT_EQ(decode(&q, &p, NULL), NVME_RDMA_CM_INVALID_HRQSIZE);
	/* 65,536 entries cannot be matched by a 16-bit count of receives */
	q.hsqsize = cpu_to_le16(0xffff);
	q.hrqsize = cpu_to_le16(0xffff);
	UNIT_EQ(decode(&q, &p, &why), NVME_RDMA_CM_INVALID_HRQSIZE);
}

static void test_req_capped(void)
{
	struct nvme_rdma_cm_req q = good_req();
	struct nvme_rdma_cm_params p;

	q.hsqsize = cpu_to_le16(256);
	q.hrqsize = cpu_to_le16(257);
	UNIT_EQ(decode(&q, &p, NULL), 0);
	UNIT_EQ(p.hsqsize, 256);
	UNIT_EQ(p.hrqsize, 256);
	q.hsqsize = cpu_to_le16(0xfffe);
	q.hrqsize = cpu_to_le16(0xffff);
	UNIT_EQ(nvme_rdma_cm_req_decode(&q, sizeof(q), 4, 0xffff, &p, NULL), 0);
	UNIT_EQ(p.hsqsize, 0xffff);
	UNIT_EQ(p.hrqsize, 0xffff);
}

static void test_rep(void)
{
	static const u8 want[32] = { 0, 0, 0x80, 0x01 };
	struct nvme_rdma_cm_rep r;
	struct weft_reason why;
	size_t len;

	memset(&r, 0xaa, sizeof(r));
	nvme_rdma_cm_rep_encode(&r, 0x180);
	CU_ASSERT_EQUAL(memcmp(&r, want, sizeof(want)), 0);
	for (len = 0; len <= sizeof(r); len++) {
		void *cut = exact_copy(&r, len);

		UNIT_EQ(nvme_rdma_cm_rep_decode(cut, len, &why),
			len < sizeof(r) ? -EMSGSIZE : 0x180);
		free(cut);
	}
	nvme_rdma_cm_rep_encode(&r, 0xffff);
	UNIT_EQ(nvme_rdma_cm_rep_decode(&r, sizeof(r), &why), 0xffff);
	nvme_rdma_cm_rep_encode(&r, 0);
	UNIT_EQ(nvme_rdma_cm_rep_decode(&r, sizeof(r), &why), -EPROTO);
	UNIT_STR(why.text,
		 "crqsize=0: the controller must offer at least one receive");
	nvme_rdma_cm_rep_encode(&r, 1);
	r.recfmt = cpu_to_le16(0x100);
	UNIT_EQ(nvme_rdma_cm_rep_decode(&r, sizeof(r), &why), -EPROTO);
	UNIT_STR(why.text, "recfmt=256: only format 0 is known");
	UNIT_EQ(nvme_rdma_cm_rep_decode(NULL, 0, &why), -EMSGSIZE);
	UNIT_STR(why.text, "private data of 0 bytes: an accept has 32");
}

static void test_rej(void)
{
	struct nvme_rdma_cm_rej r;
	unsigned int sts;
	size_t len;

	for (sts = 0; sts <= 0xffff; sts += sts < 300 ? 1 : 257) {
		nvme_rdma_cm_rej_encode(&r, sts);
		if (nvme_rdma_cm_rej_decode(&r, sizeof(r)) != (int)sts)
			CU_FAIL("status changed on the way");
	}
	nvme_rdma_cm_rej_encode(&r, NVME_RDMA_CM_NO_RESOURCES);
	for (len = 0; len <= sizeof(r); len++) {
		void *cut = exact_copy(&r, len);

		UNIT_EQ(nvme_rdma_cm_rej_decode(cut, len),
			len < sizeof(r) ? -EPROTO : NVME_RDMA_CM_NO_RESOURCES);
		free(cut);
	}
	r.recfmt = cpu_to_le16(1);
	UNIT_EQ(nvme_rdma_cm_rej_decode(&r, sizeof(r)), -EPROTO);
	UNIT_EQ(nvme_rdma_cm_rej_decode(NULL, 0), -EPROTO);
}

static void test_status_names(void)
{
	unsigned int i, j;

	UNIT_STR(nvme_rdma_cm_status_name(NVME_RDMA_CM_INVALID_LEN),
		 "invalid private data length");
	UNIT_STR(nvme_rdma_cm_status_name(NVME_RDMA_CM_NO_RESOURCES),
		 "no resources");
	UNIT_STR(nvme_rdma_cm_status_name(NVME_RDMA_CM_INVALID_CNTLID),
		 "invalid controller identifier");
	for (i = 0; i <= 9; i++)
		for (j = 0; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(nvme_rdma_cm_status_name(i),
						   nvme_rdma_cm_status_name(j));
	UNIT_STR(nvme_rdma_cm_status_name(10), "unknown status");
	UNIT_STR(nvme_rdma_cm_status_name(0xffff), "unknown status");
}

static void test_random(void)
{
	struct test_random r = { 0xc0 };
	struct nvme_rdma_cm_params p;
	struct nvme_rdma_cm_req q;
	unsigned int i, accepted = 0;
	int ret;

	for (i = 0; i < 20000; i++) {
		random_fill(&r, &q, sizeof(q));
		if (i & 1)
			q.recfmt = 0;
		if (i & 2)
			q.qid = cpu_to_le16(random_u64(&r) % 6);
		ret = decode(&q, &p, NULL);
		if (ret < 0 || ret > NVME_RDMA_CM_INVALID_CNTLID)
			CU_FAIL("not a reject status");
		if (ret)
			continue;
		accepted++;
		if (p.qid > 4 || p.hsqsize < 2 || p.hsqsize > 256 ||
		    p.hrqsize < p.hsqsize)
			CU_FAIL("accepted beyond the limits");
	}
	CU_ASSERT_TRUE(accepted > 100);
}

UNIT_MAIN(UNIT(test_req_bytes), UNIT(test_req_round_trip),
	  UNIT(test_req_lengths), UNIT(test_req_refusals),
	  UNIT(test_req_capped), UNIT(test_rep), UNIT(test_rej),
	  UNIT(test_status_names), UNIT(test_random))
