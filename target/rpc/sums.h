/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Rows of I/O counts, added up: those of one namespace or host come from all
 * reactors. For nvmf_get_statistics; on the control reactor.
 *
 * It costs no more than sorting the rows would: however many connections there
 * are, a look at their counts does not keep the reactor from its work.
 */
#ifndef WEFT_TARGET_RPC_SUMS_H
#define WEFT_TARGET_RPC_SUMS_H

#include "target/nvmf/nvmf.h"

/** struct sum - rows of one thing, added up; @next of its kind */
struct sum {
	struct nvmf_io_row row;
	struct sum *next;
};

/**
 * struct sums - begins as zeroes
 * @kinds: in order of appearance
 * @tree: those that more rows may be added to
 * @compared: how often two rows were compared
 */
struct sums {
	struct {
		struct sum *first;
		struct sum *last;
	} kinds[NVMF_ROW_KINDS];
	void *tree;
	u64 compared;
};

/** sums_add() - to what the row is of; without memory it is left out */
void sums_add(struct sums *s, const struct nvmf_io_row *row);
/** sums_free() - all of them; @s is zeroes again */
void sums_free(struct sums *s);

#endif
