// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The file module on real files, with and without O_DIRECT: data, durability
 * by the calls that were made, short transfers, full rings, locking, resizing.
 * The files are made in /var/tmp, which is on a disk; /tmp may be in memory.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "target/bdev/file.h"
#include "tests/unit/bdev_steps.h"

#define BLOCKS	8192u		/* 4 MiB */
#define BS	512u
#define BIG	(2560u << 10)	/* more than two bounce buffers */

static char path[64];
static struct bdev *dev;
static struct bdev_desc *desc;
static struct io_channel *ch;
static struct file_channel *fch;
static struct file_counters before;
static struct weft_reason why;
static struct op op[600];
static u8 *buf;			/* BIG and some, page aligned */
static bool direct;

static struct bdev_file_opts opts(const char *filename)
{
	struct bdev_file_opts o = {
		.name = "f", .filename = filename, .direct = direct,
		.method = "bdev_aio_create",
	};

	return o;
}

static void file_make(u64 bytes)
{
	int fd;

	snprintf(path, sizeof(path), "/var/tmp/weft-unit-XXXXXX");
	fd = mkstemp(path);
	CU_ASSERT_FATAL(fd >= 0);
	UNIT_EQ(ftruncate(fd, (off_t)bytes), 0);
	close(fd);
	if (!buf)
		buf = aligned_alloc(4096, BIG + 4096);
}

static void create(void)
{
	struct bdev_file_opts o = opts(path);

	UNIT_EQ(bdev_file_create(&o, &dev, &why), 0);
	UNIT_EQ(bdev_open("f", true, "test", NULL, NULL, &desc, &why), 0);
	ch = bdev_channel_get(desc);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ch);
	fch = io_channel_ctx(ch);
}

static void start(void)
{
	file_make(BLOCKS * BS + 100);	/* the rest is no block */
	create();
	UNIT_EQ(dev->blocks, BLOCKS);
	UNIT_EQ(dev->block_size, BS);
	CU_ASSERT_TRUE(dev->write_cache);
	if (direct && !((struct file_bdev *)dev)->direct)
		fprintf(stderr, "  skipped: no O_DIRECT on %s\n", path);
}

static void end(void)
{
	io_channel_put(ch);
	bdev_close(desc);
	steps.pending++;
	bdev_unregister(dev, step_done, NULL);
}

static void file_remove(void)
{
	UNIT_EQ(unlink(path), 0);
}

/* what is in the file, past everything that is tested here */
static void file_read(void *to, size_t len, u64 at)
{
	int fd = open(path, O_RDONLY);

	UNIT_EQ(pread(fd, to, len, (off_t)at), len);
	close(fd);
}

static bool file_has(size_t len, u64 at, unsigned int salt)
{
	u8 *got = malloc(len);
	bool same;

	file_read(got, len, at);
	same = pattern_check(got, len, at, salt) == len;
	free(got);
	return same;
}

static bool file_has_zeroes(size_t len, u64 at)
{
	u8 *got = malloc(len);
	bool zero;

	file_read(got, len, at);
	zero = all_zero(got, len);
	free(got);
	return zero;
}

/* data: aligned, with several segments */

static void write_segments(void)
{
	pattern_fill(buf, 16384, 8 * BS, 1);
	op[0].iov[0] = (struct iovec){ buf, 4096 };
	op[0].iov[1] = (struct iovec){ buf + 4096, 8192 };
	op[0].iov[2] = (struct iovec){ buf + 12288, 512 };
	op[0].iov[3] = (struct iovec){ buf + 12800, 3584 };
	op[0].io.iovcnt = 4;
	before = fch->counters;
	op_start(&op[0], desc, ch, BDEV_WRITE, 8, 32);
	UNIT_EQ(op[0].calls, 0);
}

static void read_segments(void)
{
	UNIT_EQ(op[0].err, 0);
	UNIT_EQ(fch->counters.sqes - before.sqes, 1);
	UNIT_EQ(fch->counters.enters - before.enters, 1);
	CU_ASSERT_TRUE(file_has(16384, 8 * BS, 1));
	memset(buf, 0xee, 16384);
	op_start(&op[0], desc, ch, BDEV_READ, 8, 32);
}

static void read_checked(void)
{
	UNIT_EQ(op[0].err, 0);
	UNIT_EQ(pattern_check(buf, 16384, 8 * BS, 1), 16384);
	UNIT_EQ(fch->counters.bounced, 0);
}

/* data: addresses and lengths that O_DIRECT refuses, in more than one piece */

static void write_unaligned(void)
{
	pattern_fill(buf + 3, BIG, 0, 2);
	op[0].iov[0] = (struct iovec){ buf + 3, 700001 };
	op[0].iov[1] = (struct iovec){ buf + 700004, 0 };
	op[0].iov[2] = (struct iovec){ buf + 700004, BIG - 700001 };
	op[0].io.iovcnt = 3;
	before = fch->counters;
	op_start(&op[0], desc, ch, BDEV_WRITE, 0, BIG / BS);
	/* a second one waits for the bounce buffer */
	op[1].iov[0] = (struct iovec){ buf + 3, 1 };
	op[1].iov[1] = (struct iovec){ buf + 4, BS - 1 };
	op[1].io.iovcnt = 2;
	op_start(&op[1], desc, ch, BDEV_WRITE, BLOCKS - 1, 1);
}

static void read_unaligned(void)
{
	u64 want = ((struct file_bdev *)dev)->direct ? 4 : 0;

	UNIT_EQ(op[0].err, 0);
	UNIT_EQ(op[1].err, 0);
	UNIT_EQ(fch->counters.bounced - before.bounced, want);
	CU_ASSERT_TRUE(file_has(BIG, 0, 2));
	memset(buf, 0xee, BIG + 4096);
	op_start(&op[0], desc, ch, BDEV_READ, 0, BIG / BS);
}

static void unaligned_checked(void)
{
	UNIT_EQ(op[0].err, 0);
	UNIT_EQ(buf[2], 0xee);
	UNIT_EQ(pattern_check(buf + 3, BIG, 0, 2), BIG);
	UNIT_EQ(buf[3 + BIG], 0xee);
	CU_ASSERT_PTR_NULL(fch->bounce_owner);
}

static void test_data(void)
{
	direct = true;
	STEPS(start, write_segments, read_segments, read_checked,
	      write_unaligned, read_unaligned, unaligned_checked, end,
	      file_remove);
	direct = false;
	STEPS(start, write_segments, read_segments, read_checked,
	      write_unaligned, read_unaligned, unaligned_checked, end,
	      file_remove);
}

/*
 * Short transfers: the kernel is told of fewer segments than there are, so it
 * really moves less than was asked for.
 */

static void shorten(unsigned int segments)
{
	struct io_uring_sq *sq = &fch->ring.sq;

	UNIT_EQ(fch->unsubmitted, 1);
	sq->sqes[(sq->sqe_tail - 1) & *sq->kring_mask].len = segments;
}

static void short_write(void)
{
	int i;

	pattern_fill(buf, 16384, 0, 3);
	for (i = 0; i < 4; i++)
		op[0].iov[i] = (struct iovec){ buf + i * 4096, 4096 };
	op[0].io.iovcnt = 4;
	op[0].io.fua = true;
	before = fch->counters;
	op_start(&op[0], desc, ch, BDEV_WRITE, 0, 32);
	shorten(2);
}

static void short_read(void)
{
	UNIT_EQ(op[0].err, 0);
	UNIT_EQ(op[0].calls, 1);
	UNIT_EQ(fch->counters.continued - before.continued, 1);
	UNIT_EQ(fch->counters.sqes - before.sqes, 3);
	/* the rest is on stable storage as well */
	UNIT_EQ(fch->counters.dsync_writes - before.dsync_writes, 3);
	CU_ASSERT_TRUE(file_has(16384, 0, 3));
	memset(buf, 0xee, 16384);
	op[0].io.fua = false;
	op_start(&op[0], desc, ch, BDEV_READ, 0, 32);
	shorten(1);
}

static void short_checked(void)
{
	UNIT_EQ(op[0].err, 0);
	UNIT_EQ(fch->counters.continued - before.continued, 2);
	UNIT_EQ(pattern_check(buf, 16384, 0, 3), 16384);
}

static void test_short_transfers(void)
{
	direct = true;
	STEPS(start, short_write, short_read, short_checked, end, file_remove);
}

/* more operations than the ring holds, in one go */

static void flood(void)
{
	unsigned int i;

	before = fch->counters;
	for (i = 0; i < ARRAY_SIZE(op); i++) {
		pattern_fill(buf + i * 4096, 4096, i * 4096, 4);
		op_buffer(&op[i], buf + i * 4096, 4096);
		op_start(&op[i], desc, ch, BDEV_WRITE, i * 8, 8);
	}
	UNIT_EQ(fch->active, FILE_RING_SIZE);
	UNIT_EQ(fch->counters.enters, before.enters);
}

static void flood_checked(void)
{
	unsigned int i, wrong = 0;

	for (i = 0; i < ARRAY_SIZE(op); i++)
		wrong += op[i].err || op[i].calls != 1;
	UNIT_EQ(wrong, 0);
	UNIT_EQ(fch->active, 0);
	UNIT_EQ(fch->counters.sqes - before.sqes, ARRAY_SIZE(op));
	/* many for each call into the kernel */
	CU_ASSERT(fch->counters.enters - before.enters < ARRAY_SIZE(op) / 2);
	CU_ASSERT_TRUE(file_has(ARRAY_SIZE(op) * 4096, 0, 4));
}

static void test_full_ring(void)
{
	direct = true;
	STEPS(start, flood, flood_checked, end, file_remove);
}

/*
 * Abort. In place of the file the ring reads from a pipe, so that operations stay
 * in the kernel until the test writes to it.
 */

static int pipe_fds[2];
static struct reactor_stats awake;

static void feed(void *ctx)
{
	unsigned int i;

	(void)ctx;
	for (i = 0; i <= FILE_RING_SIZE; i++)
		UNIT_EQ(write(pipe_fds[1], buf, BS), BS);
	step_done(NULL);
}

static void aborts(void *ctx)
{
	struct reactor_stats now;

	(void)ctx;
	/* two have no place in the ring, and nothing can be done about it */
	CU_ASSERT_FALSE(TAILQ_EMPTY(&fch->waiting));
	reactor_stats_get(&now);
	CU_ASSERT(now.sleeps > awake.sleeps);
	UNIT_EQ(bdev_abort(&op[0].io), BDEV_ABORT_ASKED);
	UNIT_EQ(bdev_abort(&op[0].io), BDEV_ABORT_ASKED);
	UNIT_EQ(fch->counters.cancels - before.cancels, 1);
	UNIT_EQ(op[0].calls, 0);
	/* this one has had no place in the ring */
	UNIT_EQ(bdev_abort(&op[FILE_RING_SIZE].io), BDEV_ABORT_DONE);
	UNIT_EQ(op[FILE_RING_SIZE].err, -ECANCELED);
	UNIT_EQ(op[FILE_RING_SIZE].calls, 1);
	/* the others get their bytes */
	timer_start("feed", feed, NULL, 5000);
}

static void full(void *ctx)
{
	(void)ctx;
	/* not before the kernel has them all */
	reactor_stats_get(&awake);
	timer_start("full", fch->unsubmitted ? full : aborts, NULL, 5000);
}

static void block(void)
{
	unsigned int i;

	UNIT_EQ(pipe(pipe_fds), 0);
	CU_ASSERT(fcntl(pipe_fds[1], F_SETPIPE_SZ, 1 << 20) > 0);
	UNIT_EQ(io_uring_register_files_update(&fch->ring, 0, pipe_fds, 1), 1);
	before = fch->counters;
	for (i = 0; i < FILE_RING_SIZE + 2; i++) {
		op_buffer(&op[i], buf + i * 4096, BS);
		op_start(&op[i], desc, ch, BDEV_READ, 0, 1);
	}
	steps.pending++;
	timer_start("full", full, NULL, 1000);
}

static void block_checked(void)
{
	unsigned int i, wrong = 0;

	UNIT_EQ(op[0].err, -ECANCELED);
	UNIT_EQ(op[0].calls, 1);
	for (i = 1; i < FILE_RING_SIZE + 2; i++)
		wrong += op[i].calls != 1 || (op[i].err && i != FILE_RING_SIZE);
	UNIT_EQ(wrong, 0);
	UNIT_EQ(fch->active, 0);
	UNIT_EQ(fch->cancelling, 0);
	UNIT_EQ(io_uring_register_files_update(&fch->ring, 0, &fch->file->fd, 1),
		1);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static void test_abort(void)
{
	direct = false;
	STEPS(start, block, block_checked, write_segments, read_segments,
	      read_checked, end, file_remove);
}

/* when all is done the ring lets the reactor sleep */

static void sleep_end(void *ctx)
{
	struct reactor_stats now;

	reactor_stats_get(&now);
	CU_ASSERT(now.sleeps > awake.sleeps);
	CU_ASSERT(now.turns - awake.turns < 20);
	step_done(ctx);
}

static void sleep_start(void)
{
	reactor_stats_get(&awake);
	steps.pending++;
	timer_start("sleep", sleep_end, NULL, 5000);
}

static void test_idle_sleeps(void)
{
	direct = true;
	STEPS(start, write_segments, sleep_start, flood, sleep_start, end,
	      file_remove);
}

/* flush, FUA, unmap, zeroes */

static void fill_and_flush(void)
{
	pattern_fill(buf, 65536, 0, 5);
	op_buffer(&op[0], buf, 65536);
	op_start(&op[0], desc, ch, BDEV_WRITE, 0, 128);
	before = fch->counters;
	op_start(&op[1], desc, ch, BDEV_FLUSH, 0, 0);
	op_buffer(&op[2], buf, 65536);
	op[2].io.fua = true;
	op_start(&op[2], desc, ch, BDEV_WRITE, 0, 128);
	op_buffer(&op[3], buf + 65536, 65536);
	op[3].io.fua = true;	/* means nothing to a read */
	op_start(&op[3], desc, ch, BDEV_READ, 1000, 128);
}

static void zero_some(void)
{
	UNIT_EQ(op[1].err, 0);
	UNIT_EQ(op[2].err, 0);
	UNIT_EQ(op[3].err, 0);
	UNIT_EQ(fch->counters.syncs - before.syncs, 1);
	UNIT_EQ(fch->counters.dsync_writes - before.dsync_writes, 1);
	before = fch->counters;
	op_start(&op[0], desc, ch, BDEV_WRITE_ZEROES, 3, 9);
	op[1].io.fua = true;
	op_start(&op[1], desc, ch, BDEV_WRITE_ZEROES, 20, 1);
	op[2].io.fua = true;	/* Write Zeroes may become one */
	op_start(&op[2], desc, ch, BDEV_UNMAP, 64, 32);
}

static void zero_checked(void)
{
	CU_ASSERT_TRUE(bdev_supports(dev, BDEV_WRITE_ZEROES));
	op[1].io.fua = false;
	op[2].io.fua = false;
	UNIT_EQ(op[0].err, 0);
	UNIT_EQ(op[1].err, 0);
	CU_ASSERT_TRUE(file_has(3 * BS, 0, 5));
	CU_ASSERT_TRUE(file_has_zeroes(9 * BS, 3 * BS));
	CU_ASSERT_TRUE(file_has(8 * BS, 12 * BS, 5));
	CU_ASSERT_TRUE(file_has_zeroes(BS, 20 * BS));
	CU_ASSERT_TRUE(file_has(43 * BS, 21 * BS, 5));
	if (!bdev_supports(dev, BDEV_UNMAP)) {
		UNIT_EQ(op[2].err, -EOPNOTSUPP);
		return;
	}
	UNIT_EQ(op[2].err, 0);
	/* one of each that had to be durable, unless the zeroes were written */
	UNIT_EQ(fch->counters.syncs - before.syncs, fch->no_zero_range ? 1 : 2);
	CU_ASSERT_TRUE(dev->unmap_zeroes);
	CU_ASSERT_TRUE(file_has_zeroes(32 * BS, 64 * BS));
	CU_ASSERT_TRUE(file_has(32 * BS, 96 * BS, 5));
}

/* as on a file system without FALLOC_FL_ZERO_RANGE */
static void zero_by_writing(void)
{
	pattern_fill(buf, 524288, 0, 6);
	op_buffer(&op[0], buf, 524288);
	op_start(&op[0], desc, ch, BDEV_WRITE, 0, 1024);
}

static void zero_by_writing_go(void)
{
	UNIT_EQ(op[0].err, 0);
	fch->no_zero_range = true;
	before = fch->counters;
	op[0].io.fua = true;
	op_start(&op[0], desc, ch, BDEV_WRITE_ZEROES, 1, 300);
	op[0].io.fua = false;
}

static void zero_written(void)
{
	UNIT_EQ(op[0].err, 0);
	UNIT_EQ(fch->counters.zero_writes - before.zero_writes, 3);
	CU_ASSERT_TRUE(file_has(BS, 0, 6));
	CU_ASSERT_TRUE(file_has_zeroes(300 * BS, BS));
	CU_ASSERT_TRUE(file_has(723 * BS, 301 * BS, 6));
}

static void test_flush_and_zeroes(void)
{
	direct = true;
	STEPS(start, fill_and_flush, zero_some, zero_checked, zero_by_writing,
	      zero_by_writing_go, zero_written, end, file_remove);
}

/* a file system tells once that it has lost something: then no flush is good */

static bool sync_fails, other_fails;

void __real_file_op_result(struct file_channel *c, struct bdev_io *io, int res);
void __wrap_file_op_result(struct file_channel *c, struct bdev_io *io, int res);

void __wrap_file_op_result(struct file_channel *c, struct bdev_io *io, int res)
{
	if (sync_fails && io->type == BDEV_FLUSH) {
		sync_fails = false;
		res = -EIO;
	}
	/* a flush on another reactor, between the two steps of this one */
	if (other_fails && io->type == BDEV_WRITE_ZEROES) {
		other_fails = false;
		c->file->lost = true;
	}
	__real_file_op_result(c, io, res);
}

/* and one that was under way beside it is none either */
static void flush_that_fails(void)
{
	sync_fails = true;
	op_start(&op[0], desc, ch, BDEV_FLUSH, 0, 0);
	op_start(&op[1], desc, ch, BDEV_FLUSH, 0, 0);
}

static void flush_after_it(void)
{
	UNIT_EQ(op[0].err, -EIO);
	UNIT_EQ(op[1].err, -EIO);
	op_start(&op[0], desc, ch, BDEV_FLUSH, 0, 0);
	op_buffer(&op[1], buf, BS);
	op_start(&op[1], desc, ch, BDEV_WRITE, 0, 1);
	op_buffer(&op[2], buf, BS);
	op[2].io.fua = true;
	op_start(&op[2], desc, ch, BDEV_WRITE, 0, 1);
	op[2].io.fua = false;
}

static void nothing_lasts(void)
{
	UNIT_EQ(op[0].err, -EIO);
	UNIT_EQ(op[1].err, 0);
	UNIT_EQ(op[2].err, -EIO);
}

static void zeroes_beside_it(void)
{
	other_fails = true;
	op[0].io.fua = true;
	op_start(&op[0], desc, ch, BDEV_WRITE_ZEROES, 0, 1);
}

static void zeroes_do_not_last(void)
{
	op[0].io.fua = false;
	UNIT_EQ(op[0].err, -EIO);
}

static void test_failed_flush(void)
{
	direct = false;
	STEPS(start, flush_that_fails, flush_after_it, nothing_lasts, end,
	      create, zeroes_beside_it, zeroes_do_not_last, end, file_remove);
}

/* growing, shrinking, reading where the file has ended */

static int resizes;

static void resized(void *ctx, struct bdev *b, enum bdev_event ev)
{
	(void)ctx;
	UNIT_EQ(ev, BDEV_EVENT_RESIZE);
	UNIT_EQ(b->blocks, 2 * BLOCKS);
	resizes++;
}

static struct bdev_desc *watcher;

static void grow(void)
{
	UNIT_EQ(bdev_open("f", false, "w", resized, NULL, &watcher, &why), 0);
	UNIT_EQ(bdev_file_rescan(dev, &why), 0);
	UNIT_EQ(truncate(path, 2 * BLOCKS * BS), 0);
	UNIT_EQ(dev->blocks, BLOCKS);
	UNIT_EQ(bdev_file_rescan(dev, &why), 0);
	UNIT_EQ(dev->blocks, 2 * BLOCKS);
	op_buffer(&op[0], buf, 4096);
	op_start(&op[0], desc, ch, BDEV_WRITE, 2 * BLOCKS - 8, 8);
}

static void shrink(void)
{
	UNIT_EQ(op[0].err, 0);
	UNIT_EQ(resizes, 1);
	bdev_close(watcher);
	UNIT_EQ(truncate(path, 100 * BS), 0);
	/* nobody has told us yet: the kernel finds nothing there */
	op_start(&op[0], desc, ch, BDEV_READ, 200, 8);
}

static void shrunk(void)
{
	UNIT_EQ(op[0].err, -EIO);
	UNIT_EQ(bdev_file_rescan(dev, &why), 0);
	UNIT_EQ(dev->blocks, 100);
	UNIT_EQ(truncate(path, 10), 0);
	UNIT_EQ(bdev_file_rescan(dev, &why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "truncate"));
	UNIT_EQ(dev->blocks, 100);
}

static void test_resize(void)
{
	direct = false;
	resizes = 0;
	STEPS(start, grow, shrink, shrunk, end, file_remove);
}

/* refusals, the lock, and that none of them keeps anything */

static int descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int refused(const char *filename, u32 block_size)
{
	struct bdev_file_opts o = opts(filename);
	struct bdev *out;

	o.name = "g";
	o.block_size = block_size;
	why.text[0] = 0;
	return bdev_file_create(&o, &out, &why);
}

static void refusals(void)
{
	struct bdev_file_opts twice = opts(path);
	int had = descriptors();
	struct bdev *out;

	UNIT_EQ(refused("/no/such/file", 0), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "/no/such/file"));
	UNIT_EQ(refused("/tmp", 0), -EINVAL);
	UNIT_EQ(refused("/dev/null", 0), -EINVAL);
	UNIT_EQ(refused("/proc/self/status", 0), -EINVAL);
	UNIT_EQ(refused(path, 0), -EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, path));
	UNIT_EQ(bdev_file_create(&twice, &out, &why), -EBUSY);
	UNIT_EQ(descriptors(), had);
}

static void refusals_unlocked(void)
{
	struct bdev_file_opts o = opts(path);
	int had = descriptors();

	UNIT_EQ(refused(path, 513), -EINVAL);
	UNIT_EQ(refused(path, 256), -EINVAL);
	UNIT_EQ(refused(path, 131072), -EINVAL);
	UNIT_EQ(truncate(path, 4095), 0);
	UNIT_EQ(refused(path, 4096), -EINVAL);
	UNIT_EQ(descriptors(), had);
	UNIT_EQ(truncate(path, 65536), 0);
	o.readonly = true;
	o.block_size = 4096;
	o.method = "bdev_uring_create";
	UNIT_EQ(bdev_file_create(&o, &dev, &why), 0);
	UNIT_EQ(bdev_open("f", false, "test", NULL, NULL, &desc, &why), 0);
	ch = bdev_channel_get(desc);
	UNIT_EQ(dev->blocks, 16);
	/* readers may share, a writer may not come in */
	UNIT_EQ(refused(path, 0), -EBUSY);
	op_buffer(&op[0], buf, 4096);
	op_start(&op[0], desc, ch, BDEV_WRITE, 0, 1);
	UNIT_EQ(op[0].err, -EOPNOTSUPP);
	op_start(&op[0], desc, ch, BDEV_WRITE_ZEROES, 0, 1);
	UNIT_EQ(op[0].err, -EOPNOTSUPP);
	op_start(&op[0], desc, ch, BDEV_READ, 0, 1);
}

static void texts(void)
{
	char text[1024], want[512];
	struct weft_text t;

	UNIT_EQ(op[0].err, 0);
	UNIT_STR(dev->product, "URING bdev");
	weft_text_init(&t, text, sizeof(text));
	dev->fns->info_json(dev, &t);
	snprintf(want, sizeof(want), "{\"uring\":{\"filename\":\"%s\"}}", path);
	UNIT_STR(text, want);
	weft_text_init(&t, text, sizeof(text));
	dev->fns->config_json(dev, &t);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"method\":\"bdev_uring_create\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, path));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"block_size\":4096"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"readonly\":true"));
}

static void test_refusals(void)
{
	direct = true;
	STEPS(start, refusals, end, refusals_unlocked, texts, end, file_remove);
}

/* two reactors write the two halves of one file at the same time */

static struct half {
	struct op op;
	struct io_channel *ch;
	unsigned int i;
} halves[2];

static void half_end(void *ctx)
{
	struct half *h = ctx;

	UNIT_EQ(h->op.err, 0);
	steps.pending--;
}

static void half_done(struct bdev_io *io, int err)
{
	struct half *h = io->ctx;

	h->op.err = err;
	if (!err && ++io->lba % (BLOCKS / 2)) {
		op_buffer(&h->op, buf + io->lba * BS, BS);
		bdev_submit(io);
		return;
	}
	io_channel_put(h->ch);
	reactor_send(reactor_control(), half_end, h);
}

static void half_start(void *ctx)
{
	struct half *h = ctx;
	struct bdev_io *io = &h->op.io;

	h->ch = bdev_channel_get(desc);
	io->desc = desc;
	io->channel = h->ch;
	io->type = BDEV_WRITE;
	io->iov = h->op.iov;
	io->lba = h->i ? BLOCKS - 500 : BLOCKS / 2 - 500;
	io->blocks = 1;
	io->done = half_done;
	io->ctx = h;
	op_buffer(&h->op, buf + io->lba * BS, BS);
	bdev_submit(io);
}

static void halves_start(void)
{
	free(buf);
	buf = aligned_alloc(4096, BLOCKS * BS);
	pattern_fill(buf, BLOCKS * BS, 0, 9);
	steps.pending += 2;
	halves[1].i = 1;
	reactor_send(reactor_get(0), half_start, &halves[0]);
	reactor_send(reactor_get(1), half_start, &halves[1]);
}

static void halves_checked(void)
{
	CU_ASSERT_TRUE(file_has(500 * BS, (BLOCKS / 2 - 500) * BS, 9));
	CU_ASSERT_TRUE(file_has(500 * BS, (BLOCKS - 500) * BS, 9));
	CU_ASSERT_TRUE(file_has_zeroes(BS, BLOCKS / 2 * BS));
	free(buf);
	buf = NULL;
}

static void test_two_reactors(void)
{
	static const step_fn list[] = { start, halves_start, halves_checked,
					end, file_remove };

	direct = false;
	steps_run_on(2, REACTOR_ADAPTIVE, list, ARRAY_SIZE(list));
}

UNIT_MAIN(UNIT(test_data), UNIT(test_short_transfers), UNIT(test_full_ring), UNIT(test_abort),
	  UNIT(test_idle_sleeps),
	  UNIT(test_flush_and_zeroes), UNIT(test_failed_flush),
	  UNIT(test_resize), UNIT(test_refusals),
	  UNIT(test_two_reactors))
