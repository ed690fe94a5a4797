// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Range lists of Dataset Management and Copy. The checks are the target's
 * first touch of bytes that a host chose; any context.
 */
#include "common/ranges.h"

void nvme_dsm_range_encode(struct nvme_dsm_range *r, u64 slba, u32 blocks)
{
	memset(r, 0, sizeof(*r));
	r->slba = cpu_to_le64(slba);
	r->nlb = cpu_to_le32(blocks);
}

void nvme_copy_range_encode(struct nvme_copy_range *r, u64 slba, u32 blocks)
{
	memset(r, 0, sizeof(*r));
	r->slba = cpu_to_le64(slba);
	r->nlb = cpu_to_le16((u16)(blocks - 1));
}

void nvme_dsm_range_get(const void *data, u32 i, u64 *slba, u64 *blocks)
{
	struct nvme_dsm_range r;

	memcpy(&r, (const u8 *)data + (size_t)i * sizeof(r), sizeof(r));
	*slba = le64_to_cpu(r.slba);
	*blocks = le32_to_cpu(r.nlb);
}

void nvme_copy_range_get(const void *data, u32 i, u64 *slba, u64 *blocks)
{
	struct nvme_copy_range r;

	memcpy(&r, (const u8 *)data + (size_t)i * sizeof(r), sizeof(r));
	*slba = le64_to_cpu(r.slba);
	*blocks = (u64)le16_to_cpu(r.nlb) + 1;
}

nvme_status nvme_dsm_ranges_check(const void *data, size_t len, u32 n,
				  u64 size)
{
	u64 slba, blocks;
	u32 i;

	if (len / sizeof(struct nvme_dsm_range) < n)
		return NVME_DNR(NVME_SC_SGL_INVALID_DATA_LEN);
	for (i = 0; i < n; i++) {
		nvme_dsm_range_get(data, i, &slba, &blocks);
		if (!nvme_blocks_in(size, slba, blocks))
			return NVME_DNR(NVME_SC_LBA_RANGE);
	}
	return NVME_SC_SUCCESS;
}

nvme_status nvme_copy_ranges_check(const void *data, size_t len, u32 n,
				   u64 size, const struct nvme_copy_limits *l,
				   u64 *total)
{
	u64 slba, blocks;
	u32 i;

	*total = 0;
	if (n > l->ranges)
		return NVME_DNR(NVME_SC_CMD_SIZE_LIMIT);
	if (len / sizeof(struct nvme_copy_range) < n)
		return NVME_DNR(NVME_SC_SGL_INVALID_DATA_LEN);
	for (i = 0; i < n; i++) {
		nvme_copy_range_get(data, i, &slba, &blocks);
		*total += blocks;
		if (blocks > l->range_blocks || *total > l->blocks)
			return NVME_DNR(NVME_SC_CMD_SIZE_LIMIT);
		if (!nvme_blocks_in(size, slba, blocks))
			return NVME_DNR(NVME_SC_LBA_RANGE);
	}
	return NVME_SC_SUCCESS;
}
