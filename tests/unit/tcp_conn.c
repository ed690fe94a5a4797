// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * common/tcp_conn.h: what ICReq and ICResp may say, and the three machines that
 * account for a command's data, against each other and against every way to
 * break their rules.
 */
#include "common/tcp_conn.h"
#include "tests/unit/random.h"
#include "tests/unit/unit.h"

#define INVALID	NVME_TCP_FES_INVALID_HDR
#define SEQ	NVME_TCP_FES_PDU_SEQ
#define RANGE	NVME_TCP_FES_DATA_RANGE
#define LIMIT	NVME_TCP_FES_DATA_LIMIT

static void want_fault(int err, const struct nvme_tcp_fault *f, u16 fes, u32 fei,
		       const char *why)
{
	UNIT_EQ(err, -EPROTO);
	UNIT_EQ(f->fes, fes);
	UNIT_EQ(f->fei, fei);
	UNIT_STR(f->why.text, why);
}

/* --- ICReq, ICResp ------------------------------------------------------------ */

static void test_ic_bytes(void)
{
	static const u8 want_req[128] = { 0, 0, 128, 0, 128, [10] = 31, 3, 7 };
	static const u8 want_resp[128] = {
		1, 0, 128, 0, 128, [10] = 5, 1, 0, 0, 2,
	};
	static const struct nvme_tcp_ic asked = { .pda = 31, .dgst = 3, .maxr2t = 8 };
	static const struct nvme_tcp_ic given = {
		.pda = 5, .dgst = 1, .maxh2cdata = 0x20000,
	};
	struct nvme_tcp_icreq q;
	struct nvme_tcp_icresp r;

	memset(&q, 0xee, sizeof(q));
	memset(&r, 0xee, sizeof(r));
	nvme_tcp_icreq_encode(&q, &asked);
	CU_ASSERT_EQUAL(memcmp(&q, want_req, 128), 0);
	nvme_tcp_icresp_encode(&r, &given);
	CU_ASSERT_EQUAL(memcmp(&r, want_resp, 128), 0);
}

static void test_icreq(void)
{
	static const struct nvme_tcp_ic asked = { .pda = 31, .dgst = 3, .maxr2t = 8 };
	struct nvme_tcp_fault f;
	struct nvme_tcp_icreq q;
	struct nvme_tcp_ic ic;

	nvme_tcp_icreq_encode(&q, &asked);
	UNIT_EQ(nvme_tcp_icreq_decode(&q, &ic, &f), 0);
	UNIT_EQ(ic.pda, 31);
	UNIT_EQ(ic.dgst, 3);
	UNIT_EQ(ic.maxr2t, 8);
	UNIT_EQ(ic.maxh2cdata, 0);
	q.maxr2t = cpu_to_le32(0xffffffff);
	UNIT_EQ(nvme_tcp_icreq_decode(&q, &ic, &f), 0);
	UNIT_EQ(ic.maxr2t, 0xffffffff);
	q.pfv = cpu_to_le16(1);
	q.hpda = 32;
	q.dgst = 4;
	want_fault(nvme_tcp_icreq_decode(&q, &ic, &f), &f, NVME_TCP_FES_UNSUPPORTED,
		   8, "pfv=1: only PDU format version 0 is known");
	q.pfv = 0;
	want_fault(nvme_tcp_icreq_decode(&q, &ic, &f), &f, INVALID, 10,
		   "hpda=32: accepted range is 0-31");
	q.hpda = 0;
	want_fault(nvme_tcp_icreq_decode(&q, &ic, &f), &f, INVALID, 11,
		   "dgst=04h: accepted are bits 0 and 1");
}

static void test_icresp(void)
{
	static const struct nvme_tcp_ic asked = { .pda = 3, .dgst = 1, .maxr2t = 4 };
	struct nvme_tcp_ic ic = { .pda = 31, .dgst = 1, .maxh2cdata = 4096 };
	struct nvme_tcp_icresp r;
	struct nvme_tcp_fault f;

	nvme_tcp_icresp_encode(&r, &ic);
	memset(&ic, 0, sizeof(ic));
	UNIT_EQ(nvme_tcp_icresp_decode(&r, &asked, &ic, &f), 0);
	UNIT_EQ(ic.pda, 31);
	UNIT_EQ(ic.dgst, 1);
	UNIT_EQ(ic.maxr2t, 4);
	UNIT_EQ(ic.maxh2cdata, 4096);
	/* what was asked for need not be granted */
	r.dgst = 0;
	UNIT_EQ(nvme_tcp_icresp_decode(&r, &asked, &ic, &f), 0);
	UNIT_EQ(ic.dgst, 0);
	r.pfv = cpu_to_le16(0x100);
	want_fault(nvme_tcp_icresp_decode(&r, &asked, &ic, &f), &f,
		   NVME_TCP_FES_UNSUPPORTED, 8,
		   "pfv=256: only PDU format version 0 is known");
	r.pfv = 0;
	r.cpda = 255;
	want_fault(nvme_tcp_icresp_decode(&r, &asked, &ic, &f), &f, INVALID, 10,
		   "cpda=255: accepted range is 0-31");
	r.cpda = 0;
	r.dgst = 2;
	want_fault(nvme_tcp_icresp_decode(&r, &asked, &ic, &f), &f, INVALID, 11,
		   "dgst=02h: 01h was asked for");
	r.dgst = 0;
	r.maxh2cdata = cpu_to_le32(4092);
	want_fault(nvme_tcp_icresp_decode(&r, &asked, &ic, &f), &f, INVALID, 12,
		   "maxh2cdata=4092: accepted are multiples of 4 from 4096");
	r.maxh2cdata = cpu_to_le32(0xffffffff);
	want_fault(nvme_tcp_icresp_decode(&r, &asked, &ic, &f), &f, INVALID, 12,
		   "maxh2cdata=4294967295: accepted are multiples of 4 from 4096");
	r.maxh2cdata = cpu_to_le32(0xfffffffc);
	UNIT_EQ(nvme_tcp_icresp_decode(&r, &asked, &ic, &f), 0);
	UNIT_EQ(ic.maxh2cdata, 0xfffffffc);
}

/* --- fetch: R2Ts sent, H2CData received --------------------------------------- */

static struct nvme_tcp_data data_pdu(u16 cccid, u16 ttag, u32 at, u32 len, u8 flags)
{
	struct nvme_tcp_data d = {
		.hdr.flags = flags, .cccid = cpu_to_le16(cccid),
		.ttag = cpu_to_le16(ttag), .datao = cpu_to_le32(at),
		.datal = cpu_to_le32(len),
	};

	return d;
}

static void want_r2t(struct nvme_tcp_fetch *x, u16 ttag, u32 at, u32 len)
{
	struct nvme_tcp_r2t r;

	memset(&r, 0xee, sizeof(r));
	CU_ASSERT_TRUE(nvme_tcp_fetch_r2t(x, &r));
	UNIT_EQ(r.hdr.type, NVME_TCP_R2T);
	UNIT_EQ(le16_to_cpu(r.cccid), x->cccid);
	UNIT_EQ(le16_to_cpu(r.ttag), ttag);
	UNIT_EQ(le32_to_cpu(r.r2to), at);
	UNIT_EQ(le32_to_cpu(r.r2tl), len);
	UNIT_EQ(r.hdr.flags | r.hdr.hlen | r.hdr.pdo | r.hdr.plen | r.rsvd20[3], 0);
}

static void want_no_r2t(struct nvme_tcp_fetch *x)
{
	struct nvme_tcp_r2t r;

	CU_ASSERT_FALSE(nvme_tcp_fetch_r2t(x, &r));
}

static int h2c(struct nvme_tcp_fetch *x, u16 ttag, u32 at, u32 len, bool last,
	       struct nvme_tcp_fault *f)
{
	struct nvme_tcp_data d = data_pdu(x->cccid, ttag, at, len,
					  last ? NVME_TCP_F_LAST : 0);

	return nvme_tcp_fetch_h2c(x, &d, f);
}

static void test_fetch_one_at_a_time(void)
{
	struct nvme_tcp_fault f;
	struct nvme_tcp_fetch x;

	nvme_tcp_fetch_init(&x, 7, 0x55, 10000, 4096, 1);
	want_r2t(&x, 0x55, 0, 4096);
	want_no_r2t(&x);
	UNIT_EQ(h2c(&x, 0x55, 0, 4000, false, &f), 0);
	nvme_tcp_fetch_end(&x);
	UNIT_EQ(h2c(&x, 0x55, 4000, 96, true, &f), 0);
	/* the data is not there yet: a host may still be sending it */
	want_no_r2t(&x);
	UNIT_EQ(x.got, 4000);
	nvme_tcp_fetch_end(&x);
	UNIT_EQ(x.got, 4096);
	want_r2t(&x, 0x55, 4096, 4096);
	UNIT_EQ(h2c(&x, 0x55, 4096, 4096, true, &f), 0);
	nvme_tcp_fetch_end(&x);
	want_r2t(&x, 0x55, 8192, 1808);
	CU_ASSERT_FALSE(nvme_tcp_fetch_done(&x));
	UNIT_EQ(h2c(&x, 0x55, 8192, 1808, true, &f), 0);
	CU_ASSERT_FALSE(nvme_tcp_fetch_done(&x));
	nvme_tcp_fetch_end(&x);
	CU_ASSERT_TRUE(nvme_tcp_fetch_done(&x));
	want_no_r2t(&x);
	/* ended twice: nothing happens */
	nvme_tcp_fetch_end(&x);
	CU_ASSERT_TRUE(nvme_tcp_fetch_done(&x));
	want_fault(h2c(&x, 0x55, 10000, 1, true, &f), &f, INVALID, 10,
		   "ttag=85: no R2T of command 7 waits for that");
}

static void test_fetch_several(void)
{
	struct nvme_tcp_fault f;
	struct nvme_tcp_fetch x;

	nvme_tcp_fetch_init(&x, 1, 5, 10000, 3000, 3);
	x.ttag_step = 128;
	want_r2t(&x, 5, 0, 3000);
	want_r2t(&x, 133, 3000, 3000);
	want_r2t(&x, 261, 6000, 3000);
	want_no_r2t(&x);
	want_fault(h2c(&x, 133, 3000, 3000, true, &f), &f, INVALID, 10,
		   "ttag=133: no R2T of command 1 waits for that");
	UNIT_EQ(h2c(&x, 5, 0, 3000, true, &f), 0);
	nvme_tcp_fetch_end(&x);
	want_r2t(&x, 5, 9000, 1000);
	want_no_r2t(&x);
	want_fault(h2c(&x, 5, 9000, 1000, true, &f), &f, INVALID, 10,
		   "ttag=5: no R2T of command 1 waits for that");
	UNIT_EQ(h2c(&x, 133, 3000, 3000, true, &f), 0);
	nvme_tcp_fetch_end(&x);
	UNIT_EQ(h2c(&x, 261, 6000, 3000, true, &f), 0);
	nvme_tcp_fetch_end(&x);
	UNIT_EQ(h2c(&x, 5, 9000, 1000, true, &f), 0);
	nvme_tcp_fetch_end(&x);
	CU_ASSERT_TRUE(nvme_tcp_fetch_done(&x));
}

static void test_fetch_refusals(void)
{
	struct nvme_tcp_data d;
	struct nvme_tcp_fault f;
	struct nvme_tcp_fetch x;

	nvme_tcp_fetch_init(&x, 7, 9, 0xfffffffc, 0x80000000, 2);
	want_fault(h2c(&x, 9, 0, 4, false, &f), &f, INVALID, 10,
		   "ttag=9: no R2T of command 7 waits for that");
	want_r2t(&x, 9, 0, 0x80000000);
	want_r2t(&x, 9, 0x80000000, 0x7ffffffc);
	d = data_pdu(8, 9, 0, 4, 0);
	want_fault(nvme_tcp_fetch_h2c(&x, &d, &f), &f, INVALID, 8,
		   "cccid=8: ttag 9 belongs to command 7");
	want_fault(h2c(&x, 10, 0, 4, false, &f), &f, INVALID, 10,
		   "ttag=10: no R2T of command 7 waits for that");
	/* outside of what was asked for, and where sums would wrap */
	want_fault(h2c(&x, 9, 0x80000000, 4, false, &f), &f, RANGE, 0,
		   "H2CData of 4 bytes at offset 2147483648: accepted are 0-2147483648");
	want_fault(h2c(&x, 9, 0, 0x80000004, false, &f), &f, RANGE, 0,
		   "H2CData of 2147483652 bytes at offset 0: accepted are 0-2147483648");
	want_fault(h2c(&x, 9, 4, 0xfffffffc, false, &f), &f, RANGE, 0,
		   "H2CData of 4294967292 bytes at offset 4: accepted are 0-2147483648");
	want_fault(h2c(&x, 9, 0xffffffff, 4, false, &f), &f, RANGE, 0,
		   "H2CData of 4 bytes at offset 4294967295: accepted are 0-2147483648");
	/* a gap; then the same bytes again, and some of them */
	want_fault(h2c(&x, 9, 4, 4, false, &f), &f, SEQ, 0,
		   "H2CData at offset 4: 0 is next");
	UNIT_EQ(h2c(&x, 9, 0, 100, false, &f), 0);
	want_fault(h2c(&x, 9, 0, 100, false, &f), &f, SEQ, 0,
		   "H2CData at offset 0: 100 is next");
	nvme_tcp_fetch_end(&x);
	want_fault(h2c(&x, 9, 0, 100, false, &f), &f, SEQ, 0,
		   "H2CData at offset 0: 100 is next");
	want_fault(h2c(&x, 9, 96, 100, false, &f), &f, SEQ, 0,
		   "H2CData at offset 96: 100 is next");
	/* LAST at the end of an R2T, and nowhere else */
	want_fault(h2c(&x, 9, 100, 100, true, &f), &f, SEQ, 0,
		   "H2CData up to 200 with LAST: its R2T ends at 2147483648");
	want_fault(h2c(&x, 9, 100, 0x80000000 - 100, false, &f), &f, SEQ, 0,
		   "H2CData up to 2147483648 without LAST: its R2T ends at 2147483648");
	/* none of these has changed anything */
	UNIT_EQ(h2c(&x, 9, 100, 0x80000000 - 100, true, &f), 0);
	nvme_tcp_fetch_end(&x);
	/* the first R2T's bytes are not the second one's */
	want_fault(h2c(&x, 9, 0x7ffffffc, 4, false, &f), &f, RANGE, 0,
		   "H2CData of 4 bytes at offset 2147483644: accepted are 2147483648-4294967292");
	UNIT_EQ(h2c(&x, 9, 0x80000000, 0x7ffffffc, true, &f), 0);
	nvme_tcp_fetch_end(&x);
	CU_ASSERT_TRUE(nvme_tcp_fetch_done(&x));
}

/* A command that has failed waits for what was asked for, and asks no more. */
static void test_fetch_cut(void)
{
	struct nvme_tcp_fault f;
	struct nvme_tcp_fetch x;

	nvme_tcp_fetch_init(&x, 7, 9, 10000, 1000, 100);
	UNIT_EQ(x.maxr2t, NVME_TCP_R2TS_MAX);
	want_r2t(&x, 9, 0, 1000);
	want_r2t(&x, 9, 1000, 1000);
	nvme_tcp_fetch_cut(&x);
	want_no_r2t(&x);
	UNIT_EQ(h2c(&x, 9, 0, 1000, true, &f), 0);
	nvme_tcp_fetch_end(&x);
	want_no_r2t(&x);
	CU_ASSERT_FALSE(nvme_tcp_fetch_done(&x));
	UNIT_EQ(h2c(&x, 9, 1000, 1000, true, &f), 0);
	nvme_tcp_fetch_end(&x);
	CU_ASSERT_TRUE(nvme_tcp_fetch_done(&x));
	nvme_tcp_fetch_init(&x, 7, 9, 10000, 1000, 1);
	nvme_tcp_fetch_cut(&x);
	CU_ASSERT_TRUE(nvme_tcp_fetch_done(&x));
}

/* --- give: R2Ts received, H2CData sent ------------------------------------------ */

static int r2t(struct nvme_tcp_give *g, u16 ttag, u32 at, u32 len,
	       struct nvme_tcp_fault *f)
{
	struct nvme_tcp_r2t r = {
		.cccid = cpu_to_le16(g->cccid), .ttag = cpu_to_le16(ttag),
		.r2to = cpu_to_le32(at), .r2tl = cpu_to_le32(len),
	};

	return nvme_tcp_give_r2t(g, &r, f);
}

static void want_h2c(struct nvme_tcp_give *g, u16 ttag, u32 at, u32 len, bool last)
{
	struct nvme_tcp_data d;

	memset(&d, 0xee, sizeof(d));
	CU_ASSERT_TRUE(nvme_tcp_give_next(g, &d));
	UNIT_EQ(d.hdr.type, NVME_TCP_H2C_DATA);
	UNIT_EQ(d.hdr.flags, last ? NVME_TCP_F_LAST : 0);
	UNIT_EQ(le16_to_cpu(d.cccid), g->cccid);
	UNIT_EQ(le16_to_cpu(d.ttag), ttag);
	UNIT_EQ(le32_to_cpu(d.datao), at);
	UNIT_EQ(le32_to_cpu(d.datal), len);
	UNIT_EQ(d.hdr.hlen | d.hdr.pdo | d.hdr.plen | d.rsvd20[3], 0);
}

static void test_give(void)
{
	struct nvme_tcp_fault f;
	struct nvme_tcp_give g;
	struct nvme_tcp_data d;

	nvme_tcp_give_init(&g, 3, 20000, 4096, 2);
	CU_ASSERT_FALSE(nvme_tcp_give_next(&g, &d));
	UNIT_EQ(r2t(&g, 0xaaaa, 0, 8192, &f), 0);
	UNIT_EQ(r2t(&g, 0xbbbb, 8192, 100, &f), 0);
	want_h2c(&g, 0xaaaa, 0, 4096, false);
	want_fault(r2t(&g, 1, 8292, 4, &f), &f, LIMIT, 0,
		   "R2T at offset 8292: 2 are outstanding, more were not allowed");
	want_h2c(&g, 0xaaaa, 4096, 4096, true);
	UNIT_EQ(r2t(&g, 1, 8292, 20000 - 8292, &f), 0);
	want_h2c(&g, 0xbbbb, 8192, 100, true);
	want_h2c(&g, 1, 8292, 4096, false);
	want_h2c(&g, 1, 12388, 4096, false);
	want_h2c(&g, 1, 16484, 3516, true);
	CU_ASSERT_FALSE(nvme_tcp_give_next(&g, &d));
	UNIT_EQ(g.sent, 20000);
	want_fault(r2t(&g, 1, 20000, 4, &f), &f, RANGE, 0,
		   "R2T of 4 bytes at offset 20000: accepted are 20000-20000");
}

static void test_give_refusals(void)
{
	struct nvme_tcp_r2t r = { .cccid = cpu_to_le16(4), .r2tl = cpu_to_le32(4) };
	struct nvme_tcp_fault f;
	struct nvme_tcp_give g;

	nvme_tcp_give_init(&g, 3, 8192, 4096, 0xffff);
	UNIT_EQ(g.maxr2t, NVME_TCP_R2TS_MAX);
	want_fault(nvme_tcp_give_r2t(&g, &r, &f), &f, INVALID, 8,
		   "cccid=4: this is command 3");
	want_fault(r2t(&g, 1, 4, 4, &f), &f, SEQ, 0, "R2T at offset 4: 0 is next");
	want_fault(r2t(&g, 1, 0, 8193, &f), &f, RANGE, 0,
		   "R2T of 8193 bytes at offset 0: accepted are 0-8192");
	want_fault(r2t(&g, 1, 8, 0xfffffff8, &f), &f, RANGE, 0,
		   "R2T of 4294967288 bytes at offset 8: accepted are 0-8192");
	want_fault(r2t(&g, 1, 0xfffffffc, 8, &f), &f, RANGE, 0,
		   "R2T of 8 bytes at offset 4294967292: accepted are 0-8192");
	UNIT_EQ(r2t(&g, 1, 0, 4096, &f), 0);
	/* once more the same, and a part of it */
	want_fault(r2t(&g, 1, 0, 4096, &f), &f, SEQ, 0, "R2T at offset 0: 4096 is next");
	want_fault(r2t(&g, 1, 4092, 4096, &f), &f, SEQ, 0, "R2T at offset 4092: 4096 is next");
	want_h2c(&g, 1, 0, 4096, true);
}

static void test_give_ring(void)
{
	struct nvme_tcp_fault f;
	struct nvme_tcp_give g;
	u32 i;

	nvme_tcp_give_init(&g, 3, 1000, 4096, NVME_TCP_R2TS_MAX);
	for (i = 0; i < NVME_TCP_R2TS_MAX; i++)
		UNIT_EQ(r2t(&g, i, i * 10, 10, &f), 0);
	UNIT_EQ(r2t(&g, i, i * 10, 10, &f), -EPROTO);
	UNIT_EQ(f.fes, LIMIT);
	for (i = 0; i < 50; i++) {
		want_h2c(&g, i, i * 10, 10, true);
		UNIT_EQ(r2t(&g, i + 8, (i + 8) * 10, 10, &f), 0);
	}
}

/* A controller and a host: whatever their limits, all data goes over, once. */
static void test_fetch_and_give(void)
{
	struct test_random rnd = { 0x77 };
	struct nvme_tcp_fault f;
	struct nvme_tcp_fetch x;
	struct nvme_tcp_give g;
	struct nvme_tcp_data d;
	struct nvme_tcp_r2t r;
	unsigned int round;

	for (round = 0; round < 500; round++) {
		u32 len = 1 + random_u64(&rnd) % 100000, expect = 0;
		u32 maxr2t = 1 + random_u64(&rnd) % 8;

		nvme_tcp_fetch_init(&x, 1, 2, len, 1 + random_u64(&rnd) % 20000, maxr2t);
		x.ttag_step = random_u64(&rnd) & 1 ? 64 : 0;
		nvme_tcp_give_init(&g, 1, len, 1 + random_u64(&rnd) % 9000, maxr2t);
		while (!nvme_tcp_fetch_done(&x)) {
			while (random_u64(&rnd) % 4 && nvme_tcp_fetch_r2t(&x, &r))
				UNIT_EQ(nvme_tcp_give_r2t(&g, &r, &f), 0);
			if (!nvme_tcp_give_next(&g, &d))
				continue;
			UNIT_EQ(le32_to_cpu(d.datao), expect);
			expect += le32_to_cpu(d.datal);
			UNIT_EQ(nvme_tcp_fetch_h2c(&x, &d, &f), 0);
			nvme_tcp_fetch_end(&x);
		}
		UNIT_EQ(expect, len);
		UNIT_EQ(g.sent, len);
		CU_ASSERT_FALSE(nvme_tcp_give_next(&g, &d));
	}
}

/* --- take: C2HData received ------------------------------------------------------ */

static int c2h(struct nvme_tcp_take *t, u32 at, u32 len, u8 flags, bool *success,
	       struct nvme_tcp_fault *f)
{
	struct nvme_tcp_data d = data_pdu(0, 0, at, len, flags);

	return nvme_tcp_take_c2h(t, &d, success, f);
}

static void test_take(void)
{
	struct nvme_tcp_take t = { .len = 8192 };
	struct nvme_tcp_fault f;
	bool success = true;

	UNIT_EQ(c2h(&t, 0, 4096, 0, &success, &f), 0);
	CU_ASSERT_FALSE(success);
	UNIT_EQ(c2h(&t, 4096, 4096, NVME_TCP_F_LAST, &success, &f), 0);
	CU_ASSERT_FALSE(success);
	UNIT_EQ(t.got, 8192);
	CU_ASSERT_TRUE(t.last);
	t = (struct nvme_tcp_take){ .len = 8192 };
	UNIT_EQ(c2h(&t, 0, 8192, NVME_TCP_F_LAST | NVME_TCP_F_SUCCESS, &success, &f), 0);
	CU_ASSERT_TRUE(success);
	/* less than asked for: the response says why */
	t = (struct nvme_tcp_take){ .len = 8192 };
	UNIT_EQ(c2h(&t, 0, 512, NVME_TCP_F_LAST, &success, &f), 0);
	CU_ASSERT_FALSE(success);
	UNIT_EQ(t.got, 512);
}

static void test_take_refusals(void)
{
	struct nvme_tcp_take t = { .len = 8192 };
	struct nvme_tcp_fault f;
	bool success;

	want_fault(c2h(&t, 4, 4, 0, &success, &f), &f, SEQ, 0,
		   "C2HData at offset 4: 0 is next");
	want_fault(c2h(&t, 0, 8196, NVME_TCP_F_LAST, &success, &f), &f, RANGE, 0,
		   "C2HData of 8196 bytes at offset 0: accepted are 0-8192");
	want_fault(c2h(&t, 8, 0xfffffff8, 0, &success, &f), &f, RANGE, 0,
		   "C2HData of 4294967288 bytes at offset 8: accepted are 0-8192");
	want_fault(c2h(&t, 0xffffffff, 4, 0, &success, &f), &f, RANGE, 0,
		   "C2HData of 4 bytes at offset 4294967295: accepted are 0-8192");
	want_fault(c2h(&t, 0, 8192, 0, &success, &f), &f, SEQ, 0,
		   "C2HData up to 8192 without LAST: that is all");
	want_fault(c2h(&t, 0, 512, NVME_TCP_F_LAST | NVME_TCP_F_SUCCESS, &success, &f),
		   &f, SEQ, 0,
		   "C2HData with SUCCESS up to 512: 8192 bytes were asked for");
	UNIT_EQ(c2h(&t, 0, 512, 0, &success, &f), 0);
	want_fault(c2h(&t, 0, 512, 0, &success, &f), &f, SEQ, 0,
		   "C2HData at offset 0: 512 is next");
	UNIT_EQ(c2h(&t, 512, 512, NVME_TCP_F_LAST, &success, &f), 0);
	want_fault(c2h(&t, 1024, 512, 0, &success, &f), &f, SEQ, 0,
		   "C2HData at offset 1024: LAST has come already");
	/* a command that reads nothing */
	t = (struct nvme_tcp_take){ 0 };
	want_fault(c2h(&t, 0, 4, NVME_TCP_F_LAST, &success, &f), &f, RANGE, 0,
		   "C2HData of 4 bytes at offset 0: accepted are 0-0");
}

UNIT_MAIN(UNIT(test_ic_bytes), UNIT(test_icreq), UNIT(test_icresp),
	  UNIT(test_fetch_one_at_a_time), UNIT(test_fetch_several),
	  UNIT(test_fetch_refusals), UNIT(test_fetch_cut), UNIT(test_give),
	  UNIT(test_give_refusals), UNIT(test_give_ring),
	  UNIT(test_fetch_and_give), UNIT(test_take), UNIT(test_take_refusals))
