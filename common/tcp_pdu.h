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
 *		case NVME_TCP_RX_HDR:	n = nvme_tcp_rx_hdr(rx, p, len, &ev); ...
 *		case NVME_TCP_RX_DATA:	move up to n bytes of payload to its place;
 *					nvme_tcp_rx_data(rx, piece, moved, &ev); ...
 *		case NVME_TCP_RX_DDGST:	n = nvme_tcp_rx_ddgst(rx, p, len, &ev); ...
 *		case NVME_TCP_RX_DEAD:	nothing more is read
 *		}
 */
#ifndef WEFT_COMMON_TCP_PDU_H
#define WEFT_COMMON_TCP_PDU_H

#include "common/tcp.h"
#include "common/text.h"

enum nvme_tcp_role { NVME_TCP_HOST, NVME_TCP_CTRL };

/**
 * struct nvme_tcp_kind - what a PDU of one type looks like
 * @name: as in the specification
 * @to: who receives it
 * @hlen: its HLEN, bytes
 * @flags: that it may have; without NVME_TCP_F_HDGST it never carries digests
 * @payload: it may carry data
 */
struct nvme_tcp_kind {
	const char *name;
	enum nvme_tcp_role to;
	u8 hlen;
	u8 flags;
	bool payload;
};

/** nvme_tcp_kind() - looks of PDU @type, NULL if there is no such type */
const struct nvme_tcp_kind *nvme_tcp_kind(u8 type);

/**
 * struct nvme_tcp_fault - why a connection must end
 * @fes: enum nvme_tcp_fes, for the TermReq; 0: end it without one (a TermReq
 *       is never answered by another, whatever is wrong with it)
 * @fei: its additional information
 * @why: in words
 */
struct nvme_tcp_fault {
	u16 fes;
	u32 fei;
	struct weft_reason why;
};

/**
 * nvme_tcp_fail() - fill in a fault
 * Return: -EPROTO, so that a check can read `return nvme_tcp_fail(f, ...);`.
 */
__printf(4, 5) int nvme_tcp_fail(struct nvme_tcp_fault *f, u16 fes, u32 fei,
				 const char *fmt, ...);

/* INVALID_HDR with the offset of @field, a name of a @type of tcp.h */
#define nvme_tcp_fail_field(f, type, field, ...)			\
	nvme_tcp_fail(f, NVME_TCP_FES_INVALID_HDR, offsetof(type, field),	\
		      __VA_ARGS__)

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
	NVME_TCP_RX_END,	/* the PDU is complete; the only event of one without data */
	NVME_TCP_RX_BAD_DDGST,	/* complete, but its payload is damaged */
	NVME_TCP_RX_FAULT,	/* rx->fault says what; answer with a TermReq */
};

/**
 * struct nvme_tcp_rx - receiver of one direction
 * @role: who receives: decides which PDU types are accepted
 * @hdgst: @ddgst: negotiated; false until then
 * @pda: alignment of data in received PDUs, bytes, 4-128
 * @max_data: longest payload of H2CData or C2HData; beyond is a fault
 * @max_capsule: longest in-capsule data; the owner may change it between PDUs
 *               (the kind of a queue is known only after its Connect)
 * @pdu: the current PDU's header as it came; stable from NVME_TCP_RX_PDU /
 *       _END until the next header byte is given
 * @data_len: @data_left: payload bytes of the current PDU, and still to come
 * @pdus: complete PDUs so far
 *
 * A TermReq ends the stream: after its header (event NVME_TCP_RX_END) nothing
 * is read, the header that it quotes neither.
 */
struct nvme_tcp_rx {
	enum nvme_tcp_role role;
	bool hdgst;
	bool ddgst;
	u8 pda;
	u32 max_data;
	u32 max_capsule;
	union nvme_tcp_pdu pdu;
	u32 data_len;
	u32 data_left;
	u64 pdus;
	struct nvme_tcp_fault fault;
	/* the receiver's own from here */
	u8 state;
	u8 phase;
	u8 digest_got;
	u8 digest[NVME_TCP_DIGEST_LEN];
	u16 got;	/* bytes of header, its digest and padding */
	u16 until;	/* where the next check of them is due */
	u32 crc;
};

/** nvme_tcp_rx_init() - a new connection: only ICReq / ICResp is accepted */
void nvme_tcp_rx_init(struct nvme_tcp_rx *rx, enum nvme_tcp_role role);

/**
 * nvme_tcp_rx_negotiated() - ICReq and ICResp have been exchanged
 * @dgst: NVME_TCP_DGST_* in force
 * @pda: alignment of data that is received as on the wire (0-based dwords):
 *       our HPDA (host), our CPDA (controller)
 * @max_data: longest payload accepted in one PDU, bytes: MAXH2CDATA for a
 *            controller, the longest transfer for a host; max_capsule is set
 *            to it too
 * To be called between the end of the ICReq / ICResp and the next byte.
 */
void nvme_tcp_rx_negotiated(struct nvme_tcp_rx *rx, u8 dgst, u8 pda,
			    u32 max_data);

/** nvme_tcp_rx_want() - what comes next, and how many bytes of it, in *@n */
enum nvme_tcp_rx_want nvme_tcp_rx_want(const struct nvme_tcp_rx *rx, u32 *n);

/**
 * nvme_tcp_rx_hdr() - give header bytes
 * @len: any number: takes at most one PDU's header
 * Checks type (against role and phase), flags, HLEN, PDO, PLEN, header digest
 * and the type's own fields as far as they can be checked without a command;
 * padding is ignored. With a header digest, nothing but type and HLEN is
 * believed before it is checked.
 * Return: bytes taken; *@ev says what that led to.
 */
u32 nvme_tcp_rx_hdr(struct nvme_tcp_rx *rx, const void *p, u32 len,
		    enum nvme_tcp_rx_event *ev);

/**
 * nvme_tcp_rx_data() - payload bytes have been moved to their place
 * @p: where they are now, for the digest; NULL: not digested (none negotiated,
 *     or the owner calls nvme_tcp_rx_crc() itself, piece by piece)
 * @len: at most what nvme_tcp_rx_want() told; more is a fault
 */
void nvme_tcp_rx_data(struct nvme_tcp_rx *rx, const void *p, u32 len,
		      enum nvme_tcp_rx_event *ev);

/** nvme_tcp_rx_crc() - digest a piece of payload, in order of the stream */
void nvme_tcp_rx_crc(struct nvme_tcp_rx *rx, const void *p, u32 len);

/** nvme_tcp_rx_ddgst() - give bytes of the data digest; returns bytes taken */
u32 nvme_tcp_rx_ddgst(struct nvme_tcp_rx *rx, const void *p, u32 len,
		      enum nvme_tcp_rx_event *ev);

/**
 * nvme_tcp_rx_term() - the TermReq that @f, a fault of the current PDU, demands
 * @f: &rx->fault, or what a check of nvme_tcp_conn.h has found
 * @out: NVME_TCP_HDR_ROOM bytes
 * As nvme_tcp_term_encode() with what came of the current header; the owner
 * sends it, stops reading and closes.
 * Return: bytes to send; 0: nothing is sent.
 */
u32 nvme_tcp_rx_term(const struct nvme_tcp_rx *rx,
		     const struct nvme_tcp_fault *f, void *out);

/**
 * struct nvme_tcp_tx - how PDUs of one direction are laid out
 * @pda: alignment of data that is sent, bytes, 4-128
 */
struct nvme_tcp_tx {
	bool hdgst;
	bool ddgst;
	u8 pda;
};

/**
 * nvme_tcp_tx_init() - layout of what is sent
 * @dgst: NVME_TCP_DGST_* in force; 0 until ICReq and ICResp are exchanged
 * @pda: the other end's CPDA (host) or HPDA (controller), 0-based dwords
 */
void nvme_tcp_tx_init(struct nvme_tcp_tx *tx, u8 dgst, u8 pda);

/* Room for any header with header digest and padding, and for any TermReq */
#define NVME_TCP_HDR_ROOM	256

/**
 * nvme_tcp_tx_finish() - complete a header that is about to be sent
 * @pdu: type and type-specific fields are set; LAST and SUCCESS flags too
 * @data_len: payload that will follow
 * Sets HLEN, PDO, PLEN and digest flags; writes header digest and padding
 * behind the header, where @pdu must have room: NVME_TCP_HDR_ROOM bytes.
 * Return: bytes to send before the payload.
 */
u32 nvme_tcp_tx_finish(const struct nvme_tcp_tx *tx, void *pdu, u32 data_len);

/* Data digest: start with NVME_TCP_CRC_INIT, feed pieces, finish for the wire */
#define NVME_TCP_CRC_INIT	0xffffffffu
static inline u32 nvme_tcp_crc(u32 crc, const void *p, size_t len)
{
	return weft_crc32c(crc, p, len);
}

static inline __le32 nvme_tcp_crc_finish(u32 crc)
{
	return cpu_to_le32(~crc);
}

/**
 * nvme_tcp_term_encode() - a TermReq of @role for @f
 * @hdr: the offending PDU's header, @hdr_len bytes of it that came; at most
 *       NVME_TCP_TERM_DATA_MAX are quoted
 * @out: NVME_TCP_HDR_ROOM bytes
 * Return: bytes to send, 0 if @f demands none. Termination requests carry no
 * digests.
 */
u32 nvme_tcp_term_encode(enum nvme_tcp_role role,
			 const struct nvme_tcp_fault *f, const void *hdr,
			 u32 hdr_len, void *out);

/** nvme_tcp_fes_name() - a fatal error status in words, never NULL */
const char *nvme_tcp_fes_name(u16 fes);

#endif
