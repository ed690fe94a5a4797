// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The JSON-RPC 2.0 envelope. A batch is served element by element; its answer
 * is one array. As SPDK does, a missing "jsonrpc" member is forgiven, a wrong
 * one is not.
 */
#include <stdlib.h>

#include "target/rpc/dispatch.h"

/**
 * struct dispatch - one JSON text under way
 * @responses: of a batch so far; NULL for a single request
 * @index: element of the batch
 * @id: of the request under way, or NULL for a notification
 * @looping: serve_all() is on the stack and continues by itself
 */
struct dispatch {
	json_t *request;
	json_t *responses;
	json_t *response;
	size_t index;
	json_t *id;
	bool pending;
	bool looping;
	dispatch_done done;
	void *ctx;
};

static void serve_all(struct dispatch *d);

json_t *dispatch_refusal(int code, const char *message)
{
	return json_pack("{s:s, s:n, s:o}", "jsonrpc", "2.0", "id", "error",
			 rpc_error(code, message));
}

static void answer(struct dispatch *d, json_t *response)
{
	d->pending = false;
	if (!response)
		return;
	if (d->responses)
		json_array_append_new(d->responses, response);
	else
		d->response = response;
}

static void method_finished(void *ctx, json_t *result, json_t *error,
			    json_t *undo)
{
	struct dispatch *d = ctx;
	json_t *response = NULL;

	(void)undo;
	if (d->id)
		response = json_pack("{s:s, s:O, s:O}", "jsonrpc", "2.0",
				     "id", d->id, result ? "result" : "error",
				     result ? result : error);
	answer(d, response);
	if (!d->looping)
		serve_all(d);
}

static bool id_valid(const json_t *id)
{
	return !id || json_is_string(id) || json_is_integer(id) ||
	       json_is_null(id);
}

static void refuse_method(struct dispatch *d)
{
	json_t *error = rpc_error(RPC_NO_METHOD,
				  "Method not found: not among --rpcs-allowed");

	method_finished(d, NULL, error, NULL);
	json_decref(error);
}

static void serve_one(struct dispatch *d, json_t *r)
{
	const char *version = json_string_value(json_object_get(r, "jsonrpc"));
	const char *method = json_string_value(json_object_get(r, "method"));

	d->pending = true;
	d->id = json_object_get(r, "id");
	if (!json_is_object(r) || !method || !id_valid(d->id) ||
	    (json_object_get(r, "jsonrpc") &&
	     (!version || strcmp(version, "2.0")))) {
		answer(d, dispatch_refusal(RPC_INVALID_REQUEST,
					   "Invalid request"));
		return;
	}
	if (!rpc_allowed(method)) {
		refuse_method(d);
		return;
	}
	rpc_execute(method, json_object_get(r, "params"), RPC_RUN,
		    method_finished, d);
}

static void finish(struct dispatch *d)
{
	json_t *out = d->responses ? d->responses : d->response;

	if (d->responses && !json_array_size(d->responses))
		out = NULL;	/* nothing but notifications */
	d->done(d->ctx, out);
	json_decref(d->responses);
	json_decref(d->response);
	json_decref(d->request);
	free(d);
}

/* Methods may end at once or later; recursion would be as deep as a batch. */
static void serve_all(struct dispatch *d)
{
	size_t n = d->responses ? json_array_size(d->request) : 1;

	d->looping = true;
	while (!d->pending && d->index < n) {
		serve_one(d, d->responses ?
			  json_array_get(d->request, d->index) : d->request);
		d->index++;
	}
	d->looping = false;
	if (!d->pending)
		finish(d);
}

void dispatch(json_t *request, dispatch_done done, void *ctx)
{
	struct dispatch *d = calloc(1, sizeof(*d));
	json_t *refusal = NULL;

	if (!d)
		refusal = dispatch_refusal(-ENOMEM, "no memory");
	else if (json_is_array(request) && !json_array_size(request))
		refusal = dispatch_refusal(RPC_INVALID_REQUEST,
					   "Invalid request");
	if (refusal) {
		free(d);
		done(ctx, refusal);
		json_decref(refusal);
		return;
	}
	d->request = json_incref(request);
	d->responses = json_is_array(request) ? json_array() : NULL;
	d->done = done;
	d->ctx = ctx;
	serve_all(d);
}
