// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Connect: who is let in, and with which status and offending field the others
 * are told; properties; what queues may do before and after.
 */
#include "common/connect.h"
#include "common/regs.h"
#include "tests/unit/lib/nvmf_fake.h"
#include "tests/unit/unit.h"

#define DNR(sc)		((sc) | NVME_STATUS_DNR)
#define IN_DATA(field)	(NVMF_CONNECT_IATTR_DATA | \
			 offsetof(struct nvmf_connect_data, field))
#define IN_CMD(field)	offsetof(struct nvmf_connect_cmd, field)
#define INVALID		DNR(NVME_SC_CONNECT_INVALID_PARAM)
#define CC_ENABLE	(NVME_CC_EN | NVME_CC_IOSQES(6) | NVME_CC_IOCQES(4))

/* a Connect on a connection of its own is refused like this */
static void refused(const struct fake_hello *h, nvme_status st, u64 result)
{
	struct fake_conn *c = fake_conn_new(!h->qid);
	struct fake_result r = fake_hello(c, h);

	UNIT_EQ(r.st, st);
	UNIT_EQ(r.result, result);
	fake_conn_end(c);
}

#define REFUSED(st, result, ...) \
	refused(&(struct fake_hello){ __VA_ARGS__ }, st, result)

static void test_admin_matrix(void)
{
	char long_nqn[NVMF_NQN_FIELD];

	fake_start(1, 0);
	fake_standard();
	memset(long_nqn, 'a', sizeof(long_nqn) - 1);
	long_nqn[sizeof(long_nqn) - 1] = 0;
	REFUSED(INVALID, IN_DATA(subnqn), .subnqn = "nqn.2026-11.io.weft:no");
	REFUSED(INVALID, IN_DATA(subnqn), .subnqn = long_nqn);
	REFUSED(INVALID, IN_DATA(hostnqn), .hostnqn = long_nqn);
	REFUSED(INVALID, IN_DATA(hostnqn), .hostnqn = "a\nb");
	REFUSED(INVALID, IN_DATA(cntlid), .cntlid = 1);
	REFUSED(INVALID, IN_DATA(cntlid), .cntlid = NVMF_CNTLID_STATIC);
	REFUSED(INVALID, IN_CMD(sqsize), .sqsize = FAKE_DEPTH);
	REFUSED(INVALID, IN_CMD(qid), .qid = FAKE_QPAIRS + 1, .cntlid = 1);
	REFUSED(INVALID, IN_DATA(cntlid), .qid = 1, .cntlid = 99);
	UNIT_EQ(fake_ctrlrs(FAKE_NQN), 0);
	CU_ASSERT(fake_stop());
}

static void test_wrong_listener(void)
{
	struct nvmf_subsystem_opts o = { .nqn = "nqn.2026-11.io.weft:b",
					 .allow_any_host = true };

	fake_start(1, 0);
	fake_standard();
	UNIT_EQ(fake_subsystem(&o), 0);
	UNIT_EQ(fake_listener(o.nqn, "4421", true), 0);
	/* the fake's connections come in at port 4420 */
	REFUSED(INVALID, IN_DATA(subnqn), .subnqn = o.nqn);
	UNIT_EQ(fake_listener(o.nqn, "4420", true), 0);
	fake_conn_end(fake_admin(o.nqn, NULL));
	CU_ASSERT(fake_stop());
}

/* a controller's queues come in where it has come in itself */
static void test_io_at_another_listener(void)
{
	struct fake_conn *a;
	u16 id;

	fake_start(1, 0);
	fake_standard();
	UNIT_EQ(fake_listener(FAKE_NQN, "4421", true), 0);
	a = fake_admin(FAKE_NQN, &id);
	fake_listen_port = "4421";
	REFUSED(INVALID, IN_DATA(cntlid), .qid = 1, .cntlid = id);
	fake_listen_port = NULL;
	fake_conn_end(fake_io(id, 1, 0));
	fake_conn_end(a);
	CU_ASSERT(fake_stop());
}

/* A listener's word on SEND with invalidate goes before the transport's. */
static void test_invalidate_of_listeners(void)
{
	struct nvmf_subsystem_opts o = { .nqn = "nqn.2026-11.io.weft:b",
					 .allow_any_host = true };
	static const struct { u8 listener; bool transport, is; } cases[] = {
		{ NVMF_INVALIDATE_AS_TRANSPORT, true, true },
		{ NVMF_INVALIDATE_AS_TRANSPORT, false, false },
		{ NVMF_INVALIDATE_OFF, true, false },
		{ NVMF_INVALIDATE_ON, false, true },
	};
	struct fake_hello h = { .subnqn = o.nqn };
	struct fake_conn *c;
	size_t i;

	fake_start(1, 0);
	fake_standard();
	UNIT_EQ(fake_subsystem(&o), 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		UNIT_EQ(fake_listener_invalidate(o.nqn, "4420",
						 cases[i].listener), 0);
		c = fake_conn_new(true);
		UNIT_EQ(c->q.remote_invalidate, true);
		c->q.remote_invalidate = cases[i].transport;
		UNIT_EQ(fake_hello(c, &h).st, 0);
		UNIT_EQ(c->q.remote_invalidate, cases[i].is);
		fake_conn_end(c);
		UNIT_EQ(fake_listener(o.nqn, "4420", false), 0);
	}
	CU_ASSERT(fake_stop());
}

static void test_hosts(void)
{
	struct fake_conn *c;

	fake_start(1, 0);
	fake_standard();
	/* a host without a name only where any host may come */
	c = fake_conn_new(true);
	UNIT_EQ(fake_hello(c, &(struct fake_hello){ .no_host = true }).st, 0);
	fake_conn_end(c);
	UNIT_EQ(fake_allow_any(FAKE_NQN, false), 0);
	REFUSED(DNR(NVME_SC_CONNECT_INVALID_HOST), 0, .no_host = true);
	REFUSED(DNR(NVME_SC_CONNECT_INVALID_HOST), 0, .hostnqn = FAKE_HOST);
	UNIT_EQ(fake_add_host(FAKE_NQN, FAKE_HOST), 0);
	UNIT_EQ(fake_add_host(FAKE_NQN, FAKE_HOST), 0);
	c = fake_admin(FAKE_NQN, NULL);
	/* the same host twice: two controllers */
	fake_conn_end(fake_admin(FAKE_NQN, NULL));
	REFUSED(DNR(NVME_SC_CONNECT_INVALID_HOST), 0,
		.hostnqn = FAKE_HOST "2");
	fake_conn_end(c);
	CU_ASSERT(fake_stop());
}

static void test_io_matrix(void)
{
	struct fake_conn *a, *i1, *other;
	struct fake_result r;
	u16 id;

	fake_start(2, 0);
	fake_standard();
	a = fake_conn_new(true);
	r = fake_hello(a, &(struct fake_hello){ .kato = 0 });
	id = r.result;
	UNIT_EQ(r.st, 0);
	/* not before the controller is enabled */
	REFUSED(DNR(NVME_SC_CMD_SEQ_ERROR), 0, .qid = 1, .cntlid = id);
	CU_ASSERT(fake_enable(a));
	REFUSED(INVALID, IN_DATA(hostnqn), .qid = 1, .cntlid = id,
		.hostnqn = FAKE_HOST "2");
	REFUSED(INVALID, IN_DATA(hostid), .qid = 1, .cntlid = id, .hostid = 9);
	REFUSED(INVALID, IN_DATA(cntlid), .qid = 1, .cntlid = id + 1);
	REFUSED(INVALID, IN_DATA(cntlid), .qid = 1,
		.cntlid = NVMF_CNTLID_DYNAMIC);
	REFUSED(INVALID, IN_CMD(qid), .qid = FAKE_QPAIRS + 1, .cntlid = id);
	REFUSED(INVALID, IN_CMD(sqsize), .qid = 1, .cntlid = id,
		.sqsize = FAKE_DEPTH);
	i1 = fake_io(id, 1, 1);
	REFUSED(INVALID, IN_CMD(qid), .qid = 1, .cntlid = id);
	other = fake_io(id, FAKE_QPAIRS, 0);
	fake_conn_end(other);
	/* its identifier is free again */
	other = fake_io(id, FAKE_QPAIRS, 1);
	/* a queue is connected once */
	r = fake_hello(i1, &(struct fake_hello){ .qid = 2, .cntlid = id });
	UNIT_EQ(r.st, DNR(NVME_SC_CMD_SEQ_ERROR));
	fake_conn_end(i1);
	fake_conn_end(other);
	fake_conn_end(a);
	CU_ASSERT(fake_stop());
}

/* discovery has no I/O queues, and a controller none by another transport */
static void test_io_elsewhere(void)
{
	struct fake_conn *a, *c;
	struct nvmf_transport other;
	struct nvmf_transport *own;
	struct fake_result r;
	u16 id;

	fake_start(1, 0);
	fake_standard();
	UNIT_EQ(fake_listener(NVMF_DISCOVERY_NQN, "4420", true), 0);
	a = fake_admin(NVMF_DISCOVERY_NQN, &id);
	REFUSED(INVALID, IN_CMD(qid), .qid = 1, .cntlid = id,
		.subnqn = NVMF_DISCOVERY_NQN);
	fake_conn_end(a);
	a = fake_admin(FAKE_NQN, &id);
	c = fake_conn_new(false);
	own = c->q.transport;
	other = *own;
	c->q.transport = &other;
	r = fake_hello(c, &(struct fake_hello){ .qid = 1, .cntlid = id });
	c->q.transport = own;
	UNIT_EQ(r.st, INVALID);
	UNIT_EQ(r.result, IN_DATA(cntlid));
	r = fake_hello(c, &(struct fake_hello){ .qid = 1, .cntlid = id });
	UNIT_EQ(r.st, 0);
	fake_conn_end(c);
	fake_conn_end(a);
	CU_ASSERT(fake_stop());
}

/* a Read that its bdev keeps, so that its controller cannot end; the queues */
static struct fake_req *keep(struct fake_conn **a, struct fake_conn **io, u16 *id)
{
	static u8 data[512];
	struct fake_req *held;
	union nvme_cmd cmd;

	fake_start_with_medium(64);
	*a = fake_admin(FAKE_NQN, id);
	*io = fake_io(*id, 1, 1);
	fake_medium.hold = 1u << BDEV_READ;
	nvme_cmd_rw(&cmd, NVME_CMD_READ, 2, 0, 1, 0);
	held = fake_submit(*io, &cmd, data, sizeof(data), FAKE_REMOTE);
	fake_yield();
	UNIT_EQ(fake_medium.held, 1);
	return held;
}

static void test_closing_controller(void)
{
	struct fake_conn *a, *io;
	struct fake_req *held;
	u16 id;

	held = keep(&a, &io, &id);
	fake_conn_break(a);
	fake_yield();
	UNIT_EQ(fake_ctrlrs(FAKE_NQN), 1);
	REFUSED(NVME_SC_CONNECT_CTRL_BUSY, 0, .qid = 2, .cntlid = id);
	fake_medium_release("d0");
	fake_wait(held);
	fake_conn_end(io);
	fake_conn_end(a);
	CU_ASSERT(fake_stop());
}

static void test_stopping_target(void)
{
	struct fake_conn *a, *io, *late;
	struct fake_req *held;
	struct fake_result r;
	u16 id;

	held = keep(&a, &io, &id);
	late = fake_conn_new(true);
	fake_stop_begin();
	r = fake_hello(late, &(struct fake_hello){ .kato = 0 });
	UNIT_EQ(r.st, NVME_SC_CONNECT_CTRL_BUSY);
	fake_medium_release("d0");
	fake_wait(held);
	CU_ASSERT(fake_stop_end());
	fake_conn_end(late);
	fake_conn_end(io);
	fake_conn_end(a);
}

static void configuring(void *yes)
{
	nvmf_target_configuring(yes);
}

/* what is not there yet, not let in yet, and what could be served already */
static void test_configuring_target(void)
{
	static char yes;
	struct fake_conn *d;

	fake_start(2, 0);
	fake_standard();
	UNIT_EQ(fake_allow_any(FAKE_NQN, false), 0);
	fake_on(0, configuring, &yes);
	REFUSED(NVME_SC_CONNECT_CTRL_BUSY, 0, .subnqn = FAKE_NQN "-later");
	REFUSED(NVME_SC_CONNECT_CTRL_BUSY, 0, .kato = 0);
	REFUSED(NVME_SC_CONNECT_CTRL_BUSY, 0, .subnqn = NVMF_DISCOVERY_NQN);
	UNIT_EQ(fake_add_host(FAKE_NQN, FAKE_HOST), 0);
	REFUSED(NVME_SC_CONNECT_CTRL_BUSY, 0, .kato = 0);
	/* what no configuration changes */
	REFUSED(INVALID, IN_CMD(sqsize), .sqsize = 0xffff);
	fake_on(0, configuring, NULL);
	REFUSED(INVALID, IN_DATA(subnqn), .subnqn = FAKE_NQN "-later");
	d = fake_admin(FAKE_NQN, NULL);
	fake_conn_end(d);
	CU_ASSERT(fake_stop());
}

static void test_wire_shapes(void)
{
	struct fake_hello h = { 0 };
	struct nvmf_connect_data d;
	struct fake_conn *c;
	union nvme_cmd cmd;

	fake_start(1, 0);
	fake_standard();
	c = fake_conn_new(true);
	fake_connect_cmd(&h, &cmd, &d);
	cmd.connect.recfmt = cpu_to_le16(1);
	UNIT_EQ(fake_cmd(c, &cmd, &d, sizeof(d)).st,
		DNR(NVME_SC_CONNECT_FORMAT));
	fake_connect_cmd(&h, &cmd, &d);
	UNIT_EQ(fake_cmd(c, &cmd, &d, sizeof(d) - 1).st,
		DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	UNIT_EQ(fake_cmd(c, &cmd, &d, 0).st,
		DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	cmd.connect.sqsize = 0;
	UNIT_EQ(fake_cmd(c, &cmd, &d, sizeof(d)).result, IN_CMD(sqsize));
	fake_connect_cmd(&h, &cmd, &d);
	cmd.sqe.flags |= 1;
	UNIT_EQ(fake_cmd(c, &cmd, &d, sizeof(d)).st,
		DNR(NVME_SC_INVALID_FIELD));
	/* refused ones do not spoil the connection; capsules carry data too */
	fake_connect_cmd(&h, &cmd, &d);
	UNIT_EQ(fake_wait(fake_submit(c, &cmd, &d, sizeof(d),
				      FAKE_IN_CAPSULE)).st, 0);
	fake_conn_end(c);
	CU_ASSERT(fake_stop());
}

static void test_order_of_things(void)
{
	struct fake_conn *c;
	union nvme_cmd cmd;
	u8 page[NVME_IDENTIFY_SIZE];

	fake_start(1, 0);
	fake_standard();
	c = fake_conn_new(true);
	nvme_cmd_property_get(&cmd, NVME_REG_CSTS, false);
	UNIT_EQ(fake_cmd(c, &cmd, NULL, 0).st, DNR(NVME_SC_CMD_SEQ_ERROR));
	nvme_cmd_rw(&cmd, NVME_CMD_READ, 1, 0, 1, 0);
	UNIT_EQ(fake_cmd(c, &cmd, page, 512).st, DNR(NVME_SC_CMD_SEQ_ERROR));
	UNIT_EQ(fake_hello(c, &(struct fake_hello){ .kato = 0 }).st, 0);
	nvme_cmd_identify(&cmd, NVME_CNS_CTRL, 0, 0, 0);
	UNIT_EQ(fake_cmd(c, &cmd, page, sizeof(page)).st,
		DNR(NVME_SC_CMD_SEQ_ERROR));
	CU_ASSERT(fake_enable(c));
	UNIT_EQ(fake_cmd(c, &cmd, page, sizeof(page)).st, 0);
	cmd.sqe.opcode = 0x55;
	UNIT_EQ(fake_cmd(c, &cmd, page, sizeof(page)).st,
		DNR(NVME_SC_INVALID_OPCODE));
	cmd.sqe.opcode = NVME_OPC_FABRICS;
	cmd.fabrics.fctype = NVMF_FC_AUTH_SEND;
	UNIT_EQ(fake_cmd(c, &cmd, page, 64).st, DNR(NVME_SC_INVALID_OPCODE));
	fake_conn_end(c);
	CU_ASSERT(fake_stop());
}

static void test_sqhd(void)
{
	struct fake_hello h = { .sqsize = 2 };
	struct fake_conn *c;
	union nvme_cmd cmd;

	fake_start(1, 0);
	fake_standard();
	c = fake_conn_new(true);
	UNIT_EQ(fake_hello(c, &h).sqhd, 1);
	nvme_cmd_property_get(&cmd, NVME_REG_CSTS, false);
	UNIT_EQ(fake_cmd(c, &cmd, NULL, 0).sqhd, 2);
	UNIT_EQ(fake_cmd(c, &cmd, NULL, 0).sqhd, 0);
	fake_conn_end(c);
	h.cattr = NVMF_CATTR_DISABLE_SQFLOW;
	c = fake_conn_new(true);
	UNIT_EQ(fake_hello(c, &h).sqhd, 0xffff);
	UNIT_EQ(fake_cmd(c, &cmd, NULL, 0).sqhd, 0xffff);
	fake_conn_end(c);
	CU_ASSERT(fake_stop());
}

static void test_cntlids_run_out(void)
{
	struct nvmf_subsystem_opts o = {
		.nqn = FAKE_NQN, .allow_any_host = true,
		.min_cntlid = 7, .max_cntlid = 8,
	};
	struct fake_conn *a, *b;
	u16 ida, idb;

	fake_start(1, 0);
	UNIT_EQ(fake_subsystem(&o), 0);
	UNIT_EQ(fake_listener(FAKE_NQN, "4420", true), 0);
	a = fake_admin(FAKE_NQN, &ida);
	b = fake_admin(FAKE_NQN, &idb);
	UNIT_EQ(ida, 7);
	UNIT_EQ(idb, 8);
	REFUSED(NVME_SC_CONNECT_CTRL_BUSY, 0, .kato = 0);
	fake_conn_end(a);
	fake_yield();
	a = fake_admin(FAKE_NQN, &ida);
	UNIT_EQ(ida, 7);
	fake_conn_end(a);
	fake_conn_end(b);
	CU_ASSERT(fake_stop());
}

static void test_properties(void)
{
	struct fake_result r;
	struct fake_conn *c;
	union nvme_cmd cmd;
	u64 cap;

	fake_start(1, 0);
	fake_standard();
	c = fake_conn_new(true);
	r = fake_hello(c, &(struct fake_hello){ .kato = 0 });
	cap = fake_prop_get(c, NVME_REG_CAP);
	UNIT_EQ(NVME_CAP_MQES(cap), FAKE_DEPTH - 1);
	CU_ASSERT(!!(cap & NVME_CAP_CSS_NVM));
	UNIT_EQ(fake_prop_get(c, NVME_REG_VS), NVME_VS(2, 0, 0));
	UNIT_EQ(fake_prop_get(c, NVME_REG_CSTS), 0);
	nvme_cmd_property_get(&cmd, 0x1000, false);
	UNIT_EQ(fake_cmd(c, &cmd, NULL, 0).st, DNR(NVME_SC_INVALID_FIELD));
	UNIT_EQ(fake_prop_set(c, NVME_REG_CSTS, 1), DNR(NVME_SC_INVALID_FIELD));
	UNIT_EQ(fake_prop_set(c, NVME_REG_CC, NVME_CC_EN),
		DNR(NVME_SC_INVALID_FIELD));
	CU_ASSERT(fake_enable(c));
	UNIT_EQ(fake_prop_get(c, NVME_REG_CC), CC_ENABLE);
	UNIT_EQ(fake_prop_set(c, NVME_REG_CC, CC_ENABLE | NVME_CC_SHN_NORMAL),
		0);
	UNIT_EQ(fake_prop_get(c, NVME_REG_CSTS) & NVME_CSTS_SHST_MASK,
		NVME_CSTS_SHST_COMPLETE);
	/* and nothing is begun any more */
	REFUSED(DNR(NVME_SC_CMD_SEQ_ERROR), 0, .qid = 1, .cntlid = r.result);
	fake_conn_end(c);
	CU_ASSERT(fake_stop());
}

/* a reset takes the I/O queues away, and only then RDY */
static void test_reset_ends_io_queues(void)
{
	struct fake_conn *a, *io;
	struct fake_req *held;
	u8 data[512] = { 0 };
	union nvme_cmd cmd;
	u16 id;

	fake_start(2, 0);
	fake_standard();
	a = fake_admin(FAKE_NQN, &id);
	io = fake_io(id, 1, 1);
	io->hold_done = true;
	nvme_cmd_rw(&cmd, NVME_CMD_READ, 1, 0, 1, 0);
	held = fake_submit(io, &cmd, data, sizeof(data), FAKE_REMOTE);
	UNIT_EQ(fake_prop_set(a, NVME_REG_CC, CC_ENABLE & ~NVME_CC_EN), 0);
	fake_until(&io->gone);
	fake_yield();
	UNIT_EQ(fake_wait(held).st, 0);
	UNIT_EQ(fake_prop_get(a, NVME_REG_CSTS), 0);
	CU_ASSERT(!a->gone);
	/* and everything works again */
	CU_ASSERT(fake_enable(a));
	fake_conn_end(io);
	io = fake_io(id, 1, 0);
	UNIT_EQ(fake_rw(io, NVME_CMD_READ, 0, 1, data, sizeof(data)).st, 0);
	/* a shutdown leaves closing them to the host */
	UNIT_EQ(fake_prop_set(a, NVME_REG_CC, CC_ENABLE | NVME_CC_SHN_ABRUPT),
		0);
	fake_yield();
	UNIT_EQ(fake_prop_get(a, NVME_REG_CSTS) & NVME_CSTS_SHST_MASK,
		NVME_CSTS_SHST_COMPLETE);
	CU_ASSERT(!io->gone);
	fake_conn_end(io);
	fake_conn_end(a);
	CU_ASSERT(fake_stop());
}

/* the connection breaks while Connect is on its way between reactors */
static void test_break_in_connect(void)
{
	struct fake_hello h = { .kato = 0 };
	struct nvmf_connect_data d;
	struct fake_conn *a, *c;
	struct fake_req *r;
	union nvme_cmd cmd;
	u16 id;
	int i;

	fake_start(2, 0);
	fake_standard();
	a = fake_admin(FAKE_NQN, &id);
	for (i = 0; i < 100; i++) {
		h.qid = i % 3;
		h.cntlid = h.qid ? id : 0;
		fake_connect_cmd(&h, &cmd, &d);
		c = fake_conn_on(!h.qid, i & 1);
		c->hold_data = i % 5 == 0;
		r = fake_submit(c, &cmd, &d, sizeof(d), FAKE_REMOTE);
		fake_conn_break(c);
		fake_wait(r);
		fake_conn_end(c);
	}
	fake_yield();
	UNIT_EQ(fake_ctrlrs(FAKE_NQN), 1);
	fake_conn_end(fake_io(id, 1, 1));
	fake_conn_end(a);
	CU_ASSERT(fake_stop());
}

UNIT_MAIN(UNIT(test_admin_matrix), UNIT(test_wrong_listener),
	  UNIT(test_io_at_another_listener),
	  UNIT(test_invalidate_of_listeners), UNIT(test_hosts),
	  UNIT(test_io_matrix), UNIT(test_io_elsewhere),
	  UNIT(test_closing_controller), UNIT(test_stopping_target),
	  UNIT(test_configuring_target),
	  UNIT(test_wire_shapes), UNIT(test_order_of_things), UNIT(test_sqhd),
	  UNIT(test_cntlids_run_out), UNIT(test_properties),
	  UNIT(test_reset_ends_io_queues), UNIT(test_break_in_connect))
