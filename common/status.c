// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Status codes in words (NVMe Base Specification 2.0, figures 94 to 98; NVM
 * Command Set Specification 1.0, 3.1.2) and the errno that stands for them on
 * the host.
 *
 * Called wherever a completion is reported or reaches a user; any context.
 */
#include "common/status.h"

#define SC_VENDOR	0xc0	/* and up: vendor specific in every type */

struct status_name {
	u16 code;
	const char *name;
};

static const struct status_name shared_names[] = {
	{ NVME_SC_SUCCESS, "Successful Completion" },
	{ NVME_SC_INVALID_OPCODE, "Invalid Command Opcode" },
	{ NVME_SC_INVALID_FIELD, "Invalid Field in Command" },
	{ NVME_SC_CID_CONFLICT, "Command ID Conflict" },
	{ NVME_SC_DATA_XFER_ERROR, "Data Transfer Error" },
	{ NVME_SC_POWER_LOSS, "Commands Aborted due to Power Loss Notification" },
	{ NVME_SC_INTERNAL, "Internal Error" },
	{ NVME_SC_ABORT_REQUESTED, "Command Abort Requested" },
	{ NVME_SC_ABORT_SQ_DELETED, "Command Aborted due to SQ Deletion" },
	{ NVME_SC_FUSED_FAILED, "Command Aborted due to Failed Fused Command" },
	{ NVME_SC_FUSED_MISSING, "Command Aborted due to Missing Fused Command" },
	{ NVME_SC_INVALID_NS, "Invalid Namespace or Format" },
	{ NVME_SC_CMD_SEQ_ERROR, "Command Sequence Error" },
	{ NVME_SC_SGL_INVALID_LAST, "Invalid SGL Segment Descriptor" },
	{ NVME_SC_SGL_INVALID_COUNT, "Invalid Number of SGL Descriptors" },
	{ NVME_SC_SGL_INVALID_DATA_LEN, "Data SGL Length Invalid" },
	{ NVME_SC_SGL_INVALID_METADATA_LEN, "Metadata SGL Length Invalid" },
	{ NVME_SC_SGL_INVALID_TYPE, "SGL Descriptor Type Invalid" },
	{ NVME_SC_CMB_INVALID_USE, "Invalid Use of Controller Memory Buffer" },
	{ NVME_SC_PRP_INVALID_OFFSET, "PRP Offset Invalid" },
	{ NVME_SC_ATOMIC_WRITE_UNIT, "Atomic Write Unit Exceeded" },
	{ NVME_SC_OP_DENIED, "Operation Denied" },
	{ NVME_SC_SGL_INVALID_OFFSET, "SGL Offset Invalid" },
	{ NVME_SC_HOST_ID_FORMAT, "Host Identifier Inconsistent Format" },
	{ NVME_SC_KA_TIMEOUT_EXPIRED, "Keep Alive Timer Expired" },
	{ NVME_SC_KA_TIMEOUT_INVALID, "Keep Alive Timeout Invalid" },
	{ NVME_SC_ABORT_PREEMPT, "Command Aborted due to Preempt and Abort" },
	{ NVME_SC_SANITIZE_FAILED, "Sanitize Failed" },
	{ NVME_SC_SANITIZE_IN_PROGRESS, "Sanitize In Progress" },
	{ NVME_SC_SGL_INVALID_GRANULARITY, "SGL Data Block Granularity Invalid" },
	{ NVME_SC_CMD_NOT_SUP_CMB_QUEUE, "Command Not Supported for Queue in CMB" },
	{ NVME_SC_NS_WRITE_PROTECTED, "Namespace is Write Protected" },
	{ NVME_SC_CMD_INTERRUPTED, "Command Interrupted" },
	{ NVME_SC_TRANSIENT_TRANSPORT, "Transient Transport Error" },
	{ NVME_SC_LBA_RANGE, "LBA Out of Range" },
	{ NVME_SC_CAP_EXCEEDED, "Capacity Exceeded" },
	{ NVME_SC_NS_NOT_READY, "Namespace Not Ready" },
	{ NVME_SC_RESERVATION_CONFLICT, "Reservation Conflict" },
	{ NVME_SC_FORMAT_IN_PROGRESS, "Format In Progress" },

	{ NVME_SC_CQ_INVALID, "Completion Queue Invalid" },
	{ NVME_SC_QID_INVALID, "Invalid Queue Identifier" },
	{ NVME_SC_QUEUE_SIZE, "Invalid Queue Size" },
	{ NVME_SC_ABORT_LIMIT, "Abort Command Limit Exceeded" },
	{ NVME_SC_ASYNC_LIMIT, "Asynchronous Event Request Limit Exceeded" },
	{ NVME_SC_FIRMWARE_SLOT, "Invalid Firmware Slot" },
	{ NVME_SC_FIRMWARE_IMAGE, "Invalid Firmware Image" },
	{ NVME_SC_INVALID_LOG_PAGE, "Invalid Log Page" },
	{ NVME_SC_INVALID_FORMAT, "Invalid Format" },
	{ NVME_SC_FEATURE_NOT_SAVEABLE, "Feature Identifier Not Saveable" },
	{ NVME_SC_FEATURE_NOT_CHANGEABLE, "Feature Not Changeable" },
	{ NVME_SC_FEATURE_NOT_PER_NS, "Feature Not Namespace Specific" },
	{ NVME_SC_NS_ID_UNAVAILABLE, "Namespace Identifier Unavailable" },
	{ NVME_SC_NS_ALREADY_ATTACHED, "Namespace Already Attached" },
	{ NVME_SC_NS_IS_PRIVATE, "Namespace Is Private" },
	{ NVME_SC_NS_NOT_ATTACHED, "Namespace Not Attached" },
	{ NVME_SC_CONTROLLER_LIST_INVALID, "Controller List Invalid" },

	{ NVME_SC_WRITE_FAULT, "Write Fault" },
	{ NVME_SC_READ_ERROR, "Unrecovered Read Error" },
	{ NVME_SC_GUARD_CHECK, "End-to-end Guard Check Error" },
	{ NVME_SC_APPTAG_CHECK, "End-to-end Application Tag Check Error" },
	{ NVME_SC_REFTAG_CHECK, "End-to-end Reference Tag Check Error" },
	{ NVME_SC_COMPARE_FAILED, "Compare Failure" },
	{ NVME_SC_ACCESS_DENIED, "Access Denied" },
	{ NVME_SC_UNWRITTEN_BLOCK, "Deallocated or Unwritten Logical Block" },

	{ NVME_SC_INTERNAL_PATH_ERROR, "Internal Path Error" },
	{ NVME_SC_ANA_PERSISTENT_LOSS, "Asymmetric Access Persistent Loss" },
	{ NVME_SC_ANA_INACCESSIBLE, "Asymmetric Access Inaccessible" },
	{ NVME_SC_ANA_TRANSITION, "Asymmetric Access Transition" },
	{ NVME_SC_CTRL_PATH_ERROR, "Controller Pathing Error" },
	{ NVME_SC_HOST_PATH_ERROR, "Host Pathing Error" },
	{ NVME_SC_HOST_ABORTED_CMD, "Command Aborted By Host" },
};

static const struct status_name fabrics_names[] = {
	{ NVME_SC_CONNECT_FORMAT, "Connect Incompatible Format" },
	{ NVME_SC_CONNECT_CTRL_BUSY, "Connect Controller Busy" },
	{ NVME_SC_CONNECT_INVALID_PARAM, "Connect Invalid Parameters" },
	{ NVME_SC_CONNECT_RESTART_DISC, "Connect Restart Discovery" },
	{ NVME_SC_CONNECT_INVALID_HOST, "Connect Invalid Host" },
	{ NVME_SC_INVALID_QUEUE_TYPE, "Invalid Queue Type" },
	{ NVME_SC_DISCOVERY_RESTART, "Discover Restart" },
	{ NVME_SC_AUTH_REQUIRED, "Authentication Required" },
};

static const struct status_name nvm_names[] = {
	{ NVME_SC_CONFLICTING_ATTRS, "Conflicting Attributes" },
	{ NVME_SC_INVALID_PI, "Invalid Protection Information" },
	{ NVME_SC_READ_ONLY, "Attempted Write to Read Only Range" },
	{ NVME_SC_CMD_SIZE_LIMIT, "Command Size Limit Exceeded" },
};

static const char *find_name(const struct status_name *names, size_t count,
			     u16 code)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (names[i].code == code)
			return names[i].name;
	return NULL;
}

static const char *unknown_name(u16 code)
{
	u8 type = nvme_status_type(code);

	if (type == NVME_SCT_VENDOR || (code & 0xff) >= SC_VENDOR)
		return "Vendor Specific Status";
	switch (type) {
	case NVME_SCT_GENERIC:
		return "Unknown Generic Command Status";
	case NVME_SCT_COMMAND:
		return "Unknown Command Specific Status";
	case NVME_SCT_MEDIA:
		return "Unknown Media and Data Integrity Status";
	case NVME_SCT_PATH:
		return "Unknown Path Related Status";
	default:
		return "Unknown Status of a Reserved Type";
	}
}

const char *nvme_status_name(nvme_status st, bool fabrics)
{
	u16 code = nvme_status_code(st);
	const char *name;

	name = find_name(shared_names, ARRAY_SIZE(shared_names), code);
	if (!name && fabrics)
		name = find_name(fabrics_names, ARRAY_SIZE(fabrics_names), code);
	else if (!name)
		name = find_name(nvm_names, ARRAY_SIZE(nvm_names), code);
	return name ? name : unknown_name(code);
}

/*
 * The numbers are those the block layer gives for its kinds of failure, so
 * that an application sees the same whoever completed its I/O. 180h and up of
 * the command specific type mean different things to Connect and to the NVM
 * command set; they stay -EIO, and the words tell them apart.
 */
int nvme_status_to_errno(nvme_status st)
{
	switch (nvme_status_code(st)) {
	case NVME_SC_SUCCESS:
		return 0;
	case NVME_SC_INVALID_OPCODE:
	case NVME_SC_INVALID_FIELD:
	case NVME_SC_INVALID_NS:
		return -EOPNOTSUPP;
	case NVME_SC_CAP_EXCEEDED:
		return -ENOSPC;
	case NVME_SC_LBA_RANGE:
	case NVME_SC_CMD_INTERRUPTED:
	case NVME_SC_NS_NOT_READY:
		return -EREMOTEIO;
	case NVME_SC_RESERVATION_CONFLICT:
		return -EBADE;
	case NVME_SC_WRITE_FAULT:
	case NVME_SC_READ_ERROR:
	case NVME_SC_UNWRITTEN_BLOCK:
	case NVME_SC_ACCESS_DENIED:
	case NVME_SC_COMPARE_FAILED:
		return -ENODATA;
	case NVME_SC_GUARD_CHECK:
	case NVME_SC_APPTAG_CHECK:
	case NVME_SC_REFTAG_CHECK:
		return -EILSEQ;
	case NVME_SC_HOST_PATH_ERROR:
		return -ENOLINK;
	default:
		return -EIO;
	}
}
