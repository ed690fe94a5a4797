// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Commands that need memory of the target's own when there is none: they fail,
 * and leave nothing behind. posix_memalign() is what fails, by --wrap.
 */
#include "common/ranges.h"
#include "tests/unit/lib/nvmf_fake.h"
#include "tests/unit/unit.h"

static atomic_bool no_memory;
static struct fake_conn *a, *io;
static u8 data[4096];

int __real_posix_memalign(void **p, size_t align, size_t n);
int __wrap_posix_memalign(void **p, size_t align, size_t n);

int __wrap_posix_memalign(void **p, size_t align, size_t n)
{
	return no_memory ? ENOMEM : __real_posix_memalign(p, align, n);
}

static void begin(void)
{
	u16 cntlid;

	fake_start_with_medium(2048);
	a = fake_admin(FAKE_NQN, &cntlid);
	io = fake_io(cntlid, 1, 1);
	no_memory = true;
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
	no_memory = false;
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
	no_memory = false;
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
	no_memory = false;
	fake_hold_copies(io, 2, r, 7);
	UNIT_EQ(fake_medium.held, 4);
	no_memory = true;
	fake_medium_release("d0");
	for (i = 0; i < 4; i++)
		UNIT_EQ(fake_wait(r[i]).st, 0);
	for (; i < 7; i++)
		UNIT_EQ(fake_wait(r[i]).st, NVME_SC_INTERNAL);
	end();
}

UNIT_MAIN(UNIT(test_compare), UNIT(test_pair), UNIT(test_who_waits))
