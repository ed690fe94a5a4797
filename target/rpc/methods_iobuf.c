// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
/*
 * iobuf_get_stats: data buffers in SPDK's terms. Here transports have their own
 * pools, of one size of buffers: that is the small one; a retry is a request
 * that had to wait for a buffer.
 */
#include <errno.h>

#include "target/nvmf/nvmf.h"
#include "target/rpc/rpc.h"

#define MAX_TYPES 8

/** struct iobuf_call - sums over all poll groups, by transport */
struct iobuf_call {
	struct rpc_call *call;
	unsigned int n;
	struct {
		const char *trtype;
		u64 retry;
	} rows[MAX_TYPES];
};

static void add(struct iobuf_call *c, const char *trtype, u64 retry)
{
	unsigned int i;

	for (i = 0; i < c->n && strcmp(c->rows[i].trtype, trtype); i++)
		;
	if (i == MAX_TYPES)
		return;
	if (i == c->n) {
		c->rows[i].trtype = trtype;
		c->n++;
	}
	c->rows[i].retry += retry;
}

static void group(void *ctx, const struct nvmf_group_stats *s)
{
	json_t *block;
	unsigned int i;

	for (i = 0; i < s->ntransports; i++) {
		block = json_loads(s->transports[i].json, 0, NULL);
		add(ctx, s->transports[i].trtype,
		    (u64)json_integer_value(json_object_get(block,
						"pending_data_buffer")));
		json_decref(block);
	}
}

static json_t *pool(u64 retry)
{
	return json_pack("{s:i, s:i, s:I, s:i}", "cache", 0, "main", 0,
			 "retry", (json_int_t)retry, "cache_size", 0);
}

static void done(void *ctx)
{
	struct iobuf_call *c = ctx;
	json_t *list = json_array();
	unsigned int i;

	for (i = 0; i < c->n; i++)
		json_array_append_new(list, json_pack("{s:o, s:o, s:o}",
			"module", json_sprintf("nvmf_%s", c->rows[i].trtype),
			"small_pool", pool(c->rows[i].retry),
			"large_pool", pool(0)));
	rpc_reply(c->call, list);
}

static void get_stats(struct rpc_call *call, const void *params)
{
	struct iobuf_call *c = rpc_call_data(call, sizeof(*c));

	(void)params;
	if (!c) {
		rpc_fail(call, -ENOMEM, "no memory");
		return;
	}
	c->call = call;
	nvmf_stats_collect(group, done, c);
}

static const struct rpc_method iobuf_methods[] = {
	{ "iobuf_get_stats", RPC_RUNTIME, NULL, 0, NULL, get_stats, NULL,
	  "Waits for data buffers, by transport" },
};
RPC_METHODS(iobuf_methods)
