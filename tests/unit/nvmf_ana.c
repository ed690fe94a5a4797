// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Asymmetric access through two listeners, and namespaces that only some hosts
 * see: what each state does to commands, what the hosts are told, and that a
 * change waits for what it forbids and for nothing else.
 */
#include "common/ana.h"
#include "tests/unit/lib/nvmf_fake.h"
#include "tests/unit/unit.h"

#define DNR(sc)	((sc) | NVME_STATUS_DNR)
#define HOST2	"nqn.2026-11.io.weft:host2"
#define PAGE	4096

/* a comes to port 4420, b to 4421 */
static struct fake_conn *a, *b, *ia, *ib;
static u16 id_a, id_b;
static u8 page[PAGE], data[4096];

static void begin(void)
{
	u32 nsid = 2;

	fake_medium_reset();
	fake_listen_port = NULL;
	fake_start(2, 0);
	fake_standard_with(true);
	UNIT_EQ(fake_listener(FAKE_NQN, "4421", true), 0);
	UNIT_EQ(fake_medium_create("d0", 2048), 0);
	UNIT_EQ(fake_add_ns(FAKE_NQN, "d0", &nsid), 0);
	a = fake_admin(FAKE_NQN, &id_a);
	ia = fake_io(id_a, 1, 1);
	fake_listen_port = "4421";
	b = fake_admin(FAKE_NQN, &id_b);
	ib = fake_io(id_b, 1, 0);
}

static void end(void)
{
	fake_conn_end(ib);
	fake_conn_end(b);
	fake_conn_end(ia);
	fake_conn_end(a);
	CU_ASSERT(fake_stop());
}

static nvme_status read_ns(struct fake_conn *io, u32 nsid)
{
	union nvme_cmd cmd;

	nvme_cmd_rw(&cmd, NVME_CMD_READ, nsid, 0, 8, 0);
	return fake_cmd(io, &cmd, data, 4096).st;
}

static nvme_status log_page(struct fake_conn *c, u8 lid, u64 offset, u32 len,
			    u8 lsp)
{
	union nvme_cmd cmd;

	memset(page, 0xee, sizeof(page));
	nvme_cmd_get_log_page(&cmd, lid, NVME_NSID_ALL, offset, len, lsp,
			      false);
	return fake_cmd(c, &cmd, page, len).st;
}

/* group @id in the log that @c reads; returns the change count of the page */
static u64 group(struct fake_conn *c, u32 id, struct nvme_ana_group *g)
{
	struct nvme_ana_iter it;

	UNIT_EQ(log_page(c, NVME_LOG_ANA, 0, PAGE, 0), 0);
	UNIT_EQ(nvme_ana_iter_init(&it, page, PAGE, NULL), 0);
	memset(g, 0, sizeof(*g));
	while (nvme_ana_iter_next(&it, g, NULL) == 1)
		if (g->id == id)
			return it.chgcnt;
	memset(g, 0, sizeof(*g));
	return it.chgcnt;
}

static void enable_events(struct fake_conn *c, u32 events)
{
	union nvme_cmd cmd;

	nvme_cmd_set_features(&cmd, NVME_FEAT_ASYNC_EVENT, 0, events, 0);
	UNIT_EQ(fake_cmd(c, &cmd, NULL, 0).st, 0);
}

static struct fake_req *listen_for_event(struct fake_conn *c)
{
	union nvme_cmd cmd;

	nvme_cmd_async_event(&cmd);
	return fake_submit(c, &cmd, NULL, 0, FAKE_REMOTE);
}

static void test_identify(void)
{
	struct nvme_ctrl_info c;
	struct nvme_ns_facts f;
	union nvme_cmd cmd;

	begin();
	nvme_cmd_identify(&cmd, NVME_CNS_CTRL, 0, 0, 0);
	UNIT_EQ(fake_cmd(a, &cmd, page, PAGE).st, 0);
	UNIT_EQ(nvme_id_ctrl_decode(page, PAGE, &c, NULL), 0);
	CU_ASSERT(c.cmic & NVME_CMIC_ANA);
	CU_ASSERT(c.oaes & NVME_OAES_ANA);
	UNIT_EQ(c.anacap, 0x1f);
	CU_ASSERT(c.anatt > 0);
	UNIT_EQ(c.anagrpmax, NVMF_MAX_NAMESPACES);
	UNIT_EQ(c.nanagrpid, 32);
	nvme_cmd_identify(&cmd, NVME_CNS_NS, 2, 0, 0);
	UNIT_EQ(fake_cmd(a, &cmd, page, PAGE).st, 0);
	UNIT_EQ(nvme_id_ns_decode(page, PAGE, &f, NULL), 0);
	UNIT_EQ(f.anagrpid, 2);
	end();
}

static void test_states(void)
{
	static const struct {
		u8 state;
		nvme_status st;
	} t[] = {
		{ NVME_ANA_NONOPTIMIZED, 0 },
		{ NVME_ANA_INACCESSIBLE, NVME_SC_ANA_INACCESSIBLE },
		{ NVME_ANA_PERSISTENT_LOSS, NVME_SC_ANA_PERSISTENT_LOSS },
		{ NVME_ANA_CHANGE, NVME_SC_ANA_TRANSITION },
		{ NVME_ANA_OPTIMIZED, 0 },
	};
	static const u8 ops[] = { NVME_CMD_READ, NVME_CMD_WRITE,
				  NVME_CMD_COMPARE, NVME_CMD_WRITE_ZEROES,
				  NVME_CMD_VERIFY, NVME_CMD_FLUSH };
	struct nvme_ana_group g;
	union nvme_cmd cmd;
	size_t i, op;
	u64 count, before = 0;

	begin();
	memset(data, 0, sizeof(data));
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		UNIT_EQ(fake_ana_state(FAKE_NQN, "4420", 1, t[i].state), 0);
		count = group(a, 1, &g);
		UNIT_EQ(g.state, t[i].state);
		CU_ASSERT(count > before);
		before = count;
		for (op = 0; op < ARRAY_SIZE(ops); op++) {
			nvme_cmd_rw(&cmd, ops[op], 1, 0, 8, 0);
			UNIT_EQ(fake_cmd(ia, &cmd, data, (ops[op] & 3) ?
					 4096 : 0).st, t[i].st);
		}
		/* neither another group nor another listener */
		UNIT_EQ(read_ns(ia, 2), 0);
		UNIT_EQ(read_ns(ib, 1), 0);
		group(a, 2, &g);
		UNIT_EQ(g.state, NVME_ANA_OPTIMIZED);
		group(b, 1, &g);
		UNIT_EQ(g.state, NVME_ANA_OPTIMIZED);
	}
	/* all groups at once; the same again changes nothing */
	UNIT_EQ(fake_ana_state(FAKE_NQN, "4421", 0, NVME_ANA_INACCESSIBLE), 0);
	UNIT_EQ(read_ns(ib, 1), NVME_SC_ANA_INACCESSIBLE);
	UNIT_EQ(read_ns(ib, 2), NVME_SC_ANA_INACCESSIBLE);
	UNIT_EQ(read_ns(ia, 1), 0);
	before = group(b, 2, &g);
	UNIT_EQ(fake_ana_state(FAKE_NQN, "4421", 0, NVME_ANA_INACCESSIBLE), 0);
	UNIT_EQ(group(b, 2, &g), before);
	end();
}

static void test_log(void)
{
	struct nvme_ana_log_header *h = (void *)page;
	struct nvme_ana_group g;

	begin();
	group(a, 1, &g);
	UNIT_EQ(g.nnsids, 1);
	UNIT_EQ(nvme_ana_nsid(&g, 0), 1);
	UNIT_EQ(le16_to_cpu(h->ngrps), 2);
	CU_ASSERT(weft_id_is_zero(page + 16 + 2 * 36, PAGE - 16 - 2 * 36));
	/* groups only */
	UNIT_EQ(log_page(a, NVME_LOG_ANA, 0, PAGE, NVME_ANA_LSP_RGO), 0);
	UNIT_EQ(le16_to_cpu(h->ngrps), 2);
	CU_ASSERT(weft_id_is_zero(page + 16 + 2 * 32, PAGE - 16 - 2 * 32));
	/* a part, the end, beyond the end */
	UNIT_EQ(log_page(a, NVME_LOG_ANA, 16 + 36, 8, 0), 0);
	UNIT_EQ(page[0], 2);
	UNIT_EQ(log_page(a, NVME_LOG_ANA, 16 + 2 * 36, 8, 0), 0);
	UNIT_EQ(log_page(a, NVME_LOG_ANA, 16 + 2 * 36 + 4, 8, 0),
		DNR(NVME_SC_INVALID_FIELD));
	end();
}

static void test_refused(void)
{
	begin();
	UNIT_EQ(fake_ana_state(FAKE_NQN, "9", 1, NVME_ANA_CHANGE), -ENOENT);
	UNIT_EQ(fake_ana_state(FAKE_NQN, "4420", NVMF_MAX_NAMESPACES + 1,
			       NVME_ANA_CHANGE), -EINVAL);
	UNIT_EQ(fake_ana_group(FAKE_NQN, 9, 1), -ENOENT);
	UNIT_EQ(fake_ana_group(FAKE_NQN, 1, 0), -EINVAL);
	UNIT_EQ(nvmf_ana_state_parse("optimised", &fake_why), -EINVAL);
	end();
}

static void test_not_offered(void)
{
	fake_listen_port = NULL;
	fake_start(1, 0);
	fake_standard();
	UNIT_EQ(fake_ana_state(FAKE_NQN, "4420", 1, NVME_ANA_CHANGE), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(fake_why.text, "ana_reporting"));
	UNIT_EQ(fake_ana_group(FAKE_NQN, 1, 2), -EINVAL);
	a = fake_admin(FAKE_NQN, NULL);
	UNIT_EQ(log_page(a, NVME_LOG_ANA, 0, 64, 0),
		DNR(NVME_SC_INVALID_LOG_PAGE));
	fake_conn_end(a);
	CU_ASSERT(fake_stop());
}

static void test_events(void)
{
	struct fake_req *ra, *rb;
	struct nvme_ana_group g;

	begin();
	enable_events(a, NVME_OAES_ANA);
	enable_events(b, NVME_OAES_ANA);
	ra = listen_for_event(a);
	rb = listen_for_event(b);
	UNIT_EQ(fake_ana_state(FAKE_NQN, "4420", 1, NVME_ANA_NONOPTIMIZED), 0);
	UNIT_EQ(fake_wait(ra).result,
		NVME_AER_DW0(NVME_AER_NOTICE, NVME_AER_NOTICE_ANA,
			     NVME_LOG_ANA));
	CU_ASSERT(!fake_ended(rb));
	/* not again before the log has been read */
	ra = listen_for_event(a);
	UNIT_EQ(fake_ana_state(FAKE_NQN, "4420", 1, NVME_ANA_OPTIMIZED), 0);
	fake_yield();
	CU_ASSERT(!fake_ended(ra));
	group(a, 1, &g);
	/* a namespace that moves is of interest through every listener */
	UNIT_EQ(fake_ana_group(FAKE_NQN, 2, 7), 0);
	fake_wait(ra);
	fake_wait(rb);
	end();
}

static void test_moving_a_namespace(void)
{
	struct nvme_ana_group g;

	begin();
	UNIT_EQ(fake_ana_state(FAKE_NQN, "4420", 7, NVME_ANA_INACCESSIBLE), 0);
	UNIT_EQ(read_ns(ia, 2), 0);
	UNIT_EQ(fake_ana_group(FAKE_NQN, 2, 7), 0);
	UNIT_EQ(read_ns(ia, 2), NVME_SC_ANA_INACCESSIBLE);
	UNIT_EQ(read_ns(ib, 2), 0);
	group(a, 2, &g);
	UNIT_EQ(g.id, 0);
	group(a, 7, &g);
	UNIT_EQ(g.nnsids, 1);
	UNIT_EQ(nvme_ana_nsid(&g, 0), 2);
	UNIT_EQ(fake_ana_group(FAKE_NQN, 2, 1), 0);
	UNIT_EQ(read_ns(ia, 2), 0);
	end();
}

/* done only when nothing is under way that it forbids */
static void test_change_waits(void)
{
	struct fake_req *r, *late, *other;
	struct fake_op op;
	union nvme_cmd cmd;

	begin();
	fake_medium.hold = 1u << BDEV_WRITE;
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, 2, 0, 8, 0);
	r = fake_submit(ia, &cmd, data, 4096, FAKE_REMOTE);
	other = fake_submit(ib, &cmd, data, 4096, FAKE_REMOTE);
	UNIT_EQ(fake_medium.held, 2);
	/* and one whose data is still on its way: it comes too late */
	ia->hold_data = true;
	late = fake_submit(ia, &cmd, data, 4096, FAKE_REMOTE);
	fake_ana_state_begin(FAKE_NQN, "4420", 2, NVME_ANA_INACCESSIBLE, &op);
	fake_yield();
	CU_ASSERT(!op.done);
	/* nobody else is kept */
	UNIT_EQ(read_ns(ib, 2), 0);
	fake_release(ia);
	UNIT_EQ(fake_wait(late).st, NVME_SC_ANA_INACCESSIBLE);
	CU_ASSERT(!op.done);
	UNIT_EQ(read_ns(ia, 1), 0);
	fake_medium_release("d0");
	fake_until(&op.done);
	UNIT_EQ(op.err, 0);
	UNIT_EQ(fake_wait(r).st, 0);
	UNIT_EQ(fake_wait(other).st, 0);
	UNIT_EQ(fake_medium.count[BDEV_WRITE], 2);
	end();
}

static void test_listener_goes(void)
{
	struct nvme_ana_group g;

	begin();
	UNIT_EQ(fake_ana_state(FAKE_NQN, "4421", 0, NVME_ANA_INACCESSIBLE), 0);
	UNIT_EQ(fake_listener(FAKE_NQN, "4421", false), 0);
	fake_conn_end(ib);
	fake_conn_end(b);
	/* another one in its place begins afresh */
	UNIT_EQ(fake_listener(FAKE_NQN, "4422", true), 0);
	fake_listen_port = "4422";
	b = fake_admin(FAKE_NQN, &id_b);
	ib = fake_io(id_b, 1, 1);
	UNIT_EQ(read_ns(ib, 1), 0);
	group(b, 1, &g);
	UNIT_EQ(g.state, NVME_ANA_OPTIMIZED);
	/* an address that cannot be had leaves nothing behind */
	UNIT_EQ(fake_listener(FAKE_NQN, "1", true), -EADDRINUSE);
	end();
}

static void test_too_many_listeners(void)
{
	char port[16];
	int i;

	begin();
	for (i = 2; i < NVMF_MAX_LISTENERS; i++) {
		snprintf(port, sizeof(port), "%d", 5000 + i);
		UNIT_EQ(fake_listener(FAKE_NQN, port, true), 0);
	}
	UNIT_EQ(fake_listener(FAKE_NQN, "6000", true), -ENOSPC);
	end();
}

/* Masking */

static bool in_list(struct fake_conn *c, u32 nsid)
{
	u32 list[NVME_NSID_LIST_MAX];
	union nvme_cmd cmd;
	int i, n;

	nvme_cmd_identify(&cmd, NVME_CNS_ACTIVE_NS_LIST, 0, 0, 0);
	UNIT_EQ(fake_cmd(c, &cmd, page, PAGE).st, 0);
	n = nvme_nsid_list_decode(page, PAGE, 0, list, NULL);
	for (i = 0; i < n; i++)
		if (list[i] == nsid)
			return true;
	return false;
}

static nvme_status identify_ns(struct fake_conn *c, u32 nsid)
{
	union nvme_cmd cmd;

	nvme_cmd_identify(&cmd, NVME_CNS_NS, nsid, 0, 0);
	return fake_cmd(c, &cmd, page, PAGE).st;
}

static void test_masking(void)
{
	struct fake_conn *a2, *ia2;
	struct fake_req *r, *r2;
	u16 id2;

	begin();
	fake_listen_port = NULL;
	a2 = fake_admin_as(&(struct fake_hello){ .hostnqn = HOST2 }, &id2);
	ia2 = fake_io_as(&(struct fake_hello){ .hostnqn = HOST2, .qid = 1,
					       .cntlid = id2 }, 0);
	enable_events(a, NVME_OAES_NS_ATTR);
	enable_events(a2, NVME_OAES_NS_ATTR);
	r = listen_for_event(a);
	r2 = listen_for_event(a2);
	UNIT_EQ(fake_medium_create("d1", 64), 0);
	UNIT_EQ(fake_add_masked_ns(FAKE_NQN, "d1", 5), 0);
	fake_yield();
	CU_ASSERT(!fake_ended(r) && !fake_ended(r2));
	CU_ASSERT(!in_list(a, 5));
	UNIT_EQ(identify_ns(a, 5), 0);
	CU_ASSERT(weft_id_is_zero(page, PAGE));
	UNIT_EQ(read_ns(ia, 5), DNR(NVME_SC_INVALID_NS));
	/* shown to one host: it is told, and sees it on every queue */
	UNIT_EQ(fake_ns_host(FAKE_NQN, 5, HOST2, true), 0);
	UNIT_EQ(fake_ns_host(FAKE_NQN, 5, HOST2, true), 0);
	fake_wait(r2);
	CU_ASSERT(!fake_ended(r));
	UNIT_EQ(log_page(a2, NVME_LOG_CHANGED_NS, 0, PAGE, 0), 0);
	UNIT_EQ(page[0], 5);
	CU_ASSERT(in_list(a2, 5));
	CU_ASSERT(!in_list(a, 5));
	UNIT_EQ(read_ns(ia2, 5), 0);
	UNIT_EQ(read_ns(ia, 5), DNR(NVME_SC_INVALID_NS));
	/* a queue that comes later, too */
	fake_conn_end(ia2);
	ia2 = fake_io_as(&(struct fake_hello){ .hostnqn = HOST2, .qid = 1,
					       .cntlid = id2 }, 1);
	UNIT_EQ(read_ns(ia2, 5), 0);
	/* hidden again */
	r2 = listen_for_event(a2);
	UNIT_EQ(fake_ns_host(FAKE_NQN, 5, HOST2, false), 0);
	fake_wait(r2);
	UNIT_EQ(read_ns(ia2, 5), DNR(NVME_SC_INVALID_NS));
	UNIT_EQ(fake_ns_host(FAKE_NQN, 5, HOST2, false), -ENOENT);
	/* the namespace goes: who does not see it hears nothing */
	UNIT_EQ(log_page(a2, NVME_LOG_CHANGED_NS, 0, PAGE, 0), 0);
	UNIT_EQ(fake_ns_host(FAKE_NQN, 5, HOST2, true), 0);
	UNIT_EQ(log_page(a2, NVME_LOG_CHANGED_NS, 0, PAGE, 0), 0);
	r2 = listen_for_event(a2);
	UNIT_EQ(fake_remove_ns(FAKE_NQN, 5), 0);
	fake_wait(r2);
	CU_ASSERT(!fake_ended(r));
	/* and one that takes its number is not shown by mistake */
	UNIT_EQ(fake_add_masked_ns(FAKE_NQN, "d1", 5), 0);
	UNIT_EQ(read_ns(ia2, 5), DNR(NVME_SC_INVALID_NS));
	fake_conn_end(ia2);
	fake_conn_end(a2);
	end();
	fake_wait(r);
}

static void test_masking_refused(void)
{
	begin();
	UNIT_EQ(fake_ns_host(FAKE_NQN, 1, HOST2, true), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(fake_why.text, "no_auto_visible"));
	UNIT_EQ(fake_ns_host(FAKE_NQN, 9, HOST2, true), -ENOENT);
	UNIT_EQ(fake_ns_host(FAKE_NQN, 1, "x", true), -EINVAL);
	end();
}

/* hiding waits for the host's own commands; what comes later is refused */
static void test_hiding_waits(void)
{
	struct fake_req *r, *late;
	union nvme_cmd cmd;

	begin();
	UNIT_EQ(fake_medium_create("d1", 64), 0);
	UNIT_EQ(fake_add_masked_ns(FAKE_NQN, "d1", 5), 0);
	UNIT_EQ(fake_ns_host(FAKE_NQN, 5, FAKE_HOST, true), 0);
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, 5, 0, 8, 0);
	ia->hold_data = true;
	late = fake_submit(ia, &cmd, data, 4096, FAKE_REMOTE);
	fake_medium.hold = 1u << BDEV_WRITE;
	r = fake_submit(ib, &cmd, data, 4096, FAKE_REMOTE);
	UNIT_EQ(fake_medium.held, 1);
	fake_medium_release("d1");
	UNIT_EQ(fake_wait(r).st, 0);
	UNIT_EQ(fake_ns_host(FAKE_NQN, 5, FAKE_HOST, false), 0);
	fake_release(ia);
	UNIT_EQ(fake_wait(late).st, DNR(NVME_SC_INVALID_NS));
	UNIT_EQ(fake_medium.count[BDEV_WRITE], 1);
	end();
}

UNIT_MAIN(UNIT(test_identify), UNIT(test_states), UNIT(test_log),
	  UNIT(test_refused), UNIT(test_not_offered), UNIT(test_events),
	  UNIT(test_moving_a_namespace), UNIT(test_change_waits),
	  UNIT(test_listener_goes), UNIT(test_too_many_listeners),
	  UNIT(test_masking), UNIT(test_masking_refused),
	  UNIT(test_hiding_waits))
