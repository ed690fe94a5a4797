/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * NVMe/TCP of the initiator: one socket per queue. tcp.c connects, tcp_tx.c
 * makes PDUs of what is to be sent, tcp_rx.c takes the byte stream apart with
 * common/tcp_pdu.h. All on the queue's thread.
 */
#ifndef WEFT_TOOLS_INITIATOR_TCP_H
#define WEFT_TOOLS_INITIATOR_TCP_H

#include "common/tcp_conn.h"
#include "tools/initiator/internal.h"

/**
 * struct tcp_req - a slot
 * @built: its capsule has been made; @unsent: its PDUs that still refer to its
 *         memory
 * @todo: it is in the queue's list of what has PDUs to make
 * @writes: @reads: data goes by R2T; data comes
 * @answered: the response is here and waits for @unsent to become 0
 * @damaged: a data digest was wrong
 */
struct tcp_req {
	struct ini_req r;
	TAILQ_ENTRY(tcp_req) link;
	struct nvme_tcp_give give;
	struct nvme_tcp_take take;
	u32 unsent;
	bool built;
	bool todo;
	bool writes;
	bool reads;
	bool answered;
	bool damaged;
	nvme_status status;
	u64 result;
};
TAILQ_HEAD(tcp_reqs, tcp_req);

/**
 * struct tcp_pdu - a PDU that is being sent
 * @hdr: @hdr_len: header, its digest, padding
 * @off: @len: payload, of @req's data
 * @ddgst: behind it if @digest
 */
struct tcp_pdu {
	u8 hdr[NVME_TCP_HDR_ROOM];
	u32 hdr_len;
	u32 off;
	u32 len;
	__le32 ddgst;
	bool digest;
	struct tcp_req *req;
};

enum tcp_state { TCP_CONNECTING, TCP_NEGOTIATING, TCP_READY };

/**
 * struct tcp_queue - the transport's part of a queue
 * @asked: what our ICReq said; @agreed: what ICResp answered
 * @ring: PDUs to send, @head to @tail; of the first one @sent bytes are gone.
 *        Both run freely and wrap: @ring_size is a power of two
 * @todo: requests with PDUs to make; @blocked: the socket takes no more
 * @rx_req: whose data is coming; @begun: the current PDU's header was judged
 * @scratch: where bytes go whose place is not known yet
 */
struct tcp_queue {
	struct ini_queue *q;
	int fd;
	enum tcp_state state;
	struct nvme_tcp_ic asked;
	struct nvme_tcp_ic agreed;
	struct nvme_tcp_rx rx;
	struct nvme_tcp_tx tx;
	struct tcp_pdu *ring;
	u32 ring_size;
	u32 head;
	u32 tail;
	u64 sent;
	struct tcp_reqs todo;
	bool blocked;
	struct tcp_req *rx_req;
	bool begun;
	u8 *scratch;
	u32 scratch_size;
	u32 last_payload;
};

static inline struct tcp_req *tcp_req(struct ini_req *r)
{
	return container_of(r, struct tcp_req, r);
}

/* tcp_tx.c */
void tcp_send_icreq(struct tcp_queue *t);
void tcp_submit(struct ini_queue *q, struct ini_req *r);
void tcp_flush(struct ini_queue *q);
/** tcp_want_send() - @tr has PDUs to make */
void tcp_want_send(struct tcp_queue *t, struct tcp_req *tr);
/** tcp_answer() - the command has ended; completes as soon as it may */
void tcp_answer(struct tcp_queue *t, struct tcp_req *tr, nvme_status status,
		u64 result);
/** tcp_terminate() - tell the target why we hang up, and fail the queue */
void tcp_terminate(struct tcp_queue *t, const struct nvme_tcp_fault *f);

/* tcp_rx.c */
void tcp_receive(struct tcp_queue *t);

#endif
