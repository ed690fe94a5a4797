// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * `weft target ...` on ways and who may use them: ANA states of listeners,
 * groups, hosts and limits of namespaces, referrals, connections, and the
 * settings of the target as a whole.
 */
#include "tools/weft/handlers.h"
#include "tools/weft/rpc.h"
#include "tools/weft/target.h"

#define GROUP_MAX	4096	/* as many as a subsystem has namespaces */

/* --- listeners ------------------------------------------------------------- */

/* "1-6 optimized, 7 inaccessible": groups in a row that have the same state */
static char *states_text(const json_t *states)
{
	size_t i, first = 0, n = json_array_size(states);
	char *text = cli_format("%s", ""), *longer;

	for (i = 0; i < n; i++) {
		const json_t *from = json_array_get(states, first);
		const json_t *to = json_array_get(states, i);
		const json_t *next = json_array_get(states, i + 1);
		const char *state = rpc_str(from, "ana_state");
		char last[24] = "";

		if (next && !strcmp(rpc_str(next, "ana_state"), state))
			continue;
		if (i > first)
			snprintf(last, sizeof(last), "-%llu",
				 (unsigned long long)rpc_num(to, "ana_group"));
		longer = cli_format("%s%s%llu%s %s", text, first ? ", " : "",
				    (unsigned long long)rpc_num(from,
								"ana_group"),
				    last, state);
		free(text);
		text = longer;
		first = i + 1;
	}
	return text;
}

static void listener_row(struct table *t, const json_t *l)
{
	const json_t *at = json_object_get(l, "address");
	char *states = states_text(json_object_get(l, "ana_states"));

	TABLE_ROW(t, rpc_str(at, "trtype"), rpc_str(at, "traddr"),
		  rpc_str(at, "trsvcid"), states);
	free(states);
}

int cmd_listener_list(const struct cli_args *a)
{
	json_t *list = NULL;
	int rc = target_call(a, "nvmf_subsystem_get_listeners",
			     target_params(a->pos[0]), &list);

	return rpc_show(a, rc, list,
			TABLE("TYPE", "ADDRESS", "PORT", "ANA GROUPS"),
			listener_row);
}

int cmd_listener_ana(const struct cli_args *a)
{
	json_t *params = target_params(a->pos[0]), *address;
	int rc = target_address(a, 1, &address);

	if (rc) {
		json_decref(params);
		return rc;
	}
	json_object_set_new(params, "listen_address", address);
	json_object_set_new(params, "ana_state", cli_json_text(a->pos[3]));
	rpc_options(a, params);
	return target_call(a, "nvmf_subsystem_listener_set_ana_state", params,
			   NULL);
}

/* --- namespaces ------------------------------------------------------------- */

/* A method that takes the subsystem, the namespace, and maybe @name */
static int change_ns(const struct cli_args *a, const char *method,
		     const char *name, json_t *value)
{
	json_t *params = target_params(a->pos[0]);
	u64 nsid;
	int rc = target_nsid(a, &nsid);

	json_object_set_new(params, "nsid", json_integer((json_int_t)nsid));
	if (name)
		json_object_set_new(params, name, value);
	if (rc) {
		json_decref(params);
		return rc;
	}
	rpc_options(a, params);
	return target_call(a, method, params, NULL);
}

int cmd_ns_limit(const struct cli_args *a)
{
	return change_ns(a, "nvmf_subsystem_set_ns_limits", NULL, NULL);
}

int cmd_ns_group(const struct cli_args *a)
{
	u64 group;
	int rc = cli_in_range(a, "GROUP", a->pos[2], 1, GROUP_MAX, &group);

	return rc ? rc : change_ns(a, "nvmf_subsystem_set_ns_ana_group", "anagrpid",
			 json_integer((json_int_t)group));
}

int cmd_ns_host_add(const struct cli_args *a)
{
	return change_ns(a, "nvmf_ns_add_host", "host",
			 cli_json_text(a->pos[2]));
}

int cmd_ns_host_del(const struct cli_args *a)
{
	return change_ns(a, "nvmf_ns_remove_host", "host",
			 cli_json_text(a->pos[2]));
}

/* --- referrals --------------------------------------------------------------- */

static int change_referral(const struct cli_args *a, const char *method)
{
	json_t *params, *address;
	int rc = target_address(a, 0, &address);

	if (rc)
		return rc;
	params = json_pack("{s:o}", "address", address);
	rpc_options(a, params);
	return rpc_call(a, method, params, NULL);
}

int cmd_referral_add(const struct cli_args *a)
{
	return change_referral(a, "nvmf_discovery_add_referral");
}

int cmd_referral_del(const struct cli_args *a)
{
	return change_referral(a, "nvmf_discovery_remove_referral");
}

static void referral_row(struct table *t, const json_t *r)
{
	const json_t *at = json_object_get(r, "address");

	TABLE_ROW(t, rpc_str(at, "trtype"), rpc_str(at, "traddr"),
		  rpc_str(at, "trsvcid"), rpc_str(r, "subnqn"));
}

int cmd_referral_list(const struct cli_args *a)
{
	json_t *list = NULL;
	int rc = rpc_call(a, "nvmf_discovery_get_referrals", NULL, &list);

	return rpc_show(a, rc, list,
			TABLE("TYPE", "ADDRESS", "PORT", "NQN"), referral_row);
}

/* --- connections and settings ------------------------------------------------- */

static void queue_row(struct table *t, const json_t *q)
{
	const json_t *peer = json_object_get(q, "peer_address");
	const json_t *at = json_object_get(q, "listen_address");
	char cntlid[24], qid[24], from[96], to[96];

	snprintf(cntlid, sizeof(cntlid), "%llu",
		 (unsigned long long)rpc_num(q, "cntlid"));
	snprintf(qid, sizeof(qid), "%llu",
		 (unsigned long long)rpc_num(q, "qid"));
	snprintf(from, sizeof(from), "%s:%s", rpc_str(peer, "traddr"),
		 rpc_str(peer, "trsvcid"));
	snprintf(to, sizeof(to), "%s %s:%s", rpc_str(at, "trtype"),
		 rpc_str(at, "traddr"), rpc_str(at, "trsvcid"));
	TABLE_ROW(t, cntlid, qid, rpc_str(q, "state"), from, to,
		  rpc_str(q, "hostnqn"));
}

int cmd_queues(const struct cli_args *a)
{
	json_t *list = NULL;
	int rc = target_call(a, "nvmf_subsystem_get_qpairs",
			     target_params(a->pos[0]), &list);

	return rpc_show(a, rc, list,
			TABLE("CNTLID", "QUEUE", "STATE", "FROM", "TO",
			      "HOST NQN"), queue_row);
}

int cmd_target_set(const struct cli_args *a)
{
	json_t *params = json_object();

	rpc_options(a, params);
	if (json_object_size(params))
		return rpc_call(a, "nvmf_set_config", params, NULL);
	json_decref(params);
	return cli_usage_error(a->cmd, "nothing to set: give an option");
}
