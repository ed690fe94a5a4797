/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Reservations: the commands by which hosts register keys with a namespace and
 * keep others from it, and the report of who has (NVMe Base Specification 2.0,
 * 7.2 to 7.5 and 8.19).
 */
#ifndef WEFT_COMMON_RESV_H
#define WEFT_COMMON_RESV_H

#include "common/fabrics.h"
#include "common/text.h"

/* Bits 2:0 of CDW10 of Register, Acquire, Release */
enum nvme_resv_register {
	NVME_RESV_REGISTER		= 0,
	NVME_RESV_UNREGISTER		= 1,
	NVME_RESV_REPLACE		= 2,
};
enum nvme_resv_acquire {
	NVME_RESV_ACQUIRE		= 0,
	NVME_RESV_PREEMPT		= 1,
	NVME_RESV_PREEMPT_ABORT		= 2,
};
enum nvme_resv_release {
	NVME_RESV_RELEASE		= 0,
	NVME_RESV_CLEAR			= 1,
};
#define NVME_RESV_ACTION_MASK		0x7u
#define NVME_RESV_IEKEY			(1u << 3)	/* ignore existing key */
#define NVME_RESV_CPTPL_SHIFT		30

/* CPTPL of Register: change of persistence through power loss */
enum nvme_resv_cptpl {
	NVME_RESV_PTPL_KEEP		= 0,
	NVME_RESV_PTPL_CLEAR		= 2,
	NVME_RESV_PTPL_SET		= 3,
};

/* Bits 15:8 of CDW10 of Acquire and Release */
enum nvme_resv_type {
	NVME_RESV_NONE			= 0,
	NVME_RESV_WRITE_EXCLUSIVE	= 1,
	NVME_RESV_EXCLUSIVE_ACCESS	= 2,
	NVME_RESV_WRITE_EXCLUSIVE_REG	= 3,
	NVME_RESV_EXCLUSIVE_ACCESS_REG	= 4,
	NVME_RESV_WRITE_EXCLUSIVE_ALL	= 5,
	NVME_RESV_EXCLUSIVE_ACCESS_ALL	= 6,
};
#define NVME_RESV_TYPE_SHIFT		8

/* CDW11 of Report */
#define NVME_RESV_EDS			(1u << 0)	/* 128-bit host ids */

/* Data of Register (@second: new key), Acquire (preempted key), Release (none) */
struct nvme_resv_keys {
	__le64 current_key;
	__le64 second;
};
WEFT_ASSERT_SIZE(struct nvme_resv_keys, 16);

/* Data of Report, in its extended form; @registrants entries follow */
struct nvme_resv_report {
	__le32 generation;
	u8 type;
	__le16 registrants;
	u8 rsvd7[2];
	u8 ptpls;
	u8 rsvd10[54];
} __packed;
WEFT_ASSERT_SIZE(struct nvme_resv_report, 64);
WEFT_ASSERT_OFFSET(struct nvme_resv_report, ptpls, 9);

struct nvme_resv_registrant {
	__le16 cntlid;
	u8 status;
	u8 rsvd3[5];
	__le64 key;
	u8 hostid[16];
	u8 rsvd32[32];
};
WEFT_ASSERT_SIZE(struct nvme_resv_registrant, 64);
#define NVME_RESV_HOLDER		(1u << 0)	/* of a registrant's status */

/**
 * nvme_cmd_resv() - a whole Register, Acquire or Release command
 * @opcode: NVME_CMD_RESV_*
 * @cdw10: action, IEKEY, CPTPL, type
 */
void nvme_cmd_resv(union nvme_cmd *c, u8 opcode, u32 nsid, u32 cdw10);

/** nvme_cmd_resv_report() - @bytes (a multiple of 4, > 0) of the extended form */
void nvme_cmd_resv_report(union nvme_cmd *c, u32 nsid, u32 bytes);

/**
 * struct nvme_resv_state - a report in host order
 * @held: 0 or the type of the reservation that is held
 * @holder: key of the registrant that holds it; 0 for none, and for the types
 *          that all registrants hold
 * @registrants: all there are; @given: of them in the data
 */
struct nvme_resv_state {
	u32 generation;
	u8 held;
	u64 holder;
	u32 registrants;
	u32 given;
};

/**
 * nvme_resv_report_decode() - extended report to host order
 * @keys: room for @max keys of the registrants, in their order; NULL with 0
 * Return: 0; -EMSGSIZE if @len is less than the report's head; -EPROTO for a
 * type that does not exist.
 */
int nvme_resv_report_decode(const void *data, size_t len,
			    struct nvme_resv_state *s, u64 *keys, u32 max,
			    struct weft_reason *why);

#endif
