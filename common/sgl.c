// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * SGL descriptors: building them (host submit path), checking them (target,
 * once per command before any data moves) and the in-capsule decision.
 *
 * Fabrics uses one descriptor per command: a keyed block over RDMA, a
 * transport block over TCP, or an offset into the command capsule. Segments,
 * bit buckets and plain addresses have no meaning there and are refused. All
 * functions are pure and may be called from any context.
 */
#include "common/sgl.h"

#define CAPSULE_UNIT	16	/* bytes, of IOCCSZ and ICDOFF */

static void put_klen(u8 klen[3], u32 v)
{
	klen[0] = v;
	klen[1] = v >> 8;
	klen[2] = v >> 16;
}

static void put_key(u8 key[4], u32 v)
{
	key[0] = v;
	key[1] = v >> 8;
	key[2] = v >> 16;
	key[3] = v >> 24;
}

static u32 get_klen(const u8 klen[3])
{
	return klen[0] | (u32)klen[1] << 8 | (u32)klen[2] << 16;
}

static u32 get_key(const u8 key[4])
{
	return key[0] | (u32)key[1] << 8 | (u32)key[2] << 16 |
	       (u32)key[3] << 24;
}

static void set_block(struct nvme_sgl_desc *d, u64 addr, u32 len, u8 id)
{
	d->addr = cpu_to_le64(addr);
	d->len = cpu_to_le32(len);
	memset(d->rsvd12, 0, sizeof(d->rsvd12));
	d->id = id;
}

void nvme_sgl_none(struct nvme_sgl_desc *d, bool keyed)
{
	set_block(d, 0, 0,
		  NVME_SGL_ID(keyed ? NVME_SGL_KEYED_DATA_BLOCK :
				      NVME_SGL_DATA_BLOCK,
			      NVME_SGL_SUB_ADDRESS));
}

void nvme_sgl_incapsule(struct nvme_sgl_desc *d, u64 offset, u32 len)
{
	set_block(d, offset, len,
		  NVME_SGL_ID(NVME_SGL_DATA_BLOCK, NVME_SGL_SUB_OFFSET));
}

void nvme_sgl_keyed(struct nvme_sgl_desc *d, u64 addr, u32 len, u32 key,
		    bool invalidate)
{
	d->addr = cpu_to_le64(addr);
	put_klen(d->keyed.klen, len);
	put_key(d->keyed.key, key);
	d->id = NVME_SGL_ID(NVME_SGL_KEYED_DATA_BLOCK,
			    invalidate ? NVME_SGL_SUB_INVALIDATE :
					 NVME_SGL_SUB_ADDRESS);
}

void nvme_sgl_transport(struct nvme_sgl_desc *d, u32 len)
{
	set_block(d, 0, len,
		  NVME_SGL_ID(NVME_SGL_TRANSPORT_DATA_BLOCK,
			      NVME_SGL_SUB_TRANSPORT));
}

static nvme_status parse_capsule(enum nvme_xfer_dir dir,
				 const struct nvme_sgl_rules *rules,
				 struct nvme_sgl *out)
{
	/* a response capsule has no data of its own to fill */
	if (dir != NVME_XFER_HOST_TO_CTRL)
		return NVME_SC_SGL_INVALID_TYPE | NVME_STATUS_DNR;
	if (out->addr < rules->icdoff || out->addr > rules->capsule_data)
		return NVME_SC_SGL_INVALID_OFFSET | NVME_STATUS_DNR;
	if (out->len > rules->capsule_data - out->addr)
		return NVME_SC_SGL_INVALID_DATA_LEN | NVME_STATUS_DNR;
	out->place = NVME_SGL_PLACE_CAPSULE;
	out->offset = out->addr;
	out->addr = 0;
	return NVME_SC_SUCCESS;
}

/* The kind of descriptor: its length and place, or why it may not be used. */
static nvme_status parse_kind(const struct nvme_sgl_desc *d,
			      const struct nvme_sgl_rules *rules,
			      struct nvme_sgl *out)
{
	switch (d->id) {
	case NVME_SGL_ID(NVME_SGL_KEYED_DATA_BLOCK, NVME_SGL_SUB_ADDRESS):
	case NVME_SGL_ID(NVME_SGL_KEYED_DATA_BLOCK, NVME_SGL_SUB_INVALIDATE):
		if (!rules->keyed)
			break;
		out->place = NVME_SGL_PLACE_REMOTE;
		out->invalidate = (d->id & 0xf) == NVME_SGL_SUB_INVALIDATE;
		out->addr = le64_to_cpu(d->addr);
		out->len = get_klen(d->keyed.klen);
		out->key = get_key(d->keyed.key);
		return NVME_SC_SUCCESS;
	case NVME_SGL_ID(NVME_SGL_TRANSPORT_DATA_BLOCK, NVME_SGL_SUB_TRANSPORT):
		if (!rules->transport)
			break;
		out->place = NVME_SGL_PLACE_TRANSPORT;
		out->len = le32_to_cpu(d->len);
		return NVME_SC_SUCCESS;
	case NVME_SGL_ID(NVME_SGL_DATA_BLOCK, NVME_SGL_SUB_OFFSET):
		out->place = NVME_SGL_PLACE_CAPSULE;
		out->addr = le64_to_cpu(d->addr);
		out->len = le32_to_cpu(d->len);
		return NVME_SC_SUCCESS;
	case NVME_SGL_ID(NVME_SGL_DATA_BLOCK, NVME_SGL_SUB_ADDRESS):
		/* a plain address reaches nobody's memory, but says "none" */
		if (!d->len)
			return NVME_SC_SUCCESS;
		break;
	}
	return NVME_SC_SGL_INVALID_TYPE | NVME_STATUS_DNR;
}

nvme_status nvme_sgl_parse(const struct nvme_sqe *sqe, enum nvme_xfer_dir dir,
			   const struct nvme_sgl_rules *rules,
			   struct nvme_sgl *out)
{
	nvme_status st;

	memset(out, 0, sizeof(*out));
	if ((sqe->flags & NVME_SQE_PSDT_MASK) != NVME_SQE_PSDT_SGL)
		return NVME_SC_INVALID_FIELD | NVME_STATUS_DNR;
	/* the descriptor is reserved then, and reserved bytes are not judged */
	if (dir == NVME_XFER_NONE)
		return NVME_SC_SUCCESS;
	st = parse_kind(&sqe->sgl, rules, out);
	if (st)
		return st;
	if (!out->len) {
		memset(out, 0, sizeof(*out));
		return NVME_SC_SUCCESS;
	}
	if (out->len > rules->max_len)
		return NVME_SC_SGL_INVALID_DATA_LEN | NVME_STATUS_DNR;
	if (out->place == NVME_SGL_PLACE_CAPSULE)
		return parse_capsule(dir, rules, out);
	return NVME_SC_SUCCESS;
}

u32 nvme_capsule_room(const struct nvme_capsule_limits *l)
{
	u64 used = NVME_SQE_SIZE + (u64)l->icdoff * CAPSULE_UNIT;
	u64 size = (u64)l->ioccsz * CAPSULE_UNIT;

	if (l->admin || !(l->sgls & NVME_SGLS_OFFSET) || size <= used)
		return 0;
	/* a descriptor's length has 32 bits */
	return size - used > 0xffffffffu ? 0xffffffffu : size - used;
}

bool nvme_use_incapsule(const struct nvme_capsule_limits *l,
			enum nvme_xfer_dir dir, u32 segments, u32 len)
{
	return dir == NVME_XFER_HOST_TO_CTRL && len && segments &&
	       segments <= l->max_segments && len <= nvme_capsule_room(l);
}
