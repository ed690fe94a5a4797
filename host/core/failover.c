// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bios on their way through a head: to a path; back, if the path fails; into
 * the queue of those that wait for one. Bios leave that queue when something
 * has changed: a path came, went, became usable or was given up.
 *
 * A bio goes to its path's queue before the submitter leaves the head's SRCU,
 * so that a path that was taken off the list meets no bio any more. Flushes
 * are cloned: the block layer takes them apart on the path's queue, and its
 * steps cannot move to another path; the original can.
 *
 * Submission is in process context, failures come in any.
 */
#include <linux/workqueue.h>
#include <trace/events/block.h>

#include "host/core/head.h"

#define WEFT_FLUSH_RESERVE	16

/* What a step of a flush ends with if its bio shall try another path */
#define STS_OTHER_PATH		BLK_STS_AGAIN

/* Bios that are sent again. Writeback may depend on it: has its own rescuer. */
struct workqueue_struct *weft_requeue_wq;
static struct bio_set flush_bios;

/* weft_head_kick() - try again what waits for a path; any context */
void weft_head_kick(struct weft_head *head)
{
	queue_work(weft_requeue_wq, &head->requeue_work);
}

static struct weft_head *head_of(struct bio *bio)
{
	return bio->bi_bdev->bd_disk->private_data;
}

static void requeue_work(struct work_struct *work)
{
	struct weft_head *head = container_of(work, struct weft_head,
					      requeue_work);
	struct bio_list list;
	struct bio *bio;

	spin_lock_irq(&head->requeue_lock);
	list = head->requeue_list;
	bio_list_init(&head->requeue_list);
	spin_unlock_irq(&head->requeue_lock);
	while ((bio = bio_list_pop(&list)))
		submit_bio_noacct(bio);
}

void weft_head_init_requeue(struct weft_head *head)
{
	spin_lock_init(&head->requeue_lock);
	bio_list_init(&head->requeue_list);
	INIT_WORK(&head->requeue_work, requeue_work);
}

static void to_head(struct weft_head *head, struct bio *bio)
{
	bio_set_dev(bio, head->disk->part0);
	bio->bi_opf &= ~WEFT_REQ_MPATH;
	weft_defer_bio(bio);
}

static void park(struct weft_head *head, struct bio *bio)
{
	unsigned long flags;

	to_head(head, bio);
	spin_lock_irqsave(&head->requeue_lock, flags);
	bio_list_add(&head->requeue_list, bio);
	spin_unlock_irqrestore(&head->requeue_lock, flags);
}

static void flush_end(struct bio *clone)
{
	struct bio *bio = clone->bi_private;
	struct weft_head *head = head_of(bio);

	if (clone->bi_status == STS_OTHER_PATH) {
		park(head, bio);
		weft_head_kick(head);
	} else {
		bio->bi_status = clone->bi_status;
		bio_endio(bio);
	}
	bio_put(clone);
}

static struct bio *clone_flush(struct bio *bio, struct block_device *path)
{
	gfp_t gfp = bio->bi_opf & REQ_NOWAIT ? GFP_NOWAIT : GFP_NOIO;
	struct bio *clone = bio_alloc_clone(path, bio, gfp, &flush_bios);

	if (!clone) {
		bio_wouldblock_error(bio);
		return NULL;
	}
	/* BLK_STS_AGAIN has another meaning here */
	clone->bi_opf &= ~REQ_NOWAIT;
	clone->bi_private = bio;
	clone->bi_end_io = flush_end;
	return clone;
}

/*
 * Into the path's queue now, not when the caller's submission is over: path
 * disks are of the request-based kind, so this goes one level deep.
 */
static void submit_now(struct bio *bio)
{
	struct bio_list *outer = current->bio_list;

	current->bio_list = NULL;
	submit_bio_noacct(bio);
	current->bio_list = outer;
}

static void submit_to(struct weft_head *head, struct weft_ns *ns,
		      struct bio *bio)
{
	struct block_device *path = ns->disk->part0;

	if (bio->bi_opf & REQ_PREFLUSH) {
		bio = clone_flush(bio, path);
		if (!bio)
			return;
	} else {
		bio_set_dev(bio, path);
	}
	/* 6.12 refuses what a disk cannot poll for; other paths may be able to */
	if (unlikely(bio->bi_opf & REQ_POLLED) && !ns->limits.poll)
		weft_unpoll_bio(bio);
	bio->bi_opf |= WEFT_REQ_MPATH;
	trace_block_bio_remap(bio, disk_devt(head->disk),
			      bio->bi_iter.bi_sector);
	submit_now(bio);
}

/*
 * Who changes a path kicks afterwards; if that was between our look and the
 * queue, we see it now.
 */
static void wait_for_path(struct weft_head *head, struct bio *bio)
{
	dev_warn_ratelimited(disk_to_dev(head->disk),
			     "no usable path: I/O waits for one\n");
	park(head, bio);
	smp_mb();
	if (weft_find_path(head) || !weft_head_can_recover(head))
		weft_head_kick(head);
}

/* weft_head_submit_bio() - &block_device_operations.submit_bio of heads */
void weft_head_submit_bio(struct bio *bio)
{
	struct weft_head *head = head_of(bio);
	struct weft_ns *ns;
	int idx;

	bio = bio_split_to_limits(bio);
	if (!bio)
		return;
	idx = srcu_read_lock(&head->srcu);
	ns = weft_find_path(head);
	if (likely(ns))
		submit_to(head, ns, bio);
	else if (weft_head_can_recover(head))
		wait_for_path(head, bio);
	else
		bio_io_error(bio);
	srcu_read_unlock(&head->srcu, idx);
}

/* weft_may_fail_over() - did @rq fail because of its path, and may it move? */
bool weft_may_fail_over(struct request *rq)
{
	nvme_status status = weft_req(rq)->status;

	return rq->cmd_flags & WEFT_REQ_MPATH &&
	       !weft_noretry_rq(rq) && !nvme_status_dnr(status) &&
	       (nvme_status_is_path_error(status) || blk_queue_dying(rq->q));
}

/* Until a path is tried again that answers with errors of the path */
#define TROUBLE_PAUSE	HZ

/* weft_trouble_work() - what has gone wrong on a path may go well now */
void weft_trouble_work(struct work_struct *work)
{
	struct weft_ctrl_core *core = container_of(to_delayed_work(work),
						   struct weft_ctrl_core,
						   trouble_work);
	struct weft_ns *ns;

	mutex_lock(&core->ns_lock);
	list_for_each_entry(ns, &core->namespaces, link)
		WRITE_ONCE(ns->troubled, false);
	mutex_unlock(&core->ns_lock);
	weft_kick_paths(core);
}

/* Others that have been in trouble for longer do not wait for this one. */
static void path_troubled(struct weft_ns *ns)
{
	struct weft_ctrl_core *core = ns->ctrl->core;

	WRITE_ONCE(ns->troubled, true);
	/* either the work finds this set, or we find it no more pending */
	smp_mb();
	if (!delayed_work_pending(&core->trouble_work) &&
	    !weft_queue_live(core, &core->trouble_work, TROUBLE_PAUSE) &&
	    weft_ctrl_state(ns->ctrl) < WEFT_CTRL_DELETING)
		WRITE_ONCE(ns->troubled, false);
}

static bool is_ana_error(nvme_status status)
{
	switch (nvme_status_code(status)) {
	case NVME_SC_ANA_PERSISTENT_LOSS:
	case NVME_SC_ANA_INACCESSIBLE:
	case NVME_SC_ANA_TRANSITION:
		return true;
	default:
		return false;
	}
}

static void path_failed(struct weft_ns *ns, const struct weft_request *req)
{
	struct weft_ctrl_core *core = ns->ctrl->core;

	/* the state of the controller says so already */
	if (req->flags & (WEFT_RQ_CANCELLED | WEFT_RQ_REFUSED))
		return;
	if (core->ana_size && is_ana_error(req->status)) {
		/* not before the log says how things are */
		WRITE_ONCE(ns->ana_pending, true);
		weft_queue_ana(core, 0);
	} else if (nvme_status_is_path_error(req->status)) {
		path_troubled(ns);
	}
}

/*
 * weft_fail_over() - the bios of @rq go back to the head
 * Return: what to end @rq with: it has no bios any more, or it is a step of a
 * flush, whose original goes back when the flush ends with this.
 */
blk_status_t weft_fail_over(struct request *rq)
{
	struct weft_ns *ns = rq->q->queuedata;
	struct weft_head *head = ns->head;
	unsigned long flags;
	struct bio *bio;

	path_failed(ns, weft_req(rq));
	if (rq->end_io || !rq->bio) {
		rq->rq_flags |= RQF_QUIET;
		return STS_OTHER_PATH;
	}
	for (bio = rq->bio; bio; bio = bio->bi_next)
		to_head(head, bio);
	spin_lock_irqsave(&head->requeue_lock, flags);
	blk_steal_bios(&head->requeue_list, rq);
	spin_unlock_irqrestore(&head->requeue_lock, flags);
	weft_head_kick(head);
	/* no bio is left to get it */
	return BLK_STS_TRANSPORT;
}

/* weft_refuse_rq() - it has not been sent, nor will be: what it ends with */
blk_status_t weft_refuse_rq(struct weft_ctrl *ctrl, struct request *rq)
{
	struct weft_request *req = weft_req(rq);

	req->ctrl = ctrl;
	req->flags = WEFT_RQ_REFUSED;
	req->status = NVME_SC_HOST_PATH_ERROR;
	return weft_may_fail_over(rq) ? weft_fail_over(rq) : BLK_STS_TRANSPORT;
}

/* weft_kick_paths() - @core can be used again, or never more */
void weft_kick_paths(struct weft_ctrl_core *core)
{
	struct weft_ns *ns;

	mutex_lock(&core->ns_lock);
	list_for_each_entry(ns, &core->namespaces, link) {
		if (!ns->head->disk)
			continue;
		/* the connection may have broken before its disk was added */
		if (!READ_ONCE(ns->head->shown))
			queue_work(weft_wq, &ns->head->show_work);
		weft_head_kick(ns->head);
	}
	mutex_unlock(&core->ns_lock);
}

int weft_failover_init(void)
{
	int err;

	weft_requeue_wq = alloc_workqueue("weft_requeue",
					  WQ_UNBOUND | WQ_HIGHPRI |
					  WQ_MEM_RECLAIM, 0);
	if (!weft_requeue_wq)
		return -ENOMEM;
	err = bioset_init(&flush_bios, WEFT_FLUSH_RESERVE, 0, 0);
	if (err)
		destroy_workqueue(weft_requeue_wq);
	return err;
}

void weft_failover_exit(void)
{
	destroy_workqueue(weft_requeue_wq);
	bioset_exit(&flush_bios);
}
