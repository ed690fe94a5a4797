/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The userspace initiator: an NVMe over Fabrics host as a library, over TCP
 * and RDMA, poll-mode.
 *
 * A controller (struct ini_ctrlr) owns the admin queue; I/O queues (struct
 * ini_queue) are made from a live controller. Nothing here blocks, sleeps or
 * starts a thread: the caller polls a controller and each of its queues, every
 * one from one thread at a time, and may give each a thread of its own. An I/O
 * queue only reads what its controller settled while it connected.
 *
 *	ini_ctrlr_create(&opts, &c, &why);
 *	while (ini_ctrlr_state(c) == INI_CONNECTING)
 *		ini_ctrlr_poll(c, ini_now());		(or sleep, see below)
 *	ini_queue_create(c, 1, 128, &q, &why);
 *	... poll c and q; ini_read(q, ...) and so on; callbacks come from polls
 *	ini_queue_destroy(q);
 *	ini_ctrlr_shutdown(c); poll until INI_CLOSED; ini_ctrlr_destroy(c);
 *
 * Sleeping: take the fds and events of ini_queue_fds() and the time of
 * ini_queue_deadline() (ini_ctrlr_deadline() for the controller), call
 * ini_queue_arm(); if that says true, sleep until one of them.
 *
 * When anything goes wrong with a connection, its queue fails: state
 * INI_FAILED, ini_queue_reason() in words, and every command that was not
 * answered completes with NVME_SC_HOST_ABORTED_CMD.
 */
#ifndef WEFT_TOOLS_INITIATOR_H
#define WEFT_TOOLS_INITIATOR_H

#include <sys/uio.h>

#include "common/cmd.h"
#include "common/connstr.h"
#include "common/identify.h"
#include "common/resv.h"
#include "common/status.h"

struct ini_ctrlr;
struct ini_queue;

enum ini_state {
	INI_CONNECTING,
	INI_LIVE,
	INI_CLOSING,	/* controllers: shutdown is under way */
	INI_CLOSED,
	INI_FAILED,	/* the reason says why */
};

#define INI_NEVER		UINT64_MAX	/* no deadline */
#define INI_MS			1000000ull	/* times are in ns */
#define INI_FDS_MAX		2
#define INI_CONNECT_MS_DEFAULT	5000
#define INI_TIMEOUT_MS_DEFAULT	30000
#define INI_MAXR2T_DEFAULT	4

/**
 * typedef ini_done - a command has ended; comes from a poll of its queue
 * @ctx: as given with the command
 * @status: the controller's, or one of ours if it never answered:
 *          NVME_SC_HOST_ABORTED_CMD (the queue failed or was destroyed),
 *          NVME_SC_DATA_XFER_ERROR (success, but less data than asked for),
 *          NVME_SC_TRANSIENT_TRANSPORT (data digest wrong)
 * @result: DW0 and DW1 of the completion
 *
 * New commands may be given from here; the queue must not be destroyed.
 */
typedef void (*ini_done)(void *ctx, nvme_status status, u64 result);

/**
 * typedef ini_event - an asynchronous event
 * @dw0: of the completion: type, information, log page (NVME_AER_DW0)
 */
typedef void (*ini_event)(void *ctx, u32 dw0);

/**
 * struct ini_opts - how to connect
 * @conn: transport, addresses, names, queue_size, nr_io_queues (0: 1), digests,
 *        keep_alive_tmo, tos, disable_sqflow. hostnqn and hostid must be set:
 *        ini_opts_init() does that
 * @connect_ms: longest time for one queue's connection; 0: the default
 * @timeout_ms: longest time for one command; 0: the default
 * @maxr2t: R2Ts per command, 1 to 8 (TCP); 0: the default
 * @hpda: alignment of data that comes, 0-based dwords, at most 31 (TCP)
 * @dial: a connected stream socket for queue @qid instead of one to traddr, or
 *        a negative errno; the library closes it. NULL: connect (TCP)
 * @event: @ctx: asynchronous events; NULL: they are not asked for
 */
struct ini_opts {
	struct weft_connstr conn;
	u32 connect_ms;
	u32 timeout_ms;
	u16 maxr2t;
	u8 hpda;
	int (*dial)(void *ctx, u16 qid);
	ini_event event;
	void *ctx;
};

/**
 * struct ini_stats - what a queue has spent; plain counters of its thread
 * @sends: @recvs: system calls that moved bytes; @idle: that found none
 * @pdus_out: @pdus_in: PDUs (TCP) or work requests and completions (RDMA)
 * @bytes_direct: payload received straight into the caller's memory
 * @bytes_copied: payload that went through a buffer of ours, both ways
 * @in_capsule: commands whose data went with the capsule
 * @r2ts: requests for data that were answered
 * @registrations: memory that had to be registered for one command (RDMA)
 */
struct ini_stats {
	u64 submitted;
	u64 completed;
	u64 sends;
	u64 recvs;
	u64 idle;
	u64 pdus_out;
	u64 pdus_in;
	u64 bytes_out;
	u64 bytes_in;
	u64 bytes_direct;
	u64 bytes_copied;
	u64 in_capsule;
	u64 r2ts;
	u64 registrations;
};

/** struct ini_fd - what to wait for; @events as of poll(2) */
struct ini_fd {
	int fd;
	short events;
};

/** ini_now() - CLOCK_MONOTONIC in ns, for the polls */
u64 ini_now(void);

/**
 * ini_opts_init() - options from a parsed connect string
 * A host NQN and host identifier that were not given are made up.
 *
 * Return: 0, or -EINVAL naming an option that the transport or this library
 * does not take.
 */
int ini_opts_init(struct ini_opts *o, const struct weft_connstr *c,
		  struct weft_reason *why);

/** ini_opts_taken() - bits of the connect options that some transport takes */
u32 ini_opts_taken(void);

/* --- controllers --------------------------------------------------------- */

/**
 * ini_ctrlr_create() - begin to connect
 * @o: copied
 * @out: the caller's to destroy
 *
 * The rest is ini_ctrlr_poll()'s: connection, Connect, CC.EN, CSTS.RDY,
 * Identify, number of queues, asynchronous events.
 *
 * Return: 0, -ENOMEM, -EINVAL, or what the first step failed with.
 */
int ini_ctrlr_create(const struct ini_opts *o, struct ini_ctrlr **out,
		     struct weft_reason *why);

/**
 * ini_ctrlr_poll() - do what there is to do
 * @now: ini_now()
 * Sends Keep Alive commands, too. Return: number of completions and steps; 0: idle.
 */
int ini_ctrlr_poll(struct ini_ctrlr *c, u64 now);

enum ini_state ini_ctrlr_state(const struct ini_ctrlr *c);
/** ini_ctrlr_reason() - why it failed; "" if it did not */
const char *ini_ctrlr_reason(const struct ini_ctrlr *c);
/** ini_ctrlr_error() - the same as a negative errno; 0 */
int ini_ctrlr_error(const struct ini_ctrlr *c);
/** ini_ctrlr_deadline() - ini_ctrlr_poll() has something to do then */
u64 ini_ctrlr_deadline(const struct ini_ctrlr *c);

/** ini_ctrlr_admin() - the admin queue, for commands, fds and counters */
struct ini_queue *ini_ctrlr_admin(struct ini_ctrlr *c);
/** ini_ctrlr_info() - Identify Controller; valid once live */
const struct nvme_ctrl_info *ini_ctrlr_info(const struct ini_ctrlr *c);
u16 ini_ctrlr_cntlid(const struct ini_ctrlr *c);
u64 ini_ctrlr_cap(const struct ini_ctrlr *c);
u32 ini_ctrlr_vs(const struct ini_ctrlr *c);
/** ini_ctrlr_io_queues() - I/O queues that were asked for and granted */
u32 ini_ctrlr_io_queues(const struct ini_ctrlr *c);
/**
 * ini_ctrlr_max_transfer() - bytes of one command
 * By MDTS and by what the transport can name; UINT32_MAX: any.
 */
u32 ini_ctrlr_max_transfer(const struct ini_ctrlr *c);

/**
 * ini_ctrlr_reconnect() - start over, from any state
 * Its I/O queues were destroyed or have failed and are reconnected afterwards,
 * each from its thread. Return: as ini_ctrlr_create().
 */
int ini_ctrlr_reconnect(struct ini_ctrlr *c, struct weft_reason *why);

/**
 * ini_ctrlr_shutdown() - a normal shutdown (CC.SHN) and then the end
 * Its I/O queues were destroyed. Poll on until INI_CLOSED or INI_FAILED.
 */
void ini_ctrlr_shutdown(struct ini_ctrlr *c);

/** ini_ctrlr_destroy() - at once; no I/O queue is left; NULL is fine */
void ini_ctrlr_destroy(struct ini_ctrlr *c);

/* --- queues -------------------------------------------------------------- */

/**
 * ini_queue_create() - begin to connect an I/O queue
 * @c: live
 * @qid: 1 to ini_ctrlr_io_queues()
 * @depth: commands that it holds; CAP.MQES and MAXCMD may make it fewer
 * Return: 0, -ENOMEM, -EINVAL, -ENOTCONN or what the first step failed with.
 */
int ini_queue_create(struct ini_ctrlr *c, u16 qid, u32 depth,
		     struct ini_queue **out, struct weft_reason *why);

/** ini_queue_reconnect() - start over, from any state; its controller is live */
int ini_queue_reconnect(struct ini_queue *q, struct weft_reason *why);

/**
 * ini_queue_disconnect() - close at once; commands complete as aborted
 * State INI_CLOSED; ini_queue_reconnect() brings it back. Not from a callback.
 */
void ini_queue_disconnect(struct ini_queue *q);

/**
 * ini_queue_destroy() - disconnect and free
 * Not from a callback of this queue. NULL is fine.
 */
void ini_queue_destroy(struct ini_queue *q);

/**
 * ini_queue_poll() - receive, complete, send
 * All that was submitted since the last poll leaves with as few system calls as
 * the connection takes. Return: number of completions and steps; 0: idle.
 */
int ini_queue_poll(struct ini_queue *q, u64 now);

enum ini_state ini_queue_state(const struct ini_queue *q);
const char *ini_queue_reason(const struct ini_queue *q);
int ini_queue_error(const struct ini_queue *q);
u16 ini_queue_id(const struct ini_queue *q);
/** ini_queue_depth() - commands that may be outstanding; settled when live */
u32 ini_queue_depth(const struct ini_queue *q);
/** ini_queue_max_data() - bytes of one command, whatever the controller says */
u32 ini_queue_max_data(const struct ini_queue *q);
u32 ini_queue_outstanding(const struct ini_queue *q);
u64 ini_queue_deadline(const struct ini_queue *q);
const struct ini_stats *ini_queue_stats(const struct ini_queue *q);

/** ini_queue_fds() - what wakes this queue; returns how many, up to 2 */
int ini_queue_fds(const struct ini_queue *q, struct ini_fd fds[INI_FDS_MAX]);
/** ini_queue_arm() - before sleeping: false: poll again, something has come */
bool ini_queue_arm(struct ini_queue *q);

/**
 * ini_queue_add_memory() - memory that data will lie in
 * Over RDMA it is registered now instead of for each command; it stays until
 * the queue is destroyed, over reconnects too. At most 16 pieces.
 */
int ini_queue_add_memory(struct ini_queue *q, void *base, size_t len,
			 struct weft_reason *why);

/* --- commands ------------------------------------------------------------ */

/**
 * ini_submit() - any command
 * @cmd: copied; CID, PSDT and SGL are ours to set. Its opcode says which way
 *       data moves
 * @iov: @iovcnt: its data; both stay the caller's and in place until @done
 *
 * Leaves with the next poll. Return: 0; -EAGAIN: the queue is full; -ENOTCONN;
 * -EINVAL: data, and an opcode that moves none or both ways, or more than 1,024
 * pieces or ini_queue_max_data() bytes.
 */
int ini_submit(struct ini_queue *q, const union nvme_cmd *cmd,
	       const struct iovec *iov, int iovcnt, ini_done done, void *ctx);

/** ini_submit_buf() - as ini_submit() with data in one piece (@len may be 0) */
int ini_submit_buf(struct ini_queue *q, const union nvme_cmd *cmd, void *buf,
		   u32 len, ini_done done, void *ctx);

/**
 * ini_read() / ini_write() / ini_compare() - @blocks blocks from @slba
 * @blocks: 1 to 65,536; else -EINVAL
 * @len: bytes in @buf: @blocks times the namespace's block size
 * @flags: NVME_RW_*
 * The others below likewise; returns are ini_submit()'s.
 */
int ini_read(struct ini_queue *q, u32 nsid, u64 slba, u32 blocks, u32 flags,
	     void *buf, u32 len, ini_done done, void *ctx);
int ini_write(struct ini_queue *q, u32 nsid, u64 slba, u32 blocks, u32 flags,
	      const void *buf, u32 len, ini_done done, void *ctx);
int ini_compare(struct ini_queue *q, u32 nsid, u64 slba, u32 blocks, u32 flags,
		const void *buf, u32 len, ini_done done, void *ctx);
int ini_write_zeroes(struct ini_queue *q, u32 nsid, u64 slba, u32 blocks,
		     u32 flags, ini_done done, void *ctx);
int ini_verify(struct ini_queue *q, u32 nsid, u64 slba, u32 blocks, u32 flags,
	       ini_done done, void *ctx);
/** ini_write_uncorrectable() - no data moves; the blocks cannot be read then */
int ini_write_uncorrectable(struct ini_queue *q, u32 nsid, u64 slba, u32 blocks,
			    ini_done done, void *ctx);
int ini_flush(struct ini_queue *q, u32 nsid, ini_done done, void *ctx);

/**
 * struct ini_pair - a fused Compare and Write; the caller's, in place until done
 * @done: @ctx: set by the caller; told the status of the half that says why
 */
struct ini_pair {
	ini_done done;
	void *ctx;
	nvme_status first;
	nvme_status second;
	u32 ended;
};

/**
 * ini_compare_write() - write @new if the blocks are as in @old, as one
 * @len: bytes of each; both stay in place until @p->done
 */
int ini_compare_write(struct ini_queue *q, u32 nsid, u64 slba, u32 blocks,
		      const void *old, const void *new, u32 len,
		      struct ini_pair *p);
/** ini_dsm() - @n (1 to 256) ranges, which stay in place until @done */
int ini_dsm(struct ini_queue *q, u32 nsid, const struct nvme_dsm_range *ranges,
	    u32 n, u32 attributes, ini_done done, void *ctx);

/** ini_copy() - @n (1 to 256) ranges to @sdlba */
int ini_copy(struct ini_queue *q, u32 nsid, u64 sdlba,
	     const struct nvme_copy_range *ranges, u32 n, ini_done done,
	     void *ctx);

/**
 * ini_resv_register() / _acquire() / _release() / _report()
 * @action: enum nvme_resv_register, _acquire, _release; @type: enum
 *          nvme_resv_type; @ptpl: CPTPL
 * @keys: in place until @done; a release sends the first one only
 * Extended data structures (128-bit host identifiers) are asked for in reports.
 */
int ini_resv_register(struct ini_queue *q, u32 nsid, u8 action, u8 ptpl,
		      bool ignore_key, const struct nvme_resv_keys *keys,
		      ini_done done, void *ctx);
int ini_resv_acquire(struct ini_queue *q, u32 nsid, u8 action, u8 type,
		     const struct nvme_resv_keys *keys, ini_done done,
		     void *ctx);
int ini_resv_release(struct ini_queue *q, u32 nsid, u8 action, u8 type,
		     const struct nvme_resv_keys *keys, ini_done done,
		     void *ctx);
int ini_resv_report(struct ini_queue *q, u32 nsid, void *buf, u32 len,
		    ini_done done, void *ctx);

/* Admin commands that tools need; anything else through ini_submit() */
int ini_identify(struct ini_queue *admin, u8 cns, u32 nsid, u16 cntid, u8 csi,
		 void *buf, ini_done done, void *ctx);
int ini_get_log(struct ini_queue *admin, u8 lid, u32 nsid, u64 offset,
		void *buf, u32 len, ini_done done, void *ctx);

#endif
