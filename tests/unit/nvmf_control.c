// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The control plane: what it accepts, how it refuses, that a repeated call
 * does no harm, and what its listings show.
 */
#include "tests/unit/lib/nvmf_fake.h"
#include "tests/unit/lib/nvmf_fake_run.h"
#include "tests/unit/unit.h"

#define SAYS(part) do {							\
	if (!strstr(fake_why.text, part))				\
		fprintf(stderr, "  %s:%d: \"%s\" lacks \"%s\"\n",	\
			__FILE__, __LINE__, fake_why.text, part);	\
	CU_ASSERT(strstr(fake_why.text, part) != NULL);			\
} while (0)

#define SUBSYSTEM(...) \
	fake_subsystem(&(struct nvmf_subsystem_opts){ __VA_ARGS__ })

static void test_subsystem_options(void)
{
	fake_start(1, 0);
	UNIT_EQ(SUBSYSTEM(.nqn = "bad"), -EINVAL);
	SAYS("nqn=bad");
	UNIT_EQ(SUBSYSTEM(.nqn = NVMF_DISCOVERY_NQN), -EINVAL);
	UNIT_EQ(SUBSYSTEM(.nqn = FAKE_NQN,
			  .serial = "123456789012345678901"), -EINVAL);
	SAYS("serial_number");
	UNIT_EQ(SUBSYSTEM(.nqn = FAKE_NQN, .model = "a\tb"), -EINVAL);
	SAYS("model_number");
	UNIT_EQ(SUBSYSTEM(.nqn = FAKE_NQN,
			  .max_namespaces = NVMF_MAX_NAMESPACES + 1), -EINVAL);
	SAYS("1-4096");
	UNIT_EQ(SUBSYSTEM(.nqn = FAKE_NQN, .min_cntlid = 5, .max_cntlid = 4),
		-EINVAL);
	SAYS("min_cntlid=5");
	UNIT_EQ(SUBSYSTEM(.nqn = FAKE_NQN, .max_cntlid = 0xfff0), -EINVAL);
	UNIT_EQ(SUBSYSTEM(.nqn = FAKE_NQN, .serial = "X"), 0);
	UNIT_EQ(SUBSYSTEM(.nqn = FAKE_NQN, .serial = "X"), 0);
	UNIT_EQ(SUBSYSTEM(.nqn = FAKE_NQN, .serial = "Y"), -EEXIST);
	SAYS(FAKE_NQN);
	UNIT_EQ(fake_delete(NVMF_DISCOVERY_NQN), -EPERM);
	UNIT_EQ(fake_delete(FAKE_NQN), 0);
	UNIT_EQ(SUBSYSTEM(.nqn = FAKE_NQN, .serial = "Y"), 0);
	CU_ASSERT(fake_stop());
}

static void test_namespaces(void)
{
	u32 nsid = 0;

	fake_start(2, 0);
	UNIT_EQ(SUBSYSTEM(.nqn = FAKE_NQN, .max_namespaces = 2), 0);
	UNIT_EQ(SUBSYSTEM(.nqn = FAKE_NQN "2"), 0);
	UNIT_EQ(fake_null("n0", 100), 0);
	UNIT_EQ(fake_null("n1", 100), 0);
	UNIT_EQ(fake_null("n2", 100), 0);
	UNIT_EQ(fake_add_ns(FAKE_NQN, "nothing", &nsid), -ENODEV);
	SAYS("nothing");
	nsid = 3;
	UNIT_EQ(fake_add_ns(FAKE_NQN, "n0", &nsid), -EINVAL);
	SAYS("nsid=3");
	nsid = 2;
	UNIT_EQ(fake_add_ns(FAKE_NQN, "n0", &nsid), 0);
	/* again, by number or not: the same */
	UNIT_EQ(fake_add_ns(FAKE_NQN, "n0", &nsid), 0);
	nsid = 0;
	UNIT_EQ(fake_add_ns(FAKE_NQN, "n0", &nsid), 0);
	UNIT_EQ(nsid, 2);
	UNIT_EQ(fake_add_ns(FAKE_NQN, "n1", &nsid), -EEXIST);
	SAYS("n0");
	/* claimed by another */
	nsid = 0;
	UNIT_EQ(fake_add_ns(FAKE_NQN "2", "n0", &nsid), -EBUSY);
	/* the lowest free number, until there is none */
	nsid = 0;
	UNIT_EQ(fake_add_ns(FAKE_NQN, "n1", &nsid), 0);
	UNIT_EQ(nsid, 1);
	nsid = 0;
	UNIT_EQ(fake_add_ns(FAKE_NQN, "n2", &nsid), -ENOSPC);
	SAYS("max_namespaces");
	UNIT_EQ(fake_remove_ns(FAKE_NQN, 7), -ENOENT);
	SAYS("nsid=7");
	nsid = 0;
	UNIT_EQ(fake_add_ns(NVMF_DISCOVERY_NQN, "n2", &nsid), -EINVAL);
	CU_ASSERT(fake_stop());
}

static void test_hosts_and_listeners(void)
{
	fake_start(1, 0);
	UNIT_EQ(SUBSYSTEM(.nqn = FAKE_NQN), 0);
	UNIT_EQ(fake_add_host(FAKE_NQN, "not an nqn"), -EINVAL);
	SAYS("host");
	UNIT_EQ(fake_add_host(FAKE_NQN, FAKE_HOST), 0);
	UNIT_EQ(fake_add_host(FAKE_NQN, FAKE_HOST), 0);
	UNIT_EQ(fake_remove_host(FAKE_NQN, FAKE_HOST), 0);
	UNIT_EQ(fake_remove_host(FAKE_NQN, FAKE_HOST), -ENOENT);
	SAYS(FAKE_HOST);
	UNIT_EQ(fake_listener(FAKE_NQN, "1", true), -EADDRINUSE);
	SAYS("port 1");
	UNIT_EQ(fake_listener(FAKE_NQN, "4420", true), 0);
	UNIT_EQ(fake_listener(FAKE_NQN, "4420", true), 0);
	UNIT_EQ(fake_listener(FAKE_NQN, "4420", false), 0);
	UNIT_EQ(fake_listener(FAKE_NQN, "4420", false), -ENOENT);
	CU_ASSERT(fake_stop());
}

static void test_trids(void)
{
	struct weft_reason why;
	struct nvmf_trid t, u;

	UNIT_EQ(nvmf_trid_parse(&t, "rdma", "ipv4", "10.0.0.1", NULL, &why), 0);
	UNIT_EQ(t.trtype, NVMF_TRTYPE_RDMA);
	UNIT_STR(t.trsvcid, "4420");
	UNIT_EQ(nvmf_trid_parse(&u, "RDMA", "", "10.0.0.1", "4420", &why), 0);
	CU_ASSERT(nvmf_trid_equal(&t, &u));
	UNIT_EQ(nvmf_trid_parse(&u, "TCP", "IPv6", "fe80::1%eth0", "1", &why),
		0);
	UNIT_EQ(u.adrfam, NVMF_ADRFAM_IPV6);
	CU_ASSERT(!nvmf_trid_equal(&t, &u));
	UNIT_EQ(nvmf_trid_parse(&t, "FC", NULL, "10.0.0.1", "1", &why),
		-EINVAL);
	CU_ASSERT(strstr(why.text, "trtype=FC") != NULL);
	UNIT_EQ(nvmf_trid_parse(&t, "TCP", "IPv6", "10.0.0.1", "1", &why),
		-EINVAL);
	CU_ASSERT(strstr(why.text, "adrfam=IPv6") != NULL);
	UNIT_EQ(nvmf_trid_parse(&t, "TCP", NULL, "10.0.0", "1", &why), -EINVAL);
	UNIT_EQ(nvmf_trid_parse(&t, "TCP", NULL, "10.0.0.1", "65536", &why),
		-EINVAL);
	CU_ASSERT(strstr(why.text, "trsvcid=65536") != NULL);
}

/* Transports */

struct outcome {
	atomic_bool done;
	int err;
	char why[WEFT_REASON_MAX];
	const char *trtype;
	u32 depth;
};

static void outcome_done(void *ctx, int err, const struct weft_reason *why)
{
	struct outcome *o = ctx;

	o->err = err;
	snprintf(o->why, sizeof(o->why), "%s", why ? why->text : "");
	o->done = true;
}

static void create_transport(void *ctx)
{
	struct outcome *o = ctx;
	struct nvmf_transport_opts opts = { .max_queue_depth = o->depth };

	nvmf_transport_create(o->trtype, &opts, outcome_done, o);
}

static void delete_transport(void *ctx)
{
	nvmf_transport_delete(nvmf_transport_first(), outcome_done, ctx);
}

static struct outcome transport(reactor_fn fn, const char *trtype, u32 depth)
{
	struct outcome o = { .trtype = trtype, .depth = depth };

	fake_on(0, fn, &o);
	while (!o.done)
		fake_yield();
	return o;
}

static void test_transports(void)
{
	struct nvmf_transport_opts opts;
	struct fake_conn *c;
	struct weft_reason why;
	struct outcome o;

	fake_start(2, 0);
	UNIT_EQ(nvmf_transport_opts_init("loop", &opts, &why), -ENOTSUP);
	CU_ASSERT(strstr(why.text, "TCP") != NULL);
	UNIT_EQ(transport(create_transport, "loop", 32).err, -ENOTSUP);
	UNIT_EQ(transport(create_transport, "tcp", 32).err, -EEXIST);
	UNIT_EQ(SUBSYSTEM(.nqn = FAKE_NQN), 0);
	UNIT_EQ(fake_listener(FAKE_NQN, "4420", true), 0);
	o = transport(delete_transport, NULL, 0);
	UNIT_EQ(o.err, -EBUSY);
	CU_ASSERT(strstr(o.why, "4420") != NULL);
	/* a connection that is still there goes with it */
	c = fake_conn_new(true);
	UNIT_EQ(fake_listener(FAKE_NQN, "4420", false), 0);
	UNIT_EQ(transport(delete_transport, NULL, 0).err, 0);
	CU_ASSERT(c->gone);
	fake_conn_end(c);
	UNIT_EQ(fake_listener(FAKE_NQN, "4420", true), -ENOENT);
	SAYS("nvmf_create_transport");
	UNIT_EQ(transport(create_transport, "TCP", 2048).err, -EINVAL);
	UNIT_EQ(transport(create_transport, "TCP", 32).err, 0);
	UNIT_EQ(fake_listener(FAKE_NQN, "4420", true), 0);
	CU_ASSERT(fake_stop());
}

static void choose(void *ctx)
{
	struct nvmf_group **g = ctx;

	*g = nvmf_group_choose(nvmf_transport_first(), true);
}

static void unchoose(void *ctx)
{
	nvmf_group_unchoose(ctx, true);
}

/* a connection that is still being set up keeps it; nothing new may */
static void test_listener_of_a_transport_that_is_deleted(void)
{
	struct nvmf_group *chosen;
	struct outcome o = { 0 };

	fake_start(2, 0);
	UNIT_EQ(SUBSYSTEM(.nqn = FAKE_NQN), 0);
	fake_on(0, choose, &chosen);
	fake_on(0, delete_transport, &o);
	fake_yield();
	CU_ASSERT(!o.done);
	UNIT_EQ(fake_listener(FAKE_NQN, "4420", true), -EBUSY);
	SAYS("being deleted");
	fake_on(0, unchoose, chosen);
	while (!o.done)
		fake_yield();
	UNIT_EQ(o.err, 0);
	/* and it may be had again */
	UNIT_EQ(transport(create_transport, "TCP", 32).err, 0);
	UNIT_EQ(fake_listener(FAKE_NQN, "4420", true), 0);
	CU_ASSERT(fake_stop());
}

/* Turns */

/** struct turns - @order: a letter for each turn that came and change that ended */
struct turns {
	struct nvmf_subsystem *s;
	char order[16];
	atomic_bool done;
};

static void note(struct turns *t, char what)
{
	size_t n = strlen(t->order);

	if (n + 1 < sizeof(t->order))
		t->order[n] = what;
}

static void host_gone(void *ctx, int err, const struct weft_reason *why)
{
	(void)why;
	note(ctx, err ? 'E' : 'h');
}

static void refused(void *ctx, int err, const struct weft_reason *why)
{
	(void)why;
	note(ctx, err == -EBUSY ? 'b' : 'E');
}

static void subsystem_gone(void *ctx, int err, const struct weft_reason *why)
{
	struct turns *t = ctx;

	(void)why;
	note(t, err ? 'E' : 'd');
	t->done = true;
}

static void first_turn(void *ctx, int err, const struct weft_reason *why)
{
	struct turns *t = ctx;

	(void)why;
	note(t, err ? 'E' : '1');
	nvmf_subsystem_remove_host(t->s, FAKE_HOST, host_gone, t);
}

static void second_turn(void *ctx, int err, const struct weft_reason *why)
{
	struct turns *t = ctx;

	(void)why;
	note(t, err ? 'E' : '2');
	nvmf_subsystem_delete(t->s, subsystem_gone, t);
}

static void third_turn(void *ctx, int err, const struct weft_reason *why)
{
	struct turns *t = ctx;

	(void)why;
	note(t, err ? 'E' : '3');
	nvmf_subsystem_allow_any_host(t->s, true, refused, t);
}

static void ask_for_turns(void *ctx)
{
	struct turns *t = ctx;

	t->s = nvmf_subsystem_find(FAKE_NQN);
	nvmf_subsystem_turn(t->s, 0, NULL, first_turn, t);
	nvmf_subsystem_turn(t->s, 0, NULL, second_turn, t);
	nvmf_subsystem_turn(t->s, 0, NULL, third_turn, t);
}

/* A change that is asked for in a turn is the next one; deletion the last. */
static void test_turns(void)
{
	struct turns t = { .done = false };

	fake_start(2, 0);
	UNIT_EQ(SUBSYSTEM(.nqn = FAKE_NQN), 0);
	UNIT_EQ(fake_add_host(FAKE_NQN, FAKE_HOST), 0);
	fake_on(0, ask_for_turns, &t);
	while (!t.done)
		fake_yield();
	CU_ASSERT_STRING_EQUAL(t.order, "1h23bd");
	CU_ASSERT(fake_stop());
}

/* Listings */

struct listing {
	struct nvmf_qpair_info q[8];
	struct nvmf_group_stats g[2];
	unsigned int nq;
	unsigned int ng;
	atomic_bool done;
};

static void take_qpair(void *ctx, const struct nvmf_qpair_info *i)
{
	struct listing *l = ctx;

	l->q[l->nq++ % 8] = *i;
}

static void take_group(void *ctx, const struct nvmf_group_stats *s)
{
	struct listing *l = ctx;

	l->g[l->ng++ % 2] = *s;
}

static void listed(void *ctx)
{
	((struct listing *)ctx)->done = true;
}

static void list_groups(void *ctx)
{
	nvmf_stats_collect(take_group, listed, ctx);
}

static void list_qpairs(void *ctx)
{
	nvmf_subsystem_qpairs(nvmf_subsystem_find(FAKE_NQN), take_qpair, listed,
			      ctx);
}

static void collect(struct listing *l, reactor_fn fn)
{
	l->nq = 0;
	l->ng = 0;
	l->done = false;
	fake_on(0, fn, l);
	while (!l->done)
		fake_yield();
}

static void test_listings(void)
{
	static u8 data[512];
	struct fake_conn *a, *io1, *io2, *silent;
	struct listing l;
	u16 id;

	fake_start(2, 0);
	fake_standard();
	a = fake_admin(FAKE_NQN, &id);
	io2 = fake_io(id, 2, 0);
	io1 = fake_io(id, 1, 1);
	silent = fake_conn_on(false, 1);
	UNIT_EQ(fake_rw(io1, NVME_CMD_READ, 0, 1, data, 512).st, 0);
	fake_yield();
	collect(&l, list_qpairs);
	UNIT_EQ(l.nq, 3);
	UNIT_EQ(l.q[0].qid, 0);
	UNIT_EQ(l.q[1].qid, 1);
	UNIT_EQ(l.q[1].reactor, 1);
	UNIT_EQ(l.q[2].qid, 2);
	UNIT_EQ(l.q[2].cntlid, id);
	UNIT_EQ(l.q[2].depth, 16);
	UNIT_STR(l.q[2].state, "enabled");
	UNIT_STR(l.q[2].hostnqn, FAKE_HOST);
	UNIT_STR(l.q[2].listen.trsvcid, "4420");
	collect(&l, list_groups);
	UNIT_EQ(l.ng, 2);
	UNIT_EQ(l.g[0].reactor, 0);
	UNIT_EQ(l.g[0].current_admin_qpairs + l.g[1].current_admin_qpairs, 1);
	UNIT_EQ(l.g[0].current_io_qpairs, 1);
	UNIT_EQ(l.g[1].current_io_qpairs, 1);
	UNIT_EQ(l.g[1].current_unassociated_qpairs, 1);
	UNIT_EQ(l.g[1].completed_nvme_io, 1);
	UNIT_EQ(l.g[1].pending_bdev_io, 0);
	UNIT_EQ(l.g[1].ntransports, 1);
	UNIT_STR(l.g[1].transports[0].trtype, "TCP");
	fake_conn_end(io1);
	fake_conn_end(silent);
	collect(&l, list_groups);
	UNIT_EQ(l.g[1].io_qpairs, 1);
	UNIT_EQ(l.g[1].current_io_qpairs, 0);
	UNIT_EQ(l.g[1].current_unassociated_qpairs, 0);
	fake_conn_end(io2);
	fake_conn_end(a);
	CU_ASSERT(fake_stop());
}

/* Statistics of a transport are as long as they are. */

#define LONG_TEXT	5000

static size_t lengths[2];

static void much(struct nvmf_transport *t, struct nvmf_group *g,
		 struct weft_text *json)
{
	unsigned int i;

	(void)t, (void)g;
	for (i = 0; i < LONG_TEXT / 10; i++)
		weft_text_add(json, "%010u", i);
}

static void take_length(void *ctx, const struct nvmf_group_stats *s)
{
	struct listing *l = ctx;

	lengths[l->ng++ % 2] = strlen(s->transports[0].json);
}

static void list_lengths(void *ctx)
{
	static struct nvmf_transport_ops ops;

	ops = *nvmf_transport_first()->ops;
	ops.group_stats = much;
	nvmf_transport_first()->ops = &ops;
	nvmf_stats_collect(take_length, listed, ctx);
}

static void test_long_statistics(void)
{
	struct listing l;

	fake_start(2, 0);
	fake_standard();
	collect(&l, list_lengths);
	UNIT_EQ(l.ng, 2);
	UNIT_EQ(lengths[0], LONG_TEXT);
	UNIT_EQ(lengths[1], LONG_TEXT);
	CU_ASSERT(fake_stop());
}

/* admin and I/O connections are spread apart from each other */
static void test_placement(void)
{
	struct fake_conn *c[6];
	unsigned int admin[2] = { 0 }, io[2] = { 0 };
	int i;

	fake_start(2, 0);
	for (i = 0; i < 6; i++) {
		c[i] = fake_conn_new(i % 3 == 0);
		if (i % 3 == 0)
			admin[c[i]->reactor]++;
		else
			io[c[i]->reactor]++;
	}
	UNIT_EQ(admin[0], 1);
	UNIT_EQ(admin[1], 1);
	UNIT_EQ(io[0], 2);
	UNIT_EQ(io[1], 2);
	/* what has gone counts no more */
	for (i = 0; i < 6; i++)
		if (!c[i]->reactor)
			break;
	fake_conn_end(c[i]);
	fake_yield();
	c[i] = fake_conn_new(i % 3 == 0);
	UNIT_EQ(c[i]->reactor, 0);
	for (i = 0; i < 6; i++)
		fake_conn_end(c[i]);
	CU_ASSERT(fake_stop());
}

/* More transports, of which the room knows nothing: LOOP, and one with a number
 * that discovery records have no room for */

#define BEYOND	1024

static int any_address(struct nvmf_trid *t, const char *adrfam,
		       const char *traddr, const char *trsvcid,
		       struct weft_reason *why)
{
	(void)adrfam;
	(void)trsvcid;
	if (*traddr != '/')
		return weft_fail(why, -EINVAL, "traddr=%s: no path", traddr);
	t->adrfam = 254;	/* intra-host */
	snprintf(t->traddr, sizeof(t->traddr), "%s", traddr);
	return 0;
}

static const char *const loop_options[] = { "sock_priority", NULL };

static void loop_change(struct nvmf_transport_opts *to,
			const struct nvmf_transport_opts *from)
{
	to->sock_priority = from->sock_priority;
}

static atomic_int loop_parts;

static int loop_group(struct nvmf_transport *t, struct nvmf_group *g)
{
	g->transport_group[t->ops->slot] = t;
	loop_parts++;
	return 0;
}

static void loop_group_end(struct nvmf_transport *t, struct nvmf_group *g)
{
	g->transport_group[t->ops->slot] = NULL;
	loop_parts--;
}

static void more_transports(struct nvmf_transport_ops more[2])
{
	more[0] = fake_transport_ops;
	more[0].name = "LOOP";
	more[0].trtype = NVMF_TRTYPE_LOOP;
	more[0].slot = 5;
	more[0].options = loop_options;
	more[0].opts_change = loop_change;
	more[0].parse_address = any_address;
	more[0].disc_record = NULL;
	more[0].map_memory = NULL;
	more[0].unmap_memory = NULL;
	more[0].group_create = loop_group;
	more[0].group_destroy = loop_group_end;
	more[1] = more[0];
	more[1].name = "BEYOND";
	more[1].trtype = BEYOND;
	more[1].slot = 6;
}

static void change_options(void *ctx)
{
	struct nvmf_transport *t = nvmf_transport_find(NVMF_TRTYPE_LOOP);
	struct nvmf_transport_opts opts = *nvmf_transport_opts(t);
	struct outcome *o = ctx;

	opts.sock_priority = 3;
	opts.c2h_success = true;
	o->err = nvmf_transport_set_opts(t, &opts, &fake_why);
	UNIT_EQ(nvmf_transport_opts(t)->sock_priority, 3);
	CU_ASSERT(!nvmf_transport_opts(t)->c2h_success);
	CU_ASSERT(nvmf_transport_has_option(t, "sock_priority"));
	CU_ASSERT(nvmf_transport_has_option(t, "max_io_size"));
	t = nvmf_transport_find(NVMF_TRTYPE_TCP);
	CU_ASSERT(!nvmf_transport_has_option(t, "sock_priority"));
	o->done = true;
}

static void listen_there(void *ctx)
{
	struct nvmf_subsystem *s = nvmf_subsystem_find(FAKE_NQN);
	const struct nvmf_listener_opts opts = { 0 };
	struct outcome *o = ctx;
	struct nvmf_trid trid;

	UNIT_EQ(nvmf_trid_parse(&trid, o->trtype, NULL, "x", NULL, &fake_why),
		-EINVAL);
	SAYS("no path");
	UNIT_EQ(nvmf_trid_parse(&trid, o->trtype, NULL, "/x", NULL, &fake_why),
		0);
	UNIT_STR(nvmf_trid_transport(&trid), o->trtype);
	nvmf_subsystem_add_listener(s, &trid, &opts, outcome_done, o);
}

static void test_more_transports(void)
{
	static u8 page[8192];
	static struct nvmf_transport_ops more[2];
	struct fake_conn *c;

	more_transports(more);
	fake_start(2, 0);
	fake_standard();
	nvmf_transport_register(&more[0]);
	nvmf_transport_register(&more[1]);
	UNIT_EQ(transport(create_transport, "loop", 32).err, 0);
	UNIT_EQ(transport(create_transport, "LOOP", 32).err, -EEXIST);
	UNIT_EQ(transport(create_transport, "beyond", 32).err, 0);
	UNIT_EQ(loop_parts, 4);
	UNIT_EQ(transport(listen_there, "LOOP", 0).err, 0);
	UNIT_EQ(transport(listen_there, "BEYOND", 0).err, 0);
	UNIT_EQ(transport(change_options, NULL, 0).err, 0);
	/* hosts hear of those that have a number for it */
	c = fake_admin(NVMF_DISCOVERY_NQN, NULL);
	UNIT_EQ(fake_records(c, page, sizeof(page)), 2);
	fake_config((struct nvmf_config){ .disc_transport = true });
	UNIT_EQ(fake_records(c, page, sizeof(page)), 1);
	fake_conn_end(c);
	CU_ASSERT(fake_stop());
	UNIT_EQ(loop_parts, 0);
}

UNIT_MAIN(UNIT(test_subsystem_options), UNIT(test_namespaces),
	  UNIT(test_hosts_and_listeners), UNIT(test_trids),
	  UNIT(test_transports),
	  UNIT(test_listener_of_a_transport_that_is_deleted),
	  UNIT(test_turns), UNIT(test_listings), UNIT(test_long_statistics),
	  UNIT(test_placement),
	  UNIT(test_more_transports))
