/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * What bdevs on top of another one have in common: the claim of the base, the
 * way of an operation down to it and back, and following its size and removal.
 * For passthru.c, split.c, delay.c and error.c.
 *
 * An operation on the upper bdev becomes one of its own on the base; these are
 * kept by the channel once they were needed, so that a steady load allocates
 * nothing.
 */
#ifndef WEFT_TARGET_BDEV_STACK_H
#define WEFT_TARGET_BDEV_STACK_H

#include "target/bdev/internal.h"

struct stack_bdev;

/**
 * struct stack_base - a claimed base and those who stand on it
 * Control reactor, except for desc, which is fixed.
 */
struct stack_base {
	struct bdev_desc *desc;
	TAILQ_HEAD(, stack_bdev) uppers;
};

/**
 * struct stack_bdev - an upper bdev, embedded first in the module's own
 * @offset: of its first block on the base
 * @wanted: how many blocks it shall have; 0: all from @offset on
 */
struct stack_bdev {
	struct bdev bdev;
	struct stack_base *base;
	u64 offset;
	u64 wanted;
	TAILQ_ENTRY(stack_bdev) link;
};

struct stack_io;

/** struct stack_channel - head of a module's channel context */
struct stack_channel {
	struct bdev_channel head;
	struct io_channel *base;
	TAILQ_HEAD(, stack_io) spare;
};

/** stack_claim() - open @name for uppers of @module; NULL with reason */
struct stack_base *stack_claim(const char *name, const char *module,
			       int *err, struct weft_reason *why);
/** stack_release() - if nobody stands on it */
void stack_release(struct stack_base *base);

/**
 * stack_init() - fill in what @s takes over from @base
 * @in_place: RAM of the base may be used in place
 * Before stack_register(); name, uuid, product and fns are the module's.
 */
void stack_init(struct stack_bdev *s, struct stack_base *base, u64 offset,
		u64 wanted, bool in_place);
/** stack_register() - as bdev_register(), and follow the base from now on */
int stack_register(struct stack_bdev *s, struct weft_reason *why);
/** stack_destruct() - the part of destruct() that is the same for all */
void stack_destruct(struct stack_bdev *s);

/** stack_base_bdev() - what it stands on */
struct bdev *stack_base_bdev(const struct stack_bdev *s);
/** stack_is() - is @b an upper bdev at all? */
bool stack_is(const struct bdev *b);

/* For the tables of functions */
int stack_channel_create(struct bdev *b, void *ctx);
void stack_channel_destroy(struct bdev *b, void *ctx);
bool stack_supports(const struct bdev *b, enum bdev_io_type type);

/**
 * stack_forward() - do @io on the base, then call @done
 * Without memory @done is called with -ENOMEM at once.
 */
void stack_forward(struct stack_channel *ch, struct bdev_io *io,
		   bdev_done done);

#endif
