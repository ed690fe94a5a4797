// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * RPC methods that tell of reactors, their pollers and io channels. Each
 * reactor fills its own row while a message visits it; rows are put together
 * on the control reactor. What SPDK calls a thread is the reactor itself.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "target/rpc/rpc.h"

#define MAX_ITEMS 64

/** struct item - a poller or an io channel */
struct item {
	char name[64];
	u64 period_us;
	u64 runs;
	u64 busy_runs;
	unsigned int refs;
};

/** struct row - one reactor */
struct row {
	int core;
	int tid;
	struct reactor_stats stats;
	unsigned int npollers;
	struct item pollers[MAX_ITEMS];
	unsigned int nchannels;
	struct item channels[MAX_ITEMS];
};

/** struct survey - rows of all reactors, and what to make of them */
struct survey {
	struct rpc_call *call;
	json_t *(*make)(const struct row *rows, unsigned int n);
	unsigned int n;
	struct row rows[];
};

static void add_poller(void *ctx, const struct poller_info *i)
{
	struct row *r = ctx;
	struct item *p;

	if (r->npollers == MAX_ITEMS)
		return;
	p = &r->pollers[r->npollers++];
	snprintf(p->name, sizeof(p->name), "%s", i->name);
	p->period_us = i->period_us;
	p->runs = i->runs;
	p->busy_runs = i->busy_runs;
}

static void add_channel(void *ctx, const char *dev_name, unsigned int refs)
{
	struct row *r = ctx;
	struct item *c;

	if (r->nchannels == MAX_ITEMS)
		return;
	c = &r->channels[r->nchannels++];
	snprintf(c->name, sizeof(c->name), "%s", dev_name);
	c->refs = refs;
}

static void visit(void *ctx)
{
	struct survey *s = ctx;
	struct row *r = &s->rows[reactor_index(reactor_self())];

	r->core = reactor_core(reactor_self());
	r->tid = gettid();
	reactor_stats_get(&r->stats);
	reactor_pollers(add_poller, r);
	reactor_channels(add_channel, r);
}

static void visited(void *ctx)
{
	struct survey *s = ctx;

	rpc_reply(s->call, s->make(s->rows, s->n));
}

static void survey(struct rpc_call *call,
		   json_t *(*make)(const struct row *rows, unsigned int n))
{
	unsigned int n = reactor_count();
	struct survey *s = rpc_call_data(call, sizeof(*s) +
					 n * sizeof(s->rows[0]));

	if (!s) {
		rpc_fail(call, -ENOMEM, "no memory");
		return;
	}
	s->call = call;
	s->make = make;
	s->n = n;
	reactor_for_each(visit, s, visited);
}

static json_t *thread_name(unsigned int i)
{
	return json_sprintf("nvmf_tgt_poll_group_%03u", i);
}

/* A mask of one core as SPDK prints it: hexadecimal without prefix */
static json_t *cpumask(int core)
{
	char digits[64] = "";
	int nibbles = core / 4;

	if (nibbles >= (int)sizeof(digits) - 1)
		nibbles = sizeof(digits) - 2;
	memset(digits, '0', sizeof(digits) - 1);
	digits[0] = '0' + (1 << core % 4);
	digits[nibbles + 1] = '\0';
	return json_string(digits);
}

static json_t *make_reactors(const struct row *rows, unsigned int n)
{
	json_t *list = json_array(), *thread;
	const struct row *r;
	unsigned int i;

	for (i = 0; i < n; i++) {
		r = &rows[i];
		thread = json_pack("{s:o, s:i, s:o, s:I}",
				   "name", thread_name(i), "id", i + 1,
				   "cpumask", cpumask(r->core), "elapsed",
				   (json_int_t)(r->stats.busy_us +
						r->stats.idle_us));
		json_array_append_new(list,
			json_pack("{s:i, s:i, s:I, s:I, s:b, s:I, s:I, s:[o]}",
				  "lcore", r->core, "tid", r->tid,
				  "busy", (json_int_t)r->stats.busy_us,
				  "idle", (json_int_t)r->stats.idle_us,
				  "in_interrupt", 0,
				  "sleeps", (json_int_t)r->stats.sleeps,
				  "turns", (json_int_t)r->stats.turns,
				  "lw_threads", thread));
	}
	return json_pack("{s:i, s:i, s:o}", "tick_rate", 1000000,
			 "pid", (int)getpid(), "reactors", list);
}

static json_t *threads_json(json_t *list)
{
	return json_pack("{s:i, s:o}", "tick_rate", 1000000, "threads", list);
}

static json_t *make_threads(const struct row *rows, unsigned int n)
{
	json_t *list = json_array();
	const struct row *r;
	unsigned int i, k, timed;

	for (i = 0; i < n; i++) {
		r = &rows[i];
		for (timed = k = 0; k < r->npollers; k++)
			timed += r->pollers[k].period_us != 0;
		json_array_append_new(list,
			json_pack("{s:o, s:i, s:o, s:I, s:I, s:i, s:i, s:i}",
				  "name", thread_name(i), "id", i + 1,
				  "cpumask", cpumask(r->core),
				  "busy", (json_int_t)r->stats.busy_us,
				  "idle", (json_int_t)r->stats.idle_us,
				  "active_pollers_count",
				  r->npollers - timed,
				  "timed_pollers_count", timed,
				  "paused_pollers_count", 0));
	}
	return threads_json(list);
}

static json_t *poller_json(const struct item *p)
{
	json_t *j = json_pack("{s:s, s:s, s:I, s:I}", "name", p->name,
			      "state", "waiting",
			      "run_count", (json_int_t)p->runs,
			      "busy_count", (json_int_t)p->busy_runs);

	if (p->period_us)
		json_object_set_new(j, "period_ticks",
				    json_integer((json_int_t)p->period_us));
	return j;
}

static json_t *make_pollers(const struct row *rows, unsigned int n)
{
	json_t *list = json_array(), *active, *timed;
	unsigned int i, k;

	for (i = 0; i < n; i++) {
		active = json_array();
		timed = json_array();
		for (k = 0; k < rows[i].npollers; k++)
			json_array_append_new(rows[i].pollers[k].period_us ?
					      timed : active,
					      poller_json(&rows[i].pollers[k]));
		json_array_append_new(list,
			json_pack("{s:o, s:i, s:o, s:o, s:[]}",
				  "name", thread_name(i), "id", i + 1,
				  "active_pollers", active,
				  "timed_pollers", timed, "paused_pollers"));
	}
	return threads_json(list);
}

static json_t *make_channels(const struct row *rows, unsigned int n)
{
	json_t *list = json_array(), *channels;
	const struct item *c;
	unsigned int i, k;

	for (i = 0; i < n; i++) {
		channels = json_array();
		for (k = 0; k < rows[i].nchannels; k++) {
			c = &rows[i].channels[k];
			json_array_append_new(channels,
				json_pack("{s:s, s:i}", "name", c->name,
					  "ref", (int)c->refs));
		}
		json_array_append_new(list,
			json_pack("{s:o, s:o}", "name", thread_name(i),
				  "io_channels", channels));
	}
	return threads_json(list);
}

#define SURVEY(fn, make) \
	static void fn(struct rpc_call *call, const void *params) \
	{ \
		(void)params; \
		survey(call, make); \
	}
SURVEY(get_reactors, make_reactors)
SURVEY(get_threads, make_threads)
SURVEY(get_pollers, make_pollers)
SURVEY(get_channels, make_channels)

#define SIMPLE(method, fn, text) \
	{ method, RPC_ALWAYS, NULL, 0, NULL, fn, NULL, text }

static const struct rpc_method reactor_methods[] = {
	SIMPLE("framework_get_reactors", get_reactors,
	       "List reactors: cores, busy and idle time"),
	SIMPLE("thread_get_stats", get_threads,
	       "Busy and idle time, numbers of pollers"),
	SIMPLE("thread_get_pollers", get_pollers, "List pollers"),
	SIMPLE("thread_get_io_channels", get_channels, "List io channels"),
};
RPC_METHODS(reactor_methods)
