// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The receiver of common/tcp_pdu.h: phases, every fault with its status and
 * information, digests, limits, and thousands of ways to split one stream.
 */
#include "tests/unit/tcp_feed.h"
#include "tests/unit/unit.h"

#define MAX_DATA	8192
#define BOTH		(NVME_TCP_DGST_HDR | NVME_TCP_DGST_DATA)

static enum nvme_tcp_role receiver_of(u8 type)
{
	return nvme_tcp_kind(type)->to;
}

/* A good PDU of @type with @len bytes of payload in @out; returns its length. */
static u32 make_pdu(u8 *out, u8 type, u8 dgst, u8 pda, u32 len)
{
	struct nvme_tcp_data *d = (void *)out;
	struct nvme_tcp_tx tx;
	__le32 digest;
	u32 n, i;

	memset(out, 0, NVME_TCP_HDR_ROOM);
	nvme_tcp_tx_init(&tx, dgst, pda);
	d->hdr.type = type;
	if (type == NVME_TCP_H2C_DATA || type == NVME_TCP_C2H_DATA) {
		d->hdr.flags = NVME_TCP_F_LAST;
		d->datal = cpu_to_le32(len);
	}
	if (type == NVME_TCP_R2T)
		((struct nvme_tcp_r2t *)(void *)out)->r2tl = cpu_to_le32(4096);
	n = nvme_tcp_tx_finish(&tx, out, len);
	for (i = 0; i < len; i++)
		out[n + i] = i * 7 + type;
	if (!len || !(dgst & NVME_TCP_DGST_DATA))
		return n + len;
	digest = nvme_tcp_crc_finish(nvme_tcp_crc(NVME_TCP_CRC_INIT, out + n, len));
	memcpy(out + n + len, &digest, 4);
	return n + len + 4;
}

/* the header was changed on purpose: a digest that fits it */
static void reseal(u8 *pdu)
{
	const struct nvme_tcp_kind *k = nvme_tcp_kind(pdu[0]);
	__le32 digest = nvme_tcp_crc_finish(nvme_tcp_crc(NVME_TCP_CRC_INIT, pdu, k->hlen));

	memcpy(pdu + k->hlen, &digest, 4);
}

static void want_fault(const struct tcp_feed *t, u16 fes, u32 fei, const char *why)
{
	UNIT_EQ(t->last, NVME_TCP_RX_FAULT);
	UNIT_EQ(t->rx.fault.fes, fes);
	UNIT_EQ(t->rx.fault.fei, fei);
	UNIT_STR(t->rx.fault.why.text, why);
	CU_ASSERT_PTR_NULL(t->broken);
	CU_ASSERT_TRUE(tcp_feed_dead(t));
}

/* Each type is taken by the one end, whole, with every digest and alignment. */
static void test_accepted(void)
{
	static const u8 types[] = {
		NVME_TCP_CMD, NVME_TCP_RSP, NVME_TCP_H2C_DATA,
		NVME_TCP_C2H_DATA, NVME_TCP_R2T,
	};
	u8 pdu[NVME_TCP_HDR_ROOM + 600];
	unsigned int i, dgst, pda;
	struct tcp_feed t;
	u32 n, len;

	for (i = 0; i < sizeof(types); i++)
		for (dgst = 0; dgst < 4; dgst++)
			for (pda = 0; pda < 32; pda++) {
				len = nvme_tcp_kind(types[i])->payload ? 512 : 0;
				n = make_pdu(pdu, types[i], dgst, pda, len);
				tcp_feed_open(&t, receiver_of(types[i]), dgst, pda, 512);
				tcp_feed_piece(&t, pdu, n);
				UNIT_EQ(t.last, NVME_TCP_RX_END);
				UNIT_EQ(t.events, len ? 2 : 1);
				UNIT_EQ(t.at, n);
				UNIT_EQ(t.rx.data_len, len);
				UNIT_EQ(t.rx.pdus, 1);
				CU_ASSERT_PTR_NULL(t.broken);
			}
}

/* Commands without data may leave PDO 0 or point it behind the header. */
static void test_command_without_data(void)
{
	u8 pdu[NVME_TCP_HDR_ROOM];
	struct tcp_feed t;
	u32 n;

	n = make_pdu(pdu, NVME_TCP_CMD, BOTH, 0, 0);
	pdu[3] = 76;
	reseal(pdu);
	tcp_feed_open(&t, NVME_TCP_CTRL, BOTH, 0, 0);
	tcp_feed_piece(&t, pdu, n);
	UNIT_EQ(t.last, NVME_TCP_RX_END);
	UNIT_EQ(t.rx.data_len, 0);
}

static const struct {
	u8 type, dgst, pda;
	u32 len;
	u8 at, size;
	u32 value;
	u16 fes;
	u32 fei;
	const char *why;
} faults[] = {
	/* type */
	{ NVME_TCP_CMD, 0, 0, 0, 0, 1, NVME_TCP_RSP, 1, 0,
	  "PDU type 05h (CapsuleResp): not one that a controller receives" },
	{ NVME_TCP_CMD, 0, 0, 0, 0, 1, NVME_TCP_R2T, 1, 0,
	  "PDU type 09h (R2T): not one that a controller receives" },
	{ NVME_TCP_CMD, 0, 0, 0, 0, 1, NVME_TCP_C2H_TERM, 1, 0,
	  "PDU type 03h (C2HTermReq): not one that a controller receives" },
	{ NVME_TCP_CMD, BOTH, 0, 0, 0, 1, 8, 1, 0,
	  "PDU type 08h (unknown): not one that a controller receives" },
	{ NVME_TCP_RSP, 0, 0, 0, 0, 1, NVME_TCP_CMD, 1, 0,
	  "PDU type 04h (CapsuleCmd): not one that a host receives" },
	{ NVME_TCP_RSP, 0, 0, 0, 0, 1, 0xff, 1, 0,
	  "PDU type ffh (unknown): not one that a host receives" },
	{ NVME_TCP_CMD, 0, 0, 0, 0, 1, NVME_TCP_ICREQ, 2, 0, "ICReq after ICReq" },
	{ NVME_TCP_RSP, 0, 0, 0, 0, 1, NVME_TCP_ICRESP, 2, 0, "ICResp after ICResp" },
	/* flags */
	{ NVME_TCP_CMD, 0, 0, 0, 1, 1, 4, 1, 1,
	  "CapsuleCmd flags=04h: CapsuleCmd may have 03h" },
	{ NVME_TCP_CMD, 0, 0, 0, 1, 1, 0x80, 1, 1,
	  "CapsuleCmd flags=80h: CapsuleCmd may have 03h" },
	{ NVME_TCP_H2C_DATA, 0, 0, 8, 1, 1, 8, 1, 1,
	  "H2CData flags=08h: H2CData may have 07h" },
	{ NVME_TCP_RSP, 0, 0, 0, 1, 1, 2, 1, 1,
	  "CapsuleResp flags=02h: CapsuleResp may have 01h" },
	{ NVME_TCP_CMD, 0, 0, 0, 1, 1, 1, 1, 1,
	  "CapsuleCmd flags=01h: the digests agreed on are 00h" },
	{ NVME_TCP_CMD, 0, 0, 8, 1, 1, 2, 1, 1,
	  "CapsuleCmd flags=02h: the digests agreed on are 00h" },
	{ NVME_TCP_CMD, NVME_TCP_DGST_HDR, 0, 0, 1, 1, 0, 1, 1,
	  "CapsuleCmd flags=00h: the digests agreed on are 01h" },
	{ NVME_TCP_CMD, NVME_TCP_DGST_DATA, 0, 8, 1, 1, 0, 1, 1,
	  "CapsuleCmd flags=00h: the digests agreed on are 02h" },
	{ NVME_TCP_CMD, NVME_TCP_DGST_DATA, 0, 0, 1, 1, 2, 1, 1,
	  "CapsuleCmd flags=02h: the digests agreed on are 00h" },
	{ NVME_TCP_CMD, BOTH, 0, 8, 1, 1, 1, 1, 1,
	  "CapsuleCmd flags=01h: the digests agreed on are 03h" },
	{ NVME_TCP_C2H_DATA, 0, 0, 8, 1, 1, NVME_TCP_F_SUCCESS, 1, 1,
	  "C2HData flags=08h: SUCCESS without LAST" },
	/* hlen */
	{ NVME_TCP_CMD, 0, 0, 0, 2, 1, 71, 1, 2,
	  "CapsuleCmd hlen=71: its header has 72 bytes" },
	{ NVME_TCP_CMD, BOTH, 0, 0, 2, 1, 255, 1, 2,
	  "CapsuleCmd hlen=255: its header has 72 bytes" },
	{ NVME_TCP_R2T, 0, 0, 0, 2, 1, 0, 1, 2,
	  "R2T hlen=0: its header has 24 bytes" },
	/* pdo */
	{ NVME_TCP_CMD, 0, 0, 8, 3, 1, 0, 1, 3,
	  "CapsuleCmd pdo=0: data begins at 72-199, at a multiple of 4" },
	{ NVME_TCP_CMD, 0, 0, 8, 3, 1, 71, 1, 3,
	  "CapsuleCmd pdo=71: data begins at 72-199, at a multiple of 4" },
	{ NVME_TCP_CMD, 0, 0, 8, 3, 1, 74, 1, 3,
	  "CapsuleCmd pdo=74: data begins at 72-199, at a multiple of 4" },
	{ NVME_TCP_CMD, BOTH, 0, 8, 3, 1, 72, 1, 3,
	  "CapsuleCmd pdo=72: data begins at 76-203, at a multiple of 4" },
	{ NVME_TCP_H2C_DATA, 0, 0, 512, 3, 1, 152, 1, 3,
	  "H2CData pdo=152: data begins at 24-151, at a multiple of 4" },
	{ NVME_TCP_C2H_DATA, 0, 15, 8, 3, 1, 68, 1, 3,
	  "C2HData pdo=68: data begins at 24-151, at a multiple of 64" },
	{ NVME_TCP_CMD, 0, 0, 0, 3, 1, 76, 1, 3, "CapsuleCmd pdo=76: there is no data" },
	{ NVME_TCP_RSP, 0, 0, 0, 3, 1, 24, 1, 3, "CapsuleResp pdo=24: there is no data" },
	{ NVME_TCP_R2T, BOTH, 0, 0, 3, 1, 4, 1, 3, "R2T pdo=4: there is no data" },
	/* plen */
	{ NVME_TCP_CMD, 0, 0, 0, 4, 4, 71, 1, 4,
	  "CapsuleCmd plen=71: not what its header needs" },
	{ NVME_TCP_CMD, 0, 0, 0, 4, 4, 0, 1, 4,
	  "CapsuleCmd plen=0: not what its header needs" },
	{ NVME_TCP_CMD, NVME_TCP_DGST_HDR, 0, 0, 4, 4, 72, 1, 4,
	  "CapsuleCmd plen=72: not what its header needs" },
	{ NVME_TCP_CMD, 0, 31, 8, 4, 4, 72, 1, 3, "CapsuleCmd pdo=128: there is no data" },
	{ NVME_TCP_CMD, 0, 31, 8, 4, 4, 128, 1, 4, "CapsuleCmd plen=128: no room for data" },
	{ NVME_TCP_CMD, BOTH, 0, 8, 4, 4, 80, 1, 4, "CapsuleCmd plen=80: no room for data" },
	{ NVME_TCP_CMD, 0, 0, 8, 4, 4, 72 + MAX_DATA + 1, 5, 0,
	  "CapsuleCmd with 8193 bytes of data: at most 8192 are accepted" },
	{ NVME_TCP_CMD, BOTH, 0, 8, 4, 4, 0xffffffff, 5, 0,
	  "CapsuleCmd with 4294967215 bytes of data: at most 8192 are accepted" },
	{ NVME_TCP_RSP, 0, 0, 0, 4, 4, 25, 1, 4,
	  "CapsuleResp plen=25: not what its header needs" },
	{ NVME_TCP_RSP, 0, 0, 0, 4, 4, 0xffffffff, 1, 4,
	  "CapsuleResp plen=4294967295: not what its header needs" },
	{ NVME_TCP_R2T, NVME_TCP_DGST_HDR, 0, 0, 4, 4, 24, 1, 4,
	  "R2T plen=24: not what its header needs" },
	{ NVME_TCP_H2C_DATA, 0, 0, 0, 0, 0, 0, 1, 4, "H2CData plen=24: there is no data" },
	{ NVME_TCP_C2H_DATA, BOTH, 0, 0, 0, 0, 0, 1, 4, "C2HData plen=28: there is no data" },
	/* limits */
	{ NVME_TCP_H2C_DATA, 0, 0, 8, 4, 4, 24 + MAX_DATA + 1, 5, 0,
	  "H2CData with 8193 bytes of data: at most 8192 are accepted" },
	{ NVME_TCP_H2C_DATA, BOTH, 0, 8, 4, 4, 0xffffffff, 5, 0,
	  "H2CData with 4294967263 bytes of data: at most 8192 are accepted" },
	{ NVME_TCP_C2H_DATA, 0, 0, 8, 4, 4, 24 + MAX_DATA + 1, 4, 0,
	  "C2HData with 8193 bytes of data: at most 8192 are accepted" },
	/* the types' own fields */
	{ NVME_TCP_H2C_DATA, 0, 0, 8, 16, 4, 7, 1, 16,
	  "datal=7: plen says that 8 bytes follow" },
	{ NVME_TCP_H2C_DATA, BOTH, 0, 8, 16, 4, 0, 1, 16,
	  "datal=0: plen says that 8 bytes follow" },
	{ NVME_TCP_C2H_DATA, 0, 0, 8, 16, 4, 0xffffffff, 1, 16,
	  "datal=4294967295: plen says that 8 bytes follow" },
	{ NVME_TCP_R2T, 0, 0, 0, 16, 4, 0, 1, 16, "r2tl=0: an R2T asks for something" },
};

static void test_faults(void)
{
	u8 pdu[NVME_TCP_HDR_ROOM + 600], out[NVME_TCP_HDR_ROOM];
	struct tcp_feed t;
	__le32 value;
	size_t i;
	u32 n;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		n = make_pdu(pdu, faults[i].type, faults[i].dgst, faults[i].pda,
			     faults[i].len);
		value = cpu_to_le32(faults[i].value);
		memcpy(pdu + faults[i].at, &value, faults[i].size);
		if (faults[i].dgst & NVME_TCP_DGST_HDR && nvme_tcp_kind(pdu[0]))
			reseal(pdu);
		tcp_feed_open(&t, receiver_of(faults[i].type), faults[i].dgst,
			      faults[i].pda, MAX_DATA);
		tcp_feed_piece(&t, pdu, n);
		want_fault(&t, faults[i].fes, faults[i].fei, faults[i].why);
		/* the answer quotes what has come of the header */
		n = nvme_tcp_rx_term(&t.rx, &t.rx.fault, out);
		CU_ASSERT_TRUE(n == 24 + 8 || n == 24u + nvme_tcp_kind(pdu[0])->hlen);
		CU_ASSERT_EQUAL(memcmp(out + 24, pdu, n - 24), 0);
		UNIT_EQ(out[0], 2 + (t.rx.role == NVME_TCP_CTRL));
	}
}

/* A header digest that is wrong is told before any field behind it is believed. */
static void test_header_digest(void)
{
	u8 pdu[NVME_TCP_HDR_ROOM + 16];
	struct tcp_feed t;
	unsigned int bit;
	u32 n, fei;

	n = make_pdu(pdu, NVME_TCP_CMD, BOTH, 0, 8);
	for (bit = 0; bit < 76 * 8; bit++) {
		/* without a type or a length there is no digest to be found */
		if (bit < 8 || bit / 8 == 2)
			continue;
		pdu[bit / 8] ^= 1 << bit % 8;
		tcp_feed_open(&t, NVME_TCP_CTRL, BOTH, 0, MAX_DATA);
		tcp_feed_piece(&t, pdu, n);
		UNIT_EQ(t.last, NVME_TCP_RX_FAULT);
		UNIT_EQ(t.rx.fault.fes, NVME_TCP_FES_HDR_DIGEST);
		fei = pdu[72] | pdu[73] << 8 | pdu[74] << 16 | (u32)pdu[75] << 24;
		UNIT_EQ(t.rx.fault.fei, fei);
		UNIT_EQ(t.at, 76);
		pdu[bit / 8] ^= 1 << bit % 8;
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(t.rx.fault.why.text, "CapsuleCmd header digest"));
}

/* A damaged payload is told, and the stream goes on. */
static void test_data_digest(void)
{
	u8 stream[2 * (NVME_TCP_HDR_ROOM + 16)];
	struct tcp_feed t;
	u32 n, at;

	n = make_pdu(stream, NVME_TCP_H2C_DATA, BOTH, 0, 8);
	make_pdu(stream + n, NVME_TCP_H2C_DATA, BOTH, 0, 8);
	for (at = 28; at < n; at++) {
		stream[at] ^= 0x10;
		tcp_feed_open(&t, NVME_TCP_CTRL, BOTH, 0, MAX_DATA);
		tcp_feed_piece(&t, stream, n);
		UNIT_EQ(t.last, NVME_TCP_RX_BAD_DDGST);
		tcp_feed_piece(&t, stream + n, n);
		UNIT_EQ(t.last, NVME_TCP_RX_END);
		UNIT_EQ(t.rx.pdus, 2);
		UNIT_EQ(t.bad_digests, 1);
		stream[at] ^= 0x10;
	}
}

/* The owner may digest pieces itself, while it moves them. */
static void test_data_digested_by_owner(void)
{
	u8 pdu[NVME_TCP_HDR_ROOM + 16];
	enum nvme_tcp_rx_event ev;
	struct nvme_tcp_rx rx;
	u32 n;

	make_pdu(pdu, NVME_TCP_H2C_DATA, BOTH, 0, 12);
	nvme_tcp_rx_init(&rx, NVME_TCP_CTRL);
	nvme_tcp_rx_negotiated(&rx, BOTH, 0, MAX_DATA);
	UNIT_EQ(nvme_tcp_rx_hdr(&rx, pdu, 44, &ev), 28);
	UNIT_EQ(ev, NVME_TCP_RX_PDU);
	nvme_tcp_rx_crc(&rx, pdu + 28, 5);
	nvme_tcp_rx_crc(&rx, pdu + 33, 7);
	nvme_tcp_rx_data(&rx, NULL, 12, &ev);
	UNIT_EQ(ev, NVME_TCP_RX_MORE);
	UNIT_EQ(nvme_tcp_rx_want(&rx, &n), NVME_TCP_RX_DDGST);
	UNIT_EQ(n, 4);
	UNIT_EQ(nvme_tcp_rx_ddgst(&rx, pdu + 40, 9, &ev), 4);
	UNIT_EQ(ev, NVME_TCP_RX_END);
}

static void test_owner_out_of_turn(void)
{
	u8 pdu[NVME_TCP_HDR_ROOM + 16];
	enum nvme_tcp_rx_event ev;
	struct nvme_tcp_rx rx;
	u32 n;

	make_pdu(pdu, NVME_TCP_H2C_DATA, 0, 0, 12);
	nvme_tcp_rx_init(&rx, NVME_TCP_CTRL);
	nvme_tcp_rx_negotiated(&rx, 0, 0, MAX_DATA);
	UNIT_EQ(nvme_tcp_rx_hdr(&rx, pdu, 0, &ev), 0);
	UNIT_EQ(ev, NVME_TCP_RX_MORE);
	UNIT_EQ(nvme_tcp_rx_ddgst(&rx, pdu, 4, &ev), 0);
	UNIT_EQ(ev, NVME_TCP_RX_MORE);
	UNIT_EQ(nvme_tcp_rx_hdr(&rx, pdu, 36, &ev), 24);
	UNIT_EQ(nvme_tcp_rx_hdr(&rx, pdu + 24, 12, &ev), 0);
	UNIT_EQ(ev, NVME_TCP_RX_MORE);
	nvme_tcp_rx_data(&rx, pdu + 24, 0, &ev);
	UNIT_EQ(ev, NVME_TCP_RX_MORE);
	nvme_tcp_rx_data(&rx, NULL, 13, &ev);
	UNIT_EQ(ev, NVME_TCP_RX_FAULT);
	UNIT_EQ(rx.fault.fes, 0);
	UNIT_STR(rx.fault.why.text, "13 bytes of payload given: 12 are due");
	UNIT_EQ(rx.data_left, 12);
	UNIT_EQ(nvme_tcp_rx_want(&rx, &n), NVME_TCP_RX_DEAD);
	UNIT_EQ(n, 0);
	nvme_tcp_rx_data(&rx, NULL, 1, &ev);
	UNIT_EQ(ev, NVME_TCP_RX_FAULT);
	UNIT_STR(rx.fault.why.text, "1 bytes of payload given: 0 are due");
	UNIT_EQ(nvme_tcp_rx_term(&rx, &rx.fault, pdu), 0);
}

/* --- phases ------------------------------------------------------------------ */

static u32 make_ic(u8 *out, enum nvme_tcp_role to)
{
	static const struct nvme_tcp_ic ic = { .maxr2t = 1, .maxh2cdata = 4096 };

	if (to == NVME_TCP_CTRL)
		nvme_tcp_icreq_encode((void *)out, &ic);
	else
		nvme_tcp_icresp_encode((void *)out, &ic);
	return 128;
}

static void test_ic_first(void)
{
	static const u8 types[] = {
		NVME_TCP_CMD, NVME_TCP_RSP, NVME_TCP_H2C_DATA,
		NVME_TCP_C2H_DATA, NVME_TCP_R2T,
	};
	u8 pdu[NVME_TCP_HDR_ROOM + 16];
	struct tcp_feed t;
	char why[64];
	size_t i;
	u32 n;

	for (i = 0; i < sizeof(types); i++) {
		n = make_pdu(pdu, types[i], 0, 0, nvme_tcp_kind(types[i])->payload ? 8 : 0);
		tcp_feed_init(&t, receiver_of(types[i]), 0, 0, MAX_DATA);
		tcp_feed_piece(&t, pdu, n);
		snprintf(why, sizeof(why), "%s before %s", nvme_tcp_kind(types[i])->name,
			 t.rx.role == NVME_TCP_HOST ? "ICResp" : "ICReq");
		want_fault(&t, NVME_TCP_FES_PDU_SEQ, 0, why);
	}
	/* the other end's own */
	make_ic(pdu, NVME_TCP_HOST);
	tcp_feed_init(&t, NVME_TCP_CTRL, 0, 0, MAX_DATA);
	tcp_feed_piece(&t, pdu, 128);
	want_fault(&t, NVME_TCP_FES_INVALID_HDR, 0,
		   "PDU type 01h (ICResp): not one that a controller receives");
}

static void test_ic_once(void)
{
	enum nvme_tcp_role role;
	enum nvme_tcp_rx_event ev;
	struct nvme_tcp_rx rx;
	struct tcp_feed t;
	u8 ic[128];

	for (role = NVME_TCP_HOST; role <= NVME_TCP_CTRL; role++) {
		make_ic(ic, role);
		tcp_feed_init(&t, role, BOTH, 0, MAX_DATA);
		tcp_feed_piece(&t, ic, 128);
		UNIT_EQ(t.last, NVME_TCP_RX_END);
		tcp_feed_piece(&t, ic, 128);
		want_fault(&t, NVME_TCP_FES_PDU_SEQ, 0,
			   role == NVME_TCP_HOST ? "ICResp after ICResp" :
						   "ICReq after ICReq");
		/* nor while its answer is not decided on */
		nvme_tcp_rx_init(&rx, role);
		UNIT_EQ(nvme_tcp_rx_hdr(&rx, ic, 128, &ev), 128);
		UNIT_EQ(ev, NVME_TCP_RX_END);
		UNIT_EQ(nvme_tcp_rx_hdr(&rx, ic, 128, &ev), 8);
		UNIT_EQ(ev, NVME_TCP_RX_FAULT);
		UNIT_EQ(rx.fault.fes, NVME_TCP_FES_PDU_SEQ);
	}
}

static void test_ic_header(void)
{
	static const struct {
		u8 at, value;
		u32 fei;
		const char *why;
	} bad[] = {
		{ 1, 1, 1, "ICReq flags=01h: ICReq may have 00h" },
		{ 2, 24, 2, "ICReq hlen=24: its header has 128 bytes" },
		{ 3, 128, 3, "ICReq pdo=128: there is no data" },
		{ 4, 129, 4, "ICReq plen=129: not what its header needs" },
		{ 7, 0xff, 4, "ICReq plen=4278190208: not what its header needs" },
	};
	struct tcp_feed t;
	u8 ic[128];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		make_ic(ic, NVME_TCP_CTRL);
		ic[bad[i].at] = bad[i].value;
		tcp_feed_init(&t, NVME_TCP_CTRL, 0, 0, MAX_DATA);
		tcp_feed_piece(&t, ic, 128);
		want_fault(&t, NVME_TCP_FES_INVALID_HDR, bad[i].fei, bad[i].why);
		UNIT_EQ(t.at, 8);
	}
}

/* A TermReq may come at any time, without digests, and ends the stream. */
static void test_term(void)
{
	struct nvme_tcp_fault f;
	enum nvme_tcp_role role;
	struct tcp_feed t;
	u8 pdu[NVME_TCP_HDR_ROOM + 8] = { 0 }, quoted[128] = { 0 };
	u32 open, n;

	nvme_tcp_fail(&f, NVME_TCP_FES_DATA_LIMIT, 0, "x");
	for (role = NVME_TCP_HOST; role <= NVME_TCP_CTRL; role++)
		for (open = 0; open < 2; open++)
			for (n = 0; n <= 128; n += 8) {
				nvme_tcp_term_encode(!role, &f, quoted, n, pdu);
				tcp_feed_init(&t, role, BOTH, 0, MAX_DATA);
				if (open)
					nvme_tcp_rx_negotiated(&t.rx, BOTH, 0, MAX_DATA);
				tcp_feed_piece(&t, pdu, sizeof(pdu));
				UNIT_EQ(t.last, NVME_TCP_RX_END);
				UNIT_EQ(t.at, 24);
				UNIT_EQ(le16_to_cpu(t.rx.pdu.term.fes), NVME_TCP_FES_DATA_LIMIT);
				CU_ASSERT_TRUE(tcp_feed_dead(&t));
			}
}

/* and is never answered by another, whatever is wrong with it */
static void test_bad_term(void)
{
	static const struct {
		u8 at, value;
		const char *why;
	} bad[] = {
		{ 1, 1, "H2CTermReq flags=01h: H2CTermReq may have 00h" },
		{ 2, 25, "H2CTermReq hlen=25: its header has 24 bytes" },
		{ 4, 23, "H2CTermReq plen=23: a TermReq has 24 to 152 bytes" },
		{ 4, 153, "H2CTermReq plen=153: a TermReq has 24 to 152 bytes" },
		{ 7, 0xff, "H2CTermReq plen=4278190104: a TermReq has 24 to 152 bytes" },
	};
	u8 pdu[NVME_TCP_HDR_ROOM], out[NVME_TCP_HDR_ROOM];
	struct nvme_tcp_fault f;
	struct tcp_feed t;
	size_t i;

	nvme_tcp_fail(&f, NVME_TCP_FES_PDU_SEQ, 0, "x");
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		nvme_tcp_term_encode(NVME_TCP_HOST, &f, NULL, 0, pdu);
		pdu[bad[i].at] = bad[i].value;
		tcp_feed_open(&t, NVME_TCP_CTRL, BOTH, 0, MAX_DATA);
		tcp_feed_piece(&t, pdu, 24);
		want_fault(&t, 0, 0, bad[i].why);
		UNIT_EQ(nvme_tcp_rx_term(&t.rx, &t.rx.fault, out), 0);
	}
}

/* A queue's kind, and with it the limit of its capsules, is known after Connect. */
static void test_capsule_limit(void)
{
	u8 pdu[NVME_TCP_HDR_ROOM + 1024];
	struct tcp_feed t;
	u32 n = make_pdu(pdu, NVME_TCP_CMD, 0, 0, 1024);

	tcp_feed_open(&t, NVME_TCP_CTRL, 0, 0, 512);
	t.rx.max_capsule = 1024;
	tcp_feed_piece(&t, pdu, n);
	UNIT_EQ(t.last, NVME_TCP_RX_END);
	t.rx.max_capsule = 1023;
	tcp_feed_piece(&t, pdu, n);
	want_fault(&t, NVME_TCP_FES_DATA_LIMIT, 0,
		   "CapsuleCmd with 1024 bytes of data: at most 1023 are accepted");
}

/* --- splits ------------------------------------------------------------------ */

struct stream {
	enum nvme_tcp_role to;
	u8 dgst, pda;
	size_t len;
	u8 bytes[64 * 1024];
};

/* ICReq or ICResp, then what may follow; some payload is damaged. */
static void make_stream(struct stream *s, struct test_random *r, unsigned int pdus)
{
	static const u8 to_ctrl[] = { NVME_TCP_CMD, NVME_TCP_H2C_DATA };
	static const u8 to_host[] = { NVME_TCP_RSP, NVME_TCP_C2H_DATA, NVME_TCP_R2T };
	u32 n, len;
	u8 type;

	s->to = random_u64(r) >> 63;
	s->dgst = random_u64(r) >> 62;
	s->pda = random_u64(r) & 1 ? 0 : random_u64(r) % 32;
	s->len = make_ic(s->bytes, s->to);
	while (pdus--) {
		type = s->to == NVME_TCP_CTRL ? to_ctrl[random_u64(r) % 2] :
						to_host[random_u64(r) % 3];
		len = nvme_tcp_kind(type)->payload ? 1 + random_u64(r) % 600 : 0;
		n = make_pdu(s->bytes + s->len, type, s->dgst, s->pda, len);
		if (len && !(random_u64(r) % 8))
			s->bytes[s->len + n - 5] ^= 1;
		s->len += n;
	}
}

static void feed_split(struct tcp_feed *t, const struct stream *s,
		       struct test_random *r, size_t longest)
{
	size_t at, n;

	tcp_feed_init(t, s->to, s->dgst, s->pda, MAX_DATA);
	for (at = 0; at < s->len; at += n) {
		n = 1 + random_u64(r) % longest;
		n = n < s->len - at ? n : s->len - at;
		tcp_feed_piece(t, s->bytes + at, n);
	}
}

static void want_same(const struct tcp_feed *a, const struct tcp_feed *b)
{
	UNIT_EQ(b->at, a->at);
	UNIT_EQ(b->events, a->events);
	UNIT_EQ(b->sum, a->sum);
	UNIT_EQ(b->rx.pdus, a->rx.pdus);
	CU_ASSERT_PTR_NULL(b->broken);
}

static void test_splits(void)
{
	static const size_t longest[] = { 1, 3, 9, 80, 700, 5000 };
	struct test_random r = { 0x5b117 };
	struct tcp_feed whole, split;
	unsigned int round, i, k;
	static struct stream s;

	for (round = 0; round < 60; round++) {
		make_stream(&s, &r, 60);
		tcp_feed_init(&whole, s.to, s.dgst, s.pda, MAX_DATA);
		tcp_feed_piece(&whole, s.bytes, s.len);
		UNIT_EQ(whole.at, s.len);
		UNIT_EQ(whole.rx.pdus, 61);
		CU_ASSERT_PTR_NULL(whole.broken);
		for (i = 0; i < ARRAY_SIZE(longest); i++)
			for (k = 0; k < 4; k++) {
				feed_split(&split, &s, &r, longest[i]);
				want_same(&whole, &split);
			}
	}
}

/* With a byte changed anywhere: the same fault at the same place. */
static void test_damaged_splits(void)
{
	struct test_random r = { 0xbad };
	struct tcp_feed whole, split;
	unsigned int round, k, faults_seen = 0;
	static struct stream s;
	size_t at;

	for (round = 0; round < 1500; round++) {
		make_stream(&s, &r, 4);
		at = round & 1 ? random_u64(&r) % s.len : 128 + random_u64(&r) % 24;
		s.bytes[at] ^= 1 << random_u64(&r) % 8;
		tcp_feed_init(&whole, s.to, s.dgst, s.pda, MAX_DATA);
		tcp_feed_piece(&whole, s.bytes, s.len);
		CU_ASSERT_PTR_NULL(whole.broken);
		faults_seen += whole.last == NVME_TCP_RX_FAULT;
		for (k = 0; k < 4; k++) {
			feed_split(&split, &s, &r, 1 + k * k * k * 20);
			want_same(&whole, &split);
			UNIT_EQ(split.rx.fault.fes, whole.rx.fault.fes);
			UNIT_EQ(split.rx.fault.fei, whole.rx.fault.fei);
		}
	}
	CU_ASSERT_TRUE(faults_seen > 500);
}

UNIT_MAIN(UNIT(test_accepted), UNIT(test_command_without_data), UNIT(test_faults),
	  UNIT(test_header_digest), UNIT(test_data_digest),
	  UNIT(test_data_digested_by_owner), UNIT(test_owner_out_of_turn),
	  UNIT(test_ic_first), UNIT(test_ic_once), UNIT(test_ic_header),
	  UNIT(test_term), UNIT(test_bad_term), UNIT(test_capsule_limit),
	  UNIT(test_splits), UNIT(test_damaged_splits))
