// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a controller: namespaces go while the target may still answer,
 * then the controller is shut down, then its queues and its names go.
 *
 * weft_delete_now() runs once per controller, in the life work, or in its
 * creator if it never became live. Nothing in it waits for a target longer
 * than delete_timeout: the abort work then breaks off connecting and set-up
 * commands and fails whatever is in flight. It runs at once if the controller
 * was not live, or if a time limit of I/O or keep-alive expires before.
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/sched/mm.h>

#include "host/core/head.h"

/*
 * weft_abort_work() - break off what waits for the target
 * Requests fail, because the controller is being deleted; so do set-up
 * commands, and an alloc_queue under way.
 */
void weft_abort_work(struct work_struct *work)
{
	struct weft_ctrl_core *core = container_of(to_delayed_work(work),
						   struct weft_ctrl_core,
						   abort_work);
	unsigned int noio = memalloc_noio_save();

	if (core->ops->break_off)
		core->ops->break_off(core->ctrl);
	weft_slot_shut(core);
	weft_quiesce_io(core);
	weft_end_requests(core);
	weft_unquiesce_io(core);
	memalloc_noio_restore(noio);
}

/* CC.SHN and the wait for CSTS.SHST, within shutdown_timeout */
static void shutdown_ctrl(struct weft_ctrl_core *core)
{
	unsigned long end = jiffies +
			    READ_ONCE(weft_shutdown_timeout) * HZ;
	struct weft_reason why = {};
	u64 csts;
	int err;

	if (!READ_ONCE(core->slot_open))
		return;
	err = weft_property_set(core, NVME_REG_CC,
				(core->cc & ~NVME_CC_SHN_MASK) |
				NVME_CC_SHN_NORMAL, &why);
	while (!err) {
		err = weft_property_get(core, NVME_REG_CSTS, false, &csts,
					&why);
		if (err || (csts & NVME_CSTS_SHST_MASK) ==
			   NVME_CSTS_SHST_COMPLETE)
			break;
		if (time_after(jiffies, end))
			err = weft_fail(&why, -ETIMEDOUT,
					"not complete after %u s",
					weft_shutdown_timeout);
		else
			msleep(20);
	}
	if (err && core->created)
		dev_warn(core->ctrl->device, "shutdown: %s\n", why.text);
}

/*
 * weft_delete_now() - take everything down; the state is DELETING
 * Drops the controller's first reference.
 */
void weft_delete_now(struct weft_ctrl_core *core)
{
	struct weft_ctrl *ctrl = core->ctrl;

	if (core->created)
		dev_info(ctrl->device, "removing\n");
	cancel_delayed_work_sync(&core->failfast_work);
	/* what is in trouble gets another try, and no more than one */
	flush_delayed_work(&core->trouble_work);
	weft_unquiesce_io(core);
	weft_kick_paths(core);
	weft_resubmit_orphans(core);
	cancel_delayed_work_sync(&core->scan_work);
	weft_remove_namespaces(core);
	flush_work(&core->orphan_work);
	weft_change_state(core, WEFT_CTRL_DELETING_NOIO);
	weft_ka_stop(core);
	shutdown_ctrl(core);
	weft_teardown(core, false);
	spin_lock_irq(&core->lock);
	core->down = true;
	spin_unlock_irq(&core->lock);
	cancel_delayed_work_sync(&core->abort_work);
	debugfs_remove_recursive(ctrl->debugfs);
	weft_ctrl_unpublish(core);
	weft_free_tag_sets(core);
	weft_change_state(core, WEFT_CTRL_DEAD);
	/* this very work may be queued once more: a reset that came too late */
	cancel_delayed_work(&core->life_work);
	put_device(&core->dev);
}

/* weft_delete_ctrl_sync() - delete and wait; the caller holds a reference */
int weft_delete_ctrl_sync(struct weft_ctrl *ctrl)
{
	struct weft_ctrl_core *core = ctrl->core;

	weft_start_delete(core);
	wait_event(core->state_wq, weft_ctrl_state(ctrl) == WEFT_CTRL_DEAD);
	return 0;
}
