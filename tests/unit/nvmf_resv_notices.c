// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Reservation notices: which host is told of what, by an event and in its log,
 * what a mask keeps from it, and what becomes of more than there is room for.
 */
#include "tests/unit/resv_hosts.h"

#define RESV_EVENT	NVME_AER_DW0(NVME_AER_CSS, 0, NVME_LOG_RESERVATION)
#define PREEMPTED	NVME_RESV_NOTICE_REGISTRATION_PREEMPTED
#define RELEASED	NVME_RESV_NOTICE_RELEASED
#define GONE		NVME_RESV_NOTICE_PREEMPTED

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
	UNIT_EQ(fake_wait(r1).result, RESV_EVENT);
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
	UNIT_EQ(fake_wait(r1).result, RESV_EVENT);
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

/* the types of all that is in a host's log, as bits */
static u32 notices(int h)
{
	u32 types = 0;
	u8 type;

	while ((type = notice(h).type))
		types |= 1u << type;
	return types;
}

/* hosts 0, 1 and 2 find these types in their logs, or nothing (0) */
static void told(u8 t0, u8 t1, u8 t2)
{
	UNIT_EQ(notices(0), t0 ? 1u << t0 : 0);
	UNIT_EQ(notices(1), t1 ? 1u << t1 : 0);
	UNIT_EQ(notices(2), t2 ? 1u << t2 : 0);
}

/* all are registered, and none of them has heard anything */
static void anew(void)
{
	int h;

	UNIT_EQ(resv(2, RAM, REL, NVME_RESV_CLEAR, 0, 12, 0), 0);
	all_register(RAM);
	for (h = 0; h < HOSTS; h++)
		notices(h);
}

/* A reservation ends, in each way. What is one host's alone concerns no other */
static void check_released(u8 type)
{
	bool all = nvme_resv_all_registrants(type);
	u8 word = type > NVME_RESV_EXCLUSIVE_ACCESS ? RELEASED : 0;

	UNIT_EQ(acquire(0, RAM, type), 0);
	told(0, 0, 0);
	UNIT_EQ(resv(0, RAM, REL, 0, type, 10, 0), 0);
	told(0, word, word);
	/* the holder leaves; one of all is not missed, but the last may release */
	UNIT_EQ(acquire(0, RAM, type), 0);
	UNIT_EQ(resv(0, RAM, REG, NVME_RESV_UNREGISTER, 0, 10, 0), 0);
	told(0, all ? 0 : word, all ? 0 : word);
	if (all) {
		UNIT_EQ(resv(1, RAM, REL, 0, type, 11, 0), 0);
		told(0, 0, RELEASED);
	}
	anew();
}

static void check_preempted(u8 type, u8 to)
{
	bool all = nvme_resv_all_registrants(type);
	u8 word = type > NVME_RESV_EXCLUSIVE_ACCESS && to != type ? RELEASED : 0;

	UNIT_EQ(acquire(0, RAM, type), 0);
	UNIT_EQ(resv(1, RAM, ACQ, NVME_RESV_PREEMPT, to, 11, all ? 0 : 10), 0);
	told(PREEMPTED, 0, all ? PREEMPTED : word);
	if (all)
		UNIT_EQ(resv(2, RAM, REG, NVME_RESV_REGISTER, 0, 0, 12), 0);
	anew();
}

static void test_released(void)
{
	u8 type, to;

	begin();
	all_register(RAM);
	for (type = 1; type <= NVME_RESV_TYPE_MAX; type++) {
		check_released(type);
		for (to = 1; to <= NVME_RESV_TYPE_MAX; to++)
			check_preempted(type, to);
	}
	end();
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

/* everything that there is to tell host 1 */
static void provoke(u32 nsid)
{
	all_register(nsid);
	UNIT_EQ(acquire(0, nsid, NVME_RESV_EXCLUSIVE_ACCESS_REG), 0);
	UNIT_EQ(resv(0, nsid, REL, 0, 4, 10, 0), 0);
	UNIT_EQ(resv(0, nsid, REL, NVME_RESV_CLEAR, 0, 10, 0), 0);
	all_register(nsid);
	UNIT_EQ(resv(0, nsid, ACQ, NVME_RESV_PREEMPT, 1, 10, 11), 0);
}

static void test_masked(void)
{
	struct fake_req *event;
	u32 bit;

	begin();
	/* each keeps away its own kind only, in its namespace */
	for (bit = PREEMPTED; bit <= GONE; bit++) {
		UNIT_EQ(feature(1, true, NVME_FEAT_RESV_MASK, RAM,
				1u << bit).st, 0);
		provoke(RAM);
		UNIT_EQ(notices(1), 0xe & ~(1u << bit));
		provoke(DISK);
		UNIT_EQ(notices(1), 0xe);
		notices(2);
	}
	/* and no event tells of what is not in the log */
	UNIT_EQ(feature(1, true, NVME_FEAT_RESV_MASK, NVME_NSID_ALL, 0xe).st,
		0);
	event = wait_event(1);
	provoke(RAM);
	provoke(DISK);
	CU_ASSERT(!fake_ended(event));
	UNIT_EQ(notices(1), 0);
	UNIT_EQ(notices(2), 1u << RELEASED | 1u << GONE);
	UNIT_EQ(feature(1, true, NVME_FEAT_RESV_MASK, NVME_NSID_ALL, 0).st, 0);
	provoke(DISK);
	UNIT_EQ(fake_wait(event).result, RESV_EVENT);
	UNIT_EQ(notices(1), 0xe);
	end();
}

/*
 * More notices than a controller keeps: the host sees by the count of the last
 * one, when it has read all, that others are missing before it.
 */
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
	for (i = 1; i < 64; i++) {
		l = notice(1);
		UNIT_EQ(le64_to_cpu(l.count), i);
		UNIT_EQ(l.available, 64 - i);
	}
	l = notice(1);
	UNIT_EQ(le64_to_cpu(l.count), 70);
	UNIT_EQ(l.available, 0);
	UNIT_EQ(notice(1).type, NVME_RESV_NOTICE_NONE);
	UNIT_EQ(acquire(0, RAM, 3), 0);
	UNIT_EQ(resv(0, RAM, REL, 0, 3, 10, 0), 0);
	UNIT_EQ(le64_to_cpu(notice(1).count), 71);
	end();
}

UNIT_MAIN(UNIT(test_notices), UNIT(test_released), UNIT(test_mask),
	  UNIT(test_masked), UNIT(test_notices_overflow))
