// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Addresses of transports over IP. Called by their listeners; control reactor.
 */
#include <netdb.h>
#include <sys/socket.h>

#include "target/transport/address.h"

int transport_resolve(const struct nvmf_trid *trid, struct addrinfo **out,
		      struct weft_reason *why)
{
	struct addrinfo hints = {
		.ai_family = trid->adrfam == NVMF_ADRFAM_IPV6 ? AF_INET6 :
								AF_INET,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
	};
	int rc = getaddrinfo(trid->traddr, trid->trsvcid, &hints, out);

	if (rc)
		return weft_fail(why, -EINVAL, "traddr=%s trsvcid=%s: %s",
				 trid->traddr, trid->trsvcid, gai_strerror(rc));
	return 0;
}

int transport_listen_failed(const struct nvmf_trid *trid, int err,
			    const char *nowhere, struct weft_reason *why)
{
	const char *hint = "";

	if (err == EADDRNOTAVAIL || err == ENODEV)
		hint = nowhere;
	else if (err == EADDRINUSE)
		hint = ": another program listens there";
	else if (err == EACCES)
		hint = ": ports below 1024 need CAP_NET_BIND_SERVICE";
	return weft_fail(why, -err, "traddr=%s trsvcid=%s: %s%s", trid->traddr,
			 trid->trsvcid, strerror(err), hint);
}
