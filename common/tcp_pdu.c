// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * NVMe/TCP PDUs: what each type looks like, headers for sending, termination
 * requests (NVMe TCP Transport Specification 1.0, section 3.6). Called by both
 * ends' send paths; the receiver is in tcp_rx.c.
 */
#include "common/tcp_pdu.h"

#define F_HD	NVME_TCP_F_HDGST
#define F_DATA	(NVME_TCP_F_HDGST | NVME_TCP_F_DDGST)

static const struct nvme_tcp_kind kinds[] = {
	[NVME_TCP_ICREQ] = {
		"ICReq", NVME_TCP_CTRL, sizeof(struct nvme_tcp_icreq), 0, false,
	},
	[NVME_TCP_ICRESP] = {
		"ICResp", NVME_TCP_HOST, sizeof(struct nvme_tcp_icresp), 0, false,
	},
	[NVME_TCP_H2C_TERM] = {
		"H2CTermReq", NVME_TCP_CTRL, sizeof(struct nvme_tcp_term), 0, false,
	},
	[NVME_TCP_C2H_TERM] = {
		"C2HTermReq", NVME_TCP_HOST, sizeof(struct nvme_tcp_term), 0, false,
	},
	[NVME_TCP_CMD] = {
		"CapsuleCmd", NVME_TCP_CTRL, sizeof(struct nvme_tcp_cmd), F_DATA, true,
	},
	[NVME_TCP_RSP] = {
		"CapsuleResp", NVME_TCP_HOST, sizeof(struct nvme_tcp_rsp), F_HD, false,
	},
	[NVME_TCP_H2C_DATA] = {
		"H2CData", NVME_TCP_CTRL, sizeof(struct nvme_tcp_data),
		F_DATA | NVME_TCP_F_LAST, true,
	},
	[NVME_TCP_C2H_DATA] = {
		"C2HData", NVME_TCP_HOST, sizeof(struct nvme_tcp_data),
		F_DATA | NVME_TCP_F_LAST | NVME_TCP_F_SUCCESS, true,
	},
	[NVME_TCP_R2T] = {
		"R2T", NVME_TCP_HOST, sizeof(struct nvme_tcp_r2t), F_HD, false,
	},
};

const struct nvme_tcp_kind *nvme_tcp_kind(u8 type)
{
	return type < ARRAY_SIZE(kinds) && kinds[type].name ? &kinds[type] : NULL;
}

int nvme_tcp_fail(struct nvme_tcp_fault *f, u16 fes, u32 fei,
		  const char *fmt, ...)
{
	va_list ap;

	f->fes = fes;
	f->fei = fei;
	va_start(ap, fmt);
	weft_vfail(&f->why, -EPROTO, fmt, ap);
	va_end(ap);
	return -EPROTO;
}

void nvme_tcp_tx_init(struct nvme_tcp_tx *tx, u8 dgst, u8 pda)
{
	tx->hdgst = dgst & NVME_TCP_DGST_HDR;
	tx->ddgst = dgst & NVME_TCP_DGST_DATA;
	tx->pda = (pda + 1) * 4;
}

/* What stands between header and data: digest, and padding if data follows. */
static u32 seal_header(u8 *pdu, u32 hlen,
		       bool hdgst, u32 pdo)
{
	u32 at = hlen;
	__le32 digest;

	if (hdgst) {
		digest = nvme_tcp_crc_finish(nvme_tcp_crc(NVME_TCP_CRC_INIT,
							  pdu, hlen));
		memcpy(pdu + at, &digest, sizeof(digest));
		at += sizeof(digest);
	}
	if (!pdo)
		return at;
	memset(pdu + at, 0, pdo - at);
	return pdo;
}

u32 nvme_tcp_tx_finish(const struct nvme_tcp_tx *tx, void *pdu, u32 data_len)
{
	struct nvme_tcp_hdr *h = pdu;
	const struct nvme_tcp_kind *kind = nvme_tcp_kind(h->type);
	bool hdgst = tx->hdgst && (kind->flags & NVME_TCP_F_HDGST);
	bool ddgst = tx->ddgst && data_len;
	u32 plen = kind->hlen + (hdgst ? NVME_TCP_DIGEST_LEN : 0);
	u32 pdo = 0;

	if (data_len) {
		pdo = (plen + tx->pda - 1) / tx->pda * tx->pda;
		plen = pdo + data_len + (ddgst ? NVME_TCP_DIGEST_LEN : 0);
	}
	h->flags &= NVME_TCP_F_LAST | NVME_TCP_F_SUCCESS;
	h->flags |= (hdgst ? NVME_TCP_F_HDGST : 0) |
		    (ddgst ? NVME_TCP_F_DDGST : 0);
	h->hlen = kind->hlen;
	h->pdo = pdo;
	h->plen = cpu_to_le32(plen);
	return seal_header(pdu, kind->hlen, hdgst, pdo);
}

u32 nvme_tcp_term_encode(enum nvme_tcp_role role,
			 const struct nvme_tcp_fault *f, const void *hdr,
			 u32 hdr_len, void *out)
{
	struct nvme_tcp_term *t = out;

	if (!f->fes)
		return 0;
	if (hdr_len > NVME_TCP_TERM_DATA_MAX)
		hdr_len = NVME_TCP_TERM_DATA_MAX;
	memset(t, 0, sizeof(*t));
	t->hdr.type = role == NVME_TCP_HOST ? NVME_TCP_H2C_TERM :
					      NVME_TCP_C2H_TERM;
	t->hdr.hlen = sizeof(*t);
	t->hdr.plen = cpu_to_le32(sizeof(*t) + hdr_len);
	t->fes = cpu_to_le16(f->fes);
	t->fei = cpu_to_le32(f->fei);
	if (hdr_len)
		memcpy(t + 1, hdr, hdr_len);
	return sizeof(*t) + hdr_len;
}

const char *nvme_tcp_fes_name(u16 fes)
{
	static const char * const names[] = {
		[0] = "no error",
		[NVME_TCP_FES_INVALID_HDR] = "invalid PDU header field",
		[NVME_TCP_FES_PDU_SEQ] = "PDU sequence error",
		[NVME_TCP_FES_HDR_DIGEST] = "header digest error",
		[NVME_TCP_FES_DATA_RANGE] = "data transfer out of range",
		[NVME_TCP_FES_DATA_LIMIT] =
			"data transfer or R2T limit exceeded",
		[NVME_TCP_FES_UNSUPPORTED] = "unsupported parameter",
	};

	return fes < ARRAY_SIZE(names) ? names[fes] : "unknown status";
}
