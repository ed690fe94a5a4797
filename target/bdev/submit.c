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
#include <stddef.h>

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

static struct bdev_io *io_of(struct limit_wait *w)
{
	return (struct bdev_io *)((char *)w - offsetof(struct bdev_io, wait));
}

/* It has waited for its turn; the bdev may be going by now. */
static void submit_go(struct limit_wait *w)
{
	struct bdev_io *io = io_of(w);
	const struct bdev *b = io->desc->bdev;

	io->limited = NULL;
	if (__atomic_load_n(&b->removing, __ATOMIC_RELAXED))
		bdev_io_complete(io, -ENODEV);
	else
		b->fns->submit(io->channel, io);
}

void bdev_limit_release(struct bdev_channel *ch)
{
	if (ch->limit)
		limit_release(ch->limit);
}

/* Of this reactor, for all bdevs */
static __thread u64 limit_waits;

u64 bdev_limit_waits(void)
{
	return limit_waits;
}

static bool submit_now(struct bdev_channel *ch, struct bdev_io *io)
{
	u64 bytes;

	if (!ch->limit || (io->type != BDEV_READ && io->type != BDEV_WRITE) ||
	    !bdev_may_hold(ch->bdev))
		return true;
	io->wait.go = submit_go;
	bytes = bdev_io_length(io, ch->bdev);
	io->wait.read = io->type == BDEV_READ ? bytes : 0;
	io->wait.written = io->type == BDEV_WRITE ? bytes : 0;
	if (limit_admit(ch->limit, &io->wait))
		return true;
	io->limited = ch->limit;
	limit_waits++;
	return false;
}

void bdev_submit(struct bdev_io *io)
{
	struct bdev_channel *ch = io_channel_ctx(io->channel);
	const struct bdev *b = io->desc->bdev;
	int err = submit_check(io, b);

	io->start_us = reactor_now_us();
	io->status = NVME_SC_SUCCESS;
	io->limited = NULL;
	io->held = false;
	io->below = NULL;
	ch->under_way++;
	if (err || (!io->blocks && io->type != BDEV_FLUSH))
		bdev_io_complete(io, err);
	else if (submit_now(ch, io))
		b->fns->submit(io->channel, io);
}

bool bdev_take_back(struct bdev_io *io)
{
	if (io->below)
		return bdev_take_back(io->below);
	if (io->limited)
		limit_cancel(io->limited, &io->wait);
	else if (io->held)
		io->desc->bdev->fns->take_back(io->channel, io);
	else
		return false;
	io->limited = NULL;
	io->held = false;
	bdev_io_complete(io, -ECANCELED);
	return true;
}

enum bdev_aborting bdev_abort(struct bdev_io *io)
{
	const struct bdev_fns *fns = io->desc->bdev->fns;

	if (io->below)
		return bdev_abort(io->below);
	if (bdev_take_back(io))
		return BDEV_ABORT_DONE;
	return fns->cancel && fns->cancel(io->channel, io) ? BDEV_ABORT_ASKED :
							     BDEV_ABORT_NOT;
}

bool bdev_hurry(struct bdev_io *io)
{
	if (io->below)
		return bdev_hurry(io->below);
	if (!io->limited)
		return false;
	limit_cancel(io->limited, &io->wait);
	submit_go(&io->wait);
	return true;
}

static void stats_count(struct bdev_channel *ch, const struct bdev_io *io)
{
	u64 took = reactor_now_us() - io->start_us;
	struct bdev_stats *s = &ch->stats;
	enum bdev_io_type type = io->type;

	if (!s->ops[type]++ || took < s->min_latency_us[type])
		s->min_latency_us[type] = took;
	if (took > s->max_latency_us[type])
		s->max_latency_us[type] = took;
	s->latency_us[type] += took;
	if (type != BDEV_FLUSH)
		s->bytes[type] += bdev_io_length(io, ch->bdev);
	if (ch->histogram)
		bdev_histogram_count(ch->histogram, io, took);
}

void bdev_io_complete(struct bdev_io *io, int err)
{
	struct bdev_channel *ch = io_channel_ctx(io->channel);

	ch->under_way--;
	if (err)
		ch->stats.errors++;
	else
		stats_count(ch, io);
	io->done(io, err);
}
