// SPDX-License-Identifier: GPL-2.0-only
/*
 * Start and end of weft.ko: parameters, the workqueues that everything but the
 * data path runs on, and the order in which the parts come and go.
 */
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/workqueue.h>

#include "host/core/head.h"

#define WEFT_SECONDS_MAX	86400
#define WEFT_RETRIES_MAX	255

unsigned int weft_admin_timeout = 60;
unsigned int weft_io_timeout = 30;
unsigned int weft_shutdown_timeout = 5;
unsigned int weft_delete_timeout = 30;
unsigned int weft_max_retries = 5;

static int set_seconds(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 1, WEFT_SECONDS_MAX);
}

static int set_retries(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 0, WEFT_RETRIES_MAX);
}

static const struct kernel_param_ops seconds_ops = {
	.set = set_seconds,
	.get = param_get_uint,
};
static const struct kernel_param_ops retries_ops = {
	.set = set_retries,
	.get = param_get_uint,
};

module_param_cb(admin_timeout, &seconds_ops, &weft_admin_timeout, 0644);
MODULE_PARM_DESC(admin_timeout,
		 "seconds that an admin command may take, 1 to 86400 (default 60)");
module_param_cb(io_timeout, &seconds_ops, &weft_io_timeout, 0644);
MODULE_PARM_DESC(io_timeout,
		 "seconds that an I/O command may take, 1 to 86400, for controllers connected from now on (default 30)");
module_param_cb(shutdown_timeout, &seconds_ops, &weft_shutdown_timeout, 0644);
MODULE_PARM_DESC(shutdown_timeout,
		 "seconds to wait for a controller's orderly shutdown, 1 to 86400 (default 5)");
module_param_cb(delete_timeout, &seconds_ops, &weft_delete_timeout, 0644);
MODULE_PARM_DESC(delete_timeout,
		 "seconds after which a deletion waits for its target no more, 1 to 86400 (default 30)");
module_param_cb(max_retries, &retries_ops, &weft_max_retries, 0644);
MODULE_PARM_DESC(max_retries,
		 "how often a command that the controller failed is sent again, 0 to 255 (default 5)");

bool weft_multipath = true;
module_param_named(multipath, weft_multipath, bool, 0444);
MODULE_PARM_DESC(multipath,
		 "one disk for all paths to a namespace of a subsystem with several controllers; N: a disk for each path (default Y)");
module_param_cb(iopolicy, &weft_iopolicy_ops, NULL, 0644);
MODULE_PARM_DESC(iopolicy,
		 "how multipath disks choose paths, for subsystems from now on: numa, round-robin or queue-depth (default numa)");

static char *control_device;
module_param(control_device, charp, 0444);
MODULE_PARM_DESC(control_device,
		 "name of the control device under /dev (default nvme-fabrics, or weft-fabrics beside the in-tree nvme-fabrics)");

struct workqueue_struct *weft_wq;
struct workqueue_struct *weft_ka_wq;
struct workqueue_struct *weft_life_wq;
struct workqueue_struct *weft_abort_wq;
struct dentry *weft_debugfs;

static void weft_wq_exit(void)
{
	struct workqueue_struct *all[] = {
		weft_abort_wq, weft_life_wq, weft_ka_wq, weft_wq,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i])
			destroy_workqueue(all[i]);
}

/*
 * Most are without WQ_MEM_RECLAIM: what runs there waits for the connection
 * manager's own works, which have no rescuer, and connecting allocates at every
 * step anyhow. Stopping a queue does neither, and memory may be waiting for I/O
 * that is to fail.
 */
static int weft_wq_init(void)
{
	weft_wq = alloc_workqueue("weft", WQ_UNBOUND, 0);
	weft_ka_wq = alloc_workqueue("weft_ka", WQ_UNBOUND, WQ_MAX_ACTIVE);
	weft_life_wq = alloc_workqueue("weft_life", WQ_UNBOUND, 0);
	weft_abort_wq = alloc_workqueue("weft_abort",
					WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (weft_wq && weft_ka_wq && weft_life_wq && weft_abort_wq)
		return 0;
	weft_wq_exit();
	return -ENOMEM;
}

static int weft_reboot(struct notifier_block *nb, unsigned long action,
		       void *data)
{
	weft_delete_all(READ_ONCE(weft_shutdown_timeout));
	return NOTIFY_DONE;
}

static struct notifier_block weft_reboot_nb = {
	.notifier_call = weft_reboot,
};

static int __init weft_init(void)
{
	int err = weft_names_init(control_device);

	if (err)
		return err;
	err = weft_wq_init();
	if (err)
		goto out_names;
	err = weft_dsm_init();
	if (err)
		goto out_wq;
	err = weft_heads_init();
	if (err)
		goto out_dsm;
	err = weft_hosts_init();
	if (err)
		goto out_heads;
	err = weft_chardev_init();
	if (err)
		goto out_hosts;
	err = weft_generic_init();
	if (err)
		goto out_chardev;
	err = weft_ctrl_class_init();
	if (err)
		goto out_generic;
	err = weft_subsys_init();
	if (err)
		goto out_class;
	weft_debugfs = debugfs_create_dir("weft", NULL);
	/* last: from here on users can connect */
	err = nvmf_init();
	if (err)
		goto out_debugfs;
	register_reboot_notifier(&weft_reboot_nb);
	pr_info("weft: control device /dev/%s, classes %s and %s, controllers from nvme%d%s\n",
		weft_names.control, weft_names.cls, weft_names.subsys_cls,
		weft_names.first_instance, weft_names.beside ?
		" (beside the in-tree nvme-core)" : "");
	return 0;

out_debugfs:
	debugfs_remove_recursive(weft_debugfs);
	weft_subsys_exit();
out_class:
	weft_ctrl_class_exit();
out_generic:
	weft_generic_exit();
out_chardev:
	weft_chardev_exit();
out_hosts:
	weft_hosts_exit();
out_heads:
	weft_heads_exit();
out_dsm:
	weft_dsm_exit();
out_wq:
	weft_wq_exit();
out_names:
	weft_names_exit();
	return err;
}

/* Every transport depends on this module, so no controller is left. */
static void __exit weft_exit(void)
{
	unregister_reboot_notifier(&weft_reboot_nb);
	nvmf_exit();
	weft_wq_exit();
	debugfs_remove_recursive(weft_debugfs);
	weft_subsys_exit();
	weft_ctrl_class_exit();
	weft_generic_exit();
	weft_chardev_exit();
	weft_hosts_exit();
	weft_heads_exit();
	weft_dsm_exit();
	weft_names_exit();
}

module_init(weft_init);
module_exit(weft_exit);

MODULE_DESCRIPTION("Weft NVMe over Fabrics host");
MODULE_LICENSE("GPL");
#ifdef WEFT_VERSION
MODULE_VERSION(WEFT_VERSION);
#endif
