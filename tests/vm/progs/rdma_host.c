// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * A host that does what hosts do not do: wrong connection requests, capsules,
 * commands, SGLs and keys, and connections that break at the worst moment.
 * Each case asserts the exact answer; after each one a second, well-behaved
 * connection must still read back what it wrote.
 *
 *	rdma_host ADDRESS [CASE...]	run them (default: all)
 *	rdma_host --list
 *
 * The target has subsystem nqn.2026-11.io.weft:hostile, which allows host
 * nqn.2026-11.io.weft:host, with namespaces 1 (RAM) and 2 (through buffers) of
 * 131,072 blocks of 512 bytes, at most 4 I/O queues, in-capsule data of 4,096
 * bytes and transfers of up to 131,072 bytes.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/vm/progs/initiator.h"

#define NQN		"nqn.2026-11.io.weft:hostile"
#define HOST		"nqn.2026-11.io.weft:host"
#define PORT		4420
#define BLOCK		512u
#define BLOCKS		131072u
#define MAX_QID		4
#define MAX_IO		131072u
#define CAPSULE_DATA	4096u
#define DNR(sc)		((sc) | NVME_STATUS_DNR)

static const char *addr;
static int failures;

#define EXPECT(actual, expected) \
	expect(actual, expected, #actual, __LINE__)

static bool expect(long long got, long long want, const char *what, int line)
{
	if (got == want)
		return true;
	printf("  line %d: %s = %lld (0x%llx), want %lld (0x%llx)\n", line,
	       what, got, got, want, want);
	failures++;
	return false;
}

/* A controller with one I/O queue and a buffer */
struct session {
	struct ini_conn admin;
	struct ini_conn io;
	struct ini_buf buf;
	u16 cntlid;
};

static void session_close(struct session *s)
{
	ini_buf_free(&s->buf);
	if (s->io.cm)
		ini_close(&s->io);
	if (s->admin.cm)
		ini_close(&s->admin);
}

static bool session_open(struct session *s, u16 depth)
{
	memset(s, 0, sizeof(*s));
	if (EXPECT(ini_admin(&s->admin, addr, PORT, NQN, HOST, &s->cntlid),
		   0) &&
	    EXPECT(ini_enable(&s->admin), 0) &&
	    EXPECT(ini_io_queue(&s->io, addr, PORT, NQN, HOST, s->cntlid, 1,
				depth), 0) &&
	    EXPECT(ini_buf_alloc(&s->io, 2 * MAX_IO, IBV_ACCESS_REMOTE_READ |
				 IBV_ACCESS_REMOTE_WRITE, &s->buf), 0))
		return true;
	session_close(s);
	return false;
}

static int rw(struct session *s, u8 opcode, u32 nsid, u64 lba, u32 blocks,
	      u32 len)
{
	union nvme_cmd cmd;

	nvme_cmd_rw(&cmd, opcode, nsid, lba, blocks, 0);
	ini_map(&cmd, &s->buf, len);
	return ini_exec(&s->io, &cmd, NULL);
}

static void fill(u8 *p, u32 len, u32 seed)
{
	u32 i;

	for (i = 0; i < len; i++) {
		seed = seed * 1664525 + 1013904223;
		p[i] = (u8)(seed >> 24);
	}
}

static void verify_len(struct session *s, u32 nsid, u32 lba, u32 len)
{
	static u8 want[MAX_IO];

	fill(want, len, lba + len);
	memcpy(s->buf.data, want, len);
	EXPECT(rw(s, NVME_CMD_WRITE, nsid, lba, len / BLOCK, len), 0);
	memset(s->buf.data, 0, len);
	EXPECT(rw(s, NVME_CMD_READ, nsid, lba, len / BLOCK, len), 0);
	EXPECT(memcmp(s->buf.data, want, len), 0);
}

static void verify_capsule(struct session *s, u32 nsid, u32 lba)
{
	u8 want[CAPSULE_DATA];
	union nvme_cmd cmd;

	fill(want, sizeof(want), lba);
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, nsid, lba, sizeof(want) / BLOCK, 0);
	nvme_sgl_incapsule(&cmd.sqe.sgl, 0, sizeof(want));
	EXPECT(ini_exec_with(&s->io, &cmd, want, sizeof(want), NULL), 0);
	EXPECT(rw(s, NVME_CMD_READ, nsid, lba, sizeof(want) / BLOCK,
		  sizeof(want)), 0);
	EXPECT(memcmp(s->buf.data, want, sizeof(want)), 0);
}

static void healthy(void)
{
	static u32 turn;
	struct session s;
	u32 nsid;

	if (!session_open(&s, 32))
		return;
	turn++;
	for (nsid = 1; nsid <= 2; nsid++) {
		verify_len(&s, nsid, turn * 300 % BLOCKS, 512);
		verify_len(&s, nsid, turn * 300 % BLOCKS, MAX_IO);
		verify_capsule(&s, nsid, turn * 700 % BLOCKS);
	}
	session_close(&s);
}

/* --- connection requests ----------------------------------------------- */

static int connect_with(const struct ini_params *p)
{
	struct ini_conn c;
	int rc = ini_connect(&c, addr, PORT, p);

	if (!rc)
		ini_close(&c);
	return rc;
}

static int connect_raw(u16 recfmt, u16 qid, u16 hrqsize, u16 hsqsize0)
{
	struct nvme_rdma_cm_req req = {
		.recfmt = cpu_to_le16(recfmt),
		.qid = cpu_to_le16(qid),
		.hrqsize = cpu_to_le16(hrqsize),
		.hsqsize = cpu_to_le16(hsqsize0),
	};
	struct ini_params p = ini_params(0, 32);

	p.private_data = &req;
	p.private_len = sizeof(req);
	return connect_with(&p);
}

static void case_private_data(void)
{
	struct ini_params p = ini_params(0, 32);

	EXPECT(connect_raw(1, 0, 32, 31), NVME_RDMA_CM_INVALID_RECFMT);
	EXPECT(connect_raw(0xffff, 0, 32, 31), NVME_RDMA_CM_INVALID_RECFMT);
	EXPECT(connect_raw(0, MAX_QID + 1, 32, 31), NVME_RDMA_CM_INVALID_QID);
	EXPECT(connect_raw(0, 0xffff, 32, 31), NVME_RDMA_CM_INVALID_QID);
	EXPECT(connect_raw(0, 0, 32, 0), NVME_RDMA_CM_INVALID_HSQSIZE);
	EXPECT(connect_raw(0, 0, 31, 31), NVME_RDMA_CM_INVALID_HRQSIZE);
	EXPECT(connect_raw(0, 0, 0, 31), NVME_RDMA_CM_INVALID_HRQSIZE);
	EXPECT(connect_raw(0, 0, 65535, 65535), NVME_RDMA_CM_INVALID_HRQSIZE);
	/* the connection manager pads what is missing with zeroes */
	p.no_private = true;
	EXPECT(connect_with(&p), NVME_RDMA_CM_INVALID_HSQSIZE);
	p = ini_params(0, 32);
	p.reads = 0;
	EXPECT(connect_with(&p), NVME_RDMA_CM_INVALID_IRD);
}

static void case_depth_is_capped(void)
{
	struct ini_params p = ini_params(1, 16);
	struct nvme_rdma_cm_req req = {
		.qid = cpu_to_le16(1),
		.hrqsize = cpu_to_le16(65535),
		.hsqsize = cpu_to_le16(65534),
	};
	struct ini_conn c;

	p.private_data = &req;
	p.private_len = sizeof(req);
	if (!EXPECT(ini_connect(&c, addr, PORT, &p), 0))
		return;
	EXPECT(c.crqsize, 128);
	ini_close(&c);
}

static void case_half_open(void)
{
	struct ini_params p = ini_params(0, 32);
	int i;

	/* gone before the answer is looked at */
	for (i = 0; i < 20; i++) {
		struct ini_conn c;

		memset(&c, 0, sizeof(c));
		c.depth = 32;
		if (EXPECT(ini_resolve(&c, addr, PORT), 0) &&
		    EXPECT(ini_make_queue(&c, &p), 0))
			EXPECT(ini_request(&c, &p), 0);
		ini_close(&c);
	}
}

static void case_connect_storm(void)
{
	struct ini_params p = ini_params(0, 32);
	int i;

	for (i = 0; i < 200; i++)
		if (!EXPECT(connect_with(&p), 0))
			return;
}

/* --- capsules ------------------------------------------------------------- */

/* A capsule that the target answers by closing the connection */
static void broken_capsule(u32 len, enum ibv_wr_opcode opcode)
{
	static u8 capsule[INI_CAPSULE];
	struct nvme_cqe cqe;
	struct session s;

	if (!session_open(&s, 32))
		return;
	EXPECT(ini_post_as(&s.io, capsule, len, opcode), 0);
	EXPECT(ini_response(&s.io, &cqe), -ECONNRESET);
	session_close(&s);
}

static void case_capsule_length(void)
{
	broken_capsule(0, IBV_WR_SEND);
	broken_capsule(1, IBV_WR_SEND);
	broken_capsule(63, IBV_WR_SEND);
	broken_capsule(64 + CAPSULE_DATA + 1, IBV_WR_SEND);
	broken_capsule(INI_CAPSULE, IBV_WR_SEND);
}

static void case_write_with_immediate(void)
{
	broken_capsule(0, IBV_WR_RDMA_WRITE_WITH_IMM);
}

static void case_immediate_is_ignored(void)
{
	struct nvme_cqe cqe;
	union nvme_cmd cmd;
	struct session s;

	if (!session_open(&s, 32))
		return;
	nvme_cmd_flush(&cmd, 1);
	EXPECT(ini_post_as(&s.io, &cmd, sizeof(cmd), IBV_WR_SEND_WITH_IMM), 0);
	EXPECT(ini_response(&s.io, &cqe), 0);
	EXPECT(cqe.status, 0);
	session_close(&s);
}

/* --- Connect -------------------------------------------------------------- */

static void case_before_connect(void)
{
	struct ini_params p = ini_params(0, 32);
	union nvme_cmd cmd;
	struct ini_conn c;
	u64 value;

	if (!EXPECT(ini_connect(&c, addr, PORT, &p), 0))
		return;
	EXPECT(ini_get(&c, NVME_REG_CAP, true, &value),
	       DNR(NVME_SC_CMD_SEQ_ERROR));
	EXPECT(ini_set(&c, NVME_REG_CC, 1), DNR(NVME_SC_CMD_SEQ_ERROR));
	nvme_cmd_identify(&cmd, NVME_CNS_CTRL, 0, 0, 0);
	EXPECT(ini_exec(&c, &cmd, NULL), DNR(NVME_SC_CMD_SEQ_ERROR));
	nvme_cmd_rw(&cmd, NVME_CMD_READ, 1, 0, 1, 0);
	EXPECT(ini_exec(&c, &cmd, NULL), DNR(NVME_SC_CMD_SEQ_ERROR));
	memset(&cmd, 0xff, sizeof(cmd));
	EXPECT(ini_exec(&c, &cmd, NULL), DNR(NVME_SC_CMD_SEQ_ERROR));
	/* and it is still good for a proper Connect */
	EXPECT(ini_nvme_connect(&c, 0, 31, NVMF_CNTLID_DYNAMIC, NQN, HOST,
				NULL), 0);
	ini_close(&c);
}

/* What a refused Connect says: status, and which field. */
static void refused(u16 cm_qid, u16 qid, u16 sqsize, u16 cntlid,
		    const char *subnqn, const char *hostnqn, u16 status,
		    u32 field)
{
	struct ini_params p = ini_params(cm_qid, 32);
	struct ini_conn c;
	u64 result = 0;

	if (!EXPECT(ini_connect(&c, addr, PORT, &p), 0))
		return;
	EXPECT(ini_nvme_connect(&c, qid, sqsize, cntlid, subnqn, hostnqn,
				&result), DNR(status));
	EXPECT((u32)result, field);
	ini_close(&c);
}

#define IN_DATA(f) (NVMF_CONNECT_IATTR_DATA | offsetof(struct nvmf_connect_data, f))
#define IN_CMD(f) offsetof(struct nvmf_connect_cmd, f)

static void case_connect_refused(void)
{
	char long_nqn[NVMF_NQN_FIELD];

	memset(long_nqn, 'n', sizeof(long_nqn) - 1);
	long_nqn[sizeof(long_nqn) - 1] = 0;
	refused(0, 0, 31, 0xffff, NQN "x", HOST, NVME_SC_CONNECT_INVALID_PARAM,
		IN_DATA(subnqn));
	refused(0, 0, 31, 0xffff, "", HOST, NVME_SC_CONNECT_INVALID_PARAM,
		IN_DATA(subnqn));
	refused(0, 0, 31, 0xffff, long_nqn, HOST, NVME_SC_CONNECT_INVALID_PARAM,
		IN_DATA(subnqn));
	refused(0, 0, 31, 0xffff, NQN, long_nqn, NVME_SC_CONNECT_INVALID_PARAM,
		IN_DATA(hostnqn));
	refused(0, 0, 31, 0xffff, NQN, HOST "\n", NVME_SC_CONNECT_INVALID_PARAM,
		IN_DATA(hostnqn));
	refused(0, 0, 31, 0xffff, NQN, HOST "x", NVME_SC_CONNECT_INVALID_HOST, 0);
	refused(0, 0, 31, 0xffff, NQN, "", NVME_SC_CONNECT_INVALID_HOST, 0);
	refused(0, 0, 31, 7, NQN, HOST, NVME_SC_CONNECT_INVALID_PARAM,
		IN_DATA(cntlid));
	refused(0, 0, 0, 0xffff, NQN, HOST, NVME_SC_CONNECT_INVALID_PARAM,
		IN_CMD(sqsize));
	refused(0, 0, 0xffff, 0xffff, NQN, HOST, NVME_SC_CONNECT_INVALID_PARAM,
		IN_CMD(sqsize));
	refused(1, MAX_QID + 1, 31, 1, NQN, HOST, NVME_SC_CONNECT_INVALID_PARAM,
		IN_CMD(qid));
	/* an I/O queue of nobody */
	refused(1, 1, 31, 0x4321, NQN, HOST, NVME_SC_CONNECT_INVALID_PARAM,
		IN_DATA(cntlid));
	refused(1, 1, 31, 0xffff, NQN, HOST, NVME_SC_CONNECT_INVALID_PARAM,
		IN_DATA(cntlid));
}

static void case_connect_format(void)
{
	struct ini_params p = ini_params(0, 32);
	union nvme_cmd cmd;
	struct ini_conn c;
	struct ini_buf b;

	if (!EXPECT(ini_connect(&c, addr, PORT, &p), 0))
		return;
	EXPECT(ini_buf_alloc(&c, 4096, IBV_ACCESS_REMOTE_READ, &b), 0);
	nvme_cmd_connect(&cmd, 0, 31, 0, 0);
	cmd.connect.recfmt = cpu_to_le16(1);
	ini_map(&cmd, &b, 1024);
	EXPECT(ini_exec(&c, &cmd, NULL), DNR(NVME_SC_CONNECT_FORMAT));
	nvme_cmd_connect(&cmd, 0, 31, 0, 0);
	ini_map(&cmd, &b, 512);
	EXPECT(ini_exec(&c, &cmd, NULL), DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	ini_map(&cmd, &b, 4096);
	EXPECT(ini_exec(&c, &cmd, NULL), DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	nvme_sgl_none(&cmd.sqe.sgl, true);
	EXPECT(ini_exec(&c, &cmd, NULL), DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	ini_buf_free(&b);
	ini_close(&c);
}

static void case_queue_rules(void)
{
	struct ini_params p = ini_params(1, 32);
	struct ini_conn second;
	struct session s;
	u64 result = 0;

	memset(&s, 0, sizeof(s));
	if (!EXPECT(ini_admin(&s.admin, addr, PORT, NQN, HOST, &s.cntlid), 0))
		return;
	/* an I/O queue before CC.EN */
	EXPECT(ini_io_queue(&s.io, addr, PORT, NQN, HOST, s.cntlid, 1, 32),
	       DNR(NVME_SC_CMD_SEQ_ERROR));
	EXPECT(ini_enable(&s.admin), 0);
	EXPECT(ini_io_queue(&s.io, addr, PORT, NQN, HOST, s.cntlid, 1, 32), 0);
	/* the same queue once more */
	if (EXPECT(ini_connect(&second, addr, PORT, &p), 0)) {
		EXPECT(ini_nvme_connect(&second, 1, 31, s.cntlid, NQN, HOST,
					&result),
		       DNR(NVME_SC_CONNECT_INVALID_PARAM));
		EXPECT((u32)result, IN_CMD(qid));
		ini_close(&second);
	}
	/* Connect twice on one queue */
	EXPECT(ini_nvme_connect(&s.admin, 0, 31, 0xffff, NQN, HOST, NULL),
	       DNR(NVME_SC_CMD_SEQ_ERROR));
	EXPECT(ini_nvme_connect(&s.io, 1, 31, s.cntlid, NQN, HOST, NULL),
	       DNR(NVME_SC_CMD_SEQ_ERROR));
	session_close(&s);
}

/* The last queue is free again when its connection is gone. */
static void case_too_many_queues(void)
{
	struct ini_params p = ini_params(MAX_QID + 1, 32);
	struct ini_conn more[MAX_QID];
	struct session s;
	int i, n = 0;

	if (!session_open(&s, 32))
		return;
	for (i = 0; i < MAX_QID - 1; i++)
		n += !ini_io_queue(&more[i], addr, PORT, NQN, HOST, s.cntlid,
				   (u16)(i + 2), 32);
	EXPECT(n, MAX_QID - 1);
	EXPECT(connect_with(&p), NVME_RDMA_CM_INVALID_QID);
	for (i = 0; i < n; i++)
		ini_close(&more[i]);
	session_close(&s);
}

/* --- commands --------------------------------------------------------------- */

static void case_unknown_commands(void)
{
	static const u8 io[] = { 0x03, 0x04, 0x0d, 0x19, 0x80, 0xff };
	static const u8 admin[] = { 0x00, 0x01, 0x0d, 0x80, 0x84, 0xc0, 0xff };
	union nvme_cmd cmd;
	struct session s;
	size_t i;

	if (!session_open(&s, 32))
		return;
	for (i = 0; i < sizeof(io); i++) {
		nvme_cmd_flush(&cmd, 1);
		cmd.sqe.opcode = io[i];
		EXPECT(ini_exec(&s.io, &cmd, NULL), DNR(NVME_SC_INVALID_OPCODE));
	}
	for (i = 0; i < sizeof(admin); i++) {
		nvme_cmd_flush(&cmd, 0);
		cmd.sqe.opcode = admin[i];
		EXPECT(ini_exec(&s.admin, &cmd, NULL),
		       DNR(NVME_SC_INVALID_OPCODE));
	}
	nvme_cmd_property_get(&cmd, NVME_REG_CAP, true);
	cmd.fabrics.fctype = 0x77;
	EXPECT(ini_exec(&s.admin, &cmd, NULL), DNR(NVME_SC_INVALID_OPCODE));
	/* properties belong to admin queues */
	nvme_cmd_property_get(&cmd, NVME_REG_CAP, true);
	EXPECT(ini_exec(&s.io, &cmd, NULL), DNR(NVME_SC_INVALID_OPCODE));
	nvme_cmd_property_get(&cmd, 0x1000, true);
	EXPECT(ini_exec(&s.admin, &cmd, NULL), DNR(NVME_SC_INVALID_FIELD));
	nvme_cmd_property_set(&cmd, NVME_REG_CAP, true, 0);
	EXPECT(ini_exec(&s.admin, &cmd, NULL), DNR(NVME_SC_INVALID_FIELD));
	nvme_cmd_flush(&cmd, 1);
	cmd.sqe.flags |= 1;
	EXPECT(ini_exec(&s.io, &cmd, NULL), DNR(NVME_SC_INVALID_FIELD));
	session_close(&s);
}

static void case_ranges(void)
{
	struct session s;
	u8 op;

	if (!session_open(&s, 32))
		return;
	for (op = NVME_CMD_WRITE; op <= NVME_CMD_READ; op++) {
		EXPECT(rw(&s, op, 1, BLOCKS - 1, 1, 512), 0);
		EXPECT(rw(&s, op, 1, BLOCKS, 1, 512), DNR(NVME_SC_LBA_RANGE));
		EXPECT(rw(&s, op, 1, BLOCKS - 1, 2, 1024),
		       DNR(NVME_SC_LBA_RANGE));
		EXPECT(rw(&s, op, 1, ~0ull, 1, 512), DNR(NVME_SC_LBA_RANGE));
		EXPECT(rw(&s, op, 1, ~0ull, 2, 1024), DNR(NVME_SC_LBA_RANGE));
		EXPECT(rw(&s, op, 1, 1ull << 55, 1, 512),
		       DNR(NVME_SC_LBA_RANGE));
		EXPECT(rw(&s, op, 0, 0, 1, 512), DNR(NVME_SC_INVALID_NS));
		EXPECT(rw(&s, op, 3, 0, 1, 512), DNR(NVME_SC_INVALID_NS));
		EXPECT(rw(&s, op, 0xffffffff, 0, 1, 512),
		       DNR(NVME_SC_INVALID_NS));
		/* more than the controller says it transfers */
		EXPECT(rw(&s, op, 1, 0, MAX_IO / BLOCK + 1, MAX_IO + BLOCK),
		       DNR(NVME_SC_SGL_INVALID_DATA_LEN));
		EXPECT(rw(&s, op, 1, 0, 65536, 512),
		       DNR(NVME_SC_INVALID_FIELD));
		/* data that is not as long as the blocks */
		EXPECT(rw(&s, op, 1, 0, 2, 512),
		       DNR(NVME_SC_SGL_INVALID_DATA_LEN));
		EXPECT(rw(&s, op, 1, 0, 1, 1024),
		       DNR(NVME_SC_SGL_INVALID_DATA_LEN));
		EXPECT(rw(&s, op, 1, 0, 1, 0),
		       DNR(NVME_SC_SGL_INVALID_DATA_LEN));
		EXPECT(rw(&s, op, 1, 0, 1, 511),
		       DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	}
	session_close(&s);
}

/* A write or read of one block whose descriptor has type and sub type @id */
static int with_sgl(struct session *s, u8 opcode, u8 id, u64 at, u32 len)
{
	union nvme_cmd cmd;
	u8 data[1024] = { 0 };

	nvme_cmd_rw(&cmd, opcode, 1, 0, 1, 0);
	cmd.sqe.sgl.addr = cpu_to_le64(at);
	cmd.sqe.sgl.len = cpu_to_le32(len);
	cmd.sqe.sgl.id = id;
	return ini_exec_with(&s->io, &cmd, data, sizeof(data), NULL);
}

static void case_bad_sgls(void)
{
	static const u8 good[] = {
		NVME_SGL_ID(NVME_SGL_DATA_BLOCK, NVME_SGL_SUB_OFFSET),
		NVME_SGL_ID(NVME_SGL_KEYED_DATA_BLOCK, NVME_SGL_SUB_ADDRESS),
		NVME_SGL_ID(NVME_SGL_KEYED_DATA_BLOCK, NVME_SGL_SUB_INVALIDATE),
	};
	union nvme_cmd cmd;
	struct session s;
	int id;

	if (!session_open(&s, 32))
		return;
	for (id = 0; id < 256; id++)
		if (!memchr(good, id, sizeof(good)))
			EXPECT(with_sgl(&s, NVME_CMD_WRITE, (u8)id, 0, 512),
			       DNR(NVME_SC_SGL_INVALID_TYPE));
	/* in-capsule data: within what came, and only towards the controller */
	EXPECT(with_sgl(&s, NVME_CMD_WRITE, good[0], 0, 512), 0);
	EXPECT(with_sgl(&s, NVME_CMD_WRITE, good[0], 512, 512), 0);
	EXPECT(with_sgl(&s, NVME_CMD_WRITE, good[0], 513, 512),
	       DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	EXPECT(with_sgl(&s, NVME_CMD_WRITE, good[0], 1025, 512),
	       DNR(NVME_SC_SGL_INVALID_OFFSET));
	EXPECT(with_sgl(&s, NVME_CMD_WRITE, good[0], ~0ull, 512),
	       DNR(NVME_SC_SGL_INVALID_OFFSET));
	EXPECT(with_sgl(&s, NVME_CMD_WRITE, good[0], 0, 0xffffffff),
	       DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	EXPECT(with_sgl(&s, NVME_CMD_READ, good[0], 0, 512),
	       DNR(NVME_SC_SGL_INVALID_TYPE));
	/* PRPs do not exist here */
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, 1, 0, 1, 0);
	ini_map(&cmd, &s.buf, 512);
	for (id = 0; id < 4; id++) {
		cmd.sqe.flags = (u8)(id << 6);
		EXPECT(ini_exec(&s.io, &cmd, NULL),
		       id == 1 ? 0 : DNR(NVME_SC_INVALID_FIELD));
	}
	session_close(&s);
}

/* Every response slot is used, and more commands than slots wait their turn. */
static void case_deep_queue(void)
{
	u32 i, n = 0;
	struct session s;

	if (!session_open(&s, 32))
		return;
	for (i = 0; i < 32; i++) {
		union nvme_cmd cmd;

		nvme_cmd_rw(&cmd, i & 1 ? NVME_CMD_READ : NVME_CMD_WRITE,
			    1 + (i >> 1 & 1), i * 256, MAX_IO / BLOCK, 0);
		cmd.sqe.cid = cpu_to_le16(i);
		ini_map(&cmd, &s.buf, MAX_IO);
		n += !ini_post(&s.io, &cmd, sizeof(cmd));
	}
	EXPECT(n, 32);
	for (i = 0; i < n; i++) {
		struct nvme_cqe cqe;

		if (!EXPECT(ini_response(&s.io, &cqe), 0))
			break;
		EXPECT(cqe.status, 0);
	}
	session_close(&s);
}

/* More commands than the queue has entries */
static void case_beyond_depth(void)
{
	struct ini_params p = ini_params(1, 16);
	union nvme_cmd cmd;
	struct session s;
	int i, n = 0;

	memset(&s, 0, sizeof(s));
	p.max_send = 128;
	if (!EXPECT(ini_admin(&s.admin, addr, PORT, NQN, HOST, &s.cntlid), 0))
		return;
	EXPECT(ini_enable(&s.admin), 0);
	if (EXPECT(ini_connect(&s.io, addr, PORT, &p), 0) &&
	    EXPECT(ini_nvme_connect(&s.io, 1, 15, s.cntlid, NQN, HOST, NULL),
		   0)) {
		nvme_cmd_flush(&cmd, 1);
		for (i = 0; i < 100; i++)
			n += !ini_post(&s.io, &cmd, sizeof(cmd));
		EXPECT(n, 100);
		/* receives of ours run out as well: both ends just wait */
		for (i = 0; i < 100; i++) {
			struct nvme_cqe cqe;

			if (!EXPECT(ini_response(&s.io, &cqe), 0))
				break;
			EXPECT(cqe.status, 0);
		}
	}
	session_close(&s);
}

/* --- keys ---------------------------------------------------------------------- */

/* A transfer that the host's adapter refuses: the connection ends. */
static void bad_transfer(u8 opcode, u32 nsid, u64 at, u32 key_xor, int access)
{
	struct ini_buf small;
	union nvme_cmd cmd;
	struct session s;

	if (!session_open(&s, 32))
		return;
	EXPECT(ini_buf_alloc(&s.io, 4096, access, &small), 0);
	nvme_cmd_rw(&cmd, opcode, nsid, 0, 8, 0);
	nvme_sgl_keyed(&cmd.sqe.sgl, (uintptr_t)small.data + at, 4096,
		       small.mr->rkey ^ key_xor, false);
	EXPECT(ini_exec(&s.io, &cmd, NULL), -ECONNRESET);
	ini_buf_free(&small);
	session_close(&s);
}

static void case_bad_keys(void)
{
	const int full = IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE;
	u32 nsid;

	for (nsid = 1; nsid <= 2; nsid++) {
		bad_transfer(NVME_CMD_WRITE, nsid, 0, 0x5a5a5a5a, full);
		bad_transfer(NVME_CMD_READ, nsid, 0, 0x5a5a5a5a, full);
		/* past the end, and without the right */
		bad_transfer(NVME_CMD_WRITE, nsid, 512, 0, full);
		bad_transfer(NVME_CMD_READ, nsid, 512, 0, full);
		bad_transfer(NVME_CMD_WRITE, nsid, 0, 0, 0);
		bad_transfer(NVME_CMD_READ, nsid, 0, 0, IBV_ACCESS_REMOTE_READ);
	}
}

/* The host reaches for the target's memory itself. */
static void case_host_reads_target(void)
{
	static const enum ibv_wr_opcode ops[] = {
		IBV_WR_RDMA_WRITE, IBV_WR_RDMA_READ,
	};
	struct session s;
	size_t i;
	u32 key;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		struct ibv_sge sge;
		struct ibv_send_wr *bad, wr = {
			.opcode = ops[i], .sg_list = &sge, .num_sge = 1,
			.wr_id = 1ull << 32,
		};
		struct nvme_cqe cqe;

		if (!session_open(&s, 32))
			return;
		key = s.buf.mr->rkey;
		sge.addr = (uintptr_t)s.buf.data;
		sge.length = 64;
		sge.lkey = s.buf.mr->lkey;
		wr.wr.rdma.remote_addr = 0x7f0000000000;
		wr.wr.rdma.rkey = key ^ 0x100;
		EXPECT(ibv_post_send(s.io.id->qp, &wr, &bad), 0);
		EXPECT(ini_response(&s.io, &cqe), -ECONNRESET);
		session_close(&s);
	}
}

/* Memory windows are what a user-space host can have invalidated. */
static int bind_window(struct session *s, struct ibv_mw *mw, u32 *rkey)
{
	struct ibv_send_wr *bad, wr = {
		.wr_id = 2ull << 32, .opcode = IBV_WR_BIND_MW,
		.send_flags = IBV_SEND_SIGNALED,
	};
	struct ibv_wc wc;
	int err;

	*rkey = ibv_inc_rkey(mw->rkey);
	wr.bind_mw.mw = mw;
	wr.bind_mw.rkey = *rkey;
	wr.bind_mw.bind_info.mr = s->buf.mr;
	wr.bind_mw.bind_info.addr = (uintptr_t)s->buf.data;
	wr.bind_mw.bind_info.length = 4096;
	wr.bind_mw.bind_info.mw_access_flags = IBV_ACCESS_REMOTE_WRITE;
	err = ibv_post_send(s->io.id->qp, &wr, &bad);
	while (!err) {
		err = ini_wc(&s->io, &wc);
		if (!err && wc.wr_id == wr.wr_id)
			return wc.status ? -EIO : 0;
	}
	return -err;
}

static int window_read(struct session *s, u32 rkey, u64 lba, bool invalidate)
{
	union nvme_cmd cmd;

	nvme_cmd_rw(&cmd, NVME_CMD_READ, 1, lba, 8, 0);
	nvme_sgl_keyed(&cmd.sqe.sgl, (uintptr_t)s->buf.data, 4096, rkey,
		       invalidate);
	return ini_exec(&s->io, &cmd, NULL);
}

/* Whether a key was invalidated shows when it is used once more. */
static void window_case(u64 lba, bool invalidate, int status)
{
	struct session s;
	struct ibv_mw *mw;
	u32 rkey;

	if (!session_open(&s, 32))
		return;
	ini_buf_free(&s.buf);
	EXPECT(ini_buf_alloc(&s.io, 4096, IBV_ACCESS_REMOTE_WRITE |
			     IBV_ACCESS_MW_BIND, &s.buf), 0);
	mw = ibv_alloc_mw(s.io.pd, IBV_MW_TYPE_2);
	if (mw && EXPECT(bind_window(&s, mw, &rkey), 0)) {
		EXPECT(window_read(&s, rkey, lba, invalidate), status);
		EXPECT(window_read(&s, rkey, 0, false),
		       invalidate ? -ECONNRESET : 0);
	}
	if (mw)
		ibv_dealloc_mw(mw);
	else
		printf("  no memory windows here: not tested\n");
	session_close(&s);
}

static void case_invalidate(void)
{
	window_case(0, false, 0);
	window_case(0, true, 0);
	/* with an error as well */
	window_case(BLOCKS, false, DNR(NVME_SC_LBA_RANGE));
	window_case(BLOCKS, true, DNR(NVME_SC_LBA_RANGE));
}

/* A key that is none, to be invalidated: the host's adapter objects. */
static void case_invalidate_nonsense(void)
{
	struct session s;
	union nvme_cmd cmd;
	int rc;

	if (!session_open(&s, 32))
		return;
	nvme_cmd_rw(&cmd, NVME_CMD_READ, 1, BLOCKS, 8, 0);
	nvme_sgl_keyed(&cmd.sqe.sgl, 0, 4096, 0xdeadbeef, true);
	rc = ini_exec(&s.io, &cmd, NULL);
	/* an adapter may deliver the response and ignore the key */
	EXPECT(rc == -ECONNRESET || rc == DNR(NVME_SC_LBA_RANGE), 1);
	session_close(&s);
}

/* --- breaking off ----------------------------------------------------------- */

static void post_burst(struct session *s)
{
	u32 i;

	for (i = 0; i < 32; i++) {
		union nvme_cmd cmd;

		nvme_cmd_rw(&cmd, i & 1 ? NVME_CMD_READ : NVME_CMD_WRITE,
			    1 + (i >> 1 & 1), i * 256, MAX_IO / BLOCK, 0);
		cmd.sqe.cid = cpu_to_le16(i);
		ini_map(&cmd, &s->buf, MAX_IO);
		ini_post(&s->io, &cmd, sizeof(cmd));
	}
}

static void case_break_during_transfers(void)
{
	struct session s;
	int i, k;

	for (i = 0; i < 10; i++) {
		struct nvme_cqe cqe;

		if (!session_open(&s, 32))
			return;
		post_burst(&s);
		/* a little later each time */
		for (k = 0; k < i; k++)
			ini_response(&s.io, &cqe);
		if (i & 1)
			rdma_disconnect(s.io.id);
		session_close(&s);
	}
}

/* The admin queue goes, the I/O queue is busy: the controller takes it along. */
static void case_admin_breaks_first(void)
{
	struct nvme_cqe cqe;
	struct session s;
	int rc, n = 0;

	if (!session_open(&s, 32))
		return;
	post_burst(&s);
	ini_close(&s.admin);
	do {
		rc = ini_response(&s.io, &cqe);
	} while (!rc && ++n <= 32);
	EXPECT(rc, -ECONNRESET);
	session_close(&s);
}

/* The process that case_killed() starts, and what happens to it */
static int victim(void)
{
	struct session s;

	if (session_open(&s, 32))
		post_burst(&s);
	return kill(getpid(), SIGKILL);
}

/*
 * The whole process is killed: the kernel closes for it. It has devices open
 * of its own, so that nothing of it stays open here.
 */
static void case_killed(void)
{
	int i, status;

	for (i = 0; i < 3; i++) {
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (!pid) {
			execl("/proc/self/exe", "rdma_host", addr, "--victim",
			      NULL);
			_exit(1);
		}
		EXPECT(waitpid(pid, &status, 0), pid);
		EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, 1);
	}
}

static void case_memory_gone(void)
{
	struct nvme_cqe cqe;
	struct session s;
	int rc, n = 0;

	/* the region is taken away while the target transfers */
	if (!session_open(&s, 32))
		return;
	post_burst(&s);
	ini_buf_free(&s.buf);
	do {
		rc = ini_response(&s.io, &cqe);
	} while (!rc && ++n < 32);
	EXPECT(rc == -ECONNRESET || n == 32, 1);
	session_close(&s);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
#define CASE(name) { #name, case_##name }
	CASE(private_data),
	CASE(depth_is_capped),
	CASE(half_open),
	CASE(capsule_length),
	CASE(write_with_immediate),
	CASE(immediate_is_ignored),
	CASE(before_connect),
	CASE(connect_refused),
	CASE(connect_format),
	CASE(queue_rules),
	CASE(too_many_queues),
	CASE(unknown_commands),
	CASE(ranges),
	CASE(bad_sgls),
	CASE(deep_queue),
	CASE(beyond_depth),
	CASE(bad_keys),
	CASE(host_reads_target),
	CASE(invalidate),
	CASE(invalidate_nonsense),
	CASE(break_during_transfers),
	CASE(admin_breaks_first),
	CASE(killed),
	CASE(memory_gone),
	CASE(connect_storm),
#undef CASE
};

static bool wanted(const char *name, int argc, char **argv)
{
	int i;

	for (i = 2; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc <= 2;
}

static int run_all(int argc, char **argv)
{
	int bad = 0, ran = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		if (!wanted(cases[i].name, argc, argv))
			continue;
		failures = 0;
		cases[i].run();
		healthy();
		ran++;
		bad += failures > 0;
		printf("%s %s\n", failures ? "FAIL" : "ok", cases[i].name);
		fflush(stdout);
	}
	printf("%d cases, %d failed\n", ran, bad);
	return bad || !ran;
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc < 2) {
		fprintf(stderr, "usage: rdma_host ADDRESS [CASE...] | --list\n");
		return 2;
	}
	if (!strcmp(argv[1], "--list")) {
		for (i = 0; i < ARRAY_SIZE(cases); i++)
			puts(cases[i].name);
		return 0;
	}
	addr = argv[1];
	if (argc == 3 && !strcmp(argv[2], "--victim"))
		return victim();
	return run_all(argc, argv);
}
