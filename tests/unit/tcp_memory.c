// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The TCP transport without memory: malloc() and posix_memalign() fail, and the
 * socket calls say that the kernel has none, as often as the test wants. What
 * was begun waits, and is whole in the end; nothing is failed or closed. And I/O
 * that needs no more memory than it has.
 */
#include "tests/unit/no_memory.h"
#include "tests/unit/tcp_stage.h"

#define CAPSULE		4096u
#define WRITES		3u
#define PDU		(sizeof(struct nvme_tcp_cmd) + CAPSULE)

/* --- socket calls, by --wrap ------------------------------------------------------- */

static bool no_kernel;

ssize_t __real_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *m, int flags);

ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags);

static bool kernel_short(int err)
{
	if (no_kernel)
		errno = err;
	return no_kernel;
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags)
{
	return kernel_short(ENOBUFS) ? -1 : __real_recvmsg(fd, m, flags);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags)
{
	return kernel_short(ENOMEM) ? -1 : __real_sendmsg(fd, m, flags);
}

/* --- commands ---------------------------------------------------------------- */

/* Writes whose data comes with them, as bytes: each full of its number. */
static void send_writes(u8 opcode)
{
	static u8 bytes[WRITES * PDU];
	u32 i;

	for (i = 0; i < WRITES; i++) {
		struct nvme_tcp_cmd *p = (void *)(bytes + i * PDU);

		memset(p, 0, sizeof(*p));
		p->hdr.type = NVME_TCP_CMD;
		p->hdr.hlen = p->hdr.pdo = sizeof(*p);
		p->hdr.plen = cpu_to_le32((u32)PDU);
		p->cmd.sqe.opcode = opcode;
		p->cmd.sqe.cid = cpu_to_le16((u16)i);
		nvme_sgl_incapsule(&p->cmd.sqe.sgl, 0, CAPSULE);
		memset(p + 1, (int)i + 1, CAPSULE);
	}
	UNIT_EQ(send(host, bytes, sizeof(bytes), 0), sizeof(bytes));
}

static void transfer(struct nvmf_request *r, enum nvme_xfer_dir dir)
{
	r->dir = dir;
	r->sgl = (struct nvme_sgl) { .place = NVME_SGL_PLACE_CAPSULE,
				     .len = CAPSULE };
	r->length = CAPSULE;
	r->iovcnt = 0;
	ops->req_get_data(r);
}

/* A command's data is wanted. */
static void get_data(struct nvmf_request *r)
{
	transfer(r, NVME_XFER_HOST_TO_CTRL);
}

static bool came_whole(u32 n)
{
	const struct nvmf_request *r = started[n];
	const u8 *data = r->iov[0].iov_base;
	u32 i;

	for (i = 0; i < CAPSULE; i++)
		if (data[i] != n + 1)
			return false;
	return r->iov[0].iov_len == CAPSULE;
}

/* All are executed with the right data; then their host has responses. */
static void expect_all(void)
{
	u8 bytes[1024];
	u32 i;

	UNIT_EQ(executed, WRITES);
	for (i = 0; i < nstarted; i++)
		CU_ASSERT_TRUE(came_whole(i));
	for (i = 0; i < nstarted; i++)
		ops->req_complete(started[i]);
	turns(1);
	if (!no_kernel)
		UNIT_EQ(recv(host, bytes, sizeof(bytes), 0),
			WRITES * sizeof(struct nvme_tcp_rsp));
}

/* Nothing happens, however often it is tried again. */
static void expect_patience(u32 begun)
{
	u32 i;

	for (i = 0; i < 3; i++) {
		fire_timers();
		turns(1);
		watched_turn();
	}
	UNIT_EQ(nstarted, begun);
	UNIT_EQ(executed + failed + disconnected, 0);
	CU_ASSERT_TRUE(tcp_conn_live(conn));
}

/* Memory is there again. */
static void recover(void)
{
	no_malloc = false;
	no_aligned = false;
	no_kernel = false;
	fire_timers();
	turns(2);
	watched_turn();
	turns(1);
}

static void test_capsules_of_their_own(void)
{
	up();
	on_start = get_data;
	no_aligned = true;
	send_writes(NVME_OPC_FABRICS);
	watched_turn();
	expect_patience(1);
	recover();
	expect_all();
	down();
}

static void test_gone_while_waiting(void)
{
	up();
	on_start = get_data;
	no_aligned = true;
	send_writes(NVME_OPC_FABRICS);
	watched_turn();
	ops->qpair_disconnect(&conn->base);
	turns(1);
	UNIT_EQ(failed, 1);
	no_aligned = false;
	down();
}

static void ready(struct pool_user *u)
{
	(void)u;
}

static void test_bytes_that_must_wait(void)
{
	struct pool_user all = { .ready = ready };
	struct pool_share others;

	opts.num_shared_buffers = 8;
	up();
	on_start = get_data;
	/* others have all buffers; what came behind the first capsule is kept */
	pool_share_init(&others);
	UNIT_EQ(pool_take(&tg->pool, &others, &all, 131072), 0);
	no_malloc = true;
	send_writes(NVME_CMD_WRITE);
	watched_turn();
	CU_ASSERT_PTR_NULL(tg->buf);
	expect_patience(1);
	pool_give(&tg->pool, &all);
	turns(2);
	expect_all();
	/* there is no buffer to receive into */
	nstarted = 0;
	executed = 0;
	send_writes(NVME_CMD_WRITE);
	watched_turn();
	expect_patience(0);
	recover();
	expect_all();
	down();
}

static void test_kernel_without_memory(void)
{
	u8 bytes[1024];

	up();
	on_start = get_data;
	no_kernel = true;
	send_writes(NVME_CMD_WRITE);
	watched_turn();
	expect_patience(0);
	recover();
	no_kernel = true;
	expect_all();
	UNIT_EQ(recv(host, bytes, sizeof(bytes), 0), -1);
	CU_ASSERT_TRUE(tcp_conn_live(conn));
	recover();
	UNIT_EQ(recv(host, bytes, sizeof(bytes), 0),
		WRITES * sizeof(struct nvme_tcp_rsp));
	down();
}

static void get_room(struct nvmf_request *r)
{
	transfer(r, NVME_XFER_CTRL_TO_HOST);
}

static void send_reads(void)
{
	struct nvme_tcp_cmd p = { .hdr = { .type = NVME_TCP_CMD, .hlen = sizeof(p),
					   .plen = cpu_to_le32(sizeof(p)) } };
	u16 i;

	for (i = 0; i < WRITES; i++) {
		p.cmd.sqe.opcode = NVME_CMD_READ;
		p.cmd.sqe.cid = cpu_to_le16(i);
		UNIT_EQ(send(host, &p, sizeof(p), 0), sizeof(p));
	}
}

/* Commands to responses; @out: bytes that the host gets of each */
static void round_trips(bool read, u32 out)
{
	static u8 bytes[2 * WRITES * PDU];
	u32 i;

	nstarted = 0;
	executed = 0;
	on_start = read ? get_room : get_data;
	if (read)
		send_reads();
	else
		send_writes(NVME_CMD_WRITE);
	watched_turn();
	UNIT_EQ(executed, WRITES);
	for (i = 0; i < nstarted; i++)
		ops->req_complete(started[i]);
	turns(1);
	UNIT_EQ(recv(host, bytes, sizeof(bytes), 0), WRITES * out);
}

static void test_steady_io(void)
{
	const u32 rsp = sizeof(struct nvme_tcp_rsp);
	const u32 data = sizeof(struct nvme_tcp_data) + CAPSULE;
	u32 i;

	up();
	for (i = 0; i < 50; i++) {
		if (i == 8)
			allocations = 0;
		round_trips(i % 2, i % 2 ? data + rsp : rsp);
	}
	UNIT_EQ(allocations, 0);
	down();
}

static int none(void *ctx, size_t len, struct pool_mem *m)
{
	(void)ctx, (void)len, (void)m;
	return -ENOMEM;
}

/* Not even for the timer that has it tried again: the poller sees to it. */
static void test_no_timer(u8 opcode)
{
	static const struct pool_ops empty = { .get = none };
	const struct pool_ops *full;

	up();
	full = tg->pool.ops;
	on_start = get_data;
	tg->pool.ops = &empty;
	no_aligned = no_pollers = true;
	send_writes(opcode);
	watched_turn();
	expect_patience(1);
	CU_ASSERT_TRUE(tg->pool.untimed || tg->untimed);
	tg->pool.ops = full;
	no_aligned = no_pollers = false;
	turns(1);
	recover();
	CU_ASSERT_FALSE(tg->pool.untimed || tg->untimed || tg->unwatched);
	expect_all();
	down();
}

static void test_no_timer_for_buffers(void)
{
	test_no_timer(NVME_CMD_WRITE);
}

static void test_no_timer_for_memory(void)
{
	test_no_timer(NVME_OPC_FABRICS);
}

/* What has begun is limited in time as soon as there is memory for a clock. */
static void test_no_clock(void)
{
	struct nvme_tcp_cmd p = {
		.hdr = { .type = NVME_TCP_CMD, .hlen = sizeof(p),
			 .pdo = sizeof(p), .plen = cpu_to_le32((u32)PDU) },
		.cmd.sqe.opcode = NVME_CMD_WRITE,
	};

	nvme_sgl_incapsule(&p.cmd.sqe.sgl, 0, CAPSULE);
	up();
	on_start = get_data;
	no_pollers = true;
	UNIT_EQ(send(host, &p, sizeof(p), 0), sizeof(p));
	watched_turn();
	turns(1);
	CU_ASSERT_PTR_NULL(tg->tick);
	no_pollers = false;
	turns(1);
	CU_ASSERT_PTR_NOT_NULL(tg->tick);
	down();
}

static u8 ram[CAPSULE];

static void to_ram(struct nvmf_request *r)
{
	r->dir = NVME_XFER_HOST_TO_CTRL;
	r->sgl = (struct nvme_sgl) { .place = NVME_SGL_PLACE_CAPSULE,
				     .len = CAPSULE };
	r->length = CAPSULE;
	r->block = 512;
	r->iov[0] = (struct iovec){ ram, CAPSULE };
	r->iovcnt = 1;
	ops->req_get_data(r);
}

/* Of a write to it, the first @n bytes of the data, or the others */
static void send_part(u32 n, bool first)
{
	u8 pdu[PDU] = { 0 };
	struct nvme_tcp_cmd *p = (void *)pdu;
	u32 at = first ? 0 : (u32)sizeof(*p) + n;
	u32 len = first ? (u32)sizeof(*p) + n : CAPSULE - n;

	p->hdr.type = NVME_TCP_CMD;
	p->hdr.hlen = p->hdr.pdo = sizeof(*p);
	p->hdr.plen = cpu_to_le32((u32)PDU);
	p->cmd.sqe.opcode = NVME_CMD_WRITE;
	nvme_sgl_incapsule(&p->cmd.sqe.sgl, 0, CAPSULE);
	memset(p + 1, 1, CAPSULE);
	UNIT_EQ(send(host, pdu + at, len, 0), len);
}

/* A block of a RAM disk comes in two parts, and the first has no place. */
static void test_blocks_in_part(void)
{
	up();
	on_start = to_ram;
	send_part(700, true);
	no_malloc = true;
	watched_turn();
	expect_patience(1);
	send_part(700, false);
	expect_patience(1);
	CU_ASSERT_TRUE(ram[511] == 1 && !ram[512]);
	recover();
	UNIT_EQ(executed, 1);
	CU_ASSERT_TRUE(came_whole(0));
	ops->req_complete(started[0]);
	turns(1);
	down();
}

/* Its memory is used again. */
static void test_steady_blocks(void)
{
	u8 rsp[sizeof(struct nvme_tcp_rsp)];
	u32 i;

	up();
	on_start = to_ram;
	for (i = 0; i < 20; i++) {
		if (i == 1)
			allocations = 0;
		send_part(700, true);
		watched_turn();
		send_part(700, false);
		watched_turn();
		UNIT_EQ(executed, i + 1);
		ops->req_complete(started[i]);
		turns(1);
		UNIT_EQ(recv(host, rsp, sizeof(rsp), 0), sizeof(rsp));
	}
	UNIT_EQ(allocations, 0);
	UNIT_EQ(tg->nspares, 1);
	down();
}

static void connect_with(u16 entries)
{
	struct nvme_tcp_cmd p = {
		.hdr = { .type = NVME_TCP_CMD, .hlen = sizeof(p),
			 .plen = cpu_to_le32(sizeof(p)) },
		.cmd.connect = { .opcode = NVME_OPC_FABRICS,
				 .fctype = NVMF_FC_CONNECT,
				 .sqsize = cpu_to_le16(entries - 1) },
	};
	u32 n = nstarted;

	UNIT_EQ(send(host, &p, sizeof(p), 0), sizeof(p));
	watched_turn();
	UNIT_EQ(nstarted, n + 1);
	ops->req_complete(started[n]);
	turns(1);
}

/* memory for as many requests as the queue has entries, and for no more */
static void test_connect_once_more(void)
{
	up();
	on_start = NULL;
	connect_with(16);
	UNIT_EQ(conn->nreqs, 16);
	connect_with(32);
	UNIT_EQ(conn->nreqs, 32);
	/* now nvmf has accepted it */
	conn->base.ctrlr = (struct nvmf_ctrlr *)conn;
	connect_with(64);
	UNIT_EQ(conn->nreqs, 32);
	down();
}

UNIT_MAIN(UNIT(test_capsules_of_their_own), UNIT(test_gone_while_waiting),
	  UNIT(test_bytes_that_must_wait), UNIT(test_blocks_in_part),
	  UNIT(test_steady_blocks),
	  UNIT(test_no_timer_for_buffers), UNIT(test_no_timer_for_memory),
	  UNIT(test_no_clock), UNIT(test_kernel_without_memory),
	  UNIT(test_steady_io), UNIT(test_connect_once_more))
