// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The registry of RPC methods and the life of one call: find, check state,
 * decode, run, and hand the outcome to whoever asked (a client of the server,
 * or a configuration that is being applied).
 */
#include <stdlib.h>

#include "target/rpc/rpc.h"

#define MAX_METHODS 256

static const struct rpc_method *methods[MAX_METHODS];
static size_t nmethods;
static unsigned int served = RPC_STARTUP;

/* Calls under way, and who wants to know when there are none */
static unsigned int ncalls;
static bool stopping;
static reactor_fn stop_done;
static void *stop_ctx;

struct call_data {
	struct call_data *next;
	max_align_t bytes[];
};

/**
 * struct rpc_call - one call under way
 * @how: what is done with it
 * @raw: keeps the parameters' strings alive
 * @data: what the handler asked for, freed with the call
 */
struct rpc_call {
	const struct rpc_method *method;
	enum rpc_how how;
	json_t *raw;
	void *params;
	struct call_data *data;
	json_t *undo;
	void (*finished)(void *ctx, json_t *result, json_t *error,
			 json_t *undo);
	void *ctx;
};

static int by_name(const void *a, const void *b)
{
	const struct rpc_method *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

void rpc_register(const struct rpc_method *table, size_t n)
{
	size_t i;

	for (i = 0; i < n && nmethods < MAX_METHODS; i++)
		methods[nmethods++] = &table[i];
	qsort(methods, nmethods, sizeof(methods[0]), by_name);
}

const struct rpc_method *rpc_method_find(const char *name)
{
	const struct rpc_method key = { .name = name }, *k = &key, **hit;

	hit = bsearch(&k, methods, nmethods, sizeof(methods[0]), by_name);
	return hit ? *hit : NULL;
}

void rpc_methods(void (*fn)(void *ctx, const struct rpc_method *m), void *ctx)
{
	size_t i;

	for (i = 0; i < nmethods; i++)
		fn(ctx, methods[i]);
}

/* The methods that clients may call; NULL: all */
static const char *allowed;

bool rpc_allowed(const char *method)
{
	size_t n = strlen(method);
	const char *at = allowed;

	while (at && *at) {
		if (!strncmp(at, method, n) && (!at[n] || at[n] == ','))
			return true;
		at = strchr(at, ',');
		at += at != NULL;
	}
	return !allowed;
}

int rpc_allow_only(const char *list, struct weft_reason *why)
{
	char name[64];
	const char *at;
	size_t n;

	for (at = list; *at; at += n + (at[n] == ',')) {
		n = strcspn(at, ",");
		snprintf(name, sizeof(name), "%.*s", (int)n, at);
		if (n >= sizeof(name) || !rpc_method_find(name))
			return weft_fail(why, -EINVAL,
					 "--rpcs-allowed %.60s: there is no method of that name",
					 name);
	}
	allowed = list;
	return 0;
}

void rpc_serve(unsigned int states)
{
	served = states;
}

bool rpc_started(void)
{
	return served & RPC_RUNTIME;
}

bool rpc_callable(const struct rpc_method *m)
{
	return (m->states & RPC_ALWAYS) == RPC_ALWAYS || m->states & served;
}

/* Bytes of the UTF-8 character at @s, which ends in NUL; 0: there is none. */
static size_t character(const char *s)
{
	u8 c = (u8)s[0];
	size_t i, n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 :
		      c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
	u8 next = n > 1 ? (u8)s[1] : 0;

	for (i = 1; i < n; i++)
		if (((u8)s[i] & 0xc0) != 0x80)
			return 0;
	/* longer than need be, surrogates, above U+10FFFF */
	if ((c == 0xe0 && next < 0xa0) || (c == 0xed && next >= 0xa0) ||
	    (c == 0xf0 && next < 0x90) || (c == 0xf4 && next >= 0x90))
		return 0;
	return n;
}

/* Words may be cut within a character, or quote a peer: drop what is none. */
static json_t *readable(const char *words)
{
	char *copy = malloc(strlen(words) + 1), *at = copy;
	json_t *j;
	size_t n;

	for (; copy && *words; words += n ? n : 1) {
		n = character(words);
		memcpy(at, words, n);
		at += n;
	}
	j = copy ? json_stringn(copy, (size_t)(at - copy)) : NULL;
	free(copy);
	return j ? j : json_string("error");
}

json_t *rpc_error(int code, const char *message)
{
	return json_pack("{s:i, s:o}", "code", code, "message",
			 readable(message));
}

static void call_free(struct rpc_call *call)
{
	struct call_data *d;

	while ((d = call->data)) {
		call->data = d->next;
		free(d);
	}
	json_decref(call->raw);
	json_decref(call->undo);
	free(call->params);
	free(call);
	if (!--ncalls && stop_done)
		reactor_send(reactor_self(), stop_done, stop_ctx);
}

void rpc_end_waits(void)
{
	stopping = true;
	rpc_fail_waiting();
}

void rpc_stop(reactor_fn done, void *ctx)
{
	rpc_end_waits();
	stop_done = done;
	stop_ctx = ctx;
	if (!ncalls)
		reactor_send(reactor_self(), done, ctx);
}

bool rpc_stopping(void)
{
	return stopping;
}

static void (*on_success)(const char *method);

void rpc_on_success(void (*fn)(const char *method))
{
	on_success = fn;
}

static void call_end(struct rpc_call *call, json_t *result, json_t *error,
		     json_t *undo)
{
	if (result && on_success)
		on_success(call->method->name);
	call->finished(call->ctx, result, error, undo);
	json_decref(result);
	json_decref(error);
	json_decref(undo);
	call_free(call);
}

void rpc_reply(struct rpc_call *call, json_t *result)
{
	json_t *undo = json_incref(call->undo);

	if (!undo && call->method->undo)
		undo = call->method->undo(call->params, result);
	call_end(call, result, NULL, undo);
}

void rpc_undo(struct rpc_call *call, json_t *undo)
{
	json_decref(call->undo);
	call->undo = undo;
}

void rpc_reply_unchanged(struct rpc_call *call, json_t *result)
{
	call_end(call, result, NULL, NULL);
}

void rpc_fail(struct rpc_call *call, int code, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	call_end(call, NULL, rpc_error(code, text), NULL);
}

void rpc_done(void *ctx, int err, const struct weft_reason *why)
{
	struct rpc_call *call = ctx;

	if (err)
		rpc_fail(call, err, "%s", why && why->text[0] ? why->text :
			 strerror(-err));
	else
		rpc_reply(call, json_true());
}

bool rpc_in_config(const struct rpc_call *call)
{
	return call->how == RPC_CHECK || call->how == RPC_GO_ON;
}

void *rpc_call_data(struct rpc_call *call, size_t size)
{
	struct call_data *d = calloc(1, sizeof(*d) + size);

	if (!d)
		return NULL;
	d->next = call->data;
	call->data = d;
	return d->bytes;
}

static const struct rpc_param no_params[] = { { .type = RPC_END } };

static void run(struct rpc_call *call)
{
	const struct rpc_method *m = call->method;
	struct weft_reason why = { "" };

	if (!m->params && call->raw && json_object_size(call->raw)) {
		rpc_fail(call, RPC_INVALID_PARAMS,
			 "%s method requires no parameters", m->name);
		return;
	}
	if (m->init && !m->init(call, call->params, call->raw))
		return;
	/* SPDK answers -32603 to parameters it cannot decode */
	if (!rpc_decode(m->params ? m->params : no_params, call->raw,
			call->params, &why)) {
		rpc_fail(call, RPC_INTERNAL, "%s", why.text);
		return;
	}
	if (call->how == RPC_CHECK)
		call_end(call, json_true(), NULL, NULL);
	else
		m->handler(call, call->params);
}

static const char *state_problem(const struct rpc_method *m, enum rpc_how how)
{
	if (stopping && (how == RPC_RUN || how == RPC_CHECK))
		return "the daemon is stopping";
	if (how == RPC_CHECK && m->states & RPC_ALONE)
		return "not in a configuration: nothing could take it back if a later call failed";
	/* configurations come when the target runs */
	if (how == RPC_RUN ? rpc_callable(m) : m->states & RPC_RUNTIME)
		return NULL;
	if (m->states & RPC_RUNTIME)
		return "Method may only be called after framework is initialized using framework_start_init RPC.";
	if (!served)
		return "the start is under way already";
	return "Method may only be called before framework is initialized. "
	       "Start the daemon with --wait-for-rpc and call it before framework_start_init.";
}

static const char *no_method(const char *method)
{
	static char words[160];
	const char *reason = rpc_absent(method);

	if (!reason)
		return "Method not found";
	snprintf(words, sizeof(words), "Method not found: %s", reason);
	return words;
}

void rpc_execute(const char *method, json_t *params, enum rpc_how how,
		 void (*finished)(void *ctx, json_t *result, json_t *error,
				  json_t *undo),
		 void *ctx)
{
	const struct rpc_method *m = rpc_method_find(method);
	const char *problem = m ? state_problem(m, how) : no_method(method);
	struct rpc_call *call;
	json_t *error;

	if (problem) {
		error = rpc_error(m ? RPC_INVALID_STATE : RPC_NO_METHOD,
				  problem);
		finished(ctx, NULL, error, NULL);
		json_decref(error);
		return;
	}
	call = calloc(1, sizeof(*call));
	if (call)
		call->params = calloc(1, m->size ? m->size : 1);
	if (!call || !call->params) {
		free(call);
		error = rpc_error(-ENOMEM, "no memory for the call");
		finished(ctx, NULL, error, NULL);
		json_decref(error);
		return;
	}
	ncalls++;
	call->method = m;
	call->how = how;
	call->raw = json_incref(params);
	call->finished = finished;
	call->ctx = ctx;
	run(call);
}
