// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The base of a stacked bdev: claim, events, geometry, and operations on their
 * way through. See stack.h.
 *
 * When the base goes, its uppers are removed; the last of them to be destructed
 * closes the base, which is what its own removal waits for.
 */
#include <stdlib.h>

#include "target/bdev/stack.h"

/** struct stack_io - an operation on the base, for one on the upper bdev */
struct stack_io {
	struct bdev_io io;
	struct bdev_io *upper;
	bdev_done done;
	TAILQ_ENTRY(stack_io) link;
};

static struct stack_bdev *stack_of(const struct bdev *b)
{
	return (struct stack_bdev *)b;
}

struct bdev *stack_base_bdev(const struct stack_bdev *s)
{
	return bdev_desc_bdev(s->base->desc);
}

bool stack_is(const struct bdev *b)
{
	return b->fns->channel_create &&
	       b->fns->supports == stack_supports;
}

struct bdev *bdev_base(const struct bdev *b)
{
	return stack_is(b) ? stack_base_bdev(stack_of(b)) : NULL;
}

bool bdev_leaving(const struct bdev *b)
{
	while (!b->removing && bdev_base(b))
		b = bdev_base(b);
	return b->removing;
}

/* Blocks that @s can have now; 0: none are left for it */
static u64 stack_blocks(const struct stack_bdev *s)
{
	u64 all = stack_base_bdev(s)->blocks, rest;

	if (all <= s->offset)
		return 0;
	rest = all - s->offset;
	return s->wanted && s->wanted < rest ? s->wanted : rest;
}

static void stack_event(void *ctx, struct bdev *b, enum bdev_event ev)
{
	struct stack_base *base = ctx;
	struct stack_bdev *s;
	u64 blocks;

	(void)b;
	TAILQ_FOREACH(s, &base->uppers, link) {
		blocks = ev == BDEV_EVENT_REMOVE ? 0 : stack_blocks(s);
		if (blocks)
			bdev_notify_resize(&s->bdev, blocks);
		else
			bdev_unregister(&s->bdev, NULL, NULL);
	}
}

struct stack_base *stack_claim(const char *name, const char *module,
			       int *err, struct weft_reason *why)
{
	struct stack_base *base = calloc(1, sizeof(*base));

	*err = -ENOMEM;
	if (!base) {
		weft_fail(why, -ENOMEM, "no memory for a %s bdev", module);
		return NULL;
	}
	TAILQ_INIT(&base->uppers);
	*err = bdev_open(name, true, module, stack_event, base, &base->desc,
			 why);
	if (*err) {
		free(base);
		return NULL;
	}
	return base;
}

void stack_release(struct stack_base *base)
{
	if (!TAILQ_EMPTY(&base->uppers))
		return;
	bdev_close(base->desc);
	free(base);
}

void stack_init(struct stack_bdev *s, struct stack_base *base, u64 offset,
		u64 wanted, bool in_place)
{
	const struct bdev *b = bdev_desc_bdev(base->desc);

	s->base = base;
	s->offset = offset;
	s->wanted = wanted;
	s->bdev.block_size = b->block_size;
	s->bdev.blocks = stack_blocks(s);
	s->bdev.write_cache = b->write_cache;
	s->bdev.unmap_zeroes = b->unmap_zeroes;
	s->bdev.optimal_blocks = b->optimal_blocks;
	s->bdev.hints = b->hints;
	if (in_place && b->ram)
		s->bdev.ram = (u8 *)b->ram + offset * b->block_size;
}

int stack_register(struct stack_bdev *s, struct weft_reason *why)
{
	int err = bdev_register(&s->bdev, why);

	if (!err)
		TAILQ_INSERT_TAIL(&s->base->uppers, s, link);
	return err;
}

void stack_destruct(struct stack_bdev *s)
{
	struct stack_base *base = s->base;

	TAILQ_REMOVE(&base->uppers, s, link);
	free(s);
	stack_release(base);
}

int stack_channel_create(struct bdev *b, void *ctx)
{
	struct stack_channel *ch = ctx;

	TAILQ_INIT(&ch->spare);
	ch->base = bdev_channel_get(stack_of(b)->base->desc);
	return ch->base ? 0 : -errno;
}

void stack_channel_destroy(struct bdev *b, void *ctx)
{
	struct stack_channel *ch = ctx;
	struct stack_io *sio;

	(void)b;
	while ((sio = TAILQ_FIRST(&ch->spare))) {
		TAILQ_REMOVE(&ch->spare, sio, link);
		free(sio);
	}
	io_channel_put(ch->base);
}

bool stack_supports(const struct bdev *b, enum bdev_io_type type)
{
	return bdev_supports(stack_base_bdev(stack_of(b)), type);
}

static void stack_done(struct bdev_io *io, int err)
{
	struct stack_io *sio = io->ctx;
	struct stack_channel *ch = io_channel_ctx(sio->upper->channel);
	struct bdev_io *upper = sio->upper;
	bdev_done done = sio->done;

	/* before completing: that may give the channel back */
	TAILQ_INSERT_HEAD(&ch->spare, sio, link);
	upper->below = NULL;
	upper->status = io->status;
	done(upper, err);
}

static struct stack_io *stack_io_get(struct stack_channel *ch)
{
	struct stack_io *sio = TAILQ_FIRST(&ch->spare);

	if (sio)
		TAILQ_REMOVE(&ch->spare, sio, link);
	else
		sio = malloc(sizeof(*sio));
	return sio;
}

void stack_forward(struct stack_channel *ch, struct bdev_io *io,
		   bdev_done done)
{
	const struct stack_bdev *s = stack_of(ch->head.bdev);
	struct stack_io *sio = stack_io_get(ch);

	if (!sio) {
		done(io, -ENOMEM);
		return;
	}
	sio->upper = io;
	sio->done = done;
	sio->io.desc = s->base->desc;
	sio->io.channel = ch->base;
	sio->io.type = io->type;
	sio->io.fua = io->fua;
	sio->io.iov = io->iov;
	sio->io.iovcnt = io->iovcnt;
	sio->io.lba = io->lba + s->offset;
	sio->io.blocks = io->blocks;
	sio->io.done = stack_done;
	sio->io.ctx = sio;
	io->below = &sio->io;
	bdev_submit(&sio->io);
}
