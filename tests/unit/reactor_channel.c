// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * io devices and their channels on two reactors: made once per reactor,
 * counted, destroyed later, and the device gone only after the last of them.
 * Steps are messages to one reactor at a time; only reaping overlaps them.
 */
#include <sched.h>
#include <unistd.h>

#include "target/reactor/reactor.h"
#include "tests/unit/unit.h"

struct state {
	unsigned int reactor;
	unsigned int magic;
};

static int device, refusing;
static int created, destroyed, gone;

static int run(unsigned int n, reactor_fn start)
{
	int cores[2] = { -1, -1 }, i, found = 0;
	struct reactor_opts opts = { cores, n, REACTOR_ADAPTIVE, 20 };
	cpu_set_t cpus;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	for (i = 0; i < CPU_SETSIZE && found < 2; i++)
		if (CPU_ISSET(i, &cpus))
			cores[found++] = i;
	if (found < 2)
		cores[1] = cores[0];
	alarm(60);
	created = 0;
	destroyed = 0;
	gone = 0;
	return reactors_run(&opts, start, NULL);
}

static int create(void *dev, void *buf)
{
	struct state *s = buf;

	if (dev == &refusing)
		return -ENOSPC;
	CU_ASSERT_PTR_EQUAL(dev, &device);
	UNIT_EQ(s->magic, 0);
	s->reactor = reactor_index(reactor_self());
	s->magic = 0x77656674;
	__atomic_add_fetch(&created, 1, __ATOMIC_RELAXED);
	return 0;
}

static void destroy(void *dev, void *buf)
{
	struct state *s = buf;

	CU_ASSERT_PTR_EQUAL(dev, &device);
	UNIT_EQ(s->magic, 0x77656674);
	UNIT_EQ(s->reactor, reactor_index(reactor_self()));
	__atomic_add_fetch(&destroyed, 1, __ATOMIC_RELAXED);
}

static void device_add(void *dev)
{
	UNIT_EQ(io_device_register(dev, "test", sizeof(struct state), create,
				   destroy), 0);
}

static void stop(void *ctx)
{
	(void)ctx;
	gone++;
	reactors_stop();
}

/* one reactor: counting, second thoughts, refusals */

static struct io_channel *held;

static void count_seen(void *ctx, const char *name, unsigned int refs)
{
	UNIT_STR(name, "test");
	UNIT_EQ(refs, 2);
	++*(int *)ctx;
}

static void count_late(void *ctx)
{
	UNIT_EQ(destroyed, 0);		/* it was taken again in time */
	io_channel_put(held);
	UNIT_EQ(destroyed, 0);		/* not within the call */
	io_device_unregister(&device, stop, ctx);
	CU_ASSERT_PTR_NULL(io_channel_get(&device));
	UNIT_EQ(errno, ENODEV);
}

static void count_start(void *ctx)
{
	struct io_channel *ch, *again;
	int seen = 0;

	CU_ASSERT_PTR_NULL(io_channel_get(&device));
	UNIT_EQ(errno, ENODEV);
	device_add(&device);
	UNIT_EQ(io_device_register(&device, "twice", 0, create, destroy),
		-EEXIST);
	ch = io_channel_get(&device);
	again = io_channel_get(&device);
	CU_ASSERT_PTR_EQUAL(ch, again);
	CU_ASSERT_PTR_EQUAL(io_channel_dev(ch), &device);
	UNIT_EQ((uintptr_t)io_channel_ctx(ch) % 64, 0);
	reactor_channels(count_seen, &seen);
	UNIT_EQ(seen, 1);
	UNIT_EQ(created, 1);
	io_channel_put(ch);
	io_channel_put(again);
	held = io_channel_get(&device);
	CU_ASSERT_PTR_EQUAL(held, ch);
	io_channel_put(held);		/* reaping is under way already */
	held = io_channel_get(&device);
	reactor_send(reactor_self(), count_late, ctx);
}

static void test_counting(void)
{
	UNIT_EQ(run(1, count_start), 0);
	UNIT_EQ(created, 1);
	UNIT_EQ(destroyed, 1);
	UNIT_EQ(gone, 1);
}

static void refuse_start(void *ctx)
{
	device_add(&refusing);
	CU_ASSERT_PTR_NULL(io_channel_get(&refusing));
	UNIT_EQ(errno, ENOSPC);
	io_device_unregister(&refusing, stop, ctx);
	UNIT_EQ(gone, 0);		/* never within the call */
}

static void test_create_refuses(void)
{
	UNIT_EQ(run(1, refuse_start), 0);
	UNIT_EQ(gone, 1);
}

/* two reactors: the device goes when the last channel has, wherever it is */

static struct io_channel *mine[2];
static int visited;

static void take(void *ctx)
{
	(void)ctx;
	mine[reactor_index(reactor_self())] = io_channel_get(&device);
}

static void give(void *ctx)
{
	(void)ctx;
	io_channel_put(mine[reactor_index(reactor_self())]);
}

static void far_gone(void *ctx)
{
	UNIT_EQ(reactor_index(reactor_self()), 0);
	UNIT_EQ(destroyed, 2);
	stop(ctx);
}

static void visit(struct io_channel *ch, void *ctx)
{
	struct state *s = io_channel_ctx(ch);

	UNIT_EQ(s->reactor, reactor_index(reactor_self()));
	CU_ASSERT_PTR_EQUAL(ch, mine[s->reactor]);
	*(int *)ctx += 1 + (int)s->reactor;
}

static void far_visited_both(void *ctx)
{
	(void)ctx;
	UNIT_EQ(visited, 1 + 2 + 2);
	UNIT_EQ(gone, 0);
	reactor_for_each(give, NULL, NULL);
}

static void far_taken(void *ctx)
{
	UNIT_EQ(created, 2);
	io_device_unregister(&device, far_gone, NULL);
	/* removal does not hide the channels that are there */
	io_device_for_each_channel(&device, visit, ctx, far_visited_both);
}

static void far_visited_one(void *ctx)
{
	UNIT_EQ(reactor_index(reactor_self()), 0);
	UNIT_EQ(visited, 2);		/* reactor 1 only */
	take(NULL);
	far_taken(ctx);
}

static void far_home(void *ctx)
{
	io_device_for_each_channel(&device, visit, ctx, far_visited_one);
}

static void far_one(void *ctx)
{
	take(NULL);
	CU_ASSERT_PTR_NOT_NULL(mine[1]);
	reactor_send(reactor_control(), far_home, ctx);
}

static void far_start(void *ctx)
{
	(void)ctx;
	visited = 0;
	device_add(&device);
	reactor_send(reactor_get(1), far_one, &visited);
}

static void test_two_reactors(void)
{
	UNIT_EQ(run(2, far_start), 0);
	UNIT_EQ(created, 2);
	UNIT_EQ(destroyed, 2);
	UNIT_EQ(gone, 1);
}

/* taken and given back over and over on both, under a barrier's eyes */

static void churn(void *ctx)
{
	struct io_channel *ch[3];
	int i, n;

	(void)ctx;
	for (n = 0; n < 50; n++) {
		for (i = 0; i < 3; i++)
			ch[i] = io_channel_get(&device);
		for (i = 0; i < 3; i++)
			io_channel_put(ch[i]);
	}
}

static int churns;

static void churn_again(void *ctx)
{
	if (++churns < 100)
		reactor_for_each(churn, ctx, churn_again);
	else
		io_device_unregister(&device, stop, ctx);
}

static void churn_start(void *ctx)
{
	churns = 0;
	device_add(&device);
	churn_again(ctx);
}

static void test_churn(void)
{
	UNIT_EQ(run(2, churn_start), 0);
	UNIT_EQ(created, destroyed);
	CU_ASSERT(created >= 2);
	UNIT_EQ(gone, 1);
}

/* what is left at the end is told, and not destroyed behind its owner's back */

static void left_start(void *ctx)
{
	(void)ctx;
	device_add(&device);
	io_channel_get(&device);
	reactors_stop();
}

static void test_leftovers_are_told(void)
{
	UNIT_EQ(run(1, left_start), -EBUSY);
	UNIT_EQ(destroyed, 0);
	UNIT_EQ(run(1, count_start), 0);	/* and nothing of it stays */
}

UNIT_MAIN(UNIT(test_counting), UNIT(test_create_refuses),
	  UNIT(test_two_reactors), UNIT(test_churn),
	  UNIT(test_leftovers_are_told))
