// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Token buckets and their shares; see limit.h.
 *
 * Two owners: rate[] is written by the control reactor, demand[] and backlog[]
 * by the share's own; the other side reads them. All of them by plain relaxed
 * stores and loads: a value from a moment ago is as good.
 */
#include <stdlib.h>

#include "target/bdev/limit.h"

#define BURST_US	20000		/* what an idle bucket saves up */
#define REBALANCE_US	100000
#define NAP_MIN_US	100
#define NAP_MAX_US	20000		/* the rate may have changed meanwhile */
#define RELEASE_BATCH	64		/* in one turn */
#define FLOOR		8		/* 1/8 of the rate is shared evenly */

#define LOAD(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define STORE(x, v)	__atomic_store_n(&(x), (v), __ATOMIC_RELAXED)

/**
 * struct limit_share - one reactor's
 * @rate: units in a second; 0: no limit
 * @tokens: millionths of units; an operation starts while they are positive
 * @demand: units asked for so far; @backlog: of those that wait
 * @seen: the control reactor's: @demand when it looked last
 */
struct limit_share {
	u64 rate[LIMIT_RATES];
	s64 tokens[LIMIT_RATES];
	u64 last_us;
	u64 demand[LIMIT_RATES];
	u64 backlog[LIMIT_RATES];
	struct limit_list waiting;
	struct poller *timer;
	u64 seen[LIMIT_RATES];
} __attribute__((aligned(64)));

struct limiter {
	u64 per_sec[LIMIT_RATES];
	struct poller *rebalance;
	unsigned int count;
	struct limit_share shares[];
};

struct limiter *limiter_create(void)
{
	unsigned int i, n = reactor_count();
	size_t size = sizeof(struct limiter) + n * sizeof(struct limit_share);
	struct limiter *l;

	assert_on_reactor(reactor_control());
	l = aligned_alloc(64, (size + 63) & ~(size_t)63);
	if (!l)
		return NULL;
	memset(l, 0, size);
	l->count = n;
	for (i = 0; i < n; i++)
		TAILQ_INIT(&l->shares[i].waiting);
	return l;
}

void limiter_destroy(struct limiter *l)
{
	if (!l)
		return;
	poller_unregister(&l->rebalance);
	free(l);
}

struct limit_share *limit_share_here(struct limiter *l)
{
	return &l->shares[reactor_index(reactor_self())];
}

/* Does this rate count what @w is, and how much of it? */
static u64 cost(enum limit_rate r, const struct limit_wait *w)
{
	switch (r) {
	case LIMIT_RW_IOS:
		return 1;
	case LIMIT_RW_BYTES:
		return w->read + w->written;
	case LIMIT_R_BYTES:
		return w->read;
	default:
		return w->written;
	}
}

static void refill(struct limit_share *s)
{
	u64 now = reactor_now_us(), passed = now - s->last_us, rate;
	s64 full;
	int r;

	s->last_us = now;
	if (passed > BURST_US + NAP_MAX_US)
		passed = BURST_US + NAP_MAX_US;
	for (r = 0; r < LIMIT_RATES; r++) {
		rate = LOAD(s->rate[r]);
		full = (s64)(rate * BURST_US);
		s->tokens[r] += (s64)(rate * passed);
		if (s->tokens[r] > full)
			s->tokens[r] = full;
	}
}

static bool may_start(const struct limit_share *s, const struct limit_wait *w)
{
	int r;

	for (r = 0; r < LIMIT_RATES; r++)
		if (LOAD(s->rate[r]) && cost(r, w) && s->tokens[r] <= 0)
			return false;
	return true;
}

static void pay(struct limit_share *s, const struct limit_wait *w)
{
	int r;

	for (r = 0; r < LIMIT_RATES; r++)
		if (LOAD(s->rate[r]))
			s->tokens[r] -= (s64)(cost(r, w) * 1000000);
}

static void backlog_add(struct limit_share *s, const struct limit_wait *w,
			bool add)
{
	int r;

	for (r = 0; r < LIMIT_RATES; r++)
		STORE(s->backlog[r], add ? s->backlog[r] + cost(r, w) :
					   s->backlog[r] - cost(r, w));
}

/* Until the first in line may start, if nothing changes. */
static u64 nap_us(const struct limit_share *s)
{
	const struct limit_wait *w = TAILQ_FIRST(&s->waiting);
	u64 rate, nap = NAP_MIN_US, need;
	int r;

	for (r = 0; r < LIMIT_RATES; r++) {
		rate = LOAD(s->rate[r]);
		if (!rate || !cost(r, w) || s->tokens[r] > 0)
			continue;
		need = (u64)-s->tokens[r] / rate + 1;
		if (need > nap)
			nap = need;
	}
	return nap < NAP_MAX_US ? nap : NAP_MAX_US;
}

static void waiting_run(void *ctx);

static void timer_set(struct limit_share *s, u64 us)
{
	if (s->timer)
		return;
	s->timer = timer_start("limit", waiting_run, s, us);
	if (!s->timer) {
		log_error("out of memory for the timer of a rate limit");
		abort();
	}
}

static void waiting_take(struct limit_share *s, struct limit_wait *w)
{
	TAILQ_REMOVE(&s->waiting, w, link);
	backlog_add(s, w, false);
}

static void put(struct limit_list *list, struct limit_wait *w)
{
	TAILQ_INSERT_TAIL(list, w, link);
	w->list = list;
}

/* What goes may be the last that keeps the limiter, and may cancel others */
static void let_go(struct limit_list *ready)
{
	struct limit_wait *w;

	while ((w = TAILQ_FIRST(ready))) {
		TAILQ_REMOVE(ready, w, link);
		w->go(w);
	}
}

static void waiting_run(void *ctx)
{
	struct limit_list ready = TAILQ_HEAD_INITIALIZER(ready);
	struct limit_share *s = ctx;
	struct limit_wait *w;
	int n = 0;

	s->timer = NULL;
	refill(s);
	while (n < RELEASE_BATCH && (w = TAILQ_FIRST(&s->waiting)) &&
	       may_start(s, w)) {
		pay(s, w);
		waiting_take(s, w);
		put(&ready, w);
		n++;
	}
	if (!TAILQ_EMPTY(&s->waiting))
		timer_set(s, n == RELEASE_BATCH ? 0 : nap_us(s));
	let_go(&ready);
}

bool limit_open(const struct limit_share *s)
{
	int r;

	for (r = 0; r < LIMIT_RATES; r++)
		if (LOAD(s->rate[r]))
			return false;
	return true;
}

bool limit_admit(struct limit_share *s, struct limit_wait *w)
{
	int r;

	if (limit_open(s))
		return true;
	for (r = 0; r < LIMIT_RATES; r++)
		STORE(s->demand[r], s->demand[r] + cost(r, w));
	refill(s);
	if (TAILQ_EMPTY(&s->waiting) && may_start(s, w)) {
		pay(s, w);
		return true;
	}
	put(&s->waiting, w);
	backlog_add(s, w, true);
	timer_set(s, nap_us(s));
	return false;
}

void limit_release(struct limit_share *s)
{
	struct limit_list ready = TAILQ_HEAD_INITIALIZER(ready);
	struct limit_wait *w;

	poller_unregister(&s->timer);
	while ((w = TAILQ_FIRST(&s->waiting))) {
		waiting_take(s, w);
		put(&ready, w);
	}
	let_go(&ready);
}

bool limit_drain(struct limit_share *s)
{
	poller_unregister(&s->timer);
	waiting_run(s);
	return TAILQ_EMPTY(&s->waiting);
}

void limit_cancel(struct limit_share *s, struct limit_wait *w)
{
	if (w->list != &s->waiting) {
		TAILQ_REMOVE(w->list, w, link);
		return;
	}
	waiting_take(s, w);
	if (TAILQ_EMPTY(&s->waiting))
		poller_unregister(&s->timer);
}

/* Shares: an even part for everybody, the rest by demand. */

static void share_out(struct limiter *l, enum limit_rate r)
{
	u64 total = l->per_sec[r], sum = 0, even, rest, part, wanted;
	u64 want[REACTOR_MAX];
	struct limit_share *s;
	unsigned int i;

	for (i = 0; i < l->count; i++) {
		s = &l->shares[i];
		wanted = LOAD(s->demand[r]);
		want[i] = wanted - s->seen[r] + LOAD(s->backlog[r]);
		s->seen[r] = wanted;
		sum += want[i];
	}
	even = sum ? total / FLOOR / l->count : total / l->count;
	rest = sum ? total - even * l->count : 0;
	for (i = 0; i < l->count; i++) {
		part = even;
		if (sum)
			part += (u64)((__uint128_t)rest * want[i] / sum);
		STORE(l->shares[i].rate[r], total && !part ? 1 : part);
	}
}

static int rebalance(void *ctx)
{
	struct limiter *l = ctx;
	int r;

	for (r = 0; r < LIMIT_RATES; r++)
		share_out(l, r);
	return 0;
}

void limiter_set(struct limiter *l, const u64 per_sec[LIMIT_RATES])
{
	bool any = false;
	int r;

	assert_on_reactor(reactor_control());
	for (r = 0; r < LIMIT_RATES; r++) {
		if (per_sec[r] != LIMIT_KEEP)
			l->per_sec[r] = per_sec[r];
		any = any || l->per_sec[r];
	}
	rebalance(l);
	if (any && l->count > 1 && !l->rebalance)
		l->rebalance = poller_register("limit_shares", rebalance, l,
					       REBALANCE_US, NULL);
	else if (!any)
		poller_unregister(&l->rebalance);
}

void limiter_get(const struct limiter *l, u64 per_sec[LIMIT_RATES])
{
	memset(per_sec, 0, LIMIT_RATES * sizeof(per_sec[0]));
	if (l)
		memcpy(per_sec, l->per_sec, sizeof(l->per_sec));
}
