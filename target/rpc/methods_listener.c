// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * RPC methods of a subsystem's listeners.
 */
#include <errno.h>

#include "common/ana.h"
#include "target/rpc/nvmf_params.h"

/** struct listener_params - of the listener methods */
struct listener_params {
	struct rpc_address address;
	const char *nqn;
	const char *ana_state;
	u32 anagrpid;
	bool remote_invalidate;
	bool invalidate_given;
};

#define L(member) offsetof(struct listener_params, member)

#define LISTENER(text) \
	{ .name = "nqn", .type = RPC_STR, .required = true, .offset = L(nqn), \
	  .help = "of the subsystem" }, \
	{ .name = "listen_address", .type = RPC_OBJECT, .required = true, \
	  .sub = rpc_address_params, .help = text }

static const struct rpc_param add_params[] = {
	LISTENER("address to listen on"),
	{ .name = "secure_channel", .type = RPC_ONLY_FALSE },
	{ .name = "ana_state", .type = RPC_STR, .offset = L(ana_state),
	  .help = "of all groups at first; default optimized" },
	{ .name = "remote_invalidate", .type = RPC_BOOL,
	  .offset = L(remote_invalidate),
	  .help = "RDMA: SEND with invalidate when the host asks for it; default: as the transport" },
	{ .name = "sock_impl", .type = RPC_HINT },
	{ .name = "numa_id", .type = RPC_HINT },
	RPC_TGT_NAME,
	{ .type = RPC_END }
};

static const struct rpc_param remove_params[] = {
	LISTENER("address of the listener"),
	RPC_TGT_NAME,
	{ .type = RPC_END }
};

static bool parse_address(struct rpc_call *call,
			  const struct listener_params *p,
			  struct nvmf_trid *trid)
{
	return rpc_address_parse(call, "listen_address", &p->address, trid);
}

static bool parse_state(struct rpc_call *call, const struct listener_params *p,
			u8 *state)
{
	struct weft_reason why = { "" };
	int ret = nvmf_ana_state_parse(p->ana_state, &why);

	if (ret < 0) {
		rpc_fail(call, RPC_INVALID_PARAMS, "%s", why.text);
		return false;
	}
	*state = ret;
	return true;
}

static const struct nvmf_listener *find(const struct nvmf_subsystem *s,
					const struct nvmf_trid *trid)
{
	const struct nvmf_listener *l;

	TAILQ_FOREACH(l, &s->listeners, link)
		if (nvmf_trid_equal(&l->trid, trid))
			return l;
	return NULL;
}

static bool add_listener_init(struct rpc_call *call, void *params,
			      const json_t *raw)
{
	struct listener_params *p = params;

	(void)call;
	p->invalidate_given = json_object_get(raw, "remote_invalidate");
	return true;
}

static bool add_listener_opts(struct rpc_call *call,
			      const struct listener_params *p,
			      const struct nvmf_subsystem *s,
			      const struct nvmf_trid *trid,
			      struct nvmf_listener_opts *o)
{
	if (p->ana_state && !parse_state(call, p, &o->ana_state))
		return false;
	if (o->ana_state > NVME_ANA_OPTIMIZED && !s->ana_reporting) {
		rpc_fail(call, RPC_INVALID_PARAMS,
			 "ana_state=%s: %s was created without ana_reporting; only optimized is accepted",
			 p->ana_state, p->nqn);
		return false;
	}
	if (!p->invalidate_given)
		return true;
	if (trid->trtype != NVMF_TRTYPE_RDMA) {
		rpc_fail(call, RPC_INVALID_PARAMS,
			 "remote_invalidate: accepted of RDMA listeners only");
		return false;
	}
	o->invalidate = p->remote_invalidate ? NVMF_INVALIDATE_ON :
					       NVMF_INVALIDATE_OFF;
	return true;
}

/* What was asked for and is not so, or NULL; states may have changed since. */
static const char *listener_difference(const struct nvmf_listener *l,
				       const struct nvmf_listener_opts *o)
{
	if (l->invalidate != o->invalidate)
		return "remote_invalidate";
	if (o->ana_state && l->ana &&
	    l->ana->state[NVMF_MAX_NAMESPACES] != o->ana_state)
		return "ana_state";
	return NULL;
}

static void add_listener_to(struct rpc_call *call, const void *params,
			    struct nvmf_subsystem *s)
{
	const struct listener_params *p = params;
	struct nvmf_listener_opts opts = { 0 };
	const struct nvmf_listener *l;
	const char *diff;
	struct nvmf_trid trid;

	if (!parse_address(call, p, &trid) ||
	    !add_listener_opts(call, p, s, &trid, &opts))
		return;
	l = find(s, &trid);
	diff = l ? listener_difference(l, &opts) : NULL;
	if (diff)
		rpc_fail(call, -EEXIST,
			 "%s listens at %s:%s already, with another %s",
			 p->nqn, trid.traddr, trid.trsvcid, diff);
	else if (l)
		rpc_reply_unchanged(call, json_true());
	else
		nvmf_subsystem_add_listener(s, &trid, &opts, rpc_done, call);
}

static void add_listener(struct rpc_call *call, const void *params)
{
	const struct listener_params *p = params;

	rpc_on_subsystem(call, p->nqn, 0, NULL, params, add_listener_to);
}

static json_t *add_listener_undo(const void *params, const json_t *result)
{
	const struct listener_params *p = params;

	(void)result;
	return rpc_config_call("nvmf_subsystem_remove_listener",
			       json_pack("{s:s, s:o}", "nqn", p->nqn,
					 "listen_address",
					 rpc_address_json(&p->address)));
}

static void remove_listener_of(struct rpc_call *call, const void *params,
			       struct nvmf_subsystem *s)
{
	const struct listener_params *p = params;
	struct nvmf_trid trid;

	if (!parse_address(call, p, &trid))
		return;
	if (find(s, &trid))
		nvmf_subsystem_remove_listener(s, &trid, rpc_done, call);
	else
		rpc_fail(call, RPC_INVALID_PARAMS,
			 "listen_address: %s does not listen on %s:%s",
			 p->nqn, trid.traddr, trid.trsvcid);
}

static void remove_listener(struct rpc_call *call, const void *params)
{
	const struct listener_params *p = params;

	rpc_on_subsystem(call, p->nqn, 0, NULL, params, remove_listener_of);
}

static const struct rpc_param ana_params[] = {
	LISTENER("address of the listener"),
	{ .name = "ana_state", .type = RPC_STR, .required = true,
	  .offset = L(ana_state),
	  .help = "optimized, non_optimized, inaccessible, persistent_loss or change" },
	{ .name = "anagrpid", .type = RPC_U32, .offset = L(anagrpid),
	  .min = 1, .max = NVMF_MAX_NAMESPACES,
	  .help = "default: all groups" },
	RPC_TGT_NAME,
	{ .type = RPC_END }
};

/* The states that there are now */
static json_t *ana_undo(const struct nvmf_subsystem *s,
			const struct nvmf_listener *l, u32 group)
{
	json_t *calls;

	if (group)
		return nvmf_ana_call(s, l, l->ana->state[group], group);
	calls = json_array();
	nvmf_ana_calls(calls, s, l, 0);
	return calls;
}

static void set_ana_state_of(struct rpc_call *call, const void *params,
			     struct nvmf_subsystem *s)
{
	const struct listener_params *p = params;
	const struct nvmf_listener *l;
	struct nvmf_trid trid;
	u8 state;

	if (!parse_address(call, p, &trid) ||
	    !parse_state(call, p, &state))
		return;
	l = find(s, &trid);
	if (l && l->ana)
		rpc_undo(call, ana_undo(s, l, p->anagrpid));
	nvmf_listener_set_ana_state(s, &trid, p->anagrpid, state, rpc_done,
				    call);
}

static void set_ana_state(struct rpc_call *call, const void *params)
{
	const struct listener_params *p = params;

	rpc_on_subsystem(call, p->nqn, 0, NULL, params, set_ana_state_of);
}

static const struct rpc_method listener_methods[] = {
	{ "nvmf_subsystem_add_listener", RPC_RUNTIME, add_params,
	  sizeof(struct listener_params), add_listener_init, add_listener,
	  add_listener_undo, "Serve a subsystem at an address" },
	{ "nvmf_subsystem_remove_listener", RPC_RUNTIME | RPC_ALONE,
	  remove_params, sizeof(struct listener_params), NULL, remove_listener,
	  NULL,
	  "Stop serving at an address and disconnect who came through it" },
	{ "nvmf_subsystem_listener_set_ana_state", RPC_RUNTIME, ana_params,
	  sizeof(struct listener_params), NULL, set_ana_state, NULL,
	  "Say how well namespaces can be reached through a listener" },
};
RPC_METHODS(listener_methods)
