// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * RPC methods of block devices that change something: create, delete, resize.
 *
 * Creating what is there already with equal parameters succeeds; a difference
 * is refused by name.
 */
#include <errno.h>

#include "target/rpc/bdev_params.h"

#define MIB (1u << 20)

/** struct create_params - of all bdev_*_create methods */
struct create_params {
	const char *name;
	const char *filename;
	u64 num_blocks;
	u32 block_size;
	struct bdev_hints hints;
	u32 optimal_write_size;
	struct rpc_id uuid;
	bool readonly;
};

#define P(member) offsetof(struct create_params, member)

#define PARAM_NAME(req) \
	{ .name = "name", .type = RPC_STR, .required = (req), \
	  .offset = P(name), .min = 1, .max = 63, .help = "name of the new bdev" }
#define PARAM_UUID \
	{ .name = "uuid", .type = RPC_UUID, .offset = P(uuid), \
	  .help = "its UUID; default: a random one" }
#define PARAMS_MEMORY \
	{ .name = "num_blocks", .type = RPC_U64, .required = true, \
	  .offset = P(num_blocks), .min = 1, .help = "size in blocks" }, \
	{ .name = "block_size", .type = RPC_U32, .required = true, \
	  .offset = P(block_size), .min = 512, .max = 65536, \
	  .help = "bytes per block: 512 or 4096" }, \
	{ .name = "physical_block_size", .type = RPC_U32, \
	  .offset = P(hints.physical_block_size), .max = 65536, \
	  .help = "power of two from block_size on; default 0: as block_size" }, \
	{ .name = "md_size", .type = RPC_ONLY_ZERO }, \
	{ .name = "md_interleave", .type = RPC_ONLY_FALSE }, \
	{ .name = "dif_type", .type = RPC_ONLY_ZERO }, \
	{ .name = "dif_pi_format", .type = RPC_ONLY_ZERO }, \
	{ .name = "dif_is_head_of_md", .type = RPC_ONLY_FALSE }, \
	{ .name = "numa_id", .type = RPC_HINT }

static const struct rpc_param malloc_params[] = {
	PARAM_NAME(false), PARAM_UUID, PARAMS_MEMORY,
	{ .name = "optimal_io_boundary", .type = RPC_ONLY_ZERO },
	{ .type = RPC_END }
};

static const struct rpc_param null_params[] = {
	PARAM_NAME(true), PARAM_UUID, PARAMS_MEMORY,
	{ .name = "preferred_write_granularity", .type = RPC_U32,
	  .offset = P(hints.write_granularity), .max = 65536, .help = "in blocks; 0: none" },
	{ .name = "preferred_write_alignment", .type = RPC_U32,
	  .offset = P(hints.write_alignment), .max = 65536, .help = "in blocks; 0: none" },
	{ .name = "optimal_write_size", .type = RPC_U32,
	  .offset = P(optimal_write_size), .max = 65536, .help = "in blocks; 0: none" },
	{ .name = "preferred_unmap_granularity", .type = RPC_U32,
	  .offset = P(hints.unmap_granularity), .max = 65536, .help = "in blocks; 0: none" },
	{ .name = "preferred_unmap_alignment", .type = RPC_U32,
	  .offset = P(hints.unmap_alignment), .max = 65536, .help = "in blocks; 0: none" },
	{ .type = RPC_END }
};

static const struct rpc_param file_params[] = {
	PARAM_NAME(true), PARAM_UUID,
	{ .name = "filename", .type = RPC_STR, .required = true,
	  .offset = P(filename), .min = 1, .max = 4095, .help = "regular file or block device" },
	{ .name = "block_size", .type = RPC_U32, .offset = P(block_size),
	  .max = 65536,
	  .help = "bytes per block; default: the device's own, 512 for files" },
	{ .name = "readonly", .type = RPC_BOOL, .offset = P(readonly),
	  .help = "refuse writes" },
	{ .name = "fallocate", .type = RPC_HINT },
	{ .name = "nowait", .type = RPC_HINT },
	{ .type = RPC_END }
};

/* As a bdev keeps them: physical blocks as its own are nothing to tell. */
static struct bdev_hints asked_hints(const struct bdev *b,
				     const struct create_params *p)
{
	struct bdev_hints h = p->hints;

	if (h.physical_block_size == b->block_size)
		h.physical_block_size = 0;
	return h;
}

static const char *hint_difference(const struct bdev *b,
				   const struct create_params *p)
{
	struct bdev_hints h = asked_hints(b, p);

	if (b->hints.physical_block_size != h.physical_block_size)
		return "physical_block_size";
	if (b->hints.write_granularity != h.write_granularity)
		return "preferred_write_granularity";
	if (b->hints.write_alignment != h.write_alignment)
		return "preferred_write_alignment";
	if (b->hints.unmap_granularity != h.unmap_granularity)
		return "preferred_unmap_granularity";
	if (b->hints.unmap_alignment != h.unmap_alignment)
		return "preferred_unmap_alignment";
	if (b->optimal_blocks != p->optimal_write_size)
		return "optimal_write_size";
	return NULL;
}

/* What an existing bdev has otherwise than asked for; NULL: nothing. */
static const char *difference(const struct bdev *b, const char *product,
			      const struct create_params *p)
{
	if (strcmp(b->product, product))
		return b->product;
	if (p->num_blocks && b->blocks != p->num_blocks)
		return "num_blocks";
	if (p->block_size && b->block_size != p->block_size)
		return "block_size";
	if (p->uuid.given && memcmp(b->uuid, p->uuid.bytes, sizeof(b->uuid)))
		return "uuid";
	if (p->filename)
		return bdev_file_difference(b, p->filename, p->readonly);
	return hint_difference(b, p);
}

void rpc_bdev_exists(struct rpc_call *call, const struct bdev *b,
		     const char *diff, json_t *result)
{
	if (!bdev_leaving(b) && !diff) {
		rpc_reply_unchanged(call, result);
		return;
	}
	json_decref(result);
	if (bdev_leaving(b))
		rpc_fail(call, -EBUSY, "bdev %s is being removed", b->name);
	else
		rpc_fail(call, -EEXIST, "bdev %s exists and differs: %s",
			 b->name, diff);
}

/* Answers a create of what is there already; false: there is nothing. */
static bool answer_existing(struct rpc_call *call, const char *product,
			    const struct create_params *p)
{
	struct bdev *b = p->name ? bdev_find(p->name) : NULL;

	if (b)
		rpc_bdev_exists(call, b, difference(b, product, p),
				json_string(b->name));
	return b;
}

static void answer_created(struct rpc_call *call, int rc,
			   const struct bdev *b,
			   const struct weft_reason *why)
{
	if (rc)
		rpc_fail(call, rc, "%s", why->text);
	else
		rpc_reply(call, json_string(b->name));
}

static bool memory_params_ok(struct rpc_call *call,
			     const struct create_params *p)
{
	u32 size = p->hints.physical_block_size;

	if (!size || (size >= p->block_size && !(size & (size - 1))))
		return true;
	rpc_fail(call, RPC_INVALID_PARAMS,
		 "physical_block_size=%u: 0 or a power of two from %u to 65536 is accepted",
		 size, p->block_size);
	return false;
}

/* Nobody has opened the new bdev yet. */
static void set_hints(struct bdev *b, const struct create_params *p)
{
	b->hints = asked_hints(b, p);
	b->optimal_blocks = p->optimal_write_size;
}

static void malloc_create(struct rpc_call *call, const void *params)
{
	const struct create_params *p = params;
	struct weft_reason why = { "" };
	struct bdev *b = NULL;
	int rc;

	if (!memory_params_ok(call, p) ||
	    answer_existing(call, "Malloc disk", p))
		return;
	rc = bdev_malloc_create(p->name, p->uuid.given ? p->uuid.bytes : NULL,
				p->num_blocks, p->block_size, &b, &why);
	if (!rc)
		set_hints(b, p);
	answer_created(call, rc, b, &why);
}

static void null_create(struct rpc_call *call, const void *params)
{
	const struct create_params *p = params;
	struct weft_reason why = { "" };
	struct bdev *b = NULL;
	int rc;

	if (!memory_params_ok(call, p) || answer_existing(call, "Null disk", p))
		return;
	rc = bdev_null_create(p->name, p->uuid.given ? p->uuid.bytes : NULL,
			      p->num_blocks, p->block_size, &b, &why);
	if (!rc)
		set_hints(b, p);
	answer_created(call, rc, b, &why);
}

static void file_create(struct rpc_call *call, const struct create_params *p,
			const char *method, const char *product)
{
	struct bdev_file_opts opts = {
		.name = p->name, .filename = p->filename,
		.uuid = p->uuid.given ? p->uuid.bytes : NULL,
		.block_size = p->block_size, .direct = true,
		.readonly = p->readonly, .method = method,
	};
	struct weft_reason why = { "" };
	struct bdev *b = NULL;
	int rc;

	if (answer_existing(call, product, p))
		return;
	rc = bdev_file_create(&opts, &b, &why);
	answer_created(call, rc, b, &why);
}

static void aio_create(struct rpc_call *call, const void *params)
{
	file_create(call, params, "bdev_aio_create", "AIO disk");
}

static void uring_create(struct rpc_call *call, const void *params)
{
	file_create(call, params, "bdev_uring_create", "URING bdev");
}

/** struct name_params - of methods that take a bdev's name */
struct name_params {
	const char *name;
};

static const struct rpc_param name_params[] = {
	{ .name = "name", .type = RPC_STR, .required = true,
	  .offset = offsetof(struct name_params, name), .help = "bdev name" },
	{ .type = RPC_END }
};

/** struct resize_params - of bdev_null_resize: one of the two sizes */
struct resize_params {
	const char *name;
	u64 mib;
	u64 blocks;
};

static const struct rpc_param resize_params[] = {
	{ .name = "name", .type = RPC_STR, .required = true,
	  .offset = offsetof(struct resize_params, name), .help = "bdev name" },
	{ .name = "new_size", .type = RPC_U64,
	  .offset = offsetof(struct resize_params, mib), .min = 1,
	  .max = 1ull << 40, .help = "size in MiB" },
	{ .name = "new_size_blocks", .type = RPC_U64,
	  .offset = offsetof(struct resize_params, blocks), .min = 1,
	  .max = 1ull << 51,
	  .help = "instead, for sizes that are not whole MiB: in blocks" },
	{ .type = RPC_END }
};

static json_t *undo_create(const char *method, const json_t *result)
{
	return rpc_config_call(method, json_pack("{s:s}", "name",
						 json_string_value(result)));
}

#define CREATE_UNDO(kind) \
	static json_t *kind##_undo(const void *params, const json_t *result) \
	{ \
		(void)params; \
		return undo_create("bdev_" #kind "_delete", result); \
	}
CREATE_UNDO(malloc)
CREATE_UNDO(null)
CREATE_UNDO(aio)
CREATE_UNDO(uring)

struct bdev *rpc_bdev_find(struct rpc_call *call, const char *name,
			   const char *product)
{
	struct bdev *b = bdev_find(name);

	if (!b)
		rpc_fail(call, -ENODEV, "No such device: %s", name);
	else if (product && strcmp(b->product, product))
		rpc_fail(call, -ENODEV, "%s is a %s, not a %s", name,
			 b->product, product);
	else
		return b;
	return NULL;
}

static void deleted(void *ctx)
{
	rpc_reply(ctx, json_true());
}

void rpc_bdev_delete(struct rpc_call *call, const char *name,
		     const char *product)
{
	struct bdev *b = rpc_bdev_find(call, name, product);

	if (b && b->removing)
		rpc_fail(call, -EBUSY, "%s is being removed already", name);
	else if (b)
		bdev_unregister(b, deleted, call);
}

static void malloc_delete(struct rpc_call *call, const void *params)
{
	const struct name_params *p = params;

	rpc_bdev_delete(call, p->name, "Malloc disk");
}

static void null_delete(struct rpc_call *call, const void *params)
{
	const struct name_params *p = params;

	rpc_bdev_delete(call, p->name, "Null disk");
}

static void aio_delete(struct rpc_call *call, const void *params)
{
	const struct name_params *p = params;

	rpc_bdev_delete(call, p->name, "AIO disk");
}

static void uring_delete(struct rpc_call *call, const void *params)
{
	const struct name_params *p = params;

	rpc_bdev_delete(call, p->name, "URING bdev");
}

static void null_resize(struct rpc_call *call, const void *params)
{
	const struct resize_params *p = params;
	struct bdev *b = rpc_bdev_find(call, p->name, "Null disk");
	u64 blocks;

	if (!b)
		return;
	blocks = p->mib ? p->mib * MIB / b->block_size : p->blocks;
	if (!p->mib == !p->blocks) {
		rpc_fail(call, RPC_INVALID_PARAMS, p->mib ?
			 "new_size_blocks: not together with new_size" :
			 "new_size is missing: size in MiB");
	} else if (rpc_in_config(call) && blocks < b->blocks) {
		rpc_fail(call, -EINVAL,
			 "%s has %llu blocks, not %llu: not in a configuration, as what stands behind the new end would not come back",
			 b->name, (unsigned long long)b->blocks,
			 (unsigned long long)blocks);
	} else {
		rpc_undo(call, rpc_config_call("bdev_null_resize", json_pack(
			"{s:s, s:I}", "name", b->name, "new_size_blocks",
			(json_int_t)b->blocks)));
		bdev_notify_resize(b, blocks);
		rpc_reply(call, json_true());
	}
}

static void rescan(struct rpc_call *call, const struct name_params *p,
		   const char *product)
{
	struct bdev *b = rpc_bdev_find(call, p->name, product);
	struct weft_reason why = { "" };

	if (b)
		rpc_done(call, bdev_file_rescan(b, &why), &why);
}

static void aio_rescan(struct rpc_call *call, const void *params)
{
	rescan(call, params, "AIO disk");
}

static void uring_rescan(struct rpc_call *call, const void *params)
{
	rescan(call, params, "URING bdev");
}

#define CREATE(kind, table, text) \
	{ "bdev_" #kind "_create", RPC_RUNTIME, table, \
	  sizeof(struct create_params), NULL, kind##_create, kind##_undo, text }
#define ON_NAME(method, fn, text) \
	{ method, RPC_RUNTIME | RPC_ALONE, name_params, \
	  sizeof(struct name_params), NULL, fn, NULL, text }

static const struct rpc_method bdev_methods[] = {
	CREATE(malloc, malloc_params, "Create a RAM disk"),
	CREATE(null, null_params,
	       "Create a disk that reads zeroes and drops writes"),
	CREATE(aio, file_params,
	       "Create a disk on a file or block device (io_uring)"),
	CREATE(uring, file_params,
	       "Create a disk on a file or block device (io_uring)"),
	ON_NAME("bdev_malloc_delete", malloc_delete,
		"Remove a RAM disk"),
	ON_NAME("bdev_null_delete", null_delete,
		"Remove a null disk"),
	ON_NAME("bdev_aio_delete", aio_delete,
		"Remove a file disk"),
	ON_NAME("bdev_uring_delete", uring_delete,
		"Remove a file disk"),
	{ "bdev_null_resize", RPC_RUNTIME, resize_params,
	  sizeof(struct resize_params), NULL, null_resize, NULL,
	  "Change a null disk's size; in a configuration it can only grow" },
	ON_NAME("bdev_aio_rescan", aio_rescan,
		"Take over a changed file size"),
	ON_NAME("bdev_uring_rescan", uring_rescan,
		"Take over a changed file size"),
};
RPC_METHODS(bdev_methods)
