/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * What the `weft target` commands on subsystems share (target_subsystem.c), and
 * addresses (target_address.c).
 */
#ifndef WEFT_TOOLS_TARGET_H
#define WEFT_TOOLS_TARGET_H

#include "tools/weft/rpc.h"

/** target_params() - {"nqn": @nqn}; NULL: none */
json_t *target_params(const char *nqn);
/** target_call() - look up the subsystem, the first argument, then call */
int target_call(const struct cli_args *a, const char *method, json_t *params,
		json_t **result);
/** target_nsid() - the second argument as a namespace's number */
int target_nsid(const struct cli_args *a, u64 *nsid);
/** target_address() - of the arguments TYPE and, behind it, ADDR[:PORT] */
int target_address(const struct cli_args *a, unsigned int type,
		   json_t **address);

#endif
