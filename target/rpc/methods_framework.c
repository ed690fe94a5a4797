// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * RPC methods of the daemon itself: start and stop, versions, methods,
 * configuration, logging. Reactors and pollers stand in methods_reactor.c.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "target/rpc/rpc.h"

/** struct framework_params - of the methods below */
struct framework_params {
	const char *name;
	bool current;
	const json_t *subsystems;
};

#define F(member) offsetof(struct framework_params, member)

static struct {
	reactor_fn fn;
	void *ctx;
} on_start, on_kill;

void rpc_on_start_init(reactor_fn fn, void *ctx)
{
	on_start.fn = fn;
	on_start.ctx = ctx;
}

void rpc_on_kill(reactor_fn fn, void *ctx)
{
	on_kill.fn = fn;
	on_kill.ctx = ctx;
}

/*
 * Calls that wait for the end of the start. The last place is kept for the one
 * that begins it.
 */
#define MAX_WAITING 16
static struct rpc_call *waiting[MAX_WAITING + 1];
static unsigned int nwaiting;

void rpc_set_starting(void)
{
	rpc_serve(0);
}

void rpc_set_started(int err, const struct weft_reason *why)
{
	if (!err)
		rpc_serve(RPC_RUNTIME);
	while (nwaiting)
		rpc_done(waiting[--nwaiting], err, why);
}

void rpc_fail_waiting(void)
{
	while (nwaiting)
		rpc_fail(waiting[--nwaiting], RPC_INVALID_STATE,
			 "the daemon is stopping");
}

static void wait_init(struct rpc_call *call, const void *params)
{
	(void)params;
	/* a configuration is part of what is waited for */
	if (rpc_started() || rpc_in_config(call))
		rpc_reply(call, json_true());
	else if (nwaiting >= MAX_WAITING)
		rpc_fail(call, -EBUSY, "too many calls wait already");
	else
		waiting[nwaiting++] = call;
}

static void start_init(struct rpc_call *call, const void *params)
{
	(void)params;
	/* it comes once: afterwards it is refused for the state */
	waiting[nwaiting++] = call;
	on_start.fn(on_start.ctx);
}

static const struct rpc_param kill_params[] = {
	{ .name = "sig_name", .type = RPC_STR, .required = true,
	  .offset = F(name), .help = "SIGTERM, SIGINT, SIGQUIT or SIGKILL" },
	{ .type = RPC_END }
};

/* after the answer has left */
static void kill_hard(void *ctx)
{
	(void)ctx;
	kill(getpid(), SIGKILL);
}

static void kill_instance(struct rpc_call *call, const void *params)
{
	const struct framework_params *p = params;

	if (!strcmp(p->name, "SIGKILL") || !strcmp(p->name, "9")) {
		rpc_reply(call, json_true());
		reactor_send(reactor_self(), kill_hard, NULL);
		return;
	}
	if (strcmp(p->name, "SIGTERM") && strcmp(p->name, "SIGINT") &&
	    strcmp(p->name, "SIGQUIT") && strcmp(p->name, "15") &&
	    strcmp(p->name, "2")) {
		rpc_fail(call, RPC_INVALID_PARAMS,
			 "sig_name=%s: SIGTERM, SIGINT, SIGQUIT and SIGKILL are accepted",
			 p->name);
		return;
	}
	rpc_reply(call, json_true());
	/* on a later turn: the answer has to leave first */
	if (on_kill.fn)
		reactor_send(reactor_self(), on_kill.fn, on_kill.ctx);
}

static void get_version(struct rpc_call *call, const void *params)
{
	int major = 0, minor = 0, patch = 0;

	(void)params;
	sscanf(WEFT_VERSION, "%d.%d.%d", &major, &minor, &patch);
	rpc_reply(call, json_pack("{s:s, s:{s:i, s:i, s:i, s:s, s:s}}",
				  "version", "Weft v" WEFT_VERSION, "fields",
				  "major", major, "minor", minor,
				  "patch", patch, "suffix", "", "commit", ""));
}

static const struct rpc_param methods_params[] = {
	{ .name = "current", .type = RPC_BOOL, .offset = F(current),
	  .help = "only methods that may be called now" },
	{ .name = "include_aliases", .type = RPC_HINT },
	{ .type = RPC_END }
};

struct method_list {
	json_t *names;
	bool current;
};

static void add_method(void *ctx, const struct rpc_method *m)
{
	struct method_list *l = ctx;

	if ((!l->current || rpc_callable(m)) && rpc_allowed(m->name))
		json_array_append_new(l->names, json_string(m->name));
}

static void get_methods(struct rpc_call *call, const void *params)
{
	const struct framework_params *p = params;
	struct method_list l = { json_array(), p->current };

	rpc_methods(add_method, &l);
	rpc_reply(call, l.names);
}

/* Configuration: SPDK's client saves what these two tell. */

static const struct {
	const char *name;
	const char *depends_on;
	void (*config)(json_t *calls);
} subsystems[] = {
	{ "bdev", NULL, rpc_bdev_config },
	{ "nvmf", "bdev", rpc_nvmf_config },
};

static void get_subsystems(struct rpc_call *call, const void *params)
{
	json_t *list = json_array(), *deps;
	size_t i;

	(void)params;
	for (i = 0; i < ARRAY_SIZE(subsystems); i++) {
		deps = json_array();
		if (subsystems[i].depends_on)
			json_array_append_new(deps,
				json_string(subsystems[i].depends_on));
		json_array_append_new(list, json_pack("{s:s, s:o}",
						      "subsystem",
						      subsystems[i].name,
						      "depends_on", deps));
	}
	rpc_reply(call, list);
}

static const struct rpc_param config_params[] = {
	{ .name = "name", .type = RPC_STR, .required = true, .offset = F(name),
	  .help = "bdev or nvmf" },
	{ .name = "with_batches", .type = RPC_ONLY_FALSE },
	{ .type = RPC_END }
};

static void get_config(struct rpc_call *call, const void *params)
{
	const struct framework_params *p = params;
	json_t *calls;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(subsystems); i++) {
		if (strcmp(subsystems[i].name, p->name))
			continue;
		calls = json_array();
		subsystems[i].config(calls);
		rpc_reply(call, calls);
		return;
	}
	rpc_fail(call, RPC_INVALID_PARAMS,
		 "Subsystem '%s' not found; framework_get_subsystems lists them",
		 p->name);
}

json_t *rpc_saved_config(void)
{
	json_t *list = json_array(), *calls;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(subsystems); i++) {
		calls = json_array();
		subsystems[i].config(calls);
		json_array_append_new(list, json_pack("{s:s, s:o}",
						      "subsystem",
						      subsystems[i].name,
						      "config", calls));
	}
	return json_pack("{s:o}", "subsystems", list);
}

static void save_config(struct rpc_call *call, const void *params)
{
	(void)params;
	rpc_reply(call, rpc_saved_config());
}

static const struct rpc_param load_params[] = {
	{ .name = "subsystems", .type = RPC_JSON, .required = true,
	  .offset = F(subsystems),
	  .help = "as in a saved configuration" },
	{ .type = RPC_END }
};

static void load_config(struct rpc_call *call, const void *params)
{
	const struct framework_params *p = params;
	json_t *config = json_pack("{s:O}", "subsystems", p->subsystems);

	rpc_config_apply(config, rpc_done, call);
	json_decref(config);
}

#define SIMPLE(method, states, fn, text) \
	{ method, states, NULL, 0, NULL, fn, NULL, text }
#define WITH(method, states, table, fn, text) \
	{ method, states, table, sizeof(struct framework_params), NULL, fn, \
	  NULL, text }

static const struct rpc_method framework_methods[] = {
	SIMPLE("framework_start_init", RPC_STARTUP, start_init,
	       "Start the target of a daemon that waits (--wait-for-rpc), and apply its configuration; answers when that is done"),
	SIMPLE("framework_wait_init", RPC_ALWAYS, wait_init,
	       "Answer when the target runs and is configured"),
	SIMPLE("framework_get_subsystems", RPC_ALWAYS, get_subsystems,
	       "List the parts of the configuration"),
	WITH("framework_get_config", RPC_RUNTIME, config_params, get_config,
	     "One part of the configuration, as calls that make it"),
	SIMPLE("save_config", RPC_RUNTIME, save_config,
	       "The whole configuration, as --config reads it"),
	WITH("load_config", RPC_RUNTIME | RPC_ALONE, load_params, load_config,
	     "Apply a saved configuration as a whole, or nothing of it"),
	WITH("rpc_get_methods", RPC_ALWAYS, methods_params, get_methods,
	     "List methods"),
	SIMPLE("spdk_get_version", RPC_ALWAYS, get_version,
	       "Version of the daemon"),
	WITH("spdk_kill_instance", RPC_ALWAYS | RPC_ALONE, kill_params, kill_instance,
	     "Stop the daemon"),
};
RPC_METHODS(framework_methods)
