// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Transport addresses as parameters of RPC methods. Called by the methods of
 * listeners and referrals.
 */
#include "target/rpc/nvmf_params.h"

#define A(member) offsetof(struct rpc_address, member)

const struct rpc_param rpc_address_params[] = {
	{ .name = "trtype", .type = RPC_STR, .required = true,
	  .offset = A(trtype), .help = "RDMA or TCP" },
	{ .name = "adrfam", .type = RPC_STR, .offset = A(adrfam),
	  .help = "IPv4 or IPv6; default: from traddr" },
	{ .name = "traddr", .type = RPC_STR, .required = true,
	  .offset = A(traddr), .help = "IP address" },
	{ .name = "trsvcid", .type = RPC_STR, .offset = A(trsvcid),
	  .help = "port; default 4420" },
	{ .type = RPC_END }
};

bool rpc_address_parse(struct rpc_call *call, const char *name,
		       const struct rpc_address *a, struct nvmf_trid *trid)
{
	struct weft_reason why = { "" };

	if (!nvmf_trid_parse(trid, a->trtype, a->adrfam, a->traddr, a->trsvcid,
			     &why))
		return true;
	rpc_fail(call, RPC_INVALID_PARAMS, "%s: %s", name, why.text);
	return false;
}

json_t *rpc_address_json(const struct rpc_address *a)
{
	return json_pack("{s:s, s:s*, s:s, s:s*}", "trtype", a->trtype,
			 "adrfam", a->adrfam, "traddr", a->traddr, "trsvcid",
			 a->trsvcid);
}
