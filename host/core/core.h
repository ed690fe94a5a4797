/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of weft.ko share. Transports never see this header.
 *
 * Who runs what: one work item per controller, weft_life_work(), alone moves
 * it through recovery, reconnecting and deletion; the writer of the control
 * device does its first set-up. Other work items (scan, keep-alive, events)
 * only use a live admin queue and never wait for the life work. The abort work
 * breaks off whatever waits for a target that is to be given up.
 *
 * Locks, outermost first: weft_ctrls_lock, weft_ctrl_core.stop_lock,
 * slot_lock, ns_lock, and the spinlock, under which the state changes.
 */
#ifndef WEFT_HOST_CORE_H
#define WEFT_HOST_CORE_H

#include <linux/cdev.h>
#include <linux/idr.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "common/cmd.h"
#include "host/transport.h"

struct io_comp_batch;
struct io_uring_cmd;
struct nvme_passthru_cmd64;
struct weft_generic;
struct weft_head;
struct weft_host;
struct weft_ns_stats;
struct weft_qstats;
struct weft_subsys;

/*
 * Which request queues of namespaces are quiesced while there is no connection.
 * Paths of multipath disks are not, once queues are down: what they have must
 * come back to go another way.
 */
enum weft_hold {
	WEFT_HOLD_NONE,
	WEFT_HOLD_SINGLE,
	WEFT_HOLD_ALL,
};

/**
 * struct weft_ctrl_core - the core's part of a controller
 * @link: in weft_ctrls from weft_ctrl_init() to the last reference
 * @memory_link: from there until free_ctrl has returned; @ops is for this list
 * @dev: class device; its last reference frees everything
 * @lock: state, last_error, the queueing of work
 * @state_wq: woken by every change of state or of @rounds
 * @created: it has been live: the life work is in charge from here on; before,
 *           whoever creates it also takes it down
 * @rounds: set-up attempts that have ended
 * @attempts: failed ones since the controller was last live
 * @lost_at: when it left LIVE
 * @next_at: @pausing: the next attempt waits until then
 * @refusals: attempts in a row that the target refused for good
 * @refused: the attempt under way was refused so
 * @refused_at: the first of @refusals
 * @fw_paused: the controller activates new firmware: wait for it
 * @broken: a queue failed while the controller was being connected
 * @orderly: this RESETTING was asked for, the target still answers
 * @failfast: fast_io_fail_tmo has expired
 * @down: queues are gone for good: nothing left for the abort work
 * @stop_lock: alloc_queue, start_queue, free_queue against stop_queue, and who
 *             cancels requests against others that do
 * @nr_queues: queues between alloc_queue and free_queue, under @stop_lock
 * @slot_lock: one command of the admin queue's slot at a time
 * @slot_open: the admin queue is connected; cleared before it is stopped
 * @slot_since: jiffies when the running command was sent, under @slot_lock
 * @kato_ms: keep-alive timeout; 0: none; written under @lock
 * @ka_on: keep-alive runs: from Identify, before I/O queues are connected, until
 *         the admin queue is taken down; under @lock
 * @ka_due: the keep-alive work found the slot taken
 * @io_types: contexts per HCTX_TYPE_*; @mapped_types: as CPUs are mapped to them
 * @depth: block layer's depth of I/O queues; @sqsize: 1-based
 * @ns_lock: @namespaces and @hold
 * @scans_wanted: how often a scan was asked for; @scans: of those, how many
 *                have been answered by one that began later
 * @trouble_work: ends what its paths are @troubled with
 * @ns_refused: the last scan refused a namespace, or the one under way may have
 * @narrow: not 0: since its last connect requests may be larger than it takes,
 *          as its disks have the limits of before; under @lock. A number for each
 *          such connect, of which there were @narrowings, as a scan may have
 *          begun before it
 * @ka_looked: jiffies when the keep-alive work last looked, and the first of
 *             its next period
 * @comp_seen: something has completed that was sent since then
 * @aer_armed: the AER is out, or has come back with @aer_result, @aer_status
 * @orphans: bios whose hardware context went away in a reconnect, or which are
 *           too large since
 * @orphan_work: sends them again; may wait for requests that a recovery ends
 * @qstats: @nr_qstats: counters of queues, see stats.c; @retries and what
 *          follows it are rare
 * @effects: what the controller says of its commands, from its first connect
 *           on; its words change with each connect, the memory stays
 * @has_effects: it says something
 * @effects_lock: one command with far-reaching effects at a time
 * @ns_index: namespaces by their id, under @ns_lock like the list
 * @in_flight: requests of multipath disks, counted for policy queue-depth
 * @ana_lock: @ana_groups, and the ana_* fields of paths
 * @ana_size: bytes of the longest log; 0: all paths count as optimized
 * @ana_groups: state of each group as a value
 */
struct weft_ctrl_core {
	struct weft_ctrl *ctrl;
	const struct weft_transport_ops *ops;
	struct list_head link;
	struct list_head memory_link;
	struct device dev;
	struct cdev cdev;
	bool visible;
	bool owned;
	bool keeps_instance;
	struct weft_host *host;
	struct weft_subsys *subsys;
	struct list_head subsys_link;
	bool discovery;

	spinlock_t lock;
	wait_queue_head_t state_wq;
	bool created;
	bool broken;
	bool orderly;
	bool failfast;
	bool down;
	unsigned int rounds;
	unsigned int attempts;
	unsigned long lost_at;
	unsigned long next_at;
	bool pausing;
	unsigned int refusals;
	unsigned long refused_at;
	bool refused;
	bool fw_paused;
	struct weft_reason last_error;
	struct delayed_work life_work;
	struct delayed_work abort_work;
	struct delayed_work failfast_work;

	struct mutex stop_lock;
	unsigned int nr_queues;
	struct mutex slot_lock;
	bool slot_open;
	u32 kato_ms;
	bool ka_on;
	bool ka_due;
	unsigned long slot_since;

	u64 cap;
	u32 cc;
	u32 vs;
	unsigned int io_types[HCTX_MAX_TYPES];
	unsigned int mapped_types[HCTX_MAX_TYPES];
	unsigned int nr_hw_queues;
	u16 depth;
	u16 sqsize;
	u32 max_bytes;
	struct nvme_nvm_limits nvm_limits;
	bool nvm_limits_refused;

	struct mutex ns_lock;
	struct list_head namespaces;
	struct xarray ns_index;
	enum weft_hold hold;
	struct delayed_work scan_work;
	struct delayed_work trouble_work;
	atomic_t scans_wanted;
	unsigned int scans;
	bool ns_refused;
	u32 narrow;
	u32 narrowings;

	spinlock_t orphan_lock;
	struct bio_list orphans;
	struct work_struct orphan_work;

	atomic_t in_flight;
	struct mutex ana_lock;
	u32 ana_size;
	struct xarray ana_groups;
	struct delayed_work ana_work;
	struct delayed_work ana_timer;

	struct delayed_work ka_work;
	unsigned long ka_looked;
	bool comp_seen;
	struct delayed_work aer_work;
	bool aer_armed;
	u32 aer_result;
	nvme_status aer_status;

	struct weft_qstats *qstats;
	unsigned int nr_qstats;
	atomic64_t retries;
	atomic64_t failovers;
	atomic64_t cancelled;
	atomic64_t timeouts;
	atomic64_t recoveries;

	struct nvme_effects_log *effects;
	bool has_effects;
	struct mutex effects_lock;

	int ctrl_loss_tmo;
	int reconnect_delay;
	int fast_io_fail_tmo;
};

/**
 * struct weft_ns - a namespace as one controller shows it, with its disk
 * @generic: its character device, or NULL
 * @quiesced: @frozen: by us, once; written under ns_lock; @frozen: with the
 *            head's disk
 * @head: the namespace itself
 * @sibling: in the head's list of paths, if the head has a disk
 * @ready: its disk was added and, as a path, it stands in the head's list
 * @stale: as a path, it has fewer blocks than the head, or blocks of another
 *         size, as far as is known; set by a reconnect or under the head's
 *         lock, cleared by its scan
 * @suspected: @asked: as a path, it may lead to another volume since another path
 *             does; until a scan that began later has asked, and they are equal
 * @gone: its number leads to another namespace, or to none: nothing is sent
 *        there, and a scan removes it
 * @troubled: as a path, it answers with errors of the path: not for a while
 * @pinned: its module is held for users of the head's disk
 * @limits: of the disk
 * @ana_grpid: @ana_state: @ana_pending: where it belongs, enum nvme_ana_state,
 *             and that this has to be asked for; written under ana_lock
 *
 * Lives in its controller's list from before the disk is added until after it
 * is removed, so that its queue is quiesced with the others; the disk's
 * private data, freed by its free_disk.
 */
struct weft_ns {
	struct weft_ctrl *ctrl;
	struct list_head link;
	struct gendisk *disk;
	struct weft_generic *generic;
	struct weft_head *head;
	struct list_head sibling;
	bool ready;
	bool stale;
	u32 suspected;
	u32 asked;
	bool gone;
	bool troubled;
	bool pinned;
	struct weft_limits limits;
	u32 ana_grpid;
	u8 ana_state;
	bool ana_pending;
	struct weft_ns_stats __percpu *stats;
	u32 nsid;
	u8 shift;
	bool quiesced;
	bool frozen;
	bool seen;
	struct nvme_ns_facts facts;
};

/* names.c: what the class, the devices and the files are called */
struct weft_names {
	bool beside;		/* the in-tree core is loaded */
	const char *cls;
	const char *subsys_cls;
	const char *fabrics_cls;
	const char *generic_cls;
	const char *control;
	int first_instance;
};
extern struct weft_names weft_names;
int weft_names_init(const char *control_device);
void weft_names_exit(void);

/*
 * main.c. A workqueue runs only so many works at once, and those of many
 * controllers may all be waiting: what ends a wait is never queued behind it.
 * weft_wq: what waits for answers and for I/O; a recovery ends that
 * weft_ka_wq: Keep Alive, which targets that are well must not miss
 * weft_life_wq: life works, which wait for targets; an abort ends that
 * weft_abort_wq: what breaks off, and makes I/O fail; waits for no target
 */
extern struct workqueue_struct *weft_wq;
extern struct workqueue_struct *weft_ka_wq;
extern struct workqueue_struct *weft_life_wq;
extern struct workqueue_struct *weft_abort_wq;
extern struct dentry *weft_debugfs;
extern unsigned int weft_admin_timeout;
extern unsigned int weft_io_timeout;
extern unsigned int weft_shutdown_timeout;
extern unsigned int weft_delete_timeout;
extern unsigned int weft_max_retries;
extern bool weft_multipath;

/* fabrics.c: the control device */
int nvmf_init(void);
void nvmf_exit(void);
struct device *nvmf_parent(void);

/* create.c: transports, and how a connect string becomes a controller */
int nvmf_create_ctrl(struct weft_connstr *opts, struct weft_reason *why,
		     int *instance, u16 *cntlid);

/* hosts.c: host NQN and host identifier belong together */
int weft_hosts_init(void);
void weft_hosts_exit(void);
struct weft_host *weft_host_get(struct weft_connstr *opts,
				struct weft_reason *why);
void weft_host_put(struct weft_host *host);

/* ctrl.c */
extern struct list_head weft_ctrls;
extern struct mutex weft_ctrls_lock;
int weft_ctrl_class_init(void);
void weft_ctrl_class_exit(void);
bool weft_change_state(struct weft_ctrl_core *core, enum weft_ctrl_state to);
void weft_set_narrow(struct weft_ctrl_core *core, bool narrow);
void weft_end_narrow(struct weft_ctrl_core *core, u32 narrow);
bool weft_queue_live(struct weft_ctrl_core *core, struct delayed_work *work,
		     unsigned long delay);
const char *weft_state_name(enum weft_ctrl_state state);
void weft_note_error(struct weft_ctrl_core *core, const char *text);
bool weft_start_delete(struct weft_ctrl_core *core);
void weft_delete_all(unsigned int seconds);
bool weft_start_fw_pause(struct weft_ctrl_core *core);
bool weft_start_reset(struct weft_ctrl_core *core, unsigned int *rounds);
int weft_ctrl_publish(struct weft_ctrl_core *core, struct weft_reason *why);
void weft_ctrl_unpublish(struct weft_ctrl_core *core);
void weft_ctrl_uevent(struct weft_ctrl_core *core, const char *env);
void weft_instance_free(int instance);

/* exec.c: set-up commands */
int weft_exec_queue(struct weft_ctrl_core *core, u16 qid,
		    struct weft_slot_cmd *cmd, const char *what,
		    nvme_status *status, struct weft_reason *why);
int weft_exec_admin(struct weft_ctrl_core *core, struct weft_slot_cmd *cmd,
		    const char *what, nvme_status *status,
		    struct weft_reason *why);
int weft_status_fail(nvme_status status, const char *what,
		     struct weft_reason *why);
int weft_identify(struct weft_ctrl_core *core, u8 cns, u32 nsid, void *data,
		  nvme_status *status, struct weft_reason *why);
int weft_get_log(struct weft_ctrl_core *core, u8 lid, void *data, u32 len,
		 struct weft_reason *why);
int weft_get_log_part(struct weft_ctrl_core *core, u8 lid, u8 lsp, void *data,
		      u32 len, u64 offset, struct weft_reason *why);
int weft_set_features(struct weft_ctrl_core *core, u8 fid, u32 cdw11,
		      u32 *result, struct weft_reason *why);
int weft_property_get(struct weft_ctrl_core *core, u32 offset, bool eight,
		      u64 *value, struct weft_reason *why);
int weft_property_set(struct weft_ctrl_core *core, u32 offset, u32 value,
		      struct weft_reason *why);
int weft_submit_aer(struct weft_ctrl_core *core);
/* Did a set-up command end for another reason than what was answered? */
static inline bool weft_no_answer(int err)
{
	return err == -ECONNRESET || err == -ETIMEDOUT || err == -EINTR;
}

void weft_slot_open(struct weft_ctrl_core *core);
void weft_slot_shut(struct weft_ctrl_core *core);
void weft_slot_wait(struct weft_ctrl_core *core);

/* setup.c, queues.c: the way up and the way down */
int weft_setup_ctrl(struct weft_ctrl_core *core, struct weft_reason *why);
int weft_connect_queue(struct weft_ctrl_core *core,
		       const struct weft_queue_params *p,
		       struct weft_reason *why);
int weft_alloc_admin_set(struct weft_ctrl_core *core, unsigned int depth,
			 struct weft_reason *why);
int weft_alloc_io_set(struct weft_ctrl_core *core, struct weft_reason *why);
void weft_disable_ctrl(struct weft_ctrl_core *core);
void weft_resubmit_orphans(struct weft_ctrl_core *core);
void weft_orphan_work(struct work_struct *work);
void weft_free_tag_sets(struct weft_ctrl_core *core);
int weft_configure_io_queues(struct weft_ctrl_core *core,
			     struct weft_reason *why);
int weft_resize_io_set(struct weft_ctrl_core *core, struct weft_reason *why);
void weft_stop_queues(struct weft_ctrl_core *core, unsigned int from);
void weft_free_queues(struct weft_ctrl_core *core);
void weft_end_requests(struct weft_ctrl_core *core);
void weft_quiesce_io(struct weft_ctrl_core *core);
void weft_release_paths(struct weft_ctrl_core *core);
void weft_unquiesce_io(struct weft_ctrl_core *core);
bool weft_freeze_io(struct weft_ctrl_core *core);
void weft_unfreeze_io(struct weft_ctrl_core *core);
void weft_unfreeze_ns(struct weft_ns *ns);

/* recovery.c, delete.c */
void weft_identify_again(struct weft_ctrl_core *core);
void weft_life_init(struct weft_ctrl_core *core);
void weft_start_ctrl(struct weft_ctrl_core *core);
void weft_teardown(struct weft_ctrl_core *core, bool orderly);
void weft_delete_now(struct weft_ctrl_core *core);
int weft_delete_ctrl_sync(struct weft_ctrl *ctrl);
int weft_reset_ctrl_sync(struct weft_ctrl *ctrl);
void weft_delete_transport(const struct weft_transport_ops *ops);
void weft_abort_work(struct work_struct *work);

/* retry.c: when to try again, when to give up */
void weft_retry_noted(struct weft_ctrl_core *core, bool refused);
bool weft_retry_over(struct weft_ctrl_core *core, struct weft_reason *why);
unsigned int weft_retry_queue(struct weft_ctrl_core *core);
void weft_retry_now(struct weft_ctrl_core *core);
void weft_failfast_arm(struct weft_ctrl_core *core);
void weft_retry_status(struct weft_ctrl_core *core, struct weft_text *t);

/* keepalive.c, aer.c */
void weft_ka_work(struct work_struct *work);
void weft_ka_start(struct weft_ctrl_core *core);
void weft_ka_stop(struct weft_ctrl_core *core);
void weft_ka_set(struct weft_ctrl_core *core, u32 ms);
void weft_keep_alive(struct weft_ctrl_core *core);
void weft_aer_work(struct work_struct *work);
void weft_aer_start(struct weft_ctrl_core *core);

/* ns.c: which namespaces there are; disk.c: their disks */
void weft_scan_work(struct work_struct *work);
unsigned int weft_queue_scan(struct weft_ctrl_core *core);
int weft_check_namespaces(struct weft_ctrl_core *core,
			  struct weft_reason *why);
void weft_remove_namespaces(struct weft_ctrl_core *core);
struct weft_ns *weft_ns_add(struct weft_ctrl_core *core, u32 nsid,
			    const struct nvme_ns_facts *facts,
			    struct weft_reason *why);
void weft_ns_remove(struct weft_ns *ns);
int weft_ns_update(struct weft_ns *ns, const struct nvme_ns_facts *facts,
		   struct weft_reason *why);

/* block.c */
int weft_dsm_init(void);
void weft_dsm_exit(void);

/* weft_request.flags */
#define WEFT_RQ_CANCELLED	(1u << 0)
#define WEFT_RQ_COUNTED		(1u << 1)
#define WEFT_RQ_ACCOUNTED	(1u << 2)
#define WEFT_RQ_REFUSED		(1u << 3)	/* it was not sent */

/*
 * weft_noretry_rq() - shall it rather fail than wait?
 * Not because of a read-ahead that something else was merged with.
 */
static inline bool weft_noretry_rq(struct request *rq)
{
	return blk_noretry_request(rq) && !(rq->rq_flags & RQF_MIXED_MERGE);
}

/* weft_defer_bio() - @bio is sent again by a work, elsewhere: it may wait */
static inline void weft_defer_bio(struct bio *bio)
{
	weft_unpoll_bio(bio);
	bio->bi_opf &= ~REQ_NOWAIT;
}

/* chardev.c: nvmeX; generic.c: ngXnY */
int weft_chardev_init(void);
void weft_chardev_exit(void);
int weft_chardev_add(struct weft_ctrl_core *core);
int weft_generic_init(void);
void weft_generic_exit(void);
struct weft_generic *weft_generic_add(struct gendisk *disk,
				      struct device *parent);
void weft_generic_remove(struct weft_generic *g);

/**
 * struct weft_user_cmd - one command that a user sends through us
 * @addr: user memory of @len bytes, or, @vectored, @len iovecs that describe it
 * @fixed: @addr lies in this command's registered buffer; NULL: it does not
 * @timeout_ms: 0 = the queue's default
 */
struct weft_user_cmd {
	union nvme_cmd cmd;
	u64 addr;
	u32 len;
	bool vectored;
	struct io_uring_cmd *fixed;
	u32 timeout_ms;
	u64 result;
};

/* How a file was opened that a command comes from */
#define WEFT_OPENED_WRITE	(1u << 0)
#define WEFT_OPENED_PARTITION	(1u << 1)

/* permit.c: who may send which command, and what has to be done around it */
int weft_effects_read(struct weft_ctrl_core *core, struct weft_reason *why);
int weft_cmd_permit(struct weft_ctrl_core *core, struct weft_ns *ns,
		    const union nvme_cmd *cmd, unsigned int opened);
u32 weft_cmd_effects(struct weft_ctrl_core *core, const union nvme_cmd *cmd,
		     bool admin);
bool weft_sets_feature(const union nvme_cmd *cmd, u8 fid);
bool weft_cmd_stands_alone(struct weft_ctrl_core *core,
			   const union nvme_cmd *cmd);
int weft_effects_begin(struct weft_ctrl_core *core, u32 effects);
void weft_effects_end(struct weft_ctrl_core *core, u32 effects);

/* passthru.c: users' commands as requests */
int weft_user_cmd_fill(struct weft_user_cmd *u,
		       const struct nvme_passthru_cmd64 *p);
struct request *weft_passthru_alloc(struct request_queue *q,
				    const struct weft_user_cmd *u,
				    blk_opf_t opf, blk_mq_req_flags_t flags);
int weft_passthru_result(struct request *rq, blk_status_t sts);
int weft_passthru_io(struct weft_ns *ns, struct weft_user_cmd *u);
int weft_passthru_admin(struct weft_ctrl_core *core, struct weft_user_cmd *u);

/* ioctl.c, uring.c: where they enter */
int weft_ctrl_ioctl(struct weft_ctrl *ctrl, unsigned int cmd,
		    void __user *arg, unsigned int opened);
int weft_ns_ioctl(struct weft_ns *ns, unsigned int cmd, void __user *arg,
		  unsigned int opened);
int weft_ns_uring_cmd(struct weft_ns *ns, struct io_uring_cmd *ioucmd,
		      unsigned int issue_flags);
int weft_ctrl_uring_cmd(struct weft_ctrl_core *core,
			struct io_uring_cmd *ioucmd, unsigned int issue_flags);
int weft_uring_iopoll(struct io_uring_cmd *ioucmd, struct io_comp_batch *iob,
		      unsigned int poll_flags);
int weft_ns_hold(struct weft_ns *ns);
void weft_ns_release(struct weft_ns *ns);

/* stats.c */
extern const struct attribute_group weft_stats_group;
int weft_stats_alloc(struct weft_ctrl_core *core);
void weft_stats_free(struct weft_ctrl_core *core);
void weft_stats_show(struct weft_ctrl_core *core);
int weft_ns_stats_alloc(struct weft_ns *ns);
void weft_ns_stats_free(struct weft_ns *ns);
void weft_count_rq(struct weft_ctrl_core *core, struct request *rq);
void weft_count_retry(struct request *rq);
void weft_count_failover(struct request *rq);

/* Which queue @rq goes through: 0 is the admin queue */
static inline u16 weft_rq_qid(const struct request *rq)
{
	const struct weft_ctrl *ctrl = rq->q->tag_set->driver_data;

	return rq->q == ctrl->admin_q ? 0 : rq->mq_hctx->queue_num + 1;
}

/* sysfs.c */
ssize_t weft_emit_foreign(char *buf, const char *text);
extern const struct attribute_group *weft_ctrl_groups[];

/* subsys.c */
int weft_subsys_init(void);
void weft_subsys_exit(void);
int weft_subsys_join(struct weft_ctrl_core *core, struct weft_reason *why);
void weft_subsys_leave(struct weft_ctrl_core *core);

static inline struct weft_ctrl_core *weft_core_of(struct device *dev)
{
	return container_of(dev, struct weft_ctrl_core, dev);
}

#endif
