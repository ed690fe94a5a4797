// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Command builders and the fields and names of commands (NVMe Base
 * Specification 2.0 chapters 3.3 and 5, NVM Command Set Specification 1.0
 * chapter 3).
 *
 * Builders are called by the kernel host and the userspace initiator, on the
 * submission path too; field readers and names by the target. Any context.
 */
#include "common/cmd.h"

struct nvme_sqe *nvme_cmd_start(union nvme_cmd *c, u8 opcode, u32 nsid)
{
	memset(c, 0, sizeof(*c));
	c->sqe.opcode = opcode;
	c->sqe.flags = NVME_SQE_PSDT_SGL;
	c->sqe.nsid = cpu_to_le32(nsid);
	return &c->sqe;
}

static void start_fabrics(union nvme_cmd *c, u8 fctype)
{
	memset(c, 0, sizeof(*c));
	c->fabrics.opcode = NVME_OPC_FABRICS;
	c->fabrics.flags = NVME_SQE_PSDT_SGL;
	c->fabrics.fctype = fctype;
}

void nvme_cmd_connect(union nvme_cmd *c, u16 qid, u16 sqsize, u8 cattr,
		      u32 kato)
{
	start_fabrics(c, NVMF_FC_CONNECT);
	c->connect.qid = cpu_to_le16(qid);
	c->connect.sqsize = cpu_to_le16(sqsize);
	c->connect.cattr = cattr;
	c->connect.kato = cpu_to_le32(kato);
}

void nvme_cmd_property_get(union nvme_cmd *c, u32 offset, bool eight)
{
	start_fabrics(c, NVMF_FC_PROPERTY_GET);
	c->prop.attrib = eight ? NVMF_PROP_SIZE_8 : NVMF_PROP_SIZE_4;
	c->prop.offset = cpu_to_le32(offset);
}

void nvme_cmd_property_set(union nvme_cmd *c, u32 offset, bool eight,
			   u64 value)
{
	start_fabrics(c, NVMF_FC_PROPERTY_SET);
	c->prop.attrib = eight ? NVMF_PROP_SIZE_8 : NVMF_PROP_SIZE_4;
	c->prop.offset = cpu_to_le32(offset);
	c->prop.value = cpu_to_le64(eight ? value : (u32)value);
}

void nvme_cmd_identify(union nvme_cmd *c, u8 cns, u32 nsid, u16 cntid, u8 csi)
{
	struct nvme_sqe *s = nvme_cmd_start(c, NVME_ADMIN_IDENTIFY, nsid);

	s->cdw10 = cpu_to_le32((u32)cntid << 16 | cns);
	s->cdw11 = cpu_to_le32((u32)csi << 24);
}

void nvme_cmd_set_features(union nvme_cmd *c, u8 fid, u32 nsid, u32 cdw11,
			   u32 cdw12)
{
	struct nvme_sqe *s = nvme_cmd_start(c, NVME_ADMIN_SET_FEATURES, nsid);

	s->cdw10 = cpu_to_le32(fid);
	s->cdw11 = cpu_to_le32(cdw11);
	s->cdw12 = cpu_to_le32(cdw12);
}

void nvme_cmd_get_features(union nvme_cmd *c, u8 fid, u32 nsid, u8 sel,
			   u32 cdw11)
{
	struct nvme_sqe *s = nvme_cmd_start(c, NVME_ADMIN_GET_FEATURES, nsid);

	s->cdw10 = cpu_to_le32(((u32)sel << 8 & NVME_FEAT_SELECT_MASK) | fid);
	s->cdw11 = cpu_to_le32(cdw11);
}

void nvme_cmd_get_log_page(union nvme_cmd *c, u8 lid, u32 nsid, u64 offset,
			   u32 bytes, u8 lsp, bool rae)
{
	struct nvme_sqe *s = nvme_cmd_start(c, NVME_ADMIN_GET_LOG_PAGE, nsid);
	u32 numd = bytes / 4 - 1;

	s->cdw10 = cpu_to_le32(numd << 16 | (u32)rae << 15 |
			       (u32)(lsp & 0x7f) << 8 | lid);
	s->cdw11 = cpu_to_le32(numd >> 16);
	s->cdw12 = cpu_to_le32((u32)offset);
	s->cdw13 = cpu_to_le32((u32)(offset >> 32));
}

void nvme_cmd_keep_alive(union nvme_cmd *c)
{
	nvme_cmd_start(c, NVME_ADMIN_KEEP_ALIVE, 0);
}

void nvme_cmd_async_event(union nvme_cmd *c)
{
	nvme_cmd_start(c, NVME_ADMIN_ASYNC_EVENT, 0);
}

void nvme_cmd_abort(union nvme_cmd *c, u16 sqid, u16 cid)
{
	struct nvme_sqe *s = nvme_cmd_start(c, NVME_ADMIN_ABORT, 0);

	s->cdw10 = cpu_to_le32((u32)cid << 16 | sqid);
}

void nvme_cmd_rw(union nvme_cmd *c, u8 opcode, u32 nsid, u64 slba, u32 blocks,
		 u32 flags)
{
	struct nvme_sqe *s = nvme_cmd_start(c, opcode, nsid);

	s->cdw10 = cpu_to_le32((u32)slba);
	s->cdw11 = cpu_to_le32((u32)(slba >> 32));
	s->cdw12 = cpu_to_le32((flags & 0xffff0000) | ((blocks - 1) & 0xffff));
}

void nvme_cmd_flush(union nvme_cmd *c, u32 nsid)
{
	nvme_cmd_start(c, NVME_CMD_FLUSH, nsid);
}

void nvme_cmd_dsm(union nvme_cmd *c, u32 nsid, u32 ranges, u32 attributes)
{
	struct nvme_sqe *s = nvme_cmd_start(c, NVME_CMD_DSM, nsid);

	s->cdw10 = cpu_to_le32((ranges - 1) & 0xff);
	s->cdw11 = cpu_to_le32(attributes);
}

void nvme_cmd_copy(union nvme_cmd *c, u32 nsid, u64 sdlba, u32 ranges,
		   u32 flags)
{
	struct nvme_sqe *s = nvme_cmd_start(c, NVME_CMD_COPY, nsid);

	s->cdw10 = cpu_to_le32((u32)sdlba);
	s->cdw11 = cpu_to_le32((u32)(sdlba >> 32));
	s->cdw12 = cpu_to_le32((flags & 0xffff0000) | ((ranges - 1) & 0xff));
}

enum nvme_xfer_dir nvme_cmd_dir(const union nvme_cmd *c)
{
	u8 code = c->sqe.opcode;

	if (code == NVME_OPC_FABRICS)
		code = c->fabrics.fctype;
	return (enum nvme_xfer_dir)(code & 3);
}

u64 nvme_log_bytes(const struct nvme_sqe *s)
{
	u32 numd = (le32_to_cpu(s->cdw11) & 0xffff) << 16 |
		   le32_to_cpu(s->cdw10) >> 16;

	return ((u64)numd + 1) * 4;
}

u64 nvme_log_offset(const struct nvme_sqe *s)
{
	return (u64)le32_to_cpu(s->cdw13) << 32 | le32_to_cpu(s->cdw12);
}

struct code_name {
	u8 code;
	const char *name;
};

static const struct code_name admin_names[] = {
	{ 0x00, "Delete I/O Submission Queue" },
	{ 0x01, "Create I/O Submission Queue" },
	{ NVME_ADMIN_GET_LOG_PAGE, "Get Log Page" },
	{ 0x04, "Delete I/O Completion Queue" },
	{ 0x05, "Create I/O Completion Queue" },
	{ NVME_ADMIN_IDENTIFY, "Identify" },
	{ NVME_ADMIN_ABORT, "Abort" },
	{ NVME_ADMIN_SET_FEATURES, "Set Features" },
	{ NVME_ADMIN_GET_FEATURES, "Get Features" },
	{ NVME_ADMIN_ASYNC_EVENT, "Asynchronous Event Request" },
	{ NVME_ADMIN_NS_MGMT, "Namespace Management" },
	{ 0x10, "Firmware Commit" },
	{ 0x11, "Firmware Image Download" },
	{ 0x14, "Device Self-test" },
	{ NVME_ADMIN_NS_ATTACH, "Namespace Attachment" },
	{ NVME_ADMIN_KEEP_ALIVE, "Keep Alive" },
	{ 0x19, "Directive Send" },
	{ 0x1a, "Directive Receive" },
	{ 0x1c, "Virtualization Management" },
	{ 0x1d, "NVMe-MI Send" },
	{ 0x1e, "NVMe-MI Receive" },
	{ 0x20, "Capacity Management" },
	{ 0x24, "Lockdown" },
	{ 0x7c, "Doorbell Buffer Config" },
	{ 0x80, "Format NVM" },
	{ 0x81, "Security Send" },
	{ 0x82, "Security Receive" },
	{ 0x84, "Sanitize" },
	{ 0x86, "Get LBA Status" },
};

static const struct code_name io_names[] = {
	{ NVME_CMD_FLUSH, "Flush" },
	{ NVME_CMD_WRITE, "Write" },
	{ NVME_CMD_READ, "Read" },
	{ NVME_CMD_WRITE_UNCORRECTABLE, "Write Uncorrectable" },
	{ NVME_CMD_COMPARE, "Compare" },
	{ NVME_CMD_WRITE_ZEROES, "Write Zeroes" },
	{ NVME_CMD_DSM, "Dataset Management" },
	{ NVME_CMD_VERIFY, "Verify" },
	{ NVME_CMD_RESV_REGISTER, "Reservation Register" },
	{ NVME_CMD_RESV_REPORT, "Reservation Report" },
	{ NVME_CMD_RESV_ACQUIRE, "Reservation Acquire" },
	{ NVME_CMD_RESV_RELEASE, "Reservation Release" },
	{ NVME_CMD_COPY, "Copy" },
};

static const struct code_name fabrics_names[] = {
	{ NVMF_FC_PROPERTY_SET, "Property Set" },
	{ NVMF_FC_CONNECT, "Connect" },
	{ NVMF_FC_PROPERTY_GET, "Property Get" },
	{ NVMF_FC_AUTH_SEND, "Authentication Send" },
	{ NVMF_FC_AUTH_RECV, "Authentication Receive" },
	{ NVMF_FC_DISCONNECT, "Disconnect" },
};

static const struct code_name feature_names[] = {
	{ NVME_FEAT_ARBITRATION, "Arbitration" },
	{ NVME_FEAT_POWER, "Power Management" },
	{ 0x03, "LBA Range Type" },
	{ NVME_FEAT_TEMP_THRESHOLD, "Temperature Threshold" },
	{ NVME_FEAT_ERROR_RECOVERY, "Error Recovery" },
	{ NVME_FEAT_VWC, "Volatile Write Cache" },
	{ NVME_FEAT_NUM_QUEUES, "Number of Queues" },
	{ NVME_FEAT_IRQ_COALESCING, "Interrupt Coalescing" },
	{ NVME_FEAT_IRQ_CONFIG, "Interrupt Vector Configuration" },
	{ NVME_FEAT_WRITE_ATOMICITY, "Write Atomicity Normal" },
	{ NVME_FEAT_ASYNC_EVENT, "Asynchronous Event Configuration" },
	{ 0x0c, "Autonomous Power State Transition" },
	{ 0x0d, "Host Memory Buffer" },
	{ NVME_FEAT_TIMESTAMP, "Timestamp" },
	{ NVME_FEAT_KATO, "Keep Alive Timer" },
	{ 0x10, "Host Controlled Thermal Management" },
	{ 0x11, "Non-Operational Power State Config" },
	{ 0x12, "Read Recovery Level Config" },
	{ NVME_FEAT_HOST_BEHAVIOR, "Host Behavior Support" },
	{ 0x17, "Sanitize Config" },
	{ 0x18, "Endurance Group Event Configuration" },
	{ 0x80, "Software Progress Marker" },
	{ NVME_FEAT_HOST_ID, "Host Identifier" },
	{ NVME_FEAT_RESV_MASK, "Reservation Notification Mask" },
	{ NVME_FEAT_RESV_PERSIST, "Reservation Persistence" },
	{ 0x84, "Namespace Write Protection Config" },
};

static const struct code_name log_names[] = {
	{ NVME_LOG_SUPPORTED, "Supported Log Pages" },
	{ NVME_LOG_ERROR, "Error Information" },
	{ NVME_LOG_SMART, "SMART / Health Information" },
	{ NVME_LOG_FW_SLOT, "Firmware Slot Information" },
	{ NVME_LOG_CHANGED_NS, "Changed Namespace List" },
	{ NVME_LOG_CMD_EFFECTS, "Commands Supported and Effects" },
	{ 0x06, "Device Self-test" },
	{ 0x07, "Telemetry Host-Initiated" },
	{ 0x08, "Telemetry Controller-Initiated" },
	{ 0x09, "Endurance Group Information" },
	{ NVME_LOG_ANA, "Asymmetric Namespace Access" },
	{ 0x0d, "Persistent Event Log" },
	{ NVME_LOG_FEATURE_EFFECTS,
	  "Feature Identifiers Supported and Effects" },
	{ NVME_LOG_DISCOVERY, "Discovery" },
	{ NVME_LOG_RESERVATION, "Reservation Notification" },
	{ 0x81, "Sanitize Status" },
};

static const struct code_name cns_names[] = {
	{ NVME_CNS_NS, "Identify Namespace" },
	{ NVME_CNS_CTRL, "Identify Controller" },
	{ NVME_CNS_ACTIVE_NS_LIST, "Active Namespace ID List" },
	{ NVME_CNS_NS_DESC_LIST, "Namespace Identification Descriptor List" },
	{ 0x04, "NVM Set List" },
	{ NVME_CNS_CS_NS, "I/O Command Set Specific Identify Namespace" },
	{ NVME_CNS_CS_CTRL, "I/O Command Set Specific Identify Controller" },
	{ NVME_CNS_CS_ACTIVE_NS_LIST,
	  "I/O Command Set Specific Active Namespace ID List" },
	{ NVME_CNS_CSI_INDEP_NS,
	  "I/O Command Set Independent Identify Namespace" },
	{ 0x10, "Allocated Namespace ID List" },
	{ 0x11, "Identify Allocated Namespace" },
	{ 0x12, "Controller List of a Namespace" },
	{ 0x13, "Controller List" },
	{ NVME_CNS_CMD_SETS, "Identify I/O Command Set" },
};

static const char *name_of(const struct code_name *names, size_t count,
			   u8 code, const char *unknown)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (names[i].code == code)
			return names[i].name;
	return unknown;
}

const char *nvme_opcode_name(const union nvme_cmd *c, bool admin)
{
	u8 opcode = c->sqe.opcode;

	if (opcode == NVME_OPC_FABRICS)
		return name_of(fabrics_names, ARRAY_SIZE(fabrics_names),
			       c->fabrics.fctype, "Unknown Fabrics Command");
	if (admin)
		return name_of(admin_names, ARRAY_SIZE(admin_names), opcode,
			       opcode >= 0xc0 ? "Vendor Specific Admin Command" :
						"Unknown Admin Command");
	return name_of(io_names, ARRAY_SIZE(io_names), opcode,
		       opcode >= 0x80 ? "Vendor Specific I/O Command" :
					"Unknown I/O Command");
}

const char *nvme_feature_name(u8 fid)
{
	return name_of(feature_names, ARRAY_SIZE(feature_names), fid,
		       fid >= 0xc0 ? "Vendor Specific Feature" :
				     "Unknown Feature");
}

const char *nvme_log_name(u8 lid)
{
	return name_of(log_names, ARRAY_SIZE(log_names), lid,
		       lid >= 0xc0 ? "Vendor Specific Log Page" :
				     "Unknown Log Page");
}

const char *nvme_cns_name(u8 cns)
{
	return name_of(cns_names, ARRAY_SIZE(cns_names), cns,
		       "Unknown Identify Structure");
}
