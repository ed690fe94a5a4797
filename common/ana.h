/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Asymmetric Namespace Access: the log page in which a controller says through
 * which groups its namespaces can be reached, and how well (NVMe Base
 * Specification 2.0, 5.16.1.13 and 8.1.1).
 *
 * The decoder walks over bytes as they come from the wire, in pieces if the
 * page is long, and gives out one checked group at a time.
 */
#ifndef WEFT_COMMON_ANA_H
#define WEFT_COMMON_ANA_H

#include "common/nvme.h"
#include "common/text.h"

enum nvme_ana_state {
	NVME_ANA_OPTIMIZED		= 0x1,
	NVME_ANA_NONOPTIMIZED		= 0x2,
	NVME_ANA_INACCESSIBLE		= 0x3,
	NVME_ANA_PERSISTENT_LOSS	= 0x4,
	NVME_ANA_CHANGE			= 0xf,
};
#define NVME_ANA_STATE_MASK	0x0f

/* Groups only, no namespace lists: log specific parameter of Get Log Page */
#define NVME_ANA_LSP_RGO	0x1

struct nvme_ana_log_header {
	__le64 chgcnt;
	__le16 ngrps;
	u8 rsvd10[6];
};
WEFT_ASSERT_SIZE(struct nvme_ana_log_header, 16);

/* Followed by @nnsids namespace ids of 4 bytes */
struct nvme_ana_log_group {
	__le32 grpid;
	__le32 nnsids;
	__le64 chgcnt;
	u8 state;
	u8 rsvd17[15];
};
WEFT_ASSERT_SIZE(struct nvme_ana_log_group, 32);
WEFT_ASSERT_OFFSET(struct nvme_ana_log_group, state, 16);

/**
 * struct nvme_ana_group - a group of the log, checked
 * @id: not 0
 * @state: one of enum nvme_ana_state
 * @nnsids: members; nvme_ana_nsid() reads them
 */
struct nvme_ana_group {
	u32 id;
	u8 state;
	u32 nnsids;
	const u8 *nsids;
};

/**
 * struct nvme_ana_iter - a walk over the log
 * @data: @len bytes of it from its start; the caller may lengthen it between
 *        steps, as more of the log comes in
 * @pos: where the next group begins
 * @left: groups that follow there
 * @chgcnt: of the header: changes whenever anything does
 */
struct nvme_ana_iter {
	const u8 *data;
	size_t len;
	size_t pos;
	unsigned int left;
	u64 chgcnt;
};

/**
 * nvme_ana_iter_init() - begin at the header
 * Return: 0, or -EMSGSIZE if @len is less than a header.
 */
int nvme_ana_iter_init(struct nvme_ana_iter *it, const void *data, size_t len,
		       struct weft_reason *why);

/**
 * nvme_ana_iter_next() - the next group
 * Return: 1 with @g filled; 0 after the last one; -EMSGSIZE if @len ends within
 * the group, which can be tried again with more data; -EPROTO for a group 0 or
 * a state that does not exist.
 */
int nvme_ana_iter_next(struct nvme_ana_iter *it, struct nvme_ana_group *g,
		       struct weft_reason *why);

/** nvme_ana_nsid() - member @i (< nnsids) of @g */
static inline u32 nvme_ana_nsid(const struct nvme_ana_group *g, u32 i)
{
	__le32 le;

	memcpy(&le, g->nsids + i * sizeof(le), sizeof(le));
	return le32_to_cpu(le);
}

/**
 * nvme_ana_log_size() - longest log of @groups groups and @namespaces
 * Return: bytes; never overflows 64 bits.
 */
static inline u64 nvme_ana_log_size(u32 groups, u32 namespaces)
{
	return sizeof(struct nvme_ana_log_header) +
	       (u64)groups * sizeof(struct nvme_ana_log_group) +
	       (u64)namespaces * sizeof(__le32);
}

/** nvme_ana_state_name() - as users and sysfs see it; never NULL */
const char *nvme_ana_state_name(u8 state);

#endif
