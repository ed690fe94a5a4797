// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * NVMe/TCP of the initiator: receiving. One recvmsg per poll: payload whose
 * header is known goes straight to the caller's memory, what follows it to a
 * scratch buffer. Behind long payloads the scratch is kept short, so that most
 * of the next one is not copied.
 */
#include <sys/socket.h>

#include "tools/initiator/tcp.h"

#define DIRECT_PIECES	64
#define LONG_PAYLOAD	(32u << 10)
#define SHORT_SCRATCH	(2u << 10)

static struct tcp_req *find(struct tcp_queue *t, __le16 cid, size_t offset,
			    const char *what)
{
	struct ini_req *r = ini_req_of(t->q, le16_to_cpu(cid));
	struct nvme_tcp_fault f;

	if (r && tcp_req(r)->built && !tcp_req(r)->answered)
		return tcp_req(r);
	nvme_tcp_fail(&f, NVME_TCP_FES_INVALID_HDR, (u32)offset,
		      "%s for CID %u, which is not outstanding", what,
		      le16_to_cpu(cid));
	tcp_terminate(t, &f);
	return NULL;
}

/* --- PDUs --------------------------------------------------------------------- */

static void icresp(struct tcp_queue *t)
{
	static const char *const digests[] = {
		[NVME_TCP_DGST_HDR] = "hdr_digest",
		[NVME_TCP_DGST_DATA] = "data_digest",
		[NVME_TCP_DGST_HDR | NVME_TCP_DGST_DATA] =
			"hdr_digest and data_digest",
	};
	struct nvme_tcp_fault f;

	if (nvme_tcp_icresp_decode(&t->rx.pdu.icresp, &t->asked, &t->agreed,
				   &f)) {
		tcp_terminate(t, &f);
		return;
	}
	/* it has not taken more than it was asked for */
	if (t->agreed.dgst != t->asked.dgst) {
		ini_queue_fail(t->q, -EPROTONOSUPPORT,
			       "the target does not offer %s: connect without",
			       digests[t->asked.dgst & ~t->agreed.dgst]);
		return;
	}
	nvme_tcp_rx_negotiated(&t->rx, t->agreed.dgst, t->asked.pda,
			       UINT32_MAX);
	nvme_tcp_tx_init(&t->tx, t->agreed.dgst, t->agreed.pda);
	t->state = TCP_READY;
	ini_queue_up(t->q);
}

static nvme_status judge(const struct tcp_req *tr, nvme_status status)
{
	if (status)
		return status;
	if (tr->damaged)
		return NVME_SC_TRANSIENT_TRANSPORT;
	if ((tr->reads && tr->take.got != tr->take.len) ||
	    (tr->writes && tr->give.sent != tr->give.len))
		return NVME_SC_DATA_XFER_ERROR;
	return NVME_SC_SUCCESS;
}

static void response(struct tcp_queue *t)
{
	const struct nvme_cqe *cqe = &t->rx.pdu.rsp.cqe;
	struct tcp_req *tr;

	tr = find(t, cqe->cid, offsetof(struct nvme_tcp_rsp, cqe.cid),
		  "response");
	if (tr)
		tcp_answer(t, tr, judge(tr, le16_to_cpu(cqe->status) >> 1),
			   le64_to_cpu(cqe->result));
}

static int no_data(const struct tcp_queue *t, const struct tcp_req *tr,
		   const char *what, struct nvme_tcp_fault *f)
{
	return nvme_tcp_fail(f, NVME_TCP_FES_DATA_RANGE, 0,
			     "%s for %s (CID %u), which has no data that way",
			     what, ini_req_name(t->q, &tr->r),
			     le16_to_cpu(tr->r.cmd.sqe.cid));
}

static void ready_to_transfer(struct tcp_queue *t)
{
	const struct nvme_tcp_r2t *r2t = &t->rx.pdu.r2t;
	struct nvme_tcp_fault f;
	struct tcp_req *tr;

	tr = find(t, r2t->cccid, offsetof(struct nvme_tcp_r2t, cccid), "R2T");
	if (!tr)
		return;
	if (tr->writes ? nvme_tcp_give_r2t(&tr->give, r2t, &f) :
			 no_data(t, tr, "R2T", &f)) {
		tcp_terminate(t, &f);
		return;
	}
	t->q->stats.r2ts++;
	tcp_want_send(t, tr);
}

/* Its data follows: where does it go? */
static void data_begins(struct tcp_queue *t)
{
	const struct nvme_tcp_data *d = &t->rx.pdu.data;
	struct nvme_tcp_fault f;
	struct tcp_req *tr;
	bool success;

	t->rx_req = NULL;
	tr = find(t, d->cccid, offsetof(struct nvme_tcp_data, cccid),
		  "C2HData");
	if (!tr)
		return;
	if (tr->reads ? nvme_tcp_take_c2h(&tr->take, d, &success, &f) :
			no_data(t, tr, "C2HData", &f)) {
		tcp_terminate(t, &f);
		return;
	}
	t->rx_req = tr;
	t->last_payload = le32_to_cpu(d->datal);
}

static void data_ends(struct tcp_queue *t)
{
	struct tcp_req *tr = t->rx_req;

	t->rx_req = NULL;
	if (tr && t->rx.pdu.hdr.flags & NVME_TCP_F_SUCCESS)
		tcp_answer(t, tr, judge(tr, NVME_SC_SUCCESS), 0);
}

static void terminated(struct tcp_queue *t)
{
	u16 fes = le16_to_cpu(t->rx.pdu.term.fes);

	ini_queue_fail(t->q, -ECONNRESET,
		       "the target ended the connection: %s (FES %#x, FEI %#x)",
		       nvme_tcp_fes_name(fes), fes,
		       le32_to_cpu(t->rx.pdu.term.fei));
}

static void pdu_begins(struct tcp_queue *t)
{
	t->begun = true;
	if (t->rx.pdu.hdr.type == NVME_TCP_C2H_DATA)
		data_begins(t);
	else if (t->rx.pdu.hdr.type == NVME_TCP_C2H_TERM)
		terminated(t);
}

static void pdu_ends(struct tcp_queue *t)
{
	t->begun = false;
	t->q->stats.pdus_in++;
	switch (t->rx.pdu.hdr.type) {
	case NVME_TCP_ICRESP:
		icresp(t);
		break;
	case NVME_TCP_RSP:
		response(t);
		break;
	case NVME_TCP_R2T:
		ready_to_transfer(t);
		break;
	case NVME_TCP_C2H_DATA:
		data_ends(t);
		break;
	}
}

static void handle(struct tcp_queue *t, enum nvme_tcp_rx_event ev)
{
	if (ev == NVME_TCP_RX_FAULT) {
		tcp_terminate(t, &t->rx.fault);
		return;
	}
	if (ev == NVME_TCP_RX_MORE)
		return;
	if (!t->begun)
		pdu_begins(t);
	if (t->q->failed || ev == NVME_TCP_RX_PDU)
		return;
	if (ev == NVME_TCP_RX_BAD_DDGST && t->rx_req)
		t->rx_req->damaged = true;
	pdu_ends(t);
}

/* --- bytes --------------------------------------------------------------------- */

/* Offset in the request's data of the current PDU's next byte */
static u32 data_offset(const struct tcp_queue *t)
{
	return le32_to_cpu(t->rx.pdu.data.datao) +
	       t->rx.data_len - t->rx.data_left;
}

static u32 feed_data(struct tcp_queue *t, const u8 *p, u32 len)
{
	enum nvme_tcp_rx_event ev;

	if (t->rx_req)
		ini_copy_in(&t->rx_req->r, data_offset(t), p, len);
	t->q->stats.bytes_copied += len;
	nvme_tcp_rx_data(&t->rx, p, len, &ev);
	handle(t, ev);
	return len;
}

static void feed(struct tcp_queue *t, const u8 *p, u32 len)
{
	enum nvme_tcp_rx_event ev;
	u32 n, take;

	while (len && !t->q->failed) {
		switch (nvme_tcp_rx_want(&t->rx, &n)) {
		case NVME_TCP_RX_HDR:
			take = nvme_tcp_rx_hdr(&t->rx, p, len, &ev);
			handle(t, ev);
			break;
		case NVME_TCP_RX_DATA:
			take = feed_data(t, p, n < len ? n : len);
			break;
		case NVME_TCP_RX_DDGST:
			take = nvme_tcp_rx_ddgst(&t->rx, p, len, &ev);
			handle(t, ev);
			break;
		default:
			return;
		}
		p += take;
		len -= take;
	}
}

/* Payload that went straight to its place: told to the receiver in pieces */
static u32 feed_direct(struct tcp_queue *t, const struct iovec *iov, int n,
		       u32 len)
{
	enum nvme_tcp_rx_event ev;
	u32 piece, left = len;
	int i;

	for (i = 0; i < n && left; i++) {
		piece = iov[i].iov_len < left ? (u32)iov[i].iov_len : left;
		nvme_tcp_rx_data(&t->rx, iov[i].iov_base, piece, &ev);
		left -= piece;
		handle(t, ev);
	}
	t->q->stats.bytes_direct += len - left;
	return len - left;
}

/* Places for the rest of the current payload; @all: nothing of it is left out */
static int direct_places(struct tcp_queue *t, struct iovec *iov, bool *all,
			 u32 *bytes)
{
	u32 n;
	int pieces;

	*all = true;
	*bytes = 0;
	if (!t->rx_req || nvme_tcp_rx_want(&t->rx, &n) != NVME_TCP_RX_DATA)
		return 0;
	pieces = ini_slice(&t->rx_req->r, data_offset(t), n, iov,
			   DIRECT_PIECES, bytes);
	*all = *bytes == n;
	return pieces;
}

void tcp_receive(struct tcp_queue *t)
{
	struct iovec iov[DIRECT_PIECES + 1];
	struct msghdr m = { .msg_iov = iov };
	struct ini_queue *q = t->q;
	u32 direct, used;
	bool all;
	int pieces = direct_places(t, iov, &all, &direct);
	ssize_t n;

	m.msg_iovlen = (size_t)pieces;
	if (all) {
		iov[pieces].iov_base = t->scratch;
		iov[pieces].iov_len = t->last_payload >= LONG_PAYLOAD ?
				      SHORT_SCRATCH : t->scratch_size;
		m.msg_iovlen++;
	}
	n = recvmsg(t->fd, &m, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		q->stats.idle++;
		return;
	}
	if (n <= 0) {
		ini_queue_fail(q, n ? -errno : -ECONNRESET, "%s (%s)",
			       "connection lost",
			       n ? strerror(errno) : "closed by the target");
		return;
	}
	q->stats.recvs++;
	q->stats.bytes_in += (u64)n;
	q->work++;
	used = (u64)n < direct ? (u32)n : direct;
	if (used)
		feed_direct(t, iov, pieces, used);
	if (n > used)
		feed(t, t->scratch, (u32)(n - used));
}
