// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * A worker of `weft perf` against a scripted target, which acts whenever the
 * worker wants to sleep: by then all that it has to say must have been sent.
 */
#include <sys/epoll.h>

#include "tests/unit/initiator_peer.h"
#include "tools/weft/perf.h"

#define DEPTH	3u
#define BS	512u

static struct peer p;
static struct perf_job job;
static struct perf_queue queue;
static struct perf_worker worker;
static int step;

static void take_connect(void)
{
	peer_rsp(&p, 1, peer_cmd(&p, 1, NVME_OPC_FABRICS), 0, 7);
}

/*
 * Connected, it looks every millisecond whether all are: the time of the run
 * begins when the main thread says so.
 */
static void let_go(int ms)
{
	UNIT_EQ(ms, 1);
	UNIT_EQ(ini_queue_state(queue.q), INI_LIVE);
	UNIT_EQ(peer_next(&p, 1), -1);
	atomic_store(&job.go, true);
}

static void answer_all(u8 opcode)
{
	static u8 data[BS];
	u16 cid[DEPTH];
	u32 i;

	for (i = 0; i < DEPTH; i++)
		cid[i] = peer_cmd(&p, 1, opcode);
	for (i = 0; i < DEPTH; i++) {
		if (opcode == NVME_CMD_READ)
			peer_c2h(&p, 1, cid[i], 0, data, BS, NVME_TCP_F_LAST);
		peer_rsp(&p, 1, cid[i], 0, 0);
	}
}

int __real_epoll_wait(int fd, struct epoll_event *ev, int n, int ms);
int __wrap_epoll_wait(int fd, struct epoll_event *ev, int n, int ms);

/* Nobody sleeps here: what the target has done is there at once. */
int __wrap_epoll_wait(int fd, struct epoll_event *ev, int n, int ms)
{
	if (!ms)
		return __real_epoll_wait(fd, ev, n, 0);
	switch (step++) {
	case 0:
		peer_ic(&p, 1);
		break;
	case 1:
		take_connect();
		break;
	case 2:
		let_go(ms);
		break;
	case 3:
		answer_all(NVME_CMD_READ);
		break;
	default:
		/* one that was not there in time: do not wait for it */
		shutdown(p.conn[1].fd, SHUT_RDWR);
	}
	return __real_epoll_wait(fd, ev, n, 0);
}

static void begin(void)
{
	peer_init(&p, NULL);
	peer_up(&p);
	peer_settle(&p);
	memset(&job, 0, sizeof(job));
	memset(&queue, 0, sizeof(queue));
	memset(&worker, 0, sizeof(worker));
	step = 0;
	job.queues = &queue;
	job.workers = &worker;
	job.nqueues = job.nthreads = 1;
	job.running = 1;
	job.nsid = 1;
	job.bs = job.block = BS;
	job.depth = DEPTH;
	job.end = INI_NEVER;
	queue = (struct perf_queue) {
		.w = &worker, .job = &job, .ctrlr = p.c, .qid = 1, .rng = 1,
		.nslots = DEPTH, .quota = DEPTH,
	};
	worker.job = &job;
	/* asleep as soon as there is nothing to do */
	worker.loop = perf_loop_new(1, 0);
}

static void test_first_commands_leave_at_once(void)
{
	begin();
	job.read_percent = 100;
	perf_worker_run(&worker);
	UNIT_EQ(step, 4);
	UNIT_EQ(queue.done[1], DEPTH);
	CU_ASSERT(worker.finished);
	perf_worker_free(&worker);
	peer_free(&p);
}

UNIT_MAIN(UNIT(test_first_commands_leave_at_once))
