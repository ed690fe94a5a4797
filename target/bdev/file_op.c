// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * How one operation on a file goes: step by step, each step one entry of the
 * ring, on the reactor of its channel.
 *
 *  read, write	the caller's iov in one step; what a short transfer left, one
 *		segment after another
 *  unaligned	(O_DIRECT) in pieces through the channel's bounce buffer, one
 *		operation at a time
 *  flush	fdatasync
 *  unmap	a hole
 *  zeroes	fallocate, then fdatasync for FUA; or zeroes written, where the
 *		file system cannot
 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "target/bdev/file.h"

enum file_step {
	STEP_IOV,		/* all of the caller's iov */
	STEP_SEGMENT,		/* the rest of one of its segments */
	STEP_BOUNCE,
	STEP_SYNC,
	STEP_PUNCH,
	STEP_ZERO_RANGE,
	STEP_ZERO_WRITE,
};

struct file_op {
	u64 length;
	u64 done;
	u64 piece;		/* asked for in the step under way */
	enum file_step step;
	bool cancelled;		/* there is no next step */
	struct file_queue *queue;	/* waits there while the bdev_io is held */
};

static_assert(sizeof(struct file_op) <= sizeof(((struct bdev_io *)0)->module),
	      "struct file_op does not fit the bdev_io");

/* written to files that cannot zero a range; aligned for O_DIRECT */
static const u8 zeroes[FILE_ZERO_SIZE] __attribute__((aligned(4096)));

static struct file_op *op_of(struct bdev_io *io)
{
	return (struct file_op *)io->module;
}

static u64 op_rest(const struct file_op *op, u64 most)
{
	u64 rest = op->length - op->done;

	return rest < most ? rest : most;
}

static bool iov_aligned(const struct file_bdev *f, const struct bdev_io *io)
{
	int i;

	for (i = 0; i < io->iovcnt; i++)
		if (((uintptr_t)io->iov[i].iov_base & (f->mem_align - 1)) ||
		    (io->iov[i].iov_len & (f->len_align - 1)))
			return false;
	return true;
}

/* The segment at @at and what of it lies behind. */
static struct iovec iov_segment(const struct bdev_io *io, u64 at)
{
	const struct iovec *v = io->iov;

	while (at >= v->iov_len)
		at -= v++->iov_len;
	return (struct iovec){ (u8 *)v->iov_base + at, v->iov_len - at };
}

/* Between the bounce buffer and @len bytes of the iov from @at on. */
static void bounce_copy(const struct bdev_io *io, u8 *bounce, u64 at, u64 len)
{
	struct iovec v;
	u64 n;

	for (; len; at += n, bounce += n, len -= n) {
		v = iov_segment(io, at);
		n = v.iov_len < len ? v.iov_len : len;
		if (io->type == BDEV_READ)
			memcpy(v.iov_base, bounce, n);
		else
			memcpy(bounce, v.iov_base, n);
	}
}

/* Queues of those that have no entry in the ring: they can be aborted at once */

void file_op_wait(struct file_queue *queue, struct bdev_io *io)
{
	TAILQ_INSERT_TAIL(queue, io, link);
	op_of(io)->queue = queue;
	io->held = true;
}

static void leave(struct file_queue *queue, struct bdev_io *io)
{
	TAILQ_REMOVE(queue, io, link);
	io->held = false;
}

struct bdev_io *file_op_first(struct file_queue *queue)
{
	struct bdev_io *io = TAILQ_FIRST(queue);

	if (io)
		leave(queue, io);
	return io;
}

/* Return: true if the buffer is @io's now; false: it waits, or has failed. */
static bool bounce_take(struct file_channel *ch, struct bdev_io *io)
{
	if (ch->bounce_owner) {
		file_op_wait(&ch->bounce_waiting, io);
		return false;
	}
	if (!ch->bounce)
		ch->bounce = aligned_alloc(FILE_ZERO_SIZE, FILE_BOUNCE_SIZE);
	if (!ch->bounce) {
		bdev_io_complete(io, -ENOMEM);
		return false;
	}
	ch->bounce_owner = io;
	return true;
}

static void bounce_give(struct file_channel *ch)
{
	struct bdev_io *next = file_op_first(&ch->bounce_waiting);

	ch->bounce_owner = next;
	if (next)
		file_queue_op(ch, next);
}

/* Must @io not succeed any more, as a sync has failed? */
static bool is_spoiled(const struct file_channel *ch, const struct bdev_io *io)
{
	return (io->type == BDEV_FLUSH || (io->fua && io->type != BDEV_READ)) &&
	       __atomic_load_n(&ch->file->lost, __ATOMIC_RELAXED);
}

static void op_complete(struct file_channel *ch, struct bdev_io *io, int err)
{
	if (ch->bounce_owner == io)
		bounce_give(ch);
	/* one beside it may have been told of what this one has lost */
	if (!err && is_spoiled(ch, io))
		err = -EIO;
	bdev_io_complete(io, err);
}

static void op_next(struct file_channel *ch, struct bdev_io *io,
		    enum file_step step)
{
	op_of(io)->step = step;
	if (op_of(io)->cancelled)
		op_complete(ch, io, -ECANCELED);
	else
		file_queue_op(ch, io);
}

void file_take_back(struct io_channel *ioch, struct bdev_io *io)
{
	struct file_channel *ch = io_channel_ctx(ioch);

	leave(op_of(io)->queue, io);
	if (ch->bounce_owner == io)
		bounce_give(ch);
}

/* A read or write that the kernel has begun may run on; what follows does not. */
bool file_cancel(struct io_channel *ioch, struct bdev_io *io)
{
	struct file_op *op = op_of(io);

	if (!op->cancelled)
		op->cancelled = file_ring_cancel(io_channel_ctx(ioch), io);
	return op->cancelled;
}

static enum file_step first_step(const struct file_channel *ch,
				 const struct bdev_io *io)
{
	switch (io->type) {
	case BDEV_FLUSH:
		return STEP_SYNC;
	case BDEV_UNMAP:
		return STEP_PUNCH;
	case BDEV_WRITE_ZEROES:
		return ch->no_zero_range ? STEP_ZERO_WRITE : STEP_ZERO_RANGE;
	default:
		return iov_aligned(ch->file, io) ? STEP_IOV : STEP_BOUNCE;
	}
}

void file_submit(struct io_channel *ioch, struct bdev_io *io)
{
	struct file_channel *ch = io_channel_ctx(ioch);
	struct file_op *op = op_of(io);

	if (is_spoiled(ch, io)) {
		bdev_io_complete(io, -EIO);
		return;
	}
	op->length = bdev_io_length(io, ch->head.bdev);
	op->done = 0;
	op->cancelled = false;
	op->step = first_step(ch, io);
	if (op->step != STEP_BOUNCE || bounce_take(ch, io))
		file_queue_op(ch, io);
}

static void prepare_data(struct file_channel *ch, struct bdev_io *io,
			 struct io_uring_sqe *sqe, u64 at)
{
	struct file_op *op = op_of(io);
	struct iovec v;

	if (op->step == STEP_IOV) {
		op->piece = op->length;
		if (io->type == BDEV_READ)
			io_uring_prep_readv(sqe, 0, io->iov,
					    (unsigned int)io->iovcnt, at);
		else
			io_uring_prep_writev(sqe, 0, io->iov,
					     (unsigned int)io->iovcnt, at);
		return;
	}
	if (op->step == STEP_BOUNCE) {
		v = (struct iovec){ ch->bounce, op_rest(op, FILE_BOUNCE_SIZE) };
		if (io->type == BDEV_WRITE)
			bounce_copy(io, ch->bounce, op->done, v.iov_len);
		ch->counters.bounced++;
	} else {
		v = iov_segment(io, op->done);
		if (v.iov_len > FILE_BOUNCE_SIZE)
			v.iov_len = FILE_BOUNCE_SIZE;
	}
	op->piece = v.iov_len;
	if (io->type == BDEV_READ)
		io_uring_prep_read(sqe, 0, v.iov_base, (u32)v.iov_len, at);
	else
		io_uring_prep_write(sqe, 0, v.iov_base, (u32)v.iov_len, at);
}

static void prepare_dsync(struct file_channel *ch, const struct bdev_io *io,
			  struct io_uring_sqe *sqe)
{
	if (!io->fua || io->type == BDEV_READ)
		return;
	sqe->rw_flags = RWF_DSYNC;
	ch->counters.dsync_writes++;
}

void file_op_prepare(struct file_channel *ch, struct bdev_io *io,
		     struct io_uring_sqe *sqe)
{
	struct file_op *op = op_of(io);
	u64 at = bdev_io_offset(io, ch->head.bdev) + op->done;

	switch (op->step) {
	case STEP_IOV:
	case STEP_SEGMENT:
	case STEP_BOUNCE:
		prepare_data(ch, io, sqe, at);
		prepare_dsync(ch, io, sqe);
		break;
	case STEP_SYNC:
		io_uring_prep_fsync(sqe, 0, IORING_FSYNC_DATASYNC);
		ch->counters.syncs++;
		break;
	case STEP_PUNCH:
		io_uring_prep_fallocate(sqe, 0, FALLOC_FL_PUNCH_HOLE |
					FALLOC_FL_KEEP_SIZE, (off_t)at,
					(off_t)op->length);
		break;
	case STEP_ZERO_RANGE:
		io_uring_prep_fallocate(sqe, 0, FALLOC_FL_ZERO_RANGE |
					FALLOC_FL_KEEP_SIZE, (off_t)at,
					(off_t)op->length);
		break;
	case STEP_ZERO_WRITE:
		op->piece = op_rest(op, FILE_ZERO_SIZE);
		io_uring_prep_write(sqe, 0, zeroes, (u32)op->piece, at);
		prepare_dsync(ch, io, sqe);
		ch->counters.zero_writes++;
		break;
	}
}

/* Read, write and written zeroes: @res bytes of the piece have moved. */
static void result_data(struct file_channel *ch, struct bdev_io *io, u64 res)
{
	struct file_op *op = op_of(io);

	if (!res) {		/* the file has become shorter under us */
		op_complete(ch, io, -EIO);
		return;
	}
	if (op->step == STEP_BOUNCE && io->type == BDEV_READ)
		bounce_copy(io, ch->bounce, op->done, res);
	op->done += res;
	if (op->done == op->length) {
		op_complete(ch, io, 0);
		return;
	}
	ch->counters.continued += res < op->piece;
	op_next(ch, io, op->step == STEP_IOV ? STEP_SEGMENT : op->step);
}

/* What a file system cannot do for us. */
static void result_unsupported(struct file_channel *ch, struct bdev_io *io)
{
	switch (op_of(io)->step) {
	case STEP_ZERO_RANGE:
		ch->no_zero_range = true;
		op_next(ch, io, STEP_ZERO_WRITE);
		break;
	case STEP_PUNCH:
		/* a hint, unless zeroes were promised for it */
		op_complete(ch, io, ch->head.bdev->unmap_zeroes ? -EOPNOTSUPP : 0);
		break;
	default:
		op_complete(ch, io, -EOPNOTSUPP);
		break;
	}
}

/*
 * That the page cache could not be written back a file system tells once, to
 * whoever syncs first, and has forgotten the data: another sync would succeed.
 * So none does any more. A device past the page cache tells of itself.
 */
static void sync_failed(struct file_bdev *f, int err)
{
	if ((f->is_block && f->direct) ||
	    __atomic_exchange_n(&f->lost, true, __ATOMIC_RELAXED))
		return;
	log_error("bdev %s: %s: %s: what was written may be lost, so every flush fails until the bdev is deleted and created again",
		  f->bdev.name, f->filename, strerror(-err));
}

/* Has what @io was to make last failed to? */
static bool is_lost(const struct file_channel *ch, struct bdev_io *io, int err)
{
	if (op_of(io)->step == STEP_SYNC)
		return err != -ECANCELED;
	return io->fua && !ch->file->direct &&
	       (err == -EIO || err == -ENODATA || err == -EILSEQ);
}

void file_op_result(struct file_channel *ch, struct bdev_io *io, int res)
{
	struct file_op *op = op_of(io);

	if (res == -EINTR || res == -EAGAIN) {
		op_next(ch, io, op->step);
		return;
	}
	if (res == -EOPNOTSUPP) {
		result_unsupported(ch, io);
		return;
	}
	if (res < 0) {
		if (is_lost(ch, io, res))
			sync_failed(ch->file, res);
		op_complete(ch, io, res);
		return;
	}
	switch (op->step) {
	case STEP_SYNC:
		op_complete(ch, io, 0);
		break;
	case STEP_PUNCH:
	case STEP_ZERO_RANGE:
		if (io->fua)
			op_next(ch, io, STEP_SYNC);
		else
			op_complete(ch, io, 0);
		break;
	default:
		result_data(ch, io, (u64)res);
		break;
	}
}
