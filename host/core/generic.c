// SPDX-License-Identifier: GPL-2.0-only
/*
 * Character devices ngXnY, one beside each disk nvmeXnY: the same ioctls, and
 * commands through io_uring.
 *
 * The device holds its disk, and with it the namespace, until the last file is
 * closed; an open file holds the transport's module. Made and removed together
 * with the disk.
 */
#include <linux/cdev.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "host/core/head.h"

#define WEFT_MINORS	(1u << MINORBITS)

struct weft_generic {
	struct device dev;
	struct cdev cdev;
	struct weft_ns *ns;
};

static dev_t generic_devt;
static DEFINE_IDA(generic_minors);
static struct class generic_class;

static int generic_open(struct inode *inode, struct file *file)
{
	struct weft_generic *g = container_of(inode->i_cdev,
					      struct weft_generic, cdev);

	file->private_data = g->ns;
	return weft_ns_hold(g->ns);
}

static int generic_release(struct inode *inode, struct file *file)
{
	weft_ns_release(file->private_data);
	return 0;
}

static long generic_ioctl(struct file *file, unsigned int cmd,
			  unsigned long arg)
{
	return weft_ns_ioctl(file->private_data, cmd, (void __user *)arg,
			     file->f_mode & FMODE_WRITE ? WEFT_OPENED_WRITE :
							  0);
}

static int generic_uring_cmd(struct io_uring_cmd *ioucmd,
			     unsigned int issue_flags)
{
	return weft_ns_uring_cmd(ioucmd->file->private_data, ioucmd,
				 issue_flags);
}

static int generic_uring_iopoll(struct io_uring_cmd *ioucmd,
				struct io_comp_batch *iob,
				unsigned int poll_flags)
{
	return weft_ns_uring_iopoll(ioucmd->file->private_data, ioucmd, iob);
}

static const struct file_operations generic_fops = {
	.owner = THIS_MODULE,
	.open = generic_open,
	.release = generic_release,
	.unlocked_ioctl = generic_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.uring_cmd = generic_uring_cmd,
	.uring_cmd_iopoll = generic_uring_iopoll,
	.llseek = noop_llseek,
};

static void generic_dev_release(struct device *dev)
{
	struct weft_generic *g = container_of(dev, struct weft_generic, dev);

	ida_free(&generic_minors, MINOR(dev->devt));
	put_disk(g->ns->disk);
	kfree(g);
}

static int generic_create(struct weft_ns *ns)
{
	struct weft_generic *g = kzalloc(sizeof(*g), GFP_KERNEL);
	int minor, err;

	if (!g)
		return -ENOMEM;
	minor = ida_alloc_max(&generic_minors, WEFT_MINORS - 1, GFP_KERNEL);
	if (minor < 0) {
		kfree(g);
		return minor;
	}
	g->ns = ns;
	get_device(disk_to_dev(ns->disk));
	device_initialize(&g->dev);
	g->dev.class = &generic_class;
	g->dev.parent = ns->ctrl->device;
	g->dev.devt = MKDEV(MAJOR(generic_devt), minor);
	g->dev.release = generic_dev_release;
	cdev_init(&g->cdev, &generic_fops);
	g->cdev.owner = THIS_MODULE;
	err = dev_set_name(&g->dev, "ng%dn%d", ns->ctrl->instance,
			   ns->head->instance);
	if (!err)
		err = cdev_device_add(&g->cdev, &g->dev);
	if (err)
		put_device(&g->dev);
	else
		ns->generic = g;
	return err;
}

/* weft_generic_add() - @ns has its disk; without ngXnY it still works */
void weft_generic_add(struct weft_ns *ns)
{
	int err = generic_create(ns);

	if (err)
		dev_warn(ns->ctrl->device,
			 "ng%dn%d cannot be made (error %d): only %s is there\n",
			 ns->ctrl->instance, ns->head->instance, err,
			 ns->disk->disk_name);
}

/* weft_generic_remove() - no new opens; files that are open stay */
void weft_generic_remove(struct weft_ns *ns)
{
	struct weft_generic *g = ns->generic;

	if (!g)
		return;
	ns->generic = NULL;
	cdev_device_del(&g->cdev, &g->dev);
	put_device(&g->dev);
}

int weft_generic_init(void)
{
	int err;

	generic_class.name = weft_names.generic_cls;
	err = class_register(&generic_class);
	if (err)
		return err;
	err = alloc_chrdev_region(&generic_devt, 0, WEFT_MINORS,
				  weft_names.generic_cls);
	if (err)
		class_unregister(&generic_class);
	return err;
}

void weft_generic_exit(void)
{
	unregister_chrdev_region(generic_devt, WEFT_MINORS);
	class_unregister(&generic_class);
	ida_destroy(&generic_minors);
}
