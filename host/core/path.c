// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which path a bio takes. Three policies:
 *
 *   numa         the nearest optimized path of the submitter's node
 *   round-robin  optimized paths in turn
 *   queue-depth  the optimized path of the controller with the least in flight
 *
 * Paths that are not optimized are taken in the same way where no optimized one
 * is usable. Called on the submit path, under the head's SRCU, without locks;
 * requests are counted where they start and end, in any context.
 */
#include <linux/jiffies.h>
#include <linux/topology.h>

#include "host/core/head.h"

const char *const weft_iopolicy_names[WEFT_IOPOLICIES] = {
	[WEFT_IOPOLICY_NUMA]		= "numa",
	[WEFT_IOPOLICY_ROUND_ROBIN]	= "round-robin",
	[WEFT_IOPOLICY_QUEUE_DEPTH]	= "queue-depth",
};

enum weft_iopolicy weft_default_iopolicy;

/* For optimized and other paths: index of a choice */
enum { OPTIMIZED, OTHER, KINDS };

/* What is left when namespaces are removed may still finish, if there are queues. */
static bool ctrl_serves(const struct weft_ctrl *ctrl)
{
	return READ_ONCE(ctrl->serving) &&
	       (weft_ctrl_state(ctrl) == WEFT_CTRL_LIVE ||
		READ_ONCE(ctrl->core->slot_open));
}

/* OPTIMIZED, OTHER, or KINDS: not usable, whatever the controller does */
static unsigned int ns_kind(const struct weft_ns *ns)
{
	if (!READ_ONCE(ns->ready) || READ_ONCE(ns->quiesced) ||
	    READ_ONCE(ns->stale) || READ_ONCE(ns->gone) ||
	    READ_ONCE(ns->ana_pending) ||
	    READ_ONCE(ns->suspected) != READ_ONCE(ns->asked))
		return KINDS;
	switch (READ_ONCE(ns->ana_state)) {
	case NVME_ANA_OPTIMIZED:
		return OPTIMIZED;
	case NVME_ANA_NONOPTIMIZED:
		return OTHER;
	default:
		return KINDS;
	}
}

static unsigned int path_kind(const struct weft_ns *ns)
{
	return ctrl_serves(ns->ctrl) && !READ_ONCE(ns->troubled) ?
	       ns_kind(ns) : KINDS;
}

/* weft_path_usable() - can I/O be sent there in this moment? */
bool weft_path_usable(const struct weft_ns *ns)
{
	return path_kind(ns) != KINDS;
}

#define for_each_path(ns, head)						\
	list_for_each_entry_srcu(ns, &(head)->paths, sibling,		\
				 srcu_read_lock_held(&(head)->srcu))

/*
 * weft_suspect_paths() - like @ns, other paths may lead to another volume now
 * They are not used until their controllers have been asked. Any lock may be
 * held: those of the head are for longer than I/O takes.
 */
void weft_suspect_paths(struct weft_head *head, const struct weft_ns *ns)
{
	int idx = srcu_read_lock(&head->srcu);
	struct weft_ns *path;

	for_each_path(path, head) {
		if (path == ns)
			continue;
		WRITE_ONCE(path->suspected, READ_ONCE(path->suspected) + 1);
		weft_queue_scan(path->ctrl->core);
	}
	srcu_read_unlock(&head->srcu, idx);
}

/* Each time anew: what was nearest may not be when another path comes back */
static struct weft_ns *pick_numa(struct weft_head *head, int node,
				 struct weft_ns *last)
{
	struct weft_ns *ns, *best[KINDS] = {};
	int distance, least[KINDS] = { INT_MAX, INT_MAX };

	for_each_path(ns, head) {
		unsigned int kind = path_kind(ns);
		int at = ns->ctrl->dma_dev_node;

		if (kind == KINDS)
			continue;
		distance = at == NUMA_NO_NODE ? LOCAL_DISTANCE :
						node_distance(node, at);
		if (distance < least[kind]) {
			least[kind] = distance;
			best[kind] = ns;
		}
	}
	return best[OPTIMIZED] ?: best[OTHER];
}

static struct weft_ns *pick_round_robin(struct weft_head *head, int node,
					struct weft_ns *last)
{
	struct weft_ns *ns, *first[KINDS] = {}, *next[KINDS] = {};
	bool after = false;

	for_each_path(ns, head) {
		unsigned int kind = path_kind(ns);

		if (kind != KINDS && !first[kind])
			first[kind] = ns;
		if (kind != KINDS && after && !next[kind])
			next[kind] = ns;
		after |= ns == last;
	}
	if (first[OPTIMIZED])
		return next[OPTIMIZED] ?: first[OPTIMIZED];
	return next[OTHER] ?: first[OTHER];
}

static struct weft_ns *pick_queue_depth(struct weft_head *head, int node,
					struct weft_ns *last)
{
	struct weft_ns *ns, *best[KINDS] = {};
	int depth, least[KINDS] = { INT_MAX, INT_MAX };

	for_each_path(ns, head) {
		unsigned int kind = path_kind(ns);

		if (kind == KINDS)
			continue;
		depth = atomic_read(&ns->ctrl->core->in_flight);
		if (depth < least[kind]) {
			least[kind] = depth;
			best[kind] = ns;
		}
	}
	return best[OPTIMIZED] ?: best[OTHER];
}

typedef struct weft_ns *(*pick_fn)(struct weft_head *head, int node,
				   struct weft_ns *last);
static const pick_fn picks[] = {
	[WEFT_IOPOLICY_NUMA]		= pick_numa,
	[WEFT_IOPOLICY_ROUND_ROBIN]	= pick_round_robin,
	[WEFT_IOPOLICY_QUEUE_DEPTH]	= pick_queue_depth,
};

/*
 * weft_find_path() - a usable path, or NULL
 * Context: under the head's SRCU, which keeps the path.
 */
struct weft_ns *weft_find_path(struct weft_head *head)
{
	enum weft_iopolicy policy = READ_ONCE(head->subsys->iopolicy);
	int node = numa_node_id();
	struct weft_ns *last, *ns;

	last = srcu_dereference(head->current_path[node], &head->srcu);
	ns = picks[policy](head, node, last);
	if (ns != last)
		rcu_assign_pointer(head->current_path[node], ns);
	return ns;
}

/*
 * A user's command is small, and sent once: it may go where bios do not for a
 * moment, because of trouble or of new limits.
 */
static struct weft_ns *spare_path(struct weft_head *head)
{
	struct weft_ns *ns;

	for_each_path(ns, head)
		if (weft_ctrl_state(ns->ctrl) == WEFT_CTRL_LIVE &&
		    ns_kind(ns) != KINDS)
			return ns;
	return NULL;
}

/*
 * weft_path_get() - a path that takes a user's command: or NULL
 * For longer than SRCU may be held.
 * It may be removed meanwhile, which waits for none but its own requests: then
 * there are no new ones, but it stays in memory, and its controller with it.
 * Context: may sleep, as weft_path_put() does.
 */
struct weft_ns *weft_path_get(struct weft_head *head)
{
	int idx = srcu_read_lock(&head->srcu);
	struct weft_ns *ns = weft_find_path(head) ?: spare_path(head);

	if (ns)
		get_device(disk_to_dev(ns->disk));
	srcu_read_unlock(&head->srcu, idx);
	return ns;
}

void weft_path_put(struct weft_ns *ns)
{
	put_device(disk_to_dev(ns->disk));
}

/* weft_clear_path() - @ns is not the last choice any more: it goes */
void weft_clear_path(struct weft_head *head, const struct weft_ns *ns)
{
	int node;

	for_each_node(node)
		if (rcu_access_pointer(head->current_path[node]) == ns)
			RCU_INIT_POINTER(head->current_path[node], NULL);
}

static bool path_can_recover(const struct weft_ns *ns)
{
	if (!READ_ONCE(ns->ready) || READ_ONCE(ns->gone) ||
	    READ_ONCE(ns->ctrl->core->failfast))
		return false;
	switch (weft_ctrl_state(ns->ctrl)) {
	case WEFT_CTRL_LIVE:
		return READ_ONCE(ns->ana_state) != NVME_ANA_PERSISTENT_LOSS;
	case WEFT_CTRL_RESETTING:
	case WEFT_CTRL_CONNECTING:
		return true;
	default:
		return false;
	}
}

/*
 * weft_head_can_recover() - is it worth while to wait for a path?
 * Context: under the head's SRCU.
 */
bool weft_head_can_recover(struct weft_head *head)
{
	struct weft_ns *ns;

	for_each_path(ns, head)
		if (path_can_recover(ns))
			return true;
	return false;
}

/*
 * weft_path_start() - a request that came through a head is about to be sent
 * Counted for queue-depth, and for the statistics of the head's disk, which
 * has no requests of its own.
 */
void weft_path_start(struct request *rq)
{
	struct weft_ns *ns = rq->q->queuedata;
	struct weft_request *req = weft_req(rq);
	struct gendisk *disk = ns->head->disk;

	if (READ_ONCE(ns->head->subsys->iopolicy) ==
	    WEFT_IOPOLICY_QUEUE_DEPTH) {
		atomic_inc(&ns->ctrl->core->in_flight);
		req->flags |= WEFT_RQ_COUNTED;
	}
	if (blk_rq_bytes(rq) && blk_queue_io_stat(disk->queue)) {
		req->started = weft_acct_start(disk->part0, rq);
		req->flags |= WEFT_RQ_ACCOUNTED;
	}
}

/* weft_path_end() - undo weft_path_start(), once */
void weft_path_end(struct request *rq)
{
	struct weft_ns *ns = rq->q->queuedata;
	struct weft_request *req = weft_req(rq);

	if (req->flags & WEFT_RQ_COUNTED)
		atomic_dec(&ns->ctrl->core->in_flight);
	if (req->flags & WEFT_RQ_ACCOUNTED)
		weft_acct_end(ns->head->disk->part0, rq, req->started);
	req->flags &= ~(WEFT_RQ_COUNTED | WEFT_RQ_ACCOUNTED);
}

static int iopolicy_set(const char *val, const struct kernel_param *kp)
{
	int policy = sysfs_match_string(weft_iopolicy_names, val);

	if (policy < 0)
		return -EINVAL;
	weft_default_iopolicy = policy;
	return 0;
}

static int iopolicy_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s\n",
			  weft_iopolicy_names[weft_default_iopolicy]);
}

const struct kernel_param_ops weft_iopolicy_ops = {
	.set = iopolicy_set,
	.get = iopolicy_get,
};
