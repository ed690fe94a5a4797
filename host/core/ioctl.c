// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of <linux/nvme_ioctl.h>: commands passed through as the user made
 * them, and requests to the controller. Called from the character devices and
 * from disks; process context, waits for the command. All structures have one
 * layout for 32-bit and 64-bit programs, but for the padding of one.
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

static int user_cmd64(struct weft_ctrl *ctrl, struct weft_ns *ns,
		      unsigned int opened, bool vectored,
		      struct nvme_passthru_cmd64 *p)
{
	struct weft_user_cmd u = { .vectored = vectored };
	int err = weft_user_cmd_fill(&u, p);

	if (err)
		return err;
	err = weft_cmd_permit(ctrl->core, ns, &u.cmd, opened);
	if (err)
		return err;
	err = ns ? weft_passthru_io(ns, &u) :
		   weft_passthru_admin(ctrl->core, &u);
	p->result = u.result;
	return err;
}

/* @ns: NULL for an admin command */
static int ioctl_cmd64(struct weft_ctrl *ctrl, struct weft_ns *ns,
		       unsigned int opened, bool vectored,
		       struct nvme_passthru_cmd64 __user *arg)
{
	struct nvme_passthru_cmd64 p;
	int err;

	if (copy_from_user(&p, arg, sizeof(p)))
		return -EFAULT;
	err = user_cmd64(ctrl, ns, opened, vectored, &p);
	if (err >= 0 && put_user(p.result, &arg->result))
		return -EFAULT;
	return err;
}

/* Up to timeout_ms both structures are the same. */
static int ioctl_cmd(struct weft_ctrl *ctrl, struct weft_ns *ns,
		     unsigned int opened, struct nvme_passthru_cmd __user *arg)
{
	struct nvme_passthru_cmd64 p = {};
	int err;

	BUILD_BUG_ON(offsetof(struct nvme_passthru_cmd, timeout_ms) !=
		     offsetof(struct nvme_passthru_cmd64, timeout_ms));
	if (copy_from_user(&p, arg, offsetofend(struct nvme_passthru_cmd,
						timeout_ms)))
		return -EFAULT;
	err = user_cmd64(ctrl, ns, opened, false, &p);
	if (err >= 0 && put_user((u32)p.result, &arg->result))
		return -EFAULT;
	return err;
}

static int ioctl_submit_io(struct weft_ns *ns, unsigned int opened,
			   void __user *arg)
{
	struct weft_user_cmd u = {};
	struct nvme_user_io io = {};
	u32 blocks;
	int err;

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
	blocks = io.nblocks + 1;
	nvme_cmd_rw(&u.cmd, io.opcode, ns->nsid, io.slba, blocks,
		    (u32)io.control << 16);
	u.cmd.sqe.cdw13 = cpu_to_le32(io.dsmgmt);
	u.cmd.sqe.cdw14 = cpu_to_le32(io.reftag);
	u.cmd.sqe.cdw15 = cpu_to_le32((u32)io.appmask << 16 | io.apptag);
	u.addr = io.addr;
	u.len = blocks << ns->shift;
	err = weft_cmd_permit(ns->ctrl->core, ns, &u.cmd, opened);
	return err ? err : weft_passthru_io(ns, &u);
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
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (!(ctrl->core->cap & NVME_CAP_NSSRS))
		return -ENOTTY;
	if (weft_ctrl_state(ctrl) != WEFT_CTRL_LIVE)
		return -EBUSY;
	err = weft_property_set(ctrl->core, NVME_REG_NSSR, NVME_NSSR_VALUE,
				&why);
	/* it takes all controllers of the subsystem down: do not wait to see it */
	if (!err)
		weft_error_recovery(ctrl, "subsystem reset");
	return err;
}

/*
 * The only namespace, with a reference to its disk; -ENOTTY: there is none,
 * -EINVAL: there are several. One whose disk is still being added does not
 * count: if that fails it is freed, references to its disk or not.
 */
static struct weft_ns *get_only_ns(struct weft_ctrl_core *core)
{
	struct weft_ns *ns;

	mutex_lock(&core->ns_lock);
	ns = list_first_entry_or_null(&core->namespaces, struct weft_ns, link);
	if (ns && !list_is_singular(&core->namespaces))
		ns = ERR_PTR(-EINVAL);
	else if (!ns || !READ_ONCE(ns->ready))
		ns = ERR_PTR(-ENOTTY);
	else
		get_device(disk_to_dev(ns->disk));
	mutex_unlock(&core->ns_lock);
	return ns;
}

/*
 * I/O commands through the controller's device name no disk. The interface
 * allows them, as an old habit, while there is only one namespace.
 */
static int ioctl_ctrl_io(struct weft_ctrl *ctrl, unsigned int opened,
			 struct nvme_passthru_cmd __user *arg)
{
	struct weft_ns *ns = get_only_ns(ctrl->core);
	int err;

	if (IS_ERR(ns))
		return PTR_ERR(ns);
	err = ioctl_cmd(ctrl, ns, opened, arg);
	put_device(disk_to_dev(ns->disk));
	return err;
}

/* weft_ctrl_ioctl() - on nvmeX */
int weft_ctrl_ioctl(struct weft_ctrl *ctrl, unsigned int cmd,
		    void __user *arg, unsigned int opened)
{
	switch (cmd) {
	case NVME_IOCTL_ADMIN_CMD:
		return ioctl_cmd(ctrl, NULL, opened, arg);
	case NVME_IOCTL_ADMIN64_CMD:
		return ioctl_cmd64(ctrl, NULL, opened, false, arg);
	case NVME_IOCTL_IO_CMD:
		return ioctl_ctrl_io(ctrl, opened, arg);
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
int weft_ns_ioctl(struct weft_ns *ns, unsigned int cmd, void __user *arg,
		  unsigned int opened)
{
	switch (cmd) {
	case NVME_IOCTL_ID:
		force_successful_syscall_return();
		return ns->nsid;
	case NVME_IOCTL_SUBMIT_IO:
	case WEFT_IOCTL_SUBMIT_IO32:
		return ioctl_submit_io(ns, opened, arg);
	case NVME_IOCTL_IO_CMD:
		return ioctl_cmd(ns->ctrl, ns, opened, arg);
	case NVME_IOCTL_IO64_CMD:
		return ioctl_cmd64(ns->ctrl, ns, opened, false, arg);
	case NVME_IOCTL_IO64_CMD_VEC:
		return ioctl_cmd64(ns->ctrl, ns, opened, true, arg);
	default:
		return weft_ctrl_ioctl(ns->ctrl, cmd, arg, opened);
	}
}
