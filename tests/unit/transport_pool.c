// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Buffers that transports share: pieces, limits, the order of those who wait,
 * the share of a connection, memory that is given back when nobody has used it
 * for a while.
 */
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "target/transport/pool.h"
#include "tests/unit/unit.h"

#define CHUNK	4096u
#define PIECES	8u

static struct {
	unsigned int slabs;
	unsigned int ever;
	bool empty;		/* there is no more memory */
} memory;

static int get(void *ctx, size_t len, struct pool_mem *m)
{
	UNIT_EQ(ctx == &memory, 1);
	if (memory.empty)
		return -ENOMEM;
	m->base = malloc(len);
	m->len = len;
	m->key = &memory.ever;
	memory.slabs++;
	memory.ever++;
	return 0;
}

static void put(void *ctx, struct pool_mem *m)
{
	(void)ctx;
	UNIT_EQ(m->key == &memory.ever, 1);
	free(m->base);
	memory.slabs--;
}

static const struct pool_ops ops = { get, put };
static struct pool pool;
static char served[16];

/* who is called "a", "b", ...; each a connection, unless @of is another one's */
struct who {
	struct pool_user u;
	struct pool_share own;
	struct who *of;
	char name;
	bool gives;		/* back, as soon as it is served */
};

static void ready(struct pool_user *u)
{
	struct who *w = (struct who *)u;

	strncat(served, &w->name, 1);
	if (w->gives)
		pool_give(&pool, u);
}

static int take(struct who *w, char name, u32 len)
{
	w->name = name;
	w->u.ready = ready;
	pool_share_init(&w->own);
	return pool_take(&pool, w->of ? &w->of->own : &w->own, &w->u, len);
}

static void begin(u32 limit)
{
	memset(&memory, 0, sizeof(memory));
	served[0] = 0;
	pool_init(&pool, "test", CHUNK, PIECES, limit, &ops, &memory);
}

static void end(void)
{
	UNIT_EQ(pool.in_use, 0);
	pool_fini(&pool);
	UNIT_EQ(memory.slabs, 0);
	UNIT_EQ(pool.total, 0);
}

static void pieces(void)
{
	struct who a = { 0 }, b = { 0 };
	u32 i;

	begin(1000);
	UNIT_EQ(take(&a, 'a', 3 * CHUNK + 1), 0);
	UNIT_EQ(a.u.nbufs, 4);
	for (i = 0; i < 4; i++) {
		UNIT_EQ(pool_iov(&a.u)[i].iov_len, i < 3 ? CHUNK : 1);
		memset(pool_iov(&a.u)[i].iov_base, 1 + (int)i,
		       pool_iov(&a.u)[i].iov_len);
	}
	/* what another one has is apart from it */
	UNIT_EQ(take(&b, 'b', PIECES * CHUNK), 0);
	for (i = 0; i < PIECES; i++)
		memset(pool_iov(&b.u)[i].iov_base, 99, CHUNK);
	for (i = 0; i < 4; i++)
		UNIT_EQ(*(u8 *)pool_iov(&a.u)[i].iov_base, 1 + i);
	UNIT_EQ(pool.in_use, 4 + PIECES);
	pool_give(&pool, &a.u);
	pool_give(&pool, &a.u);		/* harmless */
	pool_give(&pool, &b.u);
	/* one more piece than anybody may have */
	UNIT_EQ(take(&a, 'a', PIECES * CHUNK + 1), -ENOMEM);
	UNIT_EQ(a.own.claimed, 0);
	end();
}

static void order(void)
{
	struct who a = { 0 }, b = { 0 }, c = { 0 }, d = { .gives = true };

	begin(8);
	UNIT_EQ(take(&a, 'a', 6 * CHUNK), 0);
	UNIT_EQ(take(&b, 'b', 4 * CHUNK), -EAGAIN);
	/* there would be room for it, but not before who came first */
	UNIT_EQ(take(&d, 'd', CHUNK), -EAGAIN);
	UNIT_EQ(take(&c, 'c', 8 * CHUNK), -EAGAIN);
	UNIT_STR(served, "");
	pool_give(&pool, &a.u);
	/* d has given back at once, within the call, and c still waits for b */
	UNIT_STR(served, "bd");
	UNIT_EQ(pool.in_use, 4);
	pool_give(&pool, &b.u);
	UNIT_STR(served, "bdc");
	pool_give(&pool, &c.u);
	UNIT_EQ(memory.ever, 1);
	end();
}

static void cancel(void)
{
	struct who a = { 0 }, b = { 0 }, c = { 0 };

	begin(8);
	UNIT_EQ(take(&a, 'a', 6 * CHUNK), 0);
	UNIT_EQ(take(&b, 'b', 8 * CHUNK), -EAGAIN);
	UNIT_EQ(take(&c, 'c', 2 * CHUNK), -EAGAIN);
	pool_cancel(&pool, &b.u);
	UNIT_STR(served, "c");
	UNIT_EQ(b.u.nbufs, 0);
	pool_give(&pool, &a.u);
	pool_give(&pool, &c.u);
	end();
}

/* Of what it leaves free, a connection may have as much again. */
static void share(void)
{
	struct who a = { 0 }, more[3] = { { .of = &a }, { .of = &a }, { .of = &a } };
	struct who other = { 0 };

	begin(16);
	UNIT_EQ(take(&a, 'a', 4 * CHUNK), 0);
	UNIT_EQ(take(&more[0], 'b', 4 * CHUNK), 0);
	UNIT_EQ(a.own.claimed, 8);
	UNIT_EQ(take(&more[1], 'c', CHUNK), -EAGAIN);
	UNIT_EQ(more[1].u.place, POOL_PARKED);
	/* nor does anything of it go past that */
	UNIT_EQ(take(&more[2], 'd', CHUNK), -EAGAIN);
	UNIT_EQ(a.own.claimed, 8);
	/* others come, take, and find all that was left */
	UNIT_EQ(take(&other, 'o', 8 * CHUNK), 0);
	pool_give(&pool, &more[0].u);
	/* 4 are free, and 4 it has; the pool's line was empty all the time */
	UNIT_STR(served, "");
	pool_give(&pool, &other.u);
	/* what others give back is no reason to look again; its own is */
	UNIT_STR(served, "");
	pool_give(&pool, &a.u);
	UNIT_STR(served, "cd");
	UNIT_EQ(a.own.claimed, 2);
	pool_give(&pool, &more[1].u);
	pool_give(&pool, &more[2].u);
	UNIT_EQ(a.own.claimed, 0);
	end();
}

/* One of it may always wait for what there is, and so may an urgent one. */
static void share_of_nothing(void)
{
	struct who a = { 0 }, second = { .of = &a }, third = { .of = &a };
	struct who other = { 0 };

	begin(8);
	UNIT_EQ(take(&other, 'o', 8 * CHUNK), 0);
	UNIT_EQ(take(&a, 'a', CHUNK), -EAGAIN);
	UNIT_EQ(a.u.place, POOL_LINE);
	second.u.urgent = true;
	UNIT_EQ(take(&second, 's', CHUNK), -EAGAIN);
	UNIT_EQ(second.u.place, POOL_LINE);
	UNIT_EQ(take(&third, 't', CHUNK), -EAGAIN);
	UNIT_EQ(third.u.place, POOL_PARKED);
	UNIT_EQ(a.own.claimed, 2);
	pool_give(&pool, &other.u);
	UNIT_STR(served, "as");
	/* who is in nobody's way leaves the line to others */
	pool_cancel(&pool, &third.u);
	pool_cancel(&pool, &third.u);
	pool_give(&pool, &a.u);
	pool_give(&pool, &second.u);
	UNIT_STR(served, "as");
	end();
}

/* The first of those that are parked goes: the next one may need less. */
static void share_cancelled(void)
{
	struct who a = { 0 }, big = { .of = &a }, small = { .of = &a };
	struct who other = { 0 };

	begin(8);
	UNIT_EQ(take(&a, 'a', 2 * CHUNK), 0);
	UNIT_EQ(take(&big, 'b', 6 * CHUNK), -EAGAIN);
	UNIT_EQ(take(&small, 's', CHUNK), -EAGAIN);
	UNIT_EQ(small.u.place, POOL_PARKED);
	pool_cancel(&pool, &big.u);
	UNIT_STR(served, "s");
	/* from the line, too: what it has claimed there is free again */
	UNIT_EQ(take(&other, 'o', 8 * CHUNK), -EAGAIN);
	UNIT_EQ(other.own.claimed, 8);
	pool_cancel(&pool, &other.u);
	UNIT_EQ(other.own.claimed, 0);
	pool_give(&pool, &a.u);
	pool_give(&pool, &small.u);
	end();
}

/* Only who stands first from one look to the next is kept waiting. */
static void wanted(void)
{
	struct who a = { 0 }, b = { 0 }, c = { 0 };

	begin(8);
	UNIT_EQ(take(&a, 'a', 8 * CHUNK), 0);
	CU_ASSERT_FALSE(pool_wanted(&pool));
	UNIT_EQ(take(&b, 'b', 8 * CHUNK), -EAGAIN);
	CU_ASSERT_FALSE(pool_wanted(&pool));
	CU_ASSERT_TRUE(pool_wanted(&pool));
	UNIT_EQ(take(&c, 'c', CHUNK), -EAGAIN);
	pool_give(&pool, &a.u);
	CU_ASSERT_FALSE(pool_wanted(&pool));
	CU_ASSERT_TRUE(pool_wanted(&pool));
	pool_give(&pool, &b.u);
	CU_ASSERT_FALSE(pool_wanted(&pool));
	pool_give(&pool, &c.u);
	end();
}

static void trim(void);

/* Memory is looked for again: when something comes back, and now and then. */

static struct who starving, hungry;
static struct poller *watch;

static int fed(void *ctx)
{
	(void)ctx;
	memory.empty = false;
	if (strlen(served) < 2)
		return 0;
	poller_unregister(&watch);
	UNIT_STR(served, "sh");
	pool_give(&pool, &starving.u);
	pool_give(&pool, &hungry.u);
	end();
	trim();
	return 1;
}

static void no_memory(void)
{
	struct who a = { 0 }, b = { 0 };

	begin(1024);
	pool.pieces = 1024;
	UNIT_EQ(take(&a, 'a', CHUNK), 0);
	memory.empty = true;
	/* what there is will do for it, when it has come back */
	UNIT_EQ(take(&b, 'b', 256 * CHUNK), -EAGAIN);
	CU_ASSERT_PTR_NULL(pool.retry);
	pool_give(&pool, &a.u);
	UNIT_STR(served, "b");
	/* for the next one it will not; who comes then waits behind it */
	served[0] = 0;
	UNIT_EQ(take(&starving, 's', 257 * CHUNK), -EAGAIN);
	UNIT_EQ(take(&hungry, 'h', CHUNK), -EAGAIN);
	pool_give(&pool, &b.u);
	UNIT_STR(served, "");
	CU_ASSERT_PTR_NOT_NULL(pool.retry);
	watch = poller_register("watch", fed, NULL, 10000, NULL);
}

/* Slabs go when a whole period has passed without them, but the last one. */

#define MANY	100

static struct who many[MANY];

static int trimmed(void *ctx)
{
	(void)ctx;
	if (memory.slabs > 1)
		return 0;
	poller_unregister(&watch);
	end();
	reactors_stop();
	return 1;
}

static void trim(void)
{
	u32 i;

	begin(10000);
	for (i = 0; i < MANY; i++)
		UNIT_EQ(take(&many[i], 'x', PIECES * CHUNK), 0);
	UNIT_EQ(memory.slabs, 4);
	for (i = 0; i < MANY; i++)
		pool_give(&pool, &many[i].u);
	UNIT_EQ(memory.slabs, 4);
	watch = poller_register("watch", trimmed, NULL, 10000, NULL);
}

static void all(void *ctx)
{
	(void)ctx;
	pieces();
	order();
	cancel();
	share();
	share_of_nothing();
	share_cancelled();
	wanted();
	/* goes on by itself, and then with trim() */
	no_memory();
}

static void test_pool(void)
{
	int core = sched_getcpu();
	struct reactor_opts opts = { &core, 1, REACTOR_INTERRUPT, 0 };

	alarm(60);
	UNIT_EQ(reactors_run(&opts, all, NULL), 0);
}

UNIT_MAIN(UNIT(test_pool))
