// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * common/queue.h: depths, the Number of Queues feature, rings.
 */
#include "common/queue.h"
#include "tests/unit/unit.h"

static void test_depth(void)
{
	UNIT_EQ(nvme_queue_depth(128, 1024, 0), 128);
	UNIT_EQ(nvme_queue_depth(1024, 128, 0), 128);
	UNIT_EQ(nvme_queue_depth(128, 128, 127), 127);
	UNIT_EQ(nvme_queue_depth(128, 128, 129), 128);
	UNIT_EQ(nvme_queue_depth(16, 65536, 65535), 16);
	UNIT_EQ(nvme_queue_depth(16, 2, 1), 1);
}

static void test_num_queues_asked(void)
{
	UNIT_EQ(nvme_num_queues_cdw11(1), 0);
	UNIT_EQ(nvme_num_queues_cdw11(2), 0x00010001);
	UNIT_EQ(nvme_num_queues_cdw11(65535), 0xfffefffe);
	UNIT_EQ(nvme_num_queues_cdw11(65536), 0xfffefffe);
	UNIT_EQ(nvme_num_queues_cdw11(0xffffffff), 0xfffefffe);
	UNIT_EQ(nvme_num_queues_cdw11(0), 0);
}

static void test_num_queues_granted(void)
{
	UNIT_EQ(nvme_num_queues_granted(0, 4), 1);
	UNIT_EQ(nvme_num_queues_granted(0x00030003, 4), 4);
	UNIT_EQ(nvme_num_queues_granted(0x00030003, 3), 3);
	UNIT_EQ(nvme_num_queues_granted(0x00030003, 5), 4);
	UNIT_EQ(nvme_num_queues_granted(0x00010007, 5), 2);
	UNIT_EQ(nvme_num_queues_granted(0x00070001, 5), 2);
	UNIT_EQ(nvme_num_queues_granted(0xffffffff, 7), 7);
	UNIT_EQ(nvme_num_queues_granted(0xffffffff, 0xffffffff), 65536);
}

static void test_round_trip(void)
{
	u32 n;

	for (n = 1; n <= 65535; n++)
		if (nvme_num_queues_granted(nvme_num_queues_cdw11(n), n) != n)
			break;
	UNIT_EQ(n, 65536);
}

static void test_ring(void)
{
	UNIT_EQ(nvme_ring_next(0, 1), 0);
	UNIT_EQ(nvme_ring_next(0, 2), 1);
	UNIT_EQ(nvme_ring_next(1, 2), 0);
	UNIT_EQ(nvme_ring_next(65534, 65536), 65535);
	UNIT_EQ(nvme_ring_next(65535, 65536), 0);
}

UNIT_MAIN(UNIT(test_depth), UNIT(test_num_queues_asked),
	  UNIT(test_num_queues_granted), UNIT(test_round_trip), UNIT(test_ring))
