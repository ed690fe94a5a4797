// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Commands that clear blocks: Write Zeroes, and the ranges of Dataset
 * Management. One bdev operation per range, each on a turn of its own, so that
 * a long list does not keep the reactor. On the queue pair's reactor.
 */
#include "target/nvmf/io.h"

static bool is_dsm(const struct nvmf_request *req)
{
	return req->cmd->sqe.opcode == NVME_CMD_DSM;
}

static u32 dsm_ranges(const struct nvmf_request *req)
{
	return (le32_to_cpu(req->cmd->sqe.cdw10) & 0xff) + 1;
}

nvme_status nvmf_write_zeroes_parse(struct nvmf_request *req)
{
	nvme_status st = nvmf_io_writable(req, nvmf_io_take_range(req));
	u16 wzsl = req->qpair->ctrlr->subsystem->wzsl;

	if (!st && wzsl && req->blocks * req->nsch->view.block_size >
			   NVMF_WZSL_UNIT << wzsl)
		return nvmf_request_bad(req, NVMF_LOC_CDW12,
					NVME_DNR(NVME_SC_INVALID_FIELD));
	return st;
}

nvme_status nvmf_dsm_parse(struct nvmf_request *req)
{
	u32 bytes = dsm_ranges(req) * sizeof(struct nvme_dsm_range);
	nvme_status st = nvmf_io_writable(req, nvmf_io_take_ns(req));

	if (st)
		return st;
	/* Linux sends room for all 256 ranges, however few it names */
	if (req->sgl.len < bytes ||
	    req->sgl.len > NVME_DSM_MAX_RANGES * sizeof(struct nvme_dsm_range))
		return nvmf_request_bad(req, NVMF_LOC_SGL,
				NVME_DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	req->length = req->sgl.len;
	return NVME_SC_SUCCESS;
}

static void clear_next(void *ctx);

/* by message, so that others have their turn and the stack is flat */
static void range_cleared(struct nvmf_request *req)
{
	req->place += req->blocks;
	req->blocks = 0;
	reactor_send(req->qpair->group->reactor, clear_next, req);
}

/*
 * Who waits for a Write Zeroes to end looks for its range: that has to stay.
 * Blocks that may have kept their data do not become good by an advice.
 */
static void clear_done(struct bdev_io *io, int err)
{
	struct nvmf_request *req = nvmf_io_ended(io);

	if (err)
		nvmf_request_complete(req, nvmf_io_status(req, err));
	else if (is_dsm(req) && !req->nsch->view.unmap_zeroes)
		range_cleared(req);
	else
		nvmf_io_written(req, io->lba, io->blocks,
				is_dsm(req) ? range_cleared : nvmf_io_succeed);
}

/*
 * The next range that is not empty, if there is one. What is beyond the limits
 * that Identify tells of is left as it is: a controller that offers the command
 * without conditions (ONCS) does not fail it for that.
 */
static bool next_range(struct nvmf_request *req)
{
	u32 most = req->qpair->ctrlr->subsystem->dmrsl;
	u8 bytes[sizeof(struct nvme_dsm_range)];
	u32 n = dsm_ranges(req);

	if (most && n > NVMF_DMRL)
		n = NVMF_DMRL;
	while (!req->blocks && req->range < n) {
		nvmf_request_get_bytes(req, req->range++ * sizeof(bytes), bytes,
				       sizeof(bytes));
		nvme_dsm_range_get(bytes, 0, &req->lba, &req->blocks);
	}
	if (most && req->blocks > most)
		req->blocks = most;
	return req->blocks;
}

/* Deallocation does for zeroes where the host allows it and it reads as such */
static enum bdev_io_type clear_type(const struct nvmf_request *req)
{
	const struct nvme_sqe *sqe = &req->cmd->sqe;
	const struct nvmf_ns_view *v = &req->nsch->view;

	if (is_dsm(req) ||
	    (le32_to_cpu(sqe->cdw12) & NVME_RW_DEAC && v->deac))
		return BDEV_UNMAP;
	return BDEV_WRITE_ZEROES;
}

static void clear(struct nvmf_request *req)
{
	nvmf_io_submit(req, clear_type(req), NULL, 0, req->lba, req->blocks,
		       clear_done);
}

/* A list may name blocks again and again; it is advice, so this is enough */
static bool cleared_all(const struct nvmf_request *req)
{
	return req->place >= req->nsch->view.blocks;
}

static void clear_next(void *ctx)
{
	struct nvmf_request *req = ctx;

	nvme_status over = nvmf_io_interrupted(req);

	if (over)
		nvmf_request_complete(req, over);
	else if (!cleared_all(req) && next_range(req))
		clear(req);
	else
		nvmf_request_complete(req, NVME_SC_SUCCESS);
}

void nvmf_write_zeroes_execute(struct nvmf_request *req)
{
	req->nsch->sgroup->writes++;
	clear(req);
}

void nvmf_dsm_execute(struct nvmf_request *req)
{
	const struct bdev *b = bdev_desc_bdev(req->nsch->view.desc);
	bool deallocate = le32_to_cpu(req->cmd->sqe.cdw11) & NVME_DSM_AD;
	u8 list[NVME_DSM_MAX_RANGES * sizeof(struct nvme_dsm_range)];
	u32 n = dsm_ranges(req);
	nvme_status st = NVME_SC_DATA_XFER_ERROR;

	if (nvmf_request_get_bytes(req, 0, list,
				   n * sizeof(struct nvme_dsm_range)))
		st = nvme_dsm_ranges_check(list, sizeof(list), n,
					   req->nsch->view.blocks);
	/* all of it is advice: what a device cannot do is not an error */
	if (st || !deallocate || !bdev_supports(b, BDEV_UNMAP)) {
		nvmf_request_complete(req, st);
		return;
	}
	req->range = 0;
	req->blocks = 0;
	req->place = 0;
	clear_next(req);
}
