// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Latencies of `weft perf`: percentiles that are never below the value and at
 * most a bucket's width above it, whatever the size of the values.
 */
#include "tests/unit/unit.h"
#include "tools/weft/perf.h"

static struct perf_hist h, other;

static void begin(void)
{
	memset(&h, 0, sizeof(h));
	memset(&other, 0, sizeof(other));
}

static void test_empty(void)
{
	begin();
	UNIT_EQ(perf_hist_at(&h, 5000), 0);
	perf_hist_merge(&h, &other);
	UNIT_EQ(h.n, 0);
	UNIT_EQ(h.max, 0);
}

/* With a second, larger one the first is no longer cut off by the maximum. */
static u64 shown(u64 ns)
{
	begin();
	perf_hist_add(&h, ns);
	perf_hist_add(&h, UINT64_MAX);
	return perf_hist_at(&h, 5000);
}

static void test_width(void)
{
	u64 v;
	u32 log;

	for (v = 0; v < 64; v++)
		UNIT_EQ(shown(v), v);
	for (log = 6; log < 64; log++) {
		v = 1ull << log;
		CU_ASSERT_TRUE(shown(v) >= v && shown(v) < v + v / 32);
		UNIT_EQ(shown(v - 1), v - 1);
		v += v / 2 + v / 7;
		CU_ASSERT_TRUE(shown(v) >= v && shown(v) - v < v / 32);
	}
	UNIT_EQ(shown(UINT64_MAX), UINT64_MAX);
}

static void test_percentiles(void)
{
	u64 i;

	begin();
	for (i = 1; i <= 50; i++)
		perf_hist_add(i % 2 ? &h : &other, i);
	perf_hist_merge(&h, &other);
	UNIT_EQ(h.n, 50);
	UNIT_EQ(h.sum, 50 * 51 / 2);
	UNIT_EQ(h.min, 1);
	UNIT_EQ(h.max, 50);
	UNIT_EQ(perf_hist_at(&h, 1), 1);
	UNIT_EQ(perf_hist_at(&h, 200), 1);
	UNIT_EQ(perf_hist_at(&h, 201), 2);
	UNIT_EQ(perf_hist_at(&h, 5000), 25);
	UNIT_EQ(perf_hist_at(&h, 9999), 50);
	UNIT_EQ(perf_hist_at(&h, 10000), 50);
}

UNIT_MAIN(UNIT(test_empty), UNIT(test_width), UNIT(test_percentiles))
