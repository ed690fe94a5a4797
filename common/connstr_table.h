/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The connect string's option table as connstr.c reads it: what an option's
 * value is, where it goes in struct weft_connstr, and the transports' ports.
 * Private to the connect string; others use weft_opt_info().
 */
#ifndef WEFT_COMMON_CONNSTR_TABLE_H
#define WEFT_COMMON_CONNSTR_TABLE_H

#include "common/connstr.h"

/**
 * enum weft_opt_kind - what an option's value must be
 */
enum weft_opt_kind {
	WEFT_KIND_FLAG,		/* no value; bool */
	WEFT_KIND_INT,		/* int within min to max */
	WEFT_KIND_TRANSPORT,	/* the rest are char arrays, terminated */
	WEFT_KIND_NQN,
	WEFT_KIND_ADDR,
	WEFT_KIND_PORT,
	WEFT_KIND_IFACE,
	WEFT_KIND_SECRET,
	WEFT_KIND_UUID,		/* WEFT_UUID_BYTES bytes */
};

/**
 * enum weft_opt_clamp - numbers outside an option's range
 */
enum weft_opt_clamp {
	WEFT_CLAMP_NONE,	/* are refused */
	WEFT_CLAMP_LOW,		/* below count as the lowest, above are refused */
	WEFT_CLAMP_HIGH,	/* above count as the highest, below are refused */
};

/**
 * struct weft_opt_row - one option
 * @info: what others may see
 * @kind: how its value is checked, stored and printed
 * @clamp: what becomes of a number outside info.min to info.max
 * @offset: where in struct weft_connstr
 * @size: bytes there
 * @dflt: number when not given
 */
struct weft_opt_row {
	struct weft_opt_info info;
	enum weft_opt_kind kind;
	enum weft_opt_clamp clamp;
	u16 offset;
	u16 size;
	int dflt;
};

extern const struct weft_opt_row weft_opt_rows[WEFT_OPT_COUNT];

/**
 * struct weft_transport_row - a transport that connect strings may name
 * @port: trsvcid when not given
 */
struct weft_transport_row {
	const char *name;
	const char *port;
};

/** weft_transport_row() - the transport of this name, or NULL */
const struct weft_transport_row *weft_transport_row(const char *name,
						    size_t len);

#endif
