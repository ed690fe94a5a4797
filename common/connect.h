/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Connect: its data, its checks and its failures (NVMe Base Specification 2.0,
 * 6.3). A refusal with Connect Invalid Parameters tells the offset of the
 * offending field; both ends use the same names for those offsets.
 */
#ifndef WEFT_COMMON_CONNECT_H
#define WEFT_COMMON_CONNECT_H

#include "common/fabrics.h"
#include "common/names.h"
#include "common/status.h"
#include "common/text.h"

/** nvmf_connect_data_encode() - data of a Connect; names are checked already */
void nvmf_connect_data_encode(struct nvmf_connect_data *d, const u8 hostid[16],
			      u16 cntlid, const char *subnqn,
			      const char *hostnqn);

/**
 * struct nvmf_connect - a Connect whose every length and range was checked
 * @subnqn: points into the caller's data, terminated within its field
 * @hostnqn: likewise; may be empty (some hosts send none)
 * @sqsize: entries, 1-based
 */
struct nvmf_connect {
	u16 qid;
	u32 sqsize;
	u32 kato;
	u8 cattr;
	u16 cntlid;
	const char *subnqn;
	const char *hostnqn;
	const u8 *hostid;
};

/**
 * struct nvmf_connect_error - why a Connect was refused
 * @status: with DNR where a retry is of no use
 * @result: DW0 of the completion
 */
struct nvmf_connect_error {
	nvme_status status;
	u32 result;
};

/**
 * nvmf_connect_parse() - check a Connect command and its data
 * @cmd: the command
 * @data: what the host sent as data
 * @len: bytes of it
 * @max_sqsize: deepest admin (qid 0) or I/O queue, 1-based
 * @max_qid: highest queue identifier
 * @out: filled in on success
 * @err: filled in on failure
 *
 * Checks record format, data length, queue id and size, terminated names and
 * the controller id's rules (FFFFh or FFFEh on qid 0, a real one on others);
 * whether subsystem, host and controller exist is the target's to judge.
 *
 * Return: 0 or -EPROTO.
 */
int nvmf_connect_parse(const struct nvmf_connect_cmd *cmd, const void *data,
		       size_t len, u32 max_sqsize, u16 max_qid,
		       struct nvmf_connect *out,
		       struct nvmf_connect_error *err);

/** nvmf_connect_invalid() - Connect Invalid Parameters naming a field */
struct nvmf_connect_error nvmf_connect_invalid(bool in_data, u16 offset);

#define NVMF_CONNECT_BAD_CMD(field) \
	nvmf_connect_invalid(false, offsetof(struct nvmf_connect_cmd, field))
#define NVMF_CONNECT_BAD_DATA(field) \
	nvmf_connect_invalid(true, offsetof(struct nvmf_connect_data, field))

/**
 * nvmf_connect_explain() - a failed Connect in words for the host's user
 * @status: the completion's status
 * @result: its DW0
 * @t: where to: "Connect Invalid Parameters: SUBNQN (offset 256 of data)"
 */
void nvmf_connect_explain(nvme_status status, u32 result, struct weft_text *t);

#endif
