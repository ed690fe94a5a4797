// SPDX-License-Identifier: GPL-2.0-only
/*
 * Controllers of the TCP transport: their memory, addresses, and the names of
 * their queues' counters. Called by the core in process context.
 */
#include <linux/netdevice.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "host/tcp/tcp.h"

static const char *const nvme_tcp_count_names[WEFT_TCP_N_COUNT + 1] = {
	[WEFT_TCP_N_COMMANDS]	= "commands",
	[WEFT_TCP_N_INCAPSULE]	= "incapsule_writes",
	[WEFT_TCP_N_SENDS]	= "sends",
	[WEFT_TCP_N_BATCHES]	= "batches",
	[WEFT_TCP_N_BLOCKED]	= "sends_blocked",
	[WEFT_TCP_N_TX_PDUS]	= "tx_pdus",
	[WEFT_TCP_N_TX_BYTES]	= "tx_bytes",
	[WEFT_TCP_N_TX_COPIED]	= "tx_copied_bytes",
	[WEFT_TCP_N_RECVS]	= "recv_passes",
	[WEFT_TCP_N_RX_PDUS]	= "rx_pdus",
	[WEFT_TCP_N_RX_BYTES]	= "rx_bytes",
	[WEFT_TCP_N_RESPONSES]	= "responses",
	[WEFT_TCP_N_SUCCESSES]	= "success_flags",
	[WEFT_TCP_N_R2TS]	= "r2ts",
	[WEFT_TCP_N_BAD_DDGST]	= "bad_data_digests",
	[WEFT_TCP_N_WAKEUPS]	= "wakeups",
};

static void nvme_tcp_init_queue(struct weft_tcp_ctrl *tc, u16 qid)
{
	struct weft_tcp_queue *q = &tc->queues[qid];

	weft_tqueue_init(&q->base, &tc->ctrl, qid, nvme_tcp_count_names,
			 q->count);
	q->ctrl = tc;
	mutex_init(&q->tx_lock);
	spin_lock_init(&q->cmd_lock);
	INIT_WORK(&q->work, weft_tcp_work);
}

static int nvme_tcp_check_iface(const struct weft_connstr *opts,
				struct weft_reason *why)
{
	struct net_device *dev;

	if (!weft_connstr_given(opts, WEFT_OPT_HOST_IFACE))
		return 0;
	dev = dev_get_by_name(&init_net, opts->host_iface);
	if (!dev)
		return weft_fail(why, -ENODEV,
				 "host_iface=%s: there is no such network interface",
				 opts->host_iface);
	dev_put(dev);
	return 0;
}

/*
 * weft_tcp_create_ctrl() - &weft_transport_ops.create_ctrl
 */
struct weft_ctrl *weft_tcp_create_ctrl(const struct weft_connstr *opts,
				       struct weft_reason *why)
{
	u32 nr = 1 + weft_max_io_queues(opts);
	struct weft_tcp_ctrl *tc;
	int err;
	u32 i;

	tc = kvzalloc(struct_size(tc, queues, nr), GFP_KERNEL);
	if (!tc)
		return ERR_PTR(weft_fail(why, -ENOMEM,
					 "no memory for a controller with %u queues", nr));
	tc->nr_queues = nr;
	mutex_init(&tc->wait_lock);
	for (i = 0; i < nr; i++)
		nvme_tcp_init_queue(tc, i);
	err = weft_ip_parse(opts, &tc->ip, why);
	if (!err)
		err = nvme_tcp_check_iface(opts, why);
	if (err)
		goto free;
	err = weft_ctrl_init(&tc->ctrl, &weft_tcp_ops, opts);
	if (err) {
		weft_fail(why, err, "no memory for a controller");
		goto free;
	}
	return &tc->ctrl;
free:
	kvfree(tc);
	return ERR_PTR(err);
}

/*
 * weft_tcp_free_ctrl() - &weft_transport_ops.free_ctrl
 */
void weft_tcp_free_ctrl(struct weft_ctrl *ctrl)
{
	kvfree(to_tcp_ctrl(ctrl));
}

/*
 * weft_tcp_existing_ctrl() - &weft_transport_ops.existing_ctrl
 * Two interfaces are two ways to the target, as two source addresses are.
 */
bool weft_tcp_existing_ctrl(struct weft_ctrl *ctrl,
			    const struct weft_connstr *opts)
{
	const char *iface = ctrl->opts->host_iface;

	if (iface[0] && opts->host_iface[0] && strcmp(iface, opts->host_iface))
		return false;
	return weft_ip_same(&to_tcp_ctrl(ctrl)->ip, opts);
}

/*
 * weft_tcp_address() - &weft_transport_ops.address
 * With the address that this host uses, while there is a connection.
 */
void weft_tcp_address(struct weft_ctrl *ctrl, struct weft_text *t)
{
	struct weft_tcp_queue *q = &to_tcp_ctrl(ctrl)->queues[0];
	struct sockaddr_storage ss;

	weft_ip_address(ctrl, t);
	down_read(&q->base.life);
	if (test_bit(WEFT_Q_OPEN, &q->base.flags) &&
	    kernel_getsockname(q->sock, (struct sockaddr *)&ss) > 0)
		weft_text_add(t, ",src_addr=%pISc", &ss);
	up_read(&q->base.life);
}
