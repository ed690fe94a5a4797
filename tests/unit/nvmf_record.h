/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * nvmf as a recorder of what a transport tells it; one poll group. Included by
 * one test program each; the definitions win over the library's.
 */
#ifndef TESTS_UNIT_NVMF_RECORD_H
#define TESTS_UNIT_NVMF_RECORD_H

#include "target/nvmf/transport.h"
#include "tests/unit/loop_fake.h"

static const struct nvmf_transport_ops *ops;
static struct nvmf_group group = { .reactor = &the_reactor };
static struct nvmf_transport *transport;
static int chosen, added, disconnected, freed, done, failed;
static struct nvmf_request *started[512];
static unsigned int nstarted;
static bool hold_free;
static struct nvmf_qpair *gone;

void nvmf_transport_register(const struct nvmf_transport_ops *o) { ops = o; }

struct nvmf_group *nvmf_group_self(void) { return &group; }

struct nvmf_group *nvmf_group_choose(struct nvmf_transport *t, bool admin)
{
	(void)t, (void)admin;
	chosen++;
	return &group;
}

void nvmf_group_unchoose(struct nvmf_group *g, bool admin)
{
	(void)g, (void)admin;
	chosen--;
}

void nvmf_qpair_add(struct nvmf_qpair *q)
{
	(void)q;
	added++;
}

void nvmf_qpair_disconnected(struct nvmf_qpair *q)
{
	disconnected++;
	gone = q;
	if (!hold_free) {
		freed++;
		chosen--;
		ops->qpair_free(q);
	}
}

/* What nvmf does at once with a command that has come, if anything */
static void (*on_start)(struct nvmf_request *req);

void nvmf_request_start(struct nvmf_request *req)
{
	started[nstarted++] = req;
	req->cqe.cid = req->cmd->sqe.cid;
	if (on_start)
		on_start(req);
}

static int executed;
static struct nvmf_request *last_executed;
void nvmf_request_execute(struct nvmf_request *req)
{
	executed++;
	last_executed = req;
}

void nvmf_request_fail(struct nvmf_request *req, nvme_status st)
{
	failed++;
	req->cqe.status = cpu_to_le16(st << 1);
	ops->req_complete(req);
}

static const struct nvmf_request *awaited;
bool nvmf_request_awaited(const struct nvmf_request *req)
{
	return req == awaited;
}

bool nvmf_request_may_wait(const struct nvmf_request *req)
{
	(void)req;
	return false;
}

static bool group_waits;
bool nvmf_group_waits(const struct nvmf_group *g)
{
	CU_ASSERT_PTR_EQUAL(g, &group);
	return group_waits;
}

void nvmf_request_done(struct nvmf_request *req)
{
	(void)req;
	done++;
}

bool nvmf_trid_equal(const struct nvmf_trid *a, const struct nvmf_trid *b)
{
	return !strcmp(a->traddr, b->traddr) && !strcmp(a->trsvcid, b->trsvcid);
}

#endif
