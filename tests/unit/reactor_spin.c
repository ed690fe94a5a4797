// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * How long a reactor spins before it sleeps: what it learns from pauses.
 */
#include "target/reactor/spin.h"
#include "tests/unit/unit.h"

#define LIMIT	64
/* enough to forget what was before */
#define LONG	100

/* @n pauses that teach, and the others before them */
static void pauses(struct spin *s, unsigned int n, u64 us)
{
	while (n) {
		n -= !s->left;
		spin_paused(s, us);
	}
}

/* How long it spins in the pauses that do not teach */
static u64 spins(const struct spin *s)
{
	struct spin next = *s;

	next.left = 1;
	return spin_us(&next);
}

/* Untaught it does what the user has asked for. */
static void test_beginning(void)
{
	struct spin s;

	spin_init(&s, LIMIT);
	UNIT_EQ(spins(&s), LIMIT);
	spin_init(&s, 0);
	UNIT_EQ(spins(&s), 0);
	pauses(&s, LONG, 1);
	UNIT_EQ(spins(&s), 0);
}

/* It spins for what is about to come, and not for what takes longer. */
static void test_steady(void)
{
	struct spin s;
	u64 us;

	spin_init(&s, LIMIT);
	for (us = 1; us < LIMIT; us++) {
		pauses(&s, LONG, us);
		CU_ASSERT(spins(&s) >= us);
	}
	for (us = LIMIT + 1; us < 100 * LIMIT; us += LIMIT) {
		pauses(&s, LONG, us);
		UNIT_EQ(spins(&s), 0);
	}
}

/* What would be found at once by one who spins is late for one who sleeps. */
static void test_probe(void)
{
	struct spin s;
	int i;

	spin_init(&s, LIMIT);
	pauses(&s, LONG, 1000000);
	for (i = 0; i < 10 * SPIN_PROBE_MAX; i++)
		spin_paused(&s, spin_us(&s) >= LIMIT / 2 ? LIMIT / 2 : 2 * LIMIT);
	CU_ASSERT(spins(&s) >= LIMIT / 2);
}

/* How many of @n pauses of @us are spun through to the limit */
static unsigned int probes(struct spin *s, unsigned int n, u64 us)
{
	unsigned int probes = 0;

	for (; n; n--) {
		probes += spin_us(s) == LIMIT;
		spin_paused(s, us);
	}
	return probes;
}

/* In a load that stays as it is hardly any pause is a probe; in another one more are. */
static void test_probe_seldom(void)
{
	struct spin s;

	spin_init(&s, LIMIT);
	pauses(&s, LONG, 1000000);
	UNIT_EQ(probes(&s, 10 * SPIN_PROBE_MAX, 1000000), 10);
	UNIT_EQ(s.probe, SPIN_PROBE_MAX);
	do
		pauses(&s, 1, 1);
	while (!spins(&s));
	UNIT_EQ(s.probe, SPIN_PROBE_MIN);
	UNIT_EQ(s.left, SPIN_PROBE_MIN - 1);
}

/* Of pauses that alternate both kinds are seen. */
static void test_pairs(void)
{
	unsigned int i, seen[2] = {};
	struct spin s;

	spin_init(&s, LIMIT);
	for (i = 0; i < 100 * SPIN_PROBE_MAX; i++) {
		seen[i % 2] += !s.left;
		spin_paused(&s, i % 2 ? 1000000 : LIMIT / 2);
	}
	CU_ASSERT(seen[0] > 10);
	CU_ASSERT(seen[1] > 10);
}

/* A few pauses of another length, such as a timer's, change nothing. */
static void test_exception(void)
{
	struct spin s;

	spin_init(&s, LIMIT);
	pauses(&s, LONG, LIMIT / 2);
	pauses(&s, 2, 1000000);
	CU_ASSERT(spins(&s) >= LIMIT / 2);
	pauses(&s, LONG, 1000000);
	UNIT_EQ(spins(&s), 0);
	pauses(&s, 2, LIMIT / 2);
	UNIT_EQ(spins(&s), 0);
}

/* Short pauses within a burst, long ones between bursts: the short ones only */
static void test_bursts(void)
{
	struct spin s;
	int i;

	spin_init(&s, LIMIT);
	for (i = 0; i < LONG; i++) {
		pauses(&s, 4, LIMIT / 8);
		pauses(&s, 1, 10 * LIMIT);
	}
	UNIT_EQ(spins(&s), LIMIT / 8);
	/* hardly any: then a spin after each burst is too much */
	for (i = 0; i < LONG; i++) {
		pauses(&s, 1, 100 * LIMIT);
		pauses(&s, 1, 10 * LIMIT);
	}
	UNIT_EQ(spins(&s), 0);
}

UNIT_MAIN(UNIT(test_beginning), UNIT(test_steady), UNIT(test_probe),
	  UNIT(test_probe_seldom), UNIT(test_pairs), UNIT(test_exception), UNIT(test_bursts))
