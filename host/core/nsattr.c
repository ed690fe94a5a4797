// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes of namespaces' disks: of heads (nvmeXnY), of their hidden paths
 * (nvmeXcZnY), which also say how well they lead there, and of disks that are
 * both. Read by users in process context.
 */
#include <linux/device.h>
#include <linux/slab.h>

#include "host/core/head.h"

static struct weft_head *head_of(struct device *dev)
{
	struct gendisk *disk = dev_to_disk(dev);
	struct weft_ns *ns = disk->private_data;

	return weft_is_head(disk) ? disk->private_data : ns->head;
}

/* The most lasting identifier there is, as the in-tree host names it */
static ssize_t wwid_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	const struct weft_head *head = head_of(dev);
	const struct nvme_ns_facts *f = &head->facts;
	const struct weft_subsys *s = head->subsys;

	if (!weft_id_is_zero(f->uuid, sizeof(f->uuid)))
		return sysfs_emit(buf, "uuid.%pUb\n", f->uuid);
	if (!weft_id_is_zero(f->nguid, sizeof(f->nguid)))
		return sysfs_emit(buf, "eui.%16phN\n", f->nguid);
	if (!weft_id_is_zero(f->eui64, sizeof(f->eui64)))
		return sysfs_emit(buf, "eui.%8phN\n", f->eui64);
	return sysfs_emit(buf, "nvme.%04x-%*phN-%*phN-%08x\n", s->vid,
			  (int)strlen(s->serial), s->serial,
			  (int)strlen(s->model), s->model, head->nsid);
}
static DEVICE_ATTR_RO(wwid);

static ssize_t uuid_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	const struct nvme_ns_facts *f = &head_of(dev)->facts;

	/* without one, the NGUID has always stood in */
	return sysfs_emit(buf, "%pUb\n",
			  weft_id_is_zero(f->uuid, sizeof(f->uuid)) ?
			  f->nguid : f->uuid);
}
static DEVICE_ATTR_RO(uuid);

#define NS_SHOW(name, fmt, expr)					\
static ssize_t name##_show(struct device *dev,				\
			   struct device_attribute *attr, char *buf)	\
{									\
	const struct weft_head *head = head_of(dev);			\
									\
	return sysfs_emit(buf, fmt "\n", expr);				\
}									\
static DEVICE_ATTR_RO(name)

NS_SHOW(nguid, "%pUb", head->facts.nguid);
NS_SHOW(eui, "%8ph", head->facts.eui64);
NS_SHOW(nsid, "%u", head->nsid);
NS_SHOW(csi, "%u", head->facts.csi);
NS_SHOW(metadata_bytes, "%u", head->facts.ms);

static int read_nuse(struct weft_ns *ns)
{
	struct weft_ctrl_core *core = ns->ctrl->core;
	u8 *data = kmalloc(NVME_IDENTIFY_SIZE, GFP_KERNEL);
	struct nvme_ns_facts facts;
	nvme_status status;
	int err;

	if (!data)
		return -ENOMEM;
	err = weft_identify(core, NVME_CNS_NS, ns->nsid, data, &status, NULL);
	if (!err && status)
		err = nvme_status_to_errno(status);
	if (!err)
		err = nvme_id_ns_decode(data, NVME_IDENTIFY_SIZE, &facts, NULL);
	if (!err)
		ns->head->nuse = facts.nuse;
	kfree(data);
	return err;
}

/* It changes with every write, so it is asked for; but any user may read it. */
static ssize_t nuse_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct gendisk *disk = dev_to_disk(dev);
	struct weft_head *head = head_of(dev);
	struct weft_ns *path;
	int err = 0;

	if (!__ratelimit(&head->nuse_limit))
		goto out;
	if (!weft_is_head(disk)) {
		err = read_nuse(disk->private_data);
		goto out;
	}
	path = weft_path_get(head);
	err = path ? read_nuse(path) : -EWOULDBLOCK;
	if (path)
		weft_path_put(path);
out:
	return err ? err : sysfs_emit(buf, "%llu\n", head->nuse);
}
static DEVICE_ATTR_RO(nuse);

static ssize_t ana_grpid_show(struct device *dev,
			      struct device_attribute *attr, char *buf)
{
	const struct weft_ns *ns = dev_to_disk(dev)->private_data;

	return sysfs_emit(buf, "%u\n", READ_ONCE(ns->ana_grpid));
}
static DEVICE_ATTR_RO(ana_grpid);

static ssize_t ana_state_show(struct device *dev,
			      struct device_attribute *attr, char *buf)
{
	const struct weft_ns *ns = dev_to_disk(dev)->private_data;

	return sysfs_emit(buf, "%s\n",
			  nvme_ana_state_name(READ_ONCE(ns->ana_state)));
}
static DEVICE_ATTR_RO(ana_state);

static struct attribute *weft_ns_attrs[] = {
	&dev_attr_wwid.attr,
	&dev_attr_uuid.attr,
	&dev_attr_nguid.attr,
	&dev_attr_eui.attr,
	&dev_attr_nsid.attr,
	&dev_attr_csi.attr,
	&dev_attr_metadata_bytes.attr,
	&dev_attr_nuse.attr,
	&dev_attr_ana_grpid.attr,
	&dev_attr_ana_state.attr,
	NULL,
};

/* Identifiers that a namespace does not have are not shown. */
static bool has_id(const struct nvme_ns_facts *f, const struct attribute *a)
{
	bool uuid = !weft_id_is_zero(f->uuid, sizeof(f->uuid));
	bool nguid = !weft_id_is_zero(f->nguid, sizeof(f->nguid));

	if (a == &dev_attr_uuid.attr)
		return uuid || nguid;
	if (a == &dev_attr_nguid.attr)
		return nguid;
	return a != &dev_attr_eui.attr ||
	       !weft_id_is_zero(f->eui64, sizeof(f->eui64));
}

static umode_t weft_ns_attr_visible(struct kobject *kobj,
				    struct attribute *a, int n)
{
	struct device *dev = kobj_to_dev(kobj);
	struct gendisk *disk = dev_to_disk(dev);
	const struct weft_ns *ns = disk->private_data;

	if (a == &dev_attr_ana_grpid.attr || a == &dev_attr_ana_state.attr)
		return !weft_is_head(disk) && ns->ctrl->info.cmic & NVME_CMIC_ANA ?
		       a->mode : 0;
	return has_id(&head_of(dev)->facts, a) ? a->mode : 0;
}

static const struct attribute_group weft_ns_group = {
	.attrs = weft_ns_attrs,
	.is_visible = weft_ns_attr_visible,
};
const struct attribute_group *weft_ns_groups[] = { &weft_ns_group, NULL };
