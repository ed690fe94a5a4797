// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * common/tcp_pdu.h, what is sent: CRC32C, every type's header with every digest
 * and alignment, termination requests, names.
 */
#include "tests/unit/tcp_feed.h"
#include "tests/unit/unit.h"

static const u8 all_types[] = {
	NVME_TCP_ICREQ, NVME_TCP_ICRESP, NVME_TCP_H2C_TERM, NVME_TCP_C2H_TERM,
	NVME_TCP_CMD, NVME_TCP_RSP, NVME_TCP_H2C_DATA, NVME_TCP_C2H_DATA,
	NVME_TCP_R2T,
};

/* RFC 3720 B.4; digests as they go over the wire */
static void test_crc_published(void)
{
	static const u8 read10[48] = {
		0x01, 0xc0, [16] = 0x14, [22] = 0x04, [27] = 0x14,
		[31] = 0x18, [32] = 0x28, [40] = 0x02,
	};
	u8 zeros[32], ones[32], up[32], down[32];
	const struct {
		const u8 *data;
		size_t len;
		u8 digest[4];
	} known[] = {
		{ zeros, 32, { 0xaa, 0x36, 0x91, 0x8a } },
		{ ones, 32, { 0x43, 0xab, 0xa8, 0x62 } },
		{ up, 32, { 0x4e, 0x79, 0xdd, 0x46 } },
		{ down, 32, { 0x5c, 0xdb, 0x3f, 0x11 } },
		{ read10, 48, { 0x56, 0x3a, 0x96, 0xd9 } },
	};
	size_t i, cut;
	__le32 d;

	for (i = 0; i < 32; i++) {
		zeros[i] = 0;
		ones[i] = 0xff;
		up[i] = i;
		down[i] = 31 - i;
	}
	for (i = 0; i < ARRAY_SIZE(known); i++)
		for (cut = 0; cut <= known[i].len; cut++) {
			u32 crc = nvme_tcp_crc(NVME_TCP_CRC_INIT, known[i].data, cut);

			d = nvme_tcp_crc_finish(nvme_tcp_crc(crc, known[i].data + cut,
							     known[i].len - cut));
			CU_ASSERT_EQUAL(memcmp(&d, known[i].digest, 4), 0);
		}
	UNIT_EQ(~weft_crc32c(~0u, "123456789", 9), 0xe3069283);
}

/* bit by bit, as the polynomial is defined: any length and alignment */
static u32 slow_crc(u32 crc, const u8 *p, size_t n)
{
	int bit;

	while (n--) {
		crc ^= *p++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return crc;
}

static void test_crc_lengths(void)
{
	struct test_random r = { 0xc4c };
	u8 buf[700];
	size_t n;

	random_fill(&r, buf, sizeof(buf));
	for (n = 0; n < 600; n++) {
		size_t off = n % 17;
		u32 start = random_u64(&r);

		UNIT_EQ(weft_crc32c(start, buf + off, n), slow_crc(start, buf + off, n));
	}
}

static void test_kinds(void)
{
	static const u8 hlen[] = { 128, 128, 24, 24, 72, 24, 24, 24, 24 };
	unsigned int type, i, known = 0;

	for (i = 0; i < sizeof(all_types); i++) {
		const struct nvme_tcp_kind *k = nvme_tcp_kind(all_types[i]);

		CU_ASSERT_PTR_NOT_NULL_FATAL(k);
		UNIT_EQ(k->hlen, hlen[i]);
		/* types go in pairs, but for R2T */
		UNIT_EQ(k->to, all_types[i] & 1 ? NVME_TCP_HOST : NVME_TCP_CTRL);
	}
	for (type = 0; type < 256; type++)
		known += !!nvme_tcp_kind(type);
	UNIT_EQ(known, sizeof(all_types));
	CU_ASSERT_PTR_NULL(nvme_tcp_kind(8));
	CU_ASSERT_PTR_NULL(nvme_tcp_kind(10));
	UNIT_STR(nvme_tcp_kind(NVME_TCP_R2T)->name, "R2T");
}

static void test_command_bytes(void)
{
	static const u8 plain[8] = { 4, 0, 72, 0, 72, 0, 0, 0 };
	static const u8 data[8] = { 4, 3, 72, 128, 0x84, 0x10, 0, 0 };
	struct nvme_tcp_tx tx;
	u8 pdu[NVME_TCP_HDR_ROOM] = { NVME_TCP_CMD };
	__le32 digest;

	nvme_tcp_tx_init(&tx, 0, 0);
	UNIT_EQ(nvme_tcp_tx_finish(&tx, pdu, 0), 72);
	CU_ASSERT_EQUAL(memcmp(pdu, plain, 8), 0);
	nvme_tcp_tx_init(&tx, NVME_TCP_DGST_HDR | NVME_TCP_DGST_DATA, 31);
	memset(pdu + 72, 0xee, sizeof(pdu) - 72);
	UNIT_EQ(nvme_tcp_tx_finish(&tx, pdu, 4096), 128);
	CU_ASSERT_EQUAL(memcmp(pdu, data, 8), 0);
	digest = cpu_to_le32(~slow_crc(~0u, pdu, 72));
	CU_ASSERT_EQUAL(memcmp(pdu + 72, &digest, 4), 0);
	UNIT_EQ(pdu[76], 0);
	UNIT_EQ(pdu[127], 0);
	UNIT_EQ(pdu[128], 0xee);
	/* finished again: nothing is left from before */
	nvme_tcp_tx_init(&tx, 0, 0);
	UNIT_EQ(nvme_tcp_tx_finish(&tx, pdu, 0), 72);
	CU_ASSERT_EQUAL(memcmp(pdu, plain, 8), 0);
}

static void check_layout(u8 type, u8 dgst, u8 pda, u32 len)
{
	const struct nvme_tcp_kind *k = nvme_tcp_kind(type);
	u8 pdu[NVME_TCP_HDR_ROOM + 1];
	struct nvme_tcp_hdr *h = (void *)pdu;
	struct nvme_tcp_tx tx;
	u32 n, whole;

	memset(pdu, 0x5a, sizeof(pdu));
	h->type = type;
	h->flags = k->flags & (NVME_TCP_F_LAST | NVME_TCP_F_SUCCESS);
	nvme_tcp_tx_init(&tx, dgst, pda);
	n = nvme_tcp_tx_finish(&tx, pdu, len);
	if (!k->flags)
		dgst = 0;
	whole = k->hlen + (dgst & NVME_TCP_DGST_HDR ? 4 : 0);
	UNIT_EQ(h->hlen, k->hlen);
	UNIT_EQ(h->flags & 0xc, k->flags & 0xc);
	UNIT_EQ(!!(h->flags & NVME_TCP_F_HDGST), !!(dgst & NVME_TCP_DGST_HDR));
	UNIT_EQ(!!(h->flags & NVME_TCP_F_DDGST), len && (dgst & NVME_TCP_DGST_DATA));
	UNIT_EQ(h->pdo, len ? n : 0);
	CU_ASSERT_TRUE(n >= whole && n < whole + (len ? (pda + 1) * 4u : 1));
	UNIT_EQ(len ? n % ((pda + 1) * 4) : 0, 0);
	UNIT_EQ(le32_to_cpu(h->plen), n + len + (len && dgst & NVME_TCP_DGST_DATA ? 4 : 0));
	UNIT_EQ(pdu[n], 0x5a);
}

static void test_layouts(void)
{
	unsigned int i, dgst, pda;

	for (i = 0; i < sizeof(all_types); i++)
		for (dgst = 0; dgst < 4; dgst++)
			for (pda = 0; pda < 32; pda++) {
				check_layout(all_types[i], dgst, pda, 0);
				if (!nvme_tcp_kind(all_types[i])->payload)
					continue;
				check_layout(all_types[i], dgst, pda, 1);
				check_layout(all_types[i], dgst, pda, 0x1000000);
			}
}

static void test_term_bytes(void)
{
	static const u8 want[24] = {
		3, 0, 24, 0, 32, 0, 0, 0, 1, 0, 2, 0, 0, 0,
	};
	static const u8 hdr[8] = { 9, 8, 7, 6, 5, 4, 3, 2 };
	struct nvme_tcp_fault f;
	u8 out[NVME_TCP_HDR_ROOM + 1];

	memset(out, 0xee, sizeof(out));
	UNIT_EQ(nvme_tcp_fail_field(&f, struct nvme_tcp_hdr, hlen, "hlen=%u", 7),
		-EPROTO);
	UNIT_STR(f.why.text, "hlen=7");
	UNIT_EQ(nvme_tcp_term_encode(NVME_TCP_CTRL, &f, hdr, 8, out), 32);
	CU_ASSERT_EQUAL(memcmp(out, want, 24), 0);
	CU_ASSERT_EQUAL(memcmp(out + 24, hdr, 8), 0);
	UNIT_EQ(out[32], 0xee);
	nvme_tcp_fail(&f, NVME_TCP_FES_HDR_DIGEST, 0x12345678, "x");
	UNIT_EQ(nvme_tcp_term_encode(NVME_TCP_HOST, &f, NULL, 0, out), 24);
	UNIT_EQ(out[0], NVME_TCP_H2C_TERM);
	UNIT_EQ(out[8], 3);
	UNIT_EQ(out[10], 0x78);
	UNIT_EQ(out[13], 0x12);
}

static void test_term_limits(void)
{
	struct nvme_tcp_fault f;
	u8 hdr[200] = { 0 }, out[NVME_TCP_HDR_ROOM];
	u32 n;

	nvme_tcp_fail(&f, NVME_TCP_FES_PDU_SEQ, 0, "x");
	for (n = 0; n <= sizeof(hdr); n++) {
		void *cut = exact_copy(hdr, n);

		UNIT_EQ(nvme_tcp_term_encode(NVME_TCP_CTRL, &f, cut, n, out),
			24 + (n < 128 ? n : 128));
		UNIT_EQ(((struct nvme_tcp_term *)(void *)out)->hdr.plen,
			cpu_to_le32(24 + (n < 128 ? n : 128)));
		free(cut);
	}
	nvme_tcp_fail(&f, 0, 0, "x");
	UNIT_EQ(nvme_tcp_term_encode(NVME_TCP_CTRL, &f, hdr, 8, out), 0);
}

static void test_fes_names(void)
{
	unsigned int i, j;

	for (i = 0; i <= 6; i++)
		for (j = 0; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(nvme_tcp_fes_name(i),
						   nvme_tcp_fes_name(j));
	UNIT_STR(nvme_tcp_fes_name(NVME_TCP_FES_HDR_DIGEST), "header digest error");
	UNIT_STR(nvme_tcp_fes_name(7), "unknown status");
	UNIT_STR(nvme_tcp_fes_name(0xffff), "unknown status");
}

UNIT_MAIN(UNIT(test_crc_published), UNIT(test_crc_lengths), UNIT(test_kinds),
	  UNIT(test_command_bytes), UNIT(test_layouts), UNIT(test_term_bytes),
	  UNIT(test_term_limits), UNIT(test_fes_names))
