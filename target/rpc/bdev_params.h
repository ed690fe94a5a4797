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

/** rpc_bdev_delete() - remove it, and answer when it is gone */
void rpc_bdev_delete(struct rpc_call *call, const char *name,
		     const char *product);

#endif
