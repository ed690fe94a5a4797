// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/* The malloc and null modules: data come back as written, zeroes are zeroes. */
#include "tests/unit/bdev_steps.h"

#define BLOCKS	16384u		/* 8 MiB */
#define BS	512u

static struct bdev *dev;
static struct bdev_desc *desc;
static struct io_channel *ch;
static struct op op[3];
static u8 buf[64 * BS];

static void ready(const char *name)
{
	UNIT_EQ(bdev_open(name, true, "test", NULL, NULL, &desc, NULL), 0);
	ch = bdev_channel_get(desc);
	CU_ASSERT_PTR_NOT_NULL(ch);
}

static void end(void)
{
	io_channel_put(ch);
	bdev_close(desc);
	steps.pending++;
	bdev_unregister(dev, step_done, NULL);
}

static void malloc_start(void)
{
	UNIT_EQ(bdev_malloc_create("m", NULL, BLOCKS, BS, &dev, NULL), 0);
	CU_ASSERT_PTR_NOT_NULL(dev->ram);
	CU_ASSERT_TRUE(dev->unmap_zeroes);
	CU_ASSERT_FALSE(dev->write_cache);
	CU_ASSERT_TRUE(all_zero(dev->ram, BLOCKS * BS));
	ready("m");
}

static void scatter(struct op *o, size_t len)
{
	o->iov[0] = (struct iovec){ buf, 100 };
	o->iov[1] = (struct iovec){ buf + 100, 0 };
	o->iov[2] = (struct iovec){ buf + 100, 1 };
	o->iov[3] = (struct iovec){ buf + 101, len - 101 };
	o->io.iovcnt = 4;
}

static void malloc_data(void)
{
	u8 *ram = dev->ram;

	pattern_fill(buf, sizeof(buf), 7 * BS, 1);
	scatter(&op[0], sizeof(buf));
	op_start(&op[0], desc, ch, BDEV_WRITE, 7, 64);
	UNIT_EQ(op[0].err, 0);
	UNIT_EQ(pattern_check(ram + 7 * BS, sizeof(buf), 7 * BS, 1),
		sizeof(buf));
	CU_ASSERT_TRUE(all_zero(ram, 7 * BS));
	CU_ASSERT_TRUE(all_zero(ram + 71 * BS, BS));
	memset(buf, 0xee, sizeof(buf));
	scatter(&op[0], 64 * BS);
	op_start(&op[0], desc, ch, BDEV_READ, 7, 64);
	UNIT_EQ(pattern_check(buf, sizeof(buf), 7 * BS, 1), sizeof(buf));
	/* in place, as a transport uses it: nothing changes */
	op_buffer(&op[0], ram + 7 * BS, 64 * BS);
	op_start(&op[0], desc, ch, BDEV_WRITE, 7, 64);
	op_start(&op[0], desc, ch, BDEV_READ, 7, 64);
	UNIT_EQ(op[0].err, 0);
	UNIT_EQ(pattern_check(ram + 7 * BS, sizeof(buf), 7 * BS, 1),
		sizeof(buf));
	op_start(&op[0], desc, ch, BDEV_FLUSH, 0, 0);
	UNIT_EQ(op[0].err, 0);
}

static void malloc_zero(void)
{
	pattern_fill(dev->ram, BLOCKS * BS, 0, 2);
	op_start(&op[0], desc, ch, BDEV_UNMAP, 1, 1);
	UNIT_EQ(op[0].calls, 1);	/* small ones at once */
	/* 3 MiB and a bit, twice, and a read that overtakes them */
	op_start(&op[0], desc, ch, BDEV_UNMAP, 10, 6145);
	op_start(&op[1], desc, ch, BDEV_WRITE_ZEROES, 8000, 6145);
	op_buffer(&op[2], buf, BS);
	op_start(&op[2], desc, ch, BDEV_READ, 0, 1);
	UNIT_EQ(op[0].calls, 0);
	UNIT_EQ(op[1].calls, 0);
	UNIT_EQ(op[2].calls, 1);
}

static void malloc_zeroed(void)
{
	static const struct {
		u64 from, to;
		bool zero;
	} want[] = {
		{ 0, 1, false }, { 1, 2, true }, { 2, 10, false },
		{ 10, 6155, true }, { 6155, 8000, false },
		{ 8000, 14145, true }, { 14145, BLOCKS, false },
	};
	const u8 *ram = dev->ram;
	size_t i, at, len;

	UNIT_EQ(op[0].err, 0);
	UNIT_EQ(op[1].err, 0);
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		at = want[i].from * BS;
		len = want[i].to * BS - at;
		CU_ASSERT(want[i].zero ? all_zero(ram + at, len) :
			  pattern_check(ram + at, len, at, 2) == len);
	}
}

static void test_malloc(void)
{
	STEPS(malloc_start, malloc_data, malloc_zero, malloc_zeroed, end);
}

static void null_all(void)
{
	enum bdev_io_type type;
	char text[512];
	struct weft_text t;

	UNIT_EQ(bdev_null_create(NULL, (const u8 *)"0123456789abcdef", 1000,
				 4096, &dev, NULL), 0);
	UNIT_STR(dev->name, "Null0");
	UNIT_STR(dev->product, "Null disk");
	CU_ASSERT_PTR_NULL(dev->ram);
	ready("Null0");
	memset(buf, 0xee, sizeof(buf));
	scatter(&op[0], 4096);
	for (type = BDEV_READ; type < BDEV_IO_TYPES; type++) {
		CU_ASSERT_TRUE(bdev_supports(dev, type));
		op_start(&op[0], desc, ch, type, 999, 1);
		UNIT_EQ(op[0].err, 0);
	}
	CU_ASSERT_TRUE(all_zero(buf, 4096));
	UNIT_EQ(buf[4096], 0xee);
	weft_text_init(&t, text, sizeof(text));
	dev->fns->config_json(dev, &t);
	UNIT_STR(text, "{\"method\":\"bdev_null_create\",\"params\":{"
		 "\"name\":\"Null0\",\"num_blocks\":1000,\"block_size\":4096,"
		 "\"uuid\":\"30313233-3435-3637-3839-616263646566\"}}");
}

static void test_null(void)
{
	STEPS(null_all, end);
}

UNIT_MAIN(UNIT(test_malloc), UNIT(test_null))
