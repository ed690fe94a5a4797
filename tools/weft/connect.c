// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * `weft connect` and `weft disconnect`.
 */
#include "tools/weft/handlers.h"
#include "tools/weft/host.h"
#include "tools/weft/identity.h"
#include "tools/weft/place.h"

/* Every option that was given, in the table's order. */
static int join_options(const struct cli_args *a, const char *nqn,
			struct weft_text *t)
{
	const struct weft_opt_info *info;
	const char *v;
	unsigned int o;

	for (o = 0; (info = weft_opt_info(o)); o++) {
		v = a->conn[o];
		if (!v && o == WEFT_OPT_NQN)
			v = nqn;
		if (!v)
			continue;
		if (v[strcspn(v, ",\n")])
			return cli_usage_error(a->cmd,
					       "--%s: a value without commas and line breaks is accepted",
					       info->token);
		weft_text_add(t, "%s%s%s%s", t->len ? "," : "", info->token,
			      info->pattern[0] ? "=" : "", v);
	}
	if (!t->cut)
		return CLI_OK;
	return cli_usage_error(a->cmd, "the options make more than %d bytes",
			       WEFT_CONNSTR_MAX);
}

int connect_string_from(const struct cli_args *a, const char *nqn, char **out)
{
	char *text = cli_alloc(WEFT_CONNSTR_MAX + 1);
	struct weft_connstr c;
	struct weft_reason why;
	struct weft_text t;
	int rc;

	weft_text_init(&t, text, WEFT_CONNSTR_MAX + 1);
	rc = join_options(a, nqn, &t);
	if (!rc && connect_string_check(text, &c, &why)) {
		rc = CLI_USAGE;
		connect_string_complain(text, &why);
	}
	explicit_bzero(&c, sizeof(c));
	if (rc)
		free(text);
	else
		*out = text;
	return rc;
}

int connect_string_get(const struct cli_args *a, const char *nqn, char **out)
{
	struct weft_connstr c;
	struct weft_reason why;
	unsigned int o;
	int err;

	if (!a->pos[0])
		return connect_string_from(a, nqn, out);
	for (o = 0; o < WEFT_OPT_COUNT; o++)
		if (a->conn[o])
			return cli_usage_error(a->cmd,
					       "--%s: with a whole connect string, write it there as %s=...",
					       weft_opt_info(o)->token,
					       weft_opt_info(o)->token);
	err = connect_string_check(a->pos[0], &c, &why);
	explicit_bzero(&c, sizeof(c));
	if (err) {
		connect_string_complain(a->pos[0], &why);
		return CLI_USAGE;
	}
	*out = cli_format("%s", a->pos[0]);
	return CLI_OK;
}

void connect_string_name_host(const struct cli_args *a, char **text)
{
	struct identity id;
	char *named;

	/* a whole connect string is sent as it is written */
	if (a->pos[0] || a->conn[WEFT_OPT_HOSTNQN] ||
	    a->conn[WEFT_OPT_HOSTID] || !identity_read(&id) || !id.hostid[0])
		return;
	named = cli_format("%s,hostnqn=%s,hostid=%s", *text, id.hostnqn,
			   id.hostid);
	explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = named;
}

static int print_connected(const struct host *h, const char *ctrl, int cntlid,
			   bool json)
{
	json_t *list = json_array();
	struct names disks;
	size_t i;

	host_disks(h, ctrl, &disks);
	if (!json)
		printf("%s\n", ctrl);
	for (i = 0; i < disks.n; i++) {
		json_array_append_new(list, json_string(disks.name[i]));
		if (!json)
			printf("%s\n", disks.name[i]);
	}
	names_free(&disks);
	if (json)
		return cli_print_json(json_pack("{s:s, s:i, s:o}", "controller",
						ctrl, "cntlid", cntlid,
						"namespaces", list));
	json_decref(list);
	return CLI_OK;
}

int cmd_connect(const struct cli_args *a)
{
	char *text, ctrl[32];
	struct host h;
	int cntlid, rc;

	rc = connect_string_get(a, NULL, &text);
	if (rc)
		return rc;
	connect_string_name_host(a, &text);
	rc = host_names(&h);
	if (!rc)
		rc = host_connect(&h, text, ctrl, sizeof(ctrl), &cntlid);
	explicit_bzero(text, strlen(text));
	free(text);
	return rc ? rc : print_connected(&h, ctrl, cntlid, cli_opt(a, "json"));
}

/* "/dev/nvme0n1", "nvme0n1p2" and "ng0n1" all mean disk nvme0n1. */
static void device_name(const char *s, char *out, size_t size)
{
	static const char digits[] = "0123456789";
	char *part;

	if (!strncmp(s, "/dev/", 5))
		s += 5;
	if (!strncmp(s, "ng", 2))
		snprintf(out, size, "nvme%s", s + 2);
	else
		snprintf(out, size, "%s", s);
	part = strrchr(out, 'p');
	if (part && part[1] && !part[1 + strspn(part + 1, digits)])
		*part = '\0';
}

/* A disk is disconnected by taking away every controller that leads to it. */
static bool is_meant(const struct host *h, const char *device,
		     const char *ctrl)
{
	return !strcmp(device, ctrl) || host_leads_to(h, ctrl, device);
}

static int delete_matching(const struct host *h, const char *device,
			   const char *nqn, unsigned int *found)
{
	char subnqn[SYSFS_TEXT];
	struct names ctrls;
	int rc = CLI_OK, one;
	size_t i;

	*found = 0;
	host_controllers(h, &ctrls);
	for (i = 0; i < ctrls.n; i++) {
		host_attr(h, ctrls.name[i], "subsysnqn", subnqn);
		if ((device && !is_meant(h, device, ctrls.name[i])) ||
		    (nqn && strcmp(nqn, subnqn)))
			continue;
		(*found)++;
		one = host_delete(h, ctrls.name[i]);
		if (one)
			rc = one;
		else
			printf("%s\n", ctrls.name[i]);
	}
	names_free(&ctrls);
	return rc;
}

int cmd_disconnect(const struct cli_args *a)
{
	const char *dev = cli_opt(a, "device"), *nqn = cli_opt(a, "nqn");
	bool all = cli_opt(a, "all");
	unsigned int found;
	struct host h;
	char device[64];
	int rc;

	if (!!dev + !!nqn + all != 1)
		return cli_usage_error(a->cmd,
				       "one of -d DEVICE, -n NQN and --all is accepted");
	rc = host_names(&h);
	if (rc)
		return rc;
	if (dev)
		device_name(dev, device, sizeof(device));
	rc = delete_matching(&h, dev ? device : NULL, nqn, &found);
	if (found || all)
		return rc;
	return cli_error(CLI_MISSING,
			 "%s: no such controller%s; 'weft list' lists them",
			 dev ? dev : nqn, dev ? " or disk" : "");
}
