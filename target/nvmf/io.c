// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * I/O commands: Flush, Write, Read, Compare, Write Zeroes, Dataset Management.
 * Parsing checks namespace, range and length; execution is one bdev operation,
 * or several in a row. On the queue pair's reactor; nothing here looks at what
 * another reactor may change.
 */
#include <stdlib.h>

#include "target/nvmf/internal.h"

#define DSM_RANGES(sqe)	((le32_to_cpu((sqe)->cdw10) & 0xff) + 1)
#define DATA_ALIGN	4096

/* Statuses */

static nvme_status io_error(const struct nvmf_request *req, int err)
{
	bool read = req->bio.type == BDEV_READ;

	switch (err) {
	case 0:
		return NVME_SC_SUCCESS;
	case -EIO:
		return read ? NVME_SC_READ_ERROR : NVME_SC_WRITE_FAULT;
	case -ENOSPC:
		return NVMF_DNR(NVME_SC_CAP_EXCEEDED);
	case -ERANGE:
		return NVMF_DNR(NVME_SC_LBA_RANGE);
	case -ENODEV:
		return NVMF_DNR(NVME_SC_INVALID_NS);
	case -EROFS:
		return NVMF_DNR(NVME_SC_NS_WRITE_PROTECTED);
	case -EOPNOTSUPP:
		return NVMF_DNR(NVME_SC_INVALID_OPCODE);
	default:
		return NVME_SC_INTERNAL;
	}
}

/* Checks */

/* From here until nvmf_request_done() the namespace cannot leave this group */
static nvme_status take_ns(struct nvmf_request *req)
{
	u32 nsid = le32_to_cpu(req->cmd->sqe.nsid);
	struct nvmf_ns_channel *nsch = nvmf_sgroup_ns(req->qpair->sgroup, nsid);

	if (!nsch)
		return nvmf_request_bad(req, NVMF_LOC_NSID,
					NVMF_DNR(NVME_SC_INVALID_NS));
	nsch->outstanding++;
	req->nsch = nsch;
	return NVME_SC_SUCCESS;
}

static bool in_range(const struct nvmf_ns_view *v, u64 lba, u64 blocks)
{
	return blocks <= v->blocks && lba <= v->blocks - blocks;
}

static nvme_status take_range(struct nvmf_request *req)
{
	const struct nvme_sqe *sqe = &req->cmd->sqe;
	nvme_status st = take_ns(req);

	if (st)
		return st;
	req->lba = nvme_rw_slba(sqe);
	req->blocks = nvme_rw_blocks(sqe);
	if (!in_range(&req->nsch->view, req->lba, req->blocks))
		return nvmf_request_bad(req, NVMF_LOC_CDW10,
					NVMF_DNR(NVME_SC_LBA_RANGE));
	return NVME_SC_SUCCESS;
}

static nvme_status rw_parse(struct nvmf_request *req)
{
	nvme_status st = take_range(req);
	u64 bytes;

	if (st)
		return st;
	bytes = req->blocks * req->nsch->view.block_size;
	if (bytes > req->qpair->rules.max_len)
		return nvmf_request_bad(req, NVMF_LOC_CDW12,
					NVMF_DNR(NVME_SC_INVALID_FIELD));
	req->length = bytes;
	return NVME_SC_SUCCESS;
}

static nvme_status writable(struct nvmf_request *req, nvme_status st)
{
	if (!st && req->nsch->view.readonly)
		return NVMF_DNR(NVME_SC_NS_WRITE_PROTECTED);
	return st;
}

static nvme_status write_parse(struct nvmf_request *req)
{
	return writable(req, rw_parse(req));
}

static nvme_status write_zeroes_parse(struct nvmf_request *req)
{
	return writable(req, take_range(req));
}

static nvme_status dsm_parse(struct nvmf_request *req)
{
	const struct nvme_sqe *sqe = &req->cmd->sqe;
	u32 bytes = DSM_RANGES(sqe) * sizeof(struct nvme_dsm_range);
	nvme_status st = writable(req, take_ns(req));

	if (st)
		return st;
	/* Linux sends room for all 256 ranges, however few it names */
	if (req->sgl.len < bytes ||
	    req->sgl.len > NVME_DSM_MAX_RANGES * sizeof(struct nvme_dsm_range))
		return nvmf_request_bad(req, NVMF_LOC_SGL,
				NVMF_DNR(NVME_SC_SGL_INVALID_DATA_LEN));
	req->length = req->sgl.len;
	return NVME_SC_SUCCESS;
}

/* One operation */

static void submit(struct nvmf_request *req, enum bdev_io_type type,
		   struct iovec *iov, int iovcnt, u64 lba, u64 blocks,
		   bdev_done done)
{
	struct bdev_io *bio = &req->bio;

	bio->desc = req->nsch->view.desc;
	bio->channel = req->nsch->channel;
	bio->type = type;
	bio->fua = type != BDEV_READ &&
		   le32_to_cpu(req->cmd->sqe.cdw12) & NVME_RW_FUA;
	bio->iov = iov;
	bio->iovcnt = iovcnt;
	bio->lba = lba;
	bio->blocks = blocks;
	bio->done = done;
	bio->ctx = req;
	req->qpair->group->core->stats.pending_bdev_io++;
	bdev_submit(bio);
}

/* The request of a finished operation */
static struct nvmf_request *ended(struct bdev_io *io)
{
	struct nvmf_request *req = io->ctx;

	req->qpair->group->core->stats.pending_bdev_io--;
	return req;
}

static void io_done(struct bdev_io *io, int err)
{
	struct nvmf_request *req = ended(io);

	nvmf_request_complete(req, io_error(req, err));
}

static void read_execute(struct nvmf_request *req)
{
	struct nvmf_sgroup *sg = req->nsch->sgroup;

	sg->reads++;
	sg->read_bytes += req->length;
	submit(req, BDEV_READ, req->iov, req->iovcnt, req->lba, req->blocks,
	       io_done);
}

static void write_execute(struct nvmf_request *req)
{
	struct nvmf_sgroup *sg = req->nsch->sgroup;

	sg->writes++;
	sg->written_bytes += req->length;
	submit(req, BDEV_WRITE, req->iov, req->iovcnt, req->lba, req->blocks,
	       io_done);
}

static void flush_execute(struct nvmf_request *req)
{
	const struct nvmf_ns_view *v = &req->nsch->view;

	/* without a cache there is nothing to do */
	if (!bdev_supports(bdev_desc_bdev(v->desc), BDEV_FLUSH))
		nvmf_request_complete(req, NVME_SC_SUCCESS);
	else
		submit(req, BDEV_FLUSH, NULL, 0, 0, v->blocks, io_done);
}

/* Clearing: Write Zeroes, and the ranges of Dataset Management */

static void clear_next(void *ctx);

static void clear_done(struct bdev_io *io, int err)
{
	struct nvmf_request *req = ended(io);

	if (err) {
		nvmf_request_complete(req, io_error(req, err));
		return;
	}
	req->blocks = 0;
	/* by message, so that others have their turn and the stack is flat */
	reactor_send(req->qpair->group->reactor, clear_next, req);
}

/* The next range that is not empty, if there is one */
static bool next_range(struct nvmf_request *req)
{
	const struct nvme_sqe *sqe = &req->cmd->sqe;
	struct nvme_dsm_range r;

	while (!req->blocks && req->range < DSM_RANGES(sqe)) {
		nvmf_request_get_bytes(req, req->range++ * sizeof(r), &r,
				       sizeof(r));
		req->lba = le64_to_cpu(r.slba);
		req->blocks = le32_to_cpu(r.nlb);
	}
	return req->blocks;
}

static void clear_next(void *ctx)
{
	struct nvmf_request *req = ctx;
	bool dsm = req->cmd->sqe.opcode == NVME_CMD_DSM;

	if (req->qpair->state >= NVMF_QPAIR_CLOSING)
		nvmf_request_complete(req, NVME_SC_ABORT_SQ_DELETED);
	else if (dsm ? next_range(req) : req->blocks)
		submit(req, dsm ? BDEV_UNMAP : BDEV_WRITE_ZEROES, NULL, 0,
		       req->lba, req->blocks, clear_done);
	else
		nvmf_request_complete(req, NVME_SC_SUCCESS);
}

static void write_zeroes_execute(struct nvmf_request *req)
{
	req->nsch->sgroup->writes++;
	clear_next(req);
}

static nvme_status check_ranges(struct nvmf_request *req)
{
	u32 i, n = DSM_RANGES(&req->cmd->sqe);
	struct nvme_dsm_range r;

	for (i = 0; i < n; i++) {
		if (!nvmf_request_get_bytes(req, i * sizeof(r), &r, sizeof(r)))
			return NVME_SC_DATA_XFER_ERROR;
		if (!in_range(&req->nsch->view, le64_to_cpu(r.slba),
			      le32_to_cpu(r.nlb)))
			return nvmf_request_bad(req, NVMF_LOC_CDW10,
						NVMF_DNR(NVME_SC_LBA_RANGE));
	}
	return NVME_SC_SUCCESS;
}

static void dsm_execute(struct nvmf_request *req)
{
	const struct bdev *b = bdev_desc_bdev(req->nsch->view.desc);
	bool deallocate = le32_to_cpu(req->cmd->sqe.cdw11) & NVME_DSM_AD;
	nvme_status st = check_ranges(req);

	/* all of it is advice: what a device cannot do is not an error */
	if (st || !deallocate || !bdev_supports(b, BDEV_UNMAP)) {
		nvmf_request_complete(req, st);
		return;
	}
	req->range = 0;
	req->blocks = 0;
	clear_next(req);
}

/* Compare: with the RAM itself, or with what is read for it */

static bool equal(const struct nvmf_request *req, const u8 *with)
{
	int i;

	for (i = 0; i < req->iovcnt; i++) {
		if (memcmp(req->iov[i].iov_base, with, req->iov[i].iov_len))
			return false;
		with += req->iov[i].iov_len;
	}
	return true;
}

static nvme_status compared(const struct nvmf_request *req, const u8 *with)
{
	return equal(req, with) ? NVME_SC_SUCCESS : NVME_SC_COMPARE_FAILED;
}

static void compare_done(struct bdev_io *io, int err)
{
	struct nvmf_request *req = ended(io);
	u8 *with = io->iov[0].iov_base;
	nvme_status st = io_error(req, err);

	if (!st)
		st = compared(req, with);
	free(with);
	nvmf_request_complete(req, st);
}

static void compare_execute(struct nvmf_request *req)
{
	const struct nvmf_ns_view *v = &req->nsch->view;
	void *with;

	req->nsch->sgroup->reads++;
	if (v->ram) {
		nvmf_request_complete(req, compared(req, v->ram + req->lba *
						    v->block_size));
		return;
	}
	if (posix_memalign(&with, DATA_ALIGN, req->length)) {
		nvmf_request_complete(req, NVME_SC_INTERNAL);
		return;
	}
	req->other.iov_base = with;
	req->other.iov_len = req->length;
	submit(req, BDEV_READ, &req->other, 1, req->lba, req->blocks,
	       compare_done);
}

const struct nvmf_command nvmf_io_commands[NVMF_IO_COMMANDS] = {
	[NVME_CMD_FLUSH] = {
		"Flush", NVME_XFER_NONE, 0, take_ns, flush_execute,
	},
	[NVME_CMD_WRITE] = {
		"Write", NVME_XFER_HOST_TO_CTRL,
		NVMF_CMD_INPLACE | NVMF_CMD_CHANGES_DATA,
		write_parse, write_execute,
	},
	[NVME_CMD_READ] = {
		"Read", NVME_XFER_CTRL_TO_HOST, NVMF_CMD_INPLACE,
		rw_parse, read_execute,
	},
	[NVME_CMD_COMPARE] = {
		"Compare", NVME_XFER_HOST_TO_CTRL, 0, rw_parse,
		compare_execute,
	},
	[NVME_CMD_WRITE_ZEROES] = {
		"Write Zeroes", NVME_XFER_NONE, NVMF_CMD_CHANGES_DATA,
		write_zeroes_parse, write_zeroes_execute,
	},
	[NVME_CMD_DSM] = {
		"Dataset Management", NVME_XFER_HOST_TO_CTRL,
		NVMF_CMD_CHANGES_DATA, dsm_parse, dsm_execute,
	},
};
