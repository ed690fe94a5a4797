/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * What the method files of the NVMe-oF target share.
 */
#ifndef WEFT_TARGET_RPC_NVMF_PARAMS_H
#define WEFT_TARGET_RPC_NVMF_PARAMS_H

#include "target/nvmf/nvmf.h"
#include "target/rpc/rpc.h"

/* There is one target, under SPDK's name for its default one. */
#define RPC_TGT_NAME \
	{ .name = "tgt_name", .type = RPC_ONLY_NAME, .only = "nvmf_tgt" }

/** struct rpc_address - first in a parameter structure that has one */
struct rpc_address {
	const char *trtype;
	const char *adrfam;
	const char *traddr;
	const char *trsvcid;
};

/** rpc_address_params - what RPC_OBJECT of such a parameter names as its table */
extern const struct rpc_param rpc_address_params[];

/**
 * rpc_address_parse() - the address that a call names
 * @name: the parameter's, for the answer that is given when it is wrong
 */
bool rpc_address_parse(struct rpc_call *call, const char *name,
		       const struct rpc_address *a, struct nvmf_trid *trid);

/** rpc_address_json() - as it was given */
json_t *rpc_address_json(const struct rpc_address *a);

/** rpc_find_subsystem() - or an answer that there is none, and NULL */
struct nvmf_subsystem *rpc_find_subsystem(struct rpc_call *call,
					  const char *nqn);

/** typedef rpc_subsystem_fn - the rest of a handler: it has its subsystem */
typedef void (*rpc_subsystem_fn)(struct rpc_call *call, const void *params,
				 struct nvmf_subsystem *s);

/**
 * rpc_on_subsystem() - go on with @fn, or answer that there is no such subsystem
 * @nsid: @bdev_name: what it will be about, 0 and NULL if neither
 * @params: the handler's
 * For methods that add or take away what must be looked up first: @fn runs
 * when the changes that were asked for before have taken effect. What is just
 * being removed is not there then.
 */
void rpc_on_subsystem(struct rpc_call *call, const char *nqn, u32 nsid,
		      const char *bdev_name, const void *params,
		      rpc_subsystem_fn fn);

/** nvmf_transport_json() - a transport with its options, as listed and saved */
json_t *nvmf_transport_json(const struct nvmf_transport *t);

/** rpc_nvmf_target_config() - calls that make the target's own settings again */
void rpc_nvmf_target_config(json_t *calls);

/** nvmf_trid_json() - {"trtype", "adrfam", "traddr", "trsvcid"} */
json_t *nvmf_trid_json(const struct nvmf_trid *t);

/** nvmf_ana_call() - that sets the state of a group, or (0) of all groups */
json_t *nvmf_ana_call(const struct nvmf_subsystem *s,
		      const struct nvmf_listener *l, u8 state, u32 group);
/**
 * nvmf_ana_calls() - that make a listener's states again
 * @from: the state of all groups before; 0: whatever it is
 */
void nvmf_ana_calls(json_t *calls, const struct nvmf_subsystem *s,
		    const struct nvmf_listener *l, u8 from);

/** nvmf_ns_json() - a namespace's members as nvmf_get_subsystems shows them */
json_t *nvmf_ns_json(const struct nvmf_ns *ns, bool saved);

/** rpc_ns_stays() - neither its subsystem nor its bdev is being removed */
bool rpc_ns_stays(const struct nvmf_ns *ns);

#endif
