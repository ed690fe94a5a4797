/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Reservations of a namespace: their state and rules (resv_state.c), the file
 * in which they outlast the daemon (resv_store.c), and the commands
 * (reservation.c).
 */
#ifndef WEFT_TARGET_NVMF_RESV_H
#define WEFT_TARGET_NVMF_RESV_H

#include "common/resv_rules.h"
#include "target/nvmf/io.h"

#define NVMF_RESV_REGISTRANTS	4096u	/* the report could show 65,535 */

/** struct nvmf_registrant - a host and its key */
struct nvmf_registrant {
	u8 hostid[NVME_HOSTID_BYTES];
	u64 key;
};

/**
 * struct nvmf_resv - who has registered, and who holds the namespace
 * @reg: @n registrants, ascending by host id
 * @holder: of a reservation that is not of all registrants
 */
struct nvmf_resv {
	u32 gen;
	u8 type;
	bool ptpl;
	u8 holder[NVME_HOSTID_BYTES];
	u32 n;
	struct nvmf_registrant *reg;
};

/**
 * struct nvmf_resv_notes - what has to be said to which hosts
 * @n: at most two for each registrant there was
 */
struct nvmf_resv_notes {
	u32 n;
	struct nvmf_resv_note {
		u8 hostid[NVME_HOSTID_BYTES];
		u8 notice;
	} *note;
};

/** nvmf_resv_copy() - with room for one registrant more; NULL: no memory */
struct nvmf_resv *nvmf_resv_copy(const struct nvmf_resv *r);
void nvmf_resv_free(struct nvmf_resv *r);
const struct nvmf_registrant *nvmf_resv_find(const struct nvmf_resv *r,
					     const u8 *hostid);
bool nvmf_resv_holds(const struct nvmf_resv *r, const u8 *hostid);
/** nvmf_resv_permits() - may this host write or read? */
bool nvmf_resv_permits(const struct nvmf_resv *r, const u8 *hostid,
		       bool writes);

/**
 * nvmf_resv_change() - carry out one command of @hostid on @r
 * @r: a copy, thrown away if the command is refused
 * @ptpl_offered: can persistence be turned on?
 * @notes: has room for two notes for each registrant; filled
 * Return: the command's status.
 */
nvme_status nvmf_resv_change(struct nvmf_resv *r, const u8 *hostid,
			     const struct nvme_resv_cmd *cmd,
			     bool ptpl_offered, struct nvmf_resv_notes *notes);

/**
 * nvmf_resv_load() - what a file remembers; no file: nothing
 * Return: 0 or negative errno with the reason; *@r is never NULL then.
 */
int nvmf_resv_load(const char *path, const u8 *bdev_uuid, struct nvmf_resv **r,
		   struct weft_reason *why);
/**
 * nvmf_resv_save() - write the file anew, in whole or not at all
 * On a thread of its own, so that no reactor waits for the disk. @done on the
 * calling reactor, the control reactor.
 */
void nvmf_resv_save(const char *path, const u8 *bdev_uuid,
		    const struct nvmf_resv *r,
		    void (*done)(void *ctx, int err), void *ctx);

#endif
