// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * `weft discover`: connects to a discovery subsystem through the kernel host,
 * or with --userspace by itself, reads its log page, prints it and disconnects
 * again.
 */
#include <fcntl.h>
#include <linux/nvme_ioctl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/cmd.h"
#include "common/discovery.h"
#include "common/status.h"
#include "tools/weft/handlers.h"
#include "tools/weft/host.h"
#include "tools/weft/place.h"
#include "tools/weft/remote.h"

#define WINDOW 4096

static int read_by_ioctl(int fd, u64 offset, void *data, u32 len)
{
	struct nvme_passthru_cmd cmd = { 0 };
	union nvme_cmd c;
	int rc;

	nvme_cmd_get_log_page(&c, NVME_LOG_DISCOVERY, 0, offset, len, 0, false);
	cmd.opcode = c.sqe.opcode;
	cmd.addr = (uintptr_t)data;
	cmd.data_len = len;
	cmd.cdw10 = le32_to_cpu(c.sqe.cdw10);
	cmd.cdw11 = le32_to_cpu(c.sqe.cdw11);
	cmd.cdw12 = le32_to_cpu(c.sqe.cdw12);
	cmd.cdw13 = le32_to_cpu(c.sqe.cdw13);
	rc = ioctl(fd, NVME_IOCTL_ADMIN_CMD, &cmd);
	if (rc < 0)
		return cli_error(CLI_FAILED, "discovery log page: %s",
				 strerror(errno));
	return remote_status("discovery log page", (nvme_status)rc, true);
}

/**
 * struct source - where the log page is read from
 * @fd: the kernel's controller, or
 * @r: our own
 */
struct source {
	int fd;
	struct remote *r;
};

static int read_window(const struct source *s, u64 offset, void *data, u32 len)
{
	struct remote_answer ans = { 0 };
	int rc;

	if (!s->r)
		return read_by_ioctl(s->fd, offset, data, len);
	rc = remote_wait(s->r, ini_get_log(ini_ctrlr_admin(s->r->ctrlr),
					   NVME_LOG_DISCOVERY, 0, offset, data,
					   len, remote_done, &ans), &ans);
	return rc ? rc : remote_status("discovery log page", ans.status, true);
}

static json_t *record_json(const struct nvmf_disc_record *r)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:s, s:o, s:i, s:i, s:s}",
			 "trtype", nvmf_trtype_name(r->trtype),
			 "adrfam", nvmf_adrfam_name(r->adrfam),
			 "traddr", cli_json_text(r->traddr),
			 "trsvcid", cli_json_text(r->trsvcid),
			 "subtype", nvmf_subtype_name(r->subtype),
			 "subnqn", cli_json_text(r->subnqn),
			 "portid", r->portid, "cntlid", r->cntlid,
			 "treq", nvmf_treq_name(r->treq));
}

static void add_record(void *ctx, u64 index, const struct nvmf_disc_record *r)
{
	json_t *list = ctx;

	/* the log changed while it was read: it starts over */
	if (!index)
		json_array_clear(list);
	json_array_append_new(list, record_json(r));
}

static int read_log(const struct source *s, json_t *list, u64 *genctr)
{
	_Alignas(WINDOW) static u8 data[WINDOW];
	struct nvmf_disc_reader r;
	struct weft_reason why;
	u64 offset;
	u32 len;
	int rc;

	nvmf_disc_reader_init(&r);
	while (nvmf_disc_next(&r, sizeof(data), &offset, &len)) {
		rc = read_window(s, offset, data, len);
		if (rc)
			return rc;
		rc = nvmf_disc_feed(&r, data, len, add_record, list, &why);
		if (rc == -EAGAIN)
			json_array_clear(list);
		else if (rc)
			return cli_error(CLI_FAILED, "discovery log page: %s",
					 why.text);
	}
	*genctr = r.genctr;
	return CLI_OK;
}

static int read_controller(const char *ctrl, json_t *list, u64 *genctr)
{
	char path[64];
	struct source s = { 0 };
	int rc;

	snprintf(path, sizeof(path), "/dev/%s", ctrl);
	s.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (s.fd < 0)
		return cli_error(cli_exit_of(errno), "%s: %s", path,
				 strerror(errno));
	rc = read_log(&s, list, genctr);
	close(s.fd);
	return rc;
}

/* Connect, read, disconnect; a signal waits, so that nothing is left behind. */
static int discover(const char *text, json_t *list, u64 *genctr)
{
	sigset_t all, before;
	struct host h;
	char ctrl[32];
	int cntlid, rc, gone;

	rc = host_names(&h);
	if (rc)
		return rc;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	rc = host_connect(&h, text, ctrl, sizeof(ctrl), &cntlid);
	if (!rc) {
		rc = read_controller(ctrl, list, genctr);
		gone = host_delete(&h, ctrl);
		rc = rc ? rc : gone;
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return rc;
}

static int discover_userspace(const struct cli_args *a, json_t *list,
			      u64 *genctr)
{
	struct ini_opts o;
	struct remote r = { 0 };
	struct source s = { .fd = -1, .r = &r };
	int rc = remote_opts(a, NVMF_DISCOVERY_NQN, &o);

	if (!rc)
		rc = remote_once(a, &o);
	if (!rc)
		rc = remote_open(&r, &o);
	if (!rc)
		rc = read_log(&s, list, genctr);
	remote_close(&r);
	explicit_bzero(&o, sizeof(o));
	return rc;
}

static int discover_kernel(const struct cli_args *a, json_t *list, u64 *genctr)
{
	char *text;
	int rc = connect_string_from(a, NVMF_DISCOVERY_NQN, &text);

	if (rc)
		return rc;
	connect_string_name_host(a, &text);
	rc = discover(text, list, genctr);
	explicit_bzero(text, strlen(text));
	free(text);
	return rc;
}

static const char *text_of(const json_t *j, const char *key)
{
	return json_string_value(json_object_get(j, key));
}

static void print_records(const json_t *list)
{
	struct table *t = TABLE("TRANSPORT", "FAMILY", "ADDRESS", "PORT",
				"SUBTYPE", "SUBSYSTEM");
	json_t *r;
	size_t i;

	json_array_foreach((json_t *)list, i, r)
		TABLE_ROW(t, text_of(r, "trtype"), text_of(r, "adrfam"),
			  text_of(r, "traddr"), text_of(r, "trsvcid"),
			  text_of(r, "subtype"), text_of(r, "subnqn"));
	table_print(t);
}

int cmd_discover(const struct cli_args *a)
{
	json_t *list = json_array();
	u64 genctr = 0;
	int rc = cli_opt(a, "userspace") ?
		 discover_userspace(a, list, &genctr) :
		 discover_kernel(a, list, &genctr);

	if (!rc && cli_opt(a, "json"))
		return cli_print_json(json_pack("{s:I, s:o}", "genctr",
						(json_int_t)genctr, "records",
						list));
	if (!rc)
		print_records(list);
	json_decref(list);
	return rc;
}
