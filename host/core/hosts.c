// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host identities. A target tells hosts apart by the host identifier in some
 * places (reservations) and by the NQN in others (access), so one must not go
 * with two of the other on a machine. Controllers share a counted entry; the
 * default identity, made when the module is loaded, is always there.
 * Process context, under one short mutex.
 */
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uuid.h>

#include "host/core/core.h"

struct weft_host {
	struct list_head link;
	unsigned int refs;
	char nqn[NVMF_NQN_MAX + 1];
	u8 id[WEFT_UUID_BYTES];
};

static LIST_HEAD(hosts);
static DEFINE_MUTEX(hosts_lock);
static struct weft_host *default_host;

static struct weft_host *host_add(const char *nqn, const u8 *id)
{
	struct weft_host *h = kzalloc(sizeof(*h), GFP_KERNEL);

	if (!h)
		return NULL;
	h->refs = 1;
	strscpy(h->nqn, nqn, sizeof(h->nqn));
	memcpy(h->id, id, sizeof(h->id));
	list_add_tail(&h->link, &hosts);
	return h;
}

int weft_hosts_init(void)
{
	char nqn[sizeof(NVMF_UUID_NQN_PREFIX) + WEFT_UUID_LEN] =
		NVMF_UUID_NQN_PREFIX;
	uuid_t id;

	uuid_gen(&id);
	weft_uuid_format(id.b, nqn + strlen(NVMF_UUID_NQN_PREFIX));
	default_host = host_add(nqn, id.b);
	return default_host ? 0 : -ENOMEM;
}

void weft_hosts_exit(void)
{
	weft_host_put(default_host);
}

static struct weft_host *host_find(const struct weft_connstr *opts,
				   struct weft_reason *why)
{
	char id[WEFT_UUID_LEN + 1];
	struct weft_host *h;

	list_for_each_entry(h, &hosts, link) {
		bool same_nqn = !strcmp(h->nqn, opts->hostnqn);
		bool same_id = !memcmp(h->id, opts->hostid, sizeof(h->id));

		if (same_nqn && same_id)
			return h;
		weft_uuid_format(h->id, id);
		if (same_nqn || same_id)
			return ERR_PTR(weft_fail(why, -EINVAL,
				"hostnqn/hostid: host NQN %.80s goes with hostid %s on this machine; give both, or change %s",
				h->nqn, id, same_nqn ? "hostid" : "hostnqn"));
	}
	return NULL;
}

/*
 * weft_host_get() - settle who we are for a new controller
 * @opts: the fields hostnqn and hostid are filled in from the default host
 *        where the user gave none
 * @why: names both if they do not go together
 *
 * Return: a counted entry, or ERR_PTR(-EINVAL, -ENOMEM).
 */
struct weft_host *weft_host_get(struct weft_connstr *opts,
				struct weft_reason *why)
{
	struct weft_host *h;

	mutex_lock(&hosts_lock);
	if (!weft_connstr_given(opts, WEFT_OPT_HOSTNQN))
		strscpy(opts->hostnqn, default_host->nqn,
			sizeof(opts->hostnqn));
	if (!weft_connstr_given(opts, WEFT_OPT_HOSTID))
		memcpy(opts->hostid, default_host->id, sizeof(opts->hostid));
	h = host_find(opts, why);
	if (h && !IS_ERR(h)) {
		h->refs++;
	} else if (!h) {
		h = host_add(opts->hostnqn, opts->hostid);
		if (!h)
			h = ERR_PTR(-ENOMEM);
	}
	mutex_unlock(&hosts_lock);
	return h;
}

void weft_host_put(struct weft_host *host)
{
	mutex_lock(&hosts_lock);
	if (!--host->refs) {
		list_del(&host->link);
		kfree(host);
	}
	mutex_unlock(&hosts_lock);
}
