// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The way of an operation into a module and back, on the reactor of its
 * channel: checks, counts, latency. No locks, no allocation.
 *
 * removing and blocks are written by the control reactor while submitters
 * read them; plain relaxed loads are enough, for an operation that just slips
 * through is one that came a moment earlier.
 */
#include <limits.h>

#include "target/bdev/internal.h"

bool bdev_supports(const struct bdev *b, enum bdev_io_type type)
{
	return (unsigned int)type < BDEV_IO_TYPES && b->fns->supports(b, type);
}

static bool iov_holds(const struct bdev_io *io, u64 bytes)
{
	u64 total = 0;
	int i;

	if (io->iovcnt < 1 || io->iovcnt > IOV_MAX)
		return false;
	for (i = 0; i < io->iovcnt; i++) {
		if (io->iov[i].iov_len > bytes - total)
			return false;
		total += io->iov[i].iov_len;
	}
	return total == bytes;
}

static int submit_check(const struct bdev_io *io, const struct bdev *b)
{
	u64 size = __atomic_load_n(&b->blocks, __ATOMIC_RELAXED);

	if (__atomic_load_n(&b->removing, __ATOMIC_RELAXED))
		return -ENODEV;
	if (!bdev_supports(b, io->type))
		return -EOPNOTSUPP;
	if (io->type == BDEV_FLUSH)
		return 0;
	/* in this order nothing can overflow */
	if (io->blocks > size || io->lba > size - io->blocks)
		return -ERANGE;
	if ((io->type == BDEV_READ || io->type == BDEV_WRITE) && io->blocks &&
	    !iov_holds(io, bdev_io_length(io, b)))
		return -EINVAL;
	return 0;
}

void bdev_submit(struct bdev_io *io)
{
	const struct bdev *b = io->desc->bdev;
	int err = submit_check(io, b);

	io->start_us = reactor_now_us();
	if (err || (!io->blocks && io->type != BDEV_FLUSH))
		bdev_io_complete(io, err);
	else
		b->fns->submit(io->channel, io);
}

static void stats_count(struct bdev_stats *s, const struct bdev_io *io,
			const struct bdev *b)
{
	u64 took = reactor_now_us() - io->start_us;
	enum bdev_io_type type = io->type;

	if (!s->ops[type]++ || took < s->min_latency_us[type])
		s->min_latency_us[type] = took;
	if (took > s->max_latency_us[type])
		s->max_latency_us[type] = took;
	s->latency_us[type] += took;
	if (type != BDEV_FLUSH)
		s->bytes[type] += bdev_io_length(io, b);
}

void bdev_io_complete(struct bdev_io *io, int err)
{
	struct bdev_channel *ch = io_channel_ctx(io->channel);

	if (err)
		ch->stats.errors++;
	else
		stats_count(&ch->stats, io, ch->bdev);
	io->done(io, err);
}
