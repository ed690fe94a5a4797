// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Latency histograms of a bdev, when asked for: each channel counts for itself
 * and what it has counted moves to the bdev as with statistics (stats.c).
 *
 * Buckets as SPDK's clients expect them: range 0 has 2^granularity buckets of
 * one tick; each further range covers twice as much with as many buckets. Only
 * the ranges from the smallest to the largest value wanted are kept; what lies
 * outside counts in the first or last bucket. A tick is a microsecond.
 */
#include <pthread.h>
#include <stdlib.h>

#include "target/bdev/internal.h"

/* of the bdev's own histogram and of its being there; never taken by I/O */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static u32 range_of(u64 value, u32 granularity)
{
	u32 bits = value ? 64 - (u32)__builtin_clzll(value) : 0;

	return bits > granularity ? bits - granularity : 0;
}

static size_t buckets_of(const struct bdev_histogram *h)
{
	return (size_t)(h->last_range - h->first_range + 1) << h->granularity;
}

static size_t bucket_of(const struct bdev_histogram *h, u64 value)
{
	u32 range = range_of(value, h->granularity);
	u64 mask = (1ull << h->granularity) - 1;

	if (range < h->first_range)
		return 0;
	if (range > h->last_range)
		return buckets_of(h) - 1;
	return ((size_t)(range - h->first_range) << h->granularity) +
	       (size_t)(value >> (range ? range - 1 : 0) & mask);
}

u64 bdev_histogram_floor(const struct bdev_histogram *h, size_t bucket)
{
	u32 range = h->first_range + (u32)(bucket >> h->granularity);
	u64 at = bucket & ((1ull << h->granularity) - 1);

	return range ? ((1ull << h->granularity) + at) << (range - 1) : at;
}

size_t bdev_histogram_buckets(const struct bdev_histogram *h)
{
	return buckets_of(h);
}

static struct bdev_histogram *histogram_new(int type, u32 granularity,
					    u32 first, u32 last)
{
	size_t n = (size_t)(last - first + 1) << granularity;
	struct bdev_histogram *h = calloc(1, sizeof(*h) + n * sizeof(u64));

	if (h) {
		h->type = type;
		h->granularity = granularity;
		h->first_range = first;
		h->last_range = last;
	}
	return h;
}

static struct bdev_histogram *histogram_like(const struct bdev_histogram *h)
{
	return histogram_new(h->type, h->granularity, h->first_range,
			     h->last_range);
}

void bdev_histogram_count(struct bdev_histogram *h, const struct bdev_io *io,
			  u64 took_us)
{
	if (h->type < 0 || h->type == (int)io->type)
		h->counts[bucket_of(h, took_us)]++;
}

/* On the channel's reactor; under the lock. */
static void histogram_move(struct bdev_channel *ch)
{
	struct bdev_histogram *from = ch->histogram, *to = ch->bdev->histogram;
	size_t i, n = from ? buckets_of(from) : 0;

	/* another one has been asked for, and this channel will have it soon */
	if (from && to && (from->granularity != to->granularity ||
			   buckets_of(to) != n ||
			   from->first_range != to->first_range))
		return;
	for (i = 0; to && from && i < n; i++)
		to->counts[i] += from->counts[i];
	if (from)
		memset(from->counts, 0, n * sizeof(u64));
}

void bdev_histogram_channel_init(struct bdev_channel *ch)
{
	pthread_mutex_lock(&lock);
	/* without memory this channel is not counted, and I/O goes on */
	if (ch->bdev->histogram)
		ch->histogram = histogram_like(ch->bdev->histogram);
	pthread_mutex_unlock(&lock);
}

void bdev_histogram_channel_fini(struct bdev_channel *ch)
{
	pthread_mutex_lock(&lock);
	histogram_move(ch);
	pthread_mutex_unlock(&lock);
	free(ch->histogram);
	ch->histogram = NULL;
}

static void renew_here(struct io_channel *ioch, void *ctx)
{
	struct bdev_channel *ch = io_channel_ctx(ioch);

	(void)ctx;
	free(ch->histogram);
	ch->histogram = NULL;
	bdev_histogram_channel_init(ch);
}

/** struct visit - a walk over the channels; @done or @end is called last */
struct visit {
	struct bdev *b;
	reactor_fn end;
	void (*done)(void *ctx, const struct bdev_histogram *h);
	void *ctx;
};

/*
 * Channels that end now would change it, so a copy is shown; not under the
 * lock, because what is told may ask for a histogram at once.
 */
static void histogram_show(const struct visit *v)
{
	struct bdev_histogram *from, *copy = NULL;

	pthread_mutex_lock(&lock);
	from = v->b->histogram;
	if (from)
		copy = histogram_like(from);
	if (copy)
		memcpy(copy->counts, from->counts,
		       buckets_of(from) * sizeof(u64));
	pthread_mutex_unlock(&lock);
	v->done(v->ctx, copy);
	free(copy);
}

static void visit_end(void *arg)
{
	struct visit *v = arg;

	if (v->end)
		v->end(v->ctx);
	else
		histogram_show(v);
	bdev_drop(v->b);
	free(v);
}

static int histogram_set(struct bdev *b, struct bdev_histogram *h,
			 reactor_fn done, void *ctx)
{
	struct visit *v = calloc(1, sizeof(*v));
	struct bdev_histogram *old;

	if (!v) {
		free(h);
		return -ENOMEM;
	}
	v->b = b;
	v->end = done;
	v->ctx = ctx;
	pthread_mutex_lock(&lock);
	old = b->histogram;
	b->histogram = h;
	pthread_mutex_unlock(&lock);
	free(old);
	bdev_hold(b);
	io_device_for_each_channel(b, renew_here, v, visit_end);
	return 0;
}

int bdev_histogram_enable(struct bdev *b, int type, u32 granularity,
			  u64 min_us, u64 max_us, reactor_fn done, void *ctx,
			  struct weft_reason *why)
{
	struct bdev_histogram *h;
	u32 first, last;

	assert_on_reactor(reactor_control());
	if (granularity < 1 || granularity > 12)
		return weft_fail(why, -EINVAL,
				 "granularity=%u: 1 to 12 is accepted",
				 granularity);
	if (min_us >= max_us)
		return weft_fail(why, -EINVAL,
				 "min_nsec has to be less than max_nsec");
	first = range_of(min_us, granularity);
	last = range_of(max_us, granularity);
	h = histogram_new(type, granularity, first, last);
	if (!h || histogram_set(b, h, done, ctx))
		return weft_fail(why, -ENOMEM,
				 "no memory for a histogram of bdev %s",
				 b->name);
	return 0;
}

int bdev_histogram_disable(struct bdev *b, reactor_fn done, void *ctx)
{
	assert_on_reactor(reactor_control());
	return histogram_set(b, NULL, done, ctx);
}

bool bdev_histogram_is(const struct bdev *b, int type, u32 granularity,
		       u64 min_us, u64 max_us)
{
	const struct bdev_histogram *h = b->histogram;

	assert_on_reactor(reactor_control());
	return h && h->type == type && h->granularity == granularity &&
	       h->first_range == range_of(min_us, granularity) &&
	       h->last_range == range_of(max_us, granularity);
}

static void collect_here(struct io_channel *ioch, void *ctx)
{
	(void)ctx;
	pthread_mutex_lock(&lock);
	histogram_move(io_channel_ctx(ioch));
	pthread_mutex_unlock(&lock);
}

int bdev_histogram_collect(struct bdev *b,
			   void (*done)(void *ctx,
					const struct bdev_histogram *h),
			   void *ctx)
{
	struct visit *v = calloc(1, sizeof(*v));

	assert_on_reactor(reactor_control());
	if (!v)
		return -ENOMEM;
	v->b = b;
	v->done = done;
	v->ctx = ctx;
	bdev_hold(b);
	io_device_for_each_channel(b, collect_here, v, visit_end);
	return 0;
}

void bdev_histogram_free(struct bdev *b)
{
	free(b->histogram);
	b->histogram = NULL;
}
