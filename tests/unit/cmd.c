// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * common/cmd.h: each builder's 64 bytes, byte by byte, over a dirty buffer;
 * readers of fields; names of every code.
 */
#include "common/cmd.h"
#include "tests/unit/unit.h"

/* want: { offset, value } pairs of the bytes that are not zero, then { -1 } */
struct byte {
	int at;
	u8 value;
};
#define END { -1, 0 }

static union nvme_cmd dirty(void)
{
	union nvme_cmd c;

	memset(&c, 0xa5, sizeof(c));
	return c;
}

static void check(const union nvme_cmd *c, const struct byte *want)
{
	u8 full[64] = { 0 };
	const u8 *got = (const u8 *)c;
	unsigned int i;

	for (; want->at >= 0; want++)
		full[want->at] = want->value;
	for (i = 0; i < sizeof(full); i++)
		if (got[i] != full[i])
			fprintf(stderr, "  byte %u is %#x, want %#x\n", i,
				got[i], full[i]);
	CU_ASSERT_EQUAL(memcmp(got, full, sizeof(full)), 0);
}

#define CHECK(c, ...) check(&(c), (const struct byte[]){ __VA_ARGS__, END })

static void test_connect(void)
{
	union nvme_cmd c = dirty();

	nvme_cmd_connect(&c, 0x0102, 0x0304, NVMF_CATTR_DISABLE_SQFLOW,
			 0x05060708);
	CHECK(c, { 0, 0x7f }, { 1, 0x40 }, { 4, 1 }, { 42, 2 }, { 43, 1 },
	      { 44, 4 }, { 45, 3 }, { 46, 4 }, { 48, 8 }, { 49, 7 },
	      { 50, 6 }, { 51, 5 });
}

static void test_property(void)
{
	union nvme_cmd c = dirty();

	nvme_cmd_property_get(&c, NVME_REG_CSTS, false);
	CHECK(c, { 0, 0x7f }, { 1, 0x40 }, { 4, 4 }, { 44, 0x1c });
	c = dirty();
	nvme_cmd_property_get(&c, NVME_REG_CAP, true);
	CHECK(c, { 0, 0x7f }, { 1, 0x40 }, { 4, 4 }, { 40, 1 });
	c = dirty();
	nvme_cmd_property_set(&c, NVME_REG_CC, false, 0x1122334455667788ull);
	CHECK(c, { 0, 0x7f }, { 1, 0x40 }, { 44, 0x14 }, { 48, 0x88 },
	      { 49, 0x77 }, { 50, 0x66 }, { 51, 0x55 });
	c = dirty();
	nvme_cmd_property_set(&c, 0x28, true, 0x1122334455667788ull);
	CHECK(c, { 0, 0x7f }, { 1, 0x40 }, { 40, 1 }, { 44, 0x28 },
	      { 48, 0x88 }, { 49, 0x77 }, { 50, 0x66 }, { 51, 0x55 },
	      { 52, 0x44 }, { 53, 0x33 }, { 54, 0x22 }, { 55, 0x11 });
}

static void test_identify(void)
{
	union nvme_cmd c = dirty();

	nvme_cmd_identify(&c, NVME_CNS_NS_DESC_LIST, 0x01020304, 0x0506, 2);
	CHECK(c, { 0, 0x06 }, { 1, 0x40 }, { 4, 4 }, { 5, 3 }, { 6, 2 },
	      { 7, 1 }, { 40, 3 }, { 42, 6 }, { 43, 5 }, { 47, 2 });
}

static void test_features(void)
{
	union nvme_cmd c = dirty();

	nvme_cmd_set_features(&c, NVME_FEAT_NUM_QUEUES, 0, 0x00030002, 9);
	CHECK(c, { 0, 0x09 }, { 1, 0x40 }, { 40, 7 }, { 44, 2 }, { 46, 3 },
	      { 48, 9 });
	c = dirty();
	nvme_cmd_get_features(&c, NVME_FEAT_HOST_ID, 1, 3, 1);
	CHECK(c, { 0, 0x0a }, { 1, 0x40 }, { 4, 1 }, { 40, 0x81 }, { 41, 3 },
	      { 44, 1 });
	/* a select value out of range reaches no other field */
	c = dirty();
	nvme_cmd_get_features(&c, 1, 0, 0xff, 0);
	CHECK(c, { 0, 0x0a }, { 1, 0x40 }, { 40, 1 }, { 41, 7 });
}

static void test_get_log_page(void)
{
	union nvme_cmd c = dirty();

	nvme_cmd_get_log_page(&c, NVME_LOG_DISCOVERY, 0, 0x0102030405060708ull,
			      1024, 0, false);
	CHECK(c, { 0, 0x02 }, { 1, 0x40 }, { 40, 0x70 }, { 42, 0xff },
	      { 48, 8 }, { 49, 7 }, { 50, 6 }, { 51, 5 }, { 52, 4 },
	      { 53, 3 }, { 54, 2 }, { 55, 1 });
	UNIT_EQ(nvme_log_bytes(&c.sqe), 1024);
	UNIT_EQ(nvme_log_offset(&c.sqe), 0x0102030405060708ll);

	c = dirty();
	nvme_cmd_get_log_page(&c, NVME_LOG_ANA, NVME_NSID_ALL, 0, 4, 0xff, true);
	CHECK(c, { 0, 0x02 }, { 1, 0x40 }, { 4, 0xff }, { 5, 0xff },
	      { 6, 0xff }, { 7, 0xff }, { 40, 0x0c }, { 41, 0xff });
	UNIT_EQ(nvme_log_bytes(&c.sqe), 4);

	/* seven bits of LSP: the eighth is RAE */
	nvme_cmd_get_log_page(&c, 1, 0, 0, 4, 0xff, false);
	CHECK(c, { 0, 0x02 }, { 1, 0x40 }, { 40, 1 }, { 41, 0x7f });

	nvme_cmd_get_log_page(&c, 1, 0, 0, 0xfffffffc, 0, false);
	UNIT_EQ(nvme_log_bytes(&c.sqe), 0xfffffffcll);
	UNIT_EQ(nvme_log_offset(&c.sqe), 0);
	memset(&c, 0xff, sizeof(c));
	UNIT_EQ(nvme_log_bytes(&c.sqe), 4ll << 32);
	UNIT_EQ(nvme_log_offset(&c.sqe), -1);
}

static void test_plain_admin(void)
{
	union nvme_cmd c = dirty();

	nvme_cmd_keep_alive(&c);
	CHECK(c, { 0, 0x18 }, { 1, 0x40 });
	c = dirty();
	nvme_cmd_async_event(&c);
	CHECK(c, { 0, 0x0c }, { 1, 0x40 });
	c = dirty();
	nvme_cmd_abort(&c, 0x0102, 0x0304);
	CHECK(c, { 0, 0x08 }, { 1, 0x40 }, { 40, 2 }, { 41, 1 }, { 42, 4 },
	      { 43, 3 });
}

static void test_rw(void)
{
	union nvme_cmd c = dirty();

	nvme_cmd_rw(&c, NVME_CMD_WRITE, 1, 0x0102030405060708ull, 8,
		    NVME_RW_FUA);
	CHECK(c, { 0, 1 }, { 1, 0x40 }, { 4, 1 }, { 40, 8 }, { 41, 7 },
	      { 42, 6 }, { 43, 5 }, { 44, 4 }, { 45, 3 }, { 46, 2 },
	      { 47, 1 }, { 48, 7 }, { 51, 0x40 });
	UNIT_EQ(nvme_rw_slba(&c.sqe), 0x0102030405060708ll);
	UNIT_EQ(nvme_rw_blocks(&c.sqe), 8);

	c = dirty();
	nvme_cmd_rw(&c, NVME_CMD_READ, 2, 0, 1, 0);
	CHECK(c, { 0, 2 }, { 1, 0x40 }, { 4, 2 });
	UNIT_EQ(nvme_rw_blocks(&c.sqe), 1);
	nvme_cmd_rw(&c, NVME_CMD_COMPARE, 2, 0, 65536, 0);
	CHECK(c, { 0, 5 }, { 1, 0x40 }, { 4, 2 }, { 48, 0xff }, { 49, 0xff });
	UNIT_EQ(nvme_rw_blocks(&c.sqe), 65536);
	nvme_cmd_rw(&c, NVME_CMD_WRITE_ZEROES, 2, 0, 2, NVME_RW_DEAC);
	CHECK(c, { 0, 8 }, { 1, 0x40 }, { 4, 2 }, { 48, 1 }, { 51, 2 });
	/* flags never spill into the number of blocks */
	nvme_cmd_rw(&c, NVME_CMD_READ, 2, 0, 1, 0xffff);
	UNIT_EQ(nvme_rw_blocks(&c.sqe), 1);
}

static void test_flush_dsm(void)
{
	union nvme_cmd c = dirty();

	nvme_cmd_flush(&c, 3);
	CHECK(c, { 1, 0x40 }, { 4, 3 });
	c = dirty();
	nvme_cmd_dsm(&c, 3, 256, NVME_DSM_AD);
	CHECK(c, { 0, 9 }, { 1, 0x40 }, { 4, 3 }, { 40, 0xff }, { 44, 4 });
	nvme_cmd_dsm(&c, 3, 1, NVME_DSM_AD);
	CHECK(c, { 0, 9 }, { 1, 0x40 }, { 4, 3 }, { 44, 4 });
}

static void test_dir(void)
{
	static const struct { u8 opcode, fctype; enum nvme_xfer_dir dir; } cases[] = {
		{ NVME_CMD_FLUSH, 0, NVME_XFER_NONE },
		{ NVME_CMD_WRITE, 0, NVME_XFER_HOST_TO_CTRL },
		{ NVME_CMD_READ, 0, NVME_XFER_CTRL_TO_HOST },
		{ NVME_CMD_WRITE_ZEROES, 0, NVME_XFER_NONE },
		{ NVME_CMD_DSM, 0, NVME_XFER_HOST_TO_CTRL },
		{ NVME_ADMIN_IDENTIFY, 0, NVME_XFER_CTRL_TO_HOST },
		{ 0xc3, 0, NVME_XFER_BIDIRECTIONAL },
		{ NVME_OPC_FABRICS, NVMF_FC_CONNECT, NVME_XFER_HOST_TO_CTRL },
		{ NVME_OPC_FABRICS, NVMF_FC_PROPERTY_GET, NVME_XFER_NONE },
		{ NVME_OPC_FABRICS, NVMF_FC_PROPERTY_SET, NVME_XFER_NONE },
		{ NVME_OPC_FABRICS, NVMF_FC_AUTH_RECV, NVME_XFER_CTRL_TO_HOST },
		{ NVME_OPC_FABRICS, 0xc3, NVME_XFER_BIDIRECTIONAL },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		union nvme_cmd c = { 0 };

		c.fabrics.opcode = cases[i].opcode;
		c.fabrics.fctype = cases[i].fctype;
		UNIT_EQ(nvme_cmd_dir(&c), cases[i].dir);
	}
}

static const char *opcode_name(u8 opcode, u8 fctype, bool admin)
{
	union nvme_cmd c = { 0 };

	c.fabrics.opcode = opcode;
	c.fabrics.fctype = fctype;
	return nvme_opcode_name(&c, admin);
}

static void test_names(void)
{
	UNIT_STR(opcode_name(0x02, 0, false), "Read");
	UNIT_STR(opcode_name(0x02, 0, true), "Get Log Page");
	UNIT_STR(opcode_name(0x06, 0, true), "Identify");
	UNIT_STR(opcode_name(0x00, 0, false), "Flush");
	UNIT_STR(opcode_name(0x7f, 1, true), "Connect");
	UNIT_STR(opcode_name(0x7f, 1, false), "Connect");
	UNIT_STR(opcode_name(0x7f, 0, true), "Property Set");
	UNIT_STR(opcode_name(0x7f, 2, true), "Unknown Fabrics Command");
	UNIT_STR(opcode_name(0x03, 0, true), "Unknown Admin Command");
	UNIT_STR(opcode_name(0xbf, 0, true), "Unknown Admin Command");
	UNIT_STR(opcode_name(0xc0, 0, true), "Vendor Specific Admin Command");
	UNIT_STR(opcode_name(0x03, 0, false), "Unknown I/O Command");
	UNIT_STR(opcode_name(0x80, 0, false), "Vendor Specific I/O Command");
	UNIT_STR(nvme_feature_name(NVME_FEAT_KATO), "Keep Alive Timer");
	UNIT_STR(nvme_feature_name(0), "Unknown Feature");
	UNIT_STR(nvme_feature_name(0xc0), "Vendor Specific Feature");
	UNIT_STR(nvme_log_name(NVME_LOG_DISCOVERY), "Discovery");
	UNIT_STR(nvme_log_name(0x0a), "Unknown Log Page");
	UNIT_STR(nvme_log_name(0xff), "Vendor Specific Log Page");
	UNIT_STR(nvme_cns_name(NVME_CNS_CTRL), "Identify Controller");
	UNIT_STR(nvme_cns_name(0xff), "Unknown Identify Structure");
}

static void test_every_code_has_a_name(void)
{
	unsigned int i, nameless = 0;

	for (i = 0; i < 256; i++) {
		nameless += !opcode_name((u8)i, 0, true)[0];
		nameless += !opcode_name((u8)i, 0, false)[0];
		nameless += !opcode_name(0x7f, (u8)i, false)[0];
		nameless += !nvme_feature_name((u8)i)[0];
		nameless += !nvme_log_name((u8)i)[0];
		nameless += !nvme_cns_name((u8)i)[0];
	}
	UNIT_EQ(nameless, 0);
}

UNIT_MAIN(UNIT(test_connect), UNIT(test_property), UNIT(test_identify),
	  UNIT(test_features), UNIT(test_get_log_page), UNIT(test_plain_admin),
	  UNIT(test_rw), UNIT(test_flush_dsm), UNIT(test_dir),
	  UNIT(test_names), UNIT(test_every_code_has_a_name))
