// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * RPC methods that tell of the NVMe-oF target: listings, statistics, and the
 * part of a saved configuration that makes it again.
 */
#include <errno.h>

#include "common/ana.h"
#include "target/rpc/nvmf_params.h"

/** struct list_params - filters of the listings */
struct list_params {
	const char *nqn;
	const char *trtype;
};

json_t *nvmf_trid_json(const struct nvmf_trid *t)
{
	const char *adrfam = t->adrfam == NVMF_ADRFAM_IPV6 ? "IPv6" :
			     t->adrfam == NVMF_ADRFAM_IPV4 ? "IPv4" : NULL;

	return json_pack("{s:s, s:s*, s:s, s:s}",
			 "trtype", nvmf_trid_transport(t), "adrfam", adrfam,
			 "traddr", t->traddr, "trsvcid", t->trsvcid);
}

static json_t *ns_hosts_json(const struct nvmf_ns *ns)
{
	json_t *list = json_array();
	const char *nqn = NULL;

	while ((nqn = nvmf_ns_host_next(ns, nqn)))
		json_array_append_new(list, json_string(nqn));
	return list;
}

json_t *nvmf_ns_json(const struct nvmf_ns *ns, bool saved)
{
	const char *bdev = bdev_desc_bdev(ns->desc)->name;
	char uuid[WEFT_UUID_LEN + 1], hex[33];
	json_t *j = json_pack("{s:I, s:s}", "nsid", (json_int_t)ns->nsid,
			      "bdev_name", bdev);

	if (!saved)
		json_object_set_new(j, "name", json_string(bdev));
	if (!weft_id_is_zero(ns->nguid, 16)) {
		weft_hex_format(ns->nguid, 16, hex, true);
		json_object_set_new(j, "nguid", json_string(hex));
	}
	if (!weft_id_is_zero(ns->eui64, 8)) {
		weft_hex_format(ns->eui64, 8, hex, true);
		json_object_set_new(j, "eui64", json_string(hex));
	}
	if (!weft_id_is_zero(ns->uuid, 16)) {
		weft_uuid_format(ns->uuid, uuid);
		json_object_set_new(j, "uuid", json_string(uuid));
	}
	/* hosts do not see it otherwise, but it is kept */
	if (ns->subsystem->ana_reporting ||
	    (saved && ns->anagrpid != ns->nsid))
		json_object_set_new(j, "anagrpid", json_integer(ns->anagrpid));
	if (*ns->ptpl_file)
		json_object_set_new(j, "ptpl_file", json_string(ns->ptpl_file));
	if (saved || ns->no_auto_visible)
		json_object_set_new(j, "no_auto_visible",
				    json_boolean(ns->no_auto_visible));
	if (!saved && ns->no_auto_visible)
		json_object_set_new(j, "hosts", ns_hosts_json(ns));
	return j;
}

static json_t *addresses_json(const struct nvmf_subsystem *s)
{
	json_t *list = json_array();
	struct nvmf_listener *l;

	TAILQ_FOREACH(l, &s->listeners, link)
		json_array_append_new(list, nvmf_trid_json(&l->trid));
	return list;
}

static json_t *hosts_json(const struct nvmf_subsystem *s)
{
	json_t *list = json_array();
	struct nvmf_host *h;

	TAILQ_FOREACH(h, &s->hosts, link)
		json_array_append_new(list, json_pack("{s:s}", "nqn", h->nqn));
	return list;
}

static json_t *subsystem_json(const struct nvmf_subsystem *s)
{
	bool discovery = s->subtype == NVMF_SUBTYPE_DISCOVERY;
	json_t *j, *list = json_array();
	const struct nvmf_ns *ns;

	j = json_pack("{s:s, s:s, s:o, s:b, s:o}", "nqn", s->nqn,
		      "subtype", discovery ? "Discovery" : "NVMe",
		      "listen_addresses", addresses_json(s),
		      "allow_any_host", s->allow_any_host,
		      "hosts", hosts_json(s));
	TAILQ_FOREACH(ns, &s->namespaces, link)
		json_array_append_new(list, nvmf_ns_json(ns, false));
	if (discovery) {
		json_decref(list);
		return j;
	}
	json_object_set_new(j, "serial_number", json_string(s->serial));
	json_object_set_new(j, "model_number", json_string(s->model));
	json_object_set_new(j, "max_namespaces",
			    json_integer(s->max_namespaces));
	json_object_set_new(j, "passthrough", json_false());
	json_object_set_new(j, "min_cntlid", json_integer(s->min_cntlid));
	json_object_set_new(j, "max_cntlid", json_integer(s->max_cntlid));
	json_object_set_new(j, "dmrsl", json_integer(s->dmrsl));
	json_object_set_new(j, "wzsl", json_integer(s->wzsl));
	json_object_set_new(j, "namespaces", list);
	return j;
}

#define PARAM_NQN(req) \
	{ .name = "nqn", .type = RPC_STR, .required = (req), \
	  .offset = offsetof(struct list_params, nqn), \
	  .help = "of the subsystem" }, \
	RPC_TGT_NAME

static const struct rpc_param subsystems_params[] = {
	PARAM_NQN(false),
	{ .type = RPC_END }
};

static const struct rpc_param subsystem_params[] = {
	PARAM_NQN(true),
	{ .type = RPC_END }
};

static const struct rpc_param transports_params[] = {
	{ .name = "trtype", .type = RPC_STR,
	  .offset = offsetof(struct list_params, trtype),
	  .help = "only this one" },
	RPC_TGT_NAME,
	{ .type = RPC_END }
};

static const struct rpc_param stats_params[] = {
	RPC_TGT_NAME,
	{ .type = RPC_END }
};

static void get_subsystems(struct rpc_call *call, const void *params)
{
	const struct list_params *p = params;
	struct nvmf_subsystem *s;
	json_t *list;

	if (p->nqn && !nvmf_subsystem_find(p->nqn)) {
		rpc_fail(call, -ENODEV, "No such subsystem: %s", p->nqn);
		return;
	}
	list = json_array();
	for (s = nvmf_subsystem_first(); s; s = nvmf_subsystem_next(s))
		if (!p->nqn || !strcmp(p->nqn, s->nqn))
			json_array_append_new(list, subsystem_json(s));
	rpc_reply(call, list);
}

static void get_transports(struct rpc_call *call, const void *params)
{
	const struct list_params *p = params;
	struct nvmf_transport *t;
	json_t *list = json_array();

	for (t = nvmf_transport_first(); t; t = nvmf_transport_next(t))
		if (!p->trtype || !strcasecmp(p->trtype,
					      nvmf_transport_name(t)))
			json_array_append_new(list, nvmf_transport_json(t));
	if (!p->trtype || json_array_size(list)) {
		rpc_reply(call, list);
		return;
	}
	json_decref(list);
	rpc_fail(call, -ENODEV, "Transport type '%s' does not exist",
		 p->trtype);
}

/*
 * Of the groups that a namespace could be in by its number alone, and of those
 * above that have a namespace or a state of their own
 */
static json_t *ana_states_json(const struct nvmf_subsystem *s,
			       const struct nvmf_listener *l)
{
	const u8 *state = l->ana->state;
	bool used[NVMF_MAX_NAMESPACES + 1] = { false };
	json_t *list = json_array();
	const struct nvmf_ns *ns;
	u32 group;

	TAILQ_FOREACH(ns, &s->namespaces, link)
		used[ns->anagrpid] = true;
	for (group = 1; group <= NVMF_MAX_NAMESPACES; group++)
		if (group <= s->max_namespaces || used[group] ||
		    state[group] != state[NVMF_MAX_NAMESPACES])
			json_array_append_new(list,
				json_pack("{s:i, s:s}", "ana_group", (int)group,
					  "ana_state",
					  nvmf_ana_state_text(state[group])));
	return list;
}

/* A listener's own choice, where it has one */
static void add_invalidate(json_t *o, const struct nvmf_listener *l)
{
	if (l->invalidate)
		json_object_set_new(o, "remote_invalidate",
				    json_boolean(l->invalidate ==
						 NVMF_INVALIDATE_ON));
}

static void get_listeners(struct rpc_call *call, const void *params)
{
	const struct list_params *p = params;
	struct nvmf_subsystem *s = rpc_find_subsystem(call, p->nqn);
	struct nvmf_listener *l;
	json_t *list, *row;

	if (!s)
		return;
	list = json_array();
	TAILQ_FOREACH(l, &s->listeners, link) {
		row = json_pack("{s:o}", "address", nvmf_trid_json(&l->trid));
		add_invalidate(row, l);
		if (l->ana)
			json_object_set_new(row, "ana_states",
					    ana_states_json(s, l));
		json_array_append_new(list, row);
	}
	rpc_reply(call, list);
}

/** struct listing - a listing that other reactors contribute to */
struct listing {
	struct rpc_call *call;
	json_t *rows;
	bool discovery;
};

static void listing_done(void *ctx)
{
	struct listing *l = ctx;

	rpc_reply(l->call, l->rows);
}

static struct listing *listing_new(struct rpc_call *call)
{
	struct listing *l = rpc_call_data(call, sizeof(*l));

	if (!l) {
		rpc_fail(call, -ENOMEM, "no memory");
		return NULL;
	}
	l->call = call;
	l->rows = json_array();
	return l;
}

static void ctrlr_row(void *ctx, const struct nvmf_ctrlr_info *i)
{
	struct listing *l = ctx;
	char uuid[WEFT_UUID_LEN + 1];

	weft_uuid_format(i->hostid, uuid);
	json_array_append_new(l->rows,
			      json_pack("{s:i, s:s, s:s, s:s, s:i}",
					"cntlid", i->cntlid, "cntrltype",
					l->discovery ? "discovery" : "io",
					"hostnqn", i->hostnqn, "hostid", uuid,
					"num_io_qpairs", (int)i->io_qpairs));
}

static void get_controllers(struct rpc_call *call, const void *params)
{
	const struct list_params *p = params;
	struct nvmf_subsystem *s = rpc_find_subsystem(call, p->nqn);
	struct listing *l = s ? listing_new(call) : NULL;

	if (!l)
		return;
	l->discovery = s->subtype == NVMF_SUBTYPE_DISCOVERY;
	nvmf_subsystem_ctrlrs(s, ctrlr_row, listing_done, l);
}

static void qpair_row(void *ctx, const struct nvmf_qpair_info *i)
{
	struct listing *l = ctx;
	char thread[32];
	json_t *row, *peer = nvmf_trid_json(&i->listen);

	snprintf(thread, sizeof(thread), "nvmf_tgt_poll_group_%03u",
		 i->reactor);
	json_object_set_new(peer, "traddr", json_string(i->peer));
	json_object_set_new(peer, "trsvcid", json_string(i->peer_port));
	row = json_pack("{s:i, s:i, s:s, s:s, s:s, s:o, s:o}",
			"cntlid", i->cntlid, "qid", i->qid, "state", i->state,
			"thread", thread, "hostnqn", i->hostnqn,
			"listen_address", nvmf_trid_json(&i->listen),
			"peer_address", peer);
	if (i->counters[0])
		json_object_set_new(row, "counters",
				    json_loads(i->counters, 0, NULL));
	json_array_append_new(l->rows, row);
}

static void get_qpairs(struct rpc_call *call, const void *params)
{
	const struct list_params *p = params;
	struct nvmf_subsystem *s = rpc_find_subsystem(call, p->nqn);
	struct listing *l = s ? listing_new(call) : NULL;

	if (l)
		nvmf_subsystem_qpairs(s, qpair_row, listing_done, l);
}

static json_t *group_transports(const struct nvmf_group_stats *s)
{
	json_t *list = json_array(), *t;
	unsigned int i;

	for (i = 0; i < s->ntransports; i++) {
		t = json_pack("{s:s}", "trtype", s->transports[i].trtype);
		if (s->transports[i].json)
			json_object_update_new(t,
				json_loads(s->transports[i].json, 0, NULL));
		json_array_append_new(list, t);
	}
	return list;
}

static void stats_row(void *ctx, const struct nvmf_group_stats *s)
{
	struct listing *l = ctx;
	char name[32];

	snprintf(name, sizeof(name), "nvmf_tgt_poll_group_%03u", s->reactor);
	json_array_append_new(l->rows,
		json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}",
			  "name", name,
			  "admin_qpairs", (json_int_t)s->admin_qpairs,
			  "io_qpairs", (json_int_t)s->io_qpairs,
			  "current_admin_qpairs",
			  (json_int_t)s->current_admin_qpairs,
			  "current_io_qpairs",
			  (json_int_t)s->current_io_qpairs,
			  "current_unassociated_qpairs",
			  (json_int_t)s->current_unassociated_qpairs,
			  "pending_bdev_io", (json_int_t)s->pending_bdev_io,
			  "completed_nvme_io",
			  (json_int_t)s->completed_nvme_io,
			  "transports", group_transports(s)));
}

static void stats_done(void *ctx)
{
	struct listing *l = ctx;
	json_t *rows = l->rows;

	rpc_reply(l->call, json_pack("{s:i, s:o}", "tick_rate", 1000000,
				     "poll_groups", rows));
}

static void get_stats(struct rpc_call *call, const void *params)
{
	struct listing *l = listing_new(call);

	(void)params;
	if (l)
		nvmf_stats_collect(stats_row, stats_done, l);
}

/* The saved configuration */

json_t *nvmf_ana_call(const struct nvmf_subsystem *s,
		      const struct nvmf_listener *l, u8 state, u32 group)
{
	json_t *params = json_pack("{s:s, s:o, s:s}", "nqn", s->nqn,
				   "listen_address", nvmf_trid_json(&l->trid),
				   "ana_state", nvmf_ana_state_text(state));

	if (group)
		json_object_set_new(params, "anagrpid", json_integer(group));
	return rpc_config_call("nvmf_subsystem_listener_set_ana_state", params);
}

void nvmf_ana_calls(json_t *calls, const struct nvmf_subsystem *s,
		    const struct nvmf_listener *l, u8 from)
{
	/* that of the groups that nobody has thought of */
	u8 most = l->ana->state[NVMF_MAX_NAMESPACES];
	u32 group;

	if (most != from)
		json_array_append_new(calls, nvmf_ana_call(s, l, most, 0));
	for (group = 1; group <= NVMF_MAX_NAMESPACES; group++)
		if (l->ana->state[group] != most)
			json_array_append_new(calls, nvmf_ana_call(
				s, l, l->ana->state[group], group));
}

static void save_listeners(json_t *calls, const struct nvmf_subsystem *s)
{
	struct nvmf_listener *l;
	json_t *params;

	TAILQ_FOREACH(l, &s->listeners, link) {
		params = json_pack("{s:s, s:o, s:b}", "nqn", s->nqn,
				   "listen_address", nvmf_trid_json(&l->trid),
				   "secure_channel", 0);
		add_invalidate(params, l);
		json_array_append_new(calls,
			rpc_config_call("nvmf_subsystem_add_listener", params));
		if (l->ana)
			nvmf_ana_calls(calls, s, l, NVME_ANA_OPTIMIZED);
	}
}

bool rpc_ns_stays(const struct nvmf_ns *ns)
{
	return !ns->subsystem->removing &&
	       !bdev_leaving(bdev_desc_bdev(ns->desc));
}

static void save_ns(json_t *calls, const struct nvmf_subsystem *s,
		    const struct nvmf_ns *ns)
{
	const char *nqn = NULL;

	if (!rpc_ns_stays(ns))
		return;
	json_array_append_new(calls,
		rpc_config_call("nvmf_subsystem_add_ns",
			json_pack("{s:s, s:o}", "nqn", s->nqn, "namespace",
				  nvmf_ns_json(ns, true))));
	while ((nqn = nvmf_ns_host_next(ns, nqn)))
		json_array_append_new(calls, rpc_config_call("nvmf_ns_add_host",
			json_pack("{s:s, s:I, s:s}", "nqn", s->nqn, "nsid",
				  (json_int_t)ns->nsid, "host", nqn)));
}

static void save_hosts(json_t *calls, const struct nvmf_subsystem *s)
{
	struct nvmf_host *h;

	TAILQ_FOREACH(h, &s->hosts, link)
		json_array_append_new(calls,
			rpc_config_call("nvmf_subsystem_add_host",
				json_pack("{s:s, s:s}", "nqn", s->nqn,
					  "host", h->nqn)));
}

/* It exists always and is not created, and admits everybody at first. */
static void save_discovery(json_t *calls, const struct nvmf_subsystem *s)
{
	save_hosts(calls, s);
	if (!s->allow_any_host)
		json_array_append_new(calls,
			rpc_config_call("nvmf_subsystem_allow_any_host",
				json_pack("{s:s, s:b}", "nqn", s->nqn,
					  "allow_any_host", 0)));
}

static void save_subsystem(json_t *calls, const struct nvmf_subsystem *s)
{
	const struct nvmf_ns *ns;

	json_array_append_new(calls,
		rpc_config_call("nvmf_create_subsystem",
			json_pack("{s:s, s:b, s:s, s:s, s:I, s:i, s:i, s:b, s:I, s:i, s:b, s:b}",
				  "nqn", s->nqn,
				  "allow_any_host", s->allow_any_host,
				  "serial_number", s->serial,
				  "model_number", s->model,
				  "max_namespaces",
				  (json_int_t)s->max_namespaces,
				  "min_cntlid", s->min_cntlid,
				  "max_cntlid", s->max_cntlid,
				  "ana_reporting", s->ana_reporting,
				  "dmrsl", (json_int_t)s->dmrsl,
				  "wzsl", (int)s->wzsl,
				  "enable_nssr", s->enable_nssr,
				  "static_cntlid", s->static_cntlid)));
	save_hosts(calls, s);
	TAILQ_FOREACH(ns, &s->namespaces, link)
		save_ns(calls, s, ns);
}

void rpc_nvmf_config(json_t *calls)
{
	struct nvmf_transport *t;
	struct nvmf_subsystem *s;

	rpc_nvmf_target_config(calls);
	for (t = nvmf_transport_first(); t; t = nvmf_transport_next(t))
		json_array_append_new(calls,
				      rpc_config_call("nvmf_create_transport",
						      nvmf_transport_json(t)));
	for (s = nvmf_subsystem_first(); s; s = nvmf_subsystem_next(s))
		if (s->subtype == NVMF_SUBTYPE_DISCOVERY)
			save_discovery(calls, s);
		else if (!s->removing)
			save_subsystem(calls, s);
	for (s = nvmf_subsystem_first(); s; s = nvmf_subsystem_next(s))
		if (!s->removing)
			save_listeners(calls, s);
	rpc_limits_config(calls);
}

#define LISTING(method, table, fn, text) \
	{ method, RPC_RUNTIME, table, sizeof(struct list_params), NULL, fn, \
	  NULL, text }

static const struct rpc_method nvmf_list_methods[] = {
	LISTING("nvmf_get_transports", transports_params, get_transports,
		"List transports and their options"),
	LISTING("nvmf_get_subsystems", subsystems_params, get_subsystems,
		"List subsystems"),
	LISTING("nvmf_subsystem_get_listeners", subsystem_params,
		get_listeners, "List a subsystem's listeners"),
	LISTING("nvmf_subsystem_get_controllers", subsystem_params,
		get_controllers, "List a subsystem's controllers"),
	LISTING("nvmf_subsystem_get_qpairs", subsystem_params, get_qpairs,
		"List a subsystem's connections"),
	LISTING("nvmf_get_stats", stats_params, get_stats,
		"Counters of all poll groups"),
};
RPC_METHODS(nvmf_list_methods)
