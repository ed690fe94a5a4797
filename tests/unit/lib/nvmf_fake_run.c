// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Reactors in a thread of their own, work handed to them by the test's thread,
 * the target's control plane as calls that wait, and the host's side of the
 * usual commands.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/connect.h"
#include "target/nvmf/internal.h"
#include "tests/unit/lib/nvmf_fake.h"
#include "tests/unit/lib/nvmf_fake_run.h"

#define WATCHDOG_S	60

struct weft_reason fake_why;
u32 fake_association_ms;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* Work for a reactor, brought by the control reactor */

struct job {
	unsigned int reactor;
	reactor_fn fn;
	void *ctx;
	atomic_bool done;
};

static struct {
	pthread_t thread;
	unsigned int reactors;
	u32 min_kato;
	int wake_fd;
	struct fd_source *wake;
	struct job *job;
	atomic_bool up;
	int err;
} run;

void fake_set(atomic_bool *flag)
{
	pthread_mutex_lock(&lock);
	*flag = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void fake_until(atomic_bool *flag)
{
	pthread_mutex_lock(&lock);
	while (!*flag)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static void job_run(void *ctx)
{
	struct job *j = ctx;

	j->fn(j->ctx);
	fake_set(&j->done);
}

static void on_wake(void *ctx, u32 events)
{
	struct job *j;
	u64 n;

	(void)ctx;
	(void)events;
	if (read(run.wake_fd, &n, sizeof(n)) != sizeof(n))
		return;
	pthread_mutex_lock(&lock);
	j = run.job;
	pthread_mutex_unlock(&lock);
	reactor_send(reactor_get(j->reactor), job_run, j);
}

void fake_on(unsigned int reactor, reactor_fn fn, void *ctx)
{
	struct job j = { .reactor = reactor, .fn = fn, .ctx = ctx };
	u64 one = 1;

	pthread_mutex_lock(&lock);
	run.job = &j;
	pthread_mutex_unlock(&lock);
	if (write(run.wake_fd, &one, sizeof(one)) != sizeof(one))
		abort();
	fake_until(&j.done);
}

static void nothing(void *ctx)
{
	(void)ctx;
}

static void all_visited(void *ctx)
{
	fake_set(ctx);
}

static void visit_all(void *ctx)
{
	reactor_for_each(nothing, ctx, all_visited);
}

void fake_yield(void)
{
	int i;

	/* a few rounds: messages may have led to messages */
	for (i = 0; i < 4; i++) {
		atomic_bool visited = false;

		fake_on(0, visit_all, &visited);
		fake_until(&visited);
	}
}

/* Start and stop */

static void transport_up(void *ctx, int err, const struct weft_reason *why)
{
	(void)ctx;
	(void)why;
	run.err = err;
	fake_set(&run.up);
}

static void target_up(void *ctx, int err, const struct weft_reason *why)
{
	struct nvmf_transport_opts opts;

	if (err || nvmf_transport_opts_init("tcp", &opts, NULL)) {
		transport_up(ctx, -EINVAL, why);
		return;
	}
	opts.min_kato = run.min_kato;
	opts.remote_invalidate = true;
	if (fake_association_ms)
		opts.association_timeout = fake_association_ms;
	nvmf_transport_create("TCP", &opts, transport_up, NULL);
}

static void begin(void *ctx)
{
	(void)ctx;
	run.wake = fd_source_add("test", run.wake_fd, EPOLLIN, on_wake, NULL);
	nvmf_target_start(target_up, NULL);
}

static void *reactors_thread(void *arg)
{
	int core = sched_getcpu();
	int cores[FAKE_REACTORS] = { core, core, core };
	struct reactor_opts opts = { cores, run.reactors, REACTOR_INTERRUPT, 0 };

	(void)arg;
	run.err = reactors_run(&opts, begin, NULL);
	return NULL;
}

void fake_start(unsigned int reactors, u32 min_kato)
{
	alarm(WATCHDOG_S);
	/* refused commands are what many tests are about */
	log_set_level(LOG_ERROR);
	nvmf_transport_register(&fake_transport_ops);
	run.reactors = reactors;
	run.min_kato = min_kato;
	run.up = false;
	run.wake_fd = eventfd(0, EFD_NONBLOCK);
	pthread_create(&run.thread, NULL, reactors_thread, NULL);
	fake_until(&run.up);
	if (run.err)
		abort();
}

static void bdevs_down(void *ctx)
{
	struct bdev *b = bdev_first();

	if (b) {
		bdev_unregister(b, bdevs_down, ctx);
		return;
	}
	fd_source_remove(&run.wake);
	reactors_stop();
}

static void end(void *ctx)
{
	nvmf_target_stop(bdevs_down, ctx);
}

void fake_stop_begin(void)
{
	fake_on(0, end, NULL);
}

bool fake_stop_end(void)
{
	pthread_join(run.thread, NULL);
	close(run.wake_fd);
	alarm(0);
	return !run.err;
}

bool fake_stop(void)
{
	fake_stop_begin();
	return fake_stop_end();
}

/* Control plane */

/* One call: its arguments, and how it ended */
struct call {
	void (*fn)(struct call *c);
	const char *nqn;
	const char *name;
	u64 blocks;
	u32 block_size;
	u32 nsid;
	bool flag;
	u8 invalidate;
	const struct nvmf_subsystem_opts *opts;
	struct fake_op *begun;
	const char *file;
	struct fake_op op;
};

static void op_done(void *ctx, int err, const struct weft_reason *why)
{
	struct fake_op *op = ctx;

	op->err = err;
	if (why)
		fake_why = *why;
	fake_set(&op->done);
}

static void plain_done(void *ctx)
{
	op_done(ctx, 0, NULL);
}

static void call_here(void *ctx)
{
	struct call *c = ctx;

	c->fn(c);
}

static int call(struct call *c)
{
	fake_on(0, call_here, c);
	fake_until(&c->op.done);
	return c->op.err;
}

static struct nvmf_subsystem *sub(struct call *c)
{
	struct nvmf_subsystem *s = nvmf_subsystem_find(c->nqn);

	if (!s)
		op_done(&c->op, -ENOENT, NULL);
	return s;
}

static void do_subsystem(struct call *c)
{
	op_done(&c->op, nvmf_subsystem_create(c->opts, NULL, &fake_why), NULL);
}

int fake_subsystem(const struct nvmf_subsystem_opts *o)
{
	return call(&(struct call){ .fn = do_subsystem, .opts = o });
}

static void do_malloc(struct call *c)
{
	struct bdev *b;

	op_done(&c->op, bdev_malloc_create(c->name, NULL, c->blocks,
					   c->block_size, &b, &fake_why), NULL);
}

int fake_malloc(const char *name, u64 blocks, u32 block_size)
{
	return call(&(struct call){ .fn = do_malloc, .name = name,
				    .blocks = blocks,
				    .block_size = block_size });
}

static void do_null(struct call *c)
{
	struct bdev *b;

	op_done(&c->op, bdev_null_create(c->name, NULL, c->blocks, 512, &b,
					 &fake_why), NULL);
}

int fake_null(const char *name, u64 blocks)
{
	return call(&(struct call){ .fn = do_null, .name = name,
				    .blocks = blocks });
}

static void do_unregister(struct call *c)
{
	bdev_unregister(bdev_find(c->name), plain_done, &c->op);
}

int fake_unregister(const char *name)
{
	return call(&(struct call){ .fn = do_unregister, .name = name });
}

static void do_add_ns(struct call *c)
{
	struct nvmf_ns_opts o = {
		.nsid = c->nsid, .bdev_name = c->name,
		.no_auto_visible = c->flag, .ptpl_file = c->file,
	};
	struct nvmf_subsystem *s = sub(c);

	if (s)
		nvmf_subsystem_add_ns(s, &o, &c->op.nsid, op_done, &c->op);
}

int fake_add_ns(const char *nqn, const char *bdev, u32 *nsid)
{
	struct call c = { .fn = do_add_ns, .nqn = nqn, .name = bdev,
			  .nsid = *nsid };
	int err = call(&c);

	*nsid = c.op.nsid;
	return err;
}

int fake_add_masked_ns(const char *nqn, const char *bdev, u32 nsid)
{
	return call(&(struct call){ .fn = do_add_ns, .nqn = nqn, .name = bdev,
				    .nsid = nsid, .flag = true });
}

int fake_add_ptpl_ns(const char *nqn, const char *bdev, u32 nsid,
		     const char *file)
{
	return call(&(struct call){ .fn = do_add_ns, .nqn = nqn, .name = bdev,
				    .nsid = nsid, .file = file });
}

static void do_ns_host(struct call *c)
{
	struct nvmf_subsystem *s = sub(c);

	if (s)
		nvmf_ns_set_host(s, c->nsid, c->name, c->flag, op_done, &c->op);
}

int fake_ns_host(const char *nqn, u32 nsid, const char *host, bool add)
{
	return call(&(struct call){ .fn = do_ns_host, .nqn = nqn, .nsid = nsid,
				    .name = host, .flag = add });
}

static void do_config(void *ctx)
{
	nvmf_config_set(ctx, NULL);
}

void fake_config(struct nvmf_config c)
{
	fake_on(0, do_config, &c);
}

static void do_referral(struct call *c)
{
	struct nvmf_referral *r;
	struct nvmf_trid trid;
	int err = 0;

	nvmf_trid_parse(&trid, "TCP", NULL, "192.0.2.1", c->name, NULL);
	r = nvmf_referral_find(&trid, NULL);
	if (c->flag)
		err = nvmf_referral_add(&trid, c->nqn, &fake_why);
	else if (r)
		nvmf_referral_remove(r);
	op_done(&c->op, err, NULL);
}

int fake_referral(const char *nqn, const char *port, bool add)
{
	return call(&(struct call){ .fn = do_referral, .nqn = nqn,
				    .name = port, .flag = add });
}

static void do_ana_state(struct call *c)
{
	struct nvmf_subsystem *s = sub(c);
	struct nvmf_trid trid;

	nvmf_trid_parse(&trid, "TCP", NULL, "127.0.0.1", c->name, NULL);
	if (s)
		nvmf_listener_set_ana_state(s, &trid, c->nsid, c->block_size,
					    op_done, &c->op);
}

int fake_ana_state(const char *nqn, const char *port, u32 group, u8 state)
{
	return call(&(struct call){ .fn = do_ana_state, .nqn = nqn,
				    .name = port, .nsid = group,
				    .block_size = state });
}

static void ana_state_begin(void *ctx)
{
	struct call *c = ctx;
	struct nvmf_trid trid;

	nvmf_trid_parse(&trid, "TCP", NULL, "127.0.0.1", c->name, NULL);
	nvmf_listener_set_ana_state(nvmf_subsystem_find(c->nqn), &trid, c->nsid,
				    c->block_size, op_done, c->begun);
}

void fake_ana_state_begin(const char *nqn, const char *port, u32 group,
			  u8 state, struct fake_op *op)
{
	op->done = false;
	fake_on(0, ana_state_begin,
		&(struct call){ .nqn = nqn, .name = port, .nsid = group,
				.block_size = state, .begun = op });
}

static void do_ana_group(struct call *c)
{
	struct nvmf_subsystem *s = sub(c);

	if (s)
		nvmf_subsystem_set_ns_ana_group(s, c->nsid, c->block_size,
						op_done, &c->op);
}

int fake_ana_group(const char *nqn, u32 nsid, u32 group)
{
	return call(&(struct call){ .fn = do_ana_group, .nqn = nqn,
				    .nsid = nsid, .block_size = group });
}

static void do_remove_ns(struct call *c)
{
	struct nvmf_subsystem *s = sub(c);

	if (s)
		nvmf_subsystem_remove_ns(s, c->nsid, op_done, &c->op);
}

int fake_remove_ns(const char *nqn, u32 nsid)
{
	return call(&(struct call){ .fn = do_remove_ns, .nqn = nqn,
				    .nsid = nsid });
}

struct begun {
	const char *nqn;
	u32 nsid;
	const char *bdev;
	struct fake_op *op;
};

static void remove_ns_begin(void *ctx)
{
	struct begun *b = ctx;

	nvmf_subsystem_remove_ns(nvmf_subsystem_find(b->nqn), b->nsid, op_done,
				 b->op);
}

void fake_remove_ns_begin(const char *nqn, u32 nsid, struct fake_op *op)
{
	op->done = false;
	fake_on(0, remove_ns_begin, &(struct begun){ nqn, nsid, NULL, op });
}

static void add_ns_begin(void *ctx)
{
	struct begun *b = ctx;
	struct nvmf_ns_opts o = { .nsid = b->nsid, .bdev_name = b->bdev };

	nvmf_subsystem_add_ns(nvmf_subsystem_find(b->nqn), &o, &b->op->nsid,
			      op_done, b->op);
}

void fake_add_ns_begin(const char *nqn, const char *bdev, u32 nsid,
		       struct fake_op *op)
{
	op->done = false;
	fake_on(0, add_ns_begin, &(struct begun){ nqn, nsid, bdev, op });
}

static void delete_begin(void *ctx)
{
	struct begun *b = ctx;

	nvmf_subsystem_delete(nvmf_subsystem_find(b->nqn), op_done, b->op);
}

void fake_delete_begin(const char *nqn, struct fake_op *op)
{
	op->done = false;
	fake_on(0, delete_begin, &(struct begun){ nqn, 0, NULL, op });
}

static void do_listener(struct call *c)
{
	struct nvmf_listener_opts opts = { .invalidate = c->invalidate };
	struct nvmf_subsystem *s = sub(c);
	struct nvmf_trid trid;

	if (!s)
		return;
	nvmf_trid_parse(&trid, "TCP", NULL, "127.0.0.1", c->name, NULL);
	if (c->flag)
		nvmf_subsystem_add_listener(s, &trid, &opts, op_done, &c->op);
	else
		nvmf_subsystem_remove_listener(s, &trid, op_done, &c->op);
}

int fake_listener(const char *nqn, const char *port, bool add)
{
	return call(&(struct call){ .fn = do_listener, .nqn = nqn,
				    .name = port, .flag = add });
}

int fake_listener_invalidate(const char *nqn, const char *port,
			     enum nvmf_invalidate invalidate)
{
	return call(&(struct call){ .fn = do_listener, .nqn = nqn,
				    .name = port, .flag = true,
				    .invalidate = invalidate });
}

static void do_add_host(struct call *c)
{
	struct nvmf_subsystem *s = sub(c);

	if (s)
		op_done(&c->op, nvmf_subsystem_add_host(s, c->name, &fake_why),
			NULL);
}

int fake_add_host(const char *nqn, const char *host)
{
	return call(&(struct call){ .fn = do_add_host, .nqn = nqn,
				    .name = host });
}

static void do_remove_host(struct call *c)
{
	struct nvmf_subsystem *s = sub(c);

	if (s)
		nvmf_subsystem_remove_host(s, c->name, op_done, &c->op);
}

int fake_remove_host(const char *nqn, const char *host)
{
	return call(&(struct call){ .fn = do_remove_host, .nqn = nqn,
				    .name = host });
}

static void do_allow_any(struct call *c)
{
	struct nvmf_subsystem *s = sub(c);

	if (s)
		nvmf_subsystem_allow_any_host(s, c->flag, op_done, &c->op);
}

int fake_allow_any(const char *nqn, bool allow)
{
	return call(&(struct call){ .fn = do_allow_any, .nqn = nqn,
				    .flag = allow });
}

static void do_delete(struct call *c)
{
	struct nvmf_subsystem *s = sub(c);

	if (s)
		nvmf_subsystem_delete(s, op_done, &c->op);
}

int fake_delete(const char *nqn)
{
	return call(&(struct call){ .fn = do_delete, .nqn = nqn });
}

static void get_waits(void *ctx)
{
	memcpy(ctx, nvmf_group_self()->core->io_waits,
	       NVMF_IO_WAITS * sizeof(u64));
}

u64 fake_waits(unsigned int reactor, enum nvmf_io_wait reason)
{
	u64 waits[NVMF_IO_WAITS];

	fake_on(reactor, get_waits, waits);
	return waits[reason];
}

static void count_ctrlr(void *ctx, const struct nvmf_ctrlr_info *i)
{
	struct call *c = (struct call *)((char *)ctx - offsetof(struct call, op));

	(void)i;
	c->nsid++;
}

static void do_ctrlrs(struct call *c)
{
	struct nvmf_subsystem *s = sub(c);

	if (s)
		nvmf_subsystem_ctrlrs(s, count_ctrlr, plain_done, &c->op);
}

unsigned int fake_ctrlrs(const char *nqn)
{
	struct call c = { .fn = do_ctrlrs, .nqn = nqn };

	call(&c);
	return c.nsid;
}

void fake_standard(void)
{
	fake_standard_with(false);
}

void fake_standard_with(bool ana_reporting)
{
	struct nvmf_subsystem_opts o = {
		.nqn = FAKE_NQN, .serial = "S1", .allow_any_host = true,
		.ana_reporting = ana_reporting,
	};
	u32 nsid = 1;

	if (fake_subsystem(&o) || fake_listener(FAKE_NQN, "4420", true) ||
	    fake_malloc("m0", 2048, 512) || fake_add_ns(FAKE_NQN, "m0", &nsid))
		abort();
}

void fake_start_with_medium(u64 blocks)
{
	u32 nsid = 2;

	fake_medium_reset();
	fake_start(2, 0);
	fake_standard();
	if (fake_medium_create("d0", blocks) ||
	    fake_add_ns(FAKE_NQN, "d0", &nsid))
		abort();
}

/* The host's side */

void fake_connect_cmd(const struct fake_hello *h, union nvme_cmd *cmd,
		      struct nvmf_connect_data *d)
{
	u8 hostid[16] = { !h->no_hostid, [15] = h->hostid };

	nvme_cmd_connect(cmd, h->qid, h->sqsize ? h->sqsize : 15, h->cattr,
			 h->kato);
	nvmf_connect_data_encode(d, hostid, h->cntlid ? h->cntlid :
				 NVMF_CNTLID_DYNAMIC,
				 h->subnqn ? h->subnqn : FAKE_NQN,
				 h->no_host ? "" : h->hostnqn ? h->hostnqn :
				 FAKE_HOST);
}

struct fake_result fake_hello(struct fake_conn *c, const struct fake_hello *h)
{
	struct nvmf_connect_data d;
	union nvme_cmd cmd;

	fake_connect_cmd(h, &cmd, &d);
	return fake_cmd(c, &cmd, &d, sizeof(d));
}

nvme_status fake_prop_set(struct fake_conn *c, u32 offset, u64 value)
{
	union nvme_cmd cmd;

	nvme_cmd_property_set(&cmd, offset, false, value);
	return fake_cmd(c, &cmd, NULL, 0).st;
}

u64 fake_prop_get(struct fake_conn *c, u32 offset)
{
	union nvme_cmd cmd;

	nvme_cmd_property_get(&cmd, offset, offset == NVME_REG_CAP);
	return fake_cmd(c, &cmd, NULL, 0).result;
}

bool fake_enable(struct fake_conn *c)
{
	return !fake_prop_set(c, NVME_REG_CC, NVME_CC_EN | NVME_CC_IOSQES(6) |
			      NVME_CC_IOCQES(4)) &&
	       fake_prop_get(c, NVME_REG_CSTS) & NVME_CSTS_RDY;
}

struct fake_conn *fake_admin(const char *nqn, u16 *cntlid)
{
	return fake_admin_as(&(struct fake_hello){ .subnqn = nqn }, cntlid);
}

struct fake_conn *fake_admin_as(const struct fake_hello *h, u16 *cntlid)
{
	struct fake_conn *c = fake_conn_new(true);
	struct fake_result r = fake_hello(c, h);

	if (r.st || !fake_enable(c))
		abort();
	if (cntlid)
		*cntlid = r.result;
	return c;
}

struct fake_conn *fake_io(u16 cntlid, u16 qid, unsigned int reactor)
{
	return fake_io_as(&(struct fake_hello){ .qid = qid, .cntlid = cntlid },
			  reactor);
}

struct fake_conn *fake_io_as(const struct fake_hello *h, unsigned int reactor)
{
	struct fake_conn *c = fake_conn_on(false, reactor);

	if (fake_hello(c, h).st)
		abort();
	return c;
}

struct fake_result fake_rw(struct fake_conn *c, u8 opcode, u64 lba, u32 blocks,
			   void *data, u32 len)
{
	union nvme_cmd cmd;

	nvme_cmd_rw(&cmd, opcode, 1, lba, blocks, 0);
	return fake_cmd(c, &cmd, data, len);
}
