// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Messages, barriers, start and stop of reactors, with real threads on the
 * cores that are there (the same core twice where there is only one). Nothing
 * is timed; what would hang ends by the alarm.
 */
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "target/reactor/reactor.h"
#include "tests/unit/unit.h"

#define WATCHDOG_S	120

static int cores[4];

static int run(unsigned int n, enum reactor_mode mode, unsigned int spin_us,
	       reactor_fn start, void *ctx)
{
	struct reactor_opts opts = { cores, n, mode, spin_us };
	unsigned int i, found = 0;
	cpu_set_t cpus;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	for (i = 0; i < CPU_SETSIZE && found < n; i++)
		if (CPU_ISSET(i, &cpus))
			cores[found++] = (int)i;
	for (i = found; i < n; i++)
		cores[i] = cores[i - found];
	alarm(WATCHDOG_S);
	return reactors_run(&opts, start, ctx);
}

static void stop(void *ctx)
{
	(void)ctx;
	reactors_stop();
}

/* order under load: two senders flood the control reactor, beyond its ring */

#define FLOOD 50000

static unsigned int flood_next[3], flood_wrong, flood_ended;

static void flood_got(void *ctx)
{
	unsigned int from = (unsigned int)((uintptr_t)ctx >> 32);
	unsigned int n = (unsigned int)(uintptr_t)ctx;

	flood_wrong += n != flood_next[from]++;
	if (flood_next[from] == FLOOD && ++flood_ended == 2)
		reactors_stop();
}

static void flood_send(void *ctx)
{
	uintptr_t from = reactor_index(reactor_self()), i;

	(void)ctx;
	for (i = 0; i < FLOOD; i++)
		reactor_send(reactor_control(), flood_got,
			     (void *)(from << 32 | i));
}

static void flood_start(void *ctx)
{
	reactor_send(reactor_get(1), flood_send, ctx);
	reactor_send(reactor_get(2), flood_send, ctx);
}

static void test_order_under_load(void)
{
	memset(flood_next, 0, sizeof(flood_next));
	flood_wrong = 0;
	flood_ended = 0;
	UNIT_EQ(run(3, REACTOR_ADAPTIVE, 20, flood_start, NULL), 0);
	UNIT_EQ(flood_wrong, 0);
	UNIT_EQ(flood_next[1], FLOOD);
	UNIT_EQ(flood_next[2], FLOOD);
}

/* a message to oneself does not run within the call */

static int self_steps;

static void self_second(void *ctx)
{
	(void)ctx;
	UNIT_EQ(self_steps, 1);
	self_steps = 2;
	reactors_stop();
}

static void self_first(void *ctx)
{
	reactor_send(reactor_self(), self_second, ctx);
	UNIT_EQ(self_steps, 0);
	self_steps = 1;
}

static void test_self_is_later(void)
{
	self_steps = 0;
	UNIT_EQ(run(1, REACTOR_BUSY, 0, self_first, NULL), 0);
	UNIT_EQ(self_steps, 2);
}

/* wake-ups: a ball between two reactors that sleep whenever they can */

#define ROUNDS 5000

struct ball {
	unsigned int hops;
};

/* of each reactor, when it last had a ball */
static u64 slept[3];

static void sleeps_note(void)
{
	struct reactor_stats s;

	reactor_stats_get(&s);
	slept[reactor_index(reactor_self())] = s.sleeps;
}

static void ball_hop(void *ctx)
{
	unsigned int here = reactor_index(reactor_self());
	struct ball *b = ctx;

	sleeps_note();
	if (!--b->hops) {
		reactor_send(reactor_control(), stop, NULL);
		return;
	}
	reactor_send(reactor_get(!here), ball_hop, b);
}

static void test_sleeping_receiver_wakes(void)
{
	static const unsigned int spins[] = { 0, 1, 3 };
	struct ball b = { 0 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(spins); i++) {
		b.hops = ROUNDS;
		memset(slept, 0, sizeof(slept));
		UNIT_EQ(run(2, spins[i] ? REACTOR_ADAPTIVE : REACTOR_INTERRUPT,
			    spins[i], ball_hop, &b), 0);
		UNIT_EQ(b.hops, 0);
		/* the others may find that it is not worth it */
		CU_ASSERT(spins[i] || slept[0] + slept[1] > 0);
	}
}

/* two balls at once: wake-ups by different senders cross each other */

static unsigned int balls_done;

static void balls_end(void *ctx)
{
	(void)ctx;
	if (++balls_done == 4)
		reactors_stop();
}

static void balls_hop(void *ctx)
{
	unsigned int here = reactor_index(reactor_self());
	struct ball *b = ctx;

	sleeps_note();
	if (!--b->hops)
		reactor_send(reactor_control(), balls_end, b);
	else
		reactor_send(reactor_get((here + 1 + b->hops % 2) % 3),
			     balls_hop, b);
}

static void balls_start(void *ctx)
{
	struct ball *b = ctx;
	int i;

	for (i = 0; i < 4; i++)
		reactor_send(reactor_get((unsigned int)i % 3), balls_hop, &b[i]);
}

static void test_crossing_wakeups(void)
{
	struct ball b[4];
	int i;

	for (i = 0; i < 4; i++)
		b[i].hops = 2000;
	balls_done = 0;
	memset(slept, 0, sizeof(slept));
	UNIT_EQ(run(3, REACTOR_INTERRUPT, 0, balls_start, b), 0);
	UNIT_EQ(balls_done, 4);
	CU_ASSERT(slept[0] + slept[1] + slept[2] > 0);
}

/* stop in the middle: every message of a chain still runs */

static struct ball chains[8];

static void chain_hop(void *ctx)
{
	struct ball *b = ctx;

	if (b->hops && --b->hops)
		reactor_send(reactor_get(b->hops % 3), chain_hop, b);
}

static void chain_start(void *ctx)
{
	size_t i;

	(void)ctx;
	for (i = 0; i < ARRAY_SIZE(chains); i++) {
		chains[i].hops = 3000;
		reactor_send(reactor_get(i % 3), chain_hop, &chains[i]);
	}
	reactors_stop();
}

static void test_stop_drains_messages(void)
{
	unsigned int i, left = 0;

	UNIT_EQ(run(3, REACTOR_ADAPTIVE, 5, chain_start, NULL), 0);
	for (i = 0; i < ARRAY_SIZE(chains); i++)
		left += chains[i].hops;
	UNIT_EQ(left, 0);
}

/* a flood that does not fit the ring is drained at stop as well */

static unsigned int drained;

static void drain_one(void *ctx)
{
	(void)ctx;
	drained++;
}

static void drain_start(void *ctx)
{
	int i;

	reactors_stop();
	for (i = 0; i < 20000; i++)
		reactor_send(reactor_get(1), drain_one, ctx);
}

static void test_stop_drains_backlog(void)
{
	drained = 0;
	UNIT_EQ(run(2, REACTOR_INTERRUPT, 0, drain_start, NULL), 0);
	UNIT_EQ(drained, 20000);
}

static void *foreign_stop(void *arg)
{
	(void)arg;
	CU_ASSERT_PTR_NULL(reactor_self());
	reactors_stop();
	return NULL;
}

static void foreign_start(void *ctx)
{
	pthread_create(ctx, NULL, foreign_stop, NULL);
}

static void test_stop_from_foreign_thread(void)
{
	pthread_t thread;

	UNIT_EQ(run(2, REACTOR_INTERRUPT, 0, foreign_start, &thread), 0);
	pthread_join(thread, NULL);
	reactors_stop();	/* nothing runs: nothing happens */
}

/* barrier: every reactor in turn, the end where it began */

static unsigned int visits[3], visit_count;

static void visit(void *ctx)
{
	(void)ctx;
	visits[reactor_index(reactor_self())] = ++visit_count;
}

static void visited(void *ctx)
{
	UNIT_EQ(reactor_index(reactor_self()), 1);
	UNIT_EQ(visit_count, 3);
	reactor_send(reactor_control(), stop, ctx);
}

static void visit_ask(void *ctx)
{
	reactor_for_each(visit, ctx, visited);
}

static void visit_start(void *ctx)
{
	reactor_send(reactor_get(1), visit_ask, ctx);
}

static void test_for_each(void)
{
	visit_count = 0;
	UNIT_EQ(run(3, REACTOR_ADAPTIVE, 10, visit_start, NULL), 0);
	UNIT_EQ(visits[0], 1);
	UNIT_EQ(visits[1], 2);
	UNIT_EQ(visits[2], 3);
}

/* what the accessors say, on each reactor */

static void look(void *ctx)
{
	struct reactor *r = reactor_self();
	unsigned int i = reactor_index(r);
	struct reactor_stats s;
	cpu_set_t cpus;

	(void)ctx;
	CU_ASSERT_PTR_EQUAL(reactor_get(i), r);
	UNIT_EQ(reactor_core(r), cores[i]);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	UNIT_EQ(CPU_COUNT(&cpus), 1);
	CU_ASSERT(CPU_ISSET(cores[i], &cpus));
	assert_on_reactor(r);
	reactor_stats_get(&s);
	CU_ASSERT(s.messages >= 1);
	CU_ASSERT(s.turns >= 1);
}

static void look_start(void *ctx)
{
	UNIT_EQ(reactor_count(), 2);
	CU_ASSERT_PTR_NULL(reactor_get(2));
	CU_ASSERT_PTR_EQUAL(reactor_self(), reactor_control());
	reactor_for_each(look, ctx, stop);
}

static void test_accessors(void)
{
	cpu_set_t before, after;

	sched_getaffinity(0, sizeof(before), &before);
	UNIT_EQ(run(2, REACTOR_ADAPTIVE, 10, look_start, NULL), 0);
	sched_getaffinity(0, sizeof(after), &after);
	CU_ASSERT(CPU_EQUAL(&before, &after));
	CU_ASSERT_PTR_NULL(reactor_self());
	UNIT_EQ(reactor_count(), 0);
}

/* what cannot be started is refused, and leaves nothing that is in the way */

static int run_cores(int first, int second, unsigned int n)
{
	int list[2] = { first, second };
	struct reactor_opts opts = { list, n, REACTOR_ADAPTIVE, 0 };

	return reactors_run(&opts, stop, NULL);
}

static void test_bad_options(void)
{
	struct reactor_opts opts = { cores, 1, (enum reactor_mode)7, 0 };
	int good;

	UNIT_EQ(run(1, REACTOR_ADAPTIVE, 0, stop, NULL), 0);
	good = cores[0];
	UNIT_EQ(run_cores(good, 0, 0), -EINVAL);
	UNIT_EQ(run_cores(-1, 0, 1), -EINVAL);
	UNIT_EQ(run_cores(CPU_SETSIZE, 0, 1), -EINVAL);
	UNIT_EQ(run_cores(CPU_SETSIZE - 1, 0, 1), -EINVAL);
	UNIT_EQ(run_cores(good, CPU_SETSIZE - 1, 2), -EINVAL);
	UNIT_EQ(reactors_run(&opts, stop, NULL), -EINVAL);
	UNIT_EQ(run_cores(good, good, 2), 0);
}

static int idle(void *ctx)
{
	(void)ctx;
	return 0;
}

static void leave_start(void *ctx)
{
	CU_ASSERT_PTR_NOT_NULL(poller_register("left", idle, ctx, 0, NULL));
	CU_ASSERT_PTR_NOT_NULL(poller_register("late", idle, ctx, 1000, NULL));
	CU_ASSERT_PTR_NOT_NULL(timer_start("far", stop, ctx, UINT64_MAX));
	reactors_stop();
}

static void test_leftovers_are_told(void)
{
	UNIT_EQ(run(1, REACTOR_ADAPTIVE, 0, leave_start, NULL), -EBUSY);
}

UNIT_MAIN(UNIT(test_order_under_load), UNIT(test_self_is_later),
	  UNIT(test_sleeping_receiver_wakes), UNIT(test_crossing_wakeups),
	  UNIT(test_stop_drains_messages), UNIT(test_stop_drains_backlog),
	  UNIT(test_stop_from_foreign_thread), UNIT(test_for_each),
	  UNIT(test_accessors), UNIT(test_bad_options),
	  UNIT(test_leftovers_are_told))
