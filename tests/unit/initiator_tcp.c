// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The userspace initiator's NVMe/TCP against a scripted target: transfers in
 * every split, digests, batches, and targets that break the protocol.
 */
#include "tests/unit/initiator_peer.h"
#include "tools/initiator/tcp.h"

static struct peer p;
static u8 data[PEER_DATA], back[PEER_DATA];

static void fill(u8 *at, u32 len, u32 seed)
{
	u32 i;

	for (i = 0; i < len; i++) {
		seed = seed * 1664525 + 1013904223;
		at[i] = (u8)(seed >> 24);
	}
}

static void open_queue(u32 depth, u32 ioccsz)
{
	p.ioccsz = ioccsz;
	peer_up(&p);
	peer_queue(&p, depth);
}

static void start(const char *more, u32 depth, u32 ioccsz)
{
	peer_init(&p, more);
	open_queue(depth, ioccsz);
}

/* --- transfers ----------------------------------------------------------------- */

static void reads(u32 len)
{
	struct peer_answer a = { 0 };
	u32 half = len / 2 & ~3u;
	u16 cid;

	fill(data, len, len);
	/* in two PDUs and a response */
	memset(back, 0, len);
	UNIT_EQ(ini_read(p.q, 1, 0, len / 512, 0, back, len, peer_done, &a), 0);
	cid = peer_cmd(&p, 1, NVME_CMD_READ);
	if (half)
		peer_c2h(&p, 1, cid, 0, data, half, 0);
	peer_c2h(&p, 1, cid, half, data + half, len - half, NVME_TCP_F_LAST);
	UNIT_EQ(a.times, 0);
	peer_rsp(&p, 1, cid, 0, 0x1122334455667788);
	UNIT_EQ(a.times, 1);
	UNIT_EQ(a.status, 0);
	UNIT_EQ(a.result, 0x1122334455667788);
	UNIT_EQ(memcmp(back, data, len), 0);
	/* in one, which is the end as well */
	memset(back, 0, len);
	UNIT_EQ(ini_read(p.q, 1, 0, len / 512, 0, back, len, peer_done, &a), 0);
	cid = peer_cmd(&p, 1, NVME_CMD_READ);
	peer_c2h(&p, 1, cid, 0, data, len,
		 NVME_TCP_F_LAST | NVME_TCP_F_SUCCESS);
	UNIT_EQ(a.times, 2);
	UNIT_EQ(a.status, 0);
	UNIT_EQ(a.result, 0);
	UNIT_EQ(memcmp(back, data, len), 0);
}

/* What H2CData bring, up to @end; PDUs of at most MAXH2CDATA */
static void take_h2c(u16 cid, u16 ttag, u32 at, u32 end)
{
	const struct nvme_tcp_data *d = &p.conn[1].rx.pdu.data;

	while (at < end) {
		u32 want = end - at < p.maxh2cdata ? end - at : p.maxh2cdata;

		UNIT_EQ(peer_next(&p, 1), NVME_TCP_H2C_DATA);
		UNIT_EQ(le16_to_cpu(d->cccid), cid);
		UNIT_EQ(le16_to_cpu(d->ttag), ttag);
		UNIT_EQ(le32_to_cpu(d->datao), at);
		UNIT_EQ(p.conn[1].len, want);
		UNIT_EQ(!!(d->hdr.flags & NVME_TCP_F_LAST), at + want == end);
		UNIT_EQ(memcmp(p.conn[1].data, data + at, want), 0);
		at += want;
	}
}

static void writes(u32 len, bool inside)
{
	struct peer_answer a = { 0 };
	u32 third = len / 3 & ~3u;
	u16 cid;

	fill(data, len, ~len);
	UNIT_EQ(ini_write(p.q, 1, 0, len / 512, 0, data, len, peer_done, &a),
		0);
	cid = peer_cmd(&p, 1, NVME_CMD_WRITE);
	UNIT_EQ(p.conn[1].len, inside ? len : 0);
	if (inside) {
		UNIT_EQ(memcmp(p.conn[1].data, data, len), 0);
	} else {
		/* three at once */
		peer_r2t(&p, 1, cid, 100, 0, third);
		peer_r2t(&p, 1, cid, 101, third, third);
		peer_r2t(&p, 1, cid, 102, 2 * third, len - 2 * third);
		take_h2c(cid, 100, 0, third);
		take_h2c(cid, 101, third, 2 * third);
		take_h2c(cid, 102, 2 * third, len);
	}
	UNIT_EQ(peer_next(&p, 1), -1);
	UNIT_EQ(a.times, 0);
	peer_rsp(&p, 1, cid, 0, 0);
	UNIT_EQ(a.times, 1);
	UNIT_EQ(a.status, 0);
}

static const char *const digest_options[] = {
	NULL, "hdr_digest", "data_digest", "hdr_digest,data_digest"
};

static void test_transfers(void)
{
	static const u32 chunks[] = { 0, 1, 3, 97, 4099 };
	static const u8 pads[] = { 0, 1, 31 };
	u32 i, d;

	for (d = 0; d < 4; d++) {
		for (i = 0; i < ARRAY_SIZE(chunks); i++) {
			peer_init(&p, digest_options[d]);
			p.dgst = (u8)d;
			p.chunk = chunks[i];
			p.opts.hpda = pads[i % 3];
			p.cpda = pads[(i + d) % 3];
			open_queue(8, 4 + 4096 / 16);
			reads(512);
			reads(4096);
			reads(chunks[i] == 1 ? 8192 : 131072);
			writes(512, true);
			writes(4096, true);
			writes(4608, false);
			writes(65536, false);
			UNIT_EQ(ini_queue_stats(p.q)->in_capsule, 3);
			UNIT_EQ(ini_queue_stats(p.q)->r2ts, 6);
			UNIT_EQ(ini_queue_stats(p.q)->completed, 11);
			peer_free(&p);
		}
	}
}

/* Data in pieces of odd sizes, both ways */
static void test_pieces(void)
{
	struct iovec iov[5];
	struct peer_answer a = { 0 };
	static const u32 sizes[] = { 1, 4095, 7, 0, 4089 };
	union nvme_cmd cmd;
	u8 *at = back;
	u16 cid;
	int i;

	peer_init(&p, "data_digest");
	p.dgst = NVME_TCP_DGST_DATA;
	p.chunk = 5;
	open_queue(4, 4);
	for (i = 0; i < 5; i++) {
		iov[i].iov_base = at;
		iov[i].iov_len = sizes[i];
		at += sizes[i] + 64;
	}
	memset(back, 0xee, 16384);
	fill(data, 8192, 5);
	nvme_cmd_rw(&cmd, NVME_CMD_READ, 1, 0, 16, 0);
	UNIT_EQ(ini_submit(p.q, &cmd, iov, 5, peer_done, &a), 0);
	cid = peer_cmd(&p, 1, NVME_CMD_READ);
	peer_c2h(&p, 1, cid, 0, data, 8192,
		 NVME_TCP_F_LAST | NVME_TCP_F_SUCCESS);
	UNIT_EQ(a.times, 1);
	UNIT_EQ(back[0], data[0]);
	UNIT_EQ(back[1], 0xee);
	UNIT_EQ(memcmp(back + 65, data + 1, 4095), 0);
	UNIT_EQ(memcmp(iov[4].iov_base, data + 4103, 4089), 0);
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, 1, 0, 16, 0);
	UNIT_EQ(ini_submit(p.q, &cmd, iov, 5, peer_done, &a), 0);
	cid = peer_cmd(&p, 1, NVME_CMD_WRITE);
	peer_r2t(&p, 1, cid, 9, 0, 8192);
	take_h2c(cid, 9, 0, 8192);
	peer_rsp(&p, 1, cid, 0, 0);
	UNIT_EQ(a.times, 2);
	peer_free(&p);
}

/* Of the last command that came */
static u32 dword(u32 n)
{
	__le32 v;

	memcpy(&v, (const u8 *)&p.conn[1].rx.pdu.cmd.cmd + 4 * n, 4);
	return le32_to_cpu(v);
}

static void test_every_command(void)
{
	struct peer_answer a = { 0 };
	struct nvme_dsm_range range = { .slba = cpu_to_le64(5) };
	struct nvme_copy_range copy = { .slba = cpu_to_le64(9) };
	struct nvme_resv_keys keys = { cpu_to_le64(1), cpu_to_le64(2) };
	u8 buf[64];
	u16 cid;

	start(NULL, 8, 4 + 64);
	UNIT_EQ(ini_compare(p.q, 1, 3, 1, NVME_RW_FUA, data, 512, peer_done,
			    &a), 0);
	peer_rsp(&p, 1, peer_cmd(&p, 1, NVME_CMD_COMPARE),
		 NVME_SC_COMPARE_FAILED, 0);
	UNIT_EQ(a.status, NVME_SC_COMPARE_FAILED);
	UNIT_EQ(dword(12), NVME_RW_FUA);
	UNIT_EQ(ini_write_zeroes(p.q, 1, 3, 7, NVME_RW_DEAC, peer_done, &a), 0);
	peer_rsp(&p, 1, peer_cmd(&p, 1, NVME_CMD_WRITE_ZEROES), 0, 0);
	UNIT_EQ(dword(12), NVME_RW_DEAC | 6);
	UNIT_EQ(ini_verify(p.q, 1, 3, 7, 0, peer_done, &a), 0);
	peer_rsp(&p, 1, peer_cmd(&p, 1, NVME_CMD_VERIFY), 0, 0);
	UNIT_EQ(ini_dsm(p.q, 1, &range, 1, NVME_DSM_AD, peer_done, &a), 0);
	peer_rsp(&p, 1, peer_cmd(&p, 1, NVME_CMD_DSM), 0, 0);
	UNIT_EQ(memcmp(p.conn[1].data, &range, 16), 0);
	UNIT_EQ(ini_copy(p.q, 1, 0x100000002, &copy, 1, peer_done, &a), 0);
	peer_rsp(&p, 1, peer_cmd(&p, 1, NVME_CMD_COPY), 0, 0);
	UNIT_EQ(dword(10), 2);
	UNIT_EQ(dword(11), 1);
	UNIT_EQ(p.conn[1].len, 32);
	UNIT_EQ(ini_resv_register(p.q, 1, 2, 3, true, &keys, peer_done, &a), 0);
	peer_rsp(&p, 1, peer_cmd(&p, 1, NVME_CMD_RESV_REGISTER), 0, 0);
	UNIT_EQ(dword(10), 0xc000000a);
	UNIT_EQ(p.conn[1].len, 16);
	UNIT_EQ(ini_resv_acquire(p.q, 1, 1, 4, &keys, peer_done, &a), 0);
	peer_rsp(&p, 1, peer_cmd(&p, 1, NVME_CMD_RESV_ACQUIRE),
		 NVME_SC_RESERVATION_CONFLICT, 0);
	UNIT_EQ(dword(10), 0x401);
	UNIT_EQ(ini_resv_release(p.q, 1, 0, 4, &keys, peer_done, &a), 0);
	peer_rsp(&p, 1, peer_cmd(&p, 1, NVME_CMD_RESV_RELEASE), 0, 0);
	UNIT_EQ(p.conn[1].len, 8);
	UNIT_EQ(ini_resv_report(p.q, 1, buf, 64, peer_done, &a), 0);
	cid = peer_cmd(&p, 1, NVME_CMD_RESV_REPORT);
	UNIT_EQ(dword(10), 15);
	peer_c2h(&p, 1, cid, 0, data, 64, NVME_TCP_F_LAST);
	peer_rsp(&p, 1, cid, 0, 0);
	UNIT_EQ(a.times, 9);
	UNIT_EQ(memcmp(buf, data, 64), 0);
	peer_free(&p);
}

/* --- counts ----------------------------------------------------------------------- */

static void test_batches(void)
{
	const struct ini_stats *s;
	struct peer_answer a = { 0 };
	u8 room[NVME_TCP_HDR_ROOM] = { 0 }, out[64 * 24];
	struct nvme_tcp_rsp *r = (struct nvme_tcp_rsp *)room;
	u64 sends, recvs;
	u16 cid;
	u32 i;

	start(NULL, 64, 4 + 256);
	s = ini_queue_stats(p.q);
	sends = s->sends;
	recvs = s->recvs;
	for (i = 0; i < 64; i++)
		UNIT_EQ(ini_write(p.q, 1, i, 1, 0, data, 512, peer_done, &a),
			0);
	UNIT_EQ(s->sends, sends);
	peer_settle(&p);
	UNIT_EQ(s->sends, sends + 1);
	for (i = 0; i < 64; i++) {
		cid = peer_cmd(&p, 1, NVME_CMD_WRITE);
		memset(room, 0, sizeof(room));
		r->hdr.type = NVME_TCP_RSP;
		r->cqe.cid = cpu_to_le16(cid);
		UNIT_EQ(nvme_tcp_tx_finish(&p.conn[1].tx, room, 0), 24);
		memcpy(out + i * 24, room, 24);
	}
	peer_raw(&p, 1, out, sizeof(out));
	UNIT_EQ(a.times, 64);
	UNIT_EQ(s->recvs, recvs + 1);
	UNIT_EQ(s->bytes_copied, 0);
	peer_free(&p);
}

/* Where the indices of the ring of PDUs wrap, each command still leaves once. */
static void test_ring_wraps(void)
{
	static const u32 depths[] = { 3, 17, 100, 127 };
	struct peer_answer a = { 0 };
	u16 cids[128];
	u32 d, i, k;

	for (d = 0; d < ARRAY_SIZE(depths); d++) {
		struct tcp_queue *t;

		a.times = 0;
		start(NULL, depths[d], 4);
		t = p.q->transport;
		t->head = t->tail = -2u;
		for (i = 0; i < depths[d]; i++)
			UNIT_EQ(ini_flush(p.q, 1, peer_done, &a), 0);
		for (i = 0; i < depths[d]; i++) {
			cids[i] = peer_cmd(&p, 1, NVME_CMD_FLUSH);
			for (k = 0; k < i; k++)
				CU_ASSERT(cids[k] != cids[i]);
		}
		for (i = 0; i < depths[d]; i++)
			peer_rsp(&p, 1, cids[i], 0, 0);
		UNIT_EQ(a.times, (int)depths[d]);
		UNIT_EQ(ini_queue_state(p.q), INI_LIVE);
		peer_free(&p);
	}
}

/* Of a long payload little goes through the scratch buffer. */
static void test_straight_to_its_place(void)
{
	const struct ini_stats *s;
	struct peer_answer a = { 0 };
	u32 i, len = 512 << 10;
	u16 cid;

	peer_init(&p, NULL);
	p.chunk = 65536;
	open_queue(8, 4);
	s = ini_queue_stats(p.q);
	fill(data, len, 1);
	for (i = 0; i < 4; i++) {
		UNIT_EQ(ini_read(p.q, 1, 0, len / 512, 0, back, len, peer_done,
				 &a), 0);
		cid = peer_cmd(&p, 1, NVME_CMD_READ);
		peer_c2h(&p, 1, cid, 0, data, len,
			 NVME_TCP_F_LAST | NVME_TCP_F_SUCCESS);
		UNIT_EQ(memcmp(back, data, len), 0);
		memset(back, 0, len);
	}
	UNIT_EQ(a.times, 4);
	UNIT_EQ(s->bytes_direct + s->bytes_copied, 4ull * len);
	CU_ASSERT(s->bytes_copied < 2 * 65536);
	peer_free(&p);
}

/* --- what may go wrong without ending the connection --------------------------------- */

static void test_short_data(void)
{
	struct peer_answer a = { 0 };
	u16 cid;

	start(NULL, 4, 4);
	UNIT_EQ(ini_read(p.q, 1, 0, 2, 0, back, 1024, peer_done, &a), 0);
	cid = peer_cmd(&p, 1, NVME_CMD_READ);
	peer_c2h(&p, 1, cid, 0, data, 512, 0);
	peer_rsp(&p, 1, cid, 0, 0);
	UNIT_EQ(a.status, NVME_SC_DATA_XFER_ERROR);
	/* with an error of its own there need be none */
	UNIT_EQ(ini_read(p.q, 1, 0, 2, 0, back, 1024, peer_done, &a), 0);
	cid = peer_cmd(&p, 1, NVME_CMD_READ);
	peer_rsp(&p, 1, cid, NVME_SC_LBA_RANGE | NVME_STATUS_DNR, 0);
	UNIT_EQ(a.status, NVME_SC_LBA_RANGE | NVME_STATUS_DNR);
	/* a write that succeeds without its data */
	UNIT_EQ(ini_write(p.q, 1, 0, 2, 0, data, 1024, peer_done, &a), 0);
	cid = peer_cmd(&p, 1, NVME_CMD_WRITE);
	peer_rsp(&p, 1, cid, 0, 0);
	UNIT_EQ(a.status, NVME_SC_DATA_XFER_ERROR);
	UNIT_EQ(a.times, 3);
	UNIT_EQ(ini_queue_state(p.q), INI_LIVE);
	peer_free(&p);
}

static void test_damaged_data(void)
{
	struct peer_answer a = { 0 };
	u8 room[NVME_TCP_HDR_ROOM + 516] = { 0 };
	struct nvme_tcp_data *d = (struct nvme_tcp_data *)room;
	u32 n;
	u16 cid;

	peer_init(&p, "data_digest");
	p.dgst = NVME_TCP_DGST_DATA;
	open_queue(4, 4);
	UNIT_EQ(ini_read(p.q, 1, 0, 1, 0, back, 512, peer_done, &a), 0);
	cid = peer_cmd(&p, 1, NVME_CMD_READ);
	d->hdr.type = NVME_TCP_C2H_DATA;
	d->hdr.flags = NVME_TCP_F_LAST;
	d->cccid = cpu_to_le16(cid);
	d->datal = cpu_to_le32(512);
	n = nvme_tcp_tx_finish(&p.conn[1].tx, room, 512);
	memcpy(room + n, data, 512);
	memset(room + n + 512, 0x5a, 4);
	peer_raw(&p, 1, room, n + 516);
	UNIT_EQ(a.times, 0);
	peer_rsp(&p, 1, cid, 0, 0);
	UNIT_EQ(a.times, 1);
	UNIT_EQ(a.status, NVME_SC_TRANSIENT_TRANSPORT);
	UNIT_EQ(ini_queue_state(p.q), INI_LIVE);
	reads(4096);
	peer_free(&p);
}

/*
 * Answered while its data is still leaving: it ends when no PDU refers to its
 * memory any more, and what was not begun is not sent.
 */
static void test_answered_early(void)
{
	struct peer_answer a = { 0 }, b = { 0 };
	struct ini_fd fds[INI_FDS_MAX];
	int size = 4096, type;
	u32 got = 0;
	u16 cid;

	peer_init(&p, NULL);
	p.maxh2cdata = 65536;
	open_queue(4, 4);
	ini_queue_fds(p.q, fds);
	setsockopt(fds[0].fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	fill(data, PEER_DATA, 3);
	UNIT_EQ(ini_write(p.q, 1, 0, 2048, 0, data, PEER_DATA, peer_done, &a),
		0);
	cid = peer_cmd(&p, 1, NVME_CMD_WRITE);
	peer_r2t(&p, 1, cid, 1, 0, PEER_DATA);
	UNIT_EQ(ini_queue_fds(p.q, fds), 1);
	UNIT_EQ(fds[0].events, 1 | 4 /* POLLIN | POLLOUT */);
	CU_ASSERT(ini_queue_arm(p.q));
	peer_rsp(&p, 1, cid, NVME_SC_CAP_EXCEEDED, 0);
	UNIT_EQ(a.times, 0);
	UNIT_EQ(ini_flush(p.q, 1, peer_done, &b), 0);
	while ((type = peer_next(&p, 1)) == NVME_TCP_H2C_DATA) {
		UNIT_EQ(memcmp(p.conn[1].data, data + got, p.conn[1].len), 0);
		got += p.conn[1].len;
	}
	UNIT_EQ(type, NVME_TCP_CMD);
	CU_ASSERT(got > 0);
	UNIT_EQ(a.times, 1);
	UNIT_EQ(a.status, NVME_SC_CAP_EXCEEDED);
	peer_rsp(&p, 1, le16_to_cpu(p.conn[1].rx.pdu.cmd.cmd.sqe.cid), 0, 0);
	UNIT_EQ(b.times, 1);
	UNIT_EQ(b.status, 0);
	peer_free(&p);
}

/* --- targets that break the protocol --------------------------------------------------- */

/**
 * struct crime - what a target does
 * @write: the host has a write of 64 KiB in flight instead of a read
 * @fes: of the TermReq that the host answers with
 */
struct crime {
	const char *name;
	bool write;
	void (*act)(u16 cid);
	u16 fes;
	const char *words;
};

static void unknown_cid(u16 cid)
{
	peer_rsp(&p, 1, cid ^ 1, 0, 0);
}

static void old_cid(u16 cid)
{
	peer_rsp(&p, 1, (u16)(cid - 1024), 0, 0);
}

static void high_cid(u16 cid)
{
	(void)cid;
	peer_rsp(&p, 1, 0xffff, 0, 0);
}

static void answer_twice(u16 cid)
{
	peer_rsp(&p, 1, cid, NVME_SC_INTERNAL, 0);
	peer_rsp(&p, 1, cid, NVME_SC_INTERNAL, 0);
}

static void data_for_write(u16 cid)
{
	peer_c2h(&p, 1, cid, 0, data, 512, 0);
}

static void data_for_none(u16 cid)
{
	peer_c2h(&p, 1, cid ^ 2, 0, data, 512, 0);
}

static void data_not_next(u16 cid)
{
	peer_c2h(&p, 1, cid, 512, data, 512, 0);
}

static void data_twice(u16 cid)
{
	peer_c2h(&p, 1, cid, 0, data, 512, 0);
	peer_c2h(&p, 1, cid, 0, data, 512, 0);
}

static void data_too_long(u16 cid)
{
	peer_c2h(&p, 1, cid, 0, data, 65536 + 512, 0);
}

static void data_wraps(u16 cid)
{
	peer_c2h(&p, 1, cid, 0xfffffe00, data, 512, 0);
}

static void success_too_early(u16 cid)
{
	peer_c2h(&p, 1, cid, 0, data, 512,
		 NVME_TCP_F_LAST | NVME_TCP_F_SUCCESS);
}

static void r2t_for_read(u16 cid)
{
	peer_r2t(&p, 1, cid, 1, 0, 512);
}

static void r2t_for_none(u16 cid)
{
	peer_r2t(&p, 1, cid ^ 1, 1, 0, 512);
}

static void r2t_beyond(u16 cid)
{
	peer_r2t(&p, 1, cid, 1, 0, 65536 + 4);
}

static void r2t_not_next(u16 cid)
{
	peer_r2t(&p, 1, cid, 1, 4096, 4096);
}

static void r2t_again(u16 cid)
{
	peer_r2t(&p, 1, cid, 1, 0, 4096);
	while (peer_next(&p, 1) == NVME_TCP_H2C_DATA)
		;
	peer_r2t(&p, 1, cid, 1, 0, 4096);
}

static void wrong_type(u16 cid)
{
	u8 room[NVME_TCP_HDR_ROOM] = { 0 };
	struct nvme_tcp_data *d = (struct nvme_tcp_data *)room;

	d->hdr.type = NVME_TCP_H2C_DATA;
	d->cccid = cpu_to_le16(cid);
	d->datal = cpu_to_le32(512);
	peer_pdu(&p, 1, room, data, 512);
}

static void unknown_type(u16 cid)
{
	u8 pdu[24] = { 0x77, 0, 24, 0, 24 };

	(void)cid;
	peer_raw(&p, 1, pdu, sizeof(pdu));
}

static void wrong_plen(u16 cid)
{
	u8 pdu[24] = { NVME_TCP_RSP, 0, 24, 0, 23 };

	(void)cid;
	peer_raw(&p, 1, pdu, sizeof(pdu));
}

static void giant_plen(u16 cid)
{
	u8 pdu[24] = { NVME_TCP_RSP, 0, 24, 0, 0xff, 0xff, 0xff, 0xff };

	(void)cid;
	peer_raw(&p, 1, pdu, sizeof(pdu));
}

static void icresp_again(u16 cid)
{
	const struct nvme_tcp_ic ic = { .maxh2cdata = 4096 };
	struct nvme_tcp_icresp r;

	(void)cid;
	nvme_tcp_icresp_encode(&r, &ic);
	peer_raw(&p, 1, &r, sizeof(r));
}

#define HDR	NVME_TCP_FES_INVALID_HDR
#define SEQ	NVME_TCP_FES_PDU_SEQ
#define RANGE	NVME_TCP_FES_DATA_RANGE

static const struct crime crimes[] = {
	{ "unknown CID", false, unknown_cid, HDR, "not outstanding" },
	{ "CID of an earlier command", false, old_cid, HDR, "not outstanding" },
	{ "CID beyond the queue", false, high_cid, HDR, "CID 65535" },
	{ "answered twice", false, answer_twice, HDR, "not outstanding" },
	{ "data for a write", true, data_for_write, RANGE, "C2HData for Write" },
	{ "data for no command", false, data_for_none, HDR, "not outstanding" },
	{ "data not next", false, data_not_next, 0, "" },
	{ "data twice", false, data_twice, 0, "" },
	{ "data too long", false, data_too_long, 0, "" },
	{ "offset that wraps", false, data_wraps, 0, "" },
	{ "success too early", false, success_too_early, 0, "" },
	{ "R2T for a read", false, r2t_for_read, RANGE, "R2T for Read" },
	{ "R2T for no command", true, r2t_for_none, HDR, "not outstanding" },
	{ "R2T beyond the end", true, r2t_beyond, RANGE, "" },
	{ "R2T not next", true, r2t_not_next, 0, "" },
	{ "R2T again", true, r2t_again, 0, "" },
	{ "PDU of the other end", false, wrong_type, 0, "" },
	{ "unknown type", false, unknown_type, 0, "" },
	{ "PLEN too short", false, wrong_plen, HDR, "" },
	{ "PLEN of 4 GiB", false, giant_plen, HDR, "" },
	{ "ICResp again", false, icresp_again, SEQ, "" },
};

static void commit(const struct crime *c)
{
	struct peer_answer a = { 0 };
	u16 cid;
	int err;

	start(NULL, 4, 4);
	err = c->write ? ini_write(p.q, 1, 0, 128, 0, data, 65536, peer_done,
				   &a) :
			 ini_read(p.q, 1, 0, 128, 0, back, 65536, peer_done,
				  &a);
	UNIT_EQ(err, 0);
	cid = peer_cmd(&p, 1, c->write ? NVME_CMD_WRITE : NVME_CMD_READ);
	c->act(cid);
	UNIT_EQ(ini_queue_state(p.q), INI_FAILED);
	UNIT_EQ(ini_queue_error(p.q), -EPROTO);
	UNIT_EQ(a.times, 1);
	if (c->act != answer_twice)
		UNIT_EQ(a.status, NVME_SC_HOST_ABORTED_CMD);
	PEER_WORDS(ini_queue_reason(p.q), "the target broke the protocol: ");
	PEER_WORDS(ini_queue_reason(p.q), c->words);
	UNIT_EQ(peer_next(&p, 1), NVME_TCP_H2C_TERM);
	if (c->fes)
		UNIT_EQ(le16_to_cpu(p.conn[1].rx.pdu.term.fes), c->fes);
	CU_ASSERT(le16_to_cpu(p.conn[1].rx.pdu.term.fes) != 0);
	/* the other connection is as it was */
	UNIT_EQ(ini_ctrlr_state(p.c), INI_LIVE);
	peer_free(&p);
}

static void test_crimes(void)
{
	unsigned int failed;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(crimes); i++) {
		failed = CU_get_number_of_failures();
		commit(&crimes[i]);
		if (CU_get_number_of_failures() != failed)
			fprintf(stderr, "  that was: %s\n", crimes[i].name);
	}
}

static void test_terminated(void)
{
	const struct nvme_tcp_fault f = {
		.fes = NVME_TCP_FES_HDR_DIGEST, .fei = 0x1234,
	};
	u8 out[NVME_TCP_HDR_ROOM], hdr[72] = { NVME_TCP_CMD, 0, 72 };
	u32 n;

	start(NULL, 4, 4);
	n = nvme_tcp_term_encode(NVME_TCP_CTRL, &f, hdr, sizeof(hdr), out);
	peer_raw(&p, 1, out, n);
	UNIT_EQ(ini_queue_state(p.q), INI_FAILED);
	PEER_WORDS(ini_queue_reason(p.q), nvme_tcp_fes_name(f.fes));
	PEER_WORDS(ini_queue_reason(p.q), "FEI 0x1234");
	/* it is not answered by another */
	UNIT_EQ(peer_next(&p, 1), -2);
	peer_free(&p);
}

/* PDUs with random bytes changed, and bytes at random: it ends well, always. */
static void test_random_streams(void)
{
	static const u8 types[] = {
		NVME_TCP_ICRESP, NVME_TCP_C2H_TERM, NVME_TCP_CMD,
		NVME_TCP_RSP, NVME_TCP_H2C_DATA, NVME_TCP_C2H_DATA,
		NVME_TCP_C2H_DATA, NVME_TCP_R2T,
	};
	u32 seed, i, n, ended = 0;
	u8 bytes[2048];

	for (seed = 1; seed <= 1500; seed++) {
		struct peer_answer a = { 0 };
		u8 room[NVME_TCP_HDR_ROOM] = { 0 };
		struct nvme_tcp_data *d = (struct nvme_tcp_data *)room;
		u32 r[4];
		u16 cid;

		fill((u8 *)r, sizeof(r), seed);
		peer_init(&p, digest_options[seed % 4]);
		p.dgst = seed % 4;
		open_queue(4, 4);
		UNIT_EQ(seed & 1 ? ini_read(p.q, 1, 0, 4, 0, back, 2048,
					    peer_done, &a) :
				   ini_write(p.q, 1, 0, 4, 0, data, 2048,
					     peer_done, &a), 0);
		cid = peer_cmd(&p, 1, seed & 1 ? NVME_CMD_READ :
					       NVME_CMD_WRITE);
		d->hdr.type = types[r[0] % ARRAY_SIZE(types)];
		d->hdr.flags = (u8)(r[0] >> 8 & 0xc);
		d->cccid = cpu_to_le16(cid);
		d->datal = cpu_to_le32((r[1] % 1024) & ~3u);
		nvme_tcp_tx_finish(&p.conn[1].tx, room,
				   le32_to_cpu(d->datal));
		room[r[2] % 24] ^= (u8)(1u << (r[2] >> 8 & 7));
		n = 24 + r[3] % 1900;
		fill(bytes, n, seed * 7);
		if (seed % 8)
			memcpy(bytes, room, 24);
		for (i = 24; i < 24 + 128 && i < n; i++)
			bytes[i] &= (u8)seed;
		p.chunk = 1 + seed % 300;
		peer_raw(&p, 1, bytes, n);
		ended += ini_queue_state(p.q) == INI_FAILED;
		UNIT_EQ(ini_ctrlr_state(p.c), INI_LIVE);
		UNIT_EQ(a.times <= 1, 1);
		peer_free(&p);
		UNIT_EQ(a.times, 1);
	}
	CU_ASSERT(ended > 1000);
}

UNIT_MAIN(UNIT(test_transfers), UNIT(test_pieces), UNIT(test_every_command),
	  UNIT(test_batches), UNIT(test_ring_wraps),
	  UNIT(test_straight_to_its_place), UNIT(test_short_data),
	  UNIT(test_damaged_data), UNIT(test_answered_early),
	  UNIT(test_crimes), UNIT(test_terminated), UNIT(test_random_streams))
