// SPDX-License-Identifier: GPL-2.0-only
/*
 * Controllers of the RDMA transport: their memory, the names of their queues'
 * counters, and the device that they are on. Called by the core, and by queue.c once an address
 * has led to a device. Process context.
 */
#include <linux/dma-mapping.h>
#include <linux/slab.h>

#include "host/rdma/rdma.h"

static const char *const nvme_rdma_count_names[WEFT_RDMA_N_COUNT + 1] = {
	[WEFT_RDMA_N_COMMANDS]		= "commands",
	[WEFT_RDMA_N_PLUGGED]		= "plugged",
	[WEFT_RDMA_N_SEND_WRS]		= "send_wrs",
	[WEFT_RDMA_N_DOORBELLS]		= "doorbells",
	[WEFT_RDMA_N_SIGNALLED]		= "signalled",
	[WEFT_RDMA_N_INCAPSULE]		= "incapsule_writes",
	[WEFT_RDMA_N_MR_REGS]		= "mr_registrations",
	[WEFT_RDMA_N_DMA_MAPS]		= "dma_maps",
	[WEFT_RDMA_N_BOUNCED]		= "bounced",
	[WEFT_RDMA_N_SQ_FULL]		= "sq_full",
	[WEFT_RDMA_N_LOCAL_INV]		= "local_invalidations",
	[WEFT_RDMA_N_COMPLETIONS]	= "completions",
	[WEFT_RDMA_N_RECV_POSTS]	= "recv_posts",
	[WEFT_RDMA_N_RECVS]		= "recvs",
	[WEFT_RDMA_N_REMOTE_INV]	= "remote_invalidations",
	[WEFT_RDMA_N_BATCHED]		= "ended_in_batches",
	[WEFT_RDMA_N_EVENTS]		= "events",
};

static void nvme_rdma_init_queue(struct weft_rdma_ctrl *rc, u16 qid)
{
	struct weft_rdma_queue *q = &rc->queues[qid];

	weft_tqueue_init(&q->base, &rc->ctrl, qid, nvme_rdma_count_names,
			 q->count);
	q->ctrl = rc;
	init_completion(&q->cm_done);
	spin_lock_init(&q->sq_lock);
	spin_lock_init(&q->cq_lock);
}

/*
 * weft_rdma_create_ctrl() - &weft_transport_ops.create_ctrl
 */
struct weft_ctrl *weft_rdma_create_ctrl(const struct weft_connstr *opts,
					struct weft_reason *why)
{
	u32 nr = 1 + weft_max_io_queues(opts);
	struct weft_rdma_ctrl *rc;
	int err;
	u32 i;

	rc = kvzalloc(struct_size(rc, queues, nr), GFP_KERNEL);
	if (!rc)
		return ERR_PTR(weft_fail(why, -ENOMEM,
					 "no memory for a controller with %u queues", nr));
	INIT_LIST_HEAD(&rc->link);
	rc->nr_queues = nr;
	for (i = 0; i < nr; i++)
		nvme_rdma_init_queue(rc, i);

	err = weft_ip_parse(opts, &rc->ip, why);
	if (err)
		goto free;
	err = weft_ctrl_init(&rc->ctrl, &weft_rdma_ops, opts);
	if (err) {
		weft_fail(why, err, "no memory for a controller");
		goto free;
	}
	mutex_lock(&weft_rdma_ctrls_lock);
	list_add_tail(&rc->link, &weft_rdma_ctrls);
	mutex_unlock(&weft_rdma_ctrls_lock);
	return &rc->ctrl;
free:
	kvfree(rc);
	return ERR_PTR(err);
}

/*
 * weft_rdma_free_ctrl() - &weft_transport_ops.free_ctrl
 */
void weft_rdma_free_ctrl(struct weft_ctrl *ctrl)
{
	struct weft_rdma_ctrl *rc = to_rdma_ctrl(ctrl);

	mutex_lock(&weft_rdma_ctrls_lock);
	list_del(&rc->link);
	mutex_unlock(&weft_rdma_ctrls_lock);
	kvfree(rc);
}

/*
 * weft_rdma_existing_ctrl() - &weft_transport_ops.existing_ctrl
 */
bool weft_rdma_existing_ctrl(struct weft_ctrl *ctrl,
			     const struct weft_connstr *opts)
{
	return weft_ip_same(&to_rdma_ctrl(ctrl)->ip, opts);
}

/* What the device allows a controller; the core takes it from there */
static void nvme_rdma_set_limits(struct weft_rdma_ctrl *rc,
				 const struct ib_device_attr *a)
{
	struct weft_ctrl *ctrl = &rc->ctrl;
	u32 pages = min_t(u32, a->max_fast_reg_page_list_len,
			  WEFT_RDMA_SEGMENTS);
	u32 wrs = max(a->max_qp_wr, 0), cqes = max(a->max_cqe, 0);
	u32 depth = min(wrs / 4, cqes / 5);

	ctrl->max_segments = pages;
	ctrl->max_transfer = (pages - 1) * SZ_4K;
	if (!ib_uses_virt_dma(rc->dev)) {
		/* in a bounce buffer of swiotlb, too, only the first page of a
		 * registration may begin in its middle
		 */
		dma_set_min_align_mask(rc->dev->dma_device, SZ_4K - 1);
		/* which takes no larger piece, however long it waits */
		ctrl->max_transfer = min_t(size_t, ctrl->max_transfer,
				dma_max_mapping_size(rc->dev->dma_device));
	}
	ctrl->dma_dev_node = ibdev_to_node(rc->dev);
	ctrl->virt_boundary = SZ_4K - 1;
	ctrl->max_io_queues = rc->nr_queues - 1;
	/* see the sizes in queue.c: 4 sends and a receive for each command */
	depth -= min(depth, 2u * WEFT_RDMA_WC_BATCH);
	ctrl->max_queue_size = min_t(u32, depth, WEFT_QUEUE_SIZE_MAX);
}

/*
 * weft_rdma_use_device() - the address has led @q to a device: is it usable?
 * The admin queue's device is the controller's: when it is removed, no queue
 * may be on another one.
 */
int weft_rdma_use_device(struct weft_rdma_queue *q, struct weft_reason *why)
{
	struct weft_rdma_ctrl *rc = q->ctrl;
	struct ib_device *dev = q->id->device;
	const struct ib_device_attr *a = &dev->attrs;
	bool stays;

	if (q->base.qid) {
		if (dev != rc->dev)
			return weft_fail(why, -EXDEV,
					 "queue %u: the route to the target leads over RDMA device %s, the admin queue's over another: make routes the same",
					 q->base.qid, dev_name(&dev->dev));
		q->dev = dev;
		return 0;
	}
	if (!(a->device_cap_flags & IB_DEVICE_MEM_MGT_EXTENSIONS) ||
	    a->max_fast_reg_page_list_len < 2)
		return weft_fail(why, -EOPNOTSUPP,
				 "RDMA device %s cannot register memory by work requests, which is needed",
				 dev_name(&dev->dev));
	mutex_lock(&weft_rdma_ctrls_lock);
	stays = weft_rdma_device_stays(dev);
	if (stays)
		rc->dev = dev;
	mutex_unlock(&weft_rdma_ctrls_lock);
	if (!stays)
		return weft_fail(why, -ENODEV,
				 "RDMA device %s is being removed",
				 dev_name(&dev->dev));
	q->dev = dev;
	nvme_rdma_set_limits(rc, a);
	if (rc->ctrl.max_queue_size < WEFT_QUEUE_SIZE_MIN)
		return weft_fail(why, -EOPNOTSUPP,
				 "RDMA device %s allows %d work requests and %d completions on a queue: too few",
				 dev_name(&dev->dev), a->max_qp_wr, a->max_cqe);
	return 0;
}
