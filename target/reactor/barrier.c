// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * One visit after another to all reactors, then back to the one that asked.
 * The visit's state travels with the message, so it has one owner at a time.
 */
#include <stdlib.h>

#include "target/reactor/internal.h"

struct visit {
	struct reactor *origin;
	unsigned int at;
	reactor_fn fn;
	void *ctx;
	reactor_fn done;
};

static void visit_end(void *arg)
{
	struct visit *v = arg;
	reactor_fn done = v->done;
	void *ctx = v->ctx;

	free(v);
	if (done)
		done(ctx);
}

static void visit_step(void *arg)
{
	struct visit *v = arg;

	v->fn(v->ctx);
	if (++v->at < reactor_count())
		reactor_send(reactor_get(v->at), visit_step, v);
	else
		reactor_send(v->origin, visit_end, v);
}

void reactor_for_each(reactor_fn fn, void *ctx, reactor_fn done)
{
	struct visit *v = reactor_xalloc(sizeof(*v));

	v->origin = reactor_here(__func__);
	v->fn = fn;
	v->ctx = ctx;
	v->done = done;
	reactor_send(reactor_get(0), visit_step, v);
}
