// SPDX-License-Identifier: GPL-2.0-only
/*
 * The disk of a namespace on one controller: nvmeXnY, or, if a head's disk has
 * that name, the hidden path nvmeXcZnY. Made, updated and removed by the scan
 * work and by the deletion of its controller, which never run at the same time.
 *
 * An open disk holds the transport's module, so that the module cannot go
 * while the disk is in use; a controller may be deleted at any time.
 */
#include <linux/hdreg.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "host/core/head.h"

#define WEFT_RW_BLOCKS_MAX	65536u

/* weft_ns_hold() - somebody opens it: the transport's module must stay */
int weft_ns_hold(struct weft_ns *ns)
{
	if (weft_ctrl_state(ns->ctrl) >= WEFT_CTRL_DELETING_NOIO ||
	    !try_module_get(ns->ctrl->ops->module))
		return -ENXIO;
	return 0;
}

void weft_ns_release(struct weft_ns *ns)
{
	module_put(ns->ctrl->ops->module);
}

/* weft_opened() - how a disk was opened, for the permission of commands */
unsigned int weft_opened(struct block_device *bdev, weft_blk_mode mode)
{
	unsigned int opened = mode & WEFT_BLK_WRITE ? WEFT_OPENED_WRITE : 0;

	if (bdev_is_partition(bdev))
		opened |= WEFT_OPENED_PARTITION;
	return opened;
}

static int weft_blk_ioctl(struct block_device *bdev, weft_blk_mode mode,
			  unsigned int cmd, unsigned long arg)
{
	return weft_ns_ioctl(bdev->bd_disk->private_data, cmd,
			     (void __user *)arg, weft_opened(bdev, mode));
}

#ifdef WEFT_HAVE_BLK_MODE
static int weft_blk_open(struct gendisk *disk, blk_mode_t mode)
{
	return weft_ns_hold(disk->private_data);
}

static void weft_blk_release(struct gendisk *disk)
{
	weft_ns_release(disk->private_data);
}
#else
static int weft_blk_open(struct block_device *bdev, fmode_t mode)
{
	return weft_ns_hold(bdev->bd_disk->private_data);
}

static void weft_blk_release(struct gendisk *disk, fmode_t mode)
{
	weft_ns_release(disk->private_data);
}
#endif

int weft_blk_getgeo(struct block_device *bdev, struct hd_geometry *geo)
{
	/* nothing real; what partition tools expect */
	geo->heads = 64;
	geo->sectors = 32;
	geo->cylinders = get_capacity(bdev->bd_disk) >> 11;
	return 0;
}

static void ns_free(struct weft_ns *ns)
{
	struct weft_ctrl_core *core = ns->ctrl->core;

	weft_ns_stats_free(ns);
	weft_head_put(ns->head);
	kfree(ns);
	put_device(&core->dev);
}

static void weft_blk_free_disk(struct gendisk *disk)
{
	ns_free(disk->private_data);
}

static const struct block_device_operations weft_blk_fops = {
	.owner = THIS_MODULE,
	.open = weft_blk_open,
	.release = weft_blk_release,
	.ioctl = weft_blk_ioctl,
	.compat_ioctl = blkdev_compat_ptr_ioctl,
	.getgeo = weft_blk_getgeo,
	.free_disk = weft_blk_free_disk,
	.pr_ops = &weft_pr_ops,
};

/*
 * Formats that this host cannot move data of get a disk of capacity 0. What is
 * not of the NVM command set is for commands of users only: the disk is hidden.
 */
static const char *ns_unusable(const struct nvme_ns_facts *f)
{
	if (f->csi)
		return "a command set other than NVM: no disk, commands of users only";
	if (f->ms)
		return "metadata in its format: not usable, capacity 0";
	if (f->lbads > PAGE_SHIFT)
		return "blocks larger than a page: not usable, capacity 0";
	return NULL;
}

/* Of what moves no data: discards, whose ranges the block layer adds up, and zeroes */
static void clear_limits(const struct weft_ctrl_core *core, u8 shift,
			 struct weft_limits *l)
{
	const struct nvme_nvm_limits *nvm = &core->nvm_limits;
	u64 blocks = UINT_MAX >> shift;
	u64 zeroes = (u64)WEFT_RW_BLOCKS_MAX << shift;
	unsigned int pages = NVME_CAP_MPSMIN(core->cap) + 12 + nvm->wzsl;

	if (core->ctrl->info.oncs & NVME_ONCS_DSM) {
		blocks = min_not_zero(blocks, (u64)nvm->dmrsl);
		blocks = min_not_zero(blocks, nvm->dmsl);
		l->discard_bytes = blocks << shift;
		l->discard_segments = nvm->dmrl ?: NVME_DSM_MAX_RANGES;
		l->discard_granularity = 1u << shift;
	}
	if (core->ctrl->info.oncs & NVME_ONCS_WRITE_ZEROES) {
		if (nvm->wzsl && pages < 32)
			zeroes = min(zeroes, 1ull << pages);
		l->zeroes_bytes = zeroes;
	}
}

static u8 ns_shift(const struct nvme_ns_facts *f)
{
	return f->lbads <= PAGE_SHIFT ? f->lbads : SECTOR_SHIFT;
}

/*
 * What a loss of power leaves whole: file systems take that for granted of a
 * physical block. Boundaries that do not start with block 0 are none to work
 * with.
 */
static void atomic_limits(const struct weft_ctrl_core *core,
			  const struct nvme_ns_facts *f, struct weft_limits *l)
{
	l->atomic = l->block;
	if (f->nabo)
		return;
	if (f->nsfeat & NVME_NSFEAT_ATOMICS && f->nawupf) {
		l->atomic = l->block * (1 + f->nawupf);
		if (f->nabspf)
			l->atomic_boundary = l->block * (1 + f->nabspf);
	} else {
		l->atomic = l->block * (1 + core->ctrl->info.awupf);
	}
}

static void ns_limits(const struct weft_ctrl_core *core,
		      const struct nvme_ns_facts *f, struct weft_limits *l)
{
	const struct weft_ctrl *ctrl = core->ctrl;
	u8 shift = ns_shift(f);
	unsigned int bs = 1u << shift;

	/* padding, too: they are compared */
	memset(l, 0, sizeof(*l));
	l->block = bs;
	l->physical = bs;
	atomic_limits(core, f, l);
	if (f->nsfeat & NVME_NSFEAT_OPTPERF) {
		l->physical = min(rounddown_pow_of_two(bs * (1 + f->npwg)),
				  rounddown_pow_of_two(l->atomic));
		l->io_min = bs * (1 + f->npwg);
		l->io_opt = f->nows ? bs * (1 + f->nows) : 0;
	}
	l->max_bytes = min(core->max_bytes, WEFT_RW_BLOCKS_MAX << shift);
	l->max_segments = ctrl->max_segments;
	l->virt_boundary = ctrl->virt_boundary;
	l->chunk = f->noiob << (shift - SECTOR_SHIFT);
	clear_limits(core, shift, l);
	/* a flush to one that is switched off costs little, and may be needed */
	l->write_cache = ctrl->info.vwc & NVME_VWC_PRESENT;
	l->poll = ctrl->opts->nr_poll_queues;
	l->stable_writes = ctrl->opts->data_digest;
}

/* The disk's queue is frozen. */
static int ns_apply_frozen(struct weft_ns *ns, const struct nvme_ns_facts *f,
			   struct weft_reason *why)
{
	struct weft_ctrl_core *core = ns->ctrl->core;
	const char *unusable = ns_unusable(f);
	struct weft_limits limits;
	int err;

	ns->shift = ns_shift(f);
	ns_limits(core, f, &limits);
	err = weft_set_limits(ns->disk->queue, &limits);
	if (err)
		return weft_fail(why, err, "its limits do not fit (error %d)",
				 err);
	ns->facts = *f;
	ns->limits = limits;
	set_disk_ro(ns->disk, f->nsattr & NVME_NSATTR_WRITE_PROTECTED);
	if (unusable)
		dev_warn(&core->dev, "namespace %u: %s\n", ns->nsid, unusable);
	set_capacity_and_notify(ns->disk, unusable ? 0 :
				f->nsze << (f->lbads - SECTOR_SHIFT));
	return 0;
}

/* weft_ns_apply() - the disk as @f says, with no request under way */
int weft_ns_apply(struct weft_ns *ns, const struct nvme_ns_facts *f,
		  struct weft_reason *why)
{
	unsigned int noio = weft_freeze(ns->disk->queue);
	int err = ns_apply_frozen(ns, f, why);

	weft_unfreeze(ns->disk->queue, noio);
	return err;
}

/* In the list before anything is submitted, quiesced like the others. */
static int ns_link(struct weft_ctrl_core *core, struct weft_ns *ns)
{
	int err;

	mutex_lock(&core->ns_lock);
	err = xa_err(xa_store(&core->ns_index, ns->nsid, ns, GFP_NOIO));
	if (err)
		goto out;
	if (core->hold == WEFT_HOLD_ALL ||
	    (core->hold == WEFT_HOLD_SINGLE && !ns->head->disk)) {
		blk_mq_quiesce_queue_nowait(ns->disk->queue);
		ns->quiesced = true;
	}
	list_add_tail(&ns->link, &core->namespaces);
out:
	mutex_unlock(&core->ns_lock);
	return err;
}

static void ns_unlink(struct weft_ctrl_core *core, struct weft_ns *ns)
{
	mutex_lock(&core->ns_lock);
	list_del(&ns->link);
	xa_erase(&core->ns_index, ns->nsid);
	if (ns->quiesced)
		blk_mq_unquiesce_queue(ns->disk->queue);
	ns->quiesced = false;
	weft_unfreeze_ns(ns);
	mutex_unlock(&core->ns_lock);
	/* an abort may have kicked it after the disk went */
	cancel_delayed_work_sync(&ns->disk->queue->requeue_work);
}

static void ns_name(struct weft_ns *ns, const struct nvme_ns_facts *facts)
{
	int ctrl = ns->ctrl->instance;
	struct gendisk *disk = ns->disk;

	if (ns->head->disk) {
		snprintf(disk->disk_name, DISK_NAME_LEN, "nvme%dc%dn%d",
			 ns->head->subsys->instance, ctrl, ns->head->instance);
		disk->flags |= GENHD_FL_HIDDEN;
	} else {
		snprintf(disk->disk_name, DISK_NAME_LEN, "nvme%dn%d", ctrl,
			 ns->head->instance);
		if (facts->csi)
			disk->flags |= GENHD_FL_HIDDEN;
	}
}

static struct weft_ns *ns_alloc(struct weft_ctrl_core *core, u32 nsid,
				const struct nvme_ns_facts *facts,
				struct weft_reason *why)
{
	struct weft_ns *ns = kzalloc(sizeof(*ns), GFP_KERNEL);
	int err = -ENOMEM;

	if (!ns)
		goto out;
	ns->ctrl = core->ctrl;
	ns->nsid = nsid;
	ns->ana_grpid = facts->anagrpid;
	ns->ana_state = NVME_ANA_OPTIMIZED;
	ns->head = weft_head_get(core, nsid, facts, why);
	if (IS_ERR(ns->head)) {
		err = PTR_ERR(ns->head);
		kfree(ns);
		return ERR_PTR(err);
	}
	get_device(&core->dev);
	ns->disk = weft_ns_stats_alloc(ns) ? ERR_PTR(-ENOMEM) :
		   weft_alloc_disk(&core->ctrl->tag_set, ns);
	if (IS_ERR(ns->disk)) {
		weft_head_leave(ns->head);
		weft_head_end(ns->head);
		ns_free(ns);
		goto out;
	}
	ns->disk->fops = &weft_blk_fops;
	ns->disk->private_data = ns;
	ns_name(ns, facts);
	return ns;
out:
	return ERR_PTR(weft_fail(why, err, "no memory for a disk"));
}

static int ns_add_disk(struct weft_ns *ns, struct weft_reason *why)
{
	int err = device_add_disk(ns->ctrl->device, ns->disk, weft_ns_groups);

	return err ? weft_fail(why, err, "disk %s cannot be added (error %d)",
			       ns->disk->disk_name, err) : 0;
}

/*
 * weft_ns_add() - a disk for namespace @nsid
 * Return: the namespace, its disk can be opened; or ERR_PTR with a reason.
 */
struct weft_ns *weft_ns_add(struct weft_ctrl_core *core, u32 nsid,
			    const struct nvme_ns_facts *facts,
			    struct weft_reason *why)
{
	struct weft_ns *ns = ns_alloc(core, nsid, facts, why);
	int err;

	if (IS_ERR(ns))
		return ns;
	err = weft_ns_apply(ns, facts, why);
	if (err)
		goto out_disk;
	err = ns_link(core, ns);
	if (err) {
		weft_fail(why, err, "no memory for its place in the index");
		goto out_disk;
	}
	weft_ana_add_ns(ns);
	err = ns_add_disk(ns, why);
	if (err)
		goto out_unlink;
	if (!ns->head->disk) {
		ns->generic = weft_generic_add(ns->disk, ns->ctrl->device);
		WRITE_ONCE(ns->ready, true);
		return ns;
	}
	err = weft_head_add_path(ns->head, ns, why);
	if (!err)
		return ns;
	weft_ns_remove(ns);
	return ERR_PTR(err);

out_unlink:
	ns_unlink(core, ns);
out_disk:
	/* free_disk is not called for a disk that was never added */
	put_disk(ns->disk);
	weft_head_leave(ns->head);
	weft_head_end(ns->head);
	ns_free(ns);
	return ERR_PTR(err);
}

/*
 * weft_ns_remove() - the disk goes, and before the last path the head's, which
 * writes back by it what its cache holds.
 * Waits for what its users have in flight; stays in the list meanwhile, as
 * recovery and deletion must still reach its queue.
 */
void weft_ns_remove(struct weft_ns *ns)
{
	struct weft_ctrl_core *core = ns->ctrl->core;

	weft_generic_remove(ns->generic);
	weft_head_leave(ns->head);
	if (ns->head->disk)
		weft_head_del_path(ns->head, ns);
	del_gendisk(ns->disk);
	ns_unlink(core, ns);
	weft_head_end(ns->head);
	put_disk(ns->disk);
}

static int update_single(struct weft_ns *ns, const struct nvme_ns_facts *facts,
			 struct weft_reason *why)
{
	int err = weft_ns_apply(ns, facts, why);

	if (!err)
		ns->head->facts = *facts;
	return err;
}

/* weft_ns_update() - bring size and limits up to date, if they changed */
int weft_ns_update(struct weft_ns *ns, const struct nvme_ns_facts *facts,
		   struct weft_reason *why)
{
	struct weft_limits limits;

	ns_limits(ns->ctrl->core, facts, &limits);
	if (!READ_ONCE(ns->stale) &&
	    !memcmp(&ns->facts, facts, sizeof(*facts)) &&
	    !memcmp(&ns->limits, &limits, sizeof(limits)))
		return 0;
	if (ns->ana_grpid != facts->anagrpid) {
		ns->ana_grpid = facts->anagrpid;
		weft_ana_add_ns(ns);
	}
	return ns->head->disk ? weft_head_update(ns->head, ns, facts, why) :
				update_single(ns, facts, why);
}
