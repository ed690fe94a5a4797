// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * `weft target bdev ...` and `target log ...`: what is changed and watched while
 * the target runs: limits, sizes, latencies, injected errors, histograms, what
 * is logged.
 */
#include "tools/weft/handlers.h"
#include "tools/weft/rpc.h"

#define MIB		(1ull << 20)
#define BORDERS		40	/* powers of two of a microsecond */

/*
 * Commands that are one call and print nothing: which parameters their
 * arguments are. Options with an RPC name come along.
 */
static const struct {
	const char *command;
	const char *method;
	const char *params[2];
} calls[] = {
	{ "target bdev limit", "bdev_set_qos_limit", { "name" } },
	{ "target host limit", "nvmf_set_host_limits", { "host" } },
	{ "target bdev unsplit", "bdev_split_delete", { "base_bdev" } },
	{ "target bdev resume", "bdev_error_resume_pending", { "name" } },
	{ "target start", "framework_start_init", { NULL } },
};

int cmd_target_call(const struct cli_args *a)
{
	json_t *params = json_object();
	size_t i = 0, k;

	while (strcmp(calls[i].command, a->cmd->name))
		i++;
	for (k = 0; k < ARRAY_SIZE(calls[i].params) && calls[i].params[k]; k++)
		json_object_set_new(params, calls[i].params[k],
				    cli_json_text(a->pos[k]));
	rpc_options(a, params);
	return rpc_call(a, calls[i].method, params, NULL);
}

/* --- block devices ----------------------------------------------------------- */

int cmd_bdev_inject(const struct cli_args *a)
{
	json_t *params = json_pack("{s:o, s:o, s:o}",
				   "name", cli_json_text(a->pos[0]),
				   "io_type", cli_json_text(a->pos[1]),
				   "error_type",
				   cli_json_text(a->pos[2] ? a->pos[2] :
						 "failure"));

	rpc_options(a, params);
	return rpc_call(a, "bdev_error_inject_error", params, NULL);
}

/* Each option is a latency and one call. */
int cmd_bdev_latency(const struct cli_args *a)
{
	const struct cli_opt *o;
	int rc = CLI_OK, n = 0;
	json_t *params;

	for (o = a->cmd->opts; o->name && !rc; o++) {
		if (!o->rpc || !cli_opt(a, o->name))
			continue;
		params = json_pack("{s:o, s:s, s:I}", "delay_bdev_name",
				   cli_json_text(a->pos[0]), "latency_type",
				   o->rpc, "latency_us",
				   (json_int_t)cli_number(a, o->name, 0));
		rc = rpc_call(a, "bdev_delay_update_latency", params, NULL);
		n++;
	}
	return n ? rc : cli_usage_error(a->cmd,
					"nothing to change: give an option");
}

int cmd_bdev_resize(const struct cli_args *a)
{
	u64 bytes;

	if (cli_size_parse(a->pos[1], &bytes) || !bytes || bytes % MIB)
		return cli_usage_error(a->cmd,
				       "SIZE %s: a multiple of 1M is accepted, such as 64M or 1G",
				       a->pos[1]);
	return rpc_call(a, "bdev_null_resize",
			json_pack("{s:o, s:I}", "name",
				  cli_json_text(a->pos[0]), "new_size",
				  (json_int_t)(bytes / MIB)), NULL);
}

/* @below: of each border, how many operations took less */
static void print_histogram(const json_t *below)
{
	struct table *t = TABLE("FROM US", "BELOW US", "OPERATIONS",
				"PERCENT BELOW");
	u64 total = (u64)json_integer_value(json_array_get(below, BORDERS - 1));
	char from[24], to[24], n[24], percent[24];
	u64 i, before = 0, sum;

	for (i = 0; i < BORDERS; i++, before = sum) {
		sum = (u64)json_integer_value(json_array_get(below, i));
		if (sum == before)
			continue;
		snprintf(from, sizeof(from), "%llu", i ? 1ull << (i - 1) : 0);
		snprintf(to, sizeof(to), "%llu", 1ull << i);
		snprintf(n, sizeof(n), "%llu",
			 (unsigned long long)(sum - before));
		snprintf(percent, sizeof(percent), "%.3f",
			 100.0 * (double)sum / (double)total);
		TABLE_ROW(t, from, to, n, percent);
	}
	table_print(t);
}

static int show_histogram(const struct cli_args *a)
{
	json_t *params, *borders, *result;
	int i, rc;

	if (cli_opt(a, "op") || cli_opt(a, "granularity"))
		return cli_usage_error(a->cmd,
				       "--op and --granularity: with the word on only");
	params = json_pack("{s:o}", "name", cli_json_text(a->pos[0]));
	if (cli_opt(a, "json")) {
		rc = rpc_call(a, "bdev_get_histogram", params, &result);
		return rc ? rc : cli_print_json(result);
	}
	borders = json_array();
	for (i = 0; i < BORDERS; i++)
		json_array_append_new(borders, json_integer(1ll << i));
	json_object_set_new(params, "borders", borders);
	rc = rpc_call(a, "bdev_get_histogram_borders", params, &result);
	if (rc)
		return rc;
	print_histogram(json_object_get(result, "borders_count"));
	json_decref(result);
	return CLI_OK;
}

int cmd_bdev_histogram(const struct cli_args *a)
{
	json_t *params;
	bool on;
	int rc;

	if (!a->pos[1])
		return show_histogram(a);
	rc = cli_on_off(a, a->pos[1], &on);
	if (rc)
		return rc;
	params = json_pack("{s:o, s:b}", "name", cli_json_text(a->pos[0]),
			   "enable", on);
	rpc_options(a, params);
	return rpc_call(a, "bdev_enable_histogram", params, NULL);
}

/* --- log ------------------------------------------------------------------------ */

int cmd_log_level(const struct cli_args *a)
{
	json_t *level;
	int rc;

	if (a->pos[0])
		return rpc_call(a, "log_set_level",
				json_pack("{s:o}", "level",
					  cli_json_text(a->pos[0])), NULL);
	rc = rpc_call(a, "log_get_level", NULL, &level);
	if (rc)
		return rc;
	printf("%s\n", json_string_value(level));
	json_decref(level);
	return CLI_OK;
}

static int show_flags(const struct cli_args *a)
{
	const char *flag;
	json_t *flags, *on;
	struct table *t;
	int rc = rpc_call(a, "log_get_flags", NULL, &flags);

	if (rc)
		return rc;
	if (cli_opt(a, "json"))
		return cli_print_json(flags);
	t = TABLE("FLAG", "ON");
	json_object_foreach(flags, flag, on)
		TABLE_ROW(t, flag, json_is_true(on) ? "yes" : "no");
	table_print(t);
	json_decref(flags);
	return CLI_OK;
}

int cmd_log_flag(const struct cli_args *a)
{
	bool on;
	int rc;

	if (!a->pos[0])
		return show_flags(a);
	if (!a->pos[1])
		return cli_usage_error(a->cmd, "on|off is missing");
	rc = cli_on_off(a, a->pos[1], &on);
	if (rc)
		return rc;
	return rpc_call(a, on ? "log_set_flag" : "log_clear_flag",
			json_pack("{s:o}", "flag", cli_json_text(a->pos[0])),
			NULL);
}
