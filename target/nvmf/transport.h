/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Between the nvmf room and a transport. nvmf knows no transport: it parses
 * commands, keeps controllers and runs I/O; a transport accepts connections,
 * brings capsules, moves data and sends responses.
 *
 * A connection's qpair, requests and buffers belong to one reactor for life.
 * What runs on the control reactor instead is said so.
 *
 * A request's way:
 *   capsule arrives (over a stream: its first 64 bytes) ->
 *   nvmf_request_start(): every check that needs no data
 *   -> ops->req_get_data() if data must come or a buffer is needed
 *   -> nvmf_request_execute() -> (bdev) -> ops->req_complete(): data out if
 *   the status is success, response, then nvmf_request_done().
 */
#ifndef WEFT_TARGET_NVMF_TRANSPORT_H
#define WEFT_TARGET_NVMF_TRANSPORT_H

#include "common/discovery.h"
#include "common/identify.h"
#include "common/sgl.h"
#include "common/status.h"
#include "target/nvmf/iostats.h"
#include "target/nvmf/nvmf.h"

struct aborting;
struct fused;
struct nvmf_group;
struct nvmf_request;

#define NVMF_TRANSPORTS	8	/* of the tables indexed by slot */

/* Data of one request in at most this many pieces */
#define NVMF_REQ_MAX_IOV	64

/**
 * struct nvmf_memory - RAM of a bdev that transports may address directly
 * @key: a transport's registration of it, by its slot (e.g. its table of MRs);
 *       set by map_memory
 */
struct nvmf_memory {
	void *base;
	size_t len;
	void *key[NVMF_TRANSPORTS];
};

/**
 * struct nvmf_request - one command, embedded in the transport's request
 * @qpair: whose
 * @cmd: the 64 bytes of the capsule; stay until nvmf_request_done()
 * @capsule_data: @capsule_len: bytes that followed them; data NULL: they are
 *                still on their way, and req_get_data puts them into @iov
 * @cqe: nvmf fills result and status; the transport sends it (nvmf sets CID
 *       and SQHD too)
 * @dir: @sgl: from the command, checked, when req_get_data runs
 * @length: bytes to transfer; never more than max_io_size
 * @iov: the transport's array, room for 1 piece at least; the transport may
 *       point to a larger one in req_get_data
 * @iovcnt: where the data is or shall be. Set by nvmf to RAM (then @memory is
 *       set) or to the capsule's data; else 0 pieces, and the transport
 *       provides buffers, at most NVMF_REQ_MAX_IOV, in req_get_data
 * @block: of @memory: bytes that others are to see change at once; else 0
 * @urgent: another request of the queue pair holds its buffers until this one
 *          has run: it must not wait for what its own queue pair holds
 */
struct nvmf_request {
	struct nvmf_qpair *qpair;
	union nvme_cmd *cmd;
	u8 *capsule_data;
	u32 capsule_len;
	struct nvme_cqe cqe;
	enum nvme_xfer_dir dir;
	struct nvme_sgl sgl;
	u32 length;
	struct iovec *iov;
	int iovcnt;
	struct nvmf_memory *memory;
	u32 block;
	bool urgent;
	struct bdev_io bio;
	/* nvmf's own from here */
	u64 start_us;
	struct limit_share *throttled;	/* waits there */
	struct nvmf_ns_channel *nsch;
	const struct nvmf_command *command;
	TAILQ_ENTRY(nvmf_request) link;
	TAILQ_ENTRY(nvmf_request) qlink;
	struct nvmf_request *pair;
	void (*next)(struct nvmf_request *req);
	void (*got)(struct nvmf_request *req);
	struct fused *fused;
	struct aborting *aborting;	/* waits for its data to be here */
	struct iovec scratch;
	size_t scratch_bytes;
	u64 lba;
	u64 blocks;
	u64 place;
	u32 range;
	u16 error_loc;
	nvme_status early;
	u8 half;		/* of a pair: NVME_FUSE_* */
	bool active;
	bool weighed;		/* has paid, or waits to pay, for its limits */
	bool submitted;
	bool fetching;
	bool begun;
	bool ready;
	bool orphan;
	bool ns_gone;		/* while its data was on its way */
	u64 hastened;
	bool held;
	bool preempted;
};

TAILQ_HEAD(nvmf_request_list, nvmf_request);

/**
 * struct nvmf_qpair - one connection, embedded in the transport's own
 * @group: its reactor's poll group
 * @transport: whose ops; @opts: its options when the connection came. Both are
 *             set by nvmf_qpair_init()
 * @admin: what nvmf_group_choose() was told
 * @depth: requests that may be outstanding
 * @rules: what SGLs of this queue may be; set by the transport, max_len too
 * @buffered: data always goes through the transport's buffers, never straight
 *            from or to a bdev's RAM
 * @remote_invalidate: responses may invalidate: as its listener says or, before
 *                     Connect, the transport (RDMA)
 * @listen: the address it came to
 * @peer: @peer_port: where from, text
 * @local: the address of this end, text: where @listen is any address, the one
 *         that was meant; "" if it is not known
 */
struct nvmf_qpair {
	struct nvmf_group *group;
	struct nvmf_transport *transport;
	struct nvmf_transport_opts opts;
	bool admin;
	u16 depth;
	struct nvme_sgl_rules rules;
	bool buffered;
	bool remote_invalidate;
	struct nvmf_trid listen;
	char peer[64];
	char peer_port[6];
	char local[64];
	/* nvmf's own from here */
	struct nvmf_ctrlr *ctrlr;
	struct nvmf_sgroup *sgroup;
	u16 listener;
	u8 visible[NVMF_MAX_NAMESPACES / 8 + 1];
	u16 qid;
	u32 sqsize;
	u32 sqhd;
	bool sqflow_off;
	u8 state;
	u32 outstanding;
	u64 commands;
	struct nvmf_request_list requests;
	struct nvmf_request *fused;	/* a first half that waits */
	bool fused_failed;		/* the last one was a bad first half */
	u64 since_us;
	struct nvmf_io_stats io;
	struct nvmf_io_host *io_host;
	TAILQ_ENTRY(nvmf_qpair) link;
	TAILQ_ENTRY(nvmf_qpair) ctrlr_link;
};

/**
 * struct nvmf_transport - a created transport, embedded in the transport's own
 * @opts: some change while it is in use (nvmf_transport_set_opts()): the
 *        control reactor's, but for those that are fixed
 */
struct nvmf_transport {
	const struct nvmf_transport_ops *ops;
	struct nvmf_transport_opts opts;
	TAILQ_ENTRY(nvmf_transport) link;
};

/**
 * struct nvmf_transport_ops - what a transport implements
 * @name: "RDMA"
 * @trtype: as in discovery records; one that does not fit there is not shown
 * @slot: its own place in tables of transports; < NVMF_TRANSPORTS
 * @options: names of those that not every transport has, NULL at the end; or NULL
 * @opts_init: its defaults
 * @opts_change: take those of @options that may change while it is used; or NULL
 * @parse_address: check and fill all but trtype; NULL: an IP address and a port
 * @check: are these options possible? The reason names the bad one
 * @create: create with options that were checked, and fill in opts with what is
 *          honoured of them; control reactor, as are check, destroy, listen,
 *          stop_listen, map_memory, unmap_memory
 * @destroy: no listener, no qpair, no poll group part is left
 * @listen: start accepting at @trid; called once per address whatever the
 *          number of subsystems
 * @stop_listen: no new connections
 * @ctrlr_desc: fill the transport's part of Identify Controller (SGLS, IOCCSZ,
 *              IORCSZ, ICDOFF, MSDBD, MAXCMD) for a controller of these options
 * @disc_record: fill what is the transport's own in a discovery record: TSAS; or
 *               NULL
 * @map_memory: make RAM reachable in place on all devices, future ones too; an
 *              error only means that copies are made
 * @unmap_memory: no request uses it any more
 * @group_create: this reactor's part; on the reactor, as all that follow
 * @group_destroy: no qpair is left in it
 * @group_stats: JSON object text of SPDK's transport block of nvmf_get_stats
 * @qpair_stats: JSON object text with a connection's counters; may be NULL
 * @req_get_data: see above; ends in nvmf_request_execute(), or in
 *                nvmf_request_fail() when the transfer failed
 * @req_complete: see above
 * @req_abort: take back a request that waits within req_get_data and whose data
 *             is not moving yet; nvmf completes it. False: too late. NULL: never
 * @qpair_disconnect: start to close the connection; later, and also when the
 *                    peer went away, the transport calls
 *                    nvmf_qpair_disconnected(). Idempotent
 * @qpair_free: nvmf has let go of it and of all its requests
 */
struct nvmf_transport_ops {
	const char *name;
	u16 trtype;
	u8 slot;
	const char *const *options;
	void (*opts_init)(struct nvmf_transport_opts *opts);
	void (*opts_change)(struct nvmf_transport_opts *to,
			    const struct nvmf_transport_opts *from);
	int (*parse_address)(struct nvmf_trid *t, const char *adrfam,
			     const char *traddr, const char *trsvcid,
			     struct weft_reason *why);
	int (*check)(const struct nvmf_transport_opts *opts,
		     struct weft_reason *why);
	int (*create)(const struct nvmf_transport_opts *opts,
		      struct nvmf_transport **out, struct weft_reason *why);
	void (*destroy)(struct nvmf_transport *t);
	int (*listen)(struct nvmf_transport *t, const struct nvmf_trid *trid,
		      struct weft_reason *why);
	void (*stop_listen)(struct nvmf_transport *t,
			    const struct nvmf_trid *trid);
	void (*ctrlr_desc)(const struct nvmf_transport_opts *opts,
			   struct nvme_ctrl_desc *d);
	void (*disc_record)(struct nvmf_disc_record *r);
	int (*map_memory)(struct nvmf_transport *t, struct nvmf_memory *m);
	void (*unmap_memory)(struct nvmf_transport *t, struct nvmf_memory *m);

	int (*group_create)(struct nvmf_transport *t, struct nvmf_group *g);
	void (*group_destroy)(struct nvmf_transport *t, struct nvmf_group *g);
	void (*group_stats)(struct nvmf_transport *t, struct nvmf_group *g,
			    struct weft_text *json);
	void (*qpair_stats)(struct nvmf_qpair *q, struct weft_text *json);
	void (*req_get_data)(struct nvmf_request *req);
	void (*req_complete)(struct nvmf_request *req);
	bool (*req_abort)(struct nvmf_request *req);
	void (*qpair_disconnect)(struct nvmf_qpair *q);
	void (*qpair_free)(struct nvmf_qpair *q);
};

/* For transports */

/**
 * struct nvmf_group - one reactor's poll group
 * @transport_group: the transport's part, by its slot
 */
struct nvmf_group {
	struct reactor *reactor;
	void *transport_group[NVMF_TRANSPORTS];
	struct nvmf_group_core *core;
};

/** nvmf_group_self() - the calling reactor's poll group */
struct nvmf_group *nvmf_group_self(void);

/**
 * nvmf_group_choose() - least loaded poll group for a new connection
 * Control reactor. Counts the connection in at once; nvmf_group_unchoose()
 * takes that back if the set-up fails before nvmf_qpair_add().
 */
struct nvmf_group *nvmf_group_choose(struct nvmf_transport *t, bool admin);
void nvmf_group_unchoose(struct nvmf_group *g, bool admin);

/** nvmf_qpair_init() - whose connection it will be; control reactor */
static inline void nvmf_qpair_init(struct nvmf_qpair *q,
				   struct nvmf_transport *t)
{
	q->transport = t;
	q->opts = t->opts;
	q->remote_invalidate = t->opts.remote_invalidate;
}

/**
 * nvmf_qpair_add() - a connection is up; on its reactor
 * Fields down to @local are filled in. From now on requests may start. A
 * connection that sends no Connect in time is closed by nvmf.
 */
void nvmf_qpair_add(struct nvmf_qpair *q);

/**
 * nvmf_qpair_disconnected() - the connection is gone; on its reactor
 * No request can arrive any more. nvmf ends what is outstanding (bdev I/O
 * that runs completes first; req_complete is called for it and must only free)
 * and calls ops->qpair_free.
 */
void nvmf_qpair_disconnected(struct nvmf_qpair *q);

/** nvmf_request_start() - a command has arrived; @iov, fields to capsule_len */
void nvmf_request_start(struct nvmf_request *req);
/**
 * nvmf_request_may_wait() - may it be held, by a lock or a limit, when it has its
 * data? As things are: one that may not can be held all the same.
 */
bool nvmf_request_may_wait(const struct nvmf_request *req);
/** nvmf_request_execute() - data is in @iov, or buffers are there for it */
void nvmf_request_execute(struct nvmf_request *req);
/** nvmf_request_fail() - end it with @st instead of executing it */
void nvmf_request_fail(struct nvmf_request *req, nvme_status st);
/**
 * nvmf_request_awaited() - does anybody wait for its end before he goes on?
 * For a lock of blocks, a change of a reservation or of access, the removal of
 * its namespace.
 */
bool nvmf_request_awaited(const struct nvmf_request *req);
/** nvmf_group_waits() - does anybody wait for the end of commands of @g? */
bool nvmf_group_waits(const struct nvmf_group *g);
/** nvmf_request_done() - the transport is through with it: last call */
void nvmf_request_done(struct nvmf_request *req);

#endif
