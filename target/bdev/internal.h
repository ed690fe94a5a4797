/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * What the block device modules share with each other; nothing outside
 * target/bdev/ includes this.
 */
#ifndef WEFT_TARGET_BDEV_INTERNAL_H
#define WEFT_TARGET_BDEV_INTERNAL_H

#include <jansson.h>

#include "target/bdev/bdev.h"

#define BDEV_BLOCK_MIN	512u
#define BDEV_BLOCK_MAX	65536u

/**
 * bdev_identify() - give a new bdev its name and uuid
 * @b: not yet registered
 * @name: NULL: @prefix with the first free number
 * @uuid: NULL: a random one
 *
 * Return: 0, -EINVAL for a name too long; with reason.
 */
int bdev_identify(struct bdev *b, const char *name, const char *prefix,
		  const u8 *uuid, struct weft_reason *why);

/** bdev_geometry_check() - block size and count, before memory is taken */
int bdev_geometry_check(u64 blocks, u32 block_size, struct weft_reason *why);

/** bdev_add_json() - append @j as compact text and let go of it */
void bdev_add_json(struct weft_text *t, json_t *j);

/** bdev_add_config() - append the call that makes a malloc or null bdev again */
void bdev_add_config(struct weft_text *t, const struct bdev *b,
		     const char *method);

/* bytes of an I/O; its range was checked on submit, so nothing overflows */
static inline u64 bdev_io_offset(const struct bdev_io *io, const struct bdev *b)
{
	return io->lba * b->block_size;
}

static inline u64 bdev_io_length(const struct bdev_io *io, const struct bdev *b)
{
	return io->blocks * b->block_size;
}

/* open.c */

struct bdev_desc {
	struct bdev *bdev;
	bool claim;
	char who[64];
	bdev_event_fn event;
	void *ctx;
	TAILQ_ENTRY(bdev_desc) link;
	unsigned int events;	/* bits of enum bdev_event to be told of */
	bool telling;		/* a message that tells them is under way */
	bool closed;		/* freed by that message */
};

/** bdev_tell() - let every opener know of @ev, each by a message */
void bdev_tell(struct bdev *b, enum bdev_event ev);

/* registry.c */

/**
 * bdev_hold() / bdev_drop() - keep a bdev from being destructed
 * Control reactor.
 */
void bdev_hold(struct bdev *b);
void bdev_drop(struct bdev *b);

/* stats.c */

/** bdev_stats_move() - from a channel to its bdev; on the channel's reactor */
void bdev_stats_move(struct bdev_channel *ch);

/* qos.c */

void bdev_qos_channel_init(struct bdev_channel *ch);
/** bdev_qos_end() - removal begins: no more sampling */
void bdev_qos_end(struct bdev *b);
/** bdev_qos_free() - no channel is left */
void bdev_qos_free(struct bdev *b);

/* submit.c */

/** bdev_limit_release() - what waits for a limit fails, or goes on */
void bdev_limit_release(struct bdev_channel *ch);

/* histogram.c */

void bdev_histogram_count(struct bdev_histogram *h, const struct bdev_io *io,
			  u64 took_us);
void bdev_histogram_channel_init(struct bdev_channel *ch);
void bdev_histogram_channel_fini(struct bdev_channel *ch);
void bdev_histogram_free(struct bdev *b);

#endif
