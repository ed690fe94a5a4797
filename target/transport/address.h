/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Addresses of transports over IP. Control reactor.
 */
#ifndef WEFT_TARGET_TRANSPORT_ADDRESS_H
#define WEFT_TARGET_TRANSPORT_ADDRESS_H

#include "target/nvmf/transport.h"

struct addrinfo;

/**
 * transport_resolve() - a numeric address as the socket calls want it
 * Return: 0, and *@out for freeaddrinfo(); -EINVAL with reason.
 */
int transport_resolve(const struct nvmf_trid *trid, struct addrinfo **out,
		      struct weft_reason *why);

/**
 * transport_listen_failed() - the reason why nobody listens at @trid
 * @err: positive errno
 * @nowhere: what to say if it is that nothing here has the address
 * Return: -@err.
 */
int transport_listen_failed(const struct nvmf_trid *trid, int err,
			    const char *nowhere, struct weft_reason *why);

#endif
