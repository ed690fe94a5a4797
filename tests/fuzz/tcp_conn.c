// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Any order of R2T, H2CData and C2HData headers with any fields: each byte of a
 * command moves once, in order, within what was asked for; a refused header
 * changes nothing. ICReq and ICResp with any content: what is accepted is
 * within the specification's limits.
 */
#include "common/tcp_conn.h"
#include "tests/fuzz/fuzz.h"

static struct nvme_tcp_fault fault;

static void must_fault(int err)
{
	must(err == -EPROTO && fault.why.text[0]);
	must(fault.fes >= NVME_TCP_FES_INVALID_HDR && fault.fes <= NVME_TCP_FES_UNSUPPORTED);
	must(!fault.fei || fault.fes == NVME_TCP_FES_INVALID_HDR ||
	     fault.fes == NVME_TCP_FES_UNSUPPORTED);
}

/* Small numbers near the ones that are right, or any. */
static u32 take_near(struct fuzz_input *in, u32 right)
{
	u8 how = fuzz_take(in, 1);

	if (how < 160)
		return right;
	return how < 240 ? right + how - 200 : fuzz_take(in, 4);
}

/* The receiver accepts no header with DATAL or R2TL 0. */
static u32 take_len(struct fuzz_input *in, u32 right)
{
	u32 n = take_near(in, right);

	return n ? n : 1;
}

static struct nvme_tcp_data take_data(struct fuzz_input *in, u16 cccid, u16 ttag,
				      u32 at, u32 len)
{
	struct nvme_tcp_data d = {
		.hdr.flags = fuzz_take(in, 1) & (NVME_TCP_F_LAST | NVME_TCP_F_SUCCESS),
		.cccid = cpu_to_le16(take_near(in, cccid)),
		.ttag = cpu_to_le16(take_near(in, ttag)),
		.datao = cpu_to_le32(take_near(in, at)),
		.datal = cpu_to_le32(take_len(in, len)),
	};

	return d;
}

static void check_fetch(const struct nvme_tcp_fetch *x)
{
	must(x->got <= x->asked && x->asked <= x->len);
	must(x->coming <= x->asked - x->got);
	must(x->outstanding <= x->maxr2t);
	must(x->r2t_end <= x->asked && x->got <= x->r2t_end);
	must(!x->outstanding == (x->got == x->asked));
}

static void fetch(struct fuzz_input *in)
{
	u32 len = 1 + fuzz_take(in, 4) % 0x7fffffff, limit = 1 + fuzz_take(in, 4) % len;
	struct nvme_tcp_fetch x, before;
	struct nvme_tcp_data d;
	struct nvme_tcp_r2t r;

	nvme_tcp_fetch_init(&x, 5, 9, len, limit, 1 + fuzz_take(in, 1));
	x.ttag_step = fuzz_take(in, 1);
	while (in->size) {
		if (fuzz_take(in, 1) & 1 && nvme_tcp_fetch_r2t(&x, &r)) {
			must(le32_to_cpu(r.r2tl) && le32_to_cpu(r.r2tl) <= limit);
			must(le32_to_cpu(r.r2to) + le32_to_cpu(r.r2tl) == x.asked);
		}
		d = take_data(in, 5, x.ttag + x.answers * x.ttag_step, x.got,
			      x.r2t_end - x.got);
		before = x;
		if (nvme_tcp_fetch_h2c(&x, &d, &fault)) {
			must_fault(-EPROTO);
			must(!memcmp(&before, &x, sizeof(x)));
		} else {
			must(le32_to_cpu(d.datao) == x.got);
			must(le32_to_cpu(d.datal) <= x.asked - x.got);
			nvme_tcp_fetch_end(&x);
		}
		check_fetch(&x);
		if (fuzz_take(in, 1) == 7)
			nvme_tcp_fetch_cut(&x);
	}
}

static void give(struct fuzz_input *in)
{
	u32 len = fuzz_take(in, 4), max = NVME_TCP_MIN_MAXH2CDATA + fuzz_take(in, 3);
	struct nvme_tcp_give g, before;
	struct nvme_tcp_data d;
	u32 sent;

	nvme_tcp_give_init(&g, 5, len, max, 1 + fuzz_take(in, 1));
	while (in->size) {
		struct nvme_tcp_r2t r = {
			.cccid = cpu_to_le16(take_near(in, 5)),
			.r2to = cpu_to_le32(take_near(in, g.asked)),
			.r2tl = cpu_to_le32(take_len(in, (len - g.asked) / 3)),
		};

		before = g;
		if (nvme_tcp_give_r2t(&g, &r, &fault)) {
			must_fault(-EPROTO);
			must(!memcmp(&before, &g, sizeof(g)));
		}
		must(g.sent <= g.asked && g.asked <= len && g.count <= NVME_TCP_R2TS_MAX);
		sent = g.sent;
		if (fuzz_take(in, 1) & 1 && nvme_tcp_give_next(&g, &d)) {
			must(le32_to_cpu(d.datao) == sent);
			must(le32_to_cpu(d.datal) && le32_to_cpu(d.datal) <= max);
			must(g.sent == sent + le32_to_cpu(d.datal) && g.sent <= g.asked);
		}
	}
}

static void take(struct fuzz_input *in)
{
	struct nvme_tcp_take t = { .len = fuzz_take(in, 4) }, before;
	struct nvme_tcp_data d;
	bool success;

	while (in->size) {
		d = take_data(in, 5, 0, t.got, (t.len - t.got) / 2);
		before = t;
		success = false;
		if (nvme_tcp_take_c2h(&t, &d, &success, &fault)) {
			must_fault(-EPROTO);
			must(t.got == before.got && t.last == before.last);
			continue;
		}
		must(t.got > before.got && t.got <= t.len && !before.last);
		must(t.got != t.len || t.last);
		must(!success || (t.last && t.got == t.len));
	}
}

static void ic(struct fuzz_input *in)
{
	struct nvme_tcp_ic asked = { .dgst = fuzz_take(in, 1) & 3, .maxr2t = 3 }, got;
	struct nvme_tcp_icreq q;
	struct nvme_tcp_icresp r;

	fuzz_padded(in, &q, sizeof(q));
	fuzz_padded(in, &r, sizeof(r));
	if (!nvme_tcp_icreq_decode(&q, &got, &fault)) {
		must(got.pda <= NVME_TCP_PDA_MAX && got.dgst <= 3 && got.maxr2t);
	} else {
		must_fault(-EPROTO);
	}
	if (!nvme_tcp_icresp_decode(&r, &asked, &got, &fault)) {
		must(got.pda <= NVME_TCP_PDA_MAX && !(got.dgst & ~asked.dgst));
		must(got.maxh2cdata >= 4096 && !(got.maxh2cdata % 4) && got.maxr2t == 3);
	} else {
		must_fault(-EPROTO);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const parts[])(struct fuzz_input *) = { fetch, give, take, ic };
	struct fuzz_input in = { data, size };

	parts[fuzz_take(&in, 1) % ARRAY_SIZE(parts)](&in);
	return 0;
}

size_t fuzz_seed(unsigned int index, uint8_t *buf, size_t size)
{
	static const struct nvme_tcp_ic good = { .maxr2t = 1, .maxh2cdata = 8192 };

	must(size >= 256);
	if (index > 4)
		return 0;
	memset(buf, 0, 256);
	buf[0] = index % 4;
	if (index == 3)
		nvme_tcp_icreq_encode((void *)(buf + 2), &good);
	else
		buf[2] = buf[6] = 0x10;
	return 256;
}
