// SPDX-License-Identifier: GPL-2.0-only
/*
 * A head's disk, nvmeXnY: a bio-based one that hands everything to a path. It
 * appears when the first usable path is there and goes with the last path.
 * Its limits are the narrowest of all paths, so that a path never has to split
 * a bio that may later move to another one.
 *
 * Partitions are read by a work item of their own: that may have to wait for a
 * path, and neither a scan nor a removal may wait for it. A removal first makes
 * waiting bios fail, and only then waits for the work, with no lock held.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "host/core/head.h"

static const struct block_device_operations weft_head_fops;

/* part_works may be stuck for as long as a target is away */
static struct workqueue_struct *part_wq;

/* Narrows @a so that what fits it fits @b, too */
static void fold(struct weft_limits *a, const struct weft_limits *b)
{
	a->block = max(a->block, b->block);
	a->physical = max(a->physical, b->physical);
	a->io_min = max(a->io_min, b->io_min);
	a->io_opt = max(a->io_opt, b->io_opt);
	a->max_bytes = min(a->max_bytes, b->max_bytes);
	a->max_segments = min(a->max_segments, b->max_segments);
	a->virt_boundary = min_not_zero(a->virt_boundary, b->virt_boundary);
	a->chunk = min_not_zero(a->chunk, b->chunk);
	a->atomic = min(a->atomic, b->atomic);
	a->atomic_boundary = min_not_zero(a->atomic_boundary,
					  b->atomic_boundary);
	a->discard_bytes = min(a->discard_bytes, b->discard_bytes);
	a->discard_segments = min(a->discard_segments, b->discard_segments);
	a->discard_granularity = max(a->discard_granularity,
				     b->discard_granularity);
	a->zeroes_bytes = min(a->zeroes_bytes, b->zeroes_bytes);
	a->write_cache |= b->write_cache;
	a->poll |= b->poll;
	a->stable_writes |= b->stable_writes;
}

/* The head's disk is frozen; @extra is a path that is not in the list yet. */
static int apply_limits(struct weft_head *head, const struct weft_ns *extra,
			struct weft_reason *why)
{
	struct weft_limits limits = {};
	struct weft_ns *ns;
	bool any = extra;
	int err;

	lockdep_assert_held(&head->lock);
	if (extra)
		limits = extra->limits;
	list_for_each_entry(ns, &head->paths, sibling) {
		if (any)
			fold(&limits, &ns->limits);
		else
			limits = ns->limits;
		any = true;
	}
	if (!any)
		return 0;
	err = weft_set_head_limits(head->disk->queue, &limits);
	return err ? weft_fail(why, err,
			"limits of %s do not fit (error %d)",
			head->disk->disk_name, err) : 0;
}

/*
 * The head is as large as the path says that was asked last. Where a namespace
 * grows, the others do not know it yet, and the block layer would refuse what
 * lies behind their end; where it was formatted, they would count in blocks of
 * the old size: they are not used until they have been asked, too.
 */
static void take_size(struct weft_head *head, struct weft_ns *latest)
{
	sector_t size = get_capacity(latest->disk);
	struct weft_ns *ns;

	WRITE_ONCE(latest->stale, false);
	list_for_each_entry(ns, &head->paths, sibling) {
		if (ns->stale || (get_capacity(ns->disk) >= size &&
				  ns->shift == latest->shift))
			continue;
		WRITE_ONCE(ns->stale, true);
		weft_queue_scan(ns->ctrl->core);
	}
	set_disk_ro(head->disk, get_disk_ro(latest->disk));
	set_capacity_and_notify(head->disk, size);
}

/* An open disk holds the module of every path, which would vanish under it. */
static void pin(struct weft_ns *ns)
{
	if (!ns->pinned)
		ns->pinned = try_module_get(ns->ctrl->ops->module);
}

static void unpin(struct weft_ns *ns)
{
	if (ns->pinned)
		module_put(ns->ctrl->ops->module);
	ns->pinned = false;
}

/*
 * weft_head_add_path() - @ns can be chosen from here on
 * Its disk is there. The head's disk appears if it is the first usable one.
 */
int weft_head_add_path(struct weft_head *head, struct weft_ns *ns,
		       struct weft_reason *why)
{
	unsigned int noio;
	int err;

	mutex_lock(&head->lock);
	noio = weft_freeze(head->disk->queue);
	err = apply_limits(head, ns, why);
	if (!err) {
		take_size(head, ns);
		if (head->openers)
			pin(ns);
		WRITE_ONCE(ns->ready, true);
		list_add_tail_rcu(&ns->sibling, &head->paths);
	}
	weft_unfreeze(head->disk->queue, noio);
	mutex_unlock(&head->lock);
	if (err)
		return err;
	weft_head_show(head);
	weft_head_kick(head);
	return 0;
}

/* weft_head_del_path() - @ns is chosen no more, nobody is about to use it */
void weft_head_del_path(struct weft_head *head, struct weft_ns *ns)
{
	mutex_lock(&head->lock);
	if (!ns->ready) {
		mutex_unlock(&head->lock);
		return;
	}
	WRITE_ONCE(ns->ready, false);
	list_del_rcu(&ns->sibling);
	unpin(ns);
	mutex_unlock(&head->lock);
	/* whoever saw it ready has left his choice behind ... */
	synchronize_srcu_expedited(&head->srcu);
	weft_clear_path(head, ns);
	/* ... and whoever read that choice is through with it */
	synchronize_srcu_expedited(&head->srcu);
	weft_head_kick(head);
}

/*
 * weft_head_update() - @ns has changed: bring path and head up to date
 * With no bio on its way from one to the other: limits may become narrower.
 */
int weft_head_update(struct weft_head *head, struct weft_ns *ns,
		     const struct nvme_ns_facts *facts,
		     struct weft_reason *why)
{
	unsigned int noio;
	int err;

	mutex_lock(&head->lock);
	noio = weft_freeze(head->disk->queue);
	err = weft_ns_apply(ns, facts, why);
	if (!err)
		err = apply_limits(head, NULL, why);
	if (!err) {
		head->facts = *facts;
		take_size(head, ns);
	}
	weft_unfreeze(head->disk->queue, noio);
	mutex_unlock(&head->lock);
	/* @ns may have been too stale to be used */
	weft_head_kick(head);
	return err;
}

static bool any_usable(struct weft_head *head)
{
	struct weft_ns *ns;
	bool usable = false;

	mutex_lock(&head->lock);
	list_for_each_entry(ns, &head->paths, sibling)
		usable |= weft_path_usable(ns);
	mutex_unlock(&head->lock);
	return usable;
}

/*
 * weft_head_show() - the head's disk appears, if there is a usable path
 * Without one nobody could read it, and udev would try.
 */
void weft_head_show(struct weft_head *head)
{
	struct gendisk *disk = head->disk;
	int err;

	mutex_lock(&head->show_lock);
	if (head->shown || head->gone || !any_usable(head))
		goto out;
	set_bit(GD_SUPPRESS_PART_SCAN, &disk->state);
	err = device_add_disk(&head->subsys->dev, disk, weft_ns_groups);
	if (err) {
		dev_err(&head->subsys->dev, "disk %s cannot be added (error %d)\n",
			disk->disk_name, err);
		goto out;
	}
	WRITE_ONCE(head->shown, true);
	head->generic = weft_generic_add(disk, &head->subsys->dev);
	if (!(disk->flags & GENHD_FL_HIDDEN))
		queue_work(part_wq, &head->part_work);
out:
	mutex_unlock(&head->show_lock);
}

/*
 * weft_head_hide() - the disk goes, and by the last path what its cache holds
 * That path is not worth waiting for (weft_head_can_recover()): what it does not
 * take fails.
 */
void weft_head_hide(struct weft_head *head)
{
	mutex_lock(&head->show_lock);
	head->gone = true;
	mutex_unlock(&head->show_lock);
	cancel_work_sync(&head->show_work);
	weft_head_kick(head);
	cancel_work_sync(&head->part_work);
	weft_generic_remove(head->generic);
	if (head->shown)
		del_gendisk(head->disk);
}

static void show_work(struct work_struct *work)
{
	weft_head_show(container_of(work, struct weft_head, show_work));
}

static void part_work(struct work_struct *work)
{
	struct weft_head *head = container_of(work, struct weft_head,
					      part_work);

	clear_bit(GD_SUPPRESS_PART_SCAN, &head->disk->state);
	mutex_lock(&head->disk->open_mutex);
	bdev_disk_changed(head->disk, false);
	mutex_unlock(&head->disk->open_mutex);
}

/* weft_is_head() - is @disk's private data a head, or a path? */
bool weft_is_head(const struct gendisk *disk)
{
	return disk->fops == &weft_head_fops;
}

/* weft_head_hold() - somebody opens it: modules of all paths must stay */
int weft_head_hold(struct weft_head *head)
{
	struct weft_ns *ns;

	mutex_lock(&head->lock);
	if (!head->openers++)
		list_for_each_entry(ns, &head->paths, sibling)
			pin(ns);
	mutex_unlock(&head->lock);
	return 0;
}

void weft_head_unhold(struct weft_head *head)
{
	struct weft_ns *ns;

	mutex_lock(&head->lock);
	if (!--head->openers)
		list_for_each_entry(ns, &head->paths, sibling)
			unpin(ns);
	mutex_unlock(&head->lock);
}

/* weft_head_ioctl() - on a head's nvmeXnY or ngXnY */
int weft_head_ioctl(struct weft_head *head, unsigned int cmd, void __user *arg,
		    unsigned int opened)
{
	struct weft_ns *ns = weft_path_get(head);
	int err;

	if (!ns)
		return -EWOULDBLOCK;
	err = weft_ns_ioctl(ns, cmd, arg, opened);
	weft_path_put(ns);
	return err;
}

static int head_blk_ioctl(struct block_device *bdev, weft_blk_mode mode,
			  unsigned int cmd, unsigned long arg)
{
	return weft_head_ioctl(bdev->bd_disk->private_data, cmd,
			       (void __user *)arg, weft_opened(bdev, mode));
}

#ifdef WEFT_HAVE_BLK_MODE
static int weft_head_blk_open(struct gendisk *disk, blk_mode_t mode)
{
	return weft_head_hold(disk->private_data);
}

static void weft_head_blk_release(struct gendisk *disk)
{
	weft_head_unhold(disk->private_data);
}
#else
static int weft_head_blk_open(struct block_device *bdev, fmode_t mode)
{
	return weft_head_hold(bdev->bd_disk->private_data);
}

static void weft_head_blk_release(struct gendisk *disk, fmode_t mode)
{
	weft_head_unhold(disk->private_data);
}
#endif

static void head_free_disk(struct gendisk *disk)
{
	weft_head_put(disk->private_data);
}

static const struct block_device_operations weft_head_fops = {
	.owner = THIS_MODULE,
	.submit_bio = weft_head_submit_bio,
	.open = weft_head_blk_open,
	.release = weft_head_blk_release,
	.ioctl = head_blk_ioctl,
	.compat_ioctl = blkdev_compat_ptr_ioctl,
	.getgeo = weft_blk_getgeo,
	.free_disk = head_free_disk,
	.pr_ops = &weft_pr_ops,
};

/* weft_head_alloc_disk() - the head gets a disk, not added yet; 0 or -ENOMEM */
int weft_head_alloc_disk(struct weft_head *head)
{
	struct gendisk *disk = weft_alloc_head_disk();

	if (IS_ERR(disk))
		return PTR_ERR(disk);
	disk->fops = &weft_head_fops;
	disk->private_data = head;
	snprintf(disk->disk_name, DISK_NAME_LEN, "nvme%dn%d",
		 head->subsys->instance, head->instance);
	if (head->facts.csi)
		disk->flags |= GENHD_FL_HIDDEN;
	INIT_WORK(&head->show_work, show_work);
	INIT_WORK(&head->part_work, part_work);
	kref_get(&head->ref);
	head->disk = disk;
	return 0;
}

/* free_disk is only called for a disk that was added. */
void weft_head_free_disk(struct weft_head *head)
{
	bool added = head->shown;

	/* bios that came back from a path since the disk went: they fail */
	weft_head_kick(head);
	flush_work(&head->requeue_work);
	/* paths may have asked for it until they were gone */
	cancel_work_sync(&head->show_work);
	put_disk(head->disk);
	if (!added)
		weft_head_put(head);
}

int weft_heads_init(void)
{
	part_wq = alloc_workqueue("weft_part", WQ_UNBOUND, 0);
	if (!part_wq)
		return -ENOMEM;
	if (weft_failover_init()) {
		destroy_workqueue(part_wq);
		return -ENOMEM;
	}
	return 0;
}

void weft_heads_exit(void)
{
	weft_failover_exit();
	destroy_workqueue(part_wq);
}
