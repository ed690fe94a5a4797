// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The table of I/O commands, the checks that they share, and the plain ones:
 * Flush, Write, Read. Parsing checks namespace, range and length; execution is
 * one bdev operation, or several in a row. On the queue pair's reactor;
 * nothing here looks at what another reactor may change.
 */
#include "target/nvmf/io.h"

/* Statuses */

/* What a device says: with DNR if the same command would fail again */
static nvme_status device_status(nvme_status st)
{
	switch (st) {
	case NVME_SC_DATA_XFER_ERROR:
	case NVME_SC_POWER_LOSS:
	case NVME_SC_INTERNAL:
	case NVME_SC_ABORT_SQ_DELETED:
	case NVME_SC_SANITIZE_IN_PROGRESS:
	case NVME_SC_CMD_INTERRUPTED:
	case NVME_SC_TRANSIENT_TRANSPORT:
	case NVME_SC_NS_NOT_READY:
	case NVME_SC_FORMAT_IN_PROGRESS:
		return st;
	default:
		/* media, paths and vendors' own are worth another try */
		return nvme_status_type(st) < NVME_SCT_MEDIA ? NVME_DNR(st) : st;
	}
}

/* What a flush has lost another one does not bring back */
static nvme_status medium_status(const struct nvmf_request *req)
{
	if (req->bio.status)
		return device_status(req->bio.status);
	switch (req->bio.type) {
	case BDEV_READ:
		return NVME_SC_READ_ERROR;
	case BDEV_FLUSH:
		return NVME_DNR(NVME_SC_WRITE_FAULT);
	default:
		return NVME_SC_WRITE_FAULT;
	}
}

nvme_status nvmf_io_status(const struct nvmf_request *req, int err)
{
	switch (err) {
	case 0:
		return NVME_SC_SUCCESS;
	case -EIO:
	case -ENODATA:		/* so Linux tells errors of a block device's */
	case -EILSEQ:		/* medium, and of its protection */
		return medium_status(req);
	case -ENOSPC:
		return NVME_DNR(NVME_SC_CAP_EXCEEDED);
	case -ERANGE:
	case -EREMOTEIO:	/* a block device finds the command wrong */
		return NVME_DNR(NVME_SC_LBA_RANGE);
	case -ENODEV:
		return NVME_DNR(NVME_SC_INVALID_NS);
	case -EROFS:
		return NVME_DNR(NVME_SC_NS_WRITE_PROTECTED);
	case -EOPNOTSUPP:
		return NVME_DNR(NVME_SC_INVALID_OPCODE);
	case -ECANCELED:
		return NVME_DNR(req->nsch->detached ? NVME_SC_INVALID_NS :
						      NVME_SC_ABORT_REQUESTED);
	default:
		return NVME_SC_INTERNAL;
	}
}

/* Checks */

/* From here until nvmf_request_done() the namespace cannot leave this group */
nvme_status nvmf_io_take_ns(struct nvmf_request *req)
{
	u32 nsid = le32_to_cpu(req->cmd->sqe.nsid);
	struct nvmf_ns_channel *nsch = nvmf_sgroup_ns(req->qpair->sgroup, nsid);

	if (!nsch || !nvmf_ns_visible(nsch, req->qpair))
		return nvmf_request_bad(req, NVMF_LOC_NSID,
					NVME_DNR(NVME_SC_INVALID_NS));
	nsch->outstanding++;
	req->nsch = nsch;
	return nvmf_io_admit(req);
}

nvme_status nvmf_io_admit(const struct nvmf_request *req)
{
	nvme_status st;

	if (!nvmf_ns_visible(req->nsch, req->qpair))
		return NVME_DNR(NVME_SC_INVALID_NS);
	st = nvmf_ana_admit(req);
	if (!st && req->nsch->resv)
		st = nvmf_resv_admit(req);
	return st;
}

nvme_status nvmf_io_interrupted(const struct nvmf_request *req)
{
	if (req->qpair->state >= NVMF_QPAIR_CLOSING)
		return NVME_SC_ABORT_SQ_DELETED;
	return req->nsch->detached ? NVME_DNR(NVME_SC_INVALID_NS) :
				     NVME_SC_SUCCESS;
}

nvme_status nvmf_io_take_range(struct nvmf_request *req)
{
	const struct nvme_sqe *sqe = &req->cmd->sqe;
	nvme_status st = nvmf_io_take_ns(req);

	if (st)
		return st;
	req->lba = nvme_rw_slba(sqe);
	req->blocks = nvme_rw_blocks(sqe);
	if (!nvme_blocks_in(req->nsch->view.blocks, req->lba, req->blocks))
		return nvmf_request_bad(req, NVMF_LOC_CDW10,
					NVME_DNR(NVME_SC_LBA_RANGE));
	if (req->command->flags & NVMF_CMD_READS)
		return nvmf_io_readable(req, req->lba, req->blocks);
	return NVME_SC_SUCCESS;
}

nvme_status nvmf_io_readable(const struct nvmf_request *req, u64 lba,
			     u64 blocks)
{
	const struct nvme_lbaset *bad = req->nsch->bad;

	return bad && nvme_lbaset_hits(bad, lba, blocks) ?
		NVME_DNR(NVME_SC_READ_ERROR) : NVME_SC_SUCCESS;
}

nvme_status nvmf_io_rw_parse(struct nvmf_request *req)
{
	nvme_status st = nvmf_io_take_range(req);
	u64 bytes;

	if (st)
		return st;
	bytes = req->blocks * req->nsch->view.block_size;
	if (bytes > req->qpair->rules.max_len)
		return nvmf_request_bad(req, NVMF_LOC_CDW12,
					NVME_DNR(NVME_SC_INVALID_FIELD));
	req->length = bytes;
	return NVME_SC_SUCCESS;
}

nvme_status nvmf_io_writable(struct nvmf_request *req, nvme_status st)
{
	if (!st && req->nsch->view.readonly)
		return NVME_DNR(NVME_SC_NS_WRITE_PROTECTED);
	return st;
}

static nvme_status write_parse(struct nvmf_request *req)
{
	nvme_status st = nvmf_io_writable(req, nvmf_io_rw_parse(req));

	/* no directive is offered */
	if (!st && le32_to_cpu(req->cmd->sqe.cdw12) & NVME_RW_DTYPE_MASK)
		return nvmf_request_bad(req, NVMF_LOC_CDW12 + 2,
					NVME_DNR(NVME_SC_INVALID_FIELD));
	return st;
}

/* One operation */

void nvmf_io_submit(struct nvmf_request *req, enum bdev_io_type type,
		    struct iovec *iov, int iovcnt, u64 lba, u64 blocks,
		    bdev_done done)
{
	struct bdev_io *bio = &req->bio;

	bio->desc = req->nsch->view.desc;
	bio->channel = req->nsch->channel;
	bio->type = type;
	bio->fua = type != BDEV_READ && type != BDEV_FLUSH &&
		   req->cmd->sqe.opcode != NVME_CMD_DSM &&
		   le32_to_cpu(req->cmd->sqe.cdw12) & NVME_RW_FUA;
	bio->iov = iov;
	bio->iovcnt = iovcnt;
	bio->lba = lba;
	bio->blocks = blocks;
	bio->done = done;
	bio->ctx = req;
	req->qpair->group->core->stats.pending_bdev_io++;
	req->submitted = true;
	bdev_submit(bio);
}

struct nvmf_request *nvmf_io_ended(struct bdev_io *io)
{
	struct nvmf_request *req = io->ctx;

	req->qpair->group->core->stats.pending_bdev_io--;
	req->submitted = false;
	return req;
}

static void io_done(struct bdev_io *io, int err)
{
	struct nvmf_request *req = nvmf_io_ended(io);

	nvmf_request_complete(req, nvmf_io_status(req, err));
}

void nvmf_io_succeed(struct nvmf_request *req)
{
	nvmf_request_complete(req, NVME_SC_SUCCESS);
}

void nvmf_io_written(struct nvmf_request *req, u64 lba, u64 blocks,
		     void (*next)(struct nvmf_request *req))
{
	const struct nvme_lbaset *bad = req->nsch->bad;

	if (!bad || !nvme_lbaset_hits(bad, lba, blocks)) {
		next(req);
		return;
	}
	req->next = next;
	nvmf_bad_change(req, false, lba, blocks);
}

static void write_done(struct bdev_io *io, int err)
{
	struct nvmf_request *req = nvmf_io_ended(io);

	if (err)
		nvmf_request_complete(req, nvmf_io_status(req, err));
	else
		nvmf_io_written(req, req->lba, req->blocks, nvmf_io_succeed);
}

static bool has_cache(const struct nvmf_request *req)
{
	return bdev_supports(bdev_desc_bdev(req->nsch->view.desc), BDEV_FLUSH);
}

static void flushed(struct bdev_io *io, int err)
{
	struct nvmf_request *req = nvmf_io_ended(io);
	nvme_status st = err ? nvmf_io_status(req, err) :
			       nvmf_io_interrupted(req);

	if (st)
		nvmf_request_complete(req, st);
	else
		req->next(req);
}

void nvmf_io_forced(struct nvmf_request *req,
		    void (*next)(struct nvmf_request *req))
{
	if (!(le32_to_cpu(req->cmd->sqe.cdw12) & NVME_RW_FUA) ||
	    !has_cache(req)) {
		next(req);
		return;
	}
	req->next = next;
	nvmf_io_submit(req, BDEV_FLUSH, NULL, 0, 0, req->nsch->view.blocks,
		       flushed);
}

static void read_start(struct nvmf_request *req)
{
	nvmf_io_submit(req, BDEV_READ, req->iov, req->iovcnt, req->lba,
		       req->blocks, io_done);
}

static void read_execute(struct nvmf_request *req)
{
	struct nvmf_sgroup *sg = req->nsch->sgroup;

	sg->reads++;
	sg->read_bytes += req->length;
	nvmf_io_forced(req, read_start);
}

static void write_execute(struct nvmf_request *req)
{
	struct nvmf_sgroup *sg = req->nsch->sgroup;

	sg->writes++;
	sg->written_bytes += req->length;
	nvmf_io_submit(req, BDEV_WRITE, req->iov, req->iovcnt, req->lba,
		       req->blocks, write_done);
}

static void flush_execute(struct nvmf_request *req)
{
	/* without a cache there is nothing to do */
	if (!has_cache(req))
		nvmf_request_complete(req, NVME_SC_SUCCESS);
	else
		nvmf_io_submit(req, BDEV_FLUSH, NULL, 0, 0,
			       req->nsch->view.blocks, io_done);
}

void nvmf_io_copy_limits(u32 block_size, struct nvme_copy_limits *l)
{
	l->blocks = NVMF_COPY_BYTES / block_size;
	l->range_blocks = l->blocks < 0xffff ? l->blocks : 0xffff;
	l->ranges = NVMF_COPY_RANGES;
}

#define WRITES	(NVMF_CMD_CHANGES_DATA | NVMF_CMD_WRITES)

const struct nvmf_command nvmf_io_commands[NVMF_IO_COMMANDS] = {
	[NVME_CMD_FLUSH] = {
		"Flush", NVME_XFER_NONE, NVMF_CMD_WRITES, nvmf_io_take_ns, flush_execute,
	},
	[NVME_CMD_WRITE] = {
		"Write", NVME_XFER_HOST_TO_CTRL,
		NVMF_CMD_INPLACE | WRITES,
		write_parse, write_execute,
	},
	[NVME_CMD_READ] = {
		"Read", NVME_XFER_CTRL_TO_HOST,
		NVMF_CMD_INPLACE | NVMF_CMD_READS,
		nvmf_io_rw_parse, read_execute,
	},
	[NVME_CMD_WRITE_UNCORRECTABLE] = {
		"Write Uncorrectable", NVME_XFER_NONE, WRITES,
		nvmf_write_uncorrectable_parse,
		nvmf_write_uncorrectable_execute,
	},
	[NVME_CMD_COMPARE] = {
		"Compare", NVME_XFER_HOST_TO_CTRL, NVMF_CMD_READS,
		nvmf_io_rw_parse, nvmf_compare_execute,
	},
	[NVME_CMD_WRITE_ZEROES] = {
		"Write Zeroes", NVME_XFER_NONE, WRITES,
		nvmf_write_zeroes_parse, nvmf_write_zeroes_execute,
	},
	[NVME_CMD_DSM] = {
		"Dataset Management", NVME_XFER_HOST_TO_CTRL,
		WRITES | NVMF_CMD_SCATTERED,
		nvmf_dsm_parse, nvmf_dsm_execute,
	},
	[NVME_CMD_VERIFY] = {
		"Verify", NVME_XFER_NONE, NVMF_CMD_READS, nvmf_io_take_range,
		nvmf_verify_execute,
	},
	[NVME_CMD_COPY] = {
		"Copy", NVME_XFER_HOST_TO_CTRL,
		WRITES | NVMF_CMD_SCATTERED,
		nvmf_copy_parse, nvmf_copy_execute,
	},
	[NVME_CMD_RESV_REGISTER] = {
		"Reservation Register", NVME_XFER_HOST_TO_CTRL, 0,
		nvmf_resv_parse, nvmf_resv_execute,
	},
	[NVME_CMD_RESV_REPORT] = {
		"Reservation Report", NVME_XFER_CTRL_TO_HOST, 0,
		nvmf_resv_report_parse, nvmf_resv_report_execute,
	},
	[NVME_CMD_RESV_ACQUIRE] = {
		"Reservation Acquire", NVME_XFER_HOST_TO_CTRL, 0,
		nvmf_resv_parse, nvmf_resv_execute,
	},
	[NVME_CMD_RESV_RELEASE] = {
		"Reservation Release", NVME_XFER_HOST_TO_CTRL, 0,
		nvmf_resv_parse, nvmf_resv_execute,
	},
};
