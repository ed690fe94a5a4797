// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * An event loop for many queues of the initiator on one thread: those that
 * have work are polled, those that were idle for a while wait in epoll. Every
 * one is polled now and then, so that its time limits and Keep Alive work.
 */
#include <sys/epoll.h>
#include <unistd.h>

#include "tools/weft/perf.h"

#define EVENTS		64
#define LOOK_EVERY	64		/* turns between looks at sleepers */
#define TICK		(100 * INI_MS)	/* sleepers are polled at least so often */

struct item {
	struct ini_ctrlr *c;
	struct ini_queue *q;
	struct ini_fd fds[INI_FDS_MAX];
	int nfds;
	u32 idle;
	bool hot;
};

struct perf_loop {
	int epoll;
	u32 spin;
	u32 n;
	u32 max;
	u32 hot;
	u32 turns;
	u64 tick;
	struct item *items;
};

struct perf_loop *perf_loop_new(u32 max, u32 spin)
{
	struct perf_loop *l = cli_alloc(sizeof(*l));

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0) {
		cli_error(CLI_FAILED, "epoll: %s", strerror(errno));
		exit(CLI_FAILED);
	}
	l->spin = spin;
	l->max = max;
	l->items = cli_alloc(max * sizeof(*l->items));
	return l;
}

void perf_loop_free(struct perf_loop *l)
{
	if (!l)
		return;
	close(l->epoll);
	free(l->items);
	free(l);
}

void perf_loop_add(struct perf_loop *l, struct ini_ctrlr *c,
		   struct ini_queue *q)
{
	struct item *it = &l->items[l->n++];

	memset(it, 0, sizeof(*it));
	it->c = c;
	it->q = c ? ini_ctrlr_admin(c) : q;
	it->hot = true;
	l->hot++;
}

static void forget_fds(struct perf_loop *l, struct item *it)
{
	int i;

	/* one that is closed is gone already */
	for (i = 0; i < it->nfds; i++)
		epoll_ctl(l->epoll, EPOLL_CTL_DEL, it->fds[i].fd, NULL);
	it->nfds = 0;
}

void perf_loop_clear(struct perf_loop *l)
{
	u32 i;

	for (i = 0; i < l->n; i++)
		forget_fds(l, &l->items[i]);
	l->n = l->hot = 0;
}

static bool same_fds(const struct item *it, const struct ini_fd *fds, int n)
{
	int i;

	if (n != it->nfds)
		return false;
	for (i = 0; i < n; i++)
		if (fds[i].fd != it->fds[i].fd ||
		    fds[i].events != it->fds[i].events)
			return false;
	return true;
}

/* To sleep; false: not yet */
static bool cool(struct perf_loop *l, struct item *it)
{
	struct ini_fd fds[INI_FDS_MAX];
	struct epoll_event ev = { .data.u32 = (u32)(it - l->items) };
	int i, n;

	if (!ini_queue_arm(it->q))
		return false;
	n = ini_queue_fds(it->q, fds);
	if (!same_fds(it, fds, n)) {
		forget_fds(l, it);
		for (i = 0; i < n; i++) {
			/* poll(2) and epoll(7) name these events alike */
			ev.events = (u32)fds[i].events;
			epoll_ctl(l->epoll, EPOLL_CTL_ADD, fds[i].fd, &ev);
			it->fds[i] = fds[i];
		}
		it->nfds = n;
	}
	it->hot = false;
	l->hot--;
	return true;
}

static int poll_item(struct item *it, u64 now)
{
	return it->c ? ini_ctrlr_poll(it->c, now) :
		       ini_queue_poll(it->q, now);
}

static void heat(struct perf_loop *l, struct item *it)
{
	if (it->hot)
		return;
	it->hot = true;
	it->idle = 0;
	l->hot++;
}

static void poll_hot(struct perf_loop *l, u64 now, bool all)
{
	u32 i;

	for (i = 0; i < l->n; i++) {
		struct item *it = &l->items[i];

		if (!it->hot && !all)
			continue;
		if (poll_item(it, now)) {
			heat(l, it);
			it->idle = 0;
		} else if (it->hot && ++it->idle > l->spin) {
			cool(l, it);
		}
	}
}

static void look(struct perf_loop *l, int ms)
{
	struct epoll_event ev[EVENTS];
	int i, n = epoll_wait(l->epoll, ev, EVENTS, ms);

	for (i = 0; i < n; i++)
		if (ev[i].data.u32 < l->n)
			heat(l, &l->items[ev[i].data.u32]);
}

void perf_loop_wake(struct perf_loop *l)
{
	u32 i;

	for (i = 0; i < l->n; i++)
		heat(l, &l->items[i]);
}

void perf_loop_turn(struct perf_loop *l, int ms)
{
	u64 now = ini_now();
	bool all = now - l->tick >= TICK;

	if (all)
		l->tick = now;
	if (!l->hot)
		look(l, ms);
	else if (++l->turns % LOOK_EVERY == 0 && l->hot < l->n)
		look(l, 0);
	poll_hot(l, ini_now(), all);
}
