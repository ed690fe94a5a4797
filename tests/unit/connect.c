// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * common/connect.h: the data's bytes, each refusal with status and offset of
 * the field, every length, and what a host's user reads.
 */
#include "common/connect.h"
#include "tests/unit/random.h"
#include "tests/unit/unit.h"

#define DNR	NVME_STATUS_DNR
#define SUBNQN	"nqn.2026-11.io.weft:disk1"
#define HOSTNQN	"nqn.2014-08.org.nvmexpress:uuid:00000000-0000-0000-0000-000000000001"

static const u8 hostid[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
			       15, 16 };

struct fixture {
	struct nvmf_connect_cmd cmd;
	struct nvmf_connect_data data;
	struct nvmf_connect out;
	struct nvmf_connect_error err;
	u32 max_sqsize;
};

static void setup(struct fixture *f, u16 qid)
{
	memset(f, 0, sizeof(*f));
	f->cmd.opcode = NVME_OPC_FABRICS;
	f->cmd.fctype = NVMF_FC_CONNECT;
	f->cmd.qid = cpu_to_le16(qid);
	f->cmd.sqsize = cpu_to_le16(31);
	f->cmd.cattr = NVMF_CATTR_DISABLE_SQFLOW;
	f->cmd.kato = cpu_to_le32(120000);
	nvmf_connect_data_encode(&f->data, hostid,
				 qid ? 5 : NVMF_CNTLID_DYNAMIC, SUBNQN,
				 HOSTNQN);
	f->max_sqsize = 128;
}

static int parse(struct fixture *f)
{
	memset(&f->err, 0, sizeof(f->err));
	return nvmf_connect_parse(&f->cmd, &f->data, sizeof(f->data),
				  f->max_sqsize, 8, &f->out, &f->err);
}

static void refused(struct fixture *f, u16 code, u32 result)
{
	UNIT_EQ(parse(f), -EPROTO);
	UNIT_EQ(f->err.status, code | DNR);
	UNIT_EQ(f->err.result, result);
}

static void test_data_bytes(void)
{
	struct nvmf_connect_data d;
	const u8 *p = (const u8 *)&d;
	size_t i;

	memset(&d, 0xaa, sizeof(d));
	nvmf_connect_data_encode(&d, hostid, 0xfffe, SUBNQN, HOSTNQN);
	CU_ASSERT_EQUAL(memcmp(p, hostid, 16), 0);
	UNIT_EQ(p[16], 0xfe);
	UNIT_EQ(p[17], 0xff);
	UNIT_STR((const char *)p + 256, SUBNQN);
	UNIT_STR((const char *)p + 512, HOSTNQN);
	for (i = 18; i < 256; i++)
		UNIT_EQ(p[i], 0);
	for (i = 256 + sizeof(SUBNQN); i < 512; i++)
		UNIT_EQ(p[i], 0);
	for (i = 768; i < 1024; i++)
		UNIT_EQ(p[i], 0);
}

static void test_data_long_names(void)
{
	struct nvmf_connect_data d;
	char name[301];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	nvmf_connect_data_encode(&d, hostid, 1, name, name);
	UNIT_EQ(strlen(d.subnqn), 255);
	UNIT_EQ(strlen(d.hostnqn), 255);
	UNIT_EQ(d.rsvd768[0], 0);
}

static void test_admin(void)
{
	struct fixture f;

	setup(&f, 0);
	UNIT_EQ(parse(&f), 0);
	UNIT_EQ(f.out.qid, 0);
	UNIT_EQ(f.out.sqsize, 32);
	UNIT_EQ(f.out.kato, 120000);
	UNIT_EQ(f.out.cattr, NVMF_CATTR_DISABLE_SQFLOW);
	UNIT_EQ(f.out.cntlid, NVMF_CNTLID_DYNAMIC);
	UNIT_STR(f.out.subnqn, SUBNQN);
	UNIT_STR(f.out.hostnqn, HOSTNQN);
	CU_ASSERT_EQUAL(memcmp(f.out.hostid, hostid, 16), 0);
	CU_ASSERT_PTR_EQUAL(f.out.subnqn, f.data.subnqn);
}

static void test_io(void)
{
	struct fixture f;

	setup(&f, 8);
	UNIT_EQ(parse(&f), 0);
	UNIT_EQ(f.out.qid, 8);
	UNIT_EQ(f.out.cntlid, 5);
}

static void test_record_format(void)
{
	struct fixture f;

	setup(&f, 0);
	f.cmd.recfmt = cpu_to_le16(1);
	refused(&f, NVME_SC_CONNECT_FORMAT, 0);
	f.cmd.recfmt = cpu_to_le16(0x100);
	refused(&f, NVME_SC_CONNECT_FORMAT, 0);
}

static void test_queue_id_and_size(void)
{
	struct fixture f;

	setup(&f, 9);
	refused(&f, NVME_SC_CONNECT_INVALID_PARAM, 42);
	f.cmd.qid = cpu_to_le16(0xffff);
	refused(&f, NVME_SC_CONNECT_INVALID_PARAM, 42);
	setup(&f, 1);
	f.cmd.sqsize = cpu_to_le16(0);
	refused(&f, NVME_SC_CONNECT_INVALID_PARAM, 44);
	f.cmd.sqsize = cpu_to_le16(1);
	UNIT_EQ(parse(&f), 0);
	UNIT_EQ(f.out.sqsize, 2);
	f.cmd.sqsize = cpu_to_le16(127);
	UNIT_EQ(parse(&f), 0);
	UNIT_EQ(f.out.sqsize, 128);
	f.cmd.sqsize = cpu_to_le16(128);
	refused(&f, NVME_SC_CONNECT_INVALID_PARAM, 44);
	f.cmd.sqsize = cpu_to_le16(0xffff);
	refused(&f, NVME_SC_CONNECT_INVALID_PARAM, 44);
	f.max_sqsize = 65536;
	UNIT_EQ(parse(&f), 0);
	UNIT_EQ(f.out.sqsize, 65536);
}

static void cntlid(u16 qid, u16 id, bool good)
{
	struct fixture f;

	setup(&f, qid);
	f.data.cntlid = cpu_to_le16(id);
	if (good)
		UNIT_EQ(parse(&f), 0);
	else
		refused(&f, NVME_SC_CONNECT_INVALID_PARAM, 1u << 16 | 16);
}

static void test_cntlid(void)
{
	cntlid(0, 0xffff, true);
	cntlid(0, 0xfffe, true);
	cntlid(0, 0xfffd, false);
	cntlid(0, 0, false);
	cntlid(0, 1, true);
	cntlid(0, 0xffef, true);
	cntlid(0, 0xfff0, false);
	cntlid(1, 0, false);
	cntlid(1, 1, true);
	cntlid(1, 0xffef, true);
	cntlid(1, 0xfff0, false);
	cntlid(1, 0xfffe, false);
	cntlid(1, 0xffff, false);
}

static void test_names(void)
{
	struct fixture f;

	setup(&f, 0);
	memset(f.data.subnqn, 'n', 223);
	UNIT_EQ(parse(&f), 0);
	UNIT_EQ(strlen(f.out.subnqn), 223);
	f.data.subnqn[223] = 'n';
	refused(&f, NVME_SC_CONNECT_INVALID_PARAM, 1u << 16 | 256);
	memset(f.data.subnqn, 'n', sizeof(f.data.subnqn));
	refused(&f, NVME_SC_CONNECT_INVALID_PARAM, 1u << 16 | 256);
	memset(f.data.subnqn, 0, sizeof(f.data.subnqn));
	refused(&f, NVME_SC_CONNECT_INVALID_PARAM, 1u << 16 | 256);
	setup(&f, 0);
	memset(f.data.hostnqn, 'n', 223);
	UNIT_EQ(parse(&f), 0);
	f.data.hostnqn[223] = 'n';
	refused(&f, NVME_SC_CONNECT_INVALID_PARAM, 1u << 16 | 512);
	/* some hosts send none: the target judges */
	memset(f.data.hostnqn, 0, sizeof(f.data.hostnqn));
	UNIT_EQ(parse(&f), 0);
	UNIT_STR(f.out.hostnqn, "");
}

static void test_lengths(void)
{
	struct fixture f;
	size_t len;

	setup(&f, 0);
	for (len = 0; len <= sizeof(f.data); len++) {
		void *cut = exact_copy(&f.data, len);
		int ret = nvmf_connect_parse(&f.cmd, cut, len, 128, 8, &f.out,
					     &f.err);

		UNIT_EQ(ret, len < sizeof(f.data) ? -EPROTO : 0);
		if (ret) {
			UNIT_EQ(f.err.status, NVME_SC_SGL_INVALID_DATA_LEN | DNR);
			UNIT_EQ(f.err.result, 0);
		}
		free(cut);
	}
}

static void test_invalid_macros(void)
{
	struct nvmf_connect_error e = NVMF_CONNECT_BAD_DATA(hostnqn);

	UNIT_EQ(e.status, NVME_SC_CONNECT_INVALID_PARAM | DNR);
	UNIT_EQ(e.result, 0x10200);
	e = NVMF_CONNECT_BAD_DATA(hostid);
	UNIT_EQ(e.result, 0x10000);
	e = NVMF_CONNECT_BAD_CMD(kato);
	UNIT_EQ(e.result, 48);
}

static void explain(nvme_status st, u32 result, const char *want)
{
	struct weft_text t;
	char buf[160];

	weft_text_init(&t, buf, sizeof(buf));
	nvmf_connect_explain(st, result, &t);
	CU_ASSERT_FALSE(t.cut);
	UNIT_STR(buf, want);
}

static void test_explain_fields(void)
{
	const u16 bad = NVME_SC_CONNECT_INVALID_PARAM | DNR;

	explain(bad, 40, "Connect Invalid Parameters: RECFMT (offset 40 of command)");
	explain(bad, 42, "Connect Invalid Parameters: QID (offset 42 of command)");
	explain(bad, 44, "Connect Invalid Parameters: SQSIZE (offset 44 of command)");
	explain(bad, 46, "Connect Invalid Parameters: CATTR (offset 46 of command)");
	explain(bad, 48, "Connect Invalid Parameters: KATO (offset 48 of command)");
	explain(bad, 0x10000, "Connect Invalid Parameters: HOSTID (offset 0 of data)");
	explain(bad, 0x10010, "Connect Invalid Parameters: CNTLID (offset 16 of data)");
	explain(bad, 0x10100, "Connect Invalid Parameters: SUBNQN (offset 256 of data)");
	explain(bad, 0x10200, "Connect Invalid Parameters: HOSTNQN (offset 512 of data)");
	/* the same number elsewhere is another field; odd bits are ignored */
	explain(bad, 256, "Connect Invalid Parameters: offset 256 of command");
	explain(bad, 0x1002a, "Connect Invalid Parameters: offset 42 of data");
	explain(bad, 0xfffeffff, "Connect Invalid Parameters: offset 65535 of command");
	explain(NVME_SC_CONNECT_INVALID_PARAM, 0xffff0100,
		"Connect Invalid Parameters: SUBNQN (offset 256 of data)");
}

static void test_explain_others(void)
{
	char want[160];

	snprintf(want, sizeof(want),
		 "%s: the subsystem does not allow this host NQN",
		 nvme_status_name(NVME_SC_CONNECT_INVALID_HOST, true));
	explain(NVME_SC_CONNECT_INVALID_HOST | DNR, 0x10100, want);
	snprintf(want, sizeof(want),
		 "%s: the controller is in use or has no queue left, or the target is starting; try again later",
		 nvme_status_name(NVME_SC_CONNECT_CTRL_BUSY, true));
	explain(NVME_SC_CONNECT_CTRL_BUSY, 0, want);
	explain(NVME_SC_INTERNAL, 7, nvme_status_name(NVME_SC_INTERNAL, true));
	explain(0x7ff, 7, nvme_status_name(0x7ff, true));
}

static void test_random(void)
{
	struct test_random r = { 0xc0221ec7 };
	unsigned int i, accepted = 0;

	for (i = 0; i < 3000; i++) {
		struct fixture f;

		setup(&f, random_u64(&r) % 10);
		/* damage a few bytes, sometimes everything */
		if (i % 16 == 0) {
			random_fill(&r, &f.data, sizeof(f.data));
			random_fill(&r, &f.cmd, sizeof(f.cmd));
		} else {
			((u8 *)&f.data)[random_u64(&r) % 1024] = random_u64(&r);
			((u8 *)&f.cmd)[random_u64(&r) % 64] = random_u64(&r);
		}
		if (parse(&f)) {
			if (!(f.err.status & DNR))
				CU_FAIL("refused without DNR");
			continue;
		}
		accepted++;
		if (f.out.qid > 8 || f.out.sqsize < 2 || f.out.sqsize > 128 ||
		    strnlen(f.out.subnqn, 224) > 223 || !*f.out.subnqn ||
		    strnlen(f.out.hostnqn, 224) > 223)
			CU_FAIL("accepted beyond the limits");
	}
	CU_ASSERT_TRUE(accepted > 500);
}

UNIT_MAIN(UNIT(test_data_bytes), UNIT(test_data_long_names), UNIT(test_admin),
	  UNIT(test_io), UNIT(test_record_format),
	  UNIT(test_queue_id_and_size), UNIT(test_cntlid), UNIT(test_names),
	  UNIT(test_lengths), UNIT(test_invalid_macros),
	  UNIT(test_explain_fields), UNIT(test_explain_others),
	  UNIT(test_random))
