// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * RPC methods that change subsystems and who may use them. Transports stand in
 * methods_transport.c, listeners in methods_listener.c, namespaces in
 * methods_ns.c, listings in methods_nvmf_list.c.
 *
 * Creating or adding what is there already with equal parameters succeeds; a
 * difference is refused by name.
 */
#include <errno.h>

#include "target/nvmf/nvmf.h"
#include "target/rpc/nvmf_params.h"

/* Subsystems */

/**
 * struct subsystem_params - of methods that name or make a subsystem
 * @discard_kib: @zeroes_kib: dmrsl and wzsl as SPDK saved them before v26.05,
 *                            in each subsystem; 0: no limit
 */
struct subsystem_params {
	struct nvmf_subsystem_opts opts;
	u64 discard_kib;
	u64 zeroes_kib;
	const char *host;
	bool allow_any_host;
};

#define SUB(member) offsetof(struct subsystem_params, opts.member)

static const struct rpc_param create_params[] = {
	{ .name = "nqn", .type = RPC_STR, .required = true, .offset = SUB(nqn),
	  .max = NVMF_NQN_MAX, .help = "NVMe Qualified Name" },
	{ .name = "serial_number", .type = RPC_STR, .offset = SUB(serial),
	  .max = 20, .help = "up to 20 characters" },
	{ .name = "model_number", .type = RPC_STR, .offset = SUB(model),
	  .max = 40, .help = "up to 40 characters" },
	{ .name = "max_namespaces", .type = RPC_U32,
	  .offset = SUB(max_namespaces), .max = NVMF_MAX_NAMESPACES,
	  .help = "default (and 0): 32" },
	{ .name = "allow_any_host", .type = RPC_BOOL,
	  .offset = SUB(allow_any_host), .help = "default false" },
	{ .name = "ana_reporting", .type = RPC_BOOL,
	  .offset = SUB(ana_reporting),
	  .help = "tell hosts the ANA states of listeners; default false" },
	{ .name = "min_cntlid", .type = RPC_U16, .offset = SUB(min_cntlid),
	  .min = NVMF_CNTLID_MIN, .max = NVMF_CNTLID_MAX, .help = "default 1" },
	{ .name = "max_cntlid", .type = RPC_U16, .offset = SUB(max_cntlid),
	  .min = NVMF_CNTLID_MIN, .max = NVMF_CNTLID_MAX,
	  .help = "default 65519" },
	{ .name = "passthrough", .type = RPC_ONLY_FALSE },
	{ .name = "enable_nssr", .type = RPC_BOOL, .offset = SUB(enable_nssr),
	  .help = "hosts may reset the whole subsystem; default false" },
	{ .name = "static_cntlid", .type = RPC_BOOL,
	  .offset = SUB(static_cntlid),
	  .help = "hosts choose their controller's number; default false" },
	{ .name = "dmrsl", .type = RPC_U32, .offset = SUB(dmrsl),
	  .help = "blocks of a deallocated range that are processed; default 0: all" },
	{ .name = "wzsl", .type = RPC_U16, .offset = SUB(wzsl),
	  .max = NVMF_MAX_WZSL,
	  .help = "largest Write Zeroes, 2 to the power of it times 4 KiB; default 0: no limit" },
	{ .name = "max_discard_size_kib", .type = RPC_U64,
	  .offset = offsetof(struct subsystem_params, discard_kib),
	  .max = UINT32_MAX / 2,
	  .help = "dmrsl as earlier releases of SPDK have it: in KiB, with blocks of 512 bytes" },
	{ .name = "max_write_zeroes_size_kib", .type = RPC_U64,
	  .offset = offsetof(struct subsystem_params, zeroes_kib),
	  .max = 1ull << 40,
	  .help = "wzsl likewise: in KiB, a power of two from 8 on" },
	{ .name = "admin_label", .type = RPC_ONLY_EMPTY,
	  .help = "the discovery log has no extended entries" },
	RPC_TGT_NAME,
	{ .type = RPC_END }
};

#define PARAM_NQN \
	{ .name = "nqn", .type = RPC_STR, .required = true, \
	  .offset = SUB(nqn), .help = "of the subsystem" }, \
	RPC_TGT_NAME

static const struct rpc_param nqn_params[] = {
	PARAM_NQN,
	{ .type = RPC_END }
};

struct nvmf_subsystem *rpc_find_subsystem(struct rpc_call *call,
					  const char *nqn)
{
	struct nvmf_subsystem *s = nvmf_subsystem_find(nqn);

	if (!s)
		rpc_fail(call, RPC_INVALID_PARAMS,
			 "nqn=%s: no such subsystem; nvmf_get_subsystems lists them",
			 nqn);
	return s;
}

/** struct turn - a call that waits for its turn at a subsystem */
struct turn {
	struct rpc_call *call;
	const void *params;
	struct nvmf_subsystem *s;
	rpc_subsystem_fn fn;
};

static void turn_comes(void *ctx, int err, const struct weft_reason *why)
{
	struct turn *t = ctx;

	if (err)
		rpc_done(t->call, err, why);
	else
		t->fn(t->call, t->params, t->s);
}

void rpc_on_subsystem(struct rpc_call *call, const char *nqn, u32 nsid,
		      const char *bdev_name, const void *params,
		      rpc_subsystem_fn fn)
{
	struct nvmf_subsystem *s = rpc_find_subsystem(call, nqn);
	struct turn *t;

	if (!s)
		return;
	t = rpc_call_data(call, sizeof(*t));
	if (!t) {
		rpc_fail(call, -ENOMEM, "no memory");
		return;
	}
	*t = (struct turn){ call, params, s, fn };
	nvmf_subsystem_turn(s, nsid, bdev_name, turn_comes, t);
}

static const char *subsystem_difference(const struct nvmf_subsystem *s,
					const struct nvmf_subsystem_opts *o)
{
	if (o->serial && strcmp(o->serial, s->serial))
		return "serial_number";
	if (o->model && strcmp(o->model, s->model))
		return "model_number";
	if (o->max_namespaces && o->max_namespaces != s->max_namespaces)
		return "max_namespaces";
	if (o->min_cntlid && o->min_cntlid != s->min_cntlid)
		return "min_cntlid";
	if (o->max_cntlid && o->max_cntlid != s->max_cntlid)
		return "max_cntlid";
	if (o->allow_any_host != s->allow_any_host)
		return "allow_any_host";
	if (o->ana_reporting != s->ana_reporting)
		return "ana_reporting";
	if (o->enable_nssr != s->enable_nssr)
		return "enable_nssr";
	if (o->static_cntlid != s->static_cntlid)
		return "static_cntlid";
	if (o->dmrsl != s->dmrsl)
		return "dmrsl";
	if (o->wzsl != s->wzsl)
		return "wzsl";
	return NULL;
}

/* The options, with what is given in KiB in their own terms */
static bool subsystem_opts(struct rpc_call *call,
			   const struct subsystem_params *p,
			   struct nvmf_subsystem_opts *o)
{
	u64 zeroes = p->zeroes_kib;

	*o = p->opts;
	if ((o->dmrsl && p->discard_kib) || (o->wzsl && zeroes)) {
		rpc_fail(call, RPC_INVALID_PARAMS, "%s",
			 zeroes && o->wzsl ?
			 "max_write_zeroes_size_kib: not together with wzsl" :
			 "max_discard_size_kib: not together with dmrsl");
		return false;
	}
	if (zeroes && (zeroes < 8 || zeroes & (zeroes - 1))) {
		rpc_fail(call, RPC_INVALID_PARAMS,
			 "max_write_zeroes_size_kib=%llu: 0 or a power of two from 8 on is accepted",
			 (unsigned long long)zeroes);
		return false;
	}
	if (p->discard_kib)
		o->dmrsl = p->discard_kib * 2;
	if (zeroes)
		o->wzsl = __builtin_ctzll(zeroes / 4);
	return true;
}

static void create_subsystem(struct rpc_call *call, const void *params)
{
	const struct subsystem_params *p = params;
	struct nvmf_subsystem *s = nvmf_subsystem_find(p->opts.nqn);
	struct nvmf_subsystem_opts opts;
	struct weft_reason why = { "" };
	const char *diff;

	if (!subsystem_opts(call, p, &opts))
		return;
	diff = s ? subsystem_difference(s, &opts) : NULL;
	if (diff)
		rpc_fail(call, RPC_INTERNAL,
			 "Unable to create subsystem %s: it exists with another %s",
			 p->opts.nqn, diff);
	else if (s)
		rpc_reply_unchanged(call, json_true());
	else if (nvmf_subsystem_create(&opts, NULL, &why))
		rpc_fail(call, RPC_INTERNAL, "%s", why.text);
	else
		rpc_reply(call, json_true());
}

static json_t *create_subsystem_undo(const void *params, const json_t *result)
{
	const struct subsystem_params *p = params;

	(void)result;
	return rpc_config_call("nvmf_delete_subsystem",
			       json_pack("{s:s}", "nqn", p->opts.nqn));
}

static void delete_subsystem(struct rpc_call *call, const void *params)
{
	const struct subsystem_params *p = params;
	struct nvmf_subsystem *s = rpc_find_subsystem(call, p->opts.nqn);

	if (s)
		nvmf_subsystem_delete(s, rpc_done, call);
}

/* Hosts */

#define PARAM_HOST \
	{ .name = "host", .type = RPC_STR, .required = true, \
	  .offset = offsetof(struct subsystem_params, host), \
	  .max = NVMF_NQN_MAX, .help = "host NQN" }
#define PARAM_KEY(param) \
	{ .name = (param), .type = RPC_ONLY_EMPTY, \
	  .help = "hosts are not authenticated, and nothing is encrypted" }

static const struct rpc_param host_params[] = {
	PARAM_NQN, PARAM_HOST,
	{ .type = RPC_END }
};

static const struct rpc_param add_host_params[] = {
	PARAM_NQN, PARAM_HOST,
	PARAM_KEY("psk"), PARAM_KEY("dhchap_key"),
	PARAM_KEY("dhchap_ctrlr_key"),
	{ .type = RPC_END }
};

static const struct rpc_param any_host_params[] = {
	PARAM_NQN,
	{ .name = "allow_any_host", .type = RPC_BOOL, .required = true,
	  .offset = offsetof(struct subsystem_params, allow_any_host),
	  .help = "admit hosts that are not on the list" },
	{ .type = RPC_END }
};

static bool host_listed(const struct nvmf_subsystem *s, const char *hostnqn)
{
	struct nvmf_host *h;

	TAILQ_FOREACH(h, &s->hosts, link)
		if (!strcmp(h->nqn, hostnqn))
			return true;
	return false;
}

static void add_host(struct rpc_call *call, const void *params)
{
	const struct subsystem_params *p = params;
	struct nvmf_subsystem *s = rpc_find_subsystem(call, p->opts.nqn);
	struct weft_reason why = { "" };

	if (!s)
		return;
	if (host_listed(s, p->host))
		rpc_reply_unchanged(call, json_true());
	else if (nvmf_subsystem_add_host(s, p->host, &why))
		rpc_fail(call, RPC_INTERNAL, "%s", why.text);
	else
		rpc_reply(call, json_true());
}

static json_t *add_host_undo(const void *params, const json_t *result)
{
	const struct subsystem_params *p = params;

	(void)result;
	return rpc_config_call("nvmf_subsystem_remove_host",
			       json_pack("{s:s, s:s}", "nqn", p->opts.nqn,
					 "host", p->host));
}

static void remove_host(struct rpc_call *call, const void *params)
{
	const struct subsystem_params *p = params;
	struct nvmf_subsystem *s = rpc_find_subsystem(call, p->opts.nqn);

	if (!s)
		return;
	if (host_listed(s, p->host))
		nvmf_subsystem_remove_host(s, p->host, rpc_done, call);
	else
		rpc_fail(call, RPC_INVALID_PARAMS, "host=%s: not on the list",
			 p->host);
}

static void allow_any_host(struct rpc_call *call, const void *params)
{
	const struct subsystem_params *p = params;
	struct nvmf_subsystem *s = rpc_find_subsystem(call, p->opts.nqn);

	if (!s)
		return;
	if (s->allow_any_host == p->allow_any_host)
		rpc_reply_unchanged(call, json_true());
	else
		nvmf_subsystem_allow_any_host(s, p->allow_any_host, rpc_done,
					      call);
}

static json_t *allow_any_host_undo(const void *params, const json_t *result)
{
	const struct subsystem_params *p = params;

	(void)result;
	return rpc_config_call("nvmf_subsystem_allow_any_host",
			       json_pack("{s:s, s:b}", "nqn", p->opts.nqn,
					 "allow_any_host", !p->allow_any_host));
}

#define ON_SUBSYSTEM(method, states, table, fn, undo_fn, text) \
	{ method, states, table, sizeof(struct subsystem_params), NULL, fn, \
	  undo_fn, text }
#define MAKES(method, table, fn, text) \
	ON_SUBSYSTEM(method, RPC_RUNTIME, table, fn, fn##_undo, text)
#define TAKES(method, table, fn, text) \
	ON_SUBSYSTEM(method, RPC_RUNTIME | RPC_ALONE, table, fn, NULL, text)

static const struct rpc_method nvmf_methods[] = {
	MAKES("nvmf_create_subsystem", create_params, create_subsystem,
	      "Create a subsystem"),
	TAKES("nvmf_delete_subsystem", nqn_params, delete_subsystem,
	      "Disconnect a subsystem's hosts and remove it"),
	MAKES("nvmf_subsystem_add_host", add_host_params, add_host,
	      "Admit a host"),
	TAKES("nvmf_subsystem_remove_host", host_params, remove_host,
	      "Admit a host no longer and disconnect it"),
	MAKES("nvmf_subsystem_allow_any_host", any_host_params, allow_any_host,
	      "Admit every host, or only those on the list"),
};
RPC_METHODS(nvmf_methods)
