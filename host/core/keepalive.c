// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keep Alive: tells the target that we live, and finds out when it does not.
 * Sent every half of KATO through the admin queue's slot; a target with
 * traffic based keep-alive (TBKAS) is only asked when nothing has completed
 * for a quarter. No answer within KATO starts recovery.
 *
 * A work item of its own, queued while the controller is live or its
 * namespaces are being removed.
 */
#include "host/core/core.h"

static unsigned long ka_period(struct weft_ctrl_core *core)
{
	unsigned long kato = core->ctrl->opts->keep_alive_tmo * HZ;

	return core->ctrl->info.ctratt & NVME_CTRATT_TBKAS ? kato / 4 :
							     kato / 2;
}

/* weft_keep_alive() - send one and wait for the answer; holds slot_lock */
void weft_keep_alive(struct weft_ctrl_core *core)
{
	struct weft_ctrl *ctrl = core->ctrl;
	struct weft_slot_cmd c = {};
	nvme_status status;
	int err;

	lockdep_assert_held(&core->slot_lock);
	WRITE_ONCE(core->ka_due, false);
	if (!READ_ONCE(core->slot_open))
		return;
	nvme_cmd_keep_alive(&c.cmd);
	WRITE_ONCE(core->slot_since, jiffies);
	err = ctrl->ops->exec(ctrl, 0, &c, ctrl->opts->keep_alive_tmo * HZ);
	if (err) {
		weft_error_recovery(ctrl, "Keep Alive: no answer (error %d)",
				    err);
		return;
	}
	status = le16_to_cpu(c.cqe.status) >> 1;
	if (status)
		weft_error_recovery(ctrl, "Keep Alive: %s",
				    nvme_status_name(status, true));
}

/* The slot is taken: its user sends ours, or has waited too long itself. */
static void ka_slot_busy(struct weft_ctrl_core *core)
{
	unsigned long kato = core->ctrl->opts->keep_alive_tmo * HZ;

	WRITE_ONCE(core->ka_due, true);
	if (time_after(jiffies, READ_ONCE(core->slot_since) + kato))
		weft_error_recovery(core->ctrl,
				    "admin queue: no answer within %d s",
				    core->ctrl->opts->keep_alive_tmo);
}

void weft_ka_work(struct work_struct *work)
{
	struct weft_ctrl_core *core = container_of(to_delayed_work(work),
						   struct weft_ctrl_core,
						   ka_work);
	bool tbkas = core->ctrl->info.ctratt & NVME_CTRATT_TBKAS;

	if (tbkas && READ_ONCE(core->comp_seen)) {
		WRITE_ONCE(core->comp_seen, false);
	} else if (mutex_trylock(&core->slot_lock)) {
		weft_keep_alive(core);
		mutex_unlock(&core->slot_lock);
	} else {
		ka_slot_busy(core);
	}
	weft_queue_ka(core, ka_period(core));
}

/* weft_ka_start() - the controller is live: begin, if KATO is not 0 */
void weft_ka_start(struct weft_ctrl_core *core)
{
	if (!core->ctrl->opts->keep_alive_tmo)
		return;
	WRITE_ONCE(core->comp_seen, false);
	WRITE_ONCE(core->ka_due, false);
	weft_queue_live(core, &core->ka_work, ka_period(core));
}
