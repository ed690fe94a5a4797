// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The target's life: poll groups on all reactors and the discovery subsystem
 * at the start; at the stop everything in reverse, each step begun when
 * nothing of the one before it is left. Called by main; control reactor.
 *
 * Stop: all connections, so that no change of the configuration waits for a
 * host -> main waits for such changes -> subsystems (listeners, controllers,
 * namespaces) -> connections that have come meanwhile -> transports -> poll
 * groups.
 */
#include <stdlib.h>

#include "target/nvmf/internal.h"

struct nvmf_target nvmf_target = {
	.transports = TAILQ_HEAD_INITIALIZER(nvmf_target.transports),
	.subsystems = TAILQ_HEAD_INITIALIZER(nvmf_target.subsystems),
	.referrals = TAILQ_HEAD_INITIALIZER(nvmf_target.referrals),
	.listens = TAILQ_HEAD_INITIALIZER(nvmf_target.listens),
};

enum stop_step { STOP_NO, STOP_SUBSYSTEMS, STOP_QPAIRS, STOP_REST };

static struct {
	nvmf_done started;
	void *started_ctx;
	int start_err;
	enum stop_step step;
	bool qpairs_told;
	reactor_fn stopped;
	void *stopped_ctx;
} life;

const struct nvmf_config *nvmf_config(void)
{
	return &nvmf_target.config;
}

/* Its own name: of no other subsystem */
static int check_disc_nqn(const char *nqn, struct weft_reason *why)
{
	int err = weft_nqn_check(nqn, strlen(nqn), "discovery_nqn", why);
	const struct nvmf_subsystem *s;

	if (err)
		return err;
	s = nvmf_subsystem_find(nqn);
	if (s && s->subtype != NVMF_SUBTYPE_DISCOVERY)
		return weft_fail(why, -EEXIST,
				 "discovery_nqn=%s: is another subsystem's name",
				 nqn);
	return 0;
}

int nvmf_config_set(const struct nvmf_config *c, struct weft_reason *why)
{
	int err = c->disc_nqn[0] ? check_disc_nqn(c->disc_nqn, why) : 0;

	if (err)
		return err;
	nvmf_target.config = *c;
	/* the filter may let hosts see more, or less */
	if (nvmf_target.running)
		nvmf_discovery_changed();
	return 0;
}

static void group_start(void *ctx)
{
	int err = nvmf_group_create();

	(void)ctx;
	/* reactors take turns, so the first failure may be kept here */
	if (err && !life.start_err)
		life.start_err = err;
}

static void group_end(void *ctx)
{
	(void)ctx;
	nvmf_group_destroy();
}

static void start_failed(void *ctx)
{
	struct weft_reason why;

	(void)ctx;
	weft_fail(&why, 0, "poll groups: not enough memory");
	life.started(life.started_ctx, life.start_err, &why);
}

static void groups_started(void *ctx)
{
	(void)ctx;
	if (!life.start_err && !nvmf_subsystem_create_discovery())
		life.start_err = -ENOMEM;
	if (life.start_err) {
		reactor_for_each(group_end, NULL, start_failed);
		return;
	}
	nvmf_target.running = true;
	life.started(life.started_ctx, 0, NULL);
}

void nvmf_target_start(nvmf_done done, void *ctx)
{
	life.started = done;
	life.started_ctx = ctx;
	life.start_err = 0;
	life.step = STOP_NO;
	nvmf_target.stopping = false;
	nvmf_target.start_us = reactor_now_us();
	nvmf_target.genctr = 1;
	nvmf_target.next_portid = 1;
	reactor_for_each(group_start, NULL, groups_started);
}

void nvmf_target_configuring(bool yes)
{
	nvmf_target.configuring = yes;
}

static void stopped(void *ctx)
{
	(void)ctx;
	nvmf_host_limits_free();
	nvmf_referral_free_all();
	memset(&nvmf_target.config, 0, sizeof(nvmf_target.config));
	nvmf_target.running = false;
	nvmf_target.stopping = false;
	nvmf_target.configuring = false;
	life.stopped(life.stopped_ctx);
}

static void transports_gone(void *ctx)
{
	(void)ctx;
	reactor_for_each(group_end, NULL, stopped);
}

/* Every connection that is still there, and all that come later */
static void close_qpairs(void *ctx)
{
	struct nvmf_group_core *core = nvmf_group_self()->core;
	struct nvmf_qpair *q, *next;

	(void)ctx;
	core->stopping = true;
	for (q = TAILQ_FIRST(&core->qpairs); q; q = next) {
		next = TAILQ_NEXT(q, link);
		nvmf_qpair_close(q);
	}
}

void nvmf_target_disconnect(reactor_fn done, void *ctx)
{
	if (nvmf_target.running)
		reactor_for_each(close_qpairs, ctx, done);
	else
		reactor_send(reactor_self(), done, ctx);
}

static void qpairs_told(void *ctx)
{
	(void)ctx;
	life.qpairs_told = true;
	nvmf_target_check_stop();
}

void nvmf_target_check_stop(void)
{
	if (life.step == STOP_SUBSYSTEMS &&
	    TAILQ_EMPTY(&nvmf_target.subsystems)) {
		life.step = STOP_QPAIRS;
		life.qpairs_told = false;
		reactor_for_each(close_qpairs, NULL, qpairs_told);
	} else if (life.step == STOP_QPAIRS && life.qpairs_told &&
		   !nvmf_group_load() && !nvmf_target.creating) {
		life.step = STOP_REST;
		nvmf_transport_destroy_all(transports_gone, NULL);
	}
}

void nvmf_target_stop(reactor_fn done, void *ctx)
{
	struct nvmf_subsystem *s, *next;

	life.stopped = done;
	life.stopped_ctx = ctx;
	if (!nvmf_target.running) {
		reactor_send(reactor_self(), done, ctx);
		return;
	}
	nvmf_target.stopping = true;
	life.step = STOP_SUBSYSTEMS;
	for (s = TAILQ_FIRST(&nvmf_target.subsystems); s; s = next) {
		next = TAILQ_NEXT(s, link);
		if (!s->removing)
			nvmf_subsystem_delete_any(s, NULL, NULL);
	}
	nvmf_target_check_stop();
}
