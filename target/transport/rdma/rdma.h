/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The RDMA transport's own structures; shared by the files of this folder.
 *
 *   transport.c  life, options, the table of operations
 *   listen.c     listening addresses
 *   cm.c         events of the connection manager, admission
 *   device.c     devices: protection domains, regions, hot removal
 *   group.c      a reactor's part: completion queues, polling
 *   pool.c       a reactor's data buffers on one device
 *   limits.c     a time limit for what hosts have to move
 *   srq.c        receives, shared by queue pairs or not
 *   qpair.c      queue pairs: set-up and the way down
 *   request.c    a command's way through reads, execution and response
 *   post.c       pending chains of work requests, one doorbell per turn
 *   stats.c      counters as text
 *   plan.c       sizes and tables, free of verbs
 *
 * The control reactor owns transport, listeners, devices and each connection's
 * struct rdma_cm_id; a queue pair's own reactor owns everything else of it.
 * The two talk by messages. A connection ends in this order: queue pair into
 * the error state, all work requests flushed (or the time for that is over),
 * queue pair destroyed, completion queue read to its end; only then are buffers
 * given to others, and nvmf told. Hardware cannot write to freed memory then.
 */
#ifndef WEFT_TARGET_TRANSPORT_RDMA_RDMA_H
#define WEFT_TARGET_TRANSPORT_RDMA_RDMA_H

#include <errno.h>
#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>
#include <sys/epoll.h>

#include "target/nvmf/transport.h"
#include "target/transport/pool.h"
#include "target/transport/rdma/plan.h"

#define RDMA_MAX_DEVICES	32
#define RDMA_SLOT_ALIGN		64u
/* What a connection request can carry (RDMA_PS_TCP) */
#define RDMA_MAX_PRIVATE	196
/* As long as a host has for its first command after that (nvmf) */
#define RDMA_ACCEPT_US		(10 * 1000 * 1000)
/* After so long it makes room for others, if there are as many as may be */
#define RDMA_ACCEPT_MIN_US	(1000 * 1000)
/* A device that has not flushed by then is not waited for any longer */
#define RDMA_FLUSH_US		(5 * 1000 * 1000)
/* Not every device says that a queue pair has taken its last shared receive */
#define RDMA_LAST_RECV_US	(100 * 1000)

struct rdma_transport;
struct rdma_qpair;
struct rdma_gdev;

/** struct rdma_region - page-aligned memory with its registration */
struct rdma_region {
	void *base;
	size_t len;
	struct ibv_mr *mr;
};

/**
 * struct rdma_device - an RDMA device in use; control reactor
 * @index: its place in the tables of mapped memory
 * @access: of our regions, which remote ends never address
 * @can_invalidate: can send with invalidate
 * @removed: on its way out; what remains is taken down
 * @conns: connections that use it
 * @dead: connections that are down; they hold the device's context open, so
 *        they go last
 */
struct rdma_device {
	struct rdma_transport *t;
	struct ibv_context *verbs;
	struct ibv_pd *pd;
	struct ibv_device_attr attr;
	char name[IBV_SYSFS_NAME_MAX];
	unsigned int index;
	int access;
	bool can_invalidate;
	bool removed;
	unsigned int conns;
	struct fd_source *async;
	TAILQ_HEAD(, rdma_qpair) dead;
	TAILQ_ENTRY(rdma_device) link;
};

/**
 * struct rdma_memory - a bdev's RAM on all devices
 * @mr: by device index; NULL: not registered there, data is copied. Written by
 *      the control reactor while no request can use the entry
 */
struct rdma_memory {
	struct nvmf_memory *mem;
	struct ibv_mr *mr[RDMA_MAX_DEVICES];
	TAILQ_ENTRY(rdma_memory) link;
};

/* What the context of a connection manager's id points to */
enum rdma_ctx_kind { RDMA_CTX_LISTENER, RDMA_CTX_QPAIR };

/**
 * struct rdma_listener - an address; control reactor
 * @id: NULL while its device is away
 */
struct rdma_listener {
	enum rdma_ctx_kind kind;
	struct rdma_transport *t;
	struct nvmf_trid trid;
	struct rdma_cm_id *id;
	TAILQ_ENTRY(rdma_listener) link;
};

/**
 * struct rdma_transport - control reactor
 * @refs: one until destroy, one per connection
 * @pending: connections that are not established yet
 * @retry: looks again for devices of listeners that lost theirs
 * @resyncs: turns of @retry in which a pulled device is still looked after
 */
struct rdma_transport {
	struct nvmf_transport base;
	struct rdma_event_channel *cm;
	struct fd_source *cm_fd;
	struct poller *retry;
	unsigned int resyncs;
	unsigned int refs;
	unsigned int pending;
	struct rdma_device *by_index[RDMA_MAX_DEVICES];
	TAILQ_HEAD(, rdma_device) devices;
	TAILQ_HEAD(, rdma_listener) listeners;
	TAILQ_HEAD(, rdma_memory) memories;
	TAILQ_HEAD(rdma_conns, rdma_qpair) conns;
};

/** struct rdma_stats - plain counters of a reactor on one device */
struct rdma_stats {
	u64 polls;
	u64 idle_polls;
	u64 completions;
	u64 requests;
	u64 latency_us;
	u64 wait_request;
	u64 wait_buffer;
	u64 wait_share;
	u64 wait_read;
	u64 wait_write;
	u64 wait_send;
	u64 send_wrs;
	u64 send_doorbells;
	u64 recv_wrs;
	u64 recv_doorbells;
	u64 reads;
	u64 writes;
	u64 invalidates;
	u64 copies;
	u64 inline_sends;
	u64 wakeups;
	u64 forced;
	u64 stalled;
	u64 ungrown;
};

/* A chain of receives that are to be posted */
struct rdma_recv_chain {
	struct ibv_recv_wr *head;
	struct ibv_recv_wr **tail;
};

/**
 * struct rdma_srq - receives that the queue pairs of a struct rdma_cqs share
 * @size: most receives; @claimed: by queue pairs
 * @receives: there are, in @chunks; @posted: that the device has, or has told of
 *            by completions that are unread
 * @low: when fewer are posted there shall be more
 * @retry_us: not before then, as there was no memory; 0: there was
 * @chain: @chained receives that are not posted yet
 */
struct rdma_srq {
	struct rdma_gdev *gd;
	struct ibv_srq *srq;
	u32 size;
	u32 claimed;
	u32 receives;
	u32 chunks;
	u32 posted;
	u32 low;
	u64 retry_us;
	u32 chained;
	struct rdma_recv_chain chain;
	TAILQ_HEAD(, rdma_slab) slabs;
};

/**
 * struct rdma_cq - a completion queue
 * @size: entries
 * @armed: was asked to wake the reactor, and has not since
 * @events: how often it has, modulo 2^32
 * @emptied: how often it was seen empty; @read: completions read
 * @failed: the device says so: nothing will come; set by the control reactor
 */
struct rdma_cq {
	struct ibv_cq *cq;
	u32 size;
	bool armed;
	u64 emptied;
	u64 read;
	bool failed;
	unsigned int events;
};

/**
 * struct rdma_cqs - the completion queues of some queue pairs
 * @recv: of commands that arrive: it always wakes the reactor
 * @send: of data and responses: read with commands, and while it is awaited
 * @used: entries of @send that queue pairs have claimed, never more than there
 *        are, so it cannot overflow. Nor can @recv, which is as large: no queue
 *        pair has more receives than sends, and as many share receives
 * @srq: receives of the queue pairs; NULL: they have their own
 */
struct rdma_cqs {
	struct rdma_cq recv;
	struct rdma_cq send;
	u32 used;
	struct rdma_srq *srq;
	TAILQ_ENTRY(rdma_cqs) link;
};

/** struct rdma_mark - a moment in the life of a completion queue */
struct rdma_mark {
	u64 emptied;
	u64 read;
};

static inline struct rdma_mark rdma_mark(const struct rdma_cq *cq)
{
	return (struct rdma_mark){ cq->emptied, cq->read };
}

/*
 * Has all been read that was in @cq then? Under load it may never be seen empty,
 * but it holds no more than its size.
 */
static inline bool rdma_mark_passed(const struct rdma_cq *cq,
				    const struct rdma_mark *m)
{
	return cq->emptied != m->emptied || cq->read - m->read >= cq->size;
}

/* Buckets of queue pairs by number */
#define RDMA_NUMBERS	64

/**
 * struct rdma_gdev - one reactor's use of one device
 * @dev: NULL while no queue pair is here; counters stay
 * @channel: of all @cqs; @fd: NULL after the device was pulled
 * @armed: so many completion queues are
 * @numbers: queue pairs that share receives, by number
 * @awaiting: requests, and commands without one, that go on only when something
 *            completes that was sent
 * @wanted: somebody waits for buffers; as of the last tick
 */
struct rdma_gdev {
	struct rdma_group *g;
	struct rdma_device *dev;
	char name[IBV_SYSFS_NAME_MAX];
	unsigned int qpairs;
	struct ibv_comp_channel *channel;
	struct fd_source *fd;
	unsigned int armed;
	TAILQ_HEAD(, rdma_cqs) cqs;
	TAILQ_HEAD(rdma_numbers, rdma_qpair) numbers[RDMA_NUMBERS];
	struct pool pool;
	u32 awaiting;
	bool wanted;
	struct rdma_stats stats;
	TAILQ_ENTRY(rdma_gdev) link;
};

/* Room for work requests of one turn; a full one is posted early */
#define RDMA_SCRATCH_WRS	256

/**
 * struct rdma_group - one reactor's poll group
 * @tick: watches time limits while there are any
 * @sends_due: then what was sent is looked at, whoever waits for it
 * @flush: queue pairs with chains to post
 * @closing: queue pairs on their way down
 * @qpairs: all
 */
struct rdma_group {
	struct nvmf_group *base;
	struct rdma_transport *t;
	struct poller *poller;
	struct poller *tick;
	bool sends_due;
	TAILQ_HEAD(, rdma_gdev) gdevs;
	TAILQ_HEAD(, rdma_qpair) flush;
	TAILQ_HEAD(, rdma_qpair) closing;
	TAILQ_HEAD(, rdma_qpair) qpairs;
	unsigned int scratch_used;
	struct ibv_send_wr wrs[RDMA_SCRATCH_WRS];
	struct ibv_sge sges[RDMA_SCRATCH_WRS][RDMA_MAX_SGE];
};

/* What a completion's wr_id points to */
enum rdma_op_kind {
	RDMA_OP_RECV,
	RDMA_OP_QUIET,	/* unsignalled: tells of itself only when it fails */
	RDMA_OP_READ,	/* last READ of a batch */
	RDMA_OP_SEND,	/* response, and those right before it that are quiet */
};

/**
 * struct rdma_op - head of what a work request belongs to
 * @wrs: places of the send queue that its completion gives back
 * @reads: RDMA READs that it gives back
 * @q: NULL: a shared receive that nobody has taken
 */
struct rdma_op {
	enum rdma_op_kind kind;
	u32 wrs;
	u32 reads;
	struct rdma_qpair *q;
};

/**
 * struct rdma_recv - a slot for a command and its data
 * @srq: whose it is if it is shared
 */
struct rdma_recv {
	struct rdma_op op;
	struct rdma_srq *srq;
	u32 len;
	u8 *data;
	struct ibv_sge sge;
	struct ibv_recv_wr wr;
	TAILQ_ENTRY(rdma_recv) link;
};

/**
 * struct rdma_request - a command
 * @cmd: copied out of the slot, so that the slot is posted again before the
 *       response goes out
 * @wire: the response as it is sent, in registered memory
 * @recv: its slot; NULL after that was posted again
 * @one: base.iov while there is one piece
 * @buf: buffers that it holds or waits for
 * @moving_us: when a tick saw its data or its response on the way; 0: none has
 * @lkey: of base.iov when it is a bdev's RAM
 * @ram: data that must be copied to leave
 */
struct rdma_request {
	struct nvmf_request base;
	struct rdma_qpair *q;
	enum rdma_req_state state;
	struct rdma_op quiet_op;
	struct rdma_op read_op;
	struct rdma_op send_op;
	union nvme_cmd cmd;
	struct nvme_cqe *wire;
	struct rdma_recv *recv;
	struct rdma_xfer xfer;
	struct iovec ram;
	u32 lkey;
	u64 start_us;
	u64 moving_us;
	struct iovec one;
	struct pool_user buf;
	TAILQ_ENTRY(rdma_request) wait;
};

enum rdma_qpair_state {
	RDMA_QP_NEW,		/* being set up */
	RDMA_QP_ACCEPTING,	/* accepted, not yet established */
	RDMA_QP_LIVE,
	RDMA_QP_FLUSHING,	/* in the error state; completions come */
	RDMA_QP_SWEEPING,	/* destroyed; stale completions may be unread */
	RDMA_QP_GONE,		/* nvmf is told or never knew it */
	RDMA_QP_RELEASED,	/* its reactor is through with it */
};

/**
 * struct rdma_qpair - one connection
 *
 * Control reactor: id (creation and end), link, established, admitted. Set
 * there before its reactor hears of it: all down to @since_us. Its reactor:
 * all else. @group_link is the control reactor's again when it is released.
 *
 * @since_us: when its request came
 * @admitted: counted among the pending ones
 * @known: nvmf knows it
 * @chosen: counted by nvmf_group_choose() and not yet taken over by nvmf
 * @share: of its device's buffers
 * @signalled: posted work requests of the send queue that will complete
 * @quiet_us: none of them has since then; 0: one has since the last tick
 * @scan_us: when its requests were looked at last
 * @posted_recvs: receives of its own that are posted
 * @outstanding: commands that have come and are not answered
 * @srq: shared receives in place of a ring
 * @last_recv: no more of them will be taken; @recv_mark: when
 * @sweep: of both completion queues, when it was destroyed
 * @region: receive ring, if there is one, and responses
 * @idle_recvs: commands that wait for a free request
 * @send_wait: @read_wait: requests that wait for credits
 * @sent: requests whose response is posted or pending, in that order
 * @recv_chain: @send_head: pending chains
 * @response: the last one in the pending chain of sends, which will complete
 * @quiet: so many before it do not
 */
struct rdma_qpair {
	struct nvmf_qpair base;
	enum rdma_ctx_kind kind;
	struct rdma_transport *t;
	struct rdma_device *dev;
	struct rdma_cm_id *id;
	struct reactor *reactor;
	u16 qid;
	u16 wanted_depth;
	u8 peer_reads;
	u64 since_us;
	bool established;
	bool chosen;
	bool admitted;

	enum rdma_qpair_state state;
	bool known;
	bool in_flush;
	bool inline_send;
	struct rdma_group *g;
	struct rdma_gdev *gd;
	struct rdma_cqs *cqs;
	struct ibv_qp *qp;
	struct rdma_plan plan;
	struct rdma_credits credits;
	struct rdma_region region;
	struct rdma_recv *recvs;
	struct rdma_request *reqs;
	struct pool_share share;
	u32 signalled;
	u64 quiet_us;
	u64 scan_us;
	u32 posted_recvs;
	u32 outstanding;
	struct rdma_srq *srq;
	u32 number;
	bool numbered;
	bool last_recv;
	struct rdma_mark recv_mark;
	struct { struct rdma_mark recv, send; } sweep;
	struct poller *accept_timer;
	struct poller *flush_timer;
	struct poller *last_recv_timer;
	struct rdma_recv_chain recv_chain;
	struct ibv_send_wr *send_head;
	struct ibv_send_wr **send_tail;
	struct ibv_send_wr *response;
	u32 quiet;
	TAILQ_HEAD(, rdma_request) free;
	TAILQ_HEAD(, rdma_request) send_wait;
	TAILQ_HEAD(rdma_sent, rdma_request) sent;
	TAILQ_HEAD(rdma_requests, rdma_request) read_wait;
	TAILQ_HEAD(, rdma_recv) idle_recvs;
	TAILQ_ENTRY(rdma_qpair) flush_link;
	TAILQ_ENTRY(rdma_qpair) closing_link;
	TAILQ_ENTRY(rdma_qpair) number_link;
	TAILQ_ENTRY(rdma_qpair) group_link;
	TAILQ_ENTRY(rdma_qpair) link;
};

static inline struct rdma_transport *to_transport(struct nvmf_transport *t)
{
	return (struct rdma_transport *)((char *)t -
		offsetof(struct rdma_transport, base));
}

static inline struct rdma_qpair *to_qpair(struct nvmf_qpair *q)
{
	return (struct rdma_qpair *)((char *)q -
		offsetof(struct rdma_qpair, base));
}

static inline struct rdma_request *to_request(struct nvmf_request *r)
{
	return (struct rdma_request *)((char *)r -
		offsetof(struct rdma_request, base));
}

static inline struct rdma_recv *rdma_recv_of(struct rdma_op *op)
{
	return (struct rdma_recv *)((char *)op -
		offsetof(struct rdma_recv, op));
}

/* Bytes from one receive's slot to the next */
static inline u32 rdma_slot_size(const struct rdma_transport *t)
{
	u32 size = NVME_SQE_SIZE + t->base.opts.in_capsule_data_size;

	return (size + RDMA_SLOT_ALIGN - 1) & ~(RDMA_SLOT_ALIGN - 1);
}

static inline bool rdma_cqs_failed(const struct rdma_cqs *cqs)
{
	return __atomic_load_n(&cqs->recv.failed, __ATOMIC_RELAXED) ||
	       __atomic_load_n(&cqs->send.failed, __ATOMIC_RELAXED);
}

/*
 * After reading a device's descriptor failed: is that so for ever? One of a
 * device that was pulled stays ready and would keep the reactor awake.
 */
static inline bool rdma_fd_ended(u32 events)
{
	return events & (EPOLLERR | EPOLLHUP) || errno != EAGAIN;
}

/* transport.c */

/** rdma_transport_put() - the last one frees it; control reactor */
void rdma_transport_put(struct rdma_transport *t);

/* listen.c; control reactor */

int rdma_listen_at(struct nvmf_transport *t, const struct nvmf_trid *trid,
		   struct weft_reason *why);
void rdma_stop_listen(struct nvmf_transport *t, const struct nvmf_trid *trid);
/** rdma_listener_lost() - its device is gone; tries again later */
void rdma_listener_lost(struct rdma_listener *l);
/** rdma_device_gone() - a device was pulled: let the library close it */
void rdma_device_gone(struct rdma_transport *t);
void rdma_listeners_free(struct rdma_transport *t);

/* cm.c; control reactor */

/** rdma_cm_event_ready() - fd_fn of the event channel */
void rdma_cm_event_ready(void *ctx, u32 events);
/** rdma_conn_settled() - no longer one of the pending ones */
void rdma_conn_settled(struct rdma_qpair *q);
/** rdma_conn_free() - last step of a connection; @q is gone after it */
void rdma_conn_free(struct rdma_qpair *q);
/** rdma_reject_id() - refuse a connection request with @sts */
void rdma_reject_id(struct rdma_cm_id *id, u16 sts);

/* device.c */

/** rdma_device_get() - device of @verbs, counted; NULL with reason */
struct rdma_device *rdma_device_get(struct rdma_transport *t,
				    struct ibv_context *verbs,
				    struct weft_reason *why);
struct rdma_device *rdma_device_find(struct rdma_transport *t,
				     const struct ibv_context *verbs);
/**
 * rdma_device_put() - @q is through with its device
 * Frees @q, at once or, on a removed device, after everything else of it.
 */
void rdma_device_put(struct rdma_qpair *q);
/** rdma_device_removed() - it goes away; its connections are being closed */
void rdma_device_removed(struct rdma_device *dev);
void rdma_devices_free(struct rdma_transport *t);

int rdma_map_memory(struct nvmf_transport *t, struct nvmf_memory *m);
void rdma_unmap_memory(struct nvmf_transport *t, struct nvmf_memory *m);

/** rdma_region_alloc() - zeroed, registered memory; any reactor */
int rdma_region_alloc(struct rdma_device *dev, size_t len,
		      struct rdma_region *r, struct weft_reason *why);
/** rdma_region_unregister() - the memory stays */
void rdma_region_unregister(struct rdma_region *r);
void rdma_region_free(struct rdma_region *r);

/* group.c; the group's reactor */

int rdma_group_create(struct nvmf_transport *t, struct nvmf_group *g);
void rdma_group_destroy(struct nvmf_transport *t, struct nvmf_group *g);
/** rdma_gdev_get() - this reactor's use of @dev, counted; NULL with reason */
struct rdma_gdev *rdma_gdev_get(struct rdma_group *g, struct rdma_device *dev,
				struct weft_reason *why);
void rdma_gdev_put(struct rdma_gdev *gd);
/**
 * rdma_cqs_claim() - completion queues with room for a queue pair of plan @p
 * Their shared receives, if they have them, are claimed, too.
 */
struct rdma_cqs *rdma_cqs_claim(struct rdma_gdev *gd, const struct rdma_plan *p,
				struct weft_reason *why);
/** rdma_cqs_unclaim() - no completion of it will come any more */
void rdma_cqs_unclaim(struct rdma_cqs *cqs, const struct rdma_plan *p);

/* srq.c; the group's reactor */

/** rdma_recvs_init() - @n receives into the slots of @region */
void rdma_recvs_init(struct rdma_transport *t, struct rdma_recv *recvs, u32 n,
		     const struct rdma_region *region);
/** rdma_srq_new() - for at least @need; NULL: there shall or can be none */
struct rdma_srq *rdma_srq_new(struct rdma_gdev *gd, u32 need);
void rdma_srq_free(struct rdma_srq *s);
/** rdma_srq_claim() - @n for one queue pair, once they are needed */
int rdma_srq_claim(struct rdma_srq *s, u32 n, struct weft_reason *why);
void rdma_srq_unclaim(struct rdma_srq *s, u32 n);
/** rdma_srq_grow() - one chunk more if few are left: before a post */
void rdma_srq_grow(struct rdma_srq *s);
/** rdma_number_add() - completions of @q's number are @q's */
int rdma_number_add(struct rdma_qpair *q, struct weft_reason *why);
void rdma_number_remove(struct rdma_qpair *q);
/**
 * rdma_srq_taken() - the queue pair @num has taken the receive of @op
 * Return: that queue pair; NULL: it is gone, and the receive was given back.
 */
struct rdma_qpair *rdma_srq_taken(struct rdma_gdev *gd, struct rdma_op *op,
				  u32 num);

/* pool.c; the group's reactor */

void rdma_pool_init(struct rdma_gdev *gd,
		    const struct nvmf_transport_opts *opts);
/**
 * rdma_pool_take() - buffers for base.length bytes of @r
 * Return: as pool_take(); @r that waits gets rdma_request_buffered() called.
 */
int rdma_pool_take(struct rdma_gdev *gd, struct rdma_request *r);

/* limits.c; the group's reactor */

/** rdma_limits_start() - there is something with a time limit again */
void rdma_limits_start(struct rdma_group *g);

static inline void rdma_limits_watch(struct rdma_group *g)
{
	if (!g->tick)
		rdma_limits_start(g);
}

/* qpair.c; the queue pair's reactor */

/** rdma_qpair_setup() - message: first call on its reactor */
void rdma_qpair_setup(void *qpair);
/** rdma_qpair_established() - message, or upon the first command */
void rdma_qpair_established(void *qpair);
/** rdma_qpair_down() - message: the peer or the device is gone */
void rdma_qpair_down(void *qpair);
/** rdma_qpair_yield() - message: close it, if its host has not come yet */
void rdma_qpair_yield(void *qpair);
/** rdma_qpair_cq_failed() - message: a completion queue of its device has */
void rdma_qpair_cq_failed(void *qpair);
/** rdma_qpair_last_recv() - message: it takes no shared receive any more */
void rdma_qpair_last_recv(void *qpair);
/** rdma_qpair_close() - begin to take it down; idempotent */
void rdma_qpair_close(struct rdma_qpair *q);
/** rdma_qpair_advance() - of one that closes: next step, if it is time */
void rdma_qpair_advance(struct rdma_qpair *q);
void rdma_qpair_disconnect(struct nvmf_qpair *q);
void rdma_qpair_free(struct nvmf_qpair *q);
void rdma_group_abandon(struct rdma_group *g);

static inline bool rdma_qpair_usable(const struct rdma_qpair *q)
{
	return q->state == RDMA_QP_ACCEPTING || q->state == RDMA_QP_LIVE;
}

/* request.c; the queue pair's reactor */

void rdma_req_get_data(struct nvmf_request *req);
bool rdma_req_abort(struct nvmf_request *req);
void rdma_req_complete(struct nvmf_request *req);
/** rdma_request_buffered() - the pool has served @r */
void rdma_request_buffered(struct rdma_request *r);
void rdma_recv_done(struct rdma_recv *rv, u32 len);
void rdma_read_done(struct rdma_request *r);
void rdma_send_done(struct rdma_request *r);
/** rdma_qpair_pump() - credits came back: go on with who waits */
void rdma_qpair_pump(struct rdma_qpair *q);
/** rdma_requests_end() - the queue pair is destroyed: end what is ours */
void rdma_requests_end(struct rdma_qpair *q);

/* post.c; the group's reactor */

/** rdma_post_recv() - put @rv into the pending chain */
void rdma_post_recv(struct rdma_qpair *q, struct rdma_recv *rv);
/** rdma_return_recv() - its queue pair has no use for @rv: others may have */
void rdma_return_recv(struct rdma_recv *rv);
/** rdma_srq_give() - put @rv into the pending chain of @s */
void rdma_srq_give(struct rdma_srq *s, struct rdma_recv *rv);
/**
 * rdma_send_wr() - append a work request to the pending chain; cannot fail
 * @op: what its completion belongs to
 * @flags: IBV_SEND_*; places were taken from the credits before
 * The caller fills in the rest; sg_list has room for RDMA_MAX_SGE.
 */
struct ibv_send_wr *rdma_send_wr(struct rdma_qpair *q, struct rdma_op *op,
				 unsigned int flags);
/** rdma_flush() - post all pending chains: once per turn */
int rdma_flush(struct rdma_group *g);
/** rdma_unflush() - drop @q's pending chains */
void rdma_unflush(struct rdma_qpair *q);

/* stats.c */

void rdma_group_stats(struct nvmf_transport *t, struct nvmf_group *g,
		      struct weft_text *json);

#endif
