// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * A slow device: reads and writes end no sooner than a set time after they
 * were submitted. Ninety-nine of a hundred take the average latency, one takes
 * the 99th percentile. Everything else passes through as it is.
 *
 * An operation goes to the base at once and is held when it comes back too
 * early: sorted by its end, with one timer for the first of them. Latencies
 * are read on all reactors while the control reactor may write them.
 */
#include <stdlib.h>

#include "target/bdev/stack.h"

const char *const bdev_latency_names[BDEV_LATENCIES] = {
	"avg_read", "p99_read", "avg_write", "p99_write",
};

/** struct delay_bdev - @latency_us: by __atomic_* */
struct delay_bdev {
	struct stack_bdev stack;
	u64 latency_us[BDEV_LATENCIES];
};

/**
 * struct delay_channel - @count: of reads and writes, for the one in a hundred
 * @held: the first to end first; module[1] says when, module[0] how it ended
 */
struct delay_channel {
	struct stack_channel stack;
	u32 count[2];
	TAILQ_HEAD(bdev_held, bdev_io) held;
	struct poller *timer;
	u64 timer_us;
};

#define HELD_ERR(io)	((io)->module[0])
#define HELD_UNTIL(io)	((io)->module[1])

static struct delay_bdev *delay_of(const struct bdev *b)
{
	return (struct delay_bdev *)b;
}

static void delay_timer_set(struct delay_channel *ch);

/* Complete those that are due at @now. */
static void delay_release(struct delay_channel *ch, u64 now)
{
	TAILQ_HEAD(, bdev_io) due = TAILQ_HEAD_INITIALIZER(due);
	struct bdev_io *io;

	while ((io = TAILQ_FIRST(&ch->held)) && HELD_UNTIL(io) <= now) {
		TAILQ_REMOVE(&ch->held, io, link);
		io->held = false;
		TAILQ_INSERT_TAIL(&due, io, link);
	}
	/* before completing: that may give the channel back */
	delay_timer_set(ch);
	while ((io = TAILQ_FIRST(&due))) {
		TAILQ_REMOVE(&due, io, link);
		bdev_io_complete(io, (int)(s64)HELD_ERR(io));
	}
}

static void delay_timer(void *ctx)
{
	struct delay_channel *ch = ctx;

	ch->timer = NULL;
	delay_release(ch, reactor_now_us());
}

static void delay_timer_set(struct delay_channel *ch)
{
	const struct bdev_io *io = TAILQ_FIRST(&ch->held);
	u64 now = reactor_now_us();

	if (ch->timer && io && HELD_UNTIL(io) == ch->timer_us)
		return;
	poller_unregister(&ch->timer);
	if (!io)
		return;
	ch->timer_us = HELD_UNTIL(io);
	ch->timer = timer_start("bdev_delay", delay_timer, ch,
				ch->timer_us > now ? ch->timer_us - now : 0);
	if (!ch->timer) {
		log_error("out of memory for the timer of bdev %s",
			  ch->stack.head.bdev->name);
		abort();
	}
}

static void delay_hold(struct delay_channel *ch, struct bdev_io *io, int err)
{
	struct bdev_io *at;

	HELD_ERR(io) = (u64)(s64)err;
	io->held = true;
	TAILQ_FOREACH_REVERSE(at, &ch->held, bdev_held, link)
		if (HELD_UNTIL(at) <= HELD_UNTIL(io))
			break;
	if (at)
		TAILQ_INSERT_AFTER(&ch->held, at, io, link);
	else
		TAILQ_INSERT_HEAD(&ch->held, io, link);
	delay_timer_set(ch);
}

static void delay_done(struct bdev_io *io, int err)
{
	struct delay_channel *ch = io_channel_ctx(io->channel);

	if (err == -ECANCELED || HELD_UNTIL(io) <= reactor_now_us() ||
	    !bdev_may_hold(ch->stack.head.bdev))
		bdev_io_complete(io, err);
	else
		delay_hold(ch, io, err);
}

static void delay_submit(struct io_channel *ioch, struct bdev_io *io)
{
	struct delay_channel *ch = io_channel_ctx(ioch);
	struct delay_bdev *d = delay_of(ch->stack.head.bdev);
	bool write = io->type == BDEV_WRITE;
	unsigned int which;

	if (!write && io->type != BDEV_READ) {
		stack_forward(&ch->stack, io, bdev_io_complete);
		return;
	}
	which = write ? BDEV_AVG_WRITE : BDEV_AVG_READ;
	which += ++ch->count[write] % 100 == 0;
	HELD_UNTIL(io) = io->start_us +
		__atomic_load_n(&d->latency_us[which], __ATOMIC_RELAXED);
	stack_forward(&ch->stack, io, delay_done);
}

static void delay_end_held(struct bdev *b, void *ctx)
{
	(void)b;
	delay_release(ctx, UINT64_MAX);
}

static void delay_take_back(struct io_channel *ioch, struct bdev_io *io)
{
	struct delay_channel *ch = io_channel_ctx(ioch);

	TAILQ_REMOVE(&ch->held, io, link);
	delay_timer_set(ch);
}

static int delay_channel_create(struct bdev *b, void *ctx)
{
	struct delay_channel *ch = ctx;

	TAILQ_INIT(&ch->held);
	return stack_channel_create(b, ctx);
}

static void delay_destruct(struct bdev *b)
{
	stack_destruct((struct stack_bdev *)b);
}

static json_t *delay_params(const struct bdev *b)
{
	json_t *j = json_pack("{s:s,s:s}", "name", b->name, "base_bdev_name",
			      bdev_base(b)->name);
	char name[24];
	int i;

	for (i = 0; i < BDEV_LATENCIES; i++) {
		snprintf(name, sizeof(name), "%s_latency",
			 bdev_latency_names[i]);
		json_object_set_new(j, name,
				    json_integer((json_int_t)bdev_delay_get(b, i)));
	}
	return j;
}

static void delay_info(const struct bdev *b, struct weft_text *t)
{
	bdev_add_json(t, json_pack("{s:o}", "delay", delay_params(b)));
}

static void delay_config(const struct bdev *b, struct weft_text *t)
{
	char uuid[WEFT_UUID_LEN + 1];
	json_t *params = delay_params(b);

	weft_uuid_format(b->uuid, uuid);
	json_object_set_new(params, "uuid", json_string(uuid));
	bdev_add_json(t, json_pack("{s:s,s:o}", "method", "bdev_delay_create",
				   "params", params));
}

static const struct bdev_fns delay_fns = {
	.channel_size = sizeof(struct delay_channel),
	.channel_create = delay_channel_create,
	.channel_destroy = stack_channel_destroy,
	.destruct = delay_destruct,
	.submit = delay_submit,
	.end_held = delay_end_held,
	.take_back = delay_take_back,
	.supports = stack_supports,
	.info_json = delay_info,
	.config_json = delay_config,
};

static int latency_check(enum bdev_latency which, u64 us,
			 struct weft_reason *why)
{
	if (us <= BDEV_LATENCY_MAX_US)
		return 0;
	return weft_fail(why, -EINVAL,
			 "%s_latency=%llu: 0 to %llu us are accepted",
			 bdev_latency_names[which], (unsigned long long)us,
			 BDEV_LATENCY_MAX_US);
}

int bdev_delay_create(const char *base_name, const char *name, const u8 *uuid,
		      const u64 latency_us[BDEV_LATENCIES], struct bdev **out,
		      struct weft_reason *why)
{
	struct stack_base *base;
	struct delay_bdev *d;
	int err = 0;
	int i;

	for (i = 0; !err && i < BDEV_LATENCIES; i++)
		err = latency_check(i, latency_us[i], why);
	if (err)
		return err;
	base = stack_claim(base_name, "delay", &err, why);
	if (!base)
		return err;
	d = calloc(1, sizeof(*d));
	if (!d) {
		err = weft_fail(why, -ENOMEM, "no memory for a delay bdev");
		goto release;
	}
	d->stack.bdev.product = "delay";
	d->stack.bdev.fns = &delay_fns;
	memcpy(d->latency_us, latency_us, sizeof(d->latency_us));
	stack_init(&d->stack, base, 0, 0, false);
	err = bdev_identify(&d->stack.bdev, name, "Delay", uuid, why);
	if (!err)
		err = stack_register(&d->stack, why);
	if (err)
		goto free_bdev;
	*out = &d->stack.bdev;
	return 0;

free_bdev:
	free(d);
release:
	stack_release(base);
	return err;
}

int bdev_delay_set(struct bdev *b, enum bdev_latency which, u64 latency_us,
		   struct weft_reason *why)
{
	int err;

	if (b->fns != &delay_fns)
		return weft_fail(why, -EINVAL, "bdev %s is a %s, not a delay",
				 b->name, b->product);
	err = latency_check(which, latency_us, why);
	if (!err)
		__atomic_store_n(&delay_of(b)->latency_us[which], latency_us,
				 __ATOMIC_RELAXED);
	return err;
}

u64 bdev_delay_get(const struct bdev *b, enum bdev_latency which)
{
	return __atomic_load_n(&delay_of(b)->latency_us[which],
			       __ATOMIC_RELAXED);
}
