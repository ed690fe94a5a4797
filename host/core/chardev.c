// SPDX-License-Identifier: GPL-2.0-only
/*
 * Character devices nvmeX: where admin commands and requests to a controller
 * enter. An open file holds the controller and the transport's module; it can
 * be opened while the controller is live.
 */
#include <linux/cdev.h>
#include <linux/fs.h>
#include <linux/module.h>

#include "host/core/core.h"

#define WEFT_MINORS	(1u << MINORBITS)

static dev_t weft_devt;

static int weft_dev_open(struct inode *inode, struct file *file)
{
	struct weft_ctrl_core *core = container_of(inode->i_cdev,
						   struct weft_ctrl_core,
						   cdev);

	if (weft_ctrl_state(core->ctrl) != WEFT_CTRL_LIVE)
		return -EWOULDBLOCK;
	if (!try_module_get(core->ctrl->ops->module))
		return -ENXIO;
	get_device(&core->dev);
	file->private_data = core;
	return 0;
}

static int weft_dev_release(struct inode *inode, struct file *file)
{
	struct weft_ctrl_core *core = file->private_data;
	struct module *module = core->ctrl->ops->module;

	put_device(&core->dev);
	module_put(module);
	return 0;
}

static long weft_dev_ioctl(struct file *file, unsigned int cmd,
			   unsigned long arg)
{
	struct weft_ctrl_core *core = file->private_data;

	return weft_ctrl_ioctl(core->ctrl, cmd, (void __user *)arg,
			       file->f_mode & FMODE_WRITE ? WEFT_OPENED_WRITE :
							    0);
}

static int weft_dev_uring_cmd(struct io_uring_cmd *ioucmd,
			      unsigned int issue_flags)
{
	return weft_ctrl_uring_cmd(ioucmd->file->private_data, ioucmd,
				   issue_flags);
}

static const struct file_operations weft_dev_fops = {
	.owner = THIS_MODULE,
	.open = weft_dev_open,
	.release = weft_dev_release,
	.unlocked_ioctl = weft_dev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.uring_cmd = weft_dev_uring_cmd,
	.llseek = noop_llseek,
};

/* weft_chardev_add() - the class device and its node appear together */
int weft_chardev_add(struct weft_ctrl_core *core)
{
	core->dev.devt = MKDEV(MAJOR(weft_devt), core->ctrl->instance);
	cdev_init(&core->cdev, &weft_dev_fops);
	core->cdev.owner = THIS_MODULE;
	return cdev_device_add(&core->cdev, &core->dev);
}

int weft_chardev_init(void)
{
	return alloc_chrdev_region(&weft_devt, 0, WEFT_MINORS, weft_names.cls);
}

void weft_chardev_exit(void)
{
	unregister_chrdev_region(weft_devt, WEFT_MINORS);
}
