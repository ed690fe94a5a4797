// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Hosts that a subsystem admits, and what happens to their controllers when
 * they no longer are. Nobody is admitted who is not on the list, unless the
 * subsystem allows any host; a host without a name only then. Called by rpc
 * and by Connect; control reactor.
 */
#include <stdlib.h>

#include "target/nvmf/internal.h"

struct host_op {
	struct nvmf_op op;
	char nqn[NVMF_NQN_MAX + 1];
};

static struct nvmf_host *find(const struct nvmf_subsystem *s, const char *nqn)
{
	struct nvmf_host *h;

	TAILQ_FOREACH(h, &s->hosts, link)
		if (!strcmp(h->nqn, nqn))
			return h;
	return NULL;
}

bool nvmf_subsystem_host_allowed(const struct nvmf_subsystem *s,
				 const char *hostnqn)
{
	return s->allow_any_host || (*hostnqn && find(s, hostnqn));
}

int nvmf_subsystem_add_host(struct nvmf_subsystem *s, const char *hostnqn,
			    struct weft_reason *why)
{
	struct nvmf_host *h;
	int err = weft_nqn_check(hostnqn, strlen(hostnqn), "host", why);

	if (err)
		return err;
	if (s->removing)
		return weft_fail(why, -EBUSY, "nqn=%s: is being deleted",
				 s->nqn);
	if (find(s, hostnqn))
		return 0;
	h = calloc(1, sizeof(*h));
	if (!h)
		return weft_fail(why, -ENOMEM, "not enough memory");
	snprintf(h->nqn, sizeof(h->nqn), "%s", hostnqn);
	TAILQ_INSERT_TAIL(&s->hosts, h, link);
	nvmf_discovery_changed();
	return 0;
}

static void op_free(struct nvmf_op *op)
{
	free(container_of(op, struct host_op, op));
}

static void op_left(struct nvmf_op *op)
{
	nvmf_op_end(op, 0);
}

static bool match_host(const struct nvmf_op *op, const struct nvmf_ctrlr *c)
{
	return !strcmp(c->hostnqn,
		       container_of(op, const struct host_op, op)->nqn);
}

static bool match_not_allowed(const struct nvmf_op *op,
			      const struct nvmf_ctrlr *c)
{
	return !nvmf_subsystem_host_allowed(op->s, c->hostnqn);
}

static void remove_start(struct nvmf_op *op)
{
	nvmf_op_disconnect(op, match_host, op_left);
}

static void restrict_start(struct nvmf_op *op)
{
	nvmf_op_disconnect(op, match_not_allowed, op_left);
}

static struct host_op *op_alloc(void (*start)(struct nvmf_op *op))
{
	struct host_op *o = calloc(1, sizeof(*o));

	if (o) {
		o->op.start = start;
		o->op.free = op_free;
	}
	return o;
}

void nvmf_subsystem_remove_host(struct nvmf_subsystem *s, const char *hostnqn,
				nvmf_done done, void *ctx)
{
	struct nvmf_host *h = find(s, hostnqn);
	struct weft_reason why;
	struct host_op *o;

	if (nvmf_subsystem_busy(s, done, ctx))
		return;
	if (!h) {
		weft_fail_value(&why, 0, "host", hostnqn, strlen(hostnqn),
				"is not on the list of %s", s->nqn);
		nvmf_op_refuse(done, ctx, -ENOENT, &why);
		return;
	}
	o = op_alloc(remove_start);
	if (!o) {
		nvmf_op_refuse(done, ctx, -ENOMEM, NULL);
		return;
	}
	/* at once, so that it cannot come back while it is disconnected */
	memcpy(o->nqn, h->nqn, sizeof(o->nqn));
	TAILQ_REMOVE(&s->hosts, h, link);
	free(h);
	nvmf_discovery_changed();
	nvmf_op_queue(&o->op, s, done, ctx);
}

void nvmf_subsystem_allow_any_host(struct nvmf_subsystem *s, bool allow,
				   nvmf_done done, void *ctx)
{
	struct host_op *o;

	if (nvmf_subsystem_busy(s, done, ctx))
		return;
	o = op_alloc(restrict_start);
	if (!o) {
		nvmf_op_refuse(done, ctx, -ENOMEM, NULL);
		return;
	}
	if (s->allow_any_host != allow) {
		s->allow_any_host = allow;
		nvmf_discovery_changed();
	}
	nvmf_op_queue(&o->op, s, done, ctx);
}

void nvmf_host_free_all(struct nvmf_subsystem *s)
{
	struct nvmf_host *h;

	while ((h = TAILQ_FIRST(&s->hosts))) {
		TAILQ_REMOVE(&s->hosts, h, link);
		free(h);
	}
}
