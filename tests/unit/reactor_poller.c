// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Pollers, timers and file descriptors of one reactor: order, unregistering
 * from within, arming before sleep. One thread, so every order is certain.
 */
#include <sched.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "target/reactor/reactor.h"
#include "tests/unit/unit.h"

static int run(enum reactor_mode mode, unsigned int spin_us, reactor_fn start)
{
	int core = sched_getcpu();
	struct reactor_opts opts = { &core, 1, mode, spin_us };

	alarm(60);
	return reactors_run(&opts, start, NULL);
}

static void stop(void *ctx)
{
	(void)ctx;
	reactors_stop();
}

/* timers fire by time, equal ones by age; one that is stopped never does */

static char fired[8];
static struct poller *never;

static void fire(void *ctx)
{
	strncat(fired, ctx, 1);
	if (strlen(fired) == 4) {
		poller_unregister(&never);
		CU_ASSERT_PTR_NULL(never);
		poller_unregister(&never);	/* harmless */
		reactors_stop();
	}
}

static void order_start(void *ctx)
{
	static char c[] = "c", a[] = "a", b[] = "b", d[] = "d", x[] = "x";

	(void)ctx;
	timer_start("c", fire, c, 20000);
	never = timer_start("x", fire, x, 60000000);
	timer_start("d", fire, d, 30000);
	timer_start("a", fire, a, 0);
	timer_start("b", fire, b, 0);
}

static void test_timer_order(void)
{
	enum reactor_mode mode;

	for (mode = REACTOR_BUSY; mode <= REACTOR_INTERRUPT; mode++) {
		fired[0] = 0;
		UNIT_EQ(run(mode, 100, order_start), 0);
		UNIT_STR(fired, "abcd");
	}
}

/*
 * Many timers, a third of them stopped again. The clock is read before and
 * after each start: an earlier one may not fire after one that was certainly
 * due later, and none before its time.
 */

#define MANY 600

static struct many {
	struct poller *p;
	u64 low, high;
	bool stopped, done;
} many[MANY];
static u64 many_low;
static unsigned int many_left, many_wrong;

static u64 clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000 + (u64)ts.tv_nsec / 1000;
}

static void many_fire(void *ctx)
{
	struct many *m = ctx;

	many_wrong += m->stopped || m->done;
	many_wrong += m->high < many_low;
	many_wrong += reactor_now_us() < m->low || clock_us() < m->low;
	many_low = m->low;
	m->done = true;
	if (!--many_left)
		reactors_stop();
}

static void many_start(void *ctx)
{
	unsigned int i, seed = 7, delay;

	(void)ctx;
	for (i = 0; i < MANY; i++) {
		delay = (unsigned int)rand_r(&seed) % 50000;
		many[i] = (struct many){ .low = clock_us() + delay };
		many[i].p = timer_start("many", many_fire, &many[i], delay);
		many[i].high = clock_us() + delay;
		CU_ASSERT_PTR_NOT_NULL(many[i].p);
	}
	many_left = MANY;
	for (i = 0; i < MANY; i += 3, many_left--) {
		poller_unregister(&many[i].p);
		many[i].stopped = true;
	}
}

static void test_many_timers(void)
{
	many_wrong = 0;
	many_low = 0;
	UNIT_EQ(run(REACTOR_INTERRUPT, 0, many_start), 0);
	UNIT_EQ(many_wrong, 0);
	UNIT_EQ(many_left, 0);
}

/* a timer of no delay that starts itself again does not starve the rest */

static unsigned int spins;

static void spin(void *ctx)
{
	spins++;
	if (ctx)
		timer_start("spin", spin, ctx, 0);
}

static unsigned int spin_turns;

static void spin_message(void *ctx)
{
	static char token;

	(void)ctx;
	if (!spin_turns)
		timer_start("spin", spin, &token, 0);
	if (++spin_turns < 50)
		reactor_send(reactor_self(), spin_message, NULL);
	else
		reactors_stop();
}

static void test_restarting_timer(void)
{
	spins = 0;
	spin_turns = 0;
	/* the last one that it started is still there at the end */
	UNIT_EQ(run(REACTOR_BUSY, 0, spin_message), -EBUSY);
	CU_ASSERT(spins >= 10 && spins <= 50);
}

/* a periodic one comes again, never early, until it unregisters itself */

#define TICK_US	1000

static struct poller *tick_poller;
static int ticks, ticks_seen, ticks_early;
static u64 ticks_from;

static void tick_seen(void *ctx, const struct poller_info *i)
{
	(void)ctx;
	ticks_seen++;
	UNIT_STR(i->name, "tick");
	UNIT_EQ(i->period_us, TICK_US);
	UNIT_EQ(i->runs, 5);
	UNIT_EQ(i->busy_runs, 2);	/* of the four that have ended */
}

static int tick(void *ctx)
{
	ticks++;
	ticks_early += clock_us() < ticks_from + (u64)ticks * TICK_US;
	if (ticks == 5) {
		reactor_pollers(tick_seen, ctx);
		poller_unregister(&tick_poller);
		reactors_stop();
	}
	return ticks & 1;
}

static void tick_start(void *ctx)
{
	ticks_from = reactor_now_us();
	tick_poller = poller_register("tick", tick, ctx, TICK_US, NULL);
}

static void test_periodic(void)
{
	enum reactor_mode mode;

	for (mode = REACTOR_BUSY; mode <= REACTOR_INTERRUPT; mode++) {
		ticks = ticks_seen = ticks_early = 0;
		UNIT_EQ(run(mode, 0, tick_start), 0);
		UNIT_EQ(ticks, 5);
		UNIT_EQ(ticks_seen, 1);
		UNIT_EQ(ticks_early, 0);
	}
}

/* pollers that remove themselves, the one before and the one after */

static struct poller *walk[5];
static unsigned int walk_runs[5];
static unsigned int walk_turn;

static void walk_free(unsigned int i)
{
	poller_unregister(&walk[i]);
}

static int walk_last(void *ctx)
{
	walk_runs[4]++;
	if (++walk_turn == 3) {
		walk_free(4);
		walk_free(3);
		stop(ctx);
	}
	return 0;
}

static int walk_poll(void *ctx)
{
	unsigned int i = (unsigned int)(uintptr_t)ctx;

	walk_runs[i]++;
	if (i == 1) {
		walk_free(0);		/* before */
		walk_free(2);		/* next */
		walk_free(1);		/* itself */
		/* new ones wait for the next turn */
		walk[4] = poller_register("4", walk_last, NULL, 0, NULL);
	}
	return 1;
}

static void walk_start(void *ctx)
{
	uintptr_t i;

	(void)ctx;
	for (i = 0; i < 4; i++)
		walk[i] = poller_register("walk", walk_poll, (void *)i, 0, NULL);
}

static void test_unregister_within(void)
{
	memset(walk_runs, 0, sizeof(walk_runs));
	walk_turn = 0;
	UNIT_EQ(run(REACTOR_ADAPTIVE, 0, walk_start), 0);
	UNIT_EQ(walk_runs[0], 1);
	UNIT_EQ(walk_runs[1], 1);
	UNIT_EQ(walk_runs[2], 0);
	UNIT_EQ(walk_runs[3], 4);
	UNIT_EQ(walk_runs[4], 3);
}

/* sleep: armed before, refused by arm, prevented by a poller without arm */

static struct poller *sleeper;
static unsigned int arms, polls;
static struct reactor_stats slept;

static int arm_poll(void *ctx)
{
	(void)ctx;
	polls++;
	return 0;
}

static int arm(void *ctx)
{
	(void)ctx;
	return ++arms < 4;	/* there is work after all, three times */
}

static void arm_end(void *ctx)
{
	reactor_stats_get(&slept);
	poller_unregister(&sleeper);
	stop(ctx);
}

static void arm_start(void *ctx)
{
	sleeper = poller_register("armed", arm_poll, ctx, 0, arm);
	timer_start("end", arm_end, ctx, 3000);
}

static void test_arm(void)
{
	arms = 0;
	polls = 0;
	UNIT_EQ(run(REACTOR_INTERRUPT, 0, arm_start), 0);
	CU_ASSERT(arms >= 4);
	CU_ASSERT(polls >= 4);
	CU_ASSERT(slept.sleeps >= 1 && slept.sleeps <= arms - 3);
	/* turns that a sleeping reactor does not make */
	CU_ASSERT(slept.turns < 1000);
}

static int no_arm_poll(void *ctx)
{
	if (++polls == 200) {
		reactor_stats_get(&slept);
		poller_unregister(&sleeper);
		stop(ctx);
	}
	return 0;
}

static void no_arm_start(void *ctx)
{
	sleeper = poller_register("spinning", no_arm_poll, ctx, 0, NULL);
}

static void test_no_arm_no_sleep(void)
{
	polls = 0;
	UNIT_EQ(run(REACTOR_INTERRUPT, 0, no_arm_start), 0);
	UNIT_EQ(slept.sleeps, 0);
	UNIT_EQ(polls, 200);
}

/* descriptors */

static int pipes[2][2];
static struct fd_source *sources[2];
static unsigned int fd_calls[2];

static void fd_first_wins(void *ctx, u32 events)
{
	unsigned int i = (unsigned int)(uintptr_t)ctx;

	CU_ASSERT(events & EPOLLIN);
	fd_calls[i]++;
	/* both are ready and fetched together; whoever runs removes both */
	fd_source_remove(&sources[!i]);
	fd_source_remove(&sources[i]);
	CU_ASSERT_PTR_NULL(sources[i]);
	timer_start("stop", stop, NULL, 1000);
}

static void fd_start(void *ctx)
{
	uintptr_t i;

	(void)ctx;
	for (i = 0; i < 2; i++) {
		sources[i] = fd_source_add("pipe", pipes[i][0], EPOLLIN,
					   fd_first_wins, (void *)i);
		CU_ASSERT_PTR_NOT_NULL(sources[i]);
		UNIT_EQ(write(pipes[i][1], "x", 1), 1);
	}
}

static void pipes_open(void)
{
	int i;

	for (i = 0; i < 2; i++)
		UNIT_EQ(pipe(pipes[i]), 0);
}

static void pipes_close(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
}

static void test_fd_removed_while_ready(void)
{
	enum reactor_mode mode;

	for (mode = REACTOR_BUSY; mode <= REACTOR_INTERRUPT; mode++) {
		pipes_open();
		memset(fd_calls, 0, sizeof(fd_calls));
		UNIT_EQ(run(mode, 50, fd_start), 0);
		UNIT_EQ(fd_calls[0] + fd_calls[1], 1);
		pipes_close();
	}
}

static void fd_modified(void *ctx, u32 events)
{
	(void)ctx;
	if (fd_calls[0]++ == 0) {
		UNIT_EQ(events, EPOLLOUT);
		UNIT_EQ(fd_source_modify(sources[0], 0), 0);
		/* would be called at once if it still watched */
		timer_start("stop", stop, NULL, 2000);
	}
}

static void fd_modify_start(void *ctx)
{
	CU_ASSERT_PTR_NULL(fd_source_add("bad", -1, EPOLLIN, fd_modified, ctx));
	UNIT_EQ(errno, EBADF);
	sources[0] = fd_source_add("pipe", pipes[0][1], EPOLLOUT, fd_modified,
				   ctx);
}

static void test_fd_modify(void)
{
	pipes_open();
	fd_calls[0] = 0;
	/* the descriptor is left on purpose, and told */
	UNIT_EQ(run(REACTOR_INTERRUPT, 0, fd_modify_start), -EBUSY);
	UNIT_EQ(fd_calls[0], 1);
	pipes_close();
}

UNIT_MAIN(UNIT(test_timer_order), UNIT(test_many_timers),
	  UNIT(test_restarting_timer), UNIT(test_periodic),
	  UNIT(test_unregister_within), UNIT(test_arm),
	  UNIT(test_no_arm_no_sleep), UNIT(test_fd_removed_while_ready),
	  UNIT(test_fd_modify))
