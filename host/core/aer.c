// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asynchronous events. One request is outstanding at a time; its completion,
 * from any context, leaves the event to this work item, which acts on it and
 * sends the next request, so that an event storm is slowed down to our pace.
 */
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "host/core/head.h"
#include "host/core/trace.h"

#define AER_ENABLED	(NVME_OAES_NS_ATTR | NVME_OAES_FW_ACT | \
			 NVME_OAES_ANA | NVME_OAES_DISC_CHANGE)
#define AER_TYPE(dw0)	((dw0) & 0x7)
#define AER_INFO(dw0)	((dw0) >> 8 & 0xff)
#define AER_PERSISTENT	0x03	/* of type error: internal, needs a reset */

void weft_complete_aer(struct weft_ctrl *ctrl, u16 cqe_status, u32 result)
{
	struct weft_ctrl_core *core = ctrl->core;

	trace_weft_aer(ctrl, cqe_status >> 1, result);
	WRITE_ONCE(core->aer_status, weft_cqe_status(cqe_status));
	WRITE_ONCE(core->aer_result, result);
	weft_queue_live(core, &core->aer_work, 0);
}
EXPORT_SYMBOL_GPL(weft_complete_aer);

static void aer_uevent(struct weft_ctrl_core *core, u32 result)
{
	char env[32];

	snprintf(env, sizeof(env), "NVME_AEN=%#08x", result);
	weft_ctrl_uevent(core, env);
}

/* The log is read to clear the event; the scan finds out by itself. */
static void ns_changed(struct weft_ctrl_core *core)
{
	struct weft_reason why;
	void *log = kmalloc(NVME_IDENTIFY_SIZE, GFP_KERNEL);

	if (log && weft_get_log(core, NVME_LOG_CHANGED_NS, log,
				NVME_IDENTIFY_SIZE, &why))
		dev_warn_ratelimited(core->ctrl->device,
				     "changed namespace list: %s\n", why.text);
	kfree(log);
	weft_queue_scan(core);
}

static void handle_event(struct weft_ctrl_core *core, u32 result)
{
	unsigned int rounds;

	switch (AER_TYPE(result)) {
	case NVME_AER_NOTICE:
		if (AER_INFO(result) == NVME_AER_NOTICE_NS_CHANGED)
			ns_changed(core);
		else if (AER_INFO(result) == NVME_AER_NOTICE_ANA)
			weft_queue_ana(core, 0);
		else if (AER_INFO(result) == NVME_AER_NOTICE_DISC_CHANGED)
			aer_uevent(core, result);
		else if (AER_INFO(result) == NVME_AER_NOTICE_FW_ACT)
			weft_start_fw_pause(core);
		break;
	case NVME_AER_ERROR:
		if (AER_INFO(result) == AER_PERSISTENT) {
			dev_warn(core->ctrl->device,
				 "persistent internal error: resetting\n");
			weft_start_reset(core, &rounds);
			break;
		}
		fallthrough;
	default:
		aer_uevent(core, result);
		break;
	}
}

/* Which notices we want, of those there are; a refusal leaves the defaults. */
static void enable_events(struct weft_ctrl_core *core)
{
	u32 want = core->ctrl->info.oaes & AER_ENABLED;
	struct weft_reason why;

	if (want && weft_set_features(core, NVME_FEAT_ASYNC_EVENT, want, NULL,
				      &why))
		dev_warn(core->ctrl->device, "asynchronous events: %s\n",
			 why.text);
}

static void aer_step(struct weft_ctrl_core *core)
{
	nvme_status status = READ_ONCE(core->aer_status);

	if (!core->aer_armed) {
		enable_events(core);
		core->aer_armed = true;
		/* what changes from here on is told, what did before is seen */
		weft_queue_scan(core);
		weft_queue_ana(core, 0);
	} else if (status) {
		dev_warn(core->ctrl->device,
			 "asynchronous events: %s; none until the next connect\n",
			 nvme_status_name(status, true));
		return;
	} else {
		handle_event(core, READ_ONCE(core->aer_result));
	}
	weft_submit_aer(core);
}

/* A teardown waits for it, so it does not wait for memory that I/O would free. */
void weft_aer_work(struct work_struct *work)
{
	unsigned int noio = memalloc_noio_save();

	aer_step(container_of(to_delayed_work(work), struct weft_ctrl_core,
			      aer_work));
	memalloc_noio_restore(noio);
}

/* weft_aer_start() - the controller is live: ask for events */
void weft_aer_start(struct weft_ctrl_core *core)
{
	weft_queue_live(core, &core->aer_work, 0);
}
