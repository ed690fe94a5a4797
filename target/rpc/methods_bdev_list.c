// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * RPC methods that tell of block devices: listings, statistics, and the part
 * of a saved configuration that makes them again.
 */
#include <errno.h>

#include "target/rpc/bdev_params.h"

#define POLL_US 10000

static json_t *text_json(void (*fn)(const struct bdev *b, struct weft_text *t),
			 const struct bdev *b)
{
	/* for a file name of 4095 bytes that are six each; not on the stack */
	static char buf[32 << 10];
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
	u64 limits[LIMIT_RATES];
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
	bdev_get_limits(b, limits);
	json_object_set_new(j, "assigned_rate_limits", rpc_limits_json(limits));
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

/** struct get_params - of bdev_get_bdevs and bdev_examine */
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

static void add_limits(json_t *calls, const struct bdev *b)
{
	u64 limits[LIMIT_RATES], any = 0;
	json_t *params;
	int r;

	bdev_get_limits(b, limits);
	for (r = 0; r < LIMIT_RATES; r++)
		any |= limits[r];
	if (!any)
		return;
	params = rpc_limits_json(limits);
	json_object_set_new(params, "name", json_string(b->name));
	json_array_append_new(calls, rpc_config_call("bdev_set_qos_limit",
						     params));
}

void rpc_bdev_config(json_t *calls)
{
	struct bdev *b;
	json_t *call;

	for (b = bdev_first(); b; b = bdev_next(b)) {
		call = bdev_leaving(b) ? NULL :
		       text_json(b->fns->config_json, b);
		/* not each has a call of its own: the first part makes all */
		if (json_object_size(call))
			json_array_append(calls, call);
		json_decref(call);
	}
	for (b = bdev_first(); b; b = bdev_next(b))
		if (!bdev_leaving(b))
			add_limits(calls, b);
	json_array_append_new(calls, json_pack("{s:s}", "method",
					       "bdev_wait_for_examine"));
}

static void wait_for_examine(struct rpc_call *call, const void *params)
{
	(void)params;
	rpc_reply(call, json_true());
}

static const struct rpc_param examine_params[] = {
	{ .name = "name", .type = RPC_STR, .required = true,
	  .offset = offsetof(struct get_params, name), .help = "bdev name" },
	{ .type = RPC_END }
};

static void examine(struct rpc_call *call, const void *params)
{
	const struct get_params *p = params;

	if (rpc_bdev_find(call, p->name, NULL))
		rpc_reply(call, json_true());
}

static const struct rpc_method bdev_list_methods[] = {
	{ "bdev_get_bdevs", RPC_RUNTIME, get_params, sizeof(struct get_params),
	  NULL, get_bdevs, NULL, "List block devices" },
	{ "bdev_examine", RPC_RUNTIME, examine_params,
	  sizeof(struct get_params), NULL, examine, NULL,
	  "Nothing is examined here: checks that the bdev is there" },
	{ "bdev_wait_for_examine", RPC_ALWAYS, NULL, 0, NULL, wait_for_examine,
	  NULL, "Nothing is examined here: done at once" },
};
RPC_METHODS(bdev_list_methods)
