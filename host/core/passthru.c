// SPDX-License-Identifier: GPL-2.0-only
/*
 * Users' commands as requests: allocated, with the user's memory mapped, run
 * and judged. Who may send what is settled before (permit.c); data pointer,
 * command identifier and flags are always ours. Process context.
 */
#include <linux/blkdev.h>
#include <linux/nvme_ioctl.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "host/core/core.h"

/* For memory that is taken away as fast as it is brought in */
#define FAULT_TRIES	16

/*
 * weft_user_cmd_fill() - take over what a user's structure says
 * Return: 0, or -EINVAL for what fabrics do not have or this host does not
 * offer: separate metadata, and fused commands.
 */
int weft_user_cmd_fill(struct weft_user_cmd *u,
		       const struct nvme_passthru_cmd64 *p)
{
	struct nvme_sqe *s = &u->cmd.sqe;

	if (p->flags || p->metadata || p->metadata_len)
		return -EINVAL;
	s->opcode = p->opcode;
	s->nsid = cpu_to_le32(p->nsid);
	s->cdw2 = cpu_to_le32(p->cdw2);
	s->cdw3 = cpu_to_le32(p->cdw3);
	s->cdw10 = cpu_to_le32(p->cdw10);
	s->cdw11 = cpu_to_le32(p->cdw11);
	s->cdw12 = cpu_to_le32(p->cdw12);
	s->cdw13 = cpu_to_le32(p->cdw13);
	s->cdw14 = cpu_to_le32(p->cdw14);
	s->cdw15 = cpu_to_le32(p->cdw15);
	u->addr = p->addr;
	u->len = p->data_len;
	u->timeout_ms = p->timeout_ms;
	return 0;
}

/*
 * struct user_data - what a command moves
 * @vec: vectors beyond @fast, to be freed; or NULL
 */
struct user_data {
	struct iov_iter iter;
	struct iovec fast[8];
	struct iovec *vec;
};

static int describe(struct user_data *d, const struct weft_user_cmd *u, int dir)
{
	void __user *at = u64_to_user_ptr(u->addr);
	ssize_t n = 0;

	d->vec = NULL;
	if (u->fixed && u->len) {
		n = io_uring_cmd_import_fixed(u->addr, u->len, dir, &d->iter,
					      u->fixed);
	} else if (u->vectored) {
		d->vec = d->fast;
		n = import_iovec(dir, at, u->len, ARRAY_SIZE(d->fast), &d->vec,
				 &d->iter);
	} else {
		d->fast[0].iov_base = at;
		d->fast[0].iov_len = u->len;
		iov_iter_init(&d->iter, dir, d->fast, 1, u->len);
		n = access_ok(at, u->len) ? 0 : -EFAULT;
	}
	d->iter.nofault = true;
	return min_t(ssize_t, n, 0);
}

/*
 * With the request in hand nothing may wait for I/O, be it to read the user's
 * memory or to make room: that may be I/O to this very disk, which is being
 * frozen until the request has ended.
 */
static int map_user(struct request *rq, const struct user_data *d)
{
	struct iov_iter iter = d->iter;
	unsigned int noio;
	int err;

	if (!iov_iter_count(&iter))
		return 0;
	noio = memalloc_noio_save();
	pagefault_disable();
	err = blk_rq_map_user_iov(rq->q, rq, NULL, &iter, GFP_KERNEL);
	pagefault_enable();
	memalloc_noio_restore(noio);
	return err;
}

/* Brings in what map_user() has not found in memory; false: it cannot be */
static bool fault_in(const struct user_data *d)
{
	size_t bytes = iov_iter_count(&d->iter);

	return !(iov_iter_rw(&d->iter) == WRITE ?
		 fault_in_iov_iter_readable(&d->iter, bytes) :
		 fault_in_iov_iter_writeable(&d->iter, bytes));
}

static struct request *alloc_mapped(struct request_queue *q,
				    const struct weft_user_cmd *u,
				    const struct user_data *d, blk_opf_t opf,
				    blk_mq_req_flags_t flags)
{
	struct request *rq = blk_mq_alloc_request(q, opf, flags);
	struct weft_request *req;
	int err;

	if (IS_ERR(rq))
		return rq;
	req = weft_req(rq);
	if (u->timeout_ms)
		rq->timeout = msecs_to_jiffies(u->timeout_ms);
	req->user = u->cmd;
	req->status = 0;
	req->flags = 0;
	req->result = 0;
	err = map_user(rq, d);
	if (!err)
		return rq;
	blk_mq_free_request(rq);
	return ERR_PTR(err);
}

/*
 * weft_passthru_alloc() - a request for @u on @q, ready to be executed
 * @opf: further REQ_* flags
 * @flags: BLK_MQ_REQ_*
 * Return: the request, whose bio the caller unmaps; or ERR_PTR.
 */
struct request *weft_passthru_alloc(struct request_queue *q,
				    const struct weft_user_cmd *u,
				    blk_opf_t opf, blk_mq_req_flags_t flags)
{
	bool out = nvme_cmd_dir(&u->cmd) & NVME_XFER_HOST_TO_CTRL;
	unsigned int tries = FAULT_TRIES;
	struct user_data d;
	struct request *rq;
	int err = describe(&d, u, out ? WRITE : READ);

	if (err)
		return ERR_PTR(err);
	/* it fails rather than wait for a controller that is away */
	opf |= (out ? REQ_OP_DRV_OUT : REQ_OP_DRV_IN) | REQ_FAILFAST_DRIVER;
	do {
		rq = alloc_mapped(q, u, &d, opf, flags);
	} while (rq == ERR_PTR(-EFAULT) && !u->fixed && --tries && fault_in(&d));
	kfree(d.vec);
	return rq;
}

/*
 * weft_passthru_result() - how a request has ended
 * Return: 0, a positive NVMe status, or a negative errno.
 */
int weft_passthru_result(struct request *rq, blk_status_t sts)
{
	const struct weft_request *req = weft_req(rq);

	if (req->flags & WEFT_RQ_CANCELLED)
		return -EINTR;
	return req->status ? req->status : blk_status_to_errno(sts);
}

/* Runs @rq and gives it back; its memory is unmapped later. */
static int execute(struct request *rq, struct weft_user_cmd *u)
{
	int err = weft_passthru_result(rq, blk_execute_rq(rq, false));

	u->result = weft_req(rq)->result;
	blk_mq_free_request(rq);
	return err;
}

/*
 * Copies to the user what had to be read elsewhere. The user's memory may have to
 * be read from the very disk first: so with nothing in hand that recovery or I/O
 * waits for, neither a request nor a frozen disk.
 */
static int unmap(struct bio *bio, int err)
{
	return bio && blk_rq_unmap_user(bio) && !err ? -EFAULT : err;
}

/* weft_passthru_io() - run an I/O command; result as above */
int weft_passthru_io(struct weft_ns *ns, struct weft_user_cmd *u)
{
	struct request *rq = weft_passthru_alloc(ns->disk->queue, u, 0, 0);
	struct bio *bio;

	if (IS_ERR(rq))
		return PTR_ERR(rq);
	bio = rq->bio;
	return unmap(bio, execute(rq, u));
}

/* The request is executed and given back with what belongs around it. */
static int execute_admin(struct weft_ctrl_core *core, struct request *rq,
			 struct weft_user_cmd *u)
{
	u32 effects = weft_cmd_effects(core, &u->cmd, true);
	int err = weft_effects_begin(core, effects);

	if (err) {
		blk_mq_free_request(rq);
		return err;
	}
	err = execute(rq, u);
	weft_effects_end(core, effects);
	return err;
}

/* weft_passthru_admin() - run an admin command, with what belongs around it */
int weft_passthru_admin(struct weft_ctrl_core *core, struct weft_user_cmd *u)
{
	struct request *rq = weft_passthru_alloc(core->ctrl->admin_q, u, 0, 0);
	struct bio *bio;
	int err;

	if (IS_ERR(rq))
		return PTR_ERR(rq);
	bio = rq->bio;
	err = unmap(bio, execute_admin(core, rq, u));
	if (!err && weft_sets_feature(&u->cmd, NVME_FEAT_KATO))
		weft_ka_set(core, le32_to_cpu(u->cmd.sqe.cdw11));
	return err;
}
