// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Copy (NVM Command Set Specification 1.0, 3.2.2), descriptor format 0: all
 * source ranges are read, in their order, into scratch memory, which is then
 * written in one operation. So it does not matter whether they overlap the
 * destination. Limits as Identify Namespace tells them. On the queue pair's
 * reactor.
 */
#include "target/nvmf/io.h"

#define FORMAT(cdw12)	((cdw12) >> 8 & 0xf)

static u32 ranges(const struct nvmf_request *req)
{
	return (le32_to_cpu(req->cmd->sqe.cdw12) & 0xff) + 1;
}

static nvme_status check_fields(struct nvmf_request *req)
{
	u32 cdw12 = le32_to_cpu(req->cmd->sqe.cdw12);

	if (FORMAT(cdw12))
		return nvmf_request_bad(req, NVMF_LOC_CDW12 + 1,
					NVME_DNR(NVME_SC_INVALID_FIELD));
	if (cdw12 & NVME_RW_DTYPE_MASK)
		return nvmf_request_bad(req, NVMF_LOC_CDW12 + 2,
					NVME_DNR(NVME_SC_INVALID_FIELD));
	if (ranges(req) > NVMF_COPY_RANGES)
		return nvmf_request_bad(req, NVMF_LOC_CDW12,
					NVME_DNR(NVME_SC_CMD_SIZE_LIMIT));
	return NVME_SC_SUCCESS;
}

nvme_status nvmf_copy_parse(struct nvmf_request *req)
{
	nvme_status st = nvmf_io_writable(req, nvmf_io_take_ns(req));

	if (!st)
		st = check_fields(req);
	req->length = ranges(req) * sizeof(struct nvme_copy_range);
	return st;
}

/* The list of sources, in one piece */
static bool get_list(const struct nvmf_request *req, u8 *list)
{
	return nvmf_request_get_bytes(req, 0, list, req->length);
}

u64 nvmf_copy_bytes(const struct nvmf_request *req)
{
	u8 list[NVMF_COPY_RANGES * sizeof(struct nvme_copy_range)];
	u64 lba, blocks, sum = 0;
	u32 i;

	/* a command that is not in order costs something, too */
	if (!get_list(req, list))
		return 0;
	for (i = 0; i < ranges(req); i++) {
		nvme_copy_range_get(list, i, &lba, &blocks);
		sum += blocks * req->nsch->view.block_size;
	}
	return sum < NVMF_COPY_BYTES ? sum : NVMF_COPY_BYTES;
}

static nvme_status check_sources(const struct nvmf_request *req, const u8 *list)
{
	u64 lba, blocks;
	nvme_status st = NVME_SC_SUCCESS;
	u32 i;

	for (i = 0; !st && i < ranges(req); i++) {
		nvme_copy_range_get(list, i, &lba, &blocks);
		st = nvmf_io_readable(req, lba, blocks);
	}
	return st;
}

static nvme_status check(struct nvmf_request *req)
{
	u8 list[NVMF_COPY_RANGES * sizeof(struct nvme_copy_range)];
	const struct nvmf_ns_view *v = &req->nsch->view;
	struct nvme_copy_limits limits;
	nvme_status st;

	if (!get_list(req, list))
		return NVME_SC_DATA_XFER_ERROR;
	nvmf_io_copy_limits(v->block_size, &limits);
	st = nvme_copy_ranges_check(list, req->length, ranges(req), v->blocks,
				    &limits, &req->blocks);
	if (st)
		return st;
	req->lba = nvme_rw_slba(&req->cmd->sqe);
	if (!nvme_blocks_in(v->blocks, req->lba, req->blocks))
		return nvmf_request_bad(req, NVMF_LOC_CDW10,
					NVME_DNR(NVME_SC_LBA_RANGE));
	return check_sources(req, list);
}

static void end(struct nvmf_request *req, nvme_status st)
{
	nvmf_scratch_put(req);
	nvmf_request_complete(req, st);
}

static void write_done(struct bdev_io *io, int err)
{
	struct nvmf_request *req = nvmf_io_ended(io);

	if (err) {
		end(req, nvmf_io_status(req, err));
		return;
	}
	nvmf_scratch_put(req);
	nvmf_io_written(req, req->lba, req->blocks, nvmf_io_succeed);
}

/* place: bytes that are read; the iovec begins behind them */
static void rewind_scratch(struct nvmf_request *req)
{
	req->scratch.iov_base = (u8 *)req->scratch.iov_base - req->place;
}

static void write_all(struct nvmf_request *req)
{
	struct nvmf_sgroup *sg = req->nsch->sgroup;

	sg->writes++;
	sg->written_bytes += req->scratch_bytes;
	rewind_scratch(req);
	req->scratch.iov_len = req->scratch_bytes;
	req->place = 0;
	nvmf_io_submit(req, BDEV_WRITE, &req->scratch, 1, req->lba,
		       req->blocks, write_done);
}

static void read_next(void *ctx);

static void read_done(struct bdev_io *io, int err)
{
	struct nvmf_request *req = nvmf_io_ended(io);

	if (err) {
		rewind_scratch(req);
		end(req, nvmf_io_status(req, err));
		return;
	}
	req->place += req->scratch.iov_len;
	req->scratch.iov_base = (u8 *)req->scratch.iov_base +
				req->scratch.iov_len;
	req->range++;
	reactor_send(req->qpair->group->reactor, read_next, req);
}

/*
 * The host of a connection that has ended may have repeated the command by
 * another one, and written since: none of it may come after that.
 */
static bool is_over(struct nvmf_request *req)
{
	nvme_status st = nvmf_io_interrupted(req);

	if (!st)
		return false;
	rewind_scratch(req);
	end(req, st);
	return true;
}

static void read_next(void *ctx)
{
	struct nvmf_request *req = ctx;
	u8 one[sizeof(struct nvme_copy_range)];
	u64 lba, blocks;

	if (is_over(req))
		return;
	if (req->range == ranges(req)) {
		write_all(req);
		return;
	}
	nvmf_request_get_bytes(req, req->range * sizeof(one), one, sizeof(one));
	nvme_copy_range_get(one, 0, &lba, &blocks);
	req->scratch.iov_len = blocks * req->nsch->view.block_size;
	nvmf_io_submit(req, BDEV_READ, &req->scratch, 1, lba, blocks,
		       read_done);
}

static void got(struct nvmf_request *req)
{
	read_next(req);
}

void nvmf_copy_execute(struct nvmf_request *req)
{
	nvme_status st = check(req);

	if (st) {
		nvmf_request_complete(req, st);
		return;
	}
	req->range = 0;
	req->place = 0;
	nvmf_scratch_get(req, req->blocks * req->nsch->view.block_size, got);
}
