// SPDX-License-Identifier: GPL-2.0-only
/*
 * NVM subsystems, as class nvme-subsystem shows them: nvme-subsysX groups the
 * controllers that lead to the same one, with a link to each.
 *
 * X is the number of the first controller and stays taken as long as the
 * subsystem lives, so that names keep their meaning. One mutex for joining,
 * leaving and looking at all of them; process context.
 */
#include <linux/device.h>
#include <linux/slab.h>

#include "host/core/head.h"

static LIST_HEAD(subsystems);
static DEFINE_MUTEX(subsystems_lock);
static struct class subsys_class;

static struct weft_subsys *subsys_of(struct device *dev)
{
	return container_of(dev, struct weft_subsys, dev);
}

#define SUBSYS_TEXT(name, field)					\
static ssize_t name##_show(struct device *dev,				\
			   struct device_attribute *attr, char *buf)	\
{									\
	return weft_emit_foreign(buf, subsys_of(dev)->field);		\
}									\
static DEVICE_ATTR_RO(name)

SUBSYS_TEXT(subsysnqn, nqn);
SUBSYS_TEXT(model, model);
SUBSYS_TEXT(serial, serial);
SUBSYS_TEXT(firmware_rev, firmware);

static ssize_t subsystype_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", subsys_of(dev)->discovery ?
			  "discovery" : "nvm");
}
static DEVICE_ATTR_RO(subsystype);

static ssize_t iopolicy_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	enum weft_iopolicy policy = READ_ONCE(subsys_of(dev)->iopolicy);

	return sysfs_emit(buf, "%s\n", weft_iopolicy_names[policy]);
}

static ssize_t iopolicy_store(struct device *dev, struct device_attribute *attr,
			      const char *buf, size_t count)
{
	struct weft_subsys *s = subsys_of(dev);
	int policy = __sysfs_match_string(weft_iopolicy_names,
					  WEFT_IOPOLICIES, buf);

	if (policy < 0)
		return policy;
	WRITE_ONCE(s->iopolicy, policy);
	return count;
}
static DEVICE_ATTR_RW(iopolicy);

static struct attribute *subsys_attrs[] = {
	&dev_attr_subsysnqn.attr,
	&dev_attr_model.attr,
	&dev_attr_serial.attr,
	&dev_attr_firmware_rev.attr,
	&dev_attr_subsystype.attr,
	&dev_attr_iopolicy.attr,
	NULL,
};
ATTRIBUTE_GROUPS(subsys);

static void subsys_release(struct device *dev)
{
	struct weft_subsys *s = subsys_of(dev);

	if (s->instance >= 0)
		weft_instance_free(s->instance);
	ida_destroy(&s->ns_ida);
	kfree(s);
}

/* Discovery controllers share an NQN and nothing else: each its own. */
static struct weft_subsys *subsys_find(const struct weft_ctrl_core *core)
{
	struct weft_subsys *s;

	if (core->discovery)
		return NULL;
	list_for_each_entry(s, &subsystems, link)
		if (!s->discovery && !strcmp(s->nqn, core->ctrl->opts->nqn))
			return s;
	return NULL;
}

static struct weft_subsys *subsys_create(struct weft_ctrl_core *core)
{
	struct weft_ctrl *ctrl = core->ctrl;
	struct weft_subsys *s = kzalloc(sizeof(*s), GFP_KERNEL);
	int err;

	if (!s)
		return ERR_PTR(-ENOMEM);
	s->instance = -1;
	s->discovery = core->discovery;
	s->multi = ctrl->info.cmic & NVME_CMIC_MULTI_CTRL;
	s->vid = ctrl->info.vid;
	s->iopolicy = READ_ONCE(weft_default_iopolicy);
	INIT_LIST_HEAD(&s->ctrls);
	INIT_LIST_HEAD(&s->heads);
	mutex_init(&s->lock);
	ida_init(&s->ns_ida);
	strscpy(s->nqn, ctrl->opts->nqn, sizeof(s->nqn));
	strscpy(s->model, ctrl->info.model, sizeof(s->model));
	strscpy(s->serial, ctrl->info.serial, sizeof(s->serial));
	strscpy(s->firmware, ctrl->info.firmware, sizeof(s->firmware));
	device_initialize(&s->dev);
	s->dev.class = &subsys_class;
	s->dev.groups = subsys_groups;
	s->dev.release = subsys_release;
	err = dev_set_name(&s->dev, "nvme-subsys%d", ctrl->instance);
	if (!err)
		err = device_add(&s->dev);
	if (err) {
		put_device(&s->dev);
		return ERR_PTR(err);
	}
	list_add_tail(&s->link, &subsystems);
	return s;
}

static void subsys_drop(struct weft_subsys *s)
{
	if (!list_empty(&s->ctrls))
		return;
	list_del(&s->link);
	device_del(&s->dev);
	put_device(&s->dev);
}

/* A controller id stands for one controller of a subsystem. */
static int subsys_check(struct weft_subsys *s, struct weft_ctrl_core *core,
			struct weft_reason *why)
{
	struct weft_ctrl_core *other;

	list_for_each_entry(other, &s->ctrls, subsys_link) {
		if (weft_ctrl_state(other->ctrl) >= WEFT_CTRL_DELETING)
			continue;
		/* while it is away a target may give its id to the next one */
		if (weft_ctrl_state(other->ctrl) == WEFT_CTRL_LIVE &&
		    other->ctrl->cntlid == core->ctrl->cntlid)
			return weft_fail(why, -EINVAL,
				"the target gave controller id %u, which %s of the same subsystem has",
				core->ctrl->cntlid, dev_name(&other->dev));
		if (!(core->ctrl->info.cmic & NVME_CMIC_MULTI_CTRL))
			return weft_fail(why, -EINVAL,
				"cmic=0x%02x: the subsystem has one controller at a time, and that is %s",
				core->ctrl->info.cmic, dev_name(&other->dev));
	}
	return 0;
}

static const char *find_twin(struct weft_subsys *s,
			     const struct nvme_ns_facts *facts, u32 *nsid)
{
	struct weft_head *head;
	const char *id = NULL;

	mutex_lock(&s->lock);
	list_for_each_entry(head, &s->heads, link) {
		id = weft_shared_id(&head->facts, facts);
		*nsid = head->nsid;
		if (id)
			break;
	}
	mutex_unlock(&s->lock);
	return id;
}

/*
 * weft_subsys_check_ids() - identifiers mean one namespace in the whole world
 * Return: 0, or -EINVAL if one of @facts is known from a subsystem other than
 * @s.
 */
int weft_subsys_check_ids(struct weft_subsys *s,
			  const struct nvme_ns_facts *facts,
			  struct weft_reason *why)
{
	struct weft_subsys *other;
	int err = 0;

	mutex_lock(&subsystems_lock);
	list_for_each_entry(other, &subsystems, link) {
		const char *id;
		u32 nsid;

		if (other == s)
			continue;
		id = find_twin(other, facts, &nsid);
		if (!id)
			continue;
		err = weft_fail(why, -EINVAL,
			"its %s is that of namespace %u of another subsystem, %s",
			id, nsid, dev_name(&other->dev));
		break;
	}
	mutex_unlock(&subsystems_lock);
	return err;
}

/*
 * weft_subsys_scan_refused() - a head is gone, and its identifiers are free
 * Whoever refused a namespace, maybe for them, looks again. Process context.
 */
void weft_subsys_scan_refused(void)
{
	struct weft_ctrl_core *core;
	struct weft_subsys *s;

	mutex_lock(&subsystems_lock);
	list_for_each_entry(s, &subsystems, link)
		list_for_each_entry(core, &s->ctrls, subsys_link)
			if (READ_ONCE(core->ns_refused))
				weft_queue_scan(core);
	mutex_unlock(&subsystems_lock);
}

/* weft_subsys_join() - find or make the subsystem, link the controller */
int weft_subsys_join(struct weft_ctrl_core *core, struct weft_reason *why)
{
	struct weft_subsys *s;
	int err;

	mutex_lock(&subsystems_lock);
	s = subsys_find(core);
	if (!s)
		s = subsys_create(core);
	if (IS_ERR(s)) {
		err = weft_fail(why, PTR_ERR(s),
				"nvme-subsys%d cannot be added (error %ld)",
				core->ctrl->instance, PTR_ERR(s));
		goto out;
	}
	err = subsys_check(s, core, why);
	if (err)
		goto out_drop;
	err = sysfs_create_link(&s->dev.kobj, &core->dev.kobj,
				dev_name(&core->dev));
	if (err) {
		weft_fail(why, err, "%s cannot be linked to %s (error %d)",
			  dev_name(&core->dev), dev_name(&s->dev), err);
		goto out_drop;
	}
	list_add_tail(&core->subsys_link, &s->ctrls);
	core->subsys = s;
	if (s->instance < 0) {
		/* the number outlives the controller that brought it */
		s->instance = core->ctrl->instance;
		core->keeps_instance = true;
	}
	mutex_unlock(&subsystems_lock);
	return 0;

out_drop:
	subsys_drop(s);
out:
	mutex_unlock(&subsystems_lock);
	return err;
}

/* weft_subsys_leave() - the last one out takes the subsystem along */
void weft_subsys_leave(struct weft_ctrl_core *core)
{
	struct weft_subsys *s = core->subsys;

	if (!s)
		return;
	mutex_lock(&subsystems_lock);
	sysfs_remove_link(&s->dev.kobj, dev_name(&core->dev));
	list_del_init(&core->subsys_link);
	core->subsys = NULL;
	subsys_drop(s);
	mutex_unlock(&subsystems_lock);
}

int weft_subsys_init(void)
{
	subsys_class.name = weft_names.subsys_cls;
	return class_register(&subsys_class);
}

void weft_subsys_exit(void)
{
	class_unregister(&subsys_class);
}
