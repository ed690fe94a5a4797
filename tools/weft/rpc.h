/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Calls to weft-target over its UNIX socket.
 */
#ifndef WEFT_TOOLS_RPC_H
#define WEFT_TOOLS_RPC_H

#include "tools/weft/cli.h"

/* Codes of JSON-RPC and of SPDK that are no errno. */
#define RPC_INVALID_STATE	(-1)

/**
 * struct rpc_error - what the target answered instead of a result
 * @code: 0: the target did not answer at all, and stderr says why
 */
struct rpc_error {
	int code;
	char message[1024];
};

/** rpc_socket() - path of the target's socket for this command line */
const char *rpc_socket(const struct cli_args *a);

/**
 * rpc_try() - one call
 * @params: taken; NULL for none
 * @result: set on success, the caller's to release; may be NULL
 * @err: what was answered otherwise; nothing is printed about that
 *
 * Return: an enum cli_exit.
 */
int rpc_try(const struct cli_args *a, const char *method, json_t *params,
	    json_t **result, struct rpc_error *err);

/** rpc_call() - as rpc_try(), but a refusal is printed */
int rpc_call(const struct cli_args *a, const char *method, json_t *params,
	     json_t **result);

/**
 * rpc_show() - what a call has answered, as a listing, or with --json as it is
 * @rc: what the call has returned; nothing is printed if that is an error
 * @result: an array, taken; NULL if there is none
 * @t: the empty listing; printed or freed
 * @row: adds an element to it
 *
 * Return: @rc, or what printing came to.
 */
int rpc_show(const struct cli_args *a, int rc, json_t *result, struct table *t,
	     void (*row)(struct table *t, const json_t *x));

/** rpc_stop() - ask the target to end and wait until it has */
int rpc_stop(const struct cli_args *a);

/** rpc_options() - add to @params what options with an RPC name say */
void rpc_options(const struct cli_args *a, json_t *params);

/** rpc_str() / rpc_num() / rpc_flag() - a member of @j, or "" / 0 / false */
const char *rpc_str(const json_t *j, const char *key);
u64 rpc_num(const json_t *j, const char *key);
bool rpc_flag(const json_t *j, const char *key);

#endif
