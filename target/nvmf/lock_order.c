// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The order of locks of block ranges: each block has its queue, in the order
 * of arrival, and a lock's turn comes when it is the first one of all its
 * blocks. Thousands of locks may wait for few blocks, or for many that one host
 * keeps: to come and to go takes a step for each block of the lock's own,
 * however many others there are. The queues are found by a hash table with a
 * random multiplier, so that no host can choose blocks that share a bucket.
 * Control reactor.
 */
#include <stdlib.h>
#include <sys/random.h>

#include "target/nvmf/lock_order.h"

#define BUCKET_BITS	14

LIST_HEAD(bucket, nvmf_order_block);

/* Newest first: of blocks that are the same the first one that is met is last */
static struct bucket buckets[1u << BUCKET_BITS];
static u64 multiplier;

static struct bucket *find_bucket(const void *medium, u64 lba)
{
	if (!multiplier) {
		/* the numbers stay good if there is no randomness */
		if (getrandom(&multiplier, sizeof(multiplier), GRND_NONBLOCK) !=
		    sizeof(multiplier))
			multiplier = 0x9e3779b97f4a7c15ull;
		multiplier |= 1;
	}
	return &buckets[((uintptr_t)medium + lba) * multiplier >>
			(64 - BUCKET_BITS)];
}

struct nvmf_order *nvmf_order_new(const void *medium, u64 lba, u32 blocks,
				  void *ctx)
{
	struct nvmf_order *o = malloc(sizeof(*o) +
				      blocks * sizeof(o->block[0]));
	u32 i;

	if (!o)
		return NULL;
	o->medium = medium;
	o->ctx = ctx;
	o->waits = 0;
	o->blocks = blocks;
	for (i = 0; i < blocks; i++)
		o->block[i] = (struct nvmf_order_block){ .range = o,
							 .lba = lba + i };
	return o;
}

static void enter_block(struct nvmf_order_block *b)
{
	struct bucket *bucket = find_bucket(b->range->medium, b->lba);
	struct nvmf_order_block *before;

	LIST_FOREACH(before, bucket, link) {
		if (before->lba == b->lba &&
		    before->range->medium == b->range->medium) {
			before->next = b;
			b->range->waits++;
			break;
		}
	}
	LIST_INSERT_HEAD(bucket, b, link);
}

bool nvmf_order_enter(struct nvmf_order *o)
{
	u32 i;

	for (i = 0; i < o->blocks; i++)
		enter_block(&o->block[i]);
	return !o->waits;
}

void nvmf_order_leave(struct nvmf_order *o, void (*turn)(void *ctx))
{
	struct nvmf_order_block *next;
	u32 i;

	for (i = 0; i < o->blocks; i++) {
		LIST_REMOVE(&o->block[i], link);
		next = o->block[i].next;
		if (next && !--next->range->waits)
			turn(next->range->ctx);
	}
}
