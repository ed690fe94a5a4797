// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * `weft target subsystem|ns|listener|host|controllers ...`: what the target
 * serves, where and to whom.
 *
 * Every command on a subsystem looks it up first: so "not there" is told from
 * "refused", by words and by exit code.
 */
#include <arpa/inet.h>

#include "common/fabrics.h"
#include "tools/weft/handlers.h"
#include "tools/weft/rpc.h"
#include "tools/weft/target.h"

json_t *target_params(const char *nqn)
{
	return nqn ? json_pack("{s:o}", "nqn", cli_json_text(nqn)) : NULL;
}

/* @subsystem: the caller's to release, on success */
static int find_subsystem(const struct cli_args *a, json_t **subsystem)
{
	json_t *list;
	int rc;

	*subsystem = NULL;
	rc = rpc_call(a, "nvmf_get_subsystems", target_params(a->pos[0]), &list);
	if (rc)
		return rc;
	*subsystem = json_incref(json_array_get(list, 0));
	json_decref(list);
	return CLI_OK;
}

/* Look up the subsystem, then call. */
int target_call(const struct cli_args *a, const char *method,
			     json_t *params, json_t **result)
{
	json_t *s;
	int rc = find_subsystem(a, &s);

	json_decref(s);
	if (!rc)
		return rpc_call(a, method, params, result);
	json_decref(params);
	return rc;
}

static void print_subsystem(const json_t *s)
{
	json_t *list, *x;
	size_t i;

	printf("%s (%s)\n", rpc_str(s, "nqn"), rpc_str(s, "subtype"));
	if (*rpc_str(s, "serial_number"))
		printf("    serial %s, model %s\n", rpc_str(s, "serial_number"),
		       rpc_str(s, "model_number"));
	printf("    hosts: %s\n", rpc_flag(s, "allow_any_host") ? "any" :
	       "only those listed");
	list = json_object_get(s, "hosts");
	json_array_foreach(list, i, x)
		printf("    host %s\n", rpc_str(x, "nqn"));
	list = json_object_get(s, "namespaces");
	json_array_foreach(list, i, x)
		printf("    namespace %llu: %s, uuid %s\n",
		       (unsigned long long)rpc_num(x, "nsid"),
		       rpc_str(x, "bdev_name"), rpc_str(x, "uuid"));
	list = json_object_get(s, "listen_addresses");
	json_array_foreach(list, i, x)
		printf("    listener %s %s port %s\n", rpc_str(x, "trtype"),
		       rpc_str(x, "traddr"), rpc_str(x, "trsvcid"));
}

int cmd_subsystem_list(const struct cli_args *a)
{
	json_t *list, *s;
	size_t i;
	int rc;

	rc = rpc_call(a, "nvmf_get_subsystems", target_params(a->pos[0]), &list);
	if (rc)
		return rc;
	if (cli_opt(a, "json"))
		return cli_print_json(list);
	json_array_foreach(list, i, s)
		print_subsystem(s);
	json_decref(list);
	return CLI_OK;
}

int cmd_subsystem_add(const struct cli_args *a)
{
	json_t *params = target_params(a->pos[0]);

	rpc_options(a, params);
	return rpc_call(a, "nvmf_create_subsystem", params, NULL);
}

int cmd_subsystem_del(const struct cli_args *a)
{
	return target_call(a, "nvmf_delete_subsystem",
				 target_params(a->pos[0]), NULL);
}

/* The subsystem, then the bdev */
static int find_both(const struct cli_args *a)
{
	json_t *s, *name;
	int rc = find_subsystem(a, &s);

	if (rc)
		return rc;
	json_decref(s);
	name = json_pack("{s:o}", "name", cli_json_text(a->pos[1]));
	return rpc_call(a, "bdev_get_bdevs", name, NULL);
}

int cmd_ns_add(const struct cli_args *a)
{
	json_t *ns, *params, *nsid;
	int rc = find_both(a);

	if (rc)
		return rc;
	ns = json_pack("{s:o}", "bdev_name", cli_json_text(a->pos[1]));
	rpc_options(a, ns);
	params = target_params(a->pos[0]);
	json_object_set_new(params, "namespace", ns);
	rc = rpc_call(a, "nvmf_subsystem_add_ns", params, &nsid);
	if (rc)
		return rc;
	printf("%lld\n", (long long)json_integer_value(nsid));
	json_decref(nsid);
	return CLI_OK;
}

/* Is there an element of @s's list @key for which @member is @value? */
static bool listed(const json_t *s, const char *key, const char *member,
		   const json_t *value)
{
	json_t *x;
	size_t i;

	json_array_foreach(json_object_get(s, key), i, x)
		if (json_equal(json_object_get(x, member), value))
			return true;
	return false;
}

/**
 * remove_listed() - take an element out of one of a subsystem's lists
 * @value: what the element's @member must be; goes into @params as @param
 */
static int remove_listed(const struct cli_args *a, const char *key,
			 const char *member, const char *method,
			 const char *param, json_t *value)
{
	json_t *s, *params;
	int rc;

	rc = find_subsystem(a, &s);
	if (!rc && !listed(s, key, member, value))
		rc = cli_error(CLI_MISSING, "%s=%s: %s has none such", param,
			       a->pos[1], a->pos[0]);
	if (!rc) {
		params = target_params(a->pos[0]);
		json_object_set(params, param, value);
		rc = rpc_call(a, method, params, NULL);
	}
	json_decref(s);
	json_decref(value);
	return rc;
}

int target_nsid(const struct cli_args *a, u64 *nsid)
{
	*nsid = 0;
	return cli_in_range(a, "NSID", a->pos[1], 1, UINT32_MAX - 1, nsid);
}

int cmd_ns_del(const struct cli_args *a)
{
	u64 nsid;
	int rc = target_nsid(a, &nsid);

	if (rc)
		return rc;
	return remove_listed(a, "namespaces", "nsid",
			     "nvmf_subsystem_remove_ns", "nsid",
			     json_integer((json_int_t)nsid));
}

static json_t *host_params(const struct cli_args *a)
{
	json_t *params = target_params(a->pos[0]);

	json_object_set_new(params, "host", cli_json_text(a->pos[1]));
	return params;
}

int cmd_host_add(const struct cli_args *a)
{
	return target_call(a, "nvmf_subsystem_add_host", host_params(a),
				 NULL);
}

int cmd_host_del(const struct cli_args *a)
{
	return remove_listed(a, "hosts", "nqn", "nvmf_subsystem_remove_host",
			     "host", cli_json_text(a->pos[1]));
}

int cmd_host_any(const struct cli_args *a)
{
	json_t *params;
	bool on;
	int rc = cli_on_off(a, a->pos[1], &on);

	if (rc)
		return rc;
	params = target_params(a->pos[0]);
	json_object_set_new(params, "allow_any_host", json_boolean(on));
	return target_call(a, "nvmf_subsystem_allow_any_host", params,
				 NULL);
}

/* An IPv6 address has many spellings, of which the daemon keeps one. */
static void spell(const char *traddr, char *out, size_t size)
{
	char addr[INET6_ADDRSTRLEN];
	size_t n = strcspn(traddr, "%");
	struct in6_addr in6;

	snprintf(addr, sizeof(addr), "%.*s", (int)n, traddr);
	if (inet_pton(AF_INET6, addr, &in6) == 1)
		inet_ntop(AF_INET6, &in6, addr, sizeof(addr));
	snprintf(out, size, "%s%s", addr, traddr + n);
}

static bool same_traddr(const char *x, const char *y)
{
	char a[NVMF_TRADDR_FIELD], b[NVMF_TRADDR_FIELD];

	spell(x, a, sizeof(a));
	spell(y, b, sizeof(b));
	return !strcmp(a, b);
}

static bool same_address(const json_t *x, const json_t *y)
{
	return !strcasecmp(rpc_str(x, "trtype"), rpc_str(y, "trtype")) &&
	       same_traddr(rpc_str(x, "traddr"), rpc_str(y, "traddr")) &&
	       !strcmp(rpc_str(x, "trsvcid"), rpc_str(y, "trsvcid"));
}

static bool listens(const json_t *s, const json_t *address)
{
	json_t *x;
	size_t i;

	json_array_foreach(json_object_get(s, "listen_addresses"), i, x)
		if (same_address(x, address))
			return true;
	return false;
}

static int change_listener(const struct cli_args *a, const char *method,
			   bool must_be_there)
{
	json_t *address, *params, *s;
	int rc = target_address(a, 1, &address);

	if (rc)
		return rc;
	rc = find_subsystem(a, &s);
	if (!rc && must_be_there && !listens(s, address))
		rc = cli_error(CLI_MISSING, "%s does not listen on %s %s port %s",
			       a->pos[0], a->pos[1], rpc_str(address, "traddr"),
			       rpc_str(address, "trsvcid"));
	if (!rc) {
		params = target_params(a->pos[0]);
		json_object_set(params, "listen_address", address);
		rpc_options(a, params);
		rc = rpc_call(a, method, params, NULL);
	}
	json_decref(s);
	json_decref(address);
	return rc;
}

int cmd_listener_add(const struct cli_args *a)
{
	return change_listener(a, "nvmf_subsystem_add_listener", false);
}

int cmd_listener_del(const struct cli_args *a)
{
	return change_listener(a, "nvmf_subsystem_remove_listener", true);
}

static void controller_row(struct table *t, const json_t *c)
{
	char cntlid[24], queues[24];

	snprintf(cntlid, sizeof(cntlid), "%llu",
		 (unsigned long long)rpc_num(c, "cntlid"));
	snprintf(queues, sizeof(queues), "%llu",
		 (unsigned long long)rpc_num(c, "num_io_qpairs"));
	TABLE_ROW(t, cntlid, rpc_str(c, "cntrltype"), queues,
		  rpc_str(c, "hostnqn"), rpc_str(c, "hostid"));
}

int cmd_controllers(const struct cli_args *a)
{
	json_t *list = NULL;
	int rc = target_call(a, "nvmf_subsystem_get_controllers",
			     target_params(a->pos[0]), &list);

	return rpc_show(a, rc, list,
			TABLE("CNTLID", "TYPE", "IO QUEUES", "HOST NQN",
			      "HOST ID"), controller_row);
}
