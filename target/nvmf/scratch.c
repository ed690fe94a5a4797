// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Memory for commands that read blocks without sending them: Compare, Verify,
 * Copy. Each poll group gives out a limited amount, so that no host can make
 * the daemon grow; who gets none waits in order. Whoever holds some never waits
 * for anything but the device. On the poll group's reactor.
 */
#include <stdlib.h>

#include "target/nvmf/io.h"

/* scratch_bytes is what counts: users may shorten the iovec */
static bool give(struct nvmf_group_core *core, struct nvmf_request *req)
{
	size_t bytes = req->scratch_bytes;

	if (core->scratch_used && core->scratch_used + bytes >
				  NVMF_SCRATCH_BYTES)
		return false;
	if (posix_memalign(&req->scratch.iov_base, NVMF_IO_ALIGN, bytes)) {
		req->scratch.iov_base = NULL;
		return false;
	}
	req->scratch.iov_len = bytes;
	core->scratch_used += bytes;
	return true;
}

static void got_later(void *ctx)
{
	struct nvmf_request *req = ctx;

	req->got(req);
}

/* Half of a pair has locked its blocks by now: it ends where the pair does */
static void end(struct nvmf_request *req, nvme_status st)
{
	if (!req->half) {
		nvmf_request_complete(req, st);
		return;
	}
	req->early = st;
	req->next(req);
}

/* Who waits is served by whoever gives some back: by nobody, if none has any */
static void serve(struct nvmf_group_core *core)
{
	struct nvmf_request *next;
	bool given;

	while ((next = TAILQ_FIRST(&core->scratch_waits))) {
		given = give(core, next);
		if (!given && core->scratch_used)
			return;
		TAILQ_REMOVE(&core->scratch_waits, next, link);
		if (given)
			reactor_send(reactor_self(), got_later, next);
		else
			end(next, NVME_SC_INTERNAL);
	}
}

void nvmf_scratch_get(struct nvmf_request *req, size_t bytes,
		      void (*got)(struct nvmf_request *req))
{
	struct nvmf_group_core *core = req->qpair->group->core;

	req->scratch_bytes = bytes;
	req->got = got;
	if (TAILQ_EMPTY(&core->scratch_waits) && give(core, req)) {
		got(req);
	} else if (!core->scratch_used) {
		/* nobody will give any back, so there is no point in waiting */
		end(req, NVME_SC_INTERNAL);
	} else {
		req->scratch.iov_base = NULL;
		core->io_waits[NVMF_WAIT_MEMORY]++;
		TAILQ_INSERT_TAIL(&core->scratch_waits, req, link);
	}
}

void nvmf_scratch_put(struct nvmf_request *req)
{
	struct nvmf_group_core *core = req->qpair->group->core;

	free(req->scratch.iov_base);
	req->scratch.iov_base = NULL;
	core->scratch_used -= req->scratch_bytes;
	serve(core);
}

bool nvmf_scratch_abort(struct nvmf_request *req)
{
	struct nvmf_group_core *core = req->qpair->group->core;
	struct nvmf_request *at;

	TAILQ_FOREACH(at, &core->scratch_waits, link) {
		if (at == req) {
			TAILQ_REMOVE(&core->scratch_waits, req, link);
			end(req, NVME_DNR(NVME_SC_ABORT_REQUESTED));
			return true;
		}
	}
	return false;
}
