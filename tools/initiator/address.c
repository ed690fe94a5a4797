// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Addresses of the initiator's connections. See address.h.
 */
#include <errno.h>
#include <sys/socket.h>

#include "tools/initiator/address.h"

static int numeric(const char *addr, const char *port, struct addrinfo **out)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};

	return getaddrinfo(addr, port, &hints, out) ? -EINVAL : 0;
}

int ini_addresses_get(const struct weft_connstr *c, struct ini_addresses *a,
		      struct weft_reason *why)
{
	*a = (struct ini_addresses) { 0 };
	if (numeric(c->traddr, c->trsvcid, &a->to))
		return weft_fail(why, -EINVAL, "traddr=%s: no address",
				 c->traddr);
	if (!weft_connstr_given(c, WEFT_OPT_HOST_TRADDR) ||
	    !numeric(c->host_traddr, "0", &a->from))
		return 0;
	ini_addresses_put(a);
	return weft_fail(why, -EINVAL, "host_traddr=%s: no address",
			 c->host_traddr);
}

void ini_addresses_put(struct ini_addresses *a)
{
	if (a->to)
		freeaddrinfo(a->to);
	if (a->from)
		freeaddrinfo(a->from);
}
