// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heads: one for each namespace of a subsystem, whichever controllers lead to
 * it. Here is decided whether a namespace that a controller shows is one that
 * is known already, or new, or not to be believed: identifiers must agree
 * between controllers and must not stand twice.
 *
 * Called by scans, which may run for several controllers of a subsystem at the
 * same time, and when namespaces are removed; process context.
 */
#include <linux/slab.h>

#include "host/core/head.h"

static bool same_id(const u8 *a, const u8 *b, size_t len)
{
	return !memcmp(a, b, len) && !weft_id_is_zero(a, len);
}

/* weft_same_ids() - do all identifiers agree? */
bool weft_same_ids(const struct nvme_ns_facts *a, const struct nvme_ns_facts *b)
{
	return !memcmp(a->uuid, b->uuid, sizeof(a->uuid)) &&
	       !memcmp(a->nguid, b->nguid, sizeof(a->nguid)) &&
	       !memcmp(a->eui64, b->eui64, sizeof(a->eui64)) &&
	       a->csi == b->csi;
}

/* weft_shared_id() - name of an identifier that both have, or NULL */
const char *weft_shared_id(const struct nvme_ns_facts *a,
			   const struct nvme_ns_facts *b)
{
	if (same_id(a->uuid, b->uuid, sizeof(a->uuid)))
		return "UUID";
	if (same_id(a->nguid, b->nguid, sizeof(a->nguid)))
		return "NGUID";
	if (same_id(a->eui64, b->eui64, sizeof(a->eui64)))
		return "EUI64";
	return NULL;
}

static void head_free(struct kref *ref)
{
	struct weft_head *head = container_of(ref, struct weft_head, ref);
	struct weft_subsys *s = head->subsys;

	ida_free(&s->ns_ida, head->instance);
	cleanup_srcu_struct(&head->srcu);
	kfree(head);
	put_device(&s->dev);
}

/* weft_head_put() - drop a reference; the last one may be an open disk's */
void weft_head_put(struct weft_head *head)
{
	kref_put(&head->ref, head_free);
}

static struct weft_head *head_alloc(struct weft_subsys *s, u32 nsid,
				    const struct nvme_ns_facts *facts)
{
	struct weft_head *head;

	head = kzalloc(struct_size(head, current_path, nr_node_ids),
		       GFP_KERNEL);
	if (!head)
		return NULL;
	head->instance = ida_alloc_min(&s->ns_ida, 1, GFP_KERNEL);
	if (head->instance < 0)
		goto out_free;
	if (init_srcu_struct(&head->srcu))
		goto out_ida;
	head->subsys = s;
	head->nsid = nsid;
	head->shared = facts->nmic & NVME_NMIC_SHARED;
	head->facts = *facts;
	ratelimit_state_init(&head->nuse_limit, 5 * HZ, 1);
	ratelimit_set_flags(&head->nuse_limit, RATELIMIT_MSG_ON_RELEASE);
	kref_init(&head->ref);
	mutex_init(&head->show_lock);
	mutex_init(&head->lock);
	INIT_LIST_HEAD(&head->paths);
	weft_head_init_requeue(head);
	get_device(&s->dev);
	if (s->multi && weft_multipath && weft_head_alloc_disk(head)) {
		weft_head_put(head);
		return NULL;
	}
	return head;

out_ida:
	ida_free(&s->ns_ida, head->instance);
out_free:
	kfree(head);
	return NULL;
}

/*
 * Namespaces that are not shared may have the same id on several controllers
 * and still be different ones, unless the subsystem manages or reports them as
 * a whole.
 */
static bool nsid_is_unique(const struct weft_ctrl_core *core,
			   const struct weft_head *head)
{
	const struct nvme_ctrl_info *info = &core->ctrl->info;

	return head->shared || info->oacs & NVME_OACS_NS_MGMT ||
	       info->cmic & NVME_CMIC_ANA || info->ctratt & NVME_CTRATT_NVM_SETS;
}

static struct weft_head *head_find(struct weft_ctrl_core *core, u32 nsid)
{
	struct weft_head *head;

	list_for_each_entry(head, &core->subsys->heads, link)
		if (head->nsid == nsid && nsid_is_unique(core, head))
			return head;
	return NULL;
}

static int check_known(const struct weft_head *head,
		       const struct nvme_ns_facts *facts,
		       struct weft_reason *why)
{
	if (!head->shared || !(facts->nmic & NVME_NMIC_SHARED))
		return weft_fail(why, -EINVAL,
			"another controller has it too, but it is not shared");
	if (!weft_same_ids(&head->facts, facts))
		return weft_fail(why, -EINVAL,
			"another controller shows other identifiers for it");
	if (head->facts.lbads != facts->lbads)
		return weft_fail(why, -EINVAL,
			"another controller shows blocks of 2^%u bytes, this one of 2^%u",
			head->facts.lbads, facts->lbads);
	return 0;
}

static int check_new(struct weft_subsys *s, const struct nvme_ns_facts *facts,
		     struct weft_reason *why)
{
	struct weft_head *other;

	list_for_each_entry(other, &s->heads, link) {
		const char *id = weft_shared_id(&other->facts, facts);

		if (id)
			return weft_fail(why, -EINVAL,
				"its %s is that of namespace %u of the same subsystem",
				id, other->nsid);
	}
	return 0;
}

/*
 * weft_head_get() - the head that namespace @nsid of @core belongs to
 * The caller becomes one of its users, see weft_head_leave().
 * Return: the head with a reference, or ERR_PTR with a reason.
 */
struct weft_head *weft_head_get(struct weft_ctrl_core *core, u32 nsid,
				const struct nvme_ns_facts *facts,
				struct weft_reason *why)
{
	struct weft_subsys *s = core->subsys;
	struct weft_head *head;
	int err;

	err = weft_subsys_check_ids(s, facts, why);
	if (err)
		return ERR_PTR(err);
	mutex_lock(&s->lock);
	head = head_find(core, nsid);
	if (!head)
		err = check_new(s, facts, why);
	else if (head->users)
		err = check_known(head, facts, why);
	else
		err = weft_fail(why, -EBUSY, "its former disk is just going");
	if (err)
		goto out;
	if (head) {
		kref_get(&head->ref);
	} else {
		head = head_alloc(s, nsid, facts);
		err = -ENOMEM;
		if (!head) {
			weft_fail(why, err, "no memory for its head");
			goto out;
		}
		list_add_tail(&head->link, &s->heads);
	}
	head->users++;
	head->members++;
	err = 0;
out:
	mutex_unlock(&s->lock);
	return err ? ERR_PTR(err) : head;
}

/*
 * weft_head_leave() - one of its namespaces goes
 * With the last one the disk goes, and nobody can join any more. weft_head_end()
 * has to follow when there is no path: until then what it stands for is not to
 * be had elsewhere, as its cache is still being written. The reference stays.
 */
void weft_head_leave(struct weft_head *head)
{
	bool last;

	mutex_lock(&head->subsys->lock);
	last = !--head->users;
	mutex_unlock(&head->subsys->lock);
	if (last && head->disk)
		weft_head_hide(head);
}

/* weft_head_end() - it is gone; with the last one all that the head held */
void weft_head_end(struct weft_head *head)
{
	bool last;

	mutex_lock(&head->subsys->lock);
	last = !--head->members;
	if (last)
		list_del(&head->link);
	mutex_unlock(&head->subsys->lock);
	if (!last)
		return;
	if (head->disk)
		weft_head_free_disk(head);
	/* what it stood for may come anew */
	weft_subsys_scan_refused();
}
