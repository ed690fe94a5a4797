/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * What transports over IP have in common: addresses, and checks of options.
 * Control reactor.
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

/** struct transport_range - an option that is a plain range of a u32 */
struct transport_range {
	const char *name;
	size_t offset;
	u32 min;
	u32 max;
	u32 unit;
};

#define TRANSPORT_RANGE(field, min, max, unit) \
	{ #field, offsetof(struct nvmf_transport_opts, field), min, max, unit }

/** transport_check_ranges() - 0, or -EINVAL naming the option */
int transport_check_ranges(const struct nvmf_transport_opts *o,
			   const struct transport_range *r, size_t n,
			   struct weft_reason *why);
/* What IOCCSZ and IORCSZ count in */
#define TRANSPORT_CAPSULE_UNIT	16u

/**
 * transport_describe() - a transport's part of Identify Controller
 * @sgls: the kind of data block that it moves data by (NVME_SGLS_*)
 */
void transport_describe(const struct nvmf_transport_opts *o, u32 sgls,
			struct nvme_ctrl_desc *d);

/** transport_pieces() - buffers of the largest transfer */
static inline u32 transport_pieces(const struct nvmf_transport_opts *o)
{
	return (o->max_io_size + o->io_unit_size - 1) / o->io_unit_size;
}

/**
 * transport_check_buffers() - do transfer size, buffer size and number of
 * buffers fit each other? 0, or -EINVAL naming the option
 */
int transport_check_buffers(const struct nvmf_transport_opts *o,
			    struct weft_reason *why);

#endif
