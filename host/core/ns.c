// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which namespaces a controller has: the scan work reads the list of active
 * ones in pieces, or, of a controller that does not know such a list, asks for
 * each number; then each one's description; and adds, updates or removes disks
 * (disk.c) so that they agree. Runs after every connect, on an event, and
 * when a user asks; never twice at a time, as it is one work item.
 *
 * If the list cannot be read to its end nothing is removed. A controller that is
 * no longer live is not asked further: who deletes it waits for the scan.
 */
#include <linux/slab.h>

#include "host/core/head.h"

/*
 * A target that lists more is refused the rest: every disk costs memory, and
 * what is listed without being there costs time.
 */
#define WEFT_MAX_NAMESPACES	4096

/* Before what could not tell of itself is asked again */
#define SCAN_PAUSE		HZ

/* Buffers of one scan; too large for a stack */
struct scan {
	struct weft_ctrl_core *core;
	u8 data[NVME_IDENTIFY_SIZE];
	u32 nsids[NVME_NSID_LIST_MAX];
	struct nvme_ns_facts facts;
	struct weft_reason why;
	unsigned int count;
	bool again;
	bool unsure;
	bool refused;
};

/*
 * Controllers before 1.3 have no descriptors, and others may not know them: what
 * CNS 00h said stays. Any other failure says nothing about the namespace.
 */
static int read_descriptors(struct scan *s, u32 nsid)
{
	nvme_status status;
	int err;

	if (s->core->vs < NVME_VS(1, 3, 0))
		return 0;
	err = weft_identify(s->core, NVME_CNS_NS_DESC_LIST, nsid, s->data,
			    &status, &s->why);
	if (err)
		return err;
	if (nvme_status_code(status) == NVME_SC_INVALID_FIELD ||
	    nvme_status_code(status) == NVME_SC_INVALID_OPCODE)
		return 0;
	err = weft_status_fail(status, "Identify descriptors", &s->why);
	return err ?: nvme_ns_descs_decode(s->data, sizeof(s->data), &s->facts,
					   &s->why);
}

static int read_nvm(struct scan *s, u32 nsid)
{
	nvme_status status;
	int err;

	err = weft_identify(s->core, NVME_CNS_NS, nsid, s->data, &status,
			    &s->why);
	if (err)
		return err;
	if (nvme_status_code(status) == NVME_SC_INVALID_NS)
		return -ENODEV;
	err = weft_status_fail(status, "Identify Namespace", &s->why);
	if (!err)
		err = nvme_id_ns_decode(s->data, sizeof(s->data), &s->facts,
					&s->why);
	/* it changes with every write */
	s->facts.nuse = 0;
	return err;
}

/* What a controller offers that has it is the truth also for CNS 00h's fields */
static int read_independent(struct scan *s, u32 nsid)
{
	nvme_status status;
	int err;

	err = weft_identify(s->core, NVME_CNS_CSI_INDEP_NS, nsid, s->data,
			    &status, &s->why);
	if (err || status)
		return err;
	return nvme_id_ns_indep_decode(s->data, sizeof(s->data), &s->facts,
				       &s->why);
}

/* 0; -ENODEV: not there (any more); another errno: cannot tell */
static int read_namespace(struct scan *s, u32 nsid)
{
	bool independent = s->core->cap & NVME_CAP_CRIMS;
	int err;

	memset(&s->facts, 0, sizeof(s->facts));
	err = read_nvm(s, nsid);
	if (err == -EOPNOTSUPP && independent) {
		/* of a command set that knows no blocks: a disk of no size */
		s->facts.lbads = SECTOR_SHIFT;
		err = 0;
	}
	if (!err)
		err = read_descriptors(s, nsid);
	if (!err && independent)
		err = read_independent(s, nsid);
	return err;
}

static void ns_gone(struct weft_ns *ns)
{
	WRITE_ONCE(ns->gone, true);
	/* parked until the scan would have ended, which may wait for it */
	weft_resubmit_orphans(ns->ctrl->core);
	if (ns->head->disk)
		weft_head_kick(ns->head);
}

/* Another volume has its number: by the number's other paths, too, most likely */
static void ns_exchanged(struct weft_ns *ns)
{
	if (ns->head->disk)
		weft_suspect_paths(ns->head, ns);
	ns_gone(ns);
}

static int scan_one(struct scan *s, u32 nsid)
{
	/* only the scan work changes the index while it runs */
	struct weft_ns *ns = xa_load(&s->core->ns_index, nsid);
	u32 suspected = ns ? READ_ONCE(ns->suspected) : 0;
	struct device *dev = &s->core->dev;
	int err = read_namespace(s, nsid);

	if (weft_no_answer(err))
		return err;
	if (err == -ENODEV)
		return 0;
	if (err) {
		dev_warn_ratelimited(dev, "namespace %u: %s\n", nsid,
				     s->why.text);
		if (ns)
			ns->seen = true;
		else
			s->refused = true;
		s->unsure = true;
		return 0;
	}
	if (ns && !ns->gone && !weft_same_ids(&ns->facts, &s->facts)) {
		dev_err_ratelimited(dev, "identifiers changed for nsid %u: removing it\n",
				    nsid);
		/* however long this scan takes, and whatever becomes of it */
		ns_exchanged(ns);
	}
	if (ns && ns->gone) {
		/* what is there now is another one, and its turn comes next */
		s->again = true;
		return 0;
	}
	if (ns)
		err = weft_ns_update(ns, &s->facts, &s->why);
	else
		ns = weft_ns_add(s->core, nsid, &s->facts, &s->why);
	if (IS_ERR(ns) || err)
		dev_warn_ratelimited(dev, "namespace %u: %s\n", nsid,
				     s->why.text);
	if (IS_ERR(ns))
		s->refused = true;
	else
		ns->seen = true;
	if (!IS_ERR(ns) && !err && ns->asked != suspected) {
		WRITE_ONCE(ns->asked, suspected);
		weft_head_kick(ns->head);
	}
	return 0;
}

static int may_go_on(struct scan *s)
{
	if (weft_ctrl_state(s->core->ctrl) != WEFT_CTRL_LIVE)
		return weft_fail(&s->why, -ECONNRESET, "it is not live");
	if (s->count++ >= WEFT_MAX_NAMESPACES)
		return weft_fail(&s->why, -E2BIG,
				 "more than %u namespaces: the rest is left out",
				 WEFT_MAX_NAMESPACES);
	return 0;
}

static int scan_next(struct scan *s, u32 nsid)
{
	int err = may_go_on(s);

	return err ? err : scan_one(s, nsid);
}

static int scan_numbers(struct scan *s)
{
	u32 nsid, nn = s->core->ctrl->info.nn;
	int err = 0;

	for (nsid = 1; !err && nsid <= nn; nsid++)
		err = scan_next(s, nsid);
	return err;
}

static int scan_list(struct scan *s)
{
	nvme_status status;
	u32 after = 0;
	int i, n, err;

	do {
		err = weft_identify(s->core, NVME_CNS_ACTIVE_NS_LIST, after,
				    s->data, &status, &s->why);
		if (!err && !after && nvme_status_dnr(status))
			return scan_numbers(s);
		if (!err)
			err = weft_status_fail(status,
					       "Active Namespace ID list",
					       &s->why);
		if (err)
			return err;
		n = nvme_nsid_list_decode(s->data, sizeof(s->data), after,
					  s->nsids, &s->why);
		for (i = 0; i < n; i++) {
			err = scan_next(s, s->nsids[i]);
			if (err)
				return err;
		}
		if (n > 0)
			after = s->nsids[n - 1];
	} while (n == NVME_NSID_LIST_MAX);
	return n < 0 ? n : 0;
}

/*
 * A disk that goes writes back what its cache holds, and behind its number there
 * may be another volume already. @complete: what was not seen is not there.
 */
static void remove_gone(struct weft_ctrl_core *core, bool complete)
{
	struct weft_ns *ns, *next;

	list_for_each_entry(ns, &core->namespaces, link)
		if (complete && !ns->seen)
			ns_gone(ns);
	list_for_each_entry_safe(ns, next, &core->namespaces, link)
		if (ns->gone)
			weft_ns_remove(ns);
}

/* Does I/O wait for what this scan was to find out, and has not? */
static bool some_wait(struct weft_ctrl_core *core)
{
	struct weft_ns *ns;

	list_for_each_entry(ns, &core->namespaces, link)
		if (!ns->gone && (READ_ONCE(ns->stale) ||
				  READ_ONCE(ns->suspected) != ns->asked))
			return true;
	return false;
}

static void scan(struct weft_ctrl_core *core)
{
	struct scan *s = kvzalloc(sizeof(*s), GFP_KERNEL);
	struct weft_ns *ns;
	bool live;
	int err;

	if (!s)
		return;
	s->core = core;
	/* before it is known, or identifiers could become free unnoticed */
	WRITE_ONCE(core->ns_refused, true);
	list_for_each_entry(ns, &core->namespaces, link)
		ns->seen = false;
	err = scan_list(s);
	live = weft_ctrl_state(core->ctrl) == WEFT_CTRL_LIVE;
	if (err && live)
		dev_warn(&core->dev, "scan: %s\n", s->why.text);
	/* not while requests are held that its disk would wait for */
	if (!err || live)
		remove_gone(core, !err);
	if (err)
		s->unsure = true;
	WRITE_ONCE(core->ns_refused, s->refused || err);
	if (s->again)
		weft_queue_scan(core);
	else if (s->unsure && some_wait(core) &&
		 !delayed_work_pending(&core->scan_work))
		weft_queue_live(core, &core->scan_work, SCAN_PAUSE);
	kvfree(s);
}

static bool same_blocks(const struct nvme_ns_facts *a,
			const struct nvme_ns_facts *b)
{
	return a->lbads == b->lbads && a->ms == b->ms;
}

/* Why what waited for @ns must not go there, or NULL; @err: of reading @f */
static const char *not_for(const struct weft_ns *ns,
			   const struct nvme_ns_facts *f, int err)
{
	if (err == -ENODEV)
		return "not there";
	if (err)
		return NULL;
	if (!weft_same_ids(&ns->facts, f))
		return "another one";
	if (!ns->head->disk && !same_blocks(&ns->facts, f))
		return "formatted otherwise";
	return NULL;
}

/* @err: of reading what is behind @nsid now. Return: are its limits smaller? */
static bool check_one(struct scan *s, u32 nsid, int err)
{
	struct weft_ctrl_core *core = s->core;
	const char *reason = NULL;
	bool narrow = false;
	struct weft_ns *ns;

	mutex_lock(&core->ns_lock);
	ns = xa_load(&core->ns_index, nsid);
	if (ns) {
		reason = not_for(ns, &s->facts, err);
		/* bios of a multipath disk know no blocks: they wait for the scan */
		if (!reason && !err && !same_blocks(&ns->facts, &s->facts))
			WRITE_ONCE(ns->stale, true);
		narrow = ns->limits.max_bytes > core->max_bytes ||
			 ns->limits.max_segments > core->ctrl->max_segments;
	}
	if (reason && !ns->gone) {
		if (!err && !weft_same_ids(&ns->facts, &s->facts))
			ns_exchanged(ns);
		else
			ns_gone(ns);
		dev_err_ratelimited(&core->dev,
			"namespace %u: %s after the reconnect: what waited for it fails\n",
			nsid, reason);
	}
	mutex_unlock(&core->ns_lock);
	return narrow;
}

/*
 * weft_check_namespaces() - is behind each number what was there before?
 * Between a reconnect and the first request: one that waited for a volume must
 * not overwrite another one that has got its number meanwhile, nor be counted
 * in blocks of another size. An answer that says nothing leaves things as they
 * were. A controller whose limits have shrunk gets requests that it can take
 * only when the scan has told its disks.
 * Return: 0, or an errno if the controller cannot be asked.
 */
int weft_check_namespaces(struct weft_ctrl_core *core, struct weft_reason *why)
{
	struct weft_ns *ns;
	unsigned long nsid;
	bool narrow = false;
	struct scan *s;
	int err = 0;

	weft_set_narrow(core, false);
	if (xa_empty(&core->ns_index))
		return 0;
	s = kvzalloc(sizeof(*s), GFP_KERNEL);
	if (!s)
		return weft_fail(why, -ENOMEM, "out of memory");
	s->core = core;
	xa_for_each(&core->ns_index, nsid, ns) {
		err = read_namespace(s, nsid);
		if (weft_no_answer(err))
			break;
		narrow |= check_one(s, nsid, err);
		err = 0;
	}
	weft_set_narrow(core, narrow);
	*why = s->why;
	kvfree(s);
	return err;
}

void weft_scan_work(struct work_struct *work)
{
	struct weft_ctrl_core *core = container_of(to_delayed_work(work),
						   struct weft_ctrl_core,
						   scan_work);
	unsigned int wanted = atomic_read(&core->scans_wanted);
	u32 narrow = READ_ONCE(core->narrow);

	if (!core->discovery && core->ctrl->tag_set.tags)
		scan(core);
	weft_end_narrow(core, narrow);
	WRITE_ONCE(core->scans, wanted);
	wake_up_all(&core->state_wq);
}

/*
 * weft_queue_scan() - look again soon; a scan under way is repeated
 * Return: what core->scans has to reach until it is done.
 */
unsigned int weft_queue_scan(struct weft_ctrl_core *core)
{
	unsigned int wanted = atomic_inc_return(&core->scans_wanted);

	weft_queue_live(core, &core->scan_work, 0);
	return wanted;
}

/* One of several removals side by side */
struct removal {
	struct work_struct work;
	struct weft_ns *ns;
};
#define REMOVE_AT_ONCE	64

static void remove_work(struct work_struct *work)
{
	weft_ns_remove(container_of(work, struct removal, work)->ns);
}

static unsigned int next_removals(struct weft_ctrl_core *core,
				  struct removal *r, unsigned int max)
{
	struct weft_ns *ns;
	unsigned int n = 0;

	mutex_lock(&core->ns_lock);
	list_for_each_entry(ns, &core->namespaces, link) {
		if (n == max)
			break;
		r[n++].ns = ns;
	}
	mutex_unlock(&core->ns_lock);
	return n;
}

static void remove_side_by_side(struct weft_ctrl_core *core, struct removal *r)
{
	unsigned int n, i;

	while ((n = next_removals(core, r, REMOVE_AT_ONCE))) {
		for (i = 0; i < n; i++) {
			INIT_WORK(&r[i].work, remove_work);
			queue_work(system_unbound_wq, &r[i].work);
		}
		for (i = 0; i < n; i++)
			flush_work(&r[i].work);
	}
}

/*
 * weft_remove_namespaces() - the controller goes; no scan runs any more
 * A removal is mostly grace periods, which pass for many as fast as for one.
 */
void weft_remove_namespaces(struct weft_ctrl_core *core)
{
	struct removal *r = kcalloc(REMOVE_AT_ONCE, sizeof(*r), GFP_KERNEL);
	struct removal one;

	if (r)
		remove_side_by_side(core, r);
	else
		while (next_removals(core, &one, 1))
			weft_ns_remove(one.ns);
	kfree(r);
}
