// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Poll groups: one per reactor, with the queue pairs that live there and a
 * snapshot of every subsystem's namespaces, so that the I/O path looks at
 * nothing that another reactor may change. Everything runs on the group's
 * reactor, except the choice of a group for a new connection and its counts,
 * which are the control reactor's.
 */
#include <stdlib.h>

#include "target/nvmf/io.h"

#define CONNECT_TICK_US	1000000

/* Connections per group, counted from the choice until they are freed */
static struct {
	u32 admin;
	u32 io;
} load[REACTOR_MAX];

struct nvmf_group *nvmf_group_self(void)
{
	return nvmf_target.groups[reactor_index(reactor_self())];
}

int nvmf_group_create(void)
{
	unsigned int i = reactor_index(reactor_self());
	struct nvmf_group *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	g->core = calloc(1, sizeof(*g->core));
	if (!g->core) {
		free(g);
		return -ENOMEM;
	}
	g->reactor = reactor_self();
	g->core->stats.reactor = i;
	TAILQ_INIT(&g->core->qpairs);
	TAILQ_INIT(&g->core->ctrlrs);
	TAILQ_INIT(&g->core->io_hosts);
	TAILQ_INIT(&g->core->waits);
	TAILQ_INIT(&g->core->scratch_waits);
	nvmf_target.groups[i] = g;
	return 0;
}

void nvmf_group_destroy(void)
{
	unsigned int i = reactor_index(reactor_self());
	struct nvmf_group *g = nvmf_target.groups[i];
	u32 id;

	if (!g)
		return;
	nvmf_target.groups[i] = NULL;
	poller_unregister(&g->core->connect_timer);
	poller_unregister(&g->core->patience);
	nvmf_io_hosts_free(g->core);
	for (id = 0; id < NVMF_MAX_SUBSYSTEMS; id++)
		nvmf_group_drop_sgroup(g, id);
	free(g->core);
	free(g);
}

/* Choice */

static u32 load_of(unsigned int i, bool admin)
{
	return admin ? load[i].admin : load[i].io;
}

/* Fewest of its kind; among equals fewest in all, then the lowest index */
static bool less_loaded(unsigned int a, unsigned int b, bool admin)
{
	u32 la = load_of(a, admin), lb = load_of(b, admin);

	if (la != lb)
		return la < lb;
	return load[a].admin + load[a].io < load[b].admin + load[b].io;
}

struct nvmf_group *nvmf_group_choose(struct nvmf_transport *t, bool admin)
{
	unsigned int i, best = 0;

	(void)t;
	for (i = 1; i < reactor_count(); i++)
		if (less_loaded(i, best, admin))
			best = i;
	if (admin)
		load[best].admin++;
	else
		load[best].io++;
	return nvmf_target.groups[best];
}

void nvmf_group_unchoose(struct nvmf_group *g, bool admin)
{
	unsigned int i = reactor_index(g->reactor);
	u32 *n = admin ? &load[i].admin : &load[i].io;

	if (*n)
		--*n;
	nvmf_transport_check_delete();
	nvmf_target_check_stop();
}

static void released_admin(void *g)
{
	nvmf_group_unchoose(g, true);
}

static void released_io(void *g)
{
	nvmf_group_unchoose(g, false);
}

void nvmf_group_released(struct nvmf_qpair *q)
{
	reactor_send(reactor_control(),
		     q->admin ? released_admin : released_io, q->group);
}

u32 nvmf_group_load(void)
{
	unsigned int i;
	u32 n = 0;

	for (i = 0; i < reactor_count(); i++)
		n += load[i].admin + load[i].io;
	return n;
}

/* Snapshots of namespaces */

struct nvmf_sgroup *nvmf_group_sgroup(struct nvmf_group *g,
				      const struct nvmf_subsystem *s)
{
	struct nvmf_sgroup **sg = &g->core->sgroups[s->id];

	if (!*sg) {
		*sg = calloc(1, sizeof(**sg) +
				s->max_namespaces * sizeof((*sg)->ns[0]));
		if (*sg)
			(*sg)->max_namespaces = s->max_namespaces;
	}
	return *sg;
}

void nvmf_group_drop_sgroup(struct nvmf_group *g, u32 id)
{
	if (g->core->sgroups[id])
		nvmf_ana_free_all(g->core->sgroups[id]);
	free(g->core->sgroups[id]);
	g->core->sgroups[id] = NULL;
}

struct nvmf_ns_channel *nvmf_sgroup_ns(const struct nvmf_sgroup *sg, u32 nsid)
{
	struct nvmf_ns_channel *nsch;

	/* nsid 0 wraps around and is past the end too */
	if (nsid - 1 >= sg->max_namespaces)
		return NULL;
	nsch = sg->ns[nsid - 1];
	return nsch && nsch->shown && !nsch->detached ? nsch : NULL;
}

int nvmf_group_attach_ns(struct nvmf_group *g, const struct nvmf_subsystem *s,
			 const struct nvmf_ns_view *view)
{
	struct nvmf_sgroup *sg = nvmf_group_sgroup(g, s);
	struct nvmf_ns_channel *nsch;

	if (!sg)
		return -ENOMEM;
	nsch = calloc(1, sizeof(*nsch));
	if (!nsch)
		return -ENOMEM;
	nsch->channel = bdev_channel_get(view->desc);
	if (!nsch->channel) {
		int err = errno ? -errno : -ENOMEM;

		free(nsch);
		return err;
	}
	TAILQ_INIT(&nsch->locks);
	TAILQ_INIT(&nsch->held);
	TAILQ_INIT(&nsch->hosts);
	nsch->view = *view;
	nsch->resv = view->resv;
	nsch->sgroup = sg;
	sg->ns[view->nsid - 1] = nsch;
	return 0;
}

void nvmf_group_show_ns(struct nvmf_group *g, const struct nvmf_subsystem *s,
			u32 nsid)
{
	g->core->sgroups[s->id]->ns[nsid - 1]->shown = true;
}

static void detach_finish(struct nvmf_ns_channel *nsch)
{
	nvmf_io_stats_add(&nsch->sgroup->gone, &nsch->io);
	reactor_fn detached = nsch->detached;
	void *ctx = nsch->detached_ctx;

	nvmf_group_self()->core->leaving--;
	nvmf_lock_leave(nsch);
	nsch->sgroup->ns[nsch->view.nsid - 1] = NULL;
	nvmf_ns_hosts_free(&nsch->hosts);
	free(nsch->bad);
	io_channel_put(nsch->channel);
	free(nsch);
	detached(ctx);
}

void nvmf_group_detach_ns(struct nvmf_group *g, const struct nvmf_subsystem *s,
			  u32 nsid, reactor_fn detached, void *ctx)
{
	struct nvmf_sgroup *sg = g->core->sgroups[s->id];
	struct nvmf_ns_channel *nsch = sg ? sg->ns[nsid - 1] : NULL;

	/* an attach that failed half-way left nothing on this group */
	if (!nsch) {
		detached(ctx);
		return;
	}
	nsch->detached = detached;
	nsch->detached_ctx = ctx;
	/* held: what waits for a limit goes on, and all of it may end here */
	nsch->outstanding++;
	g->core->leaving++;
	nvmf_throttle_release(g, nsch);
	nvmf_leave_ns(g, nsch);
	nvmf_patience_begin(g->core);
	nvmf_ns_channel_put(nsch);
}

void nvmf_ns_channel_put(struct nvmf_ns_channel *nsch)
{
	if (!--nsch->outstanding && nsch->detached)
		detach_finish(nsch);
}

/* Connections that have not sent Connect yet */

static int connect_tick(void *ctx)
{
	struct nvmf_group *g = ctx;
	static __thread struct log_budget budget;
	u64 now = reactor_now_us();
	struct nvmf_qpair *q, *next;

	for (q = TAILQ_FIRST(&g->core->qpairs); q; q = next) {
		next = TAILQ_NEXT(q, link);
		if (q->state != NVMF_QPAIR_NEW ||
		    now - q->since_us < NVMF_CONNECT_US)
			continue;
		log_peer(&budget, LOG_WARNING,
			 "%s %s:%s: closed, because no Connect command came in 10 s",
			 q->transport->ops->name, q->peer, q->peer_port);
		nvmf_qpair_close(q);
	}
	return 0;
}

void nvmf_group_watch_connect(struct nvmf_qpair *q)
{
	struct nvmf_group_core *core = q->group->core;

	q->since_us = reactor_now_us();
	if (!core->unconnected++)
		core->connect_timer = poller_register("nvmf_connect",
						      connect_tick, q->group,
						      CONNECT_TICK_US, NULL);
}

void nvmf_group_unwatch_connect(struct nvmf_qpair *q)
{
	struct nvmf_group_core *core = q->group->core;

	if (!--core->unconnected)
		poller_unregister(&core->connect_timer);
}
