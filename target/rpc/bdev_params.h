/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * What the method files of block devices share.
 */
#ifndef WEFT_TARGET_RPC_BDEV_PARAMS_H
#define WEFT_TARGET_RPC_BDEV_PARAMS_H

#include "target/bdev/bdev.h"
#include "target/rpc/rpc.h"

/**
 * rpc_bdev_find() - the bdev of @name, or an answer that there is none
 * @product: it has to be one of these; NULL: any
 */
struct bdev *rpc_bdev_find(struct rpc_call *call, const char *name,
			   const char *product);

/**
 * rpc_bdev_exists() - answer a create of what is there already
 * @diff: what @b has otherwise than asked for; NULL: nothing
 * @result: if that is so; stolen
 */
void rpc_bdev_exists(struct rpc_call *call, const struct bdev *b,
		     const char *diff, json_t *result);

/** rpc_bdev_delete() - remove it, and answer when it is gone */
void rpc_bdev_delete(struct rpc_call *call, const char *name,
		     const char *product);

/**
 * struct rpc_limits - rates as RPCs have them; LIMIT_KEEP: not given
 * In operations and in MiB a second; 0: no limit.
 */
struct rpc_limits {
	u64 rates[LIMIT_RATES];
};
#define RPC_LIMIT_MAX		(1ull << 42)	/* operations or bytes */

#define RPC_PARAM_LIMIT(at, param, rate, most, what) \
	{ .name = (param), .type = RPC_U64, \
	  .offset = (at) + offsetof(struct rpc_limits, rates) + \
		    (rate) * sizeof(u64), \
	  .max = (most), .help = what }
#define RPC_PARAM_LIMIT_MB(at, param, rate, what) \
	RPC_PARAM_LIMIT(at, param, rate, RPC_LIMIT_MAX >> 20, what)
/** RPC_PARAMS_LIMITS() - rows for a struct rpc_limits at offset @at */
#define RPC_PARAMS_LIMITS(at) \
	RPC_PARAM_LIMIT(at, "rw_ios_per_sec", LIMIT_RW_IOS, RPC_LIMIT_MAX, \
			"reads and writes in a second; 0: no limit"), \
	RPC_PARAM_LIMIT_MB(at, "rw_mbytes_per_sec", LIMIT_RW_BYTES, \
			   "MiB read and written in a second"), \
	RPC_PARAM_LIMIT_MB(at, "r_mbytes_per_sec", LIMIT_R_BYTES, \
			   "MiB read in a second"), \
	RPC_PARAM_LIMIT_MB(at, "w_mbytes_per_sec", LIMIT_W_BYTES, \
			   "MiB written in a second")

/** rpc_limits_init() - nothing given yet */
void rpc_limits_init(struct rpc_limits *l);
/**
 * rpc_limits_given() - as limiter_set() takes them
 * Return: false if none was given; the call has failed then.
 */
bool rpc_limits_given(struct rpc_call *call, const struct rpc_limits *l,
		      u64 per_sec[LIMIT_RATES]);
/** rpc_limits_json() - as bdev_get_bdevs shows them */
json_t *rpc_limits_json(const u64 per_sec[LIMIT_RATES]);

#endif
