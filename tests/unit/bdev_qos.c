// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Rate limits: never more than allowed in the time that passed, order kept,
 * nothing lost when limits change, end or the bdev goes; and what is counted:
 * histograms, statistics by channel and their resets, queue depth.
 */
#include "tests/unit/bdev_steps.h"

#define OPS	64

static struct bdev *base, *dev;
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

static void use(const char *name)
{
	dev = bdev_find(name);
	UNIT_EQ(bdev_open(name, false, "test", NULL, NULL, &desc, &why), 0);
	ch = bdev_channel_get(desc);
}

static void make_base(void)
{
	UNIT_EQ(bdev_malloc_create("m", NULL, 64, 512, &base, &why), 0);
}

static void make(void)
{
	make_base();
	use("m");
}

/* in RAM everything takes no time at all */
static void make_slow(void)
{
	static const u64 us[BDEV_LATENCIES] = { 300, 300, 300, 300 };

	make_base();
	UNIT_EQ(bdev_delay_create("m", "slow", NULL, us, &dev, &why), 0);
	use("slow");
}

static void unmake(void)
{
	io_channel_put(ch);
	bdev_close(desc);
	steps.pending++;
	bdev_unregister(base, step_done, NULL);
}

static void start(int i, enum bdev_io_type type, u64 blocks)
{
	op_buffer(&ops[i], data, blocks * 512);
	op_start(&ops[i], desc, ch, type, 0, blocks);
}

static int ended_of(int from, int to, int err)
{
	int n = 0;

	for (; from < to; from++)
		n += ops[from].calls == 1 && ops[from].err == err;
	return n;
}

static int done_of(int from, int to)
{
	return ended_of(from, to, 0);
}

static bool in_order(int from, int to)
{
	while (++from < to)
		if (ops[from].nth < ops[from - 1].nth)
			return false;
	return true;
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
	start(0, BDEV_FLUSH, 0);
	UNIT_EQ(done_of(0, 1), 1);
}

static void ios_end(void)
{
	/* 64 less the 41 that may have saved up, at 1000 a second */
	CU_ASSERT_TRUE(reactor_now_us() - began_us >= 20000);
	UNIT_EQ(done_of(0, OPS), OPS);
	CU_ASSERT_TRUE(in_order(1, OPS));
	unmake();
}

static void test_ios(void)
{
	STEPS(ios_start, ios_load, ios_end);
}

/* bytes: large ones go, and are paid for afterwards; one way does not pay for the other */

static void one_way_load(enum bdev_io_type paid, enum bdev_io_type other)
{
	began_us = reactor_now_us();
	start(0, paid, 8);
	start(1, other, 8);
	UNIT_EQ(done_of(0, 2), 2);
	start(2, paid, 8);
	start(3, paid, 1);
	/* it has its place in the line, though it does not pay */
	start(4, other, 1);
	UNIT_EQ(done_of(2, 5), 0);
}

static void reads_load(void)
{
	limit(0, 0, 40960, 0);
	one_way_load(BDEV_READ, BDEV_WRITE);
}

static void writes_load(void)
{
	limit(0, 0, 0, 40960);
	one_way_load(BDEV_WRITE, BDEV_READ);
}

static void both_load(void)
{
	limit(0, 40960, 0, 0);
	began_us = reactor_now_us();
	start(0, BDEV_WRITE, 8);
	UNIT_EQ(done_of(0, 1), 1);
	start(1, BDEV_READ, 1);
	start(2, BDEV_WRITE, 1);
	start(3, BDEV_READ, 8);
	start(4, BDEV_WRITE, 1);
	UNIT_EQ(done_of(1, 5), 0);
}

static void bytes_end(void)
{
	/* 4096 bytes at 40960 a second have to be paid for before the next */
	CU_ASSERT_TRUE(reactor_now_us() - began_us >= 60000);
	UNIT_EQ(done_of(0, 5), 5);
	CU_ASSERT_TRUE(in_order(0, 5));
	unmake();
}

static void test_bytes(void)
{
	STEPS(ios_start, reads_load, bytes_end);
	STEPS(ios_start, writes_load, bytes_end);
	STEPS(ios_start, both_load, bytes_end);
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
	UNIT_EQ(done_of(0, 1), 1);
	bdev_end_held(false);
	for (i = 0; i < 8; i++)
		start(i, BDEV_READ, 1);
	CU_ASSERT_TRUE(done_of(0, 8) < 8);
	bdev_unregister(dev, NULL, NULL);
}

static void removed_end(void)
{
	/* some may have begun before */
	UNIT_EQ(done_of(0, 8) + ended_of(0, 8, -ENODEV), 8);
	UNIT_EQ(ops[7].err, -ENODEV);
	unmake();
}

static void test_lifted(void)
{
	STEPS(ios_start, lifted_load, lifted_end, ending_end, removed_end);
}

/* one that goes may cancel another that was to go with it */

static struct limit_share *share;
static struct limit_wait waits[3];
static int went;

static void go(struct limit_wait *w)
{
	(void)w;
	went++;
}

static void go_and_cancel(struct limit_wait *w)
{
	went++;
	limit_cancel(share, w + 1);
}

static void let_go_together(void)
{
	const u64 rates[LIMIT_RATES] = { 1 };
	struct limiter *l = limiter_create();

	limiter_set(l, rates);
	share = limit_share_here(l);
	waits[0].go = go_and_cancel;
	waits[1].go = waits[2].go = go;
	while (limit_admit(share, &waits[0]))
		;
	CU_ASSERT_FALSE(limit_admit(share, &waits[1]));
	limit_release(share);
	UNIT_EQ(went, 1);
	/* there is a line as before */
	CU_ASSERT_FALSE(limit_admit(share, &waits[2]));
	limit_release(share);
	UNIT_EQ(went, 2);
	limiter_destroy(l);
}

static void test_cancel(void)
{
	STEPS(let_go_together);
}

#define MANY	150	/* more than go in two turns */

/* without a limit any more all go, but not in one turn */
static void drain(void)
{
	static struct limit_wait many[MANY];
	u64 rates[LIMIT_RATES] = { 1 };
	struct limiter *l = limiter_create();
	int i, turns = 1;

	limiter_set(l, rates);
	share = limit_share_here(l);
	waits[0].go = go;
	while (limit_admit(share, &waits[0]))
		;
	for (i = 0; i < MANY; i++) {
		many[i].go = go;
		CU_ASSERT_FALSE(limit_admit(share, &many[i]));
	}
	went = 0;
	CU_ASSERT_FALSE(limit_drain(share));
	UNIT_EQ(went, 0);
	rates[LIMIT_RW_IOS] = 0;
	limiter_set(l, rates);
	/* who comes now is not held up, nor holds up those that have waited */
	CU_ASSERT_TRUE(limit_admit(share, &waits[1]));
	for (; !limit_drain(share); turns++)
		CU_ASSERT_FATAL(turns < MANY && went < MANY);
	UNIT_EQ(turns, 3);
	UNIT_EQ(went, 1 + MANY);
	limiter_destroy(l);
}

static void test_drain(void)
{
	STEPS(drain);
}

/* histograms */

static size_t buckets, counted, filled;
static u64 floor_us, next_us;	/* of the last bucket in use and the one behind */

static void histogram_got(void *ctx, const struct bdev_histogram *h)
{
	size_t i;

	(void)ctx;
	buckets = h ? bdev_histogram_buckets(h) : 0;
	counted = filled = 0;
	for (i = 0; i < buckets; i++) {
		if (h->counts[i]) {
			filled++;
			floor_us = bdev_histogram_floor(h, i);
			next_us = bdev_histogram_floor(h, i + 1);
		}
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

/* statistics by channel, resets */

static struct bdev_stats sum, own, first;
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
	make_slow();
	start(0, BDEV_READ, 2);
	start(1, BDEV_WRITE, 1);
	op_buffer(&ops[2], data, 512);
	op_start(&ops[2], desc, ch, BDEV_READ, 64, 1);
}

static void stats_none(void)
{
	stats_ask(BDEV_RESET_NONE);
}

static void stats_first(void)
{
	UNIT_EQ(channels, 1);
	UNIT_EQ(sum.ops[BDEV_READ], 1);
	UNIT_EQ(own.ops[BDEV_READ], 1);
	UNIT_EQ(sum.bytes[BDEV_READ], 1024);
	CU_ASSERT(sum.latency_us[BDEV_READ] >= 300);
	UNIT_EQ(sum.min_latency_us[BDEV_READ], sum.latency_us[BDEV_READ]);
	UNIT_EQ(sum.max_latency_us[BDEV_READ], sum.latency_us[BDEV_READ]);
	UNIT_EQ(sum.errors, 1);
	first = sum;
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
	UNIT_EQ(own.errors, 0);
	UNIT_EQ(sum.max_latency_us[BDEV_READ], first.max_latency_us[BDEV_READ]);
	stats_ask(BDEV_RESET_NONE);
}

static void stats_again(void)
{
	UNIT_EQ(sum.max_latency_us[BDEV_READ], 0);
	UNIT_EQ(sum.min_latency_us[BDEV_READ], 0);
	UNIT_EQ(own.max_latency_us[BDEV_WRITE], 0);
	UNIT_EQ(sum.ops[BDEV_READ], 1);
	UNIT_EQ(sum.latency_us[BDEV_READ], first.latency_us[BDEV_READ]);
	start(0, BDEV_READ, 1);
}

static void stats_anew(void)
{
	stats_ask(BDEV_RESET_ALL);
}

static void stats_all(void)
{
	u64 took = sum.latency_us[BDEV_READ] - first.latency_us[BDEV_READ];

	/* of the second one only */
	UNIT_EQ(sum.ops[BDEV_READ], 2);
	UNIT_EQ(sum.min_latency_us[BDEV_READ], took);
	UNIT_EQ(sum.max_latency_us[BDEV_READ], took);
	stats_ask(BDEV_RESET_NONE);
}

/* none at all is one, too: it remains the least */

static void stats_fast(void)
{
	make_slow();
	UNIT_EQ(bdev_delay_set(dev, BDEV_AVG_READ, 0, &why), 0);
	start(0, BDEV_READ, 1);
	UNIT_EQ(bdev_delay_set(dev, BDEV_AVG_READ, 300, &why), 0);
	stats_ask(BDEV_RESET_NONE);
}

static void stats_slow(void)
{
	UNIT_EQ(sum.ops[BDEV_READ], 1);
	UNIT_EQ(sum.max_latency_us[BDEV_READ], 0);
	start(0, BDEV_READ, 1);
}

static void stats_least(void)
{
	UNIT_EQ(sum.ops[BDEV_READ], 2);
	UNIT_EQ(sum.min_latency_us[BDEV_READ], 0);
	UNIT_EQ(sum.max_latency_us[BDEV_READ], sum.latency_us[BDEV_READ]);
	unmake();
}

static void stats_zero(void)
{
	static const struct bdev_stats zero;

	UNIT_EQ(channels, 1);
	CU_ASSERT(!memcmp(&sum, &zero, sizeof(zero)));
	CU_ASSERT(!memcmp(&own, &zero, sizeof(zero)));
	unmake();
}

static void test_stats(void)
{
	STEPS(stats_load, stats_none, stats_first, stats_errors, stats_extremes,
	      stats_again, stats_anew, stats_all, stats_zero);
	STEPS(stats_fast, stats_slow, stats_none, stats_least);
}

/* each operation counts in the bucket of what it took */

static void latency_on(void)
{
	make_slow();
	steps.pending++;
	UNIT_EQ(bdev_histogram_enable(dev, BDEV_READ, 3, 1, 1000000, step_done,
				      NULL, &why), 0);
}

static void latency_load(void)
{
	start(0, BDEV_READ, 1);
	start(1, BDEV_FLUSH, 0);
}

static void latency_ask(void)
{
	stats_ask(BDEV_RESET_NONE);
	histogram_ask();
}

static void latency_end(void)
{
	UNIT_EQ(counted, 1);
	UNIT_EQ(filled, 1);
	CU_ASSERT(floor_us > 0);
	CU_ASSERT(floor_us <= sum.latency_us[BDEV_READ]);
	CU_ASSERT(next_us > sum.latency_us[BDEV_READ]);
	unmake();
}

static void test_latency(void)
{
	STEPS(latency_on, latency_load, latency_ask, latency_end);
}

/* 2^3 buckets of one, and as many for each doubling of what went before */
static void test_floors(void)
{
	static const struct bdev_histogram all = { .granularity = 3, .last_range = 9 };
	static const struct bdev_histogram some = {
		.granularity = 3, .first_range = 5, .last_range = 9,
	};
	static const u64 floors[][2] = {
		{ 0, 0 }, { 7, 7 }, { 8, 8 }, { 15, 15 }, { 16, 16 }, { 17, 18 },
		{ 24, 32 }, { 25, 36 }, { 63, 960 }, { 64, 1024 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(floors); i++)
		UNIT_EQ(bdev_histogram_floor(&all, floors[i][0]), floors[i][1]);
	UNIT_EQ(bdev_histogram_floor(&some, 0), 128);
	UNIT_EQ(bdev_histogram_floor(&some, 9), 256 + 32);
}

/* queue depth */

static struct bdev_queue queue;

static void queue_on(void)
{
	make();
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

static void test_queue(void)
{
	STEPS(queue_on, queue_load, queue_seen, unmake);
}

/* A bdev that is on its way out is open here, so it can still be found. */
static void queue_too_late(void)
{
	UNIT_EQ(bdev_set_sampling(dev, 200, &why), 0);
	steps.pending++;
	bdev_unregister(base, step_done, NULL);
	CU_ASSERT_FALSE(bdev_get_queue(dev, &queue));
	UNIT_EQ(bdev_set_sampling(dev, 200, &why), -EBUSY);
	CU_ASSERT_FALSE(bdev_get_queue(dev, &queue));
	UNIT_EQ(bdev_set_sampling(dev, 0, &why), 0);
	io_channel_put(ch);
	bdev_close(desc);
}

static void test_queue_too_late(void)
{
	STEPS(make, queue_too_late);
}

UNIT_MAIN(UNIT(test_ios), UNIT(test_bytes), UNIT(test_lifted),
	  UNIT(test_cancel), UNIT(test_drain), UNIT(test_histogram),
	  UNIT(test_stats), UNIT(test_latency), UNIT(test_floors),
	  UNIT(test_queue), UNIT(test_queue_too_late))
