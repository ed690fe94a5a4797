// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * The commands of `weft io`: what each takes from the command line, how much
 * data it moves, and how it is submitted. The table is at the end.
 */
#include "tools/weft/io.h"

#define LOG_SIZE	4096
#define REPORT_SIZE	4096

static bool has(const struct io_call *x, const char *name)
{
	return cli_opt(x->a, name);
}

static u32 num(const struct io_call *x, const char *name)
{
	return (u32)cli_number(x->a, name, 0);
}

/* --- blocks -------------------------------------------------------------------------- */

static int check_blocks(struct io_call *x)
{
	x->lba = cli_number(x->a, "lba", 0);
	x->blocks = cli_number(x->a, "blocks", 1);
	if (!x->blocks || x->blocks > 65536)
		return cli_usage_error(x->a->cmd,
				       "--blocks %llu: accepted range is 1-65536",
				       (unsigned long long)x->blocks);
	return CLI_OK;
}

static int check_file_blocks(struct io_call *x)
{
	int rc = check_blocks(x);

	return rc ? rc : io_take_file(x, "file");
}

static int size_read(struct io_call *x)
{
	x->gives = true;
	return io_room(x, x->blocks * x->block);
}

/* All of the file, unless it is said how many blocks of it */
static int size_file(struct io_call *x)
{
	if (has(x, "blocks") && x->blocks * x->block <= x->len)
		x->len = (u32)(x->blocks * x->block);
	else if (!has(x, "blocks") && x->len && !(x->len % x->block) &&
		 x->len / x->block <= 65536)
		x->blocks = x->len / x->block;
	else
		return cli_error(CLI_USAGE,
				 "--file: %u bytes; blocks have %u bytes, and 1-65536 of them are accepted",
				 x->len, x->block);
	return CLI_OK;
}

static u32 rw_flags(const struct io_call *x)
{
	return (has(x, "fua") ? NVME_RW_FUA : 0) |
	       (has(x, "limited-retry") ? NVME_RW_LR : 0);
}

static int send_read(struct io_call *x, struct remote_answer *ans)
{
	return ini_read(x->q, x->nsid, x->lba, (u32)x->blocks, rw_flags(x),
			x->data, x->len, remote_done, ans);
}

static int send_write(struct io_call *x, struct remote_answer *ans)
{
	return ini_write(x->q, x->nsid, x->lba, (u32)x->blocks, rw_flags(x),
			 x->data, x->len, remote_done, ans);
}

static int send_compare(struct io_call *x, struct remote_answer *ans)
{
	return ini_compare(x->q, x->nsid, x->lba, (u32)x->blocks, rw_flags(x),
			   x->data, x->len, remote_done, ans);
}

static int check_pair(struct io_call *x)
{
	u32 half;
	int rc = check_blocks(x);

	if (!rc)
		rc = io_take_file(x, "expect");
	half = x->len;
	if (!rc)
		rc = io_take_file(x, "file");
	if (!rc && x->len != 2 * half)
		rc = cli_error(CLI_USAGE,
			       "--file: %u bytes; as many as in --expect (%u) are accepted",
			       x->len - half, half);
	x->len = half;
	return rc;
}

static int send_pair(struct io_call *x, struct remote_answer *ans)
{
	x->pair.done = remote_done;
	x->pair.ctx = ans;
	return ini_compare_write(x->q, x->nsid, x->lba, (u32)x->blocks,
				 x->data, x->data + x->len, x->len, &x->pair);
}

static int send_zeroes(struct io_call *x, struct remote_answer *ans)
{
	return ini_write_zeroes(x->q, x->nsid, x->lba, (u32)x->blocks,
				rw_flags(x) |
				(has(x, "deallocate") ? NVME_RW_DEAC : 0),
				remote_done, ans);
}

static int send_verify(struct io_call *x, struct remote_answer *ans)
{
	return ini_verify(x->q, x->nsid, x->lba, (u32)x->blocks, rw_flags(x),
			  remote_done, ans);
}

static int send_uncorrectable(struct io_call *x, struct remote_answer *ans)
{
	return ini_write_uncorrectable(x->q, x->nsid, x->lba, (u32)x->blocks,
				       remote_done, ans);
}

static int send_flush(struct io_call *x, struct remote_answer *ans)
{
	return ini_flush(x->q, x->nsid, remote_done, ans);
}

/* --- ranges ---------------------------------------------------------------------------- */

static int check_dsm(struct io_call *x)
{
	struct io_range in[NVME_DSM_MAX_RANGES];
	struct nvme_dsm_range *out;
	u32 i, n;
	int rc = io_ranges(x, in, &n);

	if (rc)
		return rc;
	rc = io_room(x, n * sizeof(*out));
	out = (struct nvme_dsm_range *)x->data;
	for (i = 0; !rc && i < n; i++) {
		out[i].slba = cpu_to_le64(in[i].slba);
		out[i].nlb = cpu_to_le32((u32)in[i].blocks);
	}
	return rc;
}

static int send_dsm(struct io_call *x, struct remote_answer *ans)
{
	return ini_dsm(x->q, x->nsid, (struct nvme_dsm_range *)x->data,
		       x->len / (u32)sizeof(struct nvme_dsm_range),
		       has(x, "deallocate") ? NVME_DSM_AD : 0, remote_done,
		       ans);
}

static int check_copy(struct io_call *x)
{
	struct io_range in[NVME_DSM_MAX_RANGES];
	struct nvme_copy_range *out;
	u32 i, n;
	int rc = io_ranges(x, in, &n);

	if (rc)
		return rc;
	rc = io_room(x, n * sizeof(*out));
	out = (struct nvme_copy_range *)x->data;
	for (i = 0; !rc && i < n; i++) {
		if (in[i].blocks > 65536)
			return cli_usage_error(x->a->cmd,
					       "--ranges: %llu blocks; a range of a copy has at most 65536",
					       (unsigned long long)
					       in[i].blocks);
		out[i].slba = cpu_to_le64(in[i].slba);
		out[i].nlb = cpu_to_le16((u16)(in[i].blocks - 1));
	}
	x->lba = cli_number(x->a, "lba", 0);
	return rc;
}

static int send_copy(struct io_call *x, struct remote_answer *ans)
{
	return ini_copy(x->q, x->nsid, x->lba,
			(struct nvme_copy_range *)x->data,
			x->len / (u32)sizeof(struct nvme_copy_range),
			remote_done, ans);
}

/* --- admin ------------------------------------------------------------------------------- */

static int check_identify(struct io_call *x)
{
	u64 v;
	int rc = io_value(x, "cns", 0xff, NVME_CNS_CTRL, &v);

	if (!rc)
		rc = io_value(x, "cntid", 0xffff, 0, &v);
	if (!rc)
		rc = io_value(x, "csi", 0xff, 0, &v);
	x->gives = true;
	return rc ? rc : io_room(x, NVME_IDENTIFY_SIZE);
}

static int send_identify(struct io_call *x, struct remote_answer *ans)
{
	return ini_identify(x->q, (u8)cli_number(x->a, "cns", NVME_CNS_CTRL),
			    x->nsid, (u16)num(x, "cntid"), (u8)num(x, "csi"),
			    x->data, remote_done, ans);
}

/* --size in whole dwords, as logs and reports have them */
static int take_dwords(struct io_call *x, u64 dflt)
{
	u64 size;
	int rc = io_value(x, "size", UINT32_MAX, dflt, &size);

	if (!rc && (!size || size % 4))
		rc = cli_usage_error(x->a->cmd,
				     "--size %llu: a multiple of 4 is accepted",
				     (unsigned long long)size);
	x->gives = true;
	return rc ? rc : io_room(x, size);
}

static int check_log(struct io_call *x)
{
	u64 v;
	int rc = io_need(x, "lid");

	if (!rc)
		rc = io_value(x, "lid", 0xff, 0, &v);
	if (!rc)
		rc = io_value(x, "lsp", 0x7f, 0, &v);
	return rc ? rc : take_dwords(x, LOG_SIZE);
}

static int send_log(struct io_call *x, struct remote_answer *ans)
{
	union nvme_cmd cmd;

	nvme_cmd_get_log_page(&cmd, (u8)num(x, "lid"), x->nsid,
			      cli_number(x->a, "offset", 0), x->len,
			      (u8)num(x, "lsp"), has(x, "rae"));
	return ini_submit_buf(x->q, &cmd, x->data, x->len, remote_done, ans);
}

static int check_get_feature(struct io_call *x)
{
	u64 v, size;
	int rc = io_need(x, "fid");

	if (!rc)
		rc = io_value(x, "fid", 0xff, 0, &v);
	if (!rc)
		rc = io_value(x, "select", 7, 0, &v);
	if (!rc)
		rc = io_value(x, "cdw11", UINT32_MAX, 0, &v);
	if (!rc)
		rc = io_value(x, "size", UINT32_MAX, 0, &size);
	if (rc || !size)
		return rc;
	x->gives = true;
	return io_room(x, size);
}

static int send_get_feature(struct io_call *x, struct remote_answer *ans)
{
	union nvme_cmd cmd;

	nvme_cmd_get_features(&cmd, (u8)num(x, "fid"), x->nsid,
			      (u8)num(x, "select"), num(x, "cdw11"));
	return ini_submit_buf(x->q, &cmd, x->data, x->len, remote_done, ans);
}

static int check_set_feature(struct io_call *x)
{
	u64 v;
	int rc = io_need(x, "fid");

	if (!rc)
		rc = io_value(x, "fid", 0xff, 0, &v);
	if (!rc)
		rc = io_value(x, "cdw11", UINT32_MAX, 0, &v);
	if (!rc)
		rc = io_value(x, "cdw12", UINT32_MAX, 0, &v);
	return rc || !has(x, "file") ? rc : io_take_file(x, "file");
}

static int send_set_feature(struct io_call *x, struct remote_answer *ans)
{
	union nvme_cmd cmd;

	nvme_cmd_set_features(&cmd, (u8)num(x, "fid"), x->nsid,
			      num(x, "cdw11"), num(x, "cdw12"));
	if (has(x, "save"))
		cmd.sqe.cdw10 |= cpu_to_le32(NVME_FEAT_SAVE);
	return ini_submit_buf(x->q, &cmd, x->data, x->len, remote_done, ans);
}

/* --- reservations ------------------------------------------------------------------------- */

static const char *const register_actions[] = {
	"register", "unregister", "replace"
};
static const char *const acquire_actions[] = {
	"acquire", "preempt", "preempt-abort"
};
static const char *const release_actions[] = { "release", "clear" };

/* Index of --action, or a message and a negative number */
static int action(const struct io_call *x, const char *const *names, size_t n)
{
	const char *s = cli_opt(x->a, "action");
	size_t i;

	for (i = 0; i < n; i++)
		if (s ? !strcmp(s, names[i]) : !i)
			return (int)i;
	cli_usage_error(x->a->cmd, "--action %s: %s, %s%s%s is accepted", s,
			names[0], names[1], n > 2 ? " or " : "",
			n > 2 ? names[2] : "");
	return -1;
}

/* One that is made up for the run is nobody's when it has ended. */
static int need_hostid(const struct io_call *x)
{
	if (weft_connstr_given(&x->opts->conn, WEFT_OPT_HOSTID))
		return CLI_OK;
	return cli_usage_error(x->a->cmd,
			       "hostid: missing, a reservation belongs to it; accepted is %s",
			       weft_opt_info(WEFT_OPT_HOSTID)->accepts);
}

static int check_resv(struct io_call *x, const char *const *names, size_t n,
		      const char *other)
{
	struct nvme_resv_keys *k;
	u64 v;
	int rc = action(x, names, n) < 0 ? CLI_USAGE : CLI_OK;

	if (!rc)
		rc = need_hostid(x);
	if (!rc)
		rc = io_value(x, "type", 0xff, 1, &v);
	if (!rc)
		rc = io_value(x, "cptpl", 3, 0, &v);
	if (!rc)
		rc = io_room(x, sizeof(*k));
	if (rc)
		return rc;
	k = (struct nvme_resv_keys *)x->data;
	k->current_key = cpu_to_le64(cli_number(x->a, "key", 0));
	k->second = cpu_to_le64(other ? cli_number(x->a, other, 0) : 0);
	return CLI_OK;
}

static int check_register(struct io_call *x)
{
	return check_resv(x, register_actions, ARRAY_SIZE(register_actions),
			  "new-key");
}

static int check_acquire(struct io_call *x)
{
	return check_resv(x, acquire_actions, ARRAY_SIZE(acquire_actions),
			  "preempt-key");
}

static int check_release(struct io_call *x)
{
	return check_resv(x, release_actions, ARRAY_SIZE(release_actions),
			  NULL);
}

static int send_register(struct io_call *x, struct remote_answer *ans)
{
	return ini_resv_register(x->q, x->nsid,
				 (u8)action(x, register_actions,
					    ARRAY_SIZE(register_actions)),
				 (u8)num(x, "cptpl"), has(x, "ignore-key"),
				 (struct nvme_resv_keys *)x->data, remote_done,
				 ans);
}

static u8 resv_type(const struct io_call *x)
{
	return (u8)cli_number(x->a, "type", 1);
}

static int send_acquire(struct io_call *x, struct remote_answer *ans)
{
	return ini_resv_acquire(x->q, x->nsid,
				(u8)action(x, acquire_actions,
					   ARRAY_SIZE(acquire_actions)),
				resv_type(x),
				(struct nvme_resv_keys *)x->data, remote_done,
				ans);
}

static int send_release(struct io_call *x, struct remote_answer *ans)
{
	return ini_resv_release(x->q, x->nsid,
				(u8)action(x, release_actions,
					   ARRAY_SIZE(release_actions)),
				resv_type(x),
				(struct nvme_resv_keys *)x->data, remote_done,
				ans);
}

static int check_report(struct io_call *x)
{
	return take_dwords(x, REPORT_SIZE);
}

static int send_report(struct io_call *x, struct remote_answer *ans)
{
	return ini_resv_report(x->q, x->nsid, x->data, x->len, remote_done,
			       ans);
}

/* --- raw ------------------------------------------------------------------------------------ */

static const char *const dwords[] = {
	"cdw2", "cdw3", "cdw10", "cdw11", "cdw12", "cdw13", "cdw14", "cdw15"
};

static void raw_command(const struct io_call *x, union nvme_cmd *cmd)
{
	*cmd = (union nvme_cmd) { .sqe = {
		.opcode = (u8)num(x, "opcode"),
		.nsid = cpu_to_le32(x->nsid),
		.cdw2 = cpu_to_le32(num(x, "cdw2")),
		.cdw3 = cpu_to_le32(num(x, "cdw3")),
		.cdw10 = cpu_to_le32(num(x, "cdw10")),
		.cdw11 = cpu_to_le32(num(x, "cdw11")),
		.cdw12 = cpu_to_le32(num(x, "cdw12")),
		.cdw13 = cpu_to_le32(num(x, "cdw13")),
		.cdw14 = cpu_to_le32(num(x, "cdw14")),
		.cdw15 = cpu_to_le32(num(x, "cdw15")),
	} };
}

/* Only one way moves data, and each option is of one way. */
static int check_raw_data(struct io_call *x, u64 size)
{
	unsigned long long opcode = cli_number(x->a, "opcode", 0);
	enum nvme_xfer_dir dir;
	union nvme_cmd cmd;
	int rc;

	raw_command(x, &cmd);
	dir = nvme_cmd_dir(&cmd);
	if (dir == NVME_XFER_CTRL_TO_HOST) {
		if (!size && !has(x, "file"))
			return CLI_OK;
		x->gives = true;
		rc = io_need(x, "size");
		return rc ? rc : io_room(x, size);
	}
	if (size)
		return cli_usage_error(x->a->cmd,
				       "--size: opcode %#llx moves no data to the host",
				       opcode);
	if (!has(x, "file"))
		return CLI_OK;
	if (dir == NVME_XFER_HOST_TO_CTRL)
		return io_take_file(x, "file");
	return cli_usage_error(x->a->cmd,
			       "--file: opcode %#llx moves no data, or data both ways",
			       opcode);
}

static int check_raw(struct io_call *x)
{
	u64 v, size;
	size_t i;
	int rc = io_need(x, "opcode");

	if (!rc)
		rc = io_value(x, "opcode", 0xff, 0, &v);
	for (i = 0; !rc && i < ARRAY_SIZE(dwords); i++)
		rc = io_value(x, dwords[i], UINT32_MAX, 0, &v);
	if (!rc)
		rc = io_value(x, "size", UINT32_MAX, 0, &size);
	return rc ? rc : check_raw_data(x, size);
}

static int send_raw(struct io_call *x, struct remote_answer *ans)
{
	union nvme_cmd cmd;

	raw_command(x, &cmd);
	return ini_submit_buf(x->q, &cmd, x->data, x->len, remote_done, ans);
}

static const struct io_op ops[] = {
	{ "io read", "Read", .blocks = true, .nsid = 1, .check = check_blocks,
	  .size = size_read, .send = send_read },
	{ "io write", "Write", .blocks = true, .nsid = 1,
	  .check = check_file_blocks, .size = size_file, .send = send_write },
	{ "io compare", "Compare", .blocks = true, .nsid = 1,
	  .check = check_file_blocks, .size = size_file, .send = send_compare },
	{ "io compare-write", "Compare and Write", .blocks = true, .nsid = 1,
	  .check = check_pair, .size = size_file, .send = send_pair },
	{ "io write-zeroes", "Write Zeroes", .nsid = 1, .check = check_blocks,
	  .send = send_zeroes },
	{ "io verify", "Verify", .nsid = 1, .check = check_blocks,
	  .send = send_verify },
	{ "io write-uncorrectable", "Write Uncorrectable", .nsid = 1,
	  .check = check_blocks, .send = send_uncorrectable },
	{ "io flush", "Flush", .nsid = 1, .send = send_flush },
	{ "io dsm", "Dataset Management", .nsid = 1, .check = check_dsm,
	  .send = send_dsm },
	{ "io copy", "Copy", .nsid = 1, .check = check_copy,
	  .send = send_copy },
	{ "io identify", "Identify", .admin = true, .check = check_identify,
	  .send = send_identify },
	{ "io get-log", "Get Log Page", .admin = true, .check = check_log,
	  .send = send_log },
	{ "io get-feature", "Get Features", .admin = true, .result = true,
	  .check = check_get_feature, .send = send_get_feature },
	{ "io set-feature", "Set Features", .admin = true, .result = true,
	  .check = check_set_feature, .send = send_set_feature },
	{ "io resv-register", "Reservation Register", .nsid = 1,
	  .check = check_register, .send = send_register },
	{ "io resv-acquire", "Reservation Acquire", .nsid = 1,
	  .check = check_acquire, .send = send_acquire },
	{ "io resv-release", "Reservation Release", .nsid = 1,
	  .check = check_release, .send = send_release },
	{ "io resv-report", "Reservation Report", .nsid = 1,
	  .check = check_report, .send = send_report },
	{ "io raw", "The command", .raw = true, .result = true,
	  .check = check_raw, .send = send_raw },
};

const struct io_op *io_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		if (!strcmp(ops[i].name, name))
			return &ops[i];
	return NULL;
}
