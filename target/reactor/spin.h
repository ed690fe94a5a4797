/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * How long an adaptive reactor polls in vain before it sleeps. Spinning pays where the
 * next work comes soon; where it does not, each pause costs the whole spin and the
 * wakeup after it. So several lengths are compared, on paper, and the one that would
 * have cost least lately is used. loop.c uses it; it is a file of its own because it
 * knows no clock and can be tested.
 */
#ifndef WEFT_TARGET_REACTOR_SPIN_H
#define WEFT_TARGET_REACTOR_SPIN_H

#include "common/platform.h"

/* Not at all, and the limit's 1/8, 1/4, 1/2 and whole */
#define SPIN_CHOICES	5
/*
 * One pause in so many is spun through, and only it teaches: what comes while the
 * reactor sleeps is seen later than it came. Fewer and fewer are while that changes
 * nothing, as each of them may be in vain. Odd numbers: pauses often come in pairs, a
 * command's arrival and the end of what it sends.
 */
#define SPIN_PROBE_MIN	7
#define SPIN_PROBE_MAX	511

/**
 * struct spin - of one reactor
 * @limit_us: the longest; also what a wakeup is held to cost, which makes spinning for
 *	longer than that never worth it
 * @cost: of each choice for a pause, us, a decaying sum
 * @choice: the cheapest; of equal ones the longest, which answers sooner
 * @probe: pauses from one that teaches to the next
 * @left: pauses until then; 0: this one does
 */
struct spin {
	u64 limit_us;
	u64 cost[SPIN_CHOICES];
	unsigned int choice;
	unsigned int probe;
	unsigned int left;
};

/** spin_init() - begins with the whole of @limit_us; 0: never spin */
void spin_init(struct spin *s, u64 limit_us);

/** spin_us() - so long without work, and the reactor sleeps */
u64 spin_us(const struct spin *s);

/** spin_paused() - from the end of work to the next it took @pause_us, which is not 0 */
void spin_paused(struct spin *s, u64 pause_us);

#endif
