// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Range lists of Dataset Management and Copy, and sets of blocks: against a
 * plain map of blocks, for thousands of random changes.
 */
#include "common/cmd.h"
#include "common/lbaset.h"
#include "common/ranges.h"
#include "tests/unit/random.h"
#include "tests/unit/unit.h"

#define DNR(sc)	((sc) | NVME_STATUS_DNR)
#define SIZE	1000

static void test_dsm(void)
{
	struct nvme_dsm_range r[3];
	u64 lba, blocks;

	nvme_dsm_range_encode(&r[0], 0, 1000);
	nvme_dsm_range_encode(&r[1], 1000, 0);
	nvme_dsm_range_encode(&r[2], 999, 1);
	UNIT_EQ(nvme_dsm_ranges_check(r, sizeof(r), 3, SIZE), 0);
	UNIT_EQ(nvme_dsm_ranges_check(r, sizeof(r) - 1, 3, SIZE),
		DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	nvme_dsm_range_get(r, 2, &lba, &blocks);
	UNIT_EQ(lba, 999);
	UNIT_EQ(blocks, 1);
	nvme_dsm_range_encode(&r[1], 1001, 0);
	UNIT_EQ(nvme_dsm_ranges_check(r, sizeof(r), 3, SIZE),
		DNR(NVME_SC_LBA_RANGE));
	nvme_dsm_range_encode(&r[1], UINT64_MAX, UINT32_MAX);
	UNIT_EQ(nvme_dsm_ranges_check(r, sizeof(r), 3, SIZE),
		DNR(NVME_SC_LBA_RANGE));
	UNIT_EQ(nvme_dsm_ranges_check(r, sizeof(r), 1, SIZE), 0);
}

static void test_copy(void)
{
	static const struct nvme_copy_limits l = { 10, 15, 2 };
	struct nvme_copy_range r[3];
	u64 lba, blocks, total;

	nvme_copy_range_encode(&r[0], 990, 10);
	nvme_copy_range_encode(&r[1], 0, 5);
	nvme_copy_range_encode(&r[2], 0, 65536);
	UNIT_EQ(nvme_copy_ranges_check(r, sizeof(r), 2, SIZE, &l, &total), 0);
	UNIT_EQ(total, 15);
	UNIT_EQ(nvme_copy_ranges_check(r, sizeof(r), 3, SIZE, &l, &total),
		DNR(NVME_SC_CMD_SIZE_LIMIT));
	UNIT_EQ(nvme_copy_ranges_check(r, 63, 2, SIZE, &l, &total),
		DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	UNIT_EQ(nvme_copy_ranges_check(&r[2], 32, 1, SIZE, &l, &total),
		DNR(NVME_SC_CMD_SIZE_LIMIT));
	nvme_copy_range_get(r, 2, &lba, &blocks);
	UNIT_EQ(blocks, 65536);
	nvme_copy_range_encode(&r[1], 0, 6);
	UNIT_EQ(nvme_copy_ranges_check(r, sizeof(r), 2, SIZE, &l, &total),
		DNR(NVME_SC_CMD_SIZE_LIMIT));
	nvme_copy_range_encode(&r[1], 996, 5);
	UNIT_EQ(nvme_copy_ranges_check(r, sizeof(r), 2, SIZE, &l, &total),
		DNR(NVME_SC_LBA_RANGE));
}

static void test_commands(void)
{
	union nvme_cmd c;

	nvme_cmd_copy(&c, 3, 0x123456789, 128, NVME_RW_FUA);
	UNIT_EQ(c.sqe.opcode, NVME_CMD_COPY);
	UNIT_EQ(le32_to_cpu(c.sqe.nsid), 3);
	UNIT_EQ(nvme_rw_slba(&c.sqe), 0x123456789);
	UNIT_EQ(le32_to_cpu(c.sqe.cdw12), NVME_RW_FUA | 127);
	nvme_cmd_fuse(&c, NVME_FUSE_SECOND);
	UNIT_EQ(c.sqe.flags, NVME_SQE_PSDT_SGL | 2);
	nvme_cmd_fuse(&c, NVME_FUSE_FIRST);
	UNIT_EQ(c.sqe.flags, NVME_SQE_PSDT_SGL | 1);
}

static struct nvme_lbaset set;
static bool map[SIZE];

static void check_set(void)
{
	u64 end = 0;
	u32 i;

	for (i = 0; i < set.n; i++) {
		CU_ASSERT(set.r[i].blocks > 0);
		CU_ASSERT(!i || set.r[i].lba > end);
		end = set.r[i].lba + set.r[i].blocks;
	}
	for (i = 0; i < SIZE; i++)
		if (nvme_lbaset_hits(&set, i, 1) != map[i])
			break;
	UNIT_EQ(i, SIZE);
}

static void test_set(void)
{
	struct test_random rnd = { 7 };
	u32 i, lba, n;
	bool add;

	memset(&set, 0, sizeof(set));
	memset(map, 0, sizeof(map));
	for (i = 0; i < 3000; i++) {
		lba = random_u64(&rnd) % SIZE;
		n = random_u64(&rnd) % 12;
		if (n > SIZE - lba)
			n = SIZE - lba;
		add = random_u64(&rnd) % 2;
		if (!add)
			nvme_lbaset_remove(&set, lba, n);
		else if (!nvme_lbaset_add(&set, lba, n))
			continue;
		memset(map + lba, add, n);
		check_set();
	}
}

static void test_set_full(void)
{
	u32 i;

	memset(&set, 0, sizeof(set));
	for (i = 0; i < NVME_LBASET_ADDED; i++)
		CU_ASSERT(nvme_lbaset_add(&set, 100 * i, 50));
	CU_ASSERT(!nvme_lbaset_add(&set, 100 * i, 50));
	UNIT_EQ(set.n, NVME_LBASET_ADDED);
	/* one that joins others needs no room */
	CU_ASSERT(nvme_lbaset_add(&set, 50, 50));
	UNIT_EQ(set.n, NVME_LBASET_ADDED - 1);
	/* splits go on to the end, and then keep the larger part */
	for (i = 0; i < 1000; i++)
		nvme_lbaset_remove(&set, 7 + 13 * i, 1);
	CU_ASSERT(set.n <= NVME_LBASET_MAX);
	for (i = 0; i < 1000; i++)
		CU_ASSERT(!nvme_lbaset_hits(&set, 7 + 13 * i, 1));
	nvme_lbaset_remove(&set, 0, UINT32_MAX);
	UNIT_EQ(set.n, 0);
}

UNIT_MAIN(UNIT(test_dsm), UNIT(test_copy), UNIT(test_commands), UNIT(test_set),
	  UNIT(test_set_full))
