// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * RPC methods of the target as a whole: nvmf_set_config, and the referrals of
 * its discovery service.
 */
#include <errno.h>

#include "target/rpc/nvmf_params.h"

/* nvmf_set_config */

/** struct config_params - of nvmf_set_config */
struct config_params {
	const char *discovery_filter;
	const char *dup_host_policy;
	const char *discovery_nqn;
};

#define C(member) offsetof(struct config_params, member)

static const struct rpc_param passthru_params[] = {
	{ .name = "identify_ctrlr", .type = RPC_ONLY_FALSE },
	{ .name = "identify_uuid_list", .type = RPC_ONLY_FALSE },
	{ .name = "get_log_page", .type = RPC_ONLY_FALSE },
	{ .name = "get_set_features", .type = RPC_ONLY_FALSE },
	{ .name = "sanitize", .type = RPC_ONLY_FALSE },
	{ .name = "security_send_recv", .type = RPC_ONLY_FALSE },
	{ .name = "fw_update", .type = RPC_ONLY_FALSE },
	{ .name = "nvme_mi", .type = RPC_ONLY_FALSE },
	{ .name = "vendor_specific", .type = RPC_ONLY_FALSE },
	{ .type = RPC_END }
};

static const struct rpc_param config_params[] = {
	{ .name = "discovery_filter", .type = RPC_STR,
	  .offset = C(discovery_filter),
	  .help = "match_any, or a list of transport, address, svcid; default match_any" },
	{ .name = "dup_host_policy", .type = RPC_STR,
	  .offset = C(dup_host_policy),
	  .help = "allow or restrict_per_listener; default allow" },
	{ .name = "discovery_nqn", .type = RPC_STR,
	  .offset = C(discovery_nqn), .max = NVMF_NQN_MAX,
	  .help = "name of the discovery subsystem beside the well-known one; empty: none (not in SPDK)" },
	{ .name = "admin_cmd_passthru", .type = RPC_OBJECT,
	  .sub = passthru_params, .help = "nothing is passed through" },
	{ .name = "*", .type = RPC_HINT },
	{ .type = RPC_END }
};

static bool take_filter_word(const char *word, size_t n, struct nvmf_config *c)
{
	const struct {
		const char *name;
		bool *flag;
	} words[] = {
		{ "transport", &c->disc_transport },
		{ "address", &c->disc_address },
		{ "svcid", &c->disc_svcid },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (strlen(words[i].name) == n &&
		    !memcmp(words[i].name, word, n)) {
			*words[i].flag = true;
			return true;
		}
	}
	return false;
}

static bool take_filter(const char *filter, struct nvmf_config *c)
{
	c->disc_transport = c->disc_address = c->disc_svcid = false;
	if (!strcmp(filter, "match_any"))
		return true;
	for (;;) {
		size_t n = strcspn(filter, ",");

		if (!take_filter_word(filter, n, c))
			return false;
		if (!filter[n])
			return true;
		filter += n + 1;
	}
}

static bool take_policy(const char *policy, struct nvmf_config *c)
{
	c->one_ctrlr = !strcmp(policy, "restrict_per_listener");
	return c->one_ctrlr || !strcmp(policy, "allow");
}

static void filter_text(const struct nvmf_config *c, char *out, size_t size)
{
	struct weft_text t;

	weft_text_init(&t, out, size);
	if (c->disc_transport)
		weft_text_add(&t, "transport");
	if (c->disc_address)
		weft_text_add(&t, "%saddress", t.len ? "," : "");
	if (c->disc_svcid)
		weft_text_add(&t, "%ssvcid", t.len ? "," : "");
	if (!t.len)
		weft_text_add(&t, "match_any");
}

/* What there is now, as a call */
static json_t *config_call(void)
{
	const struct nvmf_config *c = nvmf_config();
	char filter[64];

	filter_text(c, filter, sizeof(filter));
	return rpc_config_call("nvmf_set_config",
		json_pack("{s:s, s:s, s:s}", "discovery_filter", filter,
			  "dup_host_policy", c->one_ctrlr ?
			  "restrict_per_listener" : "allow",
			  "discovery_nqn", c->disc_nqn));
}

static void set_config(struct rpc_call *call, const void *params)
{
	const struct config_params *p = params;
	struct nvmf_config c = *nvmf_config();
	struct weft_reason why = { "" };

	if (p->discovery_filter && !take_filter(p->discovery_filter, &c)) {
		rpc_fail(call, RPC_INVALID_PARAMS,
			 "discovery_filter=%s: match_any, or a list of transport, address, svcid is accepted",
			 p->discovery_filter);
		return;
	}
	if (p->dup_host_policy && !take_policy(p->dup_host_policy, &c)) {
		rpc_fail(call, RPC_INVALID_PARAMS,
			 "dup_host_policy=%s: allow, restrict_per_listener are accepted",
			 p->dup_host_policy);
		return;
	}
	if (p->discovery_nqn)
		snprintf(c.disc_nqn, sizeof(c.disc_nqn), "%s",
			 p->discovery_nqn);
	rpc_undo(call, config_call());
	rpc_done(call, nvmf_config_set(&c, &why), &why);
}

/* Referrals */

/** struct referral_params - of the referral methods */
struct referral_params {
	struct rpc_address address;
	const char *subnqn;
};

#define R(member) offsetof(struct referral_params, member)

static const struct rpc_param referral_params[] = {
	{ .name = "address", .type = RPC_OBJECT, .required = true,
	  .sub = rpc_address_params, .help = "of the other discovery service" },
	{ .name = "subnqn", .type = RPC_STR, .offset = R(subnqn),
	  .max = NVMF_NQN_MAX, .help = "its NQN; default the well-known one" },
	{ .name = "secure_channel", .type = RPC_ONLY_FALSE },
	{ .name = "allow_any_host", .type = RPC_HINT },
	RPC_TGT_NAME,
	{ .type = RPC_END }
};

static const struct rpc_param no_params[] = {
	RPC_TGT_NAME,
	{ .type = RPC_END }
};

static void add_referral(struct rpc_call *call, const void *params)
{
	const struct referral_params *p = params;
	struct weft_reason why = { "" };
	struct nvmf_trid trid;

	if (!rpc_address_parse(call, "address", &p->address, &trid))
		return;
	if (nvmf_referral_find(&trid, p->subnqn))
		rpc_reply_unchanged(call, json_true());
	else if (nvmf_referral_add(&trid, p->subnqn, &why))
		rpc_fail(call, RPC_INVALID_PARAMS, "%s", why.text);
	else
		rpc_reply(call, json_true());
}

static json_t *add_referral_undo(const void *params, const json_t *result)
{
	const struct referral_params *p = params;

	(void)result;
	return rpc_config_call("nvmf_discovery_remove_referral",
			       json_pack("{s:o, s:s*}", "address",
					 rpc_address_json(&p->address),
					 "subnqn", p->subnqn));
}

static void remove_referral(struct rpc_call *call, const void *params)
{
	const struct referral_params *p = params;
	struct nvmf_referral *r;
	struct nvmf_trid trid;

	if (!rpc_address_parse(call, "address", &p->address, &trid))
		return;
	r = nvmf_referral_find(&trid, p->subnqn);
	if (!r) {
		rpc_fail(call, -ENOENT,
			 "address: there is no referral to %s %s:%s",
			 p->address.trtype, trid.traddr, trid.trsvcid);
		return;
	}
	nvmf_referral_remove(r);
	rpc_reply(call, json_true());
}

static json_t *referral_json(const struct nvmf_referral *r)
{
	return json_pack("{s:o, s:b, s:s}", "address", nvmf_trid_json(&r->trid),
			 "secure_channel", 0, "subnqn", r->subnqn);
}

static void get_referrals(struct rpc_call *call, const void *params)
{
	json_t *list = json_array();
	struct nvmf_referral *r;

	(void)params;
	for (r = nvmf_referral_first(); r; r = nvmf_referral_next(r))
		json_array_append_new(list, referral_json(r));
	rpc_reply(call, list);
}

/* The saved configuration */

void rpc_nvmf_target_config(json_t *calls)
{
	json_t *call = config_call();
	struct nvmf_referral *r;

	/* SPDK knows no such name */
	if (!nvmf_config()->disc_nqn[0])
		json_object_del(json_object_get(call, "params"),
				"discovery_nqn");
	json_array_append_new(calls, call);
	for (r = nvmf_referral_first(); r; r = nvmf_referral_next(r))
		json_array_append_new(calls,
			rpc_config_call("nvmf_discovery_add_referral",
					referral_json(r)));
}

#define REFERRAL(method, states, table, fn, undo_fn, text) \
	{ method, states, table, sizeof(struct referral_params), NULL, fn, \
	  undo_fn, text }

static const struct rpc_method discovery_methods[] = {
	{ "nvmf_set_config", RPC_ALWAYS, config_params,
	  sizeof(struct config_params), NULL, set_config,
	  NULL,
	  "Say what discovery shows, and how many controllers a host may have" },
	REFERRAL("nvmf_discovery_add_referral", RPC_RUNTIME, referral_params,
		 add_referral, add_referral_undo,
		 "Name another discovery service"),
	REFERRAL("nvmf_discovery_remove_referral", RPC_RUNTIME | RPC_ALONE,
		 referral_params, remove_referral, NULL, "Name it no longer"),
	REFERRAL("nvmf_discovery_get_referrals", RPC_RUNTIME, no_params,
		 get_referrals, NULL, "List the other discovery services"),
};
RPC_METHODS(discovery_methods)
