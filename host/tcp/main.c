// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft-tcp.ko: registration with the core, the operations of request queues,
 * module parameters. Runs in process context only.
 */
#include <linux/module.h>
#include <linux/workqueue.h>

#include "host/tcp/tcp.h"

#define WEFT_TCP_SECONDS_MAX	86400

struct workqueue_struct *weft_tcp_wq;

int weft_tcp_so_priority;
module_param_named(so_priority, weft_tcp_so_priority, int, 0644);
MODULE_PARM_DESC(so_priority, "SO_PRIORITY of new connections, 0: the system's");

static int nvme_tcp_set_seconds(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 1, WEFT_TCP_SECONDS_MAX);
}

static const struct kernel_param_ops nvme_tcp_seconds_ops = {
	.set = nvme_tcp_set_seconds,
	.get = param_get_uint,
};

unsigned int weft_tcp_connect_timeout = 3;
module_param_cb(connect_timeout, &nvme_tcp_seconds_ops,
		&weft_tcp_connect_timeout, 0644);
MODULE_PARM_DESC(connect_timeout,
		 "seconds that TCP may take to connect, 1 to 86400 (default 3)");

unsigned int weft_tcp_icresp_timeout = 10;
module_param_cb(icresp_timeout, &nvme_tcp_seconds_ops,
		&weft_tcp_icresp_timeout, 0644);
MODULE_PARM_DESC(icresp_timeout,
		 "seconds to wait for a target's ICResp, 1 to 86400 (default 10)");

static int nvme_tcp_set_max_r2t(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 1, NVME_TCP_R2TS_MAX);
}

static const struct kernel_param_ops nvme_tcp_max_r2t_ops = {
	.set = nvme_tcp_set_max_r2t,
	.get = param_get_uint,
};

unsigned int weft_tcp_max_r2t = WEFT_TCP_MAXR2T;
module_param_cb(max_r2t, &nvme_tcp_max_r2t_ops, &weft_tcp_max_r2t, 0644);
MODULE_PARM_DESC(max_r2t, "R2Ts of a command that a target may have outstanding, 1-8");

static int nvme_tcp_init_hctx(struct weft_ctrl *ctrl,
			      struct blk_mq_hw_ctx *hctx, unsigned int qid)
{
	struct weft_tcp_ctrl *tc = to_tcp_ctrl(ctrl);

	if (qid >= tc->nr_queues)
		return -EINVAL;
	hctx->driver_data = &tc->queues[qid];
	return 0;
}

static int nvme_tcp_init_io_hctx(struct blk_mq_hw_ctx *hctx, void *data,
				 unsigned int idx)
{
	return nvme_tcp_init_hctx(data, hctx, idx + 1);
}

static int nvme_tcp_init_admin_hctx(struct blk_mq_hw_ctx *hctx, void *data,
				    unsigned int idx)
{
	return nvme_tcp_init_hctx(data, hctx, 0);
}

static int nvme_tcp_init_request(struct blk_mq_tag_set *set,
				 struct request *rq, unsigned int hctx_idx,
				 unsigned int numa_node)
{
	struct weft_tcp_request *req = blk_mq_rq_to_pdu(rq);

	req->base.ctrl = set->driver_data;
	req->cmd.rq = rq;
	return 0;
}

static const struct blk_mq_ops nvme_tcp_mq_ops = {
	.queue_rq	= weft_tcp_queue_rq,
	.commit_rqs	= weft_tcp_commit_rqs,
	.complete	= weft_complete_rq,
	.poll		= weft_tcp_poll,
	.timeout	= weft_timeout_rq,
	.init_hctx	= nvme_tcp_init_io_hctx,
	.init_request	= nvme_tcp_init_request,
	.map_queues	= weft_map_queues,
};

static const struct blk_mq_ops nvme_tcp_admin_mq_ops = {
	.queue_rq	= weft_tcp_queue_rq,
	.commit_rqs	= weft_tcp_commit_rqs,
	.complete	= weft_complete_rq,
	.timeout	= weft_timeout_rq,
	.init_hctx	= nvme_tcp_init_admin_hctx,
	.init_request	= nvme_tcp_init_request,
};

struct weft_transport_ops weft_tcp_ops = {
	.name		= "tcp",
	.module		= THIS_MODULE,
	.required_opts	= WEFT_OPT_BIT(WEFT_OPT_TRADDR),
	.allowed_opts	= WEFT_OPT_BIT(WEFT_OPT_TRADDR) |
			  WEFT_OPT_BIT(WEFT_OPT_TRSVCID) |
			  WEFT_OPT_BIT(WEFT_OPT_HOST_TRADDR) |
			  WEFT_OPT_BIT(WEFT_OPT_HOST_IFACE) |
			  WEFT_OPT_BIT(WEFT_OPT_RECONNECT_DELAY) |
			  WEFT_OPT_BIT(WEFT_OPT_CTRL_LOSS_TMO) |
			  WEFT_OPT_BIT(WEFT_OPT_HDR_DIGEST) |
			  WEFT_OPT_BIT(WEFT_OPT_DATA_DIGEST) |
			  WEFT_OPT_BIT(WEFT_OPT_NR_WRITE_QUEUES) |
			  WEFT_OPT_BIT(WEFT_OPT_NR_POLL_QUEUES) |
			  WEFT_OPT_BIT(WEFT_OPT_TOS),
	.mq_ops		= &nvme_tcp_mq_ops,
	.admin_mq_ops	= &nvme_tcp_admin_mq_ops,
	.cmd_size	= sizeof(struct weft_tcp_request),
	/* queue_rq sends by itself, under the socket's lock */
	.blocking	= true,
	.create_ctrl	= weft_tcp_create_ctrl,
	.free_ctrl	= weft_tcp_free_ctrl,
	.existing_ctrl	= weft_tcp_existing_ctrl,
	.alloc_queue	= weft_tcp_alloc_queue,
	.start_queue	= weft_tcp_start_queue,
	.stop_queue	= weft_tcp_stop_queue,
	.free_queue	= weft_tcp_free_queue,
	.break_off	= weft_tcp_break_off,
	.exec		= weft_tcp_exec,
	.submit_aer	= weft_tcp_submit_aer,
	.address	= weft_tcp_address,
};

static int __init nvme_tcp_init_module(void)
{
	int err;

	/* memory may be waiting for what its works send and receive */
	weft_tcp_wq = alloc_workqueue("weft_tcp", WQ_HIGHPRI | WQ_MEM_RECLAIM,
				      0);
	if (!weft_tcp_wq)
		return -ENOMEM;
	err = weft_tcp_socks_init();
	if (err)
		goto wq;
	err = weft_register_transport(&weft_tcp_ops);
	if (err)
		goto socks;
	return 0;
socks:
	weft_tcp_socks_exit();
wq:
	destroy_workqueue(weft_tcp_wq);
	return err;
}

static void __exit nvme_tcp_cleanup_module(void)
{
	/* deletes the controllers, too */
	weft_unregister_transport(&weft_tcp_ops);
	weft_tcp_socks_exit();
	destroy_workqueue(weft_tcp_wq);
}

module_init(nvme_tcp_init_module);
module_exit(nvme_tcp_cleanup_module);

MODULE_DESCRIPTION("Weft: NVMe over Fabrics host, TCP transport");
MODULE_LICENSE("GPL");
