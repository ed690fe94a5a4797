// SPDX-License-Identifier: GPL-2.0-only
/*
 * Persistent reservations of the block layer: register, reserve, release,
 * preempt, clear, and on kernels that ask, who has registered and who holds.
 * Types and keys are the protocol's own. Through a head's disk any path will do:
 * a reservation belongs to the host, not to a controller.
 *
 * Called by ioctls and by kernel targets; process context, waits for the
 * command.
 */
#include <linux/blkdev.h>
#include <linux/pr.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "common/resv.h"
#include "host/core/head.h"

/* Registrants that a report has room for: 16 KiB with its head */
#define PR_MAX_REGISTRANTS	255u

/* Runs @cmd with @len bytes at @data. 0 with @status, or a negative errno. */
static int run(struct weft_ns *ns, const union nvme_cmd *cmd, void *data,
	       unsigned int len, nvme_status *status)
{
	bool out = nvme_cmd_dir(cmd) & NVME_XFER_HOST_TO_CTRL;
	struct request_queue *q = ns->disk->queue;
	struct weft_request *req;
	struct request *rq;
	unsigned int noio;
	blk_status_t sts;
	int err;

	rq = blk_mq_alloc_request(q, out ? REQ_OP_DRV_OUT : REQ_OP_DRV_IN, 0);
	if (IS_ERR(rq))
		return PTR_ERR(rq);
	rq->cmd_flags |= REQ_FAILFAST_DRIVER;
	req = weft_req(rq);
	req->user = *cmd;
	req->status = 0;
	req->flags = 0;
	/* a freeze that waits for this request must not be waited for */
	noio = memalloc_noio_save();
	err = blk_rq_map_kern(q, rq, data, len, GFP_KERNEL);
	memalloc_noio_restore(noio);
	if (!err) {
		sts = blk_execute_rq(rq, false);
		*status = req->status;
		err = *status ? 0 : blk_status_to_errno(sts);
	}
	blk_mq_free_request(rq);
	return err;
}

static int run_on(struct block_device *bdev, union nvme_cmd *cmd, void *data,
		  unsigned int len, nvme_status *status)
{
	struct weft_ns *ns = bdev->bd_disk->private_data;
	struct weft_head *head = bdev->bd_disk->private_data;
	int err;

	if (!weft_is_head(bdev->bd_disk)) {
		cmd->sqe.nsid = cpu_to_le32(ns->nsid);
		return run(ns, cmd, data, len, status);
	}
	cmd->sqe.nsid = cpu_to_le32(head->nsid);
	ns = weft_path_get(head);
	if (!ns)
		return -EWOULDBLOCK;
	err = run(ns, cmd, data, len, status);
	weft_path_put(ns);
	return err;
}

/* As the block layer's users expect it: errno, or one of enum pr_status */
static int pr_result(nvme_status status)
{
	if (nvme_status_is_path_error(status))
		return WEFT_PR_PATH_FAILED;
	switch (nvme_status_code(status)) {
	case NVME_SC_SUCCESS:
		return 0;
	case NVME_SC_RESERVATION_CONFLICT:
		return WEFT_PR_RESERVATION_CONFLICT;
	case NVME_SC_INVALID_OPCODE:
	case NVME_SC_INVALID_FIELD:
	case NVME_SC_INVALID_NS:
		return -EOPNOTSUPP;
	default:
		return WEFT_PR_IOERR;
	}
}

static int pr_command(struct block_device *bdev, u8 opcode, u32 cdw10, u64 key,
		      u64 second)
{
	unsigned int len = opcode == NVME_CMD_RESV_RELEASE ?
			   sizeof(__le64) : sizeof(struct nvme_resv_keys);
	struct nvme_resv_keys *keys = kmalloc(sizeof(*keys), GFP_KERNEL);
	nvme_status status = 0;
	union nvme_cmd cmd;
	int err;

	if (!keys)
		return -ENOMEM;
	keys->current_key = cpu_to_le64(key);
	keys->second = cpu_to_le64(second);
	nvme_cmd_resv(&cmd, opcode, 0, cdw10);
	err = run_on(bdev, &cmd, keys, len, &status);
	kfree(keys);
	return err ? err : pr_result(status);
}

static u32 pr_cdw10(u32 action, enum pr_type type, bool ignore_key)
{
	return action | (u32)type << NVME_RESV_TYPE_SHIFT |
	       (ignore_key ? NVME_RESV_IEKEY : 0);
}

static int weft_pr_register(struct block_device *bdev, u64 old_key,
			    u64 new_key, u32 flags)
{
	u32 action = NVME_RESV_REGISTER;

	if (flags & ~PR_FL_IGNORE_KEY)
		return -EOPNOTSUPP;
	if (!new_key)
		action = NVME_RESV_UNREGISTER;
	else if (old_key)
		action = NVME_RESV_REPLACE;
	/* keys stay over a power loss: what a cluster relies on */
	return pr_command(bdev, NVME_CMD_RESV_REGISTER,
			  pr_cdw10(action, 0, flags & PR_FL_IGNORE_KEY) |
			  (u32)NVME_RESV_PTPL_SET << NVME_RESV_CPTPL_SHIFT,
			  old_key, new_key);
}

static int weft_pr_reserve(struct block_device *bdev, u64 key,
			   enum pr_type type, u32 flags)
{
	if (flags)
		return -EOPNOTSUPP;
	return pr_command(bdev, NVME_CMD_RESV_ACQUIRE,
			  pr_cdw10(NVME_RESV_ACQUIRE, type, false), key, 0);
}

static int weft_pr_release(struct block_device *bdev, u64 key,
			   enum pr_type type)
{
	return pr_command(bdev, NVME_CMD_RESV_RELEASE,
			  pr_cdw10(NVME_RESV_RELEASE, type, !key), key, 0);
}

static int weft_pr_preempt(struct block_device *bdev, u64 old_key, u64 new_key,
			   enum pr_type type, bool abort)
{
	u32 action = abort ? NVME_RESV_PREEMPT_ABORT : NVME_RESV_PREEMPT;

	return pr_command(bdev, NVME_CMD_RESV_ACQUIRE,
			  pr_cdw10(action, type, false), old_key, new_key);
}

static int weft_pr_clear(struct block_device *bdev, u64 key)
{
	return pr_command(bdev, NVME_CMD_RESV_RELEASE,
			  pr_cdw10(NVME_RESV_CLEAR, 0, !key), key, 0);
}

#ifdef WEFT_HAVE_PR_READ
/* Report into @s and, as far as they fit @max, @keys */
static int pr_report(struct block_device *bdev, struct nvme_resv_state *s,
		     u64 *keys, u32 max)
{
	u32 len = sizeof(struct nvme_resv_report) +
		  sizeof(struct nvme_resv_registrant) *
		  clamp(max, 1u, PR_MAX_REGISTRANTS);
	struct nvme_resv_registrant *report = kzalloc(len, GFP_KERNEL);
	nvme_status status = 0;
	union nvme_cmd cmd;
	int err;

	if (!report)
		return -ENOMEM;
	nvme_cmd_resv_report(&cmd, 0, len);
	err = run_on(bdev, &cmd, report, len, &status);
	if (!err && status)
		err = pr_result(status);
	if (!err && nvme_resv_report_decode(report, len, s, keys, max, NULL))
		err = -EIO;
	kfree(report);
	return err;
}

static int weft_pr_read_keys(struct block_device *bdev, struct pr_keys *info)
{
	struct nvme_resv_state s;
	int err = pr_report(bdev, &s, info->keys, info->num_keys);

	if (err)
		return err;
	info->generation = s.generation;
	/* more than there was room for: the caller comes again */
	info->num_keys = s.registrants;
	return 0;
}

static int weft_pr_read_reservation(struct block_device *bdev,
				    struct pr_held_reservation *resv)
{
	struct nvme_resv_state s;
	int err = pr_report(bdev, &s, NULL, 0);

	if (!err && s.held && !s.holder && s.given < s.registrants)
		err = pr_report(bdev, &s, NULL, s.registrants);
	if (err)
		return err;
	resv->generation = s.generation;
	resv->type = s.held;
	resv->key = s.holder;
	return 0;
}
#endif

const struct pr_ops weft_pr_ops = {
	.pr_register = weft_pr_register,
	.pr_reserve = weft_pr_reserve,
	.pr_release = weft_pr_release,
	.pr_preempt = weft_pr_preempt,
	.pr_clear = weft_pr_clear,
#ifdef WEFT_HAVE_PR_READ
	.pr_read_keys = weft_pr_read_keys,
	.pr_read_reservation = weft_pr_read_reservation,
#endif
};
