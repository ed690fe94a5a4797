// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Any range list: what is accepted lies within the namespace and the limits,
 * and reading it touches nothing beyond its end.
 */
#include "common/ranges.h"
#include "tests/fuzz/fuzz.h"

static void dsm(const u8 *list, size_t len, u32 n, u64 size)
{
	u64 lba, blocks;
	u32 i;

	if (nvme_dsm_ranges_check(list, len, n, size))
		return;
	for (i = 0; i < n; i++) {
		nvme_dsm_range_get(list, i, &lba, &blocks);
		must(lba <= size && blocks <= size - lba);
	}
}

static void copy(const u8 *list, size_t len, u32 n, u64 size,
		 const struct nvme_copy_limits *l)
{
	u64 lba, blocks, total, sum = 0;
	u32 i;

	if (nvme_copy_ranges_check(list, len, n, size, l, &total))
		return;
	for (i = 0; i < n; i++) {
		nvme_copy_range_get(list, i, &lba, &blocks);
		must(lba < size && blocks <= size - lba);
		must(blocks && blocks <= l->range_blocks);
		sum += blocks;
	}
	must(sum == total && sum <= l->blocks && n <= l->ranges);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	u32 n = fuzz_take(&in, 1) + 1;
	u64 blocks = fuzz_take(&in, 8);
	struct nvme_copy_limits l = {
		fuzz_take(&in, 2), fuzz_take(&in, 4), fuzz_take(&in, 1) + 1,
	};
	u8 *list = fuzz_exact(&in);

	dsm(list, in.size, n, blocks);
	copy(list, in.size, n, blocks, &l);
	free(list);
	return 0;
}

size_t fuzz_seed(unsigned int index, uint8_t *buf, size_t size)
{
	struct nvme_copy_range c[2];
	struct nvme_dsm_range d[2];

	must(size >= 16 + sizeof(c));
	memset(buf, 0, 16);
	buf[0] = 1;
	buf[2] = 0x10;
	buf[9] = buf[11] = buf[15] = 0xff;
	if (index == 0) {
		nvme_dsm_range_encode(&d[0], 5, 7);
		nvme_dsm_range_encode(&d[1], 100, 1);
		memcpy(buf + 16, d, sizeof(d));
		return 16 + sizeof(d);
	}
	if (index == 1) {
		nvme_copy_range_encode(&c[0], 5, 7);
		nvme_copy_range_encode(&c[1], 100, 1);
		memcpy(buf + 16, c, sizeof(c));
		return 16 + sizeof(c);
	}
	return 0;
}
