// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes of controllers, as nvme-cli, libnvme and their udev
 * rules read them, plus last_error: why the controller last lost its target or
 * could not connect, and reconnect_status. Text of the target is printed
 * escaped.
 */
#include <linux/device.h>
#include <linux/kstrtox.h>
#include <linux/slab.h>

#include "host/core/core.h"

static struct weft_ctrl *ctrl_of(struct device *dev)
{
	return weft_core_of(dev)->ctrl;
}

/* weft_emit_foreign() - the value of an attribute, text of the target */
ssize_t weft_emit_foreign(char *buf, const char *text)
{
	struct weft_text t;

	weft_text_init(&t, buf, PAGE_SIZE);
	weft_text_add_escaped(&t, text, strlen(text));
	weft_text_add(&t, "\n");
	return t.len;
}

#define CTRL_FOREIGN(name, expr)					\
static ssize_t name##_show(struct device *dev,				\
			   struct device_attribute *attr, char *buf)	\
{									\
	struct weft_ctrl *ctrl = ctrl_of(dev);				\
									\
	return weft_emit_foreign(buf, expr);					\
}									\
static DEVICE_ATTR_RO(name)

#define CTRL_SHOW(name, fmt, expr)					\
static ssize_t name##_show(struct device *dev,				\
			   struct device_attribute *attr, char *buf)	\
{									\
	struct weft_ctrl *ctrl = ctrl_of(dev);				\
									\
	return sysfs_emit(buf, fmt "\n", expr);				\
}									\
static DEVICE_ATTR_RO(name)

CTRL_FOREIGN(model, ctrl->info.model);
CTRL_FOREIGN(serial, ctrl->info.serial);
CTRL_FOREIGN(firmware_rev, ctrl->info.firmware);
CTRL_SHOW(cntlid, "%u", ctrl->cntlid);
CTRL_SHOW(transport, "%s", ctrl->opts->transport);
CTRL_SHOW(subsysnqn, "%s", ctrl->opts->nqn);
CTRL_SHOW(hostnqn, "%s", ctrl->opts->hostnqn);
CTRL_SHOW(hostid, "%pUb", ctrl->opts->hostid);
CTRL_SHOW(state, "%s", weft_state_name(weft_ctrl_state(ctrl)));
CTRL_SHOW(numa_node, "%d", ctrl->dma_dev_node);
CTRL_SHOW(queue_count, "%u", ctrl->queue_count);
CTRL_SHOW(sqsize, "%u", ctrl->core->sqsize ? ctrl->core->sqsize - 1 :
			NVMF_AQ_DEPTH - 1);
CTRL_SHOW(kato, "%u", DIV_ROUND_UP(READ_ONCE(ctrl->core->kato_ms), 1000));

static ssize_t cntrltype_show(struct device *dev,
			      struct device_attribute *attr, char *buf)
{
	static const char *const types[] = {
		"reserved", "io", "discovery", "admin",
	};
	const struct weft_ctrl *ctrl = ctrl_of(dev);
	u8 type = ctrl->info.cntrltype;

	/* controllers before 1.4 do not say */
	if (!type)
		type = ctrl->core->discovery ? NVME_CNTRLTYPE_DISCOVERY :
					       NVME_CNTRLTYPE_IO;
	return sysfs_emit(buf, "%s\n", type < ARRAY_SIZE(types) ? types[type] :
								  types[0]);
}
static DEVICE_ATTR_RO(cntrltype);

static ssize_t dctype_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	static const char *const types[] = { "none", "ddc", "cdc" };
	u8 type = ctrl_of(dev)->info.dctype;

	return sysfs_emit(buf, "%s\n", type < ARRAY_SIZE(types) ? types[type] :
								  "reserved");
}
static DEVICE_ATTR_RO(dctype);

static ssize_t address_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	struct weft_ctrl *ctrl = ctrl_of(dev);
	struct weft_text t;

	weft_text_init(&t, buf, PAGE_SIZE);
	ctrl->ops->address(ctrl, &t);
	weft_text_add(&t, "\n");
	return t.len;
}
static DEVICE_ATTR_RO(address);

static ssize_t last_error_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	struct weft_ctrl_core *core = weft_core_of(dev);
	char text[WEFT_REASON_MAX];

	spin_lock_irq(&core->lock);
	strscpy(text, core->last_error.text, sizeof(text));
	spin_unlock_irq(&core->lock);
	return weft_emit_foreign(buf, text);
}
static DEVICE_ATTR_RO(last_error);

static ssize_t reconnect_status_show(struct device *dev,
				     struct device_attribute *attr, char *buf)
{
	struct weft_text t;

	weft_text_init(&t, buf, PAGE_SIZE);
	weft_retry_status(weft_core_of(dev), &t);
	weft_text_add(&t, "\n");
	return t.len;
}
static DEVICE_ATTR_RO(reconnect_status);

static ssize_t reset_controller_store(struct device *dev,
				      struct device_attribute *attr,
				      const char *buf, size_t count)
{
	int err = weft_reset_ctrl_sync(ctrl_of(dev));

	return err ? err : count;
}
static DEVICE_ATTR_WO(reset_controller);

static ssize_t rescan_controller_store(struct device *dev,
				       struct device_attribute *attr,
				       const char *buf, size_t count)
{
	weft_queue_scan(weft_core_of(dev));
	return count;
}
static DEVICE_ATTR_WO(rescan_controller);

/* Removing the file first lets the device go while its writer waits here. */
static ssize_t delete_controller_store(struct device *dev,
				       struct device_attribute *attr,
				       const char *buf, size_t count)
{
	struct weft_ctrl *ctrl = ctrl_of(dev);

	get_device(dev);
	if (device_remove_file_self(dev, attr))
		weft_delete_ctrl_sync(ctrl);
	put_device(dev);
	return count;
}
static DEVICE_ATTR_WO(delete_controller);

static ssize_t emit_tmo(char *buf, int value)
{
	return value < 0 ? sysfs_emit(buf, "off\n") :
			   sysfs_emit(buf, "%d\n", value);
}

/* The same range as in the connect string */
static ssize_t store_seconds(const char *buf, size_t count, enum weft_opt opt,
			     int *field)
{
	const struct weft_opt_info *o = weft_opt_info(opt);
	int value, err = kstrtoint(buf, 10, &value);

	if (err)
		return err;
	/* negative: for ever, or off, where there is such a thing */
	if (value < 0 && o->min < 0)
		value = -1;
	if (value < o->min || value > o->max)
		return -EINVAL;
	WRITE_ONCE(*field, value);
	return count;
}

/* @changed: makes the new value hold for a reconnect that is under way */
#define CTRL_SECONDS(name, opt, changed)				\
static ssize_t name##_show(struct device *dev,				\
			   struct device_attribute *attr, char *buf)	\
{									\
	return emit_tmo(buf, READ_ONCE(weft_core_of(dev)->name));	\
}									\
									\
static ssize_t name##_store(struct device *dev,				\
			    struct device_attribute *attr,		\
			    const char *buf, size_t count)		\
{									\
	struct weft_ctrl_core *core = weft_core_of(dev);		\
	ssize_t ret = store_seconds(buf, count, opt, &core->name);	\
									\
	if (ret > 0)							\
		changed(core);						\
	return ret;							\
}									\
static DEVICE_ATTR_RW(name)

CTRL_SECONDS(ctrl_loss_tmo, WEFT_OPT_CTRL_LOSS_TMO, weft_retry_now);
CTRL_SECONDS(reconnect_delay, WEFT_OPT_RECONNECT_DELAY, weft_retry_now);
CTRL_SECONDS(fast_io_fail_tmo, WEFT_OPT_FAST_IO_FAIL_TMO, weft_failfast_arm);

static struct attribute *weft_ctrl_attrs[] = {
	&dev_attr_reset_controller.attr,
	&dev_attr_rescan_controller.attr,
	&dev_attr_delete_controller.attr,
	&dev_attr_model.attr,
	&dev_attr_serial.attr,
	&dev_attr_firmware_rev.attr,
	&dev_attr_cntlid.attr,
	&dev_attr_transport.attr,
	&dev_attr_subsysnqn.attr,
	&dev_attr_address.attr,
	&dev_attr_state.attr,
	&dev_attr_numa_node.attr,
	&dev_attr_queue_count.attr,
	&dev_attr_sqsize.attr,
	&dev_attr_kato.attr,
	&dev_attr_hostnqn.attr,
	&dev_attr_hostid.attr,
	&dev_attr_cntrltype.attr,
	&dev_attr_dctype.attr,
	&dev_attr_ctrl_loss_tmo.attr,
	&dev_attr_reconnect_delay.attr,
	&dev_attr_fast_io_fail_tmo.attr,
	&dev_attr_last_error.attr,
	&dev_attr_reconnect_status.attr,
	NULL,
};
static const struct attribute_group weft_ctrl_group = {
	.attrs = weft_ctrl_attrs,
};
const struct attribute_group *weft_ctrl_groups[] = {
	&weft_ctrl_group,
	&weft_stats_group,
	NULL,
};
