/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * NVMe over Fabrics wire structures: fabrics commands, Connect data,
 * controller properties, the discovery log, and the NVMe/RDMA connection
 * manager's private data (NVMe Base Specification 2.0 chapter 3 and 6, NVMe
 * RDMA Transport Specification 1.0 section 3).
 */
#ifndef WEFT_COMMON_FABRICS_H
#define WEFT_COMMON_FABRICS_H

#include "common/nvme.h"

#define NVMF_NQN_MAX		223	/* characters, without the terminator */
#define NVMF_NQN_FIELD		256
#define NVMF_TRADDR_FIELD	256
#define NVMF_TRSVCID_FIELD	32
#define NVMF_DISCOVERY_NQN	"nqn.2014-08.org.nvmexpress.discovery"
#define NVMF_UUID_NQN_PREFIX	"nqn.2014-08.org.nvmexpress:uuid:"

#define NVMF_AQ_DEPTH		32
#define NVMF_CNTLID_DYNAMIC	0xffff
#define NVMF_CNTLID_STATIC	0xfffe
#define NVMF_CNTLID_MIN		1
#define NVMF_CNTLID_MAX		0xffef
#define NVMF_RDMA_PORT		4420
#define NVMF_DISCOVERY_PORT	8009

enum nvmf_fctype {
	NVMF_FC_PROPERTY_SET		= 0x00,
	NVMF_FC_CONNECT			= 0x01,
	NVMF_FC_PROPERTY_GET		= 0x04,
	NVMF_FC_AUTH_SEND		= 0x05,
	NVMF_FC_AUTH_RECV		= 0x06,
	NVMF_FC_DISCONNECT		= 0x08,
};

/* What every fabrics command has; opcode is always 7Fh. */
struct nvmf_cmd {
	u8 opcode;
	u8 flags;
	__le16 cid;
	u8 fctype;
	u8 rsvd5[19];
	struct nvme_sgl_desc sgl;
	u8 specific[24];
} __packed;
WEFT_ASSERT_SIZE(struct nvmf_cmd, NVME_SQE_SIZE);

struct nvmf_connect_cmd {
	u8 opcode;
	u8 flags;
	__le16 cid;
	u8 fctype;
	u8 rsvd5[19];
	struct nvme_sgl_desc sgl;
	__le16 recfmt;
	__le16 qid;
	__le16 sqsize;		/* 0-based */
	u8 cattr;
	u8 rsvd47;
	__le32 kato;		/* ms */
	u8 rsvd52[12];
} __packed;
WEFT_ASSERT_SIZE(struct nvmf_connect_cmd, NVME_SQE_SIZE);
WEFT_ASSERT_OFFSET(struct nvmf_connect_cmd, recfmt, 40);
WEFT_ASSERT_OFFSET(struct nvmf_connect_cmd, kato, 48);
#define NVMF_CATTR_DISABLE_SQFLOW	(1u << 2)

/* Connect response, DW0 on success: CNTLID and AUTHREQ; on 182h: IATTR, IPO */
#define NVMF_CONNECT_AUTHREQ_ATR	(1u << 17)
#define NVMF_CONNECT_AUTHREQ_ASCR	(1u << 18)
#define NVMF_CONNECT_IATTR_DATA		(1u << 16)	/* offset is into data */

struct nvmf_connect_data {
	u8 hostid[16];
	__le16 cntlid;
	u8 rsvd18[238];
	char subnqn[NVMF_NQN_FIELD];
	char hostnqn[NVMF_NQN_FIELD];
	u8 rsvd768[256];
} __packed;
WEFT_ASSERT_SIZE(struct nvmf_connect_data, 1024);
WEFT_ASSERT_OFFSET(struct nvmf_connect_data, subnqn, 256);
WEFT_ASSERT_OFFSET(struct nvmf_connect_data, hostnqn, 512);

struct nvmf_property_cmd {
	u8 opcode;
	u8 flags;
	__le16 cid;
	u8 fctype;
	u8 rsvd5[35];
	u8 attrib;		/* bits 2:0: 0 = 4 bytes, 1 = 8 bytes */
	u8 rsvd41[3];
	__le32 offset;
	__le64 value;		/* Property Set; reserved in Get */
	u8 rsvd56[8];
} __packed;
WEFT_ASSERT_SIZE(struct nvmf_property_cmd, NVME_SQE_SIZE);
WEFT_ASSERT_OFFSET(struct nvmf_property_cmd, offset, 44);
WEFT_ASSERT_OFFSET(struct nvmf_property_cmd, value, 48);
#define NVMF_PROP_SIZE_MASK	0x07
#define NVMF_PROP_SIZE_4	0
#define NVMF_PROP_SIZE_8	1

/* One command capsule's first 64 bytes, in whichever shape they are wanted. */
union nvme_cmd {
	struct nvme_sqe sqe;
	struct nvmf_cmd fabrics;
	struct nvmf_connect_cmd connect;
	struct nvmf_property_cmd prop;
};
WEFT_ASSERT_SIZE(union nvme_cmd, NVME_SQE_SIZE);

enum nvme_property {
	NVME_REG_CAP			= 0x00,
	NVME_REG_VS			= 0x08,
	NVME_REG_CC			= 0x14,
	NVME_REG_CSTS			= 0x1c,
	NVME_REG_NSSR			= 0x20,
	NVME_REG_CRTO			= 0x68,
};

#define NVME_CAP_MQES(cap)	((u16)((cap) & 0xffff))
#define NVME_CAP_CQR		(1ull << 16)
#define NVME_CAP_TO(cap)	((u8)((cap) >> 24))	/* 500 ms */
#define NVME_CAP_NSSRS		(1ull << 36)
#define NVME_CAP_CSS_NVM	(1ull << 37)
#define NVME_CAP_CSS_CSI	(1ull << 43)
#define NVME_CAP_CSS_NOIO	(1ull << 44)
#define NVME_CAP_MPSMIN(cap)	((u8)((cap) >> 48 & 0xf))
#define NVME_CAP_MPSMAX(cap)	((u8)((cap) >> 52 & 0xf))
#define NVME_CAP_CRWMS		(1ull << 59)	/* CRTO.CRWMT is there */
#define NVME_CAP_CRIMS		(1ull << 60)
#define NVME_CAP_CRMS(cap)	((u8)((cap) >> 59 & 0x3))

#define NVME_CRTO_CRWMT(crto)	((u16)(crto))	/* 500 ms */

#define NVME_VS(major, minor, ter) \
	((u32)(major) << 16 | (u32)(minor) << 8 | (u32)(ter))

#define NVME_CC_EN		(1u << 0)
#define NVME_CC_CSS(cc)		((cc) >> 4 & 0x7)
#define NVME_CC_MPS(cc)		((cc) >> 7 & 0xf)
#define NVME_CC_AMS(cc)		((cc) >> 11 & 0x7)
#define NVME_CC_SHN_MASK	(3u << 14)
#define NVME_CC_SHN_NORMAL	(1u << 14)
#define NVME_CC_SHN_ABRUPT	(2u << 14)
#define NVME_CC_IOSQES(n)	((u32)(n) << 16)
#define NVME_CC_IOCQES(n)	((u32)(n) << 20)
#define NVME_CC_GET_IOSQES(cc)	((cc) >> 16 & 0xf)
#define NVME_CC_GET_IOCQES(cc)	((cc) >> 20 & 0xf)
#define NVME_CSTS_RDY		(1u << 0)
#define NVME_CSTS_CFS		(1u << 1)
#define NVME_CSTS_SHST_MASK	(3u << 2)
#define NVME_CSTS_SHST_NORMAL	(0u << 2)
#define NVME_CSTS_SHST_OCCURRING (1u << 2)
#define NVME_CSTS_SHST_COMPLETE	(2u << 2)
#define NVME_CSTS_NSSRO		(1u << 4)
#define NVME_CSTS_PP		(1u << 5)
#define NVME_NSSR_VALUE		0x4e564d65u	/* "NVMe" */

enum nvmf_trtype {
	NVMF_TRTYPE_RDMA		= 1,
	NVMF_TRTYPE_FC			= 2,
	NVMF_TRTYPE_TCP			= 3,
	NVMF_TRTYPE_LOOP		= 254,
};
enum nvmf_adrfam {
	NVMF_ADRFAM_IPV4		= 1,
	NVMF_ADRFAM_IPV6		= 2,
	NVMF_ADRFAM_IB			= 3,
	NVMF_ADRFAM_FC			= 4,
};
enum nvmf_subtype {
	NVMF_SUBTYPE_REFERRAL		= 1,
	NVMF_SUBTYPE_NVME		= 2,
	NVMF_SUBTYPE_DISCOVERY		= 3,
};
enum nvmf_treq {
	NVMF_TREQ_NOT_SPECIFIED		= 0,
	NVMF_TREQ_REQUIRED		= 1,
	NVMF_TREQ_NOT_REQUIRED		= 2,
	NVMF_TREQ_DISABLE_SQFLOW	= 4,
};
/* RDMA transport specific address subtype */
enum { NVMF_RDMA_QPTYPE_CONNECTED = 1, NVMF_RDMA_QPTYPE_DATAGRAM = 2 };
enum { NVMF_RDMA_PRTYPE_NONE = 1, NVMF_RDMA_PRTYPE_IB, NVMF_RDMA_PRTYPE_ROCE,
       NVMF_RDMA_PRTYPE_ROCEV2, NVMF_RDMA_PRTYPE_IWARP };
enum { NVMF_RDMA_CMS_RDMA_CM = 1 };
enum { NVMF_TCP_SECTYPE_NONE = 0 };
/* Entry Flags: the same records come again; connections to it may be kept */
enum { NVMF_DISC_DUPRETINFO = 1 << 0, NVMF_DISC_EPCSD = 1 << 1 };

struct nvmf_disc_entry {
	u8 trtype;
	u8 adrfam;
	u8 subtype;
	u8 treq;
	__le16 portid;
	__le16 cntlid;
	__le16 asqsz;
	__le16 eflags;
	u8 rsvd12[20];
	char trsvcid[NVMF_TRSVCID_FIELD];
	u8 rsvd64[192];
	char subnqn[NVMF_NQN_FIELD];
	char traddr[NVMF_TRADDR_FIELD];
	union {
		u8 raw[256];
		struct {
			u8 qptype;
			u8 prtype;
			u8 cms;
			u8 rsvd3[5];
			__le16 pkey;
			u8 rsvd10[246];
		} __packed rdma;
		struct {
			u8 sectype;
			u8 rsvd1[255];
		} tcp;
	} tsas;
} __packed;
WEFT_ASSERT_SIZE(struct nvmf_disc_entry, 1024);
WEFT_ASSERT_OFFSET(struct nvmf_disc_entry, trsvcid, 32);
WEFT_ASSERT_OFFSET(struct nvmf_disc_entry, subnqn, 256);
WEFT_ASSERT_OFFSET(struct nvmf_disc_entry, traddr, 512);
WEFT_ASSERT_OFFSET(struct nvmf_disc_entry, tsas, 768);

struct nvmf_disc_header {
	__le64 genctr;
	__le64 numrec;
	__le16 recfmt;
	u8 rsvd18[1006];
} __packed;
WEFT_ASSERT_SIZE(struct nvmf_disc_header, 1024);

/* NVMe/RDMA: private data of the connection manager's messages */
struct nvme_rdma_cm_req {
	__le16 recfmt;
	__le16 qid;
	__le16 hrqsize;		/* receive queue of the host, 1-based */
	__le16 hsqsize;		/* submission queue of the host, 0-based */
	__le16 cntlid;		/* I/O queues of newer hosts, else 0 */
	u8 rsvd10[22];
};
WEFT_ASSERT_SIZE(struct nvme_rdma_cm_req, 32);

struct nvme_rdma_cm_rep {
	__le16 recfmt;
	__le16 crqsize;
	u8 rsvd4[28];
};
WEFT_ASSERT_SIZE(struct nvme_rdma_cm_rep, 32);

struct nvme_rdma_cm_rej {
	__le16 recfmt;
	__le16 sts;
};
WEFT_ASSERT_SIZE(struct nvme_rdma_cm_rej, 4);

enum nvme_rdma_cm_status {
	NVME_RDMA_CM_INVALID_LEN	= 1,
	NVME_RDMA_CM_INVALID_RECFMT	= 2,
	NVME_RDMA_CM_INVALID_QID	= 3,
	NVME_RDMA_CM_INVALID_HSQSIZE	= 4,
	NVME_RDMA_CM_INVALID_HRQSIZE	= 5,
	NVME_RDMA_CM_NO_RESOURCES	= 6,
	NVME_RDMA_CM_INVALID_IRD	= 7,
	NVME_RDMA_CM_INVALID_ORD	= 8,
	NVME_RDMA_CM_INVALID_CNTLID	= 9,
};

#endif
