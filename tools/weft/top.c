// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * `weft target top`: what the target does right now, again and again: two
 * listings of its counters, and the difference in a second.
 */
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tools/weft/handlers.h"
#include "tools/weft/rpc.h"

#define INTERVAL_MAX	86400

/* What is listed: where it is in the counters, and what tells it apart */
static const struct {
	const char *title;
	const char *list;
	const char *keys[4];
} views[] = {
	{ "NAMESPACE", "namespaces", { "nqn", "nsid" } },
	{ "HOST", "hosts", { "hostnqn" } },
	{ "CONNECTION", "connections", { "nqn", "hostnqn", "cntlid", "qid" } },
};

static double since(const json_t *now, const json_t *before, const char *key)
{
	u64 a = rpc_num(now, key), b = before ? rpc_num(before, key) : 0;

	return a > b ? (double)(a - b) : 0;
}

static bool same(const json_t *a, const json_t *b, const char *const keys[4])
{
	int i;

	for (i = 0; i < 4 && keys[i]; i++)
		if (!json_equal(json_object_get(a, keys[i]),
				json_object_get(b, keys[i])))
			return false;
	return true;
}

static const json_t *find(const json_t *list, const json_t *x,
			  const char *const keys[4])
{
	json_t *y;
	size_t i;

	json_array_foreach((json_t *)list, i, y)
		if (same(x, y, keys))
			return y;
	return NULL;
}

/* Namespaces stand below their subsystems; each gets its NQN. */
static void add_namespaces(json_t *statistics)
{
	json_t *all = json_array(), *s, *ns;
	size_t i, k;

	json_array_foreach(json_object_get(statistics, "subsystems"), i, s) {
		json_array_foreach(json_object_get(s, "namespaces"), k, ns) {
			json_object_set(ns, "nqn", json_object_get(s, "nqn"));
			json_array_append(all, ns);
		}
	}
	json_object_set_new(statistics, "namespaces", all);
}

/* "nqn hostnqn:cntlid:qid"; the caller's to free */
static char *name_of(const json_t *x, const char *const keys[4])
{
	char *name = cli_format("%s", ""), *longer;
	const json_t *v;
	int i;

	for (i = 0; i < 4 && keys[i]; i++) {
		v = json_object_get(x, keys[i]);
		if (json_is_string(v))
			longer = cli_format("%s%s%s", name, i ? " " : "",
					    json_string_value(v));
		else
			longer = cli_format("%s:%lld", name,
					    (long long)json_integer_value(v));
		free(name);
		name = longer;
	}
	return name;
}

static void rate_text(char out[24], double per_second)
{
	snprintf(out, 24, "%.0f", per_second);
}

static void latency_text(char out[24], const json_t *now, const json_t *before,
			 const char *ticks, const char *ops)
{
	double n = since(now, before, ops);

	if (n > 0)
		snprintf(out, 24, "%.0f", since(now, before, ticks) / n);
	else
		snprintf(out, 24, "-");
}

static void print_view(size_t v, const json_t *now, const json_t *before,
		       double seconds)
{
	struct table *t = TABLE(views[v].title, "READ/S", "WRITE/S", "READ B/S",
				"WRITE B/S", "READ US", "WRITE US", "ERRORS/S");
	char *name, r[24], w[24], rl[24], wl[24], e[24], rb[CLI_SIZE_TEXT],
	     wb[CLI_SIZE_TEXT];
	const json_t *old, *list = json_object_get(before, views[v].list);
	json_t *x;
	size_t i;

	json_array_foreach(json_object_get(now, views[v].list), i, x) {
		old = find(list, x, views[v].keys);
		name = name_of(x, views[v].keys);
		rate_text(r, since(x, old, "read_ops") / seconds);
		rate_text(w, since(x, old, "write_ops") / seconds);
		rate_text(e, since(x, old, "errors") / seconds);
		cli_size_text((u64)(since(x, old, "bytes_read") / seconds), rb);
		cli_size_text((u64)(since(x, old, "bytes_written") / seconds),
			      wb);
		latency_text(rl, x, old, "read_latency_ticks", "read_ops");
		latency_text(wl, x, old, "write_latency_ticks", "write_ops");
		TABLE_ROW(t, name, r, w, rb, wb, rl, wl, e);
		free(name);
	}
	table_print(t);
}

static void print_reactors(const json_t *now, const json_t *before)
{
	static const char *const keys[4] = { "reactor" };
	const json_t *list = json_object_get(before, "reactors"), *old;
	double busy, idle;
	json_t *x;
	size_t i;

	json_array_foreach(json_object_get(now, "reactors"), i, x) {
		old = find(list, x, keys);
		busy = since(x, old, "busy");
		idle = since(x, old, "idle");
		printf("reactor %llu (core %llu): %.1f %% busy\n",
		       (unsigned long long)rpc_num(x, "reactor"),
		       (unsigned long long)rpc_num(x, "lcore"),
		       busy + idle > 0 ? 100 * busy / (busy + idle) : 0.0);
	}
}

static int show(const struct cli_args *a, json_t **before, bool connections)
{
	size_t v, n = ARRAY_SIZE(views) - !connections;
	double seconds;
	json_t *now;
	int rc;

	rc = rpc_call(a, "nvmf_get_statistics", NULL, &now);
	if (rc)
		return rc;
	add_namespaces(now);
	if (*before) {
		seconds = since(now, *before, "ticks") /
			  (double)rpc_num(now, "tick_rate");
		if (isatty(STDOUT_FILENO))
			printf("\033[H\033[J");
		print_reactors(now, *before);
		for (v = 0; v < n; v++) {
			printf("\n");
			print_view(v, now, *before, seconds > 0 ? seconds : 1);
		}
		if (!isatty(STDOUT_FILENO))
			printf("\n");
		fflush(stdout);
	}
	json_decref(*before);
	*before = now;
	return CLI_OK;
}

/* At once, also while the target does not answer: what was shown has left. */
static void on_interrupt(int sig)
{
	(void)sig;
	_exit(CLI_OK);
}

int cmd_target_top(const struct cli_args *a)
{
	u64 times = cli_number(a, "times", 0), seconds = 1, i;
	struct sigaction act = { .sa_handler = on_interrupt };
	bool connections = cli_opt(a, "connections");
	json_t *before = NULL;
	struct timespec nap;
	int rc = cli_in_range(a, "--interval", cli_opt(a, "interval"), 1,
			      INTERVAL_MAX, &seconds);

	if (rc)
		return rc;
	sigaction(SIGINT, &act, NULL);
	rc = show(a, &before, connections);
	for (i = 0; !rc && (!times || i < times); i++) {
		nap = (struct timespec){ .tv_sec = (time_t)seconds };
		nanosleep(&nap, NULL);
		rc = show(a, &before, connections);
	}
	json_decref(before);
	return rc;
}
