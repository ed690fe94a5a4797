/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Command builders: each writes a whole 64-byte submission queue entry. The
 * command identifier (the queue's owner sets it) and the SGL (sgl.h sets it)
 * are left zero: fill them in afterwards. PSDT is always "SGL" as fabrics
 * demand.
 */
#ifndef WEFT_COMMON_CMD_H
#define WEFT_COMMON_CMD_H

#include "common/fabrics.h"

/** nvme_cmd_start() - any command; what is not named here is zero */
struct nvme_sqe *nvme_cmd_start(union nvme_cmd *c, u8 opcode, u32 nsid);

/** nvme_cmd_connect() - Connect for queue @qid; @sqsize 0-based, @kato ms */
void nvme_cmd_connect(union nvme_cmd *c, u16 qid, u16 sqsize, u8 cattr,
		      u32 kato);

/** nvme_cmd_property_get() - read a property of 4 or (@eight) 8 bytes */
void nvme_cmd_property_get(union nvme_cmd *c, u32 offset, bool eight);

/** nvme_cmd_property_set() - write a property of 4 or (@eight) 8 bytes */
void nvme_cmd_property_set(union nvme_cmd *c, u32 offset, bool eight,
			   u64 value);

/** nvme_cmd_identify() - CNS @cns of @nsid; 4,096 bytes come back */
void nvme_cmd_identify(union nvme_cmd *c, u8 cns, u32 nsid, u16 cntid, u8 csi);

/** nvme_cmd_set_features() - @cdw11 and @cdw12 as the feature defines them */
void nvme_cmd_set_features(union nvme_cmd *c, u8 fid, u32 nsid, u32 cdw11,
			   u32 cdw12);

/** nvme_cmd_get_features() - @sel: 0 current, 1 default, 2 saved, 3 support */
void nvme_cmd_get_features(union nvme_cmd *c, u8 fid, u32 nsid, u8 sel,
			   u32 cdw11);

/**
 * nvme_cmd_get_log_page() - @bytes (a multiple of 4, > 0) from @offset of @lid
 * @rae: retain asynchronous event
 */
void nvme_cmd_get_log_page(union nvme_cmd *c, u8 lid, u32 nsid, u64 offset,
			   u32 bytes, u8 lsp, bool rae);

void nvme_cmd_keep_alive(union nvme_cmd *c);
void nvme_cmd_async_event(union nvme_cmd *c);
void nvme_cmd_abort(union nvme_cmd *c, u16 sqid, u16 cid);

/**
 * nvme_cmd_rw() - Read, Write, Compare, Verify, Write Zeroes or Uncorrectable
 * @opcode: which of them
 * @slba: first block
 * @blocks: 1 to 65,536
 * @flags: NVME_RW_* bits of CDW12
 */
void nvme_cmd_rw(union nvme_cmd *c, u8 opcode, u32 nsid, u64 slba, u32 blocks,
		 u32 flags);

void nvme_cmd_flush(union nvme_cmd *c, u32 nsid);

/** nvme_cmd_dsm() - Dataset Management with @ranges (1 to 256) ranges */
void nvme_cmd_dsm(union nvme_cmd *c, u32 nsid, u32 ranges, u32 attributes);

/**
 * nvme_cmd_copy() - Copy of @ranges (1 to 256) source ranges, format 0
 * @sdlba: first block of the destination
 */
void nvme_cmd_copy(union nvme_cmd *c, u32 nsid, u64 sdlba, u32 ranges,
		   u32 flags);

/** nvme_cmd_fuse() - make @c the first or second (NVME_FUSE_*) of a pair */
static inline void nvme_cmd_fuse(union nvme_cmd *c, u8 which)
{
	c->sqe.flags = (c->sqe.flags & ~NVME_SQE_FUSE_MASK) | which;
}

/**
 * nvme_cmd_dir() - which way data moves, by the opcode
 * For fabrics commands the type decides, as it does for vendor opcodes.
 */
enum nvme_xfer_dir nvme_cmd_dir(const union nvme_cmd *c);

/** nvme_opcode_name() - "Read", "Identify", "Connect", ...; never NULL */
const char *nvme_opcode_name(const union nvme_cmd *c, bool admin);

/** nvme_feature_name() / nvme_log_name() / nvme_cns_name() - never NULL */
const char *nvme_feature_name(u8 fid);
const char *nvme_log_name(u8 lid);
const char *nvme_cns_name(u8 cns);

/* Fields of commands, read in one place. Values may be anything. */
static inline u64 nvme_rw_slba(const struct nvme_sqe *s)
{
	return (u64)le32_to_cpu(s->cdw11) << 32 | le32_to_cpu(s->cdw10);
}

static inline u32 nvme_rw_blocks(const struct nvme_sqe *s)
{
	return (le32_to_cpu(s->cdw12) & 0xffff) + 1;
}

/** nvme_log_bytes() - NUMD of Get Log Page in bytes (up to 16 GiB) */
u64 nvme_log_bytes(const struct nvme_sqe *s);

/** nvme_log_offset() - LPO of Get Log Page in bytes */
u64 nvme_log_offset(const struct nvme_sqe *s);

#endif
