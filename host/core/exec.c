// SPDX-License-Identifier: GPL-2.0-only
/*
 * Set-up commands: one at a time through a queue's private slot, outside the
 * block layer. Callers are set-up, scan, keep-alive and event works; all may
 * sleep. A transport's failure is a negative errno; what the controller
 * answered is an nvme_status; weft_status_fail() turns one into the other
 * where the caller has no use for the difference.
 *
 * The admin queue's slot is shared: slot_lock serialises its users, slot_open
 * says that the queue is there. Who stops the queue clears slot_open first,
 * and waits for the last user before the queue is freed.
 */
#include "host/core/core.h"

/* weft_status_fail() - a status as errno, and in words */
int weft_status_fail(nvme_status status, const char *what,
		     struct weft_reason *why)
{
	if (!status)
		return 0;
	return weft_fail(why, nvme_status_to_errno(status),
			 "%s: %s (status %03xh)", what,
			 nvme_status_name(status, true),
			 nvme_status_code(status));
}

/* A controller on its way out gets no more time than its shutdown. */
static unsigned int exec_seconds(struct weft_ctrl *ctrl)
{
	switch (weft_ctrl_state(ctrl)) {
	case WEFT_CTRL_RESETTING:
	case WEFT_CTRL_DELETING_NOIO:
		return READ_ONCE(weft_shutdown_timeout);
	default:
		return READ_ONCE(weft_admin_timeout);
	}
}

/*
 * weft_exec_queue() - run @cmd on queue @qid
 * @what: the step, in words
 * @status: the controller's answer; meaningful only if 0 is returned
 * Return: 0, -ETIMEDOUT, -ECONNRESET or another errno of the transport.
 */
int weft_exec_queue(struct weft_ctrl_core *core, u16 qid,
		    struct weft_slot_cmd *cmd, const char *what,
		    nvme_status *status, struct weft_reason *why)
{
	struct weft_ctrl *ctrl = core->ctrl;
	unsigned int seconds = exec_seconds(ctrl);
	int err;

	/* who creates a controller may be interrupted; nothing outlives that */
	cmd->interruptible = !core->created;
	err = ctrl->ops->exec(ctrl, qid, cmd, seconds * HZ);
	if (err == -EINTR)
		return weft_fail(why, err, "%s: interrupted by a signal", what);
	if (err == -ETIMEDOUT)
		return weft_fail(why, err, "%s: no answer within %u s", what,
				 seconds);
	if (err)
		return weft_fail(why, err, "%s: the connection broke (error %d)%s%s",
				 what, err, cmd->broke ? ": " : "",
				 cmd->broke ?: "");
	*status = weft_cqe_status(le16_to_cpu(cmd->cqe.status));
	return 0;
}

/* weft_exec_admin() - likewise on the admin queue, in turn with others */
int weft_exec_admin(struct weft_ctrl_core *core, struct weft_slot_cmd *cmd,
		    const char *what, nvme_status *status,
		    struct weft_reason *why)
{
	int err = -ECONNRESET;

	mutex_lock(&core->slot_lock);
	WRITE_ONCE(core->slot_since, jiffies);
	if (READ_ONCE(core->slot_open))
		err = weft_exec_queue(core, 0, cmd, what, status, why);
	else
		weft_fail(why, err, "%s: the admin queue is not connected",
			  what);
	/* a long scan must not starve it */
	if (!err && READ_ONCE(core->ka_due) && READ_ONCE(core->ka_on))
		weft_keep_alive(core);
	mutex_unlock(&core->slot_lock);
	/* a set-up under way hears of it by the error, a live one here */
	if (err == -ETIMEDOUT)
		weft_error_recovery(core->ctrl, "%s: no answer", what);
	return err;
}

/* weft_submit_aer() - hand the transport the one AER, if there is a queue */
int weft_submit_aer(struct weft_ctrl_core *core)
{
	int err = -ECONNRESET;

	mutex_lock(&core->slot_lock);
	if (READ_ONCE(core->slot_open))
		err = core->ctrl->ops->submit_aer(core->ctrl);
	mutex_unlock(&core->slot_lock);
	return err;
}

void weft_slot_open(struct weft_ctrl_core *core)
{
	WRITE_ONCE(core->slot_open, true);
}

/* weft_slot_shut() - no new commands; a running one ends by stop_queue */
void weft_slot_shut(struct weft_ctrl_core *core)
{
	WRITE_ONCE(core->slot_open, false);
}

/* weft_slot_wait() - after stop_queue: the last user is out */
void weft_slot_wait(struct weft_ctrl_core *core)
{
	mutex_lock(&core->slot_lock);
	mutex_unlock(&core->slot_lock);
}

/* weft_identify() - 4,096 bytes of CNS @cns into @data */
int weft_identify(struct weft_ctrl_core *core, u8 cns, u32 nsid, void *data,
		  nvme_status *status, struct weft_reason *why)
{
	struct weft_slot_cmd c = {
		.data = data,
		.len = NVME_IDENTIFY_SIZE,
		.dir = NVME_XFER_CTRL_TO_HOST,
	};

	nvme_cmd_identify(&c.cmd, cns, nsid, 0, 0);
	return weft_exec_admin(core, &c, "Identify", status, why);
}

/*
 * weft_get_log_part() - @len (<= 4,096) bytes from @offset of log page @lid
 * @lsp: log specific parameter
 */
int weft_get_log_part(struct weft_ctrl_core *core, u8 lid, u8 lsp, void *data,
		      u32 len, u64 offset, struct weft_reason *why)
{
	struct weft_slot_cmd c = {
		.data = data,
		.len = len,
		.dir = NVME_XFER_CTRL_TO_HOST,
	};
	nvme_status status;
	int err;

	nvme_cmd_get_log_page(&c.cmd, lid, NVME_NSID_ALL, offset, len, lsp,
			      false);
	err = weft_exec_admin(core, &c, "Get Log Page", &status, why);
	return err ? err : weft_status_fail(status, "Get Log Page", why);
}

/* weft_get_log() - its first @len (<= 4,096) bytes */
int weft_get_log(struct weft_ctrl_core *core, u8 lid, void *data, u32 len,
		 struct weft_reason *why)
{
	return weft_get_log_part(core, lid, 0, data, len, 0, why);
}

int weft_set_features(struct weft_ctrl_core *core, u8 fid, u32 cdw11,
		      u32 *result, struct weft_reason *why)
{
	struct weft_slot_cmd c = {};
	nvme_status status;
	int err;

	nvme_cmd_set_features(&c.cmd, fid, 0, cdw11, 0);
	err = weft_exec_admin(core, &c, "Set Features", &status, why);
	if (err)
		return err;
	if (result)
		*result = (u32)le64_to_cpu(c.cqe.result);
	return weft_status_fail(status, "Set Features", why);
}

int weft_property_get(struct weft_ctrl_core *core, u32 offset, bool eight,
		      u64 *value, struct weft_reason *why)
{
	struct weft_slot_cmd c = {};
	nvme_status status;
	int err;

	nvme_cmd_property_get(&c.cmd, offset, eight);
	err = weft_exec_admin(core, &c, "Property Get", &status, why);
	if (err)
		return err;
	*value = le64_to_cpu(c.cqe.result);
	if (!eight)
		*value &= 0xffffffff;
	return weft_status_fail(status, "Property Get", why);
}

int weft_property_set(struct weft_ctrl_core *core, u32 offset, u32 value,
		      struct weft_reason *why)
{
	struct weft_slot_cmd c = {};
	nvme_status status;
	int err;

	nvme_cmd_property_set(&c.cmd, offset, false, value);
	err = weft_exec_admin(core, &c, "Property Set", &status, why);
	return err ? err : weft_status_fail(status, "Property Set", why);
}
