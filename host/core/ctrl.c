// SPDX-License-Identifier: GPL-2.0-only
/*
 * Controllers as objects: allocation, references, states, the class device
 * nvmeX. What makes a controller change its state is in recovery.c and
 * delete.c; here is only which changes there are.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "host/core/head.h"
#include "host/core/trace.h"

LIST_HEAD(weft_ctrls);
DEFINE_MUTEX(weft_ctrls_lock);
/* All whose memory the transport still has to free; core->ctrl may be gone */
static LIST_HEAD(weft_memory);
static DEFINE_SPINLOCK(weft_memory_lock);
static DEFINE_IDA(weft_instances);
static struct class weft_class;
static DECLARE_WAIT_QUEUE_HEAD(weft_gone);
static atomic_t weft_deleting = ATOMIC_INIT(0);

static const char *const state_names[] = {
	[WEFT_CTRL_NEW]			= "new",
	[WEFT_CTRL_CONNECTING]		= "connecting",
	[WEFT_CTRL_LIVE]		= "live",
	[WEFT_CTRL_RESETTING]		= "resetting",
	[WEFT_CTRL_DELETING]		= "deleting",
	[WEFT_CTRL_DELETING_NOIO]	= "deleting (no IO)",
	[WEFT_CTRL_DEAD]		= "dead",
};

/* Bits of the states that a state may be entered from */
static const u8 state_from[] = {
	[WEFT_CTRL_CONNECTING]	= BIT(WEFT_CTRL_NEW) | BIT(WEFT_CTRL_RESETTING),
	[WEFT_CTRL_LIVE]	= BIT(WEFT_CTRL_CONNECTING),
	[WEFT_CTRL_RESETTING]	= BIT(WEFT_CTRL_LIVE),
	[WEFT_CTRL_DELETING]	= BIT(WEFT_CTRL_CONNECTING) |
				  BIT(WEFT_CTRL_LIVE) |
				  BIT(WEFT_CTRL_RESETTING),
	[WEFT_CTRL_DELETING_NOIO] = BIT(WEFT_CTRL_DELETING),
	[WEFT_CTRL_DEAD]	= BIT(WEFT_CTRL_DELETING_NOIO),
};

const char *weft_state_name(enum weft_ctrl_state state)
{
	return state_names[state];
}

static bool change_state_locked(struct weft_ctrl_core *core,
				enum weft_ctrl_state to)
{
	struct weft_ctrl *ctrl = core->ctrl;

	lockdep_assert_held(&core->lock);
	if (!(state_from[to] & BIT(ctrl->state)) ||
	    (to == WEFT_CTRL_LIVE && core->broken))
		return false;
	trace_weft_state(ctrl, to);
	/* what is left when namespaces are removed may still finish */
	if (to != WEFT_CTRL_DELETING)
		WRITE_ONCE(ctrl->serving,
			   to == WEFT_CTRL_LIVE && !core->narrow);
	if (ctrl->state == WEFT_CTRL_LIVE)
		core->lost_at = jiffies;
	WRITE_ONCE(ctrl->state, to);
	if (to == WEFT_CTRL_LIVE) {
		core->created = true;
		core->attempts = 0;
		core->refusals = 0;
		core->failfast = false;
	} else if (to == WEFT_CTRL_DELETING) {
		atomic_inc(&weft_deleting);
	} else if (to == WEFT_CTRL_DEAD) {
		atomic_dec(&weft_deleting);
		wake_up_all(&weft_gone);
	}
	wake_up_all(&core->state_wq);
	return true;
}

/*
 * weft_change_state() - the one place where a state changes
 * Return: false if there is no such transition; nothing has changed then.
 */
bool weft_change_state(struct weft_ctrl_core *core, enum weft_ctrl_state to)
{
	unsigned long flags;
	bool ok;

	spin_lock_irqsave(&core->lock, flags);
	ok = change_state_locked(core, to);
	spin_unlock_irqrestore(&core->lock, flags);
	return ok;
}

/* weft_set_narrow() - before it is live: do its disks know smaller limits? */
void weft_set_narrow(struct weft_ctrl_core *core, bool narrow)
{
	spin_lock_irq(&core->lock);
	core->narrow = narrow ? ++core->narrowings : 0;
	spin_unlock_irq(&core->lock);
}

/*
 * weft_end_narrow() - a scan is done that began when it was @narrow
 * What was too large comes back, and is split anew.
 */
void weft_end_narrow(struct weft_ctrl_core *core, u32 narrow)
{
	bool over;

	spin_lock_irq(&core->lock);
	over = narrow && core->narrow == narrow &&
	       core->ctrl->state == WEFT_CTRL_LIVE;
	if (over) {
		WRITE_ONCE(core->ctrl->serving, true);
		/* who does not find it narrow any more finds it serving */
		smp_store_release(&core->narrow, 0);
	}
	spin_unlock_irq(&core->lock);
	if (!over)
		return;
	weft_kick_paths(core);
	weft_resubmit_orphans(core);
}

/*
 * weft_queue_live() - queue @work if the controller is live
 * Scans and events are queued through here only: once a deletion has begun
 * none comes back after it was cancelled.
 */
bool weft_queue_live(struct weft_ctrl_core *core, struct delayed_work *work,
		     unsigned long delay)
{
	unsigned long flags;
	bool live;

	spin_lock_irqsave(&core->lock, flags);
	live = core->ctrl->state == WEFT_CTRL_LIVE;
	if (live)
		mod_delayed_work(weft_wq, work, delay);
	spin_unlock_irqrestore(&core->lock, flags);
	return live;
}

/* weft_note_error() - keep @text as what sysfs shows in last_error */
void weft_note_error(struct weft_ctrl_core *core, const char *text)
{
	unsigned long flags;

	spin_lock_irqsave(&core->lock, flags);
	strscpy(core->last_error.text, text, sizeof(core->last_error.text));
	spin_unlock_irqrestore(&core->lock, flags);
}

/*
 * weft_error_recovery() - see host/transport.h
 * A controller that is being deleted is not recovered: what waits for its
 * target is broken off instead.
 */
void weft_error_recovery(struct weft_ctrl *ctrl, const char *fmt, ...)
{
	struct weft_ctrl_core *core = ctrl->core;
	char text[WEFT_REASON_MAX];
	unsigned long flags;
	bool recover;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	spin_lock_irqsave(&core->lock, flags);
	recover = change_state_locked(core, WEFT_CTRL_RESETTING);
	core->broken = true;
	trace_weft_recovery(ctrl, recover, text);
	if (recover) {
		atomic64_inc(&core->recoveries);
		core->orderly = false;
		mod_delayed_work(weft_life_wq, &core->life_work, 0);
	} else if (ctrl->state >= WEFT_CTRL_DELETING && !core->down) {
		mod_delayed_work(weft_abort_wq, &core->abort_work, 0);
	}
	/* the first report names the cause, later ones what followed from it */
	if (recover || !core->last_error.text[0])
		strscpy(core->last_error.text, text,
			sizeof(core->last_error.text));
	spin_unlock_irqrestore(&core->lock, flags);
	if (recover)
		dev_warn(ctrl->device, "%s: reconnecting\n", text);
}
EXPORT_SYMBOL_GPL(weft_error_recovery);

/* What has not ended after @seconds is broken off. */
static bool start_delete(struct weft_ctrl_core *core, unsigned int seconds)
{
	unsigned long flags;
	bool busy, ok;

	spin_lock_irqsave(&core->lock, flags);
	busy = core->ctrl->state != WEFT_CTRL_LIVE;
	ok = change_state_locked(core, WEFT_CTRL_DELETING);
	if (ok && core->created)
		mod_delayed_work(weft_life_wq, &core->life_work, 0);
	/* an attempt to connect may wait for its target: break it off */
	if (ok)
		mod_delayed_work(weft_abort_wq, &core->abort_work,
				 busy ? 0 : seconds * HZ);
	spin_unlock_irqrestore(&core->lock, flags);
	return ok;
}

/*
 * weft_start_delete() - from any state and context; the life work does it
 * Return: false if a deletion is under way already.
 */
bool weft_start_delete(struct weft_ctrl_core *core)
{
	return start_delete(core, READ_ONCE(weft_delete_timeout));
}

/*
 * weft_start_reset() - take a live controller down and up again
 * @rounds: for the wait until the first attempt has ended
 * Return: false if it is not live.
 */
bool weft_start_reset(struct weft_ctrl_core *core, unsigned int *rounds)
{
	unsigned long flags;
	bool ok;

	spin_lock_irqsave(&core->lock, flags);
	ok = change_state_locked(core, WEFT_CTRL_RESETTING);
	*rounds = core->rounds;
	if (ok) {
		core->orderly = true;
		mod_delayed_work(weft_life_wq, &core->life_work, 0);
	}
	spin_unlock_irqrestore(&core->lock, flags);
	return ok;
}

/* weft_start_fw_pause() - firmware is being activated; the life work waits */
bool weft_start_fw_pause(struct weft_ctrl_core *core)
{
	bool live;

	spin_lock_irq(&core->lock);
	live = core->ctrl->state == WEFT_CTRL_LIVE;
	if (live) {
		core->fw_paused = true;
		mod_delayed_work(weft_life_wq, &core->life_work, 0);
	}
	spin_unlock_irq(&core->lock);
	return live;
}

bool weft_device_removed(struct weft_ctrl *ctrl)
{
	struct weft_ctrl_core *core = ctrl->core;
	unsigned long flags;
	bool stays;

	spin_lock_irqsave(&core->lock, flags);
	stays = ctrl->state == WEFT_CTRL_CONNECTING && core->created;
	spin_unlock_irqrestore(&core->lock, flags);
	if (!stays)
		weft_start_delete(core);
	return !stays;
}
EXPORT_SYMBOL_GPL(weft_device_removed);

void weft_delete_ctrl_flush(void)
{
	wait_event(weft_gone, !atomic_read(&weft_deleting));
}
EXPORT_SYMBOL_GPL(weft_delete_ctrl_flush);

/*
 * weft_delete_all() - the system goes down: let targets know, but not for long
 * @seconds: after which a target is not waited for any more
 */
void weft_delete_all(unsigned int seconds)
{
	struct weft_ctrl_core *core;
	unsigned int n = 0;

	mutex_lock(&weft_ctrls_lock);
	list_for_each_entry(core, &weft_ctrls, link)
		n += start_delete(core, seconds);
	mutex_unlock(&weft_ctrls_lock);
	if (!n)
		return;
	if (wait_event_timeout(weft_gone, !atomic_read(&weft_deleting),
			       2 * seconds * HZ))
		pr_info("weft: %u controllers disconnected, as the system goes down\n",
			n);
	else
		pr_warn("weft: %u controllers told to disconnect, not all have, as the system goes down\n",
			n);
}

/* A condition to wait for, so it must not sleep. */
static bool transport_in_use(const struct weft_transport_ops *ops)
{
	struct weft_ctrl_core *core;
	bool used = false;

	spin_lock(&weft_memory_lock);
	list_for_each_entry(core, &weft_memory, memory_link)
		used |= core->ops == ops;
	spin_unlock(&weft_memory_lock);
	return used;
}

/* weft_delete_transport() - delete all controllers of @ops and wait */
void weft_delete_transport(const struct weft_transport_ops *ops)
{
	struct weft_ctrl_core *core;

	mutex_lock(&weft_ctrls_lock);
	list_for_each_entry(core, &weft_ctrls, link)
		if (core->ctrl->ops == ops)
			weft_start_delete(core);
	mutex_unlock(&weft_ctrls_lock);
	wait_event(weft_gone, !transport_in_use(ops));
}

void weft_instance_free(int instance)
{
	ida_free(&weft_instances, instance);
}

static void weft_dev_release(struct device *dev)
{
	struct weft_ctrl_core *core = weft_core_of(dev);
	struct weft_ctrl *ctrl = core->ctrl;

	mutex_lock(&weft_ctrls_lock);
	list_del(&core->link);
	mutex_unlock(&weft_ctrls_lock);
	if (ctrl->admin_q)
		blk_put_queue(ctrl->admin_q);
	if (!core->keeps_instance)
		weft_instance_free(ctrl->instance);
	if (core->host)
		weft_host_put(core->host);
	weft_ana_exit(core);
	xa_destroy(&core->ns_index);
	kfree_sensitive(ctrl->opts);
	kfree(core->effects);
	weft_stats_free(core);
	if (core->owned)
		core->ops->free_ctrl(ctrl);
	/* from here on the transport's module may go */
	spin_lock(&weft_memory_lock);
	list_del(&core->memory_link);
	spin_unlock(&weft_memory_lock);
	kfree(core);
	wake_up_all(&weft_gone);
}

static void core_init(struct weft_ctrl_core *core)
{
	const struct weft_connstr *opts = core->ctrl->opts;

	spin_lock_init(&core->lock);
	init_waitqueue_head(&core->state_wq);
	mutex_init(&core->stop_lock);
	mutex_init(&core->slot_lock);
	mutex_init(&core->ns_lock);
	mutex_init(&core->effects_lock);
	spin_lock_init(&core->orphan_lock);
	bio_list_init(&core->orphans);
	INIT_WORK(&core->orphan_work, weft_orphan_work);
	INIT_LIST_HEAD(&core->namespaces);
	INIT_LIST_HEAD(&core->subsys_link);
	xa_init(&core->ns_index);
	weft_ana_init(core);
	weft_life_init(core);
	INIT_DELAYED_WORK(&core->abort_work, weft_abort_work);
	INIT_DELAYED_WORK(&core->scan_work, weft_scan_work);
	INIT_DELAYED_WORK(&core->trouble_work, weft_trouble_work);
	INIT_DELAYED_WORK(&core->ka_work, weft_ka_work);
	INIT_DELAYED_WORK(&core->aer_work, weft_aer_work);
	core->discovery = weft_connstr_is_discovery(opts);
	core->ctrl_loss_tmo = opts->ctrl_loss_tmo;
	core->reconnect_delay = opts->reconnect_delay;
	core->kato_ms = opts->keep_alive_tmo * MSEC_PER_SEC;
	core->fast_io_fail_tmo = opts->fast_io_fail_tmo;
}

int weft_ctrl_init(struct weft_ctrl *ctrl, const struct weft_transport_ops *ops,
		   const struct weft_connstr *opts)
{
	struct weft_ctrl_core *core;
	int err;

	core = kzalloc(sizeof(*core), GFP_KERNEL);
	if (!core)
		return -ENOMEM;
	core->ctrl = ctrl;
	core->ops = ops;
	ctrl->core = core;
	ctrl->ops = ops;
	ctrl->state = WEFT_CTRL_NEW;
	ctrl->dma_dev_node = NUMA_NO_NODE;
	ctrl->device = &core->dev;
	ctrl->opts = kmemdup(opts, sizeof(*opts), GFP_KERNEL);
	err = ctrl->opts ? weft_stats_alloc(core) : -ENOMEM;
	if (err)
		goto out_free;
	ctrl->instance = ida_alloc_min(&weft_instances,
				       weft_names.first_instance, GFP_KERNEL);
	if (ctrl->instance < 0) {
		err = ctrl->instance;
		goto out_free;
	}
	core_init(core);
	device_initialize(&core->dev);
	core->dev.class = &weft_class;
	core->dev.parent = nvmf_parent();
	core->dev.groups = weft_ctrl_groups;
	core->dev.release = weft_dev_release;
	dev_set_drvdata(&core->dev, ctrl);
	spin_lock(&weft_memory_lock);
	list_add_tail(&core->memory_link, &weft_memory);
	spin_unlock(&weft_memory_lock);
	mutex_lock(&weft_ctrls_lock);
	list_add_tail(&core->link, &weft_ctrls);
	mutex_unlock(&weft_ctrls_lock);
	err = dev_set_name(&core->dev, "nvme%d", ctrl->instance);
	if (err) {
		put_device(&core->dev);
		return err;
	}
	core->owned = true;
	ctrl->debugfs = debugfs_create_dir(dev_name(&core->dev), weft_debugfs);
	weft_stats_show(core);
	return 0;

out_free:
	weft_stats_free(core);
	kfree_sensitive(ctrl->opts);
	kfree(core);
	return err;
}
EXPORT_SYMBOL_GPL(weft_ctrl_init);

void weft_ctrl_put(struct weft_ctrl *ctrl)
{
	debugfs_remove_recursive(ctrl->debugfs);
	put_device(ctrl->device);
}
EXPORT_SYMBOL_GPL(weft_ctrl_put);

/* weft_ctrl_publish() - the controller appears under its class, with nvmeX */
int weft_ctrl_publish(struct weft_ctrl_core *core, struct weft_reason *why)
{
	int err = weft_chardev_add(core);

	if (err)
		return weft_fail(why, err, "device %s cannot be added (error %d)",
				 dev_name(&core->dev), err);
	core->visible = true;
	/* on failure the deletion that follows takes the device back */
	return weft_subsys_join(core, why);
}

void weft_ctrl_unpublish(struct weft_ctrl_core *core)
{
	if (core->visible)
		cdev_device_del(&core->cdev, &core->dev);
	core->visible = false;
	/* after the device: this may free its number for another */
	weft_subsys_leave(core);
}

/* weft_ctrl_uevent() - a change event; @env: "NVME_EVENT=connected" */
void weft_ctrl_uevent(struct weft_ctrl_core *core, const char *env)
{
	char *envp[] = { (char *)env, NULL };

	kobject_uevent_env(&core->dev.kobj, KOBJ_CHANGE, envp);
}

static int weft_class_uevent(weft_class_device *dev,
			     struct kobj_uevent_env *env)
{
	const struct weft_ctrl *ctrl = dev_get_drvdata(dev);
	const struct weft_connstr *o = ctrl->opts;
	int err = add_uevent_var(env, "NVME_TRTYPE=%s", o->transport);

	if (!err)
		err = add_uevent_var(env, "NVME_TRADDR=%s", o->traddr);
	if (!err)
		err = add_uevent_var(env, "NVME_TRSVCID=%s",
				     o->trsvcid[0] ? o->trsvcid : "none");
	if (!err)
		err = add_uevent_var(env, "NVME_HOST_TRADDR=%s",
				     o->host_traddr[0] ? o->host_traddr :
							 "none");
	if (!err)
		err = add_uevent_var(env, "NVME_HOST_IFACE=%s",
				     o->host_iface[0] ? o->host_iface : "none");
	return err;
}

static struct class weft_class = {
	.dev_uevent = weft_class_uevent,
};

int weft_ctrl_class_init(void)
{
	weft_class.name = weft_names.cls;
	return class_register(&weft_class);
}

void weft_ctrl_class_exit(void)
{
	class_unregister(&weft_class);
	ida_destroy(&weft_instances);
}
