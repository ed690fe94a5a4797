// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Adding up rows of I/O counts; see sums.h. A row of a reactor or a connection
 * is the only one of its kind; the others are looked for in a balanced tree.
 */
#include <search.h>
#include <stdlib.h>

#include "target/rpc/sums.h"

static __thread u64 comparisons;	/* tsearch() passes no context */

static int order(u32 a, u32 b)
{
	return a < b ? -1 : a > b;
}

static int compare(const void *a, const void *b)
{
	const struct nvmf_io_row *x = &((const struct sum *)a)->row;
	const struct nvmf_io_row *y = &((const struct sum *)b)->row;

	comparisons++;
	if (x->kind != y->kind)
		return order(x->kind, y->kind);
	if (x->kind == NVMF_ROW_HOST)
		return strcmp(x->nqn, y->nqn);
	if (x->subsystem != y->subsystem)
		return order(x->subsystem, y->subsystem);
	return order(x->nsid, y->nsid);
}

static bool only_one(const struct nvmf_io_row *row)
{
	return row->kind == NVMF_ROW_REACTOR ||
	       row->kind == NVMF_ROW_CONNECTION;
}

/* The sum in the tree that @sum belongs to: itself, if it is the first */
static struct sum *find_or_insert(struct sums *s, struct sum *sum)
{
	struct sum **at;

	comparisons = 0;
	at = tsearch(sum, &s->tree, compare);
	s->compared += comparisons;
	return at ? *at : NULL;
}

static void append(struct sums *s, struct sum *sum)
{
	enum nvmf_io_row_kind kind = sum->row.kind;

	if (s->kinds[kind].last)
		s->kinds[kind].last->next = sum;
	else
		s->kinds[kind].first = sum;
	s->kinds[kind].last = sum;
}

void sums_add(struct sums *s, const struct nvmf_io_row *row)
{
	struct sum *sum = malloc(sizeof(*sum)), *same;

	if (!sum)
		return;
	sum->row = *row;
	sum->next = NULL;
	same = only_one(row) ? sum : find_or_insert(s, sum);
	if (same == sum) {
		append(s, sum);
		return;
	}
	if (same)
		nvmf_io_stats_add(&same->row.io, &row->io);
	free(sum);
}

static void keep(void *sum)
{
	(void)sum;
}

void sums_free(struct sums *s)
{
	struct sum *sum, *next;
	int kind;

	tdestroy(s->tree, keep);
	for (kind = 0; kind < NVMF_ROW_KINDS; kind++) {
		for (sum = s->kinds[kind].first; sum; sum = next) {
			next = sum->next;
			free(sum);
		}
	}
	memset(s, 0, sizeof(*s));
}
