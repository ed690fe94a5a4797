// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * From nvmf_get_statistics' JSON to OpenMetrics text: one family after the
 * other, each with a line for every object that has it. Pure.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "target/metrics/metrics.h"
#include "target/nvmf/iostats.h"

__printf(2, 3) static void add(struct metrics_text *t, const char *fmt, ...)
{
	va_list args;
	char *bytes;
	size_t size;
	int n;

	if (t->size - t->len < 1024) {
		size = t->size ? 2 * t->size : 16384;
		bytes = realloc(t->bytes, size);
		if (!bytes) {
			t->failed = true;
			return;
		}
		t->bytes = bytes;
		t->size = size;
	}
	va_start(args, fmt);
	n = vsnprintf(t->bytes + t->len, t->size - t->len, fmt, args);
	va_end(args);
	if (n > 0 && (size_t)n < t->size - t->len)
		t->len += (size_t)n;
	else
		t->failed = true;
}

/* A label's value: backslash, quote and line break are escaped. */
static void add_label(struct metrics_text *t, const char *name,
		      const json_t *value, bool first)
{
	static const char special[] = "\\\"\n";
	const char *s = json_string_value(value);
	size_t n;

	add(t, "%s%s=\"", first ? "" : ",", name);
	if (json_is_integer(value))
		add(t, "%lld", (long long)json_integer_value(value));
	for (; s && *s; s += n) {
		n = strcspn(s, special);
		if (n) {
			add(t, "%.*s", (int)n, s);
			continue;
		}
		add(t, "\\%c", *s == '\n' ? 'n' : *s);
		n = 1;
	}
	add(t, "\"");
}

/**
 * struct object - what has counters
 * @labels: members that tell which one it is
 * @list: where they are; @inner: in a list of each of those
 */
struct object {
	const char *prefix;
	const char *list;
	const char *inner;
	const char *labels[6];
	const char *outer_label;
};

static const struct object objects[] = {
	{ "weft_subsystem", "subsystems", NULL, { "nqn" }, NULL },
	{ "weft_namespace", "subsystems", "namespaces",
	  { "nsid", "bdev_name" }, "nqn" },
	{ "weft_host", "hosts", NULL, { "hostnqn" }, NULL },
	{ "weft_connection", "connections", NULL,
	  { "nqn", "hostnqn", "cntlid", "qid", "reactor", "trtype" }, NULL },
	{ "weft_reactor", "reactors", NULL, { "reactor", "lcore" }, NULL },
};

static void add_labels(struct metrics_text *t, const struct object *o,
		       const json_t *outer, const json_t *j)
{
	bool first = true;
	size_t i;

	if (o->outer_label) {
		add_label(t, o->outer_label,
			  json_object_get(outer, o->outer_label), true);
		first = false;
	}
	for (i = 0; i < ARRAY_SIZE(o->labels) && o->labels[i]; i++) {
		add_label(t, o->labels[i], json_object_get(j, o->labels[i]),
			  first);
		first = false;
	}
}

/** struct family - a metric; @fn adds its lines for one object */
struct family {
	const char *name;
	const char *type;
	const char *help;
	void (*fn)(struct metrics_text *t, const struct object *o,
		   const struct family *f, const json_t *outer,
		   const json_t *j);
	const char *members[3];
	const char *ops[3];
};

static long long number(const json_t *j, const char *name)
{
	return (long long)json_integer_value(json_object_get(j, name));
}

static void add_counters(struct metrics_text *t, const struct object *o,
			 const struct family *f, const json_t *outer,
			 const json_t *j)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(f->members) && f->members[i]; i++) {
		add(t, "%s_%s_total{", o->prefix, f->name);
		add_labels(t, o, outer, j);
		if (f->ops[i])
			add(t, ",op=\"%s\"", f->ops[i]);
		add(t, "} %lld\n", number(j, f->members[i]));
	}
}

/*
 * Of every histogram the same bounds, or sums over several are wrong: what a
 * list lacks at its end is zero. The last number is of all that was longer.
 */
static void add_histogram(struct metrics_text *t, const struct object *o,
			  const struct family *f, const json_t *outer,
			  const json_t *j, size_t which)
{
	const json_t *list = json_object_get(j, f->members[which]);
	long long sum = 0;
	char name[48];
	size_t i;

	for (i = 0; i < NVMF_IO_BUCKETS - 1; i++) {
		sum += (long long)json_integer_value(json_array_get(list, i));
		add(t, "%s_%s_bucket{", o->prefix, f->name);
		add_labels(t, o, outer, j);
		add(t, ",op=\"%s\",le=\"%.6f\"} %lld\n", f->ops[which],
		    (double)(1ull << i) / 1e6, sum);
	}
	sum += (long long)json_integer_value(json_array_get(list, i));
	add(t, "%s_%s_bucket{", o->prefix, f->name);
	add_labels(t, o, outer, j);
	add(t, ",op=\"%s\",le=\"+Inf\"} %lld\n", f->ops[which], sum);
	add(t, "%s_%s_count{", o->prefix, f->name);
	add_labels(t, o, outer, j);
	add(t, ",op=\"%s\"} %lld\n", f->ops[which], sum);
	snprintf(name, sizeof(name), "%s_latency_ticks", f->ops[which]);
	add(t, "%s_%s_sum{", o->prefix, f->name);
	add_labels(t, o, outer, j);
	add(t, ",op=\"%s\"} %.6f\n", f->ops[which],
	    (double)number(j, name) / 1e6);
}

static void add_histograms(struct metrics_text *t, const struct object *o,
			   const struct family *f, const json_t *outer,
			   const json_t *j)
{
	add_histogram(t, o, f, outer, j, 0);
	add_histogram(t, o, f, outer, j, 1);
}

static void add_seconds(struct metrics_text *t, const struct object *o,
			const struct family *f, const json_t *outer,
			const json_t *j)
{
	if (!json_object_get(j, f->members[0]))
		return;
	add(t, "%s_%s_total{", o->prefix, f->name);
	add_labels(t, o, outer, j);
	add(t, "} %.6f\n", (double)number(j, f->members[0]) / 1e6);
}

static void add_waits(struct metrics_text *t, const struct object *o,
		      const struct family *f, const json_t *outer,
		      const json_t *j)
{
	const char *reason;
	json_t *v;

	json_object_foreach(json_object_get(j, "waits"), reason, v) {
		add(t, "%s_%s_total{", o->prefix, f->name);
		add_labels(t, o, outer, j);
		add(t, ",reason=\"%s\"} %lld\n", reason,
		    (long long)json_integer_value(v));
	}
}

static const struct family families[] = {
	{ "ops", "counter", "Commands that succeeded", add_counters,
	  { "read_ops", "write_ops", "other_ops" },
	  { "read", "write", "other" } },
	{ "bytes", "counter", "Bytes read and written", add_counters,
	  { "bytes_read", "bytes_written" }, { "read", "write" } },
	{ "errors", "counter", "Commands that failed", add_counters,
	  { "errors" }, { NULL } },
	{ "latency_seconds", "histogram",
	  "From a command's arrival to its response", add_histograms,
	  { "read_latency_log2", "write_latency_log2" }, { "read", "write" } },
};

static const struct family reactor_families[] = {
	{ "busy_seconds", "counter", "Time with work", add_seconds,
	  { "busy" }, { NULL } },
	{ "idle_seconds", "counter", "Time without work", add_seconds,
	  { "idle" }, { NULL } },
	{ "sleeps", "counter", "Sleeps", add_counters, { "sleeps" },
	  { NULL } },
	{ "waits", "counter", "Commands that had to wait, by reason",
	  add_waits, { NULL }, { NULL } },
};

static void add_family(struct metrics_text *t, const struct object *o,
		       const struct family *f, const json_t *statistics)
{
	json_t *outer, *j;
	size_t i, k;

	add(t, "# HELP %s_%s %s\n# TYPE %s_%s %s\n", o->prefix, f->name,
	    f->help, o->prefix, f->name, f->type);
	json_array_foreach(json_object_get(statistics, o->list), i, outer) {
		if (!o->inner) {
			f->fn(t, o, f, outer, outer);
			continue;
		}
		json_array_foreach(json_object_get(outer, o->inner), k, j)
			f->fn(t, o, f, outer, j);
	}
}

/* Whatever numbers a transport has, also for each of its devices */
static void add_transport(struct metrics_text *t, const json_t *block,
			  const json_t *numbers, const json_t *device)
{
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)numbers, name, v) {
		if (!json_is_integer(v) || !strcmp(name, "reactor"))
			continue;
		add(t, "weft_transport{");
		add_label(t, "trtype", json_object_get(block, "trtype"), true);
		add_label(t, "reactor", json_object_get(block, "reactor"),
			  false);
		if (device)
			add_label(t, "device", device, false);
		add(t, ",counter=\"%s\"} %lld\n", name,
		    (long long)json_integer_value(v));
	}
}

static void add_transports(struct metrics_text *t, const json_t *statistics)
{
	json_t *block, *device;
	size_t i, k;

	add(t, "# HELP weft_transport Counters of transports, as nvmf_get_stats has them\n"
	       "# TYPE weft_transport gauge\n");
	json_array_foreach(json_object_get(statistics, "transports"), i, block) {
		add_transport(t, block, block, NULL);
		json_array_foreach(json_object_get(block, "devices"), k, device)
			add_transport(t, block, device,
				      json_object_get(device, "name"));
	}
}

void metrics_render(struct metrics_text *t, const json_t *statistics)
{
	const struct object *reactor = &objects[ARRAY_SIZE(objects) - 1];
	size_t i, k;

	add(t, "# HELP weft_build Version of the daemon\n# TYPE weft_build info\n"
	       "weft_build_info{version=\"" WEFT_VERSION "\"} 1\n");
	for (i = 0; i < ARRAY_SIZE(objects); i++)
		for (k = 0; k < ARRAY_SIZE(families); k++)
			add_family(t, &objects[i], &families[k], statistics);
	for (k = 0; k < ARRAY_SIZE(reactor_families); k++)
		add_family(t, reactor, &reactor_families[k], statistics);
	add_transports(t, statistics);
	add(t, "# EOF\n");
}
