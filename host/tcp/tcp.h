/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of weft-tcp.ko share: the controller, the queue, the commands,
 * and the functions between the files.
 *
 * A queue is a TCP connection. Who sends holds tx_lock, a mutex that is only
 * ever tried: who does not get it leaves a mark (TX_WANT) for its holder. Who
 * receives holds the socket's lock. A command's state, which both sides change,
 * is under cmd_lock. Order: tx_lock, socket lock, cmd_lock.
 *
 * A command ends when its response has come and all that was queued of it has
 * been handed to TCP; whichever is later ends it.
 */
#ifndef WEFT_HOST_TCP_H
#define WEFT_HOST_TCP_H

#include <linux/bvec.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <net/sock.h>

#include "common/sgl.h"
#include "common/tcp_conn.h"
#include "host/transport.h"

#define WEFT_TCP_SEGMENTS	1024
#define WEFT_TCP_TRANSFER	SZ_4M	/* longest request */
#define WEFT_TCP_CHAIN		32	/* requests before a batch is sent */
#define WEFT_TCP_TX_PIECES	128	/* pieces of memory in a batch */
#define WEFT_TCP_TX_BATCHES	8	/* batches before others get the CPU */
#define WEFT_TCP_RX_BYTES	SZ_256K	/* received at once */
#define WEFT_TCP_WORK_US	1000	/* a work's time before it gives way */
#define WEFT_TCP_MAXR2T		4

/**
 * enum weft_tcp_count - what a queue counts, see ctrl.c for the names
 *
 * Plain increments: those of sending under tx_lock, those of receiving under
 * the socket's lock, COMMANDS and INCAPSULE under cmd_lock, WAKEUPS by the work.
 */
enum weft_tcp_count {
	WEFT_TCP_N_COMMANDS,
	WEFT_TCP_N_INCAPSULE,
	WEFT_TCP_N_SENDS,	/* calls of the socket */
	WEFT_TCP_N_BATCHES,	/* what they were called for */
	WEFT_TCP_N_BLOCKED,
	WEFT_TCP_N_TX_PDUS,
	WEFT_TCP_N_TX_BYTES,
	WEFT_TCP_N_TX_COPIED,	/* bytes that could not go by reference */
	WEFT_TCP_N_RECVS,	/* passes over the receive queue */
	WEFT_TCP_N_RX_PDUS,
	WEFT_TCP_N_RX_BYTES,
	WEFT_TCP_N_RESPONSES,
	WEFT_TCP_N_SUCCESSES,	/* commands that ended without a response */
	WEFT_TCP_N_R2TS,
	WEFT_TCP_N_BAD_DDGST,
	WEFT_TCP_N_WAKEUPS,
	WEFT_TCP_N_COUNT
};

/**
 * struct weft_tcp_cursor - where a command's data goes on
 * @bio: of @vec; NULL if that is not a bio's
 */
struct weft_tcp_cursor {
	struct bio *bio;
	const struct bio_vec *vec;
	struct bvec_iter it;
};

/**
 * struct weft_tcp_cmd - a command on its way
 * @link: in the queue's pending list, or in the batch that ends its sending
 * @rq: its request, NULL for the private ones
 * @pdu: command capsule without digest
 * @len: bytes of data, @dir which way
 * @incapsule: @r2t: how a write's data goes
 * @strict: a success must have moved all of @len
 * @active: between submission and end
 * @sent: handed to the socket, so that the target may know it
 * @tx_busy: in a list
 * @responded: @status and @result have come
 * @bad_digest: its data came damaged
 * @buf: the data of a private command
 *
 * Written by the submitter until it is queued, then the flags and @give under
 * cmd_lock, @cur by the sender (writes) or the receiver (reads).
 */
struct weft_tcp_cmd {
	struct list_head link;
	struct request *rq;
	struct weft_tcp_cursor cur;
	u32 len;
	enum nvme_xfer_dir dir;
	u16 cid;
	u16 status;
	u64 result;
	bool incapsule;
	bool r2t;
	bool strict;
	bool active;
	bool sent;
	bool tx_busy;
	bool responded;
	bool bad_digest;
	union {
		struct nvme_tcp_give give;
		struct nvme_tcp_take take;
	};
	struct bio_vec buf;
	struct nvme_tcp_cmd pdu;
};

/**
 * struct weft_tcp_tx - the batch that is being sent, under tx_lock
 * @piece: memory to send, from @first to @nr
 * @own: pages of the queue's own among it, with a reference each
 * @page: the one that is being filled, up to @page_used
 * @ended: commands of which nothing more was due when the batch was made
 * @cmd: whose PDU is not complete yet; its remaining data, its digest so far
 * @term: a TermReq
 */
struct weft_tcp_tx {
	struct bio_vec piece[WEFT_TCP_TX_PIECES];
	struct page *own[WEFT_TCP_TX_PIECES];
	u32 first, nr, own_nr;
	struct page *page;
	u32 page_used;
	struct list_head ended;
	struct weft_tcp_cmd *cmd;
	u32 data_left;
	u32 crc;
	bool ddgst;
	u8 term[NVME_TCP_HDR_ROOM];
};

/* weft_tcp_queue.marks */
enum {
	WEFT_TCP_TX_WANT,	/* there may be something to send */
	WEFT_TCP_TX_FULL,	/* the socket: write_space takes it away */
	WEFT_TCP_FAULT,		/* the target broke the protocol: say so */
	WEFT_TCP_CLOSED,	/* the connection is of no use any more */
};

struct weft_tcp_ctrl;

/**
 * struct weft_tcp_queue - a connection
 *
 * Lives as long as the controller; what hangs on it only from alloc_queue to
 * free_queue.
 */
struct weft_tcp_queue {
	struct weft_tqueue base;
	struct weft_tcp_ctrl *ctrl;
	struct socket *sock;
	struct work_struct work;
	int cpu;		/* where @work runs */
	u16 depth;		/* tags */
	u32 room;		/* bytes of in-capsule data */
	struct nvme_tcp_ic ic;	/* as agreed on */
	unsigned long marks;
	bool polled;		/* ->poll alone receives */
	bool waits;		/* for the target to connect, or to agree */

	void (*data_ready)(struct sock *sk);
	void (*write_space)(struct sock *sk);
	void (*state_change)(struct sock *sk);

	/* the private commands, see exec.c */
	void *exec_buf;
	struct weft_tcp_cmd exec;
	struct weft_tcp_cmd aer;

	/* commands, under cmd_lock */
	spinlock_t cmd_lock ____cacheline_aligned_in_smp;
	bool open;
	u32 unsent;		/* requests queued since the last kick */
	struct list_head pending;
	struct weft_tcp_cmd **tags;	/* in flight, by tag */

	/* sending, under tx_lock */
	struct mutex tx_lock ____cacheline_aligned_in_smp;
	struct nvme_tcp_tx layout;
	struct weft_tcp_tx tx;
	int tx_err;		/* for which the socket takes no more */

	/* receiving, under the socket's lock */
	struct nvme_tcp_rx rx ____cacheline_aligned_in_smp;
	struct nvme_tcp_fault fault;
	struct weft_tcp_cmd *rx_cmd;	/* whose data is coming */
	bool rx_success;		/* which ends it */
	bool deaf;			/* nothing more is read */
	struct list_head done;		/* commands that this pass has ended */
	u32 done_nr;

	u64 count[WEFT_TCP_N_COUNT];
};

/**
 * struct weft_tcp_ctrl - a controller reached over TCP
 * @wait_lock: @broken_off and the queues' @waits
 * @broken_off: nobody waits for the target any more
 * @queues: admin queue and all I/O queues that the options allow
 */
struct weft_tcp_ctrl {
	struct weft_ctrl ctrl;
	struct weft_ip ip;
	struct mutex wait_lock;
	bool broken_off;
	u32 nr_queues;
	struct weft_tcp_queue queues[];
};

/* Private part of a request */
struct weft_tcp_request {
	struct weft_request base;
	struct weft_tcp_cmd cmd;
};

static inline struct weft_tcp_ctrl *to_tcp_ctrl(struct weft_ctrl *ctrl)
{
	return container_of(ctrl, struct weft_tcp_ctrl, ctrl);
}

/* main.c */
extern struct workqueue_struct *weft_tcp_wq;
extern struct weft_transport_ops weft_tcp_ops;
extern int weft_tcp_so_priority;
extern unsigned int weft_tcp_max_r2t;
extern unsigned int weft_tcp_connect_timeout;
extern unsigned int weft_tcp_icresp_timeout;

/* ctrl.c */
struct weft_ctrl *weft_tcp_create_ctrl(const struct weft_connstr *opts,
				       struct weft_reason *why);
void weft_tcp_free_ctrl(struct weft_ctrl *ctrl);
bool weft_tcp_existing_ctrl(struct weft_ctrl *ctrl,
			    const struct weft_connstr *opts);
void weft_tcp_address(struct weft_ctrl *ctrl, struct weft_text *t);

/* queue.c */
int weft_tcp_alloc_queue(struct weft_ctrl *ctrl,
			 const struct weft_queue_params *p,
			 struct weft_reason *why);
int weft_tcp_start_queue(struct weft_ctrl *ctrl, u16 qid);
void weft_tcp_stop_queue(struct weft_ctrl *ctrl, u16 qid);
void weft_tcp_free_queue(struct weft_ctrl *ctrl, u16 qid);
void weft_tcp_work(struct work_struct *work);
void weft_tcp_wake(struct weft_tcp_queue *q);

/* socket.c */
int weft_tcp_socks_init(void);
void weft_tcp_socks_exit(void);
int weft_tcp_sock_connect(struct weft_tcp_queue *q, struct weft_reason *why);
int weft_tcp_sock_negotiate(struct weft_tcp_queue *q, struct weft_reason *why);
void weft_tcp_sock_term(struct weft_tcp_queue *q);
void weft_tcp_sock_hook(struct weft_tcp_queue *q);
void weft_tcp_sock_unhook(struct weft_tcp_queue *q);
void weft_tcp_sock_cut(struct weft_tcp_queue *q);
void weft_tcp_sock_free(struct weft_tcp_queue *q);
void weft_tcp_break_off(struct weft_ctrl *ctrl);

/* submit.c */
blk_status_t weft_tcp_queue_rq(struct blk_mq_hw_ctx *hctx,
			       const struct blk_mq_queue_data *bd);
void weft_tcp_commit_rqs(struct blk_mq_hw_ctx *hctx);
void weft_tcp_cmd_prepare(struct weft_tcp_queue *q, struct weft_tcp_cmd *cmd);
bool weft_tcp_cmd_queue(struct weft_tcp_queue *q, struct weft_tcp_cmd *cmd);
bool weft_tcp_next_piece(struct weft_tcp_cursor *cur, u32 max,
			 struct bio_vec *piece);

/* send.c */
void weft_tcp_push(struct weft_tcp_queue *q);
void weft_tcp_send_term(struct weft_tcp_queue *q);
void weft_tcp_tx_drop(struct weft_tcp_queue *q);

/* receive.c */
u32 weft_tcp_recv(struct weft_tcp_queue *q, int *bytes);
int weft_tcp_poll(struct blk_mq_hw_ctx *hctx, struct io_comp_batch *iob);
bool weft_tcp_end_if_over(struct weft_tcp_queue *q, struct weft_tcp_cmd *cmd,
			  struct list_head *done);
void weft_tcp_finish(struct weft_tcp_queue *q, struct list_head *done);

/* exec.c */
int weft_tcp_exec(struct weft_ctrl *ctrl, u16 qid, struct weft_slot_cmd *cmd,
		  unsigned long timeout);
int weft_tcp_submit_aer(struct weft_ctrl *ctrl);

#endif
