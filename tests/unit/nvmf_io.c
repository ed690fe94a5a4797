// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * I/O commands: data there and back (in place, through buffers, in capsules),
 * and every refusal: namespaces, ranges, lengths, descriptors, flags.
 */
#include "tests/unit/lib/nvmf_fake.h"
#include "tests/unit/unit.h"

#define DNR(sc)	((sc) | NVME_STATUS_DNR)
#define BLOCKS	2048		/* of the standard namespace, 512 bytes each */

static struct fake_conn *a, *io;
static u16 cntlid;
static u8 out[FAKE_MAX_IO + 4096], in[FAKE_MAX_IO + 4096];

static void begin(void)
{
	size_t i;

	fake_start(2, 0);
	fake_standard();
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

static nvme_status rw(u8 opcode, u64 lba, u32 blocks, void *data, u32 len)
{
	return fake_rw(io, opcode, lba, blocks, data, len).st;
}

static void test_round_trip_in_place(void)
{
	struct fake_result r;

	begin();
	r = fake_rw(io, NVME_CMD_WRITE, 3, 256, out, 256 * 512);
	UNIT_EQ(r.st, 0);
	CU_ASSERT(r.in_place);
	r = fake_rw(io, NVME_CMD_READ, 3, 256, in, 256 * 512);
	UNIT_EQ(r.st, 0);
	CU_ASSERT(r.in_place);
	CU_ASSERT(!memcmp(in, out, 256 * 512));
	/* the first and the last block */
	UNIT_EQ(rw(NVME_CMD_WRITE, 0, 1, out, 512), 0);
	UNIT_EQ(rw(NVME_CMD_WRITE, BLOCKS - 1, 1, out, 512), 0);
	UNIT_EQ(rw(NVME_CMD_READ, BLOCKS - 1, 1, in, 512), 0);
	CU_ASSERT(!memcmp(in, out, 512));
	end();
}

static void test_capsule_write(void)
{
	union nvme_cmd cmd;

	begin();
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, 1, 9, 8, NVME_RW_FUA);
	UNIT_EQ(fake_wait(fake_submit(io, &cmd, out, 4096,
				      FAKE_IN_CAPSULE)).st, 0);
	UNIT_EQ(rw(NVME_CMD_READ, 9, 8, in, 4096), 0);
	CU_ASSERT(!memcmp(in, out, 4096));
	end();
}

/* over a stream the command is there before its data: no copy is needed then */
static void test_streamed_write(void)
{
	struct fake_result r;
	union nvme_cmd cmd;

	begin();
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, 1, 9, 8, 0);
	r = fake_wait(fake_submit(io, &cmd, out, 4096, FAKE_STREAMED));
	UNIT_EQ(r.st, 0);
	CU_ASSERT(r.in_place);
	UNIT_EQ(rw(NVME_CMD_READ, 9, 8, in, 4096), 0);
	CU_ASSERT(!memcmp(in, out, 4096));
	/* what the command asks for must be within what is announced */
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, 1, 9, 9, 0);
	UNIT_EQ(fake_wait(fake_submit(io, &cmd, out, 4096, FAKE_STREAMED)).st,
		NVME_SC_SGL_INVALID_DATA_LEN | NVME_STATUS_DNR);
	end();
}

/* a transport that must not have its data change under it gets copies */
static void test_buffered(void)
{
	struct fake_result r;

	begin();
	io->q.buffered = true;
	r = fake_rw(io, NVME_CMD_WRITE, 3, 8, out, 4096);
	UNIT_EQ(r.st, 0);
	CU_ASSERT(!r.in_place);
	r = fake_rw(io, NVME_CMD_READ, 3, 8, in, 4096);
	UNIT_EQ(r.st, 0);
	CU_ASSERT(!r.in_place);
	CU_ASSERT(!memcmp(in, out, 4096));
	end();
}

/* what is not RAM goes through the transport's buffers, in uneven pieces */
static void test_buffers(void)
{
	union nvme_cmd cmd;
	struct fake_result r;
	u32 nsid = 2;

	begin();
	UNIT_EQ(fake_null("n0", 4096), 0);
	UNIT_EQ(fake_add_ns(FAKE_NQN, "n0", &nsid), 0);
	memset(in, 0xff, sizeof(in));
	nvme_cmd_rw(&cmd, NVME_CMD_READ, 2, 5, 256, 0);
	r = fake_cmd(io, &cmd, in, FAKE_MAX_IO);
	UNIT_EQ(r.st, 0);
	CU_ASSERT(!r.in_place);
	CU_ASSERT(weft_id_is_zero(in, FAKE_MAX_IO));
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, 2, 5, 256, 0);
	UNIT_EQ(fake_cmd(io, &cmd, out, FAKE_MAX_IO).st, 0);
	nvme_cmd_rw(&cmd, NVME_CMD_COMPARE, 2, 5, 3, 0);
	UNIT_EQ(fake_cmd(io, &cmd, in, 3 * 512).st, 0);
	UNIT_EQ(fake_cmd(io, &cmd, out, 3 * 512).st, NVME_SC_COMPARE_FAILED);
	end();
}

/* the namespace's own bdev is flushed, once, and tells how that ended */
static void test_flush(void)
{
	union nvme_cmd cmd;
	u32 nsid = 2;

	fake_medium_reset();
	begin();
	UNIT_EQ(fake_medium_create("d0", 64), 0);
	UNIT_EQ(fake_add_ns(FAKE_NQN, "d0", &nsid), 0);
	nvme_cmd_flush(&cmd, 1);
	UNIT_EQ(fake_cmd(io, &cmd, NULL, 0).st, 0);
	UNIT_EQ(fake_medium.count[BDEV_FLUSH], 0);
	nvme_cmd_flush(&cmd, nsid);
	UNIT_EQ(fake_cmd(io, &cmd, NULL, 0).st, 0);
	UNIT_EQ(fake_medium.count[BDEV_FLUSH], 1);
	fake_medium.fail[BDEV_FLUSH] = -EIO;
	/* another one would not bring back what this one has lost */
	UNIT_EQ(fake_cmd(io, &cmd, NULL, 0).st, DNR(NVME_SC_WRITE_FAULT));
	UNIT_EQ(fake_medium.count[BDEV_FLUSH], 2);
	nvme_cmd_flush(&cmd, NVME_NSID_ALL);
	UNIT_EQ(fake_cmd(io, &cmd, NULL, 0).st, DNR(NVME_SC_INVALID_NS));
	UNIT_EQ(fake_medium.count[BDEV_FLUSH], 2);
	end();
}

static void test_ranges(void)
{
	static const struct {
		u64 lba;
		u32 blocks;
		nvme_status st;
	} t[] = {
		{ BLOCKS, 1, DNR(NVME_SC_LBA_RANGE) },
		{ BLOCKS - 1, 2, DNR(NVME_SC_LBA_RANGE) },
		{ UINT64_MAX, 1, DNR(NVME_SC_LBA_RANGE) },
		{ UINT64_MAX, 2, DNR(NVME_SC_LBA_RANGE) },
		{ 1ull << 63, 1, DNR(NVME_SC_LBA_RANGE) },
		{ 0, 65536, DNR(NVME_SC_LBA_RANGE) },
		{ 0, 257, DNR(NVME_SC_INVALID_FIELD) },	/* MDTS */
	};
	static const u8 ops[] = { NVME_CMD_READ, NVME_CMD_WRITE,
				  NVME_CMD_COMPARE };
	size_t i, op;

	begin();
	for (op = 0; op < ARRAY_SIZE(ops); op++)
		for (i = 0; i < ARRAY_SIZE(t); i++)
			UNIT_EQ(rw(ops[op], t[i].lba, t[i].blocks, in,
				   FAKE_MAX_IO), t[i].st);
	UNIT_EQ(rw(NVME_CMD_READ, 0, 256, in, FAKE_MAX_IO), 0);
	end();
}

static void test_lengths(void)
{
	static const u32 wrong[] = { 0, 1, 511, 513, 1024, 16384 };
	size_t i;

	begin();
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		UNIT_EQ(rw(NVME_CMD_READ, 0, 1, in, wrong[i]),
			DNR(NVME_SC_SGL_INVALID_DATA_LEN));
		UNIT_EQ(rw(NVME_CMD_WRITE, 0, 1, in, wrong[i]),
			DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	}
	UNIT_EQ(rw(NVME_CMD_READ, 0, 1, in, FAKE_MAX_IO + 1),
		DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	end();
}

static nvme_status raw(const union nvme_cmd *cmd)
{
	return fake_wait(fake_submit(io, cmd, in, 512, FAKE_RAW)).st;
}

static void test_descriptors(void)
{
	union nvme_cmd cmd;
	int id;

	begin();
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, 1, 0, 1, 0);
	/* of all 256 kinds only those that the queue takes */
	for (id = 0; id < 256; id++) {
		if (id >> 4 == NVME_SGL_KEYED_DATA_BLOCK &&
		    ((id & 0xf) == NVME_SGL_SUB_ADDRESS ||
		     (id & 0xf) == NVME_SGL_SUB_INVALIDATE))
			continue;
		nvme_sgl_keyed(&cmd.sqe.sgl, 0, 512, 1, false);
		cmd.sqe.sgl.id = id;
		/* key and length are a length beyond every limit in this one */
		UNIT_EQ(raw(&cmd), id == NVME_SGL_SUB_OFFSET ?
			DNR(NVME_SC_SGL_INVALID_DATA_LEN) :
			DNR(NVME_SC_SGL_INVALID_TYPE));
	}
	nvme_sgl_transport(&cmd.sqe.sgl, 512);
	UNIT_EQ(raw(&cmd), DNR(NVME_SC_SGL_INVALID_TYPE));
	/* an offset into data that is not there */
	nvme_sgl_incapsule(&cmd.sqe.sgl, 0, 512);
	UNIT_EQ(raw(&cmd), DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	nvme_sgl_incapsule(&cmd.sqe.sgl, UINT64_MAX, 512);
	UNIT_EQ(raw(&cmd), DNR(NVME_SC_SGL_INVALID_OFFSET));
	/* a read cannot be put into a capsule */
	cmd.sqe.opcode = NVME_CMD_READ;
	UNIT_EQ(raw(&cmd), DNR(NVME_SC_SGL_INVALID_TYPE));
	/* PRPs and reserved kinds, fused commands */
	nvme_sgl_keyed(&cmd.sqe.sgl, 0, 512, 1, false);
	cmd.sqe.flags = 0;
	UNIT_EQ(raw(&cmd), DNR(NVME_SC_INVALID_FIELD));
	cmd.sqe.flags = 0xc0;
	UNIT_EQ(raw(&cmd), DNR(NVME_SC_INVALID_FIELD));
	cmd.sqe.flags = NVME_SQE_PSDT_SGL | 3;
	UNIT_EQ(raw(&cmd), DNR(NVME_SC_INVALID_FIELD));
	end();
}

static void test_namespaces_and_opcodes(void)
{
	static const u32 nsids[] = { 0, 2, 32, 33, 0x7fffffff, 0xfffffffe,
				     NVME_NSID_ALL };
	static const u8 known[] = {
		NVME_CMD_FLUSH, NVME_CMD_WRITE, NVME_CMD_READ,
		NVME_CMD_WRITE_UNCORRECTABLE, NVME_CMD_COMPARE,
		NVME_CMD_WRITE_ZEROES, NVME_CMD_DSM, NVME_CMD_VERIFY,
		NVME_CMD_COPY, NVME_CMD_RESV_REGISTER, NVME_CMD_RESV_REPORT,
		NVME_CMD_RESV_ACQUIRE, NVME_CMD_RESV_RELEASE, NVME_OPC_FABRICS,
	};
	union nvme_cmd cmd;
	int op;
	size_t i;

	begin();
	for (i = 0; i < ARRAY_SIZE(nsids); i++) {
		nvme_cmd_rw(&cmd, NVME_CMD_READ, nsids[i], 0, 1, 0);
		UNIT_EQ(fake_cmd(io, &cmd, in, 512).st,
			DNR(NVME_SC_INVALID_NS));
		nvme_cmd_flush(&cmd, nsids[i]);
		UNIT_EQ(fake_cmd(io, &cmd, NULL, 0).st,
			DNR(NVME_SC_INVALID_NS));
		nvme_cmd_dsm(&cmd, nsids[i], 1, NVME_DSM_AD);
		UNIT_EQ(fake_cmd(io, &cmd, in, 16).st,
			DNR(NVME_SC_INVALID_NS));
	}
	for (op = 0; op < 256; op++) {
		if (memchr(known, op, sizeof(known)))
			continue;
		nvme_cmd_rw(&cmd, op, 1, 0, 1, 0);
		UNIT_EQ(fake_cmd(io, &cmd, in, 512).st,
			DNR(NVME_SC_INVALID_OPCODE));
	}
	/* properties are the admin queue's */
	nvme_cmd_property_get(&cmd, 0x1c, false);
	UNIT_EQ(fake_cmd(io, &cmd, NULL, 0).st, DNR(NVME_SC_INVALID_OPCODE));
	end();
}

static void test_write_zeroes(void)
{
	union nvme_cmd cmd;

	begin();
	UNIT_EQ(rw(NVME_CMD_WRITE, 0, 256, out, FAKE_MAX_IO), 0);
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE_ZEROES, 1, 1, 254, 0);
	UNIT_EQ(fake_cmd(io, &cmd, NULL, 0).st, 0);
	UNIT_EQ(rw(NVME_CMD_READ, 0, 256, in, FAKE_MAX_IO), 0);
	CU_ASSERT(!memcmp(in, out, 512));
	CU_ASSERT(weft_id_is_zero(in + 512, 254 * 512));
	CU_ASSERT(!memcmp(in + 255 * 512, out + 255 * 512, 512));
	/* all of it, which takes more than one turn, and too much */
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE_ZEROES, 1, 0, BLOCKS, 0);
	UNIT_EQ(fake_cmd(io, &cmd, NULL, 0).st, 0);
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE_ZEROES, 1, 1, BLOCKS, 0);
	UNIT_EQ(fake_cmd(io, &cmd, NULL, 0).st, DNR(NVME_SC_LBA_RANGE));
	end();
}

static nvme_status dsm(u32 ranges, u32 attr, struct nvme_dsm_range *r, u32 len)
{
	union nvme_cmd cmd;

	nvme_cmd_dsm(&cmd, 1, ranges, attr);
	return fake_cmd(io, &cmd, r, len).st;
}

static void test_dsm(void)
{
	static struct nvme_dsm_range r[256];
	int i;

	begin();
	UNIT_EQ(rw(NVME_CMD_WRITE, 0, 256, out, FAKE_MAX_IO), 0);
	r[0].slba = cpu_to_le64(1);
	r[0].nlb = cpu_to_le32(1);
	r[2].slba = cpu_to_le64(3);
	r[2].nlb = cpu_to_le32(2);
	/* an empty range in the middle; room for 256 as Linux sends it */
	UNIT_EQ(dsm(3, NVME_DSM_AD, r, sizeof(r)), 0);
	UNIT_EQ(rw(NVME_CMD_READ, 0, 256, in, FAKE_MAX_IO), 0);
	CU_ASSERT(!memcmp(in, out, 512));
	CU_ASSERT(weft_id_is_zero(in + 512, 512));
	CU_ASSERT(!memcmp(in + 1024, out + 1024, 512));
	CU_ASSERT(weft_id_is_zero(in + 3 * 512, 1024));
	CU_ASSERT(!memcmp(in + 5 * 512, out + 5 * 512, 512));
	/* nothing is done when one of them is wrong, or when nothing is asked */
	r[0].slba = cpu_to_le64(8);
	r[2].slba = cpu_to_le64(UINT64_MAX);
	UNIT_EQ(dsm(3, NVME_DSM_AD, r, sizeof(r)), DNR(NVME_SC_LBA_RANGE));
	r[2].slba = 0;
	UNIT_EQ(dsm(3, 0, r, sizeof(r)), 0);
	UNIT_EQ(rw(NVME_CMD_READ, 8, 1, in, 512), 0);
	CU_ASSERT(!memcmp(in, out + 8 * 512, 512));
	UNIT_EQ(dsm(3, NVME_DSM_AD, r, 47), DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	UNIT_EQ(dsm(3, NVME_DSM_AD, r, 0), DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	UNIT_EQ(dsm(256, NVME_DSM_AD, r, sizeof(r) - 16),
		DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	for (i = 0; i < 256; i++) {
		r[i].slba = cpu_to_le64(i);
		r[i].nlb = cpu_to_le32(1);
	}
	UNIT_EQ(dsm(256, NVME_DSM_AD, r, sizeof(r)), 0);
	UNIT_EQ(rw(NVME_CMD_READ, 0, 256, in, FAKE_MAX_IO), 0);
	CU_ASSERT(weft_id_is_zero(in, FAKE_MAX_IO));
	end();
}

static void test_compare(void)
{
	begin();
	UNIT_EQ(rw(NVME_CMD_WRITE, 4, 8, out, 4096), 0);
	UNIT_EQ(rw(NVME_CMD_COMPARE, 4, 8, out, 4096), 0);
	out[4095] ^= 1;
	UNIT_EQ(rw(NVME_CMD_COMPARE, 4, 8, out, 4096), NVME_SC_COMPARE_FAILED);
	out[4095] ^= 1;
	/* and it left the data alone */
	UNIT_EQ(rw(NVME_CMD_READ, 4, 8, in, 4096), 0);
	CU_ASSERT(!memcmp(in, out, 4096));
	end();
}

static void test_many_at_once(void)
{
	struct fake_req *r[15];
	union nvme_cmd cmd;
	int i;

	begin();
	io->hold_data = true;
	for (i = 0; i < 15; i++) {
		nvme_cmd_rw(&cmd, NVME_CMD_WRITE, 1, i, 1, 0);
		r[i] = fake_submit(io, &cmd, out + i * 512, 512, FAKE_REMOTE);
	}
	UNIT_EQ(io->held, 15);
	fake_release(io);
	for (i = 0; i < 15; i++) {
		u16 cid = fake_cid(r[i]);
		struct fake_result res = fake_wait(r[i]);

		UNIT_EQ(res.st, 0);
		UNIT_EQ(res.cid, cid);
	}
	UNIT_EQ(rw(NVME_CMD_READ, 0, 15, in, 15 * 512), 0);
	CU_ASSERT(!memcmp(in, out, 15 * 512));
	end();
}

/* random commands with a fixed seed: an answer to each, and all goes on */
static void test_random_commands(void)
{
	static u8 data[FAKE_CAPSULE];
	union nvme_cmd cmd;
	u64 x = 0x2545f4914f6cdd1dull;
	u8 *bytes = (u8 *)&cmd;
	size_t i;
	int n;

	begin();
	for (n = 0; n < 1200; n++) {
		for (i = 0; i < sizeof(cmd); i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			bytes[i] = x;
		}
		/* most would fail at once otherwise */
		cmd.sqe.opcode &= n & 1 ? 0x0f : 0xff;
		cmd.sqe.flags = NVME_SQE_PSDT_SGL;
		cmd.sqe.nsid = cpu_to_le32(n % 3);
		if (n & 2)
			cmd.sqe.cdw11 = 0;
		/* these wait; a property write may end the I/O queue */
		if (n & 4 && (cmd.sqe.opcode == NVME_ADMIN_ASYNC_EVENT ||
			      cmd.sqe.opcode == NVME_OPC_FABRICS))
			continue;
		fake_wait(fake_submit(n & 4 ? a : io, &cmd, data, 512,
				      n & 8 ? FAKE_REMOTE : FAKE_IN_CAPSULE));
	}
	UNIT_EQ(rw(NVME_CMD_WRITE, 1, 8, out, 4096), 0);
	UNIT_EQ(rw(NVME_CMD_READ, 1, 8, in, 4096), 0);
	CU_ASSERT(!memcmp(in, out, 4096));
	end();
}

UNIT_MAIN(UNIT(test_round_trip_in_place), UNIT(test_capsule_write),
	  UNIT(test_streamed_write), UNIT(test_buffered),
	  UNIT(test_buffers), UNIT(test_flush), UNIT(test_ranges), UNIT(test_lengths),
	  UNIT(test_descriptors), UNIT(test_namespaces_and_opcodes),
	  UNIT(test_write_zeroes), UNIT(test_dsm), UNIT(test_compare),
	  UNIT(test_many_at_once), UNIT(test_random_commands))
