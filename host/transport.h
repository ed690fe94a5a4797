/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one header between the host's core (weft.ko) and its transports.
 *
 * The core owns what is the same for every transport: the control device, the
 * controller's states and recovery, tag sets and request queues, namespaces,
 * sysfs. A transport owns its queues: it connects them, moves commands and
 * data, and stops them so that nothing touches memory afterwards. It never
 * decides about recovery; it reports, and the core acts.
 *
 * Commands that set a controller up (Connect, properties, Identify, features,
 * Keep Alive) do not go through the block layer: each queue has one private
 * slot with a 4 KiB buffer, and &weft_transport_ops.exec runs one command at a
 * time on it. So the I/O tag set carries I/O only, and request queues can stay
 * quiesced for as long as a controller is not live.
 */
#ifndef WEFT_HOST_TRANSPORT_H
#define WEFT_HOST_TRANSPORT_H

#include <linux/blk-mq.h>
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/socket.h>
#include <linux/workqueue.h>

#include "common/connstr.h"
#include "common/fabrics.h"
#include "common/identify.h"
#include "common/sgl.h"
#include "common/status.h"
#include "common/text.h"
#include "host/compat.h"

struct weft_ctrl;
struct weft_ctrl_core;

/* The private slot's buffer, and so the longest data of a set-up command */
#define WEFT_SLOT_DATA		4096
/* What stands for the tag of the private slot and of the one AER; above all tags */
#define WEFT_TAG_SLOT		0xffe
#define WEFT_TAG_AER		0xffd

/**
 * struct weft_slot_cmd - one command for a queue's private slot
 * @cmd: built by common/cmd.h; the transport sets CID and SGL
 * @data: @len (<= WEFT_SLOT_DATA) bytes, copied to or from the slot's buffer
 * @dir: which way @data goes
 * @interruptible: a signal for the task ends the wait with -EINTR; the queue is
 *                 of no use afterwards, and is going to be stopped
 * @cqe: the response, if exec returned 0
 * @broke: else why the connection broke, in words; NULL if nobody knows
 */
struct weft_slot_cmd {
	union nvme_cmd cmd;
	void *data;
	u32 len;
	enum nvme_xfer_dir dir;
	bool interruptible;
	struct nvme_cqe cqe;
	const char *broke;
};

/**
 * struct weft_queue_params - how a queue is to be connected
 * @qid: 0 is the admin queue
 * @depth: commands of the block layer that it carries at once; slot, AER come
 *         on top where the protocol allows and are the transport's to reserve:
 *         the wire's queue size is @sqsize
 * @sqsize: entries, 1-based, as told to the target
 * @capsule: limits of in-capsule data (0 room on the admin queue)
 * @hctx_type: HCTX_TYPE_*
 * @mixed: of the polled kind, but requests come that nobody polls for
 */
struct weft_queue_params {
	u16 qid;
	u16 depth;
	u16 sqsize;
	u16 cntlid;
	struct nvme_capsule_limits capsule;
	enum hctx_type hctx_type;
	bool mixed;
};

/**
 * struct weft_transport_ops - what a transport implements
 * @name: token of transport= and of the module, weft-NAME
 * @required_opts: @allowed_opts: bits of enum weft_opt beyond the common ones
 * @mq_ops: block layer operations of I/O queues; hctx index i is qid i + 1
 * @admin_mq_ops: of the admin queue
 * @cmd_size: size of the request's private part; starts with struct
 *            weft_request
 * @blocking: queue_rq sleeps, where the context's flags have BLK_MQ_F_BLOCKING:
 *            not every kernel can have that for I/O queues (compat.h)
 * @create_ctrl: allocate the transport's controller around a struct weft_ctrl,
 *               resolve and check addresses; no traffic. Process context.
 *               Returns the embedded controller or ERR_PTR with a reason.
 * @free_ctrl: last reference gone; queues are freed already
 * @existing_ctrl: is @ctrl the same association that @opts ask for?
 * @alloc_queue: connect a queue at the transport's level, ready for exec (not
 *               yet for the block layer). Sets ctrl's limits with qid 0.
 *               May sleep; ends within the transport's own limits.
 * @start_queue: Connect has succeeded: the block layer may use the queue.
 *               -ECONNRESET if a deletion has stopped it meanwhile
 * @stop_queue: no more commands in, none out: disconnect, drain, complete a
 *              waiting exec with -ECONNRESET. When it returns nothing of the
 *              queue will be written or read by the device. Idempotent; may
 *              sleep; may run while alloc_queue of another queue does not.
 * @free_queue: give back what alloc_queue took, after stop_queue
 * @break_off: the controller is being deleted: an alloc_queue that waits for
 *             the target ends soon with an error, as do all later ones. May be
 *             NULL if alloc_queue never waits for long. Process context, beside
 *             any other operation.
 * @exec: run a set-up command on @qid's slot; sleeps until the response, or
 *        -ETIMEDOUT after @timeout jiffies, or -ECONNRESET. The core never
 *        calls it twice at a time for one queue.
 * @submit_aer: put the one AER (tag WEFT_TAG_AER) on the admin queue; its
 *              completion goes to weft_complete_aer()
 * @address: "traddr=...,trsvcid=..." as sysfs shows it, no line break
 */
struct weft_transport_ops {
	const char *name;
	struct module *module;
	u32 required_opts;
	u32 allowed_opts;
	const struct blk_mq_ops *mq_ops;
	const struct blk_mq_ops *admin_mq_ops;
	unsigned int cmd_size;
	bool blocking;

	struct weft_ctrl *(*create_ctrl)(const struct weft_connstr *opts,
					 struct weft_reason *why);
	void (*free_ctrl)(struct weft_ctrl *ctrl);
	bool (*existing_ctrl)(struct weft_ctrl *ctrl,
			      const struct weft_connstr *opts);
	int (*alloc_queue)(struct weft_ctrl *ctrl,
			   const struct weft_queue_params *p,
			   struct weft_reason *why);
	int (*start_queue)(struct weft_ctrl *ctrl, u16 qid);
	void (*stop_queue)(struct weft_ctrl *ctrl, u16 qid);
	void (*free_queue)(struct weft_ctrl *ctrl, u16 qid);
	void (*break_off)(struct weft_ctrl *ctrl);
	int (*exec)(struct weft_ctrl *ctrl, u16 qid, struct weft_slot_cmd *cmd,
		    unsigned long timeout);
	int (*submit_aer)(struct weft_ctrl *ctrl);
	void (*address)(struct weft_ctrl *ctrl, struct weft_text *t);

	struct list_head link;		/* the core's */
};

int weft_register_transport(struct weft_transport_ops *ops);
void weft_unregister_transport(struct weft_transport_ops *ops);

/**
 * enum weft_ctrl_state - as sysfs names them
 * The only transitions: NEW to CONNECTING; CONNECTING to LIVE, DELETING; LIVE
 * to RESETTING, DELETING; RESETTING to CONNECTING, DELETING; DELETING to
 * DELETING_NOIO; DELETING_NOIO to DEAD.
 */
enum weft_ctrl_state {
	WEFT_CTRL_NEW,
	WEFT_CTRL_CONNECTING,
	WEFT_CTRL_LIVE,
	WEFT_CTRL_RESETTING,
	WEFT_CTRL_DELETING,
	WEFT_CTRL_DELETING_NOIO,
	WEFT_CTRL_DEAD,
};

/**
 * struct weft_ctrl - a controller, embedded in the transport's own
 * @ops: the transport
 * @opts: the user's options; constant for life
 * @serving: requests may go out without a further look: it is live and its
 *           disks know its limits, or it is being deleted and was so. A deletion
 *           in the middle of a reconnect finds queues behind which namespaces
 *           have not been identified again.
 * @device: class device nvmeX, for messages ("dev_err(ctrl->device, ...)")
 * @tag_set: @admin_tag_set: the core's; valid while the controller is
 * @admin_q: admin commands of users and of the core once live
 * @queue_count: queues connected, the admin queue included
 * @debugfs: /sys/kernel/debug/weft/nvmeX, for the transport's files
 * @info: facts of Identify Controller
 *
 * Set by the transport in alloc_queue(qid 0), read by the core afterwards:
 * @max_segments: segments of a request
 * @max_transfer: bytes of a request
 * @dma_dev_node: NUMA node of the device
 * @virt_boundary: gaps between segments not allowed, page size - 1 (MRs)
 * @max_io_queues: most I/O queues that the device serves
 * @max_queue_size: deepest queue that the device serves, 1-based
 */
struct weft_ctrl {
	const struct weft_transport_ops *ops;
	struct weft_connstr *opts;
	struct device *device;
	struct weft_ctrl_core *core;
	enum weft_ctrl_state state;	/* READ_ONCE outside the core */
	bool serving;			/* READ_ONCE outside the core */
	int instance;
	u16 cntlid;
	struct blk_mq_tag_set tag_set;
	struct blk_mq_tag_set admin_tag_set;
	struct request_queue *admin_q;
	unsigned int queue_count;
	struct dentry *debugfs;
	struct nvme_ctrl_info info;

	u32 max_segments;
	u32 max_transfer;
	int dma_dev_node;
	unsigned long virt_boundary;
	unsigned int max_io_queues;
	unsigned int max_queue_size;
};

/**
 * struct weft_request - head of every request's private part
 * @cmd: where the command is to be built: the transport points it at the
 *       queue's mapped capsule slot of this tag before weft_setup_rq()
 * @result: DW0/1 of the response
 * @status: of the response, or what the core put there
 * @genctr: generation, see weft_cid()
 * @user: the command of a passthrough request
 * @started: when it was sent, for the statistics of a multipath disk
 */
struct weft_request {
	struct weft_ctrl *ctrl;
	union nvme_cmd *cmd;
	u64 result;
	nvme_status status;
	u8 retries;
	u8 flags;
	u8 genctr;
	union nvme_cmd user;
	unsigned long started;
};

static inline struct weft_request *weft_req(struct request *rq)
{
	return blk_mq_rq_to_pdu(rq);
}

/*
 * Command identifiers: 4 bits of generation over 12 bits of tag, so that a late
 * or forged response for a tag's former life is told apart. Tags of requests
 * stay below WEFT_TAG_AER.
 */
static inline u16 weft_make_cid(u8 generation, u16 tag)
{
	return (generation & 0xf) << 12 | tag;
}

static inline u16 weft_cid_tag(u16 cid)
{
	return cid & 0xfff;
}

static inline u16 weft_cid(struct request *rq)
{
	return weft_make_cid(weft_req(rq)->genctr, rq->tag);
}

static inline enum weft_ctrl_state weft_ctrl_state(const struct weft_ctrl *ctrl)
{
	return READ_ONCE(ctrl->state);
}

/* Data path, called by the transport's blk_mq_ops */

/**
 * weft_takes_requests() - does @ctrl take requests, by a queue of it?
 * @queue_live: the queue is connected and started
 *
 * Only looks: what is refused is for weft_queue_ready() to judge.
 */
static inline bool weft_takes_requests(const struct weft_ctrl *ctrl,
				       bool queue_live)
{
	return queue_live && likely(READ_ONCE(ctrl->serving));
}

/**
 * weft_queue_ready() - may @rq go to a queue in this moment?
 * @queue_live: the queue is connected and started
 * Return: BLK_STS_OK: go on. Else what queue_rq shall return at once:
 * BLK_STS_RESOURCE if a reconnect will serve it, or an error with which the
 * block layer ends it.
 */
blk_status_t weft_queue_ready(struct weft_ctrl *ctrl, struct request *rq,
			      bool queue_live);

/**
 * weft_setup_rq() - build @rq's command at weft_req(rq)->cmd, CID included
 * The transport sets the SGL. Passthrough requests carry their command.
 */
blk_status_t weft_setup_rq(struct request *rq);

/** weft_cleanup_rq() - give back special payloads when a started rq ends */
void weft_cleanup_rq(struct request *rq);

/**
 * weft_end_rq() - a response has come, from any context
 * @cqe_status: the wire's status field (with the phase bit)
 * @iob: where requests that have succeeded are gathered, or NULL: none are
 * @complete: what ends those in @iob: calls weft_complete_batch()
 * Completes through the block layer's ->complete, on the submitter's CPU if it
 * wants that; ->complete then unmaps and calls weft_complete_rq(). The caller
 * calls iob->complete, if it was set, at the end of its pass, or has it called
 * by the block layer (->poll).
 * Return: true if @rq was put into @iob.
 */
bool weft_end_rq(struct request *rq, u16 cqe_status, u64 result,
		 struct io_comp_batch *iob,
		 void (*complete)(struct io_comp_batch *iob));

/**
 * weft_complete_batch() - end all requests in @iob, which have succeeded
 * @unmap: the transport's undoing of one's data mapping, or NULL
 */
void weft_complete_batch(struct io_comp_batch *iob,
			 void (*unmap)(struct request *rq));

/** weft_complete_rq() - retry, fail or end @rq; last call for it */
void weft_complete_rq(struct request *rq);

/** weft_timeout_rq() - body of blk_mq_ops.timeout */
enum blk_eh_timer_return weft_timeout_rq(struct request *rq);

/**
 * weft_map_queues() - body of blk_mq_ops.map_queues of I/O queues
 * Default, read and poll contexts in this order, as granted.
 */
void weft_map_queues(struct blk_mq_tag_set *set);

/** weft_rq_dir() - which way @rq's data moves */
static inline enum nvme_xfer_dir weft_rq_dir(struct request *rq)
{
	if (!blk_rq_nr_phys_segments(rq) || !blk_rq_payload_bytes(rq))
		return NVME_XFER_NONE;
	return rq_data_dir(rq) == WRITE ? NVME_XFER_HOST_TO_CTRL :
					  NVME_XFER_CTRL_TO_HOST;
}

/* Events from the transport */

/** weft_complete_aer() - response to the AER; any context */
void weft_complete_aer(struct weft_ctrl *ctrl, u16 cqe_status, u32 result);

/**
 * weft_error_recovery() - something is wrong with the transport; any context
 * @fmt: what, in words; kept as the controller's last error
 * Starts recovery if the controller is live; otherwise notes the words.
 */
__printf(2, 3) void weft_error_recovery(struct weft_ctrl *ctrl,
					const char *fmt, ...);

/**
 * weft_device_removed() - the device that @ctrl is on goes away; any context
 * Who uses the device, or is about to for the first time, is deleted.
 * Return: false if it is being reconnected, which it stays, maybe over another
 * device: the transport breaks off the attempt under way.
 */
bool weft_device_removed(struct weft_ctrl *ctrl);
/** weft_delete_ctrl_flush() - wait until deletions under way have ended */
void weft_delete_ctrl_flush(void);

/* Life of a controller, called by the transport's create_ctrl */

/**
 * weft_ctrl_init() - set up the embedded part; nothing is visible yet
 * @ops: the transport
 * @opts: copied
 * Return: 0 or -ENOMEM; on failure free the memory, not by free_ctrl.
 */
int weft_ctrl_init(struct weft_ctrl *ctrl, const struct weft_transport_ops *ops,
		   const struct weft_connstr *opts);

/**
 * weft_ctrl_put() - create_ctrl gives up after weft_ctrl_init()
 * Ends in free_ctrl. Later references are the core's.
 */
void weft_ctrl_put(struct weft_ctrl *ctrl);

/* What transports would otherwise each do by themselves */

/**
 * struct weft_ip - addresses of a controller on an IP network
 * @addr: the target's port
 * @src: of this host, family 0 if none is asked for
 */
struct weft_ip {
	struct sockaddr_storage addr;
	struct sockaddr_storage src;
};

int weft_ip_parse(const struct weft_connstr *opts, struct weft_ip *ip,
		  struct weft_reason *why);
bool weft_ip_same(const struct weft_ip *ip, const struct weft_connstr *opts);
void weft_ip_address(struct weft_ctrl *ctrl, struct weft_text *t);
u32 weft_max_io_queues(const struct weft_connstr *opts);

/* weft_tqueue.flags */
enum {
	WEFT_Q_ALLOCATED,	/* has its resources */
	WEFT_Q_OPEN,		/* connected: commands may be sent */
	WEFT_Q_LIVE,		/* the block layer may use it */
	WEFT_Q_LOST,		/* the connection went away or is of no use */
	WEFT_Q_POLLING,		/* a task is in ->poll */
	WEFT_Q_REPORTED,	/* this connection's first error is reported */
	WEFT_Q_TOLD,		/* it is in @lost */
};

/**
 * struct weft_tqueue - head of a transport's queue
 * @lock: stop_queue against itself
 * @life: the private slots' users (read) against free_queue (write)
 * @exec_lock: @exec_busy with @exec_done
 * @exec_busy: the private slot has a command that may still be answered
 * @exec_done: its response has come, or the queue ends
 * @generation: of the last private command
 * @lost: the first error of the connection in words
 * @count: counters; plain increments, by whom the transport decides
 *
 * Lives as long as the controller.
 */
struct weft_tqueue {
	struct weft_ctrl *wctrl;
	u16 qid;
	unsigned long flags;
	struct mutex lock;
	struct rw_semaphore life;
	struct weft_queue_params params;
	spinlock_t exec_lock;
	bool exec_busy;
	struct completion exec_done;
	u8 generation;
	char lost[160];
	const char *const *count_names;
	u64 *count;
	struct dentry *debugfs;
};

/**
 * struct weft_exec_ops - the transport's part of a private command
 * @send: fill the slot and send it; after an error nothing of it was sent
 * @fetch: it was answered: the response and its data to the caller's
 */
struct weft_exec_ops {
	int (*send)(struct weft_tqueue *q, const struct weft_slot_cmd *cmd);
	void (*fetch)(struct weft_tqueue *q, struct weft_slot_cmd *cmd);
};

void weft_tqueue_init(struct weft_tqueue *q, struct weft_ctrl *ctrl, u16 qid,
		      const char *const *counts, u64 *count);
void weft_tqueue_reset(struct weft_tqueue *q);
u16 weft_tqueue_cid(struct weft_tqueue *q, u16 tag);
bool weft_tqueue_opened(struct weft_tqueue *q);
__printf(2, 3) void weft_tqueue_lost(struct weft_tqueue *q,
				     const char *fmt, ...);
void weft_tqueue_answered(struct weft_tqueue *q);
int weft_tqueue_exec(struct weft_tqueue *q, struct weft_slot_cmd *cmd,
		     unsigned long timeout, const struct weft_exec_ops *ops);
void weft_tqueue_show(struct weft_tqueue *q);
void weft_tqueue_hide(struct weft_tqueue *q);

/*
 * weft_unpoll_bio() - @bio goes where nobody polls for it
 * It may end in softirq there, where 6.1 must not free polled ones.
 */
static inline void weft_unpoll_bio(struct bio *bio)
{
	if (!(bio->bi_opf & REQ_POLLED))
		return;
	bio_clear_polled(bio);
	/* the context that it names may go */
	WRITE_ONCE(bio->bi_cookie, BLK_QC_T_NONE);
}

/* weft_cqe_status() - after a success nothing is to be told or tried again */
static inline nvme_status weft_cqe_status(u16 cqe_status)
{
	nvme_status status = cqe_status >> 1;

	return nvme_status_code(status) ? status : NVME_SC_SUCCESS;
}

/* weft_unpoll_rq() - likewise with all of @rq's */
static inline void weft_unpoll_rq(struct request *rq)
{
	struct bio *bio;

	for (bio = rq->bio; bio; bio = bio->bi_next)
		weft_unpoll_bio(bio);
}

/* Is the queue of the polled kind, whether it is polled at the moment or not */
static inline bool weft_tqueue_is_poll(const struct weft_tqueue *q)
{
	return q->qid && q->params.hctx_type == HCTX_TYPE_POLL;
}

/* Is ->poll alone to serve it, from its start on? */
static inline bool weft_tqueue_starts_polled(const struct weft_tqueue *q)
{
	return weft_tqueue_is_poll(q) && !q->params.mixed;
}

#endif
