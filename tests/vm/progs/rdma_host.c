// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * A host that says what hosts do not say: wrong connection requests, Connect
 * commands, opcodes, ranges and SGLs. Each case asserts the exact answer.
 */
#include "tests/vm/progs/session.h"

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

static int queue_of(struct session *s, struct ini_conn *c, u16 qid)
{
	return ini_io_queue(c, addr, PORT, NQN, HOST, s->cntlid, qid, 32);
}

/* The last queue is free again when the target has seen its connection go. */
static void queue_again(struct session *s, struct ini_conn *last)
{
	const int taken = DNR(NVME_SC_CONNECT_INVALID_PARAM);
	union nvme_cmd cmd;
	struct ini_conn c;
	int i, rc = taken;

	EXPECT(queue_of(s, &c, MAX_QID), taken);
	ini_close(last);
	for (i = 0; i < 300 && rc == taken; i++) {
		rc = queue_of(s, last, MAX_QID);
		if (rc == taken)
			usleep(100000);
	}
	if (!EXPECT(rc, 0))
		return;
	nvme_cmd_flush(&cmd, 1);
	EXPECT(ini_exec(last, &cmd, NULL), 0);
}

static void case_all_queues(void)
{
	struct ini_conn more[MAX_QID - 1];
	struct session s;
	int i, n = 0;

	if (!session_open(&s, 32))
		return;
	while (n < MAX_QID - 1 &&
	       EXPECT(queue_of(&s, &more[n], (u16)(n + 2)), 0))
		n++;
	if (n == MAX_QID - 1)
		queue_again(&s, &more[n - 1]);
	for (i = 0; i < n; i++)
		if (more[i].cm)
			ini_close(&more[i]);
	session_close(&s);
}

/* --- commands --------------------------------------------------------------- */

static void case_unknown_commands(void)
{
	static const u8 io[] = { 0x03, 0x06, 0x07, 0x1d, 0x80, 0xff };
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
	cmd.sqe.flags |= 3;
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

static const struct test_case cases[] = {
	CASE(private_data),
	CASE(depth_is_capped),
	CASE(before_connect),
	CASE(connect_refused),
	CASE(connect_format),
	CASE(queue_rules),
	CASE(all_queues),
	CASE(unknown_commands),
	CASE(ranges),
	CASE(bad_sgls),
};

int main(int argc, char **argv)
{
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
