// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * Connect: encoding of its data (host), the checks that need no knowledge of
 * subsystems (target, on the connecting queue's own thread), and a refusal
 * put into words (host). Pure; any context.
 *
 * A field that a refusal may name is in one table for both ends, so that what
 * the target means and what the user reads cannot drift apart.
 */
#include "common/connect.h"

void nvmf_connect_data_encode(struct nvmf_connect_data *d, const u8 hostid[16],
			      u16 cntlid, const char *subnqn,
			      const char *hostnqn)
{
	memset(d, 0, sizeof(*d));
	memcpy(d->hostid, hostid, sizeof(d->hostid));
	d->cntlid = cpu_to_le16(cntlid);
	/* one byte stays behind as the terminator, however long the name */
	memcpy(d->subnqn, subnqn, strnlen(subnqn, sizeof(d->subnqn) - 1));
	memcpy(d->hostnqn, hostnqn, strnlen(hostnqn, sizeof(d->hostnqn) - 1));
}

struct nvmf_connect_error nvmf_connect_invalid(bool in_data, u16 offset)
{
	return (struct nvmf_connect_error){
		.status = NVME_SC_CONNECT_INVALID_PARAM | NVME_STATUS_DNR,
		.result = (in_data ? NVMF_CONNECT_IATTR_DATA : 0) | offset,
	};
}

static int refuse(struct nvmf_connect_error *err, struct nvmf_connect_error e)
{
	*err = e;
	return -EPROTO;
}

static int refuse_status(struct nvmf_connect_error *err, u16 code)
{
	err->status = code | NVME_STATUS_DNR;
	err->result = 0;
	return -EPROTO;
}

/* Dynamic controllers: the admin queue asks for any, I/O queues name theirs. */
static bool cntlid_valid(u16 qid, u16 cntlid)
{
	/* an admin queue may ask for any, or for a certain static one */
	if (!qid && (cntlid == NVMF_CNTLID_DYNAMIC ||
		     cntlid == NVMF_CNTLID_STATIC))
		return true;
	return cntlid >= NVMF_CNTLID_MIN && cntlid <= NVMF_CNTLID_MAX;
}

static int parse_command(const struct nvmf_connect_cmd *cmd, u32 max_sqsize,
			 u16 max_qid, struct nvmf_connect *out,
			 struct nvmf_connect_error *err)
{
	if (cmd->recfmt)
		return refuse_status(err, NVME_SC_CONNECT_FORMAT);
	out->qid = le16_to_cpu(cmd->qid);
	if (out->qid > max_qid)
		return refuse(err, NVMF_CONNECT_BAD_CMD(qid));
	out->sqsize = (u32)le16_to_cpu(cmd->sqsize) + 1;
	/* a queue of one entry can never hold a command: full is size - 1 */
	if (out->sqsize < 2 || out->sqsize > max_sqsize)
		return refuse(err, NVMF_CONNECT_BAD_CMD(sqsize));
	out->cattr = cmd->cattr;
	out->kato = le32_to_cpu(cmd->kato);
	return 0;
}

int nvmf_connect_parse(const struct nvmf_connect_cmd *cmd, const void *data,
		       size_t len, u32 max_sqsize, u16 max_qid,
		       struct nvmf_connect *out,
		       struct nvmf_connect_error *err)
{
	const struct nvmf_connect_data *d = data;
	int ret;

	ret = parse_command(cmd, max_sqsize, max_qid, out, err);
	if (ret)
		return ret;
	if (len < sizeof(*d))
		return refuse_status(err, NVME_SC_SGL_INVALID_DATA_LEN);
	out->cntlid = le16_to_cpu(d->cntlid);
	if (!cntlid_valid(out->qid, out->cntlid))
		return refuse(err, NVMF_CONNECT_BAD_DATA(cntlid));
	if (weft_nqn_from_field(d->subnqn) <= 0)
		return refuse(err, NVMF_CONNECT_BAD_DATA(subnqn));
	if (weft_nqn_from_field(d->hostnqn) < 0)
		return refuse(err, NVMF_CONNECT_BAD_DATA(hostnqn));
	out->subnqn = d->subnqn;
	out->hostnqn = d->hostnqn;
	out->hostid = d->hostid;
	return 0;
}

struct connect_field {
	const char *name;
	u16 offset;
	bool in_data;
};

#define CMD_FIELD(text, field) \
	{ text, offsetof(struct nvmf_connect_cmd, field), false }
#define DATA_FIELD(text, field) \
	{ text, offsetof(struct nvmf_connect_data, field), true }

static const struct connect_field connect_fields[] = {
	CMD_FIELD("RECFMT", recfmt),
	CMD_FIELD("QID", qid),
	CMD_FIELD("SQSIZE", sqsize),
	CMD_FIELD("CATTR", cattr),
	CMD_FIELD("KATO", kato),
	DATA_FIELD("HOSTID", hostid),
	DATA_FIELD("CNTLID", cntlid),
	DATA_FIELD("SUBNQN", subnqn),
	DATA_FIELD("HOSTNQN", hostnqn),
};

/* What a user can do about a refusal whose name alone does not tell. */
static const struct {
	u16 code;
	const char *advice;
} connect_advice[] = {
	{ NVME_SC_CONNECT_CTRL_BUSY,
	  "the controller is in use or has no queue left, or the target is starting; try again later" },
	{ NVME_SC_CONNECT_RESTART_DISC,
	  "the configuration changed; run discovery again" },
	{ NVME_SC_CONNECT_INVALID_HOST,
	  "the subsystem does not allow this host NQN" },
	{ NVME_SC_AUTH_REQUIRED, "the controller asks for authentication" },
};

static void explain_field(u32 result, struct weft_text *t)
{
	bool in_data = result & NVMF_CONNECT_IATTR_DATA;
	const char *where = in_data ? "data" : "command";
	u16 offset = result & 0xffff;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(connect_fields); i++) {
		const struct connect_field *f = &connect_fields[i];

		if (f->in_data == in_data && f->offset == offset) {
			weft_text_add(t, ": %s (offset %u of %s)", f->name,
				      offset, where);
			return;
		}
	}
	weft_text_add(t, ": offset %u of %s", offset, where);
}

void nvmf_connect_explain(nvme_status status, u32 result, struct weft_text *t)
{
	u16 code = nvme_status_code(status);
	size_t i;

	weft_text_add(t, "%s", nvme_status_name(status, true));
	if (code == NVME_SC_CONNECT_INVALID_PARAM)
		explain_field(result, t);
	for (i = 0; i < ARRAY_SIZE(connect_advice); i++)
		if (connect_advice[i].code == code)
			weft_text_add(t, ": %s", connect_advice[i].advice);
}
