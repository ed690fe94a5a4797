// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Events of the connection manager: admission of connection requests, and the
 * rest handed on to the queue pair's reactor. Control reactor only.
 *
 * An event is acknowledged before anything is done about it: an id cannot be
 * destroyed while one of its events is not, and what an event carries is copied
 * out first. The id of a connection lives as long as its struct rdma_qpair;
 * messages to the queue pair's reactor keep their order, so the one that frees
 * it is the last.
 */
#include <arpa/inet.h>
#include <stdlib.h>

#include "common/rdma_cm.h"
#include "target/transport/rdma/rdma.h"

/* Events taken per turn: others want the control reactor too */
#define EVENT_BATCH	16

/* What a connection request says, copied out of its event */
struct request {
	struct rdma_cm_id *id;
	struct rdma_listener *listener;
	struct nvme_rdma_cm_params params;
	u8 peer_reads;
	u8 private_len;
	u8 private[RDMA_MAX_PRIVATE];
};

static bool address_text(const struct sockaddr *sa, char addr[64])
{
	const void *in = &((const struct sockaddr_in *)sa)->sin_addr;

	if (sa->sa_family == AF_INET6)
		in = &((const struct sockaddr_in6 *)sa)->sin6_addr;
	return inet_ntop(sa->sa_family, in, addr, 64);
}

static void peer_text(struct rdma_cm_id *id, char addr[64], char port[6])
{
	if (!address_text(rdma_get_peer_addr(id), addr))
		snprintf(addr, 64, "unknown");
	snprintf(port, 6, "%u", ntohs(rdma_get_dst_port(id)));
}

void rdma_reject_id(struct rdma_cm_id *id, u16 sts)
{
	struct nvme_rdma_cm_rej rej;

	nvme_rdma_cm_rej_encode(&rej, sts);
	/* if this fails the peer is gone, or gives up by its own timeout */
	rdma_reject(id, &rej, sizeof(rej));
}

static void refuse(struct request *r, u16 sts, const struct weft_reason *why)
{
	static struct log_budget budget;
	char addr[64], port[6];

	peer_text(r->id, addr, port);
	log_peer(&budget, LOG_WARNING, "rdma: %s:%s: connection refused, %s: %s",
		 addr, port, nvme_rdma_cm_status_name(sts), why->text);
	rdma_reject_id(r->id, sts);
	rdma_destroy_id(r->id);
}

static void tell(struct rdma_qpair *q, reactor_fn fn)
{
	reactor_send(q->reactor, fn, q);
}

void rdma_conn_settled(struct rdma_qpair *q)
{
	if (!q->admitted)
		return;
	q->admitted = false;
	q->t->pending--;
}

/*
 * Hosts that ask for connections and are not heard of again must not keep others
 * out. One whose first command was faster than the event stays: its reactor knows.
 */
static bool make_room(struct rdma_transport *t)
{
	struct rdma_qpair *q;

	if (t->pending < t->base.opts.acceptor_backlog)
		return true;
	/* in the order of their arrival */
	TAILQ_FOREACH(q, &t->conns, link)
		if (q->admitted)
			break;
	if (!q || reactor_now_us() - q->since_us < RDMA_ACCEPT_MIN_US)
		return false;
	rdma_conn_settled(q);
	tell(q, rdma_qpair_yield);
	return true;
}

/* Is it one that we want? 0 or the status to refuse it with. */
static int check_request(struct rdma_transport *t, struct request *r,
			 struct weft_reason *why)
{
	const struct nvmf_transport_opts *o = &t->base.opts;
	u32 deepest = o->max_aq_depth > o->max_queue_depth ?
		      o->max_aq_depth : o->max_queue_depth;
	u32 max;
	int sts;

	sts = nvme_rdma_cm_req_decode(r->private, r->private_len,
				      (u16)o->max_io_qpairs_per_ctrlr,
				      (u16)deepest, &r->params, why);
	if (sts)
		return sts;
	if (!make_room(t))
		return weft_fail(why, NVME_RDMA_CM_NO_RESOURCES,
				 "%u connections are being set up: acceptor_backlog allows no more",
				 t->pending);
	max = r->params.qid ? o->max_queue_depth : o->max_aq_depth;
	if (r->params.hsqsize > max)
		r->params.hsqsize = (u16)max;
	return 0;
}

/*
 * An RDMA READ that a host is silent about needs no time limit of ours: the
 * device asks again after each timeout, retry_cnt (at most 7) times, and then
 * fails it; that closes the connection (completion_failed()), and its buffers
 * come back. Both numbers the kernel takes from the host's request, which may
 * have hours in it (exponent 31); a timeout that is set here replaces the host's.
 */
static void apply_ack_timeout(struct rdma_transport *t, struct rdma_cm_id *id)
{
	u8 timeout = (u8)t->base.opts.ack_timeout;

	if (timeout && rdma_set_option(id, RDMA_OPTION_ID,
				       RDMA_OPTION_ID_ACK_TIMEOUT, &timeout,
				       sizeof(timeout)))
		log_warn("rdma: ack_timeout=%u: not taken by the kernel: %s",
			 timeout, strerror(errno));
}

static struct rdma_qpair *conn_new(struct rdma_transport *t, struct request *r)
{
	struct rdma_qpair *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->kind = RDMA_CTX_QPAIR;
	q->t = t;
	q->id = r->id;
	q->qid = r->params.qid;
	q->wanted_depth = r->params.hsqsize;
	q->peer_reads = r->peer_reads;
	q->since_us = reactor_now_us();
	nvmf_qpair_init(&q->base, &t->base);
	q->base.admin = !q->qid;
	q->base.listen = r->listener->trid;
	peer_text(r->id, q->base.peer, q->base.peer_port);
	if (!address_text(rdma_get_local_addr(r->id), q->base.local))
		*q->base.local = 0;
	return q;
}

static void connect_request(struct rdma_transport *t, struct request *r)
{
	struct weft_reason why = { "" };
	struct rdma_qpair *q;
	int sts = check_request(t, r, &why);

	if (sts) {
		refuse(r, (u16)sts, &why);
		return;
	}
	q = conn_new(t, r);
	if (!q) {
		weft_fail(&why, 0, "no memory for a connection");
		refuse(r, NVME_RDMA_CM_NO_RESOURCES, &why);
		return;
	}
	q->dev = rdma_device_get(t, r->id->verbs, &why);
	if (!q->dev)
		goto refuse;
	q->base.group = nvmf_group_choose(&t->base, !q->qid);
	if (!q->base.group) {
		weft_fail(&why, 0, "no poll group takes connections");
		q->dev->conns--;
		goto refuse;
	}
	q->chosen = true;
	q->admitted = true;
	t->pending++;
	t->refs++;
	TAILQ_INSERT_TAIL(&t->conns, q, link);
	apply_ack_timeout(t, q->id);
	q->id->context = &q->kind;
	q->reactor = q->base.group->reactor;
	reactor_send(q->reactor, rdma_qpair_setup, q);
	return;
refuse:
	free(q);
	refuse(r, NVME_RDMA_CM_NO_RESOURCES, &why);
}

static void free_memory(void *qpair)
{
	free(qpair);
}

void rdma_conn_free(struct rdma_qpair *q)
{
	struct rdma_transport *t = q->t;

	rdma_conn_settled(q);
	TAILQ_REMOVE(&t->conns, q, link);
	/* no event of it comes after this; those before are on their way */
	rdma_destroy_id(q->id);
	if (q->chosen)
		nvmf_group_unchoose(q->base.group, !q->qid);
	reactor_send(q->reactor, free_memory, q);
	rdma_transport_put(t);
}

static void qpair_event(struct rdma_qpair *q, enum rdma_cm_event_type type,
			int status)
{
	static struct log_budget budget;

	switch (type) {
	case RDMA_CM_EVENT_ESTABLISHED:
		q->established = true;
		rdma_conn_settled(q);
		tell(q, rdma_qpair_established);
		return;
	case RDMA_CM_EVENT_DISCONNECTED:
	case RDMA_CM_EVENT_TIMEWAIT_EXIT:
		break;
	case RDMA_CM_EVENT_DEVICE_REMOVAL:
		rdma_device_removed(q->dev);
		break;
	case RDMA_CM_EVENT_CONNECT_ERROR:
	case RDMA_CM_EVENT_UNREACHABLE:
	case RDMA_CM_EVENT_REJECTED:
		log_peer(&budget, LOG_NOTICE, "rdma: %s:%s: %s (%d)",
			 q->base.peer, q->base.peer_port, rdma_event_str(type),
			 status);
		break;
	default:
		/* address changes and the like: the connection tells itself */
		return;
	}
	tell(q, rdma_qpair_down);
}

static void listener_event(struct rdma_listener *l,
			   enum rdma_cm_event_type type)
{
	struct rdma_device *dev;

	if (type != RDMA_CM_EVENT_DEVICE_REMOVAL)
		return;
	/* the id may be what holds the device open: it goes last */
	dev = rdma_device_find(l->t, l->id->verbs);
	if (dev)
		rdma_device_removed(dev);
	rdma_listener_lost(l);
}

static void copy_request(struct request *r, const struct rdma_cm_event *ev)
{
	const struct rdma_conn_param *p = &ev->param.conn;

	r->id = ev->id;
	r->listener = ev->listen_id->context;
	/* how many READs we may have under way is what the host answers */
	r->peer_reads = p->initiator_depth;
	r->private_len = p->private_data_len;
	if (r->private_len > sizeof(r->private))
		r->private_len = sizeof(r->private);
	if (r->private_len)
		memcpy(r->private, p->private_data, r->private_len);
}

static void handle(struct rdma_transport *t, struct rdma_cm_event *ev)
{
	enum rdma_cm_event_type type = ev->event;
	int status = ev->status;
	void *ctx = ev->id->context;
	struct request req = { 0 };

	if (type == RDMA_CM_EVENT_CONNECT_REQUEST) {
		copy_request(&req, ev);
		rdma_ack_cm_event(ev);
		connect_request(t, &req);
		return;
	}
	rdma_ack_cm_event(ev);
	if (*(enum rdma_ctx_kind *)ctx == RDMA_CTX_LISTENER)
		listener_event(ctx, type);
	else
		qpair_event((struct rdma_qpair *)((char *)ctx -
				offsetof(struct rdma_qpair, kind)),
			    type, status);
}

void rdma_cm_event_ready(void *ctx, u32 events)
{
	struct rdma_transport *t = ctx;
	struct rdma_cm_event *ev;
	int n;

	(void)events;
	for (n = 0; n < EVENT_BATCH; n++) {
		if (rdma_get_cm_event(t->cm, &ev)) {
			if (errno != EAGAIN)
				log_error("rdma: connection manager: %s",
					  strerror(errno));
			return;
		}
		handle(t, ev);
	}
}
