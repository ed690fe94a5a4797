// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Reservations as several hosts use them: every action with each of its
 * statuses, conflicts of every command with every type, who is told what, what
 * waits for what, and what a file remembers.
 */
#include <unistd.h>

#include "common/ranges.h"
#include "common/resv_rules.h"
#include "tests/unit/lib/nvmf_fake.h"
#include "tests/unit/unit.h"

#define DNR(sc)		((sc) | NVME_STATUS_DNR)
#define CONFLICT	DNR(NVME_SC_RESERVATION_CONFLICT)
#define INVALID		DNR(NVME_SC_INVALID_FIELD)
#define RAM		1
#define DISK		2
#define HOSTS		3
#define ACQ		NVME_CMD_RESV_ACQUIRE
#define REG		NVME_CMD_RESV_REGISTER
#define REL		NVME_CMD_RESV_RELEASE

/* hosts 0, 1, 2: their queues are on both reactors in turn */
static struct fake_conn *a[HOSTS], *io[HOSTS];
static u8 data[4096], page[4096] __attribute__((aligned(8)));
static char file[] = "/tmp/weft-resv-XXXXXX";

static void connect_host(int h)
{
	struct fake_hello hello = { .hostid = h + 1 };

	a[h] = fake_admin_as(&hello, &hello.cntlid);
	hello.qid = 1;
	io[h] = fake_io_as(&hello, h % 2);
}

static void begin(void)
{
	u32 nsid = DISK;
	int h;

	fake_medium_reset();
	fake_start(2, 0);
	fake_standard();
	UNIT_EQ(fake_medium_create("d0", 2048), 0);
	UNIT_EQ(fake_add_ns(FAKE_NQN, "d0", &nsid), 0);
	for (h = 0; h < HOSTS; h++)
		connect_host(h);
}

static void end(void)
{
	int h;

	for (h = 0; h < HOSTS; h++) {
		fake_conn_end(io[h]);
		fake_conn_end(a[h]);
	}
	CU_ASSERT(fake_stop());
}

static struct fake_req *send(struct fake_conn *c, u32 nsid,
			     const struct nvme_resv_cmd *r)
{
	static u8 keys[HOSTS * 8][16];
	static int n;
	union nvme_cmd cmd;
	u8 *k = keys[n++ % ARRAY_SIZE(keys)];

	nvme_resv_cmd_encode(&cmd, nsid, r, k);
	return fake_submit(c, &cmd, k, nvme_resv_cmd_bytes(r->opcode),
			   FAKE_REMOTE);
}

static nvme_status resv(int h, u32 nsid, u8 op, u8 action, u8 type, u64 crkey,
			u64 key)
{
	struct nvme_resv_cmd r = { .opcode = op, .action = action,
				   .type = type, .crkey = crkey, .key = key };

	return fake_wait(send(io[h], nsid, &r)).st;
}

/* host h has key 10 + h, unless a test says otherwise */
static void all_register(u32 nsid)
{
	int h;

	for (h = 0; h < HOSTS; h++)
		UNIT_EQ(resv(h, nsid, REG, NVME_RESV_REGISTER, 0, 0, 10 + h),
			0);
}

static nvme_status acquire(int h, u32 nsid, u8 type)
{
	return resv(h, nsid, ACQ, NVME_RESV_ACQUIRE, type, 10 + h, 0);
}

static struct nvme_resv_status report(int h, u32 nsid)
{
	const struct nvme_resv_report *head = (void *)page;
	union nvme_cmd cmd;

	nvme_cmd_resv_report(&cmd, nsid, sizeof(page));
	UNIT_EQ(fake_cmd(io[h], &cmd, page, sizeof(page)).st, 0);
	return (struct nvme_resv_status){
		le32_to_cpu(head->generation), head->type, head->ptpls,
		le16_to_cpu(head->registrants),
	};
}

/* entry @i of the last report */
static const struct nvme_resv_registrant *entry(u32 i)
{
	return (void *)(page + sizeof(struct nvme_resv_report) +
			i * sizeof(struct nvme_resv_registrant));
}

/* 1: holds it, 0: is registered, -1: is not */
static int standing(int h, u32 nsid)
{
	struct nvme_resv_status s = report(0, nsid);
	u32 i;

	for (i = 0; i < s.registrants; i++)
		if (entry(i)->hostid[15] == h + 1)
			return entry(i)->status & NVME_RESV_HOLDER;
	return -1;
}

static nvme_status rw(int h, u8 op, u32 nsid)
{
	union nvme_cmd cmd;

	nvme_cmd_rw(&cmd, op, nsid, 0, 8, 0);
	return fake_cmd(io[h], &cmd, data, op & 3 ? 4096 : 0).st;
}

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

/* h0 holds it, h1 is registered, h2 is not */
static void check_conflicts(u8 type)
{
	static const u8 ops[] = {
		NVME_CMD_READ, NVME_CMD_COMPARE, NVME_CMD_VERIFY,
		NVME_CMD_WRITE, NVME_CMD_WRITE_ZEROES, NVME_CMD_FLUSH,
		NVME_CMD_WRITE_UNCORRECTABLE,
	};
	size_t i;

	memset(data, 0, sizeof(data));
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		bool writes = i >= 3;

		UNIT_EQ(rw(0, ops[i], RAM), 0);
		UNIT_EQ(rw(1, ops[i], RAM),
			nvme_resv_allows(type, writes, type >= 5, true) ?
			0 : CONFLICT);
		UNIT_EQ(rw(2, ops[i], RAM),
			nvme_resv_allows(type, writes, false, false) ?
			0 : CONFLICT);
		/* a namespace beside it is free */
		UNIT_EQ(rw(2, ops[i], DISK), 0);
		UNIT_EQ(rw(0, NVME_CMD_WRITE_ZEROES, RAM), 0);
		UNIT_EQ(rw(0, NVME_CMD_WRITE_ZEROES, DISK), 0);
	}
}

static void check_lists(nvme_status want)
{
	struct nvme_copy_range c;
	struct nvme_dsm_range d;
	union nvme_cmd cmd;

	nvme_copy_range_encode(&c, 0, 1);
	nvme_cmd_copy(&cmd, RAM, 8, 1, 0);
	UNIT_EQ(fake_cmd(io[2], &cmd, &c, sizeof(c)).st, want);
	nvme_dsm_range_encode(&d, 0, 1);
	nvme_cmd_dsm(&cmd, RAM, 1, NVME_DSM_AD);
	UNIT_EQ(fake_cmd(io[2], &cmd, &d, sizeof(d)).st, want);
}

static void test_conflicts(void)
{
	u8 type;

	begin();
	all_register(RAM);
	UNIT_EQ(resv(2, RAM, REG, NVME_RESV_UNREGISTER, 0, 12, 0), 0);
	for (type = 1; type <= NVME_RESV_TYPE_MAX; type++) {
		UNIT_EQ(acquire(0, RAM, type), 0);
		check_conflicts(type);
		check_lists(CONFLICT);
		UNIT_EQ(resv(0, RAM, REL, 0, type, 10, 0), 0);
		UNIT_EQ(rw(2, NVME_CMD_WRITE, RAM), 0);
		check_lists(0);
	}
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

/* answered only when no command of the preempted host is under way any more */
static void check_preempt_waits(u8 action, nvme_status late_st)
{
	struct nvme_resv_cmd r = { .opcode = ACQ, .action = action, .type = 2,
				   .crkey = 10, .key = 11 };
	struct fake_req *w, *late, *p;
	union nvme_cmd cmd;

	begin();
	all_register(DISK);
	UNIT_EQ(acquire(1, DISK, NVME_RESV_EXCLUSIVE_ACCESS), 0);
	fake_medium.hold = 1u << BDEV_WRITE;
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, DISK, 0, 8, 0);
	w = fake_submit(io[1], &cmd, data, 4096, FAKE_REMOTE);
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

/* Notifications */

static struct fake_req *wait_event(int h)
{
	union nvme_cmd cmd;

	nvme_cmd_async_event(&cmd);
	return fake_submit(a[h], &cmd, NULL, 0, FAKE_REMOTE);
}

static struct nvme_resv_log notice(int h)
{
	struct nvme_resv_log l;
	union nvme_cmd cmd;

	nvme_cmd_get_log_page(&cmd, NVME_LOG_RESERVATION, 0, 0, sizeof(l), 0,
			      false);
	UNIT_EQ(fake_cmd(a[h], &cmd, &l, sizeof(l)).st, 0);
	return l;
}

static void test_notices(void)
{
	struct fake_req *r0, *r1;
	struct nvme_resv_log l;

	begin();
	all_register(RAM);
	all_register(DISK);
	UNIT_EQ(notice(1).type, NVME_RESV_NOTICE_NONE);
	r0 = wait_event(0);
	r1 = wait_event(1);
	/* the end of a reservation in which registrants have a part */
	UNIT_EQ(acquire(0, RAM, NVME_RESV_EXCLUSIVE_ACCESS_REG), 0);
	UNIT_EQ(resv(0, RAM, REL, 0, 4, 10, 0), 0);
	UNIT_EQ(fake_wait(r1).result,
		NVME_AER_DW0(NVME_AER_CSS, 0, NVME_LOG_RESERVATION));
	/* more before it is read: they queue */
	UNIT_EQ(resv(0, DISK, ACQ, NVME_RESV_PREEMPT, 1, 10, 11), 0);
	UNIT_EQ(resv(0, RAM, REL, NVME_RESV_CLEAR, 0, 10, 0), 0);
	r1 = wait_event(1);
	fake_yield();
	CU_ASSERT(!fake_ended(r1));
	l = notice(1);
	UNIT_EQ(l.type, NVME_RESV_NOTICE_RELEASED);
	UNIT_EQ(le32_to_cpu(l.nsid), RAM);
	UNIT_EQ(le64_to_cpu(l.count), 1);
	UNIT_EQ(l.available, 2);
	fake_wait(r1);
	l = notice(1);
	UNIT_EQ(l.type, NVME_RESV_NOTICE_REGISTRATION_PREEMPTED);
	UNIT_EQ(le32_to_cpu(l.nsid), DISK);
	UNIT_EQ(l.available, 1);
	l = notice(1);
	UNIT_EQ(l.type, NVME_RESV_NOTICE_PREEMPTED);
	UNIT_EQ(le64_to_cpu(l.count), 3);
	UNIT_EQ(l.available, 0);
	UNIT_EQ(notice(1).type, NVME_RESV_NOTICE_NONE);
	/* who did it all is not told */
	CU_ASSERT(!fake_ended(r0));
	UNIT_EQ(notice(0).type, NVME_RESV_NOTICE_NONE);
	end();
	fake_wait(r0);
}

static struct fake_result feature(int h, bool set, u8 fid, u32 nsid, u32 value)
{
	union nvme_cmd cmd;

	if (set)
		nvme_cmd_set_features(&cmd, fid, nsid, value, 0);
	else
		nvme_cmd_get_features(&cmd, fid, nsid, value, 0);
	return fake_cmd(a[h], &cmd, NULL, 0);
}

static void test_mask(void)
{
	begin();
	all_register(RAM);
	UNIT_EQ(feature(1, true, NVME_FEAT_RESV_MASK, RAM, 1u << 2).st, 0);
	UNIT_EQ(feature(1, false, NVME_FEAT_RESV_MASK, RAM, 0).result, 1u << 2);
	UNIT_EQ(feature(1, false, NVME_FEAT_RESV_MASK, DISK, 0).result, 0);
	UNIT_EQ(acquire(0, RAM, NVME_RESV_EXCLUSIVE_ACCESS_REG), 0);
	UNIT_EQ(resv(0, RAM, REL, 0, 4, 10, 0), 0);
	UNIT_EQ(notice(1).type, NVME_RESV_NOTICE_NONE);
	UNIT_EQ(notice(2).type, NVME_RESV_NOTICE_RELEASED);
	/* all namespaces at once; none that is not there */
	UNIT_EQ(feature(1, true, NVME_FEAT_RESV_MASK, NVME_NSID_ALL, 0xff).st,
		0);
	UNIT_EQ(feature(1, false, NVME_FEAT_RESV_MASK, DISK, 0).result, 0xe);
	UNIT_EQ(feature(1, true, NVME_FEAT_RESV_MASK, 9, 0).st,
		DNR(NVME_SC_INVALID_NS));
	UNIT_EQ(feature(1, false, NVME_FEAT_RESV_MASK, NVME_NSID_ALL, 0).st,
		DNR(NVME_SC_INVALID_NS));
	/* changeable, per namespace, not saved */
	UNIT_EQ(feature(1, false, NVME_FEAT_RESV_MASK, RAM, 3).result, 6);
	/* and others are not per namespace */
	UNIT_EQ(feature(1, true, NVME_FEAT_ARBITRATION, RAM, 0).st,
		DNR(NVME_SC_FEATURE_NOT_PER_NS));
	end();
}

/* more notices than a controller keeps: the count tells of the others */
static void test_notices_overflow(void)
{
	struct nvme_resv_log l;
	int i;

	begin();
	all_register(RAM);
	for (i = 0; i < 70; i++) {
		UNIT_EQ(acquire(0, RAM, 3), 0);
		UNIT_EQ(resv(0, RAM, REL, 0, 3, 10, 0), 0);
	}
	for (i = 0; i < 64; i++)
		l = notice(1);
	UNIT_EQ(le64_to_cpu(l.count), 64);
	UNIT_EQ(notice(1).type, NVME_RESV_NOTICE_NONE);
	UNIT_EQ(acquire(0, RAM, 3), 0);
	UNIT_EQ(resv(0, RAM, REL, 0, 3, 10, 0), 0);
	UNIT_EQ(le64_to_cpu(notice(1).count), 71);
	end();
}

/* Many */

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

	begin();
	all_register(DISK);
	UNIT_EQ(acquire(1, DISK, NVME_RESV_EXCLUSIVE_ACCESS), 0);
	fake_medium.hold = 1u << BDEV_WRITE;
	nvme_cmd_rw(&cmd, NVME_CMD_WRITE, DISK, 0, 8, 0);
	w = fake_submit(io[1], &cmd, data, 4096, FAKE_REMOTE);
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
	UNIT_EQ(feature(0, true, NVME_FEAT_RESV_PERSIST, RAM, 1).st, INVALID);
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
		UNIT(test_preempt), UNIT(test_preempt_waits),
		UNIT(test_preempt_aborts), UNIT(test_fused_conflict),
		UNIT(test_notices), UNIT(test_mask),
		UNIT(test_notices_overflow), UNIT(test_many_registrants),
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
