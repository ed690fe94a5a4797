// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * A faulty device, for tests of what stands above it: operations fail, run out
 * of memory, hang, or succeed with a changed byte, as told by
 * bdev_error_inject().
 *
 * What to inject is shared by all reactors under a lock, which is taken only
 * while something is armed: a number of faults is exact, however many reactors
 * there are. Held operations belong to their channel.
 */
#include <pthread.h>
#include <stdlib.h>

#include "target/bdev/stack.h"

/**
 * struct error_bdev - @armed: by __atomic_*: some injection has a number left
 * @in: by type, under @lock
 */
struct error_bdev {
	struct stack_bdev stack;
	int armed;
	pthread_mutex_t lock;
	struct bdev_injection in[BDEV_IO_TYPES];
};

/** struct error_channel - @held: by BDEV_FAULT_PENDING; @under_way: on the base */
struct error_channel {
	struct stack_channel stack;
	TAILQ_HEAD(, bdev_io) held;
	u32 under_way;
};

#define CORRUPTED(io)	((io)->module[0])	/* where the byte is, or 0 */
#define CORRUPT_WITH(io) ((io)->module[1])

static struct error_bdev *error_of(const struct bdev *b)
{
	return (struct error_bdev *)b;
}

static u8 *io_byte(const struct bdev_io *io, u64 at)
{
	int i;

	for (i = 0; i < io->iovcnt; at -= io->iov[i++].iov_len)
		if (at < io->iov[i].iov_len)
			return (u8 *)io->iov[i].iov_base + at;
	return NULL;
}

static bool any_left(const struct error_bdev *e)
{
	int i;

	for (i = 0; i < BDEV_IO_TYPES; i++)
		if (e->in[i].num)
			return true;
	return false;
}

static bool applies(const struct bdev_injection *in, const struct bdev_io *io,
		    u32 under_way)
{
	if (!in->num || under_way < in->queue_depth)
		return false;
	return in->fault != BDEV_FAULT_CORRUPT ||
	       io_byte(io, in->corrupt_offset);
}

/* Take one fault for @io, if there is any. */
static struct bdev_injection draw(struct error_bdev *e,
				  const struct bdev_io *io, u32 under_way)
{
	struct bdev_injection drawn = { .fault = BDEV_FAULT_NONE };
	struct bdev_injection *in = &e->in[io->type];

	if (!__atomic_load_n(&e->armed, __ATOMIC_RELAXED))
		return drawn;
	pthread_mutex_lock(&e->lock);
	if (applies(in, io, under_way)) {
		drawn = *in;
		in->num--;
		__atomic_store_n(&e->armed, any_left(e), __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&e->lock);
	return drawn;
}

static void error_done(struct bdev_io *io, int err)
{
	struct error_channel *ch = io_channel_ctx(io->channel);
	u8 *byte = (u8 *)(uintptr_t)CORRUPTED(io);

	ch->under_way--;
	/* a read is damaged, a writer gets back the buffer that it gave */
	if (byte)
		*byte ^= (u8)CORRUPT_WITH(io);
	bdev_io_complete(io, err);
}

static void error_forward(struct error_channel *ch, struct bdev_io *io,
			  const struct bdev_injection *in)
{
	u8 *byte = NULL;

	if (in && in->fault == BDEV_FAULT_CORRUPT)
		byte = io_byte(io, in->corrupt_offset);
	CORRUPTED(io) = (uintptr_t)byte;
	CORRUPT_WITH(io) = byte ? in->corrupt_value : 0;
	if (byte && io->type == BDEV_WRITE)
		*byte ^= in->corrupt_value;
	ch->under_way++;
	stack_forward(&ch->stack, io, error_done);
}

static void error_submit(struct io_channel *ioch, struct bdev_io *io)
{
	struct error_channel *ch = io_channel_ctx(ioch);
	struct bdev *b = ch->stack.head.bdev;
	struct bdev_injection in = draw(error_of(b), io, ch->under_way);

	switch (in.fault) {
	case BDEV_FAULT_FAILURE:
		io->status = in.status;
		bdev_io_complete(io, -EIO);
		break;
	case BDEV_FAULT_NOMEM:
		bdev_io_complete(io, -ENOMEM);
		break;
	case BDEV_FAULT_PENDING:
		io->held = bdev_may_hold(b);
		if (io->held)
			TAILQ_INSERT_TAIL(&ch->held, io, link);
		else
			bdev_io_complete(io, -EIO);
		break;
	default:
		error_forward(ch, io, &in);
		break;
	}
}

static void error_take_back(struct io_channel *ioch, struct bdev_io *io)
{
	struct error_channel *ch = io_channel_ctx(ioch);

	TAILQ_REMOVE(&ch->held, io, link);
	io->held = false;
}

/* One after the other: the end of one may have others taken back. */
static struct bdev_io *error_next_held(struct error_channel *ch)
{
	struct bdev_io *io = TAILQ_FIRST(&ch->held);

	if (io)
		error_take_back(io->channel, io);
	return io;
}

static void error_end_held(struct bdev *b, void *ctx)
{
	struct bdev_io *io;

	while ((io = error_next_held(ctx)))
		bdev_io_complete(io, b->removing ? -ENODEV : -EIO);
}

static int error_channel_create(struct bdev *b, void *ctx)
{
	struct error_channel *ch = ctx;

	TAILQ_INIT(&ch->held);
	return stack_channel_create(b, ctx);
}

static void error_destruct(struct bdev *b)
{
	pthread_mutex_destroy(&error_of(b)->lock);
	stack_destruct((struct stack_bdev *)b);
}

static void error_info(const struct bdev *b, struct weft_text *t)
{
	bdev_add_json(t, json_pack("{s:s}", "base_bdev_name",
				   bdev_base(b)->name));
}

static void error_config(const struct bdev *b, struct weft_text *t)
{
	char uuid[WEFT_UUID_LEN + 1];

	weft_uuid_format(b->uuid, uuid);
	bdev_add_json(t, json_pack("{s:s,s:{s:s,s:s}}", "method",
				   "bdev_error_create", "params", "base_name",
				   bdev_base(b)->name, "uuid", uuid));
}

static const struct bdev_fns error_fns = {
	.channel_size = sizeof(struct error_channel),
	.channel_create = error_channel_create,
	.channel_destroy = stack_channel_destroy,
	.destruct = error_destruct,
	.submit = error_submit,
	.end_held = error_end_held,
	.take_back = error_take_back,
	.supports = stack_supports,
	.info_json = error_info,
	.config_json = error_config,
};

static int error_name(struct error_bdev *e, const char *base, const u8 *uuid,
		      struct weft_reason *why)
{
	char name[sizeof(e->stack.bdev.name) + 3];

	snprintf(name, sizeof(name), "EE_%s", base);
	return bdev_identify(&e->stack.bdev, name, NULL, uuid, why);
}

int bdev_error_create(const char *base_name, const u8 *uuid, struct bdev **out,
		      struct weft_reason *why)
{
	struct stack_base *base;
	struct error_bdev *e;
	int err;

	base = stack_claim(base_name, "error", &err, why);
	if (!base)
		return err;
	e = calloc(1, sizeof(*e));
	if (!e) {
		err = weft_fail(why, -ENOMEM, "no memory for an error bdev");
		goto release;
	}
	pthread_mutex_init(&e->lock, NULL);
	e->stack.bdev.product = "Error Injection Disk";
	e->stack.bdev.fns = &error_fns;
	stack_init(&e->stack, base, 0, 0, false);
	err = error_name(e, bdev_desc_bdev(base->desc)->name, uuid, why);
	if (!err)
		err = stack_register(&e->stack, why);
	if (err)
		goto free_bdev;
	*out = &e->stack.bdev;
	return 0;

free_bdev:
	pthread_mutex_destroy(&e->lock);
	free(e);
release:
	stack_release(base);
	return err;
}

static int error_check(const struct bdev *b, struct weft_reason *why)
{
	if (b->fns == &error_fns)
		return 0;
	return weft_fail(why, -EINVAL,
			 "bdev %s is a %s, not an error injection disk",
			 b->name, b->product);
}

int bdev_error_inject(struct bdev *b, enum bdev_io_type type,
		      const struct bdev_injection *in, struct weft_reason *why)
{
	struct error_bdev *e = error_of(b);
	int err = error_check(b, why);

	if (err)
		return err;
	if (in->fault == BDEV_FAULT_CORRUPT && type != BDEV_READ &&
	    type != BDEV_WRITE)
		return weft_fail(why, -EINVAL,
				 "error_type=corrupt_data: only reads and writes have data");
	pthread_mutex_lock(&e->lock);
	e->in[type] = *in;
	if (in->fault == BDEV_FAULT_NONE)
		e->in[type].num = 0;
	__atomic_store_n(&e->armed, any_left(e), __ATOMIC_RELAXED);
	pthread_mutex_unlock(&e->lock);
	return 0;
}

static void resume_here(struct io_channel *ioch, void *ctx)
{
	struct error_channel *ch = io_channel_ctx(ioch);
	struct bdev_io *io;

	(void)ctx;
	while ((io = error_next_held(ch)))
		error_forward(ch, io, NULL);
}

static void resumed(void *b)
{
	bdev_drop(b);
}

int bdev_error_resume(struct bdev *b, struct weft_reason *why)
{
	struct error_bdev *e = error_of(b);
	int err = error_check(b, why);
	int i;

	if (err)
		return err;
	pthread_mutex_lock(&e->lock);
	for (i = 0; i < BDEV_IO_TYPES; i++)
		if (e->in[i].fault == BDEV_FAULT_PENDING)
			e->in[i].num = 0;
	__atomic_store_n(&e->armed, any_left(e), __ATOMIC_RELAXED);
	pthread_mutex_unlock(&e->lock);
	bdev_hold(b);
	io_device_for_each_channel(b, resume_here, b, resumed);
	return 0;
}
