/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * What the transports' options have in common: defaults, ranges, and what
 * Identify Controller tells of them. Control reactor, but for what is inline.
 */
#ifndef WEFT_TARGET_TRANSPORT_OPTIONS_H
#define WEFT_TARGET_TRANSPORT_OPTIONS_H

#include "target/nvmf/transport.h"

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

/** transport_defaults() - of the options that every transport has; else 0 */
void transport_defaults(struct nvmf_transport_opts *o);

/**
 * transport_check() - are options in their ranges, and do they fit each other?
 * @own: @n ranges of what is the transport's own
 * Return: 0, or -EINVAL naming the option.
 */
int transport_check(const struct nvmf_transport_opts *o,
		    const struct transport_range *own, size_t n,
		    struct weft_reason *why);

/**
 * transport_describe() - a transport's part of Identify Controller
 * @sgls: the kind of data block that it moves data by (NVME_SGLS_*)
 */
void transport_describe(const struct nvmf_transport_opts *o, u32 sgls,
			struct nvme_ctrl_desc *d);

/** transport_buffers() - how many @bytes take */
static inline u32 transport_buffers(const struct nvmf_transport_opts *o,
				    u32 bytes)
{
	return (bytes + o->io_unit_size - 1) / o->io_unit_size;
}

/** transport_pieces() - buffers of the largest transfer */
static inline u32 transport_pieces(const struct nvmf_transport_opts *o)
{
	return transport_buffers(o, o->max_io_size);
}

#endif
