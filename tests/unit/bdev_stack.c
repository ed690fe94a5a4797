// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Bdevs on top of others: the claim, data and ranges through passthru and
 * split, memory in place, sizes and removal that follow the base, latencies,
 * injected faults and how held operations end.
 */
#include "tests/unit/bdev_steps.h"

#define BLOCKS	64
#define BYTES	(BLOCKS * 512)

static struct bdev *base, *upper;
static struct bdev_desc *desc;
static struct io_channel *ch;
static struct weft_reason why;
static u8 data[BYTES], back[BYTES];
static struct op ops[8];
static u64 began_us;

static void make_base(void)
{
	UNIT_EQ(bdev_malloc_create("ram", NULL, BLOCKS, 512, &base, &why), 0);
}

static void use(const char *name)
{
	UNIT_EQ(bdev_open(name, true, "test", NULL, NULL, &desc, &why), 0);
	ch = bdev_channel_get(desc);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ch);
}

static void unuse(void)
{
	io_channel_put(ch);
	bdev_close(desc);
}

static void remove_base(void)
{
	steps.pending++;
	bdev_unregister(bdev_find("ram"), step_done, NULL);
}

static void nothing_left(void)
{
	CU_ASSERT_PTR_NULL(bdev_first());
}

static void start(struct op *op, enum bdev_io_type type, u64 lba, u64 blocks,
		  u8 *buf)
{
	op_buffer(op, buf, blocks * 512);
	op_start(op, desc, ch, type, lba, blocks);
}

/* passthru */

static void passthru_made(void)
{
	struct bdev *out;

	make_base();
	UNIT_EQ(bdev_passthru_create("none", "p", NULL, &out, &why), -ENODEV);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "none"));
	UNIT_EQ(bdev_passthru_create("ram", "ram", NULL, &out, &why), -EEXIST);
	CU_ASSERT_FALSE(bdev_claimed(base));	/* nothing is left of it */
	UNIT_EQ(bdev_passthru_create("ram", "p", NULL, &upper, &why), 0);
	CU_ASSERT_TRUE(bdev_claimed(base));
	CU_ASSERT_PTR_EQUAL(bdev_base(upper), base);
	CU_ASSERT_PTR_NULL(bdev_base(base));
	CU_ASSERT_PTR_EQUAL(upper->ram, base->ram);
	UNIT_EQ(upper->blocks, BLOCKS);
	UNIT_EQ(bdev_passthru_create("ram", "q", NULL, &out, &why), -EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "passthru"));
	CU_ASSERT_TRUE(bdev_supports(upper, BDEV_UNMAP));
	use("p");
	pattern_fill(data, BYTES, 0, 1);
	start(&ops[0], BDEV_WRITE, 0, BLOCKS, data);
}

static void passthru_written(void)
{
	UNIT_EQ(ops[0].err, 0);
	UNIT_EQ(memcmp(base->ram, data, BYTES), 0);
	memset(back, 0xee, BYTES);
	start(&ops[0], BDEV_READ, 3, 5, back);
	start(&ops[1], BDEV_READ, BLOCKS, 1, back);
	start(&ops[2], BDEV_WRITE_ZEROES, 60, 4, back);
	start(&ops[3], BDEV_FLUSH, 0, 0, back);
}

static void passthru_read(void)
{
	UNIT_EQ(ops[0].err, 0);
	UNIT_EQ(memcmp(back, data + 3 * 512, 5 * 512), 0);
	UNIT_EQ(ops[1].err, -ERANGE);
	UNIT_EQ(ops[2].err, 0);
	CU_ASSERT_TRUE(all_zero((u8 *)base->ram + 60 * 512, 4 * 512));
	UNIT_EQ(ops[3].err, 0);
	unuse();
	/* the base goes, so all of it goes */
	remove_base();
}

static void test_passthru(void)
{
	STEPS(passthru_made, passthru_written, passthru_read, nothing_left);
}

/* the base goes while the upper one is open and busy */

static int removed;

static void on_remove(void *ctx, struct bdev *b, enum bdev_event ev)
{
	(void)ctx;
	(void)b;
	removed += ev == BDEV_EVENT_REMOVE;
	unuse();
}

static void remove_busy(void)
{
	static const u64 hour[] = { BDEV_LATENCY_MAX_US, BDEV_LATENCY_MAX_US,
				    BDEV_LATENCY_MAX_US, BDEV_LATENCY_MAX_US };

	make_base();
	removed = 0;
	UNIT_EQ(bdev_delay_create("ram", "d", NULL, hour, &upper, &why), 0);
	CU_ASSERT_PTR_NULL(upper->ram);
	UNIT_EQ(bdev_passthru_create("d", "p", NULL, &upper, &why), 0);
	UNIT_EQ(bdev_open("p", true, "test", on_remove, NULL, &desc, &why), 0);
	ch = bdev_channel_get(desc);
	start(&ops[0], BDEV_READ, 0, 1, back);
	start(&ops[1], BDEV_WRITE, 1, 1, data);
	UNIT_EQ(ops[0].calls, 0);
	remove_base();
}

static void remove_ended(void)
{
	/* held for an hour, ended at once, and each once */
	UNIT_EQ(ops[0].calls, 1);
	UNIT_EQ(ops[1].calls, 1);
	UNIT_EQ(removed, 1);
	CU_ASSERT_PTR_NULL(bdev_first());
}

static void test_removed_below(void)
{
	STEPS(remove_busy, remove_ended);
}

/* split */

static void split_refused(void)
{
	make_base();
	UNIT_EQ(bdev_split_create("none", 2, 0, false, &why), -ENODEV);
	UNIT_EQ(bdev_split_create("ram", 0, 0, false, &why), -EINVAL);
	UNIT_EQ(bdev_split_create("ram", BLOCKS + 1, 0, false, &why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "split_count="));
	UNIT_EQ(bdev_split_create("ram", 3, 22, false, &why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "21"));
	CU_ASSERT_FALSE(bdev_claimed(base));
	/* a part's name is taken: none of them stays */
	UNIT_EQ(bdev_null_create("ramp2", NULL, 8, 512, &upper, &why), 0);
	UNIT_EQ(bdev_split_create("ram", 3, 0, false, &why), -EEXIST);
}

static void split_none_left(void)
{
	CU_ASSERT_PTR_NULL(bdev_find("ramp0"));
	CU_ASSERT_PTR_NULL(bdev_split_find("ram", 2));	/* not a part */
	CU_ASSERT_FALSE(bdev_claimed(base));
	steps.pending++;
	bdev_unregister(bdev_find("ramp2"), step_done, NULL);
}

static void split_made(void)
{
	struct bdev *part;

	UNIT_EQ(bdev_split_create("ram", 3, 20, false, &why), 0);
	part = bdev_split_find("ram", 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(part);
	UNIT_EQ(part->blocks, 20);
	CU_ASSERT_PTR_EQUAL(part->ram, (u8 *)base->ram + 40 * 512);
	CU_ASSERT_PTR_NULL(bdev_split_find("ram", 3));
	use("ramp1");
	memset(data, 0x5a, BYTES);
	memset(base->ram, 0, BYTES);
	start(&ops[0], BDEV_WRITE, 0, 20, data);
	start(&ops[1], BDEV_WRITE, 19, 2, data);	/* into the next part */
}

static void split_written(void)
{
	const u8 *ram = base->ram;

	UNIT_EQ(ops[0].err, 0);
	UNIT_EQ(ops[1].err, -ERANGE);
	CU_ASSERT_TRUE(all_zero(ram, 20 * 512));
	UNIT_EQ(memcmp(ram + 20 * 512, data, 20 * 512), 0);
	CU_ASSERT_TRUE(all_zero(ram + 40 * 512, 24 * 512));
	unuse();
	remove_base();
}

static void test_split(void)
{
	STEPS(split_refused, split_none_left, split_made, split_written,
	      nothing_left);
}

/* sizes */

static void resize_made(void)
{
	UNIT_EQ(bdev_null_create("ram", NULL, 60, 512, &base, &why), 0);
	UNIT_EQ(bdev_split_create("ram", 3, 20, false, &why), 0);
	UNIT_EQ(bdev_passthru_create("ramp2", "p", NULL, &upper, &why), 0);
	bdev_notify_resize(base, 100);
	settle();
}

static void resize_grown(void)
{
	/* parts are what they were made as */
	UNIT_EQ(bdev_split_find("ram", 2)->blocks, 20);
	bdev_notify_resize(base, 45);
	settle();
}

static void resize_shrunk(void)
{
	UNIT_EQ(bdev_split_find("ram", 1)->blocks, 20);
	UNIT_EQ(bdev_split_find("ram", 2)->blocks, 5);
	UNIT_EQ(bdev_find("p")->blocks, 5);
	bdev_notify_resize(base, 40);
	settle();
}

static void resize_gone(void)
{
	CU_ASSERT_PTR_NULL(bdev_find("p"));
	CU_ASSERT_PTR_NULL(bdev_split_find("ram", 2));
	CU_ASSERT_PTR_NOT_NULL(bdev_split_find("ram", 1));
	remove_base();
}

static void test_resize(void)
{
	STEPS(resize_made, resize_grown, resize_shrunk, resize_gone,
	      nothing_left);
}

/* delay: never earlier than told; which ones are slow is counted, not drawn */

static const u64 latency[BDEV_LATENCIES] = { 1000, 30000, 20000, 40000 };

static void delay_made(void)
{
	u64 bad[BDEV_LATENCIES] = { 0, 0, 0, BDEV_LATENCY_MAX_US + 1 };

	make_base();
	UNIT_EQ(bdev_delay_create("ram", "d", NULL, bad, &upper, &why),
		-EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "p99_write_latency="));
	UNIT_EQ(bdev_delay_create("ram", "d", NULL, latency, &upper, &why), 0);
	UNIT_EQ(bdev_delay_get(upper, BDEV_P99_READ), 30000);
	UNIT_EQ(bdev_delay_set(base, BDEV_AVG_READ, 1, &why), -EINVAL);
	use("d");
	began_us = reactor_now_us();
	/* the write is slower, though it came first */
	start(&ops[0], BDEV_WRITE, 0, 1, data);
	start(&ops[1], BDEV_READ, 1, 1, back);
	start(&ops[2], BDEV_READ, 2, 1, back + 512);
	start(&ops[3], BDEV_FLUSH, 0, 0, data);
	UNIT_EQ(ops[3].calls, 1);	/* not held */
	UNIT_EQ(ops[0].calls + ops[1].calls + ops[2].calls, 0);
}

static void delay_waited(void)
{
	CU_ASSERT_TRUE(reactor_now_us() - began_us >= 20000);
	UNIT_EQ(ops[0].err, 0);
	UNIT_EQ(ops[1].err, 0);
	UNIT_EQ(bdev_delay_set(upper, BDEV_AVG_READ, 0, &why), 0);
}

static int slow;

/* the channel's 2nd to 100th read: the last is the one in a hundred */
static void delay_hundred(void)
{
	int i;

	slow = -1;
	for (i = 3; i <= 100; i++) {
		start(&ops[4], BDEV_READ, 0, 1, back);
		if (!ops[4].calls) {
			slow = i;
			began_us = reactor_now_us();
			break;
		}
	}
}

static void delay_hundredth(void)
{
	UNIT_EQ(slow, 100);
	CU_ASSERT_TRUE(reactor_now_us() - began_us >= 30000);
	UNIT_EQ(bdev_delay_set(upper, BDEV_AVG_WRITE, BDEV_LATENCY_MAX_US,
			       &why), 0);
	start(&ops[0], BDEV_WRITE, 0, 1, data);
	start(&ops[1], BDEV_WRITE, 1, 1, data);
	UNIT_EQ(ops[0].calls + ops[1].calls, 0);
	bdev_end_held(true);
}

/* at the daemon's end nothing is held, and nothing begins to be */
static void delay_ending(void)
{
	UNIT_EQ(ops[0].err, 0);
	UNIT_EQ(ops[1].err, 0);
	start(&ops[2], BDEV_WRITE, 0, 1, data);
	UNIT_EQ(ops[2].calls, 1);
	bdev_end_held(false);
	unuse();
	remove_base();
}

static void test_delay(void)
{
	STEPS(delay_made, delay_waited, delay_hundred, delay_hundredth,
	      delay_ending, nothing_left);
}

/* what is held anywhere below is ended; what a device has done already is not */

static const u64 slowly[BDEV_LATENCIES] = {
	BDEV_LATENCY_MAX_US, BDEV_LATENCY_MAX_US, BDEV_LATENCY_MAX_US,
	BDEV_LATENCY_MAX_US
};

static void abort_one(struct op *op, enum bdev_io_type type)
{
	start(op, type, 0, 8, data);
	UNIT_EQ(op->calls, 0);
	UNIT_EQ(bdev_abort(&op->io), BDEV_ABORT_DONE);
	UNIT_EQ(op->calls, 1);
	UNIT_EQ(op->err, -ECANCELED);
}

static void abort_made(void)
{
	const u64 least[LIMIT_RATES] = { [LIMIT_RW_BYTES] = 1 };

	make_base();
	UNIT_EQ(bdev_delay_create("ram", "d", NULL, slowly, &upper, &why), 0);
	UNIT_EQ(bdev_passthru_create("d", "p", NULL, &upper, &why), 0);
	use("p");
	abort_one(&ops[0], BDEV_READ);
	/* another one goes on waiting */
	start(&ops[1], BDEV_WRITE, 0, 8, data);
	abort_one(&ops[2], BDEV_WRITE);
	UNIT_EQ(ops[1].calls, 0);
	UNIT_EQ(bdev_abort(&ops[1].io), BDEV_ABORT_DONE);
	UNIT_EQ(bdev_set_limits(bdev_find("d"), least, &why), 0);
	settle();
}

/* the limit lets one through, which the delay holds; the next waits there */
static void abort_limited(void)
{
	start(&ops[3], BDEV_READ, 0, 8, data);
	CU_ASSERT_PTR_NULL(ops[3].io.below->limited);
	start(&ops[4], BDEV_READ, 0, 8, data);
	CU_ASSERT_PTR_NOT_NULL(ops[4].io.below->limited);
	UNIT_EQ(bdev_abort(&ops[4].io), BDEV_ABORT_DONE);
	UNIT_EQ(ops[4].err, -ECANCELED);
	UNIT_EQ(bdev_abort(&ops[3].io), BDEV_ABORT_DONE);
	UNIT_EQ(ops[3].err, -ECANCELED);
	unuse();
	remove_base();
}

static void test_abort(void)
{
	STEPS(abort_made, abort_limited, nothing_left);
}

/* injected faults */

static void inject(enum bdev_io_type type, enum bdev_fault fault, u32 num,
		   u32 depth)
{
	struct bdev_injection in = {
		.fault = fault, .num = num, .queue_depth = depth,
		.corrupt_offset = 700, .corrupt_value = 0x11,
	};

	UNIT_EQ(bdev_error_inject(upper, type, &in, &why), 0);
}

static void error_made(void)
{
	struct bdev_injection in = { .fault = BDEV_FAULT_CORRUPT, .num = 1 };

	make_base();
	UNIT_EQ(bdev_error_create("ram", NULL, &upper, &why), 0);
	UNIT_STR(upper->name, "EE_ram");
	CU_ASSERT_PTR_NULL(upper->ram);
	UNIT_EQ(bdev_error_inject(base, BDEV_READ, &in, &why), -EINVAL);
	UNIT_EQ(bdev_error_inject(upper, BDEV_FLUSH, &in, &why), -EINVAL);
	UNIT_EQ(bdev_error_resume(base, &why), -EINVAL);
	use("EE_ram");
	pattern_fill(data, BYTES, 0, 3);
	memcpy(base->ram, data, BYTES);
	inject(BDEV_READ, BDEV_FAULT_FAILURE, 2, 0);
	inject(BDEV_WRITE, BDEV_FAULT_NOMEM, 1, 0);
	start(&ops[0], BDEV_READ, 0, 1, back);
	start(&ops[1], BDEV_WRITE, 0, 1, data);
	start(&ops[2], BDEV_READ, 0, 1, back);
	start(&ops[3], BDEV_READ, 0, 1, back);
	start(&ops[4], BDEV_WRITE, 0, 1, data);
	start(&ops[5], BDEV_UNMAP, 63, 1, data);
}

static void error_counted(void)
{
	static const int want[] = { -EIO, -ENOMEM, -EIO, 0, 0, 0 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(want); i++)
		UNIT_EQ(ops[i].err, want[i]);
	/* a changed byte: of a read in the reader's buffer only */
	inject(BDEV_READ, BDEV_FAULT_CORRUPT, 1, 0);
	inject(BDEV_WRITE, BDEV_FAULT_CORRUPT, 1, 0);
	start(&ops[0], BDEV_READ, 0, 1, back);	/* too short: spared */
	start(&ops[1], BDEV_READ, 0, 2, back);
	start(&ops[2], BDEV_WRITE, 4, 2, data);
}

static void error_corrupted(void)
{
	u8 *ram = base->ram;

	UNIT_EQ(ops[1].err, 0);
	UNIT_EQ(ops[2].err, 0);
	UNIT_EQ(back[700], data[700] ^ 0x11);
	back[700] ^= 0x11;
	UNIT_EQ(memcmp(back, data, 1024), 0);
	UNIT_EQ(pattern_check(data, BYTES, 0, 3), BYTES);	/* as it was */
	UNIT_EQ(ram[4 * 512 + 700], data[700] ^ 0x11);
	ram[4 * 512 + 700] ^= 0x11;
	UNIT_EQ(memcmp(ram + 4 * 512, data, 1024), 0);
	/* held, until told to go on */
	inject(BDEV_READ, BDEV_FAULT_PENDING, 10, 0);
	start(&ops[0], BDEV_READ, 0, 1, back);
	start(&ops[1], BDEV_READ, 1, 1, back + 512);
	UNIT_EQ(ops[0].calls + ops[1].calls, 0);
	UNIT_EQ(bdev_error_resume(upper, &why), 0);
}

static void error_resumed(void)
{
	UNIT_EQ(ops[0].err, 0);
	UNIT_EQ(ops[1].err, 0);
	start(&ops[2], BDEV_READ, 1, 1, back);
	UNIT_EQ(ops[2].calls, 1);	/* none is left to be held */
	/* one is under way on a slow base, so the second one is hit */
	inject(BDEV_READ, BDEV_FAULT_FAILURE, 1, 1);
	start(&ops[3], BDEV_READ, 1, 1, back);
	UNIT_EQ(ops[3].err, 0);
	inject(BDEV_READ, BDEV_FAULT_PENDING, 2, 0);
	start(&ops[4], BDEV_READ, 0, 1, back);
	bdev_end_held(true);
}

static void error_ending(void)
{
	UNIT_EQ(ops[4].err, -EIO);
	start(&ops[5], BDEV_READ, 0, 1, back);
	UNIT_EQ(ops[5].err, -EIO);
	bdev_end_held(false);
	inject(BDEV_READ, BDEV_FAULT_PENDING, 1, 0);
	start(&ops[6], BDEV_READ, 0, 1, back);
	UNIT_EQ(ops[6].calls, 0);
	bdev_unregister(upper, NULL, NULL);
}

static void error_removed(void)
{
	UNIT_EQ(ops[6].err, -ENODEV);
	unuse();
	remove_base();
}

static void test_error(void)
{
	STEPS(error_made, error_counted, error_corrupted, error_resumed,
	      error_ending, error_removed, nothing_left);
}

/* whose end takes back another one that is held with it */
static void take_back_last(struct bdev_io *io, int err)
{
	op_done(io, err);
	CU_ASSERT_TRUE(bdev_take_back(&ops[2].io));
}

static void hold_three(void)
{
	int i;

	inject(BDEV_READ, BDEV_FAULT_PENDING, 3, 0);
	for (i = 0; i < 3; i++)
		start(&ops[i], BDEV_READ, 0, 1, back);
	ops[0].io.done = take_back_last;
}

/* The list of those that are held is in order: one more goes on, too. */
static void three_ended(int err)
{
	UNIT_EQ(ops[0].err, err);
	UNIT_EQ(ops[1].err, err);
	UNIT_EQ(ops[2].err, -ECANCELED);
	UNIT_EQ(ops[2].calls, 1);
	inject(BDEV_READ, BDEV_FAULT_PENDING, 1, 0);
	start(&ops[3], BDEV_READ, 0, 1, back);
	UNIT_EQ(ops[3].calls, 0);
	UNIT_EQ(bdev_error_resume(upper, &why), 0);
}

static void taken_made(void)
{
	make_base();
	UNIT_EQ(bdev_error_create("ram", NULL, &upper, &why), 0);
	use("EE_ram");
	hold_three();
	UNIT_EQ(bdev_error_resume(upper, &why), 0);
}

static void taken_resumed(void)
{
	three_ended(0);
}

static void taken_again(void)
{
	UNIT_EQ(ops[3].err, 0);
	hold_three();
	bdev_end_held(true);
}

static void taken_ended(void)
{
	bdev_end_held(false);
	three_ended(-EIO);
}

static void taken_over(void)
{
	UNIT_EQ(ops[3].err, 0);
	unuse();
	remove_base();
}

static void test_error_taken_back(void)
{
	STEPS(taken_made, taken_resumed, taken_again, taken_ended, taken_over,
	      nothing_left);
}

/* an injection that asks for a queue depth, over a base that is slow */
static void depth_made(void)
{
	static const u64 ms[] = { 2000, 2000, 2000, 2000 };
	struct bdev *slow_one;

	make_base();
	UNIT_EQ(bdev_delay_create("ram", "d", NULL, ms, &slow_one, &why), 0);
	UNIT_EQ(bdev_error_create("d", NULL, &upper, &why), 0);
	use("EE_d");
	inject(BDEV_READ, BDEV_FAULT_FAILURE, 1, 2);
	start(&ops[0], BDEV_READ, 0, 1, back);
	start(&ops[1], BDEV_READ, 0, 1, back);
	start(&ops[2], BDEV_READ, 0, 1, back);
	UNIT_EQ(ops[2].err, -EIO);
}

static void depth_done(void)
{
	UNIT_EQ(ops[0].err, 0);
	UNIT_EQ(ops[1].err, 0);
	unuse();
	remove_base();
}

static void test_depth(void)
{
	STEPS(depth_made, depth_done, nothing_left);
}

UNIT_MAIN(UNIT(test_passthru), UNIT(test_removed_below), UNIT(test_split),
	  UNIT(test_resize), UNIT(test_delay), UNIT(test_abort), UNIT(test_error),
	  UNIT(test_error_taken_back),
	  UNIT(test_depth))
