// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Rate limits: never more than allowed in the time that passed, order kept,
 * nothing lost when limits change, end or the bdev goes; and what is counted:
 * histograms, statistics by channel and their resets, queue depth.
 */
#include "tests/unit/bdev_steps.h"

#define OPS	64

static struct bdev *dev;
static struct bdev_desc *desc;
static struct io_channel *ch;
static struct weft_reason why;
static u8 data[8 * 512];
static struct op ops[OPS];
static u64 began_us;

static void limit(u64 ios, u64 rw, u64 r, u64 w)
{
	const u64 rates[LIMIT_RATES] = { ios, rw, r, w };

	UNIT_EQ(bdev_set_limits(dev, rates, &why), 0);
}

static void make(void)
{
	UNIT_EQ(bdev_malloc_create("m", NULL, 64, 512, &dev, &why), 0);
	UNIT_EQ(bdev_open("m", false, "test", NULL, NULL, &desc, &why), 0);
	ch = bdev_channel_get(desc);
}

static void unmake(void)
{
	io_channel_put(ch);
	bdev_close(desc);
	steps.pending++;
	bdev_unregister(dev, step_done, NULL);
}

static void start(int i, enum bdev_io_type type, u64 blocks)
{
	op_buffer(&ops[i], data, blocks * 512);
	op_start(&ops[i], desc, ch, type, 0, blocks);
}

static int done_of(int from, int to)
{
	int n = 0;

	for (; from < to; from++)
		n += ops[from].calls;
	return n;
}

/* operations in a second */

static void ios_start(void)
{
	u64 got[LIMIT_RATES];

	make();
	bdev_get_limits(dev, got);
	UNIT_EQ(got[LIMIT_RW_IOS], 0);
	limit(1000, 0, 0, 0);
	bdev_get_limits(dev, got);
	UNIT_EQ(got[LIMIT_RW_IOS], 1000);
	settle();
}

static void ios_load(void)
{
	int i;

	began_us = reactor_now_us();
	for (i = 0; i < OPS; i++)
		start(i, i & 1 ? BDEV_READ : BDEV_WRITE, 1);
	/* what has saved up is used at once, and no more */
	CU_ASSERT_TRUE(done_of(0, OPS) <= 42);
	UNIT_EQ(ops[OPS - 1].calls, 0);
	/* neither read nor write: not limited */
	op_start(&ops[0], desc, ch, BDEV_FLUSH, 0, 0);
	UNIT_EQ(ops[0].calls, 1);
}

static void ios_end(void)
{
	/* 64 less the 41 that may have saved up, at 1000 a second */
	CU_ASSERT_TRUE(reactor_now_us() - began_us >= 20000);
	UNIT_EQ(done_of(0, OPS), OPS);
	unmake();
}

static void test_ios(void)
{
	STEPS(ios_start, ios_load, ios_end);
}

/* bytes: large ones go, and are paid for afterwards; reads do not pay for writes */

static void bytes_load(void)
{
	limit(0, 0, 40960, 0);
	began_us = reactor_now_us();
	start(0, BDEV_READ, 8);
	start(1, BDEV_WRITE, 8);
	start(2, BDEV_READ, 8);
	start(3, BDEV_READ, 1);
}

static void bytes_end(void)
{
	/* 4096 bytes at 40960 a second have to be paid for before the next */
	CU_ASSERT_TRUE(reactor_now_us() - began_us >= 60000);
	UNIT_EQ(done_of(0, 4), 4);
	unmake();
}

static void test_bytes(void)
{
	STEPS(ios_start, bytes_load, bytes_end);
}

/* what waits goes when limits are lifted, and ends when the bdev goes */

static void lifted_load(void)
{
	int i;

	limit(1, 0, 0, 0);
	for (i = 0; i < 8; i++)
		start(i, BDEV_READ, 1);
	CU_ASSERT_TRUE(done_of(0, 8) < 8);
	limit(0, 0, 0, 0);
}

static void lifted_end(void)
{
	int i;

	UNIT_EQ(done_of(0, 8), 8);
	limit(1, 0, 0, 0);
	for (i = 0; i < 8; i++)
		start(i, BDEV_READ, 1);
	CU_ASSERT_TRUE(done_of(0, 8) < 8);
	bdev_end_held(true);
}

static void ending_end(void)
{
	int i;

	UNIT_EQ(done_of(0, 8), 8);
	start(0, BDEV_READ, 1);
	UNIT_EQ(ops[0].calls, 1);
	bdev_end_held(false);
	for (i = 0; i < 8; i++)
		start(i, BDEV_READ, 1);
	CU_ASSERT_TRUE(done_of(0, 8) < 8);
	bdev_unregister(dev, NULL, NULL);
}

static void removed_end(void)
{
	UNIT_EQ(done_of(0, 8), 8);
	UNIT_EQ(ops[7].err, -ENODEV);
	unmake();
}

static void test_lifted(void)
{
	STEPS(ios_start, lifted_load, lifted_end, ending_end, removed_end);
}

/* histograms */

static size_t buckets, counted;

static void histogram_got(void *ctx, const struct bdev_histogram *h)
{
	size_t i;

	(void)ctx;
	buckets = h ? bdev_histogram_buckets(h) : 0;
	counted = 0;
	for (i = 0; i < buckets; i++) {
		counted += h->counts[i];
		if (i)
			CU_ASSERT_TRUE(bdev_histogram_floor(h, i) >
				       bdev_histogram_floor(h, i - 1));
	}
	steps.pending--;
}

static void histogram_ask(void)
{
	steps.pending++;
	UNIT_EQ(bdev_histogram_collect(dev, histogram_got, NULL), 0);
}

static void histogram_on(void)
{
	make();
	UNIT_EQ(bdev_histogram_enable(dev, -1, 13, 1, 100, step_done, NULL,
				      &why), -EINVAL);
	UNIT_EQ(bdev_histogram_enable(dev, -1, 7, 100, 100, step_done, NULL,
				      &why), -EINVAL);
	steps.pending++;
	UNIT_EQ(bdev_histogram_enable(dev, BDEV_READ, 3, 1, 1000, step_done,
				      NULL, &why), 0);
}

static void histogram_load(void)
{
	start(0, BDEV_READ, 1);
	start(1, BDEV_WRITE, 1);
	start(2, BDEV_READ, 1);
	histogram_ask();
}

static void histogram_twice(void)
{
	UNIT_EQ(counted, 2);
	/* 1000 us are range 7 of 8 buckets each, and range 0 counts, too */
	UNIT_EQ(buckets, 8 * 8);
	histogram_ask();
}

static void histogram_anew(void)
{
	UNIT_EQ(counted, 2);	/* asking takes nothing away */
	steps.pending++;
	UNIT_EQ(bdev_histogram_enable(dev, -1, 7, 1, 120000000, step_done,
				      NULL, &why), 0);
}

static void histogram_all(void)
{
	start(0, BDEV_READ, 1);
	start(1, BDEV_WRITE, 1);
	start(2, BDEV_FLUSH, 0);
	io_channel_put(ch);	/* what a channel has counted outlives it */
	settle();
}

static void histogram_gone(void)
{
	ch = bdev_channel_get(desc);
	start(0, BDEV_READ, 1);
	histogram_ask();
}

static void histogram_off(void)
{
	UNIT_EQ(counted, 4);
	UNIT_EQ(buckets, 21 * 128);
	steps.pending++;
	UNIT_EQ(bdev_histogram_disable(dev, step_done, NULL), 0);
	histogram_ask();
}

static void histogram_end(void)
{
	UNIT_EQ(buckets, 0);
	unmake();
}

static void test_histogram(void)
{
	STEPS(histogram_on, histogram_load, histogram_twice, histogram_anew,
	      histogram_all, histogram_gone, histogram_off, histogram_end);
}

/* statistics by channel, resets, queue depth */

static struct bdev_stats sum, own;
static unsigned int channels;

static void stats_channel(void *ctx, unsigned int reactor,
			  const struct bdev_stats *s)
{
	(void)ctx;
	UNIT_EQ(reactor, 0);
	own = *s;
	channels++;
}

static void stats_got(void *ctx, const struct bdev_stats *s)
{
	(void)ctx;
	sum = *s;
	steps.pending--;
}

static void stats_ask(enum bdev_stats_reset reset)
{
	channels = 0;
	steps.pending++;
	bdev_stats_collect(dev, reset, stats_channel, stats_got, NULL);
}

static void stats_load(void)
{
	make();
	start(0, BDEV_READ, 2);
	start(1, BDEV_WRITE, 1);
	op_buffer(&ops[2], data, 512);
	op_start(&ops[2], desc, ch, BDEV_READ, 64, 1);
	stats_ask(BDEV_RESET_NONE);
}

static void stats_first(void)
{
	UNIT_EQ(channels, 1);
	UNIT_EQ(sum.ops[BDEV_READ], 1);
	UNIT_EQ(own.ops[BDEV_READ], 1);
	UNIT_EQ(sum.bytes[BDEV_READ], 1024);
	UNIT_EQ(sum.errors, 1);
	stats_ask(BDEV_RESET_ERROR);
}

static void stats_errors(void)
{
	UNIT_EQ(own.ops[BDEV_WRITE], 1);	/* asked for twice, still there */
	UNIT_EQ(sum.errors, 1);			/* reset after it was told */
	stats_ask(BDEV_RESET_MAXMIN);
}

static void stats_extremes(void)
{
	UNIT_EQ(sum.errors, 0);
	stats_ask(BDEV_RESET_ALL);
}

static void stats_all(void)
{
	UNIT_EQ(sum.max_latency_us[BDEV_READ], 0);
	UNIT_EQ(sum.ops[BDEV_READ], 1);
	stats_ask(BDEV_RESET_NONE);
}

static struct bdev_queue queue;

static void stats_zero(void)
{
	UNIT_EQ(sum.ops[BDEV_READ], 0);
	UNIT_EQ(own.ops[BDEV_READ], 0);
	CU_ASSERT_FALSE(bdev_get_queue(dev, &queue));
	UNIT_EQ(bdev_set_sampling(dev, 200, &why), 0);
	limit(1, 0, 0, 0);
	settle();
}

static void queue_load(void)
{
	start(0, BDEV_READ, 1);
	start(1, BDEV_READ, 1);
	start(2, BDEV_READ, 1);
	/* the first goes, the rest waits for a second each, and is seen to */
	steps.pending -= 2;
	settle();
}

static void queue_seen(void)
{
	CU_ASSERT_TRUE(bdev_get_queue(dev, &queue));
	if (!queue.depth) {		/* nobody has looked yet */
		steps.at--;
		settle();
		return;
	}
	UNIT_EQ(queue.depth, 2);
	UNIT_EQ(queue.period_us, 200);
	CU_ASSERT_TRUE(queue.io_time_us >= 200);
	UNIT_EQ(queue.weighted_us, 2 * queue.io_time_us);
	steps.pending += 2;
	limit(0, 0, 0, 0);
}

static void test_stats(void)
{
	STEPS(stats_load, stats_first, stats_errors, stats_extremes, stats_all,
	      stats_zero, queue_load, queue_seen, unmake);
}

UNIT_MAIN(UNIT(test_ios), UNIT(test_bytes), UNIT(test_lifted),
	  UNIT(test_histogram), UNIT(test_stats))
