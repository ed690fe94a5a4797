// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * RPC methods that tell of reactors, their pollers and io channels. Each
 * reactor fills its own row while a message visits it; rows are put together
 * on the control reactor. What SPDK calls a thread is the reactor itself.
 */
#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "target/rpc/rpc.h"

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
	u64 usr;		/* of the core, in clock ticks of the kernel */
	u64 sys;
	u64 irq;
	unsigned int npollers;
	struct item *pollers;
	unsigned int nchannels;
	struct item *channels;
};

/** struct survey - rows of all reactors, and what to make of them */
struct survey {
	struct rpc_call *call;
	json_t *(*make)(struct row *rows, unsigned int n);
	unsigned int n;
	struct row rows[];
};

/* One more item; without memory the list ends here. */
static struct item *add_item(struct item **items, unsigned int *n)
{
	struct item *more;

	if (!(*n & (*n - 1))) {		/* full at each power of two */
		more = reallocarray(*items, *n ? 2 * *n : 1, sizeof(*more));
		if (!more)
			return NULL;
		*items = more;
	}
	memset(&(*items)[*n], 0, sizeof(**items));
	return &(*items)[(*n)++];
}

static void add_poller(void *ctx, const struct poller_info *i)
{
	struct row *r = ctx;
	struct item *p = add_item(&r->pollers, &r->npollers);

	if (!p)
		return;
	snprintf(p->name, sizeof(p->name), "%s", i->name);
	p->period_us = i->period_us;
	p->runs = i->runs;
	p->busy_runs = i->busy_runs;
}

static void add_channel(void *ctx, const char *dev_name, unsigned int refs)
{
	struct row *r = ctx;
	struct item *c = add_item(&r->channels, &r->nchannels);

	if (!c)
		return;
	snprintf(c->name, sizeof(c->name), "%s", dev_name);
	c->refs = refs;
}

/* What the kernel has booked on the core: user, nice, system, idle, iowait, irq */
static void core_times(struct row *r)
{
	unsigned long long usr, nice, sys, idle, wait, irq;
	char line[256], name[16];
	FILE *f = fopen("/proc/stat", "re");
	size_t n;

	n = (size_t)snprintf(name, sizeof(name), "cpu%d ", r->core);
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, name, n))
			continue;
		if (sscanf(line + n, "%llu %llu %llu %llu %llu %llu", &usr,
			   &nice, &sys, &idle, &wait, &irq) == 6) {
			r->usr = usr + nice;
			r->sys = sys;
			r->irq = irq;
		}
		break;
	}
	if (f)
		fclose(f);
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
	json_t *made = s->make(s->rows, s->n);
	unsigned int i;

	for (i = 0; i < s->n; i++) {
		free(s->rows[i].pollers);
		free(s->rows[i].channels);
	}
	rpc_reply(s->call, made);
}

static void survey(struct rpc_call *call,
		   json_t *(*make)(struct row *rows, unsigned int n))
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

static json_t *make_reactors(struct row *rows, unsigned int n)
{
	json_t *list = json_array(), *thread;
	unsigned int i;
	struct row *r;

	for (i = 0; i < n; i++) {
		r = &rows[i];
		core_times(r);
		thread = json_pack("{s:o, s:i, s:o, s:I}",
				   "name", thread_name(i), "id", i + 1,
				   "cpumask", cpumask(r->core), "elapsed",
				   (json_int_t)(r->stats.busy_us +
						r->stats.idle_us));
		json_array_append_new(list,
			json_pack("{s:i, s:i, s:i, s:I, s:I, s:b, s:I, s:I, s:I, s:I, s:I, s:[o]}",
				  "lcore", r->core, "numa_id", 0,
				  "tid", r->tid,
				  "busy", (json_int_t)r->stats.busy_us,
				  "idle", (json_int_t)r->stats.idle_us,
				  "in_interrupt", 0,
				  "irq", (json_int_t)r->irq,
				  "sys", (json_int_t)r->sys,
				  "usr", (json_int_t)r->usr,
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

static json_t *make_threads(struct row *rows, unsigned int n)
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

static json_t *poller_json(const struct item *p, unsigned int id)
{
	json_t *j = json_pack("{s:s, s:i, s:s, s:I, s:I}", "name", p->name,
			      "id", id, "state", "waiting",
			      "run_count", (json_int_t)p->runs,
			      "busy_count", (json_int_t)p->busy_runs);

	if (p->period_us)
		json_object_set_new(j, "period_ticks",
				    json_integer((json_int_t)p->period_us));
	return j;
}

static json_t *make_pollers(struct row *rows, unsigned int n)
{
	json_t *list = json_array(), *active, *timed;
	unsigned int i, k;

	for (i = 0; i < n; i++) {
		active = json_array();
		timed = json_array();
		for (k = 0; k < rows[i].npollers; k++)
			json_array_append_new(rows[i].pollers[k].period_us ?
					      timed : active,
					      poller_json(&rows[i].pollers[k],
							  k + 1));
		json_array_append_new(list,
			json_pack("{s:o, s:i, s:o, s:o, s:[]}",
				  "name", thread_name(i), "id", i + 1,
				  "active_pollers", active,
				  "timed_pollers", timed, "paused_pollers"));
	}
	return threads_json(list);
}

static json_t *make_channels(struct row *rows, unsigned int n)
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

/** struct mask_params - of thread_set_cpumask */
struct mask_params {
	u64 id;
	const char *cpumask;
};

static const struct rpc_param mask_params[] = {
	{ .name = "id", .type = RPC_U64, .required = true,
	  .offset = offsetof(struct mask_params, id), .min = 1,
	  .help = "as thread_get_stats tells" },
	{ .name = "cpumask", .type = RPC_STR, .required = true,
	  .offset = offsetof(struct mask_params, cpumask), .min = 1, .max = 40,
	  .help = "the mask that it has: a reactor stays on its core" },
	{ .type = RPC_END }
};

static void set_cpumask(struct rpc_call *call, const void *params)
{
	const struct mask_params *p = params;
	const char *mask = p->cpumask;
	json_t *own;

	if (p->id > reactor_count()) {
		rpc_fail(call, -EINVAL, "id=%llu: 1 to %u are there",
			 (unsigned long long)p->id, reactor_count());
		return;
	}
	own = cpumask(reactor_core(reactor_get((unsigned int)p->id - 1)));
	if (!strncasecmp(mask, "0x", 2))
		mask += 2;
	mask += strspn(mask, "0");
	if (strcmp(mask, json_string_value(own)))
		rpc_fail(call, -EINVAL,
			 "cpumask=%s: a reactor stays on its core; only %s is accepted",
			 p->cpumask, json_string_value(own));
	else
		rpc_reply(call, json_true());
	json_decref(own);
}

#define SIMPLE(method, fn, text) \
	{ method, RPC_ALWAYS, NULL, 0, NULL, fn, NULL, text }

static const struct rpc_method reactor_methods[] = {
	SIMPLE("framework_get_reactors", get_reactors,
	       "List reactors: cores, busy and idle time"),
	SIMPLE("thread_get_stats", get_threads,
	       "Busy and idle time, numbers of pollers"),
	SIMPLE("thread_get_pollers", get_pollers, "List pollers"),
	SIMPLE("thread_get_io_channels", get_channels, "List io channels"),
	{ "thread_set_cpumask", RPC_ALWAYS, mask_params,
	  sizeof(struct mask_params), NULL, set_cpumask, NULL,
	  "Reactors stay on their cores: checks that it is the one" },
};
RPC_METHODS(reactor_methods)
