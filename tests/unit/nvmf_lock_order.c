// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The order of locks of block ranges: as a plain list would have it, and at a
 * price that does not depend on how many wait.
 */
#include "target/nvmf/lock_order.h"
#include "tests/unit/random.h"
#include "tests/unit/unit.h"

/** struct lock - one of a test's locks; @began: its turn has come */
struct lock {
	struct nvmf_order *order;
	u64 lba;
	u32 blocks;
	bool began;
};

static const int media[2];
static u32 turns;

static void turn(void *ctx)
{
	struct lock *l = ctx;

	if (l->began)
		abort();
	l->began = true;
	turns++;
}

static void enter(struct lock *l, const int *medium, u64 lba, u32 blocks)
{
	*l = (struct lock){ .lba = lba, .blocks = blocks };
	l->order = nvmf_order_new(medium, lba, blocks, l);
	if (nvmf_order_enter(l->order))
		turn(l);
}

static void leave(struct lock *l)
{
	nvmf_order_leave(l->order, turn);
	free(l->order);
	l->order = NULL;
}

/* Against a list */

#define MANY	64
#define ROUNDS	20000

static bool may_begin(const struct lock *l, u32 i)
{
	u32 k;

	for (k = 0; k < i; k++)
		if (l[k].order->medium == l[i].order->medium &&
		    l[k].lba < l[i].lba + l[i].blocks &&
		    l[i].lba < l[k].lba + l[k].blocks)
			return false;
	return true;
}

/* the @nth of those that have begun goes; who is behind it moves up */
static void leave_any(struct lock **l, u32 *n, u32 nth)
{
	u32 i;

	for (i = 0; i < *n; i++)
		if (l[i]->began && !nth--)
			break;
	leave(l[i]);
	free(l[i]);
	memmove(&l[i], &l[i + 1], (--*n - i) * sizeof(l[0]));
}

static u32 check_list(struct lock **l, u32 n)
{
	struct lock flat[MANY];
	u32 i, began = 0;

	for (i = 0; i < n; i++) {
		flat[i] = *l[i];
		began += l[i]->began;
		if (l[i]->began != may_begin(flat, i))
			return 0;
	}
	return began;
}

static void test_order(void)
{
	struct test_random r = { 20261128 };
	struct lock *l[MANY];
	u32 n = 0, began = 0;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (!n || (n < MANY && random_u64(&r) >> 63)) {
			l[n] = malloc(sizeof(*l[n]));
			enter(l[n++], &media[random_u64(&r) >> 63],
			      random_u64(&r) >> 59,
			      (random_u64(&r) >> 61) + 1);
		} else {
			leave_any(l, &n, random_u64(&r) % began);
		}
		began = check_list(l, n);
		if (n && !began)
			break;
	}
	UNIT_EQ(i, ROUNDS);
	while (n)
		leave_any(l, &n, 0);
}

/*
 * A step for each lock that is there would be more than 10^11 steps in each of
 * these, which do not end in the time that a test has.
 */
#define CROWD	300000
#define PASSERS	500000

static struct lock crowd[CROWD];

static void leave_all(void)
{
	u32 i;

	for (i = 0; i < CROWD && crowd[i].began; i++)
		leave(&crowd[i]);
	UNIT_EQ(i, CROWD);
}

/* Those that come and go all want block @lba */
static void pass(u64 lba)
{
	struct lock first, second;
	u32 i;

	turns = 0;
	for (i = 0; i < PASSERS; i++) {
		enter(&first, media, lba, 1);
		enter(&second, media, lba, 1);
		leave(&first);
		leave(&second);
	}
	UNIT_EQ(turns, 2 * PASSERS);
}

static void test_crowd_at_one_block(void)
{
	u32 i;

	turns = 0;
	for (i = 0; i < CROWD; i++)
		enter(&crowd[i], media, 5, 1);
	UNIT_EQ(turns, 1);
	pass(6);
	leave_all();
}

static void test_crowd_at_many_blocks(void)
{
	u32 i;

	turns = 0;
	for (i = 0; i < CROWD; i++)
		enter(&crowd[i], media, i, 1);
	UNIT_EQ(turns, CROWD);
	pass(CROWD);
	leave_all();
}

UNIT_MAIN(UNIT(test_order), UNIT(test_crowd_at_one_block),
	  UNIT(test_crowd_at_many_blocks))
