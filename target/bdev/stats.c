// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Statistics of a bdev: channels count for themselves on their reactors; what
 * they have counted moves to the bdev when somebody asks and when a channel
 * goes. So each operation is in the sum once, whenever channels come and go.
 * The lock is taken for moving, never by I/O.
 */
#include <pthread.h>
#include <stdlib.h>

#include "target/bdev/internal.h"

static pthread_mutex_t counted_lock = PTHREAD_MUTEX_INITIALIZER;

struct collect {
	struct bdev *b;
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

void bdev_stats_move(struct bdev_channel *ch)
{
	pthread_mutex_lock(&counted_lock);
	stats_add(&ch->bdev->counted, &ch->stats);
	pthread_mutex_unlock(&counted_lock);
	memset(&ch->stats, 0, sizeof(ch->stats));
}

static void collect_one(struct io_channel *ch, void *arg)
{
	(void)arg;
	bdev_stats_move(io_channel_ctx(ch));
}

static void collect_end(void *arg)
{
	struct collect *c = arg;
	struct bdev_stats sum;

	pthread_mutex_lock(&counted_lock);
	sum = c->b->counted;
	pthread_mutex_unlock(&counted_lock);
	c->done(c->ctx, &sum);
	bdev_drop(c->b);
	free(c);
}

void bdev_stats_collect(struct bdev *b,
			void (*done)(void *ctx, const struct bdev_stats *s),
			void *ctx)
{
	struct collect *c = malloc(sizeof(*c));

	assert_on_reactor(reactor_control());
	if (!c) {
		log_error("out of memory for the statistics of bdev %s", b->name);
		abort();
	}
	c->b = b;
	c->done = done;
	c->ctx = ctx;
	bdev_hold(b);
	io_device_for_each_channel(b, collect_one, c, collect_end);
}
