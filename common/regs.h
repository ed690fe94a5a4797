/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The controller's register state machine (properties CAP, VS, CC, CSTS,
 * NSSR) as a value: the target keeps one per controller and acts on the events
 * that a write gives; the host uses the helpers at the end to enable one (NVMe
 * Base Specification 2.0, 3.1.3 and 3.6).
 */
#ifndef WEFT_COMMON_REGS_H
#define WEFT_COMMON_REGS_H

#include "common/fabrics.h"
#include "common/status.h"
#include "common/text.h"

/**
 * struct nvme_regs - one controller's
 * @admin_only: it has no I/O queues, so that any entry sizes of theirs will do;
 *              not after nvme_regs_init()
 */
struct nvme_regs {
	u64 cap;
	u32 vs;
	u32 cc;
	u32 csts;
	u32 crto;
	bool admin_only;
};

/**
 * nvme_regs_init() - a disabled, contiguous-queues NVM controller
 * @mqes: deepest queue, 1-based
 * @timeout: CAP.TO in 500 ms units
 * @nssr: NVM subsystem reset supported
 */
void nvme_regs_init(struct nvme_regs *r, u32 vs, u32 mqes, u8 timeout,
		    bool nssr);

/** enum nvme_regs_event - what the controller has to do after a write */
enum nvme_regs_event {
	NVME_REGS_NOTHING,
	NVME_REGS_ENABLE,		/* then nvme_regs_enabled() */
	NVME_REGS_RESET,		/* CC.EN 1 to 0, then nvme_regs_disabled() */
	NVME_REGS_SHUTDOWN_NORMAL,	/* then nvme_regs_shutdown_done() */
	NVME_REGS_SHUTDOWN_ABRUPT,
	NVME_REGS_SUBSYSTEM_RESET,
};

/**
 * nvme_regs_get() - Property Get
 * @offset: property
 * @size: attrib's size field (NVMF_PROP_SIZE_4 or _8)
 * @value: the value
 *
 * Return: success, or NVME_SC_INVALID_FIELD | DNR for an unknown property or
 * a size that is not the property's.
 */
nvme_status nvme_regs_get(const struct nvme_regs *r, u32 offset, u8 size,
			  u64 *value);

/**
 * nvme_regs_set() - Property Set
 * @event: what to do now
 *
 * A write of CC is refused (NVME_SC_INVALID_FIELD | DNR) when it enables with
 * a command set, page size, arbitration or entry sizes (those of I/O queues, if
 * it has any) that CAP does not offer, or changes those while enabled. Clearing
 * EN and setting SHN in one write: the reset wins. CSTS.SHST follows the
 * shutdown and clears when SHN returns to 0 through a reset. Enabling while a
 * reset or a shutdown still runs is refused; a normal shutdown that runs can be
 * made an abrupt one. A write of NSSR that is not "NVMe" has no effect, one of
 * CSTS clears NSSRO if it is set in the value; both exist with subsystem reset
 * only. Other properties cannot be written. A refused write changes nothing.
 */
nvme_status nvme_regs_set(struct nvme_regs *r, u32 offset, u8 size, u64 value,
			  enum nvme_regs_event *event);

/** nvme_regs_reset_occurred() - a subsystem reset has been: CSTS.NSSRO */
void nvme_regs_reset_occurred(struct nvme_regs *r);
/** nvme_regs_enabled() - the controller is ready: CSTS.RDY */
void nvme_regs_enabled(struct nvme_regs *r);
/** nvme_regs_disabled() - the reset is done: RDY, SHST and CFS clear */
void nvme_regs_disabled(struct nvme_regs *r);
/** nvme_regs_shutdown_done() - SHST says complete */
void nvme_regs_shutdown_done(struct nvme_regs *r);
/** nvme_regs_fatal() - CSTS.CFS */
void nvme_regs_fatal(struct nvme_regs *r);

/**
 * nvme_regs_ready() - may commands other than fabrics be executed?
 * Not before RDY, not after a fatal error, not once a shutdown has begun.
 */
static inline bool nvme_regs_ready(const struct nvme_regs *r)
{
	return (r->csts & (NVME_CSTS_RDY | NVME_CSTS_CFS |
			   NVME_CSTS_SHST_MASK)) == NVME_CSTS_RDY;
}

/* The host's side */

/**
 * nvme_host_cc() - the CC value that enables a controller for us
 * @cap: what the controller offers
 * @page_shift: our page size as a shift; the controller's minimum may be less,
 *              and if its maximum is less, the maximum is taken
 * @cc: the value, with EN set
 * @why: reason in words; may be NULL
 *
 * Return: 0, or -ENODEV if our page size or command set is not offered.
 */
int nvme_host_cc(u64 cap, unsigned int page_shift, u32 *cc,
		 struct weft_reason *why);

/**
 * nvme_host_ready_ms() - how long CSTS.RDY may take
 * @cap: what the controller says of itself
 * @crto: its CRTO, which is there if NVME_CAP_CRWMS is set; else not looked at
 *
 * Return: the larger of CAP.TO and CRTO.CRWMT, and 500 ms.
 */
u32 nvme_host_ready_ms(u64 cap, u32 crto);

#endif
