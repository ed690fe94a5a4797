// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Addresses and options of transports over IP. Called by their listeners and
 * when they are created; control reactor.
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

int transport_check_ranges(const struct nvmf_transport_opts *o,
			   const struct transport_range *r, size_t n,
			   struct weft_reason *why)
{
	size_t i;

	for (i = 0; i < n; i++) {
		u32 v;

		memcpy(&v, (const char *)o + r[i].offset, sizeof(v));
		if (v < r[i].min || v > r[i].max || v % r[i].unit)
			return weft_fail(why, -EINVAL,
					 "%s=%u: accepted are multiples of %u from %u to %u",
					 r[i].name, v, r[i].unit, r[i].min,
					 r[i].max);
	}
	return 0;
}

int transport_check_buffers(const struct nvmf_transport_opts *o,
			    struct weft_reason *why)
{
	u32 unit = o->io_unit_size;
	u32 pieces = transport_pieces(o);

	if (o->max_io_size & (o->max_io_size - 1))
		return weft_fail(why, -EINVAL,
				 "max_io_size=%u: accepted are powers of two",
				 o->max_io_size);
	if (pieces > NVMF_REQ_MAX_IOV)
		return weft_fail(why, -EINVAL,
				 "io_unit_size=%u: at least %u for a max_io_size of %u",
				 unit, o->max_io_size / NVMF_REQ_MAX_IOV,
				 o->max_io_size);
	if (o->num_shared_buffers < pieces)
		return weft_fail(why, -EINVAL,
				 "num_shared_buffers=%u: one request of max_io_size=%u takes %u",
				 o->num_shared_buffers, o->max_io_size, pieces);
	return 0;
}

void transport_describe(const struct nvmf_transport_opts *o, u32 sgls,
			struct nvme_ctrl_desc *d)
{
	u32 data = o->in_capsule_data_size;

	d->sgls = NVME_SGLS_ANY_ALIGNMENT | sgls;
	if (data)
		d->sgls |= NVME_SGLS_OFFSET;
	d->ioccsz = (NVME_SQE_SIZE + data) / TRANSPORT_CAPSULE_UNIT;
	d->iorcsz = NVME_CQE_SIZE / TRANSPORT_CAPSULE_UNIT;
	d->icdoff = 0;
	d->msdbd = 1;
	d->maxcmd = (u16)o->max_queue_depth;
}
