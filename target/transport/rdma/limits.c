// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The time limit of a reactor's queue pairs. A poller looks at them a few times
 * a second, as long as anybody has work requests under way; all of it on the
 * group's reactor.
 *
 * An RDMA READ or a response that the host's end does not acknowledge keeps
 * buffers, requests and memory of a bdev. The device gives it up by itself, but
 * when is mostly the host's choice. A host that lets nothing complete for
 * transfer_timeout is taken for dead; while somebody has to wait for buffers
 * there is less patience with those who hold some. So hosts that stand still
 * cannot keep all buffers, however many they are. A command whose end others wait
 * for must be through in transfer_timeout, however evenly others of it complete.
 */
#include "target/transport/rdma/rdma.h"

#define TICK_US		(250 * 1000)
/* While others wait for buffers: within this part of the time */
#define HURRY_PART	10
/* Requests are looked at so often within it: there are many of them */
#define SCANS		8

static void give_up(struct rdma_qpair *q, const char *what, u64 us, bool hurry)
{
	static __thread struct log_budget budget;

	q->gd->stats.stalled++;
	log_peer(&budget, LOG_WARNING, "rdma: %s:%s queue %u: %s for %llu ms%s; closing",
		 q->base.peer, q->base.peer_port, q->qid, what,
		 (unsigned long long)us / 1000,
		 hurry ? ", and others wait for buffers" : "");
	rdma_qpair_close(q);
}

static bool is_moving(const struct rdma_request *r)
{
	return r->state == RDMA_REQ_READ || r->state == RDMA_REQ_SEND ||
	       r->state == RDMA_REQ_SENT;
}

static void check_requests(struct rdma_qpair *q, u64 now, u64 limit)
{
	struct rdma_request *r;

	if (now - q->scan_us < limit / SCANS)
		return;
	q->scan_us = now;
	for (r = q->reqs; r < q->reqs + q->plan.requests; r++) {
		if (!is_moving(r))
			continue;
		if (!r->moving_us)
			r->moving_us = now;
		if (now - r->moving_us < limit ||
		    !nvmf_request_awaited(&r->base))
			continue;
		give_up(q, "others wait for a command whose data is on its way",
			now - r->moving_us, false);
		return;
	}
}

/* Return: whether it has a time limit. */
static bool check_qpair(struct rdma_qpair *q, u64 now)
{
	u64 limit = q->base.opts.transfer_timeout * 1000ull;
	bool hurry;

	if (!rdma_qpair_usable(q) || !q->signalled)
		return false;
	if (!q->quiet_us)
		q->quiet_us = now;
	hurry = q->gd->wanted && q->share.claimed;
	if (now - q->quiet_us >= (hurry ? limit / HURRY_PART : limit))
		give_up(q, "no transfer or response has completed",
			now - q->quiet_us, hurry);
	else
		check_requests(q, now, limit);
	return true;
}

static int tick(void *ctx)
{
	struct rdma_group *g = ctx;
	u64 now = reactor_now_us();
	struct rdma_gdev *gd;
	struct rdma_qpair *q;
	bool any = false;

	g->sends_due = true;
	TAILQ_FOREACH(gd, &g->gdevs, link)
		gd->wanted = pool_wanted(&gd->pool);
	/* nobody leaves the list within: closing takes turns */
	TAILQ_FOREACH(q, &g->qpairs, group_link)
		any |= check_qpair(q, now);
	if (!any)
		poller_unregister(&g->tick);
	return 0;
}

void rdma_limits_start(struct rdma_group *g)
{
	g->tick = poller_register("rdma_tick", tick, g, TICK_US, NULL);
}
