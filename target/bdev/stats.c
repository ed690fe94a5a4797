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
	enum bdev_stats_reset reset;
	void (*channel)(void *ctx, unsigned int reactor,
			const struct bdev_stats *s);
	struct bdev_stats *totals;	/* of channels, by reactor */
	bool *present;
	void (*done)(void *ctx, const struct bdev_stats *s);
	void *ctx;
};

static void stats_add(struct bdev_stats *to, const struct bdev_stats *s)
{
	int i;

	for (i = 0; i < BDEV_IO_TYPES; i++) {
		if (s->ops[i] && (!to->extremes_of[i] ||
				  s->min_latency_us[i] < to->min_latency_us[i]))
			to->min_latency_us[i] = s->min_latency_us[i];
		if (s->max_latency_us[i] > to->max_latency_us[i])
			to->max_latency_us[i] = s->max_latency_us[i];
		to->ops[i] += s->ops[i];
		to->extremes_of[i] += s->ops[i];
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
	stats_add(&ch->total, &ch->stats);
	memset(&ch->stats, 0, sizeof(ch->stats));
}

static void stats_reset(struct bdev_stats *s, enum bdev_stats_reset reset)
{
	switch (reset) {
	case BDEV_RESET_ALL:
		memset(s, 0, sizeof(*s));
		break;
	case BDEV_RESET_MAXMIN:
		memset(s->max_latency_us, 0, sizeof(s->max_latency_us));
		memset(s->min_latency_us, 0, sizeof(s->min_latency_us));
		memset(s->extremes_of, 0, sizeof(s->extremes_of));
		break;
	case BDEV_RESET_ERROR:
		s->errors = 0;
		break;
	case BDEV_RESET_NONE:
		break;
	}
}

static void collect_one(struct io_channel *ioch, void *arg)
{
	struct bdev_channel *ch = io_channel_ctx(ioch);
	unsigned int i = reactor_index(reactor_self());
	struct collect *c = arg;

	bdev_stats_move(ch);
	if (c->totals) {
		c->totals[i] = ch->total;
		c->present[i] = true;
	}
	stats_reset(&ch->total, c->reset);
}

static void collect_channels(const struct collect *c)
{
	unsigned int i;

	for (i = 0; c->totals && i < reactor_count(); i++)
		if (c->present[i])
			c->channel(c->ctx, i, &c->totals[i]);
}

static void collect_end(void *arg)
{
	struct collect *c = arg;
	struct bdev_stats sum;

	pthread_mutex_lock(&counted_lock);
	sum = c->b->counted;
	stats_reset(&c->b->counted, c->reset);
	pthread_mutex_unlock(&counted_lock);
	collect_channels(c);
	c->done(c->ctx, &sum);
	bdev_drop(c->b);
	free(c->totals);
	free(c->present);
	free(c);
}

void bdev_stats_collect(struct bdev *b, enum bdev_stats_reset reset,
			void (*channel)(void *ctx, unsigned int reactor,
					const struct bdev_stats *s),
			void (*done)(void *ctx, const struct bdev_stats *s),
			void *ctx)
{
	struct collect *c = calloc(1, sizeof(*c));

	assert_on_reactor(reactor_control());
	if (c && channel) {
		c->totals = calloc(reactor_count(), sizeof(*c->totals));
		c->present = calloc(reactor_count(), sizeof(*c->present));
	}
	if (!c || (channel && (!c->totals || !c->present))) {
		log_error("out of memory for the statistics of bdev %s", b->name);
		abort();
	}
	c->b = b;
	c->reset = reset;
	c->channel = channel;
	c->done = done;
	c->ctx = ctx;
	bdev_hold(b);
	io_device_for_each_channel(b, collect_one, c, collect_end);
}
