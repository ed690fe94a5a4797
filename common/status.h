/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * NVMe status codes: the protocol's error world.
 *
 * An nvme_status is the Status Field of a completion shifted right by one (the
 * phase bit is not ours): SC in bits 7:0, SCT in 10:8, CRD in 12:11, More in
 * 13, DNR in 14 (NVMe Base Specification 2.0, figures 92 to 98). It never
 * shares a variable with a negative errno; nvme_status_to_errno() is the one
 * place where the two worlds meet.
 */
#ifndef WEFT_COMMON_STATUS_H
#define WEFT_COMMON_STATUS_H

#include "common/platform.h"

typedef u16 nvme_status;

#define NVME_STATUS_CODE_MASK	0x07ff	/* SCT and SC */
#define NVME_STATUS_CRD_MASK	0x1800
#define NVME_STATUS_CRD_SHIFT	11
#define NVME_STATUS_MORE	0x2000
#define NVME_STATUS_DNR		0x4000

/** NVME_DNR() - a status code as one that would come again */
#define NVME_DNR(sc)		((nvme_status)((sc) | NVME_STATUS_DNR))

/* Status code types */
enum nvme_status_type {
	NVME_SCT_GENERIC,
	NVME_SCT_COMMAND,
	NVME_SCT_MEDIA,
	NVME_SCT_PATH,
	NVME_SCT_VENDOR = 7,
};

enum nvme_status_code {
	/* generic */
	NVME_SC_SUCCESS			= 0x000,
	NVME_SC_INVALID_OPCODE		= 0x001,
	NVME_SC_INVALID_FIELD		= 0x002,
	NVME_SC_CID_CONFLICT		= 0x003,
	NVME_SC_DATA_XFER_ERROR		= 0x004,
	NVME_SC_POWER_LOSS		= 0x005,
	NVME_SC_INTERNAL		= 0x006,
	NVME_SC_ABORT_REQUESTED		= 0x007,
	NVME_SC_ABORT_SQ_DELETED	= 0x008,
	NVME_SC_FUSED_FAILED		= 0x009,
	NVME_SC_FUSED_MISSING		= 0x00a,
	NVME_SC_INVALID_NS		= 0x00b,
	NVME_SC_CMD_SEQ_ERROR		= 0x00c,
	NVME_SC_SGL_INVALID_LAST	= 0x00d,
	NVME_SC_SGL_INVALID_COUNT	= 0x00e,
	NVME_SC_SGL_INVALID_DATA_LEN	= 0x00f,
	NVME_SC_SGL_INVALID_METADATA_LEN = 0x010,
	NVME_SC_SGL_INVALID_TYPE	= 0x011,
	NVME_SC_CMB_INVALID_USE		= 0x012,
	NVME_SC_PRP_INVALID_OFFSET	= 0x013,
	NVME_SC_ATOMIC_WRITE_UNIT	= 0x014,
	NVME_SC_OP_DENIED		= 0x015,
	NVME_SC_SGL_INVALID_OFFSET	= 0x016,
	NVME_SC_HOST_ID_FORMAT		= 0x018,
	NVME_SC_KA_TIMEOUT_EXPIRED	= 0x019,
	NVME_SC_KA_TIMEOUT_INVALID	= 0x01a,
	NVME_SC_ABORT_PREEMPT		= 0x01b,
	NVME_SC_SANITIZE_FAILED		= 0x01c,
	NVME_SC_SANITIZE_IN_PROGRESS	= 0x01d,
	NVME_SC_SGL_INVALID_GRANULARITY	= 0x01e,
	NVME_SC_CMD_NOT_SUP_CMB_QUEUE	= 0x01f,
	NVME_SC_NS_WRITE_PROTECTED	= 0x020,
	NVME_SC_CMD_INTERRUPTED		= 0x021,
	NVME_SC_TRANSIENT_TRANSPORT	= 0x022,
	NVME_SC_LBA_RANGE		= 0x080,
	NVME_SC_CAP_EXCEEDED		= 0x081,
	NVME_SC_NS_NOT_READY		= 0x082,
	NVME_SC_RESERVATION_CONFLICT	= 0x083,
	NVME_SC_FORMAT_IN_PROGRESS	= 0x084,
	/* command specific */
	NVME_SC_CQ_INVALID		= 0x100,
	NVME_SC_QID_INVALID		= 0x101,
	NVME_SC_QUEUE_SIZE		= 0x102,
	NVME_SC_ABORT_LIMIT		= 0x103,
	NVME_SC_ASYNC_LIMIT		= 0x105,
	NVME_SC_FIRMWARE_SLOT		= 0x106,
	NVME_SC_FIRMWARE_IMAGE		= 0x107,
	NVME_SC_INVALID_LOG_PAGE	= 0x109,
	NVME_SC_INVALID_FORMAT		= 0x10a,
	NVME_SC_FEATURE_NOT_SAVEABLE	= 0x10d,
	NVME_SC_FEATURE_NOT_CHANGEABLE	= 0x10e,
	NVME_SC_FEATURE_NOT_PER_NS	= 0x10f,
	NVME_SC_NS_ID_UNAVAILABLE	= 0x116,
	NVME_SC_NS_ALREADY_ATTACHED	= 0x118,
	NVME_SC_NS_IS_PRIVATE		= 0x119,
	NVME_SC_NS_NOT_ATTACHED		= 0x11a,
	NVME_SC_CONTROLLER_LIST_INVALID	= 0x11c,
	/* command specific, fabrics (Connect and Property) */
	NVME_SC_CONNECT_FORMAT		= 0x180,
	NVME_SC_CONNECT_CTRL_BUSY	= 0x181,
	NVME_SC_CONNECT_INVALID_PARAM	= 0x182,
	NVME_SC_CONNECT_RESTART_DISC	= 0x183,
	NVME_SC_CONNECT_INVALID_HOST	= 0x184,
	NVME_SC_INVALID_QUEUE_TYPE	= 0x185,
	NVME_SC_DISCOVERY_RESTART	= 0x190,
	NVME_SC_AUTH_REQUIRED		= 0x191,
	/* command specific, NVM command set */
	NVME_SC_CONFLICTING_ATTRS	= 0x180,
	NVME_SC_INVALID_PI		= 0x181,
	NVME_SC_READ_ONLY		= 0x182,
	NVME_SC_CMD_SIZE_LIMIT		= 0x183,
	/* media and data integrity */
	NVME_SC_WRITE_FAULT		= 0x280,
	NVME_SC_READ_ERROR		= 0x281,
	NVME_SC_GUARD_CHECK		= 0x282,
	NVME_SC_APPTAG_CHECK		= 0x283,
	NVME_SC_REFTAG_CHECK		= 0x284,
	NVME_SC_COMPARE_FAILED		= 0x285,
	NVME_SC_ACCESS_DENIED		= 0x286,
	NVME_SC_UNWRITTEN_BLOCK		= 0x287,
	/* path related */
	NVME_SC_INTERNAL_PATH_ERROR	= 0x300,
	NVME_SC_ANA_PERSISTENT_LOSS	= 0x301,
	NVME_SC_ANA_INACCESSIBLE	= 0x302,
	NVME_SC_ANA_TRANSITION		= 0x303,
	NVME_SC_CTRL_PATH_ERROR		= 0x360,
	NVME_SC_HOST_PATH_ERROR		= 0x370,
	NVME_SC_HOST_ABORTED_CMD	= 0x371,
};

/** nvme_status_code() - SCT and SC without the retry hints */
static inline u16 nvme_status_code(nvme_status st)
{
	return st & NVME_STATUS_CODE_MASK;
}

/** nvme_status_type() - enum nvme_status_type */
static inline u8 nvme_status_type(nvme_status st)
{
	return nvme_status_code(st) >> 8;
}

/** nvme_status_dnr() - may the same command not succeed if sent again? */
static inline bool nvme_status_dnr(nvme_status st)
{
	return st & NVME_STATUS_DNR;
}

/** nvme_status_is_path_error() - is the path at fault, not the command? */
static inline bool nvme_status_is_path_error(nvme_status st)
{
	return nvme_status_type(st) == NVME_SCT_PATH;
}

/**
 * nvme_status_name() - a status in words
 * @st: any value; retry hints are ignored
 * @fabrics: code points 180h and up mean Connect/fabrics (true) or the NVM
 *           command set (false): the specification uses them twice
 *
 * Return: a static string in the specification's terms, never NULL; "Unknown
 * Status" style text for code points without a name, by status code type.
 */
const char *nvme_status_name(nvme_status st, bool fabrics);

/**
 * nvme_status_to_errno() - where the two error worlds meet
 * @st: a status
 *
 * Return: 0 for success, else a negative errno: what a host's user sees.
 */
int nvme_status_to_errno(nvme_status st);

#endif
