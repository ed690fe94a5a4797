// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft-rdma.ko: registration with the core and with the RDMA devices.
 *
 * Owns the list of controllers of this transport. It is there for one purpose:
 * when an RDMA device goes away, the controllers on it must have left it before.
 * Runs in process context only.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/workqueue.h>

#include "host/rdma/rdma.h"

DEFINE_MUTEX(weft_rdma_ctrls_lock);
LIST_HEAD(weft_rdma_ctrls);
struct workqueue_struct *weft_rdma_wq;

static int nvme_rdma_init_hctx(struct weft_ctrl *ctrl,
			       struct blk_mq_hw_ctx *hctx, unsigned int qid)
{
	struct weft_rdma_ctrl *rc = to_rdma_ctrl(ctrl);

	if (qid >= rc->nr_queues)
		return -EINVAL;
	hctx->driver_data = &rc->queues[qid];
	return 0;
}

static int nvme_rdma_init_io_hctx(struct blk_mq_hw_ctx *hctx, void *data,
				  unsigned int idx)
{
	return nvme_rdma_init_hctx(data, hctx, idx + 1);
}

static int nvme_rdma_init_admin_hctx(struct blk_mq_hw_ctx *hctx, void *data,
				     unsigned int idx)
{
	return nvme_rdma_init_hctx(data, hctx, 0);
}

static int nvme_rdma_init_request(struct blk_mq_tag_set *set,
				  struct request *rq, unsigned int hctx_idx,
				  unsigned int numa_node)
{
	struct weft_rdma_request *req = blk_mq_rq_to_pdu(rq);

	req->base.ctrl = set->driver_data;
	req->bounce = NULL;
	req->nents = 0;
	return 0;
}

static const struct blk_mq_ops nvme_rdma_mq_ops = {
	.queue_rq	= weft_rdma_queue_rq,
	.commit_rqs	= weft_rdma_commit_rqs,
	.queue_rqs	= weft_rdma_queue_rqs,
	.complete	= weft_rdma_complete_rq,
	.poll		= weft_rdma_poll,
	.timeout	= weft_timeout_rq,
	.init_hctx	= nvme_rdma_init_io_hctx,
	.init_request	= nvme_rdma_init_request,
	.map_queues	= weft_map_queues,
};

static const struct blk_mq_ops nvme_rdma_admin_mq_ops = {
	.queue_rq	= weft_rdma_queue_rq,
	.commit_rqs	= weft_rdma_commit_rqs,
	.complete	= weft_rdma_complete_rq,
	.timeout	= weft_timeout_rq,
	.init_hctx	= nvme_rdma_init_admin_hctx,
	.init_request	= nvme_rdma_init_request,
};

struct weft_transport_ops weft_rdma_ops = {
	.name		= "rdma",
	.module		= THIS_MODULE,
	.required_opts	= WEFT_OPT_BIT(WEFT_OPT_TRADDR),
	.allowed_opts	= WEFT_OPT_BIT(WEFT_OPT_TRADDR) |
			  WEFT_OPT_BIT(WEFT_OPT_TRSVCID) |
			  WEFT_OPT_BIT(WEFT_OPT_HOST_TRADDR) |
			  WEFT_OPT_BIT(WEFT_OPT_RECONNECT_DELAY) |
			  WEFT_OPT_BIT(WEFT_OPT_CTRL_LOSS_TMO) |
			  WEFT_OPT_BIT(WEFT_OPT_NR_WRITE_QUEUES) |
			  WEFT_OPT_BIT(WEFT_OPT_NR_POLL_QUEUES) |
			  WEFT_OPT_BIT(WEFT_OPT_TOS),
	.mq_ops		= &nvme_rdma_mq_ops,
	.admin_mq_ops	= &nvme_rdma_admin_mq_ops,
	.cmd_size	= sizeof(struct weft_rdma_request),
	.create_ctrl	= weft_rdma_create_ctrl,
	.free_ctrl	= weft_rdma_free_ctrl,
	.existing_ctrl	= weft_rdma_existing_ctrl,
	.alloc_queue	= weft_rdma_alloc_queue,
	.start_queue	= weft_rdma_start_queue,
	.stop_queue	= weft_rdma_stop_queue,
	.free_queue	= weft_rdma_free_queue,
	.break_off	= weft_rdma_break_off,
	.exec		= weft_rdma_exec,
	.submit_aer	= weft_rdma_submit_aer,
	.address	= weft_ip_address,
};

static struct ib_client nvme_rdma_ib_client;

/*
 * weft_rdma_device_stays() - may queues still be made on @dev?
 * Under weft_rdma_ctrls_lock. The mark is there from add to remove.
 */
bool weft_rdma_device_stays(struct ib_device *dev)
{
	lockdep_assert_held(&weft_rdma_ctrls_lock);
	return ib_get_client_data(dev, &nvme_rdma_ib_client);
}

static int nvme_rdma_add_one(struct ib_device *dev)
{
	ib_set_client_data(dev, &nvme_rdma_ib_client, dev);
	return 0;
}

static bool nvme_rdma_in_use(const struct ib_device *dev)
{
	struct weft_rdma_ctrl *rc;
	bool used = false;

	mutex_lock(&weft_rdma_ctrls_lock);
	list_for_each_entry(rc, &weft_rdma_ctrls, link)
		used |= rc->dev == dev;
	mutex_unlock(&weft_rdma_ctrls_lock);
	return used;
}

/* @dev goes away: nothing of ours is on it any more when this returns */
static void nvme_rdma_remove_one(struct ib_device *dev, void *client_data)
{
	struct weft_rdma_ctrl *rc;

	mutex_lock(&weft_rdma_ctrls_lock);
	ib_set_client_data(dev, &nvme_rdma_ib_client, NULL);
	list_for_each_entry(rc, &weft_rdma_ctrls, link)
		if (rc->dev == dev && !weft_device_removed(&rc->ctrl))
			weft_rdma_leave_device(rc);
	mutex_unlock(&weft_rdma_ctrls_lock);
	weft_delete_ctrl_flush();
	while (nvme_rdma_in_use(dev))
		msleep(10);
}

static struct ib_client nvme_rdma_ib_client = {
	.name	= "weft_rdma",
	.add	= nvme_rdma_add_one,
	.remove	= nvme_rdma_remove_one,
};

static int __init nvme_rdma_init_module(void)
{
	int err;

	/* stopping a queue may wait for it, and memory for stopping a queue */
	weft_rdma_wq = alloc_workqueue("weft_rdma", WQ_HIGHPRI | WQ_MEM_RECLAIM,
				       0);
	if (!weft_rdma_wq)
		return -ENOMEM;
	err = ib_register_client(&nvme_rdma_ib_client);
	if (err)
		goto wq;
	err = weft_register_transport(&weft_rdma_ops);
	if (err)
		goto client;
	return 0;
client:
	ib_unregister_client(&nvme_rdma_ib_client);
wq:
	destroy_workqueue(weft_rdma_wq);
	return err;
}

static void __exit nvme_rdma_cleanup_module(void)
{
	/* deletes the controllers, too */
	weft_unregister_transport(&weft_rdma_ops);
	ib_unregister_client(&nvme_rdma_ib_client);
	destroy_workqueue(weft_rdma_wq);
}

module_init(nvme_rdma_init_module);
module_exit(nvme_rdma_cleanup_module);

MODULE_DESCRIPTION("Weft: NVMe over Fabrics host, RDMA transport");
MODULE_LICENSE("GPL");
