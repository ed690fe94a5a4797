// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The receiver of NVMe/TCP PDUs: takes a header in pieces of any size, checks
 * it, and counts off the payload that its owner moves. Fields are checked in
 * their order in the header, so that the first that is wrong is reported.
 *
 * A header is looked at when its first 8 bytes are there and when it is whole;
 * nothing is ever looked at earlier, which is why no split of the stream can
 * change what comes out.
 */
#include "common/tcp_pdu.h"

enum rx_state {
	RX_COMMON,	/* the first 8 bytes */
	RX_REST,	/* the rest of the header, and its digest */
	RX_PAD,
	RX_DATA,
	RX_DDGST,
	RX_DONE,	/* the PDU is complete; its header is still there */
	RX_DEAD,
};

enum rx_phase {
	RX_IC,		/* ICReq or ICResp must come */
	RX_IC_CAME,	/* the owner has not said yet what was agreed on */
	RX_READY,
};

/* PAD's longest (section 3.6.1) */
#define PAD_MAX		127
#define TERM_PLEN_MAX	(sizeof(struct nvme_tcp_term) + NVME_TCP_TERM_DATA_MAX)

/* a header digest lies behind its header in the same buffer */
static_assert(sizeof(struct nvme_tcp_cmd) + NVME_TCP_DIGEST_LEN <=
	      sizeof(union nvme_tcp_pdu), "no room for a header digest");

void nvme_tcp_rx_init(struct nvme_tcp_rx *rx, enum nvme_tcp_role role)
{
	memset(rx, 0, sizeof(*rx));
	rx->role = role;
	rx->pda = 4;
	rx->state = RX_DONE;
}

void nvme_tcp_rx_negotiated(struct nvme_tcp_rx *rx, u8 dgst, u8 pda,
			    u32 max_data)
{
	rx->hdgst = dgst & NVME_TCP_DGST_HDR;
	rx->ddgst = dgst & NVME_TCP_DGST_DATA;
	rx->pda = (pda + 1) * 4;
	rx->max_data = max_data;
	rx->max_capsule = max_data;
	rx->phase = RX_READY;
}

enum nvme_tcp_rx_want nvme_tcp_rx_want(const struct nvme_tcp_rx *rx, u32 *n)
{
	switch (rx->state) {
	case RX_DATA:
		*n = rx->data_left;
		return NVME_TCP_RX_DATA;
	case RX_DDGST:
		*n = NVME_TCP_DIGEST_LEN - rx->digest_got;
		return NVME_TCP_RX_DDGST;
	case RX_DEAD:
		*n = 0;
		return NVME_TCP_RX_DEAD;
	case RX_DONE:
		*n = sizeof(struct nvme_tcp_hdr);
		return NVME_TCP_RX_HDR;
	default:
		*n = rx->until - rx->got;
		return NVME_TCP_RX_HDR;
	}
}

static bool is_term(u8 type)
{
	return type == NVME_TCP_H2C_TERM || type == NVME_TCP_C2H_TERM;
}

static const char *type_name(u8 type)
{
	const struct nvme_tcp_kind *kind = nvme_tcp_kind(type);

	return kind ? kind->name : "unknown";
}

/* Header and header digest, in bytes. */
static u32 whole_header(const struct nvme_tcp_rx *rx,
			const struct nvme_tcp_kind *kind)
{
	bool hdgst = rx->hdgst && (kind->flags & NVME_TCP_F_HDGST);

	return kind->hlen + (hdgst ? NVME_TCP_DIGEST_LEN : 0);
}

/* May this type come to this end, and now? A TermReq always may. */
static int check_type(struct nvme_tcp_rx *rx)
{
	u8 type = rx->pdu.hdr.type;
	const struct nvme_tcp_kind *kind = nvme_tcp_kind(type);
	bool host = rx->role == NVME_TCP_HOST;
	u8 ic = host ? NVME_TCP_ICRESP : NVME_TCP_ICREQ;

	if (!kind || kind->to != rx->role)
		return nvme_tcp_fail_field(&rx->fault, struct nvme_tcp_hdr, type,
					   "PDU type %02xh (%s): not one that a %s receives",
					   type, type_name(type),
					   host ? "host" : "controller");
	if (is_term(type) || (rx->phase == RX_READY ? type != ic :
			      rx->phase == RX_IC && type == ic))
		return 0;
	return nvme_tcp_fail(&rx->fault, NVME_TCP_FES_PDU_SEQ, 0, "%s %s %s",
			     kind->name, rx->phase == RX_IC ? "before" : "after",
			     type_name(ic));
}

static int check_flags(struct nvme_tcp_rx *rx, const struct nvme_tcp_kind *kind,
		       bool data)
{
	u8 flags = rx->pdu.hdr.flags;
	u8 must = (rx->hdgst ? NVME_TCP_F_HDGST : 0) |
		  (rx->ddgst && data ? NVME_TCP_F_DDGST : 0);

	if (flags & ~kind->flags)
		return nvme_tcp_fail_field(&rx->fault, struct nvme_tcp_hdr, flags,
					   "%s flags=%02xh: %s may have %02xh",
					   kind->name, flags, kind->name,
					   kind->flags);
	must &= kind->flags;
	if ((flags & (NVME_TCP_F_HDGST | NVME_TCP_F_DDGST)) != must)
		return nvme_tcp_fail_field(&rx->fault, struct nvme_tcp_hdr, flags,
					   "%s flags=%02xh: the digests agreed on are %02xh",
					   kind->name, flags, must);
	if ((flags & NVME_TCP_F_SUCCESS) && !(flags & NVME_TCP_F_LAST))
		return nvme_tcp_fail_field(&rx->fault, struct nvme_tcp_hdr, flags,
					   "%s flags=%02xh: SUCCESS without LAST",
					   kind->name, flags);
	return 0;
}

static int plen_fault(struct nvme_tcp_rx *rx, const struct nvme_tcp_kind *kind,
		      const char *what)
{
	return nvme_tcp_fail_field(&rx->fault, struct nvme_tcp_hdr, plen,
				   "%s plen=%u: %s", kind->name,
				   le32_to_cpu(rx->pdu.hdr.plen), what);
}

static int check_pdo(struct nvme_tcp_rx *rx, const struct nvme_tcp_kind *kind,
		     bool data)
{
	u32 pdo = rx->pdu.hdr.pdo, whole = whole_header(rx, kind);

	/* without data it says nothing, but may point behind the header */
	if (!data && pdo && !(kind->payload && pdo == whole))
		return nvme_tcp_fail_field(&rx->fault, struct nvme_tcp_hdr, pdo,
					   "%s pdo=%u: there is no data",
					   kind->name, pdo);
	if (data && (pdo < whole || pdo - whole > PAD_MAX || pdo % rx->pda))
		return nvme_tcp_fail_field(&rx->fault, struct nvme_tcp_hdr, pdo,
					   "%s pdo=%u: data begins at %u-%u, at a multiple of %u",
					   kind->name, pdo, whole,
					   whole + PAD_MAX, rx->pda);
	return 0;
}

/* Payload beyond what was agreed on. */
static int check_limit(struct nvme_tcp_rx *rx, const struct nvme_tcp_kind *kind)
{
	bool capsule = rx->pdu.hdr.type == NVME_TCP_CMD;
	bool host = rx->role == NVME_TCP_HOST;
	u32 most = capsule ? rx->max_capsule : rx->max_data;

	if (rx->data_len <= most)
		return 0;
	return nvme_tcp_fail(&rx->fault, host ? NVME_TCP_FES_DATA_RANGE :
				   NVME_TCP_FES_DATA_LIMIT, 0,
			     "%s with %u bytes of data: at most %u are accepted",
			     kind->name, rx->data_len, most);
}

/* PLEN, and by it how much payload there is. */
static int check_plen(struct nvme_tcp_rx *rx, const struct nvme_tcp_kind *kind,
		      bool data)
{
	u32 plen = le32_to_cpu(rx->pdu.hdr.plen), around;

	rx->data_len = 0;
	if (is_term(rx->pdu.hdr.type))
		return plen >= kind->hlen && plen <= TERM_PLEN_MAX ? 0 :
		       plen_fault(rx, kind, "a TermReq has 24 to 152 bytes");
	if (!data) {
		if (plen != whole_header(rx, kind))
			return plen_fault(rx, kind, "not what its header needs");
		return rx->pdu.hdr.type == NVME_TCP_CMD || !kind->payload ? 0 :
		       plen_fault(rx, kind, "there is no data");
	}
	around = rx->pdu.hdr.pdo + (rx->ddgst ? NVME_TCP_DIGEST_LEN : 0);
	if (plen <= around)
		return plen_fault(rx, kind, "no room for data");
	rx->data_len = plen - around;
	return check_limit(rx, kind);
}

static int check_fields(struct nvme_tcp_rx *rx, const struct nvme_tcp_kind *kind)
{
	const struct nvme_tcp_hdr *h = &rx->pdu.hdr;
	bool data = kind->payload &&
		    le32_to_cpu(h->plen) > whole_header(rx, kind);
	int err;

	err = check_flags(rx, kind, data);
	if (err)
		return err;
	if (h->hlen != kind->hlen)
		return nvme_tcp_fail_field(&rx->fault, struct nvme_tcp_hdr, hlen,
					   "%s hlen=%u: its header has %u bytes",
					   kind->name, h->hlen, kind->hlen);
	err = is_term(h->type) ? 0 : check_pdo(rx, kind, data);
	return err ? err : check_plen(rx, kind, data);
}

/* The common header, field by field. */
static int check_common(struct nvme_tcp_rx *rx, const struct nvme_tcp_kind *kind)
{
	int err = check_fields(rx, kind);

	/* one TermReq is not answered by another */
	if (err && is_term(rx->pdu.hdr.type))
		rx->fault.fes = rx->fault.fei = 0;
	return err;
}

/* What a type adds to the common header. */
static int check_own_fields(struct nvme_tcp_rx *rx)
{
	const struct nvme_tcp_data *d = &rx->pdu.data;
	const struct nvme_tcp_r2t *r = &rx->pdu.r2t;

	switch (d->hdr.type) {
	case NVME_TCP_H2C_DATA:
	case NVME_TCP_C2H_DATA:
		if (le32_to_cpu(d->datal) == rx->data_len)
			return 0;
		return nvme_tcp_fail_field(&rx->fault, struct nvme_tcp_data, datal,
					   "datal=%u: plen says that %u bytes follow",
					   le32_to_cpu(d->datal), rx->data_len);
	case NVME_TCP_R2T:
		if (r->r2tl)
			return 0;
		return nvme_tcp_fail_field(&rx->fault, struct nvme_tcp_r2t, r2tl,
					   "r2tl=0: an R2T asks for something");
	default:
		return 0;
	}
}

static int check_hdgst(struct nvme_tcp_rx *rx, const struct nvme_tcp_kind *kind)
{
	const u8 *raw = (const u8 *)&rx->pdu;
	__le32 came, is = nvme_tcp_crc_finish(nvme_tcp_crc(NVME_TCP_CRC_INIT,
							   raw, kind->hlen));

	memcpy(&came, raw + kind->hlen, sizeof(came));
	if (came == is)
		return 0;
	return nvme_tcp_fail(&rx->fault, NVME_TCP_FES_HDR_DIGEST,
			     le32_to_cpu(came),
			     "%s header digest %08xh: its header has %08xh",
			     kind->name, le32_to_cpu(came), le32_to_cpu(is));
}

/* The first 8 bytes are there. */
static int common_came(struct nvme_tcp_rx *rx)
{
	const struct nvme_tcp_kind *kind;
	int err = check_type(rx);

	if (err)
		return err;
	kind = nvme_tcp_kind(rx->pdu.hdr.type);
	rx->until = whole_header(rx, kind);
	/* under a digest the other fields may wait until it has been checked */
	if (rx->until == kind->hlen || rx->pdu.hdr.hlen != kind->hlen)
		err = check_common(rx, kind);
	rx->state = RX_REST;
	return err;
}

static enum nvme_tcp_rx_event complete(struct nvme_tcp_rx *rx)
{
	u8 type = rx->pdu.hdr.type;

	rx->pdus++;
	rx->state = is_term(type) ? RX_DEAD : RX_DONE;
	if (rx->phase == RX_IC)
		rx->phase = RX_IC_CAME;
	return NVME_TCP_RX_END;
}

/* The header is whole: payload, if any, is next. */
static int rest_came(struct nvme_tcp_rx *rx)
{
	const struct nvme_tcp_kind *kind = nvme_tcp_kind(rx->pdu.hdr.type);
	int err;

	if (rx->until != kind->hlen) {
		err = check_hdgst(rx, kind);
		if (!err)
			err = check_common(rx, kind);
		if (err)
			return err;
	}
	err = check_own_fields(rx);
	if (rx->data_len)
		rx->until = rx->pdu.hdr.pdo;
	rx->state = RX_PAD;
	return err;
}

static enum nvme_tcp_rx_event header_ends(struct nvme_tcp_rx *rx)
{
	rx->data_left = rx->data_len;
	if (!rx->data_len)
		return complete(rx);
	rx->crc = NVME_TCP_CRC_INIT;
	rx->digest_got = 0;
	rx->state = RX_DATA;
	return NVME_TCP_RX_PDU;
}

/* Bytes up to rx->until have come: one check, or several if nothing is between. */
static enum nvme_tcp_rx_event advance(struct nvme_tcp_rx *rx)
{
	int err = 0;

	while (!err && rx->got == rx->until) {
		if (rx->state == RX_PAD)
			return header_ends(rx);
		err = rx->state == RX_COMMON ? common_came(rx) : rest_came(rx);
	}
	if (!err)
		return NVME_TCP_RX_MORE;
	rx->state = RX_DEAD;
	return NVME_TCP_RX_FAULT;
}

static void keep(struct nvme_tcp_rx *rx, const u8 *p, u32 n)
{
	if (rx->state != RX_PAD)
		memcpy((u8 *)&rx->pdu + rx->got, p, n);
	rx->got += n;
}

u32 nvme_tcp_rx_hdr(struct nvme_tcp_rx *rx, const void *p, u32 len,
		    enum nvme_tcp_rx_event *ev)
{
	u32 taken = 0, n;

	*ev = NVME_TCP_RX_MORE;
	if (rx->state == RX_DONE && len) {
		rx->state = RX_COMMON;
		rx->got = 0;
		rx->until = sizeof(struct nvme_tcp_hdr);
	}
	while (rx->state <= RX_PAD && taken < len && *ev == NVME_TCP_RX_MORE) {
		n = rx->until - rx->got;
		if (n > len - taken)
			n = len - taken;
		keep(rx, (const u8 *)p + taken, n);
		taken += n;
		*ev = advance(rx);
	}
	return taken;
}

void nvme_tcp_rx_crc(struct nvme_tcp_rx *rx, const void *p, u32 len)
{
	rx->crc = nvme_tcp_crc(rx->crc, p, len);
}

void nvme_tcp_rx_data(struct nvme_tcp_rx *rx, const void *p, u32 len,
		      enum nvme_tcp_rx_event *ev)
{
	*ev = NVME_TCP_RX_MORE;
	if (rx->state != RX_DATA || len > rx->data_left) {
		nvme_tcp_fail(&rx->fault, 0, 0,
			      "%u bytes of payload given: %u are due", len,
			      rx->state == RX_DATA ? rx->data_left : 0);
		rx->state = RX_DEAD;
		*ev = NVME_TCP_RX_FAULT;
		return;
	}
	if (p && rx->ddgst)
		nvme_tcp_rx_crc(rx, p, len);
	rx->data_left -= len;
	if (rx->data_left)
		return;
	if (rx->ddgst)
		rx->state = RX_DDGST;
	else
		*ev = complete(rx);
}

u32 nvme_tcp_rx_ddgst(struct nvme_tcp_rx *rx, const void *p, u32 len,
		      enum nvme_tcp_rx_event *ev)
{
	u32 n = NVME_TCP_DIGEST_LEN - rx->digest_got;
	__le32 is;

	*ev = NVME_TCP_RX_MORE;
	if (rx->state != RX_DDGST || !len)
		return 0;
	if (n > len)
		n = len;
	memcpy(rx->digest + rx->digest_got, p, n);
	rx->digest_got += n;
	if (rx->digest_got < NVME_TCP_DIGEST_LEN)
		return n;
	is = nvme_tcp_crc_finish(rx->crc);
	*ev = complete(rx);
	if (memcmp(rx->digest, &is, sizeof(is)))
		*ev = NVME_TCP_RX_BAD_DDGST;
	return n;
}

u32 nvme_tcp_rx_term(const struct nvme_tcp_rx *rx,
		     const struct nvme_tcp_fault *f, void *out)
{
	const struct nvme_tcp_kind *kind = nvme_tcp_kind(rx->pdu.hdr.type);
	u32 n = rx->got;

	/* digest and padding are not quoted */
	if (kind && n > kind->hlen)
		n = kind->hlen;
	return nvme_tcp_term_encode(rx->role, f, &rx->pdu, n, out);
}
