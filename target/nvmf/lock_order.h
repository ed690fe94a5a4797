/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The order of locks of block ranges (lock_order.c): who goes first among those
 * that have blocks in common. The control reactor's.
 */
#ifndef WEFT_TARGET_NVMF_LOCK_ORDER_H
#define WEFT_TARGET_NVMF_LOCK_ORDER_H

#include <sys/queue.h>

#include "common/platform.h"

/**
 * struct nvmf_order_block - one block of a range
 * @next: who wants the same block next, or NULL
 */
struct nvmf_order_block {
	struct nvmf_order *range;
	u64 lba;
	struct nvmf_order_block *next;
	LIST_ENTRY(nvmf_order_block) link;
};

/**
 * struct nvmf_order - a range of blocks that is locked, or waits for that
 * @medium: whose blocks; only compared
 * @waits: for so many of its blocks
 */
struct nvmf_order {
	const void *medium;
	void *ctx;
	u32 waits;
	u32 blocks;
	struct nvmf_order_block block[];
};

/** nvmf_order_new() - any reactor; free() it. NULL without memory */
struct nvmf_order *nvmf_order_new(const void *medium, u64 lba, u32 blocks,
				  void *ctx);
/** nvmf_order_enter() - true if it is its turn at once */
bool nvmf_order_enter(struct nvmf_order *o);
/**
 * nvmf_order_leave() - of one whose turn it was
 * @turn: called for each whose turn it is now
 */
void nvmf_order_leave(struct nvmf_order *o, void (*turn)(void *ctx));

#endif
