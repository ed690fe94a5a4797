// SPDX-License-Identifier: GPL-2.0-only
/*
 * A namespace's disk, nvmeXnY: made, updated and removed by the scan work and
 * by the deletion of its controller, which never run at the same time.
 *
 * An open disk holds the transport's module, so that the module cannot go
 * while the disk is in use; a controller may be deleted at any time.
 */
#include <linux/hdreg.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "host/core/core.h"

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

static int weft_blk_ioctl(struct block_device *bdev, weft_blk_mode mode,
			  unsigned int cmd, unsigned long arg)
{
	unsigned int opened = mode & WEFT_BLK_WRITE ? WEFT_OPENED_WRITE : 0;

	if (bdev_is_partition(bdev))
		opened |= WEFT_OPENED_PARTITION;
	return weft_ns_ioctl(bdev->bd_disk->private_data, cmd,
			     (void __user *)arg, opened);
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

static int weft_blk_getgeo(struct block_device *bdev, struct hd_geometry *geo)
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

	ida_free(&core->ns_ida, ns->instance);
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
};

/* Formats that this host cannot move data of get a disk of capacity 0. */
static const char *ns_unusable(const struct nvme_ns_facts *f)
{
	if (f->csi)
		return "a command set other than NVM";
	if (f->ms)
		return "metadata in its format";
	if (f->lbads > PAGE_SHIFT)
		return "blocks larger than a page";
	return NULL;
}

static void ns_limits(struct weft_ctrl_core *core,
		      const struct nvme_ns_facts *f, u8 shift,
		      struct weft_limits *l)
{
	struct weft_ctrl *ctrl = core->ctrl;
	unsigned int bs = 1u << shift;
	unsigned int atomic = bs * (1 + f->nawupf);

	l->block = bs;
	l->physical = bs;
	if (f->nsfeat & NVME_NSFEAT_OPTPERF) {
		l->physical = min(rounddown_pow_of_two(bs * (1 + f->npwg)),
				  rounddown_pow_of_two(atomic));
		l->io_min = bs * (1 + f->npwg);
		l->io_opt = bs * (1 + f->nows);
	}
	l->max_bytes = min(core->max_bytes, WEFT_RW_BLOCKS_MAX << shift);
	l->max_segments = ctrl->max_segments;
	l->virt_boundary = ctrl->virt_boundary;
	l->chunk = f->noiob << (shift - SECTOR_SHIFT);
	if (ctrl->info.oncs & NVME_ONCS_DSM) {
		l->discard_bytes = round_down(UINT_MAX, bs);
		l->discard_segments = NVME_DSM_MAX_RANGES;
		l->discard_granularity = bs;
	}
	if (ctrl->info.oncs & NVME_ONCS_WRITE_ZEROES)
		l->zeroes_bytes = WEFT_RW_BLOCKS_MAX << shift;
	l->write_cache = ctrl->info.vwc & NVME_VWC_PRESENT;
	l->poll = core->io_types[HCTX_TYPE_POLL];
	l->stable_writes = ctrl->opts->data_digest;
}

/* The disk is new, or its queue frozen. */
static int ns_apply(struct weft_ns *ns, const struct nvme_ns_facts *f,
		    struct weft_reason *why)
{
	struct weft_ctrl_core *core = ns->ctrl->core;
	const char *unusable = ns_unusable(f);
	struct weft_limits limits = {};
	int err;

	ns->shift = f->lbads <= PAGE_SHIFT ? f->lbads : SECTOR_SHIFT;
	ns_limits(core, f, ns->shift, &limits);
	err = weft_set_limits(ns->disk->queue, &limits);
	if (err)
		return weft_fail(why, err, "its limits do not fit (error %d)",
				 err);
	ns->facts = *f;
	ns->max_bytes = core->max_bytes;
	set_disk_ro(ns->disk, f->nsattr & NVME_NSATTR_WRITE_PROTECTED);
	if (unusable)
		dev_warn(&core->dev, "namespace %u: %s: not usable, capacity 0\n",
			 ns->nsid, unusable);
	set_capacity_and_notify(ns->disk, unusable ? 0 :
				f->nsze << (f->lbads - SECTOR_SHIFT));
	return 0;
}

/* In the list before anything is submitted, quiesced like the others. */
static void ns_link(struct weft_ctrl_core *core, struct weft_ns *ns)
{
	mutex_lock(&core->ns_lock);
	if (core->quiesced) {
		blk_mq_quiesce_queue_nowait(ns->disk->queue);
		ns->quiesced = true;
	}
	list_add_tail(&ns->link, &core->namespaces);
	mutex_unlock(&core->ns_lock);
}

static void ns_unlink(struct weft_ctrl_core *core, struct weft_ns *ns)
{
	mutex_lock(&core->ns_lock);
	list_del(&ns->link);
	if (ns->quiesced)
		blk_mq_unquiesce_queue(ns->disk->queue);
	ns->quiesced = false;
	if (ns->frozen)
		blk_mq_unfreeze_queue(ns->disk->queue);
	ns->frozen = false;
	mutex_unlock(&core->ns_lock);
}

static struct weft_ns *ns_alloc(struct weft_ctrl_core *core, u32 nsid)
{
	struct weft_ns *ns = kzalloc(sizeof(*ns), GFP_KERNEL);
	struct gendisk *disk;

	if (!ns)
		return NULL;
	ns->ctrl = core->ctrl;
	ns->nsid = nsid;
	ns->instance = ida_alloc_min(&core->ns_ida, 1, GFP_KERNEL);
	if (ns->instance < 0) {
		kfree(ns);
		return NULL;
	}
	get_device(&core->dev);
	disk = weft_alloc_disk(&core->ctrl->tag_set, ns);
	if (IS_ERR(disk)) {
		ns_free(ns);
		return NULL;
	}
	ns->disk = disk;
	disk->fops = &weft_blk_fops;
	disk->private_data = ns;
	snprintf(disk->disk_name, DISK_NAME_LEN, "nvme%dn%d",
		 core->ctrl->instance, ns->instance);
	return ns;
}

/*
 * weft_ns_add() - a disk for namespace @nsid
 * Return: the namespace, its disk can be opened; or ERR_PTR with a reason.
 */
struct weft_ns *weft_ns_add(struct weft_ctrl_core *core, u32 nsid,
			    const struct nvme_ns_facts *facts,
			    struct weft_reason *why)
{
	struct weft_ns *ns = ns_alloc(core, nsid);
	int err;

	if (!ns)
		return ERR_PTR(weft_fail(why, -ENOMEM, "no memory for a disk"));
	err = ns_apply(ns, facts, why);
	if (err)
		goto out_disk;
	ns_link(core, ns);
	err = device_add_disk(&core->dev, ns->disk, weft_ns_groups);
	if (err) {
		weft_fail(why, err, "disk %s cannot be added (error %d)",
			  ns->disk->disk_name, err);
		goto out_unlink;
	}
	weft_generic_add(ns);
	return ns;

out_unlink:
	ns_unlink(core, ns);
out_disk:
	/* free_disk is not called for a disk that was never added */
	put_disk(ns->disk);
	ns_free(ns);
	return ERR_PTR(err);
}

/*
 * weft_ns_remove() - the disk goes
 * Waits for what its users have in flight; stays in the list meanwhile, as
 * recovery and deletion must still reach its queue.
 */
void weft_ns_remove(struct weft_ns *ns)
{
	struct weft_ctrl_core *core = ns->ctrl->core;

	weft_generic_remove(ns);
	del_gendisk(ns->disk);
	ns_unlink(core, ns);
	put_disk(ns->disk);
}

/* weft_ns_update() - bring size and limits up to date, if they changed */
int weft_ns_update(struct weft_ns *ns, const struct nvme_ns_facts *facts,
		   struct weft_reason *why)
{
	int err;

	if (!memcmp(&ns->facts, facts, sizeof(*facts)) &&
	    ns->max_bytes == ns->ctrl->core->max_bytes)
		return 0;
	blk_mq_freeze_queue(ns->disk->queue);
	err = ns_apply(ns, facts, why);
	blk_mq_unfreeze_queue(ns->disk->queue);
	return err;
}
