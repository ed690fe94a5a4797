// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * A host that breaks the transport: capsules of wrong lengths, more commands
 * than there are slots, keys that do not fit, memory that goes away, and
 * connections that end at the worst moment. Also, as rdma_break ADDRESS
 * --linger: reads and writes until the target hangs up, and ends with 0 then.
 */
#include <signal.h>
#include <sys/wait.h>

#include "tests/vm/progs/session.h"

/* --- connections ---------------------------------------------------------- */

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

	for (i = 0; i < 200; i++) {
		struct ini_conn c;

		if (!EXPECT(ini_connect(&c, addr, PORT, &p), 0))
			return;
		ini_close(&c);
	}
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
static void case_host_writes_target(void)
{
	struct ibv_sge sge;
	struct ibv_send_wr *bad, wr = {
		.opcode = IBV_WR_RDMA_WRITE, .sg_list = &sge, .num_sge = 1,
		.wr_id = 1ull << 32,
	};
	struct nvme_cqe cqe;
	struct session s;
	u32 key;

	/* keys are small numbers: ours, and those around it */
	for (key = 0; key < 4; key++) {
		if (!session_open(&s, 32))
			return;
		sge.addr = (uintptr_t)s.buf.data;
		sge.length = 64;
		sge.lkey = s.buf.mr->lkey;
		wr.wr.rdma.remote_addr = 0x7f0000000000;
		wr.wr.rdma.rkey = s.buf.mr->rkey ^ (0x100 << key);
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
	/* soft-RoCE has them */
	mw = ibv_alloc_mw(s.io.pd, IBV_MW_TYPE_2);
	if (EXPECT(!!mw, 1) && EXPECT(bind_window(&s, mw, &rkey), 0)) {
		EXPECT(window_read(&s, rkey, lba, invalidate), status);
		EXPECT(window_read(&s, rkey, 0, false),
		       invalidate ? -ECONNRESET : 0);
	}
	if (mw)
		ibv_dealloc_mw(mw);
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

	/* without I/O there is nothing to be killed in */
	if (!session_open(&s, 32))
		return 1;
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
			execl("/proc/self/exe", "rdma_break", addr, "--victim",
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
	int rc = 0, n = 0;

	/* the region is taken away while the target transfers */
	if (!session_open(&s, 32))
		return;
	post_burst(&s);
	ini_buf_free(&s.buf);
	/* what was through before has succeeded, and nothing is answered after */
	for (; n < 32 && !rc; n++) {
		rc = ini_response(&s.io, &cqe);
		EXPECT(rc ? rc : cqe.status, rc ? -ECONNRESET : 0);
	}
	session_close(&s);
}

/* Busy until the target ends it; a response that is no success is one too. */
static int linger(void)
{
	struct nvme_cqe cqe;
	struct session s;
	int rc = 0, i;

	if (!session_open(&s, 32))
		return 1;
	puts("busy");
	fflush(stdout);
	while (!rc) {
		post_burst(&s);
		for (i = 0; !rc && i < 32; i++)
			rc = ini_response(&s.io, &cqe);
	}
	EXPECT(rc, -ECONNRESET);
	session_close(&s);
	return failures > 0;
}

static const struct test_case cases[] = {
	CASE(half_open),
	CASE(connect_storm),
	CASE(capsule_length),
	CASE(write_with_immediate),
	CASE(immediate_is_ignored),
	CASE(deep_queue),
	CASE(beyond_depth),
	CASE(bad_keys),
	CASE(host_writes_target),
	CASE(invalidate),
	CASE(invalidate_nonsense),
	CASE(break_during_transfers),
	CASE(admin_breaks_first),
	CASE(killed),
	CASE(memory_gone),
};

int main(int argc, char **argv)
{
	if (argc == 3) {
		addr = argv[1];
		if (!strcmp(argv[2], "--victim"))
			return victim();
		if (!strcmp(argv[2], "--linger"))
			return linger();
	}
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
