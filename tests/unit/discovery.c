// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * common/discovery.h: entries and header in bytes, windows at every offset and
 * length against the page built whole, and a reader whose log changes under it.
 */
#include "common/discovery.h"
#include "tests/unit/random.h"
#include "tests/unit/unit.h"

#define PAGE	1024u

static void make_record(u64 index, struct nvmf_disc_record *r)
{
	memset(r, 0, sizeof(*r));
	r->trtype = index % 2 ? NVMF_TRTYPE_TCP : NVMF_TRTYPE_RDMA;
	r->adrfam = NVMF_ADRFAM_IPV4;
	r->subtype = NVMF_SUBTYPE_NVME;
	r->treq = NVMF_TREQ_NOT_REQUIRED | NVMF_TREQ_DISABLE_SQFLOW;
	r->portid = 0x0102 + index;
	r->cntlid = NVMF_CNTLID_DYNAMIC;
	r->asqsz = 32;
	r->eflags = 3;
	snprintf(r->trsvcid, sizeof(r->trsvcid), "%u", 4420 + (unsigned int)index);
	snprintf(r->subnqn, sizeof(r->subnqn), "nqn.2026-11.io.weft:disk%u",
		 (unsigned int)index);
	snprintf(r->traddr, sizeof(r->traddr), "10.9.0.%u",
		 1 + (unsigned int)index);
	if (r->trtype == NVMF_TRTYPE_RDMA) {
		r->rdma_qptype = NVMF_RDMA_QPTYPE_CONNECTED;
		r->rdma_prtype = NVMF_RDMA_PRTYPE_ROCEV2;
		r->rdma_cms = NVMF_RDMA_CMS_RDMA_CM;
		r->rdma_pkey = 0x1234;
	} else {
		r->tcp_sectype = 2;
	}
}

static bool same_record(const struct nvmf_disc_record *a,
			const struct nvmf_disc_record *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static void test_entry_bytes(void)
{
	static const u8 head[12] = {
		1, 1, 2, 6, 0x02, 0x01, 0xff, 0xff, 32, 0, 3, 0,
	};
	static const u8 tsas[10] = { 1, 4, 1, 0, 0, 0, 0, 0, 0x34, 0x12 };
	struct nvmf_disc_entry e;
	struct nvmf_disc_record r;
	const u8 *p = (const u8 *)&e;
	size_t i;

	make_record(0, &r);
	memset(&e, 0xaa, sizeof(e));
	nvmf_disc_entry_encode(&e, &r);
	CU_ASSERT_EQUAL(memcmp(p, head, sizeof(head)), 0);
	CU_ASSERT_EQUAL(memcmp(p + 32, "4420                            ", 32), 0);
	for (i = 12; i < 32; i++)
		UNIT_EQ(p[i], 0);
	for (i = 64; i < 256; i++)
		UNIT_EQ(p[i], 0);
	UNIT_STR((const char *)p + 256, "nqn.2026-11.io.weft:disk0");
	UNIT_EQ(p[511], 0);
	CU_ASSERT_EQUAL(memcmp(p + 512, "10.9.0.1  ", 10), 0);
	UNIT_EQ(p[767], ' ');
	CU_ASSERT_EQUAL(memcmp(p + 768, tsas, sizeof(tsas)), 0);
	for (i = 778; i < 1024; i++)
		UNIT_EQ(p[i], 0);
	make_record(1, &r);
	nvmf_disc_entry_encode(&e, &r);
	UNIT_EQ(p[768], 2);
	UNIT_EQ(p[769], 0);
}

static void test_entry_full_fields(void)
{
	struct nvmf_disc_record r, back;
	struct nvmf_disc_entry e;

	make_record(0, &r);
	r.trtype = NVMF_TRTYPE_FC;
	r.rdma_qptype = r.rdma_prtype = r.rdma_cms = 0;
	r.rdma_pkey = 0;
	memset(r.trsvcid, '7', 32);
	memset(r.subnqn, 'q', 223);
	memset(r.traddr, 'a', 256);
	nvmf_disc_entry_encode(&e, &r);
	UNIT_EQ(nvmf_disc_entry_decode(&e, sizeof(e), &back, NULL), 0);
	CU_ASSERT_TRUE(same_record(&r, &back));
	UNIT_EQ(strlen(back.traddr), 256);
	UNIT_EQ(strlen(back.subnqn), 223);
	UNIT_EQ(strlen(back.trsvcid), 32);
}

static void test_entry_round_trip(void)
{
	struct nvmf_disc_record r, back;
	struct nvmf_disc_entry e;
	struct weft_reason why;
	size_t len;
	u64 i;

	for (i = 0; i < 4; i++) {
		make_record(i, &r);
		nvmf_disc_entry_encode(&e, &r);
		memset(&back, 0xaa, sizeof(back));
		UNIT_EQ(nvmf_disc_entry_decode(&e, sizeof(e), &back, &why), 0);
		CU_ASSERT_TRUE(same_record(&r, &back));
	}
	for (len = 0; len < sizeof(e); len++) {
		void *cut = exact_copy(&e, len);

		UNIT_EQ(nvmf_disc_entry_decode(cut, len, &back, &why), -EMSGSIZE);
		free(cut);
	}
	UNIT_STR(why.text, "discovery log entry of 1023 bytes: it has 1024");
}

static void test_entry_text(void)
{
	struct nvmf_disc_record r, back;
	struct nvmf_disc_entry e;
	struct weft_reason why;

	make_record(0, &r);
	nvmf_disc_entry_encode(&e, &r);
	/* padded with zeros, as some targets do, with rubbish behind */
	memset(e.trsvcid, 0, sizeof(e.trsvcid));
	memcpy(e.trsvcid, "4420  \0rubbish", 14);
	memset(e.traddr, ' ', sizeof(e.traddr));
	UNIT_EQ(nvmf_disc_entry_decode(&e, sizeof(e), &back, NULL), 0);
	UNIT_STR(back.trsvcid, "4420");
	UNIT_STR(back.traddr, "");
	memset(e.subnqn, 'n', sizeof(e.subnqn));
	UNIT_EQ(nvmf_disc_entry_decode(&e, sizeof(e), &back, &why), -EPROTO);
	UNIT_STR(why.text,
		 "discovery log entry: subnqn has no end within its first 224 bytes");
	e.subnqn[224] = 0;
	UNIT_EQ(nvmf_disc_entry_decode(&e, sizeof(e), &back, &why), -EPROTO);
	e.subnqn[223] = 0;
	UNIT_EQ(nvmf_disc_entry_decode(&e, sizeof(e), &back, &why), 0);
	e.subnqn[0] = 0;
	UNIT_EQ(nvmf_disc_entry_decode(&e, sizeof(e), &back, &why), 0);
	UNIT_STR(back.subnqn, "");
}

static void test_header(void)
{
	static const u8 want[18] = { 8, 7, 6, 5, 4, 3, 2, 1, 9 };
	struct nvmf_disc_header h;
	struct weft_reason why;
	u64 genctr, numrec;
	size_t len;

	memset(&h, 0xaa, sizeof(h));
	nvmf_disc_header_encode(&h, 0x0102030405060708ull, 9);
	CU_ASSERT_EQUAL(memcmp(&h, want, sizeof(want)), 0);
	UNIT_EQ(h.rsvd18[0], 0);
	UNIT_EQ(h.rsvd18[1005], 0);
	for (len = 0; len <= sizeof(h); len++) {
		void *cut = exact_copy(&h, len);

		UNIT_EQ(nvmf_disc_header_decode(cut, len, &genctr, &numrec, &why),
			len < sizeof(h) ? -EMSGSIZE : 0);
		free(cut);
	}
	UNIT_STR(why.text, "discovery log header of 1023 bytes: it has 1024");
	UNIT_EQ(genctr, 0x0102030405060708ull);
	UNIT_EQ(numrec, 9);
	h.recfmt = cpu_to_le16(2);
	UNIT_EQ(nvmf_disc_header_decode(&h, sizeof(h), &genctr, &numrec, &why),
		-EPROTO);
	UNIT_STR(why.text, "discovery log recfmt=2: only format 0 is known");
}

/* --- windows ------------------------------------------------------------- */

struct source {
	u64 have;
	u64 first, asked;
};

static bool hand_out(void *ctx, u64 index, struct nvmf_disc_record *r)
{
	struct source *s = ctx;

	if (!s->asked)
		s->first = index;
	s->asked++;
	if (index >= s->have)
		return false;
	make_record(index, r);
	return true;
}

static void whole_page(u8 *page, u64 numrec)
{
	struct nvmf_disc_record r;
	u64 i;

	nvmf_disc_header_encode((struct nvmf_disc_header *)page, 42, numrec);
	for (i = 0; i < numrec; i++) {
		make_record(i, &r);
		nvmf_disc_entry_encode((struct nvmf_disc_entry *)
				       (page + (i + 1) * PAGE), &r);
	}
}

static void window_is(const u8 *page, size_t size, u64 numrec, u64 offset,
		      size_t len)
{
	struct source s = { .have = numrec };
	u8 *out = malloc(len ? len : 1);
	size_t i;

	if (!out)
		abort();
	memset(out, 0xaa, len);
	nvmf_disc_window(42, numrec, hand_out, &s, offset, out, len);
	for (i = 0; i < len; i++) {
		u8 want = offset + i < size ? page[offset + i] : 0;

		if (out[i] != want) {
			CU_FAIL("window differs from the whole page");
			break;
		}
	}
	/* no more is asked for than the window touches */
	if (s.asked > len / PAGE + 2)
		CU_FAIL("asked for entries beside the window");
	free(out);
}

static void test_windows(void)
{
	static u8 page[4 * PAGE];
	size_t offset, i;
	static const size_t lens[] = { 0, 1, 3, 4, 16, 500, 1023, 1024, 1025,
				       2048, 5000 };

	whole_page(page, 3);
	for (offset = 0; offset <= sizeof(page) + 8; offset += 4)
		for (i = 0; i < ARRAY_SIZE(lens); i++)
			window_is(page, sizeof(page), 3, offset, lens[i]);
	for (offset = 1020; offset < 1100; offset++)
		for (i = 0; i < 40; i++)
			window_is(page, sizeof(page), 3, offset, i);
	whole_page(page, 0);
	window_is(page, PAGE, 0, 0, 4096);
	window_is(page, PAGE, 0, 1000, 4096);
}

static void test_window_costs(void)
{
	struct source s = { .have = 1000 };
	u8 out[2048];

	nvmf_disc_window(1, 1000, hand_out, &s, 501 * PAGE, out, 1024);
	UNIT_EQ(s.asked, 1);
	UNIT_EQ(s.first, 500);
	s.asked = 0;
	nvmf_disc_window(1, 1000, hand_out, &s, 501 * PAGE + 1, out, 1024);
	UNIT_EQ(s.asked, 2);
	s.asked = 0;
	nvmf_disc_window(1, 1000, hand_out, &s, 0, out, 1024);
	UNIT_EQ(s.asked, 0);
	nvmf_disc_window(1, 1000, hand_out, &s, 1001 * PAGE, out, 2048);
	UNIT_EQ(s.asked, 0);
}

static void test_window_far_out(void)
{
	static const u64 offsets[] = { 1ull << 32, 1ull << 63, ~0ull - 1,
				       ~0ull - 1023, ~0ull - 1024, ~0ull };
	struct source s = { .have = 2 };
	u8 out[1024];
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		memset(out, 0xaa, sizeof(out));
		nvmf_disc_window(1, 2, hand_out, &s, offsets[i], out,
				 sizeof(out));
		for (j = 0; j < sizeof(out); j++)
			if (out[j])
				CU_FAIL("something past the end");
	}
	UNIT_EQ(s.asked, 0);
	/* numrec that lies: the source ends first */
	nvmf_disc_window(1, ~0ull, hand_out, &s, 2 * PAGE, out, sizeof(out));
	UNIT_EQ(s.asked, 1);
	nvmf_disc_window(1, ~0ull, hand_out, &s, 3 * PAGE, out, sizeof(out));
	UNIT_EQ(s.asked, 2);
	UNIT_EQ(out[0], 0);
}

/* --- the reader ---------------------------------------------------------- */

struct log {
	u64 genctr;
	u64 numrec;
	unsigned int reads;
	unsigned int entries;		/* of the current pass */
	unsigned int change_until;	/* reads that end with a change */
	u32 max;
};

static void took(void *ctx, u64 index, const struct nvmf_disc_record *rec)
{
	struct nvmf_disc_record want;
	struct log *l = ctx;

	if (!index)
		l->entries = 0;
	UNIT_EQ(index, l->entries);
	l->entries++;
	make_record(index, &want);
	CU_ASSERT_TRUE(same_record(rec, &want));
}

static int read_log(struct log *l, struct nvmf_disc_reader *r,
		    struct weft_reason *why)
{
	struct source s = { .have = ~0ull };
	static u8 buf[16 * PAGE];
	u64 offset;
	int ret;
	u32 len;

	while (nvmf_disc_next(r, l->max, &offset, &len)) {
		if (!len || len > l->max || len % PAGE || offset % PAGE) {
			CU_FAIL("window is not what the caller can read");
			return -EINVAL;
		}
		nvmf_disc_window(l->genctr, l->numrec, hand_out, &s, offset,
				 buf, len);
		ret = nvmf_disc_feed(r, buf, len, took, l, why);
		if (ret && ret != -EAGAIN)
			return ret;
		if (l->reads++ < l->change_until)
			l->genctr++;
	}
	return 0;
}

static void test_reader(void)
{
	static const u32 maxima[] = { 1024, 1025, 2047, 2048, 4096, 16384 };
	static const u64 counts[] = { 0, 1, 2, 3, 7, 40 };
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(maxima); i++)
		for (j = 0; j < ARRAY_SIZE(counts); j++) {
			struct log l = { .genctr = 5, .numrec = counts[j],
					 .max = maxima[i] };
			u64 per = maxima[i] / PAGE;
			struct nvmf_disc_reader r;

			nvmf_disc_reader_init(&r);
			UNIT_EQ(read_log(&l, &r, NULL), 0);
			UNIT_EQ(l.entries, counts[j]);
			UNIT_EQ(r.restarts, 0);
			/* header, windows, header again */
			UNIT_EQ(l.reads, counts[j] ?
				2 + (counts[j] + per - 1) / per : 1);
		}
}

static void test_reader_restarts(void)
{
	struct log l = { .genctr = 5, .numrec = 2, .max = 1024,
			 .change_until = 4 };
	struct nvmf_disc_reader r;
	struct weft_reason why;

	nvmf_disc_reader_init(&r);
	UNIT_EQ(read_log(&l, &r, &why), 0);
	CU_ASSERT_TRUE(r.restarts >= 1);
	UNIT_EQ(l.entries, 2);
	UNIT_EQ(r.genctr, l.genctr);
	/* it never rests */
	l.change_until = ~0u;
	l.reads = 0;
	nvmf_disc_reader_init(&r);
	UNIT_EQ(read_log(&l, &r, &why), -ELOOP);
	UNIT_EQ(r.restarts, NVMF_DISC_MAX_RESTARTS);
	UNIT_STR(why.text, "the discovery log changed 9 times while it was read");
}

static void feed_header(struct nvmf_disc_reader *r, u64 genctr, u64 numrec,
			int want)
{
	struct nvmf_disc_header h;

	nvmf_disc_header_encode(&h, genctr, numrec);
	UNIT_EQ(nvmf_disc_feed(r, &h, sizeof(h), took, NULL, NULL), want);
}

static void feed_first_entry(struct nvmf_disc_reader *r)
{
	struct nvmf_disc_record rec;
	struct log l = { .max = 1024 };
	struct nvmf_disc_entry e;

	make_record(0, &rec);
	nvmf_disc_entry_encode(&e, &rec);
	UNIT_EQ(nvmf_disc_feed(r, &e, sizeof(e), took, &l, NULL), 0);
	UNIT_EQ(l.entries, 1);
}

static void test_reader_log_emptied(void)
{
	struct nvmf_disc_reader r;
	u64 offset;
	u32 len;

	nvmf_disc_reader_init(&r);
	feed_header(&r, 1, 1, 0);
	feed_first_entry(&r);
	feed_header(&r, 2, 0, -EAGAIN);
	CU_ASSERT_FALSE(nvmf_disc_next(&r, 4096, &offset, &len));
	UNIT_EQ(nvmf_disc_feed(&r, &r, 0, took, NULL, NULL), -EINVAL);
	/* a count that changed without the generation is a change as well */
	nvmf_disc_reader_init(&r);
	feed_header(&r, 1, 1, 0);
	feed_first_entry(&r);
	feed_header(&r, 1, 2, -EAGAIN);
	CU_ASSERT_TRUE(nvmf_disc_next(&r, 4096, &offset, &len));
	UNIT_EQ(offset, 1024);
	UNIT_EQ(len, 2048);
}

static void test_reader_bad_data(void)
{
	static u8 buf[3 * PAGE];
	struct nvmf_disc_reader r;
	struct weft_reason why;

	nvmf_disc_reader_init(&r);
	UNIT_EQ(nvmf_disc_feed(&r, buf, 1023, took, NULL, &why), -EMSGSIZE);
	feed_header(&r, 1, NVMF_DISC_MAX_RECORDS + 1ull, -EPROTO);
	feed_header(&r, 1, ~0ull, -EPROTO);
	nvmf_disc_header_encode((struct nvmf_disc_header *)buf, 1, ~0ull);
	UNIT_EQ(nvmf_disc_feed(&r, buf, PAGE, took, NULL, &why), -EPROTO);
	UNIT_STR(why.text,
		 "discovery log of 18446744073709551615 entries: at most 65536 are read");
	feed_header(&r, 1, NVMF_DISC_MAX_RECORDS, 0);
	nvmf_disc_reader_init(&r);
	feed_header(&r, 1, 2, 0);
	UNIT_EQ(nvmf_disc_feed(&r, buf, 0, took, NULL, &why), -EMSGSIZE);
	UNIT_EQ(nvmf_disc_feed(&r, buf, 1023, took, NULL, &why), -EMSGSIZE);
	UNIT_EQ(nvmf_disc_feed(&r, buf, 1025, took, NULL, &why), -EMSGSIZE);
	UNIT_EQ(nvmf_disc_feed(&r, buf, 3072, took, NULL, &why), -EMSGSIZE);
	UNIT_STR(why.text,
		 "discovery log window of 3072 bytes: 2 entries of 1024 bytes are left");
	memset(buf, 'x', sizeof(buf));
	UNIT_EQ(nvmf_disc_feed(&r, buf, 1024, took, NULL, &why), -EPROTO);
	UNIT_EQ(r.next, 0);
}

static void test_names(void)
{
	UNIT_STR(nvmf_trtype_name(NVMF_TRTYPE_RDMA), "rdma");
	UNIT_STR(nvmf_trtype_name(NVMF_TRTYPE_FC), "fc");
	UNIT_STR(nvmf_trtype_name(NVMF_TRTYPE_TCP), "tcp");
	UNIT_STR(nvmf_trtype_name(NVMF_TRTYPE_LOOP), "loop");
	UNIT_STR(nvmf_trtype_name(0), "unknown");
	UNIT_STR(nvmf_trtype_name(255), "unknown");
	UNIT_STR(nvmf_adrfam_name(0), "unknown");
	UNIT_STR(nvmf_adrfam_name(NVMF_ADRFAM_IPV4), "ipv4");
	UNIT_STR(nvmf_adrfam_name(NVMF_ADRFAM_IPV6), "ipv6");
	UNIT_STR(nvmf_adrfam_name(NVMF_ADRFAM_IB), "ib");
	UNIT_STR(nvmf_adrfam_name(NVMF_ADRFAM_FC), "fc");
	UNIT_STR(nvmf_adrfam_name(5), "unknown");
	UNIT_STR(nvmf_subtype_name(0), "unknown");
	UNIT_STR(nvmf_subtype_name(1), "discovery subsystem referral");
	UNIT_STR(nvmf_subtype_name(2), "nvme subsystem");
	UNIT_STR(nvmf_subtype_name(3), "current discovery subsystem");
	UNIT_STR(nvmf_subtype_name(4), "unknown");
	UNIT_STR(nvmf_treq_name(0), "not specified");
	UNIT_STR(nvmf_treq_name(2), "not required");
	UNIT_STR(nvmf_treq_name(3), "reserved");
	UNIT_STR(nvmf_treq_name(6),
		 "not required, sq flow control disable supported");
	UNIT_STR(nvmf_treq_name(0xf9), "required");
}

static void test_random(void)
{
	struct test_random rnd = { 0xd15c };
	struct nvmf_disc_record r;
	struct nvmf_disc_entry e;
	unsigned int i;

	for (i = 0; i < 3000; i++) {
		random_fill(&rnd, &e, sizeof(e));
		e.subnqn[random_u64(&rnd) % 256] = 0;
		if (nvmf_disc_entry_decode(&e, sizeof(e), &r, NULL))
			continue;
		if (strnlen(r.subnqn, 224) > 223 ||
		    strnlen(r.traddr, 257) > 256 ||
		    strnlen(r.trsvcid, 33) > 32)
			CU_FAIL("text without an end");
	}
}

UNIT_MAIN(UNIT(test_entry_bytes), UNIT(test_entry_full_fields),
	  UNIT(test_entry_round_trip), UNIT(test_entry_text),
	  UNIT(test_header), UNIT(test_windows), UNIT(test_window_costs),
	  UNIT(test_window_far_out), UNIT(test_reader),
	  UNIT(test_reader_restarts), UNIT(test_reader_log_emptied),
	  UNIT(test_reader_bad_data), UNIT(test_names), UNIT(test_random))
