// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * `weft list`: the kernel host's controllers and namespaces.
 */
#include "tools/weft/handlers.h"
#include "tools/weft/host.h"

static const char *const ctrl_attrs[] = {
	"state", "transport", "address", "subsysnqn", "hostnqn", "model",
	"serial", "cntlid", "queue_count",
};

static json_t *controller_json(const struct host *h, const char *ctrl)
{
	json_t *j = json_pack("{s:s}", "name", ctrl);
	char text[SYSFS_TEXT];
	size_t i;
	u64 v;

	for (i = 0; i < ARRAY_SIZE(ctrl_attrs); i++) {
		host_attr(h, ctrl, ctrl_attrs[i], text);
		if (!strcmp(ctrl_attrs[i], "cntlid") ||
		    !strcmp(ctrl_attrs[i], "queue_count"))
			json_object_set_new(j, ctrl_attrs[i],
				weft_parse_u64(text, strlen(text), &v) ?
				json_null() : json_integer((json_int_t)v));
		else
			json_object_set_new(j, ctrl_attrs[i],
					    cli_json_text(text));
	}
	return j;
}

static json_t *disk_json(const char *ctrl, const char *disk)
{
	char dir[320], queue[352], uuid[SYSFS_TEXT];

	snprintf(dir, sizeof(dir), "/sys/block/%.200s", disk);
	snprintf(queue, sizeof(queue), "%s/queue", dir);
	sysfs_read(dir, "uuid", uuid);
	/* the block layer counts in 512 bytes whatever the block size */
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:o}", "name", disk,
			 "controller", ctrl,
			 "nsid", (json_int_t)sysfs_number(dir, "nsid"),
			 "size", (json_int_t)(sysfs_number(dir, "size") * 512),
			 "block_size", (json_int_t)
			 sysfs_number(queue, "logical_block_size"),
			 "uuid", cli_json_text(uuid));
}

static const char *text(const json_t *j, const char *key)
{
	return json_string_value(json_object_get(j, key));
}

static const json_t *by_name(const json_t *list, const char *name)
{
	json_t *x;
	size_t i;

	json_array_foreach((json_t *)list, i, x)
		if (!strcmp(text(x, "name"), name))
			return x;
	return NULL;
}

/* A disk that several controllers lead to is listed once, with the first. */
static void gather(const struct host *h, json_t *ctrls, json_t *disks)
{
	struct names names, of;
	size_t i, k;

	host_controllers(h, &names);
	for (i = 0; i < names.n; i++) {
		json_array_append_new(ctrls, controller_json(h, names.name[i]));
		host_disks(h, names.name[i], &of);
		for (k = 0; k < of.n; k++)
			if (!by_name(disks, of.name[k]))
				json_array_append_new(disks,
					disk_json(names.name[i], of.name[k]));
		names_free(&of);
	}
	names_free(&names);
}

static void print_controllers(const json_t *ctrls)
{
	struct table *t = TABLE("CONTROLLER", "STATE", "TRANSPORT", "ADDRESS",
				"QUEUES", "SUBSYSTEM");
	char queues[24];
	json_t *c;
	size_t i;

	json_array_foreach((json_t *)ctrls, i, c) {
		snprintf(queues, sizeof(queues), "%lld", (long long)
			 json_integer_value(json_object_get(c, "queue_count")));
		TABLE_ROW(t, text(c, "name"), text(c, "state"),
			  text(c, "transport"), text(c, "address"), queues,
			  text(c, "subsysnqn"));
	}
	table_print(t);
}

static void print_disks(const json_t *ctrls, const json_t *disks)
{
	struct table *t = TABLE("NAMESPACE", "NSID", "SIZE", "BLOCK", "MODEL",
				"SERIAL", "SUBSYSTEM");
	char size[CLI_SIZE_TEXT], block[24], nsid[24];
	const json_t *c;
	json_t *d;
	size_t i;

	json_array_foreach((json_t *)disks, i, d) {
		c = by_name(ctrls, text(d, "controller"));
		cli_size_text((u64)json_integer_value(json_object_get(d,
								      "size")),
			      size);
		snprintf(block, sizeof(block), "%lld", (long long)
			 json_integer_value(json_object_get(d, "block_size")));
		snprintf(nsid, sizeof(nsid), "%lld", (long long)
			 json_integer_value(json_object_get(d, "nsid")));
		TABLE_ROW(t, text(d, "name"), nsid, size, block,
			  text(c, "model"), text(c, "serial"),
			  text(c, "subsysnqn"));
	}
	table_print(t);
}

int cmd_list(const struct cli_args *a)
{
	json_t *ctrls, *disks;
	struct host h;
	int rc = host_names(&h);

	if (rc)
		return rc;
	ctrls = json_array();
	disks = json_array();
	gather(&h, ctrls, disks);
	if (cli_opt(a, "json"))
		return cli_print_json(json_pack("{s:o, s:o}", "controllers",
						ctrls, "namespaces", disks));
	if (json_array_size(ctrls)) {
		print_controllers(ctrls);
		putchar('\n');
		print_disks(ctrls, disks);
	} else {
		puts("no controllers");
	}
	json_decref(ctrls);
	json_decref(disks);
	return CLI_OK;
}
