/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Counters for Prometheus and its like: OpenMetrics text over HTTP. Control
 * reactor.
 */
#ifndef WEFT_TARGET_METRICS_H
#define WEFT_TARGET_METRICS_H

#include <jansson.h>

#include "common/text.h"

/**
 * metrics_check() - is @where written as metrics_start() accepts it?
 * It may still name what is not there yet, such as a network interface.
 * Return: 0, or -EINVAL with the reason.
 */
int metrics_check(const char *where, struct weft_reason *why);
/**
 * metrics_start() - serve GET /metrics at @where
 * @where: "ADDR:PORT", "[ADDR]:PORT" or ":PORT"; port 0: a free one, which the
 *         log tells
 */
int metrics_start(const char *where, struct weft_reason *why);
/** metrics_stop() - close all; idempotent */
void metrics_stop(void);

/** struct metrics_text - a text that grows; @bytes is the owner's to free */
struct metrics_text {
	char *bytes;
	size_t len;
	size_t size;
	bool failed;	/* there was not enough memory */
};

/** metrics_render() - what nvmf_get_statistics answers, as OpenMetrics text */
void metrics_render(struct metrics_text *t, const json_t *statistics);

#endif
