// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The block device layer: registration, ranges at every edge, claims, events,
 * removal with I/O under way, statistics.
 */
#include "tests/unit/bdev_steps.h"

static struct bdev *dev;
static struct bdev_desc *desc, *second;
static struct io_channel *ch;
static struct weft_reason why;

static void opened(const char *name)
{
	UNIT_EQ(bdev_open(name, false, "test", NULL, NULL, &desc, &why), 0);
	ch = bdev_channel_get(desc);
	CU_ASSERT_PTR_NOT_NULL(ch);
}

static void close_and_remove(void)
{
	io_channel_put(ch);
	bdev_close(desc);
	steps.pending++;
	bdev_unregister(dev, step_done, NULL);
}

/* registration */

static int made(const char *name, u64 blocks, u32 block_size)
{
	static struct bdev *out;

	why.text[0] = 0;
	return bdev_malloc_create(name, NULL, blocks, block_size, &out, &why);
}

static void register_refused(void)
{
	static const u32 sizes[] = { 0, 1, 256, 511, 513, 1536, 131072 };
	char name[65];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		UNIT_EQ(made("m", 8, sizes[i]), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "block_size="));
	}
	UNIT_EQ(made("m", 0, 512), -EINVAL);
	UNIT_EQ(made("m", UINT64_MAX, 512), -EINVAL);
	UNIT_EQ(made("m", UINT64_MAX / 512 + 1, 512), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "num_blocks="));
	/* addressable, but there is not that much memory anywhere */
	UNIT_EQ(made("m", (u64)INT64_MAX / 512, 512), -ENOMEM);
	UNIT_EQ(made("", 8, 512), -EINVAL);
	UNIT_EQ(made("a b", 8, 512), -EINVAL);
	UNIT_EQ(made("a\n", 8, 512), -EINVAL);
	memset(name, 'n', 64);
	name[64] = 0;
	UNIT_EQ(made(name, 8, 512), -EINVAL);
	CU_ASSERT_PTR_NULL(bdev_first());
	name[63] = 0;
	UNIT_EQ(made(name, 8, 512), 0);
	CU_ASSERT_PTR_NOT_NULL(bdev_find(name));
}

static void register_twins(void)
{
	char uuid[WEFT_UUID_LEN + 1];
	struct bdev *out;

	dev = bdev_first();
	UNIT_EQ(made(dev->name, 8, 512), -EEXIST);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "name="));
	UNIT_EQ(bdev_null_create("twin", dev->uuid, 8, 512, &out, &why),
		-EEXIST);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, dev->name));
	weft_uuid_format(dev->uuid, uuid);
	CU_ASSERT_PTR_EQUAL(bdev_find(uuid), dev);
	CU_ASSERT_PTR_NULL(bdev_find("twin"));
	UNIT_EQ(dev->uuid[6] >> 4, 4);
	steps.pending++;
	bdev_unregister(dev, step_done, NULL);
}

static void register_numbered(void)
{
	CU_ASSERT_PTR_NULL(bdev_first());
	UNIT_EQ(made(NULL, 8, 512), 0);
	UNIT_EQ(made(NULL, 8, 4096), 0);
	UNIT_STR(bdev_first()->name, "Malloc0");
	UNIT_STR(bdev_next(bdev_first())->name, "Malloc1");
	CU_ASSERT_PTR_NULL(bdev_next(bdev_next(bdev_first())));
	steps.pending++;
	bdev_unregister(bdev_first(), step_done, NULL);
}

static void register_number_free(void)
{
	UNIT_EQ(made(NULL, 8, 512), 0);
	/* in order of creation */
	UNIT_STR(bdev_first()->name, "Malloc1");
	UNIT_STR(bdev_next(bdev_first())->name, "Malloc0");
	steps.pending += 2;
	bdev_unregister(bdev_find("Malloc0"), step_done, NULL);
	bdev_unregister(bdev_find("Malloc1"), step_done, NULL);
	/* nothing goes within the call */
	CU_ASSERT_PTR_NOT_NULL(bdev_find("Malloc0"));
}

static void test_register(void)
{
	STEPS(register_refused, register_twins, register_numbered,
	      register_number_free);
}

/* ranges */

static u8 data[100 * 512];

static int tried(enum bdev_io_type type, u64 lba, u64 blocks)
{
	static struct op op;

	op_buffer(&op, data, blocks <= 100 ? (size_t)blocks * 512 : 512);
	op_start(&op, desc, ch, type, lba, blocks);
	UNIT_EQ(op.calls, 1);
	return op.err;
}

static void ranges(void)
{
	static const struct {
		u64 lba, blocks;
		int want;
	} cases[] = {
		{ 0, 1, 0 }, { 0, 100, 0 }, { 99, 1, 0 }, { 1, 99, 0 },
		{ 0, 101, -ERANGE }, { 1, 100, -ERANGE }, { 99, 2, -ERANGE },
		{ 100, 1, -ERANGE }, { 101, 1, -ERANGE },
		{ 0, UINT64_MAX, -ERANGE }, { 1, UINT64_MAX, -ERANGE },
		{ UINT64_MAX, 1, -ERANGE }, { UINT64_MAX - 1, 2, -ERANGE },
		{ UINT64_MAX, UINT64_MAX, -ERANGE },
		{ UINT64_MAX - 98, 100, -ERANGE },
		/* times 512 these wrap to something small */
		{ UINT64_MAX / 512 + 1, 1, -ERANGE },
		{ 0, UINT64_MAX / 512 + 1, -ERANGE },
		{ 0, 0, 0 }, { 100, 0, 0 }, { 101, 0, -ERANGE },
	};
	static const enum bdev_io_type types[] = {
		BDEV_READ, BDEV_WRITE, BDEV_UNMAP, BDEV_WRITE_ZEROES
	};
	size_t i, t;

	for (t = 0; t < ARRAY_SIZE(types); t++)
		for (i = 0; i < ARRAY_SIZE(cases); i++)
			UNIT_EQ(tried(types[t], cases[i].lba, cases[i].blocks),
				cases[i].want);
	UNIT_EQ(tried(BDEV_FLUSH, 0, 0), 0);
	UNIT_EQ(tried((enum bdev_io_type)BDEV_IO_TYPES, 0, 1), -EOPNOTSUPP);
	UNIT_EQ(tried((enum bdev_io_type)-1, 0, 1), -EOPNOTSUPP);
}

static int with_iov(int iovcnt, size_t first, size_t last)
{
	static struct op op;

	op.iov[0] = (struct iovec){ data, first };
	op.iov[1] = (struct iovec){ data, last };
	op.io.iovcnt = iovcnt;
	op_start(&op, desc, ch, BDEV_WRITE, 0, 2);
	return op.err;
}

static void iov_lengths(void)
{
	UNIT_EQ(with_iov(2, 512, 512), 0);
	UNIT_EQ(with_iov(2, 1024, 0), 0);
	UNIT_EQ(with_iov(2, 1, 1023), 0);
	UNIT_EQ(with_iov(1, 1024, 0), 0);
	UNIT_EQ(with_iov(1, 1023, 0), -EINVAL);
	UNIT_EQ(with_iov(1, 1025, 0), -EINVAL);
	UNIT_EQ(with_iov(2, 512, 513), -EINVAL);
	UNIT_EQ(with_iov(2, SIZE_MAX, 1025), -EINVAL);	/* sums to 1024 */
	UNIT_EQ(with_iov(2, 1024, SIZE_MAX), -EINVAL);
	UNIT_EQ(with_iov(0, 1024, 0), -EINVAL);
	UNIT_EQ(with_iov(-1, 1024, 0), -EINVAL);
	UNIT_EQ(with_iov(100000, 1024, 0), -EINVAL);
}

static void ranges_start(void)
{
	UNIT_EQ(bdev_malloc_create("m", NULL, 100, 512, &dev, &why), 0);
	opened("m");
}

static void test_ranges(void)
{
	STEPS(ranges_start, ranges, iov_lengths, close_and_remove);
}

/* claims */

static void claims(void)
{
	struct bdev_desc *reader, *none = NULL;

	UNIT_EQ(bdev_null_create("n", NULL, 8, 512, &dev, &why), 0);
	UNIT_EQ(bdev_open("x", true, "a", NULL, NULL, &none, &why), -ENODEV);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "x"));
	CU_ASSERT_FALSE(bdev_claimed(dev));
	UNIT_EQ(bdev_open("n", true, "first", NULL, NULL, &desc, &why), 0);
	CU_ASSERT_PTR_EQUAL(bdev_desc_bdev(desc), dev);
	CU_ASSERT_TRUE(bdev_claimed(dev));
	UNIT_EQ(bdev_open("n", true, "next", NULL, NULL, &none, &why), -EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "first"));
	CU_ASSERT_PTR_NULL(none);
	UNIT_EQ(bdev_open("n", false, "reader", NULL, NULL, &reader, &why), 0);
	bdev_close(desc);
	CU_ASSERT_FALSE(bdev_claimed(dev));
	UNIT_EQ(bdev_open("n", true, "next", NULL, NULL, &desc, &why), 0);
	UNIT_EQ(dev->opens, 2);
	bdev_close(reader);
	ch = bdev_channel_get(desc);
}

static void test_claims(void)
{
	STEPS(claims, close_and_remove);
}

/* removal with I/O under way */

static int told[2], removed;
static struct op zero, late;

static void tell(void *ctx, struct bdev *b, enum bdev_event ev)
{
	CU_ASSERT_PTR_EQUAL(b, dev);
	UNIT_EQ(ev, BDEV_EVENT_REMOVE);
	++*(int *)ctx;
}

static void on_removed(void *ctx)
{
	(void)ctx;
	removed++;
	steps.pending--;
}

static void remove_start(void)
{
	told[0] = 0;
	told[1] = 0;
	removed = 0;
	UNIT_EQ(bdev_malloc_create("m", NULL, 32768, 512, &dev, &why), 0);
	UNIT_EQ(bdev_open("m", true, "a", tell, &told[0], &desc, &why), 0);
	UNIT_EQ(bdev_open("m", false, "b", tell, &told[1], &second, &why), 0);
	ch = bdev_channel_get(desc);
	op_start(&zero, desc, ch, BDEV_WRITE_ZEROES, 0, 32768);
	UNIT_EQ(zero.calls, 0);		/* 16 MiB take several turns */
	bdev_unregister(dev, on_removed, NULL);
	bdev_unregister(dev, on_removed, NULL);
	UNIT_EQ(told[0] + told[1], 0);
	op_buffer(&late, data, 512);
	op_start(&late, desc, ch, BDEV_READ, 0, 1);
	UNIT_EQ(late.err, -ENODEV);
}

static void remove_ends(void)
{
	struct bdev_desc *none;

	/* what was under way has ended well, and all have been told once */
	UNIT_EQ(zero.err, 0);
	UNIT_EQ(told[0], 1);
	UNIT_EQ(told[1], 1);
	UNIT_EQ(removed, 0);
	UNIT_EQ(bdev_open("m", false, "c", NULL, NULL, &none, &why), -ENODEV);
	UNIT_EQ(bdev_null_create("m", NULL, 8, 512, &dev, &why), -EEXIST);
	steps.pending += 2;
	bdev_close(second);
	io_channel_put(ch);
	bdev_close(desc);
	UNIT_EQ(removed, 0);
}

static void remove_ended(void)
{
	UNIT_EQ(removed, 2);
	CU_ASSERT_PTR_NULL(bdev_find("m"));
}

static void test_removal(void)
{
	STEPS(remove_start, remove_ends, remove_ended);
}

/* resize, and handlers that close */

static int resizes;

static void resized(void *ctx, struct bdev *b, enum bdev_event ev)
{
	(void)ctx;
	UNIT_EQ(ev, BDEV_EVENT_RESIZE);
	UNIT_EQ(b->blocks, 200);
	resizes++;
	/* the other one is about to be told as well, and is not */
	bdev_close(second);
}

static void resize_start(void)
{
	resizes = 0;
	UNIT_EQ(bdev_null_create("n", NULL, 100, 512, &dev, &why), 0);
	UNIT_EQ(bdev_open("n", false, "a", resized, NULL, &desc, &why), 0);
	UNIT_EQ(bdev_open("n", false, "b", resized, NULL, &second, &why), 0);
	ch = bdev_channel_get(desc);
	UNIT_EQ(tried(BDEV_READ, 100, 1), -ERANGE);
	bdev_notify_resize(dev, 100);	/* no change, no event */
	bdev_notify_resize(dev, 150);
	bdev_notify_resize(dev, 200);	/* told of once, with the last size */
	UNIT_EQ(tried(BDEV_READ, 199, 1), 0);
}

static void resize_seen(void)
{
	UNIT_EQ(resizes, 1);
	UNIT_EQ(dev->opens, 1);
}

static void idle_step(void)
{
}

static void test_resize(void)
{
	STEPS(resize_start, idle_step, resize_seen, close_and_remove);
}

/* statistics over two reactors, one of whose channels has gone */

static struct bdev_stats sum;

static void stats_got(void *ctx, const struct bdev_stats *s)
{
	sum = *s;
	step_done(ctx);
}

static void stats_far(void *ctx)
{
	static struct io_channel *far;
	static struct op op;

	far = bdev_channel_get(desc);
	op_buffer(&op, data, 1024);
	op.io.desc = desc;
	op.io.channel = far;
	op.io.type = BDEV_READ;
	op.io.iov = op.iov;
	op.io.blocks = 2;
	op.io.ctx = &op;
	op.io.done = ctx;
	bdev_submit(&op.io);
	io_channel_put(far);
}

static void stats_far_done(struct bdev_io *io, int err)
{
	(void)io;
	UNIT_EQ(err, 0);
	UNIT_EQ(reactor_index(reactor_self()), 1);
}

static void stats_visited(void *ctx)
{
	(void)ctx;
	bdev_stats_collect(dev, BDEV_RESET_NONE, NULL, stats_got, NULL);
}

static void nothing(void *ctx)
{
	(void)ctx;
}

static void stats_start(void)
{
	UNIT_EQ(bdev_malloc_create("m", NULL, 100, 512, &dev, &why), 0);
	opened("m");
	tried(BDEV_READ, 0, 3);
	tried(BDEV_WRITE, 0, 5);
	tried(BDEV_UNMAP, 0, 7);
	tried(BDEV_FLUSH, 0, 0);
	tried(BDEV_READ, 100, 1);
	tried(BDEV_READ, UINT64_MAX, 1);
	steps.pending++;
	reactor_send(reactor_get(1), stats_far, stats_far_done);
	/* after that one, and after its channel is gone */
	reactor_for_each(nothing, NULL, stats_visited);
}

static void stats_seen(void)
{
	UNIT_EQ(sum.ops[BDEV_READ], 2);
	UNIT_EQ(sum.bytes[BDEV_READ], 5 * 512);
	UNIT_EQ(sum.ops[BDEV_WRITE], 1);
	UNIT_EQ(sum.bytes[BDEV_WRITE], 5 * 512);
	UNIT_EQ(sum.bytes[BDEV_UNMAP], 7 * 512);
	UNIT_EQ(sum.ops[BDEV_FLUSH], 1);
	UNIT_EQ(sum.bytes[BDEV_FLUSH], 0);
	UNIT_EQ(sum.ops[BDEV_WRITE_ZEROES], 0);
	UNIT_EQ(sum.errors, 2);
}

/* asked for while it goes: still answered, then gone */

static void stats_while_removed(void)
{
	memset(&sum, 0, sizeof(sum));
	io_channel_put(ch);
	steps.pending += 3;
	bdev_stats_collect(dev, BDEV_RESET_NONE, NULL, stats_got, NULL);
	bdev_close(desc);
	bdev_unregister(dev, step_done, NULL);
	bdev_stats_collect(dev, BDEV_RESET_NONE, NULL, stats_got, NULL);
}

static void test_stats(void)
{
	static const step_fn list[] = { stats_start, stats_seen,
					stats_while_removed, stats_seen };

	steps_run_on(2, REACTOR_INTERRUPT, list, ARRAY_SIZE(list));
}

UNIT_MAIN(UNIT(test_register), UNIT(test_ranges), UNIT(test_claims),
	  UNIT(test_removal), UNIT(test_resize), UNIT(test_stats))
