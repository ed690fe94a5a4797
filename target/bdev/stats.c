// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Statistics of a bdev: the sum over its channels, each read on its own
 * reactor, and over those that are gone. The lock is taken when a channel goes
 * and when somebody asks, never by I/O.
 */
#include <pthread.h>
#include <stdlib.h>

#include "target/bdev/internal.h"

static pthread_mutex_t past_lock = PTHREAD_MUTEX_INITIALIZER;

struct collect {
	struct bdev *b;
	struct bdev_stats sum;
	void (*done)(void *ctx, const struct bdev_stats *s);
	void *ctx;
};

static void stats_add(struct bdev_stats *to, const struct bdev_stats *s)
{
	int i;

	for (i = 0; i < BDEV_IO_TYPES; i++) {
		if (s->ops[i] && (!to->ops[i] ||
				  s->min_latency_us[i] < to->min_latency_us[i]))
			to->min_latency_us[i] = s->min_latency_us[i];
		if (s->max_latency_us[i] > to->max_latency_us[i])
			to->max_latency_us[i] = s->max_latency_us[i];
		to->ops[i] += s->ops[i];
		to->bytes[i] += s->bytes[i];
		to->latency_us[i] += s->latency_us[i];
	}
	to->errors += s->errors;
}

void bdev_stats_keep(struct bdev *b, const struct bdev_stats *s)
{
	pthread_mutex_lock(&past_lock);
	stats_add(&b->past, s);
	pthread_mutex_unlock(&past_lock);
}

static void collect_one(struct io_channel *ch, void *arg)
{
	struct bdev_channel *bch = io_channel_ctx(ch);
	struct collect *c = arg;

	stats_add(&c->sum, &bch->stats);
}

static void collect_end(void *arg)
{
	struct collect *c = arg;

	c->done(c->ctx, &c->sum);
	bdev_drop(c->b);
	free(c);
}

void bdev_stats_collect(struct bdev *b,
			void (*done)(void *ctx, const struct bdev_stats *s),
			void *ctx)
{
	struct collect *c = calloc(1, sizeof(*c));
	static const struct bdev_stats none;

	assert_on_reactor(reactor_control());
	if (!c) {
		log_error("no memory for the statistics of bdev %s", b->name);
		done(ctx, &none);
		return;
	}
	c->b = b;
	c->done = done;
	c->ctx = ctx;
	pthread_mutex_lock(&past_lock);
	c->sum = b->past;
	pthread_mutex_unlock(&past_lock);
	if (b->removing && !b->opens) {		/* its channels are going */
		done(ctx, &c->sum);
		free(c);
		return;
	}
	bdev_hold(b);
	io_device_for_each_channel(b, collect_one, c, collect_end);
}
