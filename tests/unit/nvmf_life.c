// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Changes while hosts are at work: namespaces that come and go under I/O,
 * hosts and listeners that are taken away, subsystems deleted and the target
 * stopped in the middle of it all. On two reactors.
 */
#include "common/regs.h"
#include "target/nvmf/internal.h"
#include "tests/unit/lib/nvmf_fake.h"
#include "tests/unit/unit.h"

#define DNR(sc)	((sc) | NVME_STATUS_DNR)

static struct fake_conn *a, *io[2];
static u16 cntlid;
static u8 data[65536];

static void begin(void)
{
	fake_start(2, 0);
	fake_standard();
	a = fake_admin(FAKE_NQN, &cntlid);
	io[0] = fake_io(cntlid, 1, 0);
	io[1] = fake_io(cntlid, 2, 1);
}

static void end(void)
{
	fake_conn_end(io[0]);
	fake_conn_end(io[1]);
	fake_conn_end(a);
	CU_ASSERT(fake_stop());
}

static struct fake_req *submit(struct fake_conn *c, u8 opcode, u32 nsid)
{
	union nvme_cmd cmd;

	nvme_cmd_rw(&cmd, opcode, nsid, 0, 8, 0);
	return fake_submit(c, &cmd, data, 4096, FAKE_REMOTE);
}

static nvme_status one(struct fake_conn *c, u8 opcode, u32 nsid)
{
	return fake_wait(submit(c, opcode, nsid)).st;
}

/* a namespace leaves only after its last command, and others never notice */
static void test_remove_ns_under_io(void)
{
	struct fake_req *w, *r;
	struct fake_op op;
	u32 nsid = 2;

	begin();
	UNIT_EQ(fake_malloc("m1", 2048, 512), 0);
	UNIT_EQ(fake_add_ns(FAKE_NQN, "m1", &nsid), 0);
	/* one where data is on its way in, one where it is on its way out */
	io[0]->hold_data = true;
	io[1]->hold_done = true;
	w = submit(io[0], NVME_CMD_WRITE, 2);
	r = submit(io[1], NVME_CMD_READ, 2);
	fake_remove_ns_begin(FAKE_NQN, 2, &op);
	fake_yield();
	CU_ASSERT(!op.done);
	/* what runs goes on, what is new is refused, the rest is untouched */
	UNIT_EQ(one(io[1], NVME_CMD_READ, 2), DNR(NVME_SC_INVALID_NS));
	UNIT_EQ(one(io[1], NVME_CMD_READ, 1), 0);
	fake_release(io[1]);
	fake_yield();
	CU_ASSERT(!op.done);
	fake_release(io[0]);
	UNIT_EQ(fake_wait(w).st, 0);
	UNIT_EQ(fake_wait(r).st, 0);
	fake_until(&op.done);
	UNIT_EQ(op.err, 0);
	CU_ASSERT(!a->gone && !io[0]->gone && !io[1]->gone);
	UNIT_EQ(one(io[0], NVME_CMD_READ, 2), DNR(NVME_SC_INVALID_NS));
	/* the device is free again */
	UNIT_EQ(fake_unregister("m1"), 0);
	end();
}

static struct fake_req *submit_half(struct fake_conn *c, u8 opcode, u8 half)
{
	union nvme_cmd cmd;

	nvme_cmd_rw(&cmd, opcode, 2, 0, 8, 0);
	nvme_cmd_fuse(&cmd, half);
	return fake_submit(c, &cmd, data, 4096, FAKE_REMOTE);
}

static void begin_with_medium(void)
{
	u32 nsid = 2;

	fake_medium_reset();
	begin();
	UNIT_EQ(fake_medium_create("d0", 2048), 0);
	UNIT_EQ(fake_add_ns(FAKE_NQN, "d0", &nsid), 0);
}

/*
 * Hosts that do not send their data, nor take what they have read, nor send the
 * other half of a pair. One of the same number does not get what was for it.
 */
static void test_remove_ns_of_silent_hosts(void)
{
	struct fake_req *w, *first, *second, *r, *alone;
	u32 nsid = 2;

	begin_with_medium();
	io[0]->hold_data = true;
	w = submit(io[0], NVME_CMD_WRITE, 2);
	first = submit_half(io[0], NVME_CMD_COMPARE, NVME_FUSE_FIRST);
	second = submit_half(io[0], NVME_CMD_WRITE, NVME_FUSE_SECOND);
	io[1]->hold_done = true;
	r = submit(io[1], NVME_CMD_READ, 2);
	alone = submit_half(io[1], NVME_CMD_COMPARE, NVME_FUSE_FIRST);
	fake_yield();
	UNIT_EQ(io[0]->held, 3);
	UNIT_EQ(fake_remove_ns(FAKE_NQN, 2), 0);
	UNIT_EQ(fake_wait(alone).st, DNR(NVME_SC_INVALID_NS));
	UNIT_EQ(fake_unregister("d0"), 0);
	UNIT_EQ(fake_medium_create("d0", 2048), 0);
	UNIT_EQ(fake_add_ns(FAKE_NQN, "d0", &nsid), 0);
	fake_release(io[0]);
	fake_release(io[1]);
	UNIT_EQ(fake_wait(w).st, DNR(NVME_SC_INVALID_NS));
	UNIT_EQ(fake_wait(first).st, DNR(NVME_SC_INVALID_NS));
	UNIT_EQ(fake_wait(second).st, DNR(NVME_SC_INVALID_NS));
	UNIT_EQ(fake_wait(r).st, 0);
	UNIT_EQ(fake_medium.count[BDEV_WRITE], 0);
	CU_ASSERT(!io[0]->gone && !io[1]->gone);
	UNIT_EQ(one(io[0], NVME_CMD_WRITE, 2), 0);
	end();
}

/* one half of a pair has come, the other not */
static void test_remove_ns_of_half_a_pair(void)
{
	struct fake_req *first, *second;
	union nvme_cmd cmd;

	begin_with_medium();
	nvme_cmd_rw(&cmd, NVME_CMD_COMPARE, 2, 0, 8, 0);
	nvme_cmd_fuse(&cmd, NVME_FUSE_FIRST);
	first = fake_submit(io[0], &cmd, data, 4096, FAKE_IN_CAPSULE);
	io[0]->hold_data = true;
	second = submit_half(io[0], NVME_CMD_WRITE, NVME_FUSE_SECOND);
	fake_yield();
	UNIT_EQ(io[0]->held, 1);
	UNIT_EQ(fake_remove_ns(FAKE_NQN, 2), 0);
	fake_release(io[0]);
	UNIT_EQ(fake_wait(second).st, DNR(NVME_SC_INVALID_NS));
	UNIT_EQ(fake_wait(first).st, DNR(NVME_SC_FUSED_FAILED));
	end();
}

static void begin_impatient(void)
{
	nvmf_patience_us = 20000;
	begin_with_medium();
}

static void end_impatient(void)
{
	end();
	nvmf_patience_us = NVMF_PATIENCE_US;
}

/* its data goes to the RAM itself: that has to be sure to have ended */
static void test_remove_ns_of_lent_ram(void)
{
	struct fake_req *w;

	begin_impatient();
	io[0]->hold_data = true;
	w = submit(io[0], NVME_CMD_WRITE, 1);
	UNIT_EQ(fake_remove_ns(FAKE_NQN, 1), 0);
	UNIT_EQ(fake_wait(w).st, NVME_SC_DATA_XFER_ERROR);
	fake_until(&io[0]->gone);
	CU_ASSERT(!io[1]->gone && !a->gone);
	UNIT_EQ(one(io[1], NVME_CMD_READ, 2), 0);
	end_impatient();
}

static void test_remove_ns_of_a_dead_device(void)
{
	struct fake_op op;
	struct fake_req *r;

	begin_impatient();
	fake_medium.cancels = FAKE_CANCELLED;
	fake_medium.hold = 1u << BDEV_READ;
	r = submit(io[0], NVME_CMD_READ, 2);
	fake_remove_ns_begin(FAKE_NQN, 2, &op);
	while (!fake_medium.asked)
		fake_yield();
	fake_medium_release("d0");
	fake_until(&op.done);
	UNIT_EQ(fake_wait(r).st, DNR(NVME_SC_INVALID_NS));
	CU_ASSERT(!io[0]->gone);
	end_impatient();
}

/* somebody else's lock is behind a silent host, too */
static void test_lock_behind_lent_ram(void)
{
	struct fake_req *w, *first, *second;
	union nvme_cmd cmd;

	begin_impatient();
	io[0]->hold_data = true;
	w = submit(io[0], NVME_CMD_WRITE, 1);
	nvme_cmd_rw(&cmd, NVME_CMD_COMPARE, 1, 0, 8, 0);
	nvme_cmd_fuse(&cmd, NVME_FUSE_FIRST);
	first = fake_submit(io[1], &cmd, data, 4096, FAKE_REMOTE);
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, 1, 0, 8, 0);
	nvme_cmd_fuse(&cmd, NVME_FUSE_SECOND);
	second = fake_submit(io[1], &cmd, data, 4096, FAKE_REMOTE);
	UNIT_EQ(fake_wait(first).st, 0);
	UNIT_EQ(fake_wait(second).st, 0);
	UNIT_EQ(fake_wait(w).st, NVME_SC_DATA_XFER_ERROR);
	UNIT_EQ(fake_waits(0, NVMF_WAIT_FENCE), 1);
	UNIT_EQ(fake_waits(1, NVMF_WAIT_FENCE), 0);
	fake_until(&io[0]->gone);
	end_impatient();
}

/* who wants something else goes on; who wants the same waits */
static void test_changes_beside_one_that_waits(void)
{
	struct fake_op gone, back, deleted;
	struct fake_req *r;
	u32 nsid = 0;

	begin_with_medium();
	UNIT_EQ(fake_malloc("m1", 2048, 512), 0);
	fake_medium.hold = 1u << BDEV_READ;
	r = submit(io[0], NVME_CMD_READ, 2);
	fake_remove_ns_begin(FAKE_NQN, 2, &gone);
	fake_add_ns_begin(FAKE_NQN, "d0", 2, &back);
	UNIT_EQ(fake_listener(FAKE_NQN, "4421", true), 0);
	UNIT_EQ(fake_add_ns(FAKE_NQN, "m1", &nsid), 0);
	UNIT_EQ(nsid, 3);
	UNIT_EQ(fake_remove_ns(FAKE_NQN, 1), 0);
	UNIT_EQ(one(io[1], NVME_CMD_READ, 3), 0);
	CU_ASSERT(!gone.done && !back.done);
	fake_medium_release("d0");
	fake_until(&gone.done);
	UNIT_EQ(gone.err, 0);
	UNIT_EQ(fake_wait(r).st, 0);
	fake_until(&back.done);
	UNIT_EQ(back.err, 0);
	UNIT_EQ(back.nsid, 2);
	UNIT_EQ(one(io[1], NVME_CMD_READ, 2), 0);
	/* the subsystem itself goes behind all of them */
	fake_medium.hold = 1u << BDEV_READ;
	r = submit(io[0], NVME_CMD_READ, 2);
	fake_remove_ns_begin(FAKE_NQN, 2, &gone);
	fake_delete_begin(FAKE_NQN, &deleted);
	fake_yield();
	CU_ASSERT(!gone.done && !deleted.done);
	fake_medium_release("d0");
	fake_until(&gone.done);
	fake_until(&deleted.done);
	fake_wait(r);
	end();
}

/* the device itself is removed: the namespace follows */
static void test_bdev_removed(void)
{
	u32 nsid = 2;

	begin();
	UNIT_EQ(fake_null("n0", 1000), 0);
	UNIT_EQ(fake_add_ns(FAKE_NQN, "n0", &nsid), 0);
	UNIT_EQ(one(io[0], NVME_CMD_READ, 2), 0);
	UNIT_EQ(fake_unregister("n0"), 0);
	UNIT_EQ(one(io[0], NVME_CMD_READ, 2), DNR(NVME_SC_INVALID_NS));
	UNIT_EQ(one(io[1], NVME_CMD_READ, 1), 0);
	end();
}

static void resize(void *ctx)
{
	bdev_notify_resize(bdev_find("n0"), *(u64 *)ctx);
}

static void test_bdev_resized(void)
{
	union nvme_cmd cmd;
	u64 blocks = 4;
	struct fake_req *event;
	u32 nsid = 2;

	begin();
	UNIT_EQ(fake_null("n0", 1000), 0);
	UNIT_EQ(fake_add_ns(FAKE_NQN, "n0", &nsid), 0);
	nvme_cmd_set_features(&cmd, NVME_FEAT_ASYNC_EVENT, 0,
			      NVME_OAES_NS_ATTR, 0);
	UNIT_EQ(fake_cmd(a, &cmd, NULL, 0).st, 0);
	nvme_cmd_async_event(&cmd);
	event = fake_submit(a, &cmd, NULL, 0, FAKE_REMOTE);
	fake_on(0, resize, &blocks);
	/* by the time that the host hears of it, it is so everywhere */
	UNIT_EQ(fake_wait(event).st, 0);
	UNIT_EQ(one(io[0], NVME_CMD_READ, 2), DNR(NVME_SC_LBA_RANGE));
	UNIT_EQ(one(io[1], NVME_CMD_READ, 2), DNR(NVME_SC_LBA_RANGE));
	blocks = 1ull << 20;
	fake_on(0, resize, &blocks);
	fake_yield();
	UNIT_EQ(one(io[1], NVME_CMD_READ, 2), 0);
	end();
}

/* data that is on its way to blocks which are no longer there */
static void test_bdev_shrinks_under_io(void)
{
	struct fake_req *w, *r;
	union nvme_cmd cmd;
	u64 blocks = 500;
	u32 nsid = 2;

	begin();
	UNIT_EQ(fake_null("n0", 1000), 0);
	UNIT_EQ(fake_add_ns(FAKE_NQN, "n0", &nsid), 0);
	io[0]->hold_data = true;
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, 2, 992, 8, 0);
	w = fake_submit(io[0], &cmd, data, 4096, FAKE_REMOTE);
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, 2, 492, 8, 0);
	r = fake_submit(io[0], &cmd, data, 4096, FAKE_REMOTE);
	fake_on(0, resize, &blocks);
	fake_yield();
	fake_release(io[0]);
	UNIT_EQ(fake_wait(w).st, DNR(NVME_SC_LBA_RANGE));
	UNIT_EQ(fake_wait(r).st, 0);
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, 2, 493, 8, 0);
	UNIT_EQ(fake_cmd(io[0], &cmd, data, 4096).st, DNR(NVME_SC_LBA_RANGE));
	end();
}

static void test_remove_host(void)
{
	begin();
	UNIT_EQ(fake_add_host(FAKE_NQN, FAKE_HOST), 0);
	/* restricting it does not touch who is on the list */
	UNIT_EQ(fake_allow_any(FAKE_NQN, false), 0);
	UNIT_EQ(one(io[1], NVME_CMD_WRITE, 1), 0);
	UNIT_EQ(fake_remove_host(FAKE_NQN, FAKE_HOST), 0);
	UNIT_EQ(fake_ctrlrs(FAKE_NQN), 0);
	fake_until(&a->gone);
	fake_until(&io[0]->gone);
	fake_until(&io[1]->gone);
	UNIT_EQ(fake_remove_host(FAKE_NQN, FAKE_HOST), -ENOENT);
	end();
}

static void test_restrict_hosts(void)
{
	begin();
	UNIT_EQ(fake_allow_any(FAKE_NQN, false), 0);
	UNIT_EQ(fake_ctrlrs(FAKE_NQN), 0);
	fake_until(&io[1]->gone);
	end();
}

static void test_remove_listener(void)
{
	begin();
	UNIT_EQ(fake_listener(FAKE_NQN, "4421", true), 0);
	UNIT_EQ(fake_listener(FAKE_NQN, "4421", false), 0);
	UNIT_EQ(fake_listener(FAKE_NQN, "4421", false), -ENOENT);
	CU_ASSERT(!a->gone);
	UNIT_EQ(fake_listener(FAKE_NQN, "4420", false), 0);
	UNIT_EQ(fake_ctrlrs(FAKE_NQN), 0);
	end();
}

static void test_delete_under_io(void)
{
	struct fake_req *w, *r, *event;
	union nvme_cmd cmd;
	struct fake_op op;

	begin();
	io[0]->hold_data = true;
	io[1]->hold_done = true;
	w = submit(io[0], NVME_CMD_WRITE, 1);
	r = submit(io[1], NVME_CMD_READ, 1);
	nvme_cmd_async_event(&cmd);
	event = fake_submit(a, &cmd, NULL, 0, FAKE_REMOTE);
	fake_delete_begin(FAKE_NQN, &op);
	fake_until(&op.done);
	UNIT_EQ(op.err, 0);
	UNIT_EQ(fake_wait(w).st, NVME_SC_DATA_XFER_ERROR);
	UNIT_EQ(fake_wait(r).st, 0);
	UNIT_EQ(fake_wait(event).st, NVME_SC_ABORT_SQ_DELETED);
	/* each on its own reactor, which may be a little behind */
	fake_until(&io[0]->gone);
	fake_until(&io[1]->gone);
	fake_until(&a->gone);
	/* everything may be had again */
	fake_conn_end(a);
	UNIT_EQ(fake_unregister("m0"), 0);
	fake_standard();
	a = fake_admin(FAKE_NQN, &cntlid);
	end();
}

static void test_stop_under_io(void)
{
	struct fake_req *w[8], *r;
	int i;

	begin();
	io[0]->hold_data = true;
	for (i = 0; i < 8; i++)
		w[i] = submit(io[0], NVME_CMD_WRITE, 1);
	io[1]->hold_done = true;
	r = submit(io[1], NVME_CMD_READ, 1);
	CU_ASSERT(fake_stop());
	for (i = 0; i < 8; i++)
		UNIT_EQ(fake_wait(w[i]).st, NVME_SC_DATA_XFER_ERROR);
	UNIT_EQ(fake_wait(r).st, 0);
	CU_ASSERT(a->gone && io[0]->gone && io[1]->gone);
	fake_conn_end(io[0]);
	fake_conn_end(io[1]);
	fake_conn_end(a);
}

/* with connections that never sent a Connect */
static void test_stop_unconnected(void)
{
	struct fake_conn *c[4];
	int i;

	fake_start(2, 0);
	for (i = 0; i < 4; i++)
		c[i] = fake_conn_new(i & 1);
	CU_ASSERT(fake_stop());
	for (i = 0; i < 4; i++) {
		CU_ASSERT(c[i]->gone);
		fake_conn_end(c[i]);
	}
}

/* the admin queue takes its I/O queues with it, one I/O queue nobody */
static void test_disconnect_order(void)
{
	struct fake_req *held;

	begin();
	fake_conn_break(io[0]);
	fake_until(&io[0]->gone);
	UNIT_EQ(one(io[1], NVME_CMD_READ, 1), 0);
	io[1]->hold_done = true;
	held = submit(io[1], NVME_CMD_READ, 1);
	fake_conn_break(a);
	fake_until(&io[1]->gone);
	fake_wait(held);
	fake_yield();
	UNIT_EQ(fake_ctrlrs(FAKE_NQN), 0);
	end();
}

/* long clears are given up when the connection goes */
static void test_break_in_clear(void)
{
	union nvme_cmd cmd;
	struct fake_req *r;
	u32 nsid = 2;
	int i;

	begin();
	UNIT_EQ(fake_malloc("big", 65536, 512), 0);
	UNIT_EQ(fake_add_ns(FAKE_NQN, "big", &nsid), 0);
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE_ZEROES, 2, 0, 65536, 0);
	for (i = 0; i < 2; i++) {
		r = fake_submit(io[i], &cmd, NULL, 0, FAKE_REMOTE);
		fake_conn_break(io[i]);
		fake_wait(r);
		fake_until(&io[i]->gone);
	}
	UNIT_EQ(fake_remove_ns(FAKE_NQN, 2), 0);
	end();
}

/* many changes at once, with I/O all the while; a fixed seed */
static void test_churn(void)
{
	u32 x = 12345, nsid;
	int i;

	begin();
	UNIT_EQ(fake_malloc("m1", 2048, 512), 0);
	for (i = 0; i < 60; i++) {
		struct fake_req *r[4];
		struct fake_op op;
		int n;

		nsid = 2;
		UNIT_EQ(fake_add_ns(FAKE_NQN, "m1", &nsid), 0);
		for (n = 0; n < 4; n++) {
			x = x * 1664525 + 1013904223;
			io[n & 1]->hold_data = x >> 16 & 1;
			io[n & 1]->hold_done = x >> 17 & 1;
			r[n] = submit(io[n & 1], x >> 18 & 1 ? NVME_CMD_READ :
				      NVME_CMD_WRITE, 2);
		}
		fake_remove_ns_begin(FAKE_NQN, 2, &op);
		if (x >> 19 & 1 && x >> 20 & 1) {
			n = x >> 21 & 1;
			fake_conn_end(io[n]);
			io[n] = fake_io(cntlid, n + 1, n);
			/* what was held went with its connection */
		}
		fake_release(io[0]);
		fake_release(io[1]);
		for (n = 0; n < 4; n++)
			fake_wait(r[n]);
		fake_until(&op.done);
		UNIT_EQ(op.err, 0);
	}
	UNIT_EQ(one(io[0], NVME_CMD_READ, 1), 0);
	UNIT_EQ(one(io[1], NVME_CMD_READ, 1), 0);
	end();
}

UNIT_MAIN(UNIT(test_remove_ns_under_io), UNIT(test_remove_ns_of_silent_hosts),
	  UNIT(test_remove_ns_of_half_a_pair), UNIT(test_remove_ns_of_lent_ram),
	  UNIT(test_remove_ns_of_a_dead_device),
	  UNIT(test_lock_behind_lent_ram),
	  UNIT(test_changes_beside_one_that_waits), UNIT(test_bdev_removed),
	  UNIT(test_bdev_resized), UNIT(test_bdev_shrinks_under_io),
	  UNIT(test_remove_host),
	  UNIT(test_restrict_hosts), UNIT(test_remove_listener),
	  UNIT(test_delete_under_io), UNIT(test_stop_under_io),
	  UNIT(test_stop_unconnected), UNIT(test_disconnect_order),
	  UNIT(test_break_in_clear), UNIT(test_churn))
