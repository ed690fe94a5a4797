// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * A block device for tests of the nvmf room: it has a medium, but no RAM that
 * transports could use; it can fail, and keep operations until it is told to
 * go on. Operations are held on the reactor that submitted them.
 */
#include <stdlib.h>

#include "tests/unit/lib/nvmf_fake.h"
#include "tests/unit/lib/nvmf_fake_run.h"

struct medium {
	struct bdev bdev;
	u8 *bytes;
};

struct medium_channel {
	struct bdev_channel head;
	TAILQ_HEAD(, bdev_io) held;
};

struct fake_medium fake_medium;

static void medium_destruct(struct bdev *b)
{
	struct medium *m = (struct medium *)b;

	free(m->bytes);
	free(m);
}

static int medium_channel(struct bdev *b, void *ctx)
{
	struct medium_channel *ch = ctx;

	(void)b;
	TAILQ_INIT(&ch->held);
	return 0;
}

static bool medium_supports(const struct bdev *b, enum bdev_io_type type)
{
	(void)b;
	return !(fake_medium.lacks & 1u << type);
}

static void transfer(struct bdev_io *io, u8 *at)
{
	int i;

	for (i = 0; i < io->iovcnt; at += io->iov[i++].iov_len) {
		if (io->type == BDEV_READ)
			memcpy(io->iov[i].iov_base, at, io->iov[i].iov_len);
		else
			memcpy(at, io->iov[i].iov_base, io->iov[i].iov_len);
	}
}

static void carry_out(struct medium *m, struct bdev_io *io)
{
	u8 *at = m->bytes + io->lba * m->bdev.block_size;
	int err = fake_medium.fail[io->type];

	atomic_fetch_add(&fake_medium.count[io->type], 1);
	if (io->fua)
		atomic_fetch_add(&fake_medium.fua, 1);
	if (!err && (io->type == BDEV_READ || io->type == BDEV_WRITE))
		transfer(io, at);
	else if (!err && io->type != BDEV_FLUSH)
		memset(at, 0, io->blocks * m->bdev.block_size);
	bdev_io_complete(io, err);
}

/* module[0]: it was */
static bool medium_cancel(struct io_channel *ioch, struct bdev_io *io)
{
	(void)ioch;
	atomic_fetch_add(&fake_medium.asked, 1);
	io->module[0] = fake_medium.cancels == FAKE_CANCELLED;
	return fake_medium.cancels;
}

static void medium_submit(struct io_channel *ioch, struct bdev_io *io)
{
	struct medium_channel *ch = io_channel_ctx(ioch);

	io->module[0] = false;
	if (fake_medium.hold & 1u << io->type) {
		TAILQ_INSERT_TAIL(&ch->held, io, link);
		atomic_fetch_add(&fake_medium.held, 1);
		return;
	}
	carry_out((struct medium *)ch->head.bdev, io);
}

static const struct bdev_fns medium_fns = {
	.channel_size = sizeof(struct medium_channel),
	.channel_create = medium_channel,
	.destruct = medium_destruct,
	.submit = medium_submit,
	.cancel = medium_cancel,
	.supports = medium_supports,
};

struct creation {
	const char *name;
	u64 blocks;
	int err;
};

static void create(void *ctx)
{
	struct creation *c = ctx;
	struct medium *m = calloc(1, sizeof(*m));

	snprintf(m->bdev.name, sizeof(m->bdev.name), "%s", c->name);
	m->bdev.uuid[0] = 0x77;
	memcpy(m->bdev.uuid + 1, c->name, 2);
	m->bdev.product = "Test medium";
	m->bdev.block_size = 512;
	m->bdev.blocks = c->blocks;
	m->bdev.unmap_zeroes = !fake_medium.unmap_leaves;
	m->bytes = calloc(c->blocks, 512);
	m->bdev.fns = &medium_fns;
	c->err = bdev_register(&m->bdev, &fake_why);
	if (c->err)
		medium_destruct(&m->bdev);
}

int fake_medium_create(const char *name, u64 blocks)
{
	struct creation c = { .name = name, .blocks = blocks };

	fake_on(0, create, &c);
	return c.err;
}

static void release_channel(struct io_channel *ioch, void *ctx)
{
	struct medium_channel *ch = io_channel_ctx(ioch);
	struct bdev_io *io;

	(void)ctx;
	while ((io = TAILQ_FIRST(&ch->held))) {
		TAILQ_REMOVE(&ch->held, io, link);
		atomic_fetch_sub(&fake_medium.held, 1);
		if (io->module[0])
			bdev_io_complete(io, -ECANCELED);
		else
			carry_out((struct medium *)ch->head.bdev, io);
	}
}

static void released(void *ctx)
{
	fake_set(ctx);
}

struct releasing {
	const char *name;
	atomic_bool done;
};

static void release(void *ctx)
{
	struct releasing *r = ctx;

	io_device_for_each_channel(bdev_find(r->name), release_channel,
				   &r->done, released);
}

void fake_medium_release(const char *name)
{
	struct releasing r = { .name = name };

	fake_medium.hold = 0;
	fake_on(0, release, &r);
	fake_until(&r.done);
}

void fake_medium_reset(void)
{
	memset(&fake_medium, 0, sizeof(fake_medium));
}
