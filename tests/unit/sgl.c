// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * common/sgl.h: the bytes of every descriptor, every refusal of the validator
 * with its status, and the in-capsule decision at each of its limits.
 */
#include "common/sgl.h"
#include "tests/unit/random.h"
#include "tests/unit/unit.h"

#define DNR NVME_STATUS_DNR

static const struct nvme_sgl_rules rdma_rules = {
	.keyed = true, .capsule_data = 4096, .max_len = 1u << 20,
};
static const struct nvme_sgl_rules tcp_rules = {
	.transport = true, .capsule_data = 8192, .max_len = 1u << 20,
};

static struct nvme_sqe command(void)
{
	struct nvme_sqe sqe;

	memset(&sqe, 0, sizeof(sqe));
	sqe.flags = NVME_SQE_PSDT_SGL;
	return sqe;
}

static void check_bytes(const struct nvme_sgl_desc *d, const char *want)
{
	char got[33];
	size_t i;

	for (i = 0; i < sizeof(*d); i++)
		snprintf(got + 2 * i, 3, "%02x", ((const u8 *)d)[i]);
	UNIT_STR(got, want);
}

static void test_build_bytes(void)
{
	struct nvme_sgl_desc d;

	memset(&d, 0xaa, sizeof(d));
	nvme_sgl_none(&d, true);
	check_bytes(&d, "00000000000000000000000000000040");
	memset(&d, 0xaa, sizeof(d));
	nvme_sgl_none(&d, false);
	check_bytes(&d, "00000000000000000000000000000000");
	memset(&d, 0xaa, sizeof(d));
	nvme_sgl_incapsule(&d, 0x40, 0x11223344);
	check_bytes(&d, "40000000000000004433221100000001");
	memset(&d, 0xaa, sizeof(d));
	nvme_sgl_keyed(&d, 0x1122334455667788ull, 0xabcdef, 0xdeadbeef, false);
	check_bytes(&d, "8877665544332211efcdabefbeadde40");
	nvme_sgl_keyed(&d, 1, NVME_SGL_KEYED_MAX, 2, true);
	check_bytes(&d, "0100000000000000ffffff020000004f");
	memset(&d, 0xaa, sizeof(d));
	nvme_sgl_transport(&d, 0x1000);
	check_bytes(&d, "0000000000000000001000000000005a");
}

static void test_psdt(void)
{
	struct nvme_sqe sqe = command();
	struct nvme_sgl s;

	nvme_sgl_none(&sqe.sgl, true);
	UNIT_EQ(nvme_sgl_parse(&sqe, NVME_XFER_NONE, &rdma_rules, &s), 0);
	/* fused bits are none of this function's business */
	sqe.flags = NVME_SQE_PSDT_SGL | 1;
	UNIT_EQ(nvme_sgl_parse(&sqe, NVME_XFER_NONE, &rdma_rules, &s), 0);
	sqe.flags = 0;
	UNIT_EQ(nvme_sgl_parse(&sqe, NVME_XFER_NONE, &rdma_rules, &s),
		NVME_SC_INVALID_FIELD | DNR);
	sqe.flags = 0x80;
	UNIT_EQ(nvme_sgl_parse(&sqe, NVME_XFER_NONE, &rdma_rules, &s),
		NVME_SC_INVALID_FIELD | DNR);
	sqe.flags = 0xc0;
	UNIT_EQ(nvme_sgl_parse(&sqe, NVME_XFER_HOST_TO_CTRL, &rdma_rules, &s),
		NVME_SC_INVALID_FIELD | DNR);
}

static void test_no_data(void)
{
	struct nvme_sqe sqe = command();
	struct nvme_sgl s;

	/* reserved bytes of a command without data are not judged */
	memset(&sqe.sgl, 0xff, sizeof(sqe.sgl));
	UNIT_EQ(nvme_sgl_parse(&sqe, NVME_XFER_NONE, &rdma_rules, &s), 0);
	UNIT_EQ(s.place, NVME_SGL_PLACE_NONE);
	UNIT_EQ(s.len, 0);
	/* length 0 of each kind that the queue knows */
	nvme_sgl_none(&sqe.sgl, true);
	UNIT_EQ(nvme_sgl_parse(&sqe, NVME_XFER_CTRL_TO_HOST, &rdma_rules, &s), 0);
	UNIT_EQ(s.place, NVME_SGL_PLACE_NONE);
	nvme_sgl_none(&sqe.sgl, false);
	UNIT_EQ(nvme_sgl_parse(&sqe, NVME_XFER_CTRL_TO_HOST, &rdma_rules, &s), 0);
	UNIT_EQ(nvme_sgl_parse(&sqe, NVME_XFER_HOST_TO_CTRL, &tcp_rules, &s), 0);
	UNIT_EQ(s.place, NVME_SGL_PLACE_NONE);
	nvme_sgl_transport(&sqe.sgl, 0);
	UNIT_EQ(nvme_sgl_parse(&sqe, NVME_XFER_CTRL_TO_HOST, &tcp_rules, &s), 0);
	UNIT_EQ(s.place, NVME_SGL_PLACE_NONE);
	nvme_sgl_incapsule(&sqe.sgl, 1ull << 40, 0);
	UNIT_EQ(nvme_sgl_parse(&sqe, NVME_XFER_HOST_TO_CTRL, &rdma_rules, &s), 0);
	UNIT_EQ(s.place, NVME_SGL_PLACE_NONE);
	/* a key without data is not asked to be invalidated */
	nvme_sgl_keyed(&sqe.sgl, 5, 0, 7, true);
	UNIT_EQ(nvme_sgl_parse(&sqe, NVME_XFER_HOST_TO_CTRL, &rdma_rules, &s), 0);
	CU_ASSERT_FALSE(s.invalidate);
	UNIT_EQ(s.key, 0);
	UNIT_EQ(s.addr, 0);
}

static void test_keyed(void)
{
	struct nvme_sqe sqe = command();
	struct nvme_sgl s;
	int inv;

	for (inv = 0; inv < 2; inv++) {
		nvme_sgl_keyed(&sqe.sgl, 0xfedcba9876543210ull, 0x12345,
			       0x89abcdef, inv);
		UNIT_EQ(nvme_sgl_parse(&sqe, NVME_XFER_CTRL_TO_HOST,
				       &rdma_rules, &s), 0);
		UNIT_EQ(s.place, NVME_SGL_PLACE_REMOTE);
		UNIT_EQ(s.addr, 0xfedcba9876543210ull);
		UNIT_EQ(s.len, 0x12345);
		UNIT_EQ(s.key, 0x89abcdef);
		UNIT_EQ(s.invalidate, inv);
		UNIT_EQ(nvme_sgl_parse(&sqe, NVME_XFER_CTRL_TO_HOST,
				       &tcp_rules, &s),
			NVME_SC_SGL_INVALID_TYPE | DNR);
	}
}

static void test_max_len(void)
{
	struct nvme_sgl_rules rules = rdma_rules;
	struct nvme_sqe sqe = command();
	struct nvme_sgl s;

	rules.transport = true;
	rules.max_len = 8192;
	nvme_sgl_keyed(&sqe.sgl, 0, 8192, 1, false);
	UNIT_EQ(nvme_sgl_parse(&sqe, NVME_XFER_CTRL_TO_HOST, &rules, &s), 0);
	nvme_sgl_keyed(&sqe.sgl, 0, 8193, 1, false);
	UNIT_EQ(nvme_sgl_parse(&sqe, NVME_XFER_CTRL_TO_HOST, &rules, &s),
		NVME_SC_SGL_INVALID_DATA_LEN | DNR);
	nvme_sgl_transport(&sqe.sgl, 8192);
	UNIT_EQ(nvme_sgl_parse(&sqe, NVME_XFER_HOST_TO_CTRL, &rules, &s), 0);
	UNIT_EQ(s.place, NVME_SGL_PLACE_TRANSPORT);
	UNIT_EQ(s.len, 8192);
	nvme_sgl_transport(&sqe.sgl, 0xffffffff);
	UNIT_EQ(nvme_sgl_parse(&sqe, NVME_XFER_HOST_TO_CTRL, &rules, &s),
		NVME_SC_SGL_INVALID_DATA_LEN | DNR);
	/* in-capsule data obeys the longest transfer too */
	rules.max_len = 512;
	nvme_sgl_incapsule(&sqe.sgl, 0, 513);
	UNIT_EQ(nvme_sgl_parse(&sqe, NVME_XFER_HOST_TO_CTRL, &rules, &s),
		NVME_SC_SGL_INVALID_DATA_LEN | DNR);
}

static nvme_status parse_capsule(u64 offset, u32 len, u32 icdoff, u32 data,
				 struct nvme_sgl *s)
{
	struct nvme_sgl_rules rules = rdma_rules;
	struct nvme_sqe sqe = command();

	rules.capsule_data = data;
	rules.icdoff = icdoff;
	rules.max_len = 0xffffffff;
	nvme_sgl_incapsule(&sqe.sgl, offset, len);
	return nvme_sgl_parse(&sqe, NVME_XFER_HOST_TO_CTRL, &rules, s);
}

static void test_capsule_edges(void)
{
	struct nvme_sgl s;

	UNIT_EQ(parse_capsule(0, 4096, 0, 4096, &s), 0);
	UNIT_EQ(s.place, NVME_SGL_PLACE_CAPSULE);
	UNIT_EQ(s.offset, 0);
	UNIT_EQ(s.len, 4096);
	UNIT_EQ(s.addr, 0);
	UNIT_EQ(parse_capsule(0, 4097, 0, 4096, &s),
		NVME_SC_SGL_INVALID_DATA_LEN | DNR);
	UNIT_EQ(parse_capsule(4095, 1, 0, 4096, &s), 0);
	UNIT_EQ(s.offset, 4095);
	UNIT_EQ(parse_capsule(4095, 2, 0, 4096, &s),
		NVME_SC_SGL_INVALID_DATA_LEN | DNR);
	UNIT_EQ(parse_capsule(4096, 1, 0, 4096, &s),
		NVME_SC_SGL_INVALID_DATA_LEN | DNR);
	UNIT_EQ(parse_capsule(4097, 1, 0, 4096, &s),
		NVME_SC_SGL_INVALID_OFFSET | DNR);
	/* sums that would wrap in 32 or 64 bits */
	UNIT_EQ(parse_capsule(~0ull, 1, 0, 4096, &s),
		NVME_SC_SGL_INVALID_OFFSET | DNR);
	UNIT_EQ(parse_capsule(1ull << 32, 1, 0, 4096, &s),
		NVME_SC_SGL_INVALID_OFFSET | DNR);
	UNIT_EQ(parse_capsule(1, 0xffffffff, 0, 4096, &s),
		NVME_SC_SGL_INVALID_DATA_LEN | DNR);
	/* ICDOFF: nothing before it is data */
	UNIT_EQ(parse_capsule(64, 100, 64, 164, &s), 0);
	UNIT_EQ(s.offset, 64);
	UNIT_EQ(parse_capsule(63, 100, 64, 164, &s),
		NVME_SC_SGL_INVALID_OFFSET | DNR);
	UNIT_EQ(parse_capsule(64, 101, 64, 164, &s),
		NVME_SC_SGL_INVALID_DATA_LEN | DNR);
	UNIT_EQ(parse_capsule(64, 1, 64, 0, &s),
		NVME_SC_SGL_INVALID_OFFSET | DNR);
	UNIT_EQ(parse_capsule(0, 1, 0, 0, &s),
		NVME_SC_SGL_INVALID_DATA_LEN | DNR);
}

static void test_capsule_direction(void)
{
	struct nvme_sqe sqe = command();
	struct nvme_sgl s;

	nvme_sgl_incapsule(&sqe.sgl, 0, 512);
	UNIT_EQ(nvme_sgl_parse(&sqe, NVME_XFER_CTRL_TO_HOST, &rdma_rules, &s),
		NVME_SC_SGL_INVALID_TYPE | DNR);
	UNIT_EQ(nvme_sgl_parse(&sqe, NVME_XFER_BIDIRECTIONAL, &rdma_rules, &s),
		NVME_SC_SGL_INVALID_TYPE | DNR);
}

/* All 256 identifiers: only the four that fabrics know carry data. */
static void test_every_id(void)
{
	struct nvme_sgl_rules rules = rdma_rules;
	struct nvme_sqe sqe = command();
	unsigned int id, good = 0;
	struct nvme_sgl s;

	rules.transport = true;
	for (id = 0; id < 256; id++) {
		nvme_status st;

		nvme_sgl_incapsule(&sqe.sgl, 0, 16);
		sqe.sgl.id = id;
		st = nvme_sgl_parse(&sqe, NVME_XFER_HOST_TO_CTRL, &rules, &s);
		if (id == 0x01 || id == 0x40 || id == 0x4f || id == 0x5a) {
			UNIT_EQ(st, 0);
			good++;
		} else {
			UNIT_EQ(st, NVME_SC_SGL_INVALID_TYPE | DNR);
		}
	}
	UNIT_EQ(good, 4);
}

static void test_capsule_room(void)
{
	struct nvme_capsule_limits l = {
		.ioccsz = (64 + 4096) / 16, .sgls = NVME_SGLS_OFFSET,
		.max_segments = 4,
	};

	UNIT_EQ(nvme_capsule_room(&l), 4096);
	l.icdoff = 2;
	UNIT_EQ(nvme_capsule_room(&l), 4064);
	l.icdoff = 256;
	UNIT_EQ(nvme_capsule_room(&l), 0);
	l.icdoff = 0xffff;
	UNIT_EQ(nvme_capsule_room(&l), 0);
	l.icdoff = 0;
	l.ioccsz = 4;
	UNIT_EQ(nvme_capsule_room(&l), 0);
	l.ioccsz = 5;
	UNIT_EQ(nvme_capsule_room(&l), 16);
	l.ioccsz = 0;
	UNIT_EQ(nvme_capsule_room(&l), 0);
	l.ioccsz = 0xffffffff;
	UNIT_EQ(nvme_capsule_room(&l), 0xffffffff);
	l.admin = true;
	UNIT_EQ(nvme_capsule_room(&l), 0);
	l.admin = false;
	l.sgls = ~NVME_SGLS_OFFSET;
	UNIT_EQ(nvme_capsule_room(&l), 0);
}

static void test_use_incapsule(void)
{
	struct nvme_capsule_limits l = {
		.ioccsz = (64 + 4096) / 16, .sgls = NVME_SGLS_OFFSET,
		.max_segments = 4,
	};

	CU_ASSERT_TRUE(nvme_use_incapsule(&l, NVME_XFER_HOST_TO_CTRL, 1, 4096));
	CU_ASSERT_TRUE(nvme_use_incapsule(&l, NVME_XFER_HOST_TO_CTRL, 4, 1));
	CU_ASSERT_FALSE(nvme_use_incapsule(&l, NVME_XFER_HOST_TO_CTRL, 1, 4097));
	CU_ASSERT_FALSE(nvme_use_incapsule(&l, NVME_XFER_HOST_TO_CTRL, 5, 1));
	CU_ASSERT_FALSE(nvme_use_incapsule(&l, NVME_XFER_HOST_TO_CTRL, 0, 1));
	CU_ASSERT_FALSE(nvme_use_incapsule(&l, NVME_XFER_HOST_TO_CTRL, 1, 0));
	CU_ASSERT_FALSE(nvme_use_incapsule(&l, NVME_XFER_CTRL_TO_HOST, 1, 512));
	CU_ASSERT_FALSE(nvme_use_incapsule(&l, NVME_XFER_NONE, 1, 512));
	CU_ASSERT_FALSE(nvme_use_incapsule(&l, NVME_XFER_BIDIRECTIONAL, 1, 512));
	l.max_segments = 31;
	CU_ASSERT_TRUE(nvme_use_incapsule(&l, NVME_XFER_HOST_TO_CTRL, 31, 512));
	CU_ASSERT_FALSE(nvme_use_incapsule(&l, NVME_XFER_HOST_TO_CTRL, 32, 512));
	l.admin = true;
	CU_ASSERT_FALSE(nvme_use_incapsule(&l, NVME_XFER_HOST_TO_CTRL, 1, 512));
}

/* Whatever is accepted lies within what came and within the limits. */
static void test_random(void)
{
	struct test_random r = { 0x5617 };
	static const u8 ids[] = { 0x00, 0x01, 0x40, 0x4f, 0x5a, 0x30 };
	unsigned int i, accepted = 0;

	for (i = 0; i < 20000; i++) {
		struct nvme_sgl_rules rules = {
			.keyed = random_u64(&r) & 1,
			.transport = random_u64(&r) & 1,
			.capsule_data = random_u64(&r) & 0x3fff,
			.icdoff = random_u64(&r) & 0x1f0,
			.max_len = random_u64(&r) & 0xffffff,
		};
		enum nvme_xfer_dir dir = random_u64(&r) & 3;
		struct nvme_sqe sqe;
		struct nvme_sgl s;

		random_fill(&r, &sqe, sizeof(sqe));
		sqe.flags = NVME_SQE_PSDT_SGL;
		sqe.sgl.id = ids[random_u64(&r) % sizeof(ids)];
		if (random_u64(&r) & 1) {
			sqe.sgl.addr &= cpu_to_le64(0x1fff);
			sqe.sgl.len &= cpu_to_le32(0x1fff);
		}
		if (nvme_sgl_parse(&sqe, dir, &rules, &s))
			continue;
		accepted++;
		if (s.len > rules.max_len ||
		    (s.place == NVME_SGL_PLACE_CAPSULE &&
		     (dir != NVME_XFER_HOST_TO_CTRL ||
		      (u64)s.offset + s.len > rules.capsule_data)) ||
		    (s.place == NVME_SGL_PLACE_REMOTE && !rules.keyed) ||
		    (s.place == NVME_SGL_PLACE_NONE) != !s.len)
			CU_FAIL("accepted beyond the rules");
	}
	CU_ASSERT_TRUE(accepted > 1000 && accepted < 19000);
}

UNIT_MAIN(UNIT(test_build_bytes), UNIT(test_psdt), UNIT(test_no_data),
	  UNIT(test_keyed), UNIT(test_max_len), UNIT(test_capsule_edges),
	  UNIT(test_capsule_direction), UNIT(test_every_id),
	  UNIT(test_capsule_room), UNIT(test_use_incapsule), UNIT(test_random))
