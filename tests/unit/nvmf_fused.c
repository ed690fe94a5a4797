// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Fused Compare and Write: what becomes of both halves in every case, and that
 * nothing gets between them, from whatever reactor it comes.
 */
#include "tests/unit/lib/nvmf_fake.h"
#include "tests/unit/unit.h"

#define DNR(sc)	((sc) | NVME_STATUS_DNR)
#define RAM	1
#define DISK	2

static struct fake_conn *a, *io, *other;
static u8 old[4096], new[4096], in[9 * 512];

static void begin(void)
{
	u16 cntlid;

	fake_start_with_medium(2048);
	a = fake_admin(FAKE_NQN, &cntlid);
	io = fake_io(cntlid, 1, 1);
	other = fake_io(cntlid, 2, 0);
	memset(old, 0, sizeof(old));
	memset(new, 0x5a, sizeof(new));
	memset(in, 0xff, sizeof(in));
}

static void end(void)
{
	fake_conn_end(other);
	fake_conn_end(io);
	fake_conn_end(a);
	CU_ASSERT(fake_stop());
}

static struct fake_req *half(struct fake_conn *c, u8 which, u8 opcode, u32 nsid,
			     u64 lba, u32 blocks, void *data)
{
	union nvme_cmd cmd;

	nvme_cmd_rw(&cmd, opcode, nsid, lba, blocks, 0);
	nvme_cmd_fuse(&cmd, which);
	return fake_submit(c, &cmd, data, blocks * 512, FAKE_REMOTE);
}

static struct fake_req *first(struct fake_conn *c, u32 nsid, u64 lba,
			      u32 blocks, void *data)
{
	return half(c, NVME_FUSE_FIRST, NVME_CMD_COMPARE, nsid, lba, blocks,
		    data);
}

static struct fake_req *second(struct fake_conn *c, u32 nsid, u64 lba,
			       u32 blocks, void *data)
{
	return half(c, NVME_FUSE_SECOND, NVME_CMD_WRITE, nsid, lba, blocks,
		    data);
}

static void expect(struct fake_req *r1, nvme_status st1, struct fake_req *r2,
		   nvme_status st2)
{
	UNIT_EQ(fake_wait(r1).st, st1);
	UNIT_EQ(fake_wait(r2).st, st2);
}

static nvme_status read_back(struct fake_conn *c, u32 nsid, u64 lba, u32 n)
{
	union nvme_cmd cmd;

	nvme_cmd_rw(&cmd, NVME_CMD_READ, nsid, lba, n, 0);
	return fake_cmd(c, &cmd, in, n * 512).st;
}

static void check_pair(u32 nsid)
{
	struct fake_req *r1, *r2;

	r1 = first(io, nsid, 8, 8, old);
	CU_ASSERT(!fake_ended(r1));
	r2 = second(io, nsid, 8, 8, new);
	expect(r1, 0, r2, 0);
	UNIT_EQ(read_back(other, nsid, 8, 8), 0);
	CU_ASSERT(!memcmp(in, new, 4096));
	/* the same again fails, and leaves the data alone */
	r1 = first(io, nsid, 8, 8, old);
	r2 = second(io, nsid, 8, 8, old);
	expect(r1, NVME_SC_COMPARE_FAILED, r2, DNR(NVME_SC_FUSED_FAILED));
	UNIT_EQ(read_back(io, nsid, 8, 8), 0);
	CU_ASSERT(!memcmp(in, new, 4096));
}

static void test_pair(void)
{
	begin();
	check_pair(RAM);
	check_pair(DISK);
	end();
}

static void test_halves_that_do_not_match(void)
{
	struct fake_req *r1, *r2;

	begin();
	r1 = first(io, RAM, 8, 8, old);
	r2 = second(io, RAM, 8, 7, new);
	expect(r1, DNR(NVME_SC_INVALID_FIELD), r2, DNR(NVME_SC_INVALID_FIELD));
	r1 = first(io, RAM, 8, 8, old);
	r2 = second(io, RAM, 9, 8, new);
	expect(r1, DNR(NVME_SC_INVALID_FIELD), r2, DNR(NVME_SC_INVALID_FIELD));
	r1 = first(io, RAM, 8, 8, old);
	r2 = second(io, DISK, 8, 8, new);
	expect(r1, DNR(NVME_SC_INVALID_FIELD), r2, DNR(NVME_SC_INVALID_FIELD));
	/* one half is wrong in itself */
	r1 = first(io, RAM, 2048, 8, old);
	r2 = second(io, RAM, 8, 8, new);
	expect(r1, DNR(NVME_SC_LBA_RANGE), r2, DNR(NVME_SC_FUSED_FAILED));
	r1 = first(io, RAM, 8, 8, old);
	r2 = second(io, RAM, 2048, 8, new);
	expect(r1, DNR(NVME_SC_FUSED_FAILED), r2, DNR(NVME_SC_LBA_RANGE));
	/* other commands cannot be halves */
	r1 = half(io, NVME_FUSE_FIRST, NVME_CMD_WRITE, RAM, 8, 8, new);
	CU_ASSERT(fake_ended(r1));
	r2 = second(io, RAM, 8, 8, new);
	expect(r1, DNR(NVME_SC_INVALID_FIELD), r2, DNR(NVME_SC_FUSED_FAILED));
	UNIT_EQ(fake_wait(half(io, 3, NVME_CMD_WRITE, RAM, 8, 8, new)).st,
		DNR(NVME_SC_INVALID_FIELD));
	UNIT_EQ(read_back(io, RAM, 8, 8), 0);
	CU_ASSERT(!memcmp(in, old, 4096));
	end();
}

static void test_half_alone(void)
{
	struct fake_req *r1, *r2;
	union nvme_cmd cmd;

	begin();
	UNIT_EQ(fake_wait(second(io, RAM, 8, 8, new)).st,
		DNR(NVME_SC_FUSED_MISSING));
	/* a first one is alone once another command follows */
	r1 = first(io, RAM, 8, 8, old);
	CU_ASSERT(!fake_ended(r1));
	UNIT_EQ(read_back(io, RAM, 8, 8), 0);
	UNIT_EQ(fake_wait(r1).st, DNR(NVME_SC_FUSED_MISSING));
	/* or another first one, which then waits itself */
	r1 = first(io, RAM, 8, 8, old);
	r2 = first(io, RAM, 8, 8, old);
	UNIT_EQ(fake_wait(r1).st, DNR(NVME_SC_FUSED_MISSING));
	CU_ASSERT(!fake_ended(r2));
	expect(r2, 0, second(io, RAM, 8, 8, new), 0);
	/* halves on two queues are no pair */
	r1 = first(io, RAM, 8, 8, new);
	UNIT_EQ(fake_wait(second(other, RAM, 8, 8, old)).st,
		DNR(NVME_SC_FUSED_MISSING));
	/* and the connection may end on it */
	fake_conn_break(io);
	UNIT_EQ(fake_wait(r1).st, NVME_SC_ABORT_SQ_DELETED);
	/* admin queues have none */
	nvme_cmd_keep_alive(&cmd);
	nvme_cmd_fuse(&cmd, NVME_FUSE_FIRST);
	UNIT_EQ(fake_cmd(a, &cmd, NULL, 0).st, DNR(NVME_SC_INVALID_FIELD));
	end();
}

static struct fake_req *streamed(struct fake_conn *c, u8 which, u8 opcode,
				 void *data)
{
	union nvme_cmd cmd;

	nvme_cmd_rw(&cmd, opcode, DISK, 8, 8, 0);
	nvme_cmd_fuse(&cmd, which);
	return fake_submit(c, &cmd, data, 4096, FAKE_STREAMED);
}

/* data behind a first half is fetched at once: it stands before the second */
static void test_streamed(void)
{
	struct fake_req *r1, *r2;

	begin();
	io->hold_data = true;
	r1 = streamed(io, NVME_FUSE_FIRST, NVME_CMD_COMPARE, old);
	UNIT_EQ(io->held, 1);
	fake_release(io);
	CU_ASSERT(!fake_ended(r1));
	r2 = streamed(io, NVME_FUSE_SECOND, NVME_CMD_WRITE, new);
	expect(r1, 0, r2, 0);
	UNIT_EQ(read_back(io, DISK, 8, 8), 0);
	CU_ASSERT(!memcmp(in, new, 4096));
	/* alone, with its data here */
	r1 = streamed(io, NVME_FUSE_FIRST, NVME_CMD_COMPARE, old);
	UNIT_EQ(read_back(io, DISK, 8, 8), 0);
	UNIT_EQ(fake_wait(r1).st, DNR(NVME_SC_FUSED_MISSING));
	/* the connection ends when it is here, and while it is on its way */
	r1 = streamed(io, NVME_FUSE_FIRST, NVME_CMD_COMPARE, old);
	fake_conn_break(io);
	UNIT_EQ(fake_wait(r1).st, NVME_SC_ABORT_SQ_DELETED);
	other->hold_data = true;
	r1 = streamed(other, NVME_FUSE_FIRST, NVME_CMD_COMPARE, old);
	fake_conn_break(other);
	UNIT_EQ(fake_wait(r1).st, NVME_SC_DATA_XFER_ERROR);
	end();
}

static void test_too_large(void)
{
	static u8 large[FAKE_MAX_IO];
	struct fake_req *r;
	union nvme_cmd cmd;

	begin();
	nvme_cmd_rw(&cmd, NVME_CMD_COMPARE, DISK, 0, FAKE_MAX_IO / 512, 0);
	nvme_cmd_fuse(&cmd, NVME_FUSE_FIRST);
	r = fake_submit(io, &cmd, large, sizeof(large), FAKE_REMOTE);
	UNIT_EQ(fake_wait(r).st, DNR(NVME_SC_ATOMIC_WRITE_UNIT));
	UNIT_EQ(fake_wait(second(io, DISK, 0, 8, new)).st,
		DNR(NVME_SC_FUSED_FAILED));
	end();
}

static void test_device_fails(void)
{
	struct fake_req *r1, *r2;

	begin();
	fake_medium.fail[BDEV_READ] = -EIO;
	r1 = first(io, DISK, 8, 8, old);
	r2 = second(io, DISK, 8, 8, new);
	expect(r1, NVME_SC_READ_ERROR, r2, DNR(NVME_SC_FUSED_FAILED));
	fake_medium.fail[BDEV_READ] = 0;
	fake_medium.fail[BDEV_WRITE] = -EIO;
	r1 = first(io, DISK, 8, 8, old);
	r2 = second(io, DISK, 8, 8, new);
	expect(r1, 0, r2, NVME_SC_WRITE_FAULT);
	end();
}

/* the other reactor's commands to the blocks wait, those beside do not */
static void test_nothing_in_between(void)
{
	struct fake_req *r1, *r2, *w, *r, *d;
	struct nvme_dsm_range all = { .nlb = cpu_to_le32(2048) };
	union nvme_cmd cmd;

	begin();
	fake_medium.hold = 1u << BDEV_READ;
	r1 = first(io, DISK, 8, 8, old);
	r2 = second(io, DISK, 8, 8, new);
	while (!fake_medium.held)
		fake_yield();
	fake_medium.hold = 0;
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, DISK, 15, 1, 0);
	w = fake_submit(other, &cmd, old, 512, FAKE_REMOTE);
	nvme_cmd_rw(&cmd, NVME_CMD_READ, DISK, 0, 9, 0);
	r = fake_submit(other, &cmd, in, 9 * 512, FAKE_REMOTE);
	nvme_cmd_dsm(&cmd, DISK, 1, NVME_DSM_AD);
	d = fake_submit(other, &cmd, &all, sizeof(all), FAKE_REMOTE);
	UNIT_EQ(read_back(other, DISK, 16, 8), 0);
	UNIT_EQ(read_back(other, DISK, 0, 8), 0);
	fake_yield();
	CU_ASSERT(!fake_ended(w) && !fake_ended(r) && !fake_ended(d));
	UNIT_EQ(fake_waits(0, NVMF_WAIT_LOCK) + fake_waits(1, NVMF_WAIT_LOCK), 3);
	CU_ASSERT(!fake_ended(r1) && !fake_ended(r2));
	fake_medium_release("d0");
	expect(r1, 0, r2, 0);
	UNIT_EQ(fake_wait(w).st, 0);
	UNIT_EQ(fake_wait(r).st, 0);
	CU_ASSERT(!memcmp(in + 8 * 512, new, 512));
	UNIT_EQ(fake_wait(d).st, 0);
	UNIT_EQ(read_back(io, DISK, 8, 8), 0);
	CU_ASSERT(!memcmp(in, old, 4096));
	end();
}

/* data behind a capsule cannot wait for the blocks: it goes into a buffer */
static void test_streamed_data_of_who_waits(void)
{
	struct fake_req *r1, *r2, *w1, *w2;
	struct fake_result ended;
	union nvme_cmd cmd;

	begin();
	/* in place, and held up: so the pair has its lock, and waits */
	other->hold_data = true;
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, RAM, 10, 1, 0);
	w1 = fake_submit(other, &cmd, old, 512, FAKE_STREAMED);
	r1 = first(io, RAM, 8, 8, old);
	r2 = second(io, RAM, 8, 8, new);
	fake_yield();
	CU_ASSERT(!fake_ended(r1));
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, RAM, 15, 1, 0);
	w2 = fake_submit(other, &cmd, in, 512, FAKE_STREAMED);
	UNIT_EQ(other->held, 2);
	fake_release(other);
	ended = fake_wait(w1);
	UNIT_EQ(ended.st, 0);
	CU_ASSERT(ended.in_place);
	expect(r1, 0, r2, 0);
	ended = fake_wait(w2);
	UNIT_EQ(ended.st, 0);
	CU_ASSERT(!ended.in_place);
	UNIT_EQ(read_back(io, RAM, 15, 1), 0);
	UNIT_EQ(in[0], 0xff);
	end();
}

/* a write whose data is on its way into the RAM itself is waited for */
static void test_waits_for_writes_in_place(void)
{
	struct fake_req *r1, *r2, *w;
	union nvme_cmd cmd;

	begin();
	other->hold_data = true;
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, RAM, 10, 1, 0);
	w = fake_submit(other, &cmd, new, 512, FAKE_REMOTE);
	UNIT_EQ(other->held, 1);
	CU_ASSERT(!fake_awaited(w));
	r1 = first(io, RAM, 8, 8, old);
	r2 = second(io, RAM, 8, 8, new);
	while (!fake_awaited(w))
		fake_yield();
	CU_ASSERT(!fake_ended(r1));
	fake_release(other);
	UNIT_EQ(fake_wait(w).st, 0);
	expect(r1, NVME_SC_COMPARE_FAILED, r2, DNR(NVME_SC_FUSED_FAILED));
	end();
}

/* a clear that the device has is waited for, and its end is noticed */
static void test_waits_for_clears(void)
{
	struct fake_req *r1, *r2, *z;
	union nvme_cmd cmd;

	begin();
	fake_medium.hold = 1u << BDEV_WRITE_ZEROES;
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE_ZEROES, DISK, 8, 8, 0);
	z = fake_submit(other, &cmd, NULL, 0, FAKE_REMOTE);
	UNIT_EQ(fake_medium.held, 1);
	r1 = first(io, DISK, 8, 8, old);
	r2 = second(io, DISK, 8, 8, new);
	fake_yield();
	CU_ASSERT(!fake_ended(r1) && !fake_ended(r2));
	fake_medium_release("d0");
	UNIT_EQ(fake_wait(z).st, 0);
	expect(r1, 0, r2, 0);
	end();
}

/* one that still has to fetch its data into a buffer is not: it comes later */
static void test_does_not_wait_for_slow_hosts(void)
{
	struct fake_req *r1, *r2, *w;
	union nvme_cmd cmd;

	begin();
	other->hold_data = true;
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, DISK, 10, 1, 0);
	w = fake_submit(other, &cmd, new, 512, FAKE_REMOTE);
	UNIT_EQ(other->held, 1);
	r1 = first(io, DISK, 8, 8, old);
	r2 = second(io, DISK, 8, 8, old);
	expect(r1, 0, r2, 0);
	CU_ASSERT(!fake_ended(w) && !fake_awaited(w));
	fake_release(other);
	UNIT_EQ(fake_wait(w).st, 0);
	end();
}

/* many hosts count with it: no increment is lost */
static void test_counting(void)
{
	struct fake_conn *conns[2] = { io, other };
	struct fake_req *r1[2], *r2[2];
	u64 was[2][64], want[2][64], done = 0;
	int i, rounds = 0;

	begin();
	conns[0] = io;
	conns[1] = other;
	memset(was, 0, sizeof(was));
	memset(want, 0, sizeof(want));
	while (done < 60 && ++rounds < 1000) {
		for (i = 0; i < 2; i++) {
			was[i][0] = done;
			want[i][0] = done + 1;
			r1[i] = first(conns[i], RAM, 77, 1, was[i]);
			r2[i] = second(conns[i], RAM, 77, 1, want[i]);
		}
		for (i = 0; i < 2; i++) {
			nvme_status st1 = fake_wait(r1[i]).st;
			nvme_status st2 = fake_wait(r2[i]).st;

			UNIT_EQ(st1, st2 ? NVME_SC_COMPARE_FAILED : 0);
			UNIT_EQ(st2, st1 ? DNR(NVME_SC_FUSED_FAILED) : 0);
			done += !st1;
		}
	}
	/* of two that want the same step exactly one can take it */
	UNIT_EQ(rounds, 60);
	UNIT_EQ(read_back(io, RAM, 77, 1), 0);
	UNIT_EQ(in[0], 60);
	end();
}

/* the connection breaks while the pair holds the blocks, or before */
static void test_connection_breaks(void)
{
	struct fake_req *r1, *r2;

	begin();
	fake_medium.hold = 1u << BDEV_READ;
	r1 = first(io, DISK, 8, 8, old);
	r2 = second(io, DISK, 8, 8, new);
	while (!fake_medium.held)
		fake_yield();
	fake_conn_break(io);
	fake_medium_release("d0");
	/* what has begun is carried out */
	expect(r1, 0, r2, 0);
	/* the blocks are free again */
	UNIT_EQ(read_back(other, DISK, 8, 8), 0);
	CU_ASSERT(!memcmp(in, new, 4096));
	UNIT_EQ(fake_medium.count[BDEV_WRITE], 1);
	other->hold_data = true;
	r1 = first(other, DISK, 8, 8, old);
	r2 = second(other, DISK, 8, 8, new);
	UNIT_EQ(other->held, 2);
	fake_conn_break(other);
	expect(r1, NVME_SC_DATA_XFER_ERROR, r2, NVME_SC_DATA_XFER_ERROR);
	UNIT_EQ(fake_medium.count[BDEV_WRITE], 1);
	end();
}

/* the namespace leaves while a pair holds its blocks and others wait */
static void test_namespace_leaves(void)
{
	struct fake_req *r1, *r2, *w;
	struct fake_op op;
	union nvme_cmd cmd;

	begin();
	fake_medium.hold = 1u << BDEV_READ;
	r1 = first(io, DISK, 8, 8, old);
	r2 = second(io, DISK, 8, 8, new);
	while (!fake_medium.held)
		fake_yield();
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, DISK, 8, 1, 0);
	w = fake_submit(other, &cmd, old, 512, FAKE_REMOTE);
	fake_remove_ns_begin(FAKE_NQN, DISK, &op);
	fake_yield();
	CU_ASSERT(!op.done);
	while (!fake_awaited(w))
		fake_yield();
	UNIT_EQ(read_back(other, RAM, 0, 1), 0);
	fake_medium_release("d0");
	expect(r1, 0, r2, 0);
	UNIT_EQ(fake_wait(w).st, 0);
	fake_until(&op.done);
	UNIT_EQ(op.err, 0);
	UNIT_EQ(fake_unregister("d0"), 0);
	end();
}

UNIT_MAIN(UNIT(test_pair), UNIT(test_halves_that_do_not_match),
	  UNIT(test_half_alone), UNIT(test_streamed), UNIT(test_too_large),
	  UNIT(test_device_fails), UNIT(test_nothing_in_between),
	  UNIT(test_streamed_data_of_who_waits),
	  UNIT(test_waits_for_writes_in_place), UNIT(test_waits_for_clears),
	  UNIT(test_does_not_wait_for_slow_hosts), UNIT(test_counting),
	  UNIT(test_connection_breaks), UNIT(test_namespace_leaves))
