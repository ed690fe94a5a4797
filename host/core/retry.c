// SPDX-License-Identifier: GPL-2.0-only
/*
 * When a lost controller is tried again, and when it is given up.
 *
 * The first attempt comes at once (recovery.c); after a failed one the pause
 * begins with half a second and doubles up to reconnect_delay. Two things end
 * it: ctrl_loss_tmo since the loss, and a target that refuses the controller
 * for good. A refusal with Do Not Retry may also come from a target that is
 * just starting and has not all its subsystems yet, so it must have been the
 * only answer for reconnect_delay.
 *
 * Called by the life work, and by writers of sysfs attributes, whose changes
 * hold at once.
 */
#include "host/core/core.h"

#define BACKOFF_MS	500u

/* Pause after @core->attempts (>= 1) failed attempts, in jiffies */
static unsigned long backoff(const struct weft_ctrl_core *core)
{
	u64 most = (u64)READ_ONCE(core->reconnect_delay) * MSEC_PER_SEC;
	u64 ms = (u64)BACKOFF_MS << min(core->attempts - 1, 31u);

	return max(msecs_to_jiffies(min3(ms, most, (u64)INT_MAX)), 1ul);
}

/* Jiffies that are left of ctrl_loss_tmo; LONG_MAX: for ever */
static unsigned long time_left(const struct weft_ctrl_core *core)
{
	long tmo = READ_ONCE(core->ctrl_loss_tmo);
	unsigned long end = core->lost_at + tmo * HZ;

	if (tmo < 0)
		return LONG_MAX;
	return time_after(end, jiffies) ? end - jiffies : 0;
}

/*
 * weft_retry_noted() - an attempt has failed
 * @refused: by an answer of the target that says Do Not Retry
 */
void weft_retry_noted(struct weft_ctrl_core *core, bool refused)
{
	spin_lock_irq(&core->lock);
	core->attempts++;
	if (!refused)
		core->refusals = 0;
	else if (!core->refusals++)
		core->refused_at = jiffies;
	spin_unlock_irq(&core->lock);
}

/*
 * weft_retry_over() - is it to be given up?
 * @why: the reason
 */
bool weft_retry_over(struct weft_ctrl_core *core, struct weft_reason *why)
{
	unsigned long patience = READ_ONCE(core->reconnect_delay) * HZ;

	if (!time_left(core)) {
		weft_fail(why, 0, "ctrl_loss_tmo of %d s is over",
			  core->ctrl_loss_tmo);
		return true;
	}
	if (core->refusals < 2 ||
	    time_before(jiffies, core->refused_at + patience))
		return false;
	weft_fail(why, 0, "the target has refused it for %d s, and says that trying again is of no use",
		  core->reconnect_delay);
	return true;
}

/*
 * weft_retry_queue() - the next attempt, after a pause, if still CONNECTING
 * Return: the pause in ms.
 */
unsigned int weft_retry_queue(struct weft_ctrl_core *core)
{
	unsigned long pause = min(backoff(core), time_left(core));

	spin_lock_irq(&core->lock);
	if (core->ctrl->state == WEFT_CTRL_CONNECTING) {
		core->next_at = jiffies + pause;
		core->pausing = true;
		mod_delayed_work(weft_life_wq, &core->life_work, pause);
	}
	spin_unlock_irq(&core->lock);
	return jiffies_to_msecs(pause);
}

/* weft_retry_now() - limits have changed: try now, and judge by the new ones */
void weft_retry_now(struct weft_ctrl_core *core)
{
	spin_lock_irq(&core->lock);
	if (core->ctrl->state == WEFT_CTRL_CONNECTING && core->created &&
	    core->pausing)
		mod_delayed_work(weft_life_wq, &core->life_work, 0);
	spin_unlock_irq(&core->lock);
}

/* weft_failfast_arm() - fast_io_fail_tmo counts from the loss, or is off */
void weft_failfast_arm(struct weft_ctrl_core *core)
{
	long tmo = READ_ONCE(core->fast_io_fail_tmo);
	unsigned long due;

	spin_lock_irq(&core->lock);
	due = core->lost_at + tmo * HZ;
	if (tmo < 0 || core->ctrl->state != WEFT_CTRL_CONNECTING ||
	    !core->created)
		cancel_delayed_work(&core->failfast_work);
	else
		mod_delayed_work(weft_abort_wq, &core->failfast_work,
				 time_after(due, jiffies) ? due - jiffies : 0);
	spin_unlock_irq(&core->lock);
}

/*
 * weft_retry_status() - one line for sysfs: what the reconnect is at
 * attempt: failed ones since the loss. elapsed, limit, next: milliseconds; -1:
 * it is not being reconnected, there is no limit, an attempt is under way.
 */
void weft_retry_status(struct weft_ctrl_core *core, struct weft_text *t)
{
	char error[WEFT_REASON_MAX];
	unsigned long now = jiffies;
	s64 elapsed = -1, limit = -1, next = -1;
	unsigned int attempts;

	spin_lock_irq(&core->lock);
	attempts = core->attempts;
	if (core->ctrl_loss_tmo >= 0)
		limit = (s64)core->ctrl_loss_tmo * MSEC_PER_SEC;
	if (core->created && (core->ctrl->state == WEFT_CTRL_CONNECTING ||
			      core->ctrl->state == WEFT_CTRL_RESETTING)) {
		elapsed = jiffies_to_msecs(now - core->lost_at);
		if (core->pausing)
			next = time_after(core->next_at, now) ?
			       jiffies_to_msecs(core->next_at - now) : 0;
	}
	strscpy(error, core->last_error.text, sizeof(error));
	spin_unlock_irq(&core->lock);
	weft_text_add(t, "attempt=%u,elapsed=%lld,limit=%lld,next=%lld,error=",
		      attempts, (long long)elapsed, (long long)limit,
		      (long long)next);
	weft_text_add_escaped(t, error, strlen(error));
}
