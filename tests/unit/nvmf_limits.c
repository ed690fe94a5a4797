// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Rate limits of namespaces and hosts: what becomes of commands that wait for
 * one when something leaves, and whose limit is whose. On two reactors.
 */
#include "common/ana.h"
#include "target/nvmf/io.h"
#include "tests/unit/lib/nvmf_fake.h"
#include "tests/unit/unit.h"

static struct fake_conn *a, *io;
static u16 cntlid;
static u8 data[512];

static void begin(void)
{
	fake_start(2, 0);
	fake_standard();
	a = fake_admin(FAKE_NQN, &cntlid);
	io = fake_io(cntlid, 1, 1);
}

static void end(void)
{
	fake_conn_end(io);
	fake_conn_end(a);
	CU_ASSERT(fake_stop());
}

static struct fake_req *submit_half(struct fake_conn *c, u8 opcode, u32 nsid,
				    u8 half)
{
	union nvme_cmd cmd;

	nvme_cmd_rw(&cmd, opcode, nsid, 0, 1, 0);
	nvme_cmd_fuse(&cmd, half);
	return fake_submit(c, &cmd, data, sizeof(data), FAKE_REMOTE);
}

static struct fake_req *submit_to(struct fake_conn *c, u8 opcode, u32 nsid)
{
	return submit_half(c, opcode, nsid, 0);
}

static struct fake_req *submit(void)
{
	return submit_to(io, NVME_CMD_READ, 1);
}

/* Setting: a byte in a second lets one command pass, and then none for long */

struct setting {
	const char *host;
	u64 per_sec[LIMIT_RATES];
	atomic_bool done;
};

static void set_done(void *ctx, int err, const struct weft_reason *why)
{
	struct setting *s = ctx;

	(void)why;
	UNIT_EQ(err, 0);
	s->done = true;
}

static void set_here(void *ctx)
{
	struct nvmf_subsystem *sub = nvmf_subsystem_find(FAKE_NQN);
	struct setting *s = ctx;

	if (s->host)
		nvmf_host_set_limits(s->host, s->per_sec, set_done, s);
	else
		nvmf_ns_set_limits(nvmf_subsystem_ns(sub, 1), s->per_sec,
				   set_done, s);
}

static void set_to(struct setting *s, u64 bytes)
{
	s->per_sec[LIMIT_RW_BYTES] = bytes;
	s->done = false;
	fake_on(0, set_here, s);
	while (!s->done)
		fake_yield();
}

static void set(struct setting *s)
{
	set_to(s, 1);
}

#define TURNS	100

static bool done_soon(const struct fake_op *op)
{
	int i;

	for (i = 0; i < TURNS && !op->done; i++)
		fake_yield();
	return op->done;
}

#define HELD	3

/* one uses up what the limit allows, the others wait for it */
static void submit_held(struct fake_req *r[HELD])
{
	int i;

	UNIT_EQ(fake_wait(submit()).st, 0);
	for (i = 0; i < HELD; i++)
		r[i] = submit();
	fake_yield();
	for (i = 0; i < HELD; i++)
		CU_ASSERT(!fake_ended(r[i]));
}

/* all that it still had to do ends within its removal */
static void test_remove_ns_with_commands_that_wait(void)
{
	struct setting s = { 0 };
	struct fake_req *r[HELD];
	int i;

	begin();
	set(&s);
	submit_held(r);
	UNIT_EQ(fake_remove_ns(FAKE_NQN, 1), 0);
	for (i = 0; i < HELD; i++)
		UNIT_EQ(fake_wait(r[i]).st, 0);
	UNIT_EQ(fake_unregister("m0"), 0);
	end();
}

/* the limit is the host's; the data of one command comes later still */
static void test_remove_ns_with_commands_of_a_slow_host(void)
{
	struct setting of_ns = { 0 }, of_host = { .host = FAKE_HOST };
	struct fake_req *r[4];
	union nvme_cmd cmd;
	struct fake_op op;
	int i;

	begin();
	set(&of_host);
	set(&of_ns);
	UNIT_EQ(fake_wait(submit()).st, 0);
	for (i = 0; i < 3; i++)
		r[i] = submit();
	io->hold_data = true;
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, 1, 0, 1, 0);
	r[3] = fake_submit(io, &cmd, data, sizeof(data), FAKE_REMOTE);
	fake_yield();
	for (i = 0; i < 4; i++)
		CU_ASSERT(!fake_ended(r[i]));
	fake_remove_ns_begin(FAKE_NQN, 1, &op);
	for (i = 0; i < 3; i++)
		UNIT_EQ(fake_wait(r[i]).st, 0);
	CU_ASSERT(!op.done);
	fake_release(io);
	UNIT_EQ(fake_wait(r[3]).st, 0);
	fake_until(&op.done);
	UNIT_EQ(op.err, 0);
	UNIT_EQ(fake_unregister("m0"), 0);
	end();
}

static void limit_bdev(void *ctx)
{
	const u64 per_sec[LIMIT_RATES] = { [LIMIT_RW_BYTES] = 1 };

	(void)ctx;
	UNIT_EQ(bdev_set_limits(bdev_find("m0"), per_sec, NULL), 0);
}

/* the limit is the bdev's: it stays, but the namespace need not wait for it */
static void test_remove_ns_of_a_slow_bdev(void)
{
	struct fake_req *r[HELD];
	struct fake_op op;
	int i;

	begin();
	fake_on(0, limit_bdev, NULL);
	fake_yield();
	submit_held(r);
	fake_remove_ns_begin(FAKE_NQN, 1, &op);
	CU_ASSERT(done_soon(&op));
	UNIT_EQ(fake_unregister("m0"), 0);
	for (i = 0; i < HELD; i++)
		UNIT_EQ(fake_wait(r[i]).st, 0);
	end();
}

/* nor does a connection that is lost */
static void test_connection_to_a_slow_bdev(void)
{
	struct fake_req *r[HELD];
	int i;

	begin();
	fake_on(0, limit_bdev, NULL);
	fake_yield();
	submit_held(r);
	fake_conn_break(io);
	fake_until(&io->gone);
	for (i = 0; i < HELD; i++)
		CU_ASSERT(fake_wait(r[i]).st != 0);
	end();
}

/* Nobody waits for one that waits: of two hosts the first is slow */

#define OTHER	"nqn.2026-11.io.weft:other"
#define RAM	1
#define DISK	2

static struct setting slow = { .host = FAKE_HOST };
static struct fake_conn *a2, *io2;
static u8 zeroes[512];

static void begin_two_hosts(bool ana)
{
	struct fake_hello h = { .hostnqn = OTHER };
	u32 nsid = DISK;

	fake_medium_reset();
	fake_start(2, 0);
	fake_standard_with(ana);
	UNIT_EQ(fake_medium_create("d0", 2048), 0);
	UNIT_EQ(fake_add_ns(FAKE_NQN, "d0", &nsid), 0);
	a = fake_admin(FAKE_NQN, &cntlid);
	io = fake_io(cntlid, 1, 1);
	a2 = fake_admin_as(&h, &h.cntlid);
	h.qid = 1;
	io2 = fake_io_as(&h, 1);
	set(&slow);
	UNIT_EQ(fake_wait(submit()).st, 0);
	memset(data, 0x5a, sizeof(data));
}

static void end_two_hosts(void)
{
	fake_conn_end(io2);
	fake_conn_end(a2);
	end();
}

static bool ends_soon(struct fake_req *r)
{
	int i;

	for (i = 0; i < TURNS && !fake_ended(r); i++)
		fake_yield();
	return fake_ended(r);
}

/* a path closes while they wait: they are refused when they go on */
static void test_state_of_a_path(void)
{
	struct fake_req *r[2];
	struct fake_op op;

	begin_two_hosts(true);
	r[0] = submit_to(io, NVME_CMD_READ, DISK);
	r[1] = submit_to(io, NVME_CMD_WRITE, RAM);
	fake_ana_state_begin(FAKE_NQN, "4420", 0, NVME_ANA_INACCESSIBLE, &op);
	CU_ASSERT(done_soon(&op));
	CU_ASSERT(!fake_ended(r[0]) && !fake_ended(r[1]));
	set_to(&slow, 0);
	UNIT_EQ(fake_wait(r[0]).st, NVME_SC_ANA_INACCESSIBLE);
	UNIT_EQ(fake_wait(r[1]).st, NVME_SC_ANA_INACCESSIBLE);
	end_two_hosts();
}

/* what waits has changed nothing, and keeps no pair from its blocks */
static void test_pair_of_another_host(void)
{
	struct fake_req *w, *d, *first, *second;
	u8 in[512];

	begin_two_hosts(false);
	w = submit_to(io, NVME_CMD_WRITE, RAM);
	d = submit_to(io, NVME_CMD_WRITE, DISK);
	UNIT_EQ(fake_rw(io2, NVME_CMD_READ, 0, 1, in, sizeof(in)).st, 0);
	CU_ASSERT(!memcmp(in, zeroes, sizeof(in)));
	memset(data, 0, sizeof(data));
	first = submit_half(io2, NVME_CMD_COMPARE, RAM, NVME_FUSE_FIRST);
	second = submit_half(io2, NVME_CMD_WRITE, RAM, NVME_FUSE_SECOND);
	CU_ASSERT(ends_soon(first) && ends_soon(second));
	CU_ASSERT(!fake_ended(w) && !fake_ended(d));
	set_to(&slow, 0);
	UNIT_EQ(fake_wait(w).st, 0);
	UNIT_EQ(fake_wait(d).st, 0);
	UNIT_EQ(fake_wait(first).st, 0);
	UNIT_EQ(fake_wait(second).st, 0);
	end_two_hosts();
}

/* a pair that waits has not locked its blocks */
static void test_pair_of_a_slow_host(void)
{
	struct fake_req *first, *second, *w;

	begin_two_hosts(false);
	memset(data, 0, sizeof(data));
	first = submit_half(io, NVME_CMD_COMPARE, DISK, NVME_FUSE_FIRST);
	second = submit_half(io, NVME_CMD_WRITE, DISK, NVME_FUSE_SECOND);
	fake_yield();
	w = submit_to(io2, NVME_CMD_WRITE, DISK);
	CU_ASSERT(ends_soon(w));
	CU_ASSERT(!fake_ended(first) && !fake_ended(second));
	set_to(&slow, 0);
	UNIT_EQ(fake_wait(first).st, 0);
	UNIT_EQ(fake_wait(second).st, 0);
	UNIT_EQ(fake_wait(w).st, 0);
	/* nor does it keep its connection from ending */
	set(&slow);
	first = submit_half(io, NVME_CMD_COMPARE, DISK, NVME_FUSE_FIRST);
	second = submit_half(io, NVME_CMD_WRITE, DISK, NVME_FUSE_SECOND);
	fake_yield();
	fake_conn_break(io);
	CU_ASSERT(fake_wait(first).st != 0);
	CU_ASSERT(fake_wait(second).st != 0);
	end_two_hosts();
}

static nvme_status abort_it(const struct fake_req *r, u32 *not_aborted)
{
	struct fake_result ended;
	union nvme_cmd cmd;

	nvme_cmd_abort(&cmd, 1, fake_cid(r));
	ended = fake_cmd(a, &cmd, NULL, 0);
	*not_aborted = ended.result & 1;
	return ended.st;
}

/* a half that does not wait itself is let be: the other one waits for it */
static void test_abort(void)
{
	const nvme_status aborted = NVME_SC_ABORT_REQUESTED | NVME_STATUS_DNR;
	struct fake_req *r, *first, *second;
	u32 no;

	begin_two_hosts(false);
	r = submit_to(io, NVME_CMD_WRITE, DISK);
	UNIT_EQ(abort_it(r, &no), 0);
	UNIT_EQ(no, 0);
	UNIT_EQ(fake_wait(r).st, aborted);
	first = submit_half(io, NVME_CMD_COMPARE, DISK, NVME_FUSE_FIRST);
	second = submit_half(io, NVME_CMD_WRITE, DISK, NVME_FUSE_SECOND);
	UNIT_EQ(abort_it(first, &no), 0);
	UNIT_EQ(no, 1);
	UNIT_EQ(abort_it(second, &no), 0);
	UNIT_EQ(no, 0);
	UNIT_EQ(fake_wait(second).st, aborted);
	UNIT_EQ(fake_wait(first).st, NVME_SC_FUSED_FAILED | NVME_STATUS_DNR);
	UNIT_EQ(fake_medium.count[BDEV_WRITE], 0);
	end_two_hosts();
}

/* nor does it hold any of the memory that all hosts share */
static void test_scratch_of_a_slow_host(void)
{
	u8 src[sizeof(struct nvme_copy_range)];
	struct fake_req *r[4], *compare;
	union nvme_cmd cmd;
	int i;

	begin_two_hosts(false);
	nvme_copy_range_encode((void *)src, 0, 2048);
	for (i = 0; i < 4; i++) {
		nvme_cmd_copy(&cmd, DISK, 0, 1, 0);
		r[i] = fake_submit(io, &cmd, src, sizeof(src), FAKE_REMOTE);
	}
	memset(data, 0, sizeof(data));
	compare = submit_to(io2, NVME_CMD_COMPARE, DISK);
	CU_ASSERT(ends_soon(compare));
	UNIT_EQ(fake_medium.count[BDEV_READ], 1);
	set_to(&slow, 0);
	for (i = 0; i < 4; i++)
		UNIT_EQ(fake_wait(r[i]).st, 0);
	UNIT_EQ(fake_wait(compare).st, 0);
	end_two_hosts();
}

/* nor buffers of a transport */
static void test_buffers_of_a_slow_host(void)
{
	struct fake_req *r, *w;

	begin_two_hosts(false);
	io->hold_data = true;
	r = submit_to(io, NVME_CMD_READ, DISK);
	w = submit_to(io, NVME_CMD_WRITE, DISK);
	fake_yield();
	UNIT_EQ(io->held, 0);
	set_to(&slow, 0);
	while (io->held < 2)
		fake_yield();
	fake_release(io);
	UNIT_EQ(fake_wait(r).st, 0);
	UNIT_EQ(fake_wait(w).st, 0);
	end_two_hosts();
}

/* data behind a capsule comes at once: it has its place before the command */
static void test_streamed_data_of_a_slow_host(void)
{
	struct fake_result ended;
	union nvme_cmd cmd;
	struct fake_req *w;

	begin_two_hosts(false);
	io->hold_data = true;
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, RAM, 0, 1, 0);
	w = fake_submit(io, &cmd, data, sizeof(data), FAKE_STREAMED);
	UNIT_EQ(io->held, 1);
	fake_release(io);
	CU_ASSERT(!fake_ended(w));
	set_to(&slow, 0);
	ended = fake_wait(w);
	UNIT_EQ(ended.st, 0);
	CU_ASSERT(!ended.in_place);
	end_two_hosts();
}

/* Many names: more hosts than a poll group counts apart */

#define FIRST	"nqn.2026-11.io.weft:0"
#define LATER	"nqn.2026-11.io.weft:later"

static void meet_many(void *ctx)
{
	char nqn[64];
	int i;

	(void)ctx;
	for (i = 0; i < 1024; i++) {
		snprintf(nqn, sizeof(nqn), "nqn.2026-11.io.weft:%d", i);
		nvmf_io_host_get(nvmf_group_self()->core, nqn);
	}
}

struct lookup {
	const char *nqn;
	struct nvmf_io_host *host;
};

static void look_up(void *ctx)
{
	struct lookup *l = ctx;

	l->host = nvmf_io_host_get(nvmf_group_self()->core, l->nqn);
}

static struct nvmf_io_host *host(const char *nqn)
{
	struct lookup l = { nqn, NULL };

	fake_on(1, look_up, &l);
	return l.host;
}

/* limits are of the host that they were set for, and of no other */
static void test_limits_of_many_hosts(void)
{
	struct setting s = { .host = FIRST };
	struct fake_req *r;

	fake_start(2, 0);
	fake_standard();
	fake_on(1, meet_many, NULL);
	a = fake_admin(FAKE_NQN, &cntlid);
	io = fake_io(cntlid, 1, 1);
	UNIT_EQ(fake_wait(submit()).st, 0);
	/* a host that is known stays so, and one that is new has no name */
	UNIT_STR(host(FIRST)->nqn, FIRST);
	UNIT_STR(host(FAKE_HOST)->nqn, "");
	set(&s);
	CU_ASSERT(host(FIRST)->limit != NULL);
	CU_ASSERT(!host("")->limit);
	UNIT_EQ(fake_wait(submit()).st, 0);
	UNIT_EQ(fake_wait(submit()).st, 0);
	/* one with a limit has one, also if it is connected already */
	s.host = LATER;
	set(&s);
	s.host = FAKE_HOST;
	set(&s);
	UNIT_STR(host(LATER)->nqn, LATER);
	CU_ASSERT(host(LATER)->limit != NULL);
	CU_ASSERT(host(LATER)->limit != host(FAKE_HOST)->limit);
	CU_ASSERT(!host("")->limit);
	UNIT_EQ(fake_wait(submit()).st, 0);
	r = submit();
	fake_yield();
	CU_ASSERT(!fake_ended(r));
	fake_conn_break(io);
	UNIT_EQ(fake_wait(r).st, NVME_SC_ABORT_SQ_DELETED);
	end();
}

static void look_for(void *ctx)
{
	struct lookup *l = ctx;

	TAILQ_FOREACH(l->host, &nvmf_group_self()->core->io_hosts, link)
		if (!strcmp(l->host->nqn, l->nqn))
			break;
}

/* as it is there already, or NULL */
static struct nvmf_io_host *host_there(unsigned int reactor, const char *nqn)
{
	struct lookup l = { nqn, NULL };

	fake_on(reactor, look_for, &l);
	return l.host;
}

static void first_limited(void *ctx)
{
	*(const char **)ctx = nvmf_host_limits_next(NULL);
}

/* one that never came is forgotten with its limits, and takes nobody's place */
static void test_limits_that_are_lifted(void)
{
	struct setting s = { .host = LATER };
	const char *first;

	begin();
	CU_ASSERT(!host_there(1, LATER));
	set_to(&s, 0);
	CU_ASSERT(!host_there(1, LATER));
	set(&s);
	CU_ASSERT(host_there(0, LATER) && host_there(1, LATER));
	fake_on(1, meet_many, NULL);
	UNIT_STR(host("nqn.2026-11.io.weft:1023")->nqn,
		 "nqn.2026-11.io.weft:1023");
	UNIT_STR(host("nqn.2026-11.io.weft:1024")->nqn, "");
	set_to(&s, 0);
	CU_ASSERT(!host_there(0, LATER) && !host_there(1, LATER));
	fake_on(0, first_limited, &first);
	CU_ASSERT(!first);
	/* connected, but has done nothing */
	s.host = FAKE_HOST;
	set(&s);
	set_to(&s, 0);
	CU_ASSERT(!host_there(0, FAKE_HOST) && !host_there(1, FAKE_HOST));
	end();
}

/* what waits goes on, and a host that has done something stays */
static void test_limits_lifted_under_load(void)
{
	struct setting s = { .host = FAKE_HOST };
	struct fake_req *r[HELD];
	struct nvmf_io_host *h;
	int i;

	begin();
	set(&s);
	submit_held(r);
	set_to(&s, 0);
	for (i = 0; i < HELD; i++)
		UNIT_EQ(fake_wait(r[i]).st, 0);
	h = host_there(io->reactor, FAKE_HOST);
	CU_ASSERT_FATAL(h != NULL);
	CU_ASSERT(!h->limit);
	UNIT_EQ(h->io.ops[NVMF_IO_READ], 1 + HELD);
	CU_ASSERT(!host_there(!io->reactor, FAKE_HOST));
	end();
}

/* more than go in one turn */
static void test_limits_of_many_commands_lifted(void)
{
	struct setting s = { .host = FAKE_HOST };
	struct fake_hello h = { .sqsize = FAKE_DEPTH - 1 };
	struct fake_req *r[3][FAKE_DEPTH - 1];
	struct fake_conn *c[3];
	size_t q, i;

	begin();
	set(&s);
	UNIT_EQ(fake_wait(submit()).st, 0);
	h.cntlid = cntlid;
	for (q = 0; q < ARRAY_SIZE(c); q++) {
		h.qid = (u16)(2 + q);
		c[q] = fake_io_as(&h, io->reactor);
		for (i = 0; i < ARRAY_SIZE(r[q]); i++)
			r[q][i] = submit_to(c[q], NVME_CMD_READ, 1);
	}
	fake_yield();
	CU_ASSERT(!fake_ended(r[0][0]));
	set_to(&s, 0);
	/* the limit is gone when the change has ended, and nobody waits */
	CU_ASSERT(!host_there(io->reactor, FAKE_HOST)->limit);
	for (q = 0; q < ARRAY_SIZE(c); q++) {
		for (i = 0; i < ARRAY_SIZE(r[q]); i++)
			UNIT_EQ(fake_wait(r[q][i]).st, 0);
		fake_conn_end(c[q]);
	}
	end();
}

static void set_three(void *ctx)
{
	struct setting *s = ctx;
	int i;

	for (i = 0; i < 3; i++) {
		s[i].done = false;
		nvmf_host_set_limits(s[i].host, s[i].per_sec, set_done, &s[i]);
	}
}

/* changes that overlap take effect in their order */
static void test_limits_lifted_and_set_at_once(void)
{
	struct setting s[3] = { { .host = FAKE_HOST }, { .host = FAKE_HOST },
				{ .host = FAKE_HOST } };
	struct fake_req *r[HELD];
	int last, i;

	begin();
	for (last = 0; last < 2; last++) {
		for (i = 0; i < 3; i++)
			s[i].per_sec[LIMIT_RW_BYTES] = i % 2 == last;
		fake_on(0, set_three, s);
		while (!s[0].done || !s[1].done || !s[2].done)
			fake_yield();
		/* 1, 0, 1: it holds; 0, 1, 0: what waits goes on */
		if (!last)
			submit_held(r);
	}
	for (i = 0; i < HELD; i++)
		UNIT_EQ(fake_wait(r[i]).st, 0);
	CU_ASSERT(!host_there(!io->reactor, FAKE_HOST));
	end();
}

UNIT_MAIN(UNIT(test_remove_ns_with_commands_that_wait),
	  UNIT(test_remove_ns_with_commands_of_a_slow_host),
	  UNIT(test_remove_ns_of_a_slow_bdev),
	  UNIT(test_connection_to_a_slow_bdev),
	  UNIT(test_state_of_a_path), UNIT(test_pair_of_another_host),
	  UNIT(test_pair_of_a_slow_host), UNIT(test_abort),
	  UNIT(test_scratch_of_a_slow_host), UNIT(test_buffers_of_a_slow_host),
	  UNIT(test_streamed_data_of_a_slow_host),
	  UNIT(test_limits_of_many_hosts), UNIT(test_limits_that_are_lifted),
	  UNIT(test_limits_lifted_under_load),
	  UNIT(test_limits_of_many_commands_lifted),
	  UNIT(test_limits_lifted_and_set_at_once))
