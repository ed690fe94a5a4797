// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Controllers: numbers that the host chooses, one per host, never enabled,
 * reset with the whole subsystem; Abort of commands wherever they wait;
 * keep-alive by traffic; what discovery shows to whom.
 */
#include "common/ranges.h"
#include "target/nvmf/internal.h"
#include "tests/unit/lib/nvmf_fake.h"
#include "tests/unit/unit.h"

#define DNR(sc)	((sc) | NVME_STATUS_DNR)
#define BUSY	NVME_SC_CONNECT_CTRL_BUSY
#define INVALID	DNR(NVME_SC_CONNECT_INVALID_PARAM)
#define HOST2	"nqn.2026-11.io.weft:host2"
#define STATIC	"nqn.2026-11.io.weft:static"

static u8 page[8192], data[4096];

static nvme_status hello_to(struct fake_conn **c, const struct fake_hello *h,
			    u16 *cntlid)
{
	struct fake_result r;

	*c = fake_conn_new(true);
	r = fake_hello(*c, h);
	if (cntlid)
		*cntlid = r.result;
	return r.st;
}

static void begin_static(void)
{
	struct nvmf_subsystem_opts o = {
		.nqn = STATIC, .allow_any_host = true, .static_cntlid = true,
		.min_cntlid = 5, .max_cntlid = 6, .enable_nssr = true,
	};

	fake_listen_port = NULL;
	fake_start(2, 0);
	fake_standard();
	UNIT_EQ(fake_subsystem(&o), 0);
	UNIT_EQ(fake_listener(STATIC, "4420", true), 0);
}

static void test_static_numbers(void)
{
	static const u16 wrong[] = { NVMF_CNTLID_DYNAMIC, 1, 4, 7 };
	struct fake_hello h = { .subnqn = STATIC };
	struct fake_conn *c[5];
	u16 id;
	size_t i;

	begin_static();
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		h.cntlid = wrong[i];
		UNIT_EQ(hello_to(&c[i], &h, NULL), INVALID);
		fake_conn_end(c[i]);
	}
	/* a certain one; that one again; any; none is left */
	h.cntlid = 6;
	UNIT_EQ(hello_to(&c[0], &h, &id), 0);
	UNIT_EQ(id, 6);
	UNIT_EQ(hello_to(&c[1], &h, NULL), BUSY);
	h.cntlid = NVMF_CNTLID_STATIC;
	UNIT_EQ(hello_to(&c[2], &h, &id), 0);
	UNIT_EQ(id, 5);
	UNIT_EQ(hello_to(&c[3], &h, NULL), BUSY);
	/* dynamic subsystems have none of that */
	h.subnqn = FAKE_NQN;
	UNIT_EQ(hello_to(&c[4], &h, NULL), INVALID);
	for (i = 0; i < ARRAY_SIZE(c); i++)
		fake_conn_end(c[i]);
	CU_ASSERT(fake_stop());
}

static void test_one_controller_per_host(void)
{
	struct fake_hello h = { 0 };
	struct fake_conn *c[4];
	size_t i;

	fake_listen_port = NULL;
	fake_start(2, 0);
	fake_standard();
	UNIT_EQ(fake_listener(FAKE_NQN, "4421", true), 0);
	fake_config((struct nvmf_config){ .one_ctrlr = true });
	UNIT_EQ(hello_to(&c[0], &h, NULL), 0);
	UNIT_EQ(hello_to(&c[1], &h, NULL), BUSY);
	h.hostnqn = HOST2;
	UNIT_EQ(hello_to(&c[2], &h, NULL), 0);
	h.hostnqn = NULL;
	fake_listen_port = "4421";
	UNIT_EQ(hello_to(&c[3], &h, NULL), 0);
	fake_listen_port = NULL;
	/* discovery is not meant */
	for (i = 0; i < ARRAY_SIZE(c); i++)
		fake_conn_end(c[i]);
	h.subnqn = NVMF_DISCOVERY_NQN;
	UNIT_EQ(hello_to(&c[0], &h, NULL), 0);
	UNIT_EQ(hello_to(&c[1], &h, NULL), 0);
	fake_conn_end(c[0]);
	fake_conn_end(c[1]);
	CU_ASSERT(fake_stop());
}

static void test_never_enabled(void)
{
	struct fake_conn *c, *enabled;

	fake_listen_port = NULL;
	fake_association_ms = 50;
	fake_start(2, 0);
	fake_standard();
	enabled = fake_admin(FAKE_NQN, NULL);
	UNIT_EQ(hello_to(&c, &(struct fake_hello){ 0 }, NULL), 0);
	fake_until(&c->gone);
	fake_conn_end(c);
	/* disabled again: the time runs anew */
	CU_ASSERT(!enabled->gone);
	UNIT_EQ(fake_prop_set(enabled, NVME_REG_CC, 0), 0);
	fake_until(&enabled->gone);
	fake_conn_end(enabled);
	fake_association_ms = 0;
	CU_ASSERT(fake_stop());
}

static void test_subsystem_reset(void)
{
	struct fake_hello h = { .subnqn = STATIC,
				.cntlid = NVMF_CNTLID_STATIC };
	struct fake_conn *c[2], *other;
	union nvme_cmd cmd;

	begin_static();
	other = fake_admin(FAKE_NQN, NULL);
	c[0] = fake_admin_as(&h, NULL);
	c[1] = fake_admin_as(&h, NULL);
	CU_ASSERT(!!(fake_prop_get(c[0], NVME_REG_CAP) & NVME_CAP_NSSRS));
	CU_ASSERT(!(fake_prop_get(other, NVME_REG_CAP) & NVME_CAP_NSSRS));
	nvme_cmd_property_set(&cmd, NVME_REG_NSSR, false, NVME_NSSR_VALUE);
	UNIT_EQ(fake_cmd(other, &cmd, NULL, 0).st, DNR(NVME_SC_INVALID_FIELD));
	/* another value does nothing; this one disconnects both */
	UNIT_EQ(fake_prop_set(c[0], NVME_REG_NSSR, 1), 0);
	fake_yield();
	CU_ASSERT(!c[1]->gone);
	UNIT_EQ(fake_prop_set(c[0], NVME_REG_NSSR, NVME_NSSR_VALUE), 0);
	fake_until(&c[0]->gone);
	fake_until(&c[1]->gone);
	fake_conn_end(c[0]);
	fake_conn_end(c[1]);
	CU_ASSERT(!other->gone);
	/* who comes back is told, until it says that it knows */
	c[0] = fake_admin_as(&h, NULL);
	CU_ASSERT(fake_prop_get(c[0], NVME_REG_CSTS) & NVME_CSTS_NSSRO);
	UNIT_EQ(fake_prop_set(c[0], NVME_REG_CSTS, NVME_CSTS_NSSRO), 0);
	UNIT_EQ(fake_prop_get(c[0], NVME_REG_CSTS), NVME_CSTS_RDY);
	fake_conn_end(c[0]);
	fake_conn_end(other);
	CU_ASSERT(fake_stop());
}

/* Abort */

static struct fake_conn *a, *io, *io2;

static void begin(void)
{
	u16 cntlid;

	fake_listen_port = NULL;
	fake_start_with_medium(2048);
	a = fake_admin(FAKE_NQN, &cntlid);
	io = fake_io(cntlid, 1, 1);
	io2 = fake_io(cntlid, 2, 0);
}

static void end(void)
{
	fake_conn_end(io2);
	fake_conn_end(io);
	fake_conn_end(a);
	CU_ASSERT(fake_stop());
}

static u64 abort_of(u16 sqid, struct fake_req *r)
{
	struct fake_result res;
	union nvme_cmd cmd;

	nvme_cmd_abort(&cmd, sqid, fake_cid(r));
	res = fake_cmd(a, &cmd, NULL, 0);
	UNIT_EQ(res.st, 0);
	return res.result;
}

static struct fake_req *rw(struct fake_conn *c, u8 op, u32 blocks, u8 fuse)
{
	union nvme_cmd cmd;

	nvme_cmd_rw(&cmd, op, 2, 0, blocks, 0);
	nvme_cmd_fuse(&cmd, fuse);
	return fake_submit(c, &cmd, data, blocks * 512, FAKE_REMOTE);
}

static void test_abort_waiting_for_data(void)
{
	struct fake_req *r;

	begin();
	io->hold_data = true;
	r = rw(io, NVME_CMD_WRITE, 8, 0);
	/* the wrong queue, a queue that is not there, then the right one */
	UNIT_EQ(abort_of(2, r), 1);
	UNIT_EQ(abort_of(3, r), 1);
	UNIT_EQ(abort_of(0, r), 1);
	CU_ASSERT(!fake_ended(r));
	UNIT_EQ(abort_of(1, r), 0);
	UNIT_EQ(fake_wait(r).st, DNR(NVME_SC_ABORT_REQUESTED));
	UNIT_EQ(io->held, 0);
	UNIT_EQ(fake_medium.count[BDEV_WRITE], 0);
	end();
}

/* its response is on its way when it is aborted again: nothing waits for it */
static void test_abort_what_has_ended(void)
{
	struct fake_req *r, *again;
	union nvme_cmd cmd;

	begin();
	io->q.opts.abort_timeout_sec = 1;
	io->hold_data = true;
	io->hold_done = true;
	r = rw(io, NVME_CMD_WRITE, 8, 0);
	UNIT_EQ(abort_of(1, r), 0);
	nvme_cmd_abort(&cmd, 1, fake_cid(r));
	again = fake_submit(a, &cmd, NULL, 0, FAKE_REMOTE);
	fake_yield();
	CU_ASSERT(fake_ended(again));
	/* it may go at any time */
	UNIT_EQ(fake_wait(r).st, DNR(NVME_SC_ABORT_REQUESTED));
	fake_conn_break(io);
	UNIT_EQ(fake_wait(again).result, 1);
	end();
}

static void test_abort_first_half(void)
{
	struct fake_req *r, *second;

	begin();
	r = rw(io, NVME_CMD_COMPARE, 8, NVME_FUSE_FIRST);
	UNIT_EQ(abort_of(1, r), 0);
	UNIT_EQ(fake_wait(r).st, DNR(NVME_SC_ABORT_REQUESTED));
	second = rw(io, NVME_CMD_WRITE, 8, NVME_FUSE_SECOND);
	UNIT_EQ(fake_wait(second).st, DNR(NVME_SC_FUSED_FAILED));
	end();
}

/* what the device has runs to its end; what waits for it is taken back */
static void test_abort_in_the_device(void)
{
	struct fake_req *first, *second, *held;

	begin();
	fake_medium.hold = 1u << BDEV_READ;
	first = rw(io, NVME_CMD_COMPARE, 8, NVME_FUSE_FIRST);
	second = rw(io, NVME_CMD_WRITE, 8, NVME_FUSE_SECOND);
	while (!fake_medium.held)
		fake_yield();
	held = rw(io2, NVME_CMD_READ, 8, 0);
	UNIT_EQ(abort_of(1, first), 1);
	UNIT_EQ(abort_of(1, second), 1);
	UNIT_EQ(abort_of(2, held), 0);
	UNIT_EQ(fake_wait(held).st, DNR(NVME_SC_ABORT_REQUESTED));
	fake_medium_release("d0");
	UNIT_EQ(fake_wait(first).st, 0);
	UNIT_EQ(fake_wait(second).st, 0);
	end();
}

/* it was asked to end what it has: the Abort hears what has come of that */
static void abort_decided(int cancels, nvme_status st, u64 result)
{
	struct fake_req *r, *abort;
	union nvme_cmd cmd;

	begin();
	io->q.opts.abort_timeout_sec = 600;
	fake_medium.hold = 1u << BDEV_READ;
	fake_medium.cancels = cancels;
	r = rw(io, NVME_CMD_READ, 8, 0);
	while (!fake_medium.held)
		fake_yield();
	nvme_cmd_abort(&cmd, 1, fake_cid(r));
	abort = fake_submit(a, &cmd, NULL, 0, FAKE_REMOTE);
	/* a second one does not wait, too */
	UNIT_EQ(abort_of(1, r), 1);
	CU_ASSERT(!fake_ended(abort));
	fake_medium_release("d0");
	UNIT_EQ(fake_wait(r).st, st);
	UNIT_EQ(fake_wait(abort).result, result);
	end();
}

static void test_abort_the_device_decides(void)
{
	abort_decided(FAKE_CANCELLED, DNR(NVME_SC_ABORT_REQUESTED), 0);
	abort_decided(FAKE_CANCELLED_LATE, 0, 1);
}

static void test_abort_waiting_for_memory(void)
{
	struct fake_req *r[6];
	int i;

	begin();
	fake_hold_copies(io, 2, r, 6);
	UNIT_EQ(fake_medium.held, 4);
	UNIT_EQ(abort_of(1, r[4]), 0);
	UNIT_EQ(fake_wait(r[4]).st, DNR(NVME_SC_ABORT_REQUESTED));
	UNIT_EQ(abort_of(1, r[0]), 1);
	fake_medium_release("d0");
	for (i = 0; i < 6; i++)
		if (i != 4)
			UNIT_EQ(fake_wait(r[i]).st, 0);
	end();
}

/* all of it, for Copies on another namespace that the device keeps */
static void take_memory(struct fake_req *r[4])
{
	static struct nvme_copy_range src;
	union nvme_cmd cmd;
	u32 nsid = 3;
	int i;

	UNIT_EQ(fake_medium_create("d1", 2048), 0);
	UNIT_EQ(fake_add_ns(FAKE_NQN, "d1", &nsid), 0);
	fake_medium.hold = 1u << BDEV_READ;
	nvme_copy_range_encode(&src, 0, 2048);
	nvme_cmd_copy(&cmd, nsid, 0, 1, 0);
	for (i = 0; i < 4; i++)
		r[i] = fake_submit(io, &cmd, &src, sizeof(src), FAKE_REMOTE);
	UNIT_EQ(fake_medium.held, 4);
}

/* a pair that has locked its blocks lets go of them when its Compare ends */
static void test_abort_pair_waiting_for_memory(void)
{
	struct fake_req *first, *second, *r[4];
	int i;

	begin();
	take_memory(r);
	first = rw(io, NVME_CMD_COMPARE, 8, NVME_FUSE_FIRST);
	second = rw(io, NVME_CMD_WRITE, 8, NVME_FUSE_SECOND);
	/* until it is locked there is nothing to take back */
	while (abort_of(1, first))
		fake_yield();
	UNIT_EQ(fake_wait(first).st, DNR(NVME_SC_ABORT_REQUESTED));
	UNIT_EQ(fake_wait(second).st, DNR(NVME_SC_FUSED_FAILED));
	UNIT_EQ(fake_wait(rw(io2, NVME_CMD_WRITE, 8, 0)).st, 0);
	UNIT_EQ(fake_medium.held, 4);
	fake_medium_release("d1");
	for (i = 0; i < 4; i++)
		UNIT_EQ(fake_wait(r[i]).st, 0);
	UNIT_EQ(fake_medium.count[BDEV_WRITE], 5);
	end();
}

/* Discovery */

static u64 records(struct fake_conn *c)
{
	return fake_records(c, page, sizeof(page));
}

static struct nvmf_disc_record record(u64 i)
{
	struct nvmf_disc_record r;

	UNIT_EQ(nvmf_disc_entry_decode(page + 1024 * (1 + i), 1024, &r, NULL),
		0);
	return r;
}

/* without keep-alive: who is silent goes, who reads the log stays */
static void test_idle_discovery(void)
{
	struct fake_hello h = { .subnqn = NVMF_DISCOVERY_NQN };
	struct fake_conn *silent, *reads;

	nvmf_disc_idle_ms = 1000;
	fake_listen_port = NULL;
	fake_start(1, 0);
	fake_standard();
	UNIT_EQ(hello_to(&reads, &h, NULL), 0);
	CU_ASSERT(fake_enable(reads));
	UNIT_EQ(hello_to(&silent, &h, NULL), 0);
	CU_ASSERT(fake_enable(silent));
	while (!silent->gone)
		UNIT_EQ(records(reads), 1);
	CU_ASSERT(!reads->gone);
	fake_conn_end(silent);
	fake_conn_end(reads);
	CU_ASSERT(fake_stop());
	nvmf_disc_idle_ms = NVMF_DISC_IDLE_MS;
}

static void test_discovery_filter(void)
{
	struct fake_hello h = { .subnqn = NVMF_DISCOVERY_NQN };
	struct fake_conn *c;

	begin_static();
	UNIT_EQ(fake_listener(FAKE_NQN, "4421", true), 0);
	UNIT_EQ(hello_to(&c, &h, NULL), 0);
	CU_ASSERT(fake_enable(c));
	UNIT_EQ(records(c), 3);
	UNIT_EQ(record(0).cntlid, NVMF_CNTLID_DYNAMIC);
	UNIT_STR(record(2).subnqn, STATIC);
	UNIT_EQ(record(2).cntlid, NVMF_CNTLID_STATIC);
	fake_config((struct nvmf_config){ .disc_svcid = true });
	UNIT_EQ(records(c), 2);
	fake_config((struct nvmf_config){ .disc_transport = true,
					  .disc_address = true });
	UNIT_EQ(records(c), 3);
	fake_conn_end(c);
	CU_ASSERT(fake_stop());
}

static void count_messages(void *messages)
{
	struct reactor_stats s;

	reactor_stats_get(&s);
	*(u64 *)messages = s.messages;
}

/* many requests at once take one place in the control reactor's line */
static void test_discovery_burst(void)
{
	struct fake_hello h = { .subnqn = NVMF_DISCOVERY_NQN };
	static u8 pages[16][2048];
	struct fake_req *r[16];
	u64 before, after, genctr, n;
	struct fake_conn *c;
	union nvme_cmd cmd;
	u32 i;

	fake_listen_port = NULL;
	fake_start(1, 0);
	fake_standard();
	UNIT_EQ(hello_to(&c, &h, NULL), 0);
	CU_ASSERT(fake_enable(c));
	nvme_cmd_get_log_page(&cmd, NVME_LOG_DISCOVERY, 0, 0, sizeof(pages[0]),
			      0, false);
	c->hold_data = true;
	for (i = 0; i < 16; i++)
		r[i] = fake_submit(c, &cmd, pages[i], sizeof(pages[0]),
				   FAKE_REMOTE);
	UNIT_EQ(c->held, 16);
	fake_on(0, count_messages, &before);
	fake_release(c);
	for (i = 0; i < 16; i++)
		UNIT_EQ(fake_wait(r[i]).st, 0);
	fake_on(0, count_messages, &after);
	CU_ASSERT(after - before < 16);
	for (i = 0; i < 16; i++) {
		UNIT_EQ(nvmf_disc_header_decode(pages[i], sizeof(pages[i]),
						&genctr, &n, NULL), 0);
		UNIT_EQ(n, 1);
	}
	fake_conn_end(c);
	CU_ASSERT(fake_stop());
}

static void test_referrals(void)
{
	struct fake_hello h = { .subnqn = NVMF_DISCOVERY_NQN };
	struct fake_req *event;
	struct fake_conn *c;
	union nvme_cmd cmd;

	fake_listen_port = NULL;
	fake_start(1, 0);
	fake_standard();
	UNIT_EQ(hello_to(&c, &h, NULL), 0);
	CU_ASSERT(fake_enable(c));
	nvme_cmd_set_features(&cmd, NVME_FEAT_ASYNC_EVENT, 0,
			      NVME_OAES_DISC_CHANGE, 0);
	UNIT_EQ(fake_cmd(c, &cmd, NULL, 0).st, 0);
	nvme_cmd_async_event(&cmd);
	event = fake_submit(c, &cmd, NULL, 0, FAKE_REMOTE);
	UNIT_EQ(fake_referral(NULL, "8009", true), 0);
	fake_wait(event);
	UNIT_EQ(fake_referral(NULL, "8009", true), 0);
	UNIT_EQ(fake_referral("bad", "8009", true), -EINVAL);
	UNIT_EQ(records(c), 2);
	UNIT_EQ(record(1).subtype, NVMF_SUBTYPE_REFERRAL);
	UNIT_STR(record(1).traddr, "192.0.2.1");
	UNIT_STR(record(1).trsvcid, "8009");
	UNIT_STR(record(1).subnqn, NVMF_DISCOVERY_NQN);
	UNIT_EQ(fake_referral(NULL, "8009", false), 0);
	UNIT_EQ(records(c), 1);
	/* one that is left goes with the target */
	UNIT_EQ(fake_referral("nqn.2026-11.io.weft:other", "9", true), 0);
	fake_conn_end(c);
	CU_ASSERT(fake_stop());
}

static void test_feature_effects(void)
{
	union nvme_cmd cmd;
	__le32 *fid = (__le32 *)page;

	begin();
	nvme_cmd_get_log_page(&cmd, NVME_LOG_FEATURE_EFFECTS, 0, 0, 1024, 0,
			      false);
	UNIT_EQ(fake_cmd(a, &cmd, page, 1024).st, 0);
	UNIT_EQ(le32_to_cpu(fid[NVME_FEAT_KATO]),
		NVME_FID_EFFECTS_SUPPORTED | NVME_FID_EFFECTS_SCOPE_CTRL);
	UNIT_EQ(le32_to_cpu(fid[NVME_FEAT_RESV_MASK]),
		NVME_FID_EFFECTS_SUPPORTED | NVME_FID_EFFECTS_SCOPE_NS);
	UNIT_EQ(fid[NVME_FEAT_TIMESTAMP], 0);
	end();
}

/* a host that only reads and writes is alive: it takes many timeouts' time */
static void test_traffic_keeps_alive(void)
{
	struct fake_hello h = { .kato = 100 };
	struct fake_conn *c, *i;
	union nvme_cmd cmd;
	atomic_bool *gone;
	u64 n;

	fake_listen_port = NULL;
	fake_start(2, 0);
	fake_standard();
	c = fake_admin_as(&h, &h.cntlid);
	h.qid = 1;
	i = fake_io_as(&h, 1);
	nvme_cmd_rw(&cmd, NVME_CMD_READ, 1, 0, 1, 0);
	/* as long as another host, silent, takes to be given up */
	h.cntlid = 0;
	h.qid = 0;
	h.kato = 500;
	a = fake_admin_as(&h, NULL);
	gone = &a->gone;
	for (n = 0; !*gone; n++)
		if (fake_cmd(i, &cmd, data, 512).st)
			break;
	CU_ASSERT(*gone && n > 0);
	CU_ASSERT(!c->gone);
	fake_conn_end(a);
	/* and then it falls silent, too */
	fake_until(&c->gone);
	fake_conn_end(i);
	fake_conn_end(c);
	CU_ASSERT(fake_stop());
}

UNIT_MAIN(UNIT(test_static_numbers), UNIT(test_one_controller_per_host),
	  UNIT(test_never_enabled), UNIT(test_subsystem_reset),
	  UNIT(test_abort_waiting_for_data), UNIT(test_abort_what_has_ended),
	  UNIT(test_abort_first_half),
	  UNIT(test_abort_in_the_device),
	  UNIT(test_abort_the_device_decides), UNIT(test_abort_waiting_for_memory),
	  UNIT(test_abort_pair_waiting_for_memory),
	  UNIT(test_idle_discovery), UNIT(test_discovery_filter),
	  UNIT(test_discovery_burst), UNIT(test_referrals),
	  UNIT(test_feature_effects), UNIT(test_traffic_keeps_alive))
