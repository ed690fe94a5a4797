/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * A scripted NVMe/TCP target at the other end of a socketpair: the test says
 * PDU by PDU what it answers, and in pieces of which size. One thread; time is
 * the test's own number.
 */
#ifndef TESTS_UNIT_INITIATOR_PEER_H
#define TESTS_UNIT_INITIATOR_PEER_H

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/regs.h"
#include "common/tcp_conn.h"
#include "tests/unit/unit.h"
#include "tools/initiator/initiator.h"

#define PEER_UNUSED	__attribute__((unused))
#define PEER_DATA	(1u << 20)
#define PEER_CONNS	4
#define PEER_TURNS	20000

/**
 * struct peer_conn - one connection as the target sees it
 * @got: the PDU that peer_next() has returned is in rx.pdu and @data
 * @pda: our CPDA; @ic: what the host asked for
 */
struct peer_conn {
	int fd;
	struct nvme_tcp_rx rx;
	struct nvme_tcp_tx tx;
	struct nvme_tcp_ic ic;
	u8 data[PEER_DATA];
	u32 len;
	bool eof;
};

/**
 * struct peer - the target and the host under test
 * @chunk: bytes per write to the host, which is polled in between; 0: all
 * @dgst: @cpda: @maxh2cdata: what we answer to an ICReq
 * @ioccsz: @mdts: what Identify says
 * @cap_mqes: @vs: @crto: what the properties say
 */
struct peer {
	struct peer_conn conn[PEER_CONNS];
	int nconns;
	struct ini_opts opts;
	struct ini_ctrlr *c;
	struct ini_queue *q;
	struct weft_reason why;
	u64 now;
	u32 chunk;
	u8 dgst;
	u8 cpda;
	u32 maxh2cdata;
	u32 ioccsz;
	u8 mdts;
	u32 cap_mqes;
	u32 vs;
	u32 crto;
};

static PEER_UNUSED int peer_dial(void *ctx, u16 qid)
{
	struct peer *p = ctx;
	int fds[2], size = 4 << 20;

	(void)qid;
	if (p->nconns == PEER_CONNS ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -EMFILE;
	/* all that a test sends fits: the peer never has to wait for the host */
	setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	p->conn[p->nconns].fd = fds[1];
	nvme_tcp_rx_init(&p->conn[p->nconns].rx, NVME_TCP_CTRL);
	nvme_tcp_tx_init(&p->conn[p->nconns].tx, 0, 0);
	p->nconns++;
	return fds[0];
}

static PEER_UNUSED void peer_init(struct peer *p, const char *more)
{
	struct weft_connstr c;
	char text[512];

	memset(p, 0, sizeof(*p));
	snprintf(text, sizeof(text),
		 "transport=tcp,traddr=127.0.0.1,nqn=nqn.2026-11.io.weft:unit%s%s",
		 more ? "," : "", more ? more : "");
	CU_ASSERT_FATAL(!weft_connstr_parse(text, strlen(text), &c, &p->why));
	UNIT_EQ(ini_opts_init(&p->opts, &c, &p->why), 0);
	p->opts.dial = peer_dial;
	p->opts.ctx = p;
	p->now = 1;
	p->maxh2cdata = 4096;
	p->ioccsz = 4;
	p->cap_mqes = 127;
	p->vs = NVME_VS(2, 0, 0);
	p->crto = 20;
}

static PEER_UNUSED void peer_free(struct peer *p)
{
	ini_queue_destroy(p->q);
	ini_ctrlr_destroy(p->c);
	while (p->nconns)
		close(p->conn[--p->nconns].fd);
}

/* The host does what it can without us. */
static PEER_UNUSED int peer_poll(struct peer *p)
{
	int work = p->c ? ini_ctrlr_poll(p->c, p->now) : 0;

	return work + (p->q ? ini_queue_poll(p->q, p->now) : 0);
}

static PEER_UNUSED void peer_settle(struct peer *p)
{
	int i;

	for (i = 0; i < PEER_TURNS && peer_poll(p); i++)
		;
}

/* --- to the host ------------------------------------------------------------ */

static PEER_UNUSED void peer_raw(struct peer *p, int n, const void *bytes,
				 u32 len)
{
	const u8 *at = bytes;
	u32 step;
	ssize_t done;

	while (len) {
		step = p->chunk && p->chunk < len ? p->chunk : len;
		done = send(p->conn[n].fd, at, step, MSG_NOSIGNAL);
		if (done <= 0)
			return;		/* the host has hung up */
		at += done;
		len -= (u32)done;
		if (p->chunk)
			peer_poll(p);
	}
	peer_settle(p);
}

static PEER_UNUSED void peer_pdu(struct peer *p, int n, void *pdu,
				 const void *data, u32 len)
{
	u8 out[NVME_TCP_HDR_ROOM + PEER_DATA + 4];
	u32 hdr = nvme_tcp_tx_finish(&p->conn[n].tx, pdu, len);
	__le32 crc;

	memcpy(out, pdu, hdr);
	if (len)
		memcpy(out + hdr, data, len);
	if (len && p->conn[n].tx.ddgst) {
		crc = nvme_tcp_crc_finish(nvme_tcp_crc(NVME_TCP_CRC_INIT, data,
						       len));
		memcpy(out + hdr + len, &crc, 4);
		hdr += 4;
	}
	peer_raw(p, n, out, hdr + len);
}

static PEER_UNUSED void peer_rsp(struct peer *p, int n, u16 cid,
				 nvme_status status, u64 result)
{
	u8 room[NVME_TCP_HDR_ROOM] = { 0 };
	struct nvme_tcp_rsp *r = (struct nvme_tcp_rsp *)room;

	r->hdr.type = NVME_TCP_RSP;
	r->cqe.cid = cpu_to_le16(cid);
	r->cqe.status = cpu_to_le16((u16)(status << 1));
	r->cqe.result = cpu_to_le64(result);
	peer_pdu(p, n, room, NULL, 0);
}

static PEER_UNUSED void peer_c2h(struct peer *p, int n, u16 cid, u32 off,
				 const void *data, u32 len, u8 flags)
{
	u8 room[NVME_TCP_HDR_ROOM] = { 0 };
	struct nvme_tcp_data *d = (struct nvme_tcp_data *)room;

	d->hdr.type = NVME_TCP_C2H_DATA;
	d->hdr.flags = flags;
	d->cccid = cpu_to_le16(cid);
	d->datao = cpu_to_le32(off);
	d->datal = cpu_to_le32(len);
	peer_pdu(p, n, room, data, len);
}

static PEER_UNUSED void peer_r2t(struct peer *p, int n, u16 cid, u16 ttag,
				 u32 off, u32 len)
{
	u8 room[NVME_TCP_HDR_ROOM] = { 0 };
	struct nvme_tcp_r2t *r = (struct nvme_tcp_r2t *)room;

	r->hdr.type = NVME_TCP_R2T;
	r->cccid = cpu_to_le16(cid);
	r->ttag = cpu_to_le16(ttag);
	r->r2to = cpu_to_le32(off);
	r->r2tl = cpu_to_le32(len);
	peer_pdu(p, n, room, NULL, 0);
}

/* --- from the host ------------------------------------------------------------ */

static PEER_UNUSED bool peer_feed(struct peer_conn *c, const u8 *b,
				  enum nvme_tcp_rx_event *ev)
{
	u32 n;

	switch (nvme_tcp_rx_want(&c->rx, &n)) {
	case NVME_TCP_RX_HDR:
		nvme_tcp_rx_hdr(&c->rx, b, 1, ev);
		break;
	case NVME_TCP_RX_DATA:
		c->data[c->len++] = *b;
		nvme_tcp_rx_data(&c->rx, b, 1, ev);
		break;
	case NVME_TCP_RX_DDGST:
		nvme_tcp_rx_ddgst(&c->rx, b, 1, ev);
		break;
	default:
		return false;
	}
	return true;
}

/**
 * peer_next() - the host's next PDU
 * Return: its type, or -1 if none comes, -2 after the end, -3 for a fault.
 */
static PEER_UNUSED int peer_next(struct peer *p, int n)
{
	struct peer_conn *c = &p->conn[n];
	enum nvme_tcp_rx_event ev;
	int idle = 0;
	ssize_t got;
	u8 b;

	c->len = 0;
	while (idle < 3) {
		got = recv(c->fd, &b, 1, MSG_DONTWAIT);
		if (!got || (got < 0 && errno != EAGAIN)) {
			c->eof = true;
			return -2;
		}
		if (got < 0) {
			idle++;
			peer_settle(p);
			continue;
		}
		idle = 0;
		if (!peer_feed(c, &b, &ev) || ev == NVME_TCP_RX_FAULT ||
		    ev == NVME_TCP_RX_BAD_DDGST)
			return -3;
		if (ev == NVME_TCP_RX_END)
			return c->rx.pdu.hdr.type;
	}
	return -1;
}

/** peer_cmd() - the host's next PDU is a command; its CID */
static PEER_UNUSED u16 peer_cmd(struct peer *p, int n, u8 opcode)
{
	UNIT_EQ(peer_next(p, n), NVME_TCP_CMD);
	UNIT_EQ(p->conn[n].rx.pdu.cmd.cmd.sqe.opcode, opcode);
	return le16_to_cpu(p->conn[n].rx.pdu.cmd.cmd.sqe.cid);
}

/* --- the way up --------------------------------------------------------------- */

static PEER_UNUSED void peer_ic(struct peer *p, int n)
{
	struct peer_conn *c = &p->conn[n];
	struct nvme_tcp_icresp r;
	struct nvme_tcp_fault f;
	struct nvme_tcp_ic ic = {
		.pda = p->cpda, .dgst = p->dgst, .maxh2cdata = p->maxh2cdata,
	};

	UNIT_EQ(peer_next(p, n), NVME_TCP_ICREQ);
	UNIT_EQ(nvme_tcp_icreq_decode(&c->rx.pdu.icreq, &c->ic, &f), 0);
	nvme_tcp_icresp_encode(&r, &ic);
	nvme_tcp_rx_negotiated(&c->rx, p->dgst, p->cpda, PEER_DATA);
	nvme_tcp_tx_init(&c->tx, p->dgst, c->ic.pda);
	peer_raw(p, n, &r, sizeof(r));
}

static PEER_UNUSED void peer_property(struct peer *p, u8 fctype, u32 offset,
				      u64 value)
{
	u16 cid = peer_cmd(p, 0, NVME_OPC_FABRICS);
	union nvme_cmd cmd = p->conn[0].rx.pdu.cmd.cmd;

	UNIT_EQ(cmd.fabrics.fctype, fctype);
	UNIT_EQ(le32_to_cpu(cmd.prop.offset), offset);
	peer_rsp(p, 0, cid, 0, value);
}

static PEER_UNUSED void peer_id(const struct peer *p, struct nvme_id_ctrl *id)
{
	const struct nvme_ctrl_desc d = {
		.cntrltype = NVME_CNTRLTYPE_IO, .serial = "S", .model = "M",
		.firmware = "1", .subnqn = p->opts.conn.nqn, .cntlid = 7,
		.version = NVME_VS(2, 0, 0), .mdts = p->mdts, .kas = 10,
		.oaes = NVME_OAES_NS_ATTR, .aerl = 3, .nn = 1,
		.ioccsz = p->ioccsz, .iorcsz = 1, .maxcmd = 128,
		.sgls = NVME_SGLS_ANY_ALIGNMENT | NVME_SGLS_OFFSET |
			NVME_SGLS_TRANSPORT,
	};

	nvme_id_ctrl_encode(id, &d);
}

static PEER_UNUSED u64 peer_cap(const struct peer *p)
{
	struct nvme_regs r;

	nvme_regs_init(&r, p->vs, p->cap_mqes + 1, 20, false);
	return r.cap;
}

/* All that the host wants to know before it sets CC.EN, which it then does */
static PEER_UNUSED void peer_properties(struct peer *p)
{
	u64 cap = peer_cap(p);

	peer_property(p, NVMF_FC_PROPERTY_GET, NVME_REG_CAP, cap);
	peer_property(p, NVMF_FC_PROPERTY_GET, NVME_REG_VS, p->vs);
	if (cap & NVME_CAP_CRWMS)
		peer_property(p, NVMF_FC_PROPERTY_GET, NVME_REG_CRTO, p->crto);
	peer_property(p, NVMF_FC_PROPERTY_SET, NVME_REG_CC, 0);
}

/* Up to and with CSTS.RDY */
static PEER_UNUSED void peer_enable(struct peer *p)
{
	u16 cid;

	UNIT_EQ(ini_ctrlr_create(&p->opts, &p->c, &p->why), 0);
	peer_ic(p, 0);
	cid = peer_cmd(p, 0, NVME_OPC_FABRICS);
	UNIT_EQ(p->conn[0].rx.pdu.cmd.cmd.fabrics.fctype, NVMF_FC_CONNECT);
	UNIT_EQ(p->conn[0].len, sizeof(struct nvmf_connect_data));
	peer_rsp(p, 0, cid, 0, 7);
	peer_properties(p);
	peer_property(p, NVMF_FC_PROPERTY_GET, NVME_REG_CSTS, NVME_CSTS_RDY);
}

static PEER_UNUSED void peer_identify(struct peer *p)
{
	struct nvme_id_ctrl id;
	u16 cid = peer_cmd(p, 0, NVME_ADMIN_IDENTIFY);

	peer_id(p, &id);
	peer_c2h(p, 0, cid, 0, &id, sizeof(id), NVME_TCP_F_LAST);
	peer_rsp(p, 0, cid, 0, 0);
}

/** peer_up() - the controller is live */
static PEER_UNUSED void peer_up(struct peer *p)
{
	u16 cid;

	peer_enable(p);
	peer_identify(p);
	cid = peer_cmd(p, 0, NVME_ADMIN_SET_FEATURES);
	peer_rsp(p, 0, cid, 0, 0x00030003);
	UNIT_EQ(ini_ctrlr_state(p->c), INI_LIVE);
	UNIT_STR(ini_ctrlr_reason(p->c), "");
}

/** peer_queue() - I/O queue 1 as well, on connection 1 */
static PEER_UNUSED void peer_queue(struct peer *p, u32 depth)
{
	u16 cid;

	UNIT_EQ(ini_queue_create(p->c, 1, depth, &p->q, &p->why), 0);
	peer_ic(p, 1);
	cid = peer_cmd(p, 1, NVME_OPC_FABRICS);
	UNIT_EQ(le16_to_cpu(p->conn[1].rx.pdu.cmd.cmd.connect.qid), 1);
	peer_rsp(p, 1, cid, 0, 7);
	UNIT_EQ(ini_queue_state(p->q), INI_LIVE);
}

/** PEER_WORDS() - @text has @words in it */
#define PEER_WORDS(text, words) do {					\
	if (!strstr(text, words))					\
		UNIT_STR(text, words);					\
} while (0)

/** struct peer_answer - what a command came to */
struct peer_answer {
	int times;
	nvme_status status;
	u64 result;
};

static PEER_UNUSED void peer_done(void *ctx, nvme_status status, u64 result)
{
	struct peer_answer *a = ctx;

	a->times++;
	a->status = status;
	a->result = result;
}

#endif
