// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Time limits of the TCP transport's connections, with a clock that the test
 * sets: who leaves a transfer as it is, who moves it on slowly, and who has
 * nothing to move on.
 */
#include "tests/unit/tcp_stage.h"

#define SECOND		(1000 * 1000ull)
#define SIZE		131072u
#define LIMIT		60	/* s, the default of transfer_timeout */
#define HURRY		6	/* s, while others wait for buffers */
#define PACE		65536u	/* bytes within that time */

static u16 ttags[2];
static bool in_ram;	/* what is read: it needs no buffers */

static void get_data(struct nvmf_request *r)
{
	static u8 bytes[SIZE];
	static struct iovec ram = { bytes, SIZE };
	bool in = r->cmd->sqe.opcode == NVME_CMD_WRITE;

	if (r->cmd->sqe.opcode == NVME_CMD_FLUSH) {
		r->length = 0;
		ops->req_complete(r);
		return;
	}

	r->dir = in ? NVME_XFER_HOST_TO_CTRL : NVME_XFER_CTRL_TO_HOST;
	r->sgl = (struct nvme_sgl) { .place = NVME_SGL_PLACE_TRANSPORT,
				     .len = SIZE };
	r->length = SIZE;
	r->iovcnt = 0;
	if (!in && in_ram) {
		r->iov = &ram;
		r->iovcnt = 1;
	}
	ops->req_get_data(r);
}

/* The limits are looked at as often as turns are taken. */
static void after(u64 us)
{
	watched_turn();
	turns(1);
	now_us += us;
	turns(3);
}

static bool connected(void)
{
	return !disconnected;
}

static void command(u8 opcode)
{
	struct nvme_tcp_cmd p = {
		.hdr = { .type = NVME_TCP_CMD, .hlen = sizeof(p),
			 .plen = cpu_to_le32(sizeof(p)) },
	};

	on_start = get_data;
	p.cmd.sqe.opcode = opcode;
	UNIT_EQ(send(host, &p, sizeof(p), 0), sizeof(p));
	watched_turn();
	turns(1);
}

/* A write that waits for its data: one of two. */
static void begin_write_of(u32 which)
{
	struct nvme_tcp_r2t r2t;

	command(NVME_CMD_WRITE);
	UNIT_EQ(recv(host, &r2t, sizeof(r2t), 0), sizeof(r2t));
	UNIT_EQ(le32_to_cpu(r2t.r2tl), SIZE);
	ttags[which] = le16_to_cpu(r2t.ttag);
}

static void begin_write(void)
{
	begin_write_of(0);
}

/* All of its data is announced in one PDU. */
static void send_header_of(u32 which)
{
	struct nvme_tcp_data d = {
		.hdr = { .type = NVME_TCP_H2C_DATA, .flags = NVME_TCP_F_LAST,
			 .hlen = sizeof(d), .pdo = sizeof(d),
			 .plen = cpu_to_le32(sizeof(d) + SIZE) },
		.ttag = cpu_to_le16(ttags[which]),
		.datal = cpu_to_le32(SIZE),
	};

	UNIT_EQ(send(host, &d, sizeof(d), 0), sizeof(d));
}

static void send_header(void)
{
	send_header_of(0);
}

static void send_data(u32 n)
{
	static const u8 data[SIZE];

	UNIT_EQ(send(host, data, n, 0), n);
}

static void test_nothing_moves(void)
{
	up();
	begin_write();
	after(SECOND);
	after((LIMIT - 2) * SECOND);
	CU_ASSERT_TRUE(connected());
	after(2 * SECOND);
	CU_ASSERT_FALSE(connected());
	UNIT_EQ(tg->stats.stalled, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(last_warning, "have moved for 6"));
	down();
}

static void test_byte_by_byte(void)
{
	u32 i;

	up();
	begin_write();
	send_header();
	for (i = 0; i < 5; i++) {
		send_data(1);
		after((LIMIT - 1) * SECOND);
		CU_ASSERT_TRUE(connected());
	}
	after(2 * SECOND);
	CU_ASSERT_FALSE(connected());
	down();
}

/* What else goes back and forth does not make up for it. */
static void test_other_traffic(void)
{
	u8 rsp[sizeof(struct nvme_tcp_rsp)];
	u32 i;

	up();
	begin_write();
	for (i = 0; i < LIMIT / 10; i++) {
		CU_ASSERT_TRUE(connected());
		command(NVME_CMD_FLUSH);
		after(10 * SECOND);
		UNIT_EQ(recv(host, rsp, sizeof(rsp), 0), sizeof(rsp));
	}
	after(SECOND);
	CU_ASSERT_FALSE(connected());
	down();
}

/* One after the other, over a line that is slow. */
static void test_writes_in_turn(void)
{
	u32 i;

	up();
	begin_write_of(0);
	begin_write_of(1);
	send_header_of(0);
	for (i = 0; i < 8; i++) {
		send_data(SIZE / 8);
		after(LIMIT / 2 * SECOND);
		CU_ASSERT_TRUE(connected());
	}
	UNIT_EQ(executed, 1);
	send_header_of(1);
	send_data(SIZE);
	after(SECOND);
	UNIT_EQ(executed, 2);
	ops->req_complete(started[0]);
	ops->req_complete(started[1]);
	down();
}

/* Later ones get their data, this one does not. */
static void test_one_left_out(void)
{
	u32 i;

	up();
	begin_write_of(0);
	for (i = 0; i < 5; i++) {
		begin_write_of(1);
		send_header_of(1);
		send_data(SIZE);
		after((LIMIT / 6) * SECOND);
		CU_ASSERT_TRUE(connected());
		UNIT_EQ(executed, i + 1);
		ops->req_complete(last_executed);
		turns(1);
		UNIT_EQ(recv(host, &(struct nvme_tcp_rsp){ 0 },
			     sizeof(struct nvme_tcp_rsp), 0),
			sizeof(struct nvme_tcp_rsp));
	}
	after((LIMIT / 6 + 1) * SECOND);
	CU_ASSERT_FALSE(connected());
	CU_ASSERT_PTR_NOT_NULL(strstr(last_warning, "but that of others"));
	down();
}

/* Little by little is too little if others wait for the command's end. */
static void test_awaited(void)
{
	u32 i;

	up();
	begin_write();
	send_header();
	for (i = 0; i < 4; i++) {
		send_data(1);
		after(LIMIT / 2 * SECOND);
		CU_ASSERT_TRUE(connected());
	}
	awaited = started[0];
	send_data(1);
	after(0);
	CU_ASSERT_FALSE(connected());
	CU_ASSERT_PTR_NOT_NULL(strstr(last_warning, "others wait for a command"));
	awaited = NULL;
	down();
}

/* Not before it has had its time */
static void test_awaited_for_a_moment(void)
{
	up();
	begin_write();
	send_header();
	awaited = started[0];
	after(LIMIT / 2 * SECOND);
	CU_ASSERT_TRUE(connected());
	send_data(SIZE);
	after(SECOND);
	UNIT_EQ(executed, 1);
	awaited = NULL;
	ops->req_complete(started[0]);
	down();
}

static struct pool_share they;
static bool served;

static void serve(struct pool_user *u)
{
	(void)u;
	served = true;
}

/* Others have, and want, all but what one transfer takes. */
static void crowd(struct pool_user *has, struct pool_user *wants)
{
	served = false;
	pool_share_init(&they);
	has->ready = wants->ready = serve;
	UNIT_EQ(pool_take(&tg->pool, &they, has, SIZE), 0);
	begin_write();
	wants->urgent = true;
	UNIT_EQ(pool_take(&tg->pool, &they, wants, SIZE), -EAGAIN);
}

static void leave(struct pool_user *has, struct pool_user *wants)
{
	pool_give(&tg->pool, has);
	CU_ASSERT_TRUE(served);
	pool_give(&tg->pool, wants);
	down();
	opts.num_shared_buffers = 0;
}

static void test_way_for_others(void)
{
	struct pool_user has = { 0 }, wants = { 0 };
	u32 i;

	ops->opts_init(&opts);
	opts.num_shared_buffers = 16;
	up();
	crowd(&has, &wants);
	send_header();
	/* a byte now and then is not enough, and a moment is not too long */
	for (i = 0; i < HURRY - 1; i++) {
		send_data(1);
		after(SECOND);
		CU_ASSERT_TRUE(connected());
	}
	after(2 * SECOND);
	CU_ASSERT_FALSE(connected());
	/* what it has held is theirs */
	CU_ASSERT_TRUE(served);
	leave(&has, &wants);
}

static void test_pace_that_is_enough(void)
{
	struct pool_user has = { 0 }, wants = { 0 };

	ops->opts_init(&opts);
	opts.num_shared_buffers = 16;
	up();
	crowd(&has, &wants);
	send_header();
	after((HURRY - 1) * SECOND);
	send_data(PACE);
	after((HURRY - 1) * SECOND);
	CU_ASSERT_TRUE(connected());
	send_data(SIZE - PACE);
	after((HURRY - 1) * SECOND);
	CU_ASSERT_TRUE(connected());
	UNIT_EQ(executed, 1);
	ops->req_complete(started[0]);
	leave(&has, &wants);
}

/* So much is to be read that it takes longer than the limit. */
static void fill_socket(void)
{
	u32 i;

	UNIT_EQ(conn->nreqs, 16);
	in_ram = true;
	for (i = 1; i < 16; i++)
		command(NVME_CMD_READ);
	for (i = 1; i < 16; i++)
		ops->req_complete(started[i]);
	turns(1);
	after(0);
	in_ram = false;
}

/* The host keeps its pace, and is not read meanwhile. */
static void read_slowly(u32 seconds)
{
	static u8 part[4096];
	u32 n;

	for (; seconds && connected(); seconds -= 5) {
		CU_ASSERT_TRUE(conn->stuck);
		/* this kind of socket counts what it spends on it, too */
		for (n = 0; n < 7 * PACE / 4; n += sizeof(part))
			recv(host, part, sizeof(part), 0);
		after(5 * SECOND);
	}
}

static void test_late_by_reading(void)
{
	struct pool_user has = { 0 }, wants = { 0 };

	ops->opts_init(&opts);
	opts.num_shared_buffers = 16;
	up();
	UNIT_EQ(tcp_conn_resize(conn, 16), 0);
	crowd(&has, &wants);
	fill_socket();
	read_slowly(LIMIT - 5);
	CU_ASSERT_TRUE(connected());
	read_slowly(5);
	CU_ASSERT_FALSE(connected());
	CU_ASSERT_PTR_NOT_NULL(strstr(last_warning, "could not come"));
	leave(&has, &wants);
}

/* Who waits for a command does not wait for its host to read. */
static void test_awaited_of_slow_reader(void)
{
	up();
	UNIT_EQ(tcp_conn_resize(conn, 16), 0);
	begin_write();
	fill_socket();
	read_slowly(LIMIT + 5);
	CU_ASSERT_TRUE(connected());
	awaited = started[0];
	after(0);
	CU_ASSERT_FALSE(connected());
	CU_ASSERT_PTR_NOT_NULL(strstr(last_warning, "others wait for a command"));
	awaited = NULL;
	down();
}

/* The disk takes its time, or nobody has anything to do. */
static void test_not_the_hosts_fault(void)
{
	u8 bytes[64];

	up();
	begin_write();
	send_header();
	send_data(SIZE);
	after(SECOND);
	UNIT_EQ(executed, 1);
	after(3600 * SECOND);
	ops->req_complete(started[0]);
	turns(1);
	UNIT_EQ(recv(host, bytes, sizeof(bytes), 0),
		sizeof(struct nvme_tcp_rsp));
	after(3600 * SECOND);
	CU_ASSERT_TRUE(connected());
	/* idle costs nothing */
	CU_ASSERT_PTR_NULL(tg->tick);
	down();
}

static void test_reader_that_stands_still(void)
{
	u32 i;

	up();
	for (i = 0; i < 7; i++)
		command(NVME_CMD_READ);
	UNIT_EQ(executed, 7);
	for (i = 0; i < 7; i++)
		ops->req_complete(started[i]);
	turns(1);
	CU_ASSERT_TRUE(conn->stuck);
	after((LIMIT - 1) * SECOND);
	CU_ASSERT_TRUE(connected());
	after(2 * SECOND);
	CU_ASSERT_FALSE(connected());
	down();
}

/* Answers that nobody reads fill the socket. */
static void up_stuck(void)
{
	u32 i;

	up();
	for (i = 0; i < 7; i++)
		command(NVME_CMD_READ);
	for (i = 0; i < 7; i++)
		ops->req_complete(started[i]);
	turns(1);
	CU_ASSERT_TRUE(conn->stuck);
}

/* The socket takes no more for as long as it is nearly full. */
static void test_reader_that_is_slow(void)
{
	static u8 part[40 * 1024];
	u64 taken;
	u32 i;

	up_stuck();
	taken = tg->stats.send_bytes;
	after(SECOND);
	for (i = 0; i < 3; i++) {
		UNIT_EQ(recv(host, part, sizeof(part), 0), sizeof(part));
		after((LIMIT - 1) * SECOND);
		CU_ASSERT_TRUE(connected());
		UNIT_EQ(tg->stats.send_bytes, taken);
	}
	after(2 * SECOND);
	CU_ASSERT_FALSE(connected());
	down();
}

/* It takes a little now and then, of what others wait for. */
static void test_awaited_reader(void)
{
	u8 little[1024];
	u32 i;

	up_stuck();
	for (i = 0; i < 3; i++) {
		UNIT_EQ(recv(host, little, sizeof(little), 0), sizeof(little));
		/* this little makes no room; TCP would take some more */
		conn->stats.send_bytes += sizeof(little);
		after(LIMIT / 2 * SECOND);
		CU_ASSERT_TRUE(connected());
	}
	awaited = started[6];
	after(0);
	CU_ASSERT_FALSE(connected());
	awaited = NULL;
	down();
}

UNIT_MAIN(UNIT(test_nothing_moves), UNIT(test_byte_by_byte),
	  UNIT(test_other_traffic), UNIT(test_writes_in_turn),
	  UNIT(test_one_left_out), UNIT(test_awaited),
	  UNIT(test_awaited_for_a_moment), UNIT(test_reader_that_is_slow),
	  UNIT(test_awaited_reader),
	  UNIT(test_way_for_others), UNIT(test_late_by_reading),
	  UNIT(test_awaited_of_slow_reader), UNIT(test_pace_that_is_enough),
	  UNIT(test_not_the_hosts_fault), UNIT(test_reader_that_stands_still))
