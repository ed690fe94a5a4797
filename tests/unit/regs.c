// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * common/regs.h: every property with right and wrong size, enabling, reset and
 * shutdown in every order, and the host's choice of CC.
 */
#include "common/regs.h"
#include "tests/unit/random.h"
#include "tests/unit/unit.h"

#define REFUSED	(NVME_SC_INVALID_FIELD | NVME_STATUS_DNR)
#define CC_OK	(NVME_CC_IOSQES(6) | NVME_CC_IOCQES(4))
#define CC_ON	(CC_OK | NVME_CC_EN)

static struct nvme_regs fresh(void)
{
	struct nvme_regs r;

	memset(&r, 0xaa, sizeof(r));
	nvme_regs_init(&r, NVME_VS(2, 0, 0), 128, 30, true);
	return r;
}

static nvme_status set_cc(struct nvme_regs *r, u32 cc, int want_event)
{
	enum nvme_regs_event event = NVME_REGS_SUBSYSTEM_RESET;
	nvme_status st;

	st = nvme_regs_set(r, NVME_REG_CC, NVMF_PROP_SIZE_4, cc, &event);
	UNIT_EQ(event, want_event);
	return st;
}

static struct nvme_regs running(void)
{
	struct nvme_regs r = fresh();

	UNIT_EQ(set_cc(&r, CC_ON, NVME_REGS_ENABLE), 0);
	nvme_regs_enabled(&r);
	CU_ASSERT_TRUE(nvme_regs_ready(&r));
	return r;
}

static u32 csts(const struct nvme_regs *r)
{
	u64 v = ~0ull;

	UNIT_EQ(nvme_regs_get(r, NVME_REG_CSTS, NVMF_PROP_SIZE_4, &v), 0);
	return v;
}

static void test_init(void)
{
	struct nvme_regs r = fresh();
	u64 v;

	UNIT_EQ(nvme_regs_get(&r, NVME_REG_CAP, NVMF_PROP_SIZE_8, &v), 0);
	UNIT_EQ(NVME_CAP_MQES(v), 127);
	UNIT_EQ(NVME_CAP_TO(v), 30);
	CU_ASSERT_TRUE(!!(v & NVME_CAP_CQR));
	CU_ASSERT_TRUE(!!(v & NVME_CAP_NSSRS));
	CU_ASSERT_TRUE(!!(v & NVME_CAP_CSS_NVM));
	CU_ASSERT_FALSE(!!(v & (NVME_CAP_CSS_CSI | NVME_CAP_CSS_NOIO)));
	UNIT_EQ(NVME_CAP_MPSMIN(v), 0);
	UNIT_EQ(NVME_CAP_MPSMAX(v), 0);
	UNIT_EQ(NVME_CAP_CRMS(v), 1);
	UNIT_EQ(nvme_regs_get(&r, NVME_REG_VS, NVMF_PROP_SIZE_4, &v), 0);
	UNIT_EQ(v, 0x20000);
	UNIT_EQ(nvme_regs_get(&r, NVME_REG_CC, NVMF_PROP_SIZE_4, &v), 0);
	UNIT_EQ(v, 0);
	UNIT_EQ(nvme_regs_get(&r, NVME_REG_NSSR, NVMF_PROP_SIZE_4, &v), 0);
	UNIT_EQ(v, 0);
	UNIT_EQ(nvme_regs_get(&r, NVME_REG_CRTO, NVMF_PROP_SIZE_4, &v), 0);
	UNIT_EQ(v, 30);
	UNIT_EQ(csts(&r), 0);
	CU_ASSERT_FALSE(nvme_regs_ready(&r));
	nvme_regs_init(&r, NVME_VS(1, 4, 0), 65536, 255, false);
	UNIT_EQ(NVME_CAP_MQES(r.cap), 65535);
	UNIT_EQ(NVME_CAP_TO(r.cap), 255);
	UNIT_EQ(NVME_CAP_CRMS(r.cap), 0);
	CU_ASSERT_FALSE(!!(r.cap & NVME_CAP_NSSRS));
	UNIT_EQ(nvme_regs_get(&r, NVME_REG_NSSR, NVMF_PROP_SIZE_4, &v), REFUSED);
	UNIT_EQ(nvme_regs_get(&r, NVME_REG_CRTO, NVMF_PROP_SIZE_4, &v), REFUSED);
}

static void test_offsets_and_sizes(void)
{
	static const u32 known[] = {
		NVME_REG_CAP, NVME_REG_VS, NVME_REG_CC, NVME_REG_CSTS,
		NVME_REG_NSSR, NVME_REG_CRTO,
	};
	struct nvme_regs r = fresh(), before = r;
	enum nvme_regs_event event;
	u32 offset;
	u8 size;
	u64 v;

	for (offset = 0; offset < 0x1010; offset++) {
		bool is_known = false;
		size_t i;

		for (i = 0; i < ARRAY_SIZE(known); i++)
			is_known |= known[i] == offset;
		for (size = 0; size < 8; size++) {
			bool get = is_known && size == (offset == NVME_REG_CAP);
			bool set = size == 0 && (offset == NVME_REG_CC ||
						 offset == NVME_REG_CSTS ||
						 offset == NVME_REG_NSSR);

			if (nvme_regs_get(&r, offset, size, &v) !=
			    (get ? 0 : REFUSED))
				CU_FAIL("get of a wrong property or size");
			if (nvme_regs_set(&r, offset, size, 0, &event) !=
			    (set ? 0 : REFUSED) || event != NVME_REGS_NOTHING)
				CU_FAIL("set of a wrong property or size");
		}
	}
	UNIT_EQ(nvme_regs_get(&r, 0xffffffff, 0, &v), REFUSED);
	CU_ASSERT_EQUAL(memcmp(&r, &before, sizeof(r)), 0);
}

static void test_reset_occurred(void)
{
	struct nvme_regs r = fresh();
	enum nvme_regs_event event;

	nvme_regs_reset_occurred(&r);
	UNIT_EQ(r.csts, NVME_CSTS_NSSRO);
	/* only that bit, and only by a one */
	UNIT_EQ(nvme_regs_set(&r, NVME_REG_CSTS, 0, ~NVME_CSTS_NSSRO, &event),
		0);
	UNIT_EQ(r.csts, NVME_CSTS_NSSRO);
	r.csts |= NVME_CSTS_RDY;
	UNIT_EQ(nvme_regs_set(&r, NVME_REG_CSTS, 0, NVME_CSTS_NSSRO, &event),
		0);
	UNIT_EQ(r.csts, NVME_CSTS_RDY);
	nvme_regs_init(&r, NVME_VS(2, 0, 0), 128, 20, false);
	UNIT_EQ(nvme_regs_set(&r, NVME_REG_CSTS, 0, NVME_CSTS_NSSRO, &event),
		REFUSED);
}

static void test_enable(void)
{
	struct nvme_regs r = fresh();
	u64 v;

	/* hosts may write the configuration first and EN afterwards */
	UNIT_EQ(set_cc(&r, CC_OK, NVME_REGS_NOTHING), 0);
	UNIT_EQ(set_cc(&r, CC_ON, NVME_REGS_ENABLE), 0);
	CU_ASSERT_FALSE(nvme_regs_ready(&r));
	UNIT_EQ(csts(&r), 0);
	/* the same again, while it is getting ready */
	UNIT_EQ(set_cc(&r, CC_ON, NVME_REGS_NOTHING), 0);
	nvme_regs_enabled(&r);
	UNIT_EQ(csts(&r), NVME_CSTS_RDY);
	CU_ASSERT_TRUE(nvme_regs_ready(&r));
	UNIT_EQ(nvme_regs_get(&r, NVME_REG_CC, NVMF_PROP_SIZE_4, &v), 0);
	UNIT_EQ(v, CC_ON);
	UNIT_EQ(set_cc(&r, CC_ON, NVME_REGS_NOTHING), 0);
}

static void test_reserved_bits(void)
{
	struct nvme_regs r = fresh();
	enum nvme_regs_event event;

	/* reserved bits read as zero, the upper half is not looked at */
	UNIT_EQ(nvme_regs_set(&r, NVME_REG_CC, NVMF_PROP_SIZE_4,
			      0xffffffffff00000eull | CC_ON, &event), 0);
	UNIT_EQ(event, NVME_REGS_ENABLE);
	UNIT_EQ(r.cc, CC_ON);
}

static void test_enable_refused(void)
{
	static const u32 bad[] = {
		NVME_CC_EN,				/* entry sizes 0 */
		NVME_CC_EN | NVME_CC_IOSQES(5) | NVME_CC_IOCQES(4),
		NVME_CC_EN | NVME_CC_IOSQES(7) | NVME_CC_IOCQES(4),
		NVME_CC_EN | NVME_CC_IOSQES(6) | NVME_CC_IOCQES(3),
		NVME_CC_EN | NVME_CC_IOSQES(6) | NVME_CC_IOCQES(5),
		CC_ON | 1u << 4, CC_ON | 5u << 4,	/* command sets */
		CC_ON | 6u << 4, CC_ON | 7u << 4,
		CC_ON | 1u << 7, CC_ON | 15u << 7,	/* page sizes */
		CC_ON | 1u << 11, CC_ON | 7u << 11,	/* arbitration */
		CC_ON | NVME_CC_SHN_NORMAL,
		CC_ON | NVME_CC_SHN_ABRUPT,
	};
	struct nvme_regs r = fresh(), before = r;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		UNIT_EQ(set_cc(&r, bad[i], NVME_REGS_NOTHING), REFUSED);
		CU_ASSERT_EQUAL(memcmp(&r, &before, sizeof(r)), 0);
	}
}

/* entry sizes of I/O queues, where there are none */
static void test_admin_only(void)
{
	static const u32 sizes[] = {
		0, CC_OK, NVME_CC_IOSQES(6), NVME_CC_IOCQES(4), 0xff0000,
	};
	struct nvme_regs r;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		r = fresh();
		r.admin_only = true;
		/* the rest counts */
		UNIT_EQ(set_cc(&r, sizes[i] | NVME_CC_EN | 1u << 7,
			       NVME_REGS_NOTHING), REFUSED);
		UNIT_EQ(set_cc(&r, sizes[i] | NVME_CC_EN, NVME_REGS_ENABLE), 0);
		nvme_regs_enabled(&r);
		CU_ASSERT_TRUE(nvme_regs_ready(&r));
		UNIT_EQ(set_cc(&r, CC_ON | 1u << 7, NVME_REGS_NOTHING),
			REFUSED);
		UNIT_EQ(set_cc(&r, CC_ON | NVME_CC_SHN_NORMAL,
			       NVME_REGS_SHUTDOWN_NORMAL), 0);
	}
}

static void test_command_sets_and_pages(void)
{
	struct nvme_regs r = fresh();

	r.cap |= NVME_CAP_CSS_CSI | NVME_CAP_CSS_NOIO;
	r.cap &= ~NVME_CAP_CSS_NVM;
	UNIT_EQ(set_cc(&r, CC_ON, NVME_REGS_NOTHING), REFUSED);
	UNIT_EQ(set_cc(&r, CC_ON | 6u << 4, NVME_REGS_ENABLE), 0);
	r.cc = 0;
	UNIT_EQ(set_cc(&r, CC_ON | 7u << 4, NVME_REGS_ENABLE), 0);
	r = fresh();
	r.cap |= 1ull << 48 | 2ull << 52;	/* 8 to 16 KiB */
	UNIT_EQ(set_cc(&r, CC_ON, NVME_REGS_NOTHING), REFUSED);
	UNIT_EQ(set_cc(&r, CC_ON | 3u << 7, NVME_REGS_NOTHING), REFUSED);
	UNIT_EQ(set_cc(&r, CC_ON | 1u << 7, NVME_REGS_ENABLE), 0);
	r.cc = 0;
	UNIT_EQ(set_cc(&r, CC_ON | 2u << 7, NVME_REGS_ENABLE), 0);
}

static void test_change_while_enabled(void)
{
	struct nvme_regs r = running(), before = r;
	unsigned int bit;

	for (bit = 4; bit < 24; bit++) {
		if (bit == 14 || bit == 15)
			continue;
		UNIT_EQ(set_cc(&r, CC_ON ^ 1u << bit, NVME_REGS_NOTHING),
			REFUSED);
		/* nor together with a shutdown */
		UNIT_EQ(set_cc(&r, (CC_ON ^ 1u << bit) | NVME_CC_SHN_NORMAL,
			       NVME_REGS_NOTHING), REFUSED);
		CU_ASSERT_EQUAL(memcmp(&r, &before, sizeof(r)), 0);
	}
	/* switching off may change them */
	UNIT_EQ(set_cc(&r, 0, NVME_REGS_RESET), 0);
	UNIT_EQ(r.cc, 0);
}

static void test_reset(void)
{
	struct nvme_regs r = running();

	nvme_regs_fatal(&r);
	CU_ASSERT_FALSE(nvme_regs_ready(&r));
	UNIT_EQ(csts(&r), NVME_CSTS_RDY | NVME_CSTS_CFS);
	UNIT_EQ(set_cc(&r, CC_OK, NVME_REGS_RESET), 0);
	UNIT_EQ(csts(&r) & NVME_CSTS_RDY, NVME_CSTS_RDY);
	/* not yet done: EN has to wait for RDY to clear */
	UNIT_EQ(set_cc(&r, CC_ON, NVME_REGS_NOTHING), REFUSED);
	UNIT_EQ(set_cc(&r, CC_OK, NVME_REGS_NOTHING), 0);
	nvme_regs_disabled(&r);
	UNIT_EQ(csts(&r), 0);
	UNIT_EQ(set_cc(&r, CC_ON, NVME_REGS_ENABLE), 0);
	nvme_regs_enabled(&r);
	CU_ASSERT_TRUE(nvme_regs_ready(&r));
}

static void test_reset_before_ready(void)
{
	struct nvme_regs r = fresh();

	UNIT_EQ(set_cc(&r, CC_ON, NVME_REGS_ENABLE), 0);
	UNIT_EQ(set_cc(&r, CC_OK, NVME_REGS_RESET), 0);
	nvme_regs_enabled(&r);
	UNIT_EQ(csts(&r), 0);
	nvme_regs_disabled(&r);
	UNIT_EQ(csts(&r), 0);
}

static void test_shutdown(void)
{
	static const struct {
		u32 shn;
		enum nvme_regs_event event;
	} kinds[] = {
		{ NVME_CC_SHN_NORMAL, NVME_REGS_SHUTDOWN_NORMAL },
		{ NVME_CC_SHN_ABRUPT, NVME_REGS_SHUTDOWN_ABRUPT },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct nvme_regs r = running();
		u32 cc = CC_ON | kinds[i].shn;

		UNIT_EQ(set_cc(&r, cc, kinds[i].event), 0);
		UNIT_EQ(csts(&r), NVME_CSTS_RDY | NVME_CSTS_SHST_OCCURRING);
		CU_ASSERT_FALSE(nvme_regs_ready(&r));
		UNIT_EQ(set_cc(&r, cc, NVME_REGS_NOTHING), 0);
		nvme_regs_shutdown_done(&r);
		UNIT_EQ(csts(&r), NVME_CSTS_RDY | NVME_CSTS_SHST_COMPLETE);
		/* done stays done until a reset */
		UNIT_EQ(set_cc(&r, CC_ON, NVME_REGS_NOTHING), 0);
		UNIT_EQ(set_cc(&r, cc, NVME_REGS_NOTHING), 0);
		UNIT_EQ(csts(&r), NVME_CSTS_RDY | NVME_CSTS_SHST_COMPLETE);
		CU_ASSERT_FALSE(nvme_regs_ready(&r));
		UNIT_EQ(set_cc(&r, CC_OK, NVME_REGS_RESET), 0);
		nvme_regs_disabled(&r);
		UNIT_EQ(csts(&r), 0);
		UNIT_EQ(set_cc(&r, CC_ON, NVME_REGS_ENABLE), 0);
	}
}

static void test_shutdown_made_abrupt(void)
{
	struct nvme_regs r = running();

	UNIT_EQ(set_cc(&r, CC_ON | NVME_CC_SHN_NORMAL,
		       NVME_REGS_SHUTDOWN_NORMAL), 0);
	UNIT_EQ(set_cc(&r, CC_ON | NVME_CC_SHN_ABRUPT,
		       NVME_REGS_SHUTDOWN_ABRUPT), 0);
	UNIT_EQ(set_cc(&r, CC_ON | NVME_CC_SHN_ABRUPT, NVME_REGS_NOTHING), 0);
	UNIT_EQ(set_cc(&r, CC_ON | NVME_CC_SHN_NORMAL, NVME_REGS_NOTHING), 0);
	UNIT_EQ(csts(&r) & NVME_CSTS_SHST_MASK, NVME_CSTS_SHST_OCCURRING);
	UNIT_EQ(set_cc(&r, CC_ON | NVME_CC_SHN_MASK, NVME_REGS_NOTHING),
		REFUSED);
}

static void test_reset_beats_shutdown(void)
{
	struct nvme_regs r = running();

	UNIT_EQ(set_cc(&r, CC_OK | NVME_CC_SHN_NORMAL, NVME_REGS_RESET), 0);
	UNIT_EQ(r.cc, CC_OK);
	UNIT_EQ(csts(&r), NVME_CSTS_RDY);
	r = running();
	UNIT_EQ(set_cc(&r, CC_ON | NVME_CC_SHN_NORMAL,
		       NVME_REGS_SHUTDOWN_NORMAL), 0);
	UNIT_EQ(set_cc(&r, CC_OK, NVME_REGS_RESET), 0);
	nvme_regs_disabled(&r);
	/* the shutdown's end comes late: there is nothing to complete */
	nvme_regs_shutdown_done(&r);
	UNIT_EQ(csts(&r), 0);
}

static void test_shutdown_while_disabled(void)
{
	struct nvme_regs r = fresh();

	UNIT_EQ(set_cc(&r, NVME_CC_SHN_NORMAL, NVME_REGS_SHUTDOWN_NORMAL), 0);
	UNIT_EQ(set_cc(&r, CC_ON, NVME_REGS_NOTHING), REFUSED);
	nvme_regs_shutdown_done(&r);
	UNIT_EQ(csts(&r), NVME_CSTS_SHST_COMPLETE);
	UNIT_EQ(set_cc(&r, CC_ON, NVME_REGS_ENABLE), 0);
	nvme_regs_enabled(&r);
	CU_ASSERT_TRUE(nvme_regs_ready(&r));
}

static void test_subsystem_reset(void)
{
	struct nvme_regs r = running();
	enum nvme_regs_event event;

	UNIT_EQ(nvme_regs_set(&r, NVME_REG_NSSR, NVMF_PROP_SIZE_4, 0x4e564d65,
			      &event), 0);
	UNIT_EQ(event, NVME_REGS_SUBSYSTEM_RESET);
	UNIT_EQ(nvme_regs_set(&r, NVME_REG_NSSR, NVMF_PROP_SIZE_4, 0x4e564d66,
			      &event), 0);
	UNIT_EQ(event, NVME_REGS_NOTHING);
	r.cap &= ~NVME_CAP_NSSRS;
	UNIT_EQ(nvme_regs_set(&r, NVME_REG_NSSR, NVMF_PROP_SIZE_4, 0x4e564d65,
			      &event), REFUSED);
	UNIT_EQ(event, NVME_REGS_NOTHING);
}

static void test_host_cc(void)
{
	struct nvme_regs r = fresh();
	struct weft_reason why;
	u32 cc;

	UNIT_EQ(nvme_host_cc(r.cap, 12, &cc, &why), 0);
	UNIT_EQ(cc, 0x00460001);
	/* what the host asks for is what our own target takes */
	UNIT_EQ(set_cc(&r, cc, NVME_REGS_ENABLE), 0);
	/* pages of 64 KiB on a controller that stops at 4 KiB */
	UNIT_EQ(nvme_host_cc(r.cap, 16, &cc, &why), 0);
	UNIT_EQ(NVME_CC_MPS(cc), 0);
	UNIT_EQ(nvme_host_cc(r.cap | 4ull << 52, 16, &cc, &why), 0);
	UNIT_EQ(NVME_CC_MPS(cc), 4);
	UNIT_EQ(nvme_host_cc(r.cap | 4ull << 52, 12, &cc, &why), 0);
	UNIT_EQ(NVME_CC_MPS(cc), 0);
	UNIT_EQ(nvme_host_cc(NVME_CAP_CSS_CSI, 12, &cc, NULL), 0);
	UNIT_EQ(NVME_CC_CSS(cc), 6);
	UNIT_EQ(nvme_host_cc(NVME_CAP_CSS_CSI | NVME_CAP_CSS_NVM, 12, &cc, NULL), 0);
	UNIT_EQ(NVME_CC_CSS(cc), 0);
	UNIT_EQ(nvme_host_cc(NVME_CAP_CSS_NOIO, 12, &cc, NULL), 0);
	UNIT_EQ(NVME_CC_CSS(cc), 7);
}

static void test_host_cc_refused(void)
{
	u64 cap = NVME_CAP_CSS_NVM;
	struct weft_reason why;
	u32 cc;

	UNIT_EQ(nvme_host_cc(cap | 1ull << 48 | 4ull << 52, 12, &cc, &why),
		-ENODEV);
	UNIT_STR(why.text,
		 "page size 2^12: the controller offers 2^13 to 2^16 bytes");
	UNIT_EQ(nvme_host_cc(cap | 1ull << 48, 13, &cc, &why), -ENODEV);
	UNIT_EQ(nvme_host_cc(cap, 11, &cc, &why), -ENODEV);
	UNIT_EQ(nvme_host_cc(1ull << 38, 12, &cc, &why), -ENODEV);
	UNIT_STR(why.text,
		 "CAP.CSS=0x02: the controller offers no command set known here (NVM is 0x01)");
}

static void test_ready_time(void)
{
	u64 cap = NVME_CAP_CRWMS | 255ull << 24;

	UNIT_EQ(nvme_host_ready_ms(0, 0), 500);
	UNIT_EQ(nvme_host_ready_ms(1ull << 24, 0), 1000);
	UNIT_EQ(nvme_host_ready_ms(255ull << 24, 0), 128000);
	UNIT_EQ(nvme_host_ready_ms(0xffffffff00ffffffull, 0), 500);
	/* the larger one counts, and CRTO only where CAP says that it is */
	UNIT_EQ(nvme_host_ready_ms(cap, 0x200), 256500);
	UNIT_EQ(nvme_host_ready_ms(cap, 0xffff0003), 128000);
	UNIT_EQ(nvme_host_ready_ms(cap, 0xffff), 32768000);
	UNIT_EQ(nvme_host_ready_ms(cap & ~NVME_CAP_CRWMS, 0x200), 128000);
	UNIT_EQ(nvme_host_ready_ms(NVME_CAP_CRIMS, 0x200), 500);
}

/* A hostile host: whatever it writes, the invariants of CSTS hold. */
static void test_random_writes(void)
{
	struct test_random rnd = { 0x4e564d65 };
	struct nvme_regs r = fresh();
	unsigned int i, enabled = 0, reset = 0, shut = 0;

	for (i = 0; i < 50000; i++) {
		enum nvme_regs_event event;
		u32 cc = random_u64(&rnd) % 4 ? CC_OK : random_u64(&rnd);
		struct nvme_regs before = r;
		nvme_status st;

		cc |= random_u64(&rnd) & (NVME_CC_EN | NVME_CC_SHN_MASK);
		if (random_u64(&rnd) & 1)
			cc &= ~NVME_CC_SHN_MASK;
		st = nvme_regs_set(&r, NVME_REG_CC, 0, cc, &event);
		if (st && (memcmp(&r, &before, sizeof(r)) || event))
			CU_FAIL("a refused write changed something");
		if (random_u64(&rnd) & 1)
			continue;	/* the controller takes its time */
		switch (event) {
		case NVME_REGS_ENABLE:
			nvme_regs_enabled(&r);
			enabled++;
			break;
		case NVME_REGS_RESET:
			nvme_regs_disabled(&r);
			reset++;
			break;
		case NVME_REGS_SHUTDOWN_NORMAL:
		case NVME_REGS_SHUTDOWN_ABRUPT:
			nvme_regs_shutdown_done(&r);
			shut++;
			break;
		default:
			break;
		}
		if ((r.csts & NVME_CSTS_SHST_MASK) == NVME_CSTS_SHST_MASK)
			CU_FAIL("SHST is reserved");
		if (!(i % 64) && !(r.cc & NVME_CC_EN))
			nvme_regs_disabled(&r);
	}
	CU_ASSERT_TRUE(enabled > 100 && reset > 100 && shut > 100);
}

UNIT_MAIN(UNIT(test_init), UNIT(test_offsets_and_sizes),
	  UNIT(test_reset_occurred), UNIT(test_enable),
	  UNIT(test_reserved_bits), UNIT(test_enable_refused),
	  UNIT(test_admin_only), UNIT(test_command_sets_and_pages),
	  UNIT(test_change_while_enabled),
	  UNIT(test_reset), UNIT(test_reset_before_ready), UNIT(test_shutdown),
	  UNIT(test_shutdown_made_abrupt), UNIT(test_reset_beats_shutdown),
	  UNIT(test_shutdown_while_disabled), UNIT(test_subsystem_reset),
	  UNIT(test_host_cc), UNIT(test_host_cc_refused),
	  UNIT(test_ready_time), UNIT(test_random_writes))
