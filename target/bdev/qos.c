// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Rate limits of a bdev, and the sampling of its queue depth: what the control
 * reactor sets on a bdev and its channels look at.
 *
 * A limiter, once made, stays until the bdev goes: channels may keep a pointer.
 */
#include <stdlib.h>

#include "target/bdev/internal.h"

static void limit_here(struct io_channel *ioch, void *ctx)
{
	struct bdev_channel *ch = io_channel_ctx(ioch);
	struct bdev *b = ctx;

	ch->limit = limit_share_here(b->limiter);
}

void bdev_qos_channel_init(struct bdev_channel *ch)
{
	struct limiter *l = __atomic_load_n(&ch->bdev->limiter,
					    __ATOMIC_ACQUIRE);

	/* a limiter that comes later visits the channel */
	ch->limit = l ? limit_share_here(l) : NULL;
}

static void limits_set(void *ctx)
{
	bdev_drop(ctx);
}

int bdev_set_limits(struct bdev *b, const u64 per_sec[LIMIT_RATES],
		    struct weft_reason *why)
{
	struct limiter *l = b->limiter;

	assert_on_reactor(reactor_control());
	if (!l) {
		l = limiter_create();
		if (!l)
			return weft_fail(why, -ENOMEM,
					 "no memory for the limits of bdev %s",
					 b->name);
		__atomic_store_n(&b->limiter, l, __ATOMIC_RELEASE);
		bdev_hold(b);
		io_device_for_each_channel(b, limit_here, b, limits_set);
	}
	limiter_set(l, per_sec);
	return 0;
}

void bdev_get_limits(const struct bdev *b, u64 per_sec[LIMIT_RATES])
{
	limiter_get(b->limiter, per_sec);
}

/* Sampling */

/**
 * struct bdev_sampling - of one bdev
 * @sum: operations under way, while a survey goes round
 * @under_way: a survey is going round
 */
struct bdev_sampling {
	struct bdev *b;
	struct poller *poller;
	struct bdev_queue q;
	u64 sum;
	bool under_way;
	bool ended;
};

static void sample_here(struct io_channel *ioch, void *ctx)
{
	const struct bdev_channel *ch = io_channel_ctx(ioch);
	struct bdev_sampling *s = ctx;

	s->sum += ch->under_way;
}

static void sampling_free(struct bdev_sampling *s)
{
	if (!s->under_way)
		free(s);
}

static void sampled(void *ctx)
{
	struct bdev_sampling *s = ctx;

	s->under_way = false;
	s->q.depth = s->sum;
	if (s->sum)
		s->q.io_time_us += s->q.period_us;
	s->q.weighted_us += s->sum * s->q.period_us;
	bdev_drop(s->b);
	if (s->ended)
		sampling_free(s);
}

static int sample(void *ctx)
{
	struct bdev_sampling *s = ctx;

	if (s->under_way)
		return 0;
	s->under_way = true;
	s->sum = 0;
	bdev_hold(s->b);
	io_device_for_each_channel(s->b, sample_here, s, sampled);
	return 0;
}

static void sampling_end(struct bdev *b)
{
	struct bdev_sampling *s = b->sampling;

	if (!s)
		return;
	b->sampling = NULL;
	poller_unregister(&s->poller);
	s->ended = true;
	sampling_free(s);
}

int bdev_set_sampling(struct bdev *b, u64 period_us, struct weft_reason *why)
{
	struct bdev_sampling *s;

	assert_on_reactor(reactor_control());
	sampling_end(b);
	if (!period_us)
		return 0;
	if (b->removing)
		return weft_fail(why, -EBUSY, "bdev %s is being removed",
				 b->name);
	s = calloc(1, sizeof(*s));
	if (s)
		s->poller = poller_register("bdev_queue_depth", sample, s,
					    period_us, NULL);
	if (!s || !s->poller) {
		free(s);
		return weft_fail(why, -ENOMEM, "no memory to sample bdev %s",
				 b->name);
	}
	s->b = b;
	s->q.period_us = period_us;
	b->sampling = s;
	return 0;
}

bool bdev_get_queue(const struct bdev *b, struct bdev_queue *q)
{
	if (!b->sampling)
		return false;
	*q = b->sampling->q;
	return true;
}

void bdev_qos_end(struct bdev *b)
{
	sampling_end(b);
}

void bdev_qos_free(struct bdev *b)
{
	limiter_destroy(b->limiter);
	b->limiter = NULL;
}
