// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * NVMe/RDMA of the initiator: the connection manager's steps, and what a queue
 * pair needs. See rdma.h.
 */
#include <fcntl.h>
#include <poll.h>

#include "common/rdma_cm.h"
#include "common/sgl.h"
#include "tools/initiator/address.h"
#include "tools/initiator/rdma.h"

#define RETRIES		7
#define INLINE_MAX	(16u << 10)	/* of what IOCCSZ offers, we use this */
#define CM_EVERY	INI_MS		/* asking costs a system call */

static int no_block(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) ? -errno : 0;
}

/* --- resources -------------------------------------------------------------------- */

static int get_memory(struct rdma_queue *t)
{
	size_t capsules = (size_t)t->q->nslots * t->capsule;
	size_t responses = (size_t)t->q->sqsize * RDMA_RESPONSE_STRIDE;

	t->capsules = calloc(1, capsules);
	t->responses = calloc(1, responses);
	if (!t->capsules || !t->responses)
		return -ENOMEM;
	t->capsules_mr = ibv_reg_mr(t->pd, t->capsules, capsules, 0);
	t->responses_mr = ibv_reg_mr(t->pd, t->responses, responses,
				     IBV_ACCESS_LOCAL_WRITE);
	return t->capsules_mr && t->responses_mr ? 0 : -errno;
}

static int make_qp(struct rdma_queue *t)
{
	struct ibv_qp_init_attr attr = {
		.cap = {
			.max_send_wr = t->q->nslots, .max_send_sge = 1,
			.max_recv_wr = t->q->sqsize, .max_recv_sge = 1,
		},
		.qp_type = IBV_QPT_RC,
		.sq_sig_all = 1,
	};

	t->pd = ibv_alloc_pd(t->id->verbs);
	if (!t->pd)
		return -errno;
	t->channel = ibv_create_comp_channel(t->id->verbs);
	if (!t->channel || no_block(t->channel->fd))
		return -errno;
	t->cq = ibv_create_cq(t->id->verbs, (int)(t->q->nslots + t->q->sqsize),
			      NULL, t->channel, 0);
	if (!t->cq)
		return -errno;
	attr.send_cq = attr.recv_cq = t->cq;
	return rdma_create_qp(t->id, t->pd, &attr) ? -errno : 0;
}

static void release(struct rdma_queue *t)
{
	struct ini_queue *q = t->q;
	u32 i;

	if (t->id && t->id->qp)
		rdma_destroy_qp(t->id);
	for (i = 0; i < q->nslots; i++)
		rdma_unmap(container_of(ini_req_at(q, i), struct rdma_req, r));
	for (i = 0; i < q->nmemory; i++) {
		if (q->memory[i].key)
			ibv_dereg_mr(q->memory[i].key);
		q->memory[i].key = NULL;
	}
	if (t->capsules_mr)
		ibv_dereg_mr(t->capsules_mr);
	if (t->responses_mr)
		ibv_dereg_mr(t->responses_mr);
	free(t->capsules);
	free(t->responses);
	if (t->cq)
		ibv_destroy_cq(t->cq);
	if (t->channel)
		ibv_destroy_comp_channel(t->channel);
	if (t->pd)
		ibv_dealloc_pd(t->pd);
}

static void rdma_close(struct ini_queue *q)
{
	struct rdma_queue *t = q->transport;

	if (!t)
		return;
	if (t->ready)
		rdma_disconnect(t->id);
	release(t);
	if (t->id)
		rdma_destroy_id(t->id);
	if (t->cm)
		rdma_destroy_event_channel(t->cm);
	free(t);
	q->transport = NULL;
}

/* --- connection manager ----------------------------------------------------------- */

static void resolved(struct rdma_queue *t)
{
	if (rdma_resolve_route(t->id, (int)t->q->ctrlr->opts.connect_ms))
		ini_queue_fail(t->q, -errno, "no route (%s)", strerror(errno));
}

static void request(struct rdma_queue *t)
{
	struct ini_queue *q = t->q;
	struct nvme_rdma_cm_req req;
	struct rdma_conn_param param = {
		.private_data = &req, .private_data_len = sizeof(req),
		.responder_resources = 16, .retry_count = RETRIES,
		.rnr_retry_count = RETRIES,
	};
	struct ibv_device_attr dev;
	struct weft_reason why;
	unsigned int i;
	int err = make_qp(t);

	if (!err)
		err = get_memory(t);
	if (!err)
		err = rdma_post_receives(t);
	if (err) {
		ini_queue_fail(q, err,
			       "no queue pair for %u commands (%s): a smaller queue_size needs less",
			       q->depth, strerror(-err));
		return;
	}
	for (i = 0; i < q->nmemory && !err; i++)
		err = rdma_register(t, &q->memory[i], &why);
	if (err) {
		ini_queue_fail(q, err, "%s", why.text);
		return;
	}
	if (!ibv_query_device(t->id->verbs, &dev) &&
	    dev.max_qp_rd_atom < param.responder_resources)
		param.responder_resources = (u8)dev.max_qp_rd_atom;
	nvme_rdma_cm_req_encode(&req, &(struct nvme_rdma_cm_params) {
		.qid = q->qid, .hrqsize = (u16)q->sqsize,
		.hsqsize = (u16)q->sqsize,
		.cntlid = q->qid ? q->ctrlr->cntlid : 0,
	});
	if (rdma_connect(t->id, &param))
		ini_queue_fail(q, -errno, "connection request (%s)",
			       strerror(errno));
}

static void established(struct rdma_queue *t, const struct rdma_cm_event *ev)
{
	struct ini_queue *q = t->q;
	struct weft_reason why;
	int crqsize;

	crqsize = nvme_rdma_cm_rep_decode(ev->param.conn.private_data,
					  ev->param.conn.private_data_len,
					  &why);
	if (crqsize < 0) {
		ini_queue_fail(q, crqsize, "accept: %s", why.text);
		return;
	}
	if ((u32)crqsize < q->depth) {
		ini_queue_fail(q, -EPROTO,
			       "the target has %d receives for %u commands: connect with queue_size=%d or less",
			       crqsize, q->depth, crqsize);
		return;
	}
	t->ready = true;
	ini_queue_up(q);
}

static void rejected(struct rdma_queue *t, const struct rdma_cm_event *ev)
{
	int sts = nvme_rdma_cm_rej_decode(ev->param.conn.private_data,
					  ev->param.conn.private_data_len);

	/* a reject of the connection manager itself has no status of NVMe */
	if (ev->status != 28 || sts < 0)
		ini_queue_fail(t->q, -ECONNREFUSED,
			       "connection refused (reason %d)%s", ev->status,
			       ev->status == 8 ? "; nothing listens there" :
			       "");
	else
		ini_queue_fail(t->q, -ECONNREFUSED,
			       "connection refused by the target: %s",
			       nvme_rdma_cm_status_name((u16)sts));
}

static void cm_event(struct rdma_queue *t, const struct rdma_cm_event *ev)
{
	const struct weft_connstr *c = &t->q->ctrlr->opts.conn;

	t->q->work++;
	switch (ev->event) {
	case RDMA_CM_EVENT_ADDR_RESOLVED:
		resolved(t);
		break;
	case RDMA_CM_EVENT_ROUTE_RESOLVED:
		request(t);
		break;
	case RDMA_CM_EVENT_ESTABLISHED:
		established(t, ev);
		break;
	case RDMA_CM_EVENT_REJECTED:
		rejected(t, ev);
		break;
	case RDMA_CM_EVENT_DISCONNECTED:
		ini_queue_fail(t->q, -ECONNRESET,
			       "connection lost (closed by the target)");
		break;
	case RDMA_CM_EVENT_ADDR_CHANGE:
	case RDMA_CM_EVENT_TIMEWAIT_EXIT:
		break;
	default:
		ini_queue_fail(t->q, ev->status < 0 ? ev->status : -ENETUNREACH,
			       "traddr=%s,trsvcid=%s: %s (%d)", c->traddr,
			       c->trsvcid, rdma_event_str(ev->event),
			       ev->status);
	}
}

static void cm_events(struct rdma_queue *t)
{
	struct rdma_cm_event *ev;

	/* a queue in use hears of its end a little later */
	if (t->ready && t->q->now < t->ask_at)
		return;
	t->ask_at = t->q->now + CM_EVERY;
	while (!t->q->failed) {
		if (rdma_get_cm_event(t->cm, &ev)) {
			t->q->stats.idle++;
			break;
		}
		cm_event(t, ev);
		rdma_ack_cm_event(ev);
	}
}

static int resolve_to(struct rdma_queue *t, const struct ini_addresses *a,
		      struct weft_reason *why)
{
	const struct ini_opts *o = &t->q->ctrlr->opts;
	const struct weft_connstr *c = &o->conn;
	u8 tos = (u8)c->tos;

	if (weft_connstr_given(c, WEFT_OPT_TOS) &&
	    rdma_set_option(t->id, RDMA_OPTION_ID, RDMA_OPTION_ID_TOS, &tos,
			    sizeof(tos)))
		return weft_fail(why, -errno, "tos=%d: %s", c->tos,
				 strerror(errno));
	if (rdma_resolve_addr(t->id, a->from ? a->from->ai_addr : NULL,
			      a->to->ai_addr, (int)o->connect_ms))
		return weft_fail(why, -errno, "traddr=%s: no RDMA device leads there (%s)",
				 c->traddr, strerror(errno));
	return 0;
}

static int resolve(struct rdma_queue *t, struct weft_reason *why)
{
	struct ini_addresses a;
	int err = ini_addresses_get(&t->q->ctrlr->opts.conn, &a, why);

	if (err)
		return err;
	err = resolve_to(t, &a, why);
	ini_addresses_put(&a);
	return err;
}

static int rdma_open(struct ini_queue *q, struct weft_reason *why)
{
	struct rdma_queue *t = calloc(1, sizeof(*t));

	if (!t)
		return weft_fail(why, -ENOMEM, "out of memory");
	q->transport = t;
	t->q = q;
	TAILQ_INIT(&t->todo);
	if (q->inline_room > INLINE_MAX)
		q->inline_room = INLINE_MAX;
	t->capsule = NVME_SQE_SIZE + (q->inline_room ?
				      q->icdoff + q->inline_room : 0);
	t->cm = rdma_create_event_channel();
	if (!t->cm || no_block(t->cm->fd) ||
	    rdma_create_id(t->cm, &t->id, NULL, RDMA_PS_TCP))
		return weft_fail(why, -errno,
				 "no RDMA connection manager (%s): is rdma_ucm loaded?",
				 strerror(errno));
	return resolve(t, why);
}

/* --- operations --------------------------------------------------------------------- */

static void cq_event(struct rdma_queue *t)
{
	struct ibv_cq *cq;
	void *ctx;

	if (ibv_get_cq_event(t->channel, &cq, &ctx))
		return;
	ibv_ack_cq_events(cq, 1);
	t->armed = false;
}

static void rdma_poll(struct ini_queue *q)
{
	struct rdma_queue *t = q->transport;

	if (t->armed)
		cq_event(t);
	/* what was answered before the connection broke counts */
	if (t->ready)
		rdma_complete_all(t);
	cm_events(t);
}

static int rdma_fds(const struct ini_queue *q, struct ini_fd fds[INI_FDS_MAX])
{
	const struct rdma_queue *t = q->transport;

	fds[0] = (struct ini_fd) { t->cm->fd, POLLIN };
	if (!t->channel)
		return 1;
	fds[1] = (struct ini_fd) { t->channel->fd, POLLIN };
	return 2;
}

static bool rdma_arm(struct ini_queue *q)
{
	struct rdma_queue *t = q->transport;

	if (!TAILQ_EMPTY(&t->todo))
		return false;
	t->ask_at = 0;	/* it may be what ends the sleep */
	if (!t->ready || t->armed)
		return true;
	if (!ibv_req_notify_cq(t->cq, 0))
		t->armed = true;
	/* what came before that would wake nobody: poll once more */
	return false;
}

static int rdma_add_memory(struct ini_queue *q, struct ini_memory *m,
			   struct weft_reason *why)
{
	struct rdma_queue *t = q->transport;

	return t && t->pd ? rdma_register(t, m, why) : 0;
}

const struct ini_transport_ops ini_rdma_ops = {
	.name = "rdma",
	.required = WEFT_OPT_BIT(WEFT_OPT_TRADDR),
	.allowed = WEFT_OPT_BIT(WEFT_OPT_TRADDR) |
		   WEFT_OPT_BIT(WEFT_OPT_TRSVCID) |
		   WEFT_OPT_BIT(WEFT_OPT_HOST_TRADDR) |
		   WEFT_OPT_BIT(WEFT_OPT_RECONNECT_DELAY) |
		   WEFT_OPT_BIT(WEFT_OPT_CTRL_LOSS_TMO) |
		   WEFT_OPT_BIT(WEFT_OPT_TOS),
	.req_size = sizeof(struct rdma_req),
	.keyed = true,
	.max_data = NVME_SGL_KEYED_MAX,
	.open = rdma_open,
	.poll = rdma_poll,
	.submit = rdma_submit,
	.flush = rdma_flush,
	.close = rdma_close,
	.fds = rdma_fds,
	.arm = rdma_arm,
	.add_memory = rdma_add_memory,
};
