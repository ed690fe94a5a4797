// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way up: admin queue, Connect, properties, enable, Identify, I/O queues.
 * Called by the writer of the control device the first time and by the life
 * work on every reconnect, never by both: the state is CONNECTING all along.
 * A step that fails leaves the queues to weft_teardown(), which undoes them in
 * reverse, and its reason in words.
 */
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/slab.h>

#include "common/connect.h"
#include "common/queue.h"
#include "common/regs.h"
#include "host/core/head.h"

/* slot, AER, and the entry that tells a full ring from an empty one */
#define WEFT_ADMIN_DEPTH	(NVMF_AQ_DEPTH - 3)

static int connect_failed(u16 qid, nvme_status status, u32 result,
			  struct weft_reason *why)
{
	char text[160];
	struct weft_text t;

	weft_text_init(&t, text, sizeof(text));
	nvmf_connect_explain(status, result, &t);
	return weft_fail(why, nvme_status_to_errno(status),
			 "Connect of queue %u: %s", qid, text);
}

static int nvmf_connect(struct weft_ctrl_core *core,
			const struct weft_queue_params *p,
			struct weft_reason *why)
{
	struct weft_ctrl *ctrl = core->ctrl;
	const struct weft_connstr *o = ctrl->opts;
	struct nvmf_connect_data *data;
	struct weft_slot_cmd c = { .dir = NVME_XFER_HOST_TO_CTRL };
	nvme_status status;
	u32 result;
	int err;

	data = kzalloc(sizeof(*data), GFP_KERNEL);
	if (!data)
		return weft_fail(why, -ENOMEM, "out of memory");
	nvmf_connect_data_encode(data, o->hostid, p->cntlid, o->nqn,
				 o->hostnqn);
	nvme_cmd_connect(&c.cmd, p->qid, p->sqsize - 1,
			 o->disable_sqflow ? NVMF_CATTR_DISABLE_SQFLOW : 0,
			 p->qid ? 0 : READ_ONCE(core->kato_ms));
	c.data = data;
	c.len = sizeof(*data);
	err = weft_exec_queue(core, p->qid, &c, "Connect", &status, why);
	kfree(data);
	if (err)
		return err;
	result = (u32)le64_to_cpu(c.cqe.result);
	/* it concerns the controller, so only the admin queue tells */
	if (status && !p->qid)
		core->refused = nvme_status_dnr(status);
	if (status)
		return connect_failed(p->qid, status, result, why);
	core->refused = result & (NVMF_CONNECT_AUTHREQ_ATR |
				  NVMF_CONNECT_AUTHREQ_ASCR);
	if (core->refused)
		return weft_fail(why, -ENOKEY,
			"Connect of queue %u: the target wants authentication, which this host does not offer",
			p->qid);
	if (!p->qid)
		ctrl->cntlid = result & 0xffff;
	return 0;
}

/* Under stop_lock, so that a deletion finds the queue or prevents it. */
static int alloc_queue(struct weft_ctrl_core *core,
		       const struct weft_queue_params *p,
		       struct weft_reason *why)
{
	struct weft_ctrl *ctrl = core->ctrl;
	int err;

	mutex_lock(&core->stop_lock);
	if (weft_ctrl_state(ctrl) != WEFT_CTRL_CONNECTING)
		err = weft_fail(why, -ECONNRESET,
				"the controller is being deleted");
	else
		err = ctrl->ops->alloc_queue(ctrl, p, why);
	if (!err)
		core->nr_queues = p->qid + 1;
	mutex_unlock(&core->stop_lock);
	return err;
}

/* weft_connect_queue() - transport's connection, Connect, ready for use */
int weft_connect_queue(struct weft_ctrl_core *core,
		       const struct weft_queue_params *p,
		       struct weft_reason *why)
{
	struct weft_ctrl *ctrl = core->ctrl;
	int err = alloc_queue(core, p, why);

	if (err)
		return err;
	err = nvmf_connect(core, p, why);
	if (err)
		return err;
	mutex_lock(&core->stop_lock);
	err = ctrl->ops->start_queue(ctrl, p->qid);
	mutex_unlock(&core->stop_lock);
	if (err)
		weft_fail(why, err, "queue %u cannot be started (error %d)",
			  p->qid, err);
	return err;
}

/* CSTS.RDY; a controller that reports a fatal status never gets there. */
static int wait_ready(struct weft_ctrl_core *core, bool ready, u32 limit,
		      struct weft_reason *why)
{
	const char *what = ready ? "enable" : "disable";
	unsigned long end = jiffies + msecs_to_jiffies(limit);
	u32 pause = 1;
	u64 csts;
	int err;

	for (;;) {
		bool late = time_after(jiffies, end);

		err = weft_property_get(core, NVME_REG_CSTS, false, &csts, why);
		if (err)
			return err;
		if (csts & NVME_CSTS_CFS)
			return weft_fail(why, -ENODEV,
				"%s: the controller reports a fatal status (CSTS %#x)",
				what, (u32)csts);
		if (!(csts & NVME_CSTS_RDY) == !ready)
			return 0;
		if (late)
			return weft_fail(why, -ENODEV,
				"%s: %s ready after %u ms (CSTS %#x)", what,
				ready ? "not" : "still", limit, (u32)csts);
		msleep(pause);
		pause = min(2 * pause, 100u);
	}
}

static int enable_ctrl(struct weft_ctrl_core *core, struct weft_reason *why)
{
	u64 vs, crto = 0;
	int err;

	err = weft_property_get(core, NVME_REG_CAP, true, &core->cap, why);
	if (err)
		return err;
	err = weft_property_get(core, NVME_REG_VS, false, &vs, why);
	if (err)
		return err;
	core->vs = vs;
	if (core->cap & NVME_CAP_CRWMS)
		err = weft_property_get(core, NVME_REG_CRTO, false, &crto, why);
	if (err)
		return err;
	err = nvme_host_cc(core->cap, PAGE_SHIFT, &core->cc, why);
	if (err)
		return err;
	err = weft_property_set(core, NVME_REG_CC, core->cc, why);
	if (err)
		return err;
	return wait_ready(core, true, nvme_host_ready_ms(core->cap, crto), why);
}

/*
 * weft_disable_ctrl() - CC.EN = 0, and nothing more of what it has begun
 * Its I/O queues are down. A write that it carried out after the reset could
 * come after others that the user has made since. Takes up to shutdown_timeout
 * for the wait, besides what the commands themselves may take.
 */
void weft_disable_ctrl(struct weft_ctrl_core *core)
{
	u32 limit = READ_ONCE(weft_shutdown_timeout) * MSEC_PER_SEC;
	struct weft_reason why;

	if (!weft_property_set(core, NVME_REG_CC, core->cc & ~NVME_CC_EN,
			       &why) &&
	    !wait_ready(core, false, min(limit, nvme_host_ready_ms(core->cap, 0)),
			&why))
		return;
	dev_warn(core->ctrl->device,
		 "%s: writes that it has begun may still be carried out\n",
		 why.text);
}

static void set_max_transfer(struct weft_ctrl_core *core)
{
	struct weft_ctrl *ctrl = core->ctrl;
	unsigned int shift = ctrl->info.mdts + 12 +
			     NVME_CAP_MPSMIN(core->cap);

	core->max_bytes = ctrl->max_transfer;
	if (ctrl->info.mdts && shift < 31)
		core->max_bytes = min(core->max_bytes, 1u << shift);
}

static int identify_ctrl(struct weft_ctrl_core *core, struct weft_reason *why)
{
	struct weft_ctrl *ctrl = core->ctrl;
	struct nvme_ctrl_info *info;
	nvme_status status;
	void *data;
	int err;

	data = kmalloc(NVME_IDENTIFY_SIZE, GFP_KERNEL);
	info = kzalloc(sizeof(*info), GFP_KERNEL);
	err = -ENOMEM;
	if (!data || !info) {
		weft_fail(why, err, "out of memory");
		goto out;
	}
	err = weft_identify(core, NVME_CNS_CTRL, 0, data, &status, why);
	if (!err)
		err = weft_status_fail(status, "Identify Controller", why);
	if (!err)
		err = nvme_id_ctrl_decode(data, NVME_IDENTIFY_SIZE, info, why);
	if (!err)
		err = nvme_ctrl_info_check(info, ctrl->cntlid, core->discovery,
					   READ_ONCE(core->kato_ms), why);
	if (err)
		goto out;
	ctrl->info = *info;
	set_max_transfer(core);
out:
	kfree(info);
	kfree(data);
	return err;
}

/*
 * Limits of commands that move no data. A controller need not know this page; one
 * that has refused it is not asked at every reconnect: its error log would fill.
 */
static int identify_nvm_limits(struct weft_ctrl_core *core,
			       struct weft_reason *why)
{
	nvme_status status;
	void *data;
	int err;

	memset(&core->nvm_limits, 0, sizeof(core->nvm_limits));
	if (core->discovery || core->nvm_limits_refused ||
	    !(core->ctrl->info.oncs & (NVME_ONCS_DSM | NVME_ONCS_WRITE_ZEROES)))
		return 0;
	data = kmalloc(NVME_IDENTIFY_SIZE, GFP_KERNEL);
	if (!data)
		return weft_fail(why, -ENOMEM, "out of memory");
	err = weft_identify(core, NVME_CNS_CS_CTRL, 0, data, &status, why);
	if (!err && !status)
		nvme_nvm_limits_decode(data, &core->nvm_limits);
	core->nvm_limits_refused = !err && status;
	kfree(data);
	return err;
}

/*
 * weft_identify_again() - something that Identify tells may have changed
 * Only what is shown to users is taken over; the rest has to stay as it is
 * while queues are in use.
 */
void weft_identify_again(struct weft_ctrl_core *core)
{
	struct nvme_ctrl_info *info = kzalloc(sizeof(*info), GFP_KERNEL);
	void *data = kmalloc(NVME_IDENTIFY_SIZE, GFP_KERNEL);
	struct weft_reason why;
	nvme_status status;

	if (info && data &&
	    !weft_identify(core, NVME_CNS_CTRL, 0, data, &status, &why) &&
	    !status && !nvme_id_ctrl_decode(data, NVME_IDENTIFY_SIZE, info,
					    &why))
		memcpy(core->ctrl->info.firmware, info->firmware,
		       sizeof(info->firmware));
	kfree(data);
	kfree(info);
}

/* A feature whose value comes as data. A refusal leaves things as they were. */
static int tell(struct weft_ctrl_core *core, u8 fid, void *data, u32 len,
		struct weft_reason *why)
{
	struct weft_slot_cmd c = {
		.data = data,
		.len = len,
		.dir = NVME_XFER_HOST_TO_CTRL,
	};
	const char *what = nvme_feature_name(fid);
	nvme_status status;
	int err;

	nvme_cmd_set_features(&c.cmd, fid, 0, 0, 0);
	err = weft_exec_admin(core, &c, what, &status, why);
	if (!err && status)
		dev_info(core->ctrl->device, "%s: %s\n", what,
			 nvme_status_name(status, true));
	return err;
}

/*
 * A controller names retry delays (CRDT) only to hosts that have said that they
 * will obey: Host Behavior Support, ACRE.
 */
static int host_behavior(struct weft_ctrl_core *core, struct weft_reason *why)
{
	u8 *data;
	int err;

	if (!core->ctrl->info.crdt[0])
		return 0;
	data = kzalloc(NVME_HOST_BEHAVIOR_SIZE, GFP_KERNEL);
	if (!data)
		return weft_fail(why, -ENOMEM, "out of memory");
	data[0] = NVME_HOST_BEHAVIOR_ACRE;
	err = tell(core, NVME_FEAT_HOST_BEHAVIOR, data,
		   NVME_HOST_BEHAVIOR_SIZE, why);
	kfree(data);
	return err;
}

/* For its logs: milliseconds since 1970, 48 bits */
static int tell_time(struct weft_ctrl_core *core, struct weft_reason *why)
{
	__le64 ms = cpu_to_le64(ktime_to_ms(ktime_get_real()));

	if (!(core->ctrl->info.oncs & NVME_ONCS_TIMESTAMP))
		return 0;
	return tell(core, NVME_FEAT_TIMESTAMP, &ms, sizeof(ms), why);
}

static int nvmf_configure_admin_queue(struct weft_ctrl_core *core,
				      struct weft_reason *why)
{
	struct weft_queue_params p = {
		.depth = WEFT_ADMIN_DEPTH,
		.sqsize = NVMF_AQ_DEPTH,
		.cntlid = NVMF_CNTLID_DYNAMIC,
		.capsule = { .admin = true },
	};
	int err = weft_connect_queue(core, &p, why);

	if (err)
		return err;
	weft_slot_open(core);
	err = enable_ctrl(core, why);
	if (err)
		return err;
	err = identify_ctrl(core, why);
	if (err)
		return err;
	err = identify_nvm_limits(core, why);
	if (err)
		return err;
	err = weft_alloc_admin_set(core, WEFT_ADMIN_DEPTH, why);
	if (err)
		return err;
	weft_ka_start(core);
	return 0;
}

/* What the user, the device, CAP and MAXCMD agree on; tags stay as they are */
static int settle_depth(struct weft_ctrl_core *core, struct weft_reason *why)
{
	struct weft_ctrl *ctrl = core->ctrl;
	u32 want = min_t(u32, ctrl->opts->queue_size, ctrl->max_queue_size);
	u32 size = nvme_queue_depth(want, NVME_CAP_MQES(core->cap) + 1,
				    ctrl->info.maxcmd);

	if (size < 2)
		return weft_fail(why, -EINVAL,
			"queue_size: the target offers queues of %u entries; at least 2 are needed",
			size);
	if (core->depth && core->depth > size - 1)
		return weft_fail(why, -EINVAL,
			"queue_size: the target offers queues of %u entries now, %u are in use",
			size, core->depth + 1);
	if (!core->depth)
		core->depth = size - 1;
	core->sqsize = core->depth + 1;
	return 0;
}

/*
 * weft_setup_ctrl() - all of the way up but the state LIVE
 * @core: state CONNECTING
 * @why: the step that failed and its reason
 * Return: 0, or a negative errno with some queues left for weft_teardown().
 */
int weft_setup_ctrl(struct weft_ctrl_core *core, struct weft_reason *why)
{
	struct weft_ctrl *ctrl = core->ctrl;
	int err = nvmf_configure_admin_queue(core, why);

	if (err)
		return err;
	ctrl->queue_count = 1;
	if (core->discovery)
		return 0;
	err = host_behavior(core, why);
	if (!err)
		err = tell_time(core, why);
	if (!err)
		err = weft_effects_read(core, why);
	if (!err)
		err = weft_ana_setup(core, why);
	if (!err)
		err = settle_depth(core, why);
	if (err)
		return err;
	return weft_configure_io_queues(core, why);
}
