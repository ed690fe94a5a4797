// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * RPC methods that tell of block devices: listings, statistics, and the part
 * of a saved configuration that makes them again.
 */
#include <errno.h>

#include "target/bdev/bdev.h"
#include "target/rpc/rpc.h"

#define POLL_US 10000

static json_t *text_json(void (*fn)(const struct bdev *b, struct weft_text *t),
			 const struct bdev *b)
{
	char buf[2048];
	struct weft_text t;
	json_t *j;

	weft_text_init(&t, buf, sizeof(buf));
	if (fn)
		fn(b, &t);
	j = t.len ? json_loads(buf, 0, NULL) : NULL;
	return j ? j : json_object();
}

/* SPDK's names of I/O types, in its order; -1: a type that is not there. */
static const struct {
	const char *name;
	int type;
} io_types[] = {
	{ "read", BDEV_READ }, { "write", BDEV_WRITE }, { "unmap", BDEV_UNMAP },
	{ "flush", BDEV_FLUSH }, { "reset", -1 }, { "nvme_admin", -1 },
	{ "nvme_io", -1 }, { "nvme_io_md", -1 },
	{ "write_zeroes", BDEV_WRITE_ZEROES }, { "zcopy", -1 },
	{ "get_zone_info", -1 }, { "zone_management", -1 },
	{ "zone_append", -1 }, { "compare", -1 }, { "compare_and_write", -1 },
	{ "abort", -1 }, { "seek_hole", -1 }, { "seek_data", -1 },
	{ "copy", -1 }, { "nvme_iov_md", -1 }, { "nvme_nssr", -1 },
	{ "write_uncorrectable", -1 },
};

static json_t *supported_types(const struct bdev *b)
{
	json_t *o = json_object();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(io_types); i++)
		json_object_set_new(o, io_types[i].name,
				    json_boolean(io_types[i].type >= 0 &&
						 bdev_supports(b, io_types[i].type)));
	return o;
}

static json_t *bdev_json(const struct bdev *b)
{
	char uuid[WEFT_UUID_LEN + 1];
	json_t *j;

	weft_uuid_format(b->uuid, uuid);
	j = json_pack("{s:s, s:[s], s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:i}",
		      "name", b->name, "aliases", uuid,
		      "product_name", b->product,
		      "block_size", (json_int_t)b->block_size,
		      "num_blocks", (json_int_t)b->blocks,
		      "preferred_write_alignment",
		      (json_int_t)b->hints.write_alignment,
		      "preferred_write_granularity",
		      (json_int_t)b->hints.write_granularity,
		      "optimal_write_size", (json_int_t)b->optimal_blocks,
		      "preferred_unmap_alignment",
		      (json_int_t)b->hints.unmap_alignment,
		      "preferred_unmap_granularity",
		      (json_int_t)b->hints.unmap_granularity,
		      "uuid", uuid, "numa_id", -1);
	if (b->hints.physical_block_size)
		json_object_set_new(j, "physical_block_size",
				    json_integer(b->hints.physical_block_size));
	json_object_set_new(j, "assigned_rate_limits",
			    json_pack("{s:i, s:i, s:i, s:i}",
				      "rw_ios_per_sec", 0,
				      "rw_mbytes_per_sec", 0,
				      "r_mbytes_per_sec", 0,
				      "w_mbytes_per_sec", 0));
	json_object_set_new(j, "claimed", json_boolean(bdev_claimed(b)));
	if (bdev_claimed(b))
		json_object_set_new(j, "claim_type",
				    json_string("exclusive_write"));
	json_object_set_new(j, "zoned", json_false());
	json_object_set_new(j, "supported_io_types", supported_types(b));
	json_object_set_new(j, "driver_specific",
			    text_json(b->fns->info_json, b));
	return j;
}

/** struct get_params - of bdev_get_bdevs and bdev_get_iostat */
struct get_params {
	const char *name;
	u64 timeout;
};

static const struct rpc_param get_params[] = {
	{ .name = "name", .type = RPC_STR,
	  .offset = offsetof(struct get_params, name),
	  .help = "only this one" },
	{ .name = "timeout", .type = RPC_U64,
	  .offset = offsetof(struct get_params, timeout), .max = 3600000,
	  .help = "ms to wait for the named bdev to appear" },
	{ .type = RPC_END }
};

/** struct get_wait - bdev_get_bdevs that waits for a bdev */
struct get_wait {
	struct rpc_call *call;
	const char *name;
	u64 until_us;
};

static void get_again(void *ctx)
{
	struct get_wait *w = ctx;
	struct bdev *b = bdev_find(w->name);

	if (b)
		rpc_reply(w->call, json_pack("[o]", bdev_json(b)));
	else if (reactor_now_us() >= w->until_us || rpc_stopping() ||
		 !timer_start("bdev_get_bdevs", get_again, w, POLL_US))
		rpc_fail(w->call, -ENODEV, "No such device: %s", w->name);
}

static void get_bdevs(struct rpc_call *call, const void *params)
{
	const struct get_params *p = params;
	struct get_wait *w;
	struct bdev *b;
	json_t *list;

	if (p->name) {
		w = rpc_call_data(call, sizeof(*w));
		if (!w) {
			rpc_fail(call, -ENOMEM, "no memory");
			return;
		}
		w->call = call;
		w->name = p->name;
		w->until_us = reactor_now_us() + p->timeout * 1000;
		get_again(w);
		return;
	}
	list = json_array();
	for (b = bdev_first(); b; b = bdev_next(b))
		json_array_append_new(list, bdev_json(b));
	rpc_reply(call, list);
}

/**
 * struct iostat - bdev_get_iostat under way: one bdev after the other
 * @names: of those still to ask; a bdev may go away meanwhile
 */
struct iostat {
	struct rpc_call *call;
	json_t *names;
	size_t at;
	json_t *rows;
};

static void row_set(json_t *row, const char *before, const char *kind,
		    const char *after, u64 value)
{
	char name[48];

	snprintf(name, sizeof(name), "%s%s%s", before, kind, after);
	json_object_set_new(row, name, json_integer((json_int_t)value));
}

static json_t *iostat_row(const char *name, const struct bdev_stats *s)
{
	static const struct {
		const char *bytes, *kind;
		int type;
	} kinds[] = {
		{ "bytes_read", "read", BDEV_READ },
		{ "bytes_written", "write", BDEV_WRITE },
		{ "bytes_unmapped", "unmap", BDEV_UNMAP },
	};
	json_t *row = json_pack("{s:s}", "name", name);
	size_t i;
	int t;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		t = kinds[i].type;
		json_object_set_new(row, kinds[i].bytes,
				    json_integer((json_int_t)s->bytes[t]));
		row_set(row, "num_", kinds[i].kind, "_ops", s->ops[t]);
		row_set(row, "", kinds[i].kind, "_latency_ticks",
			s->latency_us[t]);
		row_set(row, "max_", kinds[i].kind, "_latency_ticks",
			s->max_latency_us[t]);
		row_set(row, "min_", kinds[i].kind, "_latency_ticks",
			s->min_latency_us[t]);
	}
	json_object_set_new(row, "io_error", s->errors ?
			    json_pack("{s:I}", "failed",
				      (json_int_t)s->errors) : json_object());
	return row;
}

static void iostat_next(struct iostat *st);

static void iostat_got(void *ctx, const struct bdev_stats *s)
{
	struct iostat *st = ctx;
	const char *name;

	name = json_string_value(json_array_get(st->names, st->at));
	json_array_append_new(st->rows, iostat_row(name, s));
	st->at++;
	iostat_next(st);
}

static void iostat_next(struct iostat *st)
{
	struct bdev *b = NULL;
	json_t *rows;

	for (; st->at < json_array_size(st->names); st->at++) {
		b = bdev_find(json_string_value(json_array_get(st->names,
							       st->at)));
		if (b)
			break;
	}
	if (b) {
		bdev_stats_collect(b, iostat_got, st);
		return;
	}
	rows = st->rows;
	json_decref(st->names);
	/* latencies are in microseconds: that is the tick */
	rpc_reply(st->call, json_pack("{s:i, s:I, s:o}", "tick_rate", 1000000,
				      "ticks", (json_int_t)reactor_now_us(),
				      "bdevs", rows));
}

static void get_iostat(struct rpc_call *call, const void *params)
{
	const struct get_params *p = params;
	struct iostat *st = rpc_call_data(call, sizeof(*st));
	struct bdev *b;

	if (!st) {
		rpc_fail(call, -ENOMEM, "no memory");
		return;
	}
	if (p->name && !bdev_find(p->name)) {
		rpc_fail(call, -ENODEV, "No such device: %s", p->name);
		return;
	}
	st->call = call;
	st->names = json_array();
	st->rows = json_array();
	for (b = bdev_first(); b; b = bdev_next(b))
		if (!p->name || !strcmp(p->name, b->name))
			json_array_append_new(st->names, json_string(b->name));
	iostat_next(st);
}

static const struct rpc_param iostat_params[] = {
	{ .name = "name", .type = RPC_STR,
	  .offset = offsetof(struct get_params, name),
	  .help = "only this one" },
	{ .name = "per_channel", .type = RPC_ONLY_FALSE },
	{ .type = RPC_END }
};

void rpc_bdev_config(json_t *calls)
{
	struct bdev *b;
	json_t *call;

	for (b = bdev_first(); b; b = bdev_next(b)) {
		call = b->removing ? NULL : text_json(b->fns->config_json, b);
		/* not each has a call of its own: the first part makes all */
		if (json_object_size(call))
			json_array_append(calls, call);
		json_decref(call);
	}
	json_array_append_new(calls, json_pack("{s:s}", "method",
					       "bdev_wait_for_examine"));
}

static void wait_for_examine(struct rpc_call *call, const void *params)
{
	(void)params;
	rpc_reply(call, json_true());
}

static const struct rpc_method bdev_list_methods[] = {
	{ "bdev_get_bdevs", RPC_RUNTIME, get_params, sizeof(struct get_params),
	  NULL, get_bdevs, NULL, "List block devices" },
	{ "bdev_get_iostat", RPC_RUNTIME, iostat_params,
	  sizeof(struct get_params), NULL, get_iostat, NULL,
	  "Operations, bytes and latencies of block devices" },
	{ "bdev_wait_for_examine", RPC_ALWAYS, NULL, 0, NULL, wait_for_examine,
	  NULL, "Nothing is examined here: done at once" },
};
RPC_METHODS(bdev_list_methods)
