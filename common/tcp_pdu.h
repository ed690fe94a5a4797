/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The NVMe/TCP byte stream: PDU headers built by one end, and an incremental,
 * length-checked receiver for the other.
 *
 * The receiver does no I/O. Its owner asks what comes next, moves bytes of the
 * stream there, and tells how many. Payload never passes through it, so it can
 * go from the socket straight to where it belongs; any split of the stream
 * gives the same result. One receiver per connection and direction, used by
 * one context at a time.
 *
 *	while (bytes are there)
 *		switch (nvme_tcp_rx_want(rx, &n)) {
 *		case NVME_TCP_RX_HDR:	n = nvme_tcp_rx_hdr(rx, p, len, &ev); …
 *		case NVME_TCP_RX_DATA:	move up to n bytes of payload to its place;
 *					nvme_tcp_rx_data(rx, piece, moved, &ev); …
 *		case NVME_TCP_RX_DDGST:	n = nvme_tcp_rx_ddgst(rx, p, len, &ev); …
 *		case NVME_TCP_RX_DEAD:	nothing more is read
 *		}
 */
#ifndef WEFT_COMMON_TCP_PDU_H
#define WEFT_COMMON_TCP_PDU_H

#include "common/tcp.h"
#include "common/text.h"

enum nvme_tcp_role { NVME_TCP_HOST, NVME_TCP_CTRL };

/**
 * struct nvme_tcp_fault - why a connection must end
 * @fes: enum nvme_tcp_fes, for the TermReq
 * @fei: its additional information
 * @why: in words
 */
struct nvme_tcp_fault {
	u16 fes;
	u32 fei;
	struct weft_reason why;
};

/* What the stream's next bytes are */
enum nvme_tcp_rx_want {
	NVME_TCP_RX_HDR,	/* header, header digest, padding */
	NVME_TCP_RX_DATA,	/* payload of the PDU whose header came */
	NVME_TCP_RX_DDGST,	/* its data digest */
	NVME_TCP_RX_DEAD,	/* there was a fault, or a TermReq has come */
};

/* What has happened with the bytes given */
enum nvme_tcp_rx_event {
	NVME_TCP_RX_MORE,	/* nothing yet */
	NVME_TCP_RX_PDU,	/* header is checked, payload (rx->data_left) follows */
	NVME_TCP_RX_END,	/* the PDU is complete; also after a PDU without data */
	NVME_TCP_RX_BAD_DDGST,	/* complete, but its payload is damaged */
	NVME_TCP_RX_FAULT,	/* rx->fault says what; answer with a TermReq */
};

/**
 * struct nvme_tcp_rx - receiver of one direction
 * @role: who receives: decides which PDU types are accepted
 * @hdgst: @ddgst: negotiated; false until then
 * @pda: alignment of data in received PDUs, bytes, 1 = none
 * @max_data: longest payload of a data PDU or capsule; beyond is a fault
 * @pdu: the current PDU's header; stable from NVME_TCP_RX_PDU / _END until the
 *       next byte is given
 * @data_len: @data_left: payload bytes of the current PDU, and still to come
 * @pdus: complete PDUs so far
 */
struct nvme_tcp_rx {
	enum nvme_tcp_role role;
	bool hdgst;
	bool ddgst;
	u16 pda;
	u32 max_data;
	union nvme_tcp_pdu pdu;
	u32 data_len;
	u32 data_left;
	u64 pdus;
	struct nvme_tcp_fault fault;
	/* the receiver's own from here */
	u8 state;
	u8 raw[8];
	u32 got;
	u32 hdr_total;
	u32 crc;
};

/** nvme_tcp_rx_init() - a new connection: only ICReq / ICResp is accepted */
void nvme_tcp_rx_init(struct nvme_tcp_rx *rx, enum nvme_tcp_role role);

/**
 * nvme_tcp_rx_negotiated() - ICReq and ICResp have been exchanged
 * @dgst: NVME_TCP_DGST_* in force
 * @pda: alignment of data that is received: HPDA (host), CPDA (controller)
 * @max_data: longest payload accepted in one PDU, bytes
 */
void nvme_tcp_rx_negotiated(struct nvme_tcp_rx *rx, u8 dgst, u8 pda,
			    u32 max_data);

/** nvme_tcp_rx_want() - what comes next, and how many bytes of it, in *@n */
enum nvme_tcp_rx_want nvme_tcp_rx_want(const struct nvme_tcp_rx *rx, u32 *n);

/**
 * nvme_tcp_rx_hdr() - give header bytes
 * Takes at most one PDU's header. Checks type (against role and phase), flags,
 * HLEN, PDO, PLEN, header digest and the type's own fields as far as they can
 * be checked without a command; padding is ignored.
 * Return: bytes taken; *@ev says what that led to.
 */
u32 nvme_tcp_rx_hdr(struct nvme_tcp_rx *rx, const void *p, u32 len,
		    enum nvme_tcp_rx_event *ev);

/**
 * nvme_tcp_rx_data() - payload bytes have been moved to their place
 * @p: where they are now, for the digest; NULL: not digested (none negotiated,
 *     or the owner calls nvme_tcp_rx_crc() itself, piece by piece)
 * @len: at most what nvme_tcp_rx_want() told
 */
void nvme_tcp_rx_data(struct nvme_tcp_rx *rx, const void *p, u32 len,
		      enum nvme_tcp_rx_event *ev);
/** nvme_tcp_rx_crc() - digest a piece of payload, in order of the stream */
void nvme_tcp_rx_crc(struct nvme_tcp_rx *rx, const void *p, u32 len);
/** nvme_tcp_rx_ddgst() - give bytes of the data digest; returns bytes taken */
u32 nvme_tcp_rx_ddgst(struct nvme_tcp_rx *rx, const void *p, u32 len,
		      enum nvme_tcp_rx_event *ev);

/**
 * struct nvme_tcp_tx - how PDUs of one direction are laid out
 * @pda: alignment of data that is sent, bytes, 1 = none
 */
struct nvme_tcp_tx {
	bool hdgst;
	bool ddgst;
	u16 pda;
};

/**
 * nvme_tcp_tx_finish() - complete a header that is about to be sent
 * @pdu: type and type-specific fields are set; LAST and SUCCESS flags too
 * @data_len: payload that will follow
 * Sets HLEN, PDO, PLEN and digest flags; writes header digest and padding
 * behind the header, where @pdu must have room: NVME_TCP_HDR_ROOM bytes.
 * Return: bytes to send before the payload.
 */
u32 nvme_tcp_tx_finish(const struct nvme_tcp_tx *tx, void *pdu, u32 data_len);
#define NVME_TCP_HDR_ROOM	256

/** Data digest: start with NVME_TCP_CRC_INIT, feed pieces, finish for the wire */
#define NVME_TCP_CRC_INIT	0xffffffffu
u32 nvme_tcp_crc(u32 crc, const void *p, size_t len);
static inline __le32 nvme_tcp_crc_finish(u32 crc)
{
	return cpu_to_le32(~crc);
}

/**
 * nvme_tcp_term_encode() - a TermReq of @role for @f
 * @hdr: the offending PDU's header, @hdr_len bytes of it that came; at most
 *       NVME_TCP_TERM_DATA_MAX are quoted
 * @out: NVME_TCP_HDR_ROOM bytes
 * Return: bytes to send. Termination requests carry no digests.
 */
u32 nvme_tcp_term_encode(enum nvme_tcp_role role,
			 const struct nvme_tcp_fault *f, const void *hdr,
			 u32 hdr_len, void *out);

/** nvme_tcp_fes_name() - a fatal error status in words, never NULL */
const char *nvme_tcp_fes_name(u16 fes);

#endif
