// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Options of transports: those that every transport has are given defaults and
 * checked here. Called when a transport is created and when a host asks what
 * its controller can do; control reactor.
 */
#include "target/nvmf/io.h"
#include "target/transport/options.h"

#define PAGE			4096u
#define MAX_CAPSULE_DATA	(64u * 1024)
#define MAX_IO			(16u * 1024 * 1024)
/* What IOCCSZ and IORCSZ count in */
#define CAPSULE_UNIT		16u

static const struct transport_range common[] = {
	TRANSPORT_RANGE(max_io_qpairs_per_ctrlr, 1, 65534, 1),
	TRANSPORT_RANGE(in_capsule_data_size, 0, MAX_CAPSULE_DATA,
			CAPSULE_UNIT),
	/* one page would be an MDTS of 0, which is "no limit" */
	TRANSPORT_RANGE(max_io_size, 2 * PAGE, MAX_IO, PAGE),
	TRANSPORT_RANGE(io_unit_size, PAGE, MAX_IO, PAGE),
	TRANSPORT_RANGE(max_aq_depth, 32, 4096, 1),
	TRANSPORT_RANGE(num_shared_buffers, 1, 1u << 24, 1),
	TRANSPORT_RANGE(acceptor_backlog, 1, 65535, 1),
	/* the field of Identify Controller; 0 there is "no keep-alive" */
	TRANSPORT_RANGE(kas, 1, UINT16_MAX, 1),
};

void transport_defaults(struct nvmf_transport_opts *o)
{
	*o = (struct nvmf_transport_opts) {
		.max_queue_depth = 128,
		.max_io_qpairs_per_ctrlr = 127,
		.in_capsule_data_size = 4096,
		.max_io_size = 131072,
		.io_unit_size = 16384,
		.max_aq_depth = 128,
		.num_shared_buffers = 4095,
		.acceptor_backlog = 100,
		.abort_timeout_sec = 1,
		.kas = 100,
		.min_kato = 10000,
	};
}

static int check_ranges(const struct nvmf_transport_opts *o,
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

/* Do transfer size, buffer size and number of buffers fit each other? */
static int check_buffers(const struct nvmf_transport_opts *o,
			 struct weft_reason *why)
{
	u32 unit = o->io_unit_size;
	u32 pieces = transport_pieces(o);
	u32 pair = 2 * transport_buffers(o, nvmf_fused_bytes(o));

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
	if (o->num_shared_buffers < pair)
		return weft_fail(why, -EINVAL,
				 "num_shared_buffers=%u: a Compare and Write of %u bytes takes %u of io_unit_size=%u",
				 o->num_shared_buffers, nvmf_fused_bytes(o), pair,
				 unit);
	return 0;
}

int transport_check(const struct nvmf_transport_opts *o,
		    const struct transport_range *own, size_t n,
		    struct weft_reason *why)
{
	int err = check_ranges(o, common, ARRAY_SIZE(common), why);

	if (!err)
		err = check_ranges(o, own, n, why);
	return err ? err : check_buffers(o, why);
}

void transport_describe(const struct nvmf_transport_opts *o, u32 sgls,
			struct nvme_ctrl_desc *d)
{
	u32 data = o->in_capsule_data_size;

	d->sgls = NVME_SGLS_ANY_ALIGNMENT | sgls;
	if (data)
		d->sgls |= NVME_SGLS_OFFSET;
	d->ioccsz = (NVME_SQE_SIZE + data) / CAPSULE_UNIT;
	d->iorcsz = NVME_CQE_SIZE / CAPSULE_UNIT;
	d->icdoff = 0;
	d->msdbd = 1;
	d->maxcmd = (u16)o->max_queue_depth;
}
