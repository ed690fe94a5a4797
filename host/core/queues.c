// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues and tag sets: how many I/O queues, of which kind, on which hardware
 * context; stopping, cancelling and quiescing all of them at once.
 *
 * Called by whoever has the life of the controller in hand (its creator, the
 * life work), and by the abort work, which only stops and cancels.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/slab.h>

#include "common/queue.h"
#include "host/core/head.h"

static void io_capsule(struct weft_ctrl *ctrl, struct nvme_capsule_limits *l)
{
	l->ioccsz = ctrl->info.ioccsz;
	l->icdoff = ctrl->info.icdoff;
	l->sgls = ctrl->info.sgls;
}

/* Deals @granted queues out: default first, then read, then poll. */
static void split_queues(struct weft_ctrl_core *core, unsigned int granted)
{
	const struct weft_connstr *o = core->ctrl->opts;
	unsigned int cpus = num_online_cpus();
	unsigned int io = min_t(unsigned int, o->nr_io_queues ?: cpus, cpus);
	unsigned int wr = min_t(unsigned int, o->nr_write_queues, cpus);
	unsigned int poll = min_t(unsigned int, o->nr_poll_queues, cpus);
	unsigned int *n = core->io_types;

	n[HCTX_TYPE_READ] = 0;
	if (wr && granted > 1) {
		n[HCTX_TYPE_READ] = min(io, granted - 1);
		n[HCTX_TYPE_DEFAULT] = min(wr, granted - n[HCTX_TYPE_READ]);
	} else {
		n[HCTX_TYPE_DEFAULT] = min(io, granted);
	}
	granted -= n[HCTX_TYPE_DEFAULT] + n[HCTX_TYPE_READ];
	n[HCTX_TYPE_POLL] = min(poll, granted);
	core->nr_hw_queues = n[HCTX_TYPE_DEFAULT] + n[HCTX_TYPE_READ] +
			     n[HCTX_TYPE_POLL];
}

static int count_queues(struct weft_ctrl_core *core, struct weft_reason *why)
{
	struct weft_ctrl *ctrl = core->ctrl;
	unsigned int total;
	u32 result;
	int err;

	split_queues(core, UINT_MAX);
	total = min(core->nr_hw_queues, ctrl->max_io_queues);
	if (!total)
		return weft_fail(why, -EINVAL,
				 "nr_io_queues: the device offers no queue");
	err = weft_set_features(core, NVME_FEAT_NUM_QUEUES,
				nvme_num_queues_cdw11(total), &result, why);
	if (err)
		return err;
	split_queues(core, nvme_num_queues_granted(result, total));
	return 0;
}

static enum hctx_type queue_type(struct weft_ctrl_core *core, unsigned int i)
{
	if (i < core->io_types[HCTX_TYPE_DEFAULT])
		return HCTX_TYPE_DEFAULT;
	i -= core->io_types[HCTX_TYPE_DEFAULT];
	return i < core->io_types[HCTX_TYPE_READ] ? HCTX_TYPE_READ :
						    HCTX_TYPE_POLL;
}

/*
 * Until contexts are fitted to the queues there are now, those of the former
 * kinds lead to the queue of their number, and nobody polls for them.
 */
static bool is_mixed(const struct weft_ctrl_core *core, unsigned int i)
{
	const unsigned int *n = core->mapped_types;

	return core->ctrl->tag_set.tags &&
	       i < n[HCTX_TYPE_DEFAULT] + n[HCTX_TYPE_READ];
}

/* weft_configure_io_queues() - ask for, connect and start I/O queues */
int weft_configure_io_queues(struct weft_ctrl_core *core,
			     struct weft_reason *why)
{
	struct weft_ctrl *ctrl = core->ctrl;
	struct weft_queue_params p = {
		.depth = core->depth,
		.sqsize = core->sqsize,
		.cntlid = ctrl->cntlid,
	};
	unsigned int i;
	int err = count_queues(core, why);

	if (err)
		return err;
	io_capsule(ctrl, &p.capsule);
	for (i = 0; i < core->nr_hw_queues; i++) {
		p.qid = i + 1;
		p.hctx_type = queue_type(core, i);
		p.mixed = p.hctx_type == HCTX_TYPE_POLL && is_mixed(core, i);
		err = weft_connect_queue(core, &p, why);
		if (err)
			return err;
	}
	ctrl->queue_count = core->nr_hw_queues + 1;
	return weft_alloc_io_set(core, why);
}

void weft_map_queues(struct blk_mq_tag_set *set)
{
	struct weft_ctrl *ctrl = set->driver_data;
	const unsigned int *n = ctrl->core->io_types;
	struct blk_mq_queue_map *map = set->map;

	memcpy(ctrl->core->mapped_types, n, sizeof(ctrl->core->mapped_types));
	map[HCTX_TYPE_DEFAULT].nr_queues = n[HCTX_TYPE_DEFAULT];
	map[HCTX_TYPE_DEFAULT].queue_offset = 0;
	/* without queues of their own, reads share those of writes */
	map[HCTX_TYPE_READ].nr_queues = n[HCTX_TYPE_READ] ?:
					n[HCTX_TYPE_DEFAULT];
	map[HCTX_TYPE_READ].queue_offset = n[HCTX_TYPE_READ] ?
					   n[HCTX_TYPE_DEFAULT] : 0;
	blk_mq_map_queues(&map[HCTX_TYPE_DEFAULT]);
	blk_mq_map_queues(&map[HCTX_TYPE_READ]);
	if (set->nr_maps <= HCTX_TYPE_POLL)
		return;
	/* and so does what wants to be polled: else it would be refused */
	map[HCTX_TYPE_POLL].nr_queues = n[HCTX_TYPE_POLL] ?:
					n[HCTX_TYPE_DEFAULT];
	map[HCTX_TYPE_POLL].queue_offset = n[HCTX_TYPE_POLL] ?
		n[HCTX_TYPE_DEFAULT] + n[HCTX_TYPE_READ] : 0;
	blk_mq_map_queues(&map[HCTX_TYPE_POLL]);
}
EXPORT_SYMBOL_GPL(weft_map_queues);

/* weft_alloc_admin_set() - once per controller; later calls do nothing */
int weft_alloc_admin_set(struct weft_ctrl_core *core, unsigned int depth,
			 struct weft_reason *why)
{
	struct weft_ctrl *ctrl = core->ctrl;
	struct blk_mq_tag_set *set = &ctrl->admin_tag_set;
	struct request_queue *q;
	int err;

	if (ctrl->admin_q)
		return 0;
	set->ops = ctrl->ops->admin_mq_ops;
	set->queue_depth = depth;
	set->nr_hw_queues = 1;
	set->numa_node = ctrl->dma_dev_node;
	set->cmd_size = ctrl->ops->cmd_size;
	set->flags = BLK_MQ_F_NO_SCHED;
	if (ctrl->ops->blocking)
		set->flags |= BLK_MQ_F_BLOCKING;
	set->timeout = weft_admin_timeout * HZ;
	set->driver_data = ctrl;
	err = blk_mq_alloc_tag_set(set);
	if (err)
		return weft_fail(why, err, "no memory for admin requests");
	q = weft_alloc_queue(set);
	if (IS_ERR(q)) {
		blk_mq_free_tag_set(set);
		return weft_fail(why, PTR_ERR(q), "no memory for admin_q");
	}
	ctrl->admin_q = q;
	return weft_set_limits(q, &(struct weft_limits) {
		.block = SECTOR_SIZE,
		.physical = SECTOR_SIZE,
		.max_bytes = core->max_bytes,
		.max_segments = ctrl->max_segments,
		.virt_boundary = ctrl->virt_boundary,
	});
}

/* weft_alloc_io_set() - once per controller; later calls do nothing */
int weft_alloc_io_set(struct weft_ctrl_core *core, struct weft_reason *why)
{
	struct weft_ctrl *ctrl = core->ctrl;
	struct blk_mq_tag_set *set = &ctrl->tag_set;
	int err;

	if (set->tags)
		return 0;
	set->ops = ctrl->ops->mq_ops;
	set->queue_depth = core->depth;
	set->nr_hw_queues = core->nr_hw_queues;
	/* what is not granted now may be with the next connect */
	set->nr_maps = ctrl->opts->nr_poll_queues ? HCTX_MAX_TYPES : 2;
	set->numa_node = ctrl->dma_dev_node;
	set->cmd_size = ctrl->ops->cmd_size;
	/* one queue or many: a fabric orders nothing, so no scheduler either */
	set->flags = BLK_MQ_F_SHOULD_MERGE | BLK_MQ_F_NO_SCHED_BY_DEFAULT;
	if (ctrl->ops->blocking && WEFT_SHARED_SET_BLOCKS)
		set->flags |= BLK_MQ_F_BLOCKING;
	set->timeout = weft_io_timeout * HZ;
	set->driver_data = ctrl;
	err = blk_mq_alloc_tag_set(set);
	if (err) {
		set->tags = NULL;
		return weft_fail(why, err, "no memory for %u x %u requests",
				 core->nr_hw_queues, core->depth);
	}
	return 0;
}

/* admin_q itself stays until the last reference: ioctl may hold a request */
void weft_free_tag_sets(struct weft_ctrl_core *core)
{
	struct weft_ctrl *ctrl = core->ctrl;

	if (ctrl->tag_set.tags)
		blk_mq_free_tag_set(&ctrl->tag_set);
	if (ctrl->admin_q) {
		blk_mq_destroy_queue(ctrl->admin_q);
		blk_mq_free_tag_set(&ctrl->admin_tag_set);
	}
}

/* Waits in slices, so that a target that dies meanwhile is recovered. */
static bool freeze_wait(struct weft_ctrl_core *core, struct request_queue *q)
{
	unsigned int left = READ_ONCE(weft_io_timeout);

	while (left-- && weft_ctrl_state(core->ctrl) == WEFT_CTRL_LIVE)
		if (blk_mq_freeze_queue_wait_timeout(q, HZ))
			return true;
	return false;
}

static struct request_queue *own_queue(const struct weft_ns *ns)
{
	return ns->disk->queue;
}

/* Of the multipath disk that @ns is a path of, or NULL */
static struct request_queue *head_queue(const struct weft_ns *ns)
{
	return ns->head->disk ? ns->head->disk->queue : NULL;
}

/*
 * No request is under way and none starts in the queues that @queue_of tells;
 * the caller holds ns_lock. The controller is live: requests must be able to
 * finish, or the freeze would never end. Freezes nest. @wait: unless an earlier
 * one has failed. Return: false if they did not end in time.
 */
static bool freeze_all(struct weft_ctrl_core *core,
		       struct request_queue *(*queue_of)(const struct weft_ns *),
		       bool wait)
{
	struct weft_ns *ns;

	list_for_each_entry(ns, &core->namespaces, link)
		if (queue_of(ns))
			blk_freeze_queue_start(queue_of(ns));
	list_for_each_entry(ns, &core->namespaces, link)
		if (queue_of(ns))
			wait = wait && freeze_wait(core, queue_of(ns));
	return wait;
}

/*
 * Requests that are held end only when somebody lets them go who needs ns_lock.
 * Return: with ns_lock if none are; false without it.
 */
static bool lock_flowing(struct weft_ctrl_core *core)
{
	wait_event_timeout(core->state_wq,
			   READ_ONCE(core->hold) == WEFT_HOLD_NONE ||
			   weft_ctrl_state(core->ctrl) != WEFT_CTRL_LIVE,
			   READ_ONCE(weft_io_timeout) * HZ);
	mutex_lock(&core->ns_lock);
	if (core->hold == WEFT_HOLD_NONE)
		return true;
	mutex_unlock(&core->ns_lock);
	return false;
}

/* weft_unfreeze_ns() - if it is frozen; the caller holds ns_lock */
void weft_unfreeze_ns(struct weft_ns *ns)
{
	if (!ns->frozen)
		return;
	blk_mq_unfreeze_queue(own_queue(ns));
	if (head_queue(ns))
		blk_mq_unfreeze_queue(head_queue(ns));
	ns->frozen = false;
}

/*
 * weft_freeze_io() - hold back I/O for as long as a command wants to be alone
 * Under effects_lock, so once at a time; undone by weft_unfreeze_io(), also
 * after a failure. Multipath disks come first: the command may concern all
 * their paths, and who waited for the queue of one of them would keep the
 * others from being removed.
 * Return: false if requests did not end in time or the controller is not live.
 */
bool weft_freeze_io(struct weft_ctrl_core *core)
{
	struct weft_ns *ns;
	bool frozen;

	lockdep_assert_held(&core->effects_lock);
	if (!lock_flowing(core))
		return false;
	frozen = freeze_all(core, head_queue, true);
	frozen = freeze_all(core, own_queue, frozen);
	list_for_each_entry(ns, &core->namespaces, link)
		ns->frozen = true;
	mutex_unlock(&core->ns_lock);
	return frozen;
}

/* weft_unfreeze_io() - namespaces that came in between are not frozen */
void weft_unfreeze_io(struct weft_ctrl_core *core)
{
	struct weft_ns *ns;

	mutex_lock(&core->ns_lock);
	list_for_each_entry(ns, &core->namespaces, link)
		weft_unfreeze_ns(ns);
	mutex_unlock(&core->ns_lock);
}

/* Other CPUs online or another grant may change the kinds and not their sum. */
static bool io_set_fits(const struct weft_ctrl_core *core)
{
	return core->ctrl->tag_set.nr_hw_queues == core->nr_hw_queues &&
	       !memcmp(core->mapped_types, core->io_types,
		       sizeof(core->io_types));
}

/*
 * A context whose last CPU goes offline takes no requests until that comes back.
 * If it belonged to no CPU at that moment, because the kinds of queues had
 * changed meanwhile, the block layer leaves it so: I/O would wait for ever.
 */
static void activate_contexts(struct weft_ctrl_core *core)
{
	struct blk_mq_hw_ctx *hctx;
	struct weft_ns *ns;
	unsigned long i;

	cpus_read_lock();
	list_for_each_entry(ns, &core->namespaces, link)
		queue_for_each_hw_ctx(ns->disk->queue, hctx, i)
			if (cpumask_intersects(hctx->cpumask, cpu_online_mask))
				clear_bit(BLK_MQ_S_INACTIVE, &hctx->state);
	cpus_read_unlock();
}

/* weft_resize_io_set() - fit hardware contexts to the queues there are now */
int weft_resize_io_set(struct weft_ctrl_core *core, struct weft_reason *why)
{
	const unsigned int *n = core->io_types, *old = core->mapped_types;
	struct weft_ctrl *ctrl = core->ctrl;
	struct weft_ns *ns;
	bool frozen;

	if (!ctrl->tag_set.tags || io_set_fits(core))
		return 0;
	dev_info(ctrl->device,
		 "I/O queues (default, read, poll): %u, %u, %u, before: %u, %u, %u\n",
		 n[HCTX_TYPE_DEFAULT], n[HCTX_TYPE_READ], n[HCTX_TYPE_POLL],
		 old[HCTX_TYPE_DEFAULT], old[HCTX_TYPE_READ],
		 old[HCTX_TYPE_POLL]);
	mutex_lock(&core->ns_lock);
	frozen = freeze_all(core, own_queue, true);
	if (frozen) {
		blk_mq_update_nr_hw_queues(&ctrl->tag_set, core->nr_hw_queues);
		activate_contexts(core);
	}
	list_for_each_entry(ns, &core->namespaces, link)
		blk_mq_unfreeze_queue(ns->disk->queue);
	mutex_unlock(&core->ns_lock);
	if (!frozen)
		return weft_fail(why, -ETIMEDOUT,
			"I/O did not end, so the number of queues cannot change");
	return 0;
}

/* weft_stop_queues() - stop queues from @from up, the last one first */
void weft_stop_queues(struct weft_ctrl_core *core, unsigned int from)
{
	unsigned int i;

	mutex_lock(&core->stop_lock);
	for (i = core->nr_queues; i > from; i--)
		core->ctrl->ops->stop_queue(core->ctrl, i - 1);
	mutex_unlock(&core->stop_lock);
}

/* weft_free_queues() - after all were stopped and requests cancelled */
void weft_free_queues(struct weft_ctrl_core *core)
{
	mutex_lock(&core->stop_lock);
	while (core->nr_queues)
		core->ctrl->ops->free_queue(core->ctrl, --core->nr_queues);
	mutex_unlock(&core->stop_lock);
}

/*
 * One look at the state: a request that was answered with an error may be put
 * back for a retry between two, and would then end while it is on that list.
 */
static bool cancel_rq(struct request *rq, void *data)
{
	if (blk_mq_rq_state(rq) != MQ_RQ_IN_FLIGHT)
		return true;
	weft_req(rq)->status = NVME_SC_HOST_ABORTED_CMD;
	weft_req(rq)->flags |= WEFT_RQ_CANCELLED;
	atomic64_inc(&weft_req(rq)->ctrl->core->cancelled);
	blk_mq_complete_request(rq);
	return true;
}

static void cancel_set(struct blk_mq_tag_set *set)
{
	if (!set->tags)
		return;
	blk_mq_tagset_busy_iter(set, cancel_rq, NULL);
	blk_mq_tagset_wait_completed_request(set);
}

/*
 * weft_end_requests() - stop all queues and end what they have not answered
 *
 * A recovery and a deletion may come here at the same time, and the block layer
 * does not notice when a request is ended twice. Nor must one be ended that is
 * just being submitted: those of disks are held back already, by
 * weft_quiesce_io(). A first connect may make the admin queue meanwhile.
 */
void weft_end_requests(struct weft_ctrl_core *core)
{
	struct weft_ctrl *ctrl = core->ctrl;
	struct request_queue *admin_q = READ_ONCE(ctrl->admin_q);

	if (admin_q)
		blk_mq_quiesce_queue(admin_q);
	weft_stop_queues(core, 0);
	mutex_lock(&core->stop_lock);
	cancel_set(&ctrl->tag_set);
	cancel_set(&ctrl->admin_tag_set);
	mutex_unlock(&core->stop_lock);
	if (admin_q)
		blk_mq_unquiesce_queue(admin_q);
}

/* weft_quiesce_io() - no queue_rq runs or starts; idempotent */
void weft_quiesce_io(struct weft_ctrl_core *core)
{
	struct weft_ns *ns;

	mutex_lock(&core->ns_lock);
	WRITE_ONCE(core->hold, WEFT_HOLD_ALL);
	list_for_each_entry(ns, &core->namespaces, link) {
		if (!ns->quiesced)
			blk_mq_quiesce_queue_nowait(ns->disk->queue);
		WRITE_ONCE(ns->quiesced, true);
	}
	/* one grace period, not one for each of a thousand disks */
	list_for_each_entry(ns, &core->namespaces, link)
		if (weft_wait_quiesce_done(ns->disk->queue))
			break;
	mutex_unlock(&core->ns_lock);
}

static void loosen(struct weft_ctrl_core *core, enum weft_hold hold)
{
	struct weft_ns *ns;

	mutex_lock(&core->ns_lock);
	WRITE_ONCE(core->hold, hold);
	list_for_each_entry(ns, &core->namespaces, link) {
		if (hold == WEFT_HOLD_SINGLE && !ns->head->disk)
			continue;
		if (ns->quiesced)
			blk_mq_unquiesce_queue(ns->disk->queue);
		WRITE_ONCE(ns->quiesced, false);
		/* for what was to be sent again later, it is later now */
		blk_mq_kick_requeue_list(ns->disk->queue);
	}
	mutex_unlock(&core->ns_lock);
	wake_up_all(&core->state_wq);
}

/* weft_release_paths() - queues are down: requests of paths go another way */
void weft_release_paths(struct weft_ctrl_core *core)
{
	loosen(core, WEFT_HOLD_SINGLE);
}

/* weft_unquiesce_io() - requests flow again, or fail; idempotent */
void weft_unquiesce_io(struct weft_ctrl_core *core)
{
	loosen(core, WEFT_HOLD_NONE);
}
