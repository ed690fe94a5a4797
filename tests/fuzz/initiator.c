// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Any stream of bytes as an NVMe/TCP target's answers to the userspace
 * initiator: commands end once, data stays within its buffer, a connection that
 * ends has a reason. An input is one byte of options and records of a length
 * and so many bytes; between records the initiator does all it can.
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/regs.h"
#include "common/tcp_conn.h"
#include "tests/fuzz/fuzz.h"
#include "tools/initiator/initiator.h"

#define TURNS	200
#define READ	8192u
#define WRITE	65536u
#define GUARD	64u
#define GUARDED	0xa5

/**
 * struct fuzzed - one run
 * @peer: our end of the connection
 * @buf: of both commands, with guards around what may be written
 */
struct fuzzed {
	int peer;
	u8 buf[GUARD + READ + GUARD];
	u8 out[WRITE];
	int given;
	int ended;
};

static int dial(void *ctx, u16 qid)
{
	struct fuzzed *f = ctx;
	int fds[2];

	must(!qid && f->peer < 0);
	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	must(!fcntl(fds[1], F_SETFL, O_NONBLOCK));
	f->peer = fds[1];
	return fds[0];
}

static void ended(void *ctx, nvme_status status, u64 result)
{
	struct fuzzed *f = ctx;

	(void)status;
	(void)result;
	f->ended++;
}

/* What the initiator sends is not looked at, but it must not fill the socket. */
static void settle(struct fuzzed *f, struct ini_ctrlr *c, u64 now)
{
	u8 drop[4096];
	int i;

	for (i = 0; i < TURNS; i++) {
		bool busy = ini_ctrlr_poll(c, now);

		while (recv(f->peer, drop, sizeof(drop), 0) > 0)
			busy = true;
		if (!busy)
			return;
	}
}

static void give_commands(struct fuzzed *f, struct ini_ctrlr *c)
{
	union nvme_cmd in = { .sqe = { .opcode = 0xc2 } };
	union nvme_cmd out = { .sqe = { .opcode = 0xc1 } };
	struct ini_queue *q = ini_ctrlr_admin(c);

	if (f->given || ini_ctrlr_state(c) != INI_LIVE)
		return;
	must(!ini_submit_buf(q, &in, f->buf + GUARD, READ, ended, f));
	must(!ini_submit_buf(q, &out, f->out, WRITE, ended, f));
	f->given = 2;
}

static void run(struct fuzzed *f, struct ini_ctrlr *c, struct fuzz_input *in)
{
	u64 now = 1;
	size_t n;

	settle(f, c, now);
	while (in->size && ini_ctrlr_state(c) != INI_FAILED) {
		n = fuzz_take(in, 2);
		n = n < in->size ? n : in->size;
		if (send(f->peer, in->data, n, MSG_NOSIGNAL) < 0)
			break;
		fuzz_skip(in, n);
		now += 200 * INI_MS;
		settle(f, c, now);
		give_commands(f, c);
		settle(f, c, now);
	}
	must((ini_ctrlr_state(c) == INI_FAILED) ==
	     (ini_ctrlr_reason(c)[0] != '\0'));
	must((ini_ctrlr_error(c) < 0) == (ini_ctrlr_reason(c)[0] != '\0'));
}

static void check_guards(const struct fuzzed *f)
{
	u32 i;

	for (i = 0; i < GUARD; i++)
		must(f->buf[i] == GUARDED &&
		     f->buf[GUARD + READ + i] == GUARDED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char text[] = "transport=tcp,traddr=::1,nqn=n";
	static struct fuzzed f;
	struct fuzz_input in = { data, size };
	struct weft_connstr conn;
	struct ini_opts o;
	struct ini_ctrlr *c;
	u8 options = (u8)fuzz_take(&in, 1);

	memset(&f, 0, sizeof(f));
	memset(f.buf, GUARDED, sizeof(f.buf));
	f.peer = -1;
	must(!weft_connstr_parse(text, sizeof(text) - 1, &conn, NULL));
	must(!ini_opts_init(&o, &conn, NULL));
	o.conn.hdr_digest = options & 1;
	o.conn.data_digest = options & 2;
	o.hpda = options >> 3;
	o.dial = dial;
	o.ctx = &f;
	must(!ini_ctrlr_create(&o, &c, NULL));
	run(&f, c, &in);
	must(f.ended <= f.given);
	ini_ctrlr_destroy(c);
	must(f.ended == f.given);
	check_guards(&f);
	close(f.peer);
	return 0;
}

/* --- a target that does all as it should ------------------------------------- */

static size_t record(u8 *buf, const void *bytes, u32 len)
{
	buf[0] = (u8)len;
	buf[1] = (u8)(len >> 8);
	memcpy(buf + 2, bytes, len);
	return len + 2;
}

/* CIDs: slot 0 each time, and the number of its use above */
static size_t response(u8 *buf, u16 use, u16 slot, u64 result)
{
	const struct nvme_tcp_tx tx = { .pda = 4 };
	u8 room[NVME_TCP_HDR_ROOM] = { 0 };
	struct nvme_tcp_rsp *r = (struct nvme_tcp_rsp *)room;

	r->hdr.type = NVME_TCP_RSP;
	r->cqe.cid = cpu_to_le16((u16)(use << 10 | slot));
	r->cqe.result = cpu_to_le64(result);
	return record(buf, room, nvme_tcp_tx_finish(&tx, room, 0));
}

static size_t data_pdu(u8 *buf, u8 type, u16 use, u16 slot, u32 off,
		       const void *data, u32 len)
{
	const struct nvme_tcp_tx tx = { .pda = 4 };
	u8 room[NVME_TCP_HDR_ROOM + NVME_IDENTIFY_SIZE] = { 0 };
	struct nvme_tcp_data *d = (struct nvme_tcp_data *)room;
	u32 n;

	d->hdr.type = type;
	d->hdr.flags = type == NVME_TCP_C2H_DATA ? NVME_TCP_F_LAST : 0;
	d->cccid = cpu_to_le16((u16)(use << 10 | slot));
	d->datao = cpu_to_le32(off);
	d->datal = cpu_to_le32(len);
	n = nvme_tcp_tx_finish(&tx, room, data ? len : 0);
	if (data)
		memcpy(room + n, data, len);
	return record(buf, room, n + (data ? len : 0));
}

static size_t way_up(u8 *buf)
{
	static const struct nvme_ctrl_desc desc = {
		.cntrltype = NVME_CNTRLTYPE_IO, .serial = "", .model = "",
		.firmware = "", .subnqn = "n", .cntlid = 7, .kas = 1,
		.ioccsz = 4, .iorcsz = 1,
	};
	const struct nvme_tcp_ic ic = { .maxh2cdata = 4096 };
	struct nvme_tcp_icresp resp;
	struct nvme_id_ctrl id;
	struct nvme_regs regs;
	size_t n = 0;

	nvme_regs_init(&regs, NVME_VS(2, 0, 0), 128, 10, false);
	nvme_tcp_icresp_encode(&resp, &ic);
	nvme_id_ctrl_encode(&id, &desc);
	buf[n++] = 0;
	n += record(buf + n, &resp, sizeof(resp));
	n += response(buf + n, 1, 0, 7);
	n += response(buf + n, 2, 0, regs.cap);
	n += response(buf + n, 3, 0, regs.vs);
	n += response(buf + n, 4, 0, regs.crto);
	n += response(buf + n, 5, 0, 0);
	n += response(buf + n, 6, 0, NVME_CSTS_RDY);
	/* the NQN is where most of the rest is zeros: 2 KiB are enough here */
	n += data_pdu(buf + n, NVME_TCP_C2H_DATA, 7, 0, 0, &id, 4096);
	n += response(buf + n, 7, 0, 0);
	return n + response(buf + n, 8, 0, 0);
}

size_t fuzz_seed(unsigned int index, uint8_t *buf, size_t size)
{
	u8 all[16384], data[512] = { 1 };
	size_t n = way_up(all);

	switch (index) {
	case 0:
		break;
	case 1:
		n = 130 + 26 * 6 + 1;	/* as far as CSTS */
		break;
	case 2:
		n += data_pdu(all + n, NVME_TCP_R2T, 1, 1, 0, NULL, 8192);
		n += response(all + n, 1, 1, 0);
		n += data_pdu(all + n, NVME_TCP_C2H_DATA, 9, 0, 0, data, 512);
		break;
	default:
		return 0;
	}
	n = n < size ? n : size;
	memcpy(buf, all, n);
	return n;
}
