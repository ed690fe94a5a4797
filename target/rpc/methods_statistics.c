// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * nvmf_get_statistics: I/O by subsystem, namespace, host, connection and
 * reactor, with latencies in powers of two, and what requests waited for; and
 * the rate limits of hosts and namespaces. These methods are our own.
 *
 * Rows come reactor by reactor; those of the same namespace or host are added
 * up (sums.c) before they become JSON.
 */
#include <errno.h>
#include <stdlib.h>

#include "target/rpc/bdev_params.h"
#include "target/rpc/nvmf_params.h"
#include "target/rpc/statistics.h"
#include "target/rpc/sums.h"

/** struct part - a subsystem's share of the answer */
struct part {
	struct nvmf_subsystem *s;
	struct nvmf_io_stats io;
	json_t *namespaces;
};

/**
 * struct statistics - a collection under way
 * @parts: by a subsystem's id, @nparts of them
 */
struct statistics {
	void (*done)(void *ctx, json_t *statistics);
	void *ctx;
	struct sums sums;
	struct part *parts;
	u32 nparts;
	json_t *transports;
};

static void take_row(void *ctx, const struct nvmf_io_row *row)
{
	struct statistics *st = ctx;

	sums_add(&st->sums, row);
}

static void set(json_t *j, const char *name, u64 value)
{
	json_object_set_new(j, name, json_integer((json_int_t)value));
}

/* Up to the last that is not zero */
static json_t *buckets_json(const u64 buckets[NVMF_IO_BUCKETS])
{
	json_t *list = json_array();
	int i, n = NVMF_IO_BUCKETS;

	while (n && !buckets[n - 1])
		n--;
	for (i = 0; i < n; i++)
		json_array_append_new(list, json_integer((json_int_t)buckets[i]));
	return list;
}

static void io_json(json_t *j, const struct nvmf_io_stats *io)
{
	set(j, "read_ops", io->ops[NVMF_IO_READ]);
	set(j, "write_ops", io->ops[NVMF_IO_WRITE]);
	set(j, "other_ops", io->ops[NVMF_IO_OTHER]);
	set(j, "bytes_read", io->bytes[NVMF_IO_READ]);
	set(j, "bytes_written", io->bytes[NVMF_IO_WRITE]);
	set(j, "errors", io->errors);
	set(j, "read_latency_ticks", io->latency_us[NVMF_IO_READ]);
	set(j, "write_latency_ticks", io->latency_us[NVMF_IO_WRITE]);
	set(j, "other_latency_ticks", io->latency_us[NVMF_IO_OTHER]);
	json_object_set_new(j, "read_latency_log2",
			    buckets_json(io->buckets[NVMF_IO_READ]));
	json_object_set_new(j, "write_latency_log2",
			    buckets_json(io->buckets[NVMF_IO_WRITE]));
}

static json_t *waits_json(const u64 waits[NVMF_IO_WAITS])
{
	json_t *j = json_object();
	int i;

	for (i = 0; i < NVMF_IO_WAITS; i++)
		set(j, nvmf_io_wait_names[i], waits[i]);
	return j;
}

static json_t *reactor_json(const struct nvmf_io_row *r)
{
	json_t *j = json_pack("{s:i}", "reactor", (int)r->reactor);

	set(j, "lcore", (u64)reactor_core(reactor_get(r->reactor)));
	set(j, "busy", r->loop.busy_us);
	set(j, "idle", r->loop.idle_us);
	set(j, "sleeps", r->loop.sleeps);
	set(j, "fd_polls", r->loop.fd_polls);
	set(j, "turns", r->loop.turns);
	set(j, "messages", r->loop.messages);
	io_json(j, &r->io);
	json_object_set_new(j, "waits", waits_json(r->waits));
	return j;
}

static json_t *host_json(const struct nvmf_io_row *r)
{
	json_t *j = json_pack("{s:s}", "hostnqn", r->nqn);
	u64 limits[LIMIT_RATES];

	io_json(j, &r->io);
	nvmf_host_get_limits(r->nqn, limits);
	json_object_set_new(j, "assigned_rate_limits", rpc_limits_json(limits));
	return j;
}

/* NULL: a subsystem that has left meanwhile */
static struct part *part_of(const struct statistics *st, u32 id)
{
	return id < st->nparts && st->parts[id].s ? &st->parts[id] : NULL;
}

static json_t *connection_json(const struct statistics *st,
			       const struct nvmf_io_row *r)
{
	const struct part *p = part_of(st, r->subsystem);
	json_t *j = json_pack("{s:s, s:s, s:i, s:i, s:i, s:s, s:s}",
			      "nqn", p ? p->s->nqn : "",
			      "hostnqn", r->nqn, "cntlid", (int)r->cntlid,
			      "qid", (int)r->qid, "reactor", (int)r->reactor,
			      "trtype", r->transport, "traddr", r->peer);

	io_json(j, &r->io);
	return j;
}

static json_t *namespace_json(struct nvmf_subsystem *s,
			      const struct nvmf_io_row *r)
{
	struct nvmf_ns *ns = nvmf_subsystem_ns(s, r->nsid);
	json_t *j = json_pack("{s:I}", "nsid", (json_int_t)r->nsid);
	u64 limits[LIMIT_RATES] = { 0 };

	json_object_set_new(j, "bdev_name",
			    json_string(ns ? bdev_desc_bdev(ns->desc)->name : ""));
	io_json(j, &r->io);
	if (ns)
		nvmf_ns_get_limits(ns, limits);
	json_object_set_new(j, "assigned_rate_limits", rpc_limits_json(limits));
	return j;
}

static json_t *subsystem_json(const struct part *p)
{
	json_t *j = json_pack("{s:s}", "nqn", p->s->nqn);

	io_json(j, &p->io);
	json_object_set(j, "namespaces", p->namespaces);
	return j;
}

static bool make_parts(struct statistics *st)
{
	struct nvmf_subsystem *s;

	for (s = nvmf_subsystem_first(); s; s = nvmf_subsystem_next(s))
		if (s->id >= st->nparts)
			st->nparts = s->id + 1;
	st->parts = calloc(st->nparts, sizeof(st->parts[0]));
	if (!st->parts)
		return false;
	for (s = nvmf_subsystem_first(); s; s = nvmf_subsystem_next(s)) {
		st->parts[s->id].s = s;
		st->parts[s->id].namespaces = json_array();
	}
	return true;
}

/* A subsystem is all its namespaces, those that have left too. */
static void fill_parts(struct statistics *st)
{
	const struct sum *sum;
	struct part *p;

	for (sum = st->sums.kinds[NVMF_ROW_NAMESPACE].first; sum;
	     sum = sum->next) {
		p = part_of(st, sum->row.subsystem);
		if (!p)
			continue;
		nvmf_io_stats_add(&p->io, &sum->row.io);
		json_array_append_new(p->namespaces,
				      namespace_json(p->s, &sum->row));
	}
	for (sum = st->sums.kinds[NVMF_ROW_GONE].first; sum; sum = sum->next) {
		p = part_of(st, sum->row.subsystem);
		if (p)
			nvmf_io_stats_add(&p->io, &sum->row.io);
	}
}

static json_t *all_json(struct statistics *st)
{
	json_t *reactors = json_array(), *hosts = json_array();
	json_t *connections = json_array(), *subsystems = json_array();
	struct nvmf_subsystem *s;
	const struct sum *sum;

	for (sum = st->sums.kinds[NVMF_ROW_REACTOR].first; sum; sum = sum->next)
		json_array_append_new(reactors, reactor_json(&sum->row));
	for (sum = st->sums.kinds[NVMF_ROW_HOST].first; sum; sum = sum->next)
		json_array_append_new(hosts, host_json(&sum->row));
	for (sum = st->sums.kinds[NVMF_ROW_CONNECTION].first; sum;
	     sum = sum->next)
		json_array_append_new(connections,
				      connection_json(st, &sum->row));
	fill_parts(st);
	for (s = nvmf_subsystem_first(); s; s = nvmf_subsystem_next(s))
		if (s->subtype == NVMF_SUBTYPE_NVME)
			json_array_append_new(subsystems,
					      subsystem_json(&st->parts[s->id]));
	return json_pack("{s:i, s:I, s:o, s:o, s:o, s:o, s:O}", "tick_rate",
			 1000000, "ticks", (json_int_t)reactor_now_us(),
			 "reactors", reactors, "subsystems", subsystems,
			 "hosts", hosts, "connections", connections,
			 "transports", st->transports);
}

/* @j: what it has come to; NULL: there was not enough memory */
static void end(struct statistics *st, json_t *j)
{
	u32 i;

	st->done(st->ctx, j);
	json_decref(j);
	for (i = 0; i < st->nparts && st->parts; i++)
		json_decref(st->parts[i].namespaces);
	free(st->parts);
	sums_free(&st->sums);
	json_decref(st->transports);
	free(st);
}

static void collected(void *ctx)
{
	struct statistics *st = ctx;

	end(st, make_parts(st) ? all_json(st) : NULL);
}

static void take_group(void *ctx, const struct nvmf_group_stats *g)
{
	struct statistics *st = ctx;
	json_t *block;
	unsigned int i;

	for (i = 0; i < g->ntransports; i++) {
		block = json_loads(g->transports[i].json, 0, NULL);
		if (!block)
			block = json_object();
		json_object_set_new(block, "trtype",
				    json_string(g->transports[i].trtype));
		set(block, "reactor", g->reactor);
		json_array_append_new(st->transports, block);
	}
}

static void none(void *ctx)
{
	end(ctx, NULL);
}

static void groups_taken(void *ctx)
{
	if (nvmf_io_collect(take_row, collected, ctx))
		reactor_send(reactor_self(), none, ctx);
}

void statistics_collect(void (*done)(void *ctx, json_t *statistics), void *ctx)
{
	struct statistics *st = calloc(1, sizeof(*st));

	if (!st) {
		log_error("out of memory for statistics");
		abort();
	}
	st->done = done;
	st->ctx = ctx;
	st->transports = json_array();
	nvmf_stats_collect(take_group, groups_taken, st);
}

static void got(void *ctx, json_t *statistics)
{
	if (statistics)
		rpc_reply(ctx, json_incref(statistics));
	else
		rpc_fail(ctx, -ENOMEM, "no memory");
}

static void get_statistics(struct rpc_call *call, const void *params)
{
	(void)params;
	statistics_collect(got, call);
}

/* Limits */

/** struct limits_params - of the two methods that set limits */
struct limits_params {
	const char *nqn;
	const char *host;
	u32 nsid;
	struct rpc_limits limits;
};

#define L(member) offsetof(struct limits_params, member)

static const struct rpc_param host_params[] = {
	{ .name = "host", .type = RPC_STR, .required = true, .offset = L(host),
	  .min = 1, .max = NVMF_NQN_MAX,
	  .help = "host NQN; it need not be connected" },
	RPC_PARAMS_LIMITS(L(limits)), RPC_TGT_NAME, { .type = RPC_END }
};

static const struct rpc_param ns_params[] = {
	{ .name = "nqn", .type = RPC_STR, .required = true, .offset = L(nqn),
	  .help = "of the subsystem" },
	{ .name = "nsid", .type = RPC_U32, .required = true, .offset = L(nsid),
	  .min = 1, .max = 0xfffffffe, .help = "of the namespace" },
	RPC_PARAMS_LIMITS(L(limits)), RPC_TGT_NAME, { .type = RPC_END }
};

static bool limits_init(struct rpc_call *call, void *params, const json_t *raw)
{
	struct limits_params *p = params;

	(void)call;
	(void)raw;
	rpc_limits_init(&p->limits);
	return true;
}

static json_t *host_call(const char *nqn, const u64 limits[LIMIT_RATES])
{
	json_t *params = rpc_limits_json(limits);

	json_object_set_new(params, "host", json_string(nqn));
	return rpc_config_call("nvmf_set_host_limits", params);
}

static json_t *ns_call(const struct nvmf_ns *ns, const u64 limits[LIMIT_RATES])
{
	json_t *params = rpc_limits_json(limits);

	json_object_set_new(params, "nqn", json_string(ns->subsystem->nqn));
	set(params, "nsid", ns->nsid);
	return rpc_config_call("nvmf_subsystem_set_ns_limits", params);
}

static void set_host(struct rpc_call *call, const void *params)
{
	const struct limits_params *p = params;
	u64 limits[LIMIT_RATES];

	nvmf_host_get_limits(p->host, limits);
	rpc_undo(call, host_call(p->host, limits));
	if (rpc_limits_given(call, &p->limits, limits))
		nvmf_host_set_limits(p->host, limits, rpc_done, call);
}

static void set_ns_of(struct rpc_call *call, const void *params,
		      struct nvmf_subsystem *s)
{
	const struct limits_params *p = params;
	struct nvmf_ns *ns = nvmf_subsystem_ns(s, p->nsid);
	u64 limits[LIMIT_RATES];

	if (!ns) {
		rpc_fail(call, -ENOENT, "nsid=%u: %s has no such namespace",
			 p->nsid, s->nqn);
		return;
	}
	nvmf_ns_get_limits(ns, limits);
	rpc_undo(call, ns_call(ns, limits));
	if (rpc_limits_given(call, &p->limits, limits))
		nvmf_ns_set_limits(ns, limits, rpc_done, call);
}

static void set_ns(struct rpc_call *call, const void *params)
{
	const struct limits_params *p = params;

	rpc_on_subsystem(call, p->nqn, p->nsid, NULL, params, set_ns_of);
}

/* In the saved configuration */

static bool any(const u64 limits[LIMIT_RATES])
{
	return limits[0] || limits[1] || limits[2] || limits[3];
}

void rpc_limits_config(json_t *calls)
{
	struct nvmf_subsystem *s;
	u64 limits[LIMIT_RATES];
	const char *nqn = NULL;
	struct nvmf_ns *ns;

	for (s = nvmf_subsystem_first(); s; s = nvmf_subsystem_next(s)) {
		TAILQ_FOREACH(ns, &s->namespaces, link) {
			nvmf_ns_get_limits(ns, limits);
			if (any(limits) && rpc_ns_stays(ns))
				json_array_append_new(calls,
						      ns_call(ns, limits));
		}
	}
	while ((nqn = nvmf_host_limits_next(nqn))) {
		nvmf_host_get_limits(nqn, limits);
		if (any(limits))
			json_array_append_new(calls, host_call(nqn, limits));
	}
}

static const struct rpc_method statistics_methods[] = {
	{ "nvmf_get_statistics", RPC_RUNTIME, NULL, 0, NULL, get_statistics,
	  NULL, "I/O by subsystem, namespace, host, connection and reactor" },
	{ "nvmf_set_host_limits", RPC_RUNTIME, host_params,
	  sizeof(struct limits_params), limits_init, set_host, NULL,
	  "Limit what a host does in a second, in all subsystems together" },
	{ "nvmf_subsystem_set_ns_limits", RPC_RUNTIME, ns_params,
	  sizeof(struct limits_params), limits_init, set_ns, NULL,
	  "Limit what all hosts of a namespace together do in a second" },
};
RPC_METHODS(statistics_methods)
