/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * A small set of blocks, kept as ranges in ascending order that neither touch
 * nor overlap: which blocks a host has declared uncorrectable. The memory is
 * the caller's, so its size is limited.
 */
#ifndef WEFT_COMMON_LBASET_H
#define WEFT_COMMON_LBASET_H

#include "common/platform.h"

#define NVME_LBASET_MAX		256	/* ranges that it can hold */
#define NVME_LBASET_ADDED	128	/* ranges up to which it takes more */

struct nvme_lbaset {
	u32 n;
	struct {
		u64 lba;
		u64 blocks;
	} r[NVME_LBASET_MAX];
};

/**
 * nvme_lbaset_add() - the blocks [@lba, @lba + @blocks); no overflow
 * Return: false, and nothing changed, if they would make another range and
 * there are NVME_LBASET_ADDED already.
 */
bool nvme_lbaset_add(struct nvme_lbaset *s, u64 lba, u64 blocks);

/**
 * nvme_lbaset_remove() - take blocks out
 * A range that is split while the set is full keeps its larger part only: a
 * block that was written must never stay in the set.
 */
void nvme_lbaset_remove(struct nvme_lbaset *s, u64 lba, u64 blocks);

/** nvme_lbaset_hits() - is any of these blocks in the set? */
bool nvme_lbaset_hits(const struct nvme_lbaset *s, u64 lba, u64 blocks);

#endif
