/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of weft-rdma.ko share: the controller, the queue, the command
 * slots, and the functions between the files.
 *
 * A queue is a QP with its own CQ and its own PD. Everything that the device
 * reads or writes for it (command capsules, responses, the private slot's
 * buffer) is mapped once, when the queue is allocated, and lives longer than
 * the QP. Commands stand in slots; slot i < depth belongs to the tag i, then
 * come the private slot and, on the admin queue, the AER's slot.
 *
 * Two spinlocks, taken with bottom halves off: cq_lock makes the handling of
 * completions serial, sq_lock that of posting sends. Order: cq_lock, sq_lock.
 */
#ifndef WEFT_HOST_RDMA_H
#define WEFT_HOST_RDMA_H

#include <linux/list.h>
#include <linux/irq_poll.h>
#include <linux/scatterlist.h>
#include <linux/spinlock.h>
#include <rdma/ib_verbs.h>
#include <rdma/rdma_cm.h>

#include "common/rdma_cm.h"
#include "common/sgl.h"
#include "host/transport.h"

#define WEFT_RDMA_SEGMENTS	257	/* 1 MiB at any offset in 4 KiB pages */
#define WEFT_RDMA_INLINE_SG	4	/* in the request; more from the SG pool */
#define WEFT_RDMA_WC_BATCH	32	/* completions polled and handled at once */
#define WEFT_RDMA_CHAIN		16	/* requests before a chain is posted */
#define WEFT_RDMA_BUDGET	256	/* completions before softirq gives way */
#define WEFT_RDMA_CQE_STRIDE	64	/* a cache line for each response */
#define WEFT_RDMA_RESOLVE_MS	3000
#define WEFT_RDMA_CONNECT_MS	15000

/**
 * enum weft_rdma_count - what a queue counts, see ctrl.c for the names
 *
 * Plain increments: the submission counters under sq_lock, the others under
 * cq_lock, so they are exact.
 */
enum weft_rdma_count {
	WEFT_RDMA_N_COMMANDS,
	WEFT_RDMA_N_PLUGGED,
	WEFT_RDMA_N_SEND_WRS,
	WEFT_RDMA_N_DOORBELLS,
	WEFT_RDMA_N_SIGNALLED,
	WEFT_RDMA_N_INCAPSULE,
	WEFT_RDMA_N_MR_REGS,
	WEFT_RDMA_N_DMA_MAPS,
	WEFT_RDMA_N_BOUNCED,
	WEFT_RDMA_N_SQ_FULL,
	WEFT_RDMA_N_LOCAL_INV,		/* the last one under sq_lock */
	WEFT_RDMA_N_COMPLETIONS,
	WEFT_RDMA_N_RECV_POSTS,
	WEFT_RDMA_N_RECVS,
	WEFT_RDMA_N_REMOTE_INV,
	WEFT_RDMA_N_BATCHED,		/* under cq_lock but in polled queues */
	WEFT_RDMA_N_EVENTS,		/* one at a time: each is asked for */
	WEFT_RDMA_N_COUNT
};

/**
 * struct weft_rdma_area - equal pieces of DMA-mapped pages
 * @stride: bytes from one piece to the next; pieces do not cross pages
 */
struct weft_rdma_area {
	void **va;
	u64 *dma;
	u32 pages;
	u32 stride;
	u32 per_page;
	enum dma_data_direction dir;
};

static inline void *weft_rdma_area_va(const struct weft_rdma_area *a, u32 i)
{
	return a->va[i / a->per_page] + i % a->per_page * a->stride;
}

static inline u64 weft_rdma_area_dma(const struct weft_rdma_area *a, u32 i)
{
	return a->dma[i / a->per_page] + i % a->per_page * a->stride;
}

/**
 * struct weft_rdma_slot - a command's place on a queue, for the queue's life
 * @cmd: the capsule's command, mapped; the in-capsule padding follows it
 * @rq: the request that stands here, NULL for the private slots
 * @mr: memory region of the slot; only its key changes
 * @sge: the capsule and the gathered pieces of an in-capsule write
 * @send_end: @inv_end: SQ position just after the slot's SEND, LOCAL_INV
 * @next: list of slots whose LOCAL_INV is to be posted, or which are done
 * @wait: completions to come before the command is done; 0 = slot is free
 * @responded: the response has been taken
 * @registered: the SEND was chained behind a REG_MR
 *
 * Written by the submitter while @wait is 0 and until the SEND is posted, then
 * by the completion handling (cq_lock) until @wait is 0 again.
 */
struct weft_rdma_slot {
	union nvme_cmd *cmd;
	struct request *rq;
	struct ib_mr *mr;
	struct ib_sge *sge;
	struct weft_rdma_slot *next;
	struct ib_send_wr send;
	struct ib_reg_wr reg;
	struct ib_send_wr inv;
	struct ib_cqe send_cqe;
	struct ib_cqe inv_cqe;
	u64 result;
	u32 send_end;
	u32 inv_end;
	u16 status;
	u8 wait;
	bool responded;
	bool registered;
};

/**
 * struct weft_rdma_rx - a receive buffer for one response
 */
struct weft_rdma_rx {
	struct ib_recv_wr wr;
	struct ib_sge sge;
	struct ib_cqe cqe;
	struct nvme_cqe *data;
};

/**
 * struct weft_rdma_bounce - buffers for small data, see bounce.c
 * @area: a page for each tag
 * @limit: longest data that is bounced, bytes; 0 = none
 * @reg: @regions: the pages as remote memory
 */
struct weft_rdma_bounce {
	struct weft_rdma_area area;
	u32 limit;
	u32 regions;
	struct ib_reg_wr *reg;
};

struct weft_rdma_ctrl;

/**
 * struct weft_rdma_queue - a connection
 *
 * Lives as long as the controller; what hangs on it only from alloc_queue to
 * free_queue.
 */
struct weft_rdma_queue {
	struct weft_tqueue base;
	struct weft_rdma_ctrl *ctrl;
	u16 depth;		/* tags */
	u16 slots_nr;		/* tags and private slots */
	u32 rx_nr;
	u32 nsge;
	u32 sq_size;

	struct ib_device *dev;
	struct rdma_cm_id *id;
	struct ib_pd *pd;
	struct ib_cq *cq;
	struct ib_qp *qp;
	struct weft_rdma_area capsules;
	struct weft_rdma_area responses;
	struct weft_rdma_slot *slots;
	struct weft_rdma_rx *rx;
	struct ib_sge *sges;
	struct ib_cqe reg_cqe;
	u32 room;		/* bytes of in-capsule data */
	u32 icdoff;		/* bytes */
	struct weft_rdma_bounce bounce;

	/* connection set-up, see cm.c */
	struct completion cm_done;
	bool cm_waiting;
	enum rdma_cm_event_type cm_event;
	int cm_status;
	u8 cm_private_len;
	u8 cm_private[sizeof(struct nvme_rdma_cm_rep)];

	/* private slot, see exec.c */
	void *exec_buf;
	u64 exec_dma;
	bool exec_registered;

	/* submission, under sq_lock */
	spinlock_t sq_lock ____cacheline_aligned_in_smp;
	bool sq_open;
	struct ib_send_wr *chain;
	struct ib_send_wr *chain_tail;
	u32 chain_cmds;
	u32 sq_head;		/* position after the last WR of the chain */
	u32 sq_posted;		/* of the last WR posted; cq_lock reads it */
	u32 sq_retired;		/* of the last WR known done; cq_lock writes */
	u32 unsignalled;	/* WRs since the last signalled one */
	u32 signal_every;

	/* completion, under cq_lock */
	spinlock_t cq_lock ____cacheline_aligned_in_smp;
	struct irq_poll iop;
	struct work_struct work;	/* instead of @iop, of the polled kind */
	bool polled;		/* by ->poll alone: the CQ is not armed */
	bool broken;		/* the peer broke the protocol: hear no more */
	struct ib_recv_wr *rx_chain;
	struct ib_recv_wr **rx_tail;
	struct weft_rdma_slot *inv_list;
	struct weft_rdma_slot *done_list;
	struct weft_rdma_slot **done_tail;
	struct ib_wc wc[WEFT_RDMA_WC_BATCH];

	u64 count[WEFT_RDMA_N_COUNT];
};

/**
 * struct weft_rdma_ctrl - a controller reached over RDMA
 * @dev: the admin queue's device while that is allocated; under
 *       weft_rdma_ctrls_lock
 * @leaving: @dev goes away: this attempt is of no use; under the same lock
 * @broken_off: nobody waits for the target any more
 * @queues: admin queue and all I/O queues that the options allow
 */
struct weft_rdma_ctrl {
	struct weft_ctrl ctrl;
	struct list_head link;
	struct ib_device *dev;
	struct weft_ip ip;
	bool leaving;
	bool broken_off;
	u32 nr_queues;
	struct weft_rdma_queue queues[];
};

/**
 * struct weft_rdma_request - private part of a request
 * @bounce: the buffer that its data goes through, or NULL
 * @nents: entries of @table that are mapped for DMA; 0 = nothing to undo
 */
struct weft_rdma_request {
	struct weft_request base;
	void *bounce;
	struct sg_table table;
	u32 nents;
	struct scatterlist sg[WEFT_RDMA_INLINE_SG];
};

static inline struct weft_rdma_ctrl *to_rdma_ctrl(struct weft_ctrl *ctrl)
{
	return container_of(ctrl, struct weft_rdma_ctrl, ctrl);
}

static inline struct weft_rdma_slot *
weft_rdma_exec_slot(struct weft_rdma_queue *q)
{
	return &q->slots[q->depth];
}

static inline struct weft_rdma_slot *
weft_rdma_aer_slot(struct weft_rdma_queue *q)
{
	return &q->slots[q->depth + 1];
}

/* main.c */
extern struct mutex weft_rdma_ctrls_lock;
extern struct list_head weft_rdma_ctrls;
extern struct workqueue_struct *weft_rdma_wq;
extern struct weft_transport_ops weft_rdma_ops;
bool weft_rdma_device_stays(struct ib_device *dev);

/* ctrl.c */
struct weft_ctrl *weft_rdma_create_ctrl(const struct weft_connstr *opts,
					struct weft_reason *why);
void weft_rdma_free_ctrl(struct weft_ctrl *ctrl);
bool weft_rdma_existing_ctrl(struct weft_ctrl *ctrl,
			     const struct weft_connstr *opts);
int weft_rdma_use_device(struct weft_rdma_queue *q, struct weft_reason *why);

/* cm.c */
int weft_rdma_cm_resolve(struct weft_rdma_queue *q, struct weft_reason *why);
int weft_rdma_cm_connect(struct weft_rdma_queue *q, struct weft_reason *why);
void weft_rdma_break_off(struct weft_ctrl *ctrl);
void weft_rdma_leave_device(struct weft_rdma_ctrl *rc);
void weft_rdma_cm_destroy(struct weft_rdma_queue *q);

/* queue.c */
int weft_rdma_alloc_queue(struct weft_ctrl *ctrl,
			  const struct weft_queue_params *p,
			  struct weft_reason *why);
int weft_rdma_start_queue(struct weft_ctrl *ctrl, u16 qid);
void weft_rdma_stop_queue(struct weft_ctrl *ctrl, u16 qid);
void weft_rdma_free_queue(struct weft_ctrl *ctrl, u16 qid);

/* slots.c */
int weft_rdma_slots_alloc(struct weft_rdma_queue *q, struct weft_reason *why);
void weft_rdma_slots_free(struct weft_rdma_queue *q);
int weft_rdma_area_alloc(struct weft_rdma_queue *q, struct weft_rdma_area *a,
			 u32 pieces, u32 stride, enum dma_data_direction dir);
void weft_rdma_area_free(struct weft_rdma_queue *q, struct weft_rdma_area *a);

/* bounce.c */
u32 weft_rdma_bounce_size(struct weft_rdma_queue *q);
int weft_rdma_bounce_alloc(struct weft_rdma_queue *q);
void weft_rdma_bounce_free(struct weft_rdma_queue *q);
void weft_rdma_bounce_register(struct weft_rdma_queue *q);
bool weft_rdma_bounce_map(struct weft_rdma_queue *q, struct request *rq,
			  struct weft_rdma_slot *slot, enum nvme_xfer_dir dir,
			  u32 len);
void weft_rdma_bounce_end(struct weft_rdma_queue *q, struct request *rq);

/* submit.c */
blk_status_t weft_rdma_queue_rq(struct blk_mq_hw_ctx *hctx,
				const struct blk_mq_queue_data *bd);
void weft_rdma_commit_rqs(struct blk_mq_hw_ctx *hctx);
void weft_rdma_queue_rqs(weft_rq_list *list);
void weft_rdma_unmap_rq(struct weft_rdma_queue *q, struct request *rq);
void weft_rdma_append(struct weft_rdma_queue *q, struct ib_send_wr *first,
		      struct ib_send_wr *last, u32 wrs);
void weft_rdma_flush(struct weft_rdma_queue *q);
bool weft_rdma_chain_cmd(struct weft_rdma_queue *q,
			 struct weft_rdma_slot *slot, bool must_wait);

/* exec.c */
int weft_rdma_exec(struct weft_ctrl *ctrl, u16 qid, struct weft_slot_cmd *cmd,
		   unsigned long timeout);
int weft_rdma_submit_aer(struct weft_ctrl *ctrl);

/* complete.c */
void weft_rdma_cq_event(struct ib_cq *cq, void *context);
bool weft_rdma_rearm(struct weft_rdma_queue *q);
int weft_rdma_irq_poll(struct irq_poll *iop, int budget);
void weft_rdma_cq_work(struct work_struct *work);
int weft_rdma_poll(struct blk_mq_hw_ctx *hctx, struct io_comp_batch *iob);
void weft_rdma_complete_rq(struct request *rq);
void weft_rdma_recv_done(struct ib_cq *cq, struct ib_wc *wc);
void weft_rdma_send_done(struct ib_cq *cq, struct ib_wc *wc);
void weft_rdma_inv_done(struct ib_cq *cq, struct ib_wc *wc);
void weft_rdma_reg_done(struct ib_cq *cq, struct ib_wc *wc);

#endif
