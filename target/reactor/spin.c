// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * How long an adaptive reactor polls in vain; see spin.h.
 */
#include "target/reactor/spin.h"

/* A pause counts for 1/SPIN_DECAY of what is remembered. */
#define SPIN_DECAY	8

static u64 choice_us(const struct spin *s, unsigned int choice)
{
	return choice ? s->limit_us >> (SPIN_CHOICES - 1 - choice) : 0;
}

void spin_init(struct spin *s, u64 limit_us)
{
	*s = (struct spin) {
		.limit_us = limit_us,
		.choice = SPIN_CHOICES - 1,
		.probe = SPIN_PROBE_MIN,
	};
}

u64 spin_us(const struct spin *s)
{
	return s->left ? choice_us(s, s->choice) : s->limit_us;
}

/* When the next pause teaches: later each time that this one has taught nothing new */
static void plan_probe(struct spin *s, bool changed)
{
	if (changed)
		s->probe = SPIN_PROBE_MIN;
	else if (s->probe < SPIN_PROBE_MAX)
		s->probe = 2 * s->probe + 1;
	s->left = s->probe - 1;
}

void spin_paused(struct spin *s, u64 pause_us)
{
	unsigned int i, best = 0;
	u64 us;

	if (s->left) {
		s->left--;
		return;
	}
	for (i = 0; i < SPIN_CHOICES; i++) {
		us = choice_us(s, i);
		s->cost[i] -= s->cost[i] / SPIN_DECAY;
		s->cost[i] += pause_us <= us ? pause_us : us + s->limit_us;
		if (s->cost[i] <= s->cost[best])
			best = i;
	}
	plan_probe(s, s->choice != best);
	s->choice = best;
}
