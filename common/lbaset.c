// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Sets of blocks. Changed rarely and looked at on the data path only while
 * they are not empty; any context, the caller serialises.
 */
#include "common/lbaset.h"

static u64 end_of(const struct nvme_lbaset *s, u32 i)
{
	return s->r[i].lba + s->r[i].blocks;
}

/* The first range that ends at @lba or later */
static u32 lower(const struct nvme_lbaset *s, u64 lba)
{
	u32 i = 0;

	while (i < s->n && end_of(s, i) < lba)
		i++;
	return i;
}

static void cut(struct nvme_lbaset *s, u32 at, u32 count)
{
	memmove(&s->r[at], &s->r[at + count],
		(s->n - at - count) * sizeof(s->r[0]));
	s->n -= count;
}

static void put(struct nvme_lbaset *s, u32 at, u64 lba, u64 blocks)
{
	memmove(&s->r[at + 1], &s->r[at], (s->n - at) * sizeof(s->r[0]));
	s->r[at].lba = lba;
	s->r[at].blocks = blocks;
	s->n++;
}

bool nvme_lbaset_add(struct nvme_lbaset *s, u64 lba, u64 blocks)
{
	u32 first = lower(s, lba), last = first;
	u64 end = lba + blocks;

	if (!blocks)
		return true;
	while (last < s->n && s->r[last].lba <= end)
		last++;
	if (first == last && s->n >= NVME_LBASET_ADDED)
		return false;
	if (first < last) {
		if (s->r[first].lba < lba)
			lba = s->r[first].lba;
		if (end_of(s, last - 1) > end)
			end = end_of(s, last - 1);
		cut(s, first, last - first);
	}
	put(s, first, lba, end - lba);
	return true;
}

/* Takes [lba, end) out of range @i; the number of ranges that are left of it */
static u32 remove_from(struct nvme_lbaset *s, u32 i, u64 lba, u64 end)
{
	u64 from = s->r[i].lba, to = end_of(s, i);
	u64 before = lba > from ? lba - from : 0;
	u64 after = to > end ? to - end : 0;

	if (!before && !after) {
		cut(s, i, 1);
		return 0;
	}
	if (before && after && s->n < NVME_LBASET_MAX) {
		s->r[i].blocks = before;
		put(s, i + 1, end, after);
		return 2;
	}
	if (before >= after) {
		s->r[i].blocks = before;
	} else {
		s->r[i].lba = end;
		s->r[i].blocks = after;
	}
	return 1;
}

void nvme_lbaset_remove(struct nvme_lbaset *s, u64 lba, u64 blocks)
{
	u64 end = lba + blocks;
	u32 i = 0;

	while (blocks && i < s->n && s->r[i].lba < end) {
		if (end_of(s, i) <= lba)
			i++;
		else
			i += remove_from(s, i, lba, end);
	}
}

bool nvme_lbaset_hits(const struct nvme_lbaset *s, u64 lba, u64 blocks)
{
	u32 i;

	for (i = 0; i < s->n; i++)
		if (lba < end_of(s, i) && s->r[i].lba < lba + blocks)
			return true;
	return false;
}
