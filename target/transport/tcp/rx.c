// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * From the socket to PDUs. Called by the reactor when a socket has something,
 * and by the group's poller for connections that were blocked.
 *
 * Small PDUs, and small payloads with them, come through the reactor's receive
 * buffer: one recv brings many, at the price of a copy of the payload. Of a
 * large payload the kernel puts what has not come yet straight to its place,
 * with the headers behind it going to the buffer in the same call. When large
 * payloads are expected, only a little is read into the buffer, so that little
 * of them is copied.
 *
 * What was received and may not be looked at yet, because the payload in it has
 * no place, is kept aside; the socket is not read meanwhile.
 */
#include <stdlib.h>
#include <sys/socket.h>

#include "target/transport/tcp/tcp.h"

static bool reading(const struct tcp_conn *c)
{
	return tcp_conn_live(c) && !c->blocked && !c->starved;
}

/* May the socket be read, and into what? */
static bool may_receive(struct tcp_conn *c)
{
	struct tcp_group *g = c->g;

	if (!reading(c) || c->stash)
		return false;
	if (!g->buf)
		g->buf = malloc(TCP_RX_BUF);
	if (!g->buf)
		tcp_conn_starve(c);
	return g->buf;
}

void tcp_rx_event(struct tcp_conn *c, enum nvme_tcp_rx_event ev)
{
	bool begun = c->rx.data_len;

	switch (ev) {
	case NVME_TCP_RX_MORE:
		return;
	case NVME_TCP_RX_PDU:
		tcp_pdu_begin(c);
		return;
	case NVME_TCP_RX_END:
	case NVME_TCP_RX_BAD_DDGST:
		TCP_COUNT(c, recv_pdus, 1);
		/* without payload this is the first that is heard of it */
		if (!begun)
			tcp_pdu_begin(c);
		if (tcp_conn_live(c))
			tcp_pdu_end(c, ev == NVME_TCP_RX_BAD_DDGST);
		return;
	case NVME_TCP_RX_FAULT:
		tcp_conn_fault(c, &c->rx.fault);
		return;
	}
}

/* @n bytes of payload have come, and are where they belong. */
static void payload(struct tcp_conn *c, const u8 *p, u32 n)
{
	enum nvme_tcp_rx_event ev;

	if (c->rx_req && c->rx_req->state == TCP_REQ_R2T)
		tcp_request_moved(c->rx_req, n);
	tcp_sink_advance(&c->sink, n);
	nvme_tcp_rx_data(&c->rx, p, n, &ev);
	tcp_rx_event(c, ev);
}

static u32 feed_data(struct tcp_conn *c, const u8 *p, u32 len)
{
	u32 n = tcp_sink_put(c, p, len);

	if (n)
		payload(c, p, n);
	return n;
}

/* Bytes of the stream, from the buffer. Return: how many were dealt with. */
static u32 feed(struct tcp_conn *c, const u8 *p, u32 len)
{
	enum nvme_tcp_rx_event ev;
	u32 done = 0, n, most;

	while (done < len && reading(c)) {
		most = len - done;
		switch (nvme_tcp_rx_want(&c->rx, &n)) {
		case NVME_TCP_RX_HDR:
			n = nvme_tcp_rx_hdr(&c->rx, p + done, most, &ev);
			tcp_rx_event(c, ev);
			break;
		case NVME_TCP_RX_DATA:
			n = feed_data(c, p + done, n < most ? n : most);
			break;
		case NVME_TCP_RX_DDGST:
			n = nvme_tcp_rx_ddgst(&c->rx, p + done, most, &ev);
			tcp_rx_event(c, ev);
			break;
		default:
			return len;
		}
		done += n;
	}
	return done;
}

/* Keep what may not be looked at yet. */
static void stash(struct tcp_conn *c, const u8 *p, u32 len)
{
	if (!len || !tcp_conn_live(c))
		return;
	c->stash = malloc(len);
	if (c->stash) {
		memcpy(c->stash, p, len);
		c->stash_off = 0;
	} else {
		/* the buffer itself; who reads next needs another one */
		c->stash = c->g->buf;
		c->stash_off = (u32)(p - c->g->buf);
		c->g->buf = NULL;
	}
	c->stash_len = c->stash_off + len;
}

/* Is all but little of a large payload still to come? */
static bool coming(const struct tcp_conn *c)
{
	u32 left;

	return nvme_tcp_rx_want(&c->rx, &left) == NVME_TCP_RX_DATA &&
	       !c->sink.skip && c->rx.data_len >= TCP_LARGE &&
	       c->sink.left >= TCP_DIRECT_MIN;
}

/*
 * Places for what the socket has: the rest of a large payload, then the buffer.
 * Return: pieces; *@direct bytes are payload.
 */
static int place(struct tcp_conn *c, struct iovec *v, u32 *direct, u32 *total)
{
	int n = 0;

	*direct = 0;
	if (coming(c))
		n = tcp_sink_places(c, v, direct);
	v[n].iov_base = c->g->buf;
	v[n].iov_len = TCP_RX_BUF;
	/* a block that has not come whole yet comes this way, too */
	if (c->large || c->nlarge)
		v[n].iov_len = TCP_RX_SMALL + c->sink.block;
	*total = *direct + (u32)v[n].iov_len;
	return n + 1;
}

/* @len bytes of payload have come to the places that place() gave. */
static void placed(struct tcp_conn *c, const struct iovec *v, u32 len)
{
	for (; len && tcp_conn_live(c); v++) {
		u32 n = v->iov_len < len ? (u32)v->iov_len : len;

		payload(c, tcp_sink_placed(c, v->iov_base, n), n);
		len -= n;
	}
}

/* One call. Return: bytes; 0 if there is nothing more now. */
static u32 receive(struct tcp_conn *c)
{
	struct iovec v[NVMF_REQ_MAX_IOV + 1];
	struct msghdr msg = { .msg_iov = v };
	u32 direct, total, got, done;
	ssize_t n;

	msg.msg_iovlen = place(c, v, &direct, &total);
	do {
		n = recvmsg(c->fd, &msg, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	TCP_COUNT(c, recv_calls, 1);
	if (n < 0 && tcp_memory_short(errno)) {
		tcp_conn_starve(c);
		return 0;
	}
	if (n <= 0) {
		if (!n || errno != EAGAIN)
			tcp_conn_break(c, "receiving", n ? errno : 0);
		return 0;
	}
	got = (u32)n;
	TCP_COUNT(c, recv_bytes, got);
	if (direct > got) {
		/* there were as many; the host has played with urgent data */
		if (c->sink.block) {
			tcp_conn_break(c, "receiving", EPROTO);
			return 0;
		}
		direct = got;
	}
	if (direct)
		placed(c, v, direct);
	done = feed(c, c->g->buf, got - direct);
	stash(c, c->g->buf + done, got - direct - done);
	/* a short read has emptied the socket: no need to ask again */
	return got < total ? 0 : got;
}

void tcp_rx_ready(struct tcp_conn *c)
{
	u32 taken = 0, n;

	while (taken < TCP_RX_BUDGET && may_receive(c)) {
		n = receive(c);
		if (!n)
			break;
		taken += n;
	}
	tcp_conn_watch(c);
}

void tcp_rx_resume(struct tcp_conn *c)
{
	u8 *p = c->stash;

	if (p && reading(c)) {
		c->stash_off += feed(c, p + c->stash_off,
				     c->stash_len - c->stash_off);
		if (c->stash_off == c->stash_len) {
			free(p);
			c->stash = NULL;
		}
	}
	tcp_conn_watch(c);
}
