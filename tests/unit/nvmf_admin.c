// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Admin commands: Identify, features, log pages, asynchronous events, Abort
 * and keep-alive, on NVM and on discovery controllers.
 */
#include "common/discovery.h"
#include "common/regs.h"
#include "common/resv_rules.h"
#include "tests/unit/lib/nvmf_fake.h"
#include "tests/unit/unit.h"

#define DNR(sc)	((sc) | NVME_STATUS_DNR)
#define PAGE	NVME_IDENTIFY_SIZE

static u8 page[PAGE], page2[PAGE];

static struct fake_conn *a;
static u16 cntlid;

static void begin(void)
{
	fake_start(2, 0);
	fake_standard();
	a = fake_admin(FAKE_NQN, &cntlid);
}

static void end(void)
{
	fake_conn_end(a);
	CU_ASSERT(fake_stop());
}

static nvme_status identify(u8 cns, u32 nsid, u8 csi)
{
	union nvme_cmd cmd;

	memset(page, 0xaa, sizeof(page));
	nvme_cmd_identify(&cmd, cns, nsid, 0xffff, csi);
	return fake_cmd(a, &cmd, page, sizeof(page)).st;
}

static bool page_is_zero(void)
{
	return weft_id_is_zero(page, sizeof(page));
}

/* Identify */

static void test_identify_ctrl(void)
{
	struct nvme_ctrl_info c;
	struct weft_reason why;
	union nvme_cmd cmd;

	begin();
	UNIT_EQ(identify(NVME_CNS_CTRL, 0, 0), 0);
	UNIT_EQ(nvme_id_ctrl_decode(page, sizeof(page), &c, NULL), 0);
	UNIT_EQ(nvme_ctrl_info_check(&c, cntlid, false, true, &why), 0);
	UNIT_STR(c.subnqn, FAKE_NQN);
	UNIT_STR(c.serial, "S1");
	UNIT_STR(c.model, "Weft NVMe-oF Controller");
	UNIT_EQ(c.version, NVME_VS(2, 0, 0));
	UNIT_EQ(c.cntrltype, NVME_CNTRLTYPE_IO);
	UNIT_EQ(4096u << c.mdts, FAKE_MAX_IO);
	UNIT_EQ(c.nn, 32);
	UNIT_EQ(c.aerl, NVME_MAX_AERS - 1);
	UNIT_EQ(c.oaes, NVME_OAES_NS_ATTR);
	UNIT_EQ(c.anacap, 0);
	UNIT_EQ(c.oncs, NVME_ONCS_COMPARE | NVME_ONCS_WRITE_UNCORRECTABLE |
		NVME_ONCS_DSM | NVME_ONCS_WRITE_ZEROES |
		NVME_ONCS_SAVE_SELECT | NVME_ONCS_RESERVATIONS |
		NVME_ONCS_VERIFY | NVME_ONCS_COPY);
	UNIT_EQ(c.fuses, NVME_FUSES_COMPARE_WRITE);
	UNIT_EQ((c.acwu + 1) * 65536, FAKE_MAX_IO / 2);
	/* lengths are exact, unknown structures refused */
	nvme_cmd_identify(&cmd, NVME_CNS_CTRL, 0, 0, 0);
	UNIT_EQ(fake_cmd(a, &cmd, page, PAGE - 1).st,
		DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	UNIT_EQ(fake_cmd(a, &cmd, page, 0).st,
		DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	UNIT_EQ(identify(0x7f, 0, 0), DNR(NVME_SC_INVALID_FIELD));
	end();
}

/* formats of Copy (OCFS), and which controllers there are (FCATT) */
static void test_identify_formats_and_model(void)
{
	struct fake_hello h = { .subnqn = FAKE_NQN "-static",
				.cntlid = NVMF_CNTLID_STATIC };
	struct nvmf_subsystem_opts o = {
		.nqn = h.subnqn, .allow_any_host = true, .static_cntlid = true,
		.min_cntlid = 5, .max_cntlid = 6,
	};
	const struct nvme_id_ctrl *id = (const void *)page;

	begin();
	UNIT_EQ(identify(NVME_CNS_CTRL, 0, 0), 0);
	UNIT_EQ(le16_to_cpu(id->ocfs), 1);
	UNIT_EQ(id->fcatt, 0);
	UNIT_EQ(fake_subsystem(&o), 0);
	UNIT_EQ(fake_listener(o.nqn, "4420", true), 0);
	fake_conn_end(a);
	a = fake_admin_as(&h, &cntlid);
	UNIT_EQ(identify(NVME_CNS_CTRL, 0, 0), 0);
	UNIT_EQ(le16_to_cpu(id->ocfs), 1);
	UNIT_EQ(id->fcatt, 1);
	/* it copies nothing */
	fake_conn_end(a);
	a = fake_admin(NVMF_DISCOVERY_NQN, &cntlid);
	UNIT_EQ(identify(NVME_CNS_CTRL, 0, 0), 0);
	UNIT_EQ(id->ocfs, 0);
	UNIT_EQ(id->fcatt, 0);
	end();
}

static void test_identify_ns(void)
{
	struct nvme_ns_facts f = { 0 };

	begin();
	UNIT_EQ(identify(NVME_CNS_NS, 1, 0), 0);
	UNIT_EQ(nvme_id_ns_decode(page, sizeof(page), &f, NULL), 0);
	UNIT_EQ(f.nsze, 2048);
	UNIT_EQ(f.lbads, 9);
	UNIT_EQ(f.nmic, NVME_NMIC_SHARED);
	UNIT_EQ(f.dlfeat,
		NVME_DLFEAT_READ_ZEROES | NVME_DLFEAT_WRITE_ZEROES_DEAC);
	UNIT_EQ(f.mcl, 2048);
	UNIT_EQ(f.mssrl, 2048);
	UNIT_EQ(f.msrc, 127);
	UNIT_EQ(identify(NVME_CNS_NS_DESC_LIST, 1, 0), 0);
	UNIT_EQ(nvme_ns_descs_decode(page, sizeof(page), &f, NULL), 0);
	CU_ASSERT(!weft_id_is_zero(f.uuid, 16));
	CU_ASSERT(!memcmp(f.uuid, f.nguid, 16));
	/* inactive: zeroes or a refusal; out of range: a refusal */
	UNIT_EQ(identify(NVME_CNS_NS, 2, 0), 0);
	CU_ASSERT(page_is_zero());
	UNIT_EQ(identify(NVME_CNS_NS_DESC_LIST, 2, 0),
		DNR(NVME_SC_INVALID_NS));
	UNIT_EQ(identify(NVME_CNS_NS, 0, 0), DNR(NVME_SC_INVALID_NS));
	UNIT_EQ(identify(NVME_CNS_NS, 33, 0), DNR(NVME_SC_INVALID_NS));
	UNIT_EQ(identify(NVME_CNS_NS, NVME_NSID_ALL, 0),
		DNR(NVME_SC_INVALID_NS));
	end();
}

static void independent(u32 nsid, u8 nsattr)
{
	struct nvme_ns_facts f = { 0 };
	u8 rescap = NVME_RESCAP_ALL_TYPES | NVME_RESCAP_IEKEY_13;

	UNIT_EQ(identify(NVME_CNS_CSI_INDEP_NS, nsid, 0), 0);
	UNIT_EQ(nvme_id_ns_indep_decode(page, sizeof(page), &f, NULL), 0);
	UNIT_EQ(f.nmic, NVME_NMIC_SHARED);
	UNIT_EQ(f.rescap, rescap);
	UNIT_EQ(f.anagrpid, nsid);
	UNIT_EQ(f.nsattr, nsattr);
	/* and nothing else: no media that rotate, no set, no endurance group */
	memset(page + 4, 0, 4);
	page[1] = page[2] = page[8] = page[14] = 0;
	CU_ASSERT(page_is_zero());
}

/* what newer hosts ask for before anything else */
static void test_identify_independent(void)
{
	u32 nsid = 7;

	fake_medium_reset();
	fake_medium.lacks = 1u << BDEV_WRITE;
	fake_start(2, 0);
	fake_standard_with(true);
	UNIT_EQ(fake_medium_create("d0", 64), 0);
	UNIT_EQ(fake_add_ns(FAKE_NQN, "d0", &nsid), 0);
	a = fake_admin(FAKE_NQN, &cntlid);
	independent(1, 0);
	independent(7, NVME_NSATTR_WRITE_PROTECTED);
	UNIT_EQ(identify(NVME_CNS_CSI_INDEP_NS, 2, 0), 0);
	CU_ASSERT(page_is_zero());
	UNIT_EQ(identify(NVME_CNS_CSI_INDEP_NS, 33, 0),
		DNR(NVME_SC_INVALID_NS));
	end();
	fake_medium_reset();
}

/* the largest Compare and Write in blocks of the namespace's own */
static void test_identify_pair(void)
{
	static const u32 sizes[] = { 512, 4096, 65536 };
	struct nvme_ns_facts f;
	char name[] = "p0";
	u32 i, nsid;

	begin();
	for (i = 0; i < ARRAY_SIZE(sizes); i++, name[1]++) {
		nsid = 2 + i;
		UNIT_EQ(fake_malloc(name, 4, sizes[i]), 0);
		UNIT_EQ(fake_add_ns(FAKE_NQN, name, &nsid), 0);
		UNIT_EQ(identify(NVME_CNS_NS, nsid, 0), 0);
		UNIT_EQ(nvme_id_ns_decode(page, sizeof(page), &f, NULL), 0);
		CU_ASSERT(f.nsfeat & NVME_NSFEAT_ATOMICS);
		UNIT_EQ((f.nacwu + 1) * sizes[i], FAKE_MAX_IO / 2);
		/* these are the controller's: one block */
		UNIT_EQ(f.nawupf, 0);
		UNIT_EQ(f.nabspf, 0);
	}
	end();
}

static void test_identify_lists(void)
{
	u32 ids[NVME_NSID_LIST_MAX], nsid = 32;

	begin();
	UNIT_EQ(fake_null("n0", 100), 0);
	UNIT_EQ(fake_add_ns(FAKE_NQN, "n0", &nsid), 0);
	UNIT_EQ(identify(NVME_CNS_ACTIVE_NS_LIST, 0, 0), 0);
	UNIT_EQ(nvme_nsid_list_decode(page, PAGE, 0, ids, NULL), 2);
	UNIT_EQ(ids[0], 1);
	UNIT_EQ(ids[1], 32);
	UNIT_EQ(identify(NVME_CNS_ACTIVE_NS_LIST, 1, 0), 0);
	UNIT_EQ(nvme_nsid_list_decode(page, PAGE, 1, ids, NULL), 1);
	UNIT_EQ(identify(NVME_CNS_ACTIVE_NS_LIST, 32, 0), 0);
	CU_ASSERT(page_is_zero());
	UNIT_EQ(identify(NVME_CNS_ACTIVE_NS_LIST, NVME_NSID_ALL, 0),
		DNR(NVME_SC_INVALID_NS));
	UNIT_EQ(identify(NVME_CNS_ACTIVE_NS_LIST, NVME_NSID_ALL - 2, 0), 0);
	/* per command set: the NVM one only */
	UNIT_EQ(identify(NVME_CNS_CS_ACTIVE_NS_LIST, 0, 0), 0);
	UNIT_EQ(nvme_nsid_list_decode(page, PAGE, 0, ids, NULL), 2);
	UNIT_EQ(identify(NVME_CNS_CS_ACTIVE_NS_LIST, 0, 2),
		DNR(NVME_SC_INVALID_FIELD));
	UNIT_EQ(identify(NVME_CNS_CS_NS, 1, 0), 0);
	CU_ASSERT(page_is_zero());
	UNIT_EQ(identify(NVME_CNS_CS_CTRL, 0, 0), 0);
	CU_ASSERT(page_is_zero());
	UNIT_EQ(identify(NVME_CNS_CS_CTRL, 0, 2), DNR(NVME_SC_INVALID_FIELD));
	UNIT_EQ(identify(NVME_CNS_CMD_SETS, 0, 0), 0);
	UNIT_EQ(page[0], 1);
	CU_ASSERT(weft_id_is_zero(page + 1, PAGE - 1));
	end();
}

/* Features */

static struct fake_result set(u8 fid, u32 cdw11, void *data, u32 len)
{
	union nvme_cmd cmd;

	nvme_cmd_set_features(&cmd, fid, 0, cdw11, 0);
	return fake_cmd(a, &cmd, data, len);
}

static struct fake_result get(u8 fid, u8 sel, u32 cdw11, void *data, u32 len)
{
	union nvme_cmd cmd;

	nvme_cmd_get_features(&cmd, fid, 0, sel, cdw11);
	return fake_cmd(a, &cmd, data, len);
}

static void test_features(void)
{
	static const struct {
		u8 fid;
		u32 set;
		nvme_status st;
		u32 get;
		u32 def;
	} f[] = {
		{ NVME_FEAT_ARBITRATION, 0x01020304, 0, 0x01020304, 0 },
		{ NVME_FEAT_POWER, 0, 0, 0, 0 },
		{ NVME_FEAT_POWER, 1, DNR(NVME_SC_INVALID_FIELD), 0, 0 },
		{ NVME_FEAT_TEMP_THRESHOLD, 0x0150, 0, 0x0150, 0xffff },
		{ NVME_FEAT_TEMP_THRESHOLD, 0x030150,
		  DNR(NVME_SC_INVALID_FIELD), 0x0150, 0xffff },
		{ NVME_FEAT_ERROR_RECOVERY, 7, 0, 7, 0 },
		{ NVME_FEAT_ERROR_RECOVERY, 1 << 16,
		  DNR(NVME_SC_INVALID_FIELD), 7, 0 },
		{ NVME_FEAT_VWC, 1, 0, 1, 1 },
		{ NVME_FEAT_VWC, 0, DNR(NVME_SC_FEATURE_NOT_CHANGEABLE), 1, 1 },
		{ NVME_FEAT_NUM_QUEUES, 0x003f003f, 0, 0x00030003, 0x00030003 },
		{ NVME_FEAT_NUM_QUEUES, 0xffff0000, DNR(NVME_SC_INVALID_FIELD),
		  0x00030003, 0x00030003 },
		{ NVME_FEAT_WRITE_ATOMICITY, 1, 0, 1, 0 },
		{ NVME_FEAT_ASYNC_EVENT, 0xffffffff, 0, NVME_OAES_NS_ATTR, 0 },
		{ NVME_FEAT_KATO, 1234, 0, 1300, 0 },
		{ NVME_FEAT_KATO, 0, 0, 0, 0 },
	};
	size_t i;

	begin();
	for (i = 0; i < ARRAY_SIZE(f); i++) {
		UNIT_EQ(set(f[i].fid, f[i].set, NULL, 0).st, f[i].st);
		UNIT_EQ(get(f[i].fid, 0, 0, NULL, 0).result, f[i].get);
		UNIT_EQ(get(f[i].fid, 1, 0, NULL, 0).result, f[i].def);
		UNIT_EQ(get(f[i].fid, 2, 0, NULL, 0).result, f[i].def);
		UNIT_EQ(get(f[i].fid, 4, 0, NULL, 0).st,
			DNR(NVME_SC_INVALID_FIELD));
		UNIT_EQ(set(f[i].fid, f[i].set, NULL, 0).st, f[i].st);
	}
	UNIT_EQ(get(NVME_FEAT_VWC, 3, 0, NULL, 0).result, 0);
	UNIT_EQ(get(NVME_FEAT_ARBITRATION, 3, 0, NULL, 0).result, 4);
	UNIT_EQ(get(NVME_FEAT_IRQ_COALESCING, 0, 0, NULL, 0).st,
		DNR(NVME_SC_INVALID_FIELD));
	UNIT_EQ(set(NVME_FEAT_IRQ_COALESCING, 0, NULL, 0).st,
		DNR(NVME_SC_INVALID_FIELD));
	end();
}

static void test_features_with_data(void)
{
	u8 behavior[512] = { 1 }, got[512], id[16];
	union nvme_cmd cmd;

	begin();
	UNIT_EQ(set(NVME_FEAT_HOST_BEHAVIOR, 0, behavior, 512).st, 0);
	UNIT_EQ(get(NVME_FEAT_HOST_BEHAVIOR, 0, 0, got, 512).st, 0);
	CU_ASSERT(!memcmp(behavior, got, 512));
	UNIT_EQ(get(NVME_FEAT_HOST_BEHAVIOR, 1, 0, got, 512).st, 0);
	UNIT_EQ(got[0], 0);
	behavior[0] = 2;
	UNIT_EQ(set(NVME_FEAT_HOST_BEHAVIOR, 0, behavior, 512).st,
		DNR(NVME_SC_INVALID_FIELD));
	UNIT_EQ(set(NVME_FEAT_HOST_BEHAVIOR, 0, behavior, 100).st,
		DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	UNIT_EQ(get(NVME_FEAT_HOST_ID, 0, 1, id, 16).st, 0);
	UNIT_EQ(id[0], 1);
	UNIT_EQ(get(NVME_FEAT_HOST_ID, 0, 0, id, 8).st,
		DNR(NVME_SC_INVALID_FIELD));
	UNIT_EQ(set(NVME_FEAT_HOST_ID, 1, id, 16).st,
		DNR(NVME_SC_CMD_SEQ_ERROR));
	nvme_cmd_set_features(&cmd, NVME_FEAT_ARBITRATION, 0, 0, 0);
	cmd.sqe.cdw10 |= cpu_to_le32(NVME_FEAT_SAVE);
	UNIT_EQ(fake_cmd(a, &cmd, NULL, 0).st,
		DNR(NVME_SC_FEATURE_NOT_SAVEABLE));
	/* a reset brings the defaults back */
	UNIT_EQ(set(NVME_FEAT_ARBITRATION, 5, NULL, 0).st, 0);
	fake_prop_set(a, NVME_REG_CC, NVME_CC_IOSQES(6) | NVME_CC_IOCQES(4));
	CU_ASSERT(fake_enable(a));
	UNIT_EQ(get(NVME_FEAT_ARBITRATION, 0, 0, NULL, 0).result, 0);
	end();
}

/* Log pages */

static nvme_status log_page(u8 lid, u64 offset, u32 bytes)
{
	union nvme_cmd cmd;

	memset(page, 0xaa, sizeof(page));
	nvme_cmd_get_log_page(&cmd, lid, NVME_NSID_ALL, offset, bytes, 0,
			      false);
	return fake_cmd(a, &cmd, page, bytes).st;
}

static void test_log_windows(void)
{
	static const u8 lids[] = { NVME_LOG_SUPPORTED, NVME_LOG_ERROR,
				   NVME_LOG_SMART, NVME_LOG_FW_SLOT,
				   NVME_LOG_CHANGED_NS, NVME_LOG_CMD_EFFECTS };
	size_t i;

	begin();
	for (i = 0; i < ARRAY_SIZE(lids); i++) {
		UNIT_EQ(log_page(lids[i], 0, PAGE), 0);
		memcpy(page2, page, PAGE);
		/* any window shows the same bytes */
		UNIT_EQ(log_page(lids[i], 4, 508), 0);
		CU_ASSERT(!memcmp(page, page2 + 4, 508));
		UNIT_EQ(log_page(lids[i], 500, 4), 0);
		CU_ASSERT(!memcmp(page, page2 + 500, 4));
		UNIT_EQ(log_page(lids[i], 2, 4), DNR(NVME_SC_INVALID_FIELD));
		UNIT_EQ(log_page(lids[i], 1 << 20, 4),
			DNR(NVME_SC_INVALID_FIELD));
	}
	UNIT_EQ(log_page(NVME_LOG_SMART, 0, FAKE_MAX_IO + 4),
		DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	UNIT_EQ(log_page(NVME_LOG_ANA, 0, 64),
		DNR(NVME_SC_INVALID_LOG_PAGE));
	UNIT_EQ(log_page(NVME_LOG_DISCOVERY, 0, 1024),
		DNR(NVME_SC_INVALID_LOG_PAGE));
	UNIT_EQ(log_page(NVME_LOG_ANA, 0, 1024), DNR(NVME_SC_INVALID_LOG_PAGE));
	end();
}

static void test_log_contents(void)
{
	const struct nvme_effects_log *fx = (void *)page;
	const struct nvme_fw_slot_log *fw = (void *)page;

	begin();
	UNIT_EQ(log_page(NVME_LOG_SUPPORTED, 0, 1024), 0);
	UNIT_EQ(page[NVME_LOG_SMART * 4], 1);
	UNIT_EQ(page[NVME_LOG_DISCOVERY * 4], 0);
	UNIT_EQ(log_page(NVME_LOG_CMD_EFFECTS, 0, PAGE), 0);
	UNIT_EQ(le32_to_cpu(fx->acs[NVME_ADMIN_IDENTIFY]), 1);
	UNIT_EQ(le32_to_cpu(fx->acs[NVME_ADMIN_NS_MGMT]), 0);
	UNIT_EQ(le32_to_cpu(fx->iocs[NVME_CMD_READ]), 1);
	UNIT_EQ(le32_to_cpu(fx->iocs[NVME_CMD_WRITE]), 3);
	UNIT_EQ(le32_to_cpu(fx->iocs[NVME_CMD_VERIFY]), 1);
	UNIT_EQ(le32_to_cpu(fx->iocs[NVME_CMD_COPY]), 3);
	UNIT_EQ(le32_to_cpu(fx->iocs[0x1a]), 0);
	UNIT_EQ(log_page(NVME_LOG_FW_SLOT, 0, 512), 0);
	UNIT_EQ(fw->afi, 1);
	CU_ASSERT(!weft_id_is_zero((const u8 *)fw->frs[0], 8));
	end();
}

static void test_error_log(void)
{
	const struct nvme_error_log_entry *e = (void *)page;
	struct fake_conn *io;
	union nvme_cmd cmd;
	int i;

	begin();
	UNIT_EQ(log_page(NVME_LOG_ERROR, 0, 64), 0);
	UNIT_EQ(le64_to_cpu(e->error_count), 0);
	UNIT_EQ(identify(0x77, 3, 0), DNR(NVME_SC_INVALID_FIELD));
	io = fake_io(cntlid, 1, 1);
	nvme_cmd_rw(&cmd, NVME_CMD_READ, 1, 5000, 1, 0);
	UNIT_EQ(fake_cmd(io, &cmd, page, 512).st, DNR(NVME_SC_LBA_RANGE));
	fake_yield();
	UNIT_EQ(log_page(NVME_LOG_ERROR, 0, 128), 0);
	UNIT_EQ(le64_to_cpu(e[0].error_count), 2);
	UNIT_EQ(le16_to_cpu(e[0].sqid), 1);
	UNIT_EQ(le64_to_cpu(e[0].lba), 5000);
	UNIT_EQ(le16_to_cpu(e[0].status) >> 1, DNR(NVME_SC_LBA_RANGE));
	UNIT_EQ(le16_to_cpu(e[0].param_error_loc), 40);
	UNIT_EQ(le32_to_cpu(e[1].nsid), 3);
	UNIT_EQ(le16_to_cpu(e[1].param_error_loc), 40);
	/* more than it holds: the newest stay */
	for (i = 0; i < 100; i++)
		identify(0x77, 0, 0);
	UNIT_EQ(log_page(NVME_LOG_ERROR, 0, PAGE), 0);
	UNIT_EQ(le64_to_cpu(e[0].error_count), 102);
	UNIT_EQ(le64_to_cpu(e[63].error_count), 39);
	fake_conn_end(io);
	end();
}

static void test_smart(void)
{
	const struct nvme_smart_log *l = (void *)page;
	static u8 data[65536];
	struct fake_conn *io[2];
	union nvme_cmd cmd;
	int i;

	begin();
	io[0] = fake_io(cntlid, 1, 0);
	io[1] = fake_io(cntlid, 2, 1);
	for (i = 0; i < 10; i++) {
		fake_rw(io[i & 1], NVME_CMD_WRITE, 0, 128, data, sizeof(data));
		fake_rw(io[i & 1], NVME_CMD_READ, 0, 1, data, 512);
	}
	UNIT_EQ(log_page(NVME_LOG_SMART, 0, 512), 0);
	UNIT_EQ(l->avail_spare, 100);
	UNIT_EQ(l->host_writes[0], 10);
	UNIT_EQ(l->host_reads[0], 10);
	UNIT_EQ(l->data_units_written[0], 2);	/* 655,360 bytes */
	UNIT_EQ(l->data_units_read[0], 1);
	nvme_cmd_get_log_page(&cmd, NVME_LOG_SMART, 1, 0, 512, 0, false);
	UNIT_EQ(fake_cmd(a, &cmd, page, 512).st, DNR(NVME_SC_INVALID_FIELD));
	fake_conn_end(io[0]);
	fake_conn_end(io[1]);
	end();
}

static void test_ana(void)
{
	struct nvmf_subsystem_opts o = {
		.nqn = "nqn.2026-11.io.weft:ana", .allow_any_host = true,
		.ana_reporting = true,
	};
	u32 nsid = 3;

	begin();
	UNIT_EQ(fake_subsystem(&o), 0);
	UNIT_EQ(fake_listener(o.nqn, "4420", true), 0);
	UNIT_EQ(fake_null("n0", 100), 0);
	UNIT_EQ(fake_add_ns(o.nqn, "n0", &nsid), 0);
	fake_conn_end(a);
	a = fake_admin(o.nqn, &cntlid);
	UNIT_EQ(identify(NVME_CNS_CTRL, 0, 0), 0);
	UNIT_EQ(page[342], 10);		/* ANATT */
	UNIT_EQ(identify(NVME_CNS_NS, 3, 0), 0);
	UNIT_EQ(page[92], 3);		/* ANAGRPID */
	UNIT_EQ(log_page(NVME_LOG_ANA, 0, 64), 0);
	UNIT_EQ(page[8], 1);		/* groups */
	UNIT_EQ(page[16], 3);		/* group id */
	UNIT_EQ(page[20], 1);		/* members */
	UNIT_EQ(page[32], 1);		/* optimized */
	UNIT_EQ(page[48], 3);		/* the member */
	CU_ASSERT(weft_id_is_zero(page + 52, 12));
	end();
}

/* Asynchronous events, Abort */

static struct fake_req *aer(void)
{
	union nvme_cmd cmd;

	nvme_cmd_async_event(&cmd);
	return fake_submit(a, &cmd, NULL, 0, FAKE_REMOTE);
}

static void test_aer_namespaces(void)
{
	u32 nsid = 5, ids[NVME_NSID_LIST_MAX];
	struct fake_req *r1, *r2;

	begin();
	r1 = aer();
	/* nobody asked for events yet */
	UNIT_EQ(fake_null("n0", 100), 0);
	UNIT_EQ(fake_add_ns(FAKE_NQN, "n0", &nsid), 0);
	fake_yield();
	CU_ASSERT(!fake_ended(r1));
	set(NVME_FEAT_ASYNC_EVENT, NVME_OAES_NS_ATTR, NULL, 0);
	r2 = aer();
	UNIT_EQ(fake_remove_ns(FAKE_NQN, 5), 0);
	UNIT_EQ(fake_wait(r1).result,
		NVME_AER_DW0(NVME_AER_NOTICE, NVME_AER_NOTICE_NS_CHANGED,
			     NVME_LOG_CHANGED_NS));
	/* masked until the log page has been read */
	UNIT_EQ(fake_add_ns(FAKE_NQN, "n0", &nsid), 0);
	fake_yield();
	CU_ASSERT(!fake_ended(r2));
	UNIT_EQ(log_page(NVME_LOG_CHANGED_NS, 0, PAGE), 0);
	UNIT_EQ(nvme_nsid_list_decode(page, PAGE, 0, ids, NULL), 1);
	UNIT_EQ(ids[0], 5);
	UNIT_EQ(log_page(NVME_LOG_CHANGED_NS, 0, PAGE), 0);
	CU_ASSERT(page_is_zero());
	UNIT_EQ(fake_remove_ns(FAKE_NQN, 5), 0);
	UNIT_EQ(fake_wait(r2).st, 0);
	end();
}

/* what waits for a request is not told once the host has turned it off */
static void test_aer_turned_off(void)
{
	struct fake_req *r;
	u32 nsid = 5;

	begin();
	UNIT_EQ(fake_null("n0", 100), 0);
	set(NVME_FEAT_ASYNC_EVENT, NVME_OAES_NS_ATTR, NULL, 0);
	UNIT_EQ(fake_add_ns(FAKE_NQN, "n0", &nsid), 0);
	fake_yield();
	set(NVME_FEAT_ASYNC_EVENT, 0, NULL, 0);
	r = aer();
	CU_ASSERT(!fake_ended(r));
	/* nor when it is on again: only what happens then is */
	set(NVME_FEAT_ASYNC_EVENT, NVME_OAES_NS_ATTR, NULL, 0);
	CU_ASSERT(!fake_ended(r));
	UNIT_EQ(fake_remove_ns(FAKE_NQN, 5), 0);
	UNIT_EQ(fake_wait(r).result,
		NVME_AER_DW0(NVME_AER_NOTICE, NVME_AER_NOTICE_NS_CHANGED,
			     NVME_LOG_CHANGED_NS));
	end();
}

/* More than a list holds: it is read in parts, and changes overflow */
#define MANY	2000

static void make_many(void)
{
	struct nvmf_subsystem_opts o = {
		.nqn = FAKE_NQN "-many", .allow_any_host = true,
		.max_namespaces = NVMF_MAX_NAMESPACES,
	};

	UNIT_EQ(fake_subsystem(&o), 0);
	UNIT_EQ(fake_listener(o.nqn, "4420", true), 0);
	fake_conn_end(a);
	a = fake_admin(o.nqn, &cntlid);
}

static void add_many(u32 from, u32 n)
{
	char name[16];
	u32 nsid;

	for (; n; n--, from++) {
		snprintf(name, sizeof(name), "many%u", from);
		nsid = from;
		UNIT_EQ(fake_null(name, 8), 0);
		UNIT_EQ(fake_add_ns(FAKE_NQN "-many", name, &nsid), 0);
	}
}

static u32 active_after(u32 nsid, u32 *ids)
{
	UNIT_EQ(identify(NVME_CNS_ACTIVE_NS_LIST, nsid, 0), 0);
	return nvme_nsid_list_decode(page, PAGE, nsid, ids, NULL);
}

static nvme_status changed_kept(void)
{
	union nvme_cmd cmd;

	nvme_cmd_get_log_page(&cmd, NVME_LOG_CHANGED_NS, NVME_NSID_ALL, 0, PAGE,
			      0, true);
	return fake_cmd(a, &cmd, page, PAGE).st;
}

static void test_many_namespaces(void)
{
	u32 ids[NVME_NSID_LIST_MAX];
	__le32 *first = (__le32 *)page;

	begin();
	make_many();
	add_many(1, NVME_NSID_LIST_MAX);
	UNIT_EQ(log_page(NVME_LOG_CHANGED_NS, 0, PAGE), 0);
	UNIT_EQ(nvme_nsid_list_decode(page, PAGE, 0, ids, NULL),
		NVME_NSID_LIST_MAX);
	add_many(NVME_NSID_LIST_MAX + 1, MANY - NVME_NSID_LIST_MAX);
	UNIT_EQ(active_after(0, ids), NVME_NSID_LIST_MAX);
	UNIT_EQ(ids[NVME_NSID_LIST_MAX - 1], NVME_NSID_LIST_MAX);
	UNIT_EQ(active_after(NVME_NSID_LIST_MAX, ids),
		MANY - NVME_NSID_LIST_MAX);
	UNIT_EQ(ids[0], NVME_NSID_LIST_MAX + 1);
	UNIT_EQ(active_after(MANY, ids), 0);
	UNIT_EQ(active_after(MANY - 1, ids), 1);
	UNIT_EQ(identify(NVME_CNS_NS, MANY, 0), 0);
	CU_ASSERT(!page_is_zero());
	UNIT_EQ(identify(NVME_CNS_NS, NVMF_MAX_NAMESPACES + 1, 0),
		DNR(NVME_SC_INVALID_NS));
	/* as many changes as a list holds; then one more, which is too many */
	UNIT_EQ(changed_kept(), 0);
	UNIT_EQ(le32_to_cpu(*first), NVME_NSID_LIST_MAX + 1);
	add_many(MANY + 1, 2 * NVME_NSID_LIST_MAX - MANY);
	UNIT_EQ(changed_kept(), 0);
	UNIT_EQ(nvme_nsid_list_decode(page, PAGE, 0, ids, NULL),
		NVME_NSID_LIST_MAX);
	UNIT_EQ(fake_remove_ns(FAKE_NQN "-many", 1), 0);
	UNIT_EQ(log_page(NVME_LOG_CHANGED_NS, 0, PAGE), 0);
	UNIT_EQ(le32_to_cpu(first[0]), NVME_NSID_ALL);
	UNIT_EQ(le32_to_cpu(first[1]), 0);
	UNIT_EQ(log_page(NVME_LOG_CHANGED_NS, 0, PAGE), 0);
	CU_ASSERT(page_is_zero());
	end();
}

static void test_aer_limit_and_abort(void)
{
	struct fake_req *r[NVME_MAX_AERS];
	union nvme_cmd cmd;
	int i;

	begin();
	for (i = 0; i < NVME_MAX_AERS; i++)
		r[i] = aer();
	UNIT_EQ(fake_wait(aer()).st, DNR(NVME_SC_ASYNC_LIMIT));
	nvme_cmd_abort(&cmd, 0, fake_cid(r[2]));
	UNIT_EQ(fake_cmd(a, &cmd, NULL, 0).result, 0);
	UNIT_EQ(fake_wait(r[2]).st, DNR(NVME_SC_ABORT_REQUESTED));
	/* not there (any more), or on a queue that nobody can reach into */
	UNIT_EQ(fake_cmd(a, &cmd, NULL, 0).result, 1);
	nvme_cmd_abort(&cmd, 1, fake_cid(r[1]));
	UNIT_EQ(fake_cmd(a, &cmd, NULL, 0).result, 1);
	/* a reset ends those that wait; so does the end of the connection */
	fake_prop_set(a, NVME_REG_CC, NVME_CC_IOSQES(6) | NVME_CC_IOCQES(4));
	UNIT_EQ(fake_wait(r[0]).st, NVME_SC_ABORT_SQ_DELETED);
	UNIT_EQ(fake_wait(r[1]).st, NVME_SC_ABORT_SQ_DELETED);
	UNIT_EQ(fake_wait(r[3]).st, NVME_SC_ABORT_SQ_DELETED);
	CU_ASSERT(fake_enable(a));
	for (i = 0; i < NVME_MAX_AERS; i++)
		r[i] = aer();
	fake_conn_break(a);
	for (i = 0; i < NVME_MAX_AERS; i++)
		UNIT_EQ(fake_wait(r[i]).st, NVME_SC_ABORT_SQ_DELETED);
	end();
}

/* Keep-alive */

static void test_keep_alive_expiry(void)
{
	struct fake_conn *io, *quiet;
	union nvme_cmd cmd;
	struct fake_result r;

	begin();
	/* 100 ms is the granularity: nothing is said within it */
	quiet = fake_conn_new(true);
	r = fake_hello(quiet, &(struct fake_hello){ .kato = 1 });
	UNIT_EQ(r.st, 0);
	CU_ASSERT(fake_enable(quiet));
	io = fake_io(r.result, 1, 1);
	fake_until(&quiet->gone);
	fake_until(&io->gone);
	fake_yield();
	UNIT_EQ(fake_ctrlrs(FAKE_NQN), 1);
	nvme_cmd_keep_alive(&cmd);
	UNIT_EQ(fake_cmd(a, &cmd, NULL, 0).st, 0);
	fake_conn_end(quiet);
	fake_conn_end(io);
	end();
}

static void test_kato_rounding(void)
{
	fake_start(1, 700);
	fake_standard();
	a = fake_admin(FAKE_NQN, NULL);
	set(NVME_FEAT_KATO, 1, NULL, 0);
	UNIT_EQ(get(NVME_FEAT_KATO, 0, 0, NULL, 0).result, 700);
	set(NVME_FEAT_KATO, 701, NULL, 0);
	UNIT_EQ(get(NVME_FEAT_KATO, 0, 0, NULL, 0).result, 800);
	set(NVME_FEAT_KATO, 0xffffffff, NULL, 0);
	UNIT_EQ(get(NVME_FEAT_KATO, 0, 0, NULL, 0).result, 0xffffffff);
	end();
}

/* Discovery */

struct found {
	u64 n;
	struct nvmf_disc_record r[8];
};

static void take_record(void *ctx, u64 index, const struct nvmf_disc_record *r)
{
	struct found *f = ctx;

	f->n = index + 1;
	if (index < ARRAY_SIZE(f->r))
		f->r[index] = *r;
}

static void discover(struct fake_conn *d, struct found *f)
{
	struct nvmf_disc_reader rd;
	static u8 buf[2048];
	union nvme_cmd cmd;
	u64 offset;
	u32 len;

	f->n = 0;
	nvmf_disc_reader_init(&rd);
	while (nvmf_disc_next(&rd, sizeof(buf), &offset, &len)) {
		nvme_cmd_get_log_page(&cmd, NVME_LOG_DISCOVERY, 0, offset, len,
				      0, false);
		UNIT_EQ(fake_cmd(d, &cmd, buf, len).st, 0);
		UNIT_EQ(nvmf_disc_feed(&rd, buf, len, take_record, f, NULL), 0);
	}
}

static struct fake_conn *discovery_conn(const char *host)
{
	struct fake_hello h = { .subnqn = NVMF_DISCOVERY_NQN,
				.hostnqn = host };
	struct fake_conn *d = fake_conn_new(true);

	UNIT_EQ(fake_hello(d, &h).st, 0);
	CU_ASSERT(fake_enable(d));
	return d;
}

static void test_discovery_log(void)
{
	struct nvmf_subsystem_opts o = { .nqn = "nqn.2026-11.io.weft:two" };
	struct fake_conn *d, *d2;
	struct found f;

	begin();
	UNIT_EQ(fake_listener(FAKE_NQN, "4421", true), 0);
	UNIT_EQ(fake_subsystem(&o), 0);
	UNIT_EQ(fake_listener(o.nqn, "4420", true), 0);
	UNIT_EQ(fake_add_host(o.nqn, FAKE_HOST "2"), 0);
	d = discovery_conn(FAKE_HOST);
	d2 = discovery_conn(FAKE_HOST "2");
	/* a host sees where it may go, and nothing else */
	discover(d, &f);
	UNIT_EQ(f.n, 2);
	UNIT_STR(f.r[0].subnqn, FAKE_NQN);
	UNIT_STR(f.r[0].traddr, "127.0.0.1");
	UNIT_STR(f.r[0].trsvcid, "4420");
	UNIT_STR(f.r[1].trsvcid, "4421");
	UNIT_EQ(f.r[0].trtype, NVMF_TRTYPE_TCP);
	UNIT_EQ(f.r[0].adrfam, NVMF_ADRFAM_IPV4);
	UNIT_EQ(f.r[0].subtype, NVMF_SUBTYPE_NVME);
	UNIT_EQ(f.r[0].cntlid, 0xffff);
	UNIT_EQ(f.r[0].asqsz, FAKE_DEPTH);
	CU_ASSERT(f.r[0].portid != f.r[1].portid);
	discover(d2, &f);
	UNIT_EQ(f.n, 3);
	UNIT_STR(f.r[2].subnqn, o.nqn);
	UNIT_EQ(f.r[2].portid, f.r[0].portid);
	fake_conn_end(d);
	fake_conn_end(d2);
	end();
}

static void test_discovery_ctrlr(void)
{
	struct fake_conn *d;
	struct nvme_ctrl_info c;
	union nvme_cmd cmd;

	begin();
	d = discovery_conn(FAKE_HOST);
	nvme_cmd_identify(&cmd, NVME_CNS_CTRL, 0, 0, 0);
	UNIT_EQ(fake_cmd(d, &cmd, page, PAGE).st, 0);
	UNIT_EQ(nvme_id_ctrl_decode(page, PAGE, &c, NULL), 0);
	UNIT_EQ(c.cntrltype, NVME_CNTRLTYPE_DISCOVERY);
	UNIT_STR(c.subnqn, NVMF_DISCOVERY_NQN);
	UNIT_EQ(c.oaes, NVME_OAES_DISC_CHANGE);
	nvme_cmd_identify(&cmd, NVME_CNS_ACTIVE_NS_LIST, 0, 0, 0);
	UNIT_EQ(fake_cmd(d, &cmd, page, PAGE).st, DNR(NVME_SC_INVALID_FIELD));
	nvme_cmd_abort(&cmd, 0, 1);
	UNIT_EQ(fake_cmd(d, &cmd, NULL, 0).st, DNR(NVME_SC_INVALID_OPCODE));
	nvme_cmd_get_log_page(&cmd, NVME_LOG_SMART, NVME_NSID_ALL, 0, 512, 0,
			      false);
	UNIT_EQ(fake_cmd(d, &cmd, page, 512).st, DNR(NVME_SC_INVALID_LOG_PAGE));
	nvme_cmd_set_features(&cmd, NVME_FEAT_NUM_QUEUES, 0, 0, 0);
	UNIT_EQ(fake_cmd(d, &cmd, NULL, 0).st, DNR(NVME_SC_INVALID_FIELD));
	fake_conn_end(d);
	end();
}

static void test_discovery_event(void)
{
	struct fake_conn *keep, *d;
	struct fake_req *r;

	begin();
	d = discovery_conn(FAKE_HOST);
	keep = a;
	a = d;
	set(NVME_FEAT_ASYNC_EVENT, NVME_OAES_DISC_CHANGE, NULL, 0);
	r = aer();
	fake_yield();
	CU_ASSERT(!fake_ended(r));
	UNIT_EQ(fake_listener(FAKE_NQN, "4422", true), 0);
	UNIT_EQ(fake_wait(r).result,
		NVME_AER_DW0(NVME_AER_NOTICE, NVME_AER_NOTICE_DISC_CHANGED,
			     NVME_LOG_DISCOVERY));
	/* the last listener of an address takes discovery there with it */
	UNIT_EQ(fake_listener(FAKE_NQN, "4420", false), 0);
	fake_until(&d->gone);
	fake_until(&keep->gone);
	fake_conn_end(d);
	a = keep;
	end();
}

UNIT_MAIN(UNIT(test_identify_ctrl),
	  UNIT(test_identify_formats_and_model), UNIT(test_identify_ns),
	  UNIT(test_identify_independent), UNIT(test_identify_pair),
	  UNIT(test_identify_lists),
	  UNIT(test_features), UNIT(test_features_with_data), UNIT(test_log_windows),
	  UNIT(test_log_contents), UNIT(test_error_log), UNIT(test_smart),
	  UNIT(test_ana), UNIT(test_aer_namespaces),
	  UNIT(test_aer_turned_off), UNIT(test_many_namespaces),
	  UNIT(test_aer_limit_and_abort), UNIT(test_keep_alive_expiry),
	  UNIT(test_kato_rounding), UNIT(test_discovery_log),
	  UNIT(test_discovery_ctrlr), UNIT(test_discovery_event))
