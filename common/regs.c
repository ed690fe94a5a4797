// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The controller's properties as a state machine. The target keeps one struct
 * nvme_regs per controller, on the controller's own reactor, and carries out
 * the event that a write of CC or NSSR gives; the host asks for the CC value
 * to write and how long to wait.
 *
 * A refused write changes nothing. Events are given once: the target answers
 * each with nvme_regs_enabled(), _disabled() or _shutdown_done() when its part
 * of the work is done, and CSTS follows.
 */
#include "common/regs.h"

#define REFUSED		(NVME_SC_INVALID_FIELD | NVME_STATUS_DNR)

#define CC_CSS_ALL	6	/* every I/O command set that is supported */
#define CC_CSS_ADMIN	7	/* no I/O command set */
#define CC_CONFIG	0x00ff3ff0u	/* CSS, MPS, AMS, IOSQES, IOCQES */
#define CC_ENTRY_SIZES	0x00ff0000u	/* IOSQES, IOCQES */
#define CC_KNOWN	(NVME_CC_EN | CC_CONFIG | NVME_CC_SHN_MASK)
#define SQE_SHIFT	6
#define CQE_SHIFT	4
#define PAGE_SHIFT_MIN	12	/* of a page size field of 0 */
#define READY_UNIT_MS	500

void nvme_regs_init(struct nvme_regs *r, u32 vs, u32 mqes, u8 timeout,
		    bool nssr)
{
	memset(r, 0, sizeof(*r));
	r->vs = vs;
	r->cap = ((mqes - 1) & 0xffff) | NVME_CAP_CQR | (u64)timeout << 24 |
		 NVME_CAP_CSS_NVM;
	if (nssr)
		r->cap |= NVME_CAP_NSSRS;
	/* from 2.0 on the ready time-out has a property of its own */
	if (vs >= NVME_VS(2, 0, 0)) {
		r->cap |= NVME_CAP_CRWMS;
		r->crto = timeout;
	}
}

nvme_status nvme_regs_get(const struct nvme_regs *r, u32 offset, u8 size,
			  u64 *value)
{
	u8 want = offset == NVME_REG_CAP ? NVMF_PROP_SIZE_8 : NVMF_PROP_SIZE_4;

	if (size != want)
		return REFUSED;
	switch (offset) {
	case NVME_REG_CAP:
		*value = r->cap;
		break;
	case NVME_REG_VS:
		*value = r->vs;
		break;
	case NVME_REG_CC:
		*value = r->cc;
		break;
	case NVME_REG_CSTS:
		*value = r->csts;
		break;
	case NVME_REG_NSSR:
		if (!(r->cap & NVME_CAP_NSSRS))
			return REFUSED;
		*value = 0;
		break;
	case NVME_REG_CRTO:
		if (!NVME_CAP_CRMS(r->cap))
			return REFUSED;
		*value = r->crto;
		break;
	default:
		return REFUSED;
	}
	return NVME_SC_SUCCESS;
}

static bool css_offered(u64 cap, u32 css)
{
	switch (css) {
	case 0:
		return cap & NVME_CAP_CSS_NVM;
	case CC_CSS_ALL:
		return cap & NVME_CAP_CSS_CSI;
	case CC_CSS_ADMIN:
		return cap & NVME_CAP_CSS_NOIO;
	default:
		return false;
	}
}

/* Of queues that there are none of they are reserved: a host may leave them 0 */
static bool entry_sizes_offered(const struct nvme_regs *r, u32 cc)
{
	return r->admin_only || (NVME_CC_GET_IOSQES(cc) == SQE_SHIFT &&
				 NVME_CC_GET_IOCQES(cc) == CQE_SHIFT);
}

static bool config_offered(const struct nvme_regs *r, u32 cc)
{
	return css_offered(r->cap, NVME_CC_CSS(cc)) &&
	       NVME_CC_MPS(cc) >= NVME_CAP_MPSMIN(r->cap) &&
	       NVME_CC_MPS(cc) <= NVME_CAP_MPSMAX(r->cap) &&
	       NVME_CC_AMS(cc) == 0 && entry_sizes_offered(r, cc);
}

static bool config_changed(const struct nvme_regs *r, u32 cc)
{
	u32 mask = r->admin_only ? CC_CONFIG & ~CC_ENTRY_SIZES : CC_CONFIG;

	return (cc ^ r->cc) & mask;
}

static void set_shst(struct nvme_regs *r, u32 shst)
{
	r->csts = (r->csts & ~NVME_CSTS_SHST_MASK) | shst;
}

static nvme_status enable(struct nvme_regs *r, u32 cc,
			  enum nvme_regs_event *event)
{
	u32 shst = r->csts & NVME_CSTS_SHST_MASK;

	if (cc & NVME_CC_SHN_MASK || !config_offered(r, cc))
		return REFUSED;
	/* a reset or a shutdown that still runs has to end first */
	if (r->csts & NVME_CSTS_RDY || shst == NVME_CSTS_SHST_OCCURRING)
		return REFUSED;
	r->cc = cc;
	set_shst(r, NVME_CSTS_SHST_NORMAL);
	*event = NVME_REGS_ENABLE;
	return NVME_SC_SUCCESS;
}

/* Which shutdown does a new SHN start, seen from what already runs? */
static enum nvme_regs_event shutdown_event(const struct nvme_regs *r, u32 shn)
{
	u32 shst = r->csts & NVME_CSTS_SHST_MASK;

	if (shst == NVME_CSTS_SHST_NORMAL)
		return shn == NVME_CC_SHN_ABRUPT ? NVME_REGS_SHUTDOWN_ABRUPT :
						   NVME_REGS_SHUTDOWN_NORMAL;
	/* a host in a hurry may turn a normal shutdown into an abrupt one */
	if (shst == NVME_CSTS_SHST_OCCURRING && shn == NVME_CC_SHN_ABRUPT &&
	    (r->cc & NVME_CC_SHN_MASK) == NVME_CC_SHN_NORMAL)
		return NVME_REGS_SHUTDOWN_ABRUPT;
	return NVME_REGS_NOTHING;
}

static nvme_status set_cc(struct nvme_regs *r, u32 cc,
			  enum nvme_regs_event *event)
{
	u32 shn = cc & NVME_CC_SHN_MASK;
	bool was_enabled = r->cc & NVME_CC_EN;

	cc &= CC_KNOWN;
	if (cc & NVME_CC_EN && !was_enabled)
		return enable(r, cc, event);
	if (!(cc & NVME_CC_EN) && was_enabled) {
		r->cc = cc & ~NVME_CC_SHN_MASK;
		*event = NVME_REGS_RESET;
		return NVME_SC_SUCCESS;
	}
	if (shn == NVME_CC_SHN_MASK)
		return REFUSED;
	if (was_enabled && config_changed(r, cc))
		return REFUSED;
	if (shn)
		*event = shutdown_event(r, shn);
	if (*event != NVME_REGS_NOTHING)
		set_shst(r, NVME_CSTS_SHST_OCCURRING);
	r->cc = cc;
	return NVME_SC_SUCCESS;
}

nvme_status nvme_regs_set(struct nvme_regs *r, u32 offset, u8 size, u64 value,
			  enum nvme_regs_event *event)
{
	*event = NVME_REGS_NOTHING;
	if (size != NVMF_PROP_SIZE_4)
		return REFUSED;
	/* the upper half of the value is reserved for 4-byte properties */
	if (offset == NVME_REG_CC)
		return set_cc(r, (u32)value, event);
	/* the one bit of CSTS that a host clears, by writing it */
	if (offset == NVME_REG_CSTS && r->cap & NVME_CAP_NSSRS) {
		r->csts &= ~((u32)value & NVME_CSTS_NSSRO);
		return NVME_SC_SUCCESS;
	}
	if (offset != NVME_REG_NSSR || !(r->cap & NVME_CAP_NSSRS))
		return REFUSED;
	/* any other value is defined to have no effect */
	if ((u32)value == NVME_NSSR_VALUE)
		*event = NVME_REGS_SUBSYSTEM_RESET;
	return NVME_SC_SUCCESS;
}

void nvme_regs_reset_occurred(struct nvme_regs *r)
{
	r->csts |= NVME_CSTS_NSSRO;
}

void nvme_regs_enabled(struct nvme_regs *r)
{
	/* the host may have withdrawn EN while the controller got ready */
	if (r->cc & NVME_CC_EN)
		r->csts |= NVME_CSTS_RDY;
}

void nvme_regs_disabled(struct nvme_regs *r)
{
	r->csts &= ~(NVME_CSTS_RDY | NVME_CSTS_CFS | NVME_CSTS_SHST_MASK);
}

void nvme_regs_shutdown_done(struct nvme_regs *r)
{
	/* a reset in between took the shutdown back */
	if ((r->csts & NVME_CSTS_SHST_MASK) == NVME_CSTS_SHST_OCCURRING)
		set_shst(r, NVME_CSTS_SHST_COMPLETE);
}

void nvme_regs_fatal(struct nvme_regs *r)
{
	r->csts |= NVME_CSTS_CFS;
}

int nvme_host_cc(u64 cap, unsigned int page_shift, u32 *cc,
		 struct weft_reason *why)
{
	unsigned int min = PAGE_SHIFT_MIN + NVME_CAP_MPSMIN(cap);
	unsigned int max = PAGE_SHIFT_MIN + NVME_CAP_MPSMAX(cap);
	u32 css;

	if (page_shift < min || max < min)
		return weft_fail(why, -ENODEV,
				 "page size 2^%u: the controller offers 2^%u to 2^%u bytes",
				 page_shift, min, max);
	if (page_shift > max)
		page_shift = max;
	if (cap & NVME_CAP_CSS_NVM)
		css = 0;
	else if (cap & NVME_CAP_CSS_CSI)
		css = CC_CSS_ALL;
	else if (cap & NVME_CAP_CSS_NOIO)
		css = CC_CSS_ADMIN;
	else
		return weft_fail(why, -ENODEV,
				 "CAP.CSS=0x%02x: the controller offers no command set known here (NVM is 0x01)",
				 (unsigned int)(cap >> 37 & 0xff));
	*cc = NVME_CC_EN | css << 4 | (page_shift - PAGE_SHIFT_MIN) << 7 |
	      NVME_CC_IOSQES(SQE_SHIFT) | NVME_CC_IOCQES(CQE_SHIFT);
	return 0;
}

u32 nvme_host_ready_ms(u64 cap, u32 crto)
{
	u32 units = NVME_CAP_TO(cap);

	/* CAP.TO stops at 127.5 s; controllers with less in CRTO exist */
	if (cap & NVME_CAP_CRWMS && NVME_CRTO_CRWMT(crto) > units)
		units = NVME_CRTO_CRWMT(crto);
	/* one unit more, because 0 is "less than one" */
	return (units + 1) * READY_UNIT_MS;
}
