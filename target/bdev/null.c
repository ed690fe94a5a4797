// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * A device without a medium, to measure everything above it: reads give
 * zeroes, all else succeeds and changes nothing. It has no state.
 */
#include <stdlib.h>

#include "target/bdev/internal.h"

static void null_destruct(struct bdev *b)
{
	free(b);
}

static bool null_supports(const struct bdev *b, enum bdev_io_type type)
{
	(void)b;
	(void)type;
	return true;
}

static void null_submit(struct io_channel *ch, struct bdev_io *io)
{
	int i;

	(void)ch;
	for (i = 0; io->type == BDEV_READ && i < io->iovcnt; i++)
		memset(io->iov[i].iov_base, 0, io->iov[i].iov_len);
	bdev_io_complete(io, 0);
}

static void null_config(const struct bdev *b, struct weft_text *t)
{
	bdev_add_config(t, b, "bdev_null_create");
}

static const struct bdev_fns null_fns = {
	.channel_size = sizeof(struct bdev_channel),
	.destruct = null_destruct,
	.submit = null_submit,
	.supports = null_supports,
	.config_json = null_config,
};

int bdev_null_create(const char *name, const u8 *uuid, u64 blocks,
		     u32 block_size, struct bdev **out,
		     struct weft_reason *why)
{
	struct bdev *b = calloc(1, sizeof(*b));
	int err;

	if (!b)
		return weft_fail(why, -ENOMEM, "no memory for a null bdev");
	b->product = "Null disk";
	b->block_size = block_size;
	b->blocks = blocks;
	b->unmap_zeroes = true;
	b->fns = &null_fns;
	err = bdev_identify(b, name, "Null", uuid, why);
	if (!err)
		err = bdev_register(b, why);
	if (err)
		free(b);
	else
		*out = b;
	return err;
}
