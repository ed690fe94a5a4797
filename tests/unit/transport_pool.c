// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Buffers that transports share: pieces, limits, the order of those who wait,
 * memory that is given back when nobody has used it for a while.
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

/* who is called "a", "b", ... */
struct who {
	struct pool_user u;
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
	return pool_take(&pool, &w->u, len);
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
	UNIT_EQ(pool.waits, 0);
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
	UNIT_EQ(pool.waits, 3);
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
