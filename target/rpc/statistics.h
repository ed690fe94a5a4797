/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/* What nvmf_get_statistics answers, for the metrics endpoint too. */
#ifndef WEFT_TARGET_RPC_STATISTICS_H
#define WEFT_TARGET_RPC_STATISTICS_H

#include <jansson.h>

/**
 * statistics_collect() - all counters as one JSON object
 * @done: gets it, borrowed; NULL: there was not enough memory
 * Control reactor; @done is never called within the call.
 */
void statistics_collect(void (*done)(void *ctx, json_t *statistics), void *ctx);

#endif
