// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asymmetric Namespace Access: which groups of namespaces a controller leads
 * to, and how well. The log is read before a controller becomes live, when an
 * event or a failed command says that it has changed, and when a namespace
 * belongs to a group that is not known. What it says is kept by group, and
 * written down in every path.
 *
 * A change that takes the controller longer than twice what it announced
 * (ANATT) ends in a reset. Runs in process context: the creator, the life work
 * and the ANA work, under ana_lock.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/xarray.h>

#include "host/core/head.h"

/* A log that is longer is not read: some 16,000 groups or 128,000 namespaces */
#define ANA_LOG_MAX	(512u << 10)
/* Until a log that the controller refused is asked for again */
#define ANA_RETRY	HZ

/* Enough of the log for all of its groups, in pieces of the slot's size */
static int read_pieces(struct weft_ctrl_core *core, u8 lsp, u8 *log,
		       size_t *len, struct weft_reason *why)
{
	struct nvme_ana_iter it;
	struct nvme_ana_group g;
	size_t got = 0, n;
	int err;

	do {
		n = min_t(size_t, core->ana_size - got, WEFT_SLOT_DATA);
		err = weft_get_log_part(core, NVME_LOG_ANA, lsp, log + got, n,
					got, why);
		if (err)
			return err;
		if (!got)
			nvme_ana_iter_init(&it, log, n, why);
		got += n;
		it.len = got;
		do {
			err = nvme_ana_iter_next(&it, &g, why);
		} while (err > 0);
	} while (err == -EMSGSIZE && got < core->ana_size);
	*len = got;
	return err;
}

/* Pieces of one state of things: the change count did not move meanwhile */
static int read_same(struct weft_ctrl_core *core, u8 lsp, u8 *log, size_t *len,
		     struct weft_reason *why)
{
	struct nvme_ana_log_header *before = (void *)log, after;
	unsigned int tries = 3;
	int err;

	do {
		err = read_pieces(core, lsp, log, len, why);
		if (err || *len <= WEFT_SLOT_DATA)
			return err;
		err = weft_get_log_part(core, NVME_LOG_ANA, lsp, &after,
					sizeof(after), 0, why);
		if (err || after.chgcnt == before->chgcnt)
			return err;
	} while (--tries);
	return weft_fail(why, -EAGAIN, "it changes while it is read");
}

/*
 * There are controllers that cannot give a long log in pieces. Their groups
 * alone are short; who belongs to them a scan will tell.
 */
static int read_log(struct weft_ctrl_core *core, u8 *log, size_t *len,
		    struct weft_reason *why)
{
	int err = read_same(core, 0, log, len, why);

	if (!err || core->ana_size <= WEFT_SLOT_DATA || weft_no_answer(err))
		return err;
	weft_queue_scan(core);
	return read_same(core, NVME_ANA_LSP_RGO, log, len, why);
}

static void note_group(struct weft_ctrl_core *core,
		       const struct nvme_ana_group *g)
{
	struct weft_ns *ns;
	u32 i;

	/* recovery of this very controller may need ns_lock to free memory */
	xa_store(&core->ana_groups, g->id, xa_mk_value(g->state), GFP_NOIO);
	for (i = 0; i < g->nnsids; i++) {
		ns = xa_load(&core->ns_index, nvme_ana_nsid(g, i));
		if (ns)
			ns->ana_grpid = g->id;
	}
}

/* What the log says of @ns now. Group 0 is none: no asymmetry. */
static void settle(struct weft_ns *ns)
{
	struct weft_ctrl_core *core = ns->ctrl->core;
	void *entry = xa_load(&core->ana_groups, ns->ana_grpid);
	u8 state = ns->ana_grpid && core->ana_size ? xa_to_value(entry) :
						     NVME_ANA_OPTIMIZED;

	lockdep_assert_held(&core->ana_lock);
	if (!state) {
		WRITE_ONCE(ns->ana_pending, true);
		return;
	}
	WRITE_ONCE(ns->ana_state, state);
	WRITE_ONCE(ns->ana_pending, false);
}

/* Paths that have become usable, or never will: let bios see it */
static void settle_all(struct weft_ctrl_core *core)
{
	struct weft_ns *ns;

	list_for_each_entry(ns, &core->namespaces, link) {
		settle(ns);
		if (ns->ana_pending)
			dev_warn_ratelimited(core->ctrl->device,
				"namespace %u: the ANA log does not name its group %u, so it is not used\n",
				ns->nsid, ns->ana_grpid);
		if (!ns->head->disk)
			continue;
		if (weft_path_usable(ns))
			queue_work(weft_wq, &ns->head->show_work);
		weft_head_kick(ns->head);
	}
}

/* Groups that the log does not name any more are forgotten. */
static bool take_log(struct weft_ctrl_core *core, const u8 *log, size_t len)
{
	struct nvme_ana_iter it;
	struct nvme_ana_group g;
	bool changing = false;

	mutex_lock(&core->ns_lock);
	xa_destroy(&core->ana_groups);
	nvme_ana_iter_init(&it, log, len, NULL);
	while (nvme_ana_iter_next(&it, &g, NULL) > 0) {
		note_group(core, &g);
		changing |= g.state == NVME_ANA_CHANGE;
	}
	settle_all(core);
	mutex_unlock(&core->ns_lock);
	return changing;
}

static int update(struct weft_ctrl_core *core, struct weft_reason *why)
{
	unsigned long limit = core->ctrl->info.anatt * 2 * HZ;
	u8 *log = kvmalloc(core->ana_size, GFP_KERNEL);
	size_t len = 0;
	int err;

	if (!log)
		return weft_fail(why, -ENOMEM, "no memory for %u bytes",
				 core->ana_size);
	mutex_lock(&core->ana_lock);
	err = read_log(core, log, &len, why);
	if (!err && !take_log(core, log, len))
		cancel_delayed_work(&core->ana_timer);
	else if (!err && limit)
		/* goes on if it runs already */
		queue_delayed_work(weft_wq, &core->ana_timer, limit);
	mutex_unlock(&core->ana_lock);
	kvfree(log);
	return err;
}

/* A teardown waits for it, so it does not wait for memory that I/O would free. */
static void ana_work(struct work_struct *work)
{
	struct weft_ctrl_core *core = container_of(to_delayed_work(work),
						   struct weft_ctrl_core,
						   ana_work);
	unsigned int noio = memalloc_noio_save();
	struct weft_reason why;
	int err = update(core, &why);

	memalloc_noio_restore(noio);
	if (!err || weft_ctrl_state(core->ctrl) != WEFT_CTRL_LIVE)
		return;
	dev_warn_ratelimited(core->ctrl->device, "ANA log: %s\n", why.text);
	weft_queue_ana(core, ANA_RETRY);
}

static void ana_timer(struct work_struct *work)
{
	struct weft_ctrl_core *core = container_of(to_delayed_work(work),
						   struct weft_ctrl_core,
						   ana_timer);
	unsigned int rounds;

	if (weft_start_reset(core, &rounds))
		dev_warn(core->ctrl->device,
			 "an ANA change takes longer than twice its %u s: resetting\n",
			 core->ctrl->info.anatt);
}

/* There is no log (any more): no path is worse than another. */
static void no_log(struct weft_ctrl_core *core)
{
	mutex_lock(&core->ana_lock);
	mutex_lock(&core->ns_lock);
	xa_destroy(&core->ana_groups);
	settle_all(core);
	mutex_unlock(&core->ns_lock);
	mutex_unlock(&core->ana_lock);
}

/* weft_queue_ana() - read the log soon, if there is one; any context */
void weft_queue_ana(struct weft_ctrl_core *core, unsigned long delay)
{
	if (READ_ONCE(core->ana_size))
		weft_queue_live(core, &core->ana_work, delay);
}

/*
 * weft_ana_setup() - how things are, before the controller becomes live
 * Return: 0, also if it reports no ANA or a log that is too long.
 */
int weft_ana_setup(struct weft_ctrl_core *core, struct weft_reason *why)
{
	const struct nvme_ctrl_info *info = &core->ctrl->info;
	u64 size = nvme_ana_log_size(info->nanagrpid, info->mnan ?: info->nn);
	struct weft_reason cause = {};
	int err;

	if (!(info->cmic & NVME_CMIC_ANA))
		size = 0;
	if (size > ANA_LOG_MAX) {
		dev_warn(core->ctrl->device,
			 "ANA log of up to %llu bytes: more than %u, so all paths count as optimized\n",
			 size, ANA_LOG_MAX);
		size = 0;
	}
	WRITE_ONCE(core->ana_size, size);
	if (!size) {
		no_log(core);
		return 0;
	}
	err = update(core, &cause);
	return err ? weft_fail(why, err, "ANA log: %s", cause.text) : 0;
}

/* weft_ana_add_ns() - @ns is new or has a new group; it is in the index */
void weft_ana_add_ns(struct weft_ns *ns)
{
	struct weft_ctrl_core *core = ns->ctrl->core;

	mutex_lock(&core->ana_lock);
	settle(ns);
	mutex_unlock(&core->ana_lock);
	if (READ_ONCE(ns->ana_pending))
		weft_queue_ana(core, 0);
}

void weft_ana_init(struct weft_ctrl_core *core)
{
	mutex_init(&core->ana_lock);
	xa_init(&core->ana_groups);
	INIT_DELAYED_WORK(&core->ana_work, ana_work);
	INIT_DELAYED_WORK(&core->ana_timer, ana_timer);
}

/* weft_ana_stop() - the admin queue has been stopped; process context */
void weft_ana_stop(struct weft_ctrl_core *core)
{
	cancel_delayed_work_sync(&core->ana_work);
	cancel_delayed_work_sync(&core->ana_timer);
}

void weft_ana_exit(struct weft_ctrl_core *core)
{
	xa_destroy(&core->ana_groups);
}
