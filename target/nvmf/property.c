// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Property Get and Set: the controller's registers, kept by common/regs, and
 * what a write of them starts. Admin queues only; on the controller's home.
 */
#include "target/nvmf/internal.h"

#define LOC_OFFSET	44
#define LOC_VALUE	48

void nvmf_property_get_execute(struct nvmf_request *req)
{
	const struct nvmf_property_cmd *cmd = &req->cmd->prop;
	u64 value = 0;
	nvme_status st;

	st = nvme_regs_get(&req->qpair->ctrlr->regs, le32_to_cpu(cmd->offset),
			   cmd->attrib & NVMF_PROP_SIZE_MASK, &value);
	if (st)
		nvmf_request_bad(req, LOC_OFFSET, st);
	req->cqe.result = cpu_to_le64(value);
	nvmf_request_complete(req, st);
}

static void act(struct nvmf_ctrlr *c, enum nvme_regs_event event)
{
	switch (event) {
	case NVME_REGS_ENABLE:
		nvme_regs_enabled(&c->regs);
		nvmf_ctrlr_associate(c);
		break;
	case NVME_REGS_RESET:
		nvmf_ctrlr_reset(c);
		break;
	case NVME_REGS_SHUTDOWN_NORMAL:
	case NVME_REGS_SHUTDOWN_ABRUPT:
		nvmf_ctrlr_shutdown(c);
		break;
	case NVME_REGS_SUBSYSTEM_RESET:
		nvmf_ctrlr_subsystem_reset(c);
		break;
	case NVME_REGS_NOTHING:
		break;
	}
}

void nvmf_property_set_execute(struct nvmf_request *req)
{
	const struct nvmf_property_cmd *cmd = &req->cmd->prop;
	struct nvmf_ctrlr *c = req->qpair->ctrlr;
	enum nvme_regs_event event;
	nvme_status st;

	st = nvme_regs_set(&c->regs, le32_to_cpu(cmd->offset),
			   cmd->attrib & NVMF_PROP_SIZE_MASK,
			   le64_to_cpu(cmd->value), &event);
	if (st)
		nvmf_request_bad(req, LOC_VALUE, st);
	else
		act(c, event);
	nvmf_request_complete(req, st);
}
