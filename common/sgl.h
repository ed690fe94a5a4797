/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * SGL descriptors as fabrics use them: built by the host, checked by the
 * target, and the rule that decides whether a write's data rides in the
 * command capsule.
 */
#ifndef WEFT_COMMON_SGL_H
#define WEFT_COMMON_SGL_H

#include "common/fabrics.h"
#include "common/status.h"
#include "common/text.h"

#define NVME_SGL_KEYED_MAX	0xffffffu	/* 24-bit length */

/** nvme_sgl_none() - no data: a keyed (RDMA) or plain data block of length 0 */
void nvme_sgl_none(struct nvme_sgl_desc *d, bool keyed);

/** nvme_sgl_incapsule() - @len bytes at @offset (ICDOFF x 16) in the capsule */
void nvme_sgl_incapsule(struct nvme_sgl_desc *d, u64 offset, u32 len);

/**
 * nvme_sgl_keyed() - remote memory
 * @invalidate: ask the controller to invalidate @key with its response
 */
void nvme_sgl_keyed(struct nvme_sgl_desc *d, u64 addr, u32 len, u32 key,
		    bool invalidate);

/** nvme_sgl_transport() - data that the transport carries by itself (TCP) */
void nvme_sgl_transport(struct nvme_sgl_desc *d, u32 len);

/**
 * enum nvme_sgl_place - where a command's data is
 */
enum nvme_sgl_place {
	NVME_SGL_PLACE_NONE,		/* length 0 */
	NVME_SGL_PLACE_CAPSULE,		/* @offset into the capsule's data */
	NVME_SGL_PLACE_REMOTE,		/* @addr and @key */
	NVME_SGL_PLACE_TRANSPORT,	/* the transport fetches or sends it */
};

/**
 * struct nvme_sgl - a checked descriptor
 * @place: where the data is
 * @offset: within the bytes that followed the SQE in the capsule
 * @len: bytes
 * @invalidate: the peer wants @key invalidated
 */
struct nvme_sgl {
	enum nvme_sgl_place place;
	u64 addr;
	u32 offset;
	u32 len;
	u32 key;
	bool invalidate;
};

/**
 * struct nvme_sgl_rules - what a queue accepts
 * @keyed: keyed data blocks (RDMA)
 * @transport: transport data blocks (TCP)
 * @capsule_data: bytes that came with the capsule after the SQE
 * @icdoff: in-capsule data offset in bytes
 * @max_len: longest transfer
 */
struct nvme_sgl_rules {
	bool keyed;
	bool transport;
	u32 capsule_data;
	u32 icdoff;
	u32 max_len;
};

/**
 * nvme_sgl_parse() - check a command's descriptor against a queue's rules
 * @sqe: the command; its PSDT must say SGL
 * @dir: the way its data moves; in-capsule data only towards the controller
 * @rules: what the queue accepts
 * @out: filled in on success
 *
 * Return: NVME_SC_SUCCESS, or with DNR: NVME_SC_INVALID_FIELD (PSDT),
 * NVME_SC_SGL_INVALID_TYPE, NVME_SC_SGL_INVALID_OFFSET,
 * NVME_SC_SGL_INVALID_DATA_LEN.
 */
nvme_status nvme_sgl_parse(const struct nvme_sqe *sqe, enum nvme_xfer_dir dir,
			   const struct nvme_sgl_rules *rules,
			   struct nvme_sgl *out);

/**
 * struct nvme_capsule_limits - what a queue and its device let a capsule carry
 * @ioccsz: command capsule size as Identify gives it, 16-byte units
 * @icdoff: in-capsule data offset as Identify gives it, 16-byte units
 * @sgls: Identify's SGLS
 * @max_segments: gather entries of the device beside the SQE's own
 * @admin: the admin queue carries no in-capsule data over RDMA
 */
struct nvme_capsule_limits {
	u32 ioccsz;
	u16 icdoff;
	u32 sgls;
	u32 max_segments;
	bool admin;
};

/** nvme_capsule_room() - bytes of data that fit a capsule; 0 = none */
u32 nvme_capsule_room(const struct nvme_capsule_limits *l);

/**
 * nvme_use_incapsule() - shall this transfer ride in the capsule?
 * @l: the queue's limits
 * @dir: only NVME_XFER_HOST_TO_CTRL may
 * @segments: DMA segments of the payload
 * @len: bytes; 0 never does
 */
bool nvme_use_incapsule(const struct nvme_capsule_limits *l,
			enum nvme_xfer_dir dir, u32 segments, u32 len);

#endif
