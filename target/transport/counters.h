/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Plain counters as members of a JSON object.
 */
#ifndef WEFT_TARGET_TRANSPORT_COUNTERS_H
#define WEFT_TARGET_TRANSPORT_COUNTERS_H

#include "common/text.h"

/** struct transport_counter - a u64 of a structure, and its name in JSON */
struct transport_counter {
	const char *name;
	size_t offset;
};

/** transport_counters() - add ",\"name\":value" for each of @n in @stats */
static inline void transport_counters(struct weft_text *json,
				      const struct transport_counter *c,
				      size_t n, const void *stats)
{
	size_t i;

	for (i = 0; i < n; i++) {
		u64 v;

		memcpy(&v, (const char *)stats + c[i].offset, sizeof(v));
		weft_text_add(json, ",\"%s\":%llu", c[i].name,
			      (unsigned long long)v);
	}
}

#endif
