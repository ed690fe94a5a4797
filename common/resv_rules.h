/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Reservations as a target sees them (NVMe Base Specification 2.0, 7.2 to 7.5
 * and 8.19): commands checked and taken apart, reports and notices put
 * together, and which commands a reservation lets through.
 */
#ifndef WEFT_COMMON_RESV_RULES_H
#define WEFT_COMMON_RESV_RULES_H

#include "common/resv.h"
#include "common/status.h"

#define NVME_HOSTID_BYTES	16
#define NVME_RESV_TYPE_MAX	NVME_RESV_EXCLUSIVE_ACCESS_ALL

/* RESCAP of Identify Namespace */
#define NVME_RESCAP_PTPL	(1u << 0)
#define NVME_RESCAP_ALL_TYPES	(0x3fu << 1)
#define NVME_RESCAP_IEKEY_13	(1u << 7)	/* IEKEY as of revision 1.3 */

/* Register: CRKEY, NRKEY; Acquire: CRKEY, PRKEY; Release: CRKEY alone */
#define NVME_RESV_KEYS_BYTES	16
#define NVME_RESV_KEY_BYTES	8

/**
 * struct nvme_resv_cmd - one of the three commands that change something
 * @opcode: NVME_CMD_RESV_REGISTER, _ACQUIRE or _RELEASE
 * @action: of that command
 * @iekey: the current key does not matter
 * @type: enum nvme_resv_type; of Acquire and Release
 * @cptpl: enum nvme_resv_cptpl; of Register
 * @crkey: current key; @key: NRKEY or PRKEY
 */
struct nvme_resv_cmd {
	u8 opcode;
	u8 action;
	bool iekey;
	u8 type;
	u8 cptpl;
	u64 crkey;
	u64 key;
};

/** nvme_resv_cmd_bytes() - data that goes with the command; 0: none of them */
u32 nvme_resv_cmd_bytes(u8 opcode);

/**
 * nvme_resv_cmd_encode() - the way back: command and data
 * @data: room for 16 bytes; nvme_resv_cmd_bytes() of them are written
 */
void nvme_resv_cmd_encode(union nvme_cmd *c, u32 nsid,
			  const struct nvme_resv_cmd *r, u8 *data);

/**
 * nvme_resv_cmd_decode() - and check, for targets
 * @data: @len bytes; NULL: only the fields of the command itself are taken
 *        and checked
 * @loc: byte of the command that is wrong, when the status is
 *       NVME_SC_INVALID_FIELD
 *
 * Return: success; NVME_SC_INVALID_FIELD for an action, a type or a CPTPL that
 * does not exist, for IEKEY where it may not be set, and for a registration
 * with key 0; NVME_SC_SGL_INVALID_DATA_LEN for data that is too short. All
 * with DNR.
 */
nvme_status nvme_resv_cmd_decode(const struct nvme_sqe *sqe, const void *data,
				 size_t len, struct nvme_resv_cmd *r, u16 *loc);

/** nvme_resv_all_registrants() - do all of them hold a reservation of @type? */
static inline bool nvme_resv_all_registrants(u8 type)
{
	return type == NVME_RESV_WRITE_EXCLUSIVE_ALL ||
	       type == NVME_RESV_EXCLUSIVE_ACCESS_ALL;
}

/**
 * nvme_resv_allows() - may a host's command pass a reservation?
 * @type: of the reservation
 * @writes: the command is of the write group (Flush is)
 */
bool nvme_resv_allows(u8 type, bool writes, bool holder, bool registrant);

/* Report, in its extended form */

/** nvme_resv_report_bytes() - NUMD in bytes, up to 16 GiB */
u64 nvme_resv_report_bytes(const struct nvme_sqe *sqe);

/** struct nvme_resv_entry - one registrant */
struct nvme_resv_entry {
	u16 cntlid;
	bool holds;
	u64 key;
	u8 hostid[NVME_HOSTID_BYTES];
};

/** struct nvme_resv_status - what stands before them */
struct nvme_resv_status {
	u32 gen;
	u8 type;
	bool ptpl;
	u32 registrants;
};

void nvme_resv_head_encode(struct nvme_resv_report *out,
			   const struct nvme_resv_status *s);
void nvme_resv_entry_encode(struct nvme_resv_registrant *out,
			    const struct nvme_resv_entry *e);

/* Notifications */

enum nvme_resv_notice {
	NVME_RESV_NOTICE_NONE			= 0,
	NVME_RESV_NOTICE_REGISTRATION_PREEMPTED	= 1,
	NVME_RESV_NOTICE_RELEASED		= 2,
	NVME_RESV_NOTICE_PREEMPTED		= 3,
};

struct nvme_resv_log {
	__le64 count;
	u8 type;
	u8 available;
	u8 rsvd10[2];
	__le32 nsid;
	u8 rsvd16[48];
};
WEFT_ASSERT_SIZE(struct nvme_resv_log, 64);

#endif
