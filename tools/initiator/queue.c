// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Queues: request slots, submission, completion, time limits, failure. On the
 * queue's thread. The transport moves bytes; the user is called from here only.
 */
#include <stdarg.h>
#include <time.h>

#include "tools/initiator/internal.h"

#include "common/queue.h"
#include "common/sgl.h"

static const struct ini_transport_ops *const transports[] = {
	&ini_tcp_ops, &ini_rdma_ops,
};

const struct ini_transport_ops *ini_transport(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(transports); i++)
		if (!strcmp(transports[i]->name, name))
			return transports[i];
	return NULL;
}

u64 ini_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000ull + (u64)t.tv_nsec;
}

/* --- slots ---------------------------------------------------------------- */

struct ini_req *ini_req_at(const struct ini_queue *q, u32 i)
{
	return (struct ini_req *)(q->slots + i * q->ops->req_size);
}

struct ini_req *ini_req_of(struct ini_queue *q, u16 cid)
{
	u32 slot = cid & INI_CID_SLOT_MASK;
	struct ini_req *r;

	if (slot >= q->nslots)
		return NULL;
	r = ini_req_at(q, slot);
	return r->busy && le16_to_cpu(r->cmd.sqe.cid) == cid ? r : NULL;
}

const char *ini_req_name(const struct ini_queue *q, const struct ini_req *r)
{
	return nvme_opcode_name(&r->cmd, !q->qid);
}

static int alloc_slots(struct ini_queue *q)
{
	struct ini_req *r;
	u32 i;

	q->slots = calloc(q->nslots, q->ops->req_size);
	q->free = calloc(q->nslots, sizeof(*q->free));
	if (!q->slots || !q->free)
		return -ENOMEM;
	for (i = 0; i < q->nslots; i++) {
		r = ini_req_at(q, i);
		r->slot = (u16)i;
		q->free[q->nfree++] = (u16)(q->nslots - 1 - i);
	}
	return 0;
}

void ini_req_complete(struct ini_queue *q, struct ini_req *r,
		      nvme_status status, u64 result)
{
	r->busy = false;
	TAILQ_REMOVE(&q->flying, r, link);
	q->free[q->nfree++] = r->slot;
	q->outstanding--;
	q->stats.completed++;
	q->work++;
	r->done(r->ctx, status, result);
}

/* --- submission ----------------------------------------------------------- */

static int data_length(const union nvme_cmd *cmd, const struct iovec *iov,
		       int iovcnt, u32 *len)
{
	enum nvme_xfer_dir dir = nvme_cmd_dir(cmd);
	u64 total = 0;
	int i;

	if (iovcnt < 0 || iovcnt > INI_IOV_MAX)
		return -EINVAL;
	for (i = 0; i < iovcnt; i++) {
		if (iov[i].iov_len > UINT32_MAX - total)
			return -EINVAL;
		total += iov[i].iov_len;
	}
	*len = (u32)total;
	if (total && dir != NVME_XFER_HOST_TO_CTRL &&
	    dir != NVME_XFER_CTRL_TO_HOST)
		return -EINVAL;
	return 0;
}

static struct ini_req *take_slot(struct ini_queue *q,
				 const union nvme_cmd *cmd)
{
	struct ini_req *r = ini_req_at(q, q->free[--q->nfree]);

	q->outstanding++;
	r->busy = true;
	r->cmd = *cmd;
	r->cmd.sqe.flags = (r->cmd.sqe.flags & NVME_SQE_FUSE_MASK) |
			   NVME_SQE_PSDT_SGL;
	r->generation++;
	r->cmd.sqe.cid = cpu_to_le16((u16)(r->slot | r->generation <<
					   INI_CID_SLOT_BITS));
	/* else its time begins with the poll that sends it */
	r->deadline = cmd->sqe.opcode == NVME_ADMIN_ASYNC_EVENT && !q->qid ?
		      INI_NEVER : 0;
	TAILQ_INSERT_TAIL(&q->flying, r, link);
	return r;
}

int ini_submit(struct ini_queue *q, const union nvme_cmd *cmd,
	       const struct iovec *iov, int iovcnt, ini_done done, void *ctx)
{
	struct ini_req *r;
	u32 len;
	int err;

	if (!q->up || q->failed || (q->state != INI_LIVE &&
				    cmd->sqe.opcode != NVME_OPC_FABRICS))
		return -ENOTCONN;
	err = data_length(cmd, iov, iovcnt, &len);
	if (err)
		return err;
	if (len > q->ops->max_data)
		return -EINVAL;
	if (!q->nfree)
		return -EAGAIN;
	r = take_slot(q, cmd);
	r->dir = nvme_cmd_dir(cmd);
	r->len = len;
	r->iov = iov;
	r->iovcnt = len ? iovcnt : 0;
	r->done = done;
	r->ctx = ctx;
	q->stats.submitted++;
	q->ops->submit(q, r);
	return 0;
}

int ini_submit_buf(struct ini_queue *q, const union nvme_cmd *cmd, void *buf,
		   u32 len, ini_done done, void *ctx)
{
	struct ini_req *next = q->nfree ?
		ini_req_at(q, q->free[q->nfree - 1]) : NULL;

	if (!next)
		return q->up && !q->failed ? -EAGAIN : -ENOTCONN;
	next->one.iov_base = buf;
	next->one.iov_len = len;
	return ini_submit(q, cmd, &next->one, 1, done, ctx);
}

/* --- failure -------------------------------------------------------------- */

void ini_queue_fail(struct ini_queue *q, int err, const char *fmt, ...)
{
	char text[WEFT_REASON_MAX];
	va_list ap;

	if (q->failed)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	q->failed = true;
	/* a status may have retry hints and no code: that is no errno */
	q->error = weft_fail(&q->reason, err < 0 ? err : -EIO, "queue %u: %s",
			     q->qid, text);
	q->work++;
}

static void end_all(struct ini_queue *q)
{
	struct ini_req *r;

	while ((r = TAILQ_FIRST(&q->flying)))
		ini_req_complete(q, r, NVME_SC_HOST_ABORTED_CMD, 0);
}

void ini_queue_close(struct ini_queue *q, enum ini_state state)
{
	q->ops->close(q);
	q->up = false;
	q->state = state;
	end_all(q);
}

/* Of those that were given since the last poll, however long ago that was */
static void start_time(struct ini_queue *q)
{
	struct ini_req *r;

	TAILQ_FOREACH_REVERSE(r, &q->flying, ini_reqs, link) {
		if (r->deadline && r->deadline != INI_NEVER)
			break;
		if (!r->deadline)
			r->deadline = q->now +
				      q->ctrlr->opts.timeout_ms * INI_MS;
	}
}

static void check_time(struct ini_queue *q)
{
	struct ini_req *r;

	if (q->state == INI_CONNECTING && q->now >= q->connect_by) {
		ini_queue_fail(q, -ETIMEDOUT, "not connected after %u ms",
			       q->ctrlr->opts.connect_ms);
		return;
	}
	TAILQ_FOREACH(r, &q->flying, link) {
		if (r->deadline == INI_NEVER)
			continue;
		if (r->deadline <= q->now)
			ini_queue_fail(q, -ETIMEDOUT,
				       "%s (CID %u): no answer after %u ms",
				       ini_req_name(q, r),
				       le16_to_cpu(r->cmd.sqe.cid),
				       q->ctrlr->opts.timeout_ms);
		break;
	}
}

/* --- connecting ------------------------------------------------------------ */

static void io_connected(void *ctx, nvme_status status, u64 result)
{
	struct ini_queue *q = ctx;

	if (!q->failed && ini_connect_done(q, status, result))
		q->state = INI_LIVE;
}

/* The admin queue's Connect is a step of the controller's set-up. */
void ini_queue_up(struct ini_queue *q)
{
	q->up = true;
	q->work++;
	if (q->qid && ini_connect_queue(q, io_connected, q))
		ini_queue_fail(q, -EIO, "Connect could not be sent");
}

static int start(struct ini_queue *q, struct weft_reason *why)
{
	int err;

	q->state = INI_CONNECTING;
	q->up = q->failed = false;
	q->error = 0;
	q->reason.text[0] = '\0';
	q->connect_by = 0;	/* the first poll says what time it is */
	err = q->ops->open(q, &q->reason);
	if (!err)
		return 0;
	q->ops->close(q);
	q->failed = true;
	q->state = INI_FAILED;
	q->error = err;
	if (why)
		*why = q->reason;
	return err;
}

static void set_capsule(struct ini_queue *q)
{
	const struct ini_ctrlr *c = q->ctrlr;
	struct nvme_capsule_limits l = {
		.ioccsz = c->info.ioccsz, .icdoff = c->info.icdoff,
		.sgls = c->info.sgls, .max_segments = INI_IOV_MAX,
	};

	if (!q->qid) {
		/* fixed by the TCP transport; over RDMA there is none */
		q->inline_room = c->ops->keyed ? 0 : 8192;
		q->icdoff = 0;
		return;
	}
	q->inline_room = nvme_capsule_room(&l);
	q->icdoff = c->info.icdoff * 16u;
}

int ini_queue_new(struct ini_ctrlr *c, u16 qid, u32 size,
		  struct ini_queue **out, struct weft_reason *why)
{
	struct ini_queue *q = calloc(1, sizeof(*q));
	int err = -ENOMEM;

	*out = NULL;
	if (!q)
		return weft_fail(why, err, "out of memory");
	q->ctrlr = c;
	q->ops = c->ops;
	q->qid = qid;
	q->sqsize = size;
	/* one entry tells a full ring from an empty one */
	q->depth = q->nslots = size - 1;
	TAILQ_INIT(&q->flying);
	set_capsule(q);
	q->connect_data = calloc(1, sizeof(*q->connect_data));
	if (!q->connect_data || alloc_slots(q))
		err = weft_fail(why, -ENOMEM, "out of memory");
	else
		err = start(q, why);
	if (err) {
		ini_queue_destroy(q);
		return err;
	}
	*out = q;
	return 0;
}

int ini_queue_create(struct ini_ctrlr *c, u16 qid, u32 depth,
		     struct ini_queue **out, struct weft_reason *why)
{
	u32 size;

	*out = NULL;
	if (c->state != INI_LIVE)
		return weft_fail(why, -ENOTCONN, "the controller is not live");
	if (!qid || qid > c->io_queues)
		return weft_fail(why, -EINVAL,
				 "qid=%u: the controller granted %u I/O queues",
				 qid, c->io_queues);
	if (!depth || depth >= WEFT_QUEUE_SIZE_MAX)
		return weft_fail(why, -EINVAL,
				 "depth=%u: accepted range is 1-%u", depth,
				 WEFT_QUEUE_SIZE_MAX - 1);
	size = nvme_queue_depth(depth + 1, NVME_CAP_MQES(c->cap) + 1u,
				c->info.maxcmd);
	if (size < 2)
		return weft_fail(why, -EINVAL,
				 "the controller offers queues of %u entries; at least 2 are needed",
				 size);
	return ini_queue_new(c, qid, size, out, why);
}

int ini_queue_reconnect(struct ini_queue *q, struct weft_reason *why)
{
	struct ini_ctrlr *c = q->ctrlr;

	if (q->qid && c->state != INI_LIVE)
		return weft_fail(why, -ENOTCONN, "the controller is not live");
	if (q->qid && (q->qid > c->io_queues ||
		       q->sqsize > NVME_CAP_MQES(c->cap) + 1u))
		return weft_fail(why, -EINVAL,
				 "the controller offers %u queues of %u entries now",
				 c->io_queues, NVME_CAP_MQES(c->cap) + 1u);
	ini_queue_close(q, INI_CLOSED);
	set_capsule(q);
	return start(q, why);
}

void ini_queue_disconnect(struct ini_queue *q)
{
	ini_queue_close(q, INI_CLOSED);
}

void ini_queue_destroy(struct ini_queue *q)
{
	if (!q)
		return;
	ini_queue_close(q, INI_CLOSED);
	free(q->connect_data);
	free(q->slots);
	free(q->free);
	free(q);
}

/* --- poll ------------------------------------------------------------------ */

int ini_queue_poll(struct ini_queue *q, u64 now)
{
	q->now = now;
	q->work = 0;
	if (q->state != INI_CONNECTING && q->state != INI_LIVE)
		return 0;
	if (!q->connect_by)
		q->connect_by = now + q->ctrlr->opts.connect_ms * INI_MS;
	q->ops->poll(q);
	start_time(q);
	if (!q->failed)
		check_time(q);
	if (!q->failed)
		q->ops->flush(q);
	if (q->failed)
		ini_queue_close(q, INI_FAILED);
	return (int)q->work;
}

int ini_queue_add_memory(struct ini_queue *q, void *base, size_t len,
			 struct weft_reason *why)
{
	struct ini_memory *m = &q->memory[q->nmemory];
	int err = 0;

	if (q->nmemory == INI_MEMORY_MAX)
		return weft_fail(why, -ENOSPC,
				 "a queue keeps %d pieces of memory",
				 INI_MEMORY_MAX);
	*m = (struct ini_memory) { .base = base, .len = len };
	if (q->ops->add_memory)
		err = q->ops->add_memory(q, m, why);
	if (!err)
		q->nmemory++;
	return err;
}

u64 ini_queue_deadline(const struct ini_queue *q)
{
	u64 when = q->state == INI_CONNECTING ? q->connect_by : INI_NEVER;
	const struct ini_req *r;

	if (q->state != INI_CONNECTING && q->state != INI_LIVE)
		return INI_NEVER;
	TAILQ_FOREACH(r, &q->flying, link)
		if (r->deadline != INI_NEVER)
			return r->deadline < when ? r->deadline : when;
	return when;
}

int ini_queue_fds(const struct ini_queue *q, struct ini_fd fds[INI_FDS_MAX])
{
	if (q->state != INI_CONNECTING && q->state != INI_LIVE)
		return 0;
	return q->ops->fds(q, fds);
}

bool ini_queue_arm(struct ini_queue *q)
{
	if (q->state != INI_CONNECTING && q->state != INI_LIVE)
		return true;
	return q->ops->arm(q);
}

enum ini_state ini_queue_state(const struct ini_queue *q)
{
	return q->state;
}

const char *ini_queue_reason(const struct ini_queue *q)
{
	return q->reason.text;
}

int ini_queue_error(const struct ini_queue *q)
{
	return q->error;
}

u16 ini_queue_id(const struct ini_queue *q)
{
	return q->qid;
}

u32 ini_queue_depth(const struct ini_queue *q)
{
	return q->depth;
}

u32 ini_queue_max_data(const struct ini_queue *q)
{
	return q->ops->max_data;
}

u32 ini_queue_outstanding(const struct ini_queue *q)
{
	return q->outstanding;
}

const struct ini_stats *ini_queue_stats(const struct ini_queue *q)
{
	return &q->stats;
}
