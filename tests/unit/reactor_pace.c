// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * How often a spinning reactor asks epoll: calls and delays on a clock of the
 * test's own, for events that come in a rhythm.
 */
#include "target/reactor/pace.h"
#include "tests/unit/unit.h"

#define ROUNDS 100

struct course {
	u64 calls;
	u64 late_us;
};

static u64 clock_us;

/*
 * Rounds of @work_us of work, @idle_us after the end of which there is more.
 * The reactor turns once in a microsecond.
 */
static struct course run(struct pace *p, u64 work_us, u64 idle_us)
{
	struct course c = { 0 };
	u64 there, asked;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		there = clock_us + idle_us;
		for (;; clock_us++) {
			if (!pace_due(p, clock_us))
				continue;
			c.calls++;
			if (clock_us >= there)
				break;
			pace_vain(p, clock_us);
		}
		asked = clock_us;
		c.late_us += asked - there;
		clock_us += work_us;
		pace_found(p, asked, clock_us, false);
	}
	return c;
}

/* Nearly every call finds something, and not much later than it could. */
static void test_rhythm(void)
{
	u64 idle;

	for (idle = 1; idle <= 40; idle++) {
		struct pace p = { 0 };
		struct course c = run(&p, 100, idle);

		CU_ASSERT(c.calls <= ROUNDS * 8 / 5);
		CU_ASSERT(c.late_us <= ROUNDS * 12);
	}
}

/* Whoever always finds something does not wait for it. */
static void test_full_load(void)
{
	struct pace p = { 0 };
	struct course c;

	run(&p, 100, 40);
	c = run(&p, 100, 0);
	UNIT_EQ(c.calls, ROUNDS);
	CU_ASSERT(c.late_us < 4 * PACE_MAX_US);
	UNIT_EQ(p.first_us, 0);
}

/* Long silence costs few calls, and what comes then waits for PACE_MAX_US. */
static void test_silence(void)
{
	struct pace p = { 0 };
	struct course c = run(&p, 10, 1000);

	CU_ASSERT(c.calls <= ROUNDS * (1000 / PACE_MAX_US + 3));
	CU_ASSERT(c.late_us <= ROUNDS * PACE_MAX_US);
	UNIT_EQ(p.first_us, PACE_MAX_US);
}

/*
 * Who sleeps sees at once what comes, and does not ask in vain before. The first
 * call is in vain, and teaches.
 */
static void test_sleep(void)
{
	struct pace p = { 0 };
	u64 now = 1000;
	int i, vain = 0;

	for (i = 0; i < ROUNDS; i++) {
		/* the end of the work; then it sleeps, and there is more */
		now += 15;
		if (pace_due(&p, now)) {
			pace_vain(&p, now);
			vain++;
		}
		now += 100;
		pace_found(&p, now, now, true);
	}
	UNIT_EQ(vain, 1);
	UNIT_EQ(p.first_us, PACE_MAX_US);
}

UNIT_MAIN(UNIT(test_rhythm), UNIT(test_full_load), UNIT(test_silence),
	  UNIT(test_sleep))
