// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The Connect command. It starts on the queue pair's reactor, is judged by the
 * control reactor (subsystem, host, listener, controller), for an I/O queue
 * also by the controller's home, and ends where it started:
 *
 *   admin:  queue pair -> control (makes the controller) -> queue pair = home
 *   I/O:    queue pair -> control (finds it) -> home (lists it) -> queue pair
 *
 * The request is outstanding all the while, so the queue pair stays, even if
 * its connection breaks meanwhile.
 */
#include <stdlib.h>

#include "target/nvmf/internal.h"

/**
 * struct connecting - a Connect on its way between reactors
 * @conn: points into @data
 * @invalidate: enum nvmf_invalidate of the listener
 */
struct connecting {
	struct nvmf_request *req;
	struct nvmf_connect_data data;
	struct nvmf_connect conn;
	struct nvmf_connect_error err;
	struct nvmf_ctrlr *ctrlr;
	u16 listener;
	u8 invalidate;
};

nvme_status nvmf_connect_cmd_parse(struct nvmf_request *req)
{
	if (req->qpair->state != NVMF_QPAIR_NEW)
		return NVME_DNR(NVME_SC_CMD_SEQ_ERROR);
	req->length = sizeof(struct nvmf_connect_data);
	return NVME_SC_SUCCESS;
}

static void refused(struct connecting *cn)
{
	static __thread struct log_budget budget;
	struct nvmf_qpair *q = cn->req->qpair;
	char buf[160];
	struct weft_text t;

	weft_text_init(&t, buf, sizeof(buf));
	nvmf_connect_explain(cn->err.status, cn->err.result, &t);
	log_peer(&budget, LOG_NOTICE, "%s %s:%s: Connect refused: %s",
		 q->transport->ops->name, q->peer, q->peer_port, buf);
	/* the host may try again on the same connection, within its time */
	if (q->state == NVMF_QPAIR_CONNECTING)
		q->state = NVMF_QPAIR_NEW;
	cn->req->cqe.result = cpu_to_le64(cn->err.result);
}

static void count_in(struct nvmf_qpair *q)
{
	struct nvmf_group_stats *st = &q->group->core->stats;

	if (q->qid) {
		st->io_qpairs++;
		st->current_io_qpairs++;
	} else {
		st->admin_qpairs++;
		st->current_admin_qpairs++;
	}
}

static void accepted(struct connecting *cn)
{
	struct nvmf_request *req = cn->req;
	struct nvmf_qpair *q = req->qpair;

	q->ctrlr = cn->ctrlr;
	q->sgroup = nvmf_group_sgroup(q->group, cn->ctrlr->subsystem);
	q->listener = cn->listener;
	if (cn->invalidate)
		q->remote_invalidate = cn->invalidate == NVMF_INVALIDATE_ON;
	nvmf_qpair_set_visible(q);
	q->sqsize = cn->conn.sqsize;
	q->sqhd %= q->sqsize;
	q->sqflow_off = cn->conn.cattr & NVMF_CATTR_DISABLE_SQFLOW;
	if (!q->qid)
		nvmf_ctrlr_install(cn->ctrlr, q, cn->conn.kato);
	count_in(q);
	/* a connection that broke meanwhile is let go in the usual way */
	if (q->state == NVMF_QPAIR_CONNECTING) {
		q->state = NVMF_QPAIR_ENABLED;
		nvmf_group_unwatch_connect(q);
	}
	req->cqe.result = cpu_to_le64(cn->ctrlr->cntlid);
	/* it is listed already, so it has to leave like any other */
	if (!q->sgroup) {
		cn->err.status = NVME_SC_INTERNAL;
		nvmf_qpair_close(q);
	}
}

/* Back on the queue pair's reactor */
static void connect_end(void *ctx)
{
	struct connecting *cn = ctx;
	struct nvmf_request *req = cn->req;
	nvme_status st;

	if (cn->err.status)
		refused(cn);
	else
		accepted(cn);
	st = cn->err.status;
	free(cn);
	nvmf_request_complete(req, st);
}

static void send_back(struct connecting *cn)
{
	reactor_send(cn->req->qpair->group->reactor, connect_end, cn);
}

/* The controller's home */
static void judge_at_home(void *ctx)
{
	struct connecting *cn = ctx;

	cn->err = nvmf_ctrlr_add_io(cn->ctrlr, cn->req->qpair, cn->conn.qid);
	send_back(cn);
}

static bool cntlid_used(const struct nvmf_subsystem *s, u16 cntlid)
{
	struct nvmf_ctrlr *c;

	TAILQ_FOREACH(c, &s->ctrlrs, link)
		if (c->cntlid == cntlid)
			return true;
	return false;
}

/* Round robin, so that a new controller is not taken for the one before it */
static u16 find_cntlid(const struct nvmf_subsystem *s)
{
	u32 tries = s->max_cntlid - s->min_cntlid + 1;
	u16 id = s->next_cntlid;

	for (; tries; tries--) {
		if (!cntlid_used(s, id))
			return id;
		id = id >= s->max_cntlid ? s->min_cntlid : id + 1;
	}
	return 0;
}

static struct nvmf_connect_error sc(nvme_status st)
{
	return (struct nvmf_connect_error){ .status = st };
}

/* A subsystem's controllers are either all dynamic or all static */
static bool cntlid_possible(const struct nvmf_subsystem *s, u16 cntlid)
{
	if (!s->static_cntlid)
		return cntlid == NVMF_CNTLID_DYNAMIC;
	return cntlid == NVMF_CNTLID_STATIC ||
	       (cntlid >= s->min_cntlid && cntlid <= s->max_cntlid);
}

static bool is_duplicate(const struct connecting *cn,
			 const struct nvmf_subsystem *s)
{
	struct nvmf_ctrlr *c;

	if (!nvmf_target.config.one_ctrlr ||
	    s->subtype == NVMF_SUBTYPE_DISCOVERY)
		return false;
	TAILQ_FOREACH(c, &s->ctrlrs, link)
		if (c->listener == cn->listener &&
		    !strcmp(c->hostnqn, cn->conn.hostnqn))
			return true;
	return false;
}

static struct nvmf_connect_error judge_admin(struct connecting *cn,
					     struct nvmf_subsystem *s)
{
	u16 cntlid;

	if (!cntlid_possible(s, cn->conn.cntlid))
		return NVMF_CONNECT_BAD_DATA(cntlid);
	cntlid = cn->conn.cntlid <= NVMF_CNTLID_MAX ? cn->conn.cntlid :
						      find_cntlid(s);
	if (!cntlid || cntlid_used(s, cntlid) || is_duplicate(cn, s))
		return sc(NVME_SC_CONNECT_CTRL_BUSY);
	cn->ctrlr = nvmf_ctrlr_create(s, cn->req->qpair, cntlid, &cn->conn);
	if (cn->ctrlr)
		cn->ctrlr->listener = cn->listener;
	return sc(cn->ctrlr ? NVME_SC_SUCCESS : NVME_SC_INTERNAL);
}

static struct nvmf_connect_error judge_io(struct connecting *cn,
					  struct nvmf_subsystem *s)
{
	const struct nvmf_qpair *q = cn->req->qpair;
	struct nvmf_ctrlr *c;

	if (s->subtype == NVMF_SUBTYPE_DISCOVERY)
		return NVMF_CONNECT_BAD_CMD(qid);
	TAILQ_FOREACH(c, &s->ctrlrs, link)
		if (c->cntlid == cn->conn.cntlid)
			break;
	/* its listener is what it is let in by, and disconnected with */
	if (!c || c->transport != q->transport ||
	    !nvmf_trid_equal(&c->listen, &q->listen))
		return NVMF_CONNECT_BAD_DATA(cntlid);
	if (strcmp(c->hostnqn, cn->conn.hostnqn))
		return NVMF_CONNECT_BAD_DATA(hostnqn);
	if (memcmp(c->hostid, cn->conn.hostid, sizeof(c->hostid)))
		return NVMF_CONNECT_BAD_DATA(hostid);
	cn->ctrlr = c;
	return sc(NVME_SC_SUCCESS);
}

/* The discovery subsystem may have a name of its own */
static struct nvmf_subsystem *find_subsystem(const char *nqn)
{
	const char *own = nvmf_target.config.disc_nqn;

	return nvmf_subsystem_find(*own && !strcmp(nqn, own) ?
				   NVMF_DISCOVERY_NQN : nqn);
}

static struct nvmf_connect_error judge(struct connecting *cn)
{
	struct nvmf_subsystem *s = find_subsystem(cn->conn.subnqn);
	struct nvmf_listener *l;

	/* not for ever: no DNR */
	if (nvmf_target.stopping || nvmf_target.configuring)
		return sc(NVME_SC_CONNECT_CTRL_BUSY);
	if (!s || !nvmf_subsystem_listens(s, &cn->req->qpair->listen))
		return NVMF_CONNECT_BAD_DATA(subnqn);
	if (!nvmf_subsystem_host_allowed(s, cn->conn.hostnqn))
		return sc(NVME_DNR(NVME_SC_CONNECT_INVALID_HOST));
	l = nvmf_subsystem_listener(s, &cn->req->qpair->listen);
	if (l) {
		cn->listener = l->index;
		cn->invalidate = l->invalidate;
	}
	return cn->conn.qid ? judge_io(cn, s) : judge_admin(cn, s);
}

/* The control reactor */
static void judge_at_control(void *ctx)
{
	struct connecting *cn = ctx;

	cn->err = judge(cn);
	if (!cn->err.status && cn->conn.qid)
		reactor_send(cn->ctrlr->group->reactor, judge_at_home, cn);
	else
		send_back(cn);
}

/* Names end up in logs and listings: nothing but printable ASCII */
static bool printable(const char *s)
{
	for (; *s; s++)
		if (*s < 0x21 || *s > 0x7e)
			return false;
	return true;
}

static int parse(struct connecting *cn, const struct nvmf_qpair *q)
{
	const struct nvmf_transport_opts *o = &q->opts;
	u32 depth = cn->req->cmd->connect.qid ? o->max_queue_depth :
						o->max_aq_depth;
	int err;

	if (depth > q->depth)
		depth = q->depth;
	err = nvmf_connect_parse(&cn->req->cmd->connect, &cn->data,
				 sizeof(cn->data), depth,
				 o->max_io_qpairs_per_ctrlr, &cn->conn,
				 &cn->err);
	if (!err && !printable(cn->conn.hostnqn)) {
		cn->err = NVMF_CONNECT_BAD_DATA(hostnqn);
		err = -EPROTO;
	}
	return err;
}

void nvmf_connect_execute(struct nvmf_request *req)
{
	struct connecting *cn;

	/* two at once: only the first that got here may go on */
	if (req->qpair->state != NVMF_QPAIR_NEW) {
		nvmf_request_complete(req, NVME_DNR(NVME_SC_CMD_SEQ_ERROR));
		return;
	}
	cn = calloc(1, sizeof(*cn));
	if (!cn) {
		nvmf_request_complete(req, NVME_SC_INTERNAL);
		return;
	}
	cn->req = req;
	nvmf_request_get_bytes(req, 0, &cn->data, sizeof(cn->data));
	req->qpair->state = NVMF_QPAIR_CONNECTING;
	if (parse(cn, req->qpair))
		connect_end(cn);
	else
		reactor_send(reactor_control(), judge_at_control, cn);
}
