// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Commands that look at blocks without giving them to the host: Compare and
 * Verify. Where the device is not RAM, it is read into scratch memory. On the
 * queue pair's reactor.
 */
#include "target/nvmf/io.h"

#define VERIFY_PIECE	(128u << 10)	/* bytes read at a time */

/* Compare */

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

static void compared(struct nvmf_request *req, const u8 *with)
{
	req->early = equal(req, with) ? NVME_SC_SUCCESS :
					NVME_SC_COMPARE_FAILED;
}

static void compare_read(struct bdev_io *io, int err)
{
	struct nvmf_request *req = nvmf_io_ended(io);

	req->early = nvmf_io_status(req, err);
	if (!req->early)
		compared(req, req->scratch.iov_base);
	nvmf_scratch_put(req);
	req->next(req);
}

static void compare_got(struct nvmf_request *req)
{
	nvmf_io_submit(req, BDEV_READ, &req->scratch, 1, req->lba, req->blocks,
		       compare_read);
}

void nvmf_compare(struct nvmf_request *req,
		  void (*next)(struct nvmf_request *req))
{
	const struct nvmf_ns_view *v = &req->nsch->view;

	req->nsch->sgroup->reads++;
	req->next = next;
	if (v->ram) {
		compared(req, v->ram + req->lba * v->block_size);
		next(req);
	} else {
		nvmf_scratch_get(req, req->length, compare_got);
	}
}

static void compare_end(struct nvmf_request *req)
{
	nvmf_request_complete(req, req->early);
}

static void compare_start(struct nvmf_request *req)
{
	nvmf_compare(req, compare_end);
}

void nvmf_compare_execute(struct nvmf_request *req)
{
	nvmf_io_forced(req, compare_start);
}

/* Verify: everything that a read would find out; place counts the blocks */

static void verify_next(void *ctx);

static void verify_read(struct bdev_io *io, int err)
{
	struct nvmf_request *req = nvmf_io_ended(io);

	req->place += io->blocks;
	if (!err && req->place < req->blocks) {
		reactor_send(req->qpair->group->reactor, verify_next, req);
		return;
	}
	nvmf_scratch_put(req);
	nvmf_request_complete(req, nvmf_io_status(req, err));
}

static void verify_next(void *ctx)
{
	struct nvmf_request *req = ctx;
	const u32 block_size = req->nsch->view.block_size;
	nvme_status over = nvmf_io_interrupted(req);
	u64 n = req->blocks - req->place;

	if (over) {
		nvmf_scratch_put(req);
		nvmf_request_complete(req, over);
		return;
	}
	if (n > VERIFY_PIECE / block_size)
		n = VERIFY_PIECE / block_size;
	req->scratch.iov_len = n * block_size;
	nvmf_io_submit(req, BDEV_READ, &req->scratch, 1, req->lba + req->place,
		       n, verify_read);
}

static void verify_got(struct nvmf_request *req)
{
	verify_next(req);
}

static void verify_start(struct nvmf_request *req)
{
	u64 bytes = req->blocks * req->nsch->view.block_size;

	req->place = 0;
	nvmf_scratch_get(req, bytes < VERIFY_PIECE ? bytes : VERIFY_PIECE,
			 verify_got);
}

void nvmf_verify_execute(struct nvmf_request *req)
{
	req->nsch->sgroup->reads++;
	/* memory is always good */
	if (req->nsch->view.ram)
		nvmf_request_complete(req, NVME_SC_SUCCESS);
	else
		nvmf_io_forced(req, verify_start);
}
