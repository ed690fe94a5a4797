// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * RPC methods of the log: its level, and flags, which let a room of the source
 * say everything whatever the level is. There is one log, on standard error, so
 * SPDK's two levels are one.
 */
#include <errno.h>

#include "target/rpc/rpc.h"

/** struct log_params - of the methods below */
struct log_params {
	const char *name;
	bool enabled;
};

#define F(member) offsetof(struct log_params, member)

static const char *const levels[] = {
	"ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"
};

static const struct rpc_param level_params[] = {
	{ .name = "level", .type = RPC_STR, .required = true,
	  .offset = F(name), .help = "ERROR, WARNING, NOTICE, INFO or DEBUG" },
	{ .type = RPC_END }
};

static void set_level(struct rpc_call *call, const void *params)
{
	const struct log_params *p = params;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(levels); i++) {
		if (strcasecmp(levels[i], p->name))
			continue;
		rpc_undo(call, rpc_config_call("log_set_level", json_pack(
			"{s:s}", "level", levels[log_get_level()])));
		log_set_level(i);
		rpc_reply(call, json_true());
		return;
	}
	rpc_fail(call, RPC_INVALID_PARAMS,
		 "level=%s: ERROR, WARNING, NOTICE, INFO and DEBUG are accepted",
		 p->name);
}

static void get_level(struct rpc_call *call, const void *params)
{
	(void)params;
	rpc_reply(call, json_string(levels[log_get_level()]));
}

static const struct rpc_param flag_params[] = {
	{ .name = "flag", .type = RPC_STR, .required = true, .offset = F(name),
	  .help = "one of log_get_flags, or all" },
	{ .type = RPC_END }
};

static void get_flags(struct rpc_call *call, const void *params)
{
	json_t *j = json_object();
	const char *name;
	unsigned int i;

	(void)params;
	for (i = 0; (name = log_flag_name(i)); i++)
		json_object_set_new(j, name, json_boolean(log_flag_get(i)));
	rpc_reply(call, j);
}

static void flag(struct rpc_call *call, const struct log_params *p, bool on)
{
	bool all = !strcmp(p->name, "all"), any = false;
	json_t *undo = json_array();
	const char *name;
	unsigned int i;

	for (i = 0; (name = log_flag_name(i)); i++) {
		if (!all && strcmp(name, p->name))
			continue;
		if (log_flag_get(i) != on)
			json_array_append_new(undo, rpc_config_call(on ?
				"log_clear_flag" : "log_set_flag",
				json_pack("{s:s}", "flag", name)));
		log_flag_set(i, on);
		any = true;
	}
	rpc_undo(call, undo);
	if (any)
		rpc_reply(call, json_true());
	else
		rpc_fail(call, -EINVAL,
			 "flag=%.40s: there is none of that name; log_get_flags lists them",
			 p->name);
}

static void set_flag(struct rpc_call *call, const void *params)
{
	flag(call, params, true);
}

static void clear_flag(struct rpc_call *call, const void *params)
{
	flag(call, params, false);
}

static const struct rpc_param timestamps_params[] = {
	{ .name = "enabled", .type = RPC_BOOL, .required = true,
	  .offset = F(enabled), .help = "begin lines with the time" },
	{ .type = RPC_END }
};

static void enable_timestamps(struct rpc_call *call, const void *params)
{
	const struct log_params *p = params;

	rpc_undo(call, rpc_config_call("log_enable_timestamps", json_pack(
		"{s:b}", "enabled", log_get_timestamps())));
	log_set_timestamps(p->enabled);
	rpc_reply(call, json_true());
}

#define METHOD(method, table, fn, text) \
	{ method, RPC_ALWAYS, table, sizeof(struct log_params), NULL, fn, \
	  NULL, text }

static const struct rpc_method log_methods[] = {
	METHOD("log_set_print_level", level_params, set_level,
	       "Log messages up to this level"),
	METHOD("log_get_print_level", NULL, get_level,
	       "Level up to which messages are logged"),
	METHOD("log_set_level", level_params, set_level,
	       "Log messages up to this level"),
	METHOD("log_get_level", NULL, get_level,
	       "Level up to which messages are logged"),
	METHOD("log_get_flags", NULL, get_flags,
	       "Rooms of the source, and which of them say everything"),
	METHOD("log_set_flag", flag_params, set_flag,
	       "Let a room of the source say everything"),
	METHOD("log_clear_flag", flag_params, clear_flag,
	       "Let a room of the source follow the level again"),
	METHOD("log_enable_timestamps", timestamps_params, enable_timestamps,
	       "Begin lines with the time, or not"),
};
RPC_METHODS(log_methods)
