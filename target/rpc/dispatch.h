/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The JSON-RPC 2.0 envelope: single requests, notifications, batches.
 */
#ifndef WEFT_TARGET_RPC_DISPATCH_H
#define WEFT_TARGET_RPC_DISPATCH_H

#include "target/rpc/rpc.h"

/** typedef dispatch_done - @response is borrowed; NULL: none is due */
typedef void (*dispatch_done)(void *ctx, json_t *response);

/** dispatch() - serve one JSON text; a reference to @request is taken */
void dispatch(json_t *request, dispatch_done done, void *ctx);

/** dispatch_refusal() - the response to what is no request: id null */
json_t *dispatch_refusal(int code, const char *message);

#endif
