// SPDX-License-Identifier: GPL-2.0-only
/*
 * From options to a live controller: the list of transports, the check for
 * duplicates, and the documented flow nvmf_create_ctrl().
 *
 * Runs in the context of a writer of the control device. Only list operations
 * are done under locks, so that connects go on side by side; what is being
 * created stands in a list of its own until its controller can be compared.
 */
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "host/core/core.h"

static LIST_HEAD(transports);
static DEFINE_MUTEX(transports_lock);

/* A connect on its way to a controller, under weft_ctrls_lock */
struct nvmf_pending {
	struct list_head link;
	const struct weft_connstr *opts;
};
static LIST_HEAD(pending);

/*
 * weft_register_transport() - a transport's module is loaded
 * @ops: constant until weft_unregister_transport()
 * Return: 0, or -EEXIST if the name is taken, -EINVAL if an operation is
 * missing.
 */
int weft_register_transport(struct weft_transport_ops *ops)
{
	struct weft_transport_ops *t;
	int err = 0;

	if (!ops->name || !ops->create_ctrl || !ops->alloc_queue || !ops->exec)
		return -EINVAL;
	mutex_lock(&transports_lock);
	list_for_each_entry(t, &transports, link)
		if (!strcmp(t->name, ops->name))
			err = -EEXIST;
	if (!err)
		list_add_tail(&ops->link, &transports);
	mutex_unlock(&transports_lock);
	return err;
}
EXPORT_SYMBOL_GPL(weft_register_transport);

/*
 * weft_unregister_transport() - the transport's module goes away
 * Deletes its controllers and returns when the last one is freed. Sleeps.
 */
void weft_unregister_transport(struct weft_transport_ops *ops)
{
	mutex_lock(&transports_lock);
	list_del(&ops->link);
	mutex_unlock(&transports_lock);
	weft_delete_transport(ops);
}
EXPORT_SYMBOL_GPL(weft_unregister_transport);

/* With a reference to its module, or NULL */
static struct weft_transport_ops *nvmf_find_transport(const char *name)
{
	struct weft_transport_ops *t, *found = NULL;

	mutex_lock(&transports_lock);
	list_for_each_entry(t, &transports, link)
		if (!strcmp(t->name, name) && try_module_get(t->module))
			found = t;
	mutex_unlock(&transports_lock);
	return found;
}

static struct weft_transport_ops *nvmf_lookup_transport(const char *name,
							struct weft_reason *why)
{
	struct weft_transport_ops *t = nvmf_find_transport(name);

	if (t)
		return t;
	request_module("weft-%s", name);
	t = nvmf_find_transport(name);
	if (!t)
		weft_fail(why, -EINVAL,
			  "transport=%s: no handler found; module weft-%s is not loaded and could not be loaded",
			  name, name);
	return t;
}

static bool nvmf_same_names(const struct weft_connstr *a,
			    const struct weft_connstr *b)
{
	return !strcmp(a->nqn, b->nqn) && !strcmp(a->hostnqn, b->hostnqn) &&
	       !memcmp(a->hostid, b->hostid, sizeof(a->hostid));
}

static bool nvmf_same_address(const struct weft_connstr *a,
			      const struct weft_connstr *b)
{
	return !strcmp(a->transport, b->transport) &&
	       !strcmp(a->traddr, b->traddr) &&
	       !strcmp(a->trsvcid, b->trsvcid) &&
	       !strcmp(a->host_traddr, b->host_traddr) &&
	       !strcmp(a->host_iface, b->host_iface);
}

static int nvmf_find_duplicate(const struct weft_transport_ops *ops,
			       const struct weft_connstr *opts,
			       struct weft_reason *why)
{
	struct weft_ctrl_core *core;
	struct nvmf_pending *p;

	lockdep_assert_held(&weft_ctrls_lock);
	list_for_each_entry(p, &pending, link)
		if (nvmf_same_names(p->opts, opts) &&
		    nvmf_same_address(p->opts, opts))
			return weft_fail(why, -EALREADY,
				"nqn=%.128s: the same connect is under way",
				opts->nqn);
	list_for_each_entry(core, &weft_ctrls, link) {
		enum weft_ctrl_state state = weft_ctrl_state(core->ctrl);

		if (core->ctrl->ops != ops || state == WEFT_CTRL_NEW ||
		    state >= WEFT_CTRL_DELETING ||
		    !nvmf_same_names(core->ctrl->opts, opts) ||
		    !ops->existing_ctrl(core->ctrl, opts))
			continue;
		return weft_fail(why, -EALREADY,
			"nqn=%.128s: already connected as %s; duplicate_connect allows another",
			opts->nqn, dev_name(&core->dev));
	}
	return 0;
}

/* Either nobody else has this association or is making it, or -EALREADY */
static int nvmf_claim(const struct weft_transport_ops *ops,
		      struct nvmf_pending *p, struct weft_reason *why)
{
	int err = 0;

	mutex_lock(&weft_ctrls_lock);
	if (!p->opts->duplicate_connect &&
	    !weft_connstr_is_discovery(p->opts))
		err = nvmf_find_duplicate(ops, p->opts, why);
	if (!err)
		list_add_tail(&p->link, &pending);
	mutex_unlock(&weft_ctrls_lock);
	return err;
}

/* @core, if there is one, takes over from @p in one step */
static void nvmf_unclaim(struct nvmf_pending *p, struct weft_ctrl_core *core)
{
	mutex_lock(&weft_ctrls_lock);
	list_del(&p->link);
	if (core)
		weft_change_state(core, WEFT_CTRL_CONNECTING);
	mutex_unlock(&weft_ctrls_lock);
}

/* First set-up; on failure nothing is left but the caller's reference. */
static int nvmf_bring_up(struct weft_ctrl_core *core, struct weft_reason *why)
{
	int err = weft_setup_ctrl(core, why);

	if (err)
		goto out_delete;
	err = weft_ctrl_publish(core, why);
	if (err)
		goto out_delete;
	if (!weft_change_state(core, WEFT_CTRL_LIVE)) {
		err = weft_fail(why, -ECONNRESET, "%s",
			core->last_error.text[0] ? core->last_error.text :
			"the controller was deleted while it was set up");
		goto out_delete;
	}
	weft_start_ctrl(core);
	return 0;

out_delete:
	weft_start_delete(core);
	weft_delete_now(core);
	return err;
}

/* Its disks can be opened. A signal ends the wait, and the controller with it. */
static int nvmf_wait_scanned(struct weft_ctrl_core *core,
			     struct weft_reason *why)
{
	if (!wait_event_interruptible(core->state_wq,
			READ_ONCE(core->scans) ||
			weft_ctrl_state(core->ctrl) != WEFT_CTRL_LIVE))
		return 0;
	weft_delete_ctrl_sync(core->ctrl);
	return weft_fail(why, -EINTR,
			 "looking at the namespaces: interrupted by a signal");
}

static int nvmf_create_on(struct weft_transport_ops *ops,
			  struct weft_connstr *opts, struct weft_reason *why,
			  int *instance, u16 *cntlid)
{
	struct nvmf_pending p = { .opts = opts };
	struct weft_ctrl_core *core;
	struct weft_ctrl *ctrl;
	struct weft_host *host;
	int err;

	err = weft_connstr_check(opts, ops->required_opts, ops->allowed_opts,
				 why);
	if (err)
		return err;
	host = weft_host_get(opts, why);
	if (IS_ERR(host))
		return PTR_ERR(host);
	err = nvmf_claim(ops, &p, why);
	if (err)
		goto out_host;
	ctrl = ops->create_ctrl(opts, why);
	if (IS_ERR(ctrl)) {
		nvmf_unclaim(&p, NULL);
		err = PTR_ERR(ctrl);
		goto out_host;
	}
	core = ctrl->core;
	core->host = host;
	nvmf_unclaim(&p, core);

	get_device(&core->dev);
	err = nvmf_bring_up(core, why);
	if (!err)
		err = nvmf_wait_scanned(core, why);
	if (!err) {
		*instance = ctrl->instance;
		*cntlid = ctrl->cntlid;
		dev_info(ctrl->device, "connected to %.128s, %u I/O queues\n",
			 opts->nqn, ctrl->queue_count - 1);
	}
	put_device(&core->dev);
	return err;

out_host:
	weft_host_put(host);
	return err;
}

/*
 * nvmf_create_ctrl() - connect
 * @opts: parsed; hostnqn and hostid are completed here
 * @why: what went wrong, in words
 * @instance: number X of nvmeX
 * @cntlid: the target's number for it
 *
 * Returns when the controller is live and its namespaces can be opened.
 * Return: 0 or a negative errno with nothing left behind.
 */
int nvmf_create_ctrl(struct weft_connstr *opts, struct weft_reason *why,
		     int *instance, u16 *cntlid)
{
	struct weft_transport_ops *ops;
	int err;

	ops = nvmf_lookup_transport(opts->transport, why);
	if (!ops)
		return -EINVAL;
	err = nvmf_create_on(ops, opts, why, instance, cntlid);
	module_put(ops->module);
	return err;
}
