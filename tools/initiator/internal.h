/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Inside the initiator: queues and their request slots, the controller, and
 * the table of operations that a transport implements.
 *
 * A slot is a command identifier. It belongs to the queue's thread, is taken
 * by ini_submit() and given back by ini_req_complete(). queue.c knows no
 * transport; a transport never calls the user.
 */
#ifndef WEFT_TOOLS_INITIATOR_INTERNAL_H
#define WEFT_TOOLS_INITIATOR_INTERNAL_H

#include <stdlib.h>
#include <sys/queue.h>

#include "tools/initiator/initiator.h"

#define INI_CID_SLOT_BITS	10	/* WEFT_QUEUE_SIZE_MAX slots */
#define INI_CID_SLOT_MASK	((1u << INI_CID_SLOT_BITS) - 1)
#define INI_MEMORY_MAX		16
#define INI_IOV_MAX		1024

#ifndef container_of
#define container_of(p, type, member) \
	((type *)((char *)(p) - offsetof(type, member)))
#endif

/**
 * struct ini_req - one slot; the transport's own part is around it
 * @cmd: with CID; the transport sets the SGL
 * @iov: @iovcnt: @len: @dir: its data
 * @deadline: ns, 0 until the next poll; slots in flight are queued by it,
 *            because all have one timeout
 * @busy: in flight
 * @generation: upper bits of the next CID, so that late answers are noticed
 */
struct ini_req {
	union nvme_cmd cmd;
	const struct iovec *iov;
	int iovcnt;
	struct iovec one;
	u32 len;
	enum nvme_xfer_dir dir;
	bool busy;
	u8 generation;
	u16 slot;
	u64 deadline;
	ini_done done;
	void *ctx;
	TAILQ_ENTRY(ini_req) link;
};
TAILQ_HEAD(ini_reqs, ini_req);

struct ini_memory {
	void *base;
	size_t len;
	void *key;		/* the transport's registration */
};

/**
 * struct ini_queue - one connection
 * @ops: @transport: the transport and its part of this queue
 * @up: the transport is connected; Connect is next or done
 * @sqsize: entries, 1-based; @depth: commands that may be outstanding
 * @inline_room: bytes of data that fit a capsule; @icdoff: where, bytes
 * @now: of the last poll
 * @connect_by: ns, while connecting
 * @free: stack of slots, @nfree of them
 * @failed: @reason: @error: the connection has ended; set once until reconnect
 */
struct ini_queue {
	struct ini_ctrlr *ctrlr;
	const struct ini_transport_ops *ops;
	void *transport;
	u16 qid;
	u32 sqsize;
	u32 depth;
	u32 inline_room;
	u32 icdoff;
	enum ini_state state;
	bool up;
	bool failed;
	int error;
	struct weft_reason reason;
	u64 now;
	u64 connect_by;
	u8 *slots;
	u32 nslots;
	u16 *free;
	u32 nfree;
	u32 outstanding;
	struct ini_reqs flying;
	struct ini_memory memory[INI_MEMORY_MAX];
	unsigned int nmemory;
	struct nvmf_connect_data *connect_data;
	u32 work;
	struct ini_stats stats;
};

/**
 * struct ini_transport_ops - what a transport implements
 * @required: @allowed: bits of connect options beyond the common ones
 * @req_size: bytes of its slot, which begins with struct ini_req
 * @keyed: its SGLs are keyed
 * @max_data: bytes of one command that they can name
 * @open: allocate for q->nslots slots and begin to connect
 * @poll: receive, complete, make progress; calls ini_queue_up() when connected
 *        and ini_queue_fail() when it is over
 * @submit: a slot's command is to be sent; may fail the queue
 * @flush: send what there is
 * @close: let go of the connection and of all memory of requests. Idempotent
 * @fds: @arm: as ini_queue_fds(), ini_queue_arm()
 * @add_memory: register, now or when there is a device; @close takes it back;
 *              NULL: nothing to do
 */
struct ini_transport_ops {
	const char *name;
	u32 required;
	u32 allowed;
	size_t req_size;
	bool keyed;
	u32 max_data;
	int (*open)(struct ini_queue *q, struct weft_reason *why);
	void (*poll)(struct ini_queue *q);
	void (*submit)(struct ini_queue *q, struct ini_req *r);
	void (*flush)(struct ini_queue *q);
	void (*close)(struct ini_queue *q);
	int (*fds)(const struct ini_queue *q, struct ini_fd fds[INI_FDS_MAX]);
	bool (*arm)(struct ini_queue *q);
	int (*add_memory)(struct ini_queue *q, struct ini_memory *m,
			  struct weft_reason *why);
};

extern const struct ini_transport_ops ini_tcp_ops;
extern const struct ini_transport_ops ini_rdma_ops;

/** ini_transport() - by name of a connect string, or NULL */
const struct ini_transport_ops *ini_transport(const char *name);

/**
 * struct ini_ctrlr - a controller; its thread is that of the admin queue
 * @step: index of the set-up or shutdown step that runs (setup.c)
 * @busy: a step's command is in flight; @at: it is not sent before then, ns
 * @pause_ms: between two looks at what is not ready yet
 * @ka_at: when the next Keep Alive is due; @ka_busy: one is in flight
 */
struct ini_ctrlr {
	struct ini_opts opts;
	const struct ini_transport_ops *ops;
	struct ini_queue *admin;
	enum ini_state state;
	int error;
	struct weft_reason reason;
	unsigned int step;
	bool closing;
	bool busy;
	u64 at;
	u64 ready_by;
	u32 pause_ms;
	u64 cap;
	u32 crto;
	u32 vs;
	u16 cntlid;
	bool discovery;
	struct nvme_ctrl_info info;
	u8 *data;
	u32 io_queues;
	u64 ka_at;
	bool ka_busy;
	u32 aers;
	u64 now;
	u32 work;
};

/* queue.c */

/** ini_queue_new() - a queue of @size entries that begins to connect */
int ini_queue_new(struct ini_ctrlr *c, u16 qid, u32 size,
		  struct ini_queue **out, struct weft_reason *why);
/** ini_queue_up() - the transport is connected: Connect may be sent */
void ini_queue_up(struct ini_queue *q);
/**
 * ini_queue_fail() - the connection is over, for this reason
 * @err: negative errno
 * The first reason stays. Commands end, and the transport is closed, at the end
 * of the poll: never inside a transport's own functions.
 */
__printf(3, 4) void ini_queue_fail(struct ini_queue *q, int err,
				   const char *fmt, ...);
/** ini_queue_close() - the connection ends now, and every command */
void ini_queue_close(struct ini_queue *q, enum ini_state state);
/** ini_req_of() - the slot that @cid names, or NULL if it is not in flight */
struct ini_req *ini_req_of(struct ini_queue *q, u16 cid);
/** ini_req_at() - slot @i */
struct ini_req *ini_req_at(const struct ini_queue *q, u32 i);
/** ini_req_complete() - give the slot back and tell the user */
void ini_req_complete(struct ini_queue *q, struct ini_req *r,
		      nvme_status status, u64 result);
/** ini_req_name() - "Read", "Connect": for reasons */
const char *ini_req_name(const struct ini_queue *q, const struct ini_req *r);

/* data.c: a request's memory as bytes */

/**
 * ini_slice() - pieces of bytes [@off, @off + @len) of @r's data
 * @out: @max pieces at most
 * @got: bytes that the pieces cover: less than @len if @max was too few
 * Return: number of pieces.
 */
int ini_slice(const struct ini_req *r, u32 off, u32 len, struct iovec *out,
	      int max, u32 *got);
/** ini_copy_in() / ini_copy_out() - to and from a request's data */
void ini_copy_in(const struct ini_req *r, u32 off, const void *from, u32 len);
void ini_copy_out(const struct ini_req *r, u32 off, void *to, u32 len);

/* setup.c */

/** ini_setup_poll() - next step of connecting or shutting down, if it is due */
void ini_setup_poll(struct ini_ctrlr *c);
/** ini_setup_start() - from the first step */
void ini_setup_start(struct ini_ctrlr *c, bool closing);
/** ini_connect_queue() - send the Connect command of an open queue */
int ini_connect_queue(struct ini_queue *q, ini_done done, void *ctx);
/** ini_connect_done() - judge its answer; fails the queue; true: connected */
bool ini_connect_done(struct ini_queue *q, nvme_status status, u64 result);
/** ini_ctrlr_fail() - controller failed */
__printf(3, 4) void ini_ctrlr_fail(struct ini_ctrlr *c, int err,
				   const char *fmt, ...);

#endif
