// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * NVMe/TCP of the initiator: sending. Requests that have something to say wait
 * in a list; their PDUs are made when the ring of PDUs has room, and the whole
 * ring leaves with one sendmsg. Data goes out of the caller's memory, so a
 * request that is answered early completes only when its PDUs have left.
 */
#include <sys/socket.h>

#include "common/sgl.h"
#include "tools/initiator/tcp.h"

static struct tcp_pdu *pdu_at(struct tcp_queue *t, u32 i)
{
	return &t->ring[i & (t->ring_size - 1)];
}

static struct tcp_pdu *new_pdu(struct tcp_queue *t, struct tcp_req *tr)
{
	struct tcp_pdu *p = pdu_at(t, t->tail++);

	p->req = tr;
	p->off = p->len = p->hdr_len = 0;
	p->digest = false;
	if (tr)
		tr->unsent++;
	return p;
}

void tcp_send_icreq(struct tcp_queue *t)
{
	struct tcp_pdu *p = new_pdu(t, NULL);

	nvme_tcp_icreq_encode((struct nvme_tcp_icreq *)p->hdr, &t->asked);
	p->hdr_len = sizeof(struct nvme_tcp_icreq);
}

static void add_payload(struct tcp_queue *t, struct tcp_pdu *p, u32 off,
			u32 len)
{
	u32 crc = NVME_TCP_CRC_INIT, got;
	struct iovec v;

	p->hdr_len = nvme_tcp_tx_finish(&t->tx, p->hdr, len);
	p->off = off;
	p->len = len;
	if (!len || !t->tx.ddgst)
		return;
	for (; len; off += got, len -= got) {
		ini_slice(&p->req->r, off, len, &v, 1, &got);
		crc = nvme_tcp_crc(crc, v.iov_base, got);
	}
	p->ddgst = nvme_tcp_crc_finish(crc);
	p->digest = true;
}

static bool fits_capsule(const struct tcp_queue *t, const struct ini_req *r)
{
	u32 room = t->q->icdoff ? 0 : t->q->inline_room;

	/* fabrics commands have that room on every queue */
	if (r->cmd.sqe.opcode == NVME_OPC_FABRICS)
		room = NVME_TCP_ADMIN_CCSZ;
	return r->len && r->dir == NVME_XFER_HOST_TO_CTRL && r->len <= room;
}

static void make_capsule(struct tcp_queue *t, struct tcp_req *tr)
{
	struct tcp_pdu *p = new_pdu(t, tr);
	struct nvme_tcp_cmd *c = (struct nvme_tcp_cmd *)p->hdr;
	struct ini_req *r = &tr->r;
	bool inside = fits_capsule(t, r);

	if (inside)
		nvme_sgl_incapsule(&r->cmd.sqe.sgl, 0, r->len);
	else
		nvme_sgl_transport(&r->cmd.sqe.sgl, r->len);
	memset(&c->hdr, 0, sizeof(c->hdr));
	c->hdr.type = NVME_TCP_CMD;
	c->cmd = r->cmd;
	add_payload(t, p, 0, inside ? r->len : 0);
	tr->built = true;
	tr->reads = r->len && r->dir == NVME_XFER_CTRL_TO_HOST;
	tr->writes = r->len && r->dir == NVME_XFER_HOST_TO_CTRL && !inside;
	if (tr->reads)
		tr->take = (struct nvme_tcp_take) { .len = r->len };
	if (tr->writes)
		nvme_tcp_give_init(&tr->give, le16_to_cpu(r->cmd.sqe.cid),
				   r->len, t->agreed.maxh2cdata,
				   (u16)t->asked.maxr2t);
	t->q->stats.in_capsule += inside;
}

/* Its next PDU; false: there is none for now */
static bool make_next(struct tcp_queue *t, struct tcp_req *tr)
{
	struct nvme_tcp_data d;
	struct tcp_pdu *p;

	if (!tr->built) {
		make_capsule(t, tr);
		return true;
	}
	if (!tr->writes || !nvme_tcp_give_next(&tr->give, &d))
		return false;
	p = new_pdu(t, tr);
	memcpy(p->hdr, &d, sizeof(d));
	add_payload(t, p, le32_to_cpu(d.datao), le32_to_cpu(d.datal));
	return true;
}

void tcp_want_send(struct tcp_queue *t, struct tcp_req *tr)
{
	if (tr->todo)
		return;
	tr->todo = true;
	TAILQ_INSERT_TAIL(&t->todo, tr, link);
}

static void no_more(struct tcp_queue *t, struct tcp_req *tr)
{
	if (!tr->todo)
		return;
	tr->todo = false;
	TAILQ_REMOVE(&t->todo, tr, link);
}

void tcp_submit(struct ini_queue *q, struct ini_req *r)
{
	struct tcp_req *tr = tcp_req(r);

	tr->unsent = 0;
	tr->built = tr->todo = tr->writes = tr->reads = false;
	tr->answered = tr->damaged = false;
	tcp_want_send(q->transport, tr);
}

/* One PDU of each in turn, so that a long write does not hold up the others */
static void fill_ring(struct tcp_queue *t)
{
	struct tcp_req *tr;

	while (t->tail - t->head < t->ring_size &&
	       (tr = TAILQ_FIRST(&t->todo))) {
		no_more(t, tr);
		if (make_next(t, tr))
			tcp_want_send(t, tr);
	}
}

/* --- what has left ---------------------------------------------------------- */

static void complete(struct tcp_queue *t, struct tcp_req *tr)
{
	ini_req_complete(t->q, &tr->r, tr->status, tr->result);
}

void tcp_answer(struct tcp_queue *t, struct tcp_req *tr, nvme_status status,
		u64 result)
{
	tr->answered = true;
	tr->status = status;
	tr->result = result;
	no_more(t, tr);
	if (!tr->unsent)
		complete(t, tr);
}

static void pdu_sent(struct tcp_queue *t, struct tcp_pdu *p)
{
	struct tcp_req *tr = p->req;

	t->head++;
	t->q->stats.pdus_out++;
	if (!tr)
		return;
	tr->unsent--;
	if (tr->answered && !tr->unsent)
		complete(t, tr);
}

static void advance(struct tcp_queue *t, u64 n)
{
	t->q->stats.bytes_out += n;
	t->sent += n;
	while (t->head != t->tail) {
		struct tcp_pdu *p = pdu_at(t, t->head);
		u64 size = (u64)p->hdr_len + p->len + (p->digest ? 4 : 0);

		if (t->sent < size)
			return;
		t->sent -= size;
		pdu_sent(t, p);
	}
}

/* --- sendmsg ----------------------------------------------------------------- */

struct gather {
	struct iovec iov[INI_IOV_MAX];
	int n;
	u64 skip;
	u64 bytes;
};

static void add_piece(struct gather *g, void *base, size_t len)
{
	if (g->skip >= len) {
		g->skip -= len;
		return;
	}
	g->iov[g->n].iov_base = (u8 *)base + g->skip;
	g->iov[g->n++].iov_len = len - g->skip;
	g->bytes += len - g->skip;
	g->skip = 0;
}

/* False: there was no room for all of it, and nothing may follow */
static bool add_data(struct gather *g, const struct tcp_pdu *p)
{
	u32 off = p->off, len = p->len, got;
	struct iovec v;

	while (len) {
		if (g->n >= INI_IOV_MAX - 1)
			return false;
		ini_slice(&p->req->r, off, len, &v, 1, &got);
		add_piece(g, v.iov_base, got);
		off += got;
		len -= got;
	}
	return true;
}

static void gather(struct tcp_queue *t, struct gather *g)
{
	u32 i;

	g->n = 0;
	g->bytes = 0;
	g->skip = t->sent;
	for (i = t->head; i != t->tail; i++) {
		struct tcp_pdu *p = pdu_at(t, i);

		if (g->n >= INI_IOV_MAX - 3)
			return;
		add_piece(g, p->hdr, p->hdr_len);
		if (!add_data(g, p))
			return;
		if (p->digest)
			add_piece(g, &p->ddgst, sizeof(p->ddgst));
	}
}

void tcp_flush(struct ini_queue *q)
{
	struct tcp_queue *t = q->transport;
	struct gather g;
	ssize_t n;

	if (t->state == TCP_CONNECTING)
		return;
	for (t->blocked = false; !t->blocked;) {
		struct msghdr m = { .msg_iov = g.iov };

		fill_ring(t);
		if (t->head == t->tail)
			return;
		gather(t, &g);
		m.msg_iovlen = (size_t)g.n;
		n = sendmsg(t->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			ini_queue_fail(q, -errno, "connection lost (%s)",
				       strerror(errno));
			return;
		}
		t->blocked = n < 0 || (u64)n < g.bytes;
		if (n <= 0)
			return;
		q->stats.sends++;
		q->work++;
		advance(t, (u64)n);
	}
}

void tcp_terminate(struct tcp_queue *t, const struct nvme_tcp_fault *f)
{
	u8 pdu[NVME_TCP_HDR_ROOM];
	u32 len = nvme_tcp_rx_term(&t->rx, f, pdu);

	/* in the middle of another PDU it would not be understood */
	if (len && !t->sent &&
	    send(t->fd, pdu, len, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		shutdown(t->fd, SHUT_WR);
	ini_queue_fail(t->q, -EPROTO, "the target broke the protocol: %s",
		       f->why.text);
}
