// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * RPC methods of bdevs that stand on another one: passthru, split, delay and
 * error injection. The base must be there; repeating a create with equal
 * parameters succeeds, a difference is refused by name.
 */
#include <errno.h>

#include "target/bdev/bdev.h"
#include "target/rpc/bdev_params.h"
#include "target/rpc/rpc.h"

#define MIB (1u << 20)

/** struct stack_params - of all methods here */
struct stack_params {
	const char *base;
	const char *name;
	struct rpc_id uuid;
	u64 latency_us[BDEV_LATENCIES];
	const char *latency_type;
	u32 split_count;
	u64 split_size_mb;
	u64 split_size_blocks;
	bool may_shrink;
	const char *io_type;
	const char *error_type;
	u32 num;
	u32 queue_depth;
	u64 corrupt_offset;
	u16 corrupt_value;
	u16 nvme_sct;
	u16 nvme_sc;
};

#define S(member) offsetof(struct stack_params, member)

#define PARAM_BASE(param) \
	{ .name = (param), .type = RPC_STR, .required = true, \
	  .offset = S(base), .min = 1, .max = 63, \
	  .help = "the bdev that it stands on" }
#define PARAM_NAME(text) \
	{ .name = "name", .type = RPC_STR, .required = true, \
	  .offset = S(name), .min = 1, .max = 63, .help = text }
#define PARAM_UUID \
	{ .name = "uuid", .type = RPC_UUID, .offset = S(uuid), \
	  .help = "its UUID; default: a random one" }
#define PARAM_LATENCY(param, which) \
	{ .name = (param), .type = RPC_U64, .required = true, \
	  .offset = S(latency_us[which]), .help = "in microseconds" }

static const struct rpc_param passthru_params[] = {
	PARAM_BASE("base_bdev_name"), PARAM_NAME("name of the new bdev"),
	PARAM_UUID, { .type = RPC_END }
};

static const struct rpc_param delay_params[] = {
	PARAM_BASE("base_bdev_name"), PARAM_NAME("name of the new bdev"),
	PARAM_UUID,
	PARAM_LATENCY("avg_read_latency", BDEV_AVG_READ),
	PARAM_LATENCY("p99_read_latency", BDEV_P99_READ),
	PARAM_LATENCY("avg_write_latency", BDEV_AVG_WRITE),
	PARAM_LATENCY("p99_write_latency", BDEV_P99_WRITE),
	{ .type = RPC_END }
};

static const struct rpc_param update_params[] = {
	{ .name = "delay_bdev_name", .type = RPC_STR, .required = true,
	  .offset = S(name), .help = "delay bdev" },
	{ .name = "latency_type", .type = RPC_STR, .required = true,
	  .offset = S(latency_type),
	  .help = "avg_read, p99_read, avg_write or p99_write" },
	{ .name = "latency_us", .type = RPC_U64, .required = true,
	  .offset = S(latency_us[0]), .help = "in microseconds" },
	{ .type = RPC_END }
};

static const struct rpc_param split_params[] = {
	PARAM_BASE("base_bdev"),
	{ .name = "split_count", .type = RPC_U32, .required = true,
	  .offset = S(split_count), .min = 1, .max = 1024,
	  .help = "number of parts" },
	{ .name = "split_size_mb", .type = RPC_U64, .offset = S(split_size_mb),
	  .max = 1ull << 40,
	  .help = "size of each in MiB; default: as large as fits" },
	{ .name = "split_size_blocks", .type = RPC_U64,
	  .offset = S(split_size_blocks),
	  .help = "instead, for sizes that are not whole MiB: in blocks of the base" },
	{ .name = "may_shrink", .type = RPC_BOOL, .offset = S(may_shrink),
	  .help = "parts that the base has no room for are shorter, or missing, as when it shrinks later; saved configurations say so; default false: refuse them" },
	{ .type = RPC_END }
};

static const struct rpc_param split_delete_params[] = {
	PARAM_BASE("base_bdev"), { .type = RPC_END }
};

static const struct rpc_param error_params[] = {
	PARAM_BASE("base_name"), PARAM_UUID, { .type = RPC_END }
};

static const struct rpc_param inject_params[] = {
	PARAM_NAME("error injection bdev"),
	{ .name = "io_type", .type = RPC_STR, .required = true,
	  .offset = S(io_type),
	  .help = "read, write, unmap, flush, all or clear" },
	{ .name = "error_type", .type = RPC_STR, .required = true,
	  .offset = S(error_type),
	  .help = "failure, nvme_failure, pending, corrupt_data or nomem" },
	{ .name = "num", .type = RPC_U32, .offset = S(num),
	  .help = "of how many operations; default 1" },
	{ .name = "queue_depth", .type = RPC_U32, .offset = S(queue_depth),
	  .help = "only while that many others are under way on the reactor" },
	{ .name = "corrupt_offset", .type = RPC_U64,
	  .offset = S(corrupt_offset),
	  .help = "which byte of the data is changed" },
	{ .name = "corrupt_value", .type = RPC_U16, .offset = S(corrupt_value),
	  .max = 255, .help = "what it is xored with" },
	{ .name = "nvme_sct", .type = RPC_U16, .offset = S(nvme_sct), .max = 7,
	  .help = "status code type of a failure that the host sees" },
	{ .name = "nvme_sc", .type = RPC_U16, .offset = S(nvme_sc), .max = 255,
	  .help = "its status code; default: as of a broken medium" },
	{ .type = RPC_END }
};

static const struct rpc_param name_params[] = {
	PARAM_NAME("bdev name"), { .type = RPC_END }
};

/* Creation */

static const char *difference(const struct bdev *b, const char *product,
			      const struct stack_params *p)
{
	const struct bdev *base = bdev_base(b);
	int i;

	if (strcmp(b->product, product))
		return b->product;
	if (!base || base != bdev_find(p->base))
		return "its base bdev";
	if (p->uuid.given && memcmp(b->uuid, p->uuid.bytes, sizeof(b->uuid)))
		return "uuid";
	for (i = 0; !strcmp(product, "delay") && i < BDEV_LATENCIES; i++)
		if (bdev_delay_get(b, i) != p->latency_us[i])
			return bdev_latency_names[i];
	return NULL;
}

/* Answers a create of what is there already; false: there is nothing. */
static bool answer_existing(struct rpc_call *call, const char *name,
			    const char *product, const struct stack_params *p)
{
	struct bdev *b = bdev_find(name);

	if (b)
		rpc_bdev_exists(call, b, difference(b, product, p),
				json_string(b->name));
	return b;
}

static const u8 *uuid_of(const struct stack_params *p)
{
	return p->uuid.given ? p->uuid.bytes : NULL;
}

static void answer_created(struct rpc_call *call, int rc, const struct bdev *b,
			   const struct weft_reason *why)
{
	if (rc)
		rpc_fail(call, rc, "%s", why->text);
	else
		rpc_reply(call, json_string(b->name));
}

static void passthru_create(struct rpc_call *call, const void *params)
{
	const struct stack_params *p = params;
	struct weft_reason why = { "" };
	struct bdev *b = NULL;
	int rc;

	if (answer_existing(call, p->name, "passthru", p))
		return;
	rc = bdev_passthru_create(p->base, p->name, uuid_of(p), &b, &why);
	answer_created(call, rc, b, &why);
}

static void delay_create(struct rpc_call *call, const void *params)
{
	const struct stack_params *p = params;
	struct weft_reason why = { "" };
	struct bdev *b = NULL;
	int rc;

	if (answer_existing(call, p->name, "delay", p))
		return;
	rc = bdev_delay_create(p->base, p->name, uuid_of(p), p->latency_us, &b,
			       &why);
	answer_created(call, rc, b, &why);
}

static void error_create(struct rpc_call *call, const void *params)
{
	const struct stack_params *p = params;
	struct weft_reason why = { "" };
	struct bdev *b = NULL;
	char name[80];
	int rc;

	snprintf(name, sizeof(name), "EE_%s", p->base);
	b = bdev_find(name);
	if (b) {
		rpc_bdev_exists(call, b,
				difference(b, "Error Injection Disk", p),
				json_true());
		return;
	}
	rc = bdev_error_create(p->base, uuid_of(p), &b, &why);
	rpc_done(call, rc, &why);
}

/* Parts of a split: present ones are compared by what was asked for. */

static json_t *split_names(const char *base)
{
	json_t *names = json_array();
	struct bdev *b;
	u32 i;

	for (i = 0; (b = bdev_split_find(base, i)); i++)
		json_array_append_new(names, json_string(b->name));
	return names;
}

static void split_exists(struct rpc_call *call, const struct bdev *base,
			 const struct bdev *part, const struct stack_params *p,
			 u64 blocks)
{
	json_t *names = split_names(base->name);
	u64 size;
	u32 count;

	bdev_split_get(part, &count, &size);
	if (bdev_leaving(part))
		rpc_fail(call, -EBUSY, "the parts of %s are being removed",
			 base->name);
	else if (p->split_count != count || blocks != size)
		rpc_fail(call, -EEXIST,
			 "%s is split already, into %u parts of %llu blocks",
			 base->name, count, (unsigned long long)size);
	else if (!p->may_shrink && base->blocks / count < size)
		rpc_fail(call, -EEXIST,
			 "%s is split already, and has shrunk since: not all of its %u parts of %llu blocks are there",
			 base->name, count, (unsigned long long)size);
	else
		rpc_reply_unchanged(call, json_incref(names));
	json_decref(names);
}

static void split_create(struct rpc_call *call, const void *params)
{
	const struct stack_params *p = params;
	struct bdev *base = bdev_find(p->base), *part;
	struct weft_reason why = { "" };
	u64 blocks;
	int rc;

	if (!base) {
		rpc_fail(call, -ENODEV, "No such device: %s", p->base);
		return;
	}
	if (p->split_size_mb && p->split_size_blocks) {
		rpc_fail(call, RPC_INVALID_PARAMS,
			 "split_size_blocks: not together with split_size_mb");
		return;
	}
	blocks = p->split_size_mb ? p->split_size_mb * MIB / base->block_size :
				    p->split_size_blocks;
	part = bdev_split_find(base->name, 0);
	if (part) {
		split_exists(call, base, part, p,
			     blocks ? blocks : base->blocks / p->split_count);
		return;
	}
	rc = bdev_split_create(p->base, p->split_count, blocks, p->may_shrink,
			       &why);
	if (rc)
		rpc_fail(call, rc, "%s", why.text);
	else
		rpc_reply(call, split_names(base->name));
}

/* Removal */

/** struct split_delete - parts that still have to go */
struct split_delete {
	struct rpc_call *call;
	unsigned int left;
};

static void part_deleted(void *ctx)
{
	struct split_delete *d = ctx;

	if (!--d->left)
		rpc_reply(d->call, json_true());
}

static void split_delete(struct rpc_call *call, const void *params)
{
	const struct stack_params *p = params;
	struct split_delete *d = rpc_call_data(call, sizeof(*d));
	struct bdev *base = bdev_find(p->base), *b;
	u32 i;

	if (!d || !base || !bdev_split_find(base->name, 0)) {
		rpc_fail(call, d ? -ENODEV : -ENOMEM, "%s has no parts",
			 p->base);
		return;
	}
	d->call = call;
	for (i = 0; (b = bdev_split_find(base->name, i)); i++) {
		d->left++;
		bdev_unregister(b, part_deleted, d);
	}
}

static void passthru_delete(struct rpc_call *call, const void *params)
{
	rpc_bdev_delete(call, ((const struct stack_params *)params)->name,
			"passthru");
}

static void delay_delete(struct rpc_call *call, const void *params)
{
	rpc_bdev_delete(call, ((const struct stack_params *)params)->name,
			"delay");
}

static void error_delete(struct rpc_call *call, const void *params)
{
	rpc_bdev_delete(call, ((const struct stack_params *)params)->name,
			"Error Injection Disk");
}

/* Settings */

static int choose(const char *const *names, int n, const char *name)
{
	int i;

	for (i = 0; i < n; i++)
		if (names[i] && !strcmp(names[i], name))
			return i;
	return -1;
}

static void update_latency(struct rpc_call *call, const void *params)
{
	const struct stack_params *p = params;
	struct bdev *b = rpc_bdev_find(call, p->name, "delay");
	struct weft_reason why = { "" };
	int which;

	if (!b)
		return;
	which = choose(bdev_latency_names, BDEV_LATENCIES, p->latency_type);
	if (which < 0) {
		rpc_fail(call, -EINVAL,
			 "latency_type=%.40s: avg_read, p99_read, avg_write and p99_write are accepted",
			 p->latency_type);
		return;
	}
	rpc_undo(call, rpc_config_call("bdev_delay_update_latency", json_pack(
		"{s:s, s:s, s:I}", "delay_bdev_name", b->name,
		"latency_type", p->latency_type, "latency_us",
		(json_int_t)bdev_delay_get(b, which))));
	rpc_done(call, bdev_delay_set(b, which, p->latency_us[0], &why), &why);
}

static const char *const io_types[BDEV_IO_TYPES] = {
	[BDEV_READ] = "read", [BDEV_WRITE] = "write", [BDEV_UNMAP] = "unmap",
	[BDEV_FLUSH] = "flush",
};

/** struct error_type - @may_tell: @must_tell: an NVMe status */
static const struct error_type {
	const char *name;
	enum bdev_fault fault;
	bool may_tell;
	bool must_tell;
} error_types[] = {
	{ "failure", BDEV_FAULT_FAILURE, true, false },
	{ "nvme_failure", BDEV_FAULT_FAILURE, true, true },
	{ "pending", BDEV_FAULT_PENDING, false, false },
	{ "corrupt_data", BDEV_FAULT_CORRUPT, false, false },
	{ "nomem", BDEV_FAULT_NOMEM, false, false },
};

/* "all": every type that the fault can hit */
static int inject_all(struct bdev *b, const struct bdev_injection *in,
		      struct weft_reason *why)
{
	int i, rc = 0;

	for (i = 0; !rc && i < BDEV_IO_TYPES; i++)
		if (in->fault != BDEV_FAULT_CORRUPT || i == BDEV_READ ||
		    i == BDEV_WRITE)
			rc = bdev_error_inject(b, i, in, why);
	return rc;
}

static bool inject_init(struct rpc_call *call, void *params, const json_t *raw)
{
	struct stack_params *p = params;

	(void)call;
	(void)raw;
	p->num = 1;
	return true;
}

static const struct error_type *find_error_type(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(error_types); i++)
		if (!strcmp(error_types[i].name, name))
			return &error_types[i];
	return NULL;
}

static int inject_check(const struct stack_params *p,
			const struct error_type *et, struct weft_reason *why)
{
	bool tells = p->nvme_sct || p->nvme_sc;

	if (!et)
		return weft_fail(why, -EINVAL,
				 "error_type=%.40s: failure, nvme_failure, pending, corrupt_data and nomem are accepted",
				 p->error_type);
	if (et->must_tell && !tells)
		return weft_fail(why, -EINVAL,
				 "nvme_sct=0, nvme_sc=0: that is success; another one is needed with error_type=%s",
				 et->name);
	if (tells && !et->may_tell)
		return weft_fail(why, -EINVAL,
				 "nvme_sct=%u, nvme_sc=%u: only 0 is accepted with error_type=%s",
				 p->nvme_sct, p->nvme_sc, et->name);
	if (et->fault == BDEV_FAULT_CORRUPT && !p->corrupt_value)
		return weft_fail(why, -EINVAL,
				 "corrupt_value=0: 1 to 255 is needed to change anything");
	return 0;
}

/* What is asked for, or an answer that it cannot be. */
static bool inject_take(struct rpc_call *call, const struct stack_params *p,
			struct bdev_injection *in)
{
	const struct error_type *et = find_error_type(p->error_type);
	struct weft_reason why = { "" };
	int rc = inject_check(p, et, &why);

	if (rc) {
		rpc_fail(call, rc, "%s", why.text);
		return false;
	}
	in->fault = strcmp(p->io_type, "clear") ? et->fault : BDEV_FAULT_NONE;
	in->num = p->num;
	in->queue_depth = p->queue_depth;
	in->corrupt_offset = p->corrupt_offset;
	in->corrupt_value = p->corrupt_value;
	in->status = p->nvme_sct << 8 | p->nvme_sc;
	return true;
}

static void inject(struct rpc_call *call, const void *params)
{
	const struct stack_params *p = params;
	struct bdev *b = rpc_bdev_find(call, p->name, "Error Injection Disk");
	struct weft_reason why = { "" };
	struct bdev_injection in;
	int type;

	if (!b || !inject_take(call, p, &in))
		return;
	type = choose(io_types, BDEV_IO_TYPES, p->io_type);
	if (in.fault == BDEV_FAULT_NONE || !strcmp(p->io_type, "all"))
		rpc_done(call, inject_all(b, &in, &why), &why);
	else if (type < 0)
		rpc_fail(call, -EINVAL,
			 "io_type=%.40s: read, write, unmap, flush, all and clear are accepted",
			 p->io_type);
	else
		rpc_done(call, bdev_error_inject(b, type, &in, &why), &why);
}

static void resume(struct rpc_call *call, const void *params)
{
	const struct stack_params *p = params;
	struct bdev *b = rpc_bdev_find(call, p->name, "Error Injection Disk");
	struct weft_reason why = { "" };

	if (b)
		rpc_done(call, bdev_error_resume(b, &why), &why);
}

/* Taking back, for configurations */

static json_t *passthru_undo(const void *params, const json_t *result)
{
	(void)params;
	return rpc_config_call("bdev_passthru_delete",
			       json_pack("{s:O}", "name", result));
}

static json_t *delay_undo(const void *params, const json_t *result)
{
	(void)params;
	return rpc_config_call("bdev_delay_delete",
			       json_pack("{s:O}", "name", result));
}

static json_t *split_undo(const void *params, const json_t *result)
{
	const struct stack_params *p = params;

	(void)result;
	return rpc_config_call("bdev_split_delete",
			       json_pack("{s:s}", "base_bdev", p->base));
}

static json_t *error_undo(const void *params, const json_t *result)
{
	const struct stack_params *p = params;

	(void)result;
	return rpc_config_call("bdev_error_delete",
			       json_pack("{s:o}", "name",
					 json_sprintf("EE_%s", p->base)));
}

#define METHOD(method, states, table, init, fn, undo, text) \
	{ method, states, table, sizeof(struct stack_params), init, fn, undo, \
	  text }
#define MAKES(method, table, fn, undo, text) \
	METHOD(method, RPC_RUNTIME, table, NULL, fn, undo, text)
#define ALONE(method, table, init, fn, text) \
	METHOD(method, RPC_RUNTIME | RPC_ALONE, table, init, fn, NULL, text)

static const struct rpc_method stack_methods[] = {
	MAKES("bdev_passthru_create", passthru_params, passthru_create,
	      passthru_undo, "Make another bdev of one, without a change"),
	ALONE("bdev_passthru_delete", name_params, NULL, passthru_delete,
	      "Remove a passthru bdev"),
	MAKES("bdev_split_create", split_params, split_create, split_undo,
	      "Make equal parts of a bdev, named with \"p\" and a number"),
	ALONE("bdev_split_delete", split_delete_params, NULL, split_delete,
	      "Remove all parts of a bdev"),
	MAKES("bdev_delay_create", delay_params, delay_create, delay_undo,
	      "Make a slow bdev of one"),
	ALONE("bdev_delay_delete", name_params, NULL, delay_delete,
	      "Remove a delay bdev"),
	MAKES("bdev_delay_update_latency", update_params, update_latency, NULL,
	      "Change a latency of a delay bdev"),
	MAKES("bdev_error_create", error_params, error_create, error_undo,
	      "Make a bdev that can be told to fail, named with \"EE_\""),
	ALONE("bdev_error_delete", name_params, NULL, error_delete,
	      "Remove an error injection bdev"),
	ALONE("bdev_error_inject_error", inject_params, inject_init, inject,
	      "Let operations of an error injection bdev go wrong"),
	ALONE("bdev_error_resume_pending", name_params, NULL, resume,
	      "Let operations go on that an injected error holds"),
};
RPC_METHODS(stack_methods)
