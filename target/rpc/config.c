// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Saved configurations: applied as a whole or refused, and read back. A
 * configuration is a list of method calls grouped by subsystem, as SPDK's
 * client saves it.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "target/rpc/rpc.h"

/*
 * SPDK saves its bdevs module by module, so one may come before the one that it
 * stands on; there it waits for its base. Here such a call is put behind the one
 * that makes the base.
 */
static const struct {
	const char *method;
	const char *base;
} stacked[] = {
	{ "bdev_passthru_create", "base_bdev_name" },
	{ "bdev_delay_create", "base_bdev_name" },
	{ "bdev_split_create", "base_bdev" },
	{ "bdev_error_create", "base_name" },
};

struct step {
	const char *method;
	json_t *params;
	unsigned int subsystem;
	unsigned int index;
};

/**
 * struct apply - a configuration on its way
 * @undo: calls that take back what was done, in order of doing
 * @err: set once something failed; then the undo list is run backwards
 * @running: next() is on the stack and continues by itself
 * @link: in the order in which they came; the first one is under way
 */
struct apply {
	json_t *config;
	struct step *steps;
	size_t nsteps;
	size_t at;
	json_t *undo;
	int err;
	struct weft_reason why;
	bool pending;
	bool running;
	rpc_config_done done;
	void *ctx;
	TAILQ_ENTRY(apply) link;
};

/*
 * One at a time: what one of them made, and would take back if it failed, is not
 * to be found as already there by another.
 */
static TAILQ_HEAD(, apply) applies = TAILQ_HEAD_INITIALIZER(applies);

json_t *rpc_config_load(const char *file, struct weft_reason *why)
{
	json_error_t err;
	json_t *config;

	errno = 0;
	config = json_load_file(file, JSON_REJECT_DUPLICATES, &err);
	if (!config && err.line < 0)
		weft_fail(why, -EINVAL, "%s: %s", file,
			  strerror(errno ? errno : EIO));
	else if (!config)
		weft_fail(why, -EINVAL, "%s: line %d, column %d: %s", file,
			  err.line, err.column, err.text);
	return config;
}

static int fail_at(struct apply *a, const struct step *s, int err,
		   const char *text)
{
	a->err = err;
	return weft_fail(&a->why, err, "subsystems[%u].config[%u] %s: %s",
			 s->subsystem, s->index, s->method ? s->method : "",
			 text);
}

static int add_step(struct apply *a, json_t *call, unsigned int subsystem,
		    unsigned int index)
{
	struct step *s, *steps;

	steps = realloc(a->steps, (a->nsteps + 1) * sizeof(*steps));
	if (!steps)
		return weft_fail(&a->why, -ENOMEM, "no memory");
	a->steps = steps;
	s = &steps[a->nsteps];
	s->method = json_string_value(json_object_get(call, "method"));
	s->params = json_object_get(call, "params");
	s->subsystem = subsystem;
	s->index = index;
	if (!s->method)
		return fail_at(a, s, -EINVAL, "\"method\" is missing");
	a->nsteps++;
	return 0;
}

/* Name of the bdev that @s needs before it, or NULL */
static const char *step_needs(const struct step *s)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(stacked); i++)
		if (!strcmp(s->method, stacked[i].method))
			return json_string_value(json_object_get(s->params,
							 stacked[i].base));
	return NULL;
}

/* Does @s make the bdev @name? */
static bool step_makes(const struct step *s, const char *name)
{
	const char *own = json_string_value(json_object_get(s->params, "name"));
	const char *base = step_needs(s);
	size_t n = base ? strlen(base) : 0;

	if (strncmp(s->method, "bdev_", 5) || !strstr(s->method, "_create"))
		return false;
	if (own)
		return !strcmp(own, name);
	if (!base)
		return false;
	if (!strcmp(s->method, "bdev_error_create"))
		return !strncmp(name, "EE_", 3) && !strcmp(name + 3, base);
	return !strncmp(name, base, n) && name[n] == 'p';
}

/* Where the call stands that makes what step @i needs; @i: there is none. */
static size_t step_maker(const struct apply *a, size_t i)
{
	const char *needs = step_needs(&a->steps[i]);
	size_t k;

	for (k = 0; needs && k < a->nsteps; k++)
		if (k != i && step_makes(&a->steps[k], needs))
			return k;
	return i;
}

/* Does what step @i stands on stand, sooner or later, on step @i? */
static bool step_circular(const struct apply *a, size_t i)
{
	size_t at = i, below = step_maker(a, i), hops;

	for (hops = 0; below != at && hops < a->nsteps; hops++) {
		if (below == i)
			return true;
		at = below;
		below = step_maker(a, at);
	}
	return false;
}

/*
 * A step moves as often as there are steps that it stands on, at most. One of a
 * circle stays where it is, and is refused for what is missing.
 */
static void order_steps(struct apply *a)
{
	size_t i, to, moves = a->nsteps * a->nsteps;
	struct step s;

	for (i = 0; i < a->nsteps; i++) {
		for (; moves && (to = step_maker(a, i)) > i &&
		       !step_circular(a, i); moves--) {
			s = a->steps[i];
			memmove(&a->steps[i], &a->steps[i + 1],
				(to - i) * sizeof(s));
			a->steps[to] = s;
		}
	}
}

static int flatten(struct apply *a)
{
	json_t *subsystems = json_object_get(a->config, "subsystems");
	json_t *subsystem, *calls, *call;
	size_t i, k;
	int rc;

	if (!json_is_array(subsystems))
		return weft_fail(&a->why, -EINVAL,
				 "\"subsystems\": an array is expected");
	json_array_foreach(subsystems, i, subsystem) {
		calls = json_object_get(subsystem, "config");
		if (!calls || json_is_null(calls))
			continue;
		if (!json_is_array(calls))
			return weft_fail(&a->why, -EINVAL,
					 "subsystems[%zu].config: an array is expected",
					 i);
		json_array_foreach(calls, k, call) {
			rc = add_step(a, call, i, k);
			if (rc)
				return rc;
		}
	}
	return 0;
}

static int error_number(const json_t *error)
{
	json_int_t code = json_integer_value(json_object_get(error, "code"));

	/* JSON-RPC's own codes are no errno: all of them mean bad input */
	return code < 0 && code > -4096 ? (int)code : -EINVAL;
}

static void checked(void *ctx, json_t *result, json_t *error, json_t *undo)
{
	struct apply *a = ctx;

	(void)result;
	(void)undo;
	if (error)
		fail_at(a, &a->steps[a->at], error_number(error),
			json_string_value(json_object_get(error, "message")));
}

static void run(struct apply *a);

static void undone(void *ctx, json_t *result, json_t *error, json_t *undo)
{
	struct apply *a = ctx;

	(void)result;
	(void)undo;
	if (error)
		log_error("config: taking back failed: %s",
			  json_string_value(json_object_get(error, "message")));
	a->pending = false;
	if (!a->running)
		run(a);
}

static void executed(void *ctx, json_t *result, json_t *error, json_t *undo)
{
	struct apply *a = ctx;

	size_t n = json_array_size(undo);

	checked(a, result, error, undo);
	if (json_is_object(undo))
		json_array_append(a->undo, undo);
	/* several are done in their order, and so are the last to come first */
	while (n)
		json_array_append(a->undo, json_array_get(undo, --n));
	a->at++;
	a->pending = false;
	if (!a->running)
		run(a);
}

static void begin(void *apply);

static void finish(struct apply *a)
{
	TAILQ_REMOVE(&applies, a, link);
	if (!TAILQ_EMPTY(&applies))
		reactor_send(reactor_self(), begin, TAILQ_FIRST(&applies));
	a->done(a->ctx, a->err, &a->why);
	json_decref(a->undo);
	json_decref(a->config);
	free(a->steps);
	free(a);
}

/* One call of the undo list, the latest first; false when it is empty. */
static bool undo_one(struct apply *a)
{
	size_t n = json_array_size(a->undo);
	json_t *call;

	if (!n)
		return false;
	call = json_incref(json_array_get(a->undo, n - 1));
	json_array_remove(a->undo, n - 1);
	a->pending = true;
	rpc_execute(json_string_value(json_object_get(call, "method")),
		    json_object_get(call, "params"), RPC_UNDO, undone, a);
	json_decref(call);
	return true;
}

static void run(struct apply *a)
{
	bool more = true;

	a->running = true;
	while (!a->pending && more) {
		if (a->err) {
			more = undo_one(a);
		} else if (a->at < a->nsteps) {
			a->pending = true;
			rpc_execute(a->steps[a->at].method,
				    a->steps[a->at].params, RPC_GO_ON,
				    executed, a);
		} else {
			more = false;
		}
	}
	a->running = false;
	if (!a->pending)
		finish(a);
}

static void begin(void *apply)
{
	struct apply *a = apply;

	a->err = flatten(a);
	if (!a->err)
		order_steps(a);
	for (a->at = 0; !a->err && a->at < a->nsteps; a->at++)
		rpc_execute(a->steps[a->at].method, a->steps[a->at].params,
			    RPC_CHECK, checked, a);
	a->at = 0;
	run(a);
}

void rpc_config_apply(json_t *config, rpc_config_done done, void *ctx)
{
	struct apply *a = calloc(1, sizeof(*a));
	struct weft_reason why;

	if (!a) {
		done(ctx, weft_fail(&why, -ENOMEM, "no memory"), &why);
		return;
	}
	a->config = json_incref(config);
	a->undo = json_array();
	a->done = done;
	a->ctx = ctx;
	TAILQ_INSERT_TAIL(&applies, a, link);
	if (TAILQ_FIRST(&applies) == a)
		begin(a);
}

json_t *rpc_config_call(const char *method, json_t *params)
{
	return json_pack("{s:s, s:o}", "method", method, "params", params);
}
