/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Subsystems, the heads of their namespaces, and the paths that lead there.
 *
 *   weft_subsys --< weft_head --< weft_ns >-- weft_ctrl_core
 *
 * A head stands for a namespace, whichever controllers lead to it. If there can
 * be several of them it has a disk of its own, nvmeXnY, and the disk of each
 * path is a hidden one, nvmeXcZnY; otherwise the only path's disk is nvmeXnY.
 *
 * Locks, outermost first: a disk's open_mutex, the one of the list of
 * subsystems (subsys.c), weft_subsys.lock, weft_head.show_lock, weft_head.lock,
 * weft_ctrl_core.ana_lock, weft_ctrl_core.ns_lock. Submission walks the paths
 * under the head's SRCU: a path is freed only after it was taken off the list
 * and two grace periods have passed.
 */
#ifndef WEFT_HOST_HEAD_H
#define WEFT_HOST_HEAD_H

#include <linux/bio.h>
#include <linux/hdreg.h>
#include <linux/kref.h>
#include <linux/ratelimit.h>
#include <linux/sched/mm.h>
#include <linux/srcu.h>

#include "common/ana.h"
#include "host/core/core.h"

/* Marks bios and requests that came through a head */
#define WEFT_REQ_MPATH		REQ_DRV

enum weft_iopolicy {
	WEFT_IOPOLICY_NUMA,
	WEFT_IOPOLICY_ROUND_ROBIN,
	WEFT_IOPOLICY_QUEUE_DEPTH,
	WEFT_IOPOLICIES,
};

/**
 * struct weft_subsys - an NVM subsystem, as class nvme-subsystem shows it
 * @link: in the list of all, under weft_subsystems_lock, as is @ctrls
 * @ctrls: controllers that lead to it
 * @instance: number X of nvme-subsysX, its first controller's
 * @multi: CMIC says that there can be several controllers
 * @lock: @heads, and how many namespaces each has
 * @ns_ida: numbers of heads, from 1
 * @iopolicy: enum weft_iopolicy; READ_ONCE on the submit path
 */
struct weft_subsys {
	struct device dev;
	struct list_head link;
	struct list_head ctrls;
	int instance;
	bool discovery;
	bool multi;
	u16 vid;
	char nqn[NVMF_NQN_MAX + 1];
	char model[sizeof_field(struct nvme_ctrl_info, model)];
	char serial[sizeof_field(struct nvme_ctrl_info, serial)];
	char firmware[sizeof_field(struct nvme_ctrl_info, firmware)];
	struct mutex lock;
	struct list_head heads;
	struct ida ns_ida;
	enum weft_iopolicy iopolicy;
};

/**
 * struct weft_head - a namespace of a subsystem
 * @link: in the subsystem's list while it has namespaces, under its lock
 * @users: @members: namespaces (one per controller) that belong to it, under the
 *         same; those that are going have left @users, but not @members
 * @facts: of the namespace, as last identified; identifiers never change
 * @nuse: blocks in use, as last asked for; not more often than @nuse_limit lets
 * @disk: NULL if the only path's disk serves
 * @generic: its character device, or NULL
 * @show_lock: the disk is added or removed
 * @shown: @gone: the disk was added; it never will be (any more)
 * @lock: @paths and @openers
 * @paths: usable or not, in SRCU; submission looks here
 * @openers: users of the disk: transports' modules are held for them
 * @requeue_list: bios that wait for a path, under @requeue_lock
 * @part_work: reads the partition table, which may have to wait for a path
 * @current_path: of each NUMA node, the last choice: where round-robin goes on
 */
struct weft_head {
	struct weft_subsys *subsys;
	struct list_head link;
	unsigned int users;
	unsigned int members;
	struct kref ref;
	u32 nsid;
	int instance;
	bool shared;
	struct nvme_ns_facts facts;
	struct ratelimit_state nuse_limit;
	u64 nuse;

	struct gendisk *disk;
	struct weft_generic *generic;
	struct mutex show_lock;
	bool shown;
	bool gone;
	struct mutex lock;
	struct srcu_struct srcu;
	struct list_head paths;
	unsigned int openers;
	spinlock_t requeue_lock;
	struct bio_list requeue_list;
	struct work_struct requeue_work;
	struct work_struct show_work;
	struct work_struct part_work;
	struct weft_ns __rcu *current_path[];
};

/*
 * While a disk's queue is frozen, memory must not wait for I/O: that may be to
 * this disk.
 */
static inline unsigned int weft_freeze(struct request_queue *q)
{
	unsigned int noio = memalloc_noio_save();

	blk_mq_freeze_queue(q);
	return noio;
}

static inline void weft_unfreeze(struct request_queue *q, unsigned int noio)
{
	blk_mq_unfreeze_queue(q);
	memalloc_noio_restore(noio);
}

/* subsys.c */
int weft_subsys_check_ids(struct weft_subsys *s,
			  const struct nvme_ns_facts *facts,
			  struct weft_reason *why);
void weft_subsys_scan_refused(void);

/* head.c: which head a namespace belongs to */
struct weft_head *weft_head_get(struct weft_ctrl_core *core, u32 nsid,
				const struct nvme_ns_facts *facts,
				struct weft_reason *why);
void weft_head_put(struct weft_head *head);
void weft_head_leave(struct weft_head *head);
void weft_head_end(struct weft_head *head);
bool weft_same_ids(const struct nvme_ns_facts *a, const struct nvme_ns_facts *b);
const char *weft_shared_id(const struct nvme_ns_facts *a,
			   const struct nvme_ns_facts *b);

/* headdisk.c: a head's disk */
int weft_heads_init(void);
void weft_heads_exit(void);
int weft_head_alloc_disk(struct weft_head *head);
void weft_head_free_disk(struct weft_head *head);
int weft_head_add_path(struct weft_head *head, struct weft_ns *ns,
		       struct weft_reason *why);
void weft_head_del_path(struct weft_head *head, struct weft_ns *ns);
int weft_head_update(struct weft_head *head, struct weft_ns *ns,
		     const struct nvme_ns_facts *facts,
		     struct weft_reason *why);
void weft_head_show(struct weft_head *head);
bool weft_is_head(const struct gendisk *disk);
int weft_head_hold(struct weft_head *head);
void weft_head_unhold(struct weft_head *head);
int weft_head_ioctl(struct weft_head *head, unsigned int cmd, void __user *arg,
		    unsigned int opened);
void weft_head_hide(struct weft_head *head);

/* failover.c: bios on their way to a path */
extern struct workqueue_struct *weft_requeue_wq;
int weft_failover_init(void);
void weft_failover_exit(void);
void weft_head_submit_bio(struct bio *bio);
void weft_head_init_requeue(struct weft_head *head);
void weft_head_kick(struct weft_head *head);
void weft_kick_paths(struct weft_ctrl_core *core);
void weft_trouble_work(struct work_struct *work);
bool weft_may_fail_over(struct request *rq);
blk_status_t weft_fail_over(struct request *rq);
blk_status_t weft_refuse_rq(struct weft_ctrl *ctrl, struct request *rq);

/* path.c: which path */
extern const char *const weft_iopolicy_names[WEFT_IOPOLICIES];
extern const struct kernel_param_ops weft_iopolicy_ops;
extern enum weft_iopolicy weft_default_iopolicy;
struct weft_ns *weft_find_path(struct weft_head *head);
struct weft_ns *weft_path_get(struct weft_head *head);
void weft_path_put(struct weft_ns *ns);
void weft_suspect_paths(struct weft_head *head, const struct weft_ns *ns);
bool weft_path_usable(const struct weft_ns *ns);
bool weft_head_can_recover(struct weft_head *head);
void weft_clear_path(struct weft_head *head, const struct weft_ns *ns);
void weft_path_start(struct request *rq);
void weft_path_end(struct request *rq);

/* ana.c */
int weft_ana_setup(struct weft_ctrl_core *core, struct weft_reason *why);
void weft_ana_init(struct weft_ctrl_core *core);
void weft_ana_stop(struct weft_ctrl_core *core);
void weft_ana_exit(struct weft_ctrl_core *core);
void weft_ana_add_ns(struct weft_ns *ns);
void weft_queue_ana(struct weft_ctrl_core *core, unsigned long delay);

/* disk.c: what a path's disk and a head's share */
int weft_ns_apply(struct weft_ns *ns, const struct nvme_ns_facts *f,
		  struct weft_reason *why);
unsigned int weft_opened(struct block_device *bdev, weft_blk_mode mode);
int weft_blk_getgeo(struct block_device *bdev, struct hd_geometry *geo);

/* pr.c */
extern const struct pr_ops weft_pr_ops;

/* nsattr.c */
extern const struct attribute_group *weft_ns_groups[];

#endif
