/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The TCP transport's own structures; shared by the files of this folder.
 *
 *   transport.c  life, options, the table of operations
 *   listen.c     listening addresses, accepting
 *   hello.c      a connection's first bytes, up to its first command
 *   conn.c       connections: set-up on their reactor and the way down
 *   group.c      a reactor's part: what its poller does, buffers
 *   limits.c     time limits
 *   memory.c     who waits for memory
 *   rx.c         from the socket to PDUs
 *   sink.c       where their payload belongs
 *   pdu.c        what a received PDU means
 *   request.c    a command's way through data, execution and response
 *   tx.c         what is to be sent, one sendmsg per turn
 *   stats.c      counters as text
 *
 * A connection is born on the control reactor, which exchanges ICReq and ICResp
 * and reads the header of the first command: the Connect that tells which kind
 * of queue it will be and how deep. Only then is its poll group chosen, and the
 * connection moves there, once and for good. nvmf hears of it there.
 *
 * Nothing is ever torn down within a call from the socket or from nvmf: a
 * connection that is to end is put on its group's list, and the group's poller
 * takes it down.
 */
#ifndef WEFT_TARGET_TRANSPORT_TCP_TCP_H
#define WEFT_TARGET_TRANSPORT_TCP_TCP_H

#include "common/tcp_conn.h"
#include "target/nvmf/transport.h"
#include "target/transport/pool.h"

/* Receive buffer of a reactor: many small PDUs come with one recv */
#define TCP_RX_BUF		(256u * 1024)
/* ... of which this much is used when large payloads are expected */
#define TCP_RX_SMALL		1024u
/*
 * A payload from this on is large: it is received in place rather than copied
 * there, unless no more than TCP_DIRECT_MIN of it is still to come. Below it
 * the copy costs less than the call of its own that it saves.
 */
#define TCP_LARGE		(16u * 1024)
#define TCP_DIRECT_MIN		4096u
/* Bytes taken from one socket before others get their turn */
#define TCP_RX_BUDGET		(512u * 1024)
/* So much for a block of which a part has come, and so many are kept for reuse */
#define TCP_SPARE_BLOCK		4096u
#define TCP_SPARE_BLOCKS	16
/* Pieces of one sendmsg */
#define TCP_TX_IOV		1024
/* A connection has this long for ICReq and for Connect's header */
#define TCP_HELLO_US		(10 * 1000 * 1000)
/* Connections whose first bytes are awaited */
#define TCP_HELLOS_MAX		1024
/* With so many, who has been there for this long makes room for others */
#define TCP_HELLO_MIN_US	(1000 * 1000)
/* A termination request has this long to leave, and its peer to read it */
#define TCP_TERM_US		(1000 * 1000)
/* A full R2T, if the host takes several at a time */
#define TCP_R2T_PIECE		(128u * 1024)

struct tcp_transport;
struct tcp_conn;
struct tcp_group;

/**
 * struct tcp_stats - plain counters, of a connection and of a group
 * @copied_bytes: payload that came with headers and was copied to its place
 * @direct_bytes: payload that the kernel put there
 */
struct tcp_stats {
	u64 wakeups;
	u64 recv_calls;
	u64 recv_bytes;
	u64 recv_pdus;
	u64 copied_bytes;
	u64 direct_bytes;
	u64 send_calls;
	u64 send_bytes;
	u64 send_pdus;
	u64 send_full;
	u64 r2ts;
	u64 requests;
	u64 wait_buffer;
	u64 wait_share;
	u64 digest_errors;
	u64 faults;
	u64 stalled;
};

/** struct tcp_listener - an address; control reactor */
struct tcp_listener {
	struct tcp_transport *t;
	struct nvmf_trid trid;
	int fd;
	struct fd_source *src;
	struct poller *pause;
	TAILQ_ENTRY(tcp_listener) link;
};

TAILQ_HEAD(tcp_conns, tcp_conn);
TAILQ_HEAD(tcp_requests, tcp_request);

/**
 * struct tcp_transport - control reactor
 * @hellos: connections that have not moved to their reactor yet
 * @tick: watches their time while there are any
 * @max_fd: descriptors from here on are left to the rest of the process
 */
struct tcp_transport {
	struct nvmf_transport base;
	TAILQ_HEAD(, tcp_listener) listeners;
	struct tcp_conns hellos;
	u32 nhellos;
	struct poller *tick;
	u32 max_fd;
};

/**
 * struct tcp_linger - a socket whose connection has ended with a TermReq
 * Stays open for a while, so that the peer can read it; all that still comes is
 * dropped.
 */
struct tcp_linger {
	struct tcp_group *g;
	int fd;
	struct fd_source *src;
	u64 until_us;
	TAILQ_ENTRY(tcp_linger) link;
};

/**
 * struct tcp_group - one reactor's poll group
 * @conns: all that live here
 * @turn: those whose @todo is not empty, for the poller
 * @tick: watches time limits while there are any; @ticked_us: when it looked last
 * @retry: timer that tries again when memory was short; @untimed: there was none
 *         for it, @unwatched: nor for @tick
 * @spares: memory for blocks of which a part has come
 * @short_of: requests that wait for memory
 * @buf: TCP_RX_BUF bytes, used within one call only; NULL while there is no
 *       memory for another one, as a connection has kept it
 */
struct tcp_group {
	struct nvmf_group *base;
	struct tcp_transport *t;
	struct poller *poller;
	struct poller *tick;
	u64 ticked_us;
	struct poller *retry;
	struct pool pool;
	u8 *buf;
	bool untimed;
	bool unwatched;
	void *spares[TCP_SPARE_BLOCKS];
	u32 nspares;
	u32 nconns;
	struct tcp_conns conns;
	struct tcp_conns turn;
	struct tcp_requests short_of;
	TAILQ_HEAD(, tcp_linger) lingers;
	struct tcp_stats stats;
	struct iovec iov[TCP_TX_IOV];
};

/**
 * enum tcp_req_state - who has a request and what it waits for
 */
enum tcp_req_state {
	TCP_REQ_FREE,		/* on the connection's free list */
	TCP_REQ_NVMF,		/* nvmf or a bdev has it */
	TCP_REQ_BUFFER,		/* waits for buffers */
	TCP_REQ_CAPSULE,	/* its data comes with its capsule */
	TCP_REQ_R2T,		/* its data comes as R2Ts ask for it */
	TCP_REQ_HELD,		/* ended, but the rest of its capsule comes first */
	TCP_REQ_SEND,		/* response is queued */
};

/**
 * enum tcp_wait - what a request without a place for its data waits for
 */
enum tcp_wait {
	TCP_WAIT_POOL,		/* buffers */
	TCP_WAIT_MEMORY,	/* memory: on the group's list */
};

/**
 * struct tcp_request - a command
 * @one: base.iov while there is one piece
 * @own: in-capsule data when the pool was empty; of one in RAM, a block that is
 *       there in part: on its way in (sink.c), or out (tx.c)
 * @fetch: R2Ts and what came for them
 * @damaged: a data digest of it was wrong
 * @queued: on the connection's list of what is to be sent
 * @wait: in TCP_REQ_BUFFER: where it waits
 * @begun_us: what its host has to move on has begun: in TCP_REQ_SEND a time, else
 *            of its connection's @reading_us; @stuck_us: that then
 * @moved_us: in TCP_REQ_R2T: @reading_us when data of it came last, or an R2T was
 *            due; @promised: bytes that R2Ts will have brought by the time that
 *            all is here that was asked for then
 * @built: what is first in it to be sent is in @hdr
 * @index: its place among its connection's
 * @hdr_len: @rsp_len: bytes in @hdr; 0: no such PDU
 * @ddgst: digest behind the data
 * @hdr: room for the header of C2HData or R2T, and for a response's
 */
struct tcp_request {
	struct nvmf_request base;
	struct tcp_conn *c;
	enum tcp_req_state state;
	bool damaged;
	bool queued;
	bool built;
	u8 hdr_len;
	u8 rsp_len;
	u16 index;
	__le32 ddgst;
	u32 tx_len;
	union nvme_cmd cmd;
	struct iovec one;
	struct pool_user buf;
	enum tcp_wait wait;
	void *own;
	struct nvme_tcp_fetch fetch;
	u64 begun_us;
	u64 stuck_us;
	u64 moved_us;
	u64 promised;
	TAILQ_ENTRY(tcp_request) link;
	TAILQ_ENTRY(tcp_request) fetch_link;
	u8 hdr[];
};

/**
 * struct tcp_sink - where the next bytes of payload belong
 * @skip: dropped first; @left: then these go to @iov, from @offset of its
 *        first piece on; what comes after that is dropped too
 * @block: they are RAM that others read: only so many bytes at once; 0: not
 */
struct tcp_sink {
	u32 skip;
	u32 left;
	u32 block;
	const struct iovec *iov;
	size_t offset;
};

/* On to the piece that @offset is in */
static inline void tcp_sink_seek(struct tcp_sink *s)
{
	while (s->left && s->offset >= s->iov->iov_len) {
		s->offset -= s->iov->iov_len;
		s->iov++;
	}
}

enum tcp_conn_state {
	TCP_CONN_HELLO,		/* the control reactor's */
	TCP_CONN_LIVE,
	TCP_CONN_CLOSING,	/* is to be taken down; nothing is read */
	TCP_CONN_GONE,		/* nvmf is told */
};

/**
 * struct tcp_pace - something that the host has to move on
 * @on: there is something; @bytes: moved at @since_us, when they were enough
 */
struct tcp_pace {
	bool on;
	u64 bytes;
	u64 since_us;
};

/* What the group's poller is to do with a connection */
#define TCP_TODO_RESUME	0x1	/* read on */
#define TCP_TODO_CLOSE	0x2	/* the next step down; it is not live */
#define TCP_TODO_FLUSH	0x4	/* send */

/**
 * struct tcp_conn - one connection
 *
 * The control reactor's in TCP_CONN_HELLO, then its own reactor's. @link is of
 * the hellos, then of the group's conns.
 *
 * @first: what the first command's header led to
 * @events: that its descriptor is watched for
 * @stuck: the socket is full; @blocked: the next payload has no place yet;
 * @starved: waits for memory before it goes on with its socket
 * @large: PDUs until small payloads are taken for the rule again
 * @todo: TCP_TODO_*; when it is not 0, the connection is on the group's list
 * @fetches: requests whose data comes as R2Ts ask for it, in their order;
 * @nlarge: of them those with much of it
 * @fetched: bytes that R2Ts have brought; @owed: that they have still to bring
 * @share: of the group's buffers
 * @hdr_room: bytes of tcp_request.hdr up to the response's header
 * @reqs: @nreqs requests, @req_size bytes each, of which the first @nused have
 *        ever been used: pages of the others are not there yet
 * @tx_skip: bytes of the first request in @txq that were sent
 * @rx_req: whose payload comes, or NULL: it is dropped
 * @stash: bytes received, but not to be looked at before there is a place
 * @term: a termination request on its way, @term_off of it sent
 * @since_us: hello: begin; CLOSING: since when
 * @reading_us: how long limits.c has seen it be read, of which @seen_calls tells;
 * @stuck_us: not be read, as its host did not take what was sent
 * @sending: what the socket has no room for; @receiving: the rest of a PDU;
 * @fetching: what R2Ts bring
 */
struct tcp_conn {
	struct nvmf_qpair base;
	struct tcp_transport *t;
	struct tcp_group *g;
	int fd;
	struct fd_source *src;
	u32 events;
	enum tcp_conn_state state;
	enum nvme_tcp_rx_event first;
	bool stuck;
	bool blocked;
	bool starved;
	bool broken;
	u8 large;
	u8 todo;
	u16 hdr_room;
	u32 nreqs;
	u32 nused;
	u32 req_size;
	struct tcp_requests fetches;
	u64 fetched;
	u64 owed;
	u32 nlarge;
	u32 maxr2t;
	u8 *reqs;
	TAILQ_HEAD(, tcp_request) free;
	struct tcp_requests txq;
	struct pool_share share;
	u32 tx_skip;
	struct nvme_tcp_tx tx;
	struct nvme_tcp_rx rx;
	struct tcp_request *rx_req;
	struct tcp_sink sink;
	u8 *stash;
	u32 stash_off;
	u32 stash_len;
	u8 *term;
	u32 term_len;
	u32 term_off;
	u64 since_us;
	u64 reading_us;
	u64 stuck_us;
	u64 seen_calls;
	struct tcp_pace sending;
	struct tcp_pace receiving;
	struct tcp_pace fetching;
	struct tcp_stats stats;
	TAILQ_ENTRY(tcp_conn) link;
	TAILQ_ENTRY(tcp_conn) turn_link;
};

/* Both counts of something that happened to a connection */
#define TCP_COUNT(c, member, n) \
	((c)->stats.member += (n), (c)->g->stats.member += (n))

static inline struct tcp_transport *to_transport(struct nvmf_transport *t)
{
	return (struct tcp_transport *)((char *)t -
		offsetof(struct tcp_transport, base));
}

static inline struct tcp_conn *to_conn(struct nvmf_qpair *q)
{
	return (struct tcp_conn *)((char *)q - offsetof(struct tcp_conn, base));
}

static inline struct tcp_request *to_request(struct nvmf_request *r)
{
	return (struct tcp_request *)((char *)r -
		offsetof(struct tcp_request, base));
}

/* listen.c; control reactor */

int tcp_listen(struct nvmf_transport *t, const struct nvmf_trid *trid,
	       struct weft_reason *why);
/** tcp_stop_listen() - and drop who came there and is not set up yet */
void tcp_stop_listen(struct nvmf_transport *t, const struct nvmf_trid *trid);
void tcp_listeners_free(struct tcp_transport *t);

/* hello.c; control reactor */

/**
 * tcp_hello_start() - takes over @fd; closes it if that fails
 * @peer: @port: where from, text; @local: the address of this end, or ""
 */
void tcp_hello_start(struct tcp_listener *l, int fd, const char *peer,
		     const char *port, const char *local);
/** tcp_hello_room() - may one more come? Perhaps another one goes for it */
bool tcp_hello_room(const struct tcp_transport *t);
/** tcp_hello_yield() - end who has been silent longest, if for long enough */
bool tcp_hello_yield(struct tcp_transport *t);
/** tcp_hello_drop() - end those that came to @trid; all, if it is NULL */
void tcp_hello_drop(struct tcp_transport *t, const struct nvmf_trid *trid);

/* conn.c; the connection's reactor */

/** tcp_conn_start() - message: first call there */
void tcp_conn_start(void *conn);
/** tcp_conn_close() - is to be taken down; idempotent */
void tcp_conn_close(struct tcp_conn *c);
/** tcp_conn_fault() - the peer has broken the protocol: TermReq, then close */
void tcp_conn_fault(struct tcp_conn *c, const struct nvme_tcp_fault *f);
/** tcp_conn_break() - the connection broke by itself */
void tcp_conn_break(struct tcp_conn *c, const char *what, int err);
/** tcp_conn_advance() - of one on the closing list: next step */
void tcp_conn_advance(struct tcp_conn *c);
/** tcp_conn_watch() - watch the descriptor for what it can do now */
void tcp_conn_watch(struct tcp_conn *c);
/**
 * tcp_conn_resize() - requests for a queue of @entries
 * Nothing happens if there are as many, or some are in use.
 */
int tcp_conn_resize(struct tcp_conn *c, u32 entries);
/** tcp_conn_take() - a free request, or NULL */
struct tcp_request *tcp_conn_take(struct tcp_conn *c);
void tcp_qpair_disconnect(struct nvmf_qpair *q);
void tcp_qpair_free(struct nvmf_qpair *q);

static inline struct tcp_request *tcp_conn_request(const struct tcp_conn *c,
						   u32 index)
{
	return (struct tcp_request *)(c->reqs + (size_t)index * c->req_size);
}

static inline bool tcp_conn_live(const struct tcp_conn *c)
{
	return c->state == TCP_CONN_LIVE;
}

/* group.c; the group's reactor */

int tcp_group_create(struct nvmf_transport *t, struct nvmf_group *g);
void tcp_group_destroy(struct nvmf_transport *t, struct nvmf_group *g);
/** tcp_conn_todo() - TCP_TODO_*, by the group's poller */
void tcp_conn_todo(struct tcp_conn *c, u8 what);
/** tcp_conn_leave_turn() - nothing is to be done with it any more */
void tcp_conn_leave_turn(struct tcp_conn *c);

/* limits.c */

/** tcp_limits_watch() - there is something with a time limit */
void tcp_limits_watch(struct tcp_group *g);
/** tcp_limits_end() - no limits and no lingering sockets any more */
void tcp_limits_end(struct tcp_group *g);
/** tcp_limits_begin() - data of @r is to come from now on */
static inline void tcp_limits_begin(struct tcp_request *r)
{
	r->begun_us = r->c->reading_us;
	r->stuck_us = r->c->stuck_us;
}
/** tcp_linger() - keep @fd open until the peer has closed it or time is over */
void tcp_linger(struct tcp_group *g, int fd);

/* memory.c */

/** tcp_conn_starve() - @c goes on with its socket when memory may be there */
void tcp_conn_starve(struct tcp_conn *c);
/** tcp_request_starve() - @r is to get memory of its own later */
void tcp_request_starve(struct tcp_request *r);
/** tcp_memory_poll() - every turn. Return: 1: the reactor may not sleep; else 0 */
int tcp_memory_poll(struct tcp_group *g);
/** tcp_memory_short() - is an errno of a call about memory? */
static inline bool tcp_memory_short(int err)
{
	return err == ENOMEM || err == ENOBUFS;
}

/* rx.c */

/** tcp_rx_ready() - the socket has something */
void tcp_rx_ready(struct tcp_conn *c);
/** tcp_rx_resume() - go on where reading was blocked */
void tcp_rx_resume(struct tcp_conn *c);
/** tcp_rx_event() - what a header, or the end of a PDU, leads to */
void tcp_rx_event(struct tcp_conn *c, enum nvme_tcp_rx_event ev);

/* sink.c */

/** tcp_sink_advance() - @n bytes of payload are in place, or dropped */
void tcp_sink_advance(struct tcp_sink *s, u32 n);
/**
 * tcp_sink_put() - payload that has come to the reactor's buffer to its place
 * Return: bytes of @n that are there, or dropped; 0: memory is short.
 */
u32 tcp_sink_put(struct tcp_conn *c, const u8 *p, u32 n);
/**
 * tcp_sink_places() - for the kernel to put what is still to come
 * Return: pieces, of *@bytes in all. Of RAM no more than the socket has.
 */
int tcp_sink_places(struct tcp_conn *c, struct iovec *v, u32 *bytes);
/** tcp_block_put() - what a request has had for a @block of which a part was there */
void tcp_block_put(struct tcp_group *g, void *mem, u32 block);
/** tcp_blocks_free() - those that are kept for reuse */
void tcp_blocks_free(struct tcp_group *g);
/** tcp_sink_placed() - @n bytes have come to one of them; where they are now */
const u8 *tcp_sink_placed(struct tcp_conn *c, const u8 *at, u32 n);

/* pdu.c */

/** tcp_pdu_begin() - a header has come and is in order */
void tcp_pdu_begin(struct tcp_conn *c);
/** tcp_pdu_end() - the PDU is complete; @damaged: not as it was sent */
void tcp_pdu_end(struct tcp_conn *c, bool damaged);

/* request.c */

void tcp_req_get_data(struct nvmf_request *req);
bool tcp_req_abort(struct nvmf_request *req);
void tcp_req_complete(struct nvmf_request *req);
/** tcp_request_ready() - pool_user.ready */
void tcp_request_ready(struct pool_user *u);
/** tcp_request_feed() - one that waited for memory: try again */
void tcp_request_feed(struct tcp_request *r);
/** tcp_request_moved() - @n bytes that R2Ts of it have asked for are here */
void tcp_request_moved(struct tcp_request *r, u32 n);
/** tcp_request_filled() - all of its data has come */
void tcp_request_filled(struct tcp_request *r);
/** tcp_request_respond() - queue its response */
void tcp_request_respond(struct tcp_request *r);
/** tcp_request_finish() - through with it; its connection may be gone then */
void tcp_request_finish(struct tcp_request *r);
/** tcp_requests_end() - the connection is down: end what is ours */
void tcp_requests_end(struct tcp_conn *c);

/* tx.c */

/** tcp_tx_queue() - @r has something to send */
void tcp_tx_queue(struct tcp_request *r);
/** tcp_tx_unqueue() - it has nothing to send any more */
void tcp_tx_unqueue(struct tcp_request *r);
/** tcp_tx_flush() - send what there is, as far as the socket takes it */
void tcp_tx_flush(struct tcp_conn *c);
/** tcp_tx_drop() - forget all but what is under way */
void tcp_tx_drop(struct tcp_conn *c);
/** tcp_tx_idle() - nothing is left to be sent, TermReq included */
bool tcp_tx_idle(const struct tcp_conn *c);

/* stats.c */

void tcp_group_stats(struct nvmf_transport *t, struct nvmf_group *g,
		     struct weft_text *json);
void tcp_qpair_stats(struct nvmf_qpair *q, struct weft_text *json);

#endif
