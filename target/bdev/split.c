// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * A bdev in equal parts, one behind the other: base + "p0", "p1" ... All parts
 * are made and removed together; they share the claim of the base. Memory of a
 * RAM disk stays usable in place.
 */
#include <stdlib.h>

#include "target/bdev/stack.h"

#define SPLIT_MAX	1024u

/** struct split_bdev - @count: of parts, for the configuration */
struct split_bdev {
	struct stack_bdev stack;
	u32 count;
};

static void split_destruct(struct bdev *b)
{
	stack_destruct((struct stack_bdev *)b);
}

static void split_submit(struct io_channel *ch, struct bdev_io *io)
{
	stack_forward(io_channel_ctx(ch), io, bdev_io_complete);
}

static void split_info(const struct bdev *b, struct weft_text *t)
{
	const struct split_bdev *p = (const struct split_bdev *)b;

	bdev_add_json(t, json_pack("{s:{s:s,s:I}}", "split", "base_bdev",
				   bdev_base(b)->name, "offset_blocks",
				   (json_int_t)p->stack.offset));
}

/* One call makes all of them, so only the first part tells it. */
static void split_config(const struct bdev *b, struct weft_text *t)
{
	const struct split_bdev *p = (const struct split_bdev *)b;
	u64 blocks = p->stack.wanted, mib = blocks * b->block_size >> 20;
	json_t *params;

	if (p != (struct split_bdev *)TAILQ_FIRST(&p->stack.base->uppers))
		return;
	params = json_pack("{s:s,s:i}", "base_bdev", bdev_base(b)->name,
			   "split_count", (int)p->count);
	/* without a size they would move when the base has another one */
	if (mib << 20 == blocks * b->block_size)
		json_object_set_new(params, "split_size_mb",
				    json_integer((json_int_t)mib));
	else
		json_object_set_new(params, "split_size_blocks",
				    json_integer((json_int_t)blocks));
	/* the base may be smaller by then, as it may be now */
	json_object_set_new(params, "may_shrink", json_true());
	bdev_add_json(t, json_pack("{s:s,s:o}", "method", "bdev_split_create",
				   "params", params));
}

static const struct bdev_fns split_fns = {
	.channel_size = sizeof(struct stack_channel),
	.channel_create = stack_channel_create,
	.channel_destroy = stack_channel_destroy,
	.destruct = split_destruct,
	.submit = split_submit,
	.supports = stack_supports,
	.info_json = split_info,
	.config_json = split_config,
};

static int split_name(char *out, size_t size, const char *base, u32 i,
		      struct weft_reason *why)
{
	if ((size_t)snprintf(out, size, "%sp%u", base, i) < size)
		return 0;
	return weft_fail(why, -EINVAL,
			 "base_bdev=%.20s...: its parts' names would be longer than %zu characters",
			 base, size - 1);
}

/*
 * A part has no call of its own that could name its UUID, and hosts know their
 * disks by it: so it comes from the base's and the number (a version 8 UUID:
 * FNV-1a of both, twice).
 */
static void split_uuid(u8 uuid[WEFT_UUID_BYTES], const struct bdev *base, u32 i)
{
	u64 hash = 0xcbf29ce484222325ull;
	unsigned int k;

	for (k = 0; k < 2 * WEFT_UUID_BYTES; k++) {
		hash ^= base->uuid[k % WEFT_UUID_BYTES] ^ (k < 4 ? i >> 8 * k : k);
		hash *= 0x100000001b3ull;
		if (k >= WEFT_UUID_BYTES)
			uuid[k - WEFT_UUID_BYTES] = (u8)(hash >> 32);
	}
	uuid[6] = (uuid[6] & 0x0f) | 0x80;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
}

/* A part that begins behind the base's end is not made: see split_check(). */
static int split_part(struct stack_base *base, u32 i, u32 count, u64 blocks,
		      struct weft_reason *why)
{
	struct split_bdev *p;
	char name[sizeof(p->stack.bdev.name)];
	u8 uuid[WEFT_UUID_BYTES];
	int err;

	if (i * blocks >= bdev_desc_bdev(base->desc)->blocks)
		return 0;
	p = calloc(1, sizeof(*p));
	if (!p)
		return weft_fail(why, -ENOMEM, "no memory for a split bdev");
	split_uuid(uuid, bdev_desc_bdev(base->desc), i);
	p->count = count;
	p->stack.bdev.product = "Split Disk";
	p->stack.bdev.fns = &split_fns;
	stack_init(&p->stack, base, i * blocks, blocks, true);
	err = split_name(name, sizeof(name), bdev_desc_bdev(base->desc)->name,
			 i, why);
	if (!err)
		err = bdev_identify(&p->stack.bdev, name, NULL, uuid, why);
	if (!err)
		err = stack_register(&p->stack, why);
	if (err)
		free(p);
	return err;
}

/* With @may_shrink parts may end as they do when the base shrinks below them */
static int split_check(const struct bdev *b, u32 count, u64 *blocks,
		       bool may_shrink, struct weft_reason *why)
{
	u64 most;

	if (!count || count > SPLIT_MAX)
		return weft_fail(why, -EINVAL,
				 "split_count=%u: accepted are 1 to %u", count,
				 SPLIT_MAX);
	most = (may_shrink && *blocks ? UINT64_MAX : b->blocks) / count;
	if (!most || *blocks > most)
		return weft_fail(why, -EINVAL,
				 "split_count=%u: %u parts of %s can have %llu blocks each, not %llu",
				 count, count, b->name,
				 (unsigned long long)most,
				 (unsigned long long)(*blocks ? *blocks : 1));
	if (!*blocks)
		*blocks = most;
	return 0;
}

int bdev_split_create(const char *base_name, u32 count, u64 blocks,
		      bool may_shrink, struct weft_reason *why)
{
	struct stack_base *base;
	struct stack_bdev *s;
	u32 i;
	int err;

	base = stack_claim(base_name, "split", &err, why);
	if (!base)
		return err;
	err = split_check(bdev_desc_bdev(base->desc), count, &blocks,
			  may_shrink, why);
	for (i = 0; !err && i < count; i++)
		err = split_part(base, i, count, blocks, why);
	if (!err)
		return 0;
	TAILQ_FOREACH(s, &base->uppers, link)
		bdev_unregister(&s->bdev, NULL, NULL);
	stack_release(base);
	return err;
}

void bdev_split_get(const struct bdev *part, u32 *count, u64 *blocks)
{
	const struct split_bdev *p = (const struct split_bdev *)part;

	*count = p->count;
	*blocks = p->stack.wanted;
}

struct bdev *bdev_split_find(const char *base, u32 i)
{
	char name[sizeof(((struct bdev *)0)->name)];
	struct weft_reason why;
	struct bdev *b;

	if (split_name(name, sizeof(name), base, i, &why))
		return NULL;
	b = bdev_find(name);
	return b && b->fns == &split_fns ? b : NULL;
}
