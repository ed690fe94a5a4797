// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * common/identify.h: controller, namespace, descriptor list and namespace list
 * in both directions, every length, every refusal with its words.
 */
#include "common/identify.h"
#include "tests/unit/random.h"
#include "tests/unit/unit.h"

static const struct nvme_ctrl_desc desc = {
	.cntrltype = NVME_CNTRLTYPE_IO, .vid = 0x1d0f, .ssvid = 0x1d10,
	.ieee = { 1, 2, 3 }, .serial = "WEFT00000000000001",
	.model = "Weft Controller", .firmware = "0.1.0",
	.subnqn = "nqn.2026-11.io.weft:disk1", .cntlid = 7,
	.version = NVME_VS(2, 0, 0), .cmic = 0xb, .mdts = 8,
	.oaes = NVME_OAES_NS_ATTR, .ctratt = NVME_CTRATT_HOSTID_128, .kas = 10,
	.aerl = 3, .acl = 2, .lpa = 7, .elpe = 127, .oncs = 0x1d, .fuses = 1,
	.vwc = 1, .ocfs = 0x0201, .nn = 1024, .mnan = 512, .sgls = 0x100005, .maxcmd = 128,
	.ioccsz = 260, .iorcsz = 1, .icdoff = 5, .fcatt = 1, .msdbd = 1, .anacap = 0x1f,
	.anatt = 10, .anagrpmax = 128, .nanagrpid = 127,
};

/* Offsets from the specification's figure, not from our own structure. */
static void test_ctrl_bytes(void)
{
	static const struct {
		size_t at;
		u8 value;
	} want[] = {
		{ 0, 0x0f }, { 1, 0x1d }, { 2, 0x10 }, { 73, 1 }, { 75, 3 },
		{ 76, 0xb }, { 77, 8 }, { 78, 7 }, { 82, 2 }, { 93, 1 },
		{ 96, 1 }, { 111, 1 }, { 258, 2 }, { 259, 3 }, { 260, 3 },
		{ 261, 7 }, { 262, 127 }, { 320, 10 }, { 342, 10 },
		{ 343, 0x1f }, { 344, 128 }, { 348, 127 }, { 512, 0x66 },
		{ 513, 0x44 }, { 514, 128 }, { 517, 4 }, { 520, 0x1d },
		{ 522, 1 }, { 525, 1 }, { 534, 1 }, { 535, 2 }, { 536, 5 },
		{ 538, 0x10 }, { 541, 2 }, { 1792, 4 }, { 1793, 1 }, { 1796, 1 },
		{ 1800, 5 }, { 1802, 1 }, { 1803, 1 },
	};
	struct nvme_id_ctrl id;
	const u8 *p = (const u8 *)&id;
	size_t i;

	memset(&id, 0xaa, sizeof(id));
	nvme_id_ctrl_encode(&id, &desc);
	for (i = 0; i < ARRAY_SIZE(want); i++)
		UNIT_EQ(p[want[i].at], want[i].value);
	CU_ASSERT_EQUAL(memcmp(p + 4, "WEFT00000000000001  ", 20), 0);
	CU_ASSERT_EQUAL(memcmp(p + 24, "Weft Controller     ", 20), 0);
	UNIT_EQ(p[63], ' ');
	CU_ASSERT_EQUAL(memcmp(p + 64, "0.1.0   ", 8), 0);
	UNIT_STR((const char *)p + 768, "nqn.2026-11.io.weft:disk1");
	UNIT_EQ(p[1023], 0);
	for (i = 2048; i < 4096; i++)
		UNIT_EQ(p[i], 0);
}

static void test_ctrl_round_trip(void)
{
	struct nvme_ctrl_info c;
	struct nvme_id_ctrl id;
	struct weft_reason why;
	size_t len;

	nvme_id_ctrl_encode(&id, &desc);
	id.crdt[0] = cpu_to_le16(11);
	id.crdt[2] = cpu_to_le16(13);
	id.oacs = cpu_to_le16(0x106);
	id.dctype = 2;
	for (len = 0; len <= sizeof(id); len += len < 4000 ? 61 : 1) {
		void *cut = exact_copy(&id, len);

		UNIT_EQ(nvme_id_ctrl_decode(cut, len, &c, &why),
			len < sizeof(id) ? -EMSGSIZE : 0);
		free(cut);
	}
	UNIT_STR(why.text, "Identify Controller of 4095 bytes: it has 4096");
	UNIT_STR(c.serial, desc.serial);
	UNIT_STR(c.model, desc.model);
	UNIT_STR(c.firmware, desc.firmware);
	UNIT_STR(c.subnqn, desc.subnqn);
	UNIT_EQ(c.vid, desc.vid);
	UNIT_EQ(c.ssvid, desc.ssvid);
	UNIT_EQ(c.cntlid, desc.cntlid);
	UNIT_EQ(c.version, desc.version);
	UNIT_EQ(c.cmic, desc.cmic);
	UNIT_EQ(c.mdts, desc.mdts);
	UNIT_EQ(c.oaes, desc.oaes);
	UNIT_EQ(c.ctratt, desc.ctratt);
	UNIT_EQ(c.cntrltype, desc.cntrltype);
	UNIT_EQ(c.crdt[0], 11);
	UNIT_EQ(c.crdt[1], 0);
	UNIT_EQ(c.crdt[2], 13);
	UNIT_EQ(c.oacs, 0x106);
	UNIT_EQ(c.aerl, desc.aerl);
	UNIT_EQ(c.lpa, desc.lpa);
	UNIT_EQ(c.kas, desc.kas);
	UNIT_EQ(c.maxcmd, desc.maxcmd);
	UNIT_EQ(c.nn, desc.nn);
	UNIT_EQ(c.mnan, desc.mnan);
	UNIT_EQ(c.oncs, desc.oncs);
	UNIT_EQ(c.vwc, desc.vwc);
	UNIT_EQ(c.sgls, desc.sgls);
	UNIT_EQ(c.ioccsz, desc.ioccsz);
	UNIT_EQ(c.iorcsz, desc.iorcsz);
	UNIT_EQ(c.icdoff, desc.icdoff);
	UNIT_EQ(c.msdbd, desc.msdbd);
	UNIT_EQ(c.dctype, 2);
	UNIT_EQ(c.anacap, desc.anacap);
	UNIT_EQ(c.anatt, desc.anatt);
	UNIT_EQ(c.anagrpmax, desc.anagrpmax);
	UNIT_EQ(c.nanagrpid, desc.nanagrpid);
}

static void test_ctrl_text(void)
{
	struct nvme_ctrl_info c;
	struct nvme_id_ctrl id;
	struct weft_reason why;

	memset(&id, 0, sizeof(id));
	memset(id.sn, 'S', sizeof(id.sn));
	memcpy(id.mn, "a b \0c", 6);
	memset(id.fr, ' ', sizeof(id.fr));
	UNIT_EQ(nvme_id_ctrl_decode(&id, sizeof(id), &c, NULL), 0);
	UNIT_STR(c.serial, "SSSSSSSSSSSSSSSSSSSS");
	UNIT_STR(c.model, "a b");
	UNIT_STR(c.firmware, "");
	UNIT_STR(c.subnqn, "");
	memset(id.subnqn, 'n', 223);
	UNIT_EQ(nvme_id_ctrl_decode(&id, sizeof(id), &c, NULL), 0);
	UNIT_EQ(strlen(c.subnqn), 223);
	id.subnqn[223] = 'n';
	UNIT_EQ(nvme_id_ctrl_decode(&id, sizeof(id), &c, &why), -EPROTO);
	UNIT_STR(why.text,
		 "Identify Controller: subnqn has no end within its first 224 bytes");
}

/* Offsets from the specification's figure, not from our own structure. */
static void test_nvm_limits(void)
{
	u8 page[NVME_IDENTIFY_SIZE] = {
		[1] = 5, [3] = 255, [4] = 0x78, [5] = 0x56, [7] = 0x12,
		[8] = 0x21, [15] = 0x43,
	};
	struct nvme_nvm_limits l;

	nvme_nvm_limits_decode((void *)page, &l);
	UNIT_EQ(l.wzsl, 5);
	UNIT_EQ(l.dmrl, 255);
	UNIT_EQ(l.dmrsl, 0x12005678);
	UNIT_EQ(l.dmsl, 0x4300000000000021);
}

static int check(struct nvme_ctrl_info *c, struct weft_reason *why)
{
	return nvme_ctrl_info_check(c, 7, false, true, why);
}

static void test_ctrl_check(void)
{
	struct nvme_ctrl_info c = {
		.cntlid = 7, .kas = 10, .ioccsz = 4, .iorcsz = 1,
	};
	struct weft_reason why;

	UNIT_EQ(check(&c, &why), 0);
	UNIT_EQ(nvme_ctrl_info_check(&c, 8, false, true, &why), -EINVAL);
	UNIT_STR(why.text, "cntlid=7 in Identify: Connect returned 8");
	UNIT_EQ(nvme_ctrl_info_check(&c, 8, true, false, &why), -EINVAL);
	c.icdoff = 1;
	UNIT_EQ(check(&c, &why), -EINVAL);
	UNIT_STR(why.text,
		 "icdoff=1: beyond the capsule's data of 0 units of 16 bytes (ioccsz=4)");
	c.ioccsz = 5;
	UNIT_EQ(check(&c, &why), 0);
	c.icdoff = 2;
	UNIT_EQ(check(&c, &why), -EINVAL);
	c.icdoff = 0;
	c.iorcsz = 0;
	UNIT_EQ(check(&c, &why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "iorcsz=0"));
	c.iorcsz = 1;
	c.ioccsz = 3;
	UNIT_EQ(check(&c, &why), -EINVAL);
	UNIT_STR(why.text,
		 "ioccsz=3: a command capsule has at least 4 units of 16 bytes");
	c.ioccsz = 0xffffffff;
	c.icdoff = 0xffff;
	UNIT_EQ(check(&c, &why), 0);
	c.kas = 0;
	UNIT_EQ(check(&c, &why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "kas=0"));
	UNIT_EQ(nvme_ctrl_info_check(&c, 7, false, false, &why), 0);
	/* discovery controllers leave the I/O fields empty */
	c.ioccsz = c.iorcsz = 0;
	c.cntrltype = NVME_CNTRLTYPE_DISCOVERY;
	UNIT_EQ(nvme_ctrl_info_check(&c, 7, true, true, &why), 0);
	UNIT_EQ(check(&c, &why), -EINVAL);
	UNIT_STR(why.text,
		 "cntrltype=2: it is a discovery controller, which takes the option discovery");
}

/* --- namespaces ---------------------------------------------------------- */

static struct nvme_ns_facts good_ns(void)
{
	struct nvme_ns_facts f;

	memset(&f, 0, sizeof(f));
	f.nsze = 0x0102030405ull;
	f.ncap = 0x0102030404ull;
	f.nuse = 5;
	f.lbads = 12;
	f.nmic = 1;
	f.nsattr = 1;
	f.nsfeat = 0x10;
	f.dlfeat = 9;
	f.rescap = 0xff;
	f.nawupf = 7;
	f.nacwu = 63;
	f.nabo = 3;
	f.nabspf = 15;
	f.noiob = 256;
	f.npwg = 15;
	f.npwa = 3;
	f.npdg = 127;
	f.npda = 63;
	f.nows = 31;
	f.anagrpid = 3;
	memset(f.nguid, 0x11, sizeof(f.nguid));
	memset(f.eui64, 0x22, sizeof(f.eui64));
	return f;
}

static void test_ns_bytes(void)
{
	static const struct {
		size_t at;
		u8 value;
	} want[] = {
		{ 0, 5 }, { 4, 1 }, { 8, 4 }, { 16, 5 }, { 24, 0x10 },
		{ 25, 0 }, { 26, 0x10 }, { 27, 1 }, { 30, 1 }, { 31, 0xff },
		{ 33, 9 }, { 36, 7 }, { 47, 1 }, { 64, 15 }, { 72, 31 },
		{ 92, 3 }, { 99, 1 }, { 104, 0x11 }, { 119, 0x11 },
		{ 120, 0x22 }, { 127, 0x22 }, { 128, 8 }, { 130, 12 },
		{ 132, 0 }, { 134, 0 },
	};
	struct nvme_ns_facts f = good_ns();
	struct nvme_id_ns id;
	const u8 *p = (const u8 *)&id;
	size_t i;

	f.ms = 8;
	f.metadata_extended = true;
	memset(&id, 0xaa, sizeof(id));
	nvme_id_ns_encode(&id, &f);
	for (i = 0; i < ARRAY_SIZE(want); i++)
		UNIT_EQ(p[want[i].at], want[i].value);
	f.metadata_extended = false;
	nvme_id_ns_encode(&id, &f);
	UNIT_EQ(p[26], 0);
	UNIT_EQ(p[27], 2);
	f.ms = 0;
	nvme_id_ns_encode(&id, &f);
	UNIT_EQ(p[27], 0);
}

static void test_ns_round_trip(void)
{
	struct nvme_ns_facts f = good_ns(), back;
	struct nvme_id_ns id;
	struct weft_reason why;
	size_t len;

	f.ms = 16;
	f.metadata_extended = true;
	nvme_id_ns_encode(&id, &f);
	for (len = 0; len <= sizeof(id); len += len < 4000 ? 59 : 1) {
		void *cut = exact_copy(&id, len);

		memset(&back, 0xaa, sizeof(back));
		UNIT_EQ(nvme_id_ns_decode(cut, len, &back, &why),
			len < sizeof(id) ? -EMSGSIZE : 0);
		free(cut);
	}
	UNIT_STR(why.text, "Identify Namespace of 4095 bytes: it has 4096");
	UNIT_EQ(back.nsze, f.nsze);
	UNIT_EQ(back.ncap, f.ncap);
	UNIT_EQ(back.nuse, f.nuse);
	UNIT_EQ(back.lbads, f.lbads);
	UNIT_EQ(back.ms, 16);
	CU_ASSERT_TRUE(back.metadata_extended);
	UNIT_EQ(back.nmic, f.nmic);
	UNIT_EQ(back.nsattr, f.nsattr);
	UNIT_EQ(back.nsfeat, f.nsfeat);
	UNIT_EQ(back.dlfeat, f.dlfeat);
	UNIT_EQ(back.rescap, f.rescap);
	UNIT_EQ(back.nawupf, f.nawupf);
	UNIT_EQ(back.nacwu, f.nacwu);
	UNIT_EQ(back.nabo, f.nabo);
	UNIT_EQ(back.nabspf, f.nabspf);
	UNIT_EQ(back.noiob, f.noiob);
	UNIT_EQ(back.npwg, f.npwg);
	UNIT_EQ(back.npwa, f.npwa);
	UNIT_EQ(back.npdg, f.npdg);
	UNIT_EQ(back.npda, f.npda);
	UNIT_EQ(back.nows, f.nows);
	UNIT_EQ(back.anagrpid, f.anagrpid);
	CU_ASSERT_EQUAL(memcmp(back.nguid, f.nguid, 16), 0);
	CU_ASSERT_EQUAL(memcmp(back.eui64, f.eui64, 8), 0);
	CU_ASSERT_TRUE(weft_id_is_zero(back.uuid, 16));
	UNIT_EQ(back.csi, 0);
}

static int decode_ns(u64 nsze, u8 lbads, struct weft_reason *why)
{
	struct nvme_ns_facts f = good_ns(), back;
	struct nvme_id_ns id;

	f.nsze = nsze;
	f.lbads = lbads;
	nvme_id_ns_encode(&id, &f);
	return nvme_id_ns_decode(&id, sizeof(id), &back, why);
}

static void test_ns_sizes(void)
{
	struct weft_reason why;

	UNIT_EQ(decode_ns(0, 9, &why), -ENODEV);
	UNIT_STR(why.text, "nsze=0: the namespace is not active");
	UNIT_EQ(decode_ns(0, 0, &why), -ENODEV);
	UNIT_EQ(decode_ns(1, 8, &why), -EPROTO);
	UNIT_STR(why.text,
		 "lbads=8: accepted block sizes are 2^9 to 2^16 bytes");
	UNIT_EQ(decode_ns(1, 9, &why), 0);
	UNIT_EQ(decode_ns(1, 16, &why), 0);
	UNIT_EQ(decode_ns(1, 17, &why), -EPROTO);
	UNIT_EQ(decode_ns(1, 0, &why), -EPROTO);
	UNIT_EQ(decode_ns(1, 255, &why), -EPROTO);
	UNIT_EQ(decode_ns((1ull << 54) - 1, 9, &why), 0);
	UNIT_EQ(decode_ns(1ull << 54, 9, &why), -EPROTO);
	UNIT_STR(why.text,
		 "nsze=18014398509481984: more than 2^63 bytes in blocks of 2^9");
	UNIT_EQ(decode_ns((1ull << 47) - 1, 16, &why), 0);
	UNIT_EQ(decode_ns(1ull << 47, 16, &why), -EPROTO);
	UNIT_EQ(decode_ns(~0ull, 9, &why), -EPROTO);
}

static void test_ns_formats(void)
{
	struct nvme_ns_facts f = good_ns(), back;
	struct nvme_id_ns id;
	struct weft_reason why;
	unsigned int i;

	nvme_id_ns_encode(&id, &f);
	for (i = 0; i < 64; i++) {
		id.lbaf[i].lbads = 9 + i % 8;
		id.lbaf[i].ms = cpu_to_le16(i);
	}
	id.flbas = 1;
	UNIT_EQ(nvme_id_ns_decode(&id, sizeof(id), &back, &why), -EPROTO);
	UNIT_STR(why.text, "flbas=0x01: format 1 of a table that ends at 0");
	id.nlbaf = 1;
	UNIT_EQ(nvme_id_ns_decode(&id, sizeof(id), &back, &why), 0);
	UNIT_EQ(back.lbads, 10);
	UNIT_EQ(back.ms, 1);
	CU_ASSERT_FALSE(back.metadata_extended);
	/* with 16 formats bits 6:5 mean nothing, with 17 they count */
	id.nlbaf = 15;
	id.flbas = 0x7f;
	UNIT_EQ(nvme_id_ns_decode(&id, sizeof(id), &back, &why), 0);
	UNIT_EQ(back.ms, 15);
	CU_ASSERT_TRUE(back.metadata_extended);
	id.nlbaf = 16;
	UNIT_EQ(nvme_id_ns_decode(&id, sizeof(id), &back, &why), -EPROTO);
	id.flbas = 0x20;
	UNIT_EQ(nvme_id_ns_decode(&id, sizeof(id), &back, &why), 0);
	UNIT_EQ(back.ms, 16);
	id.nlbaf = 255;
	id.flbas = 0x6f;
	UNIT_EQ(nvme_id_ns_decode(&id, sizeof(id), &back, &why), 0);
	UNIT_EQ(back.ms, 63);
	/* extended data without metadata is no metadata */
	id.flbas = 0x10;
	UNIT_EQ(nvme_id_ns_decode(&id, sizeof(id), &back, &why), 0);
	UNIT_EQ(back.ms, 0);
	CU_ASSERT_FALSE(back.metadata_extended);
}

/* --- descriptor list ----------------------------------------------------- */

static void test_descs_bytes(void)
{
	struct nvme_ns_facts f = good_ns();
	u8 out[4096];
	size_t i;

	memset(f.uuid, 0x33, sizeof(f.uuid));
	f.csi = 2;
	memset(out, 0xaa, sizeof(out));
	nvme_ns_descs_encode(out, &f);
	CU_ASSERT_EQUAL(memcmp(out, "\1\10\0\0\x22", 5), 0);
	CU_ASSERT_EQUAL(memcmp(out + 12, "\2\20\0\0\x11", 5), 0);
	CU_ASSERT_EQUAL(memcmp(out + 32, "\3\20\0\0\x33", 5), 0);
	CU_ASSERT_EQUAL(memcmp(out + 52, "\4\1\0\0\2", 5), 0);
	for (i = 57; i < sizeof(out); i++)
		UNIT_EQ(out[i], 0);
	/* identifiers that are not there are left out, CSI never */
	memset(&f, 0, sizeof(f));
	nvme_ns_descs_encode(out, &f);
	CU_ASSERT_EQUAL(memcmp(out, "\4\1\0\0\0\0\0\0\0", 9), 0);
}

static void test_descs_round_trip(void)
{
	struct nvme_ns_facts f = good_ns(), back;
	struct weft_reason why;
	u8 out[4096];
	size_t len;

	memset(f.uuid, 0x33, sizeof(f.uuid));
	f.csi = 1;
	nvme_ns_descs_encode(out, &f);
	memset(&back, 0, sizeof(back));
	back.nsze = 77;
	UNIT_EQ(nvme_ns_descs_decode(out, sizeof(out), &back, &why), 0);
	CU_ASSERT_EQUAL(memcmp(back.uuid, f.uuid, 16), 0);
	CU_ASSERT_EQUAL(memcmp(back.nguid, f.nguid, 16), 0);
	CU_ASSERT_EQUAL(memcmp(back.eui64, f.eui64, 8), 0);
	UNIT_EQ(back.csi, 1);
	UNIT_EQ(back.nsze, 77);
	/* cut anywhere: whole descriptors or an error, never a part */
	for (len = 0; len <= 57; len++) {
		void *cut = exact_copy(out, len);
		bool whole = len < 4 || (len >= 12 && len < 16) ||
			     (len >= 32 && len < 36) ||
			     (len >= 52 && len < 56) || len == 57;

		memset(&back, 0, sizeof(back));
		UNIT_EQ(nvme_ns_descs_decode(cut, len, &back, &why),
			whole ? 0 : -EPROTO);
		if (!whole)
			CU_ASSERT_TRUE(weft_id_is_zero((u8 *)&back,
						       sizeof(back)));
		free(cut);
	}
	UNIT_STR(why.text,
		 "namespace descriptor type 4: 1 bytes, but the list ends after 0");
}

static int decode_list(const char *bytes, size_t n, struct nvme_ns_facts *f,
		       struct weft_reason *why)
{
	static u8 list[4096];

	memset(list, 0, sizeof(list));
	memcpy(list, bytes, n);
	memset(f, 0, sizeof(*f));
	return nvme_ns_descs_decode(list, sizeof(list), f, why);
}

static void test_descs_odd(void)
{
	struct nvme_ns_facts f;
	struct weft_reason why;

	/* an unknown type is skipped, whatever its length */
	UNIT_EQ(decode_list("\x99\3\0\0abc\4\1\0\0\2", 12, &f, &why), 0);
	UNIT_EQ(f.csi, 2);
	/* reserved type 0 with a length is unknown too; without, the end */
	UNIT_EQ(decode_list("\0\2\0\0ab\4\1\0\0\2", 11, &f, &why), 0);
	UNIT_EQ(f.csi, 2);
	UNIT_EQ(decode_list("\0\0\0\0\4\1\0\0\2", 9, &f, &why), 0);
	UNIT_EQ(f.csi, 0);
	UNIT_EQ(decode_list("\x99\0\0\0\4\1\0\0\2", 9, &f, &why), 0);
	UNIT_EQ(f.csi, 0);
	/* wrong lengths of known types */
	UNIT_EQ(decode_list("\4\1\0\0\2\3\17\0\0", 9, &f, &why), -EPROTO);
	UNIT_STR(why.text, "namespace descriptor type 3: 15 bytes, it has 16");
	UNIT_EQ(f.csi, 0);
	UNIT_EQ(decode_list("\3\21\0\0", 4, &f, &why), -EPROTO);
	UNIT_EQ(decode_list("\2\10\0\0", 4, &f, &why), -EPROTO);
	UNIT_EQ(decode_list("\1\20\0\0", 4, &f, &why), -EPROTO);
	UNIT_EQ(decode_list("\4\2\0\0", 4, &f, &why), -EPROTO);
	/* no length at all: the end, behind a known type, too */
	UNIT_EQ(decode_list("\4\0\0\0", 4, &f, &why), 0);
	UNIT_EQ(decode_list("\4\1\0\0\2\3\0\0\0\4\1\0\0\1", 14, &f,
			    &why), 0);
	UNIT_EQ(f.csi, 2);
	UNIT_EQ(nvme_ns_descs_decode(NULL, 0, &f, &why), 0);
}

static void test_descs_end_of_page(void)
{
	struct nvme_ns_facts f;
	struct weft_reason why;
	u8 list[4096];
	size_t pos;

	/* descriptors of 251 + 4 bytes up to the end: 16 of them and 16 bytes */
	memset(list, 0x77, sizeof(list));
	for (pos = 0; pos + 255 <= sizeof(list); pos += 255) {
		list[pos] = 0x80;
		list[pos + 1] = 251;
	}
	list[pos] = NVME_NIDT_EUI64;
	list[pos + 1] = 8;
	list[pos + 12] = 0x80;
	list[pos + 13] = 0;
	memset(&f, 0, sizeof(f));
	UNIT_EQ(nvme_ns_descs_decode(list, sizeof(list), &f, &why), 0);
	UNIT_EQ(f.eui64[7], 0x77);
	list[pos + 1] = 200;
	UNIT_EQ(nvme_ns_descs_decode(list, sizeof(list), &f, &why), -EPROTO);
	UNIT_STR(why.text,
		 "namespace descriptor type 1: 200 bytes, but the list ends after 12");
}

/* --- namespace list ------------------------------------------------------ */

static void test_nsid_list(void)
{
	static const u32 ids[] = { 1, 2, 7, 0xfffffffe };
	u32 out[NVME_NSID_LIST_MAX];
	__le32 wire[1024];
	struct weft_reason why;
	size_t len;
	int i;

	memset(wire, 0xaa, sizeof(wire));
	nvme_nsid_list_encode(wire, ids, 4);
	UNIT_EQ(le32_to_cpu(wire[2]), 7);
	UNIT_EQ(le32_to_cpu(wire[4]), 0);
	UNIT_EQ(le32_to_cpu(wire[1023]), 0);
	UNIT_EQ(nvme_nsid_list_decode(wire, sizeof(wire), 0, out, &why), 4);
	for (i = 0; i < 4; i++)
		UNIT_EQ(out[i], ids[i]);
	for (len = 0; len < sizeof(wire); len += len < 4000 ? 67 : 1) {
		void *cut = exact_copy(wire, len);

		UNIT_EQ(nvme_nsid_list_decode(cut, len, 0, out, &why),
			-EMSGSIZE);
		free(cut);
	}
	UNIT_STR(why.text, "namespace list of 4095 bytes: it has 4096");
	nvme_nsid_list_encode(wire, ids, 0);
	UNIT_EQ(nvme_nsid_list_decode(wire, sizeof(wire), 0, out, &why), 0);
}

static void test_nsid_list_order(void)
{
	u32 out[NVME_NSID_LIST_MAX];
	struct weft_reason why;
	__le32 wire[1024];

	nvme_nsid_list_encode(wire, (const u32[]){ 5, 6 }, 2);
	UNIT_EQ(nvme_nsid_list_decode(wire, sizeof(wire), 4, out, &why), 2);
	UNIT_EQ(nvme_nsid_list_decode(wire, sizeof(wire), 5, out, &why), -EPROTO);
	UNIT_STR(why.text,
		 "namespace list: entry 0 is 5 after 5, ids must ascend");
	nvme_nsid_list_encode(wire, (const u32[]){ 5, 5 }, 2);
	UNIT_EQ(nvme_nsid_list_decode(wire, sizeof(wire), 0, out, &why), -EPROTO);
	nvme_nsid_list_encode(wire, (const u32[]){ 5, 4 }, 2);
	UNIT_EQ(nvme_nsid_list_decode(wire, sizeof(wire), 0, out, &why), -EPROTO);
	nvme_nsid_list_encode(wire, (const u32[]){ 5, 0xffffffff }, 2);
	UNIT_EQ(nvme_nsid_list_decode(wire, sizeof(wire), 0, out, &why), -EPROTO);
	UNIT_STR(why.text,
		 "namespace list: entry 1 is the broadcast id 0xffffffff");
	/* what follows the end is not looked at */
	nvme_nsid_list_encode(wire, (const u32[]){ 5, 0, 3 }, 3);
	UNIT_EQ(nvme_nsid_list_decode(wire, sizeof(wire), 0, out, &why), 1);
}

static void test_nsid_list_full(void)
{
	u32 ids[NVME_NSID_LIST_MAX + 4], out[NVME_NSID_LIST_MAX];
	__le32 wire[1024];
	u8 odd[4097];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ids); i++)
		ids[i] = 2 * i + 1;
	nvme_nsid_list_encode(wire, ids, ARRAY_SIZE(ids));
	UNIT_EQ(nvme_nsid_list_decode(wire, sizeof(wire), 0, out, NULL), 1024);
	UNIT_EQ(out[1023], 2047);
	memcpy(odd + 1, wire, sizeof(wire));
	UNIT_EQ(nvme_nsid_list_decode(odd + 1, 4096, 0, out, NULL), 1024);
}

static void test_random(void)
{
	struct test_random rnd = { 0x1d };
	static u32 out[NVME_NSID_LIST_MAX];
	static u8 buf[4096];
	unsigned int i, ns = 0;

	for (i = 0; i < 1500; i++) {
		struct nvme_ctrl_info c;
		struct nvme_ns_facts f;
		int n;

		random_fill(&rnd, buf, sizeof(buf));
		buf[768 + random_u64(&rnd) % 256] = 0;
		if (!nvme_id_ctrl_decode(buf, sizeof(buf), &c, NULL)) {
			if (strnlen(c.serial, 21) > 20 ||
			    strnlen(c.model, 41) > 40 ||
			    strnlen(c.firmware, 9) > 8 ||
			    strnlen(c.subnqn, 224) > 223)
				CU_FAIL("text without an end");
			nvme_ctrl_info_check(&c, c.cntlid, i & 1, i & 2, NULL);
		}
		memset(buf + 4, 0, 4);
		for (n = 0; n < 64; n++)
			buf[130 + 4 * n] &= 15;
		if (!nvme_id_ns_decode(buf, sizeof(buf), &f, NULL)) {
			ns++;
			if (f.lbads < 9 || f.lbads > 16 ||
			    f.nsze > ~0ull >> (f.lbads + 1))
				CU_FAIL("a namespace that cannot be");
		}
		n = random_u64(&rnd) % sizeof(buf);
		nvme_ns_descs_decode(buf + n, sizeof(buf) - n, &f, NULL);
		n = nvme_nsid_list_decode(buf, sizeof(buf), 0, out, NULL);
		CU_ASSERT_TRUE(n <= NVME_NSID_LIST_MAX);
	}
	CU_ASSERT_TRUE(ns > 50);
}

/* CNS 08h: bytes 1, 2, 4 to 8 and 14 of the figure; nothing else changes */
static void test_ns_independent(void)
{
	struct nvme_ns_facts f = { .lbads = 12, .nsze = 77, .uuid = { 1 } };
	struct weft_reason why;
	u8 page[4096];

	memset(page, 0xff, sizeof(page));
	page[1] = 1;
	page[2] = 0x0e;
	page[4] = 0x44;
	page[5] = page[6] = page[7] = 0;
	page[8] = 1;
	page[14] = 0;
	UNIT_EQ(nvme_id_ns_indep_decode(page, sizeof(page) - 1, &f, &why),
		-EMSGSIZE);
	UNIT_EQ(nvme_id_ns_indep_decode(page, sizeof(page), &f, &why), -EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "not ready"));
	UNIT_EQ(f.nmic, 0);
	page[14] = 1;
	UNIT_EQ(nvme_id_ns_indep_decode(page, sizeof(page), &f, &why), 0);
	UNIT_EQ(f.nmic, 1);
	UNIT_EQ(f.rescap, 0x0e);
	UNIT_EQ(f.anagrpid, 0x44);
	UNIT_EQ(f.nsattr, 1);
	UNIT_EQ(f.lbads, 12);
	UNIT_EQ(f.nsze, 77);
	UNIT_EQ(f.uuid[0], 1);
}

static void test_ns_independent_round_trip(void)
{
	struct nvme_ns_facts f = good_ns(), back = { 0 };
	u8 want[NVME_IDENTIFY_SIZE] = {
		[1] = 1, [2] = 0xff, [4] = 3, [6] = 7, [8] = 1, [14] = 1,
	};
	struct nvme_id_ns_indep id;

	f.anagrpid = 0x70003;
	memset(&id, 0xaa, sizeof(id));
	nvme_id_ns_indep_encode(&id, &f);
	/* NSFEAT has other bits here than in the NVM command set */
	CU_ASSERT_EQUAL(memcmp(&id, want, sizeof(want)), 0);
	UNIT_EQ(nvme_id_ns_indep_decode(&id, sizeof(id), &back, NULL), 0);
	UNIT_EQ(back.nmic, f.nmic);
	UNIT_EQ(back.rescap, f.rescap);
	UNIT_EQ(back.anagrpid, f.anagrpid);
	UNIT_EQ(back.nsattr, f.nsattr);
}

UNIT_MAIN(UNIT(test_ns_independent), UNIT(test_ns_independent_round_trip),
	  UNIT(test_ctrl_bytes), UNIT(test_ctrl_round_trip), UNIT(test_nvm_limits),
	  UNIT(test_ctrl_text), UNIT(test_ctrl_check), UNIT(test_ns_bytes),
	  UNIT(test_ns_round_trip), UNIT(test_ns_sizes),
	  UNIT(test_ns_formats), UNIT(test_descs_bytes),
	  UNIT(test_descs_round_trip), UNIT(test_descs_odd),
	  UNIT(test_descs_end_of_page), UNIT(test_nsid_list),
	  UNIT(test_nsid_list_order), UNIT(test_nsid_list_full),
	  UNIT(test_random))
