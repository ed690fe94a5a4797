/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Queue arithmetic: 0-based and 1-based sizes, rings, and the counts of the
 * Number of Queues feature.
 */
#ifndef WEFT_COMMON_QUEUE_H
#define WEFT_COMMON_QUEUE_H

#include "common/platform.h"

/**
 * nvme_queue_depth() - what host, CAP.MQES (1-based) and MAXCMD agree on
 * @maxcmd: Identify Controller's MAXCMD; 0 = not reported
 */
u32 nvme_queue_depth(u32 wanted, u32 mqes, u32 maxcmd);

/**
 * nvme_num_queues_cdw11() - Set Features value asking for @n (>= 1) of each
 * More than the feature can express (65,535) asks for as many as it can.
 */
u32 nvme_num_queues_cdw11(u32 n);

/**
 * nvme_num_queues_granted() - I/O queues granted by the completion's DW0
 * A controller may grant more than was asked for, and not the same number of
 * submission and completion queues. Never more than @wanted.
 */
u32 nvme_num_queues_granted(u32 result, u32 wanted);

/** nvme_ring_next() - successor of @i in a ring of @size entries */
static inline u32 nvme_ring_next(u32 i, u32 size)
{
	return i + 1 == size ? 0 : i + 1;
}

#endif
