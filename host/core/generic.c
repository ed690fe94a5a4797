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
	struct gendisk *disk;
};

static dev_t generic_devt;
static DEFINE_IDA(generic_minors);
static struct class generic_class;

/* The head whose disk @file's device stands beside, or NULL: a namespace's */
static struct weft_head *head_of(const struct file *file)
{
	struct gendisk *disk = file->private_data;

	return weft_is_head(disk) ? disk->private_data : NULL;
}

static struct weft_ns *ns_of(const struct file *file)
{
	struct gendisk *disk = file->private_data;

	return disk->private_data;
}

static int generic_open(struct inode *inode, struct file *file)
{
	struct weft_generic *g = container_of(inode->i_cdev,
					      struct weft_generic, cdev);

	file->private_data = g->disk;
	return head_of(file) ? weft_head_hold(head_of(file)) :
			       weft_ns_hold(ns_of(file));
}

static int generic_release(struct inode *inode, struct file *file)
{
	if (head_of(file))
		weft_head_unhold(head_of(file));
	else
		weft_ns_release(ns_of(file));
	return 0;
}

static long generic_ioctl(struct file *file, unsigned int cmd,
			  unsigned long arg)
{
	unsigned int opened = file->f_mode & FMODE_WRITE ? WEFT_OPENED_WRITE :
							   0;
	void __user *user = (void __user *)arg;

	return head_of(file) ?
	       weft_head_ioctl(head_of(file), cmd, user, opened) :
	       weft_ns_ioctl(ns_of(file), cmd, user, opened);
}

static int generic_uring_cmd(struct io_uring_cmd *ioucmd,
			     unsigned int issue_flags)
{
	struct weft_head *head = head_of(ioucmd->file);
	struct weft_ns *ns;
	int err;

	if (!head)
		return weft_ns_uring_cmd(ns_of(ioucmd->file), ioucmd,
					 issue_flags);
	ns = weft_path_get(head);
	if (!ns)
		return -ENOTCONN;
	err = weft_ns_uring_cmd(ns, ioucmd, issue_flags);
	weft_path_put(ns);
	return err;
}

static const struct file_operations generic_fops = {
	.owner = THIS_MODULE,
	.open = generic_open,
	.release = generic_release,
	.unlocked_ioctl = generic_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.uring_cmd = generic_uring_cmd,
	.uring_cmd_iopoll = weft_uring_iopoll,
	.llseek = noop_llseek,
};

static void generic_dev_release(struct device *dev)
{
	struct weft_generic *g = container_of(dev, struct weft_generic, dev);

	ida_free(&generic_minors, MINOR(dev->devt));
	put_disk(g->disk);
	kfree(g);
}

static struct weft_generic *generic_create(struct gendisk *disk,
					   struct device *parent)
{
	struct weft_generic *g = kzalloc(sizeof(*g), GFP_KERNEL);
	int minor, err;

	if (!g)
		return ERR_PTR(-ENOMEM);
	minor = ida_alloc_max(&generic_minors, WEFT_MINORS - 1, GFP_KERNEL);
	if (minor < 0) {
		kfree(g);
		return ERR_PTR(minor);
	}
	g->disk = disk;
	get_device(disk_to_dev(disk));
	device_initialize(&g->dev);
	g->dev.class = &generic_class;
	g->dev.parent = parent;
	g->dev.devt = MKDEV(MAJOR(generic_devt), minor);
	g->dev.release = generic_dev_release;
	cdev_init(&g->cdev, &generic_fops);
	g->cdev.owner = THIS_MODULE;
	/* nvme0n1 and ng0n1 */
	err = dev_set_name(&g->dev, "ng%s", disk->disk_name + strlen("nvme"));
	if (!err)
		err = cdev_device_add(&g->cdev, &g->dev);
	if (err) {
		put_device(&g->dev);
		return ERR_PTR(err);
	}
	return g;
}

/*
 * weft_generic_add() - @disk has been added below @parent
 * Return: NULL if there was a failure: without ngXnY the disk still works.
 */
struct weft_generic *weft_generic_add(struct gendisk *disk,
				      struct device *parent)
{
	struct weft_generic *g = generic_create(disk, parent);

	if (!IS_ERR(g))
		return g;
	dev_warn(parent, "ng%s cannot be made (error %ld): only %s is there\n",
		 disk->disk_name + strlen("nvme"), PTR_ERR(g),
		 disk->disk_name);
	return NULL;
}

/* weft_generic_remove() - no new opens; files that are open stay */
void weft_generic_remove(struct weft_generic *g)
{
	if (!g)
		return;
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
