// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * RPC methods of a subsystem's namespaces.
 */
#include <errno.h>

#include "target/rpc/nvmf_params.h"

/** struct ns_params - of the namespace methods */
struct ns_params {
	const char *nqn;
	const char *bdev_name;
	const char *host;
	const char *ptpl_file;
	u32 nsid;
	u32 anagrpid;
	bool no_auto_visible;
	struct rpc_id nguid;
	struct rpc_id eui64;
	struct rpc_id uuid;
};

#define N(member) offsetof(struct ns_params, member)
#define PARAM_NQN \
	{ .name = "nqn", .type = RPC_STR, .required = true, \
	  .offset = N(nqn), .help = "of the subsystem" }, \
	RPC_TGT_NAME

static const struct rpc_param ns_object[] = {
	{ .name = "nsid", .type = RPC_U32, .offset = N(nsid),
	  .max = NVME_NSID_ALL - 1, .help = "default: the lowest free" },
	{ .name = "bdev_name", .type = RPC_STR, .required = true,
	  .offset = N(bdev_name), .help = "block device to serve" },
	{ .name = "nguid", .type = RPC_NGUID, .offset = N(nguid),
	  .help = "32 hexadecimal digits; default: from the UUID" },
	{ .name = "eui64", .type = RPC_EUI64, .offset = N(eui64),
	  .help = "16 hexadecimal digits" },
	{ .name = "uuid", .type = RPC_UUID, .offset = N(uuid),
	  .help = "default: the bdev's" },
	{ .name = "anagrpid", .type = RPC_U32, .offset = N(anagrpid),
	  .min = 1, .max = NVMF_MAX_NAMESPACES,
	  .help = "ANA group; default: as nsid" },
	{ .name = "ptpl_file", .type = RPC_STR, .offset = N(ptpl_file),
	  .min = 1, .max = 1023,
	  .help = "where reservations persist through power loss" },
	{ .name = "no_auto_visible", .type = RPC_BOOL,
	  .offset = N(no_auto_visible),
	  .help = "hidden from hosts that nvmf_ns_add_host does not name" },
	{ .name = "hide_metadata", .type = RPC_ONLY_FALSE },
	{ .type = RPC_END }
};

static const struct rpc_param add_ns_params[] = {
	PARAM_NQN,
	{ .name = "namespace", .type = RPC_OBJECT, .required = true,
	  .sub = ns_object, .help = "the namespace" },
	{ .type = RPC_END }
};

static const struct rpc_param remove_ns_params[] = {
	PARAM_NQN,
	{ .name = "nsid", .type = RPC_U32, .required = true,
	  .offset = N(nsid), .min = 1, .max = NVME_NSID_ALL - 1,
	  .help = "of the namespace" },
	{ .type = RPC_END }
};

/** struct add_ns - nvmf_subsystem_add_ns under way */
struct add_ns {
	struct rpc_call *call;
	u32 nsid;
};

static void ns_added(void *ctx, int err, const struct weft_reason *why)
{
	struct add_ns *a = ctx;

	if (err)
		rpc_fail(a->call, RPC_INVALID_PARAMS, "%s", why->text);
	else
		rpc_reply(a->call, json_integer(a->nsid));
}

static const u8 *id_bytes(const struct rpc_id *id)
{
	return id->given ? id->bytes : NULL;
}

/* The namespace that has the number or, of any number, the bdev */
static const struct nvmf_ns *existing_ns(struct nvmf_subsystem *s,
					 const struct ns_params *p,
					 const struct bdev *b)
{
	const struct nvmf_ns *ns;

	ns = p->nsid ? nvmf_subsystem_ns(s, p->nsid) : NULL;
	if (ns)
		return ns;
	TAILQ_FOREACH(ns, &s->namespaces, link)
		if (bdev_desc_bdev(ns->desc) == b)
			return ns;
	return NULL;
}

static bool id_differs(const struct rpc_id *id, const u8 *is, size_t n)
{
	return id->given && memcmp(id->bytes, is, n);
}

/* What is otherwise than asked for; NULL: nothing. */
static const char *ns_difference(const struct nvmf_ns *ns,
				 const struct ns_params *p,
				 const struct bdev *b)
{
	if (p->nsid && p->nsid != ns->nsid)
		return "nsid";
	if (bdev_desc_bdev(ns->desc) != b)
		return "bdev_name";
	if (p->anagrpid && p->anagrpid != ns->anagrpid)
		return "anagrpid";
	if (p->no_auto_visible != ns->no_auto_visible)
		return "no_auto_visible";
	if (strcmp(p->ptpl_file ? p->ptpl_file : "", ns->ptpl_file))
		return "ptpl_file";
	if (id_differs(&p->uuid, ns->uuid, 16))
		return "uuid";
	if (id_differs(&p->nguid, ns->nguid, 16))
		return "nguid";
	if (id_differs(&p->eui64, ns->eui64, 8))
		return "eui64";
	return NULL;
}

/* Answers an add of what is there already; false: there is nothing. */
static bool answer_existing(struct rpc_call *call, struct nvmf_subsystem *s,
			    const struct ns_params *p)
{
	const struct bdev *b = bdev_find(p->bdev_name);
	const struct nvmf_ns *ns = existing_ns(s, p, b);
	const char *diff = ns ? ns_difference(ns, p, b) : NULL;

	if (diff)
		rpc_fail(call, RPC_INVALID_PARAMS,
			 "nsid=%u: is bdev %s in %s already, with another %s",
			 ns->nsid, bdev_desc_bdev(ns->desc)->name, s->nqn,
			 diff);
	else if (ns)
		rpc_reply_unchanged(call, json_integer(ns->nsid));
	return ns;
}

static void add_ns_to(struct rpc_call *call, const void *params,
		      struct nvmf_subsystem *s)
{
	const struct ns_params *p = params;
	const struct nvmf_ns_opts opts = {
		.nsid = p->nsid, .bdev_name = p->bdev_name,
		.nguid = id_bytes(&p->nguid), .eui64 = id_bytes(&p->eui64),
		.uuid = id_bytes(&p->uuid), .anagrpid = p->anagrpid,
		.no_auto_visible = p->no_auto_visible,
		.ptpl_file = p->ptpl_file,
	};
	struct add_ns *a;

	if (answer_existing(call, s, p))
		return;
	a = rpc_call_data(call, sizeof(*a));
	if (!a) {
		rpc_fail(call, -ENOMEM, "no memory");
		return;
	}
	a->call = call;
	nvmf_subsystem_add_ns(s, &opts, &a->nsid, ns_added, a);
}

static void add_ns(struct rpc_call *call, const void *params)
{
	const struct ns_params *p = params;

	rpc_on_subsystem(call, p->nqn, p->nsid, p->bdev_name, params,
			 add_ns_to);
}

static json_t *add_ns_undo(const void *params, const json_t *result)
{
	const struct ns_params *p = params;

	return rpc_config_call("nvmf_subsystem_remove_ns",
			       json_pack("{s:s, s:I}", "nqn", p->nqn, "nsid",
					 json_integer_value(result)));
}

static void remove_ns_of(struct rpc_call *call, const void *params,
			 struct nvmf_subsystem *s)
{
	const struct ns_params *p = params;

	if (nvmf_subsystem_ns(s, p->nsid))
		nvmf_subsystem_remove_ns(s, p->nsid, rpc_done, call);
	else
		rpc_fail(call, RPC_INVALID_PARAMS,
			 "nsid=%u: %s has no such namespace", p->nsid, p->nqn);
}

static void remove_ns(struct rpc_call *call, const void *params)
{
	const struct ns_params *p = params;

	rpc_on_subsystem(call, p->nqn, p->nsid, NULL, params, remove_ns_of);
}

static const struct rpc_param ns_group_params[] = {
	PARAM_NQN,
	{ .name = "nsid", .type = RPC_U32, .required = true,
	  .offset = N(nsid), .min = 1, .max = NVME_NSID_ALL - 1,
	  .help = "of the namespace" },
	{ .name = "anagrpid", .type = RPC_U32, .required = true,
	  .offset = N(anagrpid), .min = 1, .max = NVMF_MAX_NAMESPACES,
	  .help = "ANA group" },
	{ .type = RPC_END }
};

static void set_ns_ana_group_of(struct rpc_call *call, const void *params,
				struct nvmf_subsystem *s)
{
	const struct ns_params *p = params;
	const struct nvmf_ns *ns = nvmf_subsystem_ns(s, p->nsid);

	if (ns)
		rpc_undo(call, rpc_config_call(
			"nvmf_subsystem_set_ns_ana_group",
			json_pack("{s:s, s:I, s:I}", "nqn", p->nqn, "nsid",
				  (json_int_t)p->nsid, "anagrpid",
				  (json_int_t)ns->anagrpid)));
	nvmf_subsystem_set_ns_ana_group(s, p->nsid, p->anagrpid, rpc_done,
					call);
}

static void set_ns_ana_group(struct rpc_call *call, const void *params)
{
	const struct ns_params *p = params;

	rpc_on_subsystem(call, p->nqn, p->nsid, NULL, params, set_ns_ana_group_of);
}

static const struct rpc_param ns_host_params[] = {
	PARAM_NQN,
	{ .name = "nsid", .type = RPC_U32, .required = true,
	  .offset = N(nsid), .min = 1, .max = NVME_NSID_ALL - 1,
	  .help = "of a namespace with no_auto_visible" },
	{ .name = "host", .type = RPC_STR, .required = true,
	  .offset = N(host), .max = NVMF_NQN_MAX, .help = "host NQN" },
	{ .type = RPC_END }
};

static void ns_add_host_of(struct rpc_call *call, const void *params,
			   struct nvmf_subsystem *s)
{
	const struct ns_params *p = params;
	const struct nvmf_ns *ns = nvmf_subsystem_ns(s, p->nsid);

	if (ns && ns->no_auto_visible && nvmf_ns_host_listed(ns, p->host))
		rpc_reply_unchanged(call, json_true());
	else
		nvmf_ns_set_host(s, p->nsid, p->host, true, rpc_done, call);
}

static void ns_add_host(struct rpc_call *call, const void *params)
{
	const struct ns_params *p = params;

	rpc_on_subsystem(call, p->nqn, p->nsid, NULL, params, ns_add_host_of);
}

static json_t *ns_add_host_undo(const void *params, const json_t *result)
{
	const struct ns_params *p = params;

	(void)result;
	return rpc_config_call("nvmf_ns_remove_host",
			       json_pack("{s:s, s:I, s:s}", "nqn", p->nqn,
					 "nsid", (json_int_t)p->nsid,
					 "host", p->host));
}

static void ns_remove_host(struct rpc_call *call, const void *params)
{
	const struct ns_params *p = params;
	struct nvmf_subsystem *s = rpc_find_subsystem(call, p->nqn);

	if (s)
		nvmf_ns_set_host(s, p->nsid, p->host, false, rpc_done, call);
}

static const struct rpc_method ns_methods[] = {
	{ "nvmf_subsystem_add_ns", RPC_RUNTIME, add_ns_params,
	  sizeof(struct ns_params), NULL, add_ns, add_ns_undo,
	  "Serve a block device as a namespace" },
	{ "nvmf_subsystem_remove_ns", RPC_RUNTIME | RPC_ALONE, remove_ns_params,
	  sizeof(struct ns_params), NULL, remove_ns, NULL,
	  "Stop serving a namespace" },
	{ "nvmf_subsystem_set_ns_ana_group", RPC_RUNTIME, ns_group_params,
	  sizeof(struct ns_params), NULL, set_ns_ana_group, NULL,
	  "Move a namespace to another ANA group" },
	{ "nvmf_ns_add_host", RPC_RUNTIME, ns_host_params,
	  sizeof(struct ns_params), NULL, ns_add_host, ns_add_host_undo,
	  "Let a host see a namespace that is hidden from the others" },
	{ "nvmf_ns_remove_host", RPC_RUNTIME | RPC_ALONE, ns_host_params,
	  sizeof(struct ns_params), NULL, ns_remove_host, NULL,
	  "Hide a namespace from a host again" },
};
RPC_METHODS(ns_methods)
