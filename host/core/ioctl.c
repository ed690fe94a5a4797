// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of <linux/nvme_ioctl.h>: commands passed through as the user made
 * them, and requests to the controller. Called from the character device and
 * from disks; process context, waits for the command.
 *
 * A command is refused where it would go behind the host's back (properties,
 * Connect, events, the features that the host itself sets); its data pointer,
 * identifier and flags are always ours.
 */
#include <linux/blkdev.h>
#include <linux/capability.h>
#include <linux/nvme_ioctl.h>
#include <linux/ptrace.h>
#include <linux/uaccess.h>

#include "host/core/core.h"

/* struct nvme_user_io without its tail padding, as 32-bit programs have it */
#define WEFT_USER_IO_LEN	offsetofend(struct nvme_user_io, appmask)
struct weft_user_io32 {
	u8 bytes[WEFT_USER_IO_LEN];
};
#define WEFT_IOCTL_SUBMIT_IO32	_IOW('N', 0x42, struct weft_user_io32)

/*
 * struct user_cmd - one passthrough command
 * @addr: user memory of @len bytes, or, @vectored, @len iovecs that describe it
 * @timeout_ms: 0 = the queue's default
 */
struct user_cmd {
	union nvme_cmd cmd;
	void __user *addr;
	u32 len;
	bool vectored;
	u32 timeout_ms;
	u64 result;
};

static bool admin_allowed(const union nvme_cmd *c)
{
	switch (c->sqe.opcode) {
	case NVME_ADMIN_ASYNC_EVENT:
	case NVME_ADMIN_KEEP_ALIVE:
		return false;
	case NVME_ADMIN_SET_FEATURES:
		switch (le32_to_cpu(c->sqe.cdw10) & 0xff) {
		case NVME_FEAT_NUM_QUEUES:
		case NVME_FEAT_ASYNC_EVENT:
		case NVME_FEAT_KATO:
			return false;
		}
		return true;
	case NVME_OPC_FABRICS:
		return c->fabrics.fctype == NVMF_FC_PROPERTY_GET;
	default:
		return true;
	}
}

static int map_user(struct request *rq, const struct user_cmd *u)
{
	if (!u->len)
		return 0;
	return blk_rq_map_user_io(rq, NULL, u->addr, u->len, GFP_KERNEL,
				  u->vectored, 0, false, rq_data_dir(rq));
}

/* Runs @u on @q. Return: 0, a positive NVMe status, or a negative errno. */
static int submit_user(struct request_queue *q, struct user_cmd *u)
{
	bool out = nvme_cmd_dir(&u->cmd) & NVME_XFER_HOST_TO_CTRL;
	struct weft_request *req;
	struct request *rq;
	struct bio *bio;
	blk_status_t sts;
	int err;

	rq = blk_mq_alloc_request(q, out ? REQ_OP_DRV_OUT : REQ_OP_DRV_IN, 0);
	if (IS_ERR(rq))
		return PTR_ERR(rq);
	req = weft_req(rq);
	rq->cmd_flags |= REQ_FAILFAST_DRIVER;
	if (u->timeout_ms)
		rq->timeout = msecs_to_jiffies(u->timeout_ms);
	req->passthru = &u->cmd;
	req->status = 0;
	req->flags = 0;
	err = map_user(rq, u);
	if (err)
		goto out_free;
	bio = rq->bio;
	sts = blk_execute_rq(rq, false);
	u->result = req->result;
	if (req->flags & WEFT_RQ_CANCELLED)
		err = -EINTR;
	else if (req->status)
		err = req->status;
	else
		err = blk_status_to_errno(sts);
	if (bio && blk_rq_unmap_user(bio) && !err)
		err = -EFAULT;
out_free:
	blk_mq_free_request(rq);
	return err;
}

/* Commands look alike in all three structures but for result and vectors. */
static void fill_cmd(struct user_cmd *u, const struct nvme_passthru_cmd64 *p)
{
	struct nvme_sqe *s = &u->cmd.sqe;

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
	u->addr = u64_to_user_ptr(p->addr);
	u->len = p->data_len;
	u->timeout_ms = p->timeout_ms;
}

static int check_cmd(struct weft_ctrl *ctrl, struct weft_ns *ns, bool admin,
		     const struct nvme_passthru_cmd64 *p,
		     const struct user_cmd *u)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	/* fabrics have no separate metadata; fused commands need two */
	if (p->flags || p->metadata || p->metadata_len)
		return -EINVAL;
	if (admin && !admin_allowed(&u->cmd))
		return -EINVAL;
	if (ns && !admin && p->nsid != ns->nsid)
		return -EINVAL;
	if (nvme_cmd_dir(&u->cmd) == NVME_XFER_BIDIRECTIONAL)
		return -EINVAL;
	return weft_ctrl_state(ctrl) == WEFT_CTRL_LIVE ? 0 : -EWOULDBLOCK;
}

static int user_cmd64(struct weft_ctrl *ctrl, struct weft_ns *ns, bool admin,
		      bool vectored, struct nvme_passthru_cmd64 *p)
{
	struct user_cmd u = { .vectored = vectored };
	int err;

	fill_cmd(&u, p);
	err = check_cmd(ctrl, ns, admin, p, &u);
	if (err)
		return err;
	err = submit_user(admin ? ctrl->admin_q : ns->disk->queue, &u);
	p->result = u.result;
	return err;
}

static int ioctl_cmd64(struct weft_ctrl *ctrl, struct weft_ns *ns, bool admin,
		       bool vectored, struct nvme_passthru_cmd64 __user *arg)
{
	struct nvme_passthru_cmd64 p;
	int err;

	if (copy_from_user(&p, arg, sizeof(p)))
		return -EFAULT;
	err = user_cmd64(ctrl, ns, admin, vectored, &p);
	if (err >= 0 && put_user(p.result, &arg->result))
		return -EFAULT;
	return err;
}

/* Up to timeout_ms both structures are the same. */
static int ioctl_cmd(struct weft_ctrl *ctrl, struct weft_ns *ns, bool admin,
		     struct nvme_passthru_cmd __user *arg)
{
	struct nvme_passthru_cmd64 p = {};
	int err;

	BUILD_BUG_ON(offsetof(struct nvme_passthru_cmd, timeout_ms) !=
		     offsetof(struct nvme_passthru_cmd64, timeout_ms));
	if (copy_from_user(&p, arg, offsetofend(struct nvme_passthru_cmd,
						timeout_ms)))
		return -EFAULT;
	err = user_cmd64(ctrl, ns, admin, false, &p);
	if (err >= 0 && put_user((u32)p.result, &arg->result))
		return -EFAULT;
	return err;
}

static int ioctl_submit_io(struct weft_ns *ns, void __user *arg)
{
	struct user_cmd u = {};
	struct nvme_user_io io = {};
	u32 blocks;

	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (copy_from_user(&io, arg, WEFT_USER_IO_LEN))
		return -EFAULT;
	if (io.flags || io.metadata)
		return -EINVAL;
	switch (io.opcode) {
	case NVME_CMD_READ:
	case NVME_CMD_WRITE:
	case NVME_CMD_COMPARE:
		break;
	default:
		return -EINVAL;
	}
	if (weft_ctrl_state(ns->ctrl) != WEFT_CTRL_LIVE)
		return -EWOULDBLOCK;
	blocks = io.nblocks + 1;
	nvme_cmd_rw(&u.cmd, io.opcode, ns->nsid, io.slba, blocks,
		    (u32)io.control << 16);
	u.cmd.sqe.cdw13 = cpu_to_le32(io.dsmgmt);
	u.cmd.sqe.cdw14 = cpu_to_le32(io.reftag);
	u.cmd.sqe.cdw15 = cpu_to_le32((u32)io.appmask << 16 | io.apptag);
	u.addr = u64_to_user_ptr(io.addr);
	u.len = blocks << ns->shift;
	return submit_user(ns->disk->queue, &u);
}

static int ioctl_rescan(struct weft_ctrl *ctrl)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	weft_queue_scan(ctrl->core);
	return 0;
}

static int ioctl_reset(struct weft_ctrl *ctrl)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	return weft_reset_ctrl_sync(ctrl);
}

static int ioctl_subsys_reset(struct weft_ctrl *ctrl)
{
	struct weft_reason why;

	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (!(ctrl->core->cap & NVME_CAP_NSSRS))
		return -ENOTTY;
	if (weft_ctrl_state(ctrl) != WEFT_CTRL_LIVE)
		return -EBUSY;
	return weft_property_set(ctrl->core, NVME_REG_NSSR, NVME_NSSR_VALUE,
				 &why);
}

/*
 * I/O commands through the controller's device name no disk. The interface
 * allows them, as an old habit, while there is only one namespace.
 */
static int ioctl_ctrl_io(struct weft_ctrl *ctrl,
			 struct nvme_passthru_cmd __user *arg)
{
	struct weft_ctrl_core *core = ctrl->core;
	struct weft_ns *ns = NULL;
	int err = -ENOTTY;

	mutex_lock(&core->ns_lock);
	if (list_is_singular(&core->namespaces)) {
		ns = list_first_entry(&core->namespaces, struct weft_ns, link);
		get_device(disk_to_dev(ns->disk));
	}
	mutex_unlock(&core->ns_lock);
	if (!ns)
		return list_empty(&core->namespaces) ? err : -EINVAL;
	err = ioctl_cmd(ctrl, ns, false, arg);
	put_device(disk_to_dev(ns->disk));
	return err;
}

/* weft_ctrl_ioctl() - on nvmeX */
int weft_ctrl_ioctl(struct weft_ctrl *ctrl, unsigned int cmd,
		    void __user *arg)
{
	switch (cmd) {
	case NVME_IOCTL_ADMIN_CMD:
		return ioctl_cmd(ctrl, NULL, true, arg);
	case NVME_IOCTL_ADMIN64_CMD:
		return ioctl_cmd64(ctrl, NULL, true, false, arg);
	case NVME_IOCTL_IO_CMD:
		return ioctl_ctrl_io(ctrl, arg);
	case NVME_IOCTL_RESET:
		return ioctl_reset(ctrl);
	case NVME_IOCTL_SUBSYS_RESET:
		return ioctl_subsys_reset(ctrl);
	case NVME_IOCTL_RESCAN:
		return ioctl_rescan(ctrl);
	default:
		return -ENOTTY;
	}
}

/* weft_ns_ioctl() - on nvmeXnY */
int weft_ns_ioctl(struct weft_ns *ns, unsigned int cmd, void __user *arg)
{
	switch (cmd) {
	case NVME_IOCTL_ID:
		force_successful_syscall_return();
		return ns->nsid;
	case NVME_IOCTL_SUBMIT_IO:
	case WEFT_IOCTL_SUBMIT_IO32:
		return ioctl_submit_io(ns, arg);
	case NVME_IOCTL_IO_CMD:
		return ioctl_cmd(ns->ctrl, ns, false, arg);
	case NVME_IOCTL_IO64_CMD:
		return ioctl_cmd64(ns->ctrl, ns, false, false, arg);
	case NVME_IOCTL_IO64_CMD_VEC:
		return ioctl_cmd64(ns->ctrl, ns, false, true, arg);
	default:
		return weft_ctrl_ioctl(ns->ctrl, cmd, arg);
	}
}
