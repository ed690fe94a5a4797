// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life work: one work item per controller does everything between its
 * first LIVE and its end, so that nothing of it runs twice or side by side.
 * Each run looks at the state and takes the step that belongs to it:
 *
 *   LIVE        firmware is being activated: hold I/O back until it is
 *   RESETTING   take the queues down, then try to connect at once
 *   CONNECTING  try again; after a failure after a pause, or give up (retry.c)
 *   DELETING    take everything down for good
 *
 * States are changed by others at any time, who queue this work under the
 * controller's lock; a step that finds its change refused simply ends. Its
 * allocations start no I/O: that may be I/O to a disk of this controller, which
 * waits for the step to end.
 */
#include <linux/delay.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "host/core/head.h"

#define FW_POLL_MS	100

/*
 * Is the admin queue's slot free for a last command? Who has had it since the
 * controller was live may be given far longer than a reset has: a reset of a
 * target that does not answer goes on without that.
 */
static bool slot_comes_free(struct weft_ctrl_core *core)
{
	unsigned long end = jiffies + READ_ONCE(weft_shutdown_timeout) * HZ;

	while (!mutex_trylock(&core->slot_lock)) {
		if (time_after(jiffies, end))
			return false;
		msleep(10);
	}
	mutex_unlock(&core->slot_lock);
	return true;
}

/*
 * weft_teardown() - all queues down, in-flight requests back to the block layer
 * @orderly: the target still answers: disable the controller on the way, so that
 *           it has stopped before what it had begun is sent again
 *
 * Request queues of namespaces stay quiesced, unless they are paths, whose
 * requests go another way, or fast_io_fail_tmo has expired; admin requests fail
 * from here on.
 */
void weft_teardown(struct weft_ctrl_core *core, bool orderly)
{
	weft_quiesce_io(core);
	weft_stop_queues(core, 1);
	if (orderly && slot_comes_free(core))
		weft_disable_ctrl(core);
	weft_slot_shut(core);
	weft_end_requests(core);
	/* users of the slot have been turned out by now */
	weft_ka_stop(core);
	cancel_delayed_work_sync(&core->aer_work);
	core->aer_armed = false;
	weft_ana_stop(core);
	weft_slot_wait(core);
	weft_free_queues(core);
	if (READ_ONCE(core->failfast))
		weft_unquiesce_io(core);
	else
		weft_release_paths(core);
}

/* weft_start_ctrl() - the controller has just become live */
void weft_start_ctrl(struct weft_ctrl_core *core)
{
	weft_aer_start(core);
	weft_ctrl_uevent(core, "NVME_EVENT=connected");
}

static void failfast_work(struct work_struct *work)
{
	struct weft_ctrl_core *core = container_of(to_delayed_work(work),
						   struct weft_ctrl_core,
						   failfast_work);
	bool expired;

	spin_lock_irq(&core->lock);
	expired = core->ctrl->state == WEFT_CTRL_CONNECTING;
	if (expired)
		WRITE_ONCE(core->failfast, true);
	spin_unlock_irq(&core->lock);
	if (!expired)
		return;
	dev_warn(core->ctrl->device,
		 "fast_io_fail_tmo of %d s expired: I/O fails until it is connected again\n",
		 core->fast_io_fail_tmo);
	weft_unquiesce_io(core);
	weft_kick_paths(core);
	weft_resubmit_orphans(core);
}

static void retry_or_give_up(struct weft_ctrl_core *core,
			     const struct weft_reason *why)
{
	struct device *dev = core->ctrl->device;
	struct weft_reason over;
	unsigned int ms;

	weft_note_error(core, why->text);
	weft_retry_noted(core, core->refused);
	if (weft_ctrl_state(core->ctrl) != WEFT_CTRL_CONNECTING)
		return;
	if (weft_retry_over(core, &over)) {
		dev_err(dev, "attempt %u failed: %s; %s, removing it\n",
			core->attempts, why->text, over.text);
		weft_start_delete(core);
		return;
	}
	ms = weft_retry_queue(core);
	dev_warn(dev, "attempt %u failed: %s; next in %u.%u s\n",
		 core->attempts, why->text, ms / 1000, ms % 1000 / 100);
}

/* Live again: what waited may go, then what the new queue count needs. */
static void resume(struct weft_ctrl_core *core)
{
	struct weft_reason why;

	cancel_delayed_work(&core->failfast_work);
	weft_unquiesce_io(core);
	weft_kick_paths(core);
	dev_info(core->ctrl->device, "connected again, %u I/O queues\n",
		 core->ctrl->queue_count - 1);
	weft_start_ctrl(core);
	if (core->discovery)
		weft_ctrl_uevent(core, "NVME_EVENT=rediscover");
	if (weft_resize_io_set(core, &why))
		weft_error_recovery(core->ctrl, "%s", why.text);
	else
		weft_resubmit_orphans(core);
}

static void connect_again(struct weft_ctrl_core *core)
{
	struct weft_reason why = {};
	int err;

	WRITE_ONCE(core->broken, false);
	WRITE_ONCE(core->pausing, false);
	core->refused = false;
	err = weft_setup_ctrl(core, &why);
	if (!err)
		err = weft_check_namespaces(core, &why);
	if (!err && !weft_change_state(core, WEFT_CTRL_LIVE))
		err = weft_fail(&why, -ECONNRESET,
				"a queue failed while others were connected");
	if (err) {
		weft_teardown(core, false);
		retry_or_give_up(core, &why);
	} else {
		resume(core);
	}
	spin_lock_irq(&core->lock);
	core->rounds++;
	spin_unlock_irq(&core->lock);
	wake_up_all(&core->state_wq);
}

static void recover(struct weft_ctrl_core *core)
{
	bool orderly = core->orderly;

	weft_teardown(core, orderly);
	if (!weft_change_state(core, WEFT_CTRL_CONNECTING))
		return;
	if (!orderly && !READ_ONCE(core->ctrl_loss_tmo)) {
		dev_err(core->ctrl->device, "ctrl_loss_tmo is 0: removing it\n");
		weft_start_delete(core);
		return;
	}
	weft_failfast_arm(core);
	connect_again(core);
}

/* CSTS.PP: 1 while commands are not processed; an error counts as 0 */
static bool processing_paused(struct weft_ctrl_core *core)
{
	struct weft_reason why;
	u64 csts;

	return !weft_property_get(core, NVME_REG_CSTS, false, &csts, &why) &&
	       csts & NVME_CSTS_PP;
}

/* The log has to be read, or there is no such event again. */
static void fw_active(struct weft_ctrl_core *core)
{
	void *log = kmalloc(sizeof(struct nvme_fw_slot_log), GFP_KERNEL);
	struct weft_reason why;
	const char *firmware;

	if (log && weft_get_log(core, NVME_LOG_FW_SLOT, log,
				sizeof(struct nvme_fw_slot_log), &why))
		dev_warn(core->ctrl->device, "firmware slot log: %s\n",
			 why.text);
	kfree(log);
	weft_identify_again(core);
	firmware = core->ctrl->info.firmware;
	dev_info(core->ctrl->device, "firmware %*pE is active\n",
		 (int)strlen(firmware), firmware);
}

/*
 * The controller activates firmware and must not be bothered meanwhile: bios of
 * multipath disks take another path, as this one's queue is quiesced. If it
 * dies, or does not come to an end, recovery takes over: its teardown runs
 * after this, so queues that it wants quiesced stay so.
 */
static void fw_pause(struct weft_ctrl_core *core)
{
	u32 mtfa = core->ctrl->info.mtfa * 100;
	u32 left = mtfa ?: READ_ONCE(weft_admin_timeout) * MSEC_PER_SEC;
	unsigned int rounds;
	bool paused;

	spin_lock_irq(&core->lock);
	paused = core->fw_paused;
	core->fw_paused = false;
	spin_unlock_irq(&core->lock);
	if (!paused)
		return;
	dev_info(core->ctrl->device, "firmware is being activated: I/O waits\n");
	weft_quiesce_io(core);
	while (weft_ctrl_state(core->ctrl) == WEFT_CTRL_LIVE &&
	       processing_paused(core) && left) {
		msleep(min_t(u32, left, FW_POLL_MS));
		left -= min_t(u32, left, FW_POLL_MS);
	}
	if (weft_ctrl_state(core->ctrl) != WEFT_CTRL_LIVE)
		return;
	if (left) {
		fw_active(core);
	} else {
		dev_warn(core->ctrl->device,
			 "firmware was not activated in time: resetting\n");
		weft_start_reset(core, &rounds);
	}
	if (weft_ctrl_state(core->ctrl) == WEFT_CTRL_LIVE) {
		weft_unquiesce_io(core);
		weft_kick_paths(core);
	}
}

static void weft_life_work(struct work_struct *work)
{
	struct weft_ctrl_core *core = container_of(to_delayed_work(work),
						   struct weft_ctrl_core,
						   life_work);
	unsigned int noio = memalloc_noio_save();

	switch (weft_ctrl_state(core->ctrl)) {
	case WEFT_CTRL_LIVE:
		fw_pause(core);
		break;
	case WEFT_CTRL_RESETTING:
		recover(core);
		break;
	case WEFT_CTRL_CONNECTING:
		connect_again(core);
		break;
	case WEFT_CTRL_DELETING:
		weft_delete_now(core);
		break;
	default:
		break;
	}
	memalloc_noio_restore(noio);
}

void weft_life_init(struct weft_ctrl_core *core)
{
	INIT_DELAYED_WORK(&core->life_work, weft_life_work);
	INIT_DELAYED_WORK(&core->failfast_work, failfast_work);
}

/*
 * weft_reset_ctrl_sync() - reset, and wait for the first attempt's end
 * Only a fatal signal ends the wait: a shell whose background job ends in the
 * meantime gets a signal, too.
 * Return: 0; -EBUSY if it is not live; -ENETRESET if it did not come up again
 * at once (it goes on trying); -EINTR.
 */
int weft_reset_ctrl_sync(struct weft_ctrl *ctrl)
{
	struct weft_ctrl_core *core = ctrl->core;
	unsigned int rounds;
	int err;

	if (!weft_start_reset(core, &rounds))
		return -EBUSY;
	err = wait_event_killable(core->state_wq,
		READ_ONCE(core->rounds) != rounds ||
		weft_ctrl_state(ctrl) >= WEFT_CTRL_DELETING);
	if (err)
		return -EINTR;
	return weft_ctrl_state(ctrl) == WEFT_CTRL_LIVE ? 0 : -ENETRESET;
}
