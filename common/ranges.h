/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Lists of block ranges that travel as data: those of Dataset Management and
 * the sources of Copy (NVM Command Set Specification 1.0, 3.2.3 and 3.2.2).
 * Hosts encode them; a target has a whole list checked before it acts on the
 * first range.
 */
#ifndef WEFT_COMMON_RANGES_H
#define WEFT_COMMON_RANGES_H

#include "common/nvme.h"
#include "common/status.h"

/** nvme_blocks_in() - do @blocks from @lba on lie within @size? No overflow. */
static inline bool nvme_blocks_in(u64 size, u64 lba, u64 blocks)
{
	return blocks <= size && lba <= size - blocks;
}

/** nvme_dsm_range_encode() / nvme_copy_range_encode() - @blocks is 1-based */
void nvme_dsm_range_encode(struct nvme_dsm_range *r, u64 slba, u32 blocks);
void nvme_copy_range_encode(struct nvme_copy_range *r, u64 slba, u32 blocks);

/**
 * nvme_dsm_ranges_check() - are all @n ranges there and within @size blocks?
 * @data: @len bytes, of any alignment
 *
 * Ranges of no blocks are allowed, wherever they start within the namespace.
 *
 * Return: success; NVME_SC_SGL_INVALID_DATA_LEN or NVME_SC_LBA_RANGE, both
 * with DNR.
 */
nvme_status nvme_dsm_ranges_check(const void *data, size_t len, u32 n,
				  u64 size);

/**
 * struct nvme_copy_limits - MSSRL, MCL and MSRC as Identify Namespace has them
 * @range_blocks: of one source range
 * @blocks: of all together
 * @ranges: 1-based
 */
struct nvme_copy_limits {
	u32 range_blocks;
	u32 blocks;
	u32 ranges;
};

/**
 * nvme_copy_ranges_check() - likewise, and within the limits of Copy
 * @total: blocks of all ranges
 *
 * Return: as above; NVME_SC_CMD_SIZE_LIMIT with DNR beyond a limit.
 */
nvme_status nvme_copy_ranges_check(const void *data, size_t len, u32 n,
				   u64 size, const struct nvme_copy_limits *l,
				   u64 *total);

/** nvme_dsm_range_get() / nvme_copy_range_get() - the @i-th of a checked list */
void nvme_dsm_range_get(const void *data, u32 i, u64 *slba, u64 *blocks);
void nvme_copy_range_get(const void *data, u32 i, u64 *slba, u64 *blocks);

#endif
