/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Gives a stream of bytes to an NVMe/TCP receiver as an owner would, and keeps
 * what came out: the place and kind of every event, headers, payload, faults.
 * Two ways to split one stream must leave the same. Each piece lies in an
 * allocation of its own size, so that reading too far is seen.
 */
#ifndef TESTS_UNIT_TCP_FEED_H
#define TESTS_UNIT_TCP_FEED_H

#include "common/tcp_conn.h"
#include "tests/unit/random.h"

/*
 * @dgst: @pda: @max_data: what the ends agree on when ICReq or ICResp has come
 * @at: bytes of the stream that were taken; @events: their number
 * @last: the event before now; @sum: of all that came out
 * @broken: the receiver broke a promise: names it
 */
struct tcp_feed {
	struct nvme_tcp_rx rx;
	u8 dgst;
	u8 pda;
	u32 max_data;
	u64 at;
	u32 events;
	u32 bad_digests;
	enum nvme_tcp_rx_event last;
	u32 sum;
	const char *broken;
};

static inline void tcp_feed_init(struct tcp_feed *t, enum nvme_tcp_role role,
				 u8 dgst, u8 pda, u32 max_data)
{
	memset(t, 0, sizeof(*t));
	t->dgst = dgst;
	t->pda = pda;
	t->max_data = max_data;
	nvme_tcp_rx_init(&t->rx, role);
}

/* as if ICReq and ICResp had been exchanged */
static inline void tcp_feed_open(struct tcp_feed *t, enum nvme_tcp_role role,
				 u8 dgst, u8 pda, u32 max_data)
{
	tcp_feed_init(t, role, dgst, pda, max_data);
	nvme_tcp_rx_negotiated(&t->rx, dgst, pda, max_data);
}

static inline void tcp_feed_sum(struct tcp_feed *t, const void *p, size_t n)
{
	t->sum = weft_crc32c(t->sum, p, n);
}

static inline void tcp_feed_note(struct tcp_feed *t, enum nvme_tcp_rx_event ev)
{
	const struct nvme_tcp_rx *rx = &t->rx;
	u8 type = rx->pdu.hdr.type;

	if (ev == NVME_TCP_RX_MORE)
		return;
	t->events++;
	t->last = ev;
	t->bad_digests += ev == NVME_TCP_RX_BAD_DDGST;
	tcp_feed_sum(t, &t->at, sizeof(t->at));
	tcp_feed_sum(t, &ev, sizeof(ev));
	if (ev == NVME_TCP_RX_FAULT) {
		tcp_feed_sum(t, &rx->fault.fes, sizeof(rx->fault.fes));
		tcp_feed_sum(t, &rx->fault.fei, sizeof(rx->fault.fei));
		tcp_feed_sum(t, rx->fault.why.text, strlen(rx->fault.why.text));
		if (!rx->fault.why.text[0])
			t->broken = "a fault without a reason";
		return;
	}
	tcp_feed_sum(t, &rx->pdu, nvme_tcp_kind(type)->hlen);
	tcp_feed_sum(t, &rx->data_len, sizeof(rx->data_len));
	if (rx->data_left > rx->data_len || (ev != NVME_TCP_RX_PDU && rx->data_left))
		t->broken = "data_left";
	if (ev == NVME_TCP_RX_PDU &&
	    rx->data_len > (type == NVME_TCP_CMD ? rx->max_capsule : rx->max_data))
		t->broken = "payload beyond the limit";
	if (ev == NVME_TCP_RX_END && (type == NVME_TCP_ICREQ || type == NVME_TCP_ICRESP))
		nvme_tcp_rx_negotiated(&t->rx, t->dgst, t->pda, t->max_data);
}

/* One step of an owner: gives @len bytes, returns how many were taken. */
static inline size_t tcp_feed_step(struct tcp_feed *t, const u8 *p, size_t len)
{
	enum nvme_tcp_rx_event ev = NVME_TCP_RX_MORE;
	u32 n, wanted;

	switch (nvme_tcp_rx_want(&t->rx, &wanted)) {
	case NVME_TCP_RX_HDR:
		n = nvme_tcp_rx_hdr(&t->rx, p, len, &ev);
		break;
	case NVME_TCP_RX_DATA:
		n = wanted < len ? wanted : len;
		nvme_tcp_rx_data(&t->rx, p, n, &ev);
		tcp_feed_sum(t, p, n);
		break;
	case NVME_TCP_RX_DDGST:
		n = nvme_tcp_rx_ddgst(&t->rx, p, len, &ev);
		break;
	default:
		return 0;
	}
	if (!n || n > len)
		t->broken = "bytes taken";
	t->at += n;
	tcp_feed_note(t, ev);
	return n;
}

static inline bool tcp_feed_dead(const struct tcp_feed *t)
{
	u32 n;

	return t->broken || nvme_tcp_rx_want(&t->rx, &n) == NVME_TCP_RX_DEAD;
}

/* A piece of the stream; what follows a fault or a TermReq is left. */
static inline void tcp_feed_piece(struct tcp_feed *t, const void *p, size_t len)
{
	u8 *copy = exact_copy(p, len);
	size_t at = 0;

	while (at < len && !tcp_feed_dead(t))
		at += tcp_feed_step(t, copy + at, len - at);
	free(copy);
}

#endif
