// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keep Alive: tells the target that we live, and finds out when it does not.
 * Sent every half of KATO through the admin queue's slot; a target with
 * traffic based keep-alive (TBKAS) is only asked when it had no other command
 * for a quarter. It counts from a command's arrival, so one that only completes
 * is no news: nothing but what was sent and answered since we last looked is.
 * No answer within KATO starts recovery.
 *
 * A work item of its own, which runs as long as the admin queue is up: while
 * I/O queues are connected, which takes its time, and while namespaces are
 * removed, too.
 */
#include "host/core/core.h"

/* Jiffies; 0: the controller does without */
static unsigned long ka_limit(struct weft_ctrl_core *core)
{
	return msecs_to_jiffies(READ_ONCE(core->kato_ms));
}

static unsigned long ka_period(struct weft_ctrl_core *core)
{
	bool tbkas = core->ctrl->info.ctratt & NVME_CTRATT_TBKAS;

	return max(ka_limit(core) / (tbkas ? 4 : 2), 1ul);
}

/* weft_keep_alive() - send one and wait for the answer; holds slot_lock */
void weft_keep_alive(struct weft_ctrl_core *core)
{
	unsigned long limit = ka_limit(core);
	struct weft_ctrl *ctrl = core->ctrl;
	struct weft_slot_cmd c = {};
	nvme_status status;
	int err;

	lockdep_assert_held(&core->slot_lock);
	WRITE_ONCE(core->ka_due, false);
	if (!limit || !READ_ONCE(core->slot_open))
		return;
	nvme_cmd_keep_alive(&c.cmd);
	WRITE_ONCE(core->slot_since, jiffies);
	err = ctrl->ops->exec(ctrl, 0, &c, limit);
	if (err) {
		weft_error_recovery(ctrl, "Keep Alive: no answer (error %d)",
				    err);
		return;
	}
	status = weft_cqe_status(le16_to_cpu(c.cqe.status));
	if (status)
		weft_error_recovery(ctrl, "Keep Alive: %s",
				    nvme_status_name(status, true));
}

/* The slot is taken: its user sends ours, or has waited too long itself. */
static void ka_slot_busy(struct weft_ctrl_core *core)
{
	unsigned long limit = ka_limit(core);

	WRITE_ONCE(core->ka_due, true);
	if (limit && time_after(jiffies, READ_ONCE(core->slot_since) + limit))
		weft_error_recovery(core->ctrl,
				    "admin queue: no answer within %u ms",
				    jiffies_to_msecs(limit));
}

/* Completions of what is sent from now on will count. */
static void look_from_now(struct weft_ctrl_core *core)
{
	WRITE_ONCE(core->ka_looked, jiffies);
	WRITE_ONCE(core->comp_seen, false);
}

/* The time that an answer took is a part of the period. */
static void queue_ka(struct weft_ctrl_core *core)
{
	unsigned long due = READ_ONCE(core->ka_looked) + ka_period(core);
	unsigned long now = jiffies;

	lockdep_assert_held(&core->lock);
	if (core->ka_on && core->kato_ms)
		mod_delayed_work(weft_ka_wq, &core->ka_work,
				 time_after(due, now) ? due - now : 0);
	else
		cancel_delayed_work(&core->ka_work);
}

void weft_ka_work(struct work_struct *work)
{
	struct weft_ctrl_core *core = container_of(to_delayed_work(work),
						   struct weft_ctrl_core,
						   ka_work);
	bool tbkas = core->ctrl->info.ctratt & NVME_CTRATT_TBKAS;
	bool seen = tbkas && READ_ONCE(core->comp_seen);

	look_from_now(core);
	if (!seen && mutex_trylock(&core->slot_lock)) {
		weft_keep_alive(core);
		mutex_unlock(&core->slot_lock);
	} else if (!seen) {
		ka_slot_busy(core);
	}
	spin_lock_irq(&core->lock);
	queue_ka(core);
	spin_unlock_irq(&core->lock);
}

/* weft_ka_start() - the controller is enabled: begin, if KATO is not 0 */
void weft_ka_start(struct weft_ctrl_core *core)
{
	look_from_now(core);
	WRITE_ONCE(core->ka_due, false);
	spin_lock_irq(&core->lock);
	WRITE_ONCE(core->ka_on, true);
	queue_ka(core);
	spin_unlock_irq(&core->lock);
}

/*
 * weft_ka_set() - a user has changed the controller's KATO
 * @ms: 0: there is none any more
 * Holds at once, and for the connects that follow.
 */
void weft_ka_set(struct weft_ctrl_core *core, u32 ms)
{
	dev_info(core->ctrl->device, "keep-alive timeout is %u ms, was %u ms\n",
		 ms, READ_ONCE(core->kato_ms));
	spin_lock_irq(&core->lock);
	WRITE_ONCE(core->kato_ms, ms);
	look_from_now(core);
	queue_ka(core);
	spin_unlock_irq(&core->lock);
}

/* weft_ka_stop() - none is sent any more; one that waits is waited for */
void weft_ka_stop(struct weft_ctrl_core *core)
{
	spin_lock_irq(&core->lock);
	WRITE_ONCE(core->ka_on, false);
	spin_unlock_irq(&core->lock);
	cancel_delayed_work_sync(&core->ka_work);
}
