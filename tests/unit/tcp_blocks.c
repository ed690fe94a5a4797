// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Data of RAM disks over the TCP transport, as others see it: whatever the pieces
 * in which a write comes or a read goes, every block is old or new. And most
 * of it is still received in place.
 */
#include "tests/unit/tcp_stage.h"

#define BLOCK		512u
#define SIZE		131072u
#define SMALL		4096u
#define READS		7u
#define OLD		0x11
#define NEW		0x99

static u8 ram[2][SIZE];
static u8 data[SIZE];
static u16 ttags[2];
static u32 block, length;
static enum nvme_sgl_place where;

static void in_ram(struct nvmf_request *r)
{
	bool in = r->cmd->sqe.opcode == NVME_CMD_WRITE;

	r->dir = in ? NVME_XFER_HOST_TO_CTRL : NVME_XFER_CTRL_TO_HOST;
	r->sgl = (struct nvme_sgl){ .place = where, .len = length };
	r->length = length;
	r->block = block;
	r->iov[0] = (struct iovec){ ram[le16_to_cpu(r->cmd->sqe.cid)], length };
	r->iovcnt = 1;
	if (in)
		ops->req_get_data(r);
	else
		nvmf_request_execute(r);
}

static void begin(u32 len, u32 bytes, enum nvme_sgl_place place)
{
	up();
	on_start = in_ram;
	length = len;
	block = bytes;
	where = place;
	memset(ram, OLD, sizeof(ram));
	memset(data, NEW, sizeof(data));
}

static void give(const void *p, size_t n)
{
	UNIT_EQ(send(host, p, n, 0), n);
	watched_turn();
	turns(1);
}

static void command(u8 opcode, u16 cid, u32 inline_len)
{
	struct nvme_tcp_cmd p = {
		.hdr = { .type = NVME_TCP_CMD, .hlen = sizeof(p),
			 .pdo = inline_len ? sizeof(p) : 0,
			 .plen = cpu_to_le32(sizeof(p) + inline_len) },
	};

	p.cmd.sqe.opcode = opcode;
	p.cmd.sqe.cid = cpu_to_le16(cid);
	if (inline_len)
		nvme_sgl_incapsule(&p.cmd.sqe.sgl, 0, inline_len);
	give(&p, sizeof(p));
}

static void begin_write(u16 which)
{
	struct nvme_tcp_r2t r2t;

	command(NVME_CMD_WRITE, which, 0);
	UNIT_EQ(recv(host, &r2t, sizeof(r2t), 0), sizeof(r2t));
	ttags[which] = le16_to_cpu(r2t.ttag);
}

static void header(u16 which, u32 offset, u32 len, bool last)
{
	struct nvme_tcp_data d = {
		.hdr = { .type = NVME_TCP_H2C_DATA,
			 .flags = last ? NVME_TCP_F_LAST : 0,
			 .hlen = sizeof(d), .pdo = sizeof(d),
			 .plen = cpu_to_le32(sizeof(d) + len) },
		.cccid = cpu_to_le16(which),
		.ttag = cpu_to_le16(ttags[which]),
		.datao = cpu_to_le32(offset),
		.datal = cpu_to_le32(len),
	};

	give(&d, sizeof(d));
}

/* @n bytes are of one write or of another, from end to end. */
static bool uniform(const u8 *p, u32 n)
{
	return (p[0] == OLD || p[0] == NEW) && !memcmp(p, p + 1, n - 1);
}

static void expect_whole(const u8 *p, u32 n)
{
	u32 i, torn = 0;

	for (i = 0; i < n; i += block)
		torn += !uniform(p + i, block);
	UNIT_EQ(torn, 0);
}

/* So many blocks are new. */
static void expect_new(u16 which, u32 blocks)
{
	u32 i, n = 0;

	expect_whole(ram[which], length);
	for (i = 0; i < length; i += block)
		n += ram[which][i] == NEW;
	UNIT_EQ(n, blocks);
}

static void finish(void)
{
	unsigned int i;

	for (i = 0; i < nstarted; i++)
		ops->req_complete(started[i]);
	turns(1);
	down();
}

static void give_in_pieces(u16 which, u32 len, u32 piece)
{
	u32 at, n;

	for (at = 0; at < len; at += n) {
		n = len - at < piece ? len - at : piece;
		give(data, n);
		if (at + n < len)
			expect_new(which, (at + n) / block);
	}
	expect_new(which, len / block);
}

static void test_capsule_in_pieces(void)
{
	begin(SMALL, BLOCK, NVME_SGL_PLACE_CAPSULE);
	command(NVME_CMD_WRITE, 0, SMALL);
	give_in_pieces(0, SMALL, 300);
	UNIT_EQ(executed, 1);
	UNIT_EQ(conn->stats.copied_bytes, SMALL);
	finish();
}

static void test_large_in_pieces(void)
{
	static const u32 blocks[] = { 512, 4096, 65536 };
	static const u32 pieces[] = { 1448, 5000, 20000, SIZE };
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(blocks); i++) {
		for (k = 0; k < ARRAY_SIZE(pieces); k++) {
			begin(SIZE, blocks[i], NVME_SGL_PLACE_TRANSPORT);
			begin_write(0);
			header(0, 0, SIZE, true);
			give_in_pieces(0, SIZE, pieces[k]);
			UNIT_EQ(executed, 1);
			UNIT_EQ(conn->stats.copied_bytes +
				conn->stats.direct_bytes, SIZE);
			/* what comes in one piece is not copied */
			if (pieces[k] == SIZE)
				UNIT_EQ(conn->stats.direct_bytes, SIZE);
			finish();
		}
	}
}

/* The host cuts blocks between PDUs, and sends the data of two by turns. */
static void test_blocks_cut_by_pdus(void)
{
	u32 at, n, step = 20100;
	u16 which;

	begin(SIZE, 4096, NVME_SGL_PLACE_TRANSPORT);
	begin_write(0);
	begin_write(1);
	for (at = 0; at < SIZE; at += n) {
		n = SIZE - at < step ? SIZE - at : step;
		for (which = 0; which < 2; which++) {
			header(which, at, n, at + n == SIZE);
			give(data, 9000);
			expect_new(which, (at + 9000) / 4096);
			give(data, n - 9000);
			expect_new(which, (at + n) / 4096);
		}
	}
	UNIT_EQ(executed, 2);
	finish();
}

static void test_connection_ends_within(void)
{
	begin(SIZE, 4096, NVME_SGL_PLACE_TRANSPORT);
	begin_write(0);
	header(0, 0, SIZE, true);
	give(data, 6000);
	hold_free = true;
	ops->qpair_disconnect(&conn->base);
	turns(2);
	UNIT_EQ(failed, 1);
	expect_new(0, 1);
	hold_free = false;
	nvmf_qpair_disconnected(gone);
	disconnected--;
	down();
}

/* All that the host has got by now: C2HData by C2HData */
static u32 take(u8 *to, u32 room)
{
	u32 got = 0;
	ssize_t n;

	for (;;) {
		n = recv(host, to + got, room - got, 0);
		if (n <= 0)
			return got;
		got += (u32)n;
		/* what is sent from now on is another one */
		memset(ram[0], ram[0][0] == OLD ? NEW : OLD, SIZE);
		watched_turn();
		turns(1);
	}
}

static void test_reads_of_what_changes(void)
{
	static u8 got[READS * (SIZE + 256)];
	u32 i, at, each;

	begin(SIZE, 4096, NVME_SGL_PLACE_TRANSPORT);
	for (i = 0; i < READS; i++)
		command(NVME_CMD_READ, 0, 0);
	for (i = 0; i < READS; i++)
		ops->req_complete(started[i]);
	turns(1);
	CU_ASSERT_TRUE(conn->stuck);
	CU_ASSERT_TRUE(conn->tx_skip > 0);
	each = (u32)(sizeof(struct nvme_tcp_data) + SIZE +
		     sizeof(struct nvme_tcp_rsp));
	UNIT_EQ(take(got, sizeof(got)), READS * each);
	UNIT_EQ(done, READS);
	for (i = 0, at = 0; i < READS; i++, at += each)
		expect_whole(got + at + sizeof(struct nvme_tcp_data), SIZE);
	down();
}

UNIT_MAIN(UNIT(test_capsule_in_pieces), UNIT(test_large_in_pieces),
	  UNIT(test_blocks_cut_by_pdus), UNIT(test_connection_ends_within),
	  UNIT(test_reads_of_what_changes))
