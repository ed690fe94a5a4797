// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Waiting until the commands that are touching a namespace have ended: what a
 * change does on each poll group after it has made sure that no new ones begin.
 * Commands that still wait for their data do not count, for they are checked
 * again before they touch anything. On the poll group's reactor.
 */
#include "target/nvmf/io.h"

void nvmf_wait_begin(struct nvmf_group *g, struct nvmf_wait *w)
{
	struct nvmf_request *req;
	struct nvmf_qpair *q;

	w->remaining = 0;
	TAILQ_FOREACH(q, &g->core->qpairs, link)
		TAILQ_FOREACH(req, &q->requests, qlink)
			if (req->active && w->match(w, req))
				w->remaining++;
	if (w->remaining)
		TAILQ_INSERT_TAIL(&g->core->waits, w, link);
	else
		w->done(w->ctx);
}

void nvmf_wait_ended(struct nvmf_group_core *core,
		     const struct nvmf_request *req)
{
	struct nvmf_wait *w, *next;

	for (w = TAILQ_FIRST(&core->waits); w; w = next) {
		next = TAILQ_NEXT(w, link);
		if (!w->match(w, req) || --w->remaining)
			continue;
		TAILQ_REMOVE(&core->waits, w, link);
		w->done(w->ctx);
	}
}
