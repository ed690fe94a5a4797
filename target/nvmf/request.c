// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * A request's way through nvmf: which command it is, the checks that are the
 * same for all, where its data goes, and its one end. Called by transports; on
 * the queue pair's reactor.
 *
 * Parse, then execute: nothing is transferred before every check that does not
 * need the data has passed. A refused command names the offending field in the
 * controller's error log.
 */
#include "common/queue.h"
#include "target/nvmf/io.h"

static const struct nvmf_command connect_command = {
	"Connect", NVME_XFER_HOST_TO_CTRL, NVMF_CMD_DISC,
	nvmf_connect_cmd_parse, nvmf_connect_execute,
};

static const struct nvmf_command property_set = {
	"Property Set", NVME_XFER_NONE, NVMF_CMD_DISC, NULL,
	nvmf_property_set_execute,
};

static const struct nvmf_command property_get = {
	"Property Get", NVME_XFER_NONE, NVMF_CMD_DISC, NULL,
	nvmf_property_get_execute,
};

nvme_status nvmf_request_bad(struct nvmf_request *req, u16 loc, nvme_status st)
{
	req->error_loc = loc;
	return st;
}

/* Which command */

static const struct nvmf_command *fabrics_command(u8 fctype, bool admin)
{
	if (fctype == NVMF_FC_CONNECT)
		return &connect_command;
	if (admin && fctype == NVMF_FC_PROPERTY_SET)
		return &property_set;
	if (admin && fctype == NVMF_FC_PROPERTY_GET)
		return &property_get;
	return NULL;
}

static const struct nvmf_command *row(const struct nvmf_command *table,
				      size_t rows, u8 opcode)
{
	return opcode < rows && table[opcode].name ? &table[opcode] : NULL;
}

static const struct nvmf_command *find_command(const struct nvmf_request *req)
{
	const struct nvmf_qpair *q = req->qpair;
	const struct nvmf_command *cmd;
	u8 opcode = req->cmd->sqe.opcode;

	if (opcode == NVME_OPC_FABRICS)
		return fabrics_command(req->cmd->fabrics.fctype, !q->qid);
	if (q->qid)
		return row(nvmf_io_commands, NVMF_IO_COMMANDS, opcode);
	cmd = row(nvmf_admin_commands, NVMF_ADMIN_COMMANDS, opcode);
	if (cmd && q->ctrlr->discovery && !(cmd->flags & NVMF_CMD_DISC))
		return NULL;
	return cmd;
}

/* May this queue take this command now? */
static nvme_status check_state(const struct nvmf_request *req)
{
	const struct nvmf_qpair *q = req->qpair;
	bool fabrics = req->cmd->sqe.opcode == NVME_OPC_FABRICS;

	if (q->state >= NVMF_QPAIR_CLOSING)
		return NVME_SC_ABORT_SQ_DELETED;
	if (q->state != NVMF_QPAIR_ENABLED)
		return fabrics && req->cmd->fabrics.fctype == NVMF_FC_CONNECT ?
			NVME_SC_SUCCESS : NVME_DNR(NVME_SC_CMD_SEQ_ERROR);
	/* an I/O queue exists only while its controller is ready */
	if (!q->qid && !fabrics && !nvmf_ctrlr_ready(q->ctrlr))
		return NVME_DNR(NVME_SC_CMD_SEQ_ERROR);
	return NVME_SC_SUCCESS;
}

/* Data */

static nvme_status check_sgl(struct nvmf_request *req)
{
	struct nvme_sgl_rules rules = req->qpair->rules;
	nvme_status st;

	rules.capsule_data = req->capsule_len;
	st = nvme_sgl_parse(&req->cmd->sqe, req->dir, &rules, &req->sgl);
	if (st)
		nvmf_request_bad(req, nvme_status_code(st) ==
				 NVME_SC_INVALID_FIELD ? NVMF_LOC_FLAGS :
				 NVMF_LOC_SGL, st);
	return st;
}

/* RAM is read and written where it is, if the transport can reach it */
static void use_ram(struct nvmf_request *req)
{
	const struct nvmf_ns_view *v = &req->nsch->view;
	u8 slot = req->qpair->transport->ops->slot;

	if (req->qpair->buffered || !v->memory || !v->memory->key[slot])
		return;
	req->iov[0].iov_base = v->ram + req->lba * v->block_size;
	req->iov[0].iov_len = req->length;
	req->iovcnt = 1;
	req->memory = v->memory;
	req->block = v->block_size;
}

/*
 * From now on it touches blocks of its namespace, and whoever changes what may
 * be touched waits for its end. False: it has been refused, because something
 * has changed since it was checked first, or it is held and goes on later.
 */
static bool touch(struct nvmf_request *req)
{
	nvme_status st;

	if (!req->nsch || req->active)
		return true;
	st = nvmf_io_admit(req);
	if (st) {
		nvmf_request_complete(req, st);
		return false;
	}
	if (nvmf_throttle_holds(req) ||
	    (!TAILQ_EMPTY(&req->nsch->locks) && nvmf_lock_holds(req)))
		return false;
	req->active = true;
	return true;
}

static bool data_is_here(const struct nvmf_request *req)
{
	return req->sgl.place == NVME_SGL_PLACE_CAPSULE && req->capsule_data;
}

static void get_data(struct nvmf_request *req)
{
	if (req->iovcnt && (req->dir == NVME_XFER_CTRL_TO_HOST ||
			    data_is_here(req))) {
		nvmf_request_execute(req);
		return;
	}
	req->fetching = true;
	req->qpair->transport->ops->req_get_data(req);
}

bool nvmf_request_may_wait(const struct nvmf_request *req)
{
	return req->nsch && (!TAILQ_EMPTY(&req->nsch->locks) ||
			     nvmf_throttle_may_hold(req));
}

/* Data on a stream does not wait until the RAM may be written: not in place */
static bool streamed(const struct nvmf_request *req)
{
	return req->sgl.place == NVME_SGL_PLACE_CAPSULE && !req->capsule_data;
}

static void place_data(struct nvmf_request *req)
{
	if (data_is_here(req)) {
		req->iov[0].iov_base = req->capsule_data + req->sgl.offset;
		req->iov[0].iov_len = req->length;
		req->iovcnt = 1;
	} else if (req->command->flags & NVMF_CMD_INPLACE && !req->half &&
		   !(streamed(req) && nvmf_request_may_wait(req))) {
		/* half of a pair may not write before the other has compared */
		use_ram(req);
	}
}

/*
 * Who waits for a limit holds no buffers meanwhile, which others may need. But
 * what is on a stream has to be read, into memory of its own; the ranges of a
 * list are not known yet; and a pair waits when it is complete.
 */
static bool waits_before_data(struct nvmf_request *req)
{
	return req->nsch && !req->iovcnt && !streamed(req) && !req->half &&
	       !(req->command->flags & NVMF_CMD_SCATTERED) &&
	       nvmf_throttle_holds(req);
}

void nvmf_request_begin(struct nvmf_request *req)
{
	if (!req->length) {
		nvmf_request_execute(req);
		return;
	}
	place_data(req);
	if (req->memory ? touch(req) : !waits_before_data(req))
		get_data(req);
}

/* Is its data, or the place for it, still to come? */
static bool without_data(const struct nvmf_request *req)
{
	return req->length && !req->iovcnt;
}

void nvmf_request_resume(struct nvmf_request *req)
{
	bool in_place = req->memory;

	if (req->qpair->state >= NVMF_QPAIR_CLOSING ||
	    (!in_place && !without_data(req)))
		nvmf_request_execute(req);
	else if (!in_place || touch(req))
		get_data(req);
}

/* In and out */

static void fetched(struct nvmf_qpair *q, struct nvmf_request *req)
{
	q->outstanding++;
	__atomic_store_n(&q->commands, q->commands + 1, __ATOMIC_RELAXED);
	TAILQ_INSERT_TAIL(&q->requests, req, qlink);
	q->sqhd = nvme_ring_next(q->sqhd, q->sqsize);
}

/* Only a Compare and the Write after it can be one operation */
static bool fusable(const struct nvmf_request *req)
{
	const struct nvme_sqe *sqe = &req->cmd->sqe;

	switch (sqe->flags & NVME_SQE_FUSE_MASK) {
	case 0:
		return true;
	case NVME_FUSE_FIRST:
		return req->qpair->qid && sqe->opcode == NVME_CMD_COMPARE;
	case NVME_FUSE_SECOND:
		return req->qpair->qid && sqe->opcode == NVME_CMD_WRITE;
	default:
		return false;
	}
}

static nvme_status parse(struct nvmf_request *req)
{
	nvme_status st = check_state(req);

	if (st)
		return st;
	if (!fusable(req))
		return nvmf_request_bad(req, NVMF_LOC_FLAGS,
					NVME_DNR(NVME_SC_INVALID_FIELD));
	req->command = find_command(req);
	if (!req->command)
		return nvmf_request_bad(req, 0,
					NVME_DNR(NVME_SC_INVALID_OPCODE));
	req->dir = req->command->dir;
	st = check_sgl(req);
	if (!st && req->command->parse)
		st = req->command->parse(req);
	if (!st && req->length && req->sgl.len != req->length)
		st = nvmf_request_bad(req, NVMF_LOC_SGL,
				      NVME_DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	return st;
}

void nvmf_request_start(struct nvmf_request *req)
{
	struct nvmf_qpair *q = req->qpair;
	nvme_status st;

	memset(&req->cqe, 0, sizeof(req->cqe));
	memset(&req->sgl, 0, sizeof(req->sgl));
	req->dir = NVME_XFER_NONE;
	req->length = 0;
	req->iovcnt = 0;
	req->memory = NULL;
	req->block = 0;
	req->nsch = NULL;
	req->start_us = reactor_now_us();
	req->throttled = NULL;
	req->command = NULL;
	req->pair = NULL;
	req->lba = 0;
	req->blocks = 0;
	req->half = 0;
	req->urgent = false;
	req->active = false;
	req->weighed = false;
	req->aborting = NULL;
	req->submitted = false;
	req->fetching = false;
	req->begun = false;
	req->ready = false;
	req->orphan = false;
	req->ns_gone = false;
	req->hastened = 0;
	req->held = false;
	req->preempted = false;
	req->error_loc = NVMF_NO_ERROR_LOC;
	fetched(q, req);
	if (q->ctrlr && !q->qid)
		nvmf_ctrlr_alive(q->ctrlr);
	st = parse(req);
	if ((q->fused || q->fused_failed ||
	     req->cmd->sqe.flags & NVME_SQE_FUSE_MASK) &&
	    nvmf_fused_start(req, st))
		return;
	if (st)
		nvmf_request_complete(req, st);
	else
		nvmf_request_begin(req);
}

void nvmf_request_execute(struct nvmf_request *req)
{
	req->fetching = false;
	/* what came too late is not begun any more */
	if (req->qpair->state >= NVMF_QPAIR_CLOSING)
		nvmf_request_complete(req, NVME_SC_ABORT_SQ_DELETED);
	else if (req->aborting)
		nvmf_request_complete(req, NVME_DNR(NVME_SC_ABORT_REQUESTED));
	else if (req->ns_gone)
		nvmf_request_complete(req, NVME_DNR(NVME_SC_INVALID_NS));
	else if (req->half)
		nvmf_fused_execute(req);
	else if (touch(req))
		req->command->execute(req);
}

void nvmf_request_fail(struct nvmf_request *req, nvme_status st)
{
	nvmf_request_complete(req, st);
}

static void leave_ns(struct nvmf_request *req)
{
	struct nvmf_group_core *core = req->qpair->group->core;

	if (req->active && !TAILQ_EMPTY(&core->waits))
		nvmf_wait_ended(core, req);
	req->active = false;
	if (req->nsch)
		nvmf_ns_channel_put(req->nsch);
	req->nsch = NULL;
}

void nvmf_request_complete(struct nvmf_request *req, nvme_status st)
{
	struct nvmf_qpair *q = req->qpair;

	/* an Abort that comes while the response is on its way is too late */
	req->fetching = false;
	if (st && q->ctrlr)
		nvmf_error_log(req, st);
	if (req->aborting)
		nvmf_abort_over(req, st);
	if (req->half)
		nvmf_fused_broken(req);
	if (q->qid && req->cmd->sqe.opcode != NVME_OPC_FABRICS) {
		q->group->core->stats.completed_nvme_io++;
		nvmf_io_count(req, st);
	}
	req->cqe.cid = req->cmd->sqe.cid;
	req->cqe.sqhd = cpu_to_le16(q->sqflow_off ? 0xffff : q->sqhd);
	req->cqe.status = cpu_to_le16(st << 1);
	/* the data of a read may be sent out of the RAM itself */
	if (!req->memory)
		leave_ns(req);
	q->transport->ops->req_complete(req);
}

void nvmf_request_done(struct nvmf_request *req)
{
	struct nvmf_qpair *q = req->qpair;

	leave_ns(req);
	TAILQ_REMOVE(&q->requests, req, qlink);
	q->outstanding--;
	nvmf_qpair_check_drained(q);
}

/* Data in pieces */

bool nvmf_request_put_data(struct nvmf_request *req, size_t offset,
			   const void *src, size_t len)
{
	int i;

	for (i = 0; i < req->iovcnt && len; i++) {
		struct iovec *v = &req->iov[i];
		size_t n;

		if (offset >= v->iov_len) {
			offset -= v->iov_len;
			continue;
		}
		n = v->iov_len - offset < len ? v->iov_len - offset : len;
		memcpy((u8 *)v->iov_base + offset, src, n);
		src = (const u8 *)src + n;
		len -= n;
		offset = 0;
	}
	return !len;
}

bool nvmf_request_get_bytes(const struct nvmf_request *req, size_t offset,
			    void *dst, size_t len)
{
	int i;

	for (i = 0; i < req->iovcnt && len; i++) {
		const struct iovec *v = &req->iov[i];
		size_t n;

		if (offset >= v->iov_len) {
			offset -= v->iov_len;
			continue;
		}
		n = v->iov_len - offset < len ? v->iov_len - offset : len;
		memcpy(dst, (const u8 *)v->iov_base + offset, n);
		dst = (u8 *)dst + n;
		len -= n;
		offset = 0;
	}
	return !len;
}
