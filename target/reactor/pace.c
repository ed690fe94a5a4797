// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * When a spinning reactor asks epoll; see pace.h.
 */
#include "target/reactor/pace.h"

static u64 at_most(u64 us)
{
	return us < PACE_MAX_US ? us : PACE_MAX_US;
}

void pace_vain(struct pace *p, u64 now_us)
{
	u64 step = p->step_us ? 2 * p->step_us : p->first_us / 2;

	p->step_us = step < PACE_MIN_US ? PACE_MIN_US : at_most(step);
	p->next_us = now_us + p->step_us;
}

void pace_found(struct pace *p, u64 asked_us, u64 now_us, bool slept)
{
	if (p->step_us)
		p->first_us = at_most(asked_us - p->idle_us);
	else if (!slept)
		p->first_us = p->first_us * 3 / 4;
	p->step_us = 0;
	p->idle_us = now_us;
	p->next_us = now_us + p->first_us;
}
