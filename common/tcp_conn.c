// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * ICReq/ICResp, and who may send which bytes of a command's data next (NVMe
 * TCP Transport Specification 1.0, sections 3.2, 3.3). Called by both ends for
 * headers that the receiver has accepted, in the context that owns the
 * connection.
 */
#include "common/tcp_conn.h"

#define DGST_KNOWN	(NVME_TCP_DGST_HDR | NVME_TCP_DGST_DATA)

static void ic_header(void *pdu, u8 type)
{
	struct nvme_tcp_hdr *h = pdu;

	memset(pdu, 0, sizeof(struct nvme_tcp_icreq));
	h->type = type;
	h->hlen = sizeof(struct nvme_tcp_icreq);
	h->plen = cpu_to_le32(sizeof(struct nvme_tcp_icreq));
}

void nvme_tcp_icreq_encode(struct nvme_tcp_icreq *q,
			   const struct nvme_tcp_ic *ic)
{
	ic_header(q, NVME_TCP_ICREQ);
	q->pfv = cpu_to_le16(NVME_TCP_PFV_1_0);
	q->hpda = ic->pda;
	q->dgst = ic->dgst;
	q->maxr2t = cpu_to_le32(ic->maxr2t - 1);
}

void nvme_tcp_icresp_encode(struct nvme_tcp_icresp *r,
			    const struct nvme_tcp_ic *ic)
{
	ic_header(r, NVME_TCP_ICRESP);
	r->pfv = cpu_to_le16(NVME_TCP_PFV_1_0);
	r->cpda = ic->pda;
	r->dgst = ic->dgst;
	r->maxh2cdata = cpu_to_le32(ic->maxh2cdata);
}

/* What ICReq and ICResp have in common; @pda is called @name there. */
static int check_ic(__le16 pfv, const char *name, u8 pda,
		    struct nvme_tcp_fault *f)
{
	if (le16_to_cpu(pfv) != NVME_TCP_PFV_1_0)
		return nvme_tcp_fail(f, NVME_TCP_FES_UNSUPPORTED,
				     offsetof(struct nvme_tcp_icreq, pfv),
				     "pfv=%u: only PDU format version 0 is known",
				     le16_to_cpu(pfv));
	if (pda > NVME_TCP_PDA_MAX)
		return nvme_tcp_fail_field(f, struct nvme_tcp_icreq, hpda,
					   "%s=%u: accepted range is 0-%u", name,
					   pda, NVME_TCP_PDA_MAX);
	return 0;
}

int nvme_tcp_icreq_decode(const struct nvme_tcp_icreq *q,
			  struct nvme_tcp_ic *ic, struct nvme_tcp_fault *f)
{
	u32 maxr2t = le32_to_cpu(q->maxr2t);
	int err = check_ic(q->pfv, "hpda", q->hpda, f);

	if (err)
		return err;
	if (q->dgst & ~DGST_KNOWN)
		return nvme_tcp_fail_field(f, struct nvme_tcp_icreq, dgst,
					   "dgst=%02xh: accepted are bits 0 and 1",
					   q->dgst);
	ic->pda = q->hpda;
	ic->dgst = q->dgst;
	ic->maxr2t = maxr2t < 0xffffffff ? maxr2t + 1 : maxr2t;
	ic->maxh2cdata = 0;
	return 0;
}

int nvme_tcp_icresp_decode(const struct nvme_tcp_icresp *r,
			   const struct nvme_tcp_ic *asked,
			   struct nvme_tcp_ic *ic, struct nvme_tcp_fault *f)
{
	u32 maxh2cdata = le32_to_cpu(r->maxh2cdata);
	int err = check_ic(r->pfv, "cpda", r->cpda, f);

	if (err)
		return err;
	if (r->dgst & ~asked->dgst)
		return nvme_tcp_fail_field(f, struct nvme_tcp_icresp, dgst,
					   "dgst=%02xh: %02xh was asked for",
					   r->dgst, asked->dgst);
	if (maxh2cdata < NVME_TCP_MIN_MAXH2CDATA || maxh2cdata % 4)
		return nvme_tcp_fail_field(f, struct nvme_tcp_icresp, maxh2cdata,
					   "maxh2cdata=%u: accepted are multiples of 4 from %u",
					   maxh2cdata, NVME_TCP_MIN_MAXH2CDATA);
	ic->pda = r->cpda;
	ic->dgst = r->dgst;
	ic->maxr2t = asked->maxr2t;
	ic->maxh2cdata = maxh2cdata;
	return 0;
}

static int fail_seq(struct nvme_tcp_fault *f, const char *what, u32 at,
		    u32 wanted)
{
	return nvme_tcp_fail(f, NVME_TCP_FES_PDU_SEQ, 0,
			     "%s at offset %u: %u is next", what, at, wanted);
}

static int fail_range(struct nvme_tcp_fault *f, const char *what, u32 at,
		      u32 len, u32 from, u32 end)
{
	return nvme_tcp_fail(f, NVME_TCP_FES_DATA_RANGE, 0,
			     "%s of %u bytes at offset %u: accepted are %u-%u",
			     what, len, at, from, end);
}

static u16 cap_r2ts(u32 n)
{
	return (u16)weft_min(n, NVME_TCP_R2TS_MAX);
}

/* --- R2Ts sent, H2CData received ------------------------------------------- */

void nvme_tcp_fetch_init(struct nvme_tcp_fetch *x, u16 cccid, u16 ttag,
			 u32 len, u32 limit, u32 maxr2t)
{
	memset(x, 0, sizeof(*x));
	x->cccid = cccid;
	x->ttag = ttag;
	x->len = len;
	x->limit = limit;
	x->maxr2t = cap_r2ts(maxr2t);
}

static u16 fetch_ttag(const struct nvme_tcp_fetch *x, u16 turn)
{
	return x->ttag + turn * x->ttag_step;
}

static u16 next_turn(const struct nvme_tcp_fetch *x, u16 turn)
{
	return turn + 1 == x->maxr2t ? 0 : turn + 1;
}

bool nvme_tcp_fetch_r2t(struct nvme_tcp_fetch *x, struct nvme_tcp_r2t *r)
{
	u32 n = weft_min(x->len - x->asked, x->limit);

	if (!n || x->outstanding == x->maxr2t)
		return false;
	memset(r, 0, sizeof(*r));
	r->hdr.type = NVME_TCP_R2T;
	r->cccid = cpu_to_le16(x->cccid);
	r->ttag = cpu_to_le16(fetch_ttag(x, x->asks));
	r->r2to = cpu_to_le32(x->asked);
	r->r2tl = cpu_to_le32(n);
	if (!x->outstanding++) {
		x->r2t_start = x->asked;
		x->r2t_end = x->asked + n;
	}
	x->asked += n;
	x->asks = next_turn(x, x->asks);
	return true;
}

int nvme_tcp_fetch_h2c(struct nvme_tcp_fetch *x, const struct nvme_tcp_data *d,
		       struct nvme_tcp_fault *f)
{
	u32 at = le32_to_cpu(d->datao), n = le32_to_cpu(d->datal);
	bool last = d->hdr.flags & NVME_TCP_F_LAST;

	if (le16_to_cpu(d->cccid) != x->cccid)
		return nvme_tcp_fail_field(f, struct nvme_tcp_data, cccid,
					   "cccid=%u: ttag %u belongs to command %u",
					   le16_to_cpu(d->cccid),
					   le16_to_cpu(d->ttag), x->cccid);
	if (!x->outstanding ||
	    le16_to_cpu(d->ttag) != fetch_ttag(x, x->answers))
		return nvme_tcp_fail_field(f, struct nvme_tcp_data, ttag,
					   "ttag=%u: no R2T of command %u waits for that",
					   le16_to_cpu(d->ttag), x->cccid);
	if (at < x->r2t_start || at > x->r2t_end || n > x->r2t_end - at)
		return fail_range(f, "H2CData", at, n, x->r2t_start, x->r2t_end);
	if (at != x->got || x->coming)
		return fail_seq(f, "H2CData", at, x->got + x->coming);
	if (last != (at + n == x->r2t_end))
		return nvme_tcp_fail(f, NVME_TCP_FES_PDU_SEQ, 0,
				     "H2CData up to %u %s LAST: its R2T ends at %u",
				     at + n, last ? "with" : "without",
				     x->r2t_end);
	x->coming = n;
	return 0;
}

void nvme_tcp_fetch_end(struct nvme_tcp_fetch *x)
{
	x->got += x->coming;
	x->coming = 0;
	if (!x->outstanding || x->got != x->r2t_end)
		return;
	x->outstanding--;
	x->answers = next_turn(x, x->answers);
	x->r2t_start = x->r2t_end;
	x->r2t_end += weft_min(x->asked - x->r2t_end, x->limit);
}

/* --- R2Ts received, H2CData sent ------------------------------------------- */

void nvme_tcp_give_init(struct nvme_tcp_give *g, u16 cccid, u32 len,
			u32 maxh2cdata, u16 maxr2t)
{
	memset(g, 0, sizeof(*g));
	g->cccid = cccid;
	g->len = len;
	g->maxh2cdata = maxh2cdata;
	g->maxr2t = cap_r2ts(maxr2t);
}

int nvme_tcp_give_r2t(struct nvme_tcp_give *g, const struct nvme_tcp_r2t *r,
		      struct nvme_tcp_fault *f)
{
	u32 at = le32_to_cpu(r->r2to), n = le32_to_cpu(r->r2tl), slot;

	if (le16_to_cpu(r->cccid) != g->cccid)
		return nvme_tcp_fail_field(f, struct nvme_tcp_r2t, cccid,
					   "cccid=%u: this is command %u",
					   le16_to_cpu(r->cccid), g->cccid);
	if (at > g->len || n > g->len - at)
		return fail_range(f, "R2T", at, n, g->asked, g->len);
	if (at != g->asked)
		return fail_seq(f, "R2T", at, g->asked);
	if (g->count == g->maxr2t)
		return nvme_tcp_fail(f, NVME_TCP_FES_DATA_LIMIT, 0,
				     "R2T at offset %u: %u are outstanding, more were not allowed",
				     at, g->count);
	slot = (g->head + g->count++) % NVME_TCP_R2TS_MAX;
	g->asked += n;
	g->r2t[slot].end = g->asked;
	g->r2t[slot].ttag = le16_to_cpu(r->ttag);
	return 0;
}

bool nvme_tcp_give_next(struct nvme_tcp_give *g, struct nvme_tcp_data *d)
{
	u32 end = g->r2t[g->head].end, n;

	if (!g->count)
		return false;
	n = weft_min(end - g->sent, g->maxh2cdata);
	memset(d, 0, sizeof(*d));
	d->hdr.type = NVME_TCP_H2C_DATA;
	d->cccid = cpu_to_le16(g->cccid);
	d->ttag = cpu_to_le16(g->r2t[g->head].ttag);
	d->datao = cpu_to_le32(g->sent);
	d->datal = cpu_to_le32(n);
	g->sent += n;
	if (g->sent == end) {
		d->hdr.flags = NVME_TCP_F_LAST;
		g->head = (g->head + 1) % NVME_TCP_R2TS_MAX;
		g->count--;
	}
	return true;
}

/* --- C2HData received ------------------------------------------------------- */

int nvme_tcp_take_c2h(struct nvme_tcp_take *t, const struct nvme_tcp_data *d,
		      bool *success, struct nvme_tcp_fault *f)
{
	u32 at = le32_to_cpu(d->datao), n = le32_to_cpu(d->datal);
	bool last = d->hdr.flags & NVME_TCP_F_LAST;
	bool ends;

	if (t->last)
		return nvme_tcp_fail(f, NVME_TCP_FES_PDU_SEQ, 0,
				     "C2HData at offset %u: LAST has come already",
				     at);
	if (at > t->len || n > t->len - at)
		return fail_range(f, "C2HData", at, n, t->got, t->len);
	if (at != t->got)
		return fail_seq(f, "C2HData", at, t->got);
	ends = at + n == t->len;
	if (ends && !last)
		return nvme_tcp_fail(f, NVME_TCP_FES_PDU_SEQ, 0,
				     "C2HData up to %u without LAST: that is all",
				     t->len);
	*success = d->hdr.flags & NVME_TCP_F_SUCCESS;
	if (*success && !ends)
		return nvme_tcp_fail(f, NVME_TCP_FES_PDU_SEQ, 0,
				     "C2HData with SUCCESS up to %u: %u bytes were asked for",
				     at + n, t->len);
	t->got += n;
	t->last = last;
	return 0;
}
