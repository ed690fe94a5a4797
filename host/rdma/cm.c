// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections: the RDMA connection manager's side of a queue.
 *
 * Set-up runs step by step in the caller's process context: start a step, wait
 * for its event, judge it. The event handler (rdma_cm's workqueue, under the
 * id's handler mutex) only notes the event for the waiter; once the queue is
 * open it turns events into recovery.
 */
#include <net/net_namespace.h>

#include "host/rdma/rdma.h"

#define NVME_RDMA_REJ_NO_LISTENER	8	/* IB: invalid service id */
#define NO_DEVICE	"; no RDMA device on the way there"

static void nvme_rdma_cm_note(struct weft_rdma_queue *q,
			      const struct rdma_cm_event *ev)
{
	q->cm_event = ev->event;
	q->cm_status = ev->status;
	q->cm_private_len = 0;
	if (ev->event == RDMA_CM_EVENT_ESTABLISHED &&
	    ev->param.conn.private_data) {
		q->cm_private_len = min_t(u8, ev->param.conn.private_data_len,
					  sizeof(q->cm_private));
		memcpy(q->cm_private, ev->param.conn.private_data,
		       q->cm_private_len);
	} else if (ev->event == RDMA_CM_EVENT_REJECTED) {
		const void *data;
		u8 len = 0;

		data = rdma_consumer_reject_data(q->id,
						 (struct rdma_cm_event *)ev,
						 &len);
		q->cm_private_len = min_t(u8, len, sizeof(q->cm_private));
		if (data)
			memcpy(q->cm_private, data, q->cm_private_len);
	}
	WRITE_ONCE(q->cm_waiting, false);
	complete(&q->cm_done);
}

static int nvme_rdma_cm_handler(struct rdma_cm_id *id,
				struct rdma_cm_event *ev)
{
	struct weft_rdma_queue *q = id->context;

	if (READ_ONCE(q->cm_waiting)) {
		nvme_rdma_cm_note(q, ev);
		return 0;
	}
	if (ev->event == RDMA_CM_EVENT_TIMEWAIT_EXIT)
		return 0;
	if (ev->event == RDMA_CM_EVENT_DISCONNECTED)
		weft_tqueue_lost(&q->base, "the target disconnected");
	else
		weft_tqueue_lost(&q->base, "%s (status %d)",
				 rdma_event_msg(ev->event), ev->status);
	if (ev->event == RDMA_CM_EVENT_DEVICE_REMOVAL)
		weft_device_removed(&q->ctrl->ctrl);
	return 0;
}

static void nvme_rdma_cm_expect(struct weft_rdma_queue *q)
{
	reinit_completion(&q->cm_done);
	WRITE_ONCE(q->cm_waiting, true);
}

static int nvme_rdma_cm_rejected(struct weft_rdma_queue *q, const char *where,
				 struct weft_reason *why)
{
	bool absent = q->cm_status == NVME_RDMA_REJ_NO_LISTENER ||
		      q->cm_status == -ECONNREFUSED;
	int sts = nvme_rdma_cm_rej_decode(q->cm_private, q->cm_private_len);

	if (sts >= 0)
		return weft_fail(why, -ECONNREFUSED,
				 "%s: the target refused queue %u: %s (status %d)",
				 where, q->base.qid, nvme_rdma_cm_status_name(sts),
				 sts);
	return weft_fail(why, -ECONNREFUSED,
			 "%s: connection of queue %u refused: %s (%d)%s", where,
			 q->base.qid, rdma_reject_msg(q->id, q->cm_status),
			 q->cm_status,
			 absent ? "; nothing listens there" : "");
}

static const char *nvme_rdma_given_up(const struct weft_rdma_ctrl *rc)
{
	if (READ_ONCE(rc->broken_off))
		return "the controller is being deleted";
	return READ_ONCE(rc->leaving) ? "the RDMA device is being removed" : NULL;
}

/* Waits for the event that ends a step; what came instead goes into @why */
static int nvme_rdma_cm_wait(struct weft_rdma_queue *q,
			     enum rdma_cm_event_type want, unsigned int ms,
			     struct weft_reason *why)
{
	const struct weft_connstr *o = q->ctrl->ctrl.opts;
	const char *given_up;
	char where[96];
	long left;
	int err;

	snprintf(where, sizeof(where), "traddr=%s,trsvcid=%s", o->traddr,
		 o->trsvcid);
	given_up = nvme_rdma_given_up(q->ctrl);
	if (given_up)
		goto given_up;
	/* rdma_cm has limits of its own for addresses and routes: come later */
	left = wait_for_completion_interruptible_timeout(&q->cm_done,
						msecs_to_jiffies(ms + 1000));
	if (left < 0)
		return weft_fail(why, -EINTR, "%s: interrupted by a signal",
				 where);
	if (!left)
		return weft_fail(why, -ETIMEDOUT,
				 "%s: queue %u: no answer within %u s", where,
				 q->base.qid, ms / 1000 + 1);
	given_up = nvme_rdma_given_up(q->ctrl);
	if (given_up)
		goto given_up;
	if (q->cm_event == want)
		return 0;
	if (q->cm_event == RDMA_CM_EVENT_REJECTED)
		return nvme_rdma_cm_rejected(q, where, why);
	err = q->cm_status < 0 ? q->cm_status : -ECONNRESET;
	return weft_fail(why, err, "%s: queue %u: %s (%d)%s", where, q->base.qid,
			 rdma_event_msg(q->cm_event), q->cm_status,
			 err == -ENODEV ? NO_DEVICE : "");
given_up:
	return weft_fail(why, -ECONNRESET, "%s: queue %u: %s", where,
			 q->base.qid, given_up);
}

/*
 * weft_rdma_break_off() - &weft_transport_ops.break_off
 * Who has looked at the flag before it was set waits for the completion; who
 * makes the completion ready afterwards sees the flag.
 */
void weft_rdma_break_off(struct weft_ctrl *ctrl)
{
	struct weft_rdma_ctrl *rc = to_rdma_ctrl(ctrl);
	u32 i;

	WRITE_ONCE(rc->broken_off, true);
	for (i = 0; i < rc->nr_queues; i++)
		complete(&rc->queues[i].cm_done);
}

/*
 * weft_rdma_leave_device() - likewise, but the next attempt may succeed
 * Queues that are connected are lost, and so are their private commands.
 * Context: under weft_rdma_ctrls_lock.
 */
void weft_rdma_leave_device(struct weft_rdma_ctrl *rc)
{
	u32 i;

	lockdep_assert_held(&weft_rdma_ctrls_lock);
	WRITE_ONCE(rc->leaving, true);
	for (i = 0; i < rc->nr_queues; i++) {
		complete(&rc->queues[i].cm_done);
		weft_tqueue_lost(&rc->queues[i].base,
				 "the RDMA device is being removed");
	}
}

static void nvme_rdma_unresolved(const struct weft_connstr *o, int err,
				 struct weft_reason *why)
{
	if (weft_connstr_given(o, WEFT_OPT_HOST_TRADDR))
		weft_fail(why, err,
			  "traddr=%s: address cannot be resolved (%d); host_traddr=%s must be a local address",
			  o->traddr, err, o->host_traddr);
	else
		weft_fail(why, err, "traddr=%s: address cannot be resolved (%d)%s",
			  o->traddr, err, err == -ENODEV ? NO_DEVICE : "");
}

/*
 * weft_rdma_cm_resolve() - find the device and route for @q
 * On success q->id is set and bound to a device. On failure nothing is left.
 */
int weft_rdma_cm_resolve(struct weft_rdma_queue *q, struct weft_reason *why)
{
	struct weft_rdma_ctrl *rc = q->ctrl;
	const struct weft_connstr *o = rc->ctrl.opts;
	struct sockaddr *src = NULL;
	int err;

	weft_tqueue_reset(&q->base);
	q->id = rdma_create_id(&init_net, nvme_rdma_cm_handler, q, RDMA_PS_TCP,
			       IB_QPT_RC);
	if (IS_ERR(q->id)) {
		err = PTR_ERR(q->id);
		q->id = NULL;
		return weft_fail(why, err, "queue %u: no connection id (%d)",
				 q->base.qid, err);
	}
	if (o->tos >= 0)
		rdma_set_service_type(q->id, o->tos);
	if (rc->ip.src.ss_family)
		src = (struct sockaddr *)&rc->ip.src;
	nvme_rdma_cm_expect(q);
	err = rdma_resolve_addr(q->id, src, (struct sockaddr *)&rc->ip.addr,
				WEFT_RDMA_RESOLVE_MS);
	if (err) {
		nvme_rdma_unresolved(o, err, why);
		goto destroy;
	}
	err = nvme_rdma_cm_wait(q, RDMA_CM_EVENT_ADDR_RESOLVED,
				WEFT_RDMA_RESOLVE_MS, why);
	if (err)
		goto destroy;
	nvme_rdma_cm_expect(q);
	err = rdma_resolve_route(q->id, WEFT_RDMA_RESOLVE_MS);
	if (err) {
		weft_fail(why, err, "traddr=%s: no route (%d)%s", o->traddr,
			  err, err == -ENODEV ? NO_DEVICE : "");
		goto destroy;
	}
	err = nvme_rdma_cm_wait(q, RDMA_CM_EVENT_ROUTE_RESOLVED,
				WEFT_RDMA_RESOLVE_MS, why);
	if (err)
		goto destroy;
	return 0;
destroy:
	weft_rdma_cm_destroy(q);
	return err;
}

/* The answer's crqsize: receives that the target has for our commands */
static int nvme_rdma_cm_check_rep(struct weft_rdma_queue *q,
				  struct weft_reason *why)
{
	int crqsize = nvme_rdma_cm_rep_decode(q->cm_private, q->cm_private_len,
					      why);

	if (crqsize < 0)
		return crqsize;
	/* the admin queue's private slots are used while the others are */
	if (!q->base.qid && crqsize < q->slots_nr)
		return weft_fail(why, -EPROTO,
				 "queue 0: the target has %d receives for %u commands",
				 crqsize, q->slots_nr);
	if (crqsize < q->depth)
		return weft_fail(why, -EPROTO,
				 "queue %u: the target has %d receives for %u commands: connect with queue_size=%d or less",
				 q->base.qid, crqsize, q->depth,
				 max(crqsize, WEFT_QUEUE_SIZE_MIN));
	return 0;
}

/*
 * weft_rdma_cm_connect() - connect @q, whose QP is there with its receives
 * On failure the connection may be half made: the caller destroys the QP.
 */
int weft_rdma_cm_connect(struct weft_rdma_queue *q, struct weft_reason *why)
{
	struct nvme_rdma_cm_params p = {
		.qid	 = q->base.qid,
		.hrqsize = q->rx_nr - WEFT_RDMA_WC_BATCH,
		.hsqsize = q->base.params.sqsize,
		.cntlid	 = q->base.qid ? q->base.params.cntlid : 0,
	};
	struct nvme_rdma_cm_req priv;
	struct rdma_conn_param param = {
		.private_data	     = &priv,
		.private_data_len    = sizeof(priv),
		.qp_num		     = q->qp->qp_num,
		.responder_resources = clamp(q->dev->attrs.max_qp_rd_atom,
					     1, U8_MAX),
		.flow_control	     = 1,
		.retry_count	     = 7,
		.rnr_retry_count     = 7,
	};
	int err;

	nvme_rdma_cm_req_encode(&priv, &p);
	nvme_rdma_cm_expect(q);
	err = rdma_connect(q->id, &param);
	if (err)
		return weft_fail(why, err, "queue %u: connect failed (%d)",
				 q->base.qid, err);
	err = nvme_rdma_cm_wait(q, RDMA_CM_EVENT_ESTABLISHED,
				WEFT_RDMA_CONNECT_MS, why);
	if (err)
		return err;
	return nvme_rdma_cm_check_rep(q, why);
}

/*
 * weft_rdma_cm_destroy() - give the id back; its events have ended afterwards
 */
void weft_rdma_cm_destroy(struct weft_rdma_queue *q)
{
	rdma_destroy_id(q->id);
	q->id = NULL;
}
