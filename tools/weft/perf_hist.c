// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Latencies of `weft perf`, a histogram for each worker and direction. Counted
 * by the worker's thread, read when all of them have ended.
 */
#include "tools/weft/perf.h"

static u32 bucket_of(u64 ns)
{
	u32 log;

	if (ns < PERF_HIST_STEPS)
		return (u32)ns;
	log = 63 - (u32)__builtin_clzll(ns);
	return (log - 4) * PERF_HIST_STEPS +
	       (u32)(ns >> (log - 5)) % PERF_HIST_STEPS;
}

/* Highest value of a bucket */
static u64 bucket_end(u32 b)
{
	u32 log = b / PERF_HIST_STEPS + 4;

	if (b < PERF_HIST_STEPS)
		return b;
	return ((u64)(PERF_HIST_STEPS + b % PERF_HIST_STEPS + 1)
		<< (log - 5)) - 1;
}

void perf_hist_add(struct perf_hist *h, u64 ns)
{
	h->bucket[bucket_of(ns)]++;
	if (!h->n || ns < h->min)
		h->min = ns;
	if (ns > h->max)
		h->max = ns;
	h->n++;
	h->sum += ns;
}

void perf_hist_merge(struct perf_hist *to, const struct perf_hist *from)
{
	u32 i;

	if (!from->n)
		return;
	for (i = 0; i < PERF_HIST_SIZE; i++)
		to->bucket[i] += from->bucket[i];
	if (!to->n || from->min < to->min)
		to->min = from->min;
	if (from->max > to->max)
		to->max = from->max;
	to->n += from->n;
	to->sum += from->sum;
}

u64 perf_hist_at(const struct perf_hist *h, u32 permyriad)
{
	u64 want = (h->n * permyriad + 9999) / 10000, seen = 0;
	u32 i;

	for (i = 0; i < PERF_HIST_SIZE; i++) {
		seen += h->bucket[i];
		if (seen >= want && seen)
			return bucket_end(i) < h->max ? bucket_end(i) : h->max;
	}
	return h->max;
}
