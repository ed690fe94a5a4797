// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The rarer I/O commands, each with every status that it can end with: Verify,
 * Write Uncorrectable, Copy, Write Zeroes with deallocation, Compare of what
 * is not RAM, and where the error log says that the fault is.
 */
#include "common/lbaset.h"
#include "common/ranges.h"
#include "tests/unit/lib/nvmf_fake.h"
#include "tests/unit/unit.h"

#define DNR(sc)	((sc) | NVME_STATUS_DNR)
#define BLOCKS	2048		/* of both namespaces, 512 bytes each */
#define RAM	1
#define DISK	2

static struct fake_conn *a, *io;
static u16 cntlid;
static u8 out[FAKE_MAX_IO], in[FAKE_MAX_IO];

static void begin(void)
{
	size_t i;

	fake_start_with_medium(BLOCKS);
	a = fake_admin(FAKE_NQN, &cntlid);
	io = fake_io(cntlid, 1, 1);
	for (i = 0; i < sizeof(out); i++)
		out[i] = i * 7 + i / 512;
	memset(in, 0, sizeof(in));
}

static void end(void)
{
	fake_conn_end(io);
	fake_conn_end(a);
	CU_ASSERT(fake_stop());
}

static nvme_status rw(u8 opcode, u32 nsid, u64 lba, u32 blocks, u32 flags,
		      void *data)
{
	union nvme_cmd cmd;

	nvme_cmd_rw(&cmd, opcode, nsid, lba, blocks, flags);
	return fake_cmd(io, &cmd, data, data ? blocks * 512 : 0).st;
}

/* the newest entry of the error log */
static struct nvme_error_log_entry last_error(void)
{
	struct nvme_error_log_entry e = { 0 };
	union nvme_cmd cmd;

	/* it travels from the queue's reactor to the controller's */
	fake_yield();
	nvme_cmd_get_log_page(&cmd, NVME_LOG_ERROR, 0, 0, sizeof(e), 0, false);
	UNIT_EQ(fake_cmd(a, &cmd, &e, sizeof(e)).st, 0);
	return e;
}

#define EXPECT_LOC(loc) \
	UNIT_EQ(le16_to_cpu(last_error().param_error_loc), loc)

static void test_verify(void)
{
	begin();
	UNIT_EQ(rw(NVME_CMD_VERIFY, RAM, 0, BLOCKS, 0, NULL), 0);
	UNIT_EQ(rw(NVME_CMD_VERIFY, DISK, 0, BLOCKS, 0, NULL), 0);
	/* everything was read, in pieces that a reactor can afford */
	UNIT_EQ(fake_medium.count[BDEV_READ], BLOCKS * 512 / (128 << 10));
	UNIT_EQ(rw(NVME_CMD_VERIFY, DISK, 1, BLOCKS, 0, NULL),
		DNR(NVME_SC_LBA_RANGE));
	EXPECT_LOC(40);
	UNIT_EQ(rw(NVME_CMD_VERIFY, 3, 0, 1, 0, NULL), DNR(NVME_SC_INVALID_NS));
	EXPECT_LOC(4);
	fake_medium.fail[BDEV_READ] = -EIO;
	UNIT_EQ(rw(NVME_CMD_VERIFY, DISK, 0, 300, 0, NULL), NVME_SC_READ_ERROR);
	end();
}

/* a list that names the same blocks over and over is no work for hours */
static void test_dsm_of_the_same_blocks(void)
{
	static struct nvme_dsm_range r[256];
	union nvme_cmd cmd;
	int i;

	begin();
	for (i = 0; i < 256; i++)
		r[i].nlb = cpu_to_le32(BLOCKS);
	nvme_cmd_dsm(&cmd, DISK, 256, NVME_DSM_AD);
	UNIT_EQ(fake_cmd(io, &cmd, r, sizeof(r)).st, 0);
	UNIT_EQ(fake_medium.count[BDEV_UNMAP], 1);
	end();
}

/* nor does one end before its namespace may leave */
static void test_dsm_of_a_namespace_that_leaves(void)
{
	static struct nvme_dsm_range r[256];
	struct fake_req *list;
	union nvme_cmd cmd;
	struct fake_op op;
	int i;

	begin();
	for (i = 0; i < 256; i++)
		r[i].nlb = cpu_to_le32(1);
	fake_medium.hold = 1u << BDEV_UNMAP;
	nvme_cmd_dsm(&cmd, DISK, 256, NVME_DSM_AD);
	list = fake_submit(io, &cmd, r, sizeof(r), FAKE_REMOTE);
	UNIT_EQ(fake_medium.held, 1);
	fake_remove_ns_begin(FAKE_NQN, DISK, &op);
	fake_yield();
	fake_medium_release("d0");
	UNIT_EQ(fake_wait(list).st, DNR(NVME_SC_INVALID_NS));
	UNIT_EQ(fake_medium.count[BDEV_UNMAP], 1);
	fake_until(&op.done);
	end();
}

static void test_verify_broken_off(void)
{
	struct fake_req *r;
	union nvme_cmd cmd;

	begin();
	fake_medium.hold = 1u << BDEV_READ;
	nvme_cmd_rw(&cmd, NVME_CMD_VERIFY, DISK, 0, BLOCKS, 0);
	r = fake_submit(io, &cmd, NULL, 0, FAKE_REMOTE);
	UNIT_EQ(fake_medium.held, 1);
	fake_conn_break(io);
	fake_medium_release("d0");
	fake_wait(r);
	UNIT_EQ(fake_medium.count[BDEV_READ], 1);
	end();
}

static void check_uncorrectable(u32 nsid)
{
	UNIT_EQ(rw(NVME_CMD_WRITE, nsid, 0, 16, 0, out), 0);
	UNIT_EQ(rw(NVME_CMD_WRITE_UNCORRECTABLE, nsid, 4, 4, 0, NULL), 0);
	UNIT_EQ(rw(NVME_CMD_READ, nsid, 0, 16, 0, in), DNR(NVME_SC_READ_ERROR));
	UNIT_EQ(rw(NVME_CMD_READ, nsid, 7, 1, 0, in), DNR(NVME_SC_READ_ERROR));
	UNIT_EQ(rw(NVME_CMD_COMPARE, nsid, 4, 1, 0, in),
		DNR(NVME_SC_READ_ERROR));
	UNIT_EQ(rw(NVME_CMD_VERIFY, nsid, 3, 2, 0, NULL),
		DNR(NVME_SC_READ_ERROR));
	UNIT_EQ(rw(NVME_CMD_READ, nsid, 0, 4, 0, in), 0);
	UNIT_EQ(rw(NVME_CMD_READ, nsid, 8, 8, 0, in), 0);
	/* good again when written, block by block, in whatever way */
	UNIT_EQ(rw(NVME_CMD_WRITE, nsid, 4, 1, 0, out), 0);
	UNIT_EQ(rw(NVME_CMD_READ, nsid, 4, 1, 0, in), 0);
	UNIT_EQ(rw(NVME_CMD_READ, nsid, 4, 2, 0, in), DNR(NVME_SC_READ_ERROR));
	UNIT_EQ(rw(NVME_CMD_WRITE_ZEROES, nsid, 5, 3, 0, NULL), 0);
	UNIT_EQ(rw(NVME_CMD_READ, nsid, 0, 16, 0, in), 0);
}

static void test_write_uncorrectable(void)
{
	struct fake_conn *other;
	int i;

	begin();
	check_uncorrectable(RAM);
	check_uncorrectable(DISK);
	/* seen on the other reactor as soon as it is answered */
	other = fake_io(cntlid, 2, 0);
	UNIT_EQ(rw(NVME_CMD_WRITE_UNCORRECTABLE, RAM, 9, 1, 0, NULL), 0);
	UNIT_EQ(fake_rw(other, NVME_CMD_READ, 9, 1, in, 512).st,
		DNR(NVME_SC_READ_ERROR));
	UNIT_EQ(fake_rw(other, NVME_CMD_WRITE, 9, 1, out, 512).st, 0);
	UNIT_EQ(rw(NVME_CMD_READ, RAM, 9, 1, 0, in), 0);
	fake_conn_end(other);
	UNIT_EQ(rw(NVME_CMD_WRITE_UNCORRECTABLE, RAM, 0, BLOCKS + 1, 0, NULL),
		DNR(NVME_SC_LBA_RANGE));
	/* there is a limit to how many places can be bad at once */
	for (i = 0; i < NVME_LBASET_ADDED; i++)
		UNIT_EQ(rw(NVME_CMD_WRITE_UNCORRECTABLE, RAM, 2 * i, 1, 0,
			   NULL), 0);
	UNIT_EQ(rw(NVME_CMD_WRITE_UNCORRECTABLE, RAM, 2 * i, 1, 0, NULL),
		DNR(NVME_SC_CAP_EXCEEDED));
	UNIT_EQ(rw(NVME_CMD_READ, RAM, 2 * i, 1, 0, in), 0);
	UNIT_EQ(rw(NVME_CMD_WRITE_ZEROES, RAM, 0, BLOCKS, 0, NULL), 0);
	UNIT_EQ(rw(NVME_CMD_READ, RAM, 0, 256, 0, in), 0);
	end();
}

/* Copy */

static struct nvme_copy_range src[256];

static nvme_status copy(u32 nsid, u64 to, u32 ranges, u32 flags, u32 len)
{
	union nvme_cmd cmd;

	nvme_cmd_copy(&cmd, nsid, to, ranges, flags);
	return fake_cmd(io, &cmd, src, len).st;
}

static void check_copy(u32 nsid)
{
	UNIT_EQ(rw(NVME_CMD_WRITE, nsid, 0, 32, 0, out), 0);
	nvme_copy_range_encode(&src[0], 3, 2);
	nvme_copy_range_encode(&src[1], 20, 1);
	nvme_copy_range_encode(&src[2], 3, 1);
	UNIT_EQ(copy(nsid, 100, 3, 0, 3 * 32), 0);
	UNIT_EQ(rw(NVME_CMD_READ, nsid, 99, 6, 0, in), 0);
	CU_ASSERT(weft_id_is_zero(in, 512));
	CU_ASSERT(!memcmp(in + 512, out + 3 * 512, 1024));
	CU_ASSERT(!memcmp(in + 1536, out + 20 * 512, 512));
	CU_ASSERT(!memcmp(in + 2048, out + 3 * 512, 512));
	CU_ASSERT(weft_id_is_zero(in + 2560, 512));
	/* onto itself, one block on */
	nvme_copy_range_encode(&src[0], 0, 16);
	UNIT_EQ(copy(nsid, 1, 1, 0, 32), 0);
	UNIT_EQ(rw(NVME_CMD_READ, nsid, 0, 17, 0, in), 0);
	CU_ASSERT(!memcmp(in, out, 512));
	CU_ASSERT(!memcmp(in + 512, out, 16 * 512));
}

static void test_copy(void)
{
	int i;

	begin();
	check_copy(RAM);
	check_copy(DISK);
	UNIT_EQ(fake_medium.fua, 0);
	nvme_copy_range_encode(&src[0], 0, 1);
	UNIT_EQ(copy(DISK, 1, 1, NVME_RW_FUA, 32), 0);
	UNIT_EQ(fake_medium.fua, 1);
	/* the most that one command may name */
	for (i = 0; i < 128; i++)
		nvme_copy_range_encode(&src[i], i, 8);
	UNIT_EQ(copy(RAM, 1024, 128, 0, 128 * 32), 0);
	end();
}

static void test_copy_refused(void)
{
	begin();
	nvme_copy_range_encode(&src[0], 0, 1);
	nvme_copy_range_encode(&src[1], BLOCKS - 1, 1);
	UNIT_EQ(copy(RAM, BLOCKS - 1, 2, 0, 64), DNR(NVME_SC_LBA_RANGE));
	EXPECT_LOC(40);
	nvme_copy_range_encode(&src[1], BLOCKS - 1, 2);
	UNIT_EQ(copy(RAM, 0, 2, 0, 64), DNR(NVME_SC_LBA_RANGE));
	nvme_copy_range_encode(&src[1], UINT64_MAX, 2);
	UNIT_EQ(copy(RAM, 0, 2, 0, 64), DNR(NVME_SC_LBA_RANGE));
	/* too many blocks: of one range, of all; too many ranges */
	nvme_copy_range_encode(&src[0], 0, 2049);
	UNIT_EQ(copy(RAM, 0, 1, 0, 32), DNR(NVME_SC_CMD_SIZE_LIMIT));
	nvme_copy_range_encode(&src[0], 0, 2048);
	nvme_copy_range_encode(&src[1], 0, 1);
	UNIT_EQ(copy(RAM, 0, 2, 0, 64), DNR(NVME_SC_CMD_SIZE_LIMIT));
	UNIT_EQ(copy(RAM, 0, 129, 0, 129 * 32), DNR(NVME_SC_CMD_SIZE_LIMIT));
	EXPECT_LOC(48);
	/* formats, directives, lengths */
	UNIT_EQ(copy(RAM, 0, 1, 0, 64), DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	UNIT_EQ(copy(RAM, 0, 2, 0, 32), DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	UNIT_EQ(copy(RAM, 0, 1, 1u << 20, 32), DNR(NVME_SC_INVALID_FIELD));
	EXPECT_LOC(50);
	UNIT_EQ(copy(3, 0, 1, 0, 32), DNR(NVME_SC_INVALID_NS));
	/* sources that cannot be read; nothing is written then */
	UNIT_EQ(rw(NVME_CMD_WRITE_UNCORRECTABLE, RAM, 7, 1, 0, NULL), 0);
	nvme_copy_range_encode(&src[0], 0, 8);
	UNIT_EQ(copy(RAM, 100, 1, 0, 32), DNR(NVME_SC_READ_ERROR));
	fake_medium.fail[BDEV_READ] = -EIO;
	UNIT_EQ(copy(DISK, 100, 1, 0, 32), NVME_SC_READ_ERROR);
	UNIT_EQ(fake_medium.count[BDEV_WRITE], 0);
	fake_medium.fail[BDEV_READ] = 0;
	fake_medium.fail[BDEV_WRITE] = -ENOSPC;
	UNIT_EQ(copy(DISK, 100, 1, 0, 32), DNR(NVME_SC_CAP_EXCEEDED));
	end();
}

static void test_copy_format(void)
{
	union nvme_cmd cmd;

	begin();
	nvme_copy_range_encode(&src[0], 0, 1);
	nvme_cmd_copy(&cmd, RAM, 9, 1, 0);
	cmd.sqe.cdw12 = cpu_to_le32(1u << 8);
	UNIT_EQ(fake_cmd(io, &cmd, src, 32).st, DNR(NVME_SC_INVALID_FIELD));
	EXPECT_LOC(49);
	end();
}

/* @n copies of 1 MiB in @ranges; there is memory for four, which are held */
static void hold_copies(struct fake_req **r, int n, u32 ranges)
{
	union nvme_cmd cmd;
	u32 i;

	fake_medium.hold = 1u << BDEV_READ;
	for (i = 0; i < ranges; i++)
		nvme_copy_range_encode(&src[i], 0, 2048 / ranges);
	nvme_cmd_copy(&cmd, DISK, 0, ranges, 0);
	while (n--)
		*r++ = fake_submit(io, &cmd, src, ranges * sizeof(src[0]),
				   FAKE_REMOTE);
	UNIT_EQ(fake_medium.held, 4);
}

/* more memory than there is for all of them: they take turns */
static void test_scratch_is_limited(void)
{
	struct fake_req *r[12];
	int i;

	begin();
	hold_copies(r, 12, 1);
	UNIT_EQ(fake_waits(1, NVMF_WAIT_MEMORY), 8);
	fake_medium_release("d0");
	for (i = 0; i < 12; i++)
		UNIT_EQ(fake_wait(r[i]).st, 0);
	UNIT_EQ(fake_medium.count[BDEV_WRITE], 12);
	end();
}

/* what waits, or has more to read, when its connection breaks writes nothing */
static void test_copy_of_who_is_gone(void)
{
	struct fake_req *r[6];
	int i;

	begin();
	hold_copies(r, 6, 2);
	fake_conn_break(io);
	fake_medium_release("d0");
	for (i = 0; i < 6; i++)
		UNIT_EQ(fake_wait(r[i]).st, NVME_SC_ABORT_SQ_DELETED);
	UNIT_EQ(fake_medium.count[BDEV_WRITE], 0);
	end();
}

/* FUA of those that look at blocks: what was written before is on the medium */
static void test_forced_reads(void)
{
	static const u8 ops[] = { NVME_CMD_READ, NVME_CMD_COMPARE,
				  NVME_CMD_VERIFY };
	unsigned int i, n = 0;
	struct fake_req *r;
	union nvme_cmd cmd;
	u8 *data;

	begin();
	UNIT_EQ(rw(NVME_CMD_READ, DISK, 0, 1, 0, in), 0);
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		data = ops[i] == NVME_CMD_VERIFY ? NULL : in;
		UNIT_EQ(rw(ops[i], DISK, 0, 1, 0, data), 0);
		UNIT_EQ(fake_medium.count[BDEV_FLUSH], n);
		UNIT_EQ(rw(ops[i], DISK, 0, 1, NVME_RW_FUA, data), 0);
		UNIT_EQ(fake_medium.count[BDEV_FLUSH], ++n);
	}
	fake_medium.fail[BDEV_FLUSH] = -EIO;
	UNIT_EQ(rw(NVME_CMD_READ, DISK, 0, 1, NVME_RW_FUA, in),
		DNR(NVME_SC_WRITE_FAULT));
	fake_medium.fail[BDEV_FLUSH] = 0;
	fake_medium.hold = 1u << BDEV_FLUSH;
	nvme_cmd_rw(&cmd, NVME_CMD_READ, DISK, 0, 1, NVME_RW_FUA);
	r = fake_submit(io, &cmd, in, 512, FAKE_REMOTE);
	UNIT_EQ(fake_medium.held, 1);
	n = fake_medium.count[BDEV_READ];
	fake_conn_break(io);
	fake_medium_release("d0");
	UNIT_EQ(fake_wait(r).st, NVME_SC_ABORT_SQ_DELETED);
	UNIT_EQ(fake_medium.count[BDEV_READ], n);
	end();
}

static void test_forced_read_of_memory(void)
{
	begin();
	UNIT_EQ(rw(NVME_CMD_READ, RAM, 0, 1, NVME_RW_FUA, in), 0);
	end();
}

static void test_deallocating_zeroes(void)
{
	begin();
	UNIT_EQ(rw(NVME_CMD_WRITE_ZEROES, DISK, 0, 8, 0, NULL), 0);
	UNIT_EQ(fake_medium.count[BDEV_WRITE_ZEROES], 1);
	UNIT_EQ(rw(NVME_CMD_WRITE_ZEROES, DISK, 0, 8, NVME_RW_DEAC, NULL), 0);
	UNIT_EQ(fake_medium.count[BDEV_WRITE_ZEROES], 1);
	UNIT_EQ(fake_medium.count[BDEV_UNMAP], 1);
	fake_medium.fail[BDEV_WRITE_ZEROES] = -EIO;
	UNIT_EQ(rw(NVME_CMD_WRITE_ZEROES, DISK, 0, 8, NVME_RW_FUA, NULL),
		NVME_SC_WRITE_FAULT);
	UNIT_EQ(fake_medium.fua, 1);
	end();
}

/* what does not read as zeroes when unmapped is written with zeroes */
static void test_deallocation_that_leaves_data(void)
{
	struct nvme_dsm_range range;
	union nvme_cmd cmd;
	u32 nsid = 3;

	begin();
	fake_medium.unmap_leaves = true;
	UNIT_EQ(fake_medium_create("d1", 64), 0);
	UNIT_EQ(fake_add_ns(FAKE_NQN, "d1", &nsid), 0);
	UNIT_EQ(rw(NVME_CMD_WRITE_ZEROES, 3, 0, 8, NVME_RW_DEAC, NULL), 0);
	UNIT_EQ(fake_medium.count[BDEV_UNMAP], 0);
	UNIT_EQ(fake_medium.count[BDEV_WRITE_ZEROES], 1);
	/* nor does it make blocks good that were declared bad */
	UNIT_EQ(rw(NVME_CMD_WRITE_UNCORRECTABLE, nsid, 0, 8, 0, NULL), 0);
	nvme_dsm_range_encode(&range, 0, 8);
	nvme_cmd_dsm(&cmd, nsid, 1, NVME_DSM_AD);
	UNIT_EQ(fake_cmd(io, &cmd, &range, sizeof(range)).st, 0);
	UNIT_EQ(fake_medium.count[BDEV_UNMAP], 1);
	UNIT_EQ(rw(NVME_CMD_READ, nsid, 0, 8, 0, in), DNR(NVME_SC_READ_ERROR));
	end();
}

/* every status that a device's errors turn into */
static void test_device_errors(void)
{
	static const struct {
		int err;
		nvme_status read;
		nvme_status write;
	} t[] = {
		{ -EIO, NVME_SC_READ_ERROR, NVME_SC_WRITE_FAULT },
		{ -ENODATA, NVME_SC_READ_ERROR, NVME_SC_WRITE_FAULT },
		{ -EILSEQ, NVME_SC_READ_ERROR, NVME_SC_WRITE_FAULT },
		{ -EREMOTEIO, DNR(NVME_SC_LBA_RANGE), DNR(NVME_SC_LBA_RANGE) },
		{ -ENOSPC, DNR(NVME_SC_CAP_EXCEEDED),
		  DNR(NVME_SC_CAP_EXCEEDED) },
		{ -ENODEV, DNR(NVME_SC_INVALID_NS), DNR(NVME_SC_INVALID_NS) },
		{ -EROFS, DNR(NVME_SC_NS_WRITE_PROTECTED),
		  DNR(NVME_SC_NS_WRITE_PROTECTED) },
		{ -ENOMEM, NVME_SC_INTERNAL, NVME_SC_INTERNAL },
	};
	size_t i;

	begin();
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		fake_medium.fail[BDEV_READ] = t[i].err;
		fake_medium.fail[BDEV_WRITE] = t[i].err;
		UNIT_EQ(rw(NVME_CMD_READ, DISK, 0, 1, 0, in), t[i].read);
		UNIT_EQ(rw(NVME_CMD_COMPARE, DISK, 0, 1, 0, in), t[i].read);
		UNIT_EQ(rw(NVME_CMD_WRITE, DISK, 0, 1, 0, out), t[i].write);
	}
	/* a directive that nobody offered */
	UNIT_EQ(rw(NVME_CMD_WRITE, DISK, 0, 1, 1u << 20, out),
		DNR(NVME_SC_INVALID_FIELD));
	EXPECT_LOC(50);
	end();
}

static void test_write_protected(void)
{
	static const u8 ops[] = { NVME_CMD_WRITE, NVME_CMD_WRITE_ZEROES,
				  NVME_CMD_WRITE_UNCORRECTABLE };
	u32 nsid = 3;
	size_t i;

	begin();
	fake_medium.lacks = 1u << BDEV_WRITE;
	UNIT_EQ(fake_medium_create("d1", 64), 0);
	UNIT_EQ(fake_add_ns(FAKE_NQN, "d1", &nsid), 0);
	for (i = 0; i < ARRAY_SIZE(ops); i++)
		UNIT_EQ(rw(ops[i], 3, 0, 1, 0,
			   ops[i] == NVME_CMD_WRITE ? out : NULL),
			DNR(NVME_SC_NS_WRITE_PROTECTED));
	nvme_copy_range_encode(&src[0], 0, 1);
	UNIT_EQ(copy(3, 9, 1, 0, 32), DNR(NVME_SC_NS_WRITE_PROTECTED));
	UNIT_EQ(rw(NVME_CMD_READ, 3, 0, 1, 0, in), 0);
	UNIT_EQ(rw(NVME_CMD_VERIFY, 3, 0, 1, 0, NULL), 0);
	end();
}

UNIT_MAIN(UNIT(test_verify), UNIT(test_dsm_of_the_same_blocks),
	  UNIT(test_dsm_of_a_namespace_that_leaves), UNIT(test_verify_broken_off),
	  UNIT(test_write_uncorrectable), UNIT(test_copy),
	  UNIT(test_copy_refused), UNIT(test_copy_format),
	  UNIT(test_scratch_is_limited), UNIT(test_copy_of_who_is_gone),
	  UNIT(test_forced_reads), UNIT(test_forced_read_of_memory),
	  UNIT(test_deallocating_zeroes),
	  UNIT(test_deallocation_that_leaves_data), UNIT(test_device_errors),
	  UNIT(test_write_protected))
