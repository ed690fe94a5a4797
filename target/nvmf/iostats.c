// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * I/O counted by namespace, host, connection and poll group, on the reactor
 * where it runs, and the listing of all of it. See iostats.h.
 *
 * Hosts are counted by name, and stay when they leave: NVMF_HOSTS_MAX of them
 * on each poll group, so that names cannot use up the memory; all later ones
 * are one more host without a name, but for those that limits are set for.
 * These take nobody's place before they come, and go with their limits if they
 * have never come.
 */
#include <stdlib.h>

#include "target/nvmf/io.h"

#define NVMF_HOSTS_MAX	1024u

const char *const nvmf_io_wait_names[NVMF_IO_WAITS] = {
	[NVMF_WAIT_HOST_LIMIT] = "host_limit",
	[NVMF_WAIT_NS_LIMIT] = "namespace_limit",
	[NVMF_WAIT_BDEV_LIMIT] = "bdev_limit",
	[NVMF_WAIT_LOCK] = "lock",
	[NVMF_WAIT_MEMORY] = "memory",
	[NVMF_WAIT_FENCE] = "fence",
};

static struct nvmf_io_host *find(const struct nvmf_group_core *core,
				 const char *nqn)
{
	struct nvmf_io_host *h;

	TAILQ_FOREACH(h, &core->io_hosts, link)
		if (!strcmp(h->nqn, nqn))
			return h;
	return NULL;
}

static struct nvmf_io_host *make(struct nvmf_group_core *core, const char *nqn)
{
	struct nvmf_io_host *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	snprintf(h->nqn, sizeof(h->nqn), "%s", nqn);
	TAILQ_INSERT_TAIL(&core->io_hosts, h, link);
	return h;
}

static void meet(struct nvmf_group_core *core, struct nvmf_io_host *h)
{
	core->nio_hosts += !h->met;
	h->met = true;
}

struct nvmf_io_host *nvmf_io_host_get(struct nvmf_group_core *core,
				      const char *nqn)
{
	struct nvmf_io_host *h = find(core, nqn);

	if (!h && core->nio_hosts >= NVMF_HOSTS_MAX) {
		nqn = "";
		h = find(core, nqn);
	}
	if (!h)
		h = make(core, nqn);
	if (h)
		meet(core, h);
	return h;
}

struct nvmf_io_host *nvmf_io_host_named(struct nvmf_group_core *core,
					const char *nqn)
{
	struct nvmf_io_host *h = find(core, nqn);
	struct nvmf_qpair *q;

	if (h)
		return h;
	h = make(core, nqn);
	if (!h)
		return NULL;
	/* connections that it has used already were of the one without a name */
	TAILQ_FOREACH(q, &core->qpairs, link) {
		if (!q->io_host || !q->ctrlr ||
		    q->state == NVMF_QPAIR_RELEASING ||
		    strcmp(q->ctrlr->hostnqn, nqn))
			continue;
		q->io_host = h;
		meet(core, h);
	}
	return h;
}

/* Connections know their host as long as they are there. */
static bool unused(const struct nvmf_group_core *core,
		   const struct nvmf_io_host *h)
{
	const struct nvmf_qpair *q;
	int i;

	for (i = 0; i < NVMF_IO_KINDS; i++)
		if (h->io.ops[i])
			return false;
	TAILQ_FOREACH(q, &core->qpairs, link)
		if (q->io_host == h)
			return false;
	return !h->io.errors;
}

bool nvmf_io_host_unlimit(struct nvmf_group_core *core, const char *nqn)
{
	struct nvmf_io_host *h = find(core, nqn);

	if (!h)
		return true;
	if (h->limit && !limit_drain(h->limit))
		return false;
	h->limit = NULL;
	if (unused(core, h)) {
		core->nio_hosts -= h->met;
		TAILQ_REMOVE(&core->io_hosts, h, link);
		free(h);
	}
	return true;
}

void nvmf_io_hosts_free(struct nvmf_group_core *core)
{
	struct nvmf_io_host *h;

	while ((h = TAILQ_FIRST(&core->io_hosts))) {
		TAILQ_REMOVE(&core->io_hosts, h, link);
		free(h);
	}
}

struct nvmf_io_host *nvmf_qpair_io_host(struct nvmf_qpair *q)
{
	if (!q->io_host && q->ctrlr)
		q->io_host = nvmf_io_host_get(q->group->core,
					      q->ctrlr->hostnqn);
	return q->io_host;
}

static enum nvmf_io_kind kind_of(u8 opcode)
{
	return opcode == NVME_CMD_READ ? NVMF_IO_READ :
	       opcode == NVME_CMD_WRITE ? NVMF_IO_WRITE : NVMF_IO_OTHER;
}

static unsigned int bucket_of(u64 us)
{
	unsigned int n = us ? 64 - (unsigned int)__builtin_clzll(us) : 0;

	return n < NVMF_IO_BUCKETS ? n : NVMF_IO_BUCKETS - 1;
}

static void count(struct nvmf_io_stats *io, enum nvmf_io_kind kind, u64 bytes,
		  u64 took)
{
	io->ops[kind]++;
	io->bytes[kind] += bytes;
	io->latency_us[kind] += took;
	if (kind != NVMF_IO_OTHER)
		io->buckets[kind][bucket_of(took)]++;
}

void nvmf_io_count(struct nvmf_request *req, bool failed)
{
	u64 took = reactor_now_us() - req->start_us;
	enum nvmf_io_kind kind = kind_of(req->cmd->sqe.opcode);
	struct nvmf_io_stats *to[] = {
		req->nsch ? &req->nsch->io : NULL,
		req->qpair->io_host ? &req->qpair->io_host->io : NULL,
		&req->qpair->io,
		&req->qpair->group->core->io,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(to); i++) {
		if (to[i] && failed)
			to[i]->errors++;
		else if (to[i])
			count(to[i], kind, kind == NVMF_IO_OTHER ? 0 :
			      req->length, took);
	}
}

void nvmf_io_stats_add(struct nvmf_io_stats *to, const struct nvmf_io_stats *io)
{
	int i, b;

	for (i = 0; i < NVMF_IO_KINDS; i++) {
		to->ops[i] += io->ops[i];
		to->bytes[i] += io->bytes[i];
		to->latency_us[i] += io->latency_us[i];
		for (b = 0; i != NVMF_IO_OTHER && b < NVMF_IO_BUCKETS; b++)
			to->buckets[i][b] += io->buckets[i][b];
	}
	to->errors += io->errors;
}

/* The listing: one reactor after the other adds its rows. */

struct rows {
	struct nvmf_io_row *list;
	size_t count;
	size_t room;
	void (*fn)(void *ctx, const struct nvmf_io_row *row);
	reactor_fn done;
	void *ctx;
};

static struct nvmf_io_row *add_row(struct rows *r, enum nvmf_io_row_kind kind,
				   const struct nvmf_io_stats *io)
{
	size_t room = r->room ? 2 * r->room : 16;
	struct nvmf_io_row *row;

	if (r->count == r->room) {
		row = reallocarray(r->list, room, sizeof(*row));
		if (!row) {
			log_error("statistics: not enough memory for all rows");
			return NULL;
		}
		r->list = row;
		r->room = room;
	}
	row = &r->list[r->count++];
	memset(row, 0, sizeof(*row));
	row->kind = kind;
	row->reactor = reactor_index(reactor_self());
	row->io = *io;
	return row;
}

static void add_subsystem(struct rows *r, u32 id, const struct nvmf_sgroup *sg)
{
	struct nvmf_io_row *row = add_row(r, NVMF_ROW_GONE, &sg->gone);
	u32 i;

	if (row)
		row->subsystem = id;
	for (i = 0; i < sg->max_namespaces; i++) {
		if (!sg->ns[i])
			continue;
		row = add_row(r, NVMF_ROW_NAMESPACE, &sg->ns[i]->io);
		if (!row)
			return;
		row->subsystem = id;
		row->nsid = i + 1;
	}
}

static void add_connection(struct rows *r, const struct nvmf_qpair *q)
{
	struct nvmf_io_row *row;

	if (!q->ctrlr || !q->qid || q->state != NVMF_QPAIR_ENABLED)
		return;
	row = add_row(r, NVMF_ROW_CONNECTION, &q->io);
	if (!row)
		return;
	row->subsystem = q->ctrlr->subsystem->id;
	row->cntlid = q->ctrlr->cntlid;
	row->qid = q->qid;
	row->transport = q->transport->ops->name;
	memcpy(row->nqn, q->ctrlr->hostnqn, sizeof(row->nqn));
	snprintf(row->peer, sizeof(row->peer), "%.63s", q->peer);
}

static void add_group(void *ctx)
{
	struct nvmf_group *g = nvmf_group_self();
	struct nvmf_io_row *row;
	struct nvmf_io_host *h;
	struct nvmf_qpair *q;
	struct rows *r = ctx;
	u32 id;

	if (!g)
		return;
	row = add_row(r, NVMF_ROW_REACTOR, &g->core->io);
	if (row) {
		reactor_stats_get(&row->loop);
		memcpy(row->waits, g->core->io_waits, sizeof(row->waits));
		row->waits[NVMF_WAIT_BDEV_LIMIT] = bdev_limit_waits();
	}
	for (id = 0; id < NVMF_MAX_SUBSYSTEMS; id++)
		if (g->core->sgroups[id])
			add_subsystem(r, id, g->core->sgroups[id]);
	TAILQ_FOREACH(h, &g->core->io_hosts, link) {
		row = add_row(r, NVMF_ROW_HOST, &h->io);
		if (row)
			memcpy(row->nqn, h->nqn, sizeof(row->nqn));
	}
	TAILQ_FOREACH(q, &g->core->qpairs, link)
		add_connection(r, q);
}

static void added(void *ctx)
{
	struct rows *r = ctx;
	size_t i;

	for (i = 0; i < r->count; i++)
		r->fn(r->ctx, &r->list[i]);
	r->done(r->ctx);
	free(r->list);
	free(r);
}

int nvmf_io_collect(void (*fn)(void *ctx, const struct nvmf_io_row *row),
		    reactor_fn done, void *ctx)
{
	struct rows *r = calloc(1, sizeof(*r));

	assert_on_reactor(reactor_control());
	if (!r)
		return -ENOMEM;
	r->fn = fn;
	r->done = done;
	r->ctx = ctx;
	reactor_for_each(add_group, r, added);
	return 0;
}
