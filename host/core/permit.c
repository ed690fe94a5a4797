// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which commands of users pass, and what has to be done around them.
 *
 * A privileged user may send everything that does not go behind the host's
 * back (properties, Connect, events, keep-alive, the features that the host
 * sets itself). Another user who was given a device file may send what cannot
 * harm others: the Identify data that is needed to build I/O commands, and I/O
 * commands of which the controller's Commands Supported and Effects log (NVMe
 * Base 5.1.12.1.6) says that they are supported and touch nothing but the
 * namespace's data; what changes data needs a file that is open for writing.
 * Partitions are containment, so there is only the privileged way through one.
 *
 * The same log says which commands want to be alone, and after which ones the
 * namespaces have to be looked at again. Process context.
 */
#include <linux/capability.h>
#include <linux/slab.h>

#include "host/core/core.h"

#define FIRST_VENDOR_OPCODE	0x80
#define FEAT_APST		0x0c

/* Effects that do not reach beyond the namespace's own blocks */
#define EFFECTS_HARMLESS	(NVME_EFFECTS_CSUPP | NVME_EFFECTS_LBCC | \
				 NVME_EFFECTS_UUID_SELECT | \
				 NVME_EFFECTS_SCOPE_MASK)
/* Effects that the host has to act on */
#define EFFECTS_INVENTORY	(NVME_EFFECTS_NIC | NVME_EFFECTS_NCC)
/* Effects that something has to be done around a command for */
#define EFFECTS_AROUND		(NVME_EFFECTS_CSE_MASK | NVME_EFFECTS_CCC | \
				 EFFECTS_INVENTORY)

/* What these do is in the specification, whether the log says it or not. */
static const struct {
	u8 opcode;
	u32 effects;
} admin_effects[] = {
	{ 0x10 /* Firmware Commit */, NVME_EFFECTS_CCC },
	{ NVME_ADMIN_NS_MGMT, NVME_EFFECTS_NIC },
	{ NVME_ADMIN_NS_ATTACH, NVME_EFFECTS_NIC },
	{ 0x80 /* Format NVM */, NVME_EFFECTS_LBCC | NVME_EFFECTS_NCC |
				 NVME_EFFECTS_CSE_CTRL },
	{ 0x84 /* Sanitize */, NVME_EFFECTS_LBCC | NVME_EFFECTS_CSE_CTRL },
}, io_effects[] = {
	{ NVME_CMD_WRITE, NVME_EFFECTS_LBCC },
	{ NVME_CMD_WRITE_UNCORRECTABLE, NVME_EFFECTS_LBCC },
	{ NVME_CMD_WRITE_ZEROES, NVME_EFFECTS_LBCC },
	{ NVME_CMD_DSM, NVME_EFFECTS_LBCC },
	{ NVME_CMD_COPY, NVME_EFFECTS_LBCC },
};

/*
 * weft_effects_read() - read the log, if the controller has one
 * Called while a controller is connected, and not for discovery controllers.
 * A log that is refused counts as none; only a lost connection is an error.
 */
int weft_effects_read(struct weft_ctrl_core *core, struct weft_reason *why)
{
	struct weft_reason refused;
	int err;

	if (!(core->ctrl->info.lpa & NVME_LPA_CMD_EFFECTS))
		return 0;
	if (!core->effects)
		core->effects = kzalloc(sizeof(*core->effects), GFP_KERNEL);
	if (!core->effects)
		return weft_fail(why, -ENOMEM, "out of memory");
	err = weft_get_log(core, NVME_LOG_CMD_EFFECTS, core->effects,
			   sizeof(*core->effects), &refused);
	WRITE_ONCE(core->has_effects, !err);
	if (!weft_no_answer(err))
		return 0;
	*why = refused;
	return err;
}

/* weft_sets_feature() - is admin command @cmd a Set Features of @fid? */
bool weft_sets_feature(const union nvme_cmd *cmd, u8 fid)
{
	return cmd->sqe.opcode == NVME_ADMIN_SET_FEATURES &&
	       (le32_to_cpu(cmd->sqe.cdw10) & 0xff) == fid;
}

/*
 * weft_cmd_effects() - NVME_EFFECTS_* of @cmd
 * NVME_EFFECTS_CSUPP only if the controller itself says so.
 */
u32 weft_cmd_effects(struct weft_ctrl_core *core, const union nvme_cmd *cmd,
		     bool admin)
{
	u8 opcode = cmd->sqe.opcode;
	u32 effects = 0;
	unsigned int i;

	if (READ_ONCE(core->has_effects))
		effects = le32_to_cpu(admin ? core->effects->acs[opcode] :
					      core->effects->iocs[opcode]);
	for (i = 0; admin && i < ARRAY_SIZE(admin_effects); i++)
		if (admin_effects[i].opcode == opcode)
			effects |= admin_effects[i].effects;
	for (i = 0; !admin && i < ARRAY_SIZE(io_effects); i++)
		if (io_effects[i].opcode == opcode)
			effects |= io_effects[i].effects;
	return effects;
}

/*
 * weft_cmd_stands_alone() - does admin command @cmd concern nothing of the host?
 * Else it goes through weft_passthru_admin().
 */
bool weft_cmd_stands_alone(struct weft_ctrl_core *core,
			   const union nvme_cmd *cmd)
{
	return !(weft_cmd_effects(core, cmd, true) & EFFECTS_AROUND) &&
	       !weft_sets_feature(cmd, NVME_FEAT_KATO);
}

static bool ours_alone(const union nvme_cmd *c)
{
	static const u8 features[] = {
		NVME_FEAT_NUM_QUEUES, NVME_FEAT_ASYNC_EVENT,
		NVME_FEAT_HOST_BEHAVIOR, FEAT_APST,
	};
	unsigned int i;

	switch (c->sqe.opcode) {
	case NVME_ADMIN_ASYNC_EVENT:
	case NVME_ADMIN_KEEP_ALIVE:
		return true;
	case NVME_ADMIN_SET_FEATURES:
		for (i = 0; i < ARRAY_SIZE(features); i++)
			if (weft_sets_feature(c, features[i]))
				return true;
		return false;
	case NVME_OPC_FABRICS:
		return c->fabrics.fctype != NVMF_FC_PROPERTY_GET;
	default:
		return false;
	}
}

/* Identify data that describes formats and limits, and nobody else's secrets */
static bool identify_for_all(const union nvme_cmd *c)
{
	switch (le32_to_cpu(c->sqe.cdw10) & 0xff) {
	case NVME_CNS_NS:
	case NVME_CNS_CTRL:
	case NVME_CNS_CS_NS:
	case NVME_CNS_CS_CTRL:
	case NVME_CNS_CSI_INDEP_NS:
		return true;
	default:
		return false;
	}
}

static bool for_all(struct weft_ctrl_core *core, struct weft_ns *ns,
		    const union nvme_cmd *c, unsigned int opened)
{
	u32 effects;

	if (opened & WEFT_OPENED_PARTITION ||
	    c->sqe.opcode >= FIRST_VENDOR_OPCODE ||
	    c->sqe.opcode == NVME_OPC_FABRICS)
		return false;
	if (!ns)
		return c->sqe.opcode == NVME_ADMIN_IDENTIFY &&
		       identify_for_all(c);
	effects = weft_cmd_effects(core, c, false);
	if (!(effects & NVME_EFFECTS_CSUPP) || effects & ~EFFECTS_HARMLESS)
		return false;
	if (nvme_cmd_dir(c) & NVME_XFER_HOST_TO_CTRL ||
	    effects & NVME_EFFECTS_LBCC)
		return opened & WEFT_OPENED_WRITE;
	return true;
}

/*
 * weft_cmd_permit() - may the current task send @cmd?
 * @ns: the namespace of an I/O command; NULL: an admin command
 * @opened: WEFT_OPENED_*
 *
 * Return: 0; -EACCES for want of privilege; -EINVAL if nobody may; -EWOULDBLOCK
 * if the controller is not live.
 */
int weft_cmd_permit(struct weft_ctrl_core *core, struct weft_ns *ns,
		    const union nvme_cmd *cmd, unsigned int opened)
{
	if (!for_all(core, ns, cmd, opened) && !capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (ns ? cmd->sqe.opcode == NVME_OPC_FABRICS : ours_alone(cmd))
		return -EINVAL;
	if (ns && le32_to_cpu(cmd->sqe.nsid) != ns->nsid)
		return -EINVAL;
	if (nvme_cmd_dir(cmd) == NVME_XFER_BIDIRECTIONAL)
		return -EINVAL;
	return weft_ctrl_state(core->ctrl) == WEFT_CTRL_LIVE ? 0 :
							       -EWOULDBLOCK;
}

/*
 * weft_effects_begin() - before an admin command with @effects
 * Like all waits for commands of users, only a fatal signal ends it.
 * Return: 0, then weft_effects_end() has to follow; -ETIMEDOUT if I/O did not
 * end; -EINTR.
 */
int weft_effects_begin(struct weft_ctrl_core *core, u32 effects)
{
	if (!(effects & NVME_EFFECTS_CSE_MASK))
		return 0;
	if (mutex_lock_killable(&core->effects_lock))
		return -EINTR;
	if (weft_freeze_io(core))
		return 0;
	weft_unfreeze_io(core);
	mutex_unlock(&core->effects_lock);
	return -ETIMEDOUT;
}

/* weft_effects_end() - after it, however it ended; waits for a new scan */
void weft_effects_end(struct weft_ctrl_core *core, u32 effects)
{
	unsigned int wanted;

	if (effects & NVME_EFFECTS_CSE_MASK) {
		weft_unfreeze_io(core);
		mutex_unlock(&core->effects_lock);
	}
	if (effects & NVME_EFFECTS_CCC)
		dev_info_ratelimited(core->ctrl->device,
			"a command may have changed what the controller can do: a reset brings that into effect\n");
	if (!(effects & EFFECTS_INVENTORY))
		return;
	wanted = weft_queue_scan(core);
	/* a fatal signal ends the wait, too; the command has been done */
	(void)wait_event_killable(core->state_wq,
		(int)(READ_ONCE(core->scans) - wanted) >= 0 ||
		weft_ctrl_state(core->ctrl) != WEFT_CTRL_LIVE);
}
