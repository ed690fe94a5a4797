/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * NVMe wire structures: commands, completions, SGL descriptors, Identify data,
 * features and log pages (NVMe Base Specification 2.0 and NVM Command Set
 * Specification 1.0). Fabrics' own commands and data stand in fabrics.h.
 *
 * Multi-byte fields are little-endian types; sizes and offsets are asserted.
 * Nothing here may be used on bytes from the wire before a function of this
 * folder has checked that they are there.
 */
#ifndef WEFT_COMMON_NVME_H
#define WEFT_COMMON_NVME_H

#include "common/platform.h"

#define NVME_SQE_SIZE		64
#define NVME_CQE_SIZE		16
#define NVME_IDENTIFY_SIZE	4096
#define NVME_NSID_ALL		0xffffffffu
#define NVME_DSM_MAX_RANGES	256

enum nvme_admin_opcode {
	NVME_ADMIN_GET_LOG_PAGE		= 0x02,
	NVME_ADMIN_IDENTIFY		= 0x06,
	NVME_ADMIN_ABORT		= 0x08,
	NVME_ADMIN_SET_FEATURES		= 0x09,
	NVME_ADMIN_GET_FEATURES		= 0x0a,
	NVME_ADMIN_ASYNC_EVENT		= 0x0c,
	NVME_ADMIN_NS_MGMT		= 0x0d,
	NVME_ADMIN_NS_ATTACH		= 0x15,
	NVME_ADMIN_KEEP_ALIVE		= 0x18,
	NVME_OPC_FABRICS		= 0x7f,
};

enum nvme_io_opcode {
	NVME_CMD_FLUSH			= 0x00,
	NVME_CMD_WRITE			= 0x01,
	NVME_CMD_READ			= 0x02,
	NVME_CMD_WRITE_UNCORRECTABLE	= 0x04,
	NVME_CMD_COMPARE		= 0x05,
	NVME_CMD_WRITE_ZEROES		= 0x08,
	NVME_CMD_DSM			= 0x09,
	NVME_CMD_VERIFY			= 0x0c,
	NVME_CMD_RESV_REGISTER		= 0x0d,
	NVME_CMD_RESV_REPORT		= 0x0e,
	NVME_CMD_RESV_ACQUIRE		= 0x11,
	NVME_CMD_RESV_RELEASE		= 0x15,
	NVME_CMD_COPY			= 0x19,
};

/* Bits 1:0 of every opcode say which way data moves (figure 88 of the base). */
enum nvme_xfer_dir {
	NVME_XFER_NONE			= 0,
	NVME_XFER_HOST_TO_CTRL		= 1,
	NVME_XFER_CTRL_TO_HOST		= 2,
	NVME_XFER_BIDIRECTIONAL		= 3,
};

/* SQE flags: FUSE in 1:0, PSDT in 7:6. Fabrics allows only SGLs, PSDT 01b. */
#define NVME_SQE_FUSE_MASK	0x03
#define NVME_SQE_PSDT_MASK	0xc0
#define NVME_SQE_PSDT_SGL	0x40

/* SGL descriptor type (high nibble) and sub type (low nibble) of the last byte */
enum nvme_sgl_type {
	NVME_SGL_DATA_BLOCK		= 0x0,
	NVME_SGL_BIT_BUCKET		= 0x1,
	NVME_SGL_SEGMENT		= 0x2,
	NVME_SGL_LAST_SEGMENT		= 0x3,
	NVME_SGL_KEYED_DATA_BLOCK	= 0x4,
	NVME_SGL_TRANSPORT_DATA_BLOCK	= 0x5,
};

enum nvme_sgl_subtype {
	NVME_SGL_SUB_ADDRESS		= 0x0,
	NVME_SGL_SUB_OFFSET		= 0x1,
	NVME_SGL_SUB_TRANSPORT		= 0xa,
	NVME_SGL_SUB_INVALIDATE		= 0xf,	/* keyed, NVMe/RDMA */
};

#define NVME_SGL_ID(type, sub)	((u8)((type) << 4 | (sub)))

/**
 * struct nvme_sgl_desc - one SGL descriptor
 * @addr: address, or offset into the capsule for sub type 1h
 * @len: bytes, of the unkeyed kinds
 * @keyed: the keyed kind's 24-bit length and 32-bit key, unaligned
 * @id: type and sub type, NVME_SGL_ID()
 */
struct nvme_sgl_desc {
	__le64 addr;
	union {
		struct {
			__le32 len;
			u8 rsvd12[3];
		} __packed;
		struct {
			u8 klen[3];
			u8 key[4];
		} __packed keyed;
	} __packed;
	u8 id;
} __packed;
WEFT_ASSERT_SIZE(struct nvme_sgl_desc, 16);
WEFT_ASSERT_OFFSET(struct nvme_sgl_desc, keyed.key, 11);
WEFT_ASSERT_OFFSET(struct nvme_sgl_desc, id, 15);

/**
 * struct nvme_sqe - a submission queue entry in its common shape
 * @cid: opaque to the controller; ours is a little-endian number
 */
struct nvme_sqe {
	u8 opcode;
	u8 flags;
	__le16 cid;
	__le32 nsid;
	__le32 cdw2;
	__le32 cdw3;
	__le64 mptr;
	struct nvme_sgl_desc sgl;
	__le32 cdw10;
	__le32 cdw11;
	__le32 cdw12;
	__le32 cdw13;
	__le32 cdw14;
	__le32 cdw15;
} __packed __attribute__((aligned(8)));
WEFT_ASSERT_SIZE(struct nvme_sqe, NVME_SQE_SIZE);
WEFT_ASSERT_OFFSET(struct nvme_sqe, sgl, 24);
WEFT_ASSERT_OFFSET(struct nvme_sqe, cdw10, 40);

/**
 * struct nvme_cqe - a completion queue entry
 * @result: DW0 and DW1, meaning depends on the command
 * @sqhd: submission queue head pointer; reserved when SQ flow control is off
 * @sqid: reserved in fabrics
 * @status: status field << 1; bit 0 (phase) is reserved in fabrics
 */
struct nvme_cqe {
	__le64 result;
	__le16 sqhd;
	__le16 sqid;
	__le16 cid;
	__le16 status;
} __packed __attribute__((aligned(8)));
WEFT_ASSERT_SIZE(struct nvme_cqe, NVME_CQE_SIZE);
WEFT_ASSERT_OFFSET(struct nvme_cqe, status, 14);

/* Read, Write, Compare, Write Zeroes: CDW10/11 SLBA, CDW12 NLB and flags */
#define NVME_RW_LR		(1u << 31)
#define NVME_RW_FUA		(1u << 30)
#define NVME_RW_DEAC		(1u << 25)	/* Write Zeroes */
#define NVME_RW_DTYPE_MASK	(0xfu << 20)	/* Write, Copy: directive type */

struct nvme_dsm_range {
	__le32 cattr;
	__le32 nlb;
	__le64 slba;
};
WEFT_ASSERT_SIZE(struct nvme_dsm_range, 16);
#define NVME_DSM_AD		(1u << 2)	/* CDW11: deallocate */

/**
 * struct nvme_copy_range - a source range of Copy, descriptor format 0
 * @nlb: 0-based
 */
struct nvme_copy_range {
	__le64 rsvd0;
	__le64 slba;
	__le16 nlb;
	u8 rsvd18[6];
	__le32 eilbrt;
	__le16 elbat;
	__le16 elbatm;
};
WEFT_ASSERT_SIZE(struct nvme_copy_range, 32);

/* SQE flags: which half of a fused operation */
#define NVME_FUSE_FIRST		1
#define NVME_FUSE_SECOND	2

enum nvme_identify_cns {
	NVME_CNS_NS			= 0x00,
	NVME_CNS_CTRL			= 0x01,
	NVME_CNS_ACTIVE_NS_LIST		= 0x02,
	NVME_CNS_NS_DESC_LIST		= 0x03,
	NVME_CNS_CS_NS			= 0x05,
	NVME_CNS_CS_CTRL		= 0x06,
	NVME_CNS_CS_ACTIVE_NS_LIST	= 0x07,
	NVME_CNS_CSI_INDEP_NS		= 0x08,
	NVME_CNS_CMD_SETS		= 0x1c,
};

struct nvme_power_state {
	__le16 mp;
	u8 rsvd2;
	u8 flags;
	__le32 enlat;
	__le32 exlat;
	u8 rrt, rrl, rwt, rwl;
	__le16 idlp;
	u8 ips;
	u8 rsvd19;
	__le16 actp;
	u8 apw_aps;
	u8 rsvd23[9];
} __packed;
WEFT_ASSERT_SIZE(struct nvme_power_state, 32);

/* Identify Controller, CNS 01h (base specification, figure 275) */
struct nvme_id_ctrl {
	__le16 vid;
	__le16 ssvid;
	char sn[20];
	char mn[40];
	char fr[8];
	u8 rab;
	u8 ieee[3];
	u8 cmic;
	u8 mdts;
	__le16 cntlid;
	__le32 ver;
	__le32 rtd3r;
	__le32 rtd3e;
	__le32 oaes;
	__le32 ctratt;
	__le16 rrls;
	u8 rsvd102[9];
	u8 cntrltype;
	u8 fguid[16];
	__le16 crdt[3];
	u8 rsvd134[119];
	u8 nvmsr;
	u8 vwci;
	u8 mec;
	__le16 oacs;
	u8 acl;
	u8 aerl;
	u8 frmw;
	u8 lpa;
	u8 elpe;
	u8 npss;
	u8 avscc;
	u8 apsta;
	__le16 wctemp;
	__le16 cctemp;
	__le16 mtfa;
	__le32 hmpre;
	__le32 hmmin;
	u8 tnvmcap[16];
	u8 unvmcap[16];
	__le32 rpmbs;
	__le16 edstt;
	u8 dsto;
	u8 fwug;
	__le16 kas;
	__le16 hctma;
	__le16 mntmt;
	__le16 mxtmt;
	__le32 sanicap;
	__le32 hmminds;
	__le16 hmmaxd;
	__le16 nsetidmax;
	__le16 endgidmax;
	u8 anatt;
	u8 anacap;
	__le32 anagrpmax;
	__le32 nanagrpid;
	__le32 pels;
	__le16 domainid;
	u8 rsvd358[10];
	u8 megcap[16];
	u8 rsvd384[128];
	u8 sqes;
	u8 cqes;
	__le16 maxcmd;
	__le32 nn;
	__le16 oncs;
	__le16 fuses;
	u8 fna;
	u8 vwc;
	__le16 awun;
	__le16 awupf;
	u8 icsvscc;
	u8 nwpc;
	__le16 acwu;
	__le16 ocfs;
	__le32 sgls;
	__le32 mnan;
	u8 maxdna[16];
	__le32 maxcna;
	u8 rsvd564[204];
	char subnqn[256];
	u8 rsvd1024[768];
	/* fabrics */
	__le32 ioccsz;
	__le32 iorcsz;
	__le16 icdoff;
	u8 fcatt;
	u8 msdbd;
	__le16 ofcs;
	u8 dctype;
	u8 rsvd1807[241];
	struct nvme_power_state psd[32];
	u8 vs[1024];
} __packed;
WEFT_ASSERT_SIZE(struct nvme_id_ctrl, NVME_IDENTIFY_SIZE);
WEFT_ASSERT_OFFSET(struct nvme_id_ctrl, mdts, 77);
WEFT_ASSERT_OFFSET(struct nvme_id_ctrl, cntrltype, 111);
WEFT_ASSERT_OFFSET(struct nvme_id_ctrl, oacs, 256);
WEFT_ASSERT_OFFSET(struct nvme_id_ctrl, kas, 320);
WEFT_ASSERT_OFFSET(struct nvme_id_ctrl, anatt, 342);
WEFT_ASSERT_OFFSET(struct nvme_id_ctrl, sqes, 512);
WEFT_ASSERT_OFFSET(struct nvme_id_ctrl, ocfs, 534);
WEFT_ASSERT_OFFSET(struct nvme_id_ctrl, sgls, 536);
WEFT_ASSERT_OFFSET(struct nvme_id_ctrl, subnqn, 768);
WEFT_ASSERT_OFFSET(struct nvme_id_ctrl, ioccsz, 1792);
WEFT_ASSERT_OFFSET(struct nvme_id_ctrl, fcatt, 1802);
WEFT_ASSERT_OFFSET(struct nvme_id_ctrl, psd, 2048);

#define NVME_CMIC_MULTI_PORT		(1u << 0)
#define NVME_CMIC_MULTI_CTRL		(1u << 1)
#define NVME_CMIC_ANA			(1u << 3)
#define NVME_CTRATT_HOSTID_128		(1u << 0)
#define NVME_CTRATT_NVM_SETS		(1u << 2)
#define NVME_CTRATT_TBKAS		(1u << 6)
#define NVME_CNTRLTYPE_IO		1
#define NVME_CNTRLTYPE_DISCOVERY	2
#define NVME_CNTRLTYPE_ADMIN		3
#define NVME_OAES_NS_ATTR		(1u << 8)
#define NVME_OAES_FW_ACT		(1u << 9)
#define NVME_OAES_ANA			(1u << 11)
#define NVME_OAES_DISC_CHANGE		(1u << 31)
#define NVME_OACS_NS_MGMT		(1u << 3)
#define NVME_LPA_CMD_EFFECTS		(1u << 1)
#define NVME_LPA_EXTENDED_DATA		(1u << 2)
#define NVME_VWC_PRESENT		(1u << 0)
#define NVME_FUSES_COMPARE_WRITE	(1u << 0)
#define NVME_ONCS_COMPARE		(1u << 0)
#define NVME_ONCS_WRITE_UNCORRECTABLE	(1u << 1)
#define NVME_ONCS_DSM			(1u << 2)
#define NVME_ONCS_WRITE_ZEROES		(1u << 3)
#define NVME_ONCS_SAVE_SELECT		(1u << 4)
#define NVME_ONCS_RESERVATIONS		(1u << 5)
#define NVME_ONCS_TIMESTAMP		(1u << 6)
#define NVME_ONCS_VERIFY		(1u << 7)
#define NVME_ONCS_COPY			(1u << 8)
#define NVME_OCFS_FORMAT_0		(1u << 0)
#define NVME_FCATT_STATIC		(1u << 0)
#define NVME_SGLS_ANY_ALIGNMENT		0x1u
#define NVME_SGLS_KEYED			(1u << 2)
#define NVME_SGLS_OFFSET		(1u << 20)
#define NVME_SGLS_TRANSPORT		(1u << 21)

struct nvme_lbaf {
	__le16 ms;
	u8 lbads;
	u8 rp;
};
WEFT_ASSERT_SIZE(struct nvme_lbaf, 4);

/* CNS 06h, NVM command set: limits of commands that move no data */
struct nvme_id_ctrl_nvm {
	u8 vsl;
	u8 wzsl;
	u8 wusl;
	u8 dmrl;
	__le32 dmrsl;
	__le64 dmsl;
	u8 rsvd16[4080];
} __packed;
WEFT_ASSERT_SIZE(struct nvme_id_ctrl_nvm, NVME_IDENTIFY_SIZE);
WEFT_ASSERT_OFFSET(struct nvme_id_ctrl_nvm, dmrl, 3);
WEFT_ASSERT_OFFSET(struct nvme_id_ctrl_nvm, dmsl, 8);

/* Identify Namespace, CNS 00h (NVM command set specification, figure 97) */
struct nvme_id_ns {
	__le64 nsze;
	__le64 ncap;
	__le64 nuse;
	u8 nsfeat;
	u8 nlbaf;
	u8 flbas;
	u8 mc;
	u8 dpc;
	u8 dps;
	u8 nmic;
	u8 rescap;
	u8 fpi;
	u8 dlfeat;
	__le16 nawun;
	__le16 nawupf;
	__le16 nacwu;
	__le16 nabsn;
	__le16 nabo;
	__le16 nabspf;
	__le16 noiob;
	u8 nvmcap[16];
	__le16 npwg;
	__le16 npwa;
	__le16 npdg;
	__le16 npda;
	__le16 nows;
	__le16 mssrl;
	__le32 mcl;
	u8 msrc;
	u8 rsvd81[11];
	__le32 anagrpid;
	u8 rsvd96[3];
	u8 nsattr;
	__le16 nvmsetid;
	__le16 endgid;
	u8 nguid[16];
	u8 eui64[8];
	struct nvme_lbaf lbaf[64];
	u8 vs[3712];
} __packed;
WEFT_ASSERT_SIZE(struct nvme_id_ns, NVME_IDENTIFY_SIZE);
WEFT_ASSERT_OFFSET(struct nvme_id_ns, nmic, 30);
WEFT_ASSERT_OFFSET(struct nvme_id_ns, anagrpid, 92);
WEFT_ASSERT_OFFSET(struct nvme_id_ns, nguid, 104);
WEFT_ASSERT_OFFSET(struct nvme_id_ns, lbaf, 128);

/* I/O command set independent part, CNS 08h (base specification, figure 280) */
struct nvme_id_ns_indep {
	u8 nsfeat;
	u8 nmic;
	u8 rescap;
	u8 fpi;
	__le32 anagrpid;
	u8 nsattr;
	u8 rsvd9;
	__le16 nvmsetid;
	__le16 endgid;
	u8 nstat;
	u8 rsvd15[4081];
};
WEFT_ASSERT_SIZE(struct nvme_id_ns_indep, NVME_IDENTIFY_SIZE);
WEFT_ASSERT_OFFSET(struct nvme_id_ns_indep, nstat, 14);

#define NVME_NSTAT_READY		(1u << 0)
#define NVME_NSFEAT_ATOMICS		(1u << 1)
#define NVME_NSFEAT_OPTPERF		(1u << 4)
#define NVME_NMIC_SHARED		(1u << 0)
#define NVME_NSATTR_WRITE_PROTECTED	(1u << 0)
#define NVME_DLFEAT_READ_MASK		0x7u
#define NVME_DLFEAT_READ_ZEROES		0x1u
#define NVME_DLFEAT_WRITE_ZEROES_DEAC	(1u << 3)

/* Namespace Identification Descriptor, CNS 03h: header, then NIDL bytes */
struct nvme_ns_desc {
	u8 nidt;
	u8 nidl;
	u8 rsvd2[2];
};
WEFT_ASSERT_SIZE(struct nvme_ns_desc, 4);
enum nvme_nidt {
	NVME_NIDT_EUI64			= 1,
	NVME_NIDT_NGUID			= 2,
	NVME_NIDT_UUID			= 3,
	NVME_NIDT_CSI			= 4,
};

enum nvme_feature {
	NVME_FEAT_ARBITRATION		= 0x01,
	NVME_FEAT_POWER			= 0x02,
	NVME_FEAT_TEMP_THRESHOLD	= 0x04,
	NVME_FEAT_ERROR_RECOVERY	= 0x05,
	NVME_FEAT_VWC			= 0x06,
	NVME_FEAT_NUM_QUEUES		= 0x07,
	NVME_FEAT_IRQ_COALESCING	= 0x08,
	NVME_FEAT_IRQ_CONFIG		= 0x09,
	NVME_FEAT_WRITE_ATOMICITY	= 0x0a,
	NVME_FEAT_ASYNC_EVENT		= 0x0b,
	NVME_FEAT_TIMESTAMP		= 0x0e,
	NVME_FEAT_KATO			= 0x0f,
	NVME_FEAT_HOST_BEHAVIOR		= 0x16,
	NVME_FEAT_HOST_ID		= 0x81,
	NVME_FEAT_RESV_MASK		= 0x82,
	NVME_FEAT_RESV_PERSIST		= 0x83,
};
#define NVME_HOST_BEHAVIOR_SIZE		512
#define NVME_HOST_BEHAVIOR_ACRE		1	/* byte 0 */
#define NVME_FEAT_SELECT_MASK		(7u << 8)	/* CDW10 of Get */
#define NVME_FEAT_SAVE			(1u << 31)	/* CDW10 of Set */

enum nvme_log_page {
	NVME_LOG_SUPPORTED		= 0x00,
	NVME_LOG_ERROR			= 0x01,
	NVME_LOG_SMART			= 0x02,
	NVME_LOG_FW_SLOT		= 0x03,
	NVME_LOG_CHANGED_NS		= 0x04,
	NVME_LOG_CMD_EFFECTS		= 0x05,
	NVME_LOG_ANA			= 0x0c,
	NVME_LOG_FEATURE_EFFECTS	= 0x12,
	NVME_LOG_DISCOVERY		= 0x70,
	NVME_LOG_RESERVATION		= 0x80,
};

struct nvme_error_log_entry {
	__le64 error_count;
	__le16 sqid;
	__le16 cid;
	__le16 status;
	__le16 param_error_loc;
	__le64 lba;
	__le32 nsid;
	u8 vs;
	u8 trtype;
	u8 rsvd30[2];
	__le64 cs;
	__le16 trtype_info;
	u8 rsvd42[22];
} __packed;
WEFT_ASSERT_SIZE(struct nvme_error_log_entry, 64);

struct nvme_smart_log {
	u8 critical_warning;
	u8 temperature[2];
	u8 avail_spare;
	u8 spare_thresh;
	u8 percent_used;
	u8 endurance_warning;
	u8 rsvd7[25];
	u8 data_units_read[16];
	u8 data_units_written[16];
	u8 host_reads[16];
	u8 host_writes[16];
	u8 ctrl_busy_time[16];
	u8 power_cycles[16];
	u8 power_on_hours[16];
	u8 unsafe_shutdowns[16];
	u8 media_errors[16];
	u8 num_err_log_entries[16];
	__le32 warning_temp_time;
	__le32 critical_comp_time;
	__le16 temp_sensor[8];
	u8 rsvd216[296];
} __packed;
WEFT_ASSERT_SIZE(struct nvme_smart_log, 512);

struct nvme_fw_slot_log {
	u8 afi;
	u8 rsvd1[7];
	char frs[7][8];
	u8 rsvd64[448];
};
WEFT_ASSERT_SIZE(struct nvme_fw_slot_log, 512);

struct nvme_effects_log {
	__le32 acs[256];
	__le32 iocs[256];
	u8 rsvd2048[2048];
};
WEFT_ASSERT_SIZE(struct nvme_effects_log, 4096);
#define NVME_EFFECTS_CSUPP		(1u << 0)
#define NVME_EFFECTS_LBCC		(1u << 1)
#define NVME_EFFECTS_NCC		(1u << 2)
#define NVME_EFFECTS_NIC		(1u << 3)
#define NVME_EFFECTS_CCC		(1u << 4)
#define NVME_EFFECTS_CSE_MASK		(7u << 16)
#define NVME_EFFECTS_CSE_CTRL		(2u << 16)	/* alone */
#define NVME_EFFECTS_UUID_SELECT	(1u << 19)
#define NVME_EFFECTS_SCOPE_MASK		(0xfffu << 20)

/* Feature Identifiers Supported and Effects: a dword per feature */
#define NVME_FID_EFFECTS_SUPPORTED	(1u << 0)
#define NVME_FID_EFFECTS_SCOPE_NS	(1u << 20)
#define NVME_FID_EFFECTS_SCOPE_CTRL	(1u << 21)

/* DW0 of an Asynchronous Event Request's completion */
enum nvme_aer_type {
	NVME_AER_ERROR			= 0,
	NVME_AER_SMART			= 1,
	NVME_AER_NOTICE			= 2,
	NVME_AER_CSS			= 6,
	NVME_AER_VS			= 7,
};
enum nvme_aer_notice {
	NVME_AER_NOTICE_NS_CHANGED	= 0x00,
	NVME_AER_NOTICE_FW_ACT		= 0x01,
	NVME_AER_NOTICE_ANA		= 0x03,
	NVME_AER_NOTICE_DISC_CHANGED	= 0xf0,
};
#define NVME_AER_DW0(type, info, log) \
	((u32)(type) | (u32)(info) << 8 | (u32)(log) << 16)

/* Commands a controller may be asked to hold as asynchronous events: AERL+1 */
#define NVME_MAX_AERS			4

#endif
