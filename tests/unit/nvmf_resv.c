// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Reservations as several hosts use them: every action with each of its
 * statuses, conflicts of every command with every type, what waits for what,
 * and what a file remembers. Who is told of it is in nvmf_resv_notices.c.
 */
#include <unistd.h>

#include "common/ranges.h"
#include "target/nvmf/resv.h"
#include "tests/unit/resv_hosts.h"

static char file[] = "/tmp/weft-resv-XXXXXX";

/* Register */

static void test_register(void)
{
	struct nvme_resv_cmd r = { .opcode = REG };
	u32 gen;

	begin();
	UNIT_EQ(report(0, RAM).registrants, 0);
	UNIT_EQ(resv(0, RAM, REG, NVME_RESV_REGISTER, 0, 0, 5), 0);
	gen = report(0, RAM).gen;
	/* the same key again is fine, another one is not */
	UNIT_EQ(resv(0, RAM, REG, NVME_RESV_REGISTER, 0, 0, 5), 0);
	UNIT_EQ(resv(0, RAM, REG, NVME_RESV_REGISTER, 0, 0, 6), CONFLICT);
	UNIT_EQ(resv(0, RAM, REG, NVME_RESV_REGISTER, 0, 0, 0), INVALID);
	UNIT_EQ(report(0, RAM).gen, gen + 1);
	UNIT_EQ(resv(0, RAM, REG, NVME_RESV_REPLACE, 0, 4, 7), CONFLICT);
	UNIT_EQ(resv(0, RAM, REG, NVME_RESV_REPLACE, 0, 5, 7), 0);
	UNIT_EQ(resv(0, RAM, REG, NVME_RESV_UNREGISTER, 0, 5, 0), CONFLICT);
	UNIT_EQ(resv(0, RAM, REG, NVME_RESV_UNREGISTER, 0, 7, 0), 0);
	UNIT_EQ(resv(0, RAM, REG, NVME_RESV_UNREGISTER, 0, 7, 0), CONFLICT);
	UNIT_EQ(resv(0, RAM, REG, NVME_RESV_REPLACE, 0, 0, 7), CONFLICT);
	/* whatever the current key is */
	r.iekey = true;
	r.action = NVME_RESV_REPLACE;
	r.key = 8;
	UNIT_EQ(fake_wait(send(io[0], RAM, &r)).st, 0);
	r.key = 9;
	UNIT_EQ(fake_wait(send(io[0], RAM, &r)).st, 0);
	r.action = NVME_RESV_UNREGISTER;
	UNIT_EQ(fake_wait(send(io[0], RAM, &r)).st, 0);
	/* the other namespace knows nothing of all this */
	UNIT_EQ(report(0, DISK).gen, 0);
	/* persistence is for namespaces with a file */
	r = (struct nvme_resv_cmd){ .opcode = REG, .key = 1,
				    .cptpl = NVME_RESV_PTPL_SET };
	UNIT_EQ(fake_wait(send(io[0], RAM, &r)).st, INVALID);
	UNIT_EQ(standing(0, RAM), -1);
	end();
}

static void test_malformed(void)
{
	struct nvme_resv_cmd r = { .opcode = ACQ, .type = 1,
				   .action = NVME_RESV_PREEMPT_ABORT };
	union nvme_cmd cmd;
	u8 keys[16] = { 0 };

	begin();
	nvme_resv_cmd_encode(&cmd, RAM, &r, keys);
	/* without data, with too little, with too much */
	UNIT_EQ(fake_cmd(io[0], &cmd, keys, 0).st,
		DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	UNIT_EQ(fake_cmd(io[0], &cmd, keys, 8).st,
		DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	UNIT_EQ(fake_cmd(io[0], &cmd, page, 32).st,
		DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	cmd.sqe.nsid = cpu_to_le32(9);
	UNIT_EQ(fake_cmd(io[0], &cmd, keys, 16).st, DNR(NVME_SC_INVALID_NS));
	UNIT_EQ(resv(0, RAM, ACQ, 3, 1, 0, 0), INVALID);
	UNIT_EQ(resv(0, RAM, ACQ, 0, 7, 0, 0), INVALID);
	UNIT_EQ(resv(0, RAM, REL, 2, 1, 0, 0), INVALID);
	/* fabrics' host identifiers do not fit the short report */
	nvme_cmd_resv_report(&cmd, RAM, 64);
	cmd.sqe.cdw11 = 0;
	UNIT_EQ(fake_cmd(io[0], &cmd, page, 64).st,
		DNR(NVME_SC_HOST_ID_FORMAT));
	nvme_cmd_resv_report(&cmd, RAM, FAKE_MAX_IO + 4);
	UNIT_EQ(fake_cmd(io[0], &cmd, page, 64).st, INVALID);
	/* any part of a report can be had */
	all_register(RAM);
	memset(page, 0xee, sizeof(page));
	nvme_cmd_resv_report(&cmd, RAM, 100);
	UNIT_EQ(fake_cmd(io[0], &cmd, page, 100).st, 0);
	UNIT_EQ(page[5], HOSTS);
	UNIT_EQ(page[99], 0);
	UNIT_EQ(page[100], 0xee);
	end();
}

/* Acquire, release, and who may then do what */

static void test_acquire(void)
{
	u8 type;

	begin();
	UNIT_EQ(acquire(0, RAM, 1), CONFLICT);	/* not registered */
	all_register(RAM);
	for (type = 1; type <= NVME_RESV_TYPE_MAX; type++) {
		bool ar = type >= 5;

		UNIT_EQ(resv(0, RAM, ACQ, 0, type, 99, 0), CONFLICT);
		UNIT_EQ(acquire(0, RAM, type), 0);
		UNIT_EQ(report(1, RAM).type, type);
		UNIT_EQ(standing(0, RAM), 1);
		UNIT_EQ(standing(1, RAM), ar);
		/* again: the same is fine, of another type or host it is not */
		UNIT_EQ(acquire(0, RAM, type), 0);
		UNIT_EQ(acquire(0, RAM, type % 6 + 1), CONFLICT);
		UNIT_EQ(acquire(1, RAM, type), ar ? 0 : CONFLICT);
		/* release: who does not hold it releases nothing */
		UNIT_EQ(resv(1, RAM, REL, 0, type, 99, 0), CONFLICT);
		if (!ar)
			UNIT_EQ(resv(1, RAM, REL, 0, type, 11, 0), 0);
		UNIT_EQ(report(1, RAM).type, type);
		UNIT_EQ(resv(0, RAM, REL, 0, type % 6 + 1, 10, 0), INVALID);
		UNIT_EQ(resv(0, RAM, REL, 0, type, 10, 0), 0);
		UNIT_EQ(report(1, RAM).type, 0);
		UNIT_EQ(resv(0, RAM, REL, 0, type, 10, 0), 0);
	}
	end();
}

/* reads and writes of host 1, which is registered, and of host 2, which is not */
static const char may[NVME_RESV_TYPE_MAX + 1][5] = {
	[NVME_RESV_WRITE_EXCLUSIVE] = "1010",
	[NVME_RESV_EXCLUSIVE_ACCESS] = "0000",
	[NVME_RESV_WRITE_EXCLUSIVE_REG] = "1110",
	[NVME_RESV_EXCLUSIVE_ACCESS_REG] = "1100",
	[NVME_RESV_WRITE_EXCLUSIVE_ALL] = "1110",
	[NVME_RESV_EXCLUSIVE_ACCESS_ALL] = "1100",
};

/* what host @h is told; host 0 holds the reservation */
static nvme_status verdict(u8 type, int h, bool writes)
{
	return !h || may[type][2 * (h - 1) + writes] == '1' ? 0 : CONFLICT;
}

static void check_conflicts(u8 type)
{
	static const u8 ops[] = {
		NVME_CMD_READ, NVME_CMD_COMPARE, NVME_CMD_VERIFY,
		NVME_CMD_WRITE, NVME_CMD_WRITE_ZEROES, NVME_CMD_FLUSH,
		NVME_CMD_WRITE_UNCORRECTABLE,
	};
	size_t i;
	int h;

	memset(data, 0, sizeof(data));
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		for (h = 0; h < HOSTS; h++)
			UNIT_EQ(rw(h, ops[i], RAM), verdict(type, h, i >= 3));
		/* a namespace beside it is free */
		UNIT_EQ(rw(2, ops[i], DISK), 0);
		UNIT_EQ(rw(0, NVME_CMD_WRITE_ZEROES, RAM), 0);
		UNIT_EQ(rw(0, NVME_CMD_WRITE_ZEROES, DISK), 0);
	}
}

static void check_lists(int h, nvme_status want)
{
	struct nvme_copy_range c;
	struct nvme_dsm_range d;
	union nvme_cmd cmd;

	nvme_copy_range_encode(&c, 0, 1);
	nvme_cmd_copy(&cmd, RAM, 8, 1, 0);
	UNIT_EQ(fake_cmd(io[h], &cmd, &c, sizeof(c)).st, want);
	nvme_dsm_range_encode(&d, 0, 1);
	nvme_cmd_dsm(&cmd, RAM, 1, NVME_DSM_AD);
	UNIT_EQ(fake_cmd(io[h], &cmd, &d, sizeof(d)).st, want);
}

static void test_conflicts(void)
{
	u8 type;
	int h;

	begin();
	all_register(RAM);
	UNIT_EQ(resv(2, RAM, REG, NVME_RESV_UNREGISTER, 0, 12, 0), 0);
	for (type = 1; type <= NVME_RESV_TYPE_MAX; type++) {
		UNIT_EQ(acquire(0, RAM, type), 0);
		check_conflicts(type);
		for (h = 0; h < HOSTS; h++)
			check_lists(h, verdict(type, h, true));
		UNIT_EQ(resv(0, RAM, REL, 0, type, 10, 0), 0);
		UNIT_EQ(rw(2, NVME_CMD_WRITE, RAM), 0);
		check_lists(2, 0);
	}
	end();
}

/* a host that cannot be told from others reserves nothing, but may look */
static void test_no_host_identifier(void)
{
	static const u8 ops[] = { REG, ACQ, REL };
	struct fake_hello hello = { .no_hostid = true };
	struct nvme_resv_cmd r = { .type = 1, .key = 1 };
	struct fake_conn *ca, *ci;
	union nvme_cmd cmd;
	size_t i;

	begin();
	ca = fake_admin_as(&hello, &hello.cntlid);
	hello.qid = 1;
	ci = fake_io_as(&hello, 1);
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		r.opcode = ops[i];
		UNIT_EQ(fake_wait(send(ci, RAM, &r)).st,
			DNR(NVME_SC_CMD_SEQ_ERROR));
	}
	nvme_cmd_resv_report(&cmd, RAM, sizeof(page));
	UNIT_EQ(fake_cmd(ci, &cmd, page, sizeof(page)).st, 0);
	UNIT_EQ(report(0, RAM).registrants, 0);
	fake_conn_end(ci);
	fake_conn_end(ca);
	end();
}

static void test_unregister_releases(void)
{
	begin();
	all_register(RAM);
	UNIT_EQ(acquire(0, RAM, NVME_RESV_WRITE_EXCLUSIVE_REG), 0);
	UNIT_EQ(resv(0, RAM, REG, NVME_RESV_UNREGISTER, 0, 10, 0), 0);
	UNIT_EQ(report(0, RAM).type, 0);
	UNIT_EQ(acquire(1, RAM, NVME_RESV_EXCLUSIVE_ACCESS_ALL), 0);
	UNIT_EQ(resv(1, RAM, REG, NVME_RESV_UNREGISTER, 0, 11, 0), 0);
	UNIT_EQ(report(0, RAM).type, NVME_RESV_EXCLUSIVE_ACCESS_ALL);
	UNIT_EQ(rw(1, NVME_CMD_READ, RAM), CONFLICT);
	UNIT_EQ(resv(2, RAM, REG, NVME_RESV_UNREGISTER, 0, 12, 0), 0);
	UNIT_EQ(report(0, RAM).type, 0);
	UNIT_EQ(rw(1, NVME_CMD_WRITE, RAM), 0);
	end();
}

/* Preempt */

static void test_preempt(void)
{
	u32 gen;

	begin();
	all_register(RAM);
	/* without a reservation: registrants with the key */
	UNIT_EQ(resv(0, RAM, ACQ, NVME_RESV_PREEMPT, 1, 10, 99), CONFLICT);
	gen = report(0, RAM).gen;
	UNIT_EQ(resv(0, RAM, ACQ, NVME_RESV_PREEMPT, 1, 10, 12), 0);
	UNIT_EQ(report(0, RAM).gen, gen + 1);
	UNIT_EQ(standing(2, RAM), -1);
	UNIT_EQ(report(0, RAM).type, 0);
	/* the holder's key: the reservation, too */
	UNIT_EQ(resv(2, RAM, REG, 0, 0, 0, 12), 0);
	UNIT_EQ(acquire(0, RAM, NVME_RESV_WRITE_EXCLUSIVE), 0);
	UNIT_EQ(resv(1, RAM, ACQ, NVME_RESV_PREEMPT, 2, 11, 0), INVALID);
	UNIT_EQ(resv(1, RAM, ACQ, NVME_RESV_PREEMPT, 2, 11, 99), CONFLICT);
	UNIT_EQ(resv(1, RAM, ACQ, NVME_RESV_PREEMPT, 2, 11, 10), 0);
	UNIT_EQ(standing(0, RAM), -1);
	UNIT_EQ(standing(1, RAM), 1);
	UNIT_EQ(report(1, RAM).type, NVME_RESV_EXCLUSIVE_ACCESS);
	UNIT_EQ(rw(0, NVME_CMD_READ, RAM), CONFLICT);
	/* the holder can change its own reservation so */
	UNIT_EQ(resv(1, RAM, ACQ, NVME_RESV_PREEMPT, 5, 11, 11), 0);
	UNIT_EQ(report(1, RAM).type, NVME_RESV_WRITE_EXCLUSIVE_ALL);
	UNIT_EQ(standing(2, RAM), 1);
	/* of all registrants: one key, or all the others */
	UNIT_EQ(resv(0, RAM, REG, 0, 0, 0, 10), 0);
	UNIT_EQ(resv(1, RAM, ACQ, NVME_RESV_PREEMPT, 5, 11, 10), 0);
	UNIT_EQ(standing(0, RAM), -1);
	UNIT_EQ(standing(2, RAM), 1);
	UNIT_EQ(resv(1, RAM, ACQ, NVME_RESV_PREEMPT, 5, 11, 77), CONFLICT);
	UNIT_EQ(resv(2, RAM, ACQ, NVME_RESV_PREEMPT, 1, 12, 0), 0);
	UNIT_EQ(standing(1, RAM), -1);
	UNIT_EQ(standing(2, RAM), 1);
	UNIT_EQ(report(1, RAM).type, NVME_RESV_WRITE_EXCLUSIVE);
	/* clear: all are gone */
	UNIT_EQ(resv(2, RAM, REL, NVME_RESV_CLEAR, 0, 99, 0), CONFLICT);
	UNIT_EQ(resv(2, RAM, REL, NVME_RESV_CLEAR, 0, 12, 0), 0);
	UNIT_EQ(report(1, RAM).registrants, 0);
	UNIT_EQ(report(1, RAM).type, 0);
	end();
}

/* a write of the holder, host 1, that the disk does not end */
static struct fake_req *held_write(union nvme_cmd *cmd)
{
	begin();
	all_register(DISK);
	UNIT_EQ(acquire(1, DISK, NVME_RESV_EXCLUSIVE_ACCESS), 0);
	fake_medium.hold = 1u << BDEV_WRITE;
	nvme_cmd_rw(cmd, NVME_CMD_WRITE, DISK, 0, 8, 0);
	return fake_submit(io[1], cmd, data, 4096, FAKE_REMOTE);
}

/* answered only when no command of the preempted host is under way any more */
static void check_preempt_waits(u8 action, nvme_status late_st)
{
	struct nvme_resv_cmd r = { .opcode = ACQ, .action = action, .type = 2,
				   .crkey = 10, .key = 11 };
	struct fake_req *w, *late, *p;
	union nvme_cmd cmd;

	w = held_write(&cmd);
	UNIT_EQ(fake_medium.held, 1);
	io[1]->hold_data = true;
	late = fake_submit(io[1], &cmd, data, 4096, FAKE_REMOTE);
	p = send(io[0], DISK, &r);
	fake_yield();
	CU_ASSERT(!fake_ended(p));
	/* its other namespace is not touched */
	UNIT_EQ(rw(0, NVME_CMD_READ, RAM), 0);
	fake_release(io[1]);
	UNIT_EQ(fake_wait(late).st, late_st);
	fake_medium_release("d0");
	UNIT_EQ(fake_wait(w).st, 0);
	UNIT_EQ(fake_wait(p).st, 0);
	UNIT_EQ(fake_medium.count[BDEV_WRITE], 1);
	end();
}

/* what waits behind one that waits does not nest, however much it is */
static void test_many_reports(void)
{
	struct nvme_resv_cmd r = { .opcode = ACQ, .action = NVME_RESV_PREEMPT,
				   .crkey = 10, .key = 11, .type = 2 };
	static struct fake_req *reports[30000];
	struct fake_req *w, *p;
	union nvme_cmd cmd;
	u32 i, wrong = 0;

	w = held_write(&cmd);
	p = send(io[0], DISK, &r);
	nvme_cmd_resv_report(&cmd, DISK, 64);
	for (i = 0; i < ARRAY_SIZE(reports); i++)
		reports[i] = fake_submit(io[0], &cmd, page, 64, FAKE_REMOTE);
	fake_yield();
	CU_ASSERT(!fake_ended(reports[0]));
	fake_medium_release("d0");
	UNIT_EQ(fake_wait(w).st, 0);
	UNIT_EQ(fake_wait(p).st, 0);
	for (i = 0; i < ARRAY_SIZE(reports); i++)
		wrong += !!fake_wait(reports[i]).st;
	UNIT_EQ(wrong, 0);
	end();
}

static void test_preempt_waits(void)
{
	check_preempt_waits(NVME_RESV_PREEMPT, CONFLICT);
}

static void test_preempt_aborts(void)
{
	check_preempt_waits(NVME_RESV_PREEMPT_ABORT,
			    DNR(NVME_SC_ABORT_PREEMPT));
}

/* a pair that waited for its blocks is judged anew, too */
static void test_fused_conflict(void)
{
	struct fake_req *r1, *r2;
	union nvme_cmd cmd;

	begin();
	all_register(RAM);
	UNIT_EQ(acquire(0, RAM, NVME_RESV_WRITE_EXCLUSIVE), 0);
	nvme_cmd_rw(&cmd, NVME_CMD_COMPARE, RAM, 0, 8, 0);
	nvme_cmd_fuse(&cmd, NVME_FUSE_FIRST);
	r1 = fake_submit(io[1], &cmd, data, 4096, FAKE_REMOTE);
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, RAM, 0, 8, 0);
	nvme_cmd_fuse(&cmd, NVME_FUSE_SECOND);
	r2 = fake_submit(io[1], &cmd, data, 4096, FAKE_REMOTE);
	UNIT_EQ(fake_wait(r1).st, DNR(NVME_SC_FUSED_FAILED));
	UNIT_EQ(fake_wait(r2).st, CONFLICT);
	end();
}

/* Many */

static struct nvmf_resv *registered(struct nvmf_resv *r, u32 host,
				    nvme_status want)
{
	const struct nvme_resv_cmd cmd = { .opcode = REG, .key = 5 };
	struct nvmf_resv_notes notes = { 0 };
	struct nvmf_resv *next = nvmf_resv_copy(r);
	u8 hostid[NVME_HOSTID_BYTES] = { 1, host >> 8, host };

	nvmf_resv_free(r);
	UNIT_EQ(nvmf_resv_change(next, hostid, &cmd, false, &notes), want);
	return next;
}

/* under ever new identifiers; those that are known may go on */
static void test_too_many_registrants(void)
{
	struct nvmf_resv *r;
	u32 i;

	UNIT_EQ(nvmf_resv_load("", NULL, &r, NULL), 0);
	for (i = 0; i < NVMF_RESV_REGISTRANTS; i++)
		r = registered(r, i, 0);
	r = registered(r, i, NVME_SC_INTERNAL | NVME_STATUS_DNR);
	UNIT_EQ(r->n, NVMF_RESV_REGISTRANTS);
	r = registered(r, 7, 0);
	nvmf_resv_free(r);
}

static void test_many_registrants(void)
{
	struct nvme_resv_cmd r = { .opcode = REG, .key = 5 };
	struct nvme_resv_status s;
	struct fake_conn *ca, *ci;
	int i;

	begin();
	/* each comes, registers and goes: the registration stays */
	for (i = 40; i >= 1; i--) {
		struct fake_hello h = { .hostid = 100 + i };

		ca = fake_admin_as(&h, &h.cntlid);
		h.qid = 1;
		ci = fake_io_as(&h, i % 2);
		UNIT_EQ(fake_wait(send(ci, RAM, &r)).st, 0);
		fake_conn_end(ci);
		fake_conn_end(ca);
	}
	s = report(0, RAM);
	UNIT_EQ(s.registrants, 40);
	UNIT_EQ(s.gen, 40);
	for (i = 0; i < 40; i++) {
		UNIT_EQ(entry(i)->hostid[15], 101 + i);
		UNIT_EQ(le64_to_cpu(entry(i)->key), 5);
	}
	/* one preempts them all by their key */
	UNIT_EQ(resv(0, RAM, REG, 0, 0, 0, 10), 0);
	UNIT_EQ(resv(0, RAM, ACQ, NVME_RESV_PREEMPT_ABORT, 1, 10, 5), 0);
	UNIT_EQ(report(0, RAM).registrants, 1);
	end();
}

/* many at once, from both reactors: each is answered, in some order */
static void test_at_once(void)
{
	struct nvme_resv_cmd r = { .opcode = REG, .iekey = true,
				   .action = NVME_RESV_REPLACE };
	struct fake_req *req[HOSTS * 6];
	size_t i;

	begin();
	for (i = 0; i < ARRAY_SIZE(req); i++) {
		r.key = 1 + i;
		req[i] = send(io[i % HOSTS], RAM, &r);
	}
	for (i = 0; i < ARRAY_SIZE(req); i++)
		UNIT_EQ(fake_wait(req[i]).st, 0);
	UNIT_EQ(report(0, RAM).gen, ARRAY_SIZE(req));
	UNIT_EQ(report(0, RAM).registrants, HOSTS);
	end();
}

/* the namespace leaves in the middle of it all */
static void test_namespace_leaves(void)
{
	struct nvme_resv_cmd r = { .opcode = ACQ, .type = 2, .crkey = 10,
				   .action = NVME_RESV_PREEMPT, .key = 11 };
	struct fake_req *w, *p;
	struct fake_op op;
	union nvme_cmd cmd;

	w = held_write(&cmd);
	p = send(io[0], DISK, &r);
	fake_remove_ns_begin(FAKE_NQN, DISK, &op);
	fake_yield();
	CU_ASSERT(!op.done);
	fake_medium_release("d0");
	UNIT_EQ(fake_wait(w).st, 0);
	UNIT_EQ(fake_wait(p).st, 0);
	fake_until(&op.done);
	UNIT_EQ(op.err, 0);
	end();
}

/* Persistence */

static void add_persistent(void)
{
	UNIT_EQ(fake_medium_create("p0", 64), 0);
	UNIT_EQ(fake_add_ptpl_ns(FAKE_NQN, "p0", 7, file), 0);
}

static void add_again(void)
{
	UNIT_EQ(fake_remove_ns(FAKE_NQN, 7), 0);
	UNIT_EQ(fake_add_ptpl_ns(FAKE_NQN, "p0", 7, file), 0);
}

static void test_persistence(void)
{
	struct nvme_resv_cmd r = { .opcode = REG, .key = 10,
				   .cptpl = NVME_RESV_PTPL_SET };

	unlink(file);
	begin();
	add_persistent();
	UNIT_EQ(access(file, F_OK), -1);
	UNIT_EQ(fake_wait(send(io[0], 7, &r)).st, 0);
	r.key = UINT64_MAX;
	r.cptpl = NVME_RESV_PTPL_KEEP;
	UNIT_EQ(fake_wait(send(io[1], 7, &r)).st, 0);
	CU_ASSERT(report(0, 7).ptpl);
	/* the file is not for others */
	UNIT_EQ(fake_null("p1", 2048), 0);
	UNIT_EQ(fake_add_ptpl_ns(FAKE_NQN, "p1", 8, file), -EEXIST);
	UNIT_EQ(acquire(0, 7, NVME_RESV_WRITE_EXCLUSIVE_REG), 0);
	UNIT_EQ(feature(0, false, NVME_FEAT_RESV_PERSIST, 7, 0).result, 1);
	end();
	/* another daemon, the same file: in force at once */
	begin();
	add_persistent();
	UNIT_EQ(report(0, 7).type, NVME_RESV_WRITE_EXCLUSIVE_REG);
	UNIT_EQ(report(0, 7).registrants, 2);
	UNIT_EQ(standing(0, 7), 1);
	UNIT_EQ(standing(1, 7), 0);
	UNIT_EQ(rw(1, NVME_CMD_WRITE, 7), 0);
	UNIT_EQ(rw(2, NVME_CMD_WRITE, 7), CONFLICT);
	UNIT_EQ(rw(2, NVME_CMD_READ, 7), 0);
	/* the large key has come back whole */
	UNIT_EQ(resv(1, 7, REG, NVME_RESV_UNREGISTER, 0, UINT64_MAX, 0), 0);
	add_again();
	UNIT_EQ(standing(1, 7), -1);
	/* turned off, nothing is left of it */
	UNIT_EQ(feature(0, true, NVME_FEAT_RESV_PERSIST, 7, 0).st, 0);
	CU_ASSERT(!report(0, 7).ptpl);
	UNIT_EQ(report(0, 7).registrants, 1);
	add_again();
	UNIT_EQ(report(0, 7).registrants, 0);
	/* and on again, without a Register that says so */
	UNIT_EQ(feature(0, true, NVME_FEAT_RESV_PERSIST, 7, 1).st, 0);
	UNIT_EQ(feature(1, false, NVME_FEAT_RESV_PERSIST, 7, 0).result, 1);
	UNIT_EQ(resv(0, 7, REG, NVME_RESV_REGISTER, 0, 0, 10), 0);
	add_again();
	UNIT_EQ(standing(0, 7), 0);
	UNIT_EQ(feature(0, true, NVME_FEAT_RESV_PERSIST, RAM, 1).st, INVALID);
	UNIT_EQ(feature(0, true, NVME_FEAT_RESV_PERSIST, NVME_NSID_ALL, 0).st,
		DNR(NVME_SC_INVALID_NS));
	UNIT_EQ(feature(0, true, NVME_FEAT_RESV_PERSIST, 9, 1).st,
		DNR(NVME_SC_INVALID_NS));
	end();
	unlink(file);
}

static void test_file_cannot_be_written(void)
{
	struct nvme_resv_cmd r = { .opcode = REG, .key = 10,
				   .cptpl = NVME_RESV_PTPL_SET };

	begin();
	UNIT_EQ(fake_medium_create("p0", 64), 0);
	UNIT_EQ(fake_add_ptpl_ns(FAKE_NQN, "p0", 7, "/tmp/weft-none/x"), 0);
	/* refused whole: nobody is registered in memory only */
	log_set_level(LOG_ERROR);
	UNIT_EQ(fake_wait(send(io[0], 7, &r)).st, NVME_SC_INTERNAL);
	UNIT_EQ(standing(0, 7), -1);
	r.cptpl = NVME_RESV_PTPL_KEEP;
	UNIT_EQ(fake_wait(send(io[0], 7, &r)).st, 0);
	end();
}

static void test_bad_files(void)
{
#define UUID "77700000-0000-0000-0000-000000000000"
#define MINE "\"bdev_uuid\": \"77703000-0000-0000-0000-000000000000\""
#define HOST "\"host_uuid\": \"01000000-0000-0000-0000-000000000001\""
	static const char *const bad[] = {
		"", "{", "[]", "{}", "{\"ptpl\": 1}", "{\"ptpl\": true}",
		"{\"ptpl\": true, \"bdev_uuid\": \"" UUID "\"}",
		"{\"ptpl\": true, " MINE ", \"rtype\": 7}",
		"{\"ptpl\": true, " MINE ", \"rtype\": 1}",
		"{\"ptpl\": true, " MINE ", \"registrants\": [1]}",
		"{\"ptpl\": true, " MINE ", \"registrants\": [{\"rkey\": 0, "
		HOST "}]}",
		"{\"ptpl\": true, " MINE ", \"registrants\": [{\"rkey\": 1, "
		HOST "}, {\"rkey\": 2, " HOST "}]}",
		"{\"ptpl\": true, " MINE ", \"registrants\": [{\"rkey\": "
		"\"0xzz\", " HOST "}]}",
	};
	size_t i;
	FILE *f;

	begin();
	UNIT_EQ(fake_medium_create("p0", 64), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		f = fopen(file, "w");
		fputs(bad[i], f);
		fclose(f);
		UNIT_EQ(fake_add_ptpl_ns(FAKE_NQN, "p0", 7, file), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(fake_why.text, "ptpl_file"));
	}
	unlink(file);
	UNIT_EQ(fake_add_ptpl_ns(FAKE_NQN, "p0", 7, file), 0);
	end();
}

int main(int argc, char **argv)
{
	static const struct unit_test tests[] = {
		UNIT(test_register), UNIT(test_malformed), UNIT(test_acquire),
		UNIT(test_conflicts), UNIT(test_unregister_releases),
		UNIT(test_preempt), UNIT(test_preempt_waits), UNIT(test_many_reports),
		UNIT(test_preempt_aborts), UNIT(test_fused_conflict),
		UNIT(test_no_host_identifier), UNIT(test_many_registrants),
		UNIT(test_too_many_registrants),
		UNIT(test_at_once), UNIT(test_namespace_leaves),
		UNIT(test_persistence), UNIT(test_file_cannot_be_written),
		UNIT(test_bad_files),
	};
	int fd = mkstemp(file), rc;

	if (fd < 0)
		unit_skip("there is no place for a temporary file");
	close(fd);
	rc = unit_main(argc, argv, tests, ARRAY_SIZE(tests));
	unlink(file);
	return rc;
}
