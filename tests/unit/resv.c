// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * common/resv.h: commands byte by byte, reports whole, cut and wrong.
 */
#include "common/resv.h"
#include "tests/unit/unit.h"

static void test_commands(void)
{
	union nvme_cmd c;
	const u8 *p = (const u8 *)&c;

	memset(&c, 0xaa, sizeof(c));
	nvme_cmd_resv(&c, NVME_CMD_RESV_ACQUIRE, 7, NVME_RESV_PREEMPT |
		      NVME_RESV_IEKEY |
		      NVME_RESV_EXCLUSIVE_ACCESS << NVME_RESV_TYPE_SHIFT);
	UNIT_EQ(p[0], 0x11);
	UNIT_EQ(p[1], 0x40);
	UNIT_EQ(p[4], 7);
	UNIT_EQ(p[40], 0x09);
	UNIT_EQ(p[41], 0x02);
	UNIT_EQ(p[63], 0);
	nvme_cmd_resv_report(&c, 1, 4096);
	UNIT_EQ(p[0], 0x0e);
	UNIT_EQ(p[40], 0xff);
	UNIT_EQ(p[41], 0x03);
	UNIT_EQ(p[44], 1);
}

/* Two registrants; the second holds it. Bytes as the specification has them. */
static void fill(u8 *page, size_t size, u8 type)
{
	memset(page, 0, size);
	page[0] = 5;
	page[4] = type;
	page[5] = 2;
	page[9] = 1;
	page[64] = 1;
	page[64 + 8] = 0x11;
	page[128] = 2;
	page[128 + 2] = 1;
	page[128 + 8] = 0x22;
	page[128 + 15] = 0x80;
}

static void test_report(void)
{
	struct nvme_resv_state s;
	u64 keys[2] = { 0 };
	u8 page[192];

	fill(page, sizeof(page), NVME_RESV_EXCLUSIVE_ACCESS_REG);
	UNIT_EQ(nvme_resv_report_decode(page, sizeof(page), &s, keys, 2, NULL),
		0);
	UNIT_EQ(s.generation, 5);
	UNIT_EQ(s.held, NVME_RESV_EXCLUSIVE_ACCESS_REG);
	UNIT_EQ(s.registrants, 2);
	UNIT_EQ(s.given, 2);
	UNIT_EQ(s.holder, 0x8000000000000022ull);
	UNIT_EQ(keys[0], 0x11);
	UNIT_EQ(keys[1], 0x8000000000000022ull);
	/* what all registrants hold has no holder */
	fill(page, sizeof(page), NVME_RESV_WRITE_EXCLUSIVE_ALL);
	UNIT_EQ(nvme_resv_report_decode(page, sizeof(page), &s, keys, 1, NULL),
		0);
	UNIT_EQ(s.held, NVME_RESV_WRITE_EXCLUSIVE_ALL);
	UNIT_EQ(s.holder, 0);
}

static void test_cut(void)
{
	struct nvme_resv_state s;
	struct weft_reason why;
	u64 keys[2] = { 0 };
	u8 page[192];
	size_t len;

	fill(page, sizeof(page), NVME_RESV_WRITE_EXCLUSIVE);
	for (len = 0; len < 64; len++)
		UNIT_EQ(nvme_resv_report_decode(page, len, &s, keys, 2, &why),
			-EMSGSIZE);
	for (len = 64; len < sizeof(page); len++) {
		UNIT_EQ(nvme_resv_report_decode(page, len, &s, keys, 2, &why),
			0);
		UNIT_EQ(s.registrants, 2);
		UNIT_EQ(s.given, (len - 64) / 64);
		UNIT_EQ(s.holder, 0);
	}
	page[4] = 7;
	UNIT_EQ(nvme_resv_report_decode(page, sizeof(page), &s, NULL, 0, &why),
		-EPROTO);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "type 7"));
}

UNIT_MAIN(UNIT(test_commands), UNIT(test_report), UNIT(test_cut))
