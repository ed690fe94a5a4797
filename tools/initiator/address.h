/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Addresses of a connect string, for the transports over IP.
 */
#ifndef WEFT_TOOLS_INITIATOR_ADDRESS_H
#define WEFT_TOOLS_INITIATOR_ADDRESS_H

#include <netdb.h>

#include "common/connstr.h"

/** struct ini_addresses - where a connection leads; @from: NULL without host_traddr */
struct ini_addresses {
	struct addrinfo *to;
	struct addrinfo *from;
};

/**
 * ini_addresses_get() - numbers only, no name is looked up
 *
 * Return: 0, then ini_addresses_put() is due; -EINVAL.
 */
int ini_addresses_get(const struct weft_connstr *c, struct ini_addresses *a,
		      struct weft_reason *why);
void ini_addresses_put(struct ini_addresses *a);

#endif
