// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * A namespace comes while commands for it are there already, with three
 * reactors: what they lead to reaches every poll group, in whatever place the
 * addition has been stopped.
 */
#include <semaphore.h>

#include "common/resv_rules.h"
#include "tests/unit/lib/nvmf_fake.h"
#include "tests/unit/unit.h"

#define DNR(sc)	((sc) | NVME_STATUS_DNR)
#define NSID	7
#define KEY	10

static struct fake_conn *a[2], *io[2];
static u8 data[512];
static sem_t stopped, go;

static void nop(void *ctx)
{
	(void)ctx;
}

static void stop(void *ctx)
{
	(void)ctx;
	sem_post(&stopped);
	sem_wait(&go);
}

/* by control: behind what it has sent to that reactor already */
static void send_stop(void *ctx)
{
	(void)ctx;
	reactor_send(reactor_get(1), stop, NULL);
}

/* reactors 0 and 2 have done all they can while 1 stands still */
static void settle(void)
{
	int i;

	for (i = 0; i < 8; i++) {
		fake_on(0, nop, NULL);
		fake_on(2, nop, NULL);
	}
}

static void connect_host(int h, unsigned int reactor)
{
	struct fake_hello hello = { .hostid = h + 1 };

	a[h] = fake_admin_as(&hello, &hello.cntlid);
	hello.qid = 1;
	io[h] = fake_io_as(&hello, reactor);
}

static void begin(void)
{
	fake_medium_reset();
	fake_start(3, 0);
	fake_standard();
	connect_host(0, 0);
	connect_host(1, 2);
	UNIT_EQ(fake_malloc("m7", 64, 512), 0);
	sem_init(&stopped, 0, 0);
	sem_init(&go, 0, 0);
}

static void end(void)
{
	int h;

	for (h = 0; h < 2; h++) {
		fake_conn_end(io[h]);
		fake_conn_end(a[h]);
	}
	CU_ASSERT(fake_stop());
	sem_destroy(&stopped);
	sem_destroy(&go);
}

static nvme_status rw(int h, u8 opcode)
{
	union nvme_cmd cmd;

	nvme_cmd_rw(&cmd, opcode, NSID, 0, 1, 0);
	return fake_cmd(io[h], &cmd, data, sizeof(data)).st;
}

static struct fake_req *resv(u8 opcode, u8 type, u64 crkey, u64 key)
{
	struct nvme_resv_cmd r = { .opcode = opcode, .type = type,
				   .crkey = crkey, .key = key };
	static u8 keys[4][16];
	static int n;
	union nvme_cmd cmd;
	u8 *k = keys[n++ % 4];

	nvme_resv_cmd_encode(&cmd, NSID, &r, k);
	return fake_submit(io[0], &cmd, k, nvme_resv_cmd_bytes(opcode),
			   FAKE_REMOTE);
}

static void test_reserved_on_the_way(void)
{
	struct fake_req *acquired;
	struct fake_op op;
	u8 opcode;

	begin();
	/* reactor 1 stops before it has it: so does everybody's view of it */
	fake_on(0, send_stop, NULL);
	sem_wait(&stopped);
	fake_add_ns_begin(FAKE_NQN, "m7", NSID, &op);
	settle();
	CU_ASSERT(!op.done);
	UNIT_EQ(rw(0, NVME_CMD_READ), DNR(NVME_SC_INVALID_NS));
	UNIT_EQ(rw(1, NVME_CMD_READ), DNR(NVME_SC_INVALID_NS));
	/* and again after it has got it: now the first one shows it */
	fake_on(0, send_stop, NULL);
	sem_post(&go);
	sem_wait(&stopped);
	settle();
	CU_ASSERT(!op.done);
	UNIT_EQ(rw(0, NVME_CMD_READ), 0);
	UNIT_EQ(rw(1, NVME_CMD_READ), DNR(NVME_SC_INVALID_NS));
	UNIT_EQ(fake_wait(resv(NVME_CMD_RESV_REGISTER, 0, 0, KEY)).st, 0);
	acquired = resv(NVME_CMD_RESV_ACQUIRE, NVME_RESV_EXCLUSIVE_ACCESS, KEY,
			0);
	settle();
	CU_ASSERT(!fake_ended(acquired));
	sem_post(&go);
	UNIT_EQ(fake_wait(acquired).st, 0);
	fake_until(&op.done);
	UNIT_EQ(op.err, 0);
	/* the last reactor, too, knows of the reservation */
	for (opcode = NVME_CMD_WRITE; opcode <= NVME_CMD_READ; opcode++) {
		UNIT_EQ(rw(0, opcode), 0);
		UNIT_EQ(rw(1, opcode), DNR(NVME_SC_RESERVATION_CONFLICT));
	}
	end();
}

UNIT_MAIN(UNIT(test_reserved_on_the_way))
