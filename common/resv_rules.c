// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Reservations as a target sees them: the checks of commands, reports, and the
 * table of what each type of reservation lets through. Any context.
 */
#include "common/resv_rules.h"

#define ACTION(cdw10)	((cdw10) & NVME_RESV_ACTION_MASK)
#define TYPE(cdw10)	((u8)((cdw10) >> 8))
#define CPTPL(cdw10)	((cdw10) >> NVME_RESV_CPTPL_SHIFT)
#define LOC_CDW10	40

static void put64(u8 *at, u64 v)
{
	__le64 le = cpu_to_le64(v);

	memcpy(at, &le, sizeof(le));
}

static u64 get64(const u8 *at)
{
	__le64 le;

	memcpy(&le, at, sizeof(le));
	return le64_to_cpu(le);
}

/* Commands: what differs between the three */

static const struct rules {
	u8 opcode;
	u8 bytes;
	u8 actions;
	bool iekey;	/* may be set */
	bool type;	/* has one */
} rules[] = {
	{ NVME_CMD_RESV_REGISTER, NVME_RESV_KEYS_BYTES, 3, true, false },
	{ NVME_CMD_RESV_ACQUIRE, NVME_RESV_KEYS_BYTES, 3, false, true },
	{ NVME_CMD_RESV_RELEASE, NVME_RESV_KEY_BYTES, 2, false, true },
};

static const struct rules *rules_of(u8 opcode)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].opcode == opcode)
			return &rules[i];
	return NULL;
}

u32 nvme_resv_cmd_bytes(u8 opcode)
{
	const struct rules *r = rules_of(opcode);

	return r ? r->bytes : 0;
}

void nvme_resv_cmd_encode(union nvme_cmd *c, u32 nsid,
			  const struct nvme_resv_cmd *r, u8 *data)
{
	nvme_cmd_resv(c, r->opcode, nsid,
		      (r->action & NVME_RESV_ACTION_MASK) |
		      (r->iekey ? NVME_RESV_IEKEY : 0) |
		      (u32)r->type << NVME_RESV_TYPE_SHIFT |
		      (u32)r->cptpl << 30);
	put64(data, r->crkey);
	if (nvme_resv_cmd_bytes(r->opcode) > NVME_RESV_KEY_BYTES)
		put64(data + NVME_RESV_KEY_BYTES, r->key);
}

static nvme_status bad(u16 *loc, u16 at)
{
	*loc = at;
	return NVME_DNR(NVME_SC_INVALID_FIELD);
}

/* A clear names no type; everything else that has one must name a real one */
static bool type_ok(const struct nvme_resv_cmd *r)
{
	if (r->opcode == NVME_CMD_RESV_RELEASE && r->action == NVME_RESV_CLEAR)
		return true;
	return r->type && r->type <= NVME_RESV_TYPE_MAX;
}

static nvme_status check(const struct nvme_resv_cmd *r, const struct rules *ru,
			 u16 *loc)
{
	if (r->action >= ru->actions || (r->iekey && !ru->iekey))
		return bad(loc, LOC_CDW10);
	if (ru->type && !type_ok(r))
		return bad(loc, LOC_CDW10 + 1);
	if (r->cptpl == 1)
		return bad(loc, LOC_CDW10 + 3);
	return NVME_SC_SUCCESS;
}

nvme_status nvme_resv_cmd_decode(const struct nvme_sqe *sqe, const void *data,
				 size_t len, struct nvme_resv_cmd *r, u16 *loc)
{
	const struct rules *ru = rules_of(sqe->opcode);
	u32 cdw10 = le32_to_cpu(sqe->cdw10);
	nvme_status st;

	memset(r, 0, sizeof(*r));
	if (!ru)
		return bad(loc, 0);
	r->opcode = sqe->opcode;
	r->action = ACTION(cdw10);
	r->iekey = cdw10 & NVME_RESV_IEKEY;
	if (ru->type)
		r->type = TYPE(cdw10);
	else
		r->cptpl = CPTPL(cdw10);
	st = check(r, ru, loc);
	if (st || !data)
		return st;
	if (len < ru->bytes)
		return NVME_DNR(NVME_SC_SGL_INVALID_DATA_LEN);
	r->crkey = get64(data);
	if (ru->bytes > NVME_RESV_KEY_BYTES)
		r->key = get64((const u8 *)data + NVME_RESV_KEY_BYTES);
	/* key 0 means "not registered" */
	if (r->opcode == NVME_CMD_RESV_REGISTER &&
	    r->action != NVME_RESV_UNREGISTER && !r->key)
		return bad(loc, LOC_CDW10);
	return NVME_SC_SUCCESS;
}

bool nvme_resv_allows(u8 type, bool writes, bool holder, bool registrant)
{
	switch (type) {
	case NVME_RESV_WRITE_EXCLUSIVE:
		return holder || !writes;
	case NVME_RESV_EXCLUSIVE_ACCESS:
		return holder;
	case NVME_RESV_WRITE_EXCLUSIVE_REG:
	case NVME_RESV_WRITE_EXCLUSIVE_ALL:
		return registrant || !writes;
	case NVME_RESV_EXCLUSIVE_ACCESS_REG:
	case NVME_RESV_EXCLUSIVE_ACCESS_ALL:
		return registrant;
	default:
		return true;
	}
}

/* Report */

u64 nvme_resv_report_bytes(const struct nvme_sqe *sqe)
{
	return ((u64)le32_to_cpu(sqe->cdw10) + 1) * 4;
}

void nvme_resv_head_encode(struct nvme_resv_report *out,
			   const struct nvme_resv_status *s)
{
	memset(out, 0, sizeof(*out));
	out->generation = cpu_to_le32(s->gen);
	out->type = s->type;
	out->registrants = cpu_to_le16(s->registrants < 0xffff ?
				       (u16)s->registrants : 0xffff);
	out->ptpls = s->ptpl;
}

void nvme_resv_entry_encode(struct nvme_resv_registrant *out,
			    const struct nvme_resv_entry *e)
{
	memset(out, 0, sizeof(*out));
	out->cntlid = cpu_to_le16(e->cntlid);
	out->status = e->holds ? NVME_RESV_HOLDER : 0;
	out->key = cpu_to_le64(e->key);
	memcpy(out->hostid, e->hostid, sizeof(out->hostid));
}
