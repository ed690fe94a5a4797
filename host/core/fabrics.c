// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control device, /dev/nvme-fabrics: a connect string is written, a
 * controller comes of it, and what is read afterwards says which one or why
 * not. Each open file has a lock of its own; nothing here is shared between
 * files, so two connects do not wait for each other.
 */
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "host/core/core.h"

/*
 * struct nvmf_file - one open of the control device
 * @instance: the controller that came of the write; -1 before
 * @err: of the last write
 * @why: likewise, in words
 */
struct nvmf_file {
	struct mutex lock;
	int instance;
	u16 cntlid;
	int err;
	struct weft_reason why;
};

static struct class nvmf_class;
static struct device *nvmf_device;

/* The parent of all controllers: /sys/devices/virtual/nvme-fabrics/ctl */
struct device *nvmf_parent(void)
{
	return nvmf_device;
}

static int nvmf_dev_open(struct inode *inode, struct file *file)
{
	struct nvmf_file *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (!f)
		return -ENOMEM;
	mutex_init(&f->lock);
	f->instance = -1;
	file->private_data = f;
	return 0;
}

static int nvmf_dev_release(struct inode *inode, struct file *file)
{
	struct nvmf_file *f = file->private_data;

	mutex_destroy(&f->lock);
	kfree(f);
	return 0;
}

/*
 * A signal ends the wait for a target, but not one that means nothing by
 * default: a shell's background job that ends in the meantime, or a window
 * that gets another size. Those come when the connect is over.
 */
static void nvmf_hold_signals(sigset_t *before)
{
	sigset_t idle;

	siginitset(&idle, sigmask(SIGCHLD) | sigmask(SIGCONT) |
			  sigmask(SIGURG) | sigmask(SIGWINCH));
	sigprocmask(SIG_BLOCK, &idle, before);
}

static int nvmf_dev_connect(struct nvmf_file *f, const char *text, size_t len)
{
	struct weft_connstr *opts;
	sigset_t before;
	int err;

	opts = kzalloc(sizeof(*opts), GFP_KERNEL);
	if (!opts)
		return weft_fail(&f->why, -ENOMEM, "out of memory");
	nvmf_hold_signals(&before);
	err = weft_connstr_parse(text, len, opts, &f->why);
	if (!err)
		err = nvmf_create_ctrl(opts, &f->why, &f->instance,
				       &f->cntlid);
	sigprocmask(SIG_SETMASK, &before, NULL);
	/* secrets are in it */
	kfree_sensitive(opts);
	return err;
}

/* One try, with the file's lock held: how it ended, and why, stay in @f. */
static int nvmf_dev_try(struct nvmf_file *f, const char __user *ubuf,
			size_t count)
{
	char *text;

	/* the parser refuses what is longer by its length, and says why */
	text = memdup_user_nul(ubuf, min_t(size_t, count, WEFT_CONNSTR_MAX));
	f->why.text[0] = '\0';
	if (IS_ERR(text)) {
		f->err = weft_fail(&f->why, PTR_ERR(text),
				   "the connect string cannot be copied");
	} else {
		f->err = nvmf_dev_connect(f, text, count);
		kfree_sensitive(text);
	}
	if (f->err && !f->why.text[0])
		weft_fail(&f->why, f->err, "error %d", f->err);
	if (f->err)
		pr_warn_ratelimited("weft: connect refused: %s (error %d)\n",
				    f->why.text, f->err);
	return f->err;
}

static ssize_t nvmf_dev_write(struct file *file, const char __user *ubuf,
			      size_t count, loff_t *pos)
{
	struct nvmf_file *f = file->private_data;
	int err = -EINVAL;

	if (mutex_lock_interruptible(&f->lock))
		return -ERESTARTSYS;
	/* what is said of it is read from the start, after a failure, too */
	file->f_pos = *pos = 0;
	if (f->instance < 0)
		err = nvmf_dev_try(f, ubuf, count);
	mutex_unlock(&f->lock);
	/* nothing is left of it: a handler with SA_RESTART gets a new try */
	if (err == -EINTR)
		return -ERESTARTSYS;
	return err ? err : count;
}

/* Called with the file's lock held. */
static void nvmf_dev_say(struct nvmf_file *f, struct weft_text *t)
{
	if (f->instance >= 0) {
		weft_text_add(t, "instance=%d,cntlid=%d\n", f->instance,
			      f->cntlid);
		return;
	}
	if (f->err) {
		weft_text_add(t, "error=%d,reason=%s\n", f->err, f->why.text);
		return;
	}
	weft_text_add(t, "instance=-1,cntlid=-1,");
	weft_connstr_supported(t);
	weft_text_add(t, "\n");
}

static ssize_t nvmf_dev_read(struct file *file, char __user *ubuf,
			     size_t count, loff_t *pos)
{
	struct nvmf_file *f = file->private_data;
	struct weft_text t;
	ssize_t ret;
	char *buf;

	buf = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	weft_text_init(&t, buf, PAGE_SIZE);
	ret = -ERESTARTSYS;
	/* somebody else's connect may be under way */
	if (mutex_lock_interruptible(&f->lock))
		goto out;
	nvmf_dev_say(f, &t);
	ret = simple_read_from_buffer(ubuf, count, pos, buf, t.len);
	mutex_unlock(&f->lock);
out:
	kfree(buf);
	return ret;
}

static const struct file_operations nvmf_dev_fops = {
	.owner = THIS_MODULE,
	.open = nvmf_dev_open,
	.read = nvmf_dev_read,
	.write = nvmf_dev_write,
	.release = nvmf_dev_release,
	.llseek = noop_llseek,
};

static struct miscdevice nvmf_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.fops = &nvmf_dev_fops,
	.mode = 0600,
};

int nvmf_init(void)
{
	int err;

	nvmf_class.name = weft_names.fabrics_cls;
	err = class_register(&nvmf_class);
	if (err)
		return err;
	nvmf_device = device_create(&nvmf_class, NULL, MKDEV(0, 0), NULL,
				    "ctl");
	if (IS_ERR(nvmf_device)) {
		err = PTR_ERR(nvmf_device);
		goto out_class;
	}
	nvmf_misc.name = weft_names.control;
	err = misc_register(&nvmf_misc);
	if (err) {
		pr_err("weft: /dev/%s cannot be made (error %d): choose another name with control_device=\n",
		       weft_names.control, err);
		goto out_device;
	}
	return 0;

out_device:
	device_destroy(&nvmf_class, MKDEV(0, 0));
out_class:
	class_unregister(&nvmf_class);
	return err;
}

void nvmf_exit(void)
{
	misc_deregister(&nvmf_misc);
	device_destroy(&nvmf_class, MKDEV(0, 0));
	class_unregister(&nvmf_class);
}
