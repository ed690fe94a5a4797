// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * `weft target bdev ...`: the target's block devices.
 */
#include <unistd.h>

#include "tools/weft/handlers.h"
#include "tools/weft/rpc.h"

#define PARTS_MAX	1024	/* of a split */

/* What is called for each kind of block device, by its product name. */
static const struct {
	const char *product;
	const char *kind;
	const char *delete_method;
	const char *rescan_method;
} kinds[] = {
	{ "Malloc disk", "malloc", "bdev_malloc_delete", NULL },
	{ "Null disk", "null", "bdev_null_delete", NULL },
	{ "AIO disk", "file", "bdev_aio_delete", "bdev_aio_rescan" },
	{ "URING bdev", "file", "bdev_uring_delete", "bdev_uring_rescan" },
	{ "passthru", "passthru", "bdev_passthru_delete", NULL },
	{ "delay", "delay", "bdev_delay_delete", NULL },
	{ "Error Injection Disk", "error", "bdev_error_delete", NULL },
	{ "Split Disk", "split", NULL, NULL },
};

static const char *kind_name(const char *product)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].product, product))
			return kinds[i].kind;
	return product;
}

static const char *backing_file(const json_t *bdev)
{
	const json_t *d = json_object_get(bdev, "driver_specific");
	const char *key, *file;
	json_t *v;

	file = rpc_str(d, "filename");
	/* SPDK nests it below the module's name */
	if (!*file)
		json_object_foreach((json_t *)d, key, v)
			if (*rpc_str(v, "filename"))
				file = rpc_str(v, "filename");
	return file;
}

static void bdev_row(struct table *t, const json_t *b)
{
	char size[CLI_SIZE_TEXT], block[24];

	cli_size_text(rpc_num(b, "num_blocks") * rpc_num(b, "block_size"),
		      size);
	snprintf(block, sizeof(block), "%llu",
		 (unsigned long long)rpc_num(b, "block_size"));
	TABLE_ROW(t, rpc_str(b, "name"), kind_name(rpc_str(b, "product_name")),
		  size, block, rpc_flag(b, "claimed") ? "yes" : "no",
		  rpc_str(b, "uuid"), backing_file(b));
}

static json_t *name_params(const char *name)
{
	return name ? json_pack("{s:o}", "name", cli_json_text(name)) : NULL;
}

int cmd_bdev_list(const struct cli_args *a)
{
	json_t *list = NULL;
	int rc = rpc_call(a, "bdev_get_bdevs", name_params(a->pos[0]), &list);

	return rpc_show(a, rc, list,
			TABLE("NAME", "KIND", "SIZE", "BLOCK", "CLAIMED",
			      "UUID", "FILE"), bdev_row);
}

/* @rate: ticks of the target's clock in a microsecond */
static void stat_row(struct table *t, const json_t *b, u64 rate)
{
	u64 ops[2] = {
		rpc_num(b, "num_read_ops"), rpc_num(b, "num_write_ops")
	};
	u64 ticks[2] = {
		rpc_num(b, "read_latency_ticks"),
		rpc_num(b, "write_latency_ticks")
	};
	char n[2][24], mean[2][24], sum[2][CLI_SIZE_TEXT], failed[24];
	int i;

	for (i = 0; i < 2; i++) {
		snprintf(n[i], sizeof(n[i]), "%llu",
			 (unsigned long long)ops[i]);
		snprintf(mean[i], sizeof(mean[i]), "%llu",
			 (unsigned long long)(ops[i] ? ticks[i] / rate / ops[i] :
					      0));
	}
	cli_size_text(rpc_num(b, "bytes_read"), sum[0]);
	cli_size_text(rpc_num(b, "bytes_written"), sum[1]);
	snprintf(failed, sizeof(failed), "%llu", (unsigned long long)
		 rpc_num(json_object_get(b, "io_error"), "failed"));
	TABLE_ROW(t, rpc_str(b, "name"), n[0], sum[0], mean[0], n[1], sum[1],
		  mean[1], failed);
}

int cmd_bdev_stat(const struct cli_args *a)
{
	json_t *params = json_object(), *stat, *b;
	struct table *t;
	size_t i;
	u64 rate;
	int rc;

	if (a->pos[0])
		json_object_set_new(params, "name", cli_json_text(a->pos[0]));
	rpc_options(a, params);
	rc = rpc_call(a, "bdev_get_iostat", params, &stat);
	if (rc)
		return rc;
	if (cli_opt(a, "json"))
		return cli_print_json(stat);
	t = TABLE("NAME", "READS", "READ", "MEAN US", "WRITES", "WRITTEN",
		  "MEAN US", "FAILED");
	rate = rpc_num(stat, "tick_rate") / 1000000;
	json_array_foreach(json_object_get(stat, "bdevs"), i, b)
		stat_row(t, b, rate ? rate : 1);
	table_print(t);
	json_decref(stat);
	return CLI_OK;
}

static int create(const struct cli_args *a, const char *method, json_t *params)
{
	json_t *name;
	int rc;

	rpc_options(a, params);
	rc = rpc_call(a, method, params, &name);
	if (rc)
		return rc;
	printf("%s\n", json_is_string(name) ? json_string_value(name) : "");
	json_decref(name);
	return CLI_OK;
}

static int create_memory(const struct cli_args *a, const char *method)
{
	u64 bytes, block = cli_number(a, "block-size", 512);
	json_t *params;

	if (cli_size_parse(a->pos[1], &bytes) || !bytes)
		return cli_usage_error(a->cmd,
				       "SIZE %s: a size is accepted, such as 64M or 1G",
				       a->pos[1]);
	if (!block || bytes % block)
		return cli_usage_error(a->cmd,
				       "SIZE %s: a multiple of the block size (%llu) is accepted",
				       a->pos[1], (unsigned long long)block);
	params = name_params(a->pos[0]);
	json_object_set_new(params, "num_blocks",
			    json_integer((json_int_t)(bytes / block)));
	json_object_set_new(params, "block_size",
			    json_integer((json_int_t)block));
	return create(a, method, params);
}

int cmd_bdev_add_malloc(const struct cli_args *a)
{
	return create_memory(a, "bdev_malloc_create");
}

int cmd_bdev_add_null(const struct cli_args *a)
{
	return create_memory(a, "bdev_null_create");
}

/* The target has a working directory of its own. */
static char *absolute(const char *path)
{
	char *cwd, *s;

	if (path[0] == '/')
		return cli_format("%s", path);
	cwd = getcwd(NULL, 0);
	s = cli_format("%s/%s", cwd ? cwd : "", path);
	free(cwd);
	return s;
}

int cmd_bdev_add_file(const struct cli_args *a)
{
	json_t *params = name_params(a->pos[0]);
	char *path = absolute(a->pos[1]);

	json_object_set_new(params, "filename", cli_json_text(path));
	free(path);
	return create(a, "bdev_aio_create", params);
}

int cmd_bdev_add_passthru(const struct cli_args *a)
{
	json_t *params = name_params(a->pos[0]);

	json_object_set_new(params, "base_bdev_name",
			    cli_json_text(a->pos[1]));
	return create(a, "bdev_passthru_create", params);
}

int cmd_bdev_add_delay(const struct cli_args *a)
{
	static const char *const latencies[] = {
		"avg_read_latency", "p99_read_latency", "avg_write_latency",
		"p99_write_latency",
	};
	json_t *params = name_params(a->pos[0]);
	size_t i;

	json_object_set_new(params, "base_bdev_name",
			    cli_json_text(a->pos[1]));
	/* the options, which come later, replace these */
	for (i = 0; i < ARRAY_SIZE(latencies); i++)
		json_object_set_new(params, latencies[i], json_integer(0));
	return create(a, "bdev_delay_create", params);
}

/* The target makes its name, and answers with none */
int cmd_bdev_add_error(const struct cli_args *a)
{
	json_t *params = json_pack("{s:o}", "base_name",
				   cli_json_text(a->pos[0]));
	int rc;

	rpc_options(a, params);
	rc = rpc_call(a, "bdev_error_create", params, NULL);
	if (!rc)
		printf("EE_%s\n", a->pos[0]);
	return rc;
}

int cmd_bdev_split(const struct cli_args *a)
{
	json_t *params = json_pack("{s:o}", "base_bdev",
				   cli_json_text(a->pos[0])), *names, *v;
	u64 count;
	size_t i;
	int rc = cli_in_range(a, "COUNT", a->pos[1], 1, PARTS_MAX, &count);

	if (rc) {
		json_decref(params);
		return rc;
	}
	json_object_set_new(params, "split_count",
			    json_integer((json_int_t)count));
	rpc_options(a, params);
	rc = rpc_call(a, "bdev_split_create", params, &names);
	if (rc)
		return rc;
	json_array_foreach(names, i, v)
		printf("%s\n", json_string_value(v));
	json_decref(names);
	return CLI_OK;
}

/* @kind: the row of the bdev that the first argument names */
static int find_kind(const struct cli_args *a, size_t *kind)
{
	const char *product;
	json_t *list;
	int rc;

	rc = rpc_call(a, "bdev_get_bdevs", name_params(a->pos[0]), &list);
	if (rc)
		return rc;
	product = rpc_str(json_array_get(list, 0), "product_name");
	for (*kind = 0; *kind < ARRAY_SIZE(kinds); (*kind)++)
		if (!strcmp(kinds[*kind].product, product))
			break;
	if (*kind == ARRAY_SIZE(kinds))
		rc = cli_error(CLI_FAILED,
			       "%s is a '%s': 'weft target rpc' calls the methods of its own",
			       a->pos[0], product);
	json_decref(list);
	return rc;
}

int cmd_bdev_del(const struct cli_args *a)
{
	size_t kind;
	int rc = find_kind(a, &kind);

	if (rc)
		return rc;
	if (!kinds[kind].delete_method)
		return cli_error(CLI_FAILED,
				 "%s is a part of a split: 'weft target bdev unsplit BASE' removes all of its parts",
				 a->pos[0]);
	return rpc_call(a, kinds[kind].delete_method, name_params(a->pos[0]),
			NULL);
}

int cmd_bdev_rescan(const struct cli_args *a)
{
	size_t kind;
	int rc = find_kind(a, &kind);

	if (rc)
		return rc;
	if (!kinds[kind].rescan_method)
		return cli_error(CLI_FAILED,
				 "%s is of kind %s: only the size of a file can have changed",
				 a->pos[0], kinds[kind].kind);
	return rpc_call(a, kinds[kind].rescan_method, name_params(a->pos[0]),
			NULL);
}
