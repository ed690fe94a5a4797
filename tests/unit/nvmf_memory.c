// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Commands that need memory of the target's own when there is none: they fail,
 * and leave nothing behind. posix_memalign() is what fails, by --wrap. And reads
 * and writes that need none.
 */
#include "common/ranges.h"
#include "tests/unit/lib/nvmf_fake.h"
#include "tests/unit/no_memory.h"
#include "tests/unit/unit.h"

#define RAM_DISK	1u	/* beside the medium */

static struct fake_conn *a, *io;
static u8 data[4096];

static void begin(void)
{
	u16 cntlid;

	fake_start_with_medium(2048);
	a = fake_admin(FAKE_NQN, &cntlid);
	io = fake_io(cntlid, 1, 1);
	no_aligned = true;
}

static void end(void)
{
	fake_conn_end(io);
	fake_conn_end(a);
	CU_ASSERT(fake_stop());
}

static struct fake_req *submit(u8 opcode, u8 fuse)
{
	union nvme_cmd cmd;

	nvme_cmd_rw(&cmd, opcode, 2, 0, 8, 0);
	nvme_cmd_fuse(&cmd, fuse);
	return fake_submit(io, &cmd, data, sizeof(data), FAKE_REMOTE);
}

static void test_compare(void)
{
	begin();
	UNIT_EQ(fake_wait(submit(NVME_CMD_COMPARE, 0)).st, NVME_SC_INTERNAL);
	no_aligned = false;
	UNIT_EQ(fake_wait(submit(NVME_CMD_COMPARE, 0)).st, 0);
	end();
}

/* the blocks that the pair had locked are free again */
static void test_pair(void)
{
	struct fake_req *first, *second;

	begin();
	first = submit(NVME_CMD_COMPARE, NVME_FUSE_FIRST);
	second = submit(NVME_CMD_WRITE, NVME_FUSE_SECOND);
	UNIT_EQ(fake_wait(first).st, NVME_SC_INTERNAL);
	UNIT_EQ(fake_wait(second).st,
		NVME_SC_FUSED_FAILED | NVME_STATUS_DNR);
	no_aligned = false;
	UNIT_EQ(fake_wait(submit(NVME_CMD_WRITE, 0)).st, 0);
	UNIT_EQ(fake_medium.count[BDEV_WRITE], 1);
	end();
}

/* some wait for what others have; then there is no more for the first of them */
static void test_who_waits(void)
{
	struct fake_req *r[7];
	int i;

	begin();
	no_aligned = false;
	fake_hold_copies(io, 2, r, 7);
	UNIT_EQ(fake_medium.held, 4);
	no_aligned = true;
	fake_medium_release("d0");
	for (i = 0; i < 4; i++)
		UNIT_EQ(fake_wait(r[i]).st, 0);
	for (; i < 7; i++)
		UNIT_EQ(fake_wait(r[i]).st, NVME_SC_INTERNAL);
	end();
}

static void read_and_write(int times)
{
	union nvme_cmd cmd;
	int i;

	for (i = 0; i < 2 * times; i++) {
		nvme_cmd_rw(&cmd, i % 2 ? NVME_CMD_READ : NVME_CMD_WRITE,
			    RAM_DISK, (u64)i % 256 * 8, 8, 0);
		UNIT_EQ(fake_wait(fake_submit(io, &cmd, data, sizeof(data),
					      FAKE_REMOTE)).st, 0);
	}
}

/* from the command to its response, once the first ones have gone by */
static void test_steady_io(void)
{
	begin();
	no_aligned = false;
	/* the test's own is its business; reactors have threads of theirs */
	not_counted = true;
	read_and_write(8);
	allocations = 0;
	read_and_write(128);
	UNIT_EQ(allocations, 0);
	end();
}

UNIT_MAIN(UNIT(test_compare), UNIT(test_pair), UNIT(test_who_waits),
	  UNIT(test_steady_io))
