// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * RAM disks: anonymous memory that transports may register with their NIC and
 * use in place; other buffers are copied. Data are on whatever reactor
 * submits; two operations on the same blocks at the same time race as they may
 * on any disk.
 *
 * Zeroing is memset, never MADV_DONTNEED: a NIC that has registered the memory
 * would go on using the pages that were given away. A large range is zeroed
 * piece by piece, so that the other users of the reactor get their turns.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "target/bdev/internal.h"

#define ZERO_PIECE	(1u << 20)	/* bytes in one turn */

struct malloc_bdev {
	struct bdev bdev;
	size_t bytes;
};

struct malloc_channel {
	struct bdev_channel head;
	TAILQ_HEAD(, bdev_io) zeroing;	/* module[0]: bytes done */
};

static int malloc_channel_create(struct bdev *b, void *ctx)
{
	struct malloc_channel *ch = ctx;

	(void)b;
	TAILQ_INIT(&ch->zeroing);
	return 0;
}

static void malloc_destruct(struct bdev *b)
{
	struct malloc_bdev *m = (struct malloc_bdev *)b;

	munmap(b->ram, m->bytes);
	free(m);
}

static bool malloc_supports(const struct bdev *b, enum bdev_io_type type)
{
	(void)b;
	(void)type;
	return true;
}

static void malloc_copy(struct bdev_io *io, u8 *ram)
{
	const struct iovec *v = io->iov, *end = v + io->iovcnt;

	for (; v < end; ram += v->iov_len, v++) {
		if (v->iov_base == ram)		/* in place already */
			continue;
		if (io->type == BDEV_READ)
			memmove(v->iov_base, ram, v->iov_len);
		else
			memmove(ram, v->iov_base, v->iov_len);
	}
}

static u8 *malloc_place(const struct bdev_io *io, const struct bdev *b)
{
	return (u8 *)b->ram + bdev_io_offset(io, b);
}

/* One piece of the first in line; the message goes on until none is left. */
static void malloc_zero_step(void *arg)
{
	struct malloc_channel *ch = arg;
	struct bdev_io *io = TAILQ_FIRST(&ch->zeroing);
	struct bdev *b = ch->head.bdev;
	u64 rest = bdev_io_length(io, b) - io->module[0];
	u64 piece = rest < ZERO_PIECE ? rest : ZERO_PIECE;
	bool more = true;

	memset(malloc_place(io, b) + io->module[0], 0, piece);
	io->module[0] += piece;
	if (piece == rest) {
		TAILQ_REMOVE(&ch->zeroing, io, link);
		more = !TAILQ_EMPTY(&ch->zeroing);
	}
	/* before completing: that may give the channel back */
	if (more)
		reactor_send(reactor_self(), malloc_zero_step, ch);
	if (piece == rest)
		bdev_io_complete(io, 0);
}

static void malloc_zero(struct malloc_channel *ch, struct bdev_io *io)
{
	const struct bdev *b = ch->head.bdev;
	bool first = TAILQ_EMPTY(&ch->zeroing);

	if (bdev_io_length(io, b) <= ZERO_PIECE) {
		memset(malloc_place(io, b), 0, bdev_io_length(io, b));
		bdev_io_complete(io, 0);
		return;
	}
	io->module[0] = 0;
	TAILQ_INSERT_TAIL(&ch->zeroing, io, link);
	if (first)
		reactor_send(reactor_self(), malloc_zero_step, ch);
}

static void malloc_submit(struct io_channel *ioch, struct bdev_io *io)
{
	struct malloc_channel *ch = io_channel_ctx(ioch);

	switch (io->type) {
	case BDEV_UNMAP:
	case BDEV_WRITE_ZEROES:
		malloc_zero(ch, io);
		return;
	case BDEV_READ:
	case BDEV_WRITE:
		malloc_copy(io, malloc_place(io, ch->head.bdev));
		break;
	default:			/* flush: nothing is volatile */
		break;
	}
	bdev_io_complete(io, 0);
}

static void malloc_config(const struct bdev *b, struct weft_text *t)
{
	bdev_add_config(t, b, "bdev_malloc_create");
}

static const struct bdev_fns malloc_fns = {
	.channel_size = sizeof(struct malloc_channel),
	.channel_create = malloc_channel_create,
	.destruct = malloc_destruct,
	.submit = malloc_submit,
	.supports = malloc_supports,
	.config_json = malloc_config,
};

static int malloc_map(struct malloc_bdev *m, struct weft_reason *why)
{
	m->bytes = m->bdev.blocks * m->bdev.block_size;
	m->bdev.ram = mmap(NULL, m->bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (m->bdev.ram == MAP_FAILED)
		return weft_fail(why, -ENOMEM,
				 "num_blocks=%llu: there is no memory for %zu MiB: %s",
				 (unsigned long long)m->bdev.blocks,
				 m->bytes >> 20, strerror(errno));
	return 0;
}

int bdev_malloc_create(const char *name, const u8 *uuid, u64 blocks,
		       u32 block_size, struct bdev **out,
		       struct weft_reason *why)
{
	struct malloc_bdev *m;
	int err;

	err = bdev_geometry_check(blocks, block_size, why);
	if (err)
		return err;
	m = calloc(1, sizeof(*m));
	if (!m)
		return weft_fail(why, -ENOMEM, "no memory for a malloc bdev");
	m->bdev.product = "Malloc disk";
	m->bdev.block_size = block_size;
	m->bdev.blocks = blocks;
	m->bdev.unmap_zeroes = true;
	m->bdev.fns = &malloc_fns;
	err = bdev_identify(&m->bdev, name, "Malloc", uuid, why);
	if (err)
		goto free_bdev;
	err = malloc_map(m, why);
	if (err)
		goto free_bdev;
	err = bdev_register(&m->bdev, why);
	if (err)
		goto unmap;
	*out = &m->bdev;
	return 0;

unmap:
	munmap(m->bdev.ram, m->bytes);
free_bdev:
	free(m);
	return err;
}
