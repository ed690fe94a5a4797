// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Changes do not wait for hosts that do nothing. What becomes, on a poll group,
 * of the commands that stand in the way of one:
 *
 * A namespace leaves (group.c). New commands do not find it any more, and what
 * waits for a rate limit has gone on. Then
 * - a command whose data is still to come, to memory of the transport's, lets go
 *   of it at once: it refers to nothing of the namespace but its channel here.
 *   The host is answered when its data has come, as it must be on a stream and
 *   for a NIC that is writing, however long that takes: Invalid Namespace, even
 *   if another namespace has the number by then;
 * - the first half of a pair that nothing has followed yet ends so at once;
 * - one whose data is in memory of the transport's, and whose response is on its
 *   way, has let go already (request.c);
 * - what is in the namespace's RAM, by a host or a NIC, keeps it. So do commands
 *   that are in the device.
 *
 * Those that stay, and those that a fence or a lock waits for (fence.c), have
 * NVMF_PATIENCE_US: then a connection that still has the RAM for a command is
 * closed, whose transport makes sure that nobody writes there any more; and of
 * a namespace that leaves, the device is asked to give up the command.
 *
 * Why that is sound with several reactors: all that is let go here is of this
 * poll group: a request, its queue pair and the channel live on one reactor. What
 * other reactors know of a request (a lock, a reservation command, a change of
 * uncorrectable blocks) begins only after its data has come and it has become
 * active, or as a pair that is complete: these keep the namespace. So when the
 * last one here has let go, the message "detached" is behind all messages about
 * the namespace that this reactor has sent, and the control reactor destroys it
 * after it has those of all reactors.
 */
#include "target/nvmf/io.h"

u64 nvmf_patience_us = NVMF_PATIENCE_US;

/* A namespace leaves */

static bool only_fetches(const struct nvmf_request *req)
{
	if (req->memory || req->active)
		return false;
	return req->fetching || (req->ready && req->pair && !req->pair->ready);
}

static void let_go(struct nvmf_qpair *q, struct nvmf_ns_channel *nsch)
{
	struct nvmf_request *req;

	TAILQ_FOREACH(req, &q->requests, qlink) {
		if (req->nsch != nsch || !only_fetches(req))
			continue;
		req->nsch = NULL;
		req->ns_gone = true;
		nvmf_ns_channel_put(nsch);
	}
}

void nvmf_leave_ns(struct nvmf_group *g, struct nvmf_ns_channel *nsch)
{
	struct nvmf_qpair *q;

	nsch->leaves_us = reactor_now_us();
	TAILQ_FOREACH(q, &g->core->qpairs, link) {
		let_go(q, nsch);
		if (q->fused && q->fused->nsch == nsch &&
		    !nvmf_fused_fetching(q->fused))
			nvmf_request_complete(q->fused,
					      NVME_DNR(NVME_SC_INVALID_NS));
	}
}

/* Patience */

static bool is_over(u64 since_us)
{
	return reactor_now_us() - since_us >= nvmf_patience_us;
}

static bool leaves(const struct nvmf_request *req)
{
	return req->nsch->detached && is_over(req->nsch->leaves_us);
}

static bool waited_for(const struct nvmf_group_core *core,
		       const struct nvmf_request *req)
{
	const struct nvmf_wait *w;

	TAILQ_FOREACH(w, &core->waits, link)
		if (is_over(w->since_us) && w->match(w, req))
			return true;
	return false;
}

/* The RAM is in the hands of its transport */
static bool lent(const struct nvmf_request *req)
{
	return req->memory && !req->submitted;
}

static bool overdue(const struct nvmf_group_core *core,
		    const struct nvmf_request *req)
{
	if (!req->active || req->hastened == core->round)
		return false;
	if (lent(req))
		return req->qpair->state < NVMF_QPAIR_CLOSING &&
		       (leaves(req) || waited_for(core, req));
	return leaves(req);
}

static struct nvmf_request *find_overdue(const struct nvmf_group_core *core)
{
	struct nvmf_request *req;
	struct nvmf_qpair *q;

	TAILQ_FOREACH(q, &core->qpairs, link)
		TAILQ_FOREACH(req, &q->requests, qlink)
			if (overdue(core, req))
				return req;
	return NULL;
}

static void hasten(struct nvmf_request *req)
{
	static __thread struct log_budget budget;
	struct nvmf_qpair *q = req->qpair;

	if (!lent(req)) {
		nvmf_abort_in_device(req);
		return;
	}
	log_peer(&budget, LOG_WARNING,
		 "%s %s:%s: closed, because a change of %s waits for the data of one of its commands to namespace %u",
		 q->transport->ops->name, q->peer, q->peer_port,
		 q->ctrlr->subsystem->nqn, req->nsch->view.nsid);
	nvmf_qpair_close(q);
}

static int tick(void *ctx)
{
	struct nvmf_group_core *core = ctx;
	struct nvmf_request *req;

	core->round++;
	/* from the start each time: what ends one may end others */
	while ((req = find_overdue(core))) {
		req->hastened = core->round;
		hasten(req);
	}
	if (TAILQ_EMPTY(&core->waits) && !core->leaving)
		poller_unregister(&core->patience);
	return 0;
}

void nvmf_patience_begin(struct nvmf_group_core *core)
{
	if (!core->patience)
		core->patience = poller_register("nvmf_patience", tick, core,
						 nvmf_patience_us / 4, NULL);
}
