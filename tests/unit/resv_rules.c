// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * common/resv_rules.h: commands there and back, every refusal of the decoder,
 * reports, and what each type lets through.
 */
#include "common/resv_rules.h"
#include "tests/unit/unit.h"

#define DNR(sc)	((sc) | NVME_STATUS_DNR)

static nvme_status again(const struct nvme_resv_cmd *in, size_t len,
			 struct nvme_resv_cmd *out, u16 *loc)
{
	u8 data[NVME_RESV_KEYS_BYTES];
	union nvme_cmd c;

	memset(data, 0xee, sizeof(data));
	nvme_resv_cmd_encode(&c, 7, in, data);
	UNIT_EQ(le32_to_cpu(c.sqe.nsid), 7);
	*loc = 0xffff;
	return nvme_resv_cmd_decode(&c.sqe, data, len, out, loc);
}

static void test_round_trip(void)
{
	static const struct nvme_resv_cmd cmds[] = {
		{ NVME_CMD_RESV_REGISTER, NVME_RESV_REGISTER, false, 0,
		  NVME_RESV_PTPL_SET, 0, 0x1122334455667788 },
		{ NVME_CMD_RESV_REGISTER, NVME_RESV_UNREGISTER, true, 0,
		  NVME_RESV_PTPL_KEEP, 5, 0 },
		{ NVME_CMD_RESV_REGISTER, NVME_RESV_REPLACE, true, 0,
		  NVME_RESV_PTPL_CLEAR, 5, UINT64_MAX },
		{ NVME_CMD_RESV_ACQUIRE, NVME_RESV_PREEMPT_ABORT, false,
		  NVME_RESV_EXCLUSIVE_ACCESS_ALL, 0, 1, 2 },
		{ NVME_CMD_RESV_RELEASE, NVME_RESV_RELEASE, false,
		  NVME_RESV_WRITE_EXCLUSIVE, 0, 9, 0 },
		{ NVME_CMD_RESV_RELEASE, NVME_RESV_CLEAR, false, 0, 0, 9, 0 },
	};
	struct nvme_resv_cmd got;
	size_t i;
	u16 loc;

	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		UNIT_EQ(again(&cmds[i], 16, &got, &loc), 0);
		UNIT_EQ(got.opcode, cmds[i].opcode);
		UNIT_EQ(got.action, cmds[i].action);
		UNIT_EQ(got.iekey, cmds[i].iekey);
		UNIT_EQ(got.type, cmds[i].type);
		UNIT_EQ(got.cptpl, cmds[i].cptpl);
		UNIT_EQ(got.crkey, cmds[i].crkey);
		UNIT_EQ(got.key, cmds[i].key);
	}
}

static void test_refusals(void)
{
	static const struct {
		struct nvme_resv_cmd cmd;
		u16 loc;
	} bad[] = {
		{ { NVME_CMD_RESV_REGISTER, 3, false, 0, 0, 1, 1 }, 40 },
		{ { NVME_CMD_RESV_REGISTER, 7, false, 0, 0, 1, 1 }, 40 },
		{ { NVME_CMD_RESV_REGISTER, 0, false, 0, 1, 1, 1 }, 43 },
		{ { NVME_CMD_RESV_REGISTER, 0, false, 0, 0, 1, 0 }, 40 },
		{ { NVME_CMD_RESV_REGISTER, 2, false, 0, 0, 1, 0 }, 40 },
		{ { NVME_CMD_RESV_ACQUIRE, 3, false, 1, 0, 1, 1 }, 40 },
		{ { NVME_CMD_RESV_ACQUIRE, 0, true, 1, 0, 1, 1 }, 40 },
		{ { NVME_CMD_RESV_ACQUIRE, 0, false, 0, 0, 1, 1 }, 41 },
		{ { NVME_CMD_RESV_ACQUIRE, 0, false, 7, 0, 1, 1 }, 41 },
		{ { NVME_CMD_RESV_ACQUIRE, 0, false, 255, 0, 1, 1 }, 41 },
		{ { NVME_CMD_RESV_RELEASE, 2, false, 1, 0, 1, 1 }, 40 },
		{ { NVME_CMD_RESV_RELEASE, 0, false, 0, 0, 1, 1 }, 41 },
		{ { NVME_CMD_RESV_RELEASE, 1, true, 0, 0, 1, 1 }, 40 },
		{ { NVME_CMD_READ, 0, false, 0, 0, 1, 1 }, 0 },
	};
	struct nvme_resv_cmd got, ok = { .opcode = NVME_CMD_RESV_ACQUIRE,
					 .type = 1 };
	size_t i;
	u16 loc;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		UNIT_EQ(again(&bad[i].cmd, 16, &got, &loc),
			DNR(NVME_SC_INVALID_FIELD));
		UNIT_EQ(loc, bad[i].loc);
	}
	/* data that is not all there is never looked at */
	for (i = 0; i < 16; i++)
		UNIT_EQ(again(&ok, i, &got, &loc),
			DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	ok.opcode = NVME_CMD_RESV_RELEASE;
	UNIT_EQ(again(&ok, 7, &got, &loc), DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	UNIT_EQ(again(&ok, 8, &got, &loc), 0);
	UNIT_EQ(nvme_resv_cmd_bytes(NVME_CMD_RESV_REPORT), 0);
}

/* type, writes, holder, registrant: what the specification's table says */
static void test_allows(void)
{
	static const char want[NVME_RESV_TYPE_MAX + 1][9] = {
		/* reads: nobody, registrant, holder; then writes */
		"111111", "111001", "001001", "111011", "011011", "111011",
		"011011",
	};
	int type, writes, who;

	for (type = 0; type <= NVME_RESV_TYPE_MAX; type++)
		for (writes = 0; writes < 2; writes++)
			for (who = 0; who < 3; who++)
				UNIT_EQ(nvme_resv_allows(type, writes, who == 2,
							 who >= 1),
					want[type][3 * writes + who] == '1');
}

static void test_report(void)
{
	struct nvme_resv_status s = { 9, 3, true, 2 };
	struct nvme_resv_entry e = { 0xffff, true, 77, { 1, 2, 3 } };
	struct {
		struct nvme_resv_report head;
		struct nvme_resv_registrant reg[2];
	} page;
	struct nvme_resv_state got;
	union nvme_cmd c;
	u64 keys[2];

	nvme_resv_head_encode(&page.head, &s);
	nvme_resv_entry_encode(&page.reg[0], &e);
	e.holds = false;
	e.key = 78;
	nvme_resv_entry_encode(&page.reg[1], &e);
	/* as a host reads it */
	UNIT_EQ(nvme_resv_report_decode(&page, sizeof(page), &got, keys, 2,
					NULL), 0);
	UNIT_EQ(got.generation, 9);
	UNIT_EQ(got.held, 3);
	UNIT_EQ(got.holder, 77);
	UNIT_EQ(got.registrants, 2);
	UNIT_EQ(keys[1], 78);
	UNIT_EQ(page.head.ptpls, 1);
	UNIT_EQ(le16_to_cpu(page.reg[0].cntlid), 0xffff);
	CU_ASSERT(!memcmp(page.reg[0].hostid, e.hostid, 16));
	s.registrants = 100000;
	nvme_resv_head_encode(&page.head, &s);
	UNIT_EQ(le16_to_cpu(page.head.registrants), 0xffff);
	nvme_cmd_resv_report(&c, 1, 192);
	UNIT_EQ(nvme_resv_report_bytes(&c.sqe), 192);
}

UNIT_MAIN(UNIT(test_round_trip), UNIT(test_refusals), UNIT(test_allows),
	  UNIT(test_report))
