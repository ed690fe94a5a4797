/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * JSON-RPC 2.0 over a UNIX socket, with SPDK's method names, parameters and
 * result shapes: the daemon's control plane. What main needs stands first;
 * the rest is what the method files (methods_*.c) are written with.
 *
 * Everything here runs on the control reactor.
 */
#ifndef WEFT_TARGET_RPC_H
#define WEFT_TARGET_RPC_H

#include <jansson.h>

#include "common/text.h"
#include "target/reactor/reactor.h"

/* For main */

/** rpc_server_check() - may this be the socket's path? 0 or -errno */
int rpc_server_check(const char *path, struct weft_reason *why);

/**
 * rpc_server_start() - listen on a UNIX socket at @path, mode 0600
 *
 * A socket file that nobody answers on is a leftover and replaced; one that
 * somebody answers on is refused with -EADDRINUSE.
 */
int rpc_server_start(const char *path, struct weft_reason *why);

/** rpc_server_stop() - close all clients and remove the socket; idempotent */
void rpc_server_stop(void);

/**
 * rpc_end_waits() - from now on rpc_stopping() is true, and calls that wait
 * have to end, those of a configuration that is being applied among them
 */
void rpc_end_waits(void);
/** rpc_stop() - likewise, and run @done when no call is under way */
void rpc_stop(reactor_fn done, void *ctx);
bool rpc_stopping(void);

/**
 * rpc_allow_only() - serve clients of the socket only these methods
 * @list: names, separated by commas; kept by pointer
 */
int rpc_allow_only(const char *list, struct weft_reason *why);
bool rpc_allowed(const char *method);

/** rpc_reference() - print the reference of all methods, as Markdown */
void rpc_reference(FILE *out);

/** typedef rpc_config_done - a configuration has been applied or refused */
typedef void (*rpc_config_done)(void *ctx, int err,
				const struct weft_reason *why);

/**
 * rpc_config_apply() - make a saved configuration real
 * @config: {"subsystems": [{"subsystem": …, "config": [{"method": …,
 *          "params": …}]}]}; a reference is taken
 *
 * All methods and parameters are checked before the first is run. When one
 * fails nevertheless, what the earlier ones made is taken back. The reason
 * begins with the path inside the JSON. One after the other, if several come.
 */
void rpc_config_apply(json_t *config, rpc_config_done done, void *ctx);

/** rpc_config_load() - read a file; NULL with the place of the mistake */
json_t *rpc_config_load(const char *file, struct weft_reason *why);

/**
 * rpc_set_starting() - the start is under way: clients get only methods that
 * may always be called; configurations get what runs on a started target
 */
void rpc_set_starting(void);

/**
 * rpc_set_started() - the start has ended: framework_start_init and
 * framework_wait_init are answered
 * @err: 0: the target runs and is configured, so runtime methods may be called;
 *       otherwise the daemon ends, and @why is the answer
 */
void rpc_set_started(int err, const struct weft_reason *why);

/**
 * rpc_on_start_init() - what framework_start_init does under --wait-for-rpc
 * @fn: starts the target; rpc_set_started() follows
 */
void rpc_on_start_init(reactor_fn fn, void *ctx);
/** rpc_on_kill() - what spdk_kill_instance does: stop as on SIGTERM */
void rpc_on_kill(reactor_fn fn, void *ctx);

/* For method files */

/* JSON-RPC's codes; others are negative errno */
enum rpc_code {
	RPC_PARSE_ERROR		= -32700,
	RPC_INVALID_REQUEST	= -32600,
	RPC_NO_METHOD		= -32601,
	RPC_INVALID_PARAMS	= -32602,
	RPC_INTERNAL		= -32603,
	RPC_INVALID_STATE	= -1,
};

enum rpc_type {
	RPC_END,
	RPC_STR,		/* const char *; the call's while it lives */
	RPC_BOOL,		/* bool */
	RPC_U16,
	RPC_U32,
	RPC_U64,
	RPC_UUID,		/* struct rpc_id, 16 bytes from 8-4-4-4-12 */
	RPC_NGUID,		/* struct rpc_id, 16 bytes from 32 digits */
	RPC_EUI64,		/* struct rpc_id, 8 bytes from 16 digits */
	RPC_OBJECT,		/* nested table at the same base */
	RPC_JSON,		/* const json_t *, any object */
	RPC_ARRAY,		/* const json_t *, an array */
	RPC_ONLY_FALSE,		/* a feature not had: only false */
	RPC_ONLY_ZERO,		/* likewise: only 0 */
	RPC_ONLY_NAME,		/* only the string in @only */
	RPC_ONLY_EMPTY,		/* likewise: "" or []; @help says why */
	RPC_HINT,		/* SPDK tuning without a counterpart here */
};

/** struct rpc_id - an identifier that may be absent */
struct rpc_id {
	bool given;
	u8 bytes[16];
};

/**
 * struct rpc_param - one parameter: the decoder and the reference come from it
 * @name: "*" as the last: any other, of any type
 * @required: refuse the call without it
 * @offset: in the method's parameter structure
 * @min: @max: range of numbers; length of strings; both 0: no limit
 * @sub: table of a nested object
 * @only: the one string that RPC_ONLY_NAME accepts
 */
struct rpc_param {
	const char *name;
	enum rpc_type type;
	bool required;
	size_t offset;
	u64 min;
	u64 max;
	const struct rpc_param *sub;
	const char *only;
	const char *help;
};

struct rpc_call;

/**
 * enum rpc_state - when a method may be called
 * @RPC_ALONE: a flag: not in a configuration, as nothing takes it back
 */
enum rpc_state {
	RPC_STARTUP = 1,
	RPC_RUNTIME = 2,
	RPC_ALWAYS = 3,
	RPC_ALONE = 4,
};

/**
 * struct rpc_method - one method
 * @params: table, ended by RPC_END; NULL: takes no parameters
 * @size: of the parameter structure
 * @init: sets defaults before decoding; may refuse with rpc_fail()
 * @handler: runs; ends, at once or later, in rpc_reply() or rpc_fail()
 * @undo: fills the call that takes a successful one back, for configurations:
 *        {"method", "params"}; NULL if there is nothing to take back
 */
struct rpc_method {
	const char *name;
	unsigned int states;
	const struct rpc_param *params;
	size_t size;
	bool (*init)(struct rpc_call *call, void *params, const json_t *raw);
	void (*handler)(struct rpc_call *call, const void *params);
	json_t *(*undo)(const void *params, const json_t *result);
	const char *help;
};

/** rpc_register() - add a table of @n methods; from constructors */
void rpc_register(const struct rpc_method *methods, size_t n);
#define RPC_METHODS(table) \
	__attribute__((constructor)) static void register_##table(void) \
	{ rpc_register(table, ARRAY_SIZE(table)); }

/** rpc_fail_waiting() - who waits for the start hears that it stops instead */
void rpc_fail_waiting(void);

/** rpc_serve() - clients get methods of these rpc_states, and of RPC_ALWAYS */
void rpc_serve(unsigned int states);
/** rpc_started() - do they get those of RPC_RUNTIME? */
bool rpc_started(void);
/** rpc_callable() - do they get this one? */
bool rpc_callable(const struct rpc_method *m);

const struct rpc_method *rpc_method_find(const char *name);
/** rpc_methods() - calls @fn for each method, sorted by name */
void rpc_methods(void (*fn)(void *ctx, const struct rpc_method *m), void *ctx);

/** rpc_reply() - success; steals @result */
void rpc_reply(struct rpc_call *call, json_t *result);
/** rpc_reply_unchanged() - success of a repeated create: nothing to undo */
void rpc_reply_unchanged(struct rpc_call *call, json_t *result);
/**
 * rpc_undo() - what takes the call back, if it succeeds; steals @undo
 * @undo: a call, or an array of several
 * For handlers that replace a value: instead of the method's undo, which does
 * not know what was there before.
 */
void rpc_undo(struct rpc_call *call, json_t *undo);
/** rpc_fail() - an error with @code and words */
__printf(3, 4) void rpc_fail(struct rpc_call *call, int code,
			     const char *fmt, ...);
/** rpc_done() - an nvmf_done that replies true or fails; @ctx is the call */
void rpc_done(void *ctx, int err, const struct weft_reason *why);

/** rpc_call_data() - @size zeroed bytes that live as long as the call */
void *rpc_call_data(struct rpc_call *call, size_t size);

/**
 * enum rpc_how - what is done with a call
 * @RPC_CHECK: its parameters are decoded and checked, and that is all
 * @RPC_GO_ON: it is run, also while the daemon stops: part of something that
 *             has begun, and that the stop waits for
 * @RPC_UNDO: likewise, and it takes such a part back
 */
enum rpc_how { RPC_RUN, RPC_CHECK, RPC_GO_ON, RPC_UNDO };

/**
 * rpc_execute() - run one method
 * @params: borrowed; may be NULL
 * @finished: exactly one of @result and @error is set; borrowed. @undo: what
 *            takes it back, or NULL; borrowed
 */
void rpc_execute(const char *method, json_t *params, enum rpc_how how,
		 void (*finished)(void *ctx, json_t *result, json_t *error,
				  json_t *undo),
		 void *ctx);

/** rpc_in_config() - is the call one of a configuration that is applied? */
bool rpc_in_config(const struct rpc_call *call);

/** rpc_error() - {"code", "message"} */
json_t *rpc_error(int code, const char *message);

/**
 * rpc_decode() - parameters by table into @out
 * Return: true, or false with the reason.
 */
bool rpc_decode(const struct rpc_param *table, const json_t *params, void *out,
		struct weft_reason *why);

/* methods_*.c: the present configuration, as lists of calls into @calls */
void rpc_bdev_config(json_t *calls);
void rpc_nvmf_config(json_t *calls);
/** rpc_limits_config() - of hosts and namespaces; part of the former */
void rpc_limits_config(json_t *calls);

/** rpc_config_call() - {"method": @method, "params": @params}; steals */
json_t *rpc_config_call(const char *method, json_t *params);

/** rpc_absent() - why a method of SPDK is not here, or NULL: never heard of */
const char *rpc_absent(const char *method);
/** rpc_absent_reference() - the table behind it, for the reference */
void rpc_absent_reference(FILE *out);

/**
 * rpc_on_success() - @fn is called after each call that succeeded
 * One watcher; @method is the method's name.
 */
void rpc_on_success(void (*fn)(const char *method));

/** rpc_saved_config() - what save_config answers */
json_t *rpc_saved_config(void);

#endif
