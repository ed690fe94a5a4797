// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * tools/weft/remote.h: what a command is said to have come to when its
 * connection ends in the same moment.
 */
#include "tests/unit/initiator_peer.h"
#include "tools/weft/remote.h"

static struct peer p;
static struct remote r;
static struct remote_answer answer;
static int sent;

/* A flush is on its way; the target has it. */
static u16 begin(void)
{
	peer_init(&p, NULL);
	peer_up(&p);
	peer_queue(&p, 4);
	/* time is the machine's from now on, and none has passed */
	p.now = ini_now();
	peer_settle(&p);
	memset(&answer, 0, sizeof(answer));
	sent = ini_flush(p.q, 1, remote_done, &answer);
	return peer_cmd(&p, 1, NVME_CMD_FLUSH);
}

/* The host under test is remote_wait()'s now. */
static int wait_for_it(void)
{
	r = (struct remote) { .ctrlr = p.c, .io = p.q };
	p.c = NULL;
	p.q = NULL;
	return remote_wait(&r, sent, &answer);
}

static void answer_unseen(u16 cid, nvme_status status)
{
	struct ini_ctrlr *c = p.c;
	struct ini_queue *q = p.q;

	p.c = NULL;
	p.q = NULL;
	peer_rsp(&p, 1, cid, status, 0);
	p.c = c;
	p.q = q;
}

static void finish(void)
{
	remote_close(&r);
	peer_free(&p);
}

/* The controller's end is seen first, in the poll that brings the answer. */
static void test_answered_at_the_end(void)
{
	u16 cid = begin();

	answer_unseen(cid, NVME_SC_LBA_RANGE);
	shutdown(p.conn[0].fd, SHUT_RDWR);
	UNIT_EQ(wait_for_it(), CLI_OK);
	UNIT_EQ(answer.status, NVME_SC_LBA_RANGE);
	CU_ASSERT_PTR_NOT_NULL(r.ctrlr);
	/* and the next one is told */
	memset(&answer, 0, sizeof(answer));
	UNIT_EQ(remote_wait(&r, ini_flush(r.io, 1, remote_done, &answer),
			    &answer), CLI_CONNECTION);
	CU_ASSERT_PTR_NULL(r.ctrlr);
	finish();
}

static void test_not_answered(void)
{
	begin();
	shutdown(p.conn[1].fd, SHUT_RDWR);
	UNIT_EQ(wait_for_it(), CLI_CONNECTION);
	CU_ASSERT_PTR_NULL(r.ctrlr);
	finish();
}

/* The target's own word for it is an answer like others. */
static void test_aborted_by_the_target(void)
{
	u16 cid = begin();

	answer_unseen(cid, NVME_SC_HOST_ABORTED_CMD);
	UNIT_EQ(wait_for_it(), CLI_OK);
	UNIT_EQ(answer.status, NVME_SC_HOST_ABORTED_CMD);
	shutdown(p.conn[0].fd, SHUT_RDWR);
	finish();
}

UNIT_MAIN(UNIT(test_answered_at_the_end), UNIT(test_not_answered),
	  UNIT(test_aborted_by_the_target))
