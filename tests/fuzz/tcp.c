// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Any stream of bytes to an NVMe/TCP receiver of either end, with any agreement
 * on digests, alignment and limits, in pieces that the input decides: never
 * reads too far, never takes more payload than was agreed on, and the pieces
 * change nothing of what comes out. What it answers is a TermReq that the other
 * end's receiver accepts.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/tcp_feed.h"

struct setup {
	enum nvme_tcp_role role;
	u8 dgst;
	u8 pda;
	bool open;
	u16 max_data;
};

static void start(struct tcp_feed *t, const struct setup *s)
{
	if (s->open)
		tcp_feed_open(t, s->role, s->dgst, s->pda, s->max_data);
	else
		tcp_feed_init(t, s->role, s->dgst, s->pda, s->max_data);
}

static void feed_pieces(struct tcp_feed *t, const struct fuzz_input *in, u64 seed)
{
	struct test_random r = { seed | 1 };
	size_t at, n, longest = 1 + seed % 97;

	for (at = 0; at < in->size; at += n) {
		n = 1 + random_u64(&r) % longest;
		n = n < in->size - at ? n : in->size - at;
		tcp_feed_piece(t, in->data + at, n);
	}
}

static void check_fault(const struct tcp_feed *t)
{
	const struct nvme_tcp_fault *f = &t->rx.fault;
	u8 out[NVME_TCP_HDR_ROOM];
	struct tcp_feed peer;
	u32 n = nvme_tcp_rx_term(&t->rx, f, out);

	must(f->fes <= NVME_TCP_FES_UNSUPPORTED);
	must(!f->fes == !n);
	if (!n)
		return;
	must(f->fes != NVME_TCP_FES_INVALID_HDR || f->fei < sizeof(union nvme_tcp_pdu));
	must(n >= 24 + sizeof(struct nvme_tcp_hdr) && n <= 24 + NVME_TCP_TERM_DATA_MAX);
	tcp_feed_init(&peer, t->rx.role == NVME_TCP_HOST ? NVME_TCP_CTRL : NVME_TCP_HOST,
		      0, 0, 0);
	tcp_feed_piece(&peer, out, n);
	must(peer.last == NVME_TCP_RX_END && tcp_feed_dead(&peer));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	u8 how = fuzz_take(&in, 1);
	struct setup s = {
		.role = how & 1 ? NVME_TCP_CTRL : NVME_TCP_HOST,
		.dgst = how >> 1 & 3, .open = how & 8,
		.pda = fuzz_take(&in, 1) & 31, .max_data = fuzz_take(&in, 2),
	};
	u64 seed = fuzz_take(&in, 4);
	struct tcp_feed whole, split;

	start(&whole, &s);
	tcp_feed_piece(&whole, in.data, in.size);
	must(!whole.broken);
	must(whole.at <= in.size && (whole.at == in.size || tcp_feed_dead(&whole)));
	start(&split, &s);
	feed_pieces(&split, &in, seed);
	must(!split.broken);
	must(split.at == whole.at && split.events == whole.events);
	must(split.sum == whole.sum && split.rx.pdus == whole.rx.pdus);
	must(split.rx.data_left == whole.rx.data_left);
	if (whole.last == NVME_TCP_RX_FAULT)
		check_fault(&whole);
	return 0;
}

/* --- seeds: whole conversations of each end ----------------------------------- */

static size_t add_ic(uint8_t *p, enum nvme_tcp_role to)
{
	static const struct nvme_tcp_ic ic = { .maxr2t = 1, .maxh2cdata = 4096 };

	if (to == NVME_TCP_CTRL)
		nvme_tcp_icreq_encode((void *)p, &ic);
	else
		nvme_tcp_icresp_encode((void *)p, &ic);
	return sizeof(struct nvme_tcp_icreq);
}

static size_t add_pdu(uint8_t *p, u8 type, u8 dgst, u8 pda, u32 len)
{
	struct nvme_tcp_data *d = (void *)p;
	struct nvme_tcp_tx tx;
	__le32 digest;
	u32 n;

	memset(p, 0, NVME_TCP_HDR_ROOM);
	nvme_tcp_tx_init(&tx, dgst, pda);
	d->hdr.type = type;
	if (type != NVME_TCP_CMD && type != NVME_TCP_RSP)
		d->datal = cpu_to_le32(type == NVME_TCP_R2T ? 4096 : len);
	n = nvme_tcp_tx_finish(&tx, p, len);
	memset(p + n, 0xa5, len);
	if (!len || !(dgst & NVME_TCP_DGST_DATA))
		return n + len;
	digest = nvme_tcp_crc_finish(nvme_tcp_crc(NVME_TCP_CRC_INIT, p + n, len));
	memcpy(p + n + len, &digest, sizeof(digest));
	return n + len + sizeof(digest);
}

size_t fuzz_seed(unsigned int index, uint8_t *buf, size_t size)
{
	u8 dgst = index >> 1 & 3, pda = index & 8 ? 3 : 0;
	enum nvme_tcp_role to = index & 1 ? NVME_TCP_CTRL : NVME_TCP_HOST;
	const uint8_t head[8] = { index & 7, pda, 0, 0x10, 0x5a, 0x17, 3, 9 };
	size_t n = sizeof(head);

	if (index > 15)
		return 0;
	must(size >= 4096);
	memcpy(buf, head, sizeof(head));
	n += add_ic(buf + n, to);
	if (to == NVME_TCP_CTRL) {
		n += add_pdu(buf + n, NVME_TCP_CMD, dgst, pda, 0);
		n += add_pdu(buf + n, NVME_TCP_CMD, dgst, pda, 64);
		n += add_pdu(buf + n, NVME_TCP_H2C_DATA, dgst, pda, 100);
	} else {
		n += add_pdu(buf + n, NVME_TCP_RSP, dgst, pda, 0);
		n += add_pdu(buf + n, NVME_TCP_R2T, dgst, pda, 0);
		n += add_pdu(buf + n, NVME_TCP_C2H_DATA, dgst, pda, 100);
	}
	return n;
}
