/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Three hosts at one target, each with a queue of its own, that reserve its two
 * namespaces. begin() and end() frame each test.
 */
#ifndef TESTS_UNIT_RESV_HOSTS_H
#define TESTS_UNIT_RESV_HOSTS_H

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

static inline void connect_host(int h)
{
	struct fake_hello hello = { .hostid = h + 1 };

	a[h] = fake_admin_as(&hello, &hello.cntlid);
	hello.qid = 1;
	io[h] = fake_io_as(&hello, h % 2);
}

static inline void begin(void)
{
	int h;

	fake_start_with_medium(2048);
	for (h = 0; h < HOSTS; h++)
		connect_host(h);
}

static inline void end(void)
{
	int h;

	for (h = 0; h < HOSTS; h++) {
		fake_conn_end(io[h]);
		fake_conn_end(a[h]);
	}
	CU_ASSERT(fake_stop());
}

static inline struct fake_req *send(struct fake_conn *c, u32 nsid,
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

static inline nvme_status resv(int h, u32 nsid, u8 op, u8 action, u8 type,
			       u64 crkey, u64 key)
{
	struct nvme_resv_cmd r = { .opcode = op, .action = action,
				   .type = type, .crkey = crkey, .key = key };

	return fake_wait(send(io[h], nsid, &r)).st;
}

/* host h has key 10 + h, unless a test says otherwise */
static inline void all_register(u32 nsid)
{
	int h;

	for (h = 0; h < HOSTS; h++)
		UNIT_EQ(resv(h, nsid, REG, NVME_RESV_REGISTER, 0, 0, 10 + h),
			0);
}

static inline nvme_status acquire(int h, u32 nsid, u8 type)
{
	return resv(h, nsid, ACQ, NVME_RESV_ACQUIRE, type, 10 + h, 0);
}

static inline struct nvme_resv_status report(int h, u32 nsid)
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
static inline const struct nvme_resv_registrant *entry(u32 i)
{
	return (void *)(page + sizeof(struct nvme_resv_report) +
			i * sizeof(struct nvme_resv_registrant));
}

/* 1: holds it, 0: is registered, -1: is not */
static inline int standing(int h, u32 nsid)
{
	struct nvme_resv_status s = report(0, nsid);
	u32 i;

	for (i = 0; i < s.registrants; i++)
		if (entry(i)->hostid[15] == h + 1)
			return entry(i)->status & NVME_RESV_HOLDER;
	return -1;
}

static inline nvme_status rw(int h, u8 op, u32 nsid)
{
	union nvme_cmd cmd;

	nvme_cmd_rw(&cmd, op, nsid, 0, 8, 0);
	return fake_cmd(io[h], &cmd, data, op & 3 ? 4096 : 0).st;
}

static inline struct fake_result feature(int h, bool set, u8 fid, u32 nsid,
					 u32 value)
{
	union nvme_cmd cmd;

	if (set)
		nvme_cmd_set_features(&cmd, fid, nsid, value, 0);
	else
		nvme_cmd_get_features(&cmd, fid, nsid, value, 0);
	return fake_cmd(a[h], &cmd, NULL, 0);
}

#endif
