// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The transport that only exists in memory: connections, requests, data.
 * nvmf_fake_run.c has the reactors around it and the control plane.
 *
 * A request's data is copied between the test's buffer and three uneven pieces
 * (or the RAM itself, if nvmf says so) where a real transport would have its
 * NIC do it, and may be held there. Everything runs on the connection's
 * reactor but what the test's thread calls.
 */
#include <stdlib.h>

#include "common/ranges.h"
#include "tests/unit/lib/nvmf_fake.h"
#include "tests/unit/lib/nvmf_fake_run.h"

#define PIECES	3

struct fake_req {
	struct nvmf_request base;
	struct fake_conn *conn;
	union nvme_cmd cmd;
	u8 *host;
	u32 host_len;
	u8 *capsule;
	u8 *bufs[PIECES];
	struct iovec iov[PIECES];
	TAILQ_ENTRY(fake_req) wait;
	struct fake_result result;
	bool awaited;
	atomic_bool ended;	/* the response is out */
	atomic_int refs;	/* nvmf's and the test's */
};

static atomic_ushort next_cid = 1;

static struct fake_conn *to_conn(struct nvmf_qpair *q)
{
	return (struct fake_conn *)((char *)q - offsetof(struct fake_conn, q));
}

static struct fake_req *to_req(struct nvmf_request *r)
{
	return (struct fake_req *)((char *)r - offsetof(struct fake_req, base));
}

static void put(struct fake_req *r)
{
	int i;

	if (atomic_fetch_sub(&r->refs, 1) != 1)
		return;
	for (i = 0; i < PIECES; i++)
		free(r->bufs[i]);
	free(r->capsule);
	free(r);
}

/* Data */

static void copy(struct fake_req *r, bool to_host)
{
	u8 *host = r->host;
	int i;

	for (i = 0; i < r->base.iovcnt; i++) {
		struct iovec *v = &r->base.iov[i];

		if (to_host)
			memcpy(host, v->iov_base, v->iov_len);
		else
			memcpy(v->iov_base, host, v->iov_len);
		host += v->iov_len;
	}
}

/* uneven on purpose: nobody may rely on a structure being in one piece */
static void provide(struct fake_req *r)
{
	u32 left = r->base.length;
	u32 want[PIECES] = { left / 3 & ~7u, left / 2 & ~7u, left };
	int i;

	for (i = 0; i < PIECES && left; i++) {
		u32 n = want[i] < left ? want[i] : left;

		if (!n)
			continue;
		r->bufs[i] = malloc(n);
		memset(r->bufs[i], 0xee, n);
		r->base.iov[r->base.iovcnt].iov_base = r->bufs[i];
		r->base.iov[r->base.iovcnt++].iov_len = n;
		left -= n;
	}
}

static void data_arrived(struct fake_req *r)
{
	if (r->base.dir == NVME_XFER_HOST_TO_CTRL)
		copy(r, false);
	nvmf_request_execute(&r->base);
}

static void op_get_data(struct nvmf_request *base)
{
	struct fake_req *r = to_req(base);
	struct fake_conn *c = r->conn;

	if (!base->iovcnt)
		provide(r);
	if (c->hold_data) {
		TAILQ_INSERT_TAIL(&c->data_wait, r, wait);
		c->held++;
		return;
	}
	data_arrived(r);
}

static bool op_abort(struct nvmf_request *base)
{
	struct fake_req *r = to_req(base), *at;
	struct fake_conn *c = r->conn;

	TAILQ_FOREACH(at, &c->data_wait, wait) {
		if (at == r) {
			TAILQ_REMOVE(&c->data_wait, r, wait);
			c->held--;
			return true;
		}
	}
	return false;
}

static void done(struct fake_req *r)
{
	nvmf_request_done(&r->base);
	put(r);
}

static void op_complete(struct nvmf_request *base)
{
	struct fake_req *r = to_req(base);
	struct fake_conn *c = r->conn;
	const struct nvme_cqe *cqe = &base->cqe;

	r->result.st = le16_to_cpu(cqe->status) >> 1;
	r->result.result = le64_to_cpu(cqe->result);
	r->result.sqhd = le16_to_cpu(cqe->sqhd);
	r->result.cid = le16_to_cpu(cqe->cid);
	r->result.in_place = base->memory;
	if (!c->down && !r->result.st && base->dir == NVME_XFER_CTRL_TO_HOST &&
	    base->length)
		copy(r, true);
	fake_set(&r->ended);
	if (c->hold_done && !c->down) {
		TAILQ_INSERT_TAIL(&c->done_wait, r, wait);
		c->held++;
		return;
	}
	done(r);
}

/* Connections */

static void release(void *ctx)
{
	struct fake_conn *c = ctx;
	struct fake_req *r;

	while ((r = TAILQ_FIRST(&c->data_wait))) {
		TAILQ_REMOVE(&c->data_wait, r, wait);
		c->held--;
		if (c->down)
			nvmf_request_fail(&r->base, NVME_SC_DATA_XFER_ERROR);
		else
			data_arrived(r);
	}
	while ((r = TAILQ_FIRST(&c->done_wait))) {
		TAILQ_REMOVE(&c->done_wait, r, wait);
		c->held--;
		done(r);
	}
}

static void go_down(void *ctx)
{
	struct fake_conn *c = ctx;

	if (c->down)
		return;
	c->down = true;
	/* as a real one does when its queue pair is flushed */
	release(c);
	nvmf_qpair_disconnected(&c->q);
}

static void op_disconnect(struct nvmf_qpair *q)
{
	reactor_send(reactor_self(), go_down, to_conn(q));
}

/* go_down() messages that came twice are through before this one */
static void gone(void *ctx)
{
	struct fake_conn *c = ctx;

	memset(&c->q, 0xdd, sizeof(c->q));
	fake_set(&c->gone);
}

static void op_free(struct nvmf_qpair *q)
{
	reactor_send(reactor_self(), gone, to_conn(q));
}

static void conn_add(void *ctx)
{
	struct fake_conn *c = ctx;

	nvmf_qpair_add(&c->q);
}

static void conn_choose(void *ctx)
{
	struct fake_conn *c = ctx;

	nvmf_qpair_init(&c->q, nvmf_transport_find(NVMF_TRTYPE_TCP));
	c->q.group = nvmf_group_choose(c->q.transport, c->q.admin);
	c->reactor = reactor_index(c->q.group->reactor);
}

const char *fake_listen_port;

static struct fake_conn *conn_alloc(bool admin)
{
	struct fake_conn *c = calloc(1, sizeof(*c));

	c->q.admin = admin;
	c->q.depth = FAKE_DEPTH;
	c->q.rules.keyed = true;
	c->q.rules.max_len = FAKE_MAX_IO;
	TAILQ_INIT(&c->data_wait);
	TAILQ_INIT(&c->done_wait);
	snprintf(c->q.peer, sizeof(c->q.peer), "127.0.0.1");
	snprintf(c->q.peer_port, sizeof(c->q.peer_port), "1");
	nvmf_trid_parse(&c->q.listen, "TCP", NULL, "127.0.0.1",
			fake_listen_port, NULL);
	return c;
}

struct fake_conn *fake_conn_new(bool admin)
{
	struct fake_conn *c = conn_alloc(admin);

	fake_on(0, conn_choose, c);
	fake_on(c->reactor, conn_add, c);
	return c;
}

static void give_back(void *ctx)
{
	struct fake_conn *c = ctx;

	nvmf_group_unchoose(c->q.group, c->q.admin);
}

struct fake_conn *fake_conn_on(bool admin, unsigned int reactor)
{
	struct fake_conn *c = conn_alloc(admin), *others[64];
	unsigned int n = 0;

	/* choose until the right one comes up, then take the others back */
	for (fake_on(0, conn_choose, c); c->reactor != reactor;
	     fake_on(0, conn_choose, c)) {
		others[n] = malloc(sizeof(*c));
		memcpy(others[n++], c, sizeof(*c));
	}
	while (n) {
		fake_on(0, give_back, others[--n]);
		free(others[n]);
	}
	fake_on(reactor, conn_add, c);
	return c;
}

void fake_conn_break(struct fake_conn *c)
{
	if (!c->gone)
		fake_on(c->reactor, go_down, c);
}

void fake_conn_end(struct fake_conn *c)
{
	fake_conn_break(c);
	fake_until(&c->gone);
	free(c);
}

void fake_release(struct fake_conn *c)
{
	c->hold_data = false;
	c->hold_done = false;
	if (!c->gone)
		fake_on(c->reactor, release, c);
}

/* Commands */

static void start(void *ctx)
{
	struct fake_req *r = ctx;

	if (r->conn->down) {
		r->result.st = FAKE_DROPPED;
		fake_set(&r->ended);
		put(r);
		return;
	}
	nvmf_request_start(&r->base);
}

struct fake_req *fake_submit(struct fake_conn *c, const union nvme_cmd *cmd,
			     void *data, u32 len, enum fake_how how)
{
	struct fake_req *r = calloc(1, sizeof(*r));

	r->conn = c;
	r->refs = 2;
	r->cmd = *cmd;
	r->host = data;
	r->host_len = len;
	r->cmd.sqe.cid = cpu_to_le16(next_cid++);
	if (how == FAKE_REMOTE)
		nvme_sgl_keyed(&r->cmd.sqe.sgl, (uintptr_t)data, len, 1, false);
	if (how == FAKE_IN_CAPSULE) {
		nvme_sgl_incapsule(&r->cmd.sqe.sgl, 0, len);
		r->capsule = malloc(len ? len : 1);
		memcpy(r->capsule, data, len);
		r->base.capsule_data = r->capsule;
		r->base.capsule_len = len;
	}
	if (how == FAKE_STREAMED) {
		nvme_sgl_incapsule(&r->cmd.sqe.sgl, 0, len);
		r->base.capsule_len = len;
	}
	r->base.iov = r->iov;
	r->base.qpair = &c->q;
	r->base.cmd = &r->cmd;
	if (c->gone)
		start(r);
	else
		fake_on(c->reactor, start, r);
	return r;
}

void fake_hold_copies(struct fake_conn *c, u32 nsid, struct fake_req **r, int n)
{
	static struct nvme_copy_range source;
	union nvme_cmd cmd;
	int i;

	fake_medium.hold = 1u << BDEV_READ;
	nvme_copy_range_encode(&source, 0, FAKE_COPY_BLOCKS);
	for (i = 0; i < n; i++) {
		nvme_cmd_copy(&cmd, nsid, 0, 1, 0);
		r[i] = fake_submit(c, &cmd, &source, sizeof(source),
				   FAKE_REMOTE);
	}
}

bool fake_ended(struct fake_req *r)
{
	return r->ended;
}

static void ask_awaited(void *ctx)
{
	struct fake_req *r = ctx;

	r->awaited = nvmf_request_awaited(&r->base) &&
		     nvmf_group_waits(r->base.qpair->group);
}

bool fake_awaited(struct fake_req *r)
{
	fake_on(r->conn->reactor, ask_awaited, r);
	return r->awaited;
}

u16 fake_cid(const struct fake_req *r)
{
	return le16_to_cpu(r->cmd.sqe.cid);
}

struct fake_result fake_wait(struct fake_req *r)
{
	struct fake_result result;

	fake_until(&r->ended);
	result = r->result;
	put(r);
	return result;
}

struct fake_result fake_cmd(struct fake_conn *c, const union nvme_cmd *cmd,
			    void *data, u32 len)
{
	return fake_wait(fake_submit(c, cmd, data, len, FAKE_REMOTE));
}

u64 fake_records(struct fake_conn *c, void *page, u32 size)
{
	union nvme_cmd cmd;
	u64 genctr, n = 0;

	nvme_cmd_get_log_page(&cmd, NVME_LOG_DISCOVERY, 0, 0, size, 0, false);
	if (fake_cmd(c, &cmd, page, size).st ||
	    nvmf_disc_header_decode(page, size, &genctr, &n, NULL))
		return FAKE_NO_RECORDS;
	return n;
}

/* The rest of what a transport implements */

struct fake_transport {
	struct nvmf_transport base;
	int listening;
	int mapped;
	int groups;
};

static void op_opts_init(struct nvmf_transport_opts *o)
{
	o->max_queue_depth = FAKE_DEPTH;
	o->max_aq_depth = FAKE_DEPTH;
	o->max_io_qpairs_per_ctrlr = FAKE_QPAIRS;
	o->in_capsule_data_size = FAKE_CAPSULE;
	o->max_io_size = FAKE_MAX_IO;
	o->io_unit_size = FAKE_MAX_IO;
	o->kas = 1;
}

static int op_check(const struct nvmf_transport_opts *o,
		    struct weft_reason *why)
{
	return o->max_queue_depth <= 1024 ? 0 :
	       weft_fail(why, -EINVAL, "max_queue_depth");
}

static int op_create(const struct nvmf_transport_opts *o,
		     struct nvmf_transport **out, struct weft_reason *why)
{
	struct fake_transport *t = calloc(1, sizeof(*t));

	(void)why;
	t->base.opts = *o;
	*out = &t->base;
	return 0;
}

static struct fake_transport *to_transport(struct nvmf_transport *t)
{
	return (struct fake_transport *)t;
}

/* nothing may be left of it: nvmf has to end everything before */
static void op_destroy(struct nvmf_transport *t)
{
	struct fake_transport *f = to_transport(t);

	if (f->listening || f->mapped || f->groups)
		abort();
	free(f);
}

static int op_listen(struct nvmf_transport *t, const struct nvmf_trid *trid,
		     struct weft_reason *why)
{
	if (!strcmp(trid->trsvcid, "1"))
		return weft_fail(why, -EADDRINUSE, "port 1 is taken");
	to_transport(t)->listening++;
	return 0;
}

static void op_stop_listen(struct nvmf_transport *t,
			   const struct nvmf_trid *trid)
{
	(void)trid;
	to_transport(t)->listening--;
}

static void op_ctrlr_desc(const struct nvmf_transport_opts *o,
			  struct nvme_ctrl_desc *d)
{
	d->sgls = NVME_SGLS_ANY_ALIGNMENT | NVME_SGLS_KEYED | NVME_SGLS_OFFSET;
	d->ioccsz = (NVME_SQE_SIZE + FAKE_CAPSULE) / 16;
	d->iorcsz = 1;
	d->msdbd = 1;
	d->maxcmd = (u16)o->max_queue_depth;
}

static void op_disc_record(struct nvmf_disc_record *r)
{
	r->tcp_sectype = NVMF_TCP_SECTYPE_NONE;
}

static int op_map(struct nvmf_transport *t, struct nvmf_memory *m)
{
	m->key[NVMF_TRTYPE_TCP] = t;
	to_transport(t)->mapped++;
	return 0;
}

static void op_unmap(struct nvmf_transport *t, struct nvmf_memory *m)
{
	m->key[NVMF_TRTYPE_TCP] = NULL;
	to_transport(t)->mapped--;
}

static int op_group_create(struct nvmf_transport *t, struct nvmf_group *g)
{
	g->transport_group[NVMF_TRTYPE_TCP] = t;
	to_transport(t)->groups++;
	return 0;
}

static void op_group_destroy(struct nvmf_transport *t, struct nvmf_group *g)
{
	g->transport_group[NVMF_TRTYPE_TCP] = NULL;
	to_transport(t)->groups--;
}

const struct nvmf_transport_ops fake_transport_ops = {
	.name = "TCP",
	.trtype = NVMF_TRTYPE_TCP,
	.slot = NVMF_TRTYPE_TCP,
	.opts_init = op_opts_init,
	.check = op_check,
	.create = op_create,
	.destroy = op_destroy,
	.listen = op_listen,
	.stop_listen = op_stop_listen,
	.ctrlr_desc = op_ctrlr_desc,
	.disc_record = op_disc_record,
	.map_memory = op_map,
	.unmap_memory = op_unmap,
	.group_create = op_group_create,
	.group_destroy = op_group_destroy,
	.req_get_data = op_get_data,
	.req_complete = op_complete,
	.req_abort = op_abort,
	.qpair_disconnect = op_disconnect,
	.qpair_free = op_free,
};
