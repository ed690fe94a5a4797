// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * common/status.h: every status value has words and an errno, the right ones.
 */
#include "common/status.h"
#include "tests/unit/unit.h"

#include <errno.h>

static void test_names(void)
{
	static const struct { u16 st; const char *fabrics, *nvm; } cases[] = {
		{ 0x000, "Successful Completion", NULL },
		{ 0x001, "Invalid Command Opcode", NULL },
		{ 0x00b, "Invalid Namespace or Format", NULL },
		{ 0x011, "SGL Descriptor Type Invalid", NULL },
		{ 0x080, "LBA Out of Range", NULL },
		{ 0x101, "Invalid Queue Identifier", NULL },
		{ 0x109, "Invalid Log Page", NULL },
		{ 0x180, "Connect Incompatible Format", "Conflicting Attributes" },
		{ 0x181, "Connect Controller Busy", "Invalid Protection Information" },
		{ 0x182, "Connect Invalid Parameters",
		  "Attempted Write to Read Only Range" },
		{ 0x183, "Connect Restart Discovery", "Command Size Limit Exceeded" },
		{ 0x184, "Connect Invalid Host", "Unknown Command Specific Status" },
		{ 0x191, "Authentication Required", "Unknown Command Specific Status" },
		{ 0x285, "Compare Failure", NULL },
		{ 0x302, "Asymmetric Access Inaccessible", NULL },
		{ 0x371, "Command Aborted By Host", NULL },
		{ 0x017, "Unknown Generic Command Status", NULL },
		{ 0x0bf, "Unknown Generic Command Status", NULL },
		{ 0x0c0, "Vendor Specific Status", NULL },
		{ 0x1bf, "Unknown Command Specific Status", NULL },
		{ 0x1c0, "Vendor Specific Status", NULL },
		{ 0x200, "Unknown Media and Data Integrity Status", NULL },
		{ 0x304, "Unknown Path Related Status", NULL },
		{ 0x400, "Unknown Status of a Reserved Type", NULL },
		{ 0x600, "Unknown Status of a Reserved Type", NULL },
		{ 0x700, "Vendor Specific Status", NULL },
		{ 0x7ff, "Vendor Specific Status", NULL },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *nvm = cases[i].nvm ? cases[i].nvm : cases[i].fabrics;

		UNIT_STR(nvme_status_name(cases[i].st, true), cases[i].fabrics);
		UNIT_STR(nvme_status_name(cases[i].st, false), nvm);
		/* More, CRD and DNR do not change the name */
		UNIT_STR(nvme_status_name(cases[i].st | 0x7800, false), nvm);
	}
}

static void test_every_value_is_answered(void)
{
	unsigned int st, bad = 0;

	for (st = 0; st <= 0xffff; st++) {
		const char *f = nvme_status_name((u16)st, true);
		const char *n = nvme_status_name((u16)st, false);
		int err = nvme_status_to_errno((u16)st);

		bad += !f || !f[0] || !n || !n[0];
		bad += (st & 0x7ff) ? err >= 0 : err != 0;
		bad += err != nvme_status_to_errno(st & 0x7ff);
	}
	UNIT_EQ(bad, 0);
}

static void test_errno(void)
{
	static const struct { u16 st; int err; } cases[] = {
		{ NVME_SC_SUCCESS, 0 },
		{ NVME_STATUS_DNR, 0 },
		{ NVME_SC_INVALID_OPCODE | NVME_STATUS_DNR, -EOPNOTSUPP },
		{ NVME_SC_INVALID_FIELD, -EOPNOTSUPP },
		{ NVME_SC_INVALID_NS, -EOPNOTSUPP },
		{ NVME_SC_CAP_EXCEEDED, -ENOSPC },
		{ NVME_SC_LBA_RANGE, -EREMOTEIO },
		{ NVME_SC_CMD_INTERRUPTED, -EREMOTEIO },
		{ NVME_SC_NS_NOT_READY, -EREMOTEIO },
		{ NVME_SC_RESERVATION_CONFLICT, -EBADE },
		{ NVME_SC_WRITE_FAULT, -ENODATA },
		{ NVME_SC_READ_ERROR, -ENODATA },
		{ NVME_SC_COMPARE_FAILED, -ENODATA },
		{ NVME_SC_ACCESS_DENIED, -ENODATA },
		{ NVME_SC_UNWRITTEN_BLOCK, -ENODATA },
		{ NVME_SC_GUARD_CHECK, -EILSEQ },
		{ NVME_SC_APPTAG_CHECK, -EILSEQ },
		{ NVME_SC_REFTAG_CHECK, -EILSEQ },
		{ NVME_SC_HOST_PATH_ERROR, -ENOLINK },
		{ NVME_SC_CONNECT_INVALID_PARAM, -EIO },
		{ NVME_SC_INTERNAL, -EIO },
		{ 0x7ff, -EIO },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		UNIT_EQ(nvme_status_to_errno(cases[i].st), cases[i].err);
}

static void test_bits(void)
{
	UNIT_EQ(nvme_status_code(0xffff), 0x7ff);
	UNIT_EQ(nvme_status_code(0x4002), NVME_SC_INVALID_FIELD);
	CU_ASSERT_TRUE(nvme_status_dnr(0x4002));
	CU_ASSERT_FALSE(nvme_status_dnr(0x3fff));
	CU_ASSERT_TRUE(nvme_status_is_path_error(0x300));
	CU_ASSERT_TRUE(nvme_status_is_path_error(0x43ff));
	CU_ASSERT_FALSE(nvme_status_is_path_error(0x2ff));
	CU_ASSERT_FALSE(nvme_status_is_path_error(0x700));
}

UNIT_MAIN(UNIT(test_names), UNIT(test_every_value_is_answered),
	  UNIT(test_errno), UNIT(test_bits))
