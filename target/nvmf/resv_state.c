// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The rules of reservations (base specification 2.0, 8.19): what each command
 * does to the registrants and the reservation, and who has to be told. Works
 * on values; the commands themselves are in reservation.c.
 */
#include <stdlib.h>

#include "target/nvmf/resv.h"

#define DNR_CONFLICT	NVME_DNR(NVME_SC_RESERVATION_CONFLICT)
#define DNR_INVALID	NVME_DNR(NVME_SC_INVALID_FIELD)

/* A command under way: the state, whose it is, what will be said */
struct change {
	struct nvmf_resv *r;
	const u8 *host;
	const struct nvme_resv_cmd *cmd;
	struct nvmf_resv_notes *notes;
};

static int order(const u8 *a, const u8 *b)
{
	return memcmp(a, b, NVME_HOSTID_BYTES);
}

/* Where @hostid is, or would be */
static u32 place(const struct nvmf_resv *r, const u8 *hostid)
{
	u32 low = 0, high = r->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (order(r->reg[mid].hostid, hostid) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct nvmf_registrant *find(const struct nvmf_resv *r,
				    const u8 *hostid)
{
	u32 i = place(r, hostid);

	return i < r->n && !order(r->reg[i].hostid, hostid) ? &r->reg[i] : NULL;
}

const struct nvmf_registrant *nvmf_resv_find(const struct nvmf_resv *r,
					     const u8 *hostid)
{
	return find(r, hostid);
}

bool nvmf_resv_holds(const struct nvmf_resv *r, const u8 *hostid)
{
	if (!r->type)
		return false;
	return nvme_resv_all_registrants(r->type) ? !!find(r, hostid) :
						    !order(r->holder, hostid);
}

bool nvmf_resv_permits(const struct nvmf_resv *r, const u8 *hostid,
		       bool writes)
{
	return nvme_resv_allows(r->type, writes, nvmf_resv_holds(r, hostid),
				find(r, hostid));
}

struct nvmf_resv *nvmf_resv_copy(const struct nvmf_resv *r)
{
	struct nvmf_resv *c = malloc(sizeof(*c));

	if (!c)
		return NULL;
	*c = *r;
	c->reg = calloc(r->n + 1, sizeof(*c->reg));
	if (!c->reg) {
		free(c);
		return NULL;
	}
	if (r->n)
		memcpy(c->reg, r->reg, r->n * sizeof(*c->reg));
	return c;
}

void nvmf_resv_free(struct nvmf_resv *r)
{
	if (r)
		free(r->reg);
	free(r);
}

/* Steps */

static void note(struct change *ch, const u8 *hostid, u8 notice)
{
	struct nvmf_resv_note *n = &ch->notes->note[ch->notes->n++];

	memcpy(n->hostid, hostid, sizeof(n->hostid));
	n->notice = notice;
}

/* Everybody who is registered now, except who gave the command */
static void note_others(struct change *ch, u8 notice)
{
	u32 i;

	for (i = 0; i < ch->r->n; i++)
		if (order(ch->r->reg[i].hostid, ch->host))
			note(ch, ch->r->reg[i].hostid, notice);
}

static void take(struct nvmf_resv *r, const u8 *hostid, u8 type)
{
	r->type = type;
	memcpy(r->holder, hostid, sizeof(r->holder));
}

/* A host may come under ever new identifiers: there is an end to that */
static nvme_status insert(struct nvmf_resv *r, const u8 *hostid, u64 key)
{
	u32 i = place(r, hostid);

	if (r->n >= NVMF_RESV_REGISTRANTS)
		return NVME_DNR(NVME_SC_INTERNAL);
	memmove(&r->reg[i + 1], &r->reg[i], (r->n - i) * sizeof(r->reg[0]));
	memcpy(r->reg[i].hostid, hostid, sizeof(r->reg[i].hostid));
	r->reg[i].key = key;
	r->n++;
	return NVME_SC_SUCCESS;
}

static void remove_at(struct nvmf_resv *r, u32 i)
{
	memmove(&r->reg[i], &r->reg[i + 1],
		(r->n - i - 1) * sizeof(r->reg[0]));
	r->n--;
}

static bool exclusive_to_one(u8 type)
{
	return type == NVME_RESV_WRITE_EXCLUSIVE ||
	       type == NVME_RESV_EXCLUSIVE_ACCESS;
}

/* Others learn of the end of a reservation in which they had a part */
static void release(struct change *ch)
{
	u8 type = ch->r->type;

	ch->r->type = NVME_RESV_NONE;
	memset(ch->r->holder, 0, sizeof(ch->r->holder));
	if (!exclusive_to_one(type))
		note_others(ch, NVME_RESV_NOTICE_RELEASED);
}

/* Register */

static nvme_status unregister(struct change *ch, struct nvmf_registrant *me)
{
	struct nvmf_resv *r = ch->r;
	bool held = nvmf_resv_holds(r, ch->host);

	remove_at(r, me - r->reg);
	/* a reservation of all ends with the last of them */
	if (held && (!nvme_resv_all_registrants(r->type) || !r->n))
		release(ch);
	return NVME_SC_SUCCESS;
}

static nvme_status register_action(struct change *ch)
{
	struct nvmf_registrant *me = find(ch->r, ch->host);
	const struct nvme_resv_cmd *cmd = ch->cmd;
	bool key_ok = me && (cmd->iekey || me->key == cmd->crkey);

	switch (cmd->action) {
	case NVME_RESV_REGISTER:
		if (me)
			return me->key == cmd->key ? NVME_SC_SUCCESS :
						     DNR_CONFLICT;
		return insert(ch->r, ch->host, cmd->key);
	case NVME_RESV_UNREGISTER:
		return key_ok ? unregister(ch, me) : DNR_CONFLICT;
	default:
		if (!key_ok && (me || !cmd->iekey))
			return DNR_CONFLICT;
		if (!me)
			return insert(ch->r, ch->host, cmd->key);
		me->key = cmd->key;
		return NVME_SC_SUCCESS;
	}
}

static nvme_status do_register(struct change *ch, bool ptpl_offered)
{
	u8 cptpl = ch->cmd->cptpl;
	nvme_status st;

	if (cptpl == NVME_RESV_PTPL_SET && !ptpl_offered)
		return DNR_INVALID;
	st = register_action(ch);
	if (st)
		return st;
	if (cptpl)
		ch->r->ptpl = cptpl == NVME_RESV_PTPL_SET;
	ch->r->gen++;
	return NVME_SC_SUCCESS;
}

/* Acquire */

static nvme_status acquire(struct change *ch)
{
	struct nvmf_resv *r = ch->r;

	if (!r->type) {
		take(r, ch->host, ch->cmd->type);
		return NVME_SC_SUCCESS;
	}
	return nvmf_resv_holds(r, ch->host) && r->type == ch->cmd->type ?
		NVME_SC_SUCCESS : DNR_CONFLICT;
}

/* All others with the key (any: whatever their key is); how many there were */
static u32 preempt_registrants(struct change *ch, u64 key, bool any)
{
	struct nvmf_resv *r = ch->r;
	u32 i = 0, n = 0;

	while (i < r->n) {
		struct nvmf_registrant *reg = &r->reg[i];

		if (!order(reg->hostid, ch->host) ||
		    !(any || reg->key == key)) {
			i++;
			continue;
		}
		note(ch, reg->hostid, NVME_RESV_NOTICE_REGISTRATION_PREEMPTED);
		remove_at(r, i);
		n++;
	}
	return n;
}

/* The reservation becomes the preempting host's, perhaps of another type */
static void preempt_reservation(struct change *ch)
{
	u8 old = ch->r->type;

	if (!exclusive_to_one(old) && old != ch->cmd->type)
		note_others(ch, NVME_RESV_NOTICE_RELEASED);
	take(ch->r, ch->host, ch->cmd->type);
}

static nvme_status preempt_all_registrants(struct change *ch)
{
	u64 key = ch->cmd->key;

	if (key)
		return preempt_registrants(ch, key, false) ? NVME_SC_SUCCESS :
							     DNR_CONFLICT;
	preempt_registrants(ch, 0, true);
	preempt_reservation(ch);
	return NVME_SC_SUCCESS;
}

static nvme_status preempt_holder(struct change *ch)
{
	struct nvmf_resv *r = ch->r;
	struct nvmf_registrant *holder = find(r, r->holder);
	u64 key = ch->cmd->key;

	if (holder && holder->key == key) {
		preempt_registrants(ch, key, false);
		preempt_reservation(ch);
		return NVME_SC_SUCCESS;
	}
	if (!key)
		return DNR_INVALID;
	return preempt_registrants(ch, key, false) ? NVME_SC_SUCCESS :
						     DNR_CONFLICT;
}

static nvme_status preempt(struct change *ch)
{
	nvme_status st;

	if (!ch->r->type)
		st = preempt_registrants(ch, ch->cmd->key, false) ?
			NVME_SC_SUCCESS : DNR_CONFLICT;
	else if (nvme_resv_all_registrants(ch->r->type))
		st = preempt_all_registrants(ch);
	else
		st = preempt_holder(ch);
	if (!st)
		ch->r->gen++;
	return st;
}

/* Release */

static nvme_status release_action(struct change *ch)
{
	if (!nvmf_resv_holds(ch->r, ch->host))
		return NVME_SC_SUCCESS;
	if (ch->r->type != ch->cmd->type)
		return DNR_INVALID;
	release(ch);
	return NVME_SC_SUCCESS;
}

static nvme_status clear(struct change *ch)
{
	struct nvmf_resv *r = ch->r;

	note_others(ch, NVME_RESV_NOTICE_PREEMPTED);
	r->n = 0;
	r->type = NVME_RESV_NONE;
	memset(r->holder, 0, sizeof(r->holder));
	r->gen++;
	return NVME_SC_SUCCESS;
}

nvme_status nvmf_resv_change(struct nvmf_resv *r, const u8 *hostid,
			     const struct nvme_resv_cmd *cmd,
			     bool ptpl_offered, struct nvmf_resv_notes *notes)
{
	struct change ch = { r, hostid, cmd, notes };
	const struct nvmf_registrant *me = find(r, hostid);

	if (cmd->opcode == NVME_CMD_RESV_REGISTER)
		return do_register(&ch, ptpl_offered);
	if (!me || me->key != cmd->crkey)
		return DNR_CONFLICT;
	if (cmd->opcode == NVME_CMD_RESV_ACQUIRE)
		return cmd->action == NVME_RESV_ACQUIRE ? acquire(&ch) :
							  preempt(&ch);
	return cmd->action == NVME_RESV_CLEAR ? clear(&ch) :
						release_action(&ch);
}
