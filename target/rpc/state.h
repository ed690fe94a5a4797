/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/* The running configuration kept in a file. Control reactor. */
#ifndef WEFT_TARGET_RPC_STATE_H
#define WEFT_TARGET_RPC_STATE_H

#include <jansson.h>

#include "common/text.h"
#include "target/reactor/reactor.h"

/**
 * state_load() - what was kept in @path
 * @config: NULL if there is no such file yet; the caller's
 * Before the reactors run. Return: 0, or a negative errno with reason.
 */
int state_load(const char *path, json_t **config, struct weft_reason *why);

/** state_start() - keep the configuration in @path from now on */
int state_start(const char *path, struct weft_reason *why);

/** state_stop() - write what is not written yet, then @done */
void state_stop(reactor_fn done, void *ctx);

#endif
