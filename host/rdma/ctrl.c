// SPDX-License-Identifier: GPL-2.0-only
/*
 * Controllers of the RDMA transport: their memory, their addresses, and the
 * device that they are on. Called by the core, and by queue.c once an address
 * has led to a device. Process context.
 */
#include <linux/inet.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "host/rdma/rdma.h"

static int nvme_rdma_parse_addr(const char *what, const char *addr,
				const char *port, struct sockaddr_storage *ss,
				struct weft_reason *why)
{
	int err = inet_pton_with_scope(&init_net, AF_UNSPEC, addr, port, ss);

	if (err)
		return weft_fail(why, err, "%s=%s: accepted is an IPv4 or IPv6 address; %%scope must be a network interface that is there",
				 what, addr);
	return 0;
}

/* I/O queues that the options ask for at most; CPUs may come online later */
static u32 nvme_rdma_max_io_queues(const struct weft_connstr *opts)
{
	u32 cpus = num_possible_cpus();
	u32 n = opts->nr_io_queues ? min_t(u32, opts->nr_io_queues, cpus) : cpus;

	if (opts->nr_write_queues)
		n += min_t(u32, opts->nr_write_queues, cpus);
	if (opts->nr_poll_queues)
		n += min_t(u32, opts->nr_poll_queues, cpus);
	return n;
}

static void nvme_rdma_init_queue(struct weft_rdma_ctrl *rc, u16 qid)
{
	struct weft_rdma_queue *q = &rc->queues[qid];

	q->ctrl = rc;
	q->qid = qid;
	mutex_init(&q->lock);
	init_rwsem(&q->life);
	init_completion(&q->cm_done);
	init_completion(&q->exec_done);
	spin_lock_init(&q->sq_lock);
	spin_lock_init(&q->cq_lock);
}

/*
 * weft_rdma_create_ctrl() - &weft_transport_ops.create_ctrl
 */
struct weft_ctrl *weft_rdma_create_ctrl(const struct weft_connstr *opts,
					struct weft_reason *why)
{
	u32 nr = 1 + nvme_rdma_max_io_queues(opts);
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

	err = nvme_rdma_parse_addr("traddr", opts->traddr, opts->trsvcid,
				   &rc->addr, why);
	if (!err && weft_connstr_given(opts, WEFT_OPT_HOST_TRADDR))
		err = nvme_rdma_parse_addr("host_traddr", opts->host_traddr,
					   NULL, &rc->src_addr, why);
	if (!err && rc->src_addr.ss_family &&
	    rc->src_addr.ss_family != rc->addr.ss_family)
		err = weft_fail(why, -EINVAL,
				"host_traddr=%s: accepted is an address of the same family as traddr=%s",
				opts->host_traddr, opts->traddr);
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

static bool nvme_rdma_same_addr(const struct sockaddr_storage *a,
				const struct sockaddr_storage *b)
{
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port &&
		       a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a6->sin6_port == b6->sin6_port &&
	       a6->sin6_scope_id == b6->sin6_scope_id &&
	       ipv6_addr_equal(&a6->sin6_addr, &b6->sin6_addr);
}

/*
 * weft_rdma_existing_ctrl() - &weft_transport_ops.existing_ctrl
 * The core has compared the names. Addresses are compared as such: "::1" and
 * "0:0::1" are the same one. Where only one side names a source address the
 * other may have chosen the same, so that counts as equal.
 */
bool weft_rdma_existing_ctrl(struct weft_ctrl *ctrl,
			     const struct weft_connstr *opts)
{
	struct weft_rdma_ctrl *rc = to_rdma_ctrl(ctrl);
	struct sockaddr_storage addr = {};

	if (inet_pton_with_scope(&init_net, AF_UNSPEC, opts->traddr,
				 opts->trsvcid, &addr) ||
	    !nvme_rdma_same_addr(&rc->addr, &addr))
		return false;
	if (!weft_connstr_given(opts, WEFT_OPT_HOST_TRADDR) ||
	    !rc->src_addr.ss_family)
		return true;
	memset(&addr, 0, sizeof(addr));
	return !inet_pton_with_scope(&init_net, AF_UNSPEC, opts->host_traddr,
				     NULL, &addr) &&
	       nvme_rdma_same_addr(&rc->src_addr, &addr);
}

/*
 * weft_rdma_address() - &weft_transport_ops.address
 */
void weft_rdma_address(struct weft_ctrl *ctrl, struct weft_text *t)
{
	const struct weft_connstr *o = ctrl->opts;

	weft_text_add(t, "traddr=%s,trsvcid=%s", o->traddr, o->trsvcid);
	if (weft_connstr_given(o, WEFT_OPT_HOST_TRADDR))
		weft_text_add(t, ",host_traddr=%s", o->host_traddr);
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
	ctrl->dma_dev_node = ibdev_to_node(rc->dev);
	ctrl->virt_boundary = SZ_4K - 1;
	ctrl->max_io_queues = rc->nr_queues - 1;
	/* see the sizes in queue.c: 4 sends and a receive for each command */
	depth -= min(depth, 2u * WEFT_RDMA_WC_BATCH);
	ctrl->max_queue_size = min_t(u32, depth, WEFT_QUEUE_SIZE_MAX);
}

/*
 * weft_rdma_use_device() - the address has led @q to a device: is it usable?
 * The admin queue's device is the controller's; its removal deletes the
 * controller, so no queue may be on another one.
 */
int weft_rdma_use_device(struct weft_rdma_queue *q, struct weft_reason *why)
{
	struct weft_rdma_ctrl *rc = q->ctrl;
	struct ib_device *dev = q->id->device;
	const struct ib_device_attr *a = &dev->attrs;

	if (q->qid) {
		if (dev != rc->dev)
			return weft_fail(why, -EXDEV,
					 "queue %u: the route to the target leads over RDMA device %s, the admin queue's over another: make routes the same",
					 q->qid, dev_name(&dev->dev));
		q->dev = dev;
		return 0;
	}
	if (!(a->device_cap_flags & IB_DEVICE_MEM_MGT_EXTENSIONS) ||
	    a->max_fast_reg_page_list_len < 2)
		return weft_fail(why, -EOPNOTSUPP,
				 "RDMA device %s cannot register memory by work requests, which is needed",
				 dev_name(&dev->dev));
	q->dev = dev;
	mutex_lock(&weft_rdma_ctrls_lock);
	rc->dev = dev;
	mutex_unlock(&weft_rdma_ctrls_lock);
	nvme_rdma_set_limits(rc, a);
	if (rc->ctrl.max_queue_size < WEFT_QUEUE_SIZE_MIN)
		return weft_fail(why, -EOPNOTSUPP,
				 "RDMA device %s allows %d work requests and %d completions on a queue: too few",
				 dev_name(&dev->dev), a->max_qp_wr, a->max_cqe);
	return 0;
}
