/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * A deterministic event loop in place of the reactor: messages and pollers run
 * when the test says so, timers when it has them fire, and time is a number.
 * Descriptors are looked at by watched_turn() only. Included by one test program
 * each; the definitions win over the library's.
 */
#ifndef TESTS_UNIT_LOOP_FAKE_H
#define TESTS_UNIT_LOOP_FAKE_H

#include <poll.h>
#include <stdlib.h>

#include "target/reactor/reactor.h"
#include "tests/unit/unit.h"

#define FAKE_UNUSED	__attribute__((unused))

struct reactor { int dummy; };
struct poller {
	poller_fn fn;
	reactor_fn once;
	void *ctx;
	bool used;
	int (*arm)(void *ctx);
};
struct fd_source { int fd; u32 events; fd_fn fn; void *ctx; };

static struct reactor the_reactor;
static struct { reactor_fn fn; void *ctx; } msgs[4096];
static unsigned int msg_head, msg_tail;
static struct poller pollers[64];
static u64 now_us = 1;
/* What fails meanwhile; timers are pollers */
static bool no_pollers FAKE_UNUSED;
static bool deaf_sources FAKE_UNUSED;

struct reactor *reactor_control(void) { return &the_reactor; }
u64 reactor_now_us(void) { return now_us; }

void reactor_send(struct reactor *to, reactor_fn fn, void *ctx)
{
	CU_ASSERT_PTR_EQUAL(to, &the_reactor);
	msgs[msg_tail % 4096].fn = fn;
	msgs[msg_tail++ % 4096].ctx = ctx;
}

static struct poller *poller_new(poller_fn fn, reactor_fn once, void *ctx)
{
	int i = 0;

	while (pollers[i].used)
		i++;
	pollers[i] = (struct poller) { fn, once, ctx, true, NULL };
	return &pollers[i];
}

struct poller *poller_register(const char *name, poller_fn fn, void *ctx,
			       u64 period_us, int (*arm)(void *ctx))
{
	struct poller *p;

	(void)name, (void)period_us;
	if (no_pollers)
		return NULL;
	p = poller_new(fn, NULL, ctx);
	p->arm = arm;
	return p;
}

struct poller *timer_start(const char *name, reactor_fn fn, void *ctx, u64 us)
{
	(void)name, (void)us;
	if (no_pollers)
		return NULL;
	return poller_new(NULL, fn, ctx);
}

void poller_unregister(struct poller **p)
{
	if (!*p)
		return;
	CU_ASSERT_TRUE((*p)->used);
	(*p)->used = false;
	*p = NULL;
}

static int fd_sources;
static struct fd_source *watched[16];

struct fd_source *fd_source_add(const char *name, int fd, u32 events, fd_fn fn,
				void *ctx)
{
	struct fd_source *s = calloc(1, sizeof(*s));
	unsigned int i = 0;

	(void)name;
	*s = (struct fd_source) { fd, events, fn, ctx };
	fd_sources++;
	while (i < ARRAY_SIZE(watched) && watched[i])
		i++;
	if (i < ARRAY_SIZE(watched))
		watched[i] = s;
	return s;
}

int fd_source_modify(struct fd_source *s, u32 events)
{
	if (deaf_sources)
		return -1;
	s->events = events;
	return 0;
}

void fd_source_remove(struct fd_source **s)
{
	unsigned int i;

	if (!*s)
		return;
	for (i = 0; i < ARRAY_SIZE(watched); i++)
		if (watched[i] == *s)
			watched[i] = NULL;
	fd_sources--;
	free(*s);
	*s = NULL;
}

void log_at(const char *file, enum log_level level, const char *fmt, ...)
{
	(void)file, (void)level, (void)fmt;
}

static int warnings;
static char last_warning[512];
void log_peer(struct log_budget *b, enum log_level level, const char *fmt, ...)
{
	va_list ap;

	(void)b, (void)level;
	va_start(ap, fmt);
	vsnprintf(last_warning, sizeof(last_warning), fmt, ap);
	va_end(ap);
	warnings++;
}

/* The reactor is about to sleep; false: one has found work. */
static bool FAKE_UNUSED falls_asleep(void)
{
	int work = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(pollers); i++)
		if (pollers[i].used && pollers[i].arm)
			work += pollers[i].arm(pollers[i].ctx);
	return !work;
}

static void FAKE_UNUSED turns(int n)
{
	while (n--) {
		unsigned int until = msg_tail, i;

		while (msg_head != until) {
			unsigned int k = msg_head++ % 4096;

			msgs[k].fn(msgs[k].ctx);
		}
		for (i = 0; i < ARRAY_SIZE(pollers); i++)
			if (pollers[i].used && pollers[i].fn)
				pollers[i].fn(pollers[i].ctx);
		now_us += 10;
	}
}

static FAKE_UNUSED void fire_timers(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pollers); i++) {
		if (!pollers[i].used || !pollers[i].once)
			continue;
		pollers[i].used = false;
		pollers[i].once(pollers[i].ctx);
	}
}

/* Descriptors that are ready for what they are watched for have it told. */
static FAKE_UNUSED void watched_turn(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(watched); i++) {
		struct pollfd p = { .fd = -1 };

		if (!watched[i] || !watched[i]->events)
			continue;
		p.fd = watched[i]->fd;
		p.events = (short)watched[i]->events;
		if (poll(&p, 1, 0) > 0)
			watched[i]->fn(watched[i]->ctx, (u32)p.revents);
	}
}

#endif
