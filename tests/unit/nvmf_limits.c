// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Rate limits of namespaces and hosts: what becomes of commands that wait for
 * one when something leaves, and whose limit is whose. On two reactors.
 */
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

static struct fake_req *submit(void)
{
	union nvme_cmd cmd;

	nvme_cmd_rw(&cmd, NVME_CMD_READ, 1, 0, 1, 0);
	return fake_submit(io, &cmd, data, sizeof(data), FAKE_REMOTE);
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

static void set(struct setting *s)
{
	s->per_sec[LIMIT_RW_BYTES] = 1;
	s->done = false;
	fake_on(0, set_here, s);
	while (!s->done)
		fake_yield();
}

/* all that it still had to do ends within its removal */
static void test_remove_ns_with_commands_that_wait(void)
{
	struct setting s = { 0 };
	struct fake_req *r[3];
	int i;

	begin();
	set(&s);
	UNIT_EQ(fake_wait(submit()).st, 0);
	for (i = 0; i < 3; i++)
		r[i] = submit();
	fake_yield();
	for (i = 0; i < 3; i++)
		CU_ASSERT(!fake_ended(r[i]));
	UNIT_EQ(fake_remove_ns(FAKE_NQN, 1), 0);
	for (i = 0; i < 3; i++)
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
	UNIT_EQ(fake_wait(r).st, NVME_SC_ABORT_REQUESTED | NVME_STATUS_DNR);
	end();
}

UNIT_MAIN(UNIT(test_remove_ns_with_commands_that_wait),
	  UNIT(test_remove_ns_with_commands_of_a_slow_host),
	  UNIT(test_limits_of_many_hosts))
