// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Queue arithmetic: depths both ends agree on and the Number of Queues
 * feature. Called when a controller's queues are set up; any context.
 */
#include "common/queue.h"

/* Each half of the feature's dword is 0-based; FFFFh is not a valid count. */
#define NUM_QUEUES_MAX	0xffffu

u32 nvme_queue_depth(u32 wanted, u32 mqes, u32 maxcmd)
{
	u32 depth = weft_min(wanted, mqes);

	return maxcmd ? weft_min(depth, maxcmd) : depth;
}

u32 nvme_num_queues_cdw11(u32 n)
{
	u32 count = n ? weft_min(n, NUM_QUEUES_MAX) : 1;

	return (count - 1) << 16 | (count - 1);
}

u32 nvme_num_queues_granted(u32 result, u32 wanted)
{
	return weft_min(wanted, weft_min(result & 0xffff, result >> 16) + 1);
}
