// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Pollers: functions that a reactor calls on every turn, and timed ones in a
 * binary heap, the next to expire first and among equals the older one first.
 *
 * A poller may unregister itself or any other while it runs. So nothing here
 * touches a poller after its function returned unless it is known to live:
 * unregistering clears reactor.running and moves reactor.next on.
 */
#include <stdlib.h>

#include "target/reactor/internal.h"

struct poller {
	struct reactor *reactor;
	const char *name;
	poller_fn fn;
	reactor_fn once;	/* a timer: instead of fn */
	void *ctx;
	int (*arm)(void *ctx);
	u64 period_us;		/* of a timer: its delay */
	u64 runs;
	u64 busy_runs;
	TAILQ_ENTRY(poller) link;	/* not timed */
	bool timed;
	size_t slot;			/* in the heap */
	u64 expires_us;
	u64 seq;			/* age; of a timed one, since it last ran */
};

static bool heap_before(const struct poller *a, const struct poller *b)
{
	return a->expires_us != b->expires_us ? a->expires_us < b->expires_us :
						a->seq < b->seq;
}

static void heap_put(struct reactor *r, size_t slot, struct poller *p)
{
	r->heap[slot] = p;
	p->slot = slot;
}

static void heap_up(struct reactor *r, struct poller *p)
{
	size_t slot = p->slot, parent;

	while (slot) {
		parent = (slot - 1) / 2;
		if (!heap_before(p, r->heap[parent]))
			break;
		heap_put(r, slot, r->heap[parent]);
		slot = parent;
	}
	heap_put(r, slot, p);
}

static void heap_down(struct reactor *r, struct poller *p)
{
	size_t slot = p->slot, child;

	while ((child = 2 * slot + 1) < r->heap_count) {
		if (child + 1 < r->heap_count &&
		    heap_before(r->heap[child + 1], r->heap[child]))
			child++;
		if (!heap_before(r->heap[child], p))
			break;
		heap_put(r, slot, r->heap[child]);
		slot = child;
	}
	heap_put(r, slot, p);
}

static int heap_reserve(struct reactor *r)
{
	size_t size = r->heap_size ? r->heap_size * 2 : 64;
	struct poller **heap;

	if (r->heap_count < r->heap_size)
		return 0;
	heap = realloc(r->heap, size * sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	r->heap = heap;
	r->heap_size = size;
	return 0;
}

static void heap_add(struct reactor *r, struct poller *p)
{
	p->seq = r->poller_seq++;
	p->slot = r->heap_count++;
	heap_up(r, p);
}

static void heap_remove(struct reactor *r, struct poller *p)
{
	struct poller *last = r->heap[--r->heap_count];

	if (last == p)
		return;
	last->slot = p->slot;
	heap_up(r, last);
	heap_down(r, last);
}

static struct poller *poller_new(struct reactor *r, const char *name, void *ctx,
				 u64 period_us)
{
	struct poller *p = calloc(1, sizeof(*p));

	if (p) {
		p->reactor = r;
		p->name = name;
		p->ctx = ctx;
		p->period_us = period_us;
	}
	return p;
}

static struct poller *poller_new_timed(struct reactor *r, const char *name,
				       void *ctx, u64 period_us)
{
	u64 now = reactor_clock_us();
	struct poller *p;

	if (heap_reserve(r))
		return NULL;
	p = poller_new(r, name, ctx, period_us);
	if (!p)
		return NULL;
	p->timed = true;
	p->expires_us = period_us < UINT64_MAX - 1 - now ? now + period_us :
							   UINT64_MAX - 1;
	heap_add(r, p);
	return p;
}

struct poller *poller_register(const char *name, poller_fn fn, void *ctx,
			       u64 period_us, int (*arm)(void *ctx))
{
	struct reactor *r = reactor_here(__func__);
	struct poller *p;

	if (period_us) {
		p = poller_new_timed(r, name, ctx, period_us);
		if (p)
			p->fn = fn;
		return p;
	}
	p = poller_new(r, name, ctx, 0);
	if (!p)
		return NULL;
	p->fn = fn;
	p->arm = arm;
	p->seq = r->poller_seq++;
	TAILQ_INSERT_TAIL(&r->pollers, p, link);
	r->unarmable += !arm;
	return p;
}

struct poller *timer_start(const char *name, reactor_fn fn, void *ctx,
			   u64 delay_us)
{
	struct poller *p;

	p = poller_new_timed(reactor_here(__func__), name, ctx, delay_us);
	if (p)
		p->once = fn;
	return p;
}

static void poller_free(struct reactor *r, struct poller *p)
{
	if (r->running == p)
		r->running = NULL;
	if (p->timed) {
		heap_remove(r, p);
	} else {
		if (r->next == p)
			r->next = TAILQ_NEXT(p, link);
		TAILQ_REMOVE(&r->pollers, p, link);
		r->unarmable -= !p->arm;
	}
	free(p);
}

void poller_unregister(struct poller **p)
{
	if (!*p)
		return;
	assert_on_reactor((*p)->reactor);
	poller_free((*p)->reactor, *p);
	*p = NULL;
}

static unsigned int poller_run(struct reactor *r, struct poller *p)
{
	int did;

	r->running = p;
	p->runs++;
	did = p->fn(p->ctx);
	if (r->running == p && did > 0)
		p->busy_runs++;
	return did > 0;
}

unsigned int poller_run_all(struct reactor *r)
{
	u64 new_seq = r->poller_seq;	/* registered meanwhile: next turn */
	unsigned int work = 0;
	struct poller *p;

	for (p = TAILQ_FIRST(&r->pollers); p && p->seq < new_seq; p = r->next) {
		r->next = TAILQ_NEXT(p, link);
		work += poller_run(r, p);
	}
	r->running = NULL;
	r->next = NULL;
	return work;
}

static unsigned int timer_run_periodic(struct reactor *r, struct poller *p)
{
	unsigned int work = poller_run(r, p);

	if (r->running != p)
		return work;
	p->expires_us += p->period_us;
	if (p->expires_us <= r->now_us)		/* late: do not catch up */
		p->expires_us = r->now_us + p->period_us;
	p->seq = r->poller_seq++;
	heap_down(r, p);
	return work;
}

unsigned int timer_run_due(struct reactor *r)
{
	u64 new_seq = r->poller_seq;	/* started meanwhile: next turn */
	unsigned int work = 0;
	struct poller *p;
	reactor_fn fn;
	void *ctx;

	while (r->heap_count && r->heap[0]->expires_us <= r->now_us &&
	       r->heap[0]->seq < new_seq) {
		p = r->heap[0];
		r->stats.timers_fired++;
		if (!p->once) {
			work += timer_run_periodic(r, p);
			continue;
		}
		fn = p->once;
		ctx = p->ctx;
		poller_free(r, p);
		fn(ctx);
		work++;
	}
	r->running = NULL;
	return work;
}

bool poller_arm_all(struct reactor *r)
{
	struct poller *p;
	bool idle = true;

	if (r->unarmable)
		return false;
	for (p = TAILQ_FIRST(&r->pollers); p && idle; p = r->next) {
		r->next = TAILQ_NEXT(p, link);
		idle = !p->arm || !p->arm(p->ctx);
	}
	r->next = NULL;
	return idle && !r->unarmable;
}

u64 timer_next_us(const struct reactor *r)
{
	return r->heap_count ? r->heap[0]->expires_us : UINT64_MAX;
}

void reactor_pollers(void (*fn)(void *ctx, const struct poller_info *i),
		     void *ctx)
{
	struct reactor *r = reactor_here(__func__);
	struct poller_info info;
	struct poller *p;
	size_t i;

	TAILQ_FOREACH(p, &r->pollers, link) {
		info = (struct poller_info){ p->name, 0, p->runs, p->busy_runs };
		fn(ctx, &info);
	}
	for (i = 0; i < r->heap_count; i++) {
		p = r->heap[i];
		info = (struct poller_info){ p->name, p->period_us, p->runs,
					     p->busy_runs };
		fn(ctx, &info);
	}
}

unsigned int poller_fini(struct reactor *r)
{
	unsigned int left = 0;
	struct poller *p;

	while ((p = TAILQ_FIRST(&r->pollers)) ||
	       (r->heap_count && (p = r->heap[0]))) {
		log_error("reactor %u: %s '%s' was left at the end", r->index,
			  p->once ? "timer" : "poller", p->name);
		poller_free(r, p);
		left++;
	}
	return left;
}
