// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Controllers: from the Connect of the admin queue to the last of their I/O
 * queues. A controller is made and unlisted by the control reactor, and lives
 * on its home, the reactor of its admin queue, which owns all else of it:
 * properties, keep-alive, events, the list of its I/O queues.
 *
 * It ends when its admin queue has gone, whatever was the reason: every I/O
 * queue is told to close and answers when it has drained; then the control
 * reactor unlists the controller and answers; then it is freed.
 */
#include <stdlib.h>

#include "target/nvmf/internal.h"

static u16 next_after(const struct nvmf_subsystem *s, u16 cntlid)
{
	return cntlid >= s->max_cntlid ? s->min_cntlid : cntlid + 1;
}

struct nvmf_ctrlr *nvmf_ctrlr_create(struct nvmf_subsystem *s,
				     struct nvmf_qpair *q, u16 cntlid,
				     const struct nvmf_connect *conn)
{
	struct nvmf_ctrlr *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->subsystem = s;
	c->transport = q->transport;
	c->opts = q->opts;
	c->group = q->group;
	c->listen = q->listen;
	memcpy(c->local, q->local, sizeof(c->local));
	c->cntlid = cntlid;
	c->discovery = s->subtype == NVMF_SUBTYPE_DISCOVERY;
	c->after_reset = s->was_reset;
	snprintf(c->hostnqn, sizeof(c->hostnqn), "%s", conn->hostnqn);
	snprintf(c->subnqn, sizeof(c->subnqn), "%s",
		 c->discovery && nvmf_target.config.disc_nqn[0] ?
		 nvmf_target.config.disc_nqn : s->nqn);
	memcpy(c->hostid, conn->hostid, sizeof(c->hostid));
	TAILQ_INIT(&c->qpairs);
	TAILQ_INIT(&c->aers);
	TAILQ_INIT(&c->log_waits);
	nvmf_features_init(c);
	s->next_cntlid = next_after(s, cntlid);
	TAILQ_INSERT_TAIL(&s->ctrlrs, c, link);
	return c;
}

/* Keep-alive */

static void alive_check(void *ctx);

static void alive_start(struct nvmf_ctrlr *c, u64 delay_us)
{
	c->alive_timer = timer_start("nvmf_keep_alive", alive_check, c,
				     delay_us);
}

u32 nvmf_disc_idle_ms = NVMF_DISC_IDLE_MS;

/* A discovery connection without keep-alive is not kept for ever either */
static u32 alive_limit_ms(const struct nvmf_ctrlr *c)
{
	return !c->kato_ms && c->discovery ? nvmf_disc_idle_ms : c->kato_ms;
}

/*
 * Traffic on I/O queues is a sign of life as well. Their counters belong to
 * other reactors; a value that is a little old does no harm.
 */
static void look_at_io_queues(struct nvmf_ctrlr *c)
{
	struct nvmf_qpair *q;
	u64 seen = 0;

	TAILQ_FOREACH(q, &c->qpairs, ctrlr_link)
		seen += __atomic_load_n(&q->commands, __ATOMIC_RELAXED);
	if (seen != c->commands_seen)
		nvmf_ctrlr_alive(c);
	c->commands_seen = seen;
}

static void alive_check(void *ctx)
{
	static __thread struct log_budget budget;
	struct nvmf_ctrlr *c = ctx;
	u64 limit_us = alive_limit_ms(c) * 1000ull;
	u64 silent_us;

	look_at_io_queues(c);
	silent_us = reactor_now_us() - c->alive_us;
	c->alive_timer = NULL;
	if (silent_us < limit_us) {
		alive_start(c, limit_us - silent_us);
		return;
	}
	log_peer(&budget, LOG_WARNING,
		 "%s controller %u: no keep-alive from %s for %u ms: disconnected",
		 c->subsystem->nqn, c->cntlid,
		 *c->hostnqn ? c->hostnqn : "a host without name",
		 alive_limit_ms(c));
	nvme_regs_fatal(&c->regs);
	nvmf_ctrlr_close(c);
}

/* Up to the granularity that Identify tells, and to what the transport wants */
static u32 round_kato(const struct nvmf_transport_opts *o, u32 kato_ms)
{
	u64 unit = o->kas * 100ull;
	u64 ms;

	if (!kato_ms)
		return 0;
	ms = (kato_ms + unit - 1) / unit * unit;
	if (ms < o->min_kato)
		ms = o->min_kato;
	return ms > UINT32_MAX ? UINT32_MAX : ms;
}

void nvmf_ctrlr_set_kato(struct nvmf_ctrlr *c, u32 kato_ms)
{
	u32 limit_ms;

	c->kato_ms = round_kato(&c->opts, kato_ms);
	nvmf_ctrlr_alive(c);
	poller_unregister(&c->alive_timer);
	limit_ms = alive_limit_ms(c);
	if (limit_ms && !c->closing)
		alive_start(c, limit_ms * 1000ull);
}

/* Its queues */

void nvmf_ctrlr_install(struct nvmf_ctrlr *c, struct nvmf_qpair *q, u32 kato)
{
	c->sgroup = q->sgroup;
	c->admin = q;
	nvme_regs_init(&c->regs, NVMF_VERSION, c->opts.max_queue_depth,
		       NVMF_READY_TIMEOUT, c->subsystem->enable_nssr);
	c->regs.admin_only = c->discovery;
	if (c->after_reset)
		nvme_regs_reset_occurred(&c->regs);
	TAILQ_INSERT_TAIL(&c->group->core->ctrlrs, c, group_link);
	nvmf_ctrlr_set_kato(c, kato);
	nvmf_ctrlr_associate(c);
}

/* A controller that nobody enables is not kept for ever */

static void associate_late(void *ctx)
{
	static __thread struct log_budget budget;
	struct nvmf_ctrlr *c = ctx;

	c->association_timer = NULL;
	log_peer(&budget, LOG_WARNING,
		 "%s controller %u: not enabled by %s within %u ms: disconnected",
		 c->subsystem->nqn, c->cntlid,
		 *c->hostnqn ? c->hostnqn : "a host without name",
		 c->opts.association_timeout);
	nvmf_ctrlr_close(c);
}

void nvmf_ctrlr_associate(struct nvmf_ctrlr *c)
{
	u32 ms = c->opts.association_timeout;

	poller_unregister(&c->association_timer);
	if (ms && !c->closing && !nvme_regs_ready(&c->regs))
		c->association_timer = timer_start("nvmf_association",
						   associate_late, c,
						   ms * 1000ull);
}

struct nvmf_ns_channel *nvmf_ctrlr_ns(const struct nvmf_ctrlr *c, u32 nsid)
{
	struct nvmf_ns_channel *nsch = nvmf_sgroup_ns(c->sgroup, nsid);

	return nsch && c->admin && nvmf_ns_visible(nsch, c->admin) ? nsch : NULL;
}

bool nvmf_ctrlr_ready(const struct nvmf_ctrlr *c)
{
	return nvme_regs_ready(&c->regs) && c->regs.cc & NVME_CC_EN &&
	       !c->closing;
}

static bool qid_used(const struct nvmf_ctrlr *c, u16 qid)
{
	struct nvmf_qpair *q;

	TAILQ_FOREACH(q, &c->qpairs, ctrlr_link)
		if (q->qid == qid)
			return true;
	return false;
}

struct nvmf_connect_error nvmf_ctrlr_add_io(struct nvmf_ctrlr *c,
					    struct nvmf_qpair *q, u16 qid)
{
	struct nvmf_connect_error err = { 0 };

	if (c->closing) {
		err.status = NVME_SC_CONNECT_CTRL_BUSY;
		return err;
	}
	if (!nvmf_ctrlr_ready(c)) {
		err.status = NVME_DNR(NVME_SC_CMD_SEQ_ERROR);
		return err;
	}
	if (qid_used(c, qid))
		return NVMF_CONNECT_BAD_CMD(qid);
	q->qid = qid;
	TAILQ_INSERT_TAIL(&c->qpairs, q, ctrlr_link);
	c->nqpairs++;
	return err;
}

static void ctrlr_free(void *ctx)
{
	free(ctx);
}

/* On the control reactor. What it sent to the home before comes before. */
static void ctrlr_unlink(void *ctx)
{
	struct nvmf_ctrlr *c = ctx;
	struct nvmf_subsystem *s = c->subsystem;

	TAILQ_REMOVE(&s->ctrlrs, c, link);
	reactor_send(c->group->reactor, ctrlr_free, c);
	nvmf_subsystem_ctrlr_gone(s);
}

static void io_queues_gone(struct nvmf_ctrlr *c)
{
	if (c->resetting) {
		c->resetting = false;
		nvme_regs_disabled(&c->regs);
		nvmf_ctrlr_associate(c);
	}
	if (c->closing && !c->admin && !c->unlinking) {
		c->unlinking = true;
		TAILQ_REMOVE(&c->group->core->ctrlrs, c, group_link);
		reactor_send(reactor_control(), ctrlr_unlink, c);
	}
}

void nvmf_ctrlr_forget_io(void *ctx)
{
	struct nvmf_qpair *q = ctx;
	struct nvmf_ctrlr *c = q->ctrlr;

	TAILQ_REMOVE(&c->qpairs, q, ctrlr_link);
	c->nqpairs--;
	reactor_send(q->group->reactor, nvmf_qpair_free, q);
	if (!c->nqpairs)
		io_queues_gone(c);
}

static void close_io_queues(struct nvmf_ctrlr *c)
{
	struct nvmf_qpair *q;

	TAILQ_FOREACH(q, &c->qpairs, ctrlr_link)
		reactor_send(q->group->reactor, nvmf_qpair_close_msg, q);
	if (!c->nqpairs)
		io_queues_gone(c);
}

void nvmf_ctrlr_close(void *ctx)
{
	struct nvmf_ctrlr *c = ctx;

	if (c->closing)
		return;
	c->closing = true;
	poller_unregister(&c->alive_timer);
	poller_unregister(&c->association_timer);
	close_io_queues(c);
	if (c->admin)
		nvmf_qpair_close(c->admin);
}

void nvmf_ctrlr_admin_gone(struct nvmf_ctrlr *c)
{
	c->admin = NULL;
	if (!c->closing)
		nvmf_ctrlr_close(c);
	else if (!c->nqpairs)
		io_queues_gone(c);
}

/* Property writes */

void nvmf_ctrlr_reset(struct nvmf_ctrlr *c)
{
	c->resetting = true;
	nvmf_aer_abort_all(c, NVME_SC_ABORT_SQ_DELETED);
	c->events_pending = 0;
	c->events_masked = 0;
	memset(c->changed_ns, 0, sizeof(c->changed_ns));
	memset(&c->resv, 0, sizeof(c->resv));
	nvmf_features_init(c);
	close_io_queues(c);
}

/*
 * The connections are the host's to close: one that is closed under it would
 * look like a broken path, and it would give up waiting for SHST. Commands
 * that are under way end by themselves; their order with SHST is the host's.
 */
void nvmf_ctrlr_shutdown(struct nvmf_ctrlr *c)
{
	nvme_regs_shutdown_done(&c->regs);
	nvmf_ctrlr_associate(c);
}

/* A reset of the whole subsystem: its hosts have to come back, all of them */

static void reset_all(void *ctx)
{
	struct nvmf_subsystem *s = ctx;
	struct nvmf_ctrlr *c;

	log_notice("%s: reset by a host; all controllers are disconnected",
		   s->nqn);
	s->was_reset = true;
	TAILQ_FOREACH(c, &s->ctrlrs, link)
		reactor_send(c->group->reactor, nvmf_ctrlr_close, c);
}

/* The subsystem outlives its controllers, and this one is still there */
void nvmf_ctrlr_subsystem_reset(struct nvmf_ctrlr *c)
{
	reactor_send(reactor_control(), reset_all, c->subsystem);
}
