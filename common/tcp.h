/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * NVMe/TCP wire structures (NVMe TCP Transport Specification 1.0, section 3.6).
 *
 * A PDU is a header of HLEN bytes (the common header and what its type adds), a
 * header digest if negotiated, padding up to PDO, data, and a data digest if
 * negotiated; PLEN counts all of them.
 */
#ifndef WEFT_COMMON_TCP_H
#define WEFT_COMMON_TCP_H

#include "common/fabrics.h"

#define NVME_TCP_PFV_1_0	0
#define NVME_TCP_DIGEST_LEN	4
#define NVME_TCP_PDA_MAX	31		/* HPDA, CPDA: 0-based dwords */
#define NVME_TCP_MIN_MAXH2CDATA	4096
#define NVME_TCP_ADMIN_CCSZ	8192		/* in-capsule data of admin queues */
#define NVME_TCP_TERM_DATA_MAX	128		/* of the offending header, in a TermReq */

enum nvme_tcp_pdu_type {
	NVME_TCP_ICREQ		= 0x00,
	NVME_TCP_ICRESP		= 0x01,
	NVME_TCP_H2C_TERM	= 0x02,
	NVME_TCP_C2H_TERM	= 0x03,
	NVME_TCP_CMD		= 0x04,
	NVME_TCP_RSP		= 0x05,
	NVME_TCP_H2C_DATA	= 0x06,
	NVME_TCP_C2H_DATA	= 0x07,
	NVME_TCP_R2T		= 0x09,
};

#define NVME_TCP_F_HDGST	(1u << 0)
#define NVME_TCP_F_DDGST	(1u << 1)
#define NVME_TCP_F_LAST		(1u << 2)	/* H2CData, C2HData */
#define NVME_TCP_F_SUCCESS	(1u << 3)	/* C2HData: no response follows */

/* Digests asked for in ICReq and granted in ICResp */
#define NVME_TCP_DGST_HDR	(1u << 0)
#define NVME_TCP_DGST_DATA	(1u << 1)

/**
 * enum nvme_tcp_fes - fatal error status of a termination request
 * Their FEI: offset of the header's field (INVALID_HDR, UNSUPPORTED), the
 * digest that was received (HDR_DIGEST), else 0.
 */
enum nvme_tcp_fes {
	NVME_TCP_FES_INVALID_HDR	= 0x01,
	NVME_TCP_FES_PDU_SEQ		= 0x02,
	NVME_TCP_FES_HDR_DIGEST		= 0x03,
	NVME_TCP_FES_DATA_RANGE		= 0x04,
	NVME_TCP_FES_DATA_LIMIT		= 0x05,	/* said by a host: R2T limit */
	NVME_TCP_FES_UNSUPPORTED	= 0x06,
};

struct nvme_tcp_hdr {
	u8 type;
	u8 flags;
	u8 hlen;
	u8 pdo;
	__le32 plen;
} __packed;
WEFT_ASSERT_SIZE(struct nvme_tcp_hdr, 8);

struct nvme_tcp_icreq {
	struct nvme_tcp_hdr hdr;
	__le16 pfv;
	u8 hpda;
	u8 dgst;
	__le32 maxr2t;		/* 0-based */
	u8 rsvd16[112];
} __packed;
WEFT_ASSERT_SIZE(struct nvme_tcp_icreq, 128);
WEFT_ASSERT_OFFSET(struct nvme_tcp_icreq, maxr2t, 12);

struct nvme_tcp_icresp {
	struct nvme_tcp_hdr hdr;
	__le16 pfv;
	u8 cpda;
	u8 dgst;
	__le32 maxh2cdata;	/* bytes */
	u8 rsvd16[112];
} __packed;
WEFT_ASSERT_SIZE(struct nvme_tcp_icresp, 128);
WEFT_ASSERT_OFFSET(struct nvme_tcp_icresp, maxh2cdata, 12);

struct nvme_tcp_term {
	struct nvme_tcp_hdr hdr;
	__le16 fes;
	__le32 fei;
	u8 rsvd14[10];
} __packed;
WEFT_ASSERT_SIZE(struct nvme_tcp_term, 24);
WEFT_ASSERT_OFFSET(struct nvme_tcp_term, fei, 10);

struct nvme_tcp_cmd {
	struct nvme_tcp_hdr hdr;
	union nvme_cmd cmd;
} __packed;
WEFT_ASSERT_SIZE(struct nvme_tcp_cmd, 72);

struct nvme_tcp_rsp {
	struct nvme_tcp_hdr hdr;
	struct nvme_cqe cqe;
};
WEFT_ASSERT_SIZE(struct nvme_tcp_rsp, 24);

/* H2CData and C2HData; TTAG is reserved in the latter */
struct nvme_tcp_data {
	struct nvme_tcp_hdr hdr;
	__le16 cccid;
	__le16 ttag;
	__le32 datao;
	__le32 datal;
	u8 rsvd20[4];
} __packed;
WEFT_ASSERT_SIZE(struct nvme_tcp_data, 24);

struct nvme_tcp_r2t {
	struct nvme_tcp_hdr hdr;
	__le16 cccid;
	__le16 ttag;
	__le32 r2to;
	__le32 r2tl;
	u8 rsvd20[4];
} __packed;
WEFT_ASSERT_SIZE(struct nvme_tcp_r2t, 24);

/* Any PDU's header, in whichever shape it is wanted */
union nvme_tcp_pdu {
	struct nvme_tcp_hdr hdr;
	struct nvme_tcp_icreq icreq;
	struct nvme_tcp_icresp icresp;
	struct nvme_tcp_term term;
	struct nvme_tcp_cmd cmd;
	struct nvme_tcp_rsp rsp;
	struct nvme_tcp_data data;
	struct nvme_tcp_r2t r2t;
};
WEFT_ASSERT_SIZE(union nvme_tcp_pdu, 128);

#endif
