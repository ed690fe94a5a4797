// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Fused Compare and Write: two commands that follow each other on one queue
 * and are carried out as one (base specification 2.0, 3.4.2). The first is
 * kept until the second arrives; the data of both is fetched; then the blocks
 * are locked on all reactors, compared, and written only if they are equal. On
 * the queue pair's reactor.
 *
 * The data of the first is fetched at once if it comes behind its capsule on a
 * stream: it has to be read before the second can be. Else both are begun
 * together, so that no first half holds buffers that others' second halves wait
 * for.
 */
#include <stdlib.h>

#include "target/nvmf/io.h"

/** struct fused - a pair that is being carried out */
struct fused {
	struct nvmf_request *first;
	struct nvmf_request *second;
	struct nvmf_lock *lock;
};

static void both(struct nvmf_request *first, nvme_status st1,
		 struct nvmf_request *second, nvme_status st2)
{
	first->pair = NULL;
	second->pair = NULL;
	nvmf_request_complete(first, st1);
	nvmf_request_complete(second, st2);
}

/* Pairing */

static bool same_blocks(const struct nvmf_request *a,
			const struct nvmf_request *b)
{
	return a->nsch == b->nsch && a->lba == b->lba && a->blocks == b->blocks;
}

static void pair(struct nvmf_request *first, struct nvmf_request *second)
{
	const nvme_status failed = NVME_DNR(NVME_SC_FUSED_FAILED);

	if (second->early) {
		both(first, failed, second, second->early);
		return;
	}
	if (!same_blocks(first, second)) {
		nvmf_request_bad(second, NVMF_LOC_CDW10, 0);
		both(first, NVME_DNR(NVME_SC_INVALID_FIELD), second,
		     NVME_DNR(NVME_SC_INVALID_FIELD));
		return;
	}
	first->pair = second;
	second->pair = first;
	second->urgent = true;
	if (!first->begun)
		nvmf_request_begin(first);
	nvmf_request_begin(second);
}

static nvme_status check_size(struct nvmf_request *req, nvme_status st)
{
	if (!st && req->length > nvmf_fused_bytes(&req->qpair->opts))
		st = nvmf_request_bad(req, NVMF_LOC_CDW12,
				      NVME_DNR(NVME_SC_ATOMIC_WRITE_UNIT));
	return st;
}

static void start_first(struct nvmf_request *first)
{
	first->qpair->fused = first;
	if (first->early) {
		nvmf_request_complete(first, first->early);
	} else if (first->sgl.place == NVME_SGL_PLACE_CAPSULE &&
		   !first->capsule_data) {
		first->begun = true;
		nvmf_request_begin(first);
	}
}

bool nvmf_fused_start(struct nvmf_request *req, nvme_status st)
{
	struct nvmf_qpair *q = req->qpair;
	struct nvmf_request *first = q->fused;
	nvme_status alone = q->fused_failed ? NVME_SC_FUSED_FAILED :
					      NVME_SC_FUSED_MISSING;

	/* admin queues have no fused operations: the checks refuse them */
	if (!q->qid)
		return false;
	q->fused = NULL;
	q->fused_failed = false;
	req->half = req->cmd->sqe.flags & NVME_SQE_FUSE_MASK;
	if (first && req->half != NVME_FUSE_SECOND)
		nvmf_request_complete(first, NVME_DNR(NVME_SC_FUSED_MISSING));
	if (!req->half)
		return false;
	req->early = check_size(req, st);
	if (req->half == NVME_FUSE_FIRST)
		start_first(req);
	else if (req->half == NVME_FUSE_SECOND && first)
		pair(first, req);
	else
		nvmf_request_complete(req, req->early ? req->early :
							NVME_DNR(alone));
	return true;
}

void nvmf_fused_alone(struct nvmf_qpair *q)
{
	struct nvmf_request *first = q->fused;

	/* one that the transport has is ended by it */
	if (!first || nvmf_fused_fetching(first))
		return;
	q->fused = NULL;
	nvmf_request_complete(first, NVME_SC_ABORT_SQ_DELETED);
}

void nvmf_fused_broken(struct nvmf_request *req)
{
	struct nvmf_request *other = req->pair;
	struct nvmf_qpair *q = req->qpair;

	if (q->fused == req) {
		q->fused = NULL;
		q->fused_failed = true;
	}
	if (!other)
		return;
	req->pair = NULL;
	other->pair = NULL;
	other->orphan = true;
	if (other->ready)
		nvmf_request_complete(other, NVME_DNR(NVME_SC_FUSED_FAILED));
}

/* Carrying out */

static void end(struct fused *f, nvme_status st1, nvme_status st2)
{
	struct nvmf_request *first = f->first, *second = f->second;

	nvmf_lock_release(f->lock);
	free(f);
	both(first, st1, second, st2);
}

static void written(struct nvmf_request *second)
{
	end(second->pair->fused, NVME_SC_SUCCESS, NVME_SC_SUCCESS);
}

static void write_done(struct bdev_io *io, int err)
{
	struct nvmf_request *second = nvmf_io_ended(io);

	if (err)
		end(second->pair->fused, NVME_SC_SUCCESS,
		    nvmf_io_status(second, err));
	else
		nvmf_io_written(second, second->lba, second->blocks, written);
}

static void compared(struct nvmf_request *first)
{
	struct nvmf_request *second = first->pair;
	struct nvmf_sgroup *sg = second->nsch->sgroup;

	if (first->early) {
		end(first->fused, first->early, NVME_DNR(NVME_SC_FUSED_FAILED));
		return;
	}
	sg->writes++;
	sg->written_bytes += second->length;
	nvmf_io_submit(second, BDEV_WRITE, second->iov, second->iovcnt,
		       second->lba, second->blocks, write_done);
}

/* Much may have changed while it waited */
static nvme_status admit(const struct fused *f)
{
	nvme_status st;

	if (f->first->qpair->state >= NVMF_QPAIR_CLOSING)
		return NVME_SC_ABORT_SQ_DELETED;
	st = nvmf_io_admit(f->first);
	return st ? st : nvmf_io_admit(f->second);
}

static void locked(void *ctx)
{
	struct fused *f = ctx;
	nvme_status st = admit(f);

	if (st) {
		end(f, st, st);
		return;
	}
	f->first->active = true;
	f->second->active = true;
	nvmf_compare(f->first, compared);
}

static void execute(struct nvmf_request *first, struct nvmf_request *second)
{
	struct fused *f = calloc(1, sizeof(*f));

	if (f) {
		f->first = first;
		f->second = second;
		f->lock = nvmf_lock_take(first, locked, f);
	}
	if (!f || !f->lock) {
		free(f);
		both(first, NVME_SC_INTERNAL, second,
		     NVME_DNR(NVME_SC_FUSED_FAILED));
		return;
	}
	first->fused = f;
}

void nvmf_fused_execute(struct nvmf_request *req)
{
	struct nvmf_request *other = req->pair;

	if (req->orphan) {
		nvmf_request_complete(req, NVME_DNR(NVME_SC_FUSED_FAILED));
		return;
	}
	req->ready = true;
	if (!other || !other->ready)
		return;
	/* not later: others would wait for what they lock */
	if (nvmf_throttle_holds(req) || nvmf_throttle_holds(other))
		return;
	if (req->cmd->sqe.opcode == NVME_CMD_COMPARE)
		execute(req, other);
	else
		execute(other, req);
}
