/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * How often a reactor that spins asks epoll. Asked too often, most calls are in
 * vain; too rarely, what has come lies there. So it learns, from how long the
 * last events let it wait, when the next ones are likely to be there. loop.c
 * uses it; it is a file of its own because it knows no clock and can be tested.
 */
#ifndef WEFT_TARGET_REACTOR_PACE_H
#define WEFT_TARGET_REACTOR_PACE_H

#include "common/platform.h"

/* From the end of the work with events to the first call, at most */
#define PACE_MAX_US		40
/* From one call in vain to the next, at least; at most it is PACE_MAX_US */
#define PACE_MIN_US		10

/**
 * struct pace - of one reactor; zeroes are a good beginning
 * @first_us: learned: from the end of what events have brought to the next call
 * @idle_us: since when there has been nothing
 * @next_us: time of the next call
 * @step_us: from the last one, which was in vain, to that; 0: none was yet
 */
struct pace {
	u64 first_us;
	u64 idle_us;
	u64 next_us;
	u64 step_us;
};

/** pace_due() - is it time to ask? */
static inline bool pace_due(const struct pace *p, u64 now_us)
{
	return now_us >= p->next_us;
}

/** pace_vain() - a call at @now_us has found nothing */
void pace_vain(struct pace *p, u64 now_us);

/**
 * pace_found() - one at @asked_us has, and all that came of it was done @now_us
 * @slept: it was not asked for: the reactor slept until then
 *
 * If it was the first one, the next may come a little sooner: under full load
 * there is always something, and no time is lost; but not after a sleep, which
 * says that there was nothing for a while. Else it comes when this one did, and
 * those that were in vain are spared.
 */
void pace_found(struct pace *p, u64 asked_us, u64 now_us, bool slept);

#endif
