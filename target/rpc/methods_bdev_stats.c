// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * RPC methods of what block devices count and may do in a second: I/O
 * statistics, latency histograms, queue depth sampling, rate limits.
 *
 * A tick is a microsecond, as "tick_rate" says.
 */
#include <errno.h>
#include <stdlib.h>

#include "target/rpc/bdev_params.h"

#define TICK_RATE	1000000

/** struct stats_params - of the methods here */
struct stats_params {
	const char *name;
	const json_t *names;
	bool per_channel;
	const char *mode;
	bool enable;
	const char *opc;
	u32 granularity;
	u64 min_nsec;
	u64 max_nsec;
	const json_t *borders;
	u64 period;
	struct rpc_limits limits;
};

#define P(member) offsetof(struct stats_params, member)

#define PARAM_NAME(req, text) \
	{ .name = "name", .type = RPC_STR, .required = (req), \
	  .offset = P(name), .min = 1, .help = text }
#define PARAM_MODE(param) \
	{ .name = (param), .type = RPC_STR, .offset = P(mode), \
	  .help = "none, all, maxmin or error" }

static const struct rpc_param iostat_params[] = {
	PARAM_NAME(false, "only this one"),
	{ .name = "names", .type = RPC_ARRAY, .offset = P(names),
	  .help = "only these" },
	{ .name = "per_channel", .type = RPC_BOOL, .offset = P(per_channel),
	  .help = "one bdev, reactor by reactor" },
	PARAM_MODE("reset_mode"),
	{ .type = RPC_END }
};

static const struct rpc_param reset_params[] = {
	PARAM_NAME(false, "only this one"), PARAM_MODE("mode"),
	{ .type = RPC_END }
};

/* Modes */

static const char *const modes[] = {
	[BDEV_RESET_NONE] = "none", [BDEV_RESET_ALL] = "all",
	[BDEV_RESET_MAXMIN] = "maxmin", [BDEV_RESET_ERROR] = "error",
};

/* The reset that @p names, or -1 with an answer. */
static int mode_of(struct rpc_call *call, const struct stats_params *p,
		   enum bdev_stats_reset fallback)
{
	size_t i;

	if (!p->mode)
		return fallback;
	for (i = 0; i < ARRAY_SIZE(modes); i++)
		if (!strcmp(modes[i], p->mode))
			return (int)i;
	rpc_fail(call, RPC_INTERNAL,
		 "mode=%.40s: none, all, maxmin and error are accepted", p->mode);
	return -1;
}

/**
 * struct iostat - bdev_get_iostat or bdev_reset_iostat under way: one bdev
 * after the other
 * @names: of those still to ask; a bdev may go away meanwhile
 */
struct iostat {
	struct rpc_call *call;
	json_t *names;
	size_t at;
	json_t *rows;
	enum bdev_stats_reset reset;
	bool per_channel;
	bool silent;
};

static void row_set(json_t *row, const char *before, const char *kind,
		    const char *after, u64 value)
{
	char name[48];

	snprintf(name, sizeof(name), "%s%s%s", before, kind, after);
	json_object_set_new(row, name, json_integer((json_int_t)value));
}

/* -1: a type that is not there, and stays at zero */
static const struct {
	const char *bytes, *kind;
	int type;
} kinds[] = {
	{ "bytes_read", "read", BDEV_READ },
	{ "bytes_written", "write", BDEV_WRITE },
	{ "bytes_unmapped", "unmap", BDEV_UNMAP },
	{ "bytes_copied", "copy", -1 },
};

static void iostat_fill(json_t *row, const struct bdev_stats *s)
{
	size_t i;
	int t;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		t = kinds[i].type;
		row_set(row, "", kinds[i].bytes, "", t < 0 ? 0 : s->bytes[t]);
		row_set(row, "num_", kinds[i].kind, "_ops",
			t < 0 ? 0 : s->ops[t]);
		row_set(row, "", kinds[i].kind, "_latency_ticks",
			t < 0 ? 0 : s->latency_us[t]);
		row_set(row, "max_", kinds[i].kind, "_latency_ticks",
			t < 0 ? 0 : s->max_latency_us[t]);
		row_set(row, "min_", kinds[i].kind, "_latency_ticks",
			t < 0 ? 0 : s->min_latency_us[t]);
	}
	json_object_set_new(row, "io_error", s->errors ?
			    json_pack("{s:I}", "failed",
				      (json_int_t)s->errors) : json_object());
}

static void queue_fill(json_t *row, const struct bdev *b)
{
	struct bdev_queue q;

	if (!b || !bdev_get_queue(b, &q))
		return;
	row_set(row, "queue_depth_polling_period", "", "", q.period_us);
	row_set(row, "queue_depth", "", "", q.depth);
	row_set(row, "io_time", "", "", q.io_time_us);
	row_set(row, "weighted_io_time", "", "", q.weighted_us);
}

static const char *iostat_name(const struct iostat *st)
{
	return json_string_value(json_array_get(st->names, st->at));
}

static void iostat_channel(void *ctx, unsigned int reactor,
			   const struct bdev_stats *s)
{
	struct iostat *st = ctx;
	json_t *row = json_pack("{s:i}", "thread_id", (int)reactor + 1);

	iostat_fill(row, s);
	json_array_append_new(st->rows, row);
}

static void iostat_next(struct iostat *st);

static void iostat_got(void *ctx, const struct bdev_stats *s)
{
	struct iostat *st = ctx;
	json_t *row;

	if (!st->per_channel) {
		row = json_pack("{s:s}", "name", iostat_name(st));
		iostat_fill(row, s);
		queue_fill(row, bdev_find(iostat_name(st)));
		json_array_append_new(st->rows, row);
	}
	st->at++;
	iostat_next(st);
}

static void iostat_reply(struct iostat *st)
{
	json_t *rows = st->rows, *j;

	if (st->silent) {
		json_decref(rows);
		j = json_true();
	} else {
		j = json_pack("{s:i, s:I}", "tick_rate", TICK_RATE, "ticks",
			      (json_int_t)reactor_now_us());
		if (st->per_channel)
			json_object_set(j, "name",
					json_array_get(st->names, 0));
		json_object_set_new(j, st->per_channel ? "channels" : "bdevs",
				    rows);
	}
	json_decref(st->names);
	rpc_reply(st->call, j);
}

static void iostat_next(struct iostat *st)
{
	struct bdev *b = NULL;

	for (; st->at < json_array_size(st->names); st->at++) {
		b = bdev_find(iostat_name(st));
		if (b)
			break;
	}
	if (b)
		bdev_stats_collect(b, st->reset, st->per_channel ?
				   iostat_channel : NULL, iostat_got, st);
	else
		iostat_reply(st);
}

/* The bdevs asked for; false: one is not there, and that was the answer. */
static bool take_names(struct rpc_call *call, const struct stats_params *p,
		       json_t *names)
{
	const char *name = p->name;
	struct bdev *b;
	json_t *v;
	size_t i;

	if (name)
		json_array_append_new(names, json_string(name));
	json_array_foreach((json_t *)p->names, i, v)
		json_array_append(names, v);
	if (!name && !p->names)
		for (b = bdev_first(); b; b = bdev_next(b))
			json_array_append_new(names, json_string(b->name));
	json_array_foreach(names, i, v) {
		name = json_string_value(v);
		if (!name || !bdev_find(name)) {
			rpc_fail(call, name ? -ENODEV : RPC_INTERNAL,
				 name ? "No such device: %s" :
				 "names: an array of strings is expected%s",
				 name ? name : "");
			return false;
		}
	}
	return true;
}

static void iostat(struct rpc_call *call, const struct stats_params *p,
		   enum bdev_stats_reset fallback, bool silent)
{
	struct iostat *st = rpc_call_data(call, sizeof(*st));
	int mode = mode_of(call, p, fallback);
	json_t *names;

	if (mode < 0)
		return;
	names = json_array();
	if (!st) {
		json_decref(names);
		rpc_fail(call, -ENOMEM, "no memory");
		return;
	}
	if (!take_names(call, p, names)) {
		json_decref(names);
		return;
	}
	if (p->per_channel && json_array_size(names) != 1) {
		json_decref(names);
		rpc_fail(call, -EINVAL,
			 "per_channel=true: the name of one bdev is needed with it");
		return;
	}
	st->call = call;
	st->names = names;
	st->rows = json_array();
	st->reset = mode;
	st->per_channel = p->per_channel;
	st->silent = silent;
	iostat_next(st);
}

static void get_iostat(struct rpc_call *call, const void *params)
{
	iostat(call, params, BDEV_RESET_NONE, false);
}

static void reset_iostat(struct rpc_call *call, const void *params)
{
	iostat(call, params, BDEV_RESET_ALL, true);
}

/* Histograms */

static const struct rpc_param enable_params[] = {
	PARAM_NAME(true, "bdev name"),
	{ .name = "enable", .type = RPC_BOOL, .required = true,
	  .offset = P(enable), .help = "count, or stop counting" },
	{ .name = "opc", .type = RPC_STR, .offset = P(opc),
	  .help = "only read, write, flush, unmap or write_zeroes" },
	{ .name = "granularity", .type = RPC_U32, .offset = P(granularity),
	  .min = 1, .max = 12,
	  .help = "2 to this many buckets for each doubling; default 7" },
	{ .name = "min_nsec", .type = RPC_U64, .offset = P(min_nsec),
	  .help = "shortest latency told apart; default 1000" },
	{ .name = "max_nsec", .type = RPC_U64, .offset = P(max_nsec),
	  .help = "longest latency told apart; default 120000000000" },
	{ .type = RPC_END }
};

static bool enable_init(struct rpc_call *call, void *params, const json_t *raw)
{
	struct stats_params *p = params;

	(void)call;
	(void)raw;
	p->granularity = 7;
	p->min_nsec = 1000;
	p->max_nsec = 120000000000ull;
	return true;
}

static const char *const types[BDEV_IO_TYPES] = {
	[BDEV_READ] = "read", [BDEV_WRITE] = "write", [BDEV_FLUSH] = "flush",
	[BDEV_UNMAP] = "unmap", [BDEV_WRITE_ZEROES] = "write_zeroes",
};

static void enabled(void *ctx)
{
	rpc_reply(ctx, json_true());
}

/* What to count: an enum bdev_io_type, or -1: all. false: that is refused. */
static bool counted_type(struct rpc_call *call, const char *opc, int *type)
{
	int i;

	*type = -1;
	if (!opc)
		return true;
	for (i = 0; i < BDEV_IO_TYPES; i++)
		if (!strcmp(types[i], opc))
			*type = i;
	if (*type >= 0)
		return true;
	rpc_fail(call, -EINVAL,
		 "opc=%.40s: read, write, flush, unmap and write_zeroes are accepted",
		 opc);
	return false;
}

/*
 * In a configuration a histogram that counts already goes on, or is in the way:
 * what it has counted would not come back. true: that was the answer.
 */
static bool keep_histogram(struct rpc_call *call, const struct stats_params *p,
			   const struct bdev *b, int type)
{
	if (!b->histogram || !rpc_in_config(call))
		return false;
	if (p->enable && bdev_histogram_is(b, type, p->granularity,
					   p->min_nsec / 1000,
					   p->max_nsec / 1000))
		rpc_reply_unchanged(call, json_true());
	else
		rpc_fail(call, -EBUSY,
			 "latencies of bdev %s are being counted: not in a configuration, as what was counted would not come back",
			 b->name);
	return true;
}

static void enable_histogram(struct rpc_call *call, const void *params)
{
	const struct stats_params *p = params;
	struct bdev *b = rpc_bdev_find(call, p->name, NULL);
	struct weft_reason why = { "" };
	int type, rc;

	if (!b || !counted_type(call, p->opc, &type) ||
	    keep_histogram(call, p, b, type))
		return;
	rpc_undo(call, rpc_config_call("bdev_enable_histogram", json_pack(
		"{s:s, s:b}", "name", b->name, "enable", 0)));
	if (p->enable)
		rc = bdev_histogram_enable(b, type, p->granularity,
					   p->min_nsec / 1000,
					   p->max_nsec / 1000, enabled, call,
					   &why);
	else
		rc = bdev_histogram_disable(b, enabled, call);
	if (rc)
		rpc_done(call, rc, &why);
}

static json_t *base64(const u8 *bytes, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = malloc((len + 2) / 3 * 4 + 1), *at = text;
	size_t i, left;
	json_t *j;
	u32 v;

	if (!text)
		return json_string("");
	for (i = 0; i < len; i += 3) {
		left = len - i;
		v = (u32)bytes[i] << 16 | (left > 1 ? bytes[i + 1] << 8 : 0) |
		    (left > 2 ? bytes[i + 2] : 0);
		*at++ = digits[v >> 18];
		*at++ = digits[v >> 12 & 63];
		*at++ = left > 1 ? digits[v >> 6 & 63] : '=';
		*at++ = left > 2 ? digits[v & 63] : '=';
	}
	*at = '\0';
	j = json_string(text);
	free(text);
	return j;
}

static json_t *histogram_json(const struct bdev_histogram *h)
{
	size_t bytes = bdev_histogram_buckets(h) * sizeof(h->counts[0]);

	return json_pack("{s:o, s:i, s:i, s:i, s:i}", "histogram",
			 base64((const u8 *)h->counts, bytes),
			 "granularity", (int)h->granularity,
			 "min_range", (int)h->first_range,
			 "max_range", (int)h->last_range,
			 "tsc_rate", TICK_RATE);
}

/** struct histogram_call - @borders: NULL: the histogram itself */
struct histogram_call {
	struct rpc_call *call;
	const json_t *borders;
};

/* Operations below each border, all of them. */
static json_t *borders_json(const struct bdev_histogram *h,
			    const json_t *borders)
{
	size_t i, k, n = bdev_histogram_buckets(h);
	json_t *counts = json_array(), *v;
	u64 sum;

	json_array_foreach((json_t *)borders, i, v) {
		sum = 0;
		for (k = 0; k < n && bdev_histogram_floor(h, k) <
		     (u64)json_integer_value(v); k++)
			sum += h->counts[k];
		json_array_append_new(counts, json_integer((json_int_t)sum));
	}
	return json_pack("{s:o}", "borders_count", counts);
}

static void histogram_got(void *ctx, const struct bdev_histogram *h)
{
	struct histogram_call *c = ctx;

	if (!h)
		rpc_fail(c->call, -EFAULT,
			 "no histogram is enabled: see bdev_enable_histogram");
	else if (c->borders)
		rpc_reply(c->call, borders_json(h, c->borders));
	else
		rpc_reply(c->call, histogram_json(h));
}

static bool borders_ok(const json_t *borders)
{
	json_t *v;
	size_t i;

	json_array_foreach((json_t *)borders, i, v)
		if (!json_is_integer(v) || json_integer_value(v) < 0)
			return false;
	return json_array_size(borders) && json_array_size(borders) <= 256;
}

static void get_histogram(struct rpc_call *call, const void *params)
{
	const struct stats_params *p = params;
	struct bdev *b = rpc_bdev_find(call, p->name, NULL);
	struct histogram_call *c;

	if (!b)
		return;
	if (p->borders && !borders_ok(p->borders)) {
		rpc_fail(call, RPC_INTERNAL,
			 "borders: 1 to 256 numbers in microseconds are accepted");
		return;
	}
	c = rpc_call_data(call, sizeof(*c));
	if (!c) {
		rpc_fail(call, -ENOMEM, "no memory");
		return;
	}
	c->call = call;
	c->borders = p->borders;
	if (bdev_histogram_collect(b, histogram_got, c))
		rpc_fail(call, -ENOMEM, "no memory");
}

static const struct rpc_param histogram_params[] = {
	PARAM_NAME(true, "bdev name"), { .type = RPC_END }
};

static const struct rpc_param borders_params[] = {
	PARAM_NAME(true, "bdev name"),
	{ .name = "borders", .type = RPC_ARRAY, .required = true,
	  .offset = P(borders), .help = "latencies in microseconds" },
	{ .type = RPC_END }
};

/* Queue depth */

static const struct rpc_param sampling_params[] = {
	PARAM_NAME(true, "bdev name"),
	{ .name = "period", .type = RPC_U64, .required = true,
	  .offset = P(period), .max = 60000000,
	  .help = "microseconds between two looks; 0: none" },
	{ .type = RPC_END }
};

static void set_sampling(struct rpc_call *call, const void *params)
{
	const struct stats_params *p = params;
	struct bdev *b = rpc_bdev_find(call, p->name, NULL);
	struct weft_reason why = { "" };
	struct bdev_queue q = { 0 };

	if (!b)
		return;
	if (p->period && p->period < 100) {
		rpc_fail(call, -EINVAL,
			 "period=%llu: 0 or 100 to 60000000 us are accepted",
			 (unsigned long long)p->period);
		return;
	}
	bdev_get_queue(b, &q);
	rpc_undo(call, rpc_config_call("bdev_set_qd_sampling_period", json_pack(
		"{s:s, s:I}", "name", b->name, "period",
		(json_int_t)q.period_us)));
	rpc_done(call, bdev_set_sampling(b, p->period, &why), &why);
}

/* Limits */

void rpc_limits_init(struct rpc_limits *l)
{
	int r;

	for (r = 0; r < LIMIT_RATES; r++)
		l->rates[r] = LIMIT_KEEP;
}

bool rpc_limits_given(struct rpc_call *call, const struct rpc_limits *l,
		      u64 per_sec[LIMIT_RATES])
{
	bool any = false;
	int r;

	for (r = 0; r < LIMIT_RATES; r++) {
		per_sec[r] = l->rates[r];
		if (per_sec[r] == LIMIT_KEEP)
			continue;
		if (r != LIMIT_RW_IOS)
			per_sec[r] <<= 20;
		any = true;
	}
	if (!any)
		rpc_fail(call, -EINVAL,
			 "one of rw_ios_per_sec, rw_mbytes_per_sec, r_mbytes_per_sec and w_mbytes_per_sec is needed");
	return any;
}

json_t *rpc_limits_json(const u64 per_sec[LIMIT_RATES])
{
	return json_pack("{s:I, s:I, s:I, s:I}", "rw_ios_per_sec",
			 (json_int_t)per_sec[LIMIT_RW_IOS],
			 "rw_mbytes_per_sec",
			 (json_int_t)(per_sec[LIMIT_RW_BYTES] >> 20),
			 "r_mbytes_per_sec",
			 (json_int_t)(per_sec[LIMIT_R_BYTES] >> 20),
			 "w_mbytes_per_sec",
			 (json_int_t)(per_sec[LIMIT_W_BYTES] >> 20));
}

static const struct rpc_param limit_params[] = {
	PARAM_NAME(true, "bdev name"),
	RPC_PARAMS_LIMITS(P(limits)),
	{ .type = RPC_END }
};

static bool limit_init(struct rpc_call *call, void *params, const json_t *raw)
{
	struct stats_params *p = params;

	(void)call;
	(void)raw;
	rpc_limits_init(&p->limits);
	return true;
}

static json_t *limit_call(const struct bdev *b, const u64 limits[LIMIT_RATES])
{
	json_t *params = rpc_limits_json(limits);

	json_object_set_new(params, "name", json_string(b->name));
	return rpc_config_call("bdev_set_qos_limit", params);
}

static void set_limit(struct rpc_call *call, const void *params)
{
	const struct stats_params *p = params;
	struct bdev *b = rpc_bdev_find(call, p->name, NULL);
	struct weft_reason why = { "" };
	u64 limits[LIMIT_RATES];

	if (!b)
		return;
	bdev_get_limits(b, limits);
	rpc_undo(call, limit_call(b, limits));
	if (rpc_limits_given(call, &p->limits, limits))
		rpc_done(call, bdev_set_limits(b, limits, &why), &why);
}

#define METHOD(method, table, init, fn, text) \
	{ method, RPC_RUNTIME, table, sizeof(struct stats_params), init, fn, \
	  NULL, text }
#define ALONE(method, table, fn, text) \
	{ method, RPC_RUNTIME | RPC_ALONE, table, \
	  sizeof(struct stats_params), NULL, fn, NULL, text }

static const struct rpc_method bdev_stats_methods[] = {
	METHOD("bdev_get_iostat", iostat_params, NULL, get_iostat,
	       "Operations, bytes and latencies of block devices"),
	ALONE("bdev_reset_iostat", reset_params, reset_iostat,
	      "Begin anew with what bdev_get_iostat shows"),
	METHOD("bdev_enable_histogram", enable_params, enable_init,
	       enable_histogram, "Count latencies of a bdev in buckets"),
	METHOD("bdev_get_histogram", histogram_params, NULL, get_histogram,
	       "Latencies of a bdev: 64-bit counts, in base64"),
	METHOD("bdev_get_histogram_borders", borders_params, NULL,
	       get_histogram,
	       "How many operations took less than each of these"),
	METHOD("bdev_set_qd_sampling_period", sampling_params, NULL,
	       set_sampling,
	       "Look at a bdev's queue depth at times; bdev_get_iostat shows it"),
	METHOD("bdev_set_qos_limit", limit_params, limit_init, set_limit,
	       "Limit what a bdev does in a second"),
};
RPC_METHODS(bdev_stats_methods)
