// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * RPC methods of notifications: what has happened to block devices, numbered,
 * for clients that come and ask from time to time. The latest are kept.
 */
#include <errno.h>

#include "target/bdev/bdev.h"
#include "target/rpc/rpc.h"

#define KEPT	1024u

static const char *const types[] = {
	[BDEV_ADDED] = "bdev_register", [BDEV_REMOVED] = "bdev_unregister",
	[BDEV_RESIZED] = "bdev_resize",
};

/* Number n is in slot n % KEPT, if it is not older than that. */
static struct {
	u64 next;
	struct {
		enum bdev_change type;
		char ctx[64];
	} slots[KEPT];
} kept;

static void note(const struct bdev *b, enum bdev_change what)
{
	kept.slots[kept.next % KEPT].type = what;
	snprintf(kept.slots[kept.next % KEPT].ctx, sizeof(kept.slots[0].ctx),
		 "%s", b->name);
	kept.next++;
}

__attribute__((constructor)) static void watch(void)
{
	bdev_on_change(note);
}

/** struct notify_params - @id: the first wanted; @max: how many at most */
struct notify_params {
	u64 id;
	u64 max;
};

static const struct rpc_param notify_params[] = {
	{ .name = "id", .type = RPC_U64,
	  .offset = offsetof(struct notify_params, id),
	  .help = "the first wanted; default 0" },
	{ .name = "max", .type = RPC_U64, .min = 1,
	  .offset = offsetof(struct notify_params, max),
	  .help = "at most this many; default: all that are kept" },
	{ .type = RPC_END }
};

static void get_types(struct rpc_call *call, const void *params)
{
	json_t *list = json_array();
	size_t i;

	(void)params;
	for (i = 0; i < ARRAY_SIZE(types); i++)
		json_array_append_new(list, json_string(types[i]));
	rpc_reply(call, list);
}

static void get_notifications(struct rpc_call *call, const void *params)
{
	const struct notify_params *p = params;
	u64 first = kept.next > KEPT ? kept.next - KEPT : 0;
	u64 id = p->id > first ? p->id : first, left = p->max ? p->max : KEPT;
	json_t *list = json_array();

	for (; id < kept.next && left; id++, left--)
		json_array_append_new(list, json_pack("{s:s, s:s, s:I}", "type",
						      types[kept.slots[id % KEPT].type],
						      "ctx", kept.slots[id % KEPT].ctx,
						      "id", (json_int_t)id));
	rpc_reply(call, list);
}

static const struct rpc_method notify_methods[] = {
	{ "notify_get_types", RPC_ALWAYS, NULL, 0, NULL, get_types, NULL,
	  "List what notifications there are" },
	{ "notify_get_notifications", RPC_ALWAYS, notify_params,
	  sizeof(struct notify_params), NULL, get_notifications, NULL,
	  "What has happened, from a number on" },
};
RPC_METHODS(notify_methods)
